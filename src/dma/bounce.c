// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../debug/inject.h"
#include "../desc/general.h"
#include "../desc/ram.h"
#include "../source/source.h"
#include "bounce.h"
#include "limits.h"

/* Contiguous memory that is asked for first, where a page would do. */
#define CHUNK_ORDER	4

struct chunk {
	struct page *page;
	unsigned int order;
};

struct iomd_bounce {
	struct iomd_general general;
	struct chunk *chunks;
	u32 count;
};

/* What is known while one is made. */
struct builder {
	struct iomd_bounce *bounce;
	struct iomd_address_range *ranges;
	u32 count;
	u64 last;
	unsigned int zone;
};

static void bounce_free(struct os_object *object)
{
	struct iomd_bounce *bounce = container_of(object, struct iomd_bounce,
						  general.md.object);

	while (bounce->count--)
		__free_pages(bounce->chunks[bounce->count].page,
			     bounce->chunks[bounce->count].order);
	kvfree(bounce->chunks);
}

struct os_meta_class iomd_bounce_meta_class = {
	.name = "iomd_bounce",
	.size = sizeof(struct iomd_bounce),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
	.free = bounce_free,
};

static void *alloc_array(u64 count, size_t size)
{
	if (count > U32_MAX || iomd_should_fail())
		return NULL;
	return kvmalloc_array(count, size, GFP_KERNEL_ACCOUNT);
}

static int begin(struct builder *builder, u64 ranges, u64 chunks, u64 last)
{
	struct iomd_bounce *bounce = os_object_alloc(&iomd_bounce_meta_class);

	if (!bounce)
		return -ENOMEM;
	bounce->chunks = alloc_array(chunks, sizeof(*bounce->chunks));
	builder->ranges = bounce->chunks ? alloc_array(ranges, sizeof(*builder->ranges)) : NULL;
	if (!builder->ranges) {
		os_object_release(&bounce->general.md.object);
		return -ENOMEM;
	}
	builder->bounce = bounce;
	builder->count = 0;
	builder->last = last;
	builder->zone = 0;
	return 0;
}

static struct iomd *finish(struct builder *builder, u64 length, u64 direction, int ret)
{
	struct iomd_general *general = &builder->bounce->general;

	if (!ret)
		ret = iomd_extents_init(&general->extents, builder->ranges, builder->count);
	kvfree(builder->ranges);
	if (ret) {
		os_object_release(&general->md.object);
		return ERR_PTR(ret);
	}
	iomd_general_init(general, &iomd_source_physical, length,
			  direction | IOMD_MEMORY_TYPE_PHYSICAL);
	return &general->md;
}

/*
 * Zeroed memory up to the last address. A zone says but roughly where its memory is:
 * one that has given memory too high is not asked again.
 */
static struct page *alloc_below(struct builder *builder, unsigned int order, gfp_t effort)
{
	static const gfp_t zones[] = { 0, __GFP_DMA32, __GFP_DMA };
	struct page *page;

	for (; builder->zone < ARRAY_SIZE(zones); builder->zone++) {
		page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | effort |
				   zones[builder->zone], order);
		if (!page)
			return NULL;
		if (page_to_phys(page) + (PAGE_SIZE << order) - 1 <= builder->last)
			return page;
		__free_pages(page, order);
	}
	return NULL;
}

static struct chunk *add_chunk(struct builder *builder, unsigned int order,
			       unsigned int least_order)
{
	struct chunk *chunk = &builder->bounce->chunks[builder->bounce->count];

	if (iomd_should_fail())
		return NULL;
	for (;; order--) {
		chunk->page = alloc_below(builder, order, order > least_order ? __GFP_NORETRY :
								__GFP_RETRY_MAYFAIL);
		if (chunk->page)
			break;
		if (order <= least_order)
			return NULL;
	}
	chunk->order = order;
	builder->bounce->count++;
	return chunk;
}

static void append(struct builder *builder, u64 address, u64 length)
{
	builder->ranges[builder->count].address = address;
	builder->ranges[builder->count].length = length;
	builder->count++;
}

struct iomd *iomd_bounce_whole(u64 length, u64 direction, const struct iomd_limits *limits)
{
	u32 alignment = max3(limits->alignment, limits->inner_alignment,
			     limits->length_alignment);
	unsigned int least_order = get_order(alignment), order;
	u64 left, bytes, count = DIV_ROUND_UP_ULL(length, PAGE_SIZE << least_order);
	struct builder builder;
	struct chunk *chunk;
	int ret;

	ret = begin(&builder, count, count, limits->last);
	if (ret)
		return ERR_PTR(ret);
	for (left = length; left; left -= bytes) {
		order = min_t(unsigned int, CHUNK_ORDER, get_order(left));
		chunk = add_chunk(&builder, max(order, least_order), least_order);
		if (!chunk) {
			ret = -ENOMEM;
			break;
		}
		bytes = min_t(u64, left, PAGE_SIZE << chunk->order);
		append(&builder, page_to_phys(chunk->page), bytes);
	}
	return finish(&builder, length, direction, ret);
}

/* Bytes of a segment that need no page instead. */
static u64 within(phys_addr_t address, u64 length, u64 last)
{
	if (address > last)
		return 0;
	return min(length - 1, last - address) + 1;
}

static void count_sparse(struct iomd *md, u64 offset, u64 length, u64 last, u64 *ranges,
			 u64 *pages)
{
	struct iomd_segment_iter iter;

	*ranges = 0;
	*pages = 0;
	iomd_for_each_segment(iter, md, offset, length) {
		u64 good = within(iter.address, iter.length, last);

		*ranges += !!good;
		if (good < iter.length)
			*pages += PHYS_PFN(iter.address + iter.length - 1) -
				  PHYS_PFN(iter.address + good) + 1;
	}
	*ranges += *pages;
}

/* A page for each that a segment touches, at the same place in it. */
static int replace(struct builder *builder, phys_addr_t address, u64 length)
{
	while (length) {
		struct chunk *chunk = add_chunk(builder, 0, 0);
		u64 bytes = min_t(u64, length, PAGE_SIZE - offset_in_page(address));

		if (!chunk)
			return -ENOMEM;
		append(builder, page_to_phys(chunk->page) + offset_in_page(address), bytes);
		address += bytes;
		length -= bytes;
	}
	return 0;
}

struct iomd *iomd_bounce_sparse(struct iomd *md, u64 offset, u64 length, u64 direction,
				u64 last)
{
	struct iomd_segment_iter iter;
	struct builder builder;
	u64 ranges, pages;
	int ret;

	count_sparse(md, offset, length, last, &ranges, &pages);
	ret = begin(&builder, ranges, pages, last);
	if (ret)
		return ERR_PTR(ret);
	iomd_for_each_segment(iter, md, offset, length) {
		u64 good = within(iter.address, iter.length, last);

		if (good)
			append(&builder, iter.address, good);
		ret = replace(&builder, iter.address + good, iter.length - good);
		if (ret)
			break;
	}
	return finish(&builder, length, direction, ret);
}

/* Contiguous memory that the descriptor does not share. */
static int copy_run(phys_addr_t address, u64 length, struct iomd *md, u64 offset, bool to_md)
{
	while (length) {
		u64 done, bytes = min_t(u64, length, PAGE_SIZE - offset_in_page(address));
		void *page;

		if (!iomd_is_ram(address))
			return -EIO;
		page = kmap_local_page(pfn_to_page(PHYS_PFN(address)));
		if (to_md)
			done = iomd_write_bytes(md, offset, page + offset_in_page(address), bytes);
		else
			done = iomd_read_bytes(md, offset, page + offset_in_page(address), bytes);
		kunmap_local(page);
		if (done < bytes)
			return -EIO;
		address += bytes;
		offset += bytes;
		length -= bytes;
		cond_resched();
	}
	return 0;
}

static int copy_segment(phys_addr_t address, u64 length, struct iomd *md, u64 offset,
			bool to_md)
{
	u64 bytes;
	int ret;

	for (; length; length -= bytes) {
		phys_addr_t original = iomd_get_physical_segment(md, offset, &bytes, 0);

		bytes = min(bytes, length);
		if (!bytes)
			return -EIO;
		if (original != address) {
			ret = copy_run(address, bytes, md, offset, to_md);
			if (ret)
				return ret;
		}
		address += bytes;
		offset += bytes;
	}
	return 0;
}

int iomd_bounce_copy(struct iomd *bounce, u64 bounce_offset, struct iomd *md, u64 offset,
		     u64 length, bool to_md)
{
	struct iomd_segment_iter iter;
	int ret;

	iomd_for_each_segment(iter, bounce, bounce_offset, length) {
		ret = copy_segment(iter.address, iter.length, md,
				   offset + (iter.offset - bounce_offset), to_md);
		if (ret)
			return ret;
	}
	return iter.offset < bounce_offset + length ? -EIO : 0;
}
