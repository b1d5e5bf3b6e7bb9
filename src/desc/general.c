// SPDX-License-Identifier: GPL-2.0
/*
 * IOGeneralMemoryDescriptor: ranges of one address space, prepared as a whole.
 *
 * What kind of memory it is, its source knows (source/); how often it is
 * prepared, its wire (wire.c); this file puts the two together.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include <iomd/descriptor.h>

#include "../source/source.h"
#include "general.h"

#define CREATION_OPTIONS						\
	(IOMD_DIRECTION_MASK | IOMD_MEMORY_TYPE_MASK | IOMD_MEMORY_AS_REFERENCE | \
	 IOMD_MEMORY_MAPPER_NONE | IOMD_MEMORY_HOST_ONLY | IOMD_MEMORY_THREAD_SAFE)

static u64 effective_direction(const struct iomd_general *general, u64 direction)
{
	u64 asked = direction & IOMD_DIRECTION_MASK;

	if (!asked)
		asked = general->md.flags & IOMD_DIRECTION_MASK;
	return asked ?: IOMD_DIRECTION_OUT_IN;
}

static void set_flag(struct iomd *md, u64 flag, bool on)
{
	unsigned long irq;

	spin_lock_irqsave(&md->lock, irq);
	if (on)
		md->flags |= flag;
	else
		md->flags &= ~flag;
	spin_unlock_irqrestore(&md->lock, irq);
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

	if (!general->source->wire)
		return 0;
	direction |= effective_direction(general, direction);
	write = direction & IOMD_DIRECTION_IN;
	ret = iomd_wire_begin(&general->wire, write);
	if (ret <= 0)
		return ret;
	ret = wire(general, direction);
	if (!ret && !write)
		set_flag(md, IOMD_MEMORY_PREPARED_READ_ONLY, true);
	iomd_wire_end(&general->wire, ret, write);
	return ret;
}

static void unwire(struct iomd_general *general)
{
	if (!general->wire.writable)
		set_flag(&general->md, IOMD_MEMORY_PREPARED_READ_ONLY, false);
	general->source->unwire(general, general->wire.writable);
}

static int general_complete(struct iomd *md, u64 direction)
{
	struct iomd_general *general = iomd_to_general(md);
	int ret;

	if (!general->source->wire)
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
	return iomd_wire_is_wired(&general->wire) &&
	       (!(options & IOMD_MEMORY_SEGMENT_WRITE) || general->wire.writable);
}

static phys_addr_t extent_segment(const struct iomd_general *general, u64 offset, u64 *length)
{
	const struct iomd_extent *extent = iomd_extents_find(&general->extents, offset);

	offset -= extent->start;
	*length = extent->length - offset;
	return extent->address + offset;
}

static phys_addr_t general_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options)
{
	struct iomd_general *general = iomd_to_general(md);
	struct scatterlist *sg;
	u64 skip;

	if (!general->source->wire || (options & IOMD_MEMORY_SEGMENT_SOURCE))
		return extent_segment(general, offset, length);
	if (!is_readable(general, options)) {
		*length = 0;
		return 0;
	}
	sg = iomd_segments_find(&general->segments, offset, &skip);
	*length = sg->length - skip;
	return sg_phys(sg) + skip;
}

static bool general_seek(struct iomd *md, struct iomd_segment_iter *iter)
{
	struct iomd_general *general = iomd_to_general(md);
	u64 left = iter->end - iter->offset;
	struct scatterlist *sg;
	u64 skip;

	if (!general->source->wire || (iter->options & IOMD_MEMORY_SEGMENT_SOURCE) ||
	    !is_readable(general, iter->options))
		return false;
	sg = iomd_segments_find(&general->segments, iter->offset, &skip);
	iter->sg = sg;
	iter->address = sg_phys(sg) + skip;
	iter->length = min_t(u64, sg->length - skip, left);
	iter->window = left - iter->length;
	return true;
}

static int general_set_in_use(struct iomd *md, bool begin)
{
	struct iomd_general *general = iomd_to_general(md);

	return general->source->wire ? iomd_wire_set_in_use(&general->wire, begin) : 0;
}

static u64 general_get_preparation_id(struct iomd *md)
{
	struct iomd_general *general = iomd_to_general(md);

	if (general->source->wire)
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

	if (general->source != &iomd_source_kernel || general->extents.count != 1)
		return 0;
	return general->extents.single.address + offset;
}

/* Give back what the source, the ranges and the mapper hold; nothing is left over. */
static void detach(struct iomd_general *general)
{
	if (!general->source)
		return;
	if (general->wire.count) {
		unwire(general);
		general->wire.count = 0;
		general->wire.own = 0;
		iomd_wire_end_unwire(&general->wire);
	}
	if (general->source->destroy)
		general->source->destroy(general);
	iomd_extents_free(&general->extents);
	put_device(general->mapper);
	general->mapper = NULL;
	general->source = NULL;
}

static void general_free(struct os_object *object)
{
	detach(iomd_to_general(iomd_from_object(object)));
}

/* Remember the address space of @task, which need not live on. */
static int hold_address_space(struct iomd_general *general, struct task_struct *task)
{
	struct mm_struct *mm;

	if (task == current) {
		/* Also for a kernel thread that works in a user's address space. */
		if (!current->mm)
			return -EINVAL;
		mmgrab(current->mm);
		general->mm = current->mm;
	} else {
		if (task->flags & PF_KTHREAD)
			return -EINVAL;
		mm = get_task_mm(task);
		if (!mm)
			return -ESRCH;
		mmgrab(mm);
		general->mm = mm;
		mmput(mm);
	}
	general->task = get_task_struct(task);
	return 0;
}

/* Which source the type and the task of a new descriptor mean. */
static const struct iomd_source *choose_source(struct task_struct *task, u64 options)
{
	switch (options & IOMD_MEMORY_TYPE_MASK) {
	case IOMD_MEMORY_TYPE_VIRTUAL:
		if (!task)
			return ERR_PTR(-EINVAL);
		return task == IOMD_KERNEL_TASK ? &iomd_source_kernel : &iomd_source_user;
	case IOMD_MEMORY_TYPE_PHYSICAL:
		return task ? ERR_PTR(-EINVAL) : &iomd_source_physical;
	default:
		return ERR_PTR(-EINVAL);
	}
}

static int check_extents(const struct iomd_general *general)
{
	const struct iomd_extents *extents = &general->extents;
	u32 i;

	if (general->source->wire)
		return extents->pages > totalram_pages() ? -ENOMEM : 0;
	for (i = 0; i < extents->count; i++) {
		u64 last = extents->list[i].address + extents->list[i].length - 1;

		if (last != (phys_addr_t)last)
			return -EINVAL;
	}
	return 0;
}

/* May a living descriptor be given other memory? */
static bool in_use(struct iomd_general *general)
{
	return general->wire.users || !list_empty(&general->md.mappings);
}

static int general_init_with_options(struct iomd *md, void *buffers, u32 count, u32 offset,
				     struct task_struct *task, u64 options,
				     struct device *mapper)
{
	struct iomd_general *general = iomd_to_general(md);
	const struct iomd_source *source;
	int ret;

	if (options & ~CREATION_OPTIONS)
		return -EINVAL;
	source = choose_source(task, options);
	if (IS_ERR(source))
		return PTR_ERR(source);
	if (general->source && in_use(general))
		return -EBUSY;
	detach(general);
	ret = iomd_extents_init(&general->extents, buffers, count);
	if (ret)
		return ret;
	general->source = source;
	ret = check_extents(general);
	if (!ret && source == &iomd_source_user)
		ret = hold_address_space(general, task);
	if (ret)
		return ret;
	general->mapper = get_device(mapper);
	md->length = general->extents.length;
	md->flags = options;
	return 0;
}

static const struct iomd_ops general_ops = {
	.init_with_options = general_init_with_options,
	.prepare = general_prepare,
	.complete = general_complete,
	.get_physical_segment = general_get_physical_segment,
	.seek = general_seek,
	.set_in_use = general_set_in_use,
	.get_preparation_id = general_get_preparation_id,
	.get_dma_map_length = general_get_dma_map_length,
	.get_kernel_address = general_get_kernel_address,
};

struct os_meta_class iomd_general_meta_class = {
	.name = "iomd_general",
	.size = sizeof(struct iomd_general),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = general_free,
};
IOMD_EXPORT(iomd_general_meta_class);

/**
 * iomd_with_options() - describe memory, the general constructor
 * @buffers: array of struct iomd_address_range: virtual addresses of @task or
 *	physical ones, as the type in @options says; copied. Empty ranges are left
 *	out, others may overlap or repeat and count in full each.
 * @count: elements of @buffers
 * @offset: not used by these types
 * @task: whose addresses: current, another task, IOMD_KERNEL_TASK; NULL for
 *	physical addresses. It need not outlive the descriptor.
 * @options: IOMD_MEMORY_TYPE_VIRTUAL or _PHYSICAL, a direction, and any of
 *	IOMD_MEMORY_AS_REFERENCE, _MAPPER_NONE, _HOST_ONLY, _THREAD_SAFE
 * @mapper: device that the memory is for, or NULL; held
 *
 * Nothing is looked up or pinned yet. IOKit: IOMemoryDescriptor::withOptions.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR:
 * -EINVAL if there is no range, anything wraps, the type or an option is not one
 * of these, type and task don't go together, or the task is a kernel thread
 * without user memory; -ENOMEM, also for more virtual memory than the machine
 * has; -ESRCH if the task's address space is gone.
 * Context: may sleep.
 */
struct iomd *iomd_with_options(void *buffers, u32 count, u32 offset,
			       struct task_struct *task, u64 options,
			       struct device *mapper)
{
	struct iomd_general *general = os_object_alloc(&iomd_general_meta_class);
	int ret;

	if (!general)
		return ERR_PTR(-ENOMEM);
	iomd_init(&general->md, &general_ops, 0, 0);
	iomd_wire_init(&general->wire);
	ret = iomd_init_with_options(&general->md, buffers, count, offset, task, options, mapper);
	if (ret) {
		iomd_release(&general->md);
		return ERR_PTR(ret);
	}
	return &general->md;
}
IOMD_EXPORT(iomd_with_options);

/**
 * iomd_with_address_ranges() - describe several ranges of one address space
 * @ranges: see iomd_with_options()
 * @count: how many ranges
 * @options: see iomd_with_options(), without a type
 * @task: whose addresses; NULL: they are physical
 *
 * IOKit: IOMemoryDescriptor::withAddressRanges.
 *
 * Return: see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_with_address_ranges(struct iomd_address_range *ranges, u32 count,
				      u64 options, struct task_struct *task)
{
	if (options & IOMD_MEMORY_TYPE_MASK)
		return ERR_PTR(-EINVAL);
	options |= task ? IOMD_MEMORY_TYPE_VIRTUAL : IOMD_MEMORY_TYPE_PHYSICAL;
	return iomd_with_options(ranges, count, 0, task, options, NULL);
}
IOMD_EXPORT(iomd_with_address_ranges);

/**
 * iomd_with_address_range() - describe one range of an address space
 * @address: of the first byte
 * @length: bytes
 * @options: see iomd_with_address_ranges()
 * @task: whose address; NULL: it is physical
 *
 * IOKit: IOMemoryDescriptor::withAddressRange.
 *
 * Return: see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_with_address_range(u64 address, u64 length, u64 options,
				     struct task_struct *task)
{
	struct iomd_address_range range = { address, length };

	return iomd_with_address_ranges(&range, 1, options, task);
}
IOMD_EXPORT(iomd_with_address_range);

/**
 * iomd_with_physical_address() - describe one range of physical memory
 * @address: of the first byte: RAM, or a device's registers
 * @length: bytes
 * @direction: one of IOMD_DIRECTION_
 *
 * It needs no prepare. IOKit: IOMemoryDescriptor::withPhysicalAddress.
 *
 * Return: see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_with_physical_address(phys_addr_t address, u64 length, u64 direction)
{
	return iomd_with_address_range(address, length, direction, NULL);
}
IOMD_EXPORT(iomd_with_physical_address);

/**
 * iomd_with_address() - describe kernel memory, ready for use
 * @address: of the first byte: in the linear map, a vmalloc or vmap area, or a
 *	module. The memory stays the caller's, who keeps it for the life of the
 *	descriptor.
 * @length: bytes
 * @direction: one of IOMD_DIRECTION_
 *
 * It is prepared, until it ends; further prepares and completes are counted as
 * ever. IOKit: IOMemoryDescriptor::withAddress.
 *
 * Return: see iomd_with_options(); besides -EFAULT if the kernel has no memory of
 * its own there, as at a user address.
 * Context: may sleep.
 */
struct iomd *iomd_with_address(void *address, u64 length, u64 direction)
{
	struct iomd *md = iomd_with_address_range((unsigned long)address, length, direction,
						  IOMD_KERNEL_TASK);
	int ret;

	if (IS_ERR(md))
		return md;
	ret = iomd_prepare(md, IOMD_DIRECTION_NONE);
	if (ret) {
		iomd_release(md);
		return ERR_PTR(ret);
	}
	iomd_to_general(md)->wire.own = 1;
	md->flags |= IOMD_MEMORY_AUTO_PREPARE;
	return md;
}
IOMD_EXPORT(iomd_with_address);
