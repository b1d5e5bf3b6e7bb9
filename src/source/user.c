// SPDX-License-Identifier: GPL-2.0
/*
 * User memory, of the calling task or of another one: faulted in and pinned for
 * as long as it is prepared, whatever the task does to its mappings meanwhile.
 *
 * Pages are pinned in batches that end where a page table ends, so that a batch
 * of a huge page is one step for the kernel, the scratch memory is one page
 * whatever the length, and a killed task stops soon. No lock is held across a
 * batch.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../debug/counters.h"
#include "../debug/inject.h"
#include "../debug/knobs.h"
#include "source.h"

#define BATCH		512
/* With so few pages the scratch memory is on the stack. */
#define SMALL_BATCH	8

struct pinning {
	struct mm_struct *mm;
	bool remote;
	unsigned int flags;
	struct page **pages;
	unsigned int room;
	/* So far. */
	u64 pinned;
	struct iomd_segments *segments;
};

static unsigned int batch_pages(const struct pinning *pin, u64 address, u64 pages)
{
	u64 to_table_end = (PMD_SIZE - (address & (PMD_SIZE - 1)) + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u64 batch = min3(pages, to_table_end, (u64)pin->room);
	unsigned int knob = READ_ONCE(iomd_knob_pin_batch);

	return unlikely(knob) ? min_t(u64, batch, knob) : batch;
}

static __always_inline long pin_batch(const struct pinning *pin, unsigned long address,
				      unsigned int count)
{
	unsigned int flags = iomd_compat_pin_flags(pin->mm, address, pin->flags, &count);

	if (iomd_should_fail())
		return -ENOMEM;
	if (!pin->remote)
		return iomd_compat_pin_own(address, count, flags, pin->pages);
	/* Somebody may have to bring a page in: not while the other task is locked out. */
	return iomd_compat_pin_remote(pin->mm, address, count, flags, pin->pages);
}

static int pin_extent(struct pinning *pin, const struct iomd_extent *extent)
{
	u64 address = extent->address, end = address + extent->length;

	if (end != (unsigned long)end)
		return -EFAULT;
	while (address < end) {
		unsigned int offset = offset_in_page(address);
		u64 pages = (end - (address - offset) + PAGE_SIZE - 1) >> PAGE_SHIFT;
		unsigned int appended;
		long pinned;

		if (fatal_signal_pending(current))
			return -EINTR;
		pinned = pin_batch(pin, address, batch_pages(pin, address, pages));
		if (pinned <= 0)
			return pinned ?: -EFAULT;
		appended = iomd_segments_append_pages(pin->segments, pin->pages, pinned, offset);
		pin->pinned += appended;
		if (appended < pinned) {
			unpin_user_pages(pin->pages + appended, pinned - appended);
			return -ENOMEM;
		}
		/* Fewer than asked for is progress: asking again tells why. */
		address += pinned * PAGE_SIZE - offset;
		cond_resched();
	}
	if (address > end)
		iomd_segments_trim(pin->segments, address - end);
	return 0;
}

/*
 * Give back small pages up to the first large folio; what is behind a small page is
 * never inside one. A page stays dirty, so marking one, which sleeps, is rare.
 */
static struct page *unpin_small(struct page *page, struct page *end, bool dirty)
{
	do {
		struct folio *folio = (struct folio *)page;

		if (dirty && !folio_test_dirty(folio))
			set_page_dirty_lock(page);
		iomd_compat_unpin(folio, page, 1);
		page++;
	} while (page < end && !PageHead(page));
	return page;
}

/* Give back pages of the large folio that @page is in: in one step for all of them. */
static struct page *unpin_large(struct page *page, struct page *end, bool dirty)
{
	struct folio *folio = page_folio(page);
	unsigned int count = min_t(unsigned long, end - page,
				   folio_nr_pages(folio) - folio_page_idx(folio, page));

	if (dirty && !folio_test_dirty(folio))
		unpin_user_page_range_dirty_lock(page, count, true);
	else
		iomd_compat_unpin(folio, page, count);
	return page + count;
}

static void unpin_all(struct iomd_segments *segments, u64 pages, bool dirty)
{
	struct scatterlist *sg = segments->table.sgl;
	unsigned int left = segments->table.orig_nents;
	/* Small pages and parts of large ones, since others were let run. */
	unsigned long work = 0;

	while (left) {
		struct page *page = sg_page(sg), *end = page + iomd_segment_pages(sg);

		do {
			struct page *start = page;

			if (PageCompound(page)) {
				page = unpin_large(page, end, dirty);
				work++;
			} else {
				page = unpin_small(page, min(end, page + BATCH), dirty);
				work += page - start;
			}
			if (work >= BATCH) {
				cond_resched();
				work = 0;
			}
		} while (page < end);
		if (!--left)
			break;
		sg = iomd_segments_next(sg);
	}
	iomd_count(IOMD_PAGES_UNPINNED, pages);
	iomd_segments_free(segments);
}

static int pin_extents(struct iomd_backing *backing, struct pinning *pin)
{
	const struct iomd_extent *extent;
	int ret = 0;

	iomd_segments_init(pin->segments);
	iomd_for_each_extent(extent, &backing->extents) {
		ret = pin_extent(pin, extent);
		if (ret)
			break;
	}
	iomd_count(IOMD_PAGES_PINNED, pin->pinned);
	if (!ret)
		ret = iomd_segments_finish(pin->segments);
	if (ret)
		unpin_all(pin->segments, pin->pinned, false);
	return ret;
}

/* One page needs no batches. */
static int pin_one(const struct iomd_extent *extent, struct pinning *pin)
{
	u64 end = extent->address + extent->length;
	struct page *page;
	long pinned;

	if (end != (unsigned long)end)
		return -EFAULT;
	pin->pages = &page;
	pinned = pin_batch(pin, extent->address, 1);
	if (pinned <= 0)
		return pinned ?: -EFAULT;
	iomd_count(IOMD_PAGES_PINNED, 1);
	iomd_segments_set_page(pin->segments, page, offset_in_page(extent->address),
			       extent->length);
	return 0;
}

static int pin_with_scratch(struct iomd_backing *backing, struct pinning *pin)
{
	struct page *small[SMALL_BATCH];
	int ret;

	pin->pages = small;
	pin->room = SMALL_BATCH;
	if (backing->extents.pages > SMALL_BATCH) {
		if (iomd_should_fail())
			return -ENOMEM;
		pin->pages = kmalloc_array(BATCH, sizeof(*pin->pages), GFP_KERNEL);
		if (!pin->pages)
			return -ENOMEM;
		pin->room = BATCH;
	}
	ret = pin_extents(backing, pin);
	if (pin->pages != small)
		kfree(pin->pages);
	return ret;
}

static int user_prepare(struct iomd_backing *backing, u64 direction)
{
	struct mm_struct *mm = backing->payer.mm;
	struct pinning pin = {
		.mm = mm,
		.remote = mm != current->mm,
		.flags = FOLL_LONGTERM,
		.segments = &backing->segments,
	};
	int ret;

	if (direction & IOMD_DIRECTION_IN)
		pin.flags |= FOLL_WRITE;
	if (direction & IOMD_DIRECTION_PREPARE_NO_FAULT)
		pin.flags |= FOLL_NOFAULT;
	if (pin.remote && !mmget_not_zero(mm))
		return -ESRCH;
	ret = iomd_payer_charge(&backing->payer, backing->extents.pages);
	if (!ret) {
		ret = backing->extents.pages == 1 ? pin_one(backing->extents.list, &pin) :
						    pin_with_scratch(backing, &pin);
		if (ret)
			iomd_payer_uncharge(&backing->payer);
	}
	if (pin.remote)
		mmput(mm);
	return ret;
}

static void user_complete(struct iomd_backing *backing, bool dirty)
{
	unpin_all(&backing->segments, backing->extents.pages, dirty);
	iomd_payer_uncharge(&backing->payer);
}

static void user_destroy(struct iomd_backing *backing)
{
	iomd_payer_destroy(&backing->payer);
}

const struct iomd_source iomd_source_user = {
	.prepare = user_prepare,
	.complete = user_complete,
	.destroy = user_destroy,
	.destroys_anywhere = true,
};
