// SPDX-License-Identifier: GPL-2.0
/*
 * Moves buffers of every kind through the edu device by /dev/iomd-eduN, verifies each
 * byte and draws what iomd and the device made of them; then asks for what must be
 * refused, kills and unbinds in mid-transfer, and looks whether all was given back.
 *
 * Run as root. Ends at the first thing that is not as it should be. --bounced: the
 * machine is one on which memory may have to be copied for the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define HUGE		(512 * PAGE)
#define MIB		(256 * PAGE)

static bool bounced;

static void open_device(void)
{
	device = open_again();
}

struct place {
	enum kind kind;
	size_t offset;
	__u32 ranges;
};

static const struct {
	size_t length;
	struct place from, to;
} cases[] = {
	{ 1, { SMALL_PAGES, 4095, 1 }, { SMALL_PAGES, 1, 1 } },
	{ 3, { SMALL_PAGES, 4094, 1 }, { HUGETLB, 4095, 1 } },
	{ 16, { MEMFD, 77, 16 }, { THP, 4093, 1 } },
	{ 4095, { MEMFD, 1, 1 }, { SMALL_PAGES, 4095, 1 } },
	{ 4096, { SMALL_PAGES, 0, 1 }, { THP, 0, 1 } },
	{ 4096, { HUGETLB, 77, 1 }, { SMALL_PAGES, 2049, 1 } },
	{ 4097, { THP, 4095, 1 }, { MEMFD, 1, 1 } },
	{ 4097, { SMALL_PAGES, 3, 3 }, { SMALL_PAGES, 4090, 2 } },
	{ 65541, { SMALL_PAGES, 123, 1 }, { SMALL_PAGES, 4091, 1 } },
	{ 65541, { SMALL_PAGES, 123, 1 }, { HUGETLB, 4091, 1 } },
	{ 65541, { HUGETLB, HUGE - 32767, 1 }, { MEMFD, 7, 1 } },
	{ 65541, { THP, HUGE - 1001, 1 }, { SMALL_PAGES, 2047, 1 } },
	{ 65541, { MEMFD, 4095, 1 }, { THP, 1, 1 } },
	{ 65541, { SMALL_PAGES, 501, 5 }, { HUGETLB, HUGE - 20001, 3 } },
	{ MIB, { SMALL_PAGES, 123, 1 }, { HUGETLB, HUGE - 500001, 1 } },
	{ MIB, { THP, HUGE - 700003, 1 }, { MEMFD, 3333, 2 } },
};

static void move(size_t length, const struct place *from, const struct place *to)
{
	struct buffer source = make_buffer(from->kind, from->offset, length, from->ranges);
	struct buffer destination = make_buffer(to->kind, to->offset, length, to->ranges);
	__u64 transfers = 0, expected;
	int error;

	fill_buffer(&source, true);
	fill_buffer(&destination, false);
	expected = 2 * look_at(&source, &destination);

	error = copy_ranges(source.ranges, source.count, destination.ranges,
			    destination.count, &transfers);
	if (error)
		fail("copy of %zu bytes: %s", length, strerror(error));
	check_buffer(&source, "source");
	check_buffer(&destination, "destination");
	/* What is copied to where the device reaches looks different each time. */
	if (transfers != expected && !bounced)
		fail("%llu transfers, expected %llu", transfers, expected);
	printf("%zu byte%s, %s at +%zu -> %s at +%zu: every byte verified\n",
	       length, length == 1 ? "" : "s", kind_names[from->kind], from->offset,
	       kind_names[to->kind], to->offset);
	draw(length);
	free_buffer(&source);
	free_buffer(&destination);
}

/* Refusals */

static int raw_copy(const struct iomd_edu_copy *model, __u32 size, __u32 flags,
		    unsigned char tail)
{
	unsigned char bytes[sizeof(*model) + 8] = { 0 };
	struct iomd_edu_copy copy = *model;

	copy.size = size;
	copy.flags = flags;
	memcpy(bytes, &copy, sizeof(copy));
	bytes[sizeof(bytes) - 1] = tail;
	return ioctl(device, IOMD_EDU_COPY, bytes) ? errno : 0;
}

static void refuse_arguments(unsigned char *source, unsigned char *destination)
{
	struct iomd_edu_range range = { (uintptr_t)source, PAGE };
	struct iomd_edu_range shorter = { (uintptr_t)destination, PAGE - 1 };
	struct iomd_edu_range target = { (uintptr_t)destination, PAGE };
	struct iomd_edu_range total[2] = {
		{ (uintptr_t)source, 1ULL << 63 }, { (uintptr_t)source, 1ULL << 63 },
	};
	struct iomd_edu_copy copy = {
		.source = (uintptr_t)&range,
		.source_count = 1,
		.destination = (uintptr_t)&target,
		.destination_count = 1,
	};
	const __u32 size = sizeof(copy);

	expect("a length of 0", EINVAL, copy_bytes(source, destination, 0));
	expect("a length that wraps", EINVAL,
	       copy_bytes(source, destination, -(uintptr_t)source + 1));
	expect("two lengths whose sum wraps", EINVAL, copy_ranges(total, 2, &range, 1, NULL));
	expect("source and destination of different lengths", EINVAL,
	       copy_ranges(&range, 1, &shorter, 1, NULL));
	expect("no range at all", EINVAL, copy_ranges(&range, 0, &target, 1, NULL));
	expect("more ranges than there may be", EINVAL,
	       copy_ranges(&range, IOMD_EDU_RANGES_MAX + 1, &target, 1, NULL));
	expect("a flag that means nothing", EINVAL, raw_copy(&copy, size, 1, 0));
	expect("a structure that is too short", EINVAL, raw_copy(&copy, size - 1, 0, 0));
	expect("one that is absurdly long", E2BIG, raw_copy(&copy, ~0U, 0, 0));
	expect("a longer one, with a member that is unknown", E2BIG,
	       raw_copy(&copy, size + 8, 0, 1));
	expect("a longer one, with that member 0", 0, raw_copy(&copy, size + 8, 0, 0));
	expect("an unknown command", ENOTTY,
	       ioctl(device, _IO('e', 0xdf), &copy) ? errno : 0);
}

static void refuse_memory(unsigned char *source, unsigned char *destination)
{
	unsigned char *read_only = map_memory(SMALL_PAGES, 2 * PAGE);
	unsigned char *hole = map_memory(SMALL_PAGES, 3 * PAGE);
	void *kernel = (void *)0xffff888000000000;

	touch_pages(read_only, 2 * PAGE);
	memset(read_only, 0x5a, PAGE);
	mprotect(read_only, 2 * PAGE, PROT_READ);
	munmap(hole + PAGE, PAGE);

	expect("an address that is not mapped, as source", EFAULT,
	       copy_bytes(hole + PAGE, destination, PAGE));
	expect("... as destination", EFAULT, copy_bytes(source, hole + PAGE, PAGE));
	expect("a hole in the middle", EFAULT, copy_bytes(hole, destination, 3 * PAGE));
	expect("an address of the kernel, as source", EFAULT,
	       copy_bytes(kernel, destination, PAGE));
	expect("... as destination", EFAULT, copy_bytes(source, kernel, PAGE));
	expect("the address 0", EFAULT, copy_bytes(NULL, destination, PAGE));
	expect("a read-only mapping as destination", EFAULT,
	       copy_bytes(source, read_only, PAGE));
	expect("a read-only mapping as source", 0, copy_bytes(read_only, destination, PAGE));
	if (memcmp(read_only, destination, PAGE))
		fail("the copy of the read-only page is wrong");
	munmap(read_only, 2 * PAGE);
	munmap(hole, 3 * PAGE);
}

static void refuse_over_memlock(unsigned char *source, unsigned char *destination)
{
	const rlim_t limit = 8 * PAGE;

	expect("RLIMIT_MEMLOCK of 8 pages, 4 + 4 pinned", 0,
	       end_of(start_copy(source, destination, 4 * PAGE, limit)));
	expect("... 4 + 5 pinned: as long, but not on a page's start", ENOMEM,
	       end_of(start_copy(source, destination + 1, 4 * PAGE, limit)));
}

/* Interrupted */

/* A copy of 1 MiB, of which some bytes but not all have arrived, if only in a copy. */
static pid_t start_long_copy(struct buffer *source, struct buffer *destination)
{
	__u64 give_up = milliseconds() + 20000;
	pid_t child;

	*source = make_buffer(SMALL_PAGES, 0, MIB, 1);
	*destination = make_buffer(MEMFD, 0, MIB, 1);
	memset(source->memory, 0xa5, MIB);
	child = start_copy(source->memory, destination->memory, MIB, RLIM_INFINITY);
	if (bounced)
		usleep(1000000);
	while (!bounced && destination->memory[5 * PAGE] != 0xa5) {
		if (milliseconds() > give_up)
			fail("the copy does not get going");
		usleep(10000);
	}
	return child;
}

static void end_long_copy(struct buffer *source, struct buffer *destination,
			  const char *what, __u64 since)
{
	__u64 took = milliseconds() - since;
	size_t moved = 0;

	while (moved < MIB && destination->memory[moved] == 0xa5)
		moved++;
	printf("  %s after %zu of %lu bytes: over in %llu ms\n", what, moved, MIB, took);
	if (moved == MIB)
		fail("that was not in mid-transfer");
	if (took > 1000)
		fail("that took too long");
	free_buffer(source);
	free_buffer(destination);
}

static void kill_in_mid_transfer(void)
{
	struct buffer source, destination;
	pid_t child = start_long_copy(&source, &destination);
	__u64 start = milliseconds();

	kill(child, SIGKILL);
	if (end_of(child) != -SIGKILL)
		fail("the killed process did not die of it");
	end_long_copy(&source, &destination, "killed", start);
}

static char bus_address[16];

static void find_bus_address(void)
{
	glob_t bound;

	if (glob("/sys/bus/pci/drivers/iomd_edu/0000:*", 0, NULL, &bound))
		fail("no device is bound to iomd_edu");
	snprintf(bus_address, sizeof(bus_address), "%s", strrchr(bound.gl_pathv[0], '/') + 1);
	globfree(&bound);
}

static void unbind_device(void)
{
	write_file("/sys/bus/pci/drivers/iomd_edu/unbind", bus_address);
}

/* The file of before goes, and another comes. */
static void bind_device(void)
{
	close(device);
	write_file("/sys/bus/pci/drivers/iomd_edu/bind", bus_address);
	open_device();
}

static void unbind_in_mid_transfer(void)
{
	struct buffer source, destination;
	__u64 start;
	pid_t child;

	child = start_long_copy(&source, &destination);
	start = milliseconds();
	unbind_device();
	expect("a copy whose device is unbound meanwhile", ENODEV, end_of(child));
	end_long_copy(&source, &destination, "unbound", start);
	source = make_buffer(SMALL_PAGES, 0, 2 * PAGE, 1);
	expect("a copy by a file of before", ENODEV,
	       copy_bytes(source.memory, source.memory + PAGE, PAGE));
	bind_device();
	expect("a copy after binding again", 0,
	       copy_bytes(source.memory, source.memory + PAGE, PAGE));
	free_buffer(&source);
}

/* The first @written bytes are the device's, the rest nobody touched. */
static void check_shown(const struct buffer *shown, __u32 written)
{
	size_t i;

	for (i = 0; i < shown->size; i++)
		if (shown->memory[i] != (i < written ? 0xa5 : 0x3c))
			fail("byte %zu of what the device was shown is wrong", i);
}

static void unbind_while_shown(void)
{
	struct buffer data = make_buffer(SMALL_PAGES, 0, 2 * PAGE, 1);
	struct buffer shown = make_buffer(SMALL_PAGES, 0, 4 * PAGE, 1);
	__u32 written = 0;

	memset(data.memory, 0xa5, data.size);
	memset(shown.memory, 0x3c, shown.size);
	if (copy_bytes(data.memory, data.memory + PAGE, PAGE))
		fail("the device does not take its data");
	expect("a fill of memory that it is not shown", EAGAIN,
	       show_or_fill(device, IOMD_EDU_FILL, NULL, NULL));
	expect("memory shown to the device", 0, show_or_fill(device, IOMD_EDU_SHOW, &shown, NULL));
	expect("... twice", EBUSY, show_or_fill(device, IOMD_EDU_SHOW, &data, NULL));
	expect("... and filled by it", 0, show_or_fill(device, IOMD_EDU_FILL, NULL, &written));
	if (!written)
		fail("nothing was filled");
	check_shown(&shown, written);
	memset(shown.memory, 0x3c, shown.size);
	unbind_device();
	expect("... and filled, unbound since", ENODEV,
	       show_or_fill(device, IOMD_EDU_FILL, NULL, NULL));
	/* What the device wrote elsewhere is copied back when it goes, and at the end. */
	if (!bounced)
		check_shown(&shown, 0);
	bind_device();
	expect("a copy after binding again", 0,
	       copy_bytes(data.memory, data.memory + PAGE, PAGE));
	if (!bounced)
		check_shown(&shown, 0);
	free_buffer(&data);
	free_buffer(&shown);
}

int main(int argc, char **argv)
{
	unsigned char *source, *destination;
	__u64 live_before;
	size_t i;

	bounced = argc > 1 && !strcmp(argv[1], "--bounced");
	setvbuf(stdout, NULL, _IOLBF, 0);
	write_file("/proc/sys/vm/nr_hugepages", "8");
	open_device();
	live_before = live_objects();

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		move(cases[i].length, &cases[i].from, &cases[i].to);

	printf("Answers to what cannot be\n");
	source = map_memory(SMALL_PAGES, 8 * PAGE);
	destination = map_memory(SMALL_PAGES, 8 * PAGE);
	refuse_arguments(source, destination);
	refuse_memory(source, destination);
	refuse_over_memlock(source, destination);

	printf("\nIn mid-transfer\n");
	find_bus_address();
	kill_in_mid_transfer();
	unbind_in_mid_transfer();

	printf("\nBetween two steps\n");
	between_steps();

	printf("\nAmong users\n");
	among_users();

	printf("\nWhile the device is shown memory\n");
	unbind_while_shown();

	printf("\nTaken, and given back\n");
	check_counters(live_before, 1);
	close(device);
	write_file("/proc/sys/vm/nr_hugepages", "0");
	printf("\ndemo: all checks passed\n");
	return 0;
}
