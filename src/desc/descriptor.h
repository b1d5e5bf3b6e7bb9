/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_DESCRIPTOR_H
#define IOMD_DESC_DESCRIPTOR_H

#include <iomd/descriptor.h>

/* A mapping begins or ends to use a descriptor's memory; see iomd_ops. */
int iomd_set_in_use(struct iomd *md, bool begin);

#endif
