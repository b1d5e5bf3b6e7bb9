// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a device can't reach, or not as it lies: what takes its place, what
 * is in that and when, and that nothing but the transfer's bytes changes.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "../../src/debug/inject.h"
#include "bench.h"
#include "composites.h"
#include "maps.h"

#define ITERATE	IOMD_DMA_MAP_OPTION_ITERATE_ONLY
#define FORCE	IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER

/* The machine says where that ends. */
static struct iomd_dma_segment_options reach;
static const struct iomd_dma_segment_options aligned = { .alignment = 512 };

/* How a range comes to be copied, and with which class. */
struct setting {
	const char *name;
	const struct iomd_dma_segment_options *options;
	enum bench_kind kind;
	bool forced;
};

static const struct setting settings[] = {
	{ "not copied", NULL, BENCH_PHYSICAL, false },
	{ "out of reach", &reach, BENCH_PHYSICAL, false },
	{ "kernel memory out of reach", &reach, BENCH_KERNEL, false },
	{ "parts out of reach", &reach, BENCH_MULTI, false },
	{ "badly aligned", &aligned, BENCH_PHYSICAL, false },
	{ "badly aligned parts", &aligned, BENCH_MULTI, false },
	{ "forced", NULL, BENCH_PHYSICAL, true },
	{ "forced kernel memory", NULL, BENCH_KERNEL, true },
	{ "forced and out of reach", &reach, BENCH_PHYSICAL, true },
	{ "forced and badly aligned", &aligned, BENCH_SUB, true },
};

static const struct {
	const char *name;
	u64 bits;
} directions[] = {
	{ "in", IOMD_DIRECTION_IN }, { "out", IOMD_DIRECTION_OUT },
	{ "both", IOMD_DIRECTION_OUT_IN }, { "none", IOMD_DIRECTION_NONE },
};

/* Each of one with each of the other; its number is its place. */
struct variant {
	char unused;
};

static const struct variant variants[ARRAY_SIZE(settings) * ARRAY_SIZE(directions)];

static const struct setting *setting_of(const struct variant *variant)
{
	return &settings[(variant - variants) / ARRAY_SIZE(directions)];
}

static u64 direction_of(const struct variant *variant)
{
	return directions[(variant - variants) % ARRAY_SIZE(directions)].bits;
}

static void variant_desc(const struct variant *variant, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", setting_of(variant)->name,
		 directions[(variant - variants) % ARRAY_SIZE(directions)].name);
}

KUNIT_ARRAY_PARAM(variant, variants, variant_desc);

/* Low, high, both ends of pages, and pieces that follow each other. */
static void describe_all_sorts(struct bench *bench, enum bench_kind kind, u64 direction)
{
	bench_clear(bench);
	bench_add(bench, 0, 0, PAGE_SIZE);
	bench_add(bench, BENCH_HIGH, 100, PAGE_SIZE - 100);
	bench_add(bench, BENCH_HIGH, PAGE_SIZE, 52);
	bench_add(bench, 1, 33, 600);
	bench_add(bench, BENCH_HIGH + 1, PAGE_SIZE - 1, 2);
	bench_add(bench, 2, PAGE_SIZE, PAGE_SIZE);
	bench_describe(bench, kind, direction);
}

static struct iomd_dma_command *prepared(struct bench *bench,
					 const struct iomd_dma_segment_options *options,
					 u64 offset, u64 length, bool synchronize)
{
	struct iomd_dma_command *command;
	struct kunit *test = bench->test;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, options,
						      kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	KUNIT_ASSERT_EQ(test, set_memory(command, bench->md, false), 0);
	KUNIT_ASSERT_EQ(test, iomd_dma_command_prepare(command, offset, length, true,
						       synchronize), 0);
	return command;
}

static struct iomd_dma_command *prepared_as_set(struct bench *bench, u64 offset, u64 length)
{
	const struct setting *setting = setting_of(bench->test->param_value);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, setting->kind, direction_of(bench->test->param_value));
	command = prepared(bench, setting->options, offset, length, true);
	if (setting->forced)
		KUNIT_ASSERT_EQ(bench->test, sync_command(command, FORCE), 0);
	return command;
}

static void get_list(struct bench *bench, struct iomd_dma_command *command)
{
	static const struct iomd_dma_segment_options none;
	const struct setting *setting = setting_of(bench->test->param_value);
	struct strict_limits limits;

	limits = strict_limits_of(setting->options ?: &none, NULL);
	KUNIT_ASSERT_EQ(bench->test, strict_list_get(&bench->list, command, 0, 3), 0);
	strict_list_check(&bench->list, &limits, true);
}

static bool device_writes(u64 direction)
{
	return direction != IOMD_DIRECTION_OUT;
}

/*
 * The device reads all, and writes some; then the CPU sees that, and nothing else
 * has changed.
 */
static void one_transfer(struct kunit *test)
{
	const struct setting *setting = setting_of(test->param_value);
	u64 direction = direction_of(test->param_value);
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u64 offset = 70, length;

	describe_all_sorts(bench, setting->kind, direction);
	length = bench->length - 75;
	iomd_release(bench->md);
	bench->md = NULL;
	command = prepared_as_set(bench, offset, length);
	get_list(bench, command);
	KUNIT_EXPECT_EQ(test, bench->list.length, length);
	bench_expect_device_sees(bench, offset);
	if (device_writes(direction))
		bench_device_writes(bench, offset, 20, length - 51);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* While it is prepared, each side sees what the other has done, when it asks. */
static void synchronised(struct kunit *test)
{
	u64 direction = direction_of(test->param_value);
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	unsigned int round;

	command = prepared_as_set(bench, 0, 0);
	get_list(bench, command);
	for (round = 0; round < 3; round++) {
		if (device_writes(direction)) {
			bench_device_writes(bench, 0, round * 50, 6000);
			KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
			bench_expect_memory(bench);
		}
		bench_cpu_writes(bench, round * 7, 5000);
		KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT),
				0);
		bench_expect_device_sees(bench, 0);
		KUNIT_EXPECT_EQ(test, sync_command(command, 0), 0);
	}
	bench_device_writes(bench, 0, 0, device_writes(direction) ? 10 : 0);
	iomd_dma_command_release(command);
	os_object_barrier();
	bench_expect_memory(bench);
	bench_end(bench);
}

/* Nothing old is copied over what the side that has the memory wrote. */
static void for_the_side_that_has_it(struct kunit *test)
{
	u64 direction = direction_of(test->param_value);
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	command = prepared_as_set(bench, 0, 0);
	get_list(bench, command);
	if (!device_writes(direction)) {
		/* It loses nothing, and so is shown what is new at any time. */
		bench_cpu_writes(bench, 10, 5000);
		KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
		bench_expect_device_sees(bench, 0);
		goto end;
	}
	bench_device_writes(bench, 0, 50, 6000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_expect_memory(bench);
	bench_cpu_writes(bench, 100, 5000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_expect_memory(bench);
	/* It stays the CPU's through a move, as the second OUT shows. */
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), 0);
	bench_cpu_writes(bench, 200, 5000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	get_list(bench, command);
	bench_expect_device_sees(bench, 0);
	bench_device_writes(bench, 0, 70, 6000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 300, 5000);
end:
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* Nobody has had it yet: whoever is first is obeyed. */
static void not_synchronised_at_first(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	command = prepared(bench, &aligned, 0, 0, false);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);

	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, false), 0);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	bench_device_writes(bench, 0, 0, bench->length);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	os_object_barrier();
	bench_expect_memory(bench);
	bench_end(bench);
}

/* There is nothing to be brought back, and the CPU may have written meanwhile. */
static void for_what_the_device_only_reads(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT);
	command = prepared(bench, &reach, 0, 0, true);
	bench_cpu_writes(bench, 10, 5000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_expect_memory(bench);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* After a prepare that did not synchronize, the first OUT is obeyed, moved or not. */
static void a_move_before_the_first_out(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	command = prepared(bench, NULL, 0, 0, false);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), 0);
	bench_cpu_writes(bench, 10, 5000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	bench_expect_device_sees(bench, 0);
	iomd_dma_command_complete(command, true, false);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* Nor does that come over the memory. */
static void a_move_of_a_copy_that_holds_nothing(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	command = prepared(bench, &reach, 0, 0, false);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE | IOMD_DIRECTION_OUT), 0);
	bench_expect_memory(bench);
	iomd_dma_command_complete(command, true, false);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* What the CPU has is read and written as the memory that it is. */
static void bytes_of_what_the_cpu_has(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u8 bytes[100];

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	command = prepared(bench, &aligned, 30, 5000, true);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 35, 200);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 50, bytes, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, memcmp(bytes, bench->model + 80, 100), 0);
	memset(bytes, 0x5a, 100);
	memset(bench->model + 4030, 0x5a, 100);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_write_bytes(command, 4000, bytes, 100), 100ULL);
	bench_expect_memory(bench);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 30);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* A device's memory, for who sees physical addresses, is copied as such memory is. */
static void a_copy_of_a_devices_memory(struct kunit *test)
{
	const u64 length = 2 * (u64)PAGE_SIZE - 8;
	struct iomd_dma_command *command;
	phys_addr_t card = card_memory(test);
	struct strict_list list;
	struct iomd *md;
	u8 *bytes, *memory;

	memory = kunit_kzalloc(test, 2 * length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	bytes = memory + length;
	strict_list_init(&list, test, 10);
	md = made(test, iomd_with_physical_address(card + 4, length, IOMD_DIRECTION_OUT_IN));
	fill_pattern(bytes, 0, length);
	KUNIT_ASSERT_EQ(test, iomd_write_bytes(md, 0, bytes, length), length);
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, NULL,
						      kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	KUNIT_ASSERT_EQ(test, set_memory(command, md, true), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), 0);
	KUNIT_ASSERT_EQ(test, strict_list_get(&list, command, 0, 10), 0);
	strict_device_read(&list, 0, memory, length);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory, 0, length), (size_t)length);
	fill_pattern(bytes, 7, length);
	strict_device_write(&list, 0, bytes, length);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, memory, length), length);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory, 7, length), (size_t)length);
	iomd_dma_command_release(command);
	iomd_release(md);
	os_object_barrier();
}

/* All is as it was, and whose it was, whichever step fails. */
static void expect_moves_to_fail(struct bench *bench, struct iomd_dma_command *command,
				 bool is_cpus)
{
	struct kunit *test = bench->test;
	unsigned int nth;
	int ret = -ENOMEM;

	for (nth = 1; ret && nth < 100; nth++) {
		bench_device_writes(bench, 0, nth, 3000);
		if (is_cpus) {
			KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
			bench_cpu_writes(bench, nth + 50, 3000);
		}
		iomd_inject_arm(nth);
		ret = sync_command(command, FORCE);
		if (ret)
			KUNIT_EXPECT_EQ_MSG(test, ret, -ENOMEM, "step %u", nth);
		iomd_inject_disarm();
		if (is_cpus) {
			bench_cpu_writes(bench, nth + 100, 3000);
			KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
		}
		if (!ret)
			KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
		bench_expect_device_sees(bench, 0);
	}
	/* The view and the copy. */
	KUNIT_EXPECT_GE(test, nth, 4U);
	KUNIT_EXPECT_LT(test, nth, 100U);
}

static void a_move_that_fails(struct kunit *test)
{
	static const struct iomd_dma_segment_options *options[] = { NULL, &reach };
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(options); i++) {
		describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
		command = prepared(bench, options[i / 2], 0, 0, true);
		KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
		expect_moves_to_fail(bench, command, i % 2);
		bench_device_writes(bench, 0, 5, 2000);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
		bench_expect_memory(bench);
		iomd_dma_command_release(command);
	}
	bench_end(bench);
}

/* The transfer is of what was prepared, whatever a buffer is told to describe meanwhile. */
static void a_buffer_that_is_changed_meanwhile(struct kunit *test)
{
	const u64 length = 3 * (u64)PAGE_SIZE;
	struct iomd_dma_command *command;
	struct strict_list list;
	struct iomd *md;
	u8 *bytes, *memory;

	memory = kunit_kzalloc(test, 2 * length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	bytes = memory + length;
	strict_list_init(&list, test, 10);
	md = made(test, iomd_buffer_with_capacity(length, IOMD_DIRECTION_OUT_IN, false));
	fill_pattern(bytes, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, bytes, length), length);
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, NULL,
						      kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	KUNIT_ASSERT_EQ(test, set_memory(command, md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 100), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_direction(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), 0);
	KUNIT_EXPECT_EQ(test, strict_list_get(&list, command, 0, 10), 0);
	KUNIT_EXPECT_EQ(test, list.length, length);
	strict_device_read(&list, 0, memory, length);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory, 0, length), (size_t)length);
	fill_pattern(bytes, 5, length);
	strict_device_write(&list, 0, bytes, length);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, length), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, memory, length), length);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory, 5, length), (size_t)length);
	iomd_dma_command_release(command);
	iomd_release(md);
	os_object_barrier();
}

/* Through the same eyes as the device. */
static void read_and_written(struct kunit *test)
{
	const struct setting *setting = setting_of(test->param_value);
	u64 direction = direction_of(test->param_value);
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u8 *bytes;
	u64 length;

	command = prepared_as_set(bench, 30, 5000);
	get_list(bench, command);
	bytes = kunit_kzalloc(test, 5000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	length = iomd_dma_command_read_bytes(command, 10, bytes, 6000);
	KUNIT_EXPECT_EQ(test, length, 4990ULL);
	KUNIT_EXPECT_EQ(test, memcmp(bytes, bench->model + 40, 4990), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 4999, bytes, U64_MAX), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 5000, bytes, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 0, NULL, 1), 0ULL);
	if (direction == IOMD_DIRECTION_OUT && setting->kind == BENCH_KERNEL)
		goto end;
	memset(bytes, 0x5a, 100);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_write_bytes(command, 4000, bytes, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_write_bytes(command, 4900, NULL, 1000), 100ULL);
	strict_device_read(&bench->list, 4000, bytes + 1000, 1000);
	KUNIT_EXPECT_EQ(test, memcmp(bytes + 1000, bytes, 100), 0);
	KUNIT_EXPECT_EQ(test, memcmp(bytes + 1100, bench->model + 4130, 800), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes + 1900, 0, 100));
end:
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* Only what is too high is replaced, and by what is low enough. */
static void only_pages_out_of_reach_are_copied(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u64 at = 0, room, end = BIT_ULL(low_memory_bits());
	u32 i;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT);
	command = prepared(bench, &reach, 0, 0, true);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	for (i = 0; i < bench->list.count; i++) {
		const struct iomd_dma_segment64 *segment = &bench->list.segments[i];
		u64 address = image_at(&bench->image, at, &room);

		KUNIT_EXPECT_LE(test, segment->iovm_addr + segment->length, end);
		if (address < end)
			KUNIT_EXPECT_EQ(test, segment->iovm_addr, address);
		else
			KUNIT_EXPECT_EQ(test, offset_in_page(segment->iovm_addr),
					offset_in_page(address));
		at += segment->length;
	}
	KUNIT_EXPECT_EQ(test, at, bench->length);
	/* That is not a copy of all of it. */
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), bench->md);
	iomd_dma_command_release(command);
	bench_end(bench);
}

static void a_copy_of_all_of_it(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	struct iomd *copy;
	u8 byte, wanted = 0;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT);
	command = prepared(bench, &aligned, 100, 5000, true);
	copy = iomd_dma_command_get_io_memory_descriptor(command);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_memory_descriptor(command), bench->md);
	KUNIT_ASSERT_PTR_NE(test, copy, bench->md);
	KUNIT_EXPECT_EQ(test, iomd_get_length(copy), 5000ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(copy, 17, &byte, 1), 1ULL);
	bench_cpu_reads(bench, 117, &wanted, 1);
	KUNIT_EXPECT_EQ(test, byte, wanted);
	/* Forcing what is so anyway is nothing. */
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE | IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), copy);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), bench->md);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* Nobody sees what the memory of a copy held before. */
static void not_synchronised(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u8 *bytes;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	bytes = kunit_kzalloc(test, bench->length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	command = prepared(bench, &aligned, 0, 0, false);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	strict_device_read(&bench->list, 0, bytes, bench->length);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0, bench->length));
	memset(bytes, 0x77, bench->length);
	strict_device_write(&bench->list, 0, bytes, bench->length);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, false), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* What the device wrote for a transfer that only reads stays in the copy. */
static void a_copy_for_reading_is_not_copied_back(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	u8 byte = 0;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT);
	command = prepared(bench, &aligned, 0, 0, true);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	strict_device_write(&bench->list, 5, &byte, 1);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

/* The descriptor's direction says both, but it was prepared for reading. */
static void prepared_for_reading_only(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	struct iomd *md;
	u8 byte = 0;

	describe_all_sorts(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT_IN);
	md = bench->md;
	KUNIT_ASSERT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	command = prepared(bench, &aligned, 0, 0, true);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	strict_device_write(&bench->list, 5, &byte, 1);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	iomd_dma_command_release(command);
	bench_end(bench);
}

static void what_must_not_be_copied(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_IN);
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &reach,
						      ITERATE | kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), 0);
	KUNIT_EXPECT_EQ(test, strict_list_get(&bench->list, command, 0, 1), -EMSGSIZE);
	/* What can be reached was listed before. */
	KUNIT_EXPECT_EQ(test, bench->list.length, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), -EOPNOTSUPP);
	iomd_dma_command_release(command);
	bench_expect_memory(bench);
	bench_end(bench);
}

static void what_cannot_be_had(struct kunit *test)
{
	static const struct {
		struct iomd_dma_segment_options options;
		int error;
	} table[] = {
		/* There are no segments so short that start so far apart. */
		{ { .alignment = 64, .max_segment_size = 63 }, -EINVAL },
		{ { .alignment = 2, .alignment_length = 64, .max_segment_size = 60 }, -EINVAL },
		/* All memory there could be is a page that belongs to somebody else. */
		{ { .num_address_bits = PAGE_SHIFT }, -ENOMEM },
		/* One piece that is larger than any that the kernel has. */
		{ { .alignment = SZ_2G }, -E2BIG },
	};
	struct bench *bench = bench_make(test);
	unsigned int row;

	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_IN);
	for (row = 0; row < ARRAY_SIZE(table); row++) {
		struct iomd_dma_command *command;
		u64 length = round_down(bench->length, 64);

		command = iomd_dma_command_with_specification(iomd_dma_command_output_host64,
							      &table[row].options, kind_for(NULL),
							      NULL, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(command));
		KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, false), 0);
		KUNIT_EXPECT_EQ_MSG(test, iomd_dma_command_prepare(command, 0, length, true, true),
				    table[row].error, "row %u", row);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), -EAGAIN);
		iomd_dma_command_release(command);
	}
	bench_expect_memory(bench);
	bench_end(bench);
}

struct ending {
	struct bench *bench;
	struct iomd_dma_command *command;
	bool arrived;
};

/* What an interrupt of the device does that says that it is done. */
static void end_in_interrupt(void *data)
{
	struct ending *ending = data;
	struct bench *bench = ending->bench;

	iomd_dma_command_release(ending->command);
	bench_cpu_reads(bench, 0, bench->scratch, bench->length);
	ending->arrived = !memcmp(bench->scratch, bench->model, bench->length);
}

/* Whoever is told by the interrupt that the device is done finds what it wrote. */
static void ended_in_an_interrupt(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct ending ending = { .bench = bench };
	u64 direction = direction_of(test->param_value);

	ending.command = prepared_as_set(bench, 0, 0);
	get_list(bench, ending.command);
	if (device_writes(direction))
		bench_device_writes(bench, 0, 20, 6000);
	call_in_irq_handler(test, end_in_interrupt, &ending);
	KUNIT_EXPECT_TRUE(test, ending.arrived);
	/* The memory is free at once, and stays what its owner makes of it. */
	KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	bench_cpu_writes(bench, 0, bench->length);
	os_object_barrier();
	bench_expect_memory(bench);
	bench_end(bench);
}

/* A command that shows a copy of @md to somebody with a low reach; NULL, and why not. */
static struct iomd_dma_command *command_of(struct kunit *test, struct iomd *md, int *error)
{
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &reach,
						      kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	*error = set_memory(command, md, true);
	if (!*error)
		return command;
	iomd_dma_command_release(command);
	return NULL;
}

/*
 * However many are copied, others who need memory there still get some. Each copy is small,
 * so that it is the reserve that ends them, and not that no piece is large enough.
 */
static void others_find_low_memory(struct kunit *test)
{
	const unsigned int order = get_order(SZ_256K), wanted = SZ_2M / PAGE_SIZE;
	struct iomd_dma_command *commands[96];
	struct page *high, *page, *next;
	unsigned int count, got;
	LIST_HEAD(pages);
	struct iomd *md;
	int ret = 0;

	needs_higher_memory(test);
	high = alloc_pages(GFP_KERNEL, order);
	KUNIT_ASSERT_NOT_NULL(test, high);
	KUNIT_ASSERT_GE(test, page_to_phys(high), BIT_ULL(low_memory_bits()));
	md = made(test, iomd_with_physical_address(page_to_phys(high), SZ_256K,
						   IOMD_DIRECTION_OUT));
	for (count = 0; count < ARRAY_SIZE(commands); count++) {
		commands[count] = command_of(test, md, &ret);
		if (!commands[count])
			break;
	}
	for (got = 0; got < wanted; got++) {
		page = alloc_low_pages(0);
		if (!page)
			break;
		list_add(&page->lru, &pages);
	}
	kunit_info(test, "%u copies, then %d; %u pages for others", count, ret, got);
	KUNIT_EXPECT_GT(test, count, 0U);
	KUNIT_EXPECT_EQ(test, got, wanted);
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	while (count--)
		iomd_dma_command_release(commands[count]);
	iomd_release(md);
	os_object_barrier();
	__free_pages(high, order);
}

/*
 * A subclass whose copies are its own
 */

static struct iomd *offered;

static struct iomd *offer(struct iomd_dma_command *command, u64 direction, u64 length)
{
	return iomd_retain(offered);
}

static const struct iomd_dma_command_ops own_copy_ops = {
	.create_copy_buffer = offer,
};

static struct os_meta_class own_copy_meta_class = {
	.name = "own_copy",
	.size = sizeof(struct iomd_dma_command),
	.super = &iomd_dma_command_meta_class,
	.owner = THIS_MODULE,
};

static void a_subclass_makes_copies_its_own_way(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	struct iomd *good, *small;
	int ret;

	KUNIT_ASSERT_EQ(test, os_meta_class_register(&own_copy_meta_class), 0);
	describe_all_sorts(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	good = made(test, iomd_buffer_with_capacity(bench->length, IOMD_DIRECTION_OUT_IN, false));
	small = made(test, iomd_buffer_with_capacity(bench->length - 1, IOMD_DIRECTION_OUT_IN,
						     false));
	command = os_object_alloc(&own_copy_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, command);
	ret = iomd_dma_command_init_with_specification(command, &own_copy_ops,
						       iomd_dma_command_output_host64, &aligned,
						       kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, ret, 0);
	offered = small;
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), -EIO);
	offered = good;
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_io_memory_descriptor(command), good);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
	bench_expect_device_sees(bench, 0);
	bench_device_writes(bench, 0, 1, 5000);
	/* Its end completes it. */
	iomd_dma_command_release(command);
	os_object_barrier();
	bench_expect_memory(bench);
	iomd_release(good);
	iomd_release(small);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&own_copy_meta_class), 0);
	bench_end(bench);
}

/*
 * A class that breaks its word: it is asked for its memory several times, and once answers
 * otherwise. Of an answer each letter is a page, out of reach ("h") or not ("l").
 */
struct shifty {
	struct iomd md;
	struct bench *bench;
	const char *usual, *odd;
	/* How often it was asked from its beginning on, and when it answers oddly. */
	unsigned int asked, odd_at;
};

static int shifty_prepare(struct iomd *md, u64 direction)
{
	return 0;
}

static phys_addr_t shifty_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
					       u64 options)
{
	struct shifty *shifty = container_of(md, struct shifty, md);
	u64 page = offset >> PAGE_SHIFT;
	const char *answer;

	if (!offset)
		shifty->asked++;
	answer = shifty->asked == shifty->odd_at ? shifty->odd : shifty->usual;
	*length = page < strlen(answer) ? PAGE_SIZE - offset_in_page(offset) : 0;
	if (!*length)
		return 0;
	if (answer[page] == 'h')
		page += BENCH_HIGH;
	return page_to_phys(shifty->bench->chunks[page]) + offset_in_page(offset);
}

static const struct iomd_ops shifty_ops = {
	.prepare = shifty_prepare,
	.complete = shifty_prepare,
	.get_physical_segment = shifty_get_physical_segment,
};

static struct os_meta_class shifty_class = {
	.name = "test_shifty",
	.size = sizeof(struct shifty),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
};

static struct shifty *shifty_make(struct bench *bench, const char *usual, const char *odd,
				  unsigned int odd_at)
{
	struct shifty *shifty = os_object_alloc(&shifty_class);

	KUNIT_ASSERT_NOT_NULL(bench->test, shifty);
	iomd_init(&shifty->md, &shifty_ops, strlen(usual) * PAGE_SIZE, IOMD_DIRECTION_OUT_IN);
	shifty->bench = bench;
	shifty->usual = usual;
	shifty->odd = odd;
	shifty->odd_at = odd_at;
	return shifty;
}

/* A command for who has a short reach, with the memory, not prepared. */
static struct iomd_dma_command *shifty_command(struct shifty *shifty)
{
	struct kunit *test = shifty->bench->test;
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &reach,
						      kind_for(NULL), NULL, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	KUNIT_ASSERT_EQ(test, set_memory(command, &shifty->md, false), 0);
	return command;
}

static void shifty_end(struct shifty *shifty, struct iomd_dma_command *command)
{
	iomd_dma_command_release(command);
	os_object_barrier();
	KUNIT_EXPECT_EQ(shifty->bench->test, os_object_get_retain_count(&shifty->md.object), 1U);
	iomd_release(&shifty->md);
	os_object_barrier();
}

static int show_shifty(struct bench *bench, const char *usual, const char *odd,
		       unsigned int odd_at)
{
	struct shifty *shifty = shifty_make(bench, usual, odd, odd_at);
	struct iomd_dma_command *command = shifty_command(shifty);
	struct strict_limits limits = strict_limits_of(&reach, NULL);
	struct kunit *test = bench->test;
	int ret;

	ret = iomd_dma_command_prepare(command, 0, 0, false, false);
	if (!ret) {
		KUNIT_EXPECT_EQ(test, strict_list_get(&bench->list, command, 0, 100), 0);
		KUNIT_EXPECT_EQ(test, bench->list.length, iomd_get_length(&shifty->md));
		strict_list_check(&bench->list, &limits, true);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, false, false), 0);
	}
	shifty_end(shifty, command);
	return ret;
}

/* What room was made for is the most that is taken, whatever the memory says later. */
static void memory_that_changes_while_it_is_looked_at(struct kunit *test)
{
	static const struct {
		const char *usual, *odd;
		unsigned int refused;
	} table[] = {
		/* Less is refused whoever finds it: who looks, who counts, who copies. */
		{ "hlll", "h", 3 },
		/* Who counts finds fewer pages out of reach than who copies. */
		{ "hhll", "hlll", 1 },
		{ "hlll", "hhhh", 1 },
	};
	struct bench *bench = bench_make(test);
	unsigned int row, odd_at, refused;
	int ret;

	KUNIT_ASSERT_EQ(test, os_meta_class_register(&shifty_class), 0);
	for (row = 0; row < ARRAY_SIZE(table); row++) {
		refused = 0;
		for (odd_at = 1; odd_at < 8; odd_at++) {
			ret = show_shifty(bench, table[row].usual, table[row].odd, odd_at);
			KUNIT_EXPECT_TRUE_MSG(test, !ret || ret == -EAGAIN, "row %u, look %u: %d",
					      row, odd_at, ret);
			refused += !!ret;
		}
		KUNIT_EXPECT_EQ_MSG(test, refused, table[row].refused, "row %u", row);
	}
	bench_expect_memory(bench);
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&shifty_class), 0);
	bench_end(bench);
}

/* Each step that copies says so, and the next one finds all as it was. */
static void a_copy_that_comes_up_short(struct kunit *test)
{
	static const u64 options[] = {
		IOMD_DIRECTION_IN, FORCE, IOMD_DIRECTION_OUT, FORCE | IOMD_DIRECTION_IN,
	};
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	struct shifty *shifty;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, os_meta_class_register(&shifty_class), 0);
	shifty = shifty_make(bench, "hll", "", 0);
	command = shifty_command(shifty);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		KUNIT_ASSERT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true), 0);
		if (options[i] == IOMD_DIRECTION_OUT)
			KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
		shifty->odd_at = shifty->asked + 1;
		KUNIT_EXPECT_EQ_MSG(test, sync_command(command, options[i]), -EIO, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sync_command(command, options[i]), 0, "row %u", i);
		shifty->odd_at = shifty->asked + 1;
		KUNIT_EXPECT_EQ_MSG(test, iomd_dma_command_complete(command, true, true),
				    options[i] == IOMD_DIRECTION_IN ? 0 : -EIO, "row %u", i);
		shifty->odd_at = 0;
	}
	shifty_end(shifty, command);
	bench_expect_memory(bench);
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&shifty_class), 0);
	bench_end(bench);
}

static int suite_init(struct kunit_suite *suite)
{
	reach.num_address_bits = low_memory_bits();
	return 0;
}

static struct kunit_case dma_bounce_cases[] = {
	KUNIT_CASE_PARAM(one_transfer, variant_gen_params),
	KUNIT_CASE_PARAM(synchronised, variant_gen_params),
	KUNIT_CASE_PARAM(for_the_side_that_has_it, variant_gen_params),
	KUNIT_CASE(not_synchronised_at_first),
	KUNIT_CASE(for_what_the_device_only_reads),
	KUNIT_CASE(a_move_before_the_first_out),
	KUNIT_CASE(a_move_of_a_copy_that_holds_nothing),
	KUNIT_CASE(bytes_of_what_the_cpu_has),
	KUNIT_CASE(a_copy_of_a_devices_memory),
	KUNIT_CASE(a_move_that_fails),
	KUNIT_CASE(a_buffer_that_is_changed_meanwhile),
	KUNIT_CASE_PARAM(read_and_written, variant_gen_params),
	KUNIT_CASE_PARAM(ended_in_an_interrupt, variant_gen_params),
	KUNIT_CASE(others_find_low_memory),
	KUNIT_CASE(only_pages_out_of_reach_are_copied),
	KUNIT_CASE(a_copy_of_all_of_it),
	KUNIT_CASE(not_synchronised),
	KUNIT_CASE(a_copy_for_reading_is_not_copied_back),
	KUNIT_CASE(prepared_for_reading_only),
	KUNIT_CASE(what_must_not_be_copied),
	KUNIT_CASE(what_cannot_be_had),
	KUNIT_CASE(a_subclass_makes_copies_its_own_way),
	KUNIT_CASE(memory_that_changes_while_it_is_looked_at),
	KUNIT_CASE(a_copy_that_comes_up_short),
	{}
};

static struct kunit_suite dma_bounce_suite = {
	.name = "iomd_dma_bounce",
	.suite_init = suite_init,
	.init = fixture_init,
	.exit = bench_fixture_exit,
	.test_cases = dma_bounce_cases,
};

kunit_test_suite(dma_bounce_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's DMA commands: copies");
MODULE_LICENSE("GPL");
