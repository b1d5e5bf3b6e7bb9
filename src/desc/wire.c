// SPDX-License-Identifier: GPL-2.0
/*
 * The state is a word: the count of prepares, that of mappings that need the memory
 * wired, for devices and for the CPU, and flags.
 */
#include <linux/wait_bit.h>

#include "descriptor.h"
#include "id.h"
#include "wire.h"

#define COUNT		IOMD_WIRE_COUNT
#define WRITABLE	IOMD_WIRE_WRITABLE
#define BUSY		IOMD_WIRE_BUSY
#define WAITED_FOR	IOMD_WIRE_WAITED_FOR
/* The id is that of this preparation. */
#define IDENTIFIED	BIT_ULL(35)
#define USER		BIT_ULL(36)
#define USERS		GENMASK_ULL(63, 36)

static u64 read_state(const struct iomd_wire *wire)
{
	return atomic64_read(&wire->state);
}

/* Do what was decided from @state, unless it has changed: then try again. */
static bool change(struct iomd_wire *wire, u64 state, u64 next)
{
	s64 expected = state;

	return atomic64_try_cmpxchg(&wire->state, &expected, next);
}

/* If it is not, whoever ends what goes on will wake the caller up. */
static bool is_idle(struct iomd_wire *wire)
{
	u64 state;

	do {
		state = read_state(wire);
		if (!(state & BUSY))
			return true;
	} while (!(state & WAITED_FOR) && !change(wire, state, state | WAITED_FOR));
	return false;
}

void iomd_wire_wake(struct iomd_wire *wire)
{
	wake_up_var(&wire->state);
}

int iomd_wire_begin_slow(struct iomd_wire *wire, bool write)
{
	u64 state, next;

	do {
		state = read_state(wire);
		while (unlikely(state & BUSY)) {
			if (wait_var_event_killable(&wire->state, is_idle(wire)))
				return -EINTR;
			state = read_state(wire);
		}
		next = state + 1;
		if (!(state & COUNT))
			next = BUSY;
		else if (write && !(state & WRITABLE))
			return -EACCES;
		else if ((state & COUNT) == COUNT)
			return -EOVERFLOW;
	} while (!change(wire, state, next));
	return next == BUSY;
}

/* Count one more prepare if the memory is wired; never waits. */
bool iomd_wire_try_hold(struct iomd_wire *wire)
{
	u64 state;

	do {
		state = read_state(wire);
		if (!(state & COUNT) || (state & COUNT) == COUNT)
			return false;
	} while (!change(wire, state, state + 1));
	return true;
}

/**
 * iomd_wire_begin_unwire() - count one prepare less
 * @wire: state
 *
 * Return: 0 if others remain; 1 if the caller must unwire the memory now and then
 * call iomd_wire_end_unwire(); -EAGAIN if no prepare is left to be completed;
 * -EBUSY if it is the last one and a mapping uses the memory. Both are a mistake
 * of the driver, and warned of once.
 * Context: any.
 */
int iomd_wire_begin_unwire(struct iomd_wire *wire)
{
	u64 state, next;

	do {
		state = read_state(wire);
		next = state - 1;
		if ((state & BUSY) || (state & COUNT) <= wire->own)
			return iomd_refuse_complete(-EAGAIN);
		if (!(next & COUNT)) {
			if (state & USERS)
				return iomd_refuse_complete(-EBUSY);
			next = BUSY | (state & WRITABLE);
		}
	} while (!change(wire, state, next));
	return !(next & COUNT);
}

/**
 * iomd_wire_set_in_use() - a mapping begins or ends to use the memory
 * @wire: state
 * @begin: begins?
 *
 * Return: 0; -EAGAIN if the memory is not wired, or is not in use; -EOVERFLOW.
 * Context: any, hard IRQ included.
 */
int iomd_wire_set_in_use(struct iomd_wire *wire, bool begin)
{
	u64 state;

	do {
		state = read_state(wire);
		if (!begin && !(state & USERS))
			return iomd_refuse_end_of_use();
		if (begin && !(state & COUNT))
			return -EAGAIN;
		if (begin && (state & USERS) == USERS)
			return -EOVERFLOW;
	} while (!change(wire, state, begin ? state + USER : state - USER));
	return 0;
}

bool iomd_wire_is_in_use(const struct iomd_wire *wire)
{
	return read_state(wire) & USERS;
}

/* The id of the preparation that there is, which has one from now on. */
static u64 identify(struct iomd_wire *wire)
{
	u64 state;

	lockdep_assert_held(&wire->lock);
	do {
		state = read_state(wire);
		if (!(state & COUNT))
			return 0;
		if (state & IDENTIFIED)
			break;
		wire->id = iomd_id_next();
	} while (!change(wire, state, state | IDENTIFIED));
	return wire->id;
}

/* Id of the present preparation; 0 if there is none. */
u64 iomd_wire_get_id(struct iomd_wire *wire)
{
	unsigned long irq;
	u64 id;

	raw_spin_lock_irqsave(&wire->lock, irq);
	id = identify(wire);
	raw_spin_unlock_irqrestore(&wire->lock, irq);
	return id;
}
