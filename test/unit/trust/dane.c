/* DANE for SMTP: when it applies, which records count, which names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trust/dane.h"

static char bytes[TLSWIRE_TLSA_SIZE + 1];

static void
base_domains_follow_secure_aliases(void **state)
{
	static const struct {
		const char *name;
		struct dane_host host;
		const char *bases[3];
	} cases[] = {
		{ "a secure host", { SPAN("mx.a.test"), SPAN("mx.a.test"),
			DANE_SECURE, DANE_SECURE }, { "mx.a.test" } },
		{ "an insecure host", { SPAN("mx.a.test"), SPAN("mx.a.test"),
			DANE_INSECURE, DANE_INSECURE }, { NULL } },
		{ "no addresses to be had", { SPAN("mx.a.test"),
			SPAN("mx.a.test"), DANE_FAILED, DANE_SECURE },
			{ NULL } },
		{ "a secure alias to a secure host", { SPAN("mx.a.test"),
			SPAN("host.b.test"), DANE_SECURE, DANE_SECURE },
			{ "host.b.test", "mx.a.test" } },
		{ "a secure alias to an insecure host", { SPAN("mx.a.test"),
			SPAN("host.b.test"), DANE_INSECURE, DANE_SECURE },
			{ "mx.a.test" } },
		{ "an insecure alias", { SPAN("mx.a.test"),
			SPAN("host.b.test"), DANE_INSECURE, DANE_INSECURE },
			{ NULL } },
		{ "an alias nobody knows of", { SPAN("mx.a.test"),
			SPAN("host.b.test"), DANE_INSECURE, DANE_FAILED },
			{ NULL } },
		{ "case makes no alias", { SPAN("MX.a.test"),
			SPAN("mx.a.test"), DANE_SECURE, DANE_INSECURE },
			{ "MX.a.test" } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span bases[DANE_BASES];
		size_t count = dane_bases(&cases[i].host, bases), j;
		print_message("%s\n", cases[i].name);
		for (j = 0; cases[i].bases[j] != NULL; j++) {
			assert_true(j < count);
			assert_true(span_equals(bases[j],
				span_from(cases[i].bases[j])));
		}
		assert_int_equal(count, j);
	}
}

static void
the_question_names_port_and_protocol(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_true(span_equals(dane_question(&arena, SPAN("mx.a.test"), 25),
		SPAN("_25._tcp.mx.a.test")));
	assert_true(span_equals(dane_question(&arena, SPAN("a.test"), 10025),
		SPAN("_10025._tcp.a.test")));
	arena_fini(&arena);
}

#define RECORD(usage, selector, matching, size) \
	{ usage, selector, matching, { bytes, size } }

static void
records_are_judged(void **state)
{
	static const struct {
		const char *name;
		enum dane_security security;
		struct tls_tlsa records[3];
		size_t count;
		enum dane_verdict verdict;
		size_t usable;
	} cases[] = {
		{ "none", DANE_SECURE, { { 0 } }, 0, DANE_NOT, 0 },
		{ "none, and not signed", DANE_INSECURE, { { 0 } }, 0, DANE_NOT,
			0 },
		{ "bogus", DANE_FAILED, { { 0 } }, 0, DANE_LATER, 0 },
		{ "bogus with records", DANE_FAILED, { RECORD(3, 1, 1, 32) }, 1,
			DANE_LATER, 0 },
		{ "not signed", DANE_INSECURE, { RECORD(3, 1, 1, 32) }, 1,
			DANE_NOT, 0 },
		{ "3 1 1", DANE_SECURE, { RECORD(3, 1, 1, 32) }, 1, DANE_VERIFY,
			1 },
		{ "3 0 2", DANE_SECURE, { RECORD(3, 0, 2, 64) }, 1, DANE_VERIFY,
			1 },
		{ "2 0 0", DANE_SECURE, { RECORD(2, 0, 0, 900) }, 1,
			DANE_VERIFY, 1 },
		{ "usages of the web do not count", DANE_SECURE,
			{ RECORD(0, 0, 1, 32), RECORD(1, 1, 1, 32) }, 2,
			DANE_ENCRYPT, 0 },
		{ "among others one counts", DANE_SECURE,
			{ RECORD(1, 1, 1, 32), RECORD(3, 1, 1, 32),
			RECORD(255, 1, 1, 32) }, 3, DANE_VERIFY, 1 },
		{ "an unknown selector", DANE_SECURE, { RECORD(3, 2, 1, 32) }, 1,
			DANE_ENCRYPT, 0 },
		{ "an unknown matching", DANE_SECURE, { RECORD(3, 1, 3, 48) }, 1,
			DANE_ENCRYPT, 0 },
		{ "a digest too short", DANE_SECURE, { RECORD(3, 1, 1, 31) }, 1,
			DANE_ENCRYPT, 0 },
		{ "a digest too long", DANE_SECURE, { RECORD(3, 1, 2, 65) }, 1,
			DANE_ENCRYPT, 0 },
		{ "a certificate of nothing", DANE_SECURE,
			{ RECORD(3, 0, 0, 0) }, 1, DANE_ENCRYPT, 0 },
		{ "a certificate too large", DANE_SECURE,
			{ RECORD(3, 0, 0, TLSWIRE_TLSA_SIZE + 1) }, 1,
			DANE_ENCRYPT, 0 },
	};
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dane_answer answer = { cases[i].security,
			cases[i].records, cases[i].count };
		const struct tls_tlsa *usable;
		size_t count;
		print_message("%s\n", cases[i].name);
		assert_int_equal(dane_judge(&answer, &arena, &usable, &count),
			cases[i].verdict);
		assert_int_equal(count, cases[i].usable);
	}
	arena_fini(&arena);
}

/* Whatever a zone holds, what is left is a request that tls takes. */
static void
too_many_records_still_make_a_request(void **state)
{
	static const size_t sizes[] = { 32, 1000, TLSWIRE_TLSA_SIZE };
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < 3; i++) {
		struct tls_tlsa records[200];
		struct span name = SPAN("mx.a.test");
		struct dane_answer answer = { DANE_SECURE, records, 200 };
		struct tls_connect_request request = { .sni = name,
			.names = &name, .name_count = 1,
			.verify = TLS_VERIFY_DANE };
		for (size_t j = 0; j < 200; j++)
			records[j] = (struct tls_tlsa){ 3, 1,
				sizes[i] == 32 ? 1 : 0,
				span_of(bytes, sizes[i]) };
		assert_int_equal(dane_judge(&answer, &arena, &request.tlsa,
			&request.tlsa_count), DANE_VERIFY);
		assert_true(request.tlsa_count >= 3);
		assert_true(tlswire_request_is_valid(&request));
	}
	arena_fini(&arena);
}

static void
names_of_authorities_are_the_next_hops(void **state)
{
	static const struct {
		const char *name, *base, *next_hop, *canonical, *names[4];
	} cases[] = {
		{ "of an MX host", "mx.b.test", "a.test", "a.test",
			{ "mx.b.test", "a.test" } },
		{ "of an alias of the domain", "mx.b.test", "a.test", "c.test",
			{ "mx.b.test", "a.test", "c.test" } },
		{ "of a host without MX", "host.a.test", "", "",
			{ "host.a.test" } },
		{ "each once", "a.test", "A.test", "a.TEST", { "a.test" } },
		{ "host names only", "a.test", ".b.test", "c\\032d.test",
			{ "a.test" } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span names[DANE_NAMES];
		size_t count = dane_names(span_from(cases[i].base),
			span_from(cases[i].next_hop),
			span_from(cases[i].canonical), names), j;
		print_message("%s\n", cases[i].name);
		for (j = 0; cases[i].names[j] != NULL; j++) {
			assert_true(j < count);
			assert_true(span_equals(names[j],
				span_from(cases[i].names[j])));
		}
		assert_int_equal(count, j);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_domains_follow_secure_aliases),
		cmocka_unit_test(the_question_names_port_and_protocol),
		cmocka_unit_test(records_are_judged),
		cmocka_unit_test(too_many_records_still_make_a_request),
		cmocka_unit_test(names_of_authorities_are_the_next_hops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
