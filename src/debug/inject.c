// SPDX-License-Identifier: GPL-2.0
/*
 * One task at a time may have its n-th step fail; everybody else goes on
 * undisturbed.
 */
#include <linux/atomic.h>
#include <linux/sched.h>

#include "inject.h"

DEFINE_STATIC_KEY_FALSE(iomd_inject_key);

static struct task_struct *victim;
static unsigned int steps_left;
static bool fired;

bool iomd_inject_should_fail(void)
{
	if (READ_ONCE(victim) != current || !steps_left || --steps_left)
		return false;
	fired = true;
	return true;
}

static void (*at_steps)(enum iomd_step step);

void iomd_inject_take_step(enum iomd_step step)
{
	if (at_steps)
		at_steps(step);
}

void iomd_inject_at_steps(void (*at)(enum iomd_step step))
{
	at_steps = at;
}
IOMD_EXPORT_TEST(iomd_inject_at_steps);

void iomd_inject_arm(unsigned int nth)
{
	fired = false;
	steps_left = nth;
	WRITE_ONCE(victim, current);
	static_branch_enable(&iomd_inject_key);
}
IOMD_EXPORT_TEST(iomd_inject_arm);

bool iomd_inject_disarm(void)
{
	static_branch_disable(&iomd_inject_key);
	WRITE_ONCE(victim, NULL);
	return fired;
}
IOMD_EXPORT_TEST(iomd_inject_disarm);
