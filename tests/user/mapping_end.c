// SPDX-License-Identifier: GPL-2.0
/*
 * How mappings change and end: by their task, by its end, by their driver.
 */
#include <sys/syscall.h>

#include "tests/user/mapping.h"

FIXTURE(end) {
	int fd;
	struct alive before;
};

FIXTURE_SETUP(end) {
	catch_signals();
	self->fd = open(PLAYGROUND, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->before = alive(self->fd);
}

FIXTURE_TEARDOWN(end) {
	close(self->fd);
}

/* A mapping that only its task keeps. */
static char *map_and_forget(int fd, u64 pages, u8 byte, u64 options)
{
	int id = buffer(fd, pages * P, byte), mapping;
	char *address;

	mapping = map(fd, id, options | KEPT, &address);
	if (mapping < 0)
		return NULL;
	release(fd, mapping);
	release(fd, id);
	return address;
}

/* The two ways to be filled, for all that depends on what page tables hold. */
static const u64 fillings[] = { 0, PREFAULT };

TEST_F(end, by_munmap) {
	int i;

	for (i = 0; i < 2; i++) {
		char *address = map_and_forget(self->fd, 8, 0x11, fillings[i]);

		ASSERT_NE(address, NULL);
		ASSERT_TRUE(all_are(address, 8 * P, 0x11));
		ASSERT_EQ(alive(self->fd).mapped, self->before.mapped + 1);
		ASSERT_EQ(munmap(address, 8 * P), 0);
		ASSERT_EQ(look(address), -SIGSEGV);
		EXPECT_NOTHING_LEFT();
	}
}

TEST_F(end, by_munmap_of_parts) {
	static const struct {
		unsigned int first, count;
	} parts[] = { { 0, 4 }, { 4, 4 }, { 2, 4 }, { 0, 1 }, { 7, 1 }, { 3, 1 } };
	int i, k, page;

	for (k = 0; k < 2; k++)
		for (i = 0; i < 6; i++) {
			unsigned int first = parts[i].first, end = first + parts[i].count;
			int id = buffer(self->fd, 8 * P, 0), mapping;
			char *address;

			for (page = 0; page < 8; page++)
				ASSERT_EQ(fill(self->fd, id, page * P, P, page), 0);
			mapping = map(self->fd, id, fillings[k], &address);
			ASSERT_EQ(munmap(address + first * P, (end - first) * P), 0);
			/* What remains is where it was, also if it is touched only now. */
			for (page = 0; page < 8; page++)
				ASSERT_EQ(look(address + page * P),
					  page >= first && page < end ? -SIGSEGV : page);
			ASSERT_EQ(fill(self->fd, id, 0, 8 * P, 0x99), 0);
			ASSERT_EQ(unmap(self->fd, mapping), 0);
			for (page = 0; page < 8; page++)
				ASSERT_EQ(look(address + page * P),
					  page >= first && page < end ? -SIGSEGV : -SIGBUS);
			ASSERT_EQ(munmap(address, 8 * P), 0);
			release(self->fd, mapping);
			release(self->fd, id);
			EXPECT_NOTHING_LEFT();
		}
}

TEST_F(end, is_not_what_mremap_does) {
	char *address, *there, *moved;
	int i, page;

	for (i = 0; i < 2; i++) {
		int id = buffer(self->fd, 8 * P, 0), mapping;

		for (page = 0; page < 8; page++)
			ASSERT_EQ(fill(self->fd, id, page * P, P, page), 0);
		mapping = map(self->fd, id, fillings[i], &address);
		ASSERT_EQ(look(address + P), 1);
		/* More of it than there is can't be had. */
		ASSERT_EQ(mremap(address, 8 * P, 9 * P, MREMAP_MAYMOVE), MAP_FAILED);
		ASSERT_EQ(errno, EFAULT);
		ASSERT_EQ(mremap(address, 8 * P, 9 * P, 0), MAP_FAILED);
		ASSERT_EQ(mremap(address, 0, 8 * P, MREMAP_MAYMOVE), MAP_FAILED);
		ASSERT_EQ(mremap(address, 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL),
			  MAP_FAILED);
		there = room(64);
		moved = mremap(address, 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_FIXED, there);
		ASSERT_EQ(moved, there);
		ASSERT_EQ(look(address), -SIGSEGV);
		for (page = 0; page < 8; page++)
			ASSERT_EQ(look(moved + page * P), page);
		/* A part, to where it is not its neighbours' neighbour. */
		ASSERT_EQ(mremap(moved + 2 * P, 3 * P, 3 * P, MREMAP_MAYMOVE | MREMAP_FIXED,
				 there + 32 * P), there + 32 * P);
		address = there + 32 * P;
		ASSERT_EQ(mremap(moved + 5 * P, 3 * P, P, 0), moved + 5 * P);
		ASSERT_EQ(look(address + 2 * P), 4);
		ASSERT_EQ(look(moved + P), 1);
		ASSERT_EQ(look(moved + 2 * P), -SIGSEGV);
		ASSERT_EQ(look(moved + 5 * P), 5);
		ASSERT_EQ(look(moved + 6 * P), -SIGSEGV);
		/* Wherever it is by now, it is found. */
		ASSERT_EQ(unmap(self->fd, mapping), 0);
		ASSERT_EQ(look(address + 2 * P), -SIGBUS);
		ASSERT_EQ(look(moved + P), -SIGBUS);
		ASSERT_EQ(look(moved + 5 * P), -SIGBUS);
		release(self->fd, mapping);
		release(self->fd, id);
		ASSERT_EQ(munmap(there, 64 * P), 0);
		EXPECT_NOTHING_LEFT();
	}
}

TEST_F(end, takes_the_memory_away_at_once) {
	char *address, *other;
	int i;

	for (i = 0; i < 2; i++) {
		int id = buffer(self->fd, 4 * P, 0x11), mapping, other_id;

		mapping = map(self->fd, id, fillings[i], &address);
		ASSERT_EQ(look(address), 0x11);
		/* A part is elsewhere, so that the addresses stay. */
		ASSERT_NE(mremap(address + 3 * P, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, room(1)),
			  MAP_FAILED);
		ASSERT_EQ(unmap(self->fd, mapping), 0);
		ASSERT_EQ(address_of(self->fd, mapping), NULL);
		ASSERT_EQ(look(address), -SIGBUS);
		ASSERT_EQ(try_write(address + P, 1), SIGBUS);
		/* The memory may be somebody else's by now. */
		release(self->fd, id);
		release(self->fd, mapping);
		ASSERT_EQ(settle(self->fd, self->before).mappings, self->before.mappings);
		other = map_and_forget(self->fd, 4, 0x22, fillings[i]);
		ASSERT_EQ(look(address), -SIGBUS);
		ASSERT_EQ(try_write(address, 0x33), SIGBUS);
		ASSERT_TRUE(all_are(other, 4 * P, 0x22));
		ASSERT_EQ(munmap(address, 3 * P), 0);
		ASSERT_EQ(munmap(other, 4 * P), 0);
		/* The descriptor alone does not take it. */
		address = map_and_forget(self->fd, 4, 0x44, fillings[i]);
		other_id = buffer(self->fd, 4 * P, 0x55);
		ASSERT_TRUE(all_are(address, 4 * P, 0x44));
		ASSERT_EQ(munmap(address, 4 * P), 0);
		release(self->fd, other_id);
		EXPECT_NOTHING_LEFT();
	}
}

TEST_F(end, in_any_order) {
	/* Who goes when: the descriptor, the mapping, the task's view. */
	static const char orders[][4] = { "dmv", "dvm", "mdv", "mvd", "vdm", "vmd" };
	int i, k, step;

	for (k = 0; k < 2; k++)
		for (i = 0; i < 6; i++) {
			int id = buffer(self->fd, 4 * P, 0x11), mapping;
			char *address;

			mapping = map(self->fd, id, fillings[k], &address);
			ASSERT_GT(mapping, 0);
			for (step = 0; step < 3; step++) {
				switch (orders[i][step]) {
				case 'd':
					ASSERT_EQ(release(self->fd, id), 0);
					break;
				case 'm':
					ASSERT_EQ(release(self->fd, mapping), 0);
					alive(self->fd);
					break;
				default:
					/* The driver's release ends it. */
					ASSERT_EQ(look(address), memchr(orders[i], 'm', step) ?
						  -SIGBUS : 0x11);
					ASSERT_EQ(munmap(address, 4 * P), 0);
				}
			}
			EXPECT_NOTHING_LEFT();
		}
}

/* The file that made it is closed, the driver as good as gone. */
TEST_F(end, after_its_file) {
	static const u64 keeps[] = { 0, KEPT };
	char *address[2];
	int i;

	for (i = 0; i < 2; i++) {
		int other = open(PLAYGROUND, O_RDWR), id = buffer(other, 4 * P, 0x11), k;

		for (k = 0; k < 2; k++) {
			ASSERT_GT(map(other, id, UNIQUE | fillings[k] | keeps[i], &address[k]), 0);
			ASSERT_TRUE(all_are(address[k], 4 * P, 0x11));
		}
		close(other);
		alive(self->fd);
		for (k = 0; k < 2; k++) {
			ASSERT_EQ(look(address[k]), keeps[i] ? 0x11 : -SIGBUS);
			ASSERT_EQ(try_write(address[k] + P, 0x22), keeps[i] ? 0 : SIGBUS);
			ASSERT_EQ(munmap(address[k], 4 * P), 0);
		}
		EXPECT_NOTHING_LEFT();
	}
}

/* Whoever has a reference keeps it: of two that share it, and of one that is a part of it. */
TEST_F(end, by_the_last_release) {
	int id = buffer(self->fd, 4 * P, 0x11), i;
	char *address, *other, *part;

	for (i = 0; i < 2; i++) {
		int first = map(self->fd, id, fillings[i], &address);
		int second = map(self->fd, id, 0, &other);
		int third = map_part(self->fd, id, 0, P, P, &part);

		ASSERT_EQ(other, address);
		ASSERT_EQ(part, address + P);
		ASSERT_EQ(release(self->fd, first), 0);
		ASSERT_EQ(look(address), 0x11);
		ASSERT_EQ(release(self->fd, second), 0);
		ASSERT_EQ(look(address + 2 * P), 0x11);
		ASSERT_EQ(release(self->fd, third), 0);
		/* An end may be deferred. */
		alive(self->fd);
		ASSERT_EQ(look(address), -SIGBUS);
		ASSERT_EQ(look(address + P), -SIGBUS);
		ASSERT_EQ(try_write(address, 1), SIGBUS);
		ASSERT_EQ(munmap(address, 4 * P), 0);
		/* What the task keeps is another one. */
		first = map(self->fd, id, fillings[i] | KEPT, &address);
		second = map(self->fd, id, 0, &other);
		ASSERT_NE(other, address);
		third = map(self->fd, id, KEPT, &part);
		ASSERT_EQ(part, address);
		ASSERT_EQ(release(self->fd, second), 0);
		ASSERT_EQ(release(self->fd, third), 0);
		ASSERT_EQ(release(self->fd, first), 0);
		alive(self->fd);
		ASSERT_EQ(look(other), -SIGBUS);
		ASSERT_EQ(look(address), 0x11);
		ASSERT_EQ(munmap(address, 4 * P), 0);
		ASSERT_EQ(munmap(other, 4 * P), 0);
	}
	ASSERT_EQ(release(self->fd, id), 0);
	EXPECT_NOTHING_LEFT();
}

static void wait_there(void *data)
{
	_exit(100 - look(data));
}

/* Who waits for the end of a redirect does not wait for what is gone. */
TEST_F(end, of_waiting_by_the_last_release) {
	int id = buffer(self->fd, P, 0x11), mapping;
	char *address;
	pid_t pid;

	mapping = map(self->fd, id, UNIQUE, &address);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pid = twin(wait_there, address);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(release(self->fd, mapping), 0);
	ASSERT_EQ(wait_for(pid), 100 + SIGBUS);
	/* Neither for what the task has unmapped. */
	mapping = map(self->fd, id, UNIQUE, &address);
	ASSERT_EQ(redirect(self->fd, mapping, 0, 0), 0);
	pid = twin(wait_there, address);
	ASSERT_TRUE(is_stuck(pid));
	ASSERT_EQ(munmap(address, P), 0);
	ASSERT_EQ(wait_for(pid), 100 + SIGSEGV);
	release(self->fd, mapping);
	release(self->fd, id);
	EXPECT_NOTHING_LEFT();
}

/* How many areas of memory we have. */
static int areas(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int count = 0, c;

	while (file && (c = fgetc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

TEST_F(end, gives_the_addresses_back) {
	int id = buffer(self->fd, 4 * P, 0x11), before, i;
	char *address;

	ASSERT_GT(map(self->fd, id, 0, &address), 0);
	before = areas();
	for (i = 0; i < 200; i++) {
		int mapping = map(self->fd, id, UNIQUE | fillings[i % 2], &address);

		ASSERT_GT(mapping, 0);
		ASSERT_EQ(look(address), 0x11);
		if (i % 4 < 2) {
			ASSERT_EQ(unmap(self->fd, mapping), 0);
			ASSERT_EQ(look(address), -SIGSEGV);
		}
		ASSERT_EQ(release(self->fd, mapping), 0);
	}
	/* What was only released is given back when there is one more. */
	alive(self->fd);
	ASSERT_GT(map(self->fd, id, UNIQUE, &address), 0);
	ASSERT_LE(areas(), before + 1);
}

/* Only what is ours, and all there: not what the task has put there itself. */
TEST_F(end, gives_nothing_back_that_is_not_its_own) {
	int id = buffer(self->fd, 4 * P, 0x11), i, page;
	char *address, *own;

	for (i = 0; i < 12; i++) {
		int mapping = map(self->fd, id, UNIQUE | fillings[i % 2], &address);

		page = i / 2 % 4;
		own = mmap(address + page * P, P, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_EQ(own, address + page * P);
		own[5] = 0x77;
		if (i < 8)
			ASSERT_EQ(unmap(self->fd, mapping), 0);
		ASSERT_EQ(release(self->fd, mapping), 0);
		alive(self->fd);
		ASSERT_EQ(own[5], 0x77);
		ASSERT_EQ(look(address + (page + 1) % 4 * P), -SIGBUS);
		/* When the next one comes, too. */
		mapping = map(self->fd, id, UNIQUE, &own);
		ASSERT_EQ(address[page * P + 5], 0x77);
		ASSERT_EQ(release(self->fd, mapping), 0);
		ASSERT_EQ(munmap(address, 4 * P), 0);
		ASSERT_EQ(munmap(own, 4 * P), 0);
	}
}

static long module_users(void)
{
	FILE *file = fopen("/sys/module/iomd/refcnt", "r");
	long users = -1;

	if (!file || fscanf(file, "%ld", &users) != 1)
		users = -1;
	if (file)
		fclose(file);
	return users;
}

TEST_F(end, leaves_the_module_alone) {
	long before = module_users(), i;
	char *address[10];

	ASSERT_GE(before, 0);
	for (i = 0; i < 10; i++) {
		int id = buffer(self->fd, P, 0x11);
		int mapping = map(self->fd, id, KEPT, &address[i]);

		ASSERT_GT(mapping, 0);
		ASSERT_EQ(look(address[i]), 0x11);
		release(self->fd, mapping);
		release(self->fd, id);
	}
	/* Nobody takes it from under them. */
	ASSERT_GE(module_users(), before + 10);
	ASSERT_EQ(syscall(SYS_delete_module, "iomd", O_NONBLOCK), -1);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(munmap(address[i], P), 0);
	EXPECT_NOTHING_LEFT();
	for (i = 0; i < 400 && module_users() != before; i++)
		nap(5);
	ASSERT_EQ(module_users(), before);
}

/*
 * Children
 */

struct family {
	char *address;
	int fd, from_child[2], to_child[2];
};

static void tell(int fd, char word)
{
	if (write(fd, &word, 1) != 1)
		_exit(99);
}

static char hear(int fd)
{
	char word = 0;

	return read(fd, &word, 1) == 1 ? word : 0;
}

static void open_family(struct family *family, int fd, char *address)
{
	family->address = address;
	family->fd = fd;
	if (pipe(family->from_child) || pipe(family->to_child))
		abort();
}

static void close_family(struct family *family)
{
	close(family->from_child[0]);
	close(family->from_child[1]);
	close(family->to_child[0]);
	close(family->to_child[1]);
}

static void look_and_tell(void *data)
{
	struct family *family = data;
	int there = look(family->address);

	tell(family->from_child[1], there == -SIGSEGV ? 'n' : 'y');
	/* What was not there can't come back, either. */
	hear(family->to_child[0]);
	_exit(look(family->address) == -SIGSEGV ? 0 : 1);
}

/* Of pages, and of huge ones, if there are any: fork() would copy an entry of these. */
static void expect_no_copy(struct __test_metadata *_metadata, int fd, int id, u64 options)
{
	struct family family;
	char *address;
	int mapping;
	pid_t pid;

	mapping = map(fd, id, UNIQUE | options, &address);
	ASSERT_GT(mapping, 0);
	open_family(&family, fd, address);
	ASSERT_EQ(look(address), 0x11);
	/* A task can't change that. */
	ASSERT_EQ(madvise(address, P, MADV_DOFORK), -1);
	ASSERT_EQ(errno, EINVAL);
	pid = child(look_and_tell, &family);
	ASSERT_EQ(hear(family.from_child[0]), 'n');
	ASSERT_EQ(look(address), 0x11);
	tell(family.to_child[1], 'g');
	ASSERT_EQ(wait_for(pid), 0);
	ASSERT_EQ(unmap(fd, mapping), 0);
	release(fd, mapping);
	close_family(&family);
}

TEST_F(end, is_not_for_children) {
	const unsigned long huge = huge_page();
	int id = buffer(self->fd, 4 * P, 0x11), i;

	for (i = 0; i < 2; i++)
		expect_no_copy(_metadata, self->fd, id, fillings[i]);
	id = make(self->fd, (struct playground) {
		.order = PLAYGROUND_BUFFER,
		.options = BOTH | CONTIGUOUS,
		.length = huge,
		.offset = huge,
	});
	if (!huge || id < 0)
		SKIP(return, "the kernel has no huge page");
	ASSERT_EQ(fill(self->fd, id, 0, huge, 0x11), 0);
	for (i = 0; i < 2; i++)
		expect_no_copy(_metadata, self->fd, id, fillings[i]);
}

static void exec_something(void *data)
{
	struct family *family = data;

	family->address = map_and_forget(family->fd, 4, 0x11, PREFAULT);
	if (!family->address || look(family->address) != 0x11)
		_exit(1);
	/* Its descriptors of files stay open, its memory does not. */
	execl("/bin/busybox", "true", NULL);
	_exit(2);
}

static void exit_with_it(void *data)
{
	struct family *family = data;
	int i;

	for (i = 0; i < 20; i++)
		if (!map_and_forget(family->fd, 4, 0x11, i % 2 ? PREFAULT : 0))
			_exit(1);
	_exit(0);
}

TEST_F(end, by_execve_and_exit) {
	struct family family = { .fd = self->fd };

	ASSERT_EQ(wait_for(child(exec_something, &family)), 0);
	EXPECT_NOTHING_LEFT();
	ASSERT_EQ(wait_for(child(exit_with_it, &family)), 0);
	EXPECT_NOTHING_LEFT();
}

/*
 * Other tasks
 */

static void obey(void *data)
{
	struct family *family = data;
	char *address;

	close(family->to_child[1]);
	tell(family->from_child[1], 'r');
	while (read(family->to_child[0], &address, sizeof(address)) == sizeof(address)) {
		int found = look(address);

		if (found >= 0)
			try_write(address, 0x77);
		if (write(family->from_child[1], &found, sizeof(found)) != sizeof(found))
			_exit(1);
	}
	_exit(0);
}

static int have_it_look(struct family *family, char *address)
{
	int found = -1000;

	if (write(family->to_child[1], &address, sizeof(address)) != sizeof(address) ||
	    read(family->from_child[0], &found, sizeof(found)) != sizeof(found))
		return -1001;
	return found;
}

TEST_F(end, of_mappings_in_other_tasks) {
	struct playground call = { .order = PLAYGROUND_MAP };
	int id = buffer(self->fd, 4 * P, 0x11), i, mappings[2];
	struct family family;
	char *place, *address[2];
	pid_t pid;

	place = room(8);
	ASSERT_EQ(munmap(place, 8 * P), 0);
	open_family(&family, self->fd, NULL);
	pid = child(obey, &family);
	close(family.to_child[0]);
	ASSERT_EQ(hear(family.from_child[0]), 'r');
	for (i = 0; i < 2; i++) {
		call.order = PLAYGROUND_MAP;
		call.id = id;
		call.pid = pid;
		call.options = UNIQUE | fillings[i] | (i ? 0 : ANYWHERE);
		call.address = ADDRESS(place);
		ASSERT_EQ(playground(self->fd, &call), 0);
		mappings[i] = call.id;
		address[i] = POINTER(call.address);
	}
	ASSERT_EQ(address[1], place);
	call.id = id;
	ASSERT_EQ(playground(self->fd, &call), -EEXIST);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(have_it_look(&family, address[i]), i ? 0x77 : 0x11);
		ASSERT_EQ(have_it_look(&family, address[i] + 4 * P - 1), i ? 0x77 : 0x11);
	}
	ASSERT_EQ(peek(self->fd, id, 0), 0x77);
	/* It is not ours. */
	ASSERT_EQ(look(place), -SIGSEGV);
	ASSERT_EQ(unmap(self->fd, mappings[0]), 0);
	ASSERT_EQ(have_it_look(&family, address[0]), -SIGBUS);
	ASSERT_EQ(have_it_look(&family, address[1]), 0x77);
	release(self->fd, mappings[0]);
	release(self->fd, id);
	/* With its task, the other one ends. */
	close(family.to_child[1]);
	ASSERT_EQ(wait_for(pid), 0);
	for (i = 0; i < 1000 && address_of(self->fd, mappings[1]); i++)
		nap(5);
	ASSERT_EQ(address_of(self->fd, mappings[1]), NULL);
	release(self->fd, mappings[1]);
	EXPECT_NOTHING_LEFT();
	call.pid = pid;
	call.id = buffer(self->fd, P, 0);
	ASSERT_EQ(playground(self->fd, &call), -ESRCH);
	close(family.from_child[0]);
	close(family.from_child[1]);
}

/* Memory of a task that is gone. */
TEST_F(end, of_the_owner_of_the_memory) {
	struct family family;
	char *memory = anonymous(2);
	char *address;
	pid_t pid;
	int id, mapping;

	open_family(&family, self->fd, NULL);
	pid = child(obey, &family);
	close(family.to_child[0]);
	ASSERT_EQ(hear(family.from_child[0]), 'r');
	id = user_memory(self->fd, pid, memory, P, BOTH);
	ASSERT_GT(id, 0);
	ASSERT_EQ(have_it_look(&family, memory), 0);
	mapping = map(self->fd, id, 0, &address);
	ASSERT_GT(mapping, 0);
	ASSERT_EQ(look(address), 0x77);
	ASSERT_EQ(look(memory), 0);
	close(family.to_child[1]);
	ASSERT_EQ(wait_for(pid), 0);
	ASSERT_EQ(look(address), 0x77);
	ASSERT_EQ(try_write(address + P - 1, 1), 0);
	ASSERT_EQ(munmap(address, P), 0);
	release(self->fd, mapping);
	release(self->fd, id);
	EXPECT_NOTHING_LEFT();
}

/*
 * Many
 */

static void come_and_go(void *data)
{
	static char *address[1000];
	static int mappings[1000];
	int fd = *(int *)data, i;

	for (i = 0; i < 1000; i++) {
		int id = buffer(fd, P, i);

		mappings[i] = map(fd, id, 0, &address[i]);
		if (mappings[i] < 0 || release(fd, id))
			_exit(1);
	}
	for (i = 0; i < 1000; i++)
		if (look(address[i]) != (u8)i)
			_exit(2);
	/* Some end one way, some another. */
	for (i = 0; i < 750; i++)
		if (i % 3 == 0 ? unmap(fd, mappings[i]) : i % 3 == 1 ? munmap(address[i], P) :
		    release(fd, mappings[i]))
			_exit(3);
	_exit(0);
}

TEST_F(end, of_a_thousand) {
	int fd = open(PLAYGROUND, O_RDWR);

	ASSERT_EQ(wait_for(child(come_and_go, &fd)), 0);
	close(fd);
	EXPECT_NOTHING_LEFT();
}

TEST_F(end, of_four_thousand_in_four_tasks) {
	int fd = open(PLAYGROUND, O_RDWR), i;
	pid_t pids[4];

	for (i = 0; i < 4; i++)
		pids[i] = child(come_and_go, &fd);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(wait_for(pids[i]), 0);
	close(fd);
	EXPECT_NOTHING_LEFT();
}

TEST_HARNESS_MAIN
