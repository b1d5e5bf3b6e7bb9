// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's buffers: anonymous memory in 4 KiB pages or a THP, memfd, hugetlb.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

#define HUGE		(512 * PAGE)
/* Between two ranges, so that they never touch. */
#define RANGE_GAP	(PAGE + 905)

const char *const kind_names[] = { "4 KiB pages", "THP", "memfd", "hugetlb" };

static unsigned char *map_or_fail(enum kind kind, size_t size, int flags, int fd)
{
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		fail("no %s: %m", kind_names[kind]);
	return memory;
}

static unsigned char *map_thp(size_t size)
{
	unsigned char *memory, *aligned;

	memory = map_or_fail(THP, size + HUGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	aligned = (unsigned char *)(((uintptr_t)memory + HUGE - 1) & -HUGE);
	if (aligned > memory)
		munmap(memory, aligned - memory);
	munmap(aligned + size, memory + HUGE - aligned);
	if (madvise(aligned, size, MADV_HUGEPAGE))
		fail("no THP: %m");
	return aligned;
}

static unsigned char *map_memfd(size_t size)
{
	unsigned char *memory;
	int fd;

	fd = memfd_create("demo", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, size))
		fail("no memfd: %m");
	memory = map_or_fail(MEMFD, size, MAP_SHARED, fd);
	close(fd);
	return memory;
}

unsigned char *map_memory(enum kind kind, size_t size)
{
	unsigned char *memory;

	switch (kind) {
	case THP:
		return map_thp(size);
	case MEMFD:
		return map_memfd(size);
	case HUGETLB:
		return map_or_fail(kind, size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	default:
		memory = map_or_fail(kind, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		madvise(memory, size, MADV_NOHUGEPAGE);
		return memory;
	}
}

/* In a shuffled order, so that neighbours in the buffer are none in memory. */
void touch_pages(unsigned char *memory, size_t size)
{
	size_t i, pages = size / PAGE, *order = malloc(pages * sizeof(*order));

	for (i = 0; i < pages; i++)
		order[i] = i;
	for (i = pages - 1; i; i--) {
		size_t other = (size_t)rand() % (i + 1), swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (i = 0; i < pages; i++)
		memory[order[i] * PAGE] = 1;
	free(order);
}

struct buffer make_buffer(enum kind kind, size_t offset, size_t length, __u32 count)
{
	struct buffer buffer = { .length = length, .count = count };
	size_t align = kind == THP || kind == HUGETLB ? HUGE : PAGE;
	size_t end = offset, left = length;
	__u32 i;

	for (i = 0; i < count; i++) {
		buffer.ranges[i].address = end;
		buffer.ranges[i].length = left / (count - i);
		left -= buffer.ranges[i].length;
		end += buffer.ranges[i].length + RANGE_GAP;
	}
	buffer.size = (end + align - 1) & -align;
	buffer.memory = map_memory(kind, buffer.size);
	for (i = 0; i < count; i++)
		buffer.ranges[i].address += (uintptr_t)buffer.memory;
	touch_pages(buffer.memory, buffer.size);
	return buffer;
}

void free_buffer(struct buffer *buffer)
{
	munmap(buffer->memory, buffer->size);
}

static unsigned char data_byte(size_t i)
{
	return (i * 2654435761u) >> 13;
}

static unsigned char canary_byte(size_t i)
{
	return ~(i * 40503u) >> 5;
}

/* The range that begins at or after @range and has bytes, or the memory's end. */
static void bounds(const struct buffer *buffer, __u32 range, size_t *start, size_t *end)
{
	*start = buffer->size;
	*end = buffer->size;
	if (range < buffer->count) {
		*start = buffer->ranges[range].address - (uintptr_t)buffer->memory;
		*end = *start + buffer->ranges[range].length;
	}
}

/* The canary all over, and data in the ranges if @data. */
void fill_buffer(struct buffer *buffer, bool data)
{
	size_t i, start, end, n = 0;
	__u32 range;

	for (i = 0; i < buffer->size; i++)
		buffer->memory[i] = canary_byte(i);
	for (range = 0; data && range < buffer->count; range++) {
		bounds(buffer, range, &start, &end);
		for (i = start; i < end; i++)
			buffer->memory[i] = data_byte(n++);
	}
}

/* That there is data in the ranges, and the canary all over but there. */
void check_buffer(struct buffer *buffer, const char *name)
{
	size_t i = 0, start, end, n = 0;
	__u32 range;

	for (range = 0; range <= buffer->count; range++) {
		bounds(buffer, range, &start, &end);
		for (; i < start; i++)
			if (buffer->memory[i] != canary_byte(i))
				fail("the byte at +%zu, outside the %s, has changed", i, name);
		for (; i < end; i++)
			if (buffer->memory[i] != data_byte(n++))
				fail("byte %zu of the %s is wrong", n - 1, name);
	}
}
