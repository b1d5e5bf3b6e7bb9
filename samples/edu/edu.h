/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What describe.c and show.c borrow of the driver, and it of them.
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
struct iomd_dma_command;
struct iomd_edu_describe;
struct iomd_edu_show;

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

/* An open file, and the memory that it shows to the device, if any. */
struct edu_file {
	struct edu *edu;
	/* guards what follows; taken before the device's */
	struct mutex lock;
	struct iomd *md;
	struct iomd_dma_command *command;
};

int edu_lock(struct edu *edu);
struct iomd_dma_command *edu_show(struct edu *edu, struct iomd *md);
void edu_hide(struct iomd_dma_command *command);
int edu_step(struct edu *edu, u64 address, u32 length, bool to_memory);
struct iomd *edu_get_user_memory(u64 ranges, u32 count, u64 direction);
void edu_put_user_memory(struct iomd *md);

int edu_describe(struct edu *edu, struct iomd_edu_describe *args);

int edu_file_show(struct edu_file *file, struct iomd_edu_show *args);
int edu_file_fill(struct edu_file *file, struct iomd_edu_show *args);
void edu_file_end(struct edu_file *file);

#endif
