// SPDX-License-Identifier: GPL-2.0
/* A platform driver's remove() returns nothing. */
#include <linux/platform_device.h>

static void probe(struct platform_device *device)
{
}

static struct platform_driver driver __maybe_unused = { .remove = probe };
