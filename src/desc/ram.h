/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_RAM_H
#define IOMD_DESC_RAM_H

#include <linux/mm.h>

/*
 * Is there RAM, with a struct page, at a physical address? Pages in use by
 * somebody say so themselves; for reserved ones, as holes are, the memory map of
 * the machine does.
 */
static inline bool iomd_is_ram(phys_addr_t address)
{
	unsigned long pfn = PHYS_PFN(address);

	return pfn_valid(pfn) && (!PageReserved(pfn_to_page(pfn)) || page_is_ram(pfn));
}

#endif
