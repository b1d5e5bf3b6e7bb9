// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/iomd: for people, for the demo and for leak checks.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "object/object.h"
#include "debug/counters.h"
#include "debugfs.h"

static struct dentry *root;

static void show_class(const struct os_meta_class *meta, void *data)
{
	struct seq_file *file = data;

	seq_printf(file, "live %s %u\n", os_meta_class_get_class_name(meta),
		   os_meta_class_get_instance_count(meta));
}

static int counters_show(struct seq_file *file, void *unused)
{
	int i;

	for (i = 0; i < IOMD_COUNTERS; i++)
		seq_printf(file, "%s %llu\n", iomd_counter_name(i), iomd_counter_read(i));
	os_meta_class_for_each(show_class, file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

void iomd_debugfs_init(void)
{
	root = debugfs_create_dir("iomd", NULL);
	debugfs_create_file("counters", 0400, root, NULL, &counters_fops);
}

void iomd_debugfs_exit(void)
{
	debugfs_remove(root);
}
