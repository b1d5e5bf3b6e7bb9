/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages from the DMA API, one by one, so that whoever else holds one keeps it when
 * the device has to give it up. The device must be there. Getting and freeing them may
 * sleep.
 */
#ifndef IOMD_DMA_PAGES_H
#define IOMD_DMA_PAGES_H

struct iomd_dma_map;

int iomd_dma_pages_alloc(struct iomd_dma_map *map);
void iomd_dma_pages_free(struct iomd_dma_map *map);
void iomd_dma_pages_sync_for_cpu(struct iomd_dma_map *map);
void iomd_dma_pages_sync_for_device(struct iomd_dma_map *map);

#endif
