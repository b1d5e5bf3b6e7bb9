// SPDX-License-Identifier: GPL-2.0
/*
 * For the demo's pictures only, no part of the example: how iomd and the device see
 * memory. Lengths are told, addresses never, and to nobody who could not look himself.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

struct lengths {
	u64 *length;
	u32 count;
	u32 capacity;
};

static void lengths_add(struct lengths *lengths, u64 length)
{
	if (lengths->count < lengths->capacity)
		lengths->length[lengths->count] = length;
	lengths->count++;
}

/* Tells how many there are. */
static int lengths_to_user(const struct lengths *lengths, u64 user, u32 *count)
{
	size_t size = min(lengths->count, lengths->capacity) * sizeof(u64);

	*count = lengths->count;
	return copy_to_user(u64_to_user_ptr(user), lengths->length, size) ? -EFAULT : 0;
}

static int window_segments(struct edu_file *file, struct iomd *md, u64 offset, u64 length,
			   struct lengths *lengths)
{
	struct edu_view view = { .command = edu_show(file, md, offset, length) };
	int err;

	if (IS_ERR(view.command))
		return PTR_ERR(view.command);
	while (!(err = edu_view_next(&view))) {
		lengths_add(lengths, view.segment.length);
		edu_view_advance(&view, view.segment.length);
	}
	edu_hide(file, view.command);
	/* The end is no error. */
	return err == -EOVERFLOW ? 0 : err;
}

/* As a copy of all of it would see it. */
static int dma_segments(struct edu_file *file, struct iomd *md, struct lengths *lengths)
{
	u64 offset, length;
	int err;

	for (offset = 0; offset < iomd_get_length(md); offset += length) {
		length = min_t(u64, iomd_get_length(md) - offset, EDU_WINDOW);
		err = window_segments(file, md, offset, length, lengths);
		if (err)
			return err;
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

int edu_describe(struct edu_file *file, struct iomd_edu_describe *args)
{
	u64 direction = args->flags & IOMD_EDU_DESCRIBE_WRITTEN ?
			IOMD_DIRECTION_IN : IOMD_DIRECTION_OUT;
	struct lengths segments = { .capacity = args->capacity };
	struct lengths dma = { .capacity = args->capacity };
	struct iomd_segment_iter iter;
	struct iomd *md;
	int err;

	/* How memory lies helps who attacks it. */
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (args->flags & ~IOMD_EDU_DESCRIBE_WRITTEN ||
	    args->capacity > IOMD_EDU_DESCRIBE_MAX)
		return -EINVAL;
	segments.length = kvcalloc(2 * args->capacity, sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!segments.length)
		return -ENOMEM;
	dma.length = segments.length + args->capacity;
	md = edu_get_user_memory(args->ranges, args->range_count, direction);
	if (IS_ERR(md)) {
		err = PTR_ERR(md);
		goto free_lengths;
	}
	iomd_for_each_segment(iter, md, 0, iomd_get_length(md))
		lengths_add(&segments, iter.length);
	err = dma_segments(file, md, &dma);
	edu_put_user_memory(md);
	if (!err)
		err = lengths_to_user(&segments, args->segments, &args->segment_count);
	if (!err)
		err = lengths_to_user(&dma, args->dma_segments, &args->dma_segment_count);
free_lengths:
	kvfree(segments.length);
	return err;
}
