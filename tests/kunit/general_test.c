// SPDX-License-Identifier: GPL-2.0
/*
 * What general descriptors can do besides being prepared: labels, cache upkeep,
 * persistent and remote memory, iterators, being given other memory.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include <asm/unistd.h>

#include "../../src/debug/knobs.h"
#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define KERNEL	IOMD_KERNEL_TASK

static struct iomd *describe(struct kunit *test, u64 address, u64 length, u64 options,
			     struct task_struct *task)
{
	return made(test, iomd_with_address_range(address, length, options, task));
}

/*
 * Words that are kept
 */

static void vm_tags_are_kept(struct kunit *test)
{
	struct iomd *md = describe(test, 0x1000, 1, 0, IOMD_PHYSICAL_TASK);

	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, KERNEL), 0U);
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, current), 0U);
	iomd_set_vm_tags(md, 0xfeedf00d, 0x10001);
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, KERNEL), 0xfeedf00dU);
	/* Whatever is not the kernel's is the users'. */
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, current), 0x10001U);
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, NULL), 0x10001U);
	iomd_set_vm_tags(md, 0, 0);
	KUNIT_EXPECT_EQ(test, iomd_get_vm_tag(md, KERNEL), 0U);
	iomd_release(md);
}

static void mapper_options_are_kept(struct kunit *test)
{
	struct iomd *md = describe(test, 0x1000, 1, 0, IOMD_PHYSICAL_TASK);

	KUNIT_EXPECT_EQ(test, iomd_get_mapper_options(md), 0);
	iomd_set_mapper_options(md, 0xffff);
	KUNIT_EXPECT_EQ(test, iomd_get_mapper_options(md), 0xffff);
	iomd_set_mapper_options(md, IOMD_MAPPER_TRANSIENT);
	KUNIT_EXPECT_EQ(test, iomd_get_mapper_options(md), IOMD_MAPPER_TRANSIENT);
	iomd_release(md);
}

/* The module has done it; those that do it again change nothing. */
static void may_be_initialized_again(struct kunit *test)
{
	struct iomd *md = describe(test, 0x1000, 1, 0, IOMD_PHYSICAL_TASK);
	u64 id = iomd_get_preparation_id(md);

	iomd_initialize();
	iomd_initialize();
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), id);
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("iomd_general"),
			    &iomd_general_meta_class);
	iomd_release(md);
}

static void an_id_is_set_once(struct kunit *test)
{
	struct fake *fake = fake_make_plain(test, 1, BOTH);
	struct iomd *physical = describe(test, 0x1000, 1, 0, IOMD_PHYSICAL_TASK);
	u64 id;

	iomd_set_preparation_id(physical);
	id = iomd_get_preparation_id(physical);
	KUNIT_EXPECT_GE(test, id, BIT_ULL(32));
	iomd_set_preparation_id(physical);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(physical), id);
	/* A class that has none does not get one so. */
	iomd_set_preparation_id(&fake->md);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(&fake->md),
			IOMD_PREPARATION_ID_UNSUPPORTED);
	iomd_release(&fake->md);
	iomd_release(physical);
}

/*
 * Caches
 */

static const u32 operations[] = {
	IOMD_MEMORY_INCOHERENT_IO_STORE, IOMD_MEMORY_INCOHERENT_IO_FLUSH,
};

/* @md: readable, of @length bytes */
static void check_operations(struct kunit *test, struct iomd *md, u64 length)
{
	const struct {
		u64 offset, length;
		int result;
	} table[] = {
		{ 0, length, 0 }, { 0, 0, 0 }, { 1, 1, 0 }, { length - 1, 1, 0 }, { length, 0, 0 },
		{ length / 2, length, 0 }, { length, 1, 0 }, { 1, U64_MAX, 0 },
		{ length + 1, 0, -EINVAL }, { length + 1, 1, -EINVAL }, { U64_MAX, 1, -EINVAL },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		for (j = 0; j < ARRAY_SIZE(table); j++)
			KUNIT_EXPECT_EQ_MSG(test, iomd_perform_operation(md, operations[i],
									 table[j].offset,
									 table[j].length),
					    table[j].result, "row %u", j);
}

static void expect_operations(struct kunit *test, struct iomd *md, int result)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		KUNIT_EXPECT_EQ(test, iomd_perform_operation(md, operations[i], 0, 1), result);
}

static void caches_are_written_back(struct kunit *test)
{
	struct iomd *md, *multi, *guard, *with_hole;
	struct leaf leaf;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_PMEM_API))
		kunit_skip(test, "the architecture exports nothing for it");
	leaf_make(&leaf, test, 3);
	fill_pattern(leaf.area.address, 0, leaf.length);
	md = made(test, leaf_describe(&leaf, BOTH));
	expect_operations(test, md, -EAGAIN);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	check_operations(test, md, leaf.length);
	multi = made(test, iomd_multi_with_descriptors((struct iomd *[]) { md, md }, 2, BOTH,
						       false));
	check_operations(test, multi, 2 * leaf.length);
	guard = made(test, iomd_guard_page_with_size(1));
	with_hole = made(test, iomd_multi_with_descriptors((struct iomd *[]) { md, guard, md }, 3,
							   BOTH, false));
	expect_operations(test, with_hole, 0);
	KUNIT_EXPECT_EQ(test, iomd_perform_operation(with_hole, operations[0], 0, U64_MAX),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address, 0, leaf.length),
			(size_t)leaf.length);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_operations(test, multi, -EAGAIN);
	iomd_release(with_hole);
	iomd_release(guard);
	iomd_release(multi);
	iomd_release(md);
	/* Physical memory; a device's has nothing in the cache. */
	md = describe(test, page_to_phys(leaf.area.pages[0]) + 5, 100, 0, IOMD_PHYSICAL_TASK);
	check_operations(test, md, 100);
	iomd_release(md);
	md = made(test, iomd_device_memory_with_range(NO_RAM, 0x1000));
	check_operations(test, md, 0x1000);
	iomd_release(md);
	leaf_free(&leaf);
}

static void refuses_other_operations(struct kunit *test)
{
	static const u32 others[] = {
		0, 3, IOMD_MEMORY_CLEAR_ENCRYPTED, IOMD_MEMORY_SET_ENCRYPTED,
		IOMD_MEMORY_INCOHERENT_IO_STORE | 0x100, ~0U,
	};
	struct iomd *md = describe(test, 0x1000, 16, 0, IOMD_PHYSICAL_TASK);
	struct iomd *remote = describe(test, 0x1000, 16, IOMD_MEMORY_REMOTE, IOMD_PHYSICAL_TASK);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_EQ(test, iomd_perform_operation(md, others[i], 0, 16), -EOPNOTSUPP);
	expect_operations(test, remote,
			  IS_ENABLED(CONFIG_ARCH_HAS_PMEM_API) ? -ENXIO : -EOPNOTSUPP);
	iomd_release(remote);
	iomd_release(md);
}

/*
 * What is no buffer
 */

static void is_no_buffer(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	u64 resident = 77, dirty = 77;
	struct area area;
	struct iomd *mds[2];
	unsigned int i;

	area_make(&area, puppet, AREA_SCATTERED, 4);
	mds[0] = describe(test, area.address + 1, 3 * P, IOMD_DIRECTION_IN, puppet->task);
	mds[1] = describe(test, 0x1000, 16, 0, IOMD_PHYSICAL_TASK);
	for (i = 0; i < 2; i++) {
		u32 old = 77;

		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(mds[i], IOMD_MEMORY_PURGEABLE_KEEP_CURRENT,
							 &old), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(mds[i], 0, &old), -EINVAL);
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(mds[i], 5, &old), -EINVAL);
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(mds[i], 0x10001, &old), -EINVAL);
		KUNIT_EXPECT_EQ(test, old, 77U);
		KUNIT_EXPECT_EQ(test, iomd_set_ownership(mds[i], puppet->task, 0, 0), -EAGAIN);
		KUNIT_EXPECT_EQ(test, iomd_set_ownership(mds[i], puppet->task, 6, 0), -EINVAL);
		KUNIT_EXPECT_EQ(test, iomd_get_page_counts(mds[i], &resident, &dirty), -EAGAIN);
	}
	KUNIT_EXPECT_EQ(test, resident, 77ULL);
	KUNIT_EXPECT_EQ(test, dirty, 77ULL);
	/* Whole pages, among them those of which little is described. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(mds[0], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(mds[0], &resident, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(mds[0], NULL, &dirty), 0);
	KUNIT_EXPECT_EQ(test, resident, 4ULL);
	KUNIT_EXPECT_LE(test, dirty, 4ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(mds[0], 0), 0);
	for (i = 0; i < 2; i++)
		iomd_release(mds[i]);
}

/*
 * Persistent memory
 */

struct persistent {
	struct puppet *puppet;
	struct area area;
};

static struct iomd *describe_persistent(struct persistent *persistent)
{
	struct iomd_address_range ranges[2] = {
		area_range(&persistent->area, 100, 2 * P), area_range(&persistent->area, 4 * P, P),
	};

	return iomd_with_address_ranges(ranges, 2, BOTH | IOMD_MEMORY_PERSISTENT,
					persistent->puppet->task);
}

/* Other pages in place of the area's. */
static void replace(struct persistent *persistent)
{
	struct area *area = &persistent->area;
	u64 address;

	address = (unsigned long)puppet_syscall(area->puppet, __NR_mmap, area->address,
						area_bytes(area), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	KUNIT_ASSERT_EQ(area->puppet->test, address, area->address);
	area_fill(area);
}

static void the_same_memory_is_the_same_descriptor(struct kunit *test)
{
	struct persistent persistent = { .puppet = puppet_start(test) };
	struct iomd *md;

	area_make(&persistent.area, persistent.puppet, AREA_SCATTERED, 5);
	md = made(test, describe_persistent(&persistent));
	/* Unprepared, it shows what is there next time. */
	KUNIT_EXPECT_PTR_EQ(test, iomd_with_persistent_memory_descriptor(md), md);
	iomd_release(md);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_with_persistent_memory_descriptor(md), md);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 2U);
	iomd_release(md);
	/* It is prepared as often as before. */
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&persistent.puppet->mm->pinned_vm), 0L);
	iomd_release(md);
}

static void other_memory_is_another_descriptor(struct kunit *test)
{
	struct persistent persistent = { .puppet = puppet_start(test) };
	struct iomd *md, *again;
	struct image image;
	u8 *bytes = kunit_kmalloc(test, P, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	area_make(&persistent.area, persistent.puppet, AREA_SCATTERED, 5);
	area_look_up(&persistent.area);
	md = made(test, describe_persistent(&persistent));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	replace(&persistent);
	again = made(test, iomd_with_persistent_memory_descriptor(md));
	KUNIT_EXPECT_PTR_NE(test, again, md);
	KUNIT_EXPECT_EQ(test, iomd_get_length(again), 3 * P);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(again), iomd_get_flags(md));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(again), IOMD_PREPARATION_ID_UNPREPARED);
	/* The old one keeps what it has, the new one has what is there. */
	image_init(&image, test, 10);
	image_add_area(&image, &persistent.area, (struct iomd_address_range[]) {
		area_range(&persistent.area, 100, 2 * P),
		area_range(&persistent.area, 4 * P, P) }, 2);
	image_check(&image, md);
	KUNIT_ASSERT_EQ(test, iomd_prepare(again, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(again, 2 * P, bytes, P), P);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes, 4 * P, P), P);
	/* And is as persistent itself. */
	KUNIT_EXPECT_PTR_EQ(test, iomd_with_persistent_memory_descriptor(again), again);
	iomd_release(again);
	KUNIT_EXPECT_EQ(test, iomd_complete(again, 0), 0);
	iomd_release(again);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void what_is_gone_has_no_descriptor(struct kunit *test)
{
	struct persistent persistent = { .puppet = puppet_start(test) };
	struct iomd *md;

	area_make(&persistent.area, persistent.puppet, AREA_SCATTERED, 5);
	md = made(test, describe_persistent(&persistent));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_ASSERT_EQ(test, puppet_syscall(persistent.puppet, __NR_munmap,
					     persistent.area.address + 4 * P, P), 0L);
	expect_refusal(test, iomd_with_persistent_memory_descriptor(md), -EFAULT);
	puppet_kill(persistent.puppet);
	expect_refusal(test, iomd_with_persistent_memory_descriptor(md), -ESRCH);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void refuses_what_is_not_persistent(struct kunit *test)
{
	struct iomd *md = describe(test, 0x1000, 16, 0, IOMD_PHYSICAL_TASK);
	struct iomd *persistent = describe(test, (unsigned long)test, 16, IOMD_MEMORY_PERSISTENT,
					   KERNEL);
	struct iomd *sub = made(test, iomd_sub_with_sub_range(persistent, 0, 1, 0));

	expect_refusal(test, iomd_with_persistent_memory_descriptor(NULL), -EINVAL);
	expect_refusal(test, iomd_with_persistent_memory_descriptor(md), -EINVAL);
	expect_refusal(test, iomd_with_persistent_memory_descriptor(sub), -EINVAL);
	iomd_release(sub);
	iomd_release(persistent);
	iomd_release(md);
}

/*
 * Another machine's memory
 */

static void remote_memory_is_only_told(struct kunit *test)
{
	struct iomd *md = describe(test, BIT_ULL(50) + 3, BIT_ULL(44) + 1,
				   IOMD_MEMORY_REMOTE | BOTH, IOMD_PHYSICAL_TASK);
	u64 length;
	u8 byte;

	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_MAPPER_NONE);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 5, &length, 0), BIT_ULL(50) + 8);
	KUNIT_EXPECT_EQ(test, length, BIT_ULL(44) + 1 - 5);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 5, &length,
							     IOMD_MEMORY_SEGMENT_LOCAL), 0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, &byte, 1), 0ULL);
	iomd_release(md);
	/* Addresses that nobody here has. */
	md = describe(test, 0x1000, BIT_ULL(44), IOMD_MEMORY_REMOTE | BOTH, KERNEL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ENXIO);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0ULL);
	KUNIT_EXPECT_EQ(test, 0x1001ULL,
			(u64)iomd_get_physical_segment(md, 1, &length,
						       IOMD_MEMORY_SEGMENT_SOURCE));
	iomd_release(md);
}

/*
 * Iterators
 */

static struct iomd *from_iter(struct iov_iter *iter, struct task_struct *task)
{
	return iomd_with_options(iter, 1, 0, task, IOMD_MEMORY_TYPE_UIO | BOTH, NULL);
}

static void check_iter(struct kunit *test, struct iov_iter *iter, struct task_struct *task,
		       struct iov_iter *wrong, struct image *image)
{
	size_t left = iov_iter_count(iter);
	struct iomd *md = made(test, from_iter(iter, task));

	KUNIT_EXPECT_EQ(test, iov_iter_count(iter), left);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	/* It is somebody else's, and then it is at its end. */
	expect_refusal(test, from_iter(wrong, task), -EINVAL);
	expect_refusal(test, from_iter(iter, NULL), -EINVAL);
	iov_iter_advance(iter, left);
	expect_refusal(test, from_iter(iter, task), -EINVAL);
}

static void iterators_over_everything(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iov_iter user, kernel;
	struct bio_vec bvecs[4] = {};
	struct area area;
	struct image image;
	struct leaf leaf;
	unsigned int i;

	area_make(&area, puppet, AREA_SCATTERED, 3);
	area_look_up(&area);
	leaf_make(&leaf, test, 3);
	image_init(&image, test, 10);
	/* One user buffer, of which some has been consumed. */
	iov_iter_ubuf(&user, WRITE, (void __user *)(unsigned long)area.address, 2 * P + 7);
	iov_iter_advance(&user, P - 1);
	image_add_area(&image, &area, (struct iomd_address_range[]) {
		area_range(&area, P - 1, P + 8) }, 1);
	/* Pages, one of them empty: consumed into the middle of the third. */
	for (i = 0; i < 4; i++)
		bvecs[i] = (struct bio_vec) {
			.bv_page = leaf.area.pages[i % 3],
			.bv_offset = 10 * i,
			.bv_len = i == 1 ? 0 : 1000,
		};
	iov_iter_bvec(&kernel, WRITE, bvecs, 4, 2500);
	iov_iter_advance(&kernel, 1300);
	check_iter(test, &user, puppet->task, &kernel, &image);
	iov_iter_ubuf(&user, WRITE, (void __user *)(unsigned long)area.address, 1);
	image_clear(&image);
	image_add(&image, page_to_phys(leaf.area.pages[2]) + 20 + 300, 700);
	image_add(&image, page_to_phys(leaf.area.pages[0]) + 30, 500);
	check_iter(test, &kernel, KERNEL, &user, &image);
	leaf_free(&leaf);
}

static void refuses_other_iterators(struct kunit *test)
{
	struct iov_iter iter;

	iov_iter_discard(&iter, READ, 100);
	expect_refusal(test, from_iter(&iter, KERNEL), -EOPNOTSUPP);
	expect_refusal(test, from_iter(NULL, KERNEL), -EINVAL);
}

/*
 * Modifiers
 */

static void low_memory_may_be_asked_for(struct kunit *test)
{
	u64 direction = IOMD_DIRECTION_IN | IOMD_DIRECTION_PREPARE_TO_PHYS32;
	struct bio_vec vec = { .bv_len = 100 };
	struct iomd *md;

	vec.bv_page = alloc_page(GFP_KERNEL | GFP_DMA32);
	KUNIT_ASSERT_NOT_NULL(test, vec.bv_page);
	md = made(test, iomd_with_options(&vec, 1, 0, NULL,
					  IOMD_MEMORY_TYPE_UPL | IOMD_DIRECTION_IN, NULL));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, direction), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	/* Now what is asked for is lower than the page. */
	iomd_knob_low_end = page_to_phys(vec.bv_page) + 50;
	md = made(test, iomd_with_options(&vec, 1, 0, NULL,
					  IOMD_MEMORY_TYPE_UPL | IOMD_DIRECTION_IN, NULL));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, direction), -ERANGE);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	/* It is obeyed by the first prepare only. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, direction), 0);
	iomd_release(md);
	os_object_barrier();
	__free_page(vec.bv_page);
}

/*
 * Being given other memory
 */

static int retarget(struct iomd *md)
{
	struct iomd_address_range range = { 0x1000, 1 };

	return iomd_init_with_options(md, &range, 1, 0, NULL, IOMD_MEMORY_TYPE_PHYSICAL, NULL);
}

static void keeps_its_memory_while_it_is_used(struct kunit *test)
{
	struct device *device = fake_device(test);
	struct iomd_mapping *mapping;
	struct iomd_dma_map *map;
	struct iomd *md, *sub;
	struct leaf leaf;

	leaf_make(&leaf, test, 2);
	md = made(test, leaf_describe(&leaf, BOTH));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	map = iomd_dma_map(md, device, 0, leaf.length, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	KUNIT_EXPECT_EQ(test, retarget(md), -EBUSY);
	image_check(&leaf.image, md);
	iomd_dma_unmap(map);
	mapping = iomd_map(md, IOMD_MAP_UNIQUE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mapping));
	KUNIT_EXPECT_EQ(test, retarget(md), -EBUSY);
	iomd_mapping_release(mapping);
	sub = made(test, iomd_sub_with_sub_range(md, 0, 1, BOTH));
	KUNIT_EXPECT_EQ(test, retarget(md), -EBUSY);
	image_check(&leaf.image, md);
	iomd_release(sub);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, retarget(md), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 1ULL);
	iomd_release(md);
	leaf_free(&leaf);
}

/*
 * Failures
 */

struct attempt {
	struct puppet *puppet;
	struct area areas[3];
	struct leaf leaf;
	unsigned int way;
};

static struct iomd *attempt_to_describe(struct attempt *attempt)
{
	u64 leaf = (unsigned long)attempt->leaf.area.address;
	struct iomd_address_range ranges[3] = { { leaf, 3 * P }, { leaf + 5 * P, P }, { leaf, 7 } };
	struct area *area = &attempt->areas[attempt->way % 3];
	struct bio_vec bvecs[2] = {};
	struct iovec iovecs[2];
	struct iov_iter iter;
	unsigned int i;

	switch (attempt->way) {
	case 0 ... 2:
		for (i = 0; i < 3; i++)
			ranges[i] = area_range(area, 3 * i * P, 2 * P + 1);
		return iomd_with_address_ranges(ranges, 3, BOTH, attempt->puppet->task);
	case 3:
		return iomd_with_address_ranges(ranges, 3, BOTH, KERNEL);
	case 4:
		return iomd_with_address_ranges(ranges, 3, BOTH, IOMD_PHYSICAL_TASK);
	case 5:
		for (i = 0; i < 2; i++) {
			bvecs[i].bv_page = attempt->leaf.area.pages[i];
			bvecs[i].bv_len = 100;
		}
		iov_iter_bvec(&iter, WRITE, bvecs, 2, 200);
		return from_iter(&iter, KERNEL);
	default:
		for (i = 0; i < 2; i++)
			iovecs[i] = (struct iovec) {
				(void __user *)(unsigned long)(area->address + 2 * i * P), 100,
			};
		iov_iter_init(&iter, WRITE, iovecs, 2, 200);
		return from_iter(&iter, attempt->puppet->task);
	}
}

#define WAYS	7

static int describe_and_prepare(struct kunit *test, void *data)
{
	struct attempt *attempt = data;
	struct iomd *md = attempt_to_describe(attempt);
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md) != IOMD_PREPARATION_ID_UNPREPARED,
			!ret);
	KUNIT_EXPECT_EQ(test, (bool)atomic64_read(&attempt->puppet->mm->pinned_vm),
			!ret && (attempt->way < 3 || attempt->way > 5));
	/* What is prepared ends with it. */
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&attempt->puppet->mm->pinned_vm), 0L);
	return ret;
}

static void every_step_may_fail(struct kunit *test)
{
	struct attempt attempt = { .puppet = puppet_start(test) };
	unsigned int steps;

	area_make(&attempt.areas[0], attempt.puppet, AREA_SCATTERED, 10);
	area_make(&attempt.areas[1], attempt.puppet, AREA_MEMFD, 10);
	area_make(&attempt.areas[2], attempt.puppet, huge_if_any(), 10);
	leaf_make(&attempt.leaf, test, 6);
	iomd_knob_pin_batch = 2;
	iomd_knob_segment_block = 2;
	for (attempt.way = 0; attempt.way < WAYS; attempt.way++) {
		steps = fail_each_step(test, describe_and_prepare, &attempt);
		/* The object and the list of ranges; user memory is charged and pinned, too. */
		KUNIT_EXPECT_GE_MSG(test, steps, attempt.way < 3 ? 6U : 2U, "way %u", attempt.way);
	}
	leaf_free(&attempt.leaf);
}

static int look_again(struct kunit *test, void *data)
{
	struct persistent *persistent = data;
	struct iomd *md = describe_persistent(persistent), *again;
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	if (!ret) {
		again = iomd_with_persistent_memory_descriptor(md);
		ret = PTR_ERR_OR_ZERO(again);
		if (!ret)
			iomd_release(again);
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	}
	iomd_release(md);
	return ret;
}

static void every_look_may_fail(struct kunit *test)
{
	struct persistent persistent = { .puppet = puppet_start(test) };

	area_make(&persistent.area, persistent.puppet, AREA_SCATTERED, 5);
	/* Twice the same, and a copy of the ranges. */
	KUNIT_EXPECT_GE(test, fail_each_step(test, look_again, &persistent), 9U);
}

static struct kunit_case general_cases[] = {
	KUNIT_CASE(vm_tags_are_kept),
	KUNIT_CASE(mapper_options_are_kept),
	KUNIT_CASE(may_be_initialized_again),
	KUNIT_CASE(an_id_is_set_once),
	KUNIT_CASE(caches_are_written_back),
	KUNIT_CASE(refuses_other_operations),
	KUNIT_CASE(is_no_buffer),
	KUNIT_CASE(the_same_memory_is_the_same_descriptor),
	KUNIT_CASE(other_memory_is_another_descriptor),
	KUNIT_CASE(what_is_gone_has_no_descriptor),
	KUNIT_CASE(refuses_what_is_not_persistent),
	KUNIT_CASE(remote_memory_is_only_told),
	KUNIT_CASE(iterators_over_everything),
	KUNIT_CASE(refuses_other_iterators),
	KUNIT_CASE(low_memory_may_be_asked_for),
	KUNIT_CASE(keeps_its_memory_while_it_is_used),
	KUNIT_CASE(every_step_may_fail),
	KUNIT_CASE(every_look_may_fail),
	{}
};

static struct kunit_suite general_suite = {
	.name = "iomd_general",
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = general_cases,
};

kunit_test_suite(general_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's general descriptors");
MODULE_LICENSE("GPL");
