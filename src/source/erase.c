// SPDX-License-Identifier: GPL-2.0
/*
 * A module can look at what is mapped where, under mmap_lock, and it can unmap a range of
 * addresses, which takes that lock: in between the process may have put something else
 * there. What can be done under one lock is to mmap() over what is there. The kernel
 * first asks the file for the address, which is where we look; then it takes away what
 * is there, and then asks the file whether it may be mapped, which ours never may. That
 * a mmap() which fails so late has unmapped the range is how mmap() has always been. A
 * kernel that would put the old mapping back would leave it there, which is safe.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/userfaultfd_k.h>

#include "../debug/inject.h"
#include "erase.h"

/*
 * Is somebody told when it is unmapped, for whom the kernel waits until he has read that? A
 * task may wait for what it asked to be told; a worker of ours must not.
 */
static bool would_wait(const struct vm_area_struct *vma)
{
	return (current->flags & PF_KTHREAD) && userfaultfd_armed((struct vm_area_struct *)vma);
}

/*
 * Are all of these pages of the file, and mapped? 0; -ESTALE; -EAGAIN: not to be unmapped
 * now. Under mmap_lock.
 */
static int check_all_of(const struct inode *inode, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	unsigned long at = start;

	VMA_ITERATOR(iterator, current->mm, start);

	mmap_assert_locked(current->mm);
	for_each_vma_range(iterator, vma, end) {
		if (vma->vm_start > at || !vma->vm_file || file_inode(vma->vm_file) != inode)
			return -ESTALE;
		if (would_wait(vma))
			return -EAGAIN;
		at = vma->vm_end;
	}
	return at >= end ? 0 : -ESTALE;
}

static unsigned long eraser_get_unmapped_area(struct file *file, unsigned long address,
					      unsigned long length, unsigned long pgoff,
					      unsigned long flags)
{
	int ret = check_all_of(file->private_data, address, address + length);

	return ret ?: address;
}

/* By now nothing is there any more. */
static int eraser_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ECANCELED;
}

static const struct file_operations eraser_fops = {
	.owner = THIS_MODULE,
	.get_unmapped_area = eraser_get_unmapped_area,
	.mmap = eraser_mmap,
};

/**
 * iomd_erase() - unmap pages of a file from the current address space
 * @inode: of the file; held by the caller
 * @start: of the first page
 * @length: bytes, whole pages
 *
 * Return: 0; or, with nothing changed: -ESTALE if something else is there, or there is
 * a gap; -EAGAIN for a kernel thread where the process is told of what is unmapped, by
 * userfaultfd; else what making a file or mmap() gave. See iomd_erase_is_final().
 * Context: may sleep; takes mmap_lock.
 */
int iomd_erase(struct inode *inode, unsigned long start, unsigned long length)
{
	struct file *eraser;
	unsigned long ret;

	eraser = iomd_should_fail() ? ERR_PTR(-ENOMEM) :
		 anon_inode_getfile("[iomd-eraser]", &eraser_fops, inode, O_RDONLY);
	if (IS_ERR(eraser))
		return PTR_ERR(eraser);
	ret = vm_mmap(eraser, start, length, PROT_NONE, MAP_SHARED | MAP_FIXED, 0);
	fput(eraser);
	return ret == -ECANCELED ? 0 : (int)ret;
}
