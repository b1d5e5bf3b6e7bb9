// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/uaccess.h>

#include "edu.h"
#include "maps.h"

struct iomd_mapping *mapped(struct kunit *test, struct iomd_mapping *mapping)
{
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(mapping), 0);
	return mapping;
}
EXPORT_SYMBOL_GPL(mapped);

void expect_unmapped(struct kunit *test, struct iomd_mapping *mapping, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapping), error);
	if (!IS_ERR(mapping))
		iomd_mapping_release(mapping);
}
EXPORT_SYMBOL_GPL(expect_unmapped);

void end_mapping(struct iomd_mapping *mapping)
{
	iomd_mapping_unmap(mapping);
	iomd_mapping_release(mapping);
}
EXPORT_SYMBOL_GPL(end_mapping);

struct iomd_mapping *map_part(struct kunit *test, struct iomd *md, u64 options, u64 offset,
			      u64 length)
{
	return mapped(test, iomd_create_mapping_in_task(md, KERNEL, 0, options | ANY, offset,
							length));
}
EXPORT_SYMBOL_GPL(map_part);

bool faults(const void *address)
{
	u8 byte;

	return copy_from_kernel_nofault(&byte, address, 1);
}
EXPORT_SYMBOL_GPL(faults);

struct iomd *user_memory(struct kunit *test, struct area *area, unsigned int pages)
{
	area_make(area, puppet_start(test), AREA_SCATTERED, pages);
	area_fill(area);
	return made(test, iomd_with_address_range(area->address, pages * P, BOTH,
						  area->puppet->task));
}
EXPORT_SYMBOL_GPL(user_memory);

phys_addr_t edu_registers(struct kunit *test)
{
	phys_addr_t address = edu_find_registers();

	if (!address)
		kunit_skip(test, "no edu device");
	return address;
}
EXPORT_SYMBOL_GPL(edu_registers);

phys_addr_t card_memory(struct kunit *test)
{
	phys_addr_t address = card_find_memory();

	if (!address)
		kunit_skip(test, "no card of shared memory");
	return address;
}
EXPORT_SYMBOL_GPL(card_memory);
