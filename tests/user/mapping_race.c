// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that are redirected, or end, while they are in use.
 *
 * Each race takes a third of a second, on kernels that look closely ten.
 */
#include <pthread.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/user/mapping.h"

FIXTURE(race) {
	int fd;
	struct alive before;
	double duration;
};

FIXTURE_SETUP(race) {
	catch_signals();
	self->fd = open(PLAYGROUND, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->before = alive(self->fd);
	self->duration = access("/sys/kernel/debug/kmemleak", F_OK) ? 0.3 : 10;
}

FIXTURE_TEARDOWN(race) {
	close(self->fd);
}

#define PAGES	8

/*
 * Redirecting
 */

TEST_F(race, redirected_mappings_show_other_memory) {
	int first = buffer(self->fd, PAGES * P, 0x11), other = buffer(self->fd, PAGES * P, 0x22);
	const u64 options[] = { UNIQUE, UNIQUE | PREFAULT };
	char *address, *own;
	int mapping, i;

	ASSERT_GT(map(self->fd, other, 0, &own), 0);
	for (i = 0; i < 2; i++) {
		mapping = map_part(self->fd, first, options[i], 0, 3 * P, &address);
		ASSERT_GT(mapping, 0);
		ASSERT_TRUE(all_are(address, 3 * P, 0x11));
		ASSERT_EQ(redirect(self->fd, mapping, other, 0), 0);
		ASSERT_TRUE(all_are(address, 3 * P, 0x22));
		/* It is the memory of the other one that is written. */
		address[P] = 0x33;
		ASSERT_EQ(own[P], 0x33);
		ASSERT_EQ(peek(self->fd, first, P), 0x11);
		own[2 * P] = 0x44;
		ASSERT_EQ(redirect(self->fd, mapping, other, P), 0);
		ASSERT_EQ(address[0], 0x33);
		ASSERT_EQ(address[P], 0x44);
		ASSERT_EQ(redirect(self->fd, mapping, other, PAGES * P - 2 * P), -EINVAL);
		ASSERT_EQ(address[P], 0x44);
		ASSERT_EQ(redirect(self->fd, mapping, first, 0), 0);
		ASSERT_TRUE(all_are(address, 3 * P, 0x11));
		ASSERT_EQ(munmap(address, 3 * P), 0);
		memset(own, 0x22, PAGES * P);
	}
}

/* To a device's memory and back, as a driver that evicts its memory would. */
TEST_F(race, redirected_to_registers) {
	int ram = buffer(self->fd, P, 0x11), mapping;
	int device = registers(self->fd, P);
	char *address;

	if (device == -ENODEV)
		SKIP(return, "no edu device");
	mapping = map(self->fd, device, UNIQUE, &address);
	ASSERT_EQ(word(address), 0x010000ed);
	ASSERT_EQ(redirect(self->fd, mapping, ram, 0), 0);
	ASSERT_EQ(word(address), 0x11111111);
	ASSERT_EQ(redirect(self->fd, mapping, device, 0), 0);
	ASSERT_EQ(word(address), 0x010000ed);
	mapping = map(self->fd, device, UNIQUE | WRITE_COMBINE, &address);
	ASSERT_EQ(redirect(self->fd, mapping, ram, 0), -EOPNOTSUPP);
	ASSERT_EQ(word(address), 0x010000ed);
}

/* What is reserved for a mode is the device's memory, not what is beside it. */
TEST_F(race, registers_beside_a_guard) {
	int device = registers(self->fd, P), mapping, i;
	u32 ids[] = { guard(self->fd, 1), device, guard(self->fd, 2) };
	char *address;

	if (device == -ENODEV)
		SKIP(return, "no edu device");
	for (i = 0; i < 2; i++) {
		mapping = map(self->fd, multi(self->fd, ids, 3), UNIQUE | WRITE_COMBINE, &address);
		ASSERT_GT(mapping, 0);
		ASSERT_EQ(word(address + P), 0x010000ed);
		ASSERT_EQ(look(address), -SIGBUS);
		ASSERT_EQ(unmap(self->fd, mapping), 0);
	}
}

struct toucher {
	char *address;
	int pipe[2];
};

static void touch_once(void *data)
{
	struct toucher *toucher = data;

	_exit(look(toucher->address) < 0 ? 100 - look(toucher->address) :
					   look(toucher->address));
}

/* As it would for a small page. */
TEST_F(race, whoever_touches_a_huge_page_waits) {
	const unsigned long huge = huge_page();
	int id = make(self->fd, (struct playground) { .order = PLAYGROUND_BUFFER,
			.options = BOTH | CONTIGUOUS, .length = huge, .offset = huge });
	struct toucher toucher;
	int mapping;
	pid_t pid;

	if (!huge)
		SKIP(return, "the kernel has no huge pages");
	if (id < 0)
		SKIP(return, "the kernel has no %lu contiguous bytes: a huge page", huge);
	ASSERT_EQ(fill(self->fd, id, 0, huge, 0x11), 0);
	mapping = map(self->fd, id, UNIQUE, &toucher.address);
	ASSERT_GT(mapping, 0);
	ASSERT_EQ(look(toucher.address), 0x11);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pid = twin(touch_once, &toucher);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(redirect(self->fd, mapping, id, 0), 0);
	ASSERT_EQ(wait_for(pid), 0x11);
}

TEST_F(race, whoever_touches_nothing_waits) {
	int first = buffer(self->fd, PAGES * P, 0x11), other = buffer(self->fd, PAGES * P, 0x22);
	struct toucher toucher;
	int mapping, i, ended;
	pid_t pids[4];

	ASSERT_EQ(pipe(toucher.pipe), 0);
	mapping = map(self->fd, first, UNIQUE, &toucher.address);
	ASSERT_EQ(look(toucher.address), 0x11);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	for (i = 0; i < 4; i++)
		pids[i] = twin(touch_once, &toucher);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(is_stuck(pids[i]));
	/* What the kernel touches for us does not wait: it may hold anything meanwhile. */
	ASSERT_EQ(write(toucher.pipe[1], toucher.address, 5), -1);
	ASSERT_EQ(errno, EFAULT);
	ASSERT_EQ(read(open("/dev/zero", O_RDONLY), toucher.address, 5), -1);
	ASSERT_EQ(errno, EFAULT);
	/* A signal changes nothing, unless it kills. */
	ASSERT_EQ(kill(pids[0], SIGWINCH), 0);
	ASSERT_EQ(kill(pids[3], SIGKILL), 0);
	ASSERT_EQ(wait_for(pids[3]), -SIGKILL);
	nap(50);
	ASSERT_TRUE(is_stuck(pids[0]));
	ASSERT_EQ(redirect(self->fd, mapping, other, 0), 0);
	ASSERT_EQ(wait_for(pids[0]), 0x22);
	ASSERT_EQ(wait_for(pids[1]), 0x22);
	ASSERT_EQ(wait_for(pids[2]), 0x22);
	ASSERT_EQ(look(toucher.address), 0x22);
	ASSERT_EQ(write(toucher.pipe[1], toucher.address, 5), 5);
	/* The same memory will do. */
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pids[0] = twin(touch_once, &toucher);
	ASSERT_TRUE(is_stuck(pids[0]));
	ASSERT_EQ(redirect(self->fd, mapping, other, 0), 0);
	ASSERT_EQ(wait_for(pids[0]), 0x22);
	/* And the end of all is one of waiting, too. */
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pids[0] = twin(touch_once, &toucher);
	ASSERT_TRUE(is_stuck(pids[0]));
	ASSERT_EQ(unmap(self->fd, mapping), 0);
	/* Or SIGSEGV, if the addresses were given back before it looked. */
	ended = wait_for(pids[0]);
	ASSERT_TRUE(ended == 100 + SIGBUS || ended == 100 + SIGSEGV);
	ASSERT_EQ(redirect(self->fd, mapping, other, 0), 0);
	ASSERT_LT(look(toucher.address), 0);
}

/*
 * What gets through to who waits: job control, debuggers, the freezer
 */

static int seen;

static void see(int number)
{
	TELL(seen, number);
}

static void touch_with_handler(void *data)
{
	struct sigaction action = { .sa_handler = see };

	sigaction(SIGUSR1, &action, NULL);
	touch_once(data);
}

/* Wait until a task does what @state says. */
static bool becomes(pid_t pid, char state)
{
	int i;

	for (i = 0; i < 2000 && state_of(pid) != state; i++)
		nap(5);
	return state_of(pid) == state;
}

TEST_F(race, signals_get_through_to_who_waits) {
	int id = buffer(self->fd, P, 0x11), mapping, status, i;
	struct toucher toucher;
	pid_t pid;

	mapping = map(self->fd, id, UNIQUE, &toucher.address);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	TELL(seen, 0);
	pid = twin(touch_with_handler, &toucher);
	ASSERT_TRUE(is_stuck(pid));
	/* Its handler runs, and then it waits again. */
	ASSERT_EQ(kill(pid, SIGUSR1), 0);
	for (i = 0; i < 2000 && !LOOK(seen); i++)
		nap(5);
	ASSERT_EQ(LOOK(seen), SIGUSR1);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(kill(pid, SIGSTOP), 0);
	ASSERT_TRUE(becomes(pid, 'T'));
	ASSERT_EQ(kill(pid, SIGCONT), 0);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	ASSERT_EQ(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	/* Its debugger does not wait, either. */
	errno = 0;
	ASSERT_EQ(ptrace(PTRACE_PEEKDATA, pid, toucher.address, NULL), -1);
	ASSERT_EQ(errno, EIO);
	ASSERT_EQ(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(redirect(self->fd, mapping, id, 0), 0);
	ASSERT_EQ(wait_for(pid), 0x11);
}

/* Put a line into a file of a control group. */
static bool put(const char *name, const char *line)
{
	char path[128];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "/tmp/iomd-groups/%s", name);
	fd = open(path, O_WRONLY);
	done = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
	close(fd);
	return done;
}

static bool has_line(const char *name, const char *line)
{
	char path[128], text[256] = "";
	int i, fd;

	snprintf(path, sizeof(path), "/tmp/iomd-groups/%s", name);
	for (i = 0; i < 2000 && !strstr(text, line); i++) {
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
			return false;
		close(fd);
		nap(5);
	}
	return strstr(text, line);
}

TEST_F(race, who_waits_can_be_frozen) {
	int id = buffer(self->fd, P, 0x11), mapping;
	struct toucher toucher;
	char number[16];
	pid_t pid;

	mkdir("/tmp", 0700);
	mkdir("/tmp/iomd-groups", 0700);
	if (mount("none", "/tmp/iomd-groups", "cgroup2", 0, NULL))
		SKIP(return, "the kernel has no control groups");
	mkdir("/tmp/iomd-groups/cold", 0700);
	mapping = map(self->fd, id, UNIQUE, &toucher.address);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pid = twin(touch_once, &toucher);
	ASSERT_TRUE(is_stuck(pid));
	snprintf(number, sizeof(number), "%d", pid);
	ASSERT_TRUE(put("cold/cgroup.procs", number));
	ASSERT_TRUE(put("cold/cgroup.freeze", "1"));
	ASSERT_TRUE(has_line("cold/cgroup.events", "frozen 1"));
	/* The end of the wait does not wake it, and is not lost. */
	ASSERT_EQ(redirect(self->fd, mapping, id, 0), 0);
	ASSERT_TRUE(has_line("cold/cgroup.events", "frozen 1"));
	ASSERT_TRUE(put("cold/cgroup.freeze", "0"));
	ASSERT_EQ(wait_for(pid), 0x11);
	rmdir("/tmp/iomd-groups/cold");
	umount("/tmp/iomd-groups");
}

/*
 * The kernel's own accesses of a task that ends
 */

struct ender {
	int fd;
	void (*end)(char *address);
};

static void exit_with_robust_list(char *address)
{
	syscall(SYS_set_robust_list, address, 3 * sizeof(long));
	_exit(7);
}

static void exit_with_child_tid(char *address)
{
	syscall(SYS_set_tid_address, address);
	_exit(7);
}

static void execute_with_robust_list(char *address)
{
	syscall(SYS_set_robust_list, address, 3 * sizeof(long));
	execl("/bin/busybox", "false", NULL);
	_exit(2);
}

static void write_to_file(char *address)
{
	char path[] = "/proc/self/comm";
	int fd = open(path, O_WRONLY);

	_exit(write(fd, address, 4) == -1 && errno == EFAULT ? 7 : 1);
}

static void end_in_redirected_memory(void *data)
{
	struct ender *ender = data;
	int fd = open(PLAYGROUND, O_RDWR), id = buffer(fd, P, 0), mapping;
	char *address;

	mapping = map(fd, id, UNIQUE, &address);
	if (look(address) || redirect(fd, mapping, 0, 0))
		_exit(3);
	ender->end(address);
}

/* Its file, which would end the redirect, is closed later than that. */
TEST_F(race, who_ends_does_not_wait) {
	static void (*const ends[])(char *address) = {
		exit_with_robust_list, exit_with_child_tid, execute_with_robust_list, write_to_file,
	};
	struct ender ender;
	int i, k, status;
	pid_t pid;

	for (i = 0; i < 4; i++) {
		ender.end = ends[i];
		pid = child(end_in_redirected_memory, &ender);
		for (k = 0; k < 2000 && waitpid(pid, &status, WNOHANG) != pid; k++)
			nap(5);
		ASSERT_LT(k, 2000) kill(pid, SIGKILL);
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(WEXITSTATUS(status), ends[i] == execute_with_robust_list ? 1 : 7);
	}
	EXPECT_NOTHING_LEFT();
}

TEST_F(race, all_mappings_of_a_descriptor_wait) {
	int id = buffer(self->fd, PAGES * P, 0x11), other = buffer(self->fd, PAGES * P, 0x22), i;
	struct toucher touchers[4];
	int mappings[4];
	pid_t pids[4];

	for (i = 0; i < 3; i++)
		mappings[i] = map_part(self->fd, id, i ? UNIQUE : 0, i * P, P,
				       &touchers[i].address);
	ASSERT_EQ(redirect_all(self->fd, id, 0, true), 0);
	/* Who comes later, waits as well. */
	mappings[3] = map_part(self->fd, id, UNIQUE | PREFAULT, 0, 0, &touchers[3].address);
	for (i = 0; i < 4; i++)
		pids[i] = twin(touch_once, &touchers[i]);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(is_stuck(pids[i]));
	/* What becomes of one is not for the others. */
	ASSERT_EQ(redirect(self->fd, mappings[1], other, 0), 0);
	ASSERT_EQ(wait_for(pids[1]), 0x22);
	ASSERT_EQ(redirect(self->fd, mappings[2], 0, 0), 0);
	ASSERT_EQ(redirect_all(self->fd, id, 0, false), 0);
	ASSERT_EQ(wait_for(pids[0]), 0x11);
	ASSERT_EQ(wait_for(pids[3]), 0x11);
	ASSERT_TRUE(is_stuck(pids[2]));
	/* And the other way round. */
	ASSERT_EQ(redirect_all(self->fd, id, 0, true), 0);
	ASSERT_EQ(redirect(self->fd, mappings[2], id, 2 * P), 0);
	nap(50);
	ASSERT_TRUE(is_stuck(pids[2]));
	ASSERT_EQ(look(touchers[1].address), 0x22);
	ASSERT_EQ(redirect(self->fd, mappings[1], id, 0), 0);
	pids[1] = twin(touch_once, &touchers[1]);
	ASSERT_TRUE(is_stuck(pids[1]));
	ASSERT_EQ(redirect_all(self->fd, id, 0, false), 0);
	ASSERT_EQ(wait_for(pids[1]), 0x11);
	ASSERT_EQ(wait_for(pids[2]), 0x11);
}

TEST_F(race, a_safe_task_goes_on) {
	int id = buffer(self->fd, P, 0x11);
	struct toucher toucher;
	struct playground call = { .order = PLAYGROUND_MAP, .id = id, .options = ANYWHERE };
	char *address;
	pid_t pid;

	ASSERT_EQ(pipe(toucher.pipe), 0);
	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	pid = fork();
	if (!pid) {
		if (read(toucher.pipe[0], &toucher.address, sizeof(char *)) == sizeof(char *))
			touch_once(&toucher);
		_exit(1);
	}
	call.pid = pid;
	ASSERT_EQ(playground(self->fd, &call), 0);
	ASSERT_EQ(redirect_all(self->fd, id, getpid(), true), 0);
	ASSERT_EQ(look(address), 0x11);
	ASSERT_EQ(write(toucher.pipe[1], &call.address, sizeof(char *)), sizeof(char *));
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(redirect_all(self->fd, id, getpid(), false), 0);
	ASSERT_EQ(wait_for(pid), 0x11);
}

/*
 * Races
 */

struct arena {
	int fd;
	double end;
	char *address;
	int id, mapping, stop;
	u64 rounds, wrong;
	pthread_t threads[4];
	int count;
};

static void start(struct arena *arena, void *(*run)(void *data))
{
	pthread_create(&arena->threads[arena->count++], NULL, run, arena);
}

static void stop(struct arena *arena)
{
	TELL(arena->stop, 1);
	while (arena->count)
		pthread_join(arena->threads[--arena->count], NULL);
}

static void *see_one_or_the_other(void *data)
{
	struct arena *arena = data;
	unsigned int i;
	int found;

	while (!LOOK(arena->stop)) {
		for (i = 0; i < PAGES; i++) {
			found = look(arena->address + i * P);
			if (found != 0x11 && found != 0x22)
				__atomic_add_fetch(&arena->wrong, 1, __ATOMIC_RELAXED);
		}
		__atomic_add_fetch(&arena->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(race, fault_against_redirect) {
	int ids[] = { buffer(self->fd, PAGES * P, 0x11), buffer(self->fd, PAGES * P, 0x22) };
	struct arena arena = { .fd = self->fd, .end = seconds() + self->duration };
	unsigned int turn = 0;
	char *address;
	int mapping;

	mapping = map(self->fd, ids[0], UNIQUE, &address);
	arena.address = address;
	start(&arena, see_one_or_the_other);
	start(&arena, see_one_or_the_other);
	for (; turn < 12 || seconds() < arena.end; turn++) {
		if (turn % 3 == 2) {
			EXPECT_EQ(redirect(self->fd, mapping, 0, 0), 0);
		} else if (turn % 7 == 5) {
			EXPECT_EQ(redirect_all(self->fd, ids[turn % 2], 0, true), 0);
			EXPECT_EQ(redirect_all(self->fd, ids[turn % 2], 0, false), 0);
		}
		EXPECT_EQ(redirect(self->fd, mapping, ids[turn % 2], 0), 0);
	}
	stop(&arena);
	EXPECT_EQ(arena.wrong, 0);
	EXPECT_GT(arena.rounds, 0);
	ASSERT_EQ(munmap(address, PAGES * P), 0);
	release(self->fd, mapping);
	release(self->fd, ids[0]);
	release(self->fd, ids[1]);
	EXPECT_NOTHING_LEFT();
}

static void *see_it_or_nothing(void *data)
{
	struct arena *arena = data;
	unsigned int i;
	int found;

	while (!LOOK(arena->stop)) {
		char *address = LOOK(arena->address);

		if (!address)
			sched_yield();
		for (i = 0; address && i < PAGES; i++) {
			found = look(address + i * P);
			if (found != 0x11 && found != -SIGBUS && found != -SIGSEGV)
				__atomic_add_fetch(&arena->wrong, 1, __ATOMIC_RELAXED);
		}
		__atomic_add_fetch(&arena->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(race, fault_against_unmap) {
	struct arena arena = { .fd = self->fd, .end = seconds() + self->duration };
	unsigned int turn;
	char *address;

	start(&arena, see_it_or_nothing);
	start(&arena, see_it_or_nothing);
	for (turn = 0; turn < 12 || seconds() < arena.end; turn++) {
		int id = buffer(self->fd, PAGES * P, 0x11);
		int mapping = map(self->fd, id, turn % 2 ? PREFAULT : 0, &address);

		ASSERT_GT(mapping, 0);
		TELL(arena.address, address);
		if (turn % 3)
			sched_yield();
		ASSERT_EQ(unmap(self->fd, mapping), 0);
		/* Nobody may see what becomes of the memory now. */
		ASSERT_EQ(fill(self->fd, id, 0, PAGES * P, 0x99), 0);
		release(self->fd, id);
		release(self->fd, mapping);
		ASSERT_LT(look(address), 0);
		TELL(arena.address, NULL);
		ASSERT_EQ(munmap(address, PAGES * P), 0);
	}
	stop(&arena);
	EXPECT_EQ(arena.wrong, 0);
	EXPECT_NOTHING_LEFT();
}

static void *release_what_there_is(void *data)
{
	struct arena *arena = data;

	while (!LOOK(arena->stop)) {
		int mapping = LOOK(arena->mapping), id = LOOK(arena->id);

		if (!mapping) {
			sched_yield();
			continue;
		}
		if (arena->rounds % 2)
			unmap(arena->fd, mapping);
		release(arena->fd, id);
		release(arena->fd, mapping);
		__atomic_add_fetch(&arena->rounds, 1, __ATOMIC_RELAXED);
		TELL(arena->mapping, 0);
	}
	return NULL;
}

TEST_F(race, munmap_against_release) {
	struct arena arena = { .fd = self->fd, .end = seconds() + self->duration };
	unsigned int turn;
	char *address;

	start(&arena, release_what_there_is);
	for (turn = 0; turn < 12 || seconds() < arena.end; turn++) {
		int mapping, found;

		arena.id = buffer(self->fd, PAGES * P, 0x11);
		mapping = map(self->fd, arena.id, turn % 2 ? PREFAULT : 0, &address);
		ASSERT_GT(mapping, 0);
		TELL(arena.mapping, mapping);
		found = look(address + P);
		/* It is there, or ends, or has given its addresses back. */
		if (found != 0x11 && found != -SIGBUS && found != -SIGSEGV)
			__atomic_add_fetch(&arena.wrong, 1, __ATOMIC_RELAXED);
		if (turn % 3)
			ASSERT_EQ(munmap(address + P, 2 * P), 0);
		ASSERT_EQ(munmap(address, PAGES * P), 0);
		while (LOOK(arena.mapping))
			sched_yield();
	}
	stop(&arena);
	EXPECT_EQ(arena.wrong, 0);
	EXPECT_NOTHING_LEFT();
}

static void *prepare_and_complete(void *data)
{
	struct arena *arena = data;

	while (!LOOK(arena->stop)) {
		if (simply(arena->fd, PLAYGROUND_PREPARE, arena->id, 0) ||
		    simply(arena->fd, PLAYGROUND_COMPLETE, arena->id, 0))
			__atomic_add_fetch(&arena->wrong, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&arena->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void touch_and_exit(void *data)
{
	struct arena *arena = data;

	_exit(look(arena->address) == 0x11 && look(arena->address + P) == 0x22 ? 0 : 1);
}

/* Memory of our own, which is pinned, mapped, unpinned and given to children all along. */
TEST_F(race, fork_against_complete) {
	struct arena arena = { .fd = self->fd, .end = seconds() + self->duration };
	char *memory = anonymous(PAGES), *address;
	unsigned int turn;
	int mapping;

	memset(memory, 0x11, PAGES * P);
	memset(memory + P, 0x22, P);
	arena.id = user_memory(self->fd, 0, memory, PAGES * P, BOTH);
	ASSERT_GT(arena.id, 0);
	start(&arena, prepare_and_complete);
	for (turn = 0; turn < 12 || seconds() < arena.end; turn++) {
		mapping = map(self->fd, arena.id, turn % 2 ? PREFAULT : 0, &address);
		ASSERT_GT(mapping, 0);
		arena.address = address;
		ASSERT_EQ(wait_for(twin(touch_and_exit, &arena)), 0);
		/* What the mapping shows is still our memory, not the child's copy. */
		memory[3 * P] = turn;
		ASSERT_EQ(look(address + 3 * P), (u8)turn);
		ASSERT_EQ(unmap(self->fd, mapping), 0);
		ASSERT_EQ(munmap(address, PAGES * P), 0);
		release(self->fd, mapping);
	}
	stop(&arena);
	EXPECT_EQ(arena.wrong, 0);
	release(self->fd, arena.id);
	EXPECT_NOTHING_LEFT();
}

/*
 * SIGKILL in whatever state
 */

static void make_and_unmap(void *data)
{
	struct arena *arena = data;
	char *address;

	for (;;) {
		int id = buffer(arena->fd, PAGES * P, 0x11);
		int mapping = map(arena->fd, id, PREFAULT, &address);

		munmap(address, PAGES * P);
		release(arena->fd, id);
		release(arena->fd, mapping);
	}
}

static void touch_again_and_again(void *data)
{
	struct arena *arena = data;
	unsigned int i;

	for (;;) {
		for (i = 0; i < PAGES; i++)
			try_write(arena->address + i * P, i);
		/* Have it come by faults again. */
		redirect(arena->fd, arena->mapping, arena->id, 0);
		redirect(arena->fd, arena->mapping, 0, 0);
		redirect(arena->fd, arena->mapping, arena->id, 0);
	}
}

static void move_it_about(void *data)
{
	struct arena *arena = data;
	char *here = room(PAGES), *there = room(PAGES), *address = arena->address;
	unsigned int i;

	for (i = 0;; i++) {
		address = mremap(address, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_FIXED,
				 i % 2 ? here : there);
		look(address);
	}
}

static void have_children(void *data)
{
	struct arena *arena = data;
	unsigned int turn = 0;

	for (;;)
		wait_for(turn++ % 2 ? child(touch_and_exit, arena) : twin(touch_and_exit, arena));
}

static void wait_for_ever(void *data)
{
	struct arena *arena = data;

	redirect(arena->fd, arena->mapping, 0, 0);
	for (;;)
		look(arena->address);
}

static void map_own_memory(void *data)
{
	struct arena *arena = data;
	char *memory = anonymous(64), *address;

	for (;;) {
		int id = user_memory(arena->fd, 0, memory, 64 * P, BOTH);
		int mapping = map(arena->fd, id, 0, &address);

		look(address);
		release(arena->fd, id);
		unmap(arena->fd, mapping);
		release(arena->fd, mapping);
		munmap(address, 64 * P);
	}
}

TEST_F(race, kill_in_each_state) {
	static void (*const states[])(void *data) = {
		make_and_unmap, touch_again_and_again, move_it_about, have_children,
		wait_for_ever, map_own_memory,
	};
	struct arena arena = { .end = seconds() + self->duration };
	unsigned int turn;
	char *address;
	pid_t pid;

	for (turn = 0; turn < 12 || seconds() < arena.end; turn++) {
		arena.fd = open(PLAYGROUND, O_RDWR);
		arena.id = buffer(arena.fd, PAGES * P, 0x11);
		ASSERT_EQ(fill(arena.fd, arena.id, P, P, 0x22), 0);
		arena.mapping = map(arena.fd, arena.id, UNIQUE, &address);
		arena.address = address;
		/* As a task that has the mapping, or as one that has none. */
		pid = turn / 6 % 2 ? child(states[turn % 6], &arena) :
				     twin(states[turn % 6], &arena);
		/* Mostly in the midst of it, sometimes before it has begun. */
		usleep(turn % 5 * 3000);
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(wait_for(pid), -SIGKILL);
		/* Its last page tables may still be under way, and need nobody any more. */
		close(arena.fd);
		ASSERT_EQ(munmap(address, PAGES * P), 0);
		if (turn % 12 == 11)
			EXPECT_NOTHING_LEFT();
	}
	EXPECT_NOTHING_LEFT();
}

TEST_HARNESS_MAIN
