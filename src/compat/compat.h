/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows how kernels differ. What differs was found by
 * compiling src/compat/probes against the kernel at hand, never by its number.
 * Included before everything else by each of our own files.
 */
#ifndef IOMD_COMPAT_H
#define IOMD_COMPAT_H

#include <linux/export.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/user.h>
#include <linux/shmem_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#ifdef CONFIG_S390
#include <asm/lowcore.h>
#endif

#include "iomd-features.h"

#ifdef IOMD_HAVE_FOLIO_BATCH_HEADER
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#ifdef IOMD_HAVE_PFN_PMD_TYPE
#include <linux/pfn_t.h>
#endif

/* The namespace of an exported symbol was a token before it was a string. */
#ifdef IOMD_HAVE_NAMESPACE_STRING
#define IOMD_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "IOMD")
#define IOMD_EXPORT_TEST(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "IOMD_TEST")
#else
#define IOMD_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, IOMD)
#define IOMD_EXPORT_TEST(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, IOMD_TEST)
#endif

/*
 * Pin pages of an address space that is not the caller's. To wait for a page that somebody
 * has to bring in, its lock is given up, and a fatal signal ends the wait: -EINTR.
 */
#ifndef IOMD_HAVE_PIN_REMOTE_VMAS
static inline long iomd_compat_pin_remote(struct mm_struct *mm, unsigned long start,
					  unsigned long nr, unsigned int flags,
					  struct page **pages)
{
	int locked = 1;
	long pinned;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	pinned = pin_user_pages_remote(mm, start, nr, flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return pinned;
}
#else
/* Have one page there that can be pinned without waiting; is the lock held afterwards? */
static inline long iomd_compat_bring_in(struct mm_struct *mm, unsigned long start,
					unsigned int flags, int *locked)
{
	long ret;

	ret = get_user_pages_remote(mm, start, 1, flags & ~FOLL_LONGTERM, NULL, NULL, locked);
	if (!*locked) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		*locked = 1;
	}
	return ret > 0 ? 0 : ret ?: -EFAULT;
}

/* How often a page may vanish between being brought in and being pinned. */
#define IOMD_COMPAT_TRIES	16

/*
 * Here the lock is never given up for pages that are to stay: so pin those that are there,
 * and bring others in one by one before.
 */
static inline long iomd_compat_pin_remote(struct mm_struct *mm, unsigned long start,
					  unsigned long nr, unsigned int flags,
					  struct page **pages)
{
	int tries = IOMD_COMPAT_TRIES, locked = 1;
	long pinned;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (;;) {
		pinned = pin_user_pages_remote(mm, start, nr, flags | (tries ? FOLL_NOFAULT : 0),
					       pages, NULL, NULL);
		if (pinned != -EFAULT || (flags & FOLL_NOFAULT) || !tries--)
			break;
		pinned = iomd_compat_bring_in(mm, start, flags, &locked);
		if (pinned)
			break;
	}
	if (locked)
		mmap_read_unlock(mm);
	return pinned;
}
#endif

/* The same of the caller's own, where the kernel can wait for them in most cases. */
static inline long iomd_compat_pin_own(unsigned long start, unsigned long nr,
				       unsigned int flags, struct page **pages)
{
	long pinned = pin_user_pages_fast(start, nr, flags, pages);

#ifdef IOMD_HAVE_PIN_REMOTE_VMAS
	if (pinned == -EFAULT)
		pinned = iomd_compat_pin_remote(current->mm, start, nr, flags, pages);
#endif
	return pinned;
}

/*
 * The flags with which up to *@count pages from @address on are pinned, and how many
 * they are right for. A process's own pages of a file are the file's until they are
 * written: where the kernel does not do it, ask for the copy before a device reads
 * what its owner will never see again.
 */
static inline unsigned int iomd_compat_pin_flags(struct mm_struct *mm, unsigned long address,
						 unsigned int flags, unsigned int *count)
{
#ifdef IOMD_HAVE_PINS_OF_PRIVATE_FILES
	struct vm_area_struct *vma;
	unsigned long end;

	if ((flags & FOLL_WRITE) || mmap_read_lock_killable(mm))
		return flags;
	vma = find_vma(mm, address);
	if (vma) {
		end = vma->vm_start <= address ? vma->vm_end : vma->vm_start;
		*count = min_t(unsigned long, *count, PFN_UP(end - address));
		if (vma->vm_start <= address && is_cow_mapping(vma->vm_flags) &&
		    !vma_is_anonymous(vma)) {
			flags |= FOLL_WRITE;
			/* The owner may not write now, but later. */
			if (!is_vm_hugetlb_page(vma))
				flags |= FOLL_FORCE;
			else if (!(vma->vm_flags & VM_WRITE))
				flags &= ~FOLL_WRITE;
		}
	}
	mmap_read_unlock(mm);
#endif
	return flags;
}

/*
 * Where modules are, if that is no part of vmalloc's area. Some architectures compute
 * it from what they do not export; then it is what the same lies between.
 */
#if defined(CONFIG_RISCV) && defined(MODULES_LOWEST_VADDR)
#define IOMD_MODULES_START	MODULES_LOWEST_VADDR
#define IOMD_MODULES_END	kernel_map.virt_addr
#elif defined(CONFIG_S390)
#define IOMD_MODULES_START	VMALLOC_END
#define IOMD_MODULES_END	(VMALLOC_END + MODULES_LEN)
#elif defined(MODULES_VADDR)
#define IOMD_MODULES_START	MODULES_VADDR
#define IOMD_MODULES_END	MODULES_END
#endif

/* Not every kernel exports its own. */
static inline bool iomd_compat_is_vmalloc_or_module_addr(const void *address)
{
#ifdef IOMD_MODULES_START
	if ((unsigned long)address >= IOMD_MODULES_START &&
	    (unsigned long)address < IOMD_MODULES_END)
		return true;
#endif
	return is_vmalloc_addr(address);
}

/*
 * Not every kernel asks whether what lies where its image does, and behind it, is there.
 * And s390 has a valid address 0: at the first ones each CPU sees pages of its own, which
 * are not where the linear map says.
 */
static inline bool iomd_compat_virt_addr_valid(unsigned long address)
{
#ifdef CONFIG_S390
	if (address < sizeof(struct lowcore))
		return false;
#endif
#if defined(CONFIG_RISCV) && defined(is_kernel_mapping)
	if (!is_linear_mapping(address) && !is_kernel_mapping(address))
		return false;
#endif
	return virt_addr_valid((void *)address);
}

/* Unpin @count pages from @page on, all of @folio, without marking them dirty. */
static inline void iomd_compat_unpin(struct folio *folio, struct page *page, unsigned int count)
{
#ifdef IOMD_HAVE_UNPIN_USER_FOLIO
	unpin_user_folio(folio, count);
#else
	if (count == 1)
		unpin_user_page(page);
	else
		unpin_user_page_range_dirty_lock(page, count, false);
#endif
}

static inline const struct iovec *iomd_compat_iter_iov(const struct iov_iter *iter)
{
#ifdef IOMD_HAVE_ITER_IOV_FIELD
	return iter->iov;
#else
	return iter_iov(iter);
#endif
}

static inline void iomd_compat_vm_flags_mod(struct vm_area_struct *vma, unsigned long set,
					    unsigned long clear)
{
#ifdef IOMD_HAVE_VM_FLAGS_SET
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* @vma is not one whose frames x86 reserved as a whole; newer kernels keep no flag of that. */
static inline void iomd_compat_forget_pat(struct vm_area_struct *vma)
{
#ifdef VM_PAT
	iomd_compat_vm_flags_mod(vma, 0, VM_PAT);
#endif
}

/*
 * Can an entry for a huge page say that it holds bare frames? Where it can't, whoever
 * pins pages without looking for their VMA may take them for a folio, and references
 * to its first page for some to all.
 */
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
#define IOMD_HAVE_HUGE_FRAMES	1

static inline vm_fault_t iomd_compat_insert_pfn_pmd(struct vm_fault *vmf, unsigned long pfn)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

#ifdef IOMD_HAVE_PFN_PMD_TYPE
	return vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(pfn), write);
#else
	return vmf_insert_pfn_pmd(vmf, pfn, write);
#endif
}
#endif

/* The largest order that the page allocator has; one too few between 6.4 and 6.7. */
#ifdef MAX_PAGE_ORDER
#define IOMD_MAX_ORDER	MAX_PAGE_ORDER
#else
#define IOMD_MAX_ORDER	(MAX_ORDER - 1)
#endif

/*
 * Hold for long a page of a file of shared memory that there is a reference to, which is
 * given back: where the kernel has a call for that, not in memory whose pages must be able
 * to move (CMA, movable zones), as the page's contents may have been moved there. The page,
 * if need be another one, or an ERR_PTR.
 */
static inline struct page *iomd_compat_hold_shmem(struct file *file, pgoff_t index,
						  struct page *page)
{
#ifdef IOMD_HAVE_MEMFD_PIN_FOLIOS
	loff_t start = (loff_t)index << PAGE_SHIFT;
	struct folio *folio;
	pgoff_t offset;
	long ret;

	put_page(page);
	ret = memfd_pin_folios(file, start, start + PAGE_SIZE - 1, &folio, 1, &offset);
	return ret < 0 ? ERR_PTR(ret) : folio_file_page(folio, index);
#else
	return page;
#endif
}

/* One page of it that was held. */
static inline void iomd_compat_let_go_shmem(struct folio *folio)
{
#ifdef IOMD_HAVE_MEMFD_PIN_FOLIOS
	unpin_folio(folio);
#else
	folio_put(folio);
#endif
}

/*
 * Count @pages more that a user has pinned, by whatever process, unless these would be more
 * than @limit then: io_uring, BPF and others count there, too. @pinned is what they are or
 * would be. A kernel without all of them has no such count, and no limit.
 */
static inline bool iomd_compat_charge_user(struct user_struct *user, u64 pages, u64 limit,
					   u64 *pinned)
{
#ifdef IOMD_HAVE_USER_LOCKED_VM
	long now = atomic_long_read(&user->locked_vm);

	limit = min_t(u64, limit, LONG_MAX);
	do {
		if (check_add_overflow((u64)(unsigned long)now, pages, pinned) ||
		    *pinned > limit)
			return false;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &now, *pinned));
#else
	*pinned = 0;
#endif
	return true;
}

static inline void iomd_compat_uncharge_user(struct user_struct *user, u64 pages)
{
#ifdef IOMD_HAVE_USER_LOCKED_VM
	atomic_long_sub(pages, &user->locked_vm);
#endif
}

/*
 * In which user namespace a capability lets somebody look into an address space. Where
 * that is not told of the address space, the first one, which is stricter.
 */
static inline struct user_namespace *iomd_compat_mm_user_ns(const struct mm_struct *mm)
{
#ifdef IOMD_HAVE_MM_USER_NS
	return mm->user_ns;
#else
	return &init_user_ns;
#endif
}

/* A file of shared memory, whose pages count as they come. */
static inline struct file *iomd_compat_shmem_file(const char *name, loff_t size)
{
#ifdef IOMD_HAVE_SHMEM_FLAGS_SET
	return shmem_file_setup(name, size, mk_vma_flags(VMA_NORESERVE_BIT));
#else
	return shmem_file_setup(name, size, VM_NORESERVE);
#endif
}

/* Tell the reclaim that the caller is part of, if any, of pages that it gained. */
static inline void iomd_compat_account_reclaimed(unsigned long pages)
{
#ifdef IOMD_HAVE_RECLAIMED_FUNCTION
	mm_account_reclaimed_pages(pages);
#else
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
#endif
}

/* NULL if there is no memory. */
static inline struct shrinker *
iomd_compat_shrinker_start(const char *name,
			   unsigned long (*count)(struct shrinker *, struct shrink_control *),
			   unsigned long (*scan)(struct shrinker *, struct shrink_control *))
{
	struct shrinker *shrinker;

#ifdef IOMD_HAVE_SHRINKER_ALLOC
	shrinker = shrinker_alloc(0, "%s", name);
#else
	shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#endif
	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
#ifdef IOMD_HAVE_SHRINKER_ALLOC
	shrinker_register(shrinker);
#else
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

static inline void iomd_compat_shrinker_stop(struct shrinker *shrinker)
{
#ifdef IOMD_HAVE_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

#endif
