// SPDX-License-Identifier: GPL-2.0
/* There is a function that shows a dma-buf to the kernel. */
#include <linux/dma-buf.h>

static int __maybe_unused probe(struct dma_buf *dmabuf, struct iosys_map *map)
{
	return dma_buf_vmap(dmabuf, map);
}
