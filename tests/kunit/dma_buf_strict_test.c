// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors as dma-bufs, and dma-bufs as descriptors, with neighbours that hold us to
 * the contract of dma-bufs: importers that take whole pages, that pin, and that look
 * while others do, and an exporter that caches its own way, and moves.
 */
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/personality.h>
#include <linux/sched/signal.h>

#include <asm/unistd.h>

#include "../../src/compat/dma_buf.h"
#include "fake_device.h"
#include "neighbours.h"

#define PAGES	3

/*
 * Whole pages
 */

static struct iomd *buffer(struct kunit *test, u64 options, u64 bytes)
{
	return made(test, iomd_buffer_with_options(BOTH | options, bytes, 0));
}

/* What a process sees of the whole of it, and what is behind that. */
static void expect_process_sees(struct kunit *test, struct dma_buf *dmabuf, u64 bytes)
{
	u8 *copy = kunit_kzalloc(test, dmabuf->size, GFP_KERNEL);
	struct puppet *puppet = puppet_start(test);
	int fd = puppet_give(puppet, dmabuf);
	long address;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_EQ(test, map_file(puppet, dmabuf->size + P, PROT_READ, MAP_SHARED, fd),
			(long)-EINVAL);
	address = map_file(puppet, dmabuf->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(address));
	memset(copy, 0xff, dmabuf->size);
	puppet_copy(puppet, address, copy, dmabuf->size, false);
	KUNIT_EXPECT_EQ(test, find_mismatch(copy, 7, bytes), (size_t)bytes);
	KUNIT_EXPECT_NULL(test, memchr_inv(copy + bytes, 0, dmabuf->size - bytes));
	puppet_exit(puppet);
	settle();
}

static void is_whole_pages(struct kunit *test)
{
	const u64 lengths[] = { 1, 100, 5000, P, 2 * P, 2 * P + 1 };
	const u64 options[] = { 0, IOMD_MEMORY_PAGEABLE, IOMD_MEMORY_PHYSICALLY_CONTIGUOUS };
	struct device *dev = driven_device(test, 64);
	u8 *bytes = kunit_kzalloc(test, 2 * P + 1, GFP_KERNEL);
	unsigned int i, n;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	fill_pattern(bytes, 7, 2 * P + 1);
	for (n = 0; n < ARRAY_SIZE(options) * ARRAY_SIZE(lengths); n++) {
		struct iomd *md;
		struct dma_buf *dmabuf;

		i = n % ARRAY_SIZE(lengths);
		md = buffer(test, options[n / ARRAY_SIZE(lengths)], lengths[i]);
		dmabuf = exported(test, md, O_RDWR);
		KUNIT_EXPECT_EQ(test, (u64)dmabuf->size, PAGE_ALIGN(lengths[i]));
		KUNIT_EXPECT_EQ(test, iomd_get_length(md), lengths[i]);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, bytes, lengths[i]), lengths[i]);
		iomd_release(md);
		importer_expect_pages(test, dmabuf, dev);
		expect_process_sees(test, dmabuf, lengths[i]);
		put(dmabuf);
	}
	driven_device_remove(dev);
}

static void refused(struct kunit *test, struct iomd *md, int error)
{
	expect_not_exported(test, md, O_RDWR, error);
	iomd_release(md);
}

/* Of memory that is not our own, others would be shown what lies beside it. */
static void what_is_not_whole_pages(struct kunit *test)
{
	struct iomd *parts[2], *own;
	struct area area;
	struct leaf leaf;
	u64 at;

	leaf_make(&leaf, test, PAGES);
	at = (unsigned long)leaf.area.address;
	refused(test, made(test, iomd_with_address_range(at + 64, 2 * P, BOTH, KERNEL)), -EINVAL);
	refused(test, made(test, iomd_with_address_range(at, P + 64, BOTH, KERNEL)), -EINVAL);
	area_make(&area, puppet_start(test), AREA_SCATTERED, PAGES);
	refused(test, made(test, iomd_with_address_range(area.address, 5000, BOTH,
							 area.puppet->task)), -EINVAL);
	own = buffer(test, 0, 2 * P);
	refused(test, made(test, iomd_sub_with_sub_range(own, 0, P + 1, BOTH)), -EINVAL);
	refused(test, made(test, iomd_sub_with_sub_range(own, 1, P, BOTH)), -EINVAL);
	iomd_release(own);
	parts[0] = buffer(test, 0, P);
	parts[1] = buffer(test, 0, 5000);
	refused(test, made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false)), -EINVAL);
	iomd_release(parts[1]);
	parts[1] = made(test, iomd_guard_page_with_size(P));
	own = iomd_interleaved_with_capacity(2, BOTH);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(own, parts[0], 0, P), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(own, parts[1], 0, P), 0);
	refused(test, own, -EINVAL);
	iomd_release(parts[0]);
	iomd_release(parts[1]);
	puppet_kill(area.puppet);
	leaf_free(&leaf);
}

static void parts_that_are_whole_pages(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *own = buffer(test, 0, 3 * P), *other = buffer(test, 0, P), *parts[2], *md;
	struct dma_buf *dmabuf;

	parts[0] = made(test, iomd_sub_with_sub_range(own, P, 2 * P, BOTH));
	parts[1] = other;
	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	dmabuf = exported(test, md, O_RDWR);
	KUNIT_EXPECT_EQ(test, (u64)dmabuf->size, 3 * P);
	importer_expect_pages(test, dmabuf, dev);
	iomd_release(md);
	iomd_release(parts[0]);
	iomd_release(own);
	iomd_release(other);
	put(dmabuf);
	driven_device_remove(dev);
}

/* Nothing is as it was for who imports it, but its size, which never changes. */
static void a_buffer_becomes_shorter(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *md = buffer(test, 0, PAGES * P);
	u8 *bytes = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	fill_pattern(bytes, 7, PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, bytes, PAGES * P), PAGES * P);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 100), 0);
	importer_expect_pages(test, dmabuf, dev);
	expect_process_sees(test, dmabuf, PAGES * P);
	put(dmabuf);
	dmabuf = exported(test, md, O_RDWR);
	KUNIT_EXPECT_EQ(test, (u64)dmabuf->size, P);
	put(dmabuf);
	KUNIT_EXPECT_EQ(test, iomd_buffer_set_length(md, 0), 0);
	expect_not_exported(test, md, O_RDWR, -EINVAL);
	iomd_release(md);
	driven_device_remove(dev);
}

/* Nobody completes in the place of who exports it. */
static void stays_prepared(struct kunit *test)
{
	struct iomd *md = buffer(test, IOMD_MEMORY_PAGEABLE, 5000);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);

	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	put(dmabuf);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	iomd_release(md);
}

/* A device whose pieces are shorter than pages gets none rather than what is not one. */
static void pieces_that_are_no_pages(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *md = buffer(test, 0, PAGES * P);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);
	struct importer importer;

	iomd_release(md);
	dma_set_max_seg_size(dev, 512);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_TO_DEVICE), -ERANGE);
	dma_set_max_seg_size(dev, P);
	importer_expect_pages(test, dmabuf, dev);
	put(dmabuf);
	driven_device_remove(dev);
}

/*
 * Views
 */

/* The exporter has a mapping, too, and takes that down. */
static void a_view_of_its_own(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct area area;
	struct iomd *md;

	md = user_memory(test, &area, PAGES);
	mapping = mapped(test, iomd_map(md, 0));
	dmabuf = exported(test, md, O_RDWR);
	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), 0);
	KUNIT_EXPECT_PTR_NE(test, map.vaddr, (void *)bytes_of(mapping));
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_FALSE(test, faults(map.vaddr));
	iomd_mapping_release(mapping);
	/* And the other way round. */
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_PTR_NE(test, map.vaddr, (void *)bytes_of(mapping));
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
	KUNIT_EXPECT_FALSE(test, faults(bytes_of(mapping)));
	end_mapping(mapping);
	put(dmabuf);
	iomd_release(md);
	puppet_kill(area.puppet);
	settle();
}

/* RAM and registers, which no one view shows: not offered, so that nobody is warned. */
static void what_the_kernel_cant_see(struct kunit *test)
{
	struct iomd *parts[2] = { buffer(test, 0, P) }, *md;
	struct dma_buf *dmabuf;
	struct iosys_map map;

	parts[1] = made(test, iomd_device_memory_with_range(edu_registers(test), P));
	md = made(test, iomd_interleaved_with_capacity(2, BOTH));
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(md, parts[0], 0, P), 0);
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(md, parts[1], 0, P), 0);
	dmabuf = exported(test, md, O_RDWR);
	KUNIT_EXPECT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), -EINVAL);
	put(dmabuf);
	iomd_release(md);
	iomd_release(parts[0]);
	iomd_release(parts[1]);
	settle();
}

/* Neither a dma-buf nor any other view is a program. */
static void nothing_is_executed(struct kunit *test)
{
	struct iomd *md = buffer(test, 0, P);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);
	struct puppet *puppet = puppet_start(test);
	int fd = puppet_give(puppet, dmabuf);
	struct iomd_mapping *mapping;
	long address;

	put(dmabuf);
	KUNIT_EXPECT_EQ(test, map_file(puppet, P, PROT_READ | PROT_EXEC, MAP_SHARED, fd),
			(long)-EPERM);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(address));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect, address, P,
					     PROT_READ | PROT_EXEC), (long)-EACCES);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect, address, P,
					     PROT_READ | PROT_WRITE), 0L);
	mapping = mapped(test, iomd_create_mapping_in_task(md, puppet->task, 0, ANY, 0, 0));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect,
					     iomd_mapping_get_address(mapping), P,
					     PROT_READ | PROT_EXEC), (long)-EACCES);
	end_mapping(mapping);
	iomd_release(md);
	puppet_exit(puppet);
	settle();
}

/* An old program asks for it with all that it reads, and is not meant. */
static void what_old_programs_map(struct kunit *test)
{
	struct iomd *md = buffer(test, 0, P);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);
	struct puppet *puppet = puppet_start(test);
	int fd = puppet_give(puppet, dmabuf);
	long address;

	iomd_release(md);
	put(dmabuf);
	KUNIT_EXPECT_GE(test, puppet_syscall(puppet, __NR_personality, READ_IMPLIES_EXEC), 0L);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(address));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect, address, P,
					     PROT_READ | PROT_EXEC), (long)-EACCES);
	puppet_exit(puppet);
	settle();
}

struct look {
	struct puppet *puppet;
	struct user_copy copy;
	u8 byte;
};

static void look_begin(struct look *look, struct puppet *puppet, u64 address)
{
	look->puppet = puppet;
	look->copy = (struct user_copy) { address, &look->byte, 1, false };
	puppet_begin_call(puppet, copy_bytes, &look->copy);
}

static bool has_seen(const struct look *look)
{
	return puppet_is_done(look->puppet) && !puppet_answer(look->puppet);
}

/* Whether who touches it waits or is told no, nothing is to be seen while it is redirected. */
static void a_redirected_descriptor(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test), *other;
	struct look first, second;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct iomd *md, *of;
	struct area area;
	long address;
	u8 byte;
	int fd;

	of = user_memory(test, &area, PAGES);
	md = made(test, iomd_sub_with_sub_range(of, P, P, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	fd = puppet_give(puppet, dmabuf);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	puppet_copy(puppet, address, &byte, 1, false);
	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), 0);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), -EOPNOTSUPP);
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, true), 0);
	other = puppet_fork(puppet);
	look_begin(&first, puppet, address);
	/* Those that are made now are no better. */
	address = map_file(other, P, PROT_READ, MAP_SHARED, fd);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(address));
	look_begin(&second, other, address);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, has_seen(&first));
	KUNIT_EXPECT_FALSE(test, has_seen(&second));
	KUNIT_EXPECT_EQ(test, iomd_redirect(md, NULL, false), 0);
	puppet_kill(puppet);
	puppet_kill(other);
	puppet = puppet_start(test);
	fd = puppet_give(puppet, dmabuf);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	puppet_copy(puppet, address, &byte, 1, false);
	puppet_exit(puppet);
	put(dmabuf);
	iomd_release(md);
	iomd_release(of);
	puppet_kill(area.puppet);
	settle();
}

/* The import of what iomd exports is a view of the kernel's, too. */
static void an_import_of_what_is_redirected(struct kunit *test)
{
	struct dma_buf *dmabuf;
	struct iomd *md, *own;
	struct area area;

	own = user_memory(test, &area, PAGES);
	dmabuf = exported(test, own, O_RDWR);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, P, BOTH));
	KUNIT_EXPECT_EQ(test, iomd_redirect(own, NULL, true), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, iomd_redirect(own, NULL, false), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_redirect(own, NULL, true), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	put(dmabuf);
	iomd_release(own);
	puppet_kill(area.puppet);
	settle();
}

/* The mapping alone has it, after the file, the dma-buf's maker and its owner's module. */
static void a_mapping_outlives_all(struct kunit *test)
{
	struct module *owner = fixture_module(), *ours = iomd_meta_class.owner;
	int references = module_refcount(owner), held, owned;
	struct puppet *puppet = puppet_start(test);
	struct iomd *md = buffer(test, 0, P);
	struct dma_buf *dmabuf;
	long address;
	u8 byte;
	int fd;

	/* Whoever @owner may be, what is called is here. */
	held = module_refcount(ours);
	owned = module_refcount(owner);
	dmabuf = iomd_dma_buf_export_owned(md, O_RDWR, owner);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), 0);
	iomd_release(md);
	fd = puppet_give(puppet, dmabuf);
	put(dmabuf);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_close, fd), 0L);
	settle();
	KUNIT_EXPECT_EQ(test, module_refcount(owner), owned + 1);
	KUNIT_EXPECT_GT(test, module_refcount(ours), held);
	puppet_copy(puppet, address, &byte, 1, false);
	puppet_exit(puppet);
	settle();
	settle();
	KUNIT_EXPECT_EQ(test, module_refcount(owner), references);
	fixture_expect_nothing_taken(test);
}

static void an_owner_that_leaves(struct kunit *test)
{
	static struct module leaving = { .state = MODULE_STATE_GOING };
	struct iomd *md = buffer(test, 0, P);
	struct dma_buf *dmabuf = iomd_dma_buf_export_owned(md, O_RDWR, &leaving);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), -ENOENT);
	iomd_release(md);
}

/* One that could be told of moves: there are none. */
static void a_dynamic_importer(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *md = buffer(test, 0, 5000);
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);
	struct importer importer, other;

	iomd_release(md);
	KUNIT_ASSERT_EQ(test, importer_start_dynamic(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	KUNIT_ASSERT_EQ(test, importer_start(&other, dmabuf, dev, DMA_TO_DEVICE), 0);
	importer_end(&other);
	put(dmabuf);
	KUNIT_EXPECT_EQ(test, importer.moves, 0U);
	importer_end(&importer);
	fixture_expect_nothing_taken(test);
	driven_device_remove(dev);
}

/*
 * The exporter
 */

static struct iomd *imported(struct kunit *test, struct dma_buf *dmabuf, u64 direction)
{
	return made(test, iomd_with_dma_buf(dmabuf, 0, EXPORTER_PAGES * P, direction));
}

/* Every access has a view, and what is shown stays where it is for as long. */
static void an_exporter_that_moves(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, EXPORTER_PAGES * P, GFP_KERNEL);
	struct exporter exporter;
	struct dma_buf *dmabuf;
	struct iomd *md;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	dmabuf = exporter_start(&exporter, test, EXPORTER_CACHED, O_RDWR);
	md = imported(test, dmabuf, BOTH);
	put(dmabuf);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, exporter_move(&exporter, 100 * i), 0);
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
		KUNIT_EXPECT_EQ(test, exporter.begins, i + 1);
		KUNIT_EXPECT_EQ(test, exporter_move(&exporter, 0), -EBUSY);
		iomd_read_bytes(md, 0, bytes, EXPORTER_PAGES * P);
		KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 100 * i, EXPORTER_PAGES * P),
				(size_t)(EXPORTER_PAGES * P));
		fill_pattern(bytes, 7, EXPORTER_PAGES * P);
		iomd_write_bytes(md, 0, bytes, EXPORTER_PAGES * P);
		KUNIT_EXPECT_TRUE(test, exporter_holds(&exporter, 7));
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
		KUNIT_EXPECT_EQ(test, exporter.accesses, 0U);
		KUNIT_EXPECT_EQ(test, exporter.views, 0U);
	}
	iomd_release(md);
	exporter_await_end(&exporter);
}

static void needs_cache_modes(struct kunit *test)
{
	if (!HAVE_CACHE_MODES)
		kunit_skip(test, "this architecture caches all RAM, or does not tell");
}

/* Nobody can have a second view of it that does not differ from one that there is. */
static void an_exporter_with_two_modes(struct kunit *test)
{
	const enum exporter_mode modes[] = { EXPORTER_COMBINED_ALIAS, EXPORTER_MIXED };
	struct exporter exporter;
	struct dma_buf *dmabuf;
	struct iomd *md;
	unsigned int i;

	needs_cache_modes(test);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		dmabuf = exporter_start(&exporter, test, modes[i], O_RDWR);
		md = imported(test, dmabuf, BOTH);
		put(dmabuf);
		KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, exporter.views, 0U);
		KUNIT_EXPECT_EQ(test, exporter.accesses, 0U);
		iomd_release(md);
		exporter_await_end(&exporter);
	}
}

/* Its mode is ours. */
static void an_exporter_that_combines(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	struct exporter exporter;
	struct dma_buf *dmabuf;
	struct iomd *md;

	needs_cache_modes(test);
	dmabuf = exporter_start(&exporter, test, EXPORTER_COMBINED, O_RDWR);
	md = imported(test, dmabuf, BOTH);
	put(dmabuf);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_flags(md) & IOMD_MAP_CACHE_MASK,
			IOMD_MAP_WRITE_COMBINE_CACHE);
	expect_unmapped(test, iomd_map(md, IOMD_MAP_COPYBACK_CACHE), -EOPNOTSUPP);
	end_mapping(mapped(test, iomd_map(md, IOMD_MAP_WRITE_COMBINE_CACHE)));
	end_mapping(mapped(test, iomd_map(md, 0)));
	/* The kernel complains of a view that has another mode. */
	mapping = mapped(test, iomd_create_mapping_in_task(md, puppet->task, 0,
							   ANY | IOMD_MAP_PREFAULT, 0, 0));
	end_mapping(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	puppet_kill(puppet);
	exporter_await_end(&exporter);
}

static const char *name_of(struct dma_fence *fence)
{
	return "iomd-test";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = name_of,
	.get_timeline_name = name_of,
};

static void add_fence(struct kunit *test, struct dma_buf *dmabuf, struct dma_fence *fence)
{
	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(dmabuf->resv, 1), 0);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(dmabuf->resv);
}

/* A device still writes: a signal ends the wait, and what was taken is given back. */
static void a_device_that_still_writes(struct kunit *test)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	static DEFINE_SPINLOCK(lock);
	struct exporter exporter;
	struct dma_buf *dmabuf;
	struct iomd *md;

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &fence_ops, &lock, dma_fence_context_alloc(1), 1);
	dmabuf = exporter_start(&exporter, test, EXPORTER_CACHED, O_RDWR);
	add_fence(test, dmabuf, fence);
	md = imported(test, dmabuf, BOTH);
	put(dmabuf);
	allow_signal(SIGINT);
	send_sig(SIGINT, current, 0);
	/* An access that did not begin has no end. */
	exporter.uncounted = true;
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EINTR);
	exporter.uncounted = false;
	flush_signals(current);
	disallow_signal(SIGINT);
	KUNIT_EXPECT_EQ(test, exporter.views, 0U);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	exporter_await_end(&exporter);
	/* Fences are freed after a grace period. */
	rcu_barrier();
}

static struct kunit_case dma_buf_strict_cases[] = {
	KUNIT_CASE(is_whole_pages),
	KUNIT_CASE(what_is_not_whole_pages),
	KUNIT_CASE(parts_that_are_whole_pages),
	KUNIT_CASE(a_buffer_becomes_shorter),
	KUNIT_CASE(stays_prepared),
	KUNIT_CASE(pieces_that_are_no_pages),
	KUNIT_CASE(a_view_of_its_own),
	KUNIT_CASE(what_the_kernel_cant_see),
	KUNIT_CASE(nothing_is_executed),
	KUNIT_CASE(what_old_programs_map),
	KUNIT_CASE(a_redirected_descriptor),
	KUNIT_CASE(an_import_of_what_is_redirected),
	KUNIT_CASE(a_mapping_outlives_all),
	KUNIT_CASE(an_owner_that_leaves),
	KUNIT_CASE(a_dynamic_importer),
	KUNIT_CASE(an_exporter_that_moves),
	KUNIT_CASE(an_exporter_with_two_modes),
	KUNIT_CASE(an_exporter_that_combines),
	KUNIT_CASE(a_device_that_still_writes),
	{}
};

static struct kunit_suite dma_buf_strict_suite = {
	.name = "iomd_dma_buf_strict",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_buf_strict_cases,
};

kunit_test_suite(dma_buf_strict_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "DMA_BUF");
MODULE_DESCRIPTION("Tests of iomd: dma-bufs among strict neighbours");
MODULE_LICENSE("GPL");
