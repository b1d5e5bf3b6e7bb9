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
 */
#ifndef IOMD_DESC_WIRE_H
#define IOMD_DESC_WIRE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct iomd_wire {
	/* guards what follows; taken with interrupts off: a device may unmap in one */
	spinlock_t lock;
	bool busy;
	/* wired with write access */
	bool writable;
	u32 count;
	/* prepares that are the descriptor's own and end with it */
	u32 own;
	/* mappings, for devices and for the CPU, that need it wired */
	u32 users;
	/* id of this preparation, once somebody has asked for it */
	u64 id;
};

void iomd_wire_init(struct iomd_wire *wire);

int iomd_wire_begin(struct iomd_wire *wire, bool write);
bool iomd_wire_try_hold(struct iomd_wire *wire);
void iomd_wire_end(struct iomd_wire *wire, int result, bool write);
int iomd_wire_begin_unwire(struct iomd_wire *wire);
void iomd_wire_end_unwire(struct iomd_wire *wire);

int iomd_wire_set_in_use(struct iomd_wire *wire, bool begin);
u64 iomd_wire_get_id(struct iomd_wire *wire);

/* For those who hold a preparation, or don't mind a stale answer. */
static inline bool iomd_wire_is_wired(const struct iomd_wire *wire)
{
	return READ_ONCE(wire->count);
}

#endif
