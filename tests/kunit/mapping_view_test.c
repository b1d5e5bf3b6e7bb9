// SPDX-License-Identifier: GPL-2.0
/*
 * What kernel mappings show: every byte in its place, and nothing where there is
 * nothing to be seen.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#ifdef CONFIG_X86
#include <asm/pgtable_types.h>
#endif

#include "maps.h"

/*
 * A large buffer, at growing offsets and lengths
 */

#define SWEEP_BYTES	SZ_16M
#define SWEEP_OFFSETS	17
#define WINDOW		SZ_256K

/* The buffer described in pieces that meet at page borders. */
struct layout {
	const char *name;
	u32 count;
	struct iomd_address_range ranges[3];
};

static const struct layout layouts[] = {
	{ "one range", 1, { { 0, SWEEP_BYTES } } },
	{ "one range, unaligned", 1, { { 1234, SWEEP_BYTES - 5678 } } },
	{ "three ranges", 3, {
		{ SZ_8M, SZ_4M }, { 0, SZ_8M }, { SZ_8M + SZ_4M, SZ_4M },
	} },
	{ "three ranges, unaligned", 3, {
		{ SZ_8M + 1, SZ_4M - 1 }, { PAGE_SIZE, SZ_8M - 7 * PAGE_SIZE },
		{ SZ_8M + SZ_4M, SZ_4M - 333 },
	} },
};

static void layout_desc(const struct layout *layout, char *desc)
{
	strscpy(desc, layout->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(layout, layouts, layout_desc);

struct sweep {
	struct kunit *test;
	const struct layout *layout;
	u32 *source;
	u8 *window;
	struct iomd *md;
};

/* How many bytes at @bytes are those of the described memory from @offset on. */
static u64 same_as_source(const struct sweep *sweep, const u8 *bytes, u64 offset, u64 length)
{
	const struct iomd_address_range *range = sweep->layout->ranges;
	u64 done = 0;

	while (done < length) {
		u64 piece;

		while (offset >= range->length)
			offset -= (range++)->length;
		piece = min(range->length - offset, length - done);
		if (memcmp(bytes + done, (u8 *)sweep->source + range->address + offset, piece))
			break;
		done += piece;
		offset += piece;
	}
	return done;
}

static u64 same_as_read(const struct sweep *sweep, const u8 *bytes, u64 offset, u64 length)
{
	u64 done, piece;

	for (done = 0; done < length; done += piece) {
		piece = min_t(u64, length - done, WINDOW);
		if (iomd_read_bytes(sweep->md, offset + done, sweep->window, piece) != piece ||
		    memcmp(bytes + done, sweep->window, piece))
			break;
	}
	return done;
}

static bool check_combination(const struct sweep *sweep, u64 offset, u64 length)
{
	struct iomd_mapping *mapping = map_part(sweep->test, sweep->md, IOMD_MAP_UNIQUE, offset,
						length);
	u64 from_source = same_as_source(sweep, bytes_of(mapping), offset, length);
	u64 from_read = same_as_read(sweep, bytes_of(mapping), offset, length);

	KUNIT_EXPECT_EQ_MSG(sweep->test, from_source, length, "from %#llx", offset);
	KUNIT_EXPECT_EQ_MSG(sweep->test, from_read, length, "from %#llx", offset);
	iomd_mapping_release(mapping);
	return from_source == length && from_read == length;
}

static struct iomd *describe_layout(const struct sweep *sweep)
{
	struct iomd_address_range ranges[3];
	u32 i;

	for (i = 0; i < sweep->layout->count; i++) {
		ranges[i] = sweep->layout->ranges[i];
		ranges[i].address += (unsigned long)sweep->source;
	}
	return made(sweep->test, iomd_with_address_ranges(ranges, sweep->layout->count, BOTH,
							  KERNEL));
}

static void sweep(struct kunit *test)
{
	static const u64 lengths[] = { 1, 4, 777, PAGE_SIZE, 3 * PAGE_SIZE + 5, SZ_64K, SZ_1M };
	struct sweep sweep = { .test = test, .layout = test->param_value };
	u64 length, offset, longest;
	unsigned int i, k, done = 0;
	bool right = true;

	sweep.source = vmalloc(SWEEP_BYTES);
	KUNIT_ASSERT_NOT_NULL(test, sweep.source);
	sweep.window = kvmalloc(WINDOW, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sweep.window);
	for (i = 0; i < SWEEP_BYTES / sizeof(u32); i++)
		sweep.source[i] = i * 0x9e3779b9U;
	sweep.md = describe_layout(&sweep);
	length = iomd_get_length(sweep.md);
	KUNIT_ASSERT_EQ(test, iomd_prepare(sweep.md, 0), 0);
	for (i = 0; right && i < SWEEP_OFFSETS; i++) {
		offset = i * div_u64(length, SWEEP_OFFSETS) + i * 100;
		/* All of the rest each now and then; it takes its time. */
		longest = min_t(u64, length - offset, i % 6 ? SZ_1M + SZ_256K : U64_MAX);
		for (k = 0; right && k <= ARRAY_SIZE(lengths); k++, done++)
			right = check_combination(&sweep, offset, k < ARRAY_SIZE(lengths) ?
						  min(lengths[k], longest) : longest);
	}
	/* Of all layouts together: more than 400. */
	KUNIT_EXPECT_GE(test, done, 101U);
	KUNIT_EXPECT_EQ(test, iomd_complete(sweep.md, 0), 0);
	iomd_release(sweep.md);
	os_object_barrier();
	kvfree(sweep.window);
	vfree(sweep.source);
}

/*
 * Several descriptors in one
 */

static struct iomd *multi(struct kunit *test, struct iomd **parts, u32 count)
{
	struct iomd *md = made(test, iomd_multi_with_descriptors(parts, count, BOTH, false));

	while (count--)
		iomd_release(parts[count]);
	return md;
}

static struct iomd *sub(struct kunit *test, struct iomd *md, u64 offset, u64 length)
{
	return made(test, iomd_sub_with_sub_range(md, offset, length, BOTH));
}

static void expect_page(struct kunit *test, const u8 *page, u64 number)
{
	KUNIT_EXPECT_EQ_MSG(test, (u64)find_mismatch(page, number * P, P), P, "page %llu", number);
}

static void pages_of_a_multi_are_in_order(struct kunit *test)
{
	static const u64 order[] = { 7, 3, 4, 7 };
	struct iomd_address_range ranges[2];
	struct iomd_mapping *mapping;
	struct iomd *parts[3], *md;
	struct leaf leaf;
	unsigned int i;

	leaf_make(&leaf, test, 8);
	fill_pattern(leaf.area.address, 0, 8 * P);
	ranges[0] = (struct iomd_address_range) { (unsigned long)leaf.area.address, 3 * P };
	ranges[1] = (struct iomd_address_range) { ranges[0].address + 3 * P, 5 * P };
	parts[0] = made(test, iomd_with_address_ranges(ranges, 2, BOTH, KERNEL));
	parts[1] = sub(test, parts[0], 3 * P, 2 * P);
	parts[2] = sub(test, parts[0], 7 * P, P);
	md = multi(test, parts, 3);
	mapping = map_part(test, md, HAVE_GUARDS ? IOMD_MAP_GUARDED_SMALL : 0, 7 * P, 4 * P);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 4 * P);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		expect_page(test, bytes_of(mapping) + i * P, order[i]);
	if (HAVE_GUARDS) {
		KUNIT_EXPECT_TRUE(test, faults(bytes_of(mapping) - 1));
		KUNIT_EXPECT_TRUE(test, faults(bytes_of(mapping) + 4 * P));
	}
	iomd_mapping_release(mapping);
	iomd_release(md);
	leaf_free(&leaf);
}

/* Two buffers' pages out of order, a sub across their border, and one of the last page. */
static void subs_of_a_list_are_in_order(struct kunit *test)
{
	static const u64 order[] = { 5, 3, 4, 5 };
	struct iomd_mapping *mapping;
	struct iomd *parts[3], *list[4], *whole, *md;
	struct leaf leaf;
	unsigned int i;

	leaf_make(&leaf, test, 8);
	fill_pattern(leaf.area.address, 0, 8 * P);
	whole = made(test, leaf_describe(&leaf, BOTH));
	list[0] = sub(test, whole, 0, 3 * P);
	list[1] = sub(test, whole, 6 * P, P);
	list[2] = sub(test, whole, 3 * P, 2 * P);
	list[3] = sub(test, whole, 5 * P, P);
	parts[0] = multi(test, list, 4);
	parts[1] = sub(test, whole, 3 * P, 2 * P);
	parts[2] = sub(test, parts[0], 6 * P, P);
	md = multi(test, parts, 3);
	mapping = map_part(test, md, 0, 6 * P, 4 * P);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		expect_page(test, bytes_of(mapping) + i * P, order[i]);
	iomd_mapping_release(mapping);
	iomd_release(md);
	iomd_release(whole);
	leaf_free(&leaf);
}

static void pieces_must_meet_at_page_borders(struct kunit *test)
{
	struct iomd *parts[2], *whole, *md;
	struct iomd_mapping *mapping;
	struct leaf leaf;

	leaf_make(&leaf, test, 8);
	fill_pattern(leaf.area.address, 0, 8 * P);
	whole = made(test, leaf_describe(&leaf, BOTH));
	parts[0] = sub(test, whole, 5 * P + 99, P - 99);
	parts[1] = sub(test, whole, 2 * P, P + 1);
	md = multi(test, parts, 2);
	mapping = map_part(test, md, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, offset_in_page(bytes_of(mapping)), 99UL);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 5 * P + 99, P - 99), P - 99);
	KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping) + P - 99, 2 * P, P + 1), P + 1);
	iomd_mapping_release(mapping);
	iomd_release(md);

	parts[0] = sub(test, whole, 5 * P, P - 1);
	parts[1] = sub(test, whole, 2 * P, P);
	md = multi(test, parts, 2);
	expect_unmapped(test, iomd_map(md, 0), -EINVAL);
	/* Of one piece alone there is nothing to be said against. */
	iomd_mapping_release(map_part(test, md, 0, 0, P - 1));
	iomd_mapping_release(map_part(test, md, 0, P - 1, P));
	iomd_release(md);

	parts[0] = sub(test, whole, 5 * P, P);
	parts[1] = sub(test, whole, 2 * P + 1, P);
	md = multi(test, parts, 2);
	expect_unmapped(test, iomd_map(md, 0), -EINVAL);
	iomd_release(md);
	iomd_release(whole);
	leaf_free(&leaf);
}

/*
 * Guards
 */

static void data_between_guard_pages(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct iomd *parts[3], *md;
	struct leaf leaf;
	unsigned int left, right, i;

	leaf_make(&leaf, test, 1);
	fill_pattern(leaf.area.address, 0, P);
	for (left = 1; left <= 4; left++)
		for (right = 1; right <= 4; right++) {
			parts[0] = made(test, iomd_guard_page_with_size(left * P));
			parts[1] = made(test, leaf_describe(&leaf, BOTH));
			parts[2] = made(test, iomd_guard_page_with_size(right * P));
			md = multi(test, parts, 3);
			if (!HAVE_GUARDS) {
				expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
				mapping = map_part(test, md, 0, left * P, P);
				expect_page(test, bytes_of(mapping), 0);
				iomd_mapping_release(mapping);
				iomd_release(md);
				continue;
			}
			mapping = mapped(test, iomd_map(md, 0));
			KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping),
					(left + 1 + right) * P);
			expect_page(test, bytes_of(mapping) + left * P, 0);
			bytes_of(mapping)[left * P] ^= 0;
			for (i = 0; i < left + 1 + right; i++) {
				KUNIT_EXPECT_EQ(test, faults(bytes_of(mapping) + i * P), i != left);
				KUNIT_EXPECT_EQ(test, faults(bytes_of(mapping) + i * P + P - 1),
						i != left);
			}
			iomd_mapping_release(mapping);
			iomd_release(md);
		}
	leaf_free(&leaf);
}

static void guard_pages_alone_and_inside(struct kunit *test)
{
	struct iomd *guard = made(test, iomd_guard_page_with_size(2 * P));
	struct iomd_mapping *mapping = iomd_map(guard, 0);
	struct iomd *parts[5], *md;
	struct leaf leaf;
	unsigned int i;

	if (!HAVE_GUARDS) {
		expect_unmapped(test, mapping, -EOPNOTSUPP);
		iomd_release(guard);
		return;
	}
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapped(test, mapping)), 2 * P);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, faults(bytes_of(mapping) + i * P));
	iomd_mapping_release(mapping);

	leaf_make(&leaf, test, 3);
	fill_pattern(leaf.area.address, 0, 3 * P);
	parts[0] = made(test, leaf_describe(&leaf, BOTH));
	parts[1] = guard;
	parts[2] = sub(test, parts[0], P, 2 * P);
	parts[3] = made(test, iomd_guard_page_with_size(P));
	parts[4] = sub(test, parts[0], 0, P);
	md = multi(test, parts, 5);
	/* From within the first guard to within the last piece. */
	mapping = map_part(test, md, 0, 4 * P, 4 * P + 50);
	KUNIT_EXPECT_TRUE(test, faults(bytes_of(mapping)));
	expect_page(test, bytes_of(mapping) + P, 1);
	expect_page(test, bytes_of(mapping) + 2 * P, 2);
	KUNIT_EXPECT_TRUE(test, faults(bytes_of(mapping) + 3 * P));
	expect_page(test, bytes_of(mapping) + 4 * P, 0);
	iomd_mapping_release(mapping);
	iomd_release(md);
	leaf_free(&leaf);
}

static void guarded_mappings(struct kunit *test)
{
	static const struct {
		u64 options;
		unsigned int pages;
	} guards[] = {
		{ IOMD_MAP_GUARDED_SMALL, 1 },
		{ IOMD_MAP_GUARDED_LARGE, SZ_64K / PAGE_SIZE },
		{ IOMD_MAP_GUARDED_SMALL | IOMD_MAP_GUARDED_LARGE, 1 },
	};
	struct iomd_mapping *mapping;
	struct leaf leaf;
	struct iomd *md;
	unsigned int i;
	long k;

	leaf_make(&leaf, test, 3);
	fill_pattern(leaf.area.address, 0, 3 * P);
	md = made(test, leaf_describe(&leaf, BOTH));
	for (i = 0; i < ARRAY_SIZE(guards); i++) {
		long pages = guards[i].pages;

		/* At a place of their own there is no room for them. */
		expect_unmapped(test, iomd_create_mapping_in_task(md, KERNEL, 0x1000,
								  guards[i].options, 0, 0),
				-EINVAL);
		if (!HAVE_GUARDS) {
			expect_unmapped(test, iomd_map(md, guards[i].options), -EOPNOTSUPP);
			continue;
		}
		mapping = map_part(test, md, guards[i].options, 10, 2 * P);
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_length(mapping), 2 * P);
		KUNIT_EXPECT_EQ(test, offset_in_page(bytes_of(mapping)), 10UL);
		KUNIT_EXPECT_EQ(test, (u64)find_mismatch(bytes_of(mapping), 10, 2 * P), 2 * P);
		for (k = -pages; k < 3 + pages; k++)
			KUNIT_EXPECT_EQ(test, faults(bytes_of(mapping) - 10 + k * (long)P),
					k < 0 || k >= 3);
		iomd_mapping_release(mapping);
	}
	iomd_release(md);
	leaf_free(&leaf);
}

/*
 * Access and cache modes
 */

#ifdef CONFIG_X86
static pteval_t entry_of(const u8 *address)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)address, &level);

	return entry ? pte_flags(*entry) : 0;
}

static void read_only_ones_are(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);

	mapping = map_part(test, md, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, entry_of(bytes_of(mapping)) & _PAGE_RW);
	KUNIT_EXPECT_TRUE(test, entry_of(bytes_of(mapping)) & _PAGE_NX);
	iomd_mapping_release(mapping);
	mapping = map_part(test, md, IOMD_MAP_READ_ONLY, 0, 0);
	KUNIT_EXPECT_TRUE(test, entry_of(bytes_of(mapping)) & _PAGE_PRESENT);
	KUNIT_EXPECT_FALSE(test, entry_of(bytes_of(mapping)) & _PAGE_RW);
	KUNIT_EXPECT_FALSE(test, entry_of(bytes_of(mapping) + P) & _PAGE_RW);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

static void memory_with_a_mode_has_it_everywhere(struct kunit *test)
{
	const struct {
		u64 option;
		pgprot_t prot;
	} modes[] = {
		{ IOMD_MAP_INHIBIT_CACHE, pgprot_noncached(PAGE_KERNEL) },
		{ IOMD_MAP_WRITE_COMBINE_CACHE, pgprot_writecombine(PAGE_KERNEL) },
		{ IOMD_MAP_COPYBACK_CACHE, PAGE_KERNEL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct iomd *md = made(test, iomd_buffer_with_options(BOTH | modes[i].option, 2 * P,
								      0));
		u64 options[] = { 0, modes[i].option, IOMD_MAP_UNIQUE };
		unsigned int k;

		for (k = 0; k < ARRAY_SIZE(options); k++) {
			struct iomd_mapping *mapping = map_part(test, md, options[k], 0, 0);
			pteval_t entry = entry_of(bytes_of(mapping));

			/* Not the third bit: in a large page's entry it is another one. */
			KUNIT_EXPECT_EQ(test, entry & (_PAGE_PWT | _PAGE_PCD),
					pgprot_val(modes[i].prot) & (_PAGE_PWT | _PAGE_PCD));
			iomd_mapping_release(mapping);
		}
		iomd_release(md);
	}
}

static struct iomd *buffer(struct kunit *test, u64 options, u64 length)
{
	return made(test, iomd_buffer_with_options(BOTH | options, length, 0));
}

/* Parts of others have it as well; the kernel has one for all it sees in one piece. */
static void modes_of_parts(struct kunit *test)
{
	const u64 combining = pgprot_val(pgprot_writecombine(PAGE_KERNEL)) & _PAGE_CACHE_MASK;
	struct iomd *whole = buffer(test, IOMD_MAP_WRITE_COMBINE_CACHE, 4 * P);
	struct iomd *parts[3] = { sub(test, whole, P, P), whole, sub(test, whole, 0, 2 * P) };
	struct iomd_mapping *mapping;
	struct iomd *md;

	md = multi(test, parts, 3);
	mapping = map_part(test, md, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, entry_of(bytes_of(mapping)) & _PAGE_CACHE_MASK, combining);
	KUNIT_EXPECT_EQ(test, entry_of(bytes_of(mapping) + 6 * P) & _PAGE_CACHE_MASK, combining);
	iomd_mapping_release(mapping);
	expect_unmapped(test, iomd_map(md, IOMD_MAP_COPYBACK_CACHE), -EOPNOTSUPP);
	iomd_release(md);
	parts[0] = buffer(test, IOMD_MAP_WRITE_COMBINE_CACHE, P);
	parts[1] = made(test, iomd_guard_page_with_size(P));
	parts[2] = buffer(test, 0, P);
	md = multi(test, parts, 3);
	expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
	mapping = map_part(test, md, 0, 0, 2 * P);
	KUNIT_EXPECT_EQ(test, entry_of(bytes_of(mapping)) & _PAGE_CACHE_MASK, combining);
	iomd_mapping_release(mapping);
	mapping = map_part(test, md, 0, P, 2 * P);
	KUNIT_EXPECT_EQ(test, entry_of(bytes_of(mapping) + P) & _PAGE_CACHE_MASK,
			pgprot_val(PAGE_KERNEL) & _PAGE_CACHE_MASK);
	iomd_mapping_release(mapping);
	iomd_release(md);
}
#else
static void read_only_ones_are(struct kunit *test)
{
	kunit_skip(test, "page tables can't be looked at here");
}

static void memory_with_a_mode_has_it_everywhere(struct kunit *test)
{
	kunit_skip(test, "page tables can't be looked at here");
}

static void modes_of_parts(struct kunit *test)
{
	kunit_skip(test, "page tables can't be looked at here");
}
#endif

static void modes_that_ram_can_not_have(struct kunit *test)
{
	struct iomd_mapping *mapping;
	struct area area;
	struct iomd *md = user_memory(test, &area, 2);
	unsigned int mode;

	for (mode = 1; mode < 16; mode++) {
		u64 option = (u64)mode << 32;

		if (option == IOMD_MAP_COPYBACK_CACHE)
			continue;
		expect_unmapped(test, iomd_map(md, option), -EOPNOTSUPP);
	}
	mapping = map_part(test, md, IOMD_MAP_COPYBACK_CACHE, 0, 0);
	KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping), IOMD_MAP_COPYBACK_CACHE | ANY);
	iomd_mapping_release(mapping);
	iomd_release(md);
}

/*
 * Device memory
 */

static void registers(struct kunit *test)
{
	struct iomd *md = made(test, iomd_device_memory_with_range(edu_registers(test), 2 * P));
	static const u64 modes[] = { 0, IOMD_MAP_INHIBIT_CACHE, IOMD_MAP_WRITE_COMBINE_CACHE };
	struct iomd_mapping *mapping;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		mapping = map_part(test, md, modes[i] | IOMD_MAP_UNIQUE, 0, 8);
		KUNIT_EXPECT_EQ(test, readl((void __iomem *)bytes_of(mapping)), EDU_SIGNATURE);
		/* What it is where nobody asked. */
		KUNIT_EXPECT_EQ(test, iomd_mapping_get_map_options(mapping) & IOMD_MAP_CACHE_MASK,
				modes[i] ?: IOMD_MAP_INHIBIT_CACHE);
		iomd_mapping_release(mapping);
	}
	for (i = 1; i < 16; i++)
		if ((u64)i << 32 != IOMD_MAP_INHIBIT_CACHE &&
		    (u64)i << 32 != IOMD_MAP_WRITE_COMBINE_CACHE)
			expect_unmapped(test, iomd_map(md, (u64)i << 32), -EOPNOTSUPP);
	/* Register 4 inverts what is written. */
	mapping = map_part(test, md, 0, 4, 4);
	writel(0x12345678, (void __iomem *)bytes_of(mapping));
	KUNIT_EXPECT_EQ(test, readl((void __iomem *)bytes_of(mapping)), ~0x12345678U);
	iomd_mapping_release(mapping);
	expect_unmapped(test, iomd_map(md, IOMD_MAP_READ_ONLY), -EOPNOTSUPP);
	expect_unmapped(test, iomd_map(md, IOMD_MAP_GUARDED_SMALL), -EOPNOTSUPP);
	iomd_release(md);
}

static void registers_in_pieces(struct kunit *test)
{
	phys_addr_t address = edu_registers(test);
	struct iomd_mapping *mapping;
	struct iomd *parts[2], *md;
	struct leaf leaf;

	/* Behind each other where they are. */
	parts[0] = made(test, iomd_with_physical_address(address, P, BOTH));
	parts[1] = made(test, iomd_with_physical_address(address + P, P, BOTH));
	md = multi(test, parts, 2);
	mapping = mapped(test, iomd_map(md, 0));
	KUNIT_EXPECT_EQ(test, readl((void __iomem *)bytes_of(mapping)), EDU_SIGNATURE);
	iomd_mapping_release(mapping);
	iomd_release(md);
	/* Elsewhere. */
	parts[0] = made(test, iomd_with_physical_address(address + P, P, BOTH));
	parts[1] = made(test, iomd_with_physical_address(address, P, BOTH));
	md = multi(test, parts, 2);
	expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
	iomd_mapping_release(map_part(test, md, 0, P, P));
	iomd_release(md);
	/* Together with RAM. */
	leaf_make(&leaf, test, 1);
	parts[0] = made(test, iomd_with_physical_address(address, P, BOTH));
	parts[1] = made(test, leaf_describe(&leaf, BOTH));
	md = multi(test, parts, 2);
	expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
	iomd_release(md);
	parts[0] = made(test, leaf_describe(&leaf, BOTH));
	parts[1] = made(test, iomd_with_physical_address(address, P, BOTH));
	md = multi(test, parts, 2);
	expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
	iomd_release(md);
	leaf_free(&leaf);
}

/* One range that begins as RAM and goes on as something else. */
static void physical_memory_beyond_the_end_of_ram(struct kunit *test)
{
	unsigned long pfn = PHYS_PFN(virt_to_phys(test->priv));
	struct iomd *md;

	while (page_is_ram(pfn))
		pfn++;
	md = made(test, iomd_with_physical_address(PFN_PHYS(pfn - 1), 3 * P, BOTH));
	expect_unmapped(test, iomd_map(md, 0), -EOPNOTSUPP);
	iomd_mapping_release(map_part(test, md, 0, 0, P));
	iomd_release(md);
}

static struct kunit_case view_cases[] = {
	KUNIT_CASE_PARAM(sweep, layout_gen_params),
	KUNIT_CASE(pages_of_a_multi_are_in_order),
	KUNIT_CASE(subs_of_a_list_are_in_order),
	KUNIT_CASE(pieces_must_meet_at_page_borders),
	KUNIT_CASE(data_between_guard_pages),
	KUNIT_CASE(guard_pages_alone_and_inside),
	KUNIT_CASE(guarded_mappings),
	KUNIT_CASE(read_only_ones_are),
	KUNIT_CASE(memory_with_a_mode_has_it_everywhere),
	KUNIT_CASE(modes_of_parts),
	KUNIT_CASE(modes_that_ram_can_not_have),
	KUNIT_CASE(registers),
	KUNIT_CASE(registers_in_pieces),
	KUNIT_CASE(physical_memory_beyond_the_end_of_ram),
	{}
};

static struct kunit_suite view_suite = {
	.name = "iomd_mapping_view",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = view_cases,
};

kunit_test_suite(view_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of what iomd's kernel mappings show");
MODULE_LICENSE("GPL");
