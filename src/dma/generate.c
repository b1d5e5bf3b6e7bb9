// SPDX-License-Identifier: GPL-2.0
/*
 * The list of segments for the hardware, and the bytes as the device sees them.
 * Nothing here sleeps.
 */
#include <linux/kernel.h>
#include <linux/overflow.h>

#include <iomd/descriptor.h>
#include <iomd/dma.h>

#include "command.h"
#include "dma_view.h"

/* The list goes on from @offset until the room is full; all or nothing is told. */
static int generate_segments(struct iomd_dma_command *command, const struct iomd_dma_view *view,
			     iomd_dma_segment_function function, u64 *offset, void *segments,
			     u32 *num_segments)
{
	struct iomd_pieces pieces;
	u32 index = 0;

	iomd_pieces_init(&pieces, &view->runs, &view->limits, *offset);
	while (iomd_pieces_next(&pieces)) {
		struct iomd_dma_segment64 segment = {
			.iovm_addr = pieces.address,
			.length = pieces.length,
		};

		if (pieces.broken & IOMD_OUT_OF_REACH)
			return -EMSGSIZE;
		if (pieces.broken & IOMD_MISALIGNED)
			return -EINVAL;
		if (!function(command, segment, segments, index))
			return -EMSGSIZE;
		if (++index == *num_segments) {
			pieces.offset += pieces.length;
			break;
		}
	}
	if (!index)
		return -EAGAIN;
	*offset = pieces.offset;
	*num_segments = index;
	return 0;
}

/**
 * iomd_dma_command_gen_iovm_segments_with_function() - list segments in another format
 * @command: command, prepared
 * @function: writes a segment
 * @offset: bytes from the prepared offset on; set to where to go on
 * @segments: array, for @function
 * @num_segments: elements that it has room for; set to those that were written
 *
 * IOKit: IODMACommand::genIOVMSegments with a function.
 *
 * Return: see iomd_dma_command_gen_iovm_segments().
 * Context: any, hard IRQ included, if @function agrees.
 */
int iomd_dma_command_gen_iovm_segments_with_function(struct iomd_dma_command *command,
						     iomd_dma_segment_function function,
						     u64 *offset, void *segments,
						     u32 *num_segments)
{
	struct iomd_dma_view *view = iomd_dma_command_view(command);

	if (!view)
		return -EAGAIN;
	if (!function || !offset || !segments || !num_segments || !*num_segments)
		return -EINVAL;
	if (iomd_dma_view_check_device(view))
		return -ENODEV;
	if (*offset >= view->runs.length)
		return -EOVERFLOW;
	return generate_segments(command, view, function, offset, segments, num_segments);
}
IOMD_EXPORT(iomd_dma_command_gen_iovm_segments_with_function);

/**
 * iomd_dma_command_gen_iovm_segments() - list the segments for the device
 * @command: command, prepared
 * @offset: bytes from the prepared offset on; set to where to go on
 * @segments: array, in the format of the command's function
 * @num_segments: elements that it has room for; set to those that were written
 *
 * Neighbours are joined, then cut to the limits. From the same offset on the list is
 * always the same while the command is prepared. IOKit: IODMACommand::genIOVMSegments.
 *
 * Return: 0, with at least one segment written; or, with @offset and @num_segments as
 * they were: -EOVERFLOW at the end of the prepared range; -EAGAIN if the command is not
 * prepared; -EINVAL if a pointer is NULL or there is no room, or if a segment is not
 * aligned; -EMSGSIZE if an address has too many bits, or the format can't express a
 * segment; -ENODEV if the device's driver has left it.
 * Context: any, hard IRQ included.
 */
int iomd_dma_command_gen_iovm_segments(struct iomd_dma_command *command, u64 *offset,
				       void *segments, u32 *num_segments)
{
	return iomd_dma_command_gen_iovm_segments_with_function(command, command->function,
								offset, segments,
								num_segments);
}
IOMD_EXPORT(iomd_dma_command_gen_iovm_segments);

/**
 * iomd_dma_command_gen32_iovm_segments() - list segments of 32 bits
 * @command: command, prepared, whose function writes such
 * @offset: see iomd_dma_command_gen_iovm_segments()
 * @segments: array
 * @num_segments: see iomd_dma_command_gen_iovm_segments()
 *
 * IOKit: IODMACommand::gen32IOVMSegments.
 *
 * Return: -EINVAL if the command's function writes 64 bits; else see
 * iomd_dma_command_gen_iovm_segments().
 * Context: any, hard IRQ included.
 */
int iomd_dma_command_gen32_iovm_segments(struct iomd_dma_command *command, u64 *offset,
					 struct iomd_dma_segment32 *segments,
					 u32 *num_segments)
{
	if (iomd_dma_command_outputs_64(command->function))
		return -EINVAL;
	return iomd_dma_command_gen_iovm_segments(command, offset, segments, num_segments);
}
IOMD_EXPORT(iomd_dma_command_gen32_iovm_segments);

/**
 * iomd_dma_command_gen64_iovm_segments() - list segments of 64 bits
 * @command: command, prepared, whose function writes such
 * @offset: see iomd_dma_command_gen_iovm_segments()
 * @segments: array
 * @num_segments: see iomd_dma_command_gen_iovm_segments()
 *
 * IOKit: IODMACommand::gen64IOVMSegments.
 *
 * Return: -EINVAL if the command's function writes 32 bits; else see
 * iomd_dma_command_gen_iovm_segments().
 * Context: any, hard IRQ included.
 */
int iomd_dma_command_gen64_iovm_segments(struct iomd_dma_command *command, u64 *offset,
					 struct iomd_dma_segment64 *segments,
					 u32 *num_segments)
{
	if (iomd_dma_command_outputs_32(command->function))
		return -EINVAL;
	return iomd_dma_command_gen_iovm_segments(command, offset, segments, num_segments);
}
IOMD_EXPORT(iomd_dma_command_gen64_iovm_segments);

/* Of what the device has: through its eyes. */
static u64 transfer_shown(struct iomd_dma_view *view, u64 offset, void *bytes, u64 length,
			  bool write)
{
	const struct iomd_dma_runs *runs = &view->runs;
	u64 done;

	if (view->map)
		iomd_dma_sync_for_cpu(view->map);
	if (write)
		done = iomd_write_bytes(runs->md, runs->offset + offset, bytes, length);
	else
		done = iomd_read_bytes(runs->md, runs->offset + offset, bytes, length);
	if (view->map)
		iomd_dma_sync_for_device(view->map);
	return done;
}

static u64 transfer_bytes(struct iomd_dma_command *command, u64 offset, void *bytes, u64 length,
			  bool write)
{
	struct iomd_dma_view *view = iomd_dma_command_view(command);

	if (!view || iomd_dma_view_check_device(view))
		return 0;
	if (offset >= view->runs.length)
		return 0;
	length = min(length, view->runs.length - offset);
	if (READ_ONCE(view->side) != IOMD_DMA_SIDE_CPU)
		return transfer_shown(view, offset, bytes, length, write);
	/* What the CPU has is the memory itself, of which the device is shown all later. */
	if (write)
		return iomd_write_bytes(view->md, view->offset + offset, bytes, length);
	return iomd_read_bytes(view->md, view->offset + offset, bytes, length);
}

/**
 * iomd_dma_command_read_bytes() - copy out of the memory that the device uses
 * @command: command, prepared
 * @offset: first byte, from the prepared offset on
 * @bytes: kernel memory to copy to
 * @length: bytes; what lies beyond the prepared range is left out
 *
 * Of a copy, the copy is read, but for memory that is the CPU's, of which a buffer that was
 * shortened has less: see iomd_dma_command_synchronize(). The device must not use the memory
 * meanwhile. IOKit: IODMACommand::readBytes.
 *
 * Return: the bytes that were copied; 0 if the command is not prepared, its device has
 * gone, @offset is not inside, or @bytes is NULL.
 * Context: for RAM, with a device that of iomd_dma_sync_for_cpu(), else any; for device
 * memory may sleep.
 */
u64 iomd_dma_command_read_bytes(struct iomd_dma_command *command, u64 offset, void *bytes,
				u64 length)
{
	return transfer_bytes(command, offset, bytes, length, false);
}
IOMD_EXPORT(iomd_dma_command_read_bytes);

/**
 * iomd_dma_command_write_bytes() - copy into the memory that the device uses
 * @command: command, prepared
 * @offset: first byte, from the prepared offset on
 * @bytes: kernel memory to copy from; NULL: fill with zeroes
 * @length: bytes; what lies beyond the prepared range is left out
 *
 * Into a copy, if there is one, unless the memory is the CPU's: see
 * iomd_dma_command_synchronize(). The device must not use the memory meanwhile. IOKit:
 * IODMACommand::writeBytes.
 *
 * Return: see iomd_dma_command_read_bytes(); 0 too if the memory is prepared for OUT
 * only.
 * Context: see iomd_dma_command_read_bytes().
 */
u64 iomd_dma_command_write_bytes(struct iomd_dma_command *command, u64 offset,
				 const void *bytes, u64 length)
{
	return transfer_bytes(command, offset, (void *)bytes, length, true);
}
IOMD_EXPORT(iomd_dma_command_write_bytes);
