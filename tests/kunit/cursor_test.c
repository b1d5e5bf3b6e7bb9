// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of physical segments: limits, joins, formats, and every way to go on.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "composites.h"

#define SEED	0x10c0de5eedULL

/* What ends a table's lists. */
#define END	{ 0, 0 }

static struct iomd_cursor *natural(struct kunit *test, u64 max_segment, u64 max_transfer)
{
	struct iomd_cursor *cursor;

	cursor = iomd_natural_cursor_with_specification(max_segment, max_transfer, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cursor));
	return cursor;
}

static struct iomd *physical(struct kunit *test, const struct iomd_address_range *ranges)
{
	u32 count = 0;

	while (ranges[count].length)
		count++;
	return made(test, iomd_with_address_ranges((void *)ranges, count,
						   IOMD_DIRECTION_OUT_IN, IOMD_PHYSICAL_TASK));
}

struct vector {
	struct iomd_address_range memory[4];
	u64 from, max_segment, max_transfer;
	u32 room;
	struct iomd_cursor_physical_segment output[5];
	u64 transfer;
};

static const struct vector vectors[] = {
	{ { { 0x10000, 0x1000 }, { 0x11000, 0x1000 }, { 0x20000, 0x800 }, END },
	  0, 0, 0, 16, { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END }, 0x2800 },
	{ { { 0x10000, 0x1000 }, { 0x11000, 0x1000 }, { 0x20000, 0x800 }, END },
	  0, 0x100000, 0, 16, { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END }, 0x2800 },
	{ { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END },
	  0, 0x1800, 0, 16, { { 0x10000, 0x1800 }, { 0x11800, 0x800 }, { 0x20000, 0x800 }, END },
	  0x2800 },
	{ { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END },
	  0, 0x1800, 0, 2, { { 0x10000, 0x1800 }, { 0x11800, 0x800 }, END }, 0x2000 },
	{ { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END },
	  0, 0x1800, 0x1900, 16, { { 0x10000, 0x1800 }, { 0x11800, 0x100 }, END }, 0x1900 },
	{ { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END },
	  0x1800, 0x100000, 0, 16, { { 0x11800, 0x800 }, { 0x20000, 0x800 }, END }, 0x1000 },
	{ { { 0x10000, 0x1000 }, { 0x11000, 0x1000 }, { 0x12000, 0x1000 }, END },
	  0, 0x1800, 0, 16, { { 0x10000, 0x1800 }, { 0x11800, 0x1800 }, END }, 0x3000 },
	/* The end, what lies beyond it, and its last byte. */
	{ { { 0x10000, 0x2000 }, END }, 0x2000, 0, 0, 16, { END }, 0 },
	{ { { 0x10000, 0x2000 }, END }, ~0ULL, 0, 0, 16, { END }, 0 },
	{ { { 0x10000, 0x2000 }, END }, 0x1fff, 0, 0, 16, { { 0x11fff, 1 }, END }, 1 },
	/* A limit that a segment ends at exactly. */
	{ { { 0x10000, 0x2000 }, { 0x20000, 0x800 }, END },
	  0, 0, 0x2000, 16, { { 0x10000, 0x2000 }, END }, 0x2000 },
	/* Address 0 is an address like any other. */
	{ { { 0, 0x1000 }, { 0x3000, 0x1000 }, END },
	  0, 0, 0, 16, { { 0, 0x1000 }, { 0x3000, 0x1000 }, END }, 0x2000 },
	/* More than 32 bits in one. */
	{ { { 0x100000000, 0x180000000 }, END }, 0, 0, 0, 16,
	  { { 0x100000000, 0x180000000 }, END }, 0x180000000 },
	{ { { 0x100000000, 0x180000000 }, END }, 0, ~0ULL, 0, 16,
	  { { 0x100000000, 0xffffffff }, { 0x1ffffffff, 0x80000001 }, END }, 0x180000000 },
};

static void check_vector(struct kunit *test, const struct vector *vector, unsigned int row,
			 struct iomd_cursor *cursor, u64 max_transfer)
{
	struct iomd_cursor_physical_segment output[16];
	struct iomd *md = physical(test, vector->memory);
	u64 transfer = 77;
	u32 count, i;

	memset(output, 0xee, sizeof(output));
	count = iomd_natural_cursor_get_physical_segments(cursor, md, vector->from, output,
							  vector->room, max_transfer, &transfer);
	KUNIT_EXPECT_EQ_MSG(test, transfer, vector->transfer, "row %u", row);
	for (i = 0; vector->output[i].length; i++) {
		KUNIT_EXPECT_EQ_MSG(test, output[i].location, vector->output[i].location,
				    "row %u", row);
		KUNIT_EXPECT_EQ_MSG(test, output[i].length, vector->output[i].length,
				    "row %u", row);
	}
	KUNIT_EXPECT_EQ_MSG(test, count, i, "row %u", row);
	/* What was not asked for was not touched. */
	KUNIT_EXPECT_EQ(test, output[i].length, 0xeeeeeeeeeeeeeeeeULL);
	iomd_release(md);
}

/* The limit of the transfer once the cursor's own, once the call's in its place. */
static void vectors_of_the_specification(struct kunit *test)
{
	unsigned int row;

	for (row = 0; row < ARRAY_SIZE(vectors); row++) {
		const struct vector *vector = &vectors[row];
		struct iomd_cursor *cursor;

		cursor = natural(test, vector->max_segment, vector->max_transfer);
		check_vector(test, vector, row, cursor, 0);
		iomd_cursor_release(cursor);
		cursor = natural(test, vector->max_segment, 1);
		check_vector(test, vector, row, cursor, vector->max_transfer ?: U64_MAX);
		iomd_cursor_release(cursor);
	}
}

static void expect_no_cursor(struct kunit *test, struct iomd_cursor *cursor)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(cursor), -EINVAL);
	if (!IS_ERR(cursor))
		iomd_cursor_release(cursor);
}

static void refuses_what_makes_no_sense(struct kunit *test)
{
	struct iomd_cursor *cursor;

	expect_no_cursor(test, iomd_cursor_with_specification(NULL, 0, 0, 1));
	expect_no_cursor(test, iomd_natural_cursor_with_specification(0, BIT_ULL(32), 1));
	expect_no_cursor(test, iomd_natural_cursor_with_specification(0, 0, 0));
	expect_no_cursor(test, iomd_big_cursor_with_specification(0, 0, 2));
	expect_no_cursor(test, iomd_little_cursor_with_specification(0, 0, 4096));
	cursor = natural(test, U64_MAX, U32_MAX);
	KUNIT_EXPECT_PTR_EQ(test, iomd_cursor_retain(cursor), cursor);
	iomd_cursor_release(cursor);
	iomd_cursor_release(cursor);
	KUNIT_EXPECT_NULL(test, iomd_cursor_retain(NULL));
	iomd_cursor_release(NULL);
}

static void no_memory_and_no_room(struct kunit *test)
{
	static const struct iomd_address_range memory[] = { { 0x10000, 0x2000 }, END };
	struct iomd_cursor_physical_segment output[2];
	struct iomd_cursor *cursor = natural(test, 0, 0);
	struct iomd *md = physical(test, memory);
	u64 transfer = 77;

	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, NULL, 0, output, 2, 0,
								&transfer), 0U);
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, md, 0, output, 0, 0,
								&transfer), 0U);
	KUNIT_EXPECT_EQ(test, transfer, 77ULL);
	/* Who does not want to know the bytes. */
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, md, 0, output, 2, 0,
								NULL), 1U);
	iomd_release(md);
	iomd_cursor_release(cursor);
}

/* A walk that fails ends; it is not repeated for ever. */
static void memory_that_is_not_prepared(struct kunit *test)
{
	struct iomd_cursor_physical_segment output[8];
	struct iomd_cursor *cursor = natural(test, 0x800, 0);
	struct iomd *parts[2], *both, *md;
	struct leaf leaf;
	u64 transfer = 77;

	leaf_make(&leaf, test, 2);
	md = leaf_describe(&leaf, IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, md, 0, output, 8, 0,
								&transfer), 0U);
	KUNIT_EXPECT_EQ(test, transfer, 0ULL);
	/* Behind some that is. */
	parts[0] = made(test, iomd_with_physical_address(0x10000, 0x1000, IOMD_DIRECTION_IN));
	parts[1] = md;
	both = made(test, iomd_multi_with_descriptors(parts, 2, IOMD_DIRECTION_IN, false));
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, both, 0, output, 8, 0,
								&transfer), 2U);
	KUNIT_EXPECT_EQ(test, transfer, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, both, 0x1000, output, 8,
								0, &transfer), 0U);
	KUNIT_EXPECT_EQ(test, transfer, 0ULL);
	iomd_release(both);
	iomd_release(parts[0]);
	iomd_release(md);
	os_object_barrier();
	leaf_free(&leaf);
	iomd_cursor_release(cursor);
}

static void formats(struct kunit *test)
{
	static const struct iomd_address_range memory[] = {
		{ 0x1020304050, 0x0102030405 }, { 0x7, 0x9 }, END
	};
	static const u8 big[32] = {
		0, 0, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 0, 0, 0, 0x01, 0x02, 0x03, 0x04, 0x05,
		0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0, 0x09,
	};
	struct iomd_cursor_physical_segment output[2];
	struct iomd *md = physical(test, memory);
	struct iomd_cursor *cursor;
	u8 little[32];
	int i;

	for (i = 0; i < 32; i++)
		little[i] = big[(i & ~7) + 7 - (i & 7)];
	cursor = iomd_big_cursor_with_specification(0, 0, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cursor));
	KUNIT_EXPECT_EQ(test, iomd_big_cursor_get_physical_segments(cursor, md, 0, output, 2, 0,
								    NULL), 2U);
	KUNIT_EXPECT_EQ(test, memcmp(output, big, 32), 0);
	iomd_cursor_release(cursor);
	cursor = iomd_little_cursor_with_specification(0, 0, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cursor));
	KUNIT_EXPECT_EQ(test, iomd_little_cursor_get_physical_segments(cursor, md, 0, output, 2,
								       0, NULL), 2U);
	KUNIT_EXPECT_EQ(test, memcmp(output, little, 32), 0);
	iomd_cursor_release(cursor);
	iomd_natural_cursor_output_segment((struct iomd_cursor_physical_segment) { 3, 4 },
					   output, 1);
	KUNIT_EXPECT_EQ(test, output[1].location, 3ULL);
	KUNIT_EXPECT_EQ(test, output[1].length, 4ULL);
	KUNIT_EXPECT_EQ(test, memcmp(output, little, 16), 0);
	iomd_release(md);
}

/* A format with less: number of the first page, and how many bytes, in 32 bits each. */
static void output_own(struct iomd_cursor_physical_segment segment, void *segments, u32 index)
{
	u32 (*list)[2] = segments;

	list[index][0] = segment.location >> 12;
	list[index][1] = segment.length;
}

static void a_format_of_the_callers(struct kunit *test)
{
	static const struct iomd_address_range memory[] = { { 0x10000, 0x2000 }, END };
	struct iomd *md = physical(test, memory);
	struct iomd_cursor *cursor;
	u32 output[3][2] = {};

	cursor = iomd_cursor_with_specification(output_own, 0x1000, 0, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cursor));
	KUNIT_EXPECT_EQ(test, iomd_cursor_gen_physical_segments(cursor, md, 0, output, 3, 0,
								NULL), 2U);
	KUNIT_EXPECT_EQ(test, output[0][0], 0x10U);
	KUNIT_EXPECT_EQ(test, output[1][0], 0x11U);
	KUNIT_EXPECT_EQ(test, output[1][1], 0x1000U);
	KUNIT_EXPECT_EQ(test, output[2][1], 0U);
	iomd_cursor_release(cursor);
	iomd_release(md);
}

struct in_irq {
	struct iomd_cursor *cursor;
	struct iomd *md;
	struct iomd_cursor_physical_segment output[4];
	u32 count;
};

static void generate_in_irq(void *data)
{
	struct in_irq *in_irq = data;

	in_irq->count = iomd_cursor_gen_physical_segments(in_irq->cursor, in_irq->md, 0,
							  in_irq->output, 4, 0, NULL);
}

static void in_hard_irq(struct kunit *test)
{
	struct in_irq in_irq = { .cursor = natural(test, 100, 0) };
	struct leaf leaf;

	leaf_make(&leaf, test, 2);
	in_irq.md = leaf_describe(&leaf, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_EQ(test, iomd_prepare(in_irq.md, 0), 0);
	call_in_hard_irq(test, generate_in_irq, &in_irq);
	KUNIT_EXPECT_EQ(test, in_irq.count, 4U);
	KUNIT_EXPECT_EQ(test, in_irq.output[3].length, 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(in_irq.md, 0), 0);
	iomd_release(in_irq.md);
	os_object_barrier();
	leaf_free(&leaf);
	iomd_cursor_release(in_irq.cursor);
}

/*
 * Random memory against a model
 */

static u64 below(struct rnd_state *random, u64 limit)
{
	u64 high = prandom_u32_state(random);

	return rest_of((high << 32) | prandom_u32_state(random), limit);
}

/* Ranges that often follow each other, seldom overlap, and may be empty. */
static struct iomd *random_memory(struct rnd_state *random, struct image *image)
{
	struct iomd_address_range ranges[12];
	u32 i, count = 1 + below(random, ARRAY_SIZE(ranges));
	u64 next = 0x100000;

	image_clear(image);
	for (i = 0; i < count; i++) {
		ranges[i].address = below(random, 3) ? next : below(random, BIT_ULL(40));
		ranges[i].length = below(random, 4) ? below(random, 0x3000) : below(random, 5);
		next = ranges[i].address + ranges[i].length;
		image_add(image, ranges[i].address, ranges[i].length);
	}
	return made(image->test, iomd_with_address_ranges(ranges, count, IOMD_DIRECTION_IN,
							  IOMD_PHYSICAL_TASK));
}

/* The list from @from on, as the specification says. */
static u64 check_list(const struct image *image, u64 from, u64 max_segment, u64 left, u32 room,
		      const struct iomd_cursor_physical_segment *output, u32 count)
{
	u64 at = from, run, length;
	u32 i;

	for (i = 0; i < room && at < image->length && left; i++) {
		phys_addr_t address = image_at(image, at, &run);

		length = min3(run, max_segment, left);
		if (i >= count || output[i].location != address || output[i].length != length) {
			KUNIT_FAIL(image->test, "from %#llx: element %u of %u, at %#llx", from, i,
				   count, at);
			return 0;
		}
		at += length;
		left -= length;
	}
	KUNIT_EXPECT_EQ(image->test, i, count);
	return at - from;
}

static void random_lists(struct kunit *test)
{
	struct iomd_cursor_physical_segment output[40];
	struct rnd_state random;
	struct image image;
	unsigned int round;

	kunit_info(test, "seed %#llx", SEED);
	prandom_seed_state(&random, SEED);
	image_init(&image, test, 12);
	for (round = 0; round < 5000; round++) {
		u64 max_segment = below(&random, 3) ? 1 + below(&random, 0x2800) : 0;
		u64 max_transfer = below(&random, 2) ? 1 + below(&random, 0x8000) : 0;
		struct iomd *md = random_memory(&random, &image);
		struct iomd_cursor *cursor = natural(test, max_segment, max_transfer);
		u64 from = image.length ? below(&random, image.length) : 0, transfer;
		u32 room = 1 + below(&random, ARRAY_SIZE(output)), count;

		/* From any offset on, and then to the end in steps. */
		do {
			count = iomd_cursor_gen_physical_segments(cursor, md, from, output, room,
								  0, &transfer);
			if (check_list(&image, from, max_segment ?: U64_MAX,
				       max_transfer ?: U64_MAX, room, output,
				       count) != transfer) {
				KUNIT_FAIL(test, "round %u: %#llx bytes", round, transfer);
				break;
			}
			from += transfer;
		} while (transfer);
		if (from != image.length)
			KUNIT_FAIL(test, "round %u ends at %#llx", round, from);
		iomd_cursor_release(cursor);
		iomd_release(md);
	}
}

static int attempt(struct kunit *test, void *data)
{
	struct iomd_cursor *cursor = iomd_natural_cursor_with_specification(0, 0, 1);

	if (IS_ERR(cursor))
		return PTR_ERR(cursor);
	iomd_cursor_release(cursor);
	return 0;
}

static void steps_that_fail(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, fail_each_step(test, attempt, NULL), 1U);
}

static struct kunit_case cursor_cases[] = {
	KUNIT_CASE(vectors_of_the_specification),
	KUNIT_CASE(refuses_what_makes_no_sense),
	KUNIT_CASE(no_memory_and_no_room),
	KUNIT_CASE(memory_that_is_not_prepared),
	KUNIT_CASE(formats),
	KUNIT_CASE(a_format_of_the_callers),
	KUNIT_CASE(in_hard_irq),
	KUNIT_CASE(random_lists),
	KUNIT_CASE(steps_that_fail),
	{}
};

static struct kunit_suite cursor_suite = {
	.name = "iomd_cursor",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = cursor_cases,
};

kunit_test_suite(cursor_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's cursors");
MODULE_LICENSE("GPL");
