// SPDX-License-Identifier: GPL-2.0
/*
 * Where a descriptor's memory is: out of the list that its class published, without
 * a lock, or from the class.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include "../segments/segments.h"
#include "descriptor.h"
#include "list.h"

static noinline phys_addr_t ask_class(struct iomd *md, u64 offset, u64 *length, u64 options)
{
	return iomd_ask_class(md, offset, length, options);
}

static noinline phys_addr_t ask_for_address(struct iomd *md, u64 offset, u64 options)
{
	u64 unused;

	return ask_class(md, offset, &unused, options);
}

/* Most are asked for one segment after the other: is it for the next one of a list? */
static __always_inline bool next_segment(struct iomd *md, u64 offset, u64 *length,
					 phys_addr_t *address)
{
	struct iomd_segment_entry entry;
	struct iomd_segment_index *index;
	u64 end = 0, skip;
	u32 generation;
	bool found;

	preempt_disable();
	index = iomd_look(md, &generation);
	found = likely(index);
	if (found) {
		end = READ_ONCE(md->length);
		found = likely(offset < end) && iomd_segments_find_next(index, offset, &entry) &&
			iomd_is_same(md, generation);
	}
	preempt_enable();
	if (!found)
		return false;
	skip = offset - entry.start;
	/* A buffer has more than it describes, perhaps. */
	*length = min_t(u64, entry.length - skip, end - offset);
	*address = iomd_segment_entry_address(&entry) + skip;
	return true;
}

/**
 * iomd_get_physical_segment() - address and length of contiguous memory
 * @md: descriptor, prepared, by whomever, unless it is physical
 * @offset: of a byte in it
 * @length: set to the bytes that are contiguous from there, 0 if there are none;
 *	may be NULL
 * @options: 0, IOMD_MEMORY_MAPPER_NONE, or IOMD_MEMORY_SEGMENT_WRITE: refuse
 *	memory that is prepared for OUT only; IOMD_MEMORY_SEGMENT_LOCAL: refuse
 *	another machine's; or IOMD_MEMORY_SEGMENT_SOURCE: tell the range that was
 *	described instead, prepared or not
 *
 * The segment is as long as the class can vouch for; it may reach beyond what was
 * contiguous for the caller's purposes. IOKit:
 * IOMemoryDescriptor::getPhysicalSegment.
 *
 * Return: the CPU's physical address of the byte. 0 with *@length 0 if @offset is
 * not inside or the memory is not prepared; 0 alone is a valid address.
 * Context: any, hard IRQ included. A caller that holds a preparation gets the same
 * answer as long as it does; for others it is right at some moment of the call.
 */
phys_addr_t iomd_get_physical_segment(struct iomd *md, u64 offset, u64 *length, u64 options)
{
	phys_addr_t address;

	if (unlikely(!length))
		return ask_for_address(md, offset, options);
	if (likely(!options && next_segment(md, offset, length, &address)))
		return address;
	return ask_class(md, offset, length, options);
}
IOMD_EXPORT(iomd_get_physical_segment);

/**
 * iomd_get_physical_address() - physical address of the first byte
 * @md: descriptor, prepared unless it is physical
 *
 * IOKit: IOMemoryDescriptor::getPhysicalAddress.
 *
 * Return: the address, or 0 if there is none.
 * Context: any, hard IRQ included.
 */
phys_addr_t iomd_get_physical_address(struct iomd *md)
{
	return iomd_get_physical_segment(md, 0, NULL, 0);
}
IOMD_EXPORT(iomd_get_physical_address);

/* In the list that the class published, unless the class must be asked. */
static __always_inline bool seek_in_list(struct iomd *md, struct iomd_segment_iter *iter)
{
	u64 left = iter->end - iter->offset, skip;
	struct iomd_segment_index *index;
	struct iomd_segment_entry entry;
	struct scatterlist *sg;
	u32 generation;
	bool same;

	if (iter->options & IOMD_MEMORY_SEGMENT_SOURCE)
		return false;
	do {
		preempt_disable();
		index = iomd_look(md, &generation);
		if (!index || ((iter->options & IOMD_MEMORY_SEGMENT_WRITE) &&
			       READ_ONCE(md->prepared_read_only))) {
			preempt_enable();
			return false;
		}
		/* Most walks begin with the first one. */
		sg = iter->offset ? iomd_segments_find(index, iter->offset) : index->first;
		entry = iomd_segments_read(sg);
		same = iomd_is_same(md, generation);
		preempt_enable();
	} while (unlikely(!same));
	skip = iter->offset - entry.start;
	iter->sg = sg;
	iter->address = iomd_segment_entry_address(&entry) + skip;
	iter->length = min_t(u64, entry.length - skip, left);
	iter->window = left - iter->length;
	iter->generation = generation;
	iter->present = &md->generation;
	return true;
}

static const u32 no_generation;

static __always_inline bool seek_in_any(struct iomd *md, struct iomd_segment_iter *iter)
{
	return likely(seek_in_list(md, iter)) || (md->ops->seek && md->ops->seek(md, iter));
}

bool iomd_seek(struct iomd *md, struct iomd_segment_iter *iter)
{
	return seek_in_any(md, iter);
}

/* Inline, as most walks are short, and begin with it. */
static __always_inline void iter_seek(struct iomd_segment_iter *iter)
{
	struct iomd *md = iter->md;
	u64 left = iter->end - iter->offset;

	iter->window = 0;
	iter->sg = NULL;
	/* Of a class whose list never changes, if it has one. */
	iter->generation = 0;
	iter->present = &no_generation;
	if (!left) {
		iter->length = 0;
		return;
	}
	if (seek_in_any(md, iter))
		return;
	iter->address = md->ops->get_physical_segment(md, iter->offset, &iter->length,
						      iter->options);
	iter->length = min(iter->length, left);
}

/**
 * iomd_segment_iter_seek() - place an iterator at its offset
 * @iter: iterator with its descriptor, offset and end
 *
 * Context: any, hard IRQ included.
 */
void iomd_segment_iter_seek(struct iomd_segment_iter *iter)
{
	iter_seek(iter);
}
IOMD_EXPORT(iomd_segment_iter_seek);

/**
 * iomd_segment_iter_init() - start a walk
 * @iter: iterator
 * @md: descriptor, prepared unless it is physical
 * @offset: first byte
 * @length: bytes; what lies beyond the end is left out
 * @options: see iomd_get_physical_segment()
 *
 * Context: any, hard IRQ included.
 */
void iomd_segment_iter_init(struct iomd_segment_iter *iter, struct iomd *md,
			    u64 offset, u64 length, u64 options)
{
	u64 end;

	if (check_add_overflow(offset, length, &end) || end > md->length)
		end = md->length;
	iter->md = md;
	iter->offset = min(offset, end);
	iter->end = end;
	iter->options = options;
	iter_seek(iter);
}
IOMD_EXPORT(iomd_segment_iter_init);

/* Sum over the runs that the class can tell of, each rounded out to pages. */
static u64 generic_dma_map_length(struct iomd *md, u64 *offset)
{
	u64 at = 0, bytes = 0, length;

	*offset = 0;
	while (at < md->length) {
		u64 address = iomd_get_physical_segment(md, at, &length,
							IOMD_MEMORY_SEGMENT_SOURCE);

		length = min(length, md->length - at);
		if (!length)
			break;
		if (!at)
			*offset = address & (PAGE_SIZE - 1);
		bytes += round_up((address & (PAGE_SIZE - 1)) + length, PAGE_SIZE);
		at += length;
	}
	return bytes ?: md->length;
}

/**
 * iomd_get_dma_map_length() - device address space that a full mapping needs
 * @md: descriptor, prepared or not
 * @offset: set to where in its page the memory starts; may be NULL
 *
 * IOKit: IOMemoryDescriptor::getDMAMapLength.
 *
 * Return: bytes, each piece that is contiguous where it was described being
 * rounded out to pages of its own.
 * Context: any.
 */
u64 iomd_get_dma_map_length(struct iomd *md, u64 *offset)
{
	u64 unused;

	if (!offset)
		offset = &unused;
	if (md->ops->get_dma_map_length)
		return md->ops->get_dma_map_length(md, offset);
	return generic_dma_map_length(md, offset);
}
IOMD_EXPORT(iomd_get_dma_map_length);
