// SPDX-License-Identifier: GPL-2.0
/*
 * One user buffer into another, by way of the device's own memory.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

/* Into the device and out again; in between nobody else may use its memory. */
static int copy_step(struct edu_file *file, u64 from, u64 to, u32 length)
{
	struct edu *edu = file->edu;
	int err;

	err = edu_lock(edu);
	if (err)
		return err;
	err = edu_step(edu, from, length, false);
	if (err)
		goto unlock;
	edu_hold(edu, file);
	edu->known = max(edu->known, length);
	err = edu_step(edu, to, length, true);
unlock:
	mutex_unlock(&edu->lock);
	return err;
}

/*
 * Both are of one length, but each is cut into segments in its own way. A step at least
 * is done before a signal counts, or one that comes again and again would stop us.
 */
static int copy_segments(struct edu_file *file, struct edu_view *from, struct edu_view *to,
			 u64 length, u64 *copied, __u64 *transfers)
{
	u32 step;
	int err;

	while (*copied < length) {
		err = edu_view_next(from) ?: edu_view_next(to);
		if (err)
			return err;
		step = min3(from->segment.length, to->segment.length, (u64)EDU_TRANSFER_MAX);
		err = copy_step(file, from->segment.iovm_addr, to->segment.iovm_addr, step);
		if (err)
			return err;
		edu_view_advance(from, step);
		edu_view_advance(to, step);
		*copied += step;
		*transfers += 2;
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

/* The device sees both while this runs; what it has copied counts even if this fails. */
static int copy_window(struct edu_file *file, struct iomd *from, struct iomd *to,
		       struct iomd_edu_copy *args)
{
	u64 length = min_t(u64, iomd_get_length(from) - args->done, EDU_WINDOW);
	struct edu_view source = {}, destination = {};
	u64 copied = 0;
	int err, end;

	source.command = edu_show(file, from, args->done, length);
	if (IS_ERR(source.command))
		return PTR_ERR(source.command);
	destination.command = edu_show(file, to, args->done, length);
	err = PTR_ERR_OR_ZERO(destination.command);
	if (err)
		goto hide_source;
	err = copy_segments(file, &source, &destination, length, &copied,
			    &args->transfers);
	end = edu_hide(file, destination.command);
	if (end)
		err = end;
	else
		args->done += copied;
hide_source:
	edu_hide(file, source.command);
	return err;
}

static int copy(struct edu_file *file, struct iomd *from, struct iomd *to,
		struct iomd_edu_copy *args)
{
	int err = 0;

	if (iomd_get_length(from) != iomd_get_length(to) ||
	    args->done > iomd_get_length(from))
		return -EINVAL;
	if (!args->done)
		args->transfers = 0;
	while (!err && args->done < iomd_get_length(from))
		err = copy_window(file, from, to, args);
	/* The last step came with a signal, which finds nothing left to stop. */
	return args->done == iomd_get_length(from) && err == -ERESTARTSYS ? 0 : err;
}

int edu_copy(struct edu_file *file, struct iomd_edu_copy *args)
{
	struct iomd *from, *to;
	int err;

	if (args->flags)
		return -EINVAL;
	from = edu_get_user_memory(args->source, args->source_count, IOMD_DIRECTION_OUT);
	if (IS_ERR(from))
		return PTR_ERR(from);
	to = edu_get_user_memory(args->destination, args->destination_count,
				 IOMD_DIRECTION_IN);
	err = PTR_ERR_OR_ZERO(to);
	if (err)
		goto put_from;
	err = copy(file, from, to, args);
	edu_put_user_memory(to);
put_from:
	edu_put_user_memory(from);
	return err;
}
