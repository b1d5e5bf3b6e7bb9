/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_MAPPING_H
#define IOMD_MAPPING_MAPPING_H

#include <iomd/mapping.h>
#include <iomd/object.h>

struct iomd_mapping {
	struct os_object object;
	struct iomd *md;
	u64 options;
	u64 offset;
	u64 length;
	/* guards the address: 0 once unmapped */
	struct mutex lock;
	unsigned long address;
	/* How to end it: one of these, or neither if the address is not ours. */
	void *vmap_base;
	void __iomem *io_base;
	/* Is the memory prepared, and kept so, by this mapping? */
	bool wired;
};

int iomd_mapping_map_kernel(struct iomd_mapping *mapping);
void iomd_mapping_unmap_kernel(struct iomd_mapping *mapping);

#endif
