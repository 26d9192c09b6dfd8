/*
 * One transaction from smtpd: expand its recipients, deliver what is local
 * while the client waits, spool what is left, and answer. 250 is said when
 * every recipient is either stored in a mailbox or in the spool, durably.
 */
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "queue/collect.h"
#include "queue/forward.h"
#include "queue/queue.h"
#include "queue/tally.h"
#include "serve/counter.h"

static const char *const body_names[] = {
	[SMTP_BODY_7BIT] = "7bit", [SMTP_BODY_8BITMIME] = "8bitmime",
	[SMTP_BODY_BINARYMIME] = "binarymime",
};
static const char *const return_names[] = {
	[SMTP_RETURN_UNSET] = "", [SMTP_RETURN_FULL] = "full",
	[SMTP_RETURN_HEADERS] = "hdrs",
};

static void
make_envelope(const struct mail_transaction *transaction,
	struct envelope *envelope)
{
	const struct smtp_mail *mail = &transaction->mail;
	*envelope = (struct envelope){
		.id = span_from(transaction->scope.trace),
		.scope = transaction->scope, .actor = mail->actor,
		.arrival = clock_wall(), .sender = transaction->sender,
		.body = span_from(body_names[mail->body]),
		.is_utf8 = mail->is_utf8, .needs_tls = mail->needs_tls,
		.ret = span_from(return_names[mail->ret]),
		.envid = mail->envid };
	if (mail->has_transaction)
		memcpy(envelope->transaction, mail->transaction,
			STORE_TRANSACTION_SIZE);
	else
		random_bytes(envelope->transaction, STORE_TRANSACTION_SIZE);
}

/* The recipients of the envelope; SMTP_REPLY_OK, or why not. */
static enum smtp_reply
find_recipients(struct queue *queue, struct mail_transaction *transaction,
	struct envelope *envelope)
{
	struct arena *arena = &transaction->arena;
	struct expansion *expansion = arena_new_array(arena,
		transaction->count, sizeof(*expansion));
	for (size_t i = 0; i < transaction->count; i++)
		expansion[i].address = transaction->recipient[i].address;
	expand_all(&queue->expander, arena, expansion, transaction->count);
	for (size_t i = 0; i < transaction->count; i++)
		if (expansion[i].verdict == EXPAND_LATER)
			return SMTP_REPLY_LOOKUP_AWAY;
	if (!collect_recipients(envelope, arena, transaction->recipient,
		expansion, transaction->count))
		return SMTP_REPLY_TOO_MANY_RECIPIENTS;
	return SMTP_REPLY_OK;
}

/* What an alias sends elsewhere goes with a reverse-path of ours, when the
 * sender is not (SPF of his domain does not name us). */
static void
set_forward_sender(struct queue *queue, struct mail_transaction *transaction,
	struct envelope *envelope)
{
	bool is_any = false;
	for (size_t i = 0; i < envelope->count; i++)
		is_any |= envelope->recipient[i].state == RECIPIENT_RELAY &&
			envelope->recipient[i].sender.size == 0 &&
			envelope->recipient[i].original.size > 0;
	if (is_any && envelope->sender.size > 0)
		envelope->forward_sender = expand_forward(&queue->expander,
			&transaction->arena, envelope->sender);
}

static void
judge(struct queue *queue, const struct envelope *envelope,
	struct delivery_batch *batch, int64_t began)
{
	struct attempt_rules rules = queue_rules(queue);
	for (size_t i = 0; i < batch->count; i++) {
		struct recipient *recipient = batch->recipient[i];
		if (forward_take(recipient))
			continue;
		attempt_judge(&rules, envelope, recipient, clock_wall(),
			false);
		int64_t taken = clock_microseconds() - began;
		tally_recipient(recipient, taken);
		attempt_log(envelope, recipient, &(struct attempt_facts){
			.instance = (unsigned)deliver_process(
			&queue->deliverer, recipient->account), .size = batch->body->size,
			.delay = taken / 1000 });
	}
}

/* The first local recipients are delivered while the client waits, since `began`
 * (clock_microseconds). */
static void
cut_through(struct queue *queue, struct mail_transaction *transaction,
	struct envelope *envelope, int64_t began)
{
	struct recipient *chosen[QUEUE_CUT_THROUGH_LIMIT];
	int64_t now = clock_microseconds();
	struct delivery_batch batch = { .envelope = envelope,
		.body = &transaction->body, .recipient = chosen,
		.deadline = now / 1000 + QUEUE_CUT_THROUGH_TIME,
		.arena = &transaction->arena };
	for (size_t i = 0; i < envelope->count &&
		batch.count < QUEUE_CUT_THROUGH_LIMIT; i++)
		if (envelope->recipient[i].state == RECIPIENT_WAITING &&
			envelope->recipient[i].is_local)
			chosen[batch.count++] = &envelope->recipient[i];
	if (batch.count == 0)
		return;
	deliver_local(&queue->deliverer, &batch);
	tally_attempt(DESTINATION_LOCAL, now);
	judge(queue, envelope, &batch, began);
}

/*
 * When every recipient was refused for good and nothing is stored anywhere, the
 * sender is told so at once and no report is owed: the first such reply, else
 * NULL.
 */
static const struct delivery_reply *
refusal_of_all(const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++)
		if (envelope->recipient[i].reply.code < 500)
			return NULL;
	return envelope->count == 0 ? NULL : &envelope->recipient[0].reply;
}

static void
add_refusal(struct buffer *replies, const struct delivery_reply *refusal)
{
	buffer_print(replies, "%u %.*s%s%.*s\r\n", refusal->code,
		SPAN_PRINT(refusal->status), refusal->status.size > 0 ? " " : "",
		SPAN_PRINT(refusal->text));
}

/* Unknown addresses beside known ones: what becomes of them is said once. */
static void
refuse_unknown(const struct envelope *envelope, uint64_t size)
{
	for (size_t i = 0; i < envelope->count; i++) {
		struct recipient *recipient = &envelope->recipient[i];
		if (recipient->reply.code < 500 || recipient->attempts > 0)
			continue;
		attempt_refuse(envelope, recipient);
		attempt_log(envelope, recipient,
			&(struct attempt_facts){ .size = size });
	}
}

/* What may go at once goes from memory, while the client reads its reply. */
static void
start_at_once(struct queue *queue, struct mail_transaction *transaction,
	const struct spool_started *started)
{
	if (started->count == 0)
		return;
	struct parcel *parcel = parcel_new(queue, &transaction->arena,
		&transaction->body);
	for (size_t i = 0; i < started->count; i++)
		carry_start_part(queue, &started->part[i], parcel);
	parcel_drop(&parcel);
}

/* What could not be stored. */
static enum smtp_reply
reply_for(enum spool_verdict verdict, const struct envelope *envelope,
	const struct error *error)
{
	switch (verdict) {
	case SPOOL_OK:
		return SMTP_REPLY_ACCEPTED;
	case SPOOL_DUPLICATE:
		log_event(LOG_INFO, "spooled-before", &envelope->scope,
			LOG_SPAN("from", envelope->sender));
		return SMTP_REPLY_ACCEPTED;
	case SPOOL_FULL:
		log_event(LOG_ERROR, "spool-full", &envelope->scope,
			LOG_TEXT("error", error->text));
		return SMTP_REPLY_SPILL_FULL;
	default:
		log_event(LOG_ERROR, "spool-failed", &envelope->scope,
			LOG_TEXT("error", error->text));
		return SMTP_REPLY_QUEUE_AWAY;
	}
}

static enum smtp_reply
spool_rest(struct queue *queue, struct mail_transaction *transaction,
	struct envelope *envelope, struct spool_started *started)
{
	struct error error;
	size_t left = envelope_left(envelope);
	started->count = 0;
	if (left == 0)
		return SMTP_REPLY_ACCEPTED;
	bool may_start = parcel_may_be_new(queue, transaction->body.size);
	enum spool_verdict verdict = spool_add(&queue->spool, envelope,
		&transaction->body, &transaction->arena,
		may_start ? started : NULL, &error);
	if (verdict == SPOOL_OK) {
		counter_add(COUNTER_RECIPIENTS_SPOOLED, (int64_t)left);
		log_event(LOG_INFO, "spooled", &envelope->scope,
			LOG_SPAN("id", envelope->id),
			LOG_SPAN("from", envelope->sender),
			LOG_NUMBER("size", transaction->body.size),
			LOG_NUMBER("recipients", left));
	}
	return reply_for(verdict, envelope, &error);
}

static void
answer(struct buffer *replies, enum smtp_reply reply,
	const struct envelope *envelope)
{
	bool is_accepted = reply == SMTP_REPLY_ACCEPTED;
	counter_add(is_accepted ? COUNTER_MESSAGES_ACCEPTED :
		COUNTER_MESSAGES_DEFERRED, 1);
	smtp_reply_add(replies, reply, envelope->id);
}

void
receive_transaction(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies)
{
	struct queue *queue = server->context;
	struct envelope envelope;
	int64_t began = clock_microseconds();
	make_envelope(transaction, &envelope);
	enum smtp_reply reply = find_recipients(queue, transaction, &envelope);
	if (reply != SMTP_REPLY_OK) {
		log_event(LOG_WARN, "later", &envelope.scope,
			LOG_SPAN("from", envelope.sender),
			LOG_TEXT("reply", smtp_reply_get(reply)->text));
		answer(replies, reply, &envelope);
		return;
	}
	set_forward_sender(queue, transaction, &envelope);
	cut_through(queue, transaction, &envelope, began);
	const struct delivery_reply *refusal = refusal_of_all(&envelope);
	if (refusal != NULL) {
		counter_add(COUNTER_MESSAGES_REFUSED, 1);
		add_refusal(replies, refusal);
		return;
	}
	refuse_unknown(&envelope, transaction->body.size);
	struct spool_started started;
	reply = spool_rest(queue, transaction, &envelope, &started);
	answer(replies, reply, &envelope);
	start_at_once(queue, transaction, &started);
}
