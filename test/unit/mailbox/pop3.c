/*
 * POP3 after the login, over socket pairs, on a store in memory: what a client
 * says ("C: ") and what it is told ("S: ", a trailing * stands for anything;
 * "S: EOF" is the end). "B: " is sent as it stands. Between lines other
 * sessions may do something to the mailbox ("! "). Each conversation is held
 * twice: as it stands, and with what the client says byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "mailbox/mailbox.h"
#include "serve/counter.h"
#include "store/engine.h"
#include "store/engine_memory.h"
#include "store/view.h"

enum { ACCOUNT = 7, PATIENCE = 60000 };

static struct {
	struct mailbox mailbox;
	struct engine *engine;
	pthread_t house;
	atomic_uint begun, ended;
	char *big;			/* a message of BIG_SIZE bytes */
} world;

enum { BIG_LINES = 80000, BIG_SIZE = BIG_LINES * 80 };

/* The doors to the rest of the process. */
bool
mailbox_login_again(const char *service, uint64_t account)
{
	(void)service;
	return account == ACCOUNT;
}

void
mailbox_logout(const char *service, uint64_t account)
{
	assert_string_equal(service, "mailbox-pop3");
	assert_true(account == ACCOUNT);
	atomic_fetch_add(&world.ended, 1);
}

void
mailbox_quota_note(struct store_account *account)
{
	assert_true(store_account_id(account) == ACCOUNT);
}

/* ---- the mailbox ---- */

static struct store_account *
open_account(uint32_t *inbox)
{
	struct store_account *account;
	struct store_mailbox mailbox;
	struct error error;
	struct arena arena;
	if (store_account_open(world.mailbox.store, ACCOUNT, ACCOUNT,
		STORE_CREATE | STORE_FOLDERS, &account, &error) != 0)
		fail_msg("%s", error.text);
	arena_init(&arena, 0);
	assert_int_equal(store_mailbox_find(account, SPAN("INBOX"), &arena,
		&mailbox, &error), STORE_OK);
	*inbox = mailbox.id;
	arena_fini(&arena);
	return account;
}

static void
deliver(struct span text)
{
	struct error error;
	uint32_t inbox, uid;
	struct store_account *account = open_account(&inbox);
	struct store_piece piece = { .bytes = text, .fd = -1,
		.size = text.size };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	if (store_append(account, inbox, &message, 1, &uid, &error) !=
		STORE_OK)
		fail_msg("%s", error.text);
	store_account_close(&account);
}

static void
expunge_all(void)
{
	struct number_set gone;
	struct error error;
	uint32_t inbox;
	struct store_account *account = open_account(&inbox);
	number_set_init(&gone);
	assert_int_equal(store_expunge(account, inbox, NULL, false, &gone,
		&error), STORE_OK);
	number_set_fini(&gone);
	store_account_close(&account);
}

/* Messages in INBOX, and how many of them nobody has seen. */
static void
look(uint32_t *messages, uint32_t *unseen)
{
	struct store_status status;
	struct error error;
	uint32_t inbox;
	struct store_account *account = open_account(&inbox);
	assert_int_equal(store_mailbox_status(account, inbox, &status,
		&error), STORE_OK);
	*messages = status.messages;
	*unseen = status.unseen;
	store_account_close(&account);
}

#define FIRST "Subject: one\r\n\r\nhello\r\n.dot\r\n"	/* 29 octets */
#define SECOND "Subject: two\r\n\r\na\r\nb\r\nc"	/* 23 octets */

static void
fill_mailbox(void)
{
	expunge_all();
	deliver(SPAN(FIRST));
	deliver(SPAN(SECOND));
}

/* ---- conversations ---- */

struct conversation {
	const char *name;
	uint32_t messages, unseen;	/* what is left after it */
	const char *lines[60];		/* ends with NULL */
};

#define HELLO "S: +OK Logged in, 2 messages"
#define BYE "C: QUIT", "S: +OK Goodbye", "S: EOF"

static const struct conversation conversations[] = {
{ "pop3/stat-and-list", 2, 2, {
	HELLO, "C: STAT", "S: +OK 2 52", "C: list", "S: +OK 2 messages",
	"S: 1 29", "S: 2 23", "S: .", "C: LIST 2", "S: +OK 2 23",
	"C: LIST 3", "S: -ERR There is no such message",
	"C: LIST 0", "S: -ERR *", "C: LIST x", "S: -ERR *", BYE } },
{ "pop3/retr-stuffs-dots-and-ends-the-last-line", 2, 0, {
	HELLO, "C: RETR 1", "S: +OK 29 octets", "S: Subject: one", "S: ",
	"S: hello", "S: ..dot", "S: .", "C: RETR 2", "S: +OK 23 octets",
	"S: Subject: two", "S: ", "S: a", "S: b", "S: c", "S: .",
	"C: RETR 3", "S: -ERR *", "C: RETR", "S: -ERR *", BYE } },
{ "pop3/top", 2, 2, {
	HELLO, "C: TOP 2 0", "S: +OK *", "S: Subject: two", "S: ", "S: .",
	"C: TOP 2 2", "S: +OK *", "S: Subject: two", "S: ", "S: a", "S: b",
	"S: .", "C: TOP 1 99", "S: +OK *", "S: Subject: one", "S: ",
	"S: hello", "S: ..dot", "S: .", "C: TOP 1", "S: -ERR *",
	"C: TOP 1 -1", "S: -ERR *", "C: TOP 9 1", "S: -ERR *", BYE } },
{ "pop3/dele-is-seen-at-once-and-done-at-quit", 1, 1, {
	HELLO, "C: DELE 1", "S: +OK Message 1 marked for removal",
	"C: DELE 1", "S: -ERR There is no such message",
	"C: RETR 1", "S: -ERR There is no such message",
	"C: STAT", "S: +OK 1 23", "C: LIST", "S: +OK 1 messages", "S: 2 23",
	"S: .", "C: UIDL 1", "S: -ERR *", BYE } },
{ "pop3/rset-takes-it-back", 2, 2, {
	HELLO, "C: DELE 1", "S: +OK *", "C: DELE 2", "S: +OK *",
	"C: STAT", "S: +OK 0 0", "C: LIST", "S: +OK 0 messages", "S: .",
	"C: RSET", "S: +OK No message is marked", "C: STAT", "S: +OK 2 52",
	BYE } },
{ "pop3/without-quit-nothing-is-removed", 2, 2, {
	HELLO, "C: RETR 1", "S: +OK *", "S: *", "S: *", "S: *", "S: *",
	"S: .", "C: DELE 1", "S: +OK *" } },
{ "pop3/what-was-read-and-removed", 1, 1, {
	HELLO, "C: RETR 1", "S: +OK *", "S: *", "S: *", "S: *", "S: *",
	"S: .", "C: DELE 1", "S: +OK *", BYE } },
{ "pop3/pipelined", 0, 0, {
	HELLO, "B: STAT\r\nDELE 1\r\nDELE 2\r\nNOOP\r\nQUIT\r\nSTAT\r\n",
	"S: +OK 2 52", "S: +OK *", "S: +OK *", "S: +OK Nothing done",
	"S: +OK Goodbye", "S: EOF" } },
{ "pop3/others-remove-meanwhile", 0, 0, {
	HELLO, "! expunge", "C: STAT", "S: +OK 2 52", "C: LIST 1",
	"S: +OK 1 29", "C: DELE 2", "S: +OK *", BYE } },
{ "pop3/others-deliver-meanwhile", 2, 2, {
	HELLO, "! deliver", "C: STAT", "S: +OK 2 52", "C: RETR 3",
	"S: -ERR There is no such message", "C: DELE 1", "S: +OK *", BYE } },
{ "pop3/capa", 2, 2, {
	HELLO, "C: CAPA", "S: +OK *", "S: TOP", "S: UIDL", "S: RESP-CODES",
	"S: AUTH-RESP-CODE", "S: PIPELINING", "S: EXPIRE NEVER",
	"S: UTF8 USER", "S: IMPLEMENTATION Posthouse", "S: .", BYE } },
{ "pop3/trouble-is-later-and-removes-nothing", 2, 2, {
	HELLO, "C: DELE 1", "S: +OK *", "! fail", "C: QUIT",
	"S: -ERR [SYS/TEMP] *", "S: EOF" } },
{ "pop3/commands-of-before-the-login", 2, 2, {
	HELLO, "C: USER x", "S: -ERR You are logged in already",
	"C: STLS", "S: -ERR *", "C: UTF8", "S: -ERR *",
	"C: FROB", "S: -ERR There is no such command",
	"C: ", "S: -ERR *", "C: STAT 1", "S: -ERR *",
	"C: NOOP", "S: +OK Nothing done", BYE } },
{ "pop3/errors-in-a-row-end-it", 2, 2, {
	HELLO, "B: a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\nk\r\nl"
		"\r\nm\r\nn\r\no\r\np\r\nq\r\nr\r\ns\r\n",
	"S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *",
	"S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *",
	"S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *",
	"S: -ERR *", "S: -ERR *", "S: -ERR *", "S: -ERR *",
	"C: t", "S: -ERR *", "S: -ERR Too many errors", "S: EOF" } },
};

static int
log_in(const char *unread)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct mailbox_login login = { .mailbox = &world.mailbox,
		.fd = pair[1], .account = ACCOUNT, .actor = ACCOUNT,
		.user = "alice@example.test", .session = "s1",
		.unread = span_from(unread) };
	atomic_fetch_add(&world.begun, 1);
	pop3_session_begin(&login);
	assert_int_equal(login.fd, -1);
	return pair[0];
}

static void
say(int fd, const char *text, bool is_bytewise)
{
	size_t size = strlen(text), piece = is_bytewise ? 1 : size;
	for (size_t at = 0; at < size; at += piece)
		if (send(fd, text + at, piece, MSG_NOSIGNAL) < 0)
			return;		/* what is heard next will tell */
}

static bool
hear(int fd, char *line, size_t room)
{
	size_t size = 0;
	int64_t deadline = clock_monotonic() + PATIENCE;
	for (;;) {
		struct pollfd slot = { .fd = fd, .events = POLLIN };
		if (poll(&slot, 1, clock_until(deadline)) <= 0)
			fail_msg("nothing was said within %d ms", PATIENCE);
		if (read(fd, line + size, 1) != 1)
			return false;
		if (line[size] == '\n')
			break;
		if (size + 1 < room)
			size++;
	}
	if (size == 0 || line[size - 1] != '\r')
		fail_msg("a line without CR");
	line[size - 1] = '\0';
	return true;
}

static void
expect(const char *name, int fd, const char *want)
{
	char line[1200];
	size_t size = strlen(want);
	bool is_line = hear(fd, line, sizeof(line));
	if (strcmp(want, "EOF") == 0 ? is_line : !is_line)
		fail_msg("%s: wanted %s, got %s", name, want,
			is_line ? line : "the end");
	if (!is_line)
		return;
	if (size > 0 && want[size - 1] == '*' ?
		strncmp(line, want, size - 1) != 0 : strcmp(line, want) != 0)
		fail_msg("%s: wanted %s, got %s", name, want, line);
}

static void
do_meanwhile(const char *what)
{
	if (strcmp(what, "expunge") == 0)
		expunge_all();
	else if (strcmp(what, "deliver") == 0)
		deliver(SPAN(FIRST));
	else
		engine_memory_set_room(world.engine, 0, 0);
}

static void
wait_for_the_end(void)
{
	int64_t deadline = clock_monotonic() + PATIENCE;
	while (atomic_load(&world.ended) != atomic_load(&world.begun)) {
		assert_true(clock_until(deadline) > 0);
		usleep(1000);
	}
}

static void
converse(const struct conversation *conversation, bool is_bytewise)
{
	uint32_t messages, unseen;
	fill_mailbox();
	int fd = log_in("");
	for (const char *const *line = conversation->lines; *line != NULL;
		line++) {
		switch ((*line)[0]) {
		case 'S':
			expect(conversation->name, fd, *line + 3);
			break;
		case '!':
			do_meanwhile(*line + 2);
			break;
		default:
			say(fd, *line + 3, is_bytewise);
			if ((*line)[0] == 'C')
				say(fd, "\r\n", is_bytewise);
		}
	}
	close(fd);
	wait_for_the_end();
	engine_memory_set_room(world.engine, UINT64_MAX, 0);
	look(&messages, &unseen);
	if (messages != conversation->messages ||
		unseen != conversation->unseen)
		fail_msg("%s: %u messages, %u unseen are left",
			conversation->name, messages, unseen);
}

static void
clients_are_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(conversations) /
		sizeof(conversations[0]); i++) {
		converse(&conversations[i], false);
		converse(&conversations[i], true);
	}
}

/* ---- beyond tables ---- */

static void
what_login_had_read_is_executed(void **state)
{
	(void)state;
	fill_mailbox();
	int fd = log_in("STAT\r\nNO");
	expect("unread", fd, "+OK Logged in, 2 messages");
	expect("unread", fd, "+OK 2 52");
	say(fd, "OP\r\n", false);
	expect("unread", fd, "+OK Nothing done");
	close(fd);
	wait_for_the_end();
}

static void
unique_ids_stay(void **state)
{
	char first[100], again[100];
	(void)state;
	fill_mailbox();
	for (int i = 0; i < 2; i++) {
		int fd = log_in("UIDL\r\nUIDL 2\r\n");
		expect("uidl", fd, "+OK *");
		expect("uidl", fd, "+OK *");
		expect("uidl", fd, "1 *");
		assert_true(hear(fd, i == 0 ? first : again, 100));
		assert_int_equal(strlen(first), 2 + 16);
		for (int k = 0; k < i; k++)
			expect("uidl", fd, "3 *");
		expect("uidl", fd, ".");
		char want[110];
		snprintf(want, sizeof(want), "+OK %s", first);
		expect("uidl", fd, want);
		close(fd);
		wait_for_the_end();
		deliver(SPAN(SECOND));
	}
	assert_string_equal(first, again);
}

static void
a_line_without_end_is_refused(void **state)
{
	char line[5000];
	(void)state;
	fill_mailbox();
	int fd = log_in("");
	expect("long", fd, "+OK *");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		say(fd, line, false);
	say(fd, "\r\nNOOP\r\n", false);
	expect("long", fd, "-ERR The line is too long");
	expect("long", fd, "+OK Nothing done");
	close(fd);
	wait_for_the_end();
}

/* The client reads nothing for a while: the answer waits, and no thread. */
static void
a_large_message_to_a_slow_client(void **state)
{
	enum { CLIENTS = 12 };		/* more than there are workers */
	static char room[65536];
	int fds[CLIENTS];
	(void)state;
	expunge_all();
	deliver(span_of(world.big, BIG_SIZE));
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = log_in("RETR 1\r\nNOOP\r\n");
		expect("slow", fds[i], "+OK Logged in, 1 messages");
		expect("slow", fds[i], "+OK 6400000 octets");
	}
	int other = log_in("STAT\r\n");
	expect("other", other, "+OK Logged in, 1 messages");
	expect("other", other, "+OK 1 6400000");
	expunge_all();			/* what is being sent is kept */
	for (int i = 0; i < CLIENTS; i++) {
		size_t total = 0, want = BIG_SIZE + BIG_LINES;
		while (total < want) {
			size_t most = want - total < sizeof(room) ?
				want - total : sizeof(room);
			ssize_t n = read(fds[i], room, most);
			assert_true(n > 0);
			total += (size_t)n;
		}
		expect("slow", fds[i], ".");
		expect("slow", fds[i], "+OK Nothing done");
		close(fds[i]);
	}
	close(other);
	wait_for_the_end();
}

static void
a_list_of_many(void **state)
{
	enum { MESSAGES = 20000 };
	struct store_message_new messages[STORE_APPEND_LIMIT];
	static uint32_t uids[STORE_APPEND_LIMIT];
	struct store_piece piece = { .bytes = SPAN(FIRST), .fd = -1,
		.size = sizeof(FIRST) - 1 };
	struct error error;
	uint32_t inbox;
	char want[100];
	(void)state;
	expunge_all();
	struct store_account *account = open_account(&inbox);
	for (size_t i = 0; i < STORE_APPEND_LIMIT; i++)
		messages[i] = (struct store_message_new){ .piece = &piece,
			.piece_count = 1 };
	for (int i = 0; i < MESSAGES / STORE_APPEND_LIMIT; i++)
		assert_int_equal(store_append(account, inbox, messages,
			STORE_APPEND_LIMIT, uids, &error), STORE_OK);
	store_account_close(&account);
	int fd = log_in("DELE 7\r\nLIST\r\nUIDL\r\nNOOP\r\n");
	expect("many", fd, "+OK Logged in, 20000 messages");
	expect("many", fd, "+OK *");
	expect("many", fd, "+OK 19999 messages");
	for (int i = 1; i <= MESSAGES; i++) {
		if (i == 7)
			continue;
		snprintf(want, sizeof(want), "%d 29", i);
		expect("many", fd, want);
	}
	expect("many", fd, ".");
	expect("many", fd, "+OK *");
	for (int i = 1; i < MESSAGES; i++)
		expect("many", fd, "*");
	expect("many", fd, ".");
	expect("many", fd, "+OK Nothing done");
	close(fd);
	wait_for_the_end();
}

static void
who_is_quiet_is_sent_away_without_a_word(void **state)
{
	uint32_t messages, unseen;
	(void)state;
	fill_mailbox();
	world.mailbox.pop3_idle_timeout = 100;
	int fd = log_in("DELE 1\r\n");
	expect("quiet", fd, "+OK *");
	expect("quiet", fd, "+OK *");
	expect("quiet", fd, "EOF");
	world.mailbox.pop3_idle_timeout = 0;
	close(fd);
	wait_for_the_end();
	look(&messages, &unseen);
	assert_int_equal(messages, 2);
}

/* ---- the process ---- */

static void *
keep_house(void *argument)
{
	(void)argument;
	lot_run(world.mailbox.lot, PATIENCE);
	return NULL;
}

static void
make_big(void)
{
	world.big = memory_new(BIG_SIZE);
	for (size_t i = 0; i < BIG_SIZE; i++) {
		size_t at = i % 80;
		world.big[i] = at == 0 ? '.' : at == 78 ? '\r' :
			at == 79 ? '\n' : 'x';
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_answered),
		cmocka_unit_test(what_login_had_read_is_executed),
		cmocka_unit_test(unique_ids_stay),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(a_large_message_to_a_slow_client),
		cmocka_unit_test(a_list_of_many),
		cmocka_unit_test(who_is_quiet_is_sent_away_without_a_word),
	};
	struct error error;
	signal(SIGPIPE, SIG_IGN);	/* as process_start does */
	counter_open(-1, -1, false);
	log_set_level(LOG_ERROR);
	make_big();
	world.engine = engine_memory_new();
	world.mailbox.lot = lot_new(8);
	world.mailbox.hostname = "mail.example.test";
	world.mailbox.spill = open("/tmp", O_DIRECTORY | O_CLOEXEC);
	if (store_open(&(struct store_options){ .engine = world.engine },
		&world.mailbox.store, &error) != 0)
		return 1;
	pthread_create(&world.house, NULL, keep_house, NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	lot_stop(world.mailbox.lot);
	pthread_join(world.house, NULL);
	lot_free(&world.mailbox.lot);
	store_close(&world.mailbox.store);
	world.engine->call->close(&world.engine);
	close(world.mailbox.spill);
	memory_free(world.big);
	return failed;
}
