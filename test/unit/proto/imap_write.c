/* Values of IMAP responses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/imap_write.h"

typedef void
writer(struct buffer *out, struct span s, bool is_utf8);

static void
values_have_the_form_their_session_allows(void **state)
{
	static const struct {
		const char *name;
		writer *write;
		struct span value;
		bool is_utf8;
		const char *want;
	} cases[] = {
		{ "empty", imap_write_string, SPAN(""), false, "\"\"" },
		{ "plain", imap_write_string, SPAN("a b"), false, "\"a b\"" },
		{ "escapes", imap_write_string, SPAN("a\"\\"), false,
		  "\"a\\\"\\\\\"" },
		{ "line end", imap_write_string, SPAN("a\r\nb"), false,
		  "{4}\r\na\r\nb" },
		{ "UTF-8, revision 1", imap_write_string, SPAN("\xc3\xa4"),
		  false, "{2}\r\n\xc3\xa4" },
		{ "UTF-8, revision 2", imap_write_string, SPAN("\xc3\xa4"),
		  true, "\"\xc3\xa4\"" },
		{ "not UTF-8", imap_write_string, SPAN("\xe4"), true,
		  "{1}\r\n\xe4" },
		{ "NUL", imap_write_string, SPAN("a\0b"), false, "\"a b\"" },
		{ "absent", imap_write_nstring, { NULL, 0 }, false, "NIL" },
		{ "present", imap_write_nstring, SPAN(""), false, "\"\"" },
		{ "atom", imap_write_astring, SPAN("Sent"), false, "Sent" },
		{ "atom with a slash", imap_write_astring, SPAN("a/b"), false,
		  "a/b" },
		{ "blank", imap_write_astring, SPAN("a b"), false, "\"a b\"" },
		{ "wildcard", imap_write_astring, SPAN("a*"), false, "\"a*\"" },
		{ "the word NIL", imap_write_astring, SPAN("nil"), false,
		  "\"nil\"" },
		{ "no name", imap_write_astring, SPAN(""), false, "\"\"" },
		{ "mailbox, revision 1", imap_write_mailbox,
		  SPAN("\xe5\x8f\xb0\xe5\x8c\x97"), false, "&U,BTFw-" },
		{ "mailbox, revision 2", imap_write_mailbox,
		  SPAN("\xe5\x8f\xb0\xe5\x8c\x97"), true,
		  "\"\xe5\x8f\xb0\xe5\x8c\x97\"" },
		{ "ampersand, revision 1", imap_write_mailbox, SPAN("R&D"),
		  false, "R&-D" },
		{ "ampersand, revision 2", imap_write_mailbox, SPAN("R&D"),
		  true, "R&D" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		cases[i].write(&out, cases[i].value, cases[i].is_utf8);
		if (!span_equals(buffer_span(&out), span_from(cases[i].want)))
			fail_msg("%s: %s", cases[i].name, buffer_string(&out));
		buffer_fini(&out);
	}
}

static void
long_strings_are_literals(void **state)
{
	static char text[IMAP_WRITE_QUOTED_LIMIT + 1];
	struct buffer out;
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'x';
	buffer_init(&out, 0);
	imap_write_string(&out, span_of(text, sizeof(text)), false);
	assert_true(span_starts(buffer_span(&out), SPAN("{1001}\r\nx")));
	assert_int_equal(out.size, 8 + sizeof(text));
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_the_form_their_session_allows),
		cmocka_unit_test(long_strings_are_literals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
