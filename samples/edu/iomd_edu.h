/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a program may ask of /dev/iomd-eduN.
 *
 * Each structure starts with its own size as the program knows it, so that it can
 * grow: a driver that is older than the program answers -E2BIG if a member that it
 * does not know is not zero.
 */
#ifndef IOMD_EDU_H
#define IOMD_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOMD_EDU_RANGES_MAX	16
/*
 * Bytes of one user's memory that a device can be shown at one time, by all of the
 * user's files; beyond that, EDQUOT. A copy is shown two times 256 KiB at most.
 */
#define IOMD_EDU_SHOWN_MAX	(4U << 20)

/* A piece of the calling process's memory. */
struct iomd_edu_range {
	__u64 address;
	__u64 length;
};

/**
 * struct iomd_edu_copy - move bytes of memory through the device
 * @size: of this structure
 * @flags: none yet, must be 0
 * @source_count: ranges that @source points to, 1 to IOMD_EDU_RANGES_MAX
 * @destination_count: ranges that @destination points to, likewise
 * @source: struct iomd_edu_range[], read one after the other
 * @destination: struct iomd_edu_range[] of the same total length, written likewise
 * @transfers: out: what the device was asked to do, added to what it was if @done is not 0
 * @done: bytes that are copied already, 0 at first. A call that ends early, by a signal
 *	or an error, has set it to where the next one is to go on; by itself that
 *	happens where the kernel restarts the call
 */
struct iomd_edu_copy {
	__u32 size;
	__u32 flags;
	__u32 source_count;
	__u32 destination_count;
	__aligned_u64 source;
	__aligned_u64 destination;
	__aligned_u64 transfers;
	__aligned_u64 done;
};

#define IOMD_EDU_DESCRIBE_WRITTEN	0x1
#define IOMD_EDU_DESCRIBE_MAX		4096

/**
 * struct iomd_edu_describe - tell how a copy would see memory, without copying; for
 *	programs with CAP_SYS_RAWIO alone
 * @size: of this structure
 * @flags: IOMD_EDU_DESCRIBE_WRITTEN: as a destination; otherwise as a source
 * @range_count: ranges that @ranges points to, 1 to IOMD_EDU_RANGES_MAX
 * @capacity: of each of the two arrays, at most IOMD_EDU_DESCRIBE_MAX
 * @ranges: struct iomd_edu_range[]
 * @segments: __u64[]: lengths of the physically contiguous pieces, in order
 * @dma_segments: __u64[]: lengths of the pieces that are contiguous for the device
 * @segment_count: out: what there is; above @capacity, the rest was left out
 * @dma_segment_count: out: likewise
 */
struct iomd_edu_describe {
	__u32 size;
	__u32 flags;
	__u32 range_count;
	__u32 capacity;
	__aligned_u64 ranges;
	__aligned_u64 segments;
	__aligned_u64 dma_segments;
	__u32 segment_count;
	__u32 dma_segment_count;
};

/**
 * struct iomd_edu_show - show memory to the device until the file is closed
 * @size: of this structure
 * @flags: none yet, must be 0
 * @range_count: ranges that @ranges points to, 1 to IOMD_EDU_RANGES_MAX
 * @length: out, of IOMD_EDU_FILL: bytes that the device wrote at the start, 512 at most
 * @ranges: struct iomd_edu_range[]; of IOMD_EDU_SHOW alone
 */
struct iomd_edu_show {
	__u32 size;
	__u32 flags;
	__u32 range_count;
	__u32 length;
	__aligned_u64 ranges;
};

#define IOMD_EDU_COPY		_IO('e', 0xd0)
#define IOMD_EDU_DESCRIBE	_IO('e', 0xd1)
#define IOMD_EDU_SHOW		_IO('e', 0xd2)
/*
 * Have the device write into the memory that it is shown what it holds of this file's
 * copies; where that is less, zeroes.
 */
#define IOMD_EDU_FILL		_IO('e', 0xd3)

#endif
