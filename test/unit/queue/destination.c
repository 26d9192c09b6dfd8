/* Concurrency of next hops: opens with success, closes with failure; turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "queue/schedule.h"

static struct destinations all;

static void
begin(unsigned calls)
{
	destinations_init(&all);
	all.rules = (struct destination_rules){ .initial = 5, .limit = 20,
		.calls = calls, .local = 8, .recipients = 50,
		.minimal = 300, .maximal = 4000 };
}

static struct destination *
get(const char *key)
{
	struct destination *found = destination_get(&all, DESTINATION_RELAY,
		span_from(key));
	found->rows++;
	return found;
}

/* Starts as many as may be; how many that were. */
static unsigned
start_all(struct destination *destination, int64_t now)
{
	unsigned count = 0;
	while (destination_may_start(&all, destination, now)) {
		destination_start(&all, destination);
		count++;
	}
	return count;
}

static void
end_many(struct destination *destination, unsigned count,
	enum destination_outcome outcome, int64_t now)
{
	while (count-- > 0)
		destination_end(&all, destination, outcome, now);
}

static void
concurrency_opens_with_success(void **state)
{
	(void)state;
	begin(1000);
	struct destination *x = get("x");
	unsigned last = 5;
	assert_int_equal(start_all(x, 0), 5);
	for (unsigned round = 0; round < 40; round++) {
		end_many(x, x->running, DESTINATION_GOOD, 0);
		unsigned now = start_all(x, 0);
		assert_true(now >= last && now <= last + 1);
		last = now;
	}
	assert_int_equal(last, 20);
	destinations_fini(&all);
}

static void
concurrency_closes_with_failure(void **state)
{
	(void)state;
	begin(1000);
	struct destination *x = get("x");
	start_all(x, 0);
	end_many(x, 5, DESTINATION_GOOD, 0);
	unsigned running = start_all(x, 0);
	/* It answers, but wants fewer at once: never less than one. */
	end_many(x, running, DESTINATION_BUSY, 0);
	assert_int_equal(start_all(x, 0), 1);
	end_many(x, 1, DESTINATION_BUSY, 0);
	assert_int_equal(start_all(x, 0), 1);
	destinations_fini(&all);
}

static void
one_failure_among_many_is_no_death(void **state)
{
	(void)state;
	begin(1000);
	struct destination *x = get("x");
	start_all(x, 0);
	end_many(x, 5, DESTINATION_GOOD, 0);
	start_all(x, 0);
	end_many(x, 1, DESTINATION_DEAD, 0);
	assert_true(x->closed_until == 0);
	end_many(x, 1, DESTINATION_GOOD, 0);
	end_many(x, x->running, DESTINATION_DEAD, 0);
	assert_true(x->closed_until == 300);
	destinations_fini(&all);
}

static void
the_dead_are_probed_one_at_a_time_ever_more_rarely(void **state)
{
	static const int64_t waits[] = { 300, 600, 1200, 2400, 4000, 4000 };
	int64_t now = 0;
	(void)state;
	begin(1000);
	struct destination *x = get("x");
	assert_int_equal(start_all(x, now), 5);
	end_many(x, 5, DESTINATION_DEAD, now);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_true(x->closed_until == now + waits[i]);
		assert_int_equal(start_all(x, now + waits[i] - 1), 0);
		now += waits[i];
		assert_int_equal(start_all(x, now), 1);
		end_many(x, 1, DESTINATION_DEAD, now);
	}
	now = x->closed_until;
	assert_int_equal(start_all(x, now), 1);
	end_many(x, 1, DESTINATION_GOOD, now);
	assert_true(x->is_proven);
	assert_int_equal(start_all(x, now), 2);
	destinations_fini(&all);
}

/* ---- lines ---- */

static struct queued *
line_up(const char *key)
{
	struct queued *row = memory_new(sizeof(*row));
	row->destination = get(key);
	destination_line_up(&all, row->destination, row);
	return row;
}

/* The keys of those who may start, in order. */
static void
assert_turns(const char *want)
{
	struct buffer got;
	struct queued *row;
	buffer_init(&got, 0);
	while ((row = destination_next(&all, 0)) != NULL) {
		buffer_print(&got, "%s ", row->destination->key);
		memory_free(row);
	}
	assert_string_equal(buffer_string(&got), want);
	buffer_fini(&got);
}

static void
a_huge_destination_delays_no_other(void **state)
{
	(void)state;
	begin(1000);
	for (unsigned i = 0; i < 4; i++)
		line_up("huge");
	line_up("a");
	line_up("b");
	line_up("a");
	assert_turns("huge a b huge a huge huge ");
	destinations_fini(&all);
}

/* Rows that are still in line. */
static void
free_lines(void)
{
	for (size_t i = 0; i < all.slot_count; i++)
		for (struct destination *at = all.slot[i]; at != NULL;
			at = at->chain)
			while (at->first != NULL) {
				struct queued *row = at->first;
				destination_leave(&all, at, row);
				memory_free(row);
			}
}

static void
those_that_hang_leave_room_for_those_that_work(void **state)
{
	enum { HANGING = 500, CALLS = 40 };
	unsigned started = 0;
	struct queued *row;
	(void)state;
	begin(CALLS);
	struct destination *good = get("good");
	start_all(good, 0);
	end_many(good, 5, DESTINATION_GOOD, 0);
	for (unsigned i = 0; i < HANGING; i++) {
		char key[16];
		snprintf(key, sizeof(key), "h%u", i);
		line_up(key);
		line_up(key);
	}
	while ((row = destination_next(&all, 0)) != NULL) {
		started++;
		memory_free(row);
	}
	/* All but a quarter hang, one each. */
	assert_int_equal(started, CALLS * 3 / 4);
	struct queued *mail = line_up("good");
	assert_ptr_equal(destination_next(&all, 0), mail);
	memory_free(mail);
	free_lines();
	destinations_fini(&all);
}

/* A host that takes mail, but a minute for each, is one of those that hang. */
static void
those_that_are_slow_leave_room_too(void **state)
{
	enum { SLOW = 100, CALLS = 40 };
	struct destination *slow[SLOW];
	unsigned started = 0;
	(void)state;
	begin(CALLS);
	for (unsigned i = 0; i < SLOW; i++) {
		char key[16];
		snprintf(key, sizeof(key), "s%u", i);
		slow[i] = get(key);
		destination_start(&all, slow[i]);
		destination_end(&all, slow[i], i % 2 == 0 ? DESTINATION_SLOW :
			DESTINATION_GOOD, 0);
	}
	for (unsigned i = 0; i < SLOW; i += 2)
		started += start_all(slow[i], 0);
	assert_int_equal(started, CALLS * 3 / 4);
	assert_true(start_all(slow[1], 0) >= 5);
	assert_true(start_all(slow[3], 0) > 0);
	assert_int_equal(all.running[DESTINATION_RELAY], CALLS);
	destinations_fini(&all);
}

static void
the_closed_come_back_when_it_is_time(void **state)
{
	(void)state;
	begin(1000);
	struct queued *row = line_up("x"), *other = line_up("x");
	assert_ptr_equal(destination_next(&all, 0), row);
	destination_end(&all, row->destination, DESTINATION_DEAD, 10);
	assert_true(destination_next_opening(&all) <= 310);
	assert_null(destination_next(&all, 309));
	assert_ptr_equal(destination_next(&all, 310), other);
	assert_null(destination_next(&all, 310));
	assert_true(destination_next_opening(&all) == INT64_MAX);
	memory_free(row);
	memory_free(other);
	destinations_fini(&all);
}

/* The relay is away: nobody is read from the spool to find that out again. */
static void
a_pause_is_for_all_next_hops(void **state)
{
	(void)state;
	begin(1000);
	struct queued *row = line_up("x"), *other = line_up("y");
	destination_pause(&all, 500);
	assert_null(destination_next(&all, 499));
	assert_true(destination_next_opening(&all) == 500);
	assert_ptr_equal(destination_next(&all, 500), row);
	assert_ptr_equal(destination_next(&all, 500), other);
	assert_true(destination_next_opening(&all) == INT64_MAX);
	memory_free(row);
	memory_free(other);
	destinations_fini(&all);
}

static void
the_operator_opens_the_closed(void **state)
{
	(void)state;
	begin(1000);
	struct queued *row = line_up("x"), *other = line_up("x");
	assert_ptr_equal(destination_next(&all, 0), row);
	destination_end(&all, row->destination, DESTINATION_DEAD, 0);
	assert_null(destination_next(&all, 1));
	destination_open(&all, row->destination);
	assert_ptr_equal(destination_next(&all, 1), other);
	memory_free(row);
	memory_free(other);
	destinations_fini(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(concurrency_opens_with_success),
		cmocka_unit_test(concurrency_closes_with_failure),
		cmocka_unit_test(one_failure_among_many_is_no_death),
		cmocka_unit_test(
			the_dead_are_probed_one_at_a_time_ever_more_rarely),
		cmocka_unit_test(a_huge_destination_delays_no_other),
		cmocka_unit_test(
			those_that_hang_leave_room_for_those_that_work),
		cmocka_unit_test(those_that_are_slow_leave_room_too),
		cmocka_unit_test(the_closed_come_back_when_it_is_time),
		cmocka_unit_test(a_pause_is_for_all_next_hops),
		cmocka_unit_test(the_operator_opens_the_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
