/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_BUF_WHOLE_H
#define IOMD_DMA_BUF_WHOLE_H

#include <linux/types.h>

struct iomd;
struct os_meta_class;

extern struct os_meta_class iomd_whole_meta_class;

/*
 * The pages that the first @length bytes of a buffer of ours lie in, all of them, as a
 * descriptor that a change of the buffer's length does not touch. It prepares the
 * buffer; ERR_PTR(-ENOMEM).
 */
struct iomd *iomd_whole_pages(struct iomd *buffer, u64 length);

#endif
