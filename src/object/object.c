// SPDX-License-Identifier: GPL-2.0
/*
 * Reference-counted objects with a class each: who they are. How they end is in ends.c.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <iomd/object.h>

#include "../debug/inject.h"
#include "../gfp.h"
#include "object.h"

static LIST_HEAD(classes);
static DEFINE_MUTEX(classes_lock);

struct os_meta_class os_object_meta_class = {
	.name = "os_object",
	.size = sizeof(struct os_object),
	.owner = THIS_MODULE,
};
IOMD_EXPORT(os_object_meta_class);

static struct os_meta_class *find_class(const char *name)
{
	struct os_meta_class *meta;

	lockdep_assert_held(&classes_lock);
	list_for_each_entry(meta, &classes, registered)
		if (!strcmp(meta->name, name))
			return meta;
	return NULL;
}

/* Instances of a known size come cheaper than from kmalloc(). */
static int make_cache(struct os_meta_class *meta)
{
	if (!iomd_should_fail())
		meta->cache = kmem_cache_create(meta->name, meta->size, 0, SLAB_ACCOUNT, NULL);
	else
		meta->cache = NULL;
	return meta->cache ? 0 : -ENOMEM;
}

/**
 * os_meta_class_register() - make a class known
 * @meta: statically allocated, with its public members set
 *
 * Undone by os_meta_class_unregister(). IOKit: module load (OSMetaClass's
 * constructor and postModLoad).
 *
 * Return: 0; -EINVAL if a name or the superclass is missing, @size is below the
 * superclass's or @zeroed above it; -EEXIST if the name is taken; -ENOMEM.
 * Context: may sleep.
 */
int os_meta_class_register(struct os_meta_class *meta)
{
	int ret = 0;

	if (!meta || !meta->name || meta->zeroed > meta->size)
		return -EINVAL;
	if (meta != &os_object_meta_class && (!meta->super || meta->size < meta->super->size))
		return -EINVAL;
	mutex_lock(&classes_lock);
	if (find_class(meta->name))
		ret = -EEXIST;
	else
		ret = make_cache(meta);
	if (!ret)
		list_add_tail(&meta->registered, &classes);
	mutex_unlock(&classes_lock);
	return ret;
}
IOMD_EXPORT(os_meta_class_register);

/**
 * os_meta_class_unregister() - forget a class
 * @meta: a registered class
 *
 * IOKit: OSMetaClass::removeClasses.
 *
 * Return: 0; -EINVAL if it is not registered; -EBUSY while an instance of it lives.
 * Context: may sleep.
 */
int os_meta_class_unregister(struct os_meta_class *meta)
{
	bool is_known;

	if (!meta || !meta->name)
		return -EINVAL;
	if (os_meta_class_get_instance_count(meta))
		return -EBUSY;
	mutex_lock(&classes_lock);
	is_known = find_class(meta->name) == meta;
	if (is_known)
		list_del(&meta->registered);
	mutex_unlock(&classes_lock);
	if (!is_known)
		return -EINVAL;
	kmem_cache_destroy(meta->cache);
	return 0;
}
IOMD_EXPORT(os_meta_class_unregister);

/**
 * os_meta_class_get_meta_class_with_name() - find a class
 * @name: its name
 *
 * IOKit: OSMetaClass::getMetaClassWithName.
 *
 * Return: the class, which the caller must keep from being unregistered; NULL
 * if there is none or @name is NULL.
 * Context: may sleep.
 */
struct os_meta_class *os_meta_class_get_meta_class_with_name(const char *name)
{
	struct os_meta_class *meta;

	if (!name)
		return NULL;
	mutex_lock(&classes_lock);
	meta = find_class(name);
	mutex_unlock(&classes_lock);
	return meta;
}
IOMD_EXPORT(os_meta_class_get_meta_class_with_name);

/**
 * os_meta_class_get_class_name() - name of a class
 * @meta: class
 *
 * IOKit: OSMetaClass::getClassName.
 *
 * Return: the name, which lives as long as the class.
 * Context: any.
 */
const char *os_meta_class_get_class_name(const struct os_meta_class *meta)
{
	return meta->name;
}
IOMD_EXPORT(os_meta_class_get_class_name);

/**
 * os_meta_class_get_class_size() - size of an instance
 * @meta: class
 *
 * IOKit: OSMetaClass::getClassSize.
 *
 * Return: bytes.
 * Context: any.
 */
size_t os_meta_class_get_class_size(const struct os_meta_class *meta)
{
	return meta->size;
}
IOMD_EXPORT(os_meta_class_get_class_size);

/**
 * os_meta_class_get_super_class() - parent of a class
 * @meta: class
 *
 * IOKit: OSMetaClass::getSuperClass.
 *
 * Return: the parent; NULL for os_object's class.
 * Context: any.
 */
struct os_meta_class *os_meta_class_get_super_class(const struct os_meta_class *meta)
{
	return meta->super;
}
IOMD_EXPORT(os_meta_class_get_super_class);

/**
 * os_meta_class_get_instance_count() - how many instances live
 * @meta: class
 *
 * IOKit: OSMetaClass::getInstanceCount; here direct instances only, not the
 * subclasses that have any.
 *
 * Return: number of instances of exactly this class, among them those whose
 * end is still deferred (see os_object_barrier()).
 * Context: any.
 */
unsigned int os_meta_class_get_instance_count(const struct os_meta_class *meta)
{
	return atomic_read(&meta->instances);
}
IOMD_EXPORT(os_meta_class_get_instance_count);

/**
 * os_object_alloc() - make an instance
 * @meta: its class
 *
 * IOKit: operator new and OSObject::init.
 *
 * Return: an instance that is zero behind the struct os_object, as far as the class
 * says, and that has one reference, the caller's; NULL if there is no memory.
 * Context: may sleep.
 */
void *os_object_alloc(struct os_meta_class *meta)
{
	struct os_object *object;

	if (iomd_should_fail())
		return NULL;
	object = kmem_cache_alloc(meta->cache, IOMD_GFP_SIZED);
	if (!object)
		return NULL;
	memset(object, 0, meta->zeroed ?: meta->size);
	__module_get(meta->owner);
	object->meta = meta;
	refcount_set(&object->references, 1);
	atomic_inc(&meta->instances);
	return object;
}
IOMD_EXPORT(os_object_alloc);

/**
 * os_object_try_retain() - take a reference unless the end has begun
 * @object: whose memory the caller knows to be there (by a lock that its free
 *	hook takes), though perhaps without a reference
 *
 * IOKit: OSObject::taggedTryRetain.
 *
 * Return: true if a reference was taken.
 * Context: any, hard IRQ included.
 */
bool os_object_try_retain(struct os_object *object)
{
	return refcount_inc_not_zero(&object->references);
}
IOMD_EXPORT(os_object_try_retain);

/**
 * os_object_get_retain_count() - number of references, for information only
 * @object: object
 *
 * IOKit: OSObject::getRetainCount.
 *
 * Return: how many references there were a moment ago.
 * Context: any.
 */
unsigned int os_object_get_retain_count(const struct os_object *object)
{
	return refcount_read(&object->references);
}
IOMD_EXPORT(os_object_get_retain_count);

/**
 * os_object_get_meta_class() - class of an object
 * @object: object
 *
 * IOKit: OSMetaClassBase::getMetaClass.
 *
 * Return: its class; never NULL, never another one.
 * Context: any.
 */
struct os_meta_class *os_object_get_meta_class(const struct os_object *object)
{
	return object->meta;
}
IOMD_EXPORT(os_object_get_meta_class);

/**
 * os_object_is_equal_to() - are two objects the same one?
 * @object: object or NULL
 * @other: object or NULL
 *
 * IOKit: OSMetaClassBase::isEqualTo.
 *
 * Return: true if they are the same object.
 * Context: any.
 */
bool os_object_is_equal_to(const struct os_object *object, const struct os_object *other)
{
	return object == other;
}
IOMD_EXPORT(os_object_is_equal_to);

/**
 * os_object_meta_cast() - an object as an instance of a class
 * @object: or NULL
 * @meta: or NULL
 *
 * IOKit: OSMetaClassBase::metaCast, OSDynamicCast, OSMetaClass::checkMetaCast.
 *
 * Return: @object if its class is @meta or below it, else NULL.
 * Context: any.
 */
struct os_object *os_object_meta_cast(struct os_object *object,
				      const struct os_meta_class *meta)
{
	const struct os_meta_class *class;

	if (!object || !meta)
		return NULL;
	for (class = object->meta; class; class = class->super)
		if (class == meta)
			return object;
	return NULL;
}
IOMD_EXPORT(os_object_meta_cast);

/**
 * os_object_meta_cast_with_name() - an object as an instance of a named class
 * @object: or NULL
 * @name: of a class, or NULL
 *
 * IOKit: OSMetaClassBase::metaCast by name, OSMetaClass::checkMetaCastWithName.
 *
 * Return: @object if its class or one above it is called @name, else NULL.
 * Context: any.
 */
struct os_object *os_object_meta_cast_with_name(struct os_object *object, const char *name)
{
	const struct os_meta_class *class;

	if (!object || !name)
		return NULL;
	for (class = object->meta; class; class = class->super)
		if (!strcmp(class->name, name))
			return object;
	return NULL;
}
IOMD_EXPORT(os_object_meta_cast_with_name);

void os_meta_class_for_each(void (*visit)(const struct os_meta_class *meta, void *data),
			    void *data)
{
	struct os_meta_class *meta;

	mutex_lock(&classes_lock);
	list_for_each_entry(meta, &classes, registered)
		visit(meta, data);
	mutex_unlock(&classes_lock);
}

int os_object_init_room(void)
{
	int ret = os_object_init_ends();

	if (ret)
		return ret;
	ret = os_meta_class_register(&os_object_meta_class);
	if (ret)
		os_object_exit_ends();
	return ret;
}

void os_object_exit_room(void)
{
	os_meta_class_unregister(&os_object_meta_class);
	os_object_exit_ends();
}
