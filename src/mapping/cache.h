/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the CPU may cache what a mapping shows. RAM has one mode, its owner's, for
 * all who map it; device memory is uncached unless somebody knows better.
 */
#ifndef IOMD_MAPPING_CACHE_H
#define IOMD_MAPPING_CACHE_H

#include <linux/pgtable.h>

#include <iomd/types.h>

#include "run.h"

struct iomd_mapping;

int iomd_cache_mode(const struct iomd_mapping *mapping, const struct iomd_page_run *run, u64 *mode);
void iomd_cache_tell(struct iomd_mapping *mapping, u64 mode);
int iomd_cache_reserve(struct iomd_mapping *mapping);
void iomd_cache_release(struct iomd_mapping *mapping);

/* @prot as the mode wants it. */
static inline pgprot_t iomd_cache_prot(u64 mode, pgprot_t prot)
{
	switch (mode) {
	case IOMD_MAP_INHIBIT_CACHE:
		return pgprot_noncached(prot);
	case IOMD_MAP_WRITE_COMBINE_CACHE:
		return pgprot_writecombine(prot);
	default:
		return prot;
	}
}

#endif
