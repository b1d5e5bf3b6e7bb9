// SPDX-License-Identifier: GPL-2.0
/*
 * Copying between a descriptor and kernel memory, through physical addresses,
 * whatever the class: RAM a page at a time, device memory through a mapping of
 * the moment.
 */
#include <linux/highmem.h>
#include <linux/io.h>

#include <iomd/descriptor.h>

#include "descriptor.h"

/* Most device memory that is mapped at a time. */
#define WINDOW_BYTES	SZ_64K

/* Copy or, without @bytes, zero-fill. */
static void copy_ram(phys_addr_t address, void *bytes, unsigned int length, bool write)
{
	void *memory = kmap_local_page(pfn_to_page(PHYS_PFN(address))) + offset_in_page(address);

	if (!write)
		memcpy(bytes, memory, length);
	else if (bytes)
		memcpy(memory, bytes, length);
	else
		memset(memory, 0, length);
	kunmap_local(memory);
}

/*
 * Registers are reached in their width, up to 32 bits: memcpy_fromio() and its like
 * don't do that everywhere. On arm64 they reach a word by its bytes, unless it is part
 * of a longer one, and a device that takes no bytes answers with an error that kills.
 */
static unsigned int register_bytes(phys_addr_t address, unsigned int length)
{
	unsigned int bytes = sizeof(u32);

	while (bytes > length || !IS_ALIGNED(address, bytes))
		bytes /= 2;
	return bytes;
}

union register_value {
	u32 word;
	u16 half;
	u8 byte;
};

static void read_register(const void __iomem *from, void *to, unsigned int bytes)
{
	union register_value value;

	if (bytes == sizeof(value.word))
		value.word = __raw_readl(from);
	else if (bytes == sizeof(value.half))
		value.half = __raw_readw(from);
	else
		value.byte = __raw_readb(from);
	memcpy(to, &value, bytes);
}

/* Zeroes, without @from. */
static void write_register(void __iomem *to, const void *from, unsigned int bytes)
{
	union register_value value = {};

	if (from)
		memcpy(&value, from, bytes);
	if (bytes == sizeof(value.word))
		__raw_writel(value.word, to);
	else if (bytes == sizeof(value.half))
		__raw_writew(value.half, to);
	else
		__raw_writeb(value.byte, to);
}

static bool copy_device(phys_addr_t address, void *bytes, unsigned int length, bool write)
{
	void __iomem *memory = ioremap(address, length);
	unsigned int done, width;

	if (!memory)
		return false;
	for (done = 0; done < length; done += width) {
		width = register_bytes(address + done, length - done);
		if (write)
			write_register(memory + done, bytes ? bytes + done : NULL, width);
		else
			read_register(memory + done, bytes + done, width);
	}
	iounmap(memory);
	return true;
}

/* The bytes that were copied: all, unless device memory can't be mapped. */
static u64 copy_segment(const struct iomd_segment_iter *iter, void *bytes, bool write)
{
	bool ram = iomd_is_ram_segment(iter);
	u64 length = iter->length, done = 0;

	while (done < length) {
		phys_addr_t at = iter->address + done;
		void *where = bytes ? bytes + done : NULL;
		u64 piece;

		if (ram) {
			piece = min_t(u64, length - done, PAGE_SIZE - offset_in_page(at));
			copy_ram(at, where, piece, write);
		} else {
			piece = min_t(u64, length - done, WINDOW_BYTES - at % WINDOW_BYTES);
			if (!copy_device(at, where, piece, write))
				break;
		}
		done += piece;
	}
	return done;
}

static u64 copy_held(struct iomd *md, u64 offset, void *bytes, u64 length, bool write)
{
	u64 options = IOMD_MEMORY_SEGMENT_LOCAL | (write ? IOMD_MEMORY_SEGMENT_WRITE : 0);
	struct iomd_segment_iter iter;
	u64 done = 0;

	/* All or nothing. */
	if (!iomd_range_allows(md, offset, length, options))
		return 0;
	iomd_segment_iter_init(&iter, md, offset, length, options);
	while (iter.length) {
		u64 copied = copy_segment(&iter, bytes ? bytes + done : NULL, write);

		done += copied;
		if (copied < iter.length)
			break;
		iomd_segment_iter_next_held(&iter);
	}
	return done;
}

/* Whoever completes the memory meanwhile waits until this is done. */
static u64 copy_range(struct iomd *md, u64 offset, void *bytes, u64 length, bool write)
{
	u64 end, done;

	if (check_add_overflow(offset, length, &end) || end > iomd_get_length(md))
		return 0;
	if (iomd_hold(md, offset, length))
		return 0;
	done = copy_held(md, offset, bytes, length, write);
	iomd_drop(md, offset, length);
	return done;
}

/**
 * iomd_read_bytes() - copy out of a descriptor
 * @md: descriptor, prepared unless it is physical
 * @offset: first byte
 * @bytes: kernel memory to copy to
 * @length: bytes
 *
 * IOKit: IOMemoryDescriptor::readBytes.
 *
 * Return: @length; 0 with nothing copied if the range does not lie inside, the
 * memory is not prepared, or @bytes is NULL; something between only if device
 * memory could not be mapped. Who completes the memory meanwhile waits for the copy.
 * Context: any for RAM; for device memory may sleep.
 */
u64 iomd_read_bytes(struct iomd *md, u64 offset, void *bytes, u64 length)
{
	return bytes ? copy_range(md, offset, bytes, length, false) : 0;
}
IOMD_EXPORT(iomd_read_bytes);

/**
 * iomd_write_bytes() - copy into a descriptor
 * @md: descriptor, prepared unless it is physical
 * @offset: first byte
 * @bytes: kernel memory to copy from; NULL: fill with zeroes
 * @length: bytes
 *
 * IOKit: IOMemoryDescriptor::writeBytes.
 *
 * Return: see iomd_read_bytes(); 0 too if any of the memory is prepared for OUT
 * only.
 * Context: see iomd_read_bytes().
 */
u64 iomd_write_bytes(struct iomd *md, u64 offset, const void *bytes, u64 length)
{
	return copy_range(md, offset, (void *)bytes, length, true);
}
IOMD_EXPORT(iomd_write_bytes);
