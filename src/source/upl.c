// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that somebody else holds, for as long as they are described: extents of
 * physical addresses, each with a struct page. Preparing only lists them.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "../mm/ram.h"
#include "source.h"

/* Pages between two looks for signals and whoever wants the CPU. */
#define AT_A_TIME	512

/* Only of pages that the kernel sees as it does all memory can more be done than list them. */
static int check_pages(struct page *page, u64 count)
{
	for (; count; count--, page = iomd_page_after(page)) {
		if (!pfn_valid(page_to_pfn(page)) || !iomd_is_memory(page))
			return -EOPNOTSUPP;
		if (!(count % AT_A_TIME)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

static int upl_prepare(struct iomd_backing *backing, u64 direction)
{
	struct iomd_segments *segments = &backing->segments;
	const struct iomd_extent *extent;
	int ret = 0;

	iomd_segments_init(segments);
	iomd_for_each_extent(extent, &backing->extents) {
		struct page *first = pfn_to_page(PHYS_PFN(extent->address));

		ret = check_pages(first, iomd_extents_pages_of(extent->address, extent->length)) ?:
		      iomd_segments_append(segments, first, offset_in_page(extent->address),
					   extent->length);
		if (ret)
			goto err_free;
	}
	ret = iomd_segments_finish(segments);
	if (ret)
		goto err_free;
	return 0;

err_free:
	iomd_segments_free(segments);
	return ret;
}

static void upl_complete(struct iomd_backing *backing, bool dirty)
{
	iomd_segments_free(&backing->segments);
}

const struct iomd_source iomd_source_upl = {
	.prepare = upl_prepare,
	.complete = upl_complete,
};
