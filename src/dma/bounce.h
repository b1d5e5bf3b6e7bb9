/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that a device can reach, in the place of memory that it can't: a
 * descriptor of pages of its own, and perhaps, where they are good enough, of the
 * original ones.
 */
#ifndef IOMD_DMA_BOUNCE_H
#define IOMD_DMA_BOUNCE_H

#include <linux/types.h>

struct iomd;
struct iomd_dma_map;
struct iomd_limits;
struct os_meta_class;

extern struct os_meta_class iomd_bounce_meta_class;

/* @length bytes of new, zeroed memory within @limits, in place of all of a range. */
struct iomd *iomd_bounce_whole(u64 length, u64 direction, const struct iomd_limits *limits);
/* New, zeroed pages for those of a range that lie above @last, the others as they are. */
struct iomd *iomd_bounce_sparse(struct iomd *md, u64 offset, u64 length, u64 direction,
				u64 last);

/* Of a device's own pages, held from now on. */
struct iomd *iomd_bounce_of_pages(const struct iomd_dma_map *map, u64 direction);

/*
 * Copy @length bytes between a descriptor and what was made in its place, but for
 * what both share. Any context, unless it @may_sleep, which is nicer to others. -EIO if
 * it comes up short.
 */
int iomd_bounce_copy(struct iomd *bounce, u64 bounce_offset, struct iomd *md, u64 offset,
		     u64 length, bool to_md, bool may_sleep);

#endif
