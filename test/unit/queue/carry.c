/*
 * Mail for other hosts, from the spool to the relay, which the test plays: what
 * goes at once, what waits, what is not tried because nobody answers there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "queue/queue.h"
#include "store/engine_memory.h"
#include "world.h"

/* ---- the relay ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buffer relayed;		/* "hop:count " of each transaction */
static unsigned calls, most, running;	/* of deliver */
static const char *answer_with;		/* NULL: 250 */

static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	(void)server;
	pthread_mutex_lock(&lock);
	const char *answer = answer_with;
	calls++;
	if (++running > most)
		most = running;
	if (answer == NULL)
		buffer_print(&relayed, "%.*s:%zu ",
			SPAN_PRINT(transaction->mail.next_hop),
			transaction->count);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < transaction->count; i++)
		buffer_print(replies, "%s\r\n", answer != NULL ? answer :
			"250 2.0.0 host mx[192.0.2.1] said: 250 ok");
	pthread_mutex_lock(&lock);
	running--;
	pthread_mutex_unlock(&lock);
}

static struct mail_server relay = { .is_lmtp = true, .hostname = "r",
	.spill = -1, .deliver = deliver };

static void
accept_relay(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)instance;
	mail_server_accept(lot, incoming, &relay);
}

static const struct world_service services[] = {
	{ "relay-lmtp", accept_relay }, { NULL, NULL },
};

/* ---- the queue ---- */

struct fixture {
	struct engine *engine;
	struct store *store;
	struct queue queue;
	struct lot *lot;
	struct arena arena;
};

static void
begin(struct fixture *fixture, const char *answer)
{
	struct error error;
	const struct attempt_rules rules = { .minimal = 100, .maximal = 100,
		.lifetime = 100000, .bounce_lifetime = 100000 };
	static const struct destination_rules next_hops = { .initial = 5,
		.limit = 20, .calls = 100, .local = 8, .recipients = 50,
		.minimal = 1000000, .maximal = 1000000 };
	fixture->engine = engine_memory_new();
	const struct store_options store = { .engine = fixture->engine };
	assert_int_equal(store_open(&store, &fixture->store, &error), 0);
	fixture->lot = world_begin(services);
	queue_init(&fixture->queue, fixture->lot, 2);
	queue_set_rules(&fixture->queue, &rules);
	const struct spool_options spool = { .store = fixture->store,
		.back_off = retry_back_off, .wake = retry_wake,
		.swept = retry_swept, .hop = retry_hop, .rules = &next_hops,
		.context = &fixture->queue };
	assert_int_equal(spool_open(&fixture->queue.spool, &spool, &error), 0);
	arena_init(&fixture->arena, 0);
	pthread_mutex_lock(&lock);
	buffer_clear(&relayed);
	answer_with = answer;
	calls = most = running = 0;
	pthread_mutex_unlock(&lock);
	retry_start(&fixture->queue.retry);
}

static void
end(struct fixture *fixture)
{
	world_end(&fixture->lot);
	spool_close(&fixture->queue.spool);
	queue_fini(&fixture->queue);
	store_close(&fixture->store);
	fixture->engine->call->close(&fixture->engine);
	arena_fini(&fixture->arena);
	buffer_fini(&relayed);
}

/* A message to userN@DOMAINS, by turns; tried from memory when it may be. */
static void
spool_message(struct fixture *fixture, unsigned number, size_t count,
	const char *const *domains, size_t domain_count)
{
	struct error error;
	struct spool_started started = { .count = 0 };
	struct envelope envelope = { .id = arena_print(&fixture->arena, "m%u",
		number), .arrival = clock_wall(), .sender = SPAN("bob@x.test"),
		.body = SPAN("8bitmime"), .count = count };
	struct mail_body body;
	struct arena arena;
	arena_init(&arena, 0);
	memcpy(envelope.transaction, &number, sizeof(number));
	envelope.recipient = arena_new_array(&arena, count,
		sizeof(struct recipient));
	for (size_t i = 0; i < count; i++)
		envelope.recipient[i] = (struct recipient){
			.to = arena_print(&arena, "user%zu@%s", i,
			domains[i % domain_count]), .state = RECIPIENT_RELAY };
	mail_body_init(&body, -1);
	assert_int_equal(mail_body_add(&body, SPAN("Subject: a\r\n\r\nb\r\n"),
		&error), 0);
	assert_int_equal(spool_add(&fixture->queue.spool, &envelope, &body,
		&arena, &started, &error), SPOOL_OK);
	struct parcel *parcel = parcel_new(&fixture->queue, &arena, &body);
	for (size_t i = 0; i < started.count; i++)
		carry_start_part(&fixture->queue, &started.part[i], parcel);
	parcel_drop(&parcel);
}

static size_t
wait_for_length(struct fixture *fixture, size_t length)
{
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	while (spool_length(&fixture->queue.spool) != length &&
		clock_monotonic() < until)
		poll(NULL, 0, 5);
	return spool_length(&fixture->queue.spool);
}

/* An attempt lets go of its message after it has written how it ended. */
static uint64_t
wait_for_parcels(struct fixture *fixture, uint64_t size)
{
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	while (atomic_load(&fixture->queue.parcels) != size &&
		clock_monotonic() < until)
		poll(NULL, 0, 5);
	return atomic_load(&fixture->queue.parcels);
}

static unsigned
wait_for_calls(unsigned least)
{
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	unsigned now = 0;
	while (now < least && clock_monotonic() < until) {
		poll(NULL, 0, 5);
		pthread_mutex_lock(&lock);
		now = calls;
		pthread_mutex_unlock(&lock);
	}
	return now;
}

/* ---- the cases ---- */

static void
a_message_is_relayed_and_goes(void **state)
{
	static const char *const domains[] = { "y.test" };
	struct fixture fixture;
	(void)state;
	begin(&fixture, NULL);
	spool_message(&fixture, 1, 1, domains, 1);
	assert_int_equal(wait_for_length(&fixture, 0), 0);
	pthread_mutex_lock(&lock);
	assert_string_equal(buffer_string(&relayed), "y.test:1 ");
	pthread_mutex_unlock(&lock);
	assert_true(wait_for_parcels(&fixture, 0) == 0);
	end(&fixture);
}

static void
many_recipients_go_in_groups(void **state)
{
	static const char *const domains[] = { "a.test", "b.test", "c.test" };
	struct fixture fixture;
	struct buffer text;
	(void)state;
	begin(&fixture, NULL);
	spool_message(&fixture, 1, 10000, domains, 3);
	assert_int_equal(wait_for_length(&fixture, 0), 0);
	/* 3,334 + 3,333 + 3,333 recipients, 50 at a time */
	assert_int_equal(wait_for_calls(67 * 3), 67 * 3);
	buffer_init(&text, 0);
	buffer_add(&text, buffer_span(&relayed));
	size_t total = 0;
	struct span rest = buffer_span(&text), word;
	while (span_word(&rest, &word)) {
		uint64_t number;
		assert_true(span_to_number(span_skip(word, 7), 50, &number));
		total += number;
	}
	assert_int_equal(total, 10000);
	buffer_fini(&text);
	end(&fixture);
}

static void
what_a_host_refuses_now_is_tried_again(void **state)
{
	static const char *const domains[] = { "y.test" };
	struct fixture fixture;
	(void)state;
	begin(&fixture, "450 4.2.1 host mx[192.0.2.1] said: 450 not now");
	spool_message(&fixture, 1, 1, domains, 1);
	assert_true(wait_for_calls(2) >= 2);
	pthread_mutex_lock(&lock);
	answer_with = NULL;
	pthread_mutex_unlock(&lock);
	assert_int_equal(wait_for_length(&fixture, 0), 0);
	end(&fixture);
}

static void
the_dead_are_not_tried_by_every_message(void **state)
{
	static const char *const dead[] = { "dead.test" };
	static const char *const good[] = { "good.test" };
	struct fixture fixture;
	(void)state;
	begin(&fixture, "451 4.4.1 No server of dead.test answers");
	spool_message(&fixture, 1, 1, dead, 1);
	assert_int_equal(wait_for_calls(1), 1);
	int64_t until = clock_monotonic() + WORLD_PATIENCE;
	struct spool *spool = &fixture.queue.spool;
	for (bool is_closed = false; !is_closed && clock_monotonic() < until;) {
		pthread_mutex_lock(&spool->lock);
		struct destination *found = destination_find(
			&spool->schedule.destinations, DESTINATION_RELAY,
			SPAN("dead.test"));
		is_closed = found != NULL && found->closed_until > 0;
		pthread_mutex_unlock(&spool->lock);
	}
	for (unsigned i = 2; i < 20; i++)
		spool_message(&fixture, i, 1, dead, 1);
	pthread_mutex_lock(&lock);
	answer_with = NULL;
	pthread_mutex_unlock(&lock);
	spool_message(&fixture, 20, 1, good, 1);
	assert_int_equal(wait_for_length(&fixture, 19), 19);
	assert_int_equal(wait_for_calls(2), 2);
	pthread_mutex_lock(&lock);
	assert_string_equal(buffer_string(&relayed), "good.test:1 ");
	pthread_mutex_unlock(&lock);
	end(&fixture);
}

static void
without_a_relay_it_waits_and_costs_no_attempt(void **state)
{
	static const char *const domains[] = { "y.test" };
	struct fixture fixture;
	(void)state;
	world_set_away("relay-lmtp", 0, true);
	begin(&fixture, NULL);
	world_set_away("relay-lmtp", 0, true);
	spool_message(&fixture, 1, 1, domains, 1);
	assert_int_equal(spool_length(&fixture.queue.spool), 1);
	world_set_away("relay-lmtp", 0, false);
	assert_int_equal(wait_for_length(&fixture, 0), 0);
	assert_int_equal(wait_for_calls(1), 1);
	end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_relayed_and_goes),
		cmocka_unit_test(many_recipients_go_in_groups),
		cmocka_unit_test(what_a_host_refuses_now_is_tried_again),
		cmocka_unit_test(the_dead_are_not_tried_by_every_message),
		cmocka_unit_test(without_a_relay_it_waits_and_costs_no_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
