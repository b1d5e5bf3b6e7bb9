/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program that a driver serves: what a file's open() finds out about who opened it.
 *
 * A task_struct is not fit for that: it goes on as another program after execve(), perhaps
 * one with other rights, and the file may be in use by other processes, to whom it was
 * passed on. A client is the address space of open(), with the credentials of then.
 */
#ifndef IOMD_CLIENT_H
#define IOMD_CLIENT_H

#include <linux/types.h>

#include <iomd/version.h>

struct iomd;
struct iomd_address_range;
struct iomd_client;
struct iomd_mapping;
struct os_meta_class;
struct task_struct;

extern struct os_meta_class iomd_client_meta_class;

struct iomd_client *iomd_client_open(void);
struct iomd_client *iomd_client_open_task(struct task_struct *task);
void iomd_client_release(struct iomd_client *client);

int iomd_client_check(const struct iomd_client *client);
struct iomd *iomd_client_with_address_range(struct iomd_client *client, u64 address, u64 length,
					    u64 options);
struct iomd *iomd_client_with_address_ranges(struct iomd_client *client,
					     const struct iomd_address_range *ranges, u32 count,
					     u64 options);
struct iomd *iomd_client_buffer(struct iomd_client *client, u64 options, u64 capacity);
struct iomd_mapping *iomd_client_create_mapping(struct iomd_client *client, struct iomd *md,
						unsigned long at_address, u64 options,
						u64 offset, u64 length);

#endif
