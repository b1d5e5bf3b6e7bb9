// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings into the kernel's address space: at the address where the memory is
 * seen anyway, by ioremap() for devices, by vmap() for everything else.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../desc/ram.h"
#include "mapping.h"

static bool is_plain(const struct iomd_mapping *mapping)
{
	return !(mapping->options & (IOMD_MAP_READ_ONLY | IOMD_MAP_UNIQUE | IOMD_MAP_CACHE_MASK));
}

static int map_device(struct iomd_mapping *mapping, phys_addr_t address)
{
	switch (mapping->options & IOMD_MAP_CACHE_MASK) {
	case IOMD_MAP_DEFAULT_CACHE:
	case IOMD_MAP_INHIBIT_CACHE:
		mapping->io_base = ioremap(address, mapping->length);
		break;
	case IOMD_MAP_WRITE_COMBINE_CACHE:
		mapping->io_base = ioremap_wc(address, mapping->length);
		break;
	case IOMD_MAP_WRITE_THRU_CACHE:
		mapping->io_base = ioremap_wt(address, mapping->length);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!mapping->io_base)
		return -ENOMEM;
	mapping->address = (unsigned long)mapping->io_base;
	return 0;
}

/*
 * The pages of the range, in order. Pieces that don't meet at page borders can't
 * be shown behind each other: -EINVAL.
 */
static int collect_pages(struct iomd_mapping *mapping, struct page **pages)
{
	u64 end = mapping->offset + mapping->length;
	struct iomd_segment_iter iter;
	unsigned long n = 0;

	iomd_for_each_segment(iter, mapping->md, mapping->offset, mapping->length) {
		phys_addr_t address = iter.address;
		phys_addr_t last = address + iter.length - 1;

		if ((iter.offset > mapping->offset && offset_in_page(address)) ||
		    (iter.offset + iter.length < end && offset_in_page(last + 1)))
			return -EINVAL;
		for (address = round_down(address, PAGE_SIZE); address <= last;
		     address += PAGE_SIZE) {
			if (!iomd_is_ram(address))
				return -EOPNOTSUPP;
			pages[n++] = pfn_to_page(PHYS_PFN(address));
		}
	}
	return iter.offset == end ? 0 : -EAGAIN;
}

static int map_pages(struct iomd_mapping *mapping, unsigned int in_page)
{
	unsigned long count = (in_page + mapping->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
	bool read_only = mapping->options & IOMD_MAP_READ_ONLY;
	struct page **pages;
	int ret;

	if (mapping->options & IOMD_MAP_CACHE_MASK)
		return -EOPNOTSUPP;
	if (iomd_should_fail())
		return -ENOMEM;
	pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	ret = collect_pages(mapping, pages);
	if (!ret) {
		mapping->vmap_base = iomd_should_fail() ? NULL :
			vmap(pages, count, VM_MAP, read_only ? PAGE_KERNEL_RO : PAGE_KERNEL);
		if (mapping->vmap_base)
			mapping->address = (unsigned long)mapping->vmap_base + in_page;
		else
			ret = -ENOMEM;
	}
	kvfree(pages);
	return ret;
}

/**
 * iomd_mapping_map_kernel() - show a mapping's memory to the kernel
 * @mapping: mapping whose memory is prepared
 *
 * Undone by iomd_mapping_unmap_kernel().
 *
 * Return: 0; -EINVAL for pieces that don't meet at page borders; -EOPNOTSUPP for a
 * cache mode that this memory can't have, or RAM and device memory in one;
 * -ENOMEM.
 * Context: may sleep.
 */
int iomd_mapping_map_kernel(struct iomd_mapping *mapping)
{
	struct iomd *md = mapping->md;
	phys_addr_t address;
	u64 length;

	if (is_plain(mapping) && md->ops->get_kernel_address) {
		mapping->address = md->ops->get_kernel_address(md, mapping->offset,
							       mapping->length);
		if (mapping->address) {
			mapping->options |= IOMD_MAP_STATIC;
			return 0;
		}
	}
	address = iomd_get_physical_segment(md, mapping->offset, &length,
					    IOMD_MEMORY_SEGMENT_LOCAL);
	if (!length)
		return -EAGAIN;
	if (iomd_is_ram(address))
		return map_pages(mapping, offset_in_page(address));
	return length < mapping->length ? -EOPNOTSUPP : map_device(mapping, address);
}

void iomd_mapping_unmap_kernel(struct iomd_mapping *mapping)
{
	vunmap(mapping->vmap_base);
	mapping->vmap_base = NULL;
	if (mapping->io_base)
		iounmap(mapping->io_base);
	mapping->io_base = NULL;
}
