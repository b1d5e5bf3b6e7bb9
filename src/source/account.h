/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays for pinned pages: an address space, within RLIMIT_MEMLOCK.
 */
#ifndef IOMD_SOURCE_ACCOUNT_H
#define IOMD_SOURCE_ACCOUNT_H

#include <linux/types.h>

struct mm_struct;
struct task_struct;

int iomd_account_hold(struct task_struct *task, struct mm_struct **mm);
void iomd_account_drop(struct mm_struct *mm, struct task_struct *task);

int iomd_account_charge(struct mm_struct *mm, struct task_struct *task, u64 pages);
void iomd_account_uncharge(struct mm_struct *mm, u64 pages);

#endif
