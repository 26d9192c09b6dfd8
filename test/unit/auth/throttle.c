/* Failed logins: limits, forgetting, delays; and the bounded table below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "auth/bounded_map.h"
#include "auth/throttle.h"
#include "base/memory.h"

static struct network_address
address_of(const char *text)
{
	struct network_address address;
	assert_true(network_address_parse(span_from(text), &address));
	return address;
}

static int64_t
fail_often(struct throttle *throttle, const char *name, const char *client,
	int64_t now, unsigned times)
{
	struct network_address address = address_of(client);
	int64_t delay = 0;
	for (unsigned i = 0; i < times; i++)
		delay = throttle_failed(throttle, &(struct throttle_attempt){
			span_from(name), &address, false, now }, 2000);
	return delay;
}

static bool
is_allowed(struct throttle *throttle, const char *name, const char *client,
	int64_t now)
{
	struct network_address address = address_of(client);
	return throttle_allows(throttle, &(struct throttle_attempt){
		span_from(name), &address, false, now });
}

static void
an_account_has_a_limit_that_leaks(void **state)
{
	struct throttle *throttle = throttle_new();
	(void)state;
	for (int i = 0; i < THROTTLE_ACCOUNT_LIMIT; i++) {
		char client[30];
		snprintf(client, sizeof(client), "192.0.2.%d", i + 1);
		assert_true(is_allowed(throttle, "alice", client, 1000));
		fail_often(throttle, "alice", client, 1000, 1);
	}
	assert_false(is_allowed(throttle, "alice", "198.51.100.1", 1000));
	assert_true(is_allowed(throttle, "bob", "198.51.100.1", 1000));
	assert_false(is_allowed(throttle, "alice", "198.51.100.1",
		1000 + THROTTLE_FORGET - 1));
	assert_true(is_allowed(throttle, "alice", "198.51.100.1",
		1000 + THROTTLE_FORGET));
	throttle_free(&throttle);
}

static void
a_network_has_a_limit_over_all_names(void **state)
{
	struct throttle *throttle = throttle_new();
	struct network_address client = address_of("2001:db8::1");
	(void)state;
	for (int i = 0; i < THROTTLE_NETWORK_LIMIT; i++) {
		char name[30];
		snprintf(name, sizeof(name), "user%d", i);
		assert_true(is_allowed(throttle, name, "2001:db8::1", 0));
		fail_often(throttle, name, "2001:db8::1", 0, 1);
	}
	assert_false(is_allowed(throttle, "fresh", "2001:db8::2", 0));
	assert_true(is_allowed(throttle, "fresh", "2001:db8:0:1::2", 0));
	assert_true(throttle_allows(throttle, &(struct throttle_attempt){
		SPAN("fresh"), &client, true, 0 }));	/* mynetworks */
	throttle_free(&throttle);
}

static void
a_known_network_is_not_locked_out_by_strangers(void **state)
{
	struct throttle *throttle = throttle_new();
	struct network_address home = address_of("192.0.2.1");
	(void)state;
	throttle_succeeded(throttle, &(struct throttle_attempt){
		SPAN("alice"), &home, false, 0 });
	fail_often(throttle, "alice", "203.0.113.1", 0,
		THROTTLE_ACCOUNT_LIMIT);
	assert_false(is_allowed(throttle, "alice", "203.0.113.2", 0));
	assert_true(is_allowed(throttle, "alice", "192.0.2.1", 0));
	/* another's broken device in the same network */
	fail_often(throttle, "bob", "192.0.2.1", 0, THROTTLE_NETWORK_LIMIT);
	assert_true(is_allowed(throttle, "alice", "192.0.2.1", 0));
	assert_false(is_allowed(throttle, "carol", "192.0.2.1", 0));
	/* but not without end */
	fail_often(throttle, "alice", "192.0.2.1", 0,
		THROTTLE_ACCOUNT_LIMIT * THROTTLE_KNOWN_FACTOR);
	assert_false(is_allowed(throttle, "alice", "192.0.2.1", 0));
	throttle_free(&throttle);
}

static void
replies_become_slower(void **state)
{
	static const int64_t want[] = { 2000, 2000, 4000, 4000, 8000, 8000,
		15000, 15000, 15000 };
	struct throttle *throttle = throttle_new();
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(fail_often(throttle, "alice", "192.0.2.1", 0, 1) ==
			want[i]);
	throttle_free(&throttle);
}

static void
the_last_used_are_kept(void **state)
{
	struct bounded_map recent;
	(void)state;
	bounded_map_init(&recent, 10, memory_free);
	for (uint64_t i = 0; i < 1000; i++) {
		bounded_map_put(&recent, map_key_u64(&i), memory_new(1));
		uint64_t first = 0;
		assert_non_null(bounded_map_get(&recent, map_key_u64(&first)));
		assert_true(bounded_map_count(&recent) <= 20);
	}
	uint64_t old = 500, last = 995;
	assert_null(bounded_map_get(&recent, map_key_u64(&old)));
	assert_non_null(bounded_map_get(&recent, map_key_u64(&last)));
	void *taken = bounded_map_take(&recent, map_key_u64(&last));
	assert_non_null(taken);
	memory_free(taken);
	assert_null(bounded_map_get(&recent, map_key_u64(&last)));
	bounded_map_fini(&recent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_has_a_limit_that_leaks),
		cmocka_unit_test(a_network_has_a_limit_over_all_names),
		cmocka_unit_test(a_known_network_is_not_locked_out_by_strangers),
		cmocka_unit_test(replies_become_slower),
		cmocka_unit_test(the_last_used_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
