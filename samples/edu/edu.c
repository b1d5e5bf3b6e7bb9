// SPDX-License-Identifier: GPL-2.0
/*
 * Driver for QEMU's "edu" PCI device, as an example of how to use iomd: it moves
 * one user buffer into another through the device's own 4 KiB of memory.
 *
 * The rule that matters most: memory goes back to its owner only when the device
 * is known to be done with it. So a transfer that has begun is always waited for,
 * whatever happens to the process that wanted it; it can be killed between two.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <iomd/iomd.h>

#include "edu.h"
#include "iomd_edu.h"

#define EDU_INTERRUPT_STATUS	0x24
#define EDU_INTERRUPT_ACK	0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define   EDU_DMA_START		BIT(0)
#define   EDU_DMA_TO_MEMORY	BIT(1)
#define   EDU_DMA_INTERRUPT	BIT(2)

#define EDU_BUFFER		0x40000
#define EDU_SEGMENT_MAX		4096
/* Of the buffer's bytes; QEMU 7.2 aborts when a transfer reaches the last one. */
#define EDU_TRANSFER_MAX	2048U
#define EDU_TIMEOUT		(5 * HZ)

static unsigned int address_bits = 28;
module_param(address_bits, uint, 0444);
MODULE_PARM_DESC(address_bits, "bits of the addresses that the device can have (28)");

static DEFINE_IDA(edu_ids);

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->registers + EDU_INTERRUPT_STATUS);

	if (!status)
		return IRQ_NONE;
	writel(status, edu->registers + EDU_INTERRUPT_ACK);
	complete(&edu->done);
	return IRQ_HANDLED;
}

static bool edu_is_idle(struct edu *edu)
{
	return !(readl(edu->registers + EDU_DMA_COMMAND) & EDU_DMA_START);
}

/* Returns when the device is idle; -ETIMEDOUT: it is not, and nobody knows till when. */
static int edu_transfer(struct edu *edu, u64 from, u64 to, u32 length, u32 command)
{
	int err = READ_ONCE(edu->error);

	if (err)
		return err;
	reinit_completion(&edu->done);
	writeq(from, edu->registers + EDU_DMA_SOURCE);
	writeq(to, edu->registers + EDU_DMA_DESTINATION);
	writeq(length, edu->registers + EDU_DMA_COUNT);
	writel(command | EDU_DMA_INTERRUPT | EDU_DMA_START, edu->registers + EDU_DMA_COMMAND);
	wait_for_completion_timeout(&edu->done, EDU_TIMEOUT);
	if (edu_is_idle(edu))
		return 0;
	cmpxchg(&edu->error, 0, -EIO);
	return -ETIMEDOUT;
}

/* What the device sees of a piece of memory, segment by segment. */
struct edu_view {
	struct iomd_dma_command *command;
	u64 offset;
	struct iomd_dma_segment64 segment;
};

/*
 * Memory that is prepared, as the device can take it: pages beyond its address bits are
 * copied, unless an IOMMU helps. Undone by edu_hide().
 */
struct iomd_dma_command *edu_show(struct edu *edu, struct iomd *md)
{
	const struct iomd_dma_segment_options options = {
		.num_address_bits = address_bits,
		.max_segment_size = EDU_SEGMENT_MAX,
	};
	struct iomd_dma_command *command;
	int err;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &options,
						      IOMD_DMA_MAP_OPTION_MAPPED, edu->dev,
						      NULL);
	if (IS_ERR(command))
		return command;
	err = iomd_dma_command_set_memory_descriptor(command, md, true);
	if (!err)
		return command;
	iomd_dma_command_release(command);
	return ERR_PTR(err);
}

/* The device is done with it, and what it wrote is in the memory. */
void edu_hide(struct iomd_dma_command *command)
{
	iomd_dma_command_clear_memory_descriptor(command, true);
	iomd_dma_command_release(command);
}

/* Have the view's segment not be empty. */
static int edu_next(struct edu_view *view)
{
	u32 count = 1;

	if (view->segment.length)
		return 0;
	return iomd_dma_command_gen64_iovm_segments(view->command, &view->offset,
						    &view->segment, &count);
}

static void edu_advance(struct edu_view *view, u32 bytes)
{
	view->segment.iovm_addr += bytes;
	view->segment.length -= bytes;
}

/* From memory into the device's own, or from there into memory. */
int edu_step(struct edu *edu, u64 address, u32 length, bool to_memory)
{
	if (to_memory)
		return edu_transfer(edu, EDU_BUFFER, address, length, EDU_DMA_TO_MEMORY);
	return edu_transfer(edu, address, EDU_BUFFER, length, 0);
}

/* Both are of one length, but each is cut into segments in its own way. */
static int edu_move(struct edu *edu, struct iomd_dma_command *source,
		    struct iomd_dma_command *destination, u64 length, u64 *transfers)
{
	struct edu_view from = { .command = source }, to = { .command = destination };
	u32 step;
	int err;

	for (; length; length -= step) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = edu_next(&from) ?: edu_next(&to);
		if (err)
			return err;
		step = min3(from.segment.length, to.segment.length, (u64)EDU_TRANSFER_MAX);
		err = edu_step(edu, from.segment.iovm_addr, step, false) ?:
		      edu_step(edu, to.segment.iovm_addr, step, true);
		if (err)
			return err;
		edu_advance(&from, step);
		edu_advance(&to, step);
		*transfers += 2;
	}
	return 0;
}

int edu_lock(struct edu *edu)
{
	int err = mutex_lock_killable(&edu->lock);

	if (err)
		return err;
	err = READ_ONCE(edu->error);
	if (err)
		mutex_unlock(&edu->lock);
	return err;
}

/* Unlike preparing, this is for a device: it must end before the device goes. */
static int edu_show_and_move(struct edu *edu, struct iomd *from, struct iomd *to,
			     u64 *transfers)
{
	struct iomd_dma_command *source, *destination;
	u64 length = iomd_get_length(from);
	int err;

	err = edu_lock(edu);
	if (err)
		return err;
	source = edu_show(edu, from);
	if (IS_ERR(source)) {
		err = PTR_ERR(source);
		goto unlock;
	}
	destination = edu_show(edu, to);
	if (IS_ERR(destination)) {
		err = PTR_ERR(destination);
		goto hide_source;
	}
	err = edu_move(edu, source, destination, length, transfers);
	if (err == -ETIMEDOUT) {
		/*
		 * Whoever got this memory next would find the device reading or
		 * writing in it. Better to lose it: no end of the commands, no
		 * complete.
		 */
		dev_err(edu->dev, "hung; 2 x %llu bytes of memory are lost\n", length);
		goto unlock;
	}
	edu_hide(destination);
hide_source:
	edu_hide(source);
unlock:
	mutex_unlock(&edu->lock);
	return err;
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

static int edu_copy(struct edu *edu, struct iomd_edu_copy *args)
{
	struct iomd *from, *to;
	int err;

	if (args->flags)
		return -EINVAL;
	from = edu_get_user_memory(args->source, args->source_count, IOMD_DIRECTION_OUT);
	if (IS_ERR(from))
		return PTR_ERR(from);
	to = edu_get_user_memory(args->destination, args->destination_count,
				 IOMD_DIRECTION_IN);
	if (IS_ERR(to)) {
		err = PTR_ERR(to);
		goto put_from;
	}
	args->transfers = 0;
	if (iomd_get_length(from) == iomd_get_length(to))
		err = edu_show_and_move(edu, from, to, &args->transfers);
	else
		err = -EINVAL;
	if (err == -ETIMEDOUT)
		return err;	/* lost on purpose, see above */
	edu_put_user_memory(to);
put_from:
	edu_put_user_memory(from);
	return err;
}

static long edu_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct edu_file *open = file->private_data;
	struct edu *edu = open->edu;
	void __user *user = (void __user *)argument;
	union {
		struct iomd_edu_copy copy;
		struct iomd_edu_describe describe;
		struct iomd_edu_show show;
	} args;
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
		err = edu_copy(edu, &args.copy);
		break;
	case IOMD_EDU_DESCRIBE:
		err = edu_describe(edu, &args.describe);
		break;
	case IOMD_EDU_SHOW:
		err = edu_file_show(open, &args.show);
		break;
	default:
		err = edu_file_fill(open, &args.show);
	}
	if (!err && copy_to_user(user, &args, size))
		err = -EFAULT;
	return err;
}

static void edu_free(struct kref *references)
{
	struct edu *edu = container_of(references, struct edu, references);

	ida_free(&edu_ids, edu->id);
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

static struct edu *edu_alloc(struct device *dev)
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
	init_completion(&edu->done);
	edu->dev = dev;
	snprintf(edu->name, sizeof(edu->name), "iomd-edu%d", edu->id);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = dev;
	edu->misc.mode = 0660;
	return edu;
}

static void edu_unmap_registers(void *mapping)
{
	iomd_mapping_release(mapping);
}

static int edu_map_registers(struct edu *edu, struct resource *bar)
{
	struct iomd_mapping *mapping;
	struct iomd *md;

	if (!devm_request_mem_region(edu->dev, bar->start, resource_size(bar), KBUILD_MODNAME))
		return -EBUSY;
	md = iomd_device_memory_with_resource(bar);
	if (IS_ERR(md))
		return PTR_ERR(md);
	mapping = iomd_map(md, 0);
	iomd_release(md);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	edu->registers = (void __iomem *)iomd_mapping_get_virtual_address(mapping);
	return devm_add_action_or_reset(edu->dev, edu_unmap_registers, mapping);
}

static int edu_request_interrupt(struct edu *edu, struct pci_dev *pdev)
{
	int err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);

	if (err < 0)
		return err;
	return devm_request_irq(edu->dev, pci_irq_vector(pdev, 0), edu_interrupt, 0,
				edu->name, edu);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(address_bits));
	if (err)
		return err;
	edu = edu_alloc(&pdev->dev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	err = devm_add_action_or_reset(&pdev->dev, edu_put, edu);
	if (err)
		return err;
	err = edu_map_registers(edu, &pdev->resource[0]);
	if (err)
		return err;
	if (!edu_is_idle(edu))
		return -EBUSY;	/* it hung, and was unbound and bound again */
	err = edu_request_interrupt(edu, pdev);
	if (err)
		return err;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, edu);
	return misc_register(&edu->misc);
}

/* No new file, no new transfer; then wait for the one that runs and its unmapping. */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	cmpxchg(&edu->error, 0, -ENODEV);
	mutex_lock(&edu->lock);
	mutex_unlock(&edu->lock);
}

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
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Example of iomd: user memory through QEMU's edu device");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
