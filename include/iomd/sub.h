/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Part of another descriptor (IOSubMemoryDescriptor).
 */
#ifndef IOMD_SUB_H
#define IOMD_SUB_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct os_meta_class;

extern struct os_meta_class iomd_sub_meta_class;

struct iomd *iomd_sub_with_sub_range(struct iomd *of, u64 offset, u64 length, u64 options);
int iomd_sub_init_sub_range(struct iomd *md, struct iomd *parent, u64 offset, u64 length,
			    u64 direction);

#endif
