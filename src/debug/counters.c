// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "counters.h"
#include "knobs.h"

DEFINE_PER_CPU(u64 [IOMD_COUNTERS], iomd_counts);

unsigned int iomd_knob_pin_batch;
IOMD_EXPORT_TEST(iomd_knob_pin_batch);
unsigned int iomd_knob_segment_block;
IOMD_EXPORT_TEST(iomd_knob_segment_block);
u64 iomd_knob_low_end;
IOMD_EXPORT_TEST(iomd_knob_low_end);

static const char * const names[IOMD_COUNTERS] = {
	[IOMD_PAGES_PINNED]	= "pages_pinned",
	[IOMD_PAGES_UNPINNED]	= "pages_unpinned",
	[IOMD_PAGES_ALLOCATED]	= "pages_allocated",
	[IOMD_PAGES_FREED]	= "pages_freed",
	[IOMD_PAGES_CHARGED]	= "pages_charged",
	[IOMD_PAGES_UNCHARGED]	= "pages_uncharged",
	[IOMD_DMA_MAPPED]	= "dma_mapped",
	[IOMD_DMA_UNMAPPED]	= "dma_unmapped",
	[IOMD_MAPPINGS_MADE]	= "mappings_made",
	[IOMD_MAPPINGS_ENDED]	= "mappings_ended",
};

u64 iomd_counter_read(enum iomd_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(iomd_counts, cpu)[counter];
	return sum;
}
IOMD_EXPORT_TEST(iomd_counter_read);

const char *iomd_counter_name(enum iomd_counter counter)
{
	return names[counter];
}
IOMD_EXPORT_TEST(iomd_counter_name);
