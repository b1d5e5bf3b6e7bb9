/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ranges that a descriptor was created with: checked, without the empty
 * ones, neighbours joined, and found by offset in O(log n).
 */
#ifndef IOMD_SOURCE_EXTENTS_H
#define IOMD_SOURCE_EXTENTS_H

#include <linux/types.h>

struct iomd_address_range;

/* @start: its offset in the descriptor */
struct iomd_extent {
	u64 start;
	u64 address;
	u64 length;
};

/* One extent needs no memory of its own. */
struct iomd_extents {
	struct iomd_extent *list;
	u32 count;
	u64 length;
	/* Pages touched, those that several extents touch counted for each. */
	u64 pages;
	struct iomd_extent single;
};

int iomd_extents_init(struct iomd_extents *extents, const struct iomd_address_range *ranges,
		      u32 count);
void iomd_extents_set_single(struct iomd_extents *extents, u64 address, u64 length);
void iomd_extents_free(struct iomd_extents *extents);
const struct iomd_extent *iomd_extents_find(const struct iomd_extents *extents, u64 offset);
u64 iomd_extents_page_bytes(const struct iomd_extents *extents, u64 *offset);

#endif
