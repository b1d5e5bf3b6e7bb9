/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a device without an IOMMU sees memory: mostly where the CPU does, else where its
 * bus's map (dma_range_map) says. The DMA API tells that only once it has mapped
 * something, and complains loudly of what it can't map; were there a question for that, it
 * would take the place of these.
 */
#ifndef IOMD_COMPAT_BUS_H
#define IOMD_COMPAT_BUS_H

#include <linux/device.h>
#include <linux/dma-direct.h>

static inline bool iomd_compat_bus_is_moved(const struct device *dev)
{
	return dev->dma_range_map;
}

/* DMA_MAPPING_ERROR, the highest of all, if the device does not see it. */
static inline dma_addr_t iomd_compat_bus_address(struct device *dev, phys_addr_t address)
{
	return phys_to_dma(dev, address);
}

/* The highest of all if nothing is there. */
static inline phys_addr_t iomd_compat_bus_memory(struct device *dev, dma_addr_t address)
{
	return dma_to_phys(dev, address);
}

#endif
