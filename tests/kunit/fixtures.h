/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share: the check that each case gave back what it took, memory
 * of every kind, and what its physical layout is by other means than ours.
 */
#ifndef FIXTURES_H
#define FIXTURES_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/math64.h>
#include <linux/types.h>

#include <iomd/iomd.h>

#include "puppet.h"

/* Older KUnits have no words for memory. */
#ifndef KUNIT_EXPECT_MEMEQ
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_EQ(test, memcmp(left, right, size), 0)
#endif

/*
 * Bits of physical addresses that are beyond all memory, and still have frame numbers;
 * lengths of as many don't fit in 32 bits, nor, where these have 64, do their pages.
 */
#define FAR_BITS	(BITS_PER_LONG == 64 ? 46 : 31 + PAGE_SHIFT)

/* @value % @by, for which machines of 32 bits have no instruction. */
static inline u64 rest_of(u64 value, u64 by)
{
	u64 rest;

	div64_u64_rem(value, by, &rest);
	return rest;
}

/* init and exit of every suite; the latter looks for leaks. */
int fixture_init(struct kunit *test);
void fixture_exit(struct kunit *test);
/* The check itself, for a case that wants it in between. */
void fixture_expect_nothing_taken(struct kunit *test);
void fixture_add_puppet(struct puppet *puppet);

/* To be said before a WARN_ONCE() is provoked whose report contains @text. */
void expect_warning_once(const char *text);
/* The same for a warning that comes every time. */
void expect_warning(const char *text);

/* Byte that belongs at @position in whatever is filled. */
static inline u8 pattern(u64 position)
{
	return (position * 0x9e3779b97f4a7c15ULL) >> 56;
}

void fill_pattern(void *buffer, u64 position, size_t length);
/* Index of the first byte that is wrong, @length if none is. */
size_t find_mismatch(const void *buffer, u64 position, size_t length);

/* A kernel thread that runs until it is told to stop. */
struct worker {
	struct task_struct *task;
	void (*round)(void *data);
	void *data;
	unsigned long rounds;
};

void worker_start(struct kunit *test, struct worker *worker, void (*round)(void *data),
		  void *data);
void worker_stop(struct worker *worker);
void race_for_a_while(void);

/* The fixtures' own. */
struct module *fixture_module(void);

/* Call @call in hard interrupt context, and wait for it. */
void call_in_hard_irq(struct kunit *test, void (*call)(void *data), void *data);
/* The same where a device's interrupt is handled: with PREEMPT_RT that is a thread. */
void call_in_irq_handler(struct kunit *test, void (*call)(void *data), void *data);

/*
 * Memory of a user process
 */

enum area_kind {
	/* 4 KiB pages, physically apart. */
	AREA_SCATTERED,
	/* Transparent huge pages. */
	AREA_HUGE,
	AREA_HUGETLB,
	/* Shared pages of a file that has no name. */
	AREA_MEMFD,
	AREA_KINDS,
};

extern const char * const area_names[AREA_KINDS];

/**
 * struct area - adjacent pages of a puppet
 * @puppet: whose
 * @address: of the first one
 * @pages: how many, each PAGE_SIZE
 * @frames: where they are; see area_look_up()
 */
struct area {
	struct puppet *puppet;
	u64 address;
	unsigned int pages;
	u64 *frames;
};

void area_make(struct area *area, struct puppet *puppet, enum area_kind kind,
	       unsigned int pages);
void area_fill(struct area *area);
void area_look_up(struct area *area);
unsigned int low_memory_bits(void);
struct page *alloc_low_pages(unsigned int order);
void needs_higher_memory(struct kunit *test);
/* Where no machine that runs the suites has RAM. */
#define NO_RAM	BIT_ULL(40)
/* Has this machine such memory? */
bool area_exists(enum area_kind kind);
/* AREA_HUGE, or what is there instead, for whom the one is as good as the other. */
enum area_kind huge_if_any(void);
unsigned int huge_area_pages(struct puppet *puppet, enum area_kind kind);
u64 area_bytes(const struct area *area);
struct iomd_address_range area_range(const struct area *area, u64 offset, u64 length);

/*
 * Who prepares the memory of a puppet
 */
enum who {
	/* The process itself. */
	WHO_SELF,
	/* A kernel thread that has adopted its address space. */
	WHO_ADOPTER,
	/* Any other task. */
	WHO_OTHER,
	WHO_COUNT,
};

extern const char * const who_names[WHO_COUNT];

/* The case's thread and a puppet; the first is the other one, or becomes its adopter. */
struct actor {
	struct puppet *puppet;
	enum who who;
};

void actor_enter(struct actor *actor, struct puppet *puppet, enum who who);
void actor_leave(struct actor *actor);
/* Have @call run as the actor. */
long actor_call(const struct actor *actor, long (*call)(void *data), void *data);
struct iomd *actor_describe(const struct actor *actor, struct iomd_address_range *ranges,
			    u32 count, u64 options);
int actor_prepare(const struct actor *actor, struct iomd *md, u64 direction);
int actor_complete(const struct actor *actor, struct iomd *md, u64 direction);

/*
 * What a descriptor must look like physically
 */

/**
 * struct image - physical pieces of described memory, in order
 * @count: of the pieces
 * @merged: how many would remain if adjacent ones were one
 * @length: bytes
 */
struct image {
	struct kunit *test;
	unsigned int count, room, merged;
	u64 length;
	struct iomd_address_range *pieces;
};

void image_init(struct image *image, struct kunit *test, unsigned int room);
void image_clear(struct image *image);
void image_add(struct image *image, phys_addr_t address, u64 length);
/* Add ranges of user memory whose pages were looked up. */
void image_add_area(struct image *image, const struct area *area,
		    const struct iomd_address_range *ranges, u32 count);
/* Add kernel memory of any kind. */
void image_add_kernel(struct image *image, const void *address, u64 length);
/* Physical address at @offset; how far it goes on from there in @length. */
phys_addr_t image_at(const struct image *image, u64 offset, u64 *length);

/* Compare all; false after the first difference, which has failed the case. */
bool image_check(const struct image *image, struct iomd *md);
bool image_check_walk(const struct image *image, struct iomd *md, u64 offset, u64 length,
		      unsigned int *segments);
bool image_check_query(const struct image *image, struct iomd *md, u64 offset);

/*
 * Kernel memory whose pages are, but for luck, not where their neighbours are.
 */
struct kernel_area {
	void *address;
	unsigned int count;
	struct page **pages;
};

void kernel_area_make(struct kernel_area *area, struct kunit *test, unsigned int pages);
void kernel_area_free(struct kernel_area *area);

/* A device that can reach all memory, and is not behind an IOMMU. */
struct device *fake_device(struct kunit *test);

#endif
