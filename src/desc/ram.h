/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_RAM_H
#define IOMD_DESC_RAM_H

#include <linux/mm.h>

/*
 * Is there RAM, with a struct page, at a physical address? Pages in use by
 * somebody say so themselves; for reserved ones, as holes are, the memory map of
 * the machine does.
 */
static inline bool iomd_is_ram_page(struct page *page)
{
	return !PageReserved(page) || page_is_ram(page_to_pfn(page));
}

static inline bool iomd_is_ram(phys_addr_t address)
{
	unsigned long pfn = PHYS_PFN(address);

	return pfn_valid(pfn) && iomd_is_ram_page(pfn_to_page(pfn));
}

/* The page physically behind another: not every memory map is in one piece. */
static inline struct page *iomd_page_after(struct page *page)
{
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return pfn_to_page(page_to_pfn(page) + 1);
	return page + 1;
}

#endif
