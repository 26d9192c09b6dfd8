/*
 * Connections handed over: only what auth vouches for is served, and failure is
 * said in the protocol's words. login and auth are played by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../queue/world.h"
#include "base/clock.h"
#include "base/file.h"
#include "mailbox/adopt.h"

/* ---- a protocol that says what it was given ---- */

static void
begin_session(struct mailbox_login *login)
{
	struct buffer out;
	struct error error;
	buffer_init(&out, 0);
	buffer_print(&out, "begun %s %llx %llx %llu %s %s [%.*s]",
		login->user, (unsigned long long)login->account,
		(unsigned long long)login->actor,
		(unsigned long long)login->quota, login->session, login->tag,
		SPAN_PRINT(login->unread));
	file_write_all(login->fd, buffer_span(&out), &error);
	file_close(&login->fd);
	buffer_fini(&out);
	if (login->account != 0x15)	/* stays */
		mailbox_logout("mailbox-test", login->account);
}

const struct mailbox_protocol mailbox_protocols[] = {
	{ .service = "mailbox-test", .ticket = "test",
		.limit = "imap_user_connection_limit", .begin = begin_session,
		.has_tag = true, .denied = "NO denied\r\n",
		.later = "NO later\r\n", .too_many = "NO too many\r\n" },
	{ .service = NULL },
};

/* ---- auth: the first byte of the ticket says what it answers ---- */

static const struct {
	const char *ticket, *answer;
} tickets[] = {
	{ "11", "OK\t1\tuser=alice@x\taccount=11\tactor=12\tservice=test\t"
		"quota=99\n" },
	{ "12", "OK\t1\tuser=bob@x\taccount=12\tactor=12\tservice=test\t"
		"quota=0\n" },		/* another process's account */
	{ "13", "OK\t1\tuser=alice@x\taccount=11\tactor=12\tservice=imap\t"
		"quota=0\n" },		/* another protocol's ticket */
	{ "14", "FAIL\t1\n" },
	{ "15", "OK\t1\tuser=carol@x\taccount=15\tactor=15\tservice=test\t"
		"quota=0\n" },
};

static void *
play_auth(void *context)
{
	int fd = (int)(intptr_t)context;
	struct stream stream;
	struct span line;
	struct error error;
	stream_init(&stream, &fd);
	stream.deadline = clock_monotonic() + WORLD_PATIENCE;
	stream_add(&stream, SPAN("VERSION\t1\t2\n"));
	while (stream_read_line(&stream, 1000, &line, &error) == 0) {
		if (span_starts(line, SPAN("VERSION")))
			continue;
		assert_true(span_starts(line, SPAN("REDEEM\t1\t")));
		struct span first = span_first(span_skip(line, 9), 2);
		size_t i = 0;
		while (i < 5 && !span_equals(first, span_from(
			tickets[i].ticket)))
			i++;
		if (i == 5)
			break;		/* auth dies */
		stream_add(&stream, span_from(tickets[i].answer));
		stream_send(&stream, &error);
	}
	stream_fini(&stream);
	return NULL;
}

static void
accept_auth(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, play_auth);
}

static const struct world_service services[] = {
	{ "auth-ticket", accept_auth }, { NULL, NULL },
};

/* ---- login ---- */

static struct mailbox mailbox = { .instance = 1, .processes = 2 };

/* The wire to the mailbox process. */
static int
connect_wire(void)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct incoming incoming = { .fd = pair[1],
		.service = "mailbox-test" };
	adopt_accept(mailbox.lot, &incoming);
	return pair[0];
}

/* The client's end of a connection that login has handed over. */
static int
hand_over(int wire, uint8_t ticket, const char *unread)
{
	int pair[2];
	struct error error;
	struct handover handover = { .fds = { -1, -1 }, .ticket = { ticket },
		.session = "s1", .tag = "a7", .unread = span_from(unread) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	handover.fds[0] = pair[1];
	assert_int_equal(handover_send(wire, &handover, &error), 0);
	return pair[0];
}

static void
assert_client_hears(int client, const char *want)
{
	char got[400] = "";
	size_t size = 0;
	ssize_t n;
	while (size < sizeof(got) - 1 && (n = read(client, got + size,
		sizeof(got) - 1 - size)) > 0)
		size += (size_t)n;
	assert_string_equal(got, want);
	close(client);
}

static void
auth_decides(void **state)
{
	static const struct {
		const char *name;
		uint8_t ticket;
		bool is_away;
		const char *want;
	} cases[] = {
		{ "good", 0x11, false,
			"begun alice@x 11 12 99 s1 a7 [a8 NOOP\r\n]" },
		{ "account of another process", 0x12, false,
			"a7 NO denied\r\n" },
		{ "ticket for another protocol", 0x13, false,
			"a7 NO denied\r\n" },
		{ "unknown ticket", 0x14, false, "a7 NO denied\r\n" },
		{ "auth dies", 0xff, false, "a7 NO later\r\n" },
		{ "auth is away", 0x11, true, "a7 NO later\r\n" },
	};
	struct config *config = NULL;
	struct error error;
	(void)state;
	assert_int_equal(config_load(NULL, NULL, 0, &config, &error), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		mailbox.lot = world_begin(services);
		world_set_away("auth-ticket", 0, cases[i].is_away);
		adopt_init(&mailbox, config,
			wire_pool_new(mailbox.lot, "auth-ticket", 0));
		int wire = connect_wire();
		assert_client_hears(hand_over(wire, cases[i].ticket,
			"a8 NOOP\r\n"), cases[i].want);
		/* the wire is good for the next one */
		assert_client_hears(hand_over(wire, 0x14, ""), cases[i].is_away
			? "a7 NO later\r\n" : "a7 NO denied\r\n");
		close(wire);
		world_end(&mailbox.lot);
		adopt_fini();
	world_join();
	}
	config_free(&config);
}

static void
sessions_of_an_account_are_counted(void **state)
{
	static const char *const limit[] = { "imap_user_connection_limit=2" };
	struct config *config = NULL;
	struct error error;
	(void)state;
	assert_int_equal(config_load(NULL, limit, 1, &config, &error), 0);
	mailbox.lot = world_begin(services);
	adopt_init(&mailbox, config,
		wire_pool_new(mailbox.lot, "auth-ticket", 0));
	int wire = connect_wire();
	const char *begun = "begun carol@x 15 15 0 s1 a7 []";
	assert_client_hears(hand_over(wire, 0x15, ""), begun);
	assert_client_hears(hand_over(wire, 0x15, ""), begun);
	assert_client_hears(hand_over(wire, 0x15, ""), "a7 NO too many\r\n");
	assert_client_hears(hand_over(wire, 0x11, ""),
		"begun alice@x 11 12 99 s1 a7 []");
	mailbox_logout("mailbox-test", 0x15);
	assert_client_hears(hand_over(wire, 0x15, ""), begun);
	/* who was there before an upgrade stays, if he is ours */
	assert_true(mailbox_login_again("mailbox-test", 0x15));
	assert_false(mailbox_login_again("mailbox-test", 0x14));
	mailbox_logout("mailbox-test", 0x15);
	assert_client_hears(hand_over(wire, 0x15, ""), "a7 NO too many\r\n");
	close(wire);
	world_end(&mailbox.lot);
	adopt_fini();
	world_join();
	config_free(&config);
}

static void
what_is_no_handover_ends_the_wire(void **state)
{
	struct config *config = NULL;
	struct error error;
	char byte;
	(void)state;
	assert_int_equal(config_load(NULL, NULL, 0, &config, &error), 0);
	mailbox.lot = world_begin(services);
	adopt_init(&mailbox, config,
		wire_pool_new(mailbox.lot, "auth-ticket", 0));
	int wire = connect_wire();
	assert_int_equal(write(wire, "a LOGIN b c\r\n", 13), 13);
	assert_int_equal(read(wire, &byte, 1), 0);
	close(wire);
	world_end(&mailbox.lot);
	adopt_fini();
	world_join();
	config_free(&config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_decides),
		cmocka_unit_test(sessions_of_an_account_are_counted),
		cmocka_unit_test(what_is_no_handover_ends_the_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
