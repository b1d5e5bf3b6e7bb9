// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor as a dma-buf. It stays prepared, and in use, for as long as the
 * dma-buf lives, so what importers do never waits for memory, nor loses it.
 *
 * Importers take whole pages: those of a buffer of ours are meant for whoever is shown
 * the buffer, and all other memory must begin and end where pages do. An importer gets
 * a table of addresses of its own, without pages: what it may use of it, and debug
 * kernels scramble the rest while it is out.
 *
 * What may be written is decided once, for all of it and for everybody: by user
 * mappings, the kernel and devices, or by nobody.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/personality.h>
#include <linux/slab.h>

#include <iomd/buffer.h>
#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dma_buf.h>
#include <iomd/mapping.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../dma/map.h"
#include "../gfp.h"
#include "../mapping/lend.h"
#include "export.h"
#include "whole.h"

struct export {
	struct iomd *md;
	/* What devices see: @md, or the whole pages of it. Prepared, and in use. */
	struct iomd *memory;
	/* Of @md, when it was exported. */
	u64 length;
	bool writable;
	struct module *owner;
	struct iomd_mapping *mapping;
	/* guards the list; taken inside the dma-buf's reservation */
	struct mutex lock;
	struct list_head views;
};

/* What one importer's device sees. */
struct view {
	struct sg_table table;
	struct iomd_dma_map *map;
	struct list_head node;
};

static int copy_addresses(struct sg_table *table, const struct sg_table *from)
{
	struct scatterlist *sg, *to;
	int ret, i;

	if (iomd_should_fail())
		return -ENOMEM;
	ret = sg_alloc_table(table, from->nents, IOMD_GFP_SIZED);
	if (ret)
		return ret;
	to = table->sgl;
	for_each_sgtable_dma_sg(from, sg, i) {
		if (!PAGE_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg))) {
			sg_free_table(table);
			return -ERANGE;
		}
		sg_set_page(to, NULL, sg_dma_len(sg), 0);
		sg_dma_address(to) = sg_dma_address(sg);
		sg_dma_len(to) = sg_dma_len(sg);
		to = sg_next(to);
	}
	return 0;
}

static bool view_writes(const struct view *view)
{
	return view->map->direction != DMA_TO_DEVICE;
}

/*
 * Who works on a copy brings all of it back, and so what others wrote to the memory, or to
 * copies of their own, would be lost.
 */
static bool may_join(struct export *export, const struct view *view)
{
	bool bounced = iomd_dma_map_is_bounced(view->map);
	const struct view *other;

	lockdep_assert_held(&export->lock);
	if (!view_writes(view))
		return true;
	list_for_each_entry(other, &export->views, node)
		if (view_writes(other) && (bounced || iomd_dma_map_is_bounced(other->map)))
			return false;
	return true;
}

static struct sg_table *export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	struct export *export = attachment->dmabuf->priv;
	struct view *view = NULL;
	int ret;

	if (!export->writable && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	if (!iomd_should_fail())
		view = kzalloc(sizeof(*view), IOMD_GFP_SIZED);
	if (!view)
		return ERR_PTR(-ENOMEM);
	/* Before 6.2 nobody locks the reservation: from the copy on, nobody else's goes back. */
	mutex_lock(&export->lock);
	view->map = iomd_dma_map(export->memory, attachment->dev, 0, attachment->dmabuf->size,
				 iomd_dma_direction_of(direction));
	if (IS_ERR(view->map)) {
		ret = PTR_ERR(view->map);
		goto err_free;
	}
	ret = copy_addresses(&view->table, &view->map->sgt);
	if (ret)
		goto err_unmap;
	if (may_join(export, view)) {
		list_add(&view->node, &export->views);
		mutex_unlock(&export->lock);
		return &view->table;
	}
	ret = -EBUSY;
	sg_free_table(&view->table);
err_unmap:
	/* Its device has not seen it. */
	iomd_dma_map_keep(view->map, true);
	iomd_dma_unmap(view->map);
err_free:
	mutex_unlock(&export->lock);
	kfree(view);
	return ERR_PTR(ret);
}

static void export_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
	struct export *export = attachment->dmabuf->priv;
	struct view *view = container_of(table, struct view, table);

	mutex_lock(&export->lock);
	list_del(&view->node);
	iomd_dma_unmap(view->map);
	mutex_unlock(&export->lock);
	sg_free_table(table);
	kfree(view);
}

/* The CPU is about to look, or is done: for all devices that see the memory. */
static void export_sync(struct export *export, void (*sync_map)(struct iomd_dma_map *map))
{
	struct view *view;

	mutex_lock(&export->lock);
	list_for_each_entry(view, &export->views, node)
		sync_map(view->map);
	mutex_unlock(&export->lock);
}

static int export_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	export_sync(dmabuf->priv, iomd_dma_sync_for_cpu);
	return 0;
}

static int export_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	export_sync(dmabuf->priv, iomd_dma_sync_for_device);
	return 0;
}

static bool begins_with_ram(struct iomd *md)
{
	u64 length;
	phys_addr_t first = iomd_get_physical_segment(md, 0, &length, 0);

	return iomd_is_ram(md, 0, first, length);
}

static int export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct export *export = dmabuf->priv;
	struct iomd_mapping *mapping;
	void *address;

	mapping = iomd_lend_to_kernel(export->md, export->length, 0);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	export->mapping = mapping;
	address = (void *)iomd_mapping_get_virtual_address(mapping);
	/* It is all of one kind. */
	if (begins_with_ram(export->memory))
		iosys_map_set_vaddr(map, address);
	else
		iosys_map_set_vaddr_iomem(map, (void __iomem *)address);
	return 0;
}

static void export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct export *export = dmabuf->priv;

	iomd_mapping_release(export->mapping);
	export->mapping = NULL;
}

static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct export *export = dmabuf->priv;

	/* For old programs the kernel asks for this with all that they may read. */
	if (current->personality & READ_IMPLIES_EXEC)
		iomd_compat_vm_flags_mod(vma, 0, VM_EXEC);
	return iomd_lend_to_vma(export->md, export->length,
				export->writable ? 0 : IOMD_MAP_READ_ONLY, dmabuf->file, vma);
}

static void put_memory(struct export *export)
{
	iomd_set_in_use(export->memory, false);
	iomd_hand_over(export->memory);
	iomd_release(export->memory);
	iomd_release(export->md);
	mutex_destroy(&export->lock);
	kfree(export);
}

/* The core still has a reference to this module. */
static void export_release(struct dma_buf *dmabuf)
{
	struct export *export = dmabuf->priv;
	struct module *owner = export->owner;

	put_memory(export);
	module_put(owner);
}

#define EXPORT_OPS						\
	.map_dma_buf = export_map,				\
	.unmap_dma_buf = export_unmap,				\
	.begin_cpu_access = export_begin_cpu_access,		\
	.end_cpu_access = export_end_cpu_access,		\
	.mmap = export_mmap,					\
	.release = export_release

static const struct dma_buf_ops export_ops = {
	EXPORT_OPS,
	.vmap = export_vmap,
	.vunmap = export_vunmap,
};

/* What has no such thing is refused quietly, what can't do it makes the kernel warn. */
static const struct dma_buf_ops export_ops_without_vmap = {
	EXPORT_OPS,
};

static bool is_ours(const struct dma_buf *dmabuf)
{
	return dmabuf->ops->release == export_release;
}

struct iomd_mapping *iomd_dma_buf_lend(const struct dma_buf *dmabuf, bool write)
{
	const struct export *export = dmabuf->priv;

	if (!is_ours(dmabuf))
		return NULL;
	if (write && !export->writable)
		return ERR_PTR(-EACCES);
	if (!begins_with_ram(export->memory))
		return ERR_PTR(-EOPNOTSUPP);
	return iomd_lend_to_kernel(export->md, export->length, write ? 0 : IOMD_MAP_READ_ONLY);
}

/*
 * What can't be had in one view of the kernel: memory of several kinds, or modes, or of
 * a device in several pieces.
 */
static bool is_of_one_kind(struct iomd *md)
{
	struct iomd_segment_iter iter;
	phys_addr_t end = 0;
	u64 mode = 0;
	bool ram = false;

	iomd_for_each_segment(iter, md, 0, iomd_get_length(md)) {
		u64 its_mode = iomd_get_cache_mode(md, iter.offset) ?: IOMD_MAP_COPYBACK_CACHE;
		bool is_ram = iomd_is_ram_segment(&iter);
		bool goes_on = ram ? its_mode == mode : iter.address == end;

		if (iter.offset && (is_ram != ram || !goes_on))
			return false;
		ram = is_ram;
		mode = its_mode;
		end = iter.address + iter.length;
	}
	return true;
}

/* Is it whole pages, without a gap? */
static bool is_of_pages(struct iomd *md)
{
	struct iomd_segment_iter iter;
	u64 end = 0;

	iomd_for_each_segment(iter, md, 0, iomd_get_length(md)) {
		end = iter.offset + iter.length;
		if (!PAGE_ALIGNED(iter.address | iter.length))
			return false;
	}
	return end == iomd_get_length(md);
}

/* Can importers be shown it at all? */
static int export_check(struct iomd *md, u64 length, int flags)
{
	if ((flags & ~(O_ACCMODE | O_CLOEXEC)) || (flags & O_ACCMODE) == O_WRONLY ||
	    !length || length > SIZE_MAX - PAGE_SIZE)
		return -EINVAL;
	/* Mappings would show copies, and devices the memory itself. */
	return iomd_get_flags(md) & IOMD_MEMORY_MAP_COPY_ON_WRITE ? -EOPNOTSUPP : 0;
}

static struct iomd *memory_of(struct iomd *md, u64 length)
{
	if (os_object_meta_cast(&md->object, &iomd_buffer_meta_class))
		return iomd_whole_pages(md, length);
	return iomd_retain(md);
}

/* The memory, prepared and in use; undone by put_memory(). */
static struct export *get_memory(struct iomd *md, u64 length)
{
	struct export *export = NULL;
	int ret;

	if (!iomd_should_fail())
		export = kzalloc(sizeof(*export), IOMD_GFP_SIZED);
	if (!export)
		return ERR_PTR(-ENOMEM);
	export->memory = memory_of(md, length);
	if (IS_ERR(export->memory)) {
		ret = PTR_ERR(export->memory);
		goto err_free;
	}
	ret = iomd_prepare(export->memory, IOMD_DIRECTION_NONE);
	if (ret)
		goto err_release;
	ret = iomd_set_in_use(export->memory, true);
	if (ret)
		goto err_complete;
	export->md = iomd_retain(md);
	export->length = length;
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->views);
	return export;

err_complete:
	iomd_hand_over(export->memory);
err_release:
	iomd_release(export->memory);
err_free:
	kfree(export);
	return ERR_PTR(ret);
}

/* Now that it is prepared: what is the memory, and may it be written? */
static int look_at_memory(struct export *export, bool write)
{
	struct iomd *memory = export->memory;

	if (!is_of_pages(memory))
		return -EINVAL;
	if (!iomd_range_allows(memory, 0, iomd_get_length(memory), IOMD_MEMORY_SEGMENT_LOCAL))
		return -ENXIO;
	if (write && !iomd_is_writable(memory, 0, iomd_get_length(memory)))
		return -EACCES;
	export->writable = write;
	return 0;
}

/* Who gets a kernel address writes there, and nobody tells him that he must not. */
static bool is_for_kernel(const struct export *export)
{
	return export->writable && is_of_one_kind(export->memory);
}

static struct dma_buf *export_memory(struct export *export, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.exp_name = "iomd";
	info.ops = is_for_kernel(export) ? &export_ops : &export_ops_without_vmap;
	info.size = PAGE_ALIGN(export->length);
	info.flags = flags;
	info.priv = export;
	return iomd_should_fail() ? ERR_PTR(-ENOMEM) : dma_buf_export(&info);
}

/**
 * iomd_dma_buf_export_owned() - have others import a descriptor
 * @md: descriptor, which is prepared here for its own direction
 * @flags: O_RDONLY: nobody writes; or O_RDWR; O_CLOEXEC is accepted
 * @owner: module that is to stay as long as the dma-buf does
 *
 * The descriptor is held, stays prepared, and is in use until the last reference to
 * the dma-buf has gone, which the caller has: dma_buf_put() undoes this.
 *
 * A dma-buf is whole pages. A buffer of ours (iomd_buffer_with_options() and its like)
 * is exported with all of its last page, whatever its length is now or later; all other
 * memory must begin and end at page borders.
 *
 * What importers can do: map it for devices, unless it is device memory. See it in
 * tasks, where it can't be executed, and, if everybody may write it, in the kernel,
 * unless it is memory of several kinds or cache modes, or of a device in several
 * pieces. With O_RDONLY it is mapped for devices with DMA_TO_DEVICE only, and in tasks
 * for reading. Mappings in tasks wait while the descriptor is redirected, see
 * iomd_redirect(); in the kernel there is none then.
 *
 * The DMA API may put bounce buffers between a device and the memory, of which
 * iomd_dma_buf_is_bounced() tells. What such a device writes is seen by others, other
 * devices included, after the next dma_buf_begin_cpu_access(), or after it has been
 * unmapped; what they write it sees after the next dma_buf_end_cpu_access(). Two that
 * write would overwrite what the other wrote: where one of them is such a device, the second
 * map for writing is -EBUSY until the first has ended.
 *
 * Return: the dma-buf; or ERR_PTR: -EINVAL for empty memory, memory that is not whole
 * pages or has holes, or for other flags; -EACCES for O_RDWR if not all of it may be
 * written; -EOPNOTSUPP if any of it was made with IOMD_MEMORY_MAP_COPY_ON_WRITE; -ENXIO
 * for another machine's; -ENOENT if @owner is about to leave; -ENOMEM; else see
 * iomd_prepare().
 * Context: may sleep.
 */
struct dma_buf *iomd_dma_buf_export_owned(struct iomd *md, int flags, struct module *owner)
{
	u64 length = iomd_get_length(md);
	struct dma_buf *dmabuf;
	struct export *export;
	int ret;

	ret = export_check(md, length, flags);
	if (ret)
		return ERR_PTR(ret);
	if (!try_module_get(owner))
		return ERR_PTR(-ENOENT);
	export = get_memory(md, length);
	if (IS_ERR(export)) {
		ret = PTR_ERR(export);
		goto err_put_owner;
	}
	export->owner = owner;
	flags &= O_ACCMODE;
	ret = look_at_memory(export, flags == O_RDWR);
	if (ret)
		goto err_put_memory;
	dmabuf = export_memory(export, flags);
	if (!IS_ERR(dmabuf))
		return dmabuf;
	ret = PTR_ERR(dmabuf);
err_put_memory:
	put_memory(export);
err_put_owner:
	module_put(owner);
	return ERR_PTR(ret);
}
IOMD_EXPORT(iomd_dma_buf_export_owned);

/**
 * iomd_dma_buf_export_fd_owned() - the same, as a file of the calling process
 * @md: see iomd_dma_buf_export_owned()
 * @flags: see iomd_dma_buf_export_owned(); O_CLOEXEC: not for what it executes
 * @owner: see iomd_dma_buf_export_owned()
 *
 * From then on the process decides how long it lives.
 *
 * Return: the file descriptor; -EMFILE if the process has no room for one more; else
 * see iomd_dma_buf_export_owned().
 * Context: may sleep.
 */
int iomd_dma_buf_export_fd_owned(struct iomd *md, int flags, struct module *owner)
{
	struct dma_buf *dmabuf = iomd_dma_buf_export_owned(md, flags, owner);
	int fd;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = iomd_should_fail() ? -ENOMEM : dma_buf_fd(dmabuf, flags & O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}
IOMD_EXPORT(iomd_dma_buf_export_fd_owned);

/**
 * iomd_dma_buf_is_bounced() - does an importer's device work on a copy?
 * @dmabuf: dma-buf
 *
 * See iomd_dma_buf_export_owned() for what that means.
 *
 * Return: true if bounce buffers lie between the memory and any of the devices that it
 * is mapped for now; false if not, or if iomd did not export it.
 * Context: may sleep.
 */
bool iomd_dma_buf_is_bounced(const struct dma_buf *dmabuf)
{
	struct export *export = dmabuf->priv;
	struct view *view;
	bool bounced = false;

	if (!is_ours(dmabuf))
		return false;
	mutex_lock(&export->lock);
	list_for_each_entry(view, &export->views, node)
		bounced = bounced || iomd_dma_map_is_bounced(view->map);
	mutex_unlock(&export->lock);
	return bounced;
}
IOMD_EXPORT(iomd_dma_buf_is_bounced);

MODULE_INFO(import_ns, "DMA_BUF");
