// SPDX-License-Identifier: GPL-2.0
/*
 * CPU caches against devices that do not look into them. For a device of the DMA
 * API this is iomd_dma_sync_for_device(); here it is for whoever has none.
 */
#include <linux/cache.h>
#include <linux/highmem.h>
#include <linux/libnvdimm.h>

#include <iomd/descriptor.h>

#include "descriptor.h"

#ifdef CONFIG_ARCH_HAS_PMEM_API
#define HAVE_CACHE_OPERATIONS	1
#else
#define HAVE_CACHE_OPERATIONS	0
#endif

/*
 * Whole cache lines are written back, which harms nobody. Forgotten is the range alone:
 * who gets to see it exactly writes lines back first that it shares with others, who may
 * have written there meanwhile.
 */
static void store_lines(void *address, size_t length, bool invalidate)
{
	unsigned long start = round_down((unsigned long)address, L1_CACHE_BYTES);
	unsigned long end = round_up((unsigned long)address + length, L1_CACHE_BYTES);

	arch_wb_cache_pmem((void *)start, end - start);
	if (invalidate)
		arch_invalidate_pmem(address, length);
}

static void store_segment(phys_addr_t address, u64 length, bool invalidate)
{
	while (length) {
		unsigned int offset = offset_in_page(address);
		unsigned int piece = min_t(u64, PAGE_SIZE - offset, length);
		void *page = kmap_local_page(pfn_to_page(PHYS_PFN(address)));

		store_lines(page + offset, piece, invalidate);
		kunmap_local(page);
		address += piece;
		length -= piece;
	}
}

/**
 * iomd_perform_operation() - write a range back from the CPU's caches
 * @md: descriptor, prepared unless it is physical
 * @options: IOMD_MEMORY_INCOHERENT_IO_STORE: write back;
 *	IOMD_MEMORY_INCOHERENT_IO_FLUSH: write back and forget
 * @offset: first byte; up to the end of the descriptor
 * @length: bytes; what lies beyond the end is left out
 *
 * IOKit: IOMemoryDescriptor::performOperation.
 *
 * Return: 0; -EINVAL if @offset is beyond the end; -EAGAIN if the memory is not
 * prepared; -ENXIO for another machine's memory; -EOPNOTSUPP for encryption, for
 * unknown operations, and where the architecture exports nothing for it.
 * Context: any.
 */
int iomd_perform_operation(struct iomd *md, u32 options, u64 offset, u64 length)
{
	bool invalidate = options == IOMD_MEMORY_INCOHERENT_IO_FLUSH;
	u64 size = iomd_get_length(md);
	struct iomd_segment_iter iter;

	if (!HAVE_CACHE_OPERATIONS ||
	    (options != IOMD_MEMORY_INCOHERENT_IO_STORE && !invalidate))
		return -EOPNOTSUPP;
	if (iomd_get_flags(md) & IOMD_MEMORY_REMOTE)
		return -ENXIO;
	if (offset > size)
		return -EINVAL;
	length = min(length, size - offset);
	if (iomd_hold(md, offset, length))
		return -EAGAIN;
	iomd_segment_iter_init(&iter, md, offset, length, IOMD_MEMORY_SEGMENT_LOCAL);
	while (iter.length) {
		/* A device's memory has nothing in the cache. */
		if (iomd_is_ram_segment(&iter))
			store_segment(iter.address, iter.length, invalidate);
		iomd_segment_iter_next_held(&iter);
	}
	iomd_drop(md, offset, length);
	/* The device must not be told before the lines have left. */
	mb();
	return iter.offset < offset + length ? -EAGAIN : 0;
}
IOMD_EXPORT(iomd_perform_operation);
