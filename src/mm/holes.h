/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MM_HOLES_H
#define IOMD_MM_HOLES_H

#include <linux/mm_types.h>

void *iomd_vmap_with_holes(struct page **pages, unsigned int count, pgprot_t prot);

int iomd_holes_init_room(void);
void iomd_holes_exit_room(void);

#endif
