// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of pageable memory: when it is there, who sees it, who pays for it.
 */
#include <linux/delay.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/resource.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd.h>
#include <linux/workqueue.h>

#include <asm/unistd.h>

#include "../../src/debug/inject.h"
#include "../../src/mm/purge.h"
#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define KERNEL	IOMD_KERNEL_TASK
#define PAGEABLE	(BOTH | IOMD_MEMORY_PAGEABLE)

static struct iomd *kernel_buffer(struct kunit *test, u64 capacity)
{
	return made(test, iomd_buffer_with_options(PAGEABLE, capacity, 1));
}

/* A puppet, and a buffer that was made for it and by it, of which it has an area. */
struct scene {
	struct kunit *test;
	struct puppet *puppet;
	u64 options;
	u64 capacity;
	struct iomd *md;
	struct area area;
	u64 offset, length;
	void *bytes;
};

static long make_in_task(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_buffer_in_task_with_options(current, scene->options, scene->capacity, 1);
	return PTR_ERR_OR_ZERO(scene->md);
}

static void scene_open(struct scene *scene, struct kunit *test, u64 capacity)
{
	memset(scene, 0, sizeof(*scene));
	scene->test = test;
	scene->puppet = puppet_start(test);
	scene->options = PAGEABLE;
	scene->capacity = capacity;
	KUNIT_ASSERT_EQ(test, puppet_call(scene->puppet, make_in_task, scene), 0L);
	scene->area.puppet = scene->puppet;
	scene->area.address = (unsigned long)iomd_buffer_get_user_bytes_no_copy(scene->md);
	scene->area.pages = PFN_UP(capacity);
	scene->area.frames = kunit_kcalloc(test, scene->area.pages, sizeof(u64), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, scene->area.frames);
	KUNIT_ASSERT_NE(test, scene->area.address, 0ULL);
}

static s64 charged(const struct scene *scene)
{
	return atomic64_read(&scene->puppet->mm->pinned_vm);
}

/* Does the process see anything at @address? */
static bool can_touch(struct scene *scene, u64 address)
{
	u8 byte;

	return access_process_vm(scene->puppet->task, address, &byte, 1, 0) == 1;
}

static u64 resident(struct kunit *test, struct iomd *md)
{
	u64 pages = ~0ULL;

	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &pages, NULL), 0);
	return pages;
}

static u64 dirty(struct kunit *test, struct iomd *md)
{
	u64 pages = ~0ULL;

	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, NULL, &pages), 0);
	return pages;
}

/* Of a prepared buffer: does it hold the pattern? */
static void expect_pattern(struct kunit *test, struct iomd *md, u64 length)
{
	u8 *bytes = kvmalloc(length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, bytes, length), length);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 0, length), (size_t)length);
	kvfree(bytes);
}

static void write_pattern(struct kunit *test, struct iomd *md, u64 length)
{
	u8 *bytes = kvmalloc(length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	fill_pattern(bytes, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, bytes, length), length);
	kvfree(bytes);
}

/*
 * What is made
 */

static void is_nowhere_at_first(struct kunit *test)
{
	struct task_struct * const tasks[] = { NULL, KERNEL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		struct iomd *md = made(test, iomd_buffer_in_task_with_options(tasks[i], PAGEABLE,
									      5 * P + 1, 1));
		u64 length;
		u8 byte;

		KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_buffer_meta_class);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md), PAGEABLE | IOMD_MEMORY_TYPE_VIRTUAL);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), 5 * P + 1);
		KUNIT_EXPECT_EQ(test, iomd_buffer_get_capacity(md), 5 * P + 1);
		if (!tasks[i]) {
			KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy(md));
			KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 0, 1));
		}
		KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(md, 5 * P + 1, 0));
		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), 6 * P);
		KUNIT_EXPECT_EQ(test, resident(test, md), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0, &length, 0), 0ULL);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, &byte, 1), 0ULL);
		expect_warning_once("iomd: complete without a prepare");
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
		iomd_release(md);
	}
}

static void refuses_what_cannot_be(struct kunit *test)
{
	static const u64 refused[] = {
		IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS,
		IOMD_MAP_INHIBIT_CACHE, IOMD_MAP_WRITE_COMBINE_CACHE, IOMD_MAP_WRITE_THRU_CACHE,
	};
	u64 too_much = (u64)totalram_pages() * P + 1;
	struct puppet *puppet = puppet_start(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		expect_refusal(test, iomd_buffer_with_options(PAGEABLE | refused[i], P, 1),
			       -EOPNOTSUPP);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, P, 2 * P), -EOPNOTSUPP);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, P, 3), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_physical_mask(KERNEL, PAGEABLE, P, U32_MAX),
		       -EOPNOTSUPP);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, 0, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, U64_MAX, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, U64_MAX - P, 1), -ENOMEM);
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE, too_much, 1), -ENOMEM);
	/* There may be that much memory, but its owner can't see all of it. */
	if (BITS_PER_LONG == 32) {
		struct scene scene = { .puppet = puppet, .options = PAGEABLE,
				       .capacity = BIT_ULL(32) + P };

		KUNIT_EXPECT_EQ(test, puppet_call(puppet, make_in_task, &scene), (long)-ENOMEM);
	}
	expect_refusal(test, iomd_buffer_with_options(PAGEABLE | IOMD_MAP_PREFAULT, P, 1),
		       -EINVAL);
	/* A kernel thread has no memory to show it in, another process is not us. */
	expect_refusal(test, iomd_buffer_in_task_with_options(current, PAGEABLE, P, 1), -EINVAL);
	expect_refusal(test, iomd_buffer_in_task_with_options(puppet->task, PAGEABLE, P, 1),
		       -EOPNOTSUPP);
	puppet_exit(puppet);
	expect_refusal(test, iomd_buffer_in_task_with_options(puppet->task, PAGEABLE, P, 1),
		       -ESRCH);
}

/*
 * When it is there
 */

static const u64 capacities[] = { 1, P, P + 1, 40 * P - 1, SZ_1M + 3 };

static void capacity_desc(const u64 *capacity, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu bytes", *capacity);
}

KUNIT_ARRAY_PARAM(capacity, capacities, capacity_desc);

static void is_there_while_prepared(struct kunit *test)
{
	u64 capacity = *(const u64 *)test->param_value, pages = PFN_UP(capacity), id;
	struct iomd *md = kernel_buffer(test, capacity);
	u8 *bytes = kvmalloc(capacity, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, resident(test, md), pages);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, bytes, capacity), capacity);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, capacity), NULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, bytes, capacity), 0ULL);
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY);
	id = iomd_get_preparation_id(md);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), id);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, dirty(test, md), 0ULL);

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_NONE), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), id);
	write_pattern(test, md, capacity);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, resident(test, md), pages);
	KUNIT_EXPECT_EQ(test, dirty(test, md), pages);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, bytes, 1), 0ULL);

	/* The contents stay, whether or not it is prepared. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_PREPARE_NO_FAULT), 0);
	expect_pattern(test, md, capacity);
	kvfree(bytes);
	/* A forgotten complete is none. */
	iomd_release(md);
}

static void is_not_brought_in_against_orders(struct kunit *test)
{
	struct iomd *md = kernel_buffer(test, 3 * P);
	struct iomd_segment_iter iter;

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_PREPARE_NO_FAULT), -EFAULT);
	KUNIT_EXPECT_EQ(test, resident(test, md), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_PREPARE_TO_PHYS32), 0);
	iomd_for_each_segment(iter, md, 0, U64_MAX)
		KUNIT_EXPECT_LE(test, (u64)iter.address + iter.length, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void capacity_is_prepared_whatever_the_length(struct kunit *test)
{
	struct iomd *md = kernel_buffer(test, 4 * P);
	u64 length;

	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 100), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), P);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, resident(test, md), 4ULL);
	iomd_get_physical_segment(md, 0, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 99, "xy", 2), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 4 * P), 0);
	write_pattern(test, md, 4 * P);
	expect_pattern(test, md, 4 * P);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 4 * P + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void bytes_can_be_appended(struct kunit *test)
{
	struct iomd *md = kernel_buffer(test, P + 10);
	u8 *more = kunit_kzalloc(test, 2 * P, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, more);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 0), 0);
	fill_pattern(more, 0, 2 * P);
	/* Not prepared, */
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more, P - 1));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P - 1);
	KUNIT_EXPECT_EQ(test, resident(test, md), 1ULL);
	KUNIT_EXPECT_EQ(test, dirty(test, md), 1ULL);
	/* nor able to be, */
	iomd_inject_arm(1);
	KUNIT_EXPECT_FALSE(test, iomd_buffer_append_bytes(md, more + P - 1, 5));
	KUNIT_EXPECT_TRUE(test, iomd_inject_disarm());
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P - 1);
	/* and for reading only. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more + P - 1, 5));
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, more + P + 4, P));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P + 10);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, "x", 1));
	expect_pattern(test, md, P + 10);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void set_huge(struct puppet *puppet, const char *how)
{
	int fd = puppet_open(puppet, "/sys/kernel/mm/transparent_hugepage/shmem_enabled", O_WRONLY);

	KUNIT_EXPECT_GT(puppet->test, puppet_syscall(puppet, __NR_write, fd,
						     puppet_string(puppet, how), strlen(how)), 0L);
	puppet_syscall(puppet, __NR_close, fd);
}

static void may_consist_of_huge_pages(struct kunit *test)
{
	u64 capacity = 2 * PMD_SIZE - 3 * P - 1, pages = PFN_UP(capacity);
	struct puppet *puppet = puppet_start(test);
	struct iomd_segment_iter iter;
	unsigned int segments = 0;
	struct iomd *md;

	if (!area_exists(AREA_HUGE))
		kunit_skip(test, "no huge pages on this machine");
	if (capacity > (u64)totalram_pages() * PAGE_SIZE / 4)
		kunit_skip(test, "two of them are %llu MiB of %lu", capacity >> 20,
			   totalram_pages() >> (20 - PAGE_SHIFT));
	set_huge(puppet, "force");
	md = made(test, iomd_buffer_with_options(PAGEABLE | IOMD_MEMORY_PURGEABLE, capacity, 1));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	set_huge(puppet, "never");
	iomd_for_each_segment(iter, md, 0, U64_MAX)
		segments++;
	KUNIT_EXPECT_LE(test, segments, 2U);
	KUNIT_EXPECT_EQ(test, resident(test, md), pages);
	write_pattern(test, md, capacity);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, dirty(test, md), pages);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	expect_pattern(test, md, capacity);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	/* Nothing of ours holds them any more. */
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, NULL), 0);
	KUNIT_EXPECT_EQ(test, resident(test, md), 0ULL);
	iomd_release(md);
}

static void the_kernel_may_map_it(struct kunit *test)
{
	struct iomd *md = kernel_buffer(test, 5 * P + 9);
	struct iomd_mapping *mapping = iomd_map(md, 0);
	u8 *bytes;

	KUNIT_ASSERT_FALSE(test, IS_ERR(mapping));
	bytes = (u8 *)iomd_mapping_get_virtual_address(mapping);
	KUNIT_EXPECT_EQ(test, resident(test, md), 6ULL);
	fill_pattern(bytes, 0, 5 * P + 9);
	expect_pattern(test, md, 5 * P + 9);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	expect_pattern(test, md, 5 * P + 9);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void the_kernel_sees_it_once_it_asks(struct kunit *test)
{
	u64 options = PAGEABLE | IOMD_MEMORY_PURGEABLE | IOMD_MEMORY_PERSISTENT;
	struct iomd *md = made(test, iomd_buffer_with_options(options, 5 * P + 9, 1)), *same;
	u64 length = 5 * P + 9;
	u8 *bytes;

	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_PERSISTENT);
	KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(md, "x", 0));
	bytes = iomd_buffer_get_bytes_no_copy_range(md, 3, 1);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	bytes -= 3;
	KUNIT_EXPECT_PTR_EQ(test, iomd_buffer_get_bytes_no_copy(md), (void *)bytes);
	KUNIT_EXPECT_TRUE(test, !iomd_buffer_get_user_bytes_no_copy(md));
	KUNIT_EXPECT_EQ(test, resident(test, md), 6ULL);
	fill_pattern(bytes, 0, length);
	/* That is no preparation. */
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), 0);
	expect_pattern(test, md, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 5 * P, "y", 1), 1ULL);
	KUNIT_EXPECT_EQ(test, bytes[5 * P], (u8)'y');
	/* What is seen is not purged, but emptied if that is asked for, once nobody else has it. */
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, NULL), 0);
	KUNIT_EXPECT_EQ(test, bytes[5 * P], (u8)'y');
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, length), NULL);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_NON_VOLATILE, NULL), 0);
	fill_pattern(bytes, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 0, length), (size_t)length);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, NULL), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bytes, 0, length), NULL);
	/* It never is other memory. */
	same = iomd_with_persistent_memory_descriptor(md);
	KUNIT_EXPECT_PTR_EQ(test, same, md);
	iomd_release(same);
	iomd_release(md);
}

static int make_and_show(struct kunit *test, void *data)
{
	struct iomd *md = iomd_buffer_with_options(PAGEABLE | IOMD_MEMORY_PURGEABLE, 4 * P, 1);
	void *bytes;

	if (IS_ERR(md))
		return PTR_ERR(md);
	iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, NULL);
	bytes = iomd_buffer_get_bytes_no_copy(md);
	/* What could not be shown may still be purged. */
	KUNIT_EXPECT_EQ(test, !iomd_purge_count(), !!bytes);
	iomd_release(md);
	return bytes ? 0 : -ENOMEM;
}

static void it_may_not_come_to_be_seen(struct kunit *test)
{
	/* The object, the file, 4 pages, the list of them, and their place. */
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_and_show, NULL), 8U);
}

/* Held for as long as a device has it: nobody is to count on its moving. */
static void is_pinned_while_prepared(struct kunit *test)
{
	struct iomd *md = kernel_buffer(test, 2 * P);
	struct folio *folio;

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	folio = page_folio(pfn_to_page(PHYS_PFN(iomd_get_physical_address(md))));
	folio_get(folio);
#ifdef IOMD_HAVE_MEMFD_PIN_FOLIOS
	KUNIT_EXPECT_TRUE(test, folio_maybe_dma_pinned(folio));
#endif
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(folio));
	folio_put(folio);
	iomd_release(md);
}

/*
 * Made for a process
 */

static void is_shown_to_its_process(struct kunit *test)
{
	struct scene scene;
	struct image image;
	u8 byte = 0x5a;

	scene_open(&scene, test, 10 * P - 3);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(scene.md), PAGEABLE | IOMD_MEMORY_TYPE_VIRTUAL);
	/* No pointer that the kernel could follow, with or without a range. */
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy(scene.md));
	KUNIT_EXPECT_NULL(test, iomd_buffer_get_bytes_no_copy_range(scene.md, 9, 1));
	KUNIT_EXPECT_EQ(test, resident(test, scene.md), 0ULL);
	puppet_read(scene.puppet, scene.area.address + 3 * P, &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, 0);
	KUNIT_EXPECT_EQ(test, resident(test, scene.md), 1ULL);
	area_fill(&scene.area);
	KUNIT_EXPECT_EQ(test, resident(test, scene.md), 10ULL);

	/* The device sees what the process wrote, and the other way round. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	expect_pattern(test, scene.md, 10 * P - 3);
	area_look_up(&scene.area);
	image_init(&image, test, 16);
	image_add_area(&image, &scene.area,
		       &(struct iomd_address_range) { scene.area.address, 10 * P - 3 }, 1);
	image_check(&image, scene.md);
	byte = ~pattern(10 * P - 4);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(scene.md, 10 * P - 4, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	puppet_read(scene.puppet, scene.area.address + 10 * P - 4, &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, (u8)~pattern(10 * P - 4));
	iomd_release(scene.md);
}

static void its_process_pays_while_prepared(struct kunit *test)
{
	struct puppet *other = puppet_start(test);
	struct scene scene;
	struct rlimit *limit;

	scene_open(&scene, test, 6 * P);
	limit = scene.puppet->task->signal->rlim + RLIMIT_MEMLOCK;
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(&scene), 6LL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(&scene), 6LL);
	/* To another while it is held, and while it is not. */
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(scene.md, other->task, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
	KUNIT_EXPECT_EQ(test, (s64)atomic64_read(&other->mm->pinned_vm), 6LL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, (s64)atomic64_read(&other->mm->pinned_vm), 0LL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(scene.md, scene.puppet->task, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);

	limit->rlim_cur = 6 * P - 1;
	limit->rlim_max = 6 * P - 1;
	KUNIT_ASSERT_EQ(test, puppet_syscall(scene.puppet, __NR_setresuid, 65534, 65534, 65534),
			0L);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(scene.md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(scene.md, KERNEL, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(scene.md, scene.puppet->task, 1, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	iomd_release(scene.md);
}

static void is_not_shown_any_more_at_its_end(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test, 3 * P);
	area_fill(&scene.area);
	KUNIT_EXPECT_TRUE(test, can_touch(&scene, scene.area.address));
	iomd_release(scene.md);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, scene.area.address));
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, scene.area.address + 3 * P - 1));
	/* Not only empty: the addresses are free. */
	KUNIT_EXPECT_EQ(test, puppet_syscall(scene.puppet, __NR_mmap, scene.area.address, 3 * P,
					     PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
					     MAP_FIXED_NOREPLACE, -1, 0),
			(long)scene.area.address);
}

static void takes_only_its_own_away(struct kunit *test)
{
	struct scene scene;
	u64 at, moved;
	u8 byte;

	scene_open(&scene, test, 8 * P);
	at = scene.area.address;
	area_fill(&scene.area);
	/* A page gone, a page replaced, a page read-only, two moved away. */
	KUNIT_ASSERT_EQ(test, puppet_syscall(scene.puppet, __NR_munmap, at + P, P), 0L);
	KUNIT_ASSERT_EQ(test, puppet_syscall(scene.puppet, __NR_mmap, at + 3 * P, P, PROT_READ |
					     PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
					     -1, 0), (long)(at + 3 * P));
	KUNIT_ASSERT_EQ(test, puppet_syscall(scene.puppet, __NR_mprotect, at + 4 * P, P,
					     PROT_READ), 0L);
	moved = (unsigned long)puppet_syscall(scene.puppet, __NR_mremap, at + 6 * P, 2 * P, 2 * P,
					      MREMAP_MAYMOVE | MREMAP_FIXED, at + 64 * P);
	KUNIT_ASSERT_EQ(test, moved, at + 64 * P);
	puppet_write(scene.puppet, at + 3 * P, "mine", 4);
	puppet_read(scene.puppet, moved, &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, pattern(6 * P));

	iomd_release(scene.md);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, at));
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, at + P));
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, at + 2 * P));
	KUNIT_EXPECT_TRUE(test, can_touch(&scene, at + 3 * P));
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, at + 4 * P));
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, at + 5 * P));
	/* There is nothing to be seen any more where it went. */
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, moved));
}

static bool is_free(const struct scene *scene, u64 address)
{
	struct vm_area_struct *vma;
	bool is;

	mmap_read_lock(scene->puppet->mm);
	vma = find_vma(scene->puppet->mm, address);
	is = !vma || vma->vm_start > address;
	mmap_read_unlock(scene->puppet->mm);
	return is;
}

static bool comes_to_be_free(const struct scene *scene, u64 address)
{
	unsigned int tries;

	for (tries = 0; tries < 100 && !is_free(scene, address); tries++)
		msleep(50);
	return is_free(scene, address);
}

/* The process puts something else there in the last moment. */
static struct {
	unsigned long at;
	unsigned long put;
} last_moment;

static void when_found(enum iomd_step step)
{
	if (step != IOMD_STEP_PIECE_FOUND || last_moment.put)
		return;
	last_moment.put = vm_mmap(NULL, last_moment.at, P, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	if (put_user(77, (u8 __user *)last_moment.put))
		last_moment.put = 0;
}

static void takes_nothing_away_that_has_just_come(struct kunit *test)
{
	struct scene scene;
	unsigned int page;
	u8 byte;

	for (page = 0; page < 3; page++) {
		scene_open(&scene, test, 3 * P);
		area_fill(&scene.area);
		last_moment.at = scene.area.address + page * P;
		last_moment.put = 0;
		iomd_inject_at_steps(when_found);
		iomd_inject_arm(0);
		iomd_release(scene.md);
		os_object_barrier();
		iomd_inject_disarm();
		iomd_inject_at_steps(NULL);
		KUNIT_EXPECT_EQ(test, last_moment.put, last_moment.at);
		puppet_read(scene.puppet, last_moment.at, &byte, 1);
		KUNIT_EXPECT_EQ(test, byte, 77);
		/* What is left of the view shows nothing, and goes later. */
		KUNIT_EXPECT_FALSE(test, can_touch(&scene, scene.area.address +
						   (page + 1) % 3 * P));
		KUNIT_EXPECT_TRUE(test, comes_to_be_free(&scene, scene.area.address +
							 (page + 1) % 3 * P));
	}
}

/* The process is told of what is unmapped in the buffer, and reads nothing of it: the file. */
static int watch_buffer(struct scene *scene)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_UNMAP };
	struct uffdio_register area = {
		.range = { scene->area.address, scene->length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct kunit *test = scene->test;
	u64 scratch = puppet_string(scene->puppet, "");
	int fd = puppet_syscall(scene->puppet, __NR_userfaultfd, 0);

	KUNIT_ASSERT_GE(test, fd, 0);
	puppet_write(scene->puppet, scratch, &api, sizeof(api));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(scene->puppet, __NR_ioctl, fd, UFFDIO_API,
						 scratch));
	puppet_write(scene->puppet, scratch, &area, sizeof(area));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(scene->puppet, __NR_ioctl, fd,
						 UFFDIO_REGISTER, scratch));
	return fd;
}

static void wait_for_ends(struct work_struct *work)
{
	os_object_barrier();
}

/* All of the kernel would wait for the process, which need not ever look. */
static void a_process_that_is_told(struct kunit *test)
{
	struct work_struct barrier;
	struct scene scene;
	unsigned int tries;
	int fd;

	scene_open(&scene, test, 2 * P);
	scene.length = 2 * P;
	fd = watch_buffer(&scene);
	iomd_release(scene.md);
	INIT_WORK_ONSTACK(&barrier, wait_for_ends);
	schedule_work(&barrier);
	for (tries = 0; tries < 200 && work_busy(&barrier); tries++)
		msleep(20);
	KUNIT_EXPECT_FALSE(test, work_busy(&barrier));
	KUNIT_EXPECT_FALSE(test, is_free(&scene, scene.area.address));
	/* It is over once nobody is told any more. */
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_close, fd));
	flush_work(&barrier);
	destroy_work_on_stack(&barrier);
	KUNIT_EXPECT_TRUE(test, comes_to_be_free(&scene, scene.area.address));
	puppet_kill(scene.puppet);
}

/* However often others' addresses have to wait. */
static void addresses_have_a_time_of_their_own(struct kunit *test)
{
	struct scene scene, other;
	unsigned int i;

	scene_open(&scene, test, 2 * P);
	mmap_read_lock(scene.puppet->mm);
	iomd_release(scene.md);
	msleep(50);
	mmap_read_unlock(scene.puppet->mm);
	scene_open(&other, test, 2 * P);
	for (i = 0; i < 40; i++) {
		mmap_read_lock(other.puppet->mm);
		iomd_release(other.md);
		msleep(20);
		mmap_read_unlock(other.puppet->mm);
		msleep(20);
		KUNIT_ASSERT_EQ(test, puppet_call(other.puppet, make_in_task, &other), 0L);
	}
	KUNIT_EXPECT_TRUE(test, is_free(&scene, scene.area.address));
	iomd_release(other.md);
	puppet_kill(scene.puppet);
	puppet_kill(other.puppet);
}

static long release_locked(void *data)
{
	struct scene *scene = data;

	mmap_write_lock(current->mm);
	iomd_release(scene->md);
	mmap_write_unlock(current->mm);
	return 0;
}

static void may_end_in_the_middle_of_anything(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test, 3 * P);
	area_fill(&scene.area);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, puppet_call(scene.puppet, release_locked, &scene), 0L);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, can_touch(&scene, scene.area.address));
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
}

/* Nobody's end waits for a process that is at its address space; its addresses do. */
static void addresses_are_given_back_later(struct kunit *test)
{
	struct mm_struct *mm;
	struct scene scene;
	bool waits;

	/* By when it was tried several times. */
	scene_open(&scene, test, 3 * P);
	mm = scene.puppet->mm;
	mmap_write_lock(mm);
	iomd_release(scene.md);
	msleep(400);
	mmap_write_unlock(mm);
	KUNIT_EXPECT_TRUE(test, comes_to_be_free(&scene, scene.area.address));

	scene_open(&scene, test, 3 * P);
	mm = scene.puppet->mm;
	mmap_read_lock(mm);
	iomd_release(scene.md);
	msleep(200);
	/* It can't be had while somebody waits to change what is mapped. */
	waits = !mmap_read_trylock(mm);
	if (!waits)
		mmap_read_unlock(mm);
	mmap_read_unlock(mm);
	KUNIT_EXPECT_FALSE(test, waits);
	KUNIT_EXPECT_TRUE(test, comes_to_be_free(&scene, scene.area.address));

	/* Nor is there anything to be done once the process has ended. */
	scene_open(&scene, test, 3 * P);
	mm = scene.puppet->mm;
	mmap_write_lock(mm);
	iomd_release(scene.md);
	msleep(50);
	mmap_write_unlock(mm);
	puppet_kill(scene.puppet);
	msleep(300);
}

static void outlives_its_process(struct kunit *test)
{
	struct scene scene, prepared;

	scene_open(&scene, test, 3 * P);
	scene_open(&prepared, test, 3 * P);
	area_fill(&scene.area);
	area_fill(&prepared.area);
	KUNIT_EXPECT_EQ(test, iomd_prepare(prepared.md, 0), 0);
	puppet_exit(scene.puppet);
	puppet_kill(prepared.puppet);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, charged(&scene), 3LL);
	KUNIT_EXPECT_EQ(test, charged(&prepared), 3LL);
	expect_pattern(test, scene.md, 3 * P);
	expect_pattern(test, prepared.md, 3 * P);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	iomd_release(scene.md);
	iomd_release(prepared.md);
}

/* What it was allowed it may no longer, as who comes after it has no such right. */
static void its_rights_end_with_its_process(struct kunit *test)
{
	struct scene scene;
	struct rlimit *limit;

	scene_open(&scene, test, 3 * P);
	limit = scene.puppet->task->signal->rlim + RLIMIT_MEMLOCK;
	limit->rlim_cur = 2 * P;
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	puppet_exit(scene.puppet);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, charged(&scene), 0LL);
	iomd_release(scene.md);
}

/* For another thread of the process it is made as well. */
static long make_for_other(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_buffer_in_task_with_options(scene->puppet->task, PAGEABLE, P, 1);
	return PTR_ERR_OR_ZERO(scene->md);
}

static void is_the_processes_not_the_threads(struct kunit *test)
{
	struct scene scene = { .test = test, .puppet = puppet_start(test) };
	struct puppet *thread = puppet_thread(scene.puppet);
	u64 address;

	KUNIT_ASSERT_EQ(test, puppet_call(thread, make_for_other, &scene), 0L);
	address = (unsigned long)iomd_buffer_get_user_bytes_no_copy(scene.md);
	puppet_write(thread, address, "there", 5);
	KUNIT_EXPECT_EQ(test, resident(test, scene.md), 1ULL);
	iomd_release(scene.md);
}

/*
 * Copies
 */

static long copy_area(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_buffer_with_copy(current, scene->options, current,
					  scene->area.address + scene->offset, scene->length);
	return PTR_ERR_OR_ZERO(scene->md);
}

static void expect_copy(struct scene *scene)
{
	u8 *bytes = kvmalloc(scene->length, GFP_KERNEL);
	struct iomd *md = scene->md;

	KUNIT_ASSERT_NOT_NULL(scene->test, bytes);
	KUNIT_EXPECT_EQ(scene->test, iomd_get_length(md), scene->length);
	KUNIT_EXPECT_EQ(scene->test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(scene->test, iomd_read_bytes(md, 0, bytes, scene->length), scene->length);
	KUNIT_EXPECT_EQ(scene->test, find_mismatch(bytes, scene->offset, scene->length),
			(size_t)scene->length);
	KUNIT_EXPECT_EQ(scene->test, iomd_complete(md, 0), 0);
	kvfree(bytes);
}

static void holds_a_copy(struct kunit *test)
{
	static const u64 parts[][2] = {
		{ 0, 1 }, { 5, P }, { P - 1, 2 }, { 0, 3 * P }, { 77, SZ_1M }, { 1, 2 * SZ_1M + 9 },
	};
	struct scene scene = {
		.test = test, .puppet = puppet_start(test), .options = PAGEABLE,
	};
	unsigned int i;
	u8 byte;

	area_make(&scene.area, scene.puppet, AREA_SCATTERED, 520);
	area_fill(&scene.area);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		scene.offset = parts[i][0];
		scene.length = parts[i][1];
		KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, copy_area, &scene), 0L);
		expect_copy(&scene);
		/* The process sees it, too, and neither one changes the other. */
		puppet_read(scene.puppet,
			    (unsigned long)iomd_buffer_get_user_bytes_no_copy(scene.md), &byte, 1);
		KUNIT_EXPECT_EQ(test, byte, pattern(scene.offset));
		byte = ~byte;
		puppet_write(scene.puppet, scene.area.address + scene.offset, &byte, 1);
		expect_copy(&scene);
		byte = ~byte;
		puppet_write(scene.puppet, scene.area.address + scene.offset, &byte, 1);
		iomd_release(scene.md);
	}
	/* For the kernel, and of another task's memory. */
	scene.md = made(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task,
						    scene.area.address + scene.offset,
						    scene.length));
	expect_copy(&scene);
	iomd_release(scene.md);
}

static void holds_a_copy_of_the_kernels(struct kunit *test)
{
	struct scene scene = { .test = test, .offset = 3, .length = 3 * P + 5 };
	struct kernel_area area;

	kernel_area_make(&area, test, 4);
	fill_pattern(area.address, 0, 4 * P);
	scene.md = made(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, KERNEL,
						    (unsigned long)area.address + 3,
						    scene.length));
	expect_copy(&scene);
	iomd_release(scene.md);
	kernel_area_free(&area);
}

static void refuses_copies(struct kunit *test)
{
	struct scene scene = {
		.test = test, .puppet = puppet_start(test), .options = PAGEABLE, .length = P,
	};
	u64 address;

	area_make(&scene.area, scene.puppet, AREA_SCATTERED, 3);
	address = scene.area.address;
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, BOTH, scene.puppet->task, address, P),
		       -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(NULL, PAGEABLE, scene.puppet->task, address,
						   P), -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, NULL, address, P), -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task, address,
						   0), -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task,
						   U64_MAX - P + 1, P), -EINVAL);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task, 0, P),
		       -EFAULT);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, KERNEL, address, P), -EFAULT);
	/* The second window is not there. */
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task, address,
						   SZ_16M), -EFAULT);
	puppet_exit(scene.puppet);
	expect_refusal(test, iomd_buffer_with_copy(KERNEL, PAGEABLE, scene.puppet->task, address,
						   P), -ESRCH);
}

/*
 * Failures
 */

static int make_prepare_and_copy(struct kunit *test, void *data)
{
	struct task_struct *task = data;
	struct iomd *md, *copy;
	int ret;

	md = iomd_buffer_in_task_with_options(task, PAGEABLE, 9 * P - 1, 1);
	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	if (!ret) {
		copy = iomd_buffer_with_copy(task, PAGEABLE, KERNEL,
					     (unsigned long)THIS_MODULE, sizeof(*THIS_MODULE));
		ret = PTR_ERR_OR_ZERO(copy);
		if (!ret)
			iomd_release(copy);
	}
	iomd_release(md);
	return ret;
}

static void each_failure_is_undone(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);

	/* The object, the file, 9 pages; the copy's object, file, bounce page, ... */
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_prepare_and_copy, KERNEL), 16U);
	puppet_adopt_mm(puppet);
	/* Besides twice the view and its place, and the charge. */
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_prepare_and_copy, current), 21U);
	puppet_leave_mm(puppet);
}

static struct kunit_case pageable_cases[] = {
	KUNIT_CASE(is_nowhere_at_first),
	KUNIT_CASE(refuses_what_cannot_be),
	KUNIT_CASE_PARAM(is_there_while_prepared, capacity_gen_params),
	KUNIT_CASE(is_not_brought_in_against_orders),
	KUNIT_CASE(capacity_is_prepared_whatever_the_length),
	KUNIT_CASE(bytes_can_be_appended),
	KUNIT_CASE(may_consist_of_huge_pages),
	KUNIT_CASE(the_kernel_may_map_it),
	KUNIT_CASE(the_kernel_sees_it_once_it_asks),
	KUNIT_CASE(it_may_not_come_to_be_seen),
	KUNIT_CASE(is_pinned_while_prepared),
	KUNIT_CASE(is_shown_to_its_process),
	KUNIT_CASE(its_process_pays_while_prepared),
	KUNIT_CASE(is_not_shown_any_more_at_its_end),
	KUNIT_CASE(takes_only_its_own_away),
	KUNIT_CASE(takes_nothing_away_that_has_just_come),
	KUNIT_CASE(may_end_in_the_middle_of_anything),
	KUNIT_CASE(addresses_are_given_back_later),
	KUNIT_CASE(a_process_that_is_told),
	KUNIT_CASE(addresses_have_a_time_of_their_own),
	KUNIT_CASE(outlives_its_process),
	KUNIT_CASE(its_rights_end_with_its_process),
	KUNIT_CASE(is_the_processes_not_the_threads),
	KUNIT_CASE(holds_a_copy),
	KUNIT_CASE(holds_a_copy_of_the_kernels),
	KUNIT_CASE(refuses_copies),
	KUNIT_CASE(each_failure_is_undone),
	{}
};

static struct kunit_suite pageable_suite = {
	.name = "iomd_pageable",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = pageable_cases,
};

kunit_test_suite(pageable_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's pageable buffers");
MODULE_LICENSE("GPL");
