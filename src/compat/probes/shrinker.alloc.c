// SPDX-License-Identifier: GPL-2.0
/* A shrinker is allocated, filled in and registered. */
#include <linux/mm.h>
#include <linux/shrinker.h>

static void __maybe_unused probe(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "probe");

	shrinker_register(shrinker);
	shrinker_free(shrinker);
}
