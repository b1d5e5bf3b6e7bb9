/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the CPU may cache what a mapping shows. RAM has one mode, its owner's, for
 * all who map it; device memory is uncached unless somebody knows better.
 */
#ifndef IOMD_MAPPING_CACHE_H
#define IOMD_MAPPING_CACHE_H

#include <linux/types.h>

#include "../mm/caching.h"
#include "run.h"

struct iomd_mapping;

int iomd_cache_mode(const struct iomd_mapping *mapping, const struct iomd_page_run *run, u64 *mode);
void iomd_cache_tell(struct iomd_mapping *mapping, u64 mode);
int iomd_cache_reserve(struct iomd_mapping *mapping);
void iomd_cache_release(struct iomd_mapping *mapping);

#endif
