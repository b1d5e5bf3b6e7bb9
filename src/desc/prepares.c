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
#define RESERVED	IOMD_PREPARES_RESERVED
#define OWED		IOMD_PREPARES_OWED
#define KEPT		IOMD_PREPARES_KEPT
#define USER		BIT_ULL(47)
#define USERS		GENMASK_ULL(63, 47)

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
		/* What was handed over to the users is this one's from now on. */
		next = (state & ~OWED) + 1;
		if (!(state & KEPT))
			next = BUSY;
		else if (write && !(state & WRITABLE))
			return -EACCES;
		/* A reserved complete that is cancelled is a prepare again. */
		else if ((state & COUNT) + READ_ONCE(prepares->reserved) >= COUNT)
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
		if (!(state & KEPT))
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

/* May a prepare that is counted in @state be completed? */
static int prepares_may_complete(const struct iomd_prepares *prepares, u64 state)
{
	if ((state & COUNT) <= prepares->own)
		return -EAGAIN;
	return (state & COUNT) == 1 && (state & USERS) ? -EBUSY : 0;
}

/* Nobody keeps the memory any more but those who read it now. */
static u64 prepares_busy_after(u64 state)
{
	return BUSY | (state & (WRITABLE | READERS));
}

/* Before the memory is given back by whoever made the state busy for that. */
void iomd_prepares_drain(struct iomd_prepares *prepares)
{
	if (read_state(prepares) & READERS)
		prepares_drain_readers(prepares);
}

/* One complete has left @next: is the memory to be given back now? */
static int prepares_end_complete(struct iomd_prepares *prepares, u64 next)
{
	if (likely(next & KEPT))
		return 0;
	if (next & READERS)
		prepares_drain_readers(prepares);
	return 1;
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
	int ret;

	do {
		state = read_state(prepares);
		ret = prepares_may_complete(prepares, state);
		if (ret)
			return iomd_refuse_complete(ret);
		next = state - 1;
		if (!(next & KEPT))
			next = prepares_busy_after(state);
	} while (!prepares_change(prepares, state, next));
	return prepares_end_complete(prepares, next);
}

/**
 * iomd_prepares_hand_over() - complete, or leave that to those who use the memory
 * @prepares: state
 *
 * For a mapping that prepared the memory for itself, and knows nothing of other users, who
 * may rest on that. As iomd_prepares_begin_last(); but if a mapping uses the memory and it
 * is the last one, the memory stays, and is given back when the last of them ends.
 *
 * Return: 0; 1 and -EAGAIN as iomd_prepares_begin_last().
 * Context: may sleep.
 */
int iomd_prepares_hand_over(struct iomd_prepares *prepares)
{
	u64 state, next;
	int ret;

	do {
		state = read_state(prepares);
		ret = prepares_may_complete(prepares, state);
		if (ret == -EAGAIN)
			return iomd_refuse_complete(ret);
		next = state - 1;
		if (ret == -EBUSY)
			next |= OWED;
		else if (!(next & KEPT))
			next = prepares_busy_after(state);
	} while (!prepares_change(prepares, state, next));
	return prepares_end_complete(prepares, next);
}

/**
 * iomd_prepares_reserve_complete() - see to it that a complete can't be refused
 * @prepares: state
 *
 * It is as if completed for all but prepares and readers, who find the memory as it is
 * prepared until iomd_prepares_complete_reserved(), or for longer if
 * iomd_prepares_cancel_complete() undoes this.
 *
 * Return: 0; -EAGAIN and -EBUSY as iomd_prepares_begin_last().
 * Context: any, hard IRQ included.
 */
int iomd_prepares_reserve_complete(struct iomd_prepares *prepares)
{
	unsigned long irq;
	u64 state;
	int ret;

	raw_spin_lock_irqsave(&prepares->lock, irq);
	/* Before the count: who adds the two up must not find too few. */
	WRITE_ONCE(prepares->reserved, prepares->reserved + 1);
	do {
		state = read_state(prepares);
		ret = prepares_may_complete(prepares, state);
	} while (!ret && !prepares_change(prepares, state, (state - 1) | RESERVED));
	if (ret)
		WRITE_ONCE(prepares->reserved, prepares->reserved - 1);
	raw_spin_unlock_irqrestore(&prepares->lock, irq);
	return ret ? iomd_refuse_complete(ret) : 0;
}

/* The word without a reservation, which is the last one if there are no others. */
static u64 prepares_unreserved(const struct iomd_prepares *prepares, u64 state)
{
	return prepares->reserved > 1 ? state : state & ~RESERVED;
}

/* Undo iomd_prepares_reserve_complete(). Any context. */
void iomd_prepares_cancel_complete(struct iomd_prepares *prepares)
{
	unsigned long irq;
	u64 state, next;

	raw_spin_lock_irqsave(&prepares->lock, irq);
	do {
		state = read_state(prepares);
		/* As if it was prepared anew: see iomd_prepares_begin_slow(). */
		next = (prepares_unreserved(prepares, state) & ~OWED) + 1;
	} while (!prepares_change(prepares, state, next));
	WRITE_ONCE(prepares->reserved, prepares->reserved - 1);
	raw_spin_unlock_irqrestore(&prepares->lock, irq);
}

/**
 * iomd_prepares_complete_reserved() - carry out a complete that was reserved
 * @prepares: state
 *
 * Return: 0 or 1 as iomd_prepares_begin_last().
 * Context: may sleep.
 */
int iomd_prepares_complete_reserved(struct iomd_prepares *prepares)
{
	unsigned long irq;
	u64 state, next;

	raw_spin_lock_irqsave(&prepares->lock, irq);
	do {
		state = read_state(prepares);
		next = prepares_unreserved(prepares, state);
		if (!(next & KEPT))
			next = prepares_busy_after(state);
	} while (!prepares_change(prepares, state, next));
	WRITE_ONCE(prepares->reserved, prepares->reserved - 1);
	raw_spin_unlock_irqrestore(&prepares->lock, irq);
	return prepares_end_complete(prepares, next);
}

/* One user more, if @needed says nothing or something of that is in the word. */
static int prepares_begin_use(struct iomd_prepares *prepares, u64 needed)
{
	u64 state;

	do {
		state = read_state(prepares);
		if (needed && !(state & needed))
			return -EAGAIN;
		if ((state & USERS) == USERS)
			return -EOVERFLOW;
	} while (!prepares_change(prepares, state, state + USER));
	return 0;
}

static int prepares_end_use(struct iomd_prepares *prepares)
{
	u64 state, next;

	do {
		state = read_state(prepares);
		if (!(state & USERS))
			return iomd_refuse_end_of_use();
		next = state - USER;
		if (!(next & USERS) && unlikely(state & OWED)) {
			next &= ~OWED;
			if (!(next & KEPT))
				next = prepares_busy_after(state);
		}
	} while (!prepares_change(prepares, state, next));
	return unlikely(next & BUSY);
}

/**
 * iomd_prepares_set_in_use() - a mapping begins or ends to use the memory
 * @prepares: state
 * @begin: begins?
 *
 * Return: 0; 1 if the preparation had been handed over to the users, of whom this was the
 * last: the caller has iomd_prepares_drain() called where one may sleep, gives the memory
 * back, and calls iomd_prepares_end_last(); -EAGAIN if the memory is not prepared, or is
 * not in use; -EOVERFLOW.
 * Context: any, hard IRQ included.
 */
int iomd_prepares_set_in_use(struct iomd_prepares *prepares, bool begin)
{
	return begin ? prepares_begin_use(prepares, COUNT) : prepares_end_use(prepares);
}

/* The same of memory that needs no preparation, and of which nobody asks for one. */
int iomd_prepares_count_user(struct iomd_prepares *prepares, bool begin)
{
	return begin ? prepares_begin_use(prepares, 0) : prepares_end_use(prepares);
}

bool iomd_prepares_is_in_use(const struct iomd_prepares *prepares)
{
	return read_state(prepares) & USERS;
}

/* Has anybody but the descriptor itself prepared the memory, or is it in use? */
bool iomd_prepares_is_needed(const struct iomd_prepares *prepares)
{
	u64 state = read_state(prepares);

	return (state & (USERS | RESERVED)) || (state & COUNT) > prepares->own;
}

/* Is somebody about to bring the memory in or to give it back? */
bool iomd_prepares_is_busy(const struct iomd_prepares *prepares)
{
	return read_state(prepares) & BUSY;
}

/* The id of the preparation that there is, which has one from now on. */
static u64 prepares_identify(struct iomd_prepares *prepares)
{
	u64 state;

	lockdep_assert_held(&prepares->lock);
	do {
		state = read_state(prepares);
		if (!(state & KEPT))
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
