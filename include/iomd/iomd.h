/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that an ordinary client needs.
 */
#ifndef IOMD_IOMD_H
#define IOMD_IOMD_H

#include <linux/module.h>

#include <iomd/buffer.h>
#include <iomd/client.h>
#include <iomd/cursor.h>
#include <iomd/data.h>
#include <iomd/descriptor.h>
#include <iomd/device_memory.h>
#include <iomd/dma.h>
#include <iomd/dma_buf.h>
#include <iomd/dma_command.h>
#include <iomd/dmaengine.h>
#include <iomd/guard_page.h>
#include <iomd/interleaved.h>
#include <iomd/mapping.h>
#include <iomd/multi.h>
#include <iomd/object.h>
#include <iomd/segment.h>
#include <iomd/sub.h>
#include <iomd/types.h>
#include <iomd/version.h>

/*
 * The symbols are in a namespace of their own; this lets a module use them. It is
 * MODULE_IMPORT_NS() in words that kernels on either side of 6.13 understand.
 */
#define IOMD_IMPORT_NS()	MODULE_INFO(import_ns, "IOMD")

#endif
