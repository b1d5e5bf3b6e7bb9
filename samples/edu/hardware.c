// SPDX-License-Identifier: GPL-2.0
/*
 * The device's registers, and what can be believed of them.
 *
 * The rule that matters most: memory goes back to its owner only when the device is
 * known to be done with it. So a transfer that has begun is always waited for, whatever
 * happens to the process that wanted it; signals are looked after between two. A device
 * that does not end is stopped, by the bus.
 */
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/lockdep.h>
#include <linux/pci.h>

#include "edu.h"

#define EDU_IDENTIFICATION	0x00
#define   EDU_IDENTIFIED	GENMASK(7, 0)
#define   EDU_IS_EDU		0xed
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
#define EDU_TIMEOUT		(5 * HZ)

/* May be a stray one: who waits looks for himself whether the device is done. */
irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->registers + EDU_INTERRUPT_STATUS);

	if (!status || PCI_POSSIBLE_ERROR(status))
		return IRQ_NONE;
	writel(status, edu->registers + EDU_INTERRUPT_ACK);
	wake_up(&edu->wait);
	return IRQ_HANDLED;
}

/*
 * 0: it is idle; -EBUSY: it is at work; -ENODEV: it is not there any more. What is not
 * there reads as all ones on most machines, on others as zeroes, and either would pass
 * for a state. So a register is read last that is neither.
 */
int edu_state(struct edu *edu)
{
	u32 command = readl(edu->registers + EDU_DMA_COMMAND);
	u32 identification = readl(edu->registers + EDU_IDENTIFICATION);

	if (PCI_POSSIBLE_ERROR(identification) ||
	    (identification & EDU_IDENTIFIED) != EDU_IS_EDU)
		return -ENODEV;
	return command & EDU_DMA_START ? -EBUSY : 0;
}

/*
 * It did not end in time, or it has gone. A device that is no bus master reaches no
 * memory; and what it wrote before is there when it has answered a question that was
 * asked later. So nothing is lost: all that it was shown goes back to its owners.
 */
static void edu_stop(struct edu *edu, int why)
{
	u16 command;

	pci_clear_master(edu->pdev);
	pci_read_config_word(edu->pdev, PCI_COMMAND, &command);
	if (why == -EIO)
		pci_err(edu->pdev, "hung, and was stopped; bind it again to reset it\n");
	cmpxchg(&edu->error, 0, why);
}

/* Returns when the device is idle, or stopped for good. */
static int edu_transfer(struct edu *edu, u64 from, u64 to, u32 length, u32 command)
{
	int err = READ_ONCE(edu->error);

	lockdep_assert_held(&edu->lock);
	if (err)
		return err;
	writeq(from, edu->registers + EDU_DMA_SOURCE);
	writeq(to, edu->registers + EDU_DMA_DESTINATION);
	writeq(length, edu->registers + EDU_DMA_COUNT);
	writel(command | EDU_DMA_INTERRUPT | EDU_DMA_START, edu->registers + EDU_DMA_COMMAND);
	wait_event_timeout(edu->wait, (err = edu_state(edu)) != -EBUSY, EDU_TIMEOUT);
	if (!err)
		return 0;
	edu_stop(edu, err == -EBUSY ? -EIO : err);
	return READ_ONCE(edu->error);
}

/* From memory into the device's own, or from there into memory. */
int edu_step(struct edu *edu, u64 address, u32 length, bool to_memory)
{
	if (to_memory)
		return edu_transfer(edu, EDU_BUFFER, address, length, EDU_DMA_TO_MEMORY);
	return edu_transfer(edu, address, EDU_BUFFER, length, 0);
}

/* Zeroes for some bytes of the device's memory; up to EDU_FILL_MAX. */
int edu_blank(struct edu *edu, u32 from, u32 length)
{
	return edu_transfer(edu, edu->zeroes, EDU_BUFFER + from, length, 0);
}
