/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often memory is prepared, for what, and who uses it meanwhile.
 *
 *	UNWIRED --begin--> BUSY --end(0)--> WIRED (count > 0)
 *	   ^                 |                 |
 *	   +----end(error)---+----- BUSY <-----+ last complete, not in use
 *
 * Wiring and unwiring may take long; they run in state BUSY with no lock held,
 * so everybody but another prepare goes on.
 *
 * Who only reads holds the memory without preparing it: the last complete waits for
 * that, and it keeps nobody else from anything. Documentation/protocols.rst has all of
 * it.
 */
#ifndef IOMD_DESC_WIRE_H
#define IOMD_DESC_WIRE_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct completion;

struct iomd_wire {
	/*
	 * How often it is prepared, who uses it and what is going on, in one word: so
	 * that a step is one atomic operation, in any context; see wire.c.
	 */
	atomic64_t state;
	/* prepares that are the descriptor's own and end with it */
	u32 own;
	/* guards the id; taken with interrupts off, as anybody may ask for it */
	raw_spinlock_t lock;
	/* of the preparation that was last asked for one */
	u64 id;
	/* Of the last complete, while it waits for readers; the one's who made it busy. */
	struct completion *drained;
};

#define IOMD_WIRE_COUNT		GENMASK_ULL(23, 0)	/* prepares */
#define IOMD_WIRE_READERS	GENMASK_ULL(39, 24)	/* who only read */
#define IOMD_WIRE_READER	BIT_ULL(24)
#define IOMD_WIRE_WRITABLE	BIT_ULL(40)		/* wired with write access */
#define IOMD_WIRE_BUSY		BIT_ULL(41)		/* being wired or unwired */
#define IOMD_WIRE_WAITED_FOR	BIT_ULL(42)		/* somebody waits for the end of that */
#define IOMD_WIRE_DRAINING	BIT_ULL(43)		/* the last complete waits for readers */

int iomd_wire_begin_slow(struct iomd_wire *wire, bool write);
int iomd_wire_hold(struct iomd_wire *wire);
void iomd_wire_drop(struct iomd_wire *wire);
int iomd_wire_begin_unwire(struct iomd_wire *wire);
void iomd_wire_wake(struct iomd_wire *wire);

static inline void iomd_wire_init(struct iomd_wire *wire)
{
	raw_spin_lock_init(&wire->lock);
}

/**
 * iomd_wire_begin() - count one more prepare
 * @wire: state
 * @write: is the memory to be written?
 *
 * Waits while another thread wires or unwires.
 *
 * Return: 0 if it was wired already and is counted; 1 if the caller must wire it
 * now and then call iomd_wire_end(); -EACCES if it is wired for reading only and
 * @write is asked; -EOVERFLOW; -EINTR if a fatal signal ended the wait.
 * Context: may sleep.
 */
static inline int iomd_wire_begin(struct iomd_wire *wire, bool write)
{
	s64 unwired = 0;

	if (likely(atomic64_try_cmpxchg(&wire->state, &unwired, IOMD_WIRE_BUSY)))
		return 1;
	return iomd_wire_begin_slow(wire, write);
}

/* Only whoever has made it busy takes that away again, so this is no more than: */
static inline void iomd_wire_end_busy(struct iomd_wire *wire, u64 next)
{
	if (unlikely((u64)atomic64_xchg(&wire->state, next) & IOMD_WIRE_WAITED_FOR))
		iomd_wire_wake(wire);
}

/**
 * iomd_wire_end() - end what an iomd_wire_begin() that returned 1 began
 * @wire: state
 * @result: 0 if the memory is wired now
 * @write: with write access?
 */
static inline void iomd_wire_end(struct iomd_wire *wire, int result, bool write)
{
	iomd_wire_end_busy(wire, result ? 0 : 1 | (write ? IOMD_WIRE_WRITABLE : 0));
}

/* End what an iomd_wire_begin_unwire() that returned 1 began. */
static inline void iomd_wire_end_unwire(struct iomd_wire *wire)
{
	iomd_wire_end_busy(wire, 0);
}

/* The descriptor ends, or is given other memory, which nobody prepared. */
static inline void iomd_wire_forget(struct iomd_wire *wire)
{
	wire->own = 0;
	WARN_ON_ONCE(atomic64_read(&wire->state) & IOMD_WIRE_READERS);
	iomd_wire_end_busy(wire, 0);
}

int iomd_wire_set_in_use(struct iomd_wire *wire, bool begin);
bool iomd_wire_is_in_use(const struct iomd_wire *wire);
u64 iomd_wire_get_id(struct iomd_wire *wire);

/* For those who hold a preparation, or don't mind a stale answer. */
static inline bool iomd_wire_is_wired(const struct iomd_wire *wire)
{
	return atomic64_read(&wire->state) & IOMD_WIRE_COUNT;
}

/* For those who hold a preparation, or are ending the last. */
static inline bool iomd_wire_is_writable(const struct iomd_wire *wire)
{
	return atomic64_read(&wire->state) & IOMD_WIRE_WRITABLE;
}

#endif
