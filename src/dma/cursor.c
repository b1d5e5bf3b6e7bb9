// SPDX-License-Identifier: GPL-2.0
/*
 * IOMemoryCursor: physical segments under two limits, in any format.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/cursor.h>
#include <iomd/descriptor.h>

#include "limits.h"

struct iomd_cursor {
	struct os_object object;
	iomd_cursor_segment_function out_seg;
	u64 max_segment_size;
	u64 max_transfer_size;
};

struct os_meta_class iomd_cursor_meta_class = {
	.name = "iomd_cursor",
	.size = sizeof(struct iomd_cursor),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
};
IOMD_EXPORT(iomd_cursor_meta_class);

/**
 * iomd_cursor_with_specification() - make a cursor
 * @out_seg: writes a segment in the caller's format
 * @max_segment_size: most bytes of a segment; 0: no limit; above 2^32 - 1: that
 * @max_transfer_size: most bytes of a list; 0: no limit
 * @alignment: must be 1
 *
 * IOKit: IOMemoryCursor::withSpecification.
 *
 * Return: the cursor with one reference, the caller's; or ERR_PTR: -EINVAL without
 * @out_seg, for a @max_transfer_size above 2^32 - 1, or another @alignment; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_cursor *iomd_cursor_with_specification(iomd_cursor_segment_function out_seg,
						   u64 max_segment_size,
						   u64 max_transfer_size, u64 alignment)
{
	struct iomd_cursor *cursor;

	if (!out_seg || max_transfer_size > U32_MAX || alignment != 1)
		return ERR_PTR(-EINVAL);
	cursor = os_object_alloc(&iomd_cursor_meta_class);
	if (!cursor)
		return ERR_PTR(-ENOMEM);
	cursor->out_seg = out_seg;
	cursor->max_segment_size = max_segment_size ? min_t(u64, max_segment_size, U32_MAX) :
						      U64_MAX;
	cursor->max_transfer_size = max_transfer_size ?: U64_MAX;
	return cursor;
}
IOMD_EXPORT(iomd_cursor_with_specification);

/**
 * iomd_natural_cursor_output_segment() - write a segment in the CPU's order of bytes
 * @segment: segment
 * @segments: array of struct iomd_cursor_physical_segment
 * @index: of the element to write
 *
 * IOKit: IONaturalMemoryCursor::outputSegment.
 *
 * Context: any, hard IRQ included.
 */
void iomd_natural_cursor_output_segment(struct iomd_cursor_physical_segment segment,
					void *segments, u32 index)
{
	((struct iomd_cursor_physical_segment *)segments)[index] = segment;
}
IOMD_EXPORT(iomd_natural_cursor_output_segment);

/**
 * iomd_big_cursor_output_segment() - write a segment with the high bytes first
 * @segment: segment
 * @segments: array of struct iomd_cursor_physical_segment
 * @index: of the element to write
 *
 * IOKit: IOBigMemoryCursor::outputSegment.
 *
 * Context: any, hard IRQ included.
 */
void iomd_big_cursor_output_segment(struct iomd_cursor_physical_segment segment,
				    void *segments, u32 index)
{
	__be64 *words = segments + index * sizeof(segment);

	words[0] = cpu_to_be64(segment.location);
	words[1] = cpu_to_be64(segment.length);
}
IOMD_EXPORT(iomd_big_cursor_output_segment);

/**
 * iomd_little_cursor_output_segment() - write a segment with the low bytes first
 * @segment: segment
 * @segments: array of struct iomd_cursor_physical_segment
 * @index: of the element to write
 *
 * IOKit: IOLittleMemoryCursor::outputSegment.
 *
 * Context: any, hard IRQ included.
 */
void iomd_little_cursor_output_segment(struct iomd_cursor_physical_segment segment,
				       void *segments, u32 index)
{
	__le64 *words = segments + index * sizeof(segment);

	words[0] = cpu_to_le64(segment.location);
	words[1] = cpu_to_le64(segment.length);
}
IOMD_EXPORT(iomd_little_cursor_output_segment);

/**
 * iomd_natural_cursor_with_specification() - make a cursor for the CPU's order of bytes
 * @max_segment_size: see iomd_cursor_with_specification()
 * @max_transfer_size: see iomd_cursor_with_specification()
 * @alignment: see iomd_cursor_with_specification()
 *
 * IOKit: IONaturalMemoryCursor::withSpecification.
 *
 * Return: see iomd_cursor_with_specification().
 * Context: may sleep.
 */
struct iomd_cursor *iomd_natural_cursor_with_specification(u64 max_segment_size,
							   u64 max_transfer_size,
							   u64 alignment)
{
	return iomd_cursor_with_specification(iomd_natural_cursor_output_segment,
					      max_segment_size, max_transfer_size, alignment);
}
IOMD_EXPORT(iomd_natural_cursor_with_specification);

/**
 * iomd_big_cursor_with_specification() - make a cursor that writes high bytes first
 * @max_segment_size: see iomd_cursor_with_specification()
 * @max_transfer_size: see iomd_cursor_with_specification()
 * @alignment: see iomd_cursor_with_specification()
 *
 * IOKit: IOBigMemoryCursor::withSpecification.
 *
 * Return: see iomd_cursor_with_specification().
 * Context: may sleep.
 */
struct iomd_cursor *iomd_big_cursor_with_specification(u64 max_segment_size,
						       u64 max_transfer_size, u64 alignment)
{
	return iomd_cursor_with_specification(iomd_big_cursor_output_segment, max_segment_size,
					      max_transfer_size, alignment);
}
IOMD_EXPORT(iomd_big_cursor_with_specification);

/**
 * iomd_little_cursor_with_specification() - make a cursor that writes low bytes first
 * @max_segment_size: see iomd_cursor_with_specification()
 * @max_transfer_size: see iomd_cursor_with_specification()
 * @alignment: see iomd_cursor_with_specification()
 *
 * IOKit: IOLittleMemoryCursor::withSpecification.
 *
 * Return: see iomd_cursor_with_specification().
 * Context: may sleep.
 */
struct iomd_cursor *iomd_little_cursor_with_specification(u64 max_segment_size,
							  u64 max_transfer_size,
							  u64 alignment)
{
	return iomd_cursor_with_specification(iomd_little_cursor_output_segment,
					      max_segment_size, max_transfer_size, alignment);
}
IOMD_EXPORT(iomd_little_cursor_with_specification);

/**
 * iomd_cursor_retain() - take a reference
 * @cursor: cursor, or NULL
 *
 * Return: @cursor.
 * Context: any, hard IRQ included.
 */
struct iomd_cursor *iomd_cursor_retain(struct iomd_cursor *cursor)
{
	if (cursor)
		os_object_retain(&cursor->object);
	return cursor;
}
IOMD_EXPORT(iomd_cursor_retain);

/**
 * iomd_cursor_release() - give a reference back
 * @cursor: cursor, or NULL
 *
 * Context: any, hard IRQ included.
 */
void iomd_cursor_release(struct iomd_cursor *cursor)
{
	if (cursor)
		os_object_release(&cursor->object);
}
IOMD_EXPORT(iomd_cursor_release);

/**
 * iomd_cursor_gen_physical_segments() - write a list of physical segments
 * @cursor: cursor
 * @md: descriptor, prepared unless it is physical; NULL: there are none
 * @from_position: first byte
 * @segments: array, for the cursor's function
 * @max_segments: elements that it has room for
 * @max_transfer_size: most bytes of this list, instead of the cursor's limit; 0: the
 *	cursor's
 * @transfer_size: set to the bytes that the list covers, if not NULL; not written if
 *	there is no descriptor, or no room
 *
 * Neighbours are joined. The cursor remembers nothing: the next list starts at
 * @from_position + @transfer_size. IOKit: IOMemoryCursor::genPhysicalSegments.
 *
 * Return: the segments that were written; 0 from the end of the memory on, or if it
 * is not prepared.
 * Context: any, hard IRQ included.
 */
u32 iomd_cursor_gen_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
				      u64 from_position, void *segments, u32 max_segments,
				      u64 max_transfer_size, u64 *transfer_size)
{
	struct iomd_limits limits = IOMD_NO_LIMITS;
	struct iomd_dma_runs runs = { .md = md };
	struct iomd_pieces pieces;
	u64 left, covered = 0;
	u32 index = 0;

	if (!md || !max_segments)
		return 0;
	runs.length = iomd_get_length(md);
	limits.segment = cursor->max_segment_size;
	left = max_transfer_size ?: cursor->max_transfer_size;
	iomd_pieces_init(&pieces, &runs, &limits, from_position);
	while (index < max_segments && left && iomd_pieces_next(&pieces)) {
		struct iomd_cursor_physical_segment segment = {
			.location = pieces.address,
			.length = min(pieces.length, left),
		};

		cursor->out_seg(segment, segments, index++);
		covered += segment.length;
		left -= segment.length;
	}
	if (transfer_size)
		*transfer_size = covered;
	return index;
}
IOMD_EXPORT(iomd_cursor_gen_physical_segments);

/**
 * iomd_natural_cursor_get_physical_segments() - write a list in the CPU's order of bytes
 * @cursor: from iomd_natural_cursor_with_specification()
 * @md: see iomd_cursor_gen_physical_segments()
 * @from_position: see iomd_cursor_gen_physical_segments()
 * @segments: array
 * @max_segments: elements that it has room for
 * @max_transfer_size: see iomd_cursor_gen_physical_segments()
 * @transfer_size: see iomd_cursor_gen_physical_segments()
 *
 * IOKit: IONaturalMemoryCursor::getPhysicalSegments.
 *
 * Return: see iomd_cursor_gen_physical_segments().
 * Context: any, hard IRQ included.
 */
u32 iomd_natural_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					      u64 from_position,
					      struct iomd_cursor_physical_segment *segments,
					      u32 max_segments, u64 max_transfer_size,
					      u64 *transfer_size)
{
	return iomd_cursor_gen_physical_segments(cursor, md, from_position, segments,
						 max_segments, max_transfer_size,
						 transfer_size);
}
IOMD_EXPORT(iomd_natural_cursor_get_physical_segments);

/**
 * iomd_big_cursor_get_physical_segments() - write a list with high bytes first
 * @cursor: from iomd_big_cursor_with_specification()
 * @md: see iomd_cursor_gen_physical_segments()
 * @from_position: see iomd_cursor_gen_physical_segments()
 * @segments: array
 * @max_segments: elements that it has room for
 * @max_transfer_size: see iomd_cursor_gen_physical_segments()
 * @transfer_size: see iomd_cursor_gen_physical_segments()
 *
 * IOKit: IOBigMemoryCursor::getPhysicalSegments.
 *
 * Return: see iomd_cursor_gen_physical_segments().
 * Context: any, hard IRQ included.
 */
u32 iomd_big_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					  u64 from_position,
					  struct iomd_cursor_physical_segment *segments,
					  u32 max_segments, u64 max_transfer_size,
					  u64 *transfer_size)
{
	return iomd_cursor_gen_physical_segments(cursor, md, from_position, segments,
						 max_segments, max_transfer_size,
						 transfer_size);
}
IOMD_EXPORT(iomd_big_cursor_get_physical_segments);

/**
 * iomd_little_cursor_get_physical_segments() - write a list with low bytes first
 * @cursor: from iomd_little_cursor_with_specification()
 * @md: see iomd_cursor_gen_physical_segments()
 * @from_position: see iomd_cursor_gen_physical_segments()
 * @segments: array
 * @max_segments: elements that it has room for
 * @max_transfer_size: see iomd_cursor_gen_physical_segments()
 * @transfer_size: see iomd_cursor_gen_physical_segments()
 *
 * IOKit: IOLittleMemoryCursor::getPhysicalSegments.
 *
 * Return: see iomd_cursor_gen_physical_segments().
 * Context: any, hard IRQ included.
 */
u32 iomd_little_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					     u64 from_position,
					     struct iomd_cursor_physical_segment *segments,
					     u32 max_segments, u64 max_transfer_size,
					     u64 *transfer_size)
{
	return iomd_cursor_gen_physical_segments(cursor, md, from_position, segments,
						 max_segments, max_transfer_size,
						 transfer_size);
}
IOMD_EXPORT(iomd_little_cursor_get_physical_segments);
