// SPDX-License-Identifier: GPL-2.0
/*
 * IODeviceMemory: registers and memory of a device.
 */
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "maps.h"

static void describes_a_range(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(0xfe001234, 0x5000));
	struct image image;

	image_init(&image, test, 1);
	image_add(&image, 0xfe001234, 0x5000);
	/* It needs no prepare. */
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_NONE);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md),
			IOMD_MEMORY_TYPE_PHYSICAL | IOMD_MEMORY_MAPPER_NONE);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	image_check(&image, md);
	iomd_release(md);
}

static void is_a_class_of_its_own(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(0x1000, 0x1000));
	struct iomd *other = made(test, iomd_with_physical_address(0x1000, 0x1000, 0));

	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_device_memory_meta_class);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(&md->object, &iomd_device_memory_meta_class),
			    &md->object);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast_with_name(&md->object, "iomd_general"),
			    &md->object);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(&other->object,
						      &iomd_device_memory_meta_class), NULL);
	iomd_release(other);
	iomd_release(md);
}

static void refuses_what_wraps(struct kunit *test)
{
	expect_refusal(test, iomd_device_memory_with_range(-(u64)PAGE_SIZE, PAGE_SIZE), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_range(1, U64_MAX), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_range(U64_MAX, 1), -EINVAL);
}

static void may_be_empty_or_huge(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(0, 0));
	u64 length;

	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
	iomd_get_physical_segment(md, 0, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	iomd_release(md);
	md = made(test, iomd_device_memory_with_range(0, BIT_ULL(FAR_BITS)));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, BIT_ULL(FAR_BITS - 1), &length, 0),
			BIT_ULL(FAR_BITS - 1));
	KUNIT_EXPECT_EQ(test, length, BIT_ULL(FAR_BITS - 1));
	iomd_release(md);
}

static void describes_a_resource(struct kunit *test)
{
	struct resource bar = DEFINE_RES_MEM(0xfe000000, 0x4000);
	struct resource port = DEFINE_RES_IO(0x3f8, 8);
	struct resource none = DEFINE_RES_MEM(0, 0);
	struct iomd *md = made(test, iomd_device_memory_with_resource(&bar));

	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0xfe000000ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0x4000ULL);
	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_device_memory_meta_class);
	iomd_release(md);
	expect_refusal(test, iomd_device_memory_with_resource(&port), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_resource(&none), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_resource(NULL), -EINVAL);
}

static void describes_part_of_itself(struct kunit *test)
{
	struct iomd *whole = made(test, iomd_device_memory_with_range(0xfe000000, 0x4000));
	struct iomd *md = made(test, iomd_device_memory_with_sub_range(whole, 0x1000, 0x800));
	struct image image;

	iomd_release(whole);
	image_init(&image, test, 1);
	image_add(&image, 0xfe001000, 0x800);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_NONE);
	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_sub_meta_class);
	expect_refusal(test, iomd_device_memory_with_sub_range(md, 0x800, 1), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_sub_range(md, U64_MAX, 2), -EINVAL);
	expect_refusal(test, iomd_device_memory_with_sub_range(NULL, 0, 0), -EINVAL);
	iomd_release(md);
}

static void makes_an_array(struct kunit *test)
{
	static const struct iomd_device_memory_init_element list[] = {
		{ 0xfe000000, 0x1000, 5 }, { 0x1000, 0, 0 }, { 0xfd000000, 0x2000, U32_MAX },
	};
	struct iomd *array[4] = { NULL, NULL, NULL, (struct iomd *)test };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, iomd_device_memory_array_from_list(list, 3, array), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, iomd_get_length(array[i]), list[i].length);
		KUNIT_EXPECT_EQ(test, iomd_get_tag(array[i]), list[i].tag);
		if (list[i].length)
			KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(array[i]),
					(u64)list[i].start);
		iomd_release(array[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, array[3], (struct iomd *)test);
	KUNIT_EXPECT_EQ(test, iomd_device_memory_array_from_list(list, 0, array), 0);
	KUNIT_EXPECT_EQ(test, iomd_device_memory_array_from_list(NULL, 1, array), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_device_memory_array_from_list(list, 1, NULL), -EINVAL);
}

static void makes_a_whole_array_or_none(struct kunit *test)
{
	struct iomd_device_memory_init_element list[3] = {};
	struct iomd *array[3];
	unsigned int i, bad;

	for (bad = 0; bad < 3; bad++) {
		for (i = 0; i < 3; i++)
			list[i].length = i == bad ? U64_MAX : 10;
		KUNIT_EXPECT_EQ(test, iomd_device_memory_array_from_list(list, 3, array), -EINVAL);
		fixture_expect_nothing_taken(test);
	}
}

/* RAM is as good as a device's memory here. */
static void reads_and_writes(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct iomd *md;
	u8 byte = 0;

	KUNIT_ASSERT_NOT_NULL(test, page);
	fill_pattern(page_address(page), 0, PAGE_SIZE);
	md = made(test, iomd_device_memory_with_range(page_to_phys(page), PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 100, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, byte, pattern(100));
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 100, "x", 1), 1ULL);
	KUNIT_EXPECT_EQ(test, ((u8 *)page_address(page))[100], 'x');
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, PAGE_SIZE, &byte, 1), 0ULL);
	iomd_release(md);
	os_object_barrier();
	__free_page(page);
}

static void is_no_buffer(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(0xfe000000, 0x1000));
	u64 resident, id;
	u32 old;

	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, NULL), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, &old),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, current, 0, 0), -EAGAIN);
	/* One id for life. */
	id = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GE(test, id, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), id);
	iomd_release(md);
}

static int make_all(struct kunit *test, void *data)
{
	static const struct iomd_device_memory_init_element list[] = {
		{ 0xfe000000, 0x1000, 5 }, { 0xfd000000, 0x2000, 6 },
	};
	struct iomd *array[2], *md;
	int ret;

	ret = iomd_device_memory_array_from_list(list, 2, array);
	if (ret)
		return ret;
	md = iomd_device_memory_with_sub_range(array[0], 10, 10);
	iomd_release(array[0]);
	iomd_release(array[1]);
	if (IS_ERR(md))
		return PTR_ERR(md);
	iomd_release(md);
	return 0;
}

static void every_step_may_fail(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, fail_each_step(test, make_all, NULL), 3U);
}

/* Registers are copied a word at a time, never as if they were memory. */
static void registers_are_copied(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(edu_registers(test), P));
	/* Beside the signature: a register that tells the complement of what it is told. */
	u32 word = 0, told = 0x12345678, both[2] = {};

	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &word, sizeof(word)), sizeof(word));
	KUNIT_EXPECT_EQ(test, word, EDU_SIGNATURE);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 4, &told, sizeof(told)), sizeof(told));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 4, &word, sizeof(word)), sizeof(word));
	KUNIT_EXPECT_EQ(test, word, ~told);
	/* Not even two words at a time. */
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, both, sizeof(both)), sizeof(both));
	KUNIT_EXPECT_EQ(test, both[0], EDU_SIGNATURE);
	KUNIT_EXPECT_EQ(test, both[1], ~told);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 4, NULL, sizeof(word)), sizeof(word));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 4, &word, sizeof(word)), sizeof(word));
	KUNIT_EXPECT_EQ(test, word, U32_MAX);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, P - 2, &word, sizeof(word)), 0ULL);
	iomd_release(md);
}

/* What is no whole word is reached as what it is, and nothing beside it. */
static void bytes_of_a_device_are_copied(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(card_memory(test), P));
	u8 bytes[32], got[sizeof(bytes)], expected[sizeof(bytes)];
	u64 offset, length;

	fill_pattern(bytes, 77, sizeof(bytes));
	for (offset = 0; offset < 8; offset++)
		for (length = 1; length <= 13; length++) {
			fill_pattern(expected, 0, sizeof(expected));
			KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, expected, sizeof(expected)),
					sizeof(expected));
			memcpy(expected + offset, bytes, length);
			KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, offset, bytes, length), length);
			iomd_read_bytes(md, 0, got, sizeof(got));
			KUNIT_EXPECT_MEMEQ(test, got, expected, sizeof(got));
			memset(got, 0, sizeof(got));
			KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, offset, got + 3, length), length);
			KUNIT_EXPECT_MEMEQ(test, got + 3, bytes, length);
			KUNIT_EXPECT_EQ(test, got[3 + length], 0);
			memset(expected + offset, 0, length);
			KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, offset, NULL, length), length);
			iomd_read_bytes(md, 0, got, sizeof(got));
			KUNIT_EXPECT_MEMEQ(test, got, expected, sizeof(got));
		}
	iomd_release(md);
}

static struct kunit_case device_memory_cases[] = {
	KUNIT_CASE(describes_a_range),
	KUNIT_CASE(is_a_class_of_its_own),
	KUNIT_CASE(refuses_what_wraps),
	KUNIT_CASE(may_be_empty_or_huge),
	KUNIT_CASE(describes_a_resource),
	KUNIT_CASE(describes_part_of_itself),
	KUNIT_CASE(makes_an_array),
	KUNIT_CASE(makes_a_whole_array_or_none),
	KUNIT_CASE(reads_and_writes),
	KUNIT_CASE(is_no_buffer),
	KUNIT_CASE(every_step_may_fail),
	KUNIT_CASE(registers_are_copied),
	KUNIT_CASE(bytes_of_a_device_are_copied),
	{}
};

static struct kunit_suite device_memory_suite = {
	.name = "iomd_device_memory",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = device_memory_cases,
};

kunit_test_suite(device_memory_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd_device_memory");
MODULE_LICENSE("GPL");
