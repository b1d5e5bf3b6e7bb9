/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that an ordinary client needs.
 */
#ifndef IOMD_IOMD_H
#define IOMD_IOMD_H

#include <iomd/descriptor.h>
#include <iomd/device_memory.h>
#include <iomd/dma.h>
#include <iomd/guard_page.h>
#include <iomd/interleaved.h>
#include <iomd/mapping.h>
#include <iomd/multi.h>
#include <iomd/object.h>
#include <iomd/segment.h>
#include <iomd/sub.h>
#include <iomd/types.h>

#endif
