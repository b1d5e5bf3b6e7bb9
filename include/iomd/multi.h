/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whole descriptors, one behind the other (IOMultiMemoryDescriptor).
 */
#ifndef IOMD_MULTI_H
#define IOMD_MULTI_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct os_meta_class;

extern struct os_meta_class iomd_multi_meta_class;

struct iomd *iomd_multi_with_descriptors(struct iomd *const *descriptors, u32 count, u64 direction,
					 bool as_reference);
int iomd_multi_init_with_descriptors(struct iomd *md, struct iomd *const *descriptors, u32 count,
				     u64 direction, bool as_reference);

#endif
