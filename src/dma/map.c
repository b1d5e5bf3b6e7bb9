// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor through a device's eyes, in the shape that Linux drivers know: a
 * mapped sg_table. The table is the map's own, cut to what the device can take;
 * the descriptor's list stays as it is, for every other device.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../desc/ram.h"

/* What one entry for a device may be. */
struct limits {
	u64 segment;
	/* An entry does not cross a multiple of this plus one. */
	u64 boundary;
};

static struct limits limits_of(struct device *dev)
{
	return (struct limits) {
		.segment = min_t(u64, dma_get_max_seg_size(dev), dma_max_mapping_size(dev)),
		.boundary = dma_get_seg_boundary(dev),
	};
}

/* The bytes from @address on that fit in one entry. */
static u64 piece_at(const struct limits *limits, phys_addr_t address, u64 length)
{
	u64 to_boundary = limits->boundary - (address & limits->boundary);

	return min3(length, limits->segment, to_boundary == U64_MAX ? U64_MAX : to_boundary + 1);
}

/* Entries that the table needs. */
static int count_entries(const struct iomd_dma_map *map, const struct limits *limits)
{
	bool write = map->direction != DMA_TO_DEVICE;
	u64 end = map->offset + map->length;
	struct iomd_segment_iter iter;
	u64 at, entries = 0;

	iomd_segment_iter_init(&iter, map->md, map->offset, map->length,
			       IOMD_MEMORY_SEGMENT_LOCAL |
			       (write ? IOMD_MEMORY_SEGMENT_WRITE : 0));
	while (iter.length) {
		if (!iomd_is_ram(iter.address) || !iomd_is_ram(iter.address + iter.length - 1))
			return -EOPNOTSUPP;
		for (at = 0; at < iter.length; entries++)
			at += piece_at(limits, iter.address + at, iter.length - at);
		iomd_segment_iter_next(&iter);
	}
	if (iter.offset < end)
		return write ? -EACCES : -EAGAIN;
	return entries > INT_MAX ? -EOVERFLOW : entries;
}

static void fill(struct iomd_dma_map *map, const struct limits *limits)
{
	struct scatterlist *sg = map->sgt.sgl;
	struct iomd_segment_iter iter;

	iomd_for_each_segment(iter, map->md, map->offset, map->length) {
		u64 at = 0;

		while (at < iter.length) {
			phys_addr_t address = iter.address + at;
			u64 piece = piece_at(limits, address, iter.length - at);

			sg_set_page(sg, pfn_to_page(PHYS_PFN(address)), piece,
				    offset_in_page(address));
			sg = sg_next(sg);
			at += piece;
		}
	}
}

/* The mapping is believed only when every entry was looked at. */
static int check_mapped(const struct iomd_dma_map *map, const struct limits *limits)
{
	u64 mask = dma_get_mask(map->dev), sum = 0;
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(&map->sgt, sg, i) {
		u64 last = sg_dma_address(sg) + sg_dma_len(sg) - 1;

		if (last > mask || sg_dma_len(sg) > limits->segment)
			return -ERANGE;
		sum += sg_dma_len(sg);
	}
	return sum == map->length ? 0 : -EIO;
}

static int map_table(struct iomd_dma_map *map)
{
	struct limits limits = limits_of(map->dev);
	int ret;

	ret = count_entries(map, &limits);
	if (ret < 0)
		return ret;
	if (iomd_should_fail())
		return -ENOMEM;
	ret = sg_alloc_table(&map->sgt, ret, GFP_KERNEL);
	if (ret)
		return ret;
	fill(map, &limits);
	ret = iomd_should_fail() ? -ENOMEM : dma_map_sgtable(map->dev, &map->sgt,
							      map->direction, 0);
	if (ret)
		goto err_free;
	ret = check_mapped(map, &limits);
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	dma_unmap_sgtable(map->dev, &map->sgt, map->direction, 0);
err_free:
	sg_free_table(&map->sgt);
	return ret;
}

static enum dma_data_direction dma_direction(const struct iomd *md, u64 direction)
{
	if (!direction)
		direction = iomd_get_direction(md);
	switch (direction) {
	case IOMD_DIRECTION_IN:
		return DMA_FROM_DEVICE;
	case IOMD_DIRECTION_OUT:
		return DMA_TO_DEVICE;
	default:
		return DMA_BIDIRECTIONAL;
	}
}

/**
 * iomd_dma_map() - map part of a prepared descriptor for a device
 * @md: descriptor, prepared; held until the unmap, as is its preparation
 * @dev: device, whose DMA mask is set
 * @offset: first byte
 * @length: bytes, at least 1
 * @direction: of the transfers; IOMD_DIRECTION_NONE: the descriptor's
 *
 * Undone by iomd_dma_unmap(). The device owns the memory until then: see
 * iomd_dma_sync_for_cpu().
 *
 * Return: the map, or ERR_PTR: -EINVAL if the range does not lie inside or is
 * empty, or for unknown bits; -EAGAIN if the memory is not prepared; -EACCES if it
 * is prepared for OUT only and @direction has IN; -ENODEV if the device is not set
 * up for DMA; -ERANGE if it can't reach the addresses it was given; -EOPNOTSUPP
 * for device memory; -ENOMEM; else what the DMA API said.
 * Context: may sleep.
 */
struct iomd_dma_map *iomd_dma_map(struct iomd *md, struct device *dev, u64 offset,
				  u64 length, u64 direction)
{
	struct iomd_dma_map *map;
	u64 end;
	int ret;

	if (!length || check_add_overflow(offset, length, &end) || end > iomd_get_length(md) ||
	    (direction & ~IOMD_DIRECTION_MASK))
		return ERR_PTR(-EINVAL);
	if (!dev->dma_mask || !*dev->dma_mask) {
		dev_err_once(dev, "iomd: the device is not set up for DMA\n");
		return ERR_PTR(-ENODEV);
	}
	map = iomd_should_fail() ? NULL : kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->dev = get_device(dev);
	map->md = iomd_retain(md);
	map->offset = offset;
	map->length = length;
	map->direction = dma_direction(md, direction);
	ret = iomd_set_in_use(md, true);
	if (ret)
		goto err_put;
	ret = map_table(map);
	if (ret)
		goto err_end_use;
	iomd_count(IOMD_DMA_MAPPED, 1);
	return map;

err_end_use:
	iomd_set_in_use(md, false);
err_put:
	iomd_release(md);
	put_device(dev);
	kfree(map);
	return ERR_PTR(ret);
}
IOMD_EXPORT(iomd_dma_map);

/**
 * iomd_dma_unmap() - end a map
 * @map: map that the device does not use any more, or NULL
 *
 * Context: any in which the device's DMA may be unmapped; hard IRQ too, if the
 * device's IOMMU allows it.
 */
void iomd_dma_unmap(struct iomd_dma_map *map)
{
	if (!map)
		return;
	dma_unmap_sgtable(map->dev, &map->sgt, map->direction, 0);
	sg_free_table(&map->sgt);
	iomd_set_in_use(map->md, false);
	iomd_release(map->md);
	put_device(map->dev);
	kfree(map);
	iomd_count(IOMD_DMA_UNMAPPED, 1);
}
IOMD_EXPORT(iomd_dma_unmap);

/**
 * iomd_dma_sync_for_cpu() - the CPU may look at what the device wrote
 * @map: map
 *
 * Undone by iomd_dma_sync_for_device().
 *
 * Context: any.
 */
void iomd_dma_sync_for_cpu(struct iomd_dma_map *map)
{
	dma_sync_sgtable_for_cpu(map->dev, &map->sgt, map->direction);
}
IOMD_EXPORT(iomd_dma_sync_for_cpu);

/**
 * iomd_dma_sync_for_device() - the device may use the memory again
 * @map: map
 *
 * Context: any.
 */
void iomd_dma_sync_for_device(struct iomd_dma_map *map)
{
	dma_sync_sgtable_for_device(map->dev, &map->sgt, map->direction);
}
IOMD_EXPORT(iomd_dma_sync_for_device);
