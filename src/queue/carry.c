/*
 * Attempts. See carry.h.
 */
#include "queue/carry.h"

#include <assert.h>

#include "base/clock.h"
#include "base/memory.h"
#include "queue/forward.h"
#include "queue/queue.h"
#include "queue/relay_call.h"
#include "queue/tally.h"
#include "serve/counter.h"

enum {
	PARCELS_LIMIT = 64 << 20,	/* bytes of messages held in memory */
	CALL_TIME = 3600000,		/* ms for relay, which has its own limits */
	WIRE_TIME = 3000,		/* ms to get a wire */
	STOP_TIME = 1000,		/* ms for relay, when the system ends */
};

/* ---- messages in memory ---- */

struct parcel {
	struct queue *queue;
	atomic_uint users;
	struct arena arena;
	struct mail_body body;
};

bool
parcel_may_be_new(const struct queue *queue, uint64_t size)
{
	return atomic_load(&queue->parcels) + size <= PARCELS_LIMIT;
}

struct parcel *
parcel_new(struct queue *queue, struct arena *arena, struct mail_body *body)
{
	struct parcel *parcel = memory_new(sizeof(*parcel));
	parcel->queue = queue;
	parcel->arena = *arena;
	arena_init(arena, arena->limit);
	parcel->body = *body;
	mail_body_init(body, body->directory);
	atomic_store(&parcel->users, 1);
	atomic_fetch_add(&queue->parcels, parcel->body.size);
	return parcel;
}

void
parcel_drop(struct parcel **parcel)
{
	struct parcel *old = *parcel;
	*parcel = NULL;
	if (old == NULL || atomic_fetch_sub(&old->users, 1) > 1)
		return;
	atomic_fetch_sub(&old->queue->parcels, old->body.size);
	mail_body_fini(&old->body);
	arena_fini(&old->arena);
	memory_free(old);
}

/* ---- one attempt ---- */

struct carry {
	struct session session;		/* first */
	struct queue *queue;
	struct queued *row;		/* NULL: given back */
	struct arena arena;
	struct parcel *parcel;		/* NULL: read from the spool */
	struct store_body stored;	/* then */
	bool is_stored;
	struct envelope envelope;
	struct mail_body body;		/* borrowed of either */
	struct recipient **chosen;	/* who go now */
	size_t count;			/* of them */
	int64_t began;			/* clock_microseconds */
	struct relay_call call;
	struct wire_pool *pool;		/* "pipe-lmtp", of this attempt; or NULL */
	bool is_stopping;		/* the system ends */
};

static void
log_trouble(const struct queued *row, const char *id,
	const struct error *error)
{
	log_event(LOG_ERROR, "spool-failed", NULL, LOG_TEXT("id", id),
		LOG_NUMBER("uid", row == NULL ? 0 : row->uid),
		LOG_TEXT("error", error->text));
}

static bool
is_relay(const struct carry *carry)
{
	return carry->row->destination->kind == DESTINATION_RELAY;
}

/* False when there is nothing to carry: the row has been given back. */
static bool
read_message(struct carry *carry)
{
	struct queue *queue = carry->queue;
	struct error error;
	int result = spool_read(&queue->spool, carry->row, &carry->arena,
		&carry->envelope, &carry->stored, &error);
	carry->is_stored = result >= 0;
	if (result < 0) {
		log_trouble(carry->row, carry->row->id, &error);
		spool_postpone(&queue->spool, &carry->row,
			queue_rules(queue).minimal);
	} else if (result == 1) {
		error_set(&error, ERROR_DAMAGED, "the envelope cannot be read");
		log_trouble(carry->row, carry->row->id, &error);
		counter_add(COUNTER_DAMAGE, 1);
		spool_postpone(&queue->spool, &carry->row, SCHEDULE_NEVER);
	} else {
		mail_body_borrow(&carry->body, carry->stored.fd,
			carry->stored.offset, carry->stored.size);
	}
	return result == 0;
}

/* ---- what came of it ---- */

static void
judge(struct carry *carry)
{
	struct queue *queue = carry->queue;
	struct attempt_rules rules = queue_rules(queue);
	bool may_expire = retry_may_expire(&queue->retry);
	int64_t now = clock_wall();
	const struct attempt_facts facts = { .hop = !is_relay(carry) ? NULL :
			carry->row->destination->key,
		.size = carry->body.size,
		.delay = now - carry->envelope.arrival };
	for (size_t i = 0; i < carry->count; i++) {
		struct recipient *recipient = carry->chosen[i];
		if (forward_take(recipient))
			continue;
		attempt_judge(&rules, &carry->envelope, recipient, now,
			may_expire);
		tally_recipient(recipient, facts.delay * 1000);
		attempt_log(&carry->envelope, recipient, &facts);
	}
}

static void
settle(struct carry *carry)
{
	struct error error;
	char *id = arena_copy_string(&carry->arena, span_from(carry->row->id));
	if (spool_settle(&carry->queue->spool, &carry->row, &carry->envelope,
		&error) < 0)
		log_trouble(NULL, id, &error);
}

/* The place of this attempt is free for the next one. */
static void
finish(struct carry *carry, enum destination_outcome outcome)
{
	tally_attempt(carry->row->destination->kind, carry->began);
	spool_end(&carry->queue->spool, carry->row, outcome);
	settle(carry);
	retry_go_on(carry->queue);
}

static enum destination_outcome
outcome_of(const struct carry *carry)
{
	switch (relay_call_news(carry->chosen, carry->count)) {
	case RELAY_NEWS_GOOD:
		return clock_microseconds() - carry->began > QUEUE_SLOW * 1000 ?
			DESTINATION_SLOW : DESTINATION_GOOD;
	case RELAY_NEWS_BUSY:
		return DESTINATION_BUSY;
	case RELAY_NEWS_DEAD:
		return DESTINATION_DEAD;
	default:
		return DESTINATION_UNKNOWN;
	}
}

/* ---- into mailboxes ---- */

/* Those whose process is known not to answer are put off without a try. */
static void
leave_out_closed(struct carry *carry)
{
	struct deliverer *deliverer = &carry->queue->deliverer;
	int64_t later = clock_wall() + queue_rules(carry->queue).minimal;
	size_t kept = 0;
	for (size_t i = 0; i < carry->count; i++) {
		struct recipient *recipient = carry->chosen[i];
		if (deliver_is_open(deliverer, recipient->account))
			carry->chosen[kept++] = recipient;
		else
			recipient->next = later;
	}
	carry->count = kept;
}

static void
carry_local(struct carry *carry)
{
	struct queue *queue = carry->queue;
	int64_t end = clock_monotonic() + QUEUE_RETRY_TIME;
	leave_out_closed(carry);
	if (carry->count == 0) {
		spool_postpone(&queue->spool, &carry->row,
			queue_rules(queue).minimal);
		return;
	}
	struct delivery_batch batch = { .envelope = &carry->envelope,
		.body = &carry->body, .recipient = carry->chosen,
		.count = carry->count, .deadline = end,
		.arena = &carry->arena };
	deliver_local(&queue->deliverer, &batch);
	judge(carry);
	finish(carry, DESTINATION_GOOD);
}

/* ---- to the relay ---- */

/* What .forward says is done: the envelope has other recipients now. */
static bool
has_forwarded(struct carry *carry)
{
	struct recipient *recipient = carry->chosen[0];
	if (!recipient->is_program || !recipient->program.is_whole ||
		recipient->reply.code != 251)
		return false;
	if (forward_apply(carry->queue, &(struct forward_answer){
		.envelope = &carry->envelope, .recipient = recipient,
		.body = &carry->body, .lines = carry->call.lines,
		.arena = &carry->arena }))
		return true;
	recipient->reply = (struct delivery_reply){ 451, SPAN("4.3.0"),
		SPAN("It cannot be forwarded now") };
	return false;
}

static enum session_next
relay_end(struct carry *carry)
{
	enum destination_outcome outcome = outcome_of(carry);
	session_unwatch(&carry->session);
	carry->session.fd = -1;
	relay_call_end(&carry->call);
	if (!has_forwarded(carry))
		judge(carry);
	finish(carry, outcome);
	return SESSION_CLOSE;
}

/* Was nobody's answer heard? What relay does with it then is not known, nor that
 * anything is wrong with it. */
static bool
is_cut_off(const struct carry *carry)
{
	for (size_t i = 0; i < carry->count; i++)
		if (carry->chosen[i]->reply.code / 100 == 2)
			return false;
	return carry->is_stopping && carry->call.is_broken;
}

static enum session_next
relay_go(struct carry *carry)
{
	switch (relay_call_go(&carry->call)) {
	case RELAY_CALL_READ:
		return SESSION_PARK;
	case RELAY_CALL_WRITE:
		return SESSION_PARK_WRITE;
	default:
		return is_cut_off(carry) ? SESSION_CLOSE : relay_end(carry);
	}
}

/* What another server takes at this moment would go out again after the start: a
 * little time for its answer. */
static enum session_next
relay_stop(struct carry *carry)
{
	if (carry->call.wire == NULL)
		return SESSION_CLOSE;
	carry->is_stopping = true;
	carry->session.deadline = clock_monotonic() + STOP_TIME;
	return relay_go(carry);
}

/*
 * What the table of next hops says of the recipients, without asking relay.
 * True when there were such: they are answered, the others go next time.
 */
static bool
answer_by_table(struct carry *carry)
{
	const struct routes *routes = queue_routes(carry->queue);
	size_t answered = 0;
	for (size_t i = 0; i < carry->count; i++) {
		struct recipient *recipient = carry->chosen[i];
		struct route route;
		route_find(routes, recipient->to, &carry->arena, &route);
		if (route.verdict == ROUTE_HOP)
			continue;
		recipient->reply = (struct delivery_reply){
			route.verdict == ROUTE_NEVER ? 550 : 450,
			route.status, route.text };
		carry->chosen[answered++] = recipient;
	}
	if (answered > 0)
		carry->count = answered;
	return answered > 0;
}

static enum session_next
call_begin(struct carry *carry, struct wire **wire)
{
	carry->session.fd = (*wire)->stream.fd;
	carry->session.deadline = clock_monotonic() + CALL_TIME;
	relay_call_begin(&carry->call, wire);
	return relay_go(carry);
}

static enum session_next
carry_relay(struct carry *carry)
{
	struct error error;
	if (answer_by_table(carry)) {
		judge(carry);
		settle(carry);
		return SESSION_CLOSE;
	}
	carry->call = (struct relay_call){ .envelope = &carry->envelope,
		.body = &carry->body, .arena = &carry->arena,
		.hop = span_from(carry->row->destination->key),
		.recipient = carry->chosen, .count = carry->count };
	struct wire *wire = wire_take(carry->queue->relay,
		clock_monotonic() + WIRE_TIME, &error);
	if (wire == NULL) {
		/* That says nothing about the message: it costs no attempt. */
		log_event(LOG_WARN, "relay-away", &carry->envelope.scope,
			LOG_TEXT("error", error.text));
		spool_pause_relay(&carry->queue->spool, QUEUE_RELAY_AWAY);
		spool_postpone(&carry->queue->spool, &carry->row, 0);
		return SESSION_CLOSE;
	}
	return call_begin(carry, &wire);
}

/* ---- to a program ---- */

/*
 * As the relay, but by a wire of its own to the process of the uid: programs
 * are slow enough, and who has none costs nothing. That the process cannot be
 * had is an attempt in vain: the uid may be nobody's.
 */
static enum session_next
carry_pipe(struct carry *carry)
{
	struct error error;
	carry->call = (struct relay_call){ .envelope = &carry->envelope,
		.body = &carry->body, .arena = &carry->arena,
		.recipient = carry->chosen, .count = carry->count };
	carry->pool = wire_pool_new(carry->queue->lot, "pipe-lmtp",
		carry->chosen[0]->program.owner);
	struct wire *wire = wire_take(carry->pool,
		clock_monotonic() + WIRE_TIME, &error);
	if (wire != NULL)
		return call_begin(carry, &wire);
	log_event(LOG_WARN, "pipe-away", &carry->envelope.scope,
		LOG_NUMBER("uid", carry->chosen[0]->program.owner),
		LOG_TEXT("error", error.text));
	carry->chosen[0]->reply = (struct delivery_reply){ 451, SPAN("4.3.0"),
		SPAN("The program cannot be run now") };
	judge(carry);
	finish(carry, DESTINATION_UNKNOWN);
	return SESSION_CLOSE;
}

/* ---- the session ---- */

static enum session_next
carry_begin(struct carry *carry)
{
	struct spool *spool = &carry->queue->spool;
	carry->began = clock_microseconds();
	if (carry->parcel == NULL && !read_message(carry))
		return SESSION_CLOSE;
	if (carry->row->destination->kind == DESTINATION_REPORT) {
		report_make(carry->queue, &carry->row, &carry->envelope,
			&carry->stored, &carry->arena);
		return SESSION_CLOSE;
	}
	carry->count = spool_choose(spool, carry->row, &carry->envelope,
		&carry->arena, &carry->chosen);
	if (carry->count == 0) {
		/* It goes elsewhere by now, or later. */
		spool_replan(spool, &carry->row, &carry->envelope);
		return SESSION_CLOSE;
	}
	switch (carry->row->destination->kind) {
	case DESTINATION_PIPE:
		return carry_pipe(carry);
	case DESTINATION_RELAY:
		return carry_relay(carry);
	default:
		carry_local(carry);
		return SESSION_CLOSE;
	}
}

static enum session_next
carry_run(struct session *base, enum session_event event)
{
	struct carry *carry = (struct carry *)base;
	switch (event) {
	case SESSION_START:
		return carry_begin(carry);
	case SESSION_DEADLINE:
		if (carry->is_stopping)
			return SESSION_CLOSE;	/* it stays in the spool */
		relay_call_fail(&carry->call, "It does not answer");
		return relay_end(carry);
	case SESSION_STOP:
		return relay_stop(carry);
	default:
		return relay_go(carry);
	}
}

static void
carry_free(struct session **base)
{
	struct carry *carry = (struct carry *)*base;
	if (carry->call.wire != NULL)
		wire_drop(&carry->call.wire);
	if (carry->pool != NULL)
		wire_pool_free(&carry->pool);
	if (carry->row != NULL)
		spool_put_back(&carry->queue->spool, &carry->row);
	if (carry->is_stored)
		store_body_close(&carry->stored);
	parcel_drop(&carry->parcel);
	arena_fini(&carry->arena);
	memory_free(carry);
	*base = NULL;
}

static const struct session_type carry_type = {
	.name = "carry", .run = carry_run, .free = carry_free,
};

static struct carry *
carry_new(struct queue *queue, struct queued *row)
{
	struct carry *carry = memory_new(sizeof(*carry));
	carry->session = (struct session){ .type = &carry_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX };
	carry->queue = queue;
	carry->row = row;
	arena_init(&carry->arena, 0);
	return carry;
}

void
carry_start(struct queue *queue, struct queued *row)
{
	struct carry *carry = carry_new(queue, row);
	lot_add_next(queue->lot, &carry->session);
}

void
carry_start_part(struct queue *queue, const struct spool_part *part,
	struct parcel *parcel)
{
	struct carry *carry = carry_new(queue, part->row);
	carry->envelope = part->envelope;
	carry->parcel = parcel;
	carry->body = parcel->body;
	atomic_fetch_add(&parcel->users, 1);
	lot_add_next(queue->lot, &carry->session);
}
