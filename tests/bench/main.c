// SPDX-License-Identifier: GPL-2.0
/*
 * iomd_bench.ko: measures cases on memory of the calling process, when it is asked
 * to through /dev/iomd_bench. Each case uses the public interface as any client.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "job.h"

static const struct bench_case * const rooms[] = {
	bench_pin_cases, bench_query_cases, bench_view_cases, bench_device_cases,
};

/* One case at a time. */
static DEFINE_MUTEX(bench_lock);

static const struct bench_case *find_case(u32 index)
{
	const struct bench_case *what;
	int room;

	for (room = 0; room < ARRAY_SIZE(rooms); room++)
		for (what = rooms[room]; what->name; what++)
			if (!index--)
				return what;
	return NULL;
}

static int set_up(struct bench_job *job)
{
	return job->what->set_up ? job->what->set_up(job) : 0;
}

static void tear_down(struct bench_job *job)
{
	if (job->what->tear_down)
		job->what->tear_down(job);
}

static void settle(void *data)
{
	struct bench_job *job = data;

	if (job->what->settle)
		job->what->settle();
}

static int run(void *data)
{
	struct bench_job *job = data;

	return job->what->run(job);
}

static int undo(void *data)
{
	struct bench_job *job = data;

	return job->what->undo ? job->what->undo(job) : 0;
}

/* Once more, under watch. A bench that fails is over: what it leaves is not undone. */
static int watch(struct bench_job *job, struct bench_result *result)
{
	int ret = bench_watch_begin();

	if (ret)
		return ret;
	ret = set_up(job);
	if (!ret) {
		ret = run(job);
		bench_watch_kept();
		ret = ret ?: undo(job);
		tear_down(job);
	}
	bench_watch_end(result);
	return ret;
}

static int measure(struct bench_job *job, struct bench_result *result)
{
	struct bench_steps steps = { settle, run, undo, job };
	int ret = set_up(job);

	if (ret)
		return ret;
	ret = bench_measure(&steps, result);
	tear_down(job);
	cond_resched();
	return ret ?: watch(job, result);
}

static int set_job(struct bench_job *job, struct file *file,
		   const struct bench_case_request *request)
{
	const struct bench_case *what = find_case(request->index);

	if (!what)
		return -ENOENT;
	if (request->kind >= BENCH_KINDS || !(what->kinds & BIT(request->kind)) ||
	    request->length < what->min || request->length > what->max)
		return -ENODATA;
	memset(job, 0, sizeof(*job));
	job->what = what;
	job->file = file;
	job->address = request->address;
	job->length = request->length;
	job->page_count = DIV_ROUND_UP(request->length, PAGE_SIZE);
	return 0;
}

static int bench_run(struct file *file, struct bench_case_request __user *user)
{
	struct bench_job *job = file->private_data;
	struct bench_case_request request;
	int ret;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	ret = set_job(job, file, &request);
	if (ret)
		return ret;
	strscpy(request.name, job->what->name);
	strscpy(request.who, job->what->who);
	ret = job->what->by_call ? -EXDEV : measure(job, &request.result);
	request.result.units = job->units ?: job->page_count;
	request.result.segments = job->table.orig_nents;
	if (copy_to_user(user, &request, sizeof(request)))
		return -EFAULT;
	return ret;
}

static int bench_step(struct bench_job *job, enum bench_step step)
{
	if (!job->what || !job->what->by_call)
		return -EINVAL;
	switch (step) {
	case BENCH_SET_UP:
		return set_up(job);
	case BENCH_STEP_RUN:
		return run(job);
	case BENCH_STEP_UNDO:
		return undo(job);
	case BENCH_TEAR_DOWN:
		tear_down(job);
		return 0;
	}
	return -EINVAL;
}

static int watch_end(struct bench_result __user *user)
{
	struct bench_result result = {};

	bench_watch_end(&result);
	return copy_to_user(user, &result, sizeof(result)) ? -EFAULT : 0;
}

static long bench_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	long ret = -ENOTTY;

	mutex_lock(&bench_lock);
	switch (command) {
	case BENCH_RUN:
		ret = bench_run(file, (void __user *)argument);
		break;
	case BENCH_STEP:
		ret = bench_step(file->private_data, argument);
		break;
	case BENCH_WATCH:
		ret = bench_watch_begin();
		break;
	case BENCH_WATCH_KEPT:
		bench_watch_kept();
		ret = 0;
		break;
	case BENCH_WATCH_END:
		ret = watch_end((void __user *)argument);
		break;
	}
	mutex_unlock(&bench_lock);
	return ret;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench_job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	file->private_data = job;
	return job ? 0 : -ENOMEM;
}

static int bench_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.release = bench_release,
	.unlocked_ioctl = bench_ioctl,
	.mmap = bench_view_mmap,
};

static struct miscdevice bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomd_bench",
	.fops = &bench_fops,
	.mode = 0600,
};

static int __init bench_init(void)
{
	int ret = bench_watch_init();

	if (ret)
		return ret;
	ret = bench_device_init();
	if (ret)
		goto err_watch;
	ret = bench_view_init();
	if (ret)
		goto err_device;
	ret = misc_register(&bench_device);
	if (ret)
		goto err_view;
	return 0;

err_view:
	bench_view_exit();
err_device:
	bench_device_exit();
err_watch:
	bench_watch_exit();
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	bench_view_exit();
	bench_device_exit();
	bench_watch_exit();
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Measures iomd beside its peers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(IOMD);
