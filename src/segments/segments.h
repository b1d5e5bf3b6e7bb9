/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of physical segments that a prepared leaf keeps: a scatterlist, and
 * beside it what finds the entry of an offset in O(log n).
 *
 * The first few entries live in the list itself. Beyond them the scatterlist is
 * chained through blocks of one page-sized allocation each. No device ever maps
 * this list (every map has a table of its own), so an entry's DMA address is free
 * to say where in the list the entry starts: that is what a search compares. A
 * directory of the blocks is made once, when the list is complete, so that nothing
 * is ever copied while it grows.
 *
 * No locks, no mm, no device. Reading never sleeps, and nothing that is read is ever
 * freed under a reader: blocks go after a grace period, and what is in the list itself
 * lives as long as its owner. But that is written over by the next list, so whoever reads
 * without keeping the owner from that sees a mixture, perhaps, and must look whether it is
 * still the same list before he believes it; see iomd_segments_read().
 */
#ifndef IOMD_SEGMENTS_SEGMENTS_H
#define IOMD_SEGMENTS_SEGMENTS_H

#include <linux/preempt.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#define IOMD_SEGMENTS_EMBEDDED	4

struct iomd_segment_block;
struct iomd_segment_directory;

/**
 * struct iomd_segment_index - what finds entries in a finished list
 * @recent: the entry that was found last: who asks next asks there, or for the next one
 * @first: the first entry
 * @directory: of the blocks; NULL while there is but one
 * @blocks: how many; 0 if the entries are in the list itself
 * @entries: of the list, or of its last block if there are several
 * @block_entries: of each other block
 * @entry_bytes: bytes of an entry, on average
 * @block_bytes: bytes of a full block if there are several, on average
 *
 * Stays where the entries are: in the list itself, or in its first block.
 */
struct iomd_segment_index {
	struct scatterlist *recent;
	struct scatterlist *first;
	struct iomd_segment_directory *directory;
	unsigned int blocks;
	unsigned int entries;
	unsigned int block_entries;
	unsigned int entry_bytes;
	u64 block_bytes;
};

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
	/* Of the finished list: the index that is to be read. */
	struct iomd_segment_index *index;
	/* That of a list without blocks. */
	struct iomd_segment_index own_index;
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

struct scatterlist *iomd_segments_find(struct iomd_segment_index *index, u64 offset);

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
 * struct iomd_segment_entry - what an entry said when it was read
 * @page_link: of its page; see iomd_segment_entry_address()
 * @offset: where in the page it begins
 * @length: its bytes
 * @start: where in the list it begins
 */
struct iomd_segment_entry {
	unsigned long page_link;
	unsigned int offset;
	unsigned int length;
	u64 start;
};

/* The owner may write the entry over meanwhile, which its reader finds out afterwards. */
static __always_inline struct iomd_segment_entry iomd_segments_read(const struct scatterlist *sg)
{
	return (struct iomd_segment_entry) {
		.page_link = READ_ONCE(sg->page_link),
		.offset = READ_ONCE(sg->offset),
		.length = READ_ONCE(sg->length),
		.start = READ_ONCE(sg->dma_address),
	};
}

/* Not of an entry that may be a mixture: not every page has a struct that is there. */
static __always_inline phys_addr_t
iomd_segment_entry_address(const struct iomd_segment_entry *entry)
{
	struct page *page = (struct page *)(entry->page_link & ~SG_PAGE_LINK_MASK);

	return page_to_phys(page) + entry->offset;
}

/**
 * iomd_segments_find_next() - is it the entry behind the one that was found last?
 * @index: of a finished list
 * @offset: less than its length
 * @entry: set to what the entry says that holds the offset
 *
 * Inline, and without a call, because drivers ask for each segment of a transfer in
 * order. What stands behind the last entry of a block or of the list has no length,
 * so it never holds an offset.
 *
 * Return: true if it is; otherwise iomd_segments_find() tells.
 * Context: any, not to be preempted.
 */
static __always_inline bool iomd_segments_find_next(struct iomd_segment_index *index, u64 offset,
						    struct iomd_segment_entry *entry)
{
	struct scatterlist *sg = READ_ONCE(index->recent) + 1;

	*entry = iomd_segments_read(sg);
	if (offset - entry->start >= entry->length)
		return false;
	WRITE_ONCE(index->recent, sg);
	return true;
}

/* Pages that entry @sg covers, its first and last one perhaps in part. */
static inline unsigned int iomd_segment_pages(const struct scatterlist *sg)
{
	return ((u64)sg->offset + sg->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

#endif
