// SPDX-License-Identifier: GPL-2.0
/*
 * IOBufferMemoryDescriptor: a general descriptor that brings its memory along.
 *
 * Where that comes from, its source knows: pages of the kernel, prepared for life,
 * or a pageable file of shared memory (source/). It is whole pages, zero at first,
 * that hold nothing else, so that nobody who is shown them sees what is not meant
 * for him. The segments cover the capacity, whatever the length is at present.
 */
#include <linux/cc_platform.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <iomd/buffer.h>
#include <iomd/descriptor.h>

#include "../debug/inject.h"
#include "../mm/pages.h"
#include "../source/shmem.h"
#include "../source/buffer_pages.h"
#include "buffer.h"
#include "descriptor.h"
#include "general.h"

#define CREATION_OPTIONS						\
	(IOMD_DIRECTION_MASK | IOMD_MEMORY_MAPPER_NONE | IOMD_MEMORY_THREAD_SAFE | \
	 IOMD_MEMORY_CLEAR_ENCRYPT | IOMD_MEMORY_USE_RESERVE | IOMD_MEMORY_PERSISTENT | \
	 CONTIGUOUS | IOMD_MEMORY_PAGEABLE | IOMD_MEMORY_PURGEABLE | \
	 IOMD_MEMORY_KERNEL_USER_SHARED | IOMD_MAP_CACHE_MASK)
#define CONTIGUOUS							\
	(IOMD_MEMORY_PHYSICALLY_CONTIGUOUS | IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS)

/* How much of the source memory is pinned at a time while it is copied. */
#define COPY_WINDOW	SZ_1M

struct iomd_buffer {
	struct iomd_general general;
	u64 capacity;
	/* serialises what changes the length */
	struct mutex lock;
	union {
		struct iomd_buffer_pages pages;
		struct iomd_shmem shmem;
	};
};

/* What a constructor was asked for. */
struct request {
	struct task_struct *task;
	/* Who pays for pageable memory, if not @task as what it is now. */
	const struct iomd_payer *payer;
	u64 options;
	u64 capacity;
	u64 alignment;
	u64 mask;
	bool guarded;
	u32 kernel_tag;
	u32 user_tag;
};

struct os_meta_class iomd_buffer_meta_class = {
	.name = "iomd_buffer",
	.size = sizeof(struct iomd_buffer),
	.super = &iomd_general_meta_class,
	.owner = THIS_MODULE,
};
IOMD_EXPORT(iomd_buffer_meta_class);

/* NULL if @md is no buffer. */
static struct iomd_buffer *to_buffer(struct iomd *md)
{
	if (!os_object_meta_cast(&md->object, &iomd_buffer_meta_class))
		return NULL;
	return container_of(md, struct iomd_buffer, general.md);
}

static bool is_pageable(const struct iomd_buffer *buffer)
{
	return buffer->general.md.flags & IOMD_MEMORY_PAGEABLE;
}

/**
 * iomd_buffer_give() - have somebody pay for a buffer of kernel memory
 * @md: buffer, which is not pageable
 * @payer: who is charged for it from now on
 *
 * Return: 0; see iomd_payer_charge().
 * Context: may sleep.
 */
int iomd_buffer_give(struct iomd *md, const struct iomd_payer *payer)
{
	return iomd_owner_give(&to_buffer(md)->pages.owner, payer);
}

/* Where the kernel or the process that the buffer was made for sees it; 0 if neither does. */
static unsigned long address_of(const struct iomd_buffer *buffer)
{
	return is_pageable(buffer) ? iomd_shmem_user_address(&buffer->shmem) :
				     (unsigned long)buffer->pages.address;
}

static void set_length(struct iomd_buffer *buffer, u64 length)
{
	iomd_extents_set_single(&buffer->general.backing.extents, address_of(buffer), length);
	WRITE_ONCE(buffer->general.md.length, length);
}

/* Would others lose memory that they rely on, through what the buffer is a part of? */
static bool buffer_must_stay(const struct iomd_buffer *buffer, u64 length)
{
	return length < iomd_get_length(&buffer->general.md) &&
	       iomd_is_nested(&buffer->general.md) &&
	       iomd_prepares_is_needed(&buffer->general.prepares);
}

static int buffer_check_request(const struct request *request)
{
	u64 cache = request->options & IOMD_MAP_CACHE_MASK;
	u64 end;

	if ((request->options & ~CREATION_OPTIONS) || !request->capacity ||
	    check_add_overflow(request->capacity, max_t(u64, request->alignment, PAGE_SIZE) - 1,
			       &end))
		return -EINVAL;
	if (request->alignment && !iomd_is_power_of_2(request->alignment))
		return -EINVAL;
	if ((request->options & IOMD_MEMORY_CLEAR_ENCRYPT) &&
	    cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return -EOPNOTSUPP;
	if (!(request->options & IOMD_MEMORY_PAGEABLE))
		return request->task == IOMD_KERNEL_TASK ? 0 : -EINVAL;
	if ((request->options & CONTIGUOUS) || request->alignment > PAGE_SIZE || request->mask ||
	    (cache && cache != IOMD_MAP_COPYBACK_CACHE))
		return -EOPNOTSUPP;
	return PFN_UP(request->capacity) > totalram_pages() ? -ENOMEM : 0;
}

static int attach_pages(struct iomd_buffer *buffer, const struct request *request)
{
	struct iomd_buffer_pages *pages = &buffer->pages;
	int ret;

	pages->wish.bytes = request->capacity;
	pages->wish.alignment = request->alignment;
	pages->wish.mask = request->mask;
	pages->wish.contiguous = request->options & CONTIGUOUS;
	pages->wish.reserve = request->options & IOMD_MEMORY_USE_RESERVE;
	pages->cache = request->options & IOMD_MAP_CACHE_MASK;
	pages->guarded = request->guarded;
	ret = iomd_buffer_pages_init(&buffer->general.backing, pages);
	return ret ?: iomd_general_auto_prepare(&buffer->general);
}

static int attach_pageable(struct iomd_buffer *buffer, const struct request *request)
{
	struct iomd_shmem *shmem = &buffer->shmem;

	shmem->bytes = request->capacity;
	shmem->may_purge = request->options & IOMD_MEMORY_PURGEABLE;
	return iomd_shmem_init(&buffer->general.backing, shmem, request->task, request->payer);
}

static struct iomd_buffer *buffer_create(const struct request *request)
{
	u64 flags = request->options | IOMD_MEMORY_TYPE_VIRTUAL;
	struct iomd_buffer *buffer;
	int ret;

	ret = buffer_check_request(request);
	if (ret)
		return ERR_PTR(ret);
	buffer = os_object_alloc(&iomd_buffer_meta_class);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	if (!(flags & IOMD_MEMORY_PAGEABLE))
		flags &= ~IOMD_MEMORY_PURGEABLE;
	iomd_general_init(&buffer->general, NULL, 0, flags);
	mutex_init(&buffer->lock);
	buffer->capacity = request->capacity;
	iomd_set_vm_tags(&buffer->general.md, request->kernel_tag, request->user_tag);
	if (flags & IOMD_MEMORY_PAGEABLE)
		ret = attach_pageable(buffer, request);
	else
		ret = attach_pages(buffer, request);
	if (ret) {
		iomd_release(&buffer->general.md);
		return ERR_PTR(ret);
	}
	set_length(buffer, buffer->capacity);
	return buffer;
}

static struct iomd *create_md(const struct request *request)
{
	struct iomd_buffer *buffer = buffer_create(request);

	return IS_ERR(buffer) ? ERR_CAST(buffer) : &buffer->general.md;
}

struct iomd *iomd_buffer_of_payer(const struct iomd_payer *payer, u64 options, u64 capacity)
{
	struct request request = {
		.task = current,
		.payer = payer,
		.options = options | IOMD_MEMORY_PAGEABLE,
		.capacity = capacity,
		.alignment = 1,
	};

	return create_md(&request);
}

/**
 * iomd_buffer_in_task_with_options_and_tags() - memory and its descriptor, labelled
 * @task: see iomd_buffer_in_task_with_options()
 * @options: see iomd_buffer_in_task_with_options()
 * @capacity: see iomd_buffer_in_task_with_options()
 * @alignment: see iomd_buffer_in_task_with_options()
 * @kernel_tag: see iomd_set_vm_tags()
 * @user_tag: see iomd_set_vm_tags()
 *
 * IOKit: IOBufferMemoryDescriptor::inTaskWithOptions with six arguments.
 *
 * Return: see iomd_buffer_in_task_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_buffer_in_task_with_options_and_tags(struct task_struct *task, u64 options,
						       u64 capacity, u64 alignment,
						       u32 kernel_tag, u32 user_tag)
{
	struct request request = {
		.task = task,
		.options = options,
		.capacity = capacity,
		.alignment = alignment,
		.kernel_tag = kernel_tag,
		.user_tag = user_tag,
	};

	return create_md(&request);
}
IOMD_EXPORT(iomd_buffer_in_task_with_options_and_tags);

/**
 * iomd_buffer_in_task_with_options() - memory and its descriptor
 * @task: whose memory: IOMD_KERNEL_TASK; or, for pageable memory, one of the calling
 *	process, which is shown it and charged for it, or NULL for nobody's
 * @options: a direction, and any of
 *	IOMD_MEMORY_PHYSICALLY_CONTIGUOUS, _HOST_PHYSICALLY_CONTIGUOUS: in one piece;
 *	_PAGEABLE: there only when touched or prepared;
 *	_PURGEABLE: pageable memory for iomd_set_purgeable(); else ignored;
 *	IOMD_MAP_INHIBIT_CACHE, _WRITE_COMBINE_CACHE, _COPYBACK_CACHE, as all who see
 *	the memory have it;
 *	IOMD_MEMORY_USE_RESERVE: the kernel's reserves may be used;
 *	_CLEAR_ENCRYPT, _KERNEL_USER_SHARED, _MAPPER_NONE,
 *	_THREAD_SAFE, _PERSISTENT: nothing to do
 * @capacity: bytes, also the length at first
 * @alignment: of the first byte, a power of two; more than a page: in one piece.
 *	0 or 1 for none
 *
 * The memory is whole pages, holds nothing else, and is zero. Unless it is
 * pageable, it is the kernel's, prepared from the start in its direction and until
 * its end; further prepares and completes are counted as ever. Pageable memory is
 * to be prepared as any other; a purgeable buffer is purged while its process sees
 * it, but not while it is prepared. IOKit:
 * IOBufferMemoryDescriptor::inTaskWithOptions.
 *
 * Return: a buffer with one reference, the caller's, or ERR_PTR: -EINVAL for an
 * unknown option, no or too much capacity, an alignment that is no power of two,
 * or @task not the kernel's for memory that is not pageable; -ENOMEM, also for
 * memory in one piece that is not to be had and more than the machine has; -E2BIG
 * for more in one piece than the kernel ever has; -EOPNOTSUPP for a cache mode that
 * the machine's RAM can't have, a cache mode or place of pageable memory, clear
 * memory where all is encrypted, or another process's @task; -ESRCH if the task has
 * no address space any more; -EINTR if a fatal signal came.
 * Context: may sleep.
 */
struct iomd *iomd_buffer_in_task_with_options(struct task_struct *task, u64 options,
					      u64 capacity, u64 alignment)
{
	return iomd_buffer_in_task_with_options_and_tags(task, options, capacity, alignment,
							 0, 0);
}
IOMD_EXPORT(iomd_buffer_in_task_with_options);

/**
 * iomd_buffer_in_task_with_physical_mask() - memory that a device can reach
 * @task: see iomd_buffer_in_task_with_options()
 * @options: see iomd_buffer_in_task_with_options()
 * @capacity: bytes
 * @physical_mask: bits that physical addresses may have, down to the page; its
 *	lowest one is also the alignment. 0: all
 *
 * IOKit: IOBufferMemoryDescriptor::inTaskWithPhysicalMask.
 *
 * Return: see iomd_buffer_in_task_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_buffer_in_task_with_physical_mask(struct task_struct *task, u64 options,
						    u64 capacity, u64 physical_mask)
{
	struct request request = {
		.task = task,
		.options = options,
		.capacity = capacity,
		.mask = physical_mask,
	};

	return create_md(&request);
}
IOMD_EXPORT(iomd_buffer_in_task_with_physical_mask);

/**
 * iomd_buffer_in_task_with_guard_pages() - memory whose neighbours fault
 * @task: IOMD_KERNEL_TASK
 * @options: see iomd_buffer_in_task_with_options(); nothing about its place
 * @capacity: bytes; rounded up to pages, which iomd_buffer_get_capacity() tells
 *
 * The kernel, running off either end of it, is stopped. IOKit:
 * IOBufferMemoryDescriptor::inTaskWithGuardPages.
 *
 * Return: see iomd_buffer_in_task_with_options(); -EINVAL too for pageable memory or
 * memory in one piece, -EOPNOTSUPP where the architecture keeps modules from it.
 * Context: may sleep.
 */
struct iomd *iomd_buffer_in_task_with_guard_pages(struct task_struct *task, u64 options,
						  u64 capacity)
{
	struct request request = {
		.task = task,
		.options = options,
		.guarded = true,
	};

	if ((options & (CONTIGUOUS | IOMD_MEMORY_PAGEABLE)) ||
	    check_add_overflow(capacity, (u64)PAGE_SIZE - 1, &request.capacity))
		return ERR_PTR(-EINVAL);
	request.capacity = round_down(request.capacity, PAGE_SIZE);
	return create_md(&request);
}
IOMD_EXPORT(iomd_buffer_in_task_with_guard_pages);

/**
 * iomd_buffer_with_options() - kernel memory and its descriptor
 * @options: see iomd_buffer_in_task_with_options()
 * @capacity: bytes
 * @alignment: see iomd_buffer_in_task_with_options()
 *
 * IOKit: IOBufferMemoryDescriptor::withOptions.
 *
 * Return: see iomd_buffer_in_task_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_buffer_with_options(u64 options, u64 capacity, u64 alignment)
{
	return iomd_buffer_in_task_with_options(IOMD_KERNEL_TASK, options, capacity, alignment);
}
IOMD_EXPORT(iomd_buffer_with_options);

/**
 * iomd_buffer_with_capacity() - kernel memory and its descriptor
 * @capacity: bytes
 * @direction: one of IOMD_DIRECTION_
 * @contiguous: in one piece, aligned to the capacity if that is a power of two
 *
 * IOKit: IOBufferMemoryDescriptor::withCapacity.
 *
 * Return: see iomd_buffer_in_task_with_options().
 * Context: may sleep.
 */
struct iomd *iomd_buffer_with_capacity(u64 capacity, u64 direction, bool contiguous)
{
	u64 alignment = contiguous && iomd_is_power_of_2(capacity) ? capacity : 1;

	if (direction & ~IOMD_DIRECTION_MASK)
		return ERR_PTR(-EINVAL);
	if (contiguous)
		direction |= IOMD_MEMORY_PHYSICALLY_CONTIGUOUS;
	return iomd_buffer_with_options(direction, capacity, alignment);
}
IOMD_EXPORT(iomd_buffer_with_capacity);

/**
 * iomd_buffer_with_bytes() - kernel memory with given contents
 * @bytes: kernel memory to copy from
 * @length: how much, also the capacity
 * @direction: one of IOMD_DIRECTION_
 * @contiguous: in one piece
 *
 * IOKit: IOBufferMemoryDescriptor::withBytes.
 *
 * Return: see iomd_buffer_in_task_with_options(); -EINVAL too if @bytes is NULL.
 * Context: may sleep.
 */
struct iomd *iomd_buffer_with_bytes(const void *bytes, u64 length, u64 direction,
				    bool contiguous)
{
	struct iomd *md;

	if (!bytes)
		return ERR_PTR(-EINVAL);
	md = iomd_buffer_with_capacity(length, direction, contiguous);
	if (!IS_ERR(md))
		memcpy(iomd_buffer_get_bytes_no_copy(md), bytes, length);
	return md;
}
IOMD_EXPORT(iomd_buffer_with_bytes);

static int copy_window(struct iomd_shmem *shmem, u64 offset, struct iomd *source, void *bounce)
{
	u64 length = iomd_get_length(source), at;
	int ret = iomd_prepare(source, IOMD_DIRECTION_OUT);

	if (ret)
		return ret;
	for (at = 0; !ret && at < length; at += PAGE_SIZE) {
		u64 piece = min_t(u64, length - at, PAGE_SIZE);

		if (iomd_read_bytes(source, at, bounce, piece) == piece)
			ret = iomd_shmem_write(shmem, offset + at, bounce, piece);
		else
			ret = -EFAULT;
	}
	iomd_complete(source, IOMD_DIRECTION_NONE);
	return ret;
}

static int copy_in(struct iomd_shmem *shmem, struct task_struct *task, u64 address, u64 size)
{
	void *bounce = iomd_should_fail() ? NULL : kmalloc(PAGE_SIZE, GFP_KERNEL);
	u64 offset = 0;
	int ret = 0;

	if (!bounce)
		return -ENOMEM;
	while (!ret && offset < size) {
		u64 length = min_t(u64, size - offset, COPY_WINDOW);
		struct iomd *source = iomd_with_address_range(address + offset, length,
							      IOMD_DIRECTION_OUT, task);

		if (IS_ERR(source)) {
			ret = PTR_ERR(source);
			break;
		}
		ret = copy_window(shmem, offset, source, bounce);
		iomd_release(source);
		offset += length;
	}
	kfree(bounce);
	return ret;
}

/**
 * iomd_buffer_with_copy() - pageable memory with the contents of other memory
 * @task: see iomd_buffer_in_task_with_options(), but not NULL
 * @options: see iomd_buffer_in_task_with_options(); IOMD_MEMORY_PAGEABLE must be one
 * @source_task: whose memory is copied; IOMD_KERNEL_TASK for the kernel's
 * @source: address of its first byte
 * @size: bytes
 *
 * It shows what the source held at the time, whatever becomes of that. IOKit:
 * IOBufferMemoryDescriptor::withCopy, which copies when somebody writes.
 *
 * Return: see iomd_buffer_in_task_with_options(); -EINVAL too for memory that is
 * not pageable, no task, or a source that wraps; else as iomd_prepare() says of the
 * source.
 * Context: may sleep.
 */
struct iomd *iomd_buffer_with_copy(struct task_struct *task, u64 options,
				   struct task_struct *source_task, u64 source, u64 size)
{
	struct request request = {
		.task = task,
		.options = options,
		.capacity = size,
	};
	struct iomd_buffer *buffer;
	u64 end;
	int ret;

	if (!(options & IOMD_MEMORY_PAGEABLE) || !task || !source_task ||
	    source_task == IOMD_PHYSICAL_TASK || check_add_overflow(source, size, &end))
		return ERR_PTR(-EINVAL);
	buffer = buffer_create(&request);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	ret = copy_in(&buffer->shmem, source_task, source, size);
	if (ret) {
		iomd_release(&buffer->general.md);
		return ERR_PTR(ret);
	}
	return &buffer->general.md;
}
IOMD_EXPORT(iomd_buffer_with_copy);

/**
 * iomd_buffer_set_length() - describe less of the memory, or all again
 * @md: buffer
 * @length: bytes, at most the capacity
 *
 * The memory, its contents, how it is prepared and what is mapped stay as they are. What
 * the buffer is a part of has nothing in the place of what is not described any more.
 * IOKit: IOBufferMemoryDescriptor::setLength.
 *
 * Return: 0; or, with nothing changed: -EINVAL if it is more than the capacity, or @md
 * is no buffer; -EBUSY if it is less than until now while @md is a part of another
 * descriptor, and prepared, but for what it was born with, or mapped, by whomever.
 * Context: may sleep.
 */
int iomd_buffer_set_length(struct iomd *md, u64 length)
{
	struct iomd_buffer *buffer = to_buffer(md);
	int ret = 0;

	if (!buffer || length > buffer->capacity)
		return -EINVAL;
	mutex_lock(&buffer->lock);
	if (buffer_must_stay(buffer, length))
		ret = -EBUSY;
	else
		set_length(buffer, length);
	mutex_unlock(&buffer->lock);
	return ret;
}
IOMD_EXPORT(iomd_buffer_set_length);

/**
 * iomd_buffer_set_direction() - what the buffer is for from now on
 * @md: buffer
 * @direction: one of IOMD_DIRECTION_
 *
 * How it is prepared stays as it is: a buffer of kernel memory that was made for
 * OUT refuses IN for ever. IOKit: IOBufferMemoryDescriptor::setDirection.
 *
 * Return: 0; -EINVAL for anything but a direction, or if @md is no buffer.
 * Context: any.
 */
int iomd_buffer_set_direction(struct iomd *md, u64 direction)
{
	unsigned long irq;

	if (!to_buffer(md) || (direction & ~IOMD_DIRECTION_MASK))
		return -EINVAL;
	raw_spin_lock_irqsave(&md->lock, irq);
	md->flags = (md->flags & ~IOMD_DIRECTION_MASK) | direction;
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return 0;
}
IOMD_EXPORT(iomd_buffer_set_direction);

/**
 * iomd_buffer_get_capacity() - how much memory there is
 * @md: buffer
 *
 * IOKit: IOBufferMemoryDescriptor::getCapacity.
 *
 * Return: bytes; 0 if @md is no buffer.
 * Context: any.
 */
u64 iomd_buffer_get_capacity(struct iomd *md)
{
	struct iomd_buffer *buffer = to_buffer(md);

	return buffer ? buffer->capacity : 0;
}
IOMD_EXPORT(iomd_buffer_get_capacity);

/**
 * iomd_buffer_get_bytes_no_copy() - where the memory is seen
 * @md: buffer
 *
 * IOKit: IOBufferMemoryDescriptor::getBytesNoCopy without arguments.
 *
 * Pageable memory of the kernel is brought in and mapped by the first call that asks, and
 * stays so, besides all that prepares it, as long as the buffer lives: it is not purged any
 * more, and becomes zero where it is when it is to be empty.
 *
 * Return: the kernel's address of the first byte. NULL for a process's pageable memory,
 * see iomd_buffer_get_user_bytes_no_copy(); for pageable memory of nobody, which
 * iomd_map() maps; if pageable memory of the kernel could not be brought in or mapped; or
 * if @md is no buffer.
 * Context: may sleep, for pageable memory of the kernel; else any.
 */
void *iomd_buffer_get_bytes_no_copy(struct iomd *md)
{
	struct iomd_buffer *buffer = to_buffer(md);

	if (!buffer)
		return NULL;
	if (!is_pageable(buffer))
		return buffer->pages.address;
	/* A user address is no pointer that the kernel may follow. */
	return address_of(buffer) ? NULL : iomd_shmem_show(&buffer->shmem);
}
IOMD_EXPORT(iomd_buffer_get_bytes_no_copy);

/**
 * iomd_buffer_get_user_bytes_no_copy() - where a process sees its pageable buffer
 * @md: buffer
 *
 * IOKit: IOBufferMemoryDescriptor::getBytesNoCopy, of a buffer that was made in a user
 * task. IOKit returns one kind of pointer for both; here the compiler can tell them apart.
 *
 * Return: the address of the first byte in the address space of the process that the
 * buffer was made for; NULL for any other buffer, or if @md is none.
 * Context: any.
 */
void __user *iomd_buffer_get_user_bytes_no_copy(struct iomd *md)
{
	struct iomd_buffer *buffer = to_buffer(md);

	return buffer && is_pageable(buffer) ? (void __user *)address_of(buffer) : NULL;
}
IOMD_EXPORT(iomd_buffer_get_user_bytes_no_copy);

/**
 * iomd_buffer_get_bytes_no_copy_range() - where part of the memory is seen
 * @md: buffer
 * @start: first byte
 * @length: bytes
 *
 * IOKit: IOBufferMemoryDescriptor::getBytesNoCopy with arguments.
 *
 * Return: as iomd_buffer_get_bytes_no_copy(), of the byte at @start; NULL too if
 * @start or the range is not inside the buffer's present length.
 * Context: as iomd_buffer_get_bytes_no_copy().
 */
void *iomd_buffer_get_bytes_no_copy_range(struct iomd *md, u64 start, u64 length)
{
	u64 now = iomd_get_length(md), end;
	void *address;

	if (start >= now || check_add_overflow(start, length, &end) || end > now)
		return NULL;
	address = iomd_buffer_get_bytes_no_copy(md);
	return address ? address + start : NULL;
}
IOMD_EXPORT(iomd_buffer_get_bytes_no_copy_range);

/**
 * iomd_buffer_append_bytes() - copy behind what is there
 * @md: buffer, prepared or not, whatever its direction
 * @bytes: kernel memory to copy from
 * @length: bytes; what does not fit into the capacity is left out
 *
 * Sets the length to what there is then. IOKit:
 * IOBufferMemoryDescriptor::appendBytes.
 *
 * Return: true, also if some or all was left out; false, with the length as it was,
 * if pageable memory could not be brought in, @bytes is NULL or @md is no buffer.
 * Context: may sleep.
 */
bool iomd_buffer_append_bytes(struct iomd *md, const void *bytes, u64 length)
{
	struct iomd_buffer *buffer = to_buffer(md);
	int ret = 0;
	u64 end;

	if (!buffer || !bytes)
		return false;
	mutex_lock(&buffer->lock);
	end = md->length;
	length = min(length, buffer->capacity - end);
	if (is_pageable(buffer))
		ret = iomd_shmem_write(&buffer->shmem, end, bytes, length);
	else
		memcpy(buffer->pages.address + end, bytes, length);
	if (!ret)
		set_length(buffer, end + length);
	mutex_unlock(&buffer->lock);
	return !ret;
}
IOMD_EXPORT(iomd_buffer_append_bytes);
