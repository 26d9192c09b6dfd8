/* Lines of passwd-files, and the accounts that come of them. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "auth/passwd_file.h"
#include "base/log.h"

static const struct {
	const char *name;
	struct span line;
	enum passwd_line_verdict verdict;
	const char *user, *password, *forbids;
} lines[] = {
	{ "all fields", SPAN("alice:{PLAIN}x:5000:5000:Alice:/home/a:/bin/sh:k=v"),
		PASSWD_LINE_OK, "alice", "{PLAIN}x", NULL },
	{ "user and password", SPAN("alice@example.test:$6$a$b"),
		PASSWD_LINE_OK, "alice@example.test", "$6$a$b", NULL },
	{ "a line of Windows", SPAN("alice:x\r"), PASSWD_LINE_OK, "alice", "x",
		NULL },
	{ "no password", SPAN("alice:"), PASSWD_LINE_OK, "alice", "", NULL },
	{ "colons in the extra fields",
		SPAN("a:x::::::userdb_mail=maildir:~/m nologin"),
		PASSWD_LINE_OK, "a", "x", "nologin" },
	{ "networks", SPAN("a:x::::::k=v allow_nets=192.0.2.0/24"),
		PASSWD_LINE_OK, "a", "x", "allow_nets" },
	{ "a word that only begins so", SPAN("a:x::::::nologins=y"),
		PASSWD_LINE_OK, "a", "x", NULL },
	{ "the word in another field", SPAN("a:x:::nologin:/::"),
		PASSWD_LINE_OK, "a", "x", NULL },
	{ "nothing", SPAN(""), PASSWD_LINE_EMPTY, NULL, NULL, NULL },
	{ "blanks", SPAN(" \t"), PASSWD_LINE_EMPTY, NULL, NULL, NULL },
	{ "a comment", SPAN("# a:b"), PASSWD_LINE_EMPTY, NULL, NULL, NULL },
	{ "no colon", SPAN("alice"), PASSWD_LINE_BAD, NULL, NULL, NULL },
	{ "no user", SPAN(":x"), PASSWD_LINE_BAD, NULL, NULL, NULL },
	{ "a blank before the user", SPAN(" alice:x"), PASSWD_LINE_BAD, NULL,
		NULL, NULL },
	{ "a NUL", SPAN("alice:x\0y"), PASSWD_LINE_BAD, NULL, NULL, NULL },
};

static void
lines_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct passwd_line line;
		if (passwd_line_parse(lines[i].line, &line) !=
			lines[i].verdict)
			fail_msg("%s: another verdict", lines[i].name);
		if (lines[i].verdict != PASSWD_LINE_OK)
			continue;
		if (!span_equals(line.user, span_from(lines[i].user)) ||
			!span_equals(line.password,
			span_from(lines[i].password)) ||
			(line.forbids == NULL) != (lines[i].forbids == NULL) ||
			(line.forbids != NULL &&
			strcmp(line.forbids, lines[i].forbids) != 0))
			fail_msg("%s: other fields", lines[i].name);
	}
}

/* ---- as a source ---- */

static const char *file_text;	/* NULL: it cannot be read */

static int
read_text(void *context, unsigned place, struct buffer *out,
	struct error *error)
{
	(void)context;
	assert_int_equal(place, 0);
	if (file_text == NULL)
		return error_set(error, ERROR_LATER, "it is away");
	buffer_add_string(out, file_text);
	return 0;
}

static void
set(const char *list, const char *text)
{
	file_text = text;
	accounts_set_sources(auth.accounts, list, read_text, NULL);
}

/* The id of an address, or 0; what expansion says is in *verdict. */
static uint64_t
find(const char *address, enum accounts_verdict *verdict)
{
	struct accounts_expansion expansion;
	struct error error;
	struct arena arena;
	arena_init(&arena, 0);
	*verdict = accounts_expand(auth.accounts, span_from(address), &arena,
		&expansion, &error);
	uint64_t id = *verdict == ACCOUNTS_FOUND ?
		expansion.target[0].account : 0;
	arena_fini(&arena);
	return id;
}

static enum password_verdict
check(const char *name, const char *password)
{
	struct account account;
	struct span normalised;
	struct error error;
	struct arena arena;
	arena_init(&arena, 0);
	enum accounts_verdict found = accounts_find_login(auth.accounts,
		span_from(name), &arena, &account, &normalised, &error);
	enum password_verdict verdict = found == ACCOUNTS_TROUBLE ?
		PASSWORD_LATER : password_check(auth.passwords,
		found == ACCOUNTS_FOUND ? &account : NULL, normalised,
		span_from(password), 0, 1000000000);
	arena_fini(&arena);
	return verdict;
}

static void
an_account_keeps_its_id_whatever_the_file_says(void **state)
{
	enum accounts_verdict verdict;
	(void)state;
	world_make();
	set("passwd-file:/x", "dan:{PLAIN}d\neve@other.test:{PLAIN}e\n");
	uint64_t dan = find("dan@example.test", &verdict);
	uint64_t eve = find("eve@other.test", &verdict);
	assert_true(dan != 0 && eve != 0 && dan != eve);
	set("passwd-file:/x", "eve@other.test:{PLAIN}e\n");
	assert_int_equal(find("dan@example.test", &verdict), 0);
	assert_int_equal(verdict, ACCOUNTS_NOT_FOUND);
	assert_int_equal(find("eve@other.test", &verdict), eve);
	assert_int_equal(check("dan", "d"), PASSWORD_WRONG);
	set("passwd-file:/x", "new:{PLAIN}n\ndan:{PLAIN}other\n");
	assert_int_equal(find("dan@example.test", &verdict), dan);
	assert_int_equal(find("eve@other.test", &verdict), 0);
	assert_int_equal(verdict, ACCOUNTS_NOT_FOUND);
	world_free();
}

static void
a_password_that_changed_is_not_remembered(void **state)
{
	(void)state;
	world_make();
	set("passwd-file:/x", "dan:{PLAIN}d\n");
	assert_int_equal(check("dan", "d"), PASSWORD_RIGHT);
	assert_int_equal(check("dan", "x"), PASSWORD_WRONG);
	set("passwd-file:/x", "dan:{PLAIN}x\n");
	assert_int_equal(check("dan", "d"), PASSWORD_WRONG);
	assert_int_equal(check("dan", "x"), PASSWORD_RIGHT);
	world_free();
}

static void
a_file_that_cannot_be_read_is_later(void **state)
{
	enum accounts_verdict verdict;
	(void)state;
	world_make();
	world_add("alice@example.test", "secret");
	set("passwd-file:/x builtin", NULL);
	find("dan@example.test", &verdict);
	assert_int_equal(verdict, ACCOUNTS_TROUBLE);
	assert_int_equal(check("dan", "d"), PASSWORD_LATER);
	assert_false(accounts_have_keys(auth.accounts));
	/* it may be who is asked first */
	find("alice@example.test", &verdict);
	assert_int_equal(verdict, ACCOUNTS_TROUBLE);
	set("builtin passwd-file:/x", NULL);
	find("alice@example.test", &verdict);
	assert_int_equal(verdict, ACCOUNTS_FOUND);
	/* what it said once is kept */
	set("builtin passwd-file:/x", "dan:{PLAIN}d\n");
	set("builtin passwd-file:/x", NULL);
	find("dan@example.test", &verdict);
	assert_int_equal(verdict, ACCOUNTS_FOUND);
	find("fay@example.test", &verdict);
	assert_int_equal(verdict, ACCOUNTS_NOT_FOUND);
	world_free();
}

static void
the_first_source_decides_and_the_mailbox_is_one(void **state)
{
	enum accounts_verdict verdict;
	(void)state;
	world_make();
	uint64_t alice = world_add("alice@example.test", "secret");
	set("builtin passwd-file:/x", "alice:{PLAIN}other\n");
	assert_int_equal(check("alice", "secret"), PASSWORD_RIGHT);
	assert_int_equal(check("alice", "other"), PASSWORD_WRONG);
	set("passwd-file:/x builtin", "alice:{PLAIN}other\n");
	assert_int_equal(check("alice", "secret"), PASSWORD_WRONG);
	assert_int_equal(check("alice", "other"), PASSWORD_RIGHT);
	assert_int_equal(find("alice@example.test", &verdict), alice);
	set("passwd-file:/x", "");
	assert_int_equal(check("alice", "secret"), PASSWORD_WRONG);
	assert_int_equal(find("alice@example.test", &verdict), 0);
	world_free();
}

static void
scram_is_for_files_of_keys(void **state)
{
	(void)state;
	world_make();
	set("builtin passwd-file:/x", "scram:{SCRAM-SHA-256}4096,"
		"MDEyMzQ1Njc4OWFiY2RlZg==,bpSY5Ze9NUH+I35LC3gVq+DpBfK46iXBxvhA"
		"KqVu9pE=,VpYlBuxyzeCI1KnctrefdljpB1mk3Gp7sBI/t11+NkQ=\n"
		"none:{NONE}\n"
		"nets:{PLAIN}secret::::::allow_nets=192.0.2.0/24\n");
	assert_true(accounts_have_keys(auth.accounts));
	assert_int_equal(check("scram", "secret"), PASSWORD_RIGHT);
	assert_int_equal(check("none", ""), PASSWORD_WRONG);
	assert_int_equal(check("nets", "secret"), PASSWORD_WRONG);
	set("builtin passwd-file:/x", "dan:{PLAIN}d\n");
	assert_false(accounts_have_keys(auth.accounts));
	world_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_apart),
		cmocka_unit_test(
			an_account_keeps_its_id_whatever_the_file_says),
		cmocka_unit_test(a_password_that_changed_is_not_remembered),
		cmocka_unit_test(a_file_that_cannot_be_read_is_later),
		cmocka_unit_test(
			the_first_source_decides_and_the_mailbox_is_one),
		cmocka_unit_test(scram_is_for_files_of_keys),
	};
	counter_open(-1, -1, true);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
