// SPDX-License-Identifier: GPL-2.0
/*
 * Identity, life and end of objects.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "../../src/debug/inject.h"
#include "../../src/object/object.h"
#include "fixtures.h"

struct animal {
	struct os_object object;
	int legs;
};

struct dog {
	struct animal animal;
	int tail;
};

struct cat {
	struct animal animal;
};

/* What the free hooks did since the case began. */
static char freed[16];
/* Two threads may end objects at the same time. */
static atomic_t ended;

#define freed_count	((unsigned int)atomic_read(&ended))
static bool freed_in_atomic, retained_in_free;

static void note_free(struct os_object *object, char class)
{
	unsigned int at = atomic_inc_return(&ended) - 1;

	if (at < sizeof(freed) - 1)
		freed[at] = class;
	might_sleep();
	if (in_interrupt() || irqs_disabled())
		freed_in_atomic = true;
	if (os_object_try_retain(object))
		retained_in_free = true;
}

static void free_animal(struct os_object *object)
{
	note_free(object, 'a');
}

static void free_dog(struct os_object *object)
{
	note_free(object, 'd');
}

static struct os_meta_class animal_class = {
	.name = "test_animal",
	.size = sizeof(struct animal),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = free_animal,
};

static struct os_meta_class dog_class = {
	.name = "test_dog",
	.size = sizeof(struct dog),
	.super = &animal_class,
	.owner = THIS_MODULE,
	.free = free_dog,
};

static struct os_meta_class cat_class = {
	.name = "test_cat",
	.size = sizeof(struct cat),
	.super = &animal_class,
	.owner = THIS_MODULE,
};

/* Of a chain in which each holds the next one. */
struct link {
	struct os_object object;
	struct os_object *next;
};

/* How deep in the stack, as far as the first end's place, an end was at the most. */
static unsigned long first_place, deepest;

static void free_link(struct os_object *object)
{
	unsigned long place = (unsigned long)&object;

	if (atomic_inc_return(&ended) == 1)
		first_place = place;
	deepest = max(deepest, place > first_place ? place - first_place : first_place - place);
	os_object_release(container_of(object, struct link, object)->next);
}

static struct os_meta_class link_class = {
	.name = "test_link",
	.size = sizeof(struct link),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = free_link,
};

/* Its end goes on when it is let. */
struct gate {
	struct os_object object;
	struct work_struct work;
	struct completion *reached, *open;
	/* Whose end it brings about then, in a worker. */
	struct gate *next;
};

static void free_gate(struct os_object *object)
{
	struct gate *gate = container_of(object, struct gate, object);

	complete(gate->reached);
	wait_for_completion(gate->open);
	atomic_inc(&ended);
	if (gate->next)
		os_object_release_by(&gate->next->object, &gate->next->work);
}

static struct os_meta_class gate_class = {
	.name = "test_gate",
	.size = sizeof(struct gate),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = free_gate,
};

/* Its end calls the barrier, which would wait for it. */
static void free_fool(struct os_object *object)
{
	atomic_inc(&ended);
	os_object_barrier();
}

static struct os_meta_class fool_class = {
	.name = "test_fool",
	.size = sizeof(struct os_object),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
	.free = free_fool,
};

/* Holds nothing that must be given back. */
static struct os_meta_class word_class = {
	.name = "test_word",
	.size = sizeof(struct os_object),
	.super = &os_object_meta_class,
	.owner = THIS_MODULE,
};

static struct os_meta_class * const test_classes[] = {
	&animal_class, &dog_class, &cat_class, &link_class, &gate_class, &fool_class, &word_class,
};

static struct os_object *new_object(struct kunit *test, struct os_meta_class *meta)
{
	struct os_object *object = os_object_alloc(meta);

	KUNIT_ASSERT_NOT_NULL(test, object);
	return object;
}

static unsigned int live(const struct os_meta_class *meta)
{
	os_object_barrier();
	return os_meta_class_get_instance_count(meta);
}

static void counts_references(struct kunit *test)
{
	struct os_object *object = new_object(test, &dog_class);

	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(object), 1U);
	KUNIT_EXPECT_PTR_EQ(test, os_object_retain(object), object);
	KUNIT_EXPECT_TRUE(test, os_object_try_retain(object));
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(object), 3U);
	os_object_release(object);
	os_object_release(object);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(object), 1U);
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
	os_object_release(object);
	os_object_barrier();
	KUNIT_EXPECT_GT(test, freed_count, 0U);
}

static void is_zero_at_first(struct kunit *test)
{
	struct dog *dog = os_object_alloc(&dog_class);

	KUNIT_ASSERT_NOT_NULL(test, dog);
	KUNIT_EXPECT_EQ(test, dog->animal.legs, 0);
	KUNIT_EXPECT_EQ(test, dog->tail, 0);
	KUNIT_EXPECT_PTR_EQ(test, os_object_get_meta_class(&dog->animal.object), &dog_class);
	os_object_release(&dog->animal.object);
}

static void frees_derived_first_and_once(struct kunit *test)
{
	os_object_release(new_object(test, &dog_class));
	os_object_barrier();
	KUNIT_EXPECT_STREQ(test, freed, "da");
	os_object_release(new_object(test, &cat_class));
	os_object_barrier();
	KUNIT_EXPECT_STREQ(test, freed, "daa");
}

static void never_resurrects(struct kunit *test)
{
	os_object_release(new_object(test, &dog_class));
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, freed_count, 2U);
	KUNIT_EXPECT_FALSE(test, retained_in_free);
}

static void saturates(struct kunit *test)
{
	struct os_object *object = new_object(test, &dog_class);

	/* As if it had been retained two thousand million times. */
	refcount_set(&object->references, INT_MAX);
	expect_warning_once("refcount_t: saturated");
	os_object_retain(object);
	os_object_retain(object);
	os_object_release(object);
	os_object_release(object);
	os_object_release(object);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
	expect_warning_once("saturated; leaking memory");
	KUNIT_EXPECT_TRUE(test, os_object_try_retain(object));
	KUNIT_EXPECT_EQ(test, live(&dog_class), 1U);

	refcount_set(&object->references, 1);
	os_object_release(object);
}

static void casts(struct kunit *test)
{
	struct os_object *dog = new_object(test, &dog_class), *animal;

	animal = new_object(test, &animal_class);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(dog, &dog_class), dog);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(dog, &animal_class), dog);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(dog, &os_object_meta_class), dog);
	KUNIT_EXPECT_NULL(test, os_object_meta_cast(dog, &cat_class));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast(dog, &iomd_meta_class));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast(animal, &dog_class));
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast(animal, &animal_class), animal);

	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast_with_name(dog, "test_dog"), dog);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast_with_name(dog, "test_animal"), dog);
	KUNIT_EXPECT_PTR_EQ(test, os_object_meta_cast_with_name(dog, "os_object"), dog);
	KUNIT_EXPECT_NULL(test, os_object_meta_cast_with_name(dog, "test_cat"));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast_with_name(dog, "test_do"));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast_with_name(dog, ""));
	os_object_release(dog);
	os_object_release(animal);
}

static void tolerates_null(struct kunit *test)
{
	struct os_object *object = new_object(test, &dog_class);

	KUNIT_EXPECT_NULL(test, os_object_retain(NULL));
	os_object_release(NULL);
	KUNIT_EXPECT_NULL(test, os_object_meta_cast(NULL, &dog_class));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast(object, NULL));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast_with_name(NULL, "test_dog"));
	KUNIT_EXPECT_NULL(test, os_object_meta_cast_with_name(object, NULL));
	KUNIT_EXPECT_NULL(test, os_meta_class_get_meta_class_with_name(NULL));
	KUNIT_EXPECT_FALSE(test, os_object_is_equal_to(object, NULL));
	KUNIT_EXPECT_EQ(test, os_meta_class_register(NULL), -EINVAL);
	os_object_release(object);
}

static void is_equal_to_itself_only(struct kunit *test)
{
	struct os_object *one = new_object(test, &cat_class), *other = new_object(test, &cat_class);

	KUNIT_EXPECT_TRUE(test, os_object_is_equal_to(one, one));
	KUNIT_EXPECT_FALSE(test, os_object_is_equal_to(one, other));
	os_object_release(one);
	os_object_release(other);
}

static void knows_its_class(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, os_meta_class_get_class_name(&dog_class), "test_dog");
	KUNIT_EXPECT_EQ(test, os_meta_class_get_class_size(&dog_class), sizeof(struct dog));
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_super_class(&dog_class), &animal_class);
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_super_class(&animal_class),
			    &os_object_meta_class);
	KUNIT_EXPECT_NULL(test, os_meta_class_get_super_class(&os_object_meta_class));
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("test_dog"), &dog_class);
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("os_object"),
			    &os_object_meta_class);
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("iomd"),
			    &iomd_meta_class);
	KUNIT_EXPECT_NULL(test, os_meta_class_get_meta_class_with_name("test_cow"));
}

static void refuses_odd_classes(struct kunit *test)
{
	static struct os_meta_class twin = {
		.name = "test_dog",
		.size = sizeof(struct dog),
		.super = &animal_class,
	};
	static struct os_meta_class nameless = {
		.size = sizeof(struct dog),
		.super = &animal_class,
	};
	static struct os_meta_class small = {
		.name = "test_small",
		.size = sizeof(struct animal) - 1,
		.super = &animal_class,
	};
	static struct os_meta_class orphan = {
		.name = "test_orphan",
		.size = sizeof(u32),
	};

	KUNIT_EXPECT_EQ(test, os_meta_class_register(&orphan), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&orphan), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&twin), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_meta_class_register(&twin), -EEXIST);
	KUNIT_EXPECT_EQ(test, os_meta_class_register(&dog_class), -EEXIST);
	KUNIT_EXPECT_EQ(test, os_meta_class_register(&nameless), -EINVAL);
	KUNIT_EXPECT_EQ(test, os_meta_class_register(&small), -EINVAL);
	KUNIT_EXPECT_NULL(test, os_meta_class_get_meta_class_with_name("test_small"));
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("test_dog"), &dog_class);
}

static void keeps_a_class_with_instances(struct kunit *test)
{
	struct os_object *object = new_object(test, &cat_class);

	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&cat_class), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, os_meta_class_get_meta_class_with_name("test_cat"), &cat_class);
	os_object_release(object);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, os_meta_class_unregister(&cat_class), 0);
	KUNIT_EXPECT_NULL(test, os_meta_class_get_meta_class_with_name("test_cat"));
	KUNIT_EXPECT_EQ(test, os_meta_class_register(&cat_class), 0);
}

static void counts_instances(struct kunit *test)
{
	struct os_object *dogs[3], *cat = new_object(test, &cat_class);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dogs); i++)
		dogs[i] = new_object(test, &dog_class);
	KUNIT_EXPECT_EQ(test, live(&dog_class), 3U);
	KUNIT_EXPECT_EQ(test, live(&cat_class), 1U);
	KUNIT_EXPECT_EQ(test, live(&animal_class), 0U);
	for (i = 0; i < ARRAY_SIZE(dogs); i++)
		os_object_release(dogs[i]);
	KUNIT_EXPECT_EQ(test, live(&dog_class), 0U);
	os_object_release(cat);
}

static void keeps_the_module_of_its_class(struct kunit *test)
{
	int before = module_refcount(THIS_MODULE);
	struct os_object *object = new_object(test, &cat_class);

	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before + 1);
	os_object_release(object);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before);
}

static void fails_without_memory(struct kunit *test)
{
	iomd_inject_arm(1);
	KUNIT_EXPECT_NULL(test, os_object_alloc(&dog_class));
	KUNIT_EXPECT_TRUE(test, iomd_inject_disarm());
	KUNIT_EXPECT_EQ(test, live(&dog_class), 0U);
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
}

static void release(void *object)
{
	os_object_release(object);
}

static void may_be_released_in_hard_irq(struct kunit *test)
{
	call_in_hard_irq(test, release, new_object(test, &dog_class));
	os_object_barrier();
	KUNIT_EXPECT_STREQ(test, freed, "da");
	KUNIT_EXPECT_FALSE(test, freed_in_atomic);
}

static void retain_and_release(void *data)
{
	struct os_object *object = data;

	os_object_release(os_object_retain(object));
	if (os_object_try_retain(object))
		os_object_release(object);
}

static void may_be_retained_in_hard_irq(struct kunit *test)
{
	struct os_object *object = new_object(test, &dog_class);

	call_in_hard_irq(test, retain_and_release, object);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(object), 1U);
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
	os_object_release(object);
}

static void may_be_released_in_atomic_context(struct kunit *test)
{
	struct os_object *objects[3];
	DEFINE_SPINLOCK(lock);
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = new_object(test, &cat_class);
	spin_lock(&lock);
	os_object_release(objects[0]);
	spin_unlock(&lock);

	local_irq_save(flags);
	os_object_release(objects[1]);
	local_irq_restore(flags);

	rcu_read_lock();
	os_object_release(objects[2]);
	rcu_read_unlock();

	os_object_barrier();
	KUNIT_EXPECT_STREQ(test, freed, "aaa");
	KUNIT_EXPECT_FALSE(test, freed_in_atomic);
}

struct pile {
	struct os_object *objects[200];
};

static void release_pile(void *data)
{
	struct pile *pile = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pile->objects); i++)
		os_object_release(pile->objects[i]);
}

static void waits_for_all_that_were_deferred(struct kunit *test)
{
	struct pile *pile = kunit_kzalloc(test, sizeof(*pile), GFP_KERNEL);
	unsigned int i, round;

	KUNIT_ASSERT_NOT_NULL(test, pile);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < ARRAY_SIZE(pile->objects); i++)
			pile->objects[i] = new_object(test, &cat_class);
		call_in_hard_irq(test, release_pile, pile);
		os_object_barrier();
		KUNIT_ASSERT_EQ(test, os_meta_class_get_instance_count(&cat_class), 0U);
	}
	KUNIT_EXPECT_EQ(test, freed_count, 10U * (unsigned int)ARRAY_SIZE(pile->objects));
}

static void counts_for_two_threads(struct kunit *test)
{
	struct os_object *object = new_object(test, &dog_class);
	struct worker workers[2];

	worker_start(test, &workers[0], retain_and_release, object);
	worker_start(test, &workers[1], retain_and_release, object);
	msleep(500);
	worker_stop(&workers[0]);
	worker_stop(&workers[1]);
	KUNIT_EXPECT_GT(test, workers[0].rounds, 100UL);
	KUNIT_EXPECT_GT(test, workers[1].rounds, 100UL);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(object), 1U);
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
	os_object_release(object);
}

/* Each round the two threads give back the last two references at once. */
struct duel {
	struct os_object *object;
	atomic_t ready;
};

static void fire(void *data)
{
	struct duel *duel = data;
	struct os_object *object;

	/* An even number: nobody is ready; odd: the other one waits for us. */
	if (atomic_read_acquire(&duel->ready) & 1) {
		/* Whoever does not wait any more may go on to the next. */
		object = duel->object;
		atomic_inc_return(&duel->ready);
		os_object_release(object);
	}
}

static void ends_once_whoever_is_last(struct kunit *test)
{
	struct duel duel = { .ready = ATOMIC_INIT(0) };
	struct worker worker;
	unsigned int round;

	worker_start(test, &worker, fire, &duel);
	for (round = 0; round < 300; round++) {
		duel.object = new_object(test, &cat_class);
		os_object_retain(duel.object);
		atomic_inc_return(&duel.ready);
		while (atomic_read_acquire(&duel.ready) & 1)
			cond_resched();
		os_object_release(duel.object);
	}
	worker_stop(&worker);
	KUNIT_EXPECT_EQ(test, live(&cat_class), 0U);
	KUNIT_EXPECT_EQ(test, freed_count, 300U);
}

/*
 * Where an end happens
 */

#define CHAIN	2000

static void ends_a_chain_link_by_link(struct kunit *test)
{
	struct os_object *chain = NULL;
	struct link *link;
	unsigned int i;

	for (i = 0; i < CHAIN; i++) {
		link = container_of(new_object(test, &link_class), struct link, object);
		link->next = chain;
		chain = &link->object;
	}
	os_object_release(chain);
	KUNIT_EXPECT_EQ(test, live(&link_class), 0U);
	KUNIT_EXPECT_EQ(test, freed_count, CHAIN);
	KUNIT_EXPECT_LT(test, deepest, 100UL);
}

/* What the report was: each descriptor is the next one's context. */
static void ends_a_chain_of_contexts(struct kunit *test)
{
	struct iomd *chain = NULL, *md;
	unsigned int i, before = live(&iomd_general_meta_class);

	for (i = 0; i < CHAIN; i++) {
		md = iomd_with_physical_address(PAGE_SIZE, 1, IOMD_DIRECTION_OUT);
		KUNIT_ASSERT_FALSE(test, IS_ERR(md));
		iomd_set_context(md, chain ? &chain->object : NULL);
		iomd_release(chain);
		chain = md;
	}
	iomd_release(chain);
	KUNIT_EXPECT_EQ(test, live(&iomd_general_meta_class), before);
}

static struct iomd *new_md(struct kunit *test, struct os_object *context)
{
	struct iomd *md = iomd_with_address(&freed, sizeof(freed), IOMD_DIRECTION_OUT);

	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	iomd_set_context(md, context);
	return md;
}

/* A descriptor that is not prepared: on kernels that don't count preemption, too. */
static struct iomd *new_idle_md(struct kunit *test, struct os_object *context)
{
	const struct iomd_address_range range = { (uintptr_t)&freed, sizeof(freed) };
	struct iomd *md;

	md = iomd_with_address_ranges(&range, 1, IOMD_DIRECTION_OUT, IOMD_KERNEL_TASK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(md));
	iomd_set_context(md, context);
	return md;
}

static void ends_in_this_call(struct kunit *test)
{
	struct os_object *context = new_object(test, &word_class);

	iomd_release(new_idle_md(test, context));
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(context), 1U);
	iomd_release_sync(new_md(test, context));
	iomd_release_sync(NULL);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(context), 1U);
	os_object_release(context);
	KUNIT_EXPECT_EQ(test, os_meta_class_get_instance_count(&word_class), 0U);
	os_object_release_sync(new_object(test, &dog_class));
	KUNIT_EXPECT_STREQ(test, freed, "da");
	os_object_release_sync(NULL);
}

/* With a lock held: at once what needs no sleep, and what it held when one may sleep. */
static void ends_under_a_lock_if_it_can(struct kunit *test)
{
	struct os_object *context = new_object(test, &word_class);
	struct iomd *md = new_idle_md(test, context);
	struct iomd *other = new_idle_md(test, NULL);
	struct os_object *dog = new_object(test, &dog_class);
	DEFINE_SPINLOCK(lock);

	iomd_set_context(other, dog);
	os_object_release(dog);
	spin_lock(&lock);
	iomd_release(md);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, os_object_get_retain_count(context), 1U);
	iomd_release(other);
	KUNIT_EXPECT_EQ(test, freed_count, 0U);
	spin_unlock(&lock);
	os_object_barrier();
	KUNIT_EXPECT_STREQ(test, freed, "da");
	KUNIT_EXPECT_FALSE(test, freed_in_atomic);
	KUNIT_EXPECT_EQ(test, os_object_get_retain_count(context), 1U);
	os_object_release(context);
}

/*
 * Ends that take long
 */

struct gates {
	struct completion reached, open;
	struct gate *gate;
};

static void gates_init(struct gates *gates)
{
	init_completion(&gates->reached);
	init_completion(&gates->open);
}

static struct gate *new_gate(struct kunit *test, struct gates *gates)
{
	struct gate *gate = container_of(new_object(test, &gate_class), struct gate, object);

	gate->reached = &gates->reached;
	gate->open = &gates->open;
	gates->gate = gate;
	return gate;
}

static int release_in_thread(void *data)
{
	struct gates *gates = data;

	os_object_release_sync(&gates->gate->object);
	return 0;
}

static int barrier_in_thread(void *data)
{
	struct completion *done = data;

	os_object_barrier();
	complete(done);
	return 0;
}

static void expect_barrier_waits(struct kunit *test, struct gates *gates)
{
	struct task_struct *task;
	DECLARE_COMPLETION_ONSTACK(done);

	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&gates->reached, 10 * HZ), 0UL);
	task = kthread_run(barrier_in_thread, &done, "barrier");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, HZ / 10), 0UL);
	complete_all(&gates->open);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&done, 10 * HZ), 0UL);
	KUNIT_EXPECT_EQ(test, freed_count, 1U);
}

/* Another task is in the middle of a release. */
static void barrier_waits_for_other_tasks(struct kunit *test)
{
	struct task_struct *task;
	struct gates gates;

	gates_init(&gates);
	new_gate(test, &gates);
	task = kthread_run(release_in_thread, &gates, "releaser");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	expect_barrier_waits(test, &gates);
}

static void barrier_waits_for_workers(struct kunit *test)
{
	struct gates gates;

	gates_init(&gates);
	call_in_hard_irq(test, release, &new_gate(test, &gates)->object);
	expect_barrier_waits(test, &gates);
}

static void end_gate(struct work_struct *work)
{
	os_object_end(&container_of(work, struct gate, work)->object);
}

static void barrier_waits_for_slow_ends(struct kunit *test)
{
	struct gates gates;
	struct gate *gate;

	gates_init(&gates);
	gate = new_gate(test, &gates);
	INIT_WORK(&gate->work, end_gate);
	os_object_retain(&gate->object);
	os_object_release_by(&gate->object, &gate->work);
	KUNIT_EXPECT_FALSE(test, completion_done(&gates.reached));
	os_object_release_by(&gate->object, &gate->work);
	expect_barrier_waits(test, &gates);
}

/* An end that began before the barrier did hands another one on to a worker. */
static void barrier_waits_for_what_ends_bring_about(struct kunit *test)
{
	struct task_struct *task;
	struct gates gates, next;
	DECLARE_COMPLETION_ONSTACK(done);

	gates_init(&gates);
	gates_init(&next);
	new_gate(test, &gates)->next = new_gate(test, &next);
	INIT_WORK(&next.gate->work, end_gate);
	task = kthread_run(release_in_thread, &gates, "releaser");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&gates.reached);
	task = kthread_run(barrier_in_thread, &done, "barrier");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, HZ / 10), 0UL);
	complete_all(&gates.open);
	wait_for_completion(&next.reached);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, HZ / 10), 0UL);
	complete_all(&next.open);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&done, 10 * HZ), 0UL);
	KUNIT_EXPECT_EQ(test, freed_count, 2U);
}

/* What is given back after a barrier began it does not wait for. */
static void barrier_ends_while_others_go_on(struct kunit *test)
{
	struct gates gates, later;
	struct task_struct *task;
	DECLARE_COMPLETION_ONSTACK(done);

	gates_init(&gates);
	gates_init(&later);
	call_in_hard_irq(test, release, &new_gate(test, &gates)->object);
	wait_for_completion(&gates.reached);
	task = kthread_run(barrier_in_thread, &done, "barrier");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, HZ / 10), 0UL);
	new_gate(test, &later);
	task = kthread_run(release_in_thread, &later, "releaser");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&later.reached);
	complete_all(&gates.open);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&done, 10 * HZ), 0UL);
	complete_all(&later.open);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, freed_count, 2U);
}

static void barrier_inside_an_end_is_refused(struct kunit *test)
{
	expect_warning_once("a barrier inside an end");
	os_object_release_sync(new_object(test, &fool_class));
	KUNIT_EXPECT_EQ(test, freed_count, 1U);
	KUNIT_EXPECT_EQ(test, os_meta_class_get_instance_count(&fool_class), 0U);
}

/* One CPU's ends don't wait for another's. */
static void ends_on_several_cpus_at_once(struct kunit *test)
{
	struct gates one, other;
	unsigned int cpu, cpus = 0;

	if (num_online_cpus() < 2)
		kunit_skip(test, "this machine has one CPU");
	gates_init(&one);
	gates_init(&other);
	new_gate(test, &one);
	new_gate(test, &other);
	for_each_online_cpu(cpu) {
		if (cpus++ < 2)
			smp_call_function_single(cpu, release, cpus == 1 ? &one.gate->object :
						 &other.gate->object, true);
	}
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&one.reached, 10 * HZ), 0UL);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&other.reached, 10 * HZ), 0UL);
	complete_all(&one.open);
	complete_all(&other.open);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, freed_count, 2U);
}

static void nobody_waits_behind_a_slow_end(struct kunit *test)
{
	struct gates slow, one;
	struct gate *gate;

	gates_init(&slow);
	gates_init(&one);
	gate = new_gate(test, &slow);
	INIT_WORK(&gate->work, end_gate);
	os_object_release_by(&gate->object, &gate->work);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&slow.reached, 10 * HZ), 0UL);
	call_in_hard_irq(test, release, &new_gate(test, &one)->object);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&one.reached, 10 * HZ), 0UL);
	complete_all(&one.open);
	complete_all(&slow.open);
	os_object_barrier();
	KUNIT_EXPECT_EQ(test, freed_count, 2U);
}

/* Two at once give objects back where they can't sleep, and wait. */
struct patient {
	struct os_meta_class *meta;
	unsigned int early;
};

static void release_and_wait(void *data)
{
	struct patient *patient = data;
	struct os_object *object = os_object_alloc(patient->meta);
	unsigned long flags;

	local_irq_save(flags);
	os_object_release(object);
	local_irq_restore(flags);
	os_object_barrier();
	if (os_meta_class_get_instance_count(patient->meta))
		patient->early++;
}

static void waits_among_others(struct kunit *test)
{
	struct patient patients[2] = { { &word_class }, { &cat_class } };
	struct worker workers[2];

	worker_start(test, &workers[0], release_and_wait, &patients[0]);
	worker_start(test, &workers[1], release_and_wait, &patients[1]);
	msleep(2000);
	worker_stop(&workers[0]);
	worker_stop(&workers[1]);
	KUNIT_EXPECT_GT(test, workers[0].rounds, 100UL);
	KUNIT_EXPECT_GT(test, workers[1].rounds, 100UL);
	KUNIT_EXPECT_EQ(test, patients[0].early, 0U);
	KUNIT_EXPECT_EQ(test, patients[1].early, 0U);
}

/*
 * Bytes and strings
 */

static void hold_bytes(struct kunit *test)
{
	char bytes[] = "any bytes";
	struct os_object *data = os_data_with_bytes(bytes, sizeof(bytes));
	struct os_object *none = os_data_with_bytes(NULL, 0);
	struct os_object *context;
	struct iomd *md;

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(data), 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(none), 0);
	KUNIT_EXPECT_EQ(test, os_data_get_length(data), sizeof(bytes));
	KUNIT_EXPECT_PTR_NE(test, os_data_get_bytes_no_copy(data), (const void *)bytes);
	bytes[0] = 'x';
	KUNIT_EXPECT_STREQ(test, (const char *)os_data_get_bytes_no_copy(data), "any bytes");
	KUNIT_EXPECT_EQ(test, os_data_get_length(none), 0UL);
	KUNIT_EXPECT_NULL(test, os_data_get_bytes_no_copy(none));
	KUNIT_EXPECT_NULL(test, os_string_get_c_string_no_copy(data));
	KUNIT_EXPECT_EQ(test, os_string_get_length(data), 0UL);
	KUNIT_EXPECT_EQ(test, os_data_get_length(NULL), 0UL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(os_data_with_bytes(NULL, 1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(os_data_with_bytes(bytes, SIZE_MAX)), -ENOMEM);

	/* As a descriptor's context, which is what they are for. */
	md = new_idle_md(test, data);
	os_object_release(data);
	context = iomd_copy_context(md);
	KUNIT_EXPECT_PTR_EQ(test, context, data);
	os_object_release(context);
	iomd_release_sync(md);
	os_object_release(none);
	KUNIT_EXPECT_EQ(test, os_meta_class_get_instance_count(&os_data_meta_class), 0U);
}

static void hold_strings(struct kunit *test)
{
	struct os_object *string = os_string_with_c_string("channel 7");

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(string), 0);
	KUNIT_EXPECT_STREQ(test, os_string_get_c_string_no_copy(string), "channel 7");
	KUNIT_EXPECT_EQ(test, os_string_get_length(string), 9UL);
	KUNIT_EXPECT_NULL(test, os_data_get_bytes_no_copy(string));
	KUNIT_EXPECT_NULL(test, os_string_get_c_string_no_copy(NULL));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(os_string_with_c_string(NULL)), -EINVAL);
	call_in_hard_irq(test, release, string);
	KUNIT_EXPECT_EQ(test, live(&os_string_meta_class), 0U);
}

static void bytes_need_memory(struct kunit *test)
{
	unsigned int nth;

	for (nth = 1; nth <= 2; nth++) {
		iomd_inject_arm(nth);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(os_string_with_c_string("a")), -ENOMEM);
		KUNIT_EXPECT_TRUE(test, iomd_inject_disarm());
	}
	KUNIT_EXPECT_EQ(test, live(&os_string_meta_class), 0U);
}

static struct kunit_case object_cases[] = {
	KUNIT_CASE(counts_references),
	KUNIT_CASE(is_zero_at_first),
	KUNIT_CASE(frees_derived_first_and_once),
	KUNIT_CASE(never_resurrects),
	KUNIT_CASE(casts),
	KUNIT_CASE(tolerates_null),
	KUNIT_CASE(is_equal_to_itself_only),
	KUNIT_CASE(knows_its_class),
	KUNIT_CASE(refuses_odd_classes),
	KUNIT_CASE(keeps_a_class_with_instances),
	KUNIT_CASE(counts_instances),
	KUNIT_CASE(keeps_the_module_of_its_class),
	KUNIT_CASE(fails_without_memory),
	KUNIT_CASE(may_be_released_in_hard_irq),
	KUNIT_CASE(may_be_retained_in_hard_irq),
	KUNIT_CASE(may_be_released_in_atomic_context),
	KUNIT_CASE(waits_for_all_that_were_deferred),
	KUNIT_CASE(counts_for_two_threads),
	KUNIT_CASE(ends_once_whoever_is_last),
	KUNIT_CASE(ends_a_chain_link_by_link),
	KUNIT_CASE(ends_a_chain_of_contexts),
	KUNIT_CASE(ends_in_this_call),
	KUNIT_CASE(ends_under_a_lock_if_it_can),
	KUNIT_CASE(barrier_waits_for_other_tasks),
	KUNIT_CASE(barrier_waits_for_workers),
	KUNIT_CASE(barrier_waits_for_slow_ends),
	KUNIT_CASE(barrier_waits_for_what_ends_bring_about),
	KUNIT_CASE(barrier_ends_while_others_go_on),
	KUNIT_CASE(barrier_inside_an_end_is_refused),
	KUNIT_CASE(ends_on_several_cpus_at_once),
	KUNIT_CASE(nobody_waits_behind_a_slow_end),
	KUNIT_CASE(waits_among_others),
	KUNIT_CASE(hold_bytes),
	KUNIT_CASE(hold_strings),
	KUNIT_CASE(bytes_need_memory),
	/* The kernel warns once of each mistake with a count: nobody after this one is told. */
	KUNIT_CASE(saturates),
	{}
};

static int object_init(struct kunit *test)
{
	memset(freed, 0, sizeof(freed));
	atomic_set(&ended, 0);
	first_place = 0;
	deepest = 0;
	freed_in_atomic = false;
	retained_in_free = false;
	return fixture_init(test);
}

static void object_exit(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(test_classes); i++)
		KUNIT_EXPECT_EQ(test, live(test_classes[i]), 0U);
	fixture_exit(test);
}

static int object_suite_init(struct kunit_suite *suite)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(test_classes); i++)
		ret = os_meta_class_register(test_classes[i]);
	return ret;
}

static void object_suite_exit(struct kunit_suite *suite)
{
	int i;

	for (i = ARRAY_SIZE(test_classes) - 1; i >= 0; i--)
		os_meta_class_unregister(test_classes[i]);
}

static struct kunit_suite object_suite = {
	.name = "iomd_object",
	.init = object_init,
	.exit = object_exit,
	.suite_init = object_suite_init,
	.suite_exit = object_suite_exit,
	.test_cases = object_cases,
};

kunit_test_suite(object_suite);

IOMD_IMPORT_NS();
MODULE_INFO(import_ns, "IOMD_TEST");
MODULE_INFO(guest_last, "y");
MODULE_DESCRIPTION("Tests of iomd's objects");
MODULE_LICENSE("GPL");
