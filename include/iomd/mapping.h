/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A view of (part of) a descriptor through CPU addresses (IOMemoryMap).
 */
#ifndef IOMD_MAPPING_H
#define IOMD_MAPPING_H

#include <linux/types.h>

struct iomd;
struct iomd_mapping;
struct os_meta_class;

extern struct os_meta_class iomd_mapping_meta_class;

struct iomd_mapping *iomd_mapping_retain(struct iomd_mapping *mapping);
void iomd_mapping_release(struct iomd_mapping *mapping);

unsigned long iomd_mapping_get_virtual_address(struct iomd_mapping *mapping);
unsigned long iomd_mapping_get_address(struct iomd_mapping *mapping);
u64 iomd_mapping_get_length(const struct iomd_mapping *mapping);
u64 iomd_mapping_get_size(const struct iomd_mapping *mapping);
u64 iomd_mapping_get_map_options(const struct iomd_mapping *mapping);
struct iomd *iomd_mapping_get_memory_descriptor(struct iomd_mapping *mapping);
int iomd_mapping_unmap(struct iomd_mapping *mapping);

#endif
