/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a program may ask of /dev/iomd-dmacopy.
 */
#ifndef IOMD_DMACOPY_H
#define IOMD_DMACOPY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct iomd_dmacopy - have a DMA engine copy memory of the calling process
 * @source: address of the first byte to read
 * @destination: address of the first byte to write
 * @length: bytes
 * @done: bytes that are copied already, 0 at first; a call that ends early, by a signal
 *	or an error, has set it to where the next one is to go on
 */
struct iomd_dmacopy {
	__aligned_u64 source;
	__aligned_u64 destination;
	__aligned_u64 length;
	__aligned_u64 done;
};

#define IOMD_DMACOPY	_IOWR('e', 0xe0, struct iomd_dmacopy)

#endif
