/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Constants that cross the border: one space of option bits for everything, so
 * that no bit means two things whatever it is handed to.
 */
#ifndef IOMD_TYPES_H
#define IOMD_TYPES_H

#include <linux/bits.h>
#include <linux/poison.h>
#include <linux/sched/task.h>
#include <linux/types.h>

#include <iomd/version.h>

/**
 * struct iomd_address_range - a piece of an address space (IOAddressRange)
 * @address: of the first byte: user or kernel virtual, or physical
 * @length: bytes
 */
struct iomd_address_range {
	u64 address;
	u64 length;
};

/* The kernel's own address space, where a task is asked for (kernel_task). */
#define IOMD_KERNEL_TASK		(&init_task)
/*
 * No address space at all, in the place of a task whose addresses are described: they
 * are physical (NULL). No task is there, and nobody gets this number by accident.
 */
#define IOMD_PHYSICAL_TASK		((struct task_struct *)(0x7d0UL + POISON_POINTER_DELTA))

/*
 * IODirection: OUT means that the device reads the memory, IN that it writes it. The
 * numbers are those of DMA_TO_DEVICE and DMA_FROM_DEVICE, and DMA_BIDIRECTIONAL is
 * the descriptor's own direction: a constant of the DMA API in the place of one of
 * these means the same.
 */
#define IOMD_DIRECTION_NONE		0ULL
#define IOMD_DIRECTION_OUT		BIT_ULL(0)
#define IOMD_DIRECTION_IN		BIT_ULL(1)
#define IOMD_DIRECTION_OUT_IN		(IOMD_DIRECTION_OUT | IOMD_DIRECTION_IN)
#define IOMD_DIRECTION_IN_OUT		IOMD_DIRECTION_OUT_IN
#define IOMD_DIRECTION_MASK		IOMD_DIRECTION_OUT_IN

/* Modifiers of a prepare; only the first one obeys them. */
#define IOMD_DIRECTION_PREPARE_TO_PHYS32	BIT_ULL(2)
#define IOMD_DIRECTION_PREPARE_NO_FAULT		BIT_ULL(3)
#define IOMD_DIRECTION_PREPARE_NO_ZERO_FILL	BIT_ULL(4)
#define IOMD_DIRECTION_PREPARE_NON_COHERENT	BIT_ULL(5)
#define IOMD_DIRECTION_PREPARE_AVOID_THROTTLING	BIT_ULL(6)
#define IOMD_DIRECTION_PREPARE_MASK		GENMASK_ULL(6, 2)

/* Modifiers of a complete. */
#define IOMD_DIRECTION_COMPLETE_WITH_ERROR	BIT_ULL(7)
#define IOMD_DIRECTION_COMPLETE_WITH_DATA_VALID	BIT_ULL(8)
#define IOMD_DIRECTION_COMPLETE_MASK		GENMASK_ULL(8, 7)

/* What the buffers handed to iomd_with_options() are. */
#define IOMD_MEMORY_TYPE_VIRTUAL	(0x1ULL << 9)
#define IOMD_MEMORY_TYPE_PHYSICAL	(0x2ULL << 9)
#define IOMD_MEMORY_TYPE_UPL		(0x3ULL << 9)
#define IOMD_MEMORY_TYPE_UIO		(0x4ULL << 9)
#define IOMD_MEMORY_TYPE_MASK		GENMASK_ULL(11, 9)

/* Options of descriptors and buffers. */
#define IOMD_MEMORY_AS_REFERENCE	BIT_ULL(12)
#define IOMD_MEMORY_MAPPER_NONE		BIT_ULL(13)
#define IOMD_MEMORY_HOST_ONLY		BIT_ULL(14)
#define IOMD_MEMORY_PERSISTENT		BIT_ULL(15)
#define IOMD_MEMORY_MAP_COPY_ON_WRITE	BIT_ULL(16)
#define IOMD_MEMORY_REMOTE		BIT_ULL(17)
#define IOMD_MEMORY_THREAD_SAFE		BIT_ULL(18)
#define IOMD_MEMORY_CLEAR_ENCRYPT	BIT_ULL(19)
#define IOMD_MEMORY_USE_RESERVE		BIT_ULL(20)
#define IOMD_MEMORY_PHYSICALLY_CONTIGUOUS	BIT_ULL(21)
#define IOMD_MEMORY_HOST_PHYSICALLY_CONTIGUOUS	BIT_ULL(22)
#define IOMD_MEMORY_PAGEABLE		BIT_ULL(23)
#define IOMD_MEMORY_BUFFER_PAGEABLE	IOMD_MEMORY_PAGEABLE
#define IOMD_MEMORY_PURGEABLE		BIT_ULL(24)
#define IOMD_MEMORY_BUFFER_PURGEABLE	IOMD_MEMORY_PURGEABLE
#define IOMD_MEMORY_UNSHARED		0ULL
#define IOMD_MEMORY_KERNEL_USER_SHARED	BIT_ULL(25)

/* State that iomd_get_flags() tells; not accepted from a caller. */
#define IOMD_MEMORY_AUTO_PREPARE	BIT_ULL(26)
#define IOMD_MEMORY_PREPARED_READ_ONLY	BIT_ULL(27)
#define IOMD_MEMORY_REDIRECTED		BIT_ULL(28)
#define IOMD_MEMORY_STATE_MASK		GENMASK_ULL(28, 26)

/* How the CPU caches a mapping. */
#define IOMD_MAP_DEFAULT_CACHE		(0x0ULL << 32)
#define IOMD_MAP_INHIBIT_CACHE		(0x1ULL << 32)
#define IOMD_MAP_WRITE_THRU_CACHE	(0x2ULL << 32)
#define IOMD_MAP_COPYBACK_CACHE		(0x3ULL << 32)
#define IOMD_MAP_WRITE_COMBINE_CACHE	(0x4ULL << 32)
#define IOMD_MAP_COPYBACK_INNER_CACHE	(0x5ULL << 32)
#define IOMD_MAP_POSTED_WRITE		(0x6ULL << 32)
#define IOMD_MAP_REAL_TIME_CACHE	(0x7ULL << 32)
#define IOMD_MAP_POSTED_REORDERED	(0x8ULL << 32)
#define IOMD_MAP_POSTED_COMBINED_REORDERED	(0x9ULL << 32)
#define IOMD_MAP_CACHE_MASK		GENMASK_ULL(35, 32)

/* Options of mappings. */
#define IOMD_MAP_ANYWHERE		BIT_ULL(36)
#define IOMD_MAP_READ_ONLY		BIT_ULL(37)
#define IOMD_MAP_STATIC			BIT_ULL(38)
#define IOMD_MAP_REFERENCE		BIT_ULL(39)
#define IOMD_MAP_UNIQUE			BIT_ULL(40)
#define IOMD_MAP_PREFAULT		BIT_ULL(41)
#define IOMD_MAP_OVERWRITE		BIT_ULL(42)
#define IOMD_MAP_GUARDED_SMALL		BIT_ULL(43)
#define IOMD_MAP_GUARDED_LARGE		BIT_ULL(44)
#define IOMD_MAP_GUARDED_MASK		GENMASK_ULL(44, 43)
/* No option of IOKit's: the task keeps the mapping, until it unmaps it or ends. */
#define IOMD_MAP_KEPT_BY_TASK		BIT_ULL(48)
#define IOMD_MAP_MASK			(GENMASK_ULL(44, 32) | IOMD_MAP_KEPT_BY_TASK)

/*
 * Options of a segment query: refuse memory that must not be written; tell the
 * ranges that were described, not what is behind them; refuse memory that is not
 * this machine's.
 */
#define IOMD_MEMORY_SEGMENT_WRITE	BIT_ULL(45)
#define IOMD_MEMORY_SEGMENT_SOURCE	BIT_ULL(46)
#define IOMD_MEMORY_SEGMENT_LOCAL	BIT_ULL(47)
#define IOMD_MEMORY_SEGMENT_MASK	GENMASK_ULL(47, 45)

/* IOMemoryDescriptor::getPreparationID: what is not an id of a preparation. */
#define IOMD_PREPARATION_ID_UNPREPARED		0ULL
#define IOMD_PREPARATION_ID_UNSUPPORTED		1ULL
#define IOMD_PREPARATION_ID_ALWAYS_PREPARED	2ULL

/* IOMemoryDescriptor::setPurgeable: states, and modifiers that may be or-ed to VOLATILE. */
#define IOMD_MEMORY_PURGEABLE_KEEP_CURRENT	1
#define IOMD_MEMORY_PURGEABLE_NON_VOLATILE	2
#define IOMD_MEMORY_PURGEABLE_VOLATILE		3
#define IOMD_MEMORY_PURGEABLE_EMPTY		4
#define IOMD_MEMORY_PURGEABLE_STATE_MASK	0xf
#define IOMD_MEMORY_PURGEABLE_MODIFIERS		GENMASK(13, 5)

/* IOMemoryDescriptor::setOwnership */
#define IOMD_MEMORY_LEDGER_TAG_UNCHANGED	(-1)
#define IOMD_MEMORY_LEDGER_TAG_NONE		0
#define IOMD_MEMORY_LEDGER_TAG_DEFAULT		1
#define IOMD_MEMORY_LEDGER_TAG_NETWORK		2
#define IOMD_MEMORY_LEDGER_TAG_MEDIA		3
#define IOMD_MEMORY_LEDGER_TAG_GRAPHICS		4
#define IOMD_MEMORY_LEDGER_TAG_NEURAL		5
#define IOMD_MEMORY_LEDGER_FLAG_NO_FOOTPRINT	BIT_ULL(0)

/* IOMemoryDescriptor::performOperation */
#define IOMD_MEMORY_INCOHERENT_IO_FLUSH		1
#define IOMD_MEMORY_INCOHERENT_IO_STORE		2
#define IOMD_MEMORY_CLEAR_ENCRYPTED		50
#define IOMD_MEMORY_SET_ENCRYPTED		51

#endif
