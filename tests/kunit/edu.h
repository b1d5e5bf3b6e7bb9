/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's edu device, which no driver has while suites run.
 */
#ifndef EDU_H
#define EDU_H

#include <linux/pci.h>

/* Where its registers are, so that they can be accessed; 0 if there is none. */
static inline phys_addr_t edu_find_registers(void)
{
	struct pci_dev *edu = pci_get_device(0x1234, 0x11e8, NULL);
	phys_addr_t address = 0;
	u16 command = 0;

	if (!edu)
		return 0;
	/* A machine may have firmware that has done it. */
	pci_read_config_word(edu, PCI_COMMAND, &command);
	if ((command & PCI_COMMAND_MEMORY) || !pci_enable_device(edu))
		address = pci_resource_start(edu, 0);
	pci_dev_put(edu);
	return address;
}

#endif
