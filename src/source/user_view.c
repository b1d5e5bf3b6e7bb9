// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../debug/inject.h"
#include "../object/object.h"
#include "erase.h"
#include "user_view.h"

/*
 * Addresses of a process that are to be given back. Nothing is to be seen there by then, so
 * that is not worth waiting for a process that is at its address space itself: it is tried
 * again later.
 */
struct user_place {
	/* Among those that are to be tried again. */
	struct list_head node;
	struct delayed_work retry;
	/* Until the next try, in jiffies. */
	unsigned long pause;
	/* Held, both. */
	struct mm_struct *mm;
	struct file *file;
	unsigned long address;
	unsigned long length;
};

/* In jiffies: between the first tries, and at most. */
#define FIRST_PAUSE	(HZ / 10)
#define LONGEST_PAUSE	(60 * HZ)

static void place_retry(struct work_struct *work);

/* guards what follows */
static DEFINE_SPINLOCK(places_lock);
/* Each has a time of its own: nobody puts off what is others'. */
static LIST_HEAD(places);

static void free_place(struct user_place *place)
{
	mmdrop(place->mm);
	fput(place->file);
	kfree(place);
}

static struct user_place *make_place(struct file *file, unsigned long length)
{
	struct user_place *place = iomd_should_fail() ? NULL :
				   kzalloc(sizeof(*place), GFP_KERNEL_ACCOUNT);

	if (!place)
		return NULL;
	INIT_LIST_HEAD(&place->node);
	INIT_DELAYED_WORK(&place->retry, place_retry);
	place->pause = FIRST_PAUSE;
	mmgrab(current->mm);
	place->mm = current->mm;
	place->file = get_file(file);
	place->length = length;
	return place;
}

/*
 * The first piece of the place from @from on that still shows the file: 1, or 0 if there is
 * none; -EAGAIN if somebody is at the address space, for whom to unmap it would wait.
 */
static int find_piece(const struct user_place *place, unsigned long from,
		      unsigned long *start, unsigned long *end)
{
	unsigned long place_end = place->address + place->length;
	struct vm_area_struct *vma;
	int found = 0;

	VMA_ITERATOR(iterator, place->mm, from);

	if (rwsem_is_locked(&place->mm->mmap_lock) || !mmap_read_trylock(place->mm))
		return -EAGAIN;
	for_each_vma_range(iterator, vma, place_end) {
		if (vma->vm_file != place->file)
			continue;
		*start = max(vma->vm_start, from);
		*end = min(vma->vm_end, place_end);
		found = 1;
		break;
	}
	mmap_read_unlock(place->mm);
	return found;
}

/* What the process has put there instead, meanwhile, stays. False: to be tried again. */
static bool erase_place(const struct user_place *place)
{
	unsigned long at = place->address, start, end;
	int ret;

	while ((ret = find_piece(place, at, &start, &end)) > 0) {
		iomd_inject_step(IOMD_STEP_PIECE_FOUND);
		ret = iomd_erase(file_inode(place->file), start, end - start);
		/* Of what has just changed there may be something left. */
		if (ret == -ESTALE || !iomd_erase_is_final(ret))
			return false;
		at = end;
	}
	return !ret;
}

static bool try_place(const struct user_place *place)
{
	bool done;

	if (!mmget_not_zero(place->mm))
		return true;
	kthread_use_mm(place->mm);
	done = erase_place(place);
	kthread_unuse_mm(place->mm);
	/* Nor is what a process leaves behind when it exits ours to wait for. */
	mmput_async(place->mm);
	return done;
}

static void place_put_off(struct user_place *place)
{
	schedule_delayed_work(&place->retry, place->pause);
	place->pause = min_t(unsigned long, place->pause * 2, LONGEST_PAUSE);
}

static void place_retry(struct work_struct *work)
{
	struct user_place *place = container_of(to_delayed_work(work), struct user_place, retry);
	bool mine;

	if (!try_place(place)) {
		place_put_off(place);
		return;
	}
	spin_lock(&places_lock);
	/* Else the room is about to be closed, by who waits for this work. */
	mine = !list_empty(&place->node);
	list_del_init(&place->node);
	spin_unlock(&places_lock);
	if (mine)
		free_place(place);
}

static void give_place_back(struct user_place *place)
{
	if (try_place(place)) {
		free_place(place);
		return;
	}
	spin_lock(&places_lock);
	list_add(&place->node, &places);
	spin_unlock(&places_lock);
	place_put_off(place);
}

/* The last of them first; NULL if there are no more. */
static struct user_place *take_place(void)
{
	struct user_place *place;

	spin_lock(&places_lock);
	place = list_first_entry_or_null(&places, struct user_place, node);
	if (place)
		list_del_init(&place->node);
	spin_unlock(&places_lock);
	return place;
}

/* No view is left that could bring more. */
void iomd_user_view_exit_room(void)
{
	struct user_place *place;

	while ((place = take_place())) {
		cancel_delayed_work_sync(&place->retry);
		free_place(place);
	}
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

	if (!view->place)
		return;
	if (!view->address) {
		free_place(view->place);
		return;
	}
	empty_file(view->place->file);
	give_place_back(view->place);
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
	view->place = make_place(file, length);
	address = !view->place || iomd_should_fail() ? -ENOMEM :
		  vm_mmap(file, 0, length, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	if (IS_ERR_VALUE(address)) {
		iomd_user_view_end(view);
		return ERR_PTR(address);
	}
	view->address = address;
	view->place->address = address;
	return view;
}

/*
 * NULL is fine. What is to be seen goes soon; see os_object_barrier(). So do its addresses,
 * unless the process is at its address space just then: then, some time after.
 */
void iomd_user_view_end(struct iomd_user_view *view)
{
	if (view)
		os_object_release_by(&view->object, &view->end);
}
