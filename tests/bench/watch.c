// SPDX-License-Identifier: GPL-2.0
/*
 * What a task allocates, and how long it keeps interrupts off: seen from outside,
 * through the allocators' tracepoints and by a timer that should come every so
 * often. In a run of its own, as watching costs.
 */
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include "job.h"

#define PERIOD_NS	10000

/* Allocations that are held: by address, open addressing. */
#define HELD_BITS	20
struct held {
	unsigned long address;
	u64 bytes;
};

static struct held *held;
static struct task_struct *watched;
static s64 bytes_held, bytes_most, bytes_kept;
static u64 allocations;

static struct hrtimer timer;
static u64 last_tick, longest;

static struct held *find_held(unsigned long address, unsigned long wanted)
{
	u32 at = hash_long(address, HELD_BITS);

	while (held[at].address != wanted && held[at].address != address)
		at = (at + 1) & (BIT(HELD_BITS) - 1);
	return &held[at];
}

static bool is_ours(const void *address)
{
	return address && in_task() && current == READ_ONCE(watched);
}

static void note_alloc(const void *address, u64 bytes)
{
	struct held *entry;

	if (!is_ours(address))
		return;
	allocations++;
	entry = find_held((unsigned long)address, 0);
	entry->address = (unsigned long)address;
	entry->bytes += bytes;
	bytes_held += bytes;
	bytes_most = max(bytes_most, bytes_held);
}

/* The entry stays for the next allocation there: chains must not be cut. */
static void note_free(const void *address)
{
	struct held *entry;

	if (!is_ours(address))
		return;
	entry = find_held((unsigned long)address, 0);
	bytes_held -= entry->bytes;
	entry->bytes = 0;
}

static void probe_kmalloc(void *data, unsigned long site, const void *address,
			  size_t wanted, size_t bytes, gfp_t gfp, int node)
{
	note_alloc(address, bytes);
}

static void probe_cache_alloc(void *data, unsigned long site, const void *address,
			      struct kmem_cache *cache, gfp_t gfp, int node)
{
	note_alloc(address, kmem_cache_size(cache));
}

static void probe_kfree(void *data, unsigned long site, const void *address)
{
	note_free(address);
}

static void probe_cache_free(void *data, unsigned long site, const void *address,
			     const struct kmem_cache *cache)
{
	note_free(address);
}

/* Compound pages are the slab's and large kmallocs, seen above. */
static void probe_page_alloc(void *data, struct page *page, unsigned int order, gfp_t gfp,
			     int migrate_type)
{
	if (page && !(gfp & __GFP_COMP))
		note_alloc(page, PAGE_SIZE << order);
}

static void probe_page_free(void *data, struct page *page, unsigned int order)
{
	note_free(page);
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *point;
} probes[] = {
	{ "kmalloc", probe_kmalloc },
	{ "kmem_cache_alloc", probe_cache_alloc },
	{ "kfree", probe_kfree },
	{ "kmem_cache_free", probe_cache_free },
	{ "mm_page_alloc", probe_page_alloc },
	{ "mm_page_free", probe_page_free },
};

static void find_points(struct tracepoint *point, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(point->name, probes[i].name))
			probes[i].point = point;
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	u64 now = bench_now();

	longest = max(longest, now - last_tick);
	last_tick = now;
	hrtimer_forward_now(timer, ns_to_ktime(PERIOD_NS));
	return HRTIMER_RESTART;
}

static void stop_probes(int count)
{
	while (count--)
		tracepoint_probe_unregister(probes[count].point, probes[count].probe, NULL);
	tracepoint_synchronize_unregister();
}

/* Undone by bench_watch_end(). */
int bench_watch_begin(void)
{
	int i, ret;

	memset(held, 0, sizeof(*held) << HELD_BITS);
	bytes_held = 0;
	bytes_most = 0;
	bytes_kept = 0;
	allocations = 0;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = tracepoint_probe_register(probes[i].point, probes[i].probe, NULL);
		if (ret) {
			stop_probes(i);
			return ret;
		}
	}
	longest = 0;
	last_tick = bench_now();
	hrtimer_start(&timer, ns_to_ktime(PERIOD_NS), HRTIMER_MODE_REL_PINNED_HARD);
	WRITE_ONCE(watched, current);
	return 0;
}

/* What is held now is what the measured thing keeps. */
void bench_watch_kept(void)
{
	bytes_kept = bytes_held;
	bytes_most -= bytes_kept;
	hrtimer_cancel(&timer);
}

void bench_watch_end(struct bench_result *result)
{
	WRITE_ONCE(watched, NULL);
	stop_probes(ARRAY_SIZE(probes));
	hrtimer_cancel(&timer);
	result->kept = bytes_kept;
	result->peak = bytes_most;
	result->allocations = allocations;
	result->leaked = bytes_held;
	result->blocked = longest;
}

int bench_watch_init(void)
{
	int i;

	for_each_kernel_tracepoint(find_points, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!probes[i].point)
			return -ENOENT;
	held = vzalloc(sizeof(*held) << HELD_BITS);
	if (!held)
		return -ENOMEM;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = tick;
	return 0;
}

void bench_watch_exit(void)
{
	vfree(held);
}
