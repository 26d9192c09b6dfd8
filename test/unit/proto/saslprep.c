/* Preparation of passwords: RFC 4013 3 and what real passwords hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/saslprep.h"

static const struct {
	const char *name, *password;
	enum saslprep_verdict verdict;
	const char *prepared;
} cases[] = {
	{ "RFC 4013 3 1: soft hyphen goes", "I\xc2\xadX", SASLPREP_OK, "IX" },
	{ "RFC 4013 3 2: nothing to do", "user", SASLPREP_OK, "user" },
	{ "RFC 4013 3 3: case stays", "USER", SASLPREP_OK, "USER" },
	{ "RFC 4013 3 4: NFKC", "\xc2\xaa", SASLPREP_OK, "a" },
	{ "RFC 4013 3 5: NFKC", "\xe2\x85\xa8", SASLPREP_OK, "IX" },
	{ "RFC 4013 3 6: control", "\x07", SASLPREP_PROHIBITED, "" },
	{ "RFC 4013 3 7: directions, by PRECIS", "\xd8\xa7""1", SASLPREP_OK,
		"\xd8\xa7""1" },
	{ "Hebrew and a digit keep compatibility forms",
		"\xd7\xa9\xd7\x9c\xe2\x85\xa8", SASLPREP_OK,
		"\xd7\xa9\xd7\x9c\xe2\x85\xa8" },
	{ "Hebrew alone", "\xd7\xa9\xd7\x9c", SASLPREP_OK, "\xd7\xa9\xd7\x9c" },
	{ "ideographic space", "a\xe3\x80\x80""b", SASLPREP_OK, "a b" },
	{ "no-break space", "a\xc2\xa0""b", SASLPREP_OK, "a b" },
	{ "Chinese", "\xe5\xaf\x86\xe7\xa0\x81", SASLPREP_OK,
		"\xe5\xaf\x86\xe7\xa0\x81" },
	{ "decomposed", "e\xcc\x81", SASLPREP_OK, "\xc3\xa9" },
	{ "emoji younger than Unicode 3.2", "\xf0\x9f\xa6\xa9", SASLPREP_OK,
		"\xf0\x9f\xa6\xa9" },
	{ "punctuation", "=,\" ~", SASLPREP_OK, "=,\" ~" },
	{ "nothing", "", SASLPREP_EMPTY, "" },
	{ "nothing left", "\xc2\xad", SASLPREP_EMPTY, "" },
	{ "not UTF-8", "\xff\xfe", SASLPREP_NOT_UTF8, "" },
	{ "tab", "a\tb", SASLPREP_PROHIBITED, "" },
	{ "DEL", "a\x7f", SASLPREP_PROHIBITED, "" },
	{ "private use", "\xee\x80\x80", SASLPREP_PROHIBITED, "" },
	{ "no character", "\xf0\x9f\xbf\xbe", SASLPREP_PROHIBITED, "" },
	{ "replacement character", "\xef\xbf\xbd", SASLPREP_PROHIBITED, "" },
	{ "tag", "a\xf3\xa0\x80\x81", SASLPREP_PROHIBITED, "" },
	{ "expands eighteen times", "\xef\xb7\xba", SASLPREP_OK,
		"\xd8\xb5\xd9\x84\xd9\x89 \xd8\xa7\xd9\x84\xd9\x84\xd9\x87 "
		"\xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 "
		"\xd9\x88\xd8\xb3\xd9\x84\xd9\x85" },
};

static void
passwords_are_prepared(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		enum saslprep_verdict verdict = saslprep_password(
			span_from(cases[i].password), &out);
		if (verdict != cases[i].verdict)
			fail_msg("%s: verdict %d", cases[i].name, verdict);
		assert_string_equal(buffer_string(&out), cases[i].prepared);
		buffer_fini(&out);
	}
}

static void
length_is_limited(void **state)
{
	char text[SASLPREP_PASSWORD_LIMIT + 1];
	struct buffer out;
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'x';
	buffer_init(&out, 0);
	assert_int_equal(saslprep_password(span_of(text, sizeof(text) - 1),
		&out), SASLPREP_OK);
	assert_int_equal(out.size, SASLPREP_PASSWORD_LIMIT);
	assert_int_equal(saslprep_password(span_of(text, sizeof(text)), &out),
		SASLPREP_TOO_LONG);
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_prepared),
		cmocka_unit_test(length_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
