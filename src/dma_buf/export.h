/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_BUF_EXPORT_H
#define IOMD_DMA_BUF_EXPORT_H

#include <linux/types.h>

struct dma_buf;

/*
 * How the CPU is to cache memory that we export; IOMD_MAP_DEFAULT_CACHE of what others
 * do, who don't tell.
 */
u64 iomd_dma_buf_cache_mode(const struct dma_buf *dmabuf, u64 offset);

#endif
