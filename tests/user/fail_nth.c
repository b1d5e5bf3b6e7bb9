// SPDX-License-Identifier: GPL-2.0
/*
 * Each operation is repeated, failing its first step, its second ..., until there is
 * no such step: the memory is found wanting, and nothing is left taken. Works on any
 * kernel, as the steps are iomd's own.
 */
#include <sys/syscall.h>

#include "tests/user/mapping.h"

#define PAGES		40
#define PAGEABLE	BIT(23)
#define PURGEABLE	BIT(24)
#define DOUBLE_BUFFER	BIT(54)
#define ITERATE_ONLY	BIT(53)
/* Where no machine that runs the suites has RAM. */
#define NO_RAM		BIT(40)

FIXTURE(fail) {
	int fd;
	struct alive before;
	/* Set up once. */
	char *memory;
	int user, small, buffer, pieces, several, mapping, command;
};

/* A descriptor of the same kind as the fixture's whatever it has pinned. */
static int user_pages(int fd, char *memory, u64 pages)
{
	return user_memory(fd, 0, memory + 7, pages * P - 7, BOTH);
}

FIXTURE_SETUP(fail) {
	struct playground command = { .order = PLAYGROUND_COMMAND, .length = P };
	u32 ids[3];
	char *address;
	int i;

	catch_signals();
	self->fd = open(PLAYGROUND, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->before = alive(self->fd);
	self->memory = anonymous(PAGES);
	ASSERT_NE(self->memory, MAP_FAILED);
	memset(self->memory, 1, PAGES * P);
	self->user = user_pages(self->fd, self->memory, PAGES);
	self->small = user_pages(self->fd, self->memory, 2);
	self->buffer = buffer(self->fd, PAGES * P, 0x11);
	for (i = 0; i < 3; i++)
		ids[i] = buffer(self->fd, 3 * P, 0x22 + i);
	self->pieces = multi(self->fd, ids, 3);
	ids[0] = self->user;
	ids[1] = self->small;
	self->several = multi(self->fd, ids, 2);
	self->mapping = map_part(self->fd, self->buffer, UNIQUE, 0, 3 * P, &address);
	self->command = make(self->fd, command);
	ASSERT_GT(self->user, 0);
	ASSERT_GT(self->small, 0);
	ASSERT_GT(self->buffer, 0);
	ASSERT_GT(self->pieces, 0);
	ASSERT_GT(self->several, 0);
	ASSERT_GT(self->mapping, 0);
	if (self->command != -ENODEV)
		ASSERT_GT(self->command, 0);
}

FIXTURE_TEARDOWN(fail) {
	unmap(self->fd, self->mapping);
	close(self->fd);
	self->fd = open(PLAYGROUND, O_RDWR);
	EXPECT_NOTHING_LEFT();
	close(self->fd);
}

/* An operation; what it makes, if anything, is released afterwards. */
struct operation {
	const char *name;
	struct playground call;
	bool makes;
};

/* How many of its steps can fail; -1 if something was not as it should be. */
static int fail_each_step(int fd, const struct operation *operation)
{
	struct alive before = alive(fd), now;
	u32 nth;
	int ret;

	for (nth = 1; nth < 2000; nth++) {
		struct playground call = operation->call;

		call.fail = nth;
		ret = playground(fd, &call);
		if (!ret && operation->makes) {
			/* Who only gives a mapping back goes on seeing it. */
			unmap(fd, call.id);
			release(fd, call.id);
		}
		now = settle(fd, before);
		/* Who looks for large pages may be content with small ones. */
		if ((ret && !(call.failed && ret == -ENOMEM)) ||
		    memcmp(&now, &before, sizeof(now))) {
			printf("# %s, step %u: %d%s\n", operation->name, nth, ret,
			       memcmp(&now, &before, sizeof(now)) ? ", something is left" : "");
			return -1;
		}
		if (!call.failed)
			return nth - 1;
	}
	return -1;
}

/* Sum of the steps of all that there are, each of which has one at least. */
#define EXPECT_EACH_TO_FAIL(operations) do {					\
	unsigned int i;								\
										\
	for (i = 0; i < sizeof(operations) / sizeof((operations)[0]); i++) {	\
		int steps = fail_each_step(self->fd, &(operations)[i]);		\
										\
		EXPECT_GT(steps, 0) {						\
			TH_LOG("%s: %d steps", (operations)[i].name, steps);	\
		}								\
	}									\
} while (0)

#define MAKE(what, ...)	{ .name = what, .makes = true, .call = { __VA_ARGS__ } }
#define DO(what, ...)	{ .name = what, .call = { __VA_ARGS__ } }

TEST_F(fail, making_descriptors) {
	u32 ids[2] = { self->buffer, self->small };
	const struct operation operations[] = {
		MAKE("user memory", .order = PLAYGROUND_USER, .options = BOTH,
		     .address = ADDRESS(self->memory), .length = PAGES * P),
		MAKE("physical memory", .order = PLAYGROUND_PHYSICAL, .options = BOTH,
		     .address = NO_RAM, .length = P),
		MAKE("buffer", .order = PLAYGROUND_BUFFER, .options = BOTH, .length = PAGES * P),
		MAKE("contiguous buffer", .order = PLAYGROUND_BUFFER,
		     .options = BOTH | CONTIGUOUS, .length = PAGES * P, .offset = P),
		MAKE("buffer with a cache mode", .order = PLAYGROUND_BUFFER,
		     .options = BOTH | (HAVE_CACHE_MODES ? WRITE_COMBINE : COPYBACK),
		     .length = PAGES * P),
		MAKE("pageable buffer", .order = PLAYGROUND_BUFFER, .options = BOTH | PAGEABLE,
		     .length = PAGES * P),
		MAKE("purgeable buffer", .order = PLAYGROUND_BUFFER,
		     .options = BOTH | PAGEABLE | PURGEABLE, .length = PAGES * P),
		MAKE("guard", .order = PLAYGROUND_GUARD, .length = 2 * P),
		MAKE("part", .order = PLAYGROUND_SUB, .other = self->buffer, .options = BOTH,
		     .length = 2 * P),
		MAKE("several", .order = PLAYGROUND_MULTI, .options = BOTH, .address = ADDRESS(ids),
		     .length = 2),
		MAKE("pieces", .order = PLAYGROUND_INTERLEAVED, .other = self->buffer,
		     .offset = P, .length = P),
	};

	EXPECT_EACH_TO_FAIL(operations);
}

TEST_F(fail, preparing) {
	const struct operation operations[] = {
		DO("small user memory", .order = PLAYGROUND_CYCLE, .id = self->small),
		DO("user memory", .order = PLAYGROUND_CYCLE, .id = self->user),
		DO("several", .order = PLAYGROUND_CYCLE, .id = self->several),
		DO("filling", .order = PLAYGROUND_FILL, .id = self->user, .options = 3,
		   .length = 5 * P),
	};

	EXPECT_EACH_TO_FAIL(operations);
}

TEST_F(fail, mapping_for_a_device) {
	const struct operation operations[] = {
		DO("user memory for a device", .order = PLAYGROUND_CYCLE, .id = self->user,
		   .offset = 5, .length = 3 * P),
		DO("a buffer for a device", .order = PLAYGROUND_CYCLE, .id = self->buffer,
		   .length = PAGES * P),
		DO("pieces for a device", .order = PLAYGROUND_CYCLE, .id = self->pieces,
		   .offset = P, .length = 4 * P),
	};

	if (self->command == -ENODEV)
		SKIP(return, "no edu device");
	EXPECT_EACH_TO_FAIL(operations);
}

TEST_F(fail, dma_bufs) {
	/* A dma-buf is whole pages. */
	int pages = user_memory(self->fd, 0, self->memory, PAGES * P, BOTH);
	struct playground export = { .order = PLAYGROUND_EXPORT, .id = pages };
	struct alive before = alive(self->fd), now;
	u32 nth;
	int ret = playground(self->fd, &export);

	if (ret == -EOPNOTSUPP) {
		release(self->fd, pages);
		SKIP(return, "a kernel without dma-bufs");
	}
	ASSERT_EQ(ret, 0);
	{
		const struct operation operations[] = {
			MAKE("importing", .order = PLAYGROUND_DMA_BUF, .address = export.address,
			     .options = BOTH, .length = 5 * P),
		};

		EXPECT_EACH_TO_FAIL(operations);
	}
	ASSERT_EQ(close(export.address), 0);
	for (nth = 1; nth < 200; nth++) {
		export.fail = nth;
		ret = playground(self->fd, &export);
		if (!ret)
			close(export.address);
		now = settle(self->fd, before);
		ASSERT_EQ(memcmp(&now, &before, sizeof(now)), 0);
		ASSERT_EQ(ret, export.failed ? -ENOMEM : 0);
		if (!export.failed)
			break;
	}
	ASSERT_GT(nth, 3);
	release(self->fd, pages);
}

TEST_F(fail, commands) {
	int md[] = { self->user, self->buffer, self->pieces, self->several };
	const struct operation make[] = {
		MAKE("command", .order = PLAYGROUND_COMMAND, .length = P),
		MAKE("command that copies nothing", .order = PLAYGROUND_COMMAND, .length = P,
		     .options = ITERATE_ONLY),
	};
	const struct operation run[] = {
		DO("running", .order = PLAYGROUND_COMMAND_RUN, .id = self->command),
		DO("running for input", .order = PLAYGROUND_COMMAND_RUN, .id = self->command,
		   .options = 1),
		DO("running with a copy", .order = PLAYGROUND_COMMAND_RUN, .id = self->command,
		   .options = DOUBLE_BUFFER),
	};
	unsigned int i;

	if (self->command == -ENODEV)
		SKIP(return, "no edu device");
	EXPECT_EACH_TO_FAIL(make);
	for (i = 0; i < 4; i++) {
		struct playground memory = { .order = PLAYGROUND_COMMAND_MEMORY,
					     .id = self->command, .other = md[i] };

		ASSERT_EQ(playground(self->fd, &memory), 0);
		EXPECT_EACH_TO_FAIL(run);
	}
}

TEST_F(fail, mapping) {
	const struct operation operations[] = {
		MAKE("mapping a buffer", .order = PLAYGROUND_MAP, .id = self->buffer,
		     .options = ANYWHERE | UNIQUE),
		MAKE("mapping pieces", .order = PLAYGROUND_MAP, .id = self->pieces,
		     .options = ANYWHERE | PREFAULT),
		MAKE("mapping what is mapped", .order = PLAYGROUND_MAP, .id = self->buffer,
		     .options = ANYWHERE | READ_ONLY | GUARDED_SMALL),
		MAKE("mapping user memory", .order = PLAYGROUND_MAP, .id = self->user,
		     .options = ANYWHERE, .offset = P - 7, .length = P),
		MAKE("mapping into the kernel", .order = PLAYGROUND_MAP_KERNEL, .id = self->pieces),
		MAKE("mapping user memory into the kernel", .order = PLAYGROUND_MAP_KERNEL,
		     .id = self->user),
		MAKE("mapping into the kernel anew", .order = PLAYGROUND_MAP_KERNEL,
		     .id = self->buffer, .options = HAVE_GUARDS ? GUARDED_SMALL : READ_ONLY),
	};

	EXPECT_EACH_TO_FAIL(operations);
}

static void wait_to_be_killed(void *data)
{
	pause();
}

/* Nothing is left with a process that had no part in it, either. */
TEST_F(fail, mapping_into_another_process) {
	pid_t other = child(wait_to_be_killed, NULL);
	const struct operation operations[] = {
		MAKE("a buffer", .order = PLAYGROUND_MAP, .id = self->buffer, .pid = other,
		     .options = ANYWHERE | UNIQUE),
		MAKE("our memory", .order = PLAYGROUND_MAP, .id = self->user, .pid = other,
		     .options = ANYWHERE | PREFAULT, .offset = P - 7, .length = P),
	};

	EXPECT_EACH_TO_FAIL(operations);
	kill(other, SIGKILL);
	EXPECT_EQ(wait_for(other), -SIGKILL);
}

/* A redirect that fails leaves what was seen. */
TEST_F(fail, redirecting) {
	char *address = address_of(self->fd, self->mapping);
	int other = user_memory(self->fd, 0, self->memory, PAGES * P, BOTH);
	struct alive before;
	u32 nth;

	ASSERT_GT(other, 0);
	ASSERT_EQ(look(address), 0x11);
	before = alive(self->fd);
	for (nth = 1; nth < 100; nth++) {
		struct playground call = { .order = PLAYGROUND_REDIRECT, .id = self->mapping,
					   .other = other, .fail = nth };
		int ret = playground(self->fd, &call);

		if (!call.failed) {
			ASSERT_EQ(ret, 0);
			break;
		}
		ASSERT_EQ(ret, -ENOMEM);
		ASSERT_EQ(look(address), 0x11);
		ASSERT_EQ(alive(self->fd).pinned, before.pinned);
	}
	ASSERT_GT(nth, 2);
	ASSERT_EQ(look(address), 1);
}

TEST_HARNESS_MAIN
