// SPDX-License-Identifier: GPL-2.0
/*
 * Making general descriptors: from what a caller hands over to extents and the
 * source that knows this kind of memory.
 */
#include <linux/bvec.h>
#include <linux/device.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "../source/source.h"
#include "descriptor.h"
#include "general.h"

#define CREATION_OPTIONS						\
	(IOMD_DIRECTION_MASK | IOMD_MEMORY_TYPE_MASK | IOMD_MEMORY_AS_REFERENCE | \
	 IOMD_MEMORY_MAPPER_NONE | IOMD_MEMORY_HOST_ONLY | IOMD_MEMORY_THREAD_SAFE | \
	 IOMD_MEMORY_PERSISTENT | IOMD_MEMORY_MAP_COPY_ON_WRITE | IOMD_MEMORY_REMOTE | \
	 IOMD_MEMORY_USE_RESERVE)

/* What a caller described, as ranges; @made is to be freed. */
struct given {
	const struct iomd_source *source;
	const struct iomd_address_range *ranges;
	u32 count;
	struct iomd_address_range *made;
	/* Whose user memory it is, if not simply a task's. */
	const struct iomd_payer *payer;
};

static int make_ranges(struct given *given, u32 count)
{
	if (!count)
		return -EINVAL;
	if (iomd_should_fail())
		return -ENOMEM;
	given->made = kvmalloc_array(count, sizeof(*given->made), IOMD_GFP_SIZED);
	if (!given->made)
		return -ENOMEM;
	given->ranges = given->made;
	given->count = count;
	return 0;
}

static struct iomd_address_range range_of_bvec(const struct bio_vec *vec, u32 offset)
{
	return (struct iomd_address_range) {
		.address = page_to_phys(vec->bv_page) + vec->bv_offset + offset,
		.length = vec->bv_len - offset,
	};
}

/* An array of struct bio_vec, of which the first @offset bytes are left out. */
static int take_bvecs(struct given *given, const struct bio_vec *vecs, u32 count, u32 offset)
{
	u32 i;
	int ret = make_ranges(given, count);

	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		u32 skip = min(offset, vecs[i].bv_len);

		given->made[i] = range_of_bvec(&vecs[i], skip);
		offset -= skip;
	}
	return offset ? -EINVAL : 0;
}

/* The piece that @iter stands at; 0 bytes of it means that it is to be skipped. */
static struct iomd_address_range iter_piece(const struct iov_iter *iter)
{
	struct iomd_address_range range = {};

	if (iov_iter_is_bvec(iter)) {
		u32 offset = min_t(size_t, iter->iov_offset, iter->bvec->bv_len);

		range = range_of_bvec(iter->bvec, offset);
	} else if (iov_iter_is_kvec(iter)) {
		range.address = (unsigned long)iter->kvec->iov_base + iter->iov_offset;
		range.length = iter->kvec->iov_len - iter->iov_offset;
	} else if (iter_is_ubuf(iter)) {
		range.address = (unsigned long)iter->ubuf + iter->iov_offset;
		range.length = iov_iter_count(iter);
	} else {
		range.address = (unsigned long)iomd_compat_iter_iov(iter)->iov_base +
				iter->iov_offset;
		range.length = iomd_compat_iter_iov(iter)->iov_len - iter->iov_offset;
	}
	range.length = min_t(u64, range.length, iov_iter_count(iter));
	return range;
}

static u32 walk_iter(const struct iov_iter *from, struct iomd_address_range *ranges)
{
	struct iov_iter iter = *from;
	u32 count = 0;

	while (iov_iter_count(&iter)) {
		struct iomd_address_range range = iter_piece(&iter);

		if (ranges)
			ranges[count] = range;
		count++;
		iov_iter_advance(&iter, range.length);
	}
	return count;
}

/* What is left of a struct iov_iter, which stays as it is. */
static int take_iter(struct given *given, const struct iov_iter *iter, bool kernel)
{
	bool user = user_backed_iter(iter);
	int ret;

	if (user)
		given->source = &iomd_source_user;
	else if (iov_iter_is_kvec(iter))
		given->source = &iomd_source_kernel;
	else if (iov_iter_is_bvec(iter))
		given->source = &iomd_source_upl;
	else
		return -EOPNOTSUPP;
	if (kernel == user)
		return -EINVAL;
	ret = make_ranges(given, walk_iter(iter, NULL));
	if (!ret)
		walk_iter(iter, given->made);
	return ret;
}

/* Of whom are the addresses? */
static const struct iomd_source *source_of(const struct task_struct *task)
{
	if (task == IOMD_PHYSICAL_TASK)
		return &iomd_source_physical;
	return task == IOMD_KERNEL_TASK ? &iomd_source_kernel : &iomd_source_user;
}

/*
 * NULL stands for no task only where none is needed: it is also what looking for the
 * task of a process gives that has gone.
 */
static bool task_fits_type(const struct task_struct *task, u64 type)
{
	switch (type) {
	case IOMD_MEMORY_TYPE_VIRTUAL:
	case IOMD_MEMORY_TYPE_UIO:
		return task && task != IOMD_PHYSICAL_TASK;
	case IOMD_MEMORY_TYPE_PHYSICAL:
		return !task || task == IOMD_PHYSICAL_TASK;
	default:
		return !task;
	}
}

static int given_take(struct given *given, const void *buffers, u32 count, u32 offset,
		      struct task_struct *task, u64 options)
{
	u64 type = options & IOMD_MEMORY_TYPE_MASK;
	u64 direction = options & IOMD_DIRECTION_MASK;

	if (!buffers || !task_fits_type(task, type))
		return -EINVAL;
	given->ranges = buffers;
	given->count = count;
	switch (type) {
	case IOMD_MEMORY_TYPE_VIRTUAL:
		given->source = source_of(task);
		return 0;
	case IOMD_MEMORY_TYPE_PHYSICAL:
		given->source = &iomd_source_physical;
		return 0;
	case IOMD_MEMORY_TYPE_UPL:
		given->source = &iomd_source_upl;
		if (direction != IOMD_DIRECTION_IN && direction != IOMD_DIRECTION_OUT)
			return -EINVAL;
		return take_bvecs(given, buffers, count, offset);
	case IOMD_MEMORY_TYPE_UIO:
		return take_iter(given, buffers, task == IOMD_KERNEL_TASK);
	default:
		return -EINVAL;
	}
}

/*
 * Physical addresses that can't be are refused here, memory that is not there by
 * prepare. More than the machine has is no mistake: the same memory may be seen at
 * several places.
 */
static int check_extents(struct iomd_general *general, u64 options)
{
	const struct iomd_extent *extent;

	if ((options & IOMD_MEMORY_REMOTE) || general->backing.source != &iomd_source_physical)
		return 0;
	iomd_for_each_extent(extent, &general->backing.extents) {
		u64 last = extent->address + extent->length - 1;

		/* With 32 bits, frames end before addresses do. */
		if (last != (phys_addr_t)last || last >> PAGE_SHIFT != PHYS_PFN(last))
			return -EINVAL;
	}
	return iomd_extents_find_ram(&general->backing.extents);
}

/* May a living descriptor be given other memory? */
static bool general_in_use(struct iomd_general *general)
{
	return iomd_prepares_is_in_use(&general->prepares) ||
	       iomd_prepares_is_busy(&general->prepares) || !list_empty(&general->md.mappings) ||
	       iomd_is_nested(&general->md);
}

static int general_attach(struct iomd_general *general, const struct given *given,
			  struct task_struct *task, u64 options, struct device *mapper)
{
	int ret = iomd_extents_init(&general->backing.extents, given->ranges, given->count);

	if (ret)
		return ret;
	general->backing.source = given->source;
	ret = check_extents(general, options);
	if (ret)
		return ret;
	if (given->payer)
		iomd_payer_copy(&general->backing.payer, given->payer);
	else if (given->source == &iomd_source_user)
		ret = iomd_payer_init(&general->backing.payer, task);
	if (ret)
		return ret;
	if (mapper)
		general->mapper = get_device(mapper);
	general->md.length = general->backing.extents.length;
	/* No mapper makes memory seen by devices that none is to see, or that is elsewhere. */
	if (options & (IOMD_MEMORY_HOST_ONLY | IOMD_MEMORY_REMOTE))
		options |= IOMD_MEMORY_MAPPER_NONE;
	general->md.flags = options;
	return 0;
}

/* What a descriptor is that describes nothing. */
static void attach_nothing(struct iomd_general *general)
{
	iomd_general_detach(general);
	general->backing.source = &iomd_source_physical;
	iomd_extents_set_none(&general->backing.extents);
	general->md.length = 0;
}

int iomd_general_init_with_options(struct iomd *md, const void *buffers, u32 count, u32 offset,
				   struct task_struct *task, u64 options,
				   struct device *mapper)
{
	struct iomd_general *general = iomd_to_general(md);
	struct given given = {};
	int ret;

	if (general->backing.source && general->backing.source->own_memory)
		return -EOPNOTSUPP;
	if (options & ~CREATION_OPTIONS)
		return -EINVAL;
	/* By something whose end is deferred? */
	if (general->backing.source && general_in_use(general))
		os_object_barrier();
	if (general->backing.source && general_in_use(general))
		return -EBUSY;
	iomd_general_detach(general);
	ret = given_take(&given, buffers, count, offset, task, options);
	if (!ret)
		ret = general_attach(general, &given, task, options, mapper);
	if (ret)
		attach_nothing(general);
	kvfree(given.made);
	return ret;
}

static struct iomd *general_make(const struct given *given, struct task_struct *task, u64 options,
				 struct device *mapper)
{
	struct iomd_general *general;
	int ret;

	if (options & ~CREATION_OPTIONS)
		return ERR_PTR(-EINVAL);
	general = os_object_alloc(&iomd_general_meta_class);
	if (!general)
		return ERR_PTR(-ENOMEM);
	iomd_general_init(general, NULL, 0, 0);
	ret = general_attach(general, given, task, options, mapper);
	if (ret) {
		iomd_release(&general->md);
		return ERR_PTR(ret);
	}
	return &general->md;
}

struct iomd *iomd_general_of_payer(const struct iomd_address_range *ranges, u32 count,
				   u64 options, const struct iomd_payer *payer)
{
	struct given given = {
		.source = &iomd_source_user, .ranges = ranges, .count = count, .payer = payer,
	};

	if (options & IOMD_MEMORY_TYPE_MASK)
		return ERR_PTR(-EINVAL);
	return general_make(&given, NULL, options | IOMD_MEMORY_TYPE_VIRTUAL, NULL);
}

/**
 * iomd_with_options() - describe memory, the general constructor
 * @buffers: as the type in @options says:
 *	IOMD_MEMORY_TYPE_VIRTUAL: array of struct iomd_address_range in @task;
 *	_PHYSICAL: array of struct iomd_address_range, of RAM or a device;
 *	_UPL: array of struct bio_vec, whose pages somebody else holds for the life
 *	of the descriptor;
 *	_UIO: a struct iov_iter over user memory of @task, or over kvecs or bvecs.
 *	All are copied. Empty pieces are left out, others may overlap or repeat and
 *	count in full each.
 * @count: elements of the array
 * @offset: bytes to leave out at the start of a _UPL
 * @task: whose addresses: current, another task, or IOMD_KERNEL_TASK, also for
 *	kvecs and bvecs of a _UIO; NULL for _UPL; NULL or IOMD_PHYSICAL_TASK for
 *	_PHYSICAL. It need not outlive the descriptor.
 * @options: a type, a direction (exactly IN or OUT for _UPL), and any of
 *	IOMD_MEMORY_AS_REFERENCE, _MAPPER_NONE, _HOST_ONLY, _THREAD_SAFE,
 *	_PERSISTENT, _MAP_COPY_ON_WRITE, _USE_RESERVE, and _REMOTE: another
 *	machine's memory, of which only the segments can be told
 * @mapper: device that the memory is for, or NULL; held
 *
 * Nothing is looked up or pinned yet. Whose memory a driver describes is the driver's
 * decision: nothing here asks whether the caller may look into @task. A driver that lets
 * its users name a task checks that, with iomd_client_open_task(); one that serves whoever
 * opened a file keeps a client, see iomd_client_open(), not a task. IOKit:
 * IOMemoryDescriptor::withOptions.
 *
 * Return: a descriptor with one reference, the caller's, or ERR_PTR:
 * -EINVAL if there is nothing, anything wraps, the type or an option is not one of
 * these, type and task don't go together, or the task is a kernel thread without
 * user memory; -EOPNOTSUPP for other kinds of struct iov_iter; -ENOMEM; -ESRCH if
 * the task's address space is gone.
 * Context: may sleep.
 */
struct iomd *iomd_with_options(const void *buffers, u32 count, u32 offset,
			       struct task_struct *task, u64 options,
			       struct device *mapper)
{
	struct given given = {};
	int ret = given_take(&given, buffers, count, offset, task, options);
	struct iomd *md = ret ? ERR_PTR(ret) : general_make(&given, task, options, mapper);

	kvfree(given.made);
	return md;
}
IOMD_EXPORT(iomd_with_options);

/**
 * iomd_with_address_ranges() - describe several ranges of one address space
 * @ranges: see iomd_with_options()
 * @count: how many ranges
 * @options: see iomd_with_options(), without a type
 * @task: whose addresses; IOMD_PHYSICAL_TASK: they are physical, as IOKit's drivers
 *	say with NULL
 *
 * IOKit: IOMemoryDescriptor::withAddressRanges.
 *
 * Return: see iomd_with_options(); -EINVAL too if @task is NULL: what became of a
 * process that was looked for must not decide whether its numbers are physical
 * addresses.
 * Context: may sleep.
 */
struct iomd *iomd_with_address_ranges(const struct iomd_address_range *ranges, u32 count,
				      u64 options, struct task_struct *task)
{
	struct given given = { .source = source_of(task), .ranges = ranges, .count = count };

	if ((options & IOMD_MEMORY_TYPE_MASK) || !task)
		return ERR_PTR(-EINVAL);
	options |= task == IOMD_PHYSICAL_TASK ? IOMD_MEMORY_TYPE_PHYSICAL :
						IOMD_MEMORY_TYPE_VIRTUAL;
	return general_make(&given, task, options, NULL);
}
IOMD_EXPORT(iomd_with_address_ranges);

/**
 * iomd_with_address_range() - describe one range of an address space
 * @address: of the first byte
 * @length: bytes
 * @options: see iomd_with_address_ranges()
 * @task: whose address; IOMD_PHYSICAL_TASK: it is physical
 *
 * IOKit: IOMemoryDescriptor::withAddressRange.
 *
 * Return: see iomd_with_address_ranges().
 * Context: may sleep.
 */
struct iomd *iomd_with_address_range(u64 address, u64 length, u64 options,
				     struct task_struct *task)
{
	struct iomd_address_range range = { address, length };

	return iomd_with_address_ranges(&range, 1, options, task);
}
IOMD_EXPORT(iomd_with_address_range);

/**
 * iomd_with_physical_address() - describe one range of physical memory
 * @address: of the first byte: RAM, or a device's registers
 * @length: bytes
 * @direction: one of IOMD_DIRECTION_
 *
 * It needs no prepare. IOKit: IOMemoryDescriptor::withPhysicalAddress.
 *
 * Return: see iomd_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_with_physical_address(phys_addr_t address, u64 length, u64 direction)
{
	return iomd_with_address_range(address, length, direction, IOMD_PHYSICAL_TASK);
}
IOMD_EXPORT(iomd_with_physical_address);

/**
 * iomd_with_address() - describe kernel memory, ready for use
 * @address: of the first byte: in the linear map, a vmalloc or vmap area, or a
 *	module. The memory stays the caller's, who keeps it for the life of the
 *	descriptor.
 * @length: bytes
 * @direction: one of IOMD_DIRECTION_
 *
 * It is prepared, until it ends; further prepares and completes are counted as
 * ever. IOKit: IOMemoryDescriptor::withAddress.
 *
 * Return: see iomd_with_options(); besides -EFAULT if the kernel has no memory of
 * its own there, as at a user address.
 * Context: may sleep.
 */
struct iomd *iomd_with_address(void *address, u64 length, u64 direction)
{
	struct iomd *md = iomd_with_address_range((unsigned long)address, length, direction,
						  IOMD_KERNEL_TASK);
	int ret;

	if (IS_ERR(md))
		return md;
	ret = iomd_general_auto_prepare(iomd_to_general(md));
	if (ret) {
		iomd_release(md);
		return ERR_PTR(ret);
	}
	return md;
}
IOMD_EXPORT(iomd_with_address);

/* Do two prepared descriptors have the same pages behind them? */
static bool same_segments(struct iomd *one, struct iomd *other)
{
	struct iomd_segment_iter a, b;

	iomd_segment_iter_init(&b, other, 0, U64_MAX, 0);
	iomd_for_each_segment(a, one, 0, U64_MAX) {
		if (a.address != b.address || a.length != b.length)
			return false;
		iomd_segment_iter_next(&b);
		cond_resched();
	}
	return !b.length;
}

struct iomd *iomd_general_describe_again(struct iomd_general *original)
{
	struct iomd_extents *extents = &original->backing.extents;
	const struct iomd_extent *extent;
	struct iomd_general *general;
	struct given given = {};
	int ret;
	u32 i = 0;

	ret = make_ranges(&given, extents->count);
	if (ret)
		return ERR_PTR(ret);
	iomd_for_each_extent(extent, extents)
		given.made[i++] = (struct iomd_address_range) { extent->address, extent->length };
	general = os_object_alloc(&iomd_general_meta_class);
	if (!general) {
		ret = -ENOMEM;
		goto out;
	}
	iomd_general_init(general, NULL, 0, 0);
	ret = iomd_extents_init(&general->backing.extents, given.ranges, given.count);
	if (ret) {
		attach_nothing(general);
		iomd_release(&general->md);
		goto out;
	}
	general->backing.source = original->backing.source;
	iomd_payer_copy(&general->backing.payer, &original->backing.payer);
	general->mapper = get_device(original->mapper);
	general->md.length = original->md.length;
	general->md.flags = original->md.flags & ~IOMD_MEMORY_STATE_MASK;
out:
	kvfree(given.made);
	return ret ? ERR_PTR(ret) : &general->md;
}

/**
 * iomd_with_persistent_memory_descriptor() - a descriptor of what is there now
 * @original: made with IOMD_MEMORY_PERSISTENT
 *
 * Looks whether the ranges of @original still show the pages that it holds
 * prepared. While it is not prepared it holds none, and shows what is there at its
 * next prepare. A buffer's memory never is another. IOKit:
 * IOMemoryDescriptor::withPersistentMemoryDescriptor.
 *
 * Return: @original with one more reference, the caller's, if they do; a new
 * descriptor of the same ranges, not prepared, if they show other memory; or
 * ERR_PTR: -EINVAL if @original is NULL, not a general descriptor or not
 * persistent; else as iomd_prepare(), as when nothing is mapped there any more.
 * Context: may sleep.
 */
struct iomd *iomd_with_persistent_memory_descriptor(struct iomd *original)
{
	struct iomd_general *general;
	struct iomd *again;
	bool same = true;
	int ret;

	if (!original || !os_object_meta_cast(&original->object, &iomd_general_meta_class) ||
	    !(iomd_get_flags(original) & IOMD_MEMORY_PERSISTENT))
		return ERR_PTR(-EINVAL);
	general = iomd_to_general(original);
	if (general->backing.source->own_memory || !iomd_prepares_is_prepared(&general->prepares))
		return iomd_retain(original);
	again = iomd_general_describe_again(general);
	if (IS_ERR(again))
		return again;
	ret = iomd_prepare(again, IOMD_DIRECTION_OUT);
	if (ret) {
		iomd_release(again);
		return ERR_PTR(ret);
	}
	/* Only now, as to prepare may take long. It may have been completed meanwhile. */
	if (!iomd_prepares_hold(&general->prepares)) {
		same = same_segments(original, again);
		iomd_prepares_drop(&general->prepares);
	}
	iomd_complete(again, IOMD_DIRECTION_NONE);
	if (!same)
		return again;
	iomd_release(again);
	return iomd_retain(original);
}
IOMD_EXPORT(iomd_with_persistent_memory_descriptor);
