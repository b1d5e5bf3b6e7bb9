// SPDX-License-Identifier: GPL-2.0
/*
 * A process takes all the memory there is. What is volatile goes, what is not stays,
 * to the byte. In a small guest of its own: scripts/test obeys guest_memory.
 */
#include <linux/delay.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <asm/unistd.h>

#include "composites.h"

#define BUFFERS		16
#define BUFFER_BYTES	((u64)SZ_4M)
#define BITE		SZ_128K
#define PURGEABLE	(IOMD_DIRECTION_OUT_IN | IOMD_MEMORY_PAGEABLE | IOMD_MEMORY_PURGEABLE)

struct scene {
	struct kunit *test;
	struct puppet *puppet;
	u8 *bytes;
	struct iomd *volatile_mds[BUFFERS];
	struct iomd *other_mds[BUFFERS];
	/* Volatile too, but prepared. */
	struct iomd *in_use;
	struct iomd *fresh;
};

static int set_state(struct iomd *md, u32 state)
{
	u32 old = 0;

	return iomd_set_purgeable(md, state, &old) ?: old;
}

static void fill(struct scene *scene, struct iomd *md, u64 position)
{
	u64 at;

	KUNIT_ASSERT_EQ(scene->test, iomd_prepare(md, 0), 0);
	for (at = 0; at < BUFFER_BYTES; at += PAGE_SIZE) {
		fill_pattern(scene->bytes, position + at, PAGE_SIZE);
		KUNIT_ASSERT_EQ(scene->test, iomd_write_bytes(md, at, scene->bytes, PAGE_SIZE),
				(u64)PAGE_SIZE);
	}
	KUNIT_ASSERT_EQ(scene->test, iomd_complete(md, 0), 0);
}

/* How many bytes are not what they were. */
static u64 count_changed(struct scene *scene, struct iomd *md, u64 position)
{
	u64 at, changed = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(scene->test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	for (at = 0; at < BUFFER_BYTES; at += PAGE_SIZE) {
		KUNIT_ASSERT_EQ(scene->test, iomd_read_bytes(md, at, scene->bytes, PAGE_SIZE),
				(u64)PAGE_SIZE);
		for (i = 0; i < PAGE_SIZE; i++)
			changed += scene->bytes[i] != pattern(position + at + i);
	}
	KUNIT_ASSERT_EQ(scene->test, iomd_complete(md, 0), 0);
	return changed;
}

static bool is_zero(struct scene *scene, struct iomd *md)
{
	u64 at;
	bool zero = true;

	KUNIT_ASSERT_EQ(scene->test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	for (at = 0; at < BUFFER_BYTES; at += PAGE_SIZE) {
		iomd_read_bytes(md, at, scene->bytes, PAGE_SIZE);
		zero &= !memchr_inv(scene->bytes, 0, PAGE_SIZE);
	}
	KUNIT_ASSERT_EQ(scene->test, iomd_complete(md, 0), 0);
	return zero;
}

static long make_in_task(void *data)
{
	struct scene *scene = data;

	scene->fresh = iomd_buffer_in_task_with_options(current, PURGEABLE, BUFFER_BYTES, 1);
	return PTR_ERR_OR_ZERO(scene->fresh);
}

/* Every other one is the process's. */
static struct iomd *make_buffer(struct scene *scene, unsigned int index)
{
	struct iomd *md;

	if (index % 2) {
		KUNIT_ASSERT_EQ(scene->test, puppet_call(scene->puppet, make_in_task, scene), 0L);
		md = scene->fresh;
	} else {
		md = made(scene->test, iomd_buffer_with_options(PURGEABLE, BUFFER_BYTES, 1));
	}
	fill(scene, md, index * BUFFER_BYTES);
	return md;
}

static void make_buffers(struct scene *scene)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++) {
		scene->volatile_mds[i] = make_buffer(scene, i);
		scene->other_mds[i] = make_buffer(scene, BUFFERS + i);
		KUNIT_EXPECT_EQ(scene->test, IOMD_MEMORY_PURGEABLE_NON_VOLATILE,
				set_state(scene->volatile_mds[i], IOMD_MEMORY_PURGEABLE_VOLATILE));
	}
	scene->in_use = make_buffer(scene, 2 * BUFFERS);
	KUNIT_EXPECT_EQ(scene->test, iomd_prepare(scene->in_use, 0), 0);
	KUNIT_EXPECT_EQ(scene->test, IOMD_MEMORY_PURGEABLE_NON_VOLATILE,
			set_state(scene->in_use, IOMD_MEMORY_PURGEABLE_VOLATILE));
}

static bool is_empty(struct iomd *md)
{
	return set_state(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT) == IOMD_MEMORY_PURGEABLE_EMPTY;
}

/* Nobody else wants memory meanwhile: only who has it in hand, as kswapd may, empties it. */
static bool becomes_empty(struct iomd *md)
{
	unsigned int tries = 200;

	while (!is_empty(md) && tries--)
		msleep(20);
	return is_empty(md);
}

/* Those that were volatile first are the first to be empty. */
static unsigned int count_empty(struct scene *scene)
{
	unsigned int i, empty = 0;

	for (i = 0; i < BUFFERS; i++) {
		if (!is_empty(scene->volatile_mds[i]))
			continue;
		for (; empty < i; empty++)
			KUNIT_EXPECT_TRUE(scene->test,
					  becomes_empty(scene->volatile_mds[empty]));
		empty++;
	}
	return empty;
}

/* Until the last one is empty; a kernel that empties none of them kills the hog. */
static void hog(struct scene *scene)
{
	u64 bites = 0, most = (u64)totalram_pages() * PAGE_SIZE / BITE;
	unsigned int before = 0, empty, changes = 0;

	KUNIT_EXPECT_EQ(scene->test, count_empty(scene), 0U);
	do {
		puppet_mmap(scene->puppet, BITE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_POPULATE, -1);
		empty = count_empty(scene);
		if (!before && empty)
			kunit_info(scene->test, "the first one is empty after %llu KiB",
				   bites * (BITE / SZ_1K));
		changes += empty != before;
		before = empty;
	} while (empty < BUFFERS && ++bites < most);
	kunit_info(scene->test, "%u are empty after %llu KiB", empty,
		   bites * (BITE / SZ_1K));
	KUNIT_EXPECT_EQ(scene->test, empty, BUFFERS);
	/* As needed, not all as soon as the first one is; how many at once is kswapd's affair. */
	KUNIT_EXPECT_GE(scene->test, changes, 2U);
}

static void only_the_volatile_goes(struct kunit *test)
{
	struct scene scene = { .test = test, .puppet = puppet_start(test) };
	struct puppet *hungry = puppet_start(test), *owner = scene.puppet;
	unsigned int i;
	u64 pages;

	scene.bytes = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, scene.bytes);
	make_buffers(&scene);
	scene.puppet = hungry;
	hog(&scene);
	puppet_kill(hungry);
	scene.puppet = owner;

	for (i = 0; i < BUFFERS; i++) {
		struct iomd *md = scene.other_mds[i];

		KUNIT_EXPECT_EQ(test, set_state(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT),
				IOMD_MEMORY_PURGEABLE_NON_VOLATILE);
		KUNIT_EXPECT_EQ(test, count_changed(&scene, md, (BUFFERS + i) * BUFFER_BYTES),
				0ULL);
		iomd_release(md);

		md = scene.volatile_mds[i];
		KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &pages, NULL), 0);
		KUNIT_EXPECT_EQ(test, pages, 0ULL);
		KUNIT_EXPECT_EQ(test, set_state(md, IOMD_MEMORY_PURGEABLE_NON_VOLATILE),
				IOMD_MEMORY_PURGEABLE_EMPTY);
		KUNIT_EXPECT_TRUE(test, is_zero(&scene, md));
		iomd_release(md);
	}
	KUNIT_EXPECT_EQ(test, set_state(scene.in_use, IOMD_MEMORY_PURGEABLE_NON_VOLATILE),
			IOMD_MEMORY_PURGEABLE_VOLATILE);
	KUNIT_EXPECT_EQ(test, count_changed(&scene, scene.in_use, 2 * BUFFERS * BUFFER_BYTES),
			0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.in_use, 0), 0);
	iomd_release(scene.in_use);
}

/*
 * A cgroup that has less than is asked for
 */

#define CGROUPS		"/iomd-cgroups"
#define MEMORY_MAX	SZ_2M
#define ATTEMPTS	80

static void make_directory(struct puppet *puppet, const char *path)
{
	KUNIT_ASSERT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_mkdirat, AT_FDCWD,
							 puppet_string(puppet, path), 0755));
}

static void write_to(struct puppet *puppet, const char *path, const char *text)
{
	int fd = puppet_open(puppet, path, O_WRONLY);

	KUNIT_ASSERT_EQ_MSG(puppet->test, (long)strlen(text),
			    puppet_syscall(puppet, __NR_write, fd, puppet_string(puppet, text),
					   strlen(text)), "%s", path);
	puppet_syscall(puppet, __NR_close, fd);
}

static void mount_cgroups(struct puppet *puppet)
{
	u64 at;

	make_directory(puppet, CGROUPS);
	at = puppet_string(puppet, CGROUPS);
	puppet_write(puppet, at + 64, "cgroup2", 8);
	KUNIT_ASSERT_EQ(puppet->test, 0L,
			puppet_syscall(puppet, __NR_mount, at, at, at + 64, 0, 0));
	write_to(puppet, CGROUPS "/cgroup.subtree_control", "+memory");
	make_directory(puppet, CGROUPS "/poor");
}

static void unmount_cgroups(struct puppet *puppet)
{
	unsigned int tries;
	long ret = -EBUSY;

	for (tries = 0; tries < 500 && ret == -EBUSY; tries++) {
		msleep(20);
		ret = puppet_syscall(puppet, __NR_unlinkat, AT_FDCWD,
				     puppet_string(puppet, CGROUPS "/poor"), AT_REMOVEDIR);
	}
	KUNIT_EXPECT_EQ(puppet->test, ret, 0L);
	KUNIT_EXPECT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_umount2,
							 puppet_string(puppet, CGROUPS), 0));
	KUNIT_EXPECT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_unlinkat, AT_FDCWD,
							 puppet_string(puppet, CGROUPS),
							 AT_REMOVEDIR));
}

static long ask_for_too_much(void *data)
{
	struct iomd *md = iomd_buffer_with_options(IOMD_DIRECTION_IN, 4 * MEMORY_MAX, 1);
	long ret;

	if (!IS_ERR(md)) {
		iomd_release(md);
		return 0;
	}
	if (PTR_ERR(md) != -ENOMEM)
		return PTR_ERR(md);
	md = iomd_buffer_with_options(PURGEABLE, 4 * MEMORY_MAX, 1);
	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	iomd_release(md);
	/* What it had is the cgroup's again. */
	os_object_barrier();
	return ret;
}

/* Whatever it is that there is not enough for: a page, or the list that it stands in. */
static void nobody_is_killed_for_a_cgroups_limit(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test), *poor = puppet_start(test);
	char number[24];
	unsigned int i;
	long ret;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN holds back what is freed, which stays charged");
	mount_cgroups(puppet);
	write_to(poor, CGROUPS "/poor/cgroup.procs", "0");
	for (i = 0; i < ATTEMPTS; i++) {
		snprintf(number, sizeof(number), "%lu", MEMORY_MAX + i * PAGE_SIZE);
		write_to(puppet, CGROUPS "/poor/memory.max", number);
		ret = puppet_call(poor, ask_for_too_much, NULL);
		KUNIT_EXPECT_EQ_MSG(test, ret, (long)-ENOMEM, "with %s bytes", number);
		if (puppet_is_gone(poor))
			break;
	}
	puppet_kill(poor);
	unmount_cgroups(puppet);
}

static struct kunit_case pressure_cases[] = {
	KUNIT_CASE(nobody_is_killed_for_a_cgroups_limit),
	KUNIT_CASE(only_the_volatile_goes),
	{}
};

static struct kunit_suite pressure_suite = {
	.name = "iomd_pressure",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = pressure_cases,
};

kunit_test_suite(pressure_suite);

MODULE_INFO(guest_memory, "256M");
IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd when memory is short");
MODULE_LICENSE("GPL");
