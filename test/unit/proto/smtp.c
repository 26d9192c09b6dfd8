/* SMTP command lines: what is taken, what is refused and how, and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/smtp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500 X100 X100 X100 X100 X100

static void
commands_are_split(void **state)
{
	static const struct {
		const char *line;
		enum smtp_verb verb;
		const char *argument;
	} cases[] = {
		{ "NOOP", SMTP_NOOP, "" },
		{ "noop", SMTP_NOOP, "" },
		{ "NoOp  \t ", SMTP_NOOP, "" },
		{ "EHLO host.example", SMTP_EHLO, "host.example" },
		{ "MAIL FROM:<a@b>  SIZE=1 ", SMTP_MAIL, "FROM:<a@b>  SIZE=1" },
		{ "MAILFROM:<a@b>", SMTP_UNKNOWN, "" },
		{ "NOOPS", SMTP_UNKNOWN, "" },
		{ "", SMTP_UNKNOWN, "" },
		{ "   ", SMTP_UNKNOWN, "" },
		{ "BDAT 10 LAST", SMTP_BDAT, "10 LAST" },
		{ "STARTTLS", SMTP_STARTTLS, "" },
		{ "GET / HTTP/1.1", SMTP_GET, "/ HTTP/1.1" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct smtp_command command;
		smtp_command_parse(span_from(cases[i].line), &command);
		if (command.verb != cases[i].verb)
			fail_msg("%s: %d", cases[i].line, command.verb);
		assert_true(span_equals(command.argument,
			span_from(cases[i].argument)));
	}
}

/* written: how smtp_mail_add writes it, or NULL where it is refused. */
struct path_case {
	const char *argument;
	enum smtp_verdict verdict;
	const char *written;
};

static const struct path_case mails[] = {
	{ "FROM:<a@b.c>", SMTP_OK, "FROM:<a@b.c>" },
	{ "from: <a@b.c>", SMTP_OK, "FROM:<a@b.c>" },
	{ "FROM:<>", SMTP_OK, "FROM:<>" },
	{ "FROM:<> SIZE=1000 BODY=8BITMIME", SMTP_OK,
		"FROM:<> SIZE=1000 BODY=8BITMIME" },
	{ "FROM:<a@b.c> size=1 body=7bit ret=hdrs envid=x+2Dy", SMTP_OK,
		"FROM:<a@b.c> SIZE=1 RET=HDRS ENVID=x+2Dy" },
	{ "FROM:<a@b.c> BODY=BINARYMIME RET=FULL", SMTP_OK,
		"FROM:<a@b.c> BODY=BINARYMIME RET=FULL" },
	{ "FROM:<a@b.c> AUTH=<>", SMTP_OK, "FROM:<a@b.c> AUTH=<>" },
	{ "FROM:<a@b.c> AUTH=a+40b", SMTP_OK, "FROM:<a@b.c> AUTH=a+40b" },
	{ "FROM:<a@b.c> AUTH=a+4", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> AUTH=", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<\xc3\xa9@b.c> SMTPUTF8", SMTP_OK, "FROM:<\xc3\xa9@b.c> SMTPUTF8" },
	{ "FROM:<\xc3\xa9@b.c>", SMTP_NEEDS_UTF8, NULL },
	{ "FROM:<a@b\xc3\xa9.c>", SMTP_NEEDS_UTF8, NULL },
	{ "FROM:<a@b.c> SMTPUTF8=1", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE=", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE=-1", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE=1 SIZE=1", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE=18446744073709551615", SMTP_OK,
		"FROM:<a@b.c> SIZE=18446744073709551615" },
	{ "FROM:<a@b.c> SIZE=18446744073709551616", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> SIZE=000000000000000000001", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> BODY=9BIT", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> RET=NO", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> ENVID=" X100, SMTP_OK, "FROM:<a@b.c> ENVID=" X100 },
	{ "FROM:<a@b.c> ENVID=x" X100, SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> ENVID=\x01", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> NOTIFY=NEVER", SMTP_UNKNOWN_PARAMETER, NULL },
	{ "FROM:<a@b.c> X", SMTP_UNKNOWN_PARAMETER, NULL },
	{ "FROM:<a@b.c>SIZE=1", SMTP_BAD_SYNTAX, NULL },
	{ "FROM:<a@b.c> A B C D E F G H I J K L M N O P Q R", SMTP_UNKNOWN_PARAMETER, NULL },
	{ "FROM:a@b.c", SMTP_BAD_PATH, NULL },
	{ "FROM:<a@b.c", SMTP_BAD_PATH, NULL },
	{ "FROM:", SMTP_BAD_PATH, NULL },
	{ "TO:<a@b.c>", SMTP_BAD_SYNTAX, NULL },
	{ "FROM <a@b.c>", SMTP_BAD_SYNTAX, NULL },
	{ "", SMTP_BAD_SYNTAX, NULL },
	{ "FROM:<" X100 X100 "@b.c>", SMTP_PATH_TOO_LONG, NULL },
	{ "FROM:<a@b.c> XTRACE=abc.1 XSESSION=d_e-f XACTOR=ff "
		"XTRANSACTION=000102030405060708090A0B0C0D0E0F", SMTP_OK,
		"FROM:<a@b.c> XTRACE=abc.1 XSESSION=d_e-f "
		"XTRANSACTION=000102030405060708090a0b0c0d0e0f XACTOR=ff" },
	{ "FROM:<a@b.c> XTRACE=a/b", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XTRACE=", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XSESSION=123456789012345678901234", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XTRANSACTION=00", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XTRANSACTION=0001020304050607080g0A0B0C0D0E0F", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XACTOR=1ffffffffffffffff", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> xnexthop=[192.0.2.1]:2525 requiretls", SMTP_OK,
		"FROM:<a@b.c> REQUIRETLS XNEXTHOP=[192.0.2.1]:2525" },
	{ "FROM:<a@b.c> REQUIRETLS=1", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XNEXTHOP=", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c> XNEXTHOP=a+b", SMTP_BAD_PARAMETER, NULL },
};

static const struct path_case rcpts[] = {
	{ "TO:<a@b.c>", SMTP_OK, "TO:<a@b.c>" },
	{ "TO: <a@b.c>", SMTP_OK, "TO:<a@b.c>" },
	{ "TO:<Postmaster>", SMTP_OK, "TO:<Postmaster>" },
	{ "TO:<\"a b\"@c.d>", SMTP_OK, "TO:<\"a b\"@c.d>" },
	{ "TO:<\xc3\xa9@b.c>", SMTP_OK, "TO:<\xc3\xa9@b.c>" },
	{ "TO:<>", SMTP_BAD_PATH, NULL },
	{ "TO:<a@b.c> NOTIFY=NEVER", SMTP_OK, "TO:<a@b.c> NOTIFY=NEVER" },
	{ "TO:<a@b.c> NOTIFY=delay,SUCCESS,failure", SMTP_OK,
		"TO:<a@b.c> NOTIFY=SUCCESS,FAILURE,DELAY" },
	{ "TO:<a@b.c> NOTIFY=NEVER,SUCCESS", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> NOTIFY=SUCCESS,NEVER", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> NOTIFY=SUCCESS,", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> NOTIFY=", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> NOTIFY", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;a+2Bx@b.c", SMTP_OK, "TO:<a@b.c> ORCPT=rfc822;a+2Bx@b.c" },
	{ "TO:<a@b.c> ORCPT=utf-8;\xc3\xa9@b.c", SMTP_OK, "TO:<a@b.c> ORCPT=utf-8;\xc3\xa9@b.c" },
	{ "TO:<a@b.c> ORCPT=rfc822;\xc3\xa9@b.c", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=utf-8;\xc3", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=;x", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;" X500, SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> SIZE=1", SMTP_UNKNOWN_PARAMETER, NULL },
	{ "TO:<a@b.c> XACCOUNT=1f XQUOTA=1000", SMTP_OK, "TO:<a@b.c> XACCOUNT=1f XQUOTA=1000" },
	{ "TO:<a@b.c> XFINAL=yes XPROGRAM=aliases:12 XKEY=a+2Bb", SMTP_OK,
		"TO:<a@b.c> XFINAL=yes XPROGRAM=aliases:12 XKEY=a+2Bb" },
	{ "TO:<a@b.c> XPROGRAM=forward:0", SMTP_OK,
		"TO:<a@b.c> XPROGRAM=forward:0" },
	{ "TO:<a@b.c> XPROGRAM=forward", SMTP_OK,
		"TO:<a@b.c> XPROGRAM=forward" },
	{ "TO:<a@b.c> XPROGRAM=shadow:0", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> XPROGRAM=aliases", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> XPROGRAM=aliases:1001", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> XFINAL=no", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> XACCOUNT=x", SMTP_BAD_PARAMETER, NULL },
	{ "TO:<a@b.c> XQUOTA=1K", SMTP_BAD_PARAMETER, NULL },
	{ "FROM:<a@b.c>", SMTP_BAD_SYNTAX, NULL },
};

static void
check(const struct path_case *c, bool is_mail)
{
	struct arena arena;
	struct buffer out;
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	enum smtp_verdict verdict = is_mail ?
		smtp_mail_parse(span_from(c->argument), SMTP_WITH_ALL, &arena,
			&mail) :
		smtp_rcpt_parse(span_from(c->argument), SMTP_WITH_ALL, &arena,
			&rcpt);
	if (verdict != c->verdict)
		fail_msg("%s: %d", c->argument, verdict);
	if (verdict == SMTP_OK) {
		if (is_mail)
			smtp_mail_add(&out, &mail);
		else
			smtp_rcpt_add(&out, &rcpt);
		struct span got = buffer_span(&out);
		assert_true(span_starts(got,
			is_mail ? SPAN("MAIL ") : SPAN("RCPT ")));
		if (!span_equals(span_trim(span_skip(got, 5)),
		    span_from(c->written)))
			fail_msg("%s: %s", c->argument, buffer_string(&out));
		assert_true(span_ends_nocase(got, SPAN("\r\n")));
	}
	buffer_fini(&out);
	arena_fini(&arena);
}

static void
mail_and_rcpt_are_taken_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mails); i++)
		check(&mails[i], true);
	for (size_t i = 0; i < COUNT(rcpts); i++)
		check(&rcpts[i], false);
}

static void
parameters_are_known_only_when_offered(void **state)
{
	static const struct {
		const char *argument;
		unsigned extension;
	} cases[] = {
		{ "FROM:<a@b> SIZE=1", SMTP_WITH_SIZE },
		{ "FROM:<a@b> BODY=8BITMIME", SMTP_WITH_8BITMIME },
		{ "FROM:<a@b> SMTPUTF8", SMTP_WITH_SMTPUTF8 },
		{ "FROM:<a@b> RET=FULL", SMTP_WITH_DSN },
		{ "FROM:<a@b> ENVID=1", SMTP_WITH_DSN },
		{ "FROM:<a@b> AUTH=<>", SMTP_WITH_AUTH },
		{ "FROM:<a@b> XTRACE=1", SMTP_WITH_XPOSTHOUSE },
		{ "FROM:<a@b> XACTOR=1", SMTP_WITH_XPOSTHOUSE },
		{ "FROM:<a@b> XNEXTHOP=b", SMTP_WITH_XPOSTHOUSE },
		{ "FROM:<a@b> REQUIRETLS", SMTP_WITH_REQUIRETLS },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena;
		struct smtp_mail mail;
		struct span argument = span_from(cases[i].argument);
		arena_init(&arena, 0);
		assert_int_equal(smtp_mail_parse(argument, cases[i].extension,
			&arena, &mail), SMTP_OK);
		assert_int_equal(smtp_mail_parse(argument,
			SMTP_WITH_ALL & ~cases[i].extension, &arena, &mail),
			SMTP_UNKNOWN_PARAMETER);
		arena_fini(&arena);
	}
	struct smtp_mail mail;
	struct arena arena;
	arena_init(&arena, 0);
	assert_int_equal(smtp_mail_parse(SPAN("FROM:<a@b> BODY=BINARYMIME"),
		SMTP_WITH_8BITMIME, &arena, &mail), SMTP_BAD_PARAMETER);
	arena_fini(&arena);
}

static void
chunks_are_counted(void **state)
{
	static const struct {
		const char *argument;
		bool ok;
		uint64_t size;
		bool is_last;
	} cases[] = {
		{ "0", true, 0, false },
		{ "10", true, 10, false },
		{ "10 LAST", true, 10, true },
		{ "10  last", true, 10, true },
		{ "9223372036854775807", true, INT64_MAX, false },
		{ "9223372036854775808", false, 0, false },
		{ "", false, 0, false },
		{ "LAST", false, 0, false },
		{ "-1", false, 0, false },
		{ "10 FIRST", false, 0, false },
		{ "10 LAST x", false, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct smtp_bdat bdat;
		assert_int_equal(smtp_bdat_parse(span_from(cases[i].argument),
			&bdat), cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_true(bdat.size == cases[i].size);
		assert_int_equal(bdat.is_last, cases[i].is_last);
	}
}

static void
xtext_goes_both_ways(void **state)
{
	struct buffer out, back;
	char bytes[256];
	(void)state;
	buffer_init(&out, 0);
	buffer_init(&back, 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	smtp_xtext_encode(&out, span_of(bytes, sizeof(bytes)));
	assert_true(smtp_xtext_is_valid(buffer_span(&out)));
	assert_true(smtp_xtext_decode(&back, buffer_span(&out)));
	assert_true(span_equals(buffer_span(&back), span_of(bytes, 256)));
	assert_false(smtp_xtext_is_valid(SPAN("a+")));
	assert_false(smtp_xtext_is_valid(SPAN("a+2")));
	assert_false(smtp_xtext_is_valid(SPAN("a=b")));
	assert_false(smtp_xtext_decode(&back, SPAN("+GG")));
	buffer_fini(&out);
	buffer_fini(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_split),
		cmocka_unit_test(mail_and_rcpt_are_taken_and_written),
		cmocka_unit_test(parameters_are_known_only_when_offered),
		cmocka_unit_test(chunks_are_counted),
		cmocka_unit_test(xtext_goes_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
