/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Views of a descriptor for who lends its memory to others, as the exporter of a
 * dma-buf does: mappings like all others, so that what is true of these is true of
 * those. They are nobody else's, and show what was described when it was lent, though
 * a buffer be made shorter meanwhile.
 */
#ifndef IOMD_MAPPING_LEND_H
#define IOMD_MAPPING_LEND_H

#include <linux/types.h>

struct file;
struct iomd;
struct iomd_mapping;
struct vm_area_struct;

struct iomd_mapping *iomd_lend_to_kernel(struct iomd *md, u64 length, u64 options);
int iomd_lend_to_vma(struct iomd *md, u64 length, u64 options, struct file *lender,
		     struct vm_area_struct *vma);

#endif
