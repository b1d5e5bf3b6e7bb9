/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of segments that a class publishes while its memory is prepared, and how to
 * read it without keeping anybody from completing: see Documentation/protocols.rst.
 */
#ifndef IOMD_DESC_LIST_H
#define IOMD_DESC_LIST_H

#include <linux/compiler.h>

#include <asm/barrier.h>

#include <iomd/descriptor.h>

#include "../segments/segments.h"

/* @index is complete, and is not written to until iomd_unpublish(). */
static inline void iomd_publish(struct iomd *md, struct iomd_segment_index *index)
{
	/* Pairs with the dependency of who reads it. */
	smp_store_release(&md->index, index);
}

/* Afterwards the list may be written over at once, and freed after a grace period. */
static inline void iomd_unpublish(struct iomd *md)
{
	WRITE_ONCE(md->index, NULL);
	WRITE_ONCE(md->generation, md->generation + 1);
	/* Who sees anything of what comes next sees that it is another list. */
	smp_wmb();
}

/*
 * The index that is published, or NULL, and which one it is. It is there until the caller
 * may be preempted again.
 */
static __always_inline struct iomd_segment_index *iomd_look(struct iomd *md, u32 *generation)
{
	/* Pairs with the barrier in iomd_unpublish(). */
	*generation = smp_load_acquire(&md->generation);
	return READ_ONCE(md->index);
}

/* Was what has been read since then of that list, all of it? */
static __always_inline bool iomd_is_same(const struct iomd *md, u32 generation)
{
	smp_rmb(); /* pairs with the barrier in iomd_unpublish() */
	return likely(READ_ONCE(md->generation) == generation);
}

#endif
