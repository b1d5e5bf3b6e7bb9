// SPDX-License-Identifier: GPL-2.0
/* An exporter says that mappings of its memory are no longer valid. */
#include <linux/dma-buf.h>

static const struct dma_buf_attach_ops __maybe_unused ops = { .invalidate_mappings = NULL };

static void __maybe_unused probe(struct dma_buf *dmabuf)
{
	dma_buf_invalidate_mappings(dmabuf);
}
