/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose memory a buffer is: who is charged for what is held of it. An owner's
 * exit changes nothing, the charge stays with the address space it was made to.
 */
#ifndef IOMD_MM_OWNER_H
#define IOMD_MM_OWNER_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "account.h"

struct task_struct;

struct iomd_owner {
	/* guards what follows */
	struct mutex lock;
	struct iomd_payer payer;
	/* Counts nowhere, though it has an owner. */
	bool no_footprint;
	int ledger_tag;
	/* Pages that are held, charged or not. */
	u64 held;
};

/* Whose it was: to make it that one's again. */
struct iomd_former_owner {
	struct iomd_payer payer;
	bool no_footprint;
	int ledger_tag;
};

int iomd_owner_init(struct iomd_owner *owner, struct task_struct *task);
void iomd_owner_init_as(struct iomd_owner *owner, const struct iomd_payer *payer);
int iomd_owner_give(struct iomd_owner *owner, const struct iomd_payer *payer);
void iomd_owner_destroy(struct iomd_owner *owner);

int iomd_owner_charge(struct iomd_owner *owner, u64 pages);
void iomd_owner_uncharge(struct iomd_owner *owner);
int iomd_owner_change(struct iomd_owner *owner, struct task_struct *task, int ledger_tag,
		      u64 options, struct iomd_former_owner *former);
void iomd_owner_restore(struct iomd_owner *owner, struct iomd_former_owner *former);
void iomd_former_owner_destroy(struct iomd_former_owner *former);

#endif
