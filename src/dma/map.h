/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_MAP_H
#define IOMD_DMA_MAP_H

#include <iomd/dma.h>

struct iomd_dma_device;

/*
 * iomd_dma_map() for a device that is known, of which the map takes over a reference
 * of the caller's, even if that fails; @direction as the DMA API has it.
 */
struct iomd_dma_map *iomd_dma_map_for(struct iomd_dma_device *device, struct iomd *md,
				      u64 offset, u64 length,
				      enum dma_data_direction direction);
/*
 * The same of new pages, which hold garbage: for a device that nothing else can be
 * mapped for. The map holds them no longer than the device is there.
 */
struct iomd_dma_map *iomd_dma_map_pages(struct iomd_dma_device *device, u64 length,
					enum dma_data_direction direction);

/* iomd_dma_unmap() of what its device never used: nothing is brought back of a copy. */
void iomd_dma_unmap_unused(struct iomd_dma_map *map);

enum dma_data_direction iomd_dma_direction(const struct iomd *md, u64 direction);

#endif
