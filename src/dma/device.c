// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../compat/swiotlb.h"
#include "../debug/counters.h"
#include "../debug/inject.h"
#include "device.h"
#include "map.h"

static u64 highest_of(struct device *dev)
{
	return min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

bool iomd_dma_device_is_misled(struct device *dev)
{
	return !iomd_dma_device_translates(dev) && is_swiotlb_force_bounce(dev) &&
	       iomd_compat_swiotlb_last(dev) > highest_of(dev);
}

/* By an IOMMU or by copying, the DMA API has a device reach any memory. */
u64 iomd_dma_device_find_reach(struct device *dev)
{
	if (iomd_dma_device_translates(dev) ||
	    (dma_max_mapping_size(dev) != SIZE_MAX &&
	     iomd_compat_swiotlb_last(dev) <= highest_of(dev)))
		return U64_MAX;
	return iomd_dma_device_is_misled(dev) ? 0 : highest_of(dev);
}

static bool reaches_all(struct device *dev)
{
	return iomd_dma_device_translates(dev) && dma_max_mapping_size(dev) == SIZE_MAX;
}

/* Read under RCU: in it may be one that nobody refers to any more. */
static LIST_HEAD(devices);
/* guards changes; a map's last reference to a device may go in an interrupt */
static DEFINE_SPINLOCK(devices_lock);
/* one device is made at a time */
static DEFINE_MUTEX(make_lock);

struct iomd_dma_device *iomd_dma_device_retain(struct iomd_dma_device *device)
{
	if (device)
		refcount_inc(&device->references);
	return device;
}

void iomd_dma_device_put(struct iomd_dma_device *device)
{
	unsigned long irq;

	if (!device || !refcount_dec_and_test(&device->references))
		return;
	spin_lock_irqsave(&devices_lock, irq);
	list_del_rcu(&device->node);
	spin_unlock_irqrestore(&devices_lock, irq);
	put_device(device->dev);
	kfree_rcu(device, rcu);
}
IOMD_EXPORT_TEST(iomd_dma_device_put);

/*
 * Has the device a driver that did not begin to leave it? The driver core's own word
 * for that is the only one that changes at its beginning.
 */
static bool has_driver(const struct device *dev)
{
	enum dl_dev_state status = READ_ONCE(dev->links.status);

	return READ_ONCE(dev->driver) &&
	       (status == DL_DEV_PROBING || status == DL_DEV_DRIVER_BOUND);
}

/* A present one, or one that has gone and stays so until another driver comes. */
static struct iomd_dma_device *find(struct device *dev)
{
	struct iomd_dma_device *device, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(device, &devices, node) {
		if (device->dev != dev || (iomd_dma_device_is_gone(device) && has_driver(dev)) ||
		    !refcount_inc_not_zero(&device->references))
			continue;
		found = device;
		break;
	}
	rcu_read_unlock();
	return found;
}

static struct iomd_dma_device *make(struct device *dev)
{
	struct iomd_dma_device *device = NULL;
	unsigned long irq;

	if (!iomd_should_fail())
		device = kzalloc(sizeof(*device), GFP_KERNEL_ACCOUNT);
	if (!device)
		return NULL;
	device->dev = get_device(dev);
	refcount_set(&device->references, 1);
	spin_lock_init(&device->lock);
	INIT_HLIST_HEAD(&device->maps);
	spin_lock_irqsave(&devices_lock, irq);
	list_add_rcu(&device->node, &devices);
	spin_unlock_irqrestore(&devices_lock, irq);
	return device;
}

static void undo(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	lockdep_assert_held(&device->lock);
	if (!READ_ONCE(map->mapped))
		return;
	if (map != &device->own_map)
		hlist_del(&map->node);
	iomd_dma_map_undo(map);
}

/*
 * Of what is mapped the device loses sight; who mapped it finds out later, or comes
 * first to undo it.
 */
static void revoke(struct iomd_dma_device *device)
{
	struct iomd_dma_map *map;
	struct hlist_node *next;
	unsigned long irq;

	atomic_add(IOMD_DMA_DEVICE_GONE, &device->busy);
	wait_var_event(&device->busy,
		       atomic_read_acquire(&device->busy) == IOMD_DMA_DEVICE_GONE);
	spin_lock_irqsave(&device->lock, irq);
	hlist_for_each_entry_safe(map, next, &device->maps, node)
		undo(device, map);
	undo(device, &device->own_map);
	spin_unlock_irqrestore(&device->lock, irq);
}

static void driver_left(struct device *dev, void *resource)
{
	struct iomd_dma_device *device = *(struct iomd_dma_device **)resource;

	revoke(device);
	iomd_dma_device_put(device);
}

static int is_of(struct device *dev, void *resource, void *device)
{
	return *(struct iomd_dma_device **)resource == device;
}

/* A device without a driver is one that no driver leaves. */
static bool is_watched(const struct iomd_dma_device *device)
{
	return READ_ONCE(device->watched) || !READ_ONCE(device->dev->driver);
}

/*
 * While a driver leaves, it is too late to be told; should it begin to just now,
 * somebody may have been told, or not.
 */
static int watch(struct iomd_dma_device *device)
{
	struct iomd_dma_device **resource;
	struct device *dev = device->dev;

	lockdep_assert_held(&make_lock);
	if (is_watched(device))
		return 0;
	if (!has_driver(dev))
		return -ENODEV;
	if (iomd_should_fail())
		return -ENOMEM;
	resource = devres_alloc(driver_left, sizeof(*resource), GFP_KERNEL);
	if (!resource)
		return -ENOMEM;
	*resource = iomd_dma_device_retain(device);
	devres_add(dev, resource);
	WRITE_ONCE(device->reaches_all, reaches_all(dev));
	WRITE_ONCE(device->watched, true);
	if (has_driver(dev))
		return 0;
	devres_release(dev, driver_left, is_of, device);
	return -ENODEV;
}

/*
 * With its lock, drivers neither leave the device nor come to it: one that comes gets no
 * device with resources of somebody else's. Who holds the lock of a device that has its
 * driver is about to take that away, and says so soon; or calls us, as a driver does in
 * its probe(), and then has to do without.
 */
static bool try_lock(struct device *dev)
{
	unsigned int tries = 100;

	while (!device_trylock(dev)) {
		if (READ_ONCE(dev->links.status) != DL_DEV_DRIVER_BOUND || !tries--)
			return false;
		fsleep(200);
	}
	return true;
}

/* One that nobody has met yet, as it seems. */
static noinline struct iomd_dma_device *meet(struct device *dev)
{
	struct iomd_dma_device *device;
	bool locked = try_lock(dev);
	int ret = -ENOMEM;

	mutex_lock(&make_lock);
	device = find(dev) ?: make(dev);
	if (device)
		ret = iomd_dma_device_is_gone(device) ? -ENODEV : watch(device);
	mutex_unlock(&make_lock);
	if (locked)
		device_unlock(dev);
	if (!ret)
		return device;
	iomd_dma_device_put(device);
	return ERR_PTR(ret);
}

/**
 * iomd_dma_device_get() - what is known about a device
 * @dev: device
 *
 * Undone by iomd_dma_device_put(), in any context.
 *
 * Return: that; or ERR_PTR: -ENODEV if it is not set up for DMA, or its driver leaves
 * it or has left it; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_dma_device *iomd_dma_device_get(struct device *dev)
{
	struct iomd_dma_device *device;

	if (!dev->dma_mask || !*dev->dma_mask) {
		dev_err_once(dev, "iomd: the device is not set up for DMA\n");
		return ERR_PTR(-ENODEV);
	}
	device = find(dev);
	if (likely(device && !iomd_dma_device_is_gone(device) && is_watched(device)))
		return device;
	iomd_dma_device_put(device);
	return meet(dev);
}
IOMD_EXPORT_TEST(iomd_dma_device_get);

/* Where misuse is looked for, a map that has ended is nobody else's so soon. */
#define LENDS_ITS_OWN	(!IS_ENABLED(CONFIG_KASAN))

struct iomd_dma_map *iomd_dma_device_alloc_map(struct iomd_dma_device *device)
{
	struct iomd_dma_map *map;

	if (iomd_should_fail())
		return NULL;
	if (LENDS_ITS_OWN && !test_and_set_bit_lock(0, &device->own_map_taken))
		return &device->own_map;
	map = kmalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (map)
		map->mapped = false;
	return map;
}

void iomd_dma_device_free_map(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	if (map == &device->own_map)
		clear_bit_unlock(0, &device->own_map_taken);
	else
		kfree(map);
}

void iomd_dma_device_begin(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	unsigned long irq;

	WRITE_ONCE(map->mapped, true);
	iomd_count(IOMD_DMA_MAPPED, 1);
	if (map == &device->own_map)
		return;
	spin_lock_irqsave(&device->lock, irq);
	hlist_add_head(&map->node, &device->maps);
	spin_unlock_irqrestore(&device->lock, irq);
}
IOMD_EXPORT_TEST(iomd_dma_device_begin);

static void unlink(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	unsigned long irq;

	spin_lock_irqsave(&device->lock, irq);
	hlist_del(&map->node);
	spin_unlock_irqrestore(&device->lock, irq);
}

/* The device is going; who is to tell that it has gone waits until this is done. */
static noinline void end_while_going(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	unsigned long irq;

	spin_lock_irqsave(&device->lock, irq);
	undo(device, map);
	spin_unlock_irqrestore(&device->lock, irq);
}

void iomd_dma_device_end(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	if (unlikely(!iomd_dma_device_enter(device))) {
		end_while_going(device, map);
		return;
	}
	if (map != &device->own_map)
		unlink(device, map);
	iomd_dma_map_undo(map);
	iomd_dma_device_exit(device);
}
