/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zeroed pages from the kernel's allocator, at places that a device can reach.
 */
#ifndef IOMD_MM_PAGES_H
#define IOMD_MM_PAGES_H

#include <linux/sizes.h>
#include <linux/types.h>

struct iomd_segments;

/**
 * struct iomd_pages_wish - what pages are asked for
 * @bytes: how much memory; what is more than that in the last page is not described
 * @alignment: of the first byte's physical address, a power of two
 * @mask: bits that a physical address may have; 0: all
 * @contiguous: all of it in one piece
 * @reserve: the kernel's reserves may be used
 * @brief: for a short while: rather found fast than in few pieces, and leaving
 *	IOMD_PAGES_RESERVE of the smallest zone, or a quarter, to others
 */
struct iomd_pages_wish {
	u64 bytes;
	u64 alignment;
	u64 mask;
	bool contiguous;
	bool reserve;
	bool brief;
};

#define IOMD_PAGES_RESERVE	((unsigned long)SZ_4M >> PAGE_SHIFT)

/* is_power_of_2() takes no more than a long. */
static inline bool iomd_is_power_of_2(u64 value)
{
	return value && !(value & (value - 1));
}

int iomd_pages_check(struct iomd_pages_wish *wish);
int iomd_pages_alloc(const struct iomd_pages_wish *wish, struct iomd_segments *segments);
void *iomd_pages_show(const struct iomd_segments *segments, unsigned int guard, u64 cache);
void iomd_pages_free(struct iomd_segments *segments);

#endif
