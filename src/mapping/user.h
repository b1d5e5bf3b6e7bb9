/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_USER_H
#define IOMD_MAPPING_USER_H

#include <linux/types.h>

struct file;
struct iomd_mapping;
struct iomd_listed;
struct iomd_view;

int iomd_mapping_map_user(struct iomd_mapping *mapping, const struct iomd_listed *listed);
void iomd_mapping_unmap_user(struct iomd_mapping *mapping);
int iomd_mapping_check_runs(const struct iomd_mapping *mapping, const struct iomd_listed *listed);

/* The address in the task's address space; an errno as vm_mmap() gives it. */
unsigned long iomd_task_mmap(struct iomd_mapping *mapping, struct file *file,
			     unsigned long address, unsigned long length);

#endif
