/*
 * Content of DATA and BDAT at every split point: each case is fed whole, in two
 * pieces cut at every byte, and byte by byte, and gives the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "proto/smtp_data.h"

enum flag { END = 1, BARE_CR = 2, BARE_LF = 4, NUL = 8, LONG = 16 };

struct data_case {
	const char *name;
	enum smtp_data_kind kind;
	struct span in, out, rest;	/* rest: behind the end of data */
	unsigned flags;
	struct span normal;		/* when normalising; data NULL: as out */
};

#define SAME { NULL, 0 }
static const struct data_case cases[] = {
	{ "empty message", SMTP_DATA_DOTS, SPAN(".\r\n"), SPAN(""), SPAN(""),
		END, SAME },
	{ "one line", SMTP_DATA_DOTS, SPAN("a\r\n.\r\n"), SPAN("a\r\n"),
		SPAN(""), END, SAME },
	{ "commands behind it stay", SMTP_DATA_DOTS,
		SPAN("a\r\n.\r\nQUIT\r\n"), SPAN("a\r\n"), SPAN("QUIT\r\n"),
		END, SAME },
	{ "stuffed dot", SMTP_DATA_DOTS, SPAN("..a\r\n...\r\n.\r\n"),
		SPAN(".a\r\n..\r\n"), SPAN(""), END, SAME },
	{ "dot before text is stuffing", SMTP_DATA_DOTS, SPAN(".a\r\n.\r\n"),
		SPAN("a\r\n"), SPAN(""), END, SAME },
	{ "dot in the middle", SMTP_DATA_DOTS, SPAN("a.\r\nb.c\r\n.\r\n"),
		SPAN("a.\r\nb.c\r\n"), SPAN(""), END, SAME },
	{ "not ended", SMTP_DATA_DOTS, SPAN("a\r\n."), SPAN("a\r\n"), SPAN(""),
		0, SAME },
	{ "LF.LF", SMTP_DATA_DOTS, SPAN("a\n.\nMAIL\r\n.\r\n"),
		SPAN("a\n.\nMAIL\r\n"), SPAN(""), END | BARE_LF,
		SPAN("a\r\n.\r\nMAIL\r\n") },
	{ "LF.CRLF", SMTP_DATA_DOTS, SPAN("a\n.\r\nMAIL\r\n.\r\n"),
		SPAN("a\n.\r\nMAIL\r\n"), SPAN(""), END | BARE_LF,
		SPAN("a\r\n.\r\nMAIL\r\n") },
	{ "CRLF.LF", SMTP_DATA_DOTS, SPAN("a\r\n.\nMAIL\r\n.\r\n"),
		SPAN("a\r\n\nMAIL\r\n"), SPAN(""), END | BARE_LF,
		SPAN("a\r\n\r\nMAIL\r\n") },
	{ "CR.CR", SMTP_DATA_DOTS, SPAN("a\r.\rMAIL\r\n.\r\n"),
		SPAN("a\r.\rMAIL\r\n"), SPAN(""), END | BARE_CR,
		SPAN("a . MAIL\r\n") },
	{ "CR.CRLF", SMTP_DATA_DOTS, SPAN("a\r.\r\nMAIL\r\n.\r\n"),
		SPAN("a\r.\r\nMAIL\r\n"), SPAN(""), END | BARE_CR,
		SPAN("a .\r\nMAIL\r\n") },
	{ "CRLF.CR", SMTP_DATA_DOTS, SPAN("a\r\n.\rMAIL\r\n.\r\n"),
		SPAN("a\r\n\rMAIL\r\n"), SPAN(""), END | BARE_CR,
		SPAN("a\r\n MAIL\r\n") },
	{ "CRLF.CRCRLF", SMTP_DATA_DOTS, SPAN("a\r\n.\r\r\nMAIL\r\n.\r\n"),
		SPAN("a\r\n\r\r\nMAIL\r\n"), SPAN(""), END | BARE_CR,
		SPAN("a\r\n \r\nMAIL\r\n") },
	{ "CRCRLF.CRLF", SMTP_DATA_DOTS, SPAN("a\r\r\n.\r\n"),
		SPAN("a\r\r\n"), SPAN(""), END | BARE_CR, SPAN("a \r\n") },
	{ "LFCR.CRLF", SMTP_DATA_DOTS, SPAN("a\n\r.\r\nb\r\n.\r\n"),
		SPAN("a\n\r.\r\nb\r\n"), SPAN(""), END | BARE_CR | BARE_LF,
		SPAN("a\r\n .\r\nb\r\n") },
	{ "CRLF.NUL CRLF", SMTP_DATA_DOTS, SPAN("a\r\n.\0\r\n.\r\n"),
		SPAN("a\r\n\0\r\n"), SPAN(""), END | NUL, SAME },
	{ "CRLF.CR NUL LF", SMTP_DATA_DOTS, SPAN("\r\n.\r\0\n.\r\n\r\n.\r\n"),
		SPAN("\r\n\r\0\n.\r\n\r\n"), SPAN(""),
		END | NUL | BARE_CR | BARE_LF,
		SPAN("\r\n \0\r\n.\r\n\r\n") },
	{ "LF first", SMTP_DATA_DOTS, SPAN("\n.\r\n\r\n.\r\n"),
		SPAN("\n.\r\n\r\n"), SPAN(""), END | BARE_LF,
		SPAN("\r\n.\r\n\r\n") },
	{ "dot dot LF", SMTP_DATA_DOTS, SPAN("..\n.\r\n\r\n.\r\n"),
		SPAN(".\n.\r\n\r\n"), SPAN(""), END | BARE_LF,
		SPAN(".\r\n.\r\n\r\n") },
	{ "chunk with dots", SMTP_DATA_CHUNKS, SPAN(".\r\n..\r\n"),
		SPAN(".\r\n..\r\n"), SPAN(""), END, SAME },
	{ "chunk with bare LF", SMTP_DATA_CHUNKS, SPAN("a\nb\r\n"),
		SPAN("a\nb\r\n"), SPAN(""), END | BARE_LF, SPAN("a\r\nb\r\n") },
	{ "chunk that ends with CR", SMTP_DATA_CHUNKS, SPAN("a\r"),
		SPAN("a\r"), SPAN(""), END | BARE_CR, SPAN("a ") },
	{ "chunk without line end", SMTP_DATA_CHUNKS, SPAN("ab"), SPAN("ab"),
		SPAN(""), END, SAME },
	{ "empty chunk", SMTP_DATA_CHUNKS, SPAN(""), SPAN(""), SPAN(""), END,
		SAME },
	{ "binary is not looked at", SMTP_DATA_BINARY, SPAN("a\n\r\0.\r\n"),
		SPAN("a\n\r\0.\r\n"), SPAN(""), END, SAME },
};

static unsigned
flags_of(const struct smtp_data *data)
{
	return (data->is_end ? END : 0) | (data->has_bare_cr ? BARE_CR : 0) |
		(data->has_bare_lf ? BARE_LF : 0) | (data->has_nul ? NUL : 0) |
		(data->has_long_line ? LONG : 0);
}

/* Feeds up to `end`; returns where it stopped. */
static size_t
feed(struct smtp_data *data, struct span in, size_t at, size_t end,
	struct buffer *out)
{
	if (data->is_end || at == end)
		return at;
	/* Memory of exactly that size, so that a sanitiser sees every step
	 * beyond it. */
	char *copy = memory_new(end - at);
	for (size_t i = at; i < end; i++)
		copy[i - at] = in.data[i];
	at += smtp_data_feed(data, span_of(copy, end - at), out);
	memory_free(copy);
	return at;
}

static void
run(const struct data_case *c, bool is_normalising, size_t split, size_t step)
{
	struct smtp_data data;
	struct buffer out;
	size_t at = 0;
	buffer_init(&out, 0);
	smtp_data_init(&data, c->kind, is_normalising);
	if (step > 0) {
		while (at < c->in.size && !data.is_end)
			at = feed(&data, c->in, at, at + step, &out);
	} else {
		at = feed(&data, c->in, at, split, &out);
		if (!data.is_end)
			assert_int_equal(at, split);
		at = feed(&data, c->in, at, c->in.size, &out);
	}
	if (c->kind != SMTP_DATA_DOTS)
		smtp_data_end(&data, &out);
	struct span want = is_normalising && c->normal.data != NULL ?
		c->normal : c->out;
	if (flags_of(&data) != c->flags)
		fail_msg("%s, split %zu: flags %u", c->name, split,
			flags_of(&data));
	if (!span_equals(buffer_span(&out), want))
		fail_msg("%s, split %zu: content", c->name, split);
	assert_true(span_equals(span_skip(c->in, at), c->rest));
	assert_true(data.size == want.size);
	buffer_fini(&out);
}

static void
content_is_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t split = 0; split <= cases[i].in.size; split++) {
			run(&cases[i], false, split, 0);
			run(&cases[i], true, split, 0);
		}
		run(&cases[i], false, 0, 1);
		run(&cases[i], true, 0, 1);
	}
}

static void
lines_have_a_limit(void **state)
{
	static char line[SMTP_DATA_LINE_LIMIT];
	(void)state;
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = 'x';
	for (unsigned extra = 0; extra <= 1; extra++) {
		struct smtp_data data;
		struct buffer out;
		buffer_init(&out, 0);
		smtp_data_init(&data, SMTP_DATA_DOTS, false);
		smtp_data_feed(&data, SPAN("short\r\n"), &out);
		smtp_data_feed(&data, span_of(line, sizeof(line) - 1), &out);
		smtp_data_feed(&data, span_of(line, 1 + extra), &out);
		smtp_data_feed(&data, SPAN("\r\n.\r\n"), &out);
		assert_true(data.is_end);
		assert_int_equal(data.has_long_line, extra == 1);
		assert_true(out.size == sizeof(line) + extra + 9);
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_the_same_at_every_split),
		cmocka_unit_test(lines_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
