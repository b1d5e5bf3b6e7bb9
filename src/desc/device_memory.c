// SPDX-License-Identifier: GPL-2.0
/*
 * IODeviceMemory: one physical range that belongs to a device.
 */
#include <linux/err.h>
#include <linux/ioport.h>

#include <iomd/descriptor.h>
#include <iomd/device_memory.h>

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
	return iomd_with_address_range(start, length, IOMD_MEMORY_MAPPER_NONE, NULL);
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
