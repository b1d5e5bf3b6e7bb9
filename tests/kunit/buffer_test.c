// SPDX-License-Identifier: GPL-2.0
/*
 * IOBufferMemoryDescriptor, of memory that is prepared for life: where it lies, how it is seen,
 * and whose it is. Pageable memory has a suite of its own.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#ifdef CONFIG_X86
#include <asm/pgtable.h>
#endif

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define KERNEL	IOMD_KERNEL_TASK
#define LARGEST	(P << IOMD_MAX_ORDER)
/* Where pages are large, that is more than a machine need have left in one piece. */
#define LARGE	min_t(u64, LARGEST, SZ_32M)

static struct iomd *buffer(struct kunit *test, u64 options, u64 capacity, u64 alignment)
{
	return made(test, iomd_buffer_with_options(options, capacity, alignment));
}

/* Is it where the kernel sees it? How many segments it has. */
static unsigned int expect_seen(struct kunit *test, struct iomd *md)
{
	u64 length = iomd_get_length(md);
	struct image image;
	unsigned int segments = 0;

	image_init(&image, test, PFN_UP(length));
	image_add_kernel(&image, iomd_buffer_get_bytes_no_copy(md), length);
	image_check(&image, md);
	image_check_walk(&image, md, 0, length, &segments);
	return segments;
}

/* The kernel's free pages are to hold what must not be seen. */
static void poison_free_pages(struct kunit *test)
{
	LIST_HEAD(pages);
	struct page *page, *next;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		unsigned int order = i % (IOMD_MAX_ORDER + 1);

		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, order);
		if (!page)
			continue;
		memset(page_address(page), 0xa5, PAGE_SIZE << order);
		set_page_private(page, order);
		list_add(&page->lru, &pages);
	}
	list_for_each_entry_safe(page, next, &pages, lru) {
		unsigned int order = page_private(page);

		set_page_private(page, 0);
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

/*
 * What is made
 */

static const u64 capacities[] = {
	1, 100, P - 1, P, P + 1, 3 * P, 5 * P - 7, 100 * P + 7, SZ_1M, 5 * SZ_1M + 1,
};

static void capacity_desc(const u64 *capacity, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu bytes", *capacity);
}

KUNIT_ARRAY_PARAM(capacity, capacities, capacity_desc);

static void is_ready_at_once(struct kunit *test)
{
	u64 capacity = *(const u64 *)test->param_value, resident, dirty, offset, id;
	struct iomd *md = made(test, iomd_buffer_with_capacity(capacity, BOTH, false));

	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_buffer_meta_class);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), capacity);
	KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), capacity);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), BOTH);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md),
			BOTH | IOMD_MEMORY_TYPE_VIRTUAL | IOMD_MEMORY_AUTO_PREPARE);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, &dirty), 0);
	KUNIT_EXPECT_EQ(test, resident, PFN_UP(capacity));
	KUNIT_EXPECT_EQ(test, dirty, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &offset), round_up(capacity, P));
	KUNIT_EXPECT_EQ(test, offset, 0ULL);
	expect_seen(test, md);

	id = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GT(test, id, IOMD_PREPARATION_ID_ALWAYS_PREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), id);
	iomd_release(md);
}

static void is_zero_and_the_kernels(struct kunit *test)
{
	u64 capacity = *(const u64 *)test->param_value;
	unsigned int contiguous;

	for (contiguous = 0; contiguous < 2; contiguous++) {
		u8 *bytes, byte = 0;
		struct iomd *md;

		if (contiguous && capacity > LARGEST)
			break;
		poison_free_pages(test);
		md = made(test, iomd_buffer_with_capacity(capacity, BOTH, contiguous));
		bytes = iomd_buffer_get_bytes_no_copy(md);
		KUNIT_ASSERT_NOT_NULL(test, bytes);
		/* The rest of the last page is shown to whom it is mapped for, too. */
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, round_up(capacity, P)), NULL);
		fill_pattern(bytes, 0, capacity);
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, capacity - 1, &byte, 1), 1ULL);
		KUNIT_EXPECT_EQ(test, byte, pattern(capacity - 1));
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "!", 1), 1ULL);
		KUNIT_EXPECT_EQ(test, bytes[0], (u8)'!');
		iomd_release(md);
	}
}

static void options_are_told(struct kunit *test)
{
	static const u64 options[] = {
		IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS,
		IOMD_MEMORY_KERNEL_USER_SHARED, IOMD_MEMORY_THREAD_SAFE,
		IOMD_MEMORY_MAPPER_NONE, IOMD_MEMORY_CLEAR_ENCRYPT, IOMD_MEMORY_USE_RESERVE,
		IOMD_MAP_COPYBACK_CACHE,
	};
	struct iomd *md;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		md = buffer(test, IOMD_DIRECTION_IN | options[i], 2 * P, 0);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_IN | options[i] |
				IOMD_MEMORY_TYPE_VIRTUAL | IOMD_MEMORY_AUTO_PREPARE);
		expect_seen(test, md);
		iomd_release(md);
	}
	/* Only what is pageable can be purged. */
	md = buffer(test, IOMD_MEMORY_PURGEABLE, P, 1);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md),
			IOMD_MEMORY_TYPE_VIRTUAL | IOMD_MEMORY_AUTO_PREPARE);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, NULL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, NULL),
			-EINVAL);
	iomd_release(md);
}

static void tags_are_set(struct kunit *test)
{
	struct iomd *md = made(test, iomd_buffer_in_task_with_options_and_tags(KERNEL, BOTH, P,
									       1, 77, 88));

	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, KERNEL), 77U);
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, NULL), 88U);
	iomd_release(md);
	md = made(test, iomd_buffer_in_task_with_options(KERNEL, BOTH, P, 1));
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, KERNEL), 0U);
	iomd_release(md);
}

static void holds_given_bytes(struct kunit *test)
{
	u64 capacity = *(const u64 *)test->param_value;
	u8 *bytes = kvmalloc(capacity, GFP_KERNEL);
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	fill_pattern(bytes, 3, capacity);
	md = made(test, iomd_buffer_with_bytes(bytes, capacity, IOMD_DIRECTION_OUT, false));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), capacity);
	KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), capacity);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, find_mismatch(iomd_buffer_get_bytes_no_copy(md), 3, capacity),
			capacity);
	iomd_release(md);
	kvfree(bytes);
	if (capacity <= LARGEST) {
		md = made(test, iomd_buffer_with_bytes("iomd", 4, BOTH, true));
		KUNIT_EXPECT_MEMEQ(test, iomd_buffer_get_bytes_no_copy(md), "iomd", 4);
		iomd_release(md);
	}
}

static void refuses_what_cannot_be(struct kunit *test)
{
	u64 too_much = (u64)totalram_pages() * P + 1;

	expect_refusal(test, iomd_buffer_with_capacity(0, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_buffer_with_capacity(0, BOTH, true), -EINVAL);
	expect_refusal(test, iomd_buffer_with_bytes("x", 0, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_buffer_with_bytes(NULL, 1, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_buffer_with_capacity(U64_MAX, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_buffer_with_capacity(U64_MAX - P + 2, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_buffer_with_capacity(U64_MAX - P + 1, BOTH, false), -ENOMEM);
	expect_refusal(test, iomd_buffer_with_capacity(too_much, BOTH, false), -ENOMEM);
	expect_refusal(test, iomd_buffer_with_capacity(BIT_ULL(63), BOTH, true), -ENOMEM);
	expect_refusal(test, iomd_buffer_with_capacity(P, BOTH | IOMD_MEMORY_PAGEABLE, false),
		       -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(BOTH, P, 3), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(BOTH, P, P + 1), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(BOTH, P, BIT_ULL(32) + P), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(BOTH, 2, BIT_ULL(63)), -E2BIG);
	expect_refusal(test, iomd_buffer_with_options(BOTH, BIT_ULL(63) + 1, BIT_ULL(63)), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(IOMD_MEMORY_AUTO_PREPARE, P, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(IOMD_MEMORY_REMOTE, P, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(BIT_ULL(63), P, 1), -EINVAL);
	/* Only the kernel has memory that is not pageable. */
	expect_refusal(test, iomd_buffer_in_task_with_options(NULL, BOTH, P, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_options(current, BOTH, P, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_physical_mask(current, BOTH, P, 0), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_guard_pages(current, BOTH, P), -EINVAL);
}

static void is_not_given_other_memory(struct kunit *test)
{
	struct iomd_address_range range = { 0x1000, 0x1000 };
	struct iomd *md = buffer(test, BOTH, P, 1);

	KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, NULL,
						     IOMD_MEMORY_TYPE_PHYSICAL, NULL),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P);
	expect_seen(test, md);
	iomd_release(md);
}

/* Where a buffer is asked for, and something else is given. */
static void is_told_from_others(struct kunit *test)
{
	struct iomd *md = made(test, iomd_with_physical_address(0x1000, 0x1000, BOTH));

	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), 0ULL);
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy(md));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 0, 1));
	KUNIT_EXPECT_FALSE(test, iomd_buffer_append_bytes(md, "x", 1));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0x1000ULL);
	iomd_release(md);
}

/*
 * Where it lies
 */

static void lies_in_one_piece(struct kunit *test)
{
	u64 capacity;

	for (capacity = 1; capacity <= LARGE; capacity = capacity * 3 + 1) {
		struct iomd *md = made(test, iomd_buffer_with_capacity(capacity, BOTH, true));

		KUNIT_EXPECT_EQ(test, expect_seen(test, md), 1U);
		iomd_release(md);
	}
	for (capacity = P; capacity <= LARGE; capacity *= 2) {
		struct iomd *md = made(test, iomd_buffer_with_capacity(capacity, BOTH, true));

		KUNIT_EXPECT_EQ(test, expect_seen(test, md), 1U);
		KUNIT_EXPECT_EQ(test, rest_of(iomd_get_physical_address(md), capacity), 0ULL);
		iomd_release(md);
	}
	expect_refusal(test, iomd_buffer_with_capacity(LARGEST + 1, BOTH, true), -E2BIG);
	expect_refusal(test, iomd_buffer_with_options(IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS,
						      2 * LARGEST, 1), -E2BIG);
}

static void is_aligned(struct kunit *test)
{
	static const u64 sizes[] = { 1, P, 3 * P + 1, SZ_64K };
	u64 alignment;
	unsigned int i;

	for (alignment = 1; alignment <= SZ_1M; alignment *= 2)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct iomd *md = buffer(test, BOTH, sizes[i], alignment);

			KUNIT_EXPECT_EQ(test, rest_of(iomd_get_physical_address(md), alignment),
					0ULL);
			KUNIT_EXPECT_EQ(test, iomd_get_length(md), sizes[i]);
			if (expect_seen(test, md) > 1)
				KUNIT_EXPECT_LE(test, alignment, P);
			iomd_release(md);
		}
	expect_refusal(test, iomd_buffer_with_options(BOTH, P, 2 * LARGEST), -E2BIG);
}

/* Every page within @allowed. */
static void expect_within(struct kunit *test, struct iomd *md, u64 allowed)
{
	struct iomd_segment_iter iter;
	u64 address;

	expect_seen(test, md);
	iomd_for_each_segment(iter, md, 0, U64_MAX)
		for (address = round_down(iter.address, P); address < iter.address + iter.length;
		     address += P)
			KUNIT_ASSERT_EQ(test, address & ~(allowed | (P - 1)), 0ULL);
}

/* @mask, if need be with the bits that the machine's lowest memory needs above its own. */
static u64 at_least_low(u64 mask)
{
	return mask ? mask | (DMA_BIT_MASK(low_memory_bits()) & ~DMA_BIT_MASK(fls64(mask))) : 0;
}

static void is_within_reach(struct kunit *test)
{
	static const struct {
		u64 mask, allowed, alignment;
	} masks[] = {
		{ 0, U64_MAX, P },
		{ U64_MAX, U64_MAX, P },
		{ BIT_ULL(36) - 1, BIT_ULL(36) - 1, P },
		{ U32_MAX, U32_MAX, P },
		{ 0x7fffffff, 0x7fffffff, P },
		{ 0xfffffff, 0xfffffff, P },
		{ 0xffffff, 0xffffff, P },
		/* Low zeroes are an alignment, not more. */
		{ 0xffff0000, U32_MAX, SZ_64K },
		{ 0xffff800, 0xfffffff, P },
		/* A hole. */
		{ ~BIT_ULL(20), ~BIT_ULL(20), P },
		{ 0xfffffff & ~BIT_ULL(14), 0xfffffff & ~BIT_ULL(14), P },
		{ ~P, ~P, P },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(masks); i++)
		for (j = 0; j < ARRAY_SIZE(capacities); j++) {
			u64 capacity = capacities[j], mask = at_least_low(masks[i].mask);
			struct iomd *md;

			if (masks[i].alignment > P && capacity > LARGEST)
				continue;
			md = made(test, iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH,
									       capacity, mask));
			expect_within(test, md, at_least_low(masks[i].allowed));
			KUNIT_EXPECT_EQ(test, rest_of(iomd_get_physical_address(md),
						      masks[i].alignment), 0ULL);
			iomd_release(md);
			os_object_barrier();
		}
}

static void is_within_reach_in_one_piece(struct kunit *test)
{
	static const u64 masks[] = { U32_MAX, 0xfffffff, 0xffffff };
	unsigned int i;
	u64 capacity;

	for (i = 0; i < ARRAY_SIZE(masks); i++)
		for (capacity = P; capacity <= SZ_512K; capacity *= 2) {
			struct iomd *md;

			md = iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH |
					IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, capacity,
					at_least_low(masks[i]));
			expect_within(test, made(test, md), at_least_low(masks[i]));
			KUNIT_EXPECT_EQ(test, expect_seen(test, md), 1U);
			iomd_release(md);
		}
}

/* Much of what there is below 256 MiB or so, then what is not there at all. */
static void reaches_far_if_it_must(struct kunit *test)
{
	u64 mask = at_least_low(0xfffffff);
	struct iomd *many[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = made(test, iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH,
									    4 * SZ_1M, mask));
		expect_within(test, many[i], mask);
	}
	for (i = 0; i < ARRAY_SIZE(many); i++)
		iomd_release(many[i]);
	expect_refusal(test, iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH, 2 * P, P - 1),
		       -ENOMEM);
	expect_refusal(test, iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH, SZ_16M,
								    0xffffff), -ENOMEM);
	expect_refusal(test, iomd_buffer_in_task_with_physical_mask(KERNEL, BOTH, P,
								    BIT_ULL(40)), -E2BIG);
}

/*
 * How it is seen
 */

#ifdef CONFIG_X86
static u64 cache_bits(const void *address)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)address, &level);

	if (!entry)
		return ~0ULL;
	/* A huge page has them elsewhere, and in the linear map they are 0 there. */
	return level == PG_LEVEL_4K ? pte_flags(*entry) & _PAGE_CACHE_MASK :
	       pte_flags(*entry) & (_PAGE_PWT | _PAGE_PCD | _PAGE_PAT_LARGE);
}

static u64 wanted_bits(u64 mode)
{
	switch (mode) {
	case IOMD_MAP_INHIBIT_CACHE:
		return pgprot_val(pgprot_noncached(PAGE_KERNEL)) & _PAGE_CACHE_MASK;
	case IOMD_MAP_WRITE_COMBINE_CACHE:
		return pgprot_val(pgprot_writecombine(PAGE_KERNEL)) & _PAGE_CACHE_MASK;
	default:
		return 0;
	}
}

/* No view of the pages may be cached another way. */
static void expect_cached(struct kunit *test, const u8 *bytes, u64 capacity, u64 mode)
{
	u64 offset;

	for (offset = 0; offset < capacity; offset += P) {
		void *linear = is_vmalloc_addr(bytes) ?
			       page_address(vmalloc_to_page(bytes + offset)) :
			       (void *)bytes + offset;

		KUNIT_EXPECT_EQ(test, cache_bits(bytes + offset), wanted_bits(mode));
		KUNIT_EXPECT_EQ(test, cache_bits(linear), wanted_bits(mode));
	}
}

static void try_cache_mode(struct kunit *test, u64 mode, u64 capacity, bool contiguous)
{
	u64 options = BOTH | mode | (contiguous ? IOMD_MEMORY_PHYSICALLY_CONTIGUOUS : 0);
	struct iomd *md = buffer(test, options, capacity, 1);
	u8 *bytes = iomd_buffer_get_bytes_no_copy(md);
	unsigned int pages = PFN_UP(capacity), i;
	void **linear = kunit_kcalloc(test, pages, sizeof(*linear), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, linear);
	expect_seen(test, md);
	expect_cached(test, bytes, capacity, mode);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, capacity), NULL);
	fill_pattern(bytes, 0, capacity);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 0, capacity), capacity);
	for (i = 0; i < pages; i++)
		linear[i] = phys_to_virt(iomd_get_physical_segment(md, i * P, NULL, 0));
	iomd_release(md);
	os_object_barrier();
	for (i = 0; i < pages; i++)
		KUNIT_EXPECT_EQ(test, cache_bits(linear[i]), 0ULL);
}

static void is_cached_as_asked(struct kunit *test)
{
	static const u64 modes[] = {
		IOMD_MAP_DEFAULT_CACHE, IOMD_MAP_COPYBACK_CACHE, IOMD_MAP_INHIBIT_CACHE,
		IOMD_MAP_WRITE_COMBINE_CACHE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		try_cache_mode(test, modes[i], 1, false);
		try_cache_mode(test, modes[i], 7 * P, true);
		try_cache_mode(test, modes[i], 33 * P + 5, false);
	}
}
#else
static void is_cached_as_asked(struct kunit *test)
{
	expect_refusal(test, iomd_buffer_with_options(IOMD_MAP_INHIBIT_CACHE, P, 1), -EOPNOTSUPP);
}
#endif

static void refuses_other_cache_modes(struct kunit *test)
{
	static const u64 modes[] = {
		IOMD_MAP_WRITE_THRU_CACHE, IOMD_MAP_COPYBACK_INNER_CACHE, IOMD_MAP_POSTED_WRITE,
		IOMD_MAP_REAL_TIME_CACHE, IOMD_MAP_POSTED_REORDERED,
		IOMD_MAP_POSTED_COMBINED_REORDERED,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		expect_refusal(test, iomd_buffer_with_options(BOTH | modes[i], P, 1), -EOPNOTSUPP);
}

static bool faults(const void *address)
{
	u8 byte;

	return copy_from_kernel_nofault(&byte, address, 1) == -EFAULT;
}

static void has_neighbours_that_fault(struct kunit *test)
{
	static const u64 sizes[][2] = {
		{ P / 8, P }, { P, P }, { P + 1, 2 * P }, { 100 * P - 1, 100 * P },
	};
	unsigned int i;

	if (!IS_ENABLED(CONFIG_X86)) {
		expect_refusal(test, iomd_buffer_in_task_with_guard_pages(KERNEL, BOTH, P),
			       -EOPNOTSUPP);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 capacity = sizes[i][1], offset;
		struct iomd *md;
		u8 *bytes;

		md = made(test, iomd_buffer_in_task_with_guard_pages(KERNEL, BOTH, sizes[i][0]));
		bytes = iomd_buffer_get_bytes_no_copy(md);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), capacity);
		KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), capacity);
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(bytes));
		expect_seen(test, md);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, capacity), NULL);
		for (offset = 0; offset < P; offset += P / 8) {
			KUNIT_EXPECT_TRUE(test, faults(bytes - 1 - offset));
			KUNIT_EXPECT_TRUE(test, faults(bytes + capacity + offset));
		}
		KUNIT_EXPECT_FALSE(test, faults(bytes));
		KUNIT_EXPECT_FALSE(test, faults(bytes + capacity - 1));
		iomd_release(md);
	}
}

static void refuses_odd_guards(struct kunit *test)
{
	static const u64 options[] = {
		IOMD_MEMORY_PAGEABLE, IOMD_MEMORY_PHYSICALLY_CONTIGUOUS,
		IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS, IOMD_MEMORY_AUTO_PREPARE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		expect_refusal(test, iomd_buffer_in_task_with_guard_pages(KERNEL, options[i], P),
			       -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_guard_pages(KERNEL, BOTH, 0), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_guard_pages(KERNEL, BOTH, U64_MAX), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_guard_pages(NULL, BOTH, P), -EINVAL);
}

static void tells_where_it_is(struct kunit *test)
{
	struct iomd *md = buffer(test, BOTH, 3 * P, 1);
	u8 *bytes = iomd_buffer_get_bytes_no_copy(md);

	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 100), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_buffer_get_bytes_no_copy(md), (void *)bytes);
	KUNIT_EXPECT_PTR_EQ(test, iomd_buffer_get_bytes_no_copy_range(md, 0, 0), (void *)bytes);
	KUNIT_EXPECT_PTR_EQ(test, iomd_buffer_get_bytes_no_copy_range(md, 0, 100), (void *)bytes);
	KUNIT_EXPECT_PTR_EQ(test, iomd_buffer_get_bytes_no_copy_range(md, 99, 1),
			    (void *)bytes + 99);
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 0, 101));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 99, 2));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 100, 0));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 50, U64_MAX));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, U64_MAX, 2));
	iomd_release(md);
}

/*
 * What can be changed
 */

static void length_can_be_set(struct kunit *test)
{
	static const u64 lengths[] = { 0x100, 0x200, 1, P, P + 1, 4 * P };
	struct iomd *md = buffer(test, BOTH, 4 * P, 4 * P);
	struct iomd_mapping *mapping;
	u64 resident, length;
	unsigned int i;

	fill_pattern(iomd_buffer_get_bytes_no_copy(md), 0, 4 * P);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		u64 unused, now = lengths[i];

		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, now), 0);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), now);
		KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), 4 * P);
		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), round_up(now, P));
		expect_seen(test, md);
		iomd_get_physical_segment(md, now, &length, 0);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, now, &unused, 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "xy", now + 1), 0ULL);
		mapping = iomd_map(md, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(mapping));
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), now);
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_virtual_address(mapping),
				(unsigned long)iomd_buffer_get_bytes_no_copy(md));
		iomd_mapping_release(mapping);
	}
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 7), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 4 * P + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, U64_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 7ULL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), 0ULL);
	/* Neither the preparation nor the contents change. */
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, NULL), 0);
	KUNIT_EXPECT_EQ(test, resident, 4ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(iomd_buffer_get_bytes_no_copy(md), 0, 4 * P),
			(size_t)(4 * P));
	iomd_release(md);
}

static void direction_can_be_set(struct kunit *test)
{
	struct iomd *md = buffer(test, IOMD_DIRECTION_OUT, P, 1);
	char byte = 0;

	/* Prepared for reading, for ever. */
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, IOMD_DIRECTION_NONE), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_NONE);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, BIT_ULL(2)), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, IOMD_MEMORY_PAGEABLE | BOTH), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_MEMORY_TYPE_VIRTUAL |
			IOMD_MEMORY_AUTO_PREPARE | IOMD_MEMORY_PREPARED_READ_ONLY);
	iomd_release(md);

	md = buffer(test, IOMD_DIRECTION_IN, P, 1);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 1ULL);
	iomd_release(md);
}

static void bytes_can_be_appended(struct kunit *test)
{
	struct iomd *md = buffer(test, IOMD_DIRECTION_OUT, P + 10, 1);
	u8 *bytes = iomd_buffer_get_bytes_no_copy(md), *more = kunit_kzalloc(test, P, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, more);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, "full", 4));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P + 10);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, P + 10), NULL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 0), 0);
	fill_pattern(more, 0, P);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more, P));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more, 0));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P);
	KUNIT_EXPECT_FALSE(test, iomd_buffer_append_bytes(md, NULL, 1));
	fill_pattern(more, P, P);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more, 3));
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more + 3, U64_MAX));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P + 10);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 0, P + 10), (size_t)(P + 10));
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes + P + 10, 0, P - 10), NULL);
	iomd_release(md);
}

static void append_one(void *data)
{
	u8 byte = 0x77;

	iomd_buffer_append_bytes(data, &byte, 1);
}

static void bytes_can_be_appended_by_several(struct kunit *test)
{
	struct iomd *md = buffer(test, BOTH, SZ_1M, 1);
	struct worker workers[3];
	unsigned int i;
	u64 rounds = 0;

	iomd_buffer_set_length(md, 0);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		worker_start(test, &workers[i], append_one, md);
	msleep(200);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		worker_stop(&workers[i]);
		rounds += workers[i].rounds;
	}
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), min_t(u64, rounds, SZ_1M));
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(iomd_buffer_get_bytes_no_copy(md), 0x77,
					     iomd_get_length(md)), NULL);
	iomd_release(md);
}

/*
 * Whose it is
 */

static s64 charged(const struct puppet *puppet)
{
	return atomic64_read(&puppet->mm->pinned_vm);
}

static void limit_to(struct puppet *puppet, u64 pages)
{
	struct {
		u64 soft, hard;
	} limit = { pages * P, pages * P };
	u64 at = puppet_string(puppet, "") + 64;

	puppet_write(puppet, at, &limit, sizeof(limit));
	KUNIT_ASSERT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_prlimit64, 0,
							 RLIMIT_MEMLOCK, at, 0));
	KUNIT_ASSERT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_setresuid, 65534, 65534,
							 65534));
}

static int give(struct iomd *md, struct task_struct *task)
{
	return iomd_set_ownership(md, task, IOMD_MEMORY_LEDGER_TAG_UNCHANGED, 0);
}

static void can_be_given_to_others(struct kunit *test)
{
	struct puppet *one = puppet_start(test), *other = puppet_start(test);
	struct iomd *md = buffer(test, BOTH, 5 * P + 1, 1);

	KUNIT_EXPECT_EQ(test, give(md, one->task), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 6LL);
	KUNIT_EXPECT_EQ(test, give(md, one->task), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 6LL);
	/* Prepares of a buffer that is not pageable are counted, not paid for. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 6LL);
	KUNIT_EXPECT_EQ(test, give(md, other->task), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 0LL);
	KUNIT_EXPECT_EQ(test, charged(other), 6LL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(other), 6LL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, IOMD_MEMORY_LEDGER_TAG_GRAPHICS, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(other), 6LL);
	KUNIT_EXPECT_EQ(test, give(md, KERNEL), 0);
	KUNIT_EXPECT_EQ(test, charged(other), 0LL);
	KUNIT_EXPECT_EQ(test, give(md, NULL), 0);
	KUNIT_EXPECT_EQ(test, give(md, one->task), 0);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, IOMD_MEMORY_LEDGER_TAG_NONE,
						 IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 0LL);
	KUNIT_EXPECT_EQ(test, give(md, NULL), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 6LL);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, charged(one), 0LL);
}

static void is_not_given_to_whom_it_is_too_much(struct kunit *test)
{
	struct puppet *rich = puppet_start(test), *poor = puppet_start(test);
	struct iomd *md = buffer(test, BOTH, 5 * P, 1), *small = buffer(test, BOTH, P, 1);

	limit_to(poor, 5);
	KUNIT_EXPECT_EQ(test, give(md, rich->task), 0);
	KUNIT_EXPECT_EQ(test, give(small, poor->task), 0);
	KUNIT_EXPECT_EQ(test, give(md, poor->task), -ENOMEM);
	KUNIT_EXPECT_EQ(test, charged(rich), 5LL);
	KUNIT_EXPECT_EQ(test, charged(poor), 1LL);
	KUNIT_EXPECT_EQ(test, give(small, rich->task), 0);
	KUNIT_EXPECT_EQ(test, charged(rich), 6LL);
	KUNIT_EXPECT_EQ(test, give(md, poor->task), 0);
	KUNIT_EXPECT_EQ(test, charged(rich), 1LL);
	KUNIT_EXPECT_EQ(test, charged(poor), 5LL);
	iomd_release(md);
	iomd_release(small);
}

/* What the user has pinned whose processes are poor ones. */
static u64 charged_to_user(const struct puppet *puppet)
{
	const struct cred *cred = get_task_cred(puppet->task);
	u64 pages;

	iomd_compat_charge_user(cred->user, 0, U64_MAX, &pages);
	put_cred(cred);
	return pages;
}

/* It is as much as before for who both are. */
static void may_go_to_another_process_of_a_user(struct kunit *test)
{
	struct puppet *one = puppet_start(test), *other = puppet_start(test);
	struct puppet *poor = puppet_start(test);
	struct iomd *md = buffer(test, BOTH, 5 * P, 1);

	limit_to(one, 8);
	limit_to(other, 8);
	limit_to(poor, 4);
	KUNIT_EXPECT_EQ(test, give(md, one->task), 0);
	KUNIT_EXPECT_EQ(test, give(md, other->task), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 0LL);
	KUNIT_EXPECT_EQ(test, charged(other), 5LL);
	KUNIT_EXPECT_EQ(test, charged_to_user(other), 5ULL);
	KUNIT_EXPECT_EQ(test, give(md, poor->task), -ENOMEM);
	KUNIT_EXPECT_EQ(test, charged(other), 5LL);
	KUNIT_EXPECT_EQ(test, charged_to_user(other), 5ULL);
	KUNIT_EXPECT_EQ(test, give(md, KERNEL), 0);
	KUNIT_EXPECT_EQ(test, charged_to_user(other), 0ULL);
	iomd_release(md);
}

/* Whichever step fails; the former owner is over his limit by now, and pays as before. */
static void parts_are_given_all_or_none(struct kunit *test)
{
	struct puppet *one = puppet_start(test), *other = puppet_start(test);
	struct iomd *mds[2] = { buffer(test, BOTH, 2 * P, 1), buffer(test, BOTH, 4 * P, 1) };
	struct iomd *sub, *parts[3], *inner, *md;
	unsigned int nth, i;
	bool failed = true;
	int ret;

	limit_to(one, 10);
	sub = iomd_sub_with_sub_range(mds[1], 0, P, BOTH);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sub));
	parts[0] = mds[0];
	parts[1] = mds[0];
	inner = iomd_multi_with_descriptors(parts, 2, BOTH, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(inner));
	parts[0] = inner;
	parts[1] = sub;
	md = iomd_multi_with_descriptors(parts, 2, BOTH, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, give(md, one->task), 0);
	KUNIT_EXPECT_EQ(test, charged(one), 6LL);
	limit_to(one, 1);
	limit_to(other, 10);
	for (nth = 1; failed; nth++) {
		iomd_inject_arm(nth);
		ret = give(md, other->task);
		failed = iomd_inject_disarm();
		KUNIT_EXPECT_EQ_MSG(test, ret, failed ? -ENOMEM : 0, "step %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, charged(one), failed ? 6LL : 0LL, "step %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, charged(other), failed ? 0LL : 6LL, "step %u", nth);
	}
	/* A step of each part's, and two charges. */
	KUNIT_EXPECT_GE(test, nth, 6U);
	/* One that nobody owns is refused, whatever comes before. */
	parts[2] = iomd_with_physical_address(0x1000, P, BOTH);
	KUNIT_ASSERT_FALSE(test, IS_ERR(parts[2]));
	iomd_release(md);
	md = iomd_multi_with_descriptors(parts, 3, BOTH, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, give(md, KERNEL), -EAGAIN);
	KUNIT_EXPECT_EQ(test, charged(other), 6LL);
	KUNIT_EXPECT_EQ(test, give(inner, KERNEL), 0);
	KUNIT_EXPECT_EQ(test, charged(other), 4LL);
	puppet_exit(one);
	KUNIT_EXPECT_EQ(test, give(inner, one->task), -ESRCH);
	KUNIT_EXPECT_EQ(test, give(inner, NULL), 0);
	iomd_release(md);
	for (i = 0; i < 3; i++)
		iomd_release(parts[i]);
	for (i = 0; i < 2; i++)
		iomd_release(mds[i]);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, charged(other), 0LL);
}

static void outlives_its_owner(struct kunit *test)
{
	struct puppet *gone = puppet_start(test), *other = puppet_start(test);
	struct iomd *md = buffer(test, BOTH, 5 * P, 1), *left = buffer(test, BOTH, P, 1);

	KUNIT_EXPECT_EQ(test, give(md, gone->task), 0);
	KUNIT_EXPECT_EQ(test, give(left, gone->task), 0);
	puppet_exit(gone);
	KUNIT_EXPECT_EQ(test, charged(gone), 6LL);
	KUNIT_EXPECT_EQ(test, give(md, other->task), 0);
	KUNIT_EXPECT_EQ(test, charged(gone), 1LL);
	KUNIT_EXPECT_EQ(test, charged(other), 5LL);
	KUNIT_EXPECT_EQ(test, give(md, gone->task), -ESRCH);
	KUNIT_EXPECT_EQ(test, charged(other), 5LL);
	iomd_release(left);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, charged(gone), 0LL);
}

struct gift {
	struct iomd *md;
	struct task_struct *task;
	int tag;
	u64 options;
};

static long give_away(void *data)
{
	const struct gift *gift = data;

	return iomd_set_ownership(gift->md, gift->task, gift->tag, gift->options);
}

static void takes_a_right_to_be_given_away(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test), *other = puppet_start(test);
	struct gift gift = { .md = buffer(test, BOTH, P, 1) };

	KUNIT_EXPECT_EQ(test, give(gift.md, other->task), 0);
	limit_to(puppet, 100);
	gift.task = puppet->task;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), 0L);
	KUNIT_EXPECT_EQ(test, charged(puppet), 1LL);
	gift.task = other->task;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), (long)-EPERM);
	gift.task = KERNEL;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), (long)-EPERM);
	gift.task = NULL;
	gift.options = IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), (long)-EPERM);
	gift.options = 0;
	gift.tag = IOMD_MEMORY_LEDGER_TAG_NETWORK;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), (long)-EPERM);
	gift.tag = IOMD_MEMORY_LEDGER_TAG_NEURAL;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, give_away, &gift), 0L);
	KUNIT_EXPECT_EQ(test, charged(puppet), 1LL);
	/* One that may. */
	gift.task = other->task;
	KUNIT_EXPECT_EQ(test, puppet_call(other, give_away, &gift), 0L);
	gift.task = puppet->task;
	KUNIT_EXPECT_EQ(test, puppet_call(other, give_away, &gift), 0L);
	KUNIT_EXPECT_EQ(test, charged(puppet), 1LL);
	iomd_release(gift.md);
}

static long give_as(struct puppet *puppet, struct iomd *md, struct task_struct *task, int tag)
{
	struct gift gift = { .md = md, .task = task, .tag = tag };

	return puppet_call(puppet, give_away, &gift);
}

static void strangers_change_nothing(struct kunit *test)
{
	struct puppet *owner = puppet_start(test), *stranger = puppet_start(test);
	const int same = IOMD_MEMORY_LEDGER_TAG_UNCHANGED, tag = IOMD_MEMORY_LEDGER_TAG_MEDIA;
	struct iomd *md = buffer(test, BOTH, P, 1);

	limit_to(owner, 100);
	limit_to(stranger, 100);
	/* What is nobody's can be taken, but not changed. */
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, NULL, tag), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, give_as(owner, md, owner->task, tag), 0L);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, NULL, tag), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, owner->task, tag), (long)-EPERM);
	/* What it was granted is its own to end. */
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, same,
						 IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT), 0);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, NULL, same), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, owner->task, same), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, stranger->task, same), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, charged(owner), 0LL);
	KUNIT_EXPECT_EQ(test, give_as(owner, md, NULL, same), 0L);
	KUNIT_EXPECT_EQ(test, charged(owner), 1LL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, IOMD_MEMORY_LEDGER_TAG_NETWORK, 0), 0);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, stranger->task, tag), (long)-EPERM);
	KUNIT_EXPECT_EQ(test, give_as(owner, md, owner->task, tag), 0L);
	KUNIT_EXPECT_EQ(test, give_as(stranger, md, stranger->task, same), 0L);
	KUNIT_EXPECT_EQ(test, charged(owner), 0LL);
	KUNIT_EXPECT_EQ(test, charged(stranger), 1LL);
	iomd_release(md);
}

static void is_not_given_wrongly(struct kunit *test)
{
	struct iomd *md = buffer(test, BOTH, P, 1);

	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, -2, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, 6, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, 0, 2), -EINVAL);
	/* A kernel thread has no memory. */
	KUNIT_EXPECT_EQ(test, give(md, current), -EINVAL);
	iomd_release(md);
}

/*
 * Its end
 */

static void release_it(void *data)
{
	iomd_release(data);
}

static void may_end_anywhere(struct kunit *test)
{
	static const u64 options[] = {
		0, IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, IOMD_MEMORY_PAGEABLE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct iomd *md = buffer(test, BOTH | options[i], 9 * P, 1);

		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		call_in_hard_irq(test, release_it, md);
		fixture_expect_nothing_taken(test);
	}
}

static const struct recipe {
	const char *name;
	u64 options, capacity, alignment, mask;
	bool guarded;
	unsigned int steps;
} recipes[] = {
	/* The object, each block of pages and of segments, the list of pages, vmap(). */
	{ "a page", 0, P, 1, .steps = 2 },
	{ "pages", 0, 5 * P, 1, .steps = 4 },
	{ "many pages", 0, 50 * P + 1, 1, .steps = 4 },
	{ "one piece", IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, 10 * P, SZ_64K, .steps = 2 },
	{ "low pages", 0, 5 * P, 1, 0xfffffff, .steps = 2 },
	/* No two of them adjacent: the list of segments grows, too. */
	{ "loose pages", 0, 200 * P, 1, ~P, .steps = 206 },
#ifdef CONFIG_X86
	{ "not cached", IOMD_MAP_INHIBIT_CACHE, 5 * P, 1, .steps = 5 },
	{ "guarded", 0, P, 1, .guarded = true, .steps = 4 },
#endif
};

static void recipe_desc(const struct recipe *recipe, char *desc)
{
	strscpy(desc, recipe->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(recipe, recipes, recipe_desc);

static int cook(struct kunit *test, void *data)
{
	const struct recipe *recipe = data;
	u64 options = BOTH | recipe->options, pages = 0;
	struct iomd *md;

	if (recipe->guarded)
		md = iomd_buffer_in_task_with_guard_pages(KERNEL, options, recipe->capacity);
	else if (recipe->mask)
		md = iomd_buffer_in_task_with_physical_mask(KERNEL, options, recipe->capacity,
							    at_least_low(recipe->mask));
	else
		md = iomd_buffer_with_options(options, recipe->capacity, recipe->alignment);
	if (IS_ERR(md))
		return PTR_ERR(md);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &pages, NULL), 0);
	KUNIT_EXPECT_EQ(test, pages, PFN_UP(recipe->capacity));
	iomd_release(md);
	return 0;
}

/*
 * The allocator's failures are not the buffer's, as long as it finds other pages: so
 * what is said of each step is that nothing is left behind, and that those fail
 * that nothing can be done about.
 */
static void each_failure_is_undone(struct kunit *test)
{
	const struct recipe *recipe = test->param_value;
	unsigned int nth, failures = 0;
	bool failed;
	int ret;

	for (nth = 1; nth < 1000; nth++) {
		iomd_inject_arm(nth);
		ret = cook(test, (void *)recipe);
		failed = iomd_inject_disarm();
		fixture_expect_nothing_taken(test);
		if (!failed)
			break;
		KUNIT_EXPECT_TRUE_MSG(test, !ret || ret == -ENOMEM, "step %u: %d", nth, ret);
		failures += !!ret;
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GE(test, nth - 1, recipe->steps);
	KUNIT_EXPECT_GE(test, failures, 1U);
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE_PARAM(is_ready_at_once, capacity_gen_params),
	KUNIT_CASE_PARAM(is_zero_and_the_kernels, capacity_gen_params),
	KUNIT_CASE_PARAM(holds_given_bytes, capacity_gen_params),
	KUNIT_CASE(options_are_told),
	KUNIT_CASE(tags_are_set),
	KUNIT_CASE(refuses_what_cannot_be),
	KUNIT_CASE(is_not_given_other_memory),
	KUNIT_CASE(is_told_from_others),
	KUNIT_CASE(lies_in_one_piece),
	KUNIT_CASE(is_aligned),
	KUNIT_CASE(is_within_reach),
	KUNIT_CASE(is_within_reach_in_one_piece),
	KUNIT_CASE(reaches_far_if_it_must),
	KUNIT_CASE(is_cached_as_asked),
	KUNIT_CASE(refuses_other_cache_modes),
	KUNIT_CASE(has_neighbours_that_fault),
	KUNIT_CASE(refuses_odd_guards),
	KUNIT_CASE(tells_where_it_is),
	KUNIT_CASE(length_can_be_set),
	KUNIT_CASE(direction_can_be_set),
	KUNIT_CASE(bytes_can_be_appended),
	KUNIT_CASE(bytes_can_be_appended_by_several),
	KUNIT_CASE(can_be_given_to_others),
	KUNIT_CASE(is_not_given_to_whom_it_is_too_much),
	KUNIT_CASE(may_go_to_another_process_of_a_user),
	KUNIT_CASE(parts_are_given_all_or_none),
	KUNIT_CASE(outlives_its_owner),
	KUNIT_CASE(takes_a_right_to_be_given_away),
	KUNIT_CASE(strangers_change_nothing),
	KUNIT_CASE(is_not_given_wrongly),
	KUNIT_CASE(may_end_anywhere),
	KUNIT_CASE_PARAM(each_failure_is_undone, recipe_gen_params),
	{}
};

static struct kunit_suite buffer_suite = {
	.name = "iomd_buffer",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = buffer_cases,
};

kunit_test_suite(buffer_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's buffers");
MODULE_LICENSE("GPL");
