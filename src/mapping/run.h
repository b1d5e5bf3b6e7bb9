/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a mapping shows, as runs of pages. Its pieces must meet at page borders,
 * else they can't be shown behind each other.
 */
#ifndef IOMD_MAPPING_RUN_H
#define IOMD_MAPPING_RUN_H

#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/types.h>

#include <iomd/segment.h>

#include "../desc/ram.h"
#include "mapping.h"

enum iomd_run_kind {
	IOMD_RUN_RAM,
	IOMD_RUN_DEVICE,
	/* A guard: nothing must ever be seen there. */
	IOMD_RUN_HOLE,
};

struct iomd_run {
	enum iomd_run_kind kind;
	/* First page, counted from the first of the mapping, and how many. */
	u64 page;
	u64 pages;
	/* Of the first page; holes have none. */
	unsigned long pfn;
};

int iomd_run_at(const struct iomd_mapping *mapping, u64 page, struct iomd_run *run);

/*
 * The run behind @run, or the first one behind one that is all zero: 1; 0 if there is
 * no more; else as iomd_run_at().
 */
int iomd_next_run(const struct iomd_mapping *mapping, struct iomd_run *run);

/*
 * Is all memory from a page on in one list of segments, and begins with RAM? Then it has
 * pages, no holes and one mode, and there is a shorter way: @iter is set to the first
 * segment, and iomd_listed_run() makes a run of each.
 */
bool iomd_mapping_is_listed(const struct iomd_mapping *mapping, u64 page,
			    struct iomd_segment_iter *iter);
/* The same, at the first look at memory that was just prepared: where in a page it begins. */
bool iomd_mapping_look(struct iomd_mapping *mapping, struct iomd_segment_iter *iter);

/* As iomd_run_at(), of the segment that @iter is at. */
static inline int iomd_listed_run(const struct iomd_mapping *mapping,
				  const struct iomd_segment_iter *iter, u64 page,
				  struct iomd_run *run)
{
	unsigned int offset = offset_in_page(iter->address);
	u64 bytes = offset + iter->length;

	if (offset != (page ? 0 : mapping->in_page) || (iter->window && offset_in_page(bytes)))
		return -EINVAL;
	run->kind = iomd_is_ram_page(sg_page(iter->sg)) ? IOMD_RUN_RAM : IOMD_RUN_DEVICE;
	run->page = page;
	run->pages = PFN_UP(bytes);
	run->pfn = PHYS_PFN(iter->address);
	return 0;
}

#endif
