// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../debug/inject.h"
#include "../debug/knobs.h"
#include "../gfp.h"
#include "segments.h"

/* What a block has beside entries. Readers are there until a grace period is over. */
struct block_head {
	struct rcu_head rcu;
	/* Of the whole list, in its first block. */
	struct iomd_segment_index index;
};

#define BLOCK_ENTRIES	((4096 - sizeof(struct block_head)) / sizeof(struct scatterlist))

struct iomd_segment_block {
	struct block_head head;
	/* The last one is the link to the next block. */
	struct scatterlist entries[BLOCK_ENTRIES];
};

struct iomd_segment_directory {
	struct rcu_head rcu;
	struct iomd_segment_block *blocks[];
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
	segments->limit = segments->embedded + min_t(unsigned int, IOMD_SEGMENTS_EMBEDDED,
						     segments->block_entries - 1);
	segments->blocks = 0;
	segments->last_block = NULL;
	segments->index = &segments->own_index;
}

/* All that is needed to find entries of a list without blocks, which is in @segments. */
static void set_own_index(struct iomd_segments *segments)
{
	struct iomd_segment_index *index = &segments->own_index;
	unsigned int entries = segments->table.nents;

	/* Whoever still reads the list that was there before goes astray within this one. */
	segments->index = index;
	WRITE_ONCE(index->recent, segments->embedded);
	WRITE_ONCE(index->first, segments->embedded);
	WRITE_ONCE(index->directory, NULL);
	/* Never none, for those who go astray. */
	WRITE_ONCE(index->entries, max(entries, 1U));
	WRITE_ONCE(index->entry_bytes,
		   entries ? div_u64(segments->length - 1, entries) + 1 : 1);
}

/**
 * iomd_segments_set_page() - set up a finished list of one page, or a part of it
 * @segments: list, which need not be set up
 * @page: the page
 * @offset: bytes to leave out of it
 * @length: bytes, at least 1
 *
 * All that is needed of a list that is so short: for small requests, which are many.
 *
 * Context: any.
 */
void iomd_segments_set_page(struct iomd_segments *segments, struct page *page,
			    unsigned int offset, unsigned int length)
{
	struct scatterlist *sg = segments->embedded;

	segments->table.sgl = sg;
	segments->table.nents = 1;
	segments->table.orig_nents = 1;
	segments->length = length;
	segments->blocks = 0;
	set_own_index(segments);
	sg->page_link = SG_END;
	sg_set_page(sg, page, length, offset);
	sg->dma_address = 0;
	sg[1].page_link = 0;
	sg[1].length = 0;
}

void iomd_segments_free_blocks(struct iomd_segments *segments)
{
	struct iomd_segment_block *block, *next;
	unsigned int count = 0;

	if (segments->index != &segments->own_index && segments->index->directory)
		kvfree_rcu(segments->index->directory, rcu);
	for (block = first_block(segments); block; block = next) {
		next = block_after(segments, block);
		kfree_rcu(block, head.rcu);
		if (!(++count % 64))
			cond_resched();
	}
	segments->blocks = 0;
	segments->index = &segments->own_index;
}

/* Entries were used up to @sg. */
static void note_entries(struct iomd_segments *segments, struct scatterlist *sg)
{
	if (sg == segments->unused)
		return;
	segments->table.orig_nents += sg - segments->unused;
	segments->unused = sg;
	segments->tail = sg - 1;
}

/* Room for the next entry; the embedded ones move into the first block. */
static bool segments_grow(struct iomd_segments *segments)
{
	struct iomd_segment_block *block;
	unsigned int used = 0;

	if (iomd_should_fail())
		return false;
	block = kmalloc(sizeof(*block), IOMD_GFP_SIZED);
	if (!block)
		return false;
	if (segments->blocks) {
		sg_chain(segments->last_block->entries, segments->block_entries + 1,
			 block->entries);
	} else {
		used = segments->table.orig_nents;
		memcpy(block->entries, segments->embedded, used * sizeof(block->entries[0]));
		segments->table.sgl = block->entries;
		segments->tail = block->entries + used - 1;
	}
	segments->unused = block->entries + used;
	segments->limit = block->entries + segments->block_entries;
	segments->last_block = block;
	segments->blocks++;
	return true;
}

/* Physically behind each other, and of one kind of memory? */
static inline bool page_follows(struct page *page, struct page *last)
{
	/* Without a virtual memory map, any memory's structs may be behind others'. */
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) &&
	    page_to_pfn(page) != page_to_pfn(last) + 1)
		return false;
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

	return last && !offset && page_follows(page, last) &&
	       segments->tail->length <= ENTRY_BYTES - count * PAGE_SIZE &&
	       !is_zone_device_page(page) && !is_zone_device_page(last);
}

/* Pages of a run that are compared one by one, and then many at a time. */
#define FEW	8
#define MANY	16

static inline bool many_follow(struct page **pages, struct page *last)
{
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < MANY; i++)
		if (!page_follows(pages[i], last + i))
			return false;
	return true;
}

/*
 * Where the run ends that page @i of @count goes on with. Within a huge page this is
 * nearly all that is done for a page: an unrolled loop takes three instructions.
 */
static inline unsigned long run_end(struct page **pages, unsigned long i, unsigned long count)
{
	unsigned long few = min(count, i + FEW);
	struct page *last = pages[i];

	for (i++; i < few; i++, last++)
		if (!page_follows(pages[i], last))
			return i;
	while (i + MANY <= count && many_follow(pages + i, pages[i - 1]))
		i += MANY;
	while (i < count && page_follows(pages[i], pages[i - 1]))
		i++;
	return i;
}

/**
 * iomd_segments_append_pages() - append pages to the list
 * @segments: list that is not finished
 * @pages: in order; a batch, that is at most 2^31 bytes
 * @count: how many, at least 1
 * @offset: bytes to leave out of the first page
 *
 * This is what pinning adds to the kernel's own cost for each page, so the state of
 * the list is kept in registers for the whole batch: it is a third cheaper.
 *
 * Return: how many pages were appended: less than @count if there is no memory.
 * Context: may sleep.
 */
unsigned int iomd_segments_append_pages(struct iomd_segments *segments,
					struct page **pages, unsigned int count,
					unsigned int offset)
{
	struct scatterlist *sg = segments->unused, *limit = segments->limit;
	u64 start = segments->length;
	unsigned int i = 0;

	if (may_join(segments, pages[0], count, offset)) {
		i = run_end(pages, 0, count);
		segments->tail->length += i * PAGE_SIZE;
		start += i * PAGE_SIZE;
	}
	while (i < count) {
		struct page *first = pages[i];
		unsigned int run = i, length;

		if (unlikely(sg == limit)) {
			note_entries(segments, sg);
			if (!segments_grow(segments))
				break;
			sg = segments->unused;
			limit = segments->limit;
		}
		if (start != (dma_addr_t)start)
			break;
		i++;
		if (i < count && page_follows(pages[i], first))
			i = run_end(pages, i, count);
		length = (i - run) * PAGE_SIZE - offset;
		sg->page_link = 0;
		sg_set_page(sg, first, length, offset);
		sg->dma_address = start;
		sg++;
		start += length;
		offset = 0;
	}
	note_entries(segments, sg);
	segments->length = start;
	if (i)
		segments->last_page = pages[i - 1];
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

/* Between two looks for signals and whoever wants the CPU. */
#define BATCHES	32

/**
 * iomd_segments_append() - append contiguous memory to the list
 * @segments: list that is not finished
 * @first: page it starts in
 * @offset: where in that
 * @length: bytes, at least 1
 *
 * Return: 0; -ENOMEM, or -EINTR if a fatal signal came, with some of it appended.
 * Context: may sleep.
 */
int iomd_segments_append(struct iomd_segments *segments, struct page *first,
			 unsigned int offset, u64 length)
{
	u64 left = (offset + length + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned int beyond = -(offset + length) & (PAGE_SIZE - 1);
	unsigned long pfn = page_to_pfn(first);
	unsigned int batches = 0;
	struct page *pages[16];

	while (left) {
		unsigned int i, count = min_t(u64, left, ARRAY_SIZE(pages));

		for (i = 0; i < count; i++)
			pages[i] = pfn_to_page(pfn++);
		if (iomd_segments_append_pages(segments, pages, count, offset) < count)
			return -ENOMEM;
		offset = 0;
		left -= count;
		if (!(++batches % BATCHES)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	if (beyond)
		iomd_segments_trim(segments, beyond);
	return 0;
}

/* Keep of the only block no more than is used, if that is little. */
static void segments_shrink(struct iomd_segments *segments)
{
	unsigned int entries = segments->table.nents + 1;
	struct iomd_segment_block *block;

	if (entries > BLOCK_ENTRIES / 2)
		return;
	block = kmemdup(segments->last_block,
			offsetof(struct iomd_segment_block, entries) +
			entries * sizeof(block->entries[0]), IOMD_GFP_SIZED);
	if (!block)
		return;
	/* Nobody has read it yet. */
	kfree(segments->last_block);
	segments->table.sgl = block->entries;
	segments->last_block = block;
}

/* Bytes for which a block is a lot, and to shrink one is little. */
#define MUCH	SZ_2M

static int make_directory(struct iomd_segments *segments, struct iomd_segment_index *index)
{
	struct iomd_segment_directory *directory;
	struct iomd_segment_block *block;
	unsigned int i;

	if (iomd_should_fail())
		return -ENOMEM;
	directory = kvmalloc(struct_size(directory, blocks, segments->blocks), IOMD_GFP_SIZED);
	if (!directory)
		return -ENOMEM;
	index->block_bytes = div_u64(iomd_segment_start(segments->last_block->entries),
				     segments->blocks - 1);
	block = first_block(segments);
	for (i = 0; block; block = block_after(segments, block)) {
		directory->blocks[i++] = block;
		if (!(i % 1024))
			cond_resched();
	}
	index->directory = directory;
	return 0;
}

/* A list with blocks: the first one has the index, which stays as it is from now on. */
static int make_index(struct iomd_segments *segments)
{
	struct iomd_segment_index *index;

	if (segments->blocks == 1 && segments->length >= MUCH)
		segments_shrink(segments);
	index = &first_block(segments)->head.index;
	*index = (struct iomd_segment_index) {
		.recent = segments->table.sgl,
		.first = segments->table.sgl,
		.blocks = segments->blocks,
		.entries = segments->blocks == 1 ? segments->table.nents :
						   segments->unused - segments->last_block->entries,
		.block_entries = segments->block_entries,
		.entry_bytes = div_u64(segments->length - 1, segments->table.nents) + 1,
	};
	segments->index = index;
	return segments->blocks == 1 ? 0 : make_directory(segments, index);
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
	segments->table.nents = segments->table.orig_nents;
	if (segments->tail)
		sg_mark_end(segments->tail);
	segments->unused->page_link = 0;
	segments->unused->length = 0;
	if (segments->blocks)
		return make_index(segments);
	set_own_index(segments);
	return 0;
}

/*
 * Finding entries. Who does so without keeping the list from changing may see anything in
 * an index that is in the list itself, and in its entries; it is led to no place outside
 * of it, and not to believe what it finds. That is what the races here are about.
 */

static bool entry_holds(const struct scatterlist *sg, u64 offset)
{
	return offset - READ_ONCE(sg->dma_address) < READ_ONCE(sg->length);
}

static unsigned int index_find_block(const struct iomd_segment_index *index, u64 offset)
{
	struct iomd_segment_block **blocks = index->directory->blocks;
	unsigned int low = 0, high = index->blocks;
	unsigned int middle = min_t(u64, div64_u64(offset, index->block_bytes), high - 1);

	while (true) {
		if (iomd_segment_start(blocks[middle]->entries) > offset)
			high = middle;
		else if (middle + 1 < high &&
			 iomd_segment_start(blocks[middle + 1]->entries) <= offset)
			low = middle + 1;
		else
			break;
		middle = (low + high) / 2;
	}
	return middle;
}

/* The entry of a row of @count that holds @offset, which one of them does. */
static struct scatterlist *segments_bisect(struct scatterlist *sg, unsigned int count, u64 offset)
{
	while (count > 1) {
		unsigned int half = count / 2;

		if (READ_ONCE(sg[half].dma_address) <= offset)
			sg += half;
		count -= half;
	}
	return sg;
}

static noinline struct scatterlist *find_in_blocks(const struct iomd_segment_index *index,
						   u64 offset)
{
	unsigned int block = index_find_block(index, offset);
	struct scatterlist *sg = index->directory->blocks[block]->entries, *guess;
	unsigned int count = block + 1 == index->blocks ? index->entries : index->block_entries;

	guess = sg + min_t(u64, div64_u64(offset - iomd_segment_start(sg), index->entry_bytes),
			   count - 1);
	return entry_holds(guess, offset) ? guess : segments_bisect(sg, count, offset);
}

/**
 * iomd_segments_find() - entry that holds an offset
 * @index: of a finished list
 * @offset: less than its length
 *
 * Bisects, but begins where the entry is if all are of one length, as scattered pages
 * are, and huge ones: there the first look is the last.
 *
 * Return: the entry.
 * Context: any, not to be preempted.
 */
struct scatterlist *iomd_segments_find(struct iomd_segment_index *index, u64 offset)
{
	struct scatterlist *sg;

	if (READ_ONCE(index->directory)) {
		sg = find_in_blocks(index, offset);
	} else {
		unsigned int entries = READ_ONCE(index->entries);

		/* The average is rounded up, so this is in the list. */
		sg = index->first + min_t(u64, div_u64(offset, READ_ONCE(index->entry_bytes)),
					  entries - 1);
		if (!entry_holds(sg, offset))
			sg = segments_bisect(index->first, entries, offset);
	}
	WRITE_ONCE(index->recent, sg);
	return sg;
}
