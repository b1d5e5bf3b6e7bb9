// SPDX-License-Identifier: GPL-2.0
/*
 * Copies buffers by a DMA engine, verifies each byte of them and around them, and asks
 * for what must be refused. Ends at the first thing that is not as it should be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iomd_dmacopy.h"

#define PAGE	4096UL
/* More than the driver copies in one step. */
#define SIZE	(600 * PAGE)
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static int device;

static void fail(const char *what)
{
	printf("FAILED: %s: %m\n", what);
	exit(1);
}

static int copy_from(const void *source, void *destination, size_t length, size_t done)
{
	struct iomd_dmacopy args = {
		.source = (uintptr_t)source,
		.destination = (uintptr_t)destination,
		.length = length,
		.done = done,
	};
	int error = ioctl(device, IOMD_DMACOPY, &args) ? errno : 0;

	if (args.done != (error ? done : length))
		fail("it does not know how far it came");
	return error;
}

static int copy(const void *source, void *destination, size_t length)
{
	return copy_from(source, destination, length, 0);
}

static void expect(const char *what, int expected, int got)
{
	printf("  %-50s %s\n", what, got ? strerrorname_np(got) : "success");
	if (got != expected)
		fail("that is not the answer");
}

/* Pages come in the order in which they are touched, every third first. */
static unsigned char *map(int fd)
{
	unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				     fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	size_t i, start;

	if (memory == MAP_FAILED)
		fail("mmap");
	for (start = 0; start < 3; start++)
		for (i = start * PAGE; i < SIZE; i += 3 * PAGE)
			memory[i] = 1;
	return memory;
}

static unsigned char data(size_t i)
{
	return (i * 2654435761u) >> 13;
}

static void move(unsigned char *from, unsigned char *to, size_t from_offset, size_t to_offset,
		 size_t length)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		from[i] = data(i);
	memset(to, 0xa5, SIZE);
	errno = copy(from + from_offset, to + to_offset, length);
	if (errno)
		fail("the copy");
	for (i = 0; i < SIZE; i++) {
		int inside = i >= to_offset && i - to_offset < length;

		errno = 0;
		if (from[i] != data(i))
			fail("the source has changed");
		if (to[i] != (inside ? data(i - to_offset + from_offset) : 0xa5))
			fail(inside ? "a byte is wrong" : "a byte outside has changed");
	}
	printf("  %7zu bytes, +%zu -> +%zu: every byte verified\n", length, from_offset,
	       to_offset);
}

int main(void)
{
	static const struct {
		size_t from, to, length;
	} cases[] = {
		{ 0, 0, 4 }, { 0, 0, PAGE }, { 4, 4092, PAGE }, { 2048, 8, 5 * PAGE + 12 },
		{ 0, 0, SIZE }, { 12, 4, SIZE - 16 },
	};
	unsigned char *private, *shared, *hole;
	size_t i;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	device = open("/dev/iomd-dmacopy", O_RDWR | O_CLOEXEC);
	if (device < 0)
		fail("/dev/iomd-dmacopy");
	fd = memfd_create("demo", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SIZE))
		fail("memfd");
	private = map(-1);
	shared = map(fd);
	printf("Private memory to shared memory, by DMA\n");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		move(private, shared, cases[i].from, cases[i].to, cases[i].length);
	printf("And back\n");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		move(shared, private, cases[i].from, cases[i].to, cases[i].length);

	printf("Answers to what cannot be\n");
	hole = map(-1);
	munmap(hole + PAGE, PAGE);
	expect("an address that the engine can't have", EINVAL, copy(private + 1, shared, PAGE));
	expect("a length that it can't have", EINVAL, copy(private, shared, 6));
	expect("no bytes", EINVAL, copy(private, shared, 0));
	expect("more done than there is", EINVAL, copy_from(private, shared, PAGE, PAGE + 4));
	expect("all of it done already", 0, copy_from(private, shared, PAGE, PAGE));
	expect("a hole in the source", EFAULT, copy(hole, shared, 3 * PAGE));
	expect("a hole in the destination", EFAULT, copy(private, hole, 3 * PAGE));
	for (i = 0; i < 64; i++)
		if (open("/dev/iomd-dmacopy", O_RDWR | O_CLOEXEC) < 0)
			fail("a file that is open takes a channel");
	expect("a copy while 65 files are open", 0, copy(private, shared, PAGE));
	expect("an unknown command", ENOTTY, ioctl(device, _IO('e', 0xef)) ? errno : 0);
	close(device);
	printf("demo: all checks passed\n");
	return 0;
}
