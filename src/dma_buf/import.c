// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf as a descriptor. While it is prepared the exporter shows it to the
 * kernel, which keeps it where it is, and the pages found behind those addresses are
 * the segments. An exporter's own tables are for one device each, and say nothing of
 * pages.
 *
 * How the CPU caches the memory, the exporter does not say, but page tables do. The
 * kernel sees the same pages elsewhere, too, and no two views may differ in that.
 *
 * The memory is the CPU's from prepare to complete. Devices get maps of ours.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/dma_buf.h>
#include <iomd/mapping.h>

#include "../compat/caching.h"
#include "../compat/dma_buf.h"
#include "../debug/inject.h"
#include "../desc/general.h"
#include "../source/kernel.h"
#include "../source/source.h"
#include "export.h"
#include "import.h"

struct import {
	struct iomd_general general;
	struct dma_buf *dmabuf;
	u64 offset;
	/* Valid while prepared: where the kernel sees all of it, and what ends that. */
	void *address;
	struct iosys_map map;
	struct iomd_mapping *mapping;
	enum dma_data_direction direction;
};

static struct import *import_of(struct iomd_backing *backing)
{
	return container_of(backing, struct import, general.backing);
}

/* The exporter's rights are in its file, and go with it wherever that is handed. */
static bool may_write(const struct dma_buf *dmabuf)
{
	return dmabuf->file->f_mode & FMODE_WRITE;
}

/*
 * What we export is shown by the mapping that dma_buf_vmap() would have it make, or one
 * for reading, which that can't ask for.
 */
static int import_show(struct import *import, bool write)
{
	int ret;

	if (iomd_should_fail())
		return -ENOMEM;
	import->mapping = iomd_dma_buf_lend(import->dmabuf, write);
	if (IS_ERR(import->mapping))
		return PTR_ERR(import->mapping);
	if (import->mapping) {
		import->address = (void *)iomd_mapping_get_virtual_address(import->mapping);
		return 0;
	}
	ret = iomd_compat_dma_buf_vmap(import->dmabuf, &import->map);
	/* What exporters say who have no such thing differs. */
	if (ret)
		return ret == -EINVAL ? -EOPNOTSUPP : ret;
	import->address = import->map.is_iomem ? NULL : import->map.vaddr;
	return 0;
}

static void import_hide(struct import *import)
{
	if (import->mapping)
		iomd_mapping_release(import->mapping);
	else
		iomd_compat_dma_buf_vunmap(import->dmabuf, &import->map);
	import->mapping = NULL;
}

/* Does the kernel see a page elsewhere in the same mode as at @address? Then tell it. */
static int find_caching(void *address, struct page *page, u64 *mode)
{
	u64 elsewhere = IOMD_MAP_COPYBACK_CACHE;
	int ret;

	ret = iomd_compat_caching_of(address, mode);
	if (!ret && !PageHighMem(page))
		ret = iomd_compat_caching_of(page_address(page), &elsewhere);
	if (!ret && *mode != elsewhere)
		ret = -EOPNOTSUPP;
	return ret;
}

/* The one mode of all pages. */
static int check_caching(struct import *import, u64 *mode)
{
	struct iomd_segments *segments = &import->general.backing.segments;
	void *address = import->address + import->offset;
	struct scatterlist *sg;
	unsigned int i, page;
	u64 its_mode;
	int ret;

	*mode = 0;
	for_each_sgtable_sg(&segments->table, sg, i) {
		for (page = 0; page < iomd_segment_pages(sg); page++) {
			ret = find_caching(address + ((u64)page << PAGE_SHIFT),
					   pfn_to_page(page_to_pfn(sg_page(sg)) + page),
					   &its_mode);
			if (ret)
				return ret;
			if (*mode && *mode != its_mode)
				return -EOPNOTSUPP;
			*mode = its_mode;
		}
		address += sg->length;
		cond_resched();
	}
	return 0;
}

/* That is its mode from now on. */
static void take_caching(struct iomd *md, u64 mode)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&md->lock, irq);
	md->flags = (md->flags & ~IOMD_MAP_CACHE_MASK) |
		    (mode == IOMD_MAP_COPYBACK_CACHE ? 0 : mode);
	raw_spin_unlock_irqrestore(&md->lock, irq);
}

static int import_list_pages(struct import *import, bool write)
{
	struct iomd_segments *segments = &import->general.backing.segments;
	u64 mode;
	int ret;

	if (!import->address)
		return -EOPNOTSUPP;
	iomd_segments_init(segments);
	ret = iomd_kernel_append(segments, (unsigned long)import->address + import->offset,
				 import->general.md.length, write);
	if (ret)
		goto err_free;
	ret = iomd_segments_finish(segments);
	if (ret)
		goto err_free;
	ret = check_caching(import, &mode);
	if (ret)
		goto err_free;
	take_caching(&import->general.md, mode);
	return 0;

err_free:
	iomd_segments_free(segments);
	return ret;
}

static int begin_access(struct import *import)
{
	int ret;

	ret = iomd_should_fail() ? -ENOMEM :
	      dma_buf_begin_cpu_access(import->dmabuf, import->direction);
	/* No system call is restarted here. */
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

static int import_prepare(struct iomd_backing *backing, u64 direction)
{
	struct import *import = import_of(backing);
	bool write = direction & IOMD_DIRECTION_IN;
	int ret;

	if (write && !may_write(import->dmabuf))
		return -EACCES;
	import->direction = write ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
	ret = import_show(import, write);
	if (ret)
		return ret;
	/* After that: exporters look for views of which caches hold something. */
	ret = begin_access(import);
	if (ret)
		goto err_hide;
	ret = import_list_pages(import, write);
	if (ret)
		goto err_end;
	return 0;

err_end:
	dma_buf_end_cpu_access(import->dmabuf, import->direction);
err_hide:
	import_hide(import);
	return ret;
}

static void import_complete(struct iomd_backing *backing, bool dirty)
{
	struct import *import = import_of(backing);

	iomd_segments_free(&backing->segments);
	dma_buf_end_cpu_access(import->dmabuf, import->direction);
	import_hide(import);
}

static void import_destroy(struct iomd_backing *backing)
{
	dma_buf_put(import_of(backing)->dmabuf);
}

static const struct iomd_source import_source = {
	.prepare = import_prepare,
	.complete = import_complete,
	.destroy = import_destroy,
	.own_memory = true,
};

struct os_meta_class iomd_dma_buf_meta_class = {
	.name = "iomd_dma_buf",
	.size = sizeof(struct import),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
};

/**
 * iomd_with_dma_buf() - describe what somebody exports
 * @dmabuf: dma-buf, held until the descriptor's end
 * @offset: first byte
 * @length: bytes
 * @direction: one of IOMD_DIRECTION_
 *
 * A descriptor like others. To prepare it waits for those who write the memory, and has
 * it shown to the kernel by its exporter, which keeps it in place; it is a CPU access in
 * the sense of dma-bufs, which the complete ends. What others write meanwhile is seen
 * after dma_buf_begin_cpu_access(). Its cache mode is the exporter's, known from the
 * first prepare on.
 *
 * What a device of the caller's does is not known to others who share the memory: where
 * these go by fences, the caller adds one to the dma-buf's reservation.
 *
 * To prepare it also says: -EOPNOTSUPP if the exporter can't show it to the kernel,
 * shows a device's memory, or caches it otherwise than the kernel does, as is found on
 * x86 and arm64; -EACCES for IN if the dma-buf's file is not open for writing, of which
 * a descriptor without a direction asks, too; -EBUSY if iomd exports it and its
 * descriptor is redirected; -EFAULT if what it shows has no pages; -EINTR; else what the
 * exporter said.
 *
 * Return: the descriptor; or ERR_PTR: -EINVAL if the range does not lie inside, or for
 * unknown directions; -EACCES for IN if the dma-buf's file is not open for writing;
 * -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_with_dma_buf(struct dma_buf *dmabuf, u64 offset, u64 length, u64 direction)
{
	struct import *import;
	u64 end;

	if (check_add_overflow(offset, length, &end) || end > dmabuf->size ||
	    (direction & ~IOMD_DIRECTION_MASK))
		return ERR_PTR(-EINVAL);
	if ((direction & IOMD_DIRECTION_IN) && !may_write(dmabuf))
		return ERR_PTR(-EACCES);
	import = os_object_alloc(&iomd_dma_buf_meta_class);
	if (!import)
		return ERR_PTR(-ENOMEM);
	iomd_extents_set_single(&import->general.backing.extents, offset, length);
	iomd_general_init(&import->general, &import_source, length,
			  direction | IOMD_MEMORY_TYPE_UPL);
	get_dma_buf(dmabuf);
	import->dmabuf = dmabuf;
	import->offset = offset;
	return &import->general.md;
}
IOMD_EXPORT(iomd_with_dma_buf);

/**
 * iomd_with_dma_buf_fd() - the same for a file of the calling process
 * @fd: file descriptor
 * @offset: see iomd_with_dma_buf()
 * @length: see iomd_with_dma_buf()
 * @direction: see iomd_with_dma_buf()
 *
 * Return: -EBADF if there is no such file; -EINVAL if it is not a dma-buf; else see
 * iomd_with_dma_buf().
 * Context: may sleep.
 */
struct iomd *iomd_with_dma_buf_fd(int fd, u64 offset, u64 length, u64 direction)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct iomd *md;

	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	md = iomd_with_dma_buf(dmabuf, offset, length, direction);
	dma_buf_put(dmabuf);
	return md;
}
IOMD_EXPORT(iomd_with_dma_buf_fd);
