// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's pictures: how ranges become segments, DMA segments and transfers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "demo.h"

#define BAR_WIDTH	68
#define PAGE_COLUMNS	9
/* The driver's longest transfer. */
#define TRANSFER_MAX	2048

/* A row cuts the buffer's bytes in pieces; ends[i] is where one ends. */
struct row {
	const char *side, *name;
	char fill;
	__u32 count;
	__u64 ends[IOMD_EDU_DESCRIBE_MAX];
};

enum {
	SOURCE_RANGES, SOURCE_SEGMENTS, SOURCE_DMA,
	TRANSFERS,
	DESTINATION_DMA, DESTINATION_SEGMENTS, DESTINATION_RANGES,
	ROWS
};

static struct row rows[ROWS] = {
	[SOURCE_RANGES] = { .side = "source", .name = "ranges", .fill = '=' },
	[SOURCE_SEGMENTS] = { .side = "", .name = "segments", .fill = '-' },
	[SOURCE_DMA] = { .side = "", .name = "DMA segments", .fill = '~' },
	[TRANSFERS] = { .side = "device", .name = "in and out", .fill = '>' },
	[DESTINATION_DMA] = { .side = "destination", .name = "DMA segments", .fill = '~' },
	[DESTINATION_SEGMENTS] = { .side = "", .name = "segments", .fill = '-' },
	[DESTINATION_RANGES] = { .side = "", .name = "ranges", .fill = '=' },
};

static __u64 row_end(const struct row *row)
{
	return row->count ? row->ends[row->count - 1] : 0;
}

static void add_piece(struct row *row, __u64 length)
{
	__u64 start = row_end(row);

	if (row->count == ARRAY_SIZE(row->ends))
		fail("more than %u %s", row->count, row->name);
	row->ends[row->count++] = start + length;
}

/* What the page tables say, to compare with. */
static void expect_segments(const struct buffer *buffer, struct row *row)
{
	__u64 previous_end = 0, piece = 0, at, end, bytes, entry, physical;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u32 i;

	row->count = 0;
	for (i = 0; i < buffer->count; i++) {
		end = buffer->ranges[i].address + buffer->ranges[i].length;
		for (at = buffer->ranges[i].address; at < end; at += bytes) {
			bytes = PAGE - at % PAGE;
			if (bytes > end - at)
				bytes = end - at;
			if (pread(pagemap, &entry, sizeof(entry), at / PAGE * sizeof(entry)) !=
			    sizeof(entry))
				fail("no /proc/self/pagemap: %m");
			physical = (entry & ((1ULL << 55) - 1)) * PAGE + at % PAGE;
			if (piece && physical != previous_end) {
				add_piece(row, piece);
				piece = 0;
			}
			previous_end = physical + bytes;
			piece += bytes;
		}
	}
	add_piece(row, piece);
	close(pagemap);
}

static void look_at_side(const struct buffer *buffer, __u32 flags, struct row *ranges,
			 struct row *segments, struct row *dma)
{
	static __u64 segment[IOMD_EDU_DESCRIBE_MAX], dma_segment[IOMD_EDU_DESCRIBE_MAX];
	struct iomd_edu_describe describe = {
		.size = sizeof(describe),
		.flags = flags,
		.range_count = buffer->count,
		.ranges = (uintptr_t)buffer->ranges,
		.capacity = IOMD_EDU_DESCRIBE_MAX,
		.segments = (uintptr_t)segment,
		.dma_segments = (uintptr_t)dma_segment,
	};
	static struct row expected;
	__u32 i;

	if (ioctl(device, IOMD_EDU_DESCRIBE, &describe))
		fail("describing %zu bytes: %m", buffer->length);
	ranges->count = 0;
	segments->count = 0;
	dma->count = 0;
	for (i = 0; i < buffer->count; i++)
		add_piece(ranges, buffer->ranges[i].length);
	for (i = 0; i < describe.segment_count; i++)
		add_piece(segments, segment[i]);
	for (i = 0; i < describe.dma_segment_count; i++)
		add_piece(dma, dma_segment[i]);

	expect_segments(buffer, &expected);
	if (expected.count != segments->count ||
	    memcmp(expected.ends, segments->ends, expected.count * sizeof(expected.ends[0])))
		fail("%u segments, and not as the %u that the page tables show",
		     segments->count, expected.count);
	if (row_end(dma) != buffer->length)
		fail("DMA segments of %llu bytes in all for %zu", row_end(dma), buffer->length);
}

/*
 * Ask how the two look, and draw() will show it. Returns how many times something must
 * go into the device and out: as far as both DMA segments and the longest transfer reach.
 */
__u32 look_at(const struct buffer *source, const struct buffer *destination)
{
	const struct row *from = &rows[SOURCE_DMA], *to = &rows[DESTINATION_DMA];
	__u64 at, end;
	__u32 i = 0, j = 0;

	look_at_side(source, 0, &rows[SOURCE_RANGES], &rows[SOURCE_SEGMENTS],
		     &rows[SOURCE_DMA]);
	look_at_side(destination, IOMD_EDU_DESCRIBE_WRITTEN, &rows[DESTINATION_RANGES],
		     &rows[DESTINATION_SEGMENTS], &rows[DESTINATION_DMA]);
	rows[TRANSFERS].count = 0;
	for (at = 0; at < source->length; at = end) {
		end = at + TRANSFER_MAX;
		if (end > from->ends[i])
			end = from->ends[i];
		if (end > to->ends[j])
			end = to->ends[j];
		i += end == from->ends[i];
		j += end == to->ends[j];
		add_piece(&rows[TRANSFERS], end - at);
	}
	return rows[TRANSFERS].count;
}

/* A cell is what lies between two neighbouring cuts, in whichever rows they are. */
static __u32 find_cells(size_t length, __u64 *cuts)
{
	__u32 next[ROWS] = { 0 }, cells = 0;
	__u64 cut = 0;
	int r;

	cuts[0] = 0;
	while (cut < length) {
		cut = length;
		for (r = 0; r < ROWS; r++)
			if (rows[r].ends[next[r]] < cut)
				cut = rows[r].ends[next[r]];
		for (r = 0; r < ROWS; r++)
			next[r] += rows[r].ends[next[r]] == cut;
		cuts[++cells] = cut;
	}
	return cells;
}

static int cell_columns(const __u64 *cell)
{
	int fill = (cell[1] - cell[0]) * PAGE_COLUMNS / PAGE;

	return 1 + (fill ? fill : 1);
}

static void draw_cells(const struct row *row, const __u64 *cuts, __u32 first, __u32 end,
		       __u32 *piece)
{
	int columns;

	for (; first < end; first++) {
		while (*piece < row->count && row->ends[*piece] < cuts[first])
			++*piece;
		columns = cell_columns(&cuts[first]);
		putchar(!cuts[first] || row->ends[*piece] == cuts[first] ? '|' : row->fill);
		while (--columns)
			putchar(row->fill);
	}
}

/* Equal cells at both ends, as many as the line holds: the middle is left out. */
void draw(size_t length)
{
	static __u64 cuts[ROWS * IOMD_EDU_DESCRIBE_MAX];
	__u32 cells = find_cells(length, cuts), head = 0, tail = cells, piece, cell;
	int r, width = 0;

	while (head < tail) {
		cell = head <= cells - tail ? head : tail - 1;
		width += cell_columns(&cuts[cell]);
		if (width > BAR_WIDTH)
			break;
		if (cell == head)
			head++;
		else
			tail--;
	}
	for (r = 0; r < ROWS; r++) {
		piece = 0;
		printf("  %-12s%-12s%5u ", rows[r].side, rows[r].name, rows[r].count);
		draw_cells(&rows[r], cuts, 0, head, &piece);
		if (head < tail)
			printf(" ... ");
		draw_cells(&rows[r], cuts, tail, cells, &piece);
		printf("|\n");
	}
	printf("\n");
}
