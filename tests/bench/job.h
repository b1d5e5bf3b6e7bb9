/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A case of the bench's module, and the job of measuring one.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "bench.h"

#define BENCH_IN(kind)	BIT(BENCH_##kind)
#define BENCH_ANY	(BIT(BENCH_REPEATED) - 1)

struct bench_case;
struct file;
struct iomd;
struct iomd_dma_map;
struct iomd_mapping;
struct page;
struct vm_area_struct;

/* What peers keep of pinned memory is as a driver would: @pages and @table. */
struct bench_job {
	const struct bench_case *what;
	struct file *file;
	u64 address;
	u64 length;
	unsigned long page_count;
	/* What a figure is divided by, if not by pages. */
	u64 units;

	struct page **pages;
	struct sg_table table;
	struct iomd *md;
	struct iomd *parts[64];
	struct iomd *whole;
	struct iomd_mapping *mapping;
	struct iomd_dma_map *dma;
	void *buffer;
	void *view;
	unsigned long user_address;
	u64 sum;
};

/**
 * struct bench_case - something to measure
 * @name: what is measured
 * @who: whose way of doing it
 * @kinds: of memory that it is for
 * @min: bytes of memory that it is for ...
 * @max: ... up to
 * @direction: one of IOMD_DIRECTION_
 * @by_call: the way back to user space is part of it
 * @set_up: before the first run; NULL: nothing
 * @settle: before each run; NULL: nothing
 * @run: measured
 * @undo: measured too; NULL: nothing to undo
 * @tear_down: after the last undo; NULL: nothing
 */
struct bench_case {
	const char *name;
	const char *who;
	u32 kinds;
	u64 min;
	u64 max;
	u64 direction;
	bool by_call;
	int (*set_up)(struct bench_job *job);
	void (*settle)(void);
	int (*run)(struct bench_job *job);
	int (*undo)(struct bench_job *job);
	void (*tear_down)(struct bench_job *job);
};

/* The rooms' cases, each ended by one without a name. */
extern const struct bench_case bench_pin_cases[];
extern const struct bench_case bench_query_cases[];
extern const struct bench_case bench_view_cases[];
extern const struct bench_case bench_device_cases[];

/* pin.c: ways to hold memory that other rooms start from */
bool bench_writes(const struct bench_job *job);
int bench_by_hand_take(struct bench_job *job);
int bench_by_hand_give(struct bench_job *job);
void bench_by_hand_done(struct bench_job *job);
int bench_iomd_create(struct bench_job *job);
int bench_iomd_take(struct bench_job *job);
void bench_iomd_done(struct bench_job *job);

/* view.c */
int bench_view_init(void);
void bench_view_exit(void);
int bench_view_mmap(struct file *file, struct vm_area_struct *vma);

/* device.c */
int bench_device_init(void);
void bench_device_exit(void);

/* watch.c */
int bench_watch_init(void);
void bench_watch_exit(void);
int bench_watch_begin(void);
void bench_watch_kept(void);
void bench_watch_end(struct bench_result *result);

#endif
