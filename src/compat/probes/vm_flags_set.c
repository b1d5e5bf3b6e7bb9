// SPDX-License-Identifier: GPL-2.0
/* A VMA's flags change through helpers. */
#include <linux/mm.h>

static void __maybe_unused probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO);
}
