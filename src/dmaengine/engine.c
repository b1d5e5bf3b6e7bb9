// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors for DMA engines: maps for the engine's device, and the engine's own
 * descriptors for what they show. The maps keep the memory prepared until the engine
 * is done, or was stopped and is known to be.
 *
 * An engine may hold a lock from when a descriptor is prepared until it is submitted, and
 * forgets one that was prepared and not submitted in no other way. So what may go wrong is
 * looked for first, and each piece is prepared and submitted in one go.
 */
#include <linux/completion.h>
#include <linux/dmaengine.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dmaengine.h>

#include "../debug/inject.h"
#include "../gfp.h"

/* A callback for each piece, as only a piece's own tells that it failed. */
#define FLAGS	(DMA_PREP_INTERRUPT | DMA_CTRL_ACK)

struct iomd_dmaengine_transfer {
	struct dma_chan *channel;
	/* For a device's own data one is NULL. */
	struct iomd_dma_map *from, *to;
	/* Is something the engine's? */
	bool submitted;
	/* Pieces that the engine has not ended, and one while they are handed to it. */
	atomic_t pending;
	/* The first error. */
	int error;
	struct completion done;
	iomd_dmaengine_callback callback;
	void *data;
};

/*
 * Pieces
 */

/* Where in a map's table somebody is. */
struct table_place {
	struct scatterlist *sg;
	u32 offset;
};

static u32 place_room(struct table_place *place)
{
	if (place->offset == sg_dma_len(place->sg)) {
		place->sg = sg_next(place->sg);
		place->offset = 0;
	}
	return sg_dma_len(place->sg) - place->offset;
}

static dma_addr_t place_address(const struct table_place *place)
{
	return sg_dma_address(place->sg) + place->offset;
}

/* A piece is within a segment on either side. */
struct walk {
	struct table_place to, from;
	u64 left;
	u32 length;
};

static struct walk start_walk(const struct iomd_dmaengine_transfer *transfer)
{
	return (struct walk) {
		.to.sg = transfer->to->sgt.sgl,
		.from.sg = transfer->from->sgt.sgl,
		.left = transfer->to->length,
	};
}

static bool next_piece(struct walk *walk)
{
	walk->to.offset += walk->length;
	walk->from.offset += walk->length;
	walk->left -= walk->length;
	if (!walk->left)
		return false;
	walk->length = min(place_room(&walk->to), place_room(&walk->from));
	return true;
}

/* Nothing that can be known before is found out halfway. */
static int check_pieces(const struct iomd_dmaengine_transfer *transfer)
{
	struct walk walk = start_walk(transfer);

	while (next_piece(&walk))
		if (!is_dma_copy_aligned(transfer->channel->device, place_address(&walk.from),
					 place_address(&walk.to), walk.length))
			return -EINVAL;
	return 0;
}

static void put_piece(struct iomd_dmaengine_transfer *transfer)
{
	if (!atomic_dec_and_test(&transfer->pending))
		return;
	if (transfer->callback)
		transfer->callback(transfer->data, transfer->error);
	complete_all(&transfer->done);
}

static void piece_is_done(void *data, const struct dmaengine_result *result)
{
	struct iomd_dmaengine_transfer *transfer = data;

	if (result && result->result != DMA_TRANS_NOERROR)
		cmpxchg(&transfer->error, 0, -EIO);
	put_piece(transfer);
}

/* Of a piece that it refuses to take the engine does not tell when it is done. */
static int transfer_submit(struct iomd_dmaengine_transfer *transfer,
			   struct dma_async_tx_descriptor *piece)
{
	if (!piece)
		return -ENOMEM;
	piece->callback_result = piece_is_done;
	piece->callback_param = transfer;
	atomic_inc(&transfer->pending);
	if (dma_submit_error(dmaengine_submit(piece))) {
		atomic_dec(&transfer->pending);
		return -EIO;
	}
	transfer->submitted = true;
	return 0;
}

/* Nothing comes between: the engine may hold a lock. */
static int submit_copies(struct iomd_dmaengine_transfer *transfer)
{
	struct dma_async_tx_descriptor *piece;
	struct walk walk = start_walk(transfer);
	int ret = 0;

	while (!ret && next_piece(&walk)) {
		piece = iomd_should_fail() ? NULL :
			dmaengine_prep_dma_memcpy(transfer->channel, place_address(&walk.to),
						  place_address(&walk.from), walk.length, FLAGS);
		ret = transfer_submit(transfer, piece);
	}
	return ret;
}

static int submit_list(struct iomd_dmaengine_transfer *transfer)
{
	bool in = transfer->to;
	const struct sg_table *table = in ? &transfer->to->sgt : &transfer->from->sgt;

	if (iomd_should_fail())
		return -ENOMEM;
	return transfer_submit(transfer,
			       dmaengine_prep_slave_sg(transfer->channel, table->sgl, table->nents,
						       in ? DMA_DEV_TO_MEM : DMA_MEM_TO_DEV,
						       FLAGS));
}

/*
 * Making and ending
 */

static struct iomd_dma_map *transfer_map(struct dma_chan *channel, struct iomd *md, u64 offset,
					 u64 length, u64 direction)
{
	return iomd_dma_map(md, dmaengine_get_dma_device(channel), offset, length, direction);
}

static void transfer_unmap(struct iomd_dmaengine_transfer *transfer)
{
	iomd_dma_unmap(transfer->to);
	iomd_dma_unmap(transfer->from);
	kfree(transfer);
}

/*
 * Stopping concerns all that a channel does, and so is for who has it alone. An engine that
 * can't synchronize may be in the middle of a piece, or of its callback, for some time after
 * it was told to stop. -EOPNOTSUPP if others may use the channel, or it can't be known to
 * have stopped.
 */
static int transfer_stop(struct iomd_dmaengine_transfer *transfer)
{
	struct dma_device *device = transfer->channel->device;

	if (!device->device_terminate_all || !device->device_synchronize ||
	    !dma_has_cap(DMA_PRIVATE, device->cap_mask))
		return -EOPNOTSUPP;
	return dmaengine_terminate_sync(transfer->channel);
}

static struct iomd_dmaengine_transfer *transfer_alloc(struct dma_chan *channel)
{
	struct iomd_dmaengine_transfer *transfer = NULL;

	if (!iomd_should_fail())
		transfer = kzalloc(sizeof(*transfer), IOMD_GFP_SIZED);
	if (!transfer)
		return NULL;
	transfer->channel = channel;
	init_completion(&transfer->done);
	return transfer;
}

static struct iomd_dmaengine_transfer *give_up(struct iomd_dmaengine_transfer *transfer, int ret)
{
	transfer_unmap(transfer);
	return ERR_PTR(ret);
}

/**
 * iomd_dmaengine_prep_memcpy() - have a DMA engine copy between descriptors
 * @channel: channel that copies memory; others may use it too
 * @to: descriptor, prepared for IN
 * @to_offset: first byte in it
 * @from: descriptor, prepared
 * @from_offset: first byte in it
 * @length: bytes
 *
 * Both are mapped for the engine, which is to copy piece by piece what is contiguous on
 * either side. The maps, and with them the preparations, last until
 * iomd_dmaengine_end(). The engine learns of it when it is started.
 *
 * Return: the transfer; or ERR_PTR: -EOPNOTSUPP if the channel does not copy memory;
 * -EINVAL if a piece is not aligned as the engine has it (copy_align); -ENOMEM; else see
 * iomd_dma_map().
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
	transfer = transfer_alloc(channel);
	if (!transfer)
		return ERR_PTR(-ENOMEM);
	mapped = transfer_map(channel, to, to_offset, length, IOMD_DIRECTION_IN);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	transfer->to = mapped;
	mapped = transfer_map(channel, from, from_offset, length, IOMD_DIRECTION_OUT);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	transfer->from = mapped;
	ret = check_pieces(transfer);
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
 * channel takes no lists of segments; -ENOMEM; else see iomd_dma_map().
 * Context: may sleep.
 */
struct iomd_dmaengine_transfer *
iomd_dmaengine_prep_slave(struct dma_chan *channel, struct iomd *md, u64 offset, u64 length,
			  u64 direction)
{
	bool in = direction == IOMD_DIRECTION_IN;
	struct iomd_dmaengine_transfer *transfer;
	struct iomd_dma_map *mapped;

	if (!in && direction != IOMD_DIRECTION_OUT)
		return ERR_PTR(-EINVAL);
	if (!channel->device->device_prep_slave_sg)
		return ERR_PTR(-EOPNOTSUPP);
	transfer = transfer_alloc(channel);
	if (!transfer)
		return ERR_PTR(-ENOMEM);
	mapped = transfer_map(channel, md, offset, length, direction);
	if (IS_ERR(mapped))
		return give_up(transfer, PTR_ERR(mapped));
	*(in ? &transfer->to : &transfer->from) = mapped;
	return transfer;
}
IOMD_EXPORT(iomd_dmaengine_prep_slave);

/**
 * iomd_dmaengine_start() - have the engine begin
 * @transfer: transfer, not started before
 * @callback: called when it is over, unless it is ended before; may be NULL
 * @data: for @callback
 *
 * Each piece is prepared and submitted in one go, in the order of the memory; the engine
 * may do them in any. Where it does not take all of them, it does what it has taken, and
 * the destination holds some of the bytes.
 *
 * Return: 0; -EALREADY if it was started; -ENOMEM if the engine has not so many
 * descriptors, or takes no list like this one; -EIO if it does not take one. After the
 * last two there is no callback. iomd_dmaengine_wait() tells when the engine is through
 * with what it took, and then it is to be ended; if it took nothing, it may be started
 * again.
 * Context: any in which the engine's descriptors may be prepared and submitted.
 */
int iomd_dmaengine_start(struct iomd_dmaengine_transfer *transfer,
			 iomd_dmaengine_callback callback, void *data)
{
	int ret;

	if (transfer->submitted)
		return -EALREADY;
	transfer->callback = callback;
	transfer->data = data;
	/* Nothing is over while it is handed over. */
	atomic_set(&transfer->pending, 1);
	ret = transfer->to && transfer->from ? submit_copies(transfer) : submit_list(transfer);
	if (ret) {
		transfer->callback = NULL;
		if (!transfer->submitted)
			return ret;
		cmpxchg(&transfer->error, 0, ret);
	}
	dma_async_issue_pending(transfer->channel);
	put_piece(transfer);
	return ret;
}
IOMD_EXPORT(iomd_dmaengine_start);

/**
 * iomd_dmaengine_wait() - wait until a transfer is over
 * @transfer: transfer that was started
 * @timeout: jiffies at most
 *
 * Return: 0; -EIO if the engine met an error; what iomd_dmaengine_start() said;
 * -ETIMEDOUT: it goes on, or was not started.
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
 * One that is not over is stopped if the channel is the caller's alone
 * (dma_request_chan() and its like), and with it all that the channel does; then its
 * callback does not come any more. One that was not started leaves the channel alone.
 *
 * Return: 0; -EBUSY if it is not over and can't be stopped, as the engine can't, its driver
 * can't tell when it has (it has no device_synchronize), or others use the channel: then
 * nothing is ended, and the memory stays prepared; iomd_dmaengine_wait() tells when it is
 * over; else what the engine said, with nothing ended either.
 * Context: may sleep; not from a callback.
 */
int iomd_dmaengine_end(struct iomd_dmaengine_transfer *transfer)
{
	int ret = 0;

	might_sleep();
	if (!transfer)
		return 0;
	if (transfer->submitted && !completion_done(&transfer->done))
		ret = transfer_stop(transfer);
	if (ret)
		return ret == -EOPNOTSUPP ? -EBUSY : ret;
	transfer_unmap(transfer);
	return 0;
}
IOMD_EXPORT(iomd_dmaengine_end);
