// SPDX-License-Identifier: GPL-2.0
/*
 * IOMemoryDescriptor::dmaCommandOperation, for classes of every kind.
 */
#include <linux/err.h>
#include <linux/mm.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dma_command.h>

#include "../desc/descriptor.h"
#include "limits.h"

static int operation_characterise(struct iomd *md, struct iomd_dma_characteristics *characteristics)
{
	const struct iomd_limits limits = IOMD_NO_LIMITS;
	struct iomd_dma_runs runs = { .md = md, .length = iomd_get_length(md) };
	struct iomd_pieces pieces;

	*characteristics = (struct iomd_dma_characteristics) {
		.length = runs.length,
		.direction = iomd_get_direction(md),
	};
	iomd_pieces_init(&pieces, &runs, &limits, 0);
	while (iomd_pieces_next(&pieces)) {
		u64 last = (pieces.address + pieces.length - 1) >> PAGE_SHIFT;

		characteristics->sg_count++;
		characteristics->pages += last - (pieces.address >> PAGE_SHIFT) + 1;
		characteristics->highest_page = max(characteristics->highest_page, last);
		characteristics->page_align = characteristics->sg_count == 1 ?
					      pieces.address & ~PAGE_MASK : 0;
	}
	characteristics->is_prepared = pieces.offset == runs.length;
	return 0;
}

static int operation_walk(struct iomd *md, struct iomd_dma_walk_segment_args *args)
{
	const struct iomd_limits limits = IOMD_NO_LIMITS;
	struct iomd_dma_runs runs = { .md = md, .length = iomd_get_length(md) };
	struct iomd_pieces pieces;

	if (args->mapped)
		return iomd_get_flags(md) & IOMD_MEMORY_REMOTE ? -ENXIO : -EINVAL;
	if (args->offset >= runs.length)
		return args->offset == runs.length ? -EOVERFLOW : -EINVAL;
	iomd_pieces_init(&pieces, &runs, &limits, args->offset);
	if (!iomd_pieces_next(&pieces))
		return -EAGAIN;
	args->iovm_addr = pieces.address;
	args->length = pieces.length;
	args->offset += pieces.length;
	return 0;
}

/* A driver that ends more than it began ends nobody else's use. */
static int operation_set_active(struct iomd *md, bool active)
{
	int ret;

	if (!active && atomic_dec_if_positive(&md->dma_active) < 0)
		return iomd_refuse_end_of_use();
	ret = iomd_set_in_use(md, active);
	if (active && !ret)
		atomic_inc(&md->dma_active);
	return ret;
}

static int operation_map(struct iomd *md, struct iomd_dma_map_args *args)
{
	struct iomd_dma_map *map;
	struct scatterlist *sg;
	int i;

	if (!args->mapper)
		return -EINVAL;
	map = iomd_dma_map(md, args->mapper, args->offset, args->length, IOMD_DIRECTION_NONE);
	if (IS_ERR(map))
		return PTR_ERR(map);
	args->map = map;
	args->alloc = sg_dma_address(map->sgt.sgl);
	args->alloc_length = 0;
	for_each_sgtable_dma_sg(&map->sgt, sg, i) {
		if (sg_dma_address(sg) != args->alloc + args->alloc_length)
			break;
		args->alloc_length += sg_dma_len(sg);
	}
	return 0;
}

static int operation_unmap(struct iomd_dma_map_args *args)
{
	iomd_dma_unmap(args->map);
	args->map = NULL;
	return 0;
}

static size_t size_of_arguments(enum iomd_dma_operation op)
{
	switch (op) {
	case IOMD_MD_GET_CHARACTERISTICS:
		return sizeof(struct iomd_dma_characteristics);
	case IOMD_MD_WALK_SEGMENTS:
	case IOMD_MD_FIRST_SEGMENT:
		return sizeof(struct iomd_dma_walk_segment_args);
	case IOMD_MD_DMA_MAP:
	case IOMD_MD_DMA_UNMAP:
		return sizeof(struct iomd_dma_map_args);
	default:
		return 0;
	}
}

/**
 * iomd_dma_command_operation() - what a command asks of memory
 * @md: descriptor
 * @op: what is asked
 * @data: its arguments; see enum iomd_dma_operation
 * @size: of these in bytes
 *
 * For who makes commands of his own; iomd_dma_command does without. IOKit:
 * IOMemoryDescriptor::dmaCommandOperation.
 *
 * Return: 0; -EIO if @size is less than the arguments'; -EINVAL for an unknown @op, and
 * without @data or device; -EOPNOTSUPP for IOMD_MD_ADD_DMA_MAP_SPEC. Walk: -EOVERFLOW
 * at the end, -EINVAL beyond it or for a mapped address, -ENXIO for that of another
 * machine's memory, -EAGAIN if the memory is not prepared. Active: -EAGAIN if the
 * memory is not prepared. Inactive: -EAGAIN if it was not set active, whoever else has it
 * mapped; warned of once. Map: see iomd_dma_map().
 * Context: walking, characteristics, active and inactive: any, hard IRQ included. Map:
 * may sleep. Unmap: see iomd_dma_unmap().
 */
int iomd_dma_command_operation(struct iomd *md, enum iomd_dma_operation op, void *data,
			       size_t size)
{
	size_t needed = size_of_arguments(op);

	if (size < needed)
		return -EIO;
	if (needed && !data)
		return -EINVAL;
	switch (op) {
	case IOMD_MD_GET_CHARACTERISTICS:
		return operation_characterise(md, data);
	case IOMD_MD_WALK_SEGMENTS:
	case IOMD_MD_FIRST_SEGMENT:
		return operation_walk(md, data);
	case IOMD_MD_SET_DMA_ACTIVE:
		return operation_set_active(md, true);
	case IOMD_MD_SET_DMA_INACTIVE:
		return operation_set_active(md, false);
	case IOMD_MD_DMA_MAP:
		return operation_map(md, data);
	case IOMD_MD_DMA_UNMAP:
		return operation_unmap(data);
	case IOMD_MD_ADD_DMA_MAP_SPEC:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}
IOMD_EXPORT(iomd_dma_command_operation);
