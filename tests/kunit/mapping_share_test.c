// SPDX-License-Identifier: GPL-2.0
/*
 * Which requests share a mapping, and what comes of it.
 */
#include <linux/module.h>

#include <asm/unistd.h>

#include "maps.h"

/* Ask for more of the same descriptor as there is a mapping of. */
static struct iomd_mapping *ask(struct iomd *md, struct task_struct *task, unsigned long at,
				u64 options, u64 offset, u64 length)
{
	return iomd_create_mapping_in_task(md, task, at, options, offset, length);
}

static void expect_same(struct kunit *test, struct iomd_mapping *mapping,
			struct iomd_mapping *existing)
{
	mapped(test, mapping);
	KUNIT_EXPECT_PTR_EQ(test, mapping, existing);
	iomd_mapping_release(mapping);
}

static void expect_inside(struct kunit *test, struct iomd_mapping *mapping,
			  struct iomd_mapping *existing, u64 difference, u64 length)
{
	mapped(test, mapping);
	KUNIT_EXPECT_PTR_NE(test, mapping, existing);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping),
			iomd_mapping_get_address(existing) + difference);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), length);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(mapping),
			iomd_mapping_get_offset(existing) + difference);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping),
			    iomd_mapping_get_memory_descriptor(existing));
	iomd_mapping_release(mapping);
}

static void expect_other(struct kunit *test, struct iomd_mapping *mapping,
			 struct iomd_mapping *existing)
{
	mapped(test, mapping);
	KUNIT_EXPECT_PTR_NE(test, mapping, existing);
	KUNIT_EXPECT_NE(test, iomd_mapping_get_address(mapping) & PAGE_MASK,
			iomd_mapping_get_address(existing) & PAGE_MASK);
	end_mapping(mapping);
}

static void requests_of_the_kernel(struct kunit *test)
{
	struct iomd_mapping *existing, *guarded, *read_only;
	unsigned long address;
	struct area area;
	struct iomd *md = user_memory(test, &area, 4);

	existing = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	address = iomd_mapping_get_address(existing);
	expect_same(test, ask(md, KERNEL, 0, ANY, 0, 4 * P), existing);
	expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_PREFAULT, 0, 0), existing);
	expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), existing);
	expect_same(test, ask(md, KERNEL, address, 0, 0, 0), existing);
	expect_inside(test, ask(md, KERNEL, 0, ANY, P, P), existing, P, P);
	expect_inside(test, ask(md, KERNEL, 0, ANY, 3 * P + 5, P - 5), existing, 3 * P + 5, P - 5);
	expect_inside(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 1), existing, 0, 1);
	expect_inside(test, ask(md, KERNEL, address + P, 0, P, P), existing, P, P);
	/* What an address is compared with is that of the part which is asked for. */
	expect_unmapped(test, ask(md, KERNEL, address, 0, P, P), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, KERNEL, address + P, 0, 0, 0), -EOPNOTSUPP);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY, P, 4 * P), -EINVAL);
	expect_other(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_UNIQUE, 0, 0), existing);

	read_only = mapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_READ_ONLY, 0, 0));
	KUNIT_EXPECT_PTR_NE(test, read_only, existing);
	expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_READ_ONLY, 0, 0), read_only);
	guarded = ask(md, KERNEL, 0, ANY | IOMD_MAP_GUARDED_SMALL, 0, 0);
	if (HAVE_GUARDS) {
		KUNIT_EXPECT_PTR_NE(test, mapped(test, guarded), existing);
		expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_GUARDED_SMALL, 0, 0), guarded);
		expect_other(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_GUARDED_LARGE, 0, 0),
			     guarded);
		iomd_mapping_release(guarded);
	} else {
		expect_unmapped(test, guarded, -EOPNOTSUPP);
	}
	expect_same(test, ask(md, KERNEL, 0, ANY, 0, 0), existing);
	iomd_mapping_release(read_only);
	iomd_mapping_release(existing);
	iomd_release(md);
}

static void what_is_not_there(struct kunit *test)
{
	struct iomd_mapping *existing;
	struct area area;
	struct iomd *md = user_memory(test, &area, 4);

	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	existing = mapped(test, ask(md, KERNEL, 0, ANY, P, P));
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, P, P + 1), -ENOENT);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE | IOMD_MAP_READ_ONLY,
				  P, P), -ENOENT);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE | IOMD_MAP_UNIQUE,
				  P, P), -ENOENT);
	expect_unmapped(test, ask(md, area.puppet->task, 0, ANY | IOMD_MAP_REFERENCE, P, P),
			-ENOENT);
	expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, P, P), existing);
	/* What is unmapped is not there, though somebody holds it. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(existing), 0);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, P, P), -ENOENT);
	iomd_mapping_release(existing);
	iomd_release(md);
}

static void unique_ones_are_never_shared(struct kunit *test)
{
	struct iomd_mapping *unique, *other;
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);

	unique = mapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_UNIQUE, 0, 0));
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	other = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	KUNIT_EXPECT_PTR_NE(test, other, unique);
	expect_other(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_UNIQUE, 0, 0), unique);
	iomd_mapping_release(other);
	iomd_mapping_release(unique);
	iomd_release(md);
}

static void bytes_are_compared_not_pages(struct kunit *test)
{
	struct iomd_mapping *existing;
	struct area area;
	struct iomd *md = user_memory(test, &area, 1);

	existing = mapped(test, ask(md, KERNEL, 0, ANY, 0, 100));
	expect_other(test, ask(md, KERNEL, 0, ANY, 0, P), existing);
	expect_other(test, ask(md, KERNEL, 0, ANY, 1, 100), existing);
	expect_inside(test, ask(md, KERNEL, 0, ANY, 1, 99), existing, 1, 99);
	iomd_mapping_release(existing);
	iomd_release(md);
}

static void cache_modes(struct kunit *test)
{
	struct iomd *md = iomd_buffer_with_options(BOTH | IOMD_MAP_WRITE_COMBINE_CACHE, 4 * P, 0);
	struct iomd_mapping *existing;

	if (!HAVE_CACHE_MODES) {
		expect_refusal(test, md, -EOPNOTSUPP);
		return;
	}
	made(test, md);
	existing = mapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, 0, 0));
	/* Default is whatever is there, and it is write-combined. */
	expect_same(test, ask(md, KERNEL, 0, ANY, 0, 0), existing);
	expect_same(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, 0, 0), existing);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_COPYBACK_CACHE, 0, 0),
			-EOPNOTSUPP);
	iomd_mapping_release(existing);
	/* An existing default one does not do for who wants to be sure. */
	existing = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	expect_other(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_WRITE_COMBINE_CACHE, 0, 0), existing);
	iomd_mapping_release(existing);
	iomd_release(md);
	os_object_barrier();
}

static void parts_hold_the_whole(struct kunit *test)
{
	struct iomd_mapping *whole, *part, *part_of_part;
	struct area area;
	struct iomd *md = user_memory(test, &area, 4);
	u64 length;

	whole = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	part = mapped(test, ask(md, KERNEL, 0, ANY, P + 1, 2 * P));
	part_of_part = mapped(test, ask(md, KERNEL, 0, ANY, 2 * P, P));
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(part), KERNEL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_physical_address(part),
			iomd_get_physical_segment(md, P + 1, NULL, 0));
	iomd_mapping_get_physical_segment(part, 2 * P - 1, &length, 0);
	KUNIT_EXPECT_EQ(test, length, 1ULL);
	iomd_mapping_release(whole);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(part), P + 1, 2 * P), 2 * P);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(part_of_part), 2 * P, P), P);
	/* Unmapping a part frees nothing of the whole. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(part), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(part), 0UL);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(part_of_part), 2 * P, P), P);
	iomd_mapping_release(part);
	iomd_mapping_release(part_of_part);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	iomd_release(md);
}

static void parts_go_with_the_whole(struct kunit *test)
{
	struct iomd_mapping *whole, *part;
	struct area area;
	struct iomd *md = user_memory(test, &area, 4);

	whole = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	part = mapped(test, ask(md, KERNEL, 0, ANY, P, P));
	KUNIT_EXPECT_NE(test, iomd_mapping_get_address(part), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(whole), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(part), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(part), P);
	iomd_mapping_release(whole);
	iomd_mapping_release(part);
	iomd_release(md);
}

/*
 * Subs
 */

static void subs_map_through_their_parent(struct kunit *test)
{
	struct iomd_mapping *whole, *through, *sibling;
	struct iomd *sub, *other, *nested;
	struct area area;
	struct iomd *md = user_memory(test, &area, 8);

	sub = made(test, iomd_sub_with_sub_range(md, 2 * P + 10, 3 * P, BOTH));
	nested = made(test, iomd_sub_with_sub_range(sub, P, P, BOTH));
	other = made(test, iomd_sub_with_sub_range(md, 2 * P, 4 * P, BOTH));
	through = mapped(test, ask(sub, KERNEL, 0, ANY, 0, 0));
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(through), md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(through), 2 * P + 10);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(through), 3 * P);
	KUNIT_EXPECT_EQ(test, offset_in_page(bytes_of(through)), 10UL);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(through), 2 * P + 10, 3 * P), 3 * P);
	expect_same(test, ask(md, KERNEL, 0, ANY, 2 * P + 10, 3 * P), through);
	expect_inside(test, ask(nested, KERNEL, 0, ANY, 0, 0), through, P, P);
	sibling = mapped(test, ask(other, KERNEL, 0, ANY, 0, 0));
	expect_inside(test, ask(nested, KERNEL, 0, ANY, 5, 6), through, P + 5, 6);
	whole = mapped(test, ask(md, KERNEL, 0, ANY, 0, 0));
	expect_other(test, ask(sub, KERNEL, 0, ANY | IOMD_MAP_UNIQUE, 0, 0), whole);
	/* The sub's bounds hold, not the parent's. */
	expect_unmapped(test, ask(sub, KERNEL, 0, ANY, 1, 3 * P), -EINVAL);
	expect_unmapped(test, ask(sub, KERNEL, 0, ANY, P, 0), -EINVAL);
	expect_unmapped(test, ask(sub, KERNEL, 0, ANY, ~0ULL, 2), -EINVAL);
	expect_unmapped(test, ask(sub, KERNEL, 0, ANY, -(2 * P), 2 * P + 1), -EINVAL);
	iomd_mapping_release(whole);
	iomd_mapping_release(sibling);
	iomd_mapping_release(through);
	iomd_release(other);
	iomd_release(nested);
	iomd_release(sub);
	iomd_release(md);
}

/*
 * Mappings that were made elsewhere
 */

static void mappings_made_elsewhere(struct kunit *test)
{
	struct iomd_mapping *set, *again;
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);
	u8 elsewhere[8] = "here";
	unsigned long address = (unsigned long)elsewhere;

	set = mapped(test, iomd_set_mapping(md, KERNEL, address, 0));
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(set), address);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(set), 2 * P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(set), IOMD_MAP_STATIC);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(set), KERNEL);
	expect_same(test, iomd_map(md, 0), set);
	expect_same(test, ask(md, KERNEL, address, 0, 0, 0), set);
	expect_inside(test, ask(md, KERNEL, 0, ANY, P, 7), set, P, 7);
	/* It needs no memory, and is not touched. */
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	again = mapped(test, iomd_set_mapping(md, KERNEL, address, 0));
	KUNIT_EXPECT_PTR_NE(test, again, set);
	iomd_mapping_release(again);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(set), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(set), 0UL);
	KUNIT_EXPECT_STREQ(test, (char *)elsewhere, "here");
	expect_other(test, iomd_map(md, 0), set);
	iomd_mapping_release(set);

	set = mapped(test, iomd_set_mapping(md, area.puppet->task, area.address, 0));
	expect_same(test, ask(md, area.puppet->task, area.address, 0, 0, 0), set);
	iomd_mapping_release(set);
	iomd_release(md);
}

static void any_class_may_be_told(struct kunit *test)
{
	struct iomd *md = made(test, iomd_with_physical_address(0x12345000, 4 * P,
								IOMD_DIRECTION_IN));
	struct iomd *sub = made(test, iomd_sub_with_sub_range(md, P, P, BOTH));
	struct iomd *guard = made(test, iomd_guard_page_with_size(P));
	struct iomd *remote = made(test, iomd_with_address_range(0x1000, P, BOTH |
								 IOMD_MEMORY_REMOTE,
							 IOMD_PHYSICAL_TASK));
	struct iomd *all[] = { md, guard, remote };
	struct iomd_mapping *set;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		set = mapped(test, iomd_set_mapping(all[i], KERNEL, 0x100, 0));
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(set), 0x100UL);
		iomd_mapping_release(set);
	}
	/* Through a sub, it is of that part of the parent. */
	set = mapped(test, iomd_set_mapping(sub, KERNEL, 0x3000, 0));
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(set), md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(set), P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(set), P);
	expect_same(test, ask(md, KERNEL, 0, ANY, P, P), set);
	iomd_mapping_release(set);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		iomd_release(all[i]);
	iomd_release(sub);
}

static void what_can_not_be_told(struct kunit *test)
{
	struct iomd *empty = made(test, iomd_with_address_range(0, 0, 0, KERNEL));
	struct area area;
	struct iomd *md = user_memory(test, &area, 1);

	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 0, 0), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, NULL, 1, 0), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(empty, KERNEL, 1, 0), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 1, BIT_ULL(63)), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 1, IOMD_DIRECTION_IN), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 1, IOMD_MAP_OVERWRITE), -EINVAL);
	expect_unmapped(test, iomd_set_mapping(md, KERNEL, 1, IOMD_MAP_REFERENCE), -EINVAL);
	puppet_kill(area.puppet);
	expect_unmapped(test, iomd_set_mapping(md, area.puppet->task, 1, 0), -ESRCH);
	iomd_release(empty);
	iomd_release(md);
}

/*
 * User mappings
 */

static void address_spaces_are_compared_not_tasks(struct kunit *test)
{
	struct puppet *first = puppet_start(test), *thread = puppet_thread(first);
	struct puppet *child = puppet_fork(first), *other = puppet_start(test);
	struct iomd_mapping *existing;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, 3);
	md = made(test, leaf_describe(&leaf, BOTH));
	existing = mapped(test, ask(md, first->task, 0, ANY, 0, 0));
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_address_task(existing), first->task);
	expect_same(test, ask(md, first->task, 0, ANY, 0, 0), existing);
	expect_same(test, ask(md, thread->task, 0, ANY, 0, 0), existing);
	expect_inside(test, ask(md, thread->task, 0, ANY, P, P), existing, P, P);
	expect_unmapped(test, ask(md, child->task, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	expect_unmapped(test, ask(md, other->task, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	expect_unmapped(test, ask(md, KERNEL, 0, ANY | IOMD_MAP_REFERENCE, 0, 0), -ENOENT);
	end_mapping(existing);
	iomd_release(md);
	puppet_kill(first);
	leaf_free(&leaf);
}

/* Its task has taken some of it away: it is not what it was. */
static void torn_ones_are_not_shared(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test), *child;
	struct iomd_mapping *existing;
	unsigned long address;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, 4);
	md = made(test, leaf_describe(&leaf, BOTH));
	existing = mapped(test, ask(md, puppet->task, 0, ANY, 0, 0));
	address = iomd_mapping_get_address(existing);
	/* What a child does with its own is of no interest. */
	child = puppet_fork(puppet);
	KUNIT_EXPECT_EQ(test, puppet_syscall(child, __NR_munmap, address, P), 0L);
	puppet_kill(child);
	expect_same(test, ask(md, puppet->task, 0, ANY, 0, 0), existing);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_munmap, address + P, P), 0L);
	expect_other(test, ask(md, puppet->task, 0, ANY, 0, 0), existing);
	end_mapping(existing);
	iomd_release(md);
	puppet_kill(puppet);
	os_object_barrier();
	leaf_free(&leaf);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE(requests_of_the_kernel),
	KUNIT_CASE(what_is_not_there),
	KUNIT_CASE(unique_ones_are_never_shared),
	KUNIT_CASE(bytes_are_compared_not_pages),
	KUNIT_CASE(cache_modes),
	KUNIT_CASE(parts_hold_the_whole),
	KUNIT_CASE(parts_go_with_the_whole),
	KUNIT_CASE(subs_map_through_their_parent),
	KUNIT_CASE(mappings_made_elsewhere),
	KUNIT_CASE(any_class_may_be_told),
	KUNIT_CASE(what_can_not_be_told),
	KUNIT_CASE(address_spaces_are_compared_not_tasks),
	KUNIT_CASE(torn_ones_are_not_shared),
	{}
};

static struct kunit_suite share_suite = {
	.name = "iomd_mapping_share",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = share_cases,
};

kunit_test_suite(share_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of how iomd's mappings are shared");
MODULE_LICENSE("GPL");
