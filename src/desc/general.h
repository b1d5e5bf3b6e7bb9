/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A descriptor that holds its segments itself: all leaves are of this class or
 * below it.
 */
#ifndef IOMD_DESC_GENERAL_H
#define IOMD_DESC_GENERAL_H

#include <iomd/descriptor.h>

#include "../segments/segments.h"
#include "../source/extents.h"
#include "wire.h"

struct device;
struct iomd_source;
struct mm_struct;

struct iomd_general {
	struct iomd md;
	const struct iomd_source *source;
	struct device *mapper;
	struct iomd_extents extents;
	/* User memory: its address space, and the task whose limit counts. Held. */
	struct mm_struct *mm;
	struct task_struct *task;
	struct iomd_wire wire;
	/* Valid while wired. */
	struct iomd_segments segments;
};

extern struct os_meta_class iomd_general_meta_class;

static inline struct iomd_general *iomd_to_general(struct iomd *md)
{
	return container_of(md, struct iomd_general, md);
}

#endif
