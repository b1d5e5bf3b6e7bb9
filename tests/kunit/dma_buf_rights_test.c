// SPDX-License-Identifier: GPL-2.0
/*
 * What may be done with memory that is shared as a dma-buf: asked of every byte of it,
 * and the same for whoever gets at it.
 */
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mman.h>
#include <linux/module.h>

#include <asm/unistd.h>

#include "../../src/compat/dma_buf.h"
#include "fake_device.h"
#include "neighbours.h"

#define PAGES	2
#define OUT	IOMD_DIRECTION_OUT
#define IN	IOMD_DIRECTION_IN

/*
 * Some may be written, some may not
 */

struct two {
	struct leaf leaves[2];
	struct iomd *parts[2];
};

/* Two pieces of memory, of which @writable is prepared for writing, too. */
static void two_make(struct two *two, struct kunit *test, unsigned int writable)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		leaf_make(&two->leaves[i], test, PAGES);
		two->parts[i] = made(test, leaf_describe(&two->leaves[i], OUT));
		KUNIT_ASSERT_EQ(test, iomd_prepare(two->parts[i], i == writable ? BOTH : OUT), 0);
	}
}

static void two_end(struct two *two)
{
	unsigned int i;

	settle();
	for (i = 0; i < 2; i++) {
		iomd_complete(two->parts[i], 0);
		iomd_release(two->parts[i]);
		leaf_free(&two->leaves[i]);
	}
}

static void every_byte_counts(struct kunit *test)
{
	unsigned int writable;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct iomd *md, *sub;
	struct two two;

	for (writable = 0; writable < 2; writable++) {
		two_make(&two, test, writable);
		md = made(test, iomd_multi_with_descriptors(two.parts, 2, OUT, false));
		expect_not_exported(test, md, O_RDWR, -EACCES);
		dmabuf = exported(test, md, O_RDONLY);
		KUNIT_EXPECT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), -EINVAL);
		put(dmabuf);
		sub = made(test, iomd_sub_with_sub_range(md, writable * PAGES * P, PAGES * P, OUT));
		put(exported(test, sub, O_RDWR));
		iomd_release(sub);
		iomd_release(md);
		two_end(&two);
	}
}

/* A device does not get what it can't be given: for reading, all of it is there. */
static void a_command_goes_by_every_byte(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct iomd_dma_command *command;
	struct strict_list list;
	unsigned int writable;
	struct two two;
	struct iomd *md;

	strict_list_init(&list, test, 16);
	for (writable = 0; writable < 2; writable++) {
		two_make(&two, test, writable);
		md = made(test, iomd_interleaved_with_capacity(2, IN));
		iomd_interleaved_set_memory_descriptor(md, two.parts[0], 0, PAGES * P);
		iomd_interleaved_set_memory_descriptor(md, two.parts[1], 0, PAGES * P);
		command = iomd_dma_command_with_specification(iomd_dma_command_output_host64,
							      NULL, 0, dev, NULL);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
		KUNIT_EXPECT_EQ(test, 0,
				iomd_dma_command_set_memory_descriptor(command, md, false));
		KUNIT_EXPECT_EQ(test, iomd_dma_command_prepare(command, 0, 0, false, true), 0);
		KUNIT_EXPECT_EQ(test, strict_list_get(&list, command, 0, 5), 0);
		KUNIT_EXPECT_EQ(test, list.length, 2 * PAGES * P);
		iomd_dma_command_complete(command, true, true);
		iomd_dma_command_release(command);
		os_object_barrier();
		iomd_release(md);
		two_end(&two);
	}
	driven_device_remove(dev);
}

/* All of it or nothing, whichever of them comes first. */
static void bytes_are_copied_by_every_byte(struct kunit *test)
{
	u8 bytes[100] = {};
	unsigned int writable;
	struct iomd *md;
	struct two two;

	for (writable = 0; writable < 2; writable++) {
		two_make(&two, test, writable);
		md = made(test, iomd_multi_with_descriptors(two.parts, 2, OUT, false));
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, PAGES * P - 50, bytes, 100), 0ULL);
		KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, writable * PAGES * P, bytes, 100),
				100ULL);
		KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, PAGES * P - 50, bytes, 100), 100ULL);
		iomd_release(md);
		two_end(&two);
	}
}

/*
 * Which bytes?
 */

static struct iomd *copied_on_write(struct kunit *test, const struct leaf *leaf)
{
	return made(test, iomd_with_address_range((unsigned long)leaf->area.address, PAGES * P,
						  BOTH | IOMD_MEMORY_MAP_COPY_ON_WRITE, KERNEL));
}

static void refused_as_copied(struct kunit *test, struct iomd *md)
{
	expect_not_exported(test, md, O_RDWR, -EOPNOTSUPP);
	expect_not_exported(test, md, O_RDONLY, -EOPNOTSUPP);
	iomd_release(md);
}

/* Mappings of it show a copy, and devices would not: at any depth. */
static void what_is_copied_on_write(struct kunit *test)
{
	struct leaf leaf, other;
	struct iomd *parts[2], *md;

	leaf_make(&leaf, test, PAGES);
	leaf_make(&other, test, PAGES);
	parts[0] = made(test, leaf_describe(&other, BOTH));
	parts[1] = copied_on_write(test, &leaf);
	md = made(test, iomd_multi_with_descriptors(parts, 2, BOTH, false));
	refused_as_copied(test, made(test, iomd_sub_with_sub_range(md, P, 2 * P, BOTH)));
	put(exported(test, parts[0], O_RDWR));
	refused_as_copied(test, parts[1]);
	parts[1] = made(test, iomd_interleaved_with_capacity(1, BOTH));
	KUNIT_EXPECT_EQ(test, iomd_interleaved_set_memory_descriptor(parts[1], md, 2 * P, P), 0);
	refused_as_copied(test, parts[1]);
	refused_as_copied(test, md);
	iomd_release(parts[0]);
	settle();
	leaf_free(&leaf);
	leaf_free(&other);
}

static void another_machines_memory(struct kunit *test)
{
	struct iomd_address_range range = { P, P };
	struct iomd *md, *parts[1];

	parts[0] = made(test, iomd_with_options(&range, 1, 0, NULL, BOTH | IOMD_MEMORY_REMOTE |
						IOMD_MEMORY_TYPE_PHYSICAL, NULL));
	expect_not_exported(test, parts[0], O_RDWR, -ENXIO);
	md = made(test, iomd_multi_with_descriptors(parts, 1, BOTH, false));
	expect_not_exported(test, md, O_RDONLY, -ENXIO);
	iomd_release(md);
	iomd_release(parts[0]);
}

/*
 * For reading only
 */

static struct dma_buf *exported_for_reading(struct kunit *test, const struct leaf *leaf)
{
	struct iomd *md = made(test, leaf_describe(leaf, BOTH));
	struct dma_buf *dmabuf = exported(test, md, O_RDONLY);

	iomd_release(md);
	return dmabuf;
}

/* Neither processes, nor the kernel, nor devices, though the memory could be written. */
static void nobody_writes(struct kunit *test)
{
	struct device *dev = driven_device(test, 64);
	struct puppet *puppet = puppet_start(test);
	struct importer importer;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct leaf leaf;
	long address;
	int fd;

	leaf_make(&leaf, test, PAGES);
	dmabuf = exported_for_reading(test, &leaf);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_FROM_DEVICE), -EACCES);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), -EACCES);
	KUNIT_EXPECT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_TO_DEVICE), 0);
	importer_end(&importer);
	KUNIT_EXPECT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), -EINVAL);
	fd = puppet_give(puppet, dmabuf);
	KUNIT_EXPECT_EQ(test, map_file(puppet, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd),
			(long)-EACCES);
	address = map_file(puppet, P, PROT_READ, MAP_SHARED, fd);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(address));
	KUNIT_EXPECT_EQ(test, puppet_syscall(puppet, __NR_mprotect, address, P,
					     PROT_READ | PROT_WRITE), (long)-EACCES);
	puppet_exit(puppet);
	put(dmabuf);
	leaf_free(&leaf);
	driven_device_remove(dev);
}

/* The file's rights go with what is made of it. */
static void what_is_imported_for_reading(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iomd *md;
	u8 byte = 1;

	expect_refusal(test, iomd_with_dma_buf(dmabuf, 0, P, IN), -EACCES);
	expect_refusal(test, iomd_with_dma_buf(dmabuf, 0, P, BOTH), -EACCES);
	md = made(test, iomd_with_dma_buf(dmabuf, 0, P, OUT));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IN), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IN), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_read_bytes(md, 0, &byte, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, iomd_write_bytes(md, 0, &byte, 1), 0ULL);
	expect_not_exported(test, md, O_RDWR, -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_unmapped(test, iomd_map(md, 0), -EACCES);
	end_mapping(mapped(test, iomd_map(md, IOMD_MAP_READ_ONLY)));
	iomd_release(md);
	/* Without a direction it would be written, too. */
	md = made(test, iomd_with_dma_buf(dmabuf, 0, P, 0));
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	iomd_release(md);
	put(dmabuf);
}

static void a_file_for_reading(struct kunit *test)
{
	struct exporter exporter;
	struct leaf leaf;

	leaf_make(&leaf, test, PAGES);
	what_is_imported_for_reading(test, exported_for_reading(test, &leaf));
	what_is_imported_for_reading(test, exporter_start(&exporter, test, EXPORTER_CACHED,
							  O_RDONLY));
	exporter_await_end(&exporter);
	leaf_free(&leaf);
}

static struct kunit_case dma_buf_rights_cases[] = {
	KUNIT_CASE(every_byte_counts),
	KUNIT_CASE(a_command_goes_by_every_byte),
	KUNIT_CASE(bytes_are_copied_by_every_byte),
	KUNIT_CASE(what_is_copied_on_write),
	KUNIT_CASE(another_machines_memory),
	KUNIT_CASE(nobody_writes),
	KUNIT_CASE(a_file_for_reading),
	{}
};

static struct kunit_suite dma_buf_rights_suite = {
	.name = "iomd_dma_buf_rights",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_buf_rights_cases,
};

kunit_test_suite(dma_buf_rights_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "DMA_BUF");
MODULE_DESCRIPTION("Tests of iomd: rights of dma-bufs");
MODULE_LICENSE("GPL");
