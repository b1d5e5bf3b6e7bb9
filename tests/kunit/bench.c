// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "bench.h"
#include "composites.h"

#define MOST_BYTES	(2 * BENCH_CHUNKS * BENCH_CHUNK_BYTES)
#define FILLER		0xa5

static void *get(struct kunit *test, size_t size)
{
	void *memory = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, memory);
	return memory;
}

struct bench *bench_make(struct kunit *test)
{
	struct bench *bench = get(test, sizeof(*bench));
	unsigned int i;

	needs_higher_memory(test);
	bench->test = test;
	for (i = 0; i < 2 * BENCH_CHUNKS; i++) {
		bool high = i >= BENCH_HIGH;

		bench->chunks[i] = high ? alloc_pages(GFP_KERNEL, 1) : alloc_low_pages(1);
		KUNIT_ASSERT_NOT_NULL(test, bench->chunks[i]);
		KUNIT_ASSERT_EQ(test, high, page_to_phys(bench->chunks[i]) >=
				BIT_ULL(low_memory_bits()));
		bench->expected[i] = get(test, BENCH_CHUNK_BYTES);
	}
	image_init(&bench->image, test, BENCH_RANGES);
	strict_list_init(&bench->list, test, BENCH_SEGMENTS);
	strict_list_init(&bench->memory, test, BENCH_RANGES);
	bench->model = get(test, MOST_BYTES);
	bench->scratch = get(test, MOST_BYTES);
	bench_clear(bench);
	return bench;
}
EXPORT_SYMBOL_GPL(bench_make);

static void undescribe(struct bench *bench)
{
	if (!bench->md)
		return;
	iomd_release(bench->md);
	os_object_barrier();
	bench->md = NULL;
}

void bench_end(struct bench *bench)
{
	unsigned int i;

	undescribe(bench);
	for (i = 0; i < 2 * BENCH_CHUNKS; i++)
		__free_pages(bench->chunks[i], 1);
}
EXPORT_SYMBOL_GPL(bench_end);

void bench_fixture_exit(struct kunit *test)
{
	struct os_meta_class *meta = os_meta_class_get_meta_class_with_name("iomd_bounce");

	fixture_exit(test);
	KUNIT_EXPECT_EQ(test, os_meta_class_get_instance_count(meta), 0U);
}
EXPORT_SYMBOL_GPL(bench_fixture_exit);

void bench_clear(struct bench *bench)
{
	unsigned int i;

	undescribe(bench);
	bench->count = 0;
	bench->length = 0;
	bench->memory.count = 0;
	bench->memory.length = 0;
	image_clear(&bench->image);
	for (i = 0; i < 2 * BENCH_CHUNKS; i++) {
		memset(page_address(bench->chunks[i]), FILLER, BENCH_CHUNK_BYTES);
		memset(bench->expected[i], FILLER, BENCH_CHUNK_BYTES);
	}
}
EXPORT_SYMBOL_GPL(bench_clear);

void bench_add(struct bench *bench, unsigned int chunk, u64 offset, u64 length)
{
	u64 address = page_to_phys(bench->chunks[chunk]) + offset;

	bench->ranges[bench->count].address = address;
	bench->ranges[bench->count++].length = length;
	bench->memory.segments[bench->memory.count].iovm_addr = address;
	bench->memory.segments[bench->memory.count++].length = length;
	bench->memory.length += length;
	image_add(&bench->image, address, length);
	bench->length += length;
}
EXPORT_SYMBOL_GPL(bench_add);

/* The model, as the memory should be, chunk by chunk. */
static void spread_model(struct bench *bench)
{
	const u8 *model = bench->model;
	unsigned int i, chunk;

	for (i = 0; i < bench->count; i++) {
		for (chunk = 0; chunk < 2 * BENCH_CHUNKS; chunk++) {
			u64 at = bench->ranges[i].address - page_to_phys(bench->chunks[chunk]);

			if (at < BENCH_CHUNK_BYTES)
				memcpy(bench->expected[chunk] + at, model, bench->ranges[i].length);
		}
		model += bench->ranges[i].length;
	}
}

/* Bytes that were nowhere before. */
static void make_bytes(struct bench *bench, u64 at, u64 length)
{
	fill_pattern(bench->model + at, bench->writes, length);
	bench->writes += length + 13;
}

void bench_cpu_writes(struct bench *bench, u64 at, u64 length)
{
	make_bytes(bench, at, length);
	strict_device_write(&bench->memory, at, bench->model + at, length);
}
EXPORT_SYMBOL_GPL(bench_cpu_writes);

void bench_cpu_reads(struct bench *bench, u64 at, void *bytes, u64 length)
{
	strict_device_read(&bench->memory, at, bytes, length);
}
EXPORT_SYMBOL_GPL(bench_cpu_reads);

void bench_device_writes(struct bench *bench, u64 offset, u64 at, u64 length)
{
	make_bytes(bench, offset + at, length);
	strict_device_write(&bench->list, at, bench->model + offset + at, length);
}
EXPORT_SYMBOL_GPL(bench_device_writes);

void bench_expect_device_sees(struct bench *bench, u64 offset)
{
	u64 length = bench->list.length;

	memset(bench->scratch, ~FILLER, length);
	strict_device_read(&bench->list, 0, bench->scratch, length);
	KUNIT_EXPECT_EQ(bench->test, memcmp(bench->scratch, bench->model + offset, length), 0);
}
EXPORT_SYMBOL_GPL(bench_expect_device_sees);

bool bench_expect_memory(struct bench *bench)
{
	unsigned int i;

	spread_model(bench);
	for (i = 0; i < 2 * BENCH_CHUNKS; i++)
		if (memcmp(page_address(bench->chunks[i]), bench->expected[i],
			   BENCH_CHUNK_BYTES)) {
			KUNIT_FAIL(bench->test, "chunk %u is not as it should be", i);
			return false;
		}
	return true;
}
EXPORT_SYMBOL_GPL(bench_expect_memory);

static struct iomd *describe_ranges(struct bench *bench, u64 direction)
{
	struct iomd_address_range ranges[BENCH_RANGES];
	u32 i;

	for (i = 0; i < bench->count; i++) {
		ranges[i] = bench->ranges[i];
		ranges[i].address = (unsigned long)phys_to_virt(ranges[i].address);
	}
	return made(bench->test, iomd_with_address_ranges(ranges, bench->count, direction,
							  IOMD_KERNEL_TASK));
}

static struct iomd *describe_parts(struct bench *bench, u64 direction)
{
	struct iomd *parts[BENCH_RANGES], *whole;
	u32 i;

	for (i = 0; i < bench->count; i++)
		parts[i] = made(bench->test,
				iomd_with_physical_address(bench->ranges[i].address,
							   bench->ranges[i].length, direction));
	whole = made(bench->test, iomd_multi_with_descriptors(parts, bench->count, direction,
							      false));
	for (i = 0; i < bench->count; i++)
		iomd_release(parts[i]);
	return whole;
}

/* The ends are memory that nobody has. */
static struct iomd *describe_middle(struct bench *bench, u64 direction)
{
	struct iomd_address_range ranges[BENCH_RANGES + 2];
	struct iomd *larger, *middle;

	ranges[0] = (struct iomd_address_range) { 0x1000, 77 };
	memcpy(ranges + 1, bench->ranges, bench->count * sizeof(ranges[0]));
	ranges[bench->count + 1] = (struct iomd_address_range) { 0x3000, 99 };
	larger = made(bench->test, iomd_with_address_ranges(ranges, bench->count + 2, direction,
							    IOMD_PHYSICAL_TASK));
	middle = made(bench->test, iomd_sub_with_sub_range(larger, 77, bench->length, direction));
	iomd_release(larger);
	return middle;
}

void bench_describe(struct bench *bench, enum bench_kind kind, u64 direction)
{
	switch (kind) {
	case BENCH_KERNEL:
		bench->md = describe_ranges(bench, direction);
		break;
	case BENCH_MULTI:
		bench->md = describe_parts(bench, direction);
		break;
	case BENCH_SUB:
		bench->md = describe_middle(bench, direction);
		break;
	default:
		bench->md = made(bench->test, iomd_with_address_ranges(bench->ranges, bench->count,
								       direction,
							       IOMD_PHYSICAL_TASK));
	}
	KUNIT_ASSERT_EQ(bench->test, iomd_prepare(bench->md, 0), 0);
	bench_cpu_writes(bench, 0, bench->length);
}
EXPORT_SYMBOL_GPL(bench_describe);
