// SPDX-License-Identifier: GPL-2.0
/* There are no bounce buffers. */
#include <linux/swiotlb.h>

#ifdef CONFIG_SWIOTLB
#error
#endif
