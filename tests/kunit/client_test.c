// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: the memory stays that of whoever opened the file, whoever calls.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include <asm/unistd.h>

#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define ANY	IOMD_MAP_ANYWHERE
#define PAGES	6

/* A process that has opened a file of ours, and what it asks for through that. */
struct scene {
	struct kunit *test;
	struct puppet *puppet;
	struct area area;
	struct iomd_client *client;
	struct task_struct *task;
	/* Of a buffer; 0: one page. */
	u64 capacity;
	struct iomd *md;
	struct iomd_mapping *mapping;
};

static long open_client(void *data)
{
	struct scene *scene = data;

	scene->client = scene->task ? iomd_client_open_task(scene->task) : iomd_client_open();
	return PTR_ERR_OR_ZERO(scene->client);
}

static void scene_open(struct scene *scene, struct kunit *test)
{
	memset(scene, 0, sizeof(*scene));
	scene->test = test;
	scene->puppet = puppet_start(test);
	area_make(&scene->area, scene->puppet, AREA_SCATTERED, PAGES);
	area_fill(&scene->area);
	KUNIT_ASSERT_EQ(test, puppet_call(scene->puppet, open_client, scene), 0L);
}

static void scene_close(struct scene *scene)
{
	iomd_client_release(scene->client);
	os_object_barrier();
}

/* What a driver does in its ioctls. */

static long check(void *data)
{
	struct scene *scene = data;

	return iomd_client_check(scene->client);
}

static long describe(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_client_with_address_range(scene->client, scene->area.address,
						   PAGES * P, BOTH);
	return PTR_ERR_OR_ZERO(scene->md);
}

static long make_buffer(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_client_buffer(scene->client, BOTH, scene->capacity ?: P);
	return PTR_ERR_OR_ZERO(scene->md);
}

/* Of a descriptor that there is. */
static long map(void *data)
{
	struct scene *scene = data;

	scene->mapping = iomd_client_create_mapping(scene->client, scene->md, 0, ANY, 0, 0);
	return PTR_ERR_OR_ZERO(scene->mapping);
}

/* The first byte of what is mapped, as the process sees it. */
static long look(void *data)
{
	struct scene *scene = data;
	unsigned long address = iomd_mapping_get_address(scene->mapping);
	u8 byte;

	return get_user(byte, (u8 __user *)address) ?: byte;
}

static void expect_pattern(struct scene *scene)
{
	u8 bytes[64];

	KUNIT_EXPECT_EQ(scene->test, iomd_prepare(scene->md, 0), 0);
	KUNIT_EXPECT_EQ(scene->test, iomd_read_bytes(scene->md, P + 1, bytes, 64), 64ULL);
	KUNIT_EXPECT_EQ(scene->test, find_mismatch(bytes, P + 1, 64), (size_t)64);
	KUNIT_EXPECT_EQ(scene->test, iomd_complete(scene->md, 0), 0);
}

static void expect_served(struct scene *scene, struct puppet *puppet)
{
	struct kunit *test = scene->test;

	KUNIT_EXPECT_EQ(test, puppet_call(puppet, check, scene), 0L);
	KUNIT_ASSERT_EQ(test, puppet_call(puppet, describe, scene), 0L);
	expect_pattern(scene);
	iomd_release(scene->md);

	KUNIT_ASSERT_EQ(test, puppet_call(puppet, make_buffer, scene), 0L);
	puppet_write(puppet, (unsigned long)iomd_buffer_get_user_bytes_no_copy(scene->md), "x", 1);
	iomd_release(scene->md);

	scene->md = made(test, iomd_buffer_with_bytes("seen", 4, BOTH, false));
	KUNIT_ASSERT_EQ(test, puppet_call(puppet, map, scene), 0L);
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, look, scene), (long)'s');
	iomd_mapping_unmap(scene->mapping);
	iomd_mapping_release(scene->mapping);
	iomd_release(scene->md);
}

static void expect_refused(struct scene *scene, struct puppet *puppet)
{
	struct kunit *test = scene->test;

	KUNIT_EXPECT_EQ(test, puppet_call(puppet, check, scene), (long)-ESRCH);
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, describe, scene), (long)-ESRCH);
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, make_buffer, scene), (long)-ESRCH);
	scene->md = made(test, iomd_buffer_with_bytes("seen", 4, BOTH, false));
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, map, scene), (long)-ESRCH);
	iomd_release(scene->md);
}

static void its_process_is_served(struct kunit *test)
{
	struct puppet *thread;
	struct scene scene;

	scene_open(&scene, test);
	thread = puppet_thread(scene.puppet);
	expect_served(&scene, scene.puppet);
	expect_served(&scene, thread);
	/* Also by a kernel thread that works for it. */
	puppet_adopt_mm(scene.puppet);
	KUNIT_EXPECT_EQ(test, describe(&scene), 0L);
	puppet_leave_mm(scene.puppet);
	expect_pattern(&scene);
	iomd_release(scene.md);
	scene_close(&scene);
}

/* To whom the file was passed on. */
static void others_are_not(struct kunit *test)
{
	struct puppet *other = puppet_start(test);
	struct scene scene;

	scene_open(&scene, test);
	expect_refused(&scene, other);
	expect_refused(&scene, puppet_fork(scene.puppet));
	KUNIT_EXPECT_EQ(test, describe(&scene), (long)-ESRCH);
	expect_served(&scene, scene.puppet);
	puppet_exit(scene.puppet);
	expect_refused(&scene, other);
	scene_close(&scene);
}

/* The program that comes after it may have other rights. */
static void another_program_is_not(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(scene.puppet, __NR_execve,
						 puppet_string(scene.puppet, "/proc/self/exe"),
						 0, 0));
	area_make(&scene.area, scene.puppet, AREA_SCATTERED, PAGES);
	expect_refused(&scene, scene.puppet);
	scene_close(&scene);
}

static void what_was_described_lives_on(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test);
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, describe, &scene), 0L);
	scene_close(&scene);
	expect_pattern(&scene);
	puppet_exit(scene.puppet);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), -ESRCH);
	iomd_release(scene.md);
}

static void limit_memlock(struct puppet *puppet, u64 bytes)
{
	struct {
		u64 soft, hard;
	} limit = { bytes, bytes };
	u64 at = puppet_string(puppet, "") + 64;

	puppet_write(puppet, at, &limit, sizeof(limit));
	KUNIT_ASSERT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_prlimit64, 0,
							 RLIMIT_MEMLOCK, at, 0));
}

static void drop_privileges(struct puppet *puppet)
{
	KUNIT_ASSERT_EQ(puppet->test, 0L,
			puppet_syscall(puppet, __NR_setresuid, 1000, 1000, 1000));
}

static long become_root(void *data)
{
	return commit_creds(prepare_kernel_cred(&init_task));
}

static void rights_are_those_of_open(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test);
	iomd_client_release(scene.client);
	limit_memlock(scene.puppet, P);
	drop_privileges(scene.puppet);
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, open_client, &scene), 0L);
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, become_root, NULL), 0L);
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, describe, &scene), 0L);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), -ENOMEM);
	iomd_release(scene.md);
	scene.capacity = 2 * P;
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, make_buffer, &scene), 0L);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), -ENOMEM);
	iomd_release(scene.md);
	/* Its own memory, which it sees. */
	scene.capacity = P;
	KUNIT_ASSERT_EQ(test, puppet_call(scene.puppet, make_buffer, &scene), 0L);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, (s64)atomic64_read(&scene.puppet->mm->pinned_vm), 1LL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	iomd_release(scene.md);
	scene_close(&scene);
}

/*
 * Tasks that a user names
 */

static void anothers_memory_takes_the_right_to_trace(struct kunit *test)
{
	struct puppet *other = puppet_start(test);
	struct scene scene, asking = {
		.test = test, .puppet = puppet_start(test),
	};

	scene_open(&scene, test);
	asking.task = scene.puppet->task;
	asking.area = scene.area;
	KUNIT_ASSERT_EQ(test, puppet_call(asking.puppet, open_client, &asking), 0L);
	KUNIT_ASSERT_EQ(test, puppet_call(asking.puppet, describe, &asking), 0L);
	expect_pattern(&asking);
	iomd_release(asking.md);
	KUNIT_EXPECT_EQ(test, puppet_call(asking.puppet, make_buffer, &asking),
			(long)-EOPNOTSUPP);
	asking.md = made(test, iomd_buffer_with_bytes("seen", 4, BOTH, false));
	KUNIT_EXPECT_EQ(test, puppet_call(asking.puppet, map, &asking), (long)-EOPNOTSUPP);
	iomd_release(asking.md);
	/* For who asked, and for nobody else: not for the other one either. */
	expect_refused(&asking, other);
	expect_refused(&asking, scene.puppet);
	puppet_exit(scene.puppet);
	KUNIT_ASSERT_EQ(test, puppet_call(asking.puppet, describe, &asking), 0L);
	KUNIT_EXPECT_EQ(test, iomd_prepare(asking.md, 0), -ESRCH);
	iomd_release(asking.md);
	iomd_client_release(asking.client);
	KUNIT_EXPECT_EQ(test, puppet_call(asking.puppet, open_client, &asking), (long)-ESRCH);

	/* The same user is not enough, but for its own process. */
	asking.task = other->task;
	drop_privileges(other);
	drop_privileges(asking.puppet);
	KUNIT_EXPECT_EQ(test, puppet_call(asking.puppet, open_client, &asking), (long)-EPERM);
	asking.task = asking.puppet->task;
	KUNIT_ASSERT_EQ(test, puppet_call(asking.puppet, open_client, &asking), 0L);
	iomd_client_release(asking.client);
	scene_close(&scene);
}

static void kernel_threads_are_nobodys_clients(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct scene scene = { .test = test, .task = &init_task };

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_client_open()), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_client_open_task(puppet->task)), -EINVAL);
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, open_client, &scene), (long)-EINVAL);
	puppet_adopt_mm(puppet);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_client_open_task(NULL)), -EINVAL);
	puppet_leave_mm(puppet);
	iomd_client_release(NULL);
}

static int open_and_describe(struct kunit *test, void *data)
{
	struct iomd_address_range ranges[2] = { { (unsigned long)data, 1 },
						{ (unsigned long)data, 2 } };
	struct iomd_client *client = iomd_client_open();
	struct iomd *md;

	if (IS_ERR(client))
		return PTR_ERR(client);
	md = iomd_client_with_address_ranges(client, ranges, 2, IOMD_MEMORY_TYPE_PHYSICAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), -EINVAL);
	md = iomd_client_with_address_ranges(client, ranges, 2, BOTH);
	iomd_client_release(client);
	if (IS_ERR(md))
		return PTR_ERR(md);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 3ULL);
	iomd_release(md);
	return 0;
}

static void each_failure_is_undone(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);

	puppet_adopt_mm(puppet);
	/* The client, the descriptor, its ranges. */
	KUNIT_EXPECT_GE(test, fail_each_step(test, open_and_describe, (void *)P), 3U);
	puppet_leave_mm(puppet);
}

static struct kunit_case client_cases[] = {
	KUNIT_CASE(its_process_is_served),
	KUNIT_CASE(others_are_not),
	KUNIT_CASE(another_program_is_not),
	KUNIT_CASE(what_was_described_lives_on),
	KUNIT_CASE(rights_are_those_of_open),
	KUNIT_CASE(anothers_memory_takes_the_right_to_trace),
	KUNIT_CASE(kernel_threads_are_nobodys_clients),
	KUNIT_CASE(each_failure_is_undone),
	{}
};

static struct kunit_suite client_suite = {
	.name = "iomd_client",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = client_cases,
};

kunit_test_suite(client_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's clients");
MODULE_LICENSE("GPL");
