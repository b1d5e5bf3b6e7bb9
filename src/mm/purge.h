/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose contents may be thrown away: a line of it, first come first
 * purged, and the shrinker that purges when the kernel runs short.
 *
 * Whoever needs memory may hold any page locked, also one of the memory that is to be
 * purged, so it must not wait for pages itself. Workers purge; who needs memory waits for
 * them, but not for long.
 */
#ifndef IOMD_MM_PURGE_H
#define IOMD_MM_PURGE_H

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/*
 * Jiffies that who needs memory waits at most for it to be purged. Any machine has purged
 * a buffer by then; who waits for longer waits for itself.
 */
#define IOMD_PURGE_PATIENCE	HZ

struct iomd_reclaim;

/**
 * struct iomd_purgeable - something that may be purged as a whole
 * @resident: how many pages there are to gain at present; called with a spinlock held
 * @purge: throw the contents away; the number of pages gained, or -EBUSY if somebody
 *	is at work with them. It may sleep, but of the locks under which memory is
 *	allocated, or something is taken out of the line, it may only try to get one.
 *
 * Zero it before the first use.
 */
struct iomd_purgeable {
	u64 (*resident)(struct iomd_purgeable *purgeable);
	long (*purge)(struct iomd_purgeable *purgeable);
	/* private: all guarded by the room's lock */
	struct work_struct work;
	/* in the line, or among those that are being purged */
	struct list_head node;
	/* to be purged; in the line, unless somebody is just doing so */
	bool waits;
	bool claimed;
	/* Pages it counts for, in the line or on behalf of whom it is being purged. */
	u64 pages;
	struct iomd_reclaim *reclaim;
};

void iomd_purge_add(struct iomd_purgeable *purgeable);
void iomd_purge_remove(struct iomd_purgeable *purgeable);
unsigned long iomd_purge_reclaim(unsigned long pages);
unsigned long iomd_purge_count(void);

int iomd_purge_init_room(void);
void iomd_purge_exit_room(void);

#endif
