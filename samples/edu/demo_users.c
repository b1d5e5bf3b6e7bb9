// SPDX-License-Identifier: GPL-2.0
/*
 * What one user of the device can do to others: read what they moved, use the device up,
 * keep it while being stopped. None of it works.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define LENGTH	(16 * PAGE)

/* A copy of 64 KiB by a child, of which some bytes have arrived, if only in a copy. */
struct long_copy {
	struct buffer source, destination;
	pid_t child;
};

static size_t moved(const struct long_copy *copy)
{
	size_t i = 0;

	while (i < LENGTH && copy->destination.memory[i] == 0xa5)
		i++;
	return i;
}

static struct long_copy start(void)
{
	struct long_copy copy = {
		.source = make_buffer(SMALL_PAGES, 0, LENGTH, 1),
		.destination = make_buffer(MEMFD, 0, LENGTH, 1),
	};

	memset(copy.source.memory, 0xa5, LENGTH);
	copy.child = start_copy(copy.source.memory, copy.destination.memory, LENGTH,
				RLIM_INFINITY);
	usleep(700000);
	return copy;
}

static void end(struct long_copy *copy, const char *what)
{
	expect(what, 0, end_of(copy->child));
	if (moved(copy) != LENGTH)
		fail("%zu bytes of %lu have arrived", moved(copy), LENGTH);
	free_buffer(&copy->source);
	free_buffer(&copy->destination);
}

static void at_once(const char *what, __u64 since)
{
	__u64 took = milliseconds() - since;

	printf("  %-62s %llu ms\n", what, took);
	if (took > 1000)
		fail("that took too long");
}

/* Nothing moves while it stands still, and the device is everybody else's. */
static void stands_still(const struct long_copy *copy)
{
	unsigned char *memory = map_memory(SMALL_PAGES, 2 * PAGE);
	size_t before = moved(copy);
	__u64 since = milliseconds();

	memset(memory, 1, PAGE);
	if (copy_bytes(memory, memory + PAGE, 2048))
		fail("a copy by somebody else fails meanwhile");
	at_once("  somebody else's copy meanwhile", since);
	usleep(1000000);
	if (moved(copy) != before || before == LENGTH)
		fail("%zu bytes had been moved, %zu now", before, moved(copy));
	munmap(memory, 2 * PAGE);
}

static void stop_in_mid_transfer(void)
{
	struct long_copy copy = start();
	__u64 since = milliseconds();
	int status;

	kill(copy.child, SIGSTOP);
	if (waitpid(copy.child, &status, WUNTRACED) != copy.child || !WIFSTOPPED(status))
		fail("it does not stop");
	at_once("SIGSTOP", since);
	stands_still(&copy);
	kill(copy.child, SIGCONT);
	end(&copy, "... continued, it goes on to the end");
}

#define CGROUPS	"/tmp/cgroups"
#define CGROUP	CGROUPS "/demo"

static bool is_frozen(void)
{
	char text[256];
	FILE *file = fopen(CGROUP "/cgroup.events", "re");
	size_t length;

	if (!file)
		fail("no cgroup.events: %m");
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	return strstr(text, "frozen 1");
}

static void freeze_in_mid_transfer(void)
{
	struct long_copy copy;
	char pid[16];
	__u64 since;

	if ((mkdir(CGROUPS, 0700) && errno != EEXIST) ||
	    mount("none", CGROUPS, "cgroup2", 0, NULL) || mkdir(CGROUP, 0700))
		fail("no control groups: %m");
	copy = start();
	snprintf(pid, sizeof(pid), "%d", copy.child);
	write_file(CGROUP "/cgroup.procs", pid);
	since = milliseconds();
	write_file(CGROUP "/cgroup.freeze", "1");
	while (!is_frozen()) {
		if (milliseconds() - since > 10000)
			fail("it does not freeze");
		usleep(10000);
	}
	at_once("cgroup.freeze", since);
	stands_still(&copy);
	write_file(CGROUP "/cgroup.freeze", "0");
	end(&copy, "... thawed, it goes on to the end");
	rmdir(CGROUP);
	umount(CGROUPS);
}

static void nothing(int number)
{
	(void)number;
}

/* A signal every 150 ms, which is less than a step takes. */
static void copy_under_signals(int flags, struct iomd_edu_copy *copy)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = flags }, before;
	struct itimerval often = { { 0, 150000 }, { 0, 150000 } }, never = { 0 };
	unsigned int interrupted = 0;
	__u64 done = 0;

	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	while (ioctl(device, IOMD_EDU_COPY, copy)) {
		if (errno != EINTR || copy->done < done)
			fail("the copy ends with %m after %llu bytes", copy->done);
		done = copy->done;
		interrupted++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	printf("  signals that %-49s %u calls\n",
	       flags & SA_RESTART ? "restart it:" : "interrupt it:", interrupted + 1);
	if ((flags & SA_RESTART) ? interrupted : interrupted < 4)
		fail("that is not the number of calls it should take");
	if (copy->done != LENGTH || copy->transfers < 2 * LENGTH / 2048)
		fail("%llu bytes by %llu transfers", copy->done, copy->transfers);
}

static void be_interrupted(int flags)
{
	struct buffer source = make_buffer(SMALL_PAGES, 0, LENGTH, 1);
	struct buffer destination = make_buffer(MEMFD, 0, LENGTH, 1);
	struct iomd_edu_copy copy = {
		.size = sizeof(copy),
		.source = (uintptr_t)source.ranges,
		.source_count = 1,
		.destination = (uintptr_t)destination.ranges,
		.destination_count = 1,
	};

	fill_buffer(&source, true);
	fill_buffer(&destination, false);
	copy_under_signals(flags, &copy);
	check_buffer(&destination, "destination");
	free_buffer(&source);
	free_buffer(&destination);
}

void between_steps(void)
{
	stop_in_mid_transfer();
	freeze_in_mid_transfer();
	be_interrupted(0);
	be_interrupted(SA_RESTART);
}

/* All of @count bytes are @byte. */
static void all_are(const unsigned char *memory, size_t count, unsigned char byte,
		    const char *what)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (memory[i] != byte)
			fail("byte %zu of %s is %#x", i, what, memory[i]);
}

/* What one file had the device hold, another one must not be told. */
static void do_not_leak(void)
{
	struct buffer secret = make_buffer(SMALL_PAGES, 0, 2 * PAGE, 1);
	struct buffer shown = make_buffer(SMALL_PAGES, 0, PAGE, 1);
	int other = open_again();
	__u32 written = 0;

	memset(secret.memory, 0x5e, secret.size);
	memset(shown.memory, 0x3c, shown.size);
	if (copy_bytes(secret.memory, secret.memory + PAGE, 2048))
		fail("no copy");
	expect("another file shows memory", 0,
	       show_or_fill(other, IOMD_EDU_SHOW, &shown, NULL));
	expect("... and has it filled", 0, show_or_fill(other, IOMD_EDU_FILL, NULL, &written));
	if (written != 512)
		fail("%u bytes were filled", written);
	all_are(shown.memory, written, 0, "what another file sees");
	/* Of what it wrote itself it sees that much, and no more. */
	if (copy_bytes(secret.memory, secret.memory + PAGE, 2048))
		fail("no copy");
	memset(secret.memory, 0x77, 16);
	secret.ranges[0].length = 16;
	{
		struct iomd_edu_range to = { secret.ranges[0].address + PAGE, 16 };
		struct iomd_edu_copy copy = {
			.size = sizeof(copy),
			.source = (uintptr_t)secret.ranges,
			.source_count = 1,
			.destination = (uintptr_t)&to,
			.destination_count = 1,
		};

		if (ioctl(other, IOMD_EDU_COPY, &copy))
			fail("no copy by the other file: %m");
	}
	expect("... after 16 bytes of its own", 0,
	       show_or_fill(other, IOMD_EDU_FILL, NULL, &written));
	all_are(shown.memory, 16, 0x77, "what it wrote itself");
	all_are(shown.memory + 16, written - 16, 0, "what another file sees behind it");
	close(other);
	free_buffer(&secret);
	free_buffer(&shown);
}

/* Each file shows 1 MiB; returns the errno that ends that. */
static int show_much(unsigned int *files)
{
	struct buffer memory = make_buffer(SMALL_PAGES, 0, 256 * PAGE, 1);
	int fds[64], error = 0;

	for (*files = 0; !error && *files < ARRAY_SIZE(fds); (*files)++) {
		fds[*files] = open_again();
		error = show_or_fill(fds[*files], IOMD_EDU_SHOW, &memory, NULL);
	}
	if (!error)
		fail("%u files show memory", *files);
	while (--*files)
		close(fds[*files]);
	close(fds[0]);
	free_buffer(&memory);
	return error;
}

static void stay_in_quota(void)
{
	unsigned int files;

	expect("more memory shown than a user may", EDQUOT, show_much(&files));
	expect("... and once more, as it was given back", EDQUOT, show_much(&files));
}

static int describe_as_nobody(void)
{
	struct iomd_edu_range range = { (uintptr_t)&range, sizeof(range) };
	struct iomd_edu_describe describe = {
		.size = sizeof(describe),
		.range_count = 1,
		.ranges = (uintptr_t)&range,
	};
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork: %m");
	if (child)
		return end_of(child);
	if (setresuid(65534, 65534, 65534))
		_exit(255);
	_exit(ioctl(device, IOMD_EDU_DESCRIBE, &describe) ? errno : 0);
}

void among_users(void)
{
	do_not_leak();
	stay_in_quota();
	expect("how memory lies, for who could not look himself", EPERM, describe_as_nobody());
}
