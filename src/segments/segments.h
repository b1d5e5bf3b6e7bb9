/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of physical segments that a wired leaf keeps: a scatterlist, and
 * beside it what finds the entry of an offset in O(log n).
 *
 * The first few entries live in the list itself. Beyond them the scatterlist is
 * chained through blocks of one page-sized allocation each; a block also keeps
 * the offset at which every eighth of its entries starts. A directory of the
 * blocks is made once, when the list is complete, so that nothing is ever
 * copied while it grows.
 *
 * No locks, no mm, no device: who owns the list keeps it from changing while
 * somebody reads it. Reading never sleeps.
 */
#ifndef IOMD_SEGMENTS_SEGMENTS_H
#define IOMD_SEGMENTS_SEGMENTS_H

#include <linux/scatterlist.h>
#include <linux/types.h>

#define IOMD_SEGMENTS_EMBEDDED	4
#define IOMD_SEGMENTS_GROUP	8

struct iomd_segment_block;

struct iomd_segments {
	struct sg_table table;
	u64 length;
	/* The last entry, and the page it ends with if more may join it. */
	struct scatterlist *tail;
	struct page *last_page;
	/* The next entry to use, how many there are from it on, and in a whole block. */
	struct scatterlist *unused;
	unsigned int room;
	unsigned int block_entries;
	unsigned int blocks;
	struct iomd_segment_block *last_block;
	/* NULL while there is but one block. */
	struct iomd_segment_block **directory;
	struct scatterlist embedded[IOMD_SEGMENTS_EMBEDDED];
};

void iomd_segments_init(struct iomd_segments *segments);
void iomd_segments_free(struct iomd_segments *segments);

unsigned int iomd_segments_append_pages(struct iomd_segments *segments,
					struct page **pages, unsigned int count,
					unsigned int offset);
int iomd_segments_append(struct iomd_segments *segments, struct page *first,
			 unsigned int offset, u64 length);
void iomd_segments_trim(struct iomd_segments *segments, unsigned int bytes);
int iomd_segments_finish(struct iomd_segments *segments);

struct scatterlist *iomd_segments_find(const struct iomd_segments *segments,
				       u64 offset, u64 *skip);

/* Entry after @sg in a list that has one. */
static inline struct scatterlist *iomd_segments_next(struct scatterlist *sg)
{
	sg++;
	if (unlikely(sg_is_chain(sg)))
		sg = sg_chain_ptr(sg);
	return sg;
}

/* Pages that entry @sg covers, its first and last one perhaps in part. */
static inline unsigned int iomd_segment_pages(const struct scatterlist *sg)
{
	return ((u64)sg->offset + sg->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

#endif
