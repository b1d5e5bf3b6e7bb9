// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of other users do with the samples' files whatever they can think of: threads
 * that copy from and to any address, show memory, have it filled and close the file
 * meanwhile; children by fork and exec that inherit it; counts and lengths of any size;
 * memory that goes while a device uses it; and they are stopped and killed at any time.
 * Meanwhile a program that behaves gets its copies, and at the end all is as before.
 *
 * Run as root. What is done is chance; the seed is told, and can be given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define MILLISECONDS	25000
#define PROGRAMS	4
#define THREADS		4
#define FILES		6
#define MEMORY		(512 * PAGE)

static const char *const nodes[] = {
	"/dev/iomd-edu0", "/dev/iomd-edu0", "/dev/iomd-edu0", "/dev/iomd-minimal",
	"/dev/iomd-dmacopy",
};

/*
 * A hostile program
 */

/* Shared by its threads without any care. */
static int files[FILES];
static unsigned char *memory;
static unsigned int seed;

static unsigned int any(unsigned int *random, unsigned int below)
{
	return rand_r(random) % below;
}

static __u64 any_address(unsigned int *random)
{
	switch (any(random, 12)) {
	case 0: return 0;
	case 1: return any(random, PAGE);
	case 2: return 0xffff888000000000 + any(random, MEMORY);
	case 3: return 0xffffffff81000000;
	case 4: return ~0ULL - any(random, 2 * PAGE);
	case 5: return 0x7ffffffff000 - any(random, PAGE);
	case 6: return (uintptr_t)memory + MEMORY - any(random, PAGE);
	case 7: return (uintptr_t)&files + any(random, 64);
	case 8: return (uintptr_t)any_address;
	default: return (uintptr_t)memory + any(random, MEMORY);
	}
}

static __u64 any_length(unsigned int *random)
{
	switch (any(random, 10)) {
	case 0: return 0;
	case 1: return ~0ULL - any(random, PAGE);
	case 2: return 1ULL << any(random, 64);
	case 3: return any(random, MEMORY);
	case 4: return any(random, 32 * PAGE);
	default: return 1 + any(random, PAGE);
	}
}

static __u32 any_count(unsigned int *random)
{
	switch (any(random, 8)) {
	case 0: return 0;
	case 1: return ~0U - any(random, 2);
	case 2: return IOMD_EDU_RANGES_MAX + any(random, 2);
	case 3: return 1 + any(random, IOMD_EDU_RANGES_MAX);
	default: return 1;
	}
}

static __u32 any_size(unsigned int *random, __u32 size)
{
	switch (any(random, 16)) {
	case 0: return any(random, size);
	case 1: return ~0U;
	case 2: return size + any(random, 64);
	default: return size;
	}
}

static int any_file(unsigned int *random)
{
	return files[any(random, FILES)];
}

struct ranges {
	struct iomd_edu_range range[IOMD_EDU_RANGES_MAX];
};

static __u64 any_ranges(unsigned int *random, struct ranges *ranges)
{
	size_t i;

	for (i = 0; i < IOMD_EDU_RANGES_MAX; i++) {
		ranges->range[i].address = any_address(random);
		ranges->range[i].length = any_length(random);
	}
	return any(random, 10) ? (uintptr_t)ranges : any_address(random);
}

/* Most are refused; some, of as many bytes on both sides, are not. */
static void copy(unsigned int *random)
{
	struct ranges source, destination;
	struct iomd_edu_copy copy = {
		.size = any_size(random, sizeof(copy)),
		.flags = !any(random, 20),
		.source_count = any_count(random),
		.destination_count = any_count(random),
		.source = any_ranges(random, &source),
		.destination = any_ranges(random, &destination),
		.done = any(random, 6) ? 0 : any_length(random),
	};
	unsigned char bytes[PAGE];

	if (any(random, 2)) {
		source.range[0].address = (uintptr_t)memory + any(random, MEMORY / 2);
		destination.range[0].address = (uintptr_t)memory + any(random, MEMORY / 2);
		source.range[0].length = 1 + any(random, 8 * PAGE);
		destination.range[0].length = source.range[0].length;
		copy.source_count = 1;
		copy.destination_count = 1;
	}
	/* The structure may be longer, or lie where it can't be written. */
	memset(bytes, any(random, 8) ? 0 : 0x55, sizeof(bytes));
	memcpy(bytes, &copy, sizeof(copy));
	ioctl(any_file(random), IOMD_EDU_COPY,
	      any(random, 20) ? (uintptr_t)bytes : any_address(random));
}

static void show_memory(unsigned int *random)
{
	struct ranges ranges;
	struct iomd_edu_show show = {
		.size = any_size(random, sizeof(show)),
		.flags = !any(random, 20),
		.range_count = any_count(random),
		.ranges = any_ranges(random, &ranges),
	};
	unsigned char bytes[PAGE] = { 0 };

	if (any(random, 2)) {
		ranges.range[0].address = (uintptr_t)memory + any(random, MEMORY / 2);
		ranges.range[0].length = 1 + any(random, MEMORY / 2);
		show.range_count = 1;
	}
	memcpy(bytes, &show, sizeof(show));
	ioctl(any_file(random), IOMD_EDU_SHOW, bytes);
}

static void fill_memory(unsigned int *random)
{
	struct iomd_edu_show show = { .size = sizeof(show) };

	ioctl(any_file(random), IOMD_EDU_FILL, &show);
}

static void describe(unsigned int *random)
{
	struct ranges ranges;
	struct iomd_edu_describe describe = {
		.size = sizeof(describe),
		.range_count = any_count(random),
		.capacity = any(random, 2 * IOMD_EDU_DESCRIBE_MAX),
		.ranges = any_ranges(random, &ranges),
		.segments = any_address(random),
		.dma_segments = any_address(random),
	};

	ioctl(any_file(random), IOMD_EDU_DESCRIBE, &describe);
}

static void anything(unsigned int *random)
{
	ioctl(any_file(random), any(random, 2) ? _IO('e', 0xd0 + any(random, 20)) :
						 (unsigned int)rand_r(random),
	      any_address(random));
	write(any_file(random), (void *)(uintptr_t)any_address(random), any_length(random));
	read(any_file(random), (void *)(uintptr_t)any_address(random), any_length(random));
	mmap(NULL, PAGE, PROT_READ, MAP_SHARED, any_file(random), 0);
}

/* Another thread may just use it. */
static void reopen(unsigned int *random)
{
	unsigned int i = any(random, FILES);

	if (any(random, 2))
		close(files[i]);
	files[i] = open(nodes[any(random, ARRAY_SIZE(nodes))],
			O_RDWR | (any(random, 2) ? O_CLOEXEC : 0));
}

/* What the device may use at this moment is replaced, hidden, given up. */
static void change_memory(unsigned int *random)
{
	size_t length = (1 + any(random, 64)) * PAGE;
	unsigned char *at = memory + any(random, MEMORY / PAGE - 64) * PAGE;

	switch (any(random, 5)) {
	case 0:
		munmap(at, length);
		break;
	case 1:
		mprotect(at, length, any(random, 2) ? PROT_READ : PROT_NONE);
		break;
	case 2:
		madvise(at, length, MADV_DONTNEED);
		break;
	default:
		mmap(at, length, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

/* A child has the files, too; it goes on with them, or becomes another program. */
static void have_child(unsigned int *random)
{
	pid_t child = fork();
	int what = any(random, 3);

	if (child < 0)
		return;
	if (!child) {
		if (what == 0) {
			execl("/proc/self/exe", "demo", "--inherit", NULL);
			_exit(1);
		}
		copy(random);
		if (what == 1)
			fill_memory(random);
		_exit(0);
	}
	if (any(random, 2))
		kill(child, SIGKILL);
}

static void interrupt(unsigned int *random)
{
	struct itimerval once = { { 0, 0 }, { 0, 1 + any(random, 200000) } };

	setitimer(ITIMER_REAL, &once, NULL);
}

static void *be_hostile(void *number)
{
	static void (*const acts[])(unsigned int *) = {
		copy, copy, copy, show_memory, show_memory, fill_memory, describe, anything,
		reopen, reopen, change_memory, have_child, interrupt,
	};
	unsigned int random = seed + (uintptr_t)number;

	for (;;)
		acts[any(&random, ARRAY_SIZE(acts))](&random);
	return NULL;
}

static void nothing(int number)
{
	(void)number;
}

static void be_program(uid_t uid)
{
	struct rlimit memlock = { 8 << 20, 8 << 20 }, processes = { 64, 64 };
	struct sigaction action = { .sa_handler = nothing };
	pthread_t thread;
	uintptr_t i;

	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN);
	sigaction(SIGALRM, &action, NULL);
	if (setrlimit(RLIMIT_MEMLOCK, &memlock) || setrlimit(RLIMIT_NPROC, &processes) ||
	    setresuid(uid, uid, uid))
		_exit(1);
	memory = map_memory(SMALL_PAGES, MEMORY);
	for (i = 0; i < FILES; i++)
		files[i] = open(nodes[i % ARRAY_SIZE(nodes)], O_RDWR);
	for (i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, be_hostile, (void *)i);
	be_hostile(NULL);
}

/*
 * And who watches them
 */

static pid_t programs[PROGRAMS];
static unsigned int started, killed, stopped;

static void start_program(unsigned int i)
{
	fflush(stdout);
	seed += 1000;
	programs[i] = fork();
	if (programs[i] < 0)
		fail("fork: %m");
	if (!programs[i])
		be_program(1000 + i % 2);
	setpgid(programs[i], programs[i]);
	started++;
}

static void end_program(unsigned int i)
{
	kill(-programs[i], SIGKILL);
	killed++;
}

static pid_t good;
static int good_status = -1;

/* Of any of them, and their children's children. */
static void bury(bool all)
{
	pid_t child;
	int status;

	while ((child = waitpid(-1, &status, all ? 0 : WNOHANG)) > 0)
		if (child == good)
			good_status = status;
}

static void watch(unsigned int *random)
{
	unsigned int i = any(random, PROGRAMS);

	switch (any(random, 4)) {
	case 0:
		end_program(i);
		start_program(i);
		break;
	case 1:
		kill(-programs[i], SIGSTOP);
		stopped++;
		break;
	default:
		kill(-programs[i], SIGCONT);
	}
	bury(false);
}

/* What a program that behaves gets, however the others are. */
static __u64 behave(unsigned int *random)
{
	struct buffer source = make_buffer(SMALL_PAGES, any(random, PAGE), 2048, 1);
	struct buffer destination = make_buffer(MEMFD, any(random, PAGE), 2048, 1);
	__u64 since = milliseconds();
	int error;

	fill_buffer(&source, true);
	fill_buffer(&destination, false);
	error = copy_ranges(source.ranges, 1, destination.ranges, 1, NULL);
	if (error)
		fail("a good program's copy: %s", strerror(error));
	check_buffer(&source, "source");
	check_buffer(&destination, "destination");
	free_buffer(&source);
	free_buffer(&destination);
	return milliseconds() - since;
}

/* A program that wants a copy again and again. */
static void start_good(unsigned int random, __u64 end)
{
	__u64 took, longest = 0;
	unsigned int copies = 0;

	fflush(stdout);
	good = fork();
	if (good < 0)
		fail("fork: %m");
	if (good)
		return;
	for (; milliseconds() < end; copies++) {
		took = behave(&random);
		longest = took > longest ? took : longest;
	}
	printf("  %u copies by a program that behaves, the slowest in %llu ms\n", copies,
	       longest);
	exit(0);
}

/* A name with a line's end in it makes no line of the log. */
static void forge(void)
{
	unsigned char *from = map_memory(SMALL_PAGES, 16 * PAGE);
	char record[8192];
	bool told = false;
	ssize_t length;
	pid_t child;
	int log;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %m");
	prctl(PR_SET_NAME, "a\n<0>forged");
	child = start_copy(from, from + 8 * PAGE, 8 * PAGE, PAGE);
	expect("more than may be locked, by a program with a strange name", ENOMEM,
	       end_of(child));
	prctl(PR_SET_NAME, "demo");
	while ((length = read(log, record, sizeof(record) - 1)) > 0) {
		record[length] = 0;
		told |= !!strstr(record, "RLIMIT_MEMLOCK");
		if (strstr(record, "forged"))
			fail("it made a line of the log: %s", record);
	}
	if (!told)
		fail("the log does not tell of the limit");
	close(log);
	munmap(from, 16 * PAGE);
}

int main(int argc, char **argv)
{
	unsigned int random, i;
	__u64 live_before, end;

	if (argc > 1 && !strcmp(argv[1], "--inherit")) {
		usleep(500000);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned long)time(NULL);
	random = seed;
	printf("seed %u\n", seed);
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		if (chmod(nodes[i], 0666))
			fail("%s: %m", nodes[i]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	device = open_again();
	live_before = live_objects();
	forge();
	for (i = 0; i < PROGRAMS; i++)
		start_program(i);
	end = milliseconds() + MILLISECONDS;
	start_good(random, end);
	while (milliseconds() < end) {
		usleep(150000);
		watch(&random);
	}
	for (i = 0; i < PROGRAMS; i++)
		end_program(i);
	bury(true);
	printf("  %u programs, %u killed, %u times stopped\n", started, killed, stopped);
	if (good_status)
		fail("the program that behaves ends with %#x", good_status);
	behave(&random);
	/* What ends late. */
	sleep(1);
	printf("\nTaken, and given back\n");
	check_counters(live_before, 1);
	close(device);
	printf("\nhostile: all checks passed\n");
	return 0;
}
