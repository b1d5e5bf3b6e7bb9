// SPDX-License-Identifier: GPL-2.0
/* A platform driver's remove() returns a number that nobody uses. */
#include <linux/platform_device.h>

static int probe(struct platform_device *device)
{
	return 0;
}

static struct platform_driver driver __maybe_unused = { .remove = probe };
