// SPDX-License-Identifier: GPL-2.0
/*
 * The state is a word: the count of prepares, that of readers, that of mappings that need
 * the memory prepared, for devices and for the CPU, and flags.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/wait_bit.h>

#include "descriptor.h"
#include "id.h"
#include "prepares.h"

#define COUNT		IOMD_PREPARES_COUNT
#define WRITABLE	IOMD_PREPARES_WRITABLE
#define BUSY		IOMD_PREPARES_BUSY
#define WAITED_FOR	IOMD_PREPARES_WAITED_FOR
#define DRAINING	IOMD_PREPARES_DRAINING
#define READER		IOMD_PREPARES_READER
#define READERS		IOMD_PREPARES_READERS
/* The id is that of this preparation. */
#define IDENTIFIED	BIT_ULL(44)
#define USER		BIT_ULL(45)
#define USERS		GENMASK_ULL(63, 45)

static u64 read_state(const struct iomd_prepares *prepares)
{
	return atomic64_read(&prepares->state);
}

/* Do what was decided from @state, unless it has changed: then try again. */
static bool prepares_change(struct iomd_prepares *prepares, u64 state, u64 next)
{
	s64 expected = state;

	return atomic64_try_cmpxchg(&prepares->state, &expected, next);
}

/* If it is not, whoever ends what goes on will wake the caller up. */
static bool is_idle(struct iomd_prepares *prepares)
{
	u64 state;

	do {
		state = read_state(prepares);
		if (!(state & BUSY))
			return true;
	} while (!(state & WAITED_FOR) && !prepares_change(prepares, state, state | WAITED_FOR));
	return false;
}

void iomd_prepares_wake(struct iomd_prepares *prepares)
{
	wake_up_var(&prepares->state);
}

int iomd_prepares_begin_slow(struct iomd_prepares *prepares, bool write)
{
	u64 state, next;

	do {
		state = read_state(prepares);
		while (unlikely(state & BUSY)) {
			if (wait_var_event_killable(&prepares->state, is_idle(prepares)))
				return -EINTR;
			state = read_state(prepares);
		}
		next = state + 1;
		if (!(state & COUNT))
			next = BUSY;
		else if (write && !(state & WRITABLE))
			return -EACCES;
		else if ((state & COUNT) == COUNT)
			return -EOVERFLOW;
	} while (!prepares_change(prepares, state, next));
	return next == BUSY;
}

/**
 * iomd_prepares_hold() - keep prepared memory as it is, to read it
 * @prepares: state
 *
 * It is no prepare, and nobody can tell: the complete that is the last one stays that, and
 * waits until iomd_prepares_drop() before it ends. So that must not be long, nor may who
 * holds the memory complete it.
 *
 * Return: 0; -EAGAIN if the memory is not prepared; -EOVERFLOW for too many at a time.
 * Context: any, hard IRQ included.
 */
int iomd_prepares_hold(struct iomd_prepares *prepares)
{
	u64 state;

	do {
		state = read_state(prepares);
		if (!(state & COUNT))
			return -EAGAIN;
		if ((state & READERS) == READERS)
			return -EOVERFLOW;
	} while (!prepares_change(prepares, state, state + READER));
	return 0;
}

/* Undo iomd_prepares_hold(). Any context: what wakes here does so with raw locks. */
void iomd_prepares_drop(struct iomd_prepares *prepares)
{
	u64 state = atomic64_sub_return(READER, &prepares->state);

	if (unlikely((state & (DRAINING | READERS)) == DRAINING))
		complete(prepares->drained);
}

/* The last complete is about to give the memory back, and nobody begins to read any more. */
static noinline void prepares_drain_readers(struct iomd_prepares *prepares)
{
	DECLARE_COMPLETION_ONSTACK(drained);
	u64 state;

	prepares->drained = &drained;
	do {
		state = read_state(prepares);
		if (!(state & READERS))
			return;
	} while (!prepares_change(prepares, state, state | DRAINING));
	wait_for_completion(&drained);
}

/**
 * iomd_prepares_begin_last() - count one prepare less
 * @prepares: state
 *
 * The last one waits for those who read the memory.
 *
 * Return: 0 if others remain; 1 if the caller must give the memory back now and then
 * call iomd_prepares_end_last(); -EAGAIN if no prepare is left to be completed;
 * -EBUSY if it is the last one and a mapping uses the memory. Both are a mistake
 * of the driver, and warned of once.
 * Context: may sleep.
 */
int iomd_prepares_begin_last(struct iomd_prepares *prepares)
{
	u64 state, next;

	do {
		state = read_state(prepares);
		next = state - 1;
		if ((state & BUSY) || (state & COUNT) <= prepares->own)
			return iomd_refuse_complete(-EAGAIN);
		if (!(next & COUNT)) {
			if (state & USERS)
				return iomd_refuse_complete(-EBUSY);
			next = BUSY | (state & (WRITABLE | READERS));
		}
	} while (!prepares_change(prepares, state, next));
	if (next & COUNT)
		return 0;
	if (unlikely(next & READERS))
		prepares_drain_readers(prepares);
	return 1;
}

/**
 * iomd_prepares_set_in_use() - a mapping begins or ends to use the memory
 * @prepares: state
 * @begin: begins?
 *
 * Return: 0; -EAGAIN if the memory is not prepared, or is not in use; -EOVERFLOW.
 * Context: any, hard IRQ included.
 */
int iomd_prepares_set_in_use(struct iomd_prepares *prepares, bool begin)
{
	u64 state;

	do {
		state = read_state(prepares);
		if (!begin && !(state & USERS))
			return iomd_refuse_end_of_use();
		if (begin && !(state & COUNT))
			return -EAGAIN;
		if (begin && (state & USERS) == USERS)
			return -EOVERFLOW;
	} while (!prepares_change(prepares, state, begin ? state + USER : state - USER));
	return 0;
}

bool iomd_prepares_is_in_use(const struct iomd_prepares *prepares)
{
	return read_state(prepares) & USERS;
}

/* The id of the preparation that there is, which has one from now on. */
static u64 prepares_identify(struct iomd_prepares *prepares)
{
	u64 state;

	lockdep_assert_held(&prepares->lock);
	do {
		state = read_state(prepares);
		if (!(state & COUNT))
			return 0;
		if (state & IDENTIFIED)
			break;
		prepares->id = iomd_id_next();
	} while (!prepares_change(prepares, state, state | IDENTIFIED));
	return prepares->id;
}

/* Id of the present preparation; 0 if there is none. */
u64 iomd_prepares_get_id(struct iomd_prepares *prepares)
{
	unsigned long irq;
	u64 id;

	raw_spin_lock_irqsave(&prepares->lock, irq);
	id = prepares_identify(prepares);
	raw_spin_unlock_irqrestore(&prepares->lock, irq);
	return id;
}
