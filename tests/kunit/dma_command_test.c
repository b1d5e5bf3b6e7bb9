// SPDX-License-Identifier: GPL-2.0
/*
 * Commands: what they are told, in which order what may be called, and which list
 * of segments comes out. Without a device, addresses are physical, so that nearly
 * all of it can be said of memory that need not exist.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "composites.h"
#include "fake_device.h"

#define P	((u64)PAGE_SIZE)
#define END	{ 0, 0 }

#define HOST64	iomd_dma_command_output_host64
#define ITERATE	IOMD_DMA_MAP_OPTION_ITERATE_ONLY

/* None of the commands here is for a device. */
static u64 without_device(u64 mapping)
{
	return mapping & IOMD_DMA_MAP_OPTION_TYPE_MASK ? mapping : mapping | kind_for(NULL);
}

static struct iomd_dma_command *command_with(struct kunit *test,
					     const struct iomd_dma_segment_options *options,
					     u64 mapping)
{
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_specification(HOST64, options, without_device(mapping),
						      NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	return command;
}

static struct iomd *physical(struct kunit *test, const struct iomd_address_range *ranges)
{
	u32 count = 0;

	while (ranges[count].length)
		count++;
	return made(test, iomd_with_address_ranges((void *)ranges, count,
						   IOMD_DIRECTION_OUT_IN, IOMD_PHYSICAL_TASK));
}

static int prepare(struct iomd_dma_command *command, u64 offset, u64 length)
{
	return iomd_dma_command_prepare(command, offset, length, true, true);
}

static int prepare_as(struct iomd_dma_command *command, iomd_dma_segment_function function,
		      const struct iomd_dma_segment_options *options, u64 offset, u64 length)
{
	return iomd_dma_command_prepare_with_specification(command, function, options,
							   without_device(ITERATE), NULL,
							   offset, length, true, true);
}

static int generate(struct iomd_dma_command *command, iomd_dma_segment_function function,
		    u64 *offset, void *segments, u32 *count)
{
	return iomd_dma_command_gen_iovm_segments_with_function(command, function, offset,
								segments, count);
}

static int complete_command(struct iomd_dma_command *command)
{
	return iomd_dma_command_complete(command, true, true);
}

/*
 * Lists
 */

struct vector {
	struct iomd_address_range memory[4];
	u64 mapping;
	struct iomd_dma_segment_options options;
	u64 offset, length;
	/* Of each call; 0: 16 */
	u32 room;
	/* What comes before @error, or before the end. */
	struct iomd_dma_segment64 output[6];
	int error;
};

#define TWO	{ { 0x10000, 0x2000 }, { 0x40000, 0x1000 }, END }

static const struct vector vectors[] = {
	{ .memory = TWO, .output = { { 0x10000, 0x2000 }, { 0x40000, 0x1000 } } },
	{ .memory = TWO, .options.max_segment_size = 0x1800,
	  .output = { { 0x10000, 0x1800 }, { 0x11800, 0x800 }, { 0x40000, 0x1000 } } },
	{ .memory = TWO, .options.max_segment_size = 0x1800, .room = 1,
	  .output = { { 0x10000, 0x1800 }, { 0x11800, 0x800 }, { 0x40000, 0x1000 } } },
	{ .memory = TWO, .offset = 0x800, .length = 0x2000,
	  .output = { { 0x10800, 0x1800 }, { 0x40000, 0x800 } } },
	{ .memory = { { 0x10004, 0x1ffc }, { 0x40000, 0x1004 }, END },
	  .options = { .alignment = 4, .alignment_length = 4,
		       .alignment_internal_segments = 0x1000, .max_segment_size = 0x1000 },
	  .output = { { 0x10004, 0xffc }, { 0x11000, 0x1000 }, { 0x40000, 0x1000 },
		      { 0x41000, 4 } } },
	{ .memory = { { 0x10800, 0x4000 }, END },
	  .options = { .alignment_internal_segments = 0x1000, .max_segment_size = 0x2000 },
	  .output = { { 0x10800, 0x1800 }, { 0x12000, 0x2000 }, { 0x14000, 0x800 } } },
	{ .memory = { { 0x10000, 0x1002 }, { 0x40000, 0xffe }, END },
	  .options = { .alignment = 1, .alignment_length = 4,
		       .alignment_internal_segments = 4 }, .error = -EINVAL },
	{ .memory = { { 0x10000, 0x1002 }, { 0x40000, 0xffe }, END }, .mapping = ITERATE,
	  .options = { .alignment = 1, .alignment_length = 4,
		       .alignment_internal_segments = 4 }, .error = -EINVAL },
	{ .memory = { { 0xffff000, 0x2000 }, END }, .mapping = ITERATE,
	  .options.num_address_bits = 28, .error = -EMSGSIZE },
	/* Up to the last byte that can be reached. */
	{ .memory = { { 0xfffe000, 0x2000 }, END },
	  .options.num_address_bits = 28, .output = { { 0xfffe000, 0x2000 } } },
	/* And one further. */
	{ .memory = { { 0xffff001, 0x1000 }, END }, .mapping = ITERATE,
	  .options.num_address_bits = 28, .error = -EMSGSIZE },
	/* Neighbours become one, over the borders of ranges. */
	{ .memory = { { 0x10000, 0x1000 }, { 0x11000, 0x1000 }, { 0x12000, 7 }, END },
	  .output = { { 0x10000, 0x2007 } } },
	/* But not what only seems to be. */
	{ .memory = { { 0x11000, 0x1000 }, { 0x10000, 0x1000 }, END },
	  .output = { { 0x11000, 0x1000 }, { 0x10000, 0x1000 } } },
	/* Room for just the list. */
	{ .memory = TWO, .room = 2, .output = { { 0x10000, 0x2000 }, { 0x40000, 0x1000 } } },
	/* What is right for the first segment is not for the others. */
	{ .memory = { { 0x10004, 0xffc }, { 0x40004, 0xffc }, END }, .mapping = ITERATE,
	  .options = { .alignment = 4, .alignment_internal_segments = 0x1000 }, .room = 1,
	  .output = { { 0x10004, 0xffc } }, .error = -EINVAL },
	/* Nor the other way round. */
	{ .memory = { { 0x10004, 0xffc }, { 0x40004, 0xffc }, END }, .mapping = ITERATE,
	  .options = { .alignment = 8, .alignment_internal_segments = 4 }, .error = -EINVAL },
	/* The limit lies within the second segment: the first is told. */
	{ .memory = { { 0x10000, 0x1000 }, { 0xffff000, 0x2000 }, END }, .mapping = ITERATE,
	  .options.num_address_bits = 28, .room = 1, .output = { { 0x10000, 0x1000 } },
	  .error = -EMSGSIZE },
	/* More than 32 bits in one. */
	{ .memory = { { 0x100000000, 0x180000000 }, END },
	  .output = { { 0x100000000, 0x180000000 } } },
	/* Kinds that have no device. */
	{ .memory = TWO, .mapping = IOMD_DMA_MAP_OPTION_BYPASSED,
	  .output = { { 0x10000, 0x2000 }, { 0x40000, 0x1000 } } },
	{ .memory = TWO, .mapping = IOMD_DMA_MAP_OPTION_UNMAPPED,
	  .output = { { 0x10000, 0x2000 }, { 0x40000, 0x1000 } } },
	{ .memory = TWO, .mapping = IOMD_DMA_MAP_OPTION_NO_CACHE_STORE |
				    IOMD_DMA_MAP_OPTION_ON_CHIP |
				    IOMD_DMA_MAP_OPTION_DEXT_OWNER | ITERATE,
	  .output = { { 0x10000, 0x2000 }, { 0x40000, 0x1000 } } },
};

static void check_vector(struct kunit *test, const struct vector *vector, unsigned int row,
			 struct iomd_dma_command *command)
{
	struct iomd_dma_segment64 output[16];
	u32 want = 0, got, i, room = vector->room ?: 16;
	u64 offset = 0, sum = 0;
	int ret;

	for (;;) {
		got = room;
		ret = iomd_dma_command_gen64_iovm_segments(command, &offset, output, &got);
		if (ret)
			break;
		for (i = 0; i < got; i++, want++) {
			KUNIT_EXPECT_EQ_MSG(test, output[i].iovm_addr,
					    vector->output[want].iovm_addr, "row %u", row);
			KUNIT_ASSERT_EQ_MSG(test, output[i].length, vector->output[want].length,
					    "row %u", row);
			sum += output[i].length;
		}
		KUNIT_EXPECT_EQ_MSG(test, offset, sum, "row %u", row);
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, vector->error ?: -EOVERFLOW, "row %u", row);
	/* Told of no more than what was told of before. */
	KUNIT_EXPECT_EQ_MSG(test, offset, sum, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, got, room, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, vector->output[want].length, 0ULL, "row %u", row);
}

static void vectors_of_the_specification(struct kunit *test)
{
	unsigned int row;

	for (row = 0; row < ARRAY_SIZE(vectors); row++) {
		const struct vector *vector = &vectors[row];
		struct iomd_dma_command *command;
		struct iomd *md;

		command = command_with(test, &vector->options, vector->mapping);
		md = physical(test, vector->memory);
		KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, false),
				0);
		KUNIT_ASSERT_EQ_MSG(test, prepare(command, vector->offset, vector->length), 0,
				    "row %u", row);
		KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), md);
		check_vector(test, vector, row, command);
		check_vector(test, vector, row, command);
		KUNIT_EXPECT_EQ(test, complete_command(command), 0);
		iomd_dma_command_release(command);
		iomd_release(md);
	}
}

/* Whatever the offset, the list goes on as the one from the start does. */
static void goes_on_from_anywhere(struct kunit *test)
{
	static const struct iomd_address_range memory[] = TWO;
	const struct iomd_dma_segment_options options = { .max_segment_size = 0x1800 };
	struct iomd_dma_command *command = command_with(test, &options, 0);
	struct iomd *md = physical(test, memory);
	struct iomd_dma_segment64 output[4];
	u64 offset;
	u32 count;

	KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	for (offset = 0x2fff; offset > 0x2000; offset -= 0x111) {
		u64 at = offset;

		count = 4;
		KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &at, output,
									 &count), 0);
		KUNIT_EXPECT_EQ(test, count, 1U);
		KUNIT_EXPECT_EQ(test, output[0].iovm_addr, 0x3e000 + offset);
		KUNIT_EXPECT_EQ(test, output[0].length, 0x3000 - offset);
		KUNIT_EXPECT_EQ(test, at, 0x3000ULL);
	}
	offset = 0x100;
	count = 4;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output,
								 &count), 0);
	KUNIT_EXPECT_EQ(test, count, 3U);
	KUNIT_EXPECT_EQ(test, output[0].iovm_addr, 0x10100ULL);
	KUNIT_EXPECT_EQ(test, output[0].length, 0x1800ULL);
	iomd_dma_command_release(command);
	iomd_release(md);
}

/*
 * Formats
 */

static bool output_refuse_second(struct iomd_dma_command *command,
				 struct iomd_dma_segment64 segment, void *segments, u32 index)
{
	((u64 *)segments)[index] = segment.iovm_addr;
	return index < *(u32 *)iomd_dma_command_get_ref_con(command);
}

static void formats(struct kunit *test)
{
	static const struct iomd_address_range memory[] = { { 0x10203040, 0x05060708 }, END };
	static const struct {
		iomd_dma_segment_function function;
		u8 output[16];
	} table[] = {
		{ iomd_dma_command_output_big32, { 0x10, 0x20, 0x30, 0x40, 5, 6, 7, 8 } },
		{ iomd_dma_command_output_little32, { 0x40, 0x30, 0x20, 0x10, 8, 7, 6, 5 } },
		{ iomd_dma_command_output_big64,
		  { 0, 0, 0, 0, 0x10, 0x20, 0x30, 0x40, 0, 0, 0, 0, 5, 6, 7, 8 } },
		{ iomd_dma_command_output_little64,
		  { 0x40, 0x30, 0x20, 0x10, 0, 0, 0, 0, 8, 7, 6, 5, 0, 0, 0, 0 } },
#ifdef __BIG_ENDIAN
		{ iomd_dma_command_output_host32, { 0x10, 0x20, 0x30, 0x40, 5, 6, 7, 8 } },
		{ HOST64, { 0, 0, 0, 0, 0x10, 0x20, 0x30, 0x40, 0, 0, 0, 0, 5, 6, 7, 8 } },
#else
		{ iomd_dma_command_output_host32, { 0x40, 0x30, 0x20, 0x10, 8, 7, 6, 5 } },
		{ HOST64, { 0x40, 0x30, 0x20, 0x10, 0, 0, 0, 0, 8, 7, 6, 5, 0, 0, 0, 0 } },
#endif
	};
	struct iomd_dma_command *command = command_with(test, NULL, 0);
	struct iomd *md = physical(test, memory);
	unsigned int row;

	KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	for (row = 0; row < ARRAY_SIZE(table); row++) {
		u8 output[16] = {};
		u64 offset = 0;
		u32 count = 1;

		KUNIT_EXPECT_EQ(test, generate(command, table[row].function, &offset, output,
					       &count), 0);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(output, table[row].output, 16), 0, "row %u", row);
	}
	iomd_dma_command_release(command);
	iomd_release(md);
}

static void formats_that_are_too_small(struct kunit *test)
{
	static const struct iomd_address_range far[] = { { 0xfffff000, 0x2000 }, END };
	static const struct iomd_address_range far_away[] = { { 0x100000000, 0x2000 }, END };
	static const struct iomd_address_range long_one[] = { { 0, 0x100000000 }, END };
	static const struct iomd_address_range * const table[] = { far_away, long_one };
	static const iomd_dma_segment_function functions[] = {
		iomd_dma_command_output_host32, iomd_dma_command_output_big32,
		iomd_dma_command_output_little32,
	};
	struct iomd_dma_command *command = command_with(test, NULL, 0);
	struct iomd_dma_segment64 output[1] = {};
	struct iomd_dma_segment32 half;
	unsigned int row, i;
	struct iomd *md;
	u64 offset = 0;
	u32 count = 1;

	for (row = 0; row < ARRAY_SIZE(table); row++) {
		md = physical(test, table[row]);
		KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true),
				0);
		for (i = 0; i < ARRAY_SIZE(functions); i++)
			KUNIT_EXPECT_EQ(test, generate(command, functions[i], &offset, output,
						       &count), -EMSGSIZE);
		KUNIT_EXPECT_EQ(test, offset, 0ULL);
		KUNIT_EXPECT_EQ(test, output[0].iovm_addr, 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_clear_memory_descriptor(command, true), 0);
		iomd_release(md);
	}
	iomd_dma_command_release(command);
	/* What such a function makes of no limit: 32 bits. */
	command = iomd_dma_command_with_specification(functions[0], NULL,
						      without_device(ITERATE), NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	md = physical(test, far);
	KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen32_iovm_segments(command, &offset, &half,
								   &count), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen64_iovm_segments(command, &offset, output,
								   &count), -EINVAL);
	iomd_dma_command_release(command);
	iomd_release(md);
}

static void a_format_of_the_callers(struct kunit *test)
{
	static const struct iomd_address_range memory[] = TWO;
	struct iomd_dma_command *command;
	struct iomd *md = physical(test, memory);
	u64 output[2] = {}, offset = 0;
	u32 count = 2, last = 1;

	command = iomd_dma_command_with_specification(output_refuse_second, NULL, kind_for(NULL),
						      NULL, &last);
	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	/* It refuses the second: nothing was told, though the array may have changed. */
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output,
								 &count), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, offset, 0ULL);
	KUNIT_EXPECT_EQ(test, count, 2U);
	last = 2;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output,
								 &count), 0);
	KUNIT_EXPECT_EQ(test, count, 2U);
	KUNIT_EXPECT_EQ(test, output[1], 0x40000ULL);
	iomd_dma_command_release(command);
	iomd_release(md);
}

/*
 * Specifications
 */

struct specification {
	iomd_dma_segment_function function;
	struct iomd_dma_segment_options options;
	u64 mapping;
	int error;
	u32 bits, alignment, alignment_length, alignment_internal;
};

#define HOST32	iomd_dma_command_output_host32

static const struct specification specifications[] = {
	{ NULL, { 0 }, 0, -EINVAL },
	{ HOST64, { 0 }, 0, 0, 0, 1, 1, 1 },
	{ HOST64, { .alignment = 64 }, 0, 0, 0, 64, 1, 64 },
	{ HOST64, { .alignment = 64, .alignment_length = 8,
		    .alignment_internal_segments = 4096 }, 0, 0, 0, 64, 8, 4096 },
	{ HOST64, { .num_address_bits = 1 }, 0, -EINVAL },
	{ HOST64, { .num_address_bits = PAGE_SHIFT - 1 }, 0, -EINVAL },
	{ HOST64, { .num_address_bits = PAGE_SHIFT }, 0, 0, PAGE_SHIFT, 1, 1, 1 },
	{ HOST64, { .num_address_bits = 63 }, 0, 0, 63, 1, 1, 1 },
	{ HOST64, { .num_address_bits = 64 }, 0, 0, 0, 1, 1, 1 },
	{ HOST64, { .num_address_bits = 255 }, 0, 0, 0, 1, 1, 1 },
	{ HOST32, { .num_address_bits = 0 }, 0, 0, 32, 1, 1, 1 },
	{ HOST32, { .num_address_bits = 32 }, 0, 0, 32, 1, 1, 1 },
	{ HOST32, { .num_address_bits = 20 }, 0, 0, 20, 1, 1, 1 },
	{ HOST32, { .num_address_bits = 33 }, 0, -EINVAL },
	{ iomd_dma_command_output_big32, { .num_address_bits = 64 }, 0, -EINVAL },
	{ iomd_dma_command_output_little32, { .num_address_bits = 40 }, 0, -EINVAL },
	{ output_refuse_second, { .num_address_bits = 40 }, 0, 0, 40, 1, 1, 1 },
	{ HOST64, { .alignment = 3 }, 0, -EINVAL },
	{ HOST64, { .alignment_length = 6 }, 0, -EINVAL },
	{ HOST64, { .alignment_internal_segments = 4095 }, 0, -EINVAL },
	{ HOST64, { 0 }, IOMD_DMA_MAP_OPTION_BYPASSED, 0, 0, 1, 1, 1 },
	{ HOST64, { 0 }, IOMD_DMA_MAP_OPTION_NON_COHERENT | ITERATE, 0, 0, 1, 1, 1 },
	{ HOST64, { 0 }, IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER, -EINVAL },
	{ HOST64, { 0 }, IOMD_DIRECTION_IN, -EINVAL },
	{ HOST64, { 0 }, BIT_ULL(63), -EINVAL },
};

static void check_getters(struct kunit *test, const struct iomd_dma_command *command,
			  const struct specification *row)
{
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_num_address_bits(command), row->bits);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment(command), row->alignment);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment_length(command),
			row->alignment_length);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment_internal_segments(command),
			row->alignment_internal);
}

static void what_may_be_specified(struct kunit *test)
{
	const struct specification *row;

	for (row = specifications; row < specifications + ARRAY_SIZE(specifications); row++) {
		struct iomd_dma_command *command = ERR_PTR(-77), *clone;
		int i = row - specifications, ret;

		ret = iomd_dma_command_weak_with_specification(&command, row->function,
							       &row->options,
							       without_device(row->mapping), NULL,
							       &i);
		KUNIT_EXPECT_EQ_MSG(test, ret, row->error, "row %d", i);
		if (row->error) {
			KUNIT_EXPECT_NULL(test, command);
			continue;
		}
		check_getters(test, command, row);
		KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_ref_con(command), (void *)&i);
		clone = iomd_dma_command_clone_command(command, &command);
		KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
		iomd_dma_command_release(command);
		check_getters(test, clone, row);
		KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_ref_con(clone), (void *)&command);
		KUNIT_EXPECT_NULL(test, iomd_dma_command_get_memory_descriptor(clone));
		iomd_dma_command_release(clone);
	}
	KUNIT_EXPECT_EQ(test, iomd_dma_command_weak_with_specification(NULL, HOST64, NULL, 0, NULL,
								       NULL), -EINVAL);
	KUNIT_EXPECT_NULL(test, iomd_dma_command_retain(NULL));
	iomd_dma_command_release(NULL);
}

/* Whoever forgets the device, or has none, does not get physical addresses instead. */
static void the_mapped_kind_wants_a_device(struct kunit *test)
{
	static const u64 table[] = {
		IOMD_DMA_MAP_OPTION_MAPPED, ITERATE, IOMD_DMA_MAP_OPTION_NO_CACHE_STORE,
		IOMD_DMA_MAP_OPTION_ON_CHIP | IOMD_DMA_MAP_OPTION_DEXT_OWNER,
	};
	struct iomd_dma_command *command, *later = iomd_dma_command_with_ref_con(NULL);
	unsigned int row;
	int ret;

	KUNIT_ASSERT_FALSE(test, IS_ERR(later));
	for (row = 0; row < ARRAY_SIZE(table); row++) {
		command = iomd_dma_command_with_specification(HOST64, NULL, table[row], NULL,
							      NULL);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(command), -EINVAL, "row %u", row);
		ret = iomd_dma_command_weak_with_specification(&command, HOST64, NULL, table[row],
							       NULL, NULL);
		KUNIT_EXPECT_EQ(test, ret, -EINVAL);
		ret = iomd_dma_command_prepare_with_specification(later, HOST64, NULL, table[row],
								  NULL, 0, 0, true, true);
		KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	}
	iomd_dma_command_release(later);
}

/* The constants, too, have the names that the class gives them. */
static void specified_by_bits_and_sizes(struct kunit *test)
{
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_bits(iomd_dma_command_output_host64, 40, 4096,
					     IOMD_DMA_COMMAND_UNMAPPED, 8192, 16, NULL, test);
	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_num_address_bits(command), 40U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment(command), 16U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment_length(command), 1U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment_internal_segments(command), 16U);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_ref_con(command), (void *)test);
	iomd_dma_command_release(command);
	command = iomd_dma_command_with_bits(iomd_dma_command_output_host64, PAGE_SHIFT - 1, 0,
					     IOMD_DMA_COMMAND_UNMAPPED, 0, 1, NULL, NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(command), -EINVAL);
}

/* A command can be told later, and again; never halfway. */
static void specified_by_prepare(struct kunit *test)
{
	static const struct iomd_address_range memory[] = TWO;
	const struct iomd_dma_segment_options good = { .num_address_bits = 30, .alignment = 16 };
	const struct iomd_dma_segment_options bad = { .num_address_bits = 31, .alignment = 15 };
	struct iomd_dma_command *command = iomd_dma_command_with_ref_con(test);
	struct iomd *md = physical(test, memory);

	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_ref_con(command), (void *)test);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), -EAGAIN);
	KUNIT_EXPECT_NULL(test, iomd_dma_command_get_memory_descriptor(command));
	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, false), 0);
	KUNIT_EXPECT_EQ(test, prepare(command, 0, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, prepare_as(command, HOST64, &bad, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, prepare(command, 0, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, prepare_as(command, HOST64, &good, 0x800, 0x800), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_num_address_bits(command), 30U);
	KUNIT_EXPECT_EQ(test, prepare_as(command, HOST64, &good, 0x800, 0x800), -EPERM);
	KUNIT_EXPECT_EQ(test, complete_command(command), 0);
	KUNIT_EXPECT_EQ(test, prepare_as(command, HOST64, &bad, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, prepare_as(command, NULL, &good, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_num_address_bits(command), 30U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_alignment(command), 16U);
	KUNIT_EXPECT_EQ(test, prepare(command, 0, 0), 0);
	iomd_dma_command_release(command);
	iomd_release(md);
}

/*
 * In which order
 */

static void expect_prepared(struct kunit *test, struct iomd_dma_command *command, u64 offset,
			    u64 length)
{
	u64 got_offset = 77, got_length = 77;
	int error = length ? 0 : -EAGAIN;

	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_prepared_offset_and_length(command, &got_offset,
									      &got_length), error);
	KUNIT_EXPECT_EQ(test, got_offset, error ? 77 : offset);
	KUNIT_EXPECT_EQ(test, got_length, error ? 77 : length);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_get_prepared_offset_and_length(command, NULL, NULL),
			error);
}

static void what_is_not_prepared(struct kunit *test)
{
	static const struct iomd_address_range memory[] = TWO;
	struct iomd_dma_command *command = command_with(test, NULL, 0);
	struct iomd *md = physical(test, memory);
	u64 offset = 0, output[2];
	u32 count = 1;

	KUNIT_EXPECT_EQ(test, prepare(command, 0, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_clear_memory_descriptor(command, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, false), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_memory_descriptor(command), md);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), md);
	KUNIT_EXPECT_EQ(test, complete_command(command), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_synchronize(command, IOMD_DIRECTION_IN), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_synchronize(command, IOMD_DIRECTION_OUT_IN),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_synchronize(command, BIT_ULL(63)), -EINVAL);
	/* Before anything else it looks at that. */
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, NULL, NULL, NULL),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 0, output, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_write_bytes(command, 0, output, 1), 0ULL);
	expect_prepared(test, command, 0, 0);
	KUNIT_EXPECT_EQ(test, prepare(command, 0, 0), 0);
	expect_prepared(test, command, 0, 0x3000);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, NULL, output, &count),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, NULL, &count),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output, NULL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, generate(command, NULL, &offset, output, &count), -EINVAL);
	count = 0;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output, &count),
			-EINVAL);
	count = 1;
	for (offset = 0x3000; offset; offset = offset == 0x3000 ? U64_MAX : 0)
		KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output,
									 &count), -EOVERFLOW);
	iomd_dma_command_release(command);
	iomd_release(md);
}

static void ranges_that_may_be_prepared(struct kunit *test)
{
	static const struct iomd_address_range memory[] = TWO;
	static const struct {
		u64 offset, length;
		int error;
	} table[] = {
		{ 0, 0 }, { 0, 0x2000 }, { 0x1000, 0x2000 }, { 0x2ff0, 0x10 },
		{ 0, 0x2010, -ENOSPC }, { 0x2000, 0x1010, -EINVAL }, { 0x3000, 0x10, -EINVAL },
		{ U64_MAX - 0xf, 0x10, -EINVAL }, { U64_MAX, U64_MAX, -ENOSPC },
		{ 0, 0x18, -EINVAL }, { 0, 1, -EINVAL },
		/* No length is all of it, from wherever. */
		{ 0x10, 0, -EINVAL },
	};
	struct iomd_dma_segment_options options = { .max_transfer_size = 0x2000,
						    .alignment_length = 0x10 };
	struct iomd_dma_command *command;
	struct iomd *md = physical(test, memory), *part;
	unsigned int row;

	for (row = 0; row < ARRAY_SIZE(table); row++) {
		/* The first row is about less than may be transferred, the last about more. */
		part = row ? iomd_retain(md) : made(test, iomd_sub_with_sub_range(md, 0, 0x2000,
								IOMD_DIRECTION_OUT));
		if (row == ARRAY_SIZE(table) - 1)
			options.max_transfer_size = 0;
		command = command_with(test, &options, 0);
		KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, part, false),
				0);
		KUNIT_EXPECT_EQ_MSG(test, prepare(command, table[row].offset, table[row].length),
				    table[row].error, "row %u", row);
		if (table[row].error)
			expect_prepared(test, command, 0, 0);
		else
			expect_prepared(test, command, table[row].offset,
					table[row].length ?: 0x2000);
		iomd_dma_command_release(command);
		iomd_release(part);
	}
	iomd_release(md);
}

static void memory_without_length(struct kunit *test)
{
	struct iomd_dma_command *command = command_with(test, NULL, 0);
	struct iomd *md = made(test, iomd_with_physical_address(0x10000, 0, IOMD_DIRECTION_IN));
	u64 offset = 0, output[2];
	u32 count = 1;

	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output, &count),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, complete_command(command), 0);
	iomd_dma_command_release(command);
	iomd_release(md);
}

/* Without a device, nobody but the command can write the CPU's caches back. */
static void caches_without_a_device(struct kunit *test)
{
	struct iomd_dma_command *command;
	struct iomd *md = made(test, iomd_buffer_with_capacity(P, IOMD_DIRECTION_OUT_IN, false));
	/* Where the architecture has no means for that, it is refused. */
	int answer = iomd_perform_operation(md, IOMD_MEMORY_INCOHERENT_IO_STORE, 0, P);

	command = command_with(test, NULL, IOMD_DMA_MAP_OPTION_NON_COHERENT);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_retain(command), command);
	iomd_dma_command_release(command);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_retain(NULL), NULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, P, true, true), answer);
	KUNIT_EXPECT_EQ(test, complete_command(command), answer ? -EAGAIN : 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, P, false, true), 0);
	/* It ends all the same. */
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), answer);
	KUNIT_EXPECT_EQ(test, complete_command(command), -EAGAIN);
	/* Where the caches are not asked for, nobody needs a way to write them back. */
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, P, false, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, false, true), 0);
	KUNIT_EXPECT_EQ(test, complete_command(command), -EAGAIN);
	iomd_dma_command_release(command);
	iomd_release(md);
}

static void maps_of_memory_that_is_not_prepared(struct kunit *test)
{
	void *memory = kunit_kzalloc(test, P, GFP_KERNEL);
	struct iomd *md = made(test, iomd_with_address_range((unsigned long)memory, P,
							     IOMD_DIRECTION_OUT,
							     IOMD_KERNEL_TASK));
	struct iomd_dma_map_args args = { .mapper = fake_device(test), .length = P };

	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_DMA_MAP, &args, sizeof(args)),
			-EAGAIN);
	iomd_release(md);
}

static struct kunit_case dma_command_cases[] = {
	KUNIT_CASE(vectors_of_the_specification),
	KUNIT_CASE(goes_on_from_anywhere),
	KUNIT_CASE(formats),
	KUNIT_CASE(formats_that_are_too_small),
	KUNIT_CASE(a_format_of_the_callers),
	KUNIT_CASE(what_may_be_specified),
	KUNIT_CASE(the_mapped_kind_wants_a_device),
	KUNIT_CASE(specified_by_bits_and_sizes),
	KUNIT_CASE(specified_by_prepare),
	KUNIT_CASE(what_is_not_prepared),
	KUNIT_CASE(ranges_that_may_be_prepared),
	KUNIT_CASE(memory_without_length),
	KUNIT_CASE(caches_without_a_device),
	KUNIT_CASE(maps_of_memory_that_is_not_prepared),
	{}
};

static struct kunit_suite dma_command_suite = {
	.name = "iomd_dma_command",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_command_cases,
};

kunit_test_suite(dma_command_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's DMA commands: lists and states");
MODULE_LICENSE("GPL");
