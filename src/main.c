// SPDX-License-Identifier: GPL-2.0
/*
 * Opens the rooms in order, superclasses before their subclasses, and closes
 * them in reverse.
 */
#include <linux/init.h>
#include <linux/module.h>

#include <iomd/iomd.h>

#include "debug/inject.h"
#include "debugfs.h"
#include "desc/general.h"
#include "dma/bounce.h"
#include "dma/device.h"
#include "dma_buf/import.h"
#include "dma_buf/whole.h"
#include "lock_order.h"
#include "mapping/room.h"
#include "mm/purge.h"
#include "object/object.h"
#include "source/user_view.h"

/* In no namespace: a module that has forgotten to import ours is told so of what it calls. */
unsigned int IOMD_ABI_SYMBOL __ro_after_init = IOMD_ABI;
EXPORT_SYMBOL_GPL(IOMD_ABI_SYMBOL);

static struct os_meta_class * const classes[] = {
	&os_data_meta_class,
	&os_string_meta_class,
	&iomd_meta_class,
	&iomd_general_meta_class,
	&iomd_client_meta_class,
	&iomd_buffer_meta_class,
	&iomd_device_memory_meta_class,
	&iomd_sub_meta_class,
	&iomd_multi_meta_class,
	&iomd_interleaved_meta_class,
	&iomd_guard_page_meta_class,
	&iomd_mapping_meta_class,
	&iomd_user_view_meta_class,
	&iomd_cursor_meta_class,
	&iomd_bounce_meta_class,
	&iomd_dma_command_meta_class,
#ifdef CONFIG_DMA_SHARED_BUFFER
	&iomd_dma_buf_meta_class,
	&iomd_whole_meta_class,
#endif
};

static unsigned int fail_load;
module_param(fail_load, uint, 0);
MODULE_PARM_DESC(fail_load, "For the tests: the load's step of this number fails");

static void unregister_classes(unsigned int count)
{
	while (count--)
		os_meta_class_unregister(classes[count]);
}

static int __init open_rooms(void)
{
	unsigned int i;
	int ret;

	ret = os_object_init_room();
	if (ret)
		return ret;
	ret = iomd_mapping_init_room();
	if (ret)
		goto err_object;
	ret = iomd_purge_init_room();
	if (ret)
		goto err_view;
	ret = iomd_dma_device_init_room();
	if (ret)
		goto err_purge;
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		ret = os_meta_class_register(classes[i]);
		if (ret)
			goto err_unregister;
	}
	ret = iomd_prime_lock_order();
	if (ret)
		goto err_unregister;
	iomd_debugfs_init();
	return 0;

err_unregister:
	os_object_barrier();
	unregister_classes(i);
	iomd_user_view_exit_room();
	iomd_dma_device_exit_room();
err_purge:
	iomd_purge_exit_room();
err_view:
	iomd_mapping_exit_room();
err_object:
	os_object_exit_room();
	return ret;
}

static int __init iomd_module_init(void)
{
	int ret;

	if (fail_load)
		iomd_inject_arm(fail_load);
	ret = open_rooms();
	if (fail_load)
		iomd_inject_disarm();
	return ret;
}

static void __exit iomd_module_exit(void)
{
	iomd_debugfs_exit();
	/* Objects whose end is still under way are of these classes. */
	os_object_barrier();
	unregister_classes(ARRAY_SIZE(classes));
	iomd_user_view_exit_room();
	iomd_dma_device_exit_room();
	iomd_purge_exit_room();
	iomd_mapping_exit_room();
	os_object_exit_room();
}

module_init(iomd_module_init);
module_exit(iomd_module_exit);
MODULE_DESCRIPTION("Buffer descriptors: IOKit's IOMemoryDescriptor family");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMD_VERSION);
