// SPDX-License-Identifier: GPL-2.0
/* Reclaim is told of freed pages by a field. */
#include <linux/sched.h>
#include <linux/swap.h>

static void __maybe_unused probe(unsigned long pages)
{
	current->reclaim_state->reclaimed_slab += pages;
}
