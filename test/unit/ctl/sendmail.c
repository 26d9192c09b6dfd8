/* What sendmail makes of the text that a program pipes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "ctl/sendmail.h"
#include "proto/drop.h"

int
sendmail_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

static const struct {
	const char *name, *input;
	bool reads_recipients, ignores_dots;
	const char *message, *recipients;
} cases[] = {
	{ "line ends of Unix", "From: a@b\nSubject: x\n\nhi\nho\n", false,
		false, "From: a@b\r\nSubject: x\r\n\r\nhi\r\nho\r\n", "" },
	{ "line ends of SMTP", "From: a@b\r\n\r\nhi\r\n", false, false,
		"From: a@b\r\n\r\nhi\r\n", "" },
	{ "the last line has no end", "From: a@b\n\nhi", false, false,
		"From: a@b\r\n\r\nhi\r\n", "" },
	{ "a CR alone", "From: a@b\n\na\rb\n", false, false,
		"From: a@b\r\n\r\na b\r\n", "" },
	{ "a dot ends it", "From: a@b\n\nhi\n.\nmore\n", false, false,
		"From: a@b\r\n\r\nhi\r\n", "" },
	{ "a dot does not with -i", "From: a@b\n\nhi\n.\nmore\n", false, true,
		"From: a@b\r\n\r\nhi\r\n.\r\nmore\r\n", "" },
	{ "the header names recipients, with -t",
		"From: a@b\nTo: Bob <bob@x.test>,\n carol@y.test\n"
		"Cc: team: dave@z.test;\nBcc: secret@s.test\n\nhi\n", true,
		false, "From: a@b\r\nTo: Bob <bob@x.test>,\r\n carol@y.test\r\n"
		"Cc: team: dave@z.test;\r\n\r\nhi\r\n",
		"bob@x.test carol@y.test dave@z.test secret@s.test " },
	{ "not without -t", "From: a@b\nTo: bob@x.test\nBcc: s@t\n\nhi\n",
		false, false, "From: a@b\r\nTo: bob@x.test\r\n\r\nhi\r\n", "" },
	{ "resent: only those", "From: a@b\nTo: bob@x.test\n"
		"Resent-To: eve@r.test\nResent-Bcc: f@r.test\n\nhi\n", true,
		false, "From: a@b\r\nTo: bob@x.test\r\nResent-To: eve@r.test"
		"\r\n\r\nhi\r\n", "eve@r.test f@r.test " },
	{ "addresses without a domain", "From: a@b\nTo: root, \"a b\"\n\n",
		true, false, "From: a@b\r\nTo: root@example.test, "
		"\"a b\"@example.test\r\n\r\n",
		"root \"a b\" " },
	{ "From is added", "To: root\n\nhi\n", false, false,
		"From: \"Cron\" <root@example.test>\r\n"
		"To: root@example.test\r\n\r\nhi\r\n",
		"" },
	{ "a body alone", "no header here\nTo: x@y\n", true, false,
		"From: \"Cron\" <root@example.test>\r\n\r\nno header here\r\n"
		"To: x@y\r\n", "" },
	{ "the separator of mbox", "From root Sun Nov 22 11:40:00 2026\n"
		"From: a@b\n\nhi\n", false, false, "From: a@b\r\n\r\nhi\r\n",
		"" },
	{ "nothing at all", "", false, false,
		"From: \"Cron\" <root@example.test>\r\n\r\n", "" },
};

static void
texts_become_messages(void **state)
{
	static const char *const overrides[] = { "myorigin=example.test" };
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(config_load(NULL, overrides, 1, &config, &error), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct sendmail sendmail;
		struct buffer recipients;
		print_message("%s\n", cases[i].name);
		memset(&sendmail, 0, sizeof(sendmail));
		arena_init(&sendmail.arena, 0);
		sendmail.config = config;
		sendmail.reads_recipients = cases[i].reads_recipients;
		sendmail.ignores_dots = cases[i].ignores_dots;
		sendmail.full_name = SPAN("Cron");
		sendmail.sender = SPAN("root");
		assert_int_equal(sendmail_take(&sendmail,
			span_from(cases[i].input)), 0);
		assert_string_equal(buffer_string(&sendmail.message),
			cases[i].message);
		buffer_init(&recipients, 0);
		for (size_t j = 0; j < sendmail.count; j++)
			buffer_print(&recipients, "%.*s ",
				SPAN_PRINT(sendmail.recipient[j]));
		assert_string_equal(buffer_string(&recipients),
			cases[i].recipients);
		buffer_fini(&recipients);
		buffer_fini(&sendmail.message);
		arena_fini(&sendmail.arena);
	}
	config_free(&config);
}

static void
too_many_recipients_are_refused(void **state)
{
	static struct sendmail sendmail;
	struct buffer text;
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(config_load(NULL, NULL, 0, &config, &error), 0);
	sendmail.config = config;
	buffer_init(&text, 0);
	buffer_add_string(&text, "From: a@b\n");
	for (unsigned i = 0; i <= SENDMAIL_RECIPIENT_LIMIT; i++)
		buffer_print(&text, "Bcc: u%u@x.test\n", i);
	arena_init(&sendmail.arena, 0);
	sendmail.reads_recipients = true;
	assert_int_equal(sendmail_take(&sendmail, buffer_span(&text)),
		EX_DATAERR);
	buffer_fini(&text);
	buffer_fini(&sendmail.message);
	arena_fini(&sendmail.arena);
	config_free(&config);
}

/* ---- files of the drop folder ---- */

static void
what_is_dropped_is_read_back(void **state)
{
	struct drop_recipient to[2] = { { SPAN("bob@x"), SPAN("never") },
		{ SPAN("a\tb\n@y"), { NULL, 0 } } };
	struct drop drop = { .sender = SPAN("al\\ice@x"), .is_8bit = true,
		.envid = SPAN("Q"), .recipient = to, .count = 2 }, back;
	struct buffer out;
	struct arena arena;
	size_t size;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	drop_add(&out, &drop);
	size_t head = out.size;
	buffer_add_string(&out, "From: x\r\n\r\n\n\nrcpt\tto=evil\n");
	assert_true(drop_parse(buffer_span(&out), &arena, &back, &size));
	assert_int_equal(size, head);
	assert_true(span_equals(back.sender, drop.sender));
	assert_true(back.is_8bit && !back.is_utf8);
	assert_true(span_equals(back.envid, SPAN("Q")));
	assert_int_equal(back.count, 2);
	assert_true(span_equals(back.recipient[1].to, to[1].to));
	assert_true(span_equals(back.recipient[0].notify, SPAN("never")));
	buffer_fini(&out);
	arena_fini(&arena);
}

static void
other_files_are_not_read(void **state)
{
	static const char *const files[] = { "", "\n", "drop\t2\n\n",
		"drop\t1\n", "drop\t1\n\nhi", "drop\t1\nenvelope\tsender=\n\n",
		"drop\t1\nrcpt\tto=a@b\n\n",
		"drop\t1\nenvelope\tsender=\nrcpt\tto=\n\n",
		"drop\t1\nenvelope\tsender=a\nenvelope\tsender=b\nrcpt\tto=c\n\n",
		"drop\t1\nenvelope\tsender=a\nrcpt\tto=c",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct arena arena;
		struct drop drop;
		size_t size;
		arena_init(&arena, 0);
		assert_false(drop_parse(span_from(files[i]), &arena, &drop,
			&size));
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_messages),
		cmocka_unit_test(too_many_recipients_are_refused),
		cmocka_unit_test(what_is_dropped_is_read_back),
		cmocka_unit_test(other_files_are_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
