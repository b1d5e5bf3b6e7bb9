// SPDX-License-Identifier: GPL-2.0
/*
 * The process behind a puppet (see puppet.h): obeys its channel until it closes.
 */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "puppet_command.h"

static void *serve(void *channel);

static long call(const struct puppet_command *command)
{
	const __u64 *a = command->arguments;
	long ret;

	/* Arguments that do not fit go in as many ways as there are architectures. */
	switch (command->number) {
	case SYS_mmap:
		ret = (long)mmap((void *)(long)a[0], a[1], a[2], a[3], a[4], a[5]);
		break;
	case SYS_pread64:
		ret = pread(a[0], (void *)(long)a[1], a[2], a[3]);
		break;
	default:
		ret = syscall(command->number, (long)a[0], (long)a[1], (long)a[2], (long)a[3],
			      (long)a[4], (long)a[5]);
	}
	return ret == -1 ? -errno : ret;
}

static long be_two(long mine, long channel)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	close(pid ? channel : mine);
	if (pid)
		return pid;
	serve((void *)channel);
	_exit(0);
}

static long have_thread(long channel)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, serve, (void *)channel);
}

static void *serve(void *channel)
{
	struct puppet_command command;
	long fd = (long)channel;
	__s64 answer;

	while (read(fd, &command, sizeof(command)) == sizeof(command)) {
		switch (command.order) {
		case PUPPET_SYSCALL:
			answer = call(&command);
			break;
		case PUPPET_FORK:
			answer = be_two(fd, command.number);
			break;
		case PUPPET_THREAD:
			answer = have_thread(command.number);
			break;
		default:
			answer = -EINVAL;
		}
		if (write(fd, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	close(fd);
	return NULL;
}

int main(void)
{
	/* Nobody waits for the children. */
	signal(SIGCHLD, SIG_IGN);
	serve((void *)0);
	return 0;
}
