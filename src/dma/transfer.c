// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a command, and when its device sees it. A command never prepares or
 * completes the descriptor: its caller does, before and afterwards.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>

#include "command.h"
#include "dma_view.h"

static void command_publish_view(struct iomd_dma_command *command, struct iomd_dma_view *view)
{
	/* Pairs with iomd_dma_command_view(). */
	smp_store_release(&command->view, view);
}

/* The CPU's caches, for hardware that no device stands for. */
static int flush_caches(struct iomd_dma_command *command, const struct iomd_dma_view *view,
			u32 operation)
{
	u64 type = command->mapping & IOMD_DMA_MAP_OPTION_TYPE_MASK;

	/* For a device the DMA API does it. */
	if (type != IOMD_DMA_MAP_OPTION_NON_COHERENT || command->device || !view->runs.length)
		return 0;
	return iomd_perform_operation(view->runs.md, operation, view->runs.offset,
				      view->runs.length);
}

static int check_range(const struct iomd_dma_command *command, u64 offset, u64 length)
{
	const struct iomd_dma_segment_options *options = &command->options;
	u64 end;

	if (length > options->max_transfer_size)
		return -ENOSPC;
	if (check_add_overflow(offset, length, &end) || end > iomd_get_length(command->md))
		return -EINVAL;
	if (command->active)
		return offset == command->view->offset &&
		       length == command->view->runs.length ? 0 : -EAGAIN;
	return length & (options->alignment_length - 1) ? -EINVAL : 0;
}

static int command_prepare(struct iomd_dma_command *command, u64 offset, u64 length,
			   bool flush_cache, bool synchronize)
{
	struct iomd_dma_view *view;
	int ret;

	lockdep_assert_held(&command->lock);
	if (!command->function || !command->md)
		return -EAGAIN;
	if (!length)
		length = iomd_get_length(command->md);
	ret = check_range(command, offset, length);
	if (ret)
		return ret;
	if (command->active) {
		ret = iomd_dma_view_check_device(command->view);
		if (!ret && command->active == U32_MAX)
			ret = -EOVERFLOW;
		if (!ret)
			command->active++;
		return ret;
	}
	view = iomd_dma_view_make(command, offset, length, synchronize);
	if (IS_ERR(view))
		return PTR_ERR(view);
	ret = flush_cache ? flush_caches(command, view, IOMD_MEMORY_INCOHERENT_IO_STORE) : 0;
	if (ret) {
		iomd_dma_view_close(view, false);
		iomd_dma_view_free(view);
		return ret;
	}
	command->active = 1;
	command_publish_view(command, view);
	return 0;
}

static int complete_one(struct iomd_dma_command *command, bool invalidate_cache,
			bool synchronize)
{
	struct iomd_dma_view *view = command->view;
	int ret = 0, err;

	lockdep_assert_held(&command->lock);
	if (!command->active)
		return -EAGAIN;
	if (--command->active)
		return 0;
	command_publish_view(command, NULL);
	if (invalidate_cache && !view->brought_back)
		ret = flush_caches(command, view, IOMD_MEMORY_INCOHERENT_IO_FLUSH);
	err = iomd_dma_view_close(view, synchronize);
	iomd_dma_view_free(view);
	return err ?: ret;
}

static int complete_every_one(struct iomd_dma_command *command)
{
	int ret = 0;

	while (command->active)
		ret = complete_one(command, true, true);
	return ret;
}

void iomd_dma_command_bring_back(struct iomd_dma_command *command)
{
	struct iomd_dma_view *view = command->view;

	if (!view)
		return;
	flush_caches(command, view, IOMD_MEMORY_INCOHERENT_IO_FLUSH);
	iomd_dma_view_bring_back(view);
}

int iomd_dma_command_clear_locked(struct iomd_dma_command *command)
{
	int ret = complete_every_one(command);

	iomd_release(command->md);
	command->md = NULL;
	return ret;
}

static int set_memory(struct iomd_dma_command *command, struct iomd *md, bool auto_prepare)
{
	int ret;

	if (md && md == command->md)
		return auto_prepare ? 0 : complete_every_one(command);
	if (command->active)
		return -EBUSY;
	iomd_dma_command_clear_locked(command);
	command->md = iomd_retain(md);
	if (!md || !auto_prepare)
		return 0;
	ret = command_prepare(command, 0, 0, true, true);
	if (ret)
		iomd_dma_command_clear_locked(command);
	return ret;
}

/**
 * iomd_dma_command_set_memory_descriptor() - have a command transfer this memory
 * @command: command
 * @md: descriptor, held until it is cleared or replaced; prepared, at the latest when
 *	the command is. NULL: clear
 * @auto_prepare: prepare the command for all of it. For the memory that it has
 *	already: true: do nothing; false: complete the command as often as it is prepared
 *
 * Undone by iomd_dma_command_clear_memory_descriptor(). IOKit:
 * IODMACommand::setMemoryDescriptor.
 *
 * Return: 0; -EBUSY, with nothing changed, while the command is prepared with other
 * memory; with @auto_prepare, and no memory set, as iomd_dma_command_prepare().
 * Context: may sleep.
 */
int iomd_dma_command_set_memory_descriptor(struct iomd_dma_command *command, struct iomd *md,
					   bool auto_prepare)
{
	int ret;

	mutex_lock(&command->lock);
	ret = set_memory(command, md, auto_prepare);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_set_memory_descriptor);

/**
 * iomd_dma_command_clear_memory_descriptor() - a command's memory is no longer needed
 * @command: command, with memory or without
 * @auto_complete: complete the command as often as it is prepared
 *
 * IOKit: IODMACommand::clearMemoryDescriptor.
 *
 * Return: 0; -EAGAIN, with nothing changed, if it is prepared and @auto_complete is
 * false; with the memory cleared, -EIO: see iomd_dma_command_complete().
 * Context: may sleep.
 */
int iomd_dma_command_clear_memory_descriptor(struct iomd_dma_command *command,
					     bool auto_complete)
{
	int ret = -EAGAIN;

	mutex_lock(&command->lock);
	if (auto_complete || !command->active)
		ret = iomd_dma_command_clear_locked(command);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_clear_memory_descriptor);

/**
 * iomd_dma_command_get_memory_descriptor() - the memory of a command
 * @command: command
 *
 * IOKit: IODMACommand::getMemoryDescriptor.
 *
 * Return: the descriptor, without a reference for the caller, or NULL.
 * Context: any, hard IRQ included.
 */
struct iomd *iomd_dma_command_get_memory_descriptor(const struct iomd_dma_command *command)
{
	return READ_ONCE(command->md);
}
IOMD_EXPORT(iomd_dma_command_get_memory_descriptor);

/**
 * iomd_dma_command_get_io_memory_descriptor() - the memory that the device uses
 * @command: command
 *
 * IOKit: IODMACommand::getIOMemoryDescriptor.
 *
 * Return: the copy, if all of the memory was replaced by one: until the command is
 * completed; else the command's descriptor, or NULL. Without a reference for the
 * caller.
 * Context: any, hard IRQ included.
 */
struct iomd *iomd_dma_command_get_io_memory_descriptor(const struct iomd_dma_command *command)
{
	struct iomd_dma_view *view = iomd_dma_command_view(command);

	return view && view->whole ? view->runs.md : READ_ONCE(command->md);
}
IOMD_EXPORT(iomd_dma_command_get_io_memory_descriptor);

/**
 * iomd_dma_command_prepare() - show memory to the device
 * @command: command with a specification and memory
 * @offset: first byte
 * @length: bytes; 0: as many as the descriptor has, whatever @offset is
 * @flush_cache: of the kind IOMD_DMA_MAP_OPTION_NON_COHERENT: write the CPU's caches
 *	back
 * @synchronize: what is copied shall hold what the memory does; else it holds zeroes
 *
 * The memory is mapped for the device, if there is one. Where the device could not
 * reach it, or not as it is aligned, a copy takes its place. Until the complete, the
 * preparation of the descriptor can't end. Counted: undone by as many
 * iomd_dma_command_complete(). IOKit: IODMACommand::prepare.
 *
 * The direction is the descriptor's; OUT only, if it is prepared for OUT only.
 *
 * Return: 0; or, with nothing changed: -EAGAIN without a specification or memory, if the
 * descriptor is not prepared, or if the command is, for another range; -ENOSPC if it
 * is more than the most bytes of a transfer; -EINVAL if the range does not lie inside,
 * or an alignment can't be had; -EMSGSIZE if the addresses that can be had have too
 * many bits; -ERANGE if the device can't reach what must not be copied, or the DMA API
 * broke its limits; -ENODEV if the device's driver has left it; -EOPNOTSUPP for device
 * memory and a device, or without a way to write caches back; -ENXIO for another
 * machine's memory and a device; -EIO if the copy came up short; -ENOMEM, also if there
 * is no memory that the device can reach, or the DMA API has none (it goes by the coherent
 * mask) for a device that sees memory elsewhere than the CPU does; -E2BIG for a copy with
 * alignments beyond a page that is more than the kernel has in one piece; -EINTR if a fatal
 * signal came while memory was looked for; else what the DMA API said.
 * Context: may sleep.
 */
int iomd_dma_command_prepare(struct iomd_dma_command *command, u64 offset, u64 length,
			     bool flush_cache, bool synchronize)
{
	int ret;

	might_sleep();
	mutex_lock(&command->lock);
	ret = command_prepare(command, offset, length, flush_cache, synchronize);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_prepare);

/**
 * iomd_dma_command_prepare_with_specification() - prepare for another kind of device
 * @command: command with memory
 * @function: see iomd_dma_command_with_specification()
 * @options: see iomd_dma_command_with_specification()
 * @mapping_options: see iomd_dma_command_with_specification()
 * @mapper: see iomd_dma_command_with_specification()
 * @offset: see iomd_dma_command_prepare()
 * @length: see iomd_dma_command_prepare()
 * @flush_cache: see iomd_dma_command_prepare()
 * @synchronize: see iomd_dma_command_prepare()
 *
 * IOKit: IODMACommand::prepareWithSpecification.
 *
 * Return: -EPERM while it is prepared; what iomd_dma_command_with_specification()
 * refuses, with nothing changed; else as iomd_dma_command_prepare().
 * Context: may sleep.
 */
int iomd_dma_command_prepare_with_specification(struct iomd_dma_command *command,
						iomd_dma_segment_function function,
						const struct iomd_dma_segment_options *options,
						u64 mapping_options, struct device *mapper,
						u64 offset, u64 length, bool flush_cache,
						bool synchronize)
{
	int ret = -EPERM;

	might_sleep();
	mutex_lock(&command->lock);
	if (!command->active)
		ret = iomd_dma_command_specify_locked(command, function, options,
						      mapping_options, mapper);
	if (!ret)
		ret = command_prepare(command, offset, length, flush_cache, synchronize);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_prepare_with_specification);

/**
 * iomd_dma_command_complete() - end one preparation
 * @command: command whose device is done with the memory, if it is the last one
 * @invalidate_cache: of the kind IOMD_DMA_MAP_OPTION_NON_COHERENT: have the CPU forget
 *	what it cached
 * @synchronize: copy back what the device wrote to a copy, unless the memory is the
 *	CPU's: see iomd_dma_command_synchronize()
 *
 * With the last one the device sees the memory no more. IOKit: IODMACommand::complete.
 *
 * Return: 0; -EAGAIN if it is not prepared; or, with the preparation ended all the
 * same: -EIO if the memory could not be written; -EOPNOTSUPP without a way to write
 * caches back.
 * Context: may sleep.
 */
int iomd_dma_command_complete(struct iomd_dma_command *command, bool invalidate_cache,
			      bool synchronize)
{
	int ret;

	might_sleep();
	mutex_lock(&command->lock);
	ret = complete_one(command, invalidate_cache, synchronize);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_complete);

/*
 * All of the memory moves to a copy. Nothing is given up before the copy is there;
 * what the device has written so far moves with the rest.
 */
static int force_double_buffer(struct iomd_dma_command *command)
{
	struct iomd_dma_view *old = command->view, *view;

	if (old->whole || !old->runs.length)
		return 0;
	if (command->mapping & IOMD_DMA_MAP_OPTION_ITERATE_ONLY)
		return -EOPNOTSUPP;
	view = iomd_dma_view_move(command, old);
	if (IS_ERR(view))
		return PTR_ERR(view);
	command_publish_view(command, view);
	iomd_dma_view_close(old, false);
	iomd_dma_view_free(old);
	return 0;
}

static int command_synchronize(struct iomd_dma_command *command, u64 options)
{
	u64 direction = options & IOMD_DIRECTION_MASK;
	int ret;

	lockdep_assert_held(&command->lock);
	if (!command->active)
		return -EAGAIN;
	ret = iomd_dma_view_check_device(command->view);
	if (ret)
		return ret;
	if (options & IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER)
		return force_double_buffer(command);
	if (direction == IOMD_DIRECTION_IN)
		return iomd_dma_view_sync_in(command->view);
	if (direction == IOMD_DIRECTION_OUT)
		return iomd_dma_view_sync_out(command->view);
	return 0;
}

/**
 * iomd_dma_command_synchronize() - bring memory and device together, while prepared
 * @command: command, prepared
 * @options: IOMD_DIRECTION_IN: the CPU shall see what the device wrote; or
 *	IOMD_DIRECTION_OUT: the device shall see what the CPU wrote, and may use the memory
 *	again; or IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER, with either or without: all
 *	of the memory moves to a copy now, unless it has already: its segments are to be
 *	asked for again
 *
 * From the prepare on the memory is the device's, from IN on the CPU's, from OUT on the
 * device's again. For the side that has it already nothing is done, so that nothing old is
 * copied over what that side wrote since. Two exceptions: as long as the device is only
 * meant to read, OUT always has it see what the CPU wrote; and after a prepare that did not
 * synchronize, the first IN or OUT is obeyed, whichever it is. A move leaves the memory with
 * who has it, and goes by the range and the direction of the prepare, whatever the
 * descriptor was made to say since.
 *
 * IOKit: IODMACommand::synchronize.
 *
 * Return: 0; -EINVAL for both directions, or for unknown bits; -EAGAIN if it is not
 * prepared; -ENODEV if the device's driver has left it; -EIO if a copy came up short;
 * of a move, with all as it was, -EOPNOTSUPP for IOMD_DMA_MAP_OPTION_ITERATE_ONLY, and
 * what iomd_dma_command_prepare() says.
 * Context: may sleep.
 */
int iomd_dma_command_synchronize(struct iomd_dma_command *command, u64 options)
{
	int ret;

	might_sleep();
	if ((options & ~(IOMD_DIRECTION_MASK | IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER)) ||
	    (options & IOMD_DIRECTION_MASK) == IOMD_DIRECTION_OUT_IN)
		return -EINVAL;
	mutex_lock(&command->lock);
	ret = command_synchronize(command, options);
	mutex_unlock(&command->lock);
	return ret;
}
IOMD_EXPORT(iomd_dma_command_synchronize);

/**
 * iomd_dma_command_get_prepared_offset_and_length() - what is prepared?
 * @command: command
 * @offset: set to the first byte; may be NULL
 * @length: set to the bytes; may be NULL
 *
 * IOKit: IODMACommand::getPreparedOffsetAndLength.
 *
 * Return: 0; -EAGAIN if it is not prepared.
 * Context: any, hard IRQ included.
 */
int iomd_dma_command_get_prepared_offset_and_length(struct iomd_dma_command *command,
						    u64 *offset, u64 *length)
{
	struct iomd_dma_view *view = iomd_dma_command_view(command);

	if (!view)
		return -EAGAIN;
	if (offset)
		*offset = view->offset;
	if (length)
		*length = view->runs.length;
	return 0;
}
IOMD_EXPORT(iomd_dma_command_get_prepared_offset_and_length);
