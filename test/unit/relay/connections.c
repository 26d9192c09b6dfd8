/* Kept connections: who gets which, and which are not worth keeping. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "relay/connections.h"

enum { PATIENCE = 60000 };

static struct client *
make(const struct parameters *settings, int *server)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*server = pair[1];
	return client_new(&pair[0], SPAN("mx[192.0.2.1]"), settings);
}

/* What the server has been told until the end of the connection. */
static void
expect_end(int server, const char *words)
{
	char bytes[100];
	size_t size = 0;
	ssize_t n;
	struct pollfd slot = { .fd = server, .events = POLLIN };
	do {
		assert_int_equal(poll(&slot, 1, PATIENCE), 1);
		n = read(server, bytes + size, sizeof(bytes) - size);
		size += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	assert_true(span_equals(span_of(bytes, size), span_from(words)));
}

static void
the_one_used_last_is_used_again(void **state)
{
	static const struct parameters settings = { .idle_limit = 600000 };
	struct connections *connections = connections_new();
	int servers[3];
	struct client *clients[3], *given;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		given = clients[i] = make(&settings, &servers[i]);
		connections_give(connections, i == 2 ? SPAN("b") : SPAN("a"),
			&given);
		assert_null(given);
	}
	assert_null(connections_take(connections, SPAN("c")));
	assert_ptr_equal(connections_take(connections, SPAN("a")), clients[1]);
	assert_ptr_equal(connections_take(connections, SPAN("a")), clients[0]);
	assert_null(connections_take(connections, SPAN("a")));
	connections_free(&connections);
	expect_end(servers[2], "QUIT\r\n");
	client_free(&clients[0]);
	client_free(&clients[1]);
	for (size_t i = 0; i < 3; i++)
		file_close(&servers[i]);
}

static void
what_a_server_ended_or_spoke_into_is_not_used(void **state)
{
	static const struct parameters settings = { .idle_limit = 600000 };
	struct connections *connections = connections_new();
	int servers[2];
	struct error error;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client *client = make(&settings, &servers[i]);
		connections_give(connections, SPAN("a"), &client);
	}
	file_close(&servers[0]);
	assert_int_equal(file_write_all(servers[1], SPAN("421 bye\r\n"),
		&error), 0);
	assert_null(connections_take(connections, SPAN("a")));
	expect_end(servers[1], "");
	file_close(&servers[1]);
	connections_free(&connections);
}

static void
served_out_connections_are_ended(void **state)
{
	static const struct {
		const char *name;
		struct parameters settings;
		unsigned used;
		int64_t age;
		bool is_kept;
	} cases[] = {
		{ "young", { .idle_limit = 600000, .reuse_limit = 600000,
			.reuse_count = 2 }, 1, 0, true },
		{ "not to be kept", { .idle_limit = 0 }, 1, 0, false },
		{ "too old", { .idle_limit = 600000, .reuse_limit = 600000 }, 1,
			600001, false },
		{ "used too often", { .idle_limit = 600000, .reuse_count = 2 },
			2, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connections *connections = connections_new();
		int server;
		struct client *client = make(&cases[i].settings, &server);
		client->used = cases[i].used;
		client->opened = clock_monotonic() - cases[i].age;
		connections_give(connections, SPAN("a"), &client);
		client = connections_take(connections, SPAN("a"));
		if ((client != NULL) != cases[i].is_kept)
			fail_msg("%s", cases[i].name);
		if (client == NULL)
			expect_end(server, "QUIT\r\n");
		client_free(&client);
		connections_free(&connections);
		file_close(&server);
	}
}

static void
who_is_idle_for_too_long_is_told_quit(void **state)
{
	static const struct parameters settings = { .idle_limit = 100 };
	struct connections *connections = connections_new();
	int servers[20];
	(void)state;
	connections_start(connections);
	for (size_t i = 0; i < 20; i++) {
		struct client *client = make(&settings, &servers[i]);
		char key = (char)('a' + i % 3);
		connections_give(connections, span_of(&key, 1), &client);
	}
	for (size_t i = 0; i < 20; i++) {
		expect_end(servers[i], "QUIT\r\n");
		file_close(&servers[i]);
	}
	connections_free(&connections);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_used_last_is_used_again),
		cmocka_unit_test(what_a_server_ended_or_spoke_into_is_not_used),
		cmocka_unit_test(served_out_connections_are_ended),
		cmocka_unit_test(who_is_idle_for_too_long_is_told_quit),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
