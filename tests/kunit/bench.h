/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory on both sides of an address limit, which is low_memory_bits(), described in
 * many ways, and a model of all of it: whatever a device or the CPU writes is written
 * to the model too.
 */
#ifndef BENCH_H
#define BENCH_H

#include "fake_device.h"
#include "fixtures.h"

#define BENCH_CHUNKS	4
/* Number of the first chunk that is above. */
#define BENCH_HIGH	BENCH_CHUNKS
#define BENCH_CHUNK_BYTES	(2 * (u64)PAGE_SIZE)
#define BENCH_RANGES	(4 * BENCH_CHUNKS)
/* What 16 bytes each, the least that a case asks for, make of all chunks. */
#define BENCH_SEGMENTS	(2 * BENCH_CHUNKS * BENCH_CHUNK_BYTES / 16)

enum bench_kind {
	/* Physical ranges. */
	BENCH_PHYSICAL,
	/* The same as kernel ranges, prepared. */
	BENCH_KERNEL,
	/* Each range a descriptor of its own. */
	BENCH_MULTI,
	/* All but the ends of something larger. */
	BENCH_SUB,
	BENCH_KINDS,
};

/**
 * struct bench - memory and what is done with it
 * @chunks: two adjacent pages each
 * @model: what each byte that is described should be
 * @list: of the command that is at work
 */
struct bench {
	struct kunit *test;
	struct page *chunks[2 * BENCH_CHUNKS];
	u8 *expected[2 * BENCH_CHUNKS];
	struct iomd_address_range ranges[BENCH_RANGES];
	u32 count;
	u64 length;
	struct image image;
	struct iomd *md;
	u8 *model;
	struct strict_list list, memory;
	u8 *scratch;
	u64 writes;
};

/* Shorter names for what cases do all the time. */
static inline int set_memory(struct iomd_dma_command *command, struct iomd *md, bool prepare)
{
	return iomd_dma_command_set_memory_descriptor(command, md, prepare);
}

static inline int sync_command(struct iomd_dma_command *command, u64 options)
{
	return iomd_dma_command_synchronize(command, options);
}

/* Before all else that a case has, which is skipped if nothing is on the other side. */
struct bench *bench_make(struct kunit *test);
void bench_end(struct bench *bench);
/* exit of suites that use benches. */
void bench_fixture_exit(struct kunit *test);

/* New contents, nothing described. */
void bench_clear(struct bench *bench);
/* One more range: of a chunk, which no other overlaps. */
void bench_add(struct bench *bench, unsigned int chunk, u64 offset, u64 length);
/* Ranges become a descriptor, which is ready for a command. */
void bench_describe(struct bench *bench, enum bench_kind kind, u64 direction);

/* Parts of what is described; the device's offsets start at @offset of it. */
void bench_device_writes(struct bench *bench, u64 offset, u64 at, u64 length);
void bench_cpu_writes(struct bench *bench, u64 at, u64 length);
void bench_cpu_reads(struct bench *bench, u64 at, void *bytes, u64 length);
void bench_expect_device_sees(struct bench *bench, u64 offset);
/* Is everything as it should be, and what is not described as it was? */
bool bench_expect_memory(struct bench *bench);

#endif
