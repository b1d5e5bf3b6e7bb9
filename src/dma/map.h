/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_MAP_H
#define IOMD_DMA_MAP_H

#include <iomd/dma.h>

struct iomd_dma_device;

/* iomd_dma_map() for a device that is known; @direction as the DMA API has it. */
struct iomd_dma_map *iomd_dma_map_for(struct iomd_dma_device *device, struct iomd *md,
				      u64 offset, u64 length,
				      enum dma_data_direction direction);
/* The device's side of the unmap. */
void iomd_dma_map_undo(struct iomd_dma_map *map);

enum dma_data_direction iomd_dma_direction(const struct iomd *md, u64 direction);
/* Attributes of the DMA API for what iomd_get_mapper_options() tells. */
unsigned long iomd_dma_attributes(const struct iomd *md);

#endif
