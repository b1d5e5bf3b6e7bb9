/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_DESCRIPTOR_H
#define IOMD_DESC_DESCRIPTOR_H

#include <linux/compiler.h>
#include <linux/minmax.h>

#include <iomd/descriptor.h>

#include "../mm/ram.h"

/* For classes that hold nothing but references: see struct os_meta_class. */
bool iomd_ends_anywhere(const struct os_object *object);

/* A mapping begins or ends to use a descriptor's memory; see iomd_ops. */
int iomd_set_in_use(struct iomd *md, bool begin);
int iomd_refuse_end_of_use(void);

/*
 * A complete in two steps, of which only the first one can be refused; see iomd_ops. Of a
 * class that has no such steps, the second one can be refused, too.
 */
int iomd_reserve_complete(struct iomd *md);
int iomd_complete_reserved(struct iomd *md, u64 direction);
void iomd_cancel_complete(struct iomd *md);

/* The end of a preparation that its maker did for itself; see iomd_ops. */
static inline void iomd_hand_over(struct iomd *md)
{
	if (md->ops->hand_over)
		md->ops->hand_over(md);
	else
		md->ops->complete(md, IOMD_DIRECTION_NONE);
}

/*
 * A change of owner of all parts or none: what is asked for, and what was done of it, the
 * last first.
 */
struct iomd_ownership {
	struct task_struct *new_owner;
	int new_ledger_tag;
	u64 options;
	struct iomd_ownership_step *done;
};

int iomd_change_ownership(struct iomd *md, struct iomd_ownership *change);
/* It is over: if @result is an error, all is as it was. */
void iomd_finish_ownership(struct iomd_ownership *change, int result);

/* Say once that a driver completed what it must not, if @error is that; @error. */
int iomd_refuse_complete(int error);

/*
 * What the class says of the memory at @offset, cut to what is described: a buffer has
 * more, perhaps. @length is valid.
 */
static inline phys_addr_t iomd_ask_class(struct iomd *md, u64 offset, u64 *length, u64 options)
{
	u64 end = READ_ONCE(md->length);
	phys_addr_t address;

	if (unlikely(offset >= end)) {
		*length = 0;
		return 0;
	}
	address = md->ops->get_physical_segment(md, offset, length, options);
	*length = min(*length, end - offset);
	return address;
}

/* Keep a range, which is inside, as it is while it is read: see iomd_ops. */
static inline int iomd_hold(struct iomd *md, u64 offset, u64 length)
{
	return md->ops->hold ? md->ops->hold(md, offset, length) : 0;
}

static inline void iomd_drop(struct iomd *md, u64 offset, u64 length)
{
	if (md->ops->drop)
		md->ops->drop(md, offset, length);
}

/* As iomd_segment_iter_next(), of memory that stays as it is prepared. */
static inline void iomd_segment_iter_next_held(struct iomd_segment_iter *iter)
{
	struct scatterlist *sg = iter->sg + 1;

	iter->offset += iter->length;
	/* What links to more entries has no length. */
	if (iter->window && likely(sg->length)) {
		iter->sg = sg;
		iter->address = sg_phys(sg);
		iter->length = min_t(u64, sg->length, iter->window);
		iter->window -= iter->length;
		return;
	}
	iomd_segment_iter_seek(iter);
}

/* Place @iter at its offset inside a scatterlist, if there is one: see iomd_ops. */
bool iomd_seek(struct iomd *md, struct iomd_segment_iter *iter);

/* The byte at @offset, which is inside, is in a guard or not: see iomd_ops. */
static inline bool iomd_is_guard(struct iomd *md, u64 offset, u64 *length)
{
	if (md->ops->is_guard)
		return md->ops->is_guard(md, offset, length);
	*length = md->length - offset;
	return false;
}

/* How the CPU is to cache the byte at @offset, which is inside: see iomd_ops. */
static inline u64 iomd_get_cache_mode(struct iomd *md, u64 offset)
{
	if (md->ops->get_cache_mode)
		return md->ops->get_cache_mode(md, offset);
	return READ_ONCE(md->flags) & IOMD_MAP_CACHE_MASK;
}

/*
 * What holds for all of a range, however many parts it is of. Rights are asked for with
 * these, never of one byte.
 */
bool iomd_range_allows(struct iomd *md, u64 offset, u64 length, u64 options);

/* May every byte of it be written? */
static inline bool iomd_is_writable(struct iomd *md, u64 offset, u64 length)
{
	return iomd_range_allows(md, offset, length, IOMD_MEMORY_SEGMENT_WRITE);
}

/*
 * @part becomes a part of @composite, or ceases to be one. -ELOOP beyond a depth
 * that the kernel's stack can bear; -EBUSY if @composite is a part itself, so that
 * nothing can be a part of itself.
 */
int iomd_nest(struct iomd *composite, struct iomd *part);
void iomd_unnest(struct iomd *part);
/* Is it part of a composite, which relies on it not to become another? */
static inline bool iomd_is_nested(const struct iomd *md)
{
	return atomic_read(&md->nested);
}

/*
 * A piece of @md that its class has told of: is it RAM, with struct pages that the kernel
 * has addresses for? It is all of one kind. Any context.
 */
static inline bool iomd_is_ram(struct iomd *md, u64 offset, phys_addr_t address, u64 length)
{
	if (md->ops->is_ram)
		return md->ops->is_ram(md, offset);
	return iomd_says_it_is_ram(address) && iomd_says_it_is_ram(address + length - 1);
}

/* The same of where a walk is. A list is of nothing else. */
static inline bool iomd_is_ram_segment(const struct iomd_segment_iter *iter)
{
	return iter->sg || iomd_is_ram(iter->md, iter->offset, iter->address, iter->length);
}

#endif
