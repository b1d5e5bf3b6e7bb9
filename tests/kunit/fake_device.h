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

/* Segments of a whole transfer, in order. */
struct strict_list {
	struct kunit *test;
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

/* A device with a driver, until it is removed; @bits of DMA mask, no IOMMU. */
struct device *driven_device(struct kunit *test, unsigned int bits);
void driven_device_set_bits(struct device *dev, unsigned int bits);
/* The driver leaves the device; @removing runs in its remove(), unless NULL. */
void driven_device_unbind(struct device *dev, void (*removing)(void *data), void *data);
int driven_device_bind(struct device *dev);
void driven_device_remove(struct device *dev);

int driven_device_suite_init(struct kunit_suite *suite);
void driven_device_suite_exit(struct kunit_suite *suite);

#endif
