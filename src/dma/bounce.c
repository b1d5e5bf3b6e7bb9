// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "../desc/general.h"
#include "../gfp.h"
#include "../mm/pages.h"
#include "../source/source.h"
#include "bounce.h"
#include "dma_pages.h"
#include "limits.h"
#include "map.h"

struct iomd_bounce {
	struct iomd_general general;
	struct iomd_segments pages;
};

static void bounce_free(struct os_object *object)
{
	struct iomd_bounce *bounce = container_of(object, struct iomd_bounce,
						  general.md.object);

	iomd_pages_free(&bounce->pages);
}

struct os_meta_class iomd_bounce_meta_class = {
	.name = "iomd_bounce",
	.size = sizeof(struct iomd_bounce),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
	.free = bounce_free,
};

/* Bits that addresses up to @last may have, for what is to be aligned so. */
static u64 mask_of(u64 last, u32 alignment)
{
	u64 mask = last == U64_MAX ? last : BIT_ULL(fls64(last + 1) - 1) - 1;

	return mask & ~((u64)alignment - 1);
}

/* Bytes of a segment that need no page instead. */
static u64 bytes_within(phys_addr_t address, u64 length, u64 last)
{
	if (address > last)
		return 0;
	return min(length - 1, last - address) + 1;
}

static int count_sparse(struct iomd *md, u64 offset, u64 length, u64 last, u64 *ranges,
			u64 *pages)
{
	struct iomd_segment_iter iter;

	*ranges = 0;
	*pages = 0;
	iomd_for_each_segment(iter, md, offset, length) {
		u64 good = bytes_within(iter.address, iter.length, last);

		if (!iomd_is_ram_segment(&iter))
			return -EOPNOTSUPP;
		*ranges += !!good;
		if (good < iter.length)
			*pages += PHYS_PFN(iter.address + iter.length - 1) -
				  PHYS_PFN(iter.address + good) + 1;
	}
	*ranges += *pages;
	return 0;
}

/* What is known while a list of ranges is made. */
struct builder {
	struct iomd_address_range *ranges;
	u32 count, room;
	/* The next page to use, and how many there are from it on. */
	struct scatterlist *sg;
	unsigned int page;
	u64 pages;
};

/* -EAGAIN if there is more than was counted, by a class that changed its mind. */
static int builder_append(struct builder *builder, u64 address, u64 length)
{
	if (builder->count == builder->room)
		return -EAGAIN;
	builder->ranges[builder->count].address = address;
	builder->ranges[builder->count].length = length;
	builder->count++;
	return 0;
}

/* -EAGAIN as builder_append(), of pages. */
static int builder_next_page(struct builder *builder, phys_addr_t *address)
{
	if (!builder->pages)
		return -EAGAIN;
	if (builder->page == iomd_segment_pages(builder->sg)) {
		builder->sg = iomd_segments_next(builder->sg);
		builder->page = 0;
	}
	*address = sg_phys(builder->sg) + (u64)builder->page++ * PAGE_SIZE;
	builder->pages--;
	return 0;
}

/* A page for each that a segment touches, at the same place in it. */
static int builder_replace(struct builder *builder, phys_addr_t address, u64 length)
{
	phys_addr_t page = 0;
	int ret = 0;

	while (length && !ret) {
		u64 bytes = min_t(u64, length, PAGE_SIZE - offset_in_page(address));

		ret = builder_next_page(builder, &page) ?:
		      builder_append(builder, page + offset_in_page(address), bytes);
		address += bytes;
		length -= bytes;
	}
	return ret;
}

static int get_pages(struct iomd_bounce *bounce, u64 bytes, u64 mask)
{
	struct iomd_pages_wish wish = { .bytes = bytes, .mask = mask, .brief = true };

	return iomd_pages_check(&wish) ?: iomd_pages_alloc(&wish, &bounce->pages);
}

static int builder_begin(struct builder *builder, u64 ranges)
{
	if (ranges > U32_MAX || iomd_should_fail())
		return -ENOMEM;
	builder->ranges = kvmalloc_array(ranges, sizeof(*builder->ranges), IOMD_GFP_SIZED);
	builder->room = ranges;
	return builder->ranges ? 0 : -ENOMEM;
}

/* @ret: of what was done since the begin. */
static int builder_finish(struct builder *builder, struct iomd_bounce *bounce, int ret)
{
	if (!ret)
		ret = iomd_extents_init(&bounce->general.backing.extents, builder->ranges,
					builder->count);
	kvfree(builder->ranges);
	if (!ret)
		iomd_extents_set_ram(&bounce->general.backing.extents);
	return ret;
}

/*
 * The memory is walked once more after it was counted. A class from outside may tell of other
 * memory then: what does not fit any more, or comes up short, is refused.
 */
static int build_sparse(struct iomd_bounce *bounce, struct iomd *md, u64 offset, u64 length,
			u64 last)
{
	struct builder builder = {};
	struct iomd_segment_iter iter;
	u64 ranges, pages;
	int ret;

	ret = count_sparse(md, offset, length, last, &ranges, &pages) ?:
	      get_pages(bounce, pages << PAGE_SHIFT, mask_of(last, 1)) ?:
	      builder_begin(&builder, ranges);
	if (ret)
		return ret;
	builder.sg = bounce->pages.table.sgl;
	builder.pages = pages;
	iomd_for_each_segment(iter, md, offset, length) {
		u64 good = bytes_within(iter.address, iter.length, last);

		if (good)
			ret = builder_append(&builder, iter.address, good);
		ret = ret ?: builder_replace(&builder, iter.address + good, iter.length - good);
		if (ret)
			break;
	}
	if (!ret && iter.offset < offset + length)
		ret = -EAGAIN;
	return builder_finish(&builder, bounce, ret);
}

/* The pages as they are. */
static int bounce_list_pages(struct iomd_bounce *bounce)
{
	struct builder builder = {};
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	ret = builder_begin(&builder, bounce->pages.table.nents);
	if (ret)
		return ret;
	for_each_sgtable_sg(&bounce->pages.table, sg, i)
		ret = ret ?: builder_append(&builder, sg_phys(sg), sg->length);
	return builder_finish(&builder, bounce, ret);
}

static int build_whole(struct iomd_bounce *bounce, u64 length, const struct iomd_limits *limits)
{
	u32 alignment = max3(limits->alignment, limits->inner_alignment,
			     limits->length_alignment);

	return get_pages(bounce, length, mask_of(limits->last, alignment)) ?:
	       bounce_list_pages(bounce);
}

static int build_of_pages(struct iomd_bounce *bounce, const struct iomd_dma_map *map)
{
	struct iomd_segments *segments = &bounce->pages;
	unsigned int i;

	iomd_segments_init(segments);
	for (i = 0; i < map->page_count; i++) {
		struct page *page = map->pages[i].page;

		if (!iomd_segments_append_pages(segments, &page, 1, 0))
			return -ENOMEM;
		get_page(page);
		iomd_count(IOMD_PAGES_ALLOCATED, 1);
		clear_highpage(page);
	}
	return iomd_segments_finish(segments) ?: bounce_list_pages(bounce);
}

/* What was built becomes a descriptor, or what there is of it goes. */
static struct iomd *bounce_publish(struct iomd_bounce *bounce, u64 length, u64 direction, int ret)
{
	if (ret) {
		os_object_release(&bounce->general.md.object);
		return ERR_PTR(ret);
	}
	iomd_general_init(&bounce->general, &iomd_source_physical, length,
			  direction | IOMD_MEMORY_TYPE_PHYSICAL);
	return &bounce->general.md;
}

struct iomd *iomd_bounce_sparse(struct iomd *md, u64 offset, u64 length, u64 direction,
				u64 last)
{
	struct iomd_bounce *bounce = os_object_alloc(&iomd_bounce_meta_class);

	if (!bounce)
		return ERR_PTR(-ENOMEM);
	return bounce_publish(bounce, length, direction,
			      build_sparse(bounce, md, offset, length, last));
}

struct iomd *iomd_bounce_whole(u64 length, u64 direction, const struct iomd_limits *limits)
{
	struct iomd_bounce *bounce = os_object_alloc(&iomd_bounce_meta_class);

	if (!bounce)
		return ERR_PTR(-ENOMEM);
	return bounce_publish(bounce, length, direction, build_whole(bounce, length, limits));
}

struct iomd *iomd_bounce_of_pages(const struct iomd_dma_map *map, u64 direction)
{
	struct iomd_bounce *bounce = os_object_alloc(&iomd_bounce_meta_class);

	if (!bounce)
		return ERR_PTR(-ENOMEM);
	return bounce_publish(bounce, map->length, direction, build_of_pages(bounce, map));
}

/* What is no RAM the descriptor's class knows how to reach. */
static int copy_foreign(phys_addr_t address, u64 length, struct iomd *md, u64 offset, bool to_md)
{
	void *page = kmap_local_page(pfn_to_page(PHYS_PFN(address))) + offset_in_page(address);
	u64 done = to_md ? iomd_write_bytes(md, offset, page, length) :
			   iomd_read_bytes(md, offset, page, length);

	kunmap_local(page);
	return done < length ? -EIO : 0;
}

static void copy_ram(phys_addr_t to, phys_addr_t from, u64 length)
{
	memcpy_page(pfn_to_page(PHYS_PFN(to)), offset_in_page(to),
		    pfn_to_page(PHYS_PFN(from)), offset_in_page(from), length);
}

/* Bytes of a page of each side, which these do not share. */
static int copy_piece(phys_addr_t address, phys_addr_t original, u64 length, struct iomd *md,
		      u64 offset, bool to_md)
{
	if (!iomd_is_ram(md, offset, original, length))
		return copy_foreign(address, length, md, offset, to_md);
	if (to_md)
		copy_ram(original, address, length);
	else
		copy_ram(address, original, length);
	return 0;
}

static u64 left_in_page(phys_addr_t address)
{
	return PAGE_SIZE - offset_in_page(address);
}

/*
 * The class is asked, and not the descriptor: it is in use, and what was prepared of it
 * stays, but a buffer may describe less of that by now.
 */
static int bounce_copy_segment(phys_addr_t address, u64 length, struct iomd *md, u64 offset,
			       bool to_md, bool may_sleep)
{
	const struct iomd_ops *ops = md->ops;
	u64 options = IOMD_MEMORY_SEGMENT_LOCAL | (to_md ? IOMD_MEMORY_SEGMENT_WRITE : 0);
	int ret = 0;
	u64 bytes;

	for (; length && !ret; length -= bytes) {
		phys_addr_t original = ops->get_physical_segment(md, offset, &bytes, options);

		bytes = min(bytes, length);
		if (!bytes)
			return -EIO;
		if (original != address) {
			bytes = min3(bytes, left_in_page(address), left_in_page(original));
			ret = copy_piece(address, original, bytes, md, offset, to_md);
			if (may_sleep)
				cond_resched();
		}
		address += bytes;
		offset += bytes;
	}
	return ret;
}

int iomd_bounce_copy(struct iomd *bounce, u64 bounce_offset, struct iomd *md, u64 offset,
		     u64 length, bool to_md, bool may_sleep)
{
	struct iomd_segment_iter iter;
	int ret;

	iomd_for_each_segment(iter, bounce, bounce_offset, length) {
		ret = bounce_copy_segment(iter.address, iter.length, md,
					  offset + (iter.offset - bounce_offset), to_md, may_sleep);
		if (ret)
			return ret;
	}
	return iter.offset < bounce_offset + length ? -EIO : 0;
}
