// SPDX-License-Identifier: GPL-2.0
/*
 * IOSubMemoryDescriptor: part of another descriptor.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "composites.h"

#define BOTH	IOMD_DIRECTION_OUT_IN

static struct iomd *sub_of(struct kunit *test, struct iomd *of, u64 offset, u64 length)
{
	return made(test, iomd_sub_with_sub_range(of, offset, length, IOMD_DIRECTION_OUT_IN));
}

static void is_where_its_part_of_the_parent_is(struct kunit *test)
{
	static const u64 places[] = {
		0, 1, 100, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE - 7,
		3 * PAGE_SIZE, 5 * PAGE_SIZE - 1, 5 * PAGE_SIZE,
	};
	struct iomd *parent, *md;
	struct image image;
	struct leaf leaf;
	unsigned int from, to;

	leaf_make(&leaf, test, 5);
	parent = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT_IN));
	KUNIT_ASSERT_EQ(test, iomd_prepare(parent, 0), 0);
	image_init(&image, test, 5);
	for (from = 0; from < ARRAY_SIZE(places); from++) {
		for (to = from; to < ARRAY_SIZE(places); to++) {
			u64 length = places[to] - places[from];

			image_clear(&image);
			image_add_part(&image, &leaf.image, places[from], length);
			md = sub_of(test, parent, places[from], length);
			image_check(&image, md);
			image_check_walk(&image, md, div_u64(length, 3),
					 div_u64(length, 3), NULL);
			image_check_walk(&image, md, length / 2, U64_MAX, NULL);
			iomd_release(md);
		}
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(parent, 0), 0);
	iomd_release(parent);
	leaf_free(&leaf);
}

static void may_be_empty(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100, 0));
	static const u64 offsets[] = { 0, 50, 100 };
	struct iomd_segment_iter iter;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct iomd *md = sub_of(test, parent, offsets[i], 0);
		u64 length = 1;
		u8 byte;

		KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0, &length, 0), 0ULL);
		KUNIT_EXPECT_EQ(test, length, 0ULL);
		iomd_for_each_segment(iter, md, 0, U64_MAX)
			KUNIT_FAIL(test, "a segment of nothing");
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &length), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
		iomd_release(md);
	}
	iomd_release(parent);
}

static void may_be_huge(struct kunit *test)
{
	const u64 length = BIT_ULL(FAR_BITS - 1) + PAGE_SIZE;
	struct iomd *parent = made(test, iomd_with_physical_address(BIT_ULL(FAR_BITS), length, 0));
	struct iomd *md = sub_of(test, parent, BIT_ULL(33) + 1, length - BIT_ULL(33) - 1);
	struct image image;

	image_init(&image, test, 1);
	image_add(&image, BIT_ULL(FAR_BITS) + BIT_ULL(33) + 1, length - BIT_ULL(33) - 1);
	image_check(&image, md);
	image_check_query(&image, md, BIT_ULL(FAR_BITS - 2));
	iomd_release(md);
	iomd_release(parent);
}

static void refuses_what_does_not_lie_inside(struct kunit *test)
{
	static const struct iomd_address_range bad[] = {
		{ 0, 101 }, { 1, 100 }, { 100, 1 }, { 101, 0 }, { U64_MAX, 0 }, { U64_MAX, 1 },
		{ 1, U64_MAX }, { 50, U64_MAX - 49 }, { 0, U64_MAX }, { BIT_ULL(63), BIT_ULL(63) },
	};
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100, 0));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refusal(test, iomd_sub_with_sub_range(parent, bad[i].address,
							     bad[i].length, 0), -EINVAL);
	expect_refusal(test, iomd_sub_with_sub_range(NULL, 0, 0, 0), -EINVAL);
	iomd_release(parent);
}

static void refuses_other_options(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100, 0));
	u64 known = IOMD_DIRECTION_OUT_IN | IOMD_MEMORY_THREAD_SAFE;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		struct iomd *md = iomd_sub_with_sub_range(parent, 0, 100, BIT_ULL(bit));

		expect_refusal(test, md, BIT_ULL(bit) & known ? 0 : -EINVAL);
	}
	iomd_release(parent);
}

static void has_accessors_of_its_own(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100,
								   IOMD_DIRECTION_IN));
	struct iomd *md;

	iomd_set_tag(parent, 77);
	md = made(test, iomd_sub_with_sub_range(parent, 10, 20, IOMD_DIRECTION_OUT));
	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_sub_meta_class);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 20ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_OUT | IOMD_MEMORY_THREAD_SAFE);
	/* The tag is a copy. */
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 77U);
	iomd_set_tag(parent, 78);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 77U);
	iomd_set_tag(md, 79);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(parent), 78U);
	iomd_release(md);
	iomd_release(parent);
}

static void prepares_the_parent(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 2, IOMD_DIRECTION_IN);
	struct iomd *one, *other;

	one = made(test, iomd_sub_with_sub_range(&fake->md, 0, 10, IOMD_DIRECTION_OUT));
	other = made(test, iomd_sub_with_sub_range(&fake->md, 5, 10, IOMD_DIRECTION_OUT));
	/* Without a direction the parent's counts, not the sub's. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(one, IOMD_DIRECTION_NONE), 0);
	KUNIT_EXPECT_EQ(test, fake->direction, IOMD_DIRECTION_NONE);
	KUNIT_EXPECT_EQ(test, iomd_prepare(other, IOMD_DIRECTION_OUT |
					   IOMD_DIRECTION_PREPARE_NO_FAULT), 0);
	KUNIT_EXPECT_EQ(test, fake->direction,
			IOMD_DIRECTION_OUT | IOMD_DIRECTION_PREPARE_NO_FAULT);
	KUNIT_EXPECT_EQ(test, fake->prepared, 2U);
	/* The count is one for all. */
	KUNIT_EXPECT_EQ(test, iomd_complete(one, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(one, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&fake->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(other, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(other, 0), -EAGAIN);
	fake_expect_log(test, "papacacapacaca");

	fake->prepare_error = -ENODEV;
	KUNIT_EXPECT_EQ(test, iomd_prepare(one, 0), -ENODEV);
	fake->prepare_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_prepare(one, 0), 0);
	fake->complete_error = -EIO;
	KUNIT_EXPECT_EQ(test, iomd_complete(other, 0), -EIO);
	fake->complete_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_complete(other, 0), 0);
	fake_expect_log(test, "PapaCaca");
	iomd_release(one);
	iomd_release(other);
	iomd_release(&fake->md);
}

static void its_end_completes_nothing(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, 0);
	struct iomd *md = sub_of(test, &fake->md, 0, 10);

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	fake_expect_log(test, "pa");
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	iomd_release(&fake->md);
}

static void keeps_its_parent(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100, 0));
	struct iomd *md = sub_of(test, parent, 10, 20);

	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&parent->object), 2U);
	iomd_release(parent);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x1000aULL);
	iomd_release(md);
}

static void reads_and_writes_its_part_only(struct kunit *test)
{
	struct iomd *parent, *md;
	struct leaf leaf;
	u8 *memory, byte;

	leaf_make(&leaf, test, 2);
	memory = leaf.area.address;
	fill_pattern(memory, 0, leaf.length);
	parent = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT_IN));
	md = sub_of(test, parent, PAGE_SIZE - 50, 100);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 70, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, byte, pattern(PAGE_SIZE + 20));
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 1, NULL, 98), 98ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory, 0, PAGE_SIZE - 49), PAGE_SIZE - 49);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(memory + PAGE_SIZE - 49, 0, 98), NULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(memory + PAGE_SIZE + 49, PAGE_SIZE + 49, 2000),
			(size_t)2000);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 1, NULL, 100), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 100, NULL, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);

	/* Memory that a device may only read is nobody's to write, whoever asks. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(parent, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, "x", 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(parent, 0), 0);
	iomd_release(md);
	iomd_release(parent);
	leaf_free(&leaf);
}

static void preparation_ids(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, 0);
	struct fake *plain = fake_make_plain(test, 1, 0);
	struct iomd *one = sub_of(test, &fake->md, 0, 10);
	struct iomd *other = sub_of(test, &fake->md, 0, 10);
	struct iomd *without = sub_of(test, &plain->md, 0, 10);
	u64 first, second;

	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(one), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(one, 0), 0);
	first = iomd_get_preparation_id(one);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_NE(test, first, fake->id);
	KUNIT_EXPECT_NE(test, first, iomd_get_preparation_id(other));
	KUNIT_EXPECT_EQ(test, first, iomd_get_preparation_id(one));
	KUNIT_EXPECT_EQ(test, iomd_complete(one, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(one), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(one, 0), 0);
	second = iomd_get_preparation_id(one);
	KUNIT_EXPECT_GT(test, second, first);
	KUNIT_EXPECT_EQ(test, second, iomd_get_preparation_id(one));
	/* The same place of another parent is another preparation. */
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(one, &fake->md, 1, 10, 0), 0);
	KUNIT_EXPECT_NE(test, second, iomd_get_preparation_id(one));
	KUNIT_EXPECT_EQ(test, iomd_complete(one, 0), 0);

	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(without), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(without, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(without), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, iomd_complete(without, 0), 0);
	iomd_release(without);
	iomd_release(other);
	iomd_release(one);
	iomd_release(&plain->md);
	iomd_release(&fake->md);
}

static void asks_the_parent_as_a_buffer(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 4, 0);
	struct iomd *md = sub_of(test, &fake->md, PAGE_SIZE, 10);
	u64 resident, dirty;
	u32 old;

	fake->resident = 4;
	fake->dirty = 3;
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, &dirty), 0);
	KUNIT_EXPECT_EQ(test, resident, 4ULL);
	KUNIT_EXPECT_EQ(test, dirty, 3ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, &old), 0);
	KUNIT_EXPECT_EQ(test, old, (u32)IOMD_MEMORY_PURGEABLE_NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, NULL), 0);
	KUNIT_EXPECT_EQ(test, fake->purgeable, (u32)IOMD_MEMORY_PURGEABLE_EMPTY);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, current, IOMD_MEMORY_LEDGER_TAG_MEDIA, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, fake->owner, current);
	KUNIT_EXPECT_EQ(test, fake->ledger_tag, IOMD_MEMORY_LEDGER_TAG_MEDIA);

	fake->buffer_error = -ENOTTY;
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, NULL, NULL), -ENOTTY);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, NULL), -ENOTTY);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, 0, 0), -ENOTTY);
	iomd_release(md);
	iomd_release(&fake->md);
}

static void kernel_address_is_the_parents(struct kunit *test)
{
	struct iomd *parent, *md, *nowhere, *user;
	struct leaf leaf;

	leaf_make(&leaf, test, 2);
	parent = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT_IN));
	md = sub_of(test, parent, 100, 1000);
	KUNIT_EXPECT_EQ(test, md->ops->get_kernel_address(md, 10, 20),
			(unsigned long)leaf.area.address + 110);
	iomd_release(md);
	nowhere = made(test, iomd_with_physical_address(0x10000, 100, 0));
	md = sub_of(test, nowhere, 1, 2);
	KUNIT_EXPECT_EQ(test, md->ops->get_kernel_address(md, 0, 1), 0UL);
	/* A parent that never has one. */
	user = sub_of(test, md, 0, 2);
	KUNIT_EXPECT_EQ(test, user->ops->get_kernel_address(user, 0, 1), 0UL);
	iomd_release(user);
	iomd_release(md);
	iomd_release(nowhere);
	iomd_release(parent);
	leaf_free(&leaf);
}

static void dma_map_lengths(struct kunit *test)
{
	/* The second half is listed first. */
	struct iomd_address_range ranges[] = {
		{ 0x100000 + 4 * PAGE_SIZE, 4 * PAGE_SIZE }, { 0x100000, 4 * PAGE_SIZE },
	};
	static const struct {
		u64 offset, length, bytes, in_page;
	} vectors[] = {
		{ 3 * PAGE_SIZE, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0 },
		{ 7 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, 0 },
		{ 0, 2, PAGE_SIZE, 0 },
		{ PAGE_SIZE - 2, 4, 2 * PAGE_SIZE, PAGE_SIZE - 2 },
		{ 4 * PAGE_SIZE - 1, 2, 2 * PAGE_SIZE, PAGE_SIZE - 1 },
		{ 5, 8 * PAGE_SIZE - 10, 8 * PAGE_SIZE, 5 },
	};
	struct iomd *parent = made(test, iomd_with_address_ranges(ranges, 2, 0,
								  IOMD_PHYSICAL_TASK));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct iomd *md = sub_of(test, parent, vectors[i].offset, vectors[i].length);
		u64 in_page;

		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), vectors[i].bytes);
		KUNIT_EXPECT_EQ(test, in_page, vectors[i].in_page);
		KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), vectors[i].bytes);
		iomd_release(md);
	}
	iomd_release(parent);
}

static void takes_another_range(struct kunit *test)
{
	struct iomd *one = made(test, iomd_with_physical_address(0x10000, 100, 0));
	struct iomd *other = made(test, iomd_with_physical_address(0x20000, 1000, 0));
	struct iomd *md = made(test, iomd_sub_with_sub_range(one, 0, 100, IOMD_DIRECTION_IN));

	iomd_set_tag(other, 5);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, other, 50, 900, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&one->object), 1U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&other->object), 2U);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 900ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 5U);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x20032ULL);
	/* The same parent once more. */
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, other, 51, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&other->object), 2U);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x20033ULL);

	/* A refusal changes nothing. */
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, one, 0, 101, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, NULL, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, one, 0, 1, IOMD_MEMORY_PAGEABLE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, md, 0, 1, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 1ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x20033ULL);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&one->object), 1U);
	/* What is no sub does not become one. */
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(one, other, 0, 1, 0), -EINVAL);
	iomd_release(md);
	iomd_release(one);
	iomd_release(other);
}

static void a_new_instance_may_be_set_up_later(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_with_physical_address(0x10000, 100, 0));
	struct iomd *md = os_object_alloc(&iomd_sub_meta_class);

	KUNIT_ASSERT_NOT_NULL(test, md);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, parent, 10, 20, 0), 0);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x1000aULL);
	iomd_release(md);
	/* Or never. */
	md = os_object_alloc(&iomd_sub_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, md);
	iomd_release(md);
	iomd_release(parent);
}

static void keeps_its_range_while_others_rely_on_it(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 2, 0);
	struct iomd *md = sub_of(test, &fake->md, 0, PAGE_SIZE);
	struct iomd *outer = sub_of(test, md, 0, 10);

	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, &fake->md, 1, 2, 0), -EBUSY);
	iomd_release(outer);
	/* Mapped: by whom does not matter. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, &fake->md, 1, 2, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, &fake->md, 1, 2, 0), 0);
	/* The preparation has stayed where it was made. */
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	fake->use_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, &fake->md, 2, 2, 0), 0);
	fake_expect_log(test, "pauavacaUa");
	iomd_release(md);
	iomd_release(&fake->md);
}

static void a_device_uses_the_parent(struct kunit *test)
{
	struct iomd_dma_map *map;
	struct iomd *parent, *md;
	struct leaf leaf;

	leaf_make(&leaf, test, 3);
	parent = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT_IN));
	md = sub_of(test, parent, 100, 2 * PAGE_SIZE);
	map = iomd_dma_map(md, fake_device(test), 0, 10, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(map), -EAGAIN);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	map = iomd_dma_map(md, fake_device(test), PAGE_SIZE, 10, 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
	KUNIT_EXPECT_EQ(test, (u64)sg_phys(map->sgt.sgl),
			(u64)page_to_phys(leaf.area.pages[1]) + 100);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_complete(parent, 0), -EBUSY);
	iomd_dma_unmap(map);
	KUNIT_EXPECT_EQ(test, iomd_complete(parent, 0), 0);
	iomd_release(md);
	iomd_release(parent);
	leaf_free(&leaf);
}

/* A parent that becomes shorter is not read beyond its end. */
static void a_parent_may_shrink(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 4, 0);
	struct iomd *md = sub_of(test, &fake->md, PAGE_SIZE, 2 * PAGE_SIZE);
	struct iomd_segment_iter iter;
	u64 length, bytes = 0;
	u8 byte;

	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	fake->md.length = PAGE_SIZE + 100;
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)2 * PAGE_SIZE);
	iomd_for_each_segment(iter, md, 0, U64_MAX)
		bytes += iter.length;
	KUNIT_EXPECT_EQ(test, bytes, 100ULL);
	iomd_get_physical_segment(md, 99, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 100, &length, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 99, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 100, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(&fake->md);
}

static void expect_map(struct kunit *test, struct iomd *md, u64 length, int error)
{
	struct iomd_mapping *mapping;

	mapping = iomd_create_mapping_in_task(md, IOMD_KERNEL_TASK, 0, IOMD_MAP_ANYWHERE, 0,
					      length);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapping), error);
	if (IS_ERR(mapping))
		return;
	iomd_mapping_release(mapping);
	os_object_barrier();
}

/* What a buffer does not describe any more it still has, but nobody is shown it. */
static void what_a_buffer_has_lost_is_not_mapped(struct kunit *test)
{
	struct iomd *buffer = made(test, iomd_buffer_with_capacity(4 * PAGE_SIZE, BOTH, false));
	struct iomd *md = sub_of(test, buffer, PAGE_SIZE, 2 * PAGE_SIZE);
	struct iomd *inner = sub_of(test, md, 0, 2 * PAGE_SIZE);
	struct iomd *multi = made(test, iomd_multi_with_descriptors(&buffer, 1, BOTH, false));
	struct iomd_dma_map *map;

	expect_map(test, inner, 2 * PAGE_SIZE, 0);
	expect_map(test, multi, 4 * PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, PAGE_SIZE + 100), 0);
	expect_map(test, md, 101, -EINVAL);
	expect_map(test, inner, 2 * PAGE_SIZE, -EINVAL);
	expect_map(test, multi, 4 * PAGE_SIZE, -EINVAL);
	map = iomd_dma_map(inner, fake_device(test), 0, 101, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(map), -EAGAIN);
	expect_map(test, inner, 100, 0);
	expect_map(test, md, 100, 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 3 * PAGE_SIZE), 0);
	expect_map(test, inner, 2 * PAGE_SIZE, 0);
	expect_map(test, multi, 4 * PAGE_SIZE, -EAGAIN);
	iomd_release(multi);
	iomd_release(inner);
	iomd_release(md);
	iomd_release(buffer);
}

/* Nor is anything lost that somebody has prepared or mapped. */
static void a_buffer_keeps_what_others_use(struct kunit *test)
{
	static const u64 options[] = { BOTH, BOTH | IOMD_MEMORY_PAGEABLE };
	struct iomd_mapping *mapping;
	struct iomd_dma_map *map;
	struct iomd *buffer, *md;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		buffer = made(test, iomd_buffer_with_options(options[i], 4 * PAGE_SIZE, 1));
		md = sub_of(test, buffer, PAGE_SIZE, 2 * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 0), -EBUSY);
		KUNIT_EXPECT_EQ(test, iomd_get_length(buffer), (u64)4 * PAGE_SIZE);
		map = iomd_dma_map(md, fake_device(test), 0, PAGE_SIZE, 0);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 3 * PAGE_SIZE), -EBUSY);
		/* What takes nothing away harms nobody. */
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 4 * PAGE_SIZE), 0);
		KUNIT_EXPECT_TRUE(test, iomd_buffer_append_bytes(buffer, "more", 4));
		iomd_dma_unmap(map);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
		mapping = iomd_create_mapping_in_task(md, IOMD_KERNEL_TASK, 0, IOMD_MAP_ANYWHERE,
						      0, PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(mapping), 0);
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 4 * PAGE_SIZE - 1), -EBUSY);
		iomd_mapping_release(mapping);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 1), 0);
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, PAGE_SIZE), 0);
		iomd_release(md);
		/* It is alone: nobody else has promised anything. */
		os_object_barrier();
		KUNIT_ASSERT_EQ(test, iomd_prepare(buffer, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 1), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(buffer, 0), 0);
		iomd_release(buffer);
	}
}

static int make_and_prepare(struct kunit *test, void *data)
{
	const struct leaf *leaf = data;
	struct iomd *parent, *md;
	int ret;

	parent = leaf_describe(leaf, IOMD_DIRECTION_OUT_IN);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	md = iomd_sub_with_sub_range(parent, 100, 200, IOMD_DIRECTION_IN);
	if (IS_ERR(md)) {
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&parent->object), 1U);
		iomd_release(parent);
		return PTR_ERR(md);
	}
	iomd_release(parent);
	ret = iomd_prepare(md, 0);
	if (ret) {
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
		/* It may be tried again. */
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	return ret;
}

static void every_step_may_fail(struct kunit *test)
{
	struct leaf leaf;

	leaf_make(&leaf, test, 20);
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_and_prepare, &leaf), 3U);
	leaf_free(&leaf);
}

static void redirects_the_parent(struct kunit *test)
{
	struct iomd *parent = made(test, iomd_buffer_with_capacity(2 * PAGE_SIZE,
								   IOMD_DIRECTION_OUT_IN, false));
	struct iomd *md = made(test, iomd_sub_with_sub_range(parent, 0, 100,
							     IOMD_DIRECTION_OUT_IN));
	struct iomd_mapping *mapping;

	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), 0);
	KUNIT_EXPECT_NE(test, iomd_get_flags(parent) & IOMD_MEMORY_REDIRECTED, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(parent) & IOMD_MEMORY_REDIRECTED, 0ULL);
	/* Nor is it a part's to redirect the kernel. */
	mapping = iomd_map(parent, IOMD_MAP_UNIQUE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mapping));
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), -EOPNOTSUPP);
	iomd_mapping_release(mapping);
	iomd_release(md);
	iomd_release(parent);
}

static struct kunit_case sub_cases[] = {
	KUNIT_CASE(is_where_its_part_of_the_parent_is),
	KUNIT_CASE(may_be_empty),
	KUNIT_CASE(may_be_huge),
	KUNIT_CASE(refuses_what_does_not_lie_inside),
	KUNIT_CASE(refuses_other_options),
	KUNIT_CASE(has_accessors_of_its_own),
	KUNIT_CASE(prepares_the_parent),
	KUNIT_CASE(its_end_completes_nothing),
	KUNIT_CASE(keeps_its_parent),
	KUNIT_CASE(reads_and_writes_its_part_only),
	KUNIT_CASE(preparation_ids),
	KUNIT_CASE(asks_the_parent_as_a_buffer),
	KUNIT_CASE(kernel_address_is_the_parents),
	KUNIT_CASE(dma_map_lengths),
	KUNIT_CASE(takes_another_range),
	KUNIT_CASE(a_new_instance_may_be_set_up_later),
	KUNIT_CASE(keeps_its_range_while_others_rely_on_it),
	KUNIT_CASE(a_device_uses_the_parent),
	KUNIT_CASE(a_parent_may_shrink),
	KUNIT_CASE(what_a_buffer_has_lost_is_not_mapped),
	KUNIT_CASE(a_buffer_keeps_what_others_use),
	KUNIT_CASE(redirects_the_parent),
	KUNIT_CASE(every_step_may_fail),
	{}
};

static struct kunit_suite sub_suite = {
	.name = "iomd_sub",
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = sub_cases,
};

kunit_test_suite(sub_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd_sub");
MODULE_LICENSE("GPL");
