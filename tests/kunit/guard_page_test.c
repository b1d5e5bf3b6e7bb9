// SPDX-License-Identifier: GPL-2.0
/*
 * IOGuardPageMemoryDescriptor: pages that are out of reach.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "composites.h"

#define BOTH	IOMD_DIRECTION_OUT_IN

static struct iomd *guard_of(struct kunit *test, u64 size)
{
	return made(test, iomd_guard_page_with_size(size));
}

/* Of any class, as whoever maps it asks. */
static bool is_guard(struct iomd *md, u64 offset, u64 *length)
{
	if (md->ops->is_guard)
		return md->ops->is_guard(md, offset, length);
	*length = iomd_get_length(md) - offset;
	return false;
}

static void sizes_are_pages(struct kunit *test)
{
	static const u64 sizes[][2] = {
		{ 1, PAGE_SIZE }, { PAGE_SIZE - 1, PAGE_SIZE }, { PAGE_SIZE, PAGE_SIZE },
		{ PAGE_SIZE + 1, 2 * PAGE_SIZE }, { BIT_ULL(44) + 5, BIT_ULL(44) + PAGE_SIZE },
		{ U64_MAX - PAGE_SIZE, U64_MAX - PAGE_SIZE + 1 },
		{ -(u64)PAGE_SIZE, -(u64)PAGE_SIZE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct iomd *md = guard_of(test, sizes[i][0]);

		KUNIT_EXPECT_EQ(test, iomd_get_length(md), sizes[i][1]);
		iomd_release(md);
	}
	expect_refusal(test, iomd_guard_page_with_size(0), -EINVAL);
	expect_refusal(test, iomd_guard_page_with_size(U64_MAX), -EINVAL);
	expect_refusal(test, iomd_guard_page_with_size(U64_MAX - PAGE_SIZE + 2), -EINVAL);
}

static void accessors(struct kunit *test)
{
	struct iomd *md = guard_of(test, 1);

	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_guard_page_meta_class);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), BOTH);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), BOTH | IOMD_MEMORY_AS_REFERENCE);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
	iomd_release(md);
}

static void has_no_memory(struct kunit *test)
{
	struct iomd *md = guard_of(test, 3 * PAGE_SIZE);
	struct iomd_segment_iter iter;
	u64 resident = 1, dirty = 1;
	unsigned int round;
	u8 byte;

	for (round = 0; round < 2; round++) {
		u64 length = 1;

		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0, &length, 0), 0ULL);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, PAGE_SIZE, NULL, 0),
				0ULL);
		iomd_for_each_segment(iter, md, 0, U64_MAX)
			KUNIT_FAIL(test, "a segment of nothing");
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, &dirty), 0);
	KUNIT_EXPECT_EQ(test, resident, 0ULL);
	KUNIT_EXPECT_EQ(test, dirty, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, NULL),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, current, 0, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &resident), (u64)3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, resident, 0ULL);
	iomd_release(md);
}

static void counts_preparations(struct kunit *test)
{
	struct iomd *md = guard_of(test, 1);
	u64 first, second;

	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	/* For which direction first does not matter. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), 0);
	first = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), first);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	second = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GT(test, second, first);
	iomd_release(md);
}

static void no_device_can_have_it(struct kunit *test)
{
	struct iomd *md = guard_of(test, 1);
	struct iomd_dma_map *map;

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	map = iomd_dma_map(md, fake_device(test), 0, 1, 0);
	KUNIT_EXPECT_TRUE(test, IS_ERR(map));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

/* Around data, as deep as it may be, it is known for what it is. */
static void is_known_in_composites(struct kunit *test)
{
	struct iomd *before, *data, *after, *multi, *sub, *outer;
	unsigned int pages;
	struct leaf leaf;
	u64 at, length, rest;

	leaf_make(&leaf, test, 1);
	data = made(test, leaf_describe(&leaf, BOTH));
	KUNIT_EXPECT_FALSE(test, is_guard(data, 0, &length));
	for (pages = 1; pages <= 4; pages++) {
		u64 bytes = (u64)pages * PAGE_SIZE;

		before = guard_of(test, bytes);
		after = guard_of(test, bytes);
		multi = made(test, iomd_multi_with_descriptors((struct iomd *[]) {
			before, data, after }, 3, BOTH, false));
		sub = made(test, iomd_sub_with_sub_range(multi, 100,
							 iomd_get_length(multi) - 200, BOTH));
		outer = made(test, iomd_interleaved_with_capacity(2, BOTH));
		KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(outer, sub, 0, 7), 0);
		rest = iomd_get_length(sub) - 7;
		KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(outer, sub, 7, rest),
				0);
		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(multi, NULL), 2 * bytes + PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, iomd_prepare(outer, 0), 0);

		for (at = 0; at < iomd_get_length(multi); at += 50) {
			bool hole = at < bytes || at >= bytes + PAGE_SIZE;
			u64 end = at < bytes ? bytes : at < bytes + PAGE_SIZE ? bytes + PAGE_SIZE :
				  2 * bytes + PAGE_SIZE, left;

			KUNIT_EXPECT_EQ(test, is_guard(multi, at, &length), hole);
			KUNIT_EXPECT_EQ(test, length, end - at);
			KUNIT_EXPECT_EQ(test, iomd_get_physical_segment(multi, at, &left, 0) != 0,
					!hole);
			if (at < 100 || at >= iomd_get_length(multi) - 100)
				continue;
			KUNIT_EXPECT_EQ(test, is_guard(sub, at - 100, &length), hole);
			KUNIT_EXPECT_EQ(test, length,
					min(end, iomd_get_length(multi) - 100) - at);
			KUNIT_EXPECT_EQ(test, is_guard(outer, at - 100, &length), hole);
			KUNIT_EXPECT_EQ(test, length, at == 100 ? 7ULL :
					min(end, iomd_get_length(multi) - 100) - at);
		}
		KUNIT_EXPECT_EQ(test, iomd_complete(outer, 0), 0);
		iomd_release(outer);
		iomd_release(sub);
		iomd_release(multi);
		iomd_release(after);
		iomd_release(before);
	}
	iomd_release(data);
	leaf_free(&leaf);
}

static void a_new_instance_may_be_set_up_later(struct kunit *test)
{
	struct iomd *md = os_object_alloc(&iomd_guard_page_meta_class);
	struct iomd *other = made(test, iomd_with_physical_address(0x10000, 100, 0));

	KUNIT_ASSERT_NOT_NULL(test, md);
	KUNIT_EXPECT_EQ(test, iomd_guard_page_init_with_size(md, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_guard_page_init_with_size(md, PAGE_SIZE + 1), 0);
	KUNIT_EXPECT_EQ(test, iomd_guard_page_init_with_size(md, PAGE_SIZE + 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_guard_page_init_with_size(other, PAGE_SIZE + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)2 * PAGE_SIZE);
	iomd_release(md);
	md = os_object_alloc(&iomd_guard_page_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, md);
	iomd_release(md);
	iomd_release(other);
}

static int make_and_prepare(struct kunit *test, void *data)
{
	struct iomd *md = iomd_guard_page_with_size(1);

	if (IS_ERR(md))
		return PTR_ERR(md);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	/* Its end ends that, too. */
	iomd_release(md);
	return 0;
}

static void every_step_may_fail(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, fail_each_step(test, make_and_prepare, NULL), 1U);
}

static struct kunit_case guard_page_cases[] = {
	KUNIT_CASE(sizes_are_pages),
	KUNIT_CASE(accessors),
	KUNIT_CASE(has_no_memory),
	KUNIT_CASE(counts_preparations),
	KUNIT_CASE(no_device_can_have_it),
	KUNIT_CASE(is_known_in_composites),
	KUNIT_CASE(a_new_instance_may_be_set_up_later),
	KUNIT_CASE(every_step_may_fail),
	{}
};

static struct kunit_suite guard_page_suite = {
	.name = "iomd_guard_page",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = guard_page_cases,
};

kunit_test_suite(guard_page_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd_guard_page");
MODULE_LICENSE("GPL");
