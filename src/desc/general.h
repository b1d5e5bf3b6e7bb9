/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A descriptor that holds its segments itself: all leaves are of this class or
 * below it.
 */
#ifndef IOMD_DESC_GENERAL_H
#define IOMD_DESC_GENERAL_H

#include <iomd/descriptor.h>

#include "../source/source.h"
#include "prepares.h"

struct device;
struct task_struct;

struct iomd_general {
	struct iomd md;
	struct device *mapper;
	struct iomd_prepares prepares;
	/* Shown by all mappings once there is one, if they are to be of a copy. Held. */
	struct iomd *snapshot;
	/* Its end is not zero at first, unless it is a subclass'. */
	struct iomd_backing backing;
};

extern const struct iomd_ops iomd_general_ops;

/*
 * For subclasses, whose instances are zero before it: memory of @source, whose
 * extents the subclass has set up, of which @length bytes are described. Kernel
 * memory that is there for the life of the descriptor is prepared by
 * iomd_general_auto_prepare(); it needs no complete.
 */
void iomd_general_init(struct iomd_general *general, const struct iomd_source *source,
		       u64 length, u64 flags);
int iomd_general_auto_prepare(struct iomd_general *general);
/* Give back what the source, the ranges and the mapper hold; nothing is left over. */
void iomd_general_detach(struct iomd_general *general);

int iomd_general_init_with_options(struct iomd *md, const void *buffers, u32 count, u32 offset,
				   struct task_struct *task, u64 options,
				   struct device *mapper);

/* Ranges of somebody's address space, who pays for them as ever. */
struct iomd *iomd_general_of_payer(const struct iomd_address_range *ranges, u32 count,
				   u64 options, const struct iomd_payer *payer);

/* The same ranges once more, of the same payer; not of one that has memory of its own. */
struct iomd *iomd_general_describe_again(struct iomd_general *original);

static inline struct iomd_general *iomd_to_general(struct iomd *md)
{
	return container_of(md, struct iomd_general, md);
}

#endif
