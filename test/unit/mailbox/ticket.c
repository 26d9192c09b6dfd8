/* What auth's answer to a ticket lets in, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "mailbox/ticket.h"

#define GOOD "user=alice@x\taccount=1f\tactor=2e\tservice=imap\tquota=1000"

static void
answers_are_believed_only_whole(void **state)
{
	static const struct {
		const char *line;
		enum ticket_verdict verdict;
	} cases[] = {
		{ "OK\t1\t" GOOD, TICKET_OK },
		{ "OK\t1\t" GOOD "\tlater=x", TICKET_OK },
		{ "FAIL\t1", TICKET_DENIED },
		{ "FAIL\t1\ttemp", TICKET_LATER },
		{ "OK\t1\tuser=alice@x\taccount=1f\tactor=2e\tservice=pop3\t"
			"quota=0", TICKET_DENIED },
		{ "OK\t1\tuser=\taccount=1f\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\taccount=1f\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=xyz\tactor=2e\tservice=imap\t"
			"quota=0", TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tactor=2e\tservice=imap",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tactor=2e\tservice=imap\t"
			"quota=many", TICKET_DENIED },
		{ "OK\t1", TICKET_DENIED },
		{ "OK", TICKET_LATER },
		{ "", TICKET_LATER },
		{ "OK\t1\tuser=\001", TICKET_LATER },
		{ "WHAT\t1", TICKET_LATER },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ticket ticket;
		print_message("%s\n", cases[i].line);
		assert_int_equal(ticket_take_answer(span_from(cases[i].line),
			"imap", &ticket), cases[i].verdict);
		if (cases[i].verdict != TICKET_OK)
			continue;
		assert_string_equal(ticket.user, "alice@x");
		assert_true(ticket.account == 0x1f);
		assert_true(ticket.actor == 0x2e);
		assert_true(ticket.quota == 1000);
	}
}

static void
the_peer_of_a_ticket_is_read(void **state)
{
	struct ticket ticket;
	(void)state;
	assert_int_equal(ticket_take_answer(SPAN("OK\t1\t" GOOD), "imap",
		&ticket), TICKET_OK);
	assert_false(ticket.is_external);
	assert_int_equal(ticket_take_answer(SPAN("OK\t1\t" GOOD
		"\tpeer=1000"), "imap", &ticket), TICKET_OK);
	assert_true(ticket.is_external && ticket.peer == 1000);
	assert_int_equal(ticket_take_answer(SPAN("OK\t1\t" GOOD "\tpeer=x"),
		"imap", &ticket), TICKET_DENIED);
}

/* A connection accepted by a listener of that name. */
static void
connect_by_name(const char *name, int ends[2])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	unlink(name);
	ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address,
		sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&address,
		sizeof(address)), 0);
	ends[1] = accept(listener, NULL, NULL);
	assert_true(ends[1] >= 0);
	close(listener);
	unlink(name);
}

/* A login that was taken over has ends of wires, whose peer is root by name; it
 * can make no socket that has a name. */
static void
only_the_user_himself_comes_in_by_the_kernels_word(void **state)
{
	struct ticket password = { .is_external = false };
	struct ticket self = { .is_external = true, .peer = getuid() };
	struct ticket other = { .is_external = true, .peer = getuid() + 1 };
	char place[] = "/tmp/unit-ticket-XXXXXX", name[64];
	int ends[2], pair[2];
	(void)state;
	assert_non_null(mkdtemp(place));
	snprintf(name, sizeof(name), "%s/imap", place);
	connect_by_name(name, ends);
	assert_int_equal(rmdir(place), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(ticket_fits(&password, ends[1]));
	assert_true(ticket_fits(&password, pair[0]));
	assert_true(ticket_fits(&self, ends[1]));
	assert_false(ticket_fits(&other, ends[1]));
	assert_false(ticket_fits(&self, pair[0]));
	assert_false(ticket_fits(&self, -1));
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(pair[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_believed_only_whole),
		cmocka_unit_test(the_peer_of_a_ticket_is_read),
		cmocka_unit_test(
			only_the_user_himself_comes_in_by_the_kernels_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
