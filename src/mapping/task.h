/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_TASK_H
#define IOMD_MAPPING_TASK_H

#include <linux/types.h>

struct file;
struct iomd_mapping;
struct iomd_view;
struct mm_struct;
struct vm_area_struct;

/* The address in the task's address space; an errno as vm_mmap() gives it. */
unsigned long iomd_task_mmap(struct iomd_mapping *mapping, struct file *file,
			     unsigned long address, unsigned long length);
int iomd_task_may_have(const struct iomd_mapping *mapping, struct vm_area_struct *vma);
void iomd_task_note_place(struct iomd_view *view, struct mm_struct *mm, unsigned long start,
			  unsigned long length);
bool iomd_task_is_asking(const struct iomd_mapping *mapping);
void iomd_task_forget_place(struct iomd_view *view);
void iomd_task_give_back(struct iomd_view *view);
void iomd_task_give_back_later(struct iomd_view *view);
int iomd_task_init(void);
void iomd_task_exit(void);

#endif
