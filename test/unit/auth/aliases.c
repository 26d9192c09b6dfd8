/* alias_maps in auth: which addresses they are for, and where those lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/aliases.h"
#include "proto/alias_table.h"
#include "serve/counter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char table_text[] =
	"ALIASES\t2\n"
	"bin\tto=root\n"
	"root\tto=alice\n"
	"all\tto=alice\tto=bob\tto=carol@far.test\n"
	"wide\tto=all\tto=alice\n"
	"bob\tto=bob\tto=alice\n"
	"dave\tuser=dave\n"
	"chain\tuser=bob\n"
	"one\tto=two\n"
	"two\tto=one\n"
	"half\tto=half2\tto=alice\n"
	"half2\tto=half\n"
	"nobody\tto=who\n"
	"robot\tto=alice\tpipe=65534:0\n"
	"log\tfile=1000:0\tfile=1000:1\n"
	"old\tpipe=/usr/bin/robot\n"
	"viarobot\tto=robot\tto=log\tto=log\n"
	"list\tto=alice\tto=carol@far.test\tto=inner\tto=robot\n"
	"owner-list\tto=dave\n"
	"inner\tto=bob2\tto=dan@far.test\n"
	"bob2\tuser=bob\n"
	"owner-bob2\tto=dave\n"
	"owner-owner-list\tto=bob\n"
	"list-request\tto=alice\n"
	"owner-list-request\tto=bob\n"
	"added\tto=bob\n"
	"postmaster\tto=bob\n"
	"END\t26\n";

static const struct {
	const char *what, *address, *expected;
} rows[] = {
	{ "an account", "alice@host.test", "alice@host.test" },
	{ "an alias", "bin@host.test", "alice@host.test" },
	{ "in every domain of mydestination", "bin@localhost",
		"alice@host.test" },
	{ "case", "BiN@host.test", "alice@host.test" },
	{ "with detail", "bin+x@host.test", "alice@host.test" },
	{ "a list", "all@host.test",
		"alice@host.test carol@far.test bob@host.test" },
	{ "each once", "wide@host.test",
		"alice@host.test carol@far.test bob@host.test" },
	{ "the alias before the account", "bob@host.test",
		"bob@host.test alice@host.test" },
	{ "his mailbox", "dave@host.test", "dave@host.test!" },
	{ "his mailbox, not his alias", "chain@host.test",
		"bob@host.test!" },
	{ "a loop", "one@host.test", "trouble" },
	{ "a loop with a way out", "half@host.test", "alice@host.test" },
	{ "nobody is there", "nobody@host.test", "not found" },
	{ "no alias in another domain", "bin@added.test", "not found" },
	{ "a program and an account", "Robot+x@host.test",
		"|65534:robot:0=Robot+x@host.test alice@host.test" },
	{ "files", "log@host.test", "|1000:log:0=log@host.test "
		"|1000:log:1=log@host.test" },
	{ "an alias of them, each once", "viarobot@host.test",
		"|65534:robot:0=robot@host.test "
		"|1000:log:0=log@host.test |1000:log:1=log@host.test "
		"alice@host.test" },
	{ "a program of a table before owners: later", "old@host.test",
		"trouble" },
	{ "a list with an owner, one within it, a program",
		"list+x@host.test",
		"alice@host.test<owner-list@host.test "
		"carol@far.test<owner-list@host.test "
		"|65534:robot:0=robot@host.test<owner-list@host.test "
		"dan@far.test<owner-list@host.test "
		"bob@host.test!<owner-bob2@host.test" },
	{ "its owner has none", "owner-list@host.test", "dave@host.test!" },
	{ "nor have requests", "list-request@host.test", "alice@host.test" },
	{ "the built-in alias first", "added@host.test", "alice@host.test" },
	{ "postmaster", "postmaster@host.test", "bob@host.test alice@host.test" },
	{ "plain postmaster", "postmaster", "bob@host.test alice@host.test" },
};

static const struct accounts_options options = {
	.mydestination = "host.test localhost",
	.myorigin = "host.test",
	.delimiters = "+",
	.uses_aliases = true,
};

static struct accounts *
open_accounts(const struct accounts_options *with)
{
	static const char *const users[] = { "alice@host.test",
		"bob@host.test", "dave@host.test", "erin@added.test" };
	struct accounts *accounts;
	struct error error;
	uint64_t id;
	bool added;
	if (accounts_open(":memory:", with, &accounts, &error) != 0)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < COUNT(users); i++)
		assert_int_equal(accounts_add_user(accounts,
			span_from(users[i]), SPAN("secret"), &id, &added,
			&error), 0);
	assert_int_equal(accounts_add_alias(accounts, SPAN("added@host.test"),
		SPAN("alice@host.test"), &error), 0);
	return accounts;
}

static void
describe(struct accounts *accounts, const char *address, struct buffer *out)
{
	struct accounts_expansion expansion;
	struct arena arena;
	struct error error;
	arena_init(&arena, 0);
	enum accounts_verdict verdict = accounts_expand(accounts,
		span_from(address), &arena, &expansion, &error);
	if (verdict == ACCOUNTS_NOT_FOUND)
		buffer_add_string(out, "not found");
	else if (verdict == ACCOUNTS_TROUBLE)
		buffer_add_string(out, "trouble");
	for (size_t i = 0; verdict == ACCOUNTS_FOUND &&
		i < expansion.count; i++) {
		const struct accounts_target *target = &expansion.target[i];
		if (i > 0)
			buffer_add_byte(out, ' ');
		if (target->is_program)
			buffer_print(out, "|%u:%.*s:%u=", target->owner,
				SPAN_PRINT(target->key), target->index);
		buffer_print(out, "%.*s%s%s%.*s", SPAN_PRINT(target->address),
			target->is_final ? "!" : "",
			target->sender.size > 0 ? "<" : "",
			SPAN_PRINT(target->sender));
	}
	arena_fini(&arena);
}

static void
addresses_lead_where_the_table_says(void **state)
{
	struct accounts *accounts = open_accounts(&options);
	struct error error;
	(void)state;
	assert_int_equal(aliases_replace(accounts, span_from(table_text),
		&error), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		describe(accounts, rows[i].address, &out);
		if (strcmp(buffer_string(&out), rows[i].expected) != 0)
			fail_msg("%s: %s: found %s", rows[i].what,
				rows[i].address, buffer_string(&out));
		buffer_fini(&out);
	}
	accounts_close(&accounts);
}

/* A host that writes its domain's name behind its users: their aliases are
 * about names of this host all the same. */
static void
names_stay_here_when_myorigin_is_elsewhere(void **state)
{
	struct accounts_options elsewhere = options;
	struct error error;
	struct buffer out;
	(void)state;
	elsewhere.myorigin = "far.test";
	struct accounts *accounts = open_accounts(&elsewhere);
	assert_int_equal(aliases_replace(accounts, span_from(table_text),
		&error), 0);
	buffer_init(&out, 0);
	describe(accounts, "bin@host.test", &out);
	assert_string_equal(buffer_string(&out), "alice@host.test");
	buffer_fini(&out);
	accounts_close(&accounts);
}

static void
a_bad_table_leaves_the_old_one(void **state)
{
	struct accounts *accounts = open_accounts(&options);
	struct error error;
	struct buffer out;
	(void)state;
	uint64_t generation = atomic_load(&counter_generations()->accounts);
	assert_int_equal(aliases_replace(accounts, span_from(table_text),
		&error), 0);
	assert_true(atomic_load(&counter_generations()->accounts) >
		generation);
	assert_int_equal(aliases_replace(accounts, SPAN("ALIASES\t1\nbin\t"),
		&error), -1);
	accounts_close(&accounts);
	/* as the next start of the process finds it */
	accounts = open_accounts(&options);
	assert_int_equal(aliases_load(accounts, &error), 0);
	buffer_init(&out, 0);
	describe(accounts, "bin@host.test", &out);
	assert_string_equal(buffer_string(&out), "alice@host.test");
	buffer_clear(&out);
	struct accounts_options without = options;
	without.uses_aliases = false;
	accounts_configure(accounts, &without);
	describe(accounts, "bin@host.test", &out);
	assert_string_equal(buffer_string(&out), "not found");
	buffer_fini(&out);
	accounts_close(&accounts);
}

static int
enter(void **state)
{
	static char path[] = "/tmp/posthouse-aliases-XXXXXX";
	*state = path;
	return mkdtemp(path) != NULL && chdir(path) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
	unlink("aliases");
	return chdir("/") == 0 ? rmdir(*state) : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_lead_where_the_table_says),
		cmocka_unit_test(names_stay_here_when_myorigin_is_elsewhere),
		cmocka_unit_test(a_bad_table_leaves_the_old_one),
	};
	counter_open(-1, -1, true);
	return cmocka_run_group_tests(tests, enter, leave);
}
