// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor as a device sees it.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "fake_device.h"
#include "fixtures.h"

#define P	((u64)PAGE_SIZE)

struct scene {
	struct kunit *test;
	struct device *device;
	struct area area;
	struct iomd *md;
	struct image image;
};

/* Prepared user memory from 100 bytes behind its start to 100 before its end. */
static void scene_open(struct scene *scene, struct kunit *test, enum area_kind kind,
		       unsigned int pages, u64 direction)
{
	struct iomd_address_range range;

	scene->test = test;
	scene->device = fake_device(test);
	area_make(&scene->area, puppet_start(test), kind, pages);
	range = area_range(&scene->area, 100, area_bytes(&scene->area) - 200);
	scene->md = iomd_with_address_range(range.address, range.length, direction,
					    scene->area.puppet->task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(scene->md));
	KUNIT_ASSERT_EQ(test, iomd_prepare(scene->md, 0), 0);
	area_look_up(&scene->area);
	image_init(&scene->image, test, scene->area.pages);
	image_add_area(&scene->image, &scene->area, &range, 1);
}

static void scene_close(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, iomd_complete(scene->md, 0), 0);
	iomd_release(scene->md);
}

static struct iomd_dma_map *map(struct scene *scene, u64 offset, u64 length, u64 direction)
{
	struct iomd_dma_map *map = iomd_dma_map(scene->md, scene->device, offset, length,
						direction);

	KUNIT_ASSERT_FALSE_MSG(scene->test, IS_ERR(map), "%ld", PTR_ERR(map));
	return map;
}

/* Without an IOMMU the device must see exactly the physical addresses. */
static void check_map(struct scene *scene, struct iomd_dma_map *map, u64 offset, u64 length)
{
	u64 max = dma_get_max_seg_size(scene->device);
	u64 boundary = dma_get_seg_boundary(scene->device), at = offset, room;
	struct scatterlist *sg;
	int i;

	KUNIT_EXPECT_PTR_EQ(scene->test, map->md, scene->md);
	KUNIT_EXPECT_PTR_EQ(scene->test, map->dev, scene->device);
	KUNIT_EXPECT_EQ(scene->test, map->offset, offset);
	KUNIT_EXPECT_EQ(scene->test, map->length, length);
	for_each_sgtable_dma_sg(&map->sgt, sg, i) {
		u64 address = sg_dma_address(sg), bytes = sg_dma_len(sg);

		if (address != image_at(&scene->image, at, &room) || bytes > room || !bytes ||
		    bytes > max || (address & ~boundary) != ((address + bytes - 1) & ~boundary)) {
			KUNIT_FAIL(scene->test, "offset %#llx: %#llx + %#llx", at, address, bytes);
			return;
		}
		at += bytes;
	}
	KUNIT_EXPECT_EQ(scene->test, at, offset + length);
}

static void maps_and_unmaps(struct scene *scene, u64 offset, u64 length, u64 direction)
{
	struct iomd_dma_map *mapped = map(scene, offset, length, direction);

	check_map(scene, mapped, offset, length);
	iomd_dma_unmap(mapped);
}

static const enum area_kind kinds[] = {
	AREA_SCATTERED, AREA_HUGE, AREA_HUGETLB, AREA_MEMFD,
};

static void kind_desc(const enum area_kind *kind, char *desc)
{
	strscpy(desc, area_names[*kind], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_desc);

static void all_of_it(struct kunit *test)
{
	static const struct {
		u64 own, asked;
		enum dma_data_direction dma;
	} table[] = {
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_IN, DMA_FROM_DEVICE },
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_OUT, DMA_TO_DEVICE },
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_OUT_IN, DMA_BIDIRECTIONAL },
		{ IOMD_DIRECTION_OUT_IN, IOMD_DIRECTION_NONE, DMA_BIDIRECTIONAL },
		/* Whoever mixes up the two sets of constants gets what is meant. */
		{ IOMD_DIRECTION_OUT_IN, DMA_FROM_DEVICE, DMA_FROM_DEVICE },
		{ IOMD_DIRECTION_OUT_IN, DMA_TO_DEVICE, DMA_TO_DEVICE },
		{ IOMD_DIRECTION_IN, DMA_BIDIRECTIONAL, DMA_FROM_DEVICE },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_NONE, DMA_FROM_DEVICE },
		{ IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, DMA_TO_DEVICE },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_NONE, DMA_TO_DEVICE },
		{ IOMD_DIRECTION_OUT, IOMD_DIRECTION_OUT, DMA_TO_DEVICE },
		{ IOMD_DIRECTION_NONE, IOMD_DIRECTION_NONE, DMA_BIDIRECTIONAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct iomd_dma_map *mapped;
		struct scene scene;

		scene_open(&scene, test, *(const enum area_kind *)test->param_value, 9,
			   table[i].own);
		mapped = map(&scene, 0, scene.image.length, table[i].asked);
		KUNIT_EXPECT_EQ_MSG(test, (int)mapped->direction, (int)table[i].dma, "row %u", i);
		check_map(&scene, mapped, 0, scene.image.length);
		iomd_dma_unmap(mapped);
		scene_close(&scene);
		puppet_kill(scene.area.puppet);
	}
}

static void parts_of_it(struct kunit *test)
{
	struct scene scene;
	u64 offset, length;

	scene_open(&scene, test, *(const enum area_kind *)test->param_value, 9,
		   IOMD_DIRECTION_IN);
	for (offset = 0; offset < 9 * P - 200; offset += 1021)
		for (length = 1; offset + length <= 9 * P - 200; length += 1531)
			maps_and_unmaps(&scene, offset, length, IOMD_DIRECTION_IN);
	maps_and_unmaps(&scene, scene.image.length - 1, 1, IOMD_DIRECTION_OUT);
	scene_close(&scene);
}

/* The descriptor's own segments are not cut; those of each map are. */
static void pieces_that_a_device_can_take(struct kunit *test)
{
	static const struct {
		unsigned int max;
		u64 boundary;
	} table[] = {
		{ SZ_4K, U32_MAX }, { SZ_64K, U32_MAX }, { SZ_64K, SZ_4K - 1 },
		{ 1024, U64_MAX }, { 12345, SZ_16K - 1 }, { U32_MAX, U64_MAX },
	};
	struct scene scene;
	unsigned int i, segments, after;

	scene_open(&scene, test, *(const enum area_kind *)test->param_value, 40,
		   IOMD_DIRECTION_IN);
	image_check_walk(&scene.image, scene.md, 0, U64_MAX, &segments);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		dma_set_max_seg_size(scene.device, table[i].max);
		dma_set_seg_boundary(scene.device, table[i].boundary);
		maps_and_unmaps(&scene, 0, scene.image.length, IOMD_DIRECTION_IN);
		maps_and_unmaps(&scene, 4000, 30 * P, IOMD_DIRECTION_OUT);
		image_check_walk(&scene.image, scene.md, 0, U64_MAX, &after);
		KUNIT_EXPECT_EQ(test, after, segments);
	}
	scene_close(&scene);
}

/* The table grows in blocks, whose last entries become links where more follow. */
static void tables_of_any_length(struct kunit *test)
{
	struct scene scene;
	unsigned int pages;

	scene_open(&scene, test, AREA_SCATTERED, 230, IOMD_DIRECTION_IN);
	dma_set_max_seg_size(scene.device, PAGE_SIZE);
	for (pages = 1; pages < 228; pages++) {
		u64 offset = P - 100, length = pages * P;
		struct iomd_dma_map *mapped = map(&scene, offset, length, 0);

		KUNIT_EXPECT_EQ(test, mapped->sgt.orig_nents, pages);
		KUNIT_EXPECT_EQ(test, (unsigned int)sg_nents(mapped->sgt.sgl), pages);
		check_map(&scene, mapped, offset, length);
		iomd_dma_unmap(mapped);
	}
	scene_close(&scene);
}

/* Every allocation of a map of several blocks, and what follows it. */
static void fails_at_each_step(struct kunit *test)
{
	struct iomd_dma_map *mapped;
	unsigned int steps = 0;
	struct scene scene;
	bool fired;

	scene_open(&scene, test, AREA_SCATTERED, 110, IOMD_DIRECTION_IN);
	dma_set_max_seg_size(scene.device, PAGE_SIZE);
	do {
		iomd_inject_arm(++steps);
		mapped = iomd_dma_map(scene.md, scene.device, 0, 108 * P, 0);
		fired = iomd_inject_disarm();
		if (fired)
			KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapped), -ENOMEM);
		if (!IS_ERR(mapped))
			iomd_dma_unmap(mapped);
	} while (fired);
	KUNIT_EXPECT_FALSE(test, IS_ERR(mapped));
	/* The device, the map, three blocks, the mapping. */
	KUNIT_EXPECT_GE(test, steps - 1, 6U);
	scene_close(&scene);
}

static void expect_refusal(struct scene *scene, u64 offset, u64 length, u64 direction, int error)
{
	struct iomd_dma_map *mapped = iomd_dma_map(scene->md, scene->device, offset, length,
						   direction);

	KUNIT_EXPECT_EQ_MSG(scene->test, PTR_ERR_OR_ZERO(mapped), error, "%#llx + %#llx", offset,
			    length);
	if (!IS_ERR(mapped))
		iomd_dma_unmap(mapped);
}

static void refuses_what_is_not_there(struct kunit *test)
{
	struct scene scene;
	u64 all;

	scene_open(&scene, test, AREA_SCATTERED, 3, IOMD_DIRECTION_OUT_IN);
	all = scene.image.length;
	expect_refusal(&scene, 0, 0, 0, -EINVAL);
	expect_refusal(&scene, all, 0, 0, -EINVAL);
	expect_refusal(&scene, all, 1, 0, -EINVAL);
	expect_refusal(&scene, 0, all + 1, 0, -EINVAL);
	expect_refusal(&scene, all - 1, 2, 0, -EINVAL);
	expect_refusal(&scene, 1, U64_MAX, 0, -EINVAL);
	expect_refusal(&scene, U64_MAX, 1, 0, -EINVAL);
	expect_refusal(&scene, U64_MAX, U64_MAX, 0, -EINVAL);
	expect_refusal(&scene, 0, 1, BIT_ULL(2), -EINVAL);
	expect_refusal(&scene, 0, 1, BIT_ULL(63), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_dma_map(scene.md, NULL, 0, 1, 0)), -EINVAL);
	scene_close(&scene);
}

static void refuses_memory_that_is_not_prepared(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 3, IOMD_DIRECTION_OUT_IN);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	expect_refusal(&scene, 0, 1, IOMD_DIRECTION_OUT, -EAGAIN);
	expect_refusal(&scene, 0, 1, IOMD_DIRECTION_IN, -EAGAIN);
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	scene_close(&scene);
}

static void refuses_to_write_what_is_for_reading(struct kunit *test)
{
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 3, IOMD_DIRECTION_OUT);
	expect_refusal(&scene, 0, 1, IOMD_DIRECTION_IN, -EACCES);
	expect_refusal(&scene, 0, P, IOMD_DIRECTION_OUT_IN, -EACCES);
	maps_and_unmaps(&scene, 0, P, IOMD_DIRECTION_OUT);
	scene_close(&scene);
}

static void refuses_a_device_that_does_no_dma(struct kunit *test)
{
	struct scene scene;
	u64 *mask, bits;

	scene_open(&scene, test, AREA_SCATTERED, 3, IOMD_DIRECTION_OUT);
	mask = scene.device->dma_mask;
	bits = *mask;
	scene.device->dma_mask = NULL;
	expect_refusal(&scene, 0, 1, 0, -ENODEV);
	scene.device->dma_mask = mask;
	*mask = 0;
	expect_refusal(&scene, 0, 1, 0, -ENODEV);
	*mask = bits;
	maps_and_unmaps(&scene, 0, 1, 0);
	scene_close(&scene);
}

static void refuses_registers(struct kunit *test)
{
	struct scene scene = { .test = test, .device = fake_device(test) };

	scene.md = iomd_device_memory_with_range(NO_RAM, 0x1000);
	KUNIT_ASSERT_FALSE(test, IS_ERR(scene.md));
	expect_refusal(&scene, 0, 16, IOMD_DIRECTION_OUT, -EOPNOTSUPP);
	iomd_release(scene.md);
}

static void complete_is_refused_while_mapped(struct kunit *test)
{
	struct iomd_dma_map *one, *other;
	struct scene scene;
	u64 id;

	scene_open(&scene, test, AREA_SCATTERED, 5, IOMD_DIRECTION_IN);
	id = iomd_get_preparation_id(scene.md);
	one = map(&scene, 0, P, IOMD_DIRECTION_IN);
	other = map(&scene, P / 2, P, IOMD_DIRECTION_OUT);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), -EBUSY);
	/* Nothing has changed. */
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&scene.area.puppet->mm->pinned_vm), 5ULL);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(scene.md), id);
	image_check(&scene.image, scene.md);
	/* Only the one that would end it is. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(scene.md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), 0);
	iomd_dma_unmap(one);
	KUNIT_EXPECT_EQ(test, iomd_complete(scene.md, 0), -EBUSY);
	check_map(&scene, other, P / 2, P);
	iomd_dma_unmap(other);
	scene_close(&scene);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&scene.area.puppet->mm->pinned_vm), 0ULL);
}

static void a_map_holds_what_it_needs(struct kunit *test)
{
	unsigned int references;
	struct iomd_dma_map *mapped;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 5, IOMD_DIRECTION_IN);
	references = kref_read(&scene.device->kobj.kref);
	mapped = map(&scene, 0, 3 * P, IOMD_DIRECTION_IN);
	KUNIT_EXPECT_EQ(test, kref_read(&scene.device->kobj.kref), references + 1);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&scene.md->object), 2U);
	iomd_release(scene.md);
	os_object_barrier();
	puppet_kill(scene.area.puppet);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&scene.area.puppet->mm->pinned_vm), 5ULL);
	check_map(&scene, mapped, 0, 3 * P);
	iomd_dma_sync_for_cpu(mapped);
	iomd_dma_sync_for_device(mapped);
	iomd_dma_unmap(mapped);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&scene.area.puppet->mm->pinned_vm), 0ULL);
	KUNIT_EXPECT_EQ(test, kref_read(&scene.device->kobj.kref), references);
}

static void unmap(void *data)
{
	iomd_dma_unmap(data);
}

static void may_be_unmapped_in_hard_irq(struct kunit *test)
{
	struct iomd_dma_map *mapped;
	struct scene scene;

	scene_open(&scene, test, AREA_SCATTERED, 200, IOMD_DIRECTION_IN);
	mapped = map(&scene, 0, 199 * P, 0);
	call_in_irq_handler(test, unmap, mapped);
	scene_close(&scene);
	iomd_dma_unmap(NULL);
}

static void kernel_and_physical_memory(struct kunit *test)
{
	u8 *memory = kmalloc(3 * P, GFP_KERNEL);
	struct scene scene = { .test = test, .device = fake_device(test) };

	KUNIT_ASSERT_NOT_NULL(test, memory);
	image_init(&scene.image, test, 4);
	image_add_kernel(&scene.image, memory + 7, 2 * P);
	scene.md = iomd_with_address(memory + 7, 2 * P, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(scene.md));
	maps_and_unmaps(&scene, 0, 2 * P, 0);
	maps_and_unmaps(&scene, P, 5, 0);
	iomd_release(scene.md);
	scene.md = iomd_with_physical_address(virt_to_phys(memory + 7), 2 * P, IOMD_DIRECTION_IN);
	KUNIT_ASSERT_FALSE(test, IS_ERR(scene.md));
	maps_and_unmaps(&scene, 0, 2 * P, 0);
	maps_and_unmaps(&scene, P, 5, 0);
	iomd_release(scene.md);
	os_object_barrier();
	kfree(memory);
}

/* The address space of a device that is not the machine's. */
static void behind_an_iommu(struct kunit *test)
{
	struct pci_dev *edu = pci_get_device(0x1234, 0x11e8, NULL);
	u64 mask, sum = 0, offset;
	struct iomd_dma_map *mapped;
	struct scatterlist *sg;
	struct scene scene;
	int i;

	if (!edu)
		kunit_skip(test, "this machine has no edu device");
	mask = dma_get_mask(&edu->dev);
	dma_set_mask_and_coherent(&edu->dev, DMA_BIT_MASK(28));
	scene_open(&scene, test, AREA_SCATTERED, 60, IOMD_DIRECTION_IN);
	scene.device = &edu->dev;
	for (offset = 0; offset < 3 * P; offset += 997) {
		mapped = map(&scene, offset, 50 * P, IOMD_DIRECTION_IN);
		for_each_sgtable_dma_sg(&mapped->sgt, sg, i) {
			KUNIT_EXPECT_LE(test, (u64)sg_dma_address(sg) + sg_dma_len(sg) - 1,
					DMA_BIT_MASK(28));
			KUNIT_EXPECT_LE(test, sg_dma_len(sg), dma_get_max_seg_size(&edu->dev));
			sum += sg_dma_len(sg);
		}
		KUNIT_EXPECT_EQ(test, sum, 50 * P);
		sum = 0;
		iomd_dma_unmap(mapped);
	}
	scene_close(&scene);
	dma_set_mask_and_coherent(&edu->dev, mask);
	pci_dev_put(edu);
}

/* Of one page, what is mapped is where the DMA API itself maps it. */
static void check_moved(struct scene *scene, u64 offset, u64 length, dma_addr_t at)
{
	struct iomd_dma_map *mapped = map(scene, offset, length, IOMD_DIRECTION_OUT);
	u64 room, address = image_at(&scene->image, offset, &room);
	dma_addr_t of_page;

	KUNIT_EXPECT_EQ(scene->test, (u64)sg_dma_address(mapped->sgt.sgl),
			at + offset_in_page(address));
	of_page = dma_map_page(scene->device, pfn_to_page(PHYS_PFN(address)), 0, P, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(scene->test, dma_mapping_error(scene->device, of_page), 0);
	KUNIT_EXPECT_EQ(scene->test, of_page, at);
	dma_unmap_page(scene->device, of_page, P, DMA_TO_DEVICE);
	iomd_dma_unmap(mapped);
}

/* As far as the DMA API has a device reach a page, so far does a map, and no further. */
static void a_device_that_sees_memory_elsewhere(struct kunit *test)
{
	struct scene scene;
	phys_addr_t page;
	u64 room;

	scene_open(&scene, test, AREA_SCATTERED, 3, IOMD_DIRECTION_OUT_IN);
	page = ALIGN_DOWN(image_at(&scene.image, 0, &room), P);
	*scene.device->dma_mask = DMA_BIT_MASK(PAGE_SHIFT + 1);
	/* Its mask is far below where the page is. */
	device_move_memory(test, scene.device, page, 0, P);
	check_moved(&scene, 0, 1000, 0);
	expect_refusal(&scene, 0, P, 0, -ERANGE);
	device_move_memory(test, scene.device, page, P, P);
	check_moved(&scene, 0, P - 100, P);
	/* Here it is beyond the mask, though it need not be where it is. */
	device_move_memory(test, scene.device, page, 2 * P, P);
	expect_refusal(&scene, 0, 1, 0, -ERANGE);
	/* It does not see the page at all. */
	device_move_memory(test, scene.device, page + P, 0, P);
	expect_refusal(&scene, 0, 1, 0, -ERANGE);
	device_move_memory(test, scene.device, 0, 0, 0);
	scene_close(&scene);
}

/* Where a device sees memory elsewhere, a boundary is one of the addresses that it sees. */
static void a_boundary_where_it_sees_memory(struct kunit *test)
{
	/* The memory begins where the CPU has such a boundary, and the device has none. */
	static const u64 expected[] = { 1, 2, 1 };
	struct device *dev = fake_device(test);
	struct page *pages = alloc_pages(GFP_KERNEL, 2);
	struct iomd_dma_map *mapped;
	struct scatterlist *sg;
	struct iomd *md;
	u64 at = P;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	*dev->dma_mask = DMA_BIT_MASK(PAGE_SHIFT + 4);
	dma_set_max_seg_size(dev, U32_MAX);
	dma_set_seg_boundary(dev, 2 * P - 1);
	device_move_memory(test, dev, page_to_phys(pages), P, 4 * P);
	md = iomd_with_physical_address(page_to_phys(pages), 4 * P, IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	mapped = iomd_dma_map(md, dev, 0, 4 * P, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapped), 0);
	if (!IS_ERR(mapped)) {
		KUNIT_EXPECT_EQ(test, mapped->sgt.nents, ARRAY_SIZE(expected));
		for_each_sgtable_dma_sg(&mapped->sgt, sg, i) {
			KUNIT_EXPECT_EQ(test, sg_dma_address(sg), at);
			KUNIT_EXPECT_EQ(test, sg_dma_len(sg), expected[i] * P);
			at += sg_dma_len(sg);
		}
		iomd_dma_unmap(mapped);
	}
	iomd_release(md);
	os_object_barrier();
	device_move_memory(test, dev, 0, 0, 0);
	__free_pages(pages, 2);
}

static struct kunit_case dma_cases[] = {
	KUNIT_CASE_PARAM(all_of_it, kind_gen_params),
	KUNIT_CASE_PARAM(parts_of_it, kind_gen_params),
	KUNIT_CASE_PARAM(pieces_that_a_device_can_take, kind_gen_params),
	KUNIT_CASE(tables_of_any_length),
	KUNIT_CASE(fails_at_each_step),
	KUNIT_CASE(refuses_what_is_not_there),
	KUNIT_CASE(refuses_memory_that_is_not_prepared),
	KUNIT_CASE(refuses_to_write_what_is_for_reading),
	KUNIT_CASE(refuses_a_device_that_does_no_dma),
	KUNIT_CASE(refuses_registers),
	KUNIT_CASE(complete_is_refused_while_mapped),
	KUNIT_CASE(a_map_holds_what_it_needs),
	KUNIT_CASE(may_be_unmapped_in_hard_irq),
	KUNIT_CASE(kernel_and_physical_memory),
	KUNIT_CASE(behind_an_iommu),
	KUNIT_CASE(a_device_that_sees_memory_elsewhere),
	KUNIT_CASE(a_boundary_where_it_sees_memory),
	{}
};

static struct kunit_suite dma_suite = {
	.name = "iomd_dma",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_cases,
};

kunit_test_suite(dma_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's DMA maps");
MODULE_LICENSE("GPL");
