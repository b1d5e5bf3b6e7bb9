/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays for pinned pages: an address space and a user, each within RLIMIT_MEMLOCK.
 *
 * An address space alone is not enough: a process gets a new one by execve(), and its
 * child one by fork(), while what was pinned for the old one stays so as long as a file
 * holds it.
 */
#ifndef IOMD_MM_ACCOUNT_H
#define IOMD_MM_ACCOUNT_H

#include <linux/types.h>

struct cred;
struct mm_struct;
struct task_struct;

/**
 * struct iomd_payer - whose memory it is, and what is charged for it at present
 * @mm: address space; NULL: the kernel's, who pays nothing. Held.
 * @task: whose limit counts. Held.
 * @cred: credentials it had when this was set up: which user pays. Held.
 * @charged: pages that @mm is charged for
 * @user_charged: pages that the user is charged for: as many, or none
 *
 * Zero it before the first use. Who charges sees to it that nobody else does.
 */
struct iomd_payer {
	struct mm_struct *mm;
	struct task_struct *task;
	const struct cred *cred;
	u64 charged;
	u64 user_charged;
};

int iomd_account_hold(struct task_struct *task, struct mm_struct **mm);
void iomd_account_drop(struct mm_struct *mm, struct task_struct *task);

int iomd_payer_init(struct iomd_payer *payer, struct task_struct *task);
void iomd_payer_copy(struct iomd_payer *payer, const struct iomd_payer *from);
void iomd_payer_destroy(struct iomd_payer *payer);
int iomd_payer_charge(struct iomd_payer *payer, u64 pages);
int iomd_payer_take_over(struct iomd_payer *payer, struct iomd_payer *from, u64 pages);
void iomd_payer_charge_again(struct iomd_payer *payer, u64 pages);
void iomd_payer_uncharge(struct iomd_payer *payer);

#endif
