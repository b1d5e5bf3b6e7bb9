// SPDX-License-Identifier: GPL-2.0
/*
 * IODMACommand: what a device can take, the memory of a transfer, and the one made
 * to fit the other. A transfer (transfer.c) shows the device a view of the memory
 * (view.c), of which the list of segments is made (generate.c).
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>
#include <iomd/dma_command.h>

#include "../object/object.h"
#include "bounce.h"
#include "command.h"
#include "device.h"

static void command_free(struct os_object *object)
{
	struct iomd_dma_command *command = container_of(object, struct iomd_dma_command, object);

	mutex_lock(&command->lock);
	iomd_dma_command_clear_locked(command);
	mutex_unlock(&command->lock);
	iomd_dma_device_put(command->device);
	mutex_destroy(&command->lock);
}

struct os_meta_class iomd_dma_command_meta_class = {
	.name = "iomd_dma_command",
	.size = sizeof(struct iomd_dma_command),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = command_free,
};
IOMD_EXPORT(iomd_dma_command_meta_class);

/*
 * Specification
 */

static int check_address_bits(iomd_dma_segment_function function, u8 *bits)
{
	if (iomd_dma_command_outputs_32(function)) {
		if (*bits > 32)
			return -EINVAL;
		*bits = *bits ?: 32;
	}
	if (*bits && *bits < PAGE_SHIFT)
		return -EINVAL;
	if (*bits >= 64)
		*bits = 0;
	return 0;
}

/* Zeroes become what they mean. */
static int check_options(iomd_dma_segment_function function,
			 struct iomd_dma_segment_options *options)
{
	options->max_segment_size = options->max_segment_size ?: U64_MAX;
	options->max_transfer_size = options->max_transfer_size ?: U64_MAX;
	options->alignment = options->alignment ?: 1;
	options->alignment_length = options->alignment_length ?: 1;
	options->alignment_internal_segments =
		options->alignment_internal_segments ?: options->alignment;
	if (!is_power_of_2(options->alignment) || !is_power_of_2(options->alignment_length) ||
	    !is_power_of_2(options->alignment_internal_segments))
		return -EINVAL;
	return check_address_bits(function, &options->num_address_bits);
}

/* An address is translated by the DMA API, for a device, or not at all. */
static int check_mapping(u64 mapping, const struct device *mapper)
{
	u64 type = mapping & IOMD_DMA_MAP_OPTION_TYPE_MASK;

	if (mapping & ~IOMD_DMA_MAP_OPTION_MASK)
		return -EINVAL;
	/* Nobody gets physical addresses who did not ask for them. */
	if (!mapper && type == IOMD_DMA_MAP_OPTION_MAPPED)
		return -EINVAL;
	if (mapper && (type == IOMD_DMA_MAP_OPTION_BYPASSED ||
		       type == IOMD_DMA_MAP_OPTION_UNMAPPED))
		return -EINVAL;
	return 0;
}

/* All or nothing; the command is not prepared. */
int iomd_dma_command_specify_locked(struct iomd_dma_command *command,
				    iomd_dma_segment_function function,
				    const struct iomd_dma_segment_options *options,
				    u64 mapping, struct device *mapper)
{
	struct iomd_dma_segment_options effective = {};
	struct iomd_dma_device *device = NULL;
	int ret;

	if (!function)
		return -EINVAL;
	if (options)
		effective = *options;
	ret = check_options(function, &effective);
	if (!ret)
		ret = check_mapping(mapping, mapper);
	if (ret)
		return ret;
	if (mapper) {
		device = iomd_dma_device_get(mapper);
		if (IS_ERR(device))
			return PTR_ERR(device);
	}
	iomd_dma_device_put(command->device);
	command->device = device;
	command->function = function;
	command->options = effective;
	command->mapping = mapping;
	return 0;
}

static struct iomd_dma_command *command_alloc(void *ref_con)
{
	struct iomd_dma_command *command = os_object_alloc(&iomd_dma_command_meta_class);

	if (!command)
		return NULL;
	mutex_init(&command->lock);
	command->ref_con = ref_con;
	return command;
}

/**
 * iomd_dma_command_init_with_specification() - set up an instance of a subclass
 * @command: first member of what os_object_alloc() returned
 * @ops: what the class does its own way, or NULL
 * @function: see iomd_dma_command_with_specification(); NULL, and the three after it
 *	unused: unspecified, as by iomd_dma_command_with_ref_con()
 * @options: see iomd_dma_command_with_specification()
 * @mapping_options: see iomd_dma_command_with_specification()
 * @mapper: see iomd_dma_command_with_specification()
 * @ref_con: see iomd_dma_command_with_specification()
 *
 * IOKit: IODMACommand::initWithSpecification, initWithRefCon.
 *
 * Return: 0; else as iomd_dma_command_with_specification(): @command can only be
 * released then.
 * Context: may sleep.
 */
int iomd_dma_command_init_with_specification(struct iomd_dma_command *command,
					     const struct iomd_dma_command_ops *ops,
					     iomd_dma_segment_function function,
					     const struct iomd_dma_segment_options *options,
					     u64 mapping_options, struct device *mapper,
					     void *ref_con)
{
	mutex_init(&command->lock);
	command->ops = ops;
	command->ref_con = ref_con;
	if (!function)
		return 0;
	return iomd_dma_command_specify_locked(command, function, options, mapping_options,
					       mapper);
}
IOMD_EXPORT(iomd_dma_command_init_with_specification);

/**
 * iomd_dma_command_with_specification() - make a command for a kind of device
 * @function: writes a segment in the hardware's format: one of
 *	iomd_dma_command_output_ or the caller's own
 * @options: what the device can take; NULL: anything
 * @mapping_options: one of the kinds of IOMD_DMA_MAP_OPTION_, perhaps with
 *	IOMD_DMA_MAP_OPTION_ITERATE_ONLY
 * @mapper: the device, whose DMA mask is set: what it can take is obeyed too. NULL,
 *	for kinds other than IOMD_DMA_MAP_OPTION_MAPPED: addresses are physical
 * @ref_con: anything, for the caller
 *
 * IOKit: IODMACommand::withSpecification.
 *
 * Return: the command with one reference, the caller's; or ERR_PTR: -EINVAL without
 * @function, for address bits that @function can't write or that are less than a
 * page's, an alignment that is no power of two, unknown options, a @mapper that
 * would not be used, or none for the mapped kind; -ENODEV if @mapper is not set up for
 * DMA, or its driver has left it; -ENOMEM.
 * Context: may sleep.
 */
struct iomd_dma_command *
iomd_dma_command_with_specification(iomd_dma_segment_function function,
				    const struct iomd_dma_segment_options *options,
				    u64 mapping_options, struct device *mapper,
				    void *ref_con)
{
	struct iomd_dma_command *command = command_alloc(ref_con);
	int ret;

	if (!command)
		return ERR_PTR(-ENOMEM);
	ret = iomd_dma_command_specify_locked(command, function, options, mapping_options,
					      mapper);
	if (ret) {
		iomd_dma_command_release(command);
		return ERR_PTR(ret);
	}
	return command;
}
IOMD_EXPORT(iomd_dma_command_with_specification);

/**
 * iomd_dma_command_weak_with_specification() - make a command, with a result code
 * @new_command: set to the command, or to NULL
 * @function: see iomd_dma_command_with_specification()
 * @options: see iomd_dma_command_with_specification()
 * @mapping_options: see iomd_dma_command_with_specification()
 * @mapper: see iomd_dma_command_with_specification()
 * @ref_con: see iomd_dma_command_with_specification()
 *
 * IOKit: IODMACommand::weakWithSpecification.
 *
 * Return: 0; -EINVAL if @new_command is NULL; else see
 * iomd_dma_command_with_specification().
 * Context: may sleep.
 */
int iomd_dma_command_weak_with_specification(struct iomd_dma_command **new_command,
					     iomd_dma_segment_function function,
					     const struct iomd_dma_segment_options *options,
					     u64 mapping_options, struct device *mapper,
					     void *ref_con)
{
	struct iomd_dma_command *command;

	if (!new_command)
		return -EINVAL;
	command = iomd_dma_command_with_specification(function, options, mapping_options,
						      mapper, ref_con);
	*new_command = IS_ERR(command) ? NULL : command;
	return PTR_ERR_OR_ZERO(command);
}
IOMD_EXPORT(iomd_dma_command_weak_with_specification);

/**
 * iomd_dma_command_with_ref_con() - make a command that is specified later
 * @ref_con: anything, for the caller
 *
 * Until iomd_dma_command_prepare_with_specification() it can't be prepared. IOKit:
 * IODMACommand::withRefCon.
 *
 * Return: the command with one reference, the caller's; or ERR_PTR(-ENOMEM).
 * Context: may sleep.
 */
struct iomd_dma_command *iomd_dma_command_with_ref_con(void *ref_con)
{
	return command_alloc(ref_con) ?: ERR_PTR(-ENOMEM);
}
IOMD_EXPORT(iomd_dma_command_with_ref_con);

/**
 * iomd_dma_command_clone_command() - make another command with the same specification
 * @command: command, prepared or not
 * @ref_con: anything, for the caller
 *
 * The new one has no memory. It is of the base class, whatever @command is. IOKit:
 * IODMACommand::cloneCommand.
 *
 * Return: the new command with one reference, the caller's; or ERR_PTR(-ENOMEM).
 * Context: may sleep.
 */
struct iomd_dma_command *iomd_dma_command_clone_command(struct iomd_dma_command *command,
							void *ref_con)
{
	struct iomd_dma_command *clone = command_alloc(ref_con);

	if (!clone)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&command->lock);
	clone->function = command->function;
	clone->options = command->options;
	clone->mapping = command->mapping;
	clone->device = iomd_dma_device_retain(command->device);
	mutex_unlock(&command->lock);
	return clone;
}
IOMD_EXPORT(iomd_dma_command_clone_command);

/**
 * iomd_dma_command_retain() - take a reference
 * @command: command, or NULL
 *
 * Return: @command.
 * Context: any, hard IRQ included.
 */
struct iomd_dma_command *iomd_dma_command_retain(struct iomd_dma_command *command)
{
	if (command)
		os_object_retain(&command->object);
	return command;
}
IOMD_EXPORT(iomd_dma_command_retain);

/**
 * iomd_dma_command_release() - give a reference back
 * @command: command, or NULL
 *
 * With the last one it is completed, if it is prepared, and ends. In this call the
 * device loses sight of the memory, and what it wrote is there; only what is freed
 * afterwards may have to wait. IOKit: IODMACommand::free.
 *
 * Context: while it is prepared, any in which iomd_dma_unmap() may be called; else any,
 * hard IRQ included; see os_object_release().
 */
void iomd_dma_command_release(struct iomd_dma_command *command)
{
	if (!command || os_object_release_unless_last(&command->object))
		return;
	iomd_dma_command_bring_back(command);
	os_object_release(&command->object);
}
IOMD_EXPORT(iomd_dma_command_release);

/**
 * iomd_dma_command_get_ref_con() - what the caller gave
 * @command: command
 *
 * IOKit: IODMACommand's reserved refCon.
 *
 * Return: the pointer.
 * Context: any, hard IRQ included.
 */
void *iomd_dma_command_get_ref_con(const struct iomd_dma_command *command)
{
	return command->ref_con;
}
IOMD_EXPORT(iomd_dma_command_get_ref_con);

/**
 * iomd_dma_command_get_num_address_bits() - bits of the device's addresses
 * @command: command
 *
 * IOKit: IODMACommand::getNumAddressBits.
 *
 * Return: the bits; 0: no limit.
 * Context: any, hard IRQ included.
 */
u32 iomd_dma_command_get_num_address_bits(const struct iomd_dma_command *command)
{
	return command->options.num_address_bits;
}
IOMD_EXPORT(iomd_dma_command_get_num_address_bits);

/**
 * iomd_dma_command_get_alignment() - alignment of the first segment's address
 * @command: command
 *
 * IOKit: IODMACommand::getAlignment.
 *
 * Return: bytes; 0 before a specification.
 * Context: any, hard IRQ included.
 */
u32 iomd_dma_command_get_alignment(const struct iomd_dma_command *command)
{
	return command->options.alignment;
}
IOMD_EXPORT(iomd_dma_command_get_alignment);

/**
 * iomd_dma_command_get_alignment_length() - alignment of each segment's length
 * @command: command
 *
 * IOKit: IODMACommand::getAlignmentLength.
 *
 * Return: bytes; 0 before a specification.
 * Context: any, hard IRQ included.
 */
u32 iomd_dma_command_get_alignment_length(const struct iomd_dma_command *command)
{
	return command->options.alignment_length;
}
IOMD_EXPORT(iomd_dma_command_get_alignment_length);

/**
 * iomd_dma_command_get_alignment_internal_segments() - alignment of the other addresses
 * @command: command
 *
 * IOKit: IODMACommand::getAlignmentInternalSegments.
 *
 * Return: bytes; 0 before a specification.
 * Context: any, hard IRQ included.
 */
u32 iomd_dma_command_get_alignment_internal_segments(const struct iomd_dma_command *command)
{
	return command->options.alignment_internal_segments;
}
IOMD_EXPORT(iomd_dma_command_get_alignment_internal_segments);

/**
 * iomd_dma_command_create_copy_buffer() - memory that the device of a command can reach
 * @command: command, specified
 * @direction: of the transfers
 * @length: bytes, at least 1
 *
 * What takes the place of a descriptor that does not fit. A subclass may make it
 * another way. IOKit: IODMACommand::createCopyBuffer.
 *
 * Return: a descriptor of RAM, at least @length bytes, prepared for life, with one
 * reference, the caller's; or ERR_PTR: -ENOMEM; -E2BIG for more, with an alignment
 * beyond a page, than the kernel has in one piece; -EINTR if a fatal signal came.
 * Context: may sleep.
 */
struct iomd *iomd_dma_command_create_copy_buffer(struct iomd_dma_command *command,
						 u64 direction, u64 length)
{
	struct iomd_limits limits;

	if (command->ops && command->ops->create_copy_buffer)
		return command->ops->create_copy_buffer(command, direction, length);
	limits = iomd_dma_command_limits(command);
	if (command->device && iomd_dma_device_translates(command->device->dev))
		limits.last = U64_MAX;
	else if (command->device)
		limits.last = iomd_dma_device_memory_below(command->device->dev, limits.last);
	return iomd_bounce_whole(length, direction, &limits);
}
IOMD_EXPORT(iomd_dma_command_create_copy_buffer);
