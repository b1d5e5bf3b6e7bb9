/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_VMAP_H
#define IOMD_MAPPING_VMAP_H

struct iomd_mapping;
struct iomd_listed;

int iomd_mapping_map_kernel(struct iomd_mapping *mapping, const struct iomd_listed *listed);
void iomd_mapping_unmap_kernel(struct iomd_mapping *mapping);

#endif
