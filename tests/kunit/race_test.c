// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads at once, and threads that wait.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd.h>

#include <asm/unistd.h>

#include "../../src/debug/knobs.h"
#include "fixtures.h"

#define P	((u64)PAGE_SIZE)

/* One descriptor of a puppet's memory, and what threads find wrong with it. */
struct arena {
	struct kunit *test;
	struct puppet *puppet;
	struct area area;
	struct device *device;
	struct iomd *md;
	/* An object that can be a context. */
	struct iomd *other;
	struct image image;
	bool stop;
	atomic_t failures;
};

static void arena_open(struct arena *arena, struct kunit *test, unsigned int pages)
{
	memset(arena, 0, sizeof(*arena));
	arena->test = test;
	arena->puppet = puppet_start(test);
	arena->device = fake_device(test);
	area_make(&arena->area, arena->puppet, AREA_SCATTERED, pages);
	arena->md = iomd_with_address_range(arena->area.address + 50, pages * P - 100,
					    IOMD_DIRECTION_IN, arena->puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(arena->md));
	arena->other = iomd_with_physical_address(0x1000, 1, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(arena->other));
	/* Small batches: more places at which others can come between. */
	iomd_knob_pin_batch = 3;
}

/* From here on the pages must not move. */
static void arena_look_up(struct arena *arena)
{
	struct iomd_address_range range = area_range(&arena->area, 50,
						     area_bytes(&arena->area) - 100);

	KUNIT_ASSERT_EQ(arena->test, iomd_prepare(arena->md, 0), 0);
	area_look_up(&arena->area);
	KUNIT_ASSERT_EQ(arena->test, iomd_complete(arena->md, 0), 0);
	image_init(&arena->image, arena->test, arena->area.pages);
	image_add_area(&arena->image, &arena->area, &range, 1);
}

static void arena_close(struct arena *arena)
{
	KUNIT_EXPECT_EQ(arena->test, atomic_read(&arena->failures), 0);
	iomd_release(arena->md);
	iomd_release(arena->other);
}

static void check(struct arena *arena, bool good, const char *what)
{
	if (!good && atomic_inc_return(&arena->failures) < 5)
		KUNIT_FAIL(arena->test, "%s", what);
}

static bool walk_is_right(struct arena *arena)
{
	struct iomd_segment_iter iter;
	u64 at = 0, room;

	iomd_for_each_segment(iter, arena->md, 0, U64_MAX) {
		if (iter.address != image_at(&arena->image, at, &room) || iter.length > room)
			return false;
		at += iter.length;
	}
	return at == arena->image.length;
}

static void cycle(void *data)
{
	struct arena *arena = data;
	int ret = iomd_prepare(arena->md, 0);

	check(arena, !ret, "prepare");
	if (ret)
		return;
	check(arena, walk_is_right(arena), "walk");
	check(arena, iomd_get_preparation_id(arena->md) >= BIT_ULL(32), "id");
	check(arena, !iomd_complete(arena->md, 0), "complete");
}

static long cycle_until_stopped(void *data)
{
	struct arena *arena = data;
	long rounds = 0;

	while (!READ_ONCE(arena->stop)) {
		cycle(arena);
		rounds++;
		cond_resched();
	}
	return rounds;
}

/* What is allowed to anybody at any time, without a preparation of one's own. */
static void access(void *data)
{
	struct arena *arena = data;
	struct iomd *md = arena->md;

	check(arena, iomd_get_length(md) == arena->image.length, "length");
	check(arena, iomd_get_direction(md) == IOMD_DIRECTION_IN, "direction");
	iomd_get_flags(md);
	iomd_get_preparation_id(md);
	iomd_set_tag(md, iomd_get_tag(md) + 1);
	iomd_set_context(md, &arena->other->object);
	os_object_release(iomd_copy_context(md));
	iomd_set_context(md, NULL);
	iomd_get_dma_map_length(md, NULL);
	iomd_release(iomd_retain(md));
}

static void two_threads_and_a_spectator(struct kunit *test)
{
	struct worker workers[3];
	struct arena arena;
	unsigned int i;

	arena_open(&arena, test, 40);
	arena_look_up(&arena);
	worker_start(test, &workers[0], cycle, &arena);
	worker_start(test, &workers[1], cycle, &arena);
	worker_start(test, &workers[2], access, &arena);
	msleep(2000);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		worker_stop(&workers[i]);
		KUNIT_EXPECT_GT(test, workers[i].rounds, 0UL);
	}
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(arena.md), IOMD_PREPARATION_ID_UNPREPARED);
	arena_close(&arena);
}

/* What was found last is known to all who ask for one segment after the other. */
static void ask(void *data)
{
	struct arena *arena = data;
	u64 at, length = 0, room;

	for (at = 0; at < arena->image.length; at += length) {
		phys_addr_t address = iomd_get_physical_segment(arena->md, at, &length, 0);

		if (!length || address != image_at(&arena->image, at, &room) || length > room) {
			check(arena, false, "segment");
			return;
		}
	}
}

static void several_ask_at_once(struct kunit *test)
{
	struct worker workers[2];
	struct arena arena;
	unsigned int i;

	arena_open(&arena, test, 200);
	arena_look_up(&arena);
	KUNIT_ASSERT_EQ(test, iomd_prepare(arena.md, 0), 0);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		worker_start(test, &workers[i], ask, &arena);
	race_for_a_while();
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		worker_stop(&workers[i]);
		KUNIT_EXPECT_GT(test, workers[i].rounds, 0UL);
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(arena.md, 0), 0);
	arena_close(&arena);
}

static void prepare_and_complete(void *data)
{
	struct arena *arena = data;
	int ret = iomd_prepare(arena->md, 0);

	check(arena, !ret, "prepare");
	if (!ret)
		check(arena, !iomd_complete(arena->md, 0), "complete");
}

static void ask_for_too_much(void *data)
{
	struct arena *arena = data;

	check(arena, iomd_prepare(arena->other, 0) == -ENOMEM, "too much");
}

/* What is refused to the one does not count while it is being decided. */
static void what_is_refused_is_in_nobodys_way(struct kunit *test)
{
	struct worker modest, greedy;
	struct rlimit *limit;
	struct arena arena;

	arena_open(&arena, test, 9);
	arena_look_up(&arena);
	iomd_release(arena.other);
	arena.other = arena.md;
	arena.md = iomd_with_address_range(arena.area.address + 50, P, IOMD_DIRECTION_IN,
					   arena.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(arena.md));
	limit = arena.puppet->task->signal->rlim + RLIMIT_MEMLOCK;
	limit->rlim_cur = 8 * P;
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(arena.puppet, __NR_setresuid, 1000, 1000, 1000));
	worker_start(test, &modest, prepare_and_complete, &arena);
	worker_start(test, &greedy, ask_for_too_much, &arena);
	race_for_a_while();
	worker_stop(&modest);
	worker_stop(&greedy);
	KUNIT_EXPECT_GT(test, modest.rounds, 0UL);
	KUNIT_EXPECT_GT(test, greedy.rounds, 0UL);
	arena_close(&arena);
}

static void two_threads_of_the_owner(struct kunit *test)
{
	struct puppet *thread;
	struct worker worker;
	struct arena arena;

	arena_open(&arena, test, 40);
	arena_look_up(&arena);
	thread = puppet_thread(arena.puppet);
	puppet_begin_call(arena.puppet, cycle_until_stopped, &arena);
	puppet_begin_call(thread, cycle_until_stopped, &arena);
	worker_start(test, &worker, access, &arena);
	race_for_a_while();
	WRITE_ONCE(arena.stop, true);
	KUNIT_EXPECT_GT(test, puppet_answer(arena.puppet), 0L);
	KUNIT_EXPECT_GT(test, puppet_answer(thread), 0L);
	worker_stop(&worker);
	arena_close(&arena);
}

static void map_cycle(void *data)
{
	struct arena *arena = data;
	struct iomd_dma_map *map;

	check(arena, !iomd_prepare(arena->md, 0), "prepare");
	/* Two devices may read the same memory at once, but not write it. */
	map = iomd_dma_map(arena->md, arena->device, 7, 30 * P, IOMD_DIRECTION_OUT);
	check(arena, !IS_ERR(map), "map");
	if (!IS_ERR(map))
		iomd_dma_unmap(map);
	check(arena, !iomd_complete(arena->md, 0), "complete");
}

static void view_cycle(void *data)
{
	struct arena *arena = data;
	struct iomd_mapping *mapping = iomd_map(arena->md, 0);

	check(arena, !IS_ERR(mapping), "map into the kernel");
	if (IS_ERR(mapping))
		return;
	check(arena, ((u8 *)iomd_mapping_get_address(mapping))[P] == pattern(P + 50), "contents");
	iomd_mapping_release(mapping);
}

static void maps_of_all_kinds(struct kunit *test)
{
	void (* const rounds[])(void *data) = { map_cycle, map_cycle, view_cycle, cycle };
	struct worker workers[ARRAY_SIZE(rounds)];
	struct arena arena;
	unsigned int i;

	arena_open(&arena, test, 40);
	area_fill(&arena.area);
	arena_look_up(&arena);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		worker_start(test, &workers[i], rounds[i], &arena);
	race_for_a_while();
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		worker_stop(&workers[i]);
		KUNIT_EXPECT_GT(test, workers[i].rounds, 0UL);
	}
	os_object_barrier();
	arena_close(&arena);
}

/* Prepares while the owner does this and that: it works, or it says why not. */
static void cycle_or_refusal(void *data)
{
	struct arena *arena = data;
	int ret = iomd_prepare(arena->md, 0);

	if (!ret)
		check(arena, !iomd_complete(arena->md, 0), "complete");
	else
		check(arena, ret == -EFAULT || ret == -ESRCH, "a strange refusal");
}

static void the_owner_drops_pages_meanwhile(struct kunit *test)
{
	struct arena arena;
	struct worker worker;
	unsigned int i;
	u64 middle;

	arena_open(&arena, test, 20);
	middle = arena.area.address + 5 * P;
	worker_start(test, &worker, cycle_or_refusal, &arena);
	for (i = 0; i < 200; i++) {
		KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(arena.puppet, __NR_madvise, middle, 9 * P,
							 MADV_DONTNEED));
		KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(arena.puppet, __NR_munmap, middle, 3 * P));
		KUNIT_EXPECT_EQ(test, middle,
				puppet_address(arena.puppet, __NR_mmap, middle, 3 * P,
					       PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	}
	worker_stop(&worker);
	arena_close(&arena);
}

static void plain_cycle(void *data)
{
	struct arena *arena = data;
	int ret = iomd_prepare(arena->md, 0);

	check(arena, !ret, "prepare");
	if (!ret)
		check(arena, !iomd_complete(arena->md, 0), "complete");
}

static void the_owner_forks_meanwhile(struct kunit *test)
{
	struct worker worker;
	struct arena arena;
	unsigned int i;

	arena_open(&arena, test, 20);
	worker_start(test, &worker, plain_cycle, &arena);
	for (i = 0; i < 20; i++) {
		struct puppet *child = puppet_fork(arena.puppet);

		puppet_write(child, arena.area.address, "c", 1);
		puppet_write(arena.puppet, arena.area.address + P, "o", 1);
		puppet_kill(child);
	}
	worker_stop(&worker);
	arena_close(&arena);
}

static void the_owner_ends_meanwhile(struct kunit *test)
{
	unsigned int round;

	for (round = 0; round < 20; round++) {
		struct worker workers[2];
		struct arena arena;

		arena_open(&arena, test, 100);
		worker_start(test, &workers[0], cycle_or_refusal, &arena);
		worker_start(test, &workers[1], cycle_or_refusal, &arena);
		usleep_range(4000, 6000);
		puppet_kill(arena.puppet);
		worker_stop(&workers[0]);
		worker_stop(&workers[1]);
		KUNIT_EXPECT_EQ(test, iomd_prepare(arena.md, 0), -ESRCH);
		arena_close(&arena);
	}
}

/*
 * A prepare that waits: the fault is for user space to handle, and it does not.
 */

struct stall {
	struct arena arena;
	/* The thread that is told of the fault, and could handle it. */
	struct puppet *handler;
	/* Who prepares: the owner, unless somebody else is to. */
	struct puppet *who;
	u64 address;
	int fd;
	int ret;
};

static long prepare(void *data)
{
	struct stall *stall = data;

	WRITE_ONCE(stall->ret, iomd_prepare(stall->arena.md, 0));
	return 0;
}

/* A descriptor of two pages of which the second is missing. */
static void stall_open(struct stall *stall, struct kunit *test)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct puppet *puppet;
	u64 scratch;

	arena_open(&stall->arena, test, 2);
	puppet = stall->arena.puppet;
	/* Not of the area that is there. */
	iomd_release(stall->arena.md);
	stall->address = puppet_mmap(puppet, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	puppet_write(puppet, stall->address, "x", 1);
	stall->fd = puppet_syscall(puppet, __NR_userfaultfd, 0);
	KUNIT_ASSERT_GE(test, stall->fd, 0);
	scratch = puppet_string(puppet, "");
	puppet_write(puppet, scratch, &api, sizeof(api));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ioctl, stall->fd, UFFDIO_API,
						 scratch));
	area.range.start = stall->address;
	area.range.len = 2 * P;
	puppet_write(puppet, scratch, &area, sizeof(area));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_ioctl, stall->fd, UFFDIO_REGISTER,
						 scratch));
	stall->arena.md = iomd_with_address_range(stall->address, 2 * P, IOMD_DIRECTION_IN,
						  puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(stall->arena.md));
	stall->handler = puppet_thread(puppet);
	stall->who = puppet;
	stall->ret = 1;
}

/* Have somebody prepare, until it stands still. */
static void stall_begin(struct stall *stall)
{
	const u64 arguments[6] = {
		stall->fd, puppet_string(stall->handler, ""), sizeof(struct uffd_msg),
	};
	struct kunit *test = stall->arena.test;

	puppet_begin_call(stall->who, prepare, stall);
	puppet_begin_syscall(stall->handler, __NR_read, arguments);
	while (!puppet_is_done(stall->handler) && !puppet_is_done(stall->who))
		msleep(20);
	KUNIT_ASSERT_EQ(test, puppet_answer(stall->handler), (long)sizeof(struct uffd_msg));
	KUNIT_ASSERT_EQ(test, READ_ONCE(stall->ret), 1);
}

static void stall_resolve(struct stall *stall)
{
	struct uffdio_zeropage zero = { .range = { stall->address + P, P } };
	u64 scratch = stall->handler->scratch;

	puppet_write(stall->handler, scratch, &zero, sizeof(zero));
	KUNIT_ASSERT_EQ(stall->arena.test, 0L,
			puppet_syscall(stall->handler, __NR_ioctl, stall->fd, UFFDIO_ZEROPAGE,
				       scratch));
}

static void a_prepare_that_waits_goes_on(struct kunit *test)
{
	struct stall stall;

	stall_open(&stall, test);
	stall_begin(&stall);
	stall_resolve(&stall);
	KUNIT_EXPECT_EQ(test, puppet_answer(stall.arena.puppet), 0L);
	KUNIT_EXPECT_EQ(test, stall.ret, 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	arena_close(&stall.arena);
}

static void a_prepare_that_waits_can_be_killed(struct kunit *test)
{
	struct stall stall;

	stall_open(&stall, test);
	stall_begin(&stall);
	puppet_kill(stall.arena.puppet);
	KUNIT_EXPECT_EQ(test, stall.ret, -EINTR);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&stall.arena.puppet->mm->pinned_vm), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(stall.arena.md),
			IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(stall.arena.md, 0), -ESRCH);
	arena_close(&stall.arena);
}

/*
 * So does one of another task's memory; that task's address space is not locked
 * meanwhile.
 */
static void a_prepare_of_another_waits_unlocked(struct kunit *test)
{
	struct puppet *stranger = puppet_start(test);
	struct stall stall;

	stall_open(&stall, test);
	stall.who = stranger;
	stall_begin(&stall);
	puppet_mmap(stall.arena.puppet, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(stall.ret), 1);
	stall_resolve(&stall);
	KUNIT_EXPECT_EQ(test, puppet_answer(stranger), 0L);
	KUNIT_EXPECT_EQ(test, stall.ret, 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	arena_close(&stall.arena);
}

static void a_prepare_of_another_can_be_killed(struct kunit *test)
{
	struct puppet *stranger = puppet_start(test);
	struct stall stall;

	stall_open(&stall, test);
	stall.who = stranger;
	stall_begin(&stall);
	puppet_kill(stranger);
	KUNIT_EXPECT_EQ(test, stall.ret, -EINTR);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&stall.arena.puppet->mm->pinned_vm), 0ULL);
	stall_resolve(&stall);
	KUNIT_EXPECT_EQ(test, iomd_prepare(stall.arena.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	arena_close(&stall.arena);
}

static void nobody_else_waits_with_it(struct kunit *test)
{
	struct stall stall;
	struct iomd *md;
	u64 length = 1;

	stall_open(&stall, test);
	md = stall.arena.md;
	stall_begin(&stall);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 2 * P);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), 2 * P);
	iomd_get_physical_segment(md, 0, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, 1), 0ULL);
	iomd_set_tag(md, 5);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 5U);
	iomd_set_context(md, &stall.arena.other->object);
	KUNIT_EXPECT_PTR_EQ(test, iomd_copy_context(md), &stall.arena.other->object);
	os_object_release(&stall.arena.other->object);
	iomd_set_context(md, NULL);
	iomd_release(iomd_retain(md));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_dma_map(md, stall.arena.device, 0, 1, 0)),
			-EAGAIN);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	stall_resolve(&stall);
	KUNIT_EXPECT_EQ(test, puppet_answer(stall.arena.puppet), 0L);
	KUNIT_EXPECT_EQ(test, stall.ret, 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	arena_close(&stall.arena);
}

static void others_that_prepare_wait_for_it(struct kunit *test)
{
	struct puppet *patient = puppet_start(test), *killed = puppet_start(test);
	struct stall stall, second, third;

	stall_open(&stall, test);
	second = stall;
	third = stall;
	stall_begin(&stall);
	puppet_begin_call(patient, prepare, &second);
	puppet_begin_call(killed, prepare, &third);
	msleep(50);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.ret), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(third.ret), 1);
	puppet_kill(killed);
	KUNIT_EXPECT_EQ(test, third.ret, -EINTR);
	KUNIT_EXPECT_EQ(test, READ_ONCE(second.ret), 1);
	stall_resolve(&stall);
	KUNIT_EXPECT_EQ(test, puppet_answer(stall.arena.puppet), 0L);
	KUNIT_EXPECT_EQ(test, puppet_answer(patient), 0L);
	KUNIT_EXPECT_EQ(test, stall.ret, 0);
	KUNIT_EXPECT_EQ(test, second.ret, 0);
	/* Two prepares took effect. */
	KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(stall.arena.md),
			IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(stall.arena.md),
			IOMD_PREPARATION_ID_UNPREPARED);
	arena_close(&stall.arena);
}

/* The one that waited in vain is followed by one that succeeds. */
static void others_try_themselves_after_a_failure(struct kunit *test)
{
	struct puppet *patient = puppet_start(test);
	struct stall stall, second;

	stall_open(&stall, test);
	second = stall;
	stall_begin(&stall);
	puppet_begin_call(patient, prepare, &second);
	msleep(50);
	puppet_kill(stall.arena.puppet);
	KUNIT_EXPECT_EQ(test, stall.ret, -EINTR);
	KUNIT_EXPECT_EQ(test, puppet_answer(patient), 0L);
	/* By then the address space is there no more, or at least nobody to ask. */
	if (second.ret)
		KUNIT_EXPECT_TRUE(test, second.ret == -ESRCH || second.ret == -EFAULT);
	else
		KUNIT_EXPECT_EQ(test, iomd_complete(stall.arena.md, 0), 0);
	arena_close(&stall.arena);
}

/* What is to become part of a composite takes in a deep one at the same time. */
struct deepening {
	struct iomd *deep, *whole;
	atomic_t turn;
	int ret;
};

/* Both begin at once: turn 2n is the case's, 2n + 1 the race. */
static void deepen(void *data)
{
	struct deepening *deepening = data;

	if (!(atomic_read(&deepening->turn) % 2))
		return;
	deepening->ret = iomd_interleaved_set_memory_descriptor(deepening->whole,
								deepening->deep, 0, 1);
	atomic_inc(&deepening->turn);
}

static void nests_are_not_too_deep(struct kunit *test)
{
	struct iomd *chain[8] = { iomd_with_physical_address(0x1000, 16, 0) }, *part;
	struct deepening deepening = {};
	unsigned int i, round, both = 0;
	struct worker worker;

	for (i = 1; i < ARRAY_SIZE(chain); i++) {
		chain[i] = iomd_sub_with_sub_range(chain[i - 1], 0, 16, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(chain[i]));
	}
	deepening.deep = chain[7];
	worker_start(test, &worker, deepen, &deepening);
	for (round = 0; round < 3000; round++) {
		deepening.whole = iomd_interleaved_with_capacity(2, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(deepening.whole));
		atomic_inc(&deepening.turn);
		/* Now a bit earlier, now a bit later than the worker. */
		ndelay(round % 50 * 40);
		part = iomd_sub_with_sub_range(deepening.whole, 0, 0, 0);
		while (atomic_read(&deepening.turn) % 2)
			cond_resched();
		both += !IS_ERR(part) && !deepening.ret;
		if (!IS_ERR(part))
			iomd_release(part);
		iomd_release(deepening.whole);
	}
	worker_stop(&worker);
	KUNIT_EXPECT_EQ(test, both, 0U);
	for (i = ARRAY_SIZE(chain); i-- > 0;)
		iomd_release(chain[i]);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(two_threads_and_a_spectator),
	KUNIT_CASE(several_ask_at_once),
	KUNIT_CASE(what_is_refused_is_in_nobodys_way),
	KUNIT_CASE(two_threads_of_the_owner),
	KUNIT_CASE(maps_of_all_kinds),
	KUNIT_CASE(the_owner_drops_pages_meanwhile),
	KUNIT_CASE(the_owner_forks_meanwhile),
	KUNIT_CASE(the_owner_ends_meanwhile),
	KUNIT_CASE(a_prepare_that_waits_goes_on),
	KUNIT_CASE(a_prepare_that_waits_can_be_killed),
	KUNIT_CASE(a_prepare_of_another_waits_unlocked),
	KUNIT_CASE(a_prepare_of_another_can_be_killed),
	KUNIT_CASE(nobody_else_waits_with_it),
	KUNIT_CASE(others_that_prepare_wait_for_it),
	KUNIT_CASE(others_try_themselves_after_a_failure),
	KUNIT_CASE(nests_are_not_too_deep),
	{}
};

static struct kunit_suite race_suite = {
	.name = "iomd_race",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = race_cases,
};

kunit_test_suite(race_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd with several threads");
MODULE_LICENSE("GPL");
