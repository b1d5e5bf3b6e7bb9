/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver's files share: hardware.c knows the registers, edu.c the bus and the
 * files that programs open, view.c what the device sees of their memory; copy.c, show.c
 * and describe.c are what programs ask for.
 */
#ifndef EDU_H
#define EDU_H

#include <linux/irqreturn.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include <iomd/dma_command.h>

struct iomd;
struct iomd_edu_copy;
struct iomd_edu_describe;
struct iomd_edu_show;
struct pci_dev;

/* Of the device's memory. QEMU 7.2 aborts when a transfer reaches the last byte. */
#define EDU_TRANSFER_MAX	2048U
/* What the device writes into memory that it is shown. */
#define EDU_FILL_MAX		512U

struct edu {
	/* Held for as long as any file is open, but it may have another driver by then. */
	struct pci_dev *pdev;
	void __iomem *registers;
	/* Woken by the device's interrupt, and by who takes the device away. */
	wait_queue_head_t wait;
	/*
	 * Held while the device works, for a step at a time, and while memory is mapped for
	 * it or the command that does that is made. Not held for as long as it is mapped:
	 * iomd takes back what still is when the driver leaves the device.
	 */
	struct mutex lock;
	/*
	 * Why the device may not be touched: -ENODEV (it has gone, or we have left it) or
	 * -EIO (it hung). Stays.
	 */
	int error;
	/* Of the device's memory the first @known bytes are @holder's, or zeroes. */
	const struct edu_file *holder;
	u32 known;
	/* EDU_FILL_MAX zeroes, as the device sees them. */
	dma_addr_t zeroes;
	/* One for the bound device, one for each open file. */
	struct kref references;
	struct miscdevice misc;
	char name[24];
	int id;
};

/* Who has files open, and how much memory they have within a device's reach. */
struct edu_user {
	struct list_head node;
	kuid_t uid;
	unsigned int files;
	u64 shown;
};

/* An open file, and the memory that it shows to the device, if any. */
struct edu_file {
	struct edu *edu;
	struct edu_user *user;
	/* guards what follows; taken before the device's */
	struct mutex lock;
	struct iomd *md;
	struct iomd_dma_command *command;
};

/* hardware.c */
extern unsigned int edu_address_bits;
irqreturn_t edu_interrupt(int irq, void *data);
int edu_state(struct edu *edu);
int edu_step(struct edu *edu, u64 address, u32 length, bool to_memory);
int edu_blank(struct edu *edu, u32 from, u32 length);

/* edu.c */
int edu_lock(struct edu *edu);
void edu_hold(struct edu *edu, const struct edu_file *file);
struct iomd *edu_get_user_memory(u64 ranges, u32 count, u64 direction);
void edu_put_user_memory(struct iomd *md);

/* view.c */
struct edu_user *edu_user_get(void);
void edu_user_put(struct edu_user *user);
struct iomd_dma_command *edu_show(struct edu_file *file, struct iomd *md, u64 offset,
				  u64 length);
int edu_hide(struct edu_file *file, struct iomd_dma_command *command);

/*
 * What a program asks of the device at once may be more than that can see. It sees a
 * window of it at a time, in which this is the next place.
 */
#define EDU_WINDOW	SZ_256K

struct edu_view {
	struct iomd_dma_command *command;
	u64 offset;
	struct iomd_dma_segment64 segment;
};

int edu_view_next(struct edu_view *view);
void edu_view_advance(struct edu_view *view, u32 bytes);

int edu_copy(struct edu_file *file, struct iomd_edu_copy *args);
int edu_describe(struct edu_file *file, struct iomd_edu_describe *args);
int edu_file_show(struct edu_file *file, struct iomd_edu_show *args);
int edu_file_fill(struct edu_file *file, struct iomd_edu_show *args);
void edu_file_end(struct edu_file *file);

#endif
