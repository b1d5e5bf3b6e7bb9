// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses that the device has are few, so each user has a quota of bytes that it can be
 * shown. Two users show it single bytes, each of a page of its own; then somebody else wants
 * a copy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define USERS	2
/* An eighth of the machine's memory, as systemd has it. */
#define LIMIT	(128UL << 20)

/* Tells how many pages the device was shown, and waits for the end with them. */
static void show_single_bytes(uid_t uid, int answer)
{
	struct rlimit memlock = { LIMIT, LIMIT }, files = { 8192, 8192 };
	struct buffer buffer = { .count = IOMD_EDU_RANGES_MAX };
	size_t pages = LIMIT / PAGE, shown = 0, i;
	unsigned char *memory;
	int error = 0;

	if (setrlimit(RLIMIT_MEMLOCK, &memlock) || setrlimit(RLIMIT_NOFILE, &files) ||
	    setresuid(uid, uid, uid))
		fail("user %u: %m", uid);
	memory = map_memory(SMALL_PAGES, pages * PAGE);
	memset(memory, 1, pages * PAGE);
	while (!error && shown + IOMD_EDU_RANGES_MAX <= pages) {
		for (i = 0; i < IOMD_EDU_RANGES_MAX; i++) {
			buffer.ranges[i].address = (uintptr_t)memory + (shown + i) * PAGE;
			buffer.ranges[i].length = 1;
		}
		error = show_or_fill(open_again(), IOMD_EDU_SHOW, &buffer, NULL);
		if (!error)
			shown += IOMD_EDU_RANGES_MAX;
	}
	printf("  user %u: the device was shown a byte of each of %zu pages, then: %s\n", uid,
	       shown, error ? strerror(error) : "all that may be locked");
	fflush(stdout);
	if (write(answer, &shown, sizeof(shown)) != sizeof(shown))
		_exit(1);
	for (;;)
		pause();
}

int main(void)
{
	unsigned char *memory = map_memory(SMALL_PAGES, 64 * PAGE);
	size_t shown[USERS], most = 0;
	pid_t users[USERS];
	int answers[2], i, error;

	setvbuf(stdout, NULL, _IOLBF, 0);
	chmod("/dev/iomd-edu0", 0666);
	device = open_again();
	if (pipe(answers))
		fail("pipe: %m");
	expect("a copy of 64 KiB", 0,
	       end_of(start_copy(memory, memory + 32 * PAGE, 16 * PAGE, 1UL << 20)));
	for (i = 0; i < USERS; i++) {
		users[i] = fork();
		if (!users[i])
			show_single_bytes(1000 + i, answers[1]);
		if (read(answers[0], &shown[i], sizeof(shown[i])) != sizeof(shown[i]))
			fail("user %d does not answer", 1000 + i);
		most = shown[i] > most ? shown[i] : most;
	}
	error = end_of(start_copy(memory, memory + 32 * PAGE, 16 * PAGE, 1UL << 20));
	printf("  a copy of 64 KiB by somebody else: %s\n", error ? strerror(error) : "success");
	for (i = 0; i < USERS; i++) {
		kill(users[i], SIGKILL);
		waitpid(users[i], NULL, 0);
	}
	if (error)
		fail("somebody else's copy: %s", strerror(error));
	if (most * PAGE > IOMD_EDU_SHOWN_MAX)
		fail("%zu pages of one user are within the device's reach, the quota is %lu",
		     most, IOMD_EDU_SHOWN_MAX / PAGE);
	printf("\nquota: all checks passed\n");
	return 0;
}
