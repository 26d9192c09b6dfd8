/* Where a time is counted, and what is read of a distribution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "serve/histogram.h"

static void
a_bound_is_in_its_own_bucket(void **state)
{
	static const struct {
		int64_t microseconds;
		const char *bound;
	} cases[] = {
		{ INT64_MIN, "0.001" }, { -1, "0.001" }, { 0, "0.001" },
		{ 1000, "0.001" }, { 1001, "0.0025" }, { 1000000, "1.0" },
		{ 1000001, "2.5" }, { 432000000000, "432000.0" },
		{ 432000000001, "+Inf" }, { INT64_MAX, "+Inf" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(histogram_bound_text(histogram_bucket(
			cases[i].microseconds)), cases[i].bound);
	for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++)
		assert_true(histogram_bound(i - 1) < histogram_bound(i));
}

static void
families_are_not_torn_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		for (size_t k = i + 2; k < HISTOGRAM_COUNT; k++)
			if (strcmp(histogram_rows[i].name,
			    histogram_rows[k].name) == 0)
				assert_string_equal(histogram_rows[k - 1].name,
					histogram_rows[i].name);
}

static void
quantiles_are_within_their_bucket(void **state)
{
	struct histogram_numbers numbers = { .sum = 0 };
	(void)state;
	assert_int_equal(histogram_quantile(&numbers, 500), -1);
	for (int i = 0; i < 100; i++)
		histogram_put(&numbers, 4000);
	/* evenly between 2.5 ms and 5 ms */
	assert_int_equal(histogram_quantile(&numbers, 500), 3750);
	assert_int_equal(histogram_quantile(&numbers, 1000), 5000);
	for (int i = 0; i < 300; i++)
		histogram_put(&numbers, 500);
	assert_in_range(histogram_quantile(&numbers, 500), 660, 670);
	assert_int_equal(histogram_count(&numbers), 400);
	assert_int_equal(numbers.sum, 550000);
	/* nobody knows how far beyond */
	histogram_put(&numbers, INT64_MAX);
	assert_int_equal(histogram_quantile(&numbers, 1000), 432000000000);
}

static void
what_was_before_does_not_count(void **state)
{
	struct histogram_numbers before = { .sum = 0 }, now;
	(void)state;
	histogram_put(&before, 90000000);
	now = before;
	histogram_put(&now, 800);
	struct histogram_numbers grown = histogram_since(&before, &now);
	assert_int_equal(histogram_count(&grown), 1);
	assert_int_equal(grown.sum, 800);
	assert_in_range(histogram_quantile(&grown, 990), 980, 1000);
	/* a process that is gone took its numbers along */
	grown = histogram_since(&now, &before);
	assert_int_equal(histogram_count(&grown), 0);
	assert_int_equal(histogram_quantile(&grown, 500), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_is_in_its_own_bucket),
		cmocka_unit_test(families_are_not_torn_apart),
		cmocka_unit_test(quantiles_are_within_their_bucket),
		cmocka_unit_test(what_was_before_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
