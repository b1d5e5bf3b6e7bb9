/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a puppet's process reads from its channel; it answers with one __s64.
 */
#ifndef PUPPET_COMMAND_H
#define PUPPET_COMMAND_H

#include <linux/types.h>

enum puppet_order {
	/* Call the kernel: @number is the system call; answers its result or -errno. */
	PUPPET_SYSCALL,
	/* Be two: @number is the channel of the child; answers the child's id. */
	PUPPET_FORK,
	/* Have one more thread, whose channel @number is. */
	PUPPET_THREAD,
};

struct puppet_command {
	__u64 order;
	__u64 number;
	__u64 arguments[6];
};

#endif
