// SPDX-License-Identifier: GPL-2.0
/* Pages are counted that a user has pinned. */
#include <linux/sched/user.h>

static long __maybe_unused probe(struct user_struct *user)
{
	return atomic_long_read(&user->locked_vm);
}
