/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What rooms that make buffers for others need of them.
 */
#ifndef IOMD_DESC_BUFFER_H
#define IOMD_DESC_BUFFER_H

struct iomd;
struct iomd_payer;

int iomd_buffer_give(struct iomd *md, const struct iomd_payer *payer);

#endif
