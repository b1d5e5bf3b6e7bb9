// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings as the task that has them sees them.
 */
#include <linux/futex.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/user/mapping.h"

FIXTURE(mapping) {
	int fd;
	struct alive before;
};

FIXTURE_SETUP(mapping) {
	catch_signals();
	self->fd = open(PLAYGROUND, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->before = alive(self->fd);
}

FIXTURE_TEARDOWN(mapping) {
	close(self->fd);
}

static void wait_for_the_end(void *unused)
{
	for (;;)
		pause();
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

TEST_F(mapping, shows_the_memory) {
	int id = buffer(self->fd, 3 * P, 0x11);
	char *all, *part;

	ASSERT_GT(id, 0);
	ASSERT_GT(map(self->fd, id, 0, &all), 0);
	ASSERT_TRUE(all_are(all, 3 * P, 0x11));
	all[P + 5] = 0x22;
	ASSERT_EQ(peek(self->fd, id, P + 5), 0x22);
	ASSERT_EQ(fill(self->fd, id, 2 * P - 1, 2, 0x33), 0);
	ASSERT_EQ(all[2 * P - 1], 0x33);
	ASSERT_EQ(all[2 * P], 0x33);
	ASSERT_GT(map_part(self->fd, id, UNIQUE, P + 5, P, &part), 0);
	ASSERT_NE(part, all + P + 5);
	ASSERT_EQ((unsigned long)part % P, 5);
	ASSERT_EQ(part[0], 0x22);
	part[P - 5] = 0x44;
	ASSERT_EQ(all[2 * P], 0x44);
	/* The rest of its pages, and nothing else. */
	ASSERT_EQ(look(part - 5), 0x11);
	ASSERT_EQ(look(part - 6 - P), -SIGSEGV);
}

TEST_F(mapping, a_request_for_the_same_shares_it) {
	int id = buffer(self->fd, 4 * P, 0x11);
	char *address, *other;
	int mapping = map(self->fd, id, 0, &address);

	ASSERT_GT(mapping, 0);
	ASSERT_GT(map(self->fd, id, 0, &other), 0);
	ASSERT_EQ(address, other);
	ASSERT_GT(map_part(self->fd, id, 0, P, 5, &other), 0);
	ASSERT_EQ(address + P, other);
	ASSERT_GT(map_part(self->fd, id, READ_ONLY, P, 5, &other), 0);
	ASSERT_NE(address + P, other);
	/* What was moved away is not where somebody would look for it. */
	ASSERT_NE(mremap(address, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, room(4)),
		  MAP_FAILED);
	ASSERT_GT(map(self->fd, id, 0, &other), 0);
	ASSERT_TRUE(all_are(other, 4 * P, 0x11));
}

TEST_F(mapping, is_filled_at_once_or_by_touching) {
	const unsigned long pages = 200;
	int id = buffer(self->fd, pages * P, 0x11), i;
	char *lazy, *eager;
	u8 byte = 0;
	long before;

	ASSERT_GT(map(self->fd, id, UNIQUE, &lazy), 0);
	ASSERT_GT(map(self->fd, id, UNIQUE | PREFAULT, &eager), 0);
	before = faults();
	for (i = 0; i < pages; i++)
		byte |= look(lazy + i * P);
	ASSERT_GE(faults() - before, pages);
	before = faults();
	for (i = 0; i < pages; i++)
		byte |= look(eager + i * P);
	ASSERT_LE(faults() - before, 5);
	ASSERT_EQ(byte, 0x11);
	ASSERT_TRUE(all_are(eager, pages * P, 0x11));
}

static long touch_all(char *address, u64 length)
{
	long before = faults();
	u64 i;

	for (i = 0; i < length; i += P)
		address[i]++;
	return faults() - before;
}

TEST_F(mapping, is_huge_where_the_memory_is) {
	const unsigned long huge = huge_page();
	struct playground call = { .order = PLAYGROUND_BUFFER, .options = BOTH | CONTIGUOUS,
				   .length = 2 * huge, .offset = huge };
	char *address, *wrong, *small, line[256];
	int id, mapping;
	long each;

	if (!huge)
		SKIP(return, "the kernel has no huge pages");
	id = make(self->fd, call);
	if (id == -ENOMEM || id == -E2BIG)
		SKIP(return, "the kernel has no %lu contiguous bytes: two of its huge pages",
		     2 * huge);
	ASSERT_GT(id, 0);
	ASSERT_EQ(fill(self->fd, id, 0, 2 * huge, 0x11), 0);
	ASSERT_GT(map(self->fd, id, UNIQUE, &address), 0);
	ASSERT_TRUE(smaps_line(address, "THPeligible", line, sizeof(line)));
	if (!strchr(line, '1'))
		SKIP(return, "THPeligible: 0, huge pages of drivers can't be told from others");
	/* A write to what was read may be a fault of its own, where the CPU notes no writes. */
	ASSERT_GT(map(self->fd, buffer(self->fd, P, 0x11), UNIQUE, &small), 0);
	each = touch_all(small, P);
	ASSERT_GE(each, 1);
	ASSERT_LE(each, 2);
	ASSERT_EQ((unsigned long)address % huge, 0);
	ASSERT_LE(touch_all(address, 2 * huge), 5);
	ASSERT_EQ(address[huge], 0x12);
	ASSERT_EQ(address[huge + 1], 0x11);
	/* With something before it, and not all of it: one huge page, and the rest. */
	mapping = map_part(self->fd, id, UNIQUE | GUARDED_LARGE, huge - 10 * P, huge + 10 * P,
			   &address);
	ASSERT_GT(mapping, 0);
	ASSERT_LE(touch_all(address, huge + 10 * P), 11 * each + 5);
	ASSERT_EQ(look(address - 1), -SIGBUS);
	ASSERT_EQ(look(address), 0x13);
	ASSERT_EQ(peek(self->fd, id, huge), 0x13);
	/* A huge page goes in pieces, too. */
	ASSERT_EQ(munmap(address + 11 * P, P), 0);
	ASSERT_EQ(look(address + 11 * P), -SIGSEGV);
	ASSERT_EQ(look(address + 12 * P), 0x13);
	ASSERT_EQ(unmap(self->fd, mapping), 0);
	ASSERT_EQ(look(address + 12 * P), -SIGBUS);
	/* Where an address can't be right for it, there are none. */
	wrong = room(3 * huge / P);
	ASSERT_EQ(munmap(wrong, 3 * huge), 0);
	wrong = POINTER((ADDRESS(wrong) + huge - 1) / huge * huge + P);
	ASSERT_GT(map_at(self->fd, id, UNIQUE, wrong), 0);
	ASSERT_GE(touch_all(wrong, 2 * huge), 2 * huge / P);
	ASSERT_EQ(peek(self->fd, id, 2 * huge - 1), 0x11);
	ASSERT_EQ(peek(self->fd, id, huge), 0x14);
}

TEST_F(mapping, looks_as_one_expects) {
	int id = buffer(self->fd, 4 * P, 0x11);
	char *address, line[256];
	static const char * const flags[] = { "rd", "wr", "sh", "io", "pf", "de", "dd" };
	static const char * const wrong[] = { "ex", "me", "mm" };
	unsigned int i;

	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	ASSERT_TRUE(all_are(address, 4 * P, 0x11));
	ASSERT_TRUE(smaps_line(address, "VmFlags:", line, sizeof(line)));
	for (i = 0; i < 7; i++)
		EXPECT_NE(strstr(line, flags[i]), NULL) TH_LOG("%s is not in %s", flags[i], line);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(strstr(line, wrong[i]), NULL) TH_LOG("%s is in %s", wrong[i], line);
	/* Bare frames count for nobody. */
	ASSERT_TRUE(smaps_line(address, "Rss:", line, sizeof(line)));
	EXPECT_EQ(atoi(line + 4), 0);
	ASSERT_TRUE(smaps_line(address, "Size:", line, sizeof(line)));
	EXPECT_EQ(atoi(line + 5), 4 * P / 1024);
	ASSERT_GT(map(self->fd, id, READ_ONLY, &address), 0);
	ASSERT_TRUE(smaps_line(address, "VmFlags:", line, sizeof(line)));
	EXPECT_EQ(strstr(line, "wr"), NULL);
	EXPECT_EQ(strstr(line, "mw"), NULL);
}

TEST_F(mapping, can_not_be_given_more_rights) {
	int id = buffer(self->fd, 2 * P, 0x11);
	char *address, *writable;

	ASSERT_GT(map(self->fd, id, READ_ONLY, &address), 0);
	ASSERT_EQ(look(address), 0x11);
	ASSERT_EQ(try_write(address, 1), SIGSEGV);
	ASSERT_EQ(mprotect(address, 2 * P, PROT_READ | PROT_WRITE), -1);
	ASSERT_EQ(errno, EACCES);
	ASSERT_EQ(mprotect(address, P, PROT_WRITE), -1);
	ASSERT_EQ(mprotect(address, P, PROT_READ | PROT_EXEC), -1);
	ASSERT_EQ(mprotect(address, P, PROT_NONE), 0);
	ASSERT_EQ(look(address), -SIGSEGV);
	ASSERT_EQ(mprotect(address, P, PROT_READ), 0);
	ASSERT_EQ(look(address), 0x11);
	ASSERT_EQ(try_write(address, 1), SIGSEGV);
	ASSERT_GT(map(self->fd, id, 0, &writable), 0);
	ASSERT_EQ(mprotect(writable, 2 * P, PROT_READ | PROT_WRITE | PROT_EXEC), -1);
	ASSERT_EQ(mprotect(writable + P, P, PROT_READ), 0);
	ASSERT_EQ(try_write(writable + P, 1), SIGSEGV);
	ASSERT_EQ(mprotect(writable + P, P, PROT_READ | PROT_WRITE), 0);
	ASSERT_EQ(try_write(writable + P, 1), 0);
	ASSERT_EQ(look(address + P), 1);
}

static int mmap_again(int fd, char *address, u64 flags, u64 prot, u64 offset, u64 length,
		      char **again)
{
	struct playground call = { .order = PLAYGROUND_MMAP_AGAIN, .address = ADDRESS(address),
				   .options = flags | prot << 32, .offset = offset,
				   .length = length };
	int ret = playground(fd, &call);

	*again = POINTER(call.address);
	return ret;
}

TEST_F(mapping, is_never_private_nor_more_than_it_was) {
	const u64 rw = PROT_READ | PROT_WRITE;
	int id = buffer(self->fd, 4 * P, 0x11), mapping;
	char *address, *read_only, *again, path[80];

	mapping = map(self->fd, id, PREFAULT, &address);
	ASSERT_GT(mapping, 0);
	ASSERT_GT(map(self->fd, id, READ_ONLY, &read_only), 0);
	ASSERT_EQ(mmap_again(self->fd, address, MAP_PRIVATE, rw, 0, 4 * P, &again), -EINVAL);
	ASSERT_EQ(mmap_again(self->fd, address, MAP_PRIVATE, PROT_READ, 0, P, &again), -EINVAL);
	ASSERT_EQ(mmap_again(self->fd, address, MAP_SHARED, rw, 0, 5 * P, &again), -EINVAL);
	ASSERT_EQ(mmap_again(self->fd, address, MAP_SHARED, rw, 4 * P, P, &again), -EINVAL);
	ASSERT_EQ(mmap_again(self->fd, address, MAP_SHARED, rw, 5 * P, P, &again), -EINVAL);
	ASSERT_EQ(mmap_again(self->fd, read_only, MAP_SHARED, rw, 0, P, &again), -EACCES);
	ASSERT_EQ(mmap_again(self->fd, read_only, MAP_PRIVATE, rw, 0, P, &again), -EINVAL);
	/* No way of getting hold of the file leads to another one. */
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)address,
		 (unsigned long)address + 4 * P);
	ASSERT_EQ(open(path, O_RDWR), -1);
	/* What the kernel lets a task do by itself: have pages of it elsewhere in it. */
	if (!remap_file_pages(address, P, 0, 3, 0)) {
		ASSERT_EQ(fill(self->fd, id, 3 * P, P, 0x33), 0);
		ASSERT_EQ(look(address), 0x33);
		ASSERT_EQ(look(address + P), 0x11);
	}
	ASSERT_EQ(mmap_again(self->fd, address, MAP_SHARED, rw, P, 2 * P, &again), 0);
	ASSERT_EQ(look(again), 0x11);
	ASSERT_EQ(unmap(self->fd, mapping), 0);
	ASSERT_EQ(look(again), -SIGBUS);
	/* Given back, as it was all there. */
	ASSERT_EQ(look(address), -SIGSEGV);
	ASSERT_EQ(mmap_again(self->fd, again, MAP_SHARED, rw, 0, P, &again), -ENODEV);
}

TEST_F(mapping, goes_where_it_is_told_if_that_is_free) {
	char *place = anonymous(8);
	int id = buffer(self->fd, 2 * P, 0x11), mapping;

	ASSERT_NE(place, MAP_FAILED);
	memset(place, 0x55, 8 * P);
	ASSERT_EQ(map_at(self->fd, id, 0, place), -EEXIST);
	ASSERT_EQ(munmap(place + 2 * P, P), 0);
	ASSERT_EQ(map_at(self->fd, id, 0, place + P), -EEXIST);
	ASSERT_EQ(map_at(self->fd, id, 0, place + 2 * P), -EEXIST);
	ASSERT_TRUE(all_are(place, 2 * P, 0x55));
	ASSERT_TRUE(all_are(place + 3 * P, 5 * P, 0x55));
	ASSERT_EQ(munmap(place + 3 * P, P), 0);
	ASSERT_EQ(map_at(self->fd, id, 0, place + 2 * P + 1), -EINVAL);
	mapping = map_at(self->fd, id, 0, place + 2 * P);
	ASSERT_GT(mapping, 0);
	ASSERT_EQ(address_of(self->fd, mapping), place + 2 * P);
	ASSERT_TRUE(all_are(place + 2 * P, 2 * P, 0x11));
	ASSERT_EQ(map_at(self->fd, id, UNIQUE, place + 2 * P), -EEXIST);
	ASSERT_EQ(map_at(self->fd, id, 0, NULL), -EINVAL);
}

TEST_F(mapping, has_guards) {
	const struct {
		u64 options;
		long pages;
	} kinds[] = {
		{ GUARDED_SMALL, 1 }, { GUARDED_LARGE, 65536 / P }, { GUARDED_SMALL | PREFAULT, 1 },
	};
	int id = buffer(self->fd, 3 * P, 0x11), i;
	char *address;
	long k;

	for (i = 0; i < 3; i++) {
		ASSERT_GT(map_part(self->fd, id, UNIQUE | kinds[i].options, 7, 2 * P, &address), 0);
		for (k = -kinds[i].pages; k < 3 + kinds[i].pages; k++) {
			int expected = k < 0 || k >= 3 ? -SIGBUS : 0x11;

			EXPECT_EQ(look(address - 7 + k * (long)P), expected);
			EXPECT_EQ(look(address - 8 + (k + 1) * (long)P), expected);
		}
	}
}

TEST_F(mapping, has_guard_pages_inside) {
	u64 options[] = { UNIQUE, UNIQUE | PREFAULT };
	int left, right, i, k;
	char *address;

	for (left = 1; left <= 4; left++)
		for (right = 1; right <= 4; right++) {
			u32 ids[] = {
				guard(self->fd, left), buffer(self->fd, P, 0x11),
				guard(self->fd, right),
			};
			int id = multi(self->fd, ids, 3);

			ASSERT_GT(id, 0);
			for (k = 0; k < 2; k++) {
				ASSERT_GT(map(self->fd, id, options[k], &address), 0);
				for (i = 0; i < left + 1 + right; i++)
					ASSERT_EQ(look(address + i * P),
						  i == left ? 0x11 : -SIGBUS);
			}
			/* Alone, too. */
			ASSERT_GT(map(self->fd, ids[0], options[left % 2], &address), 0);
			ASSERT_EQ(look(address), -SIGBUS);
		}
}

TEST_F(mapping, shows_pieces_in_order) {
	int whole = buffer(self->fd, 8 * P, 0), i, id;
	const u8 order[] = { 7, 3, 4, 7 };
	u32 ids[3] = { whole };
	char *address;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(fill(self->fd, whole, i * P, P, i), 0);
	ids[1] = sub(self->fd, whole, 3 * P, 2 * P);
	ids[2] = sub(self->fd, whole, 7 * P, P);
	id = multi(self->fd, ids, 3);
	ASSERT_GT(map_part(self->fd, id, GUARDED_SMALL, 7 * P, 4 * P, &address), 0);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(all_are(address + i * P, P, order[i]));
	ASSERT_EQ(look(address - 1), -SIGBUS);
	ASSERT_EQ(look(address + 4 * P), -SIGBUS);
	ASSERT_GT(map_part(self->fd, id, PREFAULT, 7 * P, 4 * P, &address), 0);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(all_are(address + i * P, P, order[i]));
	ids[1] = sub(self->fd, whole, 3 * P + 1, P);
	id = multi(self->fd, ids, 3);
	ASSERT_EQ(map(self->fd, id, 0, &address), -EINVAL);
}

TEST_F(mapping, shows_registers) {
	static const u64 options[] = { 0, WRITE_COMBINE, PREFAULT, PREFAULT | WRITE_COMBINE,
				       READ_ONLY };
	int id = registers(self->fd, 2 * P), i;
	u32 ids[2] = { buffer(self->fd, P, 0x11), id };
	char *address;

	if (id == -ENODEV)
		SKIP(return, "no edu device");
	ASSERT_GT(id, 0);
	for (i = 0; i < 5; i++) {
		ASSERT_GT(map(self->fd, id, UNIQUE | options[i], &address), 0);
		EXPECT_EQ(word(address), 0x010000ed);
		if (options[i] & READ_ONLY)
			continue;
		TELL(*(u32 *)(address + 4), 0x1234);
		EXPECT_EQ(word(address + 4), ~0x1234U);
	}
	/* Behind RAM, which is cached as ever. */
	id = multi(self->fd, ids, 2);
	for (i = 0; i < 4; i += 2) {
		ASSERT_GT(map(self->fd, id, UNIQUE | options[i], &address), 0);
		EXPECT_TRUE(all_are(address, P, 0x11));
		EXPECT_EQ(word(address + P), 0x010000ed);
	}
	EXPECT_EQ(map(self->fd, id, WRITE_COMBINE, &address), -EOPNOTSUPP);
	EXPECT_EQ(map(self->fd, id, COPYBACK, &address), -EOPNOTSUPP);
}

TEST_F(mapping, of_a_copy_is_private_to_those_who_map) {
	char *memory = anonymous(2);
	char *address, *other;
	int id;

	memset(memory, 0x11, 2 * P);
	id = user_memory(self->fd, 0, memory + 100, P, BOTH | COPY_ON_WRITE);
	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	ASSERT_EQ((unsigned long)address % P, 100);
	memset(memory, 0x22, 2 * P);
	ASSERT_TRUE(all_are(address, P, 0x11));
	address[5] = 0x33;
	ASSERT_EQ(memory[105], 0x22);
	ASSERT_GT(map(self->fd, id, UNIQUE, &other), 0);
	ASSERT_EQ(other[5], 0x33);
	ASSERT_EQ(peek(self->fd, id, 5), 0x22);
}

/* As if it were prepared once more, for as long as the copy is there. */
TEST_F(mapping, of_a_copy_is_paid_for_by_whose_memory_it_is) {
	struct rlimit limit = { 64 * P, 64 * P };
	char *memory = anonymous(48), *address;
	int one, other, map_of_one;

	memset(memory, 0x11, 48 * P);
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ASSERT_EQ(setresuid(1000, 1000, 1000), 0);
	one = user_memory(self->fd, 0, memory, 48 * P, BOTH | COPY_ON_WRITE);
	other = user_memory(self->fd, 0, memory, 17 * P, BOTH | COPY_ON_WRITE);
	map_of_one = map(self->fd, one, 0, &address);
	ASSERT_GT(map_of_one, 0);
	ASSERT_TRUE(all_are(address, 48 * P, 0x11));
	/* All of its mappings show one copy. */
	EXPECT_GT(map(self->fd, one, UNIQUE, &address), 0);
	EXPECT_EQ(map(self->fd, other, 0, &address), -ENOMEM);
	EXPECT_EQ(simply(self->fd, PLAYGROUND_PREPARE, other, OUT), -ENOMEM);
	close(self->fd);
	self->fd = open(PLAYGROUND, O_RDWR | O_CLOEXEC);
}

/* Memory of ours, seen twice. */
TEST_F(mapping, of_the_tasks_own_memory) {
	char *memory = anonymous(2);
	char *address;
	int id;

	memset(memory, 0x11, 2 * P);
	id = user_memory(self->fd, 0, memory + P, P, BOTH);
	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	memory[P + 2] = 0x22;
	ASSERT_EQ(address[2], 0x22);
	address[P - 1] = 0x33;
	ASSERT_EQ(memory[2 * P - 1], 0x33);
	/* Its pages are kept, wherever they were. */
	ASSERT_EQ(munmap(memory, 2 * P), 0);
	ASSERT_EQ(address[2], 0x22);
	ASSERT_EQ(address[P - 1], 0x33);
}

/* Of what is not whole pages, the rest is nobody's business. */
TEST_F(mapping, shows_nothing_that_was_not_described) {
	static const struct {
		u64 offset, length;
	} parts[] = { { 0, 64 }, { 8, 64 }, { 100, 4096 }, { 0, 4097 }, { 1, 4095 } };
	int whole = buffer(self->fd, 2 * P, 0x11), list, i;
	u32 ids[2] = { whole };
	char *memory = anonymous(3), *address;

	memset(memory, 0x11, 3 * P);
	for (i = 0; i < 5; i++) {
		u64 offset = parts[i].offset, length = parts[i].length;
		int own = user_memory(self->fd, 0, memory + offset, length, BOTH);
		int part = sub(self->fd, whole, offset, length);

		EXPECT_EQ(map(self->fd, own, UNIQUE, &address), -EINVAL);
		EXPECT_EQ(map(self->fd, part, UNIQUE, &address), -EINVAL);
		EXPECT_EQ(map(self->fd, part, UNIQUE | READ_ONLY | PREFAULT, &address), -EINVAL);
		ids[1] = part;
		list = multi(self->fd, ids, 2);
		EXPECT_EQ(map(self->fd, list, UNIQUE, &address), -EINVAL);
		/* Whose pages are whole can be seen. */
		EXPECT_GT(map_part(self->fd, list, UNIQUE, 0, P, &address), 0);
		EXPECT_EQ(map_part(self->fd, list, UNIQUE, 0, P - 1, &address), -EINVAL);
		/* A buffer has the rest of its pages for itself. */
		EXPECT_GT(map_part(self->fd, whole, UNIQUE, offset, length, &address), 0);
		EXPECT_EQ(look(address), 0x11);
	}
	/* What a redirect shows, neither. */
	i = map_part(self->fd, whole, UNIQUE, 8, 64, &address);
	ASSERT_GT(i, 0);
	EXPECT_EQ(redirect(self->fd, i, user_memory(self->fd, 0, memory + 8, 64, BOTH), 0),
		  -EINVAL);
	EXPECT_EQ(redirect(self->fd, i, sub(self->fd, whole, 8, 64), 0), -EINVAL);
	EXPECT_EQ(redirect(self->fd, i, buffer(self->fd, P, 0x22), 8), 0);
	EXPECT_EQ(look(address), 0x22);
}

/* Who only looks does not keep the driver from having a device write. */
TEST_F(mapping, for_reading_leaves_the_memory_as_it_is) {
	char *memory = anonymous(1), *address;
	int id, mapping;

	memset(memory, 0x11, P);
	id = user_memory(self->fd, 0, memory, P, BIT(1));
	mapping = map(self->fd, id, READ_ONLY, &address);
	ASSERT_GT(mapping, 0);
	ASSERT_EQ(simply(self->fd, PLAYGROUND_PREPARE, id, BIT(1)), 0);
	ASSERT_EQ(look(address), 0x11);
	ASSERT_EQ(try_write(address, 1), SIGSEGV);
	ASSERT_EQ(simply(self->fd, PLAYGROUND_COMPLETE, id, 0), 0);
	ASSERT_EQ(unmap(self->fd, mapping), 0);
	/* What can only be read stays so. */
	ASSERT_EQ(mprotect(memory, P, PROT_READ), 0);
	id = user_memory(self->fd, 0, memory, P, OUT);
	ASSERT_GT(map(self->fd, id, READ_ONLY, &address), 0);
	ASSERT_EQ(simply(self->fd, PLAYGROUND_PREPARE, id, BIT(1)), -EACCES);
}

/* All who map parts of it would write the memory itself, and see what becomes of it. */
TEST_F(mapping, of_a_composite_with_a_copy_is_refused) {
	char *memory = anonymous(2), *address;
	u32 ids[2], outer[2];
	int list;

	memset(memory, 0x11, 2 * P);
	ids[0] = buffer(self->fd, P, 0x22);
	ids[1] = user_memory(self->fd, 0, memory, P, BOTH | COPY_ON_WRITE);
	list = multi(self->fd, ids, 2);
	ASSERT_GT(list, 0);
	EXPECT_EQ(map(self->fd, list, 0, &address), -EOPNOTSUPP);
	EXPECT_EQ(map(self->fd, list, READ_ONLY, &address), -EOPNOTSUPP);
	outer[0] = sub(self->fd, ids[1], 0, P);
	outer[1] = ids[0];
	EXPECT_EQ(map(self->fd, multi(self->fd, outer, 2), 0, &address), -EOPNOTSUPP);
	outer[0] = sub(self->fd, list, 0, 2 * P);
	EXPECT_EQ(map(self->fd, outer[0], 0, &address), -EOPNOTSUPP);
	EXPECT_EQ(map(self->fd, multi(self->fd, outer, 2), 0, &address), -EOPNOTSUPP);
	/* A part of it alone is shown by who has the copy. */
	ASSERT_GT(map(self->fd, sub(self->fd, ids[1], 0, P), 0, &address), 0);
	address[0] = 0x33;
	ASSERT_EQ(memory[0], 0x11);
}

/* Memory of our own that is one huge page, if there are any. */
static char *huge_memory(unsigned long huge)
{
	char *memory = POINTER((ADDRESS(anonymous(2 * huge / P)) + huge - 1) / huge * huge);

	madvise(memory, huge, MADV_HUGEPAGE);
	memset(memory, 0x11, huge);
	return memory;
}

/* Whoever looks at no more than the page tables must not take huge frames for pages, either. */
TEST_F(mapping, of_huge_frames_is_not_for_direct_io) {
	const unsigned long huge = huge_page();
	struct playground call = { .order = PLAYGROUND_BUFFER, .options = BOTH | CONTIGUOUS,
				   .length = huge, .offset = huge };
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT), ids[2], id, i;
	char *address;

	if (!huge)
		SKIP(return, "the kernel has no huge pages");
	ASSERT_GE(disk, 0);
	ids[0] = make(self->fd, call);
	if (ids[0] == -ENOMEM)
		SKIP(return, "the kernel has no %lu contiguous bytes: a huge page", huge);
	ASSERT_EQ(fill(self->fd, ids[0], 0, huge, 0x11), 0);
	ids[1] = user_memory(self->fd, 0, huge_memory(huge), huge, BOTH);
	for (i = 0; i < 2; i++) {
		ASSERT_GT(map(self->fd, ids[i], UNIQUE, &address), 0);
		ASSERT_TRUE(all_are(address, huge, 0x11));
		touch_all(address, huge);
		EXPECT_EQ(read(disk, address + P, P), -1);
		EXPECT_EQ(errno, EFAULT);
		EXPECT_EQ(write(disk, address + P, P), -1);
		EXPECT_EQ(errno, EFAULT);
		id = user_memory(self->fd, 0, address + P, P, BOTH);
		EXPECT_EQ(simply(self->fd, PLAYGROUND_PREPARE, id, 0), -EFAULT);
		EXPECT_EQ(look(address + P + 1), 0x11);
	}
	close(disk);
}

/* What debuggers and others get who look at memory through the task. */
TEST_F(mapping, is_not_for_who_looks_from_outside) {
	int id = buffer(self->fd, P, 0x11), memory = open("/proc/self/mem", O_RDWR), status;
	char *address, byte = 0x22;
	pid_t pid;

	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	ASSERT_EQ(look(address), 0x11);
	ASSERT_GE(memory, 0);
	ASSERT_EQ(pread(memory, &byte, 1, ADDRESS(address)), -1);
	ASSERT_EQ(errno, EIO);
	ASSERT_EQ(pwrite(memory, &byte, 1, ADDRESS(address)), -1);
	ASSERT_EQ(errno, EIO);
	close(memory);
	pid = twin(wait_for_the_end, NULL);
	ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	ASSERT_EQ(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	errno = 0;
	ASSERT_EQ(ptrace(PTRACE_PEEKDATA, pid, address, NULL), -1);
	ASSERT_EQ(errno, EIO);
	ASSERT_EQ(ptrace(PTRACE_POKEDATA, pid, address, (void *)1), -1);
	ASSERT_EQ(errno, EIO);
	kill(pid, SIGKILL);
	ASSERT_EQ(wait_for(pid), -SIGKILL);
	/* Neither in core dumps, nor for what waits by the page. */
	ASSERT_EQ(madvise(address, P, MADV_DODUMP), -1);
	ASSERT_EQ(errno, EINVAL);
	ASSERT_EQ(syscall(SYS_futex, address, FUTEX_WAKE, 1, NULL, NULL, 0), -1);
	ASSERT_EQ(errno, EFAULT);
	/* A private one goes by the address alone. */
	ASSERT_EQ(syscall(SYS_futex, address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0),
		  0);
	ASSERT_EQ(look(address), 0x11);
}

TEST_F(mapping, is_not_for_direct_io) {
	int id = buffer(self->fd, 2 * P, 0x11), disk = open("/dev/ram0", O_RDWR | O_DIRECT);
	struct iovec local, remote;
	char *address, *memory;

	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	if (disk >= 0) {
		ASSERT_EQ(read(disk, address, P), -1);
		ASSERT_EQ(errno, EFAULT);
		ASSERT_EQ(write(disk, address, P), -1);
		ASSERT_EQ(errno, EFAULT);
	}
	/* Neither for others who pin pages, such as a descriptor. */
	id = user_memory(self->fd, 0, address, P, BOTH);
	ASSERT_EQ(simply(self->fd, PLAYGROUND_PREPARE, id, 0), -EFAULT);
	memory = anonymous(1);
	local = (struct iovec) { memory, P };
	remote = (struct iovec) { address, P };
	ASSERT_EQ(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), -1);
	/* What is copied is fine. */
	disk = open("/dev/zero", O_RDONLY);
	ASSERT_EQ(read(disk, address + P / 2, P), P);
	ASSERT_TRUE(all_are(address + P / 2, P, 0));
	ASSERT_TRUE(all_are(address, P / 2, 0x11));
	ASSERT_EQ(madvise(address, P, MADV_DONTNEED), -1);
	ASSERT_EQ(look(address), 0x11);
}

TEST_HARNESS_MAIN
