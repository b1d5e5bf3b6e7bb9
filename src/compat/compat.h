/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows how kernels differ. What differs was found by
 * compiling src/compat/probes against the kernel at hand, never by its number.
 * Included before everything else by each of our own files.
 */
#ifndef IOMD_COMPAT_H
#define IOMD_COMPAT_H

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/uio.h>

#include "iomd-features.h"

/* The namespace of an exported symbol was a token before it was a string. */
#ifdef IOMD_HAVE_NAMESPACE_STRING
#define IOMD_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "IOMD")
#define IOMD_EXPORT_TEST(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "IOMD_TEST")
#else
#define IOMD_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, IOMD)
#define IOMD_EXPORT_TEST(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, IOMD_TEST)
#endif

static inline long iomd_compat_pin_remote(struct mm_struct *mm, unsigned long start,
					  unsigned long nr, unsigned int flags,
					  struct page **pages)
{
#ifdef IOMD_HAVE_PIN_REMOTE_VMAS
	return pin_user_pages_remote(mm, start, nr, flags, pages, NULL, NULL);
#else
	return pin_user_pages_remote(mm, start, nr, flags, pages, NULL);
#endif
}

static inline const struct iovec *iomd_compat_iter_iov(const struct iov_iter *iter)
{
#ifdef IOMD_HAVE_ITER_IOV_FIELD
	return iter->iov;
#else
	return iter_iov(iter);
#endif
}

#endif
