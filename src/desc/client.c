// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: whose memory, who may ask for it, and who pays, held apart from any task.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <iomd/client.h>
#include <iomd/mapping.h>

#include "buffer.h"
#include "general.h"

struct iomd_client {
	struct os_object object;
	/* Whose memory it is. */
	struct iomd_payer payer;
	/* The address space that may use it; only compared. Held. */
	struct mm_struct *user;
};

static void client_free(struct os_object *object)
{
	struct iomd_client *client = container_of(object, struct iomd_client, object);

	iomd_payer_destroy(&client->payer);
	iomd_account_drop(client->user, NULL);
}

struct os_meta_class iomd_client_meta_class = {
	.name = "iomd_client",
	.size = sizeof(struct iomd_client),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = client_free,
};
IOMD_EXPORT(iomd_client_meta_class);

/*
 * ptrace_may_access() is not there for modules, nor is what security modules say. So the
 * same user is not enough: it takes the right that passes all that ptrace() asks itself.
 */
static bool may_access(const struct mm_struct *mm)
{
	return mm == current->mm || ns_capable(iomd_compat_mm_user_ns(mm), CAP_SYS_PTRACE);
}

/**
 * iomd_client_open_task() - have the calling process use another task's memory
 * @task: that the caller named, by a pid or pidfd of its own; current, or another one. It
 *	need not live on.
 *
 * The check that a driver owes which lets its users name a task: that is for the driver to
 * allow at all, and then only for those who could look into the task anyway. What was
 * checked is what is used, even if the task runs another program meanwhile. Undone by
 * iomd_client_release(). IOKit: none; task_for_pid() checks in user space.
 *
 * Return: a client of the memory of @task, for the calling process, or ERR_PTR: -EPERM
 * unless the memory is the caller's own, or it has CAP_SYS_PTRACE in the user namespace of
 * that memory; -EINVAL if @task is NULL or either of them is a kernel thread without user
 * memory; -ESRCH if the address space is gone; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_client *iomd_client_open_task(struct task_struct *task)
{
	struct iomd_client *client;
	int ret;

	if (!task || !current->mm)
		return ERR_PTR(-EINVAL);
	client = os_object_alloc(&iomd_client_meta_class);
	if (!client)
		return ERR_PTR(-ENOMEM);
	mmgrab(current->mm);
	client->user = current->mm;
	ret = iomd_payer_init(&client->payer, task);
	if (!ret && !may_access(client->payer.mm))
		ret = -EPERM;
	if (ret) {
		iomd_client_release(client);
		return ERR_PTR(ret);
	}
	return client;
}
IOMD_EXPORT(iomd_client_open_task);

/**
 * iomd_client_open() - note who the calling process is
 *
 * For a driver's open(): what the file is later used to describe or to map is the calling
 * process's, with the rights that it has now. Undone by iomd_client_release(), in the
 * file's release(). IOKit: IOUserClient::initWithTask, whose task the driver keeps.
 *
 * Return: a client, or ERR_PTR: -EINVAL for a kernel
 * thread that has not adopted an address space; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_client *iomd_client_open(void)
{
	return iomd_client_open_task(current);
}
IOMD_EXPORT(iomd_client_open);

/**
 * iomd_client_release() - end a client
 * @client: client, or NULL
 *
 * What was described or mapped through it lives on.
 *
 * Context: any, hard IRQ included.
 */
void iomd_client_release(struct iomd_client *client)
{
	if (client)
		os_object_release(&client->object);
}
IOMD_EXPORT(iomd_client_release);

/**
 * iomd_client_check() - is it the client who calls?
 * @client: client
 *
 * The calls below ask by themselves; this is for what else a driver does for its client.
 *
 * Return: 0; -ESRCH if the calling thread has another address space than the one that
 * opened the client: it is another process, as a child is, or the same one after execve().
 * Context: process context.
 */
int iomd_client_check(const struct iomd_client *client)
{
	return current->mm == client->user ? 0 : -ESRCH;
}
IOMD_EXPORT(iomd_client_check);

/**
 * iomd_client_with_address_ranges() - describe several ranges of a client's memory
 * @client: who calls
 * @ranges: see iomd_with_address_ranges()
 * @count: how many ranges
 * @options: see iomd_with_address_ranges()
 *
 * Return: see iomd_with_options(); -ESRCH too as iomd_client_check() says.
 * Context: may sleep.
 */
struct iomd *iomd_client_with_address_ranges(struct iomd_client *client,
					     const struct iomd_address_range *ranges, u32 count,
					     u64 options)
{
	int ret = iomd_client_check(client);

	return ret ? ERR_PTR(ret) :
		     iomd_general_of_payer(ranges, count, options, &client->payer);
}
IOMD_EXPORT(iomd_client_with_address_ranges);

/**
 * iomd_client_with_address_range() - describe a range of a client's memory
 * @client: who calls
 * @address: of the first byte
 * @length: bytes
 * @options: see iomd_with_address_ranges()
 *
 * Return: see iomd_client_with_address_ranges().
 * Context: may sleep.
 */
struct iomd *iomd_client_with_address_range(struct iomd_client *client, u64 address, u64 length,
					    u64 options)
{
	struct iomd_address_range range = { address, length };

	return iomd_client_with_address_ranges(client, &range, 1, options);
}
IOMD_EXPORT(iomd_client_with_address_range);

/* Is it the client who calls, and the memory its own? */
static int check_own(const struct iomd_client *client)
{
	int ret = iomd_client_check(client);

	return ret ?: client->payer.mm == client->user ? 0 : -EOPNOTSUPP;
}

/**
 * iomd_client_buffer() - pageable memory that a client sees and pays for
 * @client: who calls, opened by iomd_client_open()
 * @options: see iomd_buffer_in_task_with_options(); IOMD_MEMORY_PAGEABLE is understood
 * @capacity: bytes
 *
 * It is charged as ranges of the client's are: to the user, and by the rights, of open().
 *
 * Return: see iomd_buffer_in_task_with_options(); -ESRCH too as iomd_client_check() says;
 * -EOPNOTSUPP for a client of another task's memory.
 * Context: may sleep.
 */
struct iomd *iomd_client_buffer(struct iomd_client *client, u64 options, u64 capacity)
{
	int ret = check_own(client);

	return ret ? ERR_PTR(ret) : iomd_buffer_of_payer(&client->payer, options, capacity);
}
IOMD_EXPORT(iomd_client_buffer);

/**
 * iomd_client_create_mapping() - show part of a descriptor to a client
 * @client: who calls, opened by iomd_client_open()
 * @md: descriptor
 * @at_address: see iomd_create_mapping_in_task()
 * @options: see iomd_create_mapping_in_task()
 * @offset: see iomd_create_mapping_in_task()
 * @length: see iomd_create_mapping_in_task()
 *
 * Return: see iomd_create_mapping_in_task(); -ESRCH too as iomd_client_check() says;
 * -EOPNOTSUPP for a client of another task's memory.
 * Context: may sleep.
 */
struct iomd_mapping *iomd_client_create_mapping(struct iomd_client *client, struct iomd *md,
						unsigned long at_address, u64 options,
						u64 offset, u64 length)
{
	int ret = check_own(client);

	return ret ? ERR_PTR(ret) :
		     iomd_create_mapping_in_task(md, current, at_address, options, offset,
						 length);
}
IOMD_EXPORT(iomd_client_create_mapping);
