// SPDX-License-Identifier: GPL-2.0
/* Reclaim is told of freed pages by a function. */
#include <linux/swap.h>

static void __maybe_unused probe(unsigned long pages)
{
	mm_account_reclaimed_pages(pages);
}
