/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers and memory of a device (IODeviceMemory).
 */
#ifndef IOMD_DEVICE_MEMORY_H
#define IOMD_DEVICE_MEMORY_H

#include <linux/types.h>

#include <iomd/sub.h>
#include <iomd/types.h>
#include <iomd/version.h>

struct iomd;
struct os_meta_class;
struct resource;

/**
 * struct iomd_device_memory_init_element - one range of a device
 * @start: physical address
 * @length: bytes
 * @tag: what iomd_get_tag() is to tell
 */
struct iomd_device_memory_init_element {
	phys_addr_t start;
	u64 length;
	u32 tag;
};

extern struct os_meta_class iomd_device_memory_meta_class;

struct iomd *iomd_device_memory_with_range(phys_addr_t start, u64 length);
struct iomd *iomd_device_memory_with_resource(const struct resource *resource);
int iomd_device_memory_array_from_list(const struct iomd_device_memory_init_element *list,
				       u32 count, struct iomd **array);

/**
 * iomd_device_memory_with_sub_range() - describe part of a device's range
 * @of: the whole; held
 * @offset: first byte in it
 * @length: bytes
 *
 * A sub without a direction. IOKit: IODeviceMemory::withSubRange.
 *
 * Return: see iomd_sub_with_sub_range().
 * Context: may sleep.
 */
static inline struct iomd *iomd_device_memory_with_sub_range(struct iomd *of, u64 offset,
							     u64 length)
{
	return iomd_sub_with_sub_range(of, offset, length, IOMD_DIRECTION_NONE);
}

#endif
