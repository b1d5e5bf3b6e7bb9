/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which iomd this is, and which modules fit it. Every public header includes this.
 */
#ifndef IOMD_VERSION_H
#define IOMD_VERSION_H

#include <linux/compiler.h>
#include <linux/init.h>

#define IOMD_VERSION	"1.0.0"

/*
 * One more whenever a module that was built by the headers before would do harm with the
 * new iomd.ko: a structure, a constant or a function's parameters changed.
 */
#define IOMD_ABI	1

/*
 * iomd.ko exports a symbol whose name has that number in it, and every module that includes
 * a header refers to it: built by another ABI's headers it is refused, as "Unknown symbol
 * iomd_abi_N", also by a kernel without MODVERSIONS. The reference is in memory that is free
 * once the module has been initialised, and no code reads it.
 */
#define IOMD_ABI_SYMBOL	__PASTE(iomd_abi_, IOMD_ABI)

extern unsigned int IOMD_ABI_SYMBOL;

static unsigned int *iomd_abi_needed __used __initdata = &IOMD_ABI_SYMBOL;

#endif
