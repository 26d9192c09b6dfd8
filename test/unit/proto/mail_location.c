/* mail_location: what is read, what is refused and how, and whose paths come of
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mail_location.h"

static const struct {
	const char *text;
	enum mail_location_kind kind;
	const char *directory, *inbox;
} right[] = {
	{ "native", MAIL_LOCATION_NATIVE, "", "" },
	{ " native:/srv/mail/%n ", MAIL_LOCATION_NATIVE, "/srv/mail/%n", "" },
	{ "mbox:~/mail:INBOX=/var/mail/%u", MAIL_LOCATION_MBOX, "~/mail",
		"/var/mail/%u" },
	{ "mbox:~/mail", MAIL_LOCATION_MBOX, "~/mail", "" },
	{ "mbox:%h/mail:LAYOUT=fs:INDEX=/var/indexes/%u:INBOX=~/mbox",
		MAIL_LOCATION_MBOX, "%h/mail", "~/mbox" },
	{ "maildir:~/Maildir", MAIL_LOCATION_MAILDIR, "~/Maildir", "" },
	{ "maildir:~/Maildir:LAYOUT=maildir++:CONTROL=~/control",
		MAIL_LOCATION_MAILDIR, "~/Maildir", "" },
	{ "maildir:/m/%d/%1n/%n:INBOX=/m/in/%1n/%n", MAIL_LOCATION_MAILDIR,
		"/m/%d/%1n/%n", "/m/in/%1n/%n" },
	{ "maildir:/a%%b/%u", MAIL_LOCATION_MAILDIR, "/a%%b/%u", "" },
};

static void
read_as_dovecot_does(void **state)
{
	(void)state;
	struct mail_location location;
	struct error error;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		print_message("%s\n", right[i].text);
		assert_int_equal(mail_location_parse(span_from(right[i].text),
			&location, &error), 0);
		assert_int_equal(location.kind, right[i].kind);
		assert_true(span_equals(location.directory,
			span_from(right[i].directory)));
		assert_true(span_equals(location.inbox,
			span_from(right[i].inbox)));
	}
}

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{ "", "found \"\", expected native, mbox:DIRECTORY" },
	{ "mdbox:~/mdbox", "found \"mdbox:~/mdbox\", expected native" },
	{ "mbox", "found \"mbox\", expected a directory behind the colon" },
	{ "mbox:", "found \"\", expected a path that begins with / or ~/" },
	{ "mbox:mail", "found \"mail\", expected a path that begins with" },
	{ "mbox:~bob/mail", "found \"~bob/mail\", expected a path that" },
	{ "mbox:~/../bob", "found \"~/../bob\", expected a path without" },
	{ "mbox:~/mail:INBOX=/var/mail/./%u", "expected a path without" },
	{ "mbox:~/mail:INBOX", "found \"INBOX\", expected INBOX=PATH" },
	{ "mbox:~/mail:INBOX=", "found \"\", expected a path that begins" },
	{ "mbox:~/mail:", "found \"\", expected INBOX=PATH" },
	{ "mbox:~/mail:inbox=/x", "found \"inbox=/x\", expected INBOX=PATH" },
	{ "mbox:~/mail:LAYOUT=Maildir++", "expected LAYOUT=fs" },
	{ "maildir:~/m:LAYOUT=fs", "expected LAYOUT=Maildir++" },
	{ "native:/m:INBOX=/x", "expected nothing behind native:DIR" },
	{ "mbox:/m/%x", "found \"%x\", expected %u, %n, %d, %h" },
	{ "mbox:/m/%", "found \"%\", expected %u" },
	{ "mbox:/m/%0n", "found \"%0n\", expected %u" },
	{ "mbox:/m/%1h", "found \"%1h\", expected %u" },
	{ "mbox:/m/%h", "found \"%h\", expected %u" },
	{ "mbox:/m/a\tb", "expected a path without control characters" },
};

static void
refused_in_a_sentence(void **state)
{
	(void)state;
	struct mail_location location;
	struct error error;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		print_message("%s\n", wrong[i].text);
		assert_int_equal(mail_location_parse(span_from(wrong[i].text),
			&location, &error), -1);
		assert_ptr_equal(strstr(error.text, "mail_location: "),
			error.text);
		assert_non_null(strstr(error.text, wrong[i].sentence));
	}
}

static const struct {
	const char *pattern, *name, *domain, *home, *path;	/* NULL: none */
} users[] = {
	{ "/var/mail/%u", "boss", "", "/home/boss", "/var/mail/boss" },
	{ "/m/%u", "boss", "example.org", "/h", "/m/boss@example.org" },
	{ "/m/%d/%1n/%2n/%n", "boss", "example.org", "/h",
		"/m/example.org/b/bo/boss" },
	{ "~/mail", "boss", "", "/home/boss", "/home/boss/mail" },
	{ "%h/mail", "boss", "", "/home/boss", "/home/boss/mail" },
	{ "~", "boss", "", "/home/boss", "/home/boss" },
	{ "/a%%b%%u", "boss", "", "/h", "/a%b%u" },
	{ "/m/%1n", "\xe7\x8e\x8b\xe8\x80\x81", "", "/h",
		"/m/\xe7\x8e\x8b" },
	{ "/m/%9n", "ab", "", "/h", "/m/ab" },
	/* hostile names and homes */
	{ "/var/mail/%u", "..", "", "/h", NULL },
	{ "/var/mail/%u", ".", "", "/h", NULL },
	{ "/var/mail/%u", "../shadow", "", "/h", NULL },
	{ "/var/mail/%u", "a/b", "", "/h", NULL },
	{ "/var/mail/%u", "", "", "/h", NULL },
	{ "/var/mail/%u", "a\nb", "", "/h", NULL },
	{ "/m/%1n/x", ".a", "", "/h", NULL },
	{ "/m/%2n/x", "..a", "", "/h", NULL },
	{ "/m/%1n%1n/x", ".a", "", "/h", NULL },
	{ "/m/.%1n/x", ".a", "", "/h", NULL },
	{ "/m/%d/x", "boss", "", "/h", NULL },
	{ "/m/%d/x", "boss", "../..", "/h", NULL },
	{ "/m/%u/x", "boss", "a/b", "/h", NULL },
	{ "~/mail", "boss", "", "home/boss", NULL },
	{ "~/mail", "boss", "", "", NULL },
	{ "~/mail", "boss", "", "/home/../etc", NULL },
};

static void
paths_are_the_users_own(void **state)
{
	(void)state;
	struct arena arena;
	struct error error;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		const struct mail_location_user user = {
			span_from(users[i].name), span_from(users[i].domain),
			span_from(users[i].home) };
		const char *path = NULL;
		print_message("%s %s\n", users[i].pattern, users[i].name);
		int result = mail_location_expand(span_from(users[i].pattern),
			&user, &arena, &path, &error);
		if (users[i].path == NULL) {
			assert_int_equal(result, -1);
			continue;
		}
		assert_int_equal(result, 0);
		assert_string_equal(path, users[i].path);
	}
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_as_dovecot_does),
		cmocka_unit_test(refused_in_a_sentence),
		cmocka_unit_test(paths_are_the_users_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
