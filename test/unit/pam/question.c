/* What auth may ask, and what is no question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pam/lookup.h"
#include "proto/system_user.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	struct span line;
	bool is_good;
	enum question_kind kind;
} lines[] = {
	{ SPAN("LOOKUP\t1\tuser=boss"), true, QUESTION_LOOKUP_USER },
	{ SPAN("LOOKUP\t1\tuid=0"), true, QUESTION_LOOKUP_UID },
	{ SPAN("LOOKUP\t1\tuid=4294967295"), false, 0 },
	{ SPAN("LOOKUP\t1\tuid=-1"), false, 0 },
	{ SPAN("LOOKUP\t1\tuid=1000\tuser=boss"), true, QUESTION_LOOKUP_UID },
	{ SPAN("LOOKUP\t1\tuser="), false, 0 },
	{ SPAN("LOOKUP\t1"), false, 0 },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=c2VjcmV0\trip=192.0.2.1"
		"\tservice=imap"), true, QUESTION_CHECK },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=c2VjcmV0\tservice=imap"), true,
		QUESTION_CHECK },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=c2VjcmV0"), false, 0 },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=\tservice=imap"), false, 0 },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=*\tservice=imap"), false, 0 },
	{ SPAN("CHECK\t1\tuser=boss\tpassword=YQBi\tservice=imap"), false, 0 },
	{ SPAN("CHECK\t1\tuid=0\tpassword=c2VjcmV0\tservice=imap"), false, 0 },
	{ SPAN("EXEC\t1\tuser=boss"), false, 0 },
	{ SPAN(""), false, 0 },
};

static void
only_questions_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct question question;
		struct arena arena;
		arena_init(&arena, 0);
		print_message("%.*s\n", SPAN_PRINT(lines[i].line));
		bool is_good = question_parse(lines[i].line, &arena,
			&question);
		assert_int_equal(is_good, lines[i].is_good);
		if (is_good) {
			assert_int_equal(question.kind, lines[i].kind);
			assert_true(span_equals(question.id, SPAN("1")));
		}
		if (is_good && question.kind == QUESTION_CHECK) {
			assert_string_equal(question.user, "boss");
			assert_string_equal(question.password, "secret");
		}
		question_fini(&question);
		assert_string_equal(question.password, "");
		arena_fini(&arena);
	}
}

static const struct {
	struct span name;
	bool is_good;
} names[] = {
	{ SPAN("boss"), true },
	{ SPAN("Boss_2"), true },
	{ SPAN("j.doe-3"), true },
	{ SPAN(LONG), true },
	{ SPAN(LONG "a"), false },
	{ SPAN(""), false },
	{ SPAN("."), false },
	{ SPAN(".."), false },
	{ SPAN("../root"), false },
	{ SPAN("-f"), false },
	{ SPAN("a/b"), false },
	{ SPAN("boss\0"), false },
	{ SPAN("boss "), false },
	{ SPAN("boss\t"), false },
	{ SPAN("boss\n"), false },
	{ SPAN("%n"), false },
	{ SPAN("boss%s"), false },
	{ SPAN("'or 1=1--"), false },
	{ SPAN("a;b"), false },
	{ SPAN("$(id)"), false },
	{ SPAN("`id`"), false },
	{ SPAN("a*)(uid=*"), false },
	{ SPAN("a|b"), false },
	{ SPAN("a\\b"), false },
	{ SPAN("boss:x"), false },
	{ SPAN("\xe8\x80\x81\xe6\x9d\xbf"), false },
};

static void
names_of_users_are_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		print_message("%.*s\n", SPAN_PRINT(names[i].name));
		assert_int_equal(system_user_is_name(names[i].name),
			names[i].is_good);
	}
}

static void
the_machine_knows_root(void **state)
{
	struct question question;
	struct arena arena;
	struct buffer out;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	assert_true(question_parse(SPAN("LOOKUP\t7\tuser=root"), &arena,
		&question));
	lookup_answer(&question, &out);
	assert_true(span_starts(buffer_span(&out),
		SPAN("OK\t7\tuser=root\tuid=0\tgid=0\thome=/")));
	buffer_clear(&out);
	assert_true(question_parse(SPAN("LOOKUP\t8\tuser=no-such-user-x"),
		&arena, &question));
	lookup_answer(&question, &out);
	assert_true(span_equals(buffer_span(&out), SPAN("NOTFOUND\t8")));
	buffer_fini(&out);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_questions_are_taken),
		cmocka_unit_test(names_of_users_are_plain),
		cmocka_unit_test(the_machine_knows_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
