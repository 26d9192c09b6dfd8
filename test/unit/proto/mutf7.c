/* Modified UTF-7: what is right goes both ways, traps are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mutf7.h"

static void
names_go_both_ways(void **state)
{
	static const struct {
		const char *mutf7, *utf8;
	} cases[] = {
		{ "INBOX", "INBOX" },
		{ "", "" },
		{ "&-", "&" },
		{ "a&-b&-", "a&b&" },
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		  "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
		{ "&AOQ-", "\xc3\xa4" },
		{ "&AOQA9g-x", "\xc3\xa4\xc3\xb6x" },
		{ "&2D3crg-", "\xf0\x9f\x92\xae" },
		{ "&AAo-", "\n" },
		{ "&AH8-", "\x7f" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		assert_true(mutf7_decode(&out, span_from(cases[i].mutf7)));
		if (!span_equals(buffer_span(&out), span_from(cases[i].utf8)))
			fail_msg("%s gives %s", cases[i].mutf7,
				buffer_string(&out));
		buffer_clear(&out);
		mutf7_encode(&out, span_from(cases[i].utf8));
		if (!span_equals(buffer_span(&out), span_from(cases[i].mutf7)))
			fail_msg("%s is encoded as %s", cases[i].mutf7,
				buffer_string(&out));
		buffer_fini(&out);
	}
}

static void
traps_are_refused(void **state)
{
	static const struct {
		const char *name, *mutf7;
	} cases[] = {
		{ "a shift that is not closed", "a&AOQ" },
		{ "a lone ampersand", "a&b" },
		{ "shifts that touch", "&AOQ-&APY-" },
		{ "bits left over", "&AOR-" },
		{ "a digit left over", "&AOQA-" },
		{ "less than a character", "&AO-" },
		{ "printable ASCII in base64", "&AEE-" },
		{ "a slash in base64", "&AC8-" },
		{ "an ampersand in base64", "&ACY-" },
		{ "dots in base64", "&AC4ALg-" },
		{ "NUL in base64", "&AAA-" },
		{ "the slash of plain base64", "&U/BTFw-" },
		{ "padding", "&AOQ=-" },
		{ "half a pair", "&2D0-" },
		{ "the second half alone", "&3K4-" },
		{ "halves in the wrong order", "&3K7YPQ-" },
		{ "half a pair and a character", "&2D0A5A-" },
		{ "UTF-8", "\xc3\xa4" },
		{ "a tab", "a\tb" },
		{ "DEL", "a\x7f" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		if (mutf7_decode(&out, span_from(cases[i].mutf7)))
			fail_msg("%s was taken", cases[i].name);
		buffer_fini(&out);
	}
}

static void
what_is_not_utf8_is_replaced(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	mutf7_encode(&out, SPAN("a\xff"));
	assert_string_equal(buffer_string(&out), "a&,,0-");
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(traps_are_refused),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
