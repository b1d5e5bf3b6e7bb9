/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_RAM_H
#define IOMD_DESC_RAM_H

#include <linux/mm.h>

#include <iomd/segment.h>

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

/* Is all of a segment RAM? It is of one kind; if a list tells of it, it has struct pages. */
static inline bool iomd_is_ram_segment(const struct iomd_segment_iter *iter)
{
	phys_addr_t last = iter->address + iter->length - 1;

	if (iter->sg)
		return iomd_is_ram_page(pfn_to_page(PHYS_PFN(iter->address))) &&
		       iomd_is_ram_page(pfn_to_page(PHYS_PFN(last)));
	return iomd_is_ram(iter->address) && iomd_is_ram(last);
}

/* The page physically behind another: not every memory map is in one piece. */
static inline struct page *iomd_page_after(struct page *page)
{
	if (IS_ENABLED(CONFIG_SPARSEMEM) && !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		return pfn_to_page(page_to_pfn(page) + 1);
	return page + 1;
}

#endif
