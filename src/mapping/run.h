/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a mapping shows, as runs of pages. Its pieces must meet at page borders,
 * else they can't be shown behind each other.
 */
#ifndef IOMD_MAPPING_RUN_H
#define IOMD_MAPPING_RUN_H

#include <linux/types.h>

#include "mapping.h"

enum iomd_page_run_kind {
	IOMD_PAGE_RUN_RAM,
	IOMD_PAGE_RUN_DEVICE,
	/* A guard: nothing must ever be seen there. */
	IOMD_PAGE_RUN_GUARD,
};

struct iomd_page_run {
	enum iomd_page_run_kind kind;
	/* First page, counted from the first of the mapping, and how many. */
	u64 page;
	u64 pages;
	/* Of the first page; guards have none. */
	unsigned long pfn;
};

int iomd_page_run_at(const struct iomd_mapping *mapping, u64 page, struct iomd_page_run *run);

/*
 * The run behind @run, or the first one behind one that is all zero: 1; 0 if there is
 * no more; else as iomd_page_run_at().
 */
int iomd_page_run_next(const struct iomd_mapping *mapping, struct iomd_page_run *run);

#endif
