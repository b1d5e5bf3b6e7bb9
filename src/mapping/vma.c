// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings into tasks: VMAs of physical frames, filled by faults or all at once.
 *
 * No page is referenced by a page table; what keeps the memory prepared is the mapping
 * object. So whatever takes the memory away first takes it out of all page tables.
 *
 * Children get no copy. A mapping is for one task, whose driver decides what it sees;
 * and fork() copies page tables without what guards them here.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include <iomd/buffer.h>
#include <iomd/descriptor.h>

#include "cache.h"
#include "listed.h"
#include "mapping.h"
#include "run.h"
#include "task.h"
#include "vma.h"
#include "view.h"

/*
 * The run that holds the page of a fault, and how far into the run the page is.
 * Runs start where pieces of the memory do, so a page is asked for by itself.
 */
static vm_fault_t find_frame(struct iomd_mapping *mapping, pgoff_t page, struct iomd_page_run *run)
{
	if (page < mapping->guard_pages ||
	    iomd_page_run_at(mapping, page - mapping->guard_pages, run) ||
	    !run->pages || run->kind == IOMD_PAGE_RUN_GUARD)
		return VM_FAULT_SIGBUS;
	return 0;
}

static pgprot_t prot_of(const struct iomd_mapping *mapping, const struct iomd_page_run *run,
			pgprot_t prot)
{
	u64 mode;

	/* A device is not in on the secret that RAM may be encrypted with. */
	if (run->kind == IOMD_PAGE_RUN_DEVICE)
		prot = pgprot_decrypted(prot);
	return iomd_cache_mode(mapping, run, &mode) ? prot : iomd_cache_prot(mode, prot);
}

#ifdef IOMD_HAVE_HUGE_FRAMES
/* The frames of the whole huge page must be ours, in order, and aligned. */
static bool is_huge(const struct vm_fault *vmf, const struct iomd_page_run *run)
{
	unsigned long start = vmf->address & PMD_MASK;

	return start >= vmf->vma->vm_start && start + PMD_SIZE <= vmf->vma->vm_end &&
	       run->kind == IOMD_PAGE_RUN_RAM && run->pages >= HPAGE_PMD_NR &&
	       IS_ALIGNED(run->pfn, HPAGE_PMD_NR);
}
#endif

/* Have the class agree, which sees offsets in its descriptor. */
static bool may_serve(struct iomd_mapping *mapping, u64 page, u64 pages)
{
	u64 start, end;

	if (!mapping->md->ops->handle_fault)
		return true;
	start = iomd_run_offset(mapping, page);
	end = min(iomd_run_offset(mapping, page + pages), mapping->offset + mapping->length);
	return !iomd_handle_fault(mapping->md, mapping, start, end - start);
}

static vm_fault_t serve_page(struct vm_fault *vmf, struct iomd_mapping *mapping)
{
	struct iomd_page_run run;

	if (find_frame(mapping, vmf->pgoff, &run) || !may_serve(mapping, run.page, 1))
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address, run.pfn,
				   prot_of(mapping, &run, vmf->vma->vm_page_prot));
}

#ifdef IOMD_HAVE_HUGE_FRAMES
static vm_fault_t serve_huge(struct vm_fault *vmf, struct iomd_mapping *mapping)
{
	pgoff_t lead = (vmf->address & ~PMD_MASK) >> PAGE_SHIFT;
	struct iomd_page_run run;
	pmd_t entry = READ_ONCE(*vmf->pmd);

	/* Single pages that came there meanwhile stay. */
	if ((!pmd_none(entry) && !pmd_trans_huge(entry)) || lead > vmf->pgoff ||
	    find_frame(mapping, vmf->pgoff - lead, &run) || !is_huge(vmf, &run))
		return VM_FAULT_FALLBACK;
	return may_serve(mapping, run.page, HPAGE_PMD_NR) ?
	       iomd_compat_insert_pfn_pmd(vmf, run.pfn) : VM_FAULT_SIGBUS;
}
#endif

/*
 * May a fault wait for as long as somebody else likes? Only where nothing is held but
 * what the kernel gives up for that, and every signal ends it: in what the task does in
 * user mode. So debuggers, job control and the freezer get through. The kernel's own
 * accesses, on whose behalf it may hold anything, fail, and so do those of a task that
 * is about to be gone.
 */
static bool may_wait(const struct vm_fault *vmf)
{
	const unsigned int needed = FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE |
				    FAULT_FLAG_ALLOW_RETRY;

	return (vmf->flags & needed) == needed && !(current->flags & PF_EXITING);
}

/* Wait, without the address space locked, until there is something to be seen. */
static vm_fault_t wait_unblocked(struct vm_fault *vmf, struct iomd_view *view)
{
	unsigned int closed = READ_ONCE(view->closed);
	struct file *file;

	if (!may_wait(vmf))
		return VM_FAULT_SIGBUS;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	/* The VMA may go meanwhile; its file keeps the view, and this code. */
	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	/* A signal is found by whoever tries again. */
	wait_var_event_interruptible(&view->blocked, !READ_ONCE(view->blocked) ||
				     READ_ONCE(view->closed) != closed);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t view_fault(struct vm_fault *vmf)
{
	struct iomd_view *view = iomd_view_of(file_inode(vmf->vma->vm_file));
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (READ_ONCE(view->blocked))
		return wait_unblocked(vmf, view);
	inode_lock_shared(&view->inode);
	if (view->blocked)
		ret = VM_FAULT_NOPAGE;
	else if (view->mapping)
		ret = serve_page(vmf, view->mapping);
	inode_unlock_shared(&view->inode);
	return ret;
}

#ifdef IOMD_HAVE_HUGE_FRAMES
static bool has_mmap_lock(const struct vm_fault *vmf)
{
#ifdef CONFIG_PER_VMA_LOCK
	return !(vmf->flags & FAULT_FLAG_VMA_LOCK);
#else
	return true;
#endif
}

/*
 * With no more than its VMA locked, a fault must not wait for a view: a VMA is locked
 * under that when it is set up. It comes again, as for view_fault() it has to.
 *
 * One at a time, and no others meanwhile: entering a huge page where single ones have
 * just come to be would be a bug to the kernel.
 */
static vm_fault_t view_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct iomd_view *view = iomd_view_of(file_inode(vmf->vma->vm_file));
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (order != PMD_ORDER || !has_mmap_lock(vmf))
		return VM_FAULT_FALLBACK;
	if (READ_ONCE(view->blocked))
		return wait_unblocked(vmf, view);
	inode_lock(&view->inode);
	if (view->blocked)
		ret = VM_FAULT_NOPAGE;
	else if (view->mapping)
		ret = serve_huge(vmf, view->mapping);
	inode_unlock(&view->inode);
	return ret;
}
#endif

/* Some of it goes, or goes elsewhere: its address is not what it was. */
static void view_close(struct vm_area_struct *vma)
{
	struct iomd_view *view = iomd_view_of(file_inode(vma->vm_file));

	inode_lock(&view->inode);
	if (view->mapping)
		WRITE_ONCE(view->mapping->torn, true);
	iomd_view_closed(view);
	inode_unlock(&view->inode);
}

static const struct vm_operations_struct view_vm_ops = {
	.close = view_close,
	.fault = view_fault,
#ifdef IOMD_HAVE_HUGE_FRAMES
	.huge_fault = view_huge_fault,
#endif
};

/*
 * Is it what x86 knows as RAM? It calls nothing so below 1 MiB, and devices' own. Reserved
 * pages may be anything.
 */
static bool is_system_ram(const struct iomd_page_run *run)
{
	struct page *first = pfn_to_page(run->pfn);
	struct page *last = pfn_to_page(run->pfn + run->pages - 1);

	return run->kind == IOMD_PAGE_RUN_RAM && run->pfn >= PHYS_PFN(SZ_1M) &&
	       !PageReserved(first) && !PageReserved(last) && !is_zone_device_page(first);
}

/*
 * Enter the frames of a run. x86 reserves the cache mode of what is mapped whole, and
 * can't bear to lose a part of it. Of RAM it reserves nothing, and only must not think
 * that it did. Of what is not mapped whole, it looks for the mode of each page.
 */
static int user_enter_run(struct vm_area_struct *vma, unsigned long address,
			  const struct iomd_page_run *run, pgprot_t prot)
{
	bool whole = run->pages > 1 && run->pages == vma_pages(vma);
	bool ram = whole && is_system_ram(run);
	u64 bytes = run->pages << PAGE_SHIFT, at_once = whole && !ram ? bytes - PAGE_SIZE : bytes;
	int ret;

	ret = remap_pfn_range(vma, address, run->pfn, at_once, prot);
	if (!ret && at_once < bytes)
		ret = remap_pfn_range(vma, address + at_once, run->pfn + PHYS_PFN(at_once),
				      PAGE_SIZE, prot);
	if (ram)
		iomd_compat_forget_pat(vma);
	return ret;
}

/* Where in its VMA a mapping's page is seen. */
static unsigned long user_address_of_page(const struct iomd_mapping *mapping,
					  const struct vm_area_struct *vma, u64 page)
{
	return vma->vm_start + ((mapping->guard_pages + page) << PAGE_SHIFT);
}

/* Make a run of a segment, which begins with @page. */
static inline int run_of(const struct iomd_mapping *mapping,
			 const struct iomd_listed *listed, u64 page, struct iomd_page_run *run)
{
	run->kind = IOMD_PAGE_RUN_RAM;
	run->page = page;
	run->pages = iomd_listed_pages(listed, page ? 0 : mapping->in_page);
	run->pfn = page_to_pfn(listed->page);
	return run->pages ? 0 : -EINVAL;
}

/* The first pages of a list, which has one mode. */
static int enter_listed(struct iomd_mapping *mapping, struct vm_area_struct *vma,
			struct iomd_listed listed, u64 pages)
{
	struct iomd_page_run run = { .kind = IOMD_PAGE_RUN_RAM };
	/* Of all of the RAM. */
	pgprot_t prot = prot_of(mapping, &run, vma->vm_page_prot);
	int ret;

	do {
		ret = run_of(mapping, &listed, run.page + run.pages, &run);
		run.pages = min(run.pages, pages - run.page);
		if (!ret)
			ret = user_enter_run(vma, user_address_of_page(mapping, vma, run.page),
					     &run, run.kind == IOMD_PAGE_RUN_RAM ? prot :
					     prot_of(mapping, &run, vma->vm_page_prot));
	} while (!ret && run.page + run.pages < pages && iomd_listed_next(&listed));
	return ret;
}

static int enter_runs(struct iomd_mapping *mapping, struct vm_area_struct *vma, u64 page,
		      u64 pages)
{
	struct iomd_page_run run;
	int ret = 0;

	for (; pages && !ret; page += run.pages, pages -= run.pages) {
		ret = iomd_page_run_at(mapping, page, &run);
		if (ret)
			break;
		run.pages = min(run.pages, pages);
		if (run.kind != IOMD_PAGE_RUN_GUARD)
			ret = user_enter_run(vma, user_address_of_page(mapping, vma, page), &run,
					     prot_of(mapping, &run, vma->vm_page_prot));
	}
	return ret;
}

/**
 * iomd_base_populate_device_pager() - fill a new user mapping at once
 * @md: see iomd_populate_device_pager()
 * @mapping: see iomd_populate_device_pager()
 * @offset: see iomd_populate_device_pager()
 * @length: see iomd_populate_device_pager()
 *
 * What the op of a class that has one may call. IOKit:
 * IOMemoryDescriptor::populateDevicePager.
 *
 * Return: see iomd_populate_device_pager().
 * Context: see iomd_populate_device_pager().
 */
int iomd_base_populate_device_pager(struct iomd *md, struct iomd_mapping *mapping,
				    u64 offset, u64 length)
{
	struct vm_area_struct *vma = mapping->being_filled;
	u64 first = offset >> PAGE_SHIFT, pages = length >> PAGE_SHIFT;

	if (!vma || !IS_ALIGNED(offset | length, PAGE_SIZE) ||
	    first > iomd_mapping_pages(mapping) || pages > iomd_mapping_pages(mapping) - first)
		return -EINVAL;
	if (!first && pages && mapping->listed)
		return enter_listed(mapping, vma, *mapping->listed, pages);
	return enter_runs(mapping, vma, first, pages);
}
IOMD_EXPORT(iomd_base_populate_device_pager);

/**
 * iomd_populate_device_pager() - fill a new user mapping at once
 * @md: descriptor that the mapping is of
 * @mapping: which is just being made
 * @offset: in the mapping's pages, of which the first holds its first byte; at a page
 *	border
 * @length: bytes, in whole pages
 *
 * For classes that fill their mappings their own way, which is by calling
 * iomd_base_populate_device_pager() for what they want to be there; the rest comes
 * by faults. The base's is to enter all frames, with device memory uncached unless
 * the mapping says otherwise. IOKit: IOMemoryDescriptor::populateDevicePager.
 *
 * Return: 0; -EINVAL if the mapping is not being made, or the range does not lie
 * inside; else what filling page tables gave, or what the class says.
 * Context: the op is called with the task's mmap_lock held; it must not make, end or
 * redirect mappings.
 */
int iomd_populate_device_pager(struct iomd *md, struct iomd_mapping *mapping,
			       u64 offset, u64 length)
{
	if (md->ops->populate_device_pager)
		return md->ops->populate_device_pager(md, mapping, offset, length);
	return iomd_base_populate_device_pager(md, mapping, offset, length);
}
IOMD_EXPORT(iomd_populate_device_pager);

static int user_fill(struct iomd_mapping *mapping, struct vm_area_struct *vma)
{
	int ret;

	mapping->being_filled = vma;
	ret = iomd_populate_device_pager(mapping->md, mapping, 0,
					 iomd_mapping_pages(mapping) << PAGE_SHIFT);
	mapping->being_filled = NULL;
	return ret;
}

/*
 * Only the first VMA, which is whole, can be filled here. Whoever zaps does not find it yet:
 * iomd_mapping_follow(), once it is there, zaps again for who redirects meanwhile, and the
 * memory stays until then. More VMAs come to be when a task moves pages of it around.
 */
static int set_up_vma(struct iomd_view *view, struct vm_area_struct *vma)
{
	struct iomd_mapping *mapping = view->mapping;
	u64 pages = iomd_mapping_pages(mapping) + 2 * mapping->guard_pages;
	bool read_only = mapping->options & IOMD_MAP_READ_ONLY;
	bool is_first = view->fill;
	int ret;

	/* The kernel takes copy-on-write of bare frames for a bug of ours. */
	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff > pages ||
	    vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	/* What a device may write is no program. */
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (read_only && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	ret = iomd_task_may_have(mapping, vma);
	if (ret)
		return ret;
	view->fill = false;
	/* Huge pages, where the frames are there for them, need no advice. */
	iomd_compat_vm_flags_mod(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
				 VM_DONTDUMP | VM_HUGEPAGE,
				 VM_MAYEXEC | (read_only ? VM_MAYWRITE : 0));
	vma->vm_ops = &view_vm_ops;
	/* What is redirected comes by faults that wait. */
	return is_first && !view->blocked ? user_fill(mapping, vma) : 0;
}

static int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct iomd_view *view = iomd_view_of(file_inode(file));
	int ret = -ENODEV;

	inode_lock(&view->inode);
	if (view->mapping)
		ret = set_up_vma(view, vma);
	inode_unlock(&view->inode);
	return ret;
}

/* The last VMA is gone: nobody sees the memory any more. */
static int view_release(struct inode *inode, struct file *file)
{
	struct iomd_view *view = iomd_view_of(inode);
	struct iomd_mapping *mapping;

	iomd_task_forget_place(view);
	inode_lock(inode);
	mapping = view->mapping;
	/* Else its own end is about to come by here. */
	if (mapping && !os_object_try_retain(&mapping->object))
		mapping = NULL;
	inode_unlock(inode);
	if (mapping)
		iomd_mapping_unmap(mapping);
	iomd_mapping_release(mapping);
	return 0;
}

#ifdef IOMD_HAVE_HUGE_FRAMES
/* An address of the file that is where huge frames, if there are any, can be seen. */
static unsigned long view_get_unmapped_area(struct file *file, unsigned long address,
					    unsigned long length, unsigned long pgoff,
					    unsigned long flags)
{
	pgoff += iomd_view_of(file_inode(file))->huge_offset;
	return thp_get_unmapped_area(file, address, length, pgoff, flags);
}
#endif

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.mmap = view_mmap,
#ifdef IOMD_HAVE_HUGE_FRAMES
	.get_unmapped_area = view_get_unmapped_area,
#endif
	.release = view_release,
};

static int check_listed(const struct iomd_mapping *mapping, struct iomd_listed listed)
{
	bool ask = mapping->options & IOMD_MAP_CACHE_MASK;
	struct iomd_page_run run = {};
	u64 mode;
	int ret;

	do {
		ret = run_of(mapping, &listed, run.page + run.pages, &run);
		/* One mode is that of all of the RAM, and good if none was asked for. */
		if (!ret && (ask || run.kind != IOMD_PAGE_RUN_RAM))
			ret = iomd_cache_mode(mapping, &run, &mode);
		ask = false;
	} while (!ret && iomd_listed_next(&listed));
	return ret;
}

/*
 * Do the pages that it is on hold nothing but what was described? Those of a buffer do,
 * and a copy is one, if it is the buffer itself that was to be mapped.
 */
static bool has_whole_pages(const struct iomd_mapping *mapping)
{
	if (!offset_in_page(mapping->in_page | mapping->length))
		return true;
	return mapping->direct && (mapping->memory != mapping->md ||
				   os_object_meta_cast(&mapping->md->object,
						       &iomd_buffer_meta_class));
}

/* Can all of it be shown, and nothing else? */
int iomd_mapping_check_runs(const struct iomd_mapping *mapping, const struct iomd_listed *listed)
{
	struct iomd_page_run run = {};
	u64 mode;
	int ret;

	if (!has_whole_pages(mapping))
		return -EINVAL;
	if (listed)
		return check_listed(mapping, *listed);
	while ((ret = iomd_page_run_next(mapping, &run)) > 0) {
		if (run.kind == IOMD_PAGE_RUN_GUARD)
			continue;
		ret = iomd_cache_mode(mapping, &run, &mode);
		if (ret)
			return ret;
	}
	return ret;
}

/* Where in a huge page the file's first page must lie for its largest frames to fit. */
static unsigned int huge_offset(const struct iomd_mapping *mapping)
{
	const unsigned int huge = PMD_SIZE >> PAGE_SHIFT;
	struct iomd_page_run run = {};

	if (iomd_mapping_pages(mapping) < huge)
		return 0;
	while (iomd_page_run_next(mapping, &run) > 0)
		if (run.kind == IOMD_PAGE_RUN_RAM && run.pages >= huge)
			return (run.pfn - run.page - mapping->guard_pages) % huge;
	return 0;
}

/* Have the VMA that somebody is setting up be one of @file: where that begins. */
static unsigned long adopt_vma(struct iomd_mapping *mapping, struct file *file)
{
	struct vm_area_struct *vma = mapping->given;
	int ret;

	mapping->given = NULL;
	vma_set_file(vma, file);
	ret = view_mmap(file, vma);
	return ret ?: vma->vm_start;
}

/* Of the VMA, guards included. */
static unsigned long place_bytes(const struct iomd_mapping *mapping)
{
	return (iomd_mapping_pages(mapping) + 2 * mapping->guard_pages) << PAGE_SHIFT;
}

static unsigned long find_place(struct iomd_mapping *mapping, struct file *file)
{
	unsigned long address = 0;

	if (mapping->given)
		return adopt_vma(mapping, file);
	if (!(mapping->options & IOMD_MAP_ANYWHERE))
		address = mapping->at_address & PAGE_MASK;
	return iomd_task_mmap(mapping, file, address, place_bytes(mapping));
}

/* The VMA; what is done is undone by iomd_mapping_unmap_user(). */
static int make_vma(struct iomd_mapping *mapping)
{
	unsigned long address;
	struct file *file;

	file = iomd_view_create(mapping, &view_fops);
	if (IS_ERR(file))
		return PTR_ERR(file);
	mapping->view->huge_offset = huge_offset(mapping);
	/* Before it shows anything; it can't be shared until it has an address. */
	iomd_add_mapping(mapping->md, mapping);
	iomd_view_follow(mapping->view);
	address = find_place(mapping, file);
	/* The file may end right after we let go of it, and the mapping with it. */
	if (IS_ERR_VALUE(address)) {
		iomd_view_revoke(mapping->view);
	} else {
		/* What somebody else's mmap() placed is nobody's to be given back. */
		if (!mapping->lender)
			iomd_task_note_place(mapping->view, mapping->mm, address,
					     place_bytes(mapping));
		iomd_mapping_place(mapping, address + mapping->guard_pages * PAGE_SIZE +
				   mapping->in_page, true);
	}
	fput(file);
	return IS_ERR_VALUE(address) ? (int)address : 0;
}

/* Device memory alone has a mode that can be told for all of it. */
static void tell_mode(struct iomd_mapping *mapping)
{
	struct iomd_page_run run;
	u64 mode;

	if (!iomd_page_run_at(mapping, 0, &run) && run.kind == IOMD_PAGE_RUN_DEVICE &&
	    run.pages == iomd_mapping_pages(mapping) &&
	    !iomd_cache_mode(mapping, &run, &mode))
		iomd_cache_tell(mapping, mode);
}

/**
 * iomd_mapping_map_user() - show a mapping's memory to its task
 * @mapping: mapping whose memory is prepared
 * @listed: the first segment of memory that is in one list; NULL if it is not
 *
 * Undone by iomd_mapping_unmap_user().
 *
 * Return: 0; -EINVAL for pieces that don't meet at page borders, memory that does not
 * begin and end at them and is no buffer, or an address whose place in its page is not
 * the memory's, or in the first page; -EEXIST if something is there; -EINTR;
 * -EOPNOTSUPP for a cache mode that the memory can't have; -EBUSY if it is mapped in
 * another; -ESRCH if the task's address space is gone; -ENOMEM; else what mmap()
 * would say.
 * Context: may sleep.
 */
int iomd_mapping_map_user(struct iomd_mapping *mapping, const struct iomd_listed *listed)
{
	int ret;

	if (!(mapping->options & IOMD_MAP_ANYWHERE) &&
	    (offset_in_page(mapping->at_address) != mapping->in_page ||
	     mapping->at_address < PAGE_SIZE))
		return -EINVAL;
	if (iomd_mapping_pages(mapping) + 2 * mapping->guard_pages > TASK_SIZE_MAX >> PAGE_SHIFT)
		return -ENOMEM;
	ret = iomd_mapping_check_runs(mapping, listed);
	if (ret)
		return ret;
	if (!listed)
		tell_mode(mapping);
	ret = iomd_cache_reserve(mapping);
	if (ret)
		return ret;
	mapping->listed = listed;
	ret = make_vma(mapping);
	mapping->listed = NULL;
	if (ret)
		iomd_cache_release(mapping);
	return ret;
}

void iomd_mapping_unmap_user(struct iomd_mapping *mapping)
{
	if (mapping->view)
		iomd_view_revoke(mapping->view);
	iomd_cache_release(mapping);
}
