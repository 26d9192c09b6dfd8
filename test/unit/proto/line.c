/* Lines off a wire, whole and arriving in two pieces at every split point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "proto/line.h"

enum { LIMIT = 8 };

struct line_case {
	const char *name;
	struct span in;
	const char *want;	/* one letter per line found, then the line */
};

/* O ok, L bare LF, C bare CR, T too long (its end follows as another line). */
static const struct line_case cases[] = {
	{ "one", SPAN("NOOP\r\n"), "O[NOOP]" },
	{ "empty", SPAN("\r\n\r\n"), "O[]O[]" },
	{ "two and a piece", SPAN("a\r\nb\r\nc"), "O[a]O[b]" },
	{ "bare LF", SPAN("a\nb\r\n"), "L[a]O[b]" },
	{ "bare LF alone", SPAN("\n"), "L[]" },
	{ "bare CR", SPAN("a\rb\r\n"), "C[a\rb]" },
	{ "CR CR LF", SPAN("a\r\r\n"), "C[a\r]" },
	{ "bare CR and LF", SPAN("a\rb\n"), "C[a\rb]" },
	{ "just fits", SPAN("12345678\r\n1\r\n"), "O[12345678]O[1]" },
	{ "just fits, LF", SPAN("12345678\n"), "L[12345678]" },
	{ "one too many", SPAN("123456789\r\nx\r\n"), "T]O[x]" },
	{ "one too many, LF", SPAN("123456789\nx\r\n"), "T]O[x]" },
	{ "far too long", SPAN("12345678901234567890\r\nx\r\n"), "T]O[x]" },
	{ "NUL is a byte", SPAN("a\0b\r\n"), "O[a\0b]" },
	{ "long without end", SPAN("1234567890"), "" },
	{ "nothing", SPAN(""), "" },
};

/* Takes every line there is, as a session does; false when one is cut. */
static void
take_lines(struct buffer *in, bool *is_skipping, struct buffer *out)
{
	static const char letters[] = "O-TLC";
	for (;;) {
		struct span line;
		size_t consumed;
		enum line_verdict verdict = line_next(buffer_span(in), LIMIT,
			&line, &consumed);
		if (verdict == LINE_MORE) {
			assert_int_equal(consumed, 0);
			return;
		}
		if (verdict == LINE_TOO_LONG) {
			assert_true(consumed > 0);
			*is_skipping = true;
		} else if (*is_skipping) {
			*is_skipping = false;
			buffer_add_string(out, "T]");
		} else {
			buffer_add_byte(out, letters[verdict]);
			buffer_add_byte(out, '[');
			buffer_add(out, line);
			buffer_add_byte(out, ']');
		}
		buffer_shift(in, consumed);
	}
}

static void
lines_are_found_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct line_case *c = &cases[i];
		for (size_t split = 0; split <= c->in.size; split++) {
			struct buffer in, out;
			bool is_skipping = false;
			buffer_init(&in, 0);
			buffer_init(&out, 0);
			buffer_add(&in, span_first(c->in, split));
			take_lines(&in, &is_skipping, &out);
			buffer_add(&in, span_skip(c->in, split));
			take_lines(&in, &is_skipping, &out);
			struct span want = span_from(c->want);
			if (c->in.size == 5 && c->in.data[1] == '\0')
				want = SPAN("O[a\0b]");
			if (!span_equals(buffer_span(&out), want))
				fail_msg("%s, split at %zu: %s", c->name, split,
					buffer_string(&out));
			buffer_fini(&in);
			buffer_fini(&out);
		}
	}
}

static void
a_line_of_the_greatest_limit_does_not_wrap(void **state)
{
	struct span line;
	size_t consumed;
	(void)state;
	assert_int_equal(line_next(SPAN("a\r\n"), SIZE_MAX, &line, &consumed),
		LINE_OK);
	assert_int_equal(line_next(SPAN("abc"), SIZE_MAX, &line, &consumed),
		LINE_MORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found_at_every_split),
		cmocka_unit_test(a_line_of_the_greatest_limit_does_not_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
