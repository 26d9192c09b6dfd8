/*
 * A delivery to the relay as a conversation: what the relay says and what is
 * said to it, until each recipient has his reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "queue/relay_call.h"
#include "world.h"

/* ---- the other end ---- */

static _Atomic int far = -1;

static void
accept_relay(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot;
	(void)instance;
	far = incoming->fd;
	incoming->fd = -1;
}

static const struct world_service services[] = {
	{ "relay-lmtp", accept_relay }, { NULL, NULL },
};

/* ---- conversations ---- */

enum { RECIPIENTS = 3, STEPS = 6 };

struct step {
	const char *says, *hears;	/* the relay */
};

#define LHLO "LHLO queue\r\n"
#define MAIL "MAIL FROM:<bob@x.test> SIZE=4 BODY=8BITMIME RET=HDRS ENVID=Q1 " \
	"XTRACE=t1 XTRANSACTION=00000000000000000000000000000007 " \
	"XNEXTHOP=[host.test]:2525\r\n"
#define RCPTS "RCPT TO:<a@y.test> NOTIFY=SUCCESS ORCPT=rfc822;list@x.test\r\n" \
	"RCPT TO:<b@y.test> ORCPT=rfc822;b@y.test\r\n" \
	"RCPT TO:<c@y.test> NOTIFY=NEVER ORCPT=utf-8;given\r\n"
#define BODY "BDAT 4 LAST\r\nhi\r\n"
#define SENT "250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.1.5 ok\r\n250 2.1.5 ok\r\n"

static const struct conversation {
	const char *name;
	struct step step[STEPS];
	bool hangs_up;
	const char *want;
	enum relay_news news;
} conversations[] = {
	{ "all are relayed", {
		{ "220 relay\r\n", LHLO },
		{ "250-relay\r\n250 XPOSTHOUSE\r\n", MAIL RCPTS BODY },
		{ SENT, "" },
		{ "250 2.0.0 host mx.y.test[192.0.2.1] said: 250 ok 1\r\n"
			"250 2.0.0 host mx.y.test[192.0.2.1] said: 250 ok 2\r\n"
			"250 2.1.9 relayed\r\n", "" } }, false,
		"250 2.0.0 host mx.y.test[192.0.2.1] said: 250 ok 1|"
		"250 2.0.0 host mx.y.test[192.0.2.1] said: 250 ok 2|"
		"250 2.1.9 relayed|", RELAY_NEWS_GOOD },
	{ "each gets his own answer, in pieces", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ "250 2.1.0 ok\r\n250 2.1.5 ok\r\n550 5.1.1 no b", "" },
		{ "\r\n250 2.1.5 ok\r\n451 4.7.1 host mx[::1] said: 451 wait",
			"" },
		{ "\r\n550 5.1.1 host mx[::1] said: 550 who\r\n", "" } }, false,
		"451 4.7.1 host mx[::1] said: 451 wait|550 5.1.1 no b|"
		"550 5.1.1 host mx[::1] said: 550 who|", RELAY_NEWS_GOOD },
	{ "nobody is accepted", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ "250 2.1.0 ok\r\n550 5.1.1 a\r\n550 5.1.1 b\r\n550 5.1.1 c\r\n"
			"554 5.5.1 No valid recipients\r\n", "" } }, false,
		"550 5.1.1 a|550 5.1.1 b|550 5.1.1 c|", RELAY_NEWS_NONE },
	{ "no server answers", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ SENT "451 4.4.1 No server of host.test answers\r\n"
			"451 4.4.1 No server of host.test answers\r\n"
			"451 4.4.1 No server of host.test answers\r\n", "" } },
		false,
		"451 4.4.1 No server of host.test answers|"
		"451 4.4.1 No server of host.test answers|"
		"451 4.4.1 No server of host.test answers|", RELAY_NEWS_DEAD },
	{ "the host is full", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ SENT "421 4.3.2 host mx said: 421 too many\r\n"
			"421 4.3.2 host mx said: 421 too many\r\n"
			"421 4.3.2 host mx said: 421 too many\r\n", "" } },
		false,
		"421 4.3.2 host mx said: 421 too many|"
		"421 4.3.2 host mx said: 421 too many|"
		"421 4.3.2 host mx said: 421 too many|", RELAY_NEWS_BUSY },
	{ "the sender is refused", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ "552 5.3.4 too big\r\n", "" } }, false,
		"552 5.3.4 too big|552 5.3.4 too big|552 5.3.4 too big|",
		RELAY_NEWS_NONE },
	{ "it goes away in the middle", {
		{ "220 relay\r\n", LHLO },
		{ "250 relay\r\n", MAIL RCPTS BODY },
		{ SENT "250 2.0.0 host mx said: 250 ok\r\n", "" } }, true,
		"250 2.0.0 host mx said: 250 ok|451 4.3.0 The relay went away|"
		"451 4.3.0 The relay went away|", RELAY_NEWS_GOOD },
	{ "it is not ready", {
		{ "421 4.3.2 stopping\r\n", "" } }, false,
		"451 4.3.0 The relay is not ready|"
		"451 4.3.0 The relay is not ready|"
		"451 4.3.0 The relay is not ready|", RELAY_NEWS_NONE },
	{ "it is not LMTP", {
		{ "* OK IMAP4rev2\r\n", "" } }, false,
		"451 4.3.0 The relay does not speak LMTP|"
		"451 4.3.0 The relay does not speak LMTP|"
		"451 4.3.0 The relay does not speak LMTP|", RELAY_NEWS_NONE },
};

static void
say_and_hear(struct relay_call *call, const struct step *step)
{
	char heard[4096];
	size_t size = strlen(step->says);
	assert_int_equal(send(far, step->says, size, 0), size);
	relay_call_go(call);
	ssize_t n = recv(far, heard, sizeof(heard) - 1, MSG_DONTWAIT);
	heard[n < 0 ? 0 : n] = '\0';
	assert_string_equal(heard, step->hears);
}

static void
assert_replies(struct recipient *const *recipient, const char *want)
{
	struct buffer got;
	buffer_init(&got, 0);
	for (size_t i = 0; i < RECIPIENTS; i++)
		buffer_print(&got, "%u %.*s %.*s|", recipient[i]->reply.code,
			SPAN_PRINT(recipient[i]->reply.status),
			SPAN_PRINT(recipient[i]->reply.text));
	assert_string_equal(buffer_string(&got), want);
	buffer_fini(&got);
}

static void
converse(struct wire_pool *pool, const struct conversation *conversation)
{
	struct recipient recipient[RECIPIENTS] = {
		{ .to = SPAN("a@y.test"), .original = SPAN("list@x.test"),
			.notify = SMTP_NOTIFY_SUCCESS },
		{ .to = SPAN("b@y.test") },
		{ .to = SPAN("c@y.test"), .orcpt = SPAN("utf-8;given"),
			.notify = SMTP_NOTIFY_NEVER } };
	struct recipient *list[RECIPIENTS] = { &recipient[0], &recipient[1],
		&recipient[2] };
	struct envelope envelope = { .sender = SPAN("bob@x.test"),
		.body = SPAN("8bitmime"), .ret = SPAN("hdrs"),
		.envid = SPAN("Q1"), .scope = { .trace = "t1" },
		.transaction = { [15] = 7 } };
	struct mail_body body;
	struct arena arena;
	struct error error;
	arena_init(&arena, 0);
	mail_body_init(&body, -1);
	assert_int_equal(mail_body_add(&body, SPAN("hi\r\n"), &error), 0);
	struct wire *wire = wire_take(pool, clock_monotonic() + WORLD_PATIENCE,
		&error);
	assert_non_null(wire);
	while (far < 0)
		usleep(100);
	struct relay_call call = { .envelope = &envelope, .body = &body,
		.hop = SPAN("[host.test]:2525"), .recipient = list,
		.count = RECIPIENTS, .arena = &arena };
	relay_call_begin(&call, &wire);
	for (size_t i = 0; i < STEPS && conversation->step[i].says != NULL; i++)
		say_and_hear(&call, &conversation->step[i]);
	if (conversation->hangs_up)
		shutdown(far, SHUT_RDWR);
	assert_int_equal(relay_call_go(&call), RELAY_CALL_DONE);
	assert_replies(list, conversation->want);
	assert_int_equal(relay_call_news(list, RECIPIENTS),
		conversation->news);
	relay_call_end(&call);
	mail_body_fini(&body);
	arena_fini(&arena);
}

static void
conversations_end_as_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(conversations) /
		sizeof(conversations[0]); i++) {
		struct lot *lot = world_begin(services);
		struct wire_pool *pool = wire_pool_new(lot, "relay-lmtp", 0);
		print_message("%s\n", conversations[i].name);
		converse(pool, &conversations[i]);
		wire_pool_free(&pool);
		world_end(&lot);
		close(far);
		far = -1;
	}
}

/* More than a wire holds: it waits for the relay to read, and goes on. */
static void
a_large_body_goes_in_pieces(void **state)
{
	enum { SIZE = 3000000 };
	struct recipient recipient = { .to = SPAN("a@y.test") };
	struct recipient *list[1] = { &recipient };
	struct envelope envelope = { .body = SPAN("7bit") };
	struct mail_body body;
	struct arena arena;
	struct error error;
	static char bytes[SIZE], heard[1 << 16];
	size_t total = 0, waits = 0;
	(void)state;
	struct lot *lot = world_begin(services);
	struct wire_pool *pool = wire_pool_new(lot, "relay-lmtp", 0);
	arena_init(&arena, 0);
	mail_body_init(&body, -1);
	body.memory_limit = SIZE;
	memset(bytes, 'x', SIZE);
	assert_int_equal(mail_body_add(&body, span_of(bytes, SIZE), &error), 0);
	struct wire *wire = wire_take(pool, clock_monotonic() + WORLD_PATIENCE,
		&error);
	while (far < 0)
		usleep(100);
	struct relay_call call = { .envelope = &envelope, .body = &body,
		.hop = SPAN("y.test"), .recipient = list, .count = 1,
		.arena = &arena };
	relay_call_begin(&call, &wire);
	say_and_hear(&call, &(struct step){ "220 r\r\n", LHLO });
	assert_int_equal(send(far, "250 r\r\n", 7, 0), 7);
	for (;;) {
		bool blocks = relay_call_go(&call) == RELAY_CALL_WRITE;
		ssize_t n = recv(far, heard, sizeof(heard), MSG_DONTWAIT);
		waits += blocks;
		if (n <= 0 && !blocks)
			break;
		total += n > 0 ? (size_t)n : 0;
	}
	assert_true(waits > 1);
	assert_true(total > SIZE && total < SIZE + 400);
	say_and_hear(&call, &(struct step){ "250 ok\r\n250 ok\r\n250 ok\r\n",
		"" });
	assert_int_equal(relay_call_go(&call), RELAY_CALL_DONE);
	assert_int_equal(recipient.reply.code, 250);
	relay_call_end(&call);
	mail_body_fini(&body);
	arena_fini(&arena);
	wire_pool_free(&pool);
	world_end(&lot);
	close(far);
	far = -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_end_as_they_should),
		cmocka_unit_test(a_large_body_goes_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
