// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../compat/bus.h"
#include "../compat/driver.h"
#include "../compat/swiotlb.h"
#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../gfp.h"
#include "device.h"
#include "table.h"

static u64 highest_of(struct device *dev)
{
	return min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/* Is memory elsewhere for the device than for the CPU? An IOMMU's addresses are anywhere. */
static bool is_moved(struct device *dev)
{
	return iomd_compat_bus_is_moved(dev) && !iomd_dma_device_translates(dev);
}

static bool reaches_bounce_buffers(struct device *dev)
{
	return iomd_compat_bus_address(dev, iomd_compat_swiotlb_last(dev)) <= highest_of(dev);
}

static bool is_misled(struct device *dev)
{
	return !iomd_dma_device_translates(dev) && is_swiotlb_force_bounce(dev) &&
	       !reaches_bounce_buffers(dev);
}

bool iomd_dma_device_needs_its_pages(struct device *dev)
{
	return is_moved(dev) || is_misled(dev);
}

/* By an IOMMU or by copying, the DMA API has a device reach any memory. */
struct iomd_dma_reach iomd_dma_device_find_reach(struct device *dev)
{
	struct iomd_dma_reach reach = {
		.last = U64_MAX,
		.bus = is_moved(dev) ? dev : NULL,
	};

	if (iomd_dma_device_translates(dev) ||
	    (dma_max_mapping_size(dev) != SIZE_MAX && reaches_bounce_buffers(dev)))
		return reach;
	reach.last = is_misled(dev) ? 0 : highest_of(dev);
	reach.moved = reach.last ? reach.bus : NULL;
	return reach;
}

/* What the device does not see is copied to where the DMA API minds the limits itself. */
u64 iomd_dma_reach_bus_address(const struct iomd_dma_reach *reach, phys_addr_t address)
{
	dma_addr_t seen = iomd_compat_bus_address(reach->bus, address);

	return seen == DMA_MAPPING_ERROR ? address : seen;
}

/* No address is the error's, which is what memory has that the device does not see. */
bool iomd_dma_reach_has_moved(const struct iomd_dma_reach *reach, phys_addr_t address,
			      u64 length)
{
	u64 first = iomd_compat_bus_address(reach->moved, address);
	u64 last = iomd_compat_bus_address(reach->moved, address + length - 1);

	return first != DMA_MAPPING_ERROR && last - first == length - 1 && last <= reach->last;
}

u64 iomd_dma_device_memory_below(struct device *dev, u64 last)
{
	return is_moved(dev) ? (u64)iomd_compat_bus_memory(dev, last) : last;
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
/* what has to wait for the lock of a device, or may sleep where its caller may not */
static struct workqueue_struct *device_wq;

struct iomd_dma_device *iomd_dma_device_retain(struct iomd_dma_device *device)
{
	if (device)
		refcount_inc(&device->references);
	return device;
}

static void put_last(struct work_struct *work)
{
	struct iomd_dma_device *device = container_of(work, struct iomd_dma_device, put_work);

	put_device(device->dev);
	kfree_rcu(device, rcu);
}

void iomd_dma_device_put(struct iomd_dma_device *device)
{
	unsigned long irq;

	if (!device || !refcount_dec_and_test(&device->references))
		return;
	spin_lock_irqsave(&devices_lock, irq);
	list_del_rcu(&device->node);
	spin_unlock_irqrestore(&devices_lock, irq);
	/*
	 * The end of a device may sleep, and few kernels know whether their caller may. But
	 * who still has the device must not find our reference on it later.
	 */
	if (refcount_dec_not_one(&device->dev->kobj.kref.refcount))
		kfree_rcu(device, rcu);
	else
		queue_work(device_wq, &device->put_work);
}
IOMD_EXPORT_TEST(iomd_dma_device_put);

static struct iomd_dma_map *first_mapped(struct iomd_dma_device *device)
{
	lockdep_assert_held(&device->lock);
	if (!hlist_empty(&device->maps))
		return hlist_entry(device->maps.first, struct iomd_dma_map, node);
	return READ_ONCE(device->own_map.mapped) ? &device->own_map : NULL;
}

static void dma_device_undo_map(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	lockdep_assert_held(&device->lock);
	if (!READ_ONCE(map->mapped))
		return;
	if (map != &device->own_map)
		hlist_del(&map->node);
	iomd_dma_map_undo(map);
}

/* Freeing the DMA API's pages may sleep; whoever else ends such a map waits for it. */
static void undo_pages(struct iomd_dma_map *map)
{
	might_sleep();
	iomd_dma_map_undo(map);
	/* Pairs with end_while_going(); the map may be no more. */
	smp_mb();
	wake_up_var(&map->mapped);
}

/*
 * One map, so that interrupts are never off for longer than it takes to undo one;
 * they are off for that because the map may end in an interrupt, which can't wait.
 */
static bool revoke_one(struct iomd_dma_device *device)
{
	bool has_pages = false;
	struct iomd_dma_map *map;
	unsigned long irq;

	spin_lock_irqsave(&device->lock, irq);
	map = first_mapped(device);
	if (map)
		has_pages = map->pages;
	if (has_pages && map != &device->own_map)
		hlist_del(&map->node);
	if (map && !has_pages)
		dma_device_undo_map(device, map);
	spin_unlock_irqrestore(&device->lock, irq);
	if (has_pages)
		undo_pages(map);
	return map;
}

/*
 * Of what is mapped the device loses sight; who mapped it finds out later, or comes
 * first to undo it.
 */
static void dma_device_revoke_maps(struct iomd_dma_device *device)
{
	atomic_add(IOMD_DMA_DEVICE_GONE, &device->busy);
	wait_var_event(&device->busy,
		       atomic_read_acquire(&device->busy) == IOMD_DMA_DEVICE_GONE);
	while (revoke_one(device))
		cond_resched();
}

/*
 * The driver core holds the lock of a device whose driver leaves until driver_left()
 * has returned. Only then may its code go, which the end of this module waits for.
 */
static void dma_device_forget(struct work_struct *work)
{
	struct iomd_dma_device *device = container_of(work, struct iomd_dma_device, left_work);

	device_lock(device->dev);
	device_unlock(device->dev);
	iomd_dma_device_put(device);
}

static void driver_left(struct device *dev, void *resource);

/* Ask to be told when the driver leaves; the answer holds the caller's reference. */
static bool ask_to_be_told(struct iomd_dma_device *device)
{
	struct iomd_dma_device **resource = NULL;

	if (!iomd_should_fail())
		resource = devres_alloc(driver_left, sizeof(*resource), GFP_KERNEL);
	if (!resource)
		return false;
	*resource = device;
	devres_add(device->dev, resource);
	return true;
}

/*
 * Called too when only a group of a device's resources ends, into which we got because
 * somebody mapped while it was open: the driver stays then, and so do the maps.
 */
static void driver_left(struct device *dev, void *resource)
{
	struct iomd_dma_device *device = *(struct iomd_dma_device **)resource;

	if (iomd_compat_has_driver(dev) && ask_to_be_told(device))
		return;
	dma_device_revoke_maps(device);
	queue_work(device_wq, &device->left_work);
}

static int is_of(struct device *dev, void *resource, void *device)
{
	return *(struct iomd_dma_device **)resource == device;
}

/* A present one, or one that has gone and stays so until another driver comes. */
static struct iomd_dma_device *dma_device_find(struct device *dev)
{
	struct iomd_dma_device *device, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(device, &devices, node) {
		if (device->dev != dev ||
		    (iomd_dma_device_is_gone(device) && iomd_compat_has_driver(dev)) ||
		    !refcount_inc_not_zero(&device->references))
			continue;
		found = device;
		break;
	}
	rcu_read_unlock();
	return found;
}

static struct iomd_dma_device *dma_device_make(struct device *dev)
{
	struct iomd_dma_device *device = NULL;
	unsigned long irq;

	if (!iomd_should_fail())
		device = kzalloc(sizeof(*device), IOMD_GFP_SIZED);
	if (!device)
		return NULL;
	device->dev = get_device(dev);
	refcount_set(&device->references, 1);
	spin_lock_init(&device->lock);
	INIT_HLIST_HEAD(&device->maps);
	INIT_WORK(&device->put_work, put_last);
	INIT_WORK(&device->left_work, dma_device_forget);
	spin_lock_irqsave(&devices_lock, irq);
	list_add_rcu(&device->node, &devices);
	spin_unlock_irqrestore(&devices_lock, irq);
	return device;
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
static int dma_device_watch_driver(struct iomd_dma_device *device)
{
	struct device *dev = device->dev;

	lockdep_assert_held(&make_lock);
	if (is_watched(device))
		return 0;
	if (!iomd_compat_has_driver(dev))
		return -ENODEV;
	if (!ask_to_be_told(iomd_dma_device_retain(device))) {
		iomd_dma_device_put(device);
		return -ENOMEM;
	}
	WRITE_ONCE(device->reaches_all, reaches_all(dev));
	WRITE_ONCE(device->watched, true);
	if (iomd_compat_has_driver(dev))
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
		if (!iomd_compat_driver_is_bound(dev) || !tries--)
			return false;
		fsleep(200);
	}
	return true;
}

/* One that nobody has met yet, as it seems. */
static noinline struct iomd_dma_device *dma_device_meet(struct device *dev)
{
	struct iomd_dma_device *device;
	bool locked = try_lock(dev);
	int ret = -ENOMEM;

	mutex_lock(&make_lock);
	device = dma_device_find(dev) ?: dma_device_make(dev);
	if (device)
		ret = iomd_dma_device_is_gone(device) ? -ENODEV : dma_device_watch_driver(device);
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
	device = dma_device_find(dev);
	if (likely(device && !iomd_dma_device_is_gone(device) && is_watched(device)))
		return device;
	iomd_dma_device_put(device);
	return dma_device_meet(dev);
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
	map = kmalloc(sizeof(*map), IOMD_GFP_SIZED);
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

static void dma_device_unlink_map(struct iomd_dma_device *device, struct iomd_dma_map *map)
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

	if (map->pages) {
		/* Pairs with undo_pages(). */
		wait_var_event(&map->mapped, !smp_load_acquire(&map->mapped));
		return;
	}
	spin_lock_irqsave(&device->lock, irq);
	dma_device_undo_map(device, map);
	spin_unlock_irqrestore(&device->lock, irq);
}

void iomd_dma_device_end(struct iomd_dma_device *device, struct iomd_dma_map *map)
{
	if (unlikely(!iomd_dma_device_enter(device))) {
		end_while_going(device, map);
		return;
	}
	if (map != &device->own_map)
		dma_device_unlink_map(device, map);
	iomd_dma_map_undo(map);
	iomd_dma_device_exit(device);
}

int iomd_dma_device_init_room(void)
{
	device_wq = iomd_should_fail() ? NULL : alloc_workqueue("iomd_dma", WQ_UNBOUND, 0);
	return device_wq ? 0 : -ENOMEM;
}

/* One that is still to be told of its driver's leaving, with a reference. */
static struct iomd_dma_device *find_watched(void)
{
	struct iomd_dma_device *device, *found = NULL;

	spin_lock_irq(&devices_lock);
	list_for_each_entry(device, &devices, node) {
		if (!READ_ONCE(device->watched) || !refcount_inc_not_zero(&device->references))
			continue;
		found = device;
		break;
	}
	spin_unlock_irq(&devices_lock);
	return found;
}

/* Its driver leaves before, or without a word to us. */
static void stop_watching(struct iomd_dma_device *device)
{
	device_lock(device->dev);
	WRITE_ONCE(device->watched, false);
	if (!devres_destroy(device->dev, driver_left, is_of, device))
		iomd_dma_device_put(device);
	device_unlock(device->dev);
}

/*
 * Nothing is mapped any more. But drivers that need not know of us have devices that we
 * hung something onto.
 */
void iomd_dma_device_exit_room(void)
{
	struct iomd_dma_device *device;

	while ((device = find_watched())) {
		stop_watching(device);
		iomd_dma_device_put(device);
	}
	destroy_workqueue(device_wq);
	WARN_ON(!list_empty(&devices));
}
