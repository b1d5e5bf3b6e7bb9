/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failing the n-th internal step on purpose, in any kernel: each step that can
 * fail asks first. Off, it costs a no-op.
 */
#ifndef IOMD_DEBUG_INJECT_H
#define IOMD_DEBUG_INJECT_H

#include <linux/jump_label.h>
#include <linux/types.h>

DECLARE_STATIC_KEY_FALSE(iomd_inject_key);

bool iomd_inject_should_fail(void);

/* True if this allocation, pin, map ... is to fail as if the kernel had refused it. */
static inline bool iomd_should_fail(void)
{
	return static_branch_unlikely(&iomd_inject_key) && iomd_inject_should_fail();
}

/* For the tests: the @nth (from 1) step that the calling task asks about fails. */
void iomd_inject_arm(unsigned int nth);
/* Ends that; true if a step failed. */
bool iomd_inject_disarm(void);

#endif
