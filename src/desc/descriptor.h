/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DESC_DESCRIPTOR_H
#define IOMD_DESC_DESCRIPTOR_H

#include <iomd/descriptor.h>

/* A mapping begins or ends to use a descriptor's memory; see iomd_ops. */
int iomd_set_in_use(struct iomd *md, bool begin);

/* Say once that a driver completed what it must not, if @error is that; @error. */
int iomd_refuse_complete(int error);

/* The byte at @offset, which is inside, is in a hole or not: see iomd_ops. */
bool iomd_is_guard(struct iomd *md, u64 offset, u64 *length);

/* How the CPU is to cache the byte at @offset, which is inside: see iomd_ops. */
u64 iomd_get_cache_mode(struct iomd *md, u64 offset);

/*
 * @part becomes a part of @composite, or ceases to be one. -ELOOP beyond a depth
 * that the kernel's stack can bear; -EBUSY if @composite is a part itself, so that
 * nothing can be a part of itself.
 */
int iomd_nest(struct iomd *composite, struct iomd *part);
void iomd_unnest(struct iomd *part);
/* Is it part of a composite, which relies on it not to become another? */
static inline bool iomd_is_nested(const struct iomd *md)
{
	return atomic_read(&md->nested);
}

#endif
