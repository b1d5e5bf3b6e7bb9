// SPDX-License-Identifier: GPL-2.0
/*
 * Asking a prepared descriptor: from segment to segment, at random, through
 * composites; and copying.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <iomd/iomd.h>

#include "job.h"

#define QUERIES	4096

static int table_set_up(struct bench_job *job)
{
	int ret = bench_by_hand_take(job);

	job->units = job->table.orig_nents;
	return ret;
}

static int table_run(struct bench_job *job)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_sg(&job->table, sg, i)
		sum += sg_phys(sg) ^ sg->length;
	job->sum = sum;
	return 0;
}

static int md_set_up(struct bench_job *job)
{
	int ret = bench_iomd_take(job);

	job->units = job->table.orig_nents;
	return ret;
}

static int iterator_run(struct bench_job *job)
{
	struct iomd_segment_iter iter;
	u64 sum = 0;

	iomd_for_each_segment(iter, job->md, 0, job->length)
		sum += iter.address ^ iter.length;
	job->sum = sum;
	return 0;
}

static int sequence_run(struct bench_job *job)
{
	u64 at, length, sum = 0;

	for (at = 0; at < job->length; at += length)
		sum += iomd_get_physical_segment(job->md, at, &length, 0) ^ length;
	job->sum = sum;
	return 0;
}

/* Offsets are drawn before, so that the drawing is not measured. */
static int draw(struct bench_job *job)
{
	struct rnd_state state;
	u64 *offsets;
	int i;

	offsets = kvmalloc_array(QUERIES, sizeof(*offsets), GFP_KERNEL);
	if (!offsets)
		return -ENOMEM;
	prandom_seed_state(&state, 1);
	for (i = 0; i < QUERIES; i++)
		offsets[i] = ((u64)prandom_u32_state(&state) << 32 |
			      prandom_u32_state(&state)) % job->length;
	job->buffer = offsets;
	job->units = QUERIES;
	return 0;
}

static int random_set_up(struct bench_job *job)
{
	int ret = bench_iomd_take(job);

	return ret ?: draw(job);
}

static int random_run(struct bench_job *job)
{
	struct iomd *md = job->whole ?: job->md;
	u64 *offsets = job->buffer, length, sum = 0;
	int i;

	for (i = 0; i < QUERIES; i++)
		sum += iomd_get_physical_segment(md, offsets[i], &length, 0) ^ length;
	job->sum = sum;
	return 0;
}

static void random_tear_down(struct bench_job *job)
{
	kvfree(job->buffer);
	bench_iomd_done(job);
}

/* A sub of a multi of 64 descriptors. */
static int nested_set_up(struct bench_job *job)
{
	u64 piece = job->length / ARRAY_SIZE(job->parts);
	struct iomd *multi;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(job->parts); i++) {
		job->parts[i] = iomd_with_address_range(job->address + i * piece, piece,
							IOMD_DIRECTION_IN, current);
		if (IS_ERR(job->parts[i]))
			return PTR_ERR(job->parts[i]);
	}
	multi = iomd_multi_with_descriptors(job->parts, ARRAY_SIZE(job->parts),
					    IOMD_DIRECTION_IN, false);
	if (IS_ERR(multi))
		return PTR_ERR(multi);
	job->length -= 2 * PAGE_SIZE;
	job->whole = iomd_sub_with_sub_range(multi, PAGE_SIZE, job->length, IOMD_DIRECTION_IN);
	iomd_release(multi);
	if (IS_ERR(job->whole))
		return PTR_ERR(job->whole);
	ret = iomd_prepare(job->whole, IOMD_DIRECTION_NONE);
	return ret ?: draw(job);
}

static void nested_tear_down(struct bench_job *job)
{
	int i;

	kvfree(job->buffer);
	iomd_complete(job->whole, IOMD_DIRECTION_NONE);
	iomd_release(job->whole);
	for (i = 0; i < ARRAY_SIZE(job->parts); i++)
		iomd_release(job->parts[i]);
	job->length += 2 * PAGE_SIZE;
}

/* Copying: memcpy() has the memory mapped for it beforehand. */
static int memcpy_set_up(struct bench_job *job)
{
	int ret = bench_by_hand_take(job);

	if (ret)
		return ret;
	job->view = vmap(job->pages, job->page_count, VM_MAP, PAGE_KERNEL);
	job->buffer = kvmalloc(job->length, GFP_KERNEL);
	return job->view && job->buffer ? 0 : -ENOMEM;
}

static void memcpy_tear_down(struct bench_job *job)
{
	kvfree(job->buffer);
	vunmap(job->view);
	bench_by_hand_done(job);
}

static int memcpy_run(struct bench_job *job)
{
	memcpy(job->buffer, job->view, job->length);
	return 0;
}

static int memcpy_undo(struct bench_job *job)
{
	memcpy(job->view, job->buffer, job->length);
	return 0;
}

static int copy_set_up(struct bench_job *job)
{
	job->buffer = kvmalloc(job->length, GFP_KERNEL);
	return job->buffer ? bench_iomd_take(job) : -ENOMEM;
}

static int copy_run(struct bench_job *job)
{
	return iomd_read_bytes(job->md, 0, job->buffer, job->length) == job->length ? 0 : -EIO;
}

static int copy_undo(struct bench_job *job)
{
	return iomd_write_bytes(job->md, 0, job->buffer, job->length) == job->length ? 0 : -EIO;
}

const struct bench_case bench_query_cases[] = {
	{ .name = "walk", .who = "floor", .kinds = BENCH_IN(SHUFFLED), .min = SZ_64K,
	  .max = SZ_128M, .direction = IOMD_DIRECTION_IN, .set_up = table_set_up,
	  .run = table_run, .tear_down = bench_by_hand_done },
	{ .name = "walk", .who = "iomd", .kinds = BENCH_IN(SHUFFLED), .min = SZ_64K,
	  .max = SZ_128M, .direction = IOMD_DIRECTION_IN, .set_up = md_set_up,
	  .run = iterator_run, .tear_down = bench_iomd_done },
	{ .name = "sequence", .who = "iomd", .kinds = BENCH_IN(SHUFFLED), .min = SZ_64K,
	  .max = SZ_128M, .direction = IOMD_DIRECTION_IN, .set_up = md_set_up,
	  .run = sequence_run, .tear_down = bench_iomd_done },
	{ .name = "random", .who = "iomd", .kinds = BENCH_IN(REPEATED), .min = SZ_1M,
	  .max = 2ULL * SZ_2G, .direction = IOMD_DIRECTION_IN, .set_up = random_set_up,
	  .run = random_run, .tear_down = random_tear_down },
	{ .name = "nested", .who = "iomd", .kinds = BENCH_IN(SHUFFLED), .min = SZ_1M,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN, .set_up = nested_set_up,
	  .run = random_run, .tear_down = nested_tear_down },
	{ .name = "copy", .who = "floor", .kinds = BENCH_IN(NATURAL), .min = SZ_4K,
	  .max = SZ_64K, .direction = IOMD_DIRECTION_IN, .set_up = memcpy_set_up,
	  .run = memcpy_run, .undo = memcpy_undo, .tear_down = memcpy_tear_down },
	{ .name = "copy", .who = "iomd", .kinds = BENCH_IN(NATURAL), .min = SZ_4K,
	  .max = SZ_64K, .direction = IOMD_DIRECTION_IN, .set_up = copy_set_up,
	  .run = copy_run, .undo = copy_undo, .tear_down = random_tear_down },
	{}
};
