/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The count of prepares, and those who read meanwhile: see Documentation/protocols.rst and
 * src/desc/prepares.c.
 *
 * wrong: WRONG_READER_PREPARES WRONG_NO_DRAIN WRONG_HOLD_WHILE_BUSY WRONG_LOOK_FIRST WRONG_NO_MARK WRONG_USE_WHILE_BUSY
 *
 * Two drivers prepare the memory, use it and complete it, one of them twice. A mapping begins and
 * ends. A question holds the memory, looks at it, and lets it go.
 */

#define DRIVERS	2

/* The word of the prepare count: what stands in one d_step changes at once. */
byte prepares, readers, users;
bool busy, marked, drained_for;

/* Is the memory there? What the assertions know of preparations that are not completed. */
bool there;
byte taken;

/* Who waits for the end of what goes on, and has been woken. */
bool sleeps[DRIVERS], woken[DRIVERS];
/* What the last complete waits on. */
bool drained;

inline wake_all()
{
	d_step {
		woken[0] = sleeps[0];
		woken[1] = sleeps[1]
	}
}

inline end_busy(count)
{
	d_step {
		was_marked = marked;
		prepares = count;
		busy = false;
		marked = false;
		drained_for = false
	}
	if
	:: was_marked -> wake_all()
	:: else
	fi
}

/* As wait_var_event(): on the list first, then the look. */
inline wait_for_idle()
{
	sleeps[me] = true;
	do
	:: d_step { !busy -> woken[me] = false }; break
#ifdef WRONG_NO_MARK
	:: d_step { busy -> skip }
#else
	:: d_step { busy -> marked = true }
#endif
	   woken[me];
	   woken[me] = false
	od;
	sleeps[me] = false
}

inline prepare()
{
	do
	:: d_step { !busy && prepares > 0 -> prepares++; taken++ };
	   break
	:: d_step { !busy && prepares == 0 -> busy = true };
	   /* Pin. */
	   assert(!there);
	   there = true;
	   taken++;
	   end_busy(1);
	   break
	:: busy -> wait_for_idle()
	od
}

inline drain()
{
#ifdef WRONG_NO_DRAIN
	skip
#else
	d_step {
		must_wait = readers > 0;
		drained_for = must_wait
	}
	if
	:: must_wait -> drained; drained = false
	:: else
	fi
#endif
}

/* Refused while the memory is mapped: then the caller keeps its preparation. */
inline complete()
{
	if
	:: d_step { prepares > 1 -> prepares--; taken-- }; done = true
	:: d_step { prepares == 1 && users > 0 -> done = false }
	:: d_step { prepares == 1 && users == 0 -> prepares = 0; busy = true; taken-- };
	   drain();
	   assert(readers == 0 || !there);
	   /* Unpin. */
	   there = false;
	   end_busy(0);
	   done = true
	fi
}

proctype driver(byte me; byte rounds)
{
	bool was_marked, must_wait, done;

	do
	:: rounds == 0 -> break
	:: rounds > 0 ->
		rounds--;
		prepare();
		assert(there && prepares > 0);
		do
		:: complete();
		   if
		   :: done -> break
		   :: else -> users == 0
		   fi
		od;
		/* Who completes the last preparation finds the memory given back. */
		atomic { assert(taken > 0 || busy || !there) }
	od
}

proctype mapping()
{
	if
#ifdef WRONG_USE_WHILE_BUSY
	:: d_step { prepares > 0 || busy -> users++ };
#else
	:: d_step { prepares > 0 -> users++ };
#endif
	   assert(there);
	   assert(there);
	   d_step { users-- }
	:: d_step { prepares == 0 -> skip }
	fi
}

proctype question()
{
	bool last;

	if
#if defined(WRONG_READER_PREPARES)
	:: d_step { prepares > 0 -> prepares++ };
#elif defined(WRONG_HOLD_WHILE_BUSY)
	:: d_step { prepares > 0 || busy -> readers++ };
#else
	:: d_step { prepares > 0 -> readers++ };
#endif
	   assert(there);
	   assert(there);
#if defined(WRONG_READER_PREPARES)
	   if
	   :: d_step { prepares > 1 -> prepares-- }
	   :: d_step { prepares == 1 -> prepares = 0; busy = true };
	      there = false;
	      d_step { busy = false }
	   fi
#elif defined(WRONG_LOOK_FIRST)
	   d_step { last = drained_for && readers == 1 };
	   d_step { readers-- };
	   if
	   :: last -> drained = true
	   :: else
	   fi
#else
	   d_step { readers--; last = drained_for && readers == 0 };
	   if
	   :: last -> drained = true
	   :: else
	   fi
#endif
	:: d_step { prepares == 0 -> skip }
	fi
}

init {
	atomic {
		run driver(0, 2);
		run driver(1, 1);
		run mapping();
		run question();
		run question()
	}
}
