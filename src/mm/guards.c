// SPDX-License-Identifier: GPL-2.0
/*
 * vmap() with pages that must fault. A module can neither reserve kernel address
 * space nor leave pages out of a vmap(), so a page is mapped in every place, and
 * taken out of the page table again where a guard is wanted, before anybody could
 * have looked there. vunmap() does not mind.
 *
 * A processor that looks ahead may have the entry in its TLB all the same, until the
 * addresses are given to somebody else. So the page is one that never goes, and nothing
 * else is ever there.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "../debug/inject.h"
#include "guards.h"

/* What is in the guards until they are made. */
static struct page *placeholder;

#ifdef CONFIG_X86
#include <asm/pgtable.h>

static bool clear_page_entry(unsigned long address)
{
	unsigned int level;
	pte_t *entry = lookup_address(address, &level);

	if (!entry || level != PG_LEVEL_4K)
		return false;
	set_pte(entry, __pte(0));
	return true;
}

#define CAN_CLEAR	true
#else
/* No other architecture exports the way to a kernel address's entry. */
static bool clear_page_entry(unsigned long address)
{
	return false;
}

#define CAN_CLEAR	false
#endif

/**
 * iomd_vmap_with_guards() - map pages behind each other into the kernel
 * @pages: NULL is a guard; left with something else there
 * @count: how many
 * @prot: of the pages
 *
 * Undone by vunmap().
 *
 * Return: the address of the first, or ERR_PTR: -EOPNOTSUPP if there are guards and
 * the architecture can't have any; -ENOMEM.
 * Context: may sleep.
 */
void *iomd_vmap_with_guards(struct page **pages, unsigned int count, pgprot_t prot)
{
	unsigned int i;
	void *base;

	for (i = 0; i < count; i++) {
		if (pages[i])
			continue;
		if (!CAN_CLEAR)
			return ERR_PTR(-EOPNOTSUPP);
		pages[i] = placeholder;
	}
	base = iomd_should_fail() ? NULL : vmap(pages, count, VM_MAP, prot);
	if (!base)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++) {
		unsigned long address = (unsigned long)base + i * PAGE_SIZE;

		if (pages[i] != placeholder || clear_page_entry(address))
			continue;
		vunmap(base);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return base;
}

int iomd_guards_init_room(void)
{
	placeholder = iomd_should_fail() ? NULL : alloc_page(GFP_KERNEL | __GFP_ZERO);
	return placeholder ? 0 : -ENOMEM;
}

/* vunmap() leaves the TLB alone, until there is much to be flushed at once. */
void iomd_guards_exit_room(void)
{
	vm_unmap_aliases();
	__free_page(placeholder);
}
