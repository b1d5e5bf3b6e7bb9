// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../debug/inject.h"
#include "purge.h"

/* Things at the start of the line whose pages are counted anew when the kernel asks. */
#define LOOKED_AT	32

/* Somebody who needs memory: what is being purged for it, and what came of that. */
struct iomd_reclaim {
	u64 outstanding;
	unsigned long scanned;
	unsigned long gained;
};

/* guards the line and who is in it */
static DEFINE_SPINLOCK(purge_lock);
static LIST_HEAD(line);
static unsigned int things_in_line;
static u64 pages_in_line;
/* What is being purged, for how much of it somebody waits, and how often that ended. */
static LIST_HEAD(claimed);
static unsigned int awaited;
static unsigned long ends;
static DECLARE_WAIT_QUEUE_HEAD(unclaimed);

static struct workqueue_struct *purgers;
static struct shrinker *shrinker;

static void enter_line(struct iomd_purgeable *purgeable)
{
	lockdep_assert_held(&purge_lock);
	purgeable->pages = purgeable->resident(purgeable);
	WRITE_ONCE(pages_in_line, pages_in_line + purgeable->pages);
	WRITE_ONCE(things_in_line, things_in_line + 1);
	list_add_tail(&purgeable->node, &line);
}

static void leave_line(struct iomd_purgeable *purgeable)
{
	lockdep_assert_held(&purge_lock);
	WRITE_ONCE(pages_in_line, pages_in_line - purgeable->pages);
	WRITE_ONCE(things_in_line, things_in_line - 1);
	list_del(&purgeable->node);
}

/**
 * iomd_purge_add() - put something at the end of the line
 * @purgeable: with its public members set; may be in the line already
 *
 * Undone by iomd_purge_remove().
 *
 * Context: any but interrupts.
 */
void iomd_purge_add(struct iomd_purgeable *purgeable)
{
	spin_lock(&purge_lock);
	if (!purgeable->claimed) {
		if (purgeable->waits)
			leave_line(purgeable);
		enter_line(purgeable);
	}
	purgeable->waits = true;
	spin_unlock(&purge_lock);
}
IOMD_EXPORT_TEST(iomd_purge_add);

/**
 * iomd_purge_remove() - take something out of the line
 * @purgeable: in the line or not
 *
 * On return nobody purges it. The caller must not hold what its @purge waits for.
 *
 * Context: may sleep.
 */
void iomd_purge_remove(struct iomd_purgeable *purgeable)
{
	spin_lock(&purge_lock);
	if (purgeable->waits && !purgeable->claimed)
		leave_line(purgeable);
	purgeable->waits = false;
	spin_unlock(&purge_lock);
	wait_event(unclaimed, !READ_ONCE(purgeable->claimed));
}
IOMD_EXPORT_TEST(iomd_purge_remove);

/* It may be gone when this returns. Who is at work with something has just used it. */
static void purgeable_unclaim(struct iomd_purgeable *purgeable, long result)
{
	struct iomd_reclaim *reclaim = purgeable->reclaim;

	lockdep_assert_held(&purge_lock);
	list_del(&purgeable->node);
	if (reclaim) {
		reclaim->outstanding -= purgeable->pages;
		reclaim->gained += max(result, 0L);
		awaited--;
	}
	if (result >= 0)
		purgeable->waits = false;
	if (purgeable->waits)
		enter_line(purgeable);
	WRITE_ONCE(purgeable->claimed, false);
	WRITE_ONCE(ends, ends + 1);
}

static void purge_work(struct work_struct *work)
{
	struct iomd_purgeable *purgeable = container_of(work, struct iomd_purgeable, work);
	long result = purgeable->purge(purgeable);

	spin_lock(&purge_lock);
	purgeable_unclaim(purgeable, result);
	spin_unlock(&purge_lock);
	wake_up_all(&unclaimed);
}

/* Have the first one of the line purged. */
static void claim_first(struct iomd_reclaim *reclaim)
{
	struct iomd_purgeable *first = list_first_entry(&line, struct iomd_purgeable, node);

	lockdep_assert_held(&purge_lock);
	leave_line(first);
	first->pages = first->resident(first);
	first->claimed = true;
	first->reclaim = reclaim;
	reclaim->outstanding += first->pages;
	reclaim->scanned += first->pages;
	list_add_tail(&first->node, &claimed);
	awaited++;
	INIT_WORK(&first->work, purge_work);
	queue_work(purgers, &first->work);
}

/* Wait until something more was purged, by whomever; the patience that is left. */
static long wait_for_an_end(long patience)
	__must_hold(&purge_lock)
{
	unsigned long before = ends;

	lockdep_assert_held(&purge_lock);
	spin_unlock(&purge_lock);
	patience = wait_event_timeout(unclaimed, READ_ONCE(ends) != before, patience);
	spin_lock(&purge_lock);
	return patience;
}

/* What takes too long, perhaps as it waits for who needs memory, nobody else waits for. */
static void reclaim_forget(struct iomd_reclaim *reclaim)
{
	struct iomd_purgeable *purgeable;

	lockdep_assert_held(&purge_lock);
	list_for_each_entry(purgeable, &claimed, node) {
		if (purgeable->reclaim != reclaim)
			continue;
		purgeable->reclaim = NULL;
		awaited--;
	}
}

/*
 * Purge from the start of the line until @pages are gained, each thing once. One with no
 * page to gain goes by the way: it is not worth a wait.
 *
 * Who finds nothing left while others are at it waits a while for the first of them to
 * be done. Else the kernel takes memory for used up, and kills somebody, while it is
 * being gained.
 */
static void purge_pages(struct iomd_reclaim *reclaim, unsigned long pages)
{
	long patience = IOMD_PURGE_PATIENCE;
	unsigned int left;

	might_sleep();
	spin_lock(&purge_lock);
	left = things_in_line;
	while (reclaim->gained < pages && patience) {
		if (reclaim->outstanding) {
			patience = wait_for_an_end(patience);
		} else if (left && !list_empty(&line)) {
			left--;
			claim_first(reclaim);
			cond_resched_lock(&purge_lock);
		} else {
			if (awaited && !reclaim->gained)
				wait_for_an_end(patience);
			break;
		}
	}
	reclaim_forget(reclaim);
	spin_unlock(&purge_lock);
}

/**
 * iomd_purge_reclaim() - purge as if the kernel were short of memory
 * @pages: how many are wanted
 *
 * For the tests.
 *
 * Return: pages gained.
 * Context: may sleep.
 */
unsigned long iomd_purge_reclaim(unsigned long pages)
{
	struct iomd_reclaim reclaim = {};

	purge_pages(&reclaim, pages);
	return reclaim.gained;
}
IOMD_EXPORT_TEST(iomd_purge_reclaim);

/**
 * iomd_purge_count() - how much there is to gain
 *
 * A process may have brought in pages of what it sees since that came into the line, and
 * others may have been swapped out: what is next is counted again, and what is not can't
 * be taken for nothing.
 *
 * Return: pages; 0 if there is nothing in the line.
 * Context: any but interrupts.
 */
unsigned long iomd_purge_count(void)
{
	struct iomd_purgeable *purgeable;
	unsigned int left = LOOKED_AT;
	u64 pages;

	if (!READ_ONCE(things_in_line))
		return 0;
	spin_lock(&purge_lock);
	list_for_each_entry(purgeable, &line, node) {
		if (!left--)
			break;
		pages = purgeable->resident(purgeable);
		WRITE_ONCE(pages_in_line, pages_in_line + pages - purgeable->pages);
		purgeable->pages = pages;
	}
	pages = max_t(u64, pages_in_line, things_in_line);
	spin_unlock(&purge_lock);
	return min_t(u64, pages, SHRINK_EMPTY - 1);
}
IOMD_EXPORT_TEST(iomd_purge_count);

static unsigned long purge_count(struct shrinker *unused, struct shrink_control *control)
{
	return iomd_purge_count() ?: SHRINK_EMPTY;
}

static unsigned long purge_scan(struct shrinker *unused, struct shrink_control *control)
{
	struct iomd_reclaim reclaim = {};

	/* Contents that are being swapped out are waited for, by file system means. */
	if (!(control->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	purge_pages(&reclaim, control->nr_to_scan);
	if (!reclaim.gained)
		return SHRINK_STOP;
	control->nr_scanned = max(reclaim.scanned, reclaim.gained);
	/* These are not slabs, which it would know of: it need not go on for more. */
	iomd_compat_account_reclaimed(reclaim.gained);
	return reclaim.gained;
}

int iomd_purge_init_room(void)
{
	purgers = iomd_should_fail() ? NULL :
		  alloc_workqueue("iomd_purge", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!purgers)
		return -ENOMEM;
	shrinker = iomd_should_fail() ? NULL :
		   iomd_compat_shrinker_start("iomd", purge_count, purge_scan);
	if (!shrinker) {
		destroy_workqueue(purgers);
		return -ENOMEM;
	}
	return 0;
}

void iomd_purge_exit_room(void)
{
	iomd_compat_shrinker_stop(shrinker);
	destroy_workqueue(purgers);
}
