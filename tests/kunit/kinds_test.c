// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is unusual, and what a description may not be taken for.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#include "maps.h"

/* Big enough for what is not touched. */
#define SOMEWHERE	0x1000000ULL

/*
 * A task that was looked for and not found is no address space, least of all the
 * physical one.
 */
static void no_task_is_not_physical_memory(struct kunit *test)
{
	struct iomd_address_range range = { SOMEWHERE, P };
	struct iomd *md;

	expect_refusal(test, iomd_with_address_range(SOMEWHERE, P, BOTH, NULL), -EINVAL);
	expect_refusal(test, iomd_with_address_ranges(&range, 1, BOTH, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, NULL,
					       BOTH | IOMD_MEMORY_TYPE_VIRTUAL, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, NULL,
					       BOTH | IOMD_MEMORY_TYPE_UIO, NULL), -EINVAL);
	md = made(test, iomd_with_address_range(SOMEWHERE, P, BOTH, IOMD_PHYSICAL_TASK));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), SOMEWHERE);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MEMORY_TYPE_MASK,
			IOMD_MEMORY_TYPE_PHYSICAL);
	iomd_release(md);
	md = made(test, iomd_with_options(&range, 1, 0, IOMD_PHYSICAL_TASK,
					  BOTH | IOMD_MEMORY_TYPE_PHYSICAL, NULL));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), SOMEWHERE);
	KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, NULL,
						     BOTH | IOMD_MEMORY_TYPE_VIRTUAL, NULL),
			-EINVAL);
	iomd_release(md);
}

/* The constant is nobody's address space, where one is needed. */
static void physical_memory_is_no_task(struct kunit *test)
{
	struct iomd_address_range range = { SOMEWHERE, P };
	struct task_struct *nobody = IOMD_PHYSICAL_TASK;

	expect_refusal(test, iomd_with_options(&range, 1, 0, nobody,
					       BOTH | IOMD_MEMORY_TYPE_VIRTUAL, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, nobody,
					       IOMD_DIRECTION_IN | IOMD_MEMORY_TYPE_UPL, NULL),
		       -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_options(nobody, BOTH | IOMD_MEMORY_PAGEABLE,
							      P, 0), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_options(nobody, BOTH, P, 0), -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(IOMD_KERNEL_TASK, BOTH | IOMD_MEMORY_PAGEABLE,
						   nobody, SOMEWHERE, P), -EINVAL);
}

/*
 * Ranges that become fewer, in all ways: what is seen through them is what was described
 */

static void expect_address(struct kunit *test, const struct iomd_address_range *ranges,
			   u32 count, const void *address)
{
	struct iomd *md = made(test, iomd_with_address_ranges((void *)ranges, count, BOTH, KERNEL));
	struct iomd_mapping *mapping;

	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_PTR_EQ(test, (const void *)bytes_of(mapping), address);
	iomd_mapping_release(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void ranges_that_adjoin_are_one(struct kunit *test)
{
	u64 size = 5 * P, a, first;
	u8 *bytes = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	a = (unsigned long)bytes;
	for (first = 1; first < size; first += 1237) {
		const struct iomd_address_range two[] = {
			{ a, first }, { a + first, size - first },
		};
		const struct iomd_address_range empty_first[] = { { SOMEWHERE, 0 }, { a, size } };
		const struct iomd_address_range empty_last[] = { { a, size }, { SOMEWHERE, 0 } };
		const struct iomd_address_range four[] = {
			{ 5, 0 }, { a, first }, { 7, 0 }, { a + first, size - first },
		};

		expect_address(test, two, 2, bytes);
		expect_address(test, empty_first, 2, bytes);
		expect_address(test, empty_last, 2, bytes);
		expect_address(test, four, 4, bytes);
	}
}

/* A descriptor that had one range before has many now, and the other way round. */
static void the_former_ranges_are_gone(struct kunit *test)
{
	u8 *bytes = kunit_kmalloc(test, 2 * P, GFP_KERNEL);
	u8 *others = kunit_kmalloc(test, 2 * P, GFP_KERNEL);
	struct iomd_address_range old, ranges[2];
	struct iomd_mapping *mapping;
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	KUNIT_ASSERT_NOT_NULL(test, others);
	old = (struct iomd_address_range) { (unsigned long)others, 2 * P };
	ranges[0] = (struct iomd_address_range) { (unsigned long)bytes, P };
	ranges[1] = (struct iomd_address_range) { (unsigned long)bytes + P, P };
	md = made(test, iomd_with_address_ranges(&old, 1, BOTH, KERNEL));
	KUNIT_ASSERT_EQ(test, iomd_init_with_options(md, ranges, 2, 0, KERNEL,
						     BOTH | IOMD_MEMORY_TYPE_VIRTUAL, NULL), 0);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_PTR_EQ(test, bytes_of(mapping), bytes);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/*
 * The same pages, more often than the machine has pages
 */

static void one_page_very_often(struct kunit *test)
{
	u32 i, count = totalram_pages() + 5;
	u8 *bytes = kunit_kmalloc(test, P, GFP_KERNEL);
	struct iomd_address_range *ranges;
	struct iomd *md;
	u8 byte = 0;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	ranges = vmalloc(array_size(count, sizeof(*ranges)));
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < count; i++)
		ranges[i] = (struct iomd_address_range) { (unsigned long)bytes, P - 1 };
	md = made(test, iomd_with_address_ranges(ranges, count, BOTH, KERNEL));
	vfree(ranges);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)count * (P - 1));
	bytes[5] = 0x5a;
	if (!iomd_prepare(md, 0)) {
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, (u64)(count - 1) * (P - 1) + 5, &byte, 1),
				1ULL);
		KUNIT_EXPECT_EQ(test, byte, 0x5a);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	}
	iomd_release(md);
}

/* A memfd seen at many places in a row is charged for each, and prepared. */
static void one_file_at_many_places(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	unsigned int i, views = 40, pages = totalram_pages() / 32;
	u64 fd, start, bytes = (u64)pages * P;
	struct iomd *md;
	int ret;

	fd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "kinds"), 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ftruncate, fd, bytes));
	start = puppet_mmap(puppet, views * bytes, PROT_NONE, MAP_PRIVATE, -1);
	for (i = 0; i < views; i++)
		KUNIT_ASSERT_EQ(test, (u64)puppet_address(puppet, __NR_mmap, start + i * bytes,
							  bytes, PROT_READ | PROT_WRITE,
							  MAP_SHARED | MAP_FIXED, fd, 0),
				start + i * bytes);
	md = made(test, iomd_with_address_range(start, views * bytes, IOMD_DIRECTION_OUT,
						puppet->task));
	/* Too much for its limit, perhaps, but described it can be. */
	ret = iomd_prepare(md, 0);
	if (!ret) {
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&puppet->mm->pinned_vm),
				(u64)views * pages);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	} else {
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&puppet->mm->pinned_vm), 0ULL);
	iomd_release(md);
}

/*
 * What is RAM was found out before: in an interrupt nobody may look for it
 */

struct touch {
	struct iomd *md;
	u8 byte;
	u64 read;
	int stored;
};

static void touch_it(void *data)
{
	struct touch *touch = data;

	touch->read = iomd_read_bytes(touch->md, 5, &touch->byte, 1);
	touch->stored = iomd_perform_operation(touch->md, IOMD_MEMORY_INCOHERENT_IO_STORE, 5, 1);
}

/* A page that the kernel's own image brought along: reserved, as holes are. */
static u8 own_page[2 * PAGE_SIZE] __aligned(PAGE_SIZE) = { [PAGE_SIZE + 5] = 0x3c };

static void reserved_memory_in_hard_irq(struct kunit *test)
{
	struct page *zero = ZERO_PAGE(0);
	struct touch touch = { .byte = 1 };

	if (!PageReserved(zero))
		kunit_skip(test, "the page of zeroes is not reserved here");
	touch.md = made(test, iomd_with_physical_address(page_to_phys(zero), P, BOTH));
	call_in_hard_irq(test, touch_it, &touch);
	KUNIT_EXPECT_EQ(test, touch.read, 1ULL);
	KUNIT_EXPECT_EQ(test, touch.byte, 0);
	if (touch.stored != -EOPNOTSUPP)
		KUNIT_EXPECT_EQ(test, touch.stored, 0);
	iomd_release(touch.md);
	touch.md = made(test, iomd_with_address(own_page + P, P, BOTH));
	call_in_hard_irq(test, touch_it, &touch);
	KUNIT_EXPECT_EQ(test, touch.read, 1ULL);
	KUNIT_EXPECT_EQ(test, touch.byte, 0x3c);
	iomd_release(touch.md);
}

/* A range whose RAM ends in the middle has a border there. */
static void the_end_of_ram_is_a_border(struct kunit *test)
{
	unsigned long pfn = PHYS_PFN(virt_to_phys(test->priv));
	struct iomd_address_range range;
	struct iomd *md, *sub;
	u64 length;

	while (pfn_valid(pfn) && page_is_ram(pfn))
		pfn++;
	range = (struct iomd_address_range) { PFN_PHYS(pfn) - P - 100, 2 * P };
	md = made(test, iomd_with_address_ranges(&range, 1, BOTH, IOMD_PHYSICAL_TASK));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0, &length, 0), range.address);
	KUNIT_EXPECT_EQ(test, length, P + 100);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, P + 100, &length, 0),
			(u64)PFN_PHYS(pfn));
	KUNIT_EXPECT_EQ(test, length, P - 100);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 2 * P);
	/* Two classes, one answer. */
	KUNIT_EXPECT_TRUE(test, md->ops->is_ram(md, P + 99));
	KUNIT_EXPECT_FALSE(test, md->ops->is_ram(md, P + 100));
	sub = made(test, iomd_sub_with_sub_range(md, P, P, BOTH));
	KUNIT_EXPECT_TRUE(test, sub->ops->is_ram(sub, 99));
	KUNIT_EXPECT_FALSE(test, sub->ops->is_ram(sub, 100));
	iomd_release(sub);
	iomd_release(md);
}

/* Frames that are somewhere in the memory map, but no memory. */
static void pages_that_are_no_memory(struct kunit *test)
{
	struct bio_vec vec = { .bv_len = PAGE_SIZE };
	unsigned long pfn;
	struct iomd *md;

	for (pfn = 0; pfn < PHYS_PFN(SZ_16M); pfn++)
		if (pfn_valid(pfn) && !page_is_ram(pfn) && PageReserved(pfn_to_page(pfn)))
			break;
	if (pfn == PHYS_PFN(SZ_16M))
		kunit_skip(test, "the memory map has no holes here");
	vec.bv_page = pfn_to_page(pfn);
	md = made(test, iomd_with_options(&vec, 1, 0, NULL,
					  IOMD_DIRECTION_IN | IOMD_MEMORY_TYPE_UPL, NULL));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EOPNOTSUPP);
	iomd_release(md);
}

/*
 * A mapping that only looks at memory leaves its driver what that was described for
 */

static void a_look_does_not_narrow(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet, AREA_SCATTERED, 2);
	md = made(test, iomd_with_address_range(area.address, 2 * P, IOMD_DIRECTION_IN,
						puppet->task));
	mapping = mapped(test, iomd_map(md, IOMD_MAP_READ_ONLY));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/* What can't be written can still be looked at. */
static void what_is_read_only_can_be_looked_at(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet, AREA_SCATTERED, 2);
	area_fill(&area);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_mprotect, area.address, 2 * P,
						 PROT_READ));
	md = made(test, iomd_with_address_range(area.address, 2 * P, IOMD_DIRECTION_IN,
						puppet->task));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EFAULT);
	mapping = mapped(test, iomd_map(md, IOMD_MAP_READ_ONLY));
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes_of(mapping), 0, 2 * P), (size_t)(2 * P));
	iomd_mapping_release(mapping);
	/* So can what is prepared for the device to read. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	mapping = mapped(test, iomd_map(md, IOMD_MAP_READ_ONLY));
	iomd_mapping_release(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

/*
 * Where IOKit does something else, or nothing is said
 */

/* Operations that are done look at all of the memory, however much that is. */
static void caches_of_more_than_4_gib(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'f', 1, BOTH);
	struct iomd *parts[2], *md;
	int ret;

	parts[0] = made(test, iomd_with_physical_address(NO_RAM, 5ULL << 30, BOTH));
	parts[1] = &fake->md;
	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	/* Of the end alone it is known that it is not prepared. */
	ret = iomd_perform_operation(md, IOMD_MEMORY_INCOHERENT_IO_FLUSH, 0, U64_MAX);
	if (ret != -EOPNOTSUPP)
		KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
	ret = iomd_perform_operation(md, IOMD_MEMORY_INCOHERENT_IO_FLUSH, 0, 5ULL << 30);
	if (ret != -EOPNOTSUPP)
		KUNIT_EXPECT_EQ(test, ret, 0);
	iomd_release(md);
	iomd_release(parts[0]);
	iomd_release(parts[1]);
}

/* A complete with an error is over with that. */
static void an_error_is_not_remembered(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct area area;
	struct iomd *md;
	u64 dirty;
	int i;

	area_make(&area, puppet, AREA_MEMFD, 2);
	md = made(test, iomd_with_address_range(area.address, 2 * P, IOMD_DIRECTION_IN,
						puppet->task));
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, i ? 0 : IOMD_DIRECTION_COMPLETE_WITH_ERROR),
				0);
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, NULL, &dirty), 0);
		KUNIT_EXPECT_EQ(test, dirty, 2ULL);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	}
	iomd_release(md);
}

static void portions_can_be_mapped(struct kunit *test)
{
	struct iomd *md = made(test, iomd_interleaved_with_capacity(2, BOTH));
	struct iomd_mapping *mapping;
	struct leaf leaf;
	struct iomd *part;

	leaf_make(&leaf, test, 3);
	part = made(test, iomd_with_address(leaf.area.address, 3 * P, BOTH));
	fill_pattern(leaf.area.address, 0, 3 * P);
	KUNIT_ASSERT_EQ(test, iomd_interleaved_set_memory_descriptor(md, part, 2 * P, P), 0);
	KUNIT_ASSERT_EQ(test, iomd_interleaved_set_memory_descriptor(md, part, 0, P), 0);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes_of(mapping), 2 * P, P), (size_t)P);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes_of(mapping) + P, 0, P), (size_t)P);
	iomd_mapping_release(mapping);
	iomd_release(md);
	iomd_release(part);
	leaf_free(&leaf);
}

static struct kunit_case kinds_cases[] = {
	KUNIT_CASE(no_task_is_not_physical_memory),
	KUNIT_CASE(physical_memory_is_no_task),
	KUNIT_CASE(ranges_that_adjoin_are_one),
	KUNIT_CASE(the_former_ranges_are_gone),
	KUNIT_CASE(one_page_very_often),
	KUNIT_CASE(one_file_at_many_places),
	KUNIT_CASE(reserved_memory_in_hard_irq),
	KUNIT_CASE(the_end_of_ram_is_a_border),
	KUNIT_CASE(pages_that_are_no_memory),
	KUNIT_CASE(a_look_does_not_narrow),
	KUNIT_CASE(what_is_read_only_can_be_looked_at),
	KUNIT_CASE(caches_of_more_than_4_gib),
	KUNIT_CASE(an_error_is_not_remembered),
	KUNIT_CASE(portions_can_be_mapped),
	{}
};

static struct kunit_suite kinds_suite = {
	.name = "iomd_kinds",
	.init = fixture_init,
	.exit = fixture_exit,
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.test_cases = kinds_cases,
};

kunit_test_suite(kinds_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd: unusual kinds of memory");
MODULE_LICENSE("GPL");
