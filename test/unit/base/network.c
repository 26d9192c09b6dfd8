/* Addresses of servers as administrators write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/network.h"

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
		bool ok = network_server_parse(span_from(servers[i].text),
			53, &server);
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
test_sockets(void **state)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct network_address there, back;
		struct sockaddr_storage socket;
		char text[NETWORK_TEXT_SIZE];
		assert_true(network_server_parse(span_from(addresses[i]), 2525,
			&there));
		socklen_t size = network_address_to_socket(&there, &socket);
		back = network_address_from((struct sockaddr *)&socket, size);
		network_address_format(&back, text);
		assert_string_equal(text, addresses[i]);
		assert_int_equal(back.port, 2525);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_sockets),
	};
	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
