// SPDX-License-Identifier: GPL-2.0
/*
 * Identity, life and end of objects.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../../src/debug/inject.h"
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
static unsigned int freed_count;
static bool freed_in_atomic, retained_in_free;

static void note_free(struct os_object *object, char class)
{
	if (freed_count < sizeof(freed) - 1)
		freed[freed_count] = class;
	freed_count++;
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

static struct os_meta_class * const test_classes[] = {
	&animal_class, &dog_class, &cat_class,
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
	expect_warning_once("refcount_t: underflow");
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
	/* The kernel warns once of each mistake with a count: nobody after this one is told. */
	KUNIT_CASE(saturates),
	{}
};

static int object_init(struct kunit *test)
{
	memset(freed, 0, sizeof(freed));
	freed_count = 0;
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
