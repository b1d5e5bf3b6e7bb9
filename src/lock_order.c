// SPDX-License-Identifier: GPL-2.0
/*
 * For kernels that watch the order of locks: each of ours is taken once while the
 * module is loaded, in the order that Documentation/overview.rst gives. Whoever takes
 * two of them the other way round is found out then, and not only when two such tasks
 * meet.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <iomd/iomd.h>

#include "desc/general.h"
#include "lock_order.h"
#include "mapping/mapping.h"
#include "mapping/view.h"
#include "source/shmem.h"

/* Where memory is allocated, the kernel may come by what it reclaims for that. */
static void lock_order_allocate(void)
{
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
}

static void take_spinlocks(struct iomd_general *general)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&general->md.lock, irq);
	raw_spin_unlock_irqrestore(&general->md.lock, irq);
	raw_spin_lock_irqsave(&general->prepares.lock, irq);
	raw_spin_unlock_irqrestore(&general->prepares.lock, irq);
}

/* What a prepare, or the end of one, takes. */
static void take_source(struct iomd_general *general)
{
	struct iomd_shmem *shmem = general->backing.data;

	mutex_lock(&shmem->lock);
	lock_order_allocate();
	mutex_lock(&shmem->owner.lock);
	take_spinlocks(general);
	mutex_unlock(&shmem->owner.lock);
	mutex_unlock(&shmem->lock);
}

static void lock_order_fault(struct iomd_view *view, struct iomd_general *general)
{
	if (!current->mm)
		return;
	mmap_read_lock(current->mm);
	inode_lock_shared(&view->inode);
	lock_order_allocate();
	take_spinlocks(general);
	inode_unlock_shared(&view->inode);
	mmap_read_unlock(current->mm);
}

static void change_mapping(struct iomd_mapping *mapping, struct iomd_general *general)
{
	mutex_lock(&mapping->lock);
	inode_lock(&mapping->view->inode);
	mutex_lock(&general->md.mappings_lock);
	mutex_unlock(&general->md.mappings_lock);
	lock_order_allocate();
	take_spinlocks(general);
	inode_unlock(&mapping->view->inode);
	mutex_unlock(&mapping->lock);
	take_source(general);
}

/* A copy, which is a buffer, comes and goes. */
static void use_command(struct iomd_dma_command *command, struct iomd_general *general)
{
	mutex_lock(&command->lock);
	take_source(general);
	mutex_unlock(&command->lock);
}

/* The locks around those of a mapping and of a source, which these calls take. */
static int take_outer_locks(struct iomd *md)
{
	int ret;

	os_object_barrier();
	ret = iomd_buffer_set_length(md, 0);
	if (ret)
		return ret;
	if (!iomd_buffer_append_bytes(md, "", 1))
		return -EIO;
	ret = iomd_redirect(md, IOMD_KERNEL_TASK, true);
	return ret ?: iomd_redirect(md, IOMD_KERNEL_TASK, false);
}

static int lock_order_prime(struct iomd *md, struct iomd_mapping *mapping,
			    struct iomd_dma_command *command)
{
	static const struct file_operations fops = { .owner = THIS_MODULE };
	struct iomd_general *general = iomd_to_general(md);
	struct file *file;
	int ret;

	ret = take_outer_locks(md);
	if (ret)
		return ret;
	/* The last thing that may fail: the file goes only after the module's initialisation. */
	file = iomd_view_create(mapping, &fops);
	if (IS_ERR(file))
		return PTR_ERR(file);
	lock_order_fault(mapping->view, general);
	change_mapping(mapping, general);
	use_command(command, general);
	iomd_view_revoke(mapping->view);
	fput(file);
	return 0;
}

int iomd_prime_lock_order(void)
{
	struct iomd_dma_command *command;
	struct iomd_mapping *mapping;
	struct iomd *md;
	int ret;

	md = iomd_buffer_with_options(IOMD_DIRECTION_OUT_IN | IOMD_MEMORY_PAGEABLE, PAGE_SIZE,
				      PAGE_SIZE);
	if (IS_ERR(md))
		return PTR_ERR(md);
	mapping = iomd_map(md, IOMD_MAP_UNIQUE);
	command = iomd_dma_command_with_ref_con(NULL);
	ret = PTR_ERR_OR_ZERO(mapping) ?: PTR_ERR_OR_ZERO(command);
	if (!ret)
		ret = lock_order_prime(md, mapping, command);
	if (!IS_ERR(command))
		iomd_dma_command_release(command);
	if (!IS_ERR(mapping))
		iomd_mapping_release(mapping);
	iomd_release(md);
	return ret;
}
