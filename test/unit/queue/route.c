/* Where mail goes next: transport_maps before relayhost before the domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "queue/route.h"

static const char table[] =
	"# next hops\n"
	"example.test\tsmtp:[192.0.2.1]:2525\n"
	".example.test   relay:Gateway.Example\n"
	"boss@example.test :[boss.example]\n"
	"direct.test\tsmtp:\n"
	"closed.test     error:5.1.8 nobody\n"
	"\tlives here\n"
	"plain.test error:gone\n"
	"wait.test retry:4.3.2 being moved\n"
	"rest.test retry:\n";

static const struct {
	const char *name, *relayhost, *address, *want;
} cases[] = {
	{ "the domain", "", "Bob@Elsewhere.Test", "elsewhere.test" },
	{ "relayhost", "[Smart.Host]:587", "bob@x.test", "[smart.host]:587" },
	{ "relayhost that is a domain", "provider.test", "bob@x.test",
		"provider.test" },
	{ "domain of the table", "[s]", "a@example.test", "[192.0.2.1]:2525" },
	{ "below it", "[s]", "a@deep.sub.example.test", "gateway.example" },
	{ "the address itself", "[s]", "Boss@Example.test", "[boss.example]" },
	{ "past relayhost", "[s]", "a@direct.test", "direct.test" },
	{ "never, with a status", "", "a@closed.test",
		"never 5.1.8 nobody lives here" },
	{ "never, without", "", "a@plain.test", "never 5.1.2 gone" },
	{ "later", "", "a@wait.test", "later 4.3.2 being moved" },
	{ "later, without words", "", "a@rest.test",
		"later 4.3.0 Mail for this address waits" },
	{ "an address literal", "", "a@[192.0.2.7]", "[192.0.2.7]" },
	{ "a domain beyond ASCII", "", "a@b\xc3\xbc" "cher.test",
		"xn--bcher-kva.test" },
	{ "not a domain", "", "a@b..c",
		"never 5.1.2 The domain of the address is not a domain" },
	{ "no domain", "", "a",
		"never 5.1.2 The domain of the address is not a domain" },
};

static void
addresses_find_their_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct routes *routes;
		struct route route;
		struct error error;
		struct arena arena;
		struct span got;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		assert_int_equal(routes_new(span_from(cases[i].relayhost),
			SPAN(table), "transport", &routes, &error), 0);
		route_find(routes, span_from(cases[i].address), &arena,
			&route);
		got = route.verdict == ROUTE_HOP ? arena_print(&arena, "%.*s",
			SPAN_PRINT(route.hop)) : arena_print(&arena,
			"%s %.*s %.*s", route.verdict == ROUTE_NEVER ?
			"never" : "later", SPAN_PRINT(route.status),
			SPAN_PRINT(route.text));
		assert_string_equal(got.data, cases[i].want);
		routes_free(&routes);
		arena_fini(&arena);
	}
}

static void
a_star_is_for_all_others(void **state)
{
	struct routes *routes;
	struct route route;
	struct error error;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(routes_new(SPAN("[s]"),
		SPAN("a.test smtp:[a]\n* smtp:[rest]:26"), "t", &routes,
		&error), 0);
	route_find(routes, SPAN("x@b.test"), &arena, &route);
	assert_true(span_equals(route.hop, SPAN("[rest]:26")));
	route_find(routes, SPAN("x@a.test"), &arena, &route);
	assert_true(span_equals(route.hop, SPAN("[a]")));
	routes_free(&routes);
	arena_fini(&arena);
}

static void
what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *relayhost, *table, *want;
	} bad[] = {
		{ "a b", "", "relayhost: \"a b\" is not" },
		{ "[host", "", "relayhost: \"[host\" is not" },
		{ "host:99999", "", "relayhost: \"host:99999\" is not" },
		{ "", "#\n\nx.test lmtp:unix:/a\n", "t:3: \"lmtp:unix:/a\"" },
		{ "", "x.test\n", "t:1: \"\" is not" },
		{ "", "x.test smtp:a b\n", "t:1: \"smtp:a b\"" },
		{ "", "a.test smtp:b\nx.test host\n", "t:2: \"host\"" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct routes *routes;
		struct error error = { .text = "" };
		assert_int_equal(routes_new(span_from(bad[i].relayhost),
			span_from(bad[i].table), "t", &routes, &error), -1);
		assert_int_equal(strncmp(error.text, bad[i].want,
			strlen(bad[i].want)), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_find_their_way),
		cmocka_unit_test(a_star_is_for_all_others),
		cmocka_unit_test(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
