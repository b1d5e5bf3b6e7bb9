// SPDX-License-Identifier: GPL-2.0
/*
 * Physical addresses, of RAM or of a device: nothing to prepare, nothing to hold.
 */
#include "source.h"

const struct iomd_source iomd_source_physical = {};
