/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IOKit's modes of caching, as page tables have them.
 */
#ifndef IOMD_MM_CACHING_H
#define IOMD_MM_CACHING_H

#include <linux/pgtable.h>

#include <iomd/types.h>

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
