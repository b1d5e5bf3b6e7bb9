// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that somebody else holds, for as long as they are described: extents of
 * physical addresses, each with a struct page. Preparing only lists them.
 */
#include <linux/mm.h>

#include "../desc/general.h"
#include "source.h"

static int upl_wire(struct iomd_general *general, u64 direction)
{
	struct iomd_segments *segments = &general->segments;
	const struct iomd_extents *extents = &general->extents;
	int ret = 0;
	u32 i;

	iomd_segments_init(segments);
	for (i = 0; !ret && i < extents->count; i++) {
		phys_addr_t address = extents->list[i].address;

		ret = iomd_segments_append(segments, pfn_to_page(PHYS_PFN(address)),
					   offset_in_page(address), extents->list[i].length);
	}
	if (!ret)
		ret = iomd_segments_finish(segments);
	if (ret)
		iomd_segments_free(segments);
	return ret;
}

static void upl_unwire(struct iomd_general *general, bool dirty)
{
	iomd_segments_free(&general->segments);
}

const struct iomd_source iomd_source_upl = {
	.wire = upl_wire,
	.unwire = upl_unwire,
};
