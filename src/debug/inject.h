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

/* Places between two steps, where a test may have something else happen. */
enum iomd_step {
	/* A mapping shows its new memory, which does not know it yet. */
	IOMD_STEP_EXCHANGED,
	/* What is to be unmapped is there, in the current address space. */
	IOMD_STEP_PIECE_FOUND,
	/* A snapshot's memory is prepared, and about to be copied. */
	IOMD_STEP_TO_BE_COPIED,
};

void iomd_inject_take_step(enum iomd_step step);

static inline void iomd_inject_step(enum iomd_step step)
{
	if (static_branch_unlikely(&iomd_inject_key))
		iomd_inject_take_step(step);
}

/*
 * For the tests: from iomd_inject_arm() to iomd_inject_disarm(), have @at called by whoever
 * takes a step; NULL: nothing any more.
 */
void iomd_inject_at_steps(void (*at)(enum iomd_step step));

/* For the tests: the @nth (from 1) step that the calling task asks about fails. */
void iomd_inject_arm(unsigned int nth);
/* Ends that; true if a step failed. */
bool iomd_inject_disarm(void);

#endif
