// SPDX-License-Identifier: GPL-2.0
#include <linux/anon_inodes.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/umh.h>

#include <asm/unistd.h>

#include "fixtures.h"
#include "puppet.h"

#define PATIENCE	(60 * HZ)
#define SCRATCH_BYTES	SZ_64K

static struct file *program;

static void set_state(struct puppet *puppet, enum puppet_state state)
{
	/* pairs with get_state(): what was written before is seen with the state */
	smp_store_release(&puppet->state, state);
	wake_up_all(&puppet->wait);
}

static enum puppet_state get_state(struct puppet *puppet)
{
	/* pairs with set_state() */
	return smp_load_acquire(&puppet->state);
}

/* The process reads its first command, or its first one since an execve(). */
static void arrive(struct puppet *puppet)
{
	if (!puppet->task)
		puppet->task = get_task_struct(current);
	if (puppet->mm != current->mm) {
		if (puppet->mm)
			mmdrop(puppet->mm);
		mmgrab(current->mm);
		puppet->mm = current->mm;
		puppet->scratch = 0;
		puppet->answer = 0;
		set_state(puppet, PUPPET_IDLE);
	}
}

static ssize_t channel_read(struct file *file, char __user *buffer, size_t size, loff_t *pos)
{
	struct puppet *puppet = file->private_data;

	arrive(puppet);
	for (;;) {
		if (wait_event_interruptible(puppet->wait, get_state(puppet) == PUPPET_TOLD))
			return -EINTR;
		set_state(puppet, PUPPET_BUSY);
		if (!puppet->call)
			break;
		puppet->answer = puppet->call(puppet->data);
		set_state(puppet, PUPPET_IDLE);
	}
	if (size != sizeof(puppet->command) ||
	    copy_to_user(buffer, &puppet->command, sizeof(puppet->command)))
		return -EFAULT;
	return size;
}

static ssize_t channel_write(struct file *file, const char __user *buffer, size_t size,
			     loff_t *pos)
{
	struct puppet *puppet = file->private_data;

	if (size != sizeof(puppet->answer) ||
	    copy_from_user(&puppet->answer, buffer, sizeof(puppet->answer)))
		return -EFAULT;
	set_state(puppet, PUPPET_IDLE);
	return size;
}

/* A page of the kernel's, as a driver would show its registers. */
static int channel_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, page_to_pfn(ZERO_PAGE(0)), PAGE_SIZE,
			       vma->vm_page_prot);
}

void puppet_put(struct puppet *puppet)
{
	if (refcount_dec_and_test(&puppet->users))
		kfree(puppet);
}
EXPORT_SYMBOL_GPL(puppet_put);

/* By now the address space is gone, too: a task ends it before its files. */
static int channel_release(struct inode *inode, struct file *file)
{
	struct puppet *puppet = file->private_data;

	puppet->answer = -ESRCH;
	set_state(puppet, PUPPET_GONE);
	puppet_put(puppet);
	return 0;
}

static const struct file_operations channel_fops = {
	.owner = THIS_MODULE,
	.read = channel_read,
	.write = channel_write,
	.mmap = channel_mmap,
	.release = channel_release,
};

/* In the process that is to have the channel: returns its descriptor. */
static long install_channel(void *data)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(0);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[iomd-puppet]", &channel_fops, data, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	refcount_inc(&((struct puppet *)data)->users);
	fd_install(fd, file);
	return fd;
}

/* Runs as the new process, before its execve(); it has no files yet. */
static int prepare_process(struct subprocess_info *info, struct cred *new)
{
	int fd = install_channel(info->data);

	if (fd)
		return fd < 0 ? fd : -EBADF;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	fd_install(fd, get_file(program));
	return fd == 1 ? 0 : -EBADF;
}

static struct puppet *new_puppet(struct kunit *test)
{
	struct puppet *puppet = kzalloc(sizeof(*puppet), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, puppet);
	puppet->test = test;
	puppet->state = PUPPET_BUSY;
	refcount_set(&puppet->users, 1);
	init_waitqueue_head(&puppet->wait);
	return puppet;
}

/* Wait until the process has come; from then on the case has it. */
static void welcome(struct puppet *puppet)
{
	fixture_add_puppet(puppet);
	puppet_answer(puppet);
	KUNIT_ASSERT_NOT_NULL(puppet->test, puppet->task);
}

/**
 * puppet_start() - have a new process
 * @test: the case
 *
 * Return: the puppet; the case ends if there cannot be one.
 */
struct puppet *puppet_start(struct kunit *test)
{
	char *argv[2] = { "iomd-puppet" }, *envp[1] = {};
	struct puppet *puppet = new_puppet(test);
	struct subprocess_info *info;
	int ret = -ENOMEM;

	info = call_usermodehelper_setup("/proc/self/fd/1", argv, envp, GFP_KERNEL,
					 prepare_process, NULL, puppet);
	if (info)
		ret = call_usermodehelper_exec(info, UMH_WAIT_EXEC);
	KUNIT_ASSERT_EQ_MSG(test, ret, 0, "no process can be started");
	welcome(puppet);
	return puppet;
}
EXPORT_SYMBOL_GPL(puppet_start);

static void order(struct puppet *puppet, u64 order, u64 number, const u64 *arguments)
{
	KUNIT_ASSERT_EQ(puppet->test, (int)get_state(puppet), (int)PUPPET_IDLE);
	puppet->call = NULL;
	puppet->command.order = order;
	puppet->command.number = number;
	memset(puppet->command.arguments, 0, sizeof(puppet->command.arguments));
	if (arguments)
		memcpy(puppet->command.arguments, arguments, sizeof(puppet->command.arguments));
	set_state(puppet, PUPPET_TOLD);
}

static struct puppet *beget(struct puppet *puppet, enum puppet_order how)
{
	struct puppet *child = new_puppet(puppet->test);
	long fd = puppet_call(puppet, install_channel, child);

	KUNIT_ASSERT_GT(puppet->test, fd, 0L);
	order(puppet, how, fd, NULL);
	KUNIT_ASSERT_GE(puppet->test, puppet_answer(puppet), 0L);
	welcome(child);
	return child;
}

/**
 * puppet_fork() - have a child of a puppet
 * @puppet: the parent
 *
 * Return: the child, a process of its own.
 */
struct puppet *puppet_fork(struct puppet *puppet)
{
	return beget(puppet, PUPPET_FORK);
}
EXPORT_SYMBOL_GPL(puppet_fork);

/**
 * puppet_thread() - have one more thread of a puppet's process
 * @puppet: the first one
 *
 * Return: the new one.
 */
struct puppet *puppet_thread(struct puppet *puppet)
{
	return beget(puppet, PUPPET_THREAD);
}
EXPORT_SYMBOL_GPL(puppet_thread);

bool puppet_is_gone(struct puppet *puppet)
{
	return get_state(puppet) == PUPPET_GONE;
}
EXPORT_SYMBOL_GPL(puppet_is_gone);

bool puppet_is_done(struct puppet *puppet)
{
	return get_state(puppet) == PUPPET_IDLE || puppet_is_gone(puppet);
}
EXPORT_SYMBOL_GPL(puppet_is_done);

static void await_end(struct puppet *puppet)
{
	bool gone = wait_event_idle_timeout(puppet->wait, puppet_is_gone(puppet), PATIENCE);

	KUNIT_EXPECT_TRUE_MSG(puppet->test, gone, "a puppet does not end");
	/* Other files of its, and what it mapped, may end after the one that told of it. */
	while (gone && !READ_ONCE(puppet->task->exit_state))
		fsleep(500);
}

/**
 * puppet_kill() - kill the process, whatever it does, and wait until it is gone
 * @puppet: a thread of it
 */
void puppet_kill(struct puppet *puppet)
{
	if (puppet_is_gone(puppet))
		return;
	send_sig(SIGKILL, puppet->task, 1);
	await_end(puppet);
}
EXPORT_SYMBOL_GPL(puppet_kill);

/**
 * puppet_exit() - have the process end by itself
 * @puppet: a thread of it
 */
void puppet_exit(struct puppet *puppet)
{
	static const u64 success[6];

	puppet_begin_syscall(puppet, __NR_exit_group, success);
	await_end(puppet);
}
EXPORT_SYMBOL_GPL(puppet_exit);

void puppet_begin_call(struct puppet *puppet, long (*call)(void *data), void *data)
{
	KUNIT_ASSERT_EQ(puppet->test, (int)get_state(puppet), (int)PUPPET_IDLE);
	puppet->call = call;
	puppet->data = data;
	set_state(puppet, PUPPET_TOLD);
}
EXPORT_SYMBOL_GPL(puppet_begin_call);

void puppet_begin_syscall(struct puppet *puppet, u64 number, const u64 *arguments)
{
	order(puppet, PUPPET_SYSCALL, number, arguments);
}
EXPORT_SYMBOL_GPL(puppet_begin_syscall);

/**
 * puppet_answer() - wait for what was begun
 * @puppet: the puppet
 *
 * Return: what came of it; -ESRCH if the process ended over it.
 */
long puppet_answer(struct puppet *puppet)
{
	bool answered = wait_event_idle_timeout(puppet->wait, puppet_is_done(puppet), PATIENCE);

	KUNIT_ASSERT_TRUE_MSG(puppet->test, answered, "a puppet does not answer");
	return puppet->answer;
}
EXPORT_SYMBOL_GPL(puppet_answer);

long puppet_call(struct puppet *puppet, long (*call)(void *data), void *data)
{
	puppet_begin_call(puppet, call, data);
	return puppet_answer(puppet);
}
EXPORT_SYMBOL_GPL(puppet_call);

long puppet_do_syscall(struct puppet *puppet, u64 number, const u64 *arguments)
{
	puppet_begin_syscall(puppet, number, arguments);
	return puppet_answer(puppet);
}
EXPORT_SYMBOL_GPL(puppet_do_syscall);

/**
 * puppet_mmap() - map memory into the process
 * @puppet: the puppet
 * @length: bytes
 * @prot: as for mmap()
 * @flags: as for mmap(), MAP_ANONYMOUS included if @fd is negative
 * @fd: a descriptor of the process, or -1
 *
 * Return: the address; the case ends if it cannot be done.
 */
u64 puppet_mmap(struct puppet *puppet, u64 length, int prot, int flags, int fd)
{
	long address;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	address = puppet_syscall(puppet, __NR_mmap, 0, length, prot, flags, fd, 0);
	KUNIT_ASSERT_FALSE_MSG(puppet->test, IS_ERR_VALUE(address), "mmap: %ld", address);
	return (unsigned long)address;
}
EXPORT_SYMBOL_GPL(puppet_mmap);

void puppet_read(struct puppet *puppet, u64 address, void *buffer, size_t length)
{
	KUNIT_ASSERT_EQ(puppet->test, (size_t)access_process_vm(puppet->task, address, buffer,
								length, FOLL_FORCE), length);
}
EXPORT_SYMBOL_GPL(puppet_read);

void puppet_write(struct puppet *puppet, u64 address, const void *buffer, size_t length)
{
	KUNIT_ASSERT_EQ(puppet->test,
			(size_t)access_process_vm(puppet->task, address, (void *)buffer,
						  length, FOLL_FORCE | FOLL_WRITE), length);
}
EXPORT_SYMBOL_GPL(puppet_write);

static u64 scratch(struct puppet *puppet)
{
	if (!puppet->scratch)
		puppet->scratch = puppet_mmap(puppet, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE, -1);
	return puppet->scratch;
}

/* Put a string where the process can name it; the next one overwrites it. */
u64 puppet_string(struct puppet *puppet, const char *string)
{
	puppet_write(puppet, scratch(puppet), string, strlen(string) + 1);
	return puppet->scratch;
}
EXPORT_SYMBOL_GPL(puppet_string);

int puppet_open(struct puppet *puppet, const char *path, int flags)
{
	int fd = puppet_syscall(puppet, __NR_openat, AT_FDCWD, puppet_string(puppet, path),
				flags, 0600);

	KUNIT_ASSERT_GE_MSG(puppet->test, fd, 0, "open %s", path);
	return fd;
}
EXPORT_SYMBOL_GPL(puppet_open);

/**
 * puppet_look_up() - ask the kernel's own page table walk what is where
 * @puppet: whose memory
 * @address: of the first page
 * @pages: how many
 * @frames: set to their frame numbers; 0 for a page that is not there
 */
void puppet_look_up(struct puppet *puppet, u64 address, unsigned int pages, u64 *frames)
{
	const unsigned int most = SCRATCH_BYTES / sizeof(u64);
	int fd = puppet_open(puppet, "/proc/self/pagemap", O_RDONLY);
	unsigned int done, i;

	for (done = 0; done < pages; done += most) {
		size_t bytes = min(pages - done, most) * sizeof(u64);
		u64 from = ((address >> PAGE_SHIFT) + done) * sizeof(u64);
		long got = puppet_syscall(puppet, __NR_pread64, fd, puppet->scratch, bytes, from);

		KUNIT_ASSERT_EQ(puppet->test, got, (long)bytes);
		puppet_read(puppet, puppet->scratch, frames + done, bytes);
	}
	/* Bit 63: present; the lower 55: the frame. */
	for (i = 0; i < pages; i++)
		frames[i] = frames[i] & BIT_ULL(63) ? frames[i] & GENMASK_ULL(54, 0) : 0;
	puppet_syscall(puppet, __NR_close, fd);
}
EXPORT_SYMBOL_GPL(puppet_look_up);

/**
 * puppet_adopt_mm() - let the calling kernel thread use a puppet's address space
 * @puppet: the puppet
 *
 * Undone by puppet_leave_mm(). A thread that ends in between, since an assertion
 * failed, ends its use as well.
 */
void puppet_adopt_mm(struct puppet *puppet)
{
	KUNIT_ASSERT_TRUE(puppet->test, mmget_not_zero(puppet->mm));
	kthread_use_mm(puppet->mm);
}
EXPORT_SYMBOL_GPL(puppet_adopt_mm);

void puppet_leave_mm(struct puppet *puppet)
{
	kthread_unuse_mm(puppet->mm);
	mmput(puppet->mm);
}
EXPORT_SYMBOL_GPL(puppet_leave_mm);

int puppet_init(void)
{
	ssize_t size = puppet_program_end - puppet_program;
	loff_t pos = 0;

	program = iomd_compat_shmem_file("iomd-puppet", size);
	if (IS_ERR(program))
		return PTR_ERR(program);
	if (kernel_write(program, puppet_program, size, &pos) != size) {
		fput(program);
		return -EIO;
	}
	return 0;
}

void puppet_cleanup(void)
{
	fput(program);
}
