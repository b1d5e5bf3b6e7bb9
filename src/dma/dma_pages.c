// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <iomd/dma.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "dma_pages.h"

void iomd_dma_pages_free(struct iomd_dma_map *map)
{
	unsigned int i;

	/* Where memory is encrypted, its pages are made so again. */
	might_sleep();
	iomd_dma_pages_sync_for_cpu(map);
	for (i = 0; i < map->page_count; i++)
		dma_free_pages(map->dev, PAGE_SIZE, map->pages[i].page, map->pages[i].address,
			       map->direction);
}

/* All or none; what they hold is garbage. */
int iomd_dma_pages_alloc(struct iomd_dma_map *map)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	unsigned int count = PFN_UP(map->length);
	struct iomd_dma_page *page;

	if (PFN_UP(map->length) > totalram_pages() || iomd_should_fail())
		return -ENOMEM;
	/* These go by that mask, and not by the one that all else goes by. */
	if (!map->dev->coherent_dma_mask)
		return -ENOMEM;
	map->pages = kvmalloc_array(count, sizeof(*map->pages), IOMD_GFP_SIZED);
	if (!map->pages)
		return -ENOMEM;
	for (map->page_count = 0; map->page_count < count; map->page_count++) {
		page = &map->pages[map->page_count];
		page->page = NULL;
		if (!iomd_should_fail())
			page->page = dma_alloc_pages(map->dev, PAGE_SIZE, &page->address,
						     map->direction, gfp);
		if (page->page)
			continue;
		iomd_dma_pages_free(map);
		kvfree(map->pages);
		map->pages = NULL;
		return -ENOMEM;
	}
	return 0;
}

void iomd_dma_pages_sync_for_cpu(struct iomd_dma_map *map)
{
	unsigned int i;

	for (i = 0; i < map->page_count; i++)
		dma_sync_single_for_cpu(map->dev, map->pages[i].address, PAGE_SIZE,
					map->direction);
}

void iomd_dma_pages_sync_for_device(struct iomd_dma_map *map)
{
	unsigned int i;

	for (i = 0; i < map->page_count; i++)
		dma_sync_single_for_device(map->dev, map->pages[i].address, PAGE_SIZE,
					   map->direction);
}
