/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A prepared descriptor as one device sees it.
 */
#ifndef IOMD_DMA_H
#define IOMD_DMA_H

#include <linux/bits.h>
#include <linux/dma-direction.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include <iomd/version.h>

struct device;
struct iomd;
struct iomd_dma_device;
struct iomd_dma_page;

/*
 * Mapper options, of iomd_set_mapper_options(). The first two are IOKit's; as
 * hints without a counterpart in the DMA API they are accepted, without effect.
 */
#define IOMD_MAPPER_UNCACHED		BIT(0)
#define IOMD_MAPPER_TRANSIENT		BIT(1)
/* The DMA API's DMA_ATTR_WEAK_ORDERING. */
#define IOMD_MAPPER_WEAK_ORDERING	BIT(2)

#define IOMD_DMA_MAP_ENTRIES	4

/**
 * struct iomd_dma_map - part of a descriptor, mapped for one device
 * @sgt: what the device sees, as long as it is there: walk it with
 *	for_each_sgtable_dma_sg()
 * @dev: the device
 * @md: the descriptor, which cannot be unprepared while this lives
 * @offset: first byte that is mapped
 * @length: bytes that are mapped
 * @direction: in the DMA API's terms
 */
struct iomd_dma_map {
	struct sg_table sgt;
	struct device *dev;
	struct iomd *md;
	u64 offset;
	u64 length;
	enum dma_data_direction direction;
	/* private: */
	struct iomd_dma_device *device;
	struct hlist_node node;
	unsigned long attributes;
	bool mapped;
	/* Not a descriptor's memory, but pages that the DMA API gave, and their count. */
	struct iomd_dma_page *pages;
	unsigned int page_count;
	/* The first ones of the table; most have no more. */
	struct scatterlist entries[IOMD_DMA_MAP_ENTRIES];
};

struct iomd_dma_map *iomd_dma_map(struct iomd *md, struct device *dev, u64 offset,
				  u64 length, u64 direction);
void iomd_dma_unmap(struct iomd_dma_map *map);
void iomd_dma_sync_for_cpu(struct iomd_dma_map *map);
void iomd_dma_sync_for_device(struct iomd_dma_map *map);
bool iomd_dma_map_is_bounced(const struct iomd_dma_map *map);

#endif
