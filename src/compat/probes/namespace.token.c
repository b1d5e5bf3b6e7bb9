// SPDX-License-Identifier: GPL-2.0
/* A symbol namespace is a bare word. */
#include <linux/module.h>

void iomd_probe(void);
void iomd_probe(void) {}
EXPORT_SYMBOL_NS_GPL(iomd_probe, IOMD);
MODULE_IMPORT_NS(IOMD);
