// SPDX-License-Identifier: GPL-2.0
/*
 * A device whose driver never heard of iomd: loaded before it, and unloaded after it has
 * gone. Whatever iomd left behind on the device is found then.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static struct platform_device *bystander;

static int bystander_probe(struct platform_device *device)
{
	return dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
}

static struct platform_driver bystander_driver = {
	.driver = { .name = "iomd-bystander" },
	.probe = bystander_probe,
};

static int __init bystander_init(void)
{
	int ret = platform_driver_register(&bystander_driver);

	if (ret)
		return ret;
	bystander = platform_device_register_simple("iomd-bystander", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(bystander)) {
		platform_driver_unregister(&bystander_driver);
		return PTR_ERR(bystander);
	}
	return 0;
}
module_init(bystander_init);

/* The driver leaves the device, and only then the device goes. */
static void __exit bystander_exit(void)
{
	platform_driver_unregister(&bystander_driver);
	platform_device_unregister(bystander);
}
module_exit(bystander_exit);

MODULE_INFO(guest_first, "y");
MODULE_DESCRIPTION("A device that the suites of iomd map for, and its driver");
MODULE_LICENSE("GPL");
