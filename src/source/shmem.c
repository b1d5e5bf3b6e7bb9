// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../mm/pages.h"
#include "shmem.h"
#include "source.h"
#include "user_view.h"

static u64 pages_of(const struct iomd_shmem *shmem)
{
	return PFN_UP(shmem->bytes);
}

static struct page *read_page(struct address_space *mapping, pgoff_t index, gfp_t gfp)
{
	if (iomd_should_fail())
		return ERR_PTR(-ENOMEM);
	return shmem_read_mapping_page_gfp(mapping, index,
					   gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

/*
 * Holding pages, and letting them go
 */

static void release_batch(struct folio_batch *batch)
{
	unsigned int i;

	check_move_unevictable_folios(batch);
	for (i = 0; i < folio_batch_count(batch); i++)
		iomd_compat_let_go_shmem(batch->folios[i]);
	folio_batch_init(batch);
	cond_resched();
}

static void shmem_let_go(struct iomd_shmem *shmem, struct iomd_segments *segments, bool dirty)
{
	struct scatterlist *sg = segments->table.sgl;
	struct folio_batch batch;
	unsigned int i, page;
	u64 pages = 0;

	if (!shmem->kernel_address)
		mapping_clear_unevictable(shmem->file->f_mapping);
	folio_batch_init(&batch);
	for (i = 0; i < segments->table.orig_nents; i++) {
		for (page = 0; page < iomd_segment_pages(sg); page++) {
			struct folio *folio = page_folio(pfn_to_page(page_to_pfn(sg_page(sg)) +
								     page));

			if (dirty && !folio_test_dirty(folio))
				folio_mark_dirty(folio);
			if (!folio_batch_add(&batch, folio))
				release_batch(&batch);
		}
		pages += page;
		if (i + 1 < segments->table.orig_nents)
			sg = iomd_segments_next(sg);
	}
	if (folio_batch_count(&batch))
		release_batch(&batch);
	iomd_count(IOMD_PAGES_UNPINNED, pages);
	iomd_segments_free(segments);
}

static struct page *hold_page(struct iomd_shmem *shmem, pgoff_t index, gfp_t gfp)
{
	struct page *page = read_page(shmem->file->f_mapping, index, gfp);

	return IS_ERR(page) ? page : iomd_compat_hold_shmem(shmem->file, index, page);
}

static int hold_pages(struct iomd_shmem *shmem, struct iomd_segments *segments, gfp_t gfp)
{
	pgoff_t index;

	for (index = 0; index < pages_of(shmem); index++) {
		struct page *page;

		if (fatal_signal_pending(current))
			return -EINTR;
		page = hold_page(shmem, index, gfp);
		if (IS_ERR(page))
			return PTR_ERR(page);
		if (!iomd_segments_append_pages(segments, &page, 1, 0)) {
			iomd_compat_let_go_shmem(page_folio(page));
			return -ENOMEM;
		}
		iomd_count(IOMD_PAGES_PINNED, 1);
		cond_resched();
	}
	if (offset_in_page(shmem->bytes))
		iomd_segments_trim(segments, PAGE_SIZE - offset_in_page(shmem->bytes));
	return iomd_segments_finish(segments);
}

static int bring_in(struct iomd_shmem *shmem, struct iomd_segments *segments, u64 direction)
{
	struct address_space *mapping = shmem->file->f_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping);
	int ret;

	/* A page that is elsewhere already stays there, and the prepare fails. */
	if (direction & IOMD_DIRECTION_PREPARE_TO_PHYS32)
		gfp = (gfp & ~__GFP_HIGHMEM) | __GFP_DMA32;
	if ((direction & IOMD_DIRECTION_PREPARE_NO_FAULT) &&
	    READ_ONCE(mapping->nrpages) < pages_of(shmem))
		return -EFAULT;
	mapping_set_unevictable(mapping);
	iomd_segments_init(segments);
	ret = hold_pages(shmem, segments, gfp);
	if (ret)
		shmem_let_go(shmem, segments, false);
	return ret;
}

/*
 * Purging: what is volatile and not held stands in the line.
 */

static struct iomd_shmem *of_purgeable(struct iomd_purgeable *purgeable)
{
	return container_of(purgeable, struct iomd_shmem, purgeable);
}

static u64 shmem_resident(struct iomd_purgeable *purgeable)
{
	return READ_ONCE(of_purgeable(purgeable)->file->f_mapping->nrpages);
}

/* Throw all contents away, while nobody holds them; how many pages that gained. */
static unsigned long shmem_discard(struct iomd_shmem *shmem)
{
	struct inode *inode = file_inode(shmem->file);
	struct address_space *mapping = inode->i_mapping;
	unsigned long before, after;

	lockdep_assert_held(&shmem->lock);
	before = READ_ONCE(mapping->nrpages);
	unmap_mapping_range(mapping, 0, 0, 1);
	/* A huge page may reach beyond the end. */
	shmem_truncate_range(inode, 0, ALIGN(shmem->bytes, PMD_SIZE) - 1);
	after = READ_ONCE(mapping->nrpages);
	shmem->discard = false;
	/* A process may have touched some again. */
	return before > after ? before - after : 0;
}

/* For lack of memory, in a worker. */
static long shmem_purge(struct iomd_purgeable *purgeable)
{
	struct iomd_shmem *shmem = of_purgeable(purgeable);
	long gained;

	if (!mutex_trylock(&shmem->lock))
		return -EBUSY;
	shmem->state = IOMD_MEMORY_PURGEABLE_EMPTY;
	gained = shmem_discard(shmem);
	mutex_unlock(&shmem->lock);
	return gained;
}

/* By order: what is held goes later, and what the kernel sees becomes zero where it is. */
static void shmem_empty(struct iomd_shmem *shmem)
{
	lockdep_assert_held(&shmem->lock);
	if (shmem->held)
		shmem->discard = true;
	else if (!shmem->kernel_address)
		shmem_discard(shmem);
	else
		memset(shmem->kernel_address, 0, pages_of(shmem) * PAGE_SIZE);
}

/* Nobody who needs memory is to look at what can't be purged anyway. */
static void stand_in_line(struct iomd_shmem *shmem)
{
	lockdep_assert_held(&shmem->lock);
	if (shmem->state == IOMD_MEMORY_PURGEABLE_VOLATILE && !shmem->held &&
	    !shmem->kernel_address)
		iomd_purge_add(&shmem->purgeable);
	else
		iomd_purge_remove(&shmem->purgeable);
}

static void begin_hold(struct iomd_shmem *shmem)
{
	shmem->held = true;
	stand_in_line(shmem);
}

static void end_hold(struct iomd_shmem *shmem)
{
	shmem->held = false;
	if (shmem->discard)
		shmem_empty(shmem);
	shmem->discard = false;
	stand_in_line(shmem);
}

static int shmem_prepare(struct iomd_backing *backing, u64 direction)
{
	struct iomd_shmem *shmem = backing->data;
	int ret;

	mutex_lock(&shmem->lock);
	begin_hold(shmem);
	ret = iomd_owner_charge(&shmem->owner, pages_of(shmem));
	if (ret)
		goto err_end;
	ret = bring_in(shmem, &backing->segments, direction);
	if (ret)
		goto err_uncharge;
	mutex_unlock(&shmem->lock);
	return 0;

err_uncharge:
	iomd_owner_uncharge(&shmem->owner);
err_end:
	end_hold(shmem);
	mutex_unlock(&shmem->lock);
	return ret;
}

static void shmem_complete(struct iomd_backing *backing, bool dirty)
{
	struct iomd_shmem *shmem = backing->data;

	mutex_lock(&shmem->lock);
	shmem_let_go(shmem, &backing->segments, dirty);
	iomd_owner_uncharge(&shmem->owner);
	end_hold(shmem);
	mutex_unlock(&shmem->lock);
}

static void change_state(struct iomd_shmem *shmem, u32 new_state)
{
	lockdep_assert_held(&shmem->lock);
	if (new_state == IOMD_MEMORY_PURGEABLE_KEEP_CURRENT)
		return;
	/* What is lost stays lost until somebody has been told. */
	if (new_state == IOMD_MEMORY_PURGEABLE_VOLATILE &&
	    shmem->state == IOMD_MEMORY_PURGEABLE_EMPTY)
		return;
	shmem->state = new_state;
	stand_in_line(shmem);
	if (new_state == IOMD_MEMORY_PURGEABLE_NON_VOLATILE)
		shmem->discard = false;
	if (new_state == IOMD_MEMORY_PURGEABLE_EMPTY)
		shmem_empty(shmem);
}

static int shmem_set_purgeable(struct iomd_backing *backing, u32 new_state, u32 *old_state)
{
	struct iomd_shmem *shmem = backing->data;

	if (!shmem->may_purge)
		return -EINVAL;
	mutex_lock(&shmem->lock);
	*old_state = shmem->state;
	change_state(shmem, new_state);
	mutex_unlock(&shmem->lock);
	return 0;
}

/*
 * Where the kernel sees it
 */

/* It can't fault there, so that all of it is held from then on. */
static void make_kernel_view(struct iomd_shmem *shmem)
{
	void *address;

	lockdep_assert_held(&shmem->lock);
	iomd_purge_remove(&shmem->purgeable);
	if (!bring_in(shmem, &shmem->shown, IOMD_DIRECTION_NONE)) {
		address = iomd_pages_show(&shmem->shown, 0, IOMD_MAP_DEFAULT_CACHE);
		if (IS_ERR(address))
			shmem_let_go(shmem, &shmem->shown, false);
		else
			shmem->kernel_address = address;
	}
	stand_in_line(shmem);
}

static void end_kernel_view(struct iomd_shmem *shmem)
{
	if (!shmem->kernel_address)
		return;
	vunmap(shmem->kernel_address);
	shmem->kernel_address = NULL;
	shmem_let_go(shmem, &shmem->shown, false);
}

/**
 * iomd_shmem_show() - where the kernel sees pageable memory
 * @shmem: memory
 *
 * The first call brings it in and maps it; both last as long as the memory.
 *
 * Return: the address of the first byte; NULL if the kernel is not whom it was made for,
 * if there is no memory, or if a fatal signal came.
 * Context: may sleep.
 */
void *iomd_shmem_show(struct iomd_shmem *shmem)
{
	if (!shmem->of_kernel)
		return NULL;
	mutex_lock(&shmem->lock);
	if (!shmem->kernel_address)
		make_kernel_view(shmem);
	mutex_unlock(&shmem->lock);
	return shmem->kernel_address;
}

/*
 * The rest
 */

static void shmem_destroy(struct iomd_backing *backing)
{
	struct iomd_shmem *shmem = backing->data;

	iomd_purge_remove(&shmem->purgeable);
	end_kernel_view(shmem);
	iomd_user_view_end(shmem->view);
	if (shmem->file) {
		/*
		 * The kernel closes a file some time later: in a task, when its system call
		 * returns. The pages, which count for somebody, go now.
		 */
		if (!shmem->view)
			shmem_truncate_range(file_inode(shmem->file), 0, (loff_t)-1);
		fput(shmem->file);
	}
	iomd_owner_destroy(&shmem->owner);
}

static struct iomd_owner *shmem_owner_of(struct iomd_backing *backing)
{
	struct iomd_shmem *shmem = backing->data;

	return &shmem->owner;
}

/* What is in the page cache, prepared or not. */
static int shmem_get_page_counts(struct iomd_backing *backing, u64 *resident, u64 *dirty)
{
	struct iomd_shmem *shmem = backing->data;
	pgoff_t index = 0, last = pages_of(shmem) - 1;
	struct folio_batch batch;
	unsigned int i;

	*resident = 0;
	*dirty = 0;
	folio_batch_init(&batch);
	while (filemap_get_folios(shmem->file->f_mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];
			u64 pages = folio_nr_pages(folio);

			pages = min_t(u64, pages, last + 1 - folio->index);
			*resident += pages;
			if (folio_test_dirty(folio))
				*dirty += pages;
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return 0;
}

const struct iomd_source iomd_source_shmem = {
	.prepare = shmem_prepare,
	.complete = shmem_complete,
	.destroy = shmem_destroy,
	.own_memory = true,
	.set_purgeable = shmem_set_purgeable,
	.owner_of = shmem_owner_of,
	.get_page_counts = shmem_get_page_counts,
};

static int make_file(struct iomd_shmem *shmem)
{
	struct file *file = iomd_should_fail() ? ERR_PTR(-ENOMEM) :
			    iomd_compat_shmem_file("iomd", PAGE_ALIGN(shmem->bytes));

	if (IS_ERR(file))
		return PTR_ERR(file);
	/* Held for long, pages must not be in the way of those that need to move. */
	mapping_set_gfp_mask(file->f_mapping, GFP_HIGHUSER);
	shmem->file = file;
	return 0;
}

static int make_view(struct iomd_shmem *shmem)
{
	struct iomd_user_view *view;

	if (!shmem->owner.payer.mm)
		return 0;
	if (shmem->owner.payer.mm != current->mm)
		return -EOPNOTSUPP;
	/* The machine may have more memory than an address space. */
	if (PAGE_ALIGN(shmem->bytes) > ULONG_MAX)
		return -ENOMEM;
	view = iomd_user_view_make(shmem->file, PAGE_ALIGN(shmem->bytes));
	if (IS_ERR(view))
		return PTR_ERR(view);
	shmem->view = view;
	return 0;
}

/**
 * iomd_shmem_init() - have a descriptor bring pageable memory along
 * @backing: of a descriptor, set up by iomd_general_init()
 * @shmem: with its public members set, else zero; in the same instance
 * @task: whose memory it is and who is shown it; NULL or IOMD_KERNEL_TASK: nobody
 * @payer: NULL: @task pays as what it is now; else who pays, of @task's address space
 *
 * Undone with the descriptor.
 *
 * Return: 0; -ENOMEM; -EOPNOTSUPP if @task is not of the calling process; else as
 * iomd_account_hold(), or what mmap() would say.
 * Context: may sleep.
 */
int iomd_shmem_init(struct iomd_backing *backing, struct iomd_shmem *shmem,
		    struct task_struct *task, const struct iomd_payer *payer)
{
	int ret = 0;

	backing->source = &iomd_source_shmem;
	backing->data = shmem;
	mutex_init(&shmem->lock);
	shmem->of_kernel = task == IOMD_KERNEL_TASK;
	shmem->state = IOMD_MEMORY_PURGEABLE_NON_VOLATILE;
	shmem->purgeable.resident = shmem_resident;
	shmem->purgeable.purge = shmem_purge;
	/* Whatever there is by then is undone with the descriptor. */
	if (payer)
		iomd_owner_init_as(&shmem->owner, payer);
	else
		ret = iomd_owner_init(&shmem->owner, task);
	if (ret)
		return ret;
	ret = make_file(shmem);
	if (ret)
		return ret;
	return make_view(shmem);
}

/* Where the process sees it that it was made for; 0 if there is none. */
unsigned long iomd_shmem_user_address(const struct iomd_shmem *shmem)
{
	return shmem->view ? shmem->view->address : 0;
}

/**
 * iomd_shmem_write() - copy into pageable memory, prepared or not
 * @shmem: memory
 * @offset: first byte
 * @bytes: kernel memory to copy from
 * @length: bytes, which must fit
 *
 * Return: 0; -ENOMEM, or what reading the pages back gave; some may be copied then.
 * Context: may sleep.
 */
int iomd_shmem_write(struct iomd_shmem *shmem, u64 offset, const void *bytes, u64 length)
{
	struct address_space *mapping = shmem->file->f_mapping;

	while (length) {
		unsigned int in_page = offset_in_page(offset);
		unsigned int piece = min_t(u64, length, PAGE_SIZE - in_page);
		struct page *page = read_page(mapping, offset >> PAGE_SHIFT,
					      mapping_gfp_mask(mapping));

		if (IS_ERR(page))
			return PTR_ERR(page);
		memcpy_to_page(page, in_page, bytes, piece);
		set_page_dirty(page);
		put_page(page);
		offset += piece;
		bytes += piece;
		length -= piece;
		cond_resched();
	}
	return 0;
}
