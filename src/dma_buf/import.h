/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DMA_BUF_IMPORT_H
#define IOMD_DMA_BUF_IMPORT_H

struct os_meta_class;

extern struct os_meta_class iomd_dma_buf_meta_class;

#endif
