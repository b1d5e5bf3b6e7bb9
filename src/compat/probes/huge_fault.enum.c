// SPDX-License-Identifier: GPL-2.0
/* The huge_fault op with an enum page_entry_size. */
#include <linux/mm.h>

static vm_fault_t probe(struct vm_fault *vmf, enum page_entry_size size)
{
	return size == PE_SIZE_PMD ? VM_FAULT_FALLBACK : 0;
}

const struct vm_operations_struct __maybe_unused probe_ops = { .huge_fault = probe };
