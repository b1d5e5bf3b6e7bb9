// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is shown to the device for long: by a command that is prepared until the
 * file is closed. If the device goes before that, the memory is out of its reach from
 * then on, and whoever asks is told.
 */
#include <linux/err.h>
#include <linux/mutex.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

#define FILL_BYTES	512U

static int show(struct edu_file *file, struct iomd *md)
{
	struct iomd_dma_command *command;
	int err = edu_lock(file->edu);

	if (err)
		return err;
	command = edu_show(file->edu, md);
	mutex_unlock(&file->edu->lock);
	if (IS_ERR(command))
		return PTR_ERR(command);
	file->md = md;
	file->command = command;
	return 0;
}

int edu_file_show(struct edu_file *file, struct iomd_edu_show *args)
{
	struct iomd *md;
	int err = -EBUSY;

	if (args->flags)
		return -EINVAL;
	md = edu_get_user_memory(args->ranges, args->range_count, IOMD_DIRECTION_IN);
	if (IS_ERR(md))
		return PTR_ERR(md);
	mutex_lock(&file->lock);
	if (!file->command)
		err = show(file, md);
	mutex_unlock(&file->lock);
	if (err)
		edu_put_user_memory(md);
	return err;
}

static int fill(struct edu_file *file, u32 *length)
{
	struct iomd_dma_segment64 segment;
	u64 offset = 0;
	u32 count = 1;
	int err;

	err = iomd_dma_command_gen64_iovm_segments(file->command, &offset, &segment, &count);
	if (err)
		return err;
	*length = min_t(u64, segment.length, FILL_BYTES);
	err = edu_step(file->edu, segment.iovm_addr, *length, true);
	if (err)
		return err;
	return iomd_dma_command_synchronize(file->command, IOMD_DIRECTION_IN);
}

int edu_file_fill(struct edu_file *file, struct iomd_edu_show *args)
{
	int err = -EAGAIN;

	if (args->flags || args->range_count || args->ranges)
		return -EINVAL;
	mutex_lock(&file->lock);
	if (file->command) {
		err = edu_lock(file->edu);
		if (!err) {
			err = fill(file, &args->length);
			mutex_unlock(&file->edu->lock);
		}
	}
	mutex_unlock(&file->lock);
	return err;
}

void edu_file_end(struct edu_file *file)
{
	if (!file->command)
		return;
	/* It hung: see edu.c. */
	if (READ_ONCE(file->edu->error) == -EIO)
		return;
	edu_hide(file->command);
	edu_put_user_memory(file->md);
}
