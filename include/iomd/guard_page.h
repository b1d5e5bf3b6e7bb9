/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guard in whatever it is mapped with (IOGuardPageMemoryDescriptor).
 */
#ifndef IOMD_GUARD_PAGE_H
#define IOMD_GUARD_PAGE_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct os_meta_class;

extern struct os_meta_class iomd_guard_page_meta_class;

struct iomd *iomd_guard_page_with_size(u64 size);
int iomd_guard_page_init_with_size(struct iomd *md, u64 size);

#endif
