/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_OBJECT_OBJECT_H
#define IOMD_OBJECT_OBJECT_H

#include <iomd/object.h>

struct work_struct;

/* Every registered class, in order of registration, superclasses first. */
void os_meta_class_for_each(void (*visit)(const struct os_meta_class *meta, void *data),
			    void *data);

/*
 * As os_object_release(), for ends that need what a releaser may hold, or that wait for
 * others: with the last reference @work is queued, in which os_object_end() is called.
 * It is the object's own, so that nobody else waits behind it.
 */
void os_object_release_by(struct os_object *object, struct work_struct *work);
void os_object_end(struct os_object *object);

int os_object_init_ends(void);
void os_object_exit_ends(void);

/*
 * Have a worker call the class's run_errand, and hold the object until then. One errand at a
 * time; a barrier waits for it as for an end. Any context.
 */
void os_object_send_errand(struct os_object *object);

/* Gives back a reference if that is not the last one; false: the caller has it alone. */
static inline bool os_object_release_unless_last(struct os_object *object)
{
	return refcount_dec_not_one(&object->references);
}

int os_object_init_room(void);
void os_object_exit_room(void);

#endif
