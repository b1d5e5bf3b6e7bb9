// SPDX-License-Identifier: GPL-2.0
/* vmf_insert_pfn_pmd() with a frame number. */
#include <linux/mm.h>

static vm_fault_t __maybe_unused probe(struct vm_fault *vmf, unsigned long pfn)
{
	return vmf_insert_pfn_pmd(vmf, pfn, false);
}
