/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/iomd-playground: descriptors and mappings for programs of tests/user. What a
 * file of it made ends with the file, if not before; a program names it by number.
 */
#ifndef PLAYGROUND_H
#define PLAYGROUND_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum playground_order {
	/* Descriptors; each sets @id. */
	/* A buffer of @length bytes, with @options, aligned to @offset. */
	PLAYGROUND_BUFFER,
	/* @length bytes at @address of task @pid. */
	PLAYGROUND_USER,
	/* Physical memory; @address 0: the registers of the edu device. */
	PLAYGROUND_PHYSICAL,
	PLAYGROUND_GUARD,
	/* Part of @other. */
	PLAYGROUND_SUB,
	/* @length of them, whose numbers are at @address. */
	PLAYGROUND_MULTI,
	/* Three pieces of @other, each of @length bytes, from @offset on. */
	PLAYGROUND_INTERLEAVED,
	/* @length bytes from @offset on of the dma-buf that is the file @address. */
	PLAYGROUND_DMA_BUF,

	/* With descriptor @id: */
	PLAYGROUND_PREPARE,
	PLAYGROUND_COMPLETE,
	/* Every byte of [@offset, @offset + @length) becomes @options. */
	PLAYGROUND_FILL,
	/* The byte at @offset, in @options. */
	PLAYGROUND_PEEK,
	/* All mappings but those of task @pid, if it is not 0, wait if @options is. */
	PLAYGROUND_REDIRECT_ALL,
	/* Map it into task @pid; @id becomes the mapping's, @address is set. */
	PLAYGROUND_MAP,
	/* Prepare for @options, walk, map a piece for the edu device, sync, and back. */
	PLAYGROUND_CYCLE,
	/* @options: the new state; the old one afterwards. */
	PLAYGROUND_PURGEABLE,
	/* It becomes task @pid's, with options @options. */
	PLAYGROUND_OWNER,
	/* Map it into the kernel; @id becomes the mapping's. */
	PLAYGROUND_MAP_KERNEL,
	/* Make it a dma-buf; @address becomes its file. */
	PLAYGROUND_EXPORT,

	/* With mapping @id: */
	PLAYGROUND_UNMAP,
	/* To descriptor @other; if that is 0, to nothing. */
	PLAYGROUND_REDIRECT,
	PLAYGROUND_ADDRESS,

	/* A DMA command of the edu device, of @length bytes at most in a segment, with @options. */
	PLAYGROUND_COMMAND,
	/* With command @id: */
	/* Its memory becomes @other's, or none. */
	PLAYGROUND_COMMAND_MEMORY,
	/* Prepare it, list its segments, synchronize as @options say, and back. */
	PLAYGROUND_COMMAND_RUN,

	/* Give @id back, whatever it is. */
	PLAYGROUND_RELEASE,
	/* mmap() the file that is mapped at @address, as @options say; sets @address. */
	PLAYGROUND_MMAP_AGAIN,
	/* What is alive, of all: mappings in @id, descriptors in @other, pins in @length. */
	PLAYGROUND_COUNT,
};

struct playground {
	__u32 order;
	__u32 id;
	__u32 other;
	/* 0: the caller. */
	__s32 pid;
	__u64 address;
	__u64 options;
	__u64 offset;
	__u64 length;
	/* If not 0, the order's step of this number fails; did one? */
	__u32 fail;
	__u32 failed;
};

#define PLAYGROUND_CALL	_IOWR('i', 1, struct playground)

#endif
