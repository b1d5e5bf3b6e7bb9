// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/mm.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "cache.h"
#include "mapping.h"

/**
 * iomd_cache_mode() - the mode that memory is mapped with
 * @mapping: mapping
 * @run: part of it that is no guard
 * @mode: set to one of IOMD_MAP_..._CACHE
 *
 * Return: 0; -EOPNOTSUPP if it is not what the mapping asks for.
 * Context: any.
 */
int iomd_cache_mode(const struct iomd_mapping *mapping, const struct iomd_page_run *run, u64 *mode)
{
	u64 asked = mapping->options & IOMD_MAP_CACHE_MASK;

	if (run->kind == IOMD_PAGE_RUN_RAM) {
		*mode = iomd_get_cache_mode(mapping->memory, iomd_run_offset(mapping, run->page)) ?:
			IOMD_MAP_COPYBACK_CACHE;
		return asked && asked != *mode ? -EOPNOTSUPP : 0;
	}
	*mode = asked ?: IOMD_MAP_INHIBIT_CACHE;
	switch (*mode) {
	case IOMD_MAP_INHIBIT_CACHE:
	case IOMD_MAP_WRITE_COMBINE_CACHE:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* Have the options of a mapping without a mode tell the one that it has. */
void iomd_cache_tell(struct iomd_mapping *mapping, u64 mode)
{
	mapping->cache_mode = mapping->options & IOMD_MAP_CACHE_MASK ? 0 : mode;
}

/* Take back the reservations of the first @count runs of device memory. */
static void release_runs(const struct iomd_mapping *mapping, unsigned int count)
{
	struct iomd_page_run run = {};

	while (count && iomd_page_run_next(mapping, &run) > 0) {
		if (run.kind != IOMD_PAGE_RUN_DEVICE)
			continue;
		arch_io_free_memtype_wc(PFN_PHYS(run.pfn), run.pages << PAGE_SHIFT);
		count--;
	}
}

/**
 * iomd_cache_reserve() - have user page tables hold the mode that was asked for
 * @mapping: user mapping whose memory is prepared
 *
 * Where the kernel keeps a list of what is mapped how, it goes by that list, and by
 * nothing else, for device memory that is not mapped as one piece. Undone by
 * iomd_cache_release().
 *
 * Return: 0; -EBUSY if somebody has the memory mapped in another mode.
 * Context: may sleep.
 */
int iomd_cache_reserve(struct iomd_mapping *mapping)
{
	unsigned int count = 0;
	struct iomd_page_run run = {};
	int ret;

	if ((mapping->options & IOMD_MAP_CACHE_MASK) != IOMD_MAP_WRITE_COMBINE_CACHE)
		return 0;
	while ((ret = iomd_page_run_next(mapping, &run)) > 0) {
		if (run.kind != IOMD_PAGE_RUN_DEVICE)
			continue;
		ret = iomd_should_fail() ? -ENOMEM :
		      arch_io_reserve_memtype_wc(PFN_PHYS(run.pfn), run.pages << PAGE_SHIFT);
		if (ret)
			break;
		count++;
	}
	if (ret)
		release_runs(mapping, count);
	else
		mapping->reserved = count;
	return ret;
}

void iomd_cache_release(struct iomd_mapping *mapping)
{
	if (mapping->reserved)
		release_runs(mapping, mapping->reserved);
	mapping->reserved = 0;
}
