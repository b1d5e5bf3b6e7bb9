// SPDX-License-Identifier: GPL-2.0
/*
 * A buffer of ours is whole pages that hold nothing else, and describes as many bytes
 * of them as it likes. Importers take whole pages.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../desc/general.h"
#include "../source/source.h"
#include "whole.h"

struct whole {
	struct iomd_general general;
	struct iomd *buffer;
	/* Of the buffer, when it was looked at. */
	u64 length;
};

static struct whole *whole_of(struct iomd_backing *backing)
{
	return container_of(backing, struct whole, general.backing);
}

/* Each segment of the buffer, and of the last one its page to the end. */
static int append_pages(struct whole *whole, struct iomd_segments *segments)
{
	const struct iomd_ops *ops = whole->buffer->ops;
	u64 offset, length;

	for (offset = 0; offset < whole->length; offset += length) {
		/* What its memory is, however little of it the buffer describes by now. */
		phys_addr_t address = ops->get_physical_segment(whole->buffer, offset, &length, 0);

		length = min(length, whole->length - offset);
		if (!length || iomd_should_fail() ||
		    iomd_segments_append(segments, pfn_to_page(PHYS_PFN(address)),
					 offset_in_page(address), PAGE_ALIGN(length)))
			return -ENOMEM;
		cond_resched();
	}
	return iomd_segments_finish(segments);
}

static void whole_complete(struct iomd_backing *backing, bool dirty)
{
	struct iomd *buffer = whole_of(backing)->buffer;

	iomd_segments_free(&backing->segments);
	iomd_set_in_use(buffer, false);
	iomd_hand_over(buffer);
}

static int whole_prepare(struct iomd_backing *backing, u64 direction)
{
	struct iomd_segments *segments = &backing->segments;
	struct whole *whole = whole_of(backing);
	int ret;

	ret = iomd_prepare(whole->buffer, direction & IOMD_DIRECTION_MASK);
	if (ret)
		return ret;
	/* Nobody may complete it in our place. */
	ret = iomd_set_in_use(whole->buffer, true);
	if (ret) {
		iomd_hand_over(whole->buffer);
		return ret;
	}
	iomd_segments_init(segments);
	ret = append_pages(whole, segments);
	if (ret)
		whole_complete(backing, false);
	return ret;
}

static void whole_destroy(struct iomd_backing *backing)
{
	iomd_release(whole_of(backing)->buffer);
}

static const struct iomd_source whole_source = {
	.prepare = whole_prepare,
	.complete = whole_complete,
	.destroy = whole_destroy,
	.own_memory = true,
};

struct os_meta_class iomd_whole_meta_class = {
	.name = "iomd_whole",
	.size = sizeof(struct whole),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
};

struct iomd *iomd_whole_pages(struct iomd *buffer, u64 length)
{
	struct whole *whole = os_object_alloc(&iomd_whole_meta_class);

	if (!whole)
		return ERR_PTR(-ENOMEM);
	iomd_extents_set_single(&whole->general.backing.extents, 0, PAGE_ALIGN(length));
	iomd_general_init(&whole->general, &whole_source, PAGE_ALIGN(length),
			  iomd_get_flags(buffer) & (IOMD_DIRECTION_MASK | IOMD_MAP_CACHE_MASK));
	iomd_set_mapper_options(&whole->general.md, iomd_get_mapper_options(buffer));
	whole->buffer = iomd_retain(buffer);
	whole->length = length;
	return &whole->general.md;
}
