/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the memory of a general descriptor comes from: one of these for each
 * kind. A source knows how to turn the extents of a descriptor into physical
 * segments and back; it knows nothing of counts, of classes or of devices.
 */
#ifndef IOMD_SOURCE_SOURCE_H
#define IOMD_SOURCE_SOURCE_H

#include <linux/types.h>

struct iomd_general;

/**
 * struct iomd_source - one kind of memory
 * @wire: fill the descriptor's segments, holding what must be held; all or
 *	nothing. May sleep; called for the first prepare only. NULL: the extents
 *	are physical, and the descriptor is prepared for life.
 * @unwire: give back what @wire held, the segments' list included; @dirty if
 *	a device may have written the pages
 * @destroy: give back what the descriptor has held since its creation; NULL:
 *	nothing
 */
struct iomd_source {
	int (*wire)(struct iomd_general *general, u64 direction);
	void (*unwire)(struct iomd_general *general, bool dirty);
	void (*destroy)(struct iomd_general *general);
};

extern const struct iomd_source iomd_source_user;
extern const struct iomd_source iomd_source_kernel;
extern const struct iomd_source iomd_source_physical;

#endif
