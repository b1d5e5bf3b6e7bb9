/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking a descriptor's list without a preparation: see Documentation/protocols.rst,
 * src/desc/walk.c and include/iomd/segment.h.
 *
 * wrong: WRONG_NO_SECOND_LOOK WRONG_NO_FIRST_LOOK WRONG_COUNT_LATE WRONG_FREE_AT_ONCE WRONG_KEEP_PUBLISHED
 *
 * The memory is prepared and completed again and again. Its short lists are in the descriptor
 * itself and are written over by the next; its long ones are memory of their own that is freed.
 * Somebody steps along the list, and may sleep between two steps.
 */

#define NONE	0
#define SHORT	1
#define LONG	2

byte generation, published;

/* An entry is two fields that belong together. */
byte short_address, short_length;
byte long_address, long_length;
bool long_is_there;
/* Walkers that are where they can't be preempted. */
byte reads;


inline write_list(value)
{
	if
	:: short_address = value;
	   short_length = value;
	   published = SHORT
	:: long_is_there = true;
	   long_address = value;
	   long_length = value;
	   published = LONG
	fi
}

inline unpublish()
{
	was = published;
#ifdef WRONG_KEEP_PUBLISHED
	generation++;
#else
	published = NONE;
#ifndef WRONG_COUNT_LATE
	generation++;
#endif
#endif
	if
	:: was == LONG ->
#ifndef WRONG_FREE_AT_ONCE
		/* Everybody has left who was there by now. */
		reads == 0;
#endif
		long_is_there = false;
		long_address = 99;
		long_length = 98
	:: else
	fi
#ifdef WRONG_COUNT_LATE
	if
	:: short_address = 50;
	   generation++
	fi
#endif
}

proctype driver()
{
	byte was;

	write_list(1);
	unpublish();
	write_list(2);
	unpublish();
	write_list(3);

}

inline read_entry(kind)
{
	if
	:: kind == SHORT ->
		address = short_address;
		length = short_length
	:: kind == LONG ->
		assert(long_is_there);
		address = long_address;
		assert(long_is_there);
		length = long_length
	fi
}

proctype walker()
{
	byte kind, seen, address, length, steps = 2;
	bool whole;

	/* Find the list. */
	reads++;
	seen = generation;
	kind = published;
	if
	:: kind == NONE -> goto over
	:: else
	fi;
	do
	:: steps > 0 ->
		steps--;
#ifndef WRONG_NO_FIRST_LOOK
		/* Is it still that list? Then it stays for as long as this takes. */
		if
		:: seen != generation -> break
		:: else
		fi;
#endif
		read_entry(kind);
#ifdef WRONG_NO_SECOND_LOOK
		whole = true;
#else
		whole = seen == generation;
#endif
		assert(!whole || address == length);
		assert(!whole || address < 50);
		if
		:: !whole -> break
		:: else
		fi;
		/* Other things to do. */
		reads--;
		reads++
	:: steps == 0 -> break
	od;
over:	reads--
}

init {
	atomic {
		run driver();
		run walker();
		run walker()
	}
}
