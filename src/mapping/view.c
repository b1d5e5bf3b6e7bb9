// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "mapping.h"
#include "view.h"

#define VIEW_MAGIC	0x696f6d64	/* "iomd" */

static struct vfsmount *mount;
static struct kmem_cache *views;

static struct inode *alloc_view(struct super_block *sb)
{
	struct iomd_view *view = alloc_inode_sb(sb, views, IOMD_GFP_SIZED);

	if (!view)
		return NULL;
	view->mapping = NULL;
	view->keeps = false;
	view->blocked = 0;
	view->closed = 0;
	view->fill = false;
	view->huge_offset = 0;
	RB_CLEAR_NODE(&view->stale);
	view->mm = NULL;
	view->start = 0;
	view->length = 0;
	return &view->inode;
}

static void free_view(struct inode *inode)
{
	kmem_cache_free(views, iomd_view_of(inode));
}

static const struct super_operations view_super_ops = {
	.alloc_inode = alloc_view,
	.free_inode = free_view,
	.statfs = simple_statfs,
};

static int init_fs_context(struct fs_context *context)
{
	struct pseudo_fs_context *pseudo = init_pseudo(context, VIEW_MAGIC);

	if (!pseudo)
		return -ENOMEM;
	/* What a device may write is no program. */
	context->s_iflags |= SB_I_NOEXEC;
	pseudo->ops = &view_super_ops;
	return 0;
}

/* No owner: the mount lives as long as the module, and must not keep it. */
static struct file_system_type view_fs = {
	.name = "iomd",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

static void init_view_once(void *memory)
{
	inode_init_once(&((struct iomd_view *)memory)->inode);
}

/**
 * iomd_view_create() - make the file of a user mapping
 * @mapping: which gets the view; the view holds it if its task is to keep it
 * @fops: what can be done with the file
 *
 * Undone by fput() and iomd_view_put().
 *
 * Return: the file, or ERR_PTR: what making an inode or a file gave.
 * Context: may sleep.
 */
struct file *iomd_view_create(struct iomd_mapping *mapping, const struct file_operations *fops)
{
	struct inode *inode;
	struct file *file;

	if (iomd_should_fail())
		return ERR_PTR(-ENOMEM);
	/* Nobody else takes the reference that the end of the file gives back. */
	__module_get(fops->owner);
	inode = iomd_should_fail() ? ERR_PTR(-ENOMEM) : alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode)) {
		module_put(fops->owner);
		return ERR_CAST(inode);
	}
	inode->i_size = MAX_LFS_FILESIZE;
	/* One for the file, one for the mapping. */
	ihold(inode);
	file = iomd_should_fail() ? ERR_PTR(-ENOMEM) :
	       alloc_file_pseudo(inode, mount, "iomd", O_RDWR | O_CLOEXEC, fops);
	if (IS_ERR(file)) {
		iput(inode);
		iput(inode);
		module_put(fops->owner);
		return file;
	}
	mapping->view = iomd_view_of(inode);
	mapping->view->mapping = mapping;
	mapping->view->keeps = mapping->options & IOMD_MAP_KEPT_BY_TASK;
	if (mapping->view->keeps)
		iomd_mapping_retain(mapping);
	mapping->view->fill = mapping->options & IOMD_MAP_PREFAULT;
	return file;
}

void iomd_view_put(struct iomd_view *view)
{
	if (view)
		iput(&view->inode);
}

/*
 * All that faults wait for is told here. A waiter looks at the words after it has said
 * that it waits, and must see either the change or the wake-up.
 */
static void tell_waiters(struct iomd_view *view, unsigned int blocked, unsigned int closed)
{
	lockdep_assert_held_write(&view->inode.i_rwsem);
	WRITE_ONCE(view->blocked, blocked);
	WRITE_ONCE(view->closed, closed);
	/* wake_up_var() looks for waiters without a barrier. */
	smp_mb();
	wake_up_var(&view->blocked);
}

/* Take away what is in page tables; faults bring back what is to be seen now. */
void iomd_view_zap(struct iomd_view *view)
{
	unmap_mapping_range(view->inode.i_mapping, 0, 0, 1);
}

/**
 * iomd_view_revoke() - nothing is to be seen any more
 * @view: view; revoked already is fine
 *
 * Faults give SIGBUS from now on. If the view holds the mapping, that ends.
 *
 * Context: may sleep; not under the inode lock.
 */
void iomd_view_revoke(struct iomd_view *view)
{
	struct iomd_mapping *held;

	inode_lock(&view->inode);
	held = view->keeps ? view->mapping : NULL;
	view->mapping = NULL;
	iomd_view_zap(view);
	tell_waiters(view, 0, view->closed);
	inode_unlock(&view->inode);
	iomd_mapping_release(held);
}

/* Let faults wait, having taken away what they made, or end one reason for that. */
void iomd_view_block(struct iomd_view *view, unsigned int why, bool block)
{
	tell_waiters(view, block ? view->blocked | why : view->blocked & ~why, view->closed);
	if (block)
		iomd_view_zap(view);
}

/*
 * Have a new view wait, or not, as its descriptor says, which knows the mapping already: who
 * redirects that from now on finds it.
 */
void iomd_view_follow(struct iomd_view *view)
{
	inode_lock(&view->inode);
	if (view->mapping)
		iomd_view_block(view, IOMD_VIEW_REDIRECTED,
				iomd_get_flags(view->mapping->md) & IOMD_MEMORY_REDIRECTED);
	inode_unlock(&view->inode);
}

/* Some of it has gone, or has gone elsewhere: who waits for it there need not any more. */
void iomd_view_closed(struct iomd_view *view)
{
	tell_waiters(view, view->blocked, view->closed + 1);
}

int iomd_view_init(void)
{
	views = iomd_should_fail() ? NULL :
		kmem_cache_create("iomd_view", sizeof(struct iomd_view), 0,
				  SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, init_view_once);
	if (!views)
		return -ENOMEM;
	mount = iomd_should_fail() ? ERR_PTR(-ENOMEM) : kern_mount(&view_fs);
	if (IS_ERR(mount)) {
		kmem_cache_destroy(views);
		return PTR_ERR(mount);
	}
	return 0;
}

void iomd_view_exit(void)
{
	kern_unmount(mount);
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(views);
}
