// SPDX-License-Identifier: GPL-2.0
/*
 * IOInterleavedMemoryDescriptor: portions of descriptors, one behind the other,
 * put together piece by piece.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>
#include <iomd/interleaved.h>

#include "descriptor.h"
#include "parts.h"

static const struct iomd_ops interleaved_ops = {
	.prepare = iomd_composite_prepare,
	.complete = iomd_composite_complete,
	.get_physical_segment = iomd_composite_get_physical_segment,
	.seek = iomd_composite_seek,
	.set_in_use = iomd_composite_set_in_use,
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

struct os_meta_class iomd_interleaved_meta_class = {
	.name = "iomd_interleaved",
	.size = sizeof(struct iomd_composite),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = iomd_composite_free,
	.ends_anywhere = iomd_composite_ends_anywhere,
};
IOMD_EXPORT(iomd_interleaved_meta_class);

static bool is_interleaved(struct iomd *md)
{
	return os_object_meta_cast(&md->object, &iomd_interleaved_meta_class);
}

/**
 * iomd_interleaved_init_with_capacity() - set up a new interleaved descriptor
 * @md: a new instance of iomd_interleaved_meta_class
 * @capacity: see iomd_interleaved_with_capacity()
 * @direction: see iomd_interleaved_with_capacity()
 *
 * IOKit: IOInterleavedMemoryDescriptor::initWithCapacity.
 *
 * Return: 0; -EBUSY if @md is set up already; -EINVAL also if it is of another
 * class; else as iomd_interleaved_with_capacity().
 * Context: may sleep.
 */
int iomd_interleaved_init_with_capacity(struct iomd *md, u32 capacity, u64 direction)
{
	if (!is_interleaved(md) || !capacity || (direction & ~IOMD_DIRECTION_MASK))
		return -EINVAL;
	if (md->ops)
		return -EBUSY;
	iomd_init(md, &interleaved_ops, 0, direction);
	return iomd_parts_alloc(&iomd_to_composite(md)->parts, capacity);
}
IOMD_EXPORT(iomd_interleaved_init_with_capacity);

/**
 * iomd_interleaved_with_capacity() - make a descriptor to be put together
 * @capacity: how many portions it can have; it has none yet
 * @direction: one of IOMD_DIRECTION_, which need not be the portions'
 *
 * Preparing it prepares every descriptor that it has a portion of, whole, once for
 * each portion, or none; it completes what it prepared. IOKit:
 * IOInterleavedMemoryDescriptor::withCapacity.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR: -EINVAL if
 * @capacity is 0 or @direction is none; -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_interleaved_with_capacity(u32 capacity, u64 direction)
{
	struct iomd_composite *interleaved = os_object_alloc(&iomd_interleaved_meta_class);
	int ret;

	if (!interleaved)
		return ERR_PTR(-ENOMEM);
	ret = iomd_interleaved_init_with_capacity(&interleaved->md, capacity, direction);
	if (ret) {
		iomd_release(&interleaved->md);
		return ERR_PTR(ret);
	}
	return &interleaved->md;
}
IOMD_EXPORT(iomd_interleaved_with_capacity);

/**
 * iomd_interleaved_set_memory_descriptor() - append a portion
 * @md: interleaved descriptor
 * @descriptor: of which it is a portion, in any direction; held
 * @offset: where the portion begins in it
 * @length: bytes; may be 0. The length of @descriptor is looked at now: what it
 *	loses later is a gap in @md.
 *
 * IOKit: IOInterleavedMemoryDescriptor::setMemoryDescriptor.
 *
 * Return: 0; or, with nothing changed: -EBUSY while @md is prepared, mapped or part
 * of another descriptor; -ENOSPC if it is full; -EINVAL if @descriptor is NULL, the
 * portion wraps or does not lie in it, the sum of the lengths wraps, or @md is of
 * another class; -ELOOP if @descriptor is nested too deeply, 8 times.
 * Context: may sleep.
 */
int iomd_interleaved_set_memory_descriptor(struct iomd *md, struct iomd *descriptor,
					   u64 offset, u64 length)
{
	struct iomd_composite *interleaved = iomd_to_composite(md);
	unsigned long irq;
	u64 end;
	int ret;

	if (!is_interleaved(md) || !descriptor || check_add_overflow(offset, length, &end) ||
	    end > iomd_get_length(descriptor))
		return -EINVAL;
	iomd_composite_settle(interleaved);
	raw_spin_lock_irqsave(&md->lock, irq);
	if (iomd_composite_is_busy(interleaved))
		ret = -EBUSY;
	else
		ret = iomd_parts_add(&interleaved->parts, md, descriptor, offset, length);
	if (!ret) {
		WRITE_ONCE(md->length, interleaved->parts.length);
		md->flags |= interleaved->parts.flags;
	}
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return ret;
}
IOMD_EXPORT(iomd_interleaved_set_memory_descriptor);

/* Can all preparations be completed, and nobody else miss the portions? */
static bool may_clear(struct iomd_composite *interleaved)
{
	unsigned long irq;
	bool may;

	iomd_composite_settle(interleaved);
	raw_spin_lock_irqsave(&interleaved->md.lock, irq);
	may = !interleaved->users && interleaved->held == interleaved->prepared &&
	      list_empty(&interleaved->md.mappings) && !iomd_is_nested(&interleaved->md);
	raw_spin_unlock_irqrestore(&interleaved->md.lock, irq);
	return may;
}

/* As often as it is prepared, or not at all. */
static int interleaved_complete_fully(struct iomd_composite *interleaved)
{
	u64 reserved = 0;
	int ret = 0;

	while (!ret && interleaved->prepared) {
		ret = iomd_composite_reserve_complete(&interleaved->md);
		if (!ret)
			reserved++;
	}
	for (; reserved; reserved--) {
		if (ret)
			iomd_composite_cancel_complete(&interleaved->md);
		else
			iomd_composite_complete_reserved(&interleaved->md, IOMD_DIRECTION_NONE);
	}
	return ret;
}

/**
 * iomd_interleaved_clear_memory_descriptors() - give all portions up
 * @md: interleaved descriptor; completed as often as it was prepared
 * @direction: its new direction; IOMD_DIRECTION_NONE: the old one
 *
 * Nobody else may use @md meanwhile. Its tag becomes 0, its capacity is free again.
 * IOKit: IOInterleavedMemoryDescriptor::clearMemoryDescriptors.
 *
 * Return: 0; or, with nothing changed: -EBUSY while @md is mapped or part of another
 * descriptor, or a portion is mapped that nobody else has prepared; -EAGAIN if a portion
 * was completed behind its back; -EINVAL for unknown bits or if @md is of another class.
 * Context: may sleep.
 */
int iomd_interleaved_clear_memory_descriptors(struct iomd *md, u64 direction)
{
	struct iomd_composite *interleaved = iomd_to_composite(md);
	int ret;

	might_sleep();
	if (!is_interleaved(md) || (direction & ~IOMD_DIRECTION_MASK))
		return -EINVAL;
	if (!may_clear(interleaved))
		return -EBUSY;
	ret = interleaved_complete_fully(interleaved);
	if (ret)
		return ret;
	WRITE_ONCE(md->length, 0);
	iomd_parts_clear(&interleaved->parts);
	md->depth = 0;
	md->tag = 0;
	md->flags = direction ?: iomd_get_direction(md);
	return 0;
}
IOMD_EXPORT(iomd_interleaved_clear_memory_descriptors);
