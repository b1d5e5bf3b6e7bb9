/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that test mappings share: calls of the playground, and touching
 * memory that may not be there.
 */
#ifndef MAPPING_H
#define MAPPING_H

/* The harness forks in a function that each case may be made part of. */
#pragma GCC diagnostic ignored "-Wclobbered"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kunit/playground.h"

typedef __u64 u64;
typedef __u32 u32;
typedef __u8 u8;

/* Where a jump out of a function must not take its caller's variables along. */
#define apart		__attribute__((noipa, unused))

/* As include/iomd/types.h has them, which user space can't include. */
#define BIT(n)		(1ULL << (n))
#define OUT		BIT(0)
#define BOTH		3ULL
#define COPY_ON_WRITE	BIT(16)
#define CONTIGUOUS	BIT(21)
#define WRITE_COMBINE	(4ULL << 32)
#define COPYBACK	(3ULL << 32)
#define ANYWHERE	BIT(36)
#define READ_ONLY	BIT(37)
#define REFERENCE	BIT(39)
#define UNIQUE		BIT(40)
#define PREFAULT	BIT(41)
#define GUARDED_SMALL	BIT(43)
#define GUARDED_LARGE	BIT(44)
#define KEPT		BIT(48)

/* The kernel's page. */
#define P	((unsigned long)getpagesize())

/*
 * Where the kernel lets a module have memory that is not cached as all other, and
 * mappings into the kernel with pages that fault: on x86.
 */
static inline bool on_x86(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.machine, "86");
}

#define HAVE_CACHE_MODES	on_x86()
#define HAVE_GUARDS		on_x86()

/* What a user's address is to the kernel. */
#define ADDRESS(pointer)	((u64)(uintptr_t)(pointer))
#define POINTER(address)	((void *)(uintptr_t)(address))

/* 0, or -errno; what is asked for is in @call. */
static inline int playground(int fd, struct playground *call)
{
	return ioctl(fd, PLAYGROUND_CALL, call) ? -errno : 0;
}

/* All that make something: its number, or -errno. */
static inline int make(int fd, struct playground call)
{
	int ret = playground(fd, &call);

	return ret ?: (int)call.id;
}

/* A buffer all of whose bytes are @byte. */
static inline int buffer(int fd, u64 length, u8 byte)
{
	int id = make(fd, (struct playground) { .order = PLAYGROUND_BUFFER, .options = BOTH,
						.length = length });
	struct playground fill = { .order = PLAYGROUND_FILL, .id = id, .options = byte,
				   .length = length };
	int ret = id < 0 ? id : playground(fd, &fill);

	return ret ?: id;
}

static inline int user_memory(int fd, int pid, const void *address, u64 length, u64 options)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_USER, .pid = pid,
		.address = ADDRESS(address), .length = length, .options = options });
}

static inline int registers(int fd, u64 length)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_PHYSICAL, .length = length,
		.options = BOTH });
}

static inline int guard(int fd, u64 pages)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_GUARD, .length = pages * P });
}

static inline int sub(int fd, int of, u64 offset, u64 length)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_SUB, .other = of,
		.options = BOTH, .offset = offset, .length = length });
}

static inline int multi(int fd, const u32 *ids, unsigned int count)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_MULTI, .options = BOTH,
		.address = ADDRESS(ids), .length = count });
}

static inline int fill(int fd, int id, u64 offset, u64 length, u8 byte)
{
	struct playground call = { .order = PLAYGROUND_FILL, .id = id, .options = byte,
				   .offset = offset, .length = length };

	return playground(fd, &call);
}

static inline int peek(int fd, int id, u64 offset)
{
	struct playground call = { .order = PLAYGROUND_PEEK, .id = id, .offset = offset };

	return playground(fd, &call) ?: (int)call.options;
}

static inline int simply(int fd, enum playground_order order, int id, u64 options)
{
	struct playground call = { .order = order, .id = id, .options = options };

	return playground(fd, &call);
}

static inline int release(int fd, int id)
{
	return simply(fd, PLAYGROUND_RELEASE, id, 0);
}

static inline int unmap(int fd, int id)
{
	return simply(fd, PLAYGROUND_UNMAP, id, 0);
}

static inline int redirect(int fd, int id, int other, u64 offset)
{
	struct playground call = { .order = PLAYGROUND_REDIRECT, .id = id, .other = other,
				   .offset = offset };

	return playground(fd, &call);
}

static inline int redirect_all(int fd, int id, int safe_pid, bool on)
{
	struct playground call = { .order = PLAYGROUND_REDIRECT_ALL, .id = id, .pid = safe_pid,
				   .options = on };

	return playground(fd, &call);
}

static inline char *address_of(int fd, int id)
{
	struct playground call = { .order = PLAYGROUND_ADDRESS, .id = id };

	return playground(fd, &call) ? NULL : POINTER(call.address);
}

/* A mapping's number, or -errno; its address is in *@address. */
static inline int map_part(int fd, int id, u64 options, u64 offset, u64 length, char **address)
{
	struct playground call = { .order = PLAYGROUND_MAP, .id = id, .options = options | ANYWHERE,
				   .offset = offset, .length = length };
	int ret = playground(fd, &call);

	*address = POINTER(call.address);
	return ret ?: (int)call.id;
}

static inline int map(int fd, int id, u64 options, char **address)
{
	return map_part(fd, id, options, 0, 0, address);
}

static inline int map_at(int fd, int id, u64 options, const void *address)
{
	return make(fd, (struct playground) { .order = PLAYGROUND_MAP, .id = id,
					      .options = options, .address = ADDRESS(address) });
}

/* What is alive of what the playground's users made. */
struct alive {
	u32 mappings, descriptors;
	u64 pinned, mapped;
};

static inline struct alive alive(int fd)
{
	struct playground call = { .order = PLAYGROUND_COUNT };

	playground(fd, &call);
	return (struct alive) { call.id, call.other, call.length, call.offset };
}

static inline void nap(unsigned int milliseconds)
{
	usleep(milliseconds * 1000);
}

/* Wait until no more is alive than was; what is still, if it never is. */
static inline struct alive settle(int fd, struct alive before)
{
	struct alive now;
	int i;

	for (i = 0; i < 6000; i++) {
		now = alive(fd);
		if (!memcmp(&now, &before, sizeof(now)))
			break;
		nap(5);
	}
	return now;
}

/*
 * Touching memory: 0, or the signal that it gave.
 */

/* What others change is to be read, and written, each time. */
#define LOOK(object)		__atomic_load_n(&(object), __ATOMIC_SEQ_CST)
#define TELL(object, value)	__atomic_store_n(&(object), (value), __ATOMIC_SEQ_CST)

/* Of each task its own, also of those that share all memory. */
static sigjmp_buf touched[1024];

static inline sigjmp_buf *own_touched(void)
{
	return &touched[syscall(SYS_gettid) % 1024];
}

static inline void caught(int number)
{
	siglongjmp(*own_touched(), number);
}

static inline void catch_signals(void)
{
	struct sigaction action = { .sa_handler = caught, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

static apart int try_read(const char *address, u8 *byte)
{
	int number = sigsetjmp(*own_touched(), 1);

	if (!number)
		*byte = LOOK(*address);
	return number;
}

static apart int try_write(char *address, u8 byte)
{
	int number = sigsetjmp(*own_touched(), 1);

	if (!number)
		TELL(*address, byte);
	return number;
}

/* The byte there; -signal if there is none. */
static inline int look(const char *address)
{
	u8 byte;

	return -try_read(address, &byte) ?: byte;
}

static inline u32 word(const char *address)
{
	return LOOK(*(const u32 *)address);
}

/* Are all bytes @byte? */
static inline bool all_are(const char *bytes, size_t length, u8 byte)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((u8)bytes[i] != byte)
			return false;
	return true;
}

/* The line of smaps that starts with @key, of the area that starts at @address. */
static inline bool smaps_line(const void *address, const char *key, char *line, size_t room)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	bool here = false, found = false;
	unsigned long start, end;

	while (file && !found && fgets(line, room, file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (unsigned long)address;
		else
			found = here && !strncmp(line, key, strlen(key));
	}
	if (file)
		fclose(file);
	return found;
}

/* Memory of our own. */
static inline char *anonymous(u64 pages)
{
	return mmap(NULL, pages * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Addresses at which nothing of use is, to have something moved there. */
static inline char *room(u64 pages)
{
	return mmap(NULL, pages * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * Children
 */

/* One that ends with us, and by itself. */
static inline pid_t child(void (*run)(void *data), void *data)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	run(data);
	_exit(0);
}

/* Its exit code; -signal if one ended it. */
static inline int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct twin {
	void (*run)(void *data);
	void *data;
};

static inline int be_twin(void *data)
{
	struct twin *twin = data;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	twin->run(twin->data);
	_exit(0);
}

/*
 * A process that shares all memory with us: children don't get our mappings. It lasts no
 * longer than we do, and the memory it has as a stack stays.
 */
static inline pid_t twin(void (*run)(void *data), void *data)
{
	const size_t bytes = 256 * 1024;
	char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct twin *twin = (struct twin *)stack;

	if (stack == MAP_FAILED)
		return -1;
	*twin = (struct twin) { run, data };
	return clone(be_twin, stack + bytes, CLONE_VM | SIGCHLD, twin);
}

/* The letter that tells what a task does; 0 if there is none. */
static inline char state_of(pid_t pid)
{
	char path[64], line[512] = "", *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	state = strrchr(line, ')');
	return state ? state[2] : 0;
}

/* Does a task that does nothing but touch memory sleep, and where signals reach it? */
static inline bool is_stuck(pid_t pid)
{
	int i;

	for (i = 0; i < 2000; i++) {
		if (state_of(pid) == 'S')
			return true;
		nap(5);
	}
	return false;
}

/* Bytes of the pages that an entry of the last table but one can show; 0: it can't. */
static inline unsigned long huge_page(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "r");
	unsigned long bytes = 0;

	if (file && fscanf(file, "%lu", &bytes) != 1)
		bytes = 0;
	if (file)
		fclose(file);
	return bytes;
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#define PLAYGROUND	"/dev/iomd-playground"

#include "kselftest_harness.h"

/* Seconds that a case may take, on however busy a machine. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* What every program's fixture has, and does in the end. */
#define EXPECT_NOTHING_LEFT() do {					\
	struct alive now = settle(self->fd, self->before);		\
									\
	EXPECT_EQ(now.mappings, self->before.mappings);			\
	EXPECT_EQ(now.descriptors, self->before.descriptors);		\
	EXPECT_EQ(now.pinned, self->before.pinned);			\
	EXPECT_EQ(now.mapped, self->before.mapped);			\
} while (0)

#endif
