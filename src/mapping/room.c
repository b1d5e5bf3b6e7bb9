// SPDX-License-Identifier: GPL-2.0
/*
 * The beginning and the end of the room.
 */
#include "../mm/guards.h"
#include "room.h"
#include "task.h"
#include "view.h"

int iomd_mapping_init_room(void)
{
	int ret;

	ret = iomd_guards_init_room();
	if (ret)
		return ret;
	ret = iomd_task_init();
	if (ret)
		goto err_guards;
	ret = iomd_view_init();
	if (ret)
		goto err_task;
	return 0;

err_task:
	iomd_task_exit();
err_guards:
	iomd_guards_exit_room();
	return ret;
}

void iomd_mapping_exit_room(void)
{
	/* Who has a worker place something may have gone before that was done. */
	iomd_task_exit();
	iomd_view_exit();
	iomd_guards_exit_room();
}
