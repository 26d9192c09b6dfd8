/* Accounts, domains, aliases: on a database in memory, and on one in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/accounts_list.h"
#include "serve/counter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 63 octets */
#define LABEL "a23456789012345678901234567890123456789012345678901234567890123"

static const struct accounts_options options = {
	.mydestination = "Host.Example.test localhost",
	.myorigin = "example.test",
	.delimiters = "+-",
	.quota = 1000,
};

static struct accounts *
open_at(const char *path)
{
	struct accounts *accounts;
	struct error error;
	if (accounts_open(path, &options, &accounts, &error) != 0)
		fail_msg("%s", error.text);
	return accounts;
}

static uint64_t
add_user(struct accounts *accounts, const char *address)
{
	struct error error;
	uint64_t id;
	bool added;
	if (accounts_add_user(accounts, span_from(address), SPAN("secret"),
		&id, &added, &error) != 0)
		fail_msg("%s: %s", address, error.text);
	return id;
}

static void
add_alias(struct accounts *accounts, const char *address, const char *target)
{
	struct error error;
	if (accounts_add_alias(accounts, span_from(address),
		span_from(target), &error) != 0)
		fail_msg("%s: %s", address, error.text);
}

static enum accounts_verdict
expand(struct accounts *accounts, const char *address, struct arena *arena,
	struct accounts_expansion *expansion)
{
	struct error error;
	return accounts_expand(accounts, span_from(address), arena, expansion,
		&error);
}

/* "alice remote:carol@elsewhere.test": first words of the targets, sorted as
 * they come. */
static void
describe(const struct accounts_expansion *expansion, struct buffer *out)
{
	for (size_t i = 0; i < expansion->count; i++) {
		if (i > 0)
			buffer_add_byte(out, ' ');
		if (!expansion->target[i].is_local)
			buffer_add_string(out, "remote:");
		buffer_add(out, expansion->target[i].address);
	}
}

/* ---- expansion ---- */

static struct accounts *
make_world(void)
{
	static const char *const users[] = { "Alice@Example.test",
		"bob@example.test", "carol@other.test", "dave@xn--bcher-kva.test",
		"\xc3\x89va@example.test" };
	static const char *const aliases[][2] = {
		{ "sales@example.test", "alice@example.test" },
		{ "sales@example.test", "bob@example.test" },
		{ "team@example.test", "sales@example.test" },
		{ "team@example.test", "friend@elsewhere.test" },
		{ "team@example.test", "bob+team@example.test" },
		{ "bob@example.test", "bob@example.test" },
		{ "bob@example.test", "copy@elsewhere.test" },
		{ "ping@example.test", "pong@example.test" },
		{ "pong@example.test", "ping@example.test" },
		{ "ring@example.test", "ring2@example.test" },
		{ "ring2@example.test", "ring@example.test" },
		{ "ring2@example.test", "alice@example.test" },
		{ "gone@example.test", "nobody@example.test" },
		{ "half@example.test", "nobody@example.test" },
		{ "half@example.test", "alice@example.test" },
		{ "out@example.test", "Carol@Elsewhere.test" },
		{ "exact+tag@example.test", "bob@example.test" },
		{ "exact@example.test", "alice@example.test" },
	};
	struct accounts *accounts = open_at(":memory:");
	for (size_t i = 0; i < COUNT(users); i++)
		add_user(accounts, users[i]);
	for (size_t i = 0; i < COUNT(aliases); i++)
		add_alias(accounts, aliases[i][0], aliases[i][1]);
	return accounts;
}

static const struct {
	const char *name, *address;
	enum accounts_verdict verdict;
	const char *targets;
} expansions[] = {
	{ "an account", "alice@example.test", ACCOUNTS_FOUND,
		"alice@example.test" },
	{ "in any case", "ALICE@EXAMPLE.TEST", ACCOUNTS_FOUND,
		"ALICE@EXAMPLE.TEST" },
	{ "with a detail", "alice+news@example.test", ACCOUNTS_FOUND,
		"alice+news@example.test" },
	{ "with the other delimiter", "alice-news@example.test",
		ACCOUNTS_FOUND, "alice-news@example.test" },
	{ "without a domain", "alice", ACCOUNTS_FOUND, "alice@example.test" },
	{ "quoted", "\"alice\"@example.test", ACCOUNTS_FOUND,
		"alice@example.test" },
	{ "A-label asked by U-label", "dave@b\xc3\xbc""cher.test",
		ACCOUNTS_FOUND, "dave@b\xc3\xbc""cher.test" },
	{ "decomposed and other case", "e\xcc\x81VA@example.test",
		ACCOUNTS_FOUND, "e\xcc\x81VA@example.test" },
	{ "nobody", "nobody@example.test", ACCOUNTS_NOT_FOUND, "" },
	{ "nobody in a domain of mydestination", "alice@localhost",
		ACCOUNTS_NOT_FOUND, "" },
	{ "elsewhere", "Friend@Elsewhere.test", ACCOUNTS_REMOTE,
		"remote:Friend@Elsewhere.test" },
	{ "no address", "alice@@example.test", ACCOUNTS_NOT_FOUND, "" },
	{ "a literal", "alice@[192.0.2.1]", ACCOUNTS_NOT_FOUND, "" },
	{ "alias to two, one of them an alias with its own copy",
		"sales@example.test", ACCOUNTS_FOUND,
		"alice@example.test bob@example.test "
		"remote:copy@elsewhere.test" },
	{ "alias of alias, each once", "team@example.test", ACCOUNTS_FOUND,
		"remote:friend@elsewhere.test remote:copy@elsewhere.test "
		"alice@example.test bob@example.test" },
	{ "alias with a detail", "sales+q3@example.test", ACCOUNTS_FOUND,
		"alice@example.test bob@example.test "
		"remote:copy@elsewhere.test" },
	{ "a loop of two", "ping@example.test", ACCOUNTS_TROUBLE, "" },
	{ "a loop with a way out", "ring@example.test", ACCOUNTS_FOUND,
		"alice@example.test" },
	{ "to nobody", "gone@example.test", ACCOUNTS_NOT_FOUND, "" },
	{ "to nobody and somebody", "half@example.test", ACCOUNTS_FOUND,
		"alice@example.test" },
	{ "to elsewhere, as it was written", "out@example.test",
		ACCOUNTS_FOUND, "remote:Carol@Elsewhere.test" },
	{ "the whole address before its base", "exact+tag@example.test",
		ACCOUNTS_FOUND, "bob@example.test remote:copy@elsewhere.test" },
	{ "postmaster of a domain of ours", "postmaster@example.test",
		ACCOUNTS_FOUND, "postmaster@example.test" },
	{ "postmaster in any case", "PostMaster@other.test", ACCOUNTS_FOUND,
		"PostMaster@other.test" },
	{ "postmaster of mydestination", "postmaster@localhost",
		ACCOUNTS_FOUND, "postmaster@localhost" },
	{ "plain postmaster", "Postmaster", ACCOUNTS_FOUND,
		"Postmaster@example.test" },
	{ "postmaster elsewhere", "postmaster@elsewhere.test",
		ACCOUNTS_REMOTE, "remote:postmaster@elsewhere.test" },
};

static void
addresses_are_expanded(void **state)
{
	struct accounts *accounts = make_world();
	(void)state;
	/* twice: from the database, and from memory */
	for (size_t i = 0; i < 2 * COUNT(expansions); i++) {
		size_t at = i % COUNT(expansions);
		struct accounts_expansion expansion;
		struct arena arena;
		struct buffer out;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		enum accounts_verdict verdict = expand(accounts,
			expansions[at].address, &arena, &expansion);
		if (verdict != expansions[at].verdict)
			fail_msg("%s: verdict %d", expansions[at].name,
				verdict);
		if (verdict == ACCOUNTS_FOUND || verdict == ACCOUNTS_REMOTE)
			describe(&expansion, &out);
		if (!span_equals(buffer_span(&out),
			span_from(expansions[at].targets)))
			fail_msg("%s: %s", expansions[at].name,
				buffer_string(&out));
		buffer_fini(&out);
		arena_fini(&arena);
	}
	accounts_close(&accounts);
}

static void
postmaster_is_the_account_of_that_name_or_the_first(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	struct accounts_expansion expansion;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(expand(accounts, "postmaster@localhost", &arena,
		&expansion), ACCOUNTS_TROUBLE);	/* later: nobody is there yet */
	uint64_t first = add_user(accounts, "alice@example.test");
	assert_int_equal(expand(accounts, "postmaster@localhost", &arena,
		&expansion), ACCOUNTS_FOUND);
	assert_true(expansion.target[0].account == first);
	add_user(accounts, "postmaster@other.test");
	uint64_t own = add_user(accounts, "postmaster@example.test");
	assert_int_equal(expand(accounts, "postmaster@localhost", &arena,
		&expansion), ACCOUNTS_FOUND);
	assert_true(expansion.target[0].account == own);
	arena_fini(&arena);
	accounts_close(&accounts);
}

static void
deep_and_wide_aliases_are_bounded(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	struct accounts_expansion expansion;
	struct error error;
	struct arena arena;
	char from[40], to[40];
	(void)state;
	arena_init(&arena, 0);
	add_user(accounts, "alice@example.test");
	for (int i = 0; i < ACCOUNTS_DEPTH_LIMIT + 1; i++) {
		snprintf(from, sizeof(from), "deep%d@example.test", i);
		snprintf(to, sizeof(to), "deep%d@example.test", i + 1);
		add_alias(accounts, from, to);
	}
	snprintf(from, sizeof(from), "deep%d@example.test",
		ACCOUNTS_DEPTH_LIMIT + 1);
	add_alias(accounts, from, "alice@example.test");
	assert_int_equal(expand(accounts, "deep0@example.test", &arena,
		&expansion), ACCOUNTS_TROUBLE);
	assert_int_equal(expand(accounts, "deep2@example.test", &arena,
		&expansion), ACCOUNTS_FOUND);
	for (int i = 0; i < ACCOUNTS_TARGET_LIMIT; i++) {
		snprintf(to, sizeof(to), "u%d@elsewhere.test", i);
		add_alias(accounts, "wide@example.test", to);
	}
	assert_int_equal(expand(accounts, "wide@example.test", &arena,
		&expansion), ACCOUNTS_FOUND);
	assert_int_equal(expansion.count, ACCOUNTS_TARGET_LIMIT);
	assert_int_equal(accounts_add_alias(accounts, SPAN("wide@example.test"),
		SPAN("one-more@elsewhere.test"), &error), -1);
	add_alias(accounts, "wider@example.test", "wide@example.test");
	add_alias(accounts, "wider@example.test", "more@elsewhere.test");
	assert_int_equal(expand(accounts, "wider@example.test", &arena,
		&expansion), ACCOUNTS_TROUBLE);
	arena_fini(&arena);
	accounts_close(&accounts);
}

/* ---- changes ---- */

static void
changes_are_seen_at_once_and_announced(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	struct accounts_expansion expansion;
	struct error error;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	uint64_t before = counter_generations()->accounts;
	uint64_t alice = add_user(accounts, "alice@example.test");
	assert_true(counter_generations()->accounts > before);
	assert_int_equal(expand(accounts, "alice@example.test", &arena,
		&expansion), ACCOUNTS_FOUND);
	assert_true(expansion.target[0].quota == 1000);
	assert_false(expansion.target[0].is_over);
	assert_int_equal(accounts_set_quota(accounts,
		SPAN("alice@example.test"), true, 77, &error), 0);
	assert_int_equal(accounts_set_over(accounts, alice, true, &error), 0);
	expand(accounts, "alice@example.test", &arena, &expansion);
	assert_true(expansion.target[0].quota == 77);
	assert_true(expansion.target[0].is_over);
	before = counter_generations()->accounts;
	assert_int_equal(accounts_set_over(accounts, alice, true, &error), 0);
	assert_true(counter_generations()->accounts == before);
	assert_int_equal(accounts_set_quota(accounts,
		SPAN("alice@example.test"), false, 0, &error), 0);
	expand(accounts, "alice@example.test", &arena, &expansion);
	assert_true(expansion.target[0].quota == 1000);
	uint64_t id;
	assert_int_equal(accounts_delete_user(accounts,
		SPAN("ALICE@example.test"), &id, &error), 0);
	assert_true(id == alice);
	assert_int_equal(expand(accounts, "alice@example.test", &arena,
		&expansion), ACCOUNTS_NOT_FOUND);
	assert_true(add_user(accounts, "alice@example.test") != alice);
	arena_fini(&arena);
	accounts_close(&accounts);
}

static const struct {
	const char *name, *address, *password;
	enum error_code code;
	const char *says;
} refusals[] = {
	{ "twice", "ALICE@example.test", "x", ERROR_EXISTS,
		"there is an account ALICE@example.test already" },
	{ "no address", "alice@", "x", ERROR_USAGE,
		"\"alice@\" is not a mail address" },
	{ "nothing", "", "x", ERROR_USAGE, "\"\" is not a mail address" },
	{ "a path", "../x@..", "x", ERROR_USAGE,
		"\"../x@..\" is not a mail address" },
	{ "delimiter", "bob+x@example.test", "x", ERROR_USAGE,
		"bob+x@example.test holds the character that "
		"recipient_delimiter sets apart; make the account bob and mail "
		"to this address is delivered to it" },
	{ "empty password", "bob@example.test", "", ERROR_USAGE,
		"the password is empty" },
	{ "tab in the password", "bob@example.test", "a\tb", ERROR_USAGE,
		"the password holds a character that cannot be in one, such as "
		"a tab" },
	{ "password not in UTF-8", "bob@example.test", "\xff", ERROR_USAGE,
		"the password is not in UTF-8" },
};

static void
bad_users_are_refused_with_a_sentence(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	(void)state;
	add_user(accounts, "alice@example.test");
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct error error;
		uint64_t id;
		bool added;
		assert_int_equal(accounts_add_user(accounts,
			span_from(refusals[i].address),
			span_from(refusals[i].password), &id, &added, &error),
			-1);
		assert_string_equal(error.text, refusals[i].says);
		assert_int_equal(error.code, refusals[i].code);
	}
	accounts_close(&accounts);
}

static void
domains_come_with_users_and_stay_while_somebody_is_in_them(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	struct accounts_domain_row *rows;
	struct error error;
	struct arena arena;
	size_t count;
	uint64_t id;
	bool added;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(accounts_add_user(accounts, SPAN("a@NEW.test"),
		SPAN("x"), &id, &added, &error), 0);
	assert_true(added);
	assert_int_equal(accounts_add_user(accounts, SPAN("b@new.test"),
		SPAN("x"), &id, &added, &error), 0);
	assert_false(added);
	assert_int_equal(accounts_add_user(accounts, SPAN("b@localhost"),
		SPAN("x"), &id, &added, &error), 0);
	assert_false(added);
	assert_int_equal(accounts_list_domains(accounts, &arena, &rows, &count,
		&error), 0);
	assert_int_equal(count, 3);
	assert_true(span_equals(rows[0].domain, SPAN("host.example.test")));
	assert_true(rows[0].is_configured);
	assert_true(span_equals(rows[2].domain, SPAN("new.test")));
	assert_int_equal(rows[2].users, 2);
	assert_int_equal(accounts_delete_domain(accounts, SPAN("new.test"),
		&error), -1);
	assert_string_equal(error.text,
		"new.test has 2 accounts and 0 aliases; delete these first");
	accounts_delete_user(accounts, SPAN("a@new.test"), &id, &error);
	accounts_delete_user(accounts, SPAN("b@new.test"), &id, &error);
	assert_int_equal(accounts_delete_domain(accounts, SPAN("New.test"),
		&error), 0);
	assert_int_equal(accounts_delete_domain(accounts, SPAN("new.test"),
		&error), -1);
	assert_int_equal(accounts_delete_domain(accounts,
		SPAN("host.example.test"), &error), -1);
	assert_int_equal(accounts_add_domain(accounts, SPAN("b\xc3\xbc""cher.test"),
		&error), 0);
	assert_int_equal(accounts_add_domain(accounts,
		SPAN("xn--bcher-kva.test"), &error), -1);
	assert_int_equal(error.code, ERROR_EXISTS);
	assert_int_equal(accounts_add_domain(accounts, SPAN("a..b"), &error),
		-1);
	assert_int_equal(accounts_add_domain(accounts, SPAN("192.0.2.1"),
		&error), -1);
	assert_string_equal(error.text, "found \"192.0.2.1\", expected a domain "
		"that does not end in a number");
	/* postmaster@ and 243 octets are a path of 254 */
	assert_int_equal(accounts_add_domain(accounts, SPAN(LABEL "." LABEL "."
		LABEL "." "x234567890" "x234567890" "x234567890" "x234567890"
		"x234567890" "x"), &error), 0);
	assert_int_equal(accounts_add_domain(accounts, SPAN(LABEL "." LABEL "."
		LABEL "." "x234567890" "x234567890" "x234567890" "x234567890"
		"x234567890" "xx"), &error), -1);
	assert_int_equal(accounts_add_alias(accounts, SPAN("x@foreign.test"),
		SPAN("a@b.test"), &error), -1);
	assert_string_equal(error.text, "foreign.test is not a domain of this "
		"system; add it with: posthouse domain add foreign.test");
	arena_fini(&arena);
	accounts_close(&accounts);
}

static void
what_was_changed_is_there_after_a_restart(void **state)
{
	char directory[] = "/tmp/posthouse-accounts-XXXXXX", path[60];
	struct accounts *accounts, *second;
	struct account account;
	struct accounts_alias_row *aliases;
	struct error error;
	struct arena arena;
	struct span name;
	uint8_t secret[32];
	size_t count;
	(void)state;
	arena_init(&arena, 0);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/accounts.db", directory);
	accounts = open_at(path);
	uint64_t id = add_user(accounts, "Alice@example.test");
	add_alias(accounts, "a@example.test", "alice@example.test");
	memcpy(secret, accounts_secret(accounts), sizeof(secret));
	assert_int_equal(accounts_open(path, &options, &second, &error), -1);
	assert_int_equal(error.code, ERROR_LATER);
	accounts_close(&accounts);
	accounts = open_at(path);
	assert_memory_equal(secret, accounts_secret(accounts), sizeof(secret));
	assert_int_equal(accounts_find_login(accounts,
		SPAN("alice@example.test"), &arena, &account, &name, &error),
		ACCOUNTS_FOUND);
	assert_true(account.id == id);
	assert_string_equal(account.address, "Alice@example.test");
	assert_int_equal(account.keys.iterations, SCRAM_ITERATIONS);
	assert_int_equal(accounts_list_aliases(accounts, &arena, &aliases,
		&count, &error), 0);
	assert_int_equal(count, 1);
	assert_int_equal(accounts_delete_alias(accounts,
		SPAN("a@example.test"), SPAN("b@example.test"), &error), -1);
	assert_int_equal(accounts_delete_alias(accounts,
		SPAN("a@example.test"), SPAN(""), &error), 0);
	accounts_close(&accounts);
	unlink(path);
	rmdir(directory);
	arena_fini(&arena);
}

static void
users_stay_when_their_domain_leaves_mydestination(void **state)
{
	struct accounts *accounts = open_at(":memory:");
	struct accounts_options other = options;
	struct accounts_expansion expansion;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	add_user(accounts, "alice@localhost");
	other.mydestination = "elsewhere.test";
	accounts_configure(accounts, &other);
	assert_int_equal(expand(accounts, "alice@localhost", &arena,
		&expansion), ACCOUNTS_FOUND);
	assert_int_equal(expand(accounts, "alice@host.example.test", &arena,
		&expansion), ACCOUNTS_REMOTE);
	assert_int_equal(expand(accounts, "alice@elsewhere.test", &arena,
		&expansion), ACCOUNTS_NOT_FOUND);
	arena_fini(&arena);
	accounts_close(&accounts);
}

static void
logins_need_an_account_with_a_password(void **state)
{
	struct accounts *accounts = make_world();
	struct account account;
	struct error error;
	struct arena arena;
	struct span name;
	uint64_t id;
	bool added;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(accounts_find_login(accounts, SPAN("ALICE"), &arena,
		&account, &name, &error), ACCOUNTS_FOUND);
	assert_true(span_equals(name, SPAN("alice@example.test")));
	assert_int_equal(accounts_find_login(accounts,
		SPAN("alice+x@example.test"), &arena, &account, &name, &error),
		ACCOUNTS_NOT_FOUND);
	assert_int_equal(accounts_find_login(accounts,
		SPAN("sales@example.test"), &arena, &account, &name, &error),
		ACCOUNTS_NOT_FOUND);
	assert_int_equal(accounts_find_login(accounts,
		SPAN("postmaster@example.test"), &arena, &account, &name,
		&error), ACCOUNTS_NOT_FOUND);
	assert_int_equal(accounts_find_login(accounts, SPAN("no address @"),
		&arena, &account, &name, &error), ACCOUNTS_NOT_FOUND);
	assert_true(span_equals(name, SPAN("no address @")));
	assert_int_equal(accounts_add_user(accounts, SPAN("list@example.test"),
		(struct span){ NULL, 0 }, &id, &added, &error), 0);
	assert_int_equal(accounts_find_login(accounts,
		SPAN("list@example.test"), &arena, &account, &name, &error),
		ACCOUNTS_NOT_FOUND);
	arena_fini(&arena);
	accounts_close(&accounts);
}

/* ---- threads ---- */

static atomic_bool is_over;

static void *
look_up(void *argument)
{
	struct accounts *accounts = argument;
	size_t found = 0;
	do {
		struct accounts_expansion expansion;
		struct arena arena;
		arena_init(&arena, 0);
		if (expand(accounts, "team@example.test", &arena,
			&expansion) == ACCOUNTS_FOUND)
			found += expansion.count;
		arena_fini(&arena);
	} while (!atomic_load(&is_over));
	return (void *)found;
}

static void
lookups_go_on_while_accounts_change(void **state)
{
	struct accounts *accounts = make_world();
	pthread_t threads[4];
	struct error error;
	uint64_t id;
	bool added;
	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, look_up, accounts);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(accounts_add_user(accounts,
			SPAN("new@fresh.test"), (struct span){ NULL, 0 }, &id,
			&added, &error), 0);
		assert_int_equal(accounts_delete_user(accounts,
			SPAN("new@fresh.test"), &id, &error), 0);
		accounts_configure(accounts, &options);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *found;
		pthread_join(threads[i], &found);
		assert_true((size_t)found > 0);
	}
	accounts_close(&accounts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_expanded),
		cmocka_unit_test(
			postmaster_is_the_account_of_that_name_or_the_first),
		cmocka_unit_test(deep_and_wide_aliases_are_bounded),
		cmocka_unit_test(changes_are_seen_at_once_and_announced),
		cmocka_unit_test(bad_users_are_refused_with_a_sentence),
		cmocka_unit_test(
			domains_come_with_users_and_stay_while_somebody_is_in_them),
		cmocka_unit_test(what_was_changed_is_there_after_a_restart),
		cmocka_unit_test(
			users_stay_when_their_domain_leaves_mydestination),
		cmocka_unit_test(logins_need_an_account_with_a_password),
		cmocka_unit_test(lookups_go_on_while_accounts_change),
	};
	counter_open(-1, -1, true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
