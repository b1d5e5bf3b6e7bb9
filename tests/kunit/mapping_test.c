// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor's memory as the kernel sees it.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#include "fixtures.h"

#define P	((u64)PAGE_SIZE)

static struct iomd_mapping *map(struct kunit *test, struct iomd *md, u64 options)
{
	struct iomd_mapping *mapping = iomd_map(md, options);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(mapping), "%ld", PTR_ERR(mapping));
	return mapping;
}

static u8 *address_of(struct iomd_mapping *mapping)
{
	return (u8 *)iomd_mapping_get_address(mapping);
}

static void expect_refusal(struct kunit *test, struct iomd *md, u64 options, int error)
{
	struct iomd_mapping *mapping = iomd_map(md, options);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(mapping), error, "%#llx", options);
	if (!IS_ERR(mapping))
		iomd_mapping_release(mapping);
}

static struct iomd *describe_user(struct kunit *test, struct area *area, u64 offset, u64 length,
				  u64 direction)
{
	struct iomd *md = iomd_with_address_range(area->address + offset, length, direction,
						  area->puppet->task);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	return md;
}

static u64 pinned(struct area *area)
{
	return atomic64_read(&area->puppet->mm->pinned_vm);
}

static void kernel_memory_stays_where_it_is(struct kunit *test)
{
	static u8 memory[100];
	void *mapped = vmalloc(3 * P);
	void * const all[] = { memory, mapped, mapped + P - 5 };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mapped);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		struct iomd *md = iomd_with_address(all[i], 100, IOMD_DIRECTION_OUT_IN);
		struct iomd_mapping *mapping;

		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		mapping = map(test, md, 0);
		KUNIT_EXPECT_PTR_EQ(test, (void *)address_of(mapping), all[i]);
		KUNIT_EXPECT_TRUE(test, iomd_mapping_get_map_options(mapping) & IOMD_MAP_STATIC);
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 100ULL);
		iomd_mapping_release(mapping);
		iomd_release(md);
	}
	os_object_barrier();
	vfree(mapped);
}

static void kernel_memory_may_have_another_address(struct kunit *test)
{
	static const u64 options[] = { IOMD_MAP_READ_ONLY, IOMD_MAP_UNIQUE };
	struct kernel_area area;
	unsigned int i;

	kernel_area_make(&area, test, 3);
	fill_pattern(area.address, 0, 3 * P);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct iomd *md = iomd_with_address(area.address + 10, 2 * P,
						    IOMD_DIRECTION_OUT_IN);
		struct iomd_mapping *mapping;

		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		mapping = map(test, md, options[i]);
		KUNIT_EXPECT_PTR_NE(test, (void *)address_of(mapping), area.address + 10);
		KUNIT_EXPECT_EQ(test, offset_in_page(address_of(mapping)), 10UL);
		KUNIT_EXPECT_FALSE(test, iomd_mapping_get_map_options(mapping) & IOMD_MAP_STATIC);
		KUNIT_EXPECT_TRUE(test, iomd_mapping_get_map_options(mapping) & options[i]);
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 10, 2 * P), 2 * P);
		/* The memory is the same, not a copy. */
		((u8 *)area.address)[P] ^= 1;
		KUNIT_EXPECT_NE(test, (u64)find_mismatch(address_of(mapping), 10, 2 * P), 2 * P);
		((u8 *)area.address)[P] ^= 1;
		iomd_mapping_release(mapping);
		iomd_release(md);
	}
	os_object_barrier();
	kernel_area_free(&area);
}

static const enum area_kind kinds[] = {
	AREA_SCATTERED, AREA_HUGE, AREA_HUGETLB, AREA_MEMFD,
};

static void kind_desc(const enum area_kind *kind, char *desc)
{
	strscpy(desc, area_names[*kind], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_desc);

static void user_memory(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;
	char word[6] = {};

	area_make(&area, puppet_start(test), *(const enum area_kind *)test->param_value, 20);
	area_fill(&area);
	md = describe_user(test, &area, 3 * P + 77, 12 * P, IOMD_DIRECTION_IN);
	mapping = map(test, md, 0);
	KUNIT_EXPECT_EQ(test, offset_in_page(address_of(mapping)), 77UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 12 * P);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 3 * P + 77, 12 * P), 12 * P);
	/* Each sees what the other one writes. */
	puppet_write(area.puppet, area.address + 3 * P + 77 + 5000, "user", 5);
	KUNIT_EXPECT_STREQ(test, (char *)address_of(mapping) + 5000, "user");
	memcpy(address_of(mapping) + 2 * P - 80, "kern", 5);
	puppet_read(area.puppet, area.address + 5 * P - 3, word, 5);
	KUNIT_EXPECT_STREQ(test, word, "kern");
	iomd_mapping_release(mapping);
	iomd_release(md);
}

static void physical_memory(struct kunit *test)
{
	u8 *memory = kmalloc(4 * P, GFP_KERNEL);
	struct iomd_mapping *mapping;
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	fill_pattern(memory, 0, 4 * P);
	md = iomd_with_physical_address(virt_to_phys(memory) + 1000, 2 * P, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	mapping = map(test, md, 0);
	KUNIT_EXPECT_EQ(test, offset_in_page(address_of(mapping)), 1000UL);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 1000, 2 * P), 2 * P);
	address_of(mapping)[P] = 1;
	KUNIT_EXPECT_EQ(test, memory[1000 + P], 1);
	iomd_mapping_release(mapping);
	iomd_release(md);
	os_object_barrier();
	kfree(memory);
}

static void several_ranges(struct kunit *test)
{
	struct iomd_address_range ranges[3];
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 10);
	area_fill(&area);
	/* They meet at page borders: seen behind each other. */
	ranges[0] = area_range(&area, 5 * P + 100, P - 100);
	ranges[1] = area_range(&area, 2 * P, 2 * P);
	ranges[2] = area_range(&area, 8 * P, 50);
	md = iomd_with_address_ranges(ranges, 3, IOMD_DIRECTION_OUT, area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	mapping = map(test, md, IOMD_MAP_READ_ONLY);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 5 * P + 100, P - 100),
			P - 100);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping) + P - 100, 2 * P, 2 * P),
			2 * P);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping) + 3 * P - 100, 8 * P, 50),
			50ULL);
	iomd_mapping_release(mapping);
	iomd_release(md);
	/* They don't. */
	ranges[1] = area_range(&area, 2 * P + 1, 2 * P - 1);
	md = iomd_with_address_ranges(ranges, 3, IOMD_DIRECTION_OUT, area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	expect_refusal(test, md, IOMD_MAP_READ_ONLY, -EINVAL);
	iomd_release(md);
}

static void accessors(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 2);
	md = describe_user(test, &area, 5, P, IOMD_DIRECTION_IN);
	mapping = map(test, md, IOMD_MAP_ANYWHERE);
	KUNIT_EXPECT_NE(test, iomd_mapping_get_address(mapping), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_virtual_address(mapping),
			iomd_mapping_get_address(mapping));
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_size(mapping), P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping), IOMD_MAP_ANYWHERE);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), md);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_retain(mapping), mapping);
	KUNIT_EXPECT_NULL(test, iomd_mapping_retain(NULL));
	iomd_mapping_release(NULL);
	iomd_mapping_release(mapping);

	KUNIT_EXPECT_EQ(test, pinned(&area), 2ULL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_virtual_address(mapping), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping), IOMD_MAP_ANYWHERE);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

static void keeps_what_it_shows(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 5);
	area_fill(&area);
	md = describe_user(test, &area, 100, 4 * P, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	mapping = map(test, md, 0);
	/* Neither the preparation of others is needed ... */
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&area), 5ULL);
	/* ... nor the descriptor, nor the owner of the memory. */
	iomd_release(md);
	os_object_barrier();
	puppet_kill(area.puppet);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 100, 4 * P), 4 * P);
	memset(address_of(mapping), 0, 4 * P);
	KUNIT_EXPECT_EQ(test, iomd_get_length(iomd_mapping_get_memory_descriptor(mapping)), 4 * P);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
}

static void is_not_taken_from_under_it(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 5);
	md = describe_user(test, &area, 0, 5 * P, IOMD_DIRECTION_IN);
	mapping = map(test, md, 0);
	/* A complete too many would be the end of what is mapped. */
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, pinned(&area), 5ULL);
	memset(address_of(mapping), 1, 5 * P);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
	iomd_release(md);
}

static void read_only(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	area_fill(&area);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(area.puppet, __NR_mprotect, area.address, 3 * P,
						 PROT_READ));
	md = describe_user(test, &area, 0, 3 * P, IOMD_DIRECTION_OUT);
	/* Not writable for its owner, not writable through us. */
	expect_refusal(test, md, 0, -EFAULT);
	mapping = map(test, md, IOMD_MAP_READ_ONLY);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(address_of(mapping), 0, 3 * P), 3 * P);
	/* It is prepared for reading now. */
	expect_refusal(test, md, 0, -EACCES);
	iomd_mapping_release(mapping);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	expect_refusal(test, md, 0, -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void refusals(struct kunit *test)
{
	struct iomd *empty = iomd_with_address_range(0, 0, 0, IOMD_KERNEL_TASK);
	struct area area;
	struct iomd *md;

	KUNIT_ASSERT_FALSE(test, IS_ERR(empty));
	expect_refusal(test, empty, 0, -EINVAL);
	iomd_release(empty);
	area_make(&area, puppet_start(test), AREA_SCATTERED, 1);
	md = describe_user(test, &area, 0, P, IOMD_DIRECTION_IN);
	expect_refusal(test, md, BIT_ULL(63), -EINVAL);
	expect_refusal(test, md, IOMD_DIRECTION_IN, -EINVAL);
	expect_refusal(test, md, IOMD_MEMORY_SEGMENT_WRITE, -EINVAL);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(area.puppet, __NR_munmap, area.address, P));
	expect_refusal(test, md, 0, -EFAULT);
	puppet_kill(area.puppet);
	expect_refusal(test, md, 0, -ESRCH);
	iomd_release(md);
}

static void release(void *data)
{
	iomd_mapping_release(data);
}

static void may_be_released_in_hard_irq(struct kunit *test)
{
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	md = describe_user(test, &area, 0, 3 * P, IOMD_DIRECTION_IN);
	call_in_hard_irq(test, release, map(test, md, 0));
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
	iomd_release(md);
}

static void unmap_for_device(void *data)
{
	iomd_dma_unmap(data);
}

/* Memory that a mapping prepared, and a device uses by the time that the mapping ends. */
static void a_device_outlives_the_mapping(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct iomd_dma_map *maps[2];
	struct iomd_dma_map *late;
	struct area area;
	struct iomd *md;
	unsigned int i;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	md = describe_user(test, &area, 0, 3 * P, IOMD_DIRECTION_IN);
	for (i = 0; i < 2; i++) {
		mapping = map(test, md, 0);
		maps[0] = iomd_dma_map(md, fake_device(test), 0, P, 0);
		maps[1] = iomd_dma_map(md, fake_device(test), P, P, 0);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(maps[0]), 0);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(maps[1]), 0);
		iomd_mapping_release(mapping);
		os_object_barrier();
		/* What the device has stays, but it is nobody's to complete, or to map anew. */
		KUNIT_EXPECT_EQ(test, pinned(&area), 3ULL);
		expect_warning_once("iomd: complete without a prepare");
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
		late = iomd_dma_map(md, fake_device(test), 0, P, 0);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(late), -EAGAIN);
		iomd_dma_unmap(maps[0]);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, pinned(&area), 3ULL);
		/* With PREEMPT_RT that is asked of no interrupt. */
		if (i || IS_ENABLED(CONFIG_PREEMPT_RT))
			iomd_dma_unmap(maps[1]);
		else
			call_in_hard_irq(test, unmap_for_device, maps[1]);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	}
	iomd_release(md);
}

/* Who prepares such memory has it as ever. */
static void what_a_device_has_can_be_prepared(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct iomd_dma_map *late;
	struct area area;
	struct iomd *md;
	u64 id;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	md = describe_user(test, &area, 0, 3 * P, IOMD_DIRECTION_IN);
	mapping = map(test, md, 0);
	id = iomd_get_preparation_id(md);
	late = iomd_dma_map(md, fake_device(test), 0, P, 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(late), 0);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), id);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	iomd_dma_unmap(late);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned(&area), 3ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
	iomd_release(md);
}

/* Other memory is described once the old one has been given back. */
static void what_a_device_had_can_be_exchanged(struct kunit *test)
{
	const u64 options = IOMD_DIRECTION_IN | IOMD_MEMORY_TYPE_VIRTUAL;
	struct iomd_address_range range;
	struct iomd_mapping *mapping;
	struct iomd_dma_map *late;
	struct area area;
	struct iomd *md;
	unsigned int i;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	range = area_range(&area, 0, 3 * P);
	md = describe_user(test, &area, 0, 3 * P, IOMD_DIRECTION_IN);
	for (i = 0; i < 20; i++) {
		mapping = map(test, md, 0);
		late = iomd_dma_map(md, fake_device(test), 0, P, 0);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(late), 0);
		iomd_mapping_release(mapping);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, area.puppet->task,
							     options, NULL), -EBUSY);
		iomd_dma_unmap(late);
		KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, area.puppet->task,
							     options, NULL), 0);
		KUNIT_EXPECT_EQ(test, pinned(&area), 0ULL);
	}
	iomd_release(md);
}

static struct kunit_case mapping_cases[] = {
	KUNIT_CASE(kernel_memory_stays_where_it_is),
	KUNIT_CASE(kernel_memory_may_have_another_address),
	KUNIT_CASE_PARAM(user_memory, kind_gen_params),
	KUNIT_CASE(physical_memory),
	KUNIT_CASE(several_ranges),
	KUNIT_CASE(accessors),
	KUNIT_CASE(keeps_what_it_shows),
	KUNIT_CASE(is_not_taken_from_under_it),
	KUNIT_CASE(read_only),
	KUNIT_CASE(refusals),
	KUNIT_CASE(may_be_released_in_hard_irq),
	KUNIT_CASE(a_device_outlives_the_mapping),
	KUNIT_CASE(what_a_device_has_can_be_prepared),
	KUNIT_CASE(what_a_device_had_can_be_exchanged),
	{}
};

static struct kunit_suite mapping_suite = {
	.name = "iomd_mapping",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = mapping_cases,
};

kunit_test_suite(mapping_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's mappings");
MODULE_LICENSE("GPL");
