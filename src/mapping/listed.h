/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is in one list of segments: it has pages, no guards and one cache mode, so
 * there is a shorter way to what a mapping shows than by its runs.
 */
#ifndef IOMD_MAPPING_LISTED_H
#define IOMD_MAPPING_LISTED_H

#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/types.h>

#include "../segments/segments.h"

struct iomd_mapping;

/* A segment of it, and how many bytes are behind that one. */
struct iomd_listed {
	struct scatterlist *entry;
	struct page *page;
	unsigned int offset;
	u64 length;
	u64 left;
};

/*
 * The first look at memory that was just prepared: where in its page it begins. Is all of
 * it in one list, which begins with RAM? Then @first is the first segment.
 */
bool iomd_mapping_look(struct iomd_mapping *mapping, struct iomd_listed *first);

/*
 * Pages that a segment covers, if it begins at @in_page and meets the next one at a page
 * border; else 0.
 */
static inline u64 iomd_listed_pages(const struct iomd_listed *listed, unsigned int in_page)
{
	u64 end = listed->offset + listed->length;

	if (listed->offset != in_page || (listed->left && offset_in_page(end)))
		return 0;
	return PFN_UP(end);
}

/* Go to the next one, if there is one. */
static inline bool iomd_listed_next(struct iomd_listed *listed)
{
	if (!listed->left)
		return false;
	listed->entry = iomd_segments_next(listed->entry);
	listed->page = sg_page(listed->entry);
	listed->offset = listed->entry->offset;
	listed->length = min_t(u64, listed->entry->length, listed->left);
	listed->left -= listed->length;
	return true;
}

#endif
