// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf as a descriptor. While it is prepared the exporter shows it to the
 * kernel, which keeps it where it is, and the pages found behind those addresses are
 * the segments. An exporter's own tables are for one device each, and say nothing of
 * pages.
 *
 * The memory is the CPU's from prepare to complete. Devices get maps of ours.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/dma_buf.h>

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
	/* Valid while wired. */
	struct iosys_map map;
	enum dma_data_direction direction;
};

static struct import *import_of(struct iomd_general *general)
{
	return container_of(general, struct import, general);
}

static int list_pages(struct import *import, bool write)
{
	struct iomd_segments *segments = &import->general.segments;
	int ret;

	if (import->map.is_iomem)
		return -EOPNOTSUPP;
	iomd_segments_init(segments);
	ret = iomd_kernel_append(segments, (unsigned long)import->map.vaddr + import->offset,
				 import->general.md.length, write) ?:
	      iomd_segments_finish(segments);
	if (ret)
		iomd_segments_free(segments);
	return ret;
}

static int import_wire(struct iomd_general *general, u64 direction)
{
	struct import *import = import_of(general);
	bool write = direction & IOMD_DIRECTION_IN;
	int ret;

	import->direction = write ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
	ret = iomd_should_fail() ? -ENOMEM :
	      dma_buf_begin_cpu_access(import->dmabuf, import->direction);
	if (ret)
		return ret;
	ret = iomd_should_fail() ? -ENOMEM : iomd_compat_dma_buf_vmap(import->dmabuf, &import->map);
	if (ret)
		goto err_end;
	ret = list_pages(import, write);
	if (ret)
		goto err_vunmap;
	return 0;

err_vunmap:
	iomd_compat_dma_buf_vunmap(import->dmabuf, &import->map);
err_end:
	dma_buf_end_cpu_access(import->dmabuf, import->direction);
	/* What exporters say who have no such thing differs. */
	return ret == -EINVAL ? -EOPNOTSUPP : ret;
}

static void import_unwire(struct iomd_general *general, bool dirty)
{
	struct import *import = import_of(general);

	iomd_segments_free(&general->segments);
	iomd_compat_dma_buf_vunmap(import->dmabuf, &import->map);
	dma_buf_end_cpu_access(import->dmabuf, import->direction);
}

static void import_destroy(struct iomd_general *general)
{
	dma_buf_put(import_of(general)->dmabuf);
}

static const struct iomd_source import_source = {
	.wire = import_wire,
	.unwire = import_unwire,
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
 * A descriptor like others; if iomd exports the memory, it is cached as it is there, else
 * as RAM is. To prepare it waits for those who write the memory, and has it shown to the
 * kernel by its exporter, which keeps it in place; it is a CPU access in the sense of
 * dma-bufs, which the complete ends. What others write meanwhile is seen after
 * dma_buf_begin_cpu_access().
 *
 * To prepare it also says: -EOPNOTSUPP if the exporter can't show it to the kernel, or
 * shows a device's memory; -EFAULT if what it shows has no pages; -EINTR; else what
 * the exporter said.
 *
 * Return: the descriptor; or ERR_PTR: -EINVAL if the range does not lie inside, or for
 * unknown directions; -ENOMEM.
 * Context: may sleep.
 */
struct iomd *iomd_with_dma_buf(struct dma_buf *dmabuf, u64 offset, u64 length, u64 direction)
{
	struct import *import;
	u64 end;

	if (check_add_overflow(offset, length, &end) || end > dmabuf->size ||
	    (direction & ~IOMD_DIRECTION_MASK))
		return ERR_PTR(-EINVAL);
	import = os_object_alloc(&iomd_dma_buf_meta_class);
	if (!import)
		return ERR_PTR(-ENOMEM);
	iomd_extents_set_single(&import->general.extents, offset, length);
	iomd_general_init(&import->general, &import_source, length,
			  direction | IOMD_MEMORY_TYPE_UPL |
			  iomd_dma_buf_cache_mode(dmabuf, offset));
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
