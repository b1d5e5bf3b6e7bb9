/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Descriptors for the channel of a DMA engine. On kernels with CONFIG_DMA_ENGINE.
 */
#ifndef IOMD_DMAENGINE_H
#define IOMD_DMAENGINE_H

#include <linux/types.h>

#include <iomd/version.h>

struct dma_chan;
struct iomd;
struct iomd_dmaengine_transfer;

/**
 * typedef iomd_dmaengine_callback - a transfer is over
 * @data: what iomd_dmaengine_start() was given
 * @error: 0; or -EIO if the engine met an error
 *
 * Context: as callbacks of the engine, mostly a tasklet; that of iomd_dmaengine_start() if
 * the engine is done before it returns: must not sleep, nor end the transfer.
 */
typedef void (*iomd_dmaengine_callback)(void *data, int error);

struct iomd_dmaengine_transfer *
iomd_dmaengine_prep_memcpy(struct dma_chan *channel, struct iomd *to, u64 to_offset,
			   struct iomd *from, u64 from_offset, u64 length);
struct iomd_dmaengine_transfer *
iomd_dmaengine_prep_slave(struct dma_chan *channel, struct iomd *md, u64 offset, u64 length,
			  u64 direction);
int iomd_dmaengine_start(struct iomd_dmaengine_transfer *transfer,
			 iomd_dmaengine_callback callback, void *data);
int iomd_dmaengine_wait(struct iomd_dmaengine_transfer *transfer, unsigned long timeout);
int iomd_dmaengine_end(struct iomd_dmaengine_transfer *transfer);

#endif
