// SPDX-License-Identifier: GPL-2.0
/*
 * What the demo asks of the device, of processes and of the kernel's counters.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

int device = -1;

static const char *errno_name(int number)
{
	return number ? strerrorname_np(number) : "success";
}

int copy_ranges(const struct iomd_edu_range *source, __u32 source_count,
		const struct iomd_edu_range *destination, __u32 destination_count,
		__u64 *transfers)
{
	struct iomd_edu_copy copy = {
		.size = sizeof(copy),
		.source = (uintptr_t)source,
		.source_count = source_count,
		.destination = (uintptr_t)destination,
		.destination_count = destination_count,
	};

	if (ioctl(device, IOMD_EDU_COPY, &copy))
		return errno;
	if (transfers)
		*transfers = copy.transfers;
	return 0;
}

int copy_bytes(const void *source, void *destination, __u64 length)
{
	struct iomd_edu_range from = { (uintptr_t)source, length };
	struct iomd_edu_range to = { (uintptr_t)destination, length };

	return copy_ranges(&from, 1, &to, 1, NULL);
}

int open_again(void)
{
	glob_t nodes;
	int fd;

	if (glob("/dev/iomd-edu*", 0, NULL, &nodes))
		fail("no /dev/iomd-eduN: is the driver bound to a device?");
	fd = open(nodes.gl_pathv[0], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %m", nodes.gl_pathv[0]);
	globfree(&nodes);
	return fd;
}

void expect(const char *what, int expected, int got)
{
	if (got != expected)
		fail("%s: %s, expected %s", what, errno_name(got), errno_name(expected));
	printf("  %-62s %s\n", what, errno_name(got));
}

/* Exits with the errno of the copy, as a user who may not lock more than @limit. */
pid_t start_copy(const void *source, void *destination, size_t length, rlim_t limit)
{
	struct rlimit memlock = { limit, limit };
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork: %m");
	if (child)
		return child;
	if (limit != RLIM_INFINITY &&
	    (setrlimit(RLIMIT_MEMLOCK, &memlock) || setresuid(65534, 65534, 65534)))
		_exit(255);
	_exit(copy_bytes(source, destination, length));
}

int end_of(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		fail("waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

__u64 milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s: %m", path);
	close(fd);
}

int show_or_fill(int fd, unsigned long command, const struct buffer *buffer, __u32 *length)
{
	struct iomd_edu_show show = { .size = sizeof(show) };

	if (buffer) {
		show.ranges = (uintptr_t)buffer->ranges;
		show.range_count = buffer->count;
	}
	if (ioctl(fd, command, &show))
		return errno;
	if (length)
		*length = show.length;
	return 0;
}

/* Counters */

/* Lines are "NAME VALUE"; of "live CLASS VALUE" the sum, if @name is "live ". */
static __u64 read_counter(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[128], *last;
	bool found = false;
	__u64 sum = 0;

	if (!file)
		fail("%s: %m", path);
	while (fgets(line, sizeof(line), file)) {
		last = strrchr(line, ' ');
		if (!last || strncmp(line, name, strlen(name)))
			continue;
		sum += strtoull(last, NULL, 10);
		found = true;
	}
	fclose(file);
	if (!found)
		fail("%s has no %s", path, name);
	return sum;
}

#define COUNTERS	"/sys/kernel/debug/iomd/counters"
#define VMSTAT		"/proc/vmstat"

static const struct {
	const char *path, *taken, *given_back;
	/* The driver maps a device's registers for as long as it is bound. */
	bool held;
} pairs[] = {
	{ COUNTERS, "pages_pinned", "pages_unpinned", false },
	{ COUNTERS, "pages_charged", "pages_uncharged", false },
	{ COUNTERS, "dma_mapped", "dma_unmapped", false },
	{ COUNTERS, "mappings_made", "mappings_ended", true },
	{ VMSTAT, "nr_foll_pin_acquired", "nr_foll_pin_released", false },
};

__u64 live_objects(void)
{
	return read_counter(COUNTERS, "live ");
}

void check_counters(__u64 live_before, unsigned int bound)
{
	__u64 taken, given_back, live = live_objects();
	size_t i;

	write_file("/proc/sys/vm/stat_refresh", "1");
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		taken = read_counter(pairs[i].path, pairs[i].taken);
		given_back = read_counter(pairs[i].path, pairs[i].given_back);
		printf("  %-21s%7llu   %-21s%7llu%s\n", pairs[i].taken, taken,
		       pairs[i].given_back, given_back,
		       pairs[i].held ? "   the driver holds its registers" : "");
		if (!taken || taken != given_back + (pairs[i].held ? bound : 0))
			fail("%s and %s do not match", pairs[i].taken, pairs[i].given_back);
	}
	printf("  %-21s%7llu   %-21s%7llu   the driver's registers\n", "live objects, before",
	       live_before, "now", live);
	if (live != live_before)
		fail("objects are left");
}
