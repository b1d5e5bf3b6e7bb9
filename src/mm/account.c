// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include <iomd/types.h>

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
 * Return: 0; -EINVAL if there is no such task, and for a kernel thread that has not
 * adopted one; -ESRCH if it is gone.
 * Context: may sleep.
 */
int iomd_account_hold(struct task_struct *task, struct mm_struct **mm)
{
	struct mm_struct *live;

	if (!task || task == IOMD_PHYSICAL_TASK)
		return -EINVAL;
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

/**
 * iomd_payer_init() - have a task pay, as what it is now
 * @payer: zero
 * @task: see iomd_account_hold()
 *
 * Undone by iomd_payer_destroy().
 *
 * Return: see iomd_account_hold(); after a failure @payer is as it was.
 * Context: may sleep.
 */
int iomd_payer_init(struct iomd_payer *payer, struct task_struct *task)
{
	int ret = iomd_account_hold(task, &payer->mm);

	if (ret)
		return ret;
	payer->task = task;
	payer->cred = task == current ? get_current_cred() : get_task_cred(task);
	return 0;
}

/**
 * iomd_payer_copy() - have somebody pay for more
 * @payer: zero
 * @from: who pays; its charge is not copied
 *
 * Undone by iomd_payer_destroy().
 *
 * Context: any.
 */
void iomd_payer_copy(struct iomd_payer *payer, const struct iomd_payer *from)
{
	if (!from->mm)
		return;
	mmgrab(from->mm);
	payer->mm = from->mm;
	payer->task = get_task_struct(from->task);
	payer->cred = get_cred(from->cred);
}

/* Zero again; nothing is charged any more. */
void iomd_payer_destroy(struct iomd_payer *payer)
{
	WARN_ON_ONCE(payer->charged);
	iomd_account_drop(payer->mm, payer->task);
	put_cred(payer->cred);
	memset(payer, 0, sizeof(*payer));
}

/* capable() for credentials: not every kernel has that for modules. */
static bool may_exceed(const struct cred *cred)
{
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_IPC_LOCK);
}

/*
 * What a task may that gained the right since, by execve() of another program, is not for
 * those who made it pay; one that gave it up has lost it.
 */
static bool may_exceed_still(const struct iomd_payer *payer)
{
	const struct cred *now;
	bool may;

	if (!may_exceed(payer->cred))
		return false;
	now = get_task_cred(payer->task);
	may = may_exceed(now);
	put_cred(now);
	return may;
}

static int account_refuse(const struct iomd_payer *payer, u64 pages, u64 pinned, u64 limit,
			  const char *whose)
{
	/* A task chooses its name, which may hold a line's end: it stays out of the log. */
	pr_notice_ratelimited("iomd: process %d: %llu pages more would be %llu pinned of its %s, RLIMIT_MEMLOCK is %llu\n",
			      task_pid_nr(payer->task), pages, pinned, whose, limit);
	return -ENOMEM;
}

/* Who may exceed limits does not use up those of others who are the same user. */
static int charge_user(struct iomd_payer *payer, u64 pages, u64 limit)
{
	u64 pinned;

	if (may_exceed(payer->cred))
		return 0;
	pinned = iomd_compat_charge_user(payer->cred->user, pages);
	if (pinned > limit) {
		iomd_compat_uncharge_user(payer->cred->user, pages);
		return account_refuse(payer, pages, pinned, limit, "user");
	}
	payer->user_charged = pages;
	return 0;
}

/**
 * iomd_payer_charge() - charge pages before they are pinned
 * @payer: who is charged for nothing yet; not the kernel
 * @pages: how many
 *
 * Both the address space's pinned_vm and, unless the task had CAP_IPC_LOCK when it became
 * the payer, the user's locked_vm grow. Undone by iomd_payer_uncharge().
 *
 * Return: 0; -ENOMEM, and a line in the log that names the limit, if either may not have
 * that many pinned.
 * Context: any.
 */
int iomd_payer_charge(struct iomd_payer *payer, u64 pages)
{
	u64 limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	u64 pinned;
	int ret;

	if (WARN_ON_ONCE(payer->charged) || iomd_should_fail())
		return -ENOMEM;
	pinned = atomic64_add_return(pages, &payer->mm->pinned_vm);
	if (pinned > limit && !may_exceed_still(payer))
		ret = account_refuse(payer, pages, pinned, limit, "address space");
	else
		ret = charge_user(payer, pages, limit);
	if (ret) {
		atomic64_sub(pages, &payer->mm->pinned_vm);
		return ret;
	}
	payer->charged = pages;
	iomd_count(IOMD_PAGES_CHARGED, pages);
	return 0;
}

/* Of all that @payer is charged for, which may be nothing. */
void iomd_payer_uncharge(struct iomd_payer *payer)
{
	if (!payer->charged)
		return;
	atomic64_sub(payer->charged, &payer->mm->pinned_vm);
	if (payer->user_charged)
		iomd_compat_uncharge_user(payer->cred->user, payer->user_charged);
	iomd_count(IOMD_PAGES_UNCHARGED, payer->charged);
	payer->charged = 0;
	payer->user_charged = 0;
}
