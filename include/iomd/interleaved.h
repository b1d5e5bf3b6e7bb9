/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Portions of descriptors, one behind the other (IOInterleavedMemoryDescriptor).
 */
#ifndef IOMD_INTERLEAVED_H
#define IOMD_INTERLEAVED_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct os_meta_class;

extern struct os_meta_class iomd_interleaved_meta_class;

struct iomd *iomd_interleaved_with_capacity(u32 capacity, u64 direction);
int iomd_interleaved_init_with_capacity(struct iomd *md, u32 capacity, u64 direction);
int iomd_interleaved_set_memory_descriptor(struct iomd *md, struct iomd *descriptor,
					   u64 offset, u64 length);
int iomd_interleaved_clear_memory_descriptors(struct iomd *md, u64 direction);

#endif
