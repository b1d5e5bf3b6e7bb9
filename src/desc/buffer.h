/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What rooms that make buffers for others need of them.
 */
#ifndef IOMD_DESC_BUFFER_H
#define IOMD_DESC_BUFFER_H

#include <linux/types.h>

struct iomd;
struct iomd_payer;

/* Pageable memory for the calling process, whom @payer is of; as the constructors give it. */
struct iomd *iomd_buffer_of_payer(const struct iomd_payer *payer, u64 options, u64 capacity);
int iomd_buffer_give(struct iomd *md, const struct iomd_payer *payer);

#endif
