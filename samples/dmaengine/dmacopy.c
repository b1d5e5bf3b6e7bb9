// SPDX-License-Identifier: GPL-2.0
/*
 * A client of whatever DMA engine copies memory, as an example of how to use iomd with
 * one: it copies from one user buffer to another. Each open file has a channel.
 */
#include <linux/dmaengine.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <iomd/iomd.h>

#include "iomd_dmacopy.h"

#define TIMEOUT		(10 * HZ)

struct dmacopy {
	struct dma_chan *channel;
	/* Held during a transfer: to end one stops all that its channel does. */
	struct mutex lock;
};

static int move(struct dmacopy *dmacopy, struct iomd *to, struct iomd *from)
{
	struct iomd_dmaengine_transfer *transfer;
	int err, end;

	transfer = iomd_dmaengine_prep_memcpy(dmacopy->channel, to, 0, from, 0,
					      iomd_get_length(from));
	if (IS_ERR(transfer))
		return PTR_ERR(transfer);
	err = iomd_dmaengine_start(transfer, NULL, NULL) ?:
	      iomd_dmaengine_wait(transfer, TIMEOUT);
	/* If that fails the engine goes on, and the memory stays as it is. */
	end = iomd_dmaengine_end(transfer);
	return err ?: end;
}

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

static int copy(struct dmacopy *dmacopy, const struct iomd_dmacopy *args)
{
	struct iomd *from, *to;
	int err;

	from = get_user_memory(args->source, args->length, IOMD_DIRECTION_OUT);
	if (IS_ERR(from))
		return PTR_ERR(from);
	to = get_user_memory(args->destination, args->length, IOMD_DIRECTION_IN);
	if (IS_ERR(to)) {
		err = PTR_ERR(to);
		goto put_from;
	}
	err = mutex_lock_killable(&dmacopy->lock);
	if (!err) {
		err = move(dmacopy, to, from);
		mutex_unlock(&dmacopy->lock);
	}
	put_user_memory(to);
put_from:
	put_user_memory(from);
	return err;
}

static long dmacopy_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct iomd_dmacopy args;

	if (command != IOMD_DMACOPY)
		return -ENOTTY;
	if (copy_from_user(&args, (void __user *)argument, sizeof(args)))
		return -EFAULT;
	return copy(file->private_data, &args);
}

static int dmacopy_open(struct inode *inode, struct file *file)
{
	struct dmacopy *dmacopy = kzalloc(sizeof(*dmacopy), GFP_KERNEL_ACCOUNT);
	dma_cap_mask_t mask;
	int err;

	if (!dmacopy)
		return -ENOMEM;
	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	dmacopy->channel = dma_request_chan_by_mask(&mask);
	if (IS_ERR(dmacopy->channel)) {
		err = PTR_ERR(dmacopy->channel);
		kfree(dmacopy);
		return err;
	}
	mutex_init(&dmacopy->lock);
	file->private_data = dmacopy;
	return 0;
}

static int dmacopy_release(struct inode *inode, struct file *file)
{
	struct dmacopy *dmacopy = file->private_data;

	dma_release_channel(dmacopy->channel);
	mutex_destroy(&dmacopy->lock);
	kfree(dmacopy);
	return 0;
}

static const struct file_operations dmacopy_fops = {
	.owner = THIS_MODULE,
	.open = dmacopy_open,
	.release = dmacopy_release,
	.unlocked_ioctl = dmacopy_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice dmacopy_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd-dmacopy",
	.fops = &dmacopy_fops,
	.mode = 0660,
};

module_misc_device(dmacopy_device);

MODULE_DESCRIPTION("Example of iomd: user memory through a DMA engine");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
