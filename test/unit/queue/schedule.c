/* What is spooled is tried when it is due, by one at a time, ever more
 * rarely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "queue/schedule.h"

static struct queued *
add(struct schedule *schedule, unsigned number)
{
	struct buffer id;
	buffer_init(&id, 0);
	buffer_print(&id, "id%u", number);
	struct queued *row = schedule_add(schedule, buffer_span(&id), number);
	buffer_fini(&id);
	return row;
}

static struct destination *
local(struct schedule *schedule)
{
	return destination_get(&schedule->destinations, DESTINATION_LOCAL,
		SPAN(""));
}

static void
begin(struct schedule *schedule)
{
	schedule_init(schedule);
	schedule->destinations.rules.local = 10000;
}

static void
ages_are_counted_in_pieces(void **state)
{
	enum { MANY = 1000 };
	struct schedule schedule;
	struct histogram_numbers ages = { .sum = 0 };
	size_t slot = 0, pieces = 1;
	(void)state;
	begin(&schedule);
	assert_false(schedule_count_ages(&schedule, &slot, 10, 5000, &ages));
	assert_int_equal(histogram_count(&ages), 0);
	for (unsigned i = 0; i < MANY; i++)
		add(&schedule, i)->arrival = i < 10 ? 1000 : 4998;
	while (schedule_count_ages(&schedule, &slot, 10, 5000, &ages))
		pieces++;
	assert_true(pieces > 10);
	assert_int_equal(histogram_count(&ages), MANY);
	assert_int_equal(ages.bucket[histogram_bucket(4000000000)], 10);
	assert_int_equal(ages.bucket[histogram_bucket(2000000)], MANY - 10);
	schedule_fini(&schedule);
}

static void
rows_come_in_the_order_of_their_time(void **state)
{
	enum { MANY = 1000 };
	struct schedule schedule;
	int64_t last = -1;
	(void)state;
	begin(&schedule);
	for (unsigned i = 0; i < MANY; i++)
		schedule_set(&schedule, add(&schedule, i), local(&schedule),
			1 + (i * 7919) % 1009, 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(schedule_next(&schedule) < SCHEDULE_NEVER ||
			i > 0);
		struct queued *row = schedule_take(&schedule, 2000);
		assert_non_null(row);
		assert_true(row->due >= last);
		last = row->due;
	}
	assert_null(schedule_take(&schedule, INT64_MAX));
	assert_true(schedule_next(&schedule) == SCHEDULE_NEVER);
	schedule_fini(&schedule);
}

static void
what_is_not_due_stays(void **state)
{
	struct schedule schedule;
	(void)state;
	begin(&schedule);
	struct queued *row = add(&schedule, 1);
	schedule_set(&schedule, row, local(&schedule), 100, 0);
	assert_true(schedule_next(&schedule) == 100);
	assert_null(schedule_take(&schedule, 99));
	assert_ptr_equal(schedule_take(&schedule, 100), row);
	assert_null(schedule_take(&schedule, 100));
	assert_false(schedule_take_row(&schedule, row));
	schedule_end(&schedule, row, DESTINATION_GOOD, 100);
	schedule_set(&schedule, row, local(&schedule), 200, 100);
	assert_true(schedule_take_row(&schedule, row));
	schedule_set(&schedule, row, row->destination, SCHEDULE_NEVER, 100);
	assert_null(schedule_take(&schedule, INT64_MAX - 1));
	schedule_fini(&schedule);
}

static void
an_id_stands_once(void **state)
{
	struct schedule schedule;
	(void)state;
	begin(&schedule);
	struct queued *row = add(&schedule, 1);
	assert_null(add(&schedule, 1));
	assert_ptr_equal(schedule_find(&schedule, SPAN("id1")), row);
	schedule_remove(&schedule, &row);
	assert_null(row);
	assert_null(schedule_find(&schedule, SPAN("id1")));
	assert_non_null(add(&schedule, 1));
	schedule_fini(&schedule);
}

static void
removing_keeps_the_order_of_the_rest(void **state)
{
	enum { MANY = 300 };
	struct schedule schedule;
	struct queued *row[MANY];
	int64_t last = -1;
	(void)state;
	begin(&schedule);
	for (unsigned i = 0; i < MANY; i++) {
		row[i] = add(&schedule, i);
		schedule_set(&schedule, row[i], local(&schedule),
			1 + (i * 131) % 307, 0);
	}
	for (unsigned i = 0; i < MANY; i += 3)
		schedule_remove(&schedule, &row[i]);
	for (unsigned i = 1; i < MANY; i += 3)
		schedule_set(&schedule, row[i], row[i]->destination,
			1 + row[i]->due / 2, 0);
	for (unsigned i = 0; i < MANY / 3 * 2; i++) {
		struct queued *next = schedule_take(&schedule, 1000);
		assert_non_null(next);
		assert_true(next->due >= last);
		last = next->due;
	}
	assert_null(schedule_take(&schedule, 1000));
	schedule_fini(&schedule);
}

static void
a_walk_comes_to_every_row_once(void **state)
{
	enum { MANY = 1000 };
	struct schedule schedule;
	size_t cursor = 0, seen = 0;
	uint64_t sum = 0;
	(void)state;
	begin(&schedule);
	for (unsigned i = 0; i < MANY; i++)
		add(&schedule, i);
	for (struct queued *row = schedule_walk(&schedule, &cursor, NULL);
		row != NULL; row = schedule_walk(&schedule, &cursor, row)) {
		seen++;
		sum += row->uid;
	}
	assert_int_equal(seen, MANY);
	assert_int_equal(sum, MANY * (MANY - 1) / 2);
	schedule_fini(&schedule);
}

static void
a_free_destination_is_started_at_once(void **state)
{
	struct schedule schedule;
	(void)state;
	begin(&schedule);
	schedule.destinations.rules.local = 1;
	struct queued *first = add(&schedule, 1), *second = add(&schedule, 2);
	assert_true(schedule_take_row(&schedule, first));
	assert_true(schedule_take_row(&schedule, second));
	schedule_assign(&schedule, first, local(&schedule));
	schedule_assign(&schedule, second, local(&schedule));
	assert_true(schedule_start(&schedule, first, 0));
	assert_false(schedule_start(&schedule, second, 0));
	schedule_set(&schedule, second, local(&schedule), 0, 0);
	assert_null(schedule_take(&schedule, 0));
	schedule_end(&schedule, first, DESTINATION_GOOD, 0);
	schedule_remove(&schedule, &first);
	/* Somebody stands in line: who comes now does not overtake. */
	struct queued *third = add(&schedule, 3);
	assert_true(schedule_take_row(&schedule, third));
	schedule_assign(&schedule, third, local(&schedule));
	assert_false(schedule_start(&schedule, third, 0));
	assert_ptr_equal(schedule_take(&schedule, 0), second);
	schedule_fini(&schedule);
}

/* Delivers what is in line at x as far as it may; how many. */
static unsigned
deliver_all(struct schedule *schedule, struct queued **done)
{
	unsigned count = 0;
	struct queued *row;
	while ((row = schedule_take(schedule, 0)) != NULL) {
		row->outcome = DESTINATION_GOOD;
		schedule_finish(schedule, row, 0);
		done[count++] = row;
	}
	return count;
}

static void
what_is_not_written_down_holds_others_back(void **state)
{
	enum { WINDOW = 5 };
	struct schedule schedule;
	struct queued *done[100];
	(void)state;
	begin(&schedule);
	schedule.destinations.rules = (struct destination_rules){
		.initial = WINDOW, .limit = WINDOW, .calls = 100 };
	struct destination *x = destination_get(&schedule.destinations,
		DESTINATION_RELAY, SPAN("x"));
	for (unsigned i = 0; i < 100; i++)
		schedule_set(&schedule, add(&schedule, i), x, 0, 0);
	assert_int_equal(deliver_all(&schedule, done), 2 * WINDOW);
	assert_int_equal(x->running, 0);
	/* What cannot be written is tried again, and counts once. */
	schedule_finish(&schedule, done[0], 0);
	assert_int_equal(x->unwritten, 2 * WINDOW);
	for (unsigned i = 0; i < 2 * WINDOW; i++)
		schedule_remove(&schedule, &done[i]);
	assert_int_equal(x->unwritten, 0);
	assert_int_equal(deliver_all(&schedule, done), 2 * WINDOW);
	schedule_fini(&schedule);
}

static void
back_off_doubles_up_to_the_most(void **state)
{
	static const struct {
		unsigned attempts;
		int64_t minimal, maximal, wait;
	} cases[] = {
		{ 1, 300, 4000, 300 }, { 2, 300, 4000, 600 },
		{ 3, 300, 4000, 1200 }, { 4, 300, 4000, 2400 },
		{ 5, 300, 4000, 4000 }, { 4000000000u, 300, 4000, 4000 },
		{ 1, 5000, 4000, 4000 }, { 1, 0, 4000, 0 },
		{ 64, 1, INT64_MAX, INT64_MAX },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(schedule_back_off(cases[i].attempts,
			cases[i].minimal, cases[i].maximal) == cases[i].wait);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_are_counted_in_pieces),
		cmocka_unit_test(rows_come_in_the_order_of_their_time),
		cmocka_unit_test(what_is_not_due_stays),
		cmocka_unit_test(an_id_stands_once),
		cmocka_unit_test(removing_keeps_the_order_of_the_rest),
		cmocka_unit_test(a_walk_comes_to_every_row_once),
		cmocka_unit_test(a_free_destination_is_started_at_once),
		cmocka_unit_test(what_is_not_written_down_holds_others_back),
		cmocka_unit_test(back_off_doubles_up_to_the_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
