/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices that memory is mapped for, and the end of that when a driver leaves
 * its device: what is still mapped then is unmapped after the driver's remove()
 * has run, and nothing is mapped afterwards. That is before what the driver got
 * (devm_, pcim_) before its first map is given back, bus mastering among it: a driver
 * stops its device in remove(), as it does before it unmaps by itself.
 *
 * Every call of the DMA API is made between iomd_dma_device_enter() and
 * iomd_dma_device_exit(), so that none is under way when a device has gone.
 */
#ifndef IOMD_DMA_DEVICE_H
#define IOMD_DMA_DEVICE_H

#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include <iomd/dma.h>

#include "limits.h"

struct device;

struct iomd_dma_device {
	struct device *dev;
	refcount_t references;
	/* Will its driver's leaving be noticed? Guarded by a mutex of device.c. */
	bool watched;
	/* Does an IOMMU map for it what it is asked to? No other comes while it has a driver. */
	bool reaches_all;
	struct list_head node;
	struct rcu_head rcu;
	struct work_struct put_work;
	struct work_struct left_work;
	/* Who is between enter and exit, plus IOMD_DMA_DEVICE_GONE once it has gone. */
	atomic_t busy;
	/* guards the list, and what is mapped when it has gone */
	spinlock_t lock;
	struct hlist_head maps;
	/* Never on the list: for who needs one while nobody else does. */
	struct iomd_dma_map own_map;
	unsigned long own_map_taken;
};

#define IOMD_DMA_DEVICE_GONE	INT_MIN

int iomd_dma_device_init_room(void);
void iomd_dma_device_exit_room(void);

struct iomd_dma_device *iomd_dma_device_get(struct device *dev);
struct iomd_dma_device *iomd_dma_device_retain(struct iomd_dma_device *device);
void iomd_dma_device_put(struct iomd_dma_device *device);

/*
 * A map that is not mapped and holds garbage else, or NULL; undone by free_map(), in any
 * context. Most devices have one map at a time, and that costs no allocation.
 */
struct iomd_dma_map *iomd_dma_device_alloc_map(struct iomd_dma_device *device);
void iomd_dma_device_free_map(struct iomd_dma_device *device, struct iomd_dma_map *map);

/*
 * Between enter and exit: @map is mapped, and to be unmapped when the device goes.
 * Undone by end, which unmaps it unless that was done. Any context.
 */
void iomd_dma_device_begin(struct iomd_dma_device *device, struct iomd_dma_map *map);
void iomd_dma_device_end(struct iomd_dma_device *device, struct iomd_dma_map *map);

/* Are its addresses an IOMMU's, and have nothing to do with where the memory is? */
static inline bool iomd_dma_device_translates(struct device *dev)
{
	return dma_get_merge_boundary(dev);
}

/**
 * struct iomd_dma_reach - which physical memory may be handed to the DMA API
 * @last: the highest address
 * @moved: NULL, or the device, which sees memory at other addresses than the CPU does:
 *	then each range is asked for, and @last does not count
 * @bus: the same where others copy what it does not see, and so no range need be asked for
 *
 * For the rest, where the DMA API can't help, it complains loudly.
 */
struct iomd_dma_reach {
	u64 last;
	struct device *moved;
	struct device *bus;
};

/* For a device that does not reach all. */
struct iomd_dma_reach iomd_dma_device_find_reach(struct device *dev);
u64 iomd_dma_reach_bus_address(const struct iomd_dma_reach *reach, phys_addr_t address);
bool iomd_dma_reach_has_moved(const struct iomd_dma_reach *reach, phys_addr_t address,
			      u64 length);

static inline struct iomd_dma_reach iomd_dma_device_reach(const struct iomd_dma_device *device)
{
	if (READ_ONCE(device->reaches_all))
		return (struct iomd_dma_reach) { .last = U64_MAX };
	return iomd_dma_device_find_reach(device->dev);
}

/* Of @length bytes, at least 1. */
static inline bool iomd_dma_reach_has(const struct iomd_dma_reach *reach, phys_addr_t address,
				      u64 length)
{
	if (unlikely(reach->moved))
		return iomd_dma_reach_has_moved(reach, address, length);
	return address + length - 1 <= reach->last;
}

/* Where the device sees memory, of which the limits are; an IOMMU has it see it anywhere. */
static inline u64 iomd_dma_reach_address(const struct iomd_dma_reach *reach, phys_addr_t address)
{
	return unlikely(reach->bus) ? iomd_dma_reach_bus_address(reach, address) : address;
}

/*
 * What the DMA API and the device can take; addresses are the device's. The only place
 * that asks a device for that. Where an entry is cut, it is between pages if possible,
 * and where bounce buffers keep the lower bits of an address (min_align_mask).
 */
static inline struct iomd_limits iomd_dma_device_limits(const struct iomd_dma_device *device)
{
	struct device *dev = device->dev;
	u64 most = READ_ONCE(device->reaches_all) ? U64_MAX : dma_max_mapping_size(dev);

	return (struct iomd_limits) {
		.segment = min_t(u64, dma_get_max_seg_size(dev), most),
		.boundary = dma_get_seg_boundary(dev),
		.last = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit),
		.alignment = 1,
		.inner_alignment = max_t(u32, PAGE_SIZE, dma_get_min_align_mask(dev) + 1),
		.length_alignment = 1,
	};
}

/*
 * Highest physical address of memory that the device sees at or below @last, if it sees
 * any there.
 */
u64 iomd_dma_device_memory_below(struct device *dev, u64 last);

/*
 * Is what the DMA API itself allocates for the device the only copy that is any good?
 * Either because the API would copy everything else to bounce buffers that the device
 * can't reach, or because only the API knows which memory has low addresses there.
 */
bool iomd_dma_device_needs_its_pages(struct device *dev);

static inline bool iomd_dma_device_is_gone(const struct iomd_dma_device *device)
{
	return atomic_read(&device->busy) < 0;
}

/* Is the device there? If so, it stays until iomd_dma_device_exit(). Any context. */
static inline bool iomd_dma_device_enter(struct iomd_dma_device *device)
{
	return atomic_inc_unless_negative(&device->busy);
}

static inline void iomd_dma_device_exit(struct iomd_dma_device *device)
{
	if (unlikely(atomic_dec_return(&device->busy) == IOMD_DMA_DEVICE_GONE))
		wake_up_var(&device->busy);
}

#endif
