/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOMD_MAPPING_ROOM_H
#define IOMD_MAPPING_ROOM_H

int iomd_mapping_init_room(void);
void iomd_mapping_exit_room(void);

#endif
