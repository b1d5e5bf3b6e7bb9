// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors for DMA engines: maps for the engine's device, and the engine's own
 * descriptors for what they show. The maps keep the memory prepared until the engine
 * is done, or was stopped and is known to be.
 */
#include <linux/completion.h>
#include <linux/dmaengine.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dmaengine.h>

#include "../debug/inject.h"

/* A callback for each piece, as only a piece's own tells that it failed. */
#define FLAGS	(DMA_PREP_INTERRUPT | DMA_CTRL_ACK)

struct iomd_dmaengine_transfer {
	struct dma_chan *channel;
	/* For a device's own data one is NULL. */
	struct iomd_dma_map *from, *to;
	struct dma_async_tx_descriptor **pieces;
	unsigned int count;
	bool submitted;
	/* Pieces that the engine has not ended, and the first error. */
	atomic_t pending;
	int error;
	struct completion done;
	iomd_dmaengine_callback callback;
	void *data;
};

/*
 * Pieces
 */

/* Where in a map's table somebody is. */
struct place {
	struct scatterlist *sg;
	u32 offset;
};

static u32 room(struct place *place)
{
	if (place->offset == sg_dma_len(place->sg)) {
		place->sg = sg_next(place->sg);
		place->offset = 0;
	}
	return sg_dma_len(place->sg) - place->offset;
}

static dma_addr_t address(const struct place *place)
{
	return sg_dma_address(place->sg) + place->offset;
}

/* The next piece, within a segment on either side. */
static struct dma_async_tx_descriptor *prep_piece(struct dma_chan *channel, struct place *to,
						  struct place *from, u32 length)
{
	struct dma_async_tx_descriptor *piece = NULL;

	if (!is_dma_copy_aligned(channel->device, address(from), address(to), length))
		return ERR_PTR(-EINVAL);
	if (!iomd_should_fail())
		piece = dmaengine_prep_dma_memcpy(channel, address(to), address(from), length,
						  FLAGS);
	to->offset += length;
	from->offset += length;
	return piece ?: ERR_PTR(-ENOMEM);
}

static int prep_pieces(struct iomd_dmaengine_transfer *transfer)
{
	struct place to = { .sg = transfer->to->sgt.sgl };
	struct place from = { .sg = transfer->from->sgt.sgl };
	u64 left = transfer->to->length;

	while (left) {
		struct dma_async_tx_descriptor *piece;
		u32 length = min(room(&to), room(&from));

		piece = prep_piece(transfer->channel, &to, &from, length);
		if (IS_ERR(piece))
			return PTR_ERR(piece);
		transfer->pieces[transfer->count++] = piece;
		left -= length;
	}
	return 0;
}

static void piece_is_done(void *data, const struct dmaengine_result *result)
{
	struct iomd_dmaengine_transfer *transfer = data;

	if (result && result->result != DMA_TRANS_NOERROR)
		cmpxchg(&transfer->error, 0, -EIO);
	if (!atomic_dec_and_test(&transfer->pending))
		return;
	if (transfer->callback)
		transfer->callback(transfer->data, transfer->error);
	complete_all(&transfer->done);
}

/* Hand the pieces to the engine, which does not begin before it is told to. */
static int submit(struct iomd_dmaengine_transfer *transfer)
{
	unsigned int i;
	int ret = 0;

	transfer->submitted = true;
	atomic_set(&transfer->pending, transfer->count);
	for (i = 0; i < transfer->count; i++) {
		struct dma_async_tx_descriptor *piece = transfer->pieces[i];

		piece->callback_result = piece_is_done;
		piece->callback_param = transfer;
		ret = dma_submit_error(dmaengine_submit(piece)) ?: ret;
	}
	return ret;
}

/*
 * Making and ending
 */

static struct iomd_dma_map *map(struct dma_chan *channel, struct iomd *md, u64 offset,
				u64 length, u64 direction)
{
	return iomd_dma_map(md, dmaengine_get_dma_device(channel), offset, length, direction);
}

static void unmap(struct iomd_dmaengine_transfer *transfer)
{
	iomd_dma_unmap(transfer->to);
	iomd_dma_unmap(transfer->from);
	kvfree(transfer->pieces);
	kfree(transfer);
}

/*
 * The engine forgets its descriptors once they have been handed to it, and only then.
 * -EOPNOTSUPP if it can't.
 */
static int withdraw(struct iomd_dmaengine_transfer *transfer)
{
	if (!transfer->count)
		return 0;
	if (!transfer->channel->device->device_terminate_all)
		return -EOPNOTSUPP;
	if (!transfer->submitted)
		submit(transfer);
	return dmaengine_terminate_sync(transfer->channel);
}

static struct iomd_dmaengine_transfer *alloc(struct dma_chan *channel)
{
	struct iomd_dmaengine_transfer *transfer = NULL;

	if (!iomd_should_fail())
		transfer = kzalloc(sizeof(*transfer), GFP_KERNEL_ACCOUNT);
	if (!transfer)
		return NULL;
	transfer->channel = channel;
	init_completion(&transfer->done);
	return transfer;
}

static int alloc_pieces(struct iomd_dmaengine_transfer *transfer, unsigned int most)
{
	if (!iomd_should_fail())
		transfer->pieces = kvmalloc_array(most, sizeof(*transfer->pieces),
						  GFP_KERNEL_ACCOUNT);
	return transfer->pieces ? 0 : -ENOMEM;
}

/* What can't be withdrawn is left to the engine, which may yet look at it. */
static struct iomd_dmaengine_transfer *give_up(struct iomd_dmaengine_transfer *transfer, int ret)
{
	if (!withdraw(transfer))
		unmap(transfer);
	return ERR_PTR(ret);
}

/**
 * iomd_dmaengine_prep_memcpy() - have a DMA engine copy between descriptors
 * @channel: channel that copies memory, the caller's alone
 * @to: descriptor, prepared for IN
 * @to_offset: first byte in it
 * @from: descriptor, prepared
 * @from_offset: first byte in it
 * @length: bytes
 *
 * Both are mapped for the engine, and one of its descriptors is prepared for each piece
 * that is contiguous on either side. The maps, and with them the preparations, last
 * until iomd_dmaengine_end().
 *
 * Return: the transfer; or ERR_PTR: -EOPNOTSUPP if the channel does not copy memory;
 * -EINVAL if a piece is not aligned as the engine has it (copy_align); -ENOMEM, also if
 * the engine has not so many descriptors; else see iomd_dma_map().
 * Context: may sleep.
 */
struct iomd_dmaengine_transfer *
iomd_dmaengine_prep_memcpy(struct dma_chan *channel, struct iomd *to, u64 to_offset,
			   struct iomd *from, u64 from_offset, u64 length)
{
	struct iomd_dmaengine_transfer *transfer;
	struct iomd_dma_map *mapped;
	int ret;

	if (!dma_has_cap(DMA_MEMCPY, channel->device->cap_mask))
		return ERR_PTR(-EOPNOTSUPP);
	transfer = alloc(channel);
	if (!transfer)
		return ERR_PTR(-ENOMEM);
	mapped = map(channel, to, to_offset, length, IOMD_DIRECTION_IN);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	transfer->to = mapped;
	mapped = map(channel, from, from_offset, length, IOMD_DIRECTION_OUT);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	transfer->from = mapped;
	/* Each ends a segment on at least one side. */
	ret = alloc_pieces(transfer, transfer->to->sgt.nents + transfer->from->sgt.nents) ?:
	      prep_pieces(transfer);
	return ret ? give_up(transfer, ret) : transfer;
}
IOMD_EXPORT(iomd_dmaengine_prep_memcpy);

/**
 * iomd_dmaengine_prep_slave() - have a DMA engine move data of a device
 * @channel: channel of that device, configured (dmaengine_slave_config()), the caller's
 *	alone
 * @md: descriptor, prepared
 * @offset: first byte
 * @length: bytes
 * @direction: IOMD_DIRECTION_IN: from the device to memory; IOMD_DIRECTION_OUT: to the
 *	device
 *
 * One of the engine's descriptors for all segments; else as
 * iomd_dmaengine_prep_memcpy().
 *
 * Return: the transfer; or ERR_PTR: -EINVAL for other directions; -EOPNOTSUPP if the
 * channel takes no lists of segments; -ENOMEM, also if the engine takes no list like
 * this one; else see iomd_dma_map().
 * Context: may sleep.
 */
struct iomd_dmaengine_transfer *
iomd_dmaengine_prep_slave(struct dma_chan *channel, struct iomd *md, u64 offset, u64 length,
			  u64 direction)
{
	bool in = direction == IOMD_DIRECTION_IN;
	struct iomd_dmaengine_transfer *transfer;
	struct iomd_dma_map *mapped;
	int ret;

	if (!in && direction != IOMD_DIRECTION_OUT)
		return ERR_PTR(-EINVAL);
	if (!channel->device->device_prep_slave_sg)
		return ERR_PTR(-EOPNOTSUPP);
	transfer = alloc(channel);
	if (!transfer)
		return ERR_PTR(-ENOMEM);
	mapped = map(channel, md, offset, length, direction);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	*(in ? &transfer->to : &transfer->from) = mapped;
	ret = alloc_pieces(transfer, 1);
	if (ret)
		return give_up(transfer, ret);
	if (!iomd_should_fail())
		transfer->pieces[0] = dmaengine_prep_slave_sg(channel, mapped->sgt.sgl,
							      mapped->sgt.nents,
							      in ? DMA_DEV_TO_MEM :
								   DMA_MEM_TO_DEV, FLAGS);
	else
		transfer->pieces[0] = NULL;
	if (!transfer->pieces[0])
		return give_up(transfer, -ENOMEM);
	transfer->count = 1;
	return transfer;
}
IOMD_EXPORT(iomd_dmaengine_prep_slave);

/**
 * iomd_dmaengine_start() - have the engine begin
 * @transfer: transfer, not started before
 * @callback: called when it is over, unless it is ended before; may be NULL
 * @data: for @callback
 *
 * Return: 0; -EALREADY if it was started; -EIO if the engine does not take it: then it
 * is to be ended.
 * Context: any in which the engine's descriptors may be submitted.
 */
int iomd_dmaengine_start(struct iomd_dmaengine_transfer *transfer,
			 iomd_dmaengine_callback callback, void *data)
{
	if (transfer->submitted)
		return -EALREADY;
	transfer->callback = callback;
	transfer->data = data;
	if (submit(transfer))
		return -EIO;
	dma_async_issue_pending(transfer->channel);
	return 0;
}
IOMD_EXPORT(iomd_dmaengine_start);

/**
 * iomd_dmaengine_wait() - wait until a transfer is over
 * @transfer: transfer that was started
 * @timeout: jiffies at most
 *
 * Return: 0; -EIO if the engine met an error; -ETIMEDOUT: it goes on.
 * Context: may sleep.
 */
int iomd_dmaengine_wait(struct iomd_dmaengine_transfer *transfer, unsigned long timeout)
{
	if (!wait_for_completion_timeout(&transfer->done, timeout))
		return -ETIMEDOUT;
	return READ_ONCE(transfer->error);
}
IOMD_EXPORT(iomd_dmaengine_wait);

/**
 * iomd_dmaengine_end() - end a transfer, and with it the maps of its memory
 * @transfer: transfer in any state, or NULL
 *
 * One that is not over is stopped, and with it all that the channel does; then its
 * callback does not come any more.
 *
 * Return: 0; -EBUSY if it is not over and the engine can't stop: then nothing is ended,
 * and the memory stays prepared; else what the engine said, with nothing ended either.
 * Context: may sleep; not from a callback.
 */
int iomd_dmaengine_end(struct iomd_dmaengine_transfer *transfer)
{
	int ret = 0;

	might_sleep();
	if (!transfer)
		return 0;
	if (!completion_done(&transfer->done))
		ret = withdraw(transfer);
	if (ret)
		return ret == -EOPNOTSUPP ? -EBUSY : ret;
	unmap(transfer);
	return 0;
}
IOMD_EXPORT(iomd_dmaengine_end);
