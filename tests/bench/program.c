// SPDX-License-Identifier: GPL-2.0
/*
 * The bench's user: makes memory of every kind and size, has the module measure on
 * it, and measures what user space has of its own.
 *
 * usage: program [LARGEST-SIZE-IN-MIB]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "program.h"

static int bench;

void die(const char *what)
{
	printf("bench: FAIL %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The line that the host reads. */
static void tell(const char *name, const char *who, const struct memory *memory,
		 const struct bench_result *result)
{
	unsigned int i;

	printf("bench: result %s %s %s %zu units=%llu segments=%llu kept=%llu peak=%llu ",
	       name, who, kind_names[memory->kind], memory->length, result->units,
	       result->segments, result->kept, result->peak);
	printf("allocations=%llu leaked=%lld blocked=%llu run=", result->allocations,
	       result->leaked, result->blocked);
	for (i = 0; i < BENCH_COUNTS; i++)
		printf("%s%llu", i ? "," : "", result->run[i]);
	printf(" undo=");
	for (i = 0; i < BENCH_COUNTS; i++)
		printf("%s%llu", i ? "," : "", result->undo[i]);
	printf("\n");
}

static int step_run(void *data)
{
	return ioctl(bench, BENCH_STEP, BENCH_STEP_RUN);
}

static int step_undo(void *data)
{
	return ioctl(bench, BENCH_STEP, BENCH_STEP_UNDO);
}

static void watch(const struct bench_steps *steps, struct bench_result *result)
{
	struct bench_result watched;

	if (ioctl(bench, BENCH_WATCH))
		die("watch");
	if (steps->run(steps->data))
		die("watched run");
	ioctl(bench, BENCH_WATCH_KEPT);
	if (steps->undo(steps->data))
		die("watched undo");
	if (ioctl(bench, BENCH_WATCH_END, &watched))
		die("watch");
	result->kept = watched.kept;
	result->peak = watched.peak;
	result->allocations = watched.allocations;
	result->leaked = watched.leaked;
	result->blocked = watched.blocked;
}

static void by_steps(struct bench_result *result)
{
	struct bench_steps steps = { NULL, step_run, step_undo, NULL };

	if (ioctl(bench, BENCH_STEP, BENCH_SET_UP))
		die("set up");
	if (bench_measure(&steps, result))
		die("step");
	watch(&steps, result);
	if (ioctl(bench, BENCH_STEP, BENCH_TEAR_DOWN))
		die("tear down");
}

static void measure_module(const struct memory *memory)
{
	struct bench_case_request request;
	unsigned int index;

	for (index = 0; ; index++) {
		memset(&request, 0, sizeof(request));
		request.index = index;
		request.kind = memory->kind;
		request.address = (unsigned long)memory->address;
		request.length = memory->length;
		if (ioctl(bench, BENCH_RUN, &request)) {
			if (errno == ENOENT)
				return;
			if (errno == ENODATA)
				continue;
			if (errno != EXDEV) {
				printf("bench: FAIL %s %s %s %zu: %s\n", request.name, request.who,
				       kind_names[memory->kind], memory->length, strerror(errno));
				exit(1);
			}
			by_steps(&request.result);
		}
		tell(request.name, request.who, memory, &request.result);
	}
}

static void measure_peers(struct memory *memory)
{
	const struct peer *peer;

	for (peer = peers; peer->name; peer++) {
		struct bench_steps steps = { NULL, peer->run, peer->undo, memory };
		struct bench_result result = { .units = memory->length / 4096 };

		if (!(peer->kinds & 1 << memory->kind) || memory->length < peer->min ||
		    memory->length > peer->max)
			continue;
		peer->open();
		if (bench_measure(&steps, &result))
			die(peer->who);
		watch(&steps, &result);
		tell(peer->name, peer->who, memory, &result);
	}
}

/*
 * While memory comes and goes, freed pages are to merge: on the processor's own list of
 * them they would be given out in reverse.
 */
static void keep_free_pages(int keep)
{
	int fd = open("/proc/sys/vm/percpu_pagelist_high_fraction", O_WRONLY);
	const char *fraction = keep ? "0" : "100000";

	if (fd < 0 || write(fd, fraction, strlen(fraction)) < 0)
		die("percpu_pagelist_high_fraction");
	close(fd);
}

static void measure(enum bench_kind kind, size_t length)
{
	struct memory *memory;

	keep_free_pages(0);
	memory = memory_make(kind, length);
	keep_free_pages(1);
	printf("guest> %s memory, %zu KiB\n", kind_names[kind], length >> 10);
	measure_module(memory);
	measure_peers(memory);
	keep_free_pages(0);
	memory_free(memory);
}

/* Few pages have few runs, and at 1 GiB the kinds around it say enough. */
static int has_runs(size_t length)
{
	return length >= 1 << 20 && length < 1 << 30;
}

/* All that follows from it is nonsense if time does not count instructions. */
static void check_clock(void)
{
	__u64 least = ~0ULL;
	unsigned int tries;

	/* Something else may run in one of them. */
	for (tries = 0; tries < 5; tries++) {
		unsigned long rounds = 100000;
		__u64 start = bench_now(), took;

		asm volatile("1: dec %0; jnz 1b" : "+r" (rounds));
		took = bench_now() - start;
		if (took < least)
			least = took;
	}
	if (least < 200000 || least > 200100) {
		printf("bench: FAIL 200000 instructions took %llu ticks of the clock\n", least);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 4 << 10, 64 << 10, 1 << 20, 128 << 20, 1 << 30 };
	size_t most = argc > 1 ? strtoul(argv[1], NULL, 0) << 20 : 1 << 30;
	unsigned int i;
	int kind;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check_clock();
	bench = open("/dev/iomd_bench", O_RDWR);
	if (bench < 0)
		die("/dev/iomd_bench");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (kind = 0; kind < BENCH_REPEATED; kind++)
			if (sizes[i] <= most && (kind != BENCH_RUNS || has_runs(sizes[i])))
				measure(kind, sizes[i]);
	/* A thousand and a million segments. */
	measure(BENCH_REPEATED, 1000UL << 12);
	if (most >= 1 << 30)
		measure(BENCH_REPEATED, 1000000UL << 12);
	printf("bench: done\n");
	return 0;
}
