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
	struct work_struct free_work;
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

/* For a device that does not reach all. */
u64 iomd_dma_device_find_reach(struct device *dev);

/*
 * Highest physical address that may be handed to the DMA API for it; beyond that,
 * where it can't help, it complains loudly.
 */
static inline u64 iomd_dma_device_reach(const struct iomd_dma_device *device)
{
	return READ_ONCE(device->reaches_all) ? U64_MAX : iomd_dma_device_find_reach(device->dev);
}

/*
 * Would the DMA API copy everything to bounce buffers that the device can't reach?
 * Then only what the API itself allocates for the device is any good.
 */
bool iomd_dma_device_is_misled(struct device *dev);

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
