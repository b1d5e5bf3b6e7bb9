// SPDX-License-Identifier: GPL-2.0
/*
 * The machine sleeps and wakes while a device is shown memory, and more of it that nobody
 * uses, while a program waits for the end of a redirect, and in the midst of a copy: first
 * each step of it that the kernel can try by itself (pm_test), then in earnest, which the
 * host ends. All goes on as if nothing had been.
 *
 * Run as root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define LENGTH	(8 * PAGE)

/* A program that touches a page which waits, and ends well if it reads what is there. */
struct waiter {
	pid_t child;
	/* The child's own file, by which the wait ends. */
	int fd;
	/* The child writes a byte when it is about to touch the page, and after that. */
	int pipe[2];
};

static uint64_t read_word(uint64_t address)
{
	return *(volatile uint64_t *)(uintptr_t)address;
}

static void be_waiter(const struct waiter *waiter)
{
	int fd = open("/dev/iomd-waiter", O_RDWR | O_CLOEXEC);
	uint64_t words[2];

	/* Should the test end early, nobody else would end this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0 || read(fd, words, sizeof(words)) != sizeof(words))
		_exit(2);
	if (read_word(words[0]) != words[1] || write(fd, "1", 1) != 1)
		_exit(3);
	if (write(waiter->pipe[1], &fd, sizeof(fd)) != sizeof(fd))
		_exit(4);
	if (read_word(words[0]) != words[1])
		_exit(5);
	_exit(write(waiter->pipe[1], "", 1) == 1 ? 0 : 6);
}

static bool still_waits(const struct waiter *waiter)
{
	struct pollfd look = { .fd = waiter->pipe[0], .events = POLLIN };

	return !poll(&look, 1, 0);
}

static struct waiter start_waiter(void)
{
	struct waiter waiter;
	int fd, process;

	if (pipe(waiter.pipe))
		fail("pipe: %m");
	fflush(stdout);
	waiter.child = fork();
	if (waiter.child < 0)
		fail("fork: %m");
	if (!waiter.child)
		be_waiter(&waiter);
	if (read(waiter.pipe[0], &fd, sizeof(fd)) != sizeof(fd))
		fail("nobody waits");
	process = syscall(SYS_pidfd_open, waiter.child, 0);
	waiter.fd = syscall(SYS_pidfd_getfd, process, fd, 0);
	if (waiter.fd < 0)
		fail("the waiter's file: %m");
	close(process);
	usleep(500000);
	if (!still_waits(&waiter))
		fail("the waiter does not wait");
	return waiter;
}

static void end_waiter(struct waiter *waiter)
{
	if (write(waiter->fd, "0", 1) != 1)
		fail("the wait does not end: %m");
	expect("the program that waits, as the wait ends", 0, end_of(waiter->child));
	close(waiter->fd);
	close(waiter->pipe[0]);
	close(waiter->pipe[1]);
}

/* A file that shows memory to the device; @filled if that has been used. */
struct shown {
	int fd;
	struct buffer memory;
};

static struct shown show(void)
{
	struct shown shown = { open_again(), make_buffer(SMALL_PAGES, 0, 4 * PAGE, 1) };

	memset(shown.memory.memory, 0x3c, shown.memory.size);
	if (show_or_fill(shown.fd, IOMD_EDU_SHOW, &shown.memory, NULL))
		fail("memory is not shown: %m");
	return shown;
}

/* The first @written bytes are zeroes, the device's, and the rest nobody touched. */
static void check(const struct shown *shown, __u32 written)
{
	size_t i;

	for (i = 0; i < shown->memory.size; i++)
		if (shown->memory.memory[i] != (i < written ? 0 : 0x3c))
			fail("byte %zu of what is shown has become %#x", i,
			     shown->memory.memory[i]);
}

static void fill(struct shown *shown)
{
	__u32 written = 0;

	memset(shown->memory.memory, 0x3c, shown->memory.size);
	expect("  memory that the device saw all the while is filled", 0,
	       show_or_fill(shown->fd, IOMD_EDU_FILL, NULL, &written));
	if (!written)
		fail("nothing was filled");
	check(shown, written);
}

static void hide(struct shown *shown)
{
	close(shown->fd);
	free_buffer(&shown->memory);
}

static void fall_asleep(void)
{
	int error, fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fail("/sys/power/state: %m");
	error = write(fd, "mem", 3) == 3 ? 0 : errno;
	close(fd);
	expect("  asleep and awake", 0, error);
}

static void sleep_once(const char *level, struct shown *used, const struct shown *idle,
		       const struct waiter *waiter)
{
	struct buffer source = make_buffer(SMALL_PAGES, 0, LENGTH, 1);
	struct buffer destination = make_buffer(MEMFD, 0, LENGTH, 1);
	pid_t child;

	printf("%s\n", strcmp(level, "none") ? level : "in earnest");
	write_file("/sys/power/pm_test", level);
	fill_buffer(&source, true);
	fill_buffer(&destination, false);
	child = start_copy((void *)(uintptr_t)source.ranges[0].address,
			   (void *)(uintptr_t)destination.ranges[0].address, LENGTH,
			   RLIM_INFINITY);
	usleep(500000);
	fall_asleep();
	if (!still_waits(waiter))
		fail("the redirect does not wait any more");
	fill(used);
	check(idle, 0);
	expect("  a copy that was begun before", 0, end_of(child));
	check_buffer(&destination, "destination");
	free_buffer(&source);
	free_buffer(&destination);
}

int main(void)
{
	static const char *const levels[] = {
		"freezer", "devices", "platform", "processors", "core", "none",
	};
	struct shown used, idle;
	struct waiter waiter;
	__u64 live_before;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	device = open_again();
	live_before = live_objects();
	used = show();
	idle = show();
	fill(&used);
	waiter = start_waiter();
	write_file("/sys/power/mem_sleep", "deep");
	for (i = 0; i < ARRAY_SIZE(levels); i++)
		sleep_once(levels[i], &used, &idle, &waiter);
	end_waiter(&waiter);
	hide(&used);
	hide(&idle);
	printf("\nTaken, and given back\n");
	check_counters(live_before, 1);
	close(device);
	printf("\nsuspend: all checks passed\n");
	return 0;
}
