// SPDX-License-Identifier: GPL-2.0
/*
 * Devices on a machine whose kernel copies everything, through bounce buffers
 * (swiotlb=force): a forgotten sync shows, and so do buffers that a device can't
 * reach, which lie at the end of the guest's memory.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>

#include "../../src/compat/swiotlb.h"
#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "bench.h"
#include "composites.h"

static phys_addr_t needs_bounce_buffers(struct kunit *test)
{
	phys_addr_t last = iomd_compat_swiotlb_last(fake_device(test));

	if (!last)
		kunit_skip(test, "this machine's kernel has set up no bounce buffers");
	return last;
}

/* Bits of a device that reaches the first chunks, and not the bounce buffers. */
static unsigned int narrow_bits(struct kunit *test)
{
	phys_addr_t last = needs_bounce_buffers(test);
	unsigned int bits = max(28U, low_memory_bits());

	if (last < BIT_ULL(bits))
		kunit_skip(test, "who reaches any memory reaches the bounce buffers, up to %pa",
			   &last);
	return bits;
}

static struct iomd_dma_command *command_with(struct kunit *test, struct device *dev,
					     const struct iomd_dma_segment_options *options)
{
	struct iomd_dma_command *command;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, options, 0,
						      dev, NULL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	return command;
}

static struct iomd_dma_command *command_for(struct kunit *test, struct device *dev)
{
	return command_with(test, dev, NULL);
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

static void describe_some(struct bench *bench, u64 direction)
{
	bench_clear(bench);
	bench_add(bench, 0, 64, BENCH_CHUNK_BYTES - 64);
	bench_add(bench, BENCH_HIGH, 0, BENCH_CHUNK_BYTES);
	bench_add(bench, 1, 128, PAGE_SIZE);
	bench_describe(bench, BENCH_KERNEL, direction);
}

static struct iomd_dma_command *shown(struct bench *bench, struct device *dev)
{
	struct iomd_dma_command *command = command_for(bench->test, dev);

	KUNIT_ASSERT_EQ(bench->test, set_memory(command, bench->md, true), 0);
	KUNIT_ASSERT_EQ(bench->test, strict_list_get(&bench->list, command, 0, 5), 0);
	KUNIT_ASSERT_EQ(bench->test, bench->list.length, bench->length);
	return command;
}

/* Has what was written last reached the memory? */
static bool is_written(struct bench *bench)
{
	bench_cpu_reads(bench, 0, bench->scratch, bench->length);
	return !memcmp(bench->scratch, bench->model, bench->length);
}

/* In each direction, nothing arrives before the sync, and all with it. */
static void expect_a_sync_is_needed(struct kunit *test, struct bench *bench, struct device *dev)
{
	struct iomd_dma_command *command;

	describe_some(bench, IOMD_DIRECTION_OUT_IN);
	command = shown(bench, dev);
	bench_expect_device_sees(bench, 0);

	bench_device_writes(bench, 0, 3000, 9000);
	KUNIT_EXPECT_FALSE(test, is_written(bench));
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_TRUE(test, is_written(bench));

	bench_cpu_writes(bench, 100, 5000);
	strict_device_read(&bench->list, 0, bench->scratch, bench->length);
	KUNIT_EXPECT_NE(test, memcmp(bench->scratch, bench->model, bench->length), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 0);

	bench_device_writes(bench, 0, 1, 77);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	end_command(command);
	bench_end(bench);
	driven_device_remove(dev);
}

static void a_sync_is_needed(struct kunit *test)
{
	struct bench *bench;

	needs_bounce_buffers(test);
	bench = bench_make(test);
	expect_a_sync_is_needed(test, bench, driven_device(test, 64));
}

/* By who can't reach the kernel's bounce buffers, and has copies of ours. */
static void a_sync_is_needed_for_ours(struct kunit *test)
{
	unsigned int bits = narrow_bits(test);
	struct bench *bench = bench_make(test);

	expect_a_sync_is_needed(test, bench, driven_device(test, bits));
}

/* Nothing old is copied over what the side that has the memory wrote. */
static void expect_sides_to_count(struct kunit *test, struct bench *bench, struct device *dev)
{
	struct iomd_dma_command *command;

	describe_some(bench, IOMD_DIRECTION_OUT_IN);
	command = shown(bench, dev);
	bench_device_writes(bench, 0, 3000, 9000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 100, 5000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_TRUE(test, is_written(bench));
	KUNIT_EXPECT_EQ(test, iomd_dma_command_read_bytes(command, 0, bench->scratch, 7000),
			7000ULL);
	KUNIT_EXPECT_EQ(test, memcmp(bench->scratch, bench->model, 7000), 0);
	KUNIT_EXPECT_TRUE(test, is_written(bench));
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_OUT), 0);
	bench_expect_device_sees(bench, 0);
	bench_device_writes(bench, 0, 10, 7000);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 20, 6000);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);

	/* In each way that a command ends. */
	KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, true, true), 0);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 20, 6000);
	end_command(command);
	bench_expect_memory(bench);
	command = shown(bench, dev);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), 0);
	bench_cpu_writes(bench, 30, 6000);
	driven_device_unbind(dev, NULL, NULL);
	bench_expect_memory(bench);
	end_command(command);
	bench_expect_memory(bench);
	bench_end(bench);
	driven_device_remove(dev);
}

static void sides_count(struct kunit *test)
{
	struct bench *bench;

	needs_bounce_buffers(test);
	bench = bench_make(test);
	expect_sides_to_count(test, bench, driven_device(test, 64));
}

static void sides_count_for_ours(struct kunit *test)
{
	unsigned int bits = narrow_bits(test);
	struct bench *bench = bench_make(test);

	expect_sides_to_count(test, bench, driven_device(test, bits));
}

/* The same for who maps without a command. */
static void a_map_needs_it_too(struct kunit *test)
{
	struct iomd_dma_map *map;
	struct scatterlist *sg;
	struct bench *bench;
	struct device *dev;
	int i;

	needs_bounce_buffers(test);
	bench = bench_make(test);
	dev = driven_device(test, 64);
	describe_some(bench, IOMD_DIRECTION_IN);
	map = iomd_dma_map(bench->md, dev, 0, bench->length, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	bench->list.count = 0;
	for_each_sgtable_dma_sg(&map->sgt, sg, i)
		bench->list.segments[bench->list.count++] = (struct iomd_dma_segment64) {
			sg_dma_address(sg), sg_dma_len(sg) };
	bench_device_writes(bench, 0, 500, 9999);
	KUNIT_EXPECT_FALSE(test, is_written(bench));
	iomd_dma_sync_for_cpu(map);
	KUNIT_EXPECT_TRUE(test, is_written(bench));
	iomd_dma_sync_for_device(map);
	bench_device_writes(bench, 0, 0, 600);
	iomd_dma_unmap(map);
	bench_expect_memory(bench);
	bench_end(bench);
	driven_device_remove(dev);
}

/* Of what is too long for a bounce buffer, each begins where its lower bits are zeroes. */
static void lower_bits_are_kept(struct kunit *test)
{
	const unsigned int order = get_order(SZ_1M), mask = SZ_64K - 1;
	struct iomd_dma_map *map;
	struct scatterlist *sg;
	struct device *dev;
	struct page *pages;
	struct iomd *md;
	int i;

	needs_bounce_buffers(test);
	dev = driven_device(test, 64);
	pages = alloc_pages(GFP_KERNEL, order);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	dma_set_max_seg_size(dev, U32_MAX);
	dma_set_min_align_mask(dev, mask);
	md = made(test, iomd_with_physical_address(page_to_phys(pages) + PAGE_SIZE + 100,
						   SZ_1M - 2 * PAGE_SIZE, IOMD_DIRECTION_OUT));
	map = iomd_dma_map(md, dev, 0, iomd_get_length(md), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
	KUNIT_EXPECT_GT(test, map->sgt.orig_nents, 1U);
	for_each_sgtable_sg(&map->sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg) & mask, sg_phys(sg) & mask);
		if (i)
			KUNIT_EXPECT_EQ(test, sg_phys(sg) & mask, 0ULL);
	}
	iomd_dma_unmap(map);
	iomd_release(md);
	os_object_barrier();
	__free_pages(pages, order);
	driven_device_remove(dev);
}

/* What is asked of addresses holds where the device is sent, or is refused. */
static void alignment_behind_them(struct kunit *test)
{
	static const u32 masks[] = { 0, SZ_4K - 1, SZ_64K - 1 };
	struct iomd_dma_segment_options options = {};
	struct iomd_dma_command *command;
	struct strict_limits limits;
	struct bench *bench;
	struct device *dev;
	unsigned int i, kept = 0;
	int ret;

	needs_bounce_buffers(test);
	bench = bench_make(test);
	dev = driven_device(test, 64);
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		dma_set_min_align_mask(dev, masks[i]);
		describe_some(bench, IOMD_DIRECTION_OUT_IN);
		for (options.alignment = 16; options.alignment <= SZ_128K;
		     options.alignment *= 4) {
			command = command_with(test, dev, &options);
			ret = set_memory(command, bench->md, true);
			KUNIT_EXPECT_TRUE_MSG(test, !ret || ret == -EINVAL, "%u: %d",
					      options.alignment, ret);
			if (!ret) {
				limits = strict_limits_of(&options, dev);
				KUNIT_ASSERT_EQ(test, strict_list_get(&bench->list, command, 0, 5),
						0);
				strict_list_check(&bench->list, &limits, true);
				bench_expect_device_sees(bench, 0);
				kept++;
			}
			end_command(command);
			KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
		}
	}
	/* Up to a page's, at least. */
	KUNIT_EXPECT_GE(test, kept, 4U);
	bench_expect_memory(bench);
	bench_end(bench);
	driven_device_remove(dev);
}

static void within_reach(struct kunit *test)
{
	static const u64 directions[] = {
		IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT_IN,
	};
	unsigned int bits = narrow_bits(test);
	struct strict_limits limits = { .last = DMA_BIT_MASK(bits), .alignment = 1,
					.inner_alignment = 1, .length_alignment = 1 };
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, bits);
	struct iomd_dma_command *command;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		describe_some(bench, directions[i]);
		command = shown(bench, dev);
		KUNIT_EXPECT_EQ(test, mappings(), 1ULL);
		strict_list_check(&bench->list, &limits, true);
		bench_expect_device_sees(bench, 0);
		if (directions[i] != IOMD_DIRECTION_OUT)
			bench_device_writes(bench, 0, 3000, 9000);
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
		KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
		bench_expect_memory(bench);
		end_command(command);
	}
	bench_end(bench);
	driven_device_remove(dev);
}

static void refused(struct kunit *test)
{
	unsigned int bits = narrow_bits(test);
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, bits);
	struct iomd_dma_command *command;
	struct iomd_dma_map *map;

	describe_some(bench, IOMD_DIRECTION_OUT);
	/* A map does not copy: not even what is within reach. */
	map = iomd_dma_map(bench->md, dev, 0, 100, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(map), -ERANGE);
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, NULL,
						      IOMD_DMA_MAP_OPTION_ITERATE_ONLY, dev, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(command));
	KUNIT_EXPECT_EQ(test, set_memory(command, bench->md, true), -ERANGE);
	end_command(command);
	bench_end(bench);
	driven_device_remove(dev);
}

/* What the device wrote is not lost when its driver leaves. */
static void a_driver_leaves(struct kunit *test)
{
	unsigned int bits = narrow_bits(test);
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, bits);
	struct iomd_dma_command *command;

	describe_some(bench, IOMD_DIRECTION_OUT_IN);
	command = shown(bench, dev);
	bench_device_writes(bench, 0, 77, 7777);
	driven_device_unbind(dev, NULL, NULL);
	KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
	KUNIT_EXPECT_EQ(test, sync_command(command, IOMD_DIRECTION_IN), -ENODEV);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
	bench_expect_memory(bench);
	end_command(command);
	bench_end(bench);
	driven_device_remove(dev);
}

struct ending {
	struct bench *bench;
	struct iomd_dma_command *command;
	bool arrived;
};

static void end_in_interrupt(void *data)
{
	struct ending *ending = data;

	iomd_dma_command_release(ending->command);
	ending->arrived = is_written(ending->bench);
}

/* Whoever is told by the interrupt that the device is done finds what it wrote. */
static void ended_in_an_interrupt(struct kunit *test)
{
	unsigned int i, bits[] = { 64, narrow_bits(test) };
	struct bench *bench = bench_make(test);
	struct ending ending = { .bench = bench };

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		struct device *dev = driven_device(test, bits[i]);

		describe_some(bench, IOMD_DIRECTION_OUT_IN);
		ending.command = shown(bench, dev);
		bench_device_writes(bench, 0, 3000, 9000);
		call_in_irq_handler(test, end_in_interrupt, &ending);
		KUNIT_EXPECT_TRUE(test, ending.arrived);
		KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
		bench_cpu_writes(bench, 0, bench->length);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, mappings(), 0ULL);
		bench_expect_memory(bench);
		driven_device_remove(dev);
	}
	bench_end(bench);
}

static int attempt(struct bench *bench, struct device *dev)
{
	struct iomd_dma_command *command;
	int ret;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, NULL, 0,
						      dev, NULL);
	if (IS_ERR(command))
		return PTR_ERR(command);
	ret = set_memory(command, bench->md, true);
	end_command(command);
	return ret;
}

static void steps_that_fail(struct kunit *test)
{
	struct os_meta_class *meta = os_meta_class_get_meta_class_with_name("iomd_bounce");
	unsigned int bits = narrow_bits(test);
	struct bench *bench = bench_make(test);
	struct device *dev = driven_device(test, bits);
	unsigned int nth, failures = 0;
	bool failed = true;
	int ret;

	describe_some(bench, IOMD_DIRECTION_OUT_IN);
	for (nth = 1; failed && nth < 100; nth++) {
		iomd_inject_arm(nth);
		ret = attempt(bench, dev);
		failed = iomd_inject_disarm();
		os_object_barrier();
		KUNIT_EXPECT_EQ_MSG(test, ret, failed ? -ENOMEM : 0, "step %u", nth);
		failures += !!ret;
		KUNIT_EXPECT_EQ_MSG(test, mappings(), 0ULL, "step %u", nth);
		KUNIT_EXPECT_EQ(test, os_meta_class_get_instance_count(meta), 0U);
		bench_expect_memory(bench);
	}
	/* The command, its view, the map, its pages, the copy, its list, the runs. */
	KUNIT_EXPECT_GE(test, failures, 7U);
	KUNIT_EXPECT_LT(test, nth, 100U);
	KUNIT_EXPECT_EQ(test, iomd_complete(bench->md, 0), 0);
	bench_end(bench);
	driven_device_remove(dev);
}

static struct kunit_case dma_swiotlb_cases[] = {
	KUNIT_CASE(a_sync_is_needed),
	KUNIT_CASE(a_sync_is_needed_for_ours),
	KUNIT_CASE(sides_count),
	KUNIT_CASE(sides_count_for_ours),
	KUNIT_CASE(a_map_needs_it_too),
	KUNIT_CASE(lower_bits_are_kept),
	KUNIT_CASE(alignment_behind_them),
	KUNIT_CASE(within_reach),
	KUNIT_CASE(refused),
	KUNIT_CASE(a_driver_leaves),
	KUNIT_CASE(ended_in_an_interrupt),
	KUNIT_CASE(steps_that_fail),
	{}
};

static struct kunit_suite dma_swiotlb_suite = {
	.name = "iomd_dma_swiotlb",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = bench_fixture_exit,
	.test_cases = dma_swiotlb_cases,
};

kunit_test_suite(dma_swiotlb_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_INFO(guest_boot, "swiotlb=force");
MODULE_DESCRIPTION("Tests of iomd: devices behind bounce buffers");
MODULE_LICENSE("GPL");
