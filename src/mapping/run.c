// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/pfn.h>

#include <iomd/descriptor.h>

#include "../desc/descriptor.h"
#include "mapping.h"
#include "run.h"

/**
 * iomd_page_run_at() - the run that starts with a page
 * @mapping: mapping whose memory is prepared
 * @page: counted from the first
 * @run: set; 0 pages of it mean that @page is beyond the end
 *
 * Return: 0; -EINVAL if the piece there does not meet its neighbours at page
 * borders; -EAGAIN if the memory can't be told.
 * Context: any.
 */
int iomd_page_run_at(const struct iomd_mapping *mapping, u64 page, struct iomd_page_run *run)
{
	u64 end = mapping->offset + mapping->length;
	u64 at = iomd_run_offset(mapping, page);
	unsigned int in_page = page ? 0 : mapping->in_page;
	phys_addr_t address = 0;
	u64 length;

	run->page = page;
	run->pages = 0;
	if (at >= end)
		return 0;
	if (iomd_is_guard(mapping->memory, at, &length)) {
		run->kind = IOMD_PAGE_RUN_GUARD;
		address = in_page;
	} else {
		/* Not cut to what a buffer describes now: what is mapped stays so. */
		address = mapping->memory->ops->get_physical_segment(mapping->memory, at, &length,
								     IOMD_MEMORY_SEGMENT_LOCAL);
		if (!length)
			return -EAGAIN;
		run->kind = iomd_is_ram(mapping->memory, at, address, length) ? IOMD_PAGE_RUN_RAM :
									       IOMD_PAGE_RUN_DEVICE;
	}
	length = min(length, end - at);
	if (offset_in_page(address) != in_page ||
	    (at + length < end && offset_in_page(address + length)))
		return -EINVAL;
	run->pfn = PHYS_PFN(address);
	run->pages = (in_page + length + PAGE_SIZE - 1) >> PAGE_SHIFT;
	return 0;
}

int iomd_page_run_next(const struct iomd_mapping *mapping, struct iomd_page_run *run)
{
	int ret = iomd_page_run_at(mapping, run->page + run->pages, run);

	return ret ?: run->pages > 0;
}
