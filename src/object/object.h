/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_OBJECT_OBJECT_H
#define IOMD_OBJECT_OBJECT_H

#include <iomd/object.h>

/* Every registered class, in order of registration, superclasses first. */
void os_meta_class_for_each(void (*visit)(const struct os_meta_class *meta, void *data),
			    void *data);

int os_object_init_room(void);
void os_object_exit_room(void);

#endif
