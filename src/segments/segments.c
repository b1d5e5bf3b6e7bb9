// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/slab.h>

#include "../debug/inject.h"
#include "../debug/knobs.h"
#include "segments.h"

#define BLOCK_BYTES	4096
/* An entry, and its share of a group's start. */
#define BLOCK_ENTRIES							\
	((BLOCK_BYTES * IOMD_SEGMENTS_GROUP) /				\
	 (IOMD_SEGMENTS_GROUP * sizeof(struct scatterlist) + sizeof(u64)))
#define BLOCK_GROUPS	DIV_ROUND_UP(BLOCK_ENTRIES, IOMD_SEGMENTS_GROUP)

struct iomd_segment_block {
	/* Offset in the list at which entry 0, 8, 16 ... starts. */
	u64 start[BLOCK_GROUPS];
	/* The last one is the link to the next block. */
	struct scatterlist entries[BLOCK_ENTRIES];
};

/* Longest entry: its length is an unsigned int. */
#define ENTRY_BYTES	(UINT_MAX & PAGE_MASK)

static struct iomd_segment_block *first_block(const struct iomd_segments *segments)
{
	return container_of(segments->table.sgl, struct iomd_segment_block, entries[0]);
}

static struct iomd_segment_block *block_after(const struct iomd_segments *segments,
					      struct iomd_segment_block *block)
{
	struct scatterlist *link = &block->entries[segments->block_entries];

	if (block == segments->last_block)
		return NULL;
	return container_of(sg_chain_ptr(link), struct iomd_segment_block, entries[0]);
}

void iomd_segments_init(struct iomd_segments *segments)
{
	unsigned int knob = READ_ONCE(iomd_knob_segment_block);

	segments->block_entries = BLOCK_ENTRIES - 1;
	if (unlikely(knob))
		segments->block_entries = clamp_t(unsigned int, knob, 2, BLOCK_ENTRIES - 1);
	segments->table.sgl = segments->embedded;
	segments->table.nents = 0;
	segments->table.orig_nents = 0;
	segments->length = 0;
	segments->tail = NULL;
	segments->last_page = NULL;
	segments->unused = segments->embedded;
	segments->room = min_t(unsigned int, IOMD_SEGMENTS_EMBEDDED,
			       segments->block_entries - 1);
	segments->blocks = 0;
	segments->last_block = NULL;
	segments->directory = NULL;
}

/**
 * iomd_segments_free() - give back the list's memory, not its pages
 * @segments: list, complete or not; empty and ready for use afterwards
 */
void iomd_segments_free(struct iomd_segments *segments)
{
	struct iomd_segment_block *block, *next;

	if (segments->blocks) {
		for (block = first_block(segments); block; block = next) {
			next = block_after(segments, block);
			kfree(block);
		}
		kvfree(segments->directory);
	}
	iomd_segments_init(segments);
}

/* Room for the next entry; the embedded ones move into the first block. */
static bool grow(struct iomd_segments *segments)
{
	struct iomd_segment_block *block;
	unsigned int used = 0;

	if (iomd_should_fail())
		return false;
	block = kmalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
	if (!block)
		return false;
	if (segments->blocks) {
		sg_chain(segments->last_block->entries, segments->block_entries + 1,
			 block->entries);
	} else {
		used = segments->table.orig_nents;
		memcpy(block->entries, segments->embedded, used * sizeof(block->entries[0]));
		block->start[0] = 0;
		segments->table.sgl = block->entries;
		segments->tail = block->entries + used - 1;
	}
	segments->unused = block->entries + used;
	segments->room = segments->block_entries - used;
	segments->last_block = block;
	segments->blocks++;
	return true;
}

/* A new entry of @length bytes behind the tail; NULL if there is no memory. */
static inline struct scatterlist *add_entry(struct iomd_segments *segments, struct page *page,
					    unsigned int offset, unsigned int length, u64 start)
{
	struct scatterlist *sg;

	if (unlikely(!segments->room) && !grow(segments))
		return NULL;
	sg = segments->unused++;
	if (segments->blocks) {
		unsigned int index = segments->block_entries - segments->room;

		if (!(index % IOMD_SEGMENTS_GROUP))
			segments->last_block->start[index / IOMD_SEGMENTS_GROUP] = start;
	}
	sg->page_link = 0;
	sg_set_page(sg, page, length, offset);
	segments->tail = sg;
	segments->room--;
	segments->table.orig_nents++;
	return sg;
}

/* Physically behind each other, and of one kind of memory? */
static inline bool follows(struct page *page, struct page *last)
{
	/* Without a virtual memory map, neighbours' structs may be anywhere. */
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return page_to_pfn(page) == page_to_pfn(last) + 1;
	return page == last + 1;
}

/*
 * May the first page of a batch lengthen the tail? Device memory is never joined
 * to what it borders on: it begins and ends where batches do.
 */
static bool may_join(const struct iomd_segments *segments, struct page *page,
		     unsigned int count, unsigned int offset)
{
	struct page *last = segments->last_page;

	return last && !offset && follows(page, last) &&
	       segments->tail->length <= ENTRY_BYTES - count * PAGE_SIZE &&
	       !is_zone_device_page(page) && !is_zone_device_page(last);
}

/**
 * iomd_segments_append_pages() - append pages to the list
 * @segments: list that is not finished
 * @pages: in order; a batch, that is at most 2^31 bytes
 * @count: how many, at least 1
 * @offset: bytes to leave out of the first page
 *
 * Return: how many pages were appended: less than @count if there is no memory.
 * Context: may sleep.
 */
unsigned int iomd_segments_append_pages(struct iomd_segments *segments,
					struct page **pages, unsigned int count,
					unsigned int offset)
{
	bool join = may_join(segments, pages[0], count, offset);
	u64 start = segments->length;
	unsigned int i = 0;

	while (i < count) {
		struct page *first = pages[i], *last = first;
		unsigned int length, run = i;

		do {
			i++;
		} while (i < count && follows(pages[i], last) && (last = pages[i]));
		length = (i - run) * PAGE_SIZE - offset;
		if (join) {
			segments->tail->length += length;
		} else if (!add_entry(segments, first, offset, length, start)) {
			i = run;
			break;
		}
		join = false;
		offset = 0;
		start += length;
		segments->last_page = last;
	}
	segments->length = start;
	return i;
}

/**
 * iomd_segments_trim() - leave bytes out of the last page
 * @segments: list that is not finished
 * @bytes: less than its last page has
 *
 * Nothing joins the page afterwards: a page is in one entry as often as it was
 * appended, so that it can be released as often.
 */
void iomd_segments_trim(struct iomd_segments *segments, unsigned int bytes)
{
	segments->tail->length -= bytes;
	segments->length -= bytes;
	segments->last_page = NULL;
}

/**
 * iomd_segments_append() - append contiguous memory to the list
 * @segments: list that is not finished
 * @first: page it starts in
 * @offset: where in that
 * @length: bytes, at least 1
 *
 * Return: 0; -ENOMEM, with some of it appended.
 * Context: may sleep.
 */
int iomd_segments_append(struct iomd_segments *segments, struct page *first,
			 unsigned int offset, u64 length)
{
	u64 left = (offset + length + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned int beyond = -(offset + length) & (PAGE_SIZE - 1);
	unsigned long pfn = page_to_pfn(first);
	struct page *pages[16];

	while (left) {
		unsigned int i, count = min_t(u64, left, ARRAY_SIZE(pages));

		for (i = 0; i < count; i++)
			pages[i] = pfn_to_page(pfn++);
		if (iomd_segments_append_pages(segments, pages, count, offset) < count)
			return -ENOMEM;
		offset = 0;
		left -= count;
	}
	if (beyond)
		iomd_segments_trim(segments, beyond);
	return 0;
}

/**
 * iomd_segments_finish() - close the list: nothing is appended any more
 * @segments: list
 *
 * Return: 0; -ENOMEM with the list as it was.
 * Context: may sleep.
 */
int iomd_segments_finish(struct iomd_segments *segments)
{
	struct iomd_segment_block *block;
	unsigned int i;

	segments->table.nents = segments->table.orig_nents;
	if (segments->tail)
		sg_mark_end(segments->tail);
	if (segments->blocks < 2)
		return 0;
	if (iomd_should_fail())
		return -ENOMEM;
	segments->directory = kvmalloc_array(segments->blocks, sizeof(*segments->directory),
					     GFP_KERNEL_ACCOUNT);
	if (!segments->directory)
		return -ENOMEM;
	block = first_block(segments);
	for (i = 0; block; block = block_after(segments, block))
		segments->directory[i++] = block;
	return 0;
}

/* Last block that starts at or before @offset. */
static const struct iomd_segment_block *find_block(const struct iomd_segments *segments,
						   u64 offset)
{
	unsigned int low = 0, high = segments->blocks;

	if (!segments->directory)
		return segments->last_block;
	while (high - low > 1) {
		unsigned int middle = (low + high) / 2;

		if (segments->directory[middle]->start[0] <= offset)
			low = middle;
		else
			high = middle;
	}
	return segments->directory[low];
}

/**
 * iomd_segments_find() - entry that holds an offset
 * @segments: finished list
 * @offset: less than its length
 * @skip: set to how far into the entry the offset is
 *
 * Return: the entry.
 * Context: any.
 */
struct scatterlist *iomd_segments_find(const struct iomd_segments *segments,
				       u64 offset, u64 *skip)
{
	struct scatterlist *sg = segments->table.sgl;

	if (segments->blocks) {
		const struct iomd_segment_block *block = find_block(segments, offset);
		unsigned int low = 0, high = segments->block_entries;

		if (block == segments->last_block)
			high -= segments->room;
		high = DIV_ROUND_UP(high, IOMD_SEGMENTS_GROUP);
		while (high - low > 1) {
			unsigned int middle = (low + high) / 2;

			if (block->start[middle] <= offset)
				low = middle;
			else
				high = middle;
		}
		offset -= block->start[low];
		sg = (struct scatterlist *)&block->entries[low * IOMD_SEGMENTS_GROUP];
	}
	while (offset >= sg->length) {
		offset -= sg->length;
		sg = iomd_segments_next(sg);
	}
	*skip = offset;
	return sg;
}
