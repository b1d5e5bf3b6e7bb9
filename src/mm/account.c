// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
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
 * those who made it pay; one that gave it up has lost it, and so has one that has exited,
 * whose credentials stay what they were.
 */
static bool may_exceed_still(const struct iomd_payer *payer)
{
	bool may;

	if (!may_exceed(payer->cred) || (READ_ONCE(payer->task->flags) & PF_EXITING))
		return false;
	rcu_read_lock();
	may = may_exceed(__task_cred(payer->task));
	rcu_read_unlock();
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

/* May so many be pinned of an address space that has @now? @pinned is what that would be. */
static bool is_within(s64 now, u64 pages, u64 limit, u64 *pinned)
{
	return !check_add_overflow((u64)now, pages, pinned) && *pinned <= limit;
}

static int charge_user(struct iomd_payer *payer, u64 pages, u64 limit)
{
	u64 pinned;

	if (!iomd_compat_charge_user(payer->cred->user, pages, limit, &pinned))
		return account_refuse(payer, pages, pinned, limit, "user");
	payer->user_charged = pages;
	return 0;
}

static void uncharge_user(struct iomd_payer *payer)
{
	if (payer->user_charged)
		iomd_compat_uncharge_user(payer->cred->user, payer->user_charged);
	payer->user_charged = 0;
}

static int charge_mm(struct iomd_payer *payer, u64 pages, u64 limit)
{
	s64 now = atomic64_read(&payer->mm->pinned_vm);
	u64 pinned = now;

	do {
		if (iomd_should_fail() || !is_within(now, pages, limit, &pinned))
			return account_refuse(payer, pages, pinned, limit, "address space");
	} while (!atomic64_try_cmpxchg(&payer->mm->pinned_vm, &now, pinned));
	payer->charged = pages;
	return 0;
}

/*
 * What is refused must not have counted, not even for a moment: it would be in the way of
 * somebody else's. So the address space, which has a share of its user's pages, is looked at
 * before it is the user's turn, and as a rule not refused after it.
 */
static int charge_both(struct iomd_payer *payer, struct iomd_payer *from, u64 pages)
{
	u64 limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	bool same = from && from->user_charged == pages &&
		    from->cred->user == payer->cred->user;
	u64 pinned;
	int ret;

	if (!is_within(atomic64_read(&payer->mm->pinned_vm), pages, limit, &pinned))
		return account_refuse(payer, pages, pinned, limit, "address space");
	/* What the user has pinned stays the same. */
	ret = same ? 0 : charge_user(payer, pages, limit);
	if (ret)
		return ret;
	ret = charge_mm(payer, pages, limit);
	if (ret)
		uncharge_user(payer);
	else if (same)
		swap(payer->user_charged, from->user_charged);
	return ret;
}

/* Who may exceed limits does not use up those of others who are the same user. */
static int charge_unlimited(struct iomd_payer *payer, u64 pages)
{
	atomic64_add(pages, &payer->mm->pinned_vm);
	payer->charged = pages;
	return 0;
}

static int payer_charge(struct iomd_payer *payer, struct iomd_payer *from, u64 pages)
{
	int ret;

	if (WARN_ON_ONCE(payer->charged) || iomd_should_fail())
		return -ENOMEM;
	ret = may_exceed_still(payer) ? charge_unlimited(payer, pages) :
					charge_both(payer, from, pages);
	if (!ret)
		iomd_count(IOMD_PAGES_CHARGED, pages);
	return ret;
}

/**
 * iomd_payer_charge() - charge pages before they are pinned
 * @payer: who is charged for nothing yet; not the kernel
 * @pages: how many
 *
 * Both the address space's pinned_vm and, unless the task had CAP_IPC_LOCK when it became
 * the payer and still has it, the user's locked_vm grow. Undone by iomd_payer_uncharge().
 *
 * Return: 0; -ENOMEM, and a line in the log that names the limit, if either may not have
 * that many pinned.
 * Context: any.
 */
int iomd_payer_charge(struct iomd_payer *payer, u64 pages)
{
	return payer_charge(payer, NULL, pages);
}

/**
 * iomd_payer_take_over() - charge one payer for what another one was charged for
 * @payer: who is charged for nothing yet; not the kernel
 * @from: of another address space; charged for as many pages, or for nothing
 * @pages: how many
 *
 * A user that both are counts the pages once all the time. Undone by
 * iomd_payer_uncharge().
 *
 * Return: 0, and @from is charged for nothing any more; with nothing changed: see
 * iomd_payer_charge().
 * Context: any.
 */
int iomd_payer_take_over(struct iomd_payer *payer, struct iomd_payer *from, u64 pages)
{
	int ret = payer_charge(payer, from, pages);

	if (!ret)
		iomd_payer_uncharge(from);
	return ret;
}

/**
 * iomd_payer_charge_again() - have somebody pay for what he paid for until just now
 * @payer: who is charged for nothing; not the kernel
 * @pages: how many
 *
 * For what must be undone: no limit is asked for. Undone by iomd_payer_uncharge().
 *
 * Context: any.
 */
void iomd_payer_charge_again(struct iomd_payer *payer, u64 pages)
{
	u64 pinned;

	atomic64_add(pages, &payer->mm->pinned_vm);
	if (!may_exceed_still(payer) &&
	    iomd_compat_charge_user(payer->cred->user, pages, U64_MAX, &pinned))
		payer->user_charged = pages;
	payer->charged = pages;
	iomd_count(IOMD_PAGES_CHARGED, pages);
}

/* Of all that @payer is charged for, which may be nothing. */
void iomd_payer_uncharge(struct iomd_payer *payer)
{
	if (!payer->charged)
		return;
	atomic64_sub(payer->charged, &payer->mm->pinned_vm);
	uncharge_user(payer);
	iomd_count(IOMD_PAGES_UNCHARGED, payer->charged);
	payer->charged = 0;
}
