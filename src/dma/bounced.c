// SPDX-License-Identifier: GPL-2.0
/*
 * Does a device work on copies? The DMA API does not say, but where they are can be
 * told from the addresses that it gave.
 */
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>

#include <iomd/dma.h>

#include "device.h"

/* What is behind an address of the device's. */
static phys_addr_t address_behind(struct device *dev, struct iommu_domain *domain,
				  dma_addr_t address)
{
	return domain ? iommu_iova_to_phys(domain, address) : dma_to_phys(dev, address);
}

/* What is bounced is so by whole entries of what was handed in. */
static bool lies_elsewhere(const struct iomd_dma_map *map)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(map->dev);
	struct scatterlist *sg, *dma = map->sgt.sgl;
	u64 at = 0, start = 0;
	int i;

	for_each_sgtable_sg(&map->sgt, sg, i) {
		dma_addr_t address;

		for (; at - start >= sg_dma_len(dma); dma = sg_next(dma))
			start += sg_dma_len(dma);
		address = sg_dma_address(dma) + (at - start);
		/* Where nothing ever needs a sync, nothing is copied. */
		if (dma_need_sync(map->dev, address) &&
		    address_behind(map->dev, domain, address) != sg_phys(sg))
			return true;
		at += sg->length;
	}
	return false;
}

/**
 * iomd_dma_map_is_bounced() - does the device work on a copy of the memory?
 * @map: map
 *
 * If so, the DMA API put bounce buffers between the two, for all of the memory or for
 * some: what the device writes is in the memory, and seen by the CPU and by other
 * devices, after iomd_dma_sync_for_cpu() or the unmap; what these write the device sees
 * after iomd_dma_sync_for_device().
 *
 * Return: that; false if the device has gone.
 * Context: may sleep.
 */
bool iomd_dma_map_is_bounced(const struct iomd_dma_map *map)
{
	bool bounced;

	if (!iomd_dma_device_enter(map->device))
		return false;
	bounced = !map->pages && lies_elsewhere(map);
	iomd_dma_device_exit(map->device);
	return bounced;
}
IOMD_EXPORT(iomd_dma_map_is_bounced);
