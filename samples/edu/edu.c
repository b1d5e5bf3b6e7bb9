// SPDX-License-Identifier: GPL-2.0
/*
 * Driver for QEMU's "edu" PCI device, as an example of how to use iomd: it moves
 * one user buffer into another through the device's own 4 KiB of memory.
 *
 * Here is what the bus and the files want: a device comes and goes while programs have
 * it open. The one lock and hardware.c see to it that no register is touched when it
 * has gone.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

unsigned int edu_address_bits = 28;
module_param_named(address_bits, edu_address_bits, uint, 0444);
MODULE_PARM_DESC(address_bits, "bits of the addresses that the device can have (28)");

static DEFINE_IDA(edu_ids);

/* -ERESTARTSYS for a signal; else why there is nothing to lock. */
int edu_lock(struct edu *edu)
{
	int err;

	if (mutex_lock_interruptible(&edu->lock))
		return -ERESTARTSYS;
	err = READ_ONCE(edu->error);
	if (err)
		mutex_unlock(&edu->lock);
	return err;
}

/* From here on the device's memory is this file's; of what is there it knows nothing. */
void edu_hold(struct edu *edu, const struct edu_file *file)
{
	lockdep_assert_held(&edu->lock);
	if (edu->holder == file)
		return;
	edu->holder = file;
	edu->known = 0;
}

/* The caller's memory, described and prepared. */
struct iomd *edu_get_user_memory(u64 user_ranges, u32 count, u64 direction)
{
	struct iomd_address_range ranges[IOMD_EDU_RANGES_MAX];
	struct iomd *md;
	int err;

	static_assert(sizeof(ranges[0]) == sizeof(struct iomd_edu_range));
	if (!count || count > ARRAY_SIZE(ranges))
		return ERR_PTR(-EINVAL);
	if (copy_from_user(ranges, u64_to_user_ptr(user_ranges), count * sizeof(ranges[0])))
		return ERR_PTR(-EFAULT);
	md = iomd_with_address_ranges(ranges, count, direction, current);
	if (IS_ERR(md))
		return md;
	err = iomd_get_length(md) ? iomd_prepare(md, IOMD_DIRECTION_NONE) : -EINVAL;
	if (err) {
		iomd_release(md);
		return ERR_PTR(err);
	}
	return md;
}

void edu_put_user_memory(struct iomd *md)
{
	iomd_complete(md, IOMD_DIRECTION_NONE);
	iomd_release(md);
}

static long edu_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct edu_file *open = file->private_data;
	void __user *user = (void __user *)argument;
	union {
		struct iomd_edu_copy copy;
		struct iomd_edu_describe describe;
		struct iomd_edu_show show;
	} args;
	u64 done = 0;
	size_t size;
	u32 user_size;
	int err;

	switch (command) {
	case IOMD_EDU_COPY:
		size = sizeof(args.copy);
		break;
	case IOMD_EDU_DESCRIBE:
		size = sizeof(args.describe);
		break;
	case IOMD_EDU_SHOW:
	case IOMD_EDU_FILL:
		size = sizeof(args.show);
		break;
	default:
		return -ENOTTY;
	}
	if (get_user(user_size, (u32 __user *)user))
		return -EFAULT;
	if (user_size < size)
		return -EINVAL;
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&args, size, user, user_size);
	if (err)
		return err;
	switch (command) {
	case IOMD_EDU_COPY:
		done = args.copy.done;
		err = edu_copy(open, &args.copy);
		break;
	case IOMD_EDU_DESCRIBE:
		err = edu_describe(open, &args.describe);
		break;
	case IOMD_EDU_SHOW:
		err = edu_file_show(open, &args.show);
		break;
	default:
		err = edu_file_fill(open, &args.show);
	}
	/* How far it came is what a copy that is restarted goes on from. */
	if (err && (command != IOMD_EDU_COPY || done == args.copy.done))
		return err;
	return copy_to_user(user, &args, size) ? -EFAULT : err;
}

static void edu_free(struct kref *references)
{
	struct edu *edu = container_of(references, struct edu, references);

	ida_free(&edu_ids, edu->id);
	pci_dev_put(edu->pdev);
	mutex_destroy(&edu->lock);
	kfree(edu);
}

static void edu_put(void *edu)
{
	kref_put(&((struct edu *)edu)->references, edu_free);
}

/* misc_deregister() waits for opens under way, so the device's reference is there. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);
	struct edu_file *open = kzalloc(sizeof(*open), GFP_KERNEL_ACCOUNT);

	if (!open)
		return -ENOMEM;
	open->user = edu_user_get();
	if (!open->user) {
		kfree(open);
		return -ENOMEM;
	}
	kref_get(&edu->references);
	open->edu = edu;
	mutex_init(&open->lock);
	file->private_data = open;
	return 0;
}

static int edu_close(struct inode *inode, struct file *file)
{
	struct edu_file *open = file->private_data;

	edu_file_end(open);
	mutex_destroy(&open->lock);
	edu_user_put(open->user);
	edu_put(open->edu);
	kfree(open);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_close,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct edu *edu_alloc(struct pci_dev *pdev)
{
	struct edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);

	if (!edu)
		return ERR_PTR(-ENOMEM);
	edu->id = ida_alloc(&edu_ids, GFP_KERNEL);
	if (edu->id < 0) {
		int err = edu->id;

		kfree(edu);
		return ERR_PTR(err);
	}
	kref_init(&edu->references);
	mutex_init(&edu->lock);
	init_waitqueue_head(&edu->wait);
	edu->pdev = pci_dev_get(pdev);
	snprintf(edu->name, sizeof(edu->name), "iomd-edu%d", edu->id);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = &pdev->dev;
	edu->misc.mode = 0660;
	return edu;
}

static void edu_unmap_registers(void *mapping)
{
	iomd_mapping_release(mapping);
}

static int edu_map_registers(struct edu *edu, struct resource *bar)
{
	struct device *dev = &edu->pdev->dev;
	struct iomd_mapping *mapping;
	struct iomd *md;

	if (!devm_request_mem_region(dev, bar->start, resource_size(bar), KBUILD_MODNAME))
		return -EBUSY;
	md = iomd_device_memory_with_resource(bar);
	if (IS_ERR(md))
		return PTR_ERR(md);
	mapping = iomd_map(md, 0);
	iomd_release(md);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	edu->registers = (void __iomem *)iomd_mapping_get_virtual_address(mapping);
	return devm_add_action_or_reset(dev, edu_unmap_registers, mapping);
}

static int edu_request_interrupt(struct edu *edu)
{
	int err = pci_alloc_irq_vectors(edu->pdev, 1, 1, PCI_IRQ_MSI);

	if (err < 0)
		return err;
	return devm_request_irq(&edu->pdev->dev, pci_irq_vector(edu->pdev, 0), edu_interrupt, 0,
				edu->name, edu);
}

static int edu_enable(struct pci_dev *pdev)
{
	struct device *dev = &pdev->dev;
	int err;

	if (edu_address_bits < PAGE_SHIFT || edu_address_bits > 64)
		return dev_err_probe(dev, -EINVAL, "address_bits=%u: %d to 64 make sense\n",
				     edu_address_bits, PAGE_SHIFT);
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(edu_address_bits));
	if (err)
		return dev_err_probe(dev, err, "no addresses of %u bits\n", edu_address_bits);
	return 0;
}

/* It may have hung, and been unbound and bound again. */
static int edu_have_idle(struct edu *edu)
{
	int err = edu_state(edu);

	if (err == -EBUSY && !pci_reset_function_locked(edu->pdev))
		err = edu_state(edu);
	return err;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct edu *edu;
	int err;

	err = edu_enable(pdev);
	if (err)
		return err;
	edu = edu_alloc(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	err = devm_add_action_or_reset(dev, edu_put, edu);
	if (err)
		return err;
	err = edu_map_registers(edu, &pdev->resource[0]);
	if (err)
		return err;
	err = edu_have_idle(edu);
	if (err)
		return err;
	if (!dmam_alloc_coherent(dev, EDU_FILL_MAX, &edu->zeroes, GFP_KERNEL))
		return -ENOMEM;
	err = edu_request_interrupt(edu);
	if (err)
		return err;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, edu);
	err = misc_register(&edu->misc);
	if (err)
		pci_clear_master(pdev);
	return err;
}

/*
 * No new file, no new transfer; the one that runs ends, at once if the device has gone.
 * Then the device reaches no memory any more, and only then do its maps end and its
 * interrupt, its zeroes and its registers go, as this returns.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	cmpxchg(&edu->error, 0, -ENODEV);
	wake_up(&edu->wait);
	mutex_lock(&edu->lock);
	pci_clear_master(pdev);
	mutex_unlock(&edu->lock);
}

/* Programs are frozen, so nothing runs; what is mapped for the device stays so. */
static int edu_suspend(struct device *dev)
{
	struct edu *edu = dev_get_drvdata(dev);

	mutex_lock(&edu->lock);
	pci_clear_master(edu->pdev);
	mutex_unlock(&edu->lock);
	return 0;
}

/* The device's memory may hold anything now. */
static int edu_resume(struct device *dev)
{
	struct edu *edu = dev_get_drvdata(dev);

	mutex_lock(&edu->lock);
	edu->holder = NULL;
	/* What was stopped stays so. */
	if (!edu->error)
		pci_set_master(edu->pdev);
	mutex_unlock(&edu->lock);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(edu_pm, edu_suspend, edu_resume);

/* root has the bus reset the device: not while it works. */
static void edu_reset_prepare(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	/* None yet if it is us, in probe(). */
	if (edu)
		mutex_lock(&edu->lock);
}

static void edu_reset_done(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	if (!edu)
		return;
	edu->holder = NULL;
	mutex_unlock(&edu->lock);
}

static const struct pci_error_handlers edu_errors = {
	.reset_prepare = edu_reset_prepare,
	.reset_done = edu_reset_done,
};

static const struct pci_device_id edu_devices[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_devices);

static struct pci_driver edu_driver = {
	.name = KBUILD_MODNAME,
	.id_table = edu_devices,
	.probe = edu_probe,
	.remove = edu_remove,
	.err_handler = &edu_errors,
	.driver.pm = pm_sleep_ptr(&edu_pm),
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Example of iomd: user memory through QEMU's edu device");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
