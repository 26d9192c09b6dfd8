/*
 * A transaction from smtpd to its end, with auth and the mailboxes played by
 * the test and a real spool: what is answered, what is delivered, what stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "queue/queue.h"
#include "serve/tab_call.h"
#include "store/engine_memory.h"
#include "world.h"

/* ---- auth ---- */

static const struct {
	const char *address, *targets;
} aliases[] = {
	{ "alice@x", "\tlocal=1:0:alice@x" },
	{ "bob@x", "\tlocal=2:0:bob@x" },
	{ "full@x", "\tlocal=3:0:full@x" },
	{ "later@x", "\tlocal=4:0:later@x" },
	{ "carol@y", "\tremote=carol@y" },
	{ "boss+d@x", "\tlocal=80000000000003e8:0:boss+d@x" },
	{ "other@x", "\tlocal=80000000000003e8:0:other@x" },
	{ "final@x", "\tlocal=80000000000003e8:0:boss@x\tfinal=yes" },
	{ "round@x", "\tlocal=80000000000003e9:0:round@x" },
	{ "lost@x", "\tlocal=80000000000003ea:0:lost@x" },
	{ "busied@x", "\tlocal=80000000000003eb:0:busied@x" },
	{ "team@x", "\tlocal=1:0:alice@x\tlocal=2:0:bob@x\tremote=carol@y" },
};

static atomic_uint questions;

static void
answer_question(struct stream *stream, const struct tabline *fields)
{
	struct error error;
	const size_t count = sizeof(aliases) / sizeof(aliases[0]);
	size_t i = 0;
	atomic_fetch_add(&questions, 1);
	if (span_equals(fields->field[2], SPAN("many@x"))) {
		stream_print(stream, "OK\t%.*s", SPAN_PRINT(fields->field[1]));
		for (unsigned n = 10; n < 60; n++)
			stream_print(stream, "\tlocal=%x:0:user%u@x", n, n);
		stream_print(stream, "\n");
		stream_send(stream, &error);
		return;
	}
	while (i < count && !span_equals(fields->field[2],
		span_from(aliases[i].address)))
		i++;
	if (i < count)
		stream_print(stream, "OK\t%.*s%s\n",
			SPAN_PRINT(fields->field[1]), aliases[i].targets);
	else
		stream_print(stream, "%s\t%.*s\n", span_starts(
			fields->field[2], SPAN("busy")) ? "FAIL" : "NOTFOUND",
			SPAN_PRINT(fields->field[1]));
	stream_send(stream, &error);
}

static void *
play_auth(void *context)
{
	int fd = (int)(intptr_t)context;
	struct stream stream;
	struct span line;
	struct error error;
	stream_init(&stream, &fd);
	stream.deadline = clock_monotonic() + WORLD_PATIENCE;
	while (stream_read_line(&stream, 1000, &line, &error) == 0) {
		struct arena arena;
		struct tabline fields;
		if (span_starts(line, SPAN("VERSION")))
			continue;
		arena_init(&arena, 0);
		assert_true(tabline_parse(line, &arena, &fields));
		if (span_equals(fields.field[0], SPAN("FORWARD"))) {
			stream_print(&stream, "NOTFOUND\t1\n");
			stream_send(&stream, &error);
		} else {
			answer_question(&stream, &fields);
		}
		arena_fini(&arena);
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

/* ---- mailboxes ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buffer delivered;		/* "to(transaction's last byte) ..." */
static atomic_bool is_open;		/* later@x takes mail */

static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	(void)server;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < transaction->count; i++) {
		struct span to = transaction->recipient[i].address;
		if (span_starts(to, SPAN("full"))) {
			smtp_reply_add(replies, SMTP_REPLY_MAILBOX_FULL, to);
		} else if (span_starts(to, SPAN("later")) &&
			!atomic_load(&is_open)) {
			smtp_reply_add(replies, SMTP_REPLY_MAILBOX_TROUBLE,
				to);
		} else if (span_starts(buffer_span(&transaction->body.memory),
			SPAN("Delivered-To: boss+d@x\r\nhi"))) {
			buffer_print(&delivered, "%.*s<boss+d@x ",
				SPAN_PRINT(to));
			smtp_reply_add(replies, SMTP_REPLY_DELIVERED,
				SPAN("uid 1"));
		} else {
			buffer_print(&delivered, "%.*s(%u) ", SPAN_PRINT(to),
				transaction->mail.transaction[15]);
			smtp_reply_add(replies, SMTP_REPLY_DELIVERED,
				SPAN("uid 1"));
		}
	}
	pthread_mutex_unlock(&lock);
}

static struct mail_server mailboxes = { .is_lmtp = true, .hostname = "m",
	.spill = -1, .deliver = deliver };

static void
accept_mailbox(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)instance;
	mail_server_accept(lot, incoming, &mailboxes);
}

/* ---- users of the machine, who all have a .forward ---- */

static void
deliver_user(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies)
{
	(void)server;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < transaction->count; i++) {
		const struct mail_recipient *to = &transaction->recipient[i];
		if (to->rcpt.is_final)
			buffer_print(&delivered, "%.*s! ",
				SPAN_PRINT(to->address));
		smtp_reply_add(replies, to->rcpt.is_final ?
			SMTP_REPLY_DELIVERED : SMTP_REPLY_HAS_FORWARD,
			SPAN(""));
	}
	pthread_mutex_unlock(&lock);
}

static struct mail_server users = { .is_lmtp = true, .hostname = "u",
	.spill = -1, .deliver = deliver_user };

static void
accept_user(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	assert_true(instance >= 1000 && instance < 1004);
	mail_server_accept(lot, incoming, &users);
}

static const struct {
	const char *to, *answer;
} forwards[] = {
	{ "boss+d@x", "251-2.1.5 address alice@x\r\n"
		"251-2.1.5 address other@x\r\n251-2.1.5 address carol@y\r\n"
		"251-2.1.5 program 0 +2Bd\r\n251-2.1.5 program 1 +2Bd\r\n"
		"251-2.1.5 mailbox\r\n251 2.1.5 Forwarded\r\n" },
	{ "round@x", "554 5.4.6 It goes in a circle\r\n" },
	{ "lost@x", "251-2.1.5 address nobody@x\r\n251 2.1.5 Forwarded\r\n" },
	{ "busied@x", "251-2.1.5 address busy@x\r\n251 2.1.5 Forwarded\r\n" },
};

static void
deliver_program(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies)
{
	const struct mail_recipient *to = &transaction->recipient[0];
	(void)server;
	assert_int_equal(transaction->count, 1);
	pthread_mutex_lock(&lock);
	if (!to->rcpt.is_whole) {
		buffer_print(&delivered, "%.*s|%u%.*s ",
			SPAN_PRINT(to->address), to->rcpt.program,
			SPAN_PRINT(to->rcpt.key));
		smtp_reply_add(replies, SMTP_REPLY_DELIVERED, SPAN(""));
	}
	for (size_t i = 0; to->rcpt.is_whole &&
		i < sizeof(forwards) / sizeof(forwards[0]); i++)
		if (span_equals(to->address, span_from(forwards[i].to)))
			buffer_add_string(replies, forwards[i].answer);
	pthread_mutex_unlock(&lock);
}

static struct mail_server programs = { .is_lmtp = true, .hostname = "p",
	.spill = -1, .deliver = deliver_program };

static void
accept_program(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	assert_true(instance >= 1000 && instance < 1004);
	mail_server_accept(lot, incoming, &programs);
}

static const struct world_service services[] = {
	{ "auth-user", accept_auth }, { "mailbox-lmtp", accept_mailbox },
	{ "user-lmtp", accept_user }, { "pipe-lmtp", accept_program },
	{ NULL, NULL },
};

/* ---- the queue ---- */

struct fixture {
	struct engine *engine;
	struct store *store;
	struct queue queue;
	struct lot *lot;
};

static void
begin(struct fixture *fixture)
{
	struct error error;
	const struct attempt_rules rules = { .minimal = 100, .maximal = 200,
		.lifetime = 100000, .bounce_lifetime = 100000 };
	fixture->engine = engine_memory_new();
	const struct store_options store = { .engine = fixture->engine };
	assert_int_equal(store_open(&store, &fixture->store, &error), 0);
	fixture->lot = world_begin(services);
	queue_init(&fixture->queue, fixture->lot, 2);
	queue_set_rules(&fixture->queue, &rules);
	const struct spool_options spool = { .store = fixture->store,
		.back_off = retry_back_off, .wake = retry_wake,
		.context = &fixture->queue };
	assert_int_equal(spool_open(&fixture->queue.spool, &spool, &error), 0);
	buffer_clear(&delivered);
	atomic_store(&is_open, false);
}

static void
end(struct fixture *fixture)
{
	world_end(&fixture->lot);
	spool_close(&fixture->queue.spool);
	queue_fini(&fixture->queue);
	world_join();
	store_close(&fixture->store);
	fixture->engine->call->close(&fixture->engine);
	buffer_fini(&delivered);
}

/* The reply to the message: "250 2.0.0". */
static void
send_message(struct fixture *fixture, const char *sender,
	const char *const *to, const char *notify, unsigned transaction,
	char reply[10])
{
	int pair[2];
	struct buffer out, in;
	struct error error;
	char bytes[4096];
	ssize_t n;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct incoming incoming = { .fd = pair[1], .service = "queue-smtp" };
	mail_server_accept(fixture->lot, &incoming, &fixture->queue.server);
	buffer_init(&out, 0);
	buffer_init(&in, 0);
	buffer_print(&out, "EHLO smtpd\r\nMAIL FROM:<%s> XTRACE=t%u "
		"XTRANSACTION=%032x\r\n", sender, transaction, transaction);
	for (; *to != NULL; to++)
		buffer_print(&out, "RCPT TO:<%s>%s\r\n", *to, notify);
	buffer_add_string(&out, "BDAT 4 LAST\r\nhi\r\nQUIT\r\n");
	assert_int_equal(file_write_all(pair[0], buffer_span(&out), &error),
		0);
	while ((n = read(pair[0], bytes, sizeof(bytes))) > 0)
		buffer_add(&in, span_of(bytes, (size_t)n));
	close(pair[0]);
	/* the line before that of QUIT */
	size_t at = in.size;
	for (unsigned lines = 0; lines < 3; at--)
		lines += in.data[at - 1] == '\n';
	memcpy(reply, in.data + at + 1, 9);
	reply[9] = '\0';
	buffer_fini(&out);
	buffer_fini(&in);
}

static int
note_message(void *context, const struct spool_message *message)
{
	struct buffer *out = context;
	for (size_t i = 0; i < message->envelope->count; i++) {
		const struct recipient *recipient =
			&message->envelope->recipient[i];
		buffer_print(out, "%.*s=%s ", SPAN_PRINT(recipient->to),
			envelope_state_name(recipient->state));
	}
	return 0;
}

static void
assert_spooled(struct fixture *fixture, const char *want)
{
	struct error error;
	struct buffer got;
	buffer_init(&got, 0);
	assert_int_equal(spool_visit(&fixture->queue.spool, note_message, &got,
		&error), 0);
	assert_string_equal(buffer_string(&got), want);
	buffer_fini(&got);
}

/* In any order: several processes deliver at a time. */
static void
assert_delivered(const char *want)
{
	struct span rest = span_from(want), word;
	pthread_mutex_lock(&lock);
	assert_int_equal(delivered.size, rest.size);
	while (span_word(&rest, &word))
		assert_true(span_search(buffer_span(&delivered), word) <
			delivered.size);
	pthread_mutex_unlock(&lock);
}

static const struct {
	const char *name, *sender, *to[4], *notify, *reply, *delivered,
		*spooled;
} cases[] = {
	{ "local: delivered at once", "b@y", { "alice@x" }, "",
		"250 2.0.0", "alice@x(1) ", "" },
	{ "remote: spooled, as no relay is there", "b@y", { "carol@y" }, "",
		"250 2.0.0", "", "carol@y=relay " },
	{ "alias to both, each once", "b@y", { "team@x", "bob@x" }, "",
		"250 2.0.0", "alice@x(1) bob@x(1) ", "carol@y=relay " },
	{ "refused for good, alone", "b@y", { "full@x" }, "",
		"552 5.2.2", "", "" },
	{ "refused for good, with others", "b@y", { "full@x", "alice@x" }, "",
		"250 2.0.0", "alice@x(1) ", "full@x=bounce " },
	{ "the same from nobody", "", { "full@x", "alice@x" }, "",
		"250 2.0.0", "alice@x(1) ", "" },
	{ "the same, not to be told", "b@y", { "full@x", "alice@x" },
		" NOTIFY=NEVER", "250 2.0.0", "alice@x(1) ", "" },
	{ "not now", "b@y", { "later@x" }, "",
		"250 2.0.0", "", "later@x=waiting " },
	{ "unknown, alone", "b@y", { "nobody@x" }, "",
		"550 5.1.1", "", "" },
	{ "unknown, with others", "b@y", { "nobody@x", "alice@x" }, "",
		"250 2.0.0", "alice@x(1) ", "nobody@x=bounce " },
	{ "auth cannot say: nothing is done", "b@y", { "alice@x", "busy@x" },
		"", "451 4.3.0", "", "" },
	{ "success is to be told", "b@y", { "alice@x" }, " NOTIFY=SUCCESS",
		"250 2.0.0", "alice@x(1) ", "alice@x=notify " },
};

static void
transactions_end_as_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture;
		char reply[10];
		print_message("%s\n", cases[i].name);
		begin(&fixture);
		send_message(&fixture, cases[i].sender, cases[i].to,
			cases[i].notify, 1, reply);
		assert_string_equal(reply, cases[i].reply);
		assert_delivered(cases[i].delivered);
		assert_spooled(&fixture, cases[i].spooled);
		end(&fixture);
	}
}

static void
mailboxes_away_means_spooled(void **state)
{
	static const char *const to[] = { "alice@x", "bob@x", NULL };
	struct fixture fixture;
	char reply[10];
	(void)state;
	begin(&fixture);
	world_set_away("mailbox-lmtp", 0, true);
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_delivered("alice@x(1) ");
	assert_spooled(&fixture, "bob@x=waiting ");
	end(&fixture);
}

static void
auth_away_means_later(void **state)
{
	static const char *const to[] = { "alice@x", NULL };
	struct fixture fixture;
	char reply[10];
	(void)state;
	begin(&fixture);
	world_set_away("auth-user", 0, true);
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "451 4.3.0");
	world_set_away("auth-user", 0, false);
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "250 2.0.0");
	/* what is known needs nobody */
	world_set_away("auth-user", 0, true);
	unsigned asked = atomic_load(&questions);
	send_message(&fixture, "b@y", to, "", 2, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_int_equal(atomic_load(&questions), asked);
	end(&fixture);
}

static void
a_full_spool_means_later(void **state)
{
	static const char *const to[] = { "alice@x", "carol@y", NULL };
	struct fixture fixture;
	char reply[10];
	(void)state;
	begin(&fixture);
	engine_memory_fail(fixture.engine, ENGINE_MEMORY_APPEND, 1,
		ENGINE_MEMORY_PART);
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "452 4.3.1");
	assert_spooled(&fixture, "");
	/* the client tries again with the same transaction */
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_spooled(&fixture, "carol@y=relay ");
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_spooled(&fixture, "carol@y=relay ");
	end(&fixture);
}

static void
what_is_spooled_is_delivered_when_it_can_be(void **state)
{
	static const char *const to[] = { "later@x", NULL };
	struct fixture fixture;
	char reply[10];
	(void)state;
	begin(&fixture);
	send_message(&fixture, "b@y", to, "", 9, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_spooled(&fixture, "later@x=waiting ");
	atomic_store(&is_open, true);
	retry_start(&fixture.queue.retry);
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	while (spool_length(&fixture.queue.spool) > 0 &&
		clock_monotonic() < until)
		poll(NULL, 0, 5);
	assert_delivered("later@x(9) ");
	assert_spooled(&fixture, "");
	end(&fixture);
}

static const struct {
	const char *name, *to, *delivered, *spooled;
} forwarding[] = {
	{ "addresses, himself by another of his, programs, his mailbox",
		"boss+d@x", "alice@x<boss+d@x other@x! boss+d@x|0+2Bd "
		"boss+d@x|1+2Bd boss+d@x! ", "carol@y=relay " },
	{ "his mailbox, whatever .forward says", "final@x", "boss@x! ", "" },
	{ "a circle", "round@x", "", "round@x=bounce " },
	{ "to nobody", "lost@x", "", "nobody@x=bounce " },
	{ "while auth cannot say", "busied@x", "", "busied@x=waiting " },
};

/* The 250 to the client comes when the question is in the spool; what is asked
 * and done then is done in steps that are in it too. */
static void
users_are_forwarded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forwarding) / sizeof(forwarding[0]); i++) {
		struct fixture fixture;
		char reply[10];
		const char *const to[] = { forwarding[i].to, NULL };
		size_t length = strlen(forwarding[i].delivered), now = 0;
		print_message("%s\n", forwarding[i].name);
		begin(&fixture);
		send_message(&fixture, "b@y", to, "", 9, reply);
		assert_string_equal(reply, "250 2.0.0");
		retry_start(&fixture.queue.retry);
		int64_t until = clock_monotonic() + WORLD_PATIENCE;
		struct buffer got;
		buffer_init(&got, 0);
		while ((now != length || strcmp(buffer_string(&got),
			forwarding[i].spooled) != 0) &&
			clock_monotonic() < until) {
			struct error error;
			poll(NULL, 0, 5);
			buffer_clear(&got);
			spool_visit(&fixture.queue.spool, note_message, &got,
				&error);
			pthread_mutex_lock(&lock);
			now = delivered.size;
			pthread_mutex_unlock(&lock);
		}
		assert_string_equal(buffer_string(&got),
			forwarding[i].spooled);
		buffer_fini(&got);
		assert_delivered(forwarding[i].delivered);
		end(&fixture);
	}
}

static size_t
delivered_count(void)
{
	size_t count = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < delivered.size; i++)
		count += delivered.data[i] == '@';
	pthread_mutex_unlock(&lock);
	return count;
}

static void
beyond_the_limit_the_rest_is_spooled(void **state)
{
	static const char *const to[] = { "many@x", NULL };
	struct fixture fixture;
	char reply[10];
	(void)state;
	begin(&fixture);
	send_message(&fixture, "b@y", to, "", 1, reply);
	assert_string_equal(reply, "250 2.0.0");
	assert_true(delivered_count() >= QUEUE_CUT_THROUGH_LIMIT);
	/* and goes at once, without waiting for a back-off */
	retry_start(&fixture.queue.retry);
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	while (spool_length(&fixture.queue.spool) > 0 &&
		clock_monotonic() < until)
		poll(NULL, 0, 5);
	assert_int_equal(delivered_count(), 50);
	end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions_end_as_they_should),
		cmocka_unit_test(mailboxes_away_means_spooled),
		cmocka_unit_test(auth_away_means_later),
		cmocka_unit_test(a_full_spool_means_later),
		cmocka_unit_test(what_is_spooled_is_delivered_when_it_can_be),
		cmocka_unit_test(users_are_forwarded),
		cmocka_unit_test(beyond_the_limit_the_rest_is_spooled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
