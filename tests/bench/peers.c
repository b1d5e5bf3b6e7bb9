// SPDX-License-Identifier: GPL-2.0
/* What user space can have done to its memory without iomd. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/udmabuf.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "program.h"

/* io_uring: fixed buffers */

static int ring;

static void ring_open(void)
{
	struct io_uring_params params = {};

	if (!ring)
		ring = syscall(__NR_io_uring_setup, 1, &params);
	if (ring < 0)
		die("io_uring_setup");
}

static int ring_run(void *data)
{
	const struct memory *memory = data;
	struct iovec vec = { memory->address, memory->length };

	return syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &vec, 1);
}

static int ring_undo(void *data)
{
	return syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

/* VFIO type 1, around the one device that vfio-pci has */

static int container;

static void container_open(void)
{
	int type = VFIO_TYPE1v2_IOMMU, group;

	if (container)
		return;
	container = open("/dev/vfio/vfio", O_RDWR);
	/* The init linked the device's group to this name. */
	group = open("/dev/vfio/group", O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, type))
		die("vfio");
}

static int container_run(void *data)
{
	const struct memory *memory = data;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory->address,
		.iova = 1UL << 30,
		.size = memory->length,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

static int container_undo(void *data)
{
	const struct memory *memory = data;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = 1UL << 30,
		.size = memory->length,
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* udmabuf: a memfd as a dma-buf; it pins all, no device maps it here */

static int udmabuf, dmabuf;

static void udmabuf_open(void)
{
	if (!udmabuf)
		udmabuf = open("/dev/udmabuf", O_RDWR);
	if (udmabuf < 0)
		die("/dev/udmabuf");
}

static int udmabuf_run(void *data)
{
	const struct memory *memory = data;
	struct udmabuf_create create = { .memfd = memory->fd, .size = memory->length };

	fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK);
	dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &create);
	return dmabuf < 0 ? -1 : 0;
}

static int udmabuf_undo(void *data)
{
	return close(dmabuf);
}

#define ANY	((1 << BENCH_REPEATED) - 1)

const struct peer peers[] = {
	{ "pin_in", "io_uring", ANY, 4 << 10, 1 << 30, ring_open, ring_run, ring_undo },
	{ "ready", "vfio", ANY, 4 << 10, 128 << 20, container_open, container_run,
	  container_undo },
	{ "pin_in", "udmabuf", 1 << BENCH_MEMFD, 4 << 10, 128 << 20, udmabuf_open, udmabuf_run,
	  udmabuf_undo },
	{}
};
