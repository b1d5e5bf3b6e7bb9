// SPDX-License-Identifier: GPL-2.0
/*
 * Changing what user mappings show, without their user noticing more than a wait.
 * A kernel mapping can't be made to wait, so it is never redirected.
 */
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../desc/parts.h"
#include "../mm/account.h"
#include "cache.h"
#include "listed.h"
#include "mapping.h"
#include "redirect.h"
#include "snapshot.h"
#include "vma.h"
#include "view.h"

static bool is_redirected(const struct iomd *md)
{
	return iomd_get_flags(md) & IOMD_MEMORY_REDIRECTED;
}

static void set_hidden(struct iomd_mapping *mapping, bool hidden)
{
	struct iomd_view *view = mapping->view;

	inode_lock(&view->inode);
	if (view->mapping)
		iomd_view_block(view, IOMD_VIEW_HIDDEN, hidden);
	inode_unlock(&view->inode);
}

/**
 * iomd_mapping_follow() - let a mapping wait, or not, as its descriptor says
 * @mapping: that its descriptor knows already, so that it is not missed when that
 *	changes
 *
 * Return: 0; -EBUSY for a mapping that can't wait, as the kernel's and those that their
 * class placed itself, while the descriptor is redirected.
 * Context: may sleep.
 */
int iomd_mapping_follow(struct iomd_mapping *mapping)
{
	struct iomd_view *view = mapping->view;

	if (!view)
		return !is_redirected(mapping->md) || (mapping->options & IOMD_MAP_STATIC) ?
		       0 : -EBUSY;
	iomd_view_follow(view);
	return 0;
}

static void give_up_other(struct iomd_mapping *other)
{
	iomd_cache_release(other);
	iomd_mapping_complete(other);
	iomd_release(other->memory);
	iomd_release(other->md);
}

/* Does @memory have all that @mapping would show of it? */
static bool is_inside(const struct iomd_mapping *mapping, const struct iomd *memory, u64 offset)
{
	u64 end;

	return !check_add_overflow(offset, mapping->length, &end) &&
	       end <= iomd_get_length(memory);
}

/*
 * What @mapping would be of @memory; undone by give_up_other(). As for a new mapping, a
 * sub's is its parent's, who can redirect it.
 */
static int prepare_other(struct iomd_mapping *other, const struct iomd_mapping *mapping,
			 struct iomd *memory, u64 offset)
{
	struct iomd *whole = iomd_sub_get_whole(memory, &offset);
	struct iomd_listed first;
	bool is_listed;
	int ret;

	/* The parent may have become shorter than its sub. */
	if (!is_inside(mapping, whole, offset))
		return -EINVAL;
	if (iomd_get_flags(whole) & IOMD_MEMORY_REMOTE)
		return -ENXIO;
	*other = (struct iomd_mapping) {
		.md = iomd_retain(whole),
		.memory = iomd_retain(whole),
		.options = mapping->options,
		.offset = offset,
		.length = mapping->length,
		.direct = whole == memory,
		.mm = mapping->mm,
	};
	ret = iomd_mapping_take_snapshot(other);
	if (ret)
		goto err_give_up;
	ret = iomd_mapping_prepare(other);
	if (ret)
		goto err_give_up;
	is_listed = iomd_mapping_look(other, &first);
	ret = -EINVAL;
	if (other->in_page != mapping->in_page)
		goto err_give_up;
	ret = iomd_mapping_check_runs(other, is_listed ? &first : NULL);
	if (ret)
		goto err_give_up;
	ret = iomd_cache_reserve(other);
	if (ret)
		goto err_give_up;
	return 0;

err_give_up:
	give_up_other(other);
	return ret;
}

/*
 * Show @other's memory; what was shown is in @other afterwards. Nothing is seen from the
 * zap on until the lock is let go, so it does not matter that for a moment neither memory
 * knows the mapping. Whether it has to wait is asked for when the new one knows it: who
 * redirects that later finds it. See Documentation/protocols.rst.
 */
static void mapping_exchange(struct iomd_mapping *mapping, struct iomd_mapping *other)
{
	struct iomd_view *view = mapping->view;

	inode_lock(&view->inode);
	iomd_view_zap(view);
	iomd_remove_mapping(mapping->md, mapping);
	if (!mapping->maker)
		mapping->maker = iomd_retain(mapping->md);
	swap(mapping->md, other->md);
	swap(mapping->memory, other->memory);
	swap(mapping->offset, other->offset);
	swap(mapping->direct, other->direct);
	swap(mapping->cache_mode, other->cache_mode);
	swap(mapping->prepared, other->prepared);
	swap(mapping->reserved, other->reserved);
	iomd_inject_step(IOMD_STEP_EXCHANGED);
	iomd_add_mapping(mapping->md, mapping);
	iomd_view_block(view, IOMD_VIEW_HIDDEN, false);
	iomd_view_block(view, IOMD_VIEW_REDIRECTED, is_redirected(mapping->md));
	inode_unlock(&view->inode);
}

/* Prepares without the mapping locked: that may take long, and its end need not wait. */
static int redirect_to(struct iomd_mapping *mapping, struct iomd *memory, u64 offset)
{
	struct iomd_mapping other;
	int ret;

	ret = prepare_other(&other, mapping, memory, offset);
	if (ret)
		return ret;
	mutex_lock(&mapping->lock);
	if (mapping->placed)
		mapping_exchange(mapping, &other);
	mutex_unlock(&mapping->lock);
	give_up_other(&other);
	return 0;
}

/*
 * Do what can be done without other memory; @more tells whether other memory is to be
 * shown. 0; -EOPNOTSUPP.
 */
static int redirect_simply(struct iomd_mapping *mapping, const struct iomd *memory, u64 offset,
			   bool *more)
{
	int ret = 0;

	*more = false;
	mutex_lock(&mapping->lock);
	if (!mapping->placed)
		goto out;
	if (!mapping->view)
		ret = -EOPNOTSUPP;
	else if (!memory)
		set_hidden(mapping, true);
	else if (memory == mapping->md && offset == mapping->offset)
		set_hidden(mapping, false);
	else
		*more = true;
out:
	mutex_unlock(&mapping->lock);
	return ret;
}

/**
 * iomd_mapping_redirect() - let a user mapping show other memory
 * @mapping: made with IOMD_MAP_UNIQUE
 * @new_memory: what it shows from now on; NULL: nothing, and who touches it waits until
 *	it shows memory again
 * @options: 0
 * @offset: in @new_memory, of what the mapping's first byte shows
 *
 * Who waits does so in user mode, and signals, debuggers and the freezer get through; the
 * kernel's own accesses, in system calls, fail as if nothing were there. The change is
 * atomic for those who look. The mapping belongs to @new_memory afterwards, or, as each
 * mapping of a sub does, to that's parent. IOKit: IOMemoryMap::redirect.
 *
 * Return: 0, also if it is unmapped already; or, with nothing changed: -EOPNOTSUPP
 * for a kernel mapping, or one that its class placed itself; -EINVAL if it is not unique,
 * for options, or if @new_memory is too short, its pieces don't meet at page borders, it
 * can't be shown in whole pages, or its place in its page is another; -EOPNOTSUPP for a
 * cache mode that @new_memory can't have;
 * -ENXIO for another machine's memory; else as iomd_prepare().
 * Context: may sleep.
 */
int iomd_mapping_redirect(struct iomd_mapping *mapping, struct iomd *new_memory, u64 options,
			  u64 offset)
{
	bool more;
	int ret;

	if (options)
		return -EINVAL;
	if (iomd_mapping_is_kernel(mapping))
		return -EOPNOTSUPP;
	if (!(mapping->options & IOMD_MAP_UNIQUE))
		return -EINVAL;
	ret = redirect_simply(mapping, new_memory, offset, &more);
	if (ret || !more)
		return ret;
	/* What is shown already may be described no longer: a buffer can be shortened. */
	if (!is_inside(mapping, new_memory, offset))
		return -EINVAL;
	return redirect_to(mapping, new_memory, offset);
}
IOMD_EXPORT(iomd_mapping_redirect);

/*
 * Would it go on to show the memory? Not what is no more than told of, or part of another;
 * the safe task is to go on.
 */
static bool can_not_wait(const struct iomd_mapping *mapping, bool kernel_is_safe,
			 const struct mm_struct *safe)
{
	if (mapping->view || mapping->super || (mapping->options & IOMD_MAP_STATIC) ||
	    !READ_ONCE(mapping->address))
		return false;
	/* Nobody has it any more; its end is deferred. */
	if (!os_object_get_retain_count(&mapping->object))
		return false;
	return iomd_mapping_is_kernel(mapping) ? !kernel_is_safe : mapping->mm != safe;
}

/*
 * Change the descriptor's flag, by which mappings go that are made from now on; those
 * that exist are on the list.
 */
static int set_flag(struct iomd *md, bool kernel_is_safe, const struct mm_struct *safe,
		    bool redirected)
{
	struct iomd_mapping *mapping;
	unsigned long irq;
	int ret = 0;

	mutex_lock(&md->mappings_lock);
	if (redirected)
		list_for_each_entry(mapping, &md->mappings, link) {
			if (can_not_wait(mapping, kernel_is_safe, safe))
				ret = -EOPNOTSUPP;
			cond_resched();
		}
	if (ret)
		goto out;
	raw_spin_lock_irqsave(&md->lock, irq);
	if (redirected)
		md->flags |= IOMD_MEMORY_REDIRECTED;
	else
		md->flags &= ~IOMD_MEMORY_REDIRECTED;
	raw_spin_unlock_irqrestore(&md->lock, irq);
out:
	mutex_unlock(&md->mappings_lock);
	return ret;
}

/*
 * The view of a mapping of @md that was not visited in this round, held; NULL when the list
 * has come round. The mapping may be about to end: it is on the list for as long as it shows
 * something.
 */
static struct iomd_view *visit_next(struct iomd *md, unsigned int round)
{
	struct iomd_mapping *mapping;
	struct iomd_view *view = NULL;

	mutex_lock(&md->mappings_lock);
	while (!view) {
		mapping = list_first_entry_or_null(&md->mappings, struct iomd_mapping, link);
		if (!mapping || mapping->round == round)
			break;
		mapping->round = round;
		list_move_tail(&mapping->link, &md->mappings);
		view = mapping->view;
		if (view)
			ihold(&view->inode);
		cond_resched();
	}
	mutex_unlock(&md->mappings_lock);
	return view;
}

/* @safe: in whose address space it goes on to show the memory; NULL: in none. */
static void set_redirected(struct iomd_view *view, const struct iomd *md,
			   const struct mm_struct *safe, bool redirected)
{
	struct iomd_mapping *mapping;

	inode_lock(&view->inode);
	mapping = view->mapping;
	/* It may have become another descriptor's meanwhile. */
	if (mapping && mapping->md == md)
		iomd_view_block(view, IOMD_VIEW_REDIRECTED,
				redirected && (!safe || mapping->mm != safe));
	inode_unlock(&view->inode);
}

static int redirect_all(struct iomd *md, bool kernel_is_safe, const struct mm_struct *safe,
			bool redirect)
{
	static unsigned int round;
	struct iomd_view *view;
	int ret;

	ret = set_flag(md, kernel_is_safe, safe, redirect);
	if (ret)
		return ret;
	round++;
	while ((view = visit_next(md, round))) {
		set_redirected(view, md, safe, redirect);
		iomd_view_put(view);
	}
	return 0;
}

/**
 * iomd_base_redirect() - let all who touch mappings of a descriptor wait
 * @md: see iomd_redirect()
 * @safe_task: see iomd_redirect()
 * @redirect: see iomd_redirect()
 *
 * What the op of a class that has one may call. IOKit:
 * IOMemoryDescriptor::redirect.
 *
 * Return: see iomd_redirect().
 * Context: may sleep.
 */
int iomd_base_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect)
{
	/* guards the rounds; flag and mappings change as one */
	static DEFINE_MUTEX(redirect_lock);
	struct mm_struct *safe = NULL;
	int ret;

	/* One without an address space of its own has no mappings either. */
	if (safe_task && iomd_account_hold(safe_task, &safe))
		safe = NULL;
	mutex_lock(&redirect_lock);
	ret = redirect_all(md, safe_task == IOMD_KERNEL_TASK, safe, redirect);
	mutex_unlock(&redirect_lock);
	if (safe)
		iomd_account_drop(safe, safe_task);
	return ret;
}
IOMD_EXPORT(iomd_base_redirect);

/**
 * iomd_redirect() - let all who touch mappings of a descriptor wait
 * @md: descriptor
 * @safe_task: in whose address space mappings go on to show the memory, and which
 *	may be IOMD_KERNEL_TASK; NULL: in none
 * @redirect: true: wait, as in iomd_mapping_redirect(); false: go on
 *
 * Mappings that are made meanwhile wait, too, whose ever they are, as soon as they are
 * made; the kernel can't make any. Mappings of addresses that are not the mapping's own
 * are left alone.
 * IOKit: IOMemoryDescriptor::redirect.
 *
 * Return: 0; -EOPNOTSUPP, with nothing changed, if the kernel is not the safe task
 * and has a mapping of its own, or another task than the safe one has a mapping that its
 * class placed itself: these can't be made to wait.
 * Context: may sleep.
 */
int iomd_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect)
{
	if (md->ops->redirect)
		return md->ops->redirect(md, safe_task, redirect);
	return iomd_base_redirect(md, safe_task, redirect);
}
IOMD_EXPORT(iomd_redirect);
