/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of a file shown to the process that it was made for, as long as the
 * buffer lives: an ordinary shared mapping, which the process may do with as with
 * any other.
 */
#ifndef IOMD_SOURCE_USER_VIEW_H
#define IOMD_SOURCE_USER_VIEW_H

#include <linux/workqueue.h>

#include <iomd/object.h>

struct file;
struct user_place;

struct iomd_user_view {
	struct os_object object;
	/* Its end waits for the process, and for whoever is at the file. */
	struct work_struct end;
	struct user_place *place;
	/* 0: not mapped. */
	unsigned long address;
};

extern struct os_meta_class iomd_user_view_meta_class;

struct iomd_user_view *iomd_user_view_make(struct file *file, unsigned long length);
void iomd_user_view_end(struct iomd_user_view *view);
void iomd_user_view_exit_room(void);

#endif
