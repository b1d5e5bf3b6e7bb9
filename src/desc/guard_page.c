// SPDX-License-Identifier: GPL-2.0
/*
 * IOGuardPageMemoryDescriptor: pages that nobody can reach, as parts of a mapping.
 * There is no memory behind them, only a length.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>
#include <iomd/guard_page.h>

#include "../object/object.h"
#include "descriptor.h"
#include "prepares.h"

struct iomd_guard_page {
	struct iomd md;
	struct iomd_prepares prepares;
};

static struct iomd_guard_page *to_guard_page(struct iomd *md)
{
	return container_of(md, struct iomd_guard_page, md);
}

static int guard_page_prepare(struct iomd *md, u64 direction)
{
	struct iomd_prepares *prepares = &to_guard_page(md)->prepares;
	/* Nothing can be written, but that is never why. */
	int ret = iomd_prepares_begin(prepares, true);

	if (ret <= 0)
		return ret;
	iomd_prepares_end_first(prepares, 0, true);
	return 0;
}

static int guard_page_complete(struct iomd *md, u64 direction)
{
	struct iomd_prepares *prepares = &to_guard_page(md)->prepares;
	int ret = iomd_prepares_begin_last(prepares);

	if (ret <= 0)
		return ret;
	iomd_prepares_end_last(prepares);
	return 0;
}

static int guard_page_reserve_complete(struct iomd *md)
{
	return iomd_prepares_reserve_complete(&to_guard_page(md)->prepares);
}

static int guard_page_complete_reserved(struct iomd *md, u64 direction)
{
	struct iomd_prepares *prepares = &to_guard_page(md)->prepares;

	if (iomd_prepares_complete_reserved(prepares))
		iomd_prepares_end_last(prepares);
	return 0;
}

static void guard_page_cancel_complete(struct iomd *md)
{
	iomd_prepares_cancel_complete(&to_guard_page(md)->prepares);
}

static phys_addr_t guard_page_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						   u64 options)
{
	/* What was described is so many bytes at the start of a page. */
	if (options & IOMD_MEMORY_SEGMENT_SOURCE) {
		*length = md->length - offset;
		return offset;
	}
	*length = 0;
	return 0;
}

static void guard_page_hand_over(struct iomd *md)
{
	struct iomd_prepares *prepares = &to_guard_page(md)->prepares;

	if (iomd_prepares_hand_over(prepares) > 0)
		iomd_prepares_end_last(prepares);
}

static void guard_page_run_errand(struct os_object *object)
{
	iomd_prepares_end_last(&to_guard_page(iomd_from_object(object))->prepares);
}

static int guard_page_set_in_use(struct iomd *md, bool begin)
{
	int ret = iomd_prepares_set_in_use(&to_guard_page(md)->prepares, begin);

	if (ret <= 0)
		return ret;
	/* To wake who waits to prepare it may sleep, on some kernels. */
	os_object_send_errand(&md->object);
	return 0;
}

static u64 guard_page_get_preparation_id(struct iomd *md)
{
	return iomd_prepares_get_id(&to_guard_page(md)->prepares);
}

static int guard_page_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	*resident = 0;
	*dirty = 0;
	return 0;
}

static bool guard_page_is_guard(struct iomd *md, u64 offset, u64 *length)
{
	*length = md->length - offset;
	return true;
}

static const struct iomd_ops guard_page_ops = {
	.prepare = guard_page_prepare,
	.complete = guard_page_complete,
	.get_physical_segment = guard_page_get_physical_segment,
	.set_in_use = guard_page_set_in_use,
	.get_preparation_id = guard_page_get_preparation_id,
	.get_page_counts = guard_page_get_page_counts,
	.is_guard = guard_page_is_guard,
	.reserve_complete = guard_page_reserve_complete,
	.complete_reserved = guard_page_complete_reserved,
	.cancel_complete = guard_page_cancel_complete,
	.hand_over = guard_page_hand_over,
};

struct os_meta_class iomd_guard_page_meta_class = {
	.name = "iomd_guard_page",
	.size = sizeof(struct iomd_guard_page),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.run_errand = guard_page_run_errand,
};
IOMD_EXPORT(iomd_guard_page_meta_class);

/**
 * iomd_guard_page_init_with_size() - set up a new guard
 * @md: a new instance of iomd_guard_page_meta_class
 * @size: see iomd_guard_page_with_size()
 *
 * IOKit: IOGuardPageMemoryDescriptor::initWithSize.
 *
 * Return: 0; -EBUSY if @md is set up already; -EINVAL also if it is of another
 * class; else as iomd_guard_page_with_size().
 * Context: any.
 */
int iomd_guard_page_init_with_size(struct iomd *md, u64 size)
{
	u64 length;

	if (!os_object_meta_cast(&md->object, &iomd_guard_page_meta_class) || !size ||
	    check_add_overflow(size, (u64)PAGE_SIZE - 1, &length))
		return -EINVAL;
	if (md->ops)
		return -EBUSY;
	iomd_init(md, &guard_page_ops, round_down(length, PAGE_SIZE),
		  IOMD_DIRECTION_OUT_IN | IOMD_MEMORY_AS_REFERENCE);
	iomd_prepares_init(&to_guard_page(md)->prepares);
	return 0;
}
IOMD_EXPORT(iomd_guard_page_init_with_size);

/**
 * iomd_guard_page_with_size() - describe pages that are out of reach
 * @size: bytes; rounded up to pages
 *
 * As part of another descriptor it keeps that much of a mapping without memory: an
 * access faults. It can be prepared, but has no segments, and nothing is read from
 * or written to it. IOKit: IOGuardPageMemoryDescriptor::withSize.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR: -EINVAL if
 * @size is 0, or wraps when rounded; -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_guard_page_with_size(u64 size)
{
	struct iomd_guard_page *guard_page = os_object_alloc(&iomd_guard_page_meta_class);
	int ret;

	if (!guard_page)
		return ERR_PTR(-ENOMEM);
	ret = iomd_guard_page_init_with_size(&guard_page->md, size);
	if (ret) {
		iomd_release(&guard_page->md);
		return ERR_PTR(ret);
	}
	return &guard_page->md;
}
IOMD_EXPORT(iomd_guard_page_with_size);
