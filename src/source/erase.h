/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving addresses of a process back, if what is there is still what was put there.
 */
#ifndef IOMD_SOURCE_ERASE_H
#define IOMD_SOURCE_ERASE_H

#include <linux/errno.h>
#include <linux/types.h>

struct inode;

int iomd_erase(struct inode *inode, unsigned long start, unsigned long length);

/* Would it be the same another time? Memory comes back, and who was killed is not always. */
static inline bool iomd_erase_is_final(int ret)
{
	return ret != -ENOMEM && ret != -EINTR && ret != -EAGAIN;
}

#endif
