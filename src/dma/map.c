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
#include "device.h"
#include "limits.h"
#include "map.h"
#include "dma_pages.h"
#include "table.h"

/* RAM, and within reach? */
static __always_inline int check_segment(const struct iomd_segment_iter *iter,
					 const struct iomd_dma_reach *reach)
{
	if (!iomd_is_ram_segment(iter))
		return -EOPNOTSUPP;
	return iomd_dma_reach_has(reach, iter->address, iter->length) ? 0 : -ERANGE;
}

/* One segment, in pieces that the device can take. */
static int table_append_segment(struct iomd_dma_table *table, const struct iomd_limits *limits,
				const struct iomd_dma_reach *reach, phys_addr_t address,
				u64 length)
{
	int ret = 0;

	while (length && !ret) {
		u64 piece = iomd_limits_cut(limits, iomd_dma_reach_address(reach, address),
					    length);

		ret = iomd_dma_table_append(table, pfn_to_page(PHYS_PFN(address)),
					    offset_in_page(address), piece);
		address += piece;
		length -= piece;
	}
	return ret;
}

/* Why a walk ended early: is there memory at all there, though not for writing? */
static int reason_for_end(const struct iomd_dma_map *map, u64 offset)
{
	u64 length;

	if (iomd_get_flags(map->md) & IOMD_MEMORY_REMOTE)
		return -ENXIO;
	iomd_get_physical_segment(map->md, offset, &length, 0);
	return length ? -EACCES : -EAGAIN;
}

/* Most fill one entry: inline, and without zeroes for what is set next, as that shows. */
static __always_inline int map_fill_table(struct iomd_dma_map *map,
					  const struct iomd_limits *limits)
{
	struct iomd_dma_table table = iomd_dma_table_begin(&map->sgt, map->entries);
	struct iomd_segment_iter iter __uninitialized;
	u64 options = IOMD_MEMORY_SEGMENT_LOCAL;
	struct iomd_dma_reach reach = iomd_dma_device_reach(map->device);
	int ret;

	if (map->direction != DMA_TO_DEVICE)
		options |= IOMD_MEMORY_SEGMENT_WRITE;
	iomd_segment_iter_init(&iter, map->md, map->offset, map->length, options);
	while (iter.length) {
		ret = check_segment(&iter, &reach) ?:
		      table_append_segment(&table, limits, &reach, iter.address, iter.length);
		if (ret)
			return ret;
		if (iter.offset + iter.length == map->offset + map->length) {
			iomd_dma_table_finish(&table);
			return 0;
		}
		iomd_segment_iter_next_held(&iter);
	}
	return reason_for_end(map, iter.offset);
}

/* The mapping is believed only when every entry was looked at. */
static int check_mapped(const struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	struct scatterlist *sg = map->sgt.sgl;
	unsigned int left = map->sgt.nents;
	u64 sum = 0;

	for (;;) {
		u64 address = sg_dma_address(sg), last = address + sg_dma_len(sg) - 1;

		if (last > limits->last || sg_dma_len(sg) > limits->segment ||
		    (address & ~limits->boundary) != (last & ~limits->boundary))
			return -ERANGE;
		sum += sg_dma_len(sg);
		if (!--left)
			break;
		sg = sg_next(sg);
	}
	return sum == map->length ? 0 : -EIO;
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

static int show_table(struct iomd_dma_map *map, const struct iomd_limits *limits)
{
	int ret;

	if (!iomd_dma_device_enter(map->device))
		return -ENODEV;
	ret = map_table(map, limits);
	if (!ret)
		iomd_dma_device_begin(map->device, map);
	iomd_dma_device_exit(map->device);
	return ret;
}

static int make_table(struct iomd_dma_map *map)
{
	struct iomd_limits limits = iomd_dma_device_limits(map->device);

	return map_fill_table(map, &limits) ?: show_table(map, &limits);
}

/* Who passes the DMA API's constant means the same by it. */
static_assert(IOMD_DIRECTION_NONE == DMA_BIDIRECTIONAL);
static_assert(IOMD_DIRECTION_OUT == DMA_TO_DEVICE);
static_assert(IOMD_DIRECTION_IN == DMA_FROM_DEVICE);

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
static unsigned long attributes_of(const struct iomd *md)
{
	return iomd_get_mapper_options(md) & IOMD_MAPPER_WEAK_ORDERING ?
	       DMA_ATTR_WEAK_ORDERING : 0;
}

/* Takes over the caller's reference to the device. */
static struct iomd_dma_map *alloc_map(struct iomd_dma_device *device, struct iomd *md,
				      u64 offset, u64 length,
				      enum dma_data_direction direction)
{
	struct iomd_dma_map *map = iomd_dma_device_alloc_map(device);

	if (!map) {
		iomd_dma_device_put(device);
		return NULL;
	}
	map->sgt = (struct sg_table) {};
	map->dev = device->dev;
	map->md = iomd_retain(md);
	map->offset = offset;
	map->length = length;
	map->direction = direction;
	map->device = device;
	map->attributes = md ? attributes_of(md) : 0;
	map->pages = NULL;
	map->page_count = 0;
	return map;
}

static void free_map(struct iomd_dma_map *map)
{
	struct iomd_dma_device *device = map->device;

	iomd_dma_table_free(&map->sgt);
	if (map->pages)
		kvfree(map->pages);
	iomd_release(map->md);
	iomd_dma_device_free_map(device, map);
	iomd_dma_device_put(device);
}

struct iomd_dma_map *iomd_dma_map_for(struct iomd_dma_device *device, struct iomd *md,
				      u64 offset, u64 length,
				      enum dma_data_direction direction)
{
	struct iomd_dma_map *map = alloc_map(device, md, offset, length, direction);
	int ret;

	if (!map)
		return ERR_PTR(-ENOMEM);
	ret = iomd_set_in_use(md, true);
	if (ret)
		goto err_free;
	ret = make_table(map);
	if (ret)
		goto err_end_use;
	return map;

err_end_use:
	iomd_set_in_use(md, false);
err_free:
	free_map(map);
	return ERR_PTR(ret);
}

static int map_show_pages(struct iomd_dma_map *map)
{
	int ret;

	if (!iomd_dma_device_enter(map->device))
		return -ENODEV;
	ret = iomd_dma_pages_alloc(map);
	if (!ret)
		iomd_dma_device_begin(map->device, map);
	iomd_dma_device_exit(map->device);
	return ret;
}

struct iomd_dma_map *iomd_dma_map_pages(struct iomd_dma_device *device, u64 length,
					enum dma_data_direction direction)
{
	struct iomd_dma_map *map = alloc_map(device, NULL, 0, length, direction);
	int ret;

	if (!map)
		return ERR_PTR(-ENOMEM);
	ret = map_show_pages(map);
	if (!ret)
		return map;
	free_map(map);
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
 * Each map is one of the DMA API's own, also where the same memory is mapped for the same
 * device already, by a command, say. Where the API copies, each has a copy: of two that the
 * device writes, the last that ends wins, and the API's debugging (CONFIG_DMA_API_DEBUG)
 * warns. Who needs memory mapped once for many transfers keeps one map and syncs it.
 *
 * Return: the map, or ERR_PTR: -EINVAL if the range does not lie inside or is empty, for
 * unknown bits, or without a device; -EAGAIN if the memory is not prepared; -EACCES if it
 * is prepared for OUT only and @direction has IN; -ENODEV if the device is not set
 * up for DMA, or its driver has left it; -ERANGE if it can't reach the memory, or the
 * addresses it was given break its limits; -EOPNOTSUPP for device memory; -ENXIO for
 * another machine's; -EOVERFLOW if 131,071 maps and mappings of it exist; -ENOMEM; else
 * what the DMA API said.
 * Context: may sleep.
 */
struct iomd_dma_map *iomd_dma_map(struct iomd *md, struct device *dev, u64 offset,
				  u64 length, u64 direction)
{
	struct iomd_dma_device *device;
	u64 end;

	if (!dev || !length || check_add_overflow(offset, length, &end) ||
	    end > iomd_get_length(md) || (direction & ~IOMD_DIRECTION_MASK))
		return ERR_PTR(-EINVAL);
	device = iomd_dma_device_get(dev);
	if (IS_ERR(device))
		return ERR_CAST(device);
	return iomd_dma_map_for(device, md, offset, length, iomd_dma_direction(md, direction));
}
IOMD_EXPORT(iomd_dma_map);

/**
 * iomd_dma_unmap() - end a map
 * @map: map that the device does not use any more, or NULL
 *
 * Context: any in which the DMA API may unmap for the device: hard IRQ included, unless
 * its IOMMU's driver says otherwise; with PREEMPT_RT, whose spinlocks sleep, not with
 * interrupts or preemption off.
 */
void iomd_dma_unmap(struct iomd_dma_map *map)
{
	if (!map)
		return;
	iomd_dma_device_end(map->device, map);
	if (map->md)
		iomd_set_in_use(map->md, false);
	free_map(map);
}
IOMD_EXPORT(iomd_dma_unmap);

/**
 * iomd_dma_sync_for_cpu() - the CPU may look at what the device wrote
 * @map: map; nothing is done if its device has gone
 *
 * Undone by iomd_dma_sync_for_device().
 *
 * Context: see iomd_dma_unmap().
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
 * Context: see iomd_dma_unmap().
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
