// SPDX-License-Identifier: GPL-2.0
/*
 * A driver to begin with: a PCI device that shares memory with its driver for as long as
 * it is bound. Copy this folder, and have your device do something with the memory.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <iomd/iomd.h>

struct template {
	struct iomd *md;
	struct iomd_dma_map *map;
};

static int template_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct template *template;
	struct scatterlist *sg;
	int err, i;

	template = devm_kzalloc(dev, sizeof(*template), GFP_KERNEL);
	if (!template)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	/* The kernel's own memory, which is prepared from the start. */
	template->md = iomd_buffer_with_options(IOMD_DIRECTION_OUT_IN, SZ_64K, 0);
	if (IS_ERR(template->md))
		return PTR_ERR(template->md);
	template->map = iomd_dma_map(template->md, dev, 0, SZ_64K, IOMD_DIRECTION_OUT_IN);
	if (IS_ERR(template->map)) {
		err = PTR_ERR(template->map);
		goto release;
	}
	for_each_sgtable_dma_sg(&template->map->sgt, sg, i)
		dev_dbg(dev, "%u bytes at sg_dma_address(sg)\n", sg_dma_len(sg));
	pci_set_drvdata(pdev, template);
	pci_set_master(pdev);
	return 0;
release:
	iomd_release(template->md);
	return err;
}

static void template_remove(struct pci_dev *pdev)
{
	struct template *template = pci_get_drvdata(pdev);

	/* From here on the device reaches no memory. */
	pci_clear_master(pdev);
	iomd_dma_unmap(template->map);
	iomd_release(template->md);
}

/* QEMU's edu device, in the place of yours. */
static const struct pci_device_id template_devices[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, template_devices);

static struct pci_driver template_driver = {
	.name = KBUILD_MODNAME,
	.id_table = template_devices,
	.probe = template_probe,
	.remove = template_remove,
};
module_pci_driver(template_driver);

MODULE_DESCRIPTION("A driver on iomd to begin with");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
