/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages from the DMA API, one by one, so that whoever else holds one keeps it when
 * the device has to give it up. The device must be there. Getting and freeing them may
 * sleep.
 */
#ifndef IOMD_DMA_DMA_PAGES_H
#define IOMD_DMA_DMA_PAGES_H

#include <linux/types.h>

struct iomd_dma_map;
struct page;

/* A page that is a device's for as long as it is mapped, and where that sees it. */
struct iomd_dma_page {
	struct page *page;
	dma_addr_t address;
};

int iomd_dma_pages_alloc(struct iomd_dma_map *map);
void iomd_dma_pages_free(struct iomd_dma_map *map);
void iomd_dma_pages_sync_for_cpu(struct iomd_dma_map *map);
void iomd_dma_pages_sync_for_device(struct iomd_dma_map *map);

#endif
