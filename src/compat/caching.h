/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the CPU caches what the kernel sees at an address, which nobody but the page
 * tables knows if somebody else mapped it. It would be unnecessary if dma_buf_vmap()
 * said it.
 */
#ifndef IOMD_COMPAT_CACHING_H
#define IOMD_COMPAT_CACHING_H

#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/mm.h>

#include <iomd/types.h>

#if defined(CONFIG_X86)
#include <asm/memtype.h>

/* One of IOMD_MAP_..._CACHE; -EOPNOTSUPP for any other mode, -EFAULT if nothing is there. */
static inline int iomd_compat_caching_of(const void *address, u64 *mode)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)address, &level);
	pgprot_t prot;
	u64 bits;

	if (!entry || !pte_present(*entry))
		return -EFAULT;
	prot = pte_pgprot(*entry);
	if (level != PG_LEVEL_4K)
		prot = pgprot_large_2_4k(prot);
	bits = pgprot_val(prot) & _PAGE_CACHE_MASK;
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_WB))
		*mode = IOMD_MAP_COPYBACK_CACHE;
	else if (bits == cachemode2protval(_PAGE_CACHE_MODE_WC))
		*mode = IOMD_MAP_WRITE_COMBINE_CACHE;
	else if (bits == cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS) ||
		 bits == cachemode2protval(_PAGE_CACHE_MODE_UC))
		*mode = IOMD_MAP_INHIBIT_CACHE;
	else
		return -EOPNOTSUPP;
	return 0;
}
#elif defined(CONFIG_ARM64)
#include <asm/barrier.h>
#include <asm/sysreg.h>

/* The CPU translates for us, and says how it would go about it. */
static inline int iomd_compat_caching_of(const void *address, u64 *mode)
{
	unsigned long irq;
	u64 par;

	local_irq_save(irq);
	asm volatile("at s1e1r, %0" : : "r" (address));
	isb();
	par = read_sysreg_par();
	local_irq_restore(irq);
	if (par & BIT_ULL(0))
		return -EFAULT;
	switch (par >> 56) {
	case 0xff:
	/* The same with memory tags. */
	case 0xf0:
		*mode = IOMD_MAP_COPYBACK_CACHE;
		return 0;
	case 0x44:
		*mode = IOMD_MAP_WRITE_COMBINE_CACHE;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}
#else
/* Nobody lets a module look. Where RAM has other modes at all, few exporters use them. */
static inline int iomd_compat_caching_of(const void *address, u64 *mode)
{
	*mode = IOMD_MAP_COPYBACK_CACHE;
	return 0;
}
#endif

#endif
