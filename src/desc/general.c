// SPDX-License-Identifier: GPL-2.0
/*
 * IOGeneralMemoryDescriptor: ranges of one address space, prepared as a whole.
 *
 * What kind of memory it is, its source knows (source/); how often it is
 * prepared, its prepare count (prepares.c); this file puts the two together.
 */
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../debug/knobs.h"
#include "../mm/owner.h"
#include "../object/object.h"
#include "../source/source.h"
#include "descriptor.h"
#include "general.h"
#include "list.h"

static bool is_physical(const struct iomd_general *general)
{
	return !general->backing.source->prepare;
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
	u64 end = READ_ONCE(iomd_knob_low_end) ?: BIT_ULL(32);
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&segments->table, sg, i) {
		if ((u64)sg_phys(sg) + sg->length > end)
			return false;
		if (!(i % 4096))
			cond_resched();
	}
	return true;
}

static int prepare_source(struct iomd_general *general, u64 direction)
{
	int ret = general->backing.source->prepare(&general->backing, direction);

	if (ret)
		return ret;
	if ((direction & IOMD_DIRECTION_PREPARE_TO_PHYS32) &&
	    !below_4g(&general->backing.segments)) {
		general->backing.source->complete(&general->backing, false);
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
	ret = iomd_prepares_begin(&general->prepares, write);
	if (ret <= 0)
		return ret;
	ret = prepare_source(general, direction);
	if (!ret) {
		WRITE_ONCE(md->prepared_read_only, !write);
		iomd_publish(md, general->backing.segments.index);
	}
	iomd_prepares_end_first(&general->prepares, ret, write);
	return ret;
}

static void complete_source(struct iomd_general *general)
{
	struct iomd_backing *backing = &general->backing;

	iomd_unpublish(&general->md);
	WRITE_ONCE(general->md.prepared_read_only, false);
	backing->source->complete(backing, iomd_prepares_is_writable(&general->prepares));
}

/* What the prepare count said: 1 for the last one. */
static int general_end_complete(struct iomd_general *general, int ret)
{
	if (ret <= 0)
		return ret;
	complete_source(general);
	iomd_prepares_end_last(&general->prepares);
	return 0;
}

static int general_complete(struct iomd *md, u64 direction)
{
	struct iomd_general *general = iomd_to_general(md);

	if (is_physical(general))
		return 0;
	return general_end_complete(general, iomd_prepares_begin_last(&general->prepares));
}

static void general_hand_over(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!is_physical(general))
		general_end_complete(general, iomd_prepares_hand_over(&general->prepares));
}

static int general_reserve_complete(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	return is_physical(general) ? 0 : iomd_prepares_reserve_complete(&general->prepares);
}

static int general_complete_reserved(struct iomd *md, u64 direction)
{
	struct iomd_general *general = iomd_to_general(md);

	if (is_physical(general))
		return 0;
	return general_end_complete(general, iomd_prepares_complete_reserved(&general->prepares));
}

static void general_cancel_complete(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!is_physical(general))
		iomd_prepares_cancel_complete(&general->prepares);
}

static phys_addr_t extent_segment(const struct iomd_general *general, u64 offset, u64 *length)
{
	const struct iomd_extent *extent = iomd_extents_find(&general->backing.extents, offset);

	offset -= extent->start;
	*length = extent->length - offset;
	return extent->address + offset;
}

/* Of memory that is prepared, perhaps, and so this machine's. */
static phys_addr_t listed_segment(struct iomd *md, u64 offset, u64 *length, bool write)
{
	struct iomd_segment_index *index;
	struct iomd_segment_entry entry;
	u32 generation;
	u64 skip;
	bool same;

	do {
		preempt_disable();
		index = iomd_look(md, &generation);
		if (!index || (write && READ_ONCE(md->prepared_read_only))) {
			preempt_enable();
			*length = 0;
			return 0;
		}
		entry = iomd_segments_read(iomd_segments_find(index, offset));
		same = iomd_is_same(md, generation);
		preempt_enable();
	} while (unlikely(!same));
	skip = offset - entry.start;
	*length = entry.length - skip;
	return iomd_segment_entry_address(&entry) + skip;
}

static phys_addr_t general_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options)
{
	struct iomd_general *general = iomd_to_general(md);

	if (unlikely(options & IOMD_MEMORY_SEGMENT_SOURCE))
		return extent_segment(general, offset, length);
	if (!is_physical(general))
		return listed_segment(md, offset, length, options & IOMD_MEMORY_SEGMENT_WRITE);
	if ((options & IOMD_MEMORY_SEGMENT_LOCAL) && (md->flags & IOMD_MEMORY_REMOTE)) {
		*length = 0;
		return 0;
	}
	return extent_segment(general, offset, length);
}

/* The last use has ended, of memory whose preparation was handed over to the users. */
static void general_run_errand(struct os_object *object)
{
	struct iomd_general *general = iomd_to_general(iomd_from_object(object));

	iomd_prepares_drain(&general->prepares);
	general_end_complete(general, 1);
}

static int general_set_in_use(struct iomd *md, bool begin)
{
	struct iomd_general *general = iomd_to_general(md);
	int ret;

	/* Physical memory is always prepared, but may not be exchanged meanwhile. */
	ret = is_physical(general) ? iomd_prepares_count_user(&general->prepares, begin) :
				     iomd_prepares_set_in_use(&general->prepares, begin);
	if (likely(ret <= 0))
		return ret;
	os_object_send_errand(&md->object);
	return 0;
}

static u64 general_get_preparation_id(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!is_physical(general))
		return iomd_prepares_get_id(&general->prepares);
	iomd_set_preparation_id(md);
	return READ_ONCE(md->preparation_id);
}

static u64 general_get_dma_map_length(struct iomd *md, u64 *offset)
{
	return iomd_extents_page_bytes(&iomd_to_general(md)->backing.extents, offset);
}

static unsigned long general_get_kernel_address(struct iomd *md, u64 offset, u64 length)
{
	struct iomd_backing *backing = &iomd_to_general(md)->backing;

	if ((backing->source != &iomd_source_kernel &&
	     backing->source != &iomd_source_buffer_pages) || backing->extents.count != 1)
		return 0;
	return backing->extents.list->address + offset;
}

/* A list is of memory only, and decided what it is of. */
static bool general_is_ram(struct iomd *md, u64 offset)
{
	struct iomd_general *general = iomd_to_general(md);

	return !is_physical(general) || iomd_extents_find(&general->backing.extents, offset)->ram;
}

static int general_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!general->backing.source->set_purgeable)
		return -EOPNOTSUPP;
	return general->backing.source->set_purgeable(&general->backing, new_state, old_state);
}

static int general_set_ownership(struct iomd *md, struct task_struct *new_owner,
				 int new_ledger_tag, u64 options)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!general->backing.source->owner_of)
		return -EAGAIN;
	return iomd_owner_change(general->backing.source->owner_of(&general->backing), new_owner,
				 new_ledger_tag, options, NULL);
}

/* A part's owner has changed. */
struct iomd_ownership_step {
	struct iomd_ownership_step *before;
	struct iomd_owner *owner;
	struct iomd_former_owner former;
};

void iomd_finish_ownership(struct iomd_ownership *change, int result)
{
	struct iomd_ownership_step *step;

	while ((step = change->done)) {
		change->done = step->before;
		if (result)
			iomd_owner_restore(step->owner, &step->former);
		iomd_former_owner_destroy(&step->former);
		kfree(step);
	}
}

static int general_change_ownership(struct iomd *md, struct iomd_ownership *change)
{
	struct iomd_general *general = iomd_to_general(md);
	struct iomd_ownership_step *step;
	int ret;

	if (!general->backing.source->owner_of)
		return -EAGAIN;
	step = iomd_should_fail() ? NULL : kzalloc(sizeof(*step), GFP_KERNEL);
	if (!step)
		return -ENOMEM;
	step->owner = general->backing.source->owner_of(&general->backing);
	ret = iomd_owner_change(step->owner, change->new_owner, change->new_ledger_tag,
				change->options, &step->former);
	if (ret) {
		iomd_former_owner_destroy(&step->former);
		kfree(step);
		return ret;
	}
	step->before = change->done;
	change->done = step;
	return 0;
}

static int general_hold(struct iomd *md, u64 offset, u64 length)
{
	struct iomd_general *general = iomd_to_general(md);

	return is_physical(general) ? 0 : iomd_prepares_hold(&general->prepares);
}

static void general_drop(struct iomd *md, u64 offset, u64 length)
{
	struct iomd_general *general = iomd_to_general(md);

	if (!is_physical(general))
		iomd_prepares_drop(&general->prepares);
}

/* Pages that are looked at between two places to reschedule at. */
#define AT_A_TIME	512

static int count_prepared_pages(struct iomd_general *general, u64 *resident, u64 *dirty)
{
	unsigned int i, page, looked = 0;
	struct scatterlist *sg;
	int ret;

	ret = iomd_prepares_hold(&general->prepares);
	if (ret)
		return -EAGAIN;
	*resident = 0;
	*dirty = 0;
	for_each_sgtable_sg(&general->backing.segments.table, sg, i) {
		unsigned int pages = iomd_segment_pages(sg);

		*resident += pages;
		for (page = 0; page < pages; page++) {
			*dirty += PageDirty(pfn_to_page(page_to_pfn(sg_page(sg)) + page));
			if (!(++looked % AT_A_TIME))
				cond_resched();
		}
	}
	iomd_prepares_drop(&general->prepares);
	return 0;
}

static int general_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	struct iomd_general *general = iomd_to_general(md);

	if (general->backing.source->get_page_counts)
		return general->backing.source->get_page_counts(&general->backing, resident, dirty);
	return is_physical(general) ? -EAGAIN : count_prepared_pages(general, resident, dirty);
}

void iomd_general_detach(struct iomd_general *general)
{
	if (!general->backing.source)
		return;
	if (iomd_prepares_is_prepared(&general->prepares)) {
		complete_source(general);
		iomd_prepares_forget(&general->prepares);
	}
	if (general->backing.source->destroy)
		general->backing.source->destroy(&general->backing);
	if (general->snapshot)
		iomd_release(general->snapshot);
	general->snapshot = NULL;
	iomd_extents_free(&general->backing.extents);
	if (general->mapper)
		put_device(general->mapper);
	general->mapper = NULL;
	general->md.preparation_id = 0;
	general->backing.source = NULL;
}

static void general_free(struct os_object *object)
{
	iomd_general_detach(iomd_to_general(iomd_from_object(object)));
}

static bool general_ends_anywhere(const struct os_object *object)
{
	const struct iomd_general *general = container_of(object, struct iomd_general, md.object);
	const struct iomd_source *source = general->backing.source;

	if (!source)
		return true;
	return (!source->destroy || source->destroys_anywhere) &&
	       !iomd_prepares_is_prepared(&general->prepares) && !general->mapper &&
	       !is_vmalloc_addr(general->backing.extents.list);
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
	.change_ownership = general_change_ownership,
	.get_page_counts = general_get_page_counts,
	.is_ram = general_is_ram,
	.hold = general_hold,
	.drop = general_drop,
	.reserve_complete = general_reserve_complete,
	.complete_reserved = general_complete_reserved,
	.cancel_complete = general_cancel_complete,
	.hand_over = general_hand_over,
};

struct os_meta_class iomd_general_meta_class = {
	.name = "iomd_general",
	.size = sizeof(struct iomd_general),
	.zeroed = offsetof(struct iomd_general, backing.extents),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = general_free,
	.ends_anywhere = general_ends_anywhere,
	.run_errand = general_run_errand,
};
IOMD_EXPORT(iomd_general_meta_class);

void iomd_general_init(struct iomd_general *general, const struct iomd_source *source,
		       u64 length, u64 flags)
{
	iomd_init(&general->md, &iomd_general_ops, length, flags);
	iomd_prepares_init(&general->prepares);
	general->backing.source = source;
}

int iomd_general_auto_prepare(struct iomd_general *general)
{
	int ret = iomd_prepare(&general->md, IOMD_DIRECTION_NONE);

	if (ret)
		return ret;
	general->prepares.own = 1;
	general->md.flags |= IOMD_MEMORY_AUTO_PREPARE;
	return 0;
}
