/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ranges that a descriptor was created with: checked, without the empty
 * ones, neighbours joined, and found by offset in O(log n).
 */
#ifndef IOMD_SOURCE_EXTENTS_H
#define IOMD_SOURCE_EXTENTS_H

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/types.h>

#include <iomd/types.h>

/* @start: its offset in the descriptor. @ram: of physical memory, is it RAM with pages? */
struct iomd_extent {
	u64 start;
	u64 address;
	u64 length;
	bool ram;
};

/*
 * One extent, which nearly all have, needs no memory of its own: it is in @room, and
 * @list says so. @room is not to be read by name: it means nothing where there are
 * several.
 */
struct iomd_extents {
	struct iomd_extent *list;
	u32 count;
	u64 length;
	/* Pages touched, those that several extents touch counted for each. */
	u64 pages;
	/* private: */
	struct iomd_extent room;
};

/* @extent goes from the first to the last. */
#define iomd_for_each_extent(extent, extents)				\
	for ((extent) = (extents)->list;				\
	     (extent) < (extents)->list + (extents)->count; (extent)++)

int iomd_extents_init_several(struct iomd_extents *extents,
			      const struct iomd_address_range *ranges, u32 count);
void iomd_extents_free_list(struct iomd_extents *extents);
const struct iomd_extent *iomd_extents_find(const struct iomd_extents *extents, u64 offset);
int iomd_extents_find_ram(struct iomd_extents *extents);
void iomd_extents_set_ram(struct iomd_extents *extents);
u64 iomd_extents_page_bytes(const struct iomd_extents *extents, u64 *offset);

/* Pages that memory touches. */
static inline u64 iomd_extents_pages_of(u64 address, u64 length)
{
	return PFN_UP(offset_in_page(address) + length);
}

/* Does the range wrap, or the pages around it? */
static inline bool iomd_extents_wraps(const struct iomd_address_range *range)
{
	u64 end;

	return check_add_overflow(range->address, range->length, &end) ||
	       check_add_overflow(end, (u64)PAGE_SIZE - 1, &end);
}

/* One range that is there, or was checked; may be called again. */
static inline void iomd_extents_set_single(struct iomd_extents *extents, u64 address, u64 length)
{
	extents->list = &extents->room;
	extents->room = (struct iomd_extent) { .address = address, .length = length };
	extents->count = 1;
	extents->length = length;
	extents->pages = iomd_extents_pages_of(address, length);
}

/**
 * iomd_extents_init() - copy and check ranges
 * @extents: what to set up
 * @ranges: what a caller gave
 * @count: how many
 *
 * Inline for the one range that nearly all have. Undone by iomd_extents_free().
 *
 * Return: 0; -EINVAL if there is none, or anything wraps; -ENOMEM.
 * Context: may sleep.
 */
static inline int iomd_extents_init(struct iomd_extents *extents,
				    const struct iomd_address_range *ranges, u32 count)
{
	if (count != 1 || !ranges || !ranges->length)
		return iomd_extents_init_several(extents, ranges, count);
	if (iomd_extents_wraps(ranges))
		return -EINVAL;
	iomd_extents_set_single(extents, ranges->address, ranges->length);
	return 0;
}

static inline void iomd_extents_free(struct iomd_extents *extents)
{
	if (extents->list != &extents->room)
		iomd_extents_free_list(extents);
}

/* What has none: nothing is found in it. */
static inline void iomd_extents_set_none(struct iomd_extents *extents)
{
	extents->list = &extents->room;
	extents->count = 0;
	extents->length = 0;
	extents->pages = 0;
}

#endif
