/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Redirecting memory, and mappings to other memory, while a task touches a mapping: see
 * Documentation/protocols.rst and src/mapping/redirect.c.
 *
 * wrong: WRONG_FOLLOW_FIRST WRONG_FOLLOW_SETS WRONG_FLAG_LATE WRONG_ANY_MEMORY WRONG_NO_ZAP WRONG_ZAP_LATE WRONG_NO_SECOND_LOOK WRONG_WAKE_EARLY WRONG_LOOK_EARLY WRONG_END_SLEEPS
 *
 * A mapping shows OLD. One driver has it show NEW; two others redirect OLD and NEW, and
 * end that; one ends the mapping, or does not. A task touches it, and may get a signal.
 */

#define OLD	0
#define NEW	1
#define NONE	2

/* Of the memory: is it redirected, does it know the mapping? */
bool flag[2];
bool knows[2];
/* For the assertions: nobody is to see it, as who redirected it has been told. */
bool promised[2];

/* Of the mapping, and its view: what it shows, what is in the page table. */
byte memory = OLD;
byte entry = NONE;
bool revoked, blocked;
bool view_lock, all_lock, mapping_lock;

/* The task: is it in the queue of those who wait, and has it been woken? */
bool queued, woken, signalled;
bool touched;

#define lock(l)		atomic { !l -> l = true }
#define unlock(l)	l = false

/* With the view locked. The task looks without. */
inline tell(b)
{
#ifdef WRONG_WAKE_EARLY
	/* What waitqueue_active() sees without a barrier. */
	d_step { was_queued = queued };
	blocked = b;
	d_step { if :: was_queued -> woken = true :: else fi }
#else
	blocked = b;
	d_step { if :: queued -> woken = true :: else fi }
#endif
}

inline block(b)
{
	tell(b);
#ifndef WRONG_NO_ZAP
	d_step { if :: b -> entry = NONE :: else fi }
#endif
}

proctype exchange()
{
	bool was_queued;

	lock(mapping_lock);
	lock(view_lock);
	if
	:: !revoked ->
#ifndef WRONG_ZAP_LATE
		entry = NONE;
#endif
		knows[OLD] = false;
#ifdef WRONG_ZAP_LATE
		entry = NONE;
#endif
		memory = NEW;
#ifdef WRONG_FOLLOW_FIRST
		block(flag[NEW]);
		knows[NEW] = true
#else
		knows[NEW] = true;
#ifdef WRONG_FOLLOW_SETS
		/* It waited for what it showed before, or did not. */
		if
		:: flag[NEW] -> block(true)
		:: else
		fi
#else
		block(flag[NEW])
#endif
#endif
	:: else
	fi;
	unlock(view_lock);
	unlock(mapping_lock)
}

inline visit(m, b)
{
	if
	:: knows[m] ->
		lock(view_lock);
		if
#ifdef WRONG_ANY_MEMORY
		:: !revoked -> block(b)
#else
		:: !revoked && memory == m -> block(b)
#endif
		:: else
		fi;
		unlock(view_lock)
	:: else
	fi
}

inline redirect(m, b)
{
	lock(all_lock);
#ifdef WRONG_FLAG_LATE
	visit(m, b);
	flag[m] = b;
#else
	flag[m] = b;
	visit(m, b);
#endif
	unlock(all_lock)
}

proctype redirect_memory(byte m)
{
	bool was_queued;

	redirect(m, true);
	/* From here on the driver does with the memory what nobody is to see. */
	d_step {
		assert(entry != m);
		promised[m] = true
	}
	promised[m] = false;
	redirect(m, false)
}

proctype end_mapping()
{
	bool was_queued;

	lock(mapping_lock);
	lock(view_lock);
	revoked = true;
	entry = NONE;
#ifndef WRONG_END_SLEEPS
	tell(false);
#endif
	unlock(view_lock);
	unlock(mapping_lock)
}

proctype signal()
{
	signalled = true;
	d_step { if :: queued -> woken = true :: else fi }
}

/* A fault; the task comes again until it has seen something, or is told that it can't. */
proctype touch()
{
	do
	:: !blocked ->
		lock(view_lock);
		if
#ifdef WRONG_NO_SECOND_LOOK
#else
		:: !revoked && blocked -> skip
#endif
		:: revoked -> touched = true
#ifdef WRONG_NO_SECOND_LOOK
		:: !revoked ->
#else
		:: !revoked && !blocked ->
#endif
			d_step {
				assert(!promised[memory]);
				entry = memory;
				touched = true
			}
		fi;
		unlock(view_lock)
	:: blocked ->
#ifdef WRONG_LOOK_EARLY
		if
		:: blocked && !signalled ->
			d_step { queued = true; woken = false }
			woken
		:: else
		fi;
#else
		d_step { queued = true; woken = false }
		if
		:: blocked && !signalled -> woken
		:: else
		fi;
#endif
		queued = false;
		/* Back in user mode, where a signal is delivered. */
		if
		:: signalled -> signalled = false
		:: else
		fi
	:: touched -> break
	od
}

init
{
	atomic {
		knows[OLD] = true;
		run exchange();
		run redirect_memory(OLD);
		run redirect_memory(NEW);
		run touch();
		if
		:: run end_mapping()
		:: skip
		fi;
		if
		:: run signal()
		:: skip
		fi
	}
}
