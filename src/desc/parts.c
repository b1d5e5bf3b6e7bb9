// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "descriptor.h"
#include "parts.h"

/*
 * One part
 */

/* A place in a part, seen from the part's descriptor. */
struct part_place {
	u64 offset;
	/* of the part from there on; 0 if there is nothing */
	u64 length;
};

static struct part_place part_place_of(const struct iomd_part *part, u64 offset)
{
	u64 size = READ_ONCE(part->md->length);
	u64 skip = offset - part->start;
	struct part_place place = { .offset = part->offset + skip };

	if (skip < part->length && place.offset < size)
		place.length = min(part->length - skip, size - place.offset);
	return place;
}

bool iomd_part_seek(const struct iomd_part *part, struct iomd_segment_iter *iter)
{
	struct part_place place = part_place_of(part, iter->offset);
	u64 offset = iter->offset, end = iter->end;
	bool found;

	if (!place.length)
		return false;
	iter->offset = place.offset;
	iter->end = place.offset + min(place.length, end - offset);
	found = iomd_seek(part->md, iter);
	iter->offset = offset;
	iter->end = end;
	return found;
}

bool iomd_part_is_guard(const struct iomd_part *part, u64 offset, u64 *length)
{
	struct part_place place = part_place_of(part, offset);
	bool guard;

	if (!place.length) {
		*length = part->length - (offset - part->start);
		return false;
	}
	guard = iomd_is_guard(part->md, place.offset, length);
	*length = min(*length, place.length);
	return guard;
}

u64 iomd_part_get_cache_mode(const struct iomd_part *part, u64 offset)
{
	struct part_place place = part_place_of(part, offset);

	return place.length ? iomd_get_cache_mode(part->md, place.offset) :
			      IOMD_MAP_DEFAULT_CACHE;
}

bool iomd_part_is_ram(const struct iomd_part *part, u64 offset)
{
	struct part_place place = part_place_of(part, offset);
	phys_addr_t address = 0;
	u64 length = 0;

	if (!place.length)
		return false;
	if (!part->md->ops->is_ram) {
		address = iomd_ask_class(part->md, place.offset, &length, 0);
		if (!length)
			return false;
	}
	return iomd_is_ram(part->md, place.offset, address, min(length, place.length));
}

/*
 * Lists of parts
 */

/**
 * iomd_parts_alloc() - have room for parts
 * @parts: zero
 * @room: for how many
 *
 * Undone by iomd_parts_free().
 *
 * Return: 0; -ENOMEM.
 * Context: may sleep.
 */
int iomd_parts_alloc(struct iomd_parts *parts, u32 room)
{
	if (iomd_should_fail())
		return -ENOMEM;
	parts->list = kvmalloc_array(room, sizeof(*parts->list), IOMD_GFP_SIZED);
	if (!parts->list)
		return -ENOMEM;
	parts->room = room;
	return 0;
}

/**
 * iomd_parts_add() - append a part
 * @parts: list
 * @composite: descriptor whose list it is, or is to be
 * @md: descriptor of which it is a piece; held
 * @offset: where the piece begins in @md
 * @length: bytes of the piece, which lies in @md
 *
 * Return: 0; or, with nothing changed: -ENOSPC if there is no room; -EINVAL if the
 * sum of the lengths would wrap; -ELOOP if @md is nested too deeply; -EBUSY if
 * @composite is a part itself.
 * Context: any.
 */
int iomd_parts_add(struct iomd_parts *parts, struct iomd *composite, struct iomd *md,
		   u64 offset, u64 length)
{
	u64 end;
	int ret;

	if (parts->count == parts->room)
		return -ENOSPC;
	if (check_add_overflow(parts->length, length, &end))
		return -EINVAL;
	ret = iomd_nest(composite, md);
	if (ret)
		return ret;
	parts->list[parts->count] = (struct iomd_part) {
		.md = md,
		.offset = offset,
		.start = parts->length,
		.length = length,
	};
	parts->length = end;
	parts->flags |= iomd_get_flags(md) & IOMD_PART_FLAGS;
	WRITE_ONCE(parts->mean, div64_u64(end, parts->count + 1) ?: 1);
	/* Who looks for a part meanwhile finds it complete or not at all. */
	smp_store_release(&parts->count, parts->count + 1);
	return 0;
}

/* Give all parts up; the room remains. */
void iomd_parts_clear(struct iomd_parts *parts)
{
	while (parts->count)
		iomd_unnest(parts->list[--parts->count].md);
	parts->length = 0;
	parts->flags = 0;
}

void iomd_parts_free(struct iomd_parts *parts)
{
	iomd_parts_clear(parts);
	kvfree(parts->list);
	parts->list = NULL;
	parts->room = 0;
}

/* Of several parts that start there, the last: those before it are empty. */
static noinline const struct iomd_part *parts_bisect(const struct iomd_parts *parts, u32 count,
						     u64 offset)
{
	u32 low = 0, high = count;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (parts->list[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &parts->list[low];
}

/* The part that holds the byte at @offset; NULL if there is none. */
static inline const struct iomd_part *find_part(const struct iomd_parts *parts, u64 offset)
{
	u32 count;
	u64 guess;

	/* Pairs with the release in iomd_parts_add(). */
	count = smp_load_acquire(&parts->count);
	if (!count)
		return NULL;
	/* Parts are of one length, often. */
	guess = div64_u64(offset, READ_ONCE(parts->mean));
	if (likely(guess < count)) {
		const struct iomd_part *part = &parts->list[guess];

		if (likely(offset - part->start < part->length))
			return part;
	}
	return parts_bisect(parts, count, offset);
}

/*
 * Composites
 */

bool iomd_composite_is_busy(struct iomd_composite *composite)
{
	lockdep_assert_held(&composite->md.lock);
	return composite->held || composite->users || iomd_is_nested(&composite->md) ||
	       !list_empty(&composite->md.mappings);
}

void iomd_composite_settle(struct iomd_composite *composite)
{
	unsigned long irq;
	bool busy;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	busy = iomd_composite_is_busy(composite);
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
	if (busy)
		os_object_barrier();
}

static void begin_prepare(struct iomd_composite *composite)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	composite->held++;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
}

static void end_prepare(struct iomd_composite *composite, int result)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	if (result)
		composite->held--;
	else
		composite->prepared++;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
}

static int prepare_parts(const struct iomd_parts *parts, u64 direction)
{
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < parts->count; i++)
		ret = iomd_prepare(parts->list[i].md, direction);
	if (!ret)
		return 0;
	/* The one that failed needs no complete. */
	for (i--; i > 0; i--)
		iomd_hand_over(parts->list[i - 1].md);
	return ret;
}

/**
 * iomd_composite_prepare() - prepare all parts, or none
 * @md: composite
 * @direction: see iomd_prepare(); without a direction the composite's, and if it has
 *	none either each part's own
 *
 * Return: 0; else what the first part that failed said.
 * Context: may sleep.
 */
int iomd_composite_prepare(struct iomd *md, u64 direction)
{
	struct iomd_composite *composite = iomd_to_composite(md);
	int ret;

	if (!(direction & IOMD_DIRECTION_MASK))
		direction |= iomd_get_direction(md);
	begin_prepare(composite);
	ret = prepare_parts(&composite->parts, direction);
	end_prepare(composite, ret);
	return ret;
}

static int begin_complete(struct iomd_composite *composite)
{
	unsigned long irq;
	int ret = 0;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	if (!composite->prepared)
		ret = -EAGAIN;
	else if (composite->prepared == 1 && composite->users > composite->borrowed)
		ret = -EBUSY;
	else
		composite->prepared--;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
	return ret ? iomd_refuse_complete(ret) : 0;
}

static void composite_undo_complete(struct iomd_composite *composite)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	composite->prepared++;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
}

static void end_complete(struct iomd_composite *composite)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	composite->held--;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
}

static void parts_cancel_complete(const struct iomd_parts *parts, u32 count)
{
	while (count)
		iomd_cancel_complete(parts->list[--count].md);
}

/* A part that occurs several times is reserved as often. */
static int parts_reserve_complete(const struct iomd_parts *parts)
{
	int ret;
	u32 i;

	for (i = 0; i < parts->count; i++) {
		ret = iomd_reserve_complete(parts->list[i].md);
		if (ret) {
			parts_cancel_complete(parts, i);
			return ret;
		}
	}
	return 0;
}

/**
 * iomd_composite_reserve_complete() - see to it that no part refuses a complete
 * @md: composite
 *
 * Undone by iomd_composite_cancel_complete().
 *
 * Return: 0; -EAGAIN or -EBUSY, with nothing changed: see iomd_composite_complete().
 * Context: may sleep.
 */
int iomd_composite_reserve_complete(struct iomd *md)
{
	struct iomd_composite *composite = iomd_to_composite(md);
	int ret;

	ret = begin_complete(composite);
	if (ret)
		return ret;
	ret = parts_reserve_complete(&composite->parts);
	if (ret)
		composite_undo_complete(composite);
	return ret;
}

void iomd_composite_cancel_complete(struct iomd *md)
{
	struct iomd_composite *composite = iomd_to_composite(md);

	parts_cancel_complete(&composite->parts, composite->parts.count);
	composite_undo_complete(composite);
}

/**
 * iomd_composite_complete_reserved() - complete all parts as was reserved
 * @md: composite
 * @direction: see iomd_complete()
 *
 * Return: 0; what the last part said that could not be reserved, and refused.
 * Context: may sleep.
 */
int iomd_composite_complete_reserved(struct iomd *md, u64 direction)
{
	struct iomd_composite *composite = iomd_to_composite(md);
	const struct iomd_parts *parts = &composite->parts;
	int error, ret = 0;
	u32 i;

	for (i = 0; i < parts->count; i++) {
		error = iomd_complete_reserved(parts->list[i].md, direction);
		if (error)
			ret = error;
	}
	end_complete(composite);
	return ret;
}

/**
 * iomd_composite_complete() - complete all parts, or none
 * @md: composite
 * @direction: see iomd_complete()
 *
 * Return: 0; or, with nothing changed: -EAGAIN if the composite or a part, which was
 * completed behind its back, has no preparation to complete; -EBUSY if it is the last
 * one and a mapping that began under it uses the memory, or it is the last one of a part
 * that is in use by itself. Both are a mistake of the driver, and warned of once. If parts
 * of a class that can't reserve completes refused, what the last of these said, with all
 * others completed.
 * Context: may sleep.
 */
int iomd_composite_complete(struct iomd *md, u64 direction)
{
	int ret = iomd_composite_reserve_complete(md);

	return ret ?: iomd_composite_complete_reserved(md, direction);
}

static int composite_begin_hand_over(struct iomd_composite *composite)
{
	unsigned long irq;
	int ret = 0;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	if (!composite->prepared)
		ret = -EAGAIN;
	else if (!--composite->prepared)
		composite->borrowed = composite->users;
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
	return ret ? iomd_refuse_complete(ret) : 0;
}

/**
 * iomd_composite_hand_over() - complete all parts, or leave that to those who use them
 * @md: composite
 *
 * What uses it still rests on the parts' preparations from now on, as each of them knows.
 *
 * Context: may sleep.
 */
void iomd_composite_hand_over(struct iomd *md)
{
	struct iomd_composite *composite = iomd_to_composite(md);
	const struct iomd_parts *parts = &composite->parts;
	u32 i;

	if (composite_begin_hand_over(composite))
		return;
	for (i = 0; i < parts->count; i++)
		iomd_hand_over(parts->list[i].md);
	end_complete(composite);
}

phys_addr_t iomd_composite_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options)
{
	const struct iomd_part *part = find_part(&iomd_to_composite(md)->parts, offset);
	phys_addr_t address;
	u64 skip;

	*length = 0;
	if (!part)
		return 0;
	skip = offset - part->start;
	if (skip >= part->length)
		return 0;
	address = iomd_ask_class(part->md, part->offset + skip, length, options);
	*length = min(*length, part->length - skip);
	return address;
}

bool iomd_composite_seek(struct iomd *md, struct iomd_segment_iter *iter)
{
	const struct iomd_part *part = find_part(&iomd_to_composite(md)->parts, iter->offset);

	return part && iomd_part_seek(part, iter);
}

static int begin_use(const struct iomd_parts *parts)
{
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < parts->count; i++)
		ret = iomd_set_in_use(parts->list[i].md, true);
	if (!ret)
		return 0;
	for (i--; i > 0; i--)
		iomd_set_in_use(parts->list[i - 1].md, false);
	return ret;
}

static void composite_count_user(struct iomd_composite *composite, bool begin)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&composite->md.lock, irq);
	if (begin) {
		composite->users++;
		if (!composite->prepared)
			composite->borrowed++;
	} else {
		composite->users--;
		/* Those that began under a preparation of the composite end first. */
		composite->borrowed = min(composite->borrowed, composite->users);
	}
	raw_spin_unlock_irqrestore(&composite->md.lock, irq);
}

/**
 * iomd_composite_set_in_use() - a mapping begins or ends to use the memory
 * @md: composite; not prepared itself if each part is
 * @begin: begins?
 *
 * Return: 0; -EAGAIN for the end of a use that did not begin; what the first part that
 * refused said; with nothing changed.
 * Context: any, hard IRQ included.
 */
int iomd_composite_set_in_use(struct iomd *md, bool begin)
{
	struct iomd_composite *composite = iomd_to_composite(md);
	const struct iomd_parts *parts = &composite->parts;
	int ret;
	u32 i;

	if (!begin) {
		if (!READ_ONCE(composite->users))
			return iomd_refuse_end_of_use();
		for (i = 0; i < parts->count; i++)
			iomd_set_in_use(parts->list[i].md, false);
		composite_count_user(composite, false);
		return 0;
	}
	/* From here on the parts stay. */
	composite_count_user(composite, true);
	ret = begin_use(parts);
	if (ret)
		composite_count_user(composite, false);
	return ret;
}

bool iomd_composite_is_guard(struct iomd *md, u64 offset, u64 *length)
{
	const struct iomd_part *part = find_part(&iomd_to_composite(md)->parts, offset);

	if (!part) {
		*length = iomd_get_length(md) - offset;
		return false;
	}
	return iomd_part_is_guard(part, offset, length);
}

u64 iomd_composite_get_cache_mode(struct iomd *md, u64 offset)
{
	const struct iomd_part *part = find_part(&iomd_to_composite(md)->parts, offset);

	return part ? iomd_part_get_cache_mode(part, offset) : IOMD_MAP_DEFAULT_CACHE;
}

bool iomd_composite_is_prepared_read_only(const struct iomd *md)
{
	const struct iomd_composite *composite = container_of(md, struct iomd_composite, md);
	/* Pairs with the release in iomd_parts_add(). */
	u32 count = smp_load_acquire(&composite->parts.count), i;

	for (i = 0; i < count; i++)
		if (iomd_get_flags(composite->parts.list[i].md) & IOMD_MEMORY_PREPARED_READ_ONLY)
			return true;
	return false;
}

bool iomd_composite_is_ram(struct iomd *md, u64 offset)
{
	const struct iomd_part *part = find_part(&iomd_to_composite(md)->parts, offset);

	return part && iomd_part_is_ram(part, offset);
}

/* What of @part is in the range that begins at @offset, as far as there is something. */
static struct part_place place_in(const struct iomd_part *part, u64 offset, u64 length)
{
	u64 from = max(offset, part->start);
	u64 to = min(offset + length, part->start + part->length);

	return (struct part_place) {
		.offset = part->offset + (from - part->start),
		.length = from < to ? to - from : 0,
	};
}

/* Parts that the range touches, one after the other. NULL: there are no more. */
static const struct iomd_part *next_touched(const struct iomd_parts *parts,
					    const struct iomd_part *part, u64 offset, u64 length)
{
	/* Pairs with the release in iomd_parts_add(). */
	const struct iomd_part *end = parts->list + smp_load_acquire(&parts->count);

	part = part ? part + 1 : find_part(parts, offset);
	return part && part < end && part->start < offset + length ? part : NULL;
}

static void drop_parts(const struct iomd_parts *parts, const struct iomd_part *end, u64 offset,
		       u64 length)
{
	const struct iomd_part *part = NULL;

	while ((part = next_touched(parts, part, offset, length)) && part != end) {
		struct part_place place = place_in(part, offset, length);

		if (place.length)
			iomd_drop(part->md, place.offset, place.length);
	}
}

int iomd_composite_hold(struct iomd *md, u64 offset, u64 length)
{
	const struct iomd_parts *parts = &iomd_to_composite(md)->parts;
	const struct iomd_part *part = NULL;
	int ret;

	while ((part = next_touched(parts, part, offset, length))) {
		struct part_place place = place_in(part, offset, length);

		ret = place.length ? iomd_hold(part->md, place.offset, place.length) : 0;
		if (ret) {
			drop_parts(parts, part, offset, length);
			return ret;
		}
	}
	return 0;
}

void iomd_composite_drop(struct iomd *md, u64 offset, u64 length)
{
	drop_parts(&iomd_to_composite(md)->parts, NULL, offset, length);
}

/* Preparations end with the parts, which others may hold, too. */
void iomd_composite_free(struct os_object *object)
{
	iomd_parts_free(&iomd_to_composite(iomd_from_object(object))->parts);
}

bool iomd_composite_ends_anywhere(const struct os_object *object)
{
	const struct iomd_composite *composite = container_of(object, struct iomd_composite,
							      md.object);

	return !is_vmalloc_addr(composite->parts.list);
}
