/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_SOURCE_KERNEL_H
#define IOMD_SOURCE_KERNEL_H

#include <linux/types.h>

struct iomd_segments;

/*
 * Append the pages that the kernel sees in a range of its addresses. 0; -EFAULT if
 * there are none, or they must not be written though @write; -ENOMEM; -EINTR.
 */
int iomd_kernel_append(struct iomd_segments *segments, u64 address, u64 length, bool write);

#endif
