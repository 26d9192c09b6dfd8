/* Whose socket is in the way of one of ours: sockets of this process, taken for
 * ours or for another program's. Nothing is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/port_holder.h"

static struct sockaddr_storage
address_of(const char *text, unsigned port)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *four = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
	bool is_ipv6 = strchr(text, ':') != NULL;
	address.ss_family = is_ipv6 ? AF_INET6 : AF_INET;
	four->sin_port = htons((uint16_t)port);	/* at the same place in both */
	assert_int_equal(inet_pton(address.ss_family, text, is_ipv6 ?
		(void *)&six->sin6_addr : (void *)&four->sin_addr), 1);
	return address;
}

/* At any free port, which is returned; 0: this machine has no IPv6. */
static unsigned
hold(const char *text, int type, int *fd)
{
	struct sockaddr_storage address = address_of(text, 0);
	socklen_t size = sizeof(address);
	*fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
	int result = bind(*fd, (struct sockaddr *)&address,
		address.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
		sizeof(struct sockaddr_in6));
	if (result < 0 && address.ss_family == AF_INET6)
		return 0;
	assert_int_equal(result, 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(*fd, 1), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &size),
		0);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static const struct {
	const char *name, *held;
	int type;
	const char *wanted;
	bool is_datagram, is_ours;
	const char *found;		/* before ":PORT"; NULL: nobody */
} cases[] = {
	{ "the same", "127.0.0.1", SOCK_STREAM, "127.0.0.1", false, false,
		"127.0.0.1" },
	{ "ours", "127.0.0.1", SOCK_STREAM, "127.0.0.1", false, true, NULL },
	{ "as systemd-resolved's", "127.0.0.53", SOCK_STREAM, "0.0.0.0", false,
		false, "127.0.0.53" },
	{ "by UDP", "127.0.0.53", SOCK_DGRAM, "0.0.0.0", true, false,
		"127.0.0.53" },
	{ "ours elsewhere", "127.0.0.53", SOCK_STREAM, "0.0.0.0", false, true,
		NULL },
	{ "all addresses", "0.0.0.0", SOCK_STREAM, "127.0.0.1", false, false,
		"0.0.0.0" },
	{ "another address", "127.0.0.53", SOCK_STREAM, "127.0.0.1", false,
		false, NULL },
	{ "by TCP, UDP is free", "127.0.0.1", SOCK_STREAM, "127.0.0.1", true,
		false, NULL },
	{ "by UDP, TCP is free", "127.0.0.1", SOCK_DGRAM, "127.0.0.1", false,
		false, NULL },
	{ "IPv6, of all of both", "::", SOCK_STREAM, "0.0.0.0", false, false,
		"[::]" },
	{ "IPv4 leaves IPv6 free", "0.0.0.0", SOCK_STREAM, "::", false, false,
		NULL },
	{ "IPv6", "::1", SOCK_DGRAM, "::", true, false, "[::1]" },
};

static void
the_program_in_the_way_is_named(void **state)
{
	const int64_t ours[] = { getpid() };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port_holder holder = { 0 };
		char expected[80];
		int fd;
		unsigned port = hold(cases[i].held, cases[i].type, &fd);
		struct port_wish wish = { .port = port, .ours = ours,
			.address = address_of(cases[i].wanted, port),
			.is_datagram = cases[i].is_datagram,
			.count = cases[i].is_ours ? 1 : 0 };
		bool is_found = port_holder_find(&wish, &holder);
		print_message("%s\n", cases[i].name);
		if (port == 0)
			continue;
		assert_int_equal(is_found, cases[i].found != NULL);
		if (is_found) {
			snprintf(expected, sizeof(expected), "%s:%u",
				cases[i].found, port);
			assert_string_equal(holder.address, expected);
			assert_string_equal(holder.program, "unit-ctl-port_h");
		}
		close(fd);
	}
}

static void
a_free_port_is_nobodys(void **state)
{
	struct port_holder holder;
	int fd;
	(void)state;
	unsigned port = hold("127.0.0.1", SOCK_STREAM, &fd);
	close(fd);
	struct port_wish wish = { .port = port,
		.address = address_of("127.0.0.1", port) };
	assert_false(port_holder_find(&wish, &holder));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_in_the_way_is_named),
		cmocka_unit_test(a_free_port_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
