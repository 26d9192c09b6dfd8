/*
 * Addresses and envelopes as IMAP shows them: groups, routes, comments, quoted
 * strings, and what people write instead of addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime.h"

static void
addresses_are_taken_apart(void **state)
{
	/* rows of name/route/mailbox/host, "-" for NIL */
	static const struct {
		const char *value, *rows;
	} cases[] = {
		{ "", "" },
		{ "   ", "" },
		{ "a@b.example", "-/-/a/b.example " },
		{ "<a@b>", "-/-/a/b " },
		{ "A B <a@b>", "A B/-/a/b " },
		{ "\"B, A\" <a@b>, c@d", "B, A/-/a/b -/-/c/d " },
		{ "\"A \\\"x\\\" B\" <a@b>", "A \"x\" B/-/a/b " },
		{ "John Q. Public <john.q.public@example.com>",
			"John Q. Public/-/john.q.public/example.com " },
		{ "a@b (A B)", "A B/-/a/b " },
		{ "<a@b> (A B)", "A B/-/a/b " },
		{ "C <a@b> (A B)", "C/-/a/b " },
		{ "(first) a@b", "first/-/a/b " },
		{ "a@b (A (nested \\) B) C)", "A (nested ) B) C/-/a/b " },
		{ "Pete(A nice \\) chap) <pete(his account)@silly.test(host)>",
			"Pete/-/pete/silly.test " },
		{ "A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)"
			"public.example>,\r\n joe@example.org,\r\n John "
			"<jdoe@one.test> (my dear friend); (the end)",
			"A Group/-/-/- Chris Jones/-/c/public.example "
			"-/-/joe/example.org John/-/jdoe/one.test -/-/-/- " },
		{ "Undisclosed recipients:;",
			"Undisclosed recipients/-/-/- -/-/-/- " },
		{ "x@y, G: a@b, c@d; , e@f", "-/-/x/y G/-/-/- -/-/a/b -/-/c/d "
			"-/-/-/- -/-/e/f " },
		{ "G: a@b", "G/-/-/- -/-/a/b -/-/-/- " },
		{ "<@one.example,@two.example:a@b>",
			"-/@one.example,@two.example/a/b " },
		{ "R <@o : a@b>", "R/@o/a/b " },
		{ "john . doe @ example . com", "-/-/john.doe/example.com " },
		{ "\"john doe\"@b", "-/-/john doe/b " },
		{ "\"a\".\"b\"@c", "-/-/a.b/c " },
		{ "a@[192.0.2.1]", "-/-/a/[192.0.2.1] " },
		{ "a@[ IPv6:2001:db8::1 ]", "-/-/a/[IPv6:2001:db8::1] " },
		{ "a@b@c", "-/-/a@b/c " },
		{ "<a@b@c>", "-/-/a@b/c " },
		{ "a@b <a@b>", "a@b/-/a/b " },
		{ "John Doe a@b", "John Doe/-/a/b " },
		{ "a@b,,c@d,", "-/-/a/b -/-/c/d " },
		{ "root", "-/-/root/ " },
		{ "root (the boss)", "the boss/-/root/ " },
		{ "Some Name", "-/-/Some Name/ " },
		{ "<>", "-/-// " },
		{ "Bounce <>", "Bounce/-// " },
		{ "<a", "-/-/a/ " },
		{ "A <a@b, c@d", "A/-/a/b -/-/c/d " },
		{ "a@", "-/-/a/ " },
		{ "@b", "-/-/b/ " },
		{ "\"unfinished <a@b>", "-/-/unfinished <a@b>/ " },
		{ "(unfinished", "" },
		{ "\"\" <a@b>", "-/-/a/b " },
		{ "=?utf-8?B?5Lit?= =?utf-8?B?5paH?= <a@b>",
			"=?utf-8?B?5Lit?= =?utf-8?B?5paH?=/-/a/b " },
		{ "\xe4\xb8\xad <\xe4\xb8\xad@\xe4\xbe\x8b.example>",
			"\xe4\xb8\xad/-/\xe4\xb8\xad/\xe4\xbe\x8b.example " },
		{ ">:@;,", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct buffer out;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		for (const struct mime_address *row = mime_parse_addresses(
		    &arena, span_from(cases[i].value)); row != NULL;
		    row = row->next) {
			const struct span fields[] = { row->name, row->route,
				row->mailbox, row->host };
			for (size_t j = 0; j < 4; j++) {
				buffer_add(&out, fields[j].data == NULL ?
					SPAN("-") : fields[j]);
				buffer_add_byte(&out, "///"" "[j]);
			}
		}
		if (!span_equals(buffer_span(&out), span_from(cases[i].rows)))
			fail_msg("%s\n got  %s\n want %s", cases[i].value,
				buffer_string(&out), cases[i].rows);
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

static void
envelopes_are_as_the_rfc_shows(void **state)
{
	static const struct {
		const char *name, *header, *envelope;
	} cases[] = {
		{ "nothing", "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "example of RFC 9051 8",
			"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
			"From: Terry Gray <gray@cac.washington.edu>\r\n"
			"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
			"To: imap@cac.washington.edu\r\n"
			"cc: minutes@CNRI.Reston.VA.US, John Klensin "
			"<KLENSIN@MIT.EDU>\r\n"
			"Message-Id: <B27397-0100000@cac.washington.edu>\r\n",
			"(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
			"\"IMAP4rev2 WG mtg summary and minutes\" "
			"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
			"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
			"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
			"((NIL NIL \"imap\" \"cac.washington.edu\")) "
			"((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
			"(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
			"\"<B27397-0100000@cac.washington.edu>\")" },
		{ "sender and reply-to", "From: a@b\r\nSender: c@d\r\n"
			"Reply-To:\r\n",
			"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) "
			"((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)" },
		{ "present but empty", "Date:\r\nSubject: \r\nTo:\r\n"
			"In-Reply-To:\r\nMessage-ID: \t\r\n",
			"(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")" },
		{ "group", "To: friends: a@b;\r\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"friends\" NIL)"
			"(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
		{ "route", "From: <@x:a@b>\r\n",
			"(NIL NIL ((NIL \"@x\" \"a\" \"b\")) "
			"((NIL \"@x\" \"a\" \"b\")) ((NIL \"@x\" \"a\" \"b\")) "
			"NIL NIL NIL NIL NIL)" },
		{ "folded, quoted, not ASCII", "Subject: a \"b\"\r\n\t\\c\r\n"
			"In-Reply-To: \xff\r\n",
			"(NIL \"a \\\"b\\\"\t\\\\c\" NIL NIL NIL NIL NIL NIL "
			"{1}\r\n\xff NIL)" },
		{ "two of a kind", "Subject: 1\r\nSubject: 2\r\nTo: a@b\r\n"
			"To: c@d\r\n",
			"(NIL \"1\" NIL NIL NIL ((NIL NIL \"a\" \"b\")"
			"(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)" },
		{ "obsolete blank before the colon", "Subject : x\r\n",
			"(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct buffer out;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		mime_format_envelope(&out, &arena, mime_parse(&arena,
			span_from(cases[i].header))->envelope);
		if (!span_equals(buffer_span(&out),
		    span_from(cases[i].envelope)))
			fail_msg("%s\n got  %s\n want %s", cases[i].name,
				buffer_string(&out), cases[i].envelope);
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_apart),
		cmocka_unit_test(envelopes_are_as_the_rfc_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
