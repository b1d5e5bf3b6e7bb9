// SPDX-License-Identifier: GPL-2.0
/* An exporter says that its memory moves. */
#include <linux/dma-buf.h>

static const struct dma_buf_attach_ops __maybe_unused ops = { .move_notify = NULL };

static void __maybe_unused probe(struct dma_buf *dmabuf)
{
	dma_buf_move_notify(dmabuf);
}
