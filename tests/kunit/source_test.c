// SPDX-License-Identifier: GPL-2.0
/*
 * Where described memory is: each byte of user and kernel memory of every kind,
 * compared with what a page table walk says.
 */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#include "../../src/debug/knobs.h"
#include "maps.h"

/* Most pages that are pinned at a time; 0 is the normal batch. */
static const unsigned int batches[] = { 0, 1, 2, 3, 17 };

/* Kinds of user memory, and who prepares it. */
struct setting {
	enum area_kind kind;
	enum who who;
};

static const struct setting settings[] = {
	{ AREA_SCATTERED, WHO_SELF },
	{ AREA_SCATTERED, WHO_ADOPTER },
	{ AREA_SCATTERED, WHO_OTHER },
	{ AREA_HUGE, WHO_SELF },
	{ AREA_HUGE, WHO_ADOPTER },
	{ AREA_HUGE, WHO_OTHER },
	{ AREA_HUGETLB, WHO_SELF },
	{ AREA_HUGETLB, WHO_ADOPTER },
	{ AREA_HUGETLB, WHO_OTHER },
	{ AREA_MEMFD, WHO_SELF },
	{ AREA_MEMFD, WHO_ADOPTER },
	{ AREA_MEMFD, WHO_OTHER },
};

static void setting_desc(const struct setting *setting, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, prepared by %s", area_names[setting->kind],
		 who_names[setting->who]);
}

KUNIT_ARRAY_PARAM(setting, settings, setting_desc);

/* A puppet's memory that stays where it is, as it is prepared all the while. */
struct stage {
	struct kunit *test;
	struct actor actor;
	struct area area;
	struct iomd *whole;
	struct image image;
};

static void stage_open(struct stage *stage, struct kunit *test, unsigned int pages,
		       unsigned int pieces)
{
	const struct setting *setting = test->param_value;
	struct puppet *puppet = puppet_start(test);

	/* Two huge ones, so that they have a border. */
	if (setting->kind == AREA_HUGE || setting->kind == AREA_HUGETLB)
		pages = 2 * huge_area_pages(puppet, setting->kind);
	stage->test = test;
	area_make(&stage->area, puppet, setting->kind, pages);
	stage->whole = iomd_with_address_range(stage->area.address, area_bytes(&stage->area),
					       IOMD_DIRECTION_IN, puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(stage->whole));
	KUNIT_ASSERT_EQ(test, iomd_prepare(stage->whole, 0), 0);
	area_look_up(&stage->area);
	image_init(&stage->image, test, pieces);
	actor_enter(&stage->actor, puppet, setting->who);
}

static void stage_close(struct stage *stage)
{
	actor_leave(&stage->actor);
	KUNIT_EXPECT_EQ(stage->test, iomd_complete(stage->whole, 0), 0);
	iomd_release(stage->whole);
}

/* As the actor: describe, prepare, compare, complete. False if anything is wrong. */
static bool compare_range(struct stage *stage, u64 offset, u64 length, u64 direction)
{
	struct iomd_address_range range = area_range(&stage->area, offset, length);
	struct kunit *test = stage->test;
	unsigned int segments;
	struct iomd *md;
	bool good;
	int ret;

	md = iomd_with_address_range(range.address, range.length, direction,
				     stage->actor.who == WHO_OTHER ?
				     stage->actor.puppet->task : current);
	if (IS_ERR(md)) {
		KUNIT_FAIL(test, "cannot be described: %ld", PTR_ERR(md));
		return false;
	}
	ret = iomd_prepare(md, 0);
	if (ret) {
		KUNIT_FAIL(test, "cannot be prepared: %d", ret);
		iomd_release(md);
		return false;
	}
	image_clear(&stage->image);
	image_add_area(&stage->image, &stage->area, &range, 1);
	good = image_check(&stage->image, md) &&
	       image_check_walk(&stage->image, md, 0, length, &segments);
	if (good && segments != stage->image.merged) {
		KUNIT_FAIL(test, "%u segments, %u would do", segments, stage->image.merged);
		good = false;
	}
	ret = iomd_complete(md, 0);
	iomd_release(md);
	if (ret)
		KUNIT_FAIL(test, "cannot be completed: %d", ret);
	return good && !ret;
}

/* Places in a page: around its ends, its sectors, and its middle. */
static const unsigned int places[] = {
	0, 1, 511, 512, 513, PAGE_SIZE / 2, PAGE_SIZE - 1
};

#define WINDOW_PAGES	4

static u64 place(unsigned int i)
{
	return (u64)(i / ARRAY_SIZE(places)) * PAGE_SIZE + places[i % ARRAY_SIZE(places)];
}

/* Every range between two places of four pages around the middle of the area. */
static long sweep(void *data)
{
	struct stage *stage = data;
	u64 window = (u64)(stage->area.pages - WINDOW_PAGES) / 2 * PAGE_SIZE;
	unsigned int last = WINDOW_PAGES * ARRAY_SIZE(places), start, end;

	for (start = 0; start <= last; start++)
		for (end = start; end <= last; end++)
			if (!compare_range(stage, window + place(start), place(end) - place(start),
					   end % 2 ? IOMD_DIRECTION_IN : IOMD_DIRECTION_OUT)) {
				kunit_info(stage->test, "from %#llx to %#llx, batch %u",
					   place(start), place(end), iomd_knob_pin_batch);
				return -EIO;
			}
	return 0;
}

static void every_byte_is_where_the_page_tables_say(struct kunit *test)
{
	struct stage stage;
	unsigned int i;

	stage_open(&stage, test, 6, WINDOW_PAGES + 1);
	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		iomd_knob_pin_batch = batches[i];
		if (actor_call(&stage.actor, sweep, &stage))
			break;
	}
	stage_close(&stage);
}

/* The segments of a descriptor, to be compared with another one's. */
struct list {
	unsigned int count, room;
	struct iomd_address_range *segments;
};

static bool note_segments(struct kunit *test, struct list *list, struct iomd *md)
{
	struct iomd_segment_iter iter;

	list->count = 0;
	iomd_for_each_segment(iter, md, 0, U64_MAX) {
		if (list->count == list->room) {
			KUNIT_FAIL(test, "more than %u segments", list->room);
			return false;
		}
		list->segments[list->count].address = iter.address;
		list->segments[list->count++].length = iter.length;
	}
	return true;
}

struct batch_run {
	struct stage *stage;
	struct list first, other;
};

static void list_init(struct kunit *test, struct list *list, unsigned int room)
{
	list->room = room;
	list->segments = kunit_kcalloc(test, room, sizeof(*list->segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list->segments);
}

static void compare_lists(struct batch_run *run, unsigned int batch, unsigned int block)
{
	struct kunit *test = run->stage->test;
	struct area *area = &run->stage->area;
	struct iomd_address_range ranges[] = {
		area_range(area, 700, area_bytes(area) - 1000),
		area_range(area, PAGE_SIZE + 1, 3 * PAGE_SIZE),
		area_range(area, 0, 1),
	};
	bool is_first = !run->first.count;
	struct list *list = is_first ? &run->first : &run->other;
	struct iomd *md;

	iomd_knob_pin_batch = batch;
	iomd_knob_segment_block = block;
	md = actor_describe(&run->stage->actor, ranges, ARRAY_SIZE(ranges), IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, actor_prepare(&run->stage->actor, md, 0), 0);
	note_segments(test, list, md);
	image_check(&run->stage->image, md);
	if (!is_first) {
		KUNIT_EXPECT_EQ_MSG(test, list->count, run->first.count, "batch %u, block %u",
				    batch, block);
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(list->segments, run->first.segments,
						    list->count * sizeof(*list->segments)),
				    "batch %u, block %u", batch, block);
	}
	KUNIT_EXPECT_EQ(test, actor_complete(&run->stage->actor, md, 0), 0);
	iomd_release(md);
}

static void batches_and_blocks_change_nothing(struct kunit *test)
{
	static const unsigned int blocks[] = { 0, 2, 3 };
	struct iomd_address_range ranges[3];
	struct batch_run run = {};
	struct stage stage;
	unsigned int i, j;

	stage_open(&stage, test, 130, 1200);
	run.stage = &stage;
	list_init(test, &run.first, 200);
	list_init(test, &run.other, 200);
	ranges[0] = area_range(&stage.area, 700, area_bytes(&stage.area) - 1000);
	ranges[1] = area_range(&stage.area, PAGE_SIZE + 1, 3 * PAGE_SIZE);
	ranges[2] = area_range(&stage.area, 0, 1);
	image_add_area(&stage.image, &stage.area, ranges, 3);
	for (i = 0; i < ARRAY_SIZE(batches); i++)
		for (j = 0; j < ARRAY_SIZE(blocks); j++)
			compare_lists(&run, batches[i], blocks[j]);
	stage_close(&stage);
}

static void a_thousand_ranges(struct kunit *test)
{
	const unsigned int count = 1000;
	struct iomd_address_range *ranges;
	struct stage stage;
	struct iomd *md;
	unsigned int i, batch;

	stage_open(&stage, test, 100, 6 * count);
	ranges = kunit_kcalloc(test, count, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < count; i++)
		ranges[i] = area_range(&stage.area,
				       rest_of(i * 104729ULL, area_bytes(&stage.area) - 9000),
				       i * 7 % 9000);
	image_add_area(&stage.image, &stage.area, ranges, count);
	for (batch = 0; batch < ARRAY_SIZE(batches); batch++) {
		iomd_knob_pin_batch = batches[batch];
		md = actor_describe(&stage.actor, ranges, count, IOMD_DIRECTION_IN |
				    (batch % 2 ? IOMD_MEMORY_AS_REFERENCE : 0));
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		KUNIT_ASSERT_EQ(test, actor_prepare(&stage.actor, md, 0), 0);
		image_check(&stage.image, md);
		KUNIT_EXPECT_EQ(test, actor_complete(&stage.actor, md, 0), 0);
		iomd_release(md);
	}
	stage_close(&stage);
}

/* Neighbours in space that are not neighbours in the descriptor, and others. */
static void ranges_that_almost_touch(struct kunit *test)
{
	struct iomd_address_range ranges[8];
	unsigned int segments, batch;
	struct stage stage;
	struct iomd *md;

	stage_open(&stage, test, 10, 20);
	ranges[0] = area_range(&stage.area, 0, PAGE_SIZE);
	ranges[1] = area_range(&stage.area, PAGE_SIZE + 100, PAGE_SIZE - 100);
	ranges[2] = area_range(&stage.area, 2 * PAGE_SIZE, 10);
	ranges[3] = area_range(&stage.area, 2 * PAGE_SIZE + 10, PAGE_SIZE - 11);
	ranges[4] = area_range(&stage.area, 3 * PAGE_SIZE, 2 * PAGE_SIZE);
	ranges[5] = area_range(&stage.area, 4 * PAGE_SIZE, PAGE_SIZE);
	ranges[6] = area_range(&stage.area, 6 * PAGE_SIZE, 1);
	ranges[7] = area_range(&stage.area, 5 * PAGE_SIZE, PAGE_SIZE);
	image_add_area(&stage.image, &stage.area, ranges, ARRAY_SIZE(ranges));
	for (batch = 0; batch < ARRAY_SIZE(batches); batch++) {
		iomd_knob_pin_batch = batches[batch];
		md = actor_describe(&stage.actor, ranges, ARRAY_SIZE(ranges), IOMD_DIRECTION_IN);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		KUNIT_ASSERT_EQ(test, actor_prepare(&stage.actor, md, 0), 0);
		image_check(&stage.image, md);
		image_check_walk(&stage.image, md, 0, U64_MAX, &segments);
		KUNIT_EXPECT_GE(test, segments, stage.image.merged);
		KUNIT_EXPECT_EQ(test, actor_complete(&stage.actor, md, 0), 0);
		iomd_release(md);
	}
	stage_close(&stage);
}

static void one_page_many_times(struct kunit *test)
{
	const unsigned int count = 600;
	struct iomd_address_range *ranges;
	struct stage stage;
	struct iomd *md;
	unsigned int i;

	stage_open(&stage, test, 2, 2 * count);
	ranges = kunit_kcalloc(test, count, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < count; i++)
		ranges[i] = area_range(&stage.area, i % 3 ? 0 : 100, PAGE_SIZE - 100 * (i % 2));
	image_add_area(&stage.image, &stage.area, ranges, count);
	md = actor_describe(&stage.actor, ranges, count, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_EQ(test, actor_prepare(&stage.actor, md, 0), 0);
	image_check(&stage.image, md);
	KUNIT_EXPECT_EQ(test, actor_complete(&stage.actor, md, 0), 0);
	iomd_release(md);
	stage_close(&stage);
}

/* Memory that was never written, be it the page of zeroes or become one's own. */
static void memory_never_touched(struct kunit *test)
{
	static const u64 directions[] = { IOMD_DIRECTION_OUT, IOMD_DIRECTION_IN };
	struct puppet *puppet = puppet_start(test);
	u8 *buffer = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct area area = { .puppet = puppet, .pages = 6 };
	unsigned int i, touched;
	struct image image;
	struct iomd *md;
	u64 frames[6];

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	area.frames = frames;
	image_init(&image, test, area.pages);
	for (i = 0; i < 2 * ARRAY_SIZE(directions); i++) {
		touched = i / ARRAY_SIZE(directions);
		area.address = puppet_mmap(puppet, area_bytes(&area), PROT_READ | PROT_WRITE,
					   MAP_PRIVATE, -1);
		if (touched)
			puppet_read(puppet, area.address, buffer, PAGE_SIZE);
		md = iomd_with_address_range(area.address, area_bytes(&area),
					     directions[i % ARRAY_SIZE(directions)],
					     puppet->task);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
		area_look_up(&area);
		image_clear(&image);
		image_add_area(&image, &area,
			       &(struct iomd_address_range) { area.address, area_bytes(&area) },
			       1);
		image_check(&image, md);
		memset(buffer, 0xff, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, buffer, PAGE_SIZE), (u64)PAGE_SIZE);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 0, PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
		iomd_release(md);
	}
}

/*
 * Kernel memory
 */

static u8 module_memory[3 * PAGE_SIZE] = { 1 };

static void compare_kernel(struct kunit *test, const void *address, u64 length)
{
	struct iomd *ready = iomd_with_address((void *)address, length, IOMD_DIRECTION_OUT);
	struct iomd *md = iomd_with_address_range((unsigned long)address, length,
						  IOMD_DIRECTION_IN, IOMD_KERNEL_TASK);
	unsigned int segments;
	struct image image;

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_ASSERT_FALSE(test, IS_ERR(ready));
	image_init(&image, test, length / PAGE_SIZE + 2);
	image_add_kernel(&image, address, length);
	image_check(&image, ready);

	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	image_check_walk(&image, md, 0, length, &segments);
	KUNIT_EXPECT_EQ(test, segments, image.merged);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	iomd_release(ready);
	os_object_barrier();
}

/* All ends within two pages, and the whole. */
static void compare_kernel_memory(struct kunit *test, const void *address, u64 length)
{
	unsigned int i, j;

	compare_kernel(test, address, length);
	for (i = 0; i < 2 * ARRAY_SIZE(places); i += 3)
		for (j = i + 1; j < 2 * ARRAY_SIZE(places); j += 2)
			if (place(j) <= length)
				compare_kernel(test, address + place(i), place(j) - place(i));
}

static void kernel_linear_memory(struct kunit *test)
{
	void *memory = kmalloc(5 * PAGE_SIZE, GFP_KERNEL), *small = kmalloc(100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_NOT_NULL(test, small);
	compare_kernel_memory(test, memory, 5 * PAGE_SIZE);
	compare_kernel(test, small, 100);
	kfree(small);
	kfree(memory);
}

static void kernel_vmalloc_memory(struct kunit *test)
{
	void *memory = vmalloc(40 * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, memory);
	compare_kernel_memory(test, memory, 40 * PAGE_SIZE);
	vfree(memory);
}

static void kernel_vmap_memory(struct kunit *test)
{
	struct kernel_area area;

	kernel_area_make(&area, test, 20);
	compare_kernel_memory(test, area.address, 20 * PAGE_SIZE);
	kernel_area_free(&area);
}

static void kernel_module_memory(struct kunit *test)
{
	compare_kernel_memory(test, module_memory, sizeof(module_memory));
	compare_kernel(test, &module_memory[1], 3);
}

/* They can be read by a device, but not written. */
static void kernel_code_and_constants(struct kunit *test)
{
	const void * const all[] = { settings, kernel_code_and_constants, &all };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		struct iomd *md = iomd_with_address((void *)all[i], 16, IOMD_DIRECTION_OUT);
		bool constant = all[i] != &all;
		struct image image;

		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		image_init(&image, test, 2);
		image_add_kernel(&image, all[i], 16);
		image_check(&image, md);
		iomd_release(md);
		/* Only there can a module see how the kernel has mapped something. */
		if (!IS_ENABLED(CONFIG_X86) || !IS_ENABLED(CONFIG_STRICT_MODULE_RWX))
			continue;
		md = iomd_with_address((void *)all[i], 16, IOMD_DIRECTION_IN);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(md), constant ? -EFAULT : 0, "%u", i);
		if (!IS_ERR(md))
			iomd_release(md);
	}
}

static void kernel_stack_memory(struct kunit *test)
{
	u8 local[200];

	compare_kernel(test, local, sizeof(local));
	compare_kernel(test, task_stack_page(current), THREAD_SIZE);
}

static void expect_no_kernel_memory(struct kunit *test, u64 address, u64 length)
{
	struct iomd *md = iomd_with_address((void *)(unsigned long)address, length,
					    IOMD_DIRECTION_OUT);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(md), -EFAULT, "at %#llx", address);
	if (!IS_ERR(md))
		iomd_release(md);
	md = iomd_with_address_range(address, length, IOMD_DIRECTION_OUT, IOMD_KERNEL_TASK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ_MSG(test, iomd_prepare(md, 0), -EFAULT, "at %#llx", address);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), 0ULL);
	iomd_release(md);
}

/* As kmap() does it. */
static void *map_for_a_while(struct page *page)
{
#ifdef CONFIG_HIGHMEM
	return kmap_high(page);
#else
	return page_address(page);
#endif
}

static void end_map(struct page *page)
{
#ifdef CONFIG_HIGHMEM
	kunmap_high(page);
#endif
}

/* It has no address of its own, or the one that it always has. */
static void kernel_memory_mapped_for_a_while(struct kunit *test)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	void *addresses[2];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, PageHighMem(page), IS_ENABLED(CONFIG_HIGHMEM));
	addresses[0] = map_for_a_while(page);
	addresses[1] = kmap_local_page(page);
	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		if (PageHighMem(page))
			expect_no_kernel_memory(test, (unsigned long)addresses[i], 8);
		else
			compare_kernel(test, addresses[i], PAGE_SIZE);
	kunmap_local(addresses[1]);
	end_map(page);
	__free_page(page);
}

static void kernel_ranges_of_all_kinds(struct kunit *test)
{
	void *memory = kmalloc(PAGE_SIZE, GFP_KERNEL);
	void *mapped = vmalloc(3 * PAGE_SIZE);
	struct iomd_address_range ranges[] = {
		{ (unsigned long)memory + 10, 900 },
		{ (unsigned long)mapped + 4000, 5000 },
		{ (unsigned long)module_memory + 1, 2 },
		{ (unsigned long)memory + 5, 100 },
	};
	struct image image;
	struct iomd *md;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_ASSERT_NOT_NULL(test, mapped);
	image_init(&image, test, 10);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		image_add_kernel(&image, (void *)(unsigned long)ranges[i].address,
				 ranges[i].length);
	md = iomd_with_address_ranges(ranges, ARRAY_SIZE(ranges), IOMD_DIRECTION_OUT_IN,
				      IOMD_KERNEL_TASK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	image_check(&image, md);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	os_object_barrier();
	vfree(mapped);
	kfree(memory);
}

static void refuses_mapped_registers(struct kunit *test)
{
	void __iomem *registers = ioremap(edu_registers(test), PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)registers);
	expect_no_kernel_memory(test, (unsigned long)registers, 8);
	iounmap(registers);
}

static void refuses_what_is_no_kernel_memory(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct area area;
	void *gone = vmalloc(PAGE_SIZE), *mapped = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, gone);
	KUNIT_ASSERT_NOT_NULL(test, mapped);
	vfree(gone);
	/* Behind each vmalloc area is a page that is not mapped. */
	expect_no_kernel_memory(test, (unsigned long)mapped + PAGE_SIZE - 1, 2);
	expect_no_kernel_memory(test, (unsigned long)mapped + PAGE_SIZE, 1);
	vfree(mapped);

	expect_no_kernel_memory(test, (unsigned long)gone, 8);
	expect_no_kernel_memory(test, 0, 8);
	expect_no_kernel_memory(test, 0x1000, 8);
	/* Behind the last page of RAM in the linear map, and where no address can be. */
	expect_no_kernel_memory(test, (unsigned long)(IS_ENABLED(CONFIG_64BIT) ?
						      __va(BIT_ULL(43)) : high_memory), 8);
	expect_no_kernel_memory(test, BIT_ULL(60), 8);
	expect_no_kernel_memory(test, -2 * PAGE_SIZE, PAGE_SIZE);

	/* A user's address, even while it is the current one's. */
	area_make(&area, puppet, AREA_SCATTERED, 2);
	expect_no_kernel_memory(test, area.address, 8);
	puppet_adopt_mm(puppet);
	expect_no_kernel_memory(test, area.address, 8);
	puppet_leave_mm(puppet);
}

static void a_page_struct_is_not_its_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, page);
	md = iomd_with_address(page, sizeof(*page), IOMD_DIRECTION_OUT);
	/* It is memory of the kernel, but whose address is it? */
	if (!IS_ERR(md)) {
		KUNIT_EXPECT_NE(test, (u64)iomd_get_physical_address(md),
				(u64)page_to_phys(page));
		iomd_release(md);
	}
	__free_page(page);
}

static struct kunit_case source_cases[] = {
	KUNIT_CASE_PARAM(every_byte_is_where_the_page_tables_say, setting_gen_params),
	KUNIT_CASE_PARAM(batches_and_blocks_change_nothing, setting_gen_params),
	KUNIT_CASE_PARAM(a_thousand_ranges, setting_gen_params),
	KUNIT_CASE_PARAM(ranges_that_almost_touch, setting_gen_params),
	KUNIT_CASE_PARAM(one_page_many_times, setting_gen_params),
	KUNIT_CASE(memory_never_touched),
	KUNIT_CASE(kernel_linear_memory),
	KUNIT_CASE(kernel_vmalloc_memory),
	KUNIT_CASE(kernel_vmap_memory),
	KUNIT_CASE(kernel_module_memory),
	KUNIT_CASE(kernel_code_and_constants),
	KUNIT_CASE(kernel_stack_memory),
	KUNIT_CASE(kernel_memory_mapped_for_a_while),
	KUNIT_CASE(kernel_ranges_of_all_kinds),
	KUNIT_CASE(refuses_mapped_registers),
	KUNIT_CASE(refuses_what_is_no_kernel_memory),
	KUNIT_CASE(a_page_struct_is_not_its_page),
	{}
};

static struct kunit_suite source_suite = {
	.name = "iomd_source",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = source_cases,
};

kunit_test_suite(source_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's sources of memory");
MODULE_LICENSE("GPL");
