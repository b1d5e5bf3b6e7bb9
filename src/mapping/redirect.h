/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_REDIRECT_H
#define IOMD_MAPPING_REDIRECT_H

struct iomd_mapping;

int iomd_mapping_follow(struct iomd_mapping *mapping);

#endif
