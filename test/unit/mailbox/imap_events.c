/*
 * What an IMAP session does with the events of the lot: driven by hand, one
 * event after the other, so that time, a client that takes nothing and the end
 * of the process can be shown without waiting for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "mailbox/imap/imap.h"
#include "mailbox/move.h"
#include "serve/counter.h"
#include "store/engine.h"

enum { ACCOUNT = 3, MINUTE = 60 * 1000 };

static struct mailbox mailbox;
static struct engine *engine;
static struct session *added;
static unsigned nudges, logouts;

/* ---- what the session calls ---- */

void
lot_add(struct lot *lot, struct session *session)
{
	assert(lot == NULL && added == NULL);
	added = session;
}

void
lot_step_aside(void)
{
}

void
session_unwatch(struct session *session)
{
	assert(session == added);
}

void
session_nudge(struct session *session)
{
	assert(session == added);
	nudges++;
}

bool
mailbox_login_again(const char *service, uint64_t account)
{
	(void)service;
	return account == ACCOUNT;
}

void
mailbox_logout(const char *service, uint64_t account)
{
	assert(strcmp(service, "mailbox-imap") == 0 && account == ACCOUNT);
	logouts++;
}

void
mailbox_quota_note(struct store_account *account)
{
	(void)account;
}

/* ---- driving it ---- */

static int client;

static enum session_next
give(enum session_event event)
{
	return added->type->run(added, event);
}

static void
say(const char *text)
{
	ssize_t n = write(client, text, strlen(text));
	assert_int_equal(n, strlen(text));
}

/* What has come, as a string; empty when nothing has. */
static const char *
hear(void)
{
	static char text[1 << 16];
	ssize_t n = recv(client, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
assert_starts(const char *text, const char *start)
{
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("%s does not begin with %s", text, start);
}

/* Minutes until the session's deadline, rounded. */
static long
patience(void)
{
	return (long)((added->deadline - clock_monotonic() + MINUTE / 2) /
		MINUTE);
}

static int
begin(void **state)
{
	struct error error;
	struct store_options options = { 0 };
	int pair[2];
	(void)state;
	engine = engine_memory_new();
	options.engine = engine;
	mailbox = (struct mailbox){ .message_size_limit = 1 << 24 };
	mailbox.spill = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(mailbox.spill >= 0);
	assert(store_open(&options, &mailbox.store, &error) == 0);
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	struct mailbox_login login = { .mailbox = &mailbox, .fd = pair[1],
		.account = ACCOUNT, .actor = ACCOUNT, .tag = "a",
		.unread = SPAN("b NOOP\r\nc NO") };
	client = pair[0];
	nudges = logouts = 0;
	imap_session_begin(&login);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	added->type->free(&added);
	assert_int_equal(logouts, 1);
	close(client);
	store_close(&mailbox.store);
	engine->call->close(&engine);
	file_close(&mailbox.spill);
	return 0;
}

static void
greet(void)
{
	assert_int_equal(give(SESSION_START), SESSION_PARK);
	say("OP\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	hear();
}

/* ---- tests ---- */

static void
bytes_sent_with_the_login_are_not_lost(void **state)
{
	(void)state;
	assert_int_equal(give(SESSION_START), SESSION_PARK);
	const char *text = hear();
	assert_starts(text, "a OK [CAPABILITY IMAP4rev1 ");
	assert_non_null(strstr(text, "Logged in\r\nb OK NOOP completed\r\n"));
	say("OP\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_string_equal(hear(), "c OK NOOP completed\r\n");
}

static void
quiet_clients_have_half_an_hour(void **state)
{
	(void)state;
	greet();
	assert_int_equal(patience(), 30);
	assert_int_equal(give(SESSION_DEADLINE), SESSION_CLOSE);
	assert_starts(hear(), "* BYE Autologout");
}

static void
half_a_command_has_less(void **state)
{
	(void)state;
	greet();
	say("d NOO");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_int_equal(patience(), 10);
	say("P\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_string_equal(hear(), "d OK NOOP completed\r\n");
	assert_int_equal(patience(), 30);
}

static void
the_end_of_the_process_is_said(void **state)
{
	(void)state;
	greet();
	say("d IDLE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_string_equal(hear(), "+ idling\r\n");
	assert_int_equal(give(SESSION_STOP), SESSION_CLOSE);
	assert_starts(hear(), "* BYE The server is going down");
}

static void
the_client_that_hangs_up_is_gone(void **state)
{
	(void)state;
	greet();
	shutdown(client, SHUT_WR);
	assert_int_equal(give(SESSION_READABLE), SESSION_CLOSE);
}

static unsigned
open_files(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* Half of a message that its client does not go on with is in a file: 5,000
 * such sessions are no memory. */
static void
half_a_message_waits_in_a_file(void **state)
{
	static char part[30000];
	(void)state;
	greet();
	say("d APPEND INBOX {40000}\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_starts(hear(), "+ ");
	unsigned before = open_files();
	memset(part, 'x', sizeof(part) - 1);
	say(part);
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_int_equal(open_files(), before + 1);
	say(part + 2 * sizeof(part) - 40001 - 1);
	say("\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_non_null(strstr(hear(), "d OK "));
	assert_int_equal(open_files(), before);
}

static void
store_message(size_t size)
{
	static char body[1 << 20];
	struct store_account *account;
	struct store_mailbox inbox;
	struct arena arena;
	struct error error;
	uint32_t uid;
	memset(body, 'x', sizeof(body));
	struct store_piece piece = { .bytes = span_of(body, size), .fd = -1,
		.size = size };
	struct store_message_new message = { .piece = &piece, .piece_count = 1 };
	arena_init(&arena, 0);
	assert(store_account_open(mailbox.store, ACCOUNT, ACCOUNT, 0, &account,
		&error) == 0);
	assert(store_mailbox_find(account, SPAN("INBOX"), &arena, &inbox,
		&error) == STORE_OK);
	assert(store_append(account, inbox.id, &message, 1, &uid, &error) ==
		STORE_OK);
	store_account_close(&account);
	arena_fini(&arena);
}

/* Reads everything, waking the session for writing as the lot would. */
static size_t
drain(enum session_next *next)
{
	static char text[1 << 16];
	size_t sum = 0;
	for (;;) {
		ssize_t n = recv(client, text, sizeof(text), MSG_DONTWAIT);
		if (n > 0)
			sum += (size_t)n;
		else if (*next == SESSION_PARK_WRITE)
			*next = give(SESSION_WRITABLE);
		else
			return sum;
	}
}

/* It parks without a thread, executes nothing more, and goes on when the
 * client reads. */
static void
who_takes_nothing_is_waited_for_without_a_thread(void **state)
{
	(void)state;
	greet();
	for (unsigned i = 0; i < 4; i++)
		store_message(1 << 20);
	say("d SELECT INBOX\r\ne FETCH 1:4 BODY.PEEK[]\r\nf NOOP\r\n");
	enum session_next next = give(SESSION_READABLE);
	assert_int_equal(next, SESSION_PARK_WRITE);
	assert_int_equal(patience(), 5);
	size_t sum = drain(&next);
	assert_int_equal(next, SESSION_PARK);
	assert_true(sum > 4 << 20 && sum < (4 << 20) + 2000);
	say("g NOOP\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_string_equal(hear(), "g OK NOOP completed\r\n");
}

static void
who_never_reads_is_closed(void **state)
{
	(void)state;
	greet();
	for (unsigned i = 0; i < 4; i++)
		store_message(1 << 20);
	say("d SELECT INBOX\r\ne FETCH 1:4 BODY.PEEK[]\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK_WRITE);
	assert_int_equal(give(SESSION_DEADLINE), SESSION_CLOSE);
}

static void
long_pipelines_let_others_in_between(void **state)
{
	struct buffer commands;
	(void)state;
	greet();
	buffer_init(&commands, 0);
	for (unsigned i = 0; i < 3 * IMAP_BURST; i++)
		buffer_print(&commands, "n%u NOOP\r\n", i);
	say(buffer_string(&commands));
	buffer_fini(&commands);
	unsigned runs = 0;
	do {
		nudges = 0;
		assert_int_equal(give(runs == 0 ? SESSION_READABLE :
			SESSION_NUDGE), SESSION_PARK);
		runs++;
		hear();
	} while (nudges > 0);
	assert_int_equal(runs, 4);
}

/* Bytes on the heap. */
static size_t
heap(void)
{
	return mallinfo2().uordblks;
}

static void
a_parked_session_holds_next_to_nothing(void **state)
{
	(void)state;
	greet();
	store_message(1000);
	say("d SELECT INBOX\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	hear();
	size_t before = heap();
	say("e UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[])\r\nf IDLE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_non_null(strstr(hear(), "+ idling\r\n"));
	assert_true(sizeof(struct imap_session) <= 1100);
	/* What the store keeps for everybody is not the session's. */
	assert_true(heap() < before + 16384);
	struct imap_session *imap = (struct imap_session *)added;
	assert_null(imap->account);
	assert_null(imap->view);
	assert_null(imap->stream.in.data);
	assert_null(imap->stream.out.data);
	assert_null(imap->frame.command.data);
	assert_null(imap->line.data);
	assert_null(imap->arena.chunk);
}

static void
a_message_that_stops_arriving_waits_in_a_file(void **state)
{
	static char piece[20000];
	(void)state;
	greet();
	size_t before = heap();
	memset(piece, 'y', sizeof(piece) - 1);
	say("d APPEND INBOX {200000+}\r\n");
	for (unsigned i = 0; i < 8; i++) {
		say(piece);
		assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	}
	assert_int_equal(patience(), 10);
	assert_true(heap() < before + 24576);
	for (unsigned i = 0; i < 2; i++) {
		say(piece);
		assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	}
	say("1234567890\r\n");	/* 200000 = 10 * 19999 + 10 */
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_starts(hear(), "d OK [APPENDUID ");
}

static void
a_change_wakes_only_who_idles_there(void **state)
{
	(void)state;
	greet();
	say("d IDLE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	store_message(10);
	assert_int_equal(nudges, 0);
	say("DONE\r\ne SELECT INBOX\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	store_message(10);
	assert_int_equal(nudges, 0);
	say("f IDLE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_non_null(strstr(hear(), "* 2 EXISTS\r\n"));
	store_message(10);
	assert_int_equal(nudges, 1);
	assert_int_equal(give(SESSION_NUDGE), SESSION_PARK);
	assert_starts(hear(), "* 3 EXISTS\r\n");
}

/* The EMAILID of the first message in INBOX. */
static uint64_t
first_email(void)
{
	struct store_account *account;
	struct store_mailbox inbox;
	struct store_message message;
	struct store_view *view;
	struct arena arena;
	struct error error;
	arena_init(&arena, 0);
	assert(store_account_open(mailbox.store, ACCOUNT, ACCOUNT, 0, &account,
		&error) == 0);
	assert(store_mailbox_find(account, SPAN("INBOX"), &arena, &inbox,
		&error) == STORE_OK);
	assert(store_view_open(account, inbox.id, &view, &error) == STORE_OK);
	assert(store_view_by_sequence(view, 1, &message));
	store_view_close(&view);
	store_account_close(&account);
	arena_fini(&arena);
	return message.email;
}

static void
a_message_that_was_deadly_twice_is_not_parsed(void **state)
{
	unsigned deaths;
	(void)state;
	greet();
	store_message(10);
	for (unsigned i = 0; i < 2; i++) {
		counter_in_hand_set(ACCOUNT, first_email(), &deaths);
		counter_open(-1, -1, true);	/* the successor */
	}
	say("d SELECT INBOX\r\ne FETCH 1 (ENVELOPE BODY BODY.PEEK[TEXT])\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_non_null(strstr(hear(), "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL "
		"NIL NIL NIL NIL NIL NIL) BODY (\"text\" \"plain\" NIL NIL NIL "
		"\"8bit\" 10 0) BODY[TEXT] {10}\r\nxxxxxxxxxx)\r\n"));
}

/* ---- an upgrade ---- */

/* The successor's end of what the process before leaves; the other end is
 * ours. */
static int
retire(int *heir)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		pair), 0);
	*heir = pair[1];
	int own = pair[0];
	legacy_open(&pair[0]);
	return own;
}

static void
take_over(int own, int heir)
{
	int none = -1;
	legacy_open(&none);
	close(own);
	legacy_receive_all(&heir);
	move_take_all(&mailbox);
}

static void
move(void)
{
	int heir, own = retire(&heir);
	assert_int_equal(give(SESSION_NUDGE), SESSION_CLOSE);
	added->type->free(&added);
	assert_int_equal(logouts, 1);
	logouts = 0;
	take_over(own, heir);
	assert_non_null(added);
	assert_int_equal(give(SESSION_START), SESSION_PARK);
}

static void
an_upgrade_keeps_who_idles(void **state)
{
	(void)state;
	greet();
	store_message(10);
	say("d SELECT INBOX\r\ne IDLE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	hear();
	move();
	assert_string_equal(hear(), "");
	store_message(10);
	assert_int_equal(nudges, 1);
	assert_int_equal(give(SESSION_NUDGE), SESSION_PARK);
	assert_starts(hear(), "* 2 EXISTS\r\n");
	say("DONE\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_string_equal(hear(), "e OK IDLE completed\r\n");
}

static void
an_upgrade_keeps_half_a_command(void **state)
{
	(void)state;
	greet();
	say("d NOOP {2");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	move();
	assert_string_equal(hear(), "");
	say("+}\r\nxx\r\ne NOOP\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	const char *text = hear();
	assert_starts(text, "d BAD ");
	assert_non_null(strstr(text, "e OK NOOP completed\r\n"));
}

static void
an_upgrade_keeps_what_was_found(void **state)
{
	(void)state;
	greet();
	for (int i = 0; i < 3; i++)
		store_message(10);
	say("d SELECT INBOX\r\ne UID SEARCH RETURN (SAVE) 2:3\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	hear();
	move();
	say("f FETCH $ UID\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	assert_starts(hear(), "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n"
		"f OK ");
}

static void
an_upload_ends_where_it_began(void **state)
{
	(void)state;
	greet();
	say("d APPEND INBOX {10+}\r\n12345");
	assert_int_equal(give(SESSION_READABLE), SESSION_PARK);
	int heir, own = retire(&heir);
	assert_int_equal(give(SESSION_NUDGE), SESSION_PARK);
	say("67890\r\n");
	assert_int_equal(give(SESSION_READABLE), SESSION_CLOSE);
	assert_non_null(strstr(hear(), "d OK "));
	added->type->free(&added);
	logouts = 0;
	take_over(own, heir);
	assert_non_null(added);
}

static void
a_session_of_another_version_is_sent_away(void **state)
{
	static const struct imap_moved moved;
	static const char *const services[] = { "mailbox-imap", "mailbox-imap",
		"mailbox-none" };
	int old = client;
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct move_head head = {
			.version = IMAP_PARKED_VERSION + (i == 0),
			.size = sizeof(moved) + (i == 1) };
		struct stream stream;
		struct error error;
		int heir, own = retire(&heir), pair[2];
		snprintf(head.service, sizeof(head.service), "%s", services[i]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		stream_init(&stream, &pair[1]);
		assert_int_equal(move_send(&head, &stream,
			span_of(&moved, sizeof(moved)), &error), 0);
		stream_fini(&stream);
		take_over(own, heir);
		client = pair[0];
		assert_string_equal(hear(), i == 2 ? "" :
			"* BYE Log in again\r\n");
		assert_int_equal(recv(client, &(char){ 0 }, 1, 0), 0);
		close(client);
	}
	client = old;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(bytes_sent_with_the_login_are_not_lost),
		TEST(quiet_clients_have_half_an_hour),
		TEST(half_a_message_waits_in_a_file),
		TEST(half_a_command_has_less),
		TEST(the_end_of_the_process_is_said),
		TEST(the_client_that_hangs_up_is_gone),
		TEST(who_takes_nothing_is_waited_for_without_a_thread),
		TEST(who_never_reads_is_closed),
		TEST(long_pipelines_let_others_in_between),
		TEST(a_parked_session_holds_next_to_nothing),
		TEST(a_message_that_stops_arriving_waits_in_a_file),
		TEST(a_change_wakes_only_who_idles_there),
		TEST(a_message_that_was_deadly_twice_is_not_parsed),
		TEST(an_upgrade_keeps_who_idles),
		TEST(an_upgrade_keeps_half_a_command),
		TEST(an_upgrade_keeps_what_was_found),
		TEST(an_upload_ends_where_it_began),
		TEST(a_session_of_another_version_is_sent_away),
	};
	counter_open(-1, -1, true);
	log_init("test", -1, -1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
