/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A transfer's memory under the constraints of a device (IODMACommand), and the
 * operations that a command does on a descriptor.
 */
#ifndef IOMD_DMA_COMMAND_H
#define IOMD_DMA_COMMAND_H

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include <iomd/object.h>
#include <iomd/version.h>

struct device;
struct iomd;
struct iomd_dma_command;
struct iomd_dma_device;
struct iomd_dma_map;
struct iomd_dma_view;

/*
 * Mapping options, in the same space as those of types.h. Of the kinds, mapped commands
 * have a device and tell what the DMA API says; bypassed and unmapped ones have none, and
 * tell physical addresses. Those that are not coherent may be either; without a device,
 * they write the CPU's caches back.
 */
#define IOMD_DMA_MAP_OPTION_MAPPED		0ULL
#define IOMD_DMA_MAP_OPTION_BYPASSED		BIT_ULL(48)
#define IOMD_DMA_MAP_OPTION_NON_COHERENT	BIT_ULL(49)
#define IOMD_DMA_MAP_OPTION_UNMAPPED		GENMASK_ULL(49, 48)
#define IOMD_DMA_MAP_OPTION_TYPE_MASK		GENMASK_ULL(49, 48)
/* Accepted, without effect. */
#define IOMD_DMA_MAP_OPTION_NO_CACHE_STORE	BIT_ULL(50)
#define IOMD_DMA_MAP_OPTION_ON_CHIP		BIT_ULL(51)
#define IOMD_DMA_MAP_OPTION_DEXT_OWNER		BIT_ULL(52)
/* Never copy the memory: walk it, and refuse what does not fit. */
#define IOMD_DMA_MAP_OPTION_ITERATE_ONLY	BIT_ULL(53)
#define IOMD_DMA_MAP_OPTION_MASK		GENMASK_ULL(53, 48)

/* iomd_dma_command_synchronize(): from now on by way of a copy of all of it. */
#define IOMD_DMA_COMMAND_FORCE_DOUBLE_BUFFER	BIT_ULL(54)

/**
 * struct iomd_dma_segment64 - addresses that follow each other
 * @iovm_addr: the first one, as the device sees it
 * @length: bytes
 */
struct iomd_dma_segment64 {
	u64 iovm_addr;
	u64 length;
};

/**
 * struct iomd_dma_segment32 - the same for a device of 32 bits
 * @iovm_addr: the first one, as the device sees it
 * @length: bytes
 */
struct iomd_dma_segment32 {
	u32 iovm_addr;
	u32 length;
};

/**
 * typedef iomd_dma_segment_function - writes a segment as the hardware wants it
 * @command: whose segment it is
 * @segment: the segment
 * @segments: the array that the caller of iomd_dma_command_gen_iovm_segments() gave
 * @index: of the element to write
 *
 * Return: false if the format cannot express it.
 * Context: that of the caller; must not sleep.
 */
typedef bool (*iomd_dma_segment_function)(struct iomd_dma_command *command,
					  struct iomd_dma_segment64 segment,
					  void *segments, u32 index);

/**
 * struct iomd_dma_segment_options - what a device can take
 * @num_address_bits: bits of its addresses; 0, or 64 and more: no limit
 * @max_segment_size: bytes of a segment; 0: no limit
 * @max_transfer_size: bytes of a transfer; 0: no limit
 * @alignment: of the address of the first segment, in bytes; 0: 1
 * @alignment_length: of each segment's length, and of all; 0: 1
 * @alignment_internal_segments: of the addresses of all segments but the first; 0:
 *	@alignment
 *
 * IODMACommand::SegmentOptions. Alignments are powers of two.
 */
struct iomd_dma_segment_options {
	u8 num_address_bits;
	u64 max_segment_size;
	u64 max_transfer_size;
	u32 alignment;
	u32 alignment_length;
	u32 alignment_internal_segments;
};

/**
 * struct iomd_dma_command_ops - what a subclass does its own way
 * @create_copy_buffer: see iomd_dma_command_create_copy_buffer(). NULL: the base's
 *	way
 */
struct iomd_dma_command_ops {
	struct iomd *(*create_copy_buffer)(struct iomd_dma_command *command, u64 direction,
					   u64 length);
};

/**
 * struct iomd_dma_command - a transfer's memory, as a device can take it
 *
 * All members are private; a subclass has this as its first member and sets it up
 * with iomd_dma_command_init_with_specification().
 */
struct iomd_dma_command {
	/* private: */
	struct os_object object;
	const struct iomd_dma_command_ops *ops;
	void *ref_con;
	/* guards what follows; what does not sleep only reads, while it is prepared */
	struct mutex lock;
	/* NULL: not specified. */
	iomd_dma_segment_function function;
	struct iomd_dma_segment_options options;
	u64 mapping;
	struct iomd_dma_device *device;
	struct iomd *md;
	u32 active;
	struct iomd_dma_view *view;
};

extern struct os_meta_class iomd_dma_command_meta_class;

struct iomd_dma_command *
iomd_dma_command_with_specification(iomd_dma_segment_function function,
				    const struct iomd_dma_segment_options *options,
				    u64 mapping_options, struct device *mapper,
				    void *ref_con);
int iomd_dma_command_weak_with_specification(struct iomd_dma_command **new_command,
					     iomd_dma_segment_function function,
					     const struct iomd_dma_segment_options *options,
					     u64 mapping_options, struct device *mapper,
					     void *ref_con);
struct iomd_dma_command *iomd_dma_command_with_ref_con(void *ref_con);
struct iomd_dma_command *iomd_dma_command_clone_command(struct iomd_dma_command *command,
							void *ref_con);
int iomd_dma_command_init_with_specification(struct iomd_dma_command *command,
					     const struct iomd_dma_command_ops *ops,
					     iomd_dma_segment_function function,
					     const struct iomd_dma_segment_options *options,
					     u64 mapping_options, struct device *mapper,
					     void *ref_con);
struct iomd_dma_command *iomd_dma_command_retain(struct iomd_dma_command *command);
void iomd_dma_command_release(struct iomd_dma_command *command);
void *iomd_dma_command_get_ref_con(const struct iomd_dma_command *command);

int iomd_dma_command_set_memory_descriptor(struct iomd_dma_command *command, struct iomd *md,
					   bool auto_prepare);
int iomd_dma_command_clear_memory_descriptor(struct iomd_dma_command *command,
					     bool auto_complete);
struct iomd *iomd_dma_command_get_memory_descriptor(const struct iomd_dma_command *command);
struct iomd *iomd_dma_command_get_io_memory_descriptor(const struct iomd_dma_command *command);

int iomd_dma_command_prepare(struct iomd_dma_command *command, u64 offset, u64 length,
			     bool flush_cache, bool synchronize);
int iomd_dma_command_prepare_with_specification(struct iomd_dma_command *command,
						iomd_dma_segment_function function,
						const struct iomd_dma_segment_options *options,
						u64 mapping_options, struct device *mapper,
						u64 offset, u64 length, bool flush_cache,
						bool synchronize);
int iomd_dma_command_complete(struct iomd_dma_command *command, bool invalidate_cache,
			      bool synchronize);
int iomd_dma_command_synchronize(struct iomd_dma_command *command, u64 options);
int iomd_dma_command_get_prepared_offset_and_length(struct iomd_dma_command *command,
						    u64 *offset, u64 *length);
struct iomd *iomd_dma_command_create_copy_buffer(struct iomd_dma_command *command,
						 u64 direction, u64 length);

int iomd_dma_command_gen_iovm_segments(struct iomd_dma_command *command, u64 *offset,
				       void *segments, u32 *num_segments);
int iomd_dma_command_gen_iovm_segments_with_function(struct iomd_dma_command *command,
						     iomd_dma_segment_function function,
						     u64 *offset, void *segments,
						     u32 *num_segments);
int iomd_dma_command_gen32_iovm_segments(struct iomd_dma_command *command, u64 *offset,
					 struct iomd_dma_segment32 *segments,
					 u32 *num_segments);
int iomd_dma_command_gen64_iovm_segments(struct iomd_dma_command *command, u64 *offset,
					 struct iomd_dma_segment64 *segments,
					 u32 *num_segments);
u64 iomd_dma_command_read_bytes(struct iomd_dma_command *command, u64 offset, void *bytes,
				u64 length);
u64 iomd_dma_command_write_bytes(struct iomd_dma_command *command, u64 offset,
				 const void *bytes, u64 length);

u32 iomd_dma_command_get_num_address_bits(const struct iomd_dma_command *command);
u32 iomd_dma_command_get_alignment(const struct iomd_dma_command *command);
u32 iomd_dma_command_get_alignment_length(const struct iomd_dma_command *command);
u32 iomd_dma_command_get_alignment_internal_segments(const struct iomd_dma_command *command);

bool iomd_dma_command_output_host32(struct iomd_dma_command *command,
				    struct iomd_dma_segment64 segment, void *segments,
				    u32 index);
bool iomd_dma_command_output_big32(struct iomd_dma_command *command,
				   struct iomd_dma_segment64 segment, void *segments,
				   u32 index);
bool iomd_dma_command_output_little32(struct iomd_dma_command *command,
				      struct iomd_dma_segment64 segment, void *segments,
				      u32 index);
bool iomd_dma_command_output_host64(struct iomd_dma_command *command,
				    struct iomd_dma_segment64 segment, void *segments,
				    u32 index);
bool iomd_dma_command_output_big64(struct iomd_dma_command *command,
				   struct iomd_dma_segment64 segment, void *segments,
				   u32 index);
bool iomd_dma_command_output_little64(struct iomd_dma_command *command,
				      struct iomd_dma_segment64 segment, void *segments,
				      u32 index);

/*
 * IOMemoryDescriptor::dmaCommandOperation
 */

/**
 * enum iomd_dma_operation - what iomd_dma_command_operation() does
 * @IOMD_MD_GET_CHARACTERISTICS: fill a struct iomd_dma_characteristics
 * @IOMD_MD_WALK_SEGMENTS: fill a struct iomd_dma_walk_segment_args from its offset on
 * @IOMD_MD_FIRST_SEGMENT: the same
 * @IOMD_MD_SET_DMA_ACTIVE: the memory is in use: its last complete is refused; no data
 * @IOMD_MD_SET_DMA_INACTIVE: undoes one that came to the same descriptor
 * @IOMD_MD_DMA_MAP: map for the device of a struct iomd_dma_map_args
 * @IOMD_MD_DMA_UNMAP: undoes that
 * @IOMD_MD_ADD_DMA_MAP_SPEC: unsupported, as a device has no mapping of its own that
 *	commands would share
 */
enum iomd_dma_operation {
	IOMD_MD_GET_CHARACTERISTICS,
	IOMD_MD_WALK_SEGMENTS,
	IOMD_MD_FIRST_SEGMENT,
	IOMD_MD_SET_DMA_ACTIVE,
	IOMD_MD_SET_DMA_INACTIVE,
	IOMD_MD_DMA_MAP,
	IOMD_MD_DMA_UNMAP,
	IOMD_MD_ADD_DMA_MAP_SPEC,
};

/**
 * struct iomd_dma_characteristics - IOMDDMACharacteristics
 * @length: bytes
 * @sg_count: segments; 0 if it is not prepared
 * @pages: pages that the segments touch, those that several touch counted for each
 * @highest_page: number of the highest one
 * @page_align: where in its page the memory starts, if it is one segment; else 0
 * @direction: one of IOMD_DIRECTION_
 * @is_prepared: can the segments be told?
 */
struct iomd_dma_characteristics {
	u64 length;
	u64 sg_count;
	u64 pages;
	u64 highest_page;
	u32 page_align;
	u64 direction;
	bool is_prepared;
};

/**
 * struct iomd_dma_walk_segment_args - IOMDDMAWalkSegmentArgs
 * @offset: in: of a byte; out: behind the segment
 * @iovm_addr: out: physical address of the byte
 * @length: out: bytes that are contiguous from there
 * @mapped: must be false: a descriptor is not mapped, a command is
 */
struct iomd_dma_walk_segment_args {
	u64 offset;
	u64 iovm_addr;
	u64 length;
	bool mapped;
};

/**
 * struct iomd_dma_map_args - IOMDDMAMapArgs
 * @mapper: in: device
 * @offset: in: first byte
 * @length: in: bytes
 * @map: out, and in for the unmap: see iomd_dma_map()
 * @alloc: out: first address, as the device sees it
 * @alloc_length: out: bytes that are contiguous for the device from there
 */
struct iomd_dma_map_args {
	struct device *mapper;
	u64 offset;
	u64 length;
	struct iomd_dma_map *map;
	u64 alloc;
	u64 alloc_length;
};

int iomd_dma_command_operation(struct iomd *md, enum iomd_dma_operation op, void *data,
			       size_t size);

/* The same constants under the names that IODMACommand gives them: kMapped ... */
#define IOMD_DMA_COMMAND_MAPPED		IOMD_DMA_MAP_OPTION_MAPPED
#define IOMD_DMA_COMMAND_BYPASSED	IOMD_DMA_MAP_OPTION_BYPASSED
#define IOMD_DMA_COMMAND_NON_COHERENT	IOMD_DMA_MAP_OPTION_NON_COHERENT
#define IOMD_DMA_COMMAND_UNMAPPED	IOMD_DMA_MAP_OPTION_UNMAPPED
#define IOMD_DMA_COMMAND_TYPE_MASK	IOMD_DMA_MAP_OPTION_TYPE_MASK
#define IOMD_DMA_COMMAND_NO_CACHE_STORE	IOMD_DMA_MAP_OPTION_NO_CACHE_STORE
#define IOMD_DMA_COMMAND_ON_CHIP	IOMD_DMA_MAP_OPTION_ON_CHIP
#define IOMD_DMA_COMMAND_ITERATE_ONLY	IOMD_DMA_MAP_OPTION_ITERATE_ONLY

/**
 * iomd_dma_command_with_bits() - make a command from bits and sizes
 * @function: see iomd_dma_command_with_specification()
 * @num_address_bits: of the device's addresses; 0: no limit
 * @max_segment_size: bytes; 0: no limit
 * @mapping_options: see iomd_dma_command_with_specification()
 * @max_transfer_size: bytes; 0: no limit
 * @alignment: of each segment's address, in bytes, a power of two; lengths need none
 * @mapper: see iomd_dma_command_with_specification()
 * @ref_con: see iomd_dma_command_with_specification()
 *
 * IOKit: IODMACommand::withSpecification without SegmentOptions.
 *
 * Return: see iomd_dma_command_with_specification().
 * Context: may sleep.
 */
static inline struct iomd_dma_command *
iomd_dma_command_with_bits(iomd_dma_segment_function function, u8 num_address_bits,
			   u64 max_segment_size, u64 mapping_options, u64 max_transfer_size,
			   u32 alignment, struct device *mapper, void *ref_con)
{
	const struct iomd_dma_segment_options options = {
		.num_address_bits = num_address_bits,
		.max_segment_size = max_segment_size,
		.max_transfer_size = max_transfer_size,
		.alignment = alignment,
	};

	return iomd_dma_command_with_specification(function, &options, mapping_options, mapper,
						   ref_con);
}

#endif
