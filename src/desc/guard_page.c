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

#include "wire.h"

struct iomd_guard_page {
	struct iomd md;
	struct iomd_wire wire;
};

static struct iomd_guard_page *to_guard_page(struct iomd *md)
{
	return container_of(md, struct iomd_guard_page, md);
}

static int guard_page_prepare(struct iomd *md, u64 direction)
{
	struct iomd_wire *wire = &to_guard_page(md)->wire;
	/* Nothing can be written, but that is never why. */
	int ret = iomd_wire_begin(wire, true);

	if (ret <= 0)
		return ret;
	iomd_wire_end(wire, 0, true);
	return 0;
}

static int guard_page_complete(struct iomd *md, u64 direction)
{
	struct iomd_wire *wire = &to_guard_page(md)->wire;
	int ret = iomd_wire_begin_unwire(wire);

	if (ret <= 0)
		return ret;
	iomd_wire_end_unwire(wire);
	return 0;
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

static int guard_page_set_in_use(struct iomd *md, bool begin)
{
	return iomd_wire_set_in_use(&to_guard_page(md)->wire, begin);
}

static u64 guard_page_get_preparation_id(struct iomd *md)
{
	return iomd_wire_get_id(&to_guard_page(md)->wire);
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
};

struct os_meta_class iomd_guard_page_meta_class = {
	.name = "iomd_guard_page",
	.size = sizeof(struct iomd_guard_page),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
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
	iomd_wire_init(&to_guard_page(md)->wire);
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
