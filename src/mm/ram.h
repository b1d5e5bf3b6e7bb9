/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is RAM? That is decided where memory is described or prepared, in a context that
 * may sleep: the kernel's list of what is where is guarded by a lock that interrupts must
 * not take. Everywhere else iomd_is_ram() tells what was decided.
 */
#ifndef IOMD_MM_RAM_H
#define IOMD_MM_RAM_H

#include <linux/memremap.h>
#include <linux/mm.h>

/*
 * Does the kernel see a page as it does all memory, at an address of its own and cached?
 * Pages in use by somebody say so themselves; for reserved ones, as holes are, the memory
 * map of the machine does. A device's pages are memory if a CPU may use them as such.
 * May sleep.
 */
static inline bool iomd_is_memory(struct page *page)
{
	if (unlikely(is_zone_device_page(page)))
		return !is_device_private_page(page) && !is_pci_p2pdma_page(page);
	if (likely(!PageReserved(page)))
		return true;
	might_sleep();
	return page_is_ram(page_to_pfn(page));
}

/* Of classes that don't tell: pages in use by somebody say so themselves. Any context. */
static inline bool iomd_says_it_is_ram(phys_addr_t address)
{
	unsigned long pfn = PHYS_PFN(address);

	return pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn));
}

/* The page physically behind another: not every memory map is in one piece. */
static inline struct page *iomd_page_after(struct page *page)
{
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return pfn_to_page(page_to_pfn(page) + 1);
	return page + 1;
}

#endif
