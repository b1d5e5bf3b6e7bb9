// SPDX-License-Identifier: GPL-2.0
/*
 * Importers on a machine whose kernel copies everything, through bounce buffers
 * (swiotlb=force): what one device writes is not what others see, and that can be asked.
 */
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/module.h>

#include "../../src/compat/swiotlb.h"
#include "../../src/debug/counters.h"
#include "fake_device.h"
#include "neighbours.h"

#define PAGES	3

static struct device *bounced_device(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);

	if (!iomd_compat_swiotlb_last(dev)) {
		driven_device_remove(dev);
		kunit_skip(test, "this machine's kernel has set up no bounce buffers");
	}
	return dev;
}

static void device_writes(struct kunit *test, const struct importer *importer, const u8 *bytes)
{
	struct iomd_dma_segment64 segments[PAGES];
	struct strict_list list = { .test = test, .segments = segments, .room = PAGES };
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(importer->table, sg, i)
		segments[list.count++] = (struct iomd_dma_segment64) {
			.iovm_addr = sg_dma_address(sg),
			.length = sg_dma_len(sg),
		};
	strict_device_write(&list, 0, bytes, PAGES * P);
}

/* Seen by the CPU, and by a device that comes later, after a CPU access, and not before. */
static void what_others_see(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);
	struct device *dev = bounced_device(test);
	struct importer importer;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	leaf_make(&leaf, test, PAGES);
	memset(leaf.area.address, 0, PAGES * P);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	KUNIT_EXPECT_FALSE(test, iomd_dma_buf_is_bounced(dmabuf));
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	KUNIT_EXPECT_TRUE(test, iomd_dma_buf_is_bounced(dmabuf));
	fill_pattern(bytes, 3, PAGES * P);
	device_writes(test, &importer, bytes);
	KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address, 3, PAGES * P), (size_t)0);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address, 3, PAGES * P), (size_t)(PAGES * P));
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	importer_end(&importer);
	KUNIT_EXPECT_FALSE(test, iomd_dma_buf_is_bounced(dmabuf));
	put(dmabuf);
	leaf_free(&leaf);
	driven_device_remove(dev);
}

/*
 * What one writes must not be overwritten by what another has copied back: who works on a
 * copy writes alone. Who only reads is no trouble.
 */
static void one_writes_at_a_time(struct kunit *test)
{
	static const enum dma_data_direction writing[] = { DMA_BIDIRECTIONAL, DMA_FROM_DEVICE };
	u8 *bytes = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);
	struct device *dev = bounced_device(test), *other = driven_device(test, 64);
	struct importer importer, second;
	struct dma_buf *dmabuf;
	unsigned int i;
	struct leaf leaf;
	struct iomd *md;

	/* The refused one is mapped for a moment, which the DMA API's debugging doubts. */
	pr_info("iomd-test: allow \"overlapping mappings aren't supported\"\n");
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	leaf_make(&leaf, test, PAGES);
	memset(leaf.area.address, 0, PAGES * P);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	for (i = 0; i < ARRAY_SIZE(writing); i++) {
		KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, writing[i]), 0);
		fill_pattern(bytes, i, PAGES * P);
		device_writes(test, &importer, bytes);
		KUNIT_EXPECT_EQ(test, importer_start(&second, dmabuf, other, DMA_BIDIRECTIONAL),
				-EBUSY);
		KUNIT_EXPECT_EQ(test, importer_start(&second, dmabuf, other, DMA_FROM_DEVICE),
				-EBUSY);
		KUNIT_ASSERT_EQ(test, importer_start(&second, dmabuf, other, DMA_TO_DEVICE), 0);
		importer_end(&second);
		importer_end(&importer);
		KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address, i, PAGES * P),
				(size_t)(PAGES * P));
		/* Who comes while somebody reads may write. */
		KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_TO_DEVICE), 0);
		KUNIT_ASSERT_EQ(test, importer_start(&second, dmabuf, other, writing[i]), 0);
		importer_end(&second);
		importer_end(&importer);
	}
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_DMA_MAPPED),
			iomd_counter_read(IOMD_DMA_UNMAPPED));
	put(dmabuf);
	leaf_free(&leaf);
	driven_device_remove(other);
	driven_device_remove(dev);
}

/* Its driver has left, and with it went the buffers. */
static void a_device_that_has_gone(struct kunit *test)
{
	struct device *dev = bounced_device(test);
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, PAGES * P, 0));
	struct iomd_dma_map *map = iomd_dma_map(md, dev, 0, PAGES * P, 0);

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
	KUNIT_EXPECT_TRUE(test, iomd_dma_map_is_bounced(map));
	driven_device_unbind(dev, NULL, NULL);
	KUNIT_EXPECT_FALSE(test, iomd_dma_map_is_bounced(map));
	iomd_dma_unmap(map);
	iomd_release(md);
	driven_device_remove(dev);
}

/* What others export, we know nothing of. */
static void somebody_elses(struct kunit *test)
{
	struct exporter exporter;
	struct dma_buf *dmabuf = exporter_start(&exporter, test, EXPORTER_CACHED, O_RDWR);

	KUNIT_EXPECT_FALSE(test, iomd_dma_buf_is_bounced(dmabuf));
	dma_buf_put(dmabuf);
	exporter_await_end(&exporter);
}

static struct kunit_case dma_buf_swiotlb_cases[] = {
	KUNIT_CASE(what_others_see),
	KUNIT_CASE(one_writes_at_a_time),
	KUNIT_CASE(a_device_that_has_gone),
	KUNIT_CASE(somebody_elses),
	{}
};

static struct kunit_suite dma_buf_swiotlb_suite = {
	.name = "iomd_dma_buf_swiotlb",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_buf_swiotlb_cases,
};

kunit_test_suite(dma_buf_swiotlb_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "DMA_BUF");
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_INFO(guest_boot, "swiotlb=force");
MODULE_DESCRIPTION("Tests of iomd: dma-bufs behind bounce buffers");
MODULE_LICENSE("GPL");
