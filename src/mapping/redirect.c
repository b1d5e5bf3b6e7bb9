// SPDX-License-Identifier: GPL-2.0
/*
 * Changing what user mappings show, without their user noticing more than a wait.
 * A kernel mapping can't be made to wait, so it is never redirected.
 */
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../desc/descriptor.h"
#include "mapping.h"
#include "user.h"
#include "view.h"

static void set_blocked(struct iomd_mapping *mapping, bool block)
{
	struct iomd_view *view = mapping->view;

	inode_lock(&view->inode);
	if (view->mapping) {
		iomd_view_block(view, block);
		if (block)
			iomd_view_zap(view);
	}
	inode_unlock(&view->inode);
}

/* What @mapping would be of @memory; wired on success. */
static int prepare_other(struct iomd_mapping *other, const struct iomd_mapping *mapping,
			 struct iomd *memory, u64 offset)
{
	phys_addr_t address;
	u64 end, length;
	int ret;

	if (check_add_overflow(offset, mapping->length, &end) || end > iomd_get_length(memory))
		return -EINVAL;
	*other = (struct iomd_mapping) {
		.md = memory,
		.memory = memory,
		.options = mapping->options,
		.offset = offset,
		.length = mapping->length,
		.in_page = mapping->in_page,
	};
	ret = iomd_mapping_wire(other);
	if (ret)
		return ret;
	address = iomd_get_physical_segment(memory, offset, &length, 0);
	ret = length && offset_in_page(address) != mapping->in_page ? -EINVAL :
	      iomd_mapping_check_runs(other);
	if (ret)
		iomd_mapping_unwire(other);
	return ret;
}

/* Show @other's memory; what was shown is in @other afterwards. */
static void exchange(struct iomd_mapping *mapping, struct iomd_mapping *other)
{
	inode_lock(&mapping->view->inode);
	swap(mapping->md, other->md);
	swap(mapping->memory, other->memory);
	swap(mapping->offset, other->offset);
	swap(mapping->wired, other->wired);
	iomd_view_zap(mapping->view);
	iomd_view_block(mapping->view, false);
	inode_unlock(&mapping->view->inode);
}

static int redirect_to(struct iomd_mapping *mapping, struct iomd *memory, u64 offset)
{
	struct iomd_mapping other;
	int ret;

	ret = prepare_other(&other, mapping, memory, offset);
	if (ret)
		return ret;
	iomd_remove_mapping(mapping->md, mapping);
	iomd_retain(memory);
	iomd_retain(memory);
	exchange(mapping, &other);
	iomd_add_mapping(mapping->md, mapping);
	iomd_mapping_unwire(&other);
	iomd_release(other.memory);
	iomd_release(other.md);
	return 0;
}

/**
 * iomd_mapping_redirect() - let a user mapping show other memory
 * @mapping: made with IOMD_MAP_UNIQUE
 * @new_memory: what it shows from now on; NULL: nothing, and who touches it waits,
 *	killable, until it shows memory again
 * @options: 0
 * @offset: in @new_memory, of what the mapping's first byte shows
 *
 * The change is atomic for those who look. The mapping belongs to @new_memory
 * afterwards. IOKit: IOMemoryMap::redirect.
 *
 * Return: 0, also if it is unmapped already; or, with nothing changed: -EOPNOTSUPP
 * for a kernel mapping; -EINVAL if it is not unique, for options, or if
 * @new_memory is too short, its pieces don't meet at page borders, or its place in
 * its page is another; -EOPNOTSUPP for a cache mode that @new_memory can't have;
 * else as iomd_prepare().
 * Context: may sleep.
 */
int iomd_mapping_redirect(struct iomd_mapping *mapping, struct iomd *new_memory, u64 options,
			  u64 offset)
{
	int ret = 0;

	if (options)
		return -EINVAL;
	if (iomd_mapping_is_kernel(mapping))
		return -EOPNOTSUPP;
	if (!(mapping->options & IOMD_MAP_UNIQUE))
		return -EINVAL;
	mutex_lock(&mapping->lock);
	if (!mapping->address || !mapping->view)
		;
	else if (!new_memory)
		set_blocked(mapping, true);
	else if (new_memory == mapping->md && offset == mapping->offset)
		set_blocked(mapping, false);
	else
		ret = redirect_to(mapping, new_memory, offset);
	mutex_unlock(&mapping->lock);
	return ret;
}
IOMD_EXPORT(iomd_mapping_redirect);

static bool is_affected(const struct iomd_mapping *mapping, const struct task_struct *safe_task)
{
	return READ_ONCE(mapping->address) && !(mapping->options & IOMD_MAP_STATIC) &&
	       mapping->task != safe_task;
}

/* References to the mappings of @md; their number, or an errno. */
static int collect(struct iomd *md, struct iomd_mapping ***list)
{
	unsigned int room = 0, count = 0;
	struct iomd_mapping *mapping;
	unsigned long irq;

	spin_lock_irqsave(&md->lock, irq);
	list_for_each_entry(mapping, &md->mappings, link)
		room++;
	spin_unlock_irqrestore(&md->lock, irq);
	if (iomd_should_fail())
		return -ENOMEM;
	*list = kvmalloc_array(room ?: 1, sizeof(**list), GFP_KERNEL);
	if (!*list)
		return -ENOMEM;
	spin_lock_irqsave(&md->lock, irq);
	list_for_each_entry(mapping, &md->mappings, link)
		if (count < room && os_object_try_retain(&mapping->object))
			(*list)[count++] = mapping;
	spin_unlock_irqrestore(&md->lock, irq);
	return count;
}

static int redirect_all(struct iomd_mapping **list, int count, struct task_struct *safe_task,
			bool redirect)
{
	int i;

	for (i = 0; i < count; i++)
		if (is_affected(list[i], safe_task) && iomd_mapping_is_kernel(list[i]))
			return -EOPNOTSUPP;
	for (i = 0; i < count; i++)
		if (is_affected(list[i], safe_task) && list[i]->view)
			set_blocked(list[i], redirect);
	return 0;
}

/**
 * iomd_redirect() - let all who touch mappings of a descriptor wait
 * @md: descriptor
 * @safe_task: whose mappings go on to show the memory; may be NULL
 * @redirect: true: wait, killable; false: go on
 *
 * IOKit: IOMemoryDescriptor::redirect.
 *
 * Return: 0; -EOPNOTSUPP, with nothing changed, if the kernel is not the safe task
 * and has a mapping of its own; -ENOMEM.
 * Context: may sleep.
 */
int iomd_redirect(struct iomd *md, struct task_struct *safe_task, bool redirect)
{
	struct iomd_mapping **list;
	unsigned long irq;
	int count, ret;

	if (md->ops->redirect)
		return md->ops->redirect(md, safe_task, redirect);
	count = collect(md, &list);
	if (count < 0)
		return count;
	ret = redirect_all(list, count, safe_task, redirect);
	if (!ret) {
		spin_lock_irqsave(&md->lock, irq);
		if (redirect)
			md->flags |= IOMD_MEMORY_REDIRECTED;
		else
			md->flags &= ~IOMD_MEMORY_REDIRECTED;
		spin_unlock_irqrestore(&md->lock, irq);
	}
	while (count--)
		iomd_mapping_release(list[count]);
	kvfree(list);
	return ret;
}
IOMD_EXPORT(iomd_redirect);
