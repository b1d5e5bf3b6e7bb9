/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was taken and what was given back: each pair must meet when nothing is
 * left alive. Read by debugfs (iomd/counters) and by the tests.
 */
#ifndef IOMD_DEBUG_COUNTERS_H
#define IOMD_DEBUG_COUNTERS_H

#include <linux/percpu.h>
#include <linux/types.h>

enum iomd_counter {
	IOMD_PAGES_PINNED,
	IOMD_PAGES_UNPINNED,
	IOMD_PAGES_ALLOCATED,
	IOMD_PAGES_FREED,
	IOMD_PAGES_CHARGED,
	IOMD_PAGES_UNCHARGED,
	IOMD_DMA_MAPPED,
	IOMD_DMA_UNMAPPED,
	IOMD_MAPPINGS_MADE,
	IOMD_MAPPINGS_ENDED,
	IOMD_COUNTERS,
};

DECLARE_PER_CPU(u64 [IOMD_COUNTERS], iomd_counts);

static inline void iomd_count(enum iomd_counter counter, u64 n)
{
	this_cpu_add(iomd_counts[counter], n);
}

u64 iomd_counter_read(enum iomd_counter counter);
const char *iomd_counter_name(enum iomd_counter counter);

#endif
