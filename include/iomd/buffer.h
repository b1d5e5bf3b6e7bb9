/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory and its descriptor in one (IOBufferMemoryDescriptor).
 */
#ifndef IOMD_BUFFER_H
#define IOMD_BUFFER_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct os_meta_class;
struct task_struct;

extern struct os_meta_class iomd_buffer_meta_class;

struct iomd *iomd_buffer_in_task_with_options(struct task_struct *task, u64 options,
					      u64 capacity, u64 alignment);
struct iomd *iomd_buffer_in_task_with_options_and_tags(struct task_struct *task, u64 options,
						       u64 capacity, u64 alignment,
						       u32 kernel_tag, u32 user_tag);
struct iomd *iomd_buffer_in_task_with_physical_mask(struct task_struct *task, u64 options,
						    u64 capacity, u64 physical_mask);
struct iomd *iomd_buffer_in_task_with_guard_pages(struct task_struct *task, u64 options,
						  u64 capacity);
struct iomd *iomd_buffer_with_options(u64 options, u64 capacity, u64 alignment);
struct iomd *iomd_buffer_with_capacity(u64 capacity, u64 direction, bool contiguous);
struct iomd *iomd_buffer_with_bytes(const void *bytes, u64 length, u64 direction,
				    bool contiguous);
struct iomd *iomd_buffer_with_copy(struct task_struct *task, u64 options,
				   struct task_struct *source_task, u64 source, u64 size);

int iomd_buffer_set_length(struct iomd *md, u64 length);
int iomd_buffer_set_direction(struct iomd *md, u64 direction);
u64 iomd_buffer_get_capacity(struct iomd *md);
void *iomd_buffer_get_bytes_no_copy(struct iomd *md);
void __user *iomd_buffer_get_user_bytes_no_copy(struct iomd *md);
void *iomd_buffer_get_bytes_no_copy_range(struct iomd *md, u64 start, u64 length);
bool iomd_buffer_append_bytes(struct iomd *md, const void *bytes, u64 length);

#endif
