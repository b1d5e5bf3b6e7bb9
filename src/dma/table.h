/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of pages that grows entry by entry: nothing is counted first, and one of a
 * few entries takes no memory but that of whom it belongs to.
 */
#ifndef IOMD_DMA_TABLE_H
#define IOMD_DMA_TABLE_H

#include <linux/scatterlist.h>

#include <iomd/dma.h>

struct iomd_dma_table {
	struct sg_table *sgt;
	/* The next entry to use, and the end of those of its block. */
	struct scatterlist *unused;
	struct scatterlist *limit;
	unsigned int block_entries;
};

int iomd_dma_table_grow(struct iomd_dma_table *table);
void iomd_dma_table_free_blocks(struct sg_table *sgt);

/* Begin to fill @sgt, whose first block is @first, which the owner keeps. */
static inline struct iomd_dma_table
iomd_dma_table_begin(struct sg_table *sgt, struct scatterlist first[IOMD_DMA_MAP_ENTRIES])
{
	sgt->sgl = first;
	sgt->orig_nents = 0;
	return (struct iomd_dma_table) {
		.sgt = sgt,
		.unused = first,
		.limit = first + IOMD_DMA_MAP_ENTRIES,
		.block_entries = IOMD_DMA_MAP_ENTRIES,
	};
}

/* -ENOMEM, with what was appended before still there. May sleep. */
static inline int iomd_dma_table_append(struct iomd_dma_table *table, struct page *page,
					unsigned int offset, unsigned int length)
{
	struct scatterlist *sg = table->unused;

	if (unlikely(sg == table->limit)) {
		int ret = iomd_dma_table_grow(table);

		if (ret)
			return ret;
		sg = table->unused;
	}
	*sg = (struct scatterlist) {};
	sg_set_page(sg, page, length, offset);
	table->unused = sg + 1;
	table->sgt->orig_nents++;
	return 0;
}

/* At least one entry was appended, and nothing more will be. */
static inline void iomd_dma_table_finish(struct iomd_dma_table *table)
{
	sg_mark_end(table->unused - 1);
	table->sgt->nents = table->sgt->orig_nents;
}

/* What a table took, however far it was filled, or never begun and zero. */
static inline void iomd_dma_table_free(struct sg_table *sgt)
{
	if (unlikely(sgt->orig_nents > IOMD_DMA_MAP_ENTRIES))
		iomd_dma_table_free_blocks(sgt);
}

/* What a map has of the DMA API is given back. The device must be there. */
void iomd_dma_map_undo(struct iomd_dma_map *map);

#endif
