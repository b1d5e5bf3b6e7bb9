/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_ID_H
#define IOMD_DESC_ID_H

#include <linux/types.h>

/* A preparation id that was never given out before. Any context. */
u64 iomd_id_next(void);

#endif
