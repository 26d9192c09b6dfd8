/* What is found in a header, at every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "smtpd/header_scan.h"

enum { DATE = 1, ID = 2, OVER = 4, HEADLESS = 8 };

static const struct scan_case {
	const char *name, *text;
	unsigned flags, received, from_count;
	const char *from;
} cases[] = {
	{ "ordinary", "Received: a\r\nDate: x\r\nFrom: a@b\r\nMessage-ID: y\r\n"
		"\r\nReceived: no\r\n", DATE | ID | OVER, 1, 1, " a@b\r\n" },
	{ "any case", "RECEIVED:\r\ndate:\r\nMESSAGE-id:\r\nfRoM:\r\n\r\n",
		DATE | ID | OVER, 1, 1, "\r\n" },
	{ "folded", "From: a\r\n b\r\n\tc\r\nX: y\r\n z\r\n\r\n", OVER, 0, 1,
		" a\r\n b\r\n\tc\r\n" },
	{ "blanks before the colon", "From : a\r\nDate\t: b\r\n\r\n",
		DATE | OVER, 0, 1, " a\r\n" },
	{ "two of them", "From: a\r\nX: y\r\nFrom: b\r\n\r\n", OVER, 0, 2,
		" a\r\n b\r\n" },
	{ "names that only begin so", "Froms: a\r\nDat: b\r\nX-From: c\r\n"
		"Received-SPF: d\r\n\r\n", OVER, 0, 0, "" },
	{ "long names", "abcdefghijklmnopqrstuvwxyzabcdefghijkl: x\r\n\r\n",
		OVER, 0, 0, "" },
	{ "no empty line", "From: a", 0, 0, 1, " a" },
	{ "bare LF", "From: a\nDate: b\n\nReceived: c\n", DATE | OVER, 0, 1,
		" a\n" },
	{ "text at once", "Hello world\r\nDate: x\r\n", OVER | HEADLESS, 0, 0,
		"" },
	{ "a fold at once", " From: a\r\nDate: x\r\n", OVER | HEADLESS, 0, 0,
		"" },
	{ "a colon at once", ": x\r\n", OVER | HEADLESS, 0, 0, "" },
	{ "an empty line at once", "\r\nDate: x\r\n", OVER, 0, 0, "" },
	{ "rubbish in the middle", "X: y\r\nrubbish\r\nFrom: a\r\n\r\n", OVER,
		0, 1, " a\r\n" },
	{ "rubbish is not a fold of From", "From: a\r\nrubbish\r\n b\r\n\r\n",
		OVER, 0, 1, " a\r\n" },
	{ "name with a blank", "X: y\r\nFrom a: b\r\n\r\n", OVER, 0, 0, "" },
	{ "CR at the start of a line", "X: y\r\n\rFrom: a\r\n\r\n", OVER, 0, 0,
		"" },
	{ "nothing", "", 0, 0, 0, "" },
};

static void
check(const struct scan_case *c, const struct header_scan *scan)
{
	unsigned flags = (scan->has_date ? DATE : 0) |
		(scan->has_message_id ? ID : 0) | (scan->is_over ? OVER : 0) |
		(scan->is_headless ? HEADLESS : 0);
	if (flags != c->flags || scan->received != c->received ||
	    scan->from_count != c->from_count ||
	    !span_equals(buffer_span(&scan->from), span_from(c->from)))
		fail_msg("%s: flags %u, received %u, from %u \"%.*s\"", c->name,
			flags, scan->received, scan->from_count,
			SPAN_PRINT(buffer_span(&scan->from)));
}

static void
headers_are_scanned_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span text = span_from(cases[i].text);
		for (size_t split = 0; split <= text.size; split++) {
			struct header_scan scan;
			header_scan_init(&scan, true);
			header_scan_feed(&scan, span_first(text, split));
			header_scan_feed(&scan, span_skip(text, split));
			check(&cases[i], &scan);
			header_scan_fini(&scan);
		}
	}
}

static void
from_is_kept_only_when_asked_for_and_bounded(void **state)
{
	struct header_scan scan;
	(void)state;
	header_scan_init(&scan, false);
	header_scan_feed(&scan, SPAN("From: a\r\n\r\n"));
	assert_int_equal(scan.from_count, 1);
	assert_int_equal(scan.from.size, 0);
	header_scan_fini(&scan);
	header_scan_init(&scan, true);
	header_scan_feed(&scan, SPAN("From: a\r\n"));
	for (unsigned i = 0; i < 10000; i++)
		header_scan_feed(&scan, SPAN(" b@c.example,\r\n"));
	assert_true(buffer_is_overrun(&scan.from));
	assert_true(scan.from.size <= HEADER_SCAN_FROM_LIMIT);
	header_scan_fini(&scan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_scanned_at_every_split),
		cmocka_unit_test(from_is_kept_only_when_asked_for_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
