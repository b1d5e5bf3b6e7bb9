// SPDX-License-Identifier: GPL-2.0
/*
 * IOMemoryDescriptor, the abstract base: what is the same for every class, and
 * the door to what is not. It checks what comes from outside once, so that no
 * class has to.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "descriptor.h"
#include "id.h"

/* As might_sleep(), but no place to reschedule at: those who work long have theirs. */
#define iomd_might_sleep()	__might_sleep(__FILE__, __LINE__)

static atomic64_t last_id = ATOMIC64_INIT(BIT_ULL(32) - 1);

u64 iomd_id_next(void)
{
	return atomic64_inc_return(&last_id);
}

static void descriptor_free(struct os_object *object)
{
	os_object_release(iomd_from_object(object)->context);
}

bool iomd_ends_anywhere(const struct os_object *object)
{
	return true;
}

struct os_meta_class iomd_meta_class = {
	.name = "iomd",
	.size = sizeof(struct iomd),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = descriptor_free,
	.ends_anywhere = iomd_ends_anywhere,
};
IOMD_EXPORT(iomd_meta_class);

/**
 * iomd_init() - set up the base of an instance of a subclass
 * @md: first member of what os_object_alloc() returned
 * @ops: what the class does its own way
 * @length: bytes described
 * @options: direction and other options that iomd_get_flags() is to tell
 *
 * Context: any.
 */
void iomd_init(struct iomd *md, const struct iomd_ops *ops, u64 length, u64 options)
{
	md->ops = ops;
	md->length = length;
	md->flags = options;
	raw_spin_lock_init(&md->lock);
	mutex_init(&md->mappings_lock);
	INIT_LIST_HEAD(&md->mappings);
	md->shared_mappings = RB_ROOT;
}
IOMD_EXPORT(iomd_init);

/**
 * iomd_init_with_options() - (re)target a descriptor
 * @md: descriptor whose class can be; it gives up the memory it described
 * @buffers: see iomd_with_options()
 * @count: see iomd_with_options()
 * @offset: see iomd_with_options()
 * @task: see iomd_with_options()
 * @options: see iomd_with_options()
 * @mapper: see iomd_with_options()
 *
 * Nobody else may use @md meanwhile. IOKit: IOMemoryDescriptor::initWithOptions.
 *
 * Return: 0; or, with nothing changed: -EOPNOTSUPP if the class can't; -EBUSY while @md
 * is mapped, for a device or for the CPU, or part of another; -EINVAL for an option that
 * iomd_with_options() refuses. Else as iomd_with_options(), and @md describes nothing: it
 * can only be released or retargeted.
 * Context: may sleep.
 */
int iomd_init_with_options(struct iomd *md, const void *buffers, u32 count, u32 offset,
			   struct task_struct *task, u64 options, struct device *mapper)
{
	if (!md->ops->init_with_options)
		return -EOPNOTSUPP;
	return md->ops->init_with_options(md, buffers, count, offset, task, options, mapper);
}
IOMD_EXPORT(iomd_init_with_options);

/**
 * iomd_release() - give a reference back
 * @md: descriptor, or NULL
 *
 * With the last one the descriptor ends, and with it every preparation that was
 * not completed. IOKit: IOMemoryDescriptor::free.
 *
 * Context: any, hard IRQ included; see os_object_release().
 */
void iomd_release(struct iomd *md)
{
	if (md)
		os_object_release(&md->object);
}
IOMD_EXPORT(iomd_release);

/**
 * iomd_prepare() - make memory ready for a device
 * @md: descriptor
 * @direction: of the coming transfer; IOMD_DIRECTION_NONE: the descriptor's. It
 *	may be narrower or wider than the descriptor's. May be or-ed with
 *	IOMD_DIRECTION_PREPARE_ modifiers.
 *
 * The first prepare faults the pages in, pins them and charges them; for IN or
 * both directions they must be writable. Later ones are counted. Undone by as
 * many iomd_complete(). IOKit: IOMemoryDescriptor::prepare.
 *
 * Return: 0; or, with nothing pinned and nothing charged: -EINVAL for unknown bits;
 * -EFAULT if memory is not mapped, or not writable for IN, or may not be pinned;
 * -EACCES if it is prepared already, but for OUT only, and @direction has IN;
 * -EOVERFLOW if it is prepared 2^24 - 1 times already; -EOPNOTSUPP for pages of others
 * that are a device's, and not memory;
 * -ENOMEM, also if RLIMIT_MEMLOCK is exceeded; -ENXIO for another machine's virtual
 * memory; -ESRCH if the address space is gone;
 * -EINTR if a fatal signal came; -ERANGE if PREPARE_TO_PHYS32 can't be had;
 * else what the kernel said.
 * Context: may sleep.
 */
int iomd_prepare(struct iomd *md, u64 direction)
{
	iomd_might_sleep();
	if (direction & ~(IOMD_DIRECTION_MASK | IOMD_DIRECTION_PREPARE_MASK))
		return -EINVAL;
	return md->ops->prepare(md, direction);
}
IOMD_EXPORT(iomd_prepare);

/**
 * iomd_complete() - end one preparation
 * @md: descriptor
 * @direction: IOMD_DIRECTION_COMPLETE_ modifiers; direction bits are ignored
 *
 * The last complete marks the pages dirty that a device could write, unpins and
 * uncharges them. It waits for who reads the memory in that moment, as
 * iomd_read_bytes() does. IOKit: IOMemoryDescriptor::complete.
 *
 * Return: 0; or, with nothing changed: -EINVAL for unknown bits; -EAGAIN if there
 * is no preparation to complete; -EBUSY if it is the last one and the memory is still
 * mapped, for a device or for the CPU; else what the class says. A composite completes
 * all parts or none, but if a part is of a class that can't reserve completes.
 * Context: may sleep.
 */
int iomd_complete(struct iomd *md, u64 direction)
{
	iomd_might_sleep();
	if (direction & ~(IOMD_DIRECTION_MASK | IOMD_DIRECTION_COMPLETE_MASK))
		return -EINVAL;
	if (READ_ONCE(md->users))
		return iomd_refuse_complete(-EBUSY);
	return md->ops->complete(md, direction);
}
IOMD_EXPORT(iomd_complete);

int iomd_reserve_complete(struct iomd *md)
{
	if (READ_ONCE(md->users))
		return iomd_refuse_complete(-EBUSY);
	return md->ops->reserve_complete ? md->ops->reserve_complete(md) : 0;
}

int iomd_complete_reserved(struct iomd *md, u64 direction)
{
	return md->ops->complete_reserved ? md->ops->complete_reserved(md, direction) :
					    iomd_complete(md, direction);
}

void iomd_cancel_complete(struct iomd *md)
{
	if (md->ops->cancel_complete)
		md->ops->cancel_complete(md);
}

/* Once means once: not once for each place that it might be inlined into. */
noinline int iomd_refuse_complete(int error)
{
	WARN_ONCE(error == -EAGAIN, "iomd: complete without a prepare\n");
	WARN_ONCE(error == -EBUSY, "iomd: complete while the memory is mapped\n");
	return error;
}

noinline int iomd_refuse_end_of_use(void)
{
	WARN_ONCE(1, "iomd: the end of a use that did not begin\n");
	return -EAGAIN;
}

static noinline int descriptor_count_user(struct iomd *md, bool begin)
{
	unsigned long irq;
	bool refused;

	raw_spin_lock_irqsave(&md->lock, irq);
	refused = !begin && !md->users;
	if (!refused)
		WRITE_ONCE(md->users, md->users + (begin ? 1 : -1));
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return refused ? iomd_refuse_end_of_use() : 0;
}

int iomd_set_in_use(struct iomd *md, bool begin)
{
	return md->ops->set_in_use ? md->ops->set_in_use(md, begin) :
				     descriptor_count_user(md, begin);
}

/* Deep enough for any sensible driver, shallow enough for any stack. */
#define MAX_DEPTH	8

/*
 * A part that becomes a composite at the same time would have told its composite too
 * small a depth; two that become parts of each other would both succeed.
 */
static DEFINE_RAW_SPINLOCK(nest_lock);

int iomd_nest(struct iomd *composite, struct iomd *part)
{
	unsigned long irq;
	int ret = 0;

	raw_spin_lock_irqsave(&nest_lock, irq);
	if (part->depth >= MAX_DEPTH) {
		ret = -ELOOP;
	} else if (part == composite || iomd_is_nested(composite)) {
		ret = -EBUSY;
	} else {
		atomic_inc(&part->nested);
		composite->depth = max_t(u8, composite->depth, part->depth + 1);
		iomd_retain(part);
	}
	raw_spin_unlock_irqrestore(&nest_lock, irq);
	return ret;
}

void iomd_unnest(struct iomd *part)
{
	atomic_dec(&part->nested);
	iomd_release(part);
}

/**
 * iomd_get_preparation_id() - which preparation is it?
 * @md: descriptor
 *
 * Equal ids mean that the same pages have stayed pinned, so that what was derived
 * from them is still right. IOKit: IOMemoryDescriptor::getPreparationID.
 *
 * Return: the id; IOMD_PREPARATION_ID_UNPREPARED; or
 * IOMD_PREPARATION_ID_UNSUPPORTED if the class has none.
 * Context: any.
 */
u64 iomd_get_preparation_id(struct iomd *md)
{
	if (!md->ops->get_preparation_id)
		return IOMD_PREPARATION_ID_UNSUPPORTED;
	return md->ops->get_preparation_id(md);
}
IOMD_EXPORT(iomd_get_preparation_id);

/**
 * iomd_set_preparation_id() - give an instance an id for life, if it has none
 * @md: descriptor
 *
 * For classes whose memory never changes. IOKit:
 * IOMemoryDescriptor::setPreparationID.
 *
 * Context: any.
 */
void iomd_set_preparation_id(struct iomd *md)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&md->lock, irq);
	if (!md->preparation_id)
		md->preparation_id = iomd_id_next();
	raw_spin_unlock_irqrestore(&md->lock, irq);
}
IOMD_EXPORT(iomd_set_preparation_id);

/**
 * iomd_get_length() - how much memory is described
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getLength.
 *
 * Return: bytes.
 * Context: any, hard IRQ included.
 */
u64 iomd_get_length(const struct iomd *md)
{
	return READ_ONCE(md->length);
}
IOMD_EXPORT(iomd_get_length);

/**
 * iomd_get_direction() - direction that the descriptor was made for
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getDirection.
 *
 * Return: one of IOMD_DIRECTION_.
 * Context: any, hard IRQ included.
 */
u64 iomd_get_direction(const struct iomd *md)
{
	return READ_ONCE(md->flags) & IOMD_DIRECTION_MASK;
}
IOMD_EXPORT(iomd_get_direction);

/**
 * iomd_get_flags() - options and state
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getFlags.
 *
 * Return: what it was made with, type and direction included, and
 * IOMD_MEMORY_PREPARED_READ_ONLY while it, or any part of it, is prepared for OUT only,
 * IOMD_MEMORY_AUTO_PREPARE if it was born prepared. A composite has
 * IOMD_MEMORY_MAP_COPY_ON_WRITE and IOMD_MEMORY_REMOTE if a part has.
 * Context: any, hard IRQ included.
 */
u64 iomd_get_flags(const struct iomd *md)
{
	u64 flags = READ_ONCE(md->flags);

	if (READ_ONCE(md->prepared_read_only) ||
	    (md->ops->is_prepared_read_only && md->ops->is_prepared_read_only(md)))
		flags |= IOMD_MEMORY_PREPARED_READ_ONLY;
	return flags;
}
IOMD_EXPORT(iomd_get_flags);

/**
 * iomd_get_tag() - the caller's number
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getTag.
 *
 * Return: what iomd_set_tag() set; 0 at first.
 * Context: any, hard IRQ included.
 */
u32 iomd_get_tag(const struct iomd *md)
{
	return READ_ONCE(md->tag);
}
IOMD_EXPORT(iomd_get_tag);

/**
 * iomd_set_tag() - keep a number for the caller
 * @md: descriptor
 * @tag: anything
 *
 * IOKit: IOMemoryDescriptor::setTag.
 *
 * Context: any, hard IRQ included.
 */
void iomd_set_tag(struct iomd *md, u32 tag)
{
	WRITE_ONCE(md->tag, tag);
}
IOMD_EXPORT(iomd_set_tag);

/**
 * iomd_set_context() - keep an object for the caller
 * @md: descriptor
 * @context: held until it is replaced or the descriptor ends; NULL for none
 *
 * IOKit: IOMemoryDescriptor::setContext.
 *
 * Context: any, hard IRQ included.
 */
void iomd_set_context(struct iomd *md, struct os_object *context)
{
	struct os_object *old;
	unsigned long irq;

	os_object_retain(context);
	raw_spin_lock_irqsave(&md->lock, irq);
	old = md->context;
	md->context = context;
	raw_spin_unlock_irqrestore(&md->lock, irq);
	os_object_release(old);
}
IOMD_EXPORT(iomd_set_context);

/**
 * iomd_copy_context() - the object kept for the caller
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::copyContext.
 *
 * Return: the object with one more reference, the caller's, or NULL.
 * Context: any, hard IRQ included.
 */
struct os_object *iomd_copy_context(struct iomd *md)
{
	struct os_object *context;
	unsigned long irq;

	raw_spin_lock_irqsave(&md->lock, irq);
	context = os_object_retain(md->context);
	raw_spin_unlock_irqrestore(&md->lock, irq);
	return context;
}
IOMD_EXPORT(iomd_copy_context);

/**
 * iomd_set_purgeable() - may the contents be thrown away?
 * @md: descriptor
 * @new_state: IOMD_MEMORY_PURGEABLE_KEEP_CURRENT, _NON_VOLATILE, _VOLATILE or _EMPTY;
 *	modifiers that may be or-ed to it are accepted, all volatile memory being
 *	reclaimed oldest first
 * @old_state: set to the state before: _NON_VOLATILE, _VOLATILE or _EMPTY; may be
 *	NULL
 *
 * The contents of volatile memory vanish under memory pressure, except while it is
 * prepared or mapped. Made non-volatile again, @old_state tells in the same step
 * whether they did; it is zero then. Emptied while it is prepared it stays until the
 * last complete, unless it is made non-volatile before. IOKit:
 * IOMemoryDescriptor::setPurgeable.
 *
 * Return: 0; -EINVAL for an unknown state or modifier, or for memory that was not
 * made purgeable; -EOPNOTSUPP for memory that is not iomd's own; -EAGAIN if the
 * class has none of its own; of a composite, the first error of a part, with nothing
 * changed; else what the class says.
 * Context: may sleep.
 */
int iomd_set_purgeable(struct iomd *md, u32 new_state, u32 *old_state)
{
	u32 state = new_state & IOMD_MEMORY_PURGEABLE_STATE_MASK;
	u32 unused;

	if (new_state & ~(IOMD_MEMORY_PURGEABLE_STATE_MASK | IOMD_MEMORY_PURGEABLE_MODIFIERS) ||
	    state < IOMD_MEMORY_PURGEABLE_KEEP_CURRENT || state > IOMD_MEMORY_PURGEABLE_EMPTY)
		return -EINVAL;
	if (!md->ops->set_purgeable)
		return -EAGAIN;
	return md->ops->set_purgeable(md, state, old_state ?: &unused);
}
IOMD_EXPORT(iomd_set_purgeable);

/**
 * iomd_set_ownership() - who is charged for the memory?
 * @md: descriptor of a buffer
 * @new_owner: task whose address space is charged from now on; NULL: as it is;
 *	IOMD_KERNEL_TASK: nobody
 * @new_ledger_tag: one of IOMD_MEMORY_LEDGER_TAG_
 * @options: 0 or IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT: the owner is not charged
 *
 * What is charged is what is held: all of a buffer of kernel memory, and of a
 * pageable one while it is prepared. A process may take memory for itself; to give
 * it to others, to have it free of charge or as the network's takes
 * CAP_SYS_RESOURCE, or a kernel thread. IOKit: IOMemoryDescriptor::setOwnership.
 *
 * Return: 0; or, with nothing moved: -EINVAL for an unknown tag or option, or a
 * kernel thread that has no memory; -EPERM; -ESRCH if the new owner has no address
 * space any more; -ENOMEM if it is over its RLIMIT_MEMLOCK; -EAGAIN for memory that
 * nobody owns; of a composite, the first error of a part, with all parts of iomd's own
 * classes as they were; else what the class says.
 * Context: may sleep.
 */
int iomd_set_ownership(struct iomd *md, struct task_struct *new_owner, int new_ledger_tag,
		       u64 options)
{
	if (new_ledger_tag < IOMD_MEMORY_LEDGER_TAG_UNCHANGED ||
	    new_ledger_tag > IOMD_MEMORY_LEDGER_TAG_NEURAL ||
	    (options & ~IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT))
		return -EINVAL;
	if (!md->ops->set_ownership)
		return -EAGAIN;
	return md->ops->set_ownership(md, new_owner, new_ledger_tag, options);
}
IOMD_EXPORT(iomd_set_ownership);

/* Of a part; what is asked for was checked. */
int iomd_change_ownership(struct iomd *md, struct iomd_ownership *change)
{
	if (md->ops->change_ownership)
		return md->ops->change_ownership(md, change);
	return iomd_set_ownership(md, change->new_owner, change->new_ledger_tag, change->options);
}

/**
 * iomd_get_page_counts() - how much of the memory is there?
 * @md: descriptor
 * @resident: set to the pages that are in memory; may be NULL
 * @dirty: set to those of them that are dirty; may be NULL
 *
 * IOKit: IOMemoryDescriptor::getPageCounts.
 *
 * Return: 0; -EAGAIN, with nothing set, if it can't be known: for user memory that
 * is not prepared, device memory, and classes without memory of their own; of a
 * composite, the first error of a part, with nothing set; else what the class says.
 * Context: may sleep.
 */
int iomd_get_page_counts(struct iomd *md, u64 *resident, u64 *dirty)
{
	u64 unused_resident, unused_dirty;

	if (!md->ops->get_page_counts)
		return -EAGAIN;
	return md->ops->get_page_counts(md, resident ?: &unused_resident,
					dirty ?: &unused_dirty);
}
IOMD_EXPORT(iomd_get_page_counts);

/**
 * iomd_set_vm_tags() - label the memory for those who look for its user
 * @md: descriptor
 * @kernel_tag: label of kernel mappings
 * @user_tag: label of user mappings
 *
 * IOKit: IOMemoryDescriptor::setVMTags.
 *
 * Context: any.
 */
void iomd_set_vm_tags(struct iomd *md, u32 kernel_tag, u32 user_tag)
{
	WRITE_ONCE(md->kernel_tag, kernel_tag);
	WRITE_ONCE(md->user_tag, user_tag);
}
IOMD_EXPORT(iomd_set_vm_tags);

/**
 * iomd_get_vm_tag() - label of the memory as mapped into a task
 * @md: descriptor
 * @task: IOMD_KERNEL_TASK for the kernel's label, anything else for the users'
 *
 * IOKit: IOMemoryDescriptor::getVMTag.
 *
 * Return: what iomd_set_vm_tags() set; 0 at first.
 * Context: any.
 */
u32 iomd_get_vm_tag(const struct iomd *md, const struct task_struct *task)
{
	return READ_ONCE(*(task == IOMD_KERNEL_TASK ? &md->kernel_tag : &md->user_tag));
}
IOMD_EXPORT(iomd_get_vm_tag);

/**
 * iomd_set_mapper_options() - options for mapping the memory for devices
 * @md: descriptor
 * @options: anything
 *
 * IOKit: IOMemoryDescriptor::setMapperOptions.
 *
 * Context: any.
 */
void iomd_set_mapper_options(struct iomd *md, u16 options)
{
	WRITE_ONCE(md->mapper_options, options);
}
IOMD_EXPORT(iomd_set_mapper_options);

/**
 * iomd_get_mapper_options() - options for mapping the memory for devices
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getMapperOptions.
 *
 * Return: what iomd_set_mapper_options() set; 0 at first.
 * Context: any.
 */
u16 iomd_get_mapper_options(const struct iomd *md)
{
	return READ_ONCE(md->mapper_options);
}
IOMD_EXPORT(iomd_get_mapper_options);

/**
 * iomd_initialize() - make the family ready for use
 *
 * Loading the module did; this is for code that says so itself. IOKit:
 * IOMemoryDescriptor::initialize.
 *
 * Context: any.
 */
void iomd_initialize(void)
{
}
IOMD_EXPORT(iomd_initialize);

/**
 * iomd_get_meta_class() - class of a descriptor
 * @md: descriptor
 *
 * IOKit: IOMemoryDescriptor::getMetaClass.
 *
 * Return: its class.
 * Context: any.
 */
struct os_meta_class *iomd_get_meta_class(const struct iomd *md)
{
	return os_object_get_meta_class(&md->object);
}
IOMD_EXPORT(iomd_get_meta_class);
