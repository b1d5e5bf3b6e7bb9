/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_DEBUGFS_H
#define IOMD_DEBUGFS_H

void iomd_debugfs_init(void);
void iomd_debugfs_exit(void);

#endif
