// SPDX-License-Identifier: GPL-2.0
/*
 * The device of a slot is taken away in every way while programs use it: unbound, asked
 * for by the host (an orderly unplug), pulled (it has gone before anybody is told), each
 * in mid-transfer and while memory is shown to it; and its programs are killed meanwhile.
 * Each time the program gets an errno soon, the memory comes back, and the IOMMU sees no
 * access to what has ended. A device on the board goes on all the while.
 *
 * Run as root with the slot's root port, as /sys/bus/pci/devices has it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define LENGTH	(64 * PAGE)

/* Of PCI Express. */
#define PCI_CAPABILITIES	0x34
#define PCI_CAP_EXPRESS		0x10
#define PCI_SLOT_CONTROL	0x18
#define PCI_SLOT_POWER_IS_OFF	(0x0400 | 0x0300)
#define PCI_SLOT_INTERRUPTS	0x0020

static const char *port;

/* Two devices: on the board and, while one is there, in the slot. */
static int on_board = -1, in_slot = -1;

/* By the kernel's log, which the host reads; "host> " begins what is for it. */
static void ask_host(const char *command)
{
	write_file("/dev/kmsg", command);
}

static bool is_below_port(const char *node)
{
	char path[256], real[4096];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/class/misc/%s", strrchr(node, '/') + 1);
	length = readlink(path, real, sizeof(real) - 1);
	if (length < 0)
		return false;
	real[length] = 0;
	return strstr(real, port);
}

/* The node of the device in the slot, or of the one that is not; or -1. */
static int open_node(bool slot)
{
	glob_t nodes;
	int fd = -1;
	size_t i;

	if (glob("/dev/iomd-edu*", 0, NULL, &nodes))
		return -1;
	for (i = 0; i < nodes.gl_pathc; i++)
		if (fd < 0 && is_below_port(nodes.gl_pathv[i]) == slot)
			fd = open(nodes.gl_pathv[i], O_RDWR | O_CLOEXEC);
	globfree(&nodes);
	return fd;
}

/* Waits until there is a device in the slot, or none. */
static int wait_for_slot(bool wanted)
{
	__u64 give_up = milliseconds() + 30000;
	unsigned int i;
	bool there;
	int fd;

	for (i = 1;; i++) {
		/* The log's last line may not be shown before another one comes. */
		if (!(i % 10))
			write_file("/dev/kmsg", "waiting for the slot");
		fd = open_node(true);
		there = fd >= 0;
		if (there == wanted)
			return fd;
		if (there)
			close(fd);
		if (milliseconds() > give_up)
			fail("the slot's device does not %s", wanted ? "come" : "go");
		usleep(50000);
	}
}

/*
 * The slot's power goes, and with it at once the device; with the power on again that is
 * what Linux hears of: the card is missing, as if somebody had pulled it.
 */
static void pull(void)
{
	unsigned char capability[2];
	unsigned short control, off;
	char path[256];
	off_t at;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", port);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %m", path);
	if (pread(fd, capability, 1, PCI_CAPABILITIES) != 1)
		fail("%s: %m", path);
	for (at = capability[0]; at; at = capability[1]) {
		if (pread(fd, capability, 2, at) != 2)
			fail("%s: %m", path);
		if (capability[0] == PCI_CAP_EXPRESS)
			break;
	}
	if (!at || pread(fd, &control, 2, at + PCI_SLOT_CONTROL) != 2)
		fail("%s is no port with a slot", port);
	off = (control | PCI_SLOT_POWER_IS_OFF) & ~PCI_SLOT_INTERRUPTS;
	if (pwrite(fd, &off, 2, at + PCI_SLOT_CONTROL) != 2 ||
	    pwrite(fd, &control, 2, at + PCI_SLOT_CONTROL) != 2)
		fail("%s: %m", path);
	close(fd);
}

static void unplug(void)
{
	ask_host("host> device_del id=card");
}

/* Linux takes a second to switch the slot off, and what comes in that goes with it. */
static void plug(void)
{
	usleep(2500000);
	ask_host("host> device_add driver=edu id=card bus=root1");
	in_slot = wait_for_slot(true);
}

/* What a device in the slot is bound to. */
static void unbind_card(void)
{
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/0000:??:??.?", port);
	if (glob(pattern, 0, NULL, &found))
		fail("no device below %s", port);
	write_file("/sys/bus/pci/drivers/iomd_edu/unbind", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
}

/* Something that can be plugged again has to go first. */
static void after_unbinding(void)
{
	pull();
}

static const struct way {
	const char *name;
	void (*begin)(void);
	void (*go_on)(void);
	/* An orderly unplug takes Linux five seconds, in which the copy goes on. */
	__u64 most;
} ways[] = {
	{ "unbound", unbind_card, after_unbinding, 1000 },
	{ "unplugged", unplug, NULL, 9000 },
	{ "pulled", pull, NULL, 2000 },
};

struct copy {
	struct buffer source, destination;
	pid_t child;
};

static struct copy start(int fd)
{
	struct copy copy = {
		.source = make_buffer(SMALL_PAGES, 0, LENGTH, 1),
		.destination = make_buffer(MEMFD, 0, LENGTH, 1),
	};
	__u64 give_up = milliseconds() + 20000;

	memset(copy.source.memory, 0xa5, LENGTH);
	device = fd;
	copy.child = start_copy(copy.source.memory, copy.destination.memory, LENGTH,
				RLIM_INFINITY);
	while (copy.destination.memory[2048] != 0xa5) {
		if (milliseconds() > give_up)
			fail("the copy does not get going");
		usleep(10000);
	}
	return copy;
}

static void end(struct copy *copy)
{
	free_buffer(&copy->source);
	free_buffer(&copy->destination);
}

static void board_works(void)
{
	unsigned char *memory = map_memory(SMALL_PAGES, 2 * PAGE);
	struct buffer buffer = { .memory = memory, .size = 2 * PAGE };

	memset(memory, 0x42, PAGE);
	device = on_board;
	if (copy_bytes(memory, memory + PAGE, PAGE))
		fail("the other device does not copy: %m");
	if (memcmp(memory, memory + PAGE, PAGE))
		fail("the other device's copy is wrong");
	free_buffer(&buffer);
}

/* The slot is empty, and what was open before is of no use; then there is another one. */
static void renew(void)
{
	unsigned char byte = 0, other;
	__u32 length;

	wait_for_slot(false);
	device = in_slot;
	expect("  a copy by the file of before", ENODEV, copy_bytes(&byte, &other, 1));
	if (show_or_fill(in_slot, IOMD_EDU_FILL, NULL, &length) == 0)
		fail("a device that has gone fills memory");
	close(in_slot);
	plug();
	device = in_slot;
	expect("  a copy by another device in the slot", 0, copy_bytes(&byte, &other, 1));
}

static void in_mid_transfer(const struct way *way)
{
	struct copy copy = start(in_slot);
	__u64 since = milliseconds();

	way->begin();
	printf("%s in mid-transfer\n", way->name);
	expect("  the copy", ENODEV, end_of(copy.child));
	printf("  took %llu ms\n", milliseconds() - since);
	if (milliseconds() - since > way->most)
		fail("that took too long");
	if (copy.destination.memory[LENGTH - 1] == 0xa5)
		fail("that was not in mid-transfer");
	end(&copy);
	board_works();
	if (way->go_on)
		way->go_on();
	renew();
}

static void while_shown(const struct way *way)
{
	struct buffer shown = make_buffer(SMALL_PAGES, 0, 4 * PAGE, 1);
	__u32 written = 0;
	size_t i;

	printf("%s while memory is shown\n", way->name);
	expect("  shown", 0, show_or_fill(in_slot, IOMD_EDU_SHOW, &shown, NULL));
	expect("  filled", 0, show_or_fill(in_slot, IOMD_EDU_FILL, NULL, &written));
	memset(shown.memory, 0x3c, shown.size);
	way->begin();
	if (way->go_on)
		way->go_on();
	wait_for_slot(false);
	expect("  filled by a device that has gone", ENODEV,
	       show_or_fill(in_slot, IOMD_EDU_FILL, NULL, &written));
	for (i = 0; i < shown.size; i++)
		if (shown.memory[i] != 0x3c)
			fail("byte %zu has changed", i);
	renew();
	free_buffer(&shown);
}

/* The program dies of it while the device goes. */
static void killed_meanwhile(const struct way *way)
{
	struct copy copy = start(in_slot);
	__u64 since = milliseconds();

	printf("%s and killed in mid-transfer\n", way->name);
	kill(copy.child, SIGKILL);
	way->begin();
	if (end_of(copy.child) != -SIGKILL)
		fail("it did not die of it");
	printf("  took %llu ms\n", milliseconds() - since);
	if (milliseconds() - since > way->most)
		fail("that took too long");
	end(&copy);
	if (way->go_on)
		way->go_on();
	renew();
}

int main(int argc, char **argv)
{
	__u64 live_before;
	size_t i;

	if (argc != 2)
		fail("which port?");
	port = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	on_board = open_node(false);
	in_slot = wait_for_slot(true);
	if (on_board < 0)
		fail("there is no device that stays");
	live_before = live_objects();
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		in_mid_transfer(&ways[i]);
		while_shown(&ways[i]);
		killed_meanwhile(&ways[i]);
	}
	board_works();
	close(in_slot);
	close(on_board);
	printf("\nTaken, and given back\n");
	check_counters(live_before, 2);
	printf("\nunplug: all checks passed\n");
	return 0;
}
