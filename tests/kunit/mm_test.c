// SPDX-License-Identifier: GPL-2.0
/*
 * Purging: the line by itself, then buffers whose contents may be lost.
 */
#include <linux/delay.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <asm/unistd.h>

#include "../../src/debug/inject.h"
#include "../../src/mm/purge.h"
#include "composites.h"

#define P	((u64)PAGE_SIZE)
#define BOTH	IOMD_DIRECTION_OUT_IN
#define KERNEL	IOMD_KERNEL_TASK
#define PURGEABLE	(BOTH | IOMD_MEMORY_PAGEABLE | IOMD_MEMORY_PURGEABLE)

#define KEEP		IOMD_MEMORY_PURGEABLE_KEEP_CURRENT
#define NON_VOLATILE	IOMD_MEMORY_PURGEABLE_NON_VOLATILE
#define VOLATILE	IOMD_MEMORY_PURGEABLE_VOLATILE
#define EMPTY		IOMD_MEMORY_PURGEABLE_EMPTY

/*
 * The line
 */

struct thing {
	struct iomd_purgeable purgeable;
	u64 pages;
	/* Without one it leaves no trace. */
	char name;
	bool in_use;
	/* Others to put at the end of the line while this is purged. */
	struct thing *next;
	struct completion *entered, *leave;
};

/* Their names, in lower case if they are in use. */
static char purged[64];

static struct thing *to_thing(struct iomd_purgeable *purgeable)
{
	return container_of(purgeable, struct thing, purgeable);
}

static u64 pages_of_thing(struct iomd_purgeable *purgeable)
{
	return READ_ONCE(to_thing(purgeable)->pages);
}

static long purge_thing(struct iomd_purgeable *purgeable)
{
	struct thing *thing = to_thing(purgeable);
	size_t end = strlen(purged);

	if (thing->name && end < sizeof(purged) - 1)
		purged[end] = thing->in_use ? thing->name + 'a' - 'A' : thing->name;
	if (thing->next)
		iomd_purge_add(&thing->next->purgeable);
	if (thing->entered) {
		complete(thing->entered);
		wait_for_completion(thing->leave);
	}
	return thing->in_use ? -EBUSY : thing->pages / 2;
}

/* Not on a stack, as there is a work item in each. */
static void make_things(struct thing *things, unsigned int count)
{
	unsigned int i;

	memset(things, 0, count * sizeof(*things));
	for (i = 0; i < count; i++) {
		things[i].name = 'A' + i;
		things[i].pages = 10;
		things[i].purgeable.resident = pages_of_thing;
		things[i].purgeable.purge = purge_thing;
		iomd_purge_add(&things[i].purgeable);
	}
}

static void expect_purged(struct kunit *test, unsigned long pages, unsigned long gained,
			  const char *names)
{
	memset(purged, 0, sizeof(purged));
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(pages), gained);
	KUNIT_EXPECT_STREQ(test, purged, names);
}

static void first_come_first_purged(struct kunit *test)
{
	static struct thing things[4];

	make_things(things, 4);
	expect_purged(test, 0, 0, "");
	expect_purged(test, 1, 5, "A");
	/* What there was, not what there may have been. */
	expect_purged(test, 10, 10, "BC");
	expect_purged(test, 1000, 5, "D");
	expect_purged(test, 1000, 0, "");
	/* To come again is to come last. */
	make_things(things, 4);
	iomd_purge_add(&things[0].purgeable);
	iomd_purge_remove(&things[2].purgeable);
	iomd_purge_remove(&things[2].purgeable);
	expect_purged(test, 1000, 15, "BDA");
}

static void what_is_in_use_goes_last(struct kunit *test)
{
	static struct thing things[4];

	make_things(things, 4);
	things[0].in_use = true;
	things[2].in_use = true;
	/* It does not count as tried, else it would be in the way for ever. */
	expect_purged(test, 1, 5, "aB");
	expect_purged(test, 1, 5, "cD");
	expect_purged(test, 1, 0, "ac");
	things[0].in_use = false;
	things[2].in_use = false;
	iomd_purge_add(&things[1].purgeable);
	expect_purged(test, 1000, 15, "ACB");
}

static void may_come_again_while_others_go(struct kunit *test)
{
	static struct thing things[3];

	make_things(things, 3);
	iomd_purge_remove(&things[1].purgeable);
	things[0].next = &things[1];
	expect_purged(test, 1000, 10, "AC");
	expect_purged(test, 1000, 5, "B");
	/* Even in use, and by itself. */
	make_things(things, 2);
	things[0].in_use = true;
	things[0].next = &things[0];
	expect_purged(test, 10, 5, "aB");
	things[0].in_use = false;
	things[0].next = NULL;
	expect_purged(test, 10, 5, "A");
	expect_purged(test, 10, 0, "");
}

#define EMPTY_THINGS	100

static void what_has_no_pages_is_no_shield(struct kunit *test)
{
	struct thing *things = kunit_kcalloc(test, EMPTY_THINGS + 1, sizeof(*things), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, things);
	for (i = 0; i <= EMPTY_THINGS; i++) {
		things[i].purgeable.resident = pages_of_thing;
		things[i].purgeable.purge = purge_thing;
		iomd_purge_add(&things[i].purgeable);
	}
	/* As many as there are, as one of them may have come by some. */
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), EMPTY_THINGS + 1UL);
	things[0].pages = 300;
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 300UL);
	things[0].pages = 0;
	things[EMPTY_THINGS].pages = 10;
	things[EMPTY_THINGS].name = 'Z';
	expect_purged(test, 1, 5, "Z");
	for (i = 0; i <= EMPTY_THINGS; i++)
		iomd_purge_remove(&things[i].purgeable);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 0UL);
}

static void reclaim_all(void *data)
{
	iomd_purge_reclaim(1000);
}

static void remove_it(void *data)
{
	struct thing *thing = data;

	if (READ_ONCE(thing->in_use))
		iomd_purge_remove(&thing->purgeable);
	WRITE_ONCE(thing->in_use, false);
	msleep(20);
}

static void nobody_purges_what_was_removed(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(entered);
	DECLARE_COMPLETION_ONSTACK(leave);
	struct worker reclaimer, remover;
	static struct thing things[2];

	make_things(things, 2);
	memset(purged, 0, sizeof(purged));
	things[0].entered = &entered;
	things[0].leave = &leave;
	things[0].in_use = true;
	worker_start(test, &reclaimer, reclaim_all, NULL);
	wait_for_completion(&entered);
	/* What waits behind it can go, by somebody else or to somewhere else, */
	things[1].in_use = true;
	iomd_purge_remove(&things[1].purgeable);
	/* but it itself only when it was left alone. */
	worker_start(test, &remover, remove_it, &things[0]);
	msleep(100);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(things[0].in_use));
	complete(&leave);
	worker_stop(&remover);
	worker_stop(&reclaimer);
	KUNIT_EXPECT_FALSE(test, things[0].in_use);
	KUNIT_EXPECT_STREQ(test, purged, "a");
	things[0].entered = NULL;
	expect_purged(test, 1000, 0, "");
}

static void time_reclaim(void *data)
{
	unsigned long start = jiffies, *took = data;

	iomd_purge_reclaim(1000);
	if (!READ_ONCE(*took))
		WRITE_ONCE(*took, max(jiffies - start, 1UL));
	msleep(20);
}

/* Memory is not used up while somebody purges; nor is he waited for, for ever. */
static void others_that_purge_are_waited_for(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(entered);
	DECLARE_COMPLETION_ONSTACK(leave);
	struct worker reclaimer, second;
	unsigned long took = 0;
	static struct thing things[1];

	make_things(things, 1);
	memset(purged, 0, sizeof(purged));
	things[0].entered = &entered;
	things[0].leave = &leave;
	worker_start(test, &reclaimer, reclaim_all, NULL);
	wait_for_completion(&entered);
	worker_start(test, &second, time_reclaim, &took);
	while (!READ_ONCE(took))
		msleep(20);
	KUNIT_EXPECT_GE(test, took, (unsigned long)IOMD_PURGE_PATIENCE);
	complete_all(&leave);
	worker_stop(&second);
	worker_stop(&reclaimer);
	KUNIT_EXPECT_STREQ(test, purged, "A");
}

/* How long it is, in jiffies, if who purges is done 10 ms later. */
static unsigned long wait_for_a_moment(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(entered);
	DECLARE_COMPLETION_ONSTACK(leave);
	struct worker reclaimer, second;
	unsigned long took = 0;
	static struct thing things[1];

	make_things(things, 1);
	memset(purged, 0, sizeof(purged));
	things[0].entered = &entered;
	things[0].leave = &leave;
	worker_start(test, &reclaimer, reclaim_all, NULL);
	wait_for_completion(&entered);
	worker_start(test, &second, time_reclaim, &took);
	fsleep(10000);
	complete_all(&leave);
	worker_stop(&second);
	worker_stop(&reclaimer);
	return took;
}

/* A guest that gets little of its host may need several tries. */
static void they_are_not_waited_for_longer(struct kunit *test)
{
	unsigned long took = IOMD_PURGE_PATIENCE;
	unsigned int tries;

	for (tries = 0; tries < 20 && took >= IOMD_PURGE_PATIENCE; tries++)
		took = wait_for_a_moment(test);
	KUNIT_EXPECT_LT(test, took, (unsigned long)IOMD_PURGE_PATIENCE);
}

/*
 * Buffers
 */

static u64 resident(struct kunit *test, struct iomd *md)
{
	u64 pages = ~0ULL;

	KUNIT_EXPECT_EQ(test, iomd_get_page_counts(md, &pages, NULL), 0);
	return pages;
}

/* The old state, or an errno. */
static int set_state(struct iomd *md, u32 state)
{
	u32 old = 0;
	int ret = iomd_set_purgeable(md, state, &old);

	return ret ?: old;
}

static int prepared(struct iomd *md, u64 direction, bool (*call)(struct iomd *md))
{
	bool good;

	if (iomd_prepare(md, direction))
		return -1;
	good = call(md);
	return iomd_complete(md, 0) ? -1 : good;
}

static bool fill(struct iomd *md)
{
	u64 length = iomd_get_length(md), at;
	u8 bytes[256];

	for (at = 0; at < length; at += sizeof(bytes)) {
		size_t piece = min_t(u64, length - at, sizeof(bytes));

		fill_pattern(bytes, at, piece);
		if (iomd_write_bytes(md, at, bytes, piece) != piece)
			return false;
	}
	return true;
}

static bool is_filled(struct iomd *md)
{
	u64 length = iomd_get_length(md), at;
	u8 bytes[256];

	for (at = 0; at < length; at += sizeof(bytes)) {
		size_t piece = min_t(u64, length - at, sizeof(bytes));

		if (iomd_read_bytes(md, at, bytes, piece) != piece ||
		    find_mismatch(bytes, at, piece) != piece)
			return false;
	}
	return true;
}

static bool is_zero(struct iomd *md)
{
	u64 length = iomd_get_length(md), at;
	u8 bytes[256];

	for (at = 0; at < length; at += sizeof(bytes)) {
		size_t piece = min_t(u64, length - at, sizeof(bytes));

		if (iomd_read_bytes(md, at, bytes, piece) != piece || memchr_inv(bytes, 0, piece))
			return false;
	}
	return true;
}

static struct iomd *filled_buffer(struct kunit *test, u64 capacity)
{
	struct iomd *md = made(test, iomd_buffer_with_options(PURGEABLE, capacity, 1));

	KUNIT_EXPECT_EQ(test, prepared(md, 0, fill), true);
	KUNIT_EXPECT_EQ(test, resident(test, md), PFN_UP(capacity));
	return md;
}

static void expect_filled(struct kunit *test, struct iomd *md)
{
	KUNIT_EXPECT_EQ(test, prepared(md, IOMD_DIRECTION_OUT, is_filled), true);
}

static void expect_zero(struct kunit *test, struct iomd *md)
{
	KUNIT_EXPECT_EQ(test, prepared(md, IOMD_DIRECTION_OUT, is_zero), true);
}

static void states_follow_each_other(struct kunit *test)
{
	/* What was, what is asked for, what is then, and are the contents still there? */
	static const struct {
		u32 old, asked, new;
		bool kept;
	} table[] = {
		{ NON_VOLATILE, KEEP, NON_VOLATILE, true },
		{ NON_VOLATILE, NON_VOLATILE, NON_VOLATILE, true },
		{ NON_VOLATILE, VOLATILE, VOLATILE, true },
		{ NON_VOLATILE, EMPTY, EMPTY, false },
		{ VOLATILE, KEEP, VOLATILE, true },
		{ VOLATILE, NON_VOLATILE, NON_VOLATILE, true },
		{ VOLATILE, VOLATILE, VOLATILE, true },
		{ VOLATILE, EMPTY, EMPTY, false },
		{ EMPTY, KEEP, EMPTY, false },
		{ EMPTY, NON_VOLATILE, NON_VOLATILE, false },
		{ EMPTY, VOLATILE, EMPTY, false },
		{ EMPTY, EMPTY, EMPTY, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct iomd *md = filled_buffer(test, 3 * P);

		KUNIT_EXPECT_EQ(test, set_state(md, table[i].old), NON_VOLATILE);
		KUNIT_EXPECT_EQ_MSG(test, set_state(md, table[i].asked), (int)table[i].old,
				    "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, set_state(md, KEEP), (int)table[i].new, "row %u", i);
		KUNIT_EXPECT_EQ(test, resident(test, md), table[i].kept ? 3ULL : 0ULL);
		if (table[i].kept)
			expect_filled(test, md);
		else
			expect_zero(test, md);
		/* Nobody must want to know. */
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, NON_VOLATILE, NULL), 0);
		iomd_release(md);
	}
}

static void refuses_other_states(struct kunit *test)
{
	static const u32 wrong[] = { 0, 5, 15, BIT(4) | VOLATILE, BIT(14) | VOLATILE, BIT(31) };
	struct iomd *md = filled_buffer(test, P), *kept;
	unsigned int bit, i;
	u32 old = 77;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(md, wrong[i], &old), -EINVAL);
	/* All that is volatile is equally so. */
	for (bit = 5; bit <= 13; bit++)
		KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE | BIT(bit)),
				bit == 5 ? NON_VOLATILE : VOLATILE);
	KUNIT_EXPECT_EQ(test, set_state(md, NON_VOLATILE), VOLATILE);
	iomd_release(md);

	kept = made(test, iomd_buffer_with_options(BOTH | IOMD_MEMORY_PAGEABLE, P, 1));
	for (i = KEEP; i <= EMPTY; i++)
		KUNIT_EXPECT_EQ(test, iomd_set_purgeable(kept, i, &old), -EINVAL);
	KUNIT_EXPECT_EQ(test, old, 77U);
	iomd_release(kept);
}

static void is_purged_for_lack_of_memory(struct kunit *test)
{
	struct iomd *volatile_md = filled_buffer(test, 7 * P - 5);
	struct iomd *other = filled_buffer(test, 3 * P);

	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 7UL);
	KUNIT_EXPECT_EQ(test, resident(test, volatile_md), 0ULL);
	KUNIT_EXPECT_EQ(test, resident(test, other), 3ULL);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, KEEP), EMPTY);
	/* Gone is gone until somebody is told, */
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, VOLATILE), EMPTY);
	KUNIT_EXPECT_EQ(test, prepared(volatile_md, 0, fill), true);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	expect_filled(test, volatile_md);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, NON_VOLATILE), EMPTY);
	expect_filled(test, volatile_md);
	/* and it can happen again. */
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 7UL);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, NON_VOLATILE), EMPTY);
	expect_zero(test, volatile_md);
	expect_filled(test, other);
	iomd_release(volatile_md);
	iomd_release(other);
}

static void the_oldest_go_first(struct kunit *test)
{
	struct iomd *mds[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		mds[i] = filled_buffer(test, 4 * P);
		KUNIT_EXPECT_EQ(test, set_state(mds[i], VOLATILE), NON_VOLATILE);
	}
	KUNIT_EXPECT_EQ(test, set_state(mds[0], VOLATILE), VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_prepare(mds[1], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1), 4UL);
	KUNIT_EXPECT_EQ(test, set_state(mds[2], KEEP), EMPTY);
	KUNIT_EXPECT_EQ(test, set_state(mds[3], NON_VOLATILE), VOLATILE);
	/* What was prepared is the youngest. */
	KUNIT_EXPECT_EQ(test, iomd_complete(mds[1], 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1), 4UL);
	KUNIT_EXPECT_EQ(test, set_state(mds[0], KEEP), EMPTY);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1), 4UL);
	KUNIT_EXPECT_EQ(test, set_state(mds[1], KEEP), EMPTY);
	expect_filled(test, mds[3]);
	for (i = 0; i < 4; i++)
		iomd_release(mds[i]);
}

/* Who ends while volatile leaves the line. */
static void may_end_volatile(struct kunit *test)
{
	struct iomd *md = filled_buffer(test, 4 * P);

	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	iomd_release(md);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
}

static void is_not_purged_in_use(struct kunit *test)
{
	struct iomd *md = filled_buffer(test, 5 * P);
	struct iomd_mapping *mapping;
	u64 frame;

	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	frame = iomd_get_physical_address(md);
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	KUNIT_EXPECT_EQ(test, set_state(md, KEEP), VOLATILE);
	/* Nor by order, as long as it is prepared: then the order stands. */
	KUNIT_EXPECT_EQ(test, set_state(md, EMPTY), VOLATILE);
	KUNIT_EXPECT_EQ(test, (u64)iomd_get_physical_address(md), frame);
	KUNIT_EXPECT_TRUE(test, is_filled(md));
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, resident(test, md), 0ULL);
	KUNIT_EXPECT_EQ(test, set_state(md, NON_VOLATILE), EMPTY);
	expect_zero(test, md);

	/* Unless it is taken back. */
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	KUNIT_EXPECT_TRUE(test, fill(md));
	KUNIT_EXPECT_EQ(test, set_state(md, EMPTY), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, set_state(md, NON_VOLATILE), EMPTY);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	expect_filled(test, md);

	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	mapping = iomd_map(md, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mapping));
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
	iomd_mapping_release(mapping);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 5UL);
	iomd_release(md);
}

/* Nobody who needs memory looks at it. */
static void is_not_in_line_in_use(struct kunit *test)
{
	struct iomd *md = filled_buffer(test, 5 * P);

	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 5UL);
	KUNIT_EXPECT_EQ(test, iomd_prepare(md, IOMD_DIRECTION_OUT), 0);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 0UL);
	KUNIT_EXPECT_EQ(test, set_state(md, NON_VOLATILE), VOLATILE);
	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 0UL);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 5UL);
	iomd_release(md);
}

static void counts_what_is_there(struct kunit *test)
{
	struct iomd *full = filled_buffer(test, 5 * P);
	struct iomd *sparse = made(test, iomd_buffer_with_options(PURGEABLE, 500 * P, 1));

	KUNIT_EXPECT_EQ(test, set_state(sparse, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, set_state(full, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_purge_count(), 5UL);
	/* Nothing is gained from the first one, so the next one goes, too. */
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(5), 5UL);
	KUNIT_EXPECT_EQ(test, set_state(full, KEEP), EMPTY);
	iomd_release(sparse);
	iomd_release(full);
}

struct holder {
	struct folio *folio;
	unsigned long gained;
	bool done;
};

/* As one does who splits or moves a folio, and needs memory for that. */
static void reclaim_with_folio_locked(void *data)
{
	struct holder *holder = data;

	if (!READ_ONCE(holder->done)) {
		folio_lock(holder->folio);
		holder->gained = iomd_purge_reclaim(1000);
		holder->gained += iomd_purge_reclaim(1000);
		folio_unlock(holder->folio);
		WRITE_ONCE(holder->done, true);
	}
	msleep(20);
}

static bool becomes_empty(struct iomd *md)
{
	unsigned int tries;

	for (tries = 0; tries < 200 && set_state(md, KEEP) != EMPTY; tries++)
		msleep(20);
	return set_state(md, KEEP) == EMPTY;
}

static void who_needs_memory_may_hold_a_page_of_it(struct kunit *test)
{
	struct iomd *md = filled_buffer(test, 8 * P), *other = filled_buffer(test, 3 * P);
	struct holder holder = {};
	struct worker worker;
	unsigned int tries;

	KUNIT_EXPECT_EQ(test, iomd_prepare(md, 0), 0);
	holder.folio = page_folio(pfn_to_page(PHYS_PFN(iomd_get_physical_address(md))));
	folio_get(holder.folio);
	KUNIT_EXPECT_EQ(test, iomd_complete(md, 0), 0);
	KUNIT_EXPECT_EQ(test, set_state(md, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, set_state(other, VOLATILE), NON_VOLATILE);
	worker_start(test, &worker, reclaim_with_folio_locked, &holder);
	for (tries = 0; tries < 600 && !READ_ONCE(holder.done); tries++)
		msleep(20);
	KUNIT_ASSERT_TRUE_MSG(test, READ_ONCE(holder.done), "it waits for itself");
	/* It got what others had, and then went on. */
	KUNIT_EXPECT_EQ(test, holder.gained, 3UL);
	worker_stop(&worker);
	KUNIT_EXPECT_TRUE(test, becomes_empty(md));
	KUNIT_EXPECT_EQ(test, set_state(other, KEEP), EMPTY);
	KUNIT_EXPECT_EQ(test, resident(test, md), 0ULL);
	folio_put(holder.folio);
	iomd_release(md);
	iomd_release(other);
}

struct scene {
	struct iomd *md;
	u64 capacity;
};

static long make_in_task(void *data)
{
	struct scene *scene = data;

	scene->md = iomd_buffer_in_task_with_options(current, PURGEABLE, scene->capacity, 1);
	return PTR_ERR_OR_ZERO(scene->md);
}

static void processes_lose_sight_of_it(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct scene scene = { .capacity = 6 * P };
	struct area area = { .puppet = puppet, .pages = 6 };
	u8 bytes[2];

	KUNIT_ASSERT_EQ(test, puppet_call(puppet, make_in_task, &scene), 0L);
	area.address = (unsigned long)iomd_buffer_get_user_bytes_no_copy(scene.md);
	area_fill(&area);
	KUNIT_EXPECT_EQ(test, set_state(scene.md, VOLATILE), NON_VOLATILE);
	/* It stays to be seen, and to be written, */
	puppet_read(puppet, area.address + P, bytes, 1);
	KUNIT_EXPECT_EQ(test, bytes[0], pattern(P));
	/* and while it is, it may go. */
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 6UL);
	puppet_read(puppet, area.address + P, bytes, 2);
	KUNIT_EXPECT_EQ(test, bytes[0], 0);
	puppet_write(puppet, area.address + P, "x", 1);
	KUNIT_EXPECT_EQ(test, resident(test, scene.md), 1ULL);
	KUNIT_EXPECT_EQ(test, set_state(scene.md, NON_VOLATILE), EMPTY);
	puppet_read(puppet, area.address + P, bytes, 2);
	KUNIT_EXPECT_EQ(test, bytes[0], (u8)'x');
	KUNIT_EXPECT_EQ(test, bytes[1], 0);
	iomd_release(scene.md);
}

/* The kernel's own call, by the one means to have it without a lack of memory. */
static void the_kernel_purges(struct kunit *test)
{
	struct puppet *puppet = puppet_start(test);
	struct iomd *volatile_md = filled_buffer(test, 300 * P);
	struct iomd *in_use = filled_buffer(test, 300 * P);
	struct iomd *other = filled_buffer(test, 300 * P);
	int fd;

	KUNIT_EXPECT_EQ(test, set_state(in_use, VOLATILE), NON_VOLATILE);
	KUNIT_EXPECT_EQ(test, iomd_prepare(in_use, 0), 0);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, VOLATILE), NON_VOLATILE);
	fd = puppet_open(puppet, "/proc/sys/vm/drop_caches", O_WRONLY);
	KUNIT_ASSERT_EQ(test, puppet_syscall(puppet, __NR_write, fd, puppet_string(puppet, "2"),
					     1), 1L);
	KUNIT_EXPECT_EQ(test, set_state(volatile_md, NON_VOLATILE), EMPTY);
	KUNIT_EXPECT_EQ(test, resident(test, volatile_md), 0ULL);
	KUNIT_EXPECT_EQ(test, set_state(in_use, NON_VOLATILE), VOLATILE);
	KUNIT_EXPECT_TRUE(test, is_filled(in_use));
	KUNIT_EXPECT_EQ(test, iomd_complete(in_use, 0), 0);
	expect_filled(test, other);
	iomd_release(volatile_md);
	iomd_release(in_use);
	iomd_release(other);
}

/*
 * Races
 */

static void reclaim_one(void *data)
{
	iomd_purge_reclaim(1);
}

struct player {
	struct iomd *md;
	unsigned long kept, lost, wrong;
};

/* What is non-volatile again must be all there, or reported lost and all zero. */
static void play_states(void *data)
{
	struct player *player = data;
	struct iomd *md = player->md;

	if (prepared(md, 0, fill) != true || set_state(md, VOLATILE) != NON_VOLATILE)
		player->wrong++;
	usleep_range(1, 200);
	switch (set_state(md, NON_VOLATILE)) {
	case VOLATILE:
		player->kept++;
		player->wrong += prepared(md, 0, is_filled) != true;
		break;
	case EMPTY:
		player->lost++;
		player->wrong += prepared(md, 0, is_zero) != true;
		break;
	default:
		player->wrong++;
	}
}

/* While it is prepared it must stay, though it is volatile all the time. */
static void play_prepare(void *data)
{
	struct player *player = data;
	struct iomd *md = player->md;
	u64 frame;

	usleep_range(1, 100);
	if (iomd_prepare(md, 0)) {
		player->wrong++;
		return;
	}
	frame = iomd_get_physical_address(md);
	player->wrong += !fill(md) || !is_filled(md);
	player->wrong += iomd_get_physical_address(md) != frame;
	if (iomd_complete(md, 0))
		player->wrong++;
	if (set_state(md, NON_VOLATILE) == EMPTY)
		player->lost++;
	else
		player->kept++;
	set_state(md, VOLATILE);
}

/* Some time, and more on a slow machine where one side has not won yet. */
static void play(struct kunit *test, void (*round)(void *data), struct player *player)
{
	struct worker workers[4];
	unsigned int i;

	for (i = 0; i < 2; i++)
		worker_start(test, &workers[i], round, &player[i]);
	for (; i < 4; i++)
		worker_start(test, &workers[i], reclaim_one, NULL);
	race_for_a_while();
	for (i = 0; i < 300 && player->md; i++) {
		if (READ_ONCE(player->kept) && READ_ONCE(player->lost))
			break;
		msleep(100);
	}
	for (i = 0; i < 4; i++)
		worker_stop(&workers[i]);
}

static void races_with(struct kunit *test, void (*round)(void *data))
{
	struct player players[2] = {};
	unsigned int i;

	for (i = 0; i < 2; i++)
		players[i].md = filled_buffer(test, 9 * P);
	play(test, round, players);
	KUNIT_EXPECT_GT(test, players[0].kept, 0UL);
	KUNIT_EXPECT_GT(test, players[0].lost, 0UL);
	for (i = 0; i < 2; i++) {
		kunit_info(test, "%lu kept, %lu lost", players[i].kept, players[i].lost);
		KUNIT_EXPECT_EQ(test, players[i].wrong, 0UL);
		iomd_release(players[i].md);
	}
}

static void nothing_is_lost_in_secret(struct kunit *test)
{
	races_with(test, play_states);
}

static void nothing_is_lost_while_prepared(struct kunit *test)
{
	races_with(test, play_prepare);
}

static void make_and_end(void *data)
{
	struct player *player = data;
	struct iomd *md = iomd_buffer_with_options(PURGEABLE, 3 * P, 1);

	if (IS_ERR(md) || prepared(md, 0, fill) != true ||
	    set_state(md, VOLATILE) != NON_VOLATILE)
		player->wrong++;
	usleep_range(1, 50);
	iomd_release(md);
	player->kept++;
}

static void an_end_races_with_purging(struct kunit *test)
{
	struct player players[2] = {};

	play(test, make_and_end, players);
	KUNIT_EXPECT_EQ(test, players[0].wrong + players[1].wrong, 0UL);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, iomd_purge_reclaim(1000), 0UL);
}

/* As reclaim from within an allocation of our own would. */
static int prepare_and_reclaim(struct kunit *test, void *data)
{
	struct iomd *md = iomd_buffer_with_options(PURGEABLE, 5 * P, 1);
	int ret;

	if (IS_ERR(md))
		return PTR_ERR(md);
	iomd_set_purgeable(md, VOLATILE, NULL);
	ret = iomd_prepare(md, 0);
	iomd_purge_reclaim(1000);
	if (!ret)
		KUNIT_EXPECT_EQ(test, set_state(md, KEEP), VOLATILE);
	iomd_release(md);
	return ret;
}

static void each_failure_is_undone(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, fail_each_step(test, prepare_and_reclaim, NULL), 7U);
}

static struct kunit_case purge_cases[] = {
	KUNIT_CASE(first_come_first_purged),
	KUNIT_CASE(what_is_in_use_goes_last),
	KUNIT_CASE(may_come_again_while_others_go),
	KUNIT_CASE(what_has_no_pages_is_no_shield),
	KUNIT_CASE(nobody_purges_what_was_removed),
	KUNIT_CASE(others_that_purge_are_waited_for),
	KUNIT_CASE(they_are_not_waited_for_longer),
	KUNIT_CASE(states_follow_each_other),
	KUNIT_CASE(refuses_other_states),
	KUNIT_CASE(is_purged_for_lack_of_memory),
	KUNIT_CASE(the_oldest_go_first),
	KUNIT_CASE(may_end_volatile),
	KUNIT_CASE(is_not_purged_in_use),
	KUNIT_CASE(is_not_in_line_in_use),
	KUNIT_CASE(counts_what_is_there),
	KUNIT_CASE(who_needs_memory_may_hold_a_page_of_it),
	KUNIT_CASE(processes_lose_sight_of_it),
	KUNIT_CASE(the_kernel_purges),
	KUNIT_CASE(nothing_is_lost_in_secret),
	KUNIT_CASE(nothing_is_lost_while_prepared),
	KUNIT_CASE(an_end_races_with_purging),
	KUNIT_CASE(each_failure_is_undone),
	{}
};

static struct kunit_suite purge_suite = {
	.name = "iomd_purge",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = purge_cases,
};

kunit_test_suite(purge_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd's purging");
MODULE_LICENSE("GPL");
