/* Counters and notes as a successor of a dead process finds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/log.h"
#include "serve/counter.h"

static int page;

/* As a process that is born with the page its predecessor left. */
static void
be_born(void)
{
	counter_open(page, -1, false);
}

static void
counters_go_on_and_levels_begin_anew(void **state)
{
	(void)state;
	be_born();
	counter_add(COUNTER_LOGINS, 3);
	counter_add(COUNTER_QUEUE_LENGTH, 5);
	counter_add(COUNTER_QUEUE_LENGTH, -1);
	assert_int_equal(counter_get(COUNTER_QUEUE_LENGTH), 4);
	be_born();
	assert_int_equal(counter_get(COUNTER_LOGINS), 3);
	assert_int_equal(counter_get(COUNTER_QUEUE_LENGTH), 0);
}

static void
times_go_on_and_distributions_begin_anew(void **state)
{
	struct counter_numbers numbers;
	struct histogram_numbers ages = { .sum = 0 };
	(void)state;
	be_born();
	histogram_put(&ages, 5000000);
	counter_set_histogram(HISTOGRAM_QUEUE_AGE, &ages);
	counter_observe(HISTOGRAM_DELIVERY_MAILBOX, 1500);
	assert_true(counter_read(page, &numbers));
	assert_int_equal(histogram_count(
		&numbers.histogram[HISTOGRAM_QUEUE_AGE]), 1);
	be_born();
	assert_true(counter_read(page, &numbers));
	assert_int_equal(histogram_count(
		&numbers.histogram[HISTOGRAM_QUEUE_AGE]), 0);
	assert_int_equal(numbers.histogram[HISTOGRAM_DELIVERY_MAILBOX].sum,
		1500);
	assert_int_equal(numbers.histogram[HISTOGRAM_DELIVERY_MAILBOX].bucket[
		histogram_bucket(1500)], 1);
}

/* Of a process of another version, at an upgrade. */
static void
numbers_of_another_layout_are_not_read(void **state)
{
	struct counter_numbers numbers;
	uint32_t version = COUNTER_PAGE_VERSION + 1, count = 2;
	(void)state;
	be_born();
	counter_add(COUNTER_SESSIONS_TOTAL, 1);
	counter_add(COUNTER_LOGINS, 1);
	counter_observe(HISTOGRAM_DELIVERY_MAILBOX, 1);
	assert_true(pwrite(page, &count, sizeof(count), 4) == sizeof(count));
	assert_true(counter_read(page, &numbers));
	assert_true(numbers.value[COUNTER_SESSIONS_TOTAL] > 0);
	assert_int_equal(numbers.value[COUNTER_LOGINS], 0);
	assert_int_equal(numbers.histogram[HISTOGRAM_DELIVERY_MAILBOX].sum, 0);
	assert_true(pwrite(page, &version, sizeof(version), 0) ==
		sizeof(version));
	assert_false(counter_read(page, &numbers));
	assert_int_equal(numbers.value[COUNTER_SESSIONS_TOTAL], 0);
	assert_false(counter_read(-1, &numbers));
	be_born();
	assert_true(counter_read(page, &numbers));
}

static unsigned
deaths_of(uint64_t account, uint64_t message, unsigned *slot)
{
	unsigned deaths;
	*slot = counter_in_hand_set(account, message, &deaths);
	return deaths;
}

static void
what_killed_twice_is_known(void **state)
{
	unsigned bad, good, other;
	(void)state;
	be_born();
	assert_int_equal(deaths_of(1, 10, &bad), 0);
	assert_int_equal(deaths_of(1, 11, &good), 0);
	be_born();
	assert_int_equal(deaths_of(1, 11, &good), 1);
	counter_in_hand_clear(good);	/* it was not that one */
	assert_int_equal(deaths_of(1, 10, &bad), 1);
	be_born();
	assert_int_equal(deaths_of(2, 10, &other), 0);
	assert_int_equal(deaths_of(1, 11, &good), 0);
	counter_in_hand_clear(good);
	assert_int_equal(deaths_of(1, 10, &bad), 2);
	counter_in_hand_clear(bad);	/* set aside, not parsed */
	assert_int_equal(deaths_of(1, 10, &bad), 2);
	counter_in_hand_clear(bad);
	counter_in_hand_clear(other);
}

static unsigned
lines_in(int file)
{
	char text[4096];
	unsigned lines = 0;
	ssize_t n = pread(file, text, sizeof(text), 0);
	assert(n >= 0);
	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

static void
lines_that_wait_outlive_their_process(void **state)
{
	int file = memfd_create("log", 0);
	(void)state;
	be_born();
	log_init("test", file, -1);
	log_set_room(counter_log_room());
	log_event(LOG_INFO, "at-once", NULL);
	assert_int_equal(lines_in(file), 1);
	log_hold();
	log_event(LOG_INFO, "waits", NULL);
	log_event(LOG_INFO, "waits", NULL);
	assert_true(log_has_held());
	assert_int_equal(lines_in(file), 1);
	/* the process is killed, another finds its page */
	be_born();
	log_set_room(counter_log_room());
	assert_int_equal(lines_in(file), 3);
	log_event(LOG_INFO, "waits", NULL);
	log_event(LOG_WARN, "does-not", NULL);
	assert_int_equal(lines_in(file), 5);
	assert_false(log_has_held());
	for (int i = 0; i < 2000; i++)
		log_event(LOG_INFO, "more-than-there-is-room-for", NULL);
	assert_true(lines_in(file) > 5);
	log_flush();
	off_t size = lseek(file, 0, SEEK_END);
	assert_true(size > 2000 * 30);
	log_set_room(NULL);
	log_redirect(2, -1);
	close(file);
}

static void
more_than_there_is_room_for_is_not_noted(void **state)
{
	unsigned slots[COUNTER_IN_HAND], one_more, deaths;
	(void)state;
	be_born();
	for (unsigned i = 0; i < COUNTER_IN_HAND; i++) {
		slots[i] = counter_in_hand_set(7, i, &deaths);
		assert_true(slots[i] < COUNTER_IN_HAND);
	}
	one_more = counter_in_hand_set(7, 1000, &deaths);
	assert_false(one_more < COUNTER_IN_HAND);
	counter_in_hand_clear(one_more);
	for (unsigned i = 0; i < COUNTER_IN_HAND; i++)
		counter_in_hand_clear(slots[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_go_on_and_levels_begin_anew),
		cmocka_unit_test(times_go_on_and_distributions_begin_anew),
		cmocka_unit_test(numbers_of_another_layout_are_not_read),
		cmocka_unit_test(what_killed_twice_is_known),
		cmocka_unit_test(lines_that_wait_outlive_their_process),
		cmocka_unit_test(more_than_there_is_room_for_is_not_noted),
	};
	page = memfd_create("page", MFD_CLOEXEC);
	assert(page >= 0 && ftruncate(page, COUNTER_PAGE_SIZE) == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
