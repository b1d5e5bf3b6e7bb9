// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever may be called in any context is called in hard interrupt context: in a
 * true one, which PREEMPT_RT has, too, and in which it tells of each lock that
 * sleeps there. `make lint` compares the table with what kernel-doc says.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "fake_device.h"
#include "maps.h"

#define LENGTH	(2 * P)

struct scene {
	struct kunit *test;
	struct device *dev;
	u8 *memory;
	/* Prepared. */
	struct iomd *md, *buffer, *other;
	struct os_object *context, *data, *string;
	struct iomd_dma_map *map;
	struct iomd_mapping *mapping;
	struct iomd_cursor *cursor;
	/* Prepared, for all of @buffer. */
	struct iomd_dma_command *command;
	/* Not set up. */
	struct iomd *fresh_md, *fresh_guard;
	/* A reference to each of these is given back. */
	struct os_object *spare;
	struct iomd *spare_md;
	struct iomd_mapping *spare_mapping;
	struct iomd_dma_command *spare_command;
	struct iomd_cursor *spare_cursor;
	struct iomd_client *client;
	/* Was everything right? */
	bool ok;
	const struct row *row;
};

/* What is called, and true if its answer was right. */
struct row {
	const char *name;
	bool (*call)(struct scene *scene);
};

static bool call_object(struct scene *scene)
{
	struct os_object *object = &scene->md->object;
	struct os_meta_class *meta = os_object_get_meta_class(object);
	bool ok = os_object_retain(object) == object && os_object_try_retain(object) &&
		  iomd_retain(scene->md) == scene->md && os_object_get_retain_count(object) > 3;

	os_object_release(object);
	os_object_release(object);
	iomd_release(scene->md);
	return ok && os_object_is_equal_to(object, &scene->md->object) &&
	       os_object_meta_cast(object, &iomd_meta_class) == object &&
	       os_object_meta_cast_with_name(object, "os_object") == object &&
	       os_meta_class_get_class_name(meta) &&
	       os_meta_class_get_class_size(meta) > sizeof(struct iomd) &&
	       os_meta_class_get_super_class(meta) == &iomd_meta_class &&
	       os_meta_class_get_instance_count(meta) > 0 &&
	       iomd_get_meta_class(scene->md) == meta;
}

/* Their bytes are a descriptor's context, and read where its interrupt comes. */
static bool call_data(struct scene *scene)
{
	return os_data_get_length(scene->data) == 2 && os_data_get_bytes_no_copy(scene->data) &&
	       os_string_get_length(scene->string) == 2 &&
	       os_string_get_c_string_no_copy(scene->string);
}

static bool call_object_release(struct scene *scene)
{
	os_object_release(scene->spare);
	iomd_release(scene->spare_md);
	scene->spare = NULL;
	scene->spare_md = NULL;
	return true;
}

static bool call_mapping_release(struct scene *scene)
{
	iomd_mapping_release(scene->spare_mapping);
	scene->spare_mapping = NULL;
	iomd_mapping_release(iomd_mapping_retain(scene->mapping));
	return true;
}

static bool call_command_release(struct scene *scene)
{
	iomd_dma_command_release(scene->spare_command);
	scene->spare_command = NULL;
	iomd_dma_command_release(iomd_dma_command_retain(scene->command));
	return true;
}

static bool call_cursor_release(struct scene *scene)
{
	iomd_cursor_release(scene->spare_cursor);
	scene->spare_cursor = NULL;
	iomd_cursor_release(iomd_cursor_retain(scene->cursor));
	return true;
}

static bool call_client_release(struct scene *scene)
{
	iomd_client_release(scene->client);
	scene->client = NULL;
	return true;
}

static bool call_words(struct scene *scene)
{
	struct iomd *md = scene->md;

	iomd_set_tag(md, 7);
	iomd_set_vm_tags(md, 8, 9);
	iomd_set_mapper_options(md, 10);
	iomd_initialize();
	return iomd_get_length(md) == LENGTH && iomd_get_direction(md) == BOTH &&
	       iomd_get_flags(md) && iomd_get_tag(md) == 7 &&
	       iomd_get_vm_tag(md, IOMD_KERNEL_TASK) == 8 && iomd_get_mapper_options(md) == 10 &&
	       iomd_get_preparation_id(md) > IOMD_PREPARATION_ID_ALWAYS_PREPARED;
}

static bool call_set_preparation_id(struct scene *scene)
{
	iomd_set_preparation_id(scene->md);
	return true;
}

static bool call_context(struct scene *scene)
{
	struct os_object *context;

	iomd_set_context(scene->md, scene->context);
	context = iomd_copy_context(scene->md);
	os_object_release(context);
	iomd_set_context(scene->md, NULL);
	return context == scene->context;
}

/* The last reference to an object is the descriptor's. */
static bool call_context_ends(struct scene *scene)
{
	iomd_set_context(scene->md, scene->spare);
	os_object_release(scene->spare);
	scene->spare = NULL;
	iomd_set_context(scene->md, NULL);
	return true;
}

static bool call_segments(struct scene *scene)
{
	struct iomd_segment_iter iter;
	u64 length = 0, offset = 0, sum = 0;

	iomd_for_each_segment(iter, scene->md, 0, LENGTH)
		sum += iter.length;
	iomd_segment_iter_init(&iter, scene->md, 0, LENGTH, 0);
	iomd_segment_iter_seek(&iter);
	iomd_segment_iter_next(&iter);
	return sum == LENGTH && iomd_get_physical_address(scene->md) &&
	       iomd_get_physical_segment(scene->md, P, &length, 0) && length == P &&
	       iomd_get_dma_map_length(scene->md, &offset) == LENGTH;
}

static bool call_copies(struct scene *scene)
{
	u8 bytes[16];

	return iomd_read_bytes(scene->md, 8, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       iomd_write_bytes(scene->md, 8, bytes, sizeof(bytes)) == sizeof(bytes);
}

static bool call_perform_operation(struct scene *scene)
{
	int ret = iomd_perform_operation(scene->md, IOMD_MEMORY_INCOHERENT_IO_STORE, 0, LENGTH);

	/* Not every architecture exports it. */
	return !ret || ret == -EOPNOTSUPP;
}

static bool call_buffer(struct scene *scene)
{
	return iomd_buffer_get_capacity(scene->buffer) == LENGTH &&
	       iomd_buffer_get_bytes_no_copy(scene->buffer) &&
	       !iomd_buffer_get_user_bytes_no_copy(scene->buffer) &&
	       iomd_buffer_get_bytes_no_copy_range(scene->buffer, P, P);
}

static bool call_set_direction(struct scene *scene)
{
	return !iomd_buffer_set_direction(scene->buffer, IOMD_DIRECTION_IN);
}

static bool call_init(struct scene *scene)
{
	static const struct iomd_ops ops;

	iomd_init(scene->fresh_md, &ops, LENGTH, BOTH);
	return !iomd_guard_page_init_with_size(scene->fresh_guard, P);
}

static bool call_mapping(struct scene *scene)
{
	struct iomd_mapping *mapping = scene->mapping;
	u64 length = 0;

	return iomd_mapping_get_address(mapping) && iomd_mapping_get_virtual_address(mapping) &&
	       iomd_mapping_get_length(mapping) == LENGTH &&
	       iomd_mapping_get_size(mapping) >= LENGTH && !iomd_mapping_get_offset(mapping) &&
	       iomd_mapping_get_map_options(mapping) &&
	       iomd_mapping_get_address_task(mapping) == IOMD_KERNEL_TASK &&
	       iomd_mapping_get_memory_descriptor(mapping) == scene->md &&
	       iomd_mapping_get_physical_segment(mapping, P, &length, 0) && length == P &&
	       iomd_mapping_get_physical_address(mapping);
}

static bool call_cursor(struct scene *scene)
{
	struct iomd_cursor_physical_segment segments[4];
	u64 length;

	iomd_natural_cursor_output_segment((struct iomd_cursor_physical_segment){ 1, 2 },
					   segments, 0);
	iomd_big_cursor_output_segment(segments[0], segments, 1);
	iomd_little_cursor_output_segment(segments[0], segments, 2);
	return iomd_cursor_gen_physical_segments(scene->cursor, scene->md, 0, segments, 4, 0,
						 &length) &&
	       iomd_natural_cursor_get_physical_segments(scene->cursor, scene->md, 0, segments,
							 4, 0, &length) &&
	       iomd_big_cursor_get_physical_segments(scene->cursor, scene->md, 0, segments, 4,
						     0, &length) &&
	       iomd_little_cursor_get_physical_segments(scene->cursor, scene->md, 0, segments,
							4, 0, &length);
}

static bool call_command_words(struct scene *scene)
{
	struct iomd_dma_command *command = scene->command;
	u64 offset, length;

	return iomd_dma_command_get_ref_con(command) == scene &&
	       iomd_dma_command_get_num_address_bits(command) == 63 &&
	       iomd_dma_command_get_alignment(command) == 2 &&
	       iomd_dma_command_get_alignment_length(command) == 2 &&
	       iomd_dma_command_get_alignment_internal_segments(command) == 2 &&
	       iomd_dma_command_get_memory_descriptor(command) == scene->buffer &&
	       iomd_dma_command_get_io_memory_descriptor(command) &&
	       !iomd_dma_command_get_prepared_offset_and_length(command, &offset, &length) &&
	       length == LENGTH;
}

static bool call_command_segments(struct scene *scene)
{
	struct iomd_dma_command *command = scene->command;
	struct iomd_dma_segment32 small[8];
	struct iomd_dma_segment64 large[8];
	u32 count[4] = { 8, 8, 8, 8 };
	u64 offset[4] = {};

	/* The command's function is one of 64 bits. */
	return iomd_dma_command_gen32_iovm_segments(command, &offset[0], small,
						    &count[0]) == -EINVAL &&
	       !iomd_dma_command_gen64_iovm_segments(command, &offset[1], large, &count[1]) &&
	       !iomd_dma_command_gen_iovm_segments(command, &offset[2], large, &count[2]) &&
	       !iomd_dma_command_gen_iovm_segments_with_function(command,
								 iomd_dma_command_output_host64,
								 &offset[3], large, &count[3]);
}

static bool call_command_output(struct scene *scene)
{
	const struct iomd_dma_segment64 segment = { 0x1000, 0x2000 };
	struct iomd_dma_command *command = scene->command;
	struct iomd_dma_segment64 to[1];

	return iomd_dma_command_output_host32(command, segment, to, 0) &&
	       iomd_dma_command_output_big32(command, segment, to, 0) &&
	       iomd_dma_command_output_little32(command, segment, to, 0) &&
	       iomd_dma_command_output_host64(command, segment, to, 0) &&
	       iomd_dma_command_output_big64(command, segment, to, 0) &&
	       iomd_dma_command_output_little64(command, segment, to, 0);
}

static bool call_command_copies(struct scene *scene)
{
	u8 bytes[16];

	return iomd_dma_command_read_bytes(scene->command, 8, bytes, 16) == 16 &&
	       iomd_dma_command_write_bytes(scene->command, 8, bytes, 16) == 16;
}

static bool call_operation(struct scene *scene)
{
	struct iomd_dma_characteristics characteristics = {};
	struct iomd_dma_walk_segment_args walk = {};

	return !iomd_dma_command_operation(scene->md, IOMD_MD_GET_CHARACTERISTICS,
					   &characteristics, sizeof(characteristics)) &&
	       !iomd_dma_command_operation(scene->md, IOMD_MD_FIRST_SEGMENT, &walk,
					   sizeof(walk)) &&
	       !iomd_dma_command_operation(scene->md, IOMD_MD_SET_DMA_ACTIVE, NULL, 0) &&
	       !iomd_dma_command_operation(scene->md, IOMD_MD_SET_DMA_INACTIVE, NULL, 0);
}

/* What the DMA API does takes locks that sleep on PREEMPT_RT. */
#ifndef CONFIG_PREEMPT_RT
static bool call_dma_sync(struct scene *scene)
{
	iomd_dma_sync_for_cpu(scene->map);
	iomd_dma_sync_for_device(scene->map);
	return true;
}

static bool call_dma_unmap(struct scene *scene)
{
	iomd_dma_unmap(scene->map);
	scene->map = NULL;
	return true;
}
#endif

static const struct row rows[] = {
	{ "objects", call_object },
	{ "bytes and strings", call_data },
	{ "os_object_release", call_object_release },
	{ "iomd_mapping_release", call_mapping_release },
	{ "iomd_dma_command_release", call_command_release },
	{ "iomd_cursor_release", call_cursor_release },
	{ "iomd_client_release", call_client_release },
	{ "words", call_words },
	{ "segments", call_segments },
	{ "iomd_read_bytes", call_copies },
	{ "iomd_perform_operation", call_perform_operation },
	{ "buffers", call_buffer },
	{ "iomd_init", call_init },
	{ "mappings", call_mapping },
	{ "cursors", call_cursor },
	{ "command words", call_command_words },
	{ "command segments", call_command_segments },
	{ "command output", call_command_output },
	{ "iomd_dma_command_read_bytes", call_command_copies },
	{ "iomd_buffer_set_direction", call_set_direction },
	{ "iomd_set_preparation_id", call_set_preparation_id },
	{ "iomd_copy_context", call_context },
	{ "iomd_set_context", call_context_ends },
	{ "iomd_dma_command_operation", call_operation },
#ifndef CONFIG_PREEMPT_RT
	{ "iomd_dma_sync_for_cpu", call_dma_sync },
	{ "iomd_dma_unmap", call_dma_unmap },
#endif
};

static void describe(const struct row *row, char *description)
{
	strscpy(description, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(row, rows, describe);

/* Each for memory of its own: the DMA API warns of what one device sees twice. */
static struct iomd_dma_command *command_of(struct scene *scene, struct iomd *md)
{
	static const struct iomd_dma_segment_options options = {
		.num_address_bits = 63, .alignment = 2, .alignment_length = 2,
		.alignment_internal_segments = 2,
	};
	struct iomd_dma_command *command;
	struct kunit *test = scene->test;

	command = iomd_dma_command_with_specification(iomd_dma_command_output_host64, &options,
						      0, scene->dev, scene);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(command), 0);
	KUNIT_ASSERT_EQ(test, iomd_dma_command_set_memory_descriptor(command, md, true), 0);
	return command;
}

static void scene_open(struct scene *scene, struct kunit *test)
{
	struct puppet *puppet;

	scene->test = test;
	scene->dev = driven_device(test, 64);
	scene->memory = (u8 *)__get_free_pages(GFP_KERNEL, 1);
	KUNIT_ASSERT_NOT_NULL(test, scene->memory);
	scene->md = made(test, iomd_with_address(scene->memory, LENGTH, BOTH));
	scene->buffer = made(test, iomd_buffer_with_capacity(LENGTH, BOTH, false));
	scene->other = made(test, iomd_buffer_with_capacity(LENGTH, BOTH, false));
	scene->spare_md = made(test, iomd_buffer_with_capacity(LENGTH, BOTH, false));
	scene->context = os_object_alloc(&os_object_meta_class);
	scene->spare = os_object_alloc(&os_object_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, scene->context);
	scene->data = os_data_with_bytes("ab", 2);
	scene->string = os_string_with_c_string("ab");
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->data), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->string), 0);
	KUNIT_ASSERT_NOT_NULL(test, scene->spare);
	scene->fresh_md = os_object_alloc(&iomd_meta_class);
	scene->fresh_guard = os_object_alloc(&iomd_guard_page_meta_class);
	KUNIT_ASSERT_NOT_NULL(test, scene->fresh_md);
	KUNIT_ASSERT_NOT_NULL(test, scene->fresh_guard);
	scene->mapping = mapped(test, iomd_map(scene->md, ANY | IOMD_MAP_UNIQUE));
	scene->spare_mapping = mapped(test, iomd_map(scene->md, ANY | IOMD_MAP_UNIQUE));
	scene->cursor = iomd_natural_cursor_with_specification(0, 0, 1);
	scene->spare_cursor = iomd_natural_cursor_with_specification(0, 0, 1);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->cursor), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->spare_cursor), 0);
	puppet = puppet_start(test);
	puppet_adopt_mm(puppet);
	scene->client = iomd_client_open();
	puppet_leave_mm(puppet);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->client), 0);
	/* The first map of a device is one that it lends; the last is one of several. */
	scene->command = command_of(scene, scene->buffer);
	scene->spare_command = command_of(scene, scene->other);
	/* Its end unmaps, which the DMA API's locks allow in no interrupt of PREEMPT_RT. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_ASSERT_EQ(test, 0,
				iomd_dma_command_complete(scene->spare_command, true, true));
	scene->map = iomd_dma_map(scene->md, scene->dev, 0, LENGTH, 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(scene->map), 0);
}

static void scene_close(struct scene *scene)
{
	iomd_dma_command_release(scene->command);
	iomd_dma_command_release(scene->spare_command);
	iomd_cursor_release(scene->cursor);
	iomd_cursor_release(scene->spare_cursor);
	iomd_client_release(scene->client);
	iomd_mapping_release(scene->mapping);
	iomd_mapping_release(scene->spare_mapping);
	iomd_dma_unmap(scene->map);
	os_object_release(scene->context);
	os_object_release(scene->data);
	os_object_release(scene->string);
	os_object_release(scene->spare);
	iomd_release(scene->fresh_md);
	iomd_release(scene->fresh_guard);
	iomd_release(scene->buffer);
	iomd_release(scene->other);
	iomd_release(scene->spare_md);
	iomd_release(scene->md);
	os_object_barrier();
	driven_device_remove(scene->dev);
	free_pages((unsigned long)scene->memory, 1);
}

static void call_row(void *data)
{
	struct scene *scene = data;

	scene->ok = scene->row->call(scene);
}

static void in_hard_irq(struct kunit *test)
{
	struct scene scene = { .row = test->param_value };

	scene_open(&scene, test);
	call_in_hard_irq(test, call_row, &scene);
	KUNIT_EXPECT_TRUE(test, scene.ok);
	scene_close(&scene);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE_PARAM(in_hard_irq, row_gen_params),
	{}
};

static struct kunit_suite context_suite = {
	.name = "iomd_context",
	.suite_init = driven_device_suite_init,
	.suite_exit = driven_device_suite_exit,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = context_cases,
};

kunit_test_suite(context_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_DESCRIPTION("Tests of iomd in hard interrupt context");
MODULE_LICENSE("GPL");
