// SPDX-License-Identifier: GPL-2.0
/*
 * torture SECONDS SEED: processes with threads that do anything at any time to
 * descriptors, mappings and commands that all of them share, each failing a step now
 * and then; of the processes, some are killed in the middle of it.
 *
 * What each does follows from SEED; when, from the machine. Whether it went well the
 * kernel knows: its log, and what is left afterwards.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/user/mapping.h"

#define PROCESSES	4
#define THREADS		3
#define PAGES		48
#define IDS		40

#define PAGEABLE	BIT(23)
#define PURGEABLE	BIT(24)
#define DOUBLE_BUFFER	BIT(54)
#define ITERATE_ONLY	BIT(53)

enum kind { NOTHING, DESCRIPTOR, MAPPING, COMMAND };

/* Of all processes. */
static struct shared {
	u64 done[64], refused[64];
	pid_t pids[PROCESSES];
	/* What there was when it was made; it may be gone. */
	u8 kinds[IDS + 1];
} *shared;

static int fd;
static char *memory;

struct thread {
	u64 state;
	/* Where the last mapping that it made was, if it was for us. */
	char *seen;
};

/* xorshift64*: the same numbers from the same seed. */
static u64 random64(struct thread *thread)
{
	thread->state ^= thread->state >> 12;
	thread->state ^= thread->state << 25;
	thread->state ^= thread->state >> 27;
	return thread->state * 0x2545f4914f6cdd1dULL;
}

static u64 below(struct thread *thread, u64 limit)
{
	return (random64(thread) >> 11) % limit;
}

static bool one_in(struct thread *thread, unsigned int n)
{
	return !below(thread, n);
}

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static u64 any_of(struct thread *thread, const u64 *list, unsigned int count)
{
	return list[below(thread, count)];
}

#define ANY(thread, ...) ({							\
	const u64 list[] = { __VA_ARGS__ };					\
										\
	any_of(thread, list, COUNT(list));			\
})

/* The number of something, most often of the kind that is wanted. */
static u32 any_id(struct thread *thread, enum kind wanted)
{
	u32 id = 0;
	int i;

	for (i = 0; i < IDS; i++) {
		id = 1 + below(thread, IDS);
		if (LOOK(shared->kinds[id]) == wanted || one_in(thread, 50))
			break;
	}
	return id;
}

static enum kind kind_of(u32 order)
{
	switch (order) {
	case PLAYGROUND_MAP:
	case PLAYGROUND_MAP_KERNEL:
	case PLAYGROUND_UNMAP:
	case PLAYGROUND_REDIRECT:
	case PLAYGROUND_ADDRESS:
		return MAPPING;
	case PLAYGROUND_COMMAND:
	case PLAYGROUND_COMMAND_MEMORY:
	case PLAYGROUND_COMMAND_RUN:
		return COMMAND;
	default:
		return DESCRIPTOR;
	}
}

static bool makes(u32 order)
{
	return order <= PLAYGROUND_DMA_BUF || order == PLAYGROUND_MAP ||
	       order == PLAYGROUND_MAP_KERNEL || order == PLAYGROUND_COMMAND;
}

static pid_t any_process(struct thread *thread)
{
	return one_in(thread, 3) ? LOOK(shared->pids[below(thread, PROCESSES)]) : 0;
}

static void make_something(struct thread *thread, struct playground *call)
{
	static const u32 kinds[] = {
		PLAYGROUND_BUFFER, PLAYGROUND_BUFFER, PLAYGROUND_USER, PLAYGROUND_USER,
		PLAYGROUND_USER, PLAYGROUND_PHYSICAL, PLAYGROUND_GUARD, PLAYGROUND_SUB,
		PLAYGROUND_MULTI, PLAYGROUND_INTERLEAVED, PLAYGROUND_COMMAND,
	};
	static __thread u32 ids[4];
	unsigned int i;

	call->order = kinds[below(thread, COUNT(kinds))];
	call->options = ANY(thread, BOTH, BOTH, OUT, 1);
	call->length = one_in(thread, 4) ? 1 + below(thread, PAGES * P) :
					   P * (1 + below(thread, 8));
	call->offset = 0;
	switch (call->order) {
	case PLAYGROUND_BUFFER:
		call->options |= ANY(thread, 0, 0, CONTIGUOUS, PAGEABLE, PAGEABLE | PURGEABLE,
				     WRITE_COMBINE);
		break;
	case PLAYGROUND_USER:
		call->pid = any_process(thread);
		call->address = (u64)memory + below(thread, PAGES * P);
		call->options |= ANY(thread, 0, 0, COPY_ON_WRITE);
		break;
	case PLAYGROUND_PHYSICAL:
		call->length = P;
		break;
	case PLAYGROUND_GUARD:
		call->length = P * (1 + below(thread, 3));
		break;
	case PLAYGROUND_SUB:
	case PLAYGROUND_INTERLEAVED:
		call->offset = P * below(thread, 4);
		call->length = P * (1 + below(thread, 3));
		break;
	case PLAYGROUND_MULTI:
		call->length = 1 + below(thread, 4);
		for (i = 0; i < 4; i++)
			ids[i] = any_id(thread, DESCRIPTOR);
		call->address = (u64)ids;
		break;
	default:
		call->offset = ANY(thread, 0, 1, 16, 4096);
		call->length = ANY(thread, 512, P, 16 * P, 0xffffffff);
		call->options = ANY(thread, 0, 0, ITERATE_ONLY);
	}
}

static void use_something(struct thread *thread, struct playground *call)
{
	static const u32 kinds[] = {
		PLAYGROUND_FILL, PLAYGROUND_PEEK, PLAYGROUND_REDIRECT_ALL,
		PLAYGROUND_MAP, PLAYGROUND_MAP, PLAYGROUND_MAP, PLAYGROUND_MAP,
		PLAYGROUND_CYCLE, PLAYGROUND_CYCLE, PLAYGROUND_CYCLE, PLAYGROUND_PURGEABLE,
		PLAYGROUND_OWNER, PLAYGROUND_MAP_KERNEL, PLAYGROUND_MAP_KERNEL,
		PLAYGROUND_EXPORT, PLAYGROUND_EXPORT,
		PLAYGROUND_UNMAP, PLAYGROUND_REDIRECT, PLAYGROUND_REDIRECT, PLAYGROUND_ADDRESS,
		PLAYGROUND_COMMAND_MEMORY, PLAYGROUND_COMMAND_RUN, PLAYGROUND_COMMAND_RUN,
		PLAYGROUND_RELEASE, PLAYGROUND_RELEASE, PLAYGROUND_RELEASE, PLAYGROUND_COUNT,
	};

	call->order = kinds[below(thread, COUNT(kinds))];
	call->id = any_id(thread, makes(call->order) ? DESCRIPTOR : kind_of(call->order));
	call->offset = one_in(thread, 3) ? below(thread, 3 * P) : 0;
	call->length = 1 + below(thread, 2 * P);
	switch (call->order) {
	case PLAYGROUND_REDIRECT_ALL:
		/* More often off than on: who waits does nothing else. */
		call->options = one_in(thread, 4);
		call->pid = any_process(thread);
		break;
	case PLAYGROUND_MAP:
		call->pid = any_process(thread);
		call->offset = one_in(thread, 3) ? P * below(thread, 3) : 0;
		call->length = one_in(thread, 2) ? 0 : P;
		call->options = ANYWHERE | ANY(thread, 0, READ_ONLY, UNIQUE, UNIQUE, PREFAULT,
					       UNIQUE | PREFAULT, GUARDED_SMALL, REFERENCE);
		break;
	case PLAYGROUND_MAP_KERNEL:
		call->options = ANY(thread, 0, UNIQUE, READ_ONLY, GUARDED_SMALL);
		break;
	case PLAYGROUND_CYCLE:
		call->options = ANY(thread, 0, 0, OUT, 1, BOTH);
		break;
	case PLAYGROUND_PURGEABLE:
		call->options = 1 + below(thread, 4);
		break;
	case PLAYGROUND_OWNER:
		call->pid = any_process(thread);
		break;
	case PLAYGROUND_REDIRECT:
		call->offset = P * below(thread, 2);
		break;
	case PLAYGROUND_COMMAND_RUN:
		call->options = ANY(thread, 0, 1, OUT, DOUBLE_BUFFER);
		break;
	}
}

/* What a process may do to the memory that is described, and to what it sees. */
static void disturb(struct thread *thread)
{
	u64 page = below(thread, PAGES), pages = 1 + below(thread, PAGES - page);
	char *address = memory + page * P;
	pid_t pid;

	switch (below(thread, 8)) {
	case 0:
		madvise(address, pages * P, MADV_DONTNEED);
		break;
	case 1:
		mmap(address, pages * P, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 2:
		mprotect(address, pages * P, PROT_READ);
		mprotect(address, pages * P, PROT_READ | PROT_WRITE);
		break;
	case 3:
		/* Waiting, if it is for that, ends with the process. */
		if (thread->seen && one_in(thread, 4)) {
			munmap(thread->seen, P);
			thread->seen = NULL;
		}
		break;
	case 4:
		if (!one_in(thread, 4))
			break;
		pid = fork();
		if (!pid) {
			try_write(address, 1);
			_exit(0);
		}
		break;
	default:
		try_write(address, page);
		if (thread->seen)
			look(thread->seen);
	}
}

/* What was exported is looked at, and may come back as a descriptor of its own. */
static void use_dma_buf(struct thread *thread, int dma_buf)
{
	struct playground call = {
		.order = PLAYGROUND_DMA_BUF, .address = dma_buf, .options = BOTH,
		.length = 1 + below(thread, 2 * P),
	};
	char *seen;

	if (one_in(thread, 2)) {
		seen = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf, 0);
		if (seen != MAP_FAILED) {
			look(seen);
			munmap(seen, P);
		}
	}
	if (one_in(thread, 2) && !playground(fd, &call)) {
		if (call.id > IDS)
			release(fd, call.id);
		else
			TELL(shared->kinds[call.id], DESCRIPTOR);
	}
	close(dma_buf);
}

static void act(struct thread *thread)
{
	struct playground call = {
		.id = 1 + below(thread, IDS),
		.other = one_in(thread, 4) ? 0 : any_id(thread, DESCRIPTOR),
	};
	int ret;

	if (one_in(thread, 8)) {
		disturb(thread);
		return;
	}
	if (one_in(thread, 3))
		make_something(thread, &call);
	else
		use_something(thread, &call);
	if (one_in(thread, 10))
		call.fail = 1 + below(thread, 12);
	ret = playground(fd, &call);
	__atomic_fetch_add(ret ? &shared->refused[call.order] : &shared->done[call.order], 1,
			   __ATOMIC_RELAXED);
	if (!ret && call.order == PLAYGROUND_MAP && !call.pid)
		thread->seen = (char *)call.address;
	if (!ret && call.order == PLAYGROUND_EXPORT)
		use_dma_buf(thread, call.address);
	if (ret || !makes(call.order))
		return;
	/* As many as there are numbers to be found. */
	if (call.id > IDS)
		release(fd, call.id);
	else
		TELL(shared->kinds[call.id], kind_of(call.order));
}

static void *be_thread(void *data)
{
	struct thread thread = { .state = (u64)data };

	for (;;)
		act(&thread);
	return NULL;
}

static void be_process(void *data)
{
	struct thread seed = { .state = (u64)data };
	unsigned int i;
	pthread_t id;

	setpriority(PRIO_PROCESS, 0, 0);
	signal(SIGCHLD, SIG_IGN);
	for (i = 1; i < THREADS; i++)
		pthread_create(&id, NULL, be_thread, (void *)(random64(&seed) | 1));
	be_thread((void *)(random64(&seed) | 1));
}

/* Memory that others lack, for a while. */
static void press(void *data)
{
	u64 bytes = (u64)data;
	char *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u64 i;

	for (i = 0; all != MAP_FAILED && i < bytes; i += P)
		all[i] = 1;
	nap(300);
}

static u64 available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

static void report(void)
{
	u64 done = 0, refused = 0;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		done += shared->done[i];
		refused += shared->refused[i];
		if (shared->done[i] + shared->refused[i])
			printf("order %u: %llu done, %llu refused\n", i, shared->done[i],
			       shared->refused[i]);
	}
	printf("torture: %llu orders done, %llu refused\n", done, refused);
}

int main(int argc, char **argv)
{
	double end = seconds() + (argc > 1 ? atof(argv[1]) : 10);
	struct thread thread = { .state = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 1 };
	pid_t presser = 0;
	unsigned int i;

	/* Who kills must come in time, whatever the others do. */
	setpriority(PRIO_PROCESS, 0, -10);
	catch_signals();
	fd = open(PLAYGROUND, O_RDWR);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	memory = anonymous(PAGES);
	if (fd < 0 || shared == MAP_FAILED || memory == MAP_FAILED) {
		perror("torture");
		return 1;
	}
	while (seconds() < end) {
		i = below(&thread, PROCESSES);
		if (shared->pids[i]) {
			kill(shared->pids[i], SIGKILL);
			wait_for(shared->pids[i]);
		}
		shared->pids[i] = child(be_process, (void *)(random64(&thread) | 1));
		if (one_in(&thread, 4)) {
			if (presser)
				wait_for(presser);
			presser = child(press, (void *)(available() / 8 * (4 + below(&thread, 3))));
		}
		nap(50 + below(&thread, 400));
	}
	for (i = 0; i < PROCESSES; i++) {
		if (!shared->pids[i])
			continue;
		kill(shared->pids[i], SIGKILL);
		wait_for(shared->pids[i]);
	}
	if (presser)
		wait_for(presser);
	report();
	return 0;
}
