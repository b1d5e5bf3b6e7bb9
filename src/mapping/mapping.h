/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_MAPPING_H
#define IOMD_MAPPING_MAPPING_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>

#include <iomd/mapping.h>
#include <iomd/object.h>

struct file;
struct iomd_listed;
struct iomd_view;
struct mm_struct;
struct task_placement;
struct vm_area_struct;

struct iomd_mapping {
	struct os_object object;
	/* On whose list it is; held. Redirecting changes it. */
	struct iomd *md;
	struct list_head link;
	/* Who made its place, and takes it down, if @md did not; held. */
	struct iomd *maker;
	/* Among those that may be shared, if it may. */
	struct rb_node shared;
	/* Guarded by @md's mappings_lock: of redirecting, that visited it last. */
	unsigned int round;
	/* What it shows: @md, or a snapshot of it. Held. */
	struct iomd *memory;
	/* Of which it is a part, if it has no place of its own. Held. */
	struct iomd_mapping *super;
	u64 options;
	/* The mode of device memory, where none was asked for. */
	u64 cache_mode;
	u64 offset;
	u64 length;
	/* Where in its page the first byte is; inaccessible pages on either side. */
	unsigned int in_page;
	unsigned int guard_pages;
	struct task_struct *task;
	struct mm_struct *mm;
	/* Where it is wanted, unless it may be anywhere. */
	unsigned long at_address;
	/* guards what follows, once others can see the mapping */
	struct mutex lock;
	/* 0 until it has its place, and once unmapped */
	unsigned long address;
	/* It has a place that nobody has taken from it. */
	bool placed;
	/* The place is what do_map made, not known from elsewhere. */
	bool own_place;
	/* The task has unmapped or moved some of it: it can't be shared any more. */
	bool torn;
	/* The request came to @md itself, and not to a part of it. */
	bool direct;
	/* Its task has let go of it, last as far as we know: it may have the addresses back. */
	bool given_up;
	/* Is the memory prepared, and kept so, by this mapping? */
	bool prepared;
	/* How to end it: one of these, or none if the address is not ours. */
	void *vmap_base;
	void __iomem *io_base;
	struct iomd_view *view;
	/* Runs from the first one on that are reserved for write-combining. */
	unsigned int reserved;
	/* While it is made: the first segment of memory that is in one list. */
	const struct iomd_listed *listed;
	/* While it is made: the VMA that somebody is setting up for it; see lend.h. */
	struct vm_area_struct *given;
	/* Whose memory that is for as long as it lives, so not less long than this. Held. */
	struct file *lender;
	/* While its page tables are filled at once. */
	struct vm_area_struct *being_filled;
	/* While a worker places it, and until its end if nobody waited for that; see task.c. */
	struct task_placement *placement;
};

/* Pages of address space that it takes, without its guards. */
static inline u64 iomd_mapping_pages(const struct iomd_mapping *mapping)
{
	return (mapping->in_page + mapping->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Where in the memory its @page begins, or the mapping itself. */
static inline u64 iomd_run_offset(const struct iomd_mapping *mapping, u64 page)
{
	return mapping->offset + (page ? page * PAGE_SIZE - mapping->in_page : 0);
}

static inline bool iomd_mapping_is_kernel(const struct iomd_mapping *mapping)
{
	return !mapping->mm;
}

void iomd_mapping_place(struct iomd_mapping *mapping, unsigned long address, bool own);
int iomd_mapping_prepare(struct iomd_mapping *mapping);
void iomd_mapping_complete(struct iomd_mapping *mapping);

#endif
