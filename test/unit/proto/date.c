/* Dates: both directions, the obsolete forms, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/date.h"

enum { DAY = 86400 };

static void
header_dates_are_understood(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
	} cases[] = {
		{ "Sun, 22 Nov 2026 06:46:03 +0000", 1795329963, 0 },
		{ "Sun, 22 Nov 2026 07:46:03 +0100", 1795329963, 60 },
		{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360 },
		{ "21 Nov 97 09:55:06 GMT", 880127706 - 21600, 0 },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
			880127706, -360 },
		{ "Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 120 },
		{ "Thu, 13 Feb 1969 23:32 -0330", -27723480, -210 },
		{ " (first (nested) ) Thu,\r\n 13\r\n Feb 1969 23:32 -0330 (x)",
			-27723480, -210 },
		{ "Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, 0 },
		{ "Sun Nov 22 06:46:03 2026", 1795329963, 0 },
		{ "Sunday, 22-Nov-26 06:46:03 GMT", 1795329963, 0 },
		{ "22-November-2026 06:46:03", 1795329963, 0 },
		{ "Mon, 9 Jan 103 08:00:00 PST", 1042128000, -480 },
		{ "9 Jan 2003 8:00:00 PM", 1042142400, 0 },
		{ "9 Jan 2003 12:00:00 AM +0000", 1042070400, 0 },
		{ "29 Feb 2000 00:00:00 +0000", 951782400, 0 },
		{ "29 Feb 1900 00:00:00 +0000", -1, 0 },
		{ "31 Apr 2000 00:00:00 +0000", -1, 0 },
		{ "1 Jan 2000 24:00:00 +0000", -1, 0 },
		{ "1 Jan 2000 10:60 +0000", -1, 0 },
		{ "1 Jan 2000 10:00 Z", 946720800, 0 },
		{ "1 Jan 2000", 946684800, 0 },
		{ "Jan 2000 10:00", -1, 0 },
		{ "", -1, 0 },
		{ "yesterday", -1, 0 },
		{ "((((((", -1, 0 },
		{ "1 Jan 20000 10:00", -1, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = 0;
		int zone = 0;
		bool ok = date_parse_header(span_from(cases[i].text), &seconds,
			&zone);
		if (ok != (cases[i].seconds != -1) || (ok &&
		    (seconds != cases[i].seconds || zone != cases[i].zone)))
			fail_msg("%s: %d %lld %d", cases[i].text, ok,
				(long long)seconds, zone);
	}
}

static void
internal_dates_are_strict(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
	} cases[] = {
		{ "22-Nov-2026 06:46:03 +0000", 1795329963, 0 },
		{ " 1-Feb-1994 21:52:25 -0800", 760168345, -480 },
		{ "1-feb-1994 21:52:25 -0800", 760168345, -480 },
		{ "17-Jul-1996 02:44:25 -0700", 837596665, -420 },
		{ "17-Jul-1996 02:44:25", -1, 0 },
		{ "17-Jul-96 02:44:25 -0700", -1, 0 },
		{ "17-Jul-1996 02:44:25 -0760", -1, 0 },
		{ "17-Jul-1996 02:44:25 -0700 ", -1, 0 },
		{ "30-Feb-1996 02:44:25 -0700", -1, 0 },
		{ "17-July-1996 02:44:25 -0700", -1, 0 },
		{ "", -1, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = 0;
		int zone = 0;
		bool ok = date_parse_internal(span_from(cases[i].text),
			&seconds, &zone);
		if (ok != (cases[i].seconds != -1) || (ok &&
		    (seconds != cases[i].seconds || zone != cases[i].zone)))
			fail_msg("%s: %d %lld %d", cases[i].text, ok,
				(long long)seconds, zone);
	}
}

static void
search_dates_count_days(void **state)
{
	static const struct {
		const char *text;
		int64_t days;	/* INT64_MIN: refused */
	} cases[] = {
		{ "1-Jan-1970", 0 },
		{ "01-Jan-1970", 0 },
		{ "31-Dec-1969", -1 },
		{ "1-Feb-1994", 8797 },
		{ "29-Feb-2000", 11016 },
		{ "1-Mar-2000", 11017 },
		{ "29-Feb-2001", INT64_MIN },
		{ "1-Feb-94", INT64_MIN },
		{ "1 Feb 1994", INT64_MIN },
		{ "1-Feb-1994 ", INT64_MIN },
		{ "0-Feb-1994", INT64_MIN },
		{ "001-Feb-1994", INT64_MIN },
		{ "", INT64_MIN },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t days = INT64_MIN;
		bool ok = date_parse_search(span_from(cases[i].text), &days);
		assert_int_equal(ok, cases[i].days != INT64_MIN);
		if (ok)
			assert_true(days == cases[i].days);
	}
}

static void
dates_are_written_as_the_rfcs_show(void **state)
{
	static const struct {
		int64_t seconds;
		int zone;
		const char *header, *internal;
	} cases[] = {
		{ 1795329963, 0, "Sun, 22 Nov 2026 06:46:03 +0000",
			"22-Nov-2026 06:46:03 +0000" },
		{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000",
			" 1-Jan-1970 00:00:00 +0000" },
		{ -1, 0, "Wed, 31 Dec 1969 23:59:59 +0000",
			"31-Dec-1969 23:59:59 +0000" },
		{ 951782400, -210, "Mon, 28 Feb 2000 20:30:00 -0330",
			"28-Feb-2000 20:30:00 -0330" },
		{ 951782400, 345, "Tue, 29 Feb 2000 05:45:00 +0545",
			"29-Feb-2000 05:45:00 +0545" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		date_format_header(&out, cases[i].seconds, cases[i].zone);
		assert_string_equal(buffer_string(&out), cases[i].header);
		buffer_clear(&out);
		date_format_internal(&out, cases[i].seconds, cases[i].zone);
		assert_string_equal(buffer_string(&out), cases[i].internal);
		buffer_fini(&out);
	}
}

static void
every_day_of_four_centuries_comes_back(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	for (int64_t day = -135140; day < 146097; day++) {
		int64_t seconds = day * DAY + 43200, again = 0;
		int zone = 1;
		buffer_clear(&out);
		date_format_internal(&out, seconds, 0);
		assert_true(date_parse_internal(buffer_span(&out), &again,
			&zone));
		assert_true(again == seconds && zone == 0);
	}
	buffer_fini(&out);
}

static void
no_number_is_out_of_the_forms(void **state)
{
	static const int64_t numbers[] = { INT64_MIN, INT64_MAX,
		253402300799, -62167219200, 253402300800 };
	static const int zones[] = { 0, INT32_MIN, INT32_MAX, 5999, -5999 };
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (size_t j = 0; j < sizeof(zones) / sizeof(zones[0]); j++) {
			buffer_clear(&out);
			date_format_internal(&out, numbers[i], zones[j]);
			assert_int_equal(buffer_span(&out).size, 26);
		}
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_dates_are_understood),
		cmocka_unit_test(internal_dates_are_strict),
		cmocka_unit_test(search_dates_count_days),
		cmocka_unit_test(dates_are_written_as_the_rfcs_show),
		cmocka_unit_test(every_day_of_four_centuries_comes_back),
		cmocka_unit_test(no_number_is_out_of_the_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
