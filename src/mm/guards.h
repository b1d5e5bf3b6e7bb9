/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MM_GUARDS_H
#define IOMD_MM_GUARDS_H

#include <linux/mm_types.h>

void *iomd_vmap_with_guards(struct page **pages, unsigned int count, pgprot_t prot);

int iomd_guards_init_room(void);
void iomd_guards_exit_room(void);

#endif
