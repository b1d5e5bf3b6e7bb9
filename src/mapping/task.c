// SPDX-License-Identifier: GPL-2.0
/*
 * A VMA in any live task, by the rules of that task. Only a kernel thread may step into
 * an address space that is not its own, so a worker does it for us there. It has the
 * task's credentials meanwhile, for what the kernel and its security modules ask, and its
 * limit of locked memory; what else the kernel reads from the caller instead, which is the
 * worker then, is looked at by iomd_task_may_have().
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/resource.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <iomd/types.h>

#include "../debug/inject.h"
#include "../source/erase.h"
#include "mapping.h"
#include "task.h"
#include "view.h"

/* May be waited for when memory is reclaimed. */
static struct workqueue_struct *queue;

enum outcome {
	/* Somebody waits for it. */
	WANTED,
	/* It is being placed, and somebody waits until it is, whatever comes. */
	PLACED,
	/* A fatal signal came: nobody waits any more, and it must not be placed. */
	ABANDONED,
};

/* What is to go where. The one who asks has it, and the worker. */
struct task_placement {
	struct work_struct work;
	struct completion done;
	refcount_t users;
	atomic_t outcome;
	/* Held, all three; the address space so that it lives. */
	struct task_struct *task;
	struct mm_struct *mm;
	struct file *file;
	unsigned long address;
	unsigned long length;
	unsigned long prot;
	unsigned long flags;
	unsigned long result;
};

static void put_placement(struct task_placement *placement)
{
	if (!refcount_dec_and_test(&placement->users))
		return;
	put_task_struct(placement->task);
	mmput(placement->mm);
	fput(placement->file);
	kfree(placement);
}

static struct task_placement *new_placement(struct iomd_mapping *mapping, struct file *file,
					    unsigned long address, unsigned long length)
{
	struct task_placement *placement = iomd_should_fail() ? NULL :
				      kzalloc(sizeof(*placement), GFP_KERNEL);

	if (!placement)
		return ERR_PTR(-ENOMEM);
	if (!mmget_not_zero(mapping->mm)) {
		kfree(placement);
		return ERR_PTR(-ESRCH);
	}
	init_completion(&placement->done);
	refcount_set(&placement->users, 1);
	placement->task = get_task_struct(mapping->task);
	placement->mm = mapping->mm;
	placement->file = get_file(file);
	placement->address = address;
	placement->length = length;
	placement->prot = PROT_READ;
	if (!(mapping->options & IOMD_MAP_READ_ONLY))
		placement->prot |= PROT_WRITE;
	placement->flags = MAP_SHARED;
	if (!(mapping->options & IOMD_MAP_ANYWHERE))
		placement->flags |= MAP_FIXED_NOREPLACE;
	return placement;
}

static void placement_map(struct task_placement *placement, unsigned long flags)
{
	placement->result = vm_mmap(placement->file, placement->address, placement->length,
				    placement->prot, placement->flags | flags, 0);
}

/* The kernel's pointers are long ones; the task's may not be. */
static unsigned long flags_for(const struct mm_struct *mm)
{
#ifdef MAP_32BIT
	if (mm->task_size <= BIT_ULL(32))
		return MAP_32BIT;
#endif
	return 0;
}

/*
 * How much of what is mapped may be locked (MCL_FUTURE): what is asked before any of our
 * code is, so that this thread has the limit itself meanwhile. The one that it had.
 */
static unsigned long set_memlock_limit(unsigned long limit)
{
	unsigned long *own = &current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur;
	unsigned long was = READ_ONCE(*own);

	WRITE_ONCE(*own, limit);
	return was;
}

/* In the task's address space, but in a kernel thread. */
static void place_for_task(struct task_placement *placement)
{
	const struct cred *cred = get_task_cred(placement->task);
	const struct cred *own = override_creds(cred);
	unsigned long limit = set_memlock_limit(task_rlimit(placement->task, RLIMIT_MEMLOCK));

	placement_map(placement, flags_for(placement->mm));
	set_memlock_limit(limit);
	revert_creds(own);
	put_cred(cred);
}

static void place_in_worker(struct work_struct *work)
{
	struct task_placement *placement = container_of(work, struct task_placement, work);

	kthread_use_mm(placement->mm);
	place_for_task(placement);
	kthread_unuse_mm(placement->mm);
	complete(&placement->done);
	put_placement(placement);
}

/*
 * Until the worker has the address space locked, a fatal signal ends the wait. After that
 * it does not take long; and as the VMA may be filled before anybody can find it, to zap
 * it, the memory must not be given back meanwhile.
 */
static unsigned long have_it_placed(struct iomd_mapping *mapping,
				    struct task_placement *placement)
{
	mapping->placement = placement;
	refcount_inc(&placement->users);
	INIT_WORK(&placement->work, place_in_worker);
	queue_work(queue, &placement->work);
	if (wait_for_completion_killable(&placement->done)) {
		if (atomic_cmpxchg(&placement->outcome, WANTED, ABANDONED) == WANTED)
			return -EINTR;
		wait_for_completion(&placement->done);
	}
	mapping->placement = NULL;
	return placement->result;
}

/* May the worker go on? Whoever waits for it does so until the end then. */
static bool placement_claim(struct task_placement *placement)
{
	return atomic_cmpxchg(&placement->outcome, WANTED, PLACED) == WANTED;
}

/**
 * iomd_task_may_have() - do the task's limits allow what is being mapped?
 * @mapping: mapping
 * @vma: the VMA that is being made for it
 *
 * What mmap() asks of its caller, where that is a kernel thread. A worker learns whether
 * somebody waits for it, too.
 *
 * Return: 0; -ENOMEM; -EINTR if nobody waits for the VMA any more.
 * Context: may sleep; with mmap_lock.
 */
int iomd_task_may_have(const struct iomd_mapping *mapping, struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!(current->flags & PF_KTHREAD))
		return 0;
	mmap_assert_locked(mm);
	if (vma->vm_end > mm->task_size ||
	    mm->total_vm + vma_pages(vma) > task_rlimit(mapping->task, RLIMIT_AS) >> PAGE_SHIFT)
		return -ENOMEM;
	return mapping->placement && !placement_claim(mapping->placement) ? -EINTR : 0;
}

/*
 * Giving addresses back
 */

/* guards the tree, and what the views know of their places */
static DEFINE_SPINLOCK(stale_lock);
/*
 * Views that show nothing any more, and whose task is to have the addresses back, by its
 * address space.
 */
static struct rb_root stale_views = RB_ROOT;

static int compare_stale_mm(const void *mm, const struct rb_node *node)
{
	unsigned long key = (unsigned long)mm;
	unsigned long other = (unsigned long)rb_entry(node, struct iomd_view, stale)->mm;

	return key < other ? -1 : key > other;
}

static bool is_less_by_stale_mm(struct rb_node *node, const struct rb_node *other)
{
	return compare_stale_mm(rb_entry(node, struct iomd_view, stale)->mm, other) < 0;
}

static void remove_stale(struct iomd_view *view)
{
	lockdep_assert_held(&stale_lock);
	if (RB_EMPTY_NODE(&view->stale))
		return;
	rb_erase(&view->stale, &stale_views);
	RB_CLEAR_NODE(&view->stale);
}

/* The first VMA has its place. */
void iomd_task_note_place(struct iomd_view *view, struct mm_struct *mm, unsigned long start,
			  unsigned long length)
{
	spin_lock(&stale_lock);
	view->mm = mm;
	view->start = start;
	view->length = length;
	spin_unlock(&stale_lock);
}

/* There is no VMA any more, so there is nothing to be given back. */
void iomd_task_forget_place(struct iomd_view *view)
{
	spin_lock(&stale_lock);
	remove_stale(view);
	view->mm = NULL;
	spin_unlock(&stale_lock);
}

/*
 * Addresses are given back to a task that asked for that: who does not know would take
 * SIGSEGV, or what comes there next, for a fault of his own.
 */
static bool may_give_back_to(const struct mm_struct *mm)
{
	return mm && !(current->flags & (PF_KTHREAD | PF_EXITING));
}

/**
 * iomd_task_is_asking() - is the task of a mapping the one that gives it up?
 * @mapping: mapping
 *
 * Return: true if the current process may give up what it has mapped of @mapping.
 * Context: any.
 */
bool iomd_task_is_asking(const struct iomd_mapping *mapping)
{
	return mapping->mm && in_task() && mapping->mm == current->mm &&
	       may_give_back_to(current->mm);
}

/**
 * iomd_task_give_back_later() - give addresses back with the task's next mapping
 * @view: that was revoked
 *
 * Context: may sleep.
 */
void iomd_task_give_back_later(struct iomd_view *view)
{
	spin_lock(&stale_lock);
	if (view->mm && RB_EMPTY_NODE(&view->stale))
		rb_add(&view->stale, &stale_views, is_less_by_stale_mm);
	spin_unlock(&stale_lock);
}

/* In the address space that it is in. False: to be tried again. */
static bool erase_view(struct iomd_view *view)
{
	return iomd_erase_is_final(iomd_erase(&view->inode, view->start, view->length));
}

/**
 * iomd_task_give_back() - give addresses back that the current task gave up
 * @view: that was revoked
 *
 * Later, if others are at the address space right now, one of whom may be who asks, or if
 * memory fails.
 *
 * Context: may sleep; takes mmap_lock.
 */
void iomd_task_give_back(struct iomd_view *view)
{
	if (rwsem_is_locked(&current->mm->mmap_lock) || !erase_view(view))
		iomd_task_give_back_later(view);
}

static struct iomd_view *next_stale(struct mm_struct *mm)
{
	struct iomd_view *view = NULL;
	struct rb_node *node;

	spin_lock(&stale_lock);
	node = rb_find_first(mm, &stale_views, compare_stale_mm);
	if (node) {
		view = rb_entry(node, struct iomd_view, stale);
		remove_stale(view);
		/* As long as it is known, its file is not closed. */
		ihold(&view->inode);
	}
	spin_unlock(&stale_lock);
	return view;
}

static void erase_stale_views(struct mm_struct *mm)
{
	struct iomd_view *view;
	bool done = true;

	while (done && (view = next_stale(mm))) {
		done = erase_view(view);
		if (!done)
			iomd_task_give_back_later(view);
		iput(&view->inode);
	}
}

/**
 * iomd_task_mmap() - give a new mapping its VMA
 * @mapping: which has a task
 * @file: its view's
 * @address: where, unless it may be anywhere
 * @length: bytes, whole pages
 *
 * Return: the address, or an errno as vm_mmap() gives it: -ESRCH if the address space
 * is gone; -EINTR if a fatal signal came.
 * Context: may sleep; takes the task's mmap_lock.
 */
unsigned long iomd_task_mmap(struct iomd_mapping *mapping, struct file *file,
			     unsigned long address, unsigned long length)
{
	struct task_placement *placement;
	unsigned long result;

	placement = new_placement(mapping, file, address, length);
	if (IS_ERR(placement))
		return PTR_ERR(placement);
	if (current->mm != mapping->mm) {
		result = have_it_placed(mapping, placement);
	} else if (current->flags & PF_KTHREAD) {
		place_for_task(placement);
		result = placement->result;
	} else {
		erase_stale_views(current->mm);
		placement_map(placement, 0);
		result = placement->result;
	}
	put_placement(placement);
	return result;
}

int iomd_task_init(void)
{
	queue = iomd_should_fail() ? NULL :
		alloc_workqueue("iomd_mapping", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return queue ? 0 : -ENOMEM;
}

void iomd_task_exit(void)
{
	destroy_workqueue(queue);
}
