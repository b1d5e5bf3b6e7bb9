// SPDX-License-Identifier: GPL-2.0
/*
 * Making mappings: what is asked for is checked, found among what there is, or
 * made anew.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include <iomd/descriptor.h>
#include <iomd/mapping.h>

#include "../desc/descriptor.h"
#include "../mm/account.h"
#include "vmap.h"
#include "lend.h"
#include "listed.h"
#include "mapping.h"
#include "redirect.h"
#include "snapshot.h"
#include "vma.h"

#define MAP_OPTIONS	(IOMD_MAP_MASK & ~(IOMD_MAP_STATIC | IOMD_MAP_OVERWRITE))
#define SET_OPTIONS	(MAP_OPTIONS & ~(IOMD_MAP_REFERENCE | IOMD_MAP_KEPT_BY_TASK))
/* At least what any address space has; rounding it to pages does not wrap. */
#define MAX_LENGTH	min_t(u64, BIT_ULL(62), ULONG_MAX)

/* Inaccessible memory on either side: a page, or 64 KiB. Both bits count as one page. */
static unsigned int guard_pages(u64 options)
{
	switch (options & IOMD_MAP_GUARDED_MASK) {
	case 0:
		return 0;
	case IOMD_MAP_GUARDED_LARGE:
		return DIV_ROUND_UP(SZ_64K, PAGE_SIZE);
	default:
		return 1;
	}
}

/* A mapping holds the address space, not the task's whole life. */
static int hold_task(struct iomd_mapping *mapping, struct task_struct *task)
{
	int ret = 0;

	if (task == IOMD_KERNEL_TASK)
		get_task_struct(task);
	else
		ret = iomd_account_hold(task, &mapping->mm);
	if (!ret)
		mapping->task = task;
	return ret;
}

static struct iomd_mapping *new_mapping(struct task_struct *task, u64 options)
{
	struct iomd_mapping *mapping = os_object_alloc(&iomd_mapping_meta_class);
	int ret;

	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mutex_init(&mapping->lock);
	INIT_LIST_HEAD(&mapping->link);
	RB_CLEAR_NODE(&mapping->shared);
	mapping->options = options;
	mapping->guard_pages = guard_pages(options);
	ret = hold_task(mapping, task);
	if (ret) {
		iomd_mapping_release(mapping);
		return ERR_PTR(ret);
	}
	return mapping;
}

static void set_range(struct iomd_mapping *mapping, struct iomd *md, u64 offset, u64 length)
{
	mapping->md = iomd_retain(md);
	mapping->memory = iomd_retain(md);
	mapping->offset = offset;
	mapping->length = length;
}

/* Is what @like asks for inside of what @mapping shows? (V20 to V27) */
static bool is_compatible(const struct iomd_mapping *mapping, const struct iomd_mapping *like)
{
	const u64 same = IOMD_MAP_READ_ONLY | IOMD_MAP_GUARDED_MASK | IOMD_MAP_KEPT_BY_TASK;
	unsigned long address = READ_ONCE(mapping->address);
	u64 cache = like->options & IOMD_MAP_CACHE_MASK;

	if (!address || READ_ONCE(mapping->torn) ||
	    ((mapping->options ^ like->options) & same) ||
	    (cache && cache != (iomd_mapping_get_map_options(mapping) & IOMD_MAP_CACHE_MASK)))
		return false;
	if (like->offset < mapping->offset || like->length > mapping->length ||
	    like->offset - mapping->offset > mapping->length - like->length)
		return false;
	return (like->options & IOMD_MAP_ANYWHERE) ||
	       like->at_address == address + (like->offset - mapping->offset);
}

static struct iomd_mapping *mapping_of(struct rb_node *node)
{
	return rb_entry(node, struct iomd_mapping, shared);
}

static int compare_mm(const void *mm, const struct rb_node *node)
{
	unsigned long key = (unsigned long)mm;
	unsigned long other = (unsigned long)rb_entry(node, struct iomd_mapping, shared)->mm;

	return key < other ? -1 : key > other;
}

static bool is_less_by_mm(struct rb_node *node, const struct rb_node *other)
{
	return compare_mm(mapping_of(node)->mm, other) < 0;
}

/*
 * A mapping with one more reference that shows what @like asks for, or NULL. Those of other
 * address spaces, which may be many, are passed over.
 */
static struct iomd_mapping *find_compatible(struct iomd *md, const struct iomd_mapping *like)
{
	struct iomd_mapping *found = NULL;
	struct rb_node *node;

	mutex_lock(&md->mappings_lock);
	rb_for_each(node, like->mm, &md->shared_mappings, compare_mm) {
		if (is_compatible(mapping_of(node), like) &&
		    os_object_try_retain(&mapping_of(node)->object)) {
			found = mapping_of(node);
			break;
		}
		cond_resched();
	}
	mutex_unlock(&md->mappings_lock);
	return found;
}

/* Serve @mapping from @found, whose reference is passed on. */
static struct iomd_mapping *serve_from(struct iomd_mapping *mapping, struct iomd_mapping *found)
{
	struct iomd *memory = iomd_retain(found->memory);

	if (mapping->offset == found->offset && mapping->length == found->length) {
		iomd_release(memory);
		iomd_mapping_release(mapping);
		return found;
	}
	mapping->super = found;
	swap(mapping->memory, memory);
	iomd_release(memory);
	/* It went meanwhile, or will in a moment: then this one has, too. */
	iomd_mapping_place(mapping, iomd_mapping_get_virtual_address(found) +
			   (mapping->offset - found->offset), false);
	mapping->in_page = offset_in_page(mapping->address);
	return mapping;
}

/**
 * iomd_add_mapping() - let a descriptor know a mapping of it
 * @md: descriptor
 * @mapping: of it; may be known already, or NULL. One that is another descriptor's, as a
 *	sub's is its parent's, is left alone.
 *
 * Later requests may share it, unless it was made with IOMD_MAP_UNIQUE. IOKit:
 * IOMemoryDescriptor::addMapping.
 *
 * Context: may sleep.
 */
void iomd_add_mapping(struct iomd *md, struct iomd_mapping *mapping)
{
	if (!mapping)
		return;
	mutex_lock(&md->mappings_lock);
	if (READ_ONCE(mapping->md) != md)
		goto out;
	if (list_empty(&mapping->link))
		list_add_tail(&mapping->link, &md->mappings);
	/* Who shares it may end it: not before it has its place. */
	if (mapping->placed && !mapping->super && !(mapping->options & IOMD_MAP_UNIQUE) &&
	    RB_EMPTY_NODE(&mapping->shared))
		rb_add(&mapping->shared, &md->shared_mappings, is_less_by_mm);
out:
	mutex_unlock(&md->mappings_lock);
}
IOMD_EXPORT(iomd_add_mapping);

/**
 * iomd_remove_mapping() - let a descriptor forget a mapping
 * @md: descriptor that it was added to
 * @mapping: may be forgotten already, or another descriptor's by now, or NULL
 *
 * IOKit: IOMemoryDescriptor::removeMapping.
 *
 * Context: may sleep.
 */
void iomd_remove_mapping(struct iomd *md, struct iomd_mapping *mapping)
{
	if (!mapping)
		return;
	mutex_lock(&md->mappings_lock);
	if (READ_ONCE(mapping->md) != md)
		goto out;
	list_del_init(&mapping->link);
	if (!RB_EMPTY_NODE(&mapping->shared)) {
		rb_erase(&mapping->shared, &md->shared_mappings);
		RB_CLEAR_NODE(&mapping->shared);
	}
out:
	mutex_unlock(&md->mappings_lock);
}
IOMD_EXPORT(iomd_remove_mapping);

/**
 * iomd_base_do_map() - give a mapping its place and fill it, by the segments
 * @md: descriptor that it is of
 * @mapping: see iomd_do_map()
 *
 * What the op of a class that has one may call. IOKit: IOMemoryDescriptor::doMap.
 *
 * Return: see iomd_create_mapping_in_task().
 * Context: may sleep.
 */
int iomd_base_do_map(struct iomd *md, struct iomd_mapping *mapping)
{
	struct iomd_listed first, *listed;
	int ret;

	ret = iomd_mapping_take_snapshot(mapping);
	if (ret)
		return ret;
	ret = iomd_mapping_prepare(mapping);
	if (ret)
		return ret;
	listed = iomd_mapping_look(mapping, &first) ? &first : NULL;
	ret = iomd_mapping_is_kernel(mapping) ? iomd_mapping_map_kernel(mapping, listed) :
						iomd_mapping_map_user(mapping, listed);
	if (ret)
		iomd_mapping_complete(mapping);
	return ret;
}
IOMD_EXPORT(iomd_base_do_map);

/**
 * iomd_do_map() - give a mapping its place and fill it
 * @md: descriptor that it is of
 * @mapping: new mapping, whose range, options and task are set
 *
 * For classes that map their own way: they do so and then tell the place to
 * iomd_mapping_set_address(), or they call iomd_base_do_map(). Undone by
 * iomd_do_unmap(). IOKit: IOMemoryDescriptor::doMap.
 *
 * Return: see iomd_create_mapping_in_task().
 * Context: may sleep.
 */
int iomd_do_map(struct iomd *md, struct iomd_mapping *mapping)
{
	return md->ops->do_map ? md->ops->do_map(md, mapping) : iomd_base_do_map(md, mapping);
}
IOMD_EXPORT(iomd_do_map);

/**
 * iomd_base_do_unmap() - take a mapping out of the place that the base gave it
 * @md: descriptor that it is of
 * @mapping: mapping; may be out already
 *
 * What the op of a class that has one may call. IOKit:
 * IOMemoryDescriptor::doUnmap.
 *
 * Return: 0.
 * Context: may sleep.
 */
int iomd_base_do_unmap(struct iomd *md, struct iomd_mapping *mapping)
{
	iomd_mapping_unmap_kernel(mapping);
	iomd_mapping_unmap_user(mapping);
	return 0;
}
IOMD_EXPORT(iomd_base_do_unmap);

/**
 * iomd_do_unmap() - take a mapping out of its place
 * @md: descriptor that it is of
 * @mapping: that iomd_do_map() gave one
 *
 * Its memory stays prepared until after this. IOKit: IOMemoryDescriptor::doUnmap.
 *
 * Return: 0.
 * Context: may sleep.
 */
int iomd_do_unmap(struct iomd *md, struct iomd_mapping *mapping)
{
	return md->ops->do_unmap ? md->ops->do_unmap(md, mapping) :
				   iomd_base_do_unmap(md, mapping);
}
IOMD_EXPORT(iomd_do_unmap);

/* Give @mapping a place, and let @md know it. */
static int make_anew(struct iomd *md, struct iomd_mapping *mapping, u64 options)
{
	int ret;

	if (options & IOMD_MAP_STATIC) {
		iomd_mapping_place(mapping, mapping->at_address, false);
		iomd_add_mapping(md, mapping);
		return 0;
	}
	ret = iomd_do_map(md, mapping);
	if (ret)
		return ret;
	iomd_add_mapping(md, mapping);
	return iomd_mapping_follow(mapping);
}

/**
 * iomd_base_make_mapping() - find or make what a mapping asks for, in one descriptor
 * @md: descriptor
 * @owner: see iomd_make_mapping()
 * @task: see iomd_make_mapping()
 * @new_map: see iomd_make_mapping()
 * @options: see iomd_make_mapping()
 * @offset: see iomd_make_mapping()
 * @length: see iomd_make_mapping()
 *
 * What the op of a class that has one may call. IOKit:
 * IOMemoryDescriptor::makeMapping.
 *
 * Return: see iomd_make_mapping().
 * Context: may sleep.
 */
struct iomd_mapping *iomd_base_make_mapping(struct iomd *md, struct iomd *owner,
					    struct task_struct *task,
					    struct iomd_mapping *new_map, u64 options,
					    u64 offset, u64 length)
{
	struct iomd_mapping *found = NULL;
	int ret = -ENOENT;

	set_range(new_map, md, offset, length);
	new_map->direct = md == owner;
	if (!(options & (IOMD_MAP_UNIQUE | IOMD_MAP_STATIC)))
		found = find_compatible(md, new_map);
	if (found)
		return serve_from(new_map, found);
	if (!(options & IOMD_MAP_REFERENCE))
		ret = make_anew(md, new_map, options);
	if (ret) {
		iomd_mapping_release(new_map);
		return ERR_PTR(ret);
	}
	return new_map;
}
IOMD_EXPORT(iomd_base_make_mapping);

/**
 * iomd_make_mapping() - find or make what a mapping asks for
 * @md: descriptor
 * @owner: descriptor that the request came to
 * @task: whose address space; the base goes by what is in @new_map
 * @new_map: mapping with task and options, and the address wanted unless it may be
 *	anywhere. Its reference is passed on, or given back.
 * @options: of the request
 * @offset: first byte, in @md
 * @length: bytes
 *
 * For classes that map through another descriptor. IOKit:
 * IOMemoryDescriptor::makeMapping.
 *
 * Return: @new_map, or another that shows the same, or ERR_PTR; see
 * iomd_create_mapping_in_task().
 * Context: may sleep.
 */
struct iomd_mapping *iomd_make_mapping(struct iomd *md, struct iomd *owner,
				       struct task_struct *task, struct iomd_mapping *new_map,
				       u64 options, u64 offset, u64 length)
{
	if (md->ops->make_mapping)
		return md->ops->make_mapping(md, owner, task, new_map, options, offset, length);
	return iomd_base_make_mapping(md, owner, task, new_map, options, offset, length);
}
IOMD_EXPORT(iomd_make_mapping);

static struct iomd_mapping *mapping_create(struct iomd *md, struct task_struct *task,
					   unsigned long at_address, u64 options, u64 offset,
					   u64 length)
{
	u64 end, all = iomd_get_length(md);
	struct iomd_mapping *mapping;

	if (!length)
		length = all;
	if (!task || !length || check_add_overflow(offset, length, &end) || end > all)
		return ERR_PTR(-EINVAL);
	if (length > MAX_LENGTH)
		return ERR_PTR(-ENOMEM);
	if ((iomd_get_flags(md) & IOMD_MEMORY_REMOTE) && !(options & IOMD_MAP_STATIC))
		return ERR_PTR(-ENXIO);
	mapping = new_mapping(task, options);
	if (IS_ERR(mapping))
		return mapping;
	mapping->at_address = at_address;
	return iomd_make_mapping(md, md, task, mapping, options, offset, length);
}

/**
 * iomd_create_mapping_in_task() - show part of a descriptor to a task
 * @md: descriptor; the mapping prepares its memory for itself
 * @task: current, another live task, or IOMD_KERNEL_TASK
 * @at_address: where, unless @options has IOMD_MAP_ANYWHERE: a user address whose
 *	place in its page is the memory's. What is there is never replaced.
 * @options: IOMD_MAP_ANYWHERE; IOMD_MAP_READ_ONLY; a cache mode; IOMD_MAP_UNIQUE:
 *	never shared; IOMD_MAP_REFERENCE: only share; IOMD_MAP_PREFAULT: fill user
 *	page tables now, not at each first touch; IOMD_MAP_GUARDED_SMALL, _LARGE: a
 *	page or 64 KiB on either side that must not be touched, with
 *	IOMD_MAP_ANYWHERE only; IOMD_MAP_KEPT_BY_TASK: the task keeps it, see below
 * @offset: first byte, in @md
 * @length: bytes; 0: the whole descriptor's, with an offset of 0 only
 *
 * A request that asks for what is mapped already, or for a part of it, shares that.
 * Kernel memory is mapped into the kernel already: the mapping tells that address,
 * and its options have IOMD_MAP_STATIC. Device memory is uncached unless a cache
 * mode says otherwise, and the kernel accesses it as __iomem. What a descriptor made
 * with IOMD_MEMORY_MAP_COPY_ON_WRITE shows is a copy, one for all its mappings, taken
 * when the first is made.
 *
 * A user mapping lives until its last reference is released, or iomd_mapping_unmap(),
 * or until the task unmaps all of it or ends. With IOMD_MAP_KEPT_BY_TASK the release does
 * not count: the task has a reference of its own. Children don't get it at fork(). It is
 * of whole pages, so the memory must begin and end at page borders, or be a buffer, whose
 * pages hold nothing else. It is of bare frames: see Documentation/overview.rst for what
 * can't be done with these. The rules of the task hold, whoever calls: its limits, and
 * what its credentials allow. IOKit: IOMemoryDescriptor::createMappingInTask.
 *
 * Return: a mapping with one reference, the caller's, or ERR_PTR: -EINVAL for a
 * range that does not lie inside, unknown options, no task or one without an address
 * space, guards at a fixed address, pieces that don't meet at page borders, memory that
 * a task can't be shown in whole pages, an address whose place in its page is not the
 * memory's, or in the first page, or IOMD_MAP_KEPT_BY_TASK for the kernel; -EACCES
 * if the memory is prepared for OUT only and IOMD_MAP_READ_ONLY is not given;
 * -EEXIST if something is at the address; -ENOENT if there is nothing to share;
 * -ESRCH if the task's address space is gone; -ENXIO for another machine's memory;
 * -EBUSY for the kernel while @md is redirected, or for a task if device memory is
 * mapped with another cache mode (for the kernel -ENOMEM, as ioremap gives no reason);
 * -EOPNOTSUPP for IOMD_MAP_OVERWRITE, a fixed address in the
 * kernel, a cache mode that the memory can't have, kernel mappings of RAM of several
 * modes, or of device memory that is not one piece, or together with RAM, or
 * read-only, or with guards, kernel guards where the architecture can't have them, or a
 * composite of which a part is to be shown as a copy;
 * -ENOMEM, also if the task's RLIMIT_AS is exceeded; -EAGAIN if it locks all that it maps
 * (MCL_FUTURE), and that would be more than its RLIMIT_MEMLOCK; -EINTR if a fatal signal
 * came; else as iomd_prepare(), or what mmap() would say to the task.
 * Context: may sleep, also in a worker that memory reclaim waits for; takes the task's
 * mmap_lock.
 */
struct iomd_mapping *iomd_create_mapping_in_task(struct iomd *md, struct task_struct *task,
						 unsigned long at_address, u64 options,
						 u64 offset, u64 length)
{
	bool guarded = options & IOMD_MAP_GUARDED_MASK;

	if (options & IOMD_MAP_OVERWRITE)
		return ERR_PTR(-EOPNOTSUPP);
	if (options & ~MAP_OPTIONS || (guarded && !(options & IOMD_MAP_ANYWHERE)))
		return ERR_PTR(-EINVAL);
	if ((options & IOMD_MAP_KEPT_BY_TASK) && task == IOMD_KERNEL_TASK)
		return ERR_PTR(-EINVAL);
	return mapping_create(md, task, options & IOMD_MAP_ANYWHERE ? 0 : at_address, options,
			      offset, length);
}
IOMD_EXPORT(iomd_create_mapping_in_task);

/**
 * iomd_map() - show a whole descriptor to the kernel
 * @md: descriptor
 * @options: see iomd_create_mapping_in_task(); IOMD_MAP_ANYWHERE is understood
 *
 * IOKit: IOMemoryDescriptor::map.
 *
 * Return: see iomd_create_mapping_in_task().
 * Context: may sleep.
 */
struct iomd_mapping *iomd_map(struct iomd *md, u64 options)
{
	return iomd_create_mapping_in_task(md, IOMD_KERNEL_TASK, 0, options | IOMD_MAP_ANYWHERE,
					   0, 0);
}
IOMD_EXPORT(iomd_map);

/* As the public way to make one, but for the length, which was looked at before. */
static struct iomd_mapping *mapping_lend(struct iomd *md, struct task_struct *task, u64 length,
					 u64 options, struct file *lender,
					 struct vm_area_struct *vma)
{
	struct iomd_mapping *mapping;

	options |= IOMD_MAP_ANYWHERE | IOMD_MAP_UNIQUE;
	mapping = new_mapping(task, options);
	if (IS_ERR(mapping))
		return mapping;
	mapping->given = vma;
	if (lender)
		mapping->lender = get_file(lender);
	return iomd_make_mapping(md, md, task, mapping, options, 0, length);
}

/**
 * iomd_lend_to_kernel() - show memory to the kernel, where nobody else sees it
 * @md: descriptor, prepared by the caller until after the mapping's end
 * @length: bytes from its start, that it had when it was lent
 * @options: 0 or IOMD_MAP_READ_ONLY
 *
 * Ended by iomd_mapping_release().
 *
 * Return: see iomd_map().
 * Context: may sleep.
 */
struct iomd_mapping *iomd_lend_to_kernel(struct iomd *md, u64 length, u64 options)
{
	return mapping_lend(md, IOMD_KERNEL_TASK, length, options, NULL, NULL);
}

/**
 * iomd_lend_to_vma() - show memory in a VMA of somebody's file
 * @md: descriptor, prepared by the caller for as long as @lender lives
 * @length: bytes from its start, that it had when it was lent
 * @options: 0; or IOMD_MAP_READ_ONLY, with which the VMA is and stays one for reading
 * @lender: file whose mmap() sets up the VMA
 * @vma: shared; it begins at page vm_pgoff of the memory
 *
 * The VMA becomes one of a file of ours, which holds the lender.
 *
 * Return: 0; -EINVAL if the VMA is private or reaches beyond the memory; -EPERM if it
 * is executable; -EACCES if it is for writing and must not be; else see
 * iomd_create_mapping_in_task().
 * Context: an mmap operation, with the task's mmap_lock held for writing.
 */
int iomd_lend_to_vma(struct iomd *md, u64 length, u64 options, struct file *lender,
		     struct vm_area_struct *vma)
{
	struct iomd_mapping *mapping;

	mapping = mapping_lend(md, current, length, options | IOMD_MAP_KEPT_BY_TASK, lender, vma);

	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	/* From here on the VMA's file has it. */
	iomd_mapping_release(mapping);
	return 0;
}

/**
 * iomd_set_mapping() - record a mapping that was made elsewhere
 * @md: descriptor
 * @task: whose addresses
 * @address: where the descriptor's first byte is seen; not verified
 * @options: see iomd_create_mapping_in_task(); not IOMD_MAP_REFERENCE
 *
 * Later requests that ask for the same share it. Nothing is mapped, and nothing
 * unmapped when it ends. IOKit: IOMemoryDescriptor::setMapping.
 *
 * Return: a mapping with one reference, the caller's, or ERR_PTR: -EINVAL for
 * unknown options, no task, no address or an empty descriptor; -ESRCH; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_mapping *iomd_set_mapping(struct iomd *md, struct task_struct *task,
				      unsigned long address, u64 options)
{
	if (!address || options & ~(SET_OPTIONS | IOMD_MAP_STATIC))
		return ERR_PTR(-EINVAL);
	return mapping_create(md, task, address, options | IOMD_MAP_STATIC, 0, 0);
}
IOMD_EXPORT(iomd_set_mapping);

/**
 * iomd_handle_fault() - may a fault be served now?
 * @md: descriptor
 * @mapping: of it, that was touched
 * @offset: in the descriptor
 * @length: bytes
 *
 * For classes that must do something first; the base says yes. Faults of redirected
 * mappings wait before this. IOKit: IOMemoryDescriptor::handleFault.
 *
 * Return: 0; else what the class says, which gives the task SIGBUS.
 * Context: the op is called in a fault, with the task's mmap_lock held. It must neither
 * retain nor release @mapping, which may be about to end.
 */
int iomd_handle_fault(struct iomd *md, struct iomd_mapping *mapping, u64 offset, u64 length)
{
	if (md->ops->handle_fault)
		return md->ops->handle_fault(md, mapping, offset, length);
	return 0;
}
IOMD_EXPORT(iomd_handle_fault);
