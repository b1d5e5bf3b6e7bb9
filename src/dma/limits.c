// SPDX-License-Identifier: GPL-2.0
#include <linux/align.h>
#include <linux/minmax.h>

#include "limits.h"

/*
 * The first piece of a run that must be cut: where that makes a good start for the next
 * one, if there is such a place.
 */
u64 iomd_limits_cut_run(const struct iomd_limits *limits, u64 address, u64 length)
{
	u64 to_boundary = limits->boundary - (address & limits->boundary);
	u64 piece, whole, end;

	piece = min3(length, limits->segment, to_boundary == U64_MAX ? U64_MAX : to_boundary + 1);
	whole = ALIGN_DOWN(piece, (u64)limits->length_alignment);
	if (whole)
		piece = whole;
	end = ALIGN_DOWN(address + piece, (u64)limits->inner_alignment);
	if (end > address)
		piece = end - address;
	return piece;
}

static unsigned int broken_limits(const struct iomd_limits *limits, u64 address, u64 length,
				  bool first)
{
	u32 alignment = first ? limits->alignment : limits->inner_alignment;
	unsigned int broken = 0;

	if (address > limits->last || length - 1 > limits->last - address)
		broken |= IOMD_OUT_OF_REACH;
	if (!IS_ALIGNED(address, (u64)alignment) ||
	    !IS_ALIGNED(length, (u64)limits->length_alignment))
		broken |= IOMD_MISALIGNED;
	return broken;
}

/* Run that holds @offset, which is less than the length. */
static unsigned int find_run(const struct iomd_dma_runs *runs, u64 offset)
{
	unsigned int low = 0, high = runs->count;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (runs->list[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Step to what follows what is known as next. */
static void look_further(struct iomd_pieces *pieces)
{
	const struct iomd_dma_runs *runs = pieces->runs;

	if (runs->list) {
		unsigned int run = pieces->run;

		pieces->next_length = 0;
		if (run == runs->count)
			return;
		pieces->next_address = runs->list[run].address;
		pieces->next_length = runs->list[run + 1].offset - runs->list[run].offset;
		pieces->run++;
		return;
	}
	pieces->next_address = pieces->iter.address;
	pieces->next_length = pieces->iter.length;
	if (pieces->next_length)
		iomd_segment_iter_next(&pieces->iter);
}

/**
 * iomd_pieces_init() - start a walk
 * @pieces: place, before the first piece
 * @runs: what to walk; must stay
 * @limits: what a piece may be; must stay
 * @offset: where to start; up to the end
 *
 * Context: any, hard IRQ included.
 */
void iomd_pieces_init(struct iomd_pieces *pieces, const struct iomd_dma_runs *runs,
		      const struct iomd_limits *limits, u64 offset)
{
	pieces->runs = runs;
	pieces->limits = limits;
	pieces->offset = offset;
	pieces->length = 0;
	pieces->rest_length = 0;
	pieces->next_length = 0;
	if (offset >= runs->length)
		return;
	if (runs->list) {
		pieces->run = find_run(runs, offset);
		offset -= runs->list[pieces->run].offset;
		look_further(pieces);
		pieces->next_address += offset;
		pieces->next_length -= offset;
	} else {
		iomd_segment_iter_init(&pieces->iter, runs->md, runs->offset + offset,
				       runs->length - offset, 0);
		look_further(pieces);
	}
}

/**
 * iomd_pieces_next() - go to the next piece
 * @pieces: place
 *
 * Neighbours are joined before they are cut.
 *
 * Return: true if there is one; false at the end, which is before the length only
 * where the descriptor cannot vouch for its memory. @pieces->offset is there then.
 * Context: any, hard IRQ included.
 */
bool iomd_pieces_next(struct iomd_pieces *pieces)
{
	const struct iomd_limits *limits = pieces->limits;

	pieces->offset += pieces->length;
	/* Once a run must be cut anyway, it does not matter how long it is. */
	while (pieces->next_length && pieces->rest_length <= limits->segment) {
		if (!pieces->rest_length)
			pieces->rest_address = pieces->next_address;
		else if (pieces->rest_address + pieces->rest_length != pieces->next_address)
			break;
		pieces->rest_length += pieces->next_length;
		look_further(pieces);
	}
	pieces->length = 0;
	if (!pieces->rest_length)
		return false;
	pieces->address = pieces->rest_address;
	pieces->length = iomd_limits_cut(limits, pieces->rest_address, pieces->rest_length);
	pieces->broken = broken_limits(limits, pieces->address, pieces->length,
				       !pieces->offset);
	pieces->rest_address += pieces->length;
	pieces->rest_length -= pieces->length;
	return true;
}
