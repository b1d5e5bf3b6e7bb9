/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_MAP_H
#define IOMD_DMA_MAP_H

#include <linux/compiler.h>
#include <linux/dma-mapping.h>

#include <iomd/dma.h>
#include <iomd/types.h>

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

/*
 * Is the memory to be left as it is when the map ends, by whomever? Then nothing is brought
 * back of a copy of the DMA API's.
 */
static inline void iomd_dma_map_keep(struct iomd_dma_map *map, bool keep)
{
	unsigned long attributes = map->attributes & ~DMA_ATTR_SKIP_CPU_SYNC;

	/* Whoever ends the map for a device that goes reads it meanwhile. */
	WRITE_ONCE(map->attributes, attributes | (keep ? DMA_ATTR_SKIP_CPU_SYNC : 0));
}

/* A direction of the DMA API's in our words; the other way round below. */
static inline u64 iomd_dma_direction_of(enum dma_data_direction direction)
{
	switch (direction) {
	case DMA_TO_DEVICE:
		return IOMD_DIRECTION_OUT;
	case DMA_FROM_DEVICE:
		return IOMD_DIRECTION_IN;
	default:
		return IOMD_DIRECTION_OUT_IN;
	}
}

enum dma_data_direction iomd_dma_direction(const struct iomd *md, u64 direction);

#endif
