// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include <iomd/iomd.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "edu.h"
#include "playground.h"
#include "playground_yard.h"

struct os_object *yard_find(struct yard *yard, u32 id, const struct os_meta_class *class)
{
	struct os_object *object;

	xa_lock(&yard->objects);
	object = os_object_meta_cast(xa_load(&yard->objects, id), class);
	os_object_retain(object);
	xa_unlock(&yard->objects);
	return object;
}

struct iomd *yard_find_md(struct yard *yard, u32 id)
{
	struct os_object *object = yard_find(yard, id, &iomd_meta_class);

	return object ? iomd_from_object(object) : NULL;
}

/* The object is the first member, if a hidden one. */
static struct iomd_mapping *find_mapping(struct yard *yard, u32 id)
{
	return (struct iomd_mapping *)yard_find(yard, id, &iomd_mapping_meta_class);
}

int yard_keep(struct yard *yard, void *object, u32 *id)
{
	int ret = PTR_ERR_OR_ZERO(object);

	if (ret)
		return ret;
	ret = xa_alloc(&yard->objects, id, object, XA_LIMIT(1, INT_MAX), GFP_KERNEL);
	if (ret)
		os_object_release(object);
	return ret;
}

struct task_struct *yard_task(s32 number)
{
	struct task_struct *task;
	struct pid *pid;

	if (!number)
		return get_task_struct(current);
	pid = find_get_pid(number);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	return task;
}

static struct iomd *describe_user(const struct playground *call)
{
	struct task_struct *task = yard_task(call->pid);
	struct iomd *md;

	if (!task)
		return ERR_PTR(-ESRCH);
	md = iomd_with_address_range(call->address, call->length, call->options, task);
	put_task_struct(task);
	return md;
}

static struct iomd *describe_physical(const struct playground *call)
{
	phys_addr_t address = call->address ?: edu_find_registers();

	if (!address)
		return ERR_PTR(-ENODEV);
	return iomd_with_physical_address(address, call->length, call->options);
}

static struct iomd *describe_sub(struct yard *yard, const struct playground *call)
{
	struct iomd *of = yard_find_md(yard, call->other);
	struct iomd *md = iomd_sub_with_sub_range(of, call->offset, call->length, call->options);

	iomd_release(of);
	return md;
}

static struct iomd *describe_multi(struct yard *yard, const struct playground *call)
{
	struct iomd *parts[16] = {}, *md;
	u32 ids[16], i;

	if (call->length > ARRAY_SIZE(parts))
		return ERR_PTR(-EINVAL);
	if (copy_from_user(ids, u64_to_user_ptr(call->address), call->length * sizeof(*ids)))
		return ERR_PTR(-EFAULT);
	for (i = 0; i < call->length; i++)
		parts[i] = yard_find_md(yard, ids[i]);
	md = iomd_multi_with_descriptors(parts, call->length, call->options, false);
	for (i = 0; i < call->length; i++)
		iomd_release(parts[i]);
	return md;
}

static struct iomd *describe_interleaved(struct yard *yard, const struct playground *call)
{
	struct iomd *of = yard_find_md(yard, call->other), *md;
	int i, ret = 0;

	md = iomd_interleaved_with_capacity(3, IOMD_DIRECTION_OUT_IN);
	for (i = 0; !IS_ERR(md) && !ret && i < 3; i++)
		ret = iomd_interleaved_set_memory_descriptor(md, of, call->offset + i,
							     call->length);
	iomd_release(of);
	if (!ret)
		return md;
	iomd_release(md);
	return ERR_PTR(ret);
}

static struct iomd *describe(struct yard *yard, const struct playground *call)
{
	switch (call->order) {
	case PLAYGROUND_BUFFER:
		return iomd_buffer_with_options(call->options, call->length, call->offset);
	case PLAYGROUND_USER:
		return describe_user(call);
	case PLAYGROUND_PHYSICAL:
		return describe_physical(call);
	case PLAYGROUND_GUARD:
		return iomd_guard_page_with_size(call->length);
	case PLAYGROUND_SUB:
		return describe_sub(yard, call);
	case PLAYGROUND_INTERLEAVED:
		return describe_interleaved(yard, call);
	case PLAYGROUND_DMA_BUF:
		return yard_import(call);
	default:
		return describe_multi(yard, call);
	}
}

static int fill(struct iomd *md, const struct playground *call)
{
	u8 *bytes = kvmalloc(call->length, GFP_KERNEL);
	int ret = -ENOMEM;

	if (!bytes)
		return ret;
	memset(bytes, call->options, call->length);
	ret = iomd_prepare(md, IOMD_DIRECTION_OUT_IN);
	if (!ret) {
		if (iomd_write_bytes(md, call->offset, bytes, call->length) != call->length)
			ret = -EIO;
		iomd_complete(md, 0);
	}
	kvfree(bytes);
	return ret;
}

static int peek(struct iomd *md, struct playground *call)
{
	u8 byte;
	int ret = iomd_prepare(md, IOMD_DIRECTION_OUT);

	if (ret)
		return ret;
	if (iomd_read_bytes(md, call->offset, &byte, 1) != 1)
		ret = -EIO;
	iomd_complete(md, 0);
	call->options = byte;
	return ret;
}

static int redirect_all(struct iomd *md, const struct playground *call)
{
	struct task_struct *safe = call->pid ? yard_task(call->pid) : NULL;
	int ret = iomd_redirect(md, safe, call->options);

	if (safe)
		put_task_struct(safe);
	return ret;
}

static int map(struct yard *yard, struct iomd *md, struct playground *call)
{
	struct task_struct *task = yard_task(call->pid);
	struct iomd_mapping *mapping;

	if (!task)
		return -ESRCH;
	mapping = iomd_create_mapping_in_task(md, task, call->address, call->options, call->offset,
					      call->length);
	put_task_struct(task);
	if (!IS_ERR(mapping))
		call->address = iomd_mapping_get_address(mapping);
	return yard_keep(yard, mapping, &call->id);
}

static int with_descriptor(struct yard *yard, struct playground *call)
{
	struct iomd *md = yard_find_md(yard, call->id);
	int ret;

	if (!md)
		return -ENOENT;
	switch (call->order) {
	case PLAYGROUND_PREPARE:
		ret = iomd_prepare(md, call->options);
		break;
	case PLAYGROUND_COMPLETE:
		ret = iomd_complete(md, 0);
		break;
	case PLAYGROUND_FILL:
		ret = fill(md, call);
		break;
	case PLAYGROUND_PEEK:
		ret = peek(md, call);
		break;
	case PLAYGROUND_REDIRECT_ALL:
		ret = redirect_all(md, call);
		break;
	case PLAYGROUND_MAP:
		ret = map(yard, md, call);
		break;
	default:
		ret = yard_do_more(yard, md, call);
	}
	iomd_release(md);
	return ret;
}

static int redirect(struct yard *yard, struct iomd_mapping *mapping,
		    const struct playground *call)
{
	struct iomd *md = NULL;
	int ret;

	if (call->other) {
		md = yard_find_md(yard, call->other);
		if (!md)
			return -ENOENT;
	}
	ret = iomd_mapping_redirect(mapping, md, call->options, call->offset);
	iomd_release(md);
	return ret;
}

static int with_mapping(struct yard *yard, struct playground *call)
{
	struct iomd_mapping *mapping = find_mapping(yard, call->id);
	int ret = 0;

	if (!mapping)
		return -ENOENT;
	switch (call->order) {
	case PLAYGROUND_UNMAP:
		ret = iomd_mapping_unmap(mapping);
		break;
	case PLAYGROUND_REDIRECT:
		ret = redirect(yard, mapping, call);
		break;
	default:
		call->address = iomd_mapping_get_address(mapping);
	}
	iomd_mapping_release(mapping);
	return ret;
}

static int release_object(struct yard *yard, u32 id)
{
	struct os_object *object = xa_erase(&yard->objects, id);

	if (os_object_meta_cast(object, &iomd_mapping_meta_class))
		iomd_mapping_release((struct iomd_mapping *)object);
	else
		os_object_release(object);
	return object ? 0 : -ENOENT;
}

static int mmap_again(struct playground *call)
{
	struct file *file = NULL;
	struct vm_area_struct *vma;
	unsigned long address;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, call->address);
	if (vma && vma->vm_file)
		file = get_file(vma->vm_file);
	mmap_read_unlock(current->mm);
	if (!file)
		return -ENOENT;
	address = vm_mmap(file, 0, call->length, call->options >> 32, (u32)call->options,
			  call->offset);
	fput(file);
	call->address = address;
	return IS_ERR_VALUE(address) ? (int)address : 0;
}

static int count(struct playground *call)
{
	static const char * const classes[] = {
		"iomd_general", "iomd_buffer", "iomd_sub", "iomd_multi", "iomd_guard_page",
		"iomd_interleaved", "iomd_dma_command", "iomd_dma_buf",
	};
	struct os_meta_class *class;
	unsigned int i;

	os_object_barrier();
	call->id = os_meta_class_get_instance_count(&iomd_mapping_meta_class);
	call->other = 0;
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		class = os_meta_class_get_meta_class_with_name(classes[i]);
		call->other += class ? os_meta_class_get_instance_count(class) : 0;
	}
	call->length = iomd_counter_read(IOMD_PAGES_PINNED) -
		       iomd_counter_read(IOMD_PAGES_UNPINNED);
	call->offset = iomd_counter_read(IOMD_MAPPINGS_MADE) -
		       iomd_counter_read(IOMD_MAPPINGS_ENDED);
	return 0;
}

static int obey(struct yard *yard, struct playground *call)
{
	switch (call->order) {
	case PLAYGROUND_BUFFER ... PLAYGROUND_DMA_BUF:
		return yard_keep(yard, describe(yard, call), &call->id);
	case PLAYGROUND_PREPARE ... PLAYGROUND_EXPORT:
		return with_descriptor(yard, call);
	case PLAYGROUND_UNMAP ... PLAYGROUND_ADDRESS:
		return with_mapping(yard, call);
	case PLAYGROUND_COMMAND ... PLAYGROUND_COMMAND_RUN:
		return yard_command(yard, call);
	case PLAYGROUND_RELEASE:
		return release_object(yard, call->id);
	case PLAYGROUND_MMAP_AGAIN:
		return mmap_again(call);
	case PLAYGROUND_COUNT:
		return count(call);
	default:
		return -EINVAL;
	}
}

/* Of several that are to fail at the same time, one does. */
static int obey_with_failure(struct yard *yard, struct playground *call)
{
	static DEFINE_MUTEX(one);
	int ret;

	if (!mutex_trylock(&one))
		return obey(yard, call);
	iomd_inject_arm(call->fail);
	ret = obey(yard, call);
	call->failed = iomd_inject_disarm();
	mutex_unlock(&one);
	return ret;
}

static long playground_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct playground call;
	int ret;

	if (command != PLAYGROUND_CALL)
		return -ENOTTY;
	if (copy_from_user(&call, (void __user *)argument, sizeof(call)))
		return -EFAULT;
	call.failed = 0;
	ret = call.fail ? obey_with_failure(file->private_data, &call) :
			  obey(file->private_data, &call);
	if (copy_to_user((void __user *)argument, &call, sizeof(call)))
		return -EFAULT;
	return ret;
}

static int playground_open(struct inode *inode, struct file *file)
{
	struct yard *yard = kzalloc(sizeof(*yard), GFP_KERNEL);

	if (!yard)
		return -ENOMEM;
	xa_init_flags(&yard->objects, XA_FLAGS_ALLOC1);
	file->private_data = yard;
	return 0;
}

static int playground_release(struct inode *inode, struct file *file)
{
	struct yard *yard = file->private_data;
	struct os_object *object;
	unsigned long id;

	xa_for_each(&yard->objects, id, object)
		os_object_release(object);
	xa_destroy(&yard->objects);
	kfree(yard);
	return 0;
}

static const struct file_operations playground_fops = {
	.owner = THIS_MODULE,
	.open = playground_open,
	.release = playground_release,
	.unlocked_ioctl = playground_ioctl,
};

static struct miscdevice playground_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd-playground",
	.fops = &playground_fops,
};

module_misc_device(playground_device);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Descriptors and mappings for programs that test iomd");
MODULE_LICENSE("GPL");
