/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving addresses of a process back, if what is there is still what was put there.
 */
#ifndef IOMD_SOURCE_ERASE_H
#define IOMD_SOURCE_ERASE_H

struct inode;

int iomd_erase(struct inode *inode, unsigned long start, unsigned long length);

#endif
