// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors as dma-bufs, for an importer that lives here, and dma-bufs as
 * descriptors: of ours, and of udmabuf, which makes them of a process' memory.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/udmabuf.h>
#include <uapi/linux/memfd.h>

#include <asm/unistd.h>

#include "../../src/compat/dma_buf.h"
#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "../../src/debug/knobs.h"
#include "bench.h"
#include "maps.h"
#include "neighbours.h"

#define PAGES	5

static void list_addresses(struct strict_list *list, const struct importer *importer)
{
	struct scatterlist *sg;
	int i;

	list->count = 0;
	list->length = 0;
	for_each_sgtable_dma_sg(importer->table, sg, i) {
		list->segments[list->count].iovm_addr = sg_dma_address(sg);
		list->segments[list->count++].length = sg_dma_len(sg);
		list->length += sg_dma_len(sg);
		/* What an importer must not look at is not there. */
		if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
			KUNIT_EXPECT_PTR_EQ(list->test, sg_page(sg), NULL);
	}
}

/*
 * Ours for others
 */

static void a_device_sees_it(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct bench *bench = bench_make(test);
	struct importer importer, other;
	struct dma_buf *dmabuf;

	bench_add(bench, 0, 0, BENCH_CHUNK_BYTES);
	bench_add(bench, BENCH_HIGH, 0, BENCH_CHUNK_BYTES);
	bench_add(bench, 1, PAGE_SIZE, PAGE_SIZE);
	bench_describe(bench, BENCH_KERNEL, BOTH);
	dmabuf = exported(test, bench->md, O_RDWR);
	KUNIT_EXPECT_EQ(test, dmabuf->size, bench->length);
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_FROM_DEVICE), 0);
	list_addresses(&bench->list, &importer);
	KUNIT_EXPECT_EQ(test, bench->list.length, bench->length);
	bench_device_writes(bench, 0, 3000, 9000);
	KUNIT_ASSERT_EQ(test, importer_start(&other, dmabuf, dev, DMA_TO_DEVICE), 0);
	list_addresses(&bench->list, &other);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), 0);
	bench_cpu_writes(bench, 5000, 5000);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), 0);
	bench_expect_device_sees(bench, 0);
	importer_end(&other);
	importer_end(&importer);
	put(dmabuf);
	bench_expect_memory(bench);
	bench_end(bench);
	driven_device_remove(dev);
}

static bool is_prepared(struct iomd *md)
{
	return iomd_get_preparation_id(md) != IOMD_PREPARATION_ID_UNPREPARED;
}

/* Memory that was prepared to be exported, and that a device of its maker's uses longer. */
static void a_device_outlives_it(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_map *map;
	struct dma_buf *dmabuf;
	struct iomd *mds[2];
	struct area area;
	unsigned int i;

	mds[0] = user_memory(test, &area, PAGES);
	mds[1] = made(test, iomd_buffer_with_options(BOTH | IOMD_MEMORY_PAGEABLE, PAGE_SIZE, 1));
	for (i = 0; i < 2; i++) {
		dmabuf = exported(test, mds[i], O_RDWR);
		map = iomd_dma_map(mds[i], dev, 0, PAGE_SIZE, 0);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(map), 0);
		put(dmabuf);
		settle();
		KUNIT_EXPECT_TRUE(test, is_prepared(mds[i]));
		iomd_dma_unmap(map);
		os_object_barrier();
		KUNIT_EXPECT_FALSE(test, is_prepared(mds[i]));
		iomd_release(mds[i]);
	}
	driven_device_remove(dev);
}

/* It stays prepared, and is there, whatever its maker does. */
static void lives_on(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct importer importer;
	struct dma_buf *dmabuf;
	struct iomd *md;
	struct area area;

	md = user_memory(test, &area, PAGES);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	dmabuf = exported(test, md, O_RDWR);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_warning_once("iomd: complete while the memory is mapped");
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), -EBUSY);
	iomd_release(md);
	puppet_kill(area.puppet);
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	put(dmabuf);
	KUNIT_EXPECT_NE(test, sg_dma_len(importer.table->sgl), 0U);
	importer_end(&importer);
	fixture_expect_nothing_taken(test);
	driven_device_remove(dev);
}

static void what_is_not_exported(struct kunit *test)
{
	struct area area;
	struct iomd *md;

	md = made(test, iomd_device_memory_with_range(0x1000, 0));
	expect_not_exported(test, md, O_RDWR, -EINVAL);
	iomd_release(md);
	area_make(&area, puppet_start(test), AREA_SCATTERED, PAGES);
	md = made(test, iomd_with_address_range(area.address, PAGES * P, IOMD_DIRECTION_OUT,
						area.puppet->task));
	expect_not_exported(test, md, O_WRONLY, -EINVAL);
	expect_not_exported(test, md, O_RDWR | O_NONBLOCK, -EINVAL);
	expect_not_exported(test, md, O_RDWR, -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	puppet_kill(area.puppet);
	expect_not_exported(test, md, O_RDONLY, -ESRCH);
	iomd_release(md);
}

static void a_process_sees_it(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct file_call call = { .flags = O_RDWR | O_CLOEXEC };
	u8 *bytes = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);
	unsigned long address;
	struct leaf leaf;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	leaf_make(&leaf, test, PAGES);
	fill_pattern(leaf.area.address, 7, PAGES * P);
	call.md = made(test, leaf_describe(&leaf, BOTH));
	call.fd = puppet_call(puppet, export_fd, &call);
	KUNIT_ASSERT_GT(test, call.fd, 0);
	iomd_release(call.md);
	KUNIT_EXPECT_EQ(test, map_file(puppet, PAGES * P, PROT_READ, MAP_PRIVATE, call.fd),
			(long)-EINVAL);
	KUNIT_EXPECT_EQ(test, map_file(puppet, (PAGES + 1) * P, PROT_READ, MAP_SHARED, call.fd),
			(long)-EINVAL);
	address = map_file(puppet, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED, call.fd);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(address));
	/* The mapping is enough. */
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_close, call.fd), 0L);
	puppet_copy(puppet, address, bytes, PAGES * P, false);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 7, PAGES * P), PAGES * P);
	fill_pattern(bytes, 99, PAGES * P);
	puppet_copy(puppet, address, bytes, PAGES * P, true);
	KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address, 99, PAGES * P), PAGES * P);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_munmap, address, PAGES * P), 0L);
	settle();
	fixture_expect_nothing_taken(test);
	leaf_free(&leaf);
}

/* What is for reading, and is not shown to the kernel, which could write. */
static void what_a_process_does_not_see(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct file_call call = { .flags = O_RDONLY };
	struct iosys_map map;
	unsigned long address;
	struct leaf leaf;

	leaf_make(&leaf, test, PAGES);
	call.md = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT));
	call.fd = puppet_call(puppet, export_fd, &call);
	KUNIT_ASSERT_GT(test, call.fd, 0);
	iomd_release(call.md);
	KUNIT_EXPECT_EQ(test, map_file(puppet, P, PROT_READ | PROT_WRITE, MAP_SHARED, call.fd),
			(long)-EACCES);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, call.fd);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(address));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect, address, P,
					     PROT_READ | PROT_WRITE), (long)-EACCES);
	KUNIT_ASSERT_EQ(test, puppet_call(puppet, get_fd, &call), 0L);
	KUNIT_EXPECT_EQ(test, iomd_compat_dma_buf_vmap(call.dmabuf, &map), -EINVAL);
	put(call.dmabuf);
	puppet_exit(puppet);
	settle();
	leaf_free(&leaf);
}

static void a_device_only_reads(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct importer importer;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, IOMD_DIRECTION_OUT));
	dmabuf = exported(test, md, O_RDONLY);
	iomd_release(md);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_FROM_DEVICE), -EACCES);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), -EACCES);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_TO_DEVICE), 0);
	importer_end(&importer);
	put(dmabuf);
	leaf_free(&leaf);
	driven_device_remove(dev);
}

static void the_kernel_sees_it(struct kunit *test)
{
	struct iosys_map map, again;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	fill_pattern(leaf.area.address, 3, PAGES * P);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), 0);
	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &again), 0);
	KUNIT_EXPECT_FALSE(test, map.is_iomem);
	KUNIT_EXPECT_EQ(test, find_mismatch(map.vaddr, 3, PAGES * P), PAGES * P);
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
	KUNIT_EXPECT_EQ(test, find_mismatch(again.vaddr, 3, PAGES * P), PAGES * P);
	iomd_compat_dma_buf_vunmap(dmabuf, &again);
	put(dmabuf);
	leaf_free(&leaf);
}

/* Registers have no pages; the CPU sees them, devices don't. */
static void device_memory(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *md = made(test, iomd_device_memory_with_range(edu_registers(test), P));
	struct dma_buf *dmabuf = exported(test, md, O_RDWR);
	struct importer importer;
	struct iosys_map map;

	iomd_release(md);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL),
			-EOPNOTSUPP);
	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), 0);
	KUNIT_EXPECT_TRUE(test, map.is_iomem);
	KUNIT_EXPECT_EQ(test, readl(map.vaddr_iomem), EDU_SIGNATURE);
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, P, BOTH));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EOPNOTSUPP);
	iomd_release(md);
	put(dmabuf);
	driven_device_remove(dev);
}

static void a_driver_leaves(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct importer importer, other;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	driven_device_unbind(dev, NULL, NULL);
	KUNIT_EXPECT_EQ(test, iomd_counter_read(IOMD_DMA_MAPPED),
			iomd_counter_read(IOMD_DMA_UNMAPPED));
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), 0);
	KUNIT_EXPECT_EQ(test, importer_start(&other, dmabuf, dev, DMA_BIDIRECTIONAL), -ENODEV);
	importer_end(&importer);
	put(dmabuf);
	leaf_free(&leaf);
	driven_device_remove(dev);
}

/* The table of open files is full: nothing is left of the attempt. */
static void no_room_for_a_file(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	const u64 limits[2] = { 1, 1 };
	struct file_call call = { .flags = O_RDWR };
	struct leaf leaf;
	u64 at;

	leaf_make(&leaf, test, PAGES);
	call.md = made(test, leaf_describe(&leaf, BOTH));
	at = puppet_string(puppet, "") + 64;
	puppet_write(puppet, at, limits, sizeof(limits));
	KUNIT_ASSERT_EQ(test, 0L, puppet_syscall(puppet, __NR_prlimit64, 0, RLIMIT_NOFILE,
						 at, 0));
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, export_fd, &call), (long)-EMFILE);
	/* What it put ends when it leaves the kernel. */
	puppet_syscall(puppet, __NR_getpid);
	settle();
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(&call.md->object), 1U);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(call.md), IOMD_PREPARATION_ID_UNPREPARED);
	iomd_release(call.md);
	leaf_free(&leaf);
}

static void the_exporters_module_stays(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	/* One that stays beyond this case, with nobody else loading what needs it. */
	struct module *module = fixture_module();
	struct device *dev = driven_device(test, 64);
	int references = module_refcount(module);
	struct importer importer;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;
	u64 name;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = iomd_dma_buf_export_owned(md, O_RDWR, module);
	KUNIT_ASSERT_FALSE(test, IS_ERR(dmabuf));
	iomd_release(md);
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	put(dmabuf);
	name = puppet_string(puppet, module->name);
	KUNIT_EXPECT_EQ(test, (long)-EWOULDBLOCK,
			puppet_syscall(puppet, __NR_delete_module, name, O_NONBLOCK));
	KUNIT_EXPECT_EQ(test, module_refcount(module), references + 1);
	importer_end(&importer);
	KUNIT_EXPECT_EQ(test, module_refcount(module), references);
	leaf_free(&leaf);
	driven_device_remove(dev);
}

/*
 * Others' for us
 */

static void what_is_not_imported(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct file_call call = { .fd = 0, .length = P, .direction = BOTH };
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	expect_refusal(test, iomd_with_dma_buf(dmabuf, 0, PAGES * P + 1, BOTH), -EINVAL);
	expect_refusal(test, iomd_with_dma_buf(dmabuf, U64_MAX, 2, BOTH), -EINVAL);
	expect_refusal(test, iomd_with_dma_buf(dmabuf, 0, P, IOMD_MAP_ANYWHERE), -EINVAL);
	put(dmabuf);
	call.fd = puppet_open(puppet, "/dev/null", O_RDWR);
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, import_fd, &call), (long)-EINVAL);
	call.fd = 1000;
	KUNIT_EXPECT_EQ(test, puppet_call(puppet, import_fd, &call), (long)-EBADF);
	leaf_free(&leaf);
}

/* No two views of RAM may differ in that. */
static void is_cached_as_what_is_exported(struct kunit *test)
{
	struct iomd *own = iomd_buffer_with_options(BOTH | IOMD_MAP_WRITE_COMBINE_CACHE, 2 * P, 0);
	struct puppet *puppet = puppet_start(test);
	struct iomd_mapping *mapping;
	struct dma_buf *dmabuf;
	struct iomd *md;

	if (IS_ERR(own) && PTR_ERR(own) == -EOPNOTSUPP)
		kunit_skip(test, "this architecture caches all RAM");
	KUNIT_ASSERT_FALSE(test, IS_ERR(own));
	dmabuf = exported(test, own, O_RDWR);
	iomd_release(own);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, 2 * P, BOTH));
	put(dmabuf);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	mapping = iomd_map(md, IOMD_MAP_COPYBACK_CACHE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapping), -EOPNOTSUPP);
	if (!IS_ERR(mapping))
		end_mapping(mapping);
	mapping = iomd_map(md, IOMD_MAP_WRITE_COMBINE_CACHE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapping), 0);
	if (!IS_ERR(mapping))
		end_mapping(mapping);
	/* The kernel complains of a view that has another mode. */
	mapping = iomd_create_mapping_in_task(md, puppet->task, 0,
					      IOMD_MAP_ANYWHERE | IOMD_MAP_PREFAULT, 0, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(mapping), 0);
	if (!IS_ERR(mapping))
		end_mapping(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	/* A view, the mapping that it was of, and what that was of. */
	settle();
	settle();
}

/* Its physical pieces, its bytes, and what others make of it. */
static void behaves_like_others(struct kunit *test)
{
	struct leaf leaf;
	struct image image;
	struct dma_buf *dmabuf;
	struct iomd *md, *own, *sub, *parts[2], *whole;
	struct iomd_mapping *mapping;
	u8 bytes[100];

	leaf_make(&leaf, test, PAGES);
	fill_pattern(leaf.area.address, 0, PAGES * P);
	own = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, own, O_RDWR);
	iomd_release(own);
	md = made(test, iomd_with_dma_buf(dmabuf, 100, PAGES * P - 100, BOTH));
	put(dmabuf);
	KUNIT_EXPECT_STREQ(test, iomd_get_meta_class(md)->name, "iomd_dma_buf");
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, bytes, 100), 0ULL);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	image_init(&image, test, PAGES);
	image_add_kernel(&image, leaf.area.address + 100, PAGES * P - 100);
	image_check(&image, md);

	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, P, bytes, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, P + 100, 100), 100UL);
	fill_pattern(bytes, 55, 100);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, P, bytes, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(leaf.area.address + P + 100, 55, 100), 100UL);

	mapping = map_part(test, md, IOMD_MAP_UNIQUE, 0, P);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes_of(mapping), 100, P - 100), P - 100);
	end_mapping(mapping);

	sub = made(test, iomd_sub_with_sub_range(md, P, P, BOTH));
	parts[0] = sub;
	parts[1] = md;
	whole = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	KUNIT_ASSERT_EQ(test, iomd_prepare(whole, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(whole, 0, bytes, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 55, 100), 100UL);
	KUNIT_EXPECT_EQ(test, iomd_complete(whole, 0), 0);
	iomd_release(whole);
	iomd_release(sub);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	settle();
	leaf_free(&leaf);
}

static void only_read(struct kunit *test)
{
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;
	u8 byte = 1;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, P, IOMD_DIRECTION_OUT));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_IN), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, &byte, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	put(dmabuf);
	leaf_free(&leaf);
}

/* Through a device, by a command that has to copy, and by one that has not. */
static void a_transfer(struct kunit *test)
{
	const unsigned int bits[] = { 64, low_memory_bits() };
	struct iomd_dma_command *command;
	struct strict_list list;
	struct dma_buf *dmabuf;
	struct device *dev;
	struct leaf leaf;
	struct iomd *md;
	u8 bytes[300];
	unsigned int i;

	needs_higher_memory(test);
	dev = driven_device(test, 64);
	strict_list_init(&list, test, 64);
	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	md = made(test, iomd_with_dma_buf(dmabuf, 10, 3 * P, BOTH));
	put(dmabuf);
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		driven_device_set_bits(dev, bits[i]);
		KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
		command = iomd_dma_command_with_specification(iomd_dma_command_output_host64,
							      NULL, 0, dev, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(command));
		KUNIT_ASSERT_EQ(test, set_memory(command, md, true), 0);
		KUNIT_ASSERT_EQ(test, strict_list_get(&list, command, 0, 5), 0);
		fill_pattern(bytes, i, sizeof(bytes));
		strict_device_write(&list, P - 100, bytes, sizeof(bytes));
		KUNIT_EXPECT_EQ(test, iomd_dma_command_complete(command, true, true), 0);
		KUNIT_EXPECT_EQ(test, sizeof(bytes),
				find_mismatch(leaf.area.address + P - 90, i, sizeof(bytes)));
		iomd_dma_command_release(command);
		os_object_barrier();
		KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	}
	iomd_release(md);
	settle();
	leaf_free(&leaf);
	driven_device_remove(dev);
}

/* The importer's mapping is the last that needs the memory, and the exporter has one, too. */
static void a_mapping_of_what_is_mapped(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct dma_buf *dmabuf;
	struct leaf leaf;
	struct iomd *md;

	leaf_make(&leaf, test, PAGES);
	md = made(test, leaf_describe(&leaf, BOTH));
	dmabuf = exported(test, md, O_RDWR);
	iomd_release(md);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, 3 * P, BOTH));
	put(dmabuf);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_unmap(mapping), 0);
	KUNIT_EXPECT_EQ(test, iomd_get_preparation_id(md), IOMD_PREPARATION_ID_UNPREPARED);
	end_mapping(mapping);
	iomd_release(md);
	settle();
	leaf_free(&leaf);
}

/*
 * udmabuf
 */

struct foreign {
	struct puppet *puppet;
	u64 address;
	int fd;
};

static void foreign_make(struct kunit *test, struct foreign *foreign)
{
	struct puppet *puppet = puppet_start(test);
	struct udmabuf_create create = { .size = PAGES * P };
	long memfd, node;
	u8 *bytes = kunit_kzalloc(test, PAGES * P, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	foreign->puppet = puppet;
	memfd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "foreign"),
			       MFD_ALLOW_SEALING);
	KUNIT_ASSERT_GT(test, memfd, 0L);
	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_ftruncate, memfd, PAGES * P), 0L);
	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_fcntl, memfd, F_ADD_SEALS,
					     F_SEAL_SHRINK), 0L);
	foreign->address = puppet_mmap(puppet, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED,
				       memfd);
	fill_pattern(bytes, 1000, PAGES * P);
	puppet_write(puppet, foreign->address, bytes, PAGES * P);
	node = puppet_open(puppet, "/dev/udmabuf", O_RDWR);
	KUNIT_ASSERT_GT(test, node, 0L);
	create.memfd = memfd;
	puppet_write(puppet, puppet->scratch, &create, sizeof(create));
	foreign->fd = puppet_syscall(puppet, __NR_ioctl, node, UDMABUF_CREATE, puppet->scratch);
	KUNIT_ASSERT_GT(test, foreign->fd, 0);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_close, node), 0L);
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_close, memfd), 0L);
}

static struct iomd *foreign_import(struct kunit *test, struct foreign *foreign, u64 direction)
{
	struct file_call call = { .fd = foreign->fd, .length = PAGES * P,
				  .direction = direction };

	KUNIT_ASSERT_EQ(test, puppet_call(foreign->puppet, import_fd, &call), 0L);
	if (iomd_prepare(call.md, 0) == -EOPNOTSUPP) {
		iomd_release(call.md);
		settle();
		kunit_skip(test, "the CPU can't see what this kernel's udmabuf exports");
	}
	iomd_complete(call.md, 0);
	return call.md;
}

static void foreign_memory(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct foreign foreign;
	struct iomd_dma_map *map;
	struct device *dev;
	struct iomd *md;
	u8 bytes[200];

	foreign_make(test, &foreign);
	md = foreign_import(test, &foreign, BOTH);
	dev = driven_device(test, 64);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, P - 100, bytes, 200), 200ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 1000 + P - 100, 200), 200UL);
	fill_pattern(bytes, 5, 200);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 2 * P - 100, bytes, 200), 200ULL);
	puppet_read(foreign.puppet, foreign.address + 2 * P - 100, bytes, 200);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 5, 200), 200UL);

	/* Its exporter maps it, too, for a CPU access. */
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG))
		expect_warning_once("overlapping mappings aren't supported");
	map = iomd_dma_map(md, dev, 1, 3 * P, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	KUNIT_EXPECT_EQ(test, (u64)sg_dma_address(map->sgt.sgl),
			(u64)iomd_get_physical_address(md) + 1);
	iomd_dma_unmap(map);

	mapping = mapped(test, iomd_create_mapping_in_task(md, foreign.puppet->task, 0, ANY, P,
							   3 * P));
	puppet_copy(foreign.puppet, iomd_mapping_get_address(mapping) + P - 100, bytes, 200, false);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 5, 200), 200UL);
	end_mapping(mapping);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	settle();
	driven_device_remove(dev);
}

/* The process and its file may go at any time. */
static void foreign_owners_go(struct kunit *test)
{
	struct foreign foreign;
	struct iomd *md;
	u8 bytes[200];

	foreign_make(test, &foreign);
	md = foreign_import(test, &foreign, BOTH);
	KUNIT_EXPECT_EQ(test, puppet_syscall(foreign.puppet, __NR_close, foreign.fd), 0L);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	puppet_kill(foreign.puppet);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, P, bytes, 200), 200ULL);
	KUNIT_EXPECT_EQ(test, find_mismatch(bytes, 1000 + P, 200), 200UL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	/* The last reference completes it. */
	iomd_release(md);
	settle();
}

/*
 * Ends
 */

enum item {
	OWN,
	BUFFER,
	IMPORTER,
	IMPORTED,
	ITEMS,
};

static void one_order(struct kunit *test, struct device *dev, const struct leaf *leaf,
		      const unsigned int *order)
{
	struct iomd *own = made(test, leaf_describe(leaf, BOTH)), *md;
	struct dma_buf *dmabuf = exported(test, own, O_RDWR);
	struct iomd_dma_map *map;
	struct importer importer;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_TO_DEVICE), 0);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, PAGES * P, BOTH));
	KUNIT_ASSERT_EQ(test, iomd_prepare(md, 0), 0);
	map = iomd_dma_map(md, dev, 0, P, IOMD_DIRECTION_OUT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(map));
	for (i = 0; i < ITEMS; i++)
		switch (order[i]) {
		case OWN:
			iomd_release(own);
			break;
		case BUFFER:
			put(dmabuf);
			break;
		case IMPORTER:
			importer_end(&importer);
			break;
		case IMPORTED:
			iomd_release(md);
			iomd_dma_unmap(map);
			break;
		}
	settle();
	fixture_expect_nothing_taken(test);
}

static void every_order(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	unsigned int order[ITEMS], i, n, rest;
	struct leaf leaf;

	leaf_make(&leaf, test, PAGES);
	for (n = 0; n < 24; n++) {
		unsigned int items[ITEMS] = { OWN, BUFFER, IMPORTER, IMPORTED };

		for (i = 0, rest = n; i < ITEMS; i++) {
			unsigned int pick = rest % (ITEMS - i);

			rest /= ITEMS - i;
			order[i] = items[pick];
			items[pick] = items[ITEMS - 1 - i];
		}
		one_order(test, dev, &leaf, order);
	}
	leaf_free(&leaf);
	driven_device_remove(dev);
}

struct attempt {
	struct leaf *leaf;
	struct device *dev;
};

static int look(struct dma_buf *dmabuf)
{
	struct iosys_map map;
	struct iomd *md;
	int ret;

	ret = iomd_compat_dma_buf_vmap(dmabuf, &map);
	if (ret)
		return ret;
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
	md = iomd_with_dma_buf(dmabuf, 0, dmabuf->size, BOTH);
	if (IS_ERR(md))
		return PTR_ERR(md);
	ret = iomd_prepare(md, 0);
	iomd_release(md);
	return ret;
}

static int lend(struct attempt *attempt, struct iomd *md)
{
	struct importer importer;
	struct dma_buf *dmabuf;
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	dmabuf = iomd_dma_buf_export(md, O_RDWR);
	iomd_release(md);
	ret = PTR_ERR_OR_ZERO(dmabuf);
	if (!ret) {
		ret = importer_start(&importer, dmabuf, attempt->dev, DMA_FROM_DEVICE);
		if (!ret)
			importer_end(&importer);
		ret = ret ?: look(dmabuf);
		dma_buf_put(dmabuf);
	}
	settle();
	return ret;
}

static int attempt(struct kunit *test, void *data)
{
	struct attempt *attempt = data;

	return lend(attempt, leaf_describe(attempt->leaf, BOTH));
}

/* Who can't be counted as a user any more does not end others' uses later. */
static void of_what_too_many_use(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, PAGES * P - 5, 1));
	struct dma_buf *dmabuf;
	unsigned int i, ended = 0;

	for (i = 0; i < 131071; i++)
		if (iomd_dma_command_operation(md, IOMD_MD_SET_DMA_ACTIVE, NULL, 0))
			break;
	KUNIT_EXPECT_EQ(test, i, 131071U);
	KUNIT_EXPECT_EQ(test, iomd_dma_command_operation(md, IOMD_MD_SET_DMA_ACTIVE, NULL, 0),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(iomd_dma_map(md, dev, 0, P, 0)), -EOVERFLOW);
	dmabuf = iomd_dma_buf_export(md, O_RDWR);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), -EOVERFLOW);
	if (!IS_ERR(dmabuf)) {
		dma_buf_put(dmabuf);
		settle();
	}
	for (i = 0; i < 131071; i++)
		if (!iomd_dma_command_operation(md, IOMD_MD_SET_DMA_INACTIVE, NULL, 0))
			ended++;
	KUNIT_EXPECT_EQ(test, ended, 131071U);
	iomd_release(md);
	driven_device_remove(dev);
}

static void steps_that_fail(struct kunit *test)
{
	struct attempt data = { .dev = driven_device(test, 64) };
	struct leaf leaf;

	leaf_make(&leaf, test, PAGES);
	data.leaf = &leaf;
	/* The list of an import's pages is to need more than one block. */
	iomd_knob_segment_block = 2;
	/*
	 * Described, exported and listed; a device's view, map and table; the mapping; the
	 * import, its access, its view and its list.
	 */
	expect_warning_once("dma_buf_vmap");
	KUNIT_EXPECT_GE(test, fail_each_step(test, attempt, &data), 12U);
	leaf_free(&leaf);
	driven_device_remove(data.dev);
}

/* Importers take whole pages of a buffer: those are described anew. */
static void steps_of_a_buffer_that_fail(struct kunit *test)
{
	struct iomd *md = made(test, iomd_buffer_with_options(BOTH, PAGES * P - 5, 1));
	struct attempt data = { .dev = driven_device(test, 64) };
	unsigned int nth;
	bool failed;
	int ret;

	iomd_knob_segment_block = 2;
	for (nth = 1; nth < 1000; nth++) {
		iomd_inject_arm(nth);
		ret = lend(&data, iomd_retain(md));
		failed = iomd_inject_disarm();
		KUNIT_ASSERT_EQ_MSG(test, ret, failed ? -ENOMEM : 0, "step %u", nth);
		if (!failed)
			break;
	}
	/* The export, the description of its pages, their list, and what sees them. */
	KUNIT_EXPECT_GE(test, nth, 10U);
	iomd_release(md);
	driven_device_remove(data.dev);
}

static struct kunit_case dma_buf_cases[] = {
	KUNIT_CASE(a_device_sees_it),
	KUNIT_CASE(of_what_too_many_use),
	KUNIT_CASE(a_device_outlives_it),
	KUNIT_CASE(lives_on),
	KUNIT_CASE(what_is_not_exported),
	KUNIT_CASE(a_process_sees_it),
	KUNIT_CASE(what_a_process_does_not_see),
	KUNIT_CASE(a_device_only_reads),
	KUNIT_CASE(the_kernel_sees_it),
	KUNIT_CASE(device_memory),
	KUNIT_CASE(a_driver_leaves),
	KUNIT_CASE(no_room_for_a_file),
	KUNIT_CASE(the_exporters_module_stays),
	KUNIT_CASE(what_is_not_imported),
	KUNIT_CASE(is_cached_as_what_is_exported),
	KUNIT_CASE(behaves_like_others),
	KUNIT_CASE(only_read),
	KUNIT_CASE(a_transfer),
	KUNIT_CASE(a_mapping_of_what_is_mapped),
	KUNIT_CASE(foreign_memory),
	KUNIT_CASE(foreign_owners_go),
	KUNIT_CASE(every_order),
	KUNIT_CASE(steps_that_fail),
	KUNIT_CASE(steps_of_a_buffer_that_fail),
	{}
};

static struct kunit_suite dma_buf_suite = {
	.name = "iomd_dma_buf",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = bench_fixture_exit,
	.test_cases = dma_buf_cases,
};

kunit_test_suite(dma_buf_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_INFO(import_ns, "DMA_BUF");
MODULE_DESCRIPTION("Tests of iomd: dma-bufs");
MODULE_LICENSE("GPL");
