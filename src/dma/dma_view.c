// SPDX-License-Identifier: GPL-2.0
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dma_command.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../gfp.h"
#include "bounce.h"
#include "command.h"
#include "device.h"
#include "map.h"
#include "dma_pages.h"
#include "dma_view.h"

struct iomd_limits iomd_dma_command_limits(const struct iomd_dma_command *command)
{
	const struct iomd_dma_segment_options *options = &command->options;
	struct iomd_limits limits = IOMD_NO_LIMITS;

	if (command->device)
		limits = iomd_dma_device_limits(command->device);
	limits.segment = min(limits.segment, options->max_segment_size);
	if (options->num_address_bits)
		limits.last = min(limits.last, DMA_BIT_MASK(options->num_address_bits));
	limits.alignment = options->alignment;
	limits.inner_alignment = options->alignment_internal_segments;
	limits.length_alignment = options->alignment_length;
	return limits;
}

static bool lies_within(const struct iomd_dma_view *view, const struct iomd_dma_reach *reach)
{
	struct iomd_segment_iter iter;

	if (reach->last == U64_MAX && !reach->moved)
		return true;
	iomd_for_each_segment(iter, view->md, view->offset, view->runs.length)
		if (!iomd_dma_reach_has(reach, iter.address, iter.length))
			return false;
	return true;
}

/* The descriptor's direction, but for memory that is prepared for reading only. */
static enum dma_data_direction view_direction(const struct iomd_dma_view *view)
{
	if (!iomd_is_writable(view->md, view->offset, view->runs.length))
		return DMA_TO_DEVICE;
	return iomd_dma_direction(view->md, IOMD_DIRECTION_NONE);
}

/* What takes the memory's place is for the transfer, whatever its owner says meanwhile. */
static u64 replacement_direction(const struct iomd_dma_view *view)
{
	return iomd_dma_direction_of(view->direction);
}

/* Have something in the place of the memory; whatever it held may be garbage. */
static int view_replace(struct iomd_dma_view *view, struct iomd_dma_command *command,
			enum iomd_bouncing bouncing)
{
	u64 direction = replacement_direction(view), length = view->runs.length;
	struct iomd *md;

	if (bouncing == IOMD_BOUNCE_WHOLE)
		md = iomd_dma_command_create_copy_buffer(command, direction, length);
	else
		md = iomd_bounce_sparse(view->md, view->offset, length, direction,
					view->limits.last);
	if (IS_ERR(md))
		return PTR_ERR(md);
	view->runs.md = md;
	view->runs.offset = 0;
	view->whole = bouncing == IOMD_BOUNCE_WHOLE;
	return iomd_get_length(md) < length ? -EIO : 0;
}

static void give_up_replacement(struct iomd_dma_view *view)
{
	if (!iomd_dma_view_is_bounced(view))
		return;
	iomd_release(view->runs.md);
	view->runs.md = view->md;
	view->runs.offset = view->offset;
	view->whole = false;
}

static int view_copy(struct iomd_dma_view *view, bool to_md)
{
	if (!iomd_dma_view_is_bounced(view))
		return 0;
	might_sleep();
	return iomd_bounce_copy(view->runs.md, view->runs.offset, view->md, view->offset,
				view->runs.length, to_md, true);
}

/* @length addresses follow those that are listed; the end is behind them. */
static void runs_append(struct iomd_dma_runs *runs, u64 address, u64 length)
{
	struct iomd_dma_run *last = runs->list + runs->count;
	u64 offset = last->offset;

	if (!runs->count || last[-1].address + (offset - last[-1].offset) != address) {
		last->address = address;
		runs->count++;
		last++;
	}
	last->offset = offset + length;
}

/* What the device sees, neighbours joined, so that an offset is found fast. */
static int list_runs(struct iomd_dma_view *view)
{
	const struct iomd_dma_map *map = view->map;
	u64 left = view->runs.length;
	struct scatterlist *sg;
	unsigned int i;

	if (!iomd_should_fail())
		view->runs.list = kvmalloc_array(map->sgt.nents + map->page_count + 1ULL,
						 sizeof(*view->runs.list), IOMD_GFP_SIZED);
	if (!view->runs.list)
		return -ENOMEM;
	view->runs.count = 0;
	view->runs.list->offset = 0;
	for_each_sgtable_dma_sg(&map->sgt, sg, i)
		runs_append(&view->runs, sg_dma_address(sg), sg_dma_len(sg));
	for (i = 0; i < map->page_count; i++, left -= PAGE_SIZE)
		runs_append(&view->runs, map->pages[i].address, min_t(u64, left, PAGE_SIZE));
	return 0;
}

/*
 * What the CPU has is unmapped as it is: the DMA API would copy what the device wrote last
 * over what the CPU has written since.
 */
static void view_hand_over(struct iomd_dma_view *view, enum iomd_dma_side side)
{
	WRITE_ONCE(view->side, side);
	if (view->map)
		iomd_dma_map_keep(view->map, side == IOMD_DMA_SIDE_CPU);
}

static void view_unmap(struct iomd_dma_view *view)
{
	iomd_dma_unmap(view->map);
	view->map = NULL;
	kvfree(view->runs.list);
	view->runs.list = NULL;
}

static int view_map(struct iomd_dma_view *view, struct iomd_dma_device *device)
{
	struct iomd_dma_map *map;
	int ret;

	map = iomd_dma_map_for(iomd_dma_device_retain(device), view->runs.md, view->runs.offset,
			       view->runs.length, view->direction);
	if (IS_ERR(map))
		return PTR_ERR(map);
	view->map = map;
	ret = list_runs(view);
	if (ret)
		view_unmap(view);
	return ret;
}

/* What is wrong with the pieces that the device would get. */
static int look_for_broken_limits(const struct iomd_dma_view *view, unsigned int *broken)
{
	struct iomd_pieces pieces;

	*broken = 0;
	iomd_pieces_init(&pieces, &view->runs, &view->limits, 0);
	while (iomd_pieces_next(&pieces))
		*broken |= pieces.broken;
	return pieces.offset < view->runs.length ? -EAGAIN : 0;
}

/*
 * As long as the first segment may be anywhere, only what is out of reach is a
 * reason to copy; the list's maker refuses the rest.
 */
static bool may_have_to_copy(const struct iomd_dma_view *view, unsigned int broken)
{
	return (broken & IOMD_OUT_OF_REACH) || (broken && view->limits.alignment > 1);
}

/* Show the memory to the device in one way; 1 if it would break a limit so. */
static int view_try(struct iomd_dma_view *view, struct iomd_dma_command *command,
		    enum iomd_bouncing bouncing, bool fill, unsigned int *broken)
{
	int ret = 0;

	*broken = 0;
	if (bouncing) {
		ret = view_replace(view, command, bouncing);
		if (!ret && fill)
			ret = view_copy(view, false);
	}
	if (!ret && command->device)
		ret = view_map(view, command->device);
	if (!ret && (view->limits.last != U64_MAX || view->limits.alignment > 1 || bouncing) &&
	    !(command->mapping & IOMD_DMA_MAP_OPTION_ITERATE_ONLY))
		ret = look_for_broken_limits(view, broken);
	if (!ret && !may_have_to_copy(view, *broken))
		return 0;
	if (view->map)
		view_unmap(view);
	give_up_replacement(view);
	return ret ?: 1;
}

/*
 * In place of all of it, memory that the DMA API knows the device to reach. Each page of
 * it begins where a page does.
 */
static int view_show_pages(struct iomd_dma_view *view, struct iomd_dma_command *command, bool fill)
{
	unsigned int broken;
	struct iomd *md;
	int ret;

	view->map = iomd_dma_map_pages(iomd_dma_device_retain(command->device),
				       view->runs.length, view->direction);
	if (IS_ERR(view->map)) {
		ret = PTR_ERR(view->map);
		view->map = NULL;
		return ret;
	}
	md = iomd_bounce_of_pages(view->map, replacement_direction(view));
	ret = PTR_ERR_OR_ZERO(md);
	if (ret)
		goto err_unmap;
	view->runs.md = md;
	view->runs.offset = 0;
	view->whole = true;
	ret = list_runs(view);
	if (ret)
		goto err_give_up;
	if (fill) {
		ret = view_copy(view, false);
		if (ret)
			goto err_give_up;
	}
	ret = look_for_broken_limits(view, &broken);
	if (ret)
		goto err_give_up;
	if (may_have_to_copy(view, broken)) {
		ret = broken & IOMD_OUT_OF_REACH ? -EMSGSIZE : -EINVAL;
		goto err_give_up;
	}
	iomd_dma_sync_for_device(view->map);
	return 0;

err_give_up:
	give_up_replacement(view);
err_unmap:
	view_unmap(view);
	return ret;
}

/* What to replace in the next try, or what ends them. */
static int next_bouncing(const struct iomd_dma_command *command, enum iomd_bouncing bouncing,
			 unsigned int broken)
{
	enum iomd_bouncing next = broken & IOMD_MISALIGNED ? IOMD_BOUNCE_WHOLE :
							     IOMD_BOUNCE_SPARSE;

	/* An IOMMU gives addresses as it likes, to a copy too. */
	if ((broken & IOMD_OUT_OF_REACH) && command->device &&
	    iomd_dma_device_translates(command->device->dev))
		return -EMSGSIZE;
	if (next > bouncing)
		return next;
	return broken & IOMD_OUT_OF_REACH ? -EMSGSIZE : -EINVAL;
}

static int view_show(struct iomd_dma_view *view, struct iomd_dma_command *command, int bouncing,
		     bool fill)
{
	bool iterate_only = command->mapping & IOMD_DMA_MAP_OPTION_ITERATE_ONLY;
	bool its_pages = false;
	struct iomd_dma_reach reach;
	unsigned int broken;
	int ret;

	if (command->device) {
		if (iomd_get_flags(view->md) & IOMD_MEMORY_REMOTE)
			return -ENXIO;
		reach = iomd_dma_device_reach(command->device);
		its_pages = iomd_dma_device_needs_its_pages(command->device->dev);
		if (!lies_within(view, &reach)) {
			if (iterate_only)
				return -ERANGE;
			bouncing = max_t(int, bouncing, IOMD_BOUNCE_SPARSE);
		}
	}
	do {
		if (bouncing && its_pages)
			return view_show_pages(view, command, fill);
		ret = view_try(view, command, bouncing, fill, &broken);
		if (ret <= 0)
			return ret;
		bouncing = next_bouncing(command, bouncing, broken);
	} while (bouncing > 0);
	return bouncing;
}

/* Of @offset and so on, not shown yet; the memory is in use from now on. */
static struct iomd_dma_view *view_alloc(struct iomd_dma_command *command, u64 offset, u64 length)
{
	struct iomd_dma_view *view = NULL;
	int ret;

	if (!iomd_should_fail())
		view = kzalloc(sizeof(*view), IOMD_GFP_SIZED);
	if (!view)
		return ERR_PTR(-ENOMEM);
	ret = iomd_set_in_use(command->md, true);
	if (ret) {
		kfree(view);
		return ERR_PTR(ret);
	}
	view->md = command->md;
	view->offset = offset;
	view->runs.md = command->md;
	view->runs.offset = offset;
	view->runs.length = length;
	view->limits = iomd_dma_command_limits(command);
	return view;
}

/**
 * iomd_dma_view_make() - show a range of a command's memory to its device
 * @command: command, specified, with memory
 * @offset: first byte
 * @length: bytes; the range lies inside
 * @fill: what is replaced shall hold what the memory does
 *
 * Undone by iomd_dma_view_close() and iomd_dma_view_free().
 *
 * Return: the view, or ERR_PTR: see iomd_dma_command_prepare().
 * Context: may sleep.
 */
struct iomd_dma_view *iomd_dma_view_make(struct iomd_dma_command *command, u64 offset,
					 u64 length, bool fill)
{
	struct iomd_dma_view *view = view_alloc(command, offset, length);
	int ret = 0;

	if (IS_ERR(view))
		return view;
	view->direction = view_direction(view);
	view->side = fill ? IOMD_DMA_SIDE_DEVICE : IOMD_DMA_SIDE_OPEN;
	if (length)
		ret = view_show(view, command, IOMD_BOUNCE_NOTHING, fill);
	if (!ret)
		return view;
	iomd_dma_view_free(view);
	return ERR_PTR(ret);
}

/**
 * iomd_dma_view_move() - show a copy of all of it instead
 * @command: command that has the view
 * @old: view of at least a byte, which stays as it is; its close is the caller's
 *
 * It is for the same range, direction and side as @old, whatever the descriptor has been
 * made to say since. If @old is not the CPU's, it is handed to it, and back on failure.
 *
 * Return: the view, or ERR_PTR: see iomd_dma_command_prepare().
 * Context: may sleep.
 */
struct iomd_dma_view *iomd_dma_view_move(struct iomd_dma_command *command,
					 struct iomd_dma_view *old)
{
	enum iomd_dma_side side = old->side;
	struct iomd_dma_view *view;
	bool apart;
	int ret = 0;

	/* What the copy of an open one holds is the memory's only when an IN says so. */
	apart = side == IOMD_DMA_SIDE_OPEN && old->direction != DMA_TO_DEVICE &&
		iomd_dma_view_is_bounced(old);
	if (apart && old->map)
		iomd_dma_sync_for_cpu(old->map);
	else if (!apart && old->direction != DMA_TO_DEVICE)
		ret = iomd_dma_view_sync_in(old);
	if (ret)
		return ERR_PTR(ret);
	view = view_alloc(command, old->offset, old->runs.length);
	if (IS_ERR(view))
		goto err_hand_back;
	view->direction = old->direction;
	ret = view_show(view, command, IOMD_BOUNCE_WHOLE, !apart);
	if (!ret && apart) {
		ret = iomd_bounce_copy(view->runs.md, 0, old->runs.md, old->runs.offset,
				       old->runs.length, false, true);
		if (view->map)
			iomd_dma_sync_for_device(view->map);
		if (ret)
			iomd_dma_view_close(view, false);
	}
	if (ret) {
		iomd_dma_view_free(view);
		view = ERR_PTR(ret);
		goto err_hand_back;
	}
	view_hand_over(view, side);
	return view;

err_hand_back:
	if (apart && old->map)
		iomd_dma_sync_for_device(old->map);
	else if (!apart && side != IOMD_DMA_SIDE_CPU)
		iomd_dma_view_sync_out(old);
	view_hand_over(old, side);
	return view;
}

/* Is the device that the memory is mapped for still there? */
int iomd_dma_view_check_device(const struct iomd_dma_view *view)
{
	return view->map && !READ_ONCE(view->map->mapped) ? -ENODEV : 0;
}

int iomd_dma_view_sync_in(struct iomd_dma_view *view)
{
	int ret;

	if (view->side == IOMD_DMA_SIDE_CPU)
		return 0;
	if (view->map)
		iomd_dma_sync_for_cpu(view->map);
	ret = view->direction == DMA_TO_DEVICE ? 0 : view_copy(view, true);
	if (!ret)
		view_hand_over(view, IOMD_DMA_SIDE_CPU);
	return ret;
}

/* A device that only reads loses nothing: there it may be asked for at any time. */
int iomd_dma_view_sync_out(struct iomd_dma_view *view)
{
	int ret;

	if (view->side == IOMD_DMA_SIDE_DEVICE && view->direction != DMA_TO_DEVICE)
		return 0;
	ret = view_copy(view, false);
	if (ret)
		return ret;
	if (view->map)
		iomd_dma_sync_for_device(view->map);
	view_hand_over(view, IOMD_DMA_SIDE_DEVICE);
	return 0;
}

/* Is there something of the device's in a copy that the CPU does not see? */
static bool has_news(const struct iomd_dma_view *view)
{
	return view->direction != DMA_TO_DEVICE && view->side != IOMD_DMA_SIDE_CPU &&
	       iomd_dma_view_is_bounced(view);
}

/* The DMA API's own pages are read while they are lent, and all else when it is ours again. */
int iomd_dma_view_close(struct iomd_dma_view *view, bool sync)
{
	bool copies = sync && !view->brought_back && has_news(view);
	int ret = 0;

	if (copies && view->map && view->map->pages) {
		iomd_dma_sync_for_cpu(view->map);
		ret = view_copy(view, true);
		copies = false;
	}
	view_unmap(view);
	return copies ? view_copy(view, true) : ret;
}

void iomd_dma_view_bring_back(struct iomd_dma_view *view)
{
	/* Pages are the DMA API's, to which they can't be given back anywhere. */
	if (view->map && view->map->pages) {
		iomd_dma_sync_for_cpu(view->map);
	} else {
		iomd_dma_unmap(view->map);
		view->map = NULL;
	}
	if (has_news(view))
		iomd_bounce_copy(view->runs.md, view->runs.offset, view->md, view->offset,
				 view->runs.length, true, false);
	iomd_set_in_use(view->md, false);
	view->brought_back = true;
}

void iomd_dma_view_free(struct iomd_dma_view *view)
{
	give_up_replacement(view);
	if (!view->brought_back)
		iomd_set_in_use(view->md, false);
	kfree(view);
}
