/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reference-counted base of every class: identity, life and end.
 */
#ifndef IOMD_OBJECT_H
#define IOMD_OBJECT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include <iomd/version.h>

struct kmem_cache;
struct module;
struct os_object;

/**
 * struct os_meta_class - what all instances of one class share
 * @name: unique among the registered classes
 * @size: of an instance in bytes; the superclass's structure comes first in it
 * @zeroed: how many of them, from the first one on, are zero in a new instance; 0: all
 * @super: the superclass, NULL for os_object's own meta class only
 * @owner: module that implements the class; it cannot be unloaded while an
 *	instance lives
 * @free: gives back what this class (not its superclass) holds in an instance.
 *	Must cope with a half-initialised, that is partly zero, instance. Runs
 *	once, before the superclass's @free, in a context that may sleep, unless
 *	@ends_anywhere said that it need not. What it releases ends after it. NULL if
 *	the class holds nothing.
 * @ends_anywhere: can @free give back all that this instance holds, and nobody else
 *	does any more, without sleeping, and without a lock that somebody may hold who
 *	releases it? Asked with interrupts on. NULL: no. Where all classes of an
 *	instance say yes, it ends in the call that gives back the last reference.
 * @run_errand: for classes of the core: do, where one may sleep, what an instance that
 *	lives owes. NULL: as the superclass
 *
 * Define one statically for each class and register it before the first
 * instance is made.
 */
struct os_meta_class {
	const char *name;
	size_t size;
	size_t zeroed;
	struct os_meta_class *super;
	struct module *owner;
	void (*free)(struct os_object *object);
	bool (*ends_anywhere)(const struct os_object *object);
	void (*run_errand)(struct os_object *object);
	/* private: */
	struct kmem_cache *cache;
	atomic_t instances;
	struct list_head registered;
};

/**
 * struct os_object - base of every class, first member of its structure
 *
 * All members are private.
 */
struct os_object {
	/* private: */
	struct os_meta_class *meta;
	refcount_t references;
	/* Once the last reference is gone; see src/object/ends.c. */
	unsigned int turn;
	struct llist_node deferred;
};

extern struct os_meta_class os_object_meta_class;

int os_meta_class_register(struct os_meta_class *meta);
int os_meta_class_unregister(struct os_meta_class *meta);
struct os_meta_class *os_meta_class_get_meta_class_with_name(const char *name);
const char *os_meta_class_get_class_name(const struct os_meta_class *meta);
size_t os_meta_class_get_class_size(const struct os_meta_class *meta);
struct os_meta_class *os_meta_class_get_super_class(const struct os_meta_class *meta);
unsigned int os_meta_class_get_instance_count(const struct os_meta_class *meta);

void *os_object_alloc(struct os_meta_class *meta);
bool os_object_try_retain(struct os_object *object);
void os_object_release(struct os_object *object);
void os_object_release_sync(struct os_object *object);
unsigned int os_object_get_retain_count(const struct os_object *object);
struct os_meta_class *os_object_get_meta_class(const struct os_object *object);
bool os_object_is_equal_to(const struct os_object *object, const struct os_object *other);
struct os_object *os_object_meta_cast(struct os_object *object,
				      const struct os_meta_class *meta);
struct os_object *os_object_meta_cast_with_name(struct os_object *object, const char *name);
void os_object_barrier(void);

/**
 * os_object_retain() - take a reference
 * @object: to which the caller has one already, or NULL
 *
 * IOKit: OSObject::retain. The count saturates: an object retained 2^31 times
 * is never freed.
 *
 * Return: @object.
 * Context: any, hard IRQ included.
 */
static inline struct os_object *os_object_retain(struct os_object *object)
{
	if (object)
		refcount_inc(&object->references);
	return object;
}

#endif
