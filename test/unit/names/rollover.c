/* A key that follows another, second by second, beside a model of every cache
 * that a validator may have: nothing in any of them is ever wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/rollover.h"

enum { MOST = 4000, KEY_TTL = 20, ZONE_TTL = 30, DS_TTL = 40, SPREAD = 10,
	START = 1000 };

/* What was served in one second: keys as bits, 1 the old, 2 the new. */
struct second {
	unsigned ds, dnskey, zone;
};

struct world {
	struct rollover rollover;
	struct second past[MOST];
	int64_t now;
	unsigned ds;			/* at the parent, */
	int64_t ds_changed;		/* since then; its servers differ for a while */
	unsigned ds_before;
	bool is_wanted;
};

static unsigned
bit_of(const char *name)
{
	return strcmp(name, "k1") == 0 ? 1 : strcmp(name, "k2") == 0 ? 2 : 0;
}

/* What the phase says is served, SPREAD seconds later by all servers. */
static void
serve(struct world *world)
{
	const struct rollover *rollover = &world->rollover;
	struct second *second = &world->past[world->now];
	bool is_going = rollover->phase == ROLLOVER_GOING;
	second->ds = world->ds;
	second->dnskey = bit_of(rollover->key) | bit_of(rollover->next);
	second->zone = bit_of(is_going ? rollover->next : rollover->key);
}

/* Each combination of what can be in caches must lead from DS to the zone:
 * what came from any server within its time to live. */
static void
check(const struct world *world)
{
	for (int64_t ds = 0; ds < DS_TTL + SPREAD; ds++)
		for (int64_t key = 0; key < KEY_TTL + SPREAD; key++) {
			const struct second *a = &world->past[world->now - ds];
			const struct second *b =
				&world->past[world->now - key];
			/* no DS: nothing is looked at */
			if (a->ds != 0)
				assert_true((a->ds & b->dnskey) != 0);
			for (int64_t zone = 0; zone < ZONE_TTL + SPREAD;
			    zone++)
				if (a->ds != 0)
					assert_true((world->past[world->now -
						zone].zone & b->dnskey) != 0);
		}
}

static struct rollover_facts
facts_of(const struct world *world)
{
	unsigned ds = world->ds;
	const struct rollover *rollover = &world->rollover;
	return (struct rollover_facts){ .now = world->now,
		.is_wanted = world->is_wanted, .key_ttl = KEY_TTL,
		.propagation = SPREAD, .ds = { .is_known = true,
		.has_any = ds != 0,
		.has_key = (ds & bit_of(rollover->key)) != 0,
		.has_next = (ds & bit_of(rollover->next)) != 0,
		.ttl = DS_TTL } };
}

static void
begin(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->rollover = (struct rollover){ .key = "k1", .ttl = ZONE_TTL,
		.made = 1 };
	world->is_wanted = true;
	world->ds = 1;
	for (world->now = 0; world->now < START; world->now++) {
		struct rollover_facts facts = facts_of(world);
		rollover_step(&world->rollover, &facts);
		rollover_serve(&world->rollover, world->now + 1);
		serve(world);
	}
	world->now--;
}

/* A second later; steps that are due are taken. */
static void
pass(struct world *world)
{
	struct rollover_facts facts;
	world->now++;
	facts = facts_of(world);
	if (rollover_step(&world->rollover, &facts))
		world->rollover.ttl = world->rollover.ttl > ZONE_TTL ?
			world->rollover.ttl : ZONE_TTL;
	serve(world);
	rollover_serve(&world->rollover, world->now);
	check(world);
}

static void
pass_until(struct world *world, enum rollover_phase phase, unsigned most)
{
	for (; world->rollover.phase != phase && most > 0; most--)
		pass(world);
	assert_int_equal(world->rollover.phase, phase);
}

static void
no_cache_is_ever_wrong(void **state)
{
	struct world *world = test_malloc(sizeof(*world));
	(void)state;
	begin(world);
	rollover_begin(&world->rollover, "k2");
	pass_until(world, ROLLOVER_WAITING, 1000);
	/* nobody does anything for long */
	for (unsigned i = 0; i < 300; i++)
		pass(world);
	assert_int_equal(world->rollover.phase, ROLLOVER_WAITING);
	/* the parent changes its mind at once, both ways: the old one may be
	 * gone when the new one comes */
	world->ds = 2;
	pass_until(world, ROLLOVER_GOING, 10);
	pass_until(world, ROLLOVER_STEADY, 1000);
	assert_string_equal(world->rollover.key, "k2");
	assert_string_equal(world->rollover.old, "k1");
	assert_string_equal(world->rollover.next, "");
	for (unsigned i = 0; i < 200; i++)
		pass(world);
	test_free(world);
}

/* The new DS is taken back while the old key is going: it does not go. */
static void
the_old_key_waits_for_the_ds(void **state)
{
	struct world *world = test_malloc(sizeof(*world));
	(void)state;
	begin(world);
	rollover_begin(&world->rollover, "k2");
	pass_until(world, ROLLOVER_WAITING, 1000);
	world->ds = 3;
	pass_until(world, ROLLOVER_GOING, 10);
	world->ds = 1;
	for (unsigned i = 0; i < 500; i++)
		pass(world);
	assert_int_equal(world->rollover.phase, ROLLOVER_GOING);
	/* and when it is back, until everybody has it */
	world->ds = 3;
	pass_until(world, ROLLOVER_STEADY, 1000);
	test_free(world);
}

/* A phase counts from when the zone was served so, not from its decision. */
static void
what_was_not_served_does_not_count(void **state)
{
	struct rollover rollover = { .key = "k1", .ttl = 10, .since = 5 };
	struct rollover_facts facts = { .now = 100000, .is_wanted = true,
		.key_ttl = 10, .propagation = 10, .ds = { .is_known = true,
		.has_any = true, .has_next = true, .ttl = 10 } };
	(void)state;
	rollover_begin(&rollover, "k2");
	rollover_step(&rollover, &facts);
	assert_int_equal(rollover.phase, ROLLOVER_COMING);
	assert_true(rollover_serve(&rollover, facts.now));
	assert_false(rollover_serve(&rollover, facts.now + 9));
	facts.now += 19;
	assert_false(rollover_step(&rollover, &facts));
	facts.now += 1;
	assert_true(rollover_step(&rollover, &facts));
	assert_int_equal(rollover.phase, ROLLOVER_WAITING);
	/* an answer that is not validated is none */
	facts.ds.is_known = false;
	assert_false(rollover_step(&rollover, &facts));
	facts.ds.is_known = true;
	assert_true(rollover_step(&rollover, &facts));
	assert_int_equal(rollover.phase, ROLLOVER_GOING);
}

static void
a_zone_leaves_when_its_ds_is_forgotten(void **state)
{
	struct world *world = test_malloc(sizeof(*world));
	struct rollover_facts facts;
	(void)state;
	begin(world);
	world->is_wanted = false;
	pass(world);
	assert_int_equal(world->rollover.phase, ROLLOVER_LEAVING);
	for (unsigned i = 0; i < 200; i++) {
		pass(world);
		facts = facts_of(world);
		assert_false(rollover_has_ended(&world->rollover, &facts));
	}
	world->ds = 0;
	for (unsigned i = 0; i < DS_TTL + SPREAD; i++) {
		pass(world);
		facts = facts_of(world);
		assert_false(rollover_has_ended(&world->rollover, &facts));
	}
	for (unsigned i = 0; i < DS_TTL; i++)
		pass(world);
	facts = facts_of(world);
	assert_true(rollover_has_ended(&world->rollover, &facts));
	/* wanted again before */
	world->is_wanted = true;
	pass(world);
	assert_int_equal(world->rollover.phase, ROLLOVER_STEADY);
	test_free(world);
}

/* Nobody ever had a DS: it leaves at once. */
static void
a_zone_without_a_ds_leaves_at_once(void **state)
{
	struct rollover rollover = { .key = "k1", .since = 5 };
	struct rollover_facts facts = { .now = 100, .key_ttl = 10 };
	(void)state;
	assert_true(rollover_step(&rollover, &facts));
	assert_true(rollover_has_ended(&rollover, &facts));
	facts.ds = (struct rollover_ds){ .is_known = true, .has_any = true,
		.ttl = 10 };
	rollover_step(&rollover, &facts);
	assert_false(rollover_has_ended(&rollover, &facts));
}

static void
a_key_has_its_age(void **state)
{
	struct rollover rollover = { .key = "k1", .since = 5, .made = 100 };
	struct rollover_facts facts = { .now = 1099, .is_wanted = true,
		.lifetime = 1000, .ds = { .is_known = true, .has_any = true,
		.has_key = true } };
	(void)state;
	assert_false(rollover_is_due(&rollover, &facts));
	facts.now = 1100;
	assert_true(rollover_is_due(&rollover, &facts));
	facts.ds.has_key = false;
	assert_false(rollover_is_due(&rollover, &facts));
	facts.ds.has_key = true;
	facts.lifetime = 0;
	assert_false(rollover_is_due(&rollover, &facts));
}

static void
words_are_read_back(void **state)
{
	static const char *const wrong[] = { "", "steady", "steady k1 - - 1 2 3 4 5",
		"other k1 - - 1 2 3 4 5 6", "coming k1 - - 1 2 3 4 5 6",
		"steady - - - 1 2 3 4 5 6", "steady k1 - - x 2 3 4 5 6",
		"steady k1 - - 1 2 3 4 -5 6", "going k1 - k0 1 2 3 4 5 6",
		"steady k1 - - 1 2 99999999999 4 5 6",
		"steady aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa - - 1 2 3 4 5 6" };
	const struct rollover rollovers[] = {
		{ .key = "k1", .made = 7 },
		{ .phase = ROLLOVER_GOING, .key = "k1", .next = "k2",
			.old = "k0", .made = 7, .since = 8, .ttl = 9,
			.ds_ttl = 10, .ds_gone = 11, .ds_since = 12 },
	};
	struct rollover read;
	(void)state;
	for (size_t i = 0; i < sizeof(rollovers) / sizeof(*rollovers); i++) {
		struct buffer text;
		buffer_init(&text, 0);
		rollover_write(&rollovers[i], &text);
		assert_true(rollover_read(buffer_span(&text), &read));
		assert_memory_equal(&read, &rollovers[i], sizeof(read));
		buffer_fini(&text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(rollover_read(span_from(wrong[i]), &read));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cache_is_ever_wrong),
		cmocka_unit_test(the_old_key_waits_for_the_ds),
		cmocka_unit_test(what_was_not_served_does_not_count),
		cmocka_unit_test(a_zone_leaves_when_its_ds_is_forgotten),
		cmocka_unit_test(a_zone_without_a_ds_leaves_at_once),
		cmocka_unit_test(a_key_has_its_age),
		cmocka_unit_test(words_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
