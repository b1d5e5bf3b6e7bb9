// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings into the kernel's address space: at the address where the memory is
 * seen anyway, by ioremap() for devices, by vmap() for everything else.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../mm/ram.h"
#include "../gfp.h"
#include "cache.h"
#include "../mm/guards.h"
#include "vmap.h"
#include "listed.h"
#include "mapping.h"
#include "run.h"

/* Does the address where the memory is seen anyway do? */
static bool mapping_is_plain(const struct iomd_mapping *mapping)
{
	return !(mapping->options & (IOMD_MAP_READ_ONLY | IOMD_MAP_UNIQUE |
				     IOMD_MAP_CACHE_MASK | IOMD_MAP_GUARDED_MASK));
}

static unsigned long seen_anyway(const struct iomd_mapping *mapping)
{
	struct iomd *md = mapping->memory;

	if (!mapping_is_plain(mapping) || !md->ops->get_kernel_address)
		return 0;
	return md->ops->get_kernel_address(md, mapping->offset, mapping->length);
}

/* Is all of it one piece of device memory? @run is its first run, and becomes all. */
static bool is_one_device_piece(const struct iomd_mapping *mapping, struct iomd_page_run *run)
{
	u64 pages = iomd_mapping_pages(mapping);
	struct iomd_page_run next;

	while (run->pages < pages) {
		if (iomd_page_run_at(mapping, run->pages, &next) ||
		    next.kind != IOMD_PAGE_RUN_DEVICE || next.pfn != run->pfn + run->pages)
			return false;
		run->pages += next.pages;
	}
	return true;
}

static int map_device(struct iomd_mapping *mapping, struct iomd_page_run *run)
{
	phys_addr_t address = PFN_PHYS(run->pfn) + mapping->in_page;
	u64 mode;
	int ret;

	if (mapping->guard_pages || (mapping->options & IOMD_MAP_READ_ONLY) ||
	    !is_one_device_piece(mapping, run))
		return -EOPNOTSUPP;
	ret = iomd_cache_mode(mapping, run, &mode);
	if (ret)
		return ret;
	if (!iomd_should_fail())
		mapping->io_base = mode == IOMD_MAP_WRITE_COMBINE_CACHE ?
				   ioremap_wc(address, mapping->length) :
				   ioremap(address, mapping->length);
	if (!mapping->io_base)
		return -ENOMEM;
	iomd_cache_tell(mapping, mode);
	iomd_mapping_place(mapping, (unsigned long)mapping->io_base, true);
	return 0;
}

/* What pages a mapping is made of. */
struct collection {
	struct page **pages;
	/* The one mode that all have. */
	u64 mode;
	/* Some are NULL. */
	bool guarded;
};

static int collect_run(const struct iomd_page_run *run, struct collection *all)
{
	u64 i;

	if (run->kind == IOMD_PAGE_RUN_GUARD) {
		memset(all->pages + run->page, 0, run->pages * sizeof(*all->pages));
		all->guarded = true;
		return 0;
	}
	if (run->kind != IOMD_PAGE_RUN_RAM)
		return -EOPNOTSUPP;
	for (i = 0; i < run->pages; i++)
		all->pages[run->page + i] = pfn_to_page(run->pfn + i);
	return 0;
}

static int note_mode(const struct iomd_mapping *mapping, const struct iomd_page_run *run,
		     struct collection *all)
{
	u64 mode;
	int ret;

	if (run->kind == IOMD_PAGE_RUN_GUARD)
		return 0;
	ret = iomd_cache_mode(mapping, run, &mode);
	if (!ret && all->mode && all->mode != mode)
		ret = -EOPNOTSUPP;
	all->mode = mode;
	return ret;
}

static int collect_pages(const struct iomd_mapping *mapping, struct collection *all)
{
	struct iomd_page_run run = {};
	int ret;

	while ((ret = iomd_page_run_next(mapping, &run)) > 0) {
		ret = note_mode(mapping, &run, all);
		if (!ret)
			ret = collect_run(&run, all);
		if (ret)
			return ret;
	}
	return ret;
}

/* Pages that follow each other: many at a time, if there are. */
static inline void list_following_pages(struct page **pages, struct page *page, unsigned long count)
{
	unsigned int i;

	for (; count >= 32; count -= 32) {
#pragma GCC unroll 32
		for (i = 0; i < 32; i++, page = iomd_page_after(page))
			*pages++ = page;
	}
	for (; count; count--, page = iomd_page_after(page))
		*pages++ = page;
}

/* From the first segment of a list on, which has the mode of all. */
static int collect_listed(const struct iomd_mapping *mapping, struct iomd_listed listed,
			  struct collection *all)
{
	int ret = note_mode(mapping, &(struct iomd_page_run) { .kind = IOMD_PAGE_RUN_RAM }, all);
	unsigned int in_page = mapping->in_page;
	struct page **pages = all->pages;
	unsigned long count;

	if (ret)
		return ret;
	do {
		count = iomd_listed_pages(&listed, in_page);
		if (!count)
			return -EINVAL;
		list_following_pages(pages, listed.page, count);
		pages += count;
		in_page = 0;
	} while (iomd_listed_next(&listed));
	return 0;
}

static int map_pages(struct iomd_mapping *mapping, const struct iomd_listed *listed)
{
	unsigned int guards = mapping->guard_pages;
	u64 count = iomd_mapping_pages(mapping) + 2 * guards;
	pgprot_t prot = mapping->options & IOMD_MAP_READ_ONLY ? PAGE_KERNEL_RO : PAGE_KERNEL;
	struct collection all = { .guarded = guards };
	struct page **pages;
	void *base;
	int ret;

	if (count > min_t(unsigned long, totalram_pages(), INT_MAX) || iomd_should_fail())
		return -ENOMEM;
	pages = kvmalloc_array(count, sizeof(*pages), IOMD_GFP_SIZED);
	if (!pages)
		return -ENOMEM;
	if (guards) {
		memset(pages, 0, guards * sizeof(*pages));
		memset(pages + count - guards, 0, guards * sizeof(*pages));
	}
	all.pages = pages + guards;
	ret = listed ? collect_listed(mapping, *listed, &all) : collect_pages(mapping, &all);
	if (ret)
		goto out;
	prot = iomd_cache_prot(all.mode, prot);
	if (all.guarded)
		base = iomd_vmap_with_guards(pages, count, prot);
	else
		base = iomd_should_fail() ? NULL : vmap(pages, count, VM_MAP, prot);
	if (IS_ERR_OR_NULL(base)) {
		ret = base ? PTR_ERR(base) : -ENOMEM;
		goto out;
	}
	mapping->vmap_base = base;
	iomd_mapping_place(mapping, (unsigned long)base + guards * PAGE_SIZE + mapping->in_page,
			   true);
out:
	kvfree(pages);
	return ret;
}

/**
 * iomd_mapping_map_kernel() - show a mapping's memory to the kernel
 * @mapping: mapping whose memory is prepared
 * @listed: the first segment of memory that is in one list; NULL if it is not
 *
 * Undone by iomd_mapping_unmap_kernel().
 *
 * Return: 0; -EINVAL for pieces that don't meet at page borders; -EOPNOTSUPP for a
 * fixed address, a cache mode that this memory can't have, device memory that is not
 * one piece, or read-only, or with guards, or guards where the architecture can't
 * have them; -EAGAIN; -ENOMEM.
 * Context: may sleep.
 */
int iomd_mapping_map_kernel(struct iomd_mapping *mapping, const struct iomd_listed *listed)
{
	unsigned long address = seen_anyway(mapping);
	struct iomd_page_run run;
	int ret;

	if (!(mapping->options & IOMD_MAP_ANYWHERE))
		return -EOPNOTSUPP;
	if (address) {
		mapping->options |= IOMD_MAP_STATIC;
		iomd_mapping_place(mapping, address, true);
		return 0;
	}
	if (listed)
		return map_pages(mapping, listed);
	ret = iomd_page_run_at(mapping, 0, &run);
	if (ret)
		return ret;
	return run.kind == IOMD_PAGE_RUN_DEVICE ? map_device(mapping, &run) :
						  map_pages(mapping, NULL);
}

void iomd_mapping_unmap_kernel(struct iomd_mapping *mapping)
{
	vunmap(mapping->vmap_base);
	mapping->vmap_base = NULL;
	if (mapping->io_base)
		iounmap(mapping->io_base);
	mapping->io_base = NULL;
}
