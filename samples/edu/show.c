// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is shown to the device for long: by a command that is prepared until the
 * file is closed. If the device goes before that, the memory is out of its reach from
 * then on, and whoever asks is told.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mutex.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

static int lock_file(struct edu_file *file)
{
	return mutex_lock_interruptible(&file->lock) ? -ERESTARTSYS : 0;
}

static int show(struct edu_file *file, struct iomd *md)
{
	struct iomd_dma_command *command;

	lockdep_assert_held(&file->lock);
	if (file->command)
		return -EBUSY;
	command = edu_show(file, md, 0, iomd_get_length(md));
	if (IS_ERR(command))
		return PTR_ERR(command);
	file->md = md;
	file->command = command;
	return 0;
}

int edu_file_show(struct edu_file *file, struct iomd_edu_show *args)
{
	struct iomd *md;
	int err;

	if (args->flags)
		return -EINVAL;
	md = edu_get_user_memory(args->ranges, args->range_count, IOMD_DIRECTION_IN);
	if (IS_ERR(md))
		return PTR_ERR(md);
	err = lock_file(file);
	if (!err) {
		err = show(file, md);
		mutex_unlock(&file->lock);
	}
	if (err)
		edu_put_user_memory(md);
	return err;
}

/* The first bytes of the device's memory: what this file put there, else zeroes. */
static int know(struct edu_file *file, u32 length)
{
	struct edu *edu = file->edu;
	int err;

	edu_hold(edu, file);
	if (edu->known >= length)
		return 0;
	err = edu_blank(edu, edu->known, length - edu->known);
	if (!err)
		edu->known = length;
	return err;
}

static int fill(struct edu_file *file, u32 *length)
{
	struct edu_view view = { .command = file->command };
	int err;

	lockdep_assert_held(&file->edu->lock);
	err = edu_view_next(&view);
	if (err)
		return err;
	*length = min_t(u64, view.segment.length, EDU_FILL_MAX);
	/* In this order: the memory is the device's, it works, the memory is the CPU's. */
	return know(file, *length) ?:
	       iomd_dma_command_synchronize(file->command, IOMD_DIRECTION_OUT) ?:
	       edu_step(file->edu, view.segment.iovm_addr, *length, true) ?:
	       iomd_dma_command_synchronize(file->command, IOMD_DIRECTION_IN);
}

int edu_file_fill(struct edu_file *file, struct iomd_edu_show *args)
{
	int err;

	if (args->flags || args->range_count || args->ranges)
		return -EINVAL;
	err = lock_file(file);
	if (err)
		return err;
	err = -EAGAIN;
	if (!file->command)
		goto unlock_file;
	err = edu_lock(file->edu);
	if (err)
		goto unlock_file;
	err = fill(file, &args->length);
	mutex_unlock(&file->edu->lock);
unlock_file:
	mutex_unlock(&file->lock);
	return err;
}

/* The last reference to the file has gone: nobody else is here. */
void edu_file_end(struct edu_file *file)
{
	struct edu *edu = file->edu;

	if (file->command) {
		edu_hide(file, file->command);
		edu_put_user_memory(file->md);
	}
	/* Another file may come to lie where this one did. */
	mutex_lock(&edu->lock);
	if (edu->holder == file)
		edu->holder = NULL;
	mutex_unlock(&edu->lock);
}
