// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include <iomd/types.h>

#include "account.h"
#include "owner.h"

static bool is_nobody(const struct task_struct *task)
{
	return !task || task == IOMD_KERNEL_TASK;
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
	mutex_init(&owner->lock);
	return is_nobody(task) ? 0 : iomd_payer_init(&owner->payer, task);
}

/**
 * iomd_owner_init_as() - have memory be somebody's who was noted before
 * @owner: zero
 * @payer: who is charged, as what it was then; its charge is not copied
 *
 * Undone by iomd_owner_destroy().
 *
 * Context: any.
 */
void iomd_owner_init_as(struct iomd_owner *owner, const struct iomd_payer *payer)
{
	mutex_init(&owner->lock);
	iomd_payer_copy(&owner->payer, payer);
}

void iomd_owner_destroy(struct iomd_owner *owner)
{
	iomd_payer_destroy(&owner->payer);
}

/**
 * iomd_owner_charge() - charge whoever the owner is for pages
 * @owner: that holds none
 * @pages: how many
 *
 * Undone by iomd_owner_uncharge().
 *
 * Return: see iomd_payer_charge().
 * Context: may sleep.
 */
int iomd_owner_charge(struct iomd_owner *owner, u64 pages)
{
	int ret = 0;

	mutex_lock(&owner->lock);
	if (owner->payer.mm && !owner->no_footprint)
		ret = iomd_payer_charge(&owner->payer, pages);
	if (!ret)
		owner->held = pages;
	mutex_unlock(&owner->lock);
	return ret;
}

void iomd_owner_uncharge(struct iomd_owner *owner)
{
	mutex_lock(&owner->lock);
	iomd_payer_uncharge(&owner->payer);
	owner->held = 0;
	mutex_unlock(&owner->lock);
}

/*
 * A process may take memory for itself, and decide about its own. To make it another's, or
 * free of charge, or the network's, takes the right to break limits, or to be the kernel;
 * and who was granted that by one of these loses it to nobody without.
 */
static bool may_change(const struct iomd_owner *owner, const struct mm_struct *mm,
		       int ledger_tag, bool no_footprint)
{
	bool granted;

	if ((current->flags & PF_KTHREAD) || capable(CAP_SYS_RESOURCE))
		return true;
	if (!mm || mm != current->mm || no_footprint ||
	    ledger_tag == IOMD_MEMORY_LEDGER_TAG_NETWORK)
		return false;
	granted = owner->no_footprint || owner->ledger_tag == IOMD_MEMORY_LEDGER_TAG_NETWORK;
	return mm == owner->payer.mm || !granted;
}

/* Afterwards @payer is who paid until now, or still the new one: not to be kept. */
static int owner_move(struct iomd_owner *owner, struct iomd_payer *payer, bool no_footprint)
{
	u64 pages = payer->mm && !no_footprint ? owner->held : 0;
	int ret;

	lockdep_assert_held(&owner->lock);
	if (payer->mm == owner->payer.mm && no_footprint == owner->no_footprint)
		return 0;
	ret = pages ? iomd_payer_take_over(payer, &owner->payer, pages) : 0;
	if (ret)
		return ret;
	iomd_payer_uncharge(&owner->payer);
	swap(owner->payer, *payer);
	owner->no_footprint = no_footprint;
	return 0;
}

/**
 * iomd_owner_give() - make memory somebody's, who has not asked for it
 * @owner: whose it is
 * @to: who is charged for what is held of it from now on
 *
 * Return: 0; with nothing changed: see iomd_payer_charge().
 * Context: may sleep.
 */
int iomd_owner_give(struct iomd_owner *owner, const struct iomd_payer *to)
{
	struct iomd_payer payer = {};
	int ret;

	iomd_payer_copy(&payer, to);
	mutex_lock(&owner->lock);
	ret = owner_move(owner, &payer, false);
	mutex_unlock(&owner->lock);
	iomd_payer_destroy(&payer);
	return ret;
}

static void owner_note(const struct iomd_owner *owner, struct iomd_former_owner *former)
{
	lockdep_assert_held(&owner->lock);
	iomd_payer_copy(&former->payer, &owner->payer);
	former->no_footprint = owner->no_footprint;
	former->ledger_tag = owner->ledger_tag;
}

void iomd_former_owner_destroy(struct iomd_former_owner *former)
{
	iomd_payer_destroy(&former->payer);
}

/**
 * iomd_owner_restore() - make memory that was changed its former owner's again
 * @owner: whose it is
 * @former: whose it was, as iomd_owner_change() noted; no longer afterwards
 *
 * What is held of it by now is charged, whatever limit there is: it could be a moment ago.
 *
 * Context: may sleep.
 */
void iomd_owner_restore(struct iomd_owner *owner, struct iomd_former_owner *former)
{
	mutex_lock(&owner->lock);
	iomd_payer_uncharge(&owner->payer);
	swap(owner->payer, former->payer);
	owner->no_footprint = former->no_footprint;
	owner->ledger_tag = former->ledger_tag;
	if (owner->payer.mm && !owner->no_footprint && owner->held)
		iomd_payer_charge_again(&owner->payer, owner->held);
	mutex_unlock(&owner->lock);
}

/**
 * iomd_owner_change() - make memory somebody else's
 * @owner: whose it is
 * @task: whose it becomes; NULL: as it is; IOMD_KERNEL_TASK: nobody's
 * @ledger_tag: valid
 * @options: valid
 * @former: zero; set, for iomd_owner_restore(), and to be given up by
 *	iomd_former_owner_destroy(), also after a failure; or NULL
 *
 * Return: 0; or, with nothing changed: -EPERM; else as iomd_account_hold() and
 * iomd_payer_charge().
 * Context: may sleep.
 */
int iomd_owner_change(struct iomd_owner *owner, struct task_struct *task, int ledger_tag,
		      u64 options, struct iomd_former_owner *former)
{
	bool no_footprint = options & IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT;
	struct iomd_payer payer = {};
	int ret = is_nobody(task) ? 0 : iomd_payer_init(&payer, task);

	if (ret)
		return ret;
	mutex_lock(&owner->lock);
	if (former)
		owner_note(owner, former);
	if (!task)
		iomd_payer_copy(&payer, &owner->payer);
	if (may_change(owner, payer.mm, ledger_tag, no_footprint))
		ret = owner_move(owner, &payer, no_footprint);
	else
		ret = -EPERM;
	if (!ret && ledger_tag != IOMD_MEMORY_LEDGER_TAG_UNCHANGED)
		owner->ledger_tag = ledger_tag;
	mutex_unlock(&owner->lock);
	iomd_payer_destroy(&payer);
	return ret;
}
