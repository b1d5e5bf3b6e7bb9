// SPDX-License-Identifier: GPL-2.0
/* The linear map's caching can be changed: of a run of pages, and back. */
#include <linux/set_memory.h>

static int __maybe_unused probe(unsigned long address, int pages)
{
	return set_memory_uc(address, pages) ?: set_memory_wc(address, pages) ?:
	       set_memory_wb(address, pages);
}
