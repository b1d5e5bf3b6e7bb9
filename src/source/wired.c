// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#ifdef IOMD_HAVE_SET_MEMORY_WC
#include <linux/set_memory.h>
#endif

#include "../debug/inject.h"
#include "../desc/general.h"
#include "source.h"
#include "wired.h"

static bool mode_is_plain(u64 mode)
{
	return mode == IOMD_MAP_DEFAULT_CACHE || mode == IOMD_MAP_COPYBACK_CACHE;
}

/*
 * How the CPU caches a run of pages as the linear map shows them: no two views of
 * RAM may differ in that.
 */
#ifdef IOMD_HAVE_SET_MEMORY_WC
static bool can_cache(u64 mode)
{
	return mode_is_plain(mode) || mode == IOMD_MAP_INHIBIT_CACHE ||
	       mode == IOMD_MAP_WRITE_COMBINE_CACHE;
}

static int set_caching(struct scatterlist *sg, u64 mode)
{
	unsigned long address = (unsigned long)page_address(sg_page(sg));
	int pages = iomd_segment_pages(sg);

	switch (mode) {
	case IOMD_MAP_INHIBIT_CACHE:
		return set_memory_uc(address, pages);
	case IOMD_MAP_WRITE_COMBINE_CACHE:
		return set_memory_wc(address, pages);
	default:
		return set_memory_wb(address, pages);
	}
}
#else
static bool can_cache(u64 mode)
{
	return mode_is_plain(mode);
}

static int set_caching(struct scatterlist *sg, u64 mode)
{
	return -EOPNOTSUPP;
}
#endif

static void restore_caching(struct iomd_segments *segments, unsigned int count)
{
	struct scatterlist *sg = segments->table.sgl;
	unsigned int i;

	for (i = 0; i < count; i++, sg = sg_next(sg))
		WARN_ONCE(set_caching(sg, IOMD_MAP_COPYBACK_CACHE),
			  "iomd: the kernel will not cache some of its memory any more\n");
}

static int change_caching(struct iomd_segments *segments, u64 mode)
{
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	if (mode_is_plain(mode))
		return 0;
	for_each_sgtable_sg(&segments->table, sg, i) {
		ret = iomd_should_fail() ? -ENOMEM : set_caching(sg, mode);
		if (ret) {
			restore_caching(segments, i);
			return ret;
		}
	}
	return 0;
}

/* Have the kernel see it: where it does anyway, if that is what is wanted. */
static int wired_show(struct iomd_wired *wired, struct iomd_segments *segments)
{
	unsigned int guard = wired->guarded;
	void *base;

	if (!guard && segments->table.nents == 1) {
		wired->address = page_address(sg_page(segments->table.sgl));
		return 0;
	}
	base = iomd_pages_show(segments, guard, wired->cache);
	if (IS_ERR(base))
		return PTR_ERR(base);
	wired->vmap_base = base;
	wired->address = base + guard * PAGE_SIZE;
	return 0;
}

static void wired_let_go(struct iomd_wired *wired, struct iomd_segments *segments)
{
	vunmap(wired->vmap_base);
	if (!mode_is_plain(wired->cache))
		restore_caching(segments, segments->table.nents);
	iomd_pages_free(segments);
}

static int wired_wire(struct iomd_general *general, u64 direction)
{
	struct iomd_wired *wired = general->source_data;
	struct iomd_segments *segments = &general->segments;
	int ret;

	ret = iomd_pages_alloc(&wired->wish, segments);
	if (ret)
		return ret;
	ret = change_caching(segments, wired->cache);
	if (ret) {
		iomd_pages_free(segments);
		return ret;
	}
	ret = wired_show(wired, segments);
	if (!ret)
		ret = iomd_owner_charge(&wired->owner, PFN_UP(wired->wish.bytes));
	if (ret)
		wired_let_go(wired, segments);
	return ret;
}

static void wired_unwire(struct iomd_general *general, bool dirty)
{
	struct iomd_wired *wired = general->source_data;

	iomd_owner_uncharge(&wired->owner);
	wired_let_go(wired, &general->segments);
}

static void wired_destroy(struct iomd_general *general)
{
	struct iomd_wired *wired = general->source_data;

	iomd_owner_destroy(&wired->owner);
}

static int wired_set_purgeable(struct iomd_general *general, u32 new_state, u32 *old_state)
{
	return -EINVAL;
}

static int wired_set_ownership(struct iomd_general *general, struct task_struct *new_owner,
			       int new_ledger_tag, u64 options)
{
	struct iomd_wired *wired = general->source_data;

	return iomd_owner_change(&wired->owner, new_owner, new_ledger_tag, options);
}

const struct iomd_source iomd_source_wired = {
	.wire = wired_wire,
	.unwire = wired_unwire,
	.destroy = wired_destroy,
	.own_memory = true,
	.set_purgeable = wired_set_purgeable,
	.set_ownership = wired_set_ownership,
};

/**
 * iomd_wired_init() - have a descriptor bring kernel memory along
 * @general: that iomd_general_init() set up
 * @wired: with its public members set, else zero; in the same instance
 *
 * Undone with the descriptor.
 *
 * Return: 0; -EOPNOTSUPP for a cache mode that RAM can't have here; else as
 * iomd_pages_check().
 * Context: may sleep.
 */
int iomd_wired_init(struct iomd_general *general, struct iomd_wired *wired)
{
	if (!can_cache(wired->cache))
		return -EOPNOTSUPP;
	general->source = &iomd_source_wired;
	general->source_data = wired;
	iomd_owner_init(&wired->owner, NULL);
	return iomd_pages_check(&wired->wish);
}
