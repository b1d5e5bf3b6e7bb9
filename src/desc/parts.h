/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Descriptors made of others: what is the same for all of them.
 *
 * A composite has no segments. It knows where its parts lie in it, and asks
 * them. Its preparations and its users are counted once more in the composite,
 * so that a complete is refused as a whole or not at all.
 */
#ifndef IOMD_DESC_PARTS_H
#define IOMD_DESC_PARTS_H

#include <iomd/descriptor.h>

/**
 * struct iomd_part - a piece of a descriptor in its place in a composite
 * @md: whose piece
 * @offset: where it begins in @md
 * @start: where it begins in the composite
 * @length: bytes. Should @md have become shorter than the piece, there is nothing
 *	at its end.
 * @preparation_id: of @md, when the composite was last asked for its own
 */
struct iomd_part {
	struct iomd *md;
	u64 offset;
	u64 start;
	u64 length;
	u64 preparation_id;
};

struct iomd *iomd_sub_get_whole(struct iomd *md, u64 *offset);

/* What is true of the whole if it is of one part. */
#define IOMD_PART_FLAGS	(IOMD_MEMORY_MAP_COPY_ON_WRITE | IOMD_MEMORY_REMOTE)

/* @offset is one in the composite, inside the part; for the rest see iomd_ops. */
bool iomd_part_seek(const struct iomd_part *part, struct iomd_segment_iter *iter);
bool iomd_part_is_guard(const struct iomd_part *part, u64 offset, u64 *length);
u64 iomd_part_get_cache_mode(const struct iomd_part *part, u64 offset);
bool iomd_part_is_ram(const struct iomd_part *part, u64 offset);

/* Parts one behind the other; each is held. */
struct iomd_parts {
	struct iomd_part *list;
	u32 count;
	u32 room;
	u64 length;
	/* Of IOMD_PART_FLAGS those that one of them has. */
	u64 flags;
	/* Of a part, on average, but not 0: where to look for one first. */
	u64 mean;
};

int iomd_parts_alloc(struct iomd_parts *parts, u32 room);
int iomd_parts_add(struct iomd_parts *parts, struct iomd *composite, struct iomd *md,
		   u64 offset, u64 length);
void iomd_parts_clear(struct iomd_parts *parts);
void iomd_parts_free(struct iomd_parts *parts);

/**
 * struct iomd_composite - a descriptor that is nothing but its parts
 * @md: the base; its lock guards the counts
 * @parts: change only while iomd_composite_is_busy() says no
 * @prepared: prepares that are to be completed
 * @held: these, and prepares and completes that are under way or reserved
 * @users: mappings that use the memory
 * @borrowed: those of them that rest on preparations of the parts' own
 */
struct iomd_composite {
	struct iomd md;
	struct iomd_parts parts;
	u64 prepared;
	u64 held;
	u32 users;
	u32 borrowed;
};

static inline struct iomd_composite *iomd_to_composite(struct iomd *md)
{
	return container_of(md, struct iomd_composite, md);
}

/* Does somebody rely on the parts to stay? Under the lock. */
bool iomd_composite_is_busy(struct iomd_composite *composite);
/*
 * If so, wait until those who have released it, but whose end is deferred, do so no
 * more. May sleep.
 */
void iomd_composite_settle(struct iomd_composite *composite);

/* Operations, and a class's free hook, for those that have nothing to add. */
int iomd_composite_prepare(struct iomd *md, u64 direction);
int iomd_composite_complete(struct iomd *md, u64 direction);
void iomd_composite_hand_over(struct iomd *md);
int iomd_composite_reserve_complete(struct iomd *md);
int iomd_composite_complete_reserved(struct iomd *md, u64 direction);
void iomd_composite_cancel_complete(struct iomd *md);
phys_addr_t iomd_composite_get_physical_segment(struct iomd *md, u64 offset, u64 *length,
						u64 options);
bool iomd_composite_seek(struct iomd *md, struct iomd_segment_iter *iter);
int iomd_composite_set_in_use(struct iomd *md, bool begin);
bool iomd_composite_is_guard(struct iomd *md, u64 offset, u64 *length);
u64 iomd_composite_get_cache_mode(struct iomd *md, u64 offset);
bool iomd_composite_is_prepared_read_only(const struct iomd *md);
bool iomd_composite_is_ram(struct iomd *md, u64 offset);
int iomd_composite_hold(struct iomd *md, u64 offset, u64 length);
void iomd_composite_drop(struct iomd *md, u64 offset, u64 length);
void iomd_composite_free(struct os_object *object);
bool iomd_composite_ends_anywhere(const struct os_object *object);

#endif
