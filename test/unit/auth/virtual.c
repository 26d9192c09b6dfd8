/* virtual_alias_maps: keys and patterns, and what they make of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/aliases.h"
#include "serve/counter.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char keys_text[] =
	"# virtual(5)\n"
	"virtual.test      anything\n"
	"Info@virtual.test alice@host.test,\n"
	"\tbob@host.test\n"
	"sales@virtual.test alice+sales@host.test carol@far.test\n"
	"@catch.test       alice@host.test\n"
	"catch.test        anything\n"
	"bob@catch.test    bob@catch.test\n"
	"@moved.test       @host.test\n"
	"moved.test        anything\n"
	"webmaster         bob\n"
	"loop1@virtual.test loop2@virtual.test\n"
	"loop2@virtual.test loop1@virtual.test\n"
	"alice@host.test   alice@host.test, carol@far.test\n"
	"gone@virtual.test nobody@host.test\n";

static const char patterns_text[] =
	"/^(alice|bob)-(.*)@pattern\\.test$/  $1+${2}@host.test\n"
	"/^CASE@pattern\\.test$/i bob@host.test\n"
	"/^a dollar and @pattern\\.test$/x bob@host.test\n"
	"!/./ anything\n"
	"if /^in-.*@pattern\\.test$/\n"
	"/^in-(a.*)@/ alice@host.test\n"
	"IF !/-b@/\n"
	"/^(in)-(c|b)/ $(2)+$1@far.test\n"
	"endif\n"
	"/^in-b@/ bob@host.test\n"
	"endif\n"
	"if !/@pattern/\n"
	"/^in-z/ alice@host.test\n"
	"endif\n"
	"/^in-z@pattern/ bob+z@host.test\n"
	"/^(a+)+b@pattern\\.test$/ bob@host.test\n";

static const struct {
	const char *what, *address, *expected;
} rows[] = {
	{ "a key, continued, in any case", "INFO@Virtual.test",
		"bob@host.test alice@host.test carol@far.test" },
	{ "without its detail, which goes on", "info+x@virtual.test",
		"bob+x@host.test alice+x@host.test carol+x@far.test" },
	{ "elsewhere", "sales@virtual.test",
		"carol@far.test alice+sales@host.test carol+sales@far.test" },
	{ "nobody in a domain that is a key", "who@virtual.test", "not found" },
	{ "catch-all", "who@catch.test", "alice@host.test carol@far.test" },
	{ "itself, before the catch-all: no account", "bob@catch.test",
		"not found" },
	{ "the same name at another domain", "bob@moved.test",
		"bob@host.test" },
	{ "the same name, which is nobody there", "who@moved.test",
		"not found" },
	{ "a bare name in mydestination", "webmaster@host.test",
		"bob@host.test" },
	{ "no bare name elsewhere", "webmaster@virtual.test", "not found" },
	{ "a loop", "loop1@virtual.test", "trouble" },
	{ "itself and another", "alice@host.test",
		"alice@host.test carol@far.test" },
	{ "nobody", "gone@virtual.test", "not found" },
	{ "not our domain", "who@far.test", "remote" },
	{ "a pattern with groups", "Bob-list@pattern.test",
		"bob+list@host.test" },
	{ "i lets case count", "case@pattern.test", "not found" },
	{ "within if", "in-alice@pattern.test", "alice@host.test carol@far.test" },
	{ "within two", "in-c@pattern.test", "c+in@far.test" },
	{ "the inner one passed over", "in-b@pattern.test", "bob@host.test" },
	{ "! in an if", "in-z@pattern.test", "bob+z@host.test" },
	{ "steps without end: later",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac@pattern.test",
		"trouble" },
};

static const struct accounts_options options = {
	.mydestination = "host.test pattern.test", .myorigin = "host.test",
	.delimiters = "+",
};

static int
load(const char *type, const char *text, struct buffer *all,
	struct virtual_tables **tables, struct error *error)
{
	buffer_print(all, "%s /etc/%s %zu\n%s", type, type, strlen(text),
		text);
	return tables == NULL ? 0 :
		virtual_new(buffer_span(all), tables, error);
}

static void
describe(struct accounts *accounts, const char *address, struct buffer *out)
{
	struct accounts_expansion expansion;
	struct arena arena;
	struct error error;
	arena_init(&arena, 0);
	switch (accounts_expand(accounts, span_from(address), &arena,
		&expansion, &error)) {
	case ACCOUNTS_FOUND:
		for (size_t i = 0; i < expansion.count; i++)
			buffer_print(out, "%s%.*s", i > 0 ? " " : "",
				SPAN_PRINT(expansion.target[i].address));
		break;
	case ACCOUNTS_NOT_FOUND:
		buffer_add_string(out, "not found");
		break;
	case ACCOUNTS_REMOTE:
		buffer_add_string(out, "remote");
		break;
	case ACCOUNTS_TROUBLE:
		buffer_add_string(out, "trouble");
		break;
	}
	arena_fini(&arena);
}

static void
addresses_lead_where_the_tables_say(void **state)
{
	struct accounts *accounts;
	struct virtual_tables *tables;
	struct buffer text;
	struct error error;
	uint64_t id;
	bool added;
	(void)state;
	assert_int_equal(accounts_open(":memory:", &options, &accounts,
		&error), 0);
	assert_int_equal(accounts_add_user(accounts, SPAN("alice@host.test"),
		SPAN("x"), &id, &added, &error), 0);
	assert_int_equal(accounts_add_user(accounts, SPAN("bob@host.test"),
		SPAN("x"), &id, &added, &error), 0);
	buffer_init(&text, 0);
	load("hash", keys_text, &text, NULL, &error);
	if (load("pcre", patterns_text, &text, &tables, &error) != 0)
		fail_msg("%s", error.text);
	aliases_set_virtual(accounts, &tables);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buffer_clear(&text);
		describe(accounts, rows[i].address, &text);
		if (strcmp(buffer_string(&text), rows[i].expected) != 0)
			fail_msg("%s: %s: found %s", rows[i].what,
				rows[i].address, buffer_string(&text));
	}
	buffer_fini(&text);
	accounts_close(&accounts);
}

static const struct {
	const char *type, *text, *expected;
} bad[] = {
	{ "hash", "# a\nkey\n", "/etc/hash:2: found \"key\" alone" },
	{ "pcre", "/a/ b\nabc b\n", "/etc/pcre:2: found \"abc b\" alone" },
	{ "pcre", "/(a/ b\n", "/etc/pcre:1: found the pattern \"(a\"" },
	{ "pcre", "/(a)/ $2@x\n", "/etc/pcre:1: found \"$2@x\", expected $1" },
	{ "pcre", "/(a)/q b\n", "/etc/pcre:1: found \"/(a)/q\", expected" },
	{ "regexp", "!/(a)/ $1\n", "/etc/regexp:1: found \"$1\"" },
	{ "regexp", "if /a/\n/b/ c\n", "/etc/regexp:1: found \"if\", "
		"expected an endif" },
	{ "regexp", "/a/ b\n\nendif\n", "/etc/regexp:3: found \"endif\", "
		"expected an if" },
	{ "pcre", "if /a/\nendif /a/\n", "/etc/pcre:2: found \"/a/\"" },
	{ "pcre", "if /(a/\nendif\n", "/etc/pcre:1: found the pattern" },
	{ "pcre", "if\nendif\n", "/etc/pcre:1: found \"\", expected /" },
	{ "ldap", "a b\n", "virtual_alias_maps: found ldap:/etc/ldap" },
};

static void
errors_name_line_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct virtual_tables *tables = NULL;
		struct buffer text;
		struct error error = { .text = "" };
		buffer_init(&text, 0);
		int result = load(bad[i].type, bad[i].text, &text, &tables,
			&error);
		if (result != -1 || strncmp(error.text, bad[i].expected,
			strlen(bad[i].expected)) != 0)
			fail_msg("%s: %s", bad[i].text, error.text);
		buffer_fini(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_lead_where_the_tables_say),
		cmocka_unit_test(errors_name_line_and_reason),
	};
	counter_open(-1, -1, true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
