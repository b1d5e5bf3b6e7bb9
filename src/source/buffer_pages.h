/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel memory of a descriptor's own: allocated by its first prepare, which is to
 * be for life, and seen by the kernel at one address range.
 */
#ifndef IOMD_SOURCE_BUFFER_PAGES_H
#define IOMD_SOURCE_BUFFER_PAGES_H

#include "../mm/owner.h"
#include "../mm/pages.h"

struct iomd_backing;

/**
 * struct iomd_buffer_pages - what such a source needs to know, as its source_data
 * @wish: what memory
 * @cache: one of IOMD_MAP_..._CACHE
 * @guarded: an access to the page before or behind it is to fault
 * @address: where the kernel sees it
 */
struct iomd_buffer_pages {
	struct iomd_pages_wish wish;
	u64 cache;
	bool guarded;
	void *address;
	/* private: to be unmapped, if it is not the linear map's address */
	void *vmap_base;
	struct iomd_owner owner;
};

int iomd_buffer_pages_init(struct iomd_backing *backing, struct iomd_buffer_pages *pages);

#endif
