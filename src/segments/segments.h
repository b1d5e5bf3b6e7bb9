/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of physical segments that a wired leaf keeps: a scatterlist, and
 * beside it what finds the entry of an offset in O(log n).
 *
 * The first few entries live in the list itself. Beyond them the scatterlist is
 * chained through blocks of one page-sized allocation each. No device ever maps
 * this list (every map has a table of its own), so an entry's DMA address is free
 * to say where in the list the entry starts: that is what a search compares. A
 * directory of the blocks is made once, when the list is complete, so that nothing
 * is ever copied while it grows.
 *
 * No locks, no mm, no device: who owns the list keeps it from changing while
 * somebody reads it. Reading never sleeps.
 */
#ifndef IOMD_SEGMENTS_SEGMENTS_H
#define IOMD_SEGMENTS_SEGMENTS_H

#include <linux/scatterlist.h>
#include <linux/types.h>

#define IOMD_SEGMENTS_EMBEDDED	4

struct iomd_segment_block;

struct iomd_segments {
	struct sg_table table;
	u64 length;
	/* The last entry, and the page it ends with if more may join it. */
	struct scatterlist *tail;
	struct page *last_page;
	/* The next entry to use, the end of those that may be, and how many a block has. */
	struct scatterlist *unused;
	struct scatterlist *limit;
	unsigned int block_entries;
	unsigned int blocks;
	struct iomd_segment_block *last_block;
	/* NULL while there is but one block. */
	struct iomd_segment_block **directory;
	/* Bytes of an entry, and of a full block if there are several: on average. */
	u64 entry_bytes;
	u64 block_bytes;
	/* The entry that was found last: who asks next asks there, or for the next one. */
	struct scatterlist *recent;
	/* One more, as behind the last entry there is always one of no length. */
	struct scatterlist embedded[IOMD_SEGMENTS_EMBEDDED + 1];
};

void iomd_segments_init(struct iomd_segments *segments);
void iomd_segments_free_blocks(struct iomd_segments *segments);

/**
 * iomd_segments_free() - give back the list's memory, not its pages
 * @segments: list, complete or not; to be set up anew before it is used again
 */
static inline void iomd_segments_free(struct iomd_segments *segments)
{
	if (segments->blocks)
		iomd_segments_free_blocks(segments);
}

void iomd_segments_set_page(struct iomd_segments *segments, struct page *page,
			    unsigned int offset, unsigned int length);

unsigned int iomd_segments_append_pages(struct iomd_segments *segments,
					struct page **pages, unsigned int count,
					unsigned int offset);
int iomd_segments_append(struct iomd_segments *segments, struct page *first,
			 unsigned int offset, u64 length);
void iomd_segments_trim(struct iomd_segments *segments, unsigned int bytes);
int iomd_segments_finish(struct iomd_segments *segments);

struct scatterlist *iomd_segments_find(struct iomd_segments *segments, u64 offset);

/* Entry after @sg in a list that has one. */
static inline struct scatterlist *iomd_segments_next(struct scatterlist *sg)
{
	sg++;
	if (unlikely(sg_is_chain(sg)))
		sg = sg_chain_ptr(sg);
	return sg;
}

/* Offset in the list at which entry @sg starts. */
static inline u64 iomd_segment_start(const struct scatterlist *sg)
{
	return sg->dma_address;
}

/**
 * iomd_segments_find_next() - is it the entry behind the one that was found last?
 * @segments: finished list
 * @offset: less than its length
 * @entry: set to the entry that holds the offset
 *
 * Inline, and without a call, because drivers ask for each segment of a transfer in
 * order. What stands behind the last entry of a block or of the list has no length,
 * so it never holds an offset.
 *
 * Return: true if it is; otherwise iomd_segments_find() tells.
 * Context: any.
 */
static inline bool iomd_segments_find_next(struct iomd_segments *segments, u64 offset,
					   struct scatterlist **entry)
{
	struct scatterlist *sg = READ_ONCE(segments->recent) + 1;

	if (offset - iomd_segment_start(sg) >= sg->length)
		return false;
	WRITE_ONCE(segments->recent, sg);
	*entry = sg;
	return true;
}

/* Pages that entry @sg covers, its first and last one perhaps in part. */
static inline unsigned int iomd_segment_pages(const struct scatterlist *sg)
{
	return ((u64)sg->offset + sg->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

#endif
