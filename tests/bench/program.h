/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stddef.h>

#include "bench.h"

/* Memory to measure on. @fd: the memfd it is of, or -1. */
struct memory {
	enum bench_kind kind;
	void *address;
	size_t length;
	size_t mapped;
	int fd;
};

/* memory.c */
extern const char * const kind_names[BENCH_KINDS];
struct memory *memory_make(enum bench_kind kind, size_t length);
void memory_free(struct memory *memory);

/* peers.c: what a program can ask the kernel for without iomd */
struct peer {
	const char *name;
	const char *who;
	unsigned int kinds;
	size_t min;
	size_t max;
	/* Opens what is needed; not measured. */
	void (*open)(void);
	int (*run)(void *memory);
	int (*undo)(void *memory);
};

extern const struct peer peers[];

void die(const char *what);

#endif
