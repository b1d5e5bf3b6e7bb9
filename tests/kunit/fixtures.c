// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "../../src/debug/counters.h"
#include "../../src/debug/inject.h"
#include "../../src/debug/knobs.h"
#include "fixtures.h"

/*
 * Leaks
 */

static const char * const class_names[] = {
	"os_object", "iomd", "iomd_general", "iomd_buffer", "iomd_sub", "iomd_multi",
	"iomd_interleaved", "iomd_device_memory", "iomd_guard_page", "iomd_mapping",
	"iomd_cursor", "iomd_dma_command", "iomd_user_view", "iomd_dma_buf",
};

/* What is held at one moment. */
struct held {
	/* Of each pair of counters. */
	s64 balance[IOMD_COUNTERS / 2];
	s64 kernel_pins;
	unsigned int live[ARRAY_SIZE(class_names)];
};

struct fixture {
	struct list_head puppets;
	struct held before;
	struct device *device;
};

/* nr_foll_pin_acquired - nr_foll_pin_released, with what the CPUs have not told yet. */
static s64 sum_kernel_pins(void)
{
	s64 pins = atomic_long_read(&vm_node_stat[NR_FOLL_PIN_ACQUIRED]) -
		   atomic_long_read(&vm_node_stat[NR_FOLL_PIN_RELEASED]);
	int node, cpu;

	for_each_online_node(node)
		for_each_possible_cpu(cpu) {
			s8 *untold = per_cpu_ptr(NODE_DATA(node)->per_cpu_nodestats,
						 cpu)->vm_node_stat_diff;

			pins += untold[NR_FOLL_PIN_ACQUIRED] - untold[NR_FOLL_PIN_RELEASED];
		}
	return pins;
}

/*
 * A CPU takes its share away first, and adds it to the sum later, when it comes to it:
 * what is not the usual 0 has to stay so for a while.
 */
static s64 kernel_pins(void)
{
	s64 pins = sum_kernel_pins();
	unsigned int i;

	for (i = 0; pins && i < 100; i++) {
		fsleep(2000);
		pins = sum_kernel_pins();
	}
	return pins;
}

static void look_at_held(struct held *held)
{
	struct os_meta_class *meta;
	unsigned int i;

	os_object_barrier();
	for (i = 0; i < ARRAY_SIZE(held->balance); i++)
		held->balance[i] = iomd_counter_read(2 * i) - iomd_counter_read(2 * i + 1);
	held->kernel_pins = kernel_pins();
	for (i = 0; i < ARRAY_SIZE(class_names); i++) {
		meta = os_meta_class_get_meta_class_with_name(class_names[i]);
		held->live[i] = meta ? os_meta_class_get_instance_count(meta) : 0;
	}
}

/**
 * fixture_expect_nothing_taken() - is all given back that was taken since the start?
 * @test: the case
 */
void fixture_expect_nothing_taken(struct kunit *test)
{
	struct fixture *fixture = test->priv;
	struct held now;
	unsigned int i;

	look_at_held(&now);
	for (i = 0; i < ARRAY_SIZE(now.balance); i++)
		KUNIT_EXPECT_EQ_MSG(test, now.balance[i], fixture->before.balance[i],
				    "%s and not %s", iomd_counter_name(2 * i),
				    iomd_counter_name(2 * i + 1));
	KUNIT_EXPECT_EQ(test, now.kernel_pins, fixture->before.kernel_pins);
	for (i = 0; i < ARRAY_SIZE(class_names); i++)
		KUNIT_EXPECT_EQ_MSG(test, now.live[i], fixture->before.live[i],
				    "live instances of %s", class_names[i]);
}
EXPORT_SYMBOL_GPL(fixture_expect_nothing_taken);

int fixture_init(struct kunit *test)
{
	struct fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);

	if (!fixture)
		return -ENOMEM;
	INIT_LIST_HEAD(&fixture->puppets);
	look_at_held(&fixture->before);
	test->priv = fixture;
	return 0;
}
EXPORT_SYMBOL_GPL(fixture_init);

void fixture_add_puppet(struct puppet *puppet)
{
	struct fixture *fixture = puppet->test->priv;

	list_add(&puppet->node, &fixture->puppets);
}

static void end_puppets(struct kunit *test, struct fixture *fixture)
{
	struct puppet *puppet, *next;

	/* Some share an address space, and some share files. */
	list_for_each_entry(puppet, &fixture->puppets, node)
		if (puppet->task && !puppet_is_gone(puppet))
			send_sig(SIGKILL, puppet->task, 1);
	list_for_each_entry_safe(puppet, next, &fixture->puppets, node) {
		if (!puppet->task)
			continue;
		puppet_kill(puppet);
		if (!puppet_is_gone(puppet))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, (long)atomic64_read(&puppet->mm->pinned_vm), 0L,
				    "pages are charged for ever");
		mmdrop(puppet->mm);
		put_task_struct(puppet->task);
		puppet_put(puppet);
	}
}

void fixture_exit(struct kunit *test)
{
	struct fixture *fixture = test->priv;

	if (!fixture)
		return;
	iomd_inject_disarm();
	iomd_knob_pin_batch = 0;
	iomd_knob_segment_block = 0;
	iomd_knob_low_end = 0;
	os_object_barrier();
	end_puppets(test, fixture);
	fixture_expect_nothing_taken(test);
	if (fixture->device)
		platform_device_unregister(to_platform_device(fixture->device));
}
EXPORT_SYMBOL_GPL(fixture_exit);

/*
 * Warnings
 */

void expect_warning(const char *text)
{
	pr_info("iomd-test: expect \"%s\"\n", text);
}
EXPORT_SYMBOL_GPL(expect_warning);

void expect_warning_once(const char *text)
{
	static char said[8][64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(said) && said[i][0]; i++)
		if (!strncmp(said[i], text, sizeof(said[i]) - 1))
			return;
	expect_warning(text);
	if (i < ARRAY_SIZE(said))
		strscpy(said[i], text, sizeof(said[i]));
}
EXPORT_SYMBOL_GPL(expect_warning_once);

/*
 * Patterns
 */

void fill_pattern(void *buffer, u64 position, size_t length)
{
	u8 *bytes = buffer;
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = pattern(position + i);
}
EXPORT_SYMBOL_GPL(fill_pattern);

size_t find_mismatch(const void *buffer, u64 position, size_t length)
{
	const u8 *bytes = buffer;
	size_t i;

	for (i = 0; i < length && bytes[i] == pattern(position + i); i++)
		;
	return i;
}
EXPORT_SYMBOL_GPL(find_mismatch);

/*
 * Threads and interrupts
 */

static int work(void *data)
{
	struct worker *worker = data;

	while (!kthread_should_stop()) {
		worker->round(worker->data);
		worker->rounds++;
		cond_resched();
	}
	return 0;
}

void worker_start(struct kunit *test, struct worker *worker, void (*round)(void *data),
		  void *data)
{
	worker->round = round;
	worker->data = data;
	worker->rounds = 0;
	worker->task = kthread_run(work, worker, "iomd-worker");
	KUNIT_ASSERT_FALSE(test, IS_ERR(worker->task));
}
EXPORT_SYMBOL_GPL(worker_start);

void worker_stop(struct worker *worker)
{
	kthread_stop(worker->task);
}
EXPORT_SYMBOL_GPL(worker_stop);

/* Let workers meet: longer where a kernel looks closely, and is slow. */
void race_for_a_while(void)
{
	msleep(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ? 2000 : 300);
}
EXPORT_SYMBOL_GPL(race_for_a_while);

struct module *fixture_module(void)
{
	return THIS_MODULE;
}
EXPORT_SYMBOL_GPL(fixture_module);

struct irq_call {
	struct irq_work work;
	void (*call)(void *data);
	void *data;
	bool hard;
};

static void interrupted(struct irq_work *work)
{
	struct irq_call *irq_call = container_of(work, struct irq_call, work);

	irq_call->hard = in_hardirq();
	irq_call->call(irq_call->data);
}

void call_in_hard_irq(struct kunit *test, void (*call)(void *data), void *data)
{
	struct irq_call irq_call = {
		.work = IRQ_WORK_INIT_HARD(interrupted),
		.call = call,
		.data = data,
	};

	KUNIT_ASSERT_TRUE(test, irq_work_queue(&irq_call.work));
	irq_work_sync(&irq_call.work);
	KUNIT_EXPECT_TRUE(test, irq_call.hard);
}
EXPORT_SYMBOL_GPL(call_in_hard_irq);

void call_in_irq_handler(struct kunit *test, void (*call)(void *data), void *data)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		call(data);
	else
		call_in_hard_irq(test, call, data);
}
EXPORT_SYMBOL_GPL(call_in_irq_handler);

/*
 * A device
 */

struct device *fake_device(struct kunit *test)
{
	struct platform_device_info info = {
		.name = "iomd-test",
		.id = PLATFORM_DEVID_AUTO,
		.dma_mask = DMA_BIT_MASK(64),
	};
	struct fixture *fixture = test->priv;
	struct platform_device *device;

	if (!fixture->device) {
		device = platform_device_register_full(&info);
		KUNIT_ASSERT_FALSE(test, IS_ERR(device));
		fixture->device = &device->dev;
	}
	return fixture->device;
}
EXPORT_SYMBOL_GPL(fake_device);

static int __init fixtures_init(void)
{
	return puppet_init();
}
module_init(fixtures_init);

static void __exit fixtures_exit(void)
{
	puppet_cleanup();
}
module_exit(fixtures_exit);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("What the suites of iomd share");
MODULE_LICENSE("GPL");
