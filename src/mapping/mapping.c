// SPDX-License-Identifier: GPL-2.0
/*
 * What making, redirecting and ending a mapping have in common: the memory that it keeps
 * prepared, and its place.
 */
#include <iomd/descriptor.h>

#include "../debug/counters.h"
#include "../desc/descriptor.h"
#include "mapping.h"

/**
 * iomd_mapping_place() - a new mapping has its place
 * @mapping: that nobody else can see yet
 * @address: of its first byte
 * @own: did do_map make the place, so that do_unmap is to follow?
 */
void iomd_mapping_place(struct iomd_mapping *mapping, unsigned long address, bool own)
{
	WRITE_ONCE(mapping->address, address);
	mapping->placed = true;
	mapping->own_place = own;
	iomd_count(IOMD_MAPPINGS_MADE, 1);
}

/*
 * Memory that is only looked at is prepared for what it was described for, so that its
 * driver's own prepare does not find it prepared for less; and for reading where it can't
 * be had for more, or is not.
 */
static int mapping_prepare(struct iomd_mapping *mapping)
{
	int ret;

	if (!(mapping->options & IOMD_MAP_READ_ONLY))
		return iomd_prepare(mapping->memory, IOMD_DIRECTION_OUT_IN);
	ret = iomd_prepare(mapping->memory, IOMD_DIRECTION_NONE);
	if (ret == -EFAULT || ret == -EACCES)
		ret = iomd_prepare(mapping->memory, IOMD_DIRECTION_OUT);
	return ret;
}

/* Prepare the memory, and keep others' completes from ending that. */
int iomd_mapping_prepare(struct iomd_mapping *mapping)
{
	int ret;

	ret = mapping_prepare(mapping);
	if (ret)
		return ret;
	ret = iomd_set_in_use(mapping->memory, true);
	if (ret) {
		iomd_hand_over(mapping->memory);
		return ret;
	}
	mapping->prepared = true;
	return 0;
}

void iomd_mapping_complete(struct iomd_mapping *mapping)
{
	if (!mapping->prepared)
		return;
	mapping->prepared = false;
	iomd_set_in_use(mapping->memory, false);
	/* Others may rest on that by now, such as a device. */
	iomd_hand_over(mapping->memory);
}
