/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_COMMAND_ROOM_H
#define IOMD_DMA_COMMAND_ROOM_H

#include <iomd/dma_command.h>

#include "limits.h"

/* Does a function write addresses of 32 bits? Or 64? A caller's own: neither. */
bool iomd_dma_command_outputs_32(iomd_dma_segment_function function);
bool iomd_dma_command_outputs_64(iomd_dma_segment_function function);

/* What the specification and its device allow. */
struct iomd_limits iomd_dma_command_limits(const struct iomd_dma_command *command);

/* What is prepared, or NULL, for who does not hold the lock. */
static inline struct iomd_dma_view *iomd_dma_command_view(const struct iomd_dma_command *command)
{
	/* Pairs with command_publish_view(). */
	return smp_load_acquire(&command->view);
}

/* With the command's lock held. */
int iomd_dma_command_specify_locked(struct iomd_dma_command *command,
				    iomd_dma_segment_function function,
				    const struct iomd_dma_segment_options *options,
				    u64 mapping, struct device *mapper);
int iomd_dma_command_clear_locked(struct iomd_dma_command *command);

/* By whom alone it is held, in any context: the device is done, the CPU sees it all. */
void iomd_dma_command_bring_back(struct iomd_dma_command *command);

#endif
