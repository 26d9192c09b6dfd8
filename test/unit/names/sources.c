/* Servers and trust anchors as administrators write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/sources.h"

static const struct {
	const char *name, *text, *address;	/* NULL: none */
	unsigned port;
} servers[] = {
	{ "IPv4", "192.0.2.1", "192.0.2.1", 53 },
	{ "IPv4 and port", "192.0.2.1@5353", "192.0.2.1", 5353 },
	{ "IPv6", "2001:db8::1", "2001:db8::1", 53 },
	{ "IPv6 and port", "2001:db8::1@5353", "2001:db8::1", 5353 },
	{ "IPv6 in brackets", "[2001:db8::1]", "2001:db8::1", 53 },
	{ "brackets and port", "[2001:db8::1]:5353", "2001:db8::1", 5353 },
	{ "IPv4 in brackets", "[192.0.2.1]:5353", "192.0.2.1", 5353 },
	{ "a name", "dns.example", NULL, 0 },
	{ "no port", "192.0.2.1@", NULL, 0 },
	{ "port 0", "192.0.2.1@0", NULL, 0 },
	{ "a port too high", "192.0.2.1@65536", NULL, 0 },
	{ "an open bracket", "[2001:db8::1", NULL, 0 },
	{ "behind the bracket", "[2001:db8::1]x", NULL, 0 },
	{ "nothing", "", NULL, 0 },
};

static void
test_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct network_address server;
		char text[NETWORK_TEXT_SIZE];
		bool ok = sources_read_server(span_from(servers[i].text),
			&server);
		if (ok != (servers[i].address != NULL))
			fail_msg("%s: %d", servers[i].name, ok);
		if (!ok)
			continue;
		network_address_format(&server, text);
		assert_string_equal(text, servers[i].address);
		assert_int_equal(server.port, servers[i].port);
	}
}

static void
test_a_list_names_what_is_wrong(void **state)
{
	struct sources_servers list;
	struct error error;
	(void)state;
	assert_int_equal(sources_read_forwarders(SPAN("192.0.2.1, ::1@54"),
		&list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(sources_read_forwarders(SPAN(" "), &list, &error), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(sources_read_forwarders(SPAN("192.0.2.1 x"), &list,
		&error), -1);
	assert_non_null(strstr(error.text, "found \"x\""));
	assert_int_equal(sources_read_forwarders(SPAN("1.1.1.1 1.1.1.2 1.1.1.3 "
		"1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9"), &list,
		&error), -1);
}

static void
test_resolv_conf(void **state)
{
	const struct span text = SPAN("# comment\nsearch example\n"
		"nameserver\t192.0.2.1 \nnameserver fe80::1%eth0\n"
		"nameserver nowhere\n;nameserver 192.0.2.9\nnameserver\n"
		"options edns0\nnameserver 127.0.0.1\nnameserver ::1");
	struct sources_servers list;
	(void)state;
	sources_read_resolv_conf(text, 0, &list);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.server[0].port, 53);
	sources_read_resolv_conf(text, 20053, &list);
	assert_int_equal(list.count, 3);
	/* we would ask ourselves */
	sources_read_resolv_conf(text, 53, &list);
	assert_int_equal(list.count, 1);
	sources_read_resolv_conf(SPAN(""), 0, &list);
	assert_int_equal(list.count, 0);
}

static void
test_anchors(void **state)
{
	struct span rest = SPAN("; only\n\n. DS 1 8 2 ab ; key 1\r\n"
		".\t172800 IN DNSKEY 257 3 8 AwEA=\n"), record;
	(void)state;
	assert_true(sources_next_anchor(&rest, &record));
	assert_true(span_equals(record, SPAN(". DS 1 8 2 ab")));
	assert_true(sources_next_anchor(&rest, &record));
	assert_true(span_equals(record,
		SPAN(".\t172800 IN DNSKEY 257 3 8 AwEA=")));
	assert_false(sources_next_anchor(&rest, &record));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_a_list_names_what_is_wrong),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_anchors),
	};
	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
