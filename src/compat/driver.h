/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far a driver has come, or has left: the driver core has no word for who is not the
 * driver that changes at the beginning of that. Should it get one (device_is_bound() is
 * for its end, with the device's lock), that is to be used.
 */
#ifndef IOMD_COMPAT_DRIVER_H
#define IOMD_COMPAT_DRIVER_H

#include <linux/device.h>

static inline bool iomd_compat_driver_is_bound(const struct device *dev)
{
	return READ_ONCE(dev->links.status) == DL_DEV_DRIVER_BOUND;
}

/* Has the device a driver that did not begin to leave it? */
static inline bool iomd_compat_has_driver(const struct device *dev)
{
	enum dl_dev_state status = READ_ONCE(dev->links.status);

	return READ_ONCE(dev->driver) &&
	       (status == DL_DEV_PROBING || status == DL_DEV_DRIVER_BOUND);
}

#endif
