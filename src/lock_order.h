/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_LOCK_ORDER_H
#define IOMD_LOCK_ORDER_H

#ifdef CONFIG_PROVE_LOCKING
int iomd_prime_lock_order(void);
#else
static inline int iomd_prime_lock_order(void)
{
	return 0;
}
#endif

#endif
