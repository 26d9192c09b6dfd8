/* Text of strangers on a terminal, and HTML as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/html_text.h"
#include "proto/terminal_text.h"

static void
a_terminal_does_nothing(void **state)
{
	static const struct {
		const char *text, *lines, *line;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "a\r\nb\tc", "a\nb\tc", "a  b c" },
		{ "\x1b[2J", "^[[2J", "^[[2J" },
		{ "\x07\x08\x7f", "^G^H^?", "^G^H^?" },
		{ "\xc2\x9b" "2J", "\xef\xbf\xbd" "2J", "\xef\xbf\xbd" "2J" },
		{ "\xe2\x80\xae" "fdp", "\xef\xbf\xbd" "fdp", "\xef\xbf\xbd" "fdp" },
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87",
		  "\xe4\xb8\xad\xe6\x96\x87" },
		{ "overwritten\rshown", "overwritten^Mshown", "overwritten shown" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		terminal_text_add(&out, span_from(cases[i].text));
		if (!span_equals(buffer_span(&out), span_from(cases[i].lines)))
			fail_msg("%zu: %s", i, buffer_string(&out));
		buffer_clear(&out);
		terminal_text_add_line(&out, span_from(cases[i].text));
		if (!span_equals(buffer_span(&out), span_from(cases[i].line)))
			fail_msg("%zu: %s", i, buffer_string(&out));
		buffer_fini(&out);
	}
}

static void
columns_are_a_terminals(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		bool is_padded;
		const char *want;
	} cases[] = {
		{ "abc", 5, true, "abc  " },
		{ "abc", 5, false, "abc" },
		{ "abcdef", 3, true, "abc" },
		{ "\xe4\xb8\xad\xe6\x96\x87", 4, true, "\xe4\xb8\xad\xe6\x96\x87" },
		/* half a character is none */
		{ "\xe4\xb8\xad\xe6\x96\x87", 3, true, "\xe4\xb8\xad " },
		/* a combining mark takes none */
		{ "e\xcc\x81x", 2, true, "e\xcc\x81x" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		terminal_text_add_cell(&out, span_from(cases[i].text),
			cases[i].columns, cases[i].is_padded);
		if (!span_equals(buffer_span(&out), span_from(cases[i].want)))
			fail_msg("%zu: \"%s\"", i, buffer_string(&out));
		assert_true(terminal_text_width(buffer_span(&out)) <=
			cases[i].columns);
		buffer_fini(&out);
	}
}

static void
html_is_text(void **state)
{
	static const struct {
		const char *html, *want;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain\n" },
		{ "a<br>b", "a\nb\n" },
		{ "<p>one</p><p>two</p>", "one\n\ntwo\n\n" },
		{ "<div>one</div>\n<div>two</div>", "one\ntwo\n" },
		{ "a   b\n c", "a b c\n" },
		{ "<b>bold</b> and <i>not</i>", "bold and not\n" },
		{ "x &lt;b&gt; &amp; &#20013;&#x6587;&nbsp;y &bogus;",
		  "x <b> & \xe4\xb8\xad\xe6\x96\x87 y &bogus;\n" },
		{ "<script>if (a < b) alert('</p>')</script>seen", "seen\n" },
		{ "<style>p { }</style><title>t</title>seen", "seen\n" },
		{ "<!-- a > b -->seen", "seen\n" },
		{ "<a href=\"https://x.test/\">here</a>",
		  "here <https://x.test/>\n" },
		{ "<a href='https://x.test/'>https://x.test/</a>",
		  "https://x.test/\n" },
		{ "<ul><li>one<li>two</ul>", "* one\n* two\n" },
		{ "<table><tr><td>a</td><td>b</td></tr></table>", "a b\n" },
		{ "<pre>a\n  b</pre>", "a\n  b\n" },
		{ "1 < 2 and 3<4", "1 < 2 and 3<4\n" },
		{ "cut <b", "cut\n" },
		{ "<img alt=\"a > b\" src=x>seen", "seen\n" },
		{ "&#0;&#xd800;", "\xef\xbf\xbd\xef\xbf\xbd\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		html_text_add(&out, span_from(cases[i].html));
		if (!span_equals(buffer_span(&out), span_from(cases[i].want)))
			fail_msg("%s: \"%s\"", cases[i].html,
				buffer_string(&out));
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_does_nothing),
		cmocka_unit_test(columns_are_a_terminals),
		cmocka_unit_test(html_is_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
