/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The abstract descriptor (IOMemoryDescriptor) and what a class must supply.
 */
#ifndef IOMD_DESCRIPTOR_H
#define IOMD_DESCRIPTOR_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <iomd/object.h>
#include <iomd/segment.h>
#include <iomd/types.h>
#include <iomd/version.h>

struct device;
struct iomd;
struct iomd_mapping;
struct iomd_ownership;
struct iomd_segment_index;
struct task_struct;

/**
 * struct iomd_ops - what a class of descriptors does its own way
 * @init_with_options: see iomd_init_with_options(); NULL: -EOPNOTSUPP
 * @prepare: see iomd_prepare(); mandatory
 * @complete: see iomd_complete(); mandatory
 * @get_physical_segment: see iomd_get_physical_segment(); mandatory. Called with
 *	an offset inside the descriptor and a valid length pointer. Never sleeps.
 * @seek: place @iter at its offset inside a scatterlist, so that the walk goes
 *	on without asking; false when there is none. NULL: none ever. Never sleeps.
 * @set_in_use: one more (true) or one less (false) mapping, for a device or for
 *	the CPU, uses the memory: while any does, the complete that would end the
 *	preparation is refused. -EAGAIN if the memory is not prepared. Never
 *	sleeps. NULL: the base counts, and refuses every complete meanwhile.
 * @get_preparation_id: see iomd_get_preparation_id(); NULL: unsupported
 * @get_dma_map_length: see iomd_get_dma_map_length(); NULL: from the segments
 * @get_kernel_address: the address at which [@offset, @offset + @length) is seen
 *	by the kernel anyway, for as long as the descriptor lives; 0 if it is not.
 *	NULL: never
 * @set_purgeable: see iomd_set_purgeable(). Called with one of the four states,
 *	without modifiers, and a valid pointer. NULL: -EAGAIN
 * @set_ownership: see iomd_set_ownership(). Called with a valid tag and valid
 *	options. NULL: -EAGAIN
 * @get_page_counts: see iomd_get_page_counts(). Called with valid pointers. NULL:
 *	-EAGAIN
 * @is_guard: is the byte at @offset, which is inside, in a guard: without memory, and
 *	to be out of reach in every mapping? Sets the valid pointer @length to the
 *	bytes from there on that the answer is right for. Never sleeps. NULL: no
 * @get_cache_mode: how the CPU is to cache the byte at @offset, which is inside: one
 *	of IOMD_MAP_..._CACHE. Never sleeps. NULL: what iomd_get_flags() says
 * @make_mapping: see iomd_make_mapping(); NULL: the base's
 * @do_map: see iomd_do_map(); NULL: the base's
 * @do_unmap: see iomd_do_unmap(); NULL: the base's
 * @handle_fault: see iomd_handle_fault(); NULL: the base's
 * @populate_device_pager: see iomd_populate_device_pager(); NULL: the base's
 * @redirect: see iomd_redirect(); NULL: the base's
 * @is_ram: is the memory at @offset, which is inside, RAM of this machine, with a struct
 *	page and an address of the kernel's for each page? What @get_physical_segment
 *	tells of from there on is all of that kind, and what @seek finds always is.
 *	Never sleeps. NULL: the first and the last page of such a piece say: what is
 *	reserved, as the kernel's own image, passes for a device's then
 * @hold: keep [@offset, @offset + @length), which is inside, as it is prepared, for a short
 *	while, to be read: a complete that would end the preparation waits for @drop. It is
 *	no preparation, and nobody but who waits can tell. -EAGAIN if the memory is not
 *	prepared. Never sleeps. NULL: nothing is done, and a complete meanwhile is the
 *	caller's mistake
 * @drop: undo one @hold of the same range. Never sleeps; in the place of both or of none
 * @reserve_complete: see to it that one @complete can't be refused, or refuse it now with
 *	nothing changed, as @complete would. The memory stays as it is prepared. Followed by
 *	@complete_reserved or @cancel_complete. May sleep. NULL: of a composite that has
 *	such a part, what @complete refuses leaves the other parts completed
 * @complete_reserved: carry out what was reserved, see iomd_complete(). May sleep; in the
 *	place of all three or of none. An error is passed on, but undoes nothing
 * @cancel_complete: undo one @reserve_complete. May sleep
 * @is_prepared_read_only: is any of it prepared for OUT only? Never sleeps. NULL: only if
 *	the core says so
 * @hand_over: a mapping, or what is exported, does without the preparation that it made for
 *	itself: @complete, but if others use the memory, who rest on that, the complete is
 *	done after the last of their uses. May sleep. NULL: @complete at once, so that a
 *	device must not rest on what a mapping prepared
 * @change_ownership: for classes of the core: @set_ownership of a part, so that it can be
 *	undone if another part's fails. NULL: @set_ownership, which stays done
 *
 * Fill one statically. Members may be added at the end: an op left NULL always
 * means the base's way.
 */
struct iomd_ops {
	int (*init_with_options)(struct iomd *md, const void *buffers, u32 count, u32 offset,
				 struct task_struct *task, u64 options,
				 struct device *mapper);
	int (*prepare)(struct iomd *md, u64 direction);
	int (*complete)(struct iomd *md, u64 direction);
	phys_addr_t (*get_physical_segment)(struct iomd *md, u64 offset, u64 *length,
					    u64 options);
	bool (*seek)(struct iomd *md, struct iomd_segment_iter *iter);
	int (*set_in_use)(struct iomd *md, bool begin);
	u64 (*get_preparation_id)(struct iomd *md);
	u64 (*get_dma_map_length)(struct iomd *md, u64 *offset);
	unsigned long (*get_kernel_address)(struct iomd *md, u64 offset, u64 length);
	int (*set_purgeable)(struct iomd *md, u32 new_state, u32 *old_state);
	int (*set_ownership)(struct iomd *md, struct task_struct *new_owner, int new_ledger_tag,
			     u64 options);
	int (*get_page_counts)(struct iomd *md, u64 *resident, u64 *dirty);
	bool (*is_guard)(struct iomd *md, u64 offset, u64 *length);
	u64 (*get_cache_mode)(struct iomd *md, u64 offset);
	struct iomd_mapping *(*make_mapping)(struct iomd *md, struct iomd *owner,
					     struct task_struct *task,
					     struct iomd_mapping *new_map, u64 options,
					     u64 offset, u64 length);
	int (*do_map)(struct iomd *md, struct iomd_mapping *mapping);
	int (*do_unmap)(struct iomd *md, struct iomd_mapping *mapping);
	int (*handle_fault)(struct iomd *md, struct iomd_mapping *mapping, u64 offset,
			    u64 length);
	int (*populate_device_pager)(struct iomd *md, struct iomd_mapping *mapping,
				     u64 offset, u64 length);
	int (*redirect)(struct iomd *md, struct task_struct *safe_task, bool redirect);
	bool (*is_ram)(struct iomd *md, u64 offset);
	int (*hold)(struct iomd *md, u64 offset, u64 length);
	void (*drop)(struct iomd *md, u64 offset, u64 length);
	int (*reserve_complete)(struct iomd *md);
	int (*complete_reserved)(struct iomd *md, u64 direction);
	void (*cancel_complete)(struct iomd *md);
	bool (*is_prepared_read_only)(const struct iomd *md);
	void (*hand_over)(struct iomd *md);
	int (*change_ownership)(struct iomd *md, struct iomd_ownership *change);
};

/**
 * struct iomd - a descriptor of memory, base of every class of them
 *
 * All members are private; a subclass has this as its first member and sets it
 * up with iomd_init().
 */
struct iomd {
	/* private: */
	struct os_object object;
	const struct iomd_ops *ops;
	u64 length;
	u64 flags;
	/*
	 * Of a class that has a list of its memory, while that is prepared: what finds
	 * entries in it. Each list that goes is counted.
	 */
	struct iomd_segment_index *index;
	u32 generation;
	/*
	 * guards context and, in the classes that say so, their state; raw, as it is
	 * taken in hard interrupt context, which PREEMPT_RT has, too
	 */
	raw_spinlock_t lock;
	u32 tag;
	u32 kernel_tag;
	u32 user_tag;
	u32 users;
	u16 mapper_options;
	/* Composites below this one at the most, and composites that it is a part of. */
	u8 depth;
	/* Can it only be read, as it is prepared? */
	bool prepared_read_only;
	atomic_t nested;
	/* Uses that IOMD_MD_SET_DMA_ACTIVE began, and that it alone may end. */
	atomic_t dma_active;
	u64 preparation_id;
	struct os_object *context;
	/* guards what follows; a walk may be long, as tasks make as many mappings as they like */
	struct mutex mappings_lock;
	struct list_head mappings;
	/* Those that others may share, by the address space that they are in. */
	struct rb_root shared_mappings;
};

extern struct os_meta_class iomd_meta_class;
/* What the constructors below make (IOGeneralMemoryDescriptor). */
extern struct os_meta_class iomd_general_meta_class;

#define iomd_from_object(ptr)	container_of_const(ptr, struct iomd, object)

void iomd_init(struct iomd *md, const struct iomd_ops *ops, u64 length, u64 options);

struct iomd *iomd_with_address(void *address, u64 length, u64 direction);
struct iomd *iomd_with_address_range(u64 address, u64 length, u64 options,
				     struct task_struct *task);
struct iomd *iomd_with_address_ranges(const struct iomd_address_range *ranges, u32 count,
				      u64 options, struct task_struct *task);
struct iomd *iomd_with_physical_address(phys_addr_t address, u64 length, u64 direction);
struct iomd *iomd_with_options(const void *buffers, u32 count, u32 offset,
			       struct task_struct *task, u64 options,
			       struct device *mapper);
int iomd_init_with_options(struct iomd *md, const void *buffers, u32 count, u32 offset,
			   struct task_struct *task, u64 options, struct device *mapper);

struct iomd *iomd_with_persistent_memory_descriptor(struct iomd *original);

void iomd_release(struct iomd *md);

int iomd_prepare(struct iomd *md, u64 direction);
int iomd_complete(struct iomd *md, u64 direction);
u64 iomd_get_preparation_id(struct iomd *md);
void iomd_set_preparation_id(struct iomd *md);

phys_addr_t iomd_get_physical_segment(struct iomd *md, u64 offset, u64 *length, u64 options);
phys_addr_t iomd_get_physical_address(struct iomd *md);
u64 iomd_get_dma_map_length(struct iomd *md, u64 *offset);
u64 iomd_read_bytes(struct iomd *md, u64 offset, void *bytes, u64 length);
u64 iomd_write_bytes(struct iomd *md, u64 offset, const void *bytes, u64 length);

int iomd_perform_operation(struct iomd *md, u32 options, u64 offset, u64 length);

int iomd_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state);
int iomd_set_ownership(struct iomd *md, struct task_struct *new_owner, int new_ledger_tag,
		       u64 options);
int iomd_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty);

u64 iomd_get_length(const struct iomd *md);
u64 iomd_get_direction(const struct iomd *md);
u64 iomd_get_flags(const struct iomd *md);
u32 iomd_get_tag(const struct iomd *md);
void iomd_set_tag(struct iomd *md, u32 tag);
void iomd_set_context(struct iomd *md, struct os_object *context);
struct os_object *iomd_copy_context(struct iomd *md);
struct os_meta_class *iomd_get_meta_class(const struct iomd *md);
void iomd_set_vm_tags(struct iomd *md, u32 kernel_tag, u32 user_tag);
u32 iomd_get_vm_tag(const struct iomd *md, const struct task_struct *task);
void iomd_set_mapper_options(struct iomd *md, u16 options);
u16 iomd_get_mapper_options(const struct iomd *md);
void iomd_initialize(void);

/**
 * iomd_retain() - take a reference
 * @md: descriptor, or NULL
 *
 * Return: @md.
 * Context: any, hard IRQ included.
 */
static inline struct iomd *iomd_retain(struct iomd *md)
{
	if (md)
		os_object_retain(&md->object);
	return md;
}

/**
 * iomd_release_sync() - give a reference back, and sleep if need be
 * @md: descriptor, or NULL
 *
 * As iomd_release(), but the descriptor ends in this call, if it does, on every kernel;
 * see os_object_release_sync(). IOKit: IOMemoryDescriptor::free.
 *
 * Context: may sleep.
 */
static inline void iomd_release_sync(struct iomd *md)
{
	os_object_release_sync(md ? &md->object : NULL);
}

#endif
