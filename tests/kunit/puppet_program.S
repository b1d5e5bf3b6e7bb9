/* SPDX-License-Identifier: GPL-2.0 */
/* The program of puppet_user.c, as the module carries it. */
#include <linux/linkage.h>

	.section .rodata, "a"
	.balign 8
SYM_DATA_START(puppet_program)
	.incbin PUPPET_PROGRAM
SYM_DATA_END_LABEL(puppet_program, SYM_L_GLOBAL, puppet_program_end)
