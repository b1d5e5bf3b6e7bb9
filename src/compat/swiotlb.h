/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the kernel's bounce buffers are, which the DMA API does not tell.
 */
#ifndef IOMD_COMPAT_SWIOTLB_H
#define IOMD_COMPAT_SWIOTLB_H

#include <linux/device.h>
#include <linux/swiotlb.h>

/* Last physical address of a device's bounce buffers; 0 if it has none. */
static inline phys_addr_t iomd_compat_swiotlb_last(struct device *dev)
{
	phys_addr_t end = 0;

#ifdef IOMD_HAVE_SWIOTLB_POOL_DEFAULT
	if (dev->dma_io_tlb_mem)
		end = dev->dma_io_tlb_mem->defpool.end;
#endif
#ifdef IOMD_HAVE_SWIOTLB_POOL_WHOLE
	if (dev->dma_io_tlb_mem)
		end = dev->dma_io_tlb_mem->end;
#endif
	return end ? end - 1 : 0;
}

#endif
