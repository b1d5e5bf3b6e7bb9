/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of mappings share.
 */
#ifndef MAPS_H
#define MAPS_H

#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define KERNEL	IOMD_KERNEL_TASK
#define ANY	IOMD_MAP_ANYWHERE

/* An answer that must be a mapping, or must be @error. */
struct iomd_mapping *mapped(struct kunit *test, struct iomd_mapping *mapping);
void expect_unmapped(struct kunit *test, struct iomd_mapping *mapping, int error);

/* Map [@offset, @offset + @length) into the kernel, where there is room. */
struct iomd_mapping *map_part(struct kunit *test, struct iomd *md, u64 options, u64 offset,
			      u64 length);

/* Unmap and release: what is left to a task's end comes some time after that. */
void end_mapping(struct iomd_mapping *mapping);

static inline u8 *bytes_of(struct iomd_mapping *mapping)
{
	return (u8 *)iomd_mapping_get_address(mapping);
}

/* Does the kernel fault there? */
bool faults(const void *address);
/* Where no mapping into the kernel can have pages that fault, those that should are refused. */
#define HAVE_GUARDS	IS_ENABLED(CONFIG_X86)
/* The same for memory that is not cached as all other. */
#define HAVE_CACHE_MODES	IS_ENABLED(CONFIG_X86)

/* Memory of a puppet that nobody in the kernel sees; it holds the pattern. */
struct iomd *user_memory(struct kunit *test, struct area *area, unsigned int pages);
/* Registers of QEMU's edu device; skips the case if there is none. */
phys_addr_t edu_registers(struct kunit *test);
#define EDU_SIGNATURE	0x010000edU
/* Memory of a device of QEMU's, reached in any width; skips the case if there is none. */
phys_addr_t card_memory(struct kunit *test);

#endif
