// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include <iomd/buffer.h>
#include <iomd/descriptor.h>
#include <iomd/sub.h>

#include "../debug/inject.h"
#include "../desc/buffer.h"
#include "../desc/descriptor.h"
#include "../desc/general.h"
#include "mapping.h"
#include "snapshot.h"

/* A buffer in which the prepared memory's contents begin where in their page they do there. */
static struct iomd *snapshot_copy(struct iomd *md, unsigned int in_page)
{
	u64 length = iomd_get_length(md), bytes_needed;
	struct iomd *buffer;
	void *bytes;

	iomd_inject_step(IOMD_STEP_TO_BE_COPIED);
	if (check_add_overflow(length, in_page, &bytes_needed))
		return ERR_PTR(-ENOMEM);
	buffer = iomd_buffer_with_options(IOMD_DIRECTION_OUT_IN, bytes_needed, 0);
	if (IS_ERR(buffer))
		return buffer;
	bytes = iomd_buffer_get_bytes_no_copy(buffer);
	if (iomd_read_bytes(md, 0, bytes + in_page, length) != length) {
		iomd_release(buffer);
		return ERR_PTR(-EAGAIN);
	}
	return buffer;
}

/*
 * The snapshot is nothing that a driver can tell from its own prepares and completes, so it
 * holds no preparation of the descriptor. What is prepared is read as anybody may; -EAGAIN
 * if it is not, or not for long enough.
 */
static struct iomd *copy_prepared(struct iomd *md, unsigned int *in_page)
{
	u64 length = iomd_get_length(md);

	if (iomd_hold(md, 0, length))
		return ERR_PTR(-EAGAIN);
	*in_page = offset_in_page(iomd_get_physical_address(md));
	iomd_drop(md, 0, length);
	return snapshot_copy(md, *in_page);
}

static struct iomd *prepare_and_copy(struct iomd *md, unsigned int *in_page)
{
	struct iomd *again = iomd_general_describe_again(iomd_to_general(md)), *buffer;
	int ret;

	if (IS_ERR(again))
		return again;
	ret = iomd_prepare(again, IOMD_DIRECTION_OUT);
	if (ret) {
		iomd_release(again);
		return ERR_PTR(ret);
	}
	buffer = copy_prepared(again, in_page);
	iomd_complete(again, IOMD_DIRECTION_NONE);
	iomd_release(again);
	return buffer;
}

static struct iomd *snapshot_make(struct iomd *md)
{
	struct iomd *buffer, *snapshot;
	unsigned int in_page;
	int ret;

	buffer = copy_prepared(md, &in_page);
	if (buffer == ERR_PTR(-EAGAIN))
		buffer = prepare_and_copy(md, &in_page);
	if (IS_ERR(buffer))
		return buffer;
	/* Whose memory it is a copy of pays for two of it from now on. */
	ret = iomd_buffer_give(buffer, &iomd_to_general(md)->backing.payer);
	snapshot = ret ? ERR_PTR(ret) :
			 iomd_sub_with_sub_range(buffer, in_page, iomd_get_length(md),
						 IOMD_DIRECTION_OUT_IN);
	iomd_release(buffer);
	return snapshot;
}

/* The descriptor's snapshot, with one more reference; @mine if it has none yet. */
static struct iomd *snapshot_agree(struct iomd_general *general, struct iomd *mine)
{
	struct iomd *snapshot;
	unsigned long irq;

	raw_spin_lock_irqsave(&general->md.lock, irq);
	if (!general->snapshot)
		general->snapshot = iomd_retain(mine);
	snapshot = iomd_retain(general->snapshot);
	raw_spin_unlock_irqrestore(&general->md.lock, irq);
	iomd_release(mine);
	return snapshot;
}

/**
 * iomd_mapping_take_snapshot() - have a mapping show a copy, if it is to
 * @mapping: new mapping with its range, whose memory is not prepared
 *
 * A copy of a task's memory is charged to it, as if that were prepared once more, for as
 * long as the descriptor or a mapping shows it.
 *
 * Return: 0; -EOPNOTSUPP for a composite with a part that is to be shown as a copy;
 * else as iomd_prepare() or iomd_buffer_with_options().
 * Context: may sleep.
 */
int iomd_mapping_take_snapshot(struct iomd_mapping *mapping)
{
	struct iomd *md = mapping->md, *snapshot;

	if (!(iomd_get_flags(md) & IOMD_MEMORY_MAP_COPY_ON_WRITE))
		return 0;
	/* Else it would show, and have its users write, what is behind the part. */
	if (!os_object_meta_cast(&md->object, &iomd_general_meta_class))
		return -EOPNOTSUPP;
	snapshot = snapshot_agree(iomd_to_general(md), NULL);
	if (!snapshot)
		snapshot = snapshot_make(md);
	if (IS_ERR(snapshot))
		return PTR_ERR(snapshot);
	snapshot = snapshot_agree(iomd_to_general(md), snapshot);
	iomd_release(mapping->memory);
	mapping->memory = snapshot;
	return 0;
}
