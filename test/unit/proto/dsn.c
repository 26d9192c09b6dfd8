/*
 * Reports byte for byte: each case makes a report and compares it with the file
 * of its name in test/unit/proto/reports. On a difference the report is written
 * into the working directory, as NAME.got.
 *
 * usage: dsn DIRECTORY
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "proto/dsn.h"

static const char *directory;

#define NOW 1795346763
#define HEADER "From: alice@example.test\r\nSubject: hi\r\n"

static const struct dsn_recipient refused[] = {
	{ .action = DSN_FAILED, .final = SPAN("bob@far.test"), .code = 550,
		.status = SPAN("5.1.1"), .text = SPAN("host mx.far.test"
		"[192.0.2.1] said: 550 5.1.1 no bob (in reply to RCPT TO)"),
		.diagnostic = SPAN("550 5.1.1 no bob"),
		.host = SPAN("mx.far.test"), .last_attempt = NOW - 1 },
	{ .action = DSN_FAILED, .final = SPAN("carol@example.test"),
		.original = SPAN("rfc822;list+2Bowner@example.test"),
		.code = 552, .status = SPAN("5.2.2"),
		.text = SPAN("<carol@example.test>: the mailbox is full"),
		.last_attempt = NOW },
};
static const struct dsn_recipient delayed[] = {
	{ .action = DSN_DELAYED, .final = SPAN("bob@far.test"), .code = 451,
		.status = SPAN("4.4.1"), .text = SPAN("No server of far.test "
		"could be used"), .last_attempt = NOW - 60 },
};
static const struct dsn_recipient taken[] = {
	{ .action = DSN_DELIVERED, .final = SPAN("alice@example.test"),
		.code = 250, .status = SPAN("2.1.5"),
		.text = SPAN("Delivered, uid 7") },
	{ .action = DSN_RELAYED, .final = SPAN("bob@far.test"), .code = 250,
		.status = SPAN("2.0.0"), .host = SPAN("mx.far.test"),
		.text = SPAN("relayed to mx.far.test[192.0.2.1], which has no "
		"DSN; said: 250 ok") },
};
static const struct dsn_recipient beyond_ascii[] = {
	{ .action = DSN_FAILED, .final = SPAN("用户@例子.test"), .code = 550,
		.status = SPAN("5.1.1"), .text = SPAN("<用户@例子.test>: 没有") },
};
static const struct dsn_recipient hostile[] = {
	{ .action = DSN_FAILED, .final = SPAN("a@b.test\r\nX: y"),
		.original = SPAN("rfc822;a+0D+0AX-Evil:+20yes"), .code = 550,
		.text = SPAN("no\r\n--=_report_q1--\r\n\0\x7f\xff end"),
		.host = SPAN("mx\r\nevil") },
};

static const struct {
	const char *name;
	struct dsn_report report;
	const char *returned;
} cases[] = {
	{ "refused", { .recipient = refused, .count = 2,
		.returned = DSN_RETURN_WHOLE, .envid = SPAN("QQ+2B1") },
		HEADER "\r\nbody\r\n" },
	{ "refused-chinese", { .recipient = refused, .count = 1,
		.language = DSN_CHINESE }, HEADER },
	{ "delayed", { .recipient = delayed, .count = 1,
		.retry_until = NOW + 400000 }, HEADER },
	{ "delayed-chinese", { .recipient = delayed, .count = 1,
		.language = DSN_CHINESE, .retry_until = NOW + 400000 }, HEADER },
	{ "taken", { .recipient = taken, .count = 2 }, HEADER },
	{ "double", { .recipient = refused, .count = 1, .is_double = true },
		HEADER },
	{ "beyond-ascii", { .recipient = beyond_ascii, .count = 1,
		.is_utf8 = true, .returned = DSN_RETURN_WHOLE,
		.is_8bit = true }, "Subject: \xe5\xb0\x8f\r\n\r\n\xe5\x95\x8a\r\n" },
	{ "beyond-ascii-not-allowed", { .recipient = beyond_ascii, .count = 1 },
		HEADER },
	{ "hostile", { .recipient = hostile, .count = 1 }, HEADER },
};

static void
save(const char *name, struct span text)
{
	char path[80];
	struct error error;
	snprintf(path, sizeof(path), "%s.got", name);
	file_replace(AT_FDCWD, path, text, 0644, &error);
	print_error("see %s\n", path);
}

static void
reports_are_as_written_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dsn_report report = cases[i].report;
		struct buffer got, want;
		struct error error;
		char path[500];
		print_message("%s\n", cases[i].name);
		report.host = SPAN("mail.example.test");
		report.domain = SPAN("example.test");
		report.to = SPAN("alice@example.test");
		report.id = SPAN("q1");
		report.trace = SPAN("trace1");
		report.date = NOW;
		report.arrival = NOW - 3600;
		buffer_init(&got, 0);
		buffer_init(&want, 0);
		dsn_add_head(&got, &report);
		buffer_add_string(&got, cases[i].returned);
		dsn_add_tail(&got, &report);
		snprintf(path, sizeof(path), "%s/%s.eml", directory,
			cases[i].name);
		bool is_same = file_read_whole(AT_FDCWD, path, 1 << 20, &want,
			&error) == 0 && span_equals(buffer_span(&got),
			buffer_span(&want));
		if (!is_same)
			save(cases[i].name, buffer_span(&got));
		assert_true(is_same);
		buffer_fini(&got);
		buffer_fini(&want);
	}
}

static void
the_header_ends_at_the_empty_line(void **state)
{
	static const struct {
		const char *message, *header;
	} messages[] = {
		{ "A: b\r\nC: d\r\n\r\nbody\r\n\r\nx", "A: b\r\nC: d\r\n" },
		{ "A: b\r\n", "A: b\r\n" }, { "\r\nbody", "" }, { "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_true(span_equals(dsn_header(span_from(
			messages[i].message)), span_from(messages[i].header)));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_are_as_written_down),
		cmocka_unit_test(the_header_ends_at_the_empty_line),
	};
	assert_int_equal(argc, 2);
	directory = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
