// SPDX-License-Identifier: GPL-2.0
/* A pin for reading copies what a process shares of anonymous memory, but not of files. */
#include <linux/mm.h>

static bool __maybe_unused probe(struct page *page)
{
	return gup_must_unshare(FOLL_PIN, page);
}
