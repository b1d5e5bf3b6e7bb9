// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for a whole range: its bytes may be of several parts, each with its own
 * answer, so nobody may take the first one's for all.
 */
#include <linux/overflow.h>

#include "descriptor.h"

/* Is all of the memory in one list? Then it was prepared as one, in one direction. */
static bool is_in_one_list(struct iomd *md)
{
	return READ_ONCE(md->index);
}

/**
 * iomd_range_allows() - can every byte of a range be had?
 * @md: descriptor, prepared unless it is physical
 * @offset: first byte
 * @length: bytes
 * @options: for what: IOMD_MEMORY_SEGMENT_WRITE, _LOCAL, or both
 *
 * Return: true if so, or if there are no bytes; false if only one may not, or is not
 * inside.
 * Context: any, hard IRQ included.
 */
bool iomd_range_allows(struct iomd *md, u64 offset, u64 length, u64 options)
{
	struct iomd_segment_iter iter;
	u64 end;

	if (check_add_overflow(offset, length, &end) || end > iomd_get_length(md))
		return false;
	if (is_in_one_list(md))
		return !(options & IOMD_MEMORY_SEGMENT_WRITE) ||
		       !READ_ONCE(md->prepared_read_only);
	iomd_segment_iter_init(&iter, md, offset, length, options);
	while (iter.length)
		iomd_segment_iter_next(&iter);
	return iter.offset == end;
}
