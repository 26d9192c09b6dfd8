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

static void
rows_come_in_the_order_of_their_time(void **state)
{
	enum { MANY = 1000 };
	struct schedule schedule;
	int64_t last = -1;
	(void)state;
	schedule_init(&schedule);
	for (unsigned i = 0; i < MANY; i++)
		schedule_set(&schedule, add(&schedule, i), (i * 7919) % 1009);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(schedule_next(&schedule) < SCHEDULE_NEVER);
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
	schedule_init(&schedule);
	struct queued *row = add(&schedule, 1);
	schedule_set(&schedule, row, 100);
	assert_null(schedule_take(&schedule, 99));
	assert_ptr_equal(schedule_take(&schedule, 100), row);
	assert_null(schedule_take(&schedule, 100));
	assert_false(schedule_take_row(&schedule, row));
	schedule_set(&schedule, row, 200);
	assert_true(schedule_take_row(&schedule, row));
	schedule_set(&schedule, row, SCHEDULE_NEVER);
	assert_null(schedule_take(&schedule, INT64_MAX - 1));
	schedule_fini(&schedule);
}

static void
an_id_stands_once(void **state)
{
	struct schedule schedule;
	(void)state;
	schedule_init(&schedule);
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
	schedule_init(&schedule);
	for (unsigned i = 0; i < MANY; i++) {
		row[i] = add(&schedule, i);
		schedule_set(&schedule, row[i], (i * 131) % 307);
	}
	for (unsigned i = 0; i < MANY; i += 3)
		schedule_remove(&schedule, &row[i]);
	for (unsigned i = 1; i < MANY; i += 3)
		schedule_set(&schedule, row[i], row[i]->due / 2);
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
		cmocka_unit_test(rows_come_in_the_order_of_their_time),
		cmocka_unit_test(what_is_not_due_stays),
		cmocka_unit_test(an_id_stands_once),
		cmocka_unit_test(removing_keeps_the_order_of_the_rest),
		cmocka_unit_test(back_off_doubles_up_to_the_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
