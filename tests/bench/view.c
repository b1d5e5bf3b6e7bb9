// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings for the CPU: the kernel's, a user task's at once, and by faults.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <iomd/iomd.h>

#include "job.h"

/*
 * What a kernel mapping costs depends on the gaps between all others, which are not the
 * same in each boot: they are filled, until one mapping after the other lies at the end.
 */
static void *fillers[8192];
static unsigned int filler_count;

int bench_view_init(void)
{
	void *filler, *expected = NULL;
	unsigned int row = 0;

	while (row < 256 && filler_count < ARRAY_SIZE(fillers)) {
		filler = vmalloc(PAGE_SIZE);
		if (!filler) {
			bench_view_exit();
			return -ENOMEM;
		}
		fillers[filler_count++] = filler;
		row = filler == expected ? row + 1 : 0;
		/* Behind each one is a guard page. */
		expected = filler + 2 * PAGE_SIZE;
	}
	return 0;
}

void bench_view_exit(void)
{
	while (filler_count)
		vfree(fillers[--filler_count]);
}

/* The floor of a kernel mapping has the array of pages at hand. */
static int vmap_run(struct bench_job *job)
{
	job->view = vmap(job->pages, job->page_count, VM_MAP, PAGE_KERNEL);
	return job->view ? 0 : -ENOMEM;
}

static int vmap_undo(struct bench_job *job)
{
	vunmap(job->view);
	return 0;
}

/* By hand: without one, it has to be made from the table. */
struct by_hand_view {
	void *address;
	unsigned long length;
};

static int array_run(struct bench_job *job)
{
	struct page **pages = kvmalloc_array(job->page_count, sizeof(*pages), GFP_KERNEL);
	struct by_hand_view *view = kzalloc(sizeof(*view), GFP_KERNEL);
	struct scatterlist *sg;
	unsigned long at = 0;
	int i, page;

	job->buffer = view;
	if (!pages || !view)
		return -ENOMEM;
	for_each_sgtable_sg(&job->table, sg, i)
		for (page = 0; page < sg->length >> PAGE_SHIFT; page++)
			pages[at++] = sg_page(sg) + page;
	job->view = vmap(pages, job->page_count, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return job->view ? 0 : -ENOMEM;
}

static int array_undo(struct bench_job *job)
{
	vunmap(job->view);
	kfree(job->buffer);
	return 0;
}

static int kernel_run(struct bench_job *job)
{
	job->mapping = iomd_map(job->md, 0);
	return PTR_ERR_OR_ZERO(job->mapping);
}

static int mapping_undo(struct bench_job *job)
{
	iomd_mapping_release(job->mapping);
	return 0;
}

/* A driver's own mmap(), as most write it: all at once ... */
static int fill_vma(struct bench_job *job, struct vm_area_struct *vma)
{
	unsigned long address = vma->vm_start;
	struct scatterlist *sg;
	int i, ret = 0;

	for_each_sgtable_sg(&job->table, sg, i) {
		ret = remap_pfn_range(vma, address, page_to_pfn(sg_page(sg)), sg->length,
				      vma->vm_page_prot);
		if (ret)
			break;
		address += sg->length;
	}
	return ret;
}

/* ... or page by page. */
static vm_fault_t view_fault(struct vm_fault *vmf)
{
	struct bench_job *job = vmf->vma->vm_file->private_data;

	/* The first page of the file stands for the other way. */
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(job->pages[vmf->pgoff - 1]));
}

static const struct vm_operations_struct view_vm_ops = {
	.fault = view_fault,
};

int bench_view_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bench_job *job = file->private_data;

	if (!job->pages || vma_pages(vma) != job->page_count)
		return -EINVAL;
	if (!vma->vm_pgoff)
		return fill_vma(job, vma);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &view_vm_ops;
	return 0;
}

static int map_own(struct bench_job *job, unsigned long offset)
{
	unsigned long address = vm_mmap(job->file, 0, job->length, PROT_READ | PROT_WRITE,
					MAP_SHARED, offset);

	if (IS_ERR_VALUE(address))
		return address;
	job->user_address = address;
	return 0;
}

static int remap_run(struct bench_job *job)
{
	return map_own(job, 0);
}

static int munmap_undo(struct bench_job *job)
{
	return vm_munmap(job->user_address, job->length);
}

static int user_run(struct bench_job *job)
{
	job->mapping = iomd_create_mapping_in_task(job->md, current, 0,
						   IOMD_MAP_ANYWHERE | IOMD_MAP_PREFAULT, 0, 0);
	return PTR_ERR_OR_ZERO(job->mapping);
}

/* As a program does it that is done with what it was given. */
static int user_undo(struct bench_job *job)
{
	int ret = vm_munmap(iomd_mapping_get_address(job->mapping), job->length);

	iomd_mapping_release(job->mapping);
	return ret;
}

static int touch(unsigned long address, unsigned long pages)
{
	u8 byte;

	for (; pages; pages--, address += PAGE_SIZE)
		if (get_user(byte, (u8 __user *)address))
			return -EFAULT;
	return 0;
}

/* Faults: a mapping is emptied by zapping it, which is measured as the undo. */
static int insert_set_up(struct bench_job *job)
{
	int ret = bench_by_hand_take(job);

	return ret ?: map_own(job, PAGE_SIZE);
}

static int fault_run(struct bench_job *job)
{
	return touch(job->user_address, job->page_count);
}

static int fault_undo(struct bench_job *job)
{
	struct vm_area_struct *vma;

	mmap_write_lock(current->mm);
	vma = find_vma(current->mm, job->user_address);
	zap_vma_ptes(vma, job->user_address, job->length);
	mmap_write_unlock(current->mm);
	return 0;
}

static void insert_tear_down(struct bench_job *job)
{
	vm_munmap(job->user_address, job->length);
	bench_by_hand_done(job);
}

static int pager_set_up(struct bench_job *job)
{
	int ret = bench_iomd_take(job);

	if (ret)
		return ret;
	job->mapping = iomd_create_mapping_in_task(job->md, current, 0, IOMD_MAP_ANYWHERE, 0, 0);
	if (IS_ERR(job->mapping))
		return PTR_ERR(job->mapping);
	job->user_address = iomd_mapping_get_address(job->mapping);
	return 0;
}

static void pager_tear_down(struct bench_job *job)
{
	user_undo(job);
	bench_iomd_done(job);
}

#define SOME_KINDS	(BENCH_IN(NATURAL) | BENCH_IN(RUNS))

const struct bench_case bench_view_cases[] = {
	{ .name = "kernel_map", .who = "floor", .kinds = SOME_KINDS, .min = SZ_4K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .set_up = bench_by_hand_take,
	  .settle = vm_unmap_aliases, .run = vmap_run, .undo = vmap_undo,
	  .tear_down = bench_by_hand_done },
	{ .name = "kernel_map", .who = "by_hand", .kinds = SOME_KINDS, .min = SZ_4K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .set_up = bench_by_hand_take,
	  .settle = vm_unmap_aliases, .run = array_run, .undo = array_undo,
	  .tear_down = bench_by_hand_done },
	{ .name = "kernel_map", .who = "iomd", .kinds = SOME_KINDS, .min = SZ_4K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .set_up = bench_iomd_take,
	  .settle = vm_unmap_aliases, .run = kernel_run, .undo = mapping_undo,
	  .tear_down = bench_iomd_done },
	{ .name = "user_map", .who = "floor", .kinds = SOME_KINDS, .min = SZ_64K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .by_call = true,
	  .set_up = bench_by_hand_take, .run = remap_run, .undo = munmap_undo,
	  .tear_down = bench_by_hand_done },
	{ .name = "user_map", .who = "iomd", .kinds = SOME_KINDS, .min = SZ_64K,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .by_call = true,
	  .set_up = bench_iomd_take, .run = user_run, .undo = user_undo,
	  .tear_down = bench_iomd_done },
	{ .name = "user_fault", .who = "floor", .kinds = BENCH_IN(NATURAL), .min = SZ_1M,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .set_up = insert_set_up,
	  .run = fault_run, .undo = fault_undo, .tear_down = insert_tear_down },
	{ .name = "user_fault", .who = "iomd", .kinds = BENCH_IN(NATURAL), .min = SZ_1M,
	  .max = SZ_1M, .direction = IOMD_DIRECTION_IN_OUT, .set_up = pager_set_up,
	  .run = fault_run, .undo = fault_undo, .tear_down = pager_tear_down },
	{}
};
