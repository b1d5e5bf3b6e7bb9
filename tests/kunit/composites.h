/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of descriptors made of others share: a part that tells what it
 * was asked, pieces of images, and the n-th step that fails.
 */
#ifndef COMPOSITES_H
#define COMPOSITES_H

#include "fixtures.h"

/**
 * struct fake - a descriptor of a class from outside the core: pages that are apart
 * @name: letter in the log
 * @count: of its pages
 * @pages: its own
 * @prepared: prepares that are to be completed
 * @users: mappings that use it
 * @direction: of the last prepare
 * @prepare_error: what the next prepares fail with; so for the others
 *
 * What it does is in the log: p prepared, P could not, c completed, C could not, u in
 * use, U could not, v no longer in use; each followed by the name.
 */
struct fake {
	struct iomd md;
	char name;
	unsigned int count;
	struct page **pages;
	unsigned int prepared, users;
	u64 direction, id;
	int prepare_error, complete_error, use_error;
	/* What it is asked for as a buffer would be. */
	u32 purgeable;
	struct task_struct *owner;
	int ledger_tag;
	u64 resident, dirty;
	int buffer_error;
};

extern char fake_log[128];

/* Around each suite that uses fakes. */
int fake_suite_init(struct kunit_suite *suite);
void fake_suite_exit(struct kunit_suite *suite);

struct fake *fake_make(struct kunit *test, char name, unsigned int pages, u64 direction);
/* One without operations that are not mandatory. */
struct fake *fake_make_plain(struct kunit *test, unsigned int pages, u64 direction);
/* Was exactly this done since the last time? */
void fake_expect_log(struct kunit *test, const char *log);
void image_add_fake(struct image *image, const struct fake *fake);

/* Add [@offset, @offset + @length) of what another image shows. */
void image_add_part(struct image *image, const struct image *from, u64 offset, u64 length);

/* Scattered kernel memory, and what is where in it. */
struct leaf {
	struct kernel_area area;
	struct image image;
	u64 length;
};

void leaf_make(struct leaf *leaf, struct kunit *test, unsigned int pages);
void leaf_free(struct leaf *leaf);
/* All of it, not prepared. */
struct iomd *leaf_describe(const struct leaf *leaf, u64 direction);

/* A constructor's answer that must be a descriptor, or must be @error. */
struct iomd *made(struct kunit *test, struct iomd *md);
void expect_refusal(struct kunit *test, struct iomd *md, int error);

/*
 * Have each step of @attempt fail once: it must say -ENOMEM and leave nothing
 * behind, as must the last one, in which none fails. How many steps there are.
 */
unsigned int fail_each_step(struct kunit *test, int (*attempt)(struct kunit *test, void *data),
			    void *data);

#endif
