/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of physical segments in a format of the caller's (IOMemoryCursor).
 */
#ifndef IOMD_CURSOR_H
#define IOMD_CURSOR_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct iomd_cursor;
struct os_meta_class;

extern struct os_meta_class iomd_cursor_meta_class;

/**
 * struct iomd_cursor_physical_segment - contiguous physical memory
 * @location: address of its first byte
 * @length: bytes
 *
 * IOMemoryCursor::PhysicalSegment. The big- and the little-endian cursor write both
 * members in their order of bytes.
 */
struct iomd_cursor_physical_segment {
	u64 location;
	u64 length;
};

/* Writes element @index of the caller's array @segments. Must not sleep. */
typedef void (*iomd_cursor_segment_function)(struct iomd_cursor_physical_segment segment,
					     void *segments, u32 index);

struct iomd_cursor *iomd_cursor_with_specification(iomd_cursor_segment_function out_seg,
						   u64 max_segment_size,
						   u64 max_transfer_size, u64 alignment);
struct iomd_cursor *iomd_natural_cursor_with_specification(u64 max_segment_size,
							   u64 max_transfer_size,
							   u64 alignment);
struct iomd_cursor *iomd_big_cursor_with_specification(u64 max_segment_size,
						       u64 max_transfer_size, u64 alignment);
struct iomd_cursor *iomd_little_cursor_with_specification(u64 max_segment_size,
							  u64 max_transfer_size,
							  u64 alignment);

struct iomd_cursor *iomd_cursor_retain(struct iomd_cursor *cursor);
void iomd_cursor_release(struct iomd_cursor *cursor);

u32 iomd_cursor_gen_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
				      u64 from_position, void *segments, u32 max_segments,
				      u64 max_transfer_size, u64 *transfer_size);
u32 iomd_natural_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					      u64 from_position,
					      struct iomd_cursor_physical_segment *segments,
					      u32 max_segments, u64 max_transfer_size,
					      u64 *transfer_size);
u32 iomd_big_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					  u64 from_position,
					  struct iomd_cursor_physical_segment *segments,
					  u32 max_segments, u64 max_transfer_size,
					  u64 *transfer_size);
u32 iomd_little_cursor_get_physical_segments(struct iomd_cursor *cursor, struct iomd *md,
					     u64 from_position,
					     struct iomd_cursor_physical_segment *segments,
					     u32 max_segments, u64 max_transfer_size,
					     u64 *transfer_size);

void iomd_natural_cursor_output_segment(struct iomd_cursor_physical_segment segment,
					void *segments, u32 index);
void iomd_big_cursor_output_segment(struct iomd_cursor_physical_segment segment,
				    void *segments, u32 index);
void iomd_little_cursor_output_segment(struct iomd_cursor_physical_segment segment,
				       void *segments, u32 index);

#endif
