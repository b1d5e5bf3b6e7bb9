// SPDX-License-Identifier: GPL-2.0
/*
 * Each step that can fail does, in turn: whatever was begun is undone. And the
 * counters that show it.
 */
#include <linux/bvec.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "../../src/debug/knobs.h"
#include "fixtures.h"

#define P	((u64)PAGE_SIZE)
#define AREA_PAGES	60

/* What the scripts work with. */
struct stage {
	struct kunit *test;
	struct actor actor;
	struct area area;
	struct kernel_area kernel;
	struct device *device;
};

/* Something that succeeds, and gives all back, if no step fails. */
struct script {
	const char *name;
	int (*run)(struct stage *stage);
};

static struct task_struct *task_of(struct stage *stage)
{
	return stage->actor.who == WHO_OTHER ? stage->actor.puppet->task : current;
}

static struct iomd *describe_ranges(struct stage *stage, u32 count, u64 length)
{
	struct iomd_address_range ranges[2] = {
		area_range(&stage->area, 7 * P + 5, length),
		area_range(&stage->area, 11, length),
	};

	return iomd_with_address_ranges(ranges, count, IOMD_DIRECTION_IN, task_of(stage));
}

static int cycle(struct iomd *md)
{
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	if (!ret)
		ret = iomd_complete(md, 0);
	iomd_release(md);
	return ret;
}

static int small_user_memory(struct stage *stage)
{
	return cycle(describe_ranges(stage, 1, 100));
}

static int large_user_memory(struct stage *stage)
{
	return cycle(describe_ranges(stage, 2, 40 * P));
}

/* Descriptors that are retargeted, after having been prepared. */
static int retargeted_memory(struct stage *stage)
{
	struct iomd_address_range ranges[2] = {
		area_range(&stage->area, 5, 3), area_range(&stage->area, P + 5, 3),
	};
	struct iomd *md = describe_ranges(stage, 1, 20 * P);
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	if (!ret)
		ret = iomd_init_with_options(md, ranges, 2, 0, task_of(stage),
					     IOMD_MEMORY_TYPE_VIRTUAL | IOMD_DIRECTION_OUT, NULL);
	if (ret) {
		iomd_release(md);
		return ret;
	}
	return cycle(md);
}

static int kernel_memory(struct stage *stage)
{
	struct iomd *md = iomd_with_address(stage->kernel.address + 9, 20 * P,
					    IOMD_DIRECTION_OUT);

	return cycle(md);
}

static int pages_of_others(struct stage *stage)
{
	struct bio_vec vecs[10] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vecs); i++) {
		vecs[i].bv_page = stage->kernel.pages[i];
		vecs[i].bv_len = 100;
	}
	return cycle(iomd_with_options(vecs, ARRAY_SIZE(vecs), 0, NULL,
				       IOMD_MEMORY_TYPE_UPL | IOMD_DIRECTION_IN, NULL));
}

static int an_iterator(struct stage *stage)
{
	struct kvec kvecs[2] = {
		{ stage->kernel.address, 100 }, { stage->kernel.address + P, 100 },
	};
	struct iov_iter iter;

	iov_iter_kvec(&iter, WRITE, kvecs, 2, 200);
	return cycle(iomd_with_options(&iter, 1, 0, IOMD_KERNEL_TASK,
				       IOMD_MEMORY_TYPE_UIO | IOMD_DIRECTION_IN, NULL));
}

static int device_memory(struct stage *stage)
{
	return cycle(iomd_device_memory_with_range(NO_RAM, 0x1000));
}

static int with_dma(struct stage *stage, struct iomd *md)
{
	struct iomd_dma_map *map;
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	if (ret)
		goto out;
	map = iomd_dma_map(md, stage->device, 0, iomd_get_length(md), 0);
	ret = PTR_ERR_OR_ZERO(map);
	if (!ret)
		iomd_dma_unmap(map);
	/* Whatever the map came to, the memory is prepared. */
	if (iomd_complete(md, 0))
		ret = -EIO;
out:
	iomd_release(md);
	return ret;
}

static int user_memory_for_a_device(struct stage *stage)
{
	/* Not so long that the ranges overlap: the DMA API does not have that. */
	return with_dma(stage, describe_ranges(stage, 2, 6 * P));
}

static int kernel_memory_for_a_device(struct stage *stage)
{
	return with_dma(stage, iomd_with_address(stage->kernel.address, 3 * P,
						 IOMD_DIRECTION_IN));
}

static int mapped(struct iomd *md, u64 options)
{
	struct iomd_mapping *mapping;

	if (IS_ERR(md))
		return PTR_ERR(md);
	mapping = iomd_map(md, options);
	if (!IS_ERR(mapping))
		iomd_mapping_release(mapping);
	iomd_release(md);
	return PTR_ERR_OR_ZERO(mapping);
}

static int user_memory_for_the_kernel(struct stage *stage)
{
	return mapped(describe_ranges(stage, 1, 20 * P), 0);
}

static int kernel_memory_for_the_kernel(struct stage *stage)
{
	int ret = mapped(iomd_with_address(stage->kernel.address, P, IOMD_DIRECTION_IN), 0);

	return ret ?: mapped(iomd_with_address(stage->kernel.address, 3 * P, IOMD_DIRECTION_OUT),
			     IOMD_MAP_READ_ONLY);
}

static const struct script scripts[] = {
	{ "small user memory", small_user_memory },
	{ "large user memory", large_user_memory },
	{ "retargeted memory", retargeted_memory },
	{ "kernel memory", kernel_memory },
	{ "pages of others", pages_of_others },
	{ "an iterator", an_iterator },
	{ "device memory", device_memory },
	{ "user memory for a device", user_memory_for_a_device },
	{ "kernel memory for a device", kernel_memory_for_a_device },
	{ "user memory for the kernel", user_memory_for_the_kernel },
	{ "kernel memory for the kernel", kernel_memory_for_the_kernel },
};

static void script_desc(const struct script *script, char *desc)
{
	strscpy(desc, script->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(script, scripts, script_desc);

struct attempt {
	struct stage *stage;
	unsigned int nth;
	bool failed;
};

static long try(void *data)
{
	struct attempt *attempt = data;
	struct stage *stage = attempt->stage;
	const struct script *script = stage->test->param_value;
	int ret;

	iomd_inject_arm(attempt->nth);
	ret = script->run(stage);
	attempt->failed = iomd_inject_disarm();
	return ret;
}

/* Fail step 1, 2, 3 ... until there is no such step. */
static unsigned int fail_each_step(struct stage *stage)
{
	struct attempt attempt = { .stage = stage, .nth = 1 };
	long ret;

	for (;;) {
		ret = actor_call(&stage->actor, try, &attempt);
		fixture_expect_nothing_taken(stage->test);
		KUNIT_EXPECT_EQ(stage->test,
				(u64)atomic64_read(&stage->actor.puppet->mm->pinned_vm), 0ULL);
		if (!attempt.failed)
			break;
		KUNIT_EXPECT_EQ_MSG(stage->test, ret, (long)-ENOMEM, "step %u", attempt.nth);
		if (++attempt.nth > 5000) {
			KUNIT_FAIL(stage->test, "there is no end of steps");
			break;
		}
	}
	KUNIT_EXPECT_EQ(stage->test, ret, 0L);
	return attempt.nth - 1;
}

static void each_failure_is_undone(struct kunit *test)
{
	/* Pages at a time, entries of a block: steps at every seam of the list. */
	static const struct {
		unsigned int batch, block;
	} knobs[] = { { 0, 0 }, { 3, 2 }, { 17, 9 } };
	struct stage stage = { .test = test, .device = fake_device(test) };
	struct puppet *puppet = puppet_start(test);
	unsigned int i, steps = 0;
	enum who who;

	area_make(&stage.area, puppet, AREA_SCATTERED, AREA_PAGES);
	kernel_area_make(&stage.kernel, test, 22);
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		iomd_knob_pin_batch = knobs[i].batch;
		iomd_knob_segment_block = knobs[i].block;
		for (who = 0; who < WHO_COUNT; who++) {
			actor_enter(&stage.actor, puppet, who);
			steps += fail_each_step(&stage);
			actor_leave(&stage.actor);
		}
	}
	KUNIT_EXPECT_GT(test, steps, 0U);
	kunit_info(test, "%u steps failed", steps);
	kernel_area_free(&stage.kernel);
}

/* Only the task that asked for it is affected, and only once. */
static void a_failure_is_for_one_task(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct stage stage = { .test = test };

	area_make(&stage.area, puppet, AREA_SCATTERED, AREA_PAGES);
	iomd_inject_arm(1);
	actor_enter(&stage.actor, puppet, WHO_SELF);
	KUNIT_EXPECT_EQ(test, cycle(actor_describe(&stage.actor, &(struct iomd_address_range) {
			stage.area.address, P }, 1, IOMD_DIRECTION_IN)), -ENOMEM);
	actor_leave(&stage.actor);
	actor_enter(&stage.actor, puppet, WHO_OTHER);
	KUNIT_EXPECT_EQ(test, small_user_memory(&stage), 0);
	KUNIT_EXPECT_TRUE(test, iomd_inject_disarm());
	actor_leave(&stage.actor);
}

static void counters_have_names_and_pairs(struct kunit *test)
{
	unsigned int i, j;

	KUNIT_EXPECT_EQ(test, IOMD_COUNTERS % 2, 0);
	for (i = 0; i < IOMD_COUNTERS; i++) {
		KUNIT_ASSERT_NOT_NULL(test, iomd_counter_name(i));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, iomd_counter_name(i), iomd_counter_name(j));
	}
}

static void counters_count(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	u64 pinned, unpinned, charged, uncharged;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet, AREA_SCATTERED, 5);
	pinned = iomd_counter_read(IOMD_PAGES_PINNED);
	unpinned = iomd_counter_read(IOMD_PAGES_UNPINNED);
	charged = iomd_counter_read(IOMD_PAGES_CHARGED);
	uncharged = iomd_counter_read(IOMD_PAGES_UNCHARGED);
	md = iomd_with_address_range(area.address + 1, 4 * P, IOMD_DIRECTION_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_PINNED), pinned + 5);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_CHARGED), charged + 5);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_UNPINNED), unpinned);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_PINNED), pinned + 5);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_UNPINNED), unpinned + 5);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_PAGES_UNCHARGED), uncharged + 5);
	iomd_release(md);
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE_PARAM(each_failure_is_undone, script_gen_params),
	KUNIT_CASE(a_failure_is_for_one_task),
	KUNIT_CASE(counters_have_names_and_pairs),
	KUNIT_CASE(counters_count),
	{}
};

static struct kunit_suite debug_suite = {
	.name = "iomd_debug",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = debug_cases,
};

kunit_test_suite(debug_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd under failures, and of its counters");
MODULE_LICENSE("GPL");
