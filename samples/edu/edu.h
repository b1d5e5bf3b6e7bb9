/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What describe.c borrows of the driver.
 */
#ifndef EDU_H
#define EDU_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct device;
struct iomd;
struct iomd_edu_describe;

struct edu {
	struct device *dev;
	void __iomem *registers;
	struct completion done;
	/* Held while the device works and while any memory is mapped for it. */
	struct mutex lock;
	/* Why nothing new may be started: -ENODEV (unbound) or -EIO (hung). */
	int error;
	/* One for the bound device, one for each open file. */
	struct kref references;
	struct miscdevice misc;
	char name[24];
	int id;
};

int edu_lock(struct edu *edu);
struct iomd *edu_get_user_memory(u64 ranges, u32 count, u64 direction);
void edu_put_user_memory(struct iomd *md);

int edu_describe(struct edu *edu, struct iomd_edu_describe *args);

#endif
