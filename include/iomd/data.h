/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects that hold bytes or a string (OSData, OSString), for iomd_set_context().
 */
#ifndef IOMD_DATA_H
#define IOMD_DATA_H

#include <linux/types.h>

#include <iomd/object.h>
#include <iomd/version.h>

extern struct os_meta_class os_data_meta_class;
extern struct os_meta_class os_string_meta_class;

struct os_object *os_data_with_bytes(const void *bytes, size_t length);
const void *os_data_get_bytes_no_copy(const struct os_object *object);
size_t os_data_get_length(const struct os_object *object);

struct os_object *os_string_with_c_string(const char *string);
const char *os_string_get_c_string_no_copy(const struct os_object *object);
size_t os_string_get_length(const struct os_object *object);

#endif
