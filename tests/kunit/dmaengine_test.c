// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors for DMA engines, of which one lives here: it moves what it is told when
 * it is told, in the order or against it, or fails, or stops, or can't. It is as strict as
 * engines may be: it holds a lock from each prepare to the submit.
 */
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "bench.h"
#include "maps.h"

#define PAGES	6

/*
 * The engine
 */

/* One of its descriptors. */
struct piece {
	struct dma_async_tx_descriptor tx;
	struct list_head node;
	dma_addr_t to, from;
	size_t length;
	/* Or a list, between memory and a register of a device. */
	struct scatterlist *list;
	unsigned int entries;
	enum dma_transfer_direction direction;
};

struct engine {
	struct dma_device device;
	struct dma_chan channel;
	struct kunit *test;
	/* Not submitted, submitted, issued. */
	struct list_head prepared, submitted, issued;
	/* Moved, and its client not told yet: of this it can't be stopped any more. */
	struct piece *moved;
	/* From a prepare to the submit, which must come next, and who holds it. */
	spinlock_t lock;
	struct task_struct *preparing;
	unsigned int room, live, terminated;
	/* Prepares, of which the one with this number fails. */
	unsigned int prepares, fail_at;
	bool refuse, backwards;
	/* What the device behind it holds. */
	u8 data[PAGES * PAGE_SIZE];
};

static struct engine *engine_of(struct dma_chan *channel)
{
	return container_of(channel, struct engine, channel);
}

static void drop_piece(struct engine *engine, struct piece *piece)
{
	list_del(&piece->node);
	kfree(piece);
	engine->live--;
}

static dma_cookie_t engine_submit(struct dma_async_tx_descriptor *tx)
{
	struct piece *piece = container_of(tx, struct piece, tx);
	struct engine *engine = engine_of(tx->chan);
	struct kunit *test = engine->test;
	dma_cookie_t cookie = -EIO;

	KUNIT_EXPECT_PTR_EQ_MSG(test, engine->preparing, current, "submitted late");
	if (engine->refuse) {
		drop_piece(engine, piece);
	} else {
		list_move_tail(&piece->node, &engine->submitted);
		cookie = ++tx->chan->cookie;
		tx->cookie = cookie;
	}
	if (engine->preparing == current) {
		engine->preparing = NULL;
		/* What the prepare that took it gave away. */
		__acquire(&engine->lock);
		spin_unlock_bh(&engine->lock);
	}
	return cookie;
}

/* With the lock held, unless it is NULL. */
static struct piece *new_piece(struct dma_chan *channel, unsigned long flags)
{
	struct engine *engine = engine_of(channel);
	struct piece *piece = NULL;

	if (engine->preparing == current) {
		KUNIT_FAIL(engine->test, "prepares two, and submits none");
		return NULL;
	}
	spin_lock_bh(&engine->lock);
	if (engine->live < engine->room && ++engine->prepares != engine->fail_at)
		piece = kzalloc(sizeof(*piece), GFP_ATOMIC);
	if (!piece) {
		spin_unlock_bh(&engine->lock);
		return NULL;
	}
	engine->preparing = current;
	dma_async_tx_descriptor_init(&piece->tx, channel);
	piece->tx.flags = flags;
	piece->tx.tx_submit = engine_submit;
	list_add_tail(&piece->node, &engine->prepared);
	engine->live++;
	/* Held until the submit. */
	__release(&engine->lock);
	return piece;
}

static struct dma_async_tx_descriptor *
engine_prep_memcpy(struct dma_chan *channel, dma_addr_t to, dma_addr_t from, size_t length,
		   unsigned long flags)
{
	struct piece *piece = new_piece(channel, flags);

	if (!piece)
		return NULL;
	KUNIT_EXPECT_LE(engine_of(channel)->test, length,
			(size_t)dma_get_max_seg_size(channel->device->dev));
	KUNIT_EXPECT_TRUE(engine_of(channel)->test,
			  is_dma_copy_aligned(channel->device, from, to, length));
	piece->to = to;
	piece->from = from;
	piece->length = length;
	return &piece->tx;
}

static struct dma_async_tx_descriptor *
engine_prep_slave(struct dma_chan *channel, struct scatterlist *list, unsigned int entries,
		  enum dma_transfer_direction direction, unsigned long flags, void *context)
{
	struct piece *piece = new_piece(channel, flags);

	if (!piece)
		return NULL;
	piece->list = list;
	piece->entries = entries;
	piece->direction = direction;
	return &piece->tx;
}

static void engine_issue(struct dma_chan *channel)
{
	struct engine *engine = engine_of(channel);

	list_splice_tail_init(&engine->submitted, &engine->issued);
}

static enum dma_status engine_status(struct dma_chan *channel, dma_cookie_t cookie,
				     struct dma_tx_state *state)
{
	return dma_async_is_complete(cookie, channel->completed_cookie, channel->cookie);
}

static void drop(struct engine *engine, struct list_head *pieces)
{
	struct piece *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, node)
		drop_piece(engine, piece);
}

/*
 * As engines do, it forgets what it was given, not what was only prepared; what it has just
 * done it is about to tell, and may do so later.
 */
static int engine_terminate(struct dma_chan *channel)
{
	struct engine *engine = engine_of(channel);

	drop(engine, &engine->submitted);
	drop(engine, &engine->issued);
	engine->terminated++;
	return 0;
}

static void move_list(struct engine *engine, struct piece *piece)
{
	struct strict_list list = { .test = engine->test, .count = 1 };
	bool write = piece->direction == DMA_DEV_TO_MEM;
	struct iomd_dma_segment64 segment;
	struct scatterlist *sg;
	unsigned int i, at = 0;

	list.segments = &segment;
	for_each_sg(piece->list, sg, piece->entries, i) {
		segment.iovm_addr = sg_dma_address(sg);
		segment.length = sg_dma_len(sg);
		if (write)
			strict_device_write(&list, 0, engine->data + at, segment.length);
		else
			strict_device_read(&list, 0, engine->data + at, segment.length);
		at += segment.length;
	}
}

static void move_piece(struct engine *engine, struct piece *piece)
{
	struct iomd_dma_segment64 from = { piece->from, piece->length };
	struct iomd_dma_segment64 to = { piece->to, piece->length };
	struct strict_list list = { .test = engine->test, .count = 1 };

	if (piece->list) {
		move_list(engine, piece);
		return;
	}
	list.segments = &from;
	strict_device_read(&list, 0, engine->data, piece->length);
	list.segments = &to;
	strict_device_write(&list, 0, engine->data, piece->length);
}

/* Do the next piece, if there is one, but tell nobody yet. */
static bool move_one(struct engine *engine, enum dmaengine_tx_result result)
{
	struct piece *piece;

	if (list_empty(&engine->issued))
		return false;
	piece = list_entry(engine->backwards ? engine->issued.prev : engine->issued.next,
			   struct piece, node);
	if (result == DMA_TRANS_NOERROR)
		move_piece(engine, piece);
	engine->channel.completed_cookie = piece->tx.cookie;
	list_del(&piece->node);
	engine->moved = piece;
	return true;
}

static void tell_client(struct engine *engine, enum dmaengine_tx_result result)
{
	struct dmaengine_result told = { .result = result };
	struct piece *piece = engine->moved;

	if (!piece)
		return;
	engine->moved = NULL;
	piece->tx.callback_result(piece->tx.callback_param, &told);
	kfree(piece);
	engine->live--;
}

/* Nothing is told after this. */
static void engine_synchronize(struct dma_chan *channel)
{
	tell_client(engine_of(channel), DMA_TRANS_NOERROR);
}

/* Do the next piece, if there is one. */
static bool run_one(struct engine *engine, enum dmaengine_tx_result result)
{
	if (!move_one(engine, result))
		return false;
	tell_client(engine, result);
	return true;
}

static unsigned int run(struct engine *engine)
{
	unsigned int pieces = 0;

	while (run_one(engine, DMA_TRANS_NOERROR))
		pieces++;
	return pieces;
}

static struct engine *engine_make(struct kunit *test)
{
	struct engine *engine = kunit_kzalloc(test, sizeof(*engine), GFP_KERNEL);
	struct dma_device *device;

	KUNIT_ASSERT_NOT_NULL(test, engine);
	engine->test = test;
	engine->room = 100;
	spin_lock_init(&engine->lock);
	INIT_LIST_HEAD(&engine->prepared);
	INIT_LIST_HEAD(&engine->submitted);
	INIT_LIST_HEAD(&engine->issued);
	device = &engine->device;
	device->dev = driven_device(test, 64);
	dma_set_max_seg_size(device->dev, SZ_64K);
	dma_cap_set(DMA_MEMCPY, device->cap_mask);
	dma_cap_set(DMA_SLAVE, device->cap_mask);
	dma_cap_set(DMA_PRIVATE, device->cap_mask);
	device->directions = BIT(DMA_MEM_TO_MEM) | BIT(DMA_DEV_TO_MEM) | BIT(DMA_MEM_TO_DEV);
	device->device_prep_dma_memcpy = engine_prep_memcpy;
	device->device_prep_slave_sg = engine_prep_slave;
	device->device_issue_pending = engine_issue;
	device->device_tx_status = engine_status;
	device->device_terminate_all = engine_terminate;
	device->device_synchronize = engine_synchronize;
	INIT_LIST_HEAD(&device->channels);
	engine->channel.device = device;
	list_add_tail(&engine->channel.device_node, &device->channels);
	KUNIT_ASSERT_EQ(test, dma_async_device_register(device), 0);
	return engine;
}

static void engine_end(struct engine *engine)
{
	struct device *dev = engine->device.dev;

	KUNIT_EXPECT_EQ(engine->test, engine->live, 0U);
	drop(engine, &engine->prepared);
	dma_async_device_unregister(&engine->device);
	driven_device_remove(dev);
}

/*
 * Its clients
 */

struct pair {
	struct leaf from, to;
	struct iomd *source, *destination;
};

static void pair_make(struct kunit *test, struct pair *pair)
{
	leaf_make(&pair->from, test, PAGES);
	leaf_make(&pair->to, test, PAGES);
	fill_pattern(pair->from.area.address, 0, PAGES * P);
	memset(pair->to.area.address, 0xa5, PAGES * P);
	pair->source = made(test, leaf_describe(&pair->from, IOMD_DIRECTION_OUT));
	pair->destination = made(test, leaf_describe(&pair->to, IOMD_DIRECTION_IN));
	KUNIT_ASSERT_EQ(test, iomd_prepare(pair->source, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(pair->destination, 0), 0);
}

static void pair_end(struct kunit *test, struct pair *pair)
{
	KUNIT_EXPECT_EQ(test, iomd_complete(pair->source, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(pair->destination, 0), 0);
	iomd_release(pair->source);
	iomd_release(pair->destination);
	leaf_free(&pair->from);
	leaf_free(&pair->to);
}

static struct iomd_dmaengine_transfer *copying(struct engine *engine, struct pair *pair,
					       u64 to, u64 from, u64 length)
{
	struct iomd_dmaengine_transfer *transfer;

	transfer = iomd_dmaengine_prep_memcpy(&engine->channel, pair->destination, to,
					      pair->source, from, length);
	KUNIT_ASSERT_EQ(engine->test, PTR_ERR_OR_ZERO(transfer), 0);
	return transfer;
}

static void expect_error(struct kunit *test, struct iomd_dmaengine_transfer *transfer, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(transfer), error);
	if (!IS_ERR(transfer))
		iomd_dmaengine_end(transfer);
}

struct told {
	unsigned int times;
	int error;
};

static void tell(void *data, int error)
{
	struct told *told = data;

	told->times++;
	told->error = error;
}

/* Each piece ends where a segment does, on either side, or at the engine's limit. */
static void copies(struct kunit *test)
{
	static const struct {
		u64 to, from, length;
		unsigned int segment;
	} table[] = {
		{ 0, 0, PAGES * P, SZ_64K },
		{ 100, 3000, 3 * P + 7, SZ_64K },
		{ 1, 0, 1, SZ_64K },
		{ P - 1, 1, 2 * P, P / 4 - 24 },
	};
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	u8 *expected = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);
	struct pair pair;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct told told = {};

		dma_set_max_seg_size(engine->device.dev, table[i].segment);
		pair_make(test, &pair);
		transfer = copying(engine, &pair, table[i].to, table[i].from, table[i].length);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_wait(transfer, 0), -ETIMEDOUT);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), -EALREADY);
		KUNIT_EXPECT_EQ(test, told.times, 0U);
		KUNIT_EXPECT_GT(test, run(engine), 0U);
		KUNIT_EXPECT_EQ(test, told.times, 1U);
		KUNIT_EXPECT_EQ(test, told.error, 0);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_wait(transfer, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
		memset(expected, 0xa5, PAGES * P);
		fill_pattern(expected + table[i].to, table[i].from, table[i].length);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(expected, pair.to.area.address, PAGES * P), 0,
				    "row %u", i);
		pair_end(test, &pair);
	}
	KUNIT_EXPECT_EQ(test, engine->terminated, 0U);
	engine_end(engine);
}

static void moves_a_devices_data(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct pair pair;

	pair_make(test, &pair);
	transfer = iomd_dmaengine_prep_slave(&engine->channel, pair.source, 10, 4 * P,
					     IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(transfer));
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, run(engine), 1U);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(engine->data, 10, 4 * P), 4 * P);

	fill_pattern(engine->data, 77, P);
	transfer = iomd_dmaengine_prep_slave(&engine->channel, pair.destination, P, P,
					     IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(transfer));
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, run(engine), 1U);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(pair.to.area.address + P, 77, P), P);
	pair_end(test, &pair);
	engine_end(engine);
}

/* The memory stays what it is until the engine is done, or has been stopped. */
static void memory_stays_prepared(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct told told = {};
	struct pair pair;

	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(pair.destination, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
	KUNIT_EXPECT_TRUE(test, run_one(engine, DMA_TRANS_NOERROR));
	KUNIT_EXPECT_EQ(test, iomd_complete(pair.destination, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_complete(pair.source, 0), -EBUSY);
	/* Stopped in the middle: nothing comes any more. */
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, engine->terminated, 1U);
	KUNIT_EXPECT_EQ(test, run(engine), 0U);
	KUNIT_EXPECT_EQ(test, told.times, 0U);
	pair_end(test, &pair);

	/* Never started. */
	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, engine->terminated, 1U);
	pair_end(test, &pair);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(NULL), 0);
	engine_end(engine);
}

static void an_engine_that_cannot_stop(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct pair pair;

	engine->device.device_terminate_all = NULL;
	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), -EBUSY);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(pair.destination, 0), -EBUSY);
	KUNIT_EXPECT_GT(test, run(engine), 0U);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(pair.to.area.address, 0, PAGES * P), PAGES * P);
	pair_end(test, &pair);
	engine_end(engine);
}

/* Who is stopped while a piece is done, and not told yet, hears of it, or is still there. */
static void an_engine_that_tells_late(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct told told = {};
	struct pair pair;
	int ret;

	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
	KUNIT_EXPECT_TRUE(test, move_one(engine, DMA_TRANS_NOERROR));
	engine->device.device_synchronize = NULL;
	ret = iomd_dmaengine_end(transfer);
	/* Nobody may be told of what is no more. */
	KUNIT_ASSERT_EQ(test, ret, -EBUSY);
	KUNIT_EXPECT_EQ(test, engine->terminated, 0U);
	engine->device.device_synchronize = engine_synchronize;
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, engine->terminated, 1U);
	KUNIT_EXPECT_NULL(test, engine->moved);
	KUNIT_EXPECT_EQ(test, told.times, 0U);
	pair_end(test, &pair);
	engine_end(engine);
}

static void an_engine_that_fails(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct told told = {};
	struct pair pair;

	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
	KUNIT_EXPECT_TRUE(test, run_one(engine, DMA_TRANS_NOERROR));
	KUNIT_EXPECT_TRUE(test, run_one(engine, DMA_TRANS_WRITE_FAILED));
	run(engine);
	KUNIT_EXPECT_EQ(test, told.times, 1U);
	KUNIT_EXPECT_EQ(test, told.error, -EIO);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_wait(transfer, 0), -EIO);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);

	engine->refuse = true;
	transfer = copying(engine, &pair, 0, 0, P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), -EIO);
	engine->refuse = false;
	/* It took nothing, and so can be asked again. */
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
	run(engine);
	KUNIT_EXPECT_EQ(test, told.times, 2U);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	pair_end(test, &pair);
	engine_end(engine);
}

/* Pieces may be done in any order; the transfer is over with the last. */
static void an_engine_that_goes_backwards(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer;
	struct told told = {};
	struct pair pair;

	engine->backwards = true;
	pair_make(test, &pair);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &told), 0);
	while (run_one(engine, DMA_TRANS_NOERROR))
		KUNIT_EXPECT_EQ(test, told.times, list_empty(&engine->issued) ? 1U : 0U);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_wait(transfer, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(pair.to.area.address, 0, PAGES * P), PAGES * P);
	pair_end(test, &pair);
	engine_end(engine);
}

/* What fails does so alone: another transfer of the channel goes on. */
static void a_start_that_fails(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *other, *transfer;
	struct told told = {}, not_told = {};
	struct pair pair, others;
	unsigned int at;

	/* Each page is a piece. */
	dma_set_max_seg_size(engine->device.dev, P);
	pair_make(test, &pair);
	pair_make(test, &others);
	other = copying(engine, &others, 0, 0, PAGES * P);
	KUNIT_ASSERT_EQ(test, iomd_dmaengine_start(other, tell, &told), 0);
	for (at = 1; at <= PAGES; at++) {
		transfer = copying(engine, &pair, 0, 0, PAGES * P);
		engine->prepares = 0;
		engine->fail_at = at;
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &not_told), -ENOMEM);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, tell, &not_told),
				at == 1 ? 0 : -EALREADY);
		if (at == PAGES)
			break;
		KUNIT_EXPECT_TRUE(test, run_one(engine, DMA_TRANS_NOERROR));
		engine->backwards = true;
		/* Of its own, not the other's. */
		while (list_count_nodes(&engine->issued) > PAGES - at)
			run_one(engine, DMA_TRANS_NOERROR);
		engine->backwards = false;
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_wait(transfer, 0), at == 1 ? 0 : -ENOMEM);
		KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	}
	KUNIT_EXPECT_EQ(test, not_told.times, 1U);
	KUNIT_EXPECT_EQ(test, told.times, 0U);
	run(engine);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, told.times, 1U);
	KUNIT_EXPECT_EQ(test, told.error, 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(other), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(others.to.area.address, 0, PAGES * P), PAGES * P);
	KUNIT_EXPECT_EQ(test, engine->terminated, 0U);
	pair_end(test, &others);
	pair_end(test, &pair);
	engine_end(engine);
}

/* Others' transfers are not stopped for the sake of one. */
static void a_channel_that_others_use(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct iomd_dmaengine_transfer *transfer, *other;
	struct pair pair, others;

	dma_cap_clear(DMA_PRIVATE, engine->device.cap_mask);
	pair_make(test, &pair);
	pair_make(test, &others);
	other = copying(engine, &others, 0, 0, PAGES * P);
	transfer = copying(engine, &pair, 0, 0, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(other, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_start(transfer, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), -EBUSY);
	KUNIT_EXPECT_EQ(test, engine->terminated, 0U);
	run(engine);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(transfer), 0);
	KUNIT_EXPECT_EQ(test, iomd_dmaengine_end(other), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(others.to.area.address, 0, PAGES * P), PAGES * P);
	dma_cap_set(DMA_PRIVATE, engine->device.cap_mask);
	pair_end(test, &others);
	pair_end(test, &pair);
	engine_end(engine);
}

static void what_is_refused(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct dma_chan *channel = &engine->channel;
	struct pair pair;

	pair_make(test, &pair);
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.source, 0, pair.source, 0, P),
		     -EACCES);
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.destination, P, pair.source,
						      0, PAGES * P), -EINVAL);
	expect_error(test, iomd_dmaengine_prep_slave(channel, pair.source, 0, P, 0), -EINVAL);
	expect_error(test, iomd_dmaengine_prep_slave(channel, pair.source, 0, P,
						     IOMD_DIRECTION_IN), -EACCES);
	engine->device.copy_align = DMAENGINE_ALIGN_4_BYTES;
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.destination, 0, pair.source,
						      2, P), -EINVAL);
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.destination, 0, pair.source,
						      0, P + 2), -EINVAL);
	/* The last piece alone is not as the engine has it. */
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.destination, 0, pair.source,
						      0, 3 * P + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, engine->prepares, 0U);
	dma_cap_clear(DMA_MEMCPY, engine->device.cap_mask);
	expect_error(test, iomd_dmaengine_prep_memcpy(channel, pair.destination, 0, pair.source,
						      0, P), -EOPNOTSUPP);
	engine->device.device_prep_slave_sg = NULL;
	expect_error(test, iomd_dmaengine_prep_slave(channel, pair.source, 0, P,
						     IOMD_DIRECTION_OUT), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_DMA_MAPPED),
			iomd_counter_read(IOMD_DMA_UNMAPPED));
	pair_end(test, &pair);
	engine_end(engine);
}

static int attempt(struct engine *engine, struct pair *pair, bool slave)
{
	struct iomd_dmaengine_transfer *transfer;
	int ret;

	if (slave)
		transfer = iomd_dmaengine_prep_slave(&engine->channel, pair->source, 0, PAGES * P,
						     IOMD_DIRECTION_OUT);
	else
		transfer = iomd_dmaengine_prep_memcpy(&engine->channel, pair->destination, 0,
						      pair->source, 0, PAGES * P);
	if (IS_ERR(transfer))
		return PTR_ERR(transfer);
	ret = iomd_dmaengine_start(transfer, NULL, NULL);
	run(engine);
	return iomd_dmaengine_end(transfer) ?: ret;
}

static void steps_that_fail(struct kunit *test)
{
	struct engine *engine = engine_make(test);
	struct pair pair;
	unsigned int i, nth;
	bool failed;
	int ret;

	pair_make(test, &pair);
	for (i = 0; i < 2; i++) {
		failed = true;
		for (nth = 1; failed && nth < 100; nth++) {
			iomd_inject_arm(nth);
			ret = attempt(engine, &pair, i);
			failed = iomd_inject_disarm();
			KUNIT_EXPECT_EQ_MSG(test, ret, failed ? -ENOMEM : 0, "step %u", nth);
			KUNIT_EXPECT_EQ_MSG(test, engine->live, 0U, "step %u", nth);
			KUNIT_EXPECT_EQ_MSG(test, iomd_counter_read(IOMD_DMA_MAPPED),
					    iomd_counter_read(IOMD_DMA_UNMAPPED), "step %u", nth);
		}
		/* The transfer, a map's two, and a piece at least. */
		KUNIT_EXPECT_GE(test, nth, 5U);
		KUNIT_EXPECT_LT(test, nth, 100U);
	}
	pair_end(test, &pair);
	engine_end(engine);
}

static struct kunit_case dmaengine_cases[] = {
	KUNIT_CASE(copies),
	KUNIT_CASE(moves_a_devices_data),
	KUNIT_CASE(memory_stays_prepared),
	KUNIT_CASE(an_engine_that_cannot_stop),
	KUNIT_CASE(an_engine_that_tells_late),
	KUNIT_CASE(an_engine_that_fails),
	KUNIT_CASE(an_engine_that_goes_backwards),
	KUNIT_CASE(a_start_that_fails),
	KUNIT_CASE(a_channel_that_others_use),
	KUNIT_CASE(what_is_refused),
	KUNIT_CASE(steps_that_fail),
	{}
};

static struct kunit_suite dmaengine_suite = {
	.name = "iomd_dmaengine",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = bench_fixture_exit,
	.test_cases = dmaengine_cases,
};

kunit_test_suite(dmaengine_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd: DMA engines");
MODULE_LICENSE("GPL");
