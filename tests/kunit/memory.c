// SPDX-License-Identifier: GPL-2.0
/*
 * User memory of every kind, who prepares it, and where it must be.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#include "fixtures.h"

const char * const area_names[AREA_KINDS] = {
	[AREA_SCATTERED]	= "scattered",
	[AREA_HUGE]		= "huge",
	[AREA_HUGETLB]		= "hugetlb",
	[AREA_MEMFD]		= "memfd",
};
EXPORT_SYMBOL_GPL(area_names);

/* Where the memory of a zone ends, on whichever node; 0 if there is none. */
static u64 zone_end(unsigned int type)
{
	u64 end = 0;
	int node;

	for_each_online_node(node) {
		struct zone *zone = NODE_DATA(node)->node_zones + type;

		if (populated_zone(zone))
			end = max_t(u64, end, PFN_PHYS(zone_end_pfn(zone)));
	}
	return end;
}

static unsigned int lowest_zone(void)
{
	unsigned int type;

	for (type = 0; type < MAX_NR_ZONES - 1 && !zone_end(type); type++)
		;
	return type;
}

/**
 * low_memory_bits() - what a device must have to reach any memory of this machine
 *
 * With fewer address bits it need not find any; with these there is some that the
 * allocator knows how to find: 24 on x86, 31 on s390, and 32 where memory begins
 * just below 4 GiB.
 *
 * Return: bits of the addresses of the lowest zone.
 */
unsigned int low_memory_bits(void)
{
	return fls64(zone_end(lowest_zone()) - 1);
}
EXPORT_SYMBOL_GPL(low_memory_bits);

/* Memory that needs no more address bits than these, zeroed by nobody. */
struct page *alloc_low_pages(unsigned int order)
{
	gfp_t gfp = GFP_KERNEL;

#ifdef CONFIG_ZONE_DMA
	if (lowest_zone() == ZONE_DMA)
		gfp |= __GFP_DMA;
#endif
#ifdef CONFIG_ZONE_DMA32
	if (lowest_zone() == ZONE_DMA32)
		gfp |= __GFP_DMA32;
#endif
	return alloc_pages(gfp, order);
}
EXPORT_SYMBOL_GPL(alloc_low_pages);

/**
 * needs_higher_memory() - skip the case where a device can't but reach all memory
 * @test: the case
 */
void needs_higher_memory(struct kunit *test)
{
	unsigned int bits = low_memory_bits(), type;

	for (type = lowest_zone() + 1; type < MAX_NR_ZONES; type++)
		if (zone_end(type) > BIT_ULL(bits))
			return;
	kunit_skip(test, "no memory needs more than the %u address bits of the lowest", bits);
}
EXPORT_SYMBOL_GPL(needs_higher_memory);

static void advise(struct area *area, int advice)
{
	KUNIT_ASSERT_EQ(area->puppet->test,
			puppet_syscall(area->puppet, __NR_madvise, area->address,
				       area_bytes(area), advice), 0L);
}

static void touch(struct area *area, unsigned int page)
{
	u64 address = area->address + (u64)page * PAGE_SIZE;

	puppet_write(area->puppet, address, &address, sizeof(address));
}

static void map_scattered(struct area *area)
{
	unsigned int page;

	area->address = puppet_mmap(area->puppet, area_bytes(area), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE, -1);
	/* A kernel that has none refuses the advice. */
	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		advise(area, MADV_NOHUGEPAGE);
	/* The kernel may hand out adjacent pages: to pages that are not. */
	for (page = 0; page < area->pages; page += 2)
		touch(area, page);
	for (page = 1; page < area->pages; page += 2)
		touch(area, page);
}

bool area_exists(enum area_kind kind)
{
	switch (kind) {
	case AREA_HUGE:
		return has_transparent_hugepage();
	case AREA_HUGETLB:
		return hugepages_supported();
	default:
		return true;
	}
}
EXPORT_SYMBOL_GPL(area_exists);

enum area_kind huge_if_any(void)
{
	return area_exists(AREA_HUGE) ? AREA_HUGE : AREA_SCATTERED;
}
EXPORT_SYMBOL_GPL(huge_if_any);

#define SMALLER		"/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled"

/* What a table of the page tables holds may be too much: have smaller ones, then. */
static unsigned int transparent_pages(struct puppet *puppet)
{
	static const char words[] = "madvise";
	int fd;

	if (PMD_SIZE <= SZ_2M)
		return PTRS_PER_PTE;
	fd = puppet_syscall(puppet, __NR_openat, AT_FDCWD, puppet_string(puppet, SMALLER),
			    O_WRONLY);
	if (fd < 0)
		kunit_skip(puppet->test, "huge pages have %lu MiB, and there are no smaller ones",
			   PMD_SIZE >> 20);
	KUNIT_ASSERT_EQ(puppet->test, (long)strlen(words),
			puppet_syscall(puppet, __NR_write, fd, puppet_string(puppet, words),
				       strlen(words)));
	puppet_syscall(puppet, __NR_close, fd);
	return SZ_2M >> PAGE_SHIFT;
}

/* The kernel takes as much as it must. */
static unsigned int hugetlb_pages(struct puppet *puppet)
{
	u64 address = puppet_mmap(puppet, 1, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, -1);
	struct vm_area_struct *vma;
	u64 bytes = 0;

	mmap_read_lock(puppet->mm);
	vma = find_vma(puppet->mm, address);
	if (vma)
		bytes = vma->vm_end - vma->vm_start;
	mmap_read_unlock(puppet->mm);
	KUNIT_ASSERT_EQ(puppet->test, 0L, puppet_syscall(puppet, __NR_munmap, address, bytes));
	return bytes >> PAGE_SHIFT;
}

/**
 * huge_area_pages() - how many pages a huge one of an area has
 * @puppet: whose memory
 * @kind: AREA_HUGE or AREA_HUGETLB
 *
 * Return: what area_make() rounds up to; the case is skipped if there are none.
 */
unsigned int huge_area_pages(struct puppet *puppet, enum area_kind kind)
{
	if (!area_exists(kind))
		kunit_skip(puppet->test, "no huge pages on this machine");
	return kind == AREA_HUGE ? transparent_pages(puppet) : hugetlb_pages(puppet);
}
EXPORT_SYMBOL_GPL(huge_area_pages);

static void map_huge(struct area *area, unsigned int huge)
{
	u64 address, bytes = (u64)huge * PAGE_SIZE;
	unsigned int i;

	address = puppet_mmap(area->puppet, area_bytes(area) + bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE, -1);
	area->address = ALIGN(address, bytes);
	advise(area, MADV_HUGEPAGE);
	for (i = 0; i < area->pages; i += huge)
		touch(area, i);
	area_look_up(area);
	for (i = 0; i < area->pages; i++)
		KUNIT_ASSERT_EQ_MSG(area->puppet->test, area->frames[i],
				    ALIGN_DOWN(area->frames[i & -huge], huge) + i % huge,
				    "page %u is not part of a huge one", i);
}

static void map_hugetlb(struct area *area)
{
	area->address = puppet_mmap(area->puppet, area_bytes(area), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_HUGETLB, -1);
}

static void map_memfd(struct area *area)
{
	struct puppet *puppet = area->puppet;
	int fd = puppet_syscall(puppet, __NR_memfd_create, puppet_string(puppet, "area"), 0);

	KUNIT_ASSERT_GE(puppet->test, fd, 0);
	KUNIT_ASSERT_EQ(puppet->test, 0L,
			puppet_syscall(puppet, __NR_ftruncate, fd, area_bytes(area)));
	area->address = puppet_mmap(puppet, area_bytes(area), PROT_READ | PROT_WRITE,
				    MAP_SHARED, fd);
	puppet_syscall(puppet, __NR_close, fd);
}

/**
 * area_make() - have memory of some kind
 * @area: set up
 * @puppet: whose memory
 * @kind: of what kind
 * @pages: how many; rounded up to whole huge pages where the kind is one of these
 */
void area_make(struct area *area, struct puppet *puppet, enum area_kind kind,
	       unsigned int pages)
{
	unsigned int huge = 1;

	if (kind == AREA_HUGE || kind == AREA_HUGETLB)
		huge = huge_area_pages(puppet, kind);
	pages = ALIGN(pages, huge);
	area->puppet = puppet;
	area->pages = pages;
	area->frames = kunit_kcalloc(puppet->test, pages, sizeof(*area->frames), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(puppet->test, area->frames);
	switch (kind) {
	case AREA_SCATTERED:
		map_scattered(area);
		break;
	case AREA_HUGE:
		map_huge(area, huge);
		break;
	case AREA_HUGETLB:
		map_hugetlb(area);
		break;
	default:
		map_memfd(area);
	}
}
EXPORT_SYMBOL_GPL(area_make);

u64 area_bytes(const struct area *area)
{
	return (u64)area->pages * PAGE_SIZE;
}
EXPORT_SYMBOL_GPL(area_bytes);

/* Have each byte hold the pattern of its offset in the area. */
void area_fill(struct area *area)
{
	u8 *buffer = kunit_kmalloc(area->puppet->test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(area->puppet->test, buffer);
	for (i = 0; i < area->pages; i++) {
		fill_pattern(buffer, (u64)i * PAGE_SIZE, PAGE_SIZE);
		puppet_write(area->puppet, area->address + (u64)i * PAGE_SIZE, buffer, PAGE_SIZE);
	}
	kunit_kfree(area->puppet->test, buffer);
}
EXPORT_SYMBOL_GPL(area_fill);

void area_look_up(struct area *area)
{
	puppet_look_up(area->puppet, area->address, area->pages, area->frames);
}
EXPORT_SYMBOL_GPL(area_look_up);

struct iomd_address_range area_range(const struct area *area, u64 offset, u64 length)
{
	return (struct iomd_address_range) { area->address + offset, length };
}
EXPORT_SYMBOL_GPL(area_range);

/*
 * Kernel memory
 */

void kernel_area_make(struct kernel_area *area, struct kunit *test, unsigned int pages)
{
	unsigned int i;

	area->count = pages;
	area->pages = kunit_kcalloc(test, pages, sizeof(*area->pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area->pages);
	for (i = 0; i < pages; i++) {
		/* First the even ones, then the odd ones. */
		unsigned int page = 2 * i < pages ? 2 * i : (2 * i - pages) | 1;

		area->pages[page] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, area->pages[page]);
	}
	area->address = vmap(area->pages, pages, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area->address);
}
EXPORT_SYMBOL_GPL(kernel_area_make);

void kernel_area_free(struct kernel_area *area)
{
	unsigned int i;

	vunmap(area->address);
	for (i = 0; i < area->count; i++)
		__free_page(area->pages[i]);
}
EXPORT_SYMBOL_GPL(kernel_area_free);

/*
 * Actors
 */

const char * const who_names[WHO_COUNT] = {
	[WHO_SELF]	= "itself",
	[WHO_ADOPTER]	= "adopter",
	[WHO_OTHER]	= "other",
};
EXPORT_SYMBOL_GPL(who_names);

void actor_enter(struct actor *actor, struct puppet *puppet, enum who who)
{
	actor->puppet = puppet;
	actor->who = who;
	if (who == WHO_ADOPTER)
		puppet_adopt_mm(puppet);
}
EXPORT_SYMBOL_GPL(actor_enter);

void actor_leave(struct actor *actor)
{
	if (actor->who == WHO_ADOPTER)
		puppet_leave_mm(actor->puppet);
}
EXPORT_SYMBOL_GPL(actor_leave);

long actor_call(const struct actor *actor, long (*call)(void *data), void *data)
{
	return actor->who == WHO_SELF ? puppet_call(actor->puppet, call, data) : call(data);
}
EXPORT_SYMBOL_GPL(actor_call);

struct act {
	const struct actor *actor;
	struct iomd_address_range *ranges;
	u32 count;
	u64 options;
	struct iomd *md;
};

static long describe(void *data)
{
	struct act *act = data;

	act->md = iomd_with_address_ranges(act->ranges, act->count, act->options,
					   act->actor->who == WHO_OTHER ?
					   act->actor->puppet->task : current);
	return 0;
}

struct iomd *actor_describe(const struct actor *actor, struct iomd_address_range *ranges,
			    u32 count, u64 options)
{
	struct act act = {
		.actor = actor,
		.ranges = ranges,
		.count = count,
		.options = options,
	};

	actor_call(actor, describe, &act);
	return act.md;
}
EXPORT_SYMBOL_GPL(actor_describe);

static long prepare(void *data)
{
	struct act *act = data;

	return iomd_prepare(act->md, act->options);
}

int actor_prepare(const struct actor *actor, struct iomd *md, u64 direction)
{
	struct act act = { .md = md, .options = direction };

	return actor_call(actor, prepare, &act);
}
EXPORT_SYMBOL_GPL(actor_prepare);

static long complete_it(void *data)
{
	struct act *act = data;

	return iomd_complete(act->md, act->options);
}

int actor_complete(const struct actor *actor, struct iomd *md, u64 direction)
{
	struct act act = { .md = md, .options = direction };

	return actor_call(actor, complete_it, &act);
}
EXPORT_SYMBOL_GPL(actor_complete);

/*
 * Images
 */

void image_init(struct image *image, struct kunit *test, unsigned int room)
{
	image->test = test;
	image->room = room;
	image->pieces = kunit_kcalloc(test, room, sizeof(*image->pieces), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, image->pieces);
	image_clear(image);
}
EXPORT_SYMBOL_GPL(image_init);

void image_clear(struct image *image)
{
	image->count = 0;
	image->merged = 0;
	image->length = 0;
}
EXPORT_SYMBOL_GPL(image_clear);

void image_add(struct image *image, phys_addr_t address, u64 length)
{
	struct iomd_address_range *piece = image->pieces + image->count;

	if (!length)
		return;
	if (WARN_ON(image->count == image->room))
		return;
	if (!image->count || piece[-1].address + piece[-1].length != address)
		image->merged++;
	piece->address = address;
	piece->length = length;
	image->count++;
	image->length += length;
}
EXPORT_SYMBOL_GPL(image_add);

void image_add_area(struct image *image, const struct area *area,
		    const struct iomd_address_range *ranges, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		u64 address = ranges[i].address, end = address + ranges[i].length;

		while (address < end) {
			u64 next = min_t(u64, end, (address | ~PAGE_MASK) + 1);
			u64 page = (address - area->address) >> PAGE_SHIFT;

			image_add(image, (area->frames[page] << PAGE_SHIFT) +
				  offset_in_page(address), next - address);
			address = next;
		}
	}
}
EXPORT_SYMBOL_GPL(image_add_area);

void image_add_kernel(struct image *image, const void *address, u64 length)
{
	while (length) {
		u64 bytes = min_t(u64, length, PAGE_SIZE - offset_in_page(address));
		phys_addr_t physical;

		if (iomd_compat_is_vmalloc_or_module_addr(address))
			physical = page_to_phys(vmalloc_to_page(address)) + offset_in_page(address);
		else
			physical = virt_to_phys((void *)address);
		image_add(image, physical, bytes);
		address += bytes;
		length -= bytes;
	}
}
EXPORT_SYMBOL_GPL(image_add_kernel);

phys_addr_t image_at(const struct image *image, u64 offset, u64 *length)
{
	const struct iomd_address_range *piece = image->pieces;
	phys_addr_t address;

	*length = 0;
	if (offset >= image->length)
		return 0;
	while (offset >= piece->length)
		offset -= (piece++)->length;
	address = piece->address + offset;
	*length = piece->length - offset;
	while (++piece < image->pieces + image->count && piece->address == address + *length)
		*length += piece->length;
	return address;
}
EXPORT_SYMBOL_GPL(image_at);

static bool differs(const struct image *image, const char *where, u64 offset,
		    phys_addr_t address, u64 length)
{
	u64 wanted_length;
	phys_addr_t wanted = image_at(image, offset, &wanted_length);

	if (address == wanted && length && length <= wanted_length)
		return false;
	KUNIT_FAIL(image->test, "%s: offset %#llx of %#llx: %#llx + %#llx, should be %#llx + %#llx",
		   where, offset, image->length, (u64)address, length, (u64)wanted,
		   wanted_length);
	return true;
}

/* Walk [@offset, @offset + @length): each byte must be where the image has it. */
bool image_check_walk(const struct image *image, struct iomd *md, u64 offset, u64 length,
		      unsigned int *segments)
{
	struct iomd_segment_iter iter;
	u64 end = min(offset + length, image->length), at = offset;
	unsigned int count = 0;

	iomd_for_each_segment(iter, md, offset, length) {
		if (differs(image, "walk", at, iter.address, iter.length))
			return false;
		if (iter.offset != at) {
			KUNIT_FAIL(image->test, "walk: offset %#llx, should be %#llx",
				   iter.offset, at);
			return false;
		}
		at += iter.length;
		count++;
	}
	if (offset < end && at != end) {
		KUNIT_FAIL(image->test, "walk from %#llx ends at %#llx, should at %#llx",
			   offset, at, end);
		return false;
	}
	if (segments)
		*segments = count;
	return true;
}
EXPORT_SYMBOL_GPL(image_check_walk);

bool image_check_query(const struct image *image, struct iomd *md, u64 offset)
{
	u64 length = ~0ULL;
	phys_addr_t address = iomd_get_physical_segment(md, offset, &length, 0);

	if (offset >= image->length) {
		KUNIT_EXPECT_EQ(image->test, (u64)address, 0ULL);
		KUNIT_EXPECT_EQ(image->test, length, 0ULL);
		return !address && !length;
	}
	return !differs(image, "query", offset, address, length) &&
	       !differs(image, "query without length", offset,
			iomd_get_physical_segment(md, offset, NULL, 0), 1);
}
EXPORT_SYMBOL_GPL(image_check_query);

/* The whole of it, walked and asked for at both ends of each piece. */
bool image_check(const struct image *image, struct iomd *md)
{
	unsigned int i;
	u64 at = 0;

	if (iomd_get_length(md) != image->length) {
		KUNIT_FAIL(image->test, "length %#llx, should be %#llx", iomd_get_length(md),
			   image->length);
		return false;
	}
	if (!image_check_walk(image, md, 0, image->length, NULL))
		return false;
	for (i = 0; i < image->count; i++) {
		if (!image_check_query(image, md, at) ||
		    !image_check_query(image, md, at + image->pieces[i].length - 1))
			return false;
		at += image->pieces[i].length;
	}
	return image_check_query(image, md, at) && image_check_query(image, md, at + 1) &&
	       image_check_query(image, md, ~0ULL);
}
EXPORT_SYMBOL_GPL(image_check);
