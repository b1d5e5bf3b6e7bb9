/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the physical segments of a prepared descriptor.
 */
#ifndef IOMD_SEGMENT_H
#define IOMD_SEGMENT_H

#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include <iomd/version.h>

struct iomd;

/**
 * struct iomd_segment_iter - a place in the segments of a descriptor
 * @address: physical address of the current segment
 * @length: its bytes; 0 when the walk is over
 * @offset: where it starts in the descriptor, in bytes
 *
 * A walk ends early only where the descriptor cannot vouch for the memory; then
 * @offset is before the end that was asked for.
 *
 * Who walks without a preparation of his own does no harm, whatever others do meanwhile:
 * each segment was there at some moment. But it is of use only to look at.
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
	/* Which of its owner's lists that is, and the one that the owner has now. */
	u32 generation;
	const u32 *present;
};

void iomd_segment_iter_init(struct iomd_segment_iter *iter, struct iomd *md,
			    u64 offset, u64 length, u64 options);
void iomd_segment_iter_seek(struct iomd_segment_iter *iter);

/*
 * Go on in the list, if it is still the one that it was: then it stays there for as long
 * as nobody else gets the CPU. What is read may be written over meanwhile, so it is
 * believed after a second look.
 */
static inline bool iomd_segment_iter_step(struct iomd_segment_iter *iter)
{
	struct scatterlist *sg = iter->sg + 1;
	unsigned int offset, length = 0;
	unsigned long page_link;
	bool same;

	preempt_disable();
	/* Pairs with the barrier in iomd_unpublish(): what is read next is there. */
	same = smp_load_acquire(iter->present) == iter->generation;
	if (likely(same)) {
		page_link = READ_ONCE(sg->page_link);
		offset = READ_ONCE(sg->offset);
		length = READ_ONCE(sg->length);
		smp_rmb(); /* pairs with the barrier in iomd_unpublish() */
		same = READ_ONCE(*iter->present) == iter->generation;
	}
	preempt_enable();
	/* What links to more entries has no length. */
	if (unlikely(!same || !length))
		return false;
	iter->sg = sg;
	iter->address = page_to_phys((struct page *)(page_link & ~SG_PAGE_LINK_MASK)) + offset;
	iter->length = min_t(u64, length, iter->window);
	iter->window -= iter->length;
	return true;
}

/**
 * iomd_segment_iter_next() - go to the next segment
 * @iter: a place that iomd_segment_iter_init() set and whose length is not 0
 *
 * Context: any, hard IRQ included. If the descriptor is completed meanwhile the walk is
 * over; if it is prepared anew, it goes on with what is there then.
 */
static inline void iomd_segment_iter_next(struct iomd_segment_iter *iter)
{
	iter->offset += iter->length;
	if (!iter->window || !iomd_segment_iter_step(iter))
		iomd_segment_iter_seek(iter);
}

/**
 * iomd_for_each_segment() - walk the physical segments of a range
 * @iter: struct iomd_segment_iter that holds the current one
 * @md: descriptor; what is not prepared has no segments, unless it is physical
 * @start: first byte of the range
 * @size: its bytes; what lies beyond the descriptor's end is left out
 *
 * Context: any, hard IRQ included.
 */
#define iomd_for_each_segment(iter, md, start, size)			\
	for (iomd_segment_iter_init(&(iter), (md), (start), (size), 0);	\
	     (iter).length; iomd_segment_iter_next(&(iter)))

#endif
