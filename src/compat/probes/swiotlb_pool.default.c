// SPDX-License-Identifier: GPL-2.0
/* Bounce buffers lie in pools, of which one is the first. */
#include <linux/device.h>
#include <linux/swiotlb.h>

static phys_addr_t __maybe_unused probe(struct device *dev)
{
	return dev->dma_io_tlb_mem->defpool.end;
}
