// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/types.h>

#include "../debug/inject.h"
#include "extents.h"

static u64 pages_of(const struct iomd_extent *extent)
{
	return ((extent->address + extent->length - 1) >> PAGE_SHIFT) -
	       (extent->address >> PAGE_SHIFT) + 1;
}

/* Neither the range nor the pages around it may wrap, nor the sum of all. */
static int check(const struct iomd_address_range *ranges, u32 count, u64 *total)
{
	u64 end;
	u32 i;

	*total = 0;
	for (i = 0; i < count; i++)
		if (check_add_overflow(ranges[i].address, ranges[i].length, &end) ||
		    check_add_overflow(end, (u64)PAGE_SIZE - 1, &end) ||
		    check_add_overflow(*total, ranges[i].length, total))
			return -EINVAL;
	return 0;
}

/**
 * iomd_extents_init() - copy and check ranges
 * @extents: what to set up
 * @ranges: what a caller gave
 * @count: how many
 *
 * Undone by iomd_extents_free().
 *
 * Return: 0; -EINVAL if there is none, or anything wraps; -ENOMEM.
 * Context: may sleep.
 */
int iomd_extents_init(struct iomd_extents *extents, const struct iomd_address_range *ranges,
		      u32 count)
{
	struct iomd_extent *last = NULL;
	u64 total;
	u32 i;
	int ret;

	if (!ranges || !count)
		return -EINVAL;
	ret = check(ranges, count, &total);
	if (ret)
		return ret;
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
		extents->pages += pages_of(&extents->list[i]);
	return 0;
}

/* One range that is there, and so needs no check; may be called again. */
void iomd_extents_set_single(struct iomd_extents *extents, u64 address, u64 length)
{
	extents->list = &extents->single;
	extents->single = (struct iomd_extent) { .address = address, .length = length };
	extents->count = 1;
	extents->length = length;
	extents->pages = PFN_UP(offset_in_page(address) + length);
}

void iomd_extents_free(struct iomd_extents *extents)
{
	if (extents->list != &extents->single)
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
