// SPDX-License-Identifier: GPL-2.0
/*
 * User memory: what is refused, who pays, and what the owner may do meanwhile.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include <asm/unistd.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/knobs.h"
#include "fixtures.h"

static const enum who everybody[] = { WHO_SELF, WHO_ADOPTER, WHO_OTHER };

static void who_desc(const enum who *who, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "prepared by %s", who_names[*who]);
}

KUNIT_ARRAY_PARAM(who, everybody, who_desc);

/* A kernel thread has its own limit, none, whoever's memory it has adopted. */
static const enum who payers[] = { WHO_SELF, WHO_OTHER };

KUNIT_ARRAY_PARAM(payer, payers, who_desc);

/* What most cases need: some memory of a puppet, and somebody who prepares it. */
struct scene {
	struct kunit *test;
	struct actor actor;
	struct puppet *puppet;
	struct area area;
};

static void scene_open(struct scene *scene, struct kunit *test, enum area_kind kind,
		       unsigned int pages)
{
	scene->test = test;
	scene->puppet = puppet_start(test);
	area_make(&scene->area, scene->puppet, kind, pages);
	actor_enter(&scene->actor, scene->puppet,
		    test->param_value ? *(const enum who *)test->param_value : WHO_OTHER);
}

static void scene_close(struct scene *scene)
{
	actor_leave(&scene->actor);
}

static struct iomd *describe(struct scene *scene, u64 offset, u64 length, u64 options)
{
	struct iomd_address_range range = area_range(&scene->area, offset, length);
	struct iomd *md = actor_describe(&scene->actor, &range, 1, options);

	KUNIT_ASSERT_FALSE(scene->test, IS_ERR(md));
	return md;
}

static struct iomd *describe_all(struct scene *scene, u64 options)
{
	return describe(scene, 0, area_bytes(&scene->area), options);
}

static int prepare(struct scene *scene, struct iomd *md, u64 direction)
{
	return actor_prepare(&scene->actor, md, direction);
}

static int complete_md(struct scene *scene, struct iomd *md)
{
	return actor_complete(&scene->actor, md, 0);
}

static u64 pinned(struct scene *scene)
{
	return atomic64_read(&scene->puppet->mm->pinned_vm);
}

/* A prepare must fail, and must not have been. */
static void expect_no_prepare(struct scene *scene, struct iomd *md, u64 direction, int error)
{
	u64 length = 1;

	KUNIT_EXPECT_EQ(scene->test, prepare(scene, md, direction), error);
	KUNIT_EXPECT_EQ(scene->test, pinned(scene), 0ULL);
	KUNIT_EXPECT_EQ(scene->test, iomd_counter_read(IOMD_PAGES_PINNED),
			iomd_counter_read(IOMD_PAGES_UNPINNED));
	KUNIT_EXPECT_EQ(scene->test, iomd_counter_read(IOMD_PAGES_CHARGED),
			iomd_counter_read(IOMD_PAGES_UNCHARGED));
	KUNIT_EXPECT_EQ(scene->test, iomd_get_preparation_id(md),
			IOMD_PREPARATION_ID_UNPREPARED);
	iomd_get_physical_segment(md, 0, &length, 0);
	KUNIT_EXPECT_EQ(scene->test, length, 0ULL);
}

static void expect_cycle(struct scene *scene, struct iomd *md, u64 direction)
{
	KUNIT_EXPECT_EQ(scene->test, prepare(scene, md, direction), 0);
	KUNIT_EXPECT_EQ(scene->test, complete_md(scene, md), 0);
}

static void protect(struct scene *scene, unsigned int page, unsigned int pages, int prot)
{
	KUNIT_ASSERT_EQ(scene->test, 0L,
			puppet_syscall(scene->puppet, __NR_mprotect,
				       scene->area.address + (u64)page * PAGE_SIZE,
				       (u64)pages * PAGE_SIZE, prot));
}

static void unmap(struct scene *scene, unsigned int page, unsigned int pages)
{
	KUNIT_ASSERT_EQ(scene->test, 0L,
			puppet_syscall(scene->puppet, __NR_munmap,
				       scene->area.address + (u64)page * PAGE_SIZE,
				       (u64)pages * PAGE_SIZE));
}

static void map_again(struct scene *scene, unsigned int page, unsigned int pages)
{
	u64 address = scene->area.address + (u64)page * PAGE_SIZE;

	KUNIT_ASSERT_EQ(scene->test, address,
			puppet_address(scene->puppet, __NR_mmap, address, (u64)pages * PAGE_SIZE,
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

/* What the memory holds as the descriptor sees it: the pattern from @position on. */
static void expect_pattern(struct scene *scene, struct iomd *md, u64 position)
{
	u64 length = iomd_get_length(md);
	u8 *buffer = kvmalloc(length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(scene->test, buffer);
	KUNIT_EXPECT_EQ(scene->test, iomd_read_bytes(md, 0, buffer, length), length);
	KUNIT_EXPECT_EQ(scene->test, (u64)find_mismatch(buffer, position, length), length);
	kvfree(buffer);
}

/*
 * What is refused
 */

static void memory_that_is_not_mapped(struct kunit *test)
{
	static const unsigned int batches[] = { 0, 1, 2, 3 };
	struct scene scene;
	unsigned int hole, i;

	scene_open(&scene, test, AREA_SCATTERED, 7);
	for (hole = 0; hole < scene.area.pages; hole += 3) {
		struct iomd *md = describe_all(&scene, IOMD_DIRECTION_IN);

		unmap(&scene, hole, 1);
		for (i = 0; i < ARRAY_SIZE(batches); i++) {
			iomd_knob_pin_batch = batches[i];
			expect_no_prepare(&scene, md, IOMD_DIRECTION_IN, -EFAULT);
			expect_no_prepare(&scene, md, IOMD_DIRECTION_OUT, -EFAULT);
		}
		map_again(&scene, hole, 1);
		expect_cycle(&scene, md, IOMD_DIRECTION_IN);
		iomd_release(md);
	}
	scene_close(&scene);
}

static void a_range_that_is_not_mapped(struct kunit *test)
{
	struct iomd_address_range ranges[5];
	struct scene scene;
	struct iomd *md;
	unsigned int i;

	scene_open(&scene, test, AREA_SCATTERED, 50);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		ranges[i] = area_range(&scene.area, (u64)i * 10 * PAGE_SIZE + 3, 4 * PAGE_SIZE);
	unmap(&scene, 30, 5);
	md = actor_describe(&scene.actor, ranges, ARRAY_SIZE(ranges), IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	expect_no_prepare(&scene, md, 0, -EFAULT);
	map_again(&scene, 30, 5);
	expect_cycle(&scene, md, 0);
	iomd_release(md);
	scene_close(&scene);
}

static long pin_by_address(void *data)
{
	unsigned long address = *(u64 *)data;
	struct page *page;
	long pins = pin_user_pages_fast(address, 1, FOLL_LONGTERM, &page);

	if (pins == 1)
		unpin_user_page(page);
	return pins;
}

/*
 * Does the kernel itself pin it, by the page tables alone? On some architectures an
 * entry can't tell that nobody may read the page, unless they balance NUMA nodes.
 */
static bool is_pinned_unseen(struct scene *scene, u64 address)
{
	bool pinned = scene->actor.who != WHO_OTHER &&
		      actor_call(&scene->actor, pin_by_address, &address) == 1;

	KUNIT_EXPECT_FALSE(scene->test, pinned && IS_ENABLED(CONFIG_X86));
	return pinned;
}

static void memory_that_may_not_be_read(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 5);
	md = describe_all(&scene, IOMD_DIRECTION_OUT);
	protect(&scene, 2, 1, PROT_NONE);
	if (is_pinned_unseen(&scene, scene.area.address + 2 * PAGE_SIZE))
		expect_cycle(&scene, md, IOMD_DIRECTION_OUT);
	else
		expect_no_prepare(&scene, md, IOMD_DIRECTION_OUT, -EFAULT);
	expect_no_prepare(&scene, md, IOMD_DIRECTION_IN, -EFAULT);
	protect(&scene, 2, 1, PROT_READ);
	expect_cycle(&scene, md, IOMD_DIRECTION_OUT);
	iomd_release(md);
	scene_close(&scene);
}

static void memory_that_may_not_be_written(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 5);
	area_fill(&scene.area);
	md = describe_all(&scene, 0);
	protect(&scene, 3, 1, PROT_READ);
	expect_no_prepare(&scene, md, IOMD_DIRECTION_IN, -EFAULT);
	expect_no_prepare(&scene, md, IOMD_DIRECTION_OUT_IN, -EFAULT);
	/* No direction at all is both. */
	expect_no_prepare(&scene, md, IOMD_DIRECTION_NONE, -EFAULT);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, IOMD_DIRECTION_OUT), 0);
	expect_pattern(&scene, md, 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	protect(&scene, 0, 5, PROT_READ);
	expect_cycle(&scene, md, IOMD_DIRECTION_OUT);
	expect_no_prepare(&scene, md, IOMD_DIRECTION_IN, -EFAULT);
	iomd_release(md);
	scene_close(&scene);
}

/* The pages of a driver's mapping are not the task's. */
static void memory_of_a_driver(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 1);
	scene.area.address = puppet_mmap(scene.puppet, PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
	md = describe_all(&scene, IOMD_DIRECTION_OUT);
	expect_no_prepare(&scene, md, 0, -EFAULT);
	iomd_release(md);
	scene_close(&scene);
}

static void addresses_that_no_user_has(struct kunit *test)
{
	static char module_memory[16];
	void *linear = kmalloc(16, GFP_KERNEL);
	const struct iomd_address_range ranges[] = {
		{ 0, 16 },
		{ 0, PAGE_SIZE + 1 },
		{ 1, 1 },
		{ TASK_SIZE_MAX - 1, 2 },
		{ TASK_SIZE_MAX - PAGE_SIZE, 2 * PAGE_SIZE },
		{ TASK_SIZE_MAX, 1 },
		{ TASK_SIZE_MAX + PAGE_SIZE, PAGE_SIZE },
		{ BIT_ULL(60), PAGE_SIZE },
		{ (unsigned long)linear, 16 },
		{ (unsigned long)module_memory, 16 },
		{ (unsigned long)&linear, sizeof(linear) },
		{ -2 * PAGE_SIZE, PAGE_SIZE },
		{ -3 * PAGE_SIZE + 5, PAGE_SIZE },
	};
	struct scene scene;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, linear);
	scene_open(&scene, test, AREA_SCATTERED, 1);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iomd_address_range range = ranges[i];
		struct iomd *md = actor_describe(&scene.actor, &range, 1, IOMD_DIRECTION_IN);

		/* Where users may have all pages but the last, which can't be described. */
		if (range.address + range.length - 1 >= -(u64)PAGE_SIZE) {
			KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), -EINVAL);
			continue;
		}
		KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(md), "%#llx", range.address);
		expect_no_prepare(&scene, md, IOMD_DIRECTION_IN, -EFAULT);
		expect_no_prepare(&scene, md, IOMD_DIRECTION_OUT, -EFAULT);
		iomd_release(md);
	}
	scene_close(&scene);
	kfree(linear);
}

static void ranges_that_wrap(struct kunit *test)
{
	const struct iomd_address_range ranges[] = {
		{ U64_MAX, 1 }, { 1, U64_MAX }, { 0x7f0000000000, -0x7f0000000000ULL },
		{ -(u64)PAGE_SIZE, PAGE_SIZE }, { -(u64)PAGE_SIZE, 1 },
	};
	struct iomd_address_range none = {};
	struct scene scene;
	unsigned int i;

	scene_open(&scene, test, AREA_SCATTERED, 1);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct iomd_address_range two[] = { area_range(&scene.area, 0, 1), ranges[i] };

		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(actor_describe(&scene.actor, &two[1], 1, 0)),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(actor_describe(&scene.actor, two, 2, 0)),
				-EINVAL);
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(actor_describe(&scene.actor, NULL, 1, 0)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(actor_describe(&scene.actor, &none, 0, 0)), -EINVAL);
	scene_close(&scene);
}

/* More than there can be, and lengths that do not fit in 32 bits. */
static void ranges_that_are_too_long(struct kunit *test)
{
	static const u64 lengths[] = {
		BIT_ULL(32) - 1, BIT_ULL(32), BIT_ULL(32) + 1, 3 * BIT_ULL(32), BIT_ULL(44),
		BIT_ULL(46),
	};
	struct scene scene;
	unsigned int i;

	scene_open(&scene, test, AREA_SCATTERED, 1);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct iomd_address_range range = area_range(&scene.area, 0, lengths[i]);
		struct iomd *md = actor_describe(&scene.actor, &range, 1, IOMD_DIRECTION_OUT);
		int ret;

		/* At creation if the machine has not that much, else when it is looked for. */
		if (IS_ERR(md)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(md), (long)-ENOMEM);
			continue;
		}
		ret = prepare(&scene, md, 0);
		KUNIT_EXPECT_TRUE(test, ret == -EFAULT || ret == -ENOMEM);
		KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
		iomd_release(md);
	}
	scene_close(&scene);
}

static void nothing_at_all(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 1);
	md = describe(&scene, 100, 0, IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(md);
	scene_close(&scene);
}

static void tasks_without_user_memory(struct kunit *test)
{
	struct iomd *md = iomd_with_address_range(0x10000, 16, 0, current);
	struct task_struct *task;

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), -EINVAL);
	task = get_pid_task(find_vpid(2), PIDTYPE_PID);
	KUNIT_ASSERT_NOT_NULL(test, task);
	md = iomd_with_address_range(0x10000, 16, 0, task);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), -EINVAL);
	put_task_struct(task);
}

static void options_that_do_not_exist(struct kunit *test)
{
	static const u64 options[] = {
		BIT_ULL(63), IOMD_DIRECTION_PREPARE_NO_FAULT, IOMD_DIRECTION_COMPLETE_WITH_ERROR,
		IOMD_MEMORY_PREPARED_READ_ONLY, IOMD_MEMORY_AUTO_PREPARE, IOMD_MAP_READ_ONLY,
		IOMD_MEMORY_SEGMENT_WRITE, IOMD_MEMORY_TYPE_PHYSICAL,
	};
	struct scene scene;
	struct iomd *md;
	unsigned int i;

	scene_open(&scene, test, AREA_SCATTERED, 1);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		struct iomd_address_range range = area_range(&scene.area, 0, 16);

		md = actor_describe(&scene.actor, &range, 1, options[i]);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(md), -EINVAL, "%#llx", options[i]);
	}
	md = describe_all(&scene, 0);
	expect_no_prepare(&scene, md, BIT_ULL(63), -EINVAL);
	expect_no_prepare(&scene, md, IOMD_DIRECTION_COMPLETE_WITH_ERROR, -EINVAL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, BIT_ULL(63)), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, IOMD_DIRECTION_PREPARE_NO_FAULT), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, IOMD_DIRECTION_COMPLETE_WITH_DATA_VALID), 0);
	iomd_release(md);
	scene_close(&scene);
}

/*
 * Who pays
 */

static void limit_memlock(struct scene *scene, u64 bytes)
{
	struct {
		u64 soft, hard;
	} limit = { bytes, bytes };
	u64 at = puppet_string(scene->puppet, "") + 64;

	puppet_write(scene->puppet, at, &limit, sizeof(limit));
	KUNIT_ASSERT_EQ(scene->test, 0L, puppet_syscall(scene->puppet, __NR_prlimit64, 0,
							RLIMIT_MEMLOCK, at, 0));
}

/* From now on it is nobody, and has no capability. */
static void drop_privileges(struct scene *scene)
{
	KUNIT_ASSERT_EQ(scene->test, 0L,
			puppet_syscall(scene->puppet, __NR_setresuid, 1000, 1000, 1000));
}

static void pages_are_charged_to_the_owner(struct kunit *test)
{
	struct scene scene;
	struct iomd *one, *other;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	one = describe(&scene, 0, 5 * PAGE_SIZE, IOMD_DIRECTION_IN);
	other = describe(&scene, PAGE_SIZE - 1, 2, IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, one, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 5ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, one, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 5ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, other, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 7ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, one), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 7ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, one), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 2ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, other), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	iomd_release(one);
	iomd_release(other);
	scene_close(&scene);
}

static void the_limit_can_be_reached_but_not_exceeded(struct kunit *test)
{
	struct iomd *four, *over, *small, *unaligned;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	four = describe(&scene, 0, 4 * PAGE_SIZE, IOMD_DIRECTION_IN);
	over = describe(&scene, 0, 4 * PAGE_SIZE + 1, IOMD_DIRECTION_IN);
	small = describe(&scene, 6 * PAGE_SIZE, 1, IOMD_DIRECTION_OUT);
	unaligned = describe(&scene, 1, 4 * PAGE_SIZE, IOMD_DIRECTION_OUT);
	limit_memlock(&scene, 4 * PAGE_SIZE);
	drop_privileges(&scene);

	expect_no_prepare(&scene, over, 0, -ENOMEM);
	expect_no_prepare(&scene, unaligned, 0, -ENOMEM);
	KUNIT_EXPECT_EQ(test, prepare(&scene, four, 0), 0);
	KUNIT_EXPECT_EQ(test, prepare(&scene, small, 0), -ENOMEM);
	/* What is prepared already costs nothing more. */
	KUNIT_EXPECT_EQ(test, prepare(&scene, four, 0), 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, four), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 4ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, four), 0);
	KUNIT_EXPECT_EQ(test, prepare(&scene, small, 0), 0);
	KUNIT_EXPECT_EQ(test, prepare(&scene, four, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, small), 0);

	/* A limit that is no number of pages counts the whole ones. */
	limit_memlock(&scene, 4 * PAGE_SIZE - 1);
	expect_no_prepare(&scene, four, 0, -ENOMEM);
	limit_memlock(&scene, 0);
	expect_no_prepare(&scene, small, 0, -ENOMEM);
	iomd_release(four);
	iomd_release(over);
	iomd_release(small);
	iomd_release(unaligned);
	scene_close(&scene);
}

static void the_privileged_have_no_limit(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	md = describe_all(&scene, IOMD_DIRECTION_OUT);
	limit_memlock(&scene, 0);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 8ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(md);
	scene_close(&scene);
}

static u64 pinned_by(const struct cred *cred)
{
	u64 pages;

	iomd_compat_charge_user(cred->user, 0, U64_MAX, &pages);
	return pages;
}

/* What its user has pinned, by all processes. */
static u64 pinned_by_user(const struct scene *scene)
{
	const struct cred *cred = get_task_cred(scene->puppet->task);
	u64 pages = pinned_by(cred);

	put_cred(cred);
	return pages;
}

/* Five pages where the area is, in whatever is @task's address space now. */
static struct iomd *describe_five(struct scene *scene, struct task_struct *task)
{
	struct iomd *md = iomd_with_address_range(scene->area.address, 5 * PAGE_SIZE,
						  IOMD_DIRECTION_OUT, task);

	KUNIT_ASSERT_FALSE(scene->test, IS_ERR(md));
	return md;
}

static void poor_scene_open(struct scene *scene, struct kunit *test)
{
	scene_open(scene, test, AREA_SCATTERED, 8);
	limit_memlock(scene, 8 * PAGE_SIZE);
	drop_privileges(scene);
	KUNIT_ASSERT_EQ(test, pinned_by_user(scene), 0ULL);
}

static void a_child_is_the_same_user(struct kunit *test)
{
	struct puppet *child;
	struct scene scene;
	struct iomd *md, *other;

	poor_scene_open(&scene, test);
	md = describe_five(&scene, scene.puppet->task);
	child = puppet_fork(scene.puppet);
	other = describe_five(&scene, child->task);
	KUNIT_EXPECT_EQ(test, iomd_prepare(other, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 5ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	/* The driver still holds it: that the child is gone makes no room. */
	puppet_kill(child);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 5ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), -ENOMEM);
	iomd_release(other);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 5ULL);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	iomd_release(md);
	scene_close(&scene);
}

static void another_program_is_the_same_user(struct kunit *test)
{
	struct scene scene;
	struct iomd *md, *next;

	poor_scene_open(&scene, test);
	md = describe_five(&scene, scene.puppet->task);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_execve,
						 puppet_string(scene.puppet, "/proc/self/exe"),
						 0, 0));
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 5ULL);
	area_make(&scene.area, scene.puppet, AREA_SCATTERED, 8);
	next = describe_five(&scene, scene.puppet->task);
	KUNIT_EXPECT_EQ(test, iomd_prepare(next, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(next, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 5ULL);
	iomd_release(md);
	iomd_release(next);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	scene_close(&scene);
}

static long become_root(void *data)
{
	return commit_creds(prepare_kernel_cred(&init_task));
}

/* As by a set-user-id program: what was begun before is no more allowed than it was. */
static void rights_gained_later_do_not_count(struct kunit *test)
{
	struct iomd *before, *after;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	limit_memlock(&scene, 4 * PAGE_SIZE);
	drop_privileges(&scene);
	before = describe_five(&scene, scene.puppet->task);
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, become_root, NULL), 0L);
	after = describe_five(&scene, scene.puppet->task);
	KUNIT_EXPECT_EQ(test, iomd_prepare(before, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, iomd_prepare(after, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 5ULL);
	iomd_release(before);
	iomd_release(after);
	scene_close(&scene);
}

/* It counts for the user who it was, as it would have if it had never had the right. */
static void pages_count_once_the_right_is_given_up(struct kunit *test)
{
	const struct cred *then;
	struct scene scene;
	struct iomd *md;
	u64 before;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	limit_memlock(&scene, 64 * PAGE_SIZE);
	md = describe_five(&scene, scene.puppet->task);
	then = get_task_cred(scene.puppet->task);
	before = pinned_by(then);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by(then), before);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	drop_privileges(&scene);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by(then), before + 5);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned_by(then), before);
	put_cred(then);
	iomd_release(md);
	scene_close(&scene);
}

/* What does not count for its user counts there. */
static void an_address_space_has_a_limit_too(struct kunit *test)
{
	struct iomd *before, *fits, *over;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 8);
	limit_memlock(&scene, 8 * PAGE_SIZE);
	before = describe_five(&scene, scene.puppet->task);
	KUNIT_EXPECT_EQ(test, iomd_prepare(before, 0), 0);
	drop_privileges(&scene);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	fits = describe(&scene, 0, 3 * PAGE_SIZE, IOMD_DIRECTION_OUT);
	over = describe(&scene, 0, 4 * PAGE_SIZE, IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, iomd_prepare(over, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(fits, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 8ULL);
	iomd_release(before);
	iomd_release(fits);
	iomd_release(over);
	scene_close(&scene);
}

/* However many others have pinned. */
static void sums_do_not_wrap(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	poor_scene_open(&scene, test);
	md = describe_five(&scene, scene.puppet->task);
	atomic64_set(&scene.puppet->mm->pinned_vm, -2);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, pinned(&scene), -2ULL);
	atomic64_set(&scene.puppet->mm->pinned_vm, 0);
	KUNIT_EXPECT_EQ(test, pinned_by_user(&scene), 0ULL);
	iomd_release(md);
	scene_close(&scene);
}

/*
 * Counts and directions
 */

static void prepares_are_counted(struct kunit *test)
{
	unsigned int depth, round;
	struct image image;
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 5);
	md = describe(&scene, 10, 4 * PAGE_SIZE, IOMD_DIRECTION_IN);
	image_init(&image, test, 5);
	for (round = 0; round < 2; round++) {
		for (depth = 0; depth < 3; depth++)
			KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
		area_look_up(&scene.area);
		image_clear(&image);
		image_add_area(&image, &scene.area,
			       &(struct iomd_address_range) { scene.area.address + 10,
							      4 * PAGE_SIZE }, 1);
		for (depth = 0; depth < 3; depth++) {
			KUNIT_EXPECT_EQ(test, pinned(&scene), 5ULL);
			image_check(&image, md);
			KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
		}
		KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
		expect_warning_once("iomd: complete without a prepare");
		KUNIT_EXPECT_EQ(test, complete_md(&scene, md), -EAGAIN);
		KUNIT_EXPECT_EQ(test, complete_md(&scene, md), -EAGAIN);
	}
	iomd_release(md);
	scene_close(&scene);
}

/* Table 15.2: what a prepare asks for, for which descriptor, and what comes of it. */
static void directions(struct kunit *test)
{
	static const struct {
		u64 own, asked;
		bool read_only;
	} table[] = {
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_NONE, true },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT, true },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_IN, false },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT_IN, false },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_NONE, false },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_IN, false },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, true },
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_NONE, false },
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_OUT, true },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_NONE, false },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_OUT, true },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_IN, false },
	};
	struct scene scene;
	unsigned int i;

	scene_open(&scene, test, AREA_SCATTERED, 3);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct iomd *md = describe_all(&scene, table[i].own);
		u64 flag;

		KUNIT_EXPECT_EQ(test, iomd_get_direction(md), table[i].own);
		KUNIT_EXPECT_EQ(test, prepare(&scene, md, table[i].asked), 0);
		flag = iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY;
		KUNIT_EXPECT_EQ_MSG(test, !!flag, table[i].read_only, "row %u", i);
		/* Narrower is always granted, wider never. */
		KUNIT_EXPECT_EQ(test, prepare(&scene, md, IOMD_DIRECTION_OUT), 0);
		KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
		KUNIT_EXPECT_EQ_MSG(test, prepare(&scene, md, IOMD_DIRECTION_IN),
				    table[i].read_only ? -EACCES : 0, "row %u", i);
		if (!table[i].read_only)
			KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1),
				table[i].read_only ? 0ULL : 1ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY, flag);
		KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY, 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_direction(md), table[i].own);
		/* Once it is completed, the next one is the first one again. */
		expect_cycle(&scene, md, IOMD_DIRECTION_IN);
		iomd_release(md);
	}
	scene_close(&scene);
}

static void a_first_prepare_for_writing_breaks_sharing(struct kunit *test)
{
	struct iomd *md, *other;
	struct puppet *child;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 3);
	area_fill(&scene.area);
	child = puppet_fork(scene.puppet);
	md = describe_all(&scene, IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, 3 * PAGE_SIZE), 3ULL * PAGE_SIZE);
	/* The child has its own, as it was. */
	other = iomd_with_address_range(scene.area.address, 3 * PAGE_SIZE, IOMD_DIRECTION_OUT,
					child->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, iomd_prepare(other, 0), 0);
	expect_pattern(&scene, other, 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(other, 0), 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(other);
	iomd_release(md);
	scene_close(&scene);
}

static void preparations_have_ids(struct kunit *test)
{
	struct iomd *md, *other, *physical;
	struct scene scene;
	u64 first, second;

	scene_open(&scene, test, AREA_SCATTERED, 2);
	md = describe_all(&scene, IOMD_DIRECTION_IN);
	other = describe_all(&scene, IOMD_DIRECTION_IN);
	physical = iomd_with_physical_address(0x1000, 0x1000, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(physical));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, prepare(&scene, other, 0), 0);
	first = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), first);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(other), first);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), first);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	second = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GE(test, second, BIT_ULL(32));
	KUNIT_EXPECT_NE(test, second, first);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, other), 0);

	first = iomd_get_preparation_id(physical);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_prepare(physical, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(physical, 0), 0);
	iomd_set_preparation_id(physical);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(physical), first);
	iomd_release(md);
	iomd_release(other);
	iomd_release(physical);
	scene_close(&scene);
}

static void is_dirty_if_a_device_could_write(struct kunit *test)
{
	static const u64 directions[] = { IOMD_DIRECTION_OUT, IOMD_DIRECTION_IN,
					  IOMD_DIRECTION_OUT_IN };
	struct scene scene;
	enum area_kind kind;
	unsigned int i, j;

	scene_open(&scene, test, AREA_SCATTERED, 4);
	for (kind = 0; kind < AREA_KINDS; kind++) {
		for (i = 0; area_exists(kind) && i < ARRAY_SIZE(directions); i++) {
			struct page *pages[4];
			struct iomd *md;

			area_make(&scene.area, scene.puppet, kind, 4);
			area_fill(&scene.area);
			md = describe(&scene, 0, 4 * PAGE_SIZE, directions[i]);
			KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
			for (j = 0; j < 4; j++) {
				phys_addr_t address = iomd_get_physical_segment(md, j * PAGE_SIZE,
										NULL, 0);

				pages[j] = compound_head(pfn_to_page(PHYS_PFN(address)));
				ClearPageDirty(pages[j]);
			}
			KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
			for (j = 0; j < 4; j++)
				KUNIT_EXPECT_EQ_MSG(test, !!PageDirty(pages[j]),
						    directions[i] != IOMD_DIRECTION_OUT,
						    "%s, direction %llu", area_names[kind],
						    directions[i]);
			iomd_release(md);
		}
	}
	scene_close(&scene);
}

/*
 * What the owner may do meanwhile
 */

static void the_owner_may_end(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 20);
	area_fill(&scene.area);
	md = describe_all(&scene, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	scene_close(&scene);
	puppet_exit(scene.puppet);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 20ULL);
	expect_pattern(&scene, md, 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 5, NULL, PAGE_SIZE), (u64)PAGE_SIZE);
	/* Still counted, since nothing needs to be looked for. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 20ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ESRCH);
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
	iomd_release(md);
}

static void the_owner_may_be_killed(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, huge_if_any(), 512);
	md = describe(&scene, 100, 300 * PAGE_SIZE, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	scene_close(&scene);
	puppet_kill(scene.puppet);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, 300 * PAGE_SIZE), 300ULL * PAGE_SIZE);
	/* A forgotten complete is made up for. */
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, pinned(&scene), 0ULL);
}

static void the_owner_may_end_before(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 2);
	md = describe_all(&scene, IOMD_DIRECTION_OUT);
	scene_close(&scene);
	puppet_kill(scene.puppet);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ESRCH);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), -ESRCH);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	iomd_release(md);
	md = iomd_with_address_range(scene.area.address, 16, 0, scene.puppet->task);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), -ESRCH);
}

static void the_owner_may_execute_another_program(struct kunit *test)
{
	struct mm_struct *before;
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 4);
	area_fill(&scene.area);
	md = describe_all(&scene, IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	scene_close(&scene);
	before = scene.puppet->mm;
	mmgrab(before);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_execve,
						 puppet_string(scene.puppet, "/proc/self/exe"),
						 0, 0));
	KUNIT_EXPECT_PTR_NE(test, scene.puppet->mm, before);
	expect_pattern(&scene, md, 0);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&before->pinned_vm), 4ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&before->pinned_vm), 0ULL);
	/* What was described is the memory of the old one. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ESRCH);
	mmdrop(before);
	iomd_release(md);
}

static void the_owner_may_unmap(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;
	u8 byte = 1;

	scene_open(&scene, test, AREA_SCATTERED, 10);
	area_fill(&scene.area);
	md = describe_all(&scene, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	unmap(&scene, 3, 4);
	expect_pattern(&scene, md, 0);
	unmap(&scene, 0, 10);
	expect_pattern(&scene, md, 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	expect_no_prepare(&scene, md, 0, -EFAULT);
	/* What is there then is what the next prepare takes. */
	map_again(&scene, 0, 10);
	KUNIT_EXPECT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 10 * PAGE_SIZE - 1, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, byte, 0);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(md);
	scene_close(&scene);
}

static void the_owner_may_move_and_drop_pages(struct kunit *test)
{
	struct scene scene;
	char word[6] = {};
	struct iomd *md;
	u64 elsewhere;

	scene_open(&scene, test, AREA_SCATTERED, 6);
	area_fill(&scene.area);
	md = describe_all(&scene, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_madvise, scene.area.address,
						 2 * PAGE_SIZE, MADV_DONTNEED));
	expect_pattern(&scene, md, 0);
	elsewhere = puppet_mmap(scene.puppet, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE, -1);
	KUNIT_EXPECT_EQ(test, elsewhere,
			puppet_address(scene.puppet, __NR_mremap,
				       scene.area.address + 2 * PAGE_SIZE, 4 * PAGE_SIZE,
				       4 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
	expect_pattern(&scene, md, 0);
	/* The moved ones are still those that the device knows. */
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 2 * PAGE_SIZE, "moved", 5), 5ULL);
	puppet_read(scene.puppet, elsewhere, word, 5);
	KUNIT_EXPECT_STREQ(test, word, "moved");
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(md);
	scene_close(&scene);
}

/* The pinned pages stay the parent's, whoever writes first. */
static void the_owner_may_fork(struct kunit *test)
{
	struct puppet *child;
	u64 before[4], after[4];
	struct scene scene;
	char word[6] = {};
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 4);
	area_fill(&scene.area);
	md = describe_all(&scene, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_EQ(test, prepare(&scene, md, 0), 0);
	puppet_look_up(scene.puppet, scene.area.address, 4, before);
	child = puppet_fork(scene.puppet);
	puppet_write(child, scene.area.address + 4, "child", 5);
	puppet_write(scene.puppet, scene.area.address + 4, "owner", 5);
	puppet_write(scene.puppet, scene.area.address + PAGE_SIZE + 4, "owner", 5);
	puppet_look_up(scene.puppet, scene.area.address, 4, after);
	KUNIT_EXPECT_EQ(test, memcmp(after, before, sizeof(after)), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 4, word, 5), 5ULL);
	KUNIT_EXPECT_STREQ(test, word, "owner");
	/* And what a device writes reaches the owner alone. */
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 4, "bytes", 5), 5ULL);
	puppet_read(scene.puppet, scene.area.address + 4, word, 5);
	KUNIT_EXPECT_STREQ(test, word, "bytes");
	puppet_read(child, scene.area.address + 4, word, 5);
	KUNIT_EXPECT_STREQ(test, word, "child");
	puppet_kill(child);
	KUNIT_EXPECT_EQ(test, complete_md(&scene, md), 0);
	iomd_release(md);
	scene_close(&scene);
}

/* What a device reads is what the owner writes, even if it was shared before. */
static void expect_owner_is_read(struct scene *scene)
{
	struct iomd *md = describe_all(scene, IOMD_DIRECTION_OUT);
	char word[6] = {};

	KUNIT_ASSERT_EQ(scene->test, prepare(scene, md, 0), 0);
	puppet_write(scene->puppet, scene->area.address + PAGE_SIZE, "owner", 5);
	KUNIT_EXPECT_EQ(scene->test, iomd_read_bytes(md, PAGE_SIZE, word, 5), 5ULL);
	KUNIT_EXPECT_STREQ(scene->test, word, "owner");
	KUNIT_EXPECT_EQ(scene->test, complete_md(scene, md), 0);
	iomd_release(md);
}

static void the_owner_may_write(struct kunit *test)
{
	struct puppet *child;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 2);
	child = puppet_fork(scene.puppet);
	expect_owner_is_read(&scene);
	puppet_kill(child);
	scene_close(&scene);
}

/* Until it is written, it is a page of the file. */
static void the_owner_may_write_its_copy_of_a_file(struct kunit *test)
{
	struct scene scene;
	char word[6];
	int fd;

	scene_open(&scene, test, AREA_SCATTERED, 2);
	fd = puppet_syscall(scene.puppet, __NR_memfd_create, puppet_string(scene.puppet, "cow"), 0);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_ftruncate, fd, 2 * PAGE_SIZE));
	scene.area.address = puppet_mmap(scene.puppet, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE, fd);
	puppet_read(scene.puppet, scene.area.address + PAGE_SIZE, word, 5);
	expect_owner_is_read(&scene);
	scene_close(&scene);
}

/* What is mapped read-only may be made writable after it was pinned. */
static void the_owner_may_write_its_copy_later(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	char word[6] = {};
	struct iomd *md;
	u64 address;
	int fd;

	fd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "later"), 0);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ftruncate, fd, 2 * PAGE_SIZE));
	address = puppet_mmap(puppet, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd);
	md = iomd_with_address_range(address, 2 * PAGE_SIZE, IOMD_DIRECTION_OUT, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(puppet, __NR_mprotect, address, 2 * PAGE_SIZE,
						 PROT_READ | PROT_WRITE));
	puppet_write(puppet, address + PAGE_SIZE, "owner", 5);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, PAGE_SIZE, word, 5), 5ULL);
	KUNIT_EXPECT_STREQ(test, word, "owner");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

/* A file may be cut while its pages are pinned. */
static void the_file_may_be_truncated(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd *md;
	u8 byte = 0;
	u64 address;
	int fd;

	fd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "cut"), 0);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ftruncate, fd, 4 * PAGE_SIZE));
	address = puppet_mmap(puppet, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	puppet_write(puppet, address + 3 * PAGE_SIZE, "x", 1);
	md = iomd_with_address_range(address, 4 * PAGE_SIZE, IOMD_DIRECTION_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ftruncate, fd, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 3 * PAGE_SIZE, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 3 * PAGE_SIZE, NULL, PAGE_SIZE),
			(u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	/* Behind the end of the file there is nothing now. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EFAULT);
	iomd_release(md);
}

static void the_file_may_be_sealed(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	unsigned long address;
	struct iomd *md;
	int fd;

	fd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "seal"),
			    2 /* MFD_ALLOW_SEALING */);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ftruncate, fd, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_fcntl, fd, F_ADD_SEALS,
						 F_SEAL_WRITE));
	address = puppet_address(puppet, __NR_mmap, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (IS_ERR_VALUE(address))
		kunit_skip(test, "this kernel does not map a sealed file");
	md = iomd_with_address_range(address, PAGE_SIZE, IOMD_DIRECTION_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static void no_fault_takes_only_what_is_there(struct kunit *test)
{
	struct scene scene;
	struct iomd *md;

	scene_open(&scene, test, AREA_SCATTERED, 4);
	md = describe_all(&scene, IOMD_DIRECTION_IN);
	expect_cycle(&scene, md, IOMD_DIRECTION_PREPARE_NO_FAULT);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_madvise,
						 scene.area.address + PAGE_SIZE, PAGE_SIZE,
						 MADV_DONTNEED));
	expect_no_prepare(&scene, md, IOMD_DIRECTION_PREPARE_NO_FAULT, -EFAULT);
	expect_cycle(&scene, md, 0);
	iomd_release(md);
	scene_close(&scene);
}

static struct kunit_case user_cases[] = {
	KUNIT_CASE_PARAM(memory_that_is_not_mapped, who_gen_params),
	KUNIT_CASE_PARAM(a_range_that_is_not_mapped, who_gen_params),
	KUNIT_CASE_PARAM(memory_that_may_not_be_read, who_gen_params),
	KUNIT_CASE_PARAM(memory_that_may_not_be_written, who_gen_params),
	KUNIT_CASE_PARAM(memory_of_a_driver, who_gen_params),
	KUNIT_CASE_PARAM(addresses_that_no_user_has, who_gen_params),
	KUNIT_CASE_PARAM(ranges_that_wrap, who_gen_params),
	KUNIT_CASE_PARAM(ranges_that_are_too_long, who_gen_params),
	KUNIT_CASE_PARAM(nothing_at_all, who_gen_params),
	KUNIT_CASE(tasks_without_user_memory),
	KUNIT_CASE_PARAM(options_that_do_not_exist, who_gen_params),
	KUNIT_CASE_PARAM(pages_are_charged_to_the_owner, who_gen_params),
	KUNIT_CASE_PARAM(the_limit_can_be_reached_but_not_exceeded, payer_gen_params),
	KUNIT_CASE_PARAM(the_privileged_have_no_limit, who_gen_params),
	KUNIT_CASE_PARAM(a_child_is_the_same_user, payer_gen_params),
	KUNIT_CASE_PARAM(another_program_is_the_same_user, payer_gen_params),
	KUNIT_CASE(rights_gained_later_do_not_count),
	KUNIT_CASE(pages_count_once_the_right_is_given_up),
	KUNIT_CASE(an_address_space_has_a_limit_too),
	KUNIT_CASE(sums_do_not_wrap),
	KUNIT_CASE_PARAM(prepares_are_counted, who_gen_params),
	KUNIT_CASE_PARAM(directions, who_gen_params),
	KUNIT_CASE_PARAM(a_first_prepare_for_writing_breaks_sharing, who_gen_params),
	KUNIT_CASE_PARAM(preparations_have_ids, who_gen_params),
	KUNIT_CASE_PARAM(is_dirty_if_a_device_could_write, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_end, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_be_killed, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_end_before, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_execute_another_program, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_unmap, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_move_and_drop_pages, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_fork, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_write, who_gen_params),
	KUNIT_CASE_PARAM(the_owner_may_write_its_copy_of_a_file, who_gen_params),
	KUNIT_CASE(the_owner_may_write_its_copy_later),
	KUNIT_CASE(the_file_may_be_truncated),
	KUNIT_CASE(the_file_may_be_sealed),
	KUNIT_CASE_PARAM(no_fault_takes_only_what_is_there, who_gen_params),
	{}
};

static struct kunit_suite user_suite = {
	.name = "iomd_user",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = user_cases,
};

kunit_test_suite(user_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd with user memory");
MODULE_LICENSE("GPL");
