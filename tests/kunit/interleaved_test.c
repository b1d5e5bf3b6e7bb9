// SPDX-License-Identifier: GPL-2.0
/*
 * IOInterleavedMemoryDescriptor: portions of descriptors, one behind the other.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "composites.h"

#define BOTH	IOMD_DIRECTION_OUT_IN

static struct iomd *interleaved(struct kunit *test, u32 capacity, u64 direction)
{
	return made(test, iomd_interleaved_with_capacity(capacity, direction));
}

static int add_portion(struct iomd *md, struct iomd *part, u64 offset, u64 length)
{
	return iomd_interleaved_set_memory_descriptor(md, part, offset, length);
}

static int add(struct iomd *md, struct iomd *part)
{
	return add_portion(md, part, 0, 1);
}

static void is_empty_at_first(struct kunit *test)
{
	struct iomd *md = interleaved(test, 3, IOMD_DIRECTION_OUT);
	struct iomd_segment_iter iter;
	u64 length = 1;

	KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_interleaved_meta_class);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md), IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 0, &length, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	iomd_for_each_segment(iter, md, 0, U64_MAX)
		KUNIT_FAIL(test, "a segment of nothing");
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &length), 0ULL);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	iomd_release(md);
}

static void refuses_to_be_useless(struct kunit *test)
{
	unsigned int bit;

	expect_refusal(test, iomd_interleaved_with_capacity(0, BOTH), -EINVAL);
	for (bit = 2; bit < 64; bit++)
		expect_refusal(test, iomd_interleaved_with_capacity(1, BIT_ULL(bit)), -EINVAL);
	/* More than can be had, and no fuss about it. */
	expect_refusal(test, iomd_interleaved_with_capacity(U32_MAX, BOTH), -ENOMEM);
}

static void portions_are_in_order(struct kunit *test)
{
	static const struct iomd_address_range portions[] = {
		{ 100, 1 }, { 0, 0 }, { PAGE_SIZE - 1, 2 }, { 0, 3 * PAGE_SIZE }, { 50, 0 },
		{ 3 * PAGE_SIZE, 0 }, { 3 * PAGE_SIZE - 5, 5 }, { 100, 1 }, { 101, 4500 },
	};
	struct iomd *part, *md;
	struct image image;
	struct leaf leaf;
	unsigned int i;
	u64 from;

	leaf_make(&leaf, test, 3);
	part = made(test, leaf_describe(&leaf, IOMD_DIRECTION_IN));
	md = interleaved(test, ARRAY_SIZE(portions), BOTH);
	image_init(&image, test, 30);
	for (i = 0; i < ARRAY_SIZE(portions); i++) {
		KUNIT_EXPECT_EQ(test, add_portion(md, part, portions[i].address,
						  portions[i].length), 0);
		image_add_part(&image, &leaf.image, portions[i].address, portions[i].length);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), image.length);
	}
	KUNIT_EXPECT_EQ(test, add_portion(md, part, 0, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, add_portion(md, part, 0, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), image.length);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&part->object),
			1 + (unsigned int)ARRAY_SIZE(portions));
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	for (from = 0; from < image.length; from += 97) {
		image_check_query(&image, md, from);
		image_check_walk(&image, md, from, 5000, NULL);
		image_check_walk(&image, md, from, U64_MAX, NULL);
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(part);
	leaf_free(&leaf);
}

static void portions_are_never_joined(struct kunit *test)
{
	struct iomd *part = made(test, iomd_with_physical_address(0x10000, 100, 0));
	struct iomd *md = interleaved(test, 2, 0);
	u64 length;

	KUNIT_EXPECT_EQ(test, add_portion(md, part, 10, 10), 0);
	KUNIT_EXPECT_EQ(test, add_portion(md, part, 20, 80), 0);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 9, &length, 0), 0x10013ULL);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 10, &length, 0), 0x10014ULL);
	KUNIT_EXPECT_EQ(test, length, 80ULL);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 89, NULL, 0), 0x10063ULL);
	iomd_release(md);
	iomd_release(part);
}

static void refuses_what_is_no_portion(struct kunit *test)
{
	static const struct iomd_address_range bad[] = {
		{ 0, 101 }, { 1, 100 }, { 100, 1 }, { 101, 0 }, { U64_MAX, 0 }, { U64_MAX, 1 },
		{ 1, U64_MAX }, { 50, U64_MAX - 49 }, { 0, U64_MAX }, { BIT_ULL(63), BIT_ULL(63) },
	};
	struct iomd *part = made(test, iomd_with_physical_address(0x10000, 100, 0));
	struct iomd *md = interleaved(test, 3, 0);
	struct iomd *most;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, add_portion(md, part, bad[i].address, bad[i].length),
				-EINVAL);
	KUNIT_EXPECT_EQ(test, add_portion(md, NULL, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, add_portion(part, md, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(part, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, BIT_ULL(2)), -EINVAL);
	/* All together may be no longer than a length can say. */
	most = made(test, iomd_with_address_range(0, U64_MAX - PAGE_SIZE, IOMD_MEMORY_REMOTE,
						  IOMD_PHYSICAL_TASK));
	KUNIT_EXPECT_EQ(test, add_portion(md, most, 0, U64_MAX - PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, add_portion(md, most, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, add_portion(md, most, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), U64_MAX);
	KUNIT_EXPECT_EQ(test, add_portion(md, most, 5, 0), 0);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&part->object), 1U);
	iomd_release(md);
	iomd_release(most);
	iomd_release(part);
}

static void prepares_each_portion_whole_or_none(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 2, IOMD_DIRECTION_IN);
	struct fake *other = fake_make(test, 'b', 1, IOMD_DIRECTION_OUT);
	struct iomd *md = interleaved(test, 4, IOMD_DIRECTION_OUT);

	add_portion(md, &one->md, 0, 10);
	add_portion(md, &one->md, 20, 10);
	add_portion(md, &other->md, 0, 0);
	add_portion(md, &one->md, 20, 10);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, one->prepared, 3U);
	KUNIT_EXPECT_EQ(test, one->direction, IOMD_DIRECTION_OUT);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), 0);
	KUNIT_EXPECT_EQ(test, one->direction, IOMD_DIRECTION_IN);
	fake_expect_log(test, "papapbpapapapbpa");
	/* The first complete is not the end of it. */
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, one->prepared, 3U);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, one->prepared, 0U);
	fake_expect_log(test, "cacacbcacacacbca");

	other->prepare_error = -ENOSR;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -ENOSR);
	fake_expect_log(test, "papaPbcaca");
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	fake_expect_log(test, "");
	other->prepare_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	other->complete_error = -EIO;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EIO);
	fake_expect_log(test, "papapbpacacaCbca");
	other->complete_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_complete(&other->md, 0), 0);
	iomd_release(md);
	iomd_release(&one->md);
	iomd_release(&other->md);
}

static void without_a_direction_each_has_its_own(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, IOMD_DIRECTION_IN);
	struct iomd *md = interleaved(test, 1, IOMD_DIRECTION_NONE);

	add_portion(md, &fake->md, 0, 1);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->direction, IOMD_DIRECTION_NONE);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(&fake->md);
}

static void has_no_buffer_of_its_own(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, 0);
	struct iomd *md = interleaved(test, 1, 0);
	u64 resident = 7;
	u32 old = 7;

	add_portion(md, &fake->md, 0, 1);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, &old),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, current, 0, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, NULL), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNSUPPORTED);
	iomd_set_preparation_id(md);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, resident, 7ULL);
	KUNIT_EXPECT_EQ(test, old, 7U);
	iomd_release(md);
	iomd_release(&fake->md);
}

static void reads_and_writes(struct kunit *test)
{
	u8 *memory, buffer[64];
	struct iomd *part, *md;
	struct leaf leaf;
	unsigned int i;

	leaf_make(&leaf, test, 2);
	memory = leaf.area.address;
	memset(memory, 0, leaf.length);
	part = made(test, leaf_describe(&leaf, BOTH));
	md = interleaved(test, 64, BOTH);
	/* Every other byte, around the border of the pages, from behind. */
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, add_portion(md, part, PAGE_SIZE + 64 - 2 * i, 1), 0);
	for (i = 0; i < 64; i++)
		buffer[i] = i + 1;
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, buffer, 64), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, buffer, 64), 64ULL);
	for (i = 0; i < 64; i++) {
		KUNIT_EXPECT_EQ(test, memory[PAGE_SIZE + 64 - 2 * i], i + 1);
		KUNIT_EXPECT_EQ(test, memory[PAGE_SIZE + 63 - 2 * i], 0);
	}
	memset(buffer, 0, sizeof(buffer));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 10, buffer, 54), 54ULL);
	for (i = 0; i < 54; i++)
		KUNIT_EXPECT_EQ(test, buffer[i], i + 11);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 64, buffer, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(part);
	leaf_free(&leaf);
}

static void dma_map_length_is_that_of_the_portions(struct kunit *test)
{
	struct iomd *part = made(test, iomd_with_physical_address(0x100000, 4 * PAGE_SIZE, 0));
	struct iomd *md = interleaved(test, 3, 0);
	u64 in_page;

	add_portion(md, part, PAGE_SIZE - 2, 4);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), (u64)2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, in_page, (u64)PAGE_SIZE - 2);
	add_portion(md, part, 3 * PAGE_SIZE, 1);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), (u64)3 * PAGE_SIZE);
	add_portion(md, part, 3 * PAGE_SIZE, 1);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), (u64)4 * PAGE_SIZE);
	iomd_release(md);
	iomd_release(part);
}

static void can_be_cleared(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 1, 0), *other = fake_make(test, 'b', 1, 0);
	struct iomd *md = interleaved(test, 2, IOMD_DIRECTION_IN);
	unsigned int round;

	for (round = 0; round < 3; round++) {
		KUNIT_EXPECT_EQ(test, add_portion(md, &one->md, 0, 10), 0);
		KUNIT_EXPECT_EQ(test, add_portion(md, &other->md, 0, 7), 0);
		iomd_set_tag(md, 5);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), 17ULL);
		KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
		KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_IN);
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&one->md.object), 1U);
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&other->md.object), 1U);
	}
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, IOMD_DIRECTION_OUT),
			0);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);
	fake_expect_log(test, "");
	iomd_release(md);
	iomd_release(&one->md);
	iomd_release(&other->md);
}

static void clearing_completes(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 1, 0), *other = fake_make(test, 'b', 1, 0);
	struct iomd *md = interleaved(test, 2, 0);
	unsigned int times, i;

	for (times = 0; times < 4; times++) {
		add_portion(md, &one->md, 0, 10);
		add_portion(md, &other->md, 0, 7);
		for (i = 0; i < times; i++)
			KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
		KUNIT_EXPECT_EQ(test, one->prepared + other->prepared, 0U);
	}
	/* It is not prepared any more, so that it takes others. */
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, add_portion(md, &one->md, 0, 10), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(&one->md);
	iomd_release(&other->md);
}

/* Clearing completes as often as it was prepared, or not at all. */
static void clearing_is_refused_as_a_whole(struct kunit *test)
{
	struct iomd *md = interleaved(test, 2, BOTH), *parts[2];
	struct leaf leaves[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		leaf_make(&leaves[i], test, 1);
		parts[i] = made(test, leaf_describe(&leaves[i], BOTH));
		KUNIT_ASSERT_EQ(test, add(md, parts[i]), 0);
	}
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_ASSERT_EQ(test, parts[1]->ops->set_in_use(parts[1], true), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, parts[1]->ops->set_in_use(parts[1], false), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[1], 0), 0);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 2ULL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(parts[1], 0), 0);
	/* Nothing was changed: it is prepared three times. */
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(parts[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&parts[i]->object), 1U);
		iomd_release(parts[i]);
		leaf_free(&leaves[i]);
	}
	iomd_release(md);
}

static void its_end_completes_nothing(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, 0);
	struct iomd *md = interleaved(test, 1, 0);

	add_portion(md, &fake->md, 0, 10);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	fake_expect_log(test, "pa");
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&fake->md.object), 1U);
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	iomd_release(&fake->md);
}

static void keeps_its_portions_while_others_rely_on_them(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, 0);
	struct iomd *part = &fake->md, *md = interleaved(test, 8, 0), *outer;

	KUNIT_EXPECT_EQ(test, add(md, part), 0);
	/* Prepared: it can be cleared, but not be added to. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), -EBUSY);
	/* In use: neither. */
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), 0);
	/* In use under a preparation that is not its own. */
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), 0);
	/* Part of another one: neither, until that is gone. */
	outer = made(test, iomd_sub_with_sub_range(md, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, add(md, part), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), -EBUSY);
	iomd_release(outer);
	KUNIT_EXPECT_EQ(test, add(md, part), 0);
	outer = made(test, iomd_sub_with_sub_range(md, 0, 1, 0));
	iomd_release(outer);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
	iomd_release(md);
	iomd_release(part);
}

static void a_new_instance_may_be_set_up_later(struct kunit *test)
{
	struct iomd *md = os_object_alloc(&iomd_interleaved_meta_class);
	struct iomd *part = made(test, iomd_with_physical_address(0x10000, 100, 0));

	KUNIT_ASSERT_NOT_NULL(test, md);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_init_with_capacity(md, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_init_with_capacity(md, 1, BOTH), 0);
	KUNIT_EXPECT_EQ(test, add(md, part), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_init_with_capacity(md, 1, BOTH), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_init_with_capacity(part, 1, BOTH), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 1ULL);
	iomd_release(md);
	md = os_object_alloc(&iomd_interleaved_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, md);
	iomd_release(md);
	iomd_release(part);
}

/* One thread adds portions while another prepares and completes: all are balanced. */
struct race {
	struct iomd *md, *part;
	struct kunit *test;
	unsigned int prepares;
};

static void prepare_and_complete(void *data)
{
	struct race *race = data;

	KUNIT_EXPECT_EQ(race->test, iomd_prepare(race->md, 0), 0);
	KUNIT_EXPECT_EQ(race->test, iomd_complete(race->md, 0), 0);
	WRITE_ONCE(race->prepares, race->prepares + 1);
}

static void wait_for_a_prepare(struct race *race)
{
	unsigned int before = READ_ONCE(race->prepares);

	while (READ_ONCE(race->prepares) == before)
		cond_resched();
}

static void portions_come_while_it_is_prepared(struct kunit *test)
{
	const unsigned int count = 500;
	struct race race = { .test = test };
	struct worker worker;
	unsigned int added = 0;
	struct leaf leaf;

	leaf_make(&leaf, test, 1);
	race.part = made(test, leaf_describe(&leaf, BOTH));
	race.md = interleaved(test, count, BOTH);
	worker_start(test, &worker, prepare_and_complete, &race);
	while (added < count) {
		int ret = add(race.md, race.part);

		if (!ret)
			added++;
		else
			KUNIT_EXPECT_EQ(test, ret, -EBUSY);
		if (!(added % 10))
			wait_for_a_prepare(&race);
	}
	worker_stop(&worker);
	KUNIT_EXPECT_EQ(test, iomd_get_length(race.md), (u64)count);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(race.part),
			IOMD_PREPARATION_ID_UNPREPARED);
	iomd_release(race.md);
	iomd_release(race.part);
	leaf_free(&leaf);
}

static int make_and_prepare(struct kunit *test, void *data)
{
	const struct leaf *leaves = data;
	struct iomd *parts[2], *md;
	unsigned int i;
	int ret = 0;

	md = iomd_interleaved_with_capacity(4, BOTH);
	if (IS_ERR(md))
		return PTR_ERR(md);
	for (i = 0; i < 2; i++) {
		parts[i] = leaf_describe(&leaves[i], BOTH);
		if (IS_ERR(parts[i])) {
			ret = PTR_ERR(parts[i]);
			iomd_release(md);
			return ret;
		}
		KUNIT_EXPECT_EQ(test, add(md, parts[i]), 0);
		KUNIT_EXPECT_EQ(test, add(md, parts[i]), 0);
		iomd_release(parts[i]);
	}
	ret = iomd_prepare(md, 0);
	for (i = 0; ret && i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(parts[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
	if (ret)
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
	iomd_release(md);
	return ret;
}

static void every_step_may_fail(struct kunit *test)
{
	struct leaf leaves[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		leaf_make(&leaves[i], test, 20);
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_and_prepare, leaves), 6U);
	for (i = 0; i < 2; i++)
		leaf_free(&leaves[i]);
}

static struct kunit_case interleaved_cases[] = {
	KUNIT_CASE(is_empty_at_first),
	KUNIT_CASE(refuses_to_be_useless),
	KUNIT_CASE(portions_are_in_order),
	KUNIT_CASE(portions_are_never_joined),
	KUNIT_CASE(refuses_what_is_no_portion),
	KUNIT_CASE(prepares_each_portion_whole_or_none),
	KUNIT_CASE(without_a_direction_each_has_its_own),
	KUNIT_CASE(has_no_buffer_of_its_own),
	KUNIT_CASE(reads_and_writes),
	KUNIT_CASE(dma_map_length_is_that_of_the_portions),
	KUNIT_CASE(can_be_cleared),
	KUNIT_CASE(clearing_completes),
	KUNIT_CASE(clearing_is_refused_as_a_whole),
	KUNIT_CASE(its_end_completes_nothing),
	KUNIT_CASE(keeps_its_portions_while_others_rely_on_them),
	KUNIT_CASE(a_new_instance_may_be_set_up_later),
	KUNIT_CASE(portions_come_while_it_is_prepared),
	KUNIT_CASE(every_step_may_fail),
	{}
};

static struct kunit_suite interleaved_suite = {
	.name = "iomd_interleaved",
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = interleaved_cases,
};

kunit_test_suite(interleaved_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd_interleaved");
MODULE_LICENSE("GPL");
