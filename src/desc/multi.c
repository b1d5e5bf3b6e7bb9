// SPDX-License-Identifier: GPL-2.0
/*
 * IOMultiMemoryDescriptor: whole descriptors, one behind the other.
 */
#include <linux/err.h>
#include <linux/module.h>

#include <iomd/descriptor.h>
#include <iomd/multi.h>

#include "descriptor.h"
#include "id.h"
#include "parts.h"

/*
 * Whoever finds a part prepared anew renews the composite's id in the same step,
 * so that nobody ever sees the old id with a new part.
 */
static void note_preparation(struct iomd *md, struct iomd_part *part, u64 id)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&md->lock, irq);
	if (part->preparation_id != id) {
		part->preparation_id = id;
		md->preparation_id = iomd_id_next();
	}
	raw_spin_unlock_irqrestore(&md->lock, irq);
}

static u64 multi_get_preparation_id(struct iomd *md)
{
	struct iomd_parts *parts = &iomd_to_composite(md)->parts;
	unsigned long irq;
	u64 id;
	u32 i;

	for (i = 0; i < parts->count; i++) {
		id = iomd_get_preparation_id(parts->list[i].md);
		if (id == IOMD_PREPARATION_ID_UNPREPARED || id == IOMD_PREPARATION_ID_UNSUPPORTED)
			return id;
		note_preparation(md, &parts->list[i], id);
	}
	raw_spin_lock_irqsave(&md->lock, irq);
	id = md->preparation_id;
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return id;
}

/* The states are numbered by how much is lost; the whole has lost what a part has. */
static int multi_change_purgeable(const struct iomd_parts *parts, u32 new_state, u32 *old_state)
{
	u32 i, old;
	int ret;

	*old_state = IOMD_MEMORY_PURGEABLE_NON_VOLATILE;
	for (i = 0; i < parts->count; i++) {
		ret = iomd_set_purgeable(parts->list[i].md, new_state, &old);
		if (ret)
			return ret;
		*old_state = max(*old_state, old);
	}
	return 0;
}

/*
 * Contents that are lost can't be had back: each part is asked first whether it has a state
 * at all. What it has then is what the whole has until now, but for what is lost meanwhile,
 * of which whoever wants to use it again must be told. (A part that occurs twice has the new
 * state the second time.)
 */
static int multi_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	const struct iomd_parts *parts = &iomd_to_composite(md)->parts;
	u32 before, changed = 0;
	int ret;

	ret = multi_change_purgeable(parts, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, &before);
	if (!ret && new_state != IOMD_MEMORY_PURGEABLE_KEEP_CURRENT)
		ret = multi_change_purgeable(parts, new_state, &changed);
	if (ret)
		return ret;
	*old_state = new_state == IOMD_MEMORY_PURGEABLE_NON_VOLATILE ? changed : before;
	return 0;
}

static int multi_change_ownership(struct iomd *md, struct iomd_ownership *change)
{
	const struct iomd_parts *parts = &iomd_to_composite(md)->parts;
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < parts->count; i++)
		ret = iomd_change_ownership(parts->list[i].md, change);
	return ret;
}

static int multi_set_ownership(struct iomd *md, struct task_struct *new_owner,
			       int new_ledger_tag, u64 options)
{
	struct iomd_ownership change = {
		.new_owner = new_owner,
		.new_ledger_tag = new_ledger_tag,
		.options = options,
	};
	int ret = multi_change_ownership(md, &change);

	iomd_finish_ownership(&change, ret);
	return ret;
}

static int multi_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	const struct iomd_parts *parts = &iomd_to_composite(md)->parts;
	u64 part_resident, part_dirty, all_resident = 0, all_dirty = 0;
	int ret;
	u32 i;

	for (i = 0; i < parts->count; i++) {
		ret = iomd_get_page_counts(parts->list[i].md, &part_resident, &part_dirty);
		if (ret)
			return ret;
		all_resident += part_resident;
		all_dirty += part_dirty;
	}
	*resident = all_resident;
	*dirty = all_dirty;
	return 0;
}

static const struct iomd_ops multi_ops = {
	.prepare = iomd_composite_prepare,
	.complete = iomd_composite_complete,
	.get_physical_segment = iomd_composite_get_physical_segment,
	.seek = iomd_composite_seek,
	.set_in_use = iomd_composite_set_in_use,
	.get_preparation_id = multi_get_preparation_id,
	.set_purgeable = multi_set_purgeable,
	.set_ownership = multi_set_ownership,
	.change_ownership = multi_change_ownership,
	.get_page_counts = multi_get_page_counts,
	.is_guard = iomd_composite_is_guard,
	.get_cache_mode = iomd_composite_get_cache_mode,
	.is_ram = iomd_composite_is_ram,
	.hold = iomd_composite_hold,
	.drop = iomd_composite_drop,
	.reserve_complete = iomd_composite_reserve_complete,
	.complete_reserved = iomd_composite_complete_reserved,
	.cancel_complete = iomd_composite_cancel_complete,
	.is_prepared_read_only = iomd_composite_is_prepared_read_only,
	.hand_over = iomd_composite_hand_over,
};

struct os_meta_class iomd_multi_meta_class = {
	.name = "iomd_multi",
	.size = sizeof(struct iomd_composite),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = iomd_composite_free,
	.ends_anywhere = iomd_composite_ends_anywhere,
};
IOMD_EXPORT(iomd_multi_meta_class);

static u64 multi_pageable(const struct iomd *md)
{
	return iomd_get_flags(md) & IOMD_MEMORY_BUFFER_PAGEABLE;
}

static int check_descriptors(struct iomd *const *descriptors, u32 count, u64 direction)
{
	u32 i;

	if (!descriptors || !count || (direction & ~IOMD_DIRECTION_MASK))
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (!descriptors[i] || iomd_get_direction(descriptors[i]) != direction ||
		    multi_pageable(descriptors[i]) != multi_pageable(descriptors[0]))
			return -EINVAL;
	return 0;
}

static int multi_fill_parts(struct iomd_parts *parts, struct iomd *md,
			    struct iomd *const *descriptors, u32 count)
{
	int ret = iomd_parts_alloc(parts, count);
	u32 i;

	for (i = 0; !ret && i < count; i++)
		ret = iomd_parts_add(parts, md, descriptors[i], 0,
				     iomd_get_length(descriptors[i]));
	return ret;
}

static bool is_busy(struct iomd *md)
{
	struct iomd_composite *multi = iomd_to_composite(md);
	unsigned long irq;
	bool busy;

	iomd_composite_settle(multi);
	raw_spin_lock_irqsave(&md->lock, irq);
	busy = iomd_composite_is_busy(multi);
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return busy;
}

static u32 first_tag(struct iomd *const *descriptors, u32 count)
{
	u32 i, tag = 0;

	for (i = 0; !tag && i < count; i++)
		tag = iomd_get_tag(descriptors[i]);
	return tag;
}

/**
 * iomd_multi_init_with_descriptors() - (re)target a multi
 * @md: an instance of iomd_multi_meta_class, new or not; in the latter case it gives
 *	up its parts
 * @descriptors: see iomd_multi_with_descriptors()
 * @count: see iomd_multi_with_descriptors()
 * @direction: see iomd_multi_with_descriptors()
 * @as_reference: see iomd_multi_with_descriptors()
 *
 * Nobody else may use @md meanwhile. IOKit:
 * IOMultiMemoryDescriptor::initWithDescriptors.
 *
 * Return: 0; or, with nothing changed: -EBUSY while @md is prepared, mapped or part
 * of another descriptor; -EINVAL also if it is no multi; else as
 * iomd_multi_with_descriptors().
 * Context: may sleep.
 */
int iomd_multi_init_with_descriptors(struct iomd *md, struct iomd *const *descriptors, u32 count,
				     u64 direction, bool as_reference)
{
	struct iomd_composite *multi = iomd_to_composite(md);
	struct iomd_parts parts = {};
	u8 depth;
	int ret;

	if (!os_object_meta_cast(&md->object, &iomd_multi_meta_class))
		return -EINVAL;
	ret = check_descriptors(descriptors, count, direction);
	if (ret)
		return ret;
	if (!md->ops)
		iomd_init(md, &multi_ops, 0, 0);
	if (is_busy(md))
		return -EBUSY;
	depth = md->depth;
	md->depth = 0;
	ret = multi_fill_parts(&parts, md, descriptors, count);
	if (ret) {
		md->depth = depth;
		iomd_parts_free(&parts);
		return ret;
	}
	iomd_parts_free(&multi->parts);
	multi->parts = parts;
	md->length = parts.length;
	md->flags = direction | multi_pageable(descriptors[0]) | parts.flags;
	md->tag = first_tag(descriptors, count);
	return 0;
}
IOMD_EXPORT(iomd_multi_init_with_descriptors);

/**
 * iomd_multi_with_descriptors() - chain descriptors
 * @descriptors: array of them, in order; each is held, and may occur several times.
 *	Their lengths are looked at now: what one loses later is a gap in the multi.
 * @count: how many
 * @direction: the direction that each of them has
 * @as_reference: understood; the array is copied all the same
 *
 * Preparing it prepares every part, or none; it completes what it prepared. Its tag
 * is the first of the parts' that is not 0. IOKit:
 * IOMultiMemoryDescriptor::withDescriptors.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR: -EINVAL if
 * there is none, one is NULL or has another direction, only some are pageable, the
 * sum of the lengths wraps, or @direction is none; -ELOOP if one is nested too
 * deeply, 8 times; -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_multi_with_descriptors(struct iomd *const *descriptors, u32 count, u64 direction,
					 bool as_reference)
{
	struct iomd_composite *multi = os_object_alloc(&iomd_multi_meta_class);
	int ret;

	if (!multi)
		return ERR_PTR(-ENOMEM);
	ret = iomd_multi_init_with_descriptors(&multi->md, descriptors, count, direction,
					       as_reference);
	if (ret) {
		iomd_release(&multi->md);
		return ERR_PTR(ret);
	}
	return &multi->md;
}
IOMD_EXPORT(iomd_multi_with_descriptors);
