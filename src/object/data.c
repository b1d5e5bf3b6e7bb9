// SPDX-License-Identifier: GPL-2.0
/*
 * OSData and OSString: bytes that somebody wants to hang onto something. They never
 * change, so that they can be read anywhere.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <iomd/data.h>

#include "../debug/inject.h"
#include "../gfp.h"

/* Both classes. */
struct bytes {
	struct os_object object;
	void *bytes;
	size_t length;
};

static struct bytes *to_bytes(const struct os_object *object, const struct os_meta_class *meta)
{
	object = os_object_meta_cast((struct os_object *)object, meta);
	return object ? container_of(object, struct bytes, object) : NULL;
}

static void bytes_free(struct os_object *object)
{
	kfree(container_of(object, struct bytes, object)->bytes);
}

static bool bytes_end_anywhere(const struct os_object *object)
{
	return true;
}

struct os_meta_class os_data_meta_class = {
	.name = "os_data",
	.size = sizeof(struct bytes),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = bytes_free,
	.ends_anywhere = bytes_end_anywhere,
};
IOMD_EXPORT(os_data_meta_class);

struct os_meta_class os_string_meta_class = {
	.name = "os_string",
	.size = sizeof(struct bytes),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = bytes_free,
	.ends_anywhere = bytes_end_anywhere,
};
IOMD_EXPORT(os_string_meta_class);

/* @length bytes and a zero behind them. */
static struct os_object *data_make(struct os_meta_class *meta, const void *bytes, size_t length)
{
	struct bytes *made = os_object_alloc(meta);
	char *copy;

	if (!made)
		return ERR_PTR(-ENOMEM);
	copy = iomd_should_fail() || length >= KMALLOC_MAX_SIZE ? NULL :
	       kmalloc(length + 1, IOMD_GFP_SIZED);
	if (!copy) {
		os_object_release(&made->object);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(copy, bytes, length);
	copy[length] = 0;
	made->bytes = copy;
	made->length = length;
	return &made->object;
}

/**
 * os_data_with_bytes() - an object that holds a copy of some bytes
 * @bytes: bytes; may be NULL if there are none
 * @length: how many
 *
 * What drivers hang onto a descriptor with iomd_set_context(). IOKit: OSData::withBytes.
 *
 * Return: the object with one reference, the caller's, which os_object_release() gives
 * back in any context; or ERR_PTR: -EINVAL if @bytes is NULL and @length is not 0;
 * -ENOMEM, also for more than kmalloc() ever gives.
 * Context: may sleep.
 */
struct os_object *os_data_with_bytes(const void *bytes, size_t length)
{
	if (!bytes && length)
		return ERR_PTR(-EINVAL);
	return data_make(&os_data_meta_class, bytes, length);
}
IOMD_EXPORT(os_data_with_bytes);

/**
 * os_data_get_bytes_no_copy() - the bytes
 * @object: or NULL
 *
 * IOKit: OSData::getBytesNoCopy.
 *
 * Return: the first one, aligned as kmalloc() does, there as long as the object is; NULL
 * if there are none, or @object is no os_data.
 * Context: any, hard IRQ included.
 */
const void *os_data_get_bytes_no_copy(const struct os_object *object)
{
	const struct bytes *data = to_bytes(object, &os_data_meta_class);

	return data && data->length ? data->bytes : NULL;
}
IOMD_EXPORT(os_data_get_bytes_no_copy);

/**
 * os_data_get_length() - how many bytes
 * @object: or NULL
 *
 * IOKit: OSData::getLength.
 *
 * Return: bytes; 0 if @object is no os_data.
 * Context: any, hard IRQ included.
 */
size_t os_data_get_length(const struct os_object *object)
{
	const struct bytes *data = to_bytes(object, &os_data_meta_class);

	return data ? data->length : 0;
}
IOMD_EXPORT(os_data_get_length);

/**
 * os_string_with_c_string() - an object that holds a copy of a string
 * @string: string
 *
 * IOKit: OSString::withCString.
 *
 * Return: the object with one reference, the caller's, which os_object_release() gives
 * back in any context; or ERR_PTR: -EINVAL if @string is NULL; -ENOMEM.
 * Context: may sleep.
 */
struct os_object *os_string_with_c_string(const char *string)
{
	if (!string)
		return ERR_PTR(-EINVAL);
	return data_make(&os_string_meta_class, string, strlen(string));
}
IOMD_EXPORT(os_string_with_c_string);

/**
 * os_string_get_c_string_no_copy() - the string
 * @object: or NULL
 *
 * IOKit: OSString::getCStringNoCopy.
 *
 * Return: the string, there as long as the object is; NULL if @object is no os_string.
 * Context: any, hard IRQ included.
 */
const char *os_string_get_c_string_no_copy(const struct os_object *object)
{
	const struct bytes *string = to_bytes(object, &os_string_meta_class);

	return string ? string->bytes : NULL;
}
IOMD_EXPORT(os_string_get_c_string_no_copy);

/**
 * os_string_get_length() - how long is it?
 * @object: or NULL
 *
 * IOKit: OSString::getLength.
 *
 * Return: characters, without the zero at the end; 0 if @object is no os_string.
 * Context: any, hard IRQ included.
 */
size_t os_string_get_length(const struct os_object *object)
{
	const struct bytes *string = to_bytes(object, &os_string_meta_class);

	return string ? string->length : 0;
}
IOMD_EXPORT(os_string_get_length);
