// SPDX-License-Identifier: GPL-2.0
/*
 * What classes may do their own way; redirecting; and steps that fail.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#include "../../src/debug/inject.h"
#include "maps.h"

/*
 * A class of another module, of a few pages
 */

#define PAGES	4

struct strange {
	struct iomd md;
	struct page *pages[PAGES];
	unsigned int prepared;
	/* How often each op was called. */
	unsigned int makes, maps, unmaps, faults, fills, redirects;
	/* What it answers, instead of the base. */
	int map_error, fault_error, fill_error;
	unsigned long own_address;
	/* Asked to map, it has this map. */
	struct iomd *instead;
	/* Asked to unmap or to fill, it says that it is there, and waits. */
	struct completion *reached, *go_on;
	/* What somebody gets who asks to share a mapping that is just being made. */
	struct iomd_mapping *shared;
	bool is_to_be_shared;
	/* For whom it is mapped by somebody else, and the mapping. */
	struct task_struct *task;
	struct iomd_mapping *mapping;
	u64 fault_offset, fault_length;
};

static struct strange *to_strange(struct iomd *md)
{
	return container_of(md, struct strange, md);
}

static int strange_prepare(struct iomd *md, u64 direction)
{
	to_strange(md)->prepared++;
	return 0;
}

static int strange_complete(struct iomd *md, u64 direction)
{
	to_strange(md)->prepared--;
	return 0;
}

static phys_addr_t strange_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options)
{
	*length = P - offset % P;
	return page_to_phys(to_strange(md)->pages[offset / P]) + offset % P;
}

static struct iomd_mapping *strange_make_mapping(struct iomd *md, struct iomd *owner,
						 struct task_struct *task,
						 struct iomd_mapping *new_map, u64 options,
						 u64 offset, u64 length)
{
	struct strange *strange = to_strange(md);

	strange->makes++;
	if (strange->instead)
		return iomd_make_mapping(strange->instead, owner, task, new_map, options, offset,
					 length);
	return iomd_base_make_mapping(md, owner, task, new_map, options, offset, length);
}

static int strange_do_map(struct iomd *md, struct iomd_mapping *mapping)
{
	struct strange *strange = to_strange(md);
	int ret;

	strange->maps++;
	if (strange->map_error)
		return strange->map_error;
	if (!strange->own_address) {
		ret = iomd_base_do_map(md, mapping);
		if (strange->is_to_be_shared)
			strange->shared = iomd_create_mapping_in_task(md, strange->task, 0, ANY |
								      IOMD_MAP_REFERENCE, 0, 0);
		return ret;
	}
	iomd_mapping_set_address(mapping, strange->own_address + iomd_mapping_get_offset(mapping));
	return 0;
}

static void wait_if_told(struct strange *strange)
{
	if (!strange->go_on)
		return;
	complete(strange->reached);
	wait_for_completion(strange->go_on);
}

static int strange_do_unmap(struct iomd *md, struct iomd_mapping *mapping)
{
	to_strange(md)->unmaps++;
	wait_if_told(to_strange(md));
	return to_strange(md)->own_address ? 0 : iomd_base_do_unmap(md, mapping);
}

static int strange_handle_fault(struct iomd *md, struct iomd_mapping *mapping, u64 offset,
				u64 length)
{
	struct strange *strange = to_strange(md);

	strange->faults++;
	strange->fault_offset = offset;
	strange->fault_length = length;
	return strange->fault_error;
}

static int strange_populate(struct iomd *md, struct iomd_mapping *mapping, u64 offset,
			    u64 length)
{
	struct strange *strange = to_strange(md);

	strange->fills++;
	wait_if_told(strange);
	/* All but the last page. */
	return strange->fill_error ?:
	       iomd_base_populate_device_pager(md, mapping, offset, length - P);
}

static int strange_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect)
{
	to_strange(md)->redirects++;
	return iomd_base_redirect(md, safe_task, redirect);
}

static const struct iomd_ops strange_ops = {
	.prepare = strange_prepare,
	.complete = strange_complete,
	.get_physical_segment = strange_get_physical_segment,
	.make_mapping = strange_make_mapping,
	.do_map = strange_do_map,
	.do_unmap = strange_do_unmap,
	.handle_fault = strange_handle_fault,
	.populate_device_pager = strange_populate,
	.redirect = strange_redirect,
};

static void strange_free(struct os_object *object)
{
	struct strange *strange = to_strange(iomd_from_object(object));
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (strange->pages[i])
			__free_page(strange->pages[i]);
}

static struct os_meta_class strange_class = {
	.name = "test_strange",
	.size = sizeof(struct strange),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = strange_free,
};

static struct strange *new_strange(struct kunit *test)
{
	struct strange *strange = os_object_alloc(&strange_class);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, strange);
	iomd_init(&strange->md, &strange_ops, PAGES * P, BOTH);
	for (i = 0; i < PAGES; i++) {
		strange->pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, strange->pages[i]);
		fill_pattern(page_address(strange->pages[i]), i * P, P);
	}
	return strange;
}

/* What a puppet finds at one of its addresses, or -EFAULT. */
static long peek(void *data)
{
	u8 byte;

	return get_user(byte, (u8 __user *)data) ?: byte;
}

static long peek_at(struct puppet *puppet, unsigned long address)
{
	return puppet_call(puppet, peek, (void *)address);
}

static struct iomd_mapping *ask(struct iomd *md, struct task_struct *task, u64 options,
				u64 offset, u64 length)
{
	return iomd_create_mapping_in_task(md, task, 0, options | ANY, offset, length);
}

static void classes_do_it_the_base_way(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct iomd_mapping *mapping, *same;

	mapping = mapped(test, iomd_map(&strange->md, 0));
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 0, PAGES * P), PAGES * P);
	KUNIT_EXPECT_EQ(test, strange->prepared, 1U);
	same = mapped(test, iomd_map(&strange->md, 0));
	KUNIT_EXPECT_PTR_EQ(test, same, mapping);
	KUNIT_EXPECT_EQ(test, strange->makes, 2U);
	KUNIT_EXPECT_EQ(test, strange->maps, 1U);
	iomd_mapping_release(same);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 0U);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	KUNIT_EXPECT_EQ(test, strange->prepared, 0U);
	/* What was made elsewhere is not theirs. */
	iomd_mapping_release(mapped(test, iomd_set_mapping(&strange->md, KERNEL, 1, 0)));
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, strange->maps, 1U);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	iomd_release(&strange->md);
}

/* Its uses are counted for it, and keep a composite that it is a part of. */
static void classes_count_no_uses(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct iomd *part = &strange->md;
	struct iomd *multi = made(test, iomd_multi_with_descriptors(&part, 1, BOTH, false));
	struct iomd_mapping *mapping = mapped(test, iomd_map(part, IOMD_MAP_UNIQUE));

	KUNIT_EXPECT_EQ(test, iomd_prepare(multi, 0), 0);
	KUNIT_EXPECT_EQ(test, strange->prepared, 2U);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(multi, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, strange->prepared, 2U);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_complete(multi, 0), 0);
	KUNIT_EXPECT_EQ(test, strange->prepared, 0U);
	iomd_release(multi);
	iomd_release(part);
}

static void classes_may_refuse(struct kunit *test)
{
	struct strange *strange = new_strange(test);

	strange->map_error = -EPERM;
	expect_unmapped(test, iomd_map(&strange->md, 0), -EPERM);
	KUNIT_EXPECT_EQ(test, strange->maps, 1U);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 0U);
	KUNIT_EXPECT_EQ(test, strange->prepared, 0U);
	iomd_release(&strange->md);
}

static void classes_may_have_an_address(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct iomd_mapping *mapping;

	strange->own_address = 0x12345678;
	mapping = map_part(test, &strange->md, 0, P, P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0x12345678 + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, strange->prepared, 0U);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	iomd_release(&strange->md);
}

static void classes_may_map_another(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct iomd_mapping *mapping;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	strange->instead = md;
	mapping = map_part(test, &strange->md, IOMD_MAP_UNIQUE, P, P);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), md);
	KUNIT_EXPECT_EQ(test, strange->maps, 0U);
	iomd_mapping_release(mapping);
	iomd_release(&strange->md);
	iomd_release(md);
	leaf_free(&leaf);
}

static void classes_see_faults(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;

	mapping = mapped(test, ask(&strange->md, puppet->task, 0, P, 2 * P));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, strange->faults, 0U);
	KUNIT_EXPECT_EQ(test, strange->fills, 0U);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 100), (long)pattern(P + 100));
	KUNIT_EXPECT_EQ(test, strange->faults, 1U);
	KUNIT_EXPECT_EQ(test, strange->fault_offset, P);
	KUNIT_EXPECT_EQ(test, strange->fault_length, P);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 1), (long)pattern(P + 1));
	KUNIT_EXPECT_EQ(test, strange->faults, 1U);
	/* One may be refused: the page is as good as not there. */
	strange->fault_error = -EIO;
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 2 * P - 1), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, strange->fault_offset, 2 * P);
	KUNIT_EXPECT_EQ(test, strange->fault_length, P);
	strange->fault_error = 0;
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 2 * P - 1), (long)pattern(3 * P - 1));
	KUNIT_EXPECT_EQ(test, strange->faults, 3U);
	iomd_mapping_unmap(mapping);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, strange->faults, 3U);
	iomd_mapping_release(mapping);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static void classes_fill_what_they_like(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;
	unsigned int i;

	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_PREFAULT, 0, 0));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, strange->fills, 1U);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, peek_at(puppet, address + i * P), (long)pattern(i * P));
	KUNIT_EXPECT_EQ(test, strange->faults, 1U);
	/* That is for the mapping that is being made only. */
	KUNIT_EXPECT_EQ(test, iomd_base_populate_device_pager(&strange->md, mapping, 0, P),
			-EINVAL);
	end_mapping(mapping);
	strange->fill_error = -E2BIG;
	expect_unmapped(test, ask(&strange->md, puppet->task, IOMD_MAP_PREFAULT, 0, 0), -E2BIG);
	KUNIT_EXPECT_EQ(test, strange->prepared, 0U);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static int out_of_range_populate(struct iomd *md, struct iomd_mapping *mapping, u64 offset,
				 u64 length)
{
	if (iomd_base_populate_device_pager(md, mapping, offset, length + P) != -EINVAL ||
	    iomd_base_populate_device_pager(md, mapping, offset + P, length) != -EINVAL ||
	    iomd_base_populate_device_pager(md, mapping, 1, P) != -EINVAL ||
	    iomd_base_populate_device_pager(md, mapping, 0, 1) != -EINVAL ||
	    iomd_base_populate_device_pager(md, mapping, -P, 2 * P) != -EINVAL ||
	    iomd_base_populate_device_pager(md, mapping, P, 0))
		return -EDOM;
	return iomd_base_populate_device_pager(md, mapping, P, P);
}

static void what_is_filled_lies_inside(struct kunit *test)
{
	static struct iomd_ops ops;
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;

	ops = strange_ops;
	ops.populate_device_pager = out_of_range_populate;
	strange->md.ops = &ops;
	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_PREFAULT, 0, 0));
	KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping) + P),
			(long)pattern(P));
	KUNIT_EXPECT_EQ(test, strange->faults, 0U);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping)),
			(long)pattern(0));
	KUNIT_EXPECT_EQ(test, strange->faults, 1U);
	end_mapping(mapping);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static int populate_middle(struct iomd *md, struct iomd_mapping *mapping, u64 offset, u64 length)
{
	return iomd_base_populate_device_pager(md, mapping, offset + P, length - 2 * P);
}

/* A part of memory, filled the base's way or another, is what is there. */
static void expect_filled(struct kunit *test, u8 *memory, const struct iomd_ops *own_ops)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long i;
	struct iomd *md;

	fill_pattern(memory, 0, 8 * P);
	md = iomd_with_address(memory, 8 * P, IOMD_DIRECTION_OUT_IN);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, md);
	if (own_ops)
		md->ops = own_ops;
	mapping = mapped(test, ask(md, puppet->task, IOMD_MAP_PREFAULT, P, 6 * P));
	for (i = 0; i < 6 * P; i += P / 2)
		KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping) + i),
				(long)pattern(P + i));
	end_mapping(mapping);
	iomd_release(md);
	os_object_barrier();
	puppet_kill(puppet);
}

static void a_part_of_a_list_is_filled(struct kunit *test)
{
	u8 *scattered = vmalloc(8 * P), *contiguous = alloc_pages_exact(8 * P, GFP_KERNEL);
	struct iomd *md = iomd_with_address(contiguous, P, IOMD_DIRECTION_OUT);
	struct iomd_ops ops;

	KUNIT_ASSERT_NOT_NULL(test, scattered);
	KUNIT_ASSERT_NOT_NULL(test, contiguous);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, md);
	ops = *md->ops;
	ops.populate_device_pager = populate_middle;
	iomd_release(md);
	expect_filled(test, scattered, NULL);
	expect_filled(test, scattered, &ops);
	expect_filled(test, contiguous, NULL);
	expect_filled(test, contiguous, &ops);
	free_pages_exact(contiguous, 8 * P);
	vfree(scattered);
}

/*
 * Redirecting
 */

static void the_kernel_is_not_redirected(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct iomd *md = &strange->md;
	struct iomd_mapping *mapping = map_part(test, md, IOMD_MAP_UNIQUE, 0, 0);

	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, md, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, NULL, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, current, true), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, iomd_get_flags(md) & IOMD_MEMORY_REDIRECTED);
	KUNIT_EXPECT_EQ(test, strange->redirects, 2U);
	/* Unless that does not concern it. */
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, KERNEL, true), 0);
	KUNIT_EXPECT_TRUE(test, iomd_get_flags(md) & IOMD_MEMORY_REDIRECTED);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 0, P), P);
	expect_unmapped(test, iomd_map(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, KERNEL, false), 0);
	KUNIT_EXPECT_FALSE(test, iomd_get_flags(md) & IOMD_MEMORY_REDIRECTED);
	iomd_mapping_release(mapping);
	os_object_barrier();
	/* One that was made elsewhere is nobody's business. */
	mapping = mapped(test, iomd_set_mapping(md, KERNEL, 1, 0));
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, false), 0);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/* Who shares it may end it. */
static void nobody_shares_what_is_being_made(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;

	strange->task = puppet->task;
	strange->is_to_be_shared = true;
	mapping = mapped(test, ask(&strange->md, puppet->task, 0, 0, 0));
	expect_unmapped(test, strange->shared, -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, ask(&strange->md, puppet->task, IOMD_MAP_REFERENCE, 0, 0),
			    mapping);
	iomd_mapping_release(mapping);
	end_mapping(mapping);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

/* It is none of its mappings. */
static void a_sub_forgets_nothing_of_its_parent(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd *sub = made(test, iomd_sub_with_sub_range(&strange->md, 0, 2 * P, BOTH));
	struct iomd_mapping *mapping = mapped(test, ask(sub, puppet->task, 0, 0, 0));

	iomd_remove_mapping(sub, mapping);
	iomd_add_mapping(sub, mapping);
	KUNIT_EXPECT_PTR_EQ(test, ask(&strange->md, puppet->task, IOMD_MAP_REFERENCE, 0, 2 * P),
			    mapping);
	iomd_mapping_release(mapping);
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping)), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, false), 0);
	end_mapping(mapping);
	iomd_release(sub);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

/* A buffer that is shorter by now still is what the mapping shows. */
static void what_was_hidden_can_be_shown_again(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, 4 * P, P));
	struct iomd_mapping *mapping = mapped(test, ask(md, puppet->task, IOMD_MAP_UNIQUE, 0, 0));

	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, NULL, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, md, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, md, 0, P), -EINVAL);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping)), 0L);
	end_mapping(mapping);
	iomd_release(md);
	puppet_kill(puppet);
}

/* What a class has placed itself can't wait, and success would mean that it does. */
static void what_a_class_places_is_not_redirected(struct kunit *test)
{
	struct strange *strange = new_strange(test), *other = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd *md = &strange->md;
	struct iomd_mapping *mapping, *late;

	strange->own_address = 0x12340000;
	mapping = mapped(test, ask(md, puppet->task, IOMD_MAP_UNIQUE, 0, 0));
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, NULL, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, md, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, current, true), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, iomd_get_flags(md) & IOMD_MEMORY_REDIRECTED);
	KUNIT_EXPECT_EQ(test, other->prepared, 0U);
	/* Where it is safe, nothing is asked of it. */
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, puppet->task, true), 0);
	late = ask(md, puppet->task, IOMD_MAP_UNIQUE, 0, 0);
	expect_unmapped(test, late, -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, puppet->task, false), 0);
	/* It is no more than told of. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, NULL, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, false), 0);
	iomd_mapping_release(mapping);
	iomd_release(&other->md);
	iomd_release(md);
	puppet_kill(puppet);
}

/*
 * A redirect to memory that is about to be no longer redirected itself, or to be so from
 * now on: what happens between its two steps is somebody else's doing.
 */
static struct {
	struct iomd *md;
	bool redirect;
	struct completion done;
	unsigned int times;
} meanwhile;

static int redirect_meanwhile(void *unused)
{
	iomd_redirect(meanwhile.md, NULL, meanwhile.redirect);
	complete(&meanwhile.done);
	return 0;
}

static void when_exchanged(enum iomd_step step)
{
	if (step != IOMD_STEP_EXCHANGED)
		return;
	meanwhile.times++;
	kthread_run(redirect_meanwhile, NULL, "iomd-meanwhile");
	wait_for_completion(&meanwhile.done);
}

static void redirects_that_meet(struct kunit *test)
{
	struct strange *strange = new_strange(test), *other = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;
	int redirected;

	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, 0, 0));
	address = iomd_mapping_get_address(mapping);
	meanwhile.times = 0;
	init_completion(&meanwhile.done);
	for (redirected = 1; redirected >= 0; redirected--) {
		meanwhile.md = &other->md;
		meanwhile.redirect = !redirected;
		KUNIT_EXPECT_EQ(test, iomd_redirect(&other->md, NULL, redirected), 0);
		iomd_inject_at_steps(when_exchanged);
		iomd_inject_arm(0);
		KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 0), 0);
		iomd_inject_disarm();
		iomd_inject_at_steps(NULL);
		/* It waits if the memory is redirected now; the kernel's accesses don't wait. */
		KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 5),
				redirected ? (long)pattern(5) : (long)-EFAULT);
		KUNIT_EXPECT_EQ(test, iomd_redirect(&other->md, NULL, false), 0);
		KUNIT_EXPECT_EQ(test, peek_at(puppet, address + 5), (long)pattern(5));
		KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &strange->md, 0, 0), 0);
	}
	KUNIT_EXPECT_EQ(test, meanwhile.times, 2U);
	/* All of it the other way round: the mapping's memory is redirected, and the new is not. */
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(0));
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, false), 0);
	end_mapping(mapping);
	iomd_release(&other->md);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static void redirects_that_are_refused(struct kunit *test)
{
	struct strange *strange = new_strange(test), *other = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd *remote = made(test, iomd_with_address_range(0, 4 * P, BOTH |
								 IOMD_MEMORY_REMOTE,
							 IOMD_PHYSICAL_TASK));
	struct iomd *gone = made(test, iomd_with_address_range(P, 4 * P, BOTH, puppet->task));
	struct iomd_mapping *mapping, *shared;
	struct iomd *parts[2], *multi;
	unsigned long address;

	memset(page_address(other->pages[1]), 0xab, P);
	parts[0] = made(test, iomd_sub_with_sub_range(&other->md, 0, P - 1, BOTH));
	parts[1] = made(test, iomd_sub_with_sub_range(&other->md, P, 2 * P, BOTH));
	multi = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, P, 2 * P));
	shared = mapped(test, ask(&strange->md, puppet->task, 0, P, 2 * P));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(shared, &other->md, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(shared, NULL, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 2 * P + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 3 * P), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, ~0ULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, -P), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, multi, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, remote, 0, 0), -ENXIO);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, gone, 0, 0), -EFAULT);
	/* It shows what it showed, and is whose it was. */
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), &strange->md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(mapping), P);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(P));
	KUNIT_EXPECT_EQ(test, other->prepared, 0U);

	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, P), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), &other->md);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), 0xabL);
	KUNIT_EXPECT_EQ(test, other->prepared, 1U);
	KUNIT_EXPECT_EQ(test, strange->prepared, 1U);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &strange->md, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_address(mapping), 0UL);
	end_mapping(shared);
	iomd_mapping_release(mapping);
	iomd_release(multi);
	iomd_release(parts[0]);
	iomd_release(parts[1]);
	iomd_release(gone);
	iomd_release(remote);
	iomd_release(&other->md);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static void redirected_mappings_of_copies(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md;

	area_make(&area, puppet, AREA_SCATTERED, 1);
	area_fill(&area);
	md = made(test, iomd_with_address_range(area.address, P, BOTH |
						IOMD_MEMORY_MAP_COPY_ON_WRITE, puppet->task));
	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, P, P));
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, md, 0, 0), 0);
	puppet_write(puppet, area.address, "!", 1);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, iomd_mapping_get_address(mapping)), (long)pattern(0));
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	end_mapping(mapping);
	iomd_release(md);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

/* The parent has it, and can redirect it. */
static void redirects_to_a_sub(struct kunit *test)
{
	struct strange *strange = new_strange(test), *other = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd *whole = made(test, iomd_sub_with_sub_range(&other->md, P, 3 * P, BOTH));
	struct iomd *sub = made(test, iomd_sub_with_sub_range(whole, P, 2 * P, BOTH));
	struct iomd_mapping *mapping;
	unsigned long address;

	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, 0, P));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, sub, 0, 2 * P), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, sub, 0, P), 0);
	KUNIT_EXPECT_PTR_EQ(test, iomd_mapping_get_memory_descriptor(mapping), &other->md);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_offset(mapping), 3 * P);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(3 * P));
	KUNIT_EXPECT_EQ(test, iomd_redirect(&other->md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, iomd_redirect(sub, NULL, false), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(3 * P));
	/* What it shows already. */
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, NULL, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, sub, 0, P), 0);
	KUNIT_EXPECT_EQ(test, other->prepared, 1U);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(3 * P));
	end_mapping(mapping);
	iomd_release(sub);
	iomd_release(whole);
	iomd_release(&other->md);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static void redirects_to_what_a_sub_has_lost(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd *buffer = made(test, iomd_buffer_with_options(BOTH, 2 * P, P));
	struct iomd *sub = made(test, iomd_sub_with_sub_range(buffer, P, P, BOTH));
	struct iomd_mapping *mapping;

	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, 0, P));
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, sub, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(buffer, 2 * P), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, sub, 0, 0), 0);
	end_mapping(mapping);
	iomd_release(sub);
	iomd_release(buffer);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

/* Whose do_map made the place has to take it down, whatever is shown there by then. */
static void the_maker_unmaps(struct kunit *test)
{
	struct strange *strange = new_strange(test), *other = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;

	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_UNIQUE, 0, 0));
	KUNIT_EXPECT_EQ(test, iomd_mapping_redirect(mapping, &other->md, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, strange->unmaps, 1U);
	KUNIT_EXPECT_EQ(test, other->unmaps, 0U);
	KUNIT_EXPECT_EQ(test, other->prepared, 0U);
	end_mapping(mapping);
	iomd_release(&other->md);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

/* Nothing is seen of it, not even for the moment in which it is filled. */
static void what_is_made_while_redirected(struct kunit *test)
{
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;

	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, true), 0);
	mapping = mapped(test, ask(&strange->md, puppet->task, IOMD_MAP_PREFAULT, 0, 0));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, strange->fills, 0U);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)-EFAULT);
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, false), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(0));
	end_mapping(mapping);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static struct {
	struct iomd_mapping *mapping;
	struct completion done;
} release;

static int release_mapping(void *unused)
{
	iomd_mapping_release(release.mapping);
	os_object_barrier();
	complete(&release.done);
	return 0;
}

/* A mapping that nobody has any more, and whose end takes its time, shows nothing. */
static void what_is_about_to_end_is_redirected(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(reached);
	DECLARE_COMPLETION_ONSTACK(go_on);
	struct strange *strange = new_strange(test);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	unsigned long address;

	mapping = mapped(test, ask(&strange->md, puppet->task, 0, 0, 0));
	address = iomd_mapping_get_address(mapping);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)pattern(0));
	strange->reached = &reached;
	strange->go_on = &go_on;
	release.mapping = mapping;
	init_completion(&release.done);
	kthread_run(release_mapping, &release, "iomd-releases");
	wait_for_completion(&reached);
	KUNIT_EXPECT_EQ(test, iomd_redirect(&strange->md, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, peek_at(puppet, address), (long)-EFAULT);
	complete(&go_on);
	wait_for_completion(&release.done);
	iomd_release(&strange->md);
	puppet_kill(puppet);
}

static long map_for(void *data)
{
	struct strange *strange = data;

	strange->mapping = ask(&strange->md, strange->task, IOMD_MAP_PREFAULT, 0, 0);
	return PTR_ERR_OR_ZERO(strange->mapping);
}

/*
 * Once page tables are filled that nobody can find yet, who asked for it waits, though it is
 * killed: else the memory would go while it is seen.
 */
static void who_asks_is_killed_while_it_is_filled(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(reached);
	DECLARE_COMPLETION_ONSTACK(go_on);
	struct puppet *target = puppet_start(test), *asker = puppet_start(test);
	struct strange *strange = new_strange(test);

	strange->task = target->task;
	strange->reached = &reached;
	strange->go_on = &go_on;
	puppet_begin_call(asker, map_for, strange);
	wait_for_completion(&reached);
	send_sig(SIGKILL, asker->task, 1);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, puppet_is_done(asker));
	strange->go_on = NULL;
	complete(&go_on);
	puppet_kill(asker);
	end_mapping(mapped(test, strange->mapping));
	iomd_release(&strange->md);
	puppet_kill(target);
}

/*
 * Steps that fail
 */

struct attempt {
	/* Physical if it is of no task. */
	struct task_struct *memory_of, *other_of;
	u64 memory, other;
	struct task_struct *task;
	u64 flags, options;
};

static int map_and_redirect(const struct attempt *attempt, struct iomd *md)
{
	struct iomd_mapping *mapping = ask(md, attempt->task, attempt->options, 0, 0);
	struct iomd *other;
	int ret = 0;

	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	if (attempt->other) {
		other = iomd_with_address_range(attempt->other, 3 * P, BOTH, attempt->other_of);
		ret = PTR_ERR_OR_ZERO(other);
		if (!ret) {
			ret = iomd_mapping_redirect(mapping, other, 0, 0);
			iomd_release(other);
		}
	}
	end_mapping(mapping);
	return ret;
}

static int try_to_map(struct kunit *test, void *data)
{
	const struct attempt *attempt = data;
	/* More pages of a copy may come to be together or, if that fails, one by one. */
	u64 length = attempt->flags & IOMD_MEMORY_MAP_COPY_ON_WRITE ? P : 3 * P;
	struct iomd *md;
	int ret;

	md = iomd_with_address_range(attempt->memory, length, BOTH | attempt->flags,
				     attempt->memory_of);
	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = map_and_redirect(attempt, md);
	iomd_release(md);
	return ret;
}

static void each_step_may_fail(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct task_struct *task = puppet->task;
	struct area area;
	unsigned int i;

	area_make(&area, puppet, AREA_SCATTERED, 3);
	{
		struct attempt attempts[] = {
			{ task, NULL, area.address, 0, KERNEL, 0, 0 },
			{ task, NULL, area.address, 0, KERNEL, 0,
			  HAVE_GUARDS ? IOMD_MAP_GUARDED_SMALL : IOMD_MAP_READ_ONLY },
			{ task, NULL, area.address, 0, KERNEL, IOMD_MEMORY_MAP_COPY_ON_WRITE, 0 },
			{ task, NULL, area.address, 0, task, 0, 0 },
			{ task, NULL, area.address, 0, task, IOMD_MEMORY_MAP_COPY_ON_WRITE,
			  IOMD_MAP_GUARDED_SMALL },
			{ task, NULL, area.address, 0, task, 0,
			  IOMD_MAP_PREFAULT | IOMD_MAP_READ_ONLY },
		};

		for (i = 0; i < ARRAY_SIZE(attempts); i++)
			KUNIT_EXPECT_GE(test, fail_each_step(test, try_to_map, &attempts[i]), 3U);
	}
}

static void each_step_with_a_device_may_fail(struct kunit *test)
{
	phys_addr_t device = edu_registers(test);
	struct puppet *puppet = puppet_start(test);
	struct task_struct *task = puppet->task;
	struct area area;
	unsigned int i;

	area_make(&area, puppet, AREA_SCATTERED, 3);
	{
		struct attempt attempts[] = {
			{ IOMD_PHYSICAL_TASK, NULL, device, 0, KERNEL, 0, 0 },
			{ IOMD_PHYSICAL_TASK, NULL, device, 0, task, 0,
			  IOMD_MAP_WRITE_COMBINE_CACHE },
			{ IOMD_PHYSICAL_TASK, task, device, area.address, task, 0,
			  IOMD_MAP_UNIQUE },
		};

		for (i = 0; i < ARRAY_SIZE(attempts); i++)
			KUNIT_EXPECT_GE(test, fail_each_step(test, try_to_map, &attempts[i]), 3U);
	}
}

static int class_suite_init(struct kunit_suite *suite)
{
	return os_meta_class_register(&strange_class);
}

static void class_suite_exit(struct kunit_suite *suite)
{
	os_object_barrier();
	WARN_ON(os_meta_class_unregister(&strange_class));
}

static struct kunit_case class_cases[] = {
	KUNIT_CASE(classes_do_it_the_base_way),
	KUNIT_CASE(classes_count_no_uses),
	KUNIT_CASE(classes_may_refuse),
	KUNIT_CASE(classes_may_have_an_address),
	KUNIT_CASE(classes_may_map_another),
	KUNIT_CASE(classes_see_faults),
	KUNIT_CASE(classes_fill_what_they_like),
	KUNIT_CASE(what_is_filled_lies_inside),
	KUNIT_CASE(a_part_of_a_list_is_filled),
	KUNIT_CASE(the_kernel_is_not_redirected),
	KUNIT_CASE(nobody_shares_what_is_being_made),
	KUNIT_CASE(a_sub_forgets_nothing_of_its_parent),
	KUNIT_CASE(what_was_hidden_can_be_shown_again),
	KUNIT_CASE(what_a_class_places_is_not_redirected),
	KUNIT_CASE(redirects_that_meet),
	KUNIT_CASE(redirects_that_are_refused),
	KUNIT_CASE(redirected_mappings_of_copies),
	KUNIT_CASE(redirects_to_a_sub),
	KUNIT_CASE(redirects_to_what_a_sub_has_lost),
	KUNIT_CASE(the_maker_unmaps),
	KUNIT_CASE(what_is_made_while_redirected),
	KUNIT_CASE(what_is_about_to_end_is_redirected),
	KUNIT_CASE(who_asks_is_killed_while_it_is_filled),
	KUNIT_CASE(each_step_may_fail),
	KUNIT_CASE(each_step_with_a_device_may_fail),
	{}
};

static struct kunit_suite class_suite = {
	.name = "iomd_mapping_class",
	.suite_init = class_suite_init,
	.suite_exit = class_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = class_cases,
};

kunit_test_suite(class_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of mappings of other modules' classes, and of redirecting");
MODULE_LICENSE("GPL");
