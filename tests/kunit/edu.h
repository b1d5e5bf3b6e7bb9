/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's edu device, and its card of shared memory, which no driver has while suites run.
 */
#ifndef EDU_H
#define EDU_H

#include <linux/pci.h>

/* Where a device's @bar is, so that it can be accessed; 0 if there is none. */
static inline phys_addr_t pci_find_memory(unsigned int vendor, unsigned int device, int bar)
{
	struct pci_dev *found = pci_get_device(vendor, device, NULL);
	phys_addr_t address = 0;
	u16 command = 0;

	if (!found)
		return 0;
	/* A machine may have firmware that has done it. */
	pci_read_config_word(found, PCI_COMMAND, &command);
	if ((command & PCI_COMMAND_MEMORY) || !pci_enable_device(found))
		address = pci_resource_start(found, bar);
	pci_dev_put(found);
	return address;
}

static inline phys_addr_t edu_find_registers(void)
{
	return pci_find_memory(0x1234, 0x11e8, 0);
}

/* Nothing but 64 KiB of memory, of which accesses of any width reach what they should. */
static inline phys_addr_t card_find_memory(void)
{
	return pci_find_memory(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110, 2);
}

#endif
