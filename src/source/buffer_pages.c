// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#ifdef IOMD_HAVE_SET_MEMORY_WC
#include <linux/set_memory.h>
#endif

#include "../debug/inject.h"
#include "source.h"
#include "buffer_pages.h"

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
static int buffer_pages_show(struct iomd_buffer_pages *pages, struct iomd_segments *segments)
{
	unsigned int guard = pages->guarded;
	void *base;

	if (!guard && segments->table.nents == 1) {
		pages->address = page_address(sg_page(segments->table.sgl));
		return 0;
	}
	base = iomd_pages_show(segments, guard, pages->cache);
	if (IS_ERR(base))
		return PTR_ERR(base);
	pages->vmap_base = base;
	pages->address = base + guard * PAGE_SIZE;
	return 0;
}

static void buffer_pages_let_go(struct iomd_buffer_pages *pages, struct iomd_segments *segments)
{
	vunmap(pages->vmap_base);
	if (!mode_is_plain(pages->cache))
		restore_caching(segments, segments->table.nents);
	iomd_pages_free(segments);
}

static int buffer_pages_prepare(struct iomd_backing *backing, u64 direction)
{
	struct iomd_buffer_pages *pages = backing->data;
	struct iomd_segments *segments = &backing->segments;
	int ret;

	ret = iomd_pages_alloc(&pages->wish, segments);
	if (ret)
		return ret;
	ret = change_caching(segments, pages->cache);
	if (ret)
		goto err_free;
	ret = buffer_pages_show(pages, segments);
	if (ret)
		goto err_let_go;
	ret = iomd_owner_charge(&pages->owner, PFN_UP(pages->wish.bytes));
	if (ret)
		goto err_let_go;
	return 0;

err_let_go:
	buffer_pages_let_go(pages, segments);
	return ret;
err_free:
	iomd_pages_free(segments);
	return ret;
}

static void buffer_pages_complete(struct iomd_backing *backing, bool dirty)
{
	struct iomd_buffer_pages *pages = backing->data;

	iomd_owner_uncharge(&pages->owner);
	buffer_pages_let_go(pages, &backing->segments);
}

static void buffer_pages_destroy(struct iomd_backing *backing)
{
	struct iomd_buffer_pages *pages = backing->data;

	iomd_owner_destroy(&pages->owner);
}

static int buffer_pages_set_purgeable(struct iomd_backing *backing, u32 new_state, u32 *old_state)
{
	return -EINVAL;
}

static struct iomd_owner *buffer_pages_owner_of(struct iomd_backing *backing)
{
	struct iomd_buffer_pages *pages = backing->data;

	return &pages->owner;
}

const struct iomd_source iomd_source_buffer_pages = {
	.prepare = buffer_pages_prepare,
	.complete = buffer_pages_complete,
	.destroy = buffer_pages_destroy,
	.own_memory = true,
	.set_purgeable = buffer_pages_set_purgeable,
	.owner_of = buffer_pages_owner_of,
};

/**
 * iomd_buffer_pages_init() - have a descriptor bring kernel memory along
 * @backing: of a descriptor, set up by iomd_general_init()
 * @pages: with its public members set, else zero; in the same instance
 *
 * Undone with the descriptor.
 *
 * Return: 0; -EOPNOTSUPP for a cache mode that RAM can't have here; else as
 * iomd_pages_check().
 * Context: may sleep.
 */
int iomd_buffer_pages_init(struct iomd_backing *backing, struct iomd_buffer_pages *pages)
{
	if (!can_cache(pages->cache))
		return -EOPNOTSUPP;
	backing->source = &iomd_source_buffer_pages;
	backing->data = pages;
	iomd_owner_init(&pages->owner, NULL);
	return iomd_pages_check(&pages->wish);
}
