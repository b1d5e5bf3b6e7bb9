/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_VMA_H
#define IOMD_MAPPING_VMA_H

#include <linux/types.h>

struct iomd_mapping;
struct iomd_listed;

int iomd_mapping_map_user(struct iomd_mapping *mapping, const struct iomd_listed *listed);
void iomd_mapping_unmap_user(struct iomd_mapping *mapping);
int iomd_mapping_check_runs(const struct iomd_mapping *mapping, const struct iomd_listed *listed);

#endif
