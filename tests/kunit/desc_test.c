// SPDX-License-Identifier: GPL-2.0
/*
 * What every descriptor can do, and what a class of somebody else's needs for it.
 */
#include <linux/bvec.h>
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "../../src/debug/inject.h"
#include "fixtures.h"

#define P	((u64)PAGE_SIZE)

/* An object that can be a context. */
static bool thing_freed;

static void free_thing(struct os_object *object)
{
	thing_freed = true;
}

static struct os_meta_class thing_class = {
	.name = "test_thing",
	.size = sizeof(struct os_object),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = free_thing,
};

/*
 * A class of another module: some kernel pages
 */

#define FIRST_BYTE	50
#define CLASS_PAGES	3

struct loose_pages {
	struct iomd md;
	struct page *pages[CLASS_PAGES];
	unsigned int prepared;
};

static struct loose_pages *to_loose(struct iomd *md)
{
	return container_of(md, struct loose_pages, md);
}

static int loose_prepare(struct iomd *md, u64 direction)
{
	to_loose(md)->prepared++;
	return 0;
}

static int loose_complete(struct iomd *md, u64 direction)
{
	if (!to_loose(md)->prepared)
		return -EAGAIN;
	to_loose(md)->prepared--;
	return 0;
}

static phys_addr_t loose_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
					      u64 options)
{
	u64 at = FIRST_BYTE + offset;

	if (!to_loose(md)->prepared) {
		*length = 0;
		return 0;
	}
	*length = min(P - at % P, md->length - offset);
	return page_to_phys(to_loose(md)->pages[at / P]) + at % P;
}

static const struct iomd_ops loose_ops = {
	.prepare = loose_prepare,
	.complete = loose_complete,
	.get_physical_segment = loose_get_physical_segment,
};

static void free_loose(struct os_object *object)
{
	struct loose_pages *loose = to_loose(iomd_from_object(object));
	unsigned int i;

	for (i = 0; i < CLASS_PAGES; i++)
		if (loose->pages[i])
			__free_page(loose->pages[i]);
}

static struct os_meta_class loose_class = {
	.name = "test_loose_pages",
	.size = sizeof(struct loose_pages),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = free_loose,
};

static struct iomd *new_loose(struct kunit *test)
{
	/* Which page is allocated first, so that they are not in order. */
	static const unsigned int order[CLASS_PAGES] = { 0, 2, 1 };
	struct loose_pages *loose = os_object_alloc(&loose_class);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, loose);
	iomd_init(&loose->md, &loose_ops, CLASS_PAGES * P - 2 * FIRST_BYTE,
		  IOMD_DIRECTION_OUT_IN);
	for (i = 0; i < CLASS_PAGES; i++) {
		loose->pages[order[i]] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, loose->pages[order[i]]);
	}
	return &loose->md;
}

static void add_loose(struct image *image, struct iomd *md)
{
	unsigned int i;

	for (i = 0; i < CLASS_PAGES; i++) {
		u64 skip = i ? 0 : FIRST_BYTE;
		u64 end = i == CLASS_PAGES - 1 ? P - FIRST_BYTE : P;

		image_add(image, page_to_phys(to_loose(md)->pages[i]) + skip, end - skip);
	}
}

/*
 * Kernel memory, as an easy subject
 */

static struct iomd *describe_kernel(struct kunit *test, const void *address, u64 length,
				    u64 options)
{
	struct iomd *md = iomd_with_address_range((unsigned long)address, length, options,
						  IOMD_KERNEL_TASK);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	return md;
}

static void accessors(struct kunit *test)
{
	static u8 memory[300];
	struct iomd *md = describe_kernel(test, memory, sizeof(memory),
					  IOMD_DIRECTION_IN | IOMD_MEMORY_THREAD_SAFE);

	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)sizeof(memory));
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_IN | IOMD_MEMORY_THREAD_SAFE |
			IOMD_MEMORY_TYPE_VIRTUAL);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
	iomd_set_tag(md, 0xfeedf00d);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0xfeedf00d);
	KUNIT_EXPECT_STREQ(test, os_meta_class_get_class_name(iomd_get_meta_class(md)),
			   "iomd_general");
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_super_class(iomd_get_meta_class(md)),
			    &iomd_meta_class);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(&md->object, &iomd_meta_class), &md->object);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
	KUNIT_EXPECT_PTR_EQ(test, iomd_retain(md), md);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 2U);
	iomd_release(md);
	iomd_release(md);
	KUNIT_EXPECT_NULL(test, iomd_retain(NULL));
	iomd_release(NULL);
}

static void directions_are_kept(struct kunit *test)
{
	static const u64 all[] = {
		IOMD_DIRECTION_NONE, IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT_IN,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		struct iomd *md = iomd_with_physical_address(0x1000, 1, all[i]);

		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		KUNIT_EXPECT_EQ(test, iomd_get_direction(md), all[i]);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md), all[i] | IOMD_MEMORY_TYPE_PHYSICAL);
		iomd_release(md);
	}
}

static void keeps_a_context(struct kunit *test)
{
	struct os_object *thing = os_object_alloc(&thing_class);
	struct os_object *other = os_object_alloc(&thing_class);
	struct iomd *md = iomd_with_physical_address(0x1000, 1, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_NOT_NULL(test, thing);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_NULL(test, iomd_copy_context(md));
	iomd_set_context(md, thing);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(thing), 2U);
	KUNIT_EXPECT_PTR_EQ(test, iomd_copy_context(md), thing);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(thing), 3U);
	os_object_release(thing);
	/* The same again, another one, none. */
	iomd_set_context(md, thing);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(thing), 2U);
	iomd_set_context(md, other);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(thing), 1U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(other), 2U);
	iomd_set_context(md, NULL);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(other), 1U);
	KUNIT_EXPECT_NULL(test, iomd_copy_context(md));
	os_object_release(other);
	os_object_barrier();
	thing_freed = false;
	/* The last reference is the descriptor's. */
	iomd_set_context(md, thing);
	os_object_release(thing);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, thing_freed);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_TRUE(test, thing_freed);
}

/*
 * Copying
 */

/* @memory: what @md describes, of @length bytes, as the kernel sees it */
static void check_copying(struct kunit *test, struct iomd *md, u8 *memory, u64 length)
{
	const struct {
		u64 offset, length;
		bool good;
	} table[] = {
		{ 0, length, true }, { 0, 1, true }, { length - 1, 1, true },
		{ length / 3, length / 2, true }, { 0, 0, true }, { length, 0, true },
		{ length, 1, false }, { length + 1, 0, false }, { 0, length + 1, false },
		{ length - 1, 2, false }, { 1, U64_MAX, false }, { U64_MAX, 1, false },
		{ U64_MAX, U64_MAX, false }, { U64_MAX, 0, false },
	};
	u8 *buffer = kunit_kmalloc(test, length, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		u64 offset = table[i].offset, bytes = table[i].good ? table[i].length : 0;

		fill_pattern(memory, 0, length);
		memset(buffer, 0xee, length);
		KUNIT_EXPECT_EQ_MSG(test, iomd_read_bytes(md, offset, buffer, table[i].length),
				    bytes, "row %u", i);
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(buffer, offset, bytes), bytes);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer + bytes, 0xee, length - bytes));

		fill_pattern(buffer, 77, length);
		KUNIT_EXPECT_EQ_MSG(test, iomd_write_bytes(md, offset, buffer, table[i].length),
				    bytes, "row %u", i);
		if (bytes)
			KUNIT_EXPECT_EQ(test, (u64)find_mismatch(memory + offset, 77, bytes),
					bytes);
		/* Before and behind it, nothing has changed. */
		if (!bytes)
			offset = length;
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(memory, 0, offset), offset);
		if (bytes)
			KUNIT_EXPECT_EQ(test,
					(u64)find_mismatch(memory + offset + bytes, offset + bytes,
							   length - offset - bytes),
					length - offset - bytes);
	}
	/* No bytes to write are zeroes; nowhere to read to is refused. */
	fill_pattern(memory, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 1, NULL, length - 2), length - 2);
	KUNIT_EXPECT_NULL(test, memchr_inv(memory + 1, 0, length - 2));
	KUNIT_EXPECT_EQ(test, memory[0], pattern(0));
	KUNIT_EXPECT_EQ(test, memory[length - 1], pattern(length - 1));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, NULL, length), 0ULL);
	kunit_kfree(test, buffer);
}

static void copies_kernel_memory(struct kunit *test)
{
	const u64 length = 3 * P + 17;
	struct kernel_area area;
	struct iomd *md;

	kernel_area_make(&area, test, 5);
	md = iomd_with_address(area.address + 1000, length, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	check_copying(test, md, area.address + 1000, length);
	iomd_release(md);
	os_object_barrier();
	kernel_area_free(&area);
}

static void copies_physical_memory(struct kunit *test)
{
	u8 *memory = kmalloc(4 * P, GFP_KERNEL);
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	md = iomd_with_physical_address(virt_to_phys(memory) + 5, 3 * P, IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	check_copying(test, md, memory + 5, 3 * P);
	iomd_release(md);
	os_object_barrier();
	kfree(memory);
}

static void copies_user_memory(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_address_range ranges[3];
	u8 *buffer = kunit_kmalloc(test, 3 * P, GFP_KERNEL);
	u8 *seen = kunit_kmalloc(test, 3 * P, GFP_KERNEL);
	struct area area;
	struct iomd *md;
	unsigned int i;
	u64 length = 0;

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	area_make(&area, puppet, AREA_SCATTERED, 8);
	area_fill(&area);
	ranges[0] = area_range(&area, 6 * P + 5, P);
	ranges[1] = area_range(&area, P - 1, 2);
	ranges[2] = area_range(&area, 3 * P + 100, P + 900);
	for (i = 0; i < 3; i++)
		length += ranges[i].length;
	md = iomd_with_address_ranges(ranges, 3, IOMD_DIRECTION_OUT_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, length), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, buffer, length), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, length), length);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(buffer, 6 * P + 5, P), P);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(buffer + P, P - 1, 2), 2ULL);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(buffer + P + 2, 3 * P + 100, P + 900), P + 900);
	fill_pattern(buffer, 999, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, buffer, length), length);
	for (i = 0, length = 0; i < 3; length += ranges[i++].length) {
		puppet_read(puppet, ranges[i].address, seen, ranges[i].length);
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(seen, 999 + length, ranges[i].length),
				ranges[i].length);
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, 1), 0ULL);
	iomd_release(md);
}

static void does_not_write_what_is_for_reading(struct kunit *test)
{
	u8 *memory = kzalloc(100, GFP_KERNEL);
	struct iomd *md = describe_kernel(test, memory, 100, IOMD_DIRECTION_OUT);
	u64 length;
	u8 byte;

	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, memory[0], 0);
	iomd_get_physical_segment(md, 0, &length, IOMD_MEMORY_SEGMENT_WRITE);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	iomd_get_physical_segment(md, 0, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	kfree(memory);
}

struct copying {
	struct iomd *md;
	u8 bytes[100];
	u64 copied;
};

static void copy_both_ways(void *data)
{
	struct copying *copying = data;

	copying->copied = iomd_read_bytes(copying->md, 4000, copying->bytes, 100);
	copying->copied += iomd_write_bytes(copying->md, 8000, copying->bytes, 100);
}

static void copies_in_hard_irq(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct copying copying = {};
	struct area area;
	u8 seen[100];

	area_make(&area, puppet, AREA_SCATTERED, 4);
	area_fill(&area);
	copying.md = iomd_with_address_range(area.address, 4 * P, IOMD_DIRECTION_IN,
					     puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(copying.md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(copying.md, 0), 0);
	call_in_hard_irq(test, copy_both_ways, &copying);
	KUNIT_EXPECT_EQ(test, copying.copied, 200ULL);
	puppet_read(puppet, area.address + 8000, seen, 100);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(seen, 4000, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(copying.md, 0), 0);
	iomd_release(copying.md);
}

/*
 * Space for a device
 */

struct map_length_row {
	struct iomd_address_range ranges[2];
	unsigned int count;
	u64 length, offset;
};

static const struct map_length_row map_length_table[] = {
	{ { { 0, 2 } }, 1, P, 0 },
	{ { { P - 2, 4 } }, 1, 2 * P, P - 2 },
	{ { { 4 * P, 4 * P }, { 0, 4 * P } }, 2, 8 * P, 0 },
	{ { { P - 2, 4 }, { 3 * P + 1, 1 } }, 2, 3 * P, P - 2 },
	{ { { 0, 100 }, { 100, 100 } }, 2, P, 0 },
	{ { { 0, 100 }, { 200, 100 } }, 2, 2 * P, 0 },
	{ { { P, 3 * P } }, 1, 3 * P, 0 },
	{ { { 1, P } }, 1, 2 * P, 1 },
	{ { { 0, 0 }, { P + 7, 3 } }, 2, P, 7 },
	{ { { P + 7, 0 } }, 1, 0, 0 },
};

static void device_space_needed(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	void *memory = vmalloc(8 * P);
	struct {
		u64 base;
		struct task_struct *task;
	} spaces[] = {
		{ (unsigned long)memory, IOMD_KERNEL_TASK },
		{ 0x10000000, puppet->task },
		{ 0x1000000000, IOMD_PHYSICAL_TASK },
	};
	unsigned int i, j, k;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	for (i = 0; i < ARRAY_SIZE(spaces); i++) {
		for (j = 0; j < ARRAY_SIZE(map_length_table); j++) {
			struct map_length_row row = map_length_table[j];
			struct iomd *md;
			u64 offset = 99;

			for (k = 0; k < row.count; k++)
				row.ranges[k].address += spaces[i].base;
			md = iomd_with_address_ranges(row.ranges, row.count, 0, spaces[i].task);
			KUNIT_ASSERT_FALSE(test, IS_ERR(md));
			KUNIT_EXPECT_EQ_MSG(test, iomd_get_dma_map_length(md, &offset), row.length,
					    "row %u, space %u", j, i);
			KUNIT_EXPECT_EQ_MSG(test, offset, row.offset, "row %u, space %u", j, i);
			KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), row.length);
			iomd_release(md);
		}
	}
	os_object_barrier();
	vfree(memory);
}

/*
 * Creating
 */

static void expect_refusal(struct kunit *test, struct iomd *md, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), error);
	if (!IS_ERR(md))
		iomd_release(md);
}

static void types_and_tasks_go_together(struct kunit *test)
{
	struct iomd_address_range range = { 0x1000, 1 };
	u64 type;

	expect_refusal(test, iomd_with_options(&range, 1, 0, NULL, IOMD_MEMORY_TYPE_VIRTUAL, NULL),
		       -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, IOMD_KERNEL_TASK,
					       IOMD_MEMORY_TYPE_PHYSICAL, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, NULL, 0, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 1, 0, IOMD_KERNEL_TASK, 0, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(NULL, 1, 0, IOMD_KERNEL_TASK,
					       IOMD_MEMORY_TYPE_VIRTUAL, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&range, 0, 0, IOMD_KERNEL_TASK,
					       IOMD_MEMORY_TYPE_VIRTUAL, NULL), -EINVAL);
	for (type = 5ULL << 9; type <= IOMD_MEMORY_TYPE_MASK; type += 1ULL << 9) {
		expect_refusal(test, iomd_with_options(&range, 1, 0, NULL, type, NULL), -EINVAL);
		expect_refusal(test, iomd_with_options(&range, 1, 0, IOMD_KERNEL_TASK, type, NULL),
			       -EINVAL);
	}
	/* The short forms choose the type by the task. */
	expect_refusal(test, iomd_with_address_range(0x1000, 1, IOMD_MEMORY_TYPE_VIRTUAL,
						     IOMD_KERNEL_TASK), -EINVAL);
	expect_refusal(test, iomd_with_address_range(0x1000, 1, IOMD_MEMORY_TYPE_PHYSICAL,
						     IOMD_PHYSICAL_TASK),
		       -EINVAL);
}

static void holds_its_mapper(struct kunit *test)
{
	struct iomd_address_range range = { 0x1000, 1 };
	struct device *device = fake_device(test);
	unsigned int before = kref_read(&device->kobj.kref);
	struct iomd *md = iomd_with_options(&range, 1, 0, NULL, IOMD_MEMORY_TYPE_PHYSICAL, device);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, kref_read(&device->kobj.kref), before + 1);
	KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, NULL,
						     IOMD_MEMORY_TYPE_PHYSICAL, NULL), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&device->kobj.kref), before);
	KUNIT_EXPECT_EQ(test, iomd_init_with_options(md, &range, 1, 0, NULL,
						     IOMD_MEMORY_TYPE_PHYSICAL, device), 0);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, kref_read(&device->kobj.kref), before);
}

static void kernel_memory_may_be_ready_at_once(struct kunit *test)
{
	static u8 memory[64] = { 42 };
	struct iomd *md = iomd_with_address(memory, sizeof(memory), IOMD_DIRECTION_OUT);
	u8 byte = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, byte, 42);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_OUT | IOMD_MEMORY_TYPE_VIRTUAL |
			IOMD_MEMORY_AUTO_PREPARE | IOMD_MEMORY_PREPARED_READ_ONLY);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	/* Its own prepare is not to be completed by others. */
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	iomd_release(md);
}

static void describes_device_memory(struct kunit *test)
{
	struct resource memory = DEFINE_RES_MEM(0x123450000, 0x2000);
	struct resource ports = DEFINE_RES_IO(0x60, 16);
	struct resource empty = DEFINE_RES_MEM(0x1000, 0);
	struct iomd *md = iomd_device_memory_with_range(0xfedc0008, 0x100);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0xfedc0008ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0x100ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	md = iomd_device_memory_with_resource(&memory);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x123450000ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0x2000ULL);
	iomd_release(md);
	expect_refusal(test, iomd_device_memory_with_resource(&ports), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_resource(&empty), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_resource(NULL), -EINVAL);
}

/*
 * Retargeting
 */

static int retarget(struct iomd *md, u64 address, u64 length, struct task_struct *task)
{
	struct iomd_address_range range = { address, length };

	return iomd_init_with_options(md, &range, 1, 0, task,
				      IOMD_DIRECTION_IN | (task ? IOMD_MEMORY_TYPE_VIRTUAL :
							   IOMD_MEMORY_TYPE_PHYSICAL), NULL);
}

static void may_be_given_other_memory(struct kunit *test)
{
	static u8 memory[64] = { 42 };
	struct puppet *puppet = puppet_start(test);
	struct area area;
	struct iomd *md;
	u64 id;

	area_make(&area, puppet, AREA_SCATTERED, 3);
	area_fill(&area);
	md = iomd_with_address_range(area.address, 3 * P, IOMD_DIRECTION_OUT, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	id = iomd_get_preparation_id(md);
	/* What was not completed is. */
	KUNIT_EXPECT_EQ(test, retarget(md, (unsigned long)memory, 64, IOMD_KERNEL_TASK), 0);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&puppet->mm->pinned_vm), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 64ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_IN | IOMD_MEMORY_TYPE_VIRTUAL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), id);
	/* While prepared, to physical memory and back to the user's. */
	KUNIT_EXPECT_EQ(test, retarget(md, 0x5000, 5, NULL), 0);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x5000ULL);
	KUNIT_EXPECT_EQ(test, retarget(md, area.address, P, puppet->task), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&puppet->mm->pinned_vm), 1ULL);
	iomd_release(md);
}

/* Physical memory needs no preparation, but stays what it is while a device sees it. */
static void physical_memory_in_use_stays(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct iomd_dma_map *maps[2];
	struct iomd *md, *sub;

	KUNIT_ASSERT_NOT_NULL(test, page);
	md = iomd_with_physical_address(page_to_phys(page), P, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	sub = iomd_sub_with_sub_range(md, 0, 100, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sub));
	/* No byte twice, of which the DMA API's debugging warns. */
	maps[0] = iomd_dma_map(md, fake_device(test), P / 2, P / 2, 0);
	maps[1] = iomd_dma_map(sub, fake_device(test), 0, 100, 0);
	iomd_release(sub);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(maps[0]), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(maps[1]), 0);
	KUNIT_EXPECT_EQ(test, retarget(md, 0x5000, 5, NULL), -EBUSY);
	iomd_dma_unmap(maps[1]);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, retarget(md, 0x5000, 5, NULL), -EBUSY);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), (u64)page_to_phys(page));
	/* Its prepares and completes say nothing, as ever. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_dma_unmap(maps[0]);
	KUNIT_EXPECT_EQ(test, retarget(md, 0x5000, 5, NULL), 0);
	iomd_release(md);
	__free_page(page);
}

/* An id tells that the same memory is meant. */
static void other_memory_has_another_id(struct kunit *test)
{
	struct iomd *md = iomd_with_physical_address(0x1000, 1, 0);
	u64 id;

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	id = iomd_get_preparation_id(md);
	KUNIT_EXPECT_EQ(test, retarget(md, 0x2000, 1, NULL), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(md), id);
	iomd_release(md);
}

static void may_fail_to_be_given_other_memory(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test), *gone = puppet_start(test);
	struct iomd_address_range ranges[2] = { { 0x1000, 1 }, { 0x5000, 1 } };
	unsigned int mm_count, way;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet, AREA_SCATTERED, 3);
	puppet_kill(gone);
	mm_count = atomic_read(&puppet->mm->mm_count);
	for (way = 0; way < 6; way++) {
		int ret, wanted = -EINVAL;
		u64 length = 1;

		md = iomd_with_address_range(area.address, 3 * P, IOMD_DIRECTION_OUT, puppet->task);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
		switch (way) {
		case 0:
			ret = retarget(md, area.address, P, gone->task);
			wanted = -ESRCH;
			break;
		case 1:
			ret = retarget(md, area.address, P, current);
			break;
		case 2:
			ret = iomd_init_with_options(md, ranges, 2, 0, NULL,
						     IOMD_MEMORY_TYPE_VIRTUAL, NULL);
			break;
		case 3:
			ret = retarget(md, 1, U64_MAX, puppet->task);
			break;
		case 4:
			iomd_inject_arm(1);
			ret = iomd_init_with_options(md, ranges, 2, 0, NULL,
						     IOMD_MEMORY_TYPE_PHYSICAL, NULL);
			KUNIT_EXPECT_TRUE(test, iomd_inject_disarm());
			wanted = -ENOMEM;
			break;
		default:
			ret = iomd_init_with_options(md, NULL, 1, 0, NULL,
						     IOMD_MEMORY_TYPE_PHYSICAL, NULL);
		}
		KUNIT_EXPECT_EQ_MSG(test, ret, wanted, "way %u", way);
		KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&puppet->mm->pinned_vm), 0ULL);
		/* It describes nothing now, and may be given memory again. */
		iomd_get_physical_segment(md, 0, &length, 0);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		if (way & 1)
			KUNIT_EXPECT_EQ(test, retarget(md, area.address, P, puppet->task), 0);
		iomd_release(md);
		os_object_barrier();
		KUNIT_EXPECT_EQ_MSG(test, (unsigned int)atomic_read(&puppet->mm->mm_count),
				    mm_count, "way %u", way);
	}
}

/*
 * Other types
 */

static void describes_pages_of_others(struct kunit *test)
{
	struct bio_vec vecs[3];
	struct kernel_area area;
	struct image image;
	struct iomd *md;
	unsigned int i;

	kernel_area_make(&area, test, 3);
	image_init(&image, test, 3);
	for (i = 0; i < 3; i++) {
		vecs[i].bv_page = area.pages[2 - i];
		vecs[i].bv_offset = 100 * i;
		vecs[i].bv_len = 3000 + i;
	}
	/* All of the first one and a piece of the second one are left out. */
	image_add(&image, page_to_phys(vecs[1].bv_page) + 105, 3001 - 5);
	image_add(&image, page_to_phys(vecs[2].bv_page) + 200, 3002);
	md = iomd_with_options(vecs, 3, 3005, NULL, IOMD_MEMORY_TYPE_UPL | IOMD_DIRECTION_IN, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	memset(vecs, 0, sizeof(vecs));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), image.length);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	kernel_area_free(&area);
}

static void refuses_odd_pages_of_others(struct kunit *test)
{
	static const u64 directions[] = { IOMD_DIRECTION_NONE, IOMD_DIRECTION_OUT_IN };
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio_vec vec = { .bv_page = page, .bv_len = 100 };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		expect_refusal(test, iomd_with_options(&vec, 1, 0, NULL, IOMD_MEMORY_TYPE_UPL |
						       directions[i], NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&vec, 1, 101, NULL, IOMD_MEMORY_TYPE_UPL |
					       IOMD_DIRECTION_IN, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&vec, 0, 0, NULL, IOMD_MEMORY_TYPE_UPL |
					       IOMD_DIRECTION_IN, NULL), -EINVAL);
	expect_refusal(test, iomd_with_options(&vec, 1, 0, IOMD_KERNEL_TASK, IOMD_MEMORY_TYPE_UPL |
					       IOMD_DIRECTION_IN, NULL), -EINVAL);
	__free_page(page);
}

static void describes_iterators(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct kvec kvecs[2];
	struct iovec iovecs[3];
	struct area area;
	struct iov_iter iter;
	struct image image;
	struct iomd *md;
	u8 *memory = kmalloc(2 * P, GFP_KERNEL);
	struct iomd_address_range ranges[2];

	KUNIT_ASSERT_NOT_NULL(test, memory);
	image_init(&image, test, 10);
	kvecs[0] = (struct kvec) { memory + 3, 1000 };
	kvecs[1] = (struct kvec) { memory + 5000, 100 };
	iov_iter_kvec(&iter, WRITE, kvecs, 2, 1100);
	iov_iter_advance(&iter, 900);
	image_add_kernel(&image, memory + 903, 100);
	image_add_kernel(&image, memory + 5000, 100);
	md = iomd_with_options(&iter, 1, 0, IOMD_KERNEL_TASK, IOMD_MEMORY_TYPE_UIO |
			       IOMD_DIRECTION_OUT, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	/* The iterator is where it was. */
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), (size_t)200);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);

	area_make(&area, puppet, AREA_SCATTERED, 4);
	ranges[0] = area_range(&area, 100, P);
	ranges[1] = area_range(&area, 2 * P, 500);
	iovecs[0] = (struct iovec) { (void __user *)(unsigned long)ranges[0].address, P };
	iovecs[1] = (struct iovec) { (void __user *)(unsigned long)area.address, 0 };
	iovecs[2] = (struct iovec) { (void __user *)(unsigned long)ranges[1].address, 600 };
	iov_iter_init(&iter, WRITE, iovecs, 3, P + 500);
	expect_refusal(test, iomd_with_options(&iter, 1, 0, IOMD_KERNEL_TASK, IOMD_MEMORY_TYPE_UIO,
					       NULL), -EINVAL);
	md = iomd_with_options(&iter, 1, 0, puppet->task, IOMD_MEMORY_TYPE_UIO |
			       IOMD_DIRECTION_IN, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), P + 500);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	area_look_up(&area);
	image_clear(&image);
	image_add_area(&image, &area, ranges, 2);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	kfree(memory);
}

/*
 * A class from outside
 */

static void a_class_from_outside(struct kunit *test)
{
	struct iomd *md = new_loose(test);
	u64 length = iomd_get_length(md), offset;
	struct os_object *thing = os_object_alloc(&thing_class);
	char seen[5] = {};
	struct image image;
	u8 byte = 1;

	image_init(&image, test, CLASS_PAGES);
	add_loose(&image, md);
	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &loose_class);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_OUT_IN);
	/* What the class does not have is the base's. */
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, retarget(md, 0x1000, 1, NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	iomd_set_context(md, thing);
	os_object_release(thing);

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	image_check_walk(&image, md, 1, length - 2, NULL);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &offset), 3 * P);
	KUNIT_EXPECT_EQ(test, offset, (u64)FIRST_BYTE);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, NULL, length), length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, P - FIRST_BYTE - 2, "seam", 4), 4ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, P - FIRST_BYTE - 2, seen, 4), 4ULL);
	KUNIT_EXPECT_STREQ(test, seen, "seam");
	memcpy(seen, page_address(to_loose(md)->pages[0]) + P - 2, 2);
	memcpy(seen + 2, page_address(to_loose(md)->pages[1]), 2);
	KUNIT_EXPECT_STREQ(test, seen, "seam");
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, length, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, to_loose(md)->prepared, 0U);
	thing_freed = false;
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_TRUE(test, thing_freed);
}

static void a_device_may_use_a_class_from_outside(struct kunit *test)
{
	struct device *device = fake_device(test);
	struct iomd *md = new_loose(test);
	struct iomd_dma_map *map;

	expect_refusal(test, (struct iomd *)iomd_dma_map(md, device, 0, 10, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	map = iomd_dma_map(md, device, 10, iomd_get_length(md) - 10, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, to_loose(md)->prepared, 1U);
	iomd_dma_unmap(map);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
}

static struct kunit_case desc_cases[] = {
	KUNIT_CASE(accessors),
	KUNIT_CASE(directions_are_kept),
	KUNIT_CASE(keeps_a_context),
	KUNIT_CASE(copies_kernel_memory),
	KUNIT_CASE(copies_physical_memory),
	KUNIT_CASE(copies_user_memory),
	KUNIT_CASE(does_not_write_what_is_for_reading),
	KUNIT_CASE(copies_in_hard_irq),
	KUNIT_CASE(device_space_needed),
	KUNIT_CASE(types_and_tasks_go_together),
	KUNIT_CASE(holds_its_mapper),
	KUNIT_CASE(kernel_memory_may_be_ready_at_once),
	KUNIT_CASE(describes_device_memory),
	KUNIT_CASE(may_be_given_other_memory),
	KUNIT_CASE(physical_memory_in_use_stays),
	KUNIT_CASE(other_memory_has_another_id),
	KUNIT_CASE(may_fail_to_be_given_other_memory),
	KUNIT_CASE(describes_pages_of_others),
	KUNIT_CASE(refuses_odd_pages_of_others),
	KUNIT_CASE(describes_iterators),
	KUNIT_CASE(a_class_from_outside),
	KUNIT_CASE(a_device_may_use_a_class_from_outside),
	{}
};

static int desc_suite_init(struct kunit_suite *suite)
{
	return os_meta_class_register(&thing_class) ?: os_meta_class_register(&loose_class);
}

static void desc_suite_exit(struct kunit_suite *suite)
{
	os_object_barrier();
	os_meta_class_unregister(&loose_class);
	os_meta_class_unregister(&thing_class);
}

static struct kunit_suite desc_suite = {
	.name = "iomd_desc",
	.init = fixture_init,
	.exit = fixture_exit,
	.suite_init = desc_suite_init,
	.suite_exit = desc_suite_exit,
	.test_cases = desc_cases,
};

kunit_test_suite(desc_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's descriptors");
MODULE_LICENSE("GPL");
