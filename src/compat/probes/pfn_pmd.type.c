// SPDX-License-Identifier: GPL-2.0
/* vmf_insert_pfn_pmd() with a pfn_t. */
#include <linux/mm.h>
#include <linux/pfn_t.h>

static vm_fault_t __maybe_unused probe(struct vm_fault *vmf)
{
	return vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(0), false);
}
