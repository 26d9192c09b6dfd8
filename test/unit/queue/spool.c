/*
 * The spool on the memory engine: what was accepted survives, what was
 * delivered goes, what is damaged stops nobody. Time is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/spool.h"
#include "store/engine_memory.h"

static int64_t wall = 1790000000000, monotonic = 5000000;
static unsigned woken;

static int64_t
wall_now(void)
{
	return wall;
}

static int64_t
monotonic_now(void)
{
	return monotonic;
}

static void
pass(int64_t time)
{
	wall += time;
	monotonic += time;
}

static void
wake(void *context)
{
	(void)context;
	woken++;
}

static void
back_off(void *context, int64_t *minimal, int64_t *maximal)
{
	(void)context;
	*minimal = 300000;
	*maximal = 4000000;
}

/* ---- the world ---- */

struct fixture {
	struct engine *engine;
	struct store *store;
	struct spool spool;
	struct arena arena;
};

static void
open_all(struct fixture *fixture)
{
	struct error error;
	const struct store_options store = { .engine = fixture->engine,
		.wall_clock = wall_now };
	assert_int_equal(store_open(&store, &fixture->store, &error), 0);
	const struct spool_options spool = { .store = fixture->store,
		.back_off = back_off, .wall = wall_now,
		.monotonic = monotonic_now, .wake = wake };
	assert_int_equal(spool_open(&fixture->spool, &spool, &error), 0);
}

static void
close_all(struct fixture *fixture)
{
	spool_close(&fixture->spool);
	store_close(&fixture->store);
}

static void
begin(struct fixture *fixture)
{
	fixture->engine = engine_memory_new();
	arena_init(&fixture->arena, 0);
	open_all(fixture);
}

static void
end(struct fixture *fixture)
{
	close_all(fixture);
	fixture->engine->call->close(&fixture->engine);
	arena_fini(&fixture->arena);
}

static void
restart(struct fixture *fixture)
{
	close_all(fixture);
	open_all(fixture);
}

static struct recipient
waiting(const char *to, int64_t next)
{
	return (struct recipient){ .to = span_from(to), .is_local = true,
		.account = 7, .state = RECIPIENT_WAITING, .next = next };
}

static enum spool_verdict
add(struct fixture *fixture, const char *trace, unsigned transaction,
	struct recipient *recipient, size_t count)
{
	struct error error;
	struct mail_body body;
	struct envelope envelope = { .id = span_from(trace),
		.arrival = wall, .sender = SPAN("bob@x"),
		.body = SPAN("8bitmime"), .recipient = recipient,
		.count = count };
	strncpy(envelope.scope.trace, trace, LOG_ID_SIZE - 1);
	memcpy(envelope.transaction, &transaction, sizeof(transaction));
	mail_body_init(&body, -1);
	assert_int_equal(mail_body_add(&body, SPAN("Subject: hi\r\n\r\nho\r\n"),
		&error), 0);
	enum spool_verdict verdict = spool_add(&fixture->spool, &envelope,
		&body, &fixture->arena, NULL, &error);
	mail_body_fini(&body);
	return verdict;
}

/* "id:recipient=state ..." of all messages. */
static int
visit(void *context, const struct spool_message *message)
{
	struct buffer *out = context;
	buffer_print(out, "%s%s:", out->size > 0 ? " " : "", message->id);
	if (message->envelope == NULL) {
		buffer_add_string(out, "damaged");
		return 0;
	}
	for (size_t i = 0; i < message->envelope->count; i++) {
		const struct recipient *recipient =
			&message->envelope->recipient[i];
		buffer_print(out, "%s%.*s=%s", i > 0 ? "," : "",
			SPAN_PRINT(recipient->to),
			envelope_state_name(recipient->state));
	}
	return 0;
}

static void
assert_spool(struct fixture *fixture, const char *want)
{
	struct error error;
	struct buffer got;
	buffer_init(&got, 0);
	assert_int_equal(spool_visit(&fixture->spool, visit, &got, &error), 0);
	assert_string_equal(buffer_string(&got), want);
	buffer_fini(&got);
}

/* Takes what is due, which must be this one, and reads it. */
static struct queued *
take(struct fixture *fixture, const char *id, struct envelope *envelope)
{
	struct error error;
	struct store_body body;
	char bytes[4];
	struct queued *row = spool_take_due(&fixture->spool);
	assert_non_null(row);
	assert_string_equal(row->id, id);
	assert_int_equal(spool_read(&fixture->spool, row, &fixture->arena,
		envelope, &body, &error), 0);
	assert_int_equal(body.size, 19);
	assert_int_equal(store_body_read(&body, 15, bytes, 4, &error), 0);
	assert_memory_equal(bytes, "ho\r\n", 4);
	store_body_close(&body);
	return row;
}

/* ---- the cases ---- */

static void
what_was_accepted_is_there_after_a_restart(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct recipient recipient[] = { waiting("alice@x", wall + 300000),
		{ .to = SPAN("c@else"), .state = RECIPIENT_RELAY,
		.next = wall + 600000 } };
	(void)state;
	begin(&fixture);
	assert_int_equal(add(&fixture, "t1", 1, recipient, 2), SPOOL_OK);
	assert_null(spool_take_due(&fixture.spool));
	restart(&fixture);
	assert_spool(&fixture, "t1:alice@x=waiting t1-2:c@else=relay");
	assert_null(spool_take_due(&fixture.spool));
	pass(300000);
	struct queued *row = take(&fixture, "t1", &envelope);
	assert_string_equal(envelope.scope.trace, "t1");
	assert_true(span_equals(envelope.sender, SPAN("bob@x")));
	/* delivered: only the other is left */
	envelope.recipient[0].state = RECIPIENT_DONE;
	assert_int_equal(spool_settle(&fixture.spool, &row, &envelope, &error),
		0);
	assert_spool(&fixture, "t1-2:c@else=relay");
	restart(&fixture);
	assert_spool(&fixture, "t1-2:c@else=relay");
	pass(300000);
	row = take(&fixture, "t1-2", &envelope);
	assert_string_equal(row->destination->key, "else");
	spool_put_back(&fixture.spool, &row);
	end(&fixture);
}

static void
what_is_finished_goes(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	assert_int_equal(add(&fixture, "t1", 1, &recipient, 1), SPOOL_OK);
	struct queued *row = take(&fixture, "t1", &envelope);
	assert_null(spool_take_due(&fixture.spool));
	envelope.recipient[0].state = RECIPIENT_DONE;
	assert_int_equal(spool_settle(&fixture.spool, &row, &envelope, &error),
		0);
	assert_spool(&fixture, "");
	assert_int_equal(spool_length(&fixture.spool), 0);
	restart(&fixture);
	assert_spool(&fixture, "");
	end(&fixture);
}

static void
what_failed_is_tried_again(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	add(&fixture, "t1", 1, &recipient, 1);
	struct queued *row = take(&fixture, "t1", &envelope);
	envelope.recipient[0].attempts = 1;
	envelope.recipient[0].next = wall + 600000;
	envelope.recipient[0].reply = (struct delivery_reply){ 451,
		SPAN("4.3.0"), SPAN("away") };
	assert_int_equal(spool_settle(&fixture.spool, &row, &envelope, &error),
		0);
	pass(599999);
	assert_null(spool_take_due(&fixture.spool));
	pass(1);
	row = take(&fixture, "t1", &envelope);
	assert_int_equal(envelope.recipient[0].attempts, 1);
	assert_int_equal(envelope.recipient[0].reply.code, 451);
	spool_postpone(&fixture.spool, &row, 1000);
	pass(1000);
	row = take(&fixture, "t1", &envelope);
	spool_put_back(&fixture.spool, &row);
	end(&fixture);
}

static void
a_wrong_clock_delays_nothing_for_long(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct recipient recipient = waiting("alice@x", wall +
		INT64_C(365) * 86400000);
	(void)state;
	begin(&fixture);
	add(&fixture, "t1", 1, &recipient, 1);
	restart(&fixture);
	pass(4000000);
	struct queued *row = take(&fixture, "t1", &envelope);
	spool_put_back(&fixture.spool, &row);
	end(&fixture);
}

static void
a_transaction_is_stored_once(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	assert_int_equal(add(&fixture, "t1", 1, &recipient, 1), SPOOL_OK);
	assert_int_equal(add(&fixture, "t2", 1, &recipient, 1),
		SPOOL_DUPLICATE);
	assert_int_equal(add(&fixture, "t3", 2, &recipient, 1), SPOOL_OK);
	restart(&fixture);
	assert_int_equal(add(&fixture, "t4", 1, &recipient, 1),
		SPOOL_DUPLICATE);
	assert_spool(&fixture, "t1:alice@x=waiting t3:alice@x=waiting");
	/* delivered meanwhile: still the same transaction */
	struct queued *row = take(&fixture, "t1", &envelope);
	envelope.recipient[0].state = RECIPIENT_DONE;
	assert_int_equal(spool_settle(&fixture.spool, &row, &envelope, &error),
		0);
	assert_int_equal(add(&fixture, "t5", 1, &recipient, 1),
		SPOOL_DUPLICATE);
	pass(RECENT_TIME + 1);
	assert_int_equal(add(&fixture, "t6", 1, &recipient, 1), SPOOL_OK);
	end(&fixture);
}

/* The store remembers some hundred transactions of an account; more than that
 * come to the spool in an hour. */
static void
a_transaction_is_known_after_many_others(void **state)
{
	enum { OTHERS = 600 };
	struct fixture fixture;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	for (unsigned i = 0; i < OTHERS; i++)
		assert_int_equal(add(&fixture, "t", i, &recipient, 1),
			SPOOL_OK);
	assert_int_equal(add(&fixture, "again", 0, &recipient, 1),
		SPOOL_DUPLICATE);
	end(&fixture);
}

static void
ids_are_unique(void **state)
{
	struct fixture fixture;
	struct recipient recipient = waiting("a@x", 0);
	(void)state;
	begin(&fixture);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(add(&fixture, "t1", i, &recipient, 1),
			SPOOL_OK);
	assert_spool(&fixture,
		"t1:a@x=waiting t1-2:a@x=waiting t1-3:a@x=waiting");
	end(&fixture);
}

/* The owner of a list is the sender of its own message, each program of one. */
static void
lists_and_programs_are_messages_of_their_own(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct recipient recipient[5] = { waiting("a@x", 0),
		waiting("m@x", 0), waiting("n@x", 0), waiting("p@x", 0),
		waiting("p@x", 0) };
	static const char *const ids[] = { "t1", "t1-2", "t1-3", "t1-4" };
	static const char *const senders[] = { "bob@x", "bob@x", "bob@x",
		"owner-l@x" };
	static const size_t counts[] = { 1, 1, 1, 2 };
	(void)state;
	begin(&fixture);
	recipient[1].sender = recipient[2].sender = SPAN("owner-l@x");
	for (int i = 3; i < 5; i++) {
		recipient[i].is_local = false;
		recipient[i].is_program = true;
		recipient[i].program = (struct program_place){
			.owner = 1000, .index = (unsigned)i,
			.key = SPAN("p") };
	}
	assert_int_equal(add(&fixture, "t1", 1, recipient, 5), SPOOL_OK);
	restart(&fixture);
	assert_spool(&fixture, "t1:a@x=waiting t1-2:p@x=waiting "
		"t1-3:p@x=waiting t1-4:m@x=waiting,n@x=waiting");
	for (size_t i = 0; i < 4; i++) {
		struct queued *row;
		struct store_body body;
		struct error error;
		assert_int_equal(spool_take(&fixture.spool, span_from(ids[i]),
			&row), SPOOL_TAKEN);
		assert_int_equal(spool_read(&fixture.spool, row,
			&fixture.arena, &envelope, &body, &error), 0);
		store_body_close(&body);
		assert_true(span_equals(envelope.sender,
			span_from(senders[i])));
		assert_int_equal(envelope.count, counts[i]);
		assert_int_equal(envelope.recipient[0].is_program,
			i == 1 || i == 2);
		bool is_pipe = row->destination->kind == DESTINATION_PIPE;
		assert_int_equal(is_pipe, i == 1 || i == 2);
		if (is_pipe)
			assert_string_equal(row->destination->key, "1000");
		spool_put_back(&fixture.spool, &row);
	}
	end(&fixture);
}

static void
many_recipients_are_stored_whole(void **state)
{
	enum { MANY = 10000 };
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct queued *row;
	struct store_body body;
	size_t seen = 0;
	(void)state;
	begin(&fixture);
	struct recipient *recipient = arena_new_array(&fixture.arena, MANY,
		sizeof(*recipient));
	for (unsigned i = 0; i < MANY; i++)
		recipient[i] = waiting(arena_print(&fixture.arena,
			"user-%u@example.test", i).data, 0);
	assert_int_equal(add(&fixture, "t1", 1, recipient, MANY), SPOOL_OK);
	assert_true(spool_length(&fixture.spool) > 1);
	assert_int_equal(add(&fixture, "t2", 1, recipient, MANY),
		SPOOL_DUPLICATE);
	restart(&fixture);
	while ((row = spool_take_due(&fixture.spool)) != NULL) {
		assert_int_equal(spool_read(&fixture.spool, row,
			&fixture.arena, &envelope, &body, &error), 0);
		store_body_close(&body);
		seen += envelope.count;
		/* every text that may come back still fits */
		for (size_t i = 0; i < envelope.count; i++) {
			struct recipient *one = &envelope.recipient[i];
			one->attempts = 1000000;
			one->last = wall;
			one->next = wall + 3000000;
			one->reply = (struct delivery_reply){ 451,
				SPAN("4.3.0"), arena_print(&fixture.arena,
				"%0512d", 1) };
			memset((char *)one->reply.text.data, '\t', 512);
		}
		assert_int_equal(spool_settle(&fixture.spool, &row, &envelope,
			&error), 0);
	}
	assert_int_equal(seen, MANY);
	end(&fixture);
}

static void
a_full_disk_is_said(void **state)
{
	struct fixture fixture;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	engine_memory_fail(fixture.engine, ENGINE_MEMORY_APPEND, 1,
		ENGINE_MEMORY_PART);
	assert_int_equal(add(&fixture, "t1", 1, &recipient, 1), SPOOL_FULL);
	assert_spool(&fixture, "");
	assert_int_equal(spool_length(&fixture.spool), 0);
	assert_null(spool_take_due(&fixture.spool));
	/* it was not stored, so the same transaction may come again */
	assert_int_equal(add(&fixture, "t1", 1, &recipient, 1), SPOOL_OK);
	end(&fixture);
}

static void
what_cannot_be_written_is_tried_later(void **state)
{
	struct fixture fixture;
	struct envelope envelope;
	struct error error;
	struct recipient recipient = waiting("alice@x", 0);
	(void)state;
	begin(&fixture);
	add(&fixture, "t1", 1, &recipient, 1);
	struct queued *row = take(&fixture, "t1", &envelope);
	envelope.recipient[0].state = RECIPIENT_DONE;
	engine_memory_fail(fixture.engine, ENGINE_MEMORY_APPEND, 1,
		ENGINE_MEMORY_BEFORE);
	assert_int_equal(spool_settle(&fixture.spool, &row, &envelope, &error),
		-1);
	assert_null(row);
	assert_null(spool_take_due(&fixture.spool));
	pass(300000);
	row = take(&fixture, "t1", &envelope);
	assert_int_equal(envelope.recipient[0].state, RECIPIENT_WAITING);
	spool_put_back(&fixture.spool, &row);
	end(&fixture);
}

/* A message in the spool's account that no queue wrote. */
static void
add_damaged(struct fixture *fixture)
{
	struct store_account *account = NULL;
	struct store_piece piece = { .bytes = SPAN("x"), .fd = -1 };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .annotation = SPAN("spool\t9\n") };
	struct error error;
	uint32_t uid;
	assert_int_equal(store_account_open(fixture->store, SPOOL_ACCOUNT,
		SPOOL_ACCOUNT, 0, &account, &error), 0);
	assert_int_equal(store_append(account, fixture->spool.inbox, &message,
		1, &uid, &error), STORE_OK);
	store_account_close(&account);
}

static void
damage_stops_nobody(void **state)
{
	struct fixture fixture;
	struct recipient recipient = waiting("alice@x", 0);
	struct queued *row;
	struct error error;
	(void)state;
	begin(&fixture);
	add_damaged(&fixture);
	add(&fixture, "t1", 1, &recipient, 1);
	restart(&fixture);
	assert_spool(&fixture, "uid-1:damaged t1:alice@x=waiting");
	row = spool_take_due(&fixture.spool);
	assert_string_equal(row->id, "t1");
	spool_put_back(&fixture.spool, &row);
	assert_int_equal(spool_take(&fixture.spool, SPAN("uid-1"), &row),
		SPOOL_TAKEN);
	assert_true(row->is_damaged);
	assert_int_equal(spool_remove(&fixture.spool, &row, &error), 0);
	assert_spool(&fixture, "t1:alice@x=waiting");
	end(&fixture);
}

static void
who_has_a_row_has_it_alone(void **state)
{
	struct fixture fixture;
	struct recipient recipient = waiting("alice@x", 0);
	struct queued *row, *other;
	(void)state;
	begin(&fixture);
	add(&fixture, "t1", 1, &recipient, 1);
	assert_int_equal(spool_take(&fixture.spool, SPAN("t2"), &row),
		SPOOL_NOT_THERE);
	assert_int_equal(spool_take(&fixture.spool, SPAN("t1"), &row),
		SPOOL_TAKEN);
	assert_int_equal(spool_take(&fixture.spool, SPAN("t1"), &other),
		SPOOL_IN_USE);
	assert_null(spool_take_due(&fixture.spool));
	woken = 0;
	spool_put_back(&fixture.spool, &row);
	assert_int_equal(woken, 1);
	row = spool_take_due(&fixture.spool);
	assert_non_null(row);
	spool_postpone(&fixture.spool, &row, SCHEDULE_NEVER);
	pass(INT64_C(86400000));
	assert_null(spool_take_due(&fixture.spool));
	end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_accepted_is_there_after_a_restart),
		cmocka_unit_test(what_is_finished_goes),
		cmocka_unit_test(what_failed_is_tried_again),
		cmocka_unit_test(a_wrong_clock_delays_nothing_for_long),
		cmocka_unit_test(a_transaction_is_stored_once),
		cmocka_unit_test(a_transaction_is_known_after_many_others),
		cmocka_unit_test(ids_are_unique),
		cmocka_unit_test(lists_and_programs_are_messages_of_their_own),
		cmocka_unit_test(many_recipients_are_stored_whole),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(what_cannot_be_written_is_tried_later),
		cmocka_unit_test(damage_stops_nobody),
		cmocka_unit_test(who_has_a_row_has_it_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
