// SPDX-License-Identifier: GPL-2.0
/*
 * For the demo's pictures only, no part of the example: how iomd and the device see
 * memory. Lengths are told, addresses never.
 */
#include <linux/err.h>
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

static int dma_segments(struct edu *edu, struct iomd *md, struct lengths *lengths)
{
	struct iomd_dma_segment64 segment;
	struct iomd_dma_command *command;
	u64 offset = 0;
	u32 count = 1;
	int err;

	err = edu_lock(edu);
	if (err)
		return err;
	command = edu_show(edu, md);
	if (IS_ERR(command)) {
		err = PTR_ERR(command);
		goto unlock;
	}
	while (!(err = iomd_dma_command_gen64_iovm_segments(command, &offset, &segment, &count)))
		lengths_add(lengths, segment.length);
	/* The end is no error. */
	if (err == -EOVERFLOW)
		err = 0;
	edu_hide(command);
unlock:
	mutex_unlock(&edu->lock);
	return err;
}

int edu_describe(struct edu *edu, struct iomd_edu_describe *args)
{
	u64 direction = args->flags & IOMD_EDU_DESCRIBE_WRITTEN ?
			IOMD_DIRECTION_IN : IOMD_DIRECTION_OUT;
	struct lengths segments = { .capacity = args->capacity };
	struct lengths dma = { .capacity = args->capacity };
	struct iomd_segment_iter iter;
	struct iomd *md;
	int err;

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
	err = dma_segments(edu, md, &dma);
	edu_put_user_memory(md);
	if (!err)
		err = lengths_to_user(&segments, args->segments, &args->segment_count);
	if (!err)
		err = lengths_to_user(&dma, args->dma_segments, &args->dma_segment_count);
free_lengths:
	kvfree(segments.length);
	return err;
}
