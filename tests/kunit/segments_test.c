// SPDX-License-Identifier: GPL-2.0
/*
 * Segments: of physical ranges, and of prepared memory whose list may be long.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../../src/debug/knobs.h"
#include "fixtures.h"

#define GIB		BIT_ULL(30)
/* Where the last frame ends whose number fits in 32 bits. */
#define BEHIND_FRAMES	BIT_ULL(32 + PAGE_SHIFT)

/* Most entries of one block of the list; 0 is the normal one. */
static const unsigned int block_sizes[] = { 0, 2, 3, 5, 9 };

static void block_desc(const unsigned int *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "blocks of %u", *size);
}

KUNIT_ARRAY_PARAM(block, block_sizes, block_desc);

static void use_block_size(struct kunit *test)
{
	iomd_knob_segment_block = *(const unsigned int *)test->param_value;
}

static struct iomd *describe_physical(struct kunit *test, struct iomd_address_range *ranges,
				      u32 count)
{
	struct iomd *md = iomd_with_address_ranges(ranges, count, IOMD_DIRECTION_OUT,
						   IOMD_PHYSICAL_TASK);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	return md;
}

static void expect_refusal(struct kunit *test, struct iomd *md, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), error);
	if (!IS_ERR(md))
		iomd_release(md);
}

static void physical_needs_no_prepare(struct kunit *test)
{
	struct iomd *md = iomd_with_physical_address(0x12345678, 0x9000, IOMD_DIRECTION_IN);
	u64 length;

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x12345678ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0x1000, &length, 0),
			0x12346678ULL);
	KUNIT_EXPECT_EQ(test, length, 0x8000ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0x8fff, &length,
							     IOMD_MEMORY_MAPPER_NONE),
			0x1234e677ULL);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	iomd_release(md);
}

static void nothing_is_at_the_end(struct kunit *test)
{
	static const u64 offsets[] = { 100, 101, BIT_ULL(32), BIT_ULL(63), U64_MAX - 99, U64_MAX };
	struct iomd *md = iomd_with_physical_address(0x5000, 100, IOMD_DIRECTION_OUT);
	struct iomd_segment_iter iter;
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		u64 length = 77;

		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, offsets[i], &length, 0),
				0ULL);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, offsets[i], NULL, 0),
				0ULL);
		iomd_for_each_segment(iter, md, offsets[i], 1)
			KUNIT_FAIL(test, "a segment behind the end");
	}
	iomd_release(md);
}

static void nothing_is_in_empty_memory(struct kunit *test)
{
	static struct iomd_address_range ranges[] = { { 0, 0 }, { 0x1234, 0 }, { 0x5000, 0 } };
	struct task_struct * const tasks[] = { IOMD_PHYSICAL_TASK, IOMD_KERNEL_TASK };
	struct iomd_segment_iter iter;
	unsigned int count, i;

	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		for (count = 1; count <= ARRAY_SIZE(ranges); count++) {
			struct iomd *md = iomd_with_address_ranges(ranges, count, 0, tasks[i]);
			u64 length = 1;

			KUNIT_ASSERT_FALSE(test, IS_ERR(md));
			KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
			KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
			KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0ULL);
			iomd_get_physical_segment(md, 0, &length, 0);
			KUNIT_EXPECT_EQ(test, length, 0ULL);
			iomd_for_each_segment(iter, md, 0, U64_MAX)
				KUNIT_FAIL(test, "a segment of nothing");
			KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &length, 1), 0ULL);
			KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
			iomd_release(md);
		}
	}
}

static void one_range_may_be_huge(struct kunit *test)
{
	/* More than 32 bits of bytes, exactly n times that, more than 32 bits of pages. */
	static const u64 lengths[] = {
		4 * GIB - 1, 4 * GIB, 4 * GIB + 1, 8 * GIB, 5 * GIB + 3, BIT_ULL(FAR_BITS - 2),
		BIT_ULL(FAR_BITS - 1) + PAGE_SIZE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct iomd *md = iomd_with_physical_address(BIT_ULL(FAR_BITS) + 5, lengths[i],
							     IOMD_DIRECTION_OUT);
		struct image image;

		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		image_init(&image, test, 1);
		image_add(&image, BIT_ULL(FAR_BITS) + 5, lengths[i]);
		image_check(&image, md);
		image_check_query(&image, md, lengths[i] / 2);
		image_check_walk(&image, md, lengths[i] - 7, 7, NULL);
		iomd_release(md);
	}
}

static void adjacent_ranges_are_one_segment(struct kunit *test)
{
	struct iomd_address_range ranges[] = {
		{ 0x10000, 100 }, { 0x10064, 0x2000 }, { 0x12064, 1 }, { 0, 0 }, { 0x12065, 7 },
	};
	struct iomd *md = describe_physical(test, ranges, ARRAY_SIZE(ranges));
	struct image image;
	unsigned int segments;
	u64 length;

	image_init(&image, test, 1);
	image_add(&image, 0x10000, 100 + 0x2000 + 1 + 7);
	image_check(&image, md);
	image_check_walk(&image, md, 0, U64_MAX, &segments);
	KUNIT_EXPECT_EQ(test, segments, 1U);
	iomd_get_physical_segment(md, 50, &length, 0);
	KUNIT_EXPECT_EQ(test, length, image.length - 50);
	iomd_release(md);
}

static void other_ranges_are_not(struct kunit *test)
{
	/* The same twice, overlapping, in front of the one before, a gap of one byte. */
	struct iomd_address_range ranges[] = {
		{ 0x10000, 100 }, { 0x10000, 100 }, { 0x10032, 100 }, { 0xff00, 0x132 },
		{ 0x10033, 5 }, { 0x1000, 1 },
	};
	struct iomd *md = describe_physical(test, ranges, ARRAY_SIZE(ranges));
	struct image image;
	unsigned int i, segments;

	image_init(&image, test, ARRAY_SIZE(ranges));
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		image_add(&image, ranges[i].address, ranges[i].length);
	image_check(&image, md);
	image_check_walk(&image, md, 0, image.length, &segments);
	KUNIT_EXPECT_EQ(test, segments, (unsigned int)ARRAY_SIZE(ranges));
	iomd_release(md);
}

static void a_walk_is_cut_to_what_was_asked(struct kunit *test)
{
	struct iomd_address_range ranges[] = { { 0x10000, 10 }, { 0x20000, 1 }, { 0x30000, 9 } };
	struct iomd *md = describe_physical(test, ranges, ARRAY_SIZE(ranges));
	struct image image;
	u64 from, length;
	unsigned int i;

	image_init(&image, test, ARRAY_SIZE(ranges));
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		image_add(&image, ranges[i].address, ranges[i].length);
	for (from = 0; from <= 22; from++) {
		image_check_query(&image, md, from);
		for (length = 0; length <= 22; length++)
			image_check_walk(&image, md, from, length, NULL);
		image_check_walk(&image, md, from, U64_MAX - from, NULL);
		image_check_walk(&image, md, from, U64_MAX, NULL);
	}
	iomd_release(md);
}

static void refuses_what_wraps(struct kunit *test)
{
	static const struct iomd_address_range bad[] = {
		{ U64_MAX, 1 }, { U64_MAX, U64_MAX }, { 1, U64_MAX }, { U64_MAX - 4094, 4095 },
		{ -(u64)PAGE_SIZE, PAGE_SIZE }, { -(u64)PAGE_SIZE, PAGE_SIZE - 1 },
		{ BIT_ULL(63), BIT_ULL(63) },
	};
	struct task_struct * const tasks[] = { NULL, IOMD_KERNEL_TASK };
	struct iomd_address_range two[] = {
		{ 0x1000, 0x1000 }, { 0, 0 },
	}, halves[] = {
		{ 0, BIT_ULL(63) }, { 0, BIT_ULL(63) },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			expect_refusal(test, iomd_with_address_range(bad[j].address, bad[j].length,
								     0, tasks[i]), -EINVAL);
			two[1] = bad[j];
			expect_refusal(test, iomd_with_address_ranges(two, 2, 0, tasks[i]),
				       -EINVAL);
		}
		expect_refusal(test, iomd_with_address_ranges(halves, 2, 0, tasks[i]), -EINVAL);
		expect_refusal(test, iomd_with_address_ranges(NULL, 1, 0, tasks[i]), -EINVAL);
		expect_refusal(test, iomd_with_address_ranges(two, 0, 0, tasks[i]), -EINVAL);
	}
}

static void accepts_the_last_page_that_does_not_wrap(struct kunit *test)
{
	const u64 last = BITS_PER_LONG == 64 ? -2 * (u64)PAGE_SIZE : BEHIND_FRAMES - PAGE_SIZE;
	struct iomd *md = iomd_with_physical_address(last, PAGE_SIZE, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), last);
	iomd_release(md);
}

/* A frame's number is a long, and must not name another frame. */
static void refuses_addresses_that_no_frame_has(struct kunit *test)
{
	static const struct iomd_address_range ranges[] = {
		{ BEHIND_FRAMES - 1, 2 }, { BEHIND_FRAMES, 1 }, { BEHIND_FRAMES + 0x1000, 0x1000 },
		{ 0x1000, BEHIND_FRAMES },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iomd_address_range range = ranges[i];
		struct image image;
		struct iomd *md;

		image_init(&image, test, 1);
		image_add(&image, range.address, range.length);
		if (BITS_PER_LONG == 64) {
			md = describe_physical(test, &range, 1);
			image_check(&image, md);
			iomd_release(md);
		} else {
			expect_refusal(test, iomd_with_address_ranges(&range, 1, 0,
								      IOMD_PHYSICAL_TASK), -EINVAL);
		}
		/* Another machine may have more. */
		md = iomd_with_address_ranges(&range, 1, IOMD_MEMORY_REMOTE, IOMD_PHYSICAL_TASK);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		image_check(&image, md);
		iomd_release(md);
	}
}

static void a_thousand_ranges(struct kunit *test)
{
	const unsigned int count = 1000;
	struct iomd_address_range *ranges;
	struct image image;
	struct iomd *md;
	unsigned int i;
	u64 at = 0;

	ranges = kunit_kcalloc(test, count, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	image_init(&image, test, count);
	for (i = 0; i < count; i++) {
		ranges[i].address = (u64)(count - i) << 33 | i * 97;
		ranges[i].length = 1 + (u64)i * i * i;
		image_add(&image, ranges[i].address, ranges[i].length);
	}
	md = describe_physical(test, ranges, count);
	/* The array is the caller's again. */
	memset(ranges, 0xff, count * sizeof(*ranges));
	image_check(&image, md);
	for (i = 0; i < count; i += 13) {
		image_check_walk(&image, md, at, 1 + 50000ULL * i, NULL);
		at += image.pieces[i].length / 2 + i;
	}
	iomd_release(md);
}

/* A list of any length, walked from and to every page, and between pages. */
static void long_lists(struct kunit *test)
{
	static const unsigned int page_counts[] = { 1, 2, 3, 4, 5, 8, 9, 10, 33, 125, 250, 400 };
	unsigned int i, page;

	use_block_size(test);
	for (i = 0; i < ARRAY_SIZE(page_counts); i++) {
		unsigned int pages = page_counts[i], segments;
		struct kernel_area area;
		struct image image;
		struct iomd *md;
		u64 length;

		kernel_area_make(&area, test, pages);
		length = (u64)pages * PAGE_SIZE - 700;
		image_init(&image, test, pages + 1);
		image_add_kernel(&image, area.address + 500, length);
		md = iomd_with_address(area.address + 500, length, IOMD_DIRECTION_OUT);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		image_check(&image, md);
		image_check_walk(&image, md, 0, length, &segments);
		KUNIT_EXPECT_EQ(test, segments, image.merged);
		for (page = 0; page < pages; page++) {
			u64 border = (u64)page * PAGE_SIZE + PAGE_SIZE - 500;

			image_check_walk(&image, md, border - 1, length, NULL);
			image_check_walk(&image, md, border + 1, 3 * PAGE_SIZE, NULL);
			image_check_walk(&image, md, 0, border, &segments);
			image_check_query(&image, md, border - 1);
			image_check_query(&image, md, border);
			image_check_query(&image, md, border + 2047);
		}
		iomd_release(md);
		os_object_barrier();
		kernel_area_free(&area);
	}
}

/* Several ranges with odd ends in one list. */
static void lists_of_many_ranges(struct kunit *test)
{
	const unsigned int pages = 60, count = 150;
	struct iomd_address_range *ranges;
	struct kernel_area area;
	struct image image;
	struct iomd *md;
	unsigned int i;

	use_block_size(test);
	kernel_area_make(&area, test, pages);
	ranges = kunit_kcalloc(test, count, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	image_init(&image, test, 2000);
	for (i = 0; i < count; i++) {
		u64 offset = rest_of(i * 7919ULL, pages * PAGE_SIZE - 9000);
		u64 length = i * 613 % 9000;

		ranges[i].address = (unsigned long)area.address + offset;
		ranges[i].length = length;
		image_add_kernel(&image, area.address + offset, length);
	}
	md = iomd_with_address_ranges(ranges, count, IOMD_DIRECTION_IN, IOMD_KERNEL_TASK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	for (i = 0; i < 300; i++)
		image_check_walk(&image, md, rest_of(i * 10007ULL, image.length),
				 i * i % 30000, NULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	kernel_area_free(&area);
}

/* A random list of ranges against the most naive model of it. */
static void random_ranges(struct kunit *test)
{
	u32 seed = get_random_u32();
	unsigned int round, i;
	struct rnd_state random;
	struct image image;

	kunit_info(test, "seed %#x", seed);
	prandom_seed_state(&random, seed);
	image_init(&image, test, 40);
	for (round = 0; round < 200; round++) {
		struct iomd_address_range ranges[40];
		unsigned int count = 1 + prandom_u32_state(&random) % ARRAY_SIZE(ranges);
		struct iomd *md;

		image_clear(&image);
		for (i = 0; i < count; i++) {
			ranges[i].address = prandom_u32_state(&random) % 5000;
			ranges[i].length = prandom_u32_state(&random) % 300;
			if (i && prandom_u32_state(&random) % 3 == 0)
				ranges[i].address = ranges[i - 1].address + ranges[i - 1].length;
			image_add(&image, ranges[i].address, ranges[i].length);
		}
		md = describe_physical(test, ranges, count);
		if (!image_check(&image, md))
			KUNIT_FAIL(test, "in round %u", round);
		for (i = 0; i < 10 && image.length; i++)
			image_check_walk(&image, md,
					 prandom_u32_state(&random) % (u32)(image.length + 2),
					 prandom_u32_state(&random) % (u32)(image.length + 2),
					 NULL);
		iomd_release(md);
	}
}

/* What a driver's interrupt handler does: sum up and note what it sees. */
struct sight {
	struct iomd *md;
	unsigned int segments;
	u64 bytes, address, length, id;
	phys_addr_t middle;
};

static void look(void *data)
{
	struct sight *sight = data;
	struct iomd_segment_iter iter;

	iomd_retain(sight->md);
	iomd_for_each_segment(iter, sight->md, 0, U64_MAX) {
		sight->segments++;
		sight->bytes += iter.length;
		sight->address += iter.address;
	}
	sight->middle = iomd_get_physical_segment(sight->md, sight->bytes / 2, NULL, 0);
	sight->length = iomd_get_length(sight->md);
	sight->id = iomd_get_preparation_id(sight->md);
	iomd_get_flags(sight->md);
	iomd_get_direction(sight->md);
	iomd_set_tag(sight->md, iomd_get_tag(sight->md) + 1);
	iomd_release(sight->md);
}

static void may_be_walked_in_hard_irq(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct sight here = {}, there = {};
	struct area area;

	area_make(&area, puppet, AREA_SCATTERED, 300);
	here.md = iomd_with_address_range(area.address + 100, area_bytes(&area) - 200,
					  IOMD_DIRECTION_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(here.md));
	there.md = here.md;
	KUNIT_ASSERT_EQ(test, iomd_prepare(here.md, 0), 0);
	look(&here);
	call_in_hard_irq(test, look, &there);
	KUNIT_EXPECT_EQ(test, there.bytes, area_bytes(&area) - 200);
	KUNIT_EXPECT_GT(test, there.segments, 1U);
	KUNIT_EXPECT_EQ(test, there.segments, here.segments);
	KUNIT_EXPECT_EQ(test, there.address, here.address);
	KUNIT_EXPECT_EQ(test, (u64)there.middle, (u64)here.middle);
	KUNIT_EXPECT_EQ(test, there.length, here.length);
	KUNIT_EXPECT_EQ(test, there.id, here.id);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(here.md), 2U);
	KUNIT_EXPECT_EQ(test, iomd_complete(here.md, 0), 0);
	iomd_release(here.md);
}

static void query(void *data)
{
	struct sight *sight = data;

	sight->address = iomd_get_physical_segment(sight->md, 0, &sight->length, 0);
}

static void may_be_asked_for_in_hard_irq_unprepared(struct kunit *test)
{
	static char memory[100];
	struct sight sight = { .length = 1 };

	sight.md = iomd_with_address_range((unsigned long)memory, sizeof(memory), 0,
					   IOMD_KERNEL_TASK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sight.md));
	call_in_hard_irq(test, query, &sight);
	KUNIT_EXPECT_EQ(test, sight.address, 0ULL);
	KUNIT_EXPECT_EQ(test, sight.length, 0ULL);
	iomd_release(sight.md);
}

/* Adjacent pages of which one is elsewhere, at each place that a run's end is looked for. */
static void a_run_may_end_anywhere(struct kunit *test)
{
	static const unsigned int holes[] = { 1, 9, 18, 29, 41, 55, 72, 81 };
	struct iomd_address_range range;
	struct iomd *before, *md;
	struct image image;
	struct area area;
	unsigned int i;

	area_make(&area, puppet_start(test), AREA_HUGE, 512);
	range = area_range(&area, 0, area_bytes(&area));
	/* What is pinned is not free, so that no page comes back where it was. */
	before = iomd_with_address_range(range.address, range.length, IOMD_DIRECTION_IN,
					 area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(before));
	KUNIT_ASSERT_EQ(test, iomd_prepare(before, 0), 0);
	for (i = 0; i < ARRAY_SIZE(holes); i++)
		KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(area.puppet, __NR_madvise,
							 area.address + holes[i] * PAGE_SIZE,
							 PAGE_SIZE, MADV_DONTNEED));
	md = iomd_with_address_range(range.address, range.length, IOMD_DIRECTION_IN,
				     area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	area_look_up(&area);
	image_init(&image, test, area.pages);
	image_add_area(&image, &area, &range, 1);
	KUNIT_EXPECT_GE(test, image.merged, 2 * (unsigned int)ARRAY_SIZE(holes) + 1);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	KUNIT_EXPECT_EQ(test, iomd_complete(before, 0), 0);
	iomd_release(before);
}

/* A range that ends within a page is followed by nothing, though the next page is. */
static void a_cut_page_is_not_joined(struct kunit *test)
{
	struct iomd_address_range ranges[3];
	unsigned int segments;
	struct image image;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_HUGE, 512);
	ranges[0] = area_range(&area, 0, PAGE_SIZE + 100);
	ranges[1] = area_range(&area, 2 * PAGE_SIZE, PAGE_SIZE);
	ranges[2] = area_range(&area, 3 * PAGE_SIZE, 5);
	md = iomd_with_address_ranges(ranges, ARRAY_SIZE(ranges), IOMD_DIRECTION_IN,
				      area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	area_look_up(&area);
	image_init(&image, test, 4);
	image_add_area(&image, &area, ranges, ARRAY_SIZE(ranges));
	image_check(&image, md);
	image_check_walk(&image, md, 0, U64_MAX, &segments);
	KUNIT_EXPECT_EQ(test, segments, 2U);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static struct kunit_case segments_cases[] = {
	KUNIT_CASE(physical_needs_no_prepare),
	KUNIT_CASE(nothing_is_at_the_end),
	KUNIT_CASE(nothing_is_in_empty_memory),
	KUNIT_CASE(one_range_may_be_huge),
	KUNIT_CASE(adjacent_ranges_are_one_segment),
	KUNIT_CASE(other_ranges_are_not),
	KUNIT_CASE(a_walk_is_cut_to_what_was_asked),
	KUNIT_CASE(refuses_what_wraps),
	KUNIT_CASE(accepts_the_last_page_that_does_not_wrap),
	KUNIT_CASE(refuses_addresses_that_no_frame_has),
	KUNIT_CASE(a_thousand_ranges),
	KUNIT_CASE_PARAM(long_lists, block_gen_params),
	KUNIT_CASE_PARAM(lists_of_many_ranges, block_gen_params),
	KUNIT_CASE(random_ranges),
	KUNIT_CASE(may_be_walked_in_hard_irq),
	KUNIT_CASE(may_be_asked_for_in_hard_irq_unprepared),
	KUNIT_CASE(a_run_may_end_anywhere),
	KUNIT_CASE(a_cut_page_is_not_joined),
	{}
};

static struct kunit_suite segments_suite = {
	.name = "iomd_segments",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = segments_cases,
};

kunit_test_suite(segments_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's segments");
MODULE_LICENSE("GPL");
