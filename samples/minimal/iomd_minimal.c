// SPDX-License-Identifier: GPL-2.0
/* What a program writes to /dev/iomd-minimal, a device would fetch by DMA. */
#include <linux/dma-mapping.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <iomd/iomd.h>

static struct miscdevice minimal;

static ssize_t minimal_write(struct file *file, const char __user *buffer, size_t length,
			     loff_t *position)
{
	struct device *dev = minimal.this_device;
	struct iomd_dma_map *map;
	struct scatterlist *sg;
	struct iomd *md;
	int err, i;

	if (!length)
		return 0;
	md = iomd_with_address_range((uintptr_t)buffer, length, IOMD_DIRECTION_OUT, current);
	if (IS_ERR(md))
		return PTR_ERR(md);
	err = iomd_prepare(md, IOMD_DIRECTION_NONE);
	if (err)
		goto release;
	map = iomd_dma_map(md, dev, 0, length, IOMD_DIRECTION_OUT);
	if (IS_ERR(map)) {
		err = PTR_ERR(map);
		goto complete;
	}
	for_each_sgtable_dma_sg(&map->sgt, sg, i)
		dev_dbg_ratelimited(dev, "%u bytes at sg_dma_address(sg)\n", sg_dma_len(sg));
	iomd_dma_unmap(map);	/* not before the device is done */
complete:
	iomd_complete(md, IOMD_DIRECTION_NONE);
release:
	iomd_release(md);
	return err ?: length;
}

/* A bus would have done this for a real device. */
static int minimal_open(struct inode *inode, struct file *file)
{
	return dma_coerce_mask_and_coherent(minimal.this_device, DMA_BIT_MASK(64));
}

static const struct file_operations minimal_fops = {
	.owner = THIS_MODULE,
	.open = minimal_open,
	.write = minimal_write,
};

static struct miscdevice minimal = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd-minimal",
	.fops = &minimal_fops,
};
module_misc_device(minimal);

MODULE_DESCRIPTION("The smallest driver on iomd");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
