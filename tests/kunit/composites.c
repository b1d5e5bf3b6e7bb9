// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../../src/debug/inject.h"
#include "composites.h"

char fake_log[128];
EXPORT_SYMBOL_GPL(fake_log);

static struct fake *to_fake(struct iomd *md)
{
	return container_of(md, struct fake, md);
}

static void note(char what, const struct fake *fake)
{
	size_t used = strlen(fake_log);

	if (used + 2 < sizeof(fake_log)) {
		fake_log[used] = what;
		fake_log[used + 1] = fake->name;
	}
}

void fake_expect_log(struct kunit *test, const char *log)
{
	KUNIT_EXPECT_STREQ(test, fake_log, log);
	memset(fake_log, 0, sizeof(fake_log));
}
EXPORT_SYMBOL_GPL(fake_expect_log);

static int fake_prepare(struct iomd *md, u64 direction)
{
	struct fake *fake = to_fake(md);

	note(fake->prepare_error ? 'P' : 'p', fake);
	if (fake->prepare_error)
		return fake->prepare_error;
	if (!fake->prepared++)
		fake->id += 10;
	fake->direction = direction;
	return 0;
}

static int fake_complete(struct iomd *md, u64 direction)
{
	struct fake *fake = to_fake(md);

	note(fake->complete_error ? 'C' : 'c', fake);
	if (fake->complete_error)
		return fake->complete_error;
	if (!fake->prepared)
		return -EAGAIN;
	fake->prepared--;
	return 0;
}

static phys_addr_t fake_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
					     u64 options)
{
	struct fake *fake = to_fake(md);
	unsigned int in_page = offset_in_page(offset);

	*length = PAGE_SIZE - in_page;
	if (options & IOMD_MEMORY_SEGMENT_SOURCE)
		return offset;
	if (!fake->prepared || ((options & IOMD_MEMORY_SEGMENT_WRITE) &&
				(fake->direction & IOMD_DIRECTION_MASK) == IOMD_DIRECTION_OUT)) {
		*length = 0;
		return 0;
	}
	return page_to_phys(fake->pages[offset >> PAGE_SHIFT]) + in_page;
}

static int fake_set_in_use(struct iomd *md, bool begin)
{
	struct fake *fake = to_fake(md);
	int error = begin ? fake->use_error : 0;

	note(!begin ? 'v' : error ? 'U' : 'u', fake);
	if (!error)
		fake->users += begin ? 1 : -1;
	return error;
}

static u64 fake_get_preparation_id(struct iomd *md)
{
	struct fake *fake = to_fake(md);

	return fake->prepared ? fake->id : IOMD_PREPARATION_ID_UNPREPARED;
}

static int fake_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	struct fake *fake = to_fake(md);

	if (fake->buffer_error)
		return fake->buffer_error;
	*old_state = fake->purgeable;
	if (new_state != IOMD_MEMORY_PURGEABLE_KEEP_CURRENT)
		fake->purgeable = new_state;
	return 0;
}

static int fake_set_ownership(struct iomd *md, struct task_struct *new_owner,
			      int new_ledger_tag, u64 options)
{
	struct fake *fake = to_fake(md);

	if (fake->buffer_error)
		return fake->buffer_error;
	fake->owner = new_owner;
	fake->ledger_tag = new_ledger_tag;
	return 0;
}

static int fake_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	struct fake *fake = to_fake(md);

	if (fake->buffer_error)
		return fake->buffer_error;
	*resident = fake->resident;
	*dirty = fake->dirty;
	return 0;
}

static const struct iomd_ops fake_ops = {
	.prepare = fake_prepare,
	.complete = fake_complete,
	.get_physical_segment = fake_get_physical_segment,
	.set_in_use = fake_set_in_use,
	.get_preparation_id = fake_get_preparation_id,
	.set_purgeable = fake_set_purgeable,
	.set_ownership = fake_set_ownership,
	.get_page_counts = fake_get_page_counts,
};

static const struct iomd_ops plain_ops = {
	.prepare = fake_prepare,
	.complete = fake_complete,
	.get_physical_segment = fake_get_physical_segment,
};

static void fake_free(struct os_object *object)
{
	struct fake *fake = to_fake(iomd_from_object(object));
	unsigned int i;

	for (i = 0; i < fake->count; i++)
		__free_page(fake->pages[i]);
	kfree(fake->pages);
}

static struct os_meta_class fake_class = {
	.name = "test_fake",
	.size = sizeof(struct fake),
	.super = &iomd_meta_class,
	.owner = THIS_MODULE,
	.free = fake_free,
};

int fake_suite_init(struct kunit_suite *suite)
{
	return os_meta_class_register(&fake_class);
}
EXPORT_SYMBOL_GPL(fake_suite_init);

void fake_suite_exit(struct kunit_suite *suite)
{
	os_object_barrier();
	WARN_ON(os_meta_class_unregister(&fake_class));
}
EXPORT_SYMBOL_GPL(fake_suite_exit);

static struct fake *make(struct kunit *test, const struct iomd_ops *ops, char name,
			 unsigned int pages, u64 direction)
{
	struct fake *fake = os_object_alloc(&fake_class);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	iomd_init(&fake->md, ops, (u64)pages * PAGE_SIZE, direction);
	fake->name = name;
	fake->id = BIT_ULL(40);
	fake->purgeable = IOMD_MEMORY_PURGEABLE_NON_VOLATILE;
	fake->pages = kcalloc(pages, sizeof(*fake->pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->pages);
	for (; fake->count < pages; fake->count++) {
		/* From the end on, so that they are not adjacent the right way round. */
		struct page *page = alloc_page(GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, page);
		memmove(fake->pages + 1, fake->pages, fake->count * sizeof(*fake->pages));
		fake->pages[0] = page;
	}
	return fake;
}

struct fake *fake_make(struct kunit *test, char name, unsigned int pages, u64 direction)
{
	memset(fake_log, 0, sizeof(fake_log));
	return make(test, &fake_ops, name, pages, direction);
}
EXPORT_SYMBOL_GPL(fake_make);

struct fake *fake_make_plain(struct kunit *test, unsigned int pages, u64 direction)
{
	return make(test, &plain_ops, '-', pages, direction);
}
EXPORT_SYMBOL_GPL(fake_make_plain);

void image_add_fake(struct image *image, const struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < fake->count; i++)
		image_add(image, page_to_phys(fake->pages[i]), PAGE_SIZE);
}
EXPORT_SYMBOL_GPL(image_add_fake);

void image_add_part(struct image *image, const struct image *from, u64 offset, u64 length)
{
	while (length) {
		u64 bytes;
		phys_addr_t address = image_at(from, offset, &bytes);

		if (WARN_ON(!bytes))
			return;
		bytes = min(bytes, length);
		image_add(image, address, bytes);
		offset += bytes;
		length -= bytes;
	}
}
EXPORT_SYMBOL_GPL(image_add_part);

/*
 * Leaves
 */

void leaf_make(struct leaf *leaf, struct kunit *test, unsigned int pages)
{
	leaf->length = (u64)pages * PAGE_SIZE;
	kernel_area_make(&leaf->area, test, pages);
	image_init(&leaf->image, test, pages);
	image_add_kernel(&leaf->image, leaf->area.address, leaf->length);
}
EXPORT_SYMBOL_GPL(leaf_make);

void leaf_free(struct leaf *leaf)
{
	os_object_barrier();
	kernel_area_free(&leaf->area);
}
EXPORT_SYMBOL_GPL(leaf_free);

struct iomd *leaf_describe(const struct leaf *leaf, u64 direction)
{
	return iomd_with_address_range((unsigned long)leaf->area.address, leaf->length, direction,
				       IOMD_KERNEL_TASK);
}
EXPORT_SYMBOL_GPL(leaf_describe);

/*
 * Answers
 */

struct iomd *made(struct kunit *test, struct iomd *md)
{
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(md), 0);
	return md;
}
EXPORT_SYMBOL_GPL(made);

void expect_refusal(struct kunit *test, struct iomd *md, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(md), error);
	if (!IS_ERR(md))
		iomd_release(md);
}
EXPORT_SYMBOL_GPL(expect_refusal);

unsigned int fail_each_step(struct kunit *test, int (*attempt)(struct kunit *test, void *data),
			    void *data)
{
	unsigned int nth;
	bool failed;
	int ret;

	for (nth = 1; nth < 1000; nth++) {
		iomd_inject_arm(nth);
		ret = attempt(test, data);
		failed = iomd_inject_disarm();
		KUNIT_EXPECT_EQ_MSG(test, ret, failed ? -ENOMEM : 0, "step %u", nth);
		fixture_expect_nothing_taken(test);
		if (!failed)
			return nth - 1;
	}
	KUNIT_FAIL(test, "there is no end of steps");
	return nth;
}
EXPORT_SYMBOL_GPL(fail_each_step);
