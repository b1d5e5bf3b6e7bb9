// SPDX-License-Identifier: GPL-2.0
/* A shrinker is the caller's, and registered under a name. */
#include <linux/mm.h>
#include <linux/shrinker.h>

static int __maybe_unused probe(struct shrinker *shrinker)
{
	return register_shrinker(shrinker, "probe");
}
