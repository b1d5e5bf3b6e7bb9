// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel virtual addresses: the linear map, vmalloc and vmap areas, modules.
 * The memory belongs to whoever described it, so nothing is pinned.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "../desc/general.h"
#include "../desc/ram.h"
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

/*
 * What ioremap() maps has an entry in the page tables, but no struct page, or, where
 * the memory map has no holes, one that stands for no memory.
 */
static bool is_memory(struct page *page)
{
	return pfn_valid(page_to_pfn(page)) &&
	       (iomd_is_ram_page(page) || is_zone_device_page(page));
}

/*
 * Is it in the linear map? Where that does not hold all memory, what kmap() gives lies
 * behind it, and passes for the address of a page that is not in it.
 */
static bool is_linear(unsigned long address)
{
	if (IS_ENABLED(CONFIG_HIGHMEM) && address >= (unsigned long)high_memory)
		return false;
	return iomd_compat_virt_addr_valid(address);
}

/* The page behind a kernel address; NULL if there is none. */
static struct page *page_of(unsigned long address)
{
	void *pointer = (void *)address;
	struct page *page;

	if (iomd_compat_is_vmalloc_or_module_addr(pointer)) {
		page = vmalloc_to_page(pointer);
		return page && is_memory(page) ? page : NULL;
	}
	return is_linear(address) ? virt_to_page(pointer) : NULL;
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
