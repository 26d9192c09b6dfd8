/* Where mail goes: what the queue may say, and in which order hosts are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/next_hop.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
next_hops_are_understood(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
		const char *name;
		unsigned port;
		bool is_host, is_literal;
	} cases[] = {
		{ "example.org", true, "example.org", 25, false, false },
		{ "[mx.example.org]", true, "mx.example.org", 25, true, false },
		{ "[mx.example.org]:587", true, "mx.example.org", 587, true, false },
		{ "mx.example.org:587", true, "mx.example.org", 587, true, false },
		{ "[192.0.2.1]", true, "192.0.2.1", 25, true, true },
		{ "192.0.2.1:26", true, "192.0.2.1", 26, true, true },
		{ "[IPv6:2001:db8::1]", true, "2001:db8::1", 25, true, true },
		{ "[2001:db8::1]:26", true, "2001:db8::1", 26, true, true },
		{ "192.0.2.1", true, "192.0.2.1", 25, false, false },
		{ "", false, NULL, 0, false, false },
		{ "[]", false, NULL, 0, false, false },
		{ "[mx", false, NULL, 0, false, false },
		{ "[mx]x", false, NULL, 0, false, false },
		{ "[mx]:", false, NULL, 0, false, false },
		{ "mx:0", false, NULL, 0, false, false },
		{ "mx:65536", false, NULL, 0, false, false },
		{ ":25", false, NULL, 0, false, false },
		{ "2001:db8::1", false, NULL, 0, false, false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct next_hop hop;
		bool is_good = next_hop_parse(span_from(cases[i].text), &hop);
		if (is_good != cases[i].is_good || (is_good &&
			(!span_equals(hop.name, span_from(cases[i].name)) ||
			hop.port != cases[i].port ||
			hop.is_host != cases[i].is_host ||
			hop.is_literal != cases[i].is_literal)))
			fail_msg("%s", cases[i].text);
	}
}

static uint64_t chance;

static uint64_t
random_number(void)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return chance >> 33;	/* the lower bits repeat soon */
}

static void
better_preferences_come_first_and_equal_ones_by_chance(void **state)
{
	static const struct next_hop_host hosts[] = {
		{ SPAN("c"), 20 }, { SPAN("a"), 10 }, { SPAN("d"), 20 },
		{ SPAN("b"), 10 }, { SPAN("e"), 30 },
	};
	unsigned first[256] = { 0 }, third[256] = { 0 };
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct next_hop_host order[COUNT(hosts)];
		memcpy(order, hosts, sizeof(hosts));
		next_hop_order(order, COUNT(order), random_number);
		for (size_t j = 1; j < COUNT(order); j++)
			assert_true(order[j - 1].preference <=
				order[j].preference);
		first[(unsigned char)order[0].name.data[0]]++;
		third[(unsigned char)order[2].name.data[0]]++;
	}
	assert_in_range(first['a'], 400, 600);
	assert_int_equal(first['a'] + first['b'], 1000);
	assert_in_range(third['c'], 400, 600);
	assert_int_equal(third['c'] + third['d'], 1000);
}

static void
ourselves_and_what_is_not_better_is_left_out(void **state)
{
	static const struct next_hop_host hosts[] = {
		{ SPAN("a"), 10 }, { SPAN("b"), 20 }, { SPAN("Us.Example"), 20 },
		{ SPAN("c"), 20 }, { SPAN("d"), 30 },
	};
	(void)state;
	assert_int_equal(next_hop_without_own(hosts, 5, SPAN("us.example")), 1);
	assert_int_equal(next_hop_without_own(hosts, 5, SPAN("A")), 0);
	assert_int_equal(next_hop_without_own(hosts, 5, SPAN("other")), 5);
	assert_int_equal(next_hop_without_own(hosts, 0, SPAN("other")), 0);
}

/* ---- addresses ---- */

/* "4" and "6" for answers with so many, "L" for nobody knows. */
static char world_four, world_six;

static void
answer_one(struct arena *arena, struct span name, enum names_type type,
	struct names_answer *answer)
{
	char kind = type == NAMES_A ? world_four : world_six;
	*answer = (struct names_answer){ .verdict = kind == 'L' ?
		NAMES_LATER : kind == '0' ? NAMES_EMPTY : NAMES_FOUND,
		.canonical = name };
	if (answer->verdict != NAMES_FOUND)
		return;
	answer->count = (size_t)(kind - '0');
	answer->record = arena_new_array(arena, answer->count,
		sizeof(*answer->record));
	for (size_t i = 0; i < answer->count; i++) {
		struct network_address *address = &answer->record[i].address;
		address->family = type == NAMES_A ? AF_INET : AF_INET6;
		memset(address->bytes, 32 + (int)i, 16);
	}
}

static void
ask(void *context, struct arena *arena,
	const struct names_question *questions, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		answer_one(arena, questions[i].name, questions[i].type,
			questions[i].answer);
}

static void
families_take_turns(void **state)
{
	static const struct {
		char six, four;
		enum parameters_preference preference;
		const char *families;	/* or the reply */
	} cases[] = {
		{ '2', '2', PARAMETERS_IPV6_FIRST, "6464" },
		{ '2', '2', PARAMETERS_IPV4_FIRST, "4646" },
		{ '3', '1', PARAMETERS_IPV4_FIRST, "4666" },
		{ '0', '2', PARAMETERS_IPV6_FIRST, "44" },
		{ 'L', '1', PARAMETERS_IPV6_FIRST, "4" },
		{ '0', '0', PARAMETERS_IPV6_FIRST, "550" },
		{ 'L', '0', PARAMETERS_IPV6_FIRST, "451" },
	};
	static const struct next_hop_host host = { SPAN("mx.example"), 0 };
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct parameters settings = { .has_ipv4 = true,
			.has_ipv6 = true, .preference = cases[i].preference };
		const struct next_hop_world world = { .ask = ask,
			.random = random_number, .settings = &settings };
		struct next_hop_addresses addresses;
		struct next_hop hop;
		struct verdict why;
		struct arena arena;
		char got[20] = "";
		arena_init(&arena, 0);
		world_six = cases[i].six;
		world_four = cases[i].four;
		assert_true(next_hop_parse(SPAN("example"), &hop));
		if (next_hop_resolve(&hop, &host, &world, &arena, &addresses,
			&why))
			for (size_t j = 0; j < addresses.count; j++)
				got[j] = addresses.address[j].family ==
					AF_INET ? '4' : '6';
		else
			snprintf(got, sizeof(got), "%u", why.code);
		assert_string_equal(got, cases[i].families);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_hops_are_understood),
		cmocka_unit_test(
			better_preferences_come_first_and_equal_ones_by_chance),
		cmocka_unit_test(ourselves_and_what_is_not_better_is_left_out),
		cmocka_unit_test(families_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
