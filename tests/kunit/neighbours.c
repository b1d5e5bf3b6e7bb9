// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <asm/unistd.h>

#ifdef IOMD_HAVE_SET_MEMORY_WC
#include <linux/set_memory.h>
#endif

#include "../../src/compat/dma_buf.h"
#include "neighbours.h"

/*
 * Importers
 */

int importer_start(struct importer *importer, struct dma_buf *dmabuf, struct device *dev,
		   enum dma_data_direction direction)
{
	importer->dmabuf = dmabuf;
	importer->direction = direction;
	importer->attachment = dma_buf_attach(dmabuf, dev);
	if (IS_ERR(importer->attachment))
		return PTR_ERR(importer->attachment);
	importer->table = dma_buf_map_attachment_unlocked(importer->attachment, direction);
	if (!IS_ERR(importer->table)) {
		get_dma_buf(dmabuf);
		return 0;
	}
	dma_buf_detach(dmabuf, importer->attachment);
	return PTR_ERR(importer->table);
}
EXPORT_SYMBOL_GPL(importer_start);

static void is_moved(struct dma_buf_attachment *attachment)
{
	struct importer *importer = attachment->importer_priv;

	importer->moves++;
}

static const struct dma_buf_attach_ops dynamic_ops = {
	.allow_peer2peer = true,
	.iomd_compat_move_notify = is_moved,
};

static int pin_and_map(struct importer *importer)
{
	struct dma_buf_attachment *attachment = importer->attachment;
	int ret;

	dma_resv_lock(importer->dmabuf->resv, NULL);
	ret = dma_buf_pin(attachment);
	if (!ret) {
		importer->table = dma_buf_map_attachment(attachment, importer->direction);
		ret = PTR_ERR_OR_ZERO(importer->table);
		if (ret)
			dma_buf_unpin(attachment);
	}
	dma_resv_unlock(importer->dmabuf->resv);
	return ret;
}

int importer_start_dynamic(struct importer *importer, struct dma_buf *dmabuf,
			   struct device *dev, enum dma_data_direction direction)
{
	int ret;

	*importer = (struct importer) { .dmabuf = dmabuf, .direction = direction };
	importer->attachment = dma_buf_dynamic_attach(dmabuf, dev, &dynamic_ops, importer);
	if (IS_ERR(importer->attachment))
		return PTR_ERR(importer->attachment);
	ret = pin_and_map(importer);
	if (ret)
		dma_buf_detach(dmabuf, importer->attachment);
	else
		get_dma_buf(dmabuf);
	return ret;
}
EXPORT_SYMBOL_GPL(importer_start_dynamic);

void importer_end(struct importer *importer)
{
	struct dma_buf_attachment *attachment = importer->attachment;

	dma_resv_lock(importer->dmabuf->resv, NULL);
	dma_buf_unmap_attachment(attachment, importer->table, importer->direction);
	if (attachment->importer_ops)
		dma_buf_unpin(attachment);
	dma_resv_unlock(importer->dmabuf->resv);
	dma_buf_detach(importer->dmabuf, attachment);
	put(importer->dmabuf);
}
EXPORT_SYMBOL_GPL(importer_end);

static void expect_table_of_pages(struct kunit *test, const struct importer *importer)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(importer->table, sg, i) {
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(sg_dma_address(sg)));
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(sg_dma_len(sg)));
		sum += sg_dma_len(sg);
	}
	KUNIT_EXPECT_EQ(test, sum, (u64)importer->dmabuf->size);
}

static void expect_view_of_pages(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iosys_map map;
	size_t at;

	KUNIT_ASSERT_EQ(test, iomd_compat_dma_buf_vmap(dmabuf, &map), 0);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(map.vaddr));
	for (at = 0; at < dmabuf->size; at += 512)
		KUNIT_EXPECT_FALSE(test, faults(map.vaddr + at));
	KUNIT_EXPECT_FALSE(test, faults(map.vaddr + dmabuf->size - 1));
	iomd_compat_dma_buf_vunmap(dmabuf, &map);
}

void importer_expect_pages(struct kunit *test, struct dma_buf *dmabuf, struct device *dev)
{
	struct importer importer;

	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(dmabuf->size));
	KUNIT_ASSERT_EQ(test, importer_start(&importer, dmabuf, dev, DMA_BIDIRECTIONAL), 0);
	expect_table_of_pages(test, &importer);
	importer_end(&importer);
	expect_view_of_pages(test, dmabuf);
}
EXPORT_SYMBOL_GPL(importer_expect_pages);

/*
 * Processes
 */

long export_fd(void *data)
{
	struct file_call *call = data;

	return iomd_dma_buf_export_fd(call->md, call->flags);
}
EXPORT_SYMBOL_GPL(export_fd);

long import_fd(void *data)
{
	struct file_call *call = data;

	call->md = iomd_with_dma_buf_fd(call->fd, 0, call->length, call->direction);
	return PTR_ERR_OR_ZERO(call->md);
}
EXPORT_SYMBOL_GPL(import_fd);

long get_fd(void *data)
{
	struct file_call *call = data;

	call->dmabuf = dma_buf_get(call->fd);
	return PTR_ERR_OR_ZERO(call->dmabuf);
}
EXPORT_SYMBOL_GPL(get_fd);

static long give_fd(void *data)
{
	struct dma_buf *dmabuf = data;
	int fd;

	get_dma_buf(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

int puppet_give(struct puppet *puppet, struct dma_buf *dmabuf)
{
	int fd = puppet_call(puppet, give_fd, dmabuf);

	KUNIT_ASSERT_GT(puppet->test, fd, 0);
	return fd;
}
EXPORT_SYMBOL_GPL(puppet_give);

long copy_bytes(void *data)
{
	struct user_copy *copy = data;
	void __user *user = u64_to_user_ptr(copy->address);

	return copy->write ? copy_to_user(user, copy->bytes, copy->length) :
			     copy_from_user(copy->bytes, user, copy->length);
}
EXPORT_SYMBOL_GPL(copy_bytes);

void puppet_copy(struct puppet *puppet, u64 address, u8 *bytes, size_t length, bool write)
{
	struct user_copy copy = { address, bytes, length, write };

	KUNIT_EXPECT_EQ(puppet->test, puppet_call(puppet, copy_bytes, &copy), 0L);
}
EXPORT_SYMBOL_GPL(puppet_copy);

long map_file(struct puppet *puppet, u64 length, int prot, int flags, int fd)
{
	return puppet_syscall(puppet, __NR_mmap, 0, length, prot, flags, fd, 0);
}
EXPORT_SYMBOL_GPL(map_file);

/*
 * The exporter
 */

static struct sg_table *exporter_map(struct dma_buf_attachment *attachment,
				     enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void exporter_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			   enum dma_data_direction direction)
{
}

static int exporter_pin(struct dma_buf_attachment *attachment)
{
	return -EBUSY;
}

static void exporter_unpin(struct dma_buf_attachment *attachment)
{
}

/* Older kernels have another lock for views. */
static void assert_locked(struct dma_buf *dmabuf)
{
#ifdef IOMD_HAVE_DMA_BUF_VMAP_UNLOCKED
	dma_resv_assert_held(dmabuf->resv);
#endif
}

/* It has to know the views whose caches it may have to flush, as the system heap has. */
static int exporter_begin(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct exporter *exporter = dmabuf->priv;

	KUNIT_EXPECT_NE_MSG(exporter->test, exporter->views, 0U, "an access without a view");
	if (exporter->uncounted)
		return 0;
	exporter->accesses++;
	exporter->begins++;
	return 0;
}

static int exporter_end(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct exporter *exporter = dmabuf->priv;

	KUNIT_EXPECT_NE_MSG(exporter->test, exporter->accesses, 0U, "an end without a begin");
	KUNIT_EXPECT_NE_MSG(exporter->test, exporter->views, 0U, "the view went before its end");
	exporter->accesses--;
	return 0;
}

static bool combines(const struct exporter *exporter, unsigned int page)
{
	return exporter->mode == EXPORTER_COMBINED || (exporter->mode == EXPORTER_MIXED && !page);
}

static int set_mode(struct exporter *exporter, bool combined)
{
#ifdef IOMD_HAVE_SET_MEMORY_WC
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < EXPORTER_PAGES; i++) {
		unsigned long address = (unsigned long)page_address(exporter->pages[i]);

		if (combines(exporter, i))
			ret = combined ? set_memory_wc(address, 1) : set_memory_wb(address, 1);
	}
	return ret;
#else
	return 0;
#endif
}

static int exporter_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct exporter *exporter = dmabuf->priv;
	pgprot_t prot = PAGE_KERNEL;
	void *address;

	assert_locked(dmabuf);
	if (exporter->mode == EXPORTER_COMBINED || exporter->mode == EXPORTER_COMBINED_ALIAS)
		prot = pgprot_writecombine(prot);
	/* Two views of one mode each can't be one mapping: the linear map has both. */
	if (exporter->mode == EXPORTER_MIXED)
		address = page_address(exporter->pages[0]);
	else
		address = vmap(exporter->pages, EXPORTER_PAGES, VM_MAP, prot);
	if (!address)
		return -ENOMEM;
	exporter->views++;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void exporter_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct exporter *exporter = dmabuf->priv;

	assert_locked(dmabuf);
	KUNIT_EXPECT_EQ_MSG(exporter->test, exporter->accesses, 0U, "an access without end");
	if (exporter->mode != EXPORTER_MIXED)
		vunmap(map->vaddr);
	exporter->views--;
}

static void free_pages_of(struct exporter *exporter)
{
	unsigned int i;

	set_mode(exporter, false);
	for (i = 0; i < EXPORTER_PAGES; i++)
		__free_page(exporter->pages[i]);
}

static void exporter_release(struct dma_buf *dmabuf)
{
	struct exporter *exporter = dmabuf->priv;

	KUNIT_EXPECT_EQ(exporter->test, exporter->views, 0U);
	KUNIT_EXPECT_EQ(exporter->test, exporter->accesses, 0U);
	free_pages_of(exporter);
	complete(&exporter->released);
}

static const struct dma_buf_ops exporter_ops = {
	.map_dma_buf = exporter_map,
	.unmap_dma_buf = exporter_unmap,
	.pin = exporter_pin,
	.unpin = exporter_unpin,
	.begin_cpu_access = exporter_begin,
	.end_cpu_access = exporter_end,
	.vmap = exporter_vmap,
	.vunmap = exporter_vunmap,
	.release = exporter_release,
};

static void alloc_pages_of(struct exporter *exporter, u64 position)
{
	struct page *pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, 2);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(exporter->test, pages);
	split_page(pages, 2);
	for (i = 0; i < EXPORTER_PAGES; i++) {
		exporter->pages[i] = pages + i;
		fill_pattern(page_address(pages + i), position + i * P, P);
	}
	__free_page(pages + EXPORTER_PAGES);
}

struct dma_buf *exporter_start(struct exporter *exporter, struct kunit *test,
			       enum exporter_mode mode, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	*exporter = (struct exporter) { .test = test, .mode = mode };
	init_completion(&exporter->released);
	alloc_pages_of(exporter, 0);
	KUNIT_ASSERT_EQ(test, set_mode(exporter, true), 0);
	info.ops = &exporter_ops;
	info.size = EXPORTER_PAGES * P;
	info.flags = flags;
	info.priv = exporter;
	exporter->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(exporter->dmabuf), 0);
	return exporter->dmabuf;
}
EXPORT_SYMBOL_GPL(exporter_start);

void exporter_await_end(struct exporter *exporter)
{
	unsigned long left;

	settle();
	left = wait_for_completion_timeout(&exporter->released, 60 * HZ);
	KUNIT_EXPECT_NE_MSG(exporter->test, left, 0UL, "somebody still has the dma-buf");
}
EXPORT_SYMBOL_GPL(exporter_await_end);

int exporter_move(struct exporter *exporter, u64 position)
{
	struct exporter old = *exporter;
	int ret = -EBUSY;

	dma_resv_lock(exporter->dmabuf->resv, NULL);
	if (!exporter->views) {
		iomd_compat_dma_buf_moves(exporter->dmabuf);
		alloc_pages_of(exporter, position);
		/* Nobody may count on the old ones. */
		memset(page_address(old.pages[0]), 0xee, P);
		free_pages_of(&old);
		ret = 0;
	}
	dma_resv_unlock(exporter->dmabuf->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(exporter_move);

bool exporter_holds(const struct exporter *exporter, u64 position)
{
	unsigned int i;

	for (i = 0; i < EXPORTER_PAGES; i++)
		if (find_mismatch(page_address(exporter->pages[i]), position + i * P, P) != P)
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(exporter_holds);

MODULE_INFO(import_ns, "DMA_BUF");
