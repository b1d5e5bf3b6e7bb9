/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the memory of a descriptor comes from: one of these for each kind. A source
 * knows how to turn extents into physical segments and back; it knows nothing of
 * descriptors, of counts or of devices.
 */
#ifndef IOMD_SOURCE_SOURCE_H
#define IOMD_SOURCE_SOURCE_H

#include <linux/types.h>

#include "../segments/segments.h"
#include "../mm/account.h"
#include "extents.h"

struct iomd_owner;
struct iomd_source;

/**
 * struct iomd_backing - the memory behind a descriptor
 * @source: where it comes from; NULL: not known yet
 * @data: what sources that bring their memory along keep of it; in the descriptor
 * @payer: who is charged for user memory
 * @extents: what is described; valid while there is a source
 * @segments: valid while prepared
 */
struct iomd_backing {
	const struct iomd_source *source;
	void *data;
	struct iomd_payer payer;
	struct iomd_extents extents;
	struct iomd_segments segments;
};

/**
 * struct iomd_source - one kind of memory
 * @prepare: fill the segments, holding what must be held; all or
 *	nothing. May sleep; called for the first prepare only. NULL: the extents
 *	are physical, and the descriptor is prepared for life.
 * @complete: give back what @prepare held, the segments' list included; @dirty if
 *	a device may have written the pages
 * @destroy: give back what has been held since the creation; NULL:
 *	nothing
 * @destroys_anywhere: @destroy never sleeps, and takes no lock that somebody may hold
 *	who releases the descriptor
 * @own_memory: the descriptor brings its memory along, and can't be given other
 * @set_purgeable: as iomd_ops has it; NULL: -EOPNOTSUPP
 * @owner_of: who owns the memory, and may be changed; NULL: nobody
 * @get_page_counts: as iomd_ops has it; NULL: counted from the segments while
 *	prepared, -EAGAIN otherwise
 */
struct iomd_source {
	int (*prepare)(struct iomd_backing *backing, u64 direction);
	void (*complete)(struct iomd_backing *backing, bool dirty);
	void (*destroy)(struct iomd_backing *backing);
	bool destroys_anywhere;
	bool own_memory;
	int (*set_purgeable)(struct iomd_backing *backing, u32 new_state, u32 *old_state);
	struct iomd_owner *(*owner_of)(struct iomd_backing *backing);
	int (*get_page_counts)(struct iomd_backing *backing, u64 *resident, u64 *dirty);
};

extern const struct iomd_source iomd_source_user;
extern const struct iomd_source iomd_source_kernel;
extern const struct iomd_source iomd_source_physical;
extern const struct iomd_source iomd_source_upl;
extern const struct iomd_source iomd_source_buffer_pages;
extern const struct iomd_source iomd_source_shmem;

#endif
