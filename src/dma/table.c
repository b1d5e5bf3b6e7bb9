// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../gfp.h"
#include "dma_pages.h"
#include "table.h"

/* Each block has some times as many entries as the one before, up to 4 KiB or so. */
static unsigned int entries_after(unsigned int entries)
{
	return min(4 * entries, (unsigned int)SG_CHUNK_SIZE);
}

int iomd_dma_table_grow(struct iomd_dma_table *table)
{
	unsigned int entries = entries_after(table->block_entries);
	struct scatterlist *link = table->limit - 1, *block = NULL;

	if (table->sgt->orig_nents == INT_MAX)
		return -EOVERFLOW;
	if (!iomd_should_fail())
		block = kmalloc_array(entries, sizeof(*block), IOMD_GFP_SIZED);
	if (!block)
		return -ENOMEM;
	block[0] = *link;
	sg_chain(link, 1, block);
	table->unused = block + 1;
	table->limit = block + entries;
	table->block_entries = entries;
	return 0;
}

void iomd_dma_table_free_blocks(struct sg_table *sgt)
{
	unsigned int left = sgt->orig_nents, entries = IOMD_DMA_MAP_ENTRIES;
	struct scatterlist *block = sgt->sgl, *next;

	/* What does not fit into a block is behind its last entry, which is a link. */
	for (; left > entries; block = next, entries = entries_after(entries)) {
		next = sg_chain_ptr(block + entries - 1);
		left -= entries - 1;
		if (block != sgt->sgl)
			kfree(block);
	}
	kfree(block);
}

void iomd_dma_map_undo(struct iomd_dma_map *map)
{
	if (map->pages)
		iomd_dma_pages_free(map);
	else
		dma_unmap_sgtable(map->dev, &map->sgt, map->direction,
				  READ_ONCE(map->attributes));
	iomd_count(IOMD_DMA_UNMAPPED, 1);
	/* Who waits for this may free the map at once. */
	smp_store_release(&map->mapped, false);
}
