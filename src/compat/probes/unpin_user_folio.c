// SPDX-License-Identifier: GPL-2.0
/* Pages of a folio that is known can be unpinned in one step. */
#include <linux/mm.h>

void probe(struct folio *folio);
void probe(struct folio *folio)
{
	unpin_user_folio(folio, 1);
}
