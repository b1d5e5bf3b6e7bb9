// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/types.h>

#include "../debug/inject.h"
#include "extents.h"

/* No range may wrap, nor the sum of all. */
static int check(const struct iomd_address_range *ranges, u32 count)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < count; i++)
		if (iomd_extents_wraps(&ranges[i]) ||
		    check_add_overflow(total, ranges[i].length, &total))
			return -EINVAL;
	return 0;
}

int iomd_extents_init_several(struct iomd_extents *extents,
			      const struct iomd_address_range *ranges, u32 count)
{
	struct iomd_extent *last = NULL;
	u32 i;

	if (!ranges || !count || check(ranges, count))
		return -EINVAL;
	extents->list = &extents->single;
	if (count > 1) {
		if (iomd_should_fail())
			return -ENOMEM;
		extents->list = kvmalloc_array(count, sizeof(*extents->list),
					       GFP_KERNEL_ACCOUNT);
		if (!extents->list)
			return -ENOMEM;
	}
	extents->count = 0;
	extents->length = 0;
	for (i = 0; i < count; i++) {
		if (!ranges[i].length)
			continue;
		if (last && last->address + last->length == ranges[i].address) {
			last->length += ranges[i].length;
		} else {
			last = &extents->list[extents->count++];
			last->start = extents->length;
			last->address = ranges[i].address;
			last->length = ranges[i].length;
		}
		extents->length += ranges[i].length;
	}
	extents->pages = 0;
	for (i = 0; i < extents->count; i++)
		extents->pages += iomd_extents_pages_of(extents->list[i].address,
							 extents->list[i].length);
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
