/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose contents may be thrown away: a line of it, first come first
 * purged, and the shrinker that purges when the kernel runs short.
 */
#ifndef IOMD_PURGE_PURGE_H
#define IOMD_PURGE_PURGE_H

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/types.h>

/* Jiffies that who needs memory waits at most while another one purges the last. */
#define IOMD_PURGE_PATIENCE	(HZ / 10)

/**
 * struct iomd_purgeable - something that may be purged as a whole
 * @pages: how many there may be to gain
 * @purge: throw the contents away; the number of pages gained, or -EBUSY if they
 *	are in use. Runs while the kernel is short of memory: it may sleep, but must
 *	not allocate, and of the locks under which its owner allocates it may only
 *	try to get one.
 *
 * Zero it before the first use.
 */
struct iomd_purgeable {
	u64 pages;
	long (*purge)(struct iomd_purgeable *purgeable);
	/* private: all guarded by the room's lock */
	struct list_head node;
	/* to be purged; in the line, unless somebody is just doing so */
	bool waits;
	bool claimed;
};

void iomd_purge_add(struct iomd_purgeable *purgeable);
void iomd_purge_remove(struct iomd_purgeable *purgeable);
unsigned long iomd_purge_reclaim(unsigned long pages);

int iomd_purge_init_room(void);
void iomd_purge_exit_room(void);

#endif
