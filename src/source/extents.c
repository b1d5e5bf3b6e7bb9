// SPDX-License-Identifier: GPL-2.0
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/poison.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <iomd/types.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "extents.h"

/* Ranges that are looked at between two places to reschedule at. */
#define MANY	4096

/* No range may wrap, nor the sum of all. */
static int extents_check(const struct iomd_address_range *ranges, u32 count)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		if (iomd_extents_wraps(&ranges[i]) ||
		    check_add_overflow(total, ranges[i].length, &total))
			return -EINVAL;
		if (!(i % MANY))
			cond_resched();
	}
	return 0;
}

/*
 * Append a range, or make the last extent longer by it. Until @list is there, nothing is
 * stored, but counted.
 */
struct merger {
	struct iomd_extent *list;
	struct iomd_extent last;
	u32 count;
	u64 length;
};

static void merger_append(struct merger *merger, u64 address, u64 length)
{
	struct iomd_extent *last = &merger->last;

	if (!length)
		return;
	if (merger->count && last->address + last->length == address) {
		last->length += length;
	} else {
		*last = (struct iomd_extent) {
			.start = merger->length, .address = address, .length = length,
		};
		merger->count++;
	}
	merger->length += length;
	if (merger->list)
		merger->list[merger->count - 1] = *last;
}

static struct merger ranges_merge(const struct iomd_address_range *ranges, u32 count,
				  struct iomd_extent *list)
{
	struct merger merger = { .list = list };
	u32 i;

	for (i = 0; i < count; i++) {
		merger_append(&merger, ranges[i].address, ranges[i].length);
		if (!(i % MANY))
			cond_resched();
	}
	return merger;
}

/* Room for @count extents. Whoever reads @room by name in spite of all finds no address. */
static struct iomd_extent *make_room(struct iomd_extents *extents, u32 count)
{
	if (count <= 1)
		return &extents->room;
	if (IS_ENABLED(CONFIG_DEBUG_VM))
		memset(&extents->room, POISON_INUSE, sizeof(extents->room));
	if (iomd_should_fail())
		return NULL;
	return kvmalloc_array(count, sizeof(*extents->list), IOMD_GFP_SIZED);
}

int iomd_extents_init_several(struct iomd_extents *extents,
			      const struct iomd_address_range *ranges, u32 count)
{
	const struct iomd_extent *extent;

	if (!ranges || !count || extents_check(ranges, count))
		return -EINVAL;
	extents->count = ranges_merge(ranges, count, NULL).count;
	extents->list = make_room(extents, extents->count);
	if (!extents->list)
		return -ENOMEM;
	extents->length = ranges_merge(ranges, count, extents->list).length;
	extents->pages = 0;
	iomd_for_each_extent(extent, extents)
		extents->pages += iomd_extents_pages_of(extent->address, extent->length);
	return 0;
}

void iomd_extents_free_list(struct iomd_extents *extents)
{
	kvfree(extents->list);
	extents->list = NULL;
}

/**
 * iomd_extents_find() - extent that holds an offset
 * @extents: extents
 * @offset: less than their length
 *
 * Return: the extent.
 * Context: any.
 */
const struct iomd_extent *iomd_extents_find(const struct iomd_extents *extents, u64 offset)
{
	u32 low = 0, high = extents->count;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (extents->list[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &extents->list[low];
}

/*
 * Physical memory: what is RAM?
 */

struct splitter {
	struct iomd_extent *list;
	u32 room, count;
	/* The extent that is being split, and how far that got. */
	const struct iomd_extent *extent;
	u64 done;
};

static void add_piece(struct splitter *splitter, u64 end, bool ram)
{
	const struct iomd_extent *extent = splitter->extent;

	if (end <= splitter->done)
		return;
	if (splitter->count < splitter->room)
		splitter->list[splitter->count] = (struct iomd_extent) {
			.start = extent->start + splitter->done,
			.address = extent->address + splitter->done,
			.length = end - splitter->done,
			.ram = ram,
		};
	splitter->count++;
	splitter->done = end;
}

/* What part of @resource, which is RAM of the machine, is in the extent? */
static int add_ram(struct resource *resource, void *data)
{
	struct splitter *splitter = data;
	const struct iomd_extent *extent = splitter->extent;
	u64 start = round_up((u64)resource->start, PAGE_SIZE);
	u64 end = round_down((u64)resource->end + 1, PAGE_SIZE);

	start = max(start, extent->address);
	end = min(end, extent->address + extent->length);
	if (start >= end || !pfn_valid(PHYS_PFN(start)) || !pfn_valid(PHYS_PFN(end - 1)))
		return 0;
	add_piece(splitter, start - extent->address, false);
	add_piece(splitter, end - extent->address, true);
	return 0;
}

/* Into @list, up to @room pieces of it; how many there are. */
static u32 extents_split(const struct iomd_extents *extents, struct iomd_extent *list, u32 room)
{
	struct splitter splitter = { .list = list, .room = room };

	iomd_for_each_extent(splitter.extent, extents) {
		u64 start = round_down(splitter.extent->address, PAGE_SIZE);
		u64 last = splitter.extent->address + splitter.extent->length - 1;

		last |= PAGE_SIZE - 1;
		splitter.done = 0;
		if (last == (resource_size_t)last)
			walk_iomem_res_desc(IORES_DESC_NONE,
					    IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, start, last,
					    &splitter, add_ram);
		add_piece(&splitter, splitter.extent->length, false);
		cond_resched();
	}
	return splitter.count;
}

/**
 * iomd_extents_find_ram() - look what of physical memory is RAM
 * @extents: of physical addresses; cut where RAM begins or ends, so that each is of one
 *	kind
 *
 * Whether there is RAM must be known in any context, where the kernel's list of what is
 * where may not be looked at.
 *
 * Return: 0; -ENOMEM with the extents as they were.
 * Context: may sleep.
 */
int iomd_extents_find_ram(struct iomd_extents *extents)
{
	struct iomd_extent one, *list = &one;
	u32 count, room = 1;

	might_sleep();
	/* Once, nearly always; and memory may come and go between two looks. */
	while ((count = extents_split(extents, list, room)) != room) {
		if (list != &one)
			kvfree(list);
		list = &one;
		room = count;
		if (room == 1)
			continue;
		list = iomd_should_fail() ? NULL :
		       kvmalloc_array(room, sizeof(*list), IOMD_GFP_SIZED);
		if (!list)
			return -ENOMEM;
	}
	iomd_extents_free(extents);
	if (list == &one) {
		extents->room = one;
		list = &extents->room;
	}
	extents->list = list;
	extents->count = room;
	return 0;
}

/* All of it is known to be RAM. */
void iomd_extents_set_ram(struct iomd_extents *extents)
{
	u32 i;

	for (i = 0; i < extents->count; i++)
		extents->list[i].ram = true;
}

/**
 * iomd_extents_page_bytes() - bytes of all pages that the extents touch
 * @extents: extents
 * @offset: set to where in its page the first one starts, if not NULL
 *
 * Return: the bytes, pages that several extents touch counted for each.
 * Context: any.
 */
u64 iomd_extents_page_bytes(const struct iomd_extents *extents, u64 *offset)
{
	if (offset)
		*offset = extents->count ? offset_in_page(extents->list[0].address) : 0;
	return extents->pages << PAGE_SHIFT;
}
