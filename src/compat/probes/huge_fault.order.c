// SPDX-License-Identifier: GPL-2.0
/* The huge_fault op with an order. */
#include <linux/mm.h>

static vm_fault_t probe(struct vm_fault *vmf, unsigned int order)
{
	return order == PMD_ORDER ? VM_FAULT_FALLBACK : 0;
}

const struct vm_operations_struct __maybe_unused probe_ops = { .huge_fault = probe };
