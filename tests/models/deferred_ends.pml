/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ends of objects, in this call or deferred, and the barrier that waits for them: see
 * Documentation/protocols.rst and src/object/ends.c.
 *
 * wrong: WRONG_COUNT_LATE WRONG_NO_SECOND_LOOK WRONG_FLUSH WRONG_TWO_BARRIERS WRONG_SLEEP WRONG_NESTED WRONG_FINISH_EARLY
 *
 * Two drivers give the last references to SHARED back at the same time; its end gives
 * the last one to HELD back. One of them gives MINE back as well. Each may be where it
 * can't sleep, so that the end is a worker's. Both call the barrier then.
 */

#define OBJECTS	3
#define SHARED	0
#define HELD	1
#define MINE	2

byte references[OBJECTS];
bool gone[OBJECTS];
/* For the assertions alone: was the last reference given back? */
bool given[OBJECTS];

/* The count of ends that are under way, and its turns. */
byte under_way[2];
byte turn;
bool barrier_lock;
/* Who waits for a turn's last end stands in the line of waiters, and has been woken. */
bool waits, woken;

/* What is deferred to the worker, and whether it has been queued. */
bool listed[OBJECTS];
byte turn_of[OBJECTS];
bool queued, works;

#define some_listed	(listed[SHARED] || listed[HELD] || listed[MINE])

inline finish(t)
{
	d_step { under_way[t]--; was_last = under_way[t] == 0 }
	d_step { was_last = was_last && t != turn }
	d_step { woken = woken || (was_last && waits) }
}

inline begin(t)
{
	do
	::	t = turn;
		under_way[t]++;
#ifdef WRONG_NO_SECOND_LOOK
		break
#else
		if
		:: t == turn -> break
		:: else -> finish(t)
		fi
#endif
	od
}

/* Put it on the list; whoever finds that empty queues the worker. */
inline defer(object, t)
{
	d_step {
		first = !some_listed;
		listed[object] = true;
		turn_of[object] = t
	}
	if
	:: first -> queued = true
	:: else
	fi
}

/*
 * All that an object's end does. What it held ends in the same place afterwards, or is
 * handed on to a worker: counted in the same turn, before that is counted out.
 */
inline end_here(object, t)
{
#ifdef WRONG_FINISH_EARLY
	finish(t);
#endif
	d_step {
		handed_on = false;
		if
		:: object == SHARED -> references[HELD]--; given[HELD] = true
		:: else
		fi
	}
	gone[object] = true;
	if
	:: d_step { object == SHARED -> gone[HELD] = true }
	:: d_step { object == SHARED -> handed_on = true }
	:: object != SHARED
	fi;
	if
	:: handed_on ->
#ifdef WRONG_NESTED
		begin(its);
#else
		its = t;
		under_way[its]++;
#endif
		defer(HELD, its)
	:: else
	fi;
#ifndef WRONG_FINISH_EARLY
	finish(t)
#endif
}

inline drop_reference(object)
{
	d_step {
		references[object]--;
		last = references[object] == 0;
		given[object] = last
	}
}

inline release(object)
{
	/* As refcount_dec_not_one(): only who may be the last counts an end. */
	if
	:: atomic { references[object] > 1 -> references[object]-- }
	:: references[object] == 1 ->
#if defined(WRONG_COUNT_LATE)
		drop_reference(object);
		begin(mine);
#elif defined(WRONG_FLUSH)
		drop_reference(object);
#else
		begin(mine);
		drop_reference(object);
#endif
		if
#ifdef WRONG_FLUSH
		:: last -> begin(mine); defer(object, mine)
#else
		:: last -> defer(object, mine)
		:: last -> end_here(object, mine)
		:: !last -> finish(mine)
#endif
		fi
	fi
}

inline barrier()
{
#ifdef WRONG_FLUSH
	/* As flush_work() does. */
	!queued && !works;
#else
#ifndef WRONG_TWO_BARRIERS
	atomic { !barrier_lock -> barrier_lock = true }
#endif
	mine = turn;
	turn = 1 - mine;
#ifndef WRONG_SLEEP
	d_step { waits = true; woken = false }
#endif
	do
	:: under_way[mine] == 0 -> break
	:: else ->
#ifdef WRONG_SLEEP
		d_step { waits = true; woken = false }
#endif
		woken;
		woken = false
	od;
	waits = false;
	barrier_lock = false
#endif
}

/* What was given back before the barrier began is gone when it returns. */
inline check_barrier()
{
	d_step {
		shared_given = given[SHARED];
		mine_given = given[MINE]
	}
	barrier();
	d_step {
		assert(!shared_given || gone[SHARED]);
		assert(!shared_given || gone[HELD]);
		assert(!mine_given || gone[MINE])
	}
}

proctype worker()
{
	byte object, t, its;
	bool first, was_last, handed_on;
	bool taken[OBJECTS];

end:	do
	:: atomic { queued -> queued = false; works = true }
		do
		:: some_listed ->
			d_step {
				taken[SHARED] = listed[SHARED];
				taken[HELD] = listed[HELD];
				taken[MINE] = listed[MINE];
				listed[SHARED] = false;
				listed[HELD] = false;
				listed[MINE] = false
			}
			for (object : 0 .. OBJECTS - 1) {
				if
				:: taken[object] ->
					t = turn_of[object];
					end_here(object, t)
				:: else
				fi
			}
		:: else -> break
		od;
		works = false
	od
}

proctype one_driver()
{
	byte mine, its;
	bool last, first, was_last, handed_on, shared_given, mine_given;

	release(SHARED);
	release(MINE);
	check_barrier()
}

proctype other_driver()
{
	byte mine, its;
	bool last, first, was_last, handed_on, shared_given, mine_given;

	release(SHARED);
	check_barrier()
}

init {
	atomic {
		references[SHARED] = 2;
		references[HELD] = 1;
		references[MINE] = 1;
		run worker();
		run one_driver();
		run other_driver()
	}
}
