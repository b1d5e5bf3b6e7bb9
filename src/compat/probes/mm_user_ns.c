// SPDX-License-Identifier: GPL-2.0
/* An address space knows the user namespace that its program was started in. */
#include <linux/mm_types.h>

static struct user_namespace *__maybe_unused probe(const struct mm_struct *mm)
{
	return mm->user_ns;
}
