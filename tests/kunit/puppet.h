/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A puppet is a real user process that does what a test case tells it to: make
 * any system call, run a function of ours in its own context, fork, have another
 * thread, be killed. A case thus has real user memory, real other tasks and real
 * ends of tasks, on every kernel alike. Puppets end with the case at the latest.
 *
 * The program is part of this module; the process gets it and its channel as
 * open files, so nothing but a mounted /proc is needed.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include <kunit/test.h>
#include <linux/list.h>
#include <linux/wait.h>

#include "puppet_command.h"

enum puppet_state {
	PUPPET_IDLE,
	PUPPET_TOLD,
	PUPPET_BUSY,
	PUPPET_GONE,
};

/**
 * struct puppet - one thread of a user process
 * @task: the thread; its struct outlives it
 * @mm: its address space when it was last heard of; the struct outlives it
 * @scratch: some pages in it, for what system calls point to
 */
struct puppet {
	struct kunit *test;
	struct list_head node;
	struct task_struct *task;
	struct mm_struct *mm;
	u64 scratch;
	/* private: */
	/* the case's, and its channel's, which is done with it a little later */
	refcount_t users;
	wait_queue_head_t wait;
	enum puppet_state state;
	long (*call)(void *data);
	void *data;
	struct puppet_command command;
	s64 answer;
};

void puppet_put(struct puppet *puppet);
struct puppet *puppet_start(struct kunit *test);
struct puppet *puppet_fork(struct puppet *puppet);
struct puppet *puppet_thread(struct puppet *puppet);
void puppet_kill(struct puppet *puppet);
void puppet_exit(struct puppet *puppet);
bool puppet_is_gone(struct puppet *puppet);
/* Is what was begun over, be it that the process is? */
bool puppet_is_done(struct puppet *puppet);

/* Start something that puppet_answer() waits for. */
void puppet_begin_call(struct puppet *puppet, long (*call)(void *data), void *data);
void puppet_begin_syscall(struct puppet *puppet, u64 number, const u64 *arguments);
long puppet_answer(struct puppet *puppet);

long puppet_call(struct puppet *puppet, long (*call)(void *data), void *data);
long puppet_do_syscall(struct puppet *puppet, u64 number, const u64 *arguments);
#define puppet_syscall(puppet, number, ...)				\
	puppet_do_syscall((puppet), (number), (const u64[6]) { __VA_ARGS__ })
/* One whose answer is an address, which a long may show as negative. */
#define puppet_address(puppet, number, ...)				\
	((unsigned long)puppet_syscall((puppet), (number), __VA_ARGS__))

/* Memory of the process, seen from wherever. */
u64 puppet_mmap(struct puppet *puppet, u64 length, int prot, int flags, int fd);
void puppet_read(struct puppet *puppet, u64 address, void *buffer, size_t length);
void puppet_write(struct puppet *puppet, u64 address, const void *buffer, size_t length);
u64 puppet_string(struct puppet *puppet, const char *string);
int puppet_open(struct puppet *puppet, const char *path, int flags);
void puppet_look_up(struct puppet *puppet, u64 address, unsigned int pages, u64 *frames);

/* Have the case's own thread, a kernel thread, use the puppet's address space. */
void puppet_adopt_mm(struct puppet *puppet);
void puppet_leave_mm(struct puppet *puppet);

/* The program, as puppet_program.S carries it. */
extern const char puppet_program[], puppet_program_end[];

int puppet_init(void);
void puppet_cleanup(void);

#endif
