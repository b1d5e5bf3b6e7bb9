// SPDX-License-Identifier: GPL-2.0
/*
 * IOGeneralMemoryDescriptor: ranges of one address space, prepared as a whole.
 *
 * What kind of memory it is, its source knows (source/); how often it is
 * prepared, its wire (wire.c); this file puts the two together.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <iomd/descriptor.h>

#include "../source/source.h"
#include "general.h"

static bool is_physical(const struct iomd_general *general)
{
	return !general->source->wire;
}

static u64 effective_direction(const struct iomd_general *general, u64 direction)
{
	u64 asked = direction & IOMD_DIRECTION_MASK;

	if (!asked)
		asked = general->md.flags & IOMD_DIRECTION_MASK;
	return asked ?: IOMD_DIRECTION_OUT_IN;
}

/* Does all of it lie below 4 GiB? */
static bool below_4g(const struct iomd_segments *segments)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&segments->table, sg, i)
		if ((u64)sg_phys(sg) + sg->length > BIT_ULL(32))
			return false;
	return true;
}

static int wire(struct iomd_general *general, u64 direction)
{
	int ret = general->source->wire(general, direction);

	if (ret)
		return ret;
	if ((direction & IOMD_DIRECTION_PREPARE_TO_PHYS32) && !below_4g(&general->segments)) {
		general->source->unwire(general, false);
		return -ERANGE;
	}
	return 0;
}

static int general_prepare(struct iomd *md, u64 direction)
{
	struct iomd_general *general = iomd_to_general(md);
	bool write;
	int ret;

	if (is_physical(general))
		return 0;
	if (md->flags & IOMD_MEMORY_REMOTE)
		return -ENXIO;
	direction |= effective_direction(general, direction);
	write = direction & IOMD_DIRECTION_IN;
	ret = iomd_wire_begin(&general->wire, write);
	if (ret <= 0)
		return ret;
	ret = wire(general, direction);
	if (!ret) {
		WRITE_ONCE(md->prepared_read_only, !write);
		WRITE_ONCE(md->segments, &general->segments);
	}
	iomd_wire_end(&general->wire, ret, write);
	return ret;
}

static void unwire(struct iomd_general *general)
{
	WRITE_ONCE(general->md.segments, NULL);
	WRITE_ONCE(general->md.prepared_read_only, false);
	general->source->unwire(general, iomd_wire_is_writable(&general->wire));
}

static int general_complete(struct iomd *md, u64 direction)
{
	struct iomd_general *general = iomd_to_general(md);
	int ret;

	if (is_physical(general))
		return 0;
	ret = iomd_wire_begin_unwire(&general->wire);
	if (ret <= 0)
		return ret;
	unwire(general);
	iomd_wire_end_unwire(&general->wire);
	return 0;
}

/* Can its segments be told, for what @options say? */
static bool is_readable(const struct iomd_general *general, u64 options)
{
	if ((options & IOMD_MEMORY_SEGMENT_LOCAL) &&
	    (general->md.flags & IOMD_MEMORY_REMOTE))
		return false;
	if (is_physical(general))
		return true;
	return iomd_wire_is_wired(&general->wire) &&
	       (!(options & IOMD_MEMORY_SEGMENT_WRITE) || iomd_wire_is_writable(&general->wire));
}

static phys_addr_t extent_segment(const struct iomd_general *general, u64 offset, u64 *length)
{
	const struct iomd_extent *extent = iomd_extents_find(&general->extents, offset);

	offset -= extent->start;
	*length = extent->length - offset;
	return extent->address + offset;
}

/* Of memory that is wired, and so this machine's. */
static inline phys_addr_t wired_segment(struct iomd_general *general, u64 offset, u64 *length)
{
	struct scatterlist *sg = iomd_segments_find(&general->segments, offset);
	u64 skip = offset - iomd_segment_start(sg);

	*length = sg->length - skip;
	return sg_phys(sg) + skip;
}

/* Of memory that is not wired, or not to be written, or the range that was described. */
static noinline phys_addr_t other_segment(struct iomd_general *general, u64 offset, u64 *length,
					  u64 options)
{
	if (options & IOMD_MEMORY_SEGMENT_SOURCE)
		return extent_segment(general, offset, length);
	if (!is_readable(general, options)) {
		*length = 0;
		return 0;
	}
	return is_physical(general) ? extent_segment(general, offset, length) :
				      wired_segment(general, offset, length);
}

static phys_addr_t general_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options)
{
	struct iomd_general *general = iomd_to_general(md);

	if (unlikely(!iomd_wire_is_wired(&general->wire) ||
		     (options & (IOMD_MEMORY_SEGMENT_SOURCE | IOMD_MEMORY_SEGMENT_WRITE))))
		return other_segment(general, offset, length, options);
	return wired_segment(general, offset, length);
}

static int general_set_in_use(struct iomd *md, bool begin)
{
	struct iomd_general *general = iomd_to_general(md);

	return is_physical(general) ? 0 : iomd_wire_set_in_use(&general->wire, begin);
}

static u64 general_get_preparation_id(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!is_physical(general))
		return iomd_wire_get_id(&general->wire);
	iomd_set_preparation_id(md);
	return READ_ONCE(md->preparation_id);
}

static u64 general_get_dma_map_length(struct iomd *md, u64 *offset)
{
	return iomd_extents_page_bytes(&iomd_to_general(md)->extents, offset);
}

static unsigned long general_get_kernel_address(struct iomd *md, u64 offset, u64 length)
{
	struct iomd_general *general = iomd_to_general(md);

	if ((general->source != &iomd_source_kernel && general->source != &iomd_source_wired) ||
	    general->extents.count != 1)
		return 0;
	return general->extents.single.address + offset;
}

static int general_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!general->source->set_purgeable)
		return -EOPNOTSUPP;
	return general->source->set_purgeable(general, new_state, old_state);
}

static int general_set_ownership(struct iomd *md, struct task_struct *new_owner,
				 int new_ledger_tag, u64 options)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!general->source->set_ownership)
		return -EAGAIN;
	return general->source->set_ownership(general, new_owner, new_ledger_tag, options);
}

/* A prepare of its own keeps the segments from going away under the count. */
static int count_wired_pages(struct iomd_general *general, u64 *resident, u64 *dirty)
{
	struct scatterlist *sg;
	unsigned int i, page;

	if (!iomd_wire_try_hold(&general->wire))
		return -EAGAIN;
	*resident = 0;
	*dirty = 0;
	for_each_sgtable_sg(&general->segments.table, sg, i) {
		unsigned int pages = iomd_segment_pages(sg);

		*resident += pages;
		for (page = 0; page < pages; page++)
			*dirty += PageDirty(pfn_to_page(page_to_pfn(sg_page(sg)) + page));
	}
	return general_complete(&general->md, IOMD_DIRECTION_NONE);
}

static int general_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	struct iomd_general *general = iomd_to_general(md);

	if (general->source->get_page_counts)
		return general->source->get_page_counts(general, resident, dirty);
	return is_physical(general) ? -EAGAIN : count_wired_pages(general, resident, dirty);
}

void iomd_general_detach(struct iomd_general *general)
{
	if (!general->source)
		return;
	if (iomd_wire_is_wired(&general->wire)) {
		unwire(general);
		iomd_wire_forget(&general->wire);
	}
	if (general->source->destroy)
		general->source->destroy(general);
	if (general->snapshot)
		iomd_release(general->snapshot);
	general->snapshot = NULL;
	iomd_extents_free(&general->extents);
	if (general->mapper)
		put_device(general->mapper);
	general->mapper = NULL;
	general->md.preparation_id = 0;
	general->source = NULL;
}

static void general_free(struct os_object *object)
{
	iomd_general_detach(iomd_to_general(iomd_from_object(object)));
}

static bool general_ends_anywhere(const struct os_object *object)
{
	const struct iomd_general *general = container_of(object, struct iomd_general, md.object);
	const struct iomd_source *source = general->source;

	if (!source)
		return true;
	return (!source->destroy || source->destroys_anywhere) &&
	       !iomd_wire_is_wired(&general->wire) && !general->mapper &&
	       !is_vmalloc_addr(general->extents.list);
}

const struct iomd_ops iomd_general_ops = {
	.init_with_options = iomd_general_init_with_options,
	.prepare = general_prepare,
	.complete = general_complete,
	.get_physical_segment = general_get_physical_segment,
	.set_in_use = general_set_in_use,
	.get_preparation_id = general_get_preparation_id,
	.get_dma_map_length = general_get_dma_map_length,
	.get_kernel_address = general_get_kernel_address,
	.set_purgeable = general_set_purgeable,
	.set_ownership = general_set_ownership,
	.get_page_counts = general_get_page_counts,
};

struct os_meta_class iomd_general_meta_class = {
	.name = "iomd_general",
	.size = sizeof(struct iomd_general),
	.zeroed = offsetof(struct iomd_general, extents),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = general_free,
	.ends_anywhere = general_ends_anywhere,
};
IOMD_EXPORT(iomd_general_meta_class);

void iomd_general_init(struct iomd_general *general, const struct iomd_source *source,
		       u64 length, u64 flags)
{
	iomd_init(&general->md, &iomd_general_ops, length, flags);
	iomd_wire_init(&general->wire);
	general->source = source;
}

int iomd_general_auto_prepare(struct iomd_general *general)
{
	int ret = iomd_prepare(&general->md, IOMD_DIRECTION_NONE);

	if (ret)
		return ret;
	general->wire.own = 1;
	general->md.flags |= IOMD_MEMORY_AUTO_PREPARE;
	return 0;
}
