// SPDX-License-Identifier: GPL-2.0
/*
 * Commands for devices: what the DMA API gives, checked; use of the memory; steps
 * that fail; and drivers that leave.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/sched.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "../../src/dma/device.h"
#include "bench.h"
#include "composites.h"

#define HOST64	iomd_dma_command_output_host64
#define ITERATE	IOMD_DMA_MAP_OPTION_ITERATE_ONLY
#define FORCE	IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER

static struct iomd_dma_command *command_for(struct kunit *test, struct device *dev,
					    const struct iomd_dma_segment_options *options)
{
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_specification(HOST64, options, kind_for(dev), dev,
						      NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	return command;
}

static void end_command(struct iomd_dma_command *command)
{
	iomd_dma_command_release(command);
	os_object_barrier();
}

static u64 mappings(void)
{
	return iomd_counter_read(IOMD_DMA_MAPPED) - iomd_counter_read(IOMD_DMA_UNMAPPED);
}

static void describe_some(struct bench *bench, enum bench_kind kind, u64 direction)
{
	bench_clear(bench);
	bench_add(bench, 0, 64, BENCH_CHUNK_BYTES - 64);
	bench_add(bench, BENCH_HIGH, 0, BENCH_CHUNK_BYTES);
	bench_add(bench, BENCH_HIGH + 1, PAGE_SIZE, PAGE_SIZE);
	bench_add(bench, 1, 128, PAGE_SIZE);
	bench_describe(bench, kind, direction);
}

/*
 * What it gets
 */

struct limits_row {
	struct iomd_dma_segment_options options;
	unsigned int bits, segment;
	u64 boundary;
};

static void one_row(struct bench *bench, struct device *dev, const struct limits_row *row, int i,
		    enum bench_kind kind, u64 direction)
{
	struct iomd_dma_segment_options options = row->options;
	struct strict_limits limits;
	struct iomd_dma_command *command;
	struct kunit *test = bench->test;

	driven_device_set_both(dev, row->bits, &options);
	dma_set_max_seg_size(dev, row->segment);
	dma_set_seg_boundary(dev, row->boundary);
	describe_some(bench, kind, direction);
	command = command_for(test, dev, &options);
	KUNIT_ASSERT_EQ_MSG(test, set_memory(command, bench->md, true), 0, "row %d", i);
	KUNIT_EXPECT_EQ(test, mappings(), 1ULL);
	KUNIT_ASSERT_EQ_MSG(test, strict_list_get(&bench->list, command, 0, 5), 0, "row %d", i);
	KUNIT_EXPECT_EQ(test, bench->list.length, bench->length);
	limits = strict_limits_of(&options, dev);
	KUNIT_EXPECT_TRUE_MSG(test, strict_list_check(&bench->list, &limits, true), "row %d", i);
	bench_expect_device_sees(bench, 0);
	if (direction != IOMD_DIRECTION_OUT)
		bench_device_writes(bench, 0, 3000, 9000);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	bench_expect_memory(bench);
	end_command(command);
}

static enum device_kind kind_of(const struct kunit *test)
{
	const struct device_case *param = test->param_value;

	return param->kind;
}

/* Limits of the device and of the specification, whichever is narrower. */
static void limits_of_both(struct kunit *test)
{
	static const u64 directions[] = {
		IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT_IN,
	};
	const unsigned int narrow = low_memory_bits();
	const struct limits_row rows[] = {
		{ { 0 }, 64, SZ_64K, U32_MAX },
		{ { 0 }, 64, 4096, U64_MAX },
		{ { 0 }, 64, SZ_64K, 4095 },
		{ { 0 }, 64, 1000, 2047 },
		{ { .max_segment_size = 1234 }, 64, SZ_64K, U64_MAX },
		{ { .max_segment_size = 3000 }, 64, 2000, 4095 },
		{ { .num_address_bits = narrow }, 64, SZ_64K, U32_MAX },
		{ { .num_address_bits = narrow }, narrow, SZ_64K, U32_MAX },
		{ { 0 }, narrow, SZ_64K, U32_MAX },
		{ { .num_address_bits = 32 }, narrow, 512, 1023 },
		{ { .alignment = 256 }, 64, SZ_64K, U64_MAX },
		{ { .alignment = 256, .num_address_bits = narrow }, 64, 1024, 4095 },
		{ { .alignment = 64 }, narrow, SZ_64K, U64_MAX },
	};
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	unsigned int i;

	driven_device_choose(kind_of(test));
	for (i = 0; i < ARRAY_SIZE(rows) * BENCH_KINDS; i++)
		one_row(bench, dev, &rows[i / BENCH_KINDS], i / BENCH_KINDS, i % BENCH_KINDS,
			directions[i % ARRAY_SIZE(directions)]);
	bench_end(bench);
	driven_device_remove(dev);
}

static void what_a_device_is_refused(struct kunit *test)
{
	const struct {
		u64 mapping;
		unsigned int bits;
		int specification, prepare;
	} table[] = {
		{ IOMD_DMA_MAP_OPTION_BYPASSED, 64, -EINVAL },
		{ IOMD_DMA_MAP_OPTION_UNMAPPED, 64, -EINVAL },
		{ 0, 0, -ENODEV },
		{ IOMD_DMA_MAP_OPTION_NON_COHERENT, 64, 0, 0 },
		{ ITERATE, 64, 0, 0 },
		/* Copying is the only way, and it is forbidden. */
		{ ITERATE, low_memory_bits(), 0, -ERANGE },
	};
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	unsigned int row;

	describe_some(bench, BENCH_PHYSICAL, IOMD_DIRECTION_IN);
	for (row = 0; row < ARRAY_SIZE(table); row++) {
		struct iomd_dma_command *command;

		*dev->dma_mask = table[row].bits ? DMA_BIT_MASK(table[row].bits) : 0;
		command = iomd_dma_command_with_specification(HOST64, NULL, table[row].mapping, dev,
							      NULL);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(command), table[row].specification,
				    "row %u", row);
		if (IS_ERR(command))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, set_memory(command, bench->md, true),
				    table[row].prepare, "row %u", row);
		end_command(command);
	}
	bench_end(bench);
	driven_device_remove(dev);
}

static void memory_no_device_is_shown(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_command *command = command_for(test, dev, NULL);
	struct iomd_address_range far = { BIT_ULL(50), 0x2000 };
	struct iomd *md;

	md = iomd_device_memory_with_range(NO_RAM, 0x1000);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, set_memory(command, md, true), -EOPNOTSUPP);
	iomd_release(md);
	md = made(test, iomd_with_options(&far, 1, 0, NULL, IOMD_DIRECTION_IN |
					  IOMD_MEMORY_TYPE_PHYSICAL | IOMD_MEMORY_REMOTE, NULL));
	KUNIT_EXPECT_EQ(test, set_memory(command, md, true), -ENXIO);
	end_command(command);
	/* For who is no device, they are addresses like any others. */
	command = command_for(test, NULL, NULL);
	KUNIT_EXPECT_EQ(test, set_memory(command, md, true), 0);
	end_command(command);
	iomd_release(md);
	driven_device_remove(dev);
}

/* Behind an IOMMU scattered memory is one run, of addresses that are not physical. */
static void behind_an_iommu(struct kunit *test)
{
	const struct iomd_dma_segment_options narrow = { .num_address_bits = 28,
							 .max_segment_size = 4096 };
	const struct iomd_dma_segment_options too_narrow = { .num_address_bits = 16 };
	struct pci_dev *edu = pci_get_device(0x1234, 0x11e8, NULL);
	struct bench *bench = bench_make(test);
	struct iomd_dma_command *command;
	struct strict_limits limits;
	u64 mask;

	if (!edu || !dma_get_merge_boundary(&edu->dev)) {
		pci_dev_put(edu);
		bench_end(bench);
		kunit_skip(test, "no edu device behind an IOMMU");
	}
	mask = dma_get_mask(&edu->dev);
	dma_set_mask_and_coherent(&edu->dev, DMA_BIT_MASK(28));
	describe_some(bench, BENCH_PHYSICAL, IOMD_DIRECTION_OUT_IN);
	command = command_for(test, &edu->dev, &narrow);
	KUNIT_ASSERT_EQ(test, set_memory(command, bench->md, true), 0);
	KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 5), 0);
	limits = strict_limits_of(&narrow, &edu->dev);
	strict_list_check(&bench->list, &limits, true);
	KUNIT_EXPECT_EQ(test, bench->list.length, bench->length);
	end_command(command);
	/* No copy makes its addresses narrower than the device's mask asks for. */
	command = command_for(test, &edu->dev, &too_narrow);
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), -EMSGSIZE);
	end_command(command);
	dma_set_mask_and_coherent(&edu->dev, mask);
	pci_dev_put(edu);
	bench_end(bench);
}

/*
 * Use of the memory
 */

static void memory_stays_prepared(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	struct device *table[] = { dev, NULL };
	struct iomd_dma_command *command;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_IN);
		command = command_for(test, table[i], NULL);
		KUNIT_ASSERT_EQ(test, set_memory(command, bench->md, true), 0);
		expect_warning_once("iomd: complete while the memory is mapped");
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), -EBUSY);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true),
				-EAGAIN);
		KUNIT_EXPECT_EQ(test, iomd_prepare(bench->md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true), 0);
		end_command(command);
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	}
	bench_end(bench);
	driven_device_remove(dev);
}

static void counted(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_command *command = command_for(test, dev, NULL);
	struct iomd *other = made(test, iomd_with_physical_address(0x10000, 0x1000,
								   IOMD_DIRECTION_IN));
	int i;

	describe_some(bench, BENCH_MULTI, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_EQ(test, set_memory(command, bench->md, false), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 64, 8192, true, true), 0);
	KUNIT_EXPECT_EQ(test, mappings(), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 64, 8191, true, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 65, 8192, true, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, set_memory(command, other, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_memory(command, NULL, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_clear_memory_descriptor(command, false), -EAGAIN);
	/* The same again is nothing; the same without preparing ends them all. */
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_EQ(test, mappings(), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 64, 8192, true, true), 0);
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, false), 0);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), -EAGAIN);
	/* Not prepared, it takes what it is given. */
	KUNIT_EXPECT_EQ(test, set_memory(command, other, false), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_dma_command_get_memory_descriptor(command), other);
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_clear_memory_descriptor(command, true), 0);
	KUNIT_EXPECT_NULL(test, iomd_dma_command_get_memory_descriptor(command));
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	end_command(command);
	iomd_release(other);
	bench_end(bench);
	driven_device_remove(dev);
}

/* A class from outside, which counts its users itself. */
static void a_class_from_outside(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 3, IOMD_DIRECTION_IN);
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_command *command = command_for(test, dev, NULL);

	KUNIT_EXPECT_EQ(test, set_memory(command, &fake->md, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, fake->users, 0U);
	KUNIT_ASSERT_EQ(test, iomd_prepare(&fake->md, 0), 0);
	KUNIT_EXPECT_EQ(test, set_memory(command, &fake->md, true), 0);
	KUNIT_EXPECT_GE(test, fake->users, 1U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_clear_memory_descriptor(command, true), 0);
	KUNIT_EXPECT_EQ(test, fake->users, 0U);
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	end_command(command);
	iomd_release(&fake->md);
	driven_device_remove(dev);
}

struct in_irq {
	struct iomd_dma_command *command;
	struct iomd_dma_segment64 output[4];
	u64 offset;
	u32 count;
	int ret;
};

static void generate_in_irq(void *data)
{
	struct in_irq *in_irq = data;

	in_irq->count = 4;
	in_irq->ret = iomd_dma_command_gen_iovm_segments(in_irq->command, &in_irq->offset,
							 in_irq->output, &in_irq->count);
}

static void in_hard_irq(struct kunit *test)
{
	const struct iomd_dma_segment_options table[] = {
		{ .max_segment_size = 2000 }, { .alignment = 512 },
		{ .num_address_bits = low_memory_bits() },
	};
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	unsigned int i;

	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_IN);
	for (i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		struct in_irq in_irq = {
			.command = command_for(test, i % 2 ? dev : NULL, &table[i / 2]),
		};

		KUNIT_ASSERT_EQ(test, set_memory(in_irq.command, bench->md, true), 0);
		call_in_hard_irq(test, generate_in_irq, &in_irq);
		KUNIT_EXPECT_EQ(test, in_irq.ret, 0);
		KUNIT_EXPECT_GT(test, in_irq.offset, 0ULL);
		end_command(in_irq.command);
	}
	bench_end(bench);
	driven_device_remove(dev);
}

/*
 * Steps that fail
 */

struct attempt {
	struct bench *bench;
	struct device *dev;
	const struct iomd_dma_segment_options *options;
	bool force;
};

static int attempt(struct attempt *attempt)
{
	struct iomd_dma_command *command;
	struct kunit *test = attempt->bench->test;
	int ret;

	command = iomd_dma_command_with_specification(HOST64, attempt->options,
						      kind_for(attempt->dev), attempt->dev, NULL);
	if (IS_ERR(command))
		return PTR_ERR(command);
	ret = set_memory(command, attempt->bench->md, true);
	KUNIT_EXPECT_EQ(test, !iomd_dma_command_get_memory_descriptor(command), !!ret);
	if (!ret && attempt->force) {
		ret = sync_command(command, FORCE);
		/* A move that fails changes nothing. */
		KUNIT_EXPECT_EQ(test, strict_list_get(&attempt->bench->list, command, 0, 9), 0);
		bench_expect_device_sees(attempt->bench, 0);
		bench_device_writes(attempt->bench, 0, 10, 10000);
	}
	end_command(command);
	bench_expect_memory(attempt->bench);
	return ret;
}

static unsigned int live(const char *name)
{
	return os_meta_class_get_instance_count(os_meta_class_get_meta_class_with_name(name));
}

static void each_step_fails(struct attempt *one)
{
	unsigned int buffers = live("iomd_buffer"), nth, references;
	struct kunit *test = one->bench->test;
	unsigned int failures = 0;
	bool failed;
	int ret;

	references = os_object_get_retain_count(&one->bench->md->object);
	for (nth = 1; nth < 100; nth++) {
		iomd_inject_arm(nth);
		ret = attempt(one);
		failed = iomd_inject_disarm();
		os_object_barrier();
		/* Who looks for pages goes on looking elsewhere. */
		KUNIT_EXPECT_TRUE_MSG(test, !ret || (failed && ret == -ENOMEM), "step %u: %d", nth,
				      ret);
		failures += !!ret;
		KUNIT_EXPECT_EQ_MSG(test, mappings(), 0ULL, "step %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, live("iomd_buffer"), buffers, "step %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, live("iomd_bounce"), 0U, "step %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, live("iomd_dma_command"), 0U, "step %u", nth);
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&one->bench->md->object),
				references);
		if (!failed)
			break;
	}
	/* The command and its view at least. */
	KUNIT_EXPECT_GE(test, failures, 2U);
	KUNIT_EXPECT_LT(test, nth, 100U);
}

static void steps_that_fail(struct kunit *test)
{
	const struct iomd_dma_segment_options table[] = {
		{ 0 }, { .alignment = 512 }, { .num_address_bits = low_memory_bits() },
	};
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	unsigned int i;

	driven_device_choose(kind_of(test));
	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT_IN);
	for (i = 0; i < 4 * ARRAY_SIZE(table); i++) {
		struct iomd_dma_segment_options options = table[i / 4];
		struct attempt one = {
			.bench = bench,
			.dev = i & 1 ? dev : NULL,
			.options = &options,
			.force = i & 2,
		};

		if (one.dev)
			driven_device_set_both(dev, 64, &options);
		each_step_fails(&one);
	}
	/* Its end is a prepare less, and nothing uses the memory. */
	KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	bench_end(bench);
	driven_device_remove(dev);
}

/* The DMA API's own pages go by another mask, without which it has none, and warns. */
static void no_mask_for_pages(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_command *command;

	driven_device_choose(DEVICE_SEES_MEMORY_ELSEWHERE);
	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT_IN);
	driven_device_set_bits(dev, low_memory_bits());
	command = iomd_dma_command_with_specification(HOST64, NULL, 0, dev, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	dev->coherent_dma_mask = 0;
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), -ENOMEM);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	dev->coherent_dma_mask = *dev->dma_mask;
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), 0);
	end_command(command);
	bench_end(bench);
	driven_device_remove(dev);
}

/*
 * Drivers that leave
 */

struct leaving {
	struct kunit *test;
	struct iomd_dma_command *command;
	u64 mapped;
	unsigned int removed;
};

/* In remove(), the driver still has what it had. */
static void is_leaving(void *data)
{
	struct leaving *leaving = data;

	leaving->removed++;
	leaving->mapped = mappings();
	KUNIT_EXPECT_EQ(leaving->test,
			iomd_dma_command_synchronize(leaving->command, IOMD_DIRECTION_IN), 0);
}

static void expect_gone(struct kunit *test, struct iomd_dma_command *command)
{
	u64 offset = 0, output[2] = {};
	u32 count = 1;

	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_gen_iovm_segments(command, &offset, output, &count),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_command(command, FORCE), -ENODEV);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true), -ENODEV);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 0, output, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true), -ENODEV);
}

static void a_driver_leaves(struct kunit *test)
{
	const struct iomd_dma_segment_options table[] = {
		{ 0 }, { .alignment = 512 }, { .num_address_bits = low_memory_bits() },
	};
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	struct leaving leaving = { .test = test };
	struct iomd_dma_command *clone;
	struct iomd_dma_map *map;
	unsigned int i;

	driven_device_choose(kind_of(test));
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct iomd_dma_segment_options options = table[i];

		describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT_IN);
		driven_device_set_both(dev, 64, &options);
		leaving.command = command_for(test, dev, &options);
		KUNIT_ASSERT_EQ(test, set_memory(leaving.command, bench->md, true), 0);
		KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, leaving.command, 0, 9), 0);
		bench_device_writes(bench, 0, 77, 7777);
		/* OUT: the DMA API's debugging allows one writer of a cache line. */
		map = iomd_dma_map(bench->md, dev, 0, 5000, IOMD_DIRECTION_OUT);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
		driven_device_unbind(dev, is_leaving, &leaving);
		KUNIT_EXPECT_EQ(test, leaving.removed, i + 1);
		KUNIT_EXPECT_EQ(test, leaving.mapped, 2ULL);
		expect_gone(test, leaving.command);
		/* What the device wrote before it went is there. */
		bench_expect_memory(bench);
		iomd_dma_sync_for_cpu(map);
		iomd_dma_sync_for_device(map);
		/* The memory is in use until the one who mapped it says so. */
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), -EBUSY);
		iomd_dma_unmap(map);
		clone = iomd_dma_command_clone_command(leaving.command, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
		KUNIT_EXPECT_EQ(test, set_memory(clone, bench->md, true), -ENODEV);
		map = iomd_dma_map(bench->md, dev, 0, 5000, 0);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(map), -ENODEV);
		/* Whoever comes next has nothing to do with it. */
		KUNIT_EXPECT_EQ(test, driven_device_bind(dev), 1);
		driven_device_set_bits(dev, 64);
		KUNIT_EXPECT_EQ(test, set_memory(clone, bench->md, true), -ENODEV);
		map = iomd_dma_map(bench->md, dev, 0, 5000, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(map));
		iomd_dma_unmap(map);
		end_command(clone);
		end_command(leaving.command);
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	}
	bench_end(bench);
	driven_device_remove(dev);
}

struct race {
	struct bench *bench;
	struct device *dev;
	unsigned long prepared, refused, odd;
};

static void use_device(void *data)
{
	static const struct iomd_dma_segment_options options = { .alignment = 512 };
	struct race *race = data;
	struct iomd_dma_command *command;
	u64 offset = 0, output[16];
	struct iomd_dma_map *map;
	u32 count = 8;
	int ret;

	/* OUT, for the command writes the same cache lines. */
	map = iomd_dma_map(race->bench->md, race->dev, 0, 5000, IOMD_DIRECTION_OUT);
	command = iomd_dma_command_with_specification(HOST64, race->prepared & 1 ? &options : NULL,
						      0, race->dev, NULL);
	ret = PTR_ERR_OR_ZERO(command);
	if (!ret) {
		ret = set_memory(command, race->bench->md, true);
		if (!ret) {
			race->prepared++;
			sync_command(command, IOMD_DIRECTION_IN);
			ret = iomd_dma_command_gen_iovm_segments(command, &offset, output, &count);
			sync_command(command, IOMD_DIRECTION_OUT);
			race->odd += !!iomd_dma_command_complete(command, true, true);
		}
		iomd_dma_command_release(command);
	}
	if (!IS_ERR(map)) {
		iomd_dma_sync_for_cpu(map);
		iomd_dma_unmap(map);
	}
	race->refused += ret == -ENODEV;
	race->odd += ret && ret != -ENODEV;
}

static void a_driver_leaves_at_any_time(struct kunit *test)
{
	struct race race = { .bench = bench_make(test), .dev = driven_device(test, 64) };
	struct worker worker;
	unsigned int i;

	describe_some(race.bench, BENCH_KERNEL, IOMD_DIRECTION_OUT_IN);
	worker_start(test, &worker, use_device, &race);
	for (i = 0; i < 100; i++) {
		fsleep(i * 30);
		driven_device_unbind(race.dev, NULL, NULL);
		fsleep(i % 7 * 100);
		KUNIT_EXPECT_EQ_MSG(test, driven_device_bind(race.dev), 1, "round %u", i);
	}
	worker_stop(&worker);
	kunit_info(test, "%lu prepared, %lu refused", race.prepared, race.refused);
	KUNIT_EXPECT_GT(test, race.prepared, 0UL);
	KUNIT_EXPECT_EQ(test, race.odd, 0UL);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	bench_expect_memory(race.bench);
	KUNIT_EXPECT_EQ(test, iomd_complete(race.bench->md, 0), 0);
	bench_end(race.bench);
	driven_device_remove(race.dev);
}

struct leaving_driver {
	struct device *dev;
	bool begun;
	struct completion left;
};

static void leave(void *data)
{
	struct leaving_driver *leaving = data;

	if (leaving->begun) {
		fsleep(1000);
		return;
	}
	leaving->begun = true;
	driven_device_unbind(leaving->dev, NULL, NULL);
	complete(&leaving->left);
}

/*
 * Who calls the DMA API keeps the device there. A map that begins only then still ends
 * with the device.
 */
static void a_driver_waits_for_who_is_at_it(struct kunit *test)
{
	struct leaving_driver leaving = { .dev = driven_device(test, 64) };
	struct iomd_dma_device *device = iomd_dma_device_get(leaving.dev);
	void *memory = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct iomd_dma_map map = {
		.dev = leaving.dev,
		.direction = DMA_TO_DEVICE,
		.sgt = { .sgl = map.entries, .orig_nents = 1 },
	};
	struct worker worker;

	KUNIT_ASSERT_FALSE(test, IS_ERR(device));
	KUNIT_ASSERT_NOT_NULL(test, memory);
	sg_init_one(map.entries, memory, PAGE_SIZE);
	init_completion(&leaving.left);
	KUNIT_EXPECT_TRUE(test, iomd_dma_device_enter(device));
	KUNIT_EXPECT_EQ(test, dma_map_sgtable(map.dev, &map.sgt, map.direction, 0), 0);
	worker_start(test, &worker, leave, &leaving);
	while (!iomd_dma_device_is_gone(device))
		fsleep(1000);
	KUNIT_EXPECT_FALSE(test, iomd_dma_device_enter(device));
	iomd_dma_device_begin(device, &map);
	KUNIT_EXPECT_EQ(test, mappings(), 1ULL);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&leaving.left, HZ / 10));
	iomd_dma_device_exit(device);
	wait_for_completion(&leaving.left);
	worker_stop(&worker);
	KUNIT_EXPECT_FALSE(test, map.mapped);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	iomd_dma_device_put(device);
	driven_device_remove(leaving.dev);
}

/*
 * A driver that does not know us keeps its device when this module goes, which all guests
 * see in the end: it is loaded before and unloaded after us.
 */
static void a_driver_that_stays(struct kunit *test)
{
	struct device *dev = bus_find_device_by_name(&platform_bus_type, NULL, "iomd-bystander");
	struct bench *bench = bench_make(test);
	struct iomd_dma_map *map;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, dev->driver);
	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT);
	map = iomd_dma_map(bench->md, dev, 0, PAGE_SIZE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	iomd_dma_unmap(map);
	put_device(dev);
	bench_end(bench);
}

/* Only the driver's own leaving ends its maps, whatever else it gives back before. */
static void a_group_of_resources_ends(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct bench *bench = bench_make(test);
	struct iomd_dma_map *map;
	unsigned int failing;
	void *group;

	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT);
	for (failing = 0; failing < 2; failing++) {
		group = devres_open_group(dev, NULL, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, group);
		map = iomd_dma_map(bench->md, dev, 0, 5000, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(map));
		devres_close_group(dev, group);
		/* Who can't be told of the leaving any more takes this for it. */
		iomd_inject_arm(failing);
		devres_release_group(dev, group);
		iomd_inject_disarm();
		KUNIT_EXPECT_EQ(test, mappings(), failing ? 0ULL : 1ULL);
		if (!failing)
			driven_device_unbind(dev, NULL, NULL);
		KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
		iomd_dma_unmap(map);
		if (!failing)
			KUNIT_EXPECT_EQ(test, driven_device_bind(dev), 1);
	}
	map = iomd_dma_map(bench->md, dev, 0, 5000, 0);
	KUNIT_EXPECT_FALSE(test, IS_ERR(map));
	iomd_dma_unmap(map);
	bench_end(bench);
	driven_device_remove(dev);
}

#define MANY_MAPS	20000

static void look_at_maps(void *data)
{
	u64 now = mappings(), *seen = data;

	if (now && now < MANY_MAPS)
		*seen = now;
	usleep_range(50, 100);
}

/* The CPU has time for others meanwhile, who so see some of the maps still there. */
static void a_driver_leaves_many_maps(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct bench *bench = bench_make(test);
	struct iomd_dma_map **maps;
	struct worker worker;
	unsigned int i, cpu;
	u64 seen = 0;

	maps = kvmalloc_array(MANY_MAPS, sizeof(*maps), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, maps);
	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_OUT);
	for (i = 0; i < MANY_MAPS; i++) {
		maps[i] = iomd_dma_map(bench->md, dev, 0, PAGE_SIZE, 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(maps[i]));
	}
	cpu = raw_smp_processor_id();
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	worker_start(test, &worker, look_at_maps, &seen);
	set_cpus_allowed_ptr(worker.task, cpumask_of(cpu));
	/* It comes first whenever there is a turn, however busy the machine is. */
	sched_set_fifo(worker.task);
	driven_device_unbind(dev, NULL, NULL);
	worker_stop(&worker);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	KUNIT_EXPECT_NE_MSG(test, seen, 0ULL, "nobody else had the CPU");
	for (i = 0; i < MANY_MAPS; i++)
		iomd_dma_unmap(maps[i]);
	kvfree(maps);
	bench_end(bench);
	driven_device_remove(dev);
}

/*
 * Operations
 */

static void characteristics(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_characteristics got;
	struct iomd *md;
	u32 kind;

	for (kind = 0; kind < BENCH_KINDS; kind++) {
		describe_some(bench, kind, IOMD_DIRECTION_OUT);
		md = bench->md;
		KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_GET_CHARACTERISTICS,
								 &got, sizeof(got)), 0);
		KUNIT_EXPECT_EQ(test, got.length, bench->length);
		KUNIT_EXPECT_EQ(test, got.sg_count, (u64)bench->image.merged);
		KUNIT_EXPECT_EQ(test, got.direction, IOMD_DIRECTION_OUT);
		KUNIT_EXPECT_EQ(test, got.page_align, 0U);
		KUNIT_EXPECT_TRUE(test, got.is_prepared);
		KUNIT_EXPECT_GE(test, got.highest_page, BIT_ULL(low_memory_bits()) >> PAGE_SHIFT);
		KUNIT_EXPECT_EQ(test, got.pages, 2ULL + 2 + 1 + 2);
	}
	bench_clear(bench);
	bench_add(bench, 0, 33, 10);
	bench_describe(bench, BENCH_KERNEL, IOMD_DIRECTION_IN);
	md = bench->md;
	iomd_dma_command_operation(md, IOMD_MD_GET_CHARACTERISTICS, &got, sizeof(got));
	KUNIT_EXPECT_EQ(test, got.page_align, 33U);
	KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	iomd_dma_command_operation(md, IOMD_MD_GET_CHARACTERISTICS, &got, sizeof(got));
	KUNIT_EXPECT_FALSE(test, got.is_prepared);
	KUNIT_EXPECT_EQ(test, got.sg_count, 0ULL);
	bench_end(bench);
}

static void walks(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct iomd_dma_walk_segment_args args = {};
	struct iomd *md;
	u64 room;

	describe_some(bench, BENCH_MULTI, IOMD_DIRECTION_IN);
	md = bench->md;
	while (args.offset < bench->length) {
		u64 address = image_at(&bench->image, args.offset, &room), before = args.offset;

		KUNIT_ASSERT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_WALK_SEGMENTS, &args,
								 sizeof(args)), 0);
		KUNIT_EXPECT_EQ(test, args.iovm_addr, address);
		KUNIT_EXPECT_EQ(test, args.length, room);
		KUNIT_ASSERT_EQ(test, args.offset, before + room);
	}
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_WALK_SEGMENTS, &args,
							 sizeof(args)), -EOVERFLOW);
	args.offset++;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_FIRST_SEGMENT, &args,
							 sizeof(args)), -EINVAL);
	args.offset = 0;
	args.mapped = true;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_FIRST_SEGMENT, &args,
							 sizeof(args)), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_FIRST_SEGMENT, &args,
							 sizeof(args) - 1), -EIO);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_FIRST_SEGMENT, NULL,
							 sizeof(args)), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_ADD_DMA_MAP_SPEC, NULL, 0),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, 77, NULL, 0), -EINVAL);
	bench_end(bench);
}

static int use(struct iomd *md, bool begin)
{
	return iomd_dma_command_operation(md, begin ? IOMD_MD_SET_DMA_ACTIVE :
						      IOMD_MD_SET_DMA_INACTIVE, NULL, 0);
}

static void use_and_maps(struct kunit *test)
{
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_map_args args = { .offset = 64, .length = 6000 };
	struct iomd *md;
	u64 room;

	describe_some(bench, BENCH_KERNEL, IOMD_DIRECTION_IN);
	md = bench->md;
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_SET_DMA_ACTIVE, NULL, 0), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_SET_DMA_INACTIVE, NULL, 0),
			0);
	expect_warning_once("iomd: the end of a use that did not begin");
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_SET_DMA_INACTIVE, NULL, 0),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_DMA_MAP, &args,
							 sizeof(args)), -EINVAL);
	args.mapper = dev;
	iomd_set_mapper_options(md, IOMD_MAPPER_UNCACHED | IOMD_MAPPER_TRANSIENT |
				    IOMD_MAPPER_WEAK_ORDERING);
	KUNIT_ASSERT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_DMA_MAP, &args,
							 sizeof(args)), 0);
	KUNIT_EXPECT_EQ(test, args.alloc, image_at(&bench->image, 64, &room));
	KUNIT_EXPECT_EQ(test, args.alloc_length, min_t(u64, room, 6000));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	/* The map is not what somebody who set nothing active may end. */
	KUNIT_EXPECT_EQ(test, use(md, false), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, use(md, true), 0);
	KUNIT_EXPECT_EQ(test, use(md, false), 0);
	KUNIT_EXPECT_EQ(test, use(md, false), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_DMA_UNMAP, &args,
							 sizeof(args)), 0);
	KUNIT_EXPECT_NULL(test, args.map);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_SET_DMA_ACTIVE, NULL, 0),
			-EAGAIN);
	bench_end(bench);
	driven_device_remove(dev);
}

/* Of each class that counts its users, and of what counts for it. */
static void the_end_of_no_use(struct kunit *test)
{
	struct iomd *leaf = made(test, iomd_buffer_with_capacity(PAGE_SIZE, IOMD_DIRECTION_IN,
								 false));
	struct iomd *table[] = {
		leaf,
		made(test, iomd_sub_with_sub_range(leaf, 0, 100, IOMD_DIRECTION_IN)),
		made(test, iomd_multi_with_descriptors(&leaf, 1, IOMD_DIRECTION_IN, false)),
		made(test, iomd_guard_page_with_size(PAGE_SIZE)),
		made(test, iomd_with_physical_address(NO_RAM, PAGE_SIZE, IOMD_DIRECTION_IN)),
		made(test, iomd_device_memory_with_range(NO_RAM, PAGE_SIZE)),
	};
	unsigned int i, round;

	expect_warning_once("iomd: the end of a use that did not begin");
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_ASSERT_EQ(test, iomd_prepare(table[i], 0), 0);
		/* Somebody else's use of the part is not ended instead. */
		KUNIT_EXPECT_EQ(test, use(leaf, true), 0);
		for (round = 0; round < 2; round++) {
			if (table[i] != leaf)
				KUNIT_EXPECT_EQ_MSG(test, use(table[i], false),
						    -EAGAIN, "row %u", i);
			KUNIT_EXPECT_EQ_MSG(test, use(table[i], true), 0, "row %u", i);
			KUNIT_EXPECT_EQ_MSG(test, use(table[i], false), 0, "row %u", i);
		}
		KUNIT_EXPECT_EQ(test, use(leaf, false), 0);
		KUNIT_EXPECT_EQ(test, use(table[i], false), -EAGAIN);
		KUNIT_EXPECT_EQ_MSG(test, iomd_complete(table[i], 0), 0, "row %u", i);
	}
	for (i = ARRAY_SIZE(table); i--;)
		iomd_release(table[i]);
}

KUNIT_ARRAY_PARAM(device, device_cases, device_case_desc);

static struct kunit_case dma_device_cases[] = {
	KUNIT_CASE_PARAM(limits_of_both, device_gen_params),
	KUNIT_CASE(what_a_device_is_refused),
	KUNIT_CASE(memory_no_device_is_shown),
	KUNIT_CASE(behind_an_iommu),
	KUNIT_CASE(memory_stays_prepared),
	KUNIT_CASE(counted),
	KUNIT_CASE(a_class_from_outside),
	KUNIT_CASE(in_hard_irq),
	KUNIT_CASE(no_mask_for_pages),
	KUNIT_CASE_PARAM(steps_that_fail, device_gen_params),
	KUNIT_CASE_PARAM(a_driver_leaves, device_gen_params),
	KUNIT_CASE(a_driver_leaves_at_any_time),
	KUNIT_CASE(a_driver_waits_for_who_is_at_it),
	KUNIT_CASE(a_driver_that_stays),
	KUNIT_CASE(a_group_of_resources_ends),
	KUNIT_CASE(a_driver_leaves_many_maps),
	KUNIT_CASE(characteristics),
	KUNIT_CASE(walks),
	KUNIT_CASE(use_and_maps),
	KUNIT_CASE(the_end_of_no_use),
	{}
};

static int suite_init(struct kunit_suite *suite)
{
	int ret = fake_suite_init(suite);

	if (ret)
		return ret;
	ret = driven_device_suite_init(suite);
	if (ret)
		fake_suite_exit(suite);
	return ret;
}

static void suite_exit(struct kunit_suite *suite)
{
	driven_device_suite_exit(suite);
	fake_suite_exit(suite);
}

static struct kunit_suite dma_device_suite = {
	.name = "iomd_dma_device",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = fixture_init,
	.exit = bench_fixture_exit,
	.test_cases = dma_device_cases,
};

kunit_test_suite(dma_device_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's DMA commands: devices");
MODULE_LICENSE("GPL");
