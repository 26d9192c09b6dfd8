/* Framing of IMAP commands: every case fed whole, and cut at every point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/imap_frame.h"

/*
 * What a session does: literals of at most 8 bytes are kept, "~" ones passed
 * on, larger ones refused. The events become text: "C<...>" a command, "R<...>"
 * a refused one, "+" a continuation, "B<...>" bytes passed on, "!" absurd,
 * "N" a synchronising literal refused.
 */
static void
answer_literal(struct imap_frame *frame, struct buffer *log)
{
	if (frame->is_binary) {
		buffer_print(log, "P<%.*s>", SPAN_PRINT(buffer_span(
			&frame->command)));
		imap_frame_pass(frame);
		return;
	}
	bool is_synchronising = frame->is_synchronising;
	if (frame->literal_size <= 8 && imap_frame_keep(frame)) {
		buffer_add_string(log, is_synchronising ? "+" : "");
	} else if (is_synchronising) {
		buffer_add_string(log, "N");
		imap_frame_reset(frame);
	} else {
		imap_frame_skip(frame);
	}
}

static bool
run_event(struct imap_frame *frame, enum imap_frame_verdict verdict,
	struct buffer *log)
{
	switch (verdict) {
	case IMAP_FRAME_LITERAL:
		answer_literal(frame, log);
		return true;
	case IMAP_FRAME_BYTES:
		buffer_add(log, frame->bytes);
		buffer_add_string(log, frame->literal_left == 0 ? "." : "");
		return true;
	case IMAP_FRAME_COMMAND:
	case IMAP_FRAME_REFUSED:
		buffer_print(log, "%s<%.*s>", verdict == IMAP_FRAME_COMMAND ?
			"C" : frame->is_line_too_long ? "L" : "R",
			SPAN_PRINT(buffer_span(&frame->command)));
		imap_frame_reset(frame);
		return true;
	case IMAP_FRAME_ABSURD:
		buffer_add_string(log, "!");
		return false;
	case IMAP_FRAME_MORE:
		break;
	}
	return true;
}

static bool
feed(struct imap_frame *frame, struct span in, struct buffer *log)
{
	while (in.size > 0) {
		size_t consumed;
		enum imap_frame_verdict verdict = imap_frame_next(frame, in,
			&consumed);
		in = span_skip(in, consumed);
		if (!run_event(frame, verdict, log))
			return false;
	}
	return true;
}

static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "a line", "a NOOP\r\n", "C<a NOOP>" },
	{ "two lines", "a NOOP\r\nb X\r\n", "C<a NOOP>C<b X>" },
	{ "an empty line", "\r\n", "C<>" },
	{ "LF alone ends a line", "a NOOP\nb X\r\n", "C<a NOOP>C<b X>" },
	{ "CR alone does not", "a N\rP\r\n", "C<a N\rP>" },
	{ "one CR belongs to the line end", "a N\r\r\n", "C<a N\r>" },
	{ "a synchronising literal", "a L {3}\r\nx\r\n y\r\n",
	  "+C<a L {3}\r\nx\r\n y>" },
	{ "two without waiting", "a L {1+}\r\nx {2+}\r\n\"y\r\nb N\r\n",
	  "C<a L {1+}\r\nx {2+}\r\n\"y>C<b N>" },
	{ "an empty literal", "a L {0+}\r\n x\r\n", "C<a L {0+}\r\n x>" },
	{ "a literal that looks like one", "a L {5+}\r\n{9+}\r\r\n",
	  "C<a L {5+}\r\n{9+}\r>" },
	{ "a literal at the very end", "a L {2}\r\nxy\r\n",
	  "+C<a L {2}\r\nxy>" },
	{ "too large, waiting", "a L {9}\r\nb N\r\n", "NC<b N>" },
	{ "too large, sent anyway", "a L {9+}\r\n12345678\n x\r\nb N\r\n",
	  "R<a L {9+}\r\n x>C<b N>" },
	{ "then another, waiting", "a L {9+}\r\n123456789 {3}\r\nb N\r\n",
	  "R<a L {9+}\r\n {3}>C<b N>" },
	{ "then another, sent", "a L {9+}\r\n123456789 {3+}\r\nabc d\r\nb N\r\n",
	  "R<a L {9+}\r\n {3+} d>C<b N>" },
	{ "passed on", "a A ~{3+}\r\nxyz ~{2+}\r\nab\r\nb N\r\n",
	  "P<a A ~{3+}\r\n>xyz.P< ~{2+}\r\n>ab.C<>C<b N>" },
	{ "quotes hide a literal", "a L \"x {3}\r\nb N\r\n",
	  "C<a L \"x {3}>C<b N>" },
	{ "closed quotes do not", "a L \"\\\"\" {1+}\r\n)\r\n",
	  "C<a L \"\\\"\" {1+}\r\n)>" },
	{ "not a number", "a L {3x}\r\n", "C<a L {3x}>" },
	{ "a number beyond 63 bits", "a L {9223372036854775808}\r\n",
	  "C<a L {9223372036854775808}>" },
	{ "a line too long", "a 345678901234567890\r\nb N\r\n",
	  "L<a 34567890123456>C<b N>" },
	{ "too long with a literal", "a 345678901234567890 {4+}\r\nb N\n c\r\nd N\r\n",
	  "L<a 34567890123456>C<d N>" },
	{ "too long after a literal", "a {1+}\r\nx 45678901234567890\r\nb N\r\n",
	  "L<a {1+}\r\nx>C<b N>" },
	{ "more than will be skipped", "a L {101+}\r\n1", "!" },
};

enum { TEST_LINE_LIMIT = 16, TEST_SKIP_LIMIT = 100 };

static void
start(struct imap_frame *frame)
{
	imap_frame_init(frame);
	frame->skip_limit = TEST_SKIP_LIMIT;
}

/* The limit for lines fits these cases only. */
static size_t
limit_of(const char *name)
{
	return span_search(span_from(name), SPAN("too long")) <
		span_from(name).size ? TEST_LINE_LIMIT : 1000;
}

static void
expect(const char *name, struct buffer *log, const char *want)
{
	if (!span_equals(buffer_span(log), span_from(want)))
		fail_msg("%s: %s, not %s", name, buffer_string(log), want);
}

static void
commands_are_framed_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_frame frame;
		struct buffer log;
		buffer_init(&log, 0);
		start(&frame);
		frame.line_limit = limit_of(cases[i].name);
		feed(&frame, span_from(cases[i].in), &log);
		expect(cases[i].name, &log, cases[i].want);
		buffer_fini(&log);
		imap_frame_fini(&frame);
	}
}

static void
commands_are_framed_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_from(cases[i].in);
		for (size_t cut = 0; cut <= in.size; cut++) {
			struct imap_frame frame;
			struct buffer log;
			buffer_init(&log, 0);
			start(&frame);
			frame.line_limit = limit_of(cases[i].name);
			if (feed(&frame, span_first(in, cut), &log))
				feed(&frame, span_skip(in, cut), &log);
			expect(cases[i].name, &log, cases[i].want);
			buffer_fini(&log);
			imap_frame_fini(&frame);
		}
	}
}

static void
commands_are_framed_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_from(cases[i].in);
		struct imap_frame frame;
		struct buffer log;
		buffer_init(&log, 0);
		start(&frame);
		frame.line_limit = limit_of(cases[i].name);
		while (in.size > 0 && feed(&frame, span_first(in, 1), &log))
			in = span_skip(in, 1);
		expect(cases[i].name, &log, cases[i].want);
		buffer_fini(&log);
		imap_frame_fini(&frame);
	}
}

static void
a_line_of_a_gigabyte_costs_nothing(void **state)
{
	static char piece[65536];
	struct imap_frame frame;
	size_t consumed, room = 0;
	(void)state;
	imap_frame_init(&frame);
	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = 'x';
	enum imap_frame_verdict verdict = IMAP_FRAME_MORE;
	size_t pieces = 0;
	for (; pieces < 16384 && verdict == IMAP_FRAME_MORE; pieces++) {
		verdict = imap_frame_next(&frame,
			span_of(piece, sizeof(piece)), &consumed);
		room = frame.command.room > room ? frame.command.room : room;
	}
	assert_int_equal(verdict, IMAP_FRAME_ABSURD);
	assert_true(pieces > 1000);
	assert_true(room <= 4 * IMAP_FRAME_LINE_LIMIT);
	imap_frame_fini(&frame);
}

static void
kept_literals_have_one_limit(void **state)
{
	struct imap_frame frame;
	size_t consumed;
	(void)state;
	imap_frame_init(&frame);
	frame.literal_limit = 10;
	assert_int_equal(imap_frame_next(&frame, SPAN("a {6+}\r\n"), &consumed),
		IMAP_FRAME_LITERAL);
	assert_true(imap_frame_keep(&frame));
	assert_int_equal(imap_frame_next(&frame, SPAN("123456 {5+}\r\n"),
		&consumed), IMAP_FRAME_LITERAL);
	assert_false(imap_frame_keep(&frame));
	imap_frame_skip(&frame);
	assert_int_equal(imap_frame_next(&frame, SPAN("12345\r\n"), &consumed),
		IMAP_FRAME_REFUSED);
	assert_false(frame.is_line_too_long);
	imap_frame_reset(&frame);
	assert_true(imap_frame_is_empty(&frame));
	imap_frame_fini(&frame);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_framed_whole),
		cmocka_unit_test(commands_are_framed_at_every_split),
		cmocka_unit_test(commands_are_framed_byte_by_byte),
		cmocka_unit_test(a_line_of_a_gigabyte_costs_nothing),
		cmocka_unit_test(kept_literals_have_one_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
