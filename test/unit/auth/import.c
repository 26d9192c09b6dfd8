/* Accounts with hashes that another system made, until their password is seen. */
#include "world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define HASH "{SSHA}98iIdaQUiLiPzezWx5UImm1m2NQcqIdY"	/* doveadm pw */

static uint64_t
import(const char *address, const char *hash)
{
	struct error error;
	uint64_t id;
	bool added;
	if (accounts_import_user(auth.accounts, span_from(address),
		span_from(hash), &id, &added, &error) != 0)
		fail_msg("%s: %s", address, error.text);
	return id;
}

static enum exchange_outcome
log_in(const char *mechanism, struct span response)
{
	const struct exchange_key key = { "login", 0, 1 };
	struct exchange_start start = { .mechanism = span_from(mechanism),
		.service = SPAN("imap"), .has_response = true,
		.response = response, .facts = { .is_tls = true } };
	struct exchange_result result;
	struct arena arena;
	arena_init(&arena, 0);
	assert_true(network_address_parse(SPAN("192.0.2.1"),
		&start.facts.client));
	exchange_begin(&key, &start, &arena, &result);
	arena_fini(&arena);
	return result.outcome;
}

static bool
has_hash(const char *name)
{
	struct account account;
	struct span normalised;
	struct error error;
	struct arena arena;
	arena_init(&arena, 0);
	assert_int_equal(accounts_find_login(auth.accounts, span_from(name),
		&arena, &account, &normalised, &error), ACCOUNTS_FOUND);
	bool has = account.hash.size > 0;
	arena_fini(&arena);
	return has;
}

static void
the_first_good_login_makes_keys_of_ours(void **state)
{
	(void)state;
	world_make();
	import("carol@example.test", HASH);
	assert_false(accounts_have_keys(auth.accounts));
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0wrong")),
		EXCHANGE_FAIL);
	assert_true(has_hash("carol"));
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0secret")),
		EXCHANGE_OK);
	assert_false(has_hash("carol"));
	assert_true(accounts_have_keys(auth.accounts));
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0secret")),
		EXCHANGE_OK);
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0wrong")),
		EXCHANGE_FAIL);
	world_free();
}

static void
a_new_password_ends_the_hash(void **state)
{
	struct error error;
	(void)state;
	world_make();
	/* U+E000 cannot be in a password of ours: the hash is not replaced */
	import("carol@example.test", "{PLAIN}\xee\x80\x80");
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0\xee\x80\x80")),
		EXCHANGE_OK);
	assert_true(has_hash("carol"));
	assert_int_equal(accounts_set_password(auth.accounts, SPAN("carol"),
		SPAN("new"), &error), 0);
	assert_false(has_hash("carol"));
	/* also what is remembered of it */
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0\xee\x80\x80")),
		EXCHANGE_FAIL);
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0new")), EXCHANGE_OK);
	world_free();
}

/* The password changed between the check and the upgrade: it stays changed. */
static void
an_upgrade_that_comes_late_changes_nothing(void **state)
{
	struct account account;
	struct span normalised;
	struct error error;
	struct arena arena;
	(void)state;
	world_make();
	arena_init(&arena, 0);
	import("carol@example.test", HASH);
	assert_int_equal(accounts_find_login(auth.accounts, SPAN("carol"),
		&arena, &account, &normalised, &error), ACCOUNTS_FOUND);
	assert_int_equal(accounts_set_password(auth.accounts, SPAN("carol"),
		SPAN("new"), &error), 0);
	assert_int_equal(accounts_upgrade(auth.accounts, &account,
		SPAN("secret"), &error), 0);
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0secret")),
		EXCHANGE_FAIL);
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0new")), EXCHANGE_OK);
	arena_fini(&arena);
	world_free();
}

static void
a_hash_that_is_none_makes_no_account(void **state)
{
	struct account account;
	struct error error;
	struct arena arena;
	uint64_t id;
	bool added;
	(void)state;
	world_make();
	arena_init(&arena, 0);
	assert_int_equal(accounts_import_user(auth.accounts,
		SPAN("carol@example.test"), SPAN("{NONE}"), &id, &added,
		&error), -1);
	assert_non_null(strstr(error.text, "{NONE}"));
	assert_int_equal(accounts_find_address(auth.accounts, SPAN("carol"),
		&arena, &account, &error), ACCOUNTS_NOT_FOUND);
	arena_fini(&arena);
	world_free();
}

/* Keys in Dovecot's form are keys: SCRAM works with them at once. */
static void
scram_keys_are_taken_as_they_are(void **state)
{
	(void)state;
	world_make();
	import("carol@example.test", "{SCRAM-SHA-256}4096,"
		"MDEyMzQ1Njc4OWFiY2RlZg==,bpSY5Ze9NUH+I35LC3gVq+DpBfK46iXBxvhA"
		"KqVu9pE=,VpYlBuxyzeCI1KnctrefdljpB1mk3Gp7sBI/t11+NkQ=");
	assert_true(accounts_have_keys(auth.accounts));
	assert_false(has_hash("carol"));
	assert_int_equal(log_in("PLAIN", SPAN("\0carol\0secret")),
		EXCHANGE_OK);
	world_free();
}

/* A database of version 1, as the program before this one left it. */
static void
an_older_database_is_brought_up(void **state)
{
	char path[] = "/tmp/accounts-XXXXXX";
	struct error error;
	sqlite3 *handle;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	world_make();
	accounts_close(&auth.accounts);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(accounts_open(path, &world_settings.accounts,
			&auth.accounts, &error), 0);
		if (round == 0)
			world_add("alice@example.test", "secret");
		else
			import("carol@example.test", HASH);
		accounts_close(&auth.accounts);
		if (round == 1)
			break;
		assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
		assert_int_equal(sqlite3_exec(handle, "DROP TABLE imported;"
			"DROP TABLE outside;PRAGMA user_version=1", NULL, NULL,
			NULL), SQLITE_OK);
		sqlite3_close(handle);
	}
	assert_int_equal(accounts_open(path, &world_settings.accounts,
		&auth.accounts, &error), 0);
	assert_false(has_hash("alice"));
	assert_true(has_hash("carol"));
	world_free();
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_good_login_makes_keys_of_ours),
		cmocka_unit_test(a_new_password_ends_the_hash),
		cmocka_unit_test(an_upgrade_that_comes_late_changes_nothing),
		cmocka_unit_test(a_hash_that_is_none_makes_no_account),
		cmocka_unit_test(scram_keys_are_taken_as_they_are),
		cmocka_unit_test(an_older_database_is_brought_up),
	};
	counter_open(-1, -1, true);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
