// SPDX-License-Identifier: GPL-2.0
/*
 * Who looks at memory without preparing it, while others prepare and complete it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/random.h>

#include <asm/unistd.h>

#include "../../src/debug/knobs.h"
#include "../../src/desc/general.h"
#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN

/* Pages of a process, prepared and completed by one thread, looked at by another. */
struct stage {
	struct kunit *test;
	struct puppet *puppet;
	struct area area;
	struct iomd *md;
	/* What others see it through. */
	struct iomd *whole;
	struct image image;
	atomic_t seen, missed;
	atomic_t failures;
};

static void stage_open(struct stage *stage, struct kunit *test, unsigned int pages, u64 direction)
{
	struct iomd_address_range range;

	memset(stage, 0, sizeof(*stage));
	stage->test = test;
	stage->puppet = puppet_start(test);
	area_make(&stage->area, stage->puppet, AREA_SCATTERED, pages);
	range = area_range(&stage->area, 50, pages * P - 100);
	stage->md = made(test, iomd_with_address_range(range.address, range.length,
						       direction | IOMD_MEMORY_PERSISTENT,
						       stage->puppet->task));
	/* From here on the pages must not move. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(stage->md, 0), 0);
	area_look_up(&stage->area);
	KUNIT_ASSERT_EQ(test, iomd_complete(stage->md, 0), 0);
	image_init(&stage->image, test, pages);
	image_add_area(&stage->image, &stage->area, &range, 1);
	stage->whole = iomd_retain(stage->md);
}

static void stage_close(struct stage *stage)
{
	KUNIT_EXPECT_EQ(stage->test, atomic_read(&stage->failures), 0);
	iomd_release(stage->whole);
	iomd_release(stage->md);
}

static void check(struct stage *stage, bool good, const char *what)
{
	if (!good && atomic_inc_return(&stage->failures) < 5)
		KUNIT_FAIL(stage->test, "%s", what);
}

/* A piece is there as it is, or is not. */
static void check_piece(struct stage *stage, u64 offset, u64 address, u64 length)
{
	u64 most;

	if (!length) {
		atomic_inc(&stage->missed);
		return;
	}
	atomic_inc(&stage->seen);
	check(stage, image_at(&stage->image, offset, &most) == address && length <= most,
	      "a segment that was never there");
}

static void cycle(void *data)
{
	struct stage *stage = data;

	check(stage, !iomd_prepare(stage->md, 0), "prepare");
	/* Now and then there is time to see it, and to see that it has gone. */
	if (!(get_random_u32() % 16))
		usleep_range(50, 500);
	check(stage, !iomd_complete(stage->md, 0), "complete");
	if (!(get_random_u32() % 16))
		usleep_range(50, 500);
}

static void walk(void *data)
{
	struct stage *stage = data;
	struct iomd_segment_iter iter;
	u64 length;
	int i;

	iomd_for_each_segment(iter, stage->whole, 0, U64_MAX)
		check_piece(stage, iter.offset, iter.address, iter.length);
	for (i = 0; i < 20; i++) {
		u64 at = rest_of(get_random_u32(), stage->image.length);
		phys_addr_t address = iomd_get_physical_segment(stage->whole, at, &length, 0);

		check_piece(stage, at, address, length);
		if (!length || at + length >= stage->image.length)
			continue;
		/* The next one, which is found another way. */
		at += length;
		address = iomd_get_physical_segment(stage->whole, at, &length, 0);
		check_piece(stage, at, address, length);
		address = iomd_get_physical_segment(stage->whole, at, &length,
						    IOMD_MEMORY_SEGMENT_WRITE);
		check_piece(stage, at, address, length);
	}
}

static void walk_meanwhile(struct stage *stage)
{
	struct worker driver, walkers[2];

	worker_start(stage->test, &driver, cycle, stage);
	worker_start(stage->test, &walkers[0], walk, stage);
	worker_start(stage->test, &walkers[1], walk, stage);
	race_for_a_while();
	worker_stop(&walkers[1]);
	worker_stop(&walkers[0]);
	worker_stop(&driver);
	KUNIT_EXPECT_GT(stage->test, atomic_read(&stage->seen), 0);
	KUNIT_EXPECT_GT(stage->test, atomic_read(&stage->missed), 0);
}

static void lists_of_all_sizes(struct kunit *test)
{
	/* In the descriptor, in one block, in several. */
	static const unsigned int pages[] = { 1, 3, 20, 200 };
	struct stage stage;
	unsigned int i;

	iomd_knob_segment_block = 16;
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		stage_open(&stage, test, pages[i], IOMD_DIRECTION_IN);
		walk_meanwhile(&stage);
		stage_close(&stage);
	}
}

static void through_composites(struct kunit *test)
{
	struct iomd *part, *sub;
	struct stage stage;

	iomd_knob_segment_block = 8;
	stage_open(&stage, test, 40, IOMD_DIRECTION_IN);
	iomd_release(stage.whole);
	part = stage.md;
	sub = made(test, iomd_sub_with_sub_range(part, 0, stage.image.length, IOMD_DIRECTION_IN));
	stage.whole = made(test, iomd_multi_with_descriptors(&sub, 1, IOMD_DIRECTION_IN, false));
	iomd_release(sub);
	walk_meanwhile(&stage);
	stage_close(&stage);
}

/*
 * A question is no preparation: whoever completes the last one has completed it
 */

static void count_pages(void *data)
{
	struct stage *stage = data;
	u64 resident, dirty;
	int ret = iomd_get_page_counts(stage->whole, &resident, &dirty);

	check(stage, ret == -EAGAIN || (!ret && resident == stage->area.pages), "page counts");
}

static void compare(void *data)
{
	struct stage *stage = data;
	struct iomd *md = iomd_with_persistent_memory_descriptor(stage->md);

	check(stage, md == stage->md, "the same memory");
	if (!IS_ERR(md))
		iomd_release(md);
}

static void read_all(void *data)
{
	struct stage *stage = data;
	u64 length = stage->image.length, copied;
	u8 *bytes = kmalloc(length, GFP_KERNEL);

	if (!bytes)
		return;
	copied = iomd_read_bytes(stage->whole, 0, bytes, length);
	check(stage, !copied || copied == length, "all or nothing");
	kfree(bytes);
}

static void store_all(void *data)
{
	struct stage *stage = data;
	int ret = iomd_perform_operation(stage->whole, IOMD_MEMORY_INCOHERENT_IO_STORE, 0, U64_MAX);

	check(stage, !ret || ret == -EAGAIN || ret == -EOPNOTSUPP, "store");
}

/* For reading, and when that is over for writing: nobody is to be in between. */
static void read_and_write(void *data)
{
	struct stage *stage = data;

	check(stage, !iomd_prepare(stage->md, IOMD_DIRECTION_OUT), "prepare for reading");
	check(stage, !iomd_complete(stage->md, 0), "complete what was read");
	check(stage, !iomd_prepare(stage->md, IOMD_DIRECTION_IN), "prepare for writing");
	check(stage, !iomd_complete(stage->md, 0), "complete what was written");
}

static void questions_change_nothing(struct kunit *test)
{
	void (*const questions[])(void *) = { count_pages, compare, read_all, store_all };
	struct worker driver, questioner;
	struct stage stage;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		stage_open(&stage, test, 30, BOTH);
		worker_start(test, &driver, read_and_write, &stage);
		worker_start(test, &questioner, questions[i], &stage);
		race_for_a_while();
		worker_stop(&questioner);
		worker_stop(&driver);
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&stage.puppet->mm->pinned_vm), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(stage.md),
				IOMD_PREPARATION_ID_UNPREPARED);
		stage_close(&stage);
	}
}

/*
 * The last complete waits for who reads
 */

struct last {
	struct iomd *md;
	struct completion done;
	int ret;
};

static int complete_it(void *data)
{
	struct last *last = data;

	last->ret = iomd_complete(last->md, 0);
	complete(&last->done);
	return 0;
}

static void begin_to_complete(struct kunit *test, struct last *last, struct iomd *md)
{
	struct task_struct *task;

	last->md = md;
	last->ret = 1;
	init_completion(&last->done);
	task = kthread_run(complete_it, last, "iomd_last");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

struct held {
	struct iomd *md;
	u64 offset, length;
	int ret;
};

static void hold(void *data)
{
	struct held *held = data;

	held->ret = held->md->ops->hold(held->md, held->offset, held->length);
}

static void drop(void *data)
{
	struct held *held = data;

	held->md->ops->drop(held->md, held->offset, held->length);
}

static void the_last_complete_waits_for_readers(struct kunit *test)
{
	struct stage stage;
	struct held held = { .offset = 5, .length = 100 };
	struct last last;
	u64 length;

	stage_open(&stage, test, 3, BOTH);
	held.md = stage.md;
	hold(&held);
	KUNIT_EXPECT_EQ(test, held.ret, -EAGAIN);
	KUNIT_ASSERT_EQ(test, iomd_prepare(stage.md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(stage.md, 0), 0);
	call_in_hard_irq(test, hold, &held);
	KUNIT_ASSERT_EQ(test, held.ret, 0);
	hold(&held);
	/* Not if it is not the last one. */
	KUNIT_EXPECT_EQ(test, iomd_complete(stage.md, 0), 0);
	begin_to_complete(test, &last, stage.md);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&last.done, HZ / 5));
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&stage.puppet->mm->pinned_vm), 3ULL);
	/* For everybody else it is completed. */
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(stage.md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(stage.md, 0, &length, 8), 0ULL);
	drop(&held);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&last.done, HZ / 10));
	call_in_hard_irq(test, drop, &held);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&last.done, 20 * HZ));
	KUNIT_EXPECT_EQ(test, last.ret, 0);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&stage.puppet->mm->pinned_vm), 0ULL);
	stage_close(&stage);
}

/* Of a composite exactly the parts are held that are read. */
static void of_composites_the_parts_are_held(struct kunit *test)
{
	struct iomd *parts[3], *multi, *sub;
	struct held held = {};
	struct stage stages[3];
	struct last last;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		stage_open(&stages[i], test, 2, BOTH);
		parts[i] = stages[i].md;
	}
	multi = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	sub = made(test, iomd_sub_with_sub_range(multi, 10, iomd_get_length(multi) - 20, BOTH));
	held.md = sub;
	held.length = iomd_get_length(sub);
	/* One is missing: nothing is held. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(parts[0], 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(parts[1], 0), 0);
	hold(&held);
	KUNIT_EXPECT_EQ(test, held.ret, -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[0], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[1], 0), 0);
	/* The second alone. */
	held.offset = iomd_get_length(parts[0]);
	held.length = 1;
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, iomd_prepare(parts[i], 0), 0);
	hold(&held);
	KUNIT_ASSERT_EQ(test, held.ret, 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[0], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[2], 0), 0);
	begin_to_complete(test, &last, parts[1]);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&last.done, HZ / 5));
	drop(&held);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&last.done, 20 * HZ));
	KUNIT_EXPECT_EQ(test, last.ret, 0);
	iomd_release(sub);
	iomd_release(multi);
	for (i = 0; i < 3; i++)
		stage_close(&stages[i]);
}

/* What can't be counted is refused, and changes nothing. */
static void counts_have_an_end(struct kunit *test)
{
	struct stage stage;
	struct iomd_prepares *count;
	struct held held = { .length = 1 };
	s64 prepares = IOMD_PREPARES_COUNT - 1, readers = IOMD_PREPARES_READERS;

	stage_open(&stage, test, 2, BOTH);
	held.md = stage.md;
	count = &iomd_to_general(stage.md)->prepares;
	KUNIT_ASSERT_EQ(test, iomd_prepare(stage.md, 0), 0);
	atomic64_add(prepares, &count->state);
	KUNIT_EXPECT_EQ(test, iomd_prepare(stage.md, 0), -EOVERFLOW);
	atomic64_sub(prepares, &count->state);
	atomic64_add(readers, &count->state);
	hold(&held);
	KUNIT_EXPECT_EQ(test, held.ret, -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(stage.md, NULL, NULL), -EAGAIN);
	atomic64_sub(readers, &count->state);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(stage.md, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(stage.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(stage.md), IOMD_PREPARATION_ID_UNPREPARED);
	stage_close(&stage);
}

static struct kunit_case reader_cases[] = {
	KUNIT_CASE(lists_of_all_sizes),
	KUNIT_CASE(through_composites),
	KUNIT_CASE(questions_change_nothing),
	KUNIT_CASE(the_last_complete_waits_for_readers),
	KUNIT_CASE(of_composites_the_parts_are_held),
	KUNIT_CASE(counts_have_an_end),
	{}
};

static struct kunit_suite reader_suite = {
	.name = "iomd_reader",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = reader_cases,
};

kunit_test_suite(reader_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd: readers that prepare nothing");
MODULE_LICENSE("GPL");
