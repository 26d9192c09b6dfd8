/* Sequence sets: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/number_set.h"

static void
assert_is(const struct number_set *set, const char *want)
{
	struct buffer text;
	buffer_init(&text, 0);
	number_set_format(&text, set);
	assert_string_equal(buffer_string(&text), want);
	buffer_fini(&text);
}

static void
ranges_that_touch_are_joined(void **state)
{
	static const struct {
		const char *name;
		struct number_range add[6];
		size_t count;
		const char *want;
	} cases[] = {
		{ "nothing", { { 0, 0 } }, 0, "" },
		{ "in order", { { 1, 1 }, { 2, 2 }, { 3, 5 } }, 3, "1:5" },
		{ "backwards", { { 5, 5 }, { 4, 4 }, { 1, 2 } }, 3, "1:2,4:5" },
		{ "gap is filled", { { 1, 2 }, { 4, 5 }, { 3, 3 } }, 3, "1:5" },
		{ "swallows all", { { 3, 3 }, { 7, 7 }, { 9, 9 }, { 1, 20 } }, 4,
			"1:20" },
		{ "inside", { { 1, 20 }, { 3, 4 } }, 2, "1:20" },
		{ "overlaps both", { { 1, 5 }, { 10, 15 }, { 4, 12 } }, 3, "1:15" },
		{ "between", { { 1, 2 }, { 10, 11 }, { 5, 6 } }, 3, "1:2,5:6,10:11" },
		{ "at the front", { { 10, 11 }, { 1, 2 } }, 2, "1:2,10:11" },
		{ "touches the front", { { 10, 11 }, { 9, 9 } }, 2, "9:11" },
		{ "the largest", { { UINT32_MAX, UINT32_MAX }, { 1, 1 },
			{ UINT32_MAX - 1, UINT32_MAX } }, 3, "1,4294967294:4294967295" },
		{ "beyond the largest", { { 5, UINT32_MAX }, { 7, 8 } }, 2,
			"5:4294967295" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct number_set set;
		number_set_init(&set);
		for (size_t k = 0; k < cases[i].count; k++)
			number_set_add(&set, cases[i].add[k].first,
				cases[i].add[k].last);
		assert_is(&set, cases[i].want);
		number_set_fini(&set);
	}
}

static void
agrees_with_a_bitmap(void **state)
{
	struct number_set set;
	bool there[300] = { false };
	uint32_t dice = 1;
	(void)state;
	number_set_init(&set);
	for (unsigned round = 0; round < 120; round++) {
		dice = dice * 1103515245u + 12345u;
		uint32_t first = (dice >> 16) % 290, last = first + (dice >> 8) % 4;
		number_set_add(&set, first, last);
		for (uint32_t n = first; n <= last; n++)
			there[n] = true;
		uint64_t size = 0;
		for (uint32_t n = 0; n < 300; n++) {
			uint32_t next = n, got = UINT32_MAX;
			assert_int_equal(number_set_contains(&set, n), there[n]);
			size += there[n];
			while (next < 300 && !there[next])
				next++;
			assert_int_equal(number_set_next(&set, n, &got), next < 300);
			if (next < 300)
				assert_int_equal(got, next);
		}
		assert_true(number_set_size(&set) == size);
	}
	number_set_fini(&set);
}

static void
parses_the_syntax_of_the_rfc(void **state)
{
	static const struct {
		const char *text;
		uint32_t star;
		size_t most;
		const char *want;	/* NULL: refused */
	} cases[] = {
		{ "1", 9, 10, "1" },
		{ "*", 9, 10, "9" },
		{ "1:*", 9, 10, "1:9" },
		{ "12:*", 9, 10, "9:12" },
		{ "*:4,5:7", 10, 10, "4:10" },
		{ "2,4:7,9,12:*", 15, 10, "2,4:7,9,12:15" },
		{ "5:3", 9, 10, "3:5" },
		{ "9,8,7,1", 9, 10, "1,7:9" },
		{ "3,3,3", 9, 10, "3" },
		{ "1:4294967295", 9, 10, "1:4294967295" },
		{ "4294967295,1", 9, 10, "1,4294967295" },
		{ "*", 0, 10, "" },
		{ "1:*", 0, 10, "" },
		{ "1:*,7", 0, 10, "7" },
		{ "", 9, 10, NULL },
		{ "0", 9, 10, NULL },
		{ "0:5", 9, 10, NULL },
		{ "01", 9, 10, NULL },
		{ "1,", 9, 10, NULL },
		{ ",1", 9, 10, NULL },
		{ "1:", 9, 10, NULL },
		{ ":1", 9, 10, NULL },
		{ "1:2:3", 9, 10, NULL },
		{ "1 2", 9, 10, NULL },
		{ "-1", 9, 10, NULL },
		{ "**", 9, 10, NULL },
		{ "4294967296", 9, 10, NULL },
		{ "99999999999999999999999", 9, 10, NULL },
		{ "1,3,5", 9, 2, NULL },
		{ "1,2,3", 9, 3, "1:3" },
	};
	struct number_set set;
	(void)state;
	number_set_init(&set);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = number_set_parse(span_from(cases[i].text),
			cases[i].star, cases[i].most, &set);
		assert_int_equal(ok, cases[i].want != NULL);
		assert_is(&set, ok ? cases[i].want : "");
	}
	number_set_fini(&set);
}

static void
sets_are_intersected_and_subtracted(void **state)
{
	static const struct {
		const char *a, *b, *both, *only_a;
	} cases[] = {
		{ "1:10", "3:4,8:20", "3:4,8:10", "1:2,5:7" },
		{ "1,3,5", "2,4,6", "", "1,3,5" },
		{ "1:4294967295", "7", "7", "1:6,8:4294967295" },
		{ "1:4294967295", "1:4294967295", "1:4294967295", "" },
		{ "5:9", "1:5,9:12", "5,9", "6:8" },
		{ "5", "1:4,6:9", "", "5" },
		{ "10:20,30:40", "15:35", "15:20,30:35", "10:14,36:40" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct number_set a, b, out;
		number_set_init(&a);
		number_set_init(&b);
		number_set_init(&out);
		assert_true(number_set_parse(span_from(cases[i].a), 1, 9, &a));
		assert_true(number_set_parse(span_from(cases[i].b), 1, 9, &b));
		number_set_intersect(&out, &a, &b);
		assert_is(&out, cases[i].both);
		number_set_fini(&out);
		number_set_subtract(&out, &a, &b);
		assert_is(&out, cases[i].only_a);
		number_set_fini(&a);
		number_set_fini(&b);
		number_set_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_that_touch_are_joined),
		cmocka_unit_test(agrees_with_a_bitmap),
		cmocka_unit_test(parses_the_syntax_of_the_rfc),
		cmocka_unit_test(sets_are_intersected_and_subtracted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
