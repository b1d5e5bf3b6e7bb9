// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on descriptors of every kind, against a model that knows
 * nothing but bytes: which byte of the machine each byte of a descriptor is, and
 * what that holds. Whatever both are asked, they must answer the same.
 *
 * The same seed means the same operations: insmod iomd_model_test.ko seed=N.
 */
#include <linux/bvec.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "composites.h"

static unsigned int seed = 20260;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "which random operations");

static unsigned int operations = 20000;
module_param(operations, uint, 0444);
MODULE_PARM_DESC(operations, "how many random operations");

#define P		((u64)PAGE_SIZE)
#define BOTH		IOMD_DIRECTION_OUT_IN
#define SUBJECTS	96
#define MOST_BYTES	(6 * P)
#define MOST_PARTS	4
#define MOST_RANGES	4
#define MOST_NESTING	8
#define BUFFERS		24
#define BUFFER_PAGES	3

/*
 * Memory that is there for all the case
 */

enum store_kind {
	USER_SCATTERED,
	USER_MEMFD,
	USER_HUGE,
	KERNEL_VMAP,
	KERNEL_LINEAR,
	STORES,
};

static const unsigned int store_pages[STORES] = { 16, 8, 16, 12, 8 };

#define FIRST_KERNEL_STORE	KERNEL_VMAP
#define STORE_PAGES		(16 + 8 + 16 + 12 + 8)
#define PAGES			(STORE_PAGES + BUFFERS * BUFFER_PAGES)

/* @first: its first page in the model */
struct store {
	unsigned int first;
	u64 address;
};

/*
 * Descriptors
 */

enum subject_kind {
	/* Counts its preparations itself. */
	LEAF,
	PHYSICAL,
	GUARD,
	SUB,
	/* Multi and interleaved. */
	MULTI,
	INTERLEAVED,
};

/* A byte of a descriptor: of which leaf, and of the model's bytes which one. */
#define BYTE(leaf, at)	((u32)(leaf) << 24 | (u32)(at))
#define LEAF_OF(byte)	((byte) >> 24)
#define AT_OF(byte)	((byte) & 0xffffff)

/**
 * struct subject - a descriptor, and what is known of it
 * @md: NULL if there is none
 * @kind: which class or source
 * @held: by the case; parts of others live on without that
 * @nested: how often it is a part
 * @direction: its own
 * @length: at present
 * @bytes: what it describes; a buffer's is its capacity
 * @size: how many @bytes
 * @count: prepares that are to be completed
 * @own: those of them that it was born with
 * @writable: prepared so
 * @pageable: as a multi sees it
 * @buffer: which one; -1 if it is none
 * @charged: pages of the user's while it is prepared
 * @id: of this preparation
 * @depth: composites below it
 * @room: how many @parts it may have
 * @part_count: how many it has
 * @parts: of a composite
 */
struct subject {
	struct iomd *md;
	enum subject_kind kind;
	bool held;
	unsigned int nested;
	u64 direction, length;
	u32 *bytes;
	u64 size;
	u64 count, own;
	bool writable, pageable;
	int buffer;
	u64 charged;
	u64 id;
	unsigned int depth, room, part_count;
	struct subject *parts[MOST_PARTS];
};

/*
 * What is done at random
 */

enum act {
	DO_MAKE,
	DO_RELEASE,
	DO_PREPARE,
	DO_COMPLETE,
	DO_READ,
	DO_WRITE,
	DO_QUERY,
	DO_WALK,
	DO_CHANGE,
	DO_ADD_PORTION,
	DO_CHANGE_BUFFER,
	DO_OWNER_WRITES,
	DO_CHECK_CHARGE,
	ACTS,
};

struct model {
	struct kunit *test;
	struct rnd_state random;
	unsigned int operation;
	bool differs;
	struct puppet *puppet;
	struct area areas[FIRST_KERNEL_STORE];
	struct iomd *anchors[FIRST_KERNEL_STORE];
	s64 anchored;
	struct kernel_area vmapped;
	struct page *linear;
	struct store stores[STORES];
	struct subject subjects[SUBJECTS];
	bool buffer_used[BUFFERS];
	u64 last_id;
	u8 *memory, *scratch;
	u64 *frames;
	/* What was done, for who wants to know whether all was. */
	unsigned int done[ACTS], refused;
	u64 compared;
};

static u64 draw(struct model *model, u64 below)
{
	return below ? rest_of(prandom_u32_state(&model->random), below) : 0;
}

static bool one_in(struct model *model, unsigned int n)
{
	return !draw(model, n);
}

/* The case has failed, and goes no further. */
static struct kunit *note_difference(struct model *model)
{
	model->differs = true;
	kunit_info(model->test, "at operation %u of seed %u\n", model->operation, seed);
	return model->test;
}

#define differ(model, format, ...)				\
do {								\
	struct kunit *failed = note_difference(model);		\
								\
	KUNIT_FAIL(failed, format, ##__VA_ARGS__);		\
} while (0)

/* Everything but the bytes themselves is compared by this. */
static bool same(struct model *model, const char *what, s64 is, s64 wanted)
{
	if (is == wanted)
		return true;
	differ(model, "%s: %lld, should be %lld", what, is, wanted);
	return false;
}

static u64 draw_direction(struct model *model)
{
	static const u64 directions[] = {
		IOMD_DIRECTION_NONE, IOMD_DIRECTION_IN, IOMD_DIRECTION_OUT, BOTH, BOTH, BOTH,
	};

	return directions[draw(model, ARRAY_SIZE(directions))];
}

/* Often few bytes, often whole pages. */
static u64 draw_length(struct model *model, u64 most)
{
	switch (draw(model, 8)) {
	case 0:
		return min_t(u64, draw(model, 3), most);
	case 1:
	case 2:
		return min(draw(model, 100), most);
	case 3:
		return round_down(draw(model, most + 1), P);
	default:
		return draw(model, min(most, 2 * P) + 1);
	}
}

static u64 draw_offset(struct model *model, u64 length, u64 within)
{
	u64 offset = draw(model, within - length + 1);

	return one_in(model, 4) ? round_down(offset, P) : offset;
}

static struct subject *free_subject(struct model *model)
{
	unsigned int i;

	for (i = 0; i < SUBJECTS; i++)
		if (!model->subjects[i].md)
			return &model->subjects[i];
	return NULL;
}

static struct subject *any_subject(struct model *model)
{
	unsigned int i, start = draw(model, SUBJECTS);

	for (i = 0; i < SUBJECTS; i++) {
		struct subject *subject = &model->subjects[(start + i) % SUBJECTS];

		if (subject->held)
			return subject;
	}
	return NULL;
}

static struct subject *any_of_kind(struct model *model, enum subject_kind kind)
{
	unsigned int i, start = draw(model, SUBJECTS);

	for (i = 0; i < SUBJECTS; i++) {
		struct subject *subject = &model->subjects[(start + i) % SUBJECTS];

		if (subject->held && subject->kind == kind)
			return subject;
	}
	return NULL;
}

static struct subject *any_buffer(struct model *model)
{
	unsigned int i, start = draw(model, SUBJECTS);

	for (i = 0; i < SUBJECTS; i++) {
		struct subject *subject = &model->subjects[(start + i) % SUBJECTS];

		if (subject->held && subject->buffer >= 0)
			return subject;
	}
	return NULL;
}

/*
 * What the model knows
 */

static const struct subject *leaf_of(const struct model *model, u32 byte)
{
	return &model->subjects[LEAF_OF(byte)];
}

static u64 buffer_start(const struct subject *subject)
{
	return (STORE_PAGES + (u64)subject->buffer * BUFFER_PAGES) * P;
}

/* May this byte be had, to be written perhaps? */
static bool is_there(const struct model *model, u32 byte, bool write)
{
	const struct subject *leaf = leaf_of(model, byte);

	if (leaf->kind == GUARD)
		return false;
	if (leaf->kind == PHYSICAL)
		return true;
	/* What a buffer has lost is lost to those it is a part of. */
	if (leaf->buffer >= 0 && AT_OF(byte) - buffer_start(leaf) >= leaf->length)
		return false;
	return leaf->count && (!write || leaf->writable);
}

/* How many bytes from @offset on are there? */
static u64 there(const struct model *model, const struct subject *subject, u64 offset,
		 u64 length, bool write)
{
	u64 i;

	for (i = 0; i < length && offset + i < subject->length; i++)
		if (!is_there(model, subject->bytes[offset + i], write))
			break;
	return i;
}

static int model_complete(struct subject *subject);

static int model_prepare(struct model *model, struct subject *subject, u64 direction)
{
	unsigned int i;
	bool write;
	int ret;

	switch (subject->kind) {
	case PHYSICAL:
		return 0;
	case SUB:
		return model_prepare(model, subject->parts[0], direction);
	case LEAF:
	case GUARD:
		write = subject->kind == GUARD ||
			((direction ?: subject->direction) ?: BOTH) & IOMD_DIRECTION_IN;
		if (subject->count && write && !subject->writable)
			return -EACCES;
		if (!subject->count++) {
			subject->writable = write;
			subject->id = 0;
		}
		return 0;
	default:
		direction = direction ?: subject->direction;
		for (i = 0; i < subject->part_count; i++) {
			ret = model_prepare(model, subject->parts[i], direction);
			if (ret) {
				while (i--)
					model_complete(subject->parts[i]);
				return ret;
			}
		}
		subject->count++;
		return 0;
	}
}

/* It was not completed after all. */
static void model_undo_complete(struct subject *subject)
{
	unsigned int i;

	if (subject->kind != PHYSICAL && subject->kind != SUB)
		subject->count++;
	for (i = 0; i < subject->part_count; i++)
		model_undo_complete(subject->parts[i]);
}

static int model_complete(struct subject *subject)
{
	unsigned int i;
	int ret;

	if (subject->kind == PHYSICAL)
		return 0;
	if (subject->kind != SUB && subject->count <= subject->own)
		return -EAGAIN;
	for (i = 0; i < subject->part_count; i++) {
		ret = model_complete(subject->parts[i]);
		if (ret) {
			while (i--)
				model_undo_complete(subject->parts[i]);
			return ret;
		}
	}
	if (subject->kind != SUB)
		subject->count--;
	return 0;
}

/* All of it, or nothing. */
static int model_complete_fully(struct subject *subject)
{
	u64 count = subject->count;
	int ret = 0;

	while (!ret && subject->count)
		ret = model_complete(subject);
	while (ret && subject->count < count)
		model_undo_complete(subject);
	return ret;
}

static void model_forget(struct model *model, struct subject *subject);

static void drop_parts(struct model *model, struct subject *subject)
{
	while (subject->part_count) {
		struct subject *part = subject->parts[--subject->part_count];

		part->nested--;
		model_forget(model, part);
	}
}

static void free_bytes(struct subject *subject)
{
	kvfree(subject->bytes);
	subject->bytes = NULL;
	subject->size = 0;
	subject->length = 0;
}

/* Is that the end of it? */
static void model_forget(struct model *model, struct subject *subject)
{
	if (subject->held || subject->nested)
		return;
	drop_parts(model, subject);
	if (subject->buffer >= 0)
		model->buffer_used[subject->buffer] = false;
	free_bytes(subject);
	memset(subject, 0, sizeof(*subject));
}

/* A descriptor has been made: @subject is it, in all that is the same for each. */
static void begin(struct subject *subject, struct iomd *md, enum subject_kind kind, u64 direction)
{
	memset(subject, 0, sizeof(*subject));
	subject->md = md;
	subject->held = true;
	subject->kind = kind;
	subject->direction = direction;
	subject->buffer = -1;
}

/* There are as many bytes more, not filled in yet. */
static u32 *more_bytes(struct model *model, struct subject *subject, u64 length)
{
	u64 size = subject->size + length;
	u32 *bytes = kvmalloc_array(max(size, 1ULL), sizeof(*bytes), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(model->test, bytes);
	if (subject->bytes)
		memcpy(bytes, subject->bytes, subject->size * sizeof(*bytes));
	kvfree(subject->bytes);
	subject->bytes = bytes;
	bytes += subject->size;
	subject->size = size;
	subject->length = size;
	return bytes;
}

static void add_memory(struct model *model, struct subject *subject, u64 at, u64 length)
{
	u32 *bytes = more_bytes(model, subject, length);
	u64 i;

	for (i = 0; i < length; i++)
		bytes[i] = BYTE(subject - model->subjects, at + i);
}

static void add_part(struct model *model, struct subject *subject, struct subject *part,
		     u64 offset, u64 length)
{
	u32 *bytes = more_bytes(model, subject, length);

	memcpy(bytes, part->bytes + offset, length * sizeof(*bytes));
	subject->parts[subject->part_count++] = part;
	subject->depth = max(subject->depth, part->depth + 1);
	part->nested++;
}

/*
 * Comparing
 */

/* The bytes at [@address, @address + @length) must be those from @offset on. */
static bool check_segment(struct model *model, const struct subject *subject, u64 offset,
			  phys_addr_t address, u64 length)
{
	u64 i;

	model->compared += length;
	for (i = 0; i < length; i++) {
		u32 at = AT_OF(subject->bytes[offset + i]);
		u64 frame = model->frames[at / P];
		u8 *page;
		bool good;

		if (frame) {
			if (address + i == frame * P + at % P)
				continue;
			differ(model, "byte %#llx is at %#llx, should be at %#llx", offset + i,
			       (u64)address + i, frame * P + at % P);
			return false;
		}
		page = kmap_local_page(pfn_to_page(PHYS_PFN(address + i)));
		good = page[offset_in_page(address + i)] == model->memory[at];
		kunmap_local(page);
		if (!good) {
			differ(model, "another byte than that at %#llx", offset + i);
			return false;
		}
	}
	return true;
}

static void query_subject(struct model *model, struct subject *subject)
{
	u64 offset = draw(model, subject->length + 3), length = 1;
	bool write = one_in(model, 2);
	phys_addr_t address;
	u64 most;

	if (one_in(model, 50))
		offset = U64_MAX - draw(model, 3);
	address = iomd_get_physical_segment(subject->md, offset, &length,
					    write ? IOMD_MEMORY_SEGMENT_WRITE : 0);
	most = offset < subject->length ? there(model, subject, offset, MOST_BYTES, write) : 0;
	if (!most) {
		same(model, "address of nothing", address, 0);
		same(model, "length of nothing", length, 0);
	} else if (!length || length > most) {
		differ(model, "%llu bytes at %#llx, should be at most %llu", length, offset, most);
	} else {
		check_segment(model, subject, offset, address, length);
	}
}

static void walk_subject(struct model *model, struct subject *subject)
{
	u64 offset = draw(model, subject->length + 2), length = draw_length(model, MOST_BYTES);
	bool write = one_in(model, 4);
	struct iomd_segment_iter iter;
	u64 at, end;

	if (one_in(model, 50))
		length = U64_MAX;
	at = min(offset, subject->length);
	end = at + there(model, subject, at, length, write);
	iomd_segment_iter_init(&iter, subject->md, offset, length,
			       write ? IOMD_MEMORY_SEGMENT_WRITE : 0);
	for (; iter.length; iomd_segment_iter_next(&iter)) {
		if (!same(model, "offset of a segment", iter.offset, at))
			return;
		if (iter.length > end - at) {
			differ(model, "walk from %#llx: %llu bytes at %#llx, but the end is %#llx",
			       offset, iter.length, at, end);
			return;
		}
		if (!check_segment(model, subject, at, iter.address, iter.length))
			return;
		at += iter.length;
	}
	same(model, "end of a walk", iter.offset, end);
}

/* What of the descriptor to copy; beyond its end now and then. */
static void draw_piece(struct model *model, const struct subject *subject, u64 *offset,
		       u64 *length)
{
	*length = draw_length(model, subject->length);
	*offset = draw_offset(model, *length, subject->length);
	switch (draw(model, 30)) {
	case 0:
		*offset += draw(model, 100);
		break;
	case 1:
		*offset = U64_MAX - draw(model, 3);
		break;
	case 2:
		*length = min(*length + draw(model, 100), MOST_BYTES);
	}
}

static u64 copied(struct model *model, struct subject *subject, u64 offset, u64 length,
		  bool write)
{
	if (offset > subject->length || length > subject->length - offset ||
	    there(model, subject, offset, length, write) < length)
		return 0;
	return length;
}

static void read_subject(struct model *model, struct subject *subject)
{
	u64 offset, length, wanted, i;

	draw_piece(model, subject, &offset, &length);
	wanted = copied(model, subject, offset, length, false);
	memset(model->scratch, 0xa5, length);
	if (!same(model, "bytes read",
		  iomd_read_bytes(subject->md, offset, model->scratch, length), wanted))
		return;
	model->compared += wanted;
	for (i = 0; i < length; i++) {
		u8 byte = wanted ? model->memory[AT_OF(subject->bytes[offset + i])] : 0xa5;

		if (model->scratch[i] == byte)
			continue;
		differ(model, "byte %#llx is read as %#x, should be %#x", offset + i,
		       model->scratch[i], byte);
		return;
	}
}

static void fill_scratch(struct model *model, u64 length)
{
	prandom_bytes_state(&model->random, model->scratch, length);
}

static void write_subject(struct model *model, struct subject *subject)
{
	bool zeroes = one_in(model, 10);
	u64 offset, length, wanted, i;

	draw_piece(model, subject, &offset, &length);
	fill_scratch(model, length);
	wanted = copied(model, subject, offset, length, true);
	if (!same(model, "bytes written",
		  iomd_write_bytes(subject->md, offset, zeroes ? NULL : model->scratch, length),
		  wanted))
		return;
	/* In order: a byte that is there twice holds the last. */
	for (i = 0; i < wanted; i++)
		model->memory[AT_OF(subject->bytes[offset + i])] = zeroes ? 0 : model->scratch[i];
}

static void check_id(struct model *model, struct subject *subject)
{
	u64 id = iomd_get_preparation_id(subject->md);

	if (!subject->count) {
		same(model, "id of no preparation", id, IOMD_PREPARATION_ID_UNPREPARED);
	} else if (subject->id) {
		same(model, "id of the same preparation", id, subject->id);
	} else {
		if (id <= model->last_id)
			differ(model, "id %llu after %llu", id, model->last_id);
		subject->id = id;
		model->last_id = id;
	}
}

static void check_state(struct model *model, struct subject *subject)
{
	same(model, "length", iomd_get_length(subject->md), subject->length);
	same(model, "direction", iomd_get_direction(subject->md), subject->direction);
	if (subject->kind == LEAF) {
		check_id(model, subject);
		same(model, "prepared read-only",
		     !!(iomd_get_flags(subject->md) & IOMD_MEMORY_PREPARED_READ_ONLY),
		     subject->count && !subject->writable);
	}
}

/* What the user is charged for is what is prepared. */
static void check_charge(struct model *model)
{
	s64 charged = model->anchored;
	unsigned int i;

	os_object_barrier();
	for (i = 0; i < SUBJECTS; i++)
		if (model->subjects[i].md && model->subjects[i].count)
			charged += model->subjects[i].charged;
	same(model, "pages charged", atomic64_read(&model->puppet->mm->pinned_vm), charged);
}

/*
 * Making
 */

/* What a descriptor is to be of, in the terms of its constructor. */
struct wish {
	enum subject_kind kind;
	u64 options;
	struct task_struct *task;
	unsigned int count;
	struct {
		u64 at, length;
	} pieces[MOST_RANGES];
	struct iomd_address_range ranges[MOST_RANGES];
	struct bio_vec bvecs[MOST_RANGES];
	struct iovec iovecs[MOST_RANGES];
	struct kvec kvecs[MOST_RANGES];
	struct iov_iter iter;
	void *buffers;
	u32 skip;
	/* Of the user's pages. */
	u64 charged;
};

static u64 draw_pieces(struct model *model, struct wish *wish, enum store_kind kind,
		       bool in_one_page)
{
	struct store *store = &model->stores[kind];
	u64 size = store_pages[kind] * P, length, offset, total = 0;
	unsigned int i;

	wish->count = 1 + draw(model, MOST_RANGES);
	for (i = 0; i < wish->count; i++) {
		length = draw_length(model, in_one_page ? P : MOST_BYTES / MOST_RANGES);
		offset = draw_offset(model, length, size);
		/* Adjacent to what came before, perhaps. */
		if (i && one_in(model, 3)) {
			offset = wish->pieces[i - 1].at + wish->pieces[i - 1].length -
				 store->first * P;
			length = min(length, size - offset);
		}
		if (in_one_page)
			length = min(length, P - offset % P);
		wish->pieces[i].at = store->first * P + offset;
		wish->pieces[i].length = length;
		wish->ranges[i].address = store->address + offset;
		wish->ranges[i].length = length;
		total += length;
	}
	return total;
}

static void draw_virtual(struct model *model, struct wish *wish)
{
	enum store_kind kind = draw(model, STORES);

	draw_pieces(model, wish, kind, false);
	wish->options |= IOMD_MEMORY_TYPE_VIRTUAL;
	wish->buffers = wish->ranges;
	wish->task = kind < FIRST_KERNEL_STORE ? model->puppet->task : IOMD_KERNEL_TASK;
}

static u64 draw_frames(struct model *model, struct wish *wish)
{
	enum store_kind kind = FIRST_KERNEL_STORE + draw(model, STORES - FIRST_KERNEL_STORE);
	u64 total = draw_pieces(model, wish, kind, kind != KERNEL_LINEAR);
	unsigned int i;

	for (i = 0; i < wish->count; i++) {
		u64 at = wish->pieces[i].at;

		wish->ranges[i].address = model->frames[at / P] * P + at % P;
		wish->bvecs[i] = (struct bio_vec) {
			.bv_page = pfn_to_page(model->frames[at / P]),
			.bv_len = wish->pieces[i].length,
			.bv_offset = at % P,
		};
	}
	return total;
}

/* The first @skip bytes are left out. */
static void skip_pieces(struct wish *wish, u64 skip)
{
	unsigned int i;

	for (i = 0; i < wish->count; i++) {
		u64 bytes = min(skip, wish->pieces[i].length);

		wish->pieces[i].at += bytes;
		wish->pieces[i].length -= bytes;
		wish->ranges[i].address += bytes;
		wish->ranges[i].length -= bytes;
		skip -= bytes;
	}
}

static void draw_physical(struct model *model, struct wish *wish)
{
	draw_frames(model, wish);
	wish->kind = PHYSICAL;
	wish->options |= IOMD_MEMORY_TYPE_PHYSICAL;
	wish->buffers = wish->ranges;
}

static void draw_upl(struct model *model, struct wish *wish)
{
	u64 total = draw_frames(model, wish);

	wish->options |= IOMD_MEMORY_TYPE_UPL;
	wish->buffers = wish->bvecs;
	if (one_in(model, 3))
		wish->skip = draw(model, total + 1);
	skip_pieces(wish, wish->skip);
}

static void draw_iterator(struct model *model, struct wish *wish)
{
	unsigned int form = draw(model, 3), i;
	u64 total, skip;

	wish->options |= IOMD_MEMORY_TYPE_UIO;
	wish->buffers = &wish->iter;
	wish->task = IOMD_KERNEL_TASK;
	if (form == 0) {
		total = draw_frames(model, wish);
		iov_iter_bvec(&wish->iter, WRITE, wish->bvecs, wish->count, total);
	} else if (form == 1) {
		total = draw_pieces(model, wish, KERNEL_VMAP + draw(model, 2), false);
		for (i = 0; i < wish->count; i++)
			wish->kvecs[i] = (struct kvec) {
				(void *)(unsigned long)wish->ranges[i].address,
				wish->ranges[i].length,
			};
		iov_iter_kvec(&wish->iter, WRITE, wish->kvecs, wish->count, total);
	} else {
		wish->task = model->puppet->task;
		total = draw_pieces(model, wish, draw(model, FIRST_KERNEL_STORE), false);
		for (i = 0; i < wish->count; i++)
			wish->iovecs[i] = (struct iovec) {
				(void __user *)(unsigned long)wish->ranges[i].address,
				wish->ranges[i].length,
			};
		iov_iter_init(&wish->iter, WRITE, wish->iovecs, wish->count, total);
	}
	skip = one_in(model, 3) ? draw(model, total) : 0;
	iov_iter_advance(&wish->iter, skip);
	skip_pieces(wish, skip);
}

/* Ranges that touch are one; each page of one that is not empty counts. */
static u64 pages_of(const struct wish *wish)
{
	u64 pages = 0, start = 0, end = 0;
	unsigned int i;

	for (i = 0; i < wish->count; i++) {
		u64 address = wish->ranges[i].address, length = wish->ranges[i].length;

		if (!length)
			continue;
		if (end != address) {
			pages += PFN_UP(end) - PFN_DOWN(start);
			start = address;
		}
		end = address + length;
	}
	return pages + PFN_UP(end) - PFN_DOWN(start);
}

static void draw_wish(struct model *model, struct wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->options = draw_direction(model);
	wish->kind = LEAF;
	switch (draw(model, 8)) {
	case 0:
		draw_physical(model, wish);
		break;
	case 1:
		draw_upl(model, wish);
		break;
	case 2:
		draw_iterator(model, wish);
		break;
	default:
		draw_virtual(model, wish);
	}
	if (wish->task && wish->task != IOMD_KERNEL_TASK)
		wish->charged = pages_of(wish);
}

/* What a constructor must say to this. */
static int refusal(const struct wish *wish)
{
	u64 direction = wish->options & IOMD_DIRECTION_MASK;

	/* One of the two must be chosen. */
	if ((wish->options & IOMD_MEMORY_TYPE_MASK) == IOMD_MEMORY_TYPE_UPL &&
	    (!direction || direction == BOTH))
		return -EINVAL;
	/* An iterator at its end. */
	if ((wish->options & IOMD_MEMORY_TYPE_MASK) == IOMD_MEMORY_TYPE_UIO &&
	    !iov_iter_count(&wish->iter))
		return -EINVAL;
	return 0;
}

static void take_wish(struct model *model, struct subject *subject, const struct wish *wish)
{
	unsigned int i;

	for (i = 0; i < wish->count; i++)
		add_memory(model, subject, wish->pieces[i].at, wish->pieces[i].length);
	subject->charged = wish->charged;
}

static void make_leaf(struct model *model, struct subject *subject)
{
	struct wish wish;
	struct iomd *md;

	draw_wish(model, &wish);
	md = iomd_with_options(wish.buffers, wish.count, wish.skip, wish.task, wish.options, NULL);
	if (!same(model, "making a leaf", PTR_ERR_OR_ZERO(md), refusal(&wish)) || IS_ERR(md))
		return;
	begin(subject, md, wish.kind, wish.options & IOMD_DIRECTION_MASK);
	take_wish(model, subject, &wish);
}

static void make_ready(struct model *model, struct subject *subject)
{
	enum store_kind kind = KERNEL_VMAP + draw(model, 2);
	u64 length = draw_length(model, MOST_BYTES), direction = draw_direction(model);
	u64 offset = draw_offset(model, length, store_pages[kind] * P);
	struct iomd *md = iomd_with_address((void *)(unsigned long)
					    (model->stores[kind].address + offset),
					    length, direction);

	if (!same(model, "making a ready leaf", PTR_ERR_OR_ZERO(md), 0) || IS_ERR(md))
		return;
	begin(subject, md, LEAF, direction);
	add_memory(model, subject, model->stores[kind].first * P + offset, length);
	model_prepare(model, subject, 0);
	subject->own = 1;
}

/* Where a buffer of the kernel is; a pageable one may be elsewhere each time. */
static void look_up_buffer(struct model *model, struct subject *subject)
{
	u8 *address = iomd_buffer_get_bytes_no_copy(subject->md);
	unsigned int first = buffer_start(subject) / P, i;

	for (i = 0; i < BUFFER_PAGES; i++) {
		u8 *page = address + i * P;

		if (subject->pageable || i * P >= subject->size)
			model->frames[first + i] = 0;
		else if (is_vmalloc_addr(page))
			model->frames[first + i] = page_to_pfn(vmalloc_to_page(page));
		else
			model->frames[first + i] = PHYS_PFN(virt_to_phys(page));
	}
}

static void make_buffer(struct model *model, struct subject *subject)
{
	u64 capacity = draw_length(model, BUFFER_PAGES * P), direction = draw_direction(model);
	bool pageable = one_in(model, 3), bytes = !pageable && one_in(model, 3);
	bool contiguous = !pageable && one_in(model, 4);
	unsigned int i;
	struct iomd *md;
	u64 at;

	for (i = 0; i < BUFFERS && model->buffer_used[i]; i++)
		;
	if (i == BUFFERS)
		return;
	fill_scratch(model, capacity);
	if (bytes)
		md = iomd_buffer_with_bytes(model->scratch, capacity, direction, contiguous);
	else if (pageable)
		md = iomd_buffer_with_options(direction | IOMD_MEMORY_PAGEABLE, capacity, 1);
	else
		md = iomd_buffer_with_capacity(capacity, direction, contiguous);
	if (!same(model, "making a buffer", PTR_ERR_OR_ZERO(md), capacity ? 0 : -EINVAL) ||
	    IS_ERR(md))
		return;
	begin(subject, md, LEAF, direction);
	subject->buffer = i;
	subject->pageable = pageable;
	model->buffer_used[i] = true;
	at = buffer_start(subject);
	if (bytes)
		memcpy(model->memory + at, model->scratch, capacity);
	else
		memset(model->memory + at, 0, capacity);
	add_memory(model, subject, at, capacity);
	look_up_buffer(model, subject);
	if (!pageable) {
		model_prepare(model, subject, 0);
		subject->own = 1;
	}
}

static void make_guard(struct model *model, struct subject *subject)
{
	u64 size = draw(model, 2 * P), i;
	struct iomd *md = iomd_guard_page_with_size(size);
	u32 *bytes;

	if (!same(model, "making a guard", PTR_ERR_OR_ZERO(md), size ? 0 : -EINVAL) || IS_ERR(md))
		return;
	begin(subject, md, GUARD, BOTH);
	size = round_up(size, P);
	bytes = more_bytes(model, subject, size);
	for (i = 0; i < size; i++)
		bytes[i] = BYTE(subject - model->subjects, 0);
}

/* A piece of @parent; too long, or wrapping, now and then. */
static int draw_sub(struct model *model, struct subject *parent, u64 *offset, u64 *length)
{
	*length = draw_length(model, parent->length);
	*offset = draw_offset(model, *length, parent->length);
	if (one_in(model, 20)) {
		*offset = parent->length - *length + 1 + draw(model, 2);
		return -EINVAL;
	}
	if (one_in(model, 50)) {
		*length = -*offset - draw(model, 2);
		return *length <= parent->length - *offset ? 0 : -EINVAL;
	}
	return 0;
}

static void make_sub(struct model *model, struct subject *subject)
{
	struct subject *parent = any_subject(model);
	u64 direction = draw_direction(model), offset, length;
	struct iomd *md;
	int wanted;

	if (!parent)
		return;
	wanted = draw_sub(model, parent, &offset, &length);
	if (!wanted && parent->depth >= MOST_NESTING)
		wanted = -ELOOP;
	md = iomd_sub_with_sub_range(parent->md, offset, length, direction);
	if (!same(model, "making a sub", PTR_ERR_OR_ZERO(md), wanted) || IS_ERR(md))
		return;
	begin(subject, md, SUB, direction);
	add_part(model, subject, parent, offset, length);
}

struct parts {
	struct subject *subjects[MOST_PARTS];
	struct iomd *mds[MOST_PARTS];
	unsigned int count;
	u64 direction;
	int refusal;
};

/* Parts for a multi that is not @but, which fit mostly. False if they are too much. */
static bool draw_parts(struct model *model, struct parts *parts, const struct subject *but)
{
	unsigned int i, tries, wish = 1 + draw(model, MOST_PARTS);
	u64 length = 0;

	memset(parts, 0, sizeof(*parts));
	for (tries = 0; tries < 30 && parts->count < wish; tries++) {
		struct subject *part = any_subject(model);

		if (!part || part == but || length + part->length > MOST_BYTES)
			continue;
		if (parts->count && !one_in(model, 10) &&
		    (part->direction != parts->subjects[0]->direction ||
		     part->pageable != parts->subjects[0]->pageable))
			continue;
		length += part->length;
		parts->mds[parts->count] = part->md;
		parts->subjects[parts->count++] = part;
	}
	if (!parts->count)
		return false;
	parts->direction = one_in(model, 20) ? draw_direction(model) :
					       parts->subjects[0]->direction;
	for (i = 0; i < parts->count; i++)
		if (parts->subjects[i]->depth >= MOST_NESTING)
			parts->refusal = -ELOOP;
	for (i = 0; i < parts->count; i++)
		if (parts->subjects[i]->direction != parts->direction ||
		    parts->subjects[i]->pageable != parts->subjects[0]->pageable)
			parts->refusal = -EINVAL;
	return true;
}

static void take_parts(struct model *model, struct subject *subject, const struct parts *parts)
{
	unsigned int i;

	for (i = 0; i < parts->count; i++)
		add_part(model, subject, parts->subjects[i], 0, parts->subjects[i]->length);
	subject->pageable = parts->subjects[0]->pageable;
}

static void make_multi(struct model *model, struct subject *subject)
{
	struct parts parts;
	struct iomd *md;

	if (!draw_parts(model, &parts, NULL))
		return;
	md = iomd_multi_with_descriptors(parts.mds, parts.count, parts.direction,
					 one_in(model, 2));
	if (!same(model, "making a multi", PTR_ERR_OR_ZERO(md), parts.refusal) || IS_ERR(md))
		return;
	begin(subject, md, MULTI, parts.direction);
	take_parts(model, subject, &parts);
}

static void make_interleaved(struct model *model, struct subject *subject)
{
	u64 direction = draw_direction(model);
	unsigned int room = draw(model, MOST_PARTS + 1);
	struct iomd *md = iomd_interleaved_with_capacity(room, direction);

	if (!same(model, "making an interleaved one", PTR_ERR_OR_ZERO(md), room ? 0 : -EINVAL) ||
	    IS_ERR(md))
		return;
	begin(subject, md, INTERLEAVED, direction);
	subject->room = room;
}

/*
 * Changing
 */

static void add_portion(struct model *model, struct subject *subject)
{
	struct subject *part = any_subject(model);
	u64 offset, length;
	int wanted;

	wanted = draw_sub(model, part, &offset, &length);
	if (!wanted && subject->length + length > MOST_BYTES)
		return;
	if (!wanted && (subject->count || subject->nested))
		wanted = -EBUSY;
	else if (!wanted && subject->part_count == subject->room)
		wanted = -ENOSPC;
	else if (!wanted && part->depth >= MOST_NESTING)
		wanted = -ELOOP;
	else if (!wanted && part == subject)
		wanted = -EBUSY;
	if (same(model, "adding a portion",
		 iomd_interleaved_set_memory_descriptor(subject->md, part->md, offset, length),
		 wanted) && !wanted)
		add_part(model, subject, part, offset, length);
}

static void clear(struct model *model, struct subject *subject)
{
	u64 direction = draw_direction(model);
	int wanted = subject->nested ? -EBUSY : model_complete_fully(subject);

	if (!same(model, "clearing portions",
		  iomd_interleaved_clear_memory_descriptors(subject->md, direction), wanted) ||
	    wanted)
		return;
	drop_parts(model, subject);
	free_bytes(subject);
	subject->depth = 0;
	if (direction)
		subject->direction = direction;
}

/* It becomes another of the same kind, with nothing of what it was. */
static void begin_again(struct subject *subject, enum subject_kind kind, u64 direction)
{
	free_bytes(subject);
	subject->kind = kind;
	subject->direction = direction;
	subject->count = 0;
	subject->own = 0;
	subject->id = 0;
	subject->depth = 0;
}

/* Parts that are held anew live on whatever is given up. */
static void swap_parts(struct model *model, struct subject *subject, enum subject_kind kind,
		       u64 direction, const struct parts *parts)
{
	unsigned int i;

	for (i = 0; i < parts->count; i++)
		parts->subjects[i]->nested++;
	drop_parts(model, subject);
	begin_again(subject, kind, direction);
	for (i = 0; i < parts->count; i++)
		parts->subjects[i]->nested--;
}

static void retarget_leaf(struct model *model, struct subject *subject)
{
	int wanted = subject->buffer >= 0 ? -EOPNOTSUPP : subject->nested ? -EBUSY : 0;
	struct wish wish;
	int refused;

	draw_wish(model, &wish);
	refused = wanted ?: refusal(&wish);
	/* What has released it last may be about to end. */
	os_object_barrier();
	if (!same(model, "retargeting a leaf",
		  iomd_init_with_options(subject->md, wish.buffers, wish.count, wish.skip,
					 wish.task, wish.options, NULL), refused) || wanted)
		return;
	begin_again(subject, wish.kind, wish.options & IOMD_DIRECTION_MASK);
	if (!refused) {
		take_wish(model, subject, &wish);
		return;
	}
	/* It describes nothing, and has nothing but its end before it. */
	subject->held = false;
	iomd_release(subject->md);
	model_forget(model, subject);
}

static void retarget_sub(struct model *model, struct subject *subject)
{
	struct parts parts = { .subjects = { any_subject(model) }, .count = 1 };
	struct subject *parent = parts.subjects[0];
	u64 direction = draw_direction(model), offset, length;
	int wanted = draw_sub(model, parent, &offset, &length);

	if (!wanted && subject->nested)
		wanted = -EBUSY;
	else if (!wanted && parent == subject)
		wanted = -EBUSY;
	else if (!wanted && parent->depth >= MOST_NESTING)
		wanted = -ELOOP;
	if (!same(model, "retargeting a sub",
		  iomd_sub_init_sub_range(subject->md, parent->md, offset, length, direction),
		  wanted) || wanted)
		return;
	swap_parts(model, subject, SUB, direction, &parts);
	add_part(model, subject, parent, offset, length);
}

static void retarget_multi(struct model *model, struct subject *subject)
{
	struct parts parts;
	int wanted;

	if (!draw_parts(model, &parts, subject))
		return;
	wanted = parts.refusal;
	if (wanted != -EINVAL && (subject->count || subject->nested))
		wanted = -EBUSY;
	if (!same(model, "retargeting a multi",
		  iomd_multi_init_with_descriptors(subject->md, parts.mds, parts.count,
						   parts.direction, false), wanted) || wanted)
		return;
	swap_parts(model, subject, MULTI, parts.direction, &parts);
	take_parts(model, subject, &parts);
}

static void change(struct model *model, struct subject *subject)
{
	switch (subject->kind) {
	case LEAF:
	case PHYSICAL:
		retarget_leaf(model, subject);
		break;
	case SUB:
		retarget_sub(model, subject);
		break;
	case MULTI:
		retarget_multi(model, subject);
		break;
	case INTERLEAVED:
		clear(model, subject);
		break;
	default:
		break;
	}
}

static void change_buffer(struct model *model, struct subject *subject)
{
	u64 length = draw_length(model, subject->size), direction = draw_direction(model);
	int wanted = 0;

	switch (draw(model, 3)) {
	case 0:
		if (one_in(model, 5)) {
			same(model, "setting too much length",
			     iomd_buffer_set_length(subject->md, subject->size + 1), -EINVAL);
			return;
		}
		if (length < subject->length && subject->nested && subject->count > subject->own)
			wanted = -EBUSY;
		if (same(model, "setting the length", iomd_buffer_set_length(subject->md, length),
			 wanted) && !wanted)
			subject->length = length;
		break;
	case 1:
		same(model, "setting the direction",
		     iomd_buffer_set_direction(subject->md, direction), 0);
		subject->direction = direction;
		break;
	default:
		length = draw_length(model, MOST_BYTES);
		fill_scratch(model, length);
		same(model, "appending",
		     iomd_buffer_append_bytes(subject->md, model->scratch, length), true);
		length = min(length, subject->size - subject->length);
		memcpy(model->memory + buffer_start(subject) + subject->length, model->scratch,
		       length);
		subject->length += length;
	}
}

/* Its owner writes to his memory as he likes. */
static void owner_writes(struct model *model)
{
	enum store_kind kind = draw(model, STORES);
	struct store *store = &model->stores[kind];
	u64 length = draw_length(model, MOST_BYTES);
	u64 offset = draw_offset(model, length, store_pages[kind] * P);

	fill_scratch(model, length);
	memcpy(model->memory + store->first * P + offset, model->scratch, length);
	if (kind < FIRST_KERNEL_STORE)
		puppet_write(model->puppet, store->address + offset, model->scratch, length);
	else
		memcpy((void *)(unsigned long)(store->address + offset), model->scratch, length);
}

static void prepare(struct model *model, struct subject *subject)
{
	u64 direction = one_in(model, 2) ? 0 : draw_direction(model);
	struct actor actor = { .puppet = model->puppet };
	int is, wanted = model_prepare(model, subject, direction);

	/* The process itself, or another task. */
	actor.who = subject->charged && one_in(model, 4) ? WHO_SELF : WHO_OTHER;
	is = actor_prepare(&actor, subject->md, direction);
	same(model, "preparing", is, wanted);
	model->refused += !!wanted;
}

static void complete_it(struct model *model, struct subject *subject)
{
	int wanted = model_complete(subject);

	same(model, "completing", iomd_complete(subject->md, 0), wanted);
	model->refused += !!wanted;
}

static void release(struct model *model, struct subject *subject)
{
	iomd_release(subject->md);
	subject->held = false;
	model_forget(model, subject);
}

static void make(struct model *model)
{
	struct subject *subject = free_subject(model);

	if (!subject)
		return;
	switch (draw(model, 16)) {
	case 0 ... 4:
		make_leaf(model, subject);
		break;
	case 5:
		make_ready(model, subject);
		break;
	case 6 ... 7:
		make_buffer(model, subject);
		break;
	case 8:
		make_guard(model, subject);
		break;
	case 9 ... 11:
		make_sub(model, subject);
		break;
	case 12 ... 14:
		make_multi(model, subject);
		break;
	default:
		make_interleaved(model, subject);
	}
	if (subject->md)
		check_state(model, subject);
}

static const struct {
	unsigned int weight;
	const char *name;
} acts[ACTS] = {
	[DO_MAKE]		= { 16, "made" },
	[DO_RELEASE]	= { 13, "released" },
	[DO_PREPARE]	= { 15, "prepared" },
	[DO_COMPLETE]	= { 11, "completed" },
	[DO_READ]		= { 10, "read" },
	[DO_WRITE]	= { 8, "written" },
	[DO_QUERY]		= { 8, "asked" },
	[DO_WALK]		= { 8, "walked" },
	[DO_CHANGE]	= { 3, "changed" },
	[DO_ADD_PORTION]	= { 4, "added to" },
	[DO_CHANGE_BUFFER]	= { 2, "buffers changed" },
	[DO_OWNER_WRITES]	= { 1, "written by the owner" },
	[DO_CHECK_CHARGE]	= { 1, "charge looked at" },
};

static enum act draw_act(struct model *model)
{
	u64 at = draw(model, 100);
	enum act act;

	for (act = 0; at >= acts[act].weight; act++)
		at -= acts[act].weight;
	return act;
}

static void operate(struct model *model)
{
	enum act act = draw_act(model);
	struct subject *subject = act == DO_ADD_PORTION ? any_of_kind(model, INTERLEAVED) :
				  act == DO_CHANGE_BUFFER ? any_buffer(model) : any_subject(model);

	model->done[act]++;
	if (act == DO_MAKE) {
		make(model);
		return;
	} else if (act == DO_OWNER_WRITES) {
		owner_writes(model);
		return;
	} else if (act == DO_CHECK_CHARGE) {
		check_charge(model);
		return;
	}
	if (!subject)
		return;
	if (act == DO_RELEASE) {
		release(model, subject);
		return;
	}
	switch (act) {
	case DO_PREPARE:
		prepare(model, subject);
		break;
	case DO_COMPLETE:
		complete_it(model, subject);
		break;
	case DO_READ:
		read_subject(model, subject);
		break;
	case DO_WRITE:
		write_subject(model, subject);
		break;
	case DO_QUERY:
		query_subject(model, subject);
		break;
	case DO_WALK:
		walk_subject(model, subject);
		break;
	case DO_CHANGE:
		change(model, subject);
		break;
	case DO_ADD_PORTION:
		add_portion(model, subject);
		break;
	default:
		change_buffer(model, subject);
	}
	if (subject->md)
		check_state(model, subject);
}

/*
 * Beginning and end
 */

/* The user's pages stay where they are as long as somebody has them prepared. */
static void make_user_store(struct model *model, enum store_kind kind)
{
	const enum area_kind areas[] = { AREA_SCATTERED, AREA_MEMFD, huge_if_any() };
	struct store *store = &model->stores[kind];
	struct area *area = &model->areas[kind];

	area_make(area, model->puppet, areas[kind], store_pages[kind]);
	store->address = area->address;
	model->anchors[kind] = made(model->test,
				    iomd_with_address_range(area->address, store_pages[kind] * P,
							    BOTH, model->puppet->task));
	KUNIT_ASSERT_EQ(model->test, iomd_prepare(model->anchors[kind], 0), 0);
	area_look_up(area);
	memcpy(model->frames + store->first, area->frames,
	       store_pages[kind] * sizeof(*model->frames));
	puppet_write(model->puppet, area->address, model->memory + store->first * P,
		     store_pages[kind] * P);
}

static void make_kernel_stores(struct model *model)
{
	struct store *vmapped = &model->stores[KERNEL_VMAP];
	struct store *linear = &model->stores[KERNEL_LINEAR];
	unsigned int i;

	kernel_area_make(&model->vmapped, model->test, store_pages[KERNEL_VMAP]);
	vmapped->address = (unsigned long)model->vmapped.address;
	for (i = 0; i < store_pages[KERNEL_VMAP]; i++)
		model->frames[vmapped->first + i] = page_to_pfn(model->vmapped.pages[i]);
	model->linear = alloc_pages(GFP_KERNEL, ilog2(store_pages[KERNEL_LINEAR]));
	KUNIT_ASSERT_NOT_NULL(model->test, model->linear);
	linear->address = (unsigned long)page_address(model->linear);
	for (i = 0; i < store_pages[KERNEL_LINEAR]; i++)
		model->frames[linear->first + i] = page_to_pfn(model->linear) + i;
	for (i = FIRST_KERNEL_STORE; i < STORES; i++)
		memcpy((void *)(unsigned long)model->stores[i].address,
		       model->memory + model->stores[i].first * P, store_pages[i] * P);
}

static struct model *make_model(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned int i, page = 0;

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->test = test;
	prandom_seed_state(&model->random, seed);
	model->memory = vmalloc(PAGES * P);
	model->scratch = vmalloc(MOST_BYTES);
	KUNIT_ASSERT_NOT_NULL(test, model->memory);
	KUNIT_ASSERT_NOT_NULL(test, model->scratch);
	model->frames = kunit_kcalloc(test, PAGES, sizeof(*model->frames), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model->frames);
	fill_pattern(model->memory, 0, PAGES * P);
	for (i = 0; i < STORES; i++) {
		model->stores[i].first = page;
		page += store_pages[i];
	}
	model->puppet = puppet_start(test);
	for (i = 0; i < FIRST_KERNEL_STORE; i++)
		make_user_store(model, i);
	make_kernel_stores(model);
	model->anchored = atomic64_read(&model->puppet->mm->pinned_vm);
	model->last_id = IOMD_PREPARATION_ID_ALWAYS_PREPARED;
	return model;
}

/* What is in the machine's memory must be what the model has. */
static void check_store(struct model *model, enum store_kind kind)
{
	struct store *store = &model->stores[kind];
	u64 at, wanted = store->first * P;

	for (at = 0; at < store_pages[kind] * P; at += P) {
		if (kind < FIRST_KERNEL_STORE)
			puppet_read(model->puppet, store->address + at, model->scratch, P);
		else
			memcpy(model->scratch, (void *)(unsigned long)(store->address + at), P);
		if (memcmp(model->scratch, model->memory + wanted + at, P))
			differ(model, "page %llu of memory %u is not what it should be",
			       at / P, kind);
	}
}

static void end_model(struct model *model)
{
	unsigned int i;

	for (i = 0; i < SUBJECTS; i++)
		if (model->subjects[i].held)
			release(model, &model->subjects[i]);
	os_object_barrier();
	for (i = 0; i < SUBJECTS; i++)
		KUNIT_EXPECT_NULL(model->test, model->subjects[i].md);
	check_charge(model);
	for (i = 0; i < FIRST_KERNEL_STORE; i++) {
		KUNIT_EXPECT_EQ(model->test, iomd_complete(model->anchors[i], 0), 0);
		iomd_release(model->anchors[i]);
	}
	os_object_barrier();
	fixture_expect_nothing_taken(model->test);
	for (i = 0; i < STORES; i++)
		check_store(model, i);
	kernel_area_free(&model->vmapped);
	__free_pages(model->linear, ilog2(store_pages[KERNEL_LINEAR]));
	vfree(model->scratch);
	vfree(model->memory);
}

static void random_operations(struct kunit *test)
{
	struct model *model = make_model(test);
	unsigned int i;

	kunit_info(test, "seed %u\n", seed);
	expect_warning_once("iomd: complete without a prepare");
	for (i = 0; i < operations && !model->differs; i++) {
		model->operation = i;
		operate(model);
		cond_resched();
	}
	for (i = 0; i < ACTS; i++)
		kunit_info(test, "%u %s\n", model->done[i], acts[i].name);
	kunit_info(test, "%u refused, %llu bytes compared\n", model->refused, model->compared);
	/* A model that is never asked agrees with anything. */
	for (i = 0; operations >= 1000 && !model->differs && i < ACTS; i++)
		KUNIT_EXPECT_GT_MSG(test, model->done[i], 0U, "never %s", acts[i].name);
	end_model(model);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE(random_operations),
	{}
};

static struct kunit_suite model_suite = {
	.name = "iomd_model",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = model_cases,
};

kunit_test_suite(model_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Random operations on iomd's descriptors, against a model");
MODULE_LICENSE("GPL");
