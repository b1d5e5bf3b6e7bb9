// SPDX-License-Identifier: GPL-2.0
/*
 * IOSubMemoryDescriptor: part of another descriptor. The parent does all the
 * work: it is prepared as a whole, and it counts.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>
#include <iomd/mapping.h>
#include <iomd/sub.h>

#include "descriptor.h"
#include "id.h"
#include "parts.h"

#define SUB_OPTIONS	(IOMD_DIRECTION_MASK | IOMD_MEMORY_THREAD_SAFE)

/* md.lock guards the part's id and the count of mappings that came through here. */
struct iomd_sub {
	struct iomd md;
	struct iomd_part part;
	u32 users;
};

static struct iomd_sub *to_sub(struct iomd *md)
{
	return container_of(md, struct iomd_sub, md);
}

static struct iomd *parent_of(struct iomd *md)
{
	return to_sub(md)->part.md;
}

/**
 * iomd_sub_get_whole() - find what a sub is part of
 * @md: descriptor
 * @offset: bytes in @md; where that is in what is returned, afterwards
 *
 * Return: the descriptor that @md is part of, or part of a part of, and which is part of
 * none itself: @md, if it is no sub. No reference is taken.
 * Context: any.
 */
struct iomd *iomd_sub_get_whole(struct iomd *md, u64 *offset)
{
	while (os_object_meta_cast(&md->object, &iomd_sub_meta_class)) {
		*offset += to_sub(md)->part.offset;
		md = parent_of(md);
	}
	return md;
}

static int sub_prepare(struct iomd *md, u64 direction)
{
	return iomd_prepare(parent_of(md), direction);
}

static int sub_complete(struct iomd *md, u64 direction)
{
	return iomd_complete(parent_of(md), direction);
}

static void sub_hand_over(struct iomd *md)
{
	iomd_hand_over(parent_of(md));
}

static int sub_reserve_complete(struct iomd *md)
{
	return iomd_reserve_complete(parent_of(md));
}

static int sub_complete_reserved(struct iomd *md, u64 direction)
{
	return iomd_complete_reserved(parent_of(md), direction);
}

static void sub_cancel_complete(struct iomd *md)
{
	iomd_cancel_complete(parent_of(md));
}

static phys_addr_t sub_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
					    u64 options)
{
	const struct iomd_part *part = &to_sub(md)->part;

	return iomd_ask_class(part->md, part->offset + offset, length, options);
}

static bool sub_seek(struct iomd *md, struct iomd_segment_iter *iter)
{
	return iomd_part_seek(&to_sub(md)->part, iter);
}

static int sub_set_in_use(struct iomd *md, bool begin)
{
	struct iomd_sub *sub = to_sub(md);
	unsigned long irq;
	int ret;

	if (!begin && !READ_ONCE(sub->users))
		return iomd_refuse_end_of_use();
	ret = iomd_set_in_use(sub->part.md, begin);
	if (ret)
		return ret;
	raw_spin_lock_irqsave(&md->lock, irq);
	sub->users += begin ? 1 : -1;
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return 0;
}

static u64 sub_get_preparation_id(struct iomd *md)
{
	struct iomd_sub *sub = to_sub(md);
	u64 id = iomd_get_preparation_id(sub->part.md);
	unsigned long irq;

	if (id == IOMD_PREPARATION_ID_UNPREPARED || id == IOMD_PREPARATION_ID_UNSUPPORTED)
		return id;
	raw_spin_lock_irqsave(&md->lock, irq);
	if (sub->part.preparation_id != id) {
		sub->part.preparation_id = id;
		md->preparation_id = iomd_id_next();
	}
	id = md->preparation_id;
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return id;
}

static unsigned long sub_get_kernel_address(struct iomd *md, u64 offset, u64 length)
{
	const struct iomd_part *part = &to_sub(md)->part;

	if (!part->md->ops->get_kernel_address)
		return 0;
	return part->md->ops->get_kernel_address(part->md, part->offset + offset, length);
}

static int sub_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	return iomd_set_purgeable(parent_of(md), new_state, old_state);
}

static int sub_set_ownership(struct iomd *md, struct task_struct *new_owner,
			     int new_ledger_tag, u64 options)
{
	return iomd_set_ownership(parent_of(md), new_owner, new_ledger_tag, options);
}

static int sub_change_ownership(struct iomd *md, struct iomd_ownership *change)
{
	return iomd_change_ownership(parent_of(md), change);
}

static int sub_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	return iomd_get_page_counts(parent_of(md), resident, dirty);
}

static bool sub_is_guard(struct iomd *md, u64 offset, u64 *length)
{
	return iomd_part_is_guard(&to_sub(md)->part, offset, length);
}

static u64 sub_get_cache_mode(struct iomd *md, u64 offset)
{
	return iomd_part_get_cache_mode(&to_sub(md)->part, offset);
}

static bool sub_is_ram(struct iomd *md, u64 offset)
{
	return iomd_part_is_ram(&to_sub(md)->part, offset);
}

static bool sub_is_prepared_read_only(const struct iomd *md)
{
	const struct iomd_sub *sub = container_of(md, struct iomd_sub, md);

	return iomd_get_flags(sub->part.md) & IOMD_MEMORY_PREPARED_READ_ONLY;
}

static int sub_hold(struct iomd *md, u64 offset, u64 length)
{
	return iomd_hold(parent_of(md), to_sub(md)->part.offset + offset, length);
}

static void sub_drop(struct iomd *md, u64 offset, u64 length)
{
	iomd_drop(parent_of(md), to_sub(md)->part.offset + offset, length);
}

/* The mapping is the parent's, who shares it with all of its parts. */
static struct iomd_mapping *sub_make_mapping(struct iomd *md, struct iomd *owner,
					     struct task_struct *task,
					     struct iomd_mapping *new_map, u64 options,
					     u64 offset, u64 length)
{
	const struct iomd_part *part = &to_sub(md)->part;

	/* What the parent has lost is not shown anew, though the memory may still be there. */
	if (part->offset + offset + length > iomd_get_length(part->md)) {
		iomd_mapping_release(new_map);
		return ERR_PTR(-EINVAL);
	}
	return iomd_make_mapping(part->md, owner, task, new_map, options, part->offset + offset,
				 length);
}

static int sub_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect)
{
	return iomd_redirect(parent_of(md), safe_task, redirect);
}

static const struct iomd_ops sub_ops = {
	.prepare = sub_prepare,
	.complete = sub_complete,
	.get_physical_segment = sub_get_physical_segment,
	.seek = sub_seek,
	.set_in_use = sub_set_in_use,
	.get_preparation_id = sub_get_preparation_id,
	.get_kernel_address = sub_get_kernel_address,
	.set_purgeable = sub_set_purgeable,
	.set_ownership = sub_set_ownership,
	.change_ownership = sub_change_ownership,
	.get_page_counts = sub_get_page_counts,
	.is_guard = sub_is_guard,
	.get_cache_mode = sub_get_cache_mode,
	.make_mapping = sub_make_mapping,
	.redirect = sub_redirect,
	.is_ram = sub_is_ram,
	.hold = sub_hold,
	.drop = sub_drop,
	.reserve_complete = sub_reserve_complete,
	.complete_reserved = sub_complete_reserved,
	.cancel_complete = sub_cancel_complete,
	.is_prepared_read_only = sub_is_prepared_read_only,
	.hand_over = sub_hand_over,
};

static void sub_free(struct os_object *object)
{
	struct iomd *parent = parent_of(iomd_from_object(object));

	if (parent)
		iomd_unnest(parent);
}

struct os_meta_class iomd_sub_meta_class = {
	.name = "iomd_sub",
	.size = sizeof(struct iomd_sub),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = sub_free,
	.ends_anywhere = iomd_ends_anywhere,
};
IOMD_EXPORT(iomd_sub_meta_class);

static int check_sub_range(struct iomd *md, struct iomd *parent, u64 offset, u64 length,
			   u64 options)
{
	u64 end;

	if (!os_object_meta_cast(&md->object, &iomd_sub_meta_class) || !parent ||
	    (options & ~SUB_OPTIONS) || check_add_overflow(offset, length, &end) ||
	    end > iomd_get_length(parent))
		return -EINVAL;
	return 0;
}

/* May a living sub be given another range? */
static bool sub_in_use(const struct iomd_sub *sub)
{
	return sub->users || !list_empty(&sub->md.mappings) || iomd_is_nested(&sub->md);
}

/* Become a composite of @parent; the old one is given up. */
static int sub_adopt_parent(struct iomd *md, struct iomd *parent)
{
	struct iomd *old = parent_of(md);
	u8 depth = md->depth;
	int ret;

	md->depth = 0;
	ret = iomd_nest(md, parent);
	if (ret)
		md->depth = depth;
	else if (old)
		iomd_unnest(old);
	return ret;
}

/**
 * iomd_sub_init_sub_range() - (re)target a sub
 * @md: an instance of iomd_sub_meta_class, new or not; in the latter case it gives
 *	up what it described
 * @parent: see iomd_sub_with_sub_range()
 * @offset: see iomd_sub_with_sub_range()
 * @length: see iomd_sub_with_sub_range()
 * @direction: see iomd_sub_with_sub_range()
 *
 * Nobody else may use @md meanwhile. Preparations stay with the parent that they
 * went to. IOKit: IOSubMemoryDescriptor::initSubRange.
 *
 * Return: 0; or, with nothing changed: -EBUSY while @md is mapped, for a device or
 * for the CPU, or part of another descriptor, -EINVAL also if it is no sub; else as
 * iomd_sub_with_sub_range().
 * Context: may sleep.
 */
int iomd_sub_init_sub_range(struct iomd *md, struct iomd *parent, u64 offset, u64 length,
			    u64 direction)
{
	struct iomd_sub *sub = to_sub(md);
	int ret;

	ret = check_sub_range(md, parent, offset, length, direction);
	if (ret)
		return ret;
	if (!md->ops)
		iomd_init(md, &sub_ops, 0, 0);
	/* By something whose end is deferred? */
	if (sub_in_use(sub))
		os_object_barrier();
	if (sub_in_use(sub))
		return -EBUSY;
	ret = sub_adopt_parent(md, parent);
	if (ret)
		return ret;
	sub->part = (struct iomd_part) { .md = parent, .offset = offset, .length = length };
	md->length = length;
	md->flags = direction | IOMD_MEMORY_THREAD_SAFE |
		    (iomd_get_flags(parent) & IOMD_PART_FLAGS);
	md->tag = iomd_get_tag(parent);
	return 0;
}
IOMD_EXPORT(iomd_sub_init_sub_range);

/**
 * iomd_sub_with_sub_range() - describe part of another descriptor
 * @of: the other one, the parent; held
 * @offset: first byte in it
 * @length: bytes; may be 0, also at the very end. The parent's length is looked at
 *	now: what it loses later is lost for the sub, too.
 * @options: direction, which need not be the parent's, and IOMD_MEMORY_THREAD_SAFE,
 *	which is always so
 *
 * Preparing it prepares the whole parent, in the parent's direction if none is
 * given, and each may complete what the other prepared. Its purgeable state, owner
 * and page counts are the whole parent's, its tag is the parent's of now. IOKit:
 * IOSubMemoryDescriptor::withSubRange.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR: -EINVAL if @of
 * is NULL, the range wraps or does not lie inside, or for other options; -ELOOP if
 * @of is nested too deeply, 8 times; -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_sub_with_sub_range(struct iomd *of, u64 offset, u64 length, u64 options)
{
	struct iomd_sub *sub = os_object_alloc(&iomd_sub_meta_class);
	int ret;

	if (!sub)
		return ERR_PTR(-ENOMEM);
	ret = iomd_sub_init_sub_range(&sub->md, of, offset, length, options);
	if (ret) {
		iomd_release(&sub->md);
		return ERR_PTR(ret);
	}
	return &sub->md;
}
IOMD_EXPORT(iomd_sub_with_sub_range);
