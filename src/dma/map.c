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
#include "device.h"
#include "limits.h"
#include "map.h"
#include "pages.h"

/* What an entry may be; where one is cut, it is between pages if possible. */
static struct iomd_limits limits_of(struct device *dev)
{
	return (struct iomd_limits) {
		.segment = min_t(u64, dma_get_max_seg_size(dev), dma_max_mapping_size(dev)),
		.boundary = dma_get_seg_boundary(dev),
		.last = dma_get_mask(dev),
		.alignment = 1,
		.inner_alignment = PAGE_SIZE,
		.length_alignment = 1,
	};
}

/* Entries that the table needs. */
static int count_entries(const struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	u64 reach = iomd_dma_device_reach(map->dev);
	bool write = map->direction != DMA_TO_DEVICE;
	u64 end = map->offset + map->length;
	struct iomd_segment_iter iter;
	u64 at, length, entries = 0;

	iomd_segment_iter_init(&iter, map->md, map->offset, map->length,
			       IOMD_MEMORY_SEGMENT_LOCAL |
			       (write ? IOMD_MEMORY_SEGMENT_WRITE : 0));
	while (iter.length) {
		if (!iomd_is_ram(iter.address) || !iomd_is_ram(iter.address + iter.length - 1))
			return -EOPNOTSUPP;
		if (iter.address + iter.length - 1 > reach)
			return -ERANGE;
		for (at = 0; at < iter.length; entries++)
			at += iomd_limits_cut(limits, iter.address + at, iter.length - at);
		iomd_segment_iter_next(&iter);
	}
	if (iter.offset < end && (iomd_get_flags(map->md) & IOMD_MEMORY_REMOTE))
		return -ENXIO;
	/* Where the walk ended, is there memory at all, though not for writing? */
	if (iter.offset < end) {
		iomd_get_physical_segment(map->md, iter.offset, &length, 0);
		return length ? -EACCES : -EAGAIN;
	}
	return entries > INT_MAX ? -EOVERFLOW : entries;
}

static void fill(struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	struct scatterlist *sg = map->sgt.sgl;
	struct iomd_segment_iter iter;

	iomd_for_each_segment(iter, map->md, map->offset, map->length) {
		u64 at = 0;

		while (at < iter.length) {
			phys_addr_t address = iter.address + at;
			u64 piece = iomd_limits_cut(limits, address, iter.length - at);

			sg_set_page(sg, pfn_to_page(PHYS_PFN(address)), piece,
				    offset_in_page(address));
			sg = sg_next(sg);
			at += piece;
		}
	}
}

/* The mapping is believed only when every entry was looked at. */
static int check_mapped(const struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(&map->sgt, sg, i) {
		u64 address = sg_dma_address(sg), last = address + sg_dma_len(sg) - 1;

		if (last > limits->last || sg_dma_len(sg) > limits->segment ||
		    (address & ~limits->boundary) != (last & ~limits->boundary))
			return -ERANGE;
		sum += sg_dma_len(sg);
	}
	return sum == map->length ? 0 : -EIO;
}

void iomd_dma_map_undo(struct iomd_dma_map *map)
{
	if (map->pages)
		iomd_dma_pages_free(map);
	else
		dma_unmap_sgtable(map->dev, &map->sgt, map->direction, map->attributes);
	WRITE_ONCE(map->mapped, false);
	iomd_count(IOMD_DMA_UNMAPPED, 1);
}

/* The device must be there. */
static int map_table(struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	int ret;

	if (iomd_should_fail())
		return -ENOMEM;
	ret = dma_map_sgtable(map->dev, &map->sgt, map->direction, map->attributes);
	if (ret)
		return ret;
	ret = check_mapped(map, limits);
	if (ret)
		dma_unmap_sgtable(map->dev, &map->sgt, map->direction, map->attributes);
	return ret;
}

static int make_table(struct iomd_dma_map *map)
{
	struct iomd_limits limits = limits_of(map->dev);
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
	ret = -ENODEV;
	if (iomd_dma_device_enter(map->device)) {
		ret = map_table(map, &limits);
		if (!ret) {
			iomd_count(IOMD_DMA_MAPPED, 1);
			iomd_dma_device_begin(map->device, map);
		}
		iomd_dma_device_exit(map->device);
	}
	if (ret)
		sg_free_table(&map->sgt);
	return ret;
}

enum dma_data_direction iomd_dma_direction(const struct iomd *md, u64 direction)
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

/*
 * No attribute says what IOKit's two options do; what is there to be said in Linux'
 * terms has an option of its own.
 */
unsigned long iomd_dma_attributes(const struct iomd *md)
{
	return iomd_get_mapper_options(md) & IOMD_MAPPER_WEAK_ORDERING ?
	       DMA_ATTR_WEAK_ORDERING : 0;
}

static struct iomd_dma_map *alloc(struct iomd_dma_device *device, u64 length,
				  enum dma_data_direction direction)
{
	struct iomd_dma_map *map = NULL;

	if (!iomd_should_fail())
		map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	map->device = iomd_dma_device_retain(device);
	map->dev = device->dev;
	map->length = length;
	map->direction = direction;
	return map;
}

struct iomd_dma_map *iomd_dma_map_for(struct iomd_dma_device *device, struct iomd *md,
				      u64 offset, u64 length,
				      enum dma_data_direction direction)
{
	struct iomd_dma_map *map = alloc(device, length, direction);
	int ret;

	if (!map)
		return ERR_PTR(-ENOMEM);
	map->md = iomd_retain(md);
	map->offset = offset;
	map->attributes = iomd_dma_attributes(md);
	ret = iomd_set_in_use(md, true);
	if (ret)
		goto err_put;
	ret = make_table(map);
	if (ret)
		goto err_end_use;
	return map;

err_end_use:
	iomd_set_in_use(md, false);
err_put:
	iomd_release(md);
	iomd_dma_device_put(device);
	kfree(map);
	return ERR_PTR(ret);
}

struct iomd_dma_map *iomd_dma_map_pages(struct iomd_dma_device *device, u64 length,
					enum dma_data_direction direction)
{
	struct iomd_dma_map *map = alloc(device, length, direction);
	int ret = -ENODEV;

	if (!map)
		return ERR_PTR(-ENOMEM);
	if (iomd_dma_device_enter(device)) {
		ret = iomd_dma_pages_alloc(map);
		if (!ret) {
			iomd_count(IOMD_DMA_MAPPED, 1);
			iomd_dma_device_begin(device, map);
		}
		iomd_dma_device_exit(device);
	}
	if (!ret)
		return map;
	iomd_dma_device_put(device);
	kfree(map);
	return ERR_PTR(ret);
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
 * iomd_dma_sync_for_cpu(). If the driver leaves the device before that, the device
 * loses the memory then, after the driver's remove() has run; the map stays, for
 * the unmap.
 *
 * Return: the map, or ERR_PTR: -EINVAL if the range does not lie inside or is
 * empty, or for unknown bits; -EAGAIN if the memory is not prepared; -EACCES if it
 * is prepared for OUT only and @direction has IN; -ENODEV if the device is not set
 * up for DMA, or its driver has left it; -ERANGE if it can't reach the memory, or the
 * addresses it was given break its limits; -EOPNOTSUPP for device memory; -ENXIO for
 * another machine's; -ENOMEM; else what the DMA API said.
 * Context: may sleep.
 */
struct iomd_dma_map *iomd_dma_map(struct iomd *md, struct device *dev, u64 offset,
				  u64 length, u64 direction)
{
	struct iomd_dma_device *device;
	struct iomd_dma_map *map;
	u64 end;

	if (!length || check_add_overflow(offset, length, &end) || end > iomd_get_length(md) ||
	    (direction & ~IOMD_DIRECTION_MASK))
		return ERR_PTR(-EINVAL);
	device = iomd_dma_device_get(dev);
	if (IS_ERR(device))
		return ERR_CAST(device);
	map = iomd_dma_map_for(device, md, offset, length, iomd_dma_direction(md, direction));
	iomd_dma_device_put(device);
	return map;
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
	if (iomd_dma_device_end(map->device, map)) {
		iomd_dma_map_undo(map);
		iomd_dma_device_exit(map->device);
	}
	sg_free_table(&map->sgt);
	kvfree(map->pages);
	if (map->md)
		iomd_set_in_use(map->md, false);
	iomd_release(map->md);
	iomd_dma_device_put(map->device);
	kfree(map);
}
IOMD_EXPORT(iomd_dma_unmap);

/**
 * iomd_dma_sync_for_cpu() - the CPU may look at what the device wrote
 * @map: map; nothing is done if its device has gone
 *
 * Undone by iomd_dma_sync_for_device().
 *
 * Context: any.
 */
void iomd_dma_sync_for_cpu(struct iomd_dma_map *map)
{
	if (!iomd_dma_device_enter(map->device))
		return;
	if (map->pages)
		iomd_dma_pages_sync_for_cpu(map);
	else
		dma_sync_sgtable_for_cpu(map->dev, &map->sgt, map->direction);
	iomd_dma_device_exit(map->device);
}
IOMD_EXPORT(iomd_dma_sync_for_cpu);

/**
 * iomd_dma_sync_for_device() - the device may use the memory again
 * @map: map; nothing is done if its device has gone
 *
 * Context: any.
 */
void iomd_dma_sync_for_device(struct iomd_dma_map *map)
{
	if (!iomd_dma_device_enter(map->device))
		return;
	if (map->pages)
		iomd_dma_pages_sync_for_device(map);
	else
		dma_sync_sgtable_for_device(map->dev, &map->sgt, map->direction);
	iomd_dma_device_exit(map->device);
}
IOMD_EXPORT(iomd_dma_sync_for_device);
