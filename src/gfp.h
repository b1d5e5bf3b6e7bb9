/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_GFP_H
#define IOMD_GFP_H

#include <linux/gfp.h>

/*
 * For memory that grows with how much a caller asks for, or how often, and so perhaps with
 * what a program does: charged to the cgroup, and asked for in a way that fails. Who wants
 * more than the cgroup or the machine has is told so; nobody is killed for it, and nothing
 * warns.
 */
#define IOMD_GFP_SIZED	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#endif
