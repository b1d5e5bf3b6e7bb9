// SPDX-License-Identifier: GPL-2.0
/*
 * What the playground does with descriptors beyond mapping them for programs. Its
 * device is the edu one, which is never started.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/sched/task.h>

#include <iomd/dma_buf.h>

#include "playground_yard.h"

static struct device *get_edu(void)
{
	struct pci_dev *edu = pci_get_device(0x1234, 0x11e8, NULL);

	return edu ? &edu->dev : NULL;
}

static u64 walk(struct iomd *md)
{
	struct iomd_segment_iter iter;
	u64 bytes = 0;

	iomd_for_each_segment(iter, md, 0, U64_MAX)
		bytes += iter.length;
	return bytes;
}

static int map_for_edu(struct iomd *md, u64 offset, u64 length)
{
	struct device *dev = get_edu();
	struct iomd_dma_map *map;

	if (!dev)
		return -ENODEV;
	map = iomd_dma_map(md, dev, offset, length, IOMD_DIRECTION_OUT);
	put_device(dev);
	if (IS_ERR(map))
		return PTR_ERR(map);
	iomd_dma_sync_for_cpu(map);
	iomd_dma_sync_for_device(map);
	iomd_dma_unmap(map);
	return 0;
}

/*
 * What is prepared is completed in the same call: a descriptor that others share must
 * not be completed by those who did not prepare it.
 */
static int cycle(struct iomd *md, const struct playground *call)
{
	int ret = iomd_prepare(md, call->options), err;

	if (ret)
		return ret;
	walk(md);
	iomd_get_preparation_id(md);
	iomd_get_dma_map_length(md, NULL);
	iomd_set_tag(md, iomd_get_tag(md) + 1);
	if (call->length)
		ret = map_for_edu(md, call->offset, call->length);
	err = iomd_complete(md, IOMD_DIRECTION_NONE);
	return ret ?: err;
}

static int set_purgeable(struct iomd *md, struct playground *call)
{
	u32 old = 0;
	int ret = iomd_set_purgeable(md, call->options, &old);

	call->options = old;
	return ret;
}

static int set_owner(struct iomd *md, const struct playground *call)
{
	struct task_struct *task = yard_task(call->pid);
	int ret;

	if (!task)
		return -ESRCH;
	ret = iomd_set_ownership(md, task, IOMD_MEMORY_LEDGER_TAG_DEFAULT, call->options);
	put_task_struct(task);
	return ret;
}

#if IS_ENABLED(CONFIG_DMA_SHARED_BUFFER)
static int export(struct iomd *md, struct playground *call)
{
	int fd = iomd_dma_buf_export_fd(md, O_RDWR | O_CLOEXEC);

	call->address = fd;
	return min(fd, 0);
}

struct iomd *yard_import(const struct playground *call)
{
	return iomd_with_dma_buf_fd(call->address, call->offset, call->length, call->options);
}
#else
static int export(struct iomd *md, struct playground *call)
{
	return -EOPNOTSUPP;
}

struct iomd *yard_import(const struct playground *call)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

int yard_do_more(struct yard *yard, struct iomd *md, struct playground *call)
{
	switch (call->order) {
	case PLAYGROUND_CYCLE:
		return cycle(md, call);
	case PLAYGROUND_PURGEABLE:
		return set_purgeable(md, call);
	case PLAYGROUND_OWNER:
		return set_owner(md, call);
	case PLAYGROUND_EXPORT:
		return export(md, call);
	default:
		return yard_keep(yard, iomd_map(md, call->options), &call->id);
	}
}

/*
 * DMA commands
 */

static int make_command(struct yard *yard, struct playground *call)
{
	struct iomd_dma_segment_options options = {
		.num_address_bits = 64,
		.max_segment_size = call->length,
		.alignment = call->offset,
	};
	struct iomd_dma_command *command;
	struct device *dev = get_edu();

	if (!dev)
		return -ENODEV;
	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &options,
						      call->options, dev, NULL);
	put_device(dev);
	return yard_keep(yard, command, &call->id);
}

/* To be given other memory, a command must not be prepared by anybody. */
static DECLARE_RWSEM(users_of_commands);

static int set_memory(struct yard *yard, struct iomd_dma_command *command,
		      const struct playground *call)
{
	struct iomd *md = yard_find_md(yard, call->other);
	int ret;

	down_write(&users_of_commands);
	ret = iomd_dma_command_set_memory_descriptor(command, md, false);
	up_write(&users_of_commands);
	iomd_release(md);
	return ret;
}

static int list_segments(struct iomd_dma_command *command)
{
	struct iomd_dma_segment64 segments[8];
	u64 offset = 0;
	u32 count;
	int ret;

	do {
		count = ARRAY_SIZE(segments);
		ret = iomd_dma_command_gen_iovm_segments(command, &offset, segments, &count);
	} while (!ret);
	return ret == -EOVERFLOW ? 0 : ret;
}

static int run_prepared(struct iomd_dma_command *command, const struct playground *call)
{
	u8 bytes[64];
	int ret, err;

	ret = iomd_dma_command_prepare(command, 0, 0, true, true);
	if (ret)
		return ret;
	ret = list_segments(command);
	iomd_dma_command_read_bytes(command, call->offset, bytes, sizeof(bytes));
	if (!ret)
		ret = iomd_dma_command_synchronize(command, call->options);
	err = iomd_dma_command_complete(command, true, true);
	return ret ?: err;
}

static int run(struct iomd_dma_command *command, const struct playground *call)
{
	/* A copy takes the place of what others may be looking at. */
	bool alone = call->options & IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER;
	struct iomd *md;
	int ret = -EAGAIN, err = 0;

	if (alone)
		down_write(&users_of_commands);
	else
		down_read(&users_of_commands);
	md = iomd_dma_command_get_memory_descriptor(command);
	if (md)
		ret = iomd_prepare(md, IOMD_DIRECTION_NONE);
	if (!ret) {
		ret = run_prepared(command, call);
		err = iomd_complete(md, IOMD_DIRECTION_NONE);
	}
	if (alone)
		up_write(&users_of_commands);
	else
		up_read(&users_of_commands);
	return ret ?: err;
}

int yard_command(struct yard *yard, struct playground *call)
{
	struct iomd_dma_command *command;
	int ret;

	if (call->order == PLAYGROUND_COMMAND)
		return make_command(yard, call);
	command = (struct iomd_dma_command *)yard_find(yard, call->id,
						       &iomd_dma_command_meta_class);
	if (!command)
		return -ENOENT;
	if (call->order == PLAYGROUND_COMMAND_MEMORY)
		ret = set_memory(yard, command, call);
	else
		ret = run(command, call);
	iomd_dma_command_release(command);
	return ret;
}
