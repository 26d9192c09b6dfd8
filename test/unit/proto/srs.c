/* Reverse-paths of forwarded mail, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proto/srs.h"

#define SECRET SPAN("a secret of this machine")
#define TODAY 20779

static struct span
local_of(struct span address)
{
	size_t at = address.size;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return span_first(address, at - 1);
}

static void
addresses_go_there_and_back(void **state)
{
	static const char *const addresses[] = { "alice@far.test",
		"a=b=c@far.test", "Alice.Smith+x@Far.Test",
		"\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b.test" };
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct arena arena;
		struct span there, back;
		arena_init(&arena, 0);
		assert_true(srs_forward(SECRET, span_from(addresses[i]),
			SPAN("us.test"), TODAY, &arena, &there));
		assert_true(span_starts(there, SPAN("SRS0=")));
		assert_true(span_ends_nocase(there, SPAN("@us.test")));
		assert_int_equal(srs_reverse(SECRET, local_of(there),
			TODAY + SRS_DAYS, &arena, &back), SRS_OK);
		assert_true(span_equals(back, span_from(addresses[i])));
		/* Too late, and with another's secret. */
		assert_int_equal(srs_reverse(SECRET, local_of(there),
			TODAY + SRS_DAYS + 1, &arena, &back), SRS_BAD);
		assert_int_equal(srs_reverse(SPAN("other"), local_of(there),
			TODAY, &arena, &back), SRS_BAD);
		arena_fini(&arena);
	}
}

/* Any change of what was signed is seen. */
static void
nothing_can_be_changed(void **state)
{
	struct arena arena;
	struct span there, back;
	(void)state;
	arena_init(&arena, 0);
	assert_true(srs_forward(SECRET, SPAN("alice@far.test"),
		SPAN("us.test"), TODAY, &arena, &there));
	struct span local = local_of(there);
	for (size_t i = 5; i < local.size; i++) {
		char *copy = arena_copy_string(&arena, local);
		copy[i] = copy[i] == 'z' ? 'y' : 'z';
		assert_true(srs_reverse(SECRET, span_of(copy, local.size),
			TODAY, &arena, &back) != SRS_OK);
	}
	arena_fini(&arena);
}

/* Forwarded again by somebody else: it comes back to us, not to him. */
static void
a_second_forwarder_remembers_the_first(void **state)
{
	struct arena arena;
	struct span first, second, third, back;
	(void)state;
	arena_init(&arena, 0);
	assert_true(srs_forward(SECRET, SPAN("alice@far.test"),
		SPAN("us.test"), TODAY, &arena, &first));
	assert_true(srs_forward(SPAN("two"), first, SPAN("two.test"), TODAY,
		&arena, &second));
	assert_true(span_starts(second, SPAN("SRS1=")));
	assert_true(srs_forward(SPAN("three"), second, SPAN("three.test"),
		TODAY, &arena, &third));
	assert_int_equal(srs_reverse(SPAN("three"), local_of(third), TODAY,
		&arena, &back), SRS_OK);
	assert_true(span_equals(back, first));
	assert_int_equal(srs_reverse(SPAN("two"), local_of(second), TODAY,
		&arena, &back), SRS_OK);
	assert_true(span_equals(back, first));
	arena_fini(&arena);
}

static void
others_are_left_alone(void **state)
{
	static const char *const locals[] = { "alice", "SRS", "SRS0", "SRS0=",
		"SRS0=x", "SRS0=x=y", "SRS0=abcde=aa=far.test", "srs1=x",
		"SRS2=abcde=aa=far.test=alice" };
	(void)state;
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		struct arena arena;
		struct span back;
		arena_init(&arena, 0);
		assert_true(srs_reverse(SECRET, span_from(locals[i]), TODAY,
			&arena, &back) != SRS_OK);
		arena_fini(&arena);
	}
}

static void
what_would_be_too_long_stays(void **state)
{
	struct arena arena;
	struct span there;
	char address[200];
	(void)state;
	arena_init(&arena, 0);
	memset(address, 'a', 120);
	memcpy(address + 120, "@far.test", 10);
	assert_false(srs_forward(SECRET, span_from(address), SPAN("us.test"),
		TODAY, &arena, &there));
	arena_fini(&arena);
}

/* A report could not come back to them: the old reverse-path stays. */
static void
what_would_not_lead_back_stays(void **state)
{
	static const char *const addresses[] = { "\"\"@far.test",
		"alice@[192.0.2.1]", "SRS0=x@[192.0.2.1]" };
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct arena arena;
		struct span out;
		arena_init(&arena, 0);
		assert_false(srs_forward(SECRET, span_from(addresses[i]),
			SPAN("us.test"), TODAY, &arena, &out));
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_go_there_and_back),
		cmocka_unit_test(nothing_can_be_changed),
		cmocka_unit_test(a_second_forwarder_remembers_the_first),
		cmocka_unit_test(what_would_not_lead_back_stays),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(what_would_be_too_long_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
