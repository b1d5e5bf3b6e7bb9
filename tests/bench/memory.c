// SPDX-License-Identifier: GPL-2.0
/* Memory of every kind, all of it there before anything is measured. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "program.h"

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)
/* Of scattered pages that are mapped again and again. */
#define REPEATED	(64UL << 20)

const char * const kind_names[BENCH_KINDS] = {
	[BENCH_NATURAL] = "natural", [BENCH_RUNS] = "runs", [BENCH_SHUFFLED] = "shuffled",
	[BENCH_THP] = "thp", [BENCH_HUGETLB] = "hugetlb", [BENCH_MEMFD] = "memfd",
	[BENCH_REPEATED] = "repeated",
};

static void touch_in_order(volatile char *at, size_t length)
{
	size_t i;

	for (i = 0; i < length; i += PAGE)
		at[i] = 1;
}

/* The same order in every run: a generator of our own with a fixed seed. */
static void shuffle(uint32_t *order, size_t count)
{
	uint64_t state = 1;
	size_t i;

	for (i = count - 1; i > 0; i--) {
		size_t other;
		uint32_t item = order[i];

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		other = (state >> 33) % (i + 1);
		order[i] = order[other];
		order[other] = item;
	}
}

/* In an order in which no page comes after the one before it; a prime number goes to all. */
static void touch_scattered(volatile char *at, size_t length)
{
	size_t i, pages = length / PAGE;

	for (i = 0; i < pages; i++)
		at[i * 6151 % pages * PAGE] = 1;
}

static void *map(size_t length, int flags, int fd)
{
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (address == MAP_FAILED)
		die("mmap");
	return address;
}

static int make_file(size_t length)
{
	int fd = memfd_create("bench", MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, length))
		die("memfd_create");
	return fd;
}

/* Aligned to a huge page, in whatever was mapped around it. */
static void *map_aligned(struct memory *memory, int advice)
{
	size_t length, lead;
	char *start;

	memory->mapped = memory->length < HUGE_PAGE ? HUGE_PAGE : memory->length;
	length = memory->mapped + HUGE_PAGE;
	start = map(length, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	lead = -(uintptr_t)start & (HUGE_PAGE - 1);
	if (lead)
		munmap(start, lead);
	if (length - lead > memory->mapped)
		munmap(start + lead + memory->mapped, length - lead - memory->mapped);
	if (madvise(start + lead, memory->mapped, advice))
		die("madvise");
	return start + lead;
}

/*
 * Of small pages, of which each 512 lie behind each other: what was huge pages is
 * taken apart. Where the page allocator would have taken them from, and in how many
 * segments, depends on what was there before, and so does what they cost.
 */
static void take_apart(char *start, size_t length)
{
	FILE *split = fopen("/sys/kernel/debug/split_huge_pages", "w");

	touch_in_order(start, length);
	if (!split || fprintf(split, "%d,%p,%p", getpid(), start, start + length) < 0 ||
	    fclose(split))
		die("split_huge_pages");
	if (madvise(start, length, MADV_NOHUGEPAGE))
		die("madvise");
}

static char *map_in_order(struct memory *memory)
{
	char *start = map_aligned(memory, MADV_HUGEPAGE);

	take_apart(start, memory->mapped);
	return start;
}

static char *map_memfd(struct memory *memory)
{
	char *start = map_aligned(memory, MADV_NOHUGEPAGE);

	memory->fd = make_file(memory->mapped);
	if (mmap(start, memory->mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 memory->fd, 0) == MAP_FAILED)
		die("mmap");
	if (madvise(start, memory->mapped, MADV_HUGEPAGE))
		die("madvise");
	take_apart(start, memory->mapped);
	return start;
}

/*
 * 0.3 segments a page, as memory of a machine that has run for a while: what was
 * touched in order is cut into runs, and these are put together in random order.
 */
static void *map_runs(struct memory *memory)
{
	static const unsigned char lengths[] = { 1, 6, 2, 5, 3, 3 };
	size_t i, page, pages = memory->length / PAGE, count = 0, at = 0;
	char *from = map_in_order(memory);
	char *to = map_aligned(memory, MADV_NOHUGEPAGE);
	uint32_t *order = malloc(pages * sizeof(*order)), *starts = malloc(pages * sizeof(*starts));

	if (!order || !starts)
		die("malloc");
	for (page = 0; page < pages; page += lengths[count++ % sizeof(lengths)]) {
		starts[count] = page;
		order[count] = count;
	}
	shuffle(order, count);
	for (i = 0; i < count; i++) {
		size_t start = starts[order[i]], length = lengths[order[i] % sizeof(lengths)];

		if (length > pages - start)
			length = pages - start;
		if (mremap(from + start * PAGE, length * PAGE, length * PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to + at) == MAP_FAILED)
			die("mremap");
		at += length * PAGE;
	}
	if (memory->mapped > memory->length)
		munmap(from + memory->length, memory->mapped - memory->length);
	free(starts);
	free(order);
	return to;
}

static void *map_repeated(struct memory *memory)
{
	size_t at, once = memory->length < REPEATED ? memory->length : REPEATED;
	char *start = map(memory->length, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	memory->fd = make_file(once);
	for (at = 0; at < memory->length; at += once)
		if (mmap(start + at, once, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 memory->fd, 0) == MAP_FAILED)
			die("mmap");
	touch_scattered(start, once);
	touch_in_order(start, memory->length);
	return start;
}

struct memory *memory_make(enum bench_kind kind, size_t length)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		die("malloc");
	memory->kind = kind;
	memory->length = length;
	memory->mapped = length;
	memory->fd = -1;
	switch (kind) {
	case BENCH_RUNS:
		memory->address = map_runs(memory);
		return memory;
	case BENCH_NATURAL:
		memory->address = map_in_order(memory);
		return memory;
	case BENCH_SHUFFLED:
		memory->address = map_aligned(memory, MADV_NOHUGEPAGE);
		break;
	case BENCH_THP:
		memory->address = map_aligned(memory, MADV_HUGEPAGE);
		break;
	case BENCH_HUGETLB:
		memory->mapped = (length + HUGE_PAGE - 1) & -HUGE_PAGE;
		memory->address = map(memory->mapped,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
		break;
	case BENCH_MEMFD:
		memory->address = map_memfd(memory);
		return memory;
	case BENCH_REPEATED:
		memory->address = map_repeated(memory);
		return memory;
	default:
		die("kind");
	}
	if (kind == BENCH_SHUFFLED)
		touch_scattered(memory->address, length);
	else
		touch_in_order(memory->address, length);
	return memory;
}

void memory_free(struct memory *memory)
{
	munmap(memory->address, memory->mapped);
	if (memory->fd >= 0)
		close(memory->fd);
	free(memory);
}
