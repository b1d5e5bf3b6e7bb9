/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pageable memory of a descriptor's own: a file of shared memory, whose pages are
 * there when touched or prepared, may be swapped out otherwise, and, if it is
 * purgeable and volatile, lost.
 */
#ifndef IOMD_SOURCE_SHMEM_H
#define IOMD_SOURCE_SHMEM_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "../mm/purge.h"
#include "../segments/segments.h"
#include "../mm/owner.h"

struct file;
struct iomd_backing;
struct iomd_user_view;
struct task_struct;

/**
 * struct iomd_shmem - what such a source needs to know, as its source_data
 * @bytes: how much memory
 * @may_purge: is it purgeable?
 */
struct iomd_shmem {
	u64 bytes;
	bool may_purge;
	/* private: */
	struct file *file;
	struct iomd_owner owner;
	struct iomd_user_view *view;
	/* Made for the kernel, who may ask where it sees the memory. */
	bool of_kernel;
	/* guards what follows, and is held while the pages are changed */
	struct mutex lock;
	/* Prepared. */
	bool held;
	/* Where the kernel sees it, if it has asked, and the pages that are held for that. */
	void *kernel_address;
	struct iomd_segments shown;
	u32 state;
	/* Emptied while held: the contents go when they are let go. */
	bool discard;
	struct iomd_purgeable purgeable;
};

int iomd_shmem_init(struct iomd_backing *backing, struct iomd_shmem *shmem,
		    struct task_struct *task, const struct iomd_payer *payer);
unsigned long iomd_shmem_user_address(const struct iomd_shmem *shmem);
void *iomd_shmem_show(struct iomd_shmem *shmem);
int iomd_shmem_write(struct iomd_shmem *shmem, u64 offset, const void *bytes, u64 length);

#endif
