// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors made of descriptors made of others: what is the same for all classes
 * of them, and what only shows when they are nested.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../../src/debug/knobs.h"
#include "composites.h"

#define BOTH	IOMD_DIRECTION_OUT_IN

static struct iomd *sub_of(struct kunit *test, struct iomd *of, u64 offset, u64 length)
{
	return made(test, iomd_sub_with_sub_range(of, offset, length, BOTH));
}

static struct iomd *multi_of(struct kunit *test, struct iomd **parts, u32 count)
{
	return made(test, iomd_multi_with_descriptors(parts, count, BOTH, false));
}

static struct iomd *interleaved(struct kunit *test, u32 capacity)
{
	return made(test, iomd_interleaved_with_capacity(capacity, BOTH));
}

static int add(struct iomd *md, struct iomd *part)
{
	return iomd_interleaved_set_memory_descriptor(md, part, 0, iomd_get_length(part));
}

/*
 * A class from outside the core
 */

static void an_external_class_is_a_part_like_others(struct kunit *test)
{
	struct fake *fake = fake_make_plain(test, 3, BOTH);
	struct iomd *sub = sub_of(test, &fake->md, 100, 2 * PAGE_SIZE);
	struct iomd *md = multi_of(test, (struct iomd *[]) { &fake->md, sub }, 2);
	const unsigned int length = 5 * PAGE_SIZE;
	struct image fake_image, image;
	struct iomd_dma_map *map;
	u8 *buffer;

	buffer = kunit_kmalloc(test, length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer);
	image_init(&fake_image, test, 3);
	image_add_fake(&fake_image, fake);
	image_init(&image, test, 6);
	image_add_part(&image, &fake_image, 0, 3 * PAGE_SIZE);
	image_add_part(&image, &fake_image, 100, 2 * PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, 1), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->prepared, 2U);
	image_check(&image, md);
	fill_pattern(buffer, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, buffer, 3 * PAGE_SIZE), 3ULL * PAGE_SIZE);
	memset(buffer, 0, length);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, length), (u64)length);
	KUNIT_EXPECT_EQ(test, find_mismatch(buffer, 0, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, find_mismatch(buffer + 3 * PAGE_SIZE, 100, 2 * PAGE_SIZE),
			2 * PAGE_SIZE);

	/* The base counts who uses it. */
	map = iomd_dma_map(md, fake_device(test), 0, 3 * PAGE_SIZE, 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake->prepared, 2U);
	iomd_dma_unmap(map);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->prepared, 0U);
	iomd_release(md);
	iomd_release(sub);
	iomd_release(&fake->md);
}

/*
 * Where everything is
 */

/* A list of 8 pages, two of its middle, and its last one, from the list's last on. */
static void a_list_and_pieces_of_it(struct kunit *test)
{
	static const unsigned int pages[] = { 7, 3, 4, 7 };
	struct iomd_address_range ranges[2];
	struct iomd *list, *middle, *last, *md;
	struct kernel_area area;
	struct image image;
	unsigned int i;

	kernel_area_make(&area, test, 8);
	/* The second half is listed first. */
	for (i = 0; i < 2; i++) {
		ranges[i].address = (unsigned long)area.address + (1 - i) * 4 * PAGE_SIZE;
		ranges[i].length = 4 * PAGE_SIZE;
	}
	list = made(test, iomd_with_address_ranges(ranges, 2, BOTH, IOMD_KERNEL_TASK));
	middle = sub_of(test, list, 3 * PAGE_SIZE, 2 * PAGE_SIZE);
	last = sub_of(test, list, 7 * PAGE_SIZE, PAGE_SIZE);
	md = multi_of(test, (struct iomd *[]) { list, middle, last }, 3);
	KUNIT_EXPECT_EQ(test, iomd_get_dma_map_length(md, NULL), 11ULL * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	image_init(&image, test, 11);
	for (i = 0; i < 7; i++)
		image_add(&image, page_to_phys(area.pages[(i + 4) % 8]), PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		image_add(&image, page_to_phys(area.pages[(pages[i] + 4) % 8]), PAGE_SIZE);
	image_check(&image, md);
	image_check_walk(&image, md, 7 * PAGE_SIZE, 4 * PAGE_SIZE, NULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(last);
	iomd_release(middle);
	iomd_release(list);
	os_object_barrier();
	kernel_area_free(&area);
}

/* Random nests of everything, against the most naive model of them. */
struct member {
	struct iomd *md;
	struct image image;
};

#define LEAVES		3
#define MEMBERS		20
#define PIECES		400

struct nest {
	struct kunit *test;
	struct rnd_state random;
	struct leaf leaves[LEAVES];
	struct member members[MEMBERS];
	unsigned int count;
};

/* Less than @limit. */
static u32 draw(struct nest *nest, u64 limit)
{
	return prandom_u32_state(&nest->random) % (u32)limit;
}

/* A random piece of a random member; zero bytes of it, too. */
static struct iomd *draw_piece(struct nest *nest, struct image *image, bool whole, u64 *offset,
			       u64 *length)
{
	struct member *member = &nest->members[draw(nest, nest->count)];

	*offset = 0;
	*length = member->image.length;
	if (!whole) {
		*offset = draw(nest, member->image.length + 1);
		*length = draw(nest, member->image.length - *offset + 1);
	}
	image_add_part(image, &member->image, *offset, *length);
	return member->md;
}

static struct iomd *make_sub(struct nest *nest, struct image *image)
{
	u64 offset, length;
	struct iomd *of = draw_piece(nest, image, false, &offset, &length);

	return iomd_sub_with_sub_range(of, offset, length, BOTH);
}

static struct iomd *make_multi(struct nest *nest, struct image *image)
{
	u32 count = 1 + draw(nest, 4), i;
	struct iomd *parts[4];
	u64 offset, length;

	for (i = 0; i < count; i++)
		parts[i] = draw_piece(nest, image, true, &offset, &length);
	return iomd_multi_with_descriptors(parts, count, BOTH, false);
}

static struct iomd *make_interleaved(struct nest *nest, struct image *image)
{
	u32 count = draw(nest, 6), i;
	struct iomd *md = interleaved(nest->test, 1 + count);
	u64 offset, length;
	int ret;

	for (i = 0; i < count; i++) {
		struct iomd *part = draw_piece(nest, image, false, &offset, &length);

		ret = iomd_interleaved_set_memory_descriptor(md, part, offset, length);
		if (ret) {
			iomd_release(md);
			return ERR_PTR(ret);
		}
	}
	return md;
}

static void grow(struct nest *nest)
{
	struct member *member = &nest->members[nest->count];
	unsigned int i;

	for (i = 0; i < nest->count; i++)
		if (nest->members[i].image.count > PIECES / 6)
			return;
	image_clear(&member->image);
	switch (draw(nest, 3)) {
	case 0:
		member->md = make_sub(nest, &member->image);
		break;
	case 1:
		member->md = make_multi(nest, &member->image);
		break;
	default:
		member->md = make_interleaved(nest, &member->image);
	}
	/* There is nothing else that could be wrong with it. */
	if (IS_ERR(member->md))
		KUNIT_EXPECT_EQ(nest->test, PTR_ERR(member->md), (long)-ELOOP);
	else
		nest->count++;
}

static void check_bytes(struct nest *nest, const struct member *member)
{
	u8 bytes[50], byte = draw(nest, 256);
	u64 at, length, unused, i;

	if (!member->image.length)
		return;
	at = draw(nest, member->image.length);
	length = min_t(u64, sizeof(bytes), member->image.length - at);
	KUNIT_EXPECT_EQ(nest->test, iomd_write_bytes(member->md, at, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(nest->test, iomd_read_bytes(member->md, at, bytes, length), length);
	for (i = 0; i < length; i++) {
		u8 *memory = phys_to_virt(image_at(&member->image, at + i, &unused));

		if (bytes[i] != *memory || (!i && bytes[i] != byte))
			KUNIT_FAIL(nest->test, "a wrong byte at %#llx + %llu", at, i);
	}
}

static void check_member(struct nest *nest, const struct member *member)
{
	unsigned int i;

	if (!image_check(&member->image, member->md))
		return;
	for (i = 0; i < 5; i++)
		image_check_walk(&member->image, member->md, draw(nest, member->image.length + 2),
				 draw(nest, member->image.length + 2), NULL);
	check_bytes(nest, member);
}

static void check_nest(struct nest *nest)
{
	unsigned int i;

	for (i = 0; i < LEAVES; i++)
		nest->members[i].md = made(nest->test, leaf_describe(&nest->leaves[i], BOTH));
	nest->count = LEAVES;
	for (i = LEAVES; i < MEMBERS; i++)
		grow(nest);
	for (i = 0; i < nest->count; i++)
		KUNIT_EXPECT_EQ(nest->test, iomd_prepare(nest->members[i].md, 0), 0);
	for (i = 0; i < nest->count; i++)
		check_member(nest, &nest->members[i]);
	/* The last one still holds all that it needs. */
	for (i = 0; i + 1 < nest->count; i++)
		KUNIT_EXPECT_EQ(nest->test, iomd_complete(nest->members[i].md, 0), 0);
	check_member(nest, &nest->members[i]);
	KUNIT_EXPECT_EQ(nest->test, iomd_complete(nest->members[i].md, 0), 0);
	for (i = 0; i < LEAVES; i++)
		KUNIT_EXPECT_EQ(nest->test, iomd_get_preparation_id(nest->members[i].md),
				IOMD_PREPARATION_ID_UNPREPARED);
	for (i = 0; i < nest->count; i++)
		iomd_release(nest->members[i].md);
}

static void random_nests(struct kunit *test)
{
	struct nest *nest = kunit_kzalloc(test, sizeof(*nest), GFP_KERNEL);
	u32 seed = get_random_u32();
	unsigned int i, round;

	KUNIT_ASSERT_NOT_NULL(test, nest);
	kunit_info(test, "seed %#x", seed);
	nest->test = test;
	prandom_seed_state(&nest->random, seed);
	for (i = 0; i < LEAVES; i++)
		leaf_make(&nest->leaves[i], test, 1 + i);
	for (i = 0; i < MEMBERS; i++)
		image_init(&nest->members[i].image, test, PIECES);
	for (i = 0; i < LEAVES; i++)
		image_add_part(&nest->members[i].image, &nest->leaves[i].image, 0,
			       nest->leaves[i].length);
	for (round = 0; round < 100; round++)
		check_nest(nest);
	for (i = 0; i < LEAVES; i++)
		leaf_free(&nest->leaves[i]);
}

/* The walk asks once for each leaf, not once for each segment. */
static void a_walk_goes_on_in_the_leafs_list(struct kunit *test)
{
	struct iomd *leaf_md, *sub, *multi, *outer;
	struct iomd_segment_iter iter;
	struct image image;
	struct leaf leaf;
	unsigned int segments;

	leaf_make(&leaf, test, 30);
	leaf_md = made(test, leaf_describe(&leaf, BOTH));
	sub = sub_of(test, leaf_md, 50, 20 * PAGE_SIZE);
	multi = multi_of(test, (struct iomd *[]) { sub, sub }, 2);
	outer = interleaved(test, 1);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(outer, multi, 10,
								     30 * PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(outer, 0), 0);
	/* What the leaf vouches for ends where its part of the walk does. */
	iomd_segment_iter_init(&iter, outer, 7, 15 * PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, iter.length + iter.window, 15ULL * PAGE_SIZE);
	iomd_segment_iter_init(&iter, outer, 7, U64_MAX, 0);
	KUNIT_EXPECT_EQ(test, iter.length + iter.window, 20ULL * PAGE_SIZE - 17);
	iomd_segment_iter_init(&iter, outer, 22 * PAGE_SIZE, U64_MAX, 0);
	KUNIT_EXPECT_EQ(test, iter.length + iter.window, 8ULL * PAGE_SIZE);

	image_init(&image, test, 60);
	image_add_part(&image, &leaf.image, 60, 20 * PAGE_SIZE - 10);
	image_add_part(&image, &leaf.image, 50, 10 * PAGE_SIZE + 10);
	image_check(&image, outer);
	image_check_walk(&image, outer, 0, U64_MAX, &segments);
	KUNIT_EXPECT_EQ(test, segments, image.merged);
	KUNIT_EXPECT_EQ(test, iomd_complete(outer, 0), 0);
	iomd_release(outer);
	iomd_release(multi);
	iomd_release(sub);
	iomd_release(leaf_md);
	leaf_free(&leaf);
}

static void a_part_that_shrinks_leaves_a_gap(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 3, BOTH), *next = fake_make(test, 'b', 1, BOTH);
	struct iomd *md = multi_of(test, (struct iomd *[]) { &fake->md, &next->md }, 2);
	struct iomd *outer = sub_of(test, md, 0, 4 * PAGE_SIZE);
	struct iomd_segment_iter iter;
	u64 length;
	u8 byte;

	KUNIT_ASSERT_EQ(test, iomd_prepare(outer, 0), 0);
	fake->md.length = PAGE_SIZE + 10;
	KUNIT_EXPECT_EQ(test, iomd_get_length(outer), 4ULL * PAGE_SIZE);
	iomd_for_each_segment(iter, outer, 0, U64_MAX)
		;
	KUNIT_EXPECT_EQ(test, iter.offset, (u64)PAGE_SIZE + 10);
	iomd_get_physical_segment(outer, PAGE_SIZE, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 10ULL);
	iomd_get_physical_segment(outer, PAGE_SIZE + 10, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(outer, PAGE_SIZE + 9, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(outer, PAGE_SIZE + 10, &byte, 1), 0ULL);
	/* Nothing is somewhere else for that. */
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_segment(outer, 3 * PAGE_SIZE, &length, 0),
			(u64)page_to_phys(next->pages[0]));
	KUNIT_EXPECT_FALSE(test, outer->ops->is_guard(outer, 2 * PAGE_SIZE, &length));
	KUNIT_EXPECT_EQ(test, length, (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, iomd_complete(outer, 0), 0);
	iomd_release(outer);
	iomd_release(md);
	iomd_release(&fake->md);
	iomd_release(&next->md);
}

/*
 * What can be part of what
 */

static struct iomd *wrap_sub(struct iomd *md)
{
	return iomd_sub_with_sub_range(md, 0, 10, BOTH);
}

static struct iomd *wrap_multi(struct iomd *md)
{
	return iomd_multi_with_descriptors(&md, 1, BOTH, false);
}

static struct iomd *wrap_interleaved(struct iomd *md)
{
	struct iomd *outer = iomd_interleaved_with_capacity(1, BOTH);
	int ret;

	if (IS_ERR(outer))
		return outer;
	ret = add(outer, md);
	if (ret) {
		iomd_release(outer);
		return ERR_PTR(ret);
	}
	return outer;
}

static struct iomd *(* const wraps[])(struct iomd *md) = {
	wrap_sub, wrap_multi, wrap_interleaved,
};

/* @md in @levels composites; it is given away. */
static struct iomd *bury(struct kunit *test, struct iomd *md, unsigned int levels)
{
	while (levels--) {
		struct iomd *outer = made(test, wraps[levels % ARRAY_SIZE(wraps)](md));

		iomd_release(md);
		md = outer;
	}
	return md;
}

static struct iomd *ten_bytes(struct kunit *test)
{
	return made(test, iomd_with_physical_address(0x10000, 10, BOTH));
}

static void nesting_has_a_limit(struct kunit *test)
{
	struct iomd *md = bury(test, ten_bytes(test), 8);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0x10000ULL);
	for (i = 0; i < ARRAY_SIZE(wraps); i++)
		expect_refusal(test, wraps[i](md), -ELOOP);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&md->object), 1U);
	iomd_release(md);
}

/* Who gives a deep part up is no longer deep. */
static void depth_is_that_of_the_present_parts(struct kunit *test)
{
	struct iomd *deep = bury(test, ten_bytes(test), 7), *flat = ten_bytes(test);
	struct iomd *md;

	md = interleaved(test, 1);
	KUNIT_EXPECT_EQ(test, add(md, deep), 0);
	expect_refusal(test, wrap_sub(md), -ELOOP);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_clear_memory_descriptors(md, 0), 0);
	KUNIT_EXPECT_EQ(test, add(md, flat), 0);
	iomd_release(bury(test, md, 7));

	md = made(test, wrap_sub(deep));
	expect_refusal(test, wrap_sub(md), -ELOOP);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(md, flat, 0, 10, BOTH), 0);
	iomd_release(bury(test, md, 7));

	md = made(test, wrap_multi(deep));
	expect_refusal(test, wrap_sub(md), -ELOOP);
	/* Not even a failure makes it shallower than it is. */
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, &md, 1, BOTH, false), -EBUSY);
	expect_refusal(test, wrap_sub(md), -ELOOP);
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(md, &flat, 1, BOTH, false), 0);
	iomd_release(bury(test, md, 7));
	iomd_release(flat);
	iomd_release(deep);
}

static void nothing_is_part_of_itself(struct kunit *test)
{
	struct iomd *a = interleaved(test, 4), *b = interleaved(test, 4), *c = interleaved(test, 4);
	struct iomd *sub, *multi;

	KUNIT_EXPECT_EQ(test, add(a, a), -EBUSY);
	KUNIT_EXPECT_EQ(test, add(a, b), 0);
	KUNIT_EXPECT_EQ(test, add(b, a), -EBUSY);
	KUNIT_EXPECT_EQ(test, add(c, a), 0);
	KUNIT_EXPECT_EQ(test, add(b, c), -EBUSY);
	KUNIT_EXPECT_EQ(test, add(a, c), -EBUSY);
	sub = sub_of(test, c, 0, 0);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(sub, sub, 0, 0, BOTH), -EBUSY);
	multi = multi_of(test, &sub, 1);
	KUNIT_EXPECT_EQ(test, iomd_sub_init_sub_range(sub, multi, 0, 0, BOTH), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(multi, &multi, 1, BOTH, false),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, add(b, multi), -EBUSY);
	iomd_release(multi);
	iomd_release(sub);
	iomd_release(c);
	iomd_release(a);
	iomd_release(b);
}

/* Two threads that would each put the one into the other: at most one succeeds. */
struct knot {
	struct iomd *one, *other;
	int results[3];
};

static void tie(void *data)
{
	struct knot *knot = data;
	int ret = add(knot->one, knot->other);

	knot->results[ret == 0 ? 0 : ret == -EBUSY ? 1 : 2]++;
	/* The other thread's attempt makes it a part for a moment. */
	while (!ret && iomd_interleaved_clear_memory_descriptors(knot->one, 0) == -EBUSY)
		cond_resched();
}

static void nor_when_two_threads_want_it(struct kunit *test)
{
	struct iomd *a = interleaved(test, 1), *b = interleaved(test, 1);
	struct knot one = { a, b }, other = { b, a };
	unsigned int round;
	struct worker worker;

	worker_start(test, &worker, tie, &one);
	for (round = 0; round < 20000; round++)
		tie(&other);
	worker_stop(&worker);
	KUNIT_EXPECT_EQ(test, one.results[2] + other.results[2], 0);
	KUNIT_EXPECT_GT(test, one.results[0] + other.results[0], 0);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&a->object), 1U);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&b->object), 1U);
	iomd_release(a);
	iomd_release(b);
}

static void what_is_a_part_does_not_change(struct kunit *test)
{
	struct iomd_address_range range = { 0x20000, 5 };
	struct iomd *leaf = ten_bytes(test), *outer;
	u64 options = BOTH | IOMD_MEMORY_TYPE_PHYSICAL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wraps); i++) {
		outer = made(test, wraps[i](leaf));
		KUNIT_EXPECT_EQ(test, iomd_init_with_options(leaf, &range, 1, 0, NULL, options,
							     NULL), -EBUSY);
		KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(outer), 0x10000ULL);
		iomd_release(outer);
	}
	KUNIT_EXPECT_EQ(test, iomd_init_with_options(leaf, &range, 1, 0, NULL, options, NULL), 0);
	iomd_release(leaf);
}

static void release_it(void *data)
{
	iomd_release(data);
}

/* However deep, and wherever the last reference is given back. */
static void parts_last_as_long_as_the_whole(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd *md = bury(test, &fake->md, 8);

	os_object_barrier();
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&fake->md.object), 1U);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md),
			(u64)page_to_phys(fake->pages[0]));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	call_in_hard_irq(test, release_it, md);
	os_object_barrier();
	fixture_expect_nothing_taken(test);
}

/*
 * Preparations and users
 */

struct trio {
	struct fake *fakes[3];
	struct iomd *parts[3];
	struct iomd *md;
};

/* A multi of [a, sub of an interleaved of b, c]. */
static void trio_make(struct trio *trio, struct kunit *test)
{
	struct iomd *inner, *parts[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		trio->fakes[i] = fake_make(test, 'a' + i, 1, BOTH);
		trio->parts[i] = &trio->fakes[i]->md;
		parts[i] = trio->parts[i];
	}
	inner = made(test, wrap_interleaved(parts[1]));
	parts[1] = made(test, wrap_sub(inner));
	trio->md = multi_of(test, parts, 3);
	iomd_release(inner);
	iomd_release(parts[1]);
}

static void trio_free(struct trio *trio)
{
	unsigned int i;

	iomd_release(trio->md);
	for (i = 0; i < 3; i++)
		iomd_release(trio->parts[i]);
}

static int begin_use(struct iomd *md)
{
	return md->ops->set_in_use(md, true);
}

static void end_use(struct kunit *test, struct iomd *md)
{
	KUNIT_EXPECT_EQ(test, md->ops->set_in_use(md, false), 0);
}

static void a_nested_prepare_is_rolled_back(struct kunit *test)
{
	struct trio trio;

	trio_make(&trio, test);
	trio.fakes[2]->prepare_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), -EXDEV);
	fake_expect_log(test, "papbPccbca");
	trio.fakes[1]->prepare_error = -EFBIG;
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), -EFBIG);
	fake_expect_log(test, "paPbca");
	trio.fakes[1]->prepare_error = 0;
	trio.fakes[2]->prepare_error = 0;
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	fake_expect_log(test, "papbpccacbcc");
	trio_free(&trio);
}

static void unknown_bits_reach_nobody(struct kunit *test)
{
	struct trio trio;

	trio_make(&trio, test);
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, IOMD_MEMORY_PAGEABLE), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, IOMD_MEMORY_PAGEABLE), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, IOMD_DIRECTION_COMPLETE_WITH_ERROR), 0);
	fake_expect_log(test, "papbpccacbcc");
	trio_free(&trio);
}

static void all_parts_are_used_or_none(struct kunit *test)
{
	struct trio trio;
	unsigned int i;

	trio_make(&trio, test);
	KUNIT_ASSERT_EQ(test, iomd_prepare(trio.md, 0), 0);
	fake_expect_log(test, "papbpc");
	trio.fakes[2]->use_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), -EAGAIN);
	fake_expect_log(test, "uaubUcvbva");
	trio.fakes[0]->use_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), -EAGAIN);
	fake_expect_log(test, "Ua");
	trio.fakes[0]->use_error = 0;
	trio.fakes[2]->use_error = 0;
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, trio.fakes[i]->users, 2U);
	end_use(test, trio.md);
	end_use(test, trio.md);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, trio.fakes[i]->users, 0U);
	fake_expect_log(test, "uaubucuaubucvavbvcvavbvc");
	/* Those who failed are not counted. */
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	trio_free(&trio);
}

static void a_complete_is_refused_as_a_whole(struct kunit *test)
{
	struct trio trio;

	trio_make(&trio, test);
	KUNIT_ASSERT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	fake_expect_log(test, "papbpcpapbpcuaubucuaubuccacbcc");
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), -EBUSY);
	end_use(test, trio.md);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), -EBUSY);
	fake_expect_log(test, "vavbvc");
	end_use(test, trio.md);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	expect_warning_once("iomd: complete without a prepare");
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), -EAGAIN);
	fake_expect_log(test, "vavbvccacbcc");
	trio_free(&trio);
}

/* Parts that are prepared for themselves, as buffers are from birth. */
static void a_use_may_rest_on_the_parts_own_preparations(struct kunit *test)
{
	struct trio trio;
	unsigned int i;

	trio_make(&trio, test);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, iomd_prepare(trio.parts[i], 0), 0);
	/* A device has it for long; another use, prepared for, comes and goes. */
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), -EBUSY);
	end_use(test, trio.md);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	/* Once more, the long one ending in between. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(trio.md, 0), 0);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	end_use(test, trio.md);
	end_use(test, trio.md);
	KUNIT_EXPECT_EQ(test, begin_use(trio.md), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), -EBUSY);
	end_use(test, trio.md);
	KUNIT_EXPECT_EQ(test, iomd_complete(trio.md, 0), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, trio.fakes[i]->prepared, 1U);
		KUNIT_EXPECT_EQ(test, trio.fakes[i]->users, 0U);
		KUNIT_EXPECT_EQ(test, iomd_complete(trio.parts[i], 0), 0);
	}
	trio_free(&trio);
}

static bool is_prepared(struct iomd *md)
{
	return iomd_get_preparation_id(md) != IOMD_PREPARATION_ID_UNPREPARED;
}

/*
 * A multi of [a, sub of an interleaved of [b, a guard], physical memory, a, c], of which
 * the parts with names are kernel memory.
 */
struct chain {
	struct leaf leaves[3];
	struct iomd *named[3], *guard, *inner, *physical, *sub, *md;
};

static void chain_make(struct chain *chain, struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		leaf_make(&chain->leaves[i], test, 1);
		chain->named[i] = made(test, leaf_describe(&chain->leaves[i], BOTH));
	}
	chain->guard = made(test, iomd_guard_page_with_size(1));
	chain->physical = made(test, iomd_with_physical_address(NO_RAM, PAGE_SIZE, BOTH));
	chain->inner = interleaved(test, 2);
	KUNIT_ASSERT_EQ(test, add(chain->inner, chain->named[1]), 0);
	KUNIT_ASSERT_EQ(test, add(chain->inner, chain->guard), 0);
	chain->sub = sub_of(test, chain->inner, 0, PAGE_SIZE);
	chain->md = multi_of(test, (struct iomd *[]) {
		chain->named[0], chain->sub, chain->physical, chain->named[0], chain->named[2],
	}, 5);
}

static void chain_free(struct chain *chain)
{
	unsigned int i;

	iomd_release(chain->md);
	iomd_release(chain->sub);
	iomd_release(chain->inner);
	iomd_release(chain->physical);
	iomd_release(chain->guard);
	for (i = 0; i < 3; i++) {
		iomd_release(chain->named[i]);
		leaf_free(&chain->leaves[i]);
	}
}

/* The first part is in it twice; how often that and the others are prepared. */
static void chain_expect(struct kunit *test, const struct chain *chain, unsigned int times)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		unsigned int left = i ? times : 2 * times;

		while (left--)
			KUNIT_EXPECT_EQ(test, iomd_complete(chain->named[i], 0), 0);
		KUNIT_EXPECT_FALSE(test, is_prepared(chain->named[i]));
		for (left = i ? times : 2 * times; left; left--)
			KUNIT_EXPECT_EQ(test, iomd_prepare(chain->named[i], 0), 0);
	}
	KUNIT_EXPECT_EQ(test, is_prepared(chain->guard), times > 0);
}

/* Somebody uses one part for himself, under a preparation that is the whole's. */
static void a_part_in_use_keeps_the_whole(struct kunit *test)
{
	struct chain chain;
	unsigned int i;

	chain_make(&chain, test);
	expect_warning_once("iomd: complete while the memory is mapped");
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
		KUNIT_ASSERT_EQ(test, begin_use(chain.named[i]), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EBUSY);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EBUSY);
		end_use(test, chain.named[i]);
		chain_expect(test, &chain, 1);
		/* The whole knows that it is prepared, and what for. */
		KUNIT_EXPECT_EQ(test, iomd_multi_init_with_descriptors(chain.md, chain.named,
								       3, BOTH, false), -EBUSY);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), 0);
		chain_expect(test, &chain, 0);
	}
	/* All but the last may go meanwhile. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
	KUNIT_ASSERT_EQ(test, begin_use(chain.named[2]), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EBUSY);
	end_use(test, chain.named[2]);
	chain_expect(test, &chain, 1);
	KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), 0);
	chain_expect(test, &chain, 0);
	chain_free(&chain);
}

static void a_part_completed_behind_its_back_keeps_the_whole(struct kunit *test)
{
	struct chain chain;
	unsigned int i;

	chain_make(&chain, test);
	expect_warning_once("iomd: complete without a prepare");
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
		KUNIT_ASSERT_EQ(test, iomd_complete(chain.named[i], 0), 0);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EAGAIN);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EAGAIN);
		KUNIT_ASSERT_EQ(test, iomd_prepare(chain.named[i], 0), 0);
		chain_expect(test, &chain, 1);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), 0);
		chain_expect(test, &chain, 0);
	}
	chain_free(&chain);
}

/* A mapping's own preparation of the whole, on which other uses rest when it ends. */
static void what_is_handed_over_ends_with_the_last_use(struct kunit *test)
{
	struct chain chain;
	unsigned int i;

	chain_make(&chain, test);
	expect_warning_once("iomd: complete without a prepare");
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
		KUNIT_ASSERT_EQ(test, begin_use(chain.md), 0);
		KUNIT_ASSERT_EQ(test, begin_use(chain.sub), 0);
		chain.md->ops->hand_over(chain.md);
		KUNIT_EXPECT_TRUE(test, is_prepared(chain.named[0]));
		KUNIT_EXPECT_TRUE(test, is_prepared(chain.guard));
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EAGAIN);
		KUNIT_EXPECT_EQ(test, iomd_complete(chain.named[0], 0), -EAGAIN);
		/* A preparation that comes and goes is refused to go first. */
		if (i) {
			KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
			expect_warning_once("iomd: complete while the memory is mapped");
			KUNIT_EXPECT_EQ(test, iomd_complete(chain.md, 0), -EBUSY);
			chain.md->ops->hand_over(chain.md);
		}
		end_use(test, chain.md);
		os_object_barrier();
		KUNIT_EXPECT_FALSE(test, is_prepared(chain.named[0]));
		KUNIT_EXPECT_TRUE(test, is_prepared(chain.named[1]));
		KUNIT_EXPECT_FALSE(test, is_prepared(chain.named[2]));
		KUNIT_EXPECT_TRUE(test, is_prepared(chain.guard));
		end_use(test, chain.sub);
		os_object_barrier();
		chain_expect(test, &chain, 0);
	}
	/* With nobody else it is a complete, and one too many is as ever. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(chain.md, 0), 0);
	chain.sub->ops->hand_over(chain.sub);
	KUNIT_ASSERT_EQ(test, iomd_prepare(chain.sub, 0), 0);
	chain.md->ops->hand_over(chain.md);
	chain_expect(test, &chain, 0);
	chain.md->ops->hand_over(chain.md);
	chain.named[0]->ops->hand_over(chain.named[0]);
	chain_expect(test, &chain, 0);
	chain_free(&chain);
}

/* A part that is asked after others, and looks at them then. */
static struct {
	struct kunit *test;
	struct iomd *leaf;
	int answer;
	/* A use is to last. */
	bool stays;
} onlooker;

/* What others find of memory whose complete can't be refused, and has not come yet. */
static int look_on(struct iomd *md)
{
	struct kunit *test = onlooker.test;
	struct iomd *leaf = onlooker.leaf;
	u64 id = iomd_get_preparation_id(leaf), resident;
	u8 byte;

	/* To read it is no use; who prepares it finds it as it is. */
	KUNIT_EXPECT_GE(test, id, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(leaf, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(leaf, &resident, NULL), 0);
	KUNIT_EXPECT_EQ(test, begin_use(leaf), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_complete(leaf, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(leaf, 0), 0);
	KUNIT_EXPECT_EQ(test, begin_use(leaf), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(leaf, 0), -EBUSY);
	end_use(test, leaf);
	KUNIT_EXPECT_EQ(test, iomd_complete(leaf, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(leaf), id);
	/* So does a mapping that ends, and leaves its preparation to a device. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(leaf, 0), 0);
	KUNIT_EXPECT_EQ(test, begin_use(leaf), 0);
	leaf->ops->hand_over(leaf);
	if (!onlooker.stays)
		end_use(test, leaf);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(leaf), id);
	return onlooker.answer;
}

static int complete_looker(struct iomd *md, u64 direction)
{
	return md->ops->complete(md, direction);
}

static void cancel_looker(struct iomd *md)
{
}

static void a_complete_that_is_reserved(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd_ops ops = *fake->md.ops;
	struct iomd *md, *leaf;
	struct leaf memory;

	ops.reserve_complete = look_on;
	ops.complete_reserved = complete_looker;
	ops.cancel_complete = cancel_looker;
	fake->md.ops = &ops;
	leaf_make(&memory, test, 1);
	leaf = made(test, leaf_describe(&memory, BOTH));
	onlooker.test = test;
	onlooker.leaf = leaf;
	expect_warning_once("iomd: complete without a prepare");
	expect_warning_once("iomd: complete while the memory is mapped");
	md = multi_of(test, (struct iomd *[]) { leaf, leaf, &fake->md }, 3);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	onlooker.answer = -EIO;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EIO);
	fake_expect_log(test, "pa");
	KUNIT_EXPECT_TRUE(test, is_prepared(leaf));
	onlooker.stays = true;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EIO);
	/* It rests on the preparation that remains, by now. */
	end_use(test, leaf);
	os_object_barrier();
	KUNIT_EXPECT_TRUE(test, is_prepared(leaf));
	onlooker.answer = 0;
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	fake_expect_log(test, "ca");
	KUNIT_EXPECT_TRUE(test, is_prepared(leaf));
	KUNIT_EXPECT_EQ(test, iomd_complete(leaf, 0), -EAGAIN);
	end_use(test, leaf);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, is_prepared(leaf));
	onlooker.stays = false;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	fake_expect_log(test, "paca");
	KUNIT_EXPECT_FALSE(test, is_prepared(leaf));
	KUNIT_EXPECT_EQ(test, iomd_complete(leaf, 0), -EAGAIN);
	iomd_release(md);
	iomd_release(leaf);
	iomd_release(&fake->md);
	leaf_free(&memory);
}

/* It took that over, and gives it to those who use the memory again. */
static void a_prepare_that_fails_keeps_what_is_owed(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd *md, *leaf;
	struct leaf memory;

	leaf_make(&memory, test, 1);
	leaf = made(test, leaf_describe(&memory, BOTH));
	md = multi_of(test, (struct iomd *[]) { leaf, &fake->md }, 2);
	/* A mapping's preparation; a device rests on it; the mapping ends. */
	KUNIT_ASSERT_EQ(test, iomd_prepare(leaf, 0), 0);
	KUNIT_ASSERT_EQ(test, begin_use(leaf), 0);
	leaf->ops->hand_over(leaf);
	fake->prepare_error = -EIO;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EIO);
	end_use(test, leaf);
	os_object_barrier();
	KUNIT_EXPECT_FALSE(test, is_prepared(leaf));
	iomd_release(md);
	iomd_release(leaf);
	iomd_release(&fake->md);
	leaf_free(&memory);
}

/* Its complete sleeps, while somebody begins to use the next part. */
static struct iomd *next_part;
static struct iomd_dma_map *next_map;

static int complete_and_use_next(struct iomd *md, u64 direction)
{
	next_map = iomd_dma_map(next_part, fake_device(onlooker.test), 0, PAGE_SIZE, 0);
	KUNIT_ASSERT_EQ(onlooker.test, PTR_ERR_OR_ZERO(next_map), 0);
	return 0;
}

static void a_use_that_begins_in_between(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH), *plain = fake_make_plain(test, 1, BOTH);
	struct iomd_ops ops = *fake->md.ops;
	struct iomd *md;

	ops.complete = complete_and_use_next;
	fake->md.ops = &ops;
	onlooker.test = test;
	next_part = &plain->md;
	md = multi_of(test, (struct iomd *[]) { &fake->md, &plain->md }, 2);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	iomd_complete(md, 0);
	/* A device uses it. */
	KUNIT_EXPECT_EQ(test, plain->prepared, 1U);
	iomd_dma_unmap(next_map);
	iomd_release(md);
	iomd_release(&fake->md);
	iomd_release(&plain->md);
}

static void a_device_uses_all_parts(struct kunit *test)
{
	struct iomd *parts[2], *multi, *md;
	struct leaf leaves[2];
	struct iomd_dma_map *map;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		leaf_make(&leaves[i], test, 4);
		parts[i] = made(test, leaf_describe(&leaves[i], BOTH));
	}
	multi = multi_of(test, parts, 2);
	md = made(test, wrap_interleaved(multi));
	/* Half prepared is not prepared. */
	for (i = 0; i < 2; i++) {
		map = iomd_dma_map(md, fake_device(test), 0, iomd_get_length(md), 0);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(map), -EAGAIN);
		KUNIT_ASSERT_EQ(test, iomd_prepare(parts[i], 0), 0);
	}
	map = iomd_dma_map(md, fake_device(test), 0, iomd_get_length(md), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_complete(parts[i], 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_dma_unmap(map);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_complete(parts[i], 0), 0);
	iomd_release(md);
	iomd_release(multi);
	for (i = 0; i < 2; i++) {
		iomd_release(parts[i]);
		leaf_free(&leaves[i]);
	}
}

static void preparation_ids_go_through(struct kunit *test)
{
	struct fake *fake = fake_make(test, 'a', 1, BOTH);
	struct iomd *sub = sub_of(test, &fake->md, 0, 10);
	struct iomd *multi = multi_of(test, (struct iomd *[]) { sub, &fake->md }, 2);
	struct iomd *outer = sub_of(test, multi, 0, 10), *without;
	u64 first;

	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(outer), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&fake->md, 0), 0);
	first = iomd_get_preparation_id(outer);
	KUNIT_EXPECT_GE(test, first, BIT_ULL(32));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(outer), first);
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(outer), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(&fake->md, 0), 0);
	KUNIT_EXPECT_NE(test, iomd_get_preparation_id(outer), first);
	without = made(test, wrap_interleaved(multi));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(without), IOMD_PREPARATION_ID_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, iomd_complete(&fake->md, 0), 0);
	iomd_release(without);
	iomd_release(outer);
	iomd_release(multi);
	iomd_release(sub);
	iomd_release(&fake->md);
}

/* Several threads at once, above and below, with real pages. */
struct crowd {
	struct kunit *test;
	struct iomd *md;
	unsigned int rounds;
};

static void prepare_walk_complete(void *data)
{
	struct crowd *crowd = data;
	struct iomd_segment_iter iter;
	u64 bytes = 0;
	int ret;

	if (iomd_prepare(crowd->md, 0)) {
		KUNIT_FAIL(crowd->test, "not prepared");
		return;
	}
	iomd_for_each_segment(iter, crowd->md, 0, U64_MAX)
		bytes += iter.length;
	KUNIT_EXPECT_EQ(crowd->test, bytes, iomd_get_length(crowd->md));
	ret = crowd->md->ops->set_in_use(crowd->md, true);
	KUNIT_EXPECT_EQ(crowd->test, ret, 0);
	if (!ret)
		crowd->md->ops->set_in_use(crowd->md, false);
	KUNIT_EXPECT_EQ(crowd->test, iomd_complete(crowd->md, 0), 0);
	WRITE_ONCE(crowd->rounds, crowd->rounds + 1);
}

static void many_threads(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_address_range range;
	struct iomd *mds[4], *user, *kernel;
	struct crowd crowds[4];
	struct worker workers[3];
	struct area area;
	struct leaf leaf;
	unsigned int i;

	area_make(&area, puppet, AREA_SCATTERED, 8);
	range = area_range(&area, 10, 7 * PAGE_SIZE);
	user = made(test, iomd_with_address_range(range.address, range.length, BOTH,
						  puppet->task));
	leaf_make(&leaf, test, 4);
	kernel = made(test, leaf_describe(&leaf, BOTH));
	mds[0] = user;
	mds[1] = sub_of(test, user, PAGE_SIZE, 3 * PAGE_SIZE);
	mds[2] = multi_of(test, (struct iomd *[]) { kernel, mds[1], user }, 3);
	mds[3] = made(test, wrap_interleaved(mds[2]));
	for (i = 0; i < 4; i++)
		crowds[i] = (struct crowd) { test, mds[i] };
	for (i = 0; i < 3; i++)
		worker_start(test, &workers[i], prepare_walk_complete, &crowds[i]);
	for (i = 0; i < 4; i++)
		while (READ_ONCE(crowds[i].rounds) < 100) {
			prepare_walk_complete(&crowds[3]);
			cond_resched();
		}
	for (i = 0; i < 3; i++)
		worker_stop(&workers[i]);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&puppet->mm->pinned_vm), 0L);
	for (i = 4; i--; )
		iomd_release(mds[i]);
	iomd_release(kernel);
	leaf_free(&leaf);
}

/*
 * Failures
 */

static int give_back(struct iomd **mds, unsigned int count, int ret)
{
	while (count--)
		iomd_release(mds[count]);
	return ret;
}

static int make_and_prepare(struct kunit *test, void *data)
{
	const struct leaf *leaves = data;
	struct iomd *mds[7] = {};
	unsigned int i;
	int ret;

	for (i = 0; i < 7; i++) {
		switch (i) {
		case 0:
		case 1:
			mds[i] = leaf_describe(&leaves[i], BOTH);
			break;
		case 2:
			mds[i] = iomd_sub_with_sub_range(mds[0], 1, 20 * PAGE_SIZE, BOTH);
			break;
		case 3:
			mds[i] = iomd_multi_with_descriptors(mds + 1, 2, BOTH, false);
			break;
		case 4:
			mds[i] = wrap_interleaved(mds[3]);
			break;
		case 5:
			mds[i] = iomd_guard_page_with_size(1);
			break;
		default:
			mds[i] = iomd_multi_with_descriptors(mds + 3, 3, BOTH, false);
		}
		if (IS_ERR(mds[i]))
			return give_back(mds, i, PTR_ERR(mds[i]));
	}
	ret = iomd_prepare(mds[6], 0);
	for (i = 0; ret && i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(mds[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
	if (ret)
		KUNIT_EXPECT_EQ(test, iomd_prepare(mds[6], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(mds[6], 0), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(mds[i]),
				IOMD_PREPARATION_ID_UNPREPARED);
	return give_back(mds, 7, ret);
}

static void every_step_may_fail(struct kunit *test)
{
	struct leaf leaves[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		leaf_make(&leaves[i], test, 30);
	/* Objects, lists of parts, and what the leaves need to be prepared. */
	KUNIT_EXPECT_GE(test, fail_each_step(test, make_and_prepare, leaves), 7U + 3U + 2U);
	for (i = 0; i < 2; i++)
		leaf_free(&leaves[i]);
}

/* User memory, pinned in small batches: each of them fails once. */
struct pinned {
	struct puppet *puppet;
	struct area area;
};

static int pin_in_parts(struct kunit *test, void *data)
{
	struct pinned *pinned = data;
	struct iomd_address_range range = area_range(&pinned->area, 0, 30 * PAGE_SIZE);
	struct iomd *mds[3];
	int ret;

	mds[0] = iomd_with_address_range(range.address, range.length, BOTH, pinned->puppet->task);
	if (IS_ERR(mds[0]))
		return PTR_ERR(mds[0]);
	mds[1] = iomd_with_address_range(range.address + 100, 900, BOTH, pinned->puppet->task);
	if (IS_ERR(mds[1]))
		return give_back(mds, 1, PTR_ERR(mds[1]));
	mds[2] = iomd_multi_with_descriptors(mds, 2, BOTH, false);
	if (IS_ERR(mds[2]))
		return give_back(mds, 2, PTR_ERR(mds[2]));
	ret = iomd_prepare(mds[2], 0);
	if (!ret)
		KUNIT_EXPECT_EQ(test, iomd_complete(mds[2], 0), 0);
	KUNIT_EXPECT_EQ(test, (long)atomic64_read(&pinned->puppet->mm->pinned_vm), 0L);
	return give_back(mds, 3, ret);
}

static void every_pin_may_fail(struct kunit *test)
{
	struct pinned pinned = { .puppet = puppet_start(test) };

	area_make(&pinned.area, pinned.puppet, AREA_SCATTERED, 30);
	iomd_knob_pin_batch = 3;
	KUNIT_EXPECT_GE(test, fail_each_step(test, pin_in_parts, &pinned), 4U + 2U + 11U);
}

static struct kunit_case composite_cases[] = {
	KUNIT_CASE(an_external_class_is_a_part_like_others),
	KUNIT_CASE(a_list_and_pieces_of_it),
	KUNIT_CASE(random_nests),
	KUNIT_CASE(a_walk_goes_on_in_the_leafs_list),
	KUNIT_CASE(a_part_that_shrinks_leaves_a_gap),
	KUNIT_CASE(nesting_has_a_limit),
	KUNIT_CASE(depth_is_that_of_the_present_parts),
	KUNIT_CASE(nothing_is_part_of_itself),
	KUNIT_CASE(nor_when_two_threads_want_it),
	KUNIT_CASE(what_is_a_part_does_not_change),
	KUNIT_CASE(parts_last_as_long_as_the_whole),
	KUNIT_CASE(a_nested_prepare_is_rolled_back),
	KUNIT_CASE(unknown_bits_reach_nobody),
	KUNIT_CASE(all_parts_are_used_or_none),
	KUNIT_CASE(a_complete_is_refused_as_a_whole),
	KUNIT_CASE(a_use_may_rest_on_the_parts_own_preparations),
	KUNIT_CASE(a_part_in_use_keeps_the_whole),
	KUNIT_CASE(a_part_completed_behind_its_back_keeps_the_whole),
	KUNIT_CASE(what_is_handed_over_ends_with_the_last_use),
	KUNIT_CASE(a_complete_that_is_reserved),
	KUNIT_CASE(a_prepare_that_fails_keeps_what_is_owed),
	KUNIT_CASE(a_device_uses_all_parts),
	KUNIT_CASE(preparation_ids_go_through),
	KUNIT_CASE(many_threads),
	KUNIT_CASE(every_step_may_fail),
	KUNIT_CASE(every_pin_may_fail),
	KUNIT_CASE(a_use_that_begins_in_between),
	{}
};

static struct kunit_suite composite_suite = {
	.name = "iomd_composite",
	.suite_init = fake_suite_init,
	.suite_exit = fake_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = composite_cases,
};

kunit_test_suite(composite_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of descriptors made of others");
MODULE_LICENSE("GPL");
