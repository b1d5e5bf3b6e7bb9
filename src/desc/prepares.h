/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often memory is prepared, for what, and who uses it meanwhile.
 *
 *	IDLE --begin--> BUSY --end(0)--> PREPARED (count > 0)
 *	   ^              |                 |
 *	   +--end(error)--+----- BUSY <-----+ last complete, not in use
 *
 * The first prepare and the last complete may take long; they run in state BUSY with no lock held,
 * so everybody but another prepare goes on.
 *
 * Who only reads holds the memory without preparing it: the last complete waits for
 * that, and it keeps nobody else from anything. Documentation/protocols.rst has all of
 * it.
 */
#ifndef IOMD_DESC_PREPARES_H
#define IOMD_DESC_PREPARES_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct completion;

struct iomd_prepares {
	/*
	 * How often it is prepared, who uses it and what is going on, in one word: so
	 * that a step is one atomic operation, in any context; see prepares.c.
	 */
	atomic64_t state;
	/* prepares that are the descriptor's own and end with it */
	u32 own;
	/* completes that can't be refused any more; not in the count. Under @lock. */
	u32 reserved;
	/* guards the id and reservations; with interrupts off, as anybody may ask for it */
	raw_spinlock_t lock;
	/* of the preparation that was last asked for one */
	u64 id;
	/* Of the last complete, while it waits for readers; the one's who made it busy. */
	struct completion *drained;
};

#define IOMD_PREPARES_COUNT		GENMASK_ULL(23, 0)	/* prepares */
#define IOMD_PREPARES_READERS	GENMASK_ULL(39, 24)	/* who only read */
#define IOMD_PREPARES_READER	BIT_ULL(24)
#define IOMD_PREPARES_WRITABLE	BIT_ULL(40)	/* prepared to be written */
#define IOMD_PREPARES_BUSY		BIT_ULL(41)	/* first prepare, or last complete */
#define IOMD_PREPARES_WAITED_FOR	BIT_ULL(42)	/* somebody waits for the end of that */
#define IOMD_PREPARES_DRAINING	BIT_ULL(43)	/* the last complete waits for readers */
#define IOMD_PREPARES_RESERVED	BIT_ULL(45)	/* completes are reserved, and keep the memory */
#define IOMD_PREPARES_OWED	BIT_ULL(46)	/* the last use is to end the preparation */
/* Any of these keeps the memory as it is prepared. */
#define IOMD_PREPARES_KEPT \
	(IOMD_PREPARES_COUNT | IOMD_PREPARES_RESERVED | IOMD_PREPARES_OWED)

int iomd_prepares_begin_slow(struct iomd_prepares *prepares, bool write);
int iomd_prepares_hold(struct iomd_prepares *prepares);
void iomd_prepares_drop(struct iomd_prepares *prepares);
int iomd_prepares_begin_last(struct iomd_prepares *prepares);
int iomd_prepares_hand_over(struct iomd_prepares *prepares);
void iomd_prepares_drain(struct iomd_prepares *prepares);
int iomd_prepares_reserve_complete(struct iomd_prepares *prepares);
void iomd_prepares_cancel_complete(struct iomd_prepares *prepares);
int iomd_prepares_complete_reserved(struct iomd_prepares *prepares);
void iomd_prepares_wake(struct iomd_prepares *prepares);

static inline void iomd_prepares_init(struct iomd_prepares *prepares)
{
	raw_spin_lock_init(&prepares->lock);
}

/**
 * iomd_prepares_begin() - count one more prepare
 * @prepares: state
 * @write: is the memory to be written?
 *
 * Waits while another thread is in the first prepare, or in the last complete.
 *
 * Return: 0 if it was prepared already and is counted; 1 if the caller must prepare it
 * now and then call iomd_prepares_end_first(); -EACCES if it is prepared for reading only and
 * @write is asked; -EOVERFLOW; -EINTR if a fatal signal ended the wait.
 * Context: may sleep.
 */
static inline int iomd_prepares_begin(struct iomd_prepares *prepares, bool write)
{
	s64 idle = 0;

	if (likely(atomic64_try_cmpxchg(&prepares->state, &idle, IOMD_PREPARES_BUSY)))
		return 1;
	return iomd_prepares_begin_slow(prepares, write);
}

/* Only whoever has made it busy takes that away again, so this is no more than: */
static inline void iomd_prepares_end_busy(struct iomd_prepares *prepares, u64 next)
{
	if (unlikely((u64)atomic64_xchg(&prepares->state, next) & IOMD_PREPARES_WAITED_FOR))
		iomd_prepares_wake(prepares);
}

/**
 * iomd_prepares_end_first() - end what an iomd_prepares_begin() that returned 1 began
 * @prepares: state
 * @result: 0 if the memory is prepared now
 * @write: with write access?
 */
static inline void iomd_prepares_end_first(struct iomd_prepares *prepares, int result, bool write)
{
	iomd_prepares_end_busy(prepares, result ? 0 : 1 | (write ? IOMD_PREPARES_WRITABLE : 0));
}

/* End what one of those that complete, or end a use, began when it returned 1. */
static inline void iomd_prepares_end_last(struct iomd_prepares *prepares)
{
	iomd_prepares_end_busy(prepares, 0);
}

/* The descriptor ends, or is given other memory, which nobody prepared. */
static inline void iomd_prepares_forget(struct iomd_prepares *prepares)
{
	prepares->own = 0;
	WARN_ON_ONCE(atomic64_read(&prepares->state) & IOMD_PREPARES_READERS);
	iomd_prepares_end_busy(prepares, 0);
}

int iomd_prepares_set_in_use(struct iomd_prepares *prepares, bool begin);
int iomd_prepares_count_user(struct iomd_prepares *prepares, bool begin);
bool iomd_prepares_is_in_use(const struct iomd_prepares *prepares);
bool iomd_prepares_is_needed(const struct iomd_prepares *prepares);
bool iomd_prepares_is_busy(const struct iomd_prepares *prepares);
u64 iomd_prepares_get_id(struct iomd_prepares *prepares);

/* For those who hold a preparation, or don't mind a stale answer. */
static inline bool iomd_prepares_is_prepared(const struct iomd_prepares *prepares)
{
	return atomic64_read(&prepares->state) & IOMD_PREPARES_KEPT;
}

/* For those who hold a preparation, or are ending the last. */
static inline bool iomd_prepares_is_writable(const struct iomd_prepares *prepares)
{
	return atomic64_read(&prepares->state) & IOMD_PREPARES_WRITABLE;
}

#endif
