/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device sees of a range of a descriptor while a command is prepared: the
 * range itself or a copy of (some of) it, through the DMA API or not, and under
 * which limits.
 */
#ifndef IOMD_DMA_DMA_VIEW_H
#define IOMD_DMA_DMA_VIEW_H

#include <linux/dma-direction.h>

#include "limits.h"

struct iomd_dma_command;
struct iomd_dma_map;

/* Who may use the memory. A side that has it already is given nothing, and loses nothing. */
enum iomd_dma_side {
	/* The device, but a copy holds nothing of the memory's yet: either may be next. */
	IOMD_DMA_SIDE_OPEN,
	IOMD_DMA_SIDE_DEVICE,
	IOMD_DMA_SIDE_CPU,
};

/**
 * struct iomd_dma_view - what a device sees
 * @md: the command's descriptor, in use
 * @offset: first byte of the range in @md
 * @runs: what is seen: @runs.md is @md, or what was made in its place, which is held
 * @limits: of the device and of the specification
 * @direction: of the transfers
 * @side: who has the memory
 * @whole: was all of it replaced?
 * @brought_back: the end has begun: the CPU sees what the device wrote, and @md is not in
 *	use any more
 * @map: the mapping for the device, if there is one
 */
struct iomd_dma_view {
	struct iomd *md;
	u64 offset;
	struct iomd_dma_runs runs;
	struct iomd_limits limits;
	enum dma_data_direction direction;
	enum iomd_dma_side side;
	bool whole;
	bool brought_back;
	struct iomd_dma_map *map;
};

/* How much of the memory is replaced. */
enum iomd_bouncing {
	IOMD_BOUNCE_NOTHING,
	IOMD_BOUNCE_SPARSE,
	IOMD_BOUNCE_WHOLE,
};

struct iomd_dma_view *iomd_dma_view_make(struct iomd_dma_command *command, u64 offset,
					 u64 length, bool fill);
struct iomd_dma_view *iomd_dma_view_move(struct iomd_dma_command *command,
					 struct iomd_dma_view *old);
void iomd_dma_view_free(struct iomd_dma_view *view);

int iomd_dma_view_check_device(const struct iomd_dma_view *view);
/*
 * The CPU sees what the device wrote; the device sees what the CPU wrote. Nothing is done
 * for the side that has the memory. May sleep.
 */
int iomd_dma_view_sync_in(struct iomd_dma_view *view);
int iomd_dma_view_sync_out(struct iomd_dma_view *view);
/* The device sees nothing any more; the CPU sees what it wrote if @sync. May sleep. */
int iomd_dma_view_close(struct iomd_dma_view *view, bool sync);
/* What of it can't be late; the close does the rest. Context: as iomd_dma_unmap(). */
void iomd_dma_view_bring_back(struct iomd_dma_view *view);

static inline bool iomd_dma_view_is_bounced(const struct iomd_dma_view *view)
{
	return view->runs.md != view->md;
}

#endif
