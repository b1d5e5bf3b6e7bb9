/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_BUF_EXPORT_H
#define IOMD_DMA_BUF_EXPORT_H

#include <linux/types.h>

struct dma_buf;
struct iomd_mapping;

/*
 * The kernel's own view of memory that we export, for writing or not; ended by
 * iomd_mapping_release(). NULL of what others export, whom dma_buf_vmap() asks; ERR_PTR:
 * -EACCES if it must not be written; -EOPNOTSUPP of a device's memory; else as iomd_map().
 */
struct iomd_mapping *iomd_dma_buf_lend(const struct dma_buf *dmabuf, bool write);

#endif
