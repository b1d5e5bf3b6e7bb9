/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who else has to do with dma-bufs: importers as drivers are, processes that have
 * their files, and an exporter. All are as strict as the documentation lets them be.
 */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/file.h>

#include "maps.h"

/*
 * What is put here ends some time later, in a thread of the kernel's: a descriptor, the
 * dma-buf that it imported, and the descriptor that this was made of.
 */
static inline void settle(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		os_object_barrier();
		flush_delayed_fput();
	}
	os_object_barrier();
}

static inline void put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	settle();
}

static inline struct dma_buf *exported(struct kunit *test, struct iomd *md, int flags)
{
	struct dma_buf *dmabuf = iomd_dma_buf_export(md, flags);

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), 0);
	return dmabuf;
}

static inline void expect_not_exported(struct kunit *test, struct iomd *md, int flags, int error)
{
	struct dma_buf *dmabuf = iomd_dma_buf_export(md, flags);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), error);
	if (!IS_ERR(dmabuf))
		put(dmabuf);
}

/*
 * A driver with a device, as there are many
 */

struct importer {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	enum dma_data_direction direction;
	/* How often a dynamic one was told that the memory moves. */
	unsigned int moves;
};

int importer_start(struct importer *importer, struct dma_buf *dmabuf, struct device *dev,
		   enum dma_data_direction direction);
/* One that could be told of moves, and has the memory pinned. */
int importer_start_dynamic(struct importer *importer, struct dma_buf *dmabuf,
			   struct device *dev, enum dma_data_direction direction);
void importer_end(struct importer *importer);
/*
 * One that takes the size, the addresses and the lengths for whole pages, and looks at
 * all of them from the kernel.
 */
void importer_expect_pages(struct kunit *test, struct dma_buf *dmabuf, struct device *dev);

/*
 * Processes
 */

/* Made and called by a process, with what is in the others. */
struct file_call {
	struct iomd *md;
	struct dma_buf *dmabuf;
	u64 length, direction;
	int flags, fd;
};

long export_fd(void *data);
long import_fd(void *data);
long get_fd(void *data);
/* The process gets a file of @dmabuf. */
int puppet_give(struct puppet *puppet, struct dma_buf *dmabuf);

/* Mapped frames are seen by their process alone. */
struct user_copy {
	u64 address;
	u8 *bytes;
	size_t length;
	bool write;
};

long copy_bytes(void *data);
void puppet_copy(struct puppet *puppet, u64 address, u8 *bytes, size_t length, bool write);
long map_file(struct puppet *puppet, u64 length, int prot, int flags, int fd);

/*
 * An exporter whose memory moves unless somebody sees it
 */

#define EXPORTER_PAGES	3

enum exporter_mode {
	EXPORTER_CACHED,
	/* As the exporter sees it; the kernel's own view is cached. */
	EXPORTER_COMBINED_ALIAS,
	/* As everybody sees it. */
	EXPORTER_COMBINED,
	/* The first page only. */
	EXPORTER_MIXED,
};

struct exporter {
	struct kunit *test;
	struct dma_buf *dmabuf;
	struct page *pages[EXPORTER_PAGES];
	enum exporter_mode mode;
	unsigned int views, accesses, begins;
	/* The accesses that begin now will fail. */
	bool uncounted;
	struct completion released;
};

/* The dma-buf is the caller's; the exporter must live on until exporter_await_end(). */
struct dma_buf *exporter_start(struct exporter *exporter, struct kunit *test,
			       enum exporter_mode mode, int flags);
/* Nobody has the dma-buf any more, or will not have it soon. */
void exporter_await_end(struct exporter *exporter);
/* New pages, with the pattern from @position on; -EBUSY while somebody sees the old ones. */
int exporter_move(struct exporter *exporter, u64 position);
/* Does it hold the pattern? */
bool exporter_holds(const struct exporter *exporter, u64 position);

#endif
