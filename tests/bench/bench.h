/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bench's module and its program agree on, and how either measures.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Kinds of memory. */
enum bench_kind {
	BENCH_NATURAL,		/* anonymous, touched from the first page to the last */
	BENCH_RUNS,		/* anonymous, runs of 3.3 pages put together in random order */
	BENCH_SHUFFLED,		/* anonymous, no page behind the one before it */
	BENCH_THP,		/* anonymous, transparent huge pages */
	BENCH_HUGETLB,		/* anonymous, hugetlb pages of 2 MiB */
	BENCH_MEMFD,		/* a memfd's, touched in order */
	BENCH_REPEATED,		/* a memfd's scattered pages, again and again */
	BENCH_KINDS,
};

/* Counted runs of each case, after one to warm up. */
#define BENCH_COUNTS	3

/**
 * struct bench_result - what a case costs
 * @run: instructions of what is measured, in each count
 * @undo: and of what undoes it
 * @units: that either is to be divided by: pages, segments, queries
 * @segments: that the memory has
 * @kept: bytes allocated and held between run and undo
 * @peak: most bytes above @kept that were held meanwhile
 * @allocations: made by run and undo
 * @leaked: bytes not given back
 * @blocked: longest stretch without a timer's interrupt, in instructions
 */
struct bench_result {
	__u64 run[BENCH_COUNTS];
	__u64 undo[BENCH_COUNTS];
	__u64 units;
	__u64 segments;
	__u64 kept;
	__u64 peak;
	__u64 allocations;
	__s64 leaked;
	__u64 blocked;
};

/**
 * struct bench_case_request - one case of the module's table
 * @index: of it
 * @kind: of the memory
 * @address: of the memory
 * @length: bytes
 * @name: set: what is measured
 * @who: set: whose way of doing it
 * @result: set
 */
struct bench_case_request {
	__u32 index;
	__u32 kind;
	__u64 address;
	__u64 length;
	char name[16];
	char who[16];
	struct bench_result result;
};

enum bench_step { BENCH_SET_UP, BENCH_STEP_RUN, BENCH_STEP_UNDO, BENCH_TEAR_DOWN };

/*
 * Measure a case. ENOENT: no such index; ENODATA: not for this memory; EXDEV: to be
 * measured from outside, by its steps, because the way back to user space is part
 * of it.
 */
#define BENCH_RUN		_IOWR('i', 0x40, struct bench_case_request)
/* One step of the case that BENCH_RUN refused last with EXDEV. */
#define BENCH_STEP		_IO('i', 0x41)
/* Watch what the calling task allocates and how long interrupts are off ... */
#define BENCH_WATCH		_IO('i', 0x42)
/* ... up to here: what is held now is kept ... */
#define BENCH_WATCH_KEPT	_IO('i', 0x43)
/* ... up to here. */
#define BENCH_WATCH_END		_IOR('i', 0x44, struct bench_result)

/* Under -icount shift=0 the time stamp counter counts instructions. */
static inline __u64 bench_now(void)
{
	__u32 low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a" (low), "=d" (high) :: "memory");
	return (__u64)high << 32 | low;
}

/* So many instructions are measured at least in a count, if they are cheap ... */
#define BENCH_ENOUGH	4000000ULL
/* ... but no more often than this, so that a timer's tick is not in the median. */
#define BENCH_REPEATS	25

/* What takes longer is counted as it is: nothing else takes long enough to show. */
#define BENCH_LONG	50000000ULL

struct bench_steps {
	/* Before each run, not measured; may be NULL. */
	void (*settle)(void *data);
	int (*run)(void *data);
	int (*undo)(void *data);
	void *data;
};

static inline int bench_once(const struct bench_steps *steps, __u64 *run, __u64 *undo)
{
	__u64 start, between;
	int ret;

	if (steps->settle)
		steps->settle(steps->data);
	start = bench_now();
	ret = steps->run(steps->data);
	between = bench_now();
	if (ret)
		return ret;
	ret = steps->undo(steps->data);
	*undo = bench_now() - between;
	*run = between - start;
	return ret;
}

static inline __u64 bench_median(__u64 *values, unsigned int count)
{
	unsigned int i, j;

	for (i = 1; i < count; i++) {
		__u64 value = values[i];

		for (j = i; j && values[j - 1] > value; j--)
			values[j] = values[j - 1];
		values[j] = value;
	}
	return values[count / 2];
}

static inline int bench_nothing(void *data)
{
	return 0;
}

static inline int bench_count(const struct bench_steps *steps, unsigned int repeats,
			      __u64 *run, __u64 *undo)
{
	__u64 runs[BENCH_REPEATS], undos[BENCH_REPEATS];
	unsigned int i;
	int ret;

	for (i = 0; i < repeats; i++) {
		ret = bench_once(steps, &runs[i], &undos[i]);
		if (ret)
			return ret;
	}
	*run = bench_median(runs, repeats);
	*undo = bench_median(undos, repeats);
	return 0;
}

/* Run and undo, once to warm up and then counted, without the measuring itself. */
static inline int bench_measure(const struct bench_steps *steps, struct bench_result *result)
{
	struct bench_steps nothing = { NULL, bench_nothing, bench_nothing, NULL };
	__u64 run, undo, no_run = 0, no_undo = 0;
	unsigned int i, repeats = 1;
	int ret;

	bench_count(&nothing, BENCH_REPEATS, &no_run, &no_undo);
	ret = bench_once(steps, &run, &undo);
	if (ret)
		return ret;
	while (repeats < BENCH_REPEATS && repeats * (run + undo) < BENCH_ENOUGH)
		repeats += 2;
	/* One repeat that something else ran in must not be the median, either. */
	if (repeats == 1 && run + undo < BENCH_LONG)
		repeats = 3;
	for (i = 0; i < BENCH_COUNTS; i++) {
		ret = bench_count(steps, repeats, &run, &undo);
		if (ret)
			return ret;
		result->run[i] = run > no_run ? run - no_run : 0;
		result->undo[i] = undo > no_undo ? undo - no_undo : 0;
	}
	return 0;
}

#endif
