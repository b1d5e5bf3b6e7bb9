/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the playground share.
 */
#ifndef PLAYGROUND_YARD_H
#define PLAYGROUND_YARD_H

#include <linux/xarray.h>

#include <iomd/iomd.h>

#include "playground.h"

/* What is known by number: objects of any class. */
struct yard {
	struct xarray objects;
};

/* With one more reference; NULL if there is none of the class. */
struct os_object *yard_find(struct yard *yard, u32 id, const struct os_meta_class *class);
struct iomd *yard_find_md(struct yard *yard, u32 id);
/* Give an object, or an error, a number. */
int yard_keep(struct yard *yard, void *object, u32 *id);
/* With one more reference; 0 is the caller; NULL if there is none. */
struct task_struct *yard_task(s32 number);

/* playground_device.c */
struct iomd *yard_import(const struct playground *call);
int yard_do_more(struct yard *yard, struct iomd *md, struct playground *call);
int yard_command(struct yard *yard, struct playground *call);

#endif
