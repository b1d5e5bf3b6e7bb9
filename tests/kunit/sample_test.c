// SPDX-License-Identifier: GPL-2.0
/*
 * What samples/edu believes of its device's registers, with registers that do what QEMU's
 * device never does: hang, interrupt when nothing is done, and be gone, with what a bus
 * reads then.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

static u32 fake_readl(const void __iomem *at);
static void fake_writel(u32 value, void __iomem *at);
static void fake_writeq(u64 value, void __iomem *at);
static void fake_clear_master(struct pci_dev *pdev);
static int fake_read_config_word(struct pci_dev *pdev, int where, u16 *value);

#undef readl
#undef writel
#undef writeq
#define readl			fake_readl
#define writel			fake_writel
#define writeq			fake_writeq
#define pci_clear_master	fake_clear_master
#define pci_read_config_word	fake_read_config_word
#include "../../samples/edu/hardware.c"

#define INTERRUPTED	0x100

static struct {
	struct edu edu;
	/* Its place is all that is looked at. */
	u8 registers[0xa0];
	u32 command, status;
	/* When it is through, and when it interrupts without being; 0: never. */
	unsigned int done_after, stray_after;
	struct delayed_work done, stray;
	/* What each register reads as when it is gone. */
	bool gone;
	u32 nothing;
	/* Accesses, and the numbers of the one that took its bus mastering and of the next. */
	unsigned int accesses, master_cleared, config_read;
} fake;

static u32 fake_readl(const void __iomem *at)
{
	fake.accesses++;
	if (fake.gone)
		return fake.nothing;
	switch ((__force const u8 *)at - fake.registers) {
	case EDU_IDENTIFICATION:
		return 0x010000ed;
	case EDU_INTERRUPT_STATUS:
		return fake.status;
	case EDU_DMA_COMMAND:
		return fake.command;
	default:
		return 0;
	}
}

static void fake_writel(u32 value, void __iomem *at)
{
	fake.accesses++;
	switch ((__force u8 *)at - fake.registers) {
	case EDU_INTERRUPT_ACK:
		fake.status &= ~value;
		break;
	case EDU_DMA_COMMAND:
		fake.command = value;
		if (fake.stray_after)
			schedule_delayed_work(&fake.stray,
					      msecs_to_jiffies(fake.stray_after));
		if (fake.done_after)
			schedule_delayed_work(&fake.done,
					      msecs_to_jiffies(fake.done_after));
	}
}

static void fake_writeq(u64 value, void __iomem *at)
{
	fake.accesses++;
}

static void fake_clear_master(struct pci_dev *pdev)
{
	fake.master_cleared = ++fake.accesses;
}

static int fake_read_config_word(struct pci_dev *pdev, int where, u16 *value)
{
	fake.config_read = ++fake.accesses;
	*value = 0;
	return 0;
}

static void is_done(struct work_struct *work)
{
	fake.command &= ~EDU_DMA_START;
	fake.status = INTERRUPTED;
	edu_interrupt(0, &fake.edu);
}

static void is_not_done(struct work_struct *work)
{
	fake.status = INTERRUPTED;
	edu_interrupt(0, &fake.edu);
}

static int transfer(void)
{
	int ret;

	mutex_lock(&fake.edu.lock);
	ret = edu_step(&fake.edu, 0x1000, 512, true);
	mutex_unlock(&fake.edu.lock);
	return ret;
}

static int sample_init(struct kunit *test)
{
	memset(&fake, 0, sizeof(fake));
	fake.edu.pdev = kunit_kzalloc(test, sizeof(*fake.edu.pdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake.edu.pdev);
	fake.edu.registers = (__force void __iomem *)fake.registers;
	mutex_init(&fake.edu.lock);
	init_waitqueue_head(&fake.edu.wait);
	INIT_DELAYED_WORK(&fake.done, is_done);
	INIT_DELAYED_WORK(&fake.stray, is_not_done);
	return 0;
}

static void sample_exit(struct kunit *test)
{
	cancel_delayed_work_sync(&fake.done);
	cancel_delayed_work_sync(&fake.stray);
}

static void a_transfer_ends_with_its_interrupt(struct kunit *test)
{
	fake.done_after = 20;
	KUNIT_EXPECT_EQ(test, transfer(), 0);
	KUNIT_EXPECT_EQ(test, fake.edu.error, 0);
	KUNIT_EXPECT_EQ(test, fake.master_cleared, 0U);
	flush_delayed_work(&fake.done);
	KUNIT_EXPECT_EQ(test, fake.status, 0U);
}

static void a_stray_interrupt_is_no_end(struct kunit *test)
{
	fake.stray_after = 10;
	fake.done_after = 100;
	KUNIT_EXPECT_EQ(test, transfer(), 0);
	KUNIT_EXPECT_EQ(test, fake.command & EDU_DMA_START, 0U);
	KUNIT_EXPECT_EQ(test, fake.edu.error, 0);
}

/* Bus mastering ends, then what was written before is waited for; nothing comes later. */
static void expect_stopped(struct kunit *test, int error)
{
	unsigned int accesses;

	KUNIT_EXPECT_GT(test, fake.master_cleared, 0U);
	KUNIT_EXPECT_EQ(test, fake.config_read, fake.master_cleared + 1);
	KUNIT_EXPECT_EQ(test, fake.edu.error, error);
	accesses = fake.accesses;
	KUNIT_EXPECT_EQ(test, transfer(), error);
	KUNIT_EXPECT_EQ(test, fake.accesses, accesses);
}

static void what_hangs_is_stopped(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, transfer(), -EIO);
	expect_stopped(test, -EIO);
}

/* All ones would pass for a device that is at work, zeroes for one that is done. */
static void what_has_gone_is_known(struct kunit *test)
{
	static const u32 nothing[] = { ~0U, 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nothing); i++) {
		fake.edu.error = 0;
		fake.gone = true;
		fake.nothing = nothing[i];
		KUNIT_EXPECT_EQ(test, edu_state(&fake.edu), -ENODEV);
		KUNIT_EXPECT_EQ(test, transfer(), -ENODEV);
		expect_stopped(test, -ENODEV);
	}
}

static void nobody_answers_an_interrupt_of_what_has_gone(struct kunit *test)
{
	fake.gone = true;
	fake.nothing = ~0U;
	KUNIT_EXPECT_EQ(test, edu_interrupt(0, &fake.edu), IRQ_NONE);
	KUNIT_EXPECT_EQ(test, fake.accesses, 1U);
}

/* We have left it, or it hung before: the first reason stays. */
static void what_was_left_is_not_touched(struct kunit *test)
{
	fake.edu.error = -ENODEV;
	fake.done_after = 1;
	KUNIT_EXPECT_EQ(test, transfer(), -ENODEV);
	mutex_lock(&fake.edu.lock);
	KUNIT_EXPECT_EQ(test, edu_blank(&fake.edu, 0, EDU_FILL_MAX), -ENODEV);
	mutex_unlock(&fake.edu.lock);
	KUNIT_EXPECT_EQ(test, fake.accesses, 0U);
}

static struct kunit_case sample_cases[] = {
	KUNIT_CASE(a_transfer_ends_with_its_interrupt),
	KUNIT_CASE(a_stray_interrupt_is_no_end),
	KUNIT_CASE(what_hangs_is_stopped),
	KUNIT_CASE(what_has_gone_is_known),
	KUNIT_CASE(nobody_answers_an_interrupt_of_what_has_gone),
	KUNIT_CASE(what_was_left_is_not_touched),
	{}
};

static struct kunit_suite sample_suite = {
	.name = "iomd_sample",
	.init = sample_init,
	.exit = sample_exit,
	.test_cases = sample_cases,
};

kunit_test_suite(sample_suite);

MODULE_DESCRIPTION("Tests of samples/edu");
MODULE_LICENSE("GPL");
