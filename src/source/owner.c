// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include <iomd/types.h>

#include "account.h"
#include "owner.h"

/* Hold @task and its address space; both are NULL for the kernel. */
static int hold(struct task_struct **task, struct mm_struct **mm)
{
	*mm = NULL;
	if (*task == IOMD_KERNEL_TASK)
		*task = NULL;
	return *task ? iomd_account_hold(*task, mm) : 0;
}

/**
 * iomd_owner_init() - have memory be somebody's
 * @owner: zero
 * @task: whose; NULL or IOMD_KERNEL_TASK: nobody's
 *
 * Undone by iomd_owner_destroy(), also after a failure.
 *
 * Return: see iomd_account_hold().
 * Context: may sleep.
 */
int iomd_owner_init(struct iomd_owner *owner, struct task_struct *task)
{
	int ret;

	mutex_init(&owner->lock);
	ret = hold(&task, &owner->mm);
	if (!ret)
		owner->task = task;
	return ret;
}

void iomd_owner_destroy(struct iomd_owner *owner)
{
	iomd_account_drop(owner->mm, owner->task);
	owner->mm = NULL;
	owner->task = NULL;
}

/**
 * iomd_owner_charge() - charge whoever the owner is for pages
 * @owner: that holds none
 * @pages: how many
 *
 * Undone by iomd_owner_uncharge().
 *
 * Return: see iomd_account_charge().
 * Context: may sleep.
 */
int iomd_owner_charge(struct iomd_owner *owner, u64 pages)
{
	int ret = 0;

	mutex_lock(&owner->lock);
	if (owner->mm && !owner->no_footprint) {
		ret = iomd_account_charge(owner->mm, owner->task, pages);
		if (!ret)
			owner->charged = pages;
	}
	if (!ret)
		owner->held = pages;
	mutex_unlock(&owner->lock);
	return ret;
}

void iomd_owner_uncharge(struct iomd_owner *owner)
{
	mutex_lock(&owner->lock);
	if (owner->charged)
		iomd_account_uncharge(owner->mm, owner->charged);
	owner->charged = 0;
	owner->held = 0;
	mutex_unlock(&owner->lock);
}

/*
 * A process may take memory for itself. To make it another's, or free of charge,
 * or the network's, takes the right to break limits, or to be the kernel.
 */
static bool may_change(const struct iomd_owner *owner, const struct mm_struct *mm,
		       int ledger_tag, bool no_footprint)
{
	if ((current->flags & PF_KTHREAD) || capable(CAP_SYS_RESOURCE))
		return true;
	return (mm == owner->mm || mm == current->mm) && !no_footprint &&
	       ledger_tag != IOMD_MEMORY_LEDGER_TAG_NETWORK;
}

/* Takes over the references to @mm and @task, unless it fails. */
static int move(struct iomd_owner *owner, struct mm_struct *mm, struct task_struct *task,
		bool no_footprint)
{
	u64 pages = mm && !no_footprint ? owner->held : 0;
	int ret;

	lockdep_assert_held(&owner->lock);
	if (mm != owner->mm || no_footprint != owner->no_footprint) {
		ret = pages ? iomd_account_charge(mm, task, pages) : 0;
		if (ret)
			return ret;
		if (owner->charged)
			iomd_account_uncharge(owner->mm, owner->charged);
		owner->charged = pages;
	}
	iomd_account_drop(owner->mm, owner->task);
	owner->mm = mm;
	owner->task = task;
	owner->no_footprint = no_footprint;
	return 0;
}

/**
 * iomd_owner_change() - make memory somebody else's
 * @owner: whose it is
 * @task: whose it becomes; NULL: as it is; IOMD_KERNEL_TASK: nobody's
 * @ledger_tag: valid
 * @options: valid
 *
 * Return: 0; or, with nothing changed: -EPERM; else as iomd_account_hold() and
 * iomd_account_charge().
 * Context: may sleep.
 */
int iomd_owner_change(struct iomd_owner *owner, struct task_struct *task, int ledger_tag,
		      u64 options)
{
	bool no_footprint = options & IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT;
	bool same = !task;
	struct mm_struct *mm;
	int ret;

	ret = hold(&task, &mm);
	if (ret)
		return ret;
	mutex_lock(&owner->lock);
	if (same && owner->mm) {
		task = get_task_struct(owner->task);
		mm = owner->mm;
		mmgrab(mm);
	}
	if (may_change(owner, mm, ledger_tag, no_footprint))
		ret = move(owner, mm, task, no_footprint);
	else
		ret = -EPERM;
	if (ret)
		iomd_account_drop(mm, task);
	else if (ledger_tag != IOMD_MEMORY_LEDGER_TAG_UNCHANGED)
		owner->ledger_tag = ledger_tag;
	mutex_unlock(&owner->lock);
	return ret;
}
