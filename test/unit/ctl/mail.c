/* What `mail` shows and sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ctl/mail_numbers.h"
#include "ctl/mail_send.h"
#include "ctl/mail_text.h"

static void
lines_of_the_list(void **state)
{
	static const struct {
		struct mail_text_line line;
		size_t columns;
		const char *want;
	} cases[] = {
		{ { true, 'N', 1, SPAN("boss@linuxprobe.com"), SPAN("Hello~"),
		    SPAN("Sun Nov 22 10:00"), 14, 355 }, 80,
		  ">N  1 boss@linuxprobe.com  Sun Nov 22 10:00   14/355   \"Hello~\"\n" },
		{ { false, ' ', 123, SPAN("a-very-long-name@of-somebody.example"),
		    SPAN("\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87"),
		    SPAN("Sun Nov  2 10:00"), 5, 70000 }, 60,
		  "  123 a-very-long-name@of- Sun Nov  2 10:00    5/70000 \"\xe4\xb8\xad\"\n" },
		{ { false, 'U', 2, SPAN("\x1b[2J"), SPAN(""), SPAN(""), 0, 0 }, 80,
		  " U  2 ^[[2J                                    0/0\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		mail_text_add_line(&out, &cases[i].line, cases[i].columns);
		if (!span_equals(buffer_span(&out), span_from(cases[i].want)))
			fail_msg("%zu: %s", i, buffer_string(&out));
		buffer_fini(&out);
	}
}

static const char mixed[] =
	"Received: by somebody\r\n"
	"Return-Path: <boss@x.test>\r\n"
	"From: =?gb2312?B?wM+w5Q==?= <boss@x.test>\r\n"
	"Subject: =?gb2312?B?xOO6ww==?=\r\n =?gb2312?B?ysC95w==?=\r\n"
	"X-Secret: no\r\n"
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
	"--c\r\nContent-Type: text/plain; charset=gb2312\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C4=E3=BA=C3=1B[2J\r\n"
	"--c\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--c--\r\n"
	"--b\r\nContent-Type: application/pdf\r\n"
	"Content-Disposition: attachment; filename=\"../a.pdf\"\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\n"
	"From: inner@x.test\r\nSubject: inside\r\n\r\ninner text\r\n"
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>only &lt;html&gt;</p>\r\n"
	"--b--\r\n";

static const char mixed_shown[] =
	"Return-Path: <boss@x.test>\n"
	"From: \xe8\x80\x81\xe6\x9d\xbf <boss@x.test>\n"
	"Subject: \xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c\n"
	"\n"
	"\xe4\xbd\xa0\xe5\xa5\xbd^[[2J\n"
	"[Attachment 1: ../a.pdf, application/pdf, 6 bytes; `detach 1' saves it]\n"
	"\nFrom: inner@x.test\nSubject: inside\n\ninner text\n"
	"only <html>\n\n";

static void
a_message_is_shown_sensibly(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	mail_text_add_message(&out, span_from(mixed), false);
	assert_string_equal(buffer_string(&out), mixed_shown);
	buffer_clear(&out);
	mail_text_add_message(&out, span_from(mixed), true);
	assert_true(span_search(buffer_span(&out), SPAN("X-Secret: no\n")) <
		out.size);
	buffer_fini(&out);
}

static void
attachments_are_found(void **state)
{
	struct arena arena;
	struct buffer out;
	struct span name;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	assert_true(mail_text_find_attachment(&arena, span_from(mixed), 1,
		&name, &out));
	assert_true(span_equals(buffer_span(&out), SPAN("hello")));
	assert_true(span_equals(name, SPAN("_._a.pdf")));
	assert_false(mail_text_find_attachment(&arena, span_from(mixed), 2,
		&name, &out));
	buffer_fini(&out);
	arena_fini(&arena);
}

static void
heads_are_found(void **state)
{
	static const struct {
		const char *message, *from, *subject;
	} cases[] = {
		{ "From: \"A, B\" <a@b.test>\nSubject: s\n\n", "a@b.test", "s" },
		{ "From: root\n\n", "root", "" },
		{ "Subject: =?utf-8?Q?=E4=B8=AD?=\n\nFrom: not@here\n", "",
		  "\xe4\xb8\xad" },
		{ "", "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct span from, subject;
		arena_init(&arena, 0);
		mail_text_find_head(&arena, span_from(cases[i].message), &from,
			&subject);
		assert_true(span_equals(from, span_from(cases[i].from)));
		assert_true(span_equals(subject, span_from(cases[i].subject)));
		arena_fini(&arena);
	}
}

static void
numbers_mean_messages(void **state)
{
	static const struct {
		const char *list;
		bool is_undelete;
		const char *want;	/* the numbers, or the sentence */
	} cases[] = {
		{ "1", false, "1" }, { "1-3", false, "13" }, { "*", false, "1345" },
		{ "$", false, "5" }, { "^", false, "1" }, { ".", false, "3" },
		{ "+", false, "4" }, { "-", false, "2: -: Inappropriate message" },
		{ "1 5", false, "15" }, { "3-$", false, "345" },
		{ "2", true, "2" }, { "*", true, "2" },
		{ "1", true, "1: Inappropriate message" },
		{ "0", false, "0: Invalid message number" },
		{ "9", false, "9: Invalid message number" },
		{ "4-2", false, "4-2: Invalid message number" },
		{ ":u", false, "45" }, { ":n", false, "5" }, { ":r", false, "13" },
		{ "boss", false, "13" }, { "/hello", false, "4" },
		{ "nobody", false, "No applicable messages" },
	};
	struct mail_message messages[5] = {
		{ .from = SPAN("Boss@x"), .flags = 1 },
		{ .from = SPAN("boss@x"), .is_deleted = true },
		{ .from = SPAN("boss@x"), .is_read = true },
		{ .from = SPAN("carol@x"), .subject = SPAN("say Hello") },
		{ .is_new = true },
	};
	struct mail_box box = { .message = messages, .count = 5 };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		bool chosen[5];
		char got[100] = "";
		size_t n = 0;
		arena_init(&arena, 0);
		const char *problem = mail_numbers_choose(&box,
			span_from(cases[i].list), 2, cases[i].is_undelete,
			&arena, chosen);
		for (size_t m = 0; problem == NULL && m < 5; m++)
			if (chosen[m])
				got[n++] = (char)('1' + m);
		const char *want = cases[i].want;
		if (want[0] == '2' && want[1] == ':')
			want += 3;
		assert_string_equal(problem != NULL ? problem : got, want);
		arena_fini(&arena);
	}
}

static void
drafts_are_messages(void **state)
{
	struct mail_draft draft;
	struct buffer out;
	(void)state;
	mail_draft_init(&draft);
	buffer_init(&out, 0);
	mail_draft_add_address(&draft.to, SPAN("bob"));
	mail_draft_add_address(&draft.to, SPAN(" carol@x.test "));
	buffer_add(&draft.subject, SPAN("plain"));
	buffer_add(&draft.body, SPAN("words"));
	mail_draft_format(&draft, &out);
	assert_string_equal(buffer_string(&out),
		"To: bob, carol@x.test\nSubject: plain\nMIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=us-ascii\n"
		"Content-Transfer-Encoding: 7bit\n\nwords\n");
	buffer_clear(&out);
	buffer_clear(&draft.subject);
	for (int i = 0; i < 16; i++)
		buffer_add(&draft.subject, SPAN("\xe4\xb8\xad"));
	for (int i = 0; i < 1000; i++)
		buffer_add(&draft.body, SPAN("x"));
	mail_draft_format(&draft, &out);
	assert_true(span_search(buffer_span(&out), SPAN("Subject: =?UTF-8?B?"
		"5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit5Lit?=\n"
		" =?UTF-8?B?5Lit5Lit?=\n")) < out.size);
	assert_true(span_search(buffer_span(&out),
		SPAN("Transfer-Encoding: base64\n\nd29yZHN4")) < out.size);
	struct span rest = buffer_span(&out), line;
	while (span_split(&rest, '\n', &line))
		assert_true(line.size <= 78);
	buffer_fini(&out);
	mail_draft_fini(&draft);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_list),
		cmocka_unit_test(a_message_is_shown_sensibly),
		cmocka_unit_test(attachments_are_found),
		cmocka_unit_test(heads_are_found),
		cmocka_unit_test(numbers_mean_messages),
		cmocka_unit_test(drafts_are_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
