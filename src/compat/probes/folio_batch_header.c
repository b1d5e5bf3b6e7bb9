// SPDX-License-Identifier: GPL-2.0
/* Batches of folios have a header of their own, which no other one includes. */
#include <linux/folio_batch.h>
