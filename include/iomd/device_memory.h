/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers and memory of a device (IODeviceMemory).
 */
#ifndef IOMD_DEVICE_MEMORY_H
#define IOMD_DEVICE_MEMORY_H

#include <linux/types.h>

struct iomd;
struct resource;

struct iomd *iomd_device_memory_with_range(phys_addr_t start, u64 length);
struct iomd *iomd_device_memory_with_resource(const struct resource *resource);

#endif
