/*
 * Delivery to mailbox processes: who answers what, and that one which does not
 * answer costs its own recipients alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "proto/account_id.h"
#include "queue/deliver.h"
#include "serve/mail_server.h"
#include "world.h"

enum { PROCESSES = 3 };

/* Mailboxes that answer by the name of the recipient. */
static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	(void)server;
	for (size_t i = 0; i < transaction->count; i++) {
		struct span name = transaction->recipient[i].rcpt.path.local;
		bool is_full = span_starts(name, SPAN("full"));
		smtp_reply_add(replies, is_full ? SMTP_REPLY_MAILBOX_FULL :
			span_starts(name, SPAN("later")) ?
			SMTP_REPLY_MAILBOX_TROUBLE : SMTP_REPLY_DELIVERED,
			is_full ? name : SPAN("uid 7"));
	}
}

static enum smtp_reply
accept_recipient(const struct mail_server *server,
	const struct mail_recipient *recipient)
{
	(void)server;
	return span_starts(recipient->rcpt.path.local, SPAN("gone")) ?
		SMTP_REPLY_NO_USER : SMTP_REPLY_RECIPIENT_OK;
}

static struct mail_server server = { .is_lmtp = true, .hostname = "mailbox",
	.spill = -1, .recipient = accept_recipient, .deliver = deliver };

/* What a wire to a process leads to. */
static enum { ANSWERS, IS_SILENT, SPEAKS_OTHERWISE, DIES } kind[PROCESSES];

static void
accept_wire(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	struct error error;
	switch (kind[instance]) {
	case ANSWERS:
		mail_server_accept(lot, incoming, &server);
		return;
	case IS_SILENT:
		incoming->fd = -1;	/* stays open; nobody reads it */
		return;
	case SPEAKS_OTHERWISE:
		file_write_all(incoming->fd, SPAN("* OK IMAP\r\n"), &error);
		incoming->fd = -1;
		return;
	case DIES:
		return;
	}
}

/* Wires to processes of system users that end before they say anything. */
static atomic_uint endings;

static void
accept_user(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	assert_true(instance >= 1000);
	if (atomic_load(&endings) > 0)
		atomic_fetch_sub(&endings, 1);
	else
		mail_server_accept(lot, incoming, &server);
}

static const struct world_service services[] = {
	{ "mailbox-lmtp", accept_wire }, { "user-lmtp", accept_user },
	{ NULL, NULL },
};

struct fixture {
	struct lot *lot;
	struct deliverer deliverer;
	struct arena arena;
	struct envelope envelope;
	struct mail_body body;
};

static void
begin(struct fixture *fixture, size_t size)
{
	struct error error;
	fixture->lot = world_begin(services);
	deliverer_init(&fixture->deliverer, fixture->lot, PROCESSES);
	arena_init(&fixture->arena, 0);
	mail_body_init(&fixture->body, -1);
	char *bytes = arena_new(&fixture->arena, size);
	memset(bytes, 'x', size);
	assert_int_equal(mail_body_add(&fixture->body, span_of(bytes, size),
		&error), 0);
	fixture->envelope = (struct envelope){ .sender = SPAN("bob@x"),
		.body = SPAN("8bitmime"), .scope = { "trace", "session" } };
}

static void
end(struct fixture *fixture)
{
	world_end(&fixture->lot);
	deliverer_fini(&fixture->deliverer);
	mail_body_fini(&fixture->body);
	arena_fini(&fixture->arena);
	memset(kind, 0, sizeof(kind));
}

static void
try(struct fixture *fixture, struct recipient *recipient, size_t count,
	int64_t wait)
{
	struct recipient *list[DELIVER_LIMIT];
	struct delivery_batch batch = { .envelope = &fixture->envelope,
		.body = &fixture->body, .recipient = list, .count = count,
		.deadline = clock_monotonic() + wait,
		.arena = &fixture->arena };
	for (size_t i = 0; i < count; i++)
		list[i] = &recipient[i];
	deliver_local(&fixture->deliverer, &batch);
}

static void
each_recipient_gets_its_reply(void **state)
{
	struct recipient recipient[] = {
		{ .to = SPAN("alice@x"), .account = 1, .is_local = true },
		{ .to = SPAN("full@x"), .account = 4, .original = SPAN("f@x") },
		{ .to = SPAN("gone@x"), .account = 7 },
		{ .to = SPAN("later@x"), .account = 2 },
		{ .to = SPAN("\xe4\xbd\xa0@x"), .account = 3 },
		{ .to = SPAN("\"a b\"@x"), .account = 10, .quota = 99 },
	};
	static const struct {
		unsigned code;
		const char *status, *text;
	} want[] = {
		{ 250, "2.1.5", "Delivered, uid 7" },
		{ 552, "5.2.2", "<full>: the mailbox is full" },
		{ 550, "5.1.1", NULL },
		{ 451, "4.3.0", NULL },
		{ 250, "2.1.5", NULL },
		{ 250, "2.1.5", NULL },
	};
	struct fixture fixture;
	(void)state;
	begin(&fixture, 8192);
	for (unsigned round = 0; round < 3; round++) {	/* wires are kept */
		try(&fixture, recipient, 6, WORLD_PATIENCE);
		for (size_t i = 0; i < 6; i++) {
			const struct recipient *got = &recipient[i];
			assert_int_equal(got->reply.code, want[i].code);
			assert_true(span_equals(got->reply.status,
				span_from(want[i].status)));
			if (want[i].text != NULL)
				assert_true(span_equals(got->reply.text,
					span_from(want[i].text)));
			assert_false(got->is_uncertain);
		}
	}
	end(&fixture);
}

static void
nobody_accepted_leaves_the_wire_usable(void **state)
{
	struct recipient gone = { .to = SPAN("gone@x"), .account = 1 };
	struct recipient alice = { .to = SPAN("alice@x"), .account = 1 };
	struct fixture fixture;
	(void)state;
	begin(&fixture, 100);
	try(&fixture, &gone, 1, WORLD_PATIENCE);
	assert_int_equal(gone.reply.code, 550);
	try(&fixture, &alice, 1, WORLD_PATIENCE);
	assert_int_equal(alice.reply.code, 250);
	end(&fixture);
}

struct failing {
	const char *name;
	int kind;
	bool is_away;
	size_t size;
};

/* The ms that it took. */
static int64_t
try_beside(const struct failing *failing)
{
	struct recipient recipient[] = {
		{ .to = SPAN("a@x"), .account = 0 },
		{ .to = SPAN("b@x"), .account = 1 },
		{ .to = SPAN("c@x"), .account = 2 },
		{ .to = SPAN("d@x"), .account = 4 },
	};
	struct fixture fixture;
	begin(&fixture, failing->size);
	kind[1] = failing->kind;
	world_set_away("mailbox-lmtp", 1, failing->is_away);
	int64_t began = clock_monotonic();
	try(&fixture, recipient, 4, WORLD_PATIENCE);
	int64_t taken = clock_monotonic() - began;
	assert_int_equal(recipient[0].reply.code, 250);
	assert_int_equal(recipient[2].reply.code, 250);
	assert_int_equal(recipient[1].reply.code, 451);
	assert_int_equal(recipient[3].reply.code, 451);
	end(&fixture);
	return taken;
}

static void
one_that_fails_costs_its_own_recipients_alone(void **state)
{
	static const struct failing cases[] = {
		{ "silent", IS_SILENT, false, 1000 },
		{ "silent, more than a wire holds", IS_SILENT, false,
			MAIL_BODY_MEMORY },
		{ "speaks something else", SPEAKS_OTHERWISE, false, 1000 },
		{ "dies", DIES, false, 1000 },
		{ "away", ANSWERS, true, 1000 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		/* the quickest of some: the machine may be busy */
		int64_t quickest = 2 * HEALTH_SILENCE;
		for (int j = 0; j < 5 && quickest >= 2 * HEALTH_SILENCE; j++)
			quickest = try_beside(&cases[i]);
		assert_true(quickest < 2 * HEALTH_SILENCE);
	}
}

static void
a_silent_one_costs_its_time_once(void **state)
{
	struct recipient recipient = { .to = SPAN("b@x"), .account = 1 };
	struct fixture fixture;
	(void)state;
	begin(&fixture, 1000);
	kind[1] = IS_SILENT;
	/* One waits; while it does, the next is told at once. */
	struct health *health = &fixture.deliverer.ways.shared[1].health;
	assert_true(health_enter(health,
		clock_monotonic() - HEALTH_SILENCE));
	health_silent(health, clock_monotonic());
	int64_t quickest = HEALTH_SILENCE;
	for (int i = 0; i < 5 && quickest >= HEALTH_SILENCE; i++) {
		int64_t began = clock_monotonic();
		try(&fixture, &recipient, 1, WORLD_PATIENCE);
		quickest = clock_monotonic() - began;
		assert_int_equal(recipient.reply.code, 451);
		assert_false(recipient.is_uncertain);
	}
	assert_true(quickest < HEALTH_SILENCE);
	assert_false(deliver_is_open(&fixture.deliverer, 1));
	health_leave(health);
	/* It answers again: the first to try finds out. */
	kind[1] = ANSWERS;
	try(&fixture, &recipient, 1, WORLD_PATIENCE);
	assert_int_equal(recipient.reply.code, 250);
	assert_true(deliver_is_open(&fixture.deliverer, 1));
	end(&fixture);
}

/* It had nothing to do and went; its successor is asked, but only once. */
static void
one_that_ended_is_asked_again(void **state)
{
	static const struct {
		unsigned endings, code;
	} cases[] = { { 0, 250 }, { 1, 250 }, { 2, 451 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recipient recipient[] = {
			{ .to = SPAN("alice@x"), .account = 1 },
			{ .to = SPAN("boss@x"),
				.account = account_id_of_uid(1001) },
		};
		struct fixture fixture;
		begin(&fixture, 1000);
		atomic_store(&endings, cases[i].endings);
		try(&fixture, recipient, 2, WORLD_PATIENCE);
		assert_int_equal(recipient[0].reply.code, 250);
		assert_int_equal(recipient[1].reply.code, cases[i].code);
		assert_int_equal(atomic_load(&endings), 0);
		assert_false(recipient[1].is_uncertain);
		end(&fixture);
	}
}

/* As many as a site has users; only some ways are kept. */
static void
ways_to_many_users_are_bounded(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 100);
	for (unsigned i = 0; i < 2 * WAYS_KEPT; i++) {
		/* the first again and again: it stays */
		unsigned uid = i % 2 == 0 ? 1000 : 1000 + i;
		struct recipient recipient = { .to = SPAN("boss@x"),
			.account = account_id_of_uid(uid) };
		try(&fixture, &recipient, 1, WORLD_PATIENCE);
		assert_int_equal(recipient.reply.code, 250);
		assert_true(fixture.deliverer.ways.kept <= WAYS_KEPT);
		assert_int_equal(fixture.deliverer.ways.kept,
			map_count(&fixture.deliverer.ways.by_account));
	}
	end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_recipient_gets_its_reply),
		cmocka_unit_test(nobody_accepted_leaves_the_wire_usable),
		cmocka_unit_test(one_that_fails_costs_its_own_recipients_alone),
		cmocka_unit_test(a_silent_one_costs_its_time_once),
		cmocka_unit_test(one_that_ended_is_asked_again),
		cmocka_unit_test(ways_to_many_users_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
