// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel virtual addresses: the linear map, vmalloc and vmap areas, modules.
 * The memory belongs to whoever described it, so nothing is pinned.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "../mm/ram.h"
#include "kernel.h"
#include "source.h"

/* Pages between two looks for signals and whoever wants the CPU. */
#define AT_A_TIME	512

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
	return pfn_valid(page_to_pfn(page)) && iomd_is_memory(page);
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
	unsigned int pages = 0;
	u64 left = length;
	int ret;

	while (left) {
		unsigned int offset = offset_in_page(address);
		unsigned int bytes = min_t(u64, PAGE_SIZE - offset, left);
		struct page *page;

		if (address != (unsigned long)address)
			return -EFAULT;
		page = page_of(address);
		if (!page || (write && !is_writable(address)))
			return -EFAULT;
		ret = iomd_segments_append(segments, page, offset, bytes);
		if (ret)
			return ret;
		address += bytes;
		left -= bytes;
		if (!(++pages % AT_A_TIME)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

static int kernel_prepare(struct iomd_backing *backing, u64 direction)
{
	struct iomd_segments *segments = &backing->segments;
	const struct iomd_extent *extent;
	int ret = 0;

	iomd_segments_init(segments);
	iomd_for_each_extent(extent, &backing->extents) {
		ret = iomd_kernel_append(segments, extent->address, extent->length,
					 direction & IOMD_DIRECTION_IN);
		if (ret)
			goto err_free;
	}
	ret = iomd_segments_finish(segments);
	if (ret)
		goto err_free;
	return 0;

err_free:
	iomd_segments_free(segments);
	return ret;
}

static void kernel_complete(struct iomd_backing *backing, bool dirty)
{
	iomd_segments_free(&backing->segments);
}

const struct iomd_source iomd_source_kernel = {
	.prepare = kernel_prepare,
	.complete = kernel_complete,
};
