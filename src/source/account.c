// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "account.h"

/**
 * iomd_account_hold() - remember a task and its address space
 * @task: that has one now; it need not live on
 * @mm: set to the address space
 *
 * Undone by iomd_account_drop().
 *
 * Return: 0; -EINVAL for a kernel thread that has not adopted one; -ESRCH if it is
 * gone.
 * Context: may sleep.
 */
int iomd_account_hold(struct task_struct *task, struct mm_struct **mm)
{
	struct mm_struct *live;

	if (task == current) {
		/* Also for a kernel thread that works in a user's address space. */
		if (!current->mm)
			return -EINVAL;
		mmgrab(current->mm);
		*mm = current->mm;
	} else {
		if (task->flags & PF_KTHREAD)
			return -EINVAL;
		live = get_task_mm(task);
		if (!live)
			return -ESRCH;
		mmgrab(live);
		*mm = live;
		mmput(live);
	}
	get_task_struct(task);
	return 0;
}

/* Either may be NULL. */
void iomd_account_drop(struct mm_struct *mm, struct task_struct *task)
{
	if (mm)
		mmdrop(mm);
	if (task)
		put_task_struct(task);
}

/* capable() for another task: not every kernel has that for modules. */
static bool may_exceed(struct task_struct *task)
{
	const struct cred *cred = get_task_cred(task);
	bool may = cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_IPC_LOCK);

	put_cred(cred);
	return may;
}

/**
 * iomd_account_charge() - charge pages before they are pinned
 * @mm: whose pinned_vm grows
 * @task: whose limit counts
 * @pages: how many
 *
 * Undone by iomd_account_uncharge().
 *
 * Return: 0; -ENOMEM, and a line in the log that names the limit, if @task may
 * not have that many pinned.
 * Context: any.
 */
int iomd_account_charge(struct mm_struct *mm, struct task_struct *task, u64 pages)
{
	u64 limit = task_rlimit(task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	u64 pinned;

	if (iomd_should_fail())
		return -ENOMEM;
	pinned = atomic64_add_return(pages, &mm->pinned_vm);
	if (pinned > limit && !may_exceed(task)) {
		atomic64_sub(pages, &mm->pinned_vm);
		/* A task chooses its name, which may hold a line's end: it stays out of the log. */
		pr_notice_ratelimited("iomd: process %d: %llu pages more would be %llu pinned, RLIMIT_MEMLOCK is %llu\n",
				      task_pid_nr(task), pages, pinned, limit);
		return -ENOMEM;
	}
	iomd_count(IOMD_PAGES_CHARGED, pages);
	return 0;
}

void iomd_account_uncharge(struct mm_struct *mm, u64 pages)
{
	atomic64_sub(pages, &mm->pinned_vm);
	iomd_count(IOMD_PAGES_UNCHARGED, pages);
}
