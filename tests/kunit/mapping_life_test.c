// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings from the request to their end: what is refused, what a class may change,
 * what can be asked, and what happens when something fails on the way.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/resource.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <asm/unistd.h>

#include "../../src/debug/inject.h"
#include "maps.h"

/*
 * Requests that are refused
 */

static struct iomd_mapping *ask(struct iomd *md, struct task_struct *task, unsigned long at,
				u64 options, u64 offset, u64 length)
{
	return iomd_create_mapping_in_task(md, task, at, options, offset, length);
}

static void ranges_that_are_not_inside(struct kunit *test)
{
	static const struct iomd_address_range wrong[] = {
		{ 0, 2 * P + 1 }, { 1, 2 * P }, { 2 * P, 1 }, { 2 * P, 0 }, { 1, 0 }, { P, 0 },
		{ ~0ULL, 1 }, { ~0ULL, 2 }, { 1, ~0ULL }, { P, -P }, { -P, P }, { -P, 2 * P },
		{ ~0ULL, ~0ULL }, { 0, ~0ULL },
	};
	const u64 most = BITS_PER_LONG == 64 ? -2 * P : BIT_ULL(FAR_BITS);
	const u64 too_long = BITS_PER_LONG == 64 ? BIT_ULL(62) + 1 : BIT_ULL(32) + 1;
	struct iomd *empty = made(test, iomd_with_address_range(0, 0, 0, KERNEL));
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		expect_unmapped(test, ask(md, KERNEL, 0, ANY, wrong[i].address, wrong[i].length),
				-EINVAL);
		expect_unmapped(test, ask(md, area.puppet->task, 0, ANY, wrong[i].address,
					  wrong[i].length), -EINVAL);
	}
	expect_unmapped(test, iomd_map(empty, 0), -EINVAL);
	expect_unmapped(test, ask(empty, KERNEL, 0, ANY, 0, 1), -EINVAL);
	iomd_release(empty);
	iomd_release(md);
	/* Inside, but of no address space. */
	md = made(test, iomd_with_physical_address(0, most, BOTH));
	expect_unmapped(test, iomd_map(md, 0), -ENOMEM);
	expect_unmapped(test, ask(md, area.puppet->task, 0, ANY, 0, 0), -ENOMEM);
	expect_unmapped(test, ask(md, area.puppet->task, 0, ANY, 0, (u64)TASK_SIZE_MAX + P),
			-ENOMEM);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY, 0, too_long), -ENOMEM);
	iomd_release(md);
}

static int idle(void *unused)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static void options_and_tasks(struct kunit *test)
{
	struct task_struct *thread = kthread_run(idle, NULL, "iomd-idle");
	struct iomd *remote = made(test, iomd_with_address_range(0x1000, P, BOTH |
								 IOMD_MEMORY_REMOTE,
							 IOMD_PHYSICAL_TASK));
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);
	struct task_struct *task = area.puppet->task;
	static const u64 unknown[] = {
		IOMD_MAP_STATIC, BIT_ULL(63), BIT_ULL(45), IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT,
		IOMD_MEMORY_SEGMENT_WRITE, IOMD_MEMORY_THREAD_SAFE, BIT_ULL(31),
	};
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		expect_unmapped(test, iomd_map(md, unknown[i]), -EINVAL);
		expect_unmapped(test, ask(md, task, 0, ANY | unknown[i], 0, 0), -EINVAL);
	}
	expect_unmapped(test, iomd_map(md, IOMD_MAP_OVERWRITE), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, task, area.address, IOMD_MAP_OVERWRITE, 0, 0), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, KERNEL, 0, 0, 0, 0), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, KERNEL, 0x1000, 0, 0, 0), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, task, area.address, IOMD_MAP_GUARDED_SMALL, 0, 0), -EINVAL);
	expect_unmapped(test, ask(md, NULL, 0, ANY, 0, 0), -EINVAL);
	expect_unmapped(test, ask(md, thread, 0, ANY, 0, 0), -EINVAL);
	/* The case's own thread is one, too. */
	expect_unmapped(test, ask(md, current, 0, ANY, 0, 0), -EINVAL);
	expect_unmapped(test, iomd_map(remote, 0), -ENXIO);
	expect_unmapped(test, ask(remote, task, 0, ANY, 0, 0), -ENXIO);
	puppet_kill(area.puppet);
	expect_unmapped(test, ask(md, task, 0, ANY, 0, 0), -ESRCH);
	iomd_release(remote);
	iomd_release(md);
	kthread_stop(thread);
}

/* Kernel memory too is where it is, and nowhere else unless it may be anywhere. */
static void kernel_memory_at_a_fixed_address(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, 2);
	md = made(test, leaf_describe(&leaf, BOTH));
	expect_unmapped(test, ask(md, KERNEL, (unsigned long)leaf.area.address, 0, 0, 0),
			-EOPNOTSUPP);
	expect_unmapped(test, ask(md, KERNEL, 0x1000, 0, 0, 0), -EOPNOTSUPP);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_PTR_EQ(test, bytes_of(mapping), (u8 *)leaf.area.address);
	iomd_mapping_release(mapped(test, ask(md, KERNEL, (unsigned long)leaf.area.address, 0, 0,
					      0)));
	expect_unmapped(test, ask(md, KERNEL, 0x1000, 0, 0, 0), -EOPNOTSUPP);
	iomd_mapping_release(mapping);
	iomd_release(md);
	leaf_free(&leaf);
}

static void user_addresses(struct kunit *test)
{
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, 3 * P, 0));
	unsigned long bytes = (unsigned long)iomd_buffer_get_bytes_no_copy(md);
	struct puppet *puppet = puppet_start(test);
	u64 room = puppet_mmap(puppet, 8 * P, PROT_READ, MAP_PRIVATE, -1);
	struct iomd_mapping *mapping;

	/* The place in the page is the memory's. */
	expect_unmapped(test, ask(md, puppet->task, room, 0, 40, P), -EINVAL);
	expect_unmapped(test, ask(md, puppet->task, room + 41, 0, 40, P), -EINVAL);
	/* What is there stays, also if it is in the way of the last page only. */
	expect_unmapped(test, ask(md, puppet->task, room + 40, 0, 40, P), -EEXIST);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_munmap, room, P), 0L);
	expect_unmapped(test, ask(md, puppet->task, room + 40, 0, 40, P), -EEXIST);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_munmap, room, 8 * P), 0L);
	mapping = mapped(test, ask(md, puppet->task, room + 40, 0, 40, P));
	KUNIT_EXPECT_EQ(test, (u64)iomd_mapping_get_address(mapping), room + 40);
	expect_unmapped(test, ask(md, puppet->task, room + 40, IOMD_MAP_UNIQUE, 40, P), -EEXIST);
	end_mapping(mapping);
	/* As mmap() has it. The kernel's own addresses may be a user's, too. */
	expect_unmapped(test, ask(md, puppet->task, TASK_SIZE_MAX - P + 40, 0, 40, P), -ENOMEM);
	if (bytes >= TASK_SIZE_MAX)
		expect_unmapped(test, ask(md, puppet->task, bytes + 40, 0, 40, P), -ENOMEM);
	iomd_release(md);
	puppet_kill(puppet);
}

/* The lowest address that programs may map, as a number and as who may not go below it. */
static long set_lowest_address(struct puppet *puppet, const char *line)
{
	int fd = puppet_open(puppet, "/proc/sys/vm/mmap_min_addr", O_WRONLY);
	long ret = puppet_syscall(puppet, __NR_write, fd, puppet_string(puppet, line),
				  strlen(line));

	puppet_syscall(puppet, __NR_close, fd);
	return ret;
}

struct request {
	struct iomd *md;
	struct task_struct *task;
	unsigned long at;
	u64 options;
	struct iomd_mapping *mapping;
};

static void make_request(void *data)
{
	struct request *request = data;

	request->mapping = ask(request->md, request->task, request->at, request->options, 0, 0);
}

static long make_it(void *data)
{
	make_request(data);
	return 0;
}

/* A process that gives up a mapping of its own, while a step fails. */
struct giver {
	struct request request;
	unsigned int nth;
	bool unmaps;
	bool failed;
};

static long give_up(void *data)
{
	struct giver *giver = data;

	iomd_inject_arm(giver->nth);
	if (giver->unmaps)
		iomd_mapping_unmap(giver->request.mapping);
	iomd_mapping_release(giver->request.mapping);
	giver->request.mapping = ERR_PTR(-ENOENT);
	/* It ends in a worker, perhaps. */
	os_object_barrier();
	/* The next one has what was only released given back. */
	if (!giver->unmaps)
		make_request(&giver->request);
	giver->failed = iomd_inject_disarm();
	if (!IS_ERR(giver->request.mapping)) {
		iomd_mapping_unmap(giver->request.mapping);
		iomd_mapping_release(giver->request.mapping);
		os_object_barrier();
	}
	return 0;
}

/* It is where the other one was, or nothing is there. */
static bool is_given_back(const struct giver *giver, struct puppet *puppet, unsigned long address)
{
	struct vm_area_struct *vma;
	bool is;

	mmap_read_lock(puppet->mm);
	vma = find_vma(puppet->mm, address);
	is = !vma || vma->vm_start > address ||
	     address == iomd_mapping_get_address(giver->request.mapping);
	mmap_read_unlock(puppet->mm);
	return is;
}

static void addresses_that_could_not_be_given_back(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct giver giver = {
		.request = {
			.md = made(test, iomd_buffer_with_options(BOTH, P, 0)),
			.task = puppet->task,
			.options = ANY | IOMD_MAP_UNIQUE,
		},
	};
	unsigned long address;
	unsigned int unmaps;

	for (unmaps = 0; unmaps < 2; unmaps++) {
		giver.unmaps = unmaps;
		giver.nth = 0;
		do {
			giver.nth++;
			puppet_call(puppet, make_it, &giver.request);
			address = iomd_mapping_get_address(mapped(test, giver.request.mapping));
			puppet_call(puppet, give_up, &giver);
			/* The next one has them given back. */
			puppet_call(puppet, make_it, &giver.request);
			mapped(test, giver.request.mapping);
			KUNIT_EXPECT_TRUE_MSG(test, is_given_back(&giver, puppet, address),
					      "%u, step %u", unmaps, giver.nth);
			end_mapping(giver.request.mapping);
		} while (giver.failed);
		KUNIT_EXPECT_GT(test, giver.nth, 1U);
	}
	iomd_release(giver.request.md);
	puppet_kill(puppet);
}

/* Whoever places it, the task that gets it could have done so, or not. */
static void rules_of_the_target_hold(struct kunit *test)
{
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, P, 0));
	struct puppet *puppet = puppet_start(test), *helper = puppet_start(test);
	const unsigned long low = 8 * P, high = 512 * P;
	struct request request = { .md = md, .task = puppet->task, .at = low };
	char line[24];
	long ret;

	snprintf(line, sizeof(line), "%lu\n", 16 * (unsigned long)P);
	KUNIT_ASSERT_GT(test, set_lowest_address(helper, line), 0L);
	/* Who may, may. */
	end_mapping(mapped(test, ask(md, puppet->task, low, 0, 0, 0)));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_munmap, low, P), 0L);
	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_setresuid, 1000, 1000, 1000), 0L);
	ret = puppet_syscall(puppet, __NR_mmap, low, P, PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	KUNIT_EXPECT_EQ(test, ret, (long)-EPERM);
	/* By a worker, on behalf of a kernel thread or of a more powerful process; ... */
	expect_unmapped(test, ask(md, puppet->task, low, 0, 0, 0), -EPERM);
	puppet_call(helper, make_it, &request);
	expect_unmapped(test, request.mapping, -EPERM);
	/* ... by the process itself; and by a kernel thread in its address space. */
	request.task = puppet->task;
	puppet_call(puppet, make_it, &request);
	expect_unmapped(test, request.mapping, -EPERM);
	puppet_adopt_mm(puppet);
	expect_unmapped(test, ask(md, puppet->task, low, 0, 0, 0), -EPERM);
	request.mapping = ask(md, puppet->task, high, IOMD_MAP_UNIQUE, 0, 0);
	puppet_leave_mm(puppet);
	end_mapping(mapped(test, request.mapping));
	snprintf(line, sizeof(line), "%d\n", CONFIG_DEFAULT_MMAP_MIN_ADDR);
	KUNIT_EXPECT_GT(test, set_lowest_address(helper, line), 0L);
	iomd_release(md);
	puppet_kill(puppet);
	puppet_kill(helper);
}

struct reclaimer {
	struct work_struct work;
	struct request request;
};

static void map_in_reclaim(struct work_struct *work)
{
	make_request(&container_of(work, struct reclaimer, work)->request);
}

/* Who is waited for when memory is short may wait for a mapping: the kernel would warn. */
static void workers_of_reclaim_may_map(struct kunit *test)
{
	struct workqueue_struct *queue = alloc_workqueue("iomd-reclaim",
							 WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	struct puppet *puppet = puppet_start(test);
	struct reclaimer reclaimer = {
		.request = {
			.md = made(test, iomd_buffer_with_options(BOTH, P, 0)),
			.task = puppet->task,
			.options = ANY,
		},
	};

	KUNIT_ASSERT_NOT_NULL(test, queue);
	INIT_WORK_ONSTACK(&reclaimer.work, map_in_reclaim);
	queue_work(queue, &reclaimer.work);
	flush_work(&reclaimer.work);
	destroy_work_on_stack(&reclaimer.work);
	end_mapping(mapped(test, reclaimer.request.mapping));
	iomd_release(reclaimer.request.md);
	destroy_workqueue(queue);
	puppet_kill(puppet);
}

/* A process that maps into another one, whose address space somebody keeps locked. */
static void who_waits_for_a_place_can_be_killed(struct kunit *test)
{
	struct puppet *target = puppet_start(test), *asker = puppet_start(test);
	struct request request = {
		.md = made(test, iomd_buffer_with_options(BOTH, P, 0)),
		.task = target->task,
		.at = 512 * P,
	};
	struct vm_area_struct *vma;
	unsigned int i;

	puppet_adopt_mm(target);
	mmap_read_lock(target->mm);
	puppet_begin_call(asker, make_it, &request);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, puppet_is_done(asker));
	puppet_kill(asker);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(request.mapping), -EINTR);
	mmap_read_unlock(target->mm);
	/* Nothing of it remains: what was revoked can't be placed any more. */
	iomd_release(request.md);
	for (i = 0; i < 25; i++) {
		msleep(20);
		mmap_read_lock(target->mm);
		vma = find_vma(target->mm, 512 * P);
		KUNIT_EXPECT_TRUE(test, !vma || vma->vm_start > 512 * P);
		mmap_read_unlock(target->mm);
	}
	puppet_leave_mm(target);
	puppet_kill(target);
}

static void limits_of_the_target_hold(struct kunit *test)
{
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);
	struct task_struct *task = area.puppet->task;
	unsigned long old;

	task_lock(task->group_leader);
	old = task->signal->rlim[RLIMIT_AS].rlim_cur;
	task->signal->rlim[RLIMIT_AS].rlim_cur = P;
	task_unlock(task->group_leader);
	expect_unmapped(test, ask(md, task, 0, ANY, 0, 0), -ENOMEM);
	task_lock(task->group_leader);
	task->signal->rlim[RLIMIT_AS].rlim_cur = old;
	task_unlock(task->group_leader);
	end_mapping(mapped(test, ask(md, task, 0, ANY, 0, 0)));
	iomd_release(md);
}

/* As who calls mmap() is told who locks all that comes. */
static void locked_memory_has_a_limit(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd *fits = made(test, iomd_buffer_with_options(BOTH, 4 * P, 0));
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, 5 * P, 0));
	struct iomd *large = made(test, iomd_buffer_with_options(BOTH, 2 * (u64)MLOCK_LIMIT, 0));
	struct request request = { .md = md, .task = puppet->task, .options = ANY };
	struct rlimit *limit = puppet->task->signal->rlim + RLIMIT_MEMLOCK;

	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_mlockall, MCL_FUTURE), 0L);
	limit->rlim_cur = 4 * P;
	/* Who may, may. */
	end_mapping(mapped(test, ask(md, puppet->task, 0, ANY, 0, 0)));
	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_setresuid, 1000, 1000, 1000), 0L);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mmap, 0, 5 * P, PROT_READ,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), (long)-EAGAIN);
	puppet_call(puppet, make_it, &request);
	expect_unmapped(test, request.mapping, -EAGAIN);
	expect_unmapped(test, ask(md, puppet->task, 0, ANY, 0, 0), -EAGAIN);
	puppet_adopt_mm(puppet);
	request.mapping = ask(md, puppet->task, 0, ANY, 0, 0);
	puppet_leave_mm(puppet);
	expect_unmapped(test, request.mapping, -EAGAIN);
	end_mapping(mapped(test, ask(fits, puppet->task, 0, ANY, 0, 0)));
	/* A worker's own limit is nothing to the task. */
	limit->rlim_cur = RLIM_INFINITY;
	end_mapping(mapped(test, ask(large, puppet->task, 0, ANY, 0, 0)));
	iomd_release(fits);
	iomd_release(md);
	iomd_release(large);
	puppet_kill(puppet);
}

static void user_mappings_of_what_does_not_fit(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_address_range ranges[2];
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, 3);
	ranges[0] = (struct iomd_address_range) { (unsigned long)leaf.area.address, P - 1 };
	ranges[1] = (struct iomd_address_range) { (unsigned long)leaf.area.address + P, P };
	md = made(test, iomd_with_address_ranges(ranges, 2, BOTH, KERNEL));
	expect_unmapped(test, ask(md, puppet->task, 0, ANY, 0, 0), -EINVAL);
	expect_unmapped(test, ask(md, puppet->task, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, P - 1,
				  P), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, puppet->task, 0, ANY, P - 1, P - 1), -EINVAL);
	iomd_release(md);
	/* An object beside others. */
	md = made(test, iomd_with_address(leaf.area.address + 64, 64, BOTH));
	expect_unmapped(test, ask(md, puppet->task, 0, ANY, 0, 0), -EINVAL);
	expect_unmapped(test, ask(md, puppet->task, 0, ANY | IOMD_MAP_READ_ONLY, 0, 0), -EINVAL);
	iomd_mapping_release(map_part(test, md, 0, 0, 0));
	iomd_release(md);
	/* Of the kernel there is no task that could keep one. */
	md = made(test, iomd_buffer_with_options(BOTH, P, 0));
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_KEPT_BY_TASK, 0, 0), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 1, IOMD_MAP_KEPT_BY_TASK), -EINVAL);
	iomd_release(md);
	puppet_kill(puppet);
	leaf_free(&leaf);
}

/* Physical addresses at which nothing is, and that nobody else uses. */
static struct resource hole = { .name = "iomd-test" };

static void memory_that_others_see_in_another_mode(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	void *cached;
	struct iomd *md;

	if (IS_ENABLED(CONFIG_X86_32))
		kunit_skip(test, "memremap() cuts addresses down to 32 bits here");
	KUNIT_ASSERT_EQ(test, 0, allocate_resource(&iomem_resource, &hole, 4 * P, BIT_ULL(33),
						   BIT_ULL(39), P, NULL, NULL));
	md = made(test, iomd_device_memory_with_range(hole.start, 4 * P));
	cached = memremap(hole.start, P, MEMREMAP_WB);
	KUNIT_EXPECT_TRUE(test, cached);
	expect_unmapped(test, ask(md, puppet->task, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, 0, 0),
			IS_ENABLED(CONFIG_X86_PAT) ? -EBUSY : 0);
	memunmap(cached);
	end_mapping(mapped(test, ask(md, puppet->task, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, 0,
				     0)));
	puppet_kill(puppet);
	os_object_barrier();
	/* Nothing of it is left over. */
	cached = memremap(hole.start, 4 * P, MEMREMAP_WB);
	KUNIT_EXPECT_TRUE(test, cached);
	memunmap(cached);
	iomd_release(md);
	release_resource(&hole);
}

/*
 * What can be asked of a mapping
 */

static void segments_end_with_the_mapping(struct kunit *test)
{
	struct iomd_mapping *mapping;
	phys_addr_t address, at;
	struct iomd *md;
	u64 length;
	u8 *memory = kmalloc(4 * P, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, memory);
	md = made(test, iomd_with_address(memory, 4 * P, BOTH));
	address = virt_to_phys(memory);
	mapping = map_part(test, md, 0, P + 10, P);
	at = iomd_mapping_get_physical_segment(mapping, 0, &length, 0);
	KUNIT_EXPECT_EQ(test, (u64)at, (u64)address + P + 10);
	KUNIT_EXPECT_EQ(test, length, P);
	at = iomd_mapping_get_physical_segment(mapping, P - 1, &length, 0);
	KUNIT_EXPECT_EQ(test, (u64)at, (u64)address + 2 * P + 9);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_mapping_get_physical_segment(mapping, 5, NULL, 0),
			(u64)address + P + 15);
	KUNIT_EXPECT_EQ(test, (u64)iomd_mapping_get_physical_address(mapping),
			(u64)address + P + 10);
	KUNIT_EXPECT_EQ(test, (u64)iomd_mapping_get_physical_segment(mapping, P, &length, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	length = 1;
	KUNIT_EXPECT_EQ(test, (u64)iomd_mapping_get_physical_segment(mapping, ~0ULL, &length, 0),
			0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	iomd_mapping_release(mapping);
	iomd_release(md);
	os_object_barrier();
	kfree(memory);
}

static void accessors(struct kunit *test)
{
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, 4 * P, 0));
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	u64 options = ANY | IOMD_MAP_READ_ONLY | IOMD_MAP_UNIQUE | IOMD_MAP_PREFAULT;

	mapping = mapped(test, ask(md, puppet->task, 0, options, P + 3, 7));
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(mapping), P + 3);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 7ULL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_size(mapping), 7ULL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping), options);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(mapping), puppet->task);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), md);
	KUNIT_EXPECT_EQ(test, offset_in_page(iomd_mapping_get_address(mapping)), 3UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(mapping), P + 3);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 7ULL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping), options);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(mapping), puppet->task);
	iomd_mapping_release(mapping);
	iomd_release(md);
	puppet_kill(puppet);
}

static void the_end_of_a_task_is_told(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 1);

	mapping = mapped(test, ask(md, area.puppet->task, 0, ANY, 0, 0));
	iomd_mapping_task_died(mapping);
	KUNIT_EXPECT_NULL(test, iomd_mapping_get_address_task(mapping));
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), P);
	iomd_mapping_task_died(mapping);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

static void the_end_of_a_task_is_noticed(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 1);
	unsigned int i;

	mapping = mapped(test, ask(md, area.puppet->task, 0, ANY | IOMD_MAP_PREFAULT, 0, 0));
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	puppet_kill(area.puppet);
	/* Its files are closed a little later. */
	for (i = 0; i < 1000 && iomd_mapping_get_address(mapping); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(mapping), area.puppet->task);
	/* All is given back when this returns. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

static void wiring_a_range(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 4);

	mapping = map_part(test, md, 0, P, 2 * P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, IOMD_DIRECTION_IN, 0, 2 * P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, P + 3, 5), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 2 * P, 0), 0);
	/* It is not undone when the mapping ends. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, 0, 0, 2 * P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, 0, P, P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, 0, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, 0, 0, 1), -EAGAIN);

	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 0, 2 * P + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 2 * P, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 2 * P + 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, ~0ULL, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 1, ~0ULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, ANY, 0, P), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BIT_ULL(2) | BOTH, 0, P), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	puppet_syscall(area.puppet, __NR_munmap, area.address, 4 * P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_wire_range(mapping, BOTH, 0, P), -EFAULT);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/* It is kept in the descriptor's list once, and leaves it once. */
static void lists_of_mappings(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 1);

	mapping = mapped(test, iomd_map(md, 0));
	iomd_add_mapping(md, mapping);
	iomd_add_mapping(md, NULL);
	KUNIT_EXPECT_PTR_EQ(test, mapped(test, iomd_map(md, IOMD_MAP_REFERENCE)), mapping);
	iomd_mapping_release(mapping);
	iomd_remove_mapping(md, mapping);
	iomd_remove_mapping(md, mapping);
	iomd_remove_mapping(md, NULL);
	expect_unmapped(test, iomd_map(md, IOMD_MAP_REFERENCE), -ENOENT);
	iomd_add_mapping(md, mapping);
	KUNIT_EXPECT_PTR_EQ(test, mapped(test, iomd_map(md, IOMD_MAP_REFERENCE)), mapping);
	iomd_mapping_release(mapping);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/*
 * Snapshots
 */

static void copy_on_write_shows_a_snapshot(struct kunit *test)
{
	struct iomd_mapping *first, *part, *unique;
	struct area area;
	struct iomd *md;
	u8 *bytes;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 3);
	area_fill(&area);
	md = made(test, iomd_with_address_range(area.address + 100, 2 * P, IOMD_DIRECTION_OUT |
						IOMD_MEMORY_MAP_COPY_ON_WRITE, area.puppet->task));
	first = mapped(test, iomd_map(md, 0));
	bytes = bytes_of(first);
	KUNIT_EXPECT_EQ(test, offset_in_page(bytes), 100UL);
	/* What the task writes is not seen ... */
	puppet_write(area.puppet, area.address + 200, "later", 5);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes, 100, 2 * P), 2 * P);
	/* ... nor does the task see what is written here, but all who map do. */
	bytes[P] ^= 1;
	unique = map_part(test, md, IOMD_MAP_UNIQUE, 0, 0);
	part = map_part(test, md, IOMD_MAP_UNIQUE | IOMD_MAP_READ_ONLY, P, P);
	KUNIT_EXPECT_EQ(test, bytes_of(unique)[P], bytes[P]);
	KUNIT_EXPECT_EQ(test, bytes_of(part)[0], bytes[P]);
	KUNIT_EXPECT_EQ(test, offset_in_page(bytes_of(part)), 100UL);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(part), md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(part), P);
	/* Everybody else has the memory itself, which the mappings do not need. */
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	bytes = kunit_kmalloc(test, 2 * P, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, bytes, 2 * P), 2 * P);
	KUNIT_EXPECT_EQ(test, memcmp(bytes + 100, "later", 5), 0);
	KUNIT_EXPECT_EQ(test, bytes[P], pattern(100 + P));
	KUNIT_EXPECT_NE(test, (u64)iomd_get_physical_address(md),
			(u64)iomd_mapping_get_physical_address(first));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_mapping_release(first);
	iomd_mapping_release(part);
	iomd_mapping_release(unique);
	/* It is taken once for all. */
	first = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_EQ(test, bytes_of(first)[P], (u8)(pattern(100 + P) ^ 1));
	iomd_release(md);
	puppet_kill(area.puppet);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(first), 100, P), P);
	iomd_mapping_release(first);
}

/* What a driver does with the memory while it is being copied. */
static struct {
	struct iomd *md;
	bool prepare;
	int prepared;
	int completed;
	u64 id;
} meanwhile;

static void when_copied(enum iomd_step step)
{
	struct iomd *md = meanwhile.md;

	if (step != IOMD_STEP_TO_BE_COPIED || !md)
		return;
	meanwhile.md = NULL;
	meanwhile.prepared = meanwhile.prepare ? iomd_prepare(md, IOMD_DIRECTION_IN) : 0;
	meanwhile.completed = iomd_complete(md, 0);
	meanwhile.id = iomd_get_preparation_id(md);
}

static void copies_are_not_in_a_drivers_way(struct kunit *test)
{
	struct iomd_mapping *mapping;
	unsigned int prepare;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 2);
	area_fill(&area);
	/* One that prepares, and one that has prepared and completes. */
	for (prepare = 0; prepare < 2; prepare++) {
		md = made(test, iomd_with_address_range(area.address + 100, P, BOTH |
							IOMD_MEMORY_MAP_COPY_ON_WRITE,
							area.puppet->task));
		if (!prepare)
			KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		meanwhile.md = md;
		meanwhile.prepare = prepare;
		iomd_inject_at_steps(when_copied);
		iomd_inject_arm(0);
		mapping = iomd_map(md, 0);
		iomd_inject_disarm();
		iomd_inject_at_steps(NULL);
		mapped(test, mapping);
		KUNIT_EXPECT_PTR_EQ(test, meanwhile.md, NULL);
		KUNIT_EXPECT_EQ(test, meanwhile.prepared, 0);
		KUNIT_EXPECT_EQ(test, meanwhile.completed, 0);
		KUNIT_EXPECT_EQ(test, meanwhile.id, IOMD_PREPARATION_ID_UNPREPARED);
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 100, P), P);
		iomd_mapping_release(mapping);
		iomd_release(md);
	}
	os_object_barrier();
	/* What is prepared for long is copied as it is, and charged once more only. */
	md = made(test, iomd_with_address_range(area.address, 2 * P, BOTH |
						IOMD_MEMORY_MAP_COPY_ON_WRITE,
						area.puppet->task));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 0, 2 * P), 2 * P);
	KUNIT_EXPECT_EQ(test, (s64)atomic64_read(&area.puppet->mm->pinned_vm), 4LL);
	iomd_mapping_release(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	puppet_kill(area.puppet);
}

static void copies_of_what_is_not_there(struct kunit *test)
{
	struct iomd_address_range all = {
		P, BITS_PER_LONG == 64 ? -3 * P : BIT_ULL(FAR_BITS),
	};
	struct area area;
	struct iomd *md;

	area_make(&area, puppet_start(test), AREA_SCATTERED, 1);
	md = made(test, iomd_with_address_range(area.address, P, BOTH |
						IOMD_MEMORY_MAP_COPY_ON_WRITE, area.puppet->task));
	puppet_syscall(area.puppet, __NR_munmap, area.address, P);
	expect_unmapped(test, iomd_map(md, 0), -EFAULT);
	puppet_kill(area.puppet);
	expect_unmapped(test, iomd_map(md, 0), -ESRCH);
	iomd_release(md);
	md = made(test, iomd_with_options(&all, 1, 0, NULL, BOTH | IOMD_MEMORY_TYPE_PHYSICAL |
					  IOMD_MEMORY_MAP_COPY_ON_WRITE, NULL));
	expect_unmapped(test, ask(md, KERNEL, 0, ANY, 0, P), -ENOMEM);
	iomd_release(md);
}

static void take_part_away(struct kunit *test, struct iomd *md, unsigned int page)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;

	mapping = mapped(test, ask(md, puppet->task, 0, ANY | IOMD_MAP_PREFAULT, 0, 0));
	address = iomd_mapping_get_address(mapping);
	puppet_kill(puppet_fork(puppet));
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(puppet, __NR_munmap, address + page * P, P));
	iomd_mapping_unmap(mapping);
	KUNIT_EXPECT_EQ(test, 0L, puppet_syscall(puppet, __NR_munmap, address, 4 * P));
	iomd_mapping_release(mapping);
	puppet_kill(puppet);
	os_object_barrier();
}

/* x86 keeps account of what was mapped whole, and says so in its log if it can't find it. */
static void parts_of_what_was_mapped_whole_go(struct kunit *test)
{
	struct iomd *ram = made(test, iomd_buffer_with_options(BOTH |
							       IOMD_MEMORY_PHYSICALLY_CONTIGUOUS,
							       4 * P, P));
	struct iomd *device = made(test, iomd_device_memory_with_range(NO_RAM, 4 * P));
	unsigned int page;

	for (page = 0; page < 4; page++) {
		take_part_away(test, ram, page);
		take_part_away(test, device, page);
	}
	iomd_release(device);
	iomd_release(ram);
	os_object_barrier();
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE(ranges_that_are_not_inside),
	KUNIT_CASE(options_and_tasks),
	KUNIT_CASE(kernel_memory_at_a_fixed_address),
	KUNIT_CASE(user_addresses),
	KUNIT_CASE(limits_of_the_target_hold),
	KUNIT_CASE(locked_memory_has_a_limit),
	KUNIT_CASE(rules_of_the_target_hold),
	KUNIT_CASE(addresses_that_could_not_be_given_back),
	KUNIT_CASE(workers_of_reclaim_may_map),
	KUNIT_CASE(who_waits_for_a_place_can_be_killed),
	KUNIT_CASE(user_mappings_of_what_does_not_fit),
	KUNIT_CASE(memory_that_others_see_in_another_mode),
	KUNIT_CASE(segments_end_with_the_mapping),
	KUNIT_CASE(accessors),
	KUNIT_CASE(the_end_of_a_task_is_told),
	KUNIT_CASE(the_end_of_a_task_is_noticed),
	KUNIT_CASE(wiring_a_range),
	KUNIT_CASE(lists_of_mappings),
	KUNIT_CASE(copy_on_write_shows_a_snapshot),
	KUNIT_CASE(copies_are_not_in_a_drivers_way),
	KUNIT_CASE(copies_of_what_is_not_there),
	KUNIT_CASE(parts_of_what_was_mapped_whole_go),
	{}
};

static struct kunit_suite life_suite = {
	.name = "iomd_mapping_life",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = life_cases,
};

kunit_test_suite(life_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of the life of iomd's mappings");
MODULE_LICENSE("GPL");
