// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping memory for a device behind the IOMMU. No transfer is ever started, so
 * QEMU's edu, which can reach little, may pass for a device that reaches all.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <iomd/iomd.h>

#include "job.h"

static struct pci_dev *edu;

/* The floor maps a table that it has already. */
static int table_run(struct bench_job *job)
{
	return dma_map_sgtable(&edu->dev, &job->table, DMA_FROM_DEVICE, 0);
}

static int table_undo(struct bench_job *job)
{
	dma_unmap_sgtable(&edu->dev, &job->table, DMA_FROM_DEVICE, 0);
	return 0;
}

/* By hand: a table of the map's own, as the descriptor's stays as it is. */
static int own_table_run(struct bench_job *job)
{
	struct sg_table *own = kzalloc(sizeof(*own), GFP_KERNEL);
	struct scatterlist *from, *to;
	int i;

	if (!own || sg_alloc_table(own, job->table.orig_nents, GFP_KERNEL))
		return -ENOMEM;
	to = own->sgl;
	for_each_sgtable_sg(&job->table, from, i) {
		sg_set_page(to, sg_page(from), from->length, from->offset);
		to = sg_next(to);
	}
	job->buffer = own;
	return dma_map_sgtable(&edu->dev, own, DMA_FROM_DEVICE, 0);
}

static int own_table_undo(struct bench_job *job)
{
	struct sg_table *own = job->buffer;

	dma_unmap_sgtable(&edu->dev, own, DMA_FROM_DEVICE, 0);
	sg_free_table(own);
	kfree(own);
	return 0;
}

static int map_run(struct bench_job *job)
{
	job->dma = iomd_dma_map(job->md, &edu->dev, 0, job->length, IOMD_DIRECTION_IN);
	return PTR_ERR_OR_ZERO(job->dma);
}

static int map_undo(struct bench_job *job)
{
	iomd_dma_unmap(job->dma);
	return 0;
}

/* From user memory to device addresses and back, as VFIO does it in one call. */
static int by_hand_ready_run(struct bench_job *job)
{
	int ret = bench_by_hand_take(job);

	return ret ?: table_run(job);
}

static int by_hand_ready_undo(struct bench_job *job)
{
	table_undo(job);
	return bench_by_hand_give(job);
}

static int ready_run(struct bench_job *job)
{
	int ret = iomd_prepare(job->md, IOMD_DIRECTION_NONE);

	return ret ?: map_run(job);
}

static int ready_undo(struct bench_job *job)
{
	map_undo(job);
	return iomd_complete(job->md, IOMD_DIRECTION_NONE);
}

#define SOME_KINDS	(BENCH_IN(NATURAL) | BENCH_IN(RUNS) | BENCH_IN(THP))

const struct bench_case bench_device_cases[] = {
	{ .name = "dma_map", .who = "floor", .kinds = SOME_KINDS, .min = SZ_4K, .max = SZ_1M,
	  .direction = IOMD_DIRECTION_IN, .set_up = bench_by_hand_take, .run = table_run,
	  .undo = table_undo, .tear_down = bench_by_hand_done },
	{ .name = "dma_map", .who = "by_hand", .kinds = SOME_KINDS, .min = SZ_4K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN, .set_up = bench_by_hand_take,
	  .run = own_table_run, .undo = own_table_undo, .tear_down = bench_by_hand_done },
	{ .name = "dma_map", .who = "iomd", .kinds = SOME_KINDS, .min = SZ_4K, .max = SZ_1M,
	  .direction = IOMD_DIRECTION_IN, .set_up = bench_iomd_take, .run = map_run,
	  .undo = map_undo, .tear_down = bench_iomd_done },
	{ .name = "ready", .who = "by_hand", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_128M,
	  .direction = IOMD_DIRECTION_IN, .run = by_hand_ready_run,
	  .undo = by_hand_ready_undo },
	{ .name = "ready", .who = "iomd", .kinds = BENCH_ANY, .min = SZ_4K, .max = SZ_128M,
	  .direction = IOMD_DIRECTION_IN, .set_up = bench_iomd_create, .run = ready_run,
	  .undo = ready_undo, .tear_down = bench_iomd_done },
	{}
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	dma_set_seg_boundary(&pdev->dev, ULONG_MAX);
	edu = pdev;
	return 0;
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "iomd_bench",
	.id_table = edu_ids,
	.probe = edu_probe,
};

int bench_device_init(void)
{
	int ret = pci_register_driver(&edu_driver);

	if (ret)
		return ret;
	if (!edu) {
		pci_unregister_driver(&edu_driver);
		return -ENODEV;
	}
	return 0;
}

void bench_device_exit(void)
{
	pci_unregister_driver(&edu_driver);
}
