// SPDX-License-Identifier: GPL-2.0
/*
 * IOMemoryMap: a view of a descriptor. It holds the descriptor, and keeps its
 * memory prepared for as long as it is mapped, whoever else completes.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <iomd/descriptor.h>
#include <iomd/mapping.h>

#include "../debug/counters.h"
#include "../desc/descriptor.h"
#include "mapping.h"

#define KERNEL_MAP_OPTIONS	(IOMD_MAP_ANYWHERE | IOMD_MAP_READ_ONLY | IOMD_MAP_UNIQUE | \
				 IOMD_MAP_CACHE_MASK)

/* Prepare the memory, and keep others' completes from ending that. */
static int wire(struct iomd_mapping *mapping)
{
	bool read_only = mapping->options & IOMD_MAP_READ_ONLY;
	int ret;

	ret = iomd_prepare(mapping->md, read_only ? IOMD_DIRECTION_OUT : IOMD_DIRECTION_OUT_IN);
	if (ret)
		return ret;
	ret = iomd_set_in_use(mapping->md, true);
	if (ret) {
		iomd_complete(mapping->md, IOMD_DIRECTION_NONE);
		return ret;
	}
	mapping->wired = true;
	return 0;
}

static void unwire(struct iomd_mapping *mapping)
{
	if (!mapping->wired)
		return;
	mapping->wired = false;
	iomd_set_in_use(mapping->md, false);
	iomd_complete(mapping->md, IOMD_DIRECTION_NONE);
}

static void mapping_free(struct os_object *object)
{
	struct iomd_mapping *mapping = container_of(object, struct iomd_mapping, object);

	if (!mapping->md)
		return;
	iomd_mapping_unmap(mapping);
	iomd_release(mapping->md);
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
 * iomd_map() - map a whole descriptor into the kernel
 * @md: descriptor; the mapping prepares it for itself
 * @options: IOMD_MAP_READ_ONLY, IOMD_MAP_UNIQUE: an address of its own, a cache
 *	mode; IOMD_MAP_ANYWHERE is understood
 *
 * Kernel memory is mapped already: the mapping then tells that address. Device
 * memory is uncached unless a cache mode says otherwise, and is accessed as
 * __iomem. IOKit: IOMemoryDescriptor::map.
 *
 * Return: a mapping with one reference, the caller's, or ERR_PTR: -EINVAL for
 * unknown options, an empty descriptor or pieces that don't meet at page borders;
 * -EACCES if the memory is prepared for OUT only and IOMD_MAP_READ_ONLY is not
 * given; -ENXIO for another machine's memory; -EOPNOTSUPP for a cache mode that the memory can't have; -ENOMEM; else
 * as iomd_prepare().
 * Context: may sleep.
 */
struct iomd_mapping *iomd_map(struct iomd *md, u64 options)
{
	struct iomd_mapping *mapping;
	int ret;

	if (iomd_get_flags(md) & IOMD_MEMORY_REMOTE)
		return ERR_PTR(-ENXIO);
	if (options & ~KERNEL_MAP_OPTIONS || !iomd_get_length(md))
		return ERR_PTR(-EINVAL);
	mapping = os_object_alloc(&iomd_mapping_meta_class);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mutex_init(&mapping->lock);
	mapping->md = iomd_retain(md);
	mapping->options = options | IOMD_MAP_ANYWHERE;
	mapping->length = iomd_get_length(md);
	ret = wire(mapping);
	if (!ret)
		ret = iomd_mapping_map_kernel(mapping);
	if (ret) {
		unwire(mapping);
		iomd_mapping_release(mapping);
		return ERR_PTR(ret);
	}
	iomd_count(IOMD_MAPPINGS_MADE, 1);
	return mapping;
}
IOMD_EXPORT(iomd_map);

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
 * The last one unmaps. IOKit: IOMemoryMap::free.
 *
 * Context: any, hard IRQ included; see os_object_release().
 */
void iomd_mapping_release(struct iomd_mapping *mapping)
{
	if (mapping)
		os_object_release(&mapping->object);
}
IOMD_EXPORT(iomd_mapping_release);

/**
 * iomd_mapping_unmap() - take a mapping down for all who hold it
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::unmap.
 *
 * Return: 0, also if it was down already.
 * Context: may sleep.
 */
int iomd_mapping_unmap(struct iomd_mapping *mapping)
{
	bool mapped;

	mutex_lock(&mapping->lock);
	mapped = mapping->address;
	WRITE_ONCE(mapping->address, 0);
	iomd_mapping_unmap_kernel(mapping);
	unwire(mapping);
	mutex_unlock(&mapping->lock);
	if (mapped)
		iomd_count(IOMD_MAPPINGS_ENDED, 1);
	return 0;
}
IOMD_EXPORT(iomd_mapping_unmap);

/**
 * iomd_mapping_get_virtual_address() - where the first byte is seen
 * @mapping: mapping
 *
 * IOKit: IOMemoryMap::getVirtualAddress.
 *
 * Return: the address; an __iomem one for device memory; 0 after unmap.
 * Context: any.
 */
unsigned long iomd_mapping_get_virtual_address(struct iomd_mapping *mapping)
{
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
 * the mapping's own.
 * Context: any.
 */
u64 iomd_mapping_get_map_options(const struct iomd_mapping *mapping)
{
	return mapping->options;
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
