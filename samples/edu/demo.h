/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the demo's files share: buffers of every kind and pictures of them.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "iomd_edu.h"

#define PAGE		4096UL
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define fail(format, ...)						\
	(printf("demo: failed: " format "\n", ##__VA_ARGS__), exit(1))

enum kind { SMALL_PAGES, THP, MEMFD, HUGETLB };

/* Ranges in memory of one kind; around them is memory that must not change. */
struct buffer {
	unsigned char *memory;
	size_t size;
	size_t length;
	__u32 count;
	struct iomd_edu_range ranges[IOMD_EDU_RANGES_MAX];
};

extern const char *const kind_names[];
/* An open /dev/iomd-eduN. */
extern int device;

unsigned char *map_memory(enum kind kind, size_t size);
void touch_pages(unsigned char *memory, size_t size);
struct buffer make_buffer(enum kind kind, size_t offset, size_t length, __u32 count);
void free_buffer(struct buffer *buffer);
void fill_buffer(struct buffer *buffer, bool data);
void check_buffer(struct buffer *buffer, const char *name);

int copy_ranges(const struct iomd_edu_range *source, __u32 source_count,
		const struct iomd_edu_range *destination, __u32 destination_count,
		__u64 *transfers);
int copy_bytes(const void *source, void *destination, __u64 length);
int show_or_fill(int fd, unsigned long command, const struct buffer *buffer, __u32 *length);
void expect(const char *what, int expected, int got);
pid_t start_copy(const void *source, void *destination, size_t length, rlim_t limit);
int end_of(pid_t child);
__u64 milliseconds(void);
void write_file(const char *path, const char *text);
/* /dev/iomd-eduN once more. */
int open_again(void);

__u64 live_objects(void);
/* All that was taken is given back but what @bound devices' driver holds of each. */
void check_counters(__u64 live_before, unsigned int bound);

/* What each user may do to the others, which is nothing. */
void among_users(void);
/* Signals and the freezer in mid-transfer. */
void between_steps(void);

__u32 look_at(const struct buffer *source, const struct buffer *destination);
void draw(size_t length);

#endif
