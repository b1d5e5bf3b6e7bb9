// SPDX-License-Identifier: GPL-2.0
/*
 * Ends of objects: where they happen, and how somebody waits for them.
 *
 * The last release may come from any context, while what a class gives back
 * (an address space, mappings, pinned pages) may only be given back where
 * sleeping is allowed. So the end comes at once where the context certainly
 * may sleep, or where nothing is to be given back that sleeps, and through a
 * work item otherwise. Documentation/protocols.rst has the rules of all this.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/swait.h>
#include <linux/workqueue.h>

#include <iomd/object.h>

#include "../debug/inject.h"
#include "object.h"

/*
 * Who is under way
 */

/* Ends that are, by the turn in which they began. */
static atomic_t under_way[2];
/* 0 or 1. Only barriers change it, one at a time. */
static unsigned int turn;
static DEFINE_MUTEX(barrier_lock);
static DECLARE_SWAIT_QUEUE_HEAD(turn_has_ended);

static void finish_end(unsigned int its_turn)
{
	/*
	 * Fully ordered, as the barrier's steps are: it sees that the count is 0, or we
	 * see that it waits.
	 */
	if (atomic_dec_and_test(&under_way[its_turn]) && its_turn != READ_ONCE(turn))
		swake_up_one(&turn_has_ended);
}

/* Count an end before anybody can know of it; its turn. */
static unsigned int begin_end(void)
{
	unsigned int its_turn;

	for (;;) {
		its_turn = READ_ONCE(turn);
		atomic_inc(&under_way[its_turn]);
		/* Pairs with the one in os_object_barrier(). */
		smp_mb__after_atomic();
		if (likely(its_turn == READ_ONCE(turn)))
			return its_turn;
		/* A barrier may have seen none in that turn, and be gone. */
		finish_end(its_turn);
	}
}

/*
 * Who ends objects
 */

/* A task in the middle of it, and what it is still to end: on its stack. */
struct ender {
	struct hlist_node node;
	struct task_struct *task;
	struct llist_node *first, **last;
	unsigned int turn;
	bool may_sleep;
};

#define BUCKET_BITS	8

/* Enders by their task; interrupts look, too. */
static struct bucket {
	raw_spinlock_t lock;
	struct hlist_head enders;
} buckets[1 << BUCKET_BITS];

/* Objects whose end a worker brings about. */
struct deferred {
	struct llist_head objects;
	struct work_struct work;
};

static DEFINE_PER_CPU(struct deferred, deferred_ends);
static struct workqueue_struct *deferred_wq;
/* For ends that wait for others: nobody else is to wait behind them. */
static struct workqueue_struct *slow_wq;

/* Held by ends that may sleep; a barrier waits for those. */
static struct lockdep_map ends_map __maybe_unused;

static struct bucket *bucket_of(const struct task_struct *task)
{
	return &buckets[hash_ptr(task, BUCKET_BITS)];
}

static void add_ender(struct ender *ender)
{
	struct bucket *bucket = bucket_of(ender->task);
	unsigned long irq;

	raw_spin_lock_irqsave(&bucket->lock, irq);
	hlist_add_head(&ender->node, &bucket->enders);
	raw_spin_unlock_irqrestore(&bucket->lock, irq);
}

static void remove_ender(struct ender *ender)
{
	struct bucket *bucket = bucket_of(ender->task);
	unsigned long irq;

	raw_spin_lock_irqsave(&bucket->lock, irq);
	hlist_del(&ender->node);
	raw_spin_unlock_irqrestore(&bucket->lock, irq);
}

/* This task's, if it is in the middle of an end. */
static struct ender *find_ender(void)
{
	struct bucket *bucket = bucket_of(current);
	struct ender *ender, *found = NULL;
	unsigned long irq;

	/* What this task itself added it sees. */
	if (hlist_empty(&bucket->enders))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, irq);
	hlist_for_each_entry(ender, &bucket->enders, node) {
		if (ender->task == current) {
			found = ender;
			break;
		}
	}
	raw_spin_unlock_irqrestore(&bucket->lock, irq);
	return found;
}

static void ender_append(struct ender *ender, struct os_object *object)
{
	object->deferred.next = NULL;
	*ender->last = &object->deferred;
	ender->last = &object->deferred.next;
}

static struct os_object *take_first(struct ender *ender)
{
	struct llist_node *first = ender->first;

	if (!first)
		return NULL;
	ender->first = first->next;
	if (!ender->first)
		ender->last = &ender->first;
	return container_of(first, struct os_object, deferred);
}

static void free_object(struct os_object *object)
{
	struct os_meta_class *meta = object->meta;
	struct os_meta_class *class;

	for (class = meta; class; class = class->super)
		if (class->free)
			class->free(object);
	/* It finds the cache by itself, for less. */
	kfree(object);
	atomic_dec(&meta->instances);
	module_put(meta->owner);
}

/* Has it nothing to give back for which one must be able to sleep? */
static bool ends_anywhere(const struct os_object *object)
{
	const struct os_meta_class *class;

	for (class = object->meta; class; class = class->super)
		if (class->free && !(class->ends_anywhere && class->ends_anywhere(object)))
			return false;
	return true;
}

static void end_defer(struct os_object *object, unsigned int its_turn)
{
	/* Any CPU's will do. */
	struct deferred *deferred = raw_cpu_ptr(&deferred_ends);

	object->turn = its_turn;
	if (llist_add(&object->deferred, &deferred->objects))
		queue_work(deferred_wq, &deferred->work);
}

static void end_one(struct ender *ender, struct os_object *object)
{
	if (ender->may_sleep)
		cond_resched();
	if (ender->may_sleep || ends_anywhere(object)) {
		free_object(object);
	} else {
		/* In the same turn, whose count is not 0 while we are counted. */
		atomic_inc(&under_way[ender->turn]);
		end_defer(object, ender->turn);
	}
}

/*
 * End an object that is counted, and after it, one by one, what nobody else held any
 * more: no chain of them is too long for the stack.
 */
static void end_all(struct os_object *object, unsigned int its_turn, bool may_sleep)
{
	struct ender ender = {
		.task = current,
		.last = &ender.first,
		.turn = its_turn,
		.may_sleep = may_sleep,
	};

	ender_append(&ender, object);
	add_ender(&ender);
	/* What does not sleep takes no lock, and waits for nobody who calls a barrier. */
	if (may_sleep)
		lock_map_acquire_read(&ends_map);
	while ((object = take_first(&ender)))
		end_one(&ender, object);
	if (may_sleep)
		lock_map_release(&ends_map);
	remove_ender(&ender);
	finish_end(its_turn);
}

/* An object that is still held, by whom sent it. */
static void run_errand(struct os_object *object)
{
	struct os_meta_class *class = object->meta;
	struct ender ender = {
		.task = current,
		.last = &ender.first,
		.turn = object->turn,
		.may_sleep = true,
	};

	while (!class->run_errand)
		class = class->super;
	add_ender(&ender);
	lock_map_acquire_read(&ends_map);
	class->run_errand(object);
	/* Who waits for the errand waits for what it was the last to hold, too. */
	os_object_release(object);
	while ((object = take_first(&ender)))
		end_one(&ender, object);
	lock_map_release(&ends_map);
	remove_ender(&ender);
	finish_end(ender.turn);
}

static void end_deferred(struct work_struct *work)
{
	struct deferred *deferred = container_of(work, struct deferred, work);
	struct os_object *object, *next;
	struct llist_node *list;

	while ((list = llist_del_all(&deferred->objects))) {
		list = llist_reverse_order(list);
		llist_for_each_entry_safe(object, next, list, deferred) {
			if (refcount_read(&object->references))
				run_errand(object);
			else
				end_all(object, object->turn, true);
		}
	}
}

/* False where nobody can tell: kernels that do not count preemption. */
static bool context_certainly_sleeps(void)
{
	return preemptible() && !rcu_preempt_depth();
}

/*
 * Can what needs no sleep be done right here? With PREEMPT_RT even the allocator sleeps;
 * what is legal with interrupts off is too much to ask of a class.
 */
static bool context_may_free(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !irqs_disabled();
}

/* Give a reference back; true if it was the last one: the end is counted then. */
static bool object_drop(struct os_object *object, unsigned int *its_turn)
{
	if (refcount_dec_not_one(&object->references))
		return false;
	*its_turn = begin_end();
	if (refcount_dec_and_test(&object->references))
		return true;
	finish_end(*its_turn);
	return false;
}

/* If this task is in the middle of an end, it goes on with @object afterwards. */
static bool leave_to_ender(struct os_object *object, unsigned int its_turn)
{
	struct ender *ender = in_task() ? find_ender() : NULL;

	if (!ender)
		return false;
	ender_append(ender, object);
	/* It is counted as part of that end. */
	finish_end(its_turn);
	return true;
}

/**
 * os_object_release() - give a reference back
 * @object: or NULL
 *
 * With the last reference the object ends. It does so in this call if the kernel can
 * tell that the context may sleep, or if all that is given back can be given back
 * without: of descriptors, those that are not prepared and have no memory of their
 * own. Otherwise it ends soon, in a worker. Kernels without CONFIG_PREEMPT_COUNT, and
 * these are many, can't tell: who may sleep, and wants the end in this call on every
 * kernel, calls os_object_release_sync(). In a class's free hook this call is too
 * early, always: the end comes after that of the object whose hook it is, in the same
 * place. IOKit: OSObject::release, OSObject::free.
 *
 * Context: any, hard IRQ included.
 */
void os_object_release(struct os_object *object)
{
	unsigned int its_turn;

	if (!object || !object_drop(object, &its_turn) || leave_to_ender(object, its_turn))
		return;
	if (context_certainly_sleeps())
		end_all(object, its_turn, true);
	else if (in_task() && context_may_free() && ends_anywhere(object))
		end_all(object, its_turn, false);
	else
		end_defer(object, its_turn);
}
IOMD_EXPORT(os_object_release);

/**
 * os_object_release_sync() - give a reference back, and sleep if need be
 * @object: or NULL
 *
 * As os_object_release(), but with the last reference the object ends in this call, on
 * every kernel. IOKit: OSObject::release.
 *
 * Context: may sleep, and may take whatever lock a class's free hook takes.
 */
void os_object_release_sync(struct os_object *object)
{
	unsigned int its_turn;

	might_sleep();
	if (object && object_drop(object, &its_turn) && !leave_to_ender(object, its_turn))
		end_all(object, its_turn, true);
}
IOMD_EXPORT(os_object_release_sync);

/*
 * What is counted in @its_turn belongs to the end that this task is in the middle of, if it
 * is: who waits for that one, which may be of an earlier turn, waits for it. The turn.
 */
static unsigned int join_ender(unsigned int its_turn)
{
	struct ender *ender = in_task() ? find_ender() : NULL;

	if (!ender)
		return its_turn;
	finish_end(its_turn);
	atomic_inc(&under_way[ender->turn]);
	return ender->turn;
}

void os_object_release_by(struct os_object *object, struct work_struct *work)
{
	unsigned int its_turn;

	if (!object_drop(object, &its_turn))
		return;
	object->turn = join_ender(its_turn);
	queue_work(slow_wq, work);
}
IOMD_EXPORT_TEST(os_object_release_by);

void os_object_send_errand(struct os_object *object)
{
	os_object_retain(object);
	end_defer(object, join_ender(begin_end()));
}

void os_object_end(struct os_object *object)
{
	end_all(object, object->turn, true);
}
IOMD_EXPORT_TEST(os_object_end);

/**
 * os_object_barrier() - wait for ends
 *
 * On return every object whose last reference was given back before the call is
 * gone, wherever its end happens: in a worker or in another task's release. So is
 * every object whose last reference one of these held. A driver that must know that,
 * before it frees what a descriptor describes, say, calls this after its releases.
 *
 * What another part of the kernel holds is none of these: a file, and so a dma-buf,
 * is closed some time after it was put, by the kernel, and what it holds ends then.
 *
 * Context: may sleep; with no lock that a class's free hook takes; not from such a
 * hook, which would wait for itself: that is refused, and warned of once.
 */
void os_object_barrier(void)
{
	unsigned int old;

	might_sleep();
	if (WARN_ONCE(find_ender(), "iomd: a barrier inside an end\n"))
		return;
	lock_map_acquire(&ends_map);
	lock_map_release(&ends_map);
	mutex_lock(&barrier_lock);
	old = turn;
	WRITE_ONCE(turn, !old);
	/* Who has not seen that is seen below. */
	smp_mb();
	swait_event_exclusive(turn_has_ended, !atomic_read_acquire(&under_way[old]));
	mutex_unlock(&barrier_lock);
}
IOMD_EXPORT(os_object_barrier);

int os_object_init_ends(void)
{
	static struct lock_class_key key;
	unsigned int i;
	int cpu;

	lockdep_init_map(&ends_map, "iomd_ends", &key, 0);
	for (i = 0; i < ARRAY_SIZE(buckets); i++)
		raw_spin_lock_init(&buckets[i].lock);
	for_each_possible_cpu(cpu) {
		struct deferred *deferred = per_cpu_ptr(&deferred_ends, cpu);

		init_llist_head(&deferred->objects);
		INIT_WORK(&deferred->work, end_deferred);
	}
	deferred_wq = iomd_should_fail() ? NULL :
		      alloc_workqueue("iomd", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!deferred_wq)
		return -ENOMEM;
	slow_wq = iomd_should_fail() ? NULL :
		  alloc_workqueue("iomd_slow", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!slow_wq) {
		destroy_workqueue(deferred_wq);
		return -ENOMEM;
	}
	return 0;
}

void os_object_exit_ends(void)
{
	destroy_workqueue(slow_wq);
	destroy_workqueue(deferred_wq);
}
