/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits that the tests tighten so that small buffers reach every seam.
 */
#ifndef IOMD_DEBUG_KNOBS_H
#define IOMD_DEBUG_KNOBS_H

#include <linux/types.h>

/* Most pages that one call pins; 0 is the normal batch. */
extern unsigned int iomd_knob_pin_batch;
/* Most scatterlist entries of one block of segments; 0 is a full block. */
extern unsigned int iomd_knob_segment_block;

/* Where memory ends that a prepare with PREPARE_TO_PHYS32 may have; 0 is 4 GiB. */
extern u64 iomd_knob_low_end;

#endif
