/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file of ours that user mappings are of. It has an address space of its own,
 * so that what was mapped can be found and taken away, in whichever processes it
 * is by now.
 *
 * The mapping object holds the view. The view knows the mapping until that is revoked,
 * which its end does at the latest, and holds it only if its task is to keep it: so
 * what a driver lets go of is gone for the task, too.
 *
 * Locks: mmap_lock, then the view's inode lock, then what the kernel takes to fill
 * or to zap page tables. A fault of a page holds the inode lock shared; who changes what
 * is shown holds it exclusively and never takes mmap_lock inside.
 */
#ifndef IOMD_MAPPING_VIEW_H
#define IOMD_MAPPING_VIEW_H

#include <linux/fs.h>
#include <linux/rbtree.h>

struct iomd_mapping;

/* Why faults wait: the mapping, or its descriptor, was redirected to nothing. */
#define IOMD_VIEW_HIDDEN	BIT(0)
#define IOMD_VIEW_REDIRECTED	BIT(1)

struct iomd_view {
	struct inode inode;
	/* guarded by the inode lock; NULL once revoked */
	struct iomd_mapping *mapping;
	/* Does the task keep the mapping? Then it is held. */
	bool keeps;
	/* Faults wait while this is set, not while it is locked; see iomd_view_block(). */
	unsigned int blocked;
	/* How many VMAs have gone: who waits looks again whether his is still there. */
	unsigned int closed;
	/* The first VMA is to be filled at once; no other can be: see set_up_vma(). */
	bool fill;
	/* Where addresses must lie for huge pages: in pages, modulo those of a huge one. */
	unsigned int huge_offset;
	/*
	 * Where its first VMA was put, for who gives the addresses back; see task.c, whose
	 * lock guards this.
	 */
	struct rb_node stale;
	struct mm_struct *mm;
	unsigned long start;
	unsigned long length;
};

static inline struct iomd_view *iomd_view_of(struct inode *inode)
{
	return container_of(inode, struct iomd_view, inode);
}

struct file *iomd_view_create(struct iomd_mapping *mapping, const struct file_operations *fops);
void iomd_view_put(struct iomd_view *view);
void iomd_view_revoke(struct iomd_view *view);
void iomd_view_zap(struct iomd_view *view);
void iomd_view_block(struct iomd_view *view, unsigned int why, bool block);
void iomd_view_follow(struct iomd_view *view);
void iomd_view_closed(struct iomd_view *view);

int iomd_view_init(void);
void iomd_view_exit(void);

#endif
