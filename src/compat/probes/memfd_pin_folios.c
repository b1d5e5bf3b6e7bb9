// SPDX-License-Identifier: GPL-2.0
/* Pages of a file of shared memory can be held for long, each as often as it is asked for. */
#include <linux/mm.h>

static __maybe_unused void probe(struct file *file, struct folio **folios)
{
	pgoff_t offset;

	if (memfd_pin_folios(file, 0, PAGE_SIZE - 1, folios, 1, &offset) == 1)
		unpin_folio(folios[0]);
}
