// SPDX-License-Identifier: GPL-2.0
/* shmem_file_setup() takes a VMA's flags as a set of bits. */
#include <linux/mm.h>
#include <linux/shmem_fs.h>

static __maybe_unused struct file *probe(void)
{
	return shmem_file_setup("probe", 0, mk_vma_flags(VMA_NORESERVE_BIT));
}
