// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "../../src/dma/device.h"
#include "fake_device.h"

/*
 * Lists
 */

struct strict_limits strict_limits_of(const struct iomd_dma_segment_options *options,
				      struct device *dev)
{
	struct strict_limits limits = {
		.segment = options->max_segment_size,
		.last = options->num_address_bits && options->num_address_bits < 64 ?
			BIT_ULL(options->num_address_bits) - 1 : U64_MAX,
		.alignment = options->alignment ?: 1,
		.length_alignment = options->alignment_length ?: 1,
	};

	limits.inner_alignment = options->alignment_internal_segments ?: limits.alignment;
	if (dev) {
		limits.segment = min_not_zero(limits.segment, (u64)dma_get_max_seg_size(dev));
		limits.segment = min_t(u64, limits.segment, dma_max_mapping_size(dev));
		limits.boundary = dma_get_seg_boundary(dev);
		limits.last = min3(limits.last, dma_get_mask(dev), dev->bus_dma_limit ?: U64_MAX);
	}
	return limits;
}
EXPORT_SYMBOL_GPL(strict_limits_of);

void strict_list_init(struct strict_list *list, struct kunit *test, u32 room)
{
	list->test = test;
	list->dev = NULL;
	list->room = room;
	list->count = 0;
	list->length = 0;
	list->segments = kunit_kcalloc(test, room, sizeof(*list->segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list->segments);
}
EXPORT_SYMBOL_GPL(strict_list_init);

static bool got_wrongly(struct strict_list *list, u64 before, u64 after, u32 asked, u32 got)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < got && got <= asked; i++)
		sum += list->segments[list->count + i].length;
	if (got && got <= asked && sum == after - before)
		return false;
	KUNIT_FAIL(list->test, "asked %u segments at %#llx, got %u with %#llx bytes, up to %#llx",
		   asked, before, got, sum, after);
	return true;
}

int strict_list_get(struct strict_list *list, struct iomd_dma_command *command, u64 offset,
		    u32 step)
{
	int ret;

	list->count = 0;
	list->length = 0;
	list->dev = command->device ? command->device->dev : NULL;
	for (;;) {
		u32 asked = min(step, list->room - list->count), got = asked;
		u64 before = offset;

		if (!asked) {
			KUNIT_FAIL(list->test, "more than %u segments", list->room);
			return -ENOSPC;
		}
		ret = iomd_dma_command_gen_iovm_segments(command, &offset,
							 list->segments + list->count, &got);
		if (ret) {
			KUNIT_EXPECT_EQ(list->test, offset, before);
			KUNIT_EXPECT_EQ(list->test, got, asked);
			return ret == -EOVERFLOW ? 0 : ret;
		}
		if (got_wrongly(list, before, offset, asked, got))
			return -EIO;
		list->count += got;
		list->length += offset - before;
	}
}
EXPORT_SYMBOL_GPL(strict_list_get);

static const char *what_is_wrong(const struct strict_limits *limits,
				 const struct iomd_dma_segment64 *segment, bool first)
{
	u64 address = segment->iovm_addr, last = address + segment->length - 1;

	if (!segment->length)
		return "is empty";
	if (last < address || last > limits->last)
		return "is out of reach";
	if (limits->segment && segment->length > limits->segment)
		return "is too long";
	if (limits->boundary && (address & ~limits->boundary) != (last & ~limits->boundary))
		return "crosses a boundary";
	if (address & ((first ? limits->alignment : limits->inner_alignment) - 1))
		return "starts in the wrong place";
	if (segment->length & (limits->length_alignment - 1))
		return "has an odd length";
	return NULL;
}

bool strict_list_check(const struct strict_list *list, const struct strict_limits *limits,
		       bool first)
{
	const char *wrong;
	u32 i;

	for (i = 0; i < list->count; i++) {
		const struct iomd_dma_segment64 *segment = &list->segments[i];

		wrong = what_is_wrong(limits, segment, first && !i);
		if (!wrong)
			continue;
		KUNIT_FAIL(list->test, "segment %u of %u, %#llx + %#llx, %s", i, list->count,
			   segment->iovm_addr, segment->length, wrong);
		return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(strict_list_check);

/*
 * Bounce buffers are RAM that is reserved, as much is that is none. In an interrupt nobody
 * may ask the kernel's list of what is where.
 */
static bool is_nothing(unsigned long pfn)
{
	if (!pfn_valid(pfn))
		return true;
	return PageReserved(pfn_to_page(pfn)) && !in_hardirq() && !page_is_ram(pfn);
}

static void move_page(const struct strict_list *list, u64 seen, void *bytes, u64 length,
		      bool write)
{
	phys_addr_t address = list->dev ? dma_to_phys(list->dev, seen) : seen;

	if (is_nothing(PHYS_PFN(address))) {
		KUNIT_FAIL(list->test, "the device is sent to %#llx, where nothing is", seen);
		return;
	}
	/* What a device does, KASAN is not to judge. */
	if (write)
		__memcpy(phys_to_virt(address), bytes, length);
	else
		__memcpy(bytes, phys_to_virt(address), length);
}

static void move(const struct strict_list *list, u64 offset, void *bytes, u64 length, bool write)
{
	u32 i;

	for (i = 0; i < list->count && length; i++) {
		const struct iomd_dma_segment64 *segment = &list->segments[i];
		u64 part;

		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		for (; offset < segment->length && length; length -= part) {
			u64 address = segment->iovm_addr + offset;

			part = min3(length, segment->length - offset,
				    (u64)PAGE_SIZE - offset_in_page(address));
			move_page(list, address, bytes, part, write);
			bytes += part;
			offset += part;
		}
		offset = 0;
	}
	if (length)
		KUNIT_FAIL(list->test, "the list is %llu bytes short", length);
}

void strict_device_write(const struct strict_list *list, u64 offset, const void *bytes,
			 u64 length)
{
	move(list, offset, (void *)bytes, length, true);
}
EXPORT_SYMBOL_GPL(strict_device_write);

void strict_device_read(const struct strict_list *list, u64 offset, void *bytes, u64 length)
{
	move(list, offset, bytes, length, false);
}
EXPORT_SYMBOL_GPL(strict_device_read);

/*
 * Devices
 */

static void (*removing)(void *data);
static void *removing_data;

static int driven_probe(struct platform_device *device)
{
	return 0;
}

#ifdef IOMD_HAVE_PLATFORM_REMOVE_INT
static int driven_remove(struct platform_device *device)
{
	if (removing)
		removing(removing_data);
	return 0;
}
#else
static void driven_remove(struct platform_device *device)
{
	if (removing)
		removing(removing_data);
}
#endif

static struct platform_driver driven_driver = {
	.driver = { .name = "iomd-driven" },
	.probe = driven_probe,
	.remove = driven_remove,
};

const struct device_case device_cases[DEVICE_KINDS] = {
	{ "plain", DEVICE_PLAIN },
	{ "behind a narrow bus", DEVICE_BEHIND_NARROW_BUS },
	{ "sees memory elsewhere", DEVICE_SEES_MEMORY_ELSEWHERE },
	{ "keeps lower bits", DEVICE_KEEPS_LOWER_BITS },
};
EXPORT_SYMBOL_GPL(device_cases);

void device_case_desc(const struct device_case *device, char *desc)
{
	strscpy(desc, device->name, KUNIT_PARAM_DESC_SIZE);
}
EXPORT_SYMBOL_GPL(device_case_desc);

static enum device_kind chosen;

void driven_device_choose(enum device_kind kind)
{
	chosen = kind;
}
EXPORT_SYMBOL_GPL(driven_device_choose);

static const struct bus_dma_region *region(phys_addr_t address, dma_addr_t at, u64 size)
{
	struct bus_dma_region *map = size ? kcalloc(2, sizeof(*map), GFP_KERNEL) : NULL;

	if (!map)
		return NULL;
	map->cpu_start = address;
	map->dma_start = at;
	map->size = size;
#ifdef IOMD_HAVE_BUS_DMA_REGION_OFFSET
	map->offset = (u64)address - (u64)at;
#endif
	return map;
}

/* The driver core frees it when the driver leaves. */
void device_move_memory(struct kunit *test, struct device *dev, phys_addr_t address,
			dma_addr_t at, u64 size)
{
	kfree(dev->dma_range_map);
	dev->dma_range_map = region(address, at, size);
	KUNIT_ASSERT_EQ(test, !dev->dma_range_map, !size);
}
EXPORT_SYMBOL_GPL(device_move_memory);

u64 driven_device_shift(const struct device *dev)
{
	return dev->dma_range_map ? dev->dma_range_map->dma_start : 0;
}
EXPORT_SYMBOL_GPL(driven_device_shift);

/* What has as many bits begins where those end, and so has one more. */
static unsigned int set_elsewhere(struct device *dev, unsigned int bits)
{
	u64 shift = bits < 64 ? BIT_ULL(bits) : SZ_256M;

	kfree(dev->dma_range_map);
	dev->dma_range_map = region(0, shift, BIT_ULL(60));
	WARN_ON(!dev->dma_range_map);
	return min(bits + 1, 64U);
}

void driven_device_set_bits(struct device *dev, unsigned int bits)
{
	dev->bus_dma_limit = 0;
	if (dev->dma_parms)
		dma_set_min_align_mask(dev, chosen == DEVICE_KEEPS_LOWER_BITS ? SZ_4K - 1 : 0);
	if (chosen == DEVICE_SEES_MEMORY_ELSEWHERE)
		bits = set_elsewhere(dev, bits);
	if (chosen == DEVICE_BEHIND_NARROW_BUS && bits < 64) {
		dev->bus_dma_limit = DMA_BIT_MASK(bits);
		bits = 64;
	}
	/* Not dma_set_mask(): the machine need not be able to help with all of them. */
	*dev->dma_mask = DMA_BIT_MASK(bits);
	dev->coherent_dma_mask = DMA_BIT_MASK(bits);
}
EXPORT_SYMBOL_GPL(driven_device_set_bits);

void driven_device_set_both(struct device *dev, unsigned int bits,
			    struct iomd_dma_segment_options *options)
{
	if (chosen == DEVICE_SEES_MEMORY_ELSEWHERE && options->num_address_bits) {
		bits = min_t(unsigned int, bits, options->num_address_bits);
		options->num_address_bits++;
	}
	driven_device_set_bits(dev, bits);
}
EXPORT_SYMBOL_GPL(driven_device_set_both);

struct device *driven_device(struct kunit *test, unsigned int bits)
{
	struct platform_device_info info = {
		.name = "iomd-driven",
		.id = PLATFORM_DEVID_AUTO,
		.dma_mask = DMA_BIT_MASK(64),
	};
	struct platform_device *device = platform_device_register_full(&info);

	KUNIT_ASSERT_FALSE(test, IS_ERR(device));
	KUNIT_ASSERT_NOT_NULL(test, device->dev.driver);
	driven_device_set_bits(&device->dev, bits);
	return &device->dev;
}
EXPORT_SYMBOL_GPL(driven_device);

void driven_device_unbind(struct device *dev, void (*in_remove)(void *data), void *data)
{
	removing = in_remove;
	removing_data = data;
	device_release_driver(dev);
	removing = NULL;
}
EXPORT_SYMBOL_GPL(driven_device_unbind);

int driven_device_bind(struct device *dev)
{
	return device_attach(dev);
}
EXPORT_SYMBOL_GPL(driven_device_bind);

void driven_device_remove(struct device *dev)
{
	chosen = DEVICE_PLAIN;
	platform_device_unregister(to_platform_device(dev));
}
EXPORT_SYMBOL_GPL(driven_device_remove);

int driven_device_suite_init(struct kunit_suite *suite)
{
	return platform_driver_register(&driven_driver);
}
EXPORT_SYMBOL_GPL(driven_device_suite_init);

void driven_device_suite_exit(struct kunit_suite *suite)
{
	platform_driver_unregister(&driven_driver);
}
EXPORT_SYMBOL_GPL(driven_device_suite_exit);
