// SPDX-License-Identifier: GPL-2.0
/*
 * Segments in the formats that IOKit has functions for.
 */
#include <linux/export.h>

#include <asm/byteorder.h>

#include "command.h"

bool iomd_dma_command_outputs_32(iomd_dma_segment_function function)
{
	return function == iomd_dma_command_output_host32 ||
	       function == iomd_dma_command_output_big32 ||
	       function == iomd_dma_command_output_little32;
}

bool iomd_dma_command_outputs_64(iomd_dma_segment_function function)
{
	return function == iomd_dma_command_output_host64 ||
	       function == iomd_dma_command_output_big64 ||
	       function == iomd_dma_command_output_little64;
}

static bool fits_32(struct iomd_dma_segment64 segment)
{
	return segment.iovm_addr <= U32_MAX && segment.length <= U32_MAX;
}

/**
 * iomd_dma_command_output_host32() - write 32 bits in the CPU's order of bytes
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment32
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputHost32.
 *
 * Return: false if address or length has more bits.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_host32(struct iomd_dma_command *command,
				    struct iomd_dma_segment64 segment, void *segments,
				    u32 index)
{
	u32 *words = segments + index * sizeof(struct iomd_dma_segment32);

	if (!fits_32(segment))
		return false;
	words[0] = segment.iovm_addr;
	words[1] = segment.length;
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_host32);

/**
 * iomd_dma_command_output_big32() - write 32 bits with the high bytes first
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment32
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputBig32.
 *
 * Return: false if address or length has more bits.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_big32(struct iomd_dma_command *command,
				   struct iomd_dma_segment64 segment, void *segments,
				   u32 index)
{
	__be32 *words = segments + index * sizeof(struct iomd_dma_segment32);

	if (!fits_32(segment))
		return false;
	words[0] = cpu_to_be32(segment.iovm_addr);
	words[1] = cpu_to_be32(segment.length);
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_big32);

/**
 * iomd_dma_command_output_little32() - write 32 bits with the low bytes first
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment32
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputLittle32.
 *
 * Return: false if address or length has more bits.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_little32(struct iomd_dma_command *command,
				      struct iomd_dma_segment64 segment, void *segments,
				      u32 index)
{
	__le32 *words = segments + index * sizeof(struct iomd_dma_segment32);

	if (!fits_32(segment))
		return false;
	words[0] = cpu_to_le32(segment.iovm_addr);
	words[1] = cpu_to_le32(segment.length);
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_little32);

/**
 * iomd_dma_command_output_host64() - write 64 bits in the CPU's order of bytes
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment64
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputHost64.
 *
 * Return: true.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_host64(struct iomd_dma_command *command,
				    struct iomd_dma_segment64 segment, void *segments,
				    u32 index)
{
	((struct iomd_dma_segment64 *)segments)[index] = segment;
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_host64);

/**
 * iomd_dma_command_output_big64() - write 64 bits with the high bytes first
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment64
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputBig64.
 *
 * Return: true.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_big64(struct iomd_dma_command *command,
				   struct iomd_dma_segment64 segment, void *segments,
				   u32 index)
{
	__be64 *words = segments + index * sizeof(segment);

	words[0] = cpu_to_be64(segment.iovm_addr);
	words[1] = cpu_to_be64(segment.length);
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_big64);

/**
 * iomd_dma_command_output_little64() - write 64 bits with the low bytes first
 * @command: command
 * @segment: segment
 * @segments: array of struct iomd_dma_segment64
 * @index: of the element to write
 *
 * IOKit: IODMACommand::OutputLittle64.
 *
 * Return: true.
 * Context: any, hard IRQ included.
 */
bool iomd_dma_command_output_little64(struct iomd_dma_command *command,
				      struct iomd_dma_segment64 segment, void *segments,
				      u32 index)
{
	__le64 *words = segments + index * sizeof(segment);

	words[0] = cpu_to_le64(segment.iovm_addr);
	words[1] = cpu_to_le64(segment.length);
	return true;
}
IOMD_EXPORT(iomd_dma_command_output_little64);
