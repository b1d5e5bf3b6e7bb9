// SPDX-License-Identifier: GPL-2.0
/* A symbol namespace is a string (which must not be made one once more). */
#include <linux/module.h>

#undef MODULE_INFO
#define MODULE_INFO(tag, info) static_assert(sizeof(info) == sizeof("IOMD"), #tag)
MODULE_IMPORT_NS("IOMD");
