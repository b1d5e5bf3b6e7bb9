// SPDX-License-Identifier: GPL-2.0
#include <iomd/descriptor.h>

#include "listed.h"
#include "mapping.h"

bool iomd_mapping_look(struct iomd_mapping *mapping, struct iomd_listed *first)
{
	struct iomd_segment_iter iter;

	iomd_segment_iter_init(&iter, mapping->memory, mapping->offset, mapping->length, 0);
	mapping->in_page = iter.length ? offset_in_page(iter.address) : 0;
	if (!iter.sg || iter.length + iter.window != mapping->length)
		return false;
	*first = (struct iomd_listed) {
		.entry = iter.sg,
		.page = pfn_to_page(PHYS_PFN(iter.address)),
		.offset = mapping->in_page,
		.length = iter.length,
		.left = iter.window,
	};
	return true;
}
