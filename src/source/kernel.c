// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel virtual addresses: the linear map, vmalloc and vmap areas, modules.
 * The memory belongs to whoever described it, so nothing is pinned.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "../desc/general.h"
#include "kernel.h"
#include "source.h"

#ifdef CONFIG_X86
/* Is it mapped for writing? Code and constants are not. */
static bool is_writable(unsigned long address)
{
	unsigned int level;
	pte_t *entry = lookup_address(address, &level);

	return entry && pte_write(*entry);
}
#else
/* No other architecture lets a module look; the CPU will, at the first write. */
static bool is_writable(unsigned long address)
{
	return true;
}
#endif

/* The page behind a kernel address; NULL if there is none. */
static struct page *page_of(unsigned long address)
{
	void *pointer = (void *)address;
	struct page *page;

	if (iomd_compat_is_vmalloc_or_module_addr(pointer)) {
		page = vmalloc_to_page(pointer);
		/* What ioremap() maps has an entry there, but no struct page. */
		return page && pfn_valid(page_to_pfn(page)) ? page : NULL;
	}
	return iomd_compat_virt_addr_valid(address) ? virt_to_page(pointer) : NULL;
}

int iomd_kernel_append(struct iomd_segments *segments, u64 address, u64 length, bool write)
{
	u64 left = length;

	while (left) {
		unsigned int offset = offset_in_page(address);
		unsigned int bytes = min_t(u64, PAGE_SIZE - offset, left);
		struct page *page;

		if (address != (unsigned long)address)
			return -EFAULT;
		page = page_of(address);
		if (!page || (write && !is_writable(address)))
			return -EFAULT;
		if (iomd_segments_append(segments, page, offset, bytes))
			return -ENOMEM;
		address += bytes;
		left -= bytes;
		if (need_resched()) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

static int kernel_wire(struct iomd_general *general, u64 direction)
{
	struct iomd_segments *segments = &general->segments;
	int ret = 0;
	u32 i;

	iomd_segments_init(segments);
	for (i = 0; !ret && i < general->extents.count; i++)
		ret = iomd_kernel_append(segments, general->extents.list[i].address,
					 general->extents.list[i].length,
					 direction & IOMD_DIRECTION_IN);
	if (!ret)
		ret = iomd_segments_finish(segments);
	if (ret)
		iomd_segments_free(segments);
	return ret;
}

static void kernel_unwire(struct iomd_general *general, bool dirty)
{
	iomd_segments_free(&general->segments);
}

const struct iomd_source iomd_source_kernel = {
	.wire = kernel_wire,
	.unwire = kernel_unwire,
};
