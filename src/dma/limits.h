/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From contiguous runs of addresses to pieces that a device can take. Pure: it
 * knows addresses, no device and no memory.
 */
#ifndef IOMD_DMA_LIMITS_H
#define IOMD_DMA_LIMITS_H

#include <linux/bits.h>
#include <linux/types.h>

#include <iomd/segment.h>

/**
 * struct iomd_limits - what a piece may be
 * @segment: most bytes
 * @boundary: it does not cross a multiple of this plus one; a mask
 * @last: highest address that can be reached
 * @alignment: of the address of the first piece
 * @inner_alignment: of the addresses of all others
 * @length_alignment: of each length
 *
 * Alignments are in bytes, and powers of two.
 */
struct iomd_limits {
	u64 segment;
	u64 boundary;
	u64 last;
	u32 alignment;
	u32 inner_alignment;
	u32 length_alignment;
};

#define IOMD_NO_LIMITS {						\
	.segment = U64_MAX, .boundary = U64_MAX, .last = U64_MAX,	\
	.alignment = 1, .inner_alignment = 1, .length_alignment = 1,	\
}

/* How a piece may break the limits. */
#define IOMD_OUT_OF_REACH	BIT(0)
#define IOMD_MISALIGNED		BIT(1)

/* Contiguous addresses; they end where the next run's offset is. */
struct iomd_dma_run {
	u64 offset;
	u64 address;
};

/**
 * struct iomd_dma_runs - what somebody sees from an offset on
 * @md: descriptor that is walked
 * @offset: where in @md
 * @length: bytes
 * @list: NULL, or the runs to walk instead, by offset, and an end behind them
 * @count: of the runs in @list
 */
struct iomd_dma_runs {
	struct iomd *md;
	u64 offset;
	u64 length;
	struct iomd_dma_run *list;
	unsigned int count;
};

/**
 * struct iomd_pieces - a place in the pieces of some runs
 * @address: of the current piece
 * @length: its bytes
 * @offset: where it starts
 * @broken: limits that it breaks: IOMD_OUT_OF_REACH, IOMD_MISALIGNED
 */
struct iomd_pieces {
	u64 address;
	u64 length;
	u64 offset;
	unsigned int broken;
	/* private: */
	const struct iomd_dma_runs *runs;
	const struct iomd_limits *limits;
	/* The rest of the present run, as far as it was looked at, and what follows. */
	u64 rest_address, rest_length;
	u64 next_address, next_length;
	struct iomd_segment_iter iter;
	unsigned int run;
};

u64 iomd_limits_cut_run(const struct iomd_limits *limits, u64 address, u64 length);

/**
 * iomd_limits_cut() - bytes that make one piece
 * @limits: limits
 * @address: of the first one
 * @length: how many follow each other there, at least 1
 *
 * Return: at least 1 and at most @length.
 * Context: any.
 */
static inline u64 iomd_limits_cut(const struct iomd_limits *limits, u64 address, u64 length)
{
	u64 differing = address ^ (address + length - 1);

	/* Most need no cut. */
	if (likely(length <= limits->segment && !(differing & ~limits->boundary)))
		return length;
	return iomd_limits_cut_run(limits, address, length);
}

void iomd_pieces_init(struct iomd_pieces *pieces, const struct iomd_dma_runs *runs,
		      const struct iomd_limits *limits, u64 offset);
bool iomd_pieces_next(struct iomd_pieces *pieces);

#endif
