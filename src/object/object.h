/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_OBJECT_OBJECT_H
#define IOMD_OBJECT_OBJECT_H

#include <iomd/object.h>

/* Every registered class, in order of registration, superclasses first. */
void os_meta_class_for_each(void (*visit)(const struct os_meta_class *meta, void *data),
			    void *data);

/*
 * As os_object_release(), for ends that need what a releaser may hold, whatever
 * its context: they always come through the work item.
 */
void os_object_release_later(struct os_object *object);

int os_object_init_room(void);
void os_object_exit_room(void);

#endif
