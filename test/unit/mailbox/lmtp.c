/*
 * LMTP as conversations over a socket pair, into a real store on the memory
 * engine: what is answered, and what is in the mailboxes then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "mailbox/lmtp/lmtp.h"
#include "mailbox/quota.h"
#include "store/engine_memory.h"
#include "store/view.h"

enum { PATIENCE = 60000 };

struct fixture {
	struct engine *engine;
	struct mailbox mailbox;
	struct mail_server server;
	char directory[32];
};

static void
begin(struct fixture *fixture)
{
	struct error error;
	memset(fixture, 0, sizeof(*fixture));
	memcpy(fixture->directory, "/tmp/posthouse-test-XXXXXX", 27);
	assert_non_null(mkdtemp(fixture->directory));
	fixture->engine = engine_memory_new();
	const struct store_options options = { .engine = fixture->engine };
	fixture->mailbox.processes = 2;
	fixture->mailbox.instance = 1;
	fixture->mailbox.hostname = "test";
	fixture->mailbox.spill = open(fixture->directory,
		O_RDONLY | O_DIRECTORY);
	assert_int_equal(store_open(&options, &fixture->mailbox.store, &error),
		0);
	lmtp_server_init(&fixture->server, &fixture->mailbox);
}

static void
end(struct fixture *fixture)
{
	store_close(&fixture->mailbox.store);
	fixture->engine->call->close(&fixture->engine);
	close(fixture->mailbox.spill);
	rmdir(fixture->directory);
}

static void *
run(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

struct writer {
	int fd;
	struct span bytes;
};

static void *
write_all(void *context)
{
	struct writer *writer = context;
	struct error error;
	assert_int_equal(file_write_all(writer->fd, writer->bytes, &error), 0);
	shutdown(writer->fd, SHUT_WR);
	return NULL;
}

/* The codes and enhanced codes after LHLO's: "250 2.1.0,250 2.1.5,...". */
static void
read_replies(int fd, struct buffer *out)
{
	char bytes[4096];
	ssize_t n;
	struct buffer all;
	buffer_init(&all, 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&all, span_of(bytes, (size_t)n));
	struct span rest = buffer_span(&all), line;
	rest = span_skip(rest, span_search(rest, SPAN("XPOSTHOUSE\r\n")) + 12);
	while (rest.size > 0 && span_split(&rest, '\n', &line))
		buffer_print(out, "%s%.*s", out->size > 0 ? "," : "",
			SPAN_PRINT(span_first(line, 9)));
	buffer_fini(&all);
}

static void
converse(struct fixture *fixture, struct span sent, const char *want)
{
	int pair[2];
	pthread_t thread, writing;
	struct buffer got;
	struct lot *lot = lot_new(2);
	buffer_init(&got, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pthread_create(&thread, NULL, run, lot);
	struct incoming incoming = { .fd = pair[0], .service = "test" };
	mail_server_accept(lot, &incoming, &fixture->server);
	struct writer writer = { pair[1], sent };
	pthread_create(&writing, NULL, write_all, &writer);
	read_replies(pair[1], &got);
	pthread_join(writing, NULL);
	close(pair[1]);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
	assert_string_equal(buffer_string(&got), want);
	buffer_fini(&got);
}

static struct store_account *
open_account(struct fixture *fixture, uint64_t id, uint32_t *inbox)
{
	struct store_account *account = NULL;
	struct store_mailbox mailbox;
	struct arena arena;
	struct error error;
	if (store_account_open(fixture->mailbox.store, id, id, 0, &account,
		&error) < 0)
		return NULL;
	arena_init(&arena, 0);
	assert_int_equal(store_mailbox_find(account, SPAN("inbox"), &arena,
		&mailbox, &error), STORE_OK);
	*inbox = mailbox.id;
	arena_fini(&arena);
	return account;
}

/* The body of the n-th message in INBOX; false when there is none. */
static bool
read_message(struct fixture *fixture, uint64_t id, uint32_t sequence,
	struct buffer *out)
{
	struct store_view *view = NULL;
	struct store_message message;
	struct store_body body;
	struct error error;
	uint32_t inbox;
	struct store_account *account = open_account(fixture, id, &inbox);
	if (account == NULL)
		return false;
	assert_int_equal(store_view_open(account, inbox, &view, &error),
		STORE_OK);
	bool found = store_view_by_sequence(view, sequence, &message);
	if (found) {
		assert_int_equal(store_body_open(account, &message, &body,
			&error), STORE_OK);
		buffer_reserve(out, body.size);
		assert_int_equal(store_body_read(&body, 0, out->data,
			body.size, &error), 0);
		out->size = body.size;
		store_body_close(&body);
	}
	store_view_close(&view);
	store_account_close(&account);
	return found;
}

static void
assert_messages(struct fixture *fixture, uint64_t id, const char *first,
	const char *second)
{
	const char *want[] = { first, second, NULL };
	uint32_t sequence = 1;
	for (size_t i = 0; i < 2 && want[i] != NULL; i++, sequence++) {
		struct buffer got;
		buffer_init(&got, 0);
		assert_true(read_message(fixture, id, sequence, &got));
		assert_string_equal(buffer_string(&got), want[i]);
		buffer_fini(&got);
	}
	struct buffer none;
	buffer_init(&none, 0);
	assert_false(read_message(fixture, id, sequence, &none));
	buffer_fini(&none);
}

#define HELLO "LHLO queue\r\n"
#define MAIL "MAIL FROM:<bob@y> SMTPUTF8 XTRACE=t1 "
#define ONE "XTRANSACTION=00000000000000000000000000000001\r\n"
#define TWO "XTRANSACTION=00000000000000000000000000000002\r\n"
#define RCPT "RCPT TO:<alice@x> XACCOUNT=1 XQUOTA=0\r\n"
#define BODY "BDAT 4 LAST\r\nhi\r\n"

static void
the_message_gets_our_lines_in_front(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	converse(&fixture, SPAN(HELLO MAIL ONE RCPT BODY "MAIL FROM:<>\r\n"
		"RCPT TO:<\"a b\"@x> XACCOUNT=3 XQUOTA=0 "
		"ORCPT=rfc822;list+2Bnews@x\r\n" BODY),
		"250 2.1.0,250 2.1.5,250 2.1.5,250 2.1.0,250 2.1.5,250 2.1.5");
	assert_messages(&fixture, 1, "Return-Path: <bob@y>\r\n"
		"X-Original-To: alice@x\r\n"
		"Delivered-To: alice@x\r\nhi\r\n", NULL);
	assert_messages(&fixture, 3, "Return-Path: <>\r\n"
		"X-Original-To: list+news@x\r\nDelivered-To: \"a b\"@x\r\n"
		"hi\r\n", NULL);
	end(&fixture);
}

/* ORCPT is what a stranger wrote; decoded it may hold line ends. */
static void
no_field_is_of_a_strangers_making(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	converse(&fixture, SPAN(HELLO MAIL ONE "RCPT TO:<alice@x> XACCOUNT=1 "
		"XQUOTA=0 ORCPT=rfc822;a+0D+0AX-Evil:+20yes@x\r\n" BODY),
		"250 2.1.0,250 2.1.5,250 2.1.5");
	assert_messages(&fixture, 1, "Return-Path: <bob@y>\r\n"
		"X-Original-To: aX-Evil: yes@x\r\nDelivered-To: alice@x\r\n"
		"hi\r\n", NULL);
	end(&fixture);
}

static void
a_transaction_is_stored_once_in_an_account(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	converse(&fixture, SPAN(HELLO MAIL ONE RCPT BODY MAIL ONE RCPT
		"RCPT TO:<carol@x> XACCOUNT=3 XQUOTA=0\r\n" BODY
		MAIL TWO RCPT BODY),
		"250 2.1.0,250 2.1.5,250 2.1.5,"
		"250 2.1.0,250 2.1.5,250 2.1.5,250 2.1.5,250 2.1.5,"
		"250 2.1.0,250 2.1.5,250 2.1.5");
	assert_messages(&fixture, 1, "Return-Path: <bob@y>\r\n"
		"X-Original-To: alice@x\r\n"
		"Delivered-To: alice@x\r\nhi\r\n", "Return-Path: <bob@y>\r\n"
		"X-Original-To: alice@x\r\n"
		"Delivered-To: alice@x\r\nhi\r\n");
	assert_messages(&fixture, 3, "Return-Path: <bob@y>\r\n"
		"X-Original-To: carol@x\r\n"
		"Delivered-To: carol@x\r\nhi\r\n", NULL);
	end(&fixture);
}

static void
each_account_has_its_own_answer(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture);
	converse(&fixture, SPAN(HELLO MAIL ONE
		"RCPT TO:<full@x> XACCOUNT=5 XQUOTA=10\r\n" RCPT
		"RCPT TO:<other@x> XACCOUNT=2 XQUOTA=0\r\n"
		"RCPT TO:<nobody@x>\r\n"
		"RCPT TO:<zero@x> XACCOUNT=0 XQUOTA=0\r\n" BODY),
		"250 2.1.0,250 2.1.5,250 2.1.5,451 4.3.5,501 5.5.4,501 5.5.4,"
		"552 5.2.2,250 2.1.5");
	assert_messages(&fixture, 5, NULL, NULL);
	assert_messages(&fixture, 1, "Return-Path: <bob@y>\r\n"
		"X-Original-To: alice@x\r\n"
		"Delivered-To: alice@x\r\nhi\r\n", NULL);
	end(&fixture);
}

static void
trouble_is_later_and_nothing_is_stored(void **state)
{
	static const struct {
		const char *name, *reply;
		enum engine_memory_call call;
		enum engine_memory_fault fault;
	} cases[] = {
		{ "disk full", "452 4.3.1", ENGINE_MEMORY_APPEND,
			ENGINE_MEMORY_PART },
		{ "write fails", "451 4.3.0", ENGINE_MEMORY_APPEND,
			ENGINE_MEMORY_BEFORE },
		{ "cannot be claimed", "451 4.3.0", ENGINE_MEMORY_CLAIM,
			ENGINE_MEMORY_BEFORE },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture;
		struct buffer want;
		print_message("%s\n", cases[i].name);
		begin(&fixture);
		if (cases[i].call == ENGINE_MEMORY_APPEND)
			converse(&fixture, SPAN(HELLO MAIL ONE RCPT BODY),
				"250 2.1.0,250 2.1.5,250 2.1.5");
		engine_memory_fail(fixture.engine, cases[i].call, 1,
			cases[i].fault);
		buffer_init(&want, 0);
		buffer_print(&want, "250 2.1.0,250 2.1.5,%s,"
			"250 2.1.0,250 2.1.5,250 2.1.5", cases[i].reply);
		/* the second try succeeds, and is no duplicate */
		converse(&fixture, SPAN(HELLO MAIL TWO RCPT BODY MAIL TWO RCPT
			BODY), buffer_string(&want));
		buffer_fini(&want);
		end(&fixture);
	}
}

static void
long_messages_are_stored_whole(void **state)
{
	enum { SIZE = 3 * MAIL_BODY_MEMORY + 1 };
	struct fixture fixture;
	struct buffer sent, got;
	static const char front[] = "Return-Path: <bob@y>\r\n"
		"X-Original-To: alice@x\r\n"
		"Delivered-To: alice@x\r\n";
	(void)state;
	begin(&fixture);
	buffer_init(&sent, 0);
	buffer_init(&got, 0);
	buffer_print(&sent, HELLO MAIL ONE RCPT "BDAT %d LAST\r\n", SIZE);
	size_t start = sent.size;
	for (unsigned i = 0; i < SIZE; i++)
		buffer_add_byte(&sent, (char)(i * 2654435761u >> 24));
	converse(&fixture, buffer_span(&sent),
		"250 2.1.0,250 2.1.5,250 2.1.5");
	assert_true(read_message(&fixture, 1, 1, &got));
	assert_int_equal(got.size, sizeof(front) - 1 + SIZE);
	assert_memory_equal(got.data, front, sizeof(front) - 1);
	assert_memory_equal(got.data + sizeof(front) - 1, sent.data + start,
		SIZE);
	buffer_fini(&sent);
	buffer_fini(&got);
	end(&fixture);
}

static void
crossing_the_quota_is_news_once(void **state)
{
	(void)state;
	assert_true(quota_is_news(77, false));
	assert_false(quota_is_news(77, false));
	assert_true(quota_is_news(77, true));
	assert_false(quota_is_news(77, true));
	assert_true(quota_is_news(79, true));
	assert_true(quota_is_news(77, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_message_gets_our_lines_in_front),
		cmocka_unit_test(no_field_is_of_a_strangers_making),
		cmocka_unit_test(a_transaction_is_stored_once_in_an_account),
		cmocka_unit_test(each_account_has_its_own_answer),
		cmocka_unit_test(trouble_is_later_and_nothing_is_stored),
		cmocka_unit_test(long_messages_are_stored_whole),
		cmocka_unit_test(crossing_the_quota_is_news_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
