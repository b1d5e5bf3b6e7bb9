/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IOMD_MEMORY_MAP_COPY_ON_WRITE: all mappings of such a descriptor show one copy of
 * its memory, taken when the first of them is made; everybody else goes on with the
 * memory itself.
 */
#ifndef IOMD_MAPPING_SNAPSHOT_H
#define IOMD_MAPPING_SNAPSHOT_H

struct iomd_mapping;

int iomd_mapping_take_snapshot(struct iomd_mapping *mapping);

#endif
