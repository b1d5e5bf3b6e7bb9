// SPDX-License-Identifier: GPL-2.0
/*
 * IOMemoryMap: a view of a descriptor. It holds the descriptor, and keeps its
 * memory prepared for as long as it is mapped, whoever else completes.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task.h>

#include <iomd/descriptor.h>
#include <iomd/mapping.h>

#include "../debug/counters.h"
#include "../desc/descriptor.h"
#include "../mm/account.h"
#include "mapping.h"
#include "task.h"
#include "view.h"

static bool take_down(struct iomd_mapping *mapping)
{
	bool ended;

	mutex_lock(&mapping->lock);
	ended = mapping->placed;
	if (ended) {
		WRITE_ONCE(mapping->address, 0);
		mapping->placed = false;
		if (mapping->own_place)
			iomd_do_unmap(mapping->maker ?: mapping->md, mapping);
		iomd_count(IOMD_MAPPINGS_ENDED, 1);
	}
	mutex_unlock(&mapping->lock);
	/* Not locked: that may end another mapping, of memory that somebody exported to us. */
	if (ended)
		iomd_mapping_complete(mapping);
	return ended;
}

static void mapping_free(struct os_object *object)
{
	struct iomd_mapping *mapping = container_of(object, struct iomd_mapping, object);
	struct iomd_view *view = mapping->view;

	if (mapping->md) {
		if (take_down(mapping) && view && mapping->given_up)
			iomd_task_give_back_later(view);
		/* Whatever the class did, nobody looks at the mapping from now on. */
		if (view)
			iomd_view_revoke(view);
		/* Not before it shows nothing any more: who redirects has to find it. */
		iomd_remove_mapping(mapping->md, mapping);
		iomd_view_put(view);
		iomd_mapping_release(mapping->super);
		iomd_release(mapping->memory);
		iomd_release(mapping->maker);
		iomd_release(mapping->md);
	}
	iomd_account_drop(mapping->mm, mapping->task);
	if (mapping->lender)
		fput(mapping->lender);
}

struct os_meta_class iomd_mapping_meta_class = {
	.name = "iomd_mapping",
	.size = sizeof(struct iomd_mapping),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = mapping_free,
};
IOMD_EXPORT(iomd_mapping_meta_class);

/**
 * iomd_mapping_retain() - take a reference
 * @mapping: mapping, or NULL
 *
 * Return: @mapping.
 * Context: any, hard IRQ included.
 */
struct iomd_mapping *iomd_mapping_retain(struct iomd_mapping *mapping)
{
	if (mapping)
		os_object_retain(&mapping->object);
	return mapping;
}
IOMD_EXPORT(iomd_mapping_retain);

/**
 * iomd_mapping_release() - give a reference back
 * @mapping: mapping, or NULL
 *
 * The last one unmaps: a user task that touches it from then on gets SIGBUS, unless
 * the task is to keep it (IOMD_MAP_KEPT_BY_TASK). IOKit: IOMemoryMap::free.
 *
 * Context: any, hard IRQ included; see os_object_release().
 */
void iomd_mapping_release(struct iomd_mapping *mapping)
{
	if (!mapping)
		return;
	if (mapping->view)
		WRITE_ONCE(mapping->given_up, iomd_task_is_asking(mapping));
	os_object_release(&mapping->object);
}
IOMD_EXPORT(iomd_mapping_release);

/**
 * iomd_mapping_unmap() - take a mapping down for all who hold it
 * @mapping: mapping
 *
 * If the task itself calls this, it has its addresses back, unless it has moved or
 * unmapped some of them, or others are at its address space right now; then it has them
 * back when it is given its next mapping. Else they stay a VMA that gives SIGBUS, until
 * the task unmaps it. Each counts as one of the 65,530 (vm.max_map_count) that a task may
 * have. IOKit: IOMemoryMap::unmap.
 *
 * Return: 0, also if it was down already, or its address is not its own.
 * Context: may sleep; takes mmap_lock, if the mapping's task calls.
 */
int iomd_mapping_unmap(struct iomd_mapping *mapping)
{
	if (take_down(mapping) && mapping->view && iomd_task_is_asking(mapping))
		iomd_task_give_back(mapping->view);
	return 0;
}
IOMD_EXPORT(iomd_mapping_unmap);

/**
 * iomd_mapping_set_address() - where a class has put a mapping
 * @mapping: that the class's do_map was called for, and is under way
 * @address: where its first byte is seen
 *
 * For classes that map their own way.
 *
 * Context: may sleep; in a class's do_map only.
 */
void iomd_mapping_set_address(struct iomd_mapping *mapping, unsigned long address)
{
	mapping->in_page = offset_in_page(address);
	iomd_mapping_place(mapping, address, true);
}
IOMD_EXPORT(iomd_mapping_set_address);

/**
 * iomd_mapping_get_virtual_address() - where the first byte is seen
 * @mapping: mapping
 *
 * A task that moves what it has of the mapping keeps that to itself. IOKit:
 * IOMemoryMap::getVirtualAddress.
 *
 * Return: the address; an __iomem one for device memory; 0 after unmap.
 * Context: any.
 */
unsigned long iomd_mapping_get_virtual_address(struct iomd_mapping *mapping)
{
	/* What is part of another mapping went with it. */
	if (mapping->super && !READ_ONCE(mapping->super->address))
		return 0;
	return READ_ONCE(mapping->address);
}
IOMD_EXPORT(iomd_mapping_get_virtual_address);

/**
 * iomd_mapping_get_address() - the same as iomd_mapping_get_virtual_address()
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getAddress.
 *
 * Return: the address; 0 after unmap.
 * Context: any.
 */
unsigned long iomd_mapping_get_address(struct iomd_mapping *mapping)
{
	return iomd_mapping_get_virtual_address(mapping);
}
IOMD_EXPORT(iomd_mapping_get_address);

/**
 * iomd_mapping_get_length() - how much is mapped
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getLength.
 *
 * Return: bytes asked for, not rounded; unmapping does not change it.
 * Context: any.
 */
u64 iomd_mapping_get_length(const struct iomd_mapping *mapping)
{
	return mapping->length;
}
IOMD_EXPORT(iomd_mapping_get_length);

/**
 * iomd_mapping_get_size() - the same as iomd_mapping_get_length()
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getSize.
 *
 * Return: bytes.
 * Context: any.
 */
u64 iomd_mapping_get_size(const struct iomd_mapping *mapping)
{
	return iomd_mapping_get_length(mapping);
}
IOMD_EXPORT(iomd_mapping_get_size);

/**
 * iomd_mapping_get_map_options() - how it is mapped
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getMapOptions.
 *
 * Return: the options it was made with, and IOMD_MAP_STATIC if the address is not
 * the mapping's own; the cache mode of device memory also if none was asked for.
 * Context: any.
 */
u64 iomd_mapping_get_map_options(const struct iomd_mapping *mapping)
{
	return mapping->options | mapping->cache_mode;
}
IOMD_EXPORT(iomd_mapping_get_map_options);

/**
 * iomd_mapping_get_memory_descriptor() - what is mapped
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getMemoryDescriptor.
 *
 * Return: the descriptor; no reference is taken.
 * Context: any.
 */
struct iomd *iomd_mapping_get_memory_descriptor(struct iomd_mapping *mapping)
{
	return mapping->md;
}
IOMD_EXPORT(iomd_mapping_get_memory_descriptor);

/**
 * iomd_mapping_get_offset() - where in the descriptor the mapping begins
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap's fOffset, DriverKit's GetOffset.
 *
 * Return: bytes from the start of iomd_mapping_get_memory_descriptor().
 * Context: any.
 */
u64 iomd_mapping_get_offset(const struct iomd_mapping *mapping)
{
	return mapping->offset;
}
IOMD_EXPORT(iomd_mapping_get_offset);

/**
 * iomd_mapping_get_address_task() - whose addresses they are
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getAddressTask.
 *
 * Return: the task it was made for, held by the mapping; NULL after
 * iomd_mapping_task_died().
 * Context: any.
 */
struct task_struct *iomd_mapping_get_address_task(struct iomd_mapping *mapping)
{
	return READ_ONCE(mapping->task);
}
IOMD_EXPORT(iomd_mapping_get_address_task);

/**
 * iomd_mapping_get_physical_segment() - segment of what is mapped
 * @mapping: mapping
 * @offset: in the mapping
 * @length: set to the bytes that are contiguous from there, 0 if there are none,
 *	bounded by the mapping; may be NULL
 * @options: see iomd_get_physical_segment()
 *
 * Not while somebody redirects the mapping. IOKit: IOMemoryMap::getPhysicalSegment.
 *
 * Return: see iomd_get_physical_segment().
 * Context: any, hard IRQ included.
 */
phys_addr_t iomd_mapping_get_physical_segment(struct iomd_mapping *mapping, u64 offset,
					      u64 *length, u64 options)
{
	phys_addr_t address;
	u64 unused;

	if (!length)
		length = &unused;
	*length = 0;
	if (offset >= mapping->length)
		return 0;
	address = iomd_get_physical_segment(mapping->memory, mapping->offset + offset, length,
					    options);
	*length = min(*length, mapping->length - offset);
	return address;
}
IOMD_EXPORT(iomd_mapping_get_physical_segment);

/**
 * iomd_mapping_get_physical_address() - physical address of the first byte
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getPhysicalAddress.
 *
 * Return: the address, or 0 if there is none.
 * Context: any, hard IRQ included.
 */
phys_addr_t iomd_mapping_get_physical_address(struct iomd_mapping *mapping)
{
	return iomd_mapping_get_physical_segment(mapping, 0, NULL, 0);
}
IOMD_EXPORT(iomd_mapping_get_physical_address);

/**
 * iomd_mapping_wire_range() - prepare, or complete, what is mapped
 * @mapping: mapping
 * @options: a direction: prepare for it; IOMD_DIRECTION_NONE: complete
 * @offset: in the mapping
 * @length: bytes
 *
 * The memory is prepared as a whole, as its descriptor is; nothing is undone when
 * the mapping ends. IOKit: IOMemoryMap::wireRange.
 *
 * Return: -EINVAL if the range does not lie inside, or for other options; else as
 * iomd_prepare() or iomd_complete().
 * Context: may sleep.
 */
int iomd_mapping_wire_range(struct iomd_mapping *mapping, u64 options, u64 offset, u64 length)
{
	struct iomd *memory;
	int ret;

	if (options & ~IOMD_DIRECTION_MASK || offset > mapping->length ||
	    length > mapping->length - offset)
		return -EINVAL;
	mutex_lock(&mapping->lock);
	memory = iomd_retain(mapping->memory);
	mutex_unlock(&mapping->lock);
	ret = options ? iomd_prepare(memory, options) :
			iomd_complete(memory, IOMD_DIRECTION_NONE);
	iomd_release(memory);
	return ret;
}
IOMD_EXPORT(iomd_mapping_wire_range);

/**
 * iomd_mapping_task_died() - forget the task of a mapping
 * @mapping: mapping
 *
 * For drivers that learn that their client has gone. It is unmapped as well. A task's
 * end takes its mappings down by itself. IOKit: IOMemoryMap::taskDied, which unmaps only
 * if user space had asked for that before.
 *
 * Context: may sleep.
 */
void iomd_mapping_task_died(struct iomd_mapping *mapping)
{
	struct task_struct *task;

	iomd_mapping_unmap(mapping);
	mutex_lock(&mapping->lock);
	task = mapping->task;
	WRITE_ONCE(mapping->task, NULL);
	mutex_unlock(&mapping->lock);
	if (task)
		put_task_struct(task);
}
IOMD_EXPORT(iomd_mapping_task_died);
