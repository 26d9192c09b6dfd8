/*
 * SCRAM as a client: the example of RFC 7677 3, and what a server may not do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/scram_client.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define BOTH NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static const struct span first_of_server = SPAN("r=" BOTH
	",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");

static void
the_example_of_the_rfc(void **state)
{
	struct arena arena;
	struct scram_client client;
	struct span message;
	(void)state;
	arena_init(&arena, 0);
	message = scram_client_first(&client, &arena, SPAN("user"),
		SPAN(NONCE));
	assert_true(span_equals(message, SPAN("n,,n=user,r=" NONCE)));
	assert_true(scram_client_final(&client, first_of_server,
		SPAN("pencil"), &message));
	assert_true(span_equals(message, SPAN("c=biws,r=" BOTH
		",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")));
	assert_true(scram_client_check(&client,
		SPAN("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	assert_false(scram_client_check(&client,
		SPAN("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	assert_false(scram_client_check(&client, SPAN("e=other-error")));
	assert_false(scram_client_check(&client, SPAN("")));
	arena_fini(&arena);
}

static void
names_with_commas_are_escaped(void **state)
{
	struct arena arena;
	struct scram_client client;
	(void)state;
	arena_init(&arena, 0);
	assert_true(span_equals(scram_client_first(&client, &arena,
		SPAN("a,b=c"), SPAN("x")), SPAN("n,,n=a=2Cb=3Dc,r=x")));
	arena_fini(&arena);
}

static void
servers_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *what;
		struct span message;
	} cases[] = {
		{ "nothing", SPAN("") },
		{ "another nonce", SPAN("r=x,s=W22Z,i=4096") },
		{ "our nonce alone", SPAN("r=" NONCE ",s=W22Z,i=4096") },
		{ "no salt", SPAN("r=" BOTH ",s=,i=4096") },
		{ "salt that is no base64", SPAN("r=" BOTH ",s=!,i=4096") },
		{ "too few iterations", SPAN("r=" BOTH ",s=W22Z,i=1") },
		{ "iterations for a year",
			SPAN("r=" BOTH ",s=W22Z,i=4294967295") },
		{ "no iterations", SPAN("r=" BOTH ",s=W22Z") },
		{ "an extension that must be known",
			SPAN("m=x,r=" BOTH ",s=W22Z,i=4096") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct scram_client client;
		struct span message;
		arena_init(&arena, 0);
		scram_client_first(&client, &arena, SPAN("user"),
			SPAN(NONCE));
		if (scram_client_final(&client, cases[i].message,
			SPAN("pencil"), &message))
			fail_msg("%s", cases[i].what);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(names_with_commas_are_escaped),
		cmocka_unit_test(servers_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
