// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>

#include "../debug/inject.h"
#include "../object/object.h"
#include "erase.h"
#include "user_view.h"

/* The first piece of the view from @from on that is still there. */
static bool find_piece(const struct iomd_user_view *view, unsigned long from,
		       unsigned long *start, unsigned long *end)
{
	unsigned long view_end = view->address + view->length;
	struct vm_area_struct *vma;
	bool found = false;

	VMA_ITERATOR(iterator, view->mm, from);

	if (!mmap_read_trylock(view->mm))
		return false;
	for_each_vma_range(iterator, vma, view_end) {
		if (vma->vm_file != view->file)
			continue;
		*start = max(vma->vm_start, from);
		*end = min(vma->vm_end, view_end);
		found = true;
		break;
	}
	mmap_read_unlock(view->mm);
	return found;
}

/*
 * What the process has put there instead, meanwhile, stays. There is nothing to be seen
 * by now, so this is for the addresses only, and not worth waiting for a process that
 * is at them itself.
 */
static void user_view_unmap(const struct iomd_user_view *view)
{
	unsigned long at = view->address, start, end;

	kthread_use_mm(view->mm);
	for (; find_piece(view, at, &start, &end); at = end) {
		iomd_inject_step(IOMD_STEP_PIECE_FOUND);
		iomd_erase(file_inode(view->file), start, end - start);
	}
	kthread_unuse_mm(view->mm);
}

/* Nothing is to be seen where the process, or a child of it, has moved it. */
static void empty_file(struct file *file)
{
	struct inode *inode = file_inode(file);

	inode_lock(inode);
	i_size_write(inode, 0);
	unmap_mapping_range(inode->i_mapping, 0, 0, 1);
	shmem_truncate_range(inode, 0, (loff_t)-1);
	inode_unlock(inode);
}

/* In a worker of its own: whoever ended the view may be in the middle of anything. */
static void user_view_free(struct os_object *object)
{
	struct iomd_user_view *view = container_of(object, struct iomd_user_view, object);

	if (!view->file)
		return;
	if (view->address)
		empty_file(view->file);
	if (view->address && mmget_not_zero(view->mm)) {
		user_view_unmap(view);
		/* Nor is what a process leaves behind when it exits ours to wait for. */
		mmput_async(view->mm);
	}
	mmdrop(view->mm);
	fput(view->file);
}

struct os_meta_class iomd_user_view_meta_class = {
	.name = "iomd_user_view",
	.size = sizeof(struct iomd_user_view),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = user_view_free,
};

static void end_view(struct work_struct *work)
{
	os_object_end(&container_of(work, struct iomd_user_view, end)->object);
}

/**
 * iomd_user_view_make() - show a file of shared memory to the calling process
 * @file: all of it
 * @length: its bytes, whole pages
 *
 * Undone by iomd_user_view_end().
 *
 * Return: the view, or ERR_PTR: -ENOMEM, or what mmap() would say.
 * Context: may sleep.
 */
struct iomd_user_view *iomd_user_view_make(struct file *file, unsigned long length)
{
	struct iomd_user_view *view = os_object_alloc(&iomd_user_view_meta_class);
	unsigned long address;

	if (!view)
		return ERR_PTR(-ENOMEM);
	INIT_WORK(&view->end, end_view);
	mmgrab(current->mm);
	view->mm = current->mm;
	view->file = get_file(file);
	view->length = length;
	address = iomd_should_fail() ? -ENOMEM :
		  vm_mmap(file, 0, length, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (IS_ERR_VALUE(address)) {
		iomd_user_view_end(view);
		return ERR_PTR(address);
	}
	view->address = address;
	return view;
}

/* NULL is fine. What is mapped goes soon; see os_object_barrier(). */
void iomd_user_view_end(struct iomd_user_view *view)
{
	if (view)
		os_object_release_by(&view->object, &view->end);
}
