// SPDX-License-Identifier: GPL-2.0
/*
 * Holding user memory for a device, and letting go of it: the kernel's calls alone
 * (the floor), what drivers write by hand, an entry for each page, and iomd.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <iomd/iomd.h>

#include "job.h"

bool bench_writes(const struct bench_job *job)
{
	return job->what->direction & IOMD_DIRECTION_IN;
}

static unsigned int gup_flags(const struct bench_job *job)
{
	return FOLL_LONGTERM | (bench_writes(job) ? FOLL_WRITE : 0);
}

/*
 * The floor: pin in batches that end where page tables do, keep the pages, and
 * release them the cheapest way there is for this memory.
 */
#define BATCH	512

static int floor_set_up(struct bench_job *job)
{
	job->pages = kvmalloc_array(job->page_count, sizeof(*job->pages), GFP_KERNEL);
	return job->pages ? 0 : -ENOMEM;
}

static void floor_tear_down(struct bench_job *job)
{
	kvfree(job->pages);
}

static int floor_take(struct bench_job *job)
{
	unsigned int flags = gup_flags(job);
	unsigned long at = 0;

	while (at < job->page_count) {
		unsigned long address = job->address + at * PAGE_SIZE;
		unsigned long to_table_end = BATCH - (address >> PAGE_SHIFT) % BATCH;
		int count = min(job->page_count - at, to_table_end);

		if (pin_user_pages_fast(address, count, flags, job->pages + at) != count)
			return -EFAULT;
		at += count;
	}
	return 0;
}

static void release_small(struct page *page, bool dirty)
{
	if (dirty && !PageDirty(page))
		set_page_dirty_lock(page);
	unpin_user_page(page);
}

static int floor_give(struct bench_job *job)
{
	bool dirty = bench_writes(job);
	unsigned long at = 0;

	while (at < job->page_count) {
		struct page *page = job->pages[at];
		unsigned long count = 1;

		if (PageCompound(page)) {
			count = min(job->page_count - at, folio_nr_pages(page_folio(page)));
			unpin_user_page_range_dirty_lock(page, count, dirty);
		} else {
			release_small(page, dirty);
		}
		at += count;
	}
	return 0;
}

/*
 * By hand: an array of all pages, a table made from it, and both kept. It takes
 * what nearly every driver's copy of this has, and no more: no limit is checked.
 */
int bench_by_hand_take(struct bench_job *job)
{
	int count;

	job->pages = kvmalloc_array(job->page_count, sizeof(*job->pages), GFP_KERNEL);
	if (!job->pages)
		return -ENOMEM;
	count = pin_user_pages_fast(job->address & PAGE_MASK, job->page_count, gup_flags(job),
				    job->pages);
	if (count != job->page_count)
		goto err_free;
	if (sg_alloc_table_from_pages(&job->table, job->pages, count,
				      offset_in_page(job->address), job->length, GFP_KERNEL))
		goto err_free;
	return 0;

err_free:
	if (count > 0)
		unpin_user_pages(job->pages, count);
	kvfree(job->pages);
	return -EFAULT;
}

int bench_by_hand_give(struct bench_job *job)
{
	sg_free_table(&job->table);
	if (bench_writes(job))
		unpin_user_pages_dirty_lock(job->pages, job->page_count, true);
	else
		unpin_user_pages(job->pages, job->page_count);
	kvfree(job->pages);
	return 0;
}

void bench_by_hand_done(struct bench_job *job)
{
	bench_by_hand_give(job);
}

/* A page an entry: no look at what is contiguous, and a release for each. */
static int page_entry_take(struct bench_job *job)
{
	struct scatterlist *sg;
	int count, i;

	job->pages = kvcalloc(job->page_count, sizeof(*job->pages), GFP_KERNEL);
	if (!job->pages)
		return -ENOMEM;
	if (sg_alloc_table(&job->table, job->page_count, GFP_KERNEL))
		return -ENOMEM;
	count = get_user_pages_fast(job->address & PAGE_MASK, job->page_count,
				    bench_writes(job) ? FOLL_WRITE : 0, job->pages);
	if (count != job->page_count)
		return -EFAULT;
	for_each_sgtable_sg(&job->table, sg, i)
		sg_set_page(sg, job->pages[i], PAGE_SIZE, 0);
	return 0;
}

static int page_entry_give(struct bench_job *job)
{
	unsigned long i;

	for (i = 0; i < job->page_count; i++) {
		if (bench_writes(job))
			set_page_dirty_lock(job->pages[i]);
		put_page(job->pages[i]);
	}
	sg_free_table(&job->table);
	kvfree(job->pages);
	return 0;
}

int bench_iomd_create(struct bench_job *job)
{
	job->md = iomd_with_address_range(job->address, job->length, job->what->direction,
					  current);
	return PTR_ERR_OR_ZERO(job->md);
}

void bench_iomd_done(struct bench_job *job)
{
	iomd_release(job->md);
}

static u64 count_segments(struct iomd *md)
{
	struct iomd_segment_iter iter;
	u64 count = 0;

	iomd_for_each_segment(iter, md, 0, U64_MAX)
		count++;
	return count;
}

/* For other rooms: prepared before what they measure. */
int bench_iomd_take(struct bench_job *job)
{
	int ret = bench_iomd_create(job);

	if (ret)
		return ret;
	ret = iomd_prepare(job->md, IOMD_DIRECTION_NONE);
	if (!ret)
		job->table.orig_nents = count_segments(job->md);
	return ret;
}

static int iomd_run(struct bench_job *job)
{
	return iomd_prepare(job->md, IOMD_DIRECTION_NONE);
}

static int iomd_undo(struct bench_job *job)
{
	return iomd_complete(job->md, IOMD_DIRECTION_NONE);
}

static int iomd_set_up(struct bench_job *job)
{
	int ret = bench_iomd_take(job);

	return ret ?: iomd_undo(job);
}

/* The whole life of a buffer, as for one request of a driver. */
static int life_run(struct bench_job *job)
{
	int ret = bench_iomd_create(job);

	return ret ?: iomd_run(job);
}

static int life_undo(struct bench_job *job)
{
	int ret = iomd_undo(job);

	iomd_release(job->md);
	return ret;
}

/* An object alone. */
struct by_hand_object {
	struct sg_table table;
	struct page **pages;
	unsigned long page_count;
	u64 address;
	u64 length;
};

static int object_run(struct bench_job *job)
{
	struct by_hand_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	job->buffer = object;
	return object ? 0 : -ENOMEM;
}

static int object_undo(struct bench_job *job)
{
	kfree(job->buffer);
	return 0;
}

static int object_life_run(struct bench_job *job)
{
	int ret = object_run(job);

	return ret ?: bench_by_hand_take(job);
}

static int object_life_undo(struct bench_job *job)
{
	int ret = bench_by_hand_give(job);

	return ret ?: object_undo(job);
}

static int create_undo(struct bench_job *job)
{
	iomd_release(job->md);
	return 0;
}

#define PIN(_name, _direction)						\
	{ .name = _name, .who = "floor", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_1G, \
	  .direction = _direction, .set_up = floor_set_up, .run = floor_take, \
	  .undo = floor_give, .tear_down = floor_tear_down },		\
	{ .name = _name, .who = "by_hand", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_1G, \
	  .direction = _direction, .run = bench_by_hand_take, .undo = bench_by_hand_give }, \
	{ .name = _name, .who = "page_entry", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_128M, \
	  .direction = _direction, .run = page_entry_take, .undo = page_entry_give }, \
	{ .name = _name, .who = "iomd", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_1G, \
	  .direction = _direction, .set_up = iomd_set_up, .run = iomd_run, \
	  .undo = iomd_undo, .tear_down = bench_iomd_done }

#define LIFE(_name, _direction)						\
	{ .name = _name, .who = "floor", .kinds = BENCH_IN(NATURAL), .min = SZ_4K, .max = SZ_4K, \
	  .direction = _direction, .set_up = floor_set_up, .run = floor_take, \
	  .undo = floor_give, .tear_down = floor_tear_down },		\
	{ .name = _name, .who = "by_hand", .kinds = BENCH_IN(NATURAL), .min = SZ_4K, \
	  .max = SZ_4K, .direction = _direction, .run = object_life_run, \
	  .undo = object_life_undo },					\
	{ .name = _name, .who = "iomd", .kinds = BENCH_IN(NATURAL), .min = SZ_4K, .max = SZ_4K, \
	  .direction = _direction, .run = life_run, .undo = life_undo }

const struct bench_case bench_pin_cases[] = {
	PIN("pin_out", IOMD_DIRECTION_OUT),
	PIN("pin_in", IOMD_DIRECTION_IN),
	LIFE("life_out", IOMD_DIRECTION_OUT),
	LIFE("life_in", IOMD_DIRECTION_IN),
	{ .name = "create", .who = "by_hand", .kinds = BENCH_IN(NATURAL), .min = SZ_4K,
	  .max = SZ_4K, .run = object_run, .undo = object_undo },
	{ .name = "create", .who = "iomd", .kinds = BENCH_IN(NATURAL), .min = SZ_4K,
	  .max = SZ_4K, .direction = IOMD_DIRECTION_IN, .run = bench_iomd_create,
	  .undo = create_undo },
	{}
};
