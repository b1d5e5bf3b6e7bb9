// SPDX-License-Identifier: GPL-2.0
/*
 * IOMultiMemoryDescriptor: whole descriptors, one behind the other.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include <asm/unistd.h>

#include "composites.h"

#define BOTH	IOMD_DIRECTION_OUT_IN

static struct iomd *physical(struct kunit *test, u64 address, u64 length, u64 direction)
{
	return made(test, iomd_with_physical_address(address, length, direction));
}

static void release_all(struct iomd **descriptors, unsigned int count)
{
	while (count--)
		iomd_release(descriptors[count]);
}

static void parts_are_in_order(struct kunit *test)
{
	static const u64 lengths[] = { 1, 0, 100, 0, 0, 4096, 1, 7, 0 };
	struct iomd *parts[ARRAY_SIZE(lengths)], *md;
	struct image image;
	unsigned int i;
	u64 from;

	image_init(&image, test, ARRAY_SIZE(lengths));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		parts[i] = physical(test, 0x100000 * (20 - i) + i, lengths[i], BOTH);
		image_add(&image, 0x100000 * (20 - i) + i, lengths[i]);
	}
	md = made(test, iomd_multi_with_descriptors(parts, ARRAY_SIZE(parts), BOTH, false));
	release_all(parts, ARRAY_SIZE(parts));
	/* The array is the caller's again. */
	memset(parts, 0xff, sizeof(parts));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), image.length);
	image_check(&image, md);
	for (from = 0; from <= image.length; from++) {
		image_check_query(&image, md, from);
		image_check_walk(&image, md, from, 102, NULL);
		image_check_walk(&image, md, from, U64_MAX, NULL);
	}
	iomd_release(md);
}

static void parts_are_never_joined(struct kunit *test)
{
	struct iomd *parts[] = {
		physical(test, 0x10000, 100, BOTH), physical(test, 0x10064, 100, BOTH),
	};
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, true));
	u64 length;

	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 50, &length, 0), 0x10032ULL);
	KUNIT_EXPECT_EQ(test, length, 50ULL);
	iomd_release(md);
	release_all(parts, 2);
}

static void a_part_may_occur_often(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 2, BOTH);
	struct iomd *parts[] = { &fake->md, &fake->md, &fake->md };
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	struct image image;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&fake->md.object), 4U);
	image_init(&image, test, 6);
	for (i = 0; i < 3; i++)
		image_add_fake(&image, fake);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	fake_expect_log(test, "papapacacaca");
	KUNIT_EXPECT_EQ(test, fake->prepared, 0U);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&fake->md.object), 1U);
	iomd_release(&fake->md);
}

static void thousands_of_parts(struct kunit *test)
{
	const unsigned int count = 5000;
	struct iomd **parts = kunit_kcalloc(test, count, sizeof(*parts), GFP_KERNEL);
	struct image image;
	struct iomd *md;
	unsigned int i;
	u64 at = 0;

	KUNIT_ASSERT_NOT_NULL(test, parts);
	image_init(&image, test, count);
	for (i = 0; i < count; i++) {
		parts[i] = physical(test, (u64)(count - i) << 30 | i, i % 300, BOTH);
		image_add(&image, (u64)(count - i) << 30 | i, i % 300);
	}
	md = made(test, iomd_multi_with_descriptors(parts, count, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check_walk(&image, md, 0, U64_MAX, NULL);
	for (i = 0; i < count; i += 41) {
		image_check_query(&image, md, at);
		at += image.pieces[i].length * 40;
	}
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	release_all(parts, count);
}

static void lengths_that_are_huge_or_wrap(struct kunit *test)
{
	/* Where RAM begins or ends, a range has a border. */
	struct iomd *half = physical(test, BIT_ULL(FAR_BITS - 1), BIT_ULL(FAR_BITS - 1), BOTH);
	struct iomd *most = made(test, iomd_with_address_range(0, U64_MAX - PAGE_SIZE,
							       BOTH | IOMD_MEMORY_REMOTE,
							       IOMD_PHYSICAL_TASK));
	struct iomd *rest = physical(test, 0x1000, PAGE_SIZE, BOTH);
	struct iomd *parts[] = { most, rest, rest }, *halves[] = { half, half };
	struct iomd *md;
	u64 length;

	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), U64_MAX);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, U64_MAX - 1, &length, 0),
			0x1000ULL + PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	iomd_release(md);
	expect_refusal(test, iomd_multi_with_descriptors(parts, 3, BOTH, false), -EINVAL);
	md = made(test, iomd_multi_with_descriptors(halves, 2, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), BIT_ULL(FAR_BITS));
	iomd_get_physical_segment(md, BIT_ULL(FAR_BITS - 1) - 1, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	iomd_get_physical_segment(md, BIT_ULL(FAR_BITS - 1), &length, 0);
	KUNIT_EXPECT_EQ(test, length, BIT_ULL(FAR_BITS - 1));
	iomd_release(md);
	iomd_release(half);
	iomd_release(most);
	iomd_release(rest);
	os_object_barrier();
}

static void refuses_what_is_not_a_chain(struct kunit *test)
{
	struct fake *pageable = fake_make(test, 'p', 1, BOTH | IOMD_MEMORY_PAGEABLE);
	struct fake *wired = fake_make(test, 'w', 1, BOTH);
	struct fake *in = fake_make(test, 'i', 1, IOMD_DIRECTION_IN);
	struct iomd *mixed[] = { &pageable->md, &pageable->md, &wired->md };
	struct iomd *hole[] = { &wired->md, NULL, &wired->md };
	struct iomd *turned[] = { &wired->md, &in->md };
	unsigned int bit;

	expect_refusal(test, iomd_multi_with_descriptors(mixed, 3, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(mixed + 1, 2, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(hole, 3, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(turned, 2, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(turned, 2, IOMD_DIRECTION_IN, false),
		       -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(turned, 1, IOMD_DIRECTION_NONE, false),
		       -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(turned, 0, BOTH, false), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(turned, 0, BOTH, true), -EINVAL);
	expect_refusal(test, iomd_multi_with_descriptors(NULL, 1, BOTH, false), -EINVAL);
	for (bit = 2; bit < 64; bit++)
		expect_refusal(test, iomd_multi_with_descriptors(turned, 1, BOTH | BIT_ULL(bit),
								 false), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&wired->md.object), 1U);
	iomd_release(&pageable->md);
	iomd_release(&wired->md);
	iomd_release(&in->md);
}

static void accessors(struct kunit *test)
{
	static const u32 tags[][3] = { { 0, 0, 0 }, { 0, 7, 9 }, { 3, 7, 9 }, { 0, 0, 9 } };
	static const u32 expected[] = { 0, 7, 3, 9 };
	struct fake *fakes[3];
	struct iomd *parts[3], *md;
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		fakes[i] = fake_make(test, 'a' + i, 1, IOMD_DIRECTION_IN | IOMD_MEMORY_PAGEABLE);
		parts[i] = &fakes[i]->md;
	}
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		for (j = 0; j < 3; j++)
			iomd_set_tag(parts[j], tags[i][j]);
		md = made(test, iomd_multi_with_descriptors(parts, 3, IOMD_DIRECTION_IN, false));
		KUNIT_EXPECT_EQ(test, iomd_get_tag(md), expected[i]);
		KUNIT_EXPECT_EQ(test, iomd_get_flags(md),
				IOMD_DIRECTION_IN | IOMD_MEMORY_BUFFER_PAGEABLE);
		KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_IN);
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)3 * PAGE_SIZE);
		KUNIT_EXPECT_PTR_EQ(test, iomd_get_meta_class(md), &iomd_multi_meta_class);
		iomd_release(md);
	}
	release_all(parts, 3);
}

static void prepares_all_or_none(struct kunit *test)
{
	static const char * const logs[] = { "Pa", "paPbca", "papbPccbca", "papbpcPdcccbca" };
	struct fake *fakes[4];
	struct iomd *parts[4], *md;
	unsigned int i, bad;

	for (i = 0; i < 4; i++) {
		fakes[i] = fake_make(test, 'a' + i, 1, BOTH);
		parts[i] = &fakes[i]->md;
	}
	md = made(test, iomd_multi_with_descriptors(parts, 4, BOTH, false));
	for (bad = 0; bad < 4; bad++) {
		fakes[bad]->prepare_error = -EDOM - bad;
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EDOM - (int)bad);
		fake_expect_log(test, logs[bad]);
		for (i = 0; i < 4; i++)
			KUNIT_EXPECT_EQ(test, fakes[i]->prepared, 0U);
		fakes[bad]->prepare_error = 0;
	}
	/* On top of a preparation that stays. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	fakes[2]->prepare_error = -EDOM;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EDOM);
	fake_expect_log(test, "papbpcpdpapbPccbca");
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, fakes[i]->prepared, 1U);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	fake_expect_log(test, "cacbcccd");
	iomd_release(md);
	release_all(parts, 4);
}

static void directions_of_prepare(struct kunit *test)
{
	static const struct {
		u64 own, asked, given;
	} vectors[] = {
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_NONE, IOMD_DIRECTION_OUT },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_IN, IOMD_DIRECTION_IN },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_NONE, IOMD_DIRECTION_NONE },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_IN, IOMD_DIRECTION_IN },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_PREPARE_NO_FAULT,
		  IOMD_DIRECTION_IN | IOMD_DIRECTION_PREPARE_NO_FAULT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct fake *fake = fake_make(test, 'a', 1, vectors[i].own);
		struct iomd *part = &fake->md, *md;

		md = made(test, iomd_multi_with_descriptors(&part, 1, vectors[i].own, false));
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, vectors[i].asked), 0);
		KUNIT_EXPECT_EQ(test, fake->direction, vectors[i].given);
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
		iomd_release(md);
		iomd_release(part);
	}
}

static void completes_all(struct kunit *test)
{
	struct fake *fakes[3];
	struct iomd *parts[3], *md;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fakes[i] = fake_make(test, 'a' + i, 1, BOTH);
		parts[i] = &fakes[i]->md;
	}
	md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	fakes[0]->complete_error = -EIO;
	fakes[1]->complete_error = -ENXIO;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -ENXIO);
	fakes[0]->complete_error = 0;
	fakes[1]->complete_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	fake_expect_log(test, "papbpcpapbpcCaCbcccacbcc");
	KUNIT_EXPECT_EQ(test, fakes[2]->prepared, 0U);
	iomd_release(md);
	release_all(parts, 3);
}

static void completes_only_what_it_prepared(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 1, BOTH), *other = fake_make(test, 'b', 1, BOTH);
	struct iomd *parts[] = { &one->md, &other->md };
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));

	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&one->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&other->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_complete(&one->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(&other->md, 0), 0);
	fake_expect_log(test, "papbpapbcacbcacb");
	iomd_release(md);
	release_all(parts, 2);
}

static void its_end_completes_nothing(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd *part = &fake->md;
	struct iomd *md = made(test, iomd_multi_with_descriptors(&part, 1, BOTH, false));

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	fake_expect_log(test, "pa");
	KUNIT_EXPECT_EQ(test, iomd_complete(part, 0), 0);
	iomd_release(part);
}

static void preparation_ids(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 1, BOTH), *other = fake_make(test, 'b', 1, BOTH);
	struct fake *plain = fake_make_plain(test, 1, BOTH);
	struct iomd *parts[] = { &one->md, &other->md, &plain->md };
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	u64 first, second;

	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&one->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	first = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), first);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	/* One part has stayed, the other is prepared anew. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	second = iomd_get_preparation_id(md);
	KUNIT_EXPECT_GT(test, second, first);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), second);
	/* Prepared once more: the same pages. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(&one->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), second);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);

	/* The first part that has none to tell gives the answer. */
	md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	release_all(parts, 3);
}

static void purgeable_states_are_combined(struct kunit *test)
{
	static const struct {
		u32 states[3], old;
	} vectors[] = {
		{ { 2, 2, 2 }, IOMD_MEMORY_PURGEABLE_NON_VOLATILE },
		{ { 2, 3, 2 }, IOMD_MEMORY_PURGEABLE_VOLATILE },
		{ { 4, 3, 2 }, IOMD_MEMORY_PURGEABLE_EMPTY },
		{ { 2, 3, 4 }, IOMD_MEMORY_PURGEABLE_EMPTY },
		{ { 3, 3, 3 }, IOMD_MEMORY_PURGEABLE_VOLATILE },
	};
	struct fake *fakes[3];
	struct iomd *parts[3], *md;
	unsigned int i, j;
	u32 old;

	for (i = 0; i < 3; i++) {
		fakes[i] = fake_make(test, 'a' + i, 1, BOTH);
		parts[i] = &fakes[i]->md;
	}
	md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		for (j = 0; j < 3; j++)
			fakes[j]->purgeable = vectors[i].states[j];
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT,
							 &old), 0);
		KUNIT_EXPECT_EQ(test, old, vectors[i].old);
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_VOLATILE, NULL),
				0);
		for (j = 0; j < 3; j++)
			KUNIT_EXPECT_EQ(test, fakes[j]->purgeable,
					(u32)IOMD_MEMORY_PURGEABLE_VOLATILE);
	}
	/* If one can't, nothing is done. */
	fakes[1]->buffer_error = -EOPNOTSUPP;
	old = 77;
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, &old),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, &old),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, old, 77U);
	KUNIT_EXPECT_EQ(test, fakes[0]->purgeable, (u32)IOMD_MEMORY_PURGEABLE_VOLATILE);
	KUNIT_EXPECT_EQ(test, fakes[2]->purgeable, (u32)IOMD_MEMORY_PURGEABLE_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, 5, &old), -EINVAL);
	iomd_release(md);
	/* A part that occurs twice had its state before the first time. */
	parts[1] = parts[0];
	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	fakes[0]->purgeable = IOMD_MEMORY_PURGEABLE_NON_VOLATILE;
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_EMPTY, &old), 0);
	KUNIT_EXPECT_EQ(test, old, (u32)IOMD_MEMORY_PURGEABLE_NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, IOMD_MEMORY_PURGEABLE_NON_VOLATILE, &old),
			0);
	KUNIT_EXPECT_EQ(test, old, (u32)IOMD_MEMORY_PURGEABLE_EMPTY);
	iomd_release(md);
	parts[1] = &fakes[1]->md;
	release_all(parts, 3);
}

/* What is true of one part is true of the whole. */
static void flags_of_parts(struct kunit *test)
{
	struct iomd *parts[3], *outer, *sub, *md;
	struct leaf leaves[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		leaf_make(&leaves[i], test, 1);
		parts[i] = made(test, leaf_describe(&leaves[i], BOTH));
	}
	parts[2] = made(test, iomd_with_address_range(PAGE_SIZE, PAGE_SIZE,
						      BOTH | IOMD_MEMORY_REMOTE,
						      IOMD_PHYSICAL_TASK));
	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	outer = made(test, iomd_interleaved_with_capacity(2, BOTH));
	KUNIT_ASSERT_EQ(test, iomd_interleaved_set_memory_descriptor(outer, md, 0, 1), 0);
	sub = made(test, iomd_sub_with_sub_range(outer, 0, 1, BOTH));
	/* For which prepare the parts were prepared first does not matter. */
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, iomd_prepare(parts[i], i ? IOMD_DIRECTION_OUT :
							     IOMD_DIRECTION_IN), 0);
		KUNIT_EXPECT_EQ(test, !!(iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY),
				i == 1);
		KUNIT_EXPECT_EQ(test, !!(iomd_get_flags(outer) & IOMD_MEMORY_PREPARED_READ_ONLY),
				i == 1);
		KUNIT_EXPECT_EQ(test, !!(iomd_get_flags(sub) & IOMD_MEMORY_PREPARED_READ_ONLY),
				i == 1);
	}
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_complete(parts[i], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MEMORY_PREPARED_READ_ONLY, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(sub) & IOMD_MEMORY_REMOTE, 0ULL);
	iomd_release(sub);
	KUNIT_ASSERT_EQ(test, iomd_interleaved_clear_memory_descriptors(outer, 0), 0);
	iomd_release(md);

	md = made(test, iomd_multi_with_descriptors(parts + 1, 2, BOTH, false));
	KUNIT_ASSERT_EQ(test, iomd_interleaved_set_memory_descriptor(outer, md, 0, 1), 0);
	sub = made(test, iomd_sub_with_sub_range(outer, 0, 1, BOTH));
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_REMOTE);
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(outer) & IOMD_MEMORY_REMOTE);
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(sub) & IOMD_MEMORY_REMOTE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_map(md, 0)), -ENXIO);
	iomd_release(sub);
	iomd_release(outer);
	iomd_release(md);
	release_all(parts, 3);
	for (i = 0; i < 2; i++)
		leaf_free(&leaves[i]);
}

static void ownership_and_page_counts_go_to_all(struct kunit *test)
{
	struct fake *fakes[3];
	struct iomd *parts[3], *md;
	u64 resident = 77, dirty = 77;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fakes[i] = fake_make(test, 'a' + i, 1, BOTH);
		fakes[i]->resident = 10 << i;
		fakes[i]->dirty = 1 << i;
		parts[i] = &fakes[i]->md;
	}
	md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, &dirty), 0);
	KUNIT_EXPECT_EQ(test, resident, 70ULL);
	KUNIT_EXPECT_EQ(test, dirty, 7ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, current, IOMD_MEMORY_LEDGER_TAG_NEURAL, 0),
			0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_PTR_EQ(test, fakes[i]->owner, current);
		KUNIT_EXPECT_EQ(test, fakes[i]->ledger_tag, IOMD_MEMORY_LEDGER_TAG_NEURAL);
	}
	fakes[1]->buffer_error = -EIO;
	resident = 77;
	dirty = 77;
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &resident, &dirty), -EIO);
	KUNIT_EXPECT_EQ(test, resident, 77ULL);
	KUNIT_EXPECT_EQ(test, dirty, 77ULL);
	KUNIT_EXPECT_EQ(test, iomd_set_ownership(md, NULL, IOMD_MEMORY_LEDGER_TAG_NONE, 0), -EIO);
	KUNIT_EXPECT_PTR_EQ(test, fakes[0]->owner, NULL);
	KUNIT_EXPECT_PTR_EQ(test, fakes[2]->owner, current);
	iomd_release(md);
	release_all(parts, 3);
}

static void dma_map_lengths(struct kunit *test)
{
	/* 8 pages, of which the second half is listed first, and pieces of them. */
	struct iomd_address_range ranges[] = {
		{ 0x100000 + 4 * PAGE_SIZE, 4 * PAGE_SIZE }, { 0x100000, 4 * PAGE_SIZE },
	}, odd[] = {
		{ 0x100000 + PAGE_SIZE - 2, 4 }, { 0x100000 + 3 * PAGE_SIZE + 1, 1 },
	};
	struct iomd *list, *sub[2], *md;
	u64 in_page;

	list = made(test, iomd_with_address_ranges(ranges, 2, BOTH, IOMD_PHYSICAL_TASK));
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(list, &in_page), (u64)8 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, in_page, 0ULL);
	sub[0] = made(test, iomd_sub_with_sub_range(list, 3 * PAGE_SIZE, 2 * PAGE_SIZE, BOTH));
	sub[1] = made(test, iomd_sub_with_sub_range(list, 7 * PAGE_SIZE, PAGE_SIZE, BOTH));
	md = made(test, iomd_multi_with_descriptors((struct iomd *[]) { list, sub[0], sub[1] }, 3,
						    BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), (u64)11 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), (u64)11 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, in_page, 0ULL);
	iomd_release(md);
	release_all(sub, 2);
	iomd_release(list);

	list = made(test, iomd_with_address_ranges(odd, 2, BOTH, IOMD_PHYSICAL_TASK));
	md = made(test, iomd_multi_with_descriptors((struct iomd *[]) { list, list }, 2, BOTH,
						    false));
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), (u64)6 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, in_page, (u64)PAGE_SIZE - 2);
	iomd_release(md);
	iomd_release(list);

	/* Four pages, prepared or not, of memory that is not physical. */
	list = made(test, iomd_with_address_range(0x7f0000000000, 4 * PAGE_SIZE, BOTH,
						  IOMD_KERNEL_TASK));
	md = made(test, iomd_multi_with_descriptors(&list, 1, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, &in_page), (u64)4 * PAGE_SIZE);
	iomd_release(md);
	iomd_release(list);
}

static void takes_other_parts(struct kunit *test)
{
	struct iomd *one = physical(test, 0x10000, 100, IOMD_DIRECTION_IN);
	struct iomd *two[] = {
		physical(test, 0x20000, 10, IOMD_DIRECTION_OUT),
		physical(test, 0x30000, 20, IOMD_DIRECTION_OUT),
	};
	struct iomd *md, *self[2];
	u64 length;

	iomd_set_tag(one, 1);
	md = made(test, iomd_multi_with_descriptors(&one, 1, IOMD_DIRECTION_IN, false));
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, two, 2, IOMD_DIRECTION_OUT,
							       true), 0);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&one->object), 1U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&two[0]->object), 2U);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 30ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_tag(md), 0U);
	KUNIT_EXPECT_EQ(test, iomd_get_direction(md), IOMD_DIRECTION_OUT);

	/* A refusal changes nothing, however far it came. */
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, two, 2, IOMD_DIRECTION_IN,
							       false), -EINVAL);
	self[0] = two[1];
	self[1] = md;
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, self, 2, IOMD_DIRECTION_OUT,
							       false), -EBUSY);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&two[1]->object), 2U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(md, 10, &length, 0), 0x30000ULL);
	KUNIT_EXPECT_EQ(test, length, 20ULL);
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(one, two, 2, IOMD_DIRECTION_OUT,
							       false), -EINVAL);
	/* Its own parts once more. */
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, two, 1, IOMD_DIRECTION_OUT,
							       false), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 10ULL);
	iomd_release(md);

	md = os_object_alloc(&iomd_multi_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, md);
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, two, 2, IOMD_DIRECTION_OUT,
							       false), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_length(md), 30ULL);
	iomd_release(md);
	md = os_object_alloc(&iomd_multi_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, md);
	iomd_release(md);
	release_all(two, 2);
	iomd_release(one);
}

static int again(struct iomd *md, struct iomd *part)
{
	return iomd_multi_init_with_descriptors(md, &part, 1, BOTH, false);
}

static void keeps_its_parts_while_others_rely_on_them(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd *part = &fake->md;
	struct iomd *md = made(test, iomd_multi_with_descriptors(&part, 1, BOTH, false));
	struct iomd *outer = made(test, iomd_multi_with_descriptors(&md, 1, BOTH, false));

	KUNIT_EXPECT_EQ(test, again(md, part), -EBUSY);
	iomd_release(outer);
	KUNIT_EXPECT_EQ(test, again(md, part), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, again(md, part), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, again(md, part), 0);
	/* In use under a preparation of the part's own. */
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), 0);
	KUNIT_EXPECT_EQ(test, again(md, part), -EBUSY);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
	fake->prepare_error = -EIO;
	fake->use_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EIO);
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, again(md, part), 0);
	iomd_release(md);
	iomd_release(part);
}

static void bytes_cross_part_borders(struct kunit *test)
{
	struct iomd *parts[3], *md;
	struct leaf leaf;
	u8 buffer[300];
	u64 at;

	leaf_make(&leaf, test, 1);
	fill_pattern(leaf.area.address, 0, PAGE_SIZE);
	parts[0] = made(test, leaf_describe(&leaf, BOTH));
	parts[1] = made(test, iomd_sub_with_sub_range(parts[0], 0, 100, BOTH));
	parts[2] = made(test, iomd_sub_with_sub_range(parts[0], 100, 200, BOTH));
	md = made(test, iomd_multi_with_descriptors(parts + 1, 2, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, 1), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	for (at = 0; at <= 300; at++) {
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, at, buffer, 300 - at), 300 - at);
		KUNIT_EXPECT_EQ(test, find_mismatch(buffer, at, 300 - at), (size_t)(300 - at));
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, at, buffer, 301 - at), 0ULL);
	}
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 99, NULL, 2), 2ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(parts[0], 98, buffer, 4), 4ULL);
	KUNIT_EXPECT_EQ(test, buffer[0], pattern(98));
	KUNIT_EXPECT_EQ(test, buffer[1] | buffer[2], 0);
	KUNIT_EXPECT_EQ(test, buffer[3], pattern(101));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	release_all(parts, 3);
	leaf_free(&leaf);
}

/* If but one part may not be written, nothing is. */
static void writes_no_part_that_is_read_only(struct kunit *test)
{
	struct fake *one = fake_make(test, 'a', 1, BOTH), *other = fake_make(test, 'b', 1, BOTH);
	struct iomd *parts[] = { &one->md, &other->md };
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	u8 bytes[2];

	KUNIT_ASSERT_EQ(test, iomd_prepare(&one->md, IOMD_DIRECTION_IN), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(&other->md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, PAGE_SIZE - 1, NULL, 1), 1ULL);
	memset(page_address(one->pages[0]), 0x55, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, PAGE_SIZE - 1, NULL, 2), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, PAGE_SIZE - 1, bytes, 2), 2ULL);
	KUNIT_EXPECT_EQ(test, bytes[0], 0x55);
	KUNIT_EXPECT_EQ(test, iomd_complete(&one->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(&other->md, 0), 0);
	iomd_release(md);
	release_all(parts, 2);
}

/* User memory that is gone: what was pinned before it is given back. */
static void a_part_that_is_not_mapped(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_address_range range;
	struct iomd *parts[3], *md;
	struct area areas[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		area_make(&areas[i], puppet, AREA_SCATTERED, 20);
		range = area_range(&areas[i], 100, 15 * PAGE_SIZE);
		parts[i] = made(test, iomd_with_address_range(range.address, range.length, BOTH,
							      puppet->task));
	}
	md = made(test, iomd_multi_with_descriptors(parts, 3, BOTH, false));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&puppet->mm->pinned_vm), 48L);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);

	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_munmap,
						 areas[2].address + 7 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&puppet->mm->pinned_vm), 0L);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(parts[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(parts[0], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&puppet->mm->pinned_vm), 16L);
	KUNIT_EXPECT_EQ(test, iomd_complete(parts[0], 0), 0);
	iomd_release(md);
	release_all(parts, 3);
}

static int make_and_prepare(struct kunit *test, void *data)
{
	const struct leaf *leaves = data;
	struct iomd *parts[3] = {}, *md = NULL;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 3; i++) {
		parts[i] = leaf_describe(&leaves[i], BOTH);
		if (IS_ERR(parts[i])) {
			ret = PTR_ERR(parts[i]);
			release_all(parts, i);
			return ret;
		}
	}
	md = iomd_multi_with_descriptors(parts, 3, BOTH, false);
	os_object_barrier();
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&parts[i]->object),
				IS_ERR(md) ? 1U : 2U);
	if (IS_ERR(md)) {
		release_all(parts, 3);
		return PTR_ERR(md);
	}
	ret = iomd_prepare(md, 0);
	for (i = 0; ret && i < 3; i++)
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(parts[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
	if (ret)
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	release_all(parts, 3);
	return ret;
}

static void every_step_may_fail(struct kunit *test)
{
	struct leaf leaves[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		leaf_make(&leaves[i], test, 20);
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_and_prepare, leaves), 8U);
	for (i = 0; i < 3; i++)
		leaf_free(&leaves[i]);
}

static struct kunit_case multi_cases[] = {
	KUNIT_CASE(parts_are_in_order),
	KUNIT_CASE(parts_are_never_joined),
	KUNIT_CASE(a_part_may_occur_often),
	KUNIT_CASE(thousands_of_parts),
	KUNIT_CASE(lengths_that_are_huge_or_wrap),
	KUNIT_CASE(refuses_what_is_not_a_chain),
	KUNIT_CASE(accessors),
	KUNIT_CASE(prepares_all_or_none),
	KUNIT_CASE(directions_of_prepare),
	KUNIT_CASE(completes_all),
	KUNIT_CASE(completes_only_what_it_prepared),
	KUNIT_CASE(its_end_completes_nothing),
	KUNIT_CASE(preparation_ids),
	KUNIT_CASE(purgeable_states_are_combined),
	KUNIT_CASE(flags_of_parts),
	KUNIT_CASE(ownership_and_page_counts_go_to_all),
	KUNIT_CASE(dma_map_lengths),
	KUNIT_CASE(takes_other_parts),
	KUNIT_CASE(keeps_its_parts_while_others_rely_on_them),
	KUNIT_CASE(bytes_cross_part_borders),
	KUNIT_CASE(writes_no_part_that_is_read_only),
	KUNIT_CASE(a_part_that_is_not_mapped),
	KUNIT_CASE(every_step_may_fail),
	{}
};

static struct kunit_suite multi_suite = {
	.name = "iomd_multi",
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = multi_cases,
};

kunit_test_suite(multi_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd_multi");
MODULE_LICENSE("GPL");
