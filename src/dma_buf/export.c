// SPDX-License-Identifier: GPL-2.0
/*
 * A descriptor as a dma-buf. It stays prepared, and in use, for as long as the
 * dma-buf lives, so what importers do never waits for memory, nor loses it.
 *
 * An importer gets a table of addresses of its own, without pages: what it may use
 * of it, and debug kernels scramble the rest while it is out.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dma_buf.h>
#include <iomd/mapping.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../desc/ram.h"
#include "../mapping/cache.h"
#include "export.h"

struct export {
	struct iomd *md;
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

static u64 direction_of(enum dma_data_direction direction)
{
	switch (direction) {
	case DMA_TO_DEVICE:
		return IOMD_DIRECTION_OUT;
	case DMA_FROM_DEVICE:
		return IOMD_DIRECTION_IN;
	default:
		return IOMD_DIRECTION_OUT_IN;
	}
}

static int copy_addresses(struct sg_table *table, const struct sg_table *from)
{
	struct scatterlist *sg, *to;
	int ret, i;

	if (iomd_should_fail())
		return -ENOMEM;
	ret = sg_alloc_table(table, from->nents, GFP_KERNEL);
	if (ret)
		return ret;
	to = table->sgl;
	for_each_sgtable_dma_sg(from, sg, i) {
		sg_set_page(to, NULL, sg_dma_len(sg), 0);
		sg_dma_address(to) = sg_dma_address(sg);
		sg_dma_len(to) = sg_dma_len(sg);
		to = sg_next(to);
	}
	return 0;
}

static struct sg_table *export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	struct export *export = attachment->dmabuf->priv;
	struct view *view = NULL;
	int ret;

	if (!iomd_should_fail())
		view = kzalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return ERR_PTR(-ENOMEM);
	view->map = iomd_dma_map(export->md, attachment->dev, 0, attachment->dmabuf->size,
				 direction_of(direction));
	if (IS_ERR(view->map)) {
		ret = PTR_ERR(view->map);
		goto err_free;
	}
	ret = copy_addresses(&view->table, &view->map->sgt);
	if (ret)
		goto err_unmap;
	mutex_lock(&export->lock);
	list_add(&view->node, &export->views);
	mutex_unlock(&export->lock);
	return &view->table;

err_unmap:
	iomd_dma_unmap(view->map);
err_free:
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
	mutex_unlock(&export->lock);
	sg_free_table(table);
	iomd_dma_unmap(view->map);
	kfree(view);
}

/* The CPU is about to look, or is done: for all devices that see the memory. */
static void sync(struct export *export, void (*sync_map)(struct iomd_dma_map *map))
{
	struct view *view;

	mutex_lock(&export->lock);
	list_for_each_entry(view, &export->views, node)
		sync_map(view->map);
	mutex_unlock(&export->lock);
}

static int export_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	sync(dmabuf->priv, iomd_dma_sync_for_cpu);
	return 0;
}

static int export_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	sync(dmabuf->priv, iomd_dma_sync_for_device);
	return 0;
}

static bool is_writable(struct iomd *md)
{
	u64 length;

	iomd_get_physical_segment(md, 0, &length, IOMD_MEMORY_SEGMENT_WRITE);
	return length;
}

static int export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct export *export = dmabuf->priv;
	struct iomd_mapping *mapping;
	phys_addr_t first;
	void *address;
	u64 length;

	mapping = iomd_map(export->md, 0);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	export->mapping = mapping;
	address = (void *)iomd_mapping_get_virtual_address(mapping);
	first = iomd_get_physical_segment(export->md, 0, &length, 0);
	if (iomd_is_ram(first))
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

static vm_fault_t export_fault(struct vm_fault *vmf)
{
	struct export *export = vmf->vma->vm_private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT, length, mode;
	phys_addr_t address;

	if (offset >= iomd_get_length(export->md) ||
	    iomd_is_guard(export->md, offset, &length))
		return VM_FAULT_SIGBUS;
	address = iomd_get_physical_segment(export->md, offset, &length, 0);
	if (!length)
		return VM_FAULT_SIGBUS;
	if (iomd_is_ram(address))
		mode = iomd_get_cache_mode(export->md, offset);
	else
		mode = IOMD_MAP_INHIBIT_CACHE;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address, PHYS_PFN(address),
				   iomd_cache_prot(mode, vmf->vma->vm_page_prot));
}

static const struct vm_operations_struct export_vm_ops = {
	.fault = export_fault,
};

/* Do pages of the descriptor start where pages do? */
static bool is_of_pages(struct iomd *md)
{
	u64 length = iomd_get_length(md);
	struct iomd_segment_iter iter;

	iomd_for_each_segment(iter, md, 0, length)
		if (offset_in_page(iter.offset) || offset_in_page(iter.address) ||
		    (iter.offset + iter.length < length && offset_in_page(iter.length)))
			return false;
	return true;
}

static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct export *export = dmabuf->priv;

	/* Of frames there are no private copies. */
	if (!(vma->vm_flags & VM_MAYSHARE) || !is_of_pages(export->md))
		return -EINVAL;
	iomd_compat_vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, 0);
	vma->vm_private_data = export;
	vma->vm_ops = &export_vm_ops;
	return 0;
}

static void put_memory(struct export *export)
{
	iomd_set_in_use(export->md, false);
	iomd_complete(export->md, IOMD_DIRECTION_NONE);
	iomd_release(export->md);
	mutex_destroy(&export->lock);
	kfree(export);
}

static void export_release(struct dma_buf *dmabuf)
{
	put_memory(dmabuf->priv);
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

u64 iomd_dma_buf_cache_mode(const struct dma_buf *dmabuf, u64 offset)
{
	const struct export *export = dmabuf->priv;

	if (dmabuf->ops->release != export_release || offset >= dmabuf->size)
		return IOMD_MAP_DEFAULT_CACHE;
	return iomd_get_cache_mode(export->md, offset);
}

/* Who gets a kernel address writes there, and nobody tells him that he must not. */
static bool is_for_kernel(struct iomd *md)
{
	return is_writable(md) && is_of_pages(md);
}

/* The memory, prepared and in use. */
static struct export *get_memory(struct iomd *md)
{
	struct export *export = NULL;
	int ret;

	if (!iomd_should_fail())
		export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	if (!export)
		return ERR_PTR(-ENOMEM);
	ret = iomd_prepare(md, IOMD_DIRECTION_NONE);
	if (ret)
		goto err_free;
	ret = iomd_set_in_use(md, true);
	if (ret)
		goto err_complete;
	export->md = iomd_retain(md);
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->views);
	return export;

err_complete:
	iomd_complete(md, IOMD_DIRECTION_NONE);
err_free:
	kfree(export);
	return ERR_PTR(ret);
}

/**
 * iomd_dma_buf_export_owned() - have others import a descriptor
 * @md: descriptor, which is prepared here for its own direction
 * @flags: O_RDONLY, or O_RDWR to let user mappings write; O_CLOEXEC is accepted
 * @owner: module that is to stay as long as the dma-buf does
 *
 * The descriptor is held, stays prepared, and is in use until the last reference to
 * the dma-buf has gone, which the caller has: dma_buf_put() undoes this.
 *
 * What importers can do: map it for devices, byte for byte, even if it does not start
 * at a page; not if it is device memory. See it in the kernel and in tasks, if its
 * pieces meet at page borders; in the kernel only if it is prepared for writing. See
 * iomd_map() for the errors of that.
 *
 * Return: the dma-buf; or ERR_PTR: -EINVAL for empty memory or other flags; -EACCES for
 * O_RDWR if it is prepared for OUT only; -ENOENT if @owner is about to leave; -ENOMEM;
 * else see iomd_prepare().
 * Context: may sleep.
 */
struct dma_buf *iomd_dma_buf_export_owned(struct iomd *md, int flags, struct module *owner)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct export *export;
	struct dma_buf *dmabuf = ERR_PTR(-ENOMEM);

	if ((flags & ~(O_ACCMODE | O_CLOEXEC)) || (flags & O_ACCMODE) == O_WRONLY ||
	    !iomd_get_length(md) || iomd_get_length(md) > SIZE_MAX)
		return ERR_PTR(-EINVAL);
	export = get_memory(md);
	if (IS_ERR(export))
		return ERR_CAST(export);
	info.exp_name = "iomd";
	info.owner = owner;
	info.ops = is_for_kernel(md) ? &export_ops : &export_ops_without_vmap;
	info.size = iomd_get_length(md);
	info.flags = flags & O_ACCMODE;
	info.priv = export;
	if (info.flags == O_RDWR && !is_writable(md))
		dmabuf = ERR_PTR(-EACCES);
	else if (!iomd_should_fail())
		dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		put_memory(export);
	return dmabuf;
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

MODULE_INFO(import_ns, "DMA_BUF");
