/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device with a driver, strict about what it is shown: it moves bytes along a
 * list of segments, and fails the case if one breaks a limit, or is not there.
 */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <kunit/test.h>
#include <linux/types.h>

#include <iomd/iomd.h>

/* What each segment of a list must keep to. */
struct strict_limits {
	/* 0: none */
	u64 segment;
	/* A mask; 0: none */
	u64 boundary;
	u64 last;
	u32 alignment, inner_alignment, length_alignment;
};

struct strict_limits strict_limits_of(const struct iomd_dma_segment_options *options,
				      struct device *dev);

/* The mapping option of a command for @dev, or for nobody: that sees physical addresses. */
static inline u64 kind_for(const struct device *dev)
{
	return dev ? IOMD_DMA_MAP_OPTION_MAPPED : IOMD_DMA_MAP_OPTION_UNMAPPED;
}

/* Segments of a whole transfer, in order, where @dev sees memory; NULL: where it is. */
struct strict_list {
	struct kunit *test;
	struct device *dev;
	struct iomd_dma_segment64 *segments;
	u32 count, room;
	u64 length;
};

void strict_list_init(struct strict_list *list, struct kunit *test, u32 room);
/*
 * Ask for the list from @offset on, @step segments at a time; 0, or what ended it
 * before the end did.
 */
int strict_list_get(struct strict_list *list, struct iomd_dma_command *command, u64 offset,
		    u32 step);
/* Does it keep to the limits, and have no overlap? @first: is its first the transfer's? */
bool strict_list_check(const struct strict_list *list, const struct strict_limits *limits,
		       bool first);
/* What the device does: write what it has into memory, or read that, from @offset on. */
void strict_device_write(const struct strict_list *list, u64 offset, const void *bytes,
			 u64 length);
void strict_device_read(const struct strict_list *list, u64 offset, void *bytes, u64 length);

/* What keeps a device from reaching all memory, or has it be particular about it. */
enum device_kind {
	/* Its mask. */
	DEVICE_PLAIN,
	/* The bus that it sits on. */
	DEVICE_BEHIND_NARROW_BUS,
	/* Its mask, and what it sees memory at is more than where that is. */
	DEVICE_SEES_MEMORY_ELSEWHERE,
	/* Its mask, and of copied memory it wants the lower bits of addresses. */
	DEVICE_KEEPS_LOWER_BITS,
	DEVICE_KINDS,
};

struct device_case {
	const char *name;
	enum device_kind kind;
};

/* For cases that are to hold for all kinds. */
extern const struct device_case device_cases[DEVICE_KINDS];
void device_case_desc(const struct device_case *device, char *desc);

/* Of which kind the devices of a suite are, from the next on whose bits are set. */
void driven_device_choose(enum device_kind kind);
/* As if memory up to @bits of address bits could be reached; 64: any. No IOMMU. */
void driven_device_set_bits(struct device *dev, unsigned int bits);
/* The same, and @options are what says the same of where that device sees memory. */
void driven_device_set_both(struct device *dev, unsigned int bits,
			    struct iomd_dma_segment_options *options);
/* Have the device see @size bytes from @address on at @at, and nothing else; 0: all as it is. */
void device_move_memory(struct kunit *test, struct device *dev, phys_addr_t address,
			dma_addr_t at, u64 size);
/* What it sees memory at, less where that is. */
u64 driven_device_shift(const struct device *dev);
/* A device with a driver, until it is removed. */
struct device *driven_device(struct kunit *test, unsigned int bits);
/* The driver leaves the device; @removing runs in its remove(), unless NULL. */
void driven_device_unbind(struct device *dev, void (*removing)(void *data), void *data);
int driven_device_bind(struct device *dev);
void driven_device_remove(struct device *dev);

int driven_device_suite_init(struct kunit_suite *suite);
void driven_device_suite_exit(struct kunit_suite *suite);

#endif
