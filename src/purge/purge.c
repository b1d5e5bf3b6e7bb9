// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../debug/inject.h"
#include "purge.h"

/* guards the line and who is in it */
static DEFINE_SPINLOCK(lock);
static LIST_HEAD(line);
static u64 pages_in_line;
/* How many are just being purged, and how often that ended. */
static unsigned int claims;
static unsigned long ends;
static DECLARE_WAIT_QUEUE_HEAD(unclaimed);

static struct shrinker *shrinker;

static void leave(struct iomd_purgeable *purgeable)
{
	lockdep_assert_held(&lock);
	if (!purgeable->waits)
		return;
	purgeable->waits = false;
	WRITE_ONCE(pages_in_line, pages_in_line - purgeable->pages);
	if (!purgeable->claimed)
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
	spin_lock(&lock);
	leave(purgeable);
	purgeable->waits = true;
	WRITE_ONCE(pages_in_line, pages_in_line + purgeable->pages);
	if (!purgeable->claimed)
		list_add_tail(&purgeable->node, &line);
	spin_unlock(&lock);
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
	spin_lock(&lock);
	leave(purgeable);
	spin_unlock(&lock);
	wait_event(unclaimed, !READ_ONCE(purgeable->claimed));
}
IOMD_EXPORT_TEST(iomd_purge_remove);

static struct iomd_purgeable *claim_first(void)
{
	struct iomd_purgeable *first;

	lockdep_assert_held(&lock);
	first = list_first_entry_or_null(&line, struct iomd_purgeable, node);
	if (first) {
		list_del(&first->node);
		first->claimed = true;
		claims++;
	}
	return first;
}

/* It may be gone when this returns. What was in use keeps its place, on @kept. */
static void unclaim(struct iomd_purgeable *purgeable, bool purged, struct list_head *kept)
{
	lockdep_assert_held(&lock);
	if (purgeable->waits && purged) {
		purgeable->waits = false;
		WRITE_ONCE(pages_in_line, pages_in_line - purgeable->pages);
	} else if (purgeable->waits) {
		list_add_tail(&purgeable->node, kept);
	}
	WRITE_ONCE(purgeable->claimed, false);
	claims--;
	WRITE_ONCE(ends, ends + 1);
}

/*
 * Purge from the start of the line until things of @pages pages are; those in use
 * don't count. The pages gained: there may be fewer, some being elsewhere already.
 *
 * Who finds nothing left while others are at it waits a while for the first of them to
 * be done. Else the kernel takes memory for used up, and kills somebody, while it is
 * being gained.
 */
static unsigned long reclaim(unsigned long pages, unsigned long *purged)
{
	struct iomd_purgeable *purgeable;
	unsigned long gained = 0, before;
	LIST_HEAD(kept);
	bool wait;

	*purged = 0;
	spin_lock(&lock);
	while (*purged < pages && (purgeable = claim_first())) {
		u64 size = purgeable->pages;
		long result;

		spin_unlock(&lock);
		result = purgeable->purge(purgeable);
		if (result >= 0) {
			gained += result;
			*purged += size;
		}
		spin_lock(&lock);
		unclaim(purgeable, result >= 0, &kept);
		wake_up_all(&unclaimed);
	}
	list_splice(&kept, &line);
	wait = pages && !*purged && claims;
	before = ends;
	spin_unlock(&lock);
	if (wait)
		wait_event_timeout(unclaimed, READ_ONCE(ends) != before, IOMD_PURGE_PATIENCE);
	return gained;
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
	unsigned long purged;

	return reclaim(pages, &purged);
}
IOMD_EXPORT_TEST(iomd_purge_reclaim);

static unsigned long count(struct shrinker *unused, struct shrink_control *control)
{
	return min_t(u64, READ_ONCE(pages_in_line), SHRINK_EMPTY - 1) ?: SHRINK_EMPTY;
}

static unsigned long scan(struct shrinker *unused, struct shrink_control *control)
{
	unsigned long gained;

	/* Contents that are being swapped out are waited for, by file system means. */
	if (!(control->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	gained = reclaim(control->nr_to_scan, &control->nr_scanned);
	/* These are not slabs, which it would know of: it need not go on for more. */
	iomd_compat_account_reclaimed(gained);
	return gained ?: SHRINK_STOP;
}

int iomd_purge_init_room(void)
{
	shrinker = iomd_should_fail() ? NULL : iomd_compat_shrinker_start("iomd", count, scan);
	return shrinker ? 0 : -ENOMEM;
}

void iomd_purge_exit_room(void)
{
	iomd_compat_shrinker_stop(shrinker);
}
