// SPDX-License-Identifier: GPL-2.0
#include <linux/wait_bit.h>

#include "descriptor.h"
#include "id.h"
#include "wire.h"

void iomd_wire_init(struct iomd_wire *wire)
{
	spin_lock_init(&wire->lock);
}

static void set_busy(struct iomd_wire *wire, bool busy)
{
	lockdep_assert_held(&wire->lock);
	WRITE_ONCE(wire->busy, busy);
}

static void wake_waiters(struct iomd_wire *wire)
{
	/* Who waits must see either the change or the wake-up. */
	smp_mb();
	wake_up_var(&wire->busy);
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
int iomd_wire_begin(struct iomd_wire *wire, bool write)
{
	unsigned long irq;
	int ret;

again:
	spin_lock_irqsave(&wire->lock, irq);
	if (wire->busy) {
		spin_unlock_irqrestore(&wire->lock, irq);
		if (wait_var_event_killable(&wire->busy, !READ_ONCE(wire->busy)))
			return -EINTR;
		goto again;
	}
	if (!wire->count) {
		set_busy(wire, true);
		ret = 1;
	} else if (write && !wire->writable) {
		ret = -EACCES;
	} else if (wire->count == U32_MAX) {
		ret = -EOVERFLOW;
	} else {
		WRITE_ONCE(wire->count, wire->count + 1);
		ret = 0;
	}
	spin_unlock_irqrestore(&wire->lock, irq);
	return ret;
}

/* Count one more prepare if the memory is wired; never waits. */
bool iomd_wire_try_hold(struct iomd_wire *wire)
{
	unsigned long irq;
	bool held;

	spin_lock_irqsave(&wire->lock, irq);
	held = wire->count && wire->count < U32_MAX;
	if (held)
		WRITE_ONCE(wire->count, wire->count + 1);
	spin_unlock_irqrestore(&wire->lock, irq);
	return held;
}

/**
 * iomd_wire_end() - end what an iomd_wire_begin() that returned 1 began
 * @wire: state
 * @result: 0 if the memory is wired now
 * @write: with write access?
 */
void iomd_wire_end(struct iomd_wire *wire, int result, bool write)
{
	unsigned long irq;

	spin_lock_irqsave(&wire->lock, irq);
	if (!result) {
		wire->writable = write;
		WRITE_ONCE(wire->count, 1);
	}
	set_busy(wire, false);
	spin_unlock_irqrestore(&wire->lock, irq);
	wake_waiters(wire);
}

/**
 * iomd_wire_begin_unwire() - count one prepare less
 * @wire: state
 *
 * Return: 0 if others remain; 1 if the caller must unwire the memory now and then
 * call iomd_wire_end_unwire(); -EAGAIN if no prepare is left to be completed;
 * -EBUSY if it is the last one and a mapping uses the memory. Both are a mistake
 * of the driver, and warned of once.
 * Context: any.
 */
int iomd_wire_begin_unwire(struct iomd_wire *wire)
{
	unsigned long irq;
	int ret = 0;

	spin_lock_irqsave(&wire->lock, irq);
	if (wire->busy || wire->count <= wire->own)
		ret = -EAGAIN;
	else if (wire->count == 1 && wire->users)
		ret = -EBUSY;
	else if (wire->count == 1)
		ret = 1;
	if (ret >= 0)
		WRITE_ONCE(wire->count, wire->count - 1);
	if (ret == 1)
		set_busy(wire, true);
	spin_unlock_irqrestore(&wire->lock, irq);
	return ret < 0 ? iomd_refuse_complete(ret) : ret;
}

void iomd_wire_end_unwire(struct iomd_wire *wire)
{
	unsigned long irq;

	spin_lock_irqsave(&wire->lock, irq);
	wire->id = 0;
	wire->writable = false;
	set_busy(wire, false);
	spin_unlock_irqrestore(&wire->lock, irq);
	wake_waiters(wire);
}

/**
 * iomd_wire_set_in_use() - a mapping begins or ends to use the memory
 * @wire: state
 * @begin: begins?
 *
 * Return: 0; -EAGAIN if the memory is not wired.
 * Context: any, hard IRQ included.
 */
int iomd_wire_set_in_use(struct iomd_wire *wire, bool begin)
{
	unsigned long irq;
	int ret = 0;

	spin_lock_irqsave(&wire->lock, irq);
	if (!begin)
		wire->users--;
	else if (!wire->count)
		ret = -EAGAIN;
	else
		wire->users++;
	spin_unlock_irqrestore(&wire->lock, irq);
	return ret;
}

/* Id of the present preparation; 0 if there is none. */
u64 iomd_wire_get_id(struct iomd_wire *wire)
{
	unsigned long irq;
	u64 id;

	spin_lock_irqsave(&wire->lock, irq);
	if (wire->count && !wire->id)
		wire->id = iomd_id_next();
	id = wire->id;
	spin_unlock_irqrestore(&wire->lock, irq);
	return id;
}
