/* Limits: counted by network, in windows, in a table that cannot be filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "serve/limit.h"

static struct network_address
address_of(const char *text)
{
	struct network_address address;
	assert_true(network_address_parse(span_from(text), &address));
	return address;
}

static void
connections_are_counted_by_network(void **state)
{
	static const struct {
		const char *client;
		bool may_enter;
	} steps[] = {
		{ "192.0.2.1", true }, { "192.0.2.1", true },
		{ "192.0.2.1", false }, { "192.0.2.2", true },
		{ "2001:db8::1", true }, { "2001:db8::2", true },
		{ "2001:db8::3", false }, { "2001:db8:0:1::3", true },
	};
	struct limit_table *table = limit_table_new(60000);
	struct network_address client;
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		client = address_of(steps[i].client);
		if (limit_connection_enter(table, &client, 2) !=
		    steps[i].may_enter)
			fail_msg("step %zu: %s", i, steps[i].client);
	}
	/* one goes, one may come; one that was refused does not count */
	client = address_of("192.0.2.1");
	limit_connection_leave(table, &client);
	assert_true(limit_connection_enter(table, &client, 2));
	assert_false(limit_connection_enter(table, &client, 2));
	assert_true(limit_connection_enter(table, &client, 0));
	limit_table_free(&table);
	assert_null(table);
}

static void
events_are_counted_in_windows(void **state)
{
	static const struct {
		int64_t now;
		enum limit_rate rate;
		bool is_within;
	} steps[] = {
		{ 1000, LIMIT_MESSAGES, true }, { 1500, LIMIT_MESSAGES, true },
		{ 1999, LIMIT_MESSAGES, false }, { 1999, LIMIT_AUTH, true },
		{ 2000, LIMIT_MESSAGES, true }, { 2001, LIMIT_MESSAGES, true },
		{ 2002, LIMIT_MESSAGES, false },
	};
	struct limit_table *table = limit_table_new(1000);
	struct network_address client = address_of("192.0.2.1");
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (limit_event(table, &client, steps[i].rate, 2,
		    steps[i].now) != steps[i].is_within)
			fail_msg("step %zu", i);
	assert_true(limit_event(table, &client, LIMIT_MESSAGES, 0, 2003));
	limit_table_free(&table);
}

static void
many_networks_do_not_make_it_forget_who_is_connected(void **state)
{
	struct limit_table *table = limit_table_new(60000);
	struct network_address busy = address_of("192.0.2.1");
	struct network_address rated = address_of("192.0.2.2");
	struct network_address other = address_of("10.0.0.0");
	(void)state;
	assert_true(limit_connection_enter(table, &busy, 1));
	assert_true(limit_event(table, &busy, LIMIT_AUTH, 1, 0));
	assert_true(limit_event(table, &rated, LIMIT_AUTH, 1, 0));
	assert_false(limit_event(table, &rated, LIMIT_AUTH, 1, 0));
	for (uint32_t i = 0; i < 70000; i++) {
		other.bytes[1] = (uint8_t)(i >> 16);
		other.bytes[2] = (uint8_t)(i >> 8);
		other.bytes[3] = (uint8_t)i;
		assert_true(limit_event(table, &other, LIMIT_AUTH, 1, 1));
	}
	assert_false(limit_connection_enter(table, &busy, 1));
	assert_false(limit_event(table, &busy, LIMIT_AUTH, 1, 1));
	/* who had nothing but an old event is forgotten: the table is bounded */
	assert_true(limit_event(table, &rated, LIMIT_AUTH, 1, 1));
	limit_table_free(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_counted_by_network),
		cmocka_unit_test(events_are_counted_in_windows),
		cmocka_unit_test(
			many_networks_do_not_make_it_forget_who_is_connected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
