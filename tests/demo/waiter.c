// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/iomd-waiter: a page that the opener is shown, and that whoever touches it waits
 * for while it is redirected. Reading the file gives its address and what the page holds,
 * for a program that does not know it; writing 1 or 0 begins and ends the redirect.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <iomd/iomd.h>

struct waiter {
	struct iomd *md;
	struct iomd_mapping *mapping;
	u64 content;
};

static int waiter_open(struct inode *inode, struct file *file)
{
	struct waiter *waiter = kzalloc(sizeof(*waiter), GFP_KERNEL);
	int err;

	if (!waiter)
		return -ENOMEM;
	waiter->md = iomd_buffer_in_task_with_options(IOMD_KERNEL_TASK,
						      IOMD_DIRECTION_OUT_IN |
						      IOMD_MEMORY_KERNEL_USER_SHARED,
						      PAGE_SIZE, PAGE_SIZE);
	err = PTR_ERR_OR_ZERO(waiter->md);
	if (err)
		goto free;
	waiter->content = get_random_u64();
	iomd_write_bytes(waiter->md, 0, &waiter->content, sizeof(waiter->content));
	waiter->mapping = iomd_create_mapping_in_task(waiter->md, current, 0,
						      IOMD_MAP_ANYWHERE, 0, 0);
	err = PTR_ERR_OR_ZERO(waiter->mapping);
	if (err)
		goto release;
	file->private_data = waiter;
	return 0;

release:
	iomd_release(waiter->md);
free:
	kfree(waiter);
	return err;
}

static ssize_t waiter_read(struct file *file, char __user *buffer, size_t length, loff_t *at)
{
	struct waiter *waiter = file->private_data;
	u64 words[2] = {
		iomd_mapping_get_virtual_address(waiter->mapping), waiter->content,
	};

	if (length != sizeof(words))
		return -EINVAL;
	return copy_to_user(buffer, words, sizeof(words)) ? -EFAULT : sizeof(words);
}

static ssize_t waiter_write(struct file *file, const char __user *buffer, size_t length,
			    loff_t *at)
{
	struct waiter *waiter = file->private_data;
	bool redirect;
	int err;

	err = kstrtobool_from_user(buffer, length, &redirect) ?:
	      iomd_redirect(waiter->md, IOMD_KERNEL_TASK, redirect);
	return err ?: length;
}

static int waiter_release(struct inode *inode, struct file *file)
{
	struct waiter *waiter = file->private_data;

	iomd_mapping_release(waiter->mapping);
	iomd_release(waiter->md);
	kfree(waiter);
	return 0;
}

static const struct file_operations waiter_fops = {
	.owner = THIS_MODULE,
	.open = waiter_open,
	.read = waiter_read,
	.write = waiter_write,
	.release = waiter_release,
};

static struct miscdevice waiter_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd-waiter",
	.fops = &waiter_fops,
};
module_misc_device(waiter_device);

MODULE_DESCRIPTION("A mapping that can be made to wait, for tests of iomd");
MODULE_LICENSE("GPL");
IOMD_IMPORT_NS();
