// SPDX-License-Identifier: GPL-2.0
/*
 * A client of whatever DMA engine copies memory, as an example of how to use iomd with
 * one: it copies from one user buffer to another.
 *
 * An engine's channel is somebody's alone, and there are few. So one is taken for each
 * step of a copy, and only one at a time. What a program may ask for has no bound, but a
 * step has one: between two of them signals and the freezer are looked after.
 */
#include <linux/dmaengine.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <iomd/iomd.h>

#include "iomd_dmacopy.h"

#define STEP_MAX	SZ_1M
#define TIMEOUT		(10 * HZ)

/* Held while one of the engine's channels is ours. */
static DEFINE_MUTEX(channel_lock);
static struct workqueue_struct *late;

/* A copy, which may outlive the call that wanted it: the engine has its memory. */
struct dmacopy {
	struct iomd *from, *to;
	struct dma_chan *channel;
	struct iomd_dmaengine_transfer *transfer;
	struct delayed_work end;
};

static struct iomd *get_user_memory(u64 address, u64 length, u64 direction)
{
	struct iomd *md = iomd_with_address_range(address, length, direction, current);
	int err;

	if (IS_ERR(md))
		return md;
	err = iomd_prepare(md, IOMD_DIRECTION_NONE);
	if (!err)
		return md;
	iomd_release(md);
	return ERR_PTR(err);
}

static void put_user_memory(struct iomd *md)
{
	iomd_complete(md, IOMD_DIRECTION_NONE);
	iomd_release(md);
}

/* The engine is done with the memory, or stopped; if it is neither, nothing has changed. */
static int end_transfer(struct dmacopy *dmacopy)
{
	int err = iomd_dmaengine_end(dmacopy->transfer);

	if (err)
		return err;
	dmacopy->transfer = NULL;
	dma_release_channel(dmacopy->channel);
	return 0;
}

static void end(struct dmacopy *dmacopy)
{
	put_user_memory(dmacopy->to);
	put_user_memory(dmacopy->from);
	kfree(dmacopy);
}

/*
 * The program has its errno, but the engine could not be stopped. Its memory waits until
 * the engine is done, and so does this module.
 */
static void end_late(struct work_struct *work)
{
	struct dmacopy *dmacopy = container_of(to_delayed_work(work), struct dmacopy, end);

	if (end_transfer(dmacopy)) {
		queue_delayed_work(late, &dmacopy->end, HZ);
		return;
	}
	end(dmacopy);
	module_put(THIS_MODULE);
}

static struct dma_chan *take_channel(void)
{
	struct dma_chan *channel;
	dma_cap_mask_t mask;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	channel = dma_request_chan_by_mask(&mask);
	/* Drivers that are bound try again later; a program would not know that errno. */
	return channel == ERR_PTR(-EPROBE_DEFER) ? ERR_PTR(-ENODEV) : channel;
}

/* -EINPROGRESS, without changing anything: the engine has not stopped. */
static int run(struct dmacopy *dmacopy, u64 offset, u64 length)
{
	struct iomd_dmaengine_transfer *transfer;
	int err;

	transfer = iomd_dmaengine_prep_memcpy(dmacopy->channel, dmacopy->to, offset,
					      dmacopy->from, offset, length);
	if (IS_ERR(transfer)) {
		dma_release_channel(dmacopy->channel);
		return PTR_ERR(transfer);
	}
	dmacopy->transfer = transfer;
	err = iomd_dmaengine_start(transfer, NULL, NULL) ?:
	      iomd_dmaengine_wait(transfer, TIMEOUT);
	return end_transfer(dmacopy) ? -EINPROGRESS : err;
}

static int step(struct dmacopy *dmacopy, u64 offset, u64 length)
{
	int err;

	if (mutex_lock_interruptible(&channel_lock))
		return -ERESTARTSYS;
	dmacopy->channel = take_channel();
	err = PTR_ERR_OR_ZERO(dmacopy->channel);
	if (!err)
		err = run(dmacopy, offset, length);
	mutex_unlock(&channel_lock);
	return err;
}

static int copy(struct dmacopy *dmacopy, struct iomd_dmacopy *args)
{
	int err;

	while (args->done < args->length) {
		u64 length = min_t(u64, args->length - args->done, STEP_MAX);

		err = step(dmacopy, args->done, length);
		if (err)
			return err;
		args->done += length;
		if (args->done < args->length && signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

static struct dmacopy *begin(const struct iomd_dmacopy *args)
{
	struct dmacopy *dmacopy = kzalloc(sizeof(*dmacopy), GFP_KERNEL_ACCOUNT);
	int err;

	if (!dmacopy)
		return ERR_PTR(-ENOMEM);
	INIT_DELAYED_WORK(&dmacopy->end, end_late);
	dmacopy->from = get_user_memory(args->source, args->length, IOMD_DIRECTION_OUT);
	err = PTR_ERR_OR_ZERO(dmacopy->from);
	if (err)
		goto free;
	dmacopy->to = get_user_memory(args->destination, args->length, IOMD_DIRECTION_IN);
	err = PTR_ERR_OR_ZERO(dmacopy->to);
	if (!err)
		return dmacopy;
	put_user_memory(dmacopy->from);
free:
	kfree(dmacopy);
	return ERR_PTR(err);
}

static long dmacopy_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct iomd_dmacopy args, __user *user = (void __user *)argument;
	struct dmacopy *dmacopy;
	int err;

	if (command != IOMD_DMACOPY)
		return -ENOTTY;
	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (!args.length || args.done > args.length)
		return -EINVAL;
	dmacopy = begin(&args);
	if (IS_ERR(dmacopy))
		return PTR_ERR(dmacopy);
	err = copy(dmacopy, &args);
	if (err == -EINPROGRESS) {
		__module_get(THIS_MODULE);
		queue_delayed_work(late, &dmacopy->end, HZ);
		err = -ETIMEDOUT;
	} else {
		end(dmacopy);
	}
	/* A call that is restarted reads there how far it came. */
	return put_user(args.done, &user->done) ? -EFAULT : err;
}

static const struct file_operations dmacopy_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dmacopy_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice dmacopy_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd-dmacopy",
	.fops = &dmacopy_fops,
	.mode = 0660,
};

static int __init dmacopy_init(void)
{
	int err;

	late = alloc_workqueue("iomd-dmacopy", WQ_UNBOUND, 0);
	if (!late)
		return -ENOMEM;
	err = misc_register(&dmacopy_device);
	if (err)
		destroy_workqueue(late);
	return err;
}
module_init(dmacopy_init);

/* Nothing is late any more, as that held the module; but its end may not have returned. */
static void __exit dmacopy_exit(void)
{
	misc_deregister(&dmacopy_device);
	destroy_workqueue(late);
}
module_exit(dmacopy_exit);

MODULE_DESCRIPTION("Example of iomd: user memory through a DMA engine");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
