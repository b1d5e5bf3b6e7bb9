// SPDX-License-Identifier: GPL-2.0
/*
 * The state is a word: the count of prepares, that of readers, that of mappings that need
 * the memory wired, for devices and for the CPU, and flags.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/wait_bit.h>

#include "descriptor.h"
#include "id.h"
#include "wire.h"

#define COUNT		IOMD_WIRE_COUNT
#define WRITABLE	IOMD_WIRE_WRITABLE
#define BUSY		IOMD_WIRE_BUSY
#define WAITED_FOR	IOMD_WIRE_WAITED_FOR
#define DRAINING	IOMD_WIRE_DRAINING
#define READER		IOMD_WIRE_READER
#define READERS		IOMD_WIRE_READERS
/* The id is that of this preparation. */
#define IDENTIFIED	BIT_ULL(44)
#define USER		BIT_ULL(45)
#define USERS		GENMASK_ULL(63, 45)

static u64 read_state(const struct iomd_wire *wire)
{
	return atomic64_read(&wire->state);
}

/* Do what was decided from @state, unless it has changed: then try again. */
static bool wire_change(struct iomd_wire *wire, u64 state, u64 next)
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
	} while (!(state & WAITED_FOR) && !wire_change(wire, state, state | WAITED_FOR));
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
	} while (!wire_change(wire, state, next));
	return next == BUSY;
}

/**
 * iomd_wire_hold() - keep wired memory as it is, to read it
 * @wire: state
 *
 * It is no prepare, and nobody can tell: the complete that is the last one stays that, and
 * waits until iomd_wire_drop() before it unwires. So that must not be long, nor may who
 * holds the memory complete it.
 *
 * Return: 0; -EAGAIN if the memory is not wired; -EOVERFLOW for too many at a time.
 * Context: any, hard IRQ included.
 */
int iomd_wire_hold(struct iomd_wire *wire)
{
	u64 state;

	do {
		state = read_state(wire);
		if (!(state & COUNT))
			return -EAGAIN;
		if ((state & READERS) == READERS)
			return -EOVERFLOW;
	} while (!wire_change(wire, state, state + READER));
	return 0;
}

/* Undo iomd_wire_hold(). Any context: what wakes here does so with raw locks. */
void iomd_wire_drop(struct iomd_wire *wire)
{
	u64 state = atomic64_sub_return(READER, &wire->state);

	if (unlikely((state & (DRAINING | READERS)) == DRAINING))
		complete(wire->drained);
}

/* The memory is about to be unwired, and nobody begins to read any more. */
static noinline void wire_drain_readers(struct iomd_wire *wire)
{
	DECLARE_COMPLETION_ONSTACK(drained);
	u64 state;

	wire->drained = &drained;
	do {
		state = read_state(wire);
		if (!(state & READERS))
			return;
	} while (!wire_change(wire, state, state | DRAINING));
	wait_for_completion(&drained);
}

/**
 * iomd_wire_begin_unwire() - count one prepare less
 * @wire: state
 *
 * The last one waits for those who read the memory.
 *
 * Return: 0 if others remain; 1 if the caller must unwire the memory now and then
 * call iomd_wire_end_unwire(); -EAGAIN if no prepare is left to be completed;
 * -EBUSY if it is the last one and a mapping uses the memory. Both are a mistake
 * of the driver, and warned of once.
 * Context: may sleep.
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
			next = BUSY | (state & (WRITABLE | READERS));
		}
	} while (!wire_change(wire, state, next));
	if (next & COUNT)
		return 0;
	if (unlikely(next & READERS))
		wire_drain_readers(wire);
	return 1;
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
	} while (!wire_change(wire, state, begin ? state + USER : state - USER));
	return 0;
}

bool iomd_wire_is_in_use(const struct iomd_wire *wire)
{
	return read_state(wire) & USERS;
}

/* The id of the preparation that there is, which has one from now on. */
static u64 wire_identify(struct iomd_wire *wire)
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
	} while (!wire_change(wire, state, state | IDENTIFIED));
	return wire->id;
}

/* Id of the present preparation; 0 if there is none. */
u64 iomd_wire_get_id(struct iomd_wire *wire)
{
	unsigned long irq;
	u64 id;

	raw_spin_lock_irqsave(&wire->lock, irq);
	id = wire_identify(wire);
	raw_spin_unlock_irqrestore(&wire->lock, irq);
	return id;
}
