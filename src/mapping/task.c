// SPDX-License-Identifier: GPL-2.0
/*
 * A VMA in any live task. Only a kernel thread may step into an address space
 * that is not its own, so a worker does it for us there; it works with its own
 * credentials and limits, so that the target's limit is checked here.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include <iomd/types.h>

#include "../debug/inject.h"
#include "mapping.h"
#include "user.h"

struct placement {
	struct work_struct work;
	struct iomd_mapping *mapping;
	struct file *file;
	unsigned long address;
	unsigned long length;
};

static unsigned long place(struct iomd_mapping *mapping, struct file *file,
			   unsigned long address, unsigned long length, unsigned long flags)
{
	unsigned long prot = PROT_READ;

	if (!(mapping->options & IOMD_MAP_READ_ONLY))
		prot |= PROT_WRITE;
	if (!(mapping->options & IOMD_MAP_ANYWHERE))
		flags |= MAP_FIXED_NOREPLACE;
	return vm_mmap(file, address, length, prot, flags | MAP_SHARED, 0);
}

/* The worker's pointers are long ones; the task's may not be. */
static unsigned long flags_for(const struct mm_struct *mm)
{
#ifdef MAP_32BIT
	if (mm->task_size <= BIT_ULL(32))
		return MAP_32BIT;
#endif
	return 0;
}

static void place_in_worker(struct work_struct *work)
{
	struct placement *placement = container_of(work, struct placement, work);
	struct mm_struct *mm = placement->mapping->mm;
	unsigned long address;

	kthread_use_mm(mm);
	address = place(placement->mapping, placement->file, placement->address,
			placement->length, flags_for(mm));
	if (!IS_ERR_VALUE(address) && address + placement->length > mm->task_size) {
		vm_munmap(address, placement->length);
		address = -ENOMEM;
	}
	kthread_unuse_mm(mm);
	placement->address = address;
}

unsigned long iomd_task_mmap(struct iomd_mapping *mapping, struct file *file,
			     unsigned long address, unsigned long length)
{
	struct placement placement = {
		.mapping = mapping,
		.file = file,
		.address = address,
		.length = length,
	};
	struct mm_struct *mm = mapping->mm;
	unsigned long limit = task_rlimit(mapping->task, RLIMIT_AS) >> PAGE_SHIFT;

	if (iomd_should_fail())
		return -ENOMEM;
	if (current->mm == mm)
		return place(mapping, file, address, length, 0);
	if (!mmget_not_zero(mm))
		return -ESRCH;
	if (READ_ONCE(mm->total_vm) + (length >> PAGE_SHIFT) > limit) {
		mmput(mm);
		return -ENOMEM;
	}
	INIT_WORK_ONSTACK(&placement.work, place_in_worker);
	queue_work(system_unbound_wq, &placement.work);
	flush_work(&placement.work);
	destroy_work_on_stack(&placement.work);
	mmput(mm);
	return placement.address;
}
