/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who locks a dma-buf that is to be seen by the kernel: once nobody, now the caller,
 * or the function that says so. And how an exporter tells importers that its memory
 * moves.
 */
#ifndef IOMD_COMPAT_DMA_BUF_H
#define IOMD_COMPAT_DMA_BUF_H

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>

static inline int iomd_compat_dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
#ifdef IOMD_HAVE_DMA_BUF_VMAP_UNLOCKED
	return dma_buf_vmap_unlocked(dmabuf, map);
#else
	return dma_buf_vmap(dmabuf, map);
#endif
}

static inline void iomd_compat_dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
#ifdef IOMD_HAVE_DMA_BUF_VMAP_UNLOCKED
	dma_buf_vunmap_unlocked(dmabuf, map);
#else
	dma_buf_vunmap(dmabuf, map);
#endif
}

/* The member of struct dma_buf_attach_ops by which an importer is told. */
#ifdef IOMD_HAVE_DMA_BUF_MOVES_INVALIDATE
#define iomd_compat_move_notify	invalidate_mappings
#else
#define iomd_compat_move_notify	move_notify
#endif

static inline void iomd_compat_dma_buf_moves(struct dma_buf *dmabuf)
{
#ifdef IOMD_HAVE_DMA_BUF_MOVES_INVALIDATE
	dma_buf_invalidate_mappings(dmabuf);
#else
	dma_buf_move_notify(dmabuf);
#endif
}

#endif
