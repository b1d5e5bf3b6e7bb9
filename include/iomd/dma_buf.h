/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory shared with the rest of Linux, as a dma-buf: a descriptor that others
 * import, and what others export as a descriptor. On kernels with
 * CONFIG_DMA_SHARED_BUFFER; who calls functions of <linux/dma-buf.h> as well imports
 * the namespace DMA_BUF.
 */
#ifndef IOMD_DMA_BUF_H
#define IOMD_DMA_BUF_H

#include <linux/export.h>
#include <linux/types.h>

#include <iomd/version.h>

struct dma_buf;
struct iomd;
struct module;

struct dma_buf *iomd_dma_buf_export_owned(struct iomd *md, int flags, struct module *owner);
int iomd_dma_buf_export_fd_owned(struct iomd *md, int flags, struct module *owner);

/* On behalf of the calling module, which stays as long as the dma-buf does. */
#define iomd_dma_buf_export(md, flags)	\
	iomd_dma_buf_export_owned(md, flags, THIS_MODULE)
#define iomd_dma_buf_export_fd(md, flags)	\
	iomd_dma_buf_export_fd_owned(md, flags, THIS_MODULE)

bool iomd_dma_buf_is_bounced(const struct dma_buf *dmabuf);

struct iomd *iomd_with_dma_buf(struct dma_buf *dmabuf, u64 offset, u64 length, u64 direction);
struct iomd *iomd_with_dma_buf_fd(int fd, u64 offset, u64 length, u64 direction);

#endif
