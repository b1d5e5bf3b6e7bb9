// SPDX-License-Identifier: GPL-2.0
/*
 * IODeviceMemory: one physical range that belongs to a device. A class of its own,
 * so that it can be told from others, that does nothing its own way.
 */
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/module.h>

#include <iomd/descriptor.h>
#include <iomd/device_memory.h>

#include "general.h"

struct os_meta_class iomd_device_memory_meta_class = {
	.name = "iomd_device_memory",
	.size = sizeof(struct iomd_general),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
};
IOMD_EXPORT(iomd_device_memory_meta_class);

/**
 * iomd_device_memory_with_range() - describe registers or memory of a device
 * @start: physical address
 * @length: bytes
 *
 * It has no direction and needs no prepare. IOKit: IODeviceMemory::withRange.
 *
 * Return: see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_device_memory_with_range(phys_addr_t start, u64 length)
{
	struct iomd_general *general = os_object_alloc(&iomd_device_memory_meta_class);
	struct iomd_address_range range = { start, length };
	int ret;

	if (!general)
		return ERR_PTR(-ENOMEM);
	iomd_general_init(general, NULL, 0, 0);
	ret = iomd_init_with_options(&general->md, &range, 1, 0, NULL,
				     IOMD_MEMORY_TYPE_PHYSICAL | IOMD_MEMORY_MAPPER_NONE, NULL);
	if (ret) {
		iomd_release(&general->md);
		return ERR_PTR(ret);
	}
	return &general->md;
}
IOMD_EXPORT(iomd_device_memory_with_range);

/**
 * iomd_device_memory_with_resource() - describe a resource, as a PCI BAR
 * @resource: memory resource
 *
 * Return: -EINVAL if it is not memory, or empty; else see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_device_memory_with_resource(const struct resource *resource)
{
	if (!resource || resource_type(resource) != IORESOURCE_MEM || !resource_size(resource))
		return ERR_PTR(-EINVAL);
	return iomd_device_memory_with_range(resource->start, resource_size(resource));
}
IOMD_EXPORT(iomd_device_memory_with_resource);

/**
 * iomd_device_memory_array_from_list() - describe all ranges of a device
 * @list: the ranges, and the tag of each; it need not live on
 * @count: how many
 * @array: room for @count descriptors, the caller's, as is one reference to each
 *
 * IOKit: IODeviceMemory::arrayFromList.
 *
 * Return: 0 with @array filled in the order of @list; or, with no descriptor made:
 * -EINVAL if one of the two is NULL; else what was wrong with the first range that
 * could not be described, see iomd_device_memory_with_range().
 * Context: may sleep.
 */
int iomd_device_memory_array_from_list(const struct iomd_device_memory_init_element *list,
				       u32 count, struct iomd **array)
{
	int ret;
	u32 i;

	if (!list || !array)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		struct iomd *md = iomd_device_memory_with_range(list[i].start, list[i].length);

		if (IS_ERR(md)) {
			ret = PTR_ERR(md);
			goto err_release;
		}
		iomd_set_tag(md, list[i].tag);
		array[i] = md;
	}
	return 0;

err_release:
	while (i--) {
		iomd_release(array[i]);
		array[i] = NULL;
	}
	return ret;
}
IOMD_EXPORT(iomd_device_memory_array_from_list);
