// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>

#include <iomd/descriptor.h>

#include "cache.h"
#include "mapping.h"

/**
 * iomd_cache_mode() - the mode that memory of a kind is mapped with
 * @mapping: mapping
 * @kind: RAM or device memory
 * @mode: set to one of IOMD_MAP_..._CACHE
 *
 * Return: 0; -EOPNOTSUPP if it is not what the mapping asks for.
 * Context: any.
 */
int iomd_cache_mode(const struct iomd_mapping *mapping, enum iomd_run_kind kind, u64 *mode)
{
	u64 asked = mapping->options & IOMD_MAP_CACHE_MASK;

	if (kind == IOMD_RUN_RAM) {
		*mode = iomd_get_flags(mapping->memory) & IOMD_MAP_CACHE_MASK ?:
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

pgprot_t iomd_cache_prot(u64 mode, pgprot_t prot)
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
