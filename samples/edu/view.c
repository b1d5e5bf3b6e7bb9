// SPDX-License-Identifier: GPL-2.0
/*
 * What the device sees of programs' memory. Addresses that the device has are few, so
 * each user has a quota of bytes.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

#define EDU_SEGMENT_MAX		4096

static LIST_HEAD(users);
/* guards the list and all that hangs on it */
static DEFINE_MUTEX(users_lock);

struct edu_user *edu_user_get(void)
{
	struct edu_user *user;

	mutex_lock(&users_lock);
	list_for_each_entry(user, &users, node)
		if (uid_eq(user->uid, current_uid()))
			goto found;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		goto unlock;
	user->uid = current_uid();
	list_add(&user->node, &users);
found:
	user->files++;
unlock:
	mutex_unlock(&users_lock);
	return user;
}

void edu_user_put(struct edu_user *user)
{
	mutex_lock(&users_lock);
	if (!--user->files) {
		WARN_ON_ONCE(user->shown);
		list_del(&user->node);
		kfree(user);
	}
	mutex_unlock(&users_lock);
}

static int edu_charge(struct edu_user *user, u64 bytes)
{
	int err = 0;

	mutex_lock(&users_lock);
	if (bytes > IOMD_EDU_SHOWN_MAX - user->shown)
		err = -EDQUOT;
	else
		user->shown += bytes;
	mutex_unlock(&users_lock);
	return err;
}

static void edu_uncharge(struct edu_user *user, u64 bytes)
{
	mutex_lock(&users_lock);
	user->shown -= bytes;
	mutex_unlock(&users_lock);
}

/*
 * Pages beyond the device's address bits are copied, unless an IOMMU helps. The lock
 * keeps the driver on the device, without which nothing may be mapped for it.
 */
static struct iomd_dma_command *show(struct edu *edu, struct iomd *md, u64 offset, u64 length)
{
	const struct iomd_dma_segment_options options = {
		.num_address_bits = edu_address_bits,
		.max_segment_size = EDU_SEGMENT_MAX,
	};
	struct iomd_dma_command *command;
	int err;

	lockdep_assert_held(&edu->lock);
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &options,
						      IOMD_DMA_MAP_OPTION_MAPPED,
						      &edu->pdev->dev, NULL);
	if (IS_ERR(command))
		return command;
	err = iomd_dma_command_set_memory_descriptor(command, md, false) ?:
	      iomd_dma_command_prepare(command, offset, length, true, true);
	if (!err)
		return command;
	iomd_dma_command_release(command);
	return ERR_PTR(err);
}

/*
 * What the device's addresses are short of are pages: of each segment all that it touches
 * count. The memory is prepared, so they stay the same until it is hidden.
 */
static u64 edu_bytes_taken(struct iomd *md, u64 offset, u64 length)
{
	struct iomd_segment_iter iter;
	u64 bytes = 0;

	iomd_for_each_segment(iter, md, offset, length)
		bytes += PAGE_ALIGN(offset_in_page(iter.address) + iter.length);
	return bytes;
}

/**
 * edu_show() - have the device see a piece of memory
 * @file: whose user is charged
 * @md: memory, prepared
 * @offset: first byte
 * @length: bytes, at least 1
 *
 * Undone by edu_hide().
 *
 * Return: a command, prepared; or ERR_PTR: -EDQUOT beyond IOMD_EDU_SHOWN_MAX; -ERESTARTSYS
 * for a signal; -ENODEV or -EIO if the device has gone or hung; else what iomd said.
 */
struct iomd_dma_command *edu_show(struct edu_file *file, struct iomd *md, u64 offset,
				  u64 length)
{
	u64 taken = edu_bytes_taken(md, offset, length);
	struct iomd_dma_command *command;
	int err;

	err = edu_charge(file->user, taken);
	if (err)
		return ERR_PTR(err);
	err = edu_lock(file->edu);
	if (err)
		goto uncharge;
	command = show(file->edu, md, offset, length);
	mutex_unlock(&file->edu->lock);
	if (!IS_ERR(command))
		return command;
	err = PTR_ERR(command);
uncharge:
	edu_uncharge(file->user, taken);
	return ERR_PTR(err);
}

/* The device is done with it, or has gone; what it wrote is in the memory, or -EIO. */
int edu_hide(struct edu_file *file, struct iomd_dma_command *command)
{
	u64 offset, length, taken = 0;
	int err;

	if (!iomd_dma_command_get_prepared_offset_and_length(command, &offset, &length))
		taken = edu_bytes_taken(iomd_dma_command_get_memory_descriptor(command),
					offset, length);
	err = iomd_dma_command_complete(command, true, true);
	iomd_dma_command_release(command);
	edu_uncharge(file->user, taken);
	return err;
}

/* Have the view's segment not be empty; -EOVERFLOW behind the last one. */
int edu_view_next(struct edu_view *view)
{
	u32 count = 1;

	if (view->segment.length)
		return 0;
	return iomd_dma_command_gen64_iovm_segments(view->command, &view->offset,
						    &view->segment, &count);
}

void edu_view_advance(struct edu_view *view, u32 bytes)
{
	view->segment.iovm_addr += bytes;
	view->segment.length -= bytes;
}
