/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A view of (part of) a descriptor through CPU addresses (IOMemoryMap).
 */
#ifndef IOMD_MAPPING_H
#define IOMD_MAPPING_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct iomd_mapping;
struct os_meta_class;
struct task_struct;

extern struct os_meta_class iomd_mapping_meta_class;

struct iomd_mapping *iomd_create_mapping_in_task(struct iomd *md, struct task_struct *task,
						 unsigned long at_address, u64 options,
						 u64 offset, u64 length);
struct iomd_mapping *iomd_map(struct iomd *md, u64 options);
struct iomd_mapping *iomd_set_mapping(struct iomd *md, struct task_struct *task,
				      unsigned long address, u64 options);

/*
 * What a class of descriptors may do its own way. The base's way, which is to be
 * called from there at most, is below.
 */
struct iomd_mapping *iomd_make_mapping(struct iomd *md, struct iomd *owner,
				       struct task_struct *task, struct iomd_mapping *new_map,
				       u64 options, u64 offset, u64 length);
void iomd_add_mapping(struct iomd *md, struct iomd_mapping *mapping);
void iomd_remove_mapping(struct iomd *md, struct iomd_mapping *mapping);
int iomd_do_map(struct iomd *md, struct iomd_mapping *mapping);
int iomd_do_unmap(struct iomd *md, struct iomd_mapping *mapping);
int iomd_handle_fault(struct iomd *md, struct iomd_mapping *mapping, u64 offset, u64 length);
int iomd_populate_device_pager(struct iomd *md, struct iomd_mapping *mapping,
			       u64 offset, u64 length);
int iomd_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect);

struct iomd_mapping *iomd_base_make_mapping(struct iomd *md, struct iomd *owner,
					    struct task_struct *task,
					    struct iomd_mapping *new_map, u64 options,
					    u64 offset, u64 length);
int iomd_base_do_map(struct iomd *md, struct iomd_mapping *mapping);
int iomd_base_do_unmap(struct iomd *md, struct iomd_mapping *mapping);
int iomd_base_populate_device_pager(struct iomd *md, struct iomd_mapping *mapping,
				    u64 offset, u64 length);
int iomd_base_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect);
void iomd_mapping_set_address(struct iomd_mapping *mapping, unsigned long address);

struct iomd_mapping *iomd_mapping_retain(struct iomd_mapping *mapping);
void iomd_mapping_release(struct iomd_mapping *mapping);

unsigned long iomd_mapping_get_virtual_address(struct iomd_mapping *mapping);
unsigned long iomd_mapping_get_address(struct iomd_mapping *mapping);
u64 iomd_mapping_get_length(const struct iomd_mapping *mapping);
u64 iomd_mapping_get_size(const struct iomd_mapping *mapping);
u64 iomd_mapping_get_offset(const struct iomd_mapping *mapping);
struct task_struct *iomd_mapping_get_address_task(struct iomd_mapping *mapping);
u64 iomd_mapping_get_map_options(const struct iomd_mapping *mapping);
struct iomd *iomd_mapping_get_memory_descriptor(struct iomd_mapping *mapping);
phys_addr_t iomd_mapping_get_physical_segment(struct iomd_mapping *mapping, u64 offset,
					      u64 *length, u64 options);
phys_addr_t iomd_mapping_get_physical_address(struct iomd_mapping *mapping);

int iomd_mapping_unmap(struct iomd_mapping *mapping);
int iomd_mapping_redirect(struct iomd_mapping *mapping, struct iomd *new_memory, u64 options,
			  u64 offset);
int iomd_mapping_wire_range(struct iomd_mapping *mapping, u64 options, u64 offset, u64 length);
void iomd_mapping_task_died(struct iomd_mapping *mapping);

#endif
