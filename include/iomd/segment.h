/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the physical segments of a prepared descriptor.
 */
#ifndef IOMD_SEGMENT_H
#define IOMD_SEGMENT_H

#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct iomd;

/**
 * struct iomd_segment_iter - a place in the segments of a descriptor
 * @address: physical address of the current segment
 * @length: its bytes; 0 when the walk is over
 * @offset: where it starts in the descriptor, in bytes
 *
 * A walk ends early only where the descriptor cannot vouch for the memory; then
 * @offset is before the end that was asked for.
 */
struct iomd_segment_iter {
	phys_addr_t address;
	u64 length;
	u64 offset;
	/* private: */
	struct iomd *md;
	u64 end;
	u64 options;
	/* What the owner of the current scatterlist vouches for behind this segment. */
	u64 window;
	struct scatterlist *sg;
};

void iomd_segment_iter_init(struct iomd_segment_iter *iter, struct iomd *md,
			    u64 offset, u64 length, u64 options);
void iomd_segment_iter_seek(struct iomd_segment_iter *iter);

/**
 * iomd_segment_iter_next() - go to the next segment
 * @iter: a place that iomd_segment_iter_init() set and whose length is not 0
 *
 * Context: any, hard IRQ included. The descriptor must stay prepared.
 */
static inline void iomd_segment_iter_next(struct iomd_segment_iter *iter)
{
	struct scatterlist *sg = iter->sg + 1;

	iter->offset += iter->length;
	/* What links to more entries has no length. */
	if (iter->window && likely(sg->length)) {
		iter->sg = sg;
		iter->address = sg_phys(sg);
		iter->length = min_t(u64, sg->length, iter->window);
		iter->window -= iter->length;
		return;
	}
	iomd_segment_iter_seek(iter);
}

/**
 * iomd_for_each_segment() - walk the physical segments of a range
 * @iter: struct iomd_segment_iter that holds the current one
 * @md: descriptor, prepared
 * @start: first byte of the range
 * @size: its bytes; what lies beyond the descriptor's end is left out
 *
 * Context: any, hard IRQ included.
 */
#define iomd_for_each_segment(iter, md, start, size)			\
	for (iomd_segment_iter_init(&(iter), (md), (start), (size), 0);	\
	     (iter).length; iomd_segment_iter_next(&(iter)))

#endif
