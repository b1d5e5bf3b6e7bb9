// SPDX-License-Identifier: GPL-2.0
/*
 * The allocator knows zones, not masks. Pages beyond the mask are set aside while
 * others are looked for, so that it has to come up with those, and given back at
 * the end: few at first, then the zone that can't be wrong, though it is small,
 * then up to a part of all memory. High orders are tried first: that makes for
 * few segments, and finds out about a lot of memory at a time.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../gfp.h"
#include "caching.h"
#include "guards.h"
#include "../segments/segments.h"
#include "pages.h"

/*
 * Pages that may be set aside: of those that the kernel has an address for. The largest
 * block alone may be more than a machine can spare.
 */
#define FEW		min_t(unsigned long, 4UL << IOMD_MAX_ORDER, MANY)
#define MANY		(low_pages() / 4)

/* Pages that are given back between two places to reschedule at. */
#define AT_A_TIME	512

struct hunt {
	struct iomd_segments *segments;
	/* Bits that a physical address may have. */
	u64 allowed;
	u64 left;
	unsigned int least_order, most_order;
	bool brief;
	gfp_t gfp;
	unsigned long aside;
	struct list_head rejected;
};

static unsigned long low_pages(void)
{
	return totalram_pages() - totalhigh_pages();
}

static bool is_reachable(const struct hunt *hunt, struct page *page, unsigned int order)
{
	unsigned int i;

	if (!~hunt->allowed)
		return true;
	for (i = 0; i < 1U << order; i++)
		if (page_to_phys(page + i) & ~hunt->allowed)
			return false;
	return true;
}

/* A block has all values of as many address bits as its order says. */
static unsigned int most_order(u64 allowed)
{
	return min_t(unsigned int, IOMD_MAX_ORDER, __ffs64(~(allowed >> PAGE_SHIFT)));
}

/*
 * Does that leave something of the smallest zone, for those who can't do without? Who asks
 * for just this zone is not kept from its end by the allocator.
 */
static bool leaves_reserve(const struct hunt *hunt, gfp_t gfp, unsigned int order)
{
#ifdef CONFIG_ZONE_DMA
	unsigned long free = 0, all = 0;
	int node;

	if (!hunt->brief || !(gfp & __GFP_DMA))
		return true;
	for_each_online_node(node) {
		struct zone *zone = &NODE_DATA(node)->node_zones[ZONE_DMA];

		free += zone_page_state(zone, NR_FREE_PAGES);
		all += zone_managed_pages(zone);
	}
	return free >= (1UL << order) + min(all / 4, IOMD_PAGES_RESERVE);
#else
	return true;
#endif
}

static struct page *hunt_find_block(struct hunt *hunt, gfp_t gfp, unsigned int order,
				    unsigned long may_set_aside)
{
	struct page *page;

	/* Any order but the least is welcome, but not worth an effort. */
	if (order > hunt->least_order)
		gfp = (gfp & ~(__GFP_RECLAIM | __GFP_RETRY_MAYFAIL)) | __GFP_NORETRY;
	for (;;) {
		if (!leaves_reserve(hunt, gfp, order))
			return NULL;
		page = iomd_should_fail() ? NULL : alloc_pages(gfp, order);
		if (!page || is_reachable(hunt, page, order))
			return page;
		set_page_private(page, order);
		list_add(&page->lru, &hunt->rejected);
		hunt->aside += 1UL << order;
		if (hunt->aside >= may_set_aside || fatal_signal_pending(current))
			return NULL;
		cond_resched();
	}
}

/* Use what is wanted of a block, zeroed, and give back the rest. */
static int hunt_take(struct hunt *hunt, struct page *block, unsigned int order)
{
	unsigned int i;
	int ret = 0;

	split_page(block, order);
	for (i = 0; i < 1U << order; i++) {
		struct page *page = block + i;

		if (!hunt->left || ret) {
			__free_page(page);
			continue;
		}
		clear_highpage(page);
		if (iomd_segments_append_pages(hunt->segments, &page, 1, 0)) {
			hunt->left--;
			iomd_count(IOMD_PAGES_ALLOCATED, 1);
		} else {
			__free_page(page);
			ret = -ENOMEM;
		}
	}
	cond_resched();
	return ret;
}

static int hunt_search(struct hunt *hunt, gfp_t gfp, unsigned long may_set_aside)
{
	int order = hunt->most_order, ret = 0;

	while (hunt->left && !ret && order >= (int)hunt->least_order) {
		struct page *block;

		if (fatal_signal_pending(current))
			return -EINTR;
		/* Only where pages are hard to find, more than the rest is of use. */
		if ((!~hunt->allowed || hunt->brief) && order > (int)hunt->least_order)
			order = min_t(int, order, ilog2(hunt->left));
		block = hunt_find_block(hunt, gfp, order, may_set_aside);
		if (block)
			ret = hunt_take(hunt, block, order);
		else
			order--;
	}
	return ret;
}

static int search_zones(struct hunt *hunt)
{
	bool high = hunt->allowed > U32_MAX;
	gfp_t wide = hunt->gfp | (high ? 0 : __GFP_DMA32);
	gfp_t narrow = hunt->gfp | (high ? __GFP_DMA32 : __GFP_DMA);
	int ret = 0;

	if (!~hunt->allowed)
		return hunt_search(hunt, hunt->gfp, 0);
	/* First where none is set aside, though that is a place others need more. */
	if (hunt->brief)
		ret = hunt_search(hunt, hunt->gfp | (hunt->allowed >= U32_MAX ? __GFP_DMA32 :
								      __GFP_DMA), 1);
	wide &= ~__GFP_DIRECT_RECLAIM;
	if (!ret)
		ret = hunt_search(hunt, wide, FEW);
	/* Though all of its addresses are low, the mask may have holes there. */
	if (!ret)
		ret = hunt_search(hunt, narrow, min(hunt->aside + FEW, MANY));
	if (!ret)
		ret = hunt_search(hunt, wide, MANY);
	return ret;
}

static void give_back_rejected(struct hunt *hunt)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &hunt->rejected, lru) {
		unsigned int order = page_private(page);

		set_page_private(page, 0);
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

static void pages_tell(const struct iomd_pages_wish *wish, const char *why)
{
	pr_notice_ratelimited("iomd: %s: %llu bytes of memory%s, aligned to %llu, at physical addresses within %#llx\n",
			      why, wish->bytes, wish->contiguous ? " in one piece" : "",
			      wish->alignment, wish->mask ?: U64_MAX);
}

/**
 * iomd_pages_check() - make a wish complete, and refuse what can't be
 * @wish: the mask's lowest bit makes for an alignment, a large alignment for one
 *	piece
 *
 * Return: 0; -EINVAL if the alignment is not a power of two; -ENOMEM if there is
 * not that much memory; -E2BIG, and a line in the log, if it is more than the
 * allocator has in one piece.
 * Context: any.
 */
int iomd_pages_check(struct iomd_pages_wish *wish)
{
	if (!wish->alignment)
		wish->alignment = 1;
	if (!iomd_is_power_of_2(wish->alignment))
		return -EINVAL;
	if (wish->mask)
		wish->alignment = max(wish->alignment, wish->mask & -wish->mask);
	wish->alignment = max_t(u64, wish->alignment, PAGE_SIZE);
	if (wish->alignment > PAGE_SIZE)
		wish->contiguous = true;
	if (PFN_UP(wish->bytes) > low_pages())
		return -ENOMEM;
	if (wish->contiguous && max(wish->bytes, wish->alignment) > PAGE_SIZE << IOMD_MAX_ORDER) {
		pages_tell(wish, "too large for the page allocator");
		return -E2BIG;
	}
	return 0;
}

/**
 * iomd_pages_alloc() - get pages
 * @wish: that iomd_pages_check() found right
 * @segments: set to where they are, @wish->bytes long
 *
 * Undone by iomd_pages_free().
 *
 * Return: 0; -ENOMEM, and a line in the log if the place made it hard; -EINTR if a
 * fatal signal came.
 * Context: may sleep.
 */
int iomd_pages_alloc(const struct iomd_pages_wish *wish, struct iomd_segments *segments)
{
	u64 bytes = max_t(u64, wish->bytes, wish->contiguous ? wish->alignment : 0);
	struct hunt hunt = {
		.segments = segments,
		.allowed = U64_MAX,
		.left = PFN_UP(wish->bytes),
		.least_order = wish->contiguous ? get_order(bytes) : 0,
		.brief = wish->brief,
		.gfp = IOMD_GFP_SIZED,
		.rejected = LIST_HEAD_INIT(hunt.rejected),
	};
	int ret;

	if (wish->mask)
		hunt.allowed = wish->mask | ((wish->mask & -wish->mask) - 1) | ~PAGE_MASK;
	hunt.most_order = wish->contiguous ? hunt.least_order : most_order(hunt.allowed);
	if (wish->reserve)
		hunt.gfp |= __GFP_HIGH;
	iomd_segments_init(segments);
	ret = search_zones(&hunt);
	give_back_rejected(&hunt);
	if (ret)
		goto err_free;
	if (hunt.left) {
		if (wish->contiguous || wish->mask)
			pages_tell(wish, "not to be had");
		ret = -ENOMEM;
		goto err_free;
	}
	if (offset_in_page(wish->bytes))
		iomd_segments_trim(segments, PAGE_SIZE - offset_in_page(wish->bytes));
	ret = iomd_segments_finish(segments);
	if (ret)
		goto err_free;
	return 0;

err_free:
	iomd_pages_free(segments);
	return ret;
}

static u64 count_pages(const struct iomd_segments *segments)
{
	struct scatterlist *sg;
	unsigned int i;
	u64 pages = 0;

	for_each_sgtable_sg(&segments->table, sg, i)
		pages += iomd_segment_pages(sg);
	return pages;
}

static void pages_list(const struct iomd_segments *segments, struct page **pages)
{
	struct scatterlist *sg;
	unsigned int i, page;

	for_each_sgtable_sg(&segments->table, sg, i)
		for (page = 0; page < iomd_segment_pages(sg); page++) {
			*pages++ = pfn_to_page(page_to_pfn(sg_page(sg)) + page);
			if (!(page % AT_A_TIME))
				cond_resched();
		}
}

/**
 * iomd_pages_show() - map pages into the kernel, one behind the other
 * @segments: where they are; all but the last one whole
 * @guard: pages before and behind them that fault
 * @cache: one of IOMD_MAP_..._CACHE
 *
 * Undone by vunmap().
 *
 * Return: the address of the first page, or of the guard before it, or ERR_PTR: see
 * iomd_vmap_with_guards(); -ENOMEM.
 * Context: may sleep.
 */
void *iomd_pages_show(const struct iomd_segments *segments, unsigned int guard, u64 cache)
{
	u64 count = count_pages(segments) + 2 * guard;
	struct page **pages;
	void *base;

	if (iomd_should_fail())
		return ERR_PTR(-ENOMEM);
	pages = kvcalloc(count, sizeof(*pages), IOMD_GFP_SIZED);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	pages_list(segments, pages + guard);
	base = iomd_vmap_with_guards(pages, count, iomd_cache_prot(cache, PAGE_KERNEL));
	kvfree(pages);
	return base;
}

/**
 * iomd_pages_free() - give pages back
 * @segments: what iomd_pages_alloc() set, or a part of it; empty afterwards
 *
 * Context: may sleep.
 */
void iomd_pages_free(struct iomd_segments *segments)
{
	struct scatterlist *sg = segments->table.sgl;
	unsigned int i, page;

	for (i = 0; i < segments->table.orig_nents; i++) {
		unsigned int pages = iomd_segment_pages(sg);

		for (page = 0; page < pages; page++) {
			__free_page(pfn_to_page(page_to_pfn(sg_page(sg)) + page));
			if (!(page % AT_A_TIME))
				cond_resched();
		}
		iomd_count(IOMD_PAGES_FREED, pages);
		if (i + 1 < segments->table.orig_nents)
			sg = iomd_segments_next(sg);
	}
	iomd_segments_free(segments);
	/* Whoever failed to get pages may give back what it has. */
	iomd_segments_init(segments);
}
