/*
 * Content: framed as it arrives (proto/smtp_data.h), looked at for its header,
 * kept in memory or in a spill file, and at its end passed to the queue. What
 * will be refused is read to its end all the same and thrown away, so that the
 * reply stands where the client expects it.
 */
#include "smtpd/content.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "serve/counter.h"
#include "smtpd/handoff.h"
#include "smtpd/prefix.h"
#include "smtpd/transaction.h"

/* ---- the end of a message ---- */

static void
log_message(const struct conversation *conversation, unsigned code,
	struct span reason)
{
	const struct smtp_parked *parked = &conversation->parked;
	struct transaction *transaction = conversation->transaction;
	char client[NETWORK_TEXT_SIZE];
	struct buffer sender;
	if (!log_is_on(LOG_INFO))
		return;
	network_address_format(&parked->facts.client, client);
	buffer_init(&sender, 0);
	if (!transaction->mail.is_null)
		address_format(&sender, &transaction->mail.path);
	log_event(LOG_INFO, "message", &parked->scope,
		LOG_SPAN("from", buffer_span(&sender)),
		LOG_SPAN("to", transaction->first),
		LOG_NUMBER("nrcpt", transaction->count),
		LOG_NUMBER("size", transaction->data.size),
		LOG_TEXT("verdict", code < 400 ? "accepted" :
			code < 500 ? "later" : "never"),
		LOG_NUMBER("code", code), LOG_SPAN("reason", reason),
		LOG_TEXT("client", client), LOG_TEXT("helo", parked->hello),
		LOG_TEXT("user", parked->user));
	buffer_fini(&sender);
}

static void
count_message(struct conversation *conversation, unsigned code)
{
	struct smtp_parked *parked = &conversation->parked;
	const struct transaction *transaction = conversation->transaction;
	counter_observe(code >= 500 ? HISTOGRAM_REPLY_NEVER : code >= 400 ?
		HISTOGRAM_REPLY_LATER : HISTOGRAM_REPLY_ACCEPTED,
		clock_microseconds() - transaction->ended);
	if (code >= 500) {
		counter_add(COUNTER_MESSAGES_REFUSED, 1);
	} else if (code >= 400) {
		counter_add(COUNTER_MESSAGES_DEFERRED, 1);
	} else {
		counter_add(COUNTER_MESSAGES_ACCEPTED, 1);
		parked->messages++;
		parked->recipients += transaction->count;
		parked->size += transaction->data.size;
	}
}

/* One reply of ours for all: in LMTP one for each recipient (RFC 2033 4.2). */
static void
answer_all(struct conversation *conversation, enum smtp_reply reply)
{
	const struct smtp_reply_row *row = smtp_reply_get(reply);
	unsigned count = conversation->parked.service == SERVICE_LMTP ?
		conversation->transaction->count : 1;
	count_message(conversation, row->code);
	log_message(conversation, row->code, span_from(row->text));
	for (unsigned i = 0; i < count; i++)
		conversation_say(conversation, reply);
}

/* RCPT lines to the queue, and its answer to the client. */
static void
pass_on(struct conversation *conversation, struct smtp_mail *mail,
	struct span recipients, unsigned count, struct span prefix)
{
	struct buffer *out = &conversation->stream.out;
	struct unanswered *unanswered = conversation->smtpd->unanswered;
	struct unanswered_try try;
	struct handoff_answer answer;
	struct error error;
	if (handoff_identify(conversation, recipients, try.fingerprint,
	    &error) < 0) {
		log_event(LOG_ERROR, "spill-lost", &conversation->parked.scope,
			LOG_TEXT("reason", error.text));
		answer_all(conversation, SMTP_REPLY_QUEUE_AWAY);
		return;
	}
	unanswered_choose(unanswered, &try, clock_monotonic());
	memcpy(mail->transaction, try.transaction, sizeof(mail->transaction));
	handoff_message(conversation, mail, recipients, count, prefix, &answer);
	/* Told "later", the client comes again, and some may have it by then. */
	if (answer.code >= 400 && answer.code < 500)
		unanswered_remember(unanswered, &try, clock_monotonic());
	if (answer.code < 300)
		unanswered_list_add(&conversation->parked.unanswered, &try);
	count_message(conversation, answer.code);
	log_message(conversation, answer.code, span_from(answer.text));
	if (answer.code < 300)
		smtp_reply_add(out, SMTP_REPLY_ACCEPTED,
			span_from(conversation->parked.scope.trace));
	else
		buffer_print(out, "%u %s %s\r\n", answer.code, answer.enhanced,
			answer.text);
}

/* In the turnstile, so that half of the workers wait for the queue at most. */
static void
deliver(struct conversation *conversation)
{
	struct transaction *transaction = conversation->transaction;
	struct smtp_mail mail = transaction->mail;
	struct span rest = buffer_span(&transaction->recipients), line;
	struct buffer prefix;
	buffer_init(&prefix, 0);
	prefix_add(&prefix, conversation, time(NULL));
	mail.trace = span_from(conversation->parked.scope.trace);
	mail.session = span_from(conversation->parked.scope.session);
	mail.actor = conversation->parked.account;
	mail.has_transaction = mail.has_size = true;
	mail.size = prefix.size + transaction->body.size;
	/* LMTP answers for each recipient, and so must the queue. */
	while (conversation->parked.service == SERVICE_LMTP && rest.size > 0) {
		line = span_first(rest, span_find(rest, '\n') + 1);
		rest = span_skip(rest, line.size);
		pass_on(conversation, &mail, line, 1, buffer_span(&prefix));
	}
	if (rest.size > 0)
		pass_on(conversation, &mail, rest, transaction->count,
			buffer_span(&prefix));
	buffer_fini(&prefix);
}

bool
content_finish(struct conversation *conversation)
{
	struct transaction *transaction = conversation->transaction;
	struct turnstile *turnstile = &conversation->smtpd->queue_turnstile;
	if (!transaction->is_refused) {
		enum smtp_reply verdict = prefix_check_from(conversation);
		if (conversation->turn.has_lined_up)
			return false;
		if (verdict != SMTP_REPLY_OK)
			transaction_refuse(transaction, verdict);
	}
	enum turnstile_verdict turn = transaction->is_refused ?
		TURNSTILE_LATER : turnstile_enter(turnstile,
		&conversation->turn, clock_monotonic());
	if (turn == TURNSTILE_WAIT)
		return false;
	conversation->parked.phase = PHASE_COMMAND;
	if (turn == TURNSTILE_ENTERED) {
		deliver(conversation);
		turnstile_leave(turnstile, clock_monotonic());
	} else {
		answer_all(conversation, transaction->is_refused ?
			transaction->refusal : SMTP_REPLY_QUEUE_AWAY);
	}
	transaction_end(conversation);
	return true;
}

/* ---- content comes in ---- */

static void
end_content(struct conversation *conversation)
{
	conversation->parked.phase = PHASE_FINISH;
	conversation->transaction->ended = clock_microseconds();
}

/* Refuses what breaks a rule, as soon as it is seen. */
static void
judge(const struct conversation *conversation, struct transaction *transaction)
{
	const struct smtp_data *data = &transaction->data;
	uint64_t limit = conversation->rules->size_limit;
	if ((data->has_bare_cr || data->has_bare_lf) && !data->is_normalising)
		transaction_refuse(transaction, SMTP_REPLY_BARE_NEWLINE);
	else if (data->has_nul)
		transaction_refuse(transaction, SMTP_REPLY_NUL_BYTE);
	else if (data->has_long_line)
		transaction_refuse(transaction, SMTP_REPLY_LONG_LINE);
	else if (limit != 0 && data->size > limit)
		transaction_refuse(transaction, SMTP_REPLY_TOO_BIG);
	else if (transaction->header.received > TRANSACTION_RECEIVED_LIMIT)
		transaction_refuse(transaction, SMTP_REPLY_LOOP);
}

/* Octets were put behind the first `before` of the body's memory. */
static void
keep(struct conversation *conversation, size_t before)
{
	struct transaction *transaction = conversation->transaction;
	struct mail_body *body = &transaction->body;
	struct span new = span_skip(buffer_span(&body->memory), before);
	struct error error;
	if (!transaction->header.is_over)
		header_scan_feed(&transaction->header, new);
	judge(conversation, transaction);
	if (transaction->is_refused) {
		buffer_clear(&body->memory);
		return;
	}
	if (mail_body_settle(body, new.size, &error) == 0) {
		if (!transaction_account(conversation))
			transaction_refuse(transaction, SMTP_REPLY_SPILL_FULL);
		return;
	}
	log_event(LOG_ERROR, "spill-failed", &conversation->parked.scope,
		LOG_TEXT("reason", error.text));
	transaction_refuse(transaction, error.code == ERROR_FULL ?
		SMTP_REPLY_SPILL_FULL : SMTP_REPLY_QUEUE_AWAY);
}

static size_t
feed(struct conversation *conversation, struct span in)
{
	struct transaction *transaction = conversation->transaction;
	struct buffer *memory = &transaction->body.memory;
	size_t before = memory->size;
	size_t used = smtp_data_feed(&transaction->data, in, memory);
	keep(conversation, before);
	return used;
}

static void
begin(struct conversation *conversation, enum smtp_data_kind kind)
{
	const struct rules *rules = conversation->rules;
	bool is_normalising = rules->is_normalising ||
		network_list_contains(rules->newline_exclusions,
		&conversation->parked.facts.client);
	smtp_data_init(&conversation->transaction->data, kind, is_normalising);
	conversation->transaction->has_content = true;
}

/* What stands against content now; SMTP_REPLY_OK: nothing. */
static enum smtp_reply
refusal_of_content(const struct conversation *conversation)
{
	const struct transaction *transaction = conversation->transaction;
	if (!conversation->parked.has_hello)
		return SMTP_REPLY_NEEDS_HELO;
	if (transaction == NULL)
		return SMTP_REPLY_NEEDS_MAIL;
	if (transaction->count > 0)
		return SMTP_REPLY_OK;
	/* RFC 2033 4.2: LMTP says 503, since there is nobody to answer for. */
	return transaction->has_tried &&
		conversation->parked.service != SERVICE_LMTP ?
		SMTP_REPLY_NO_RECIPIENTS : SMTP_REPLY_NEEDS_RCPT;
}

/* ---- DATA ---- */

void
content_data(struct conversation *conversation, struct span argument)
{
	enum smtp_reply refusal = refusal_of_content(conversation);
	(void)argument;
	if (refusal == SMTP_REPLY_OK && conversation->transaction->mail.body ==
	    SMTP_BODY_BINARYMIME)
		refusal = SMTP_REPLY_BINARY_NEEDS_BDAT;	/* RFC 3030 3 */
	if (refusal != SMTP_REPLY_OK) {
		conversation_say(conversation, refusal);
		return;
	}
	begin(conversation, SMTP_DATA_DOTS);
	conversation->parked.phase = PHASE_DATA;
	conversation_say(conversation, SMTP_REPLY_GO_AHEAD);
}

/* ---- BDAT (RFC 3030 2) ---- */

static void
chunk_end(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	struct transaction *transaction = conversation->transaction;
	parked->phase = PHASE_COMMAND;
	if (parked->is_chunk_refused) {
		conversation_say(conversation,
			(enum smtp_reply)parked->chunk_refusal);
		return;
	}
	if (parked->chunk.is_last) {
		size_t before = transaction->body.memory.size;
		smtp_data_end(&transaction->data, &transaction->body.memory);
		keep(conversation, before);
		end_content(conversation);
	} else if (transaction->is_refused) {
		/* The state is then undetermined until RSET or LAST. */
		conversation_say(conversation, transaction->refusal);
	} else {
		char digits[24];
		struct buffer number = { .data = digits,
			.room = sizeof(digits), .limit = sizeof(digits) };
		buffer_add_number(&number, parked->chunk_size);
		conversation_reply(conversation, SMTP_REPLY_CHUNK_OK,
			buffer_span(&number));
	}
}

void
content_bdat(struct conversation *conversation, struct span argument)
{
	struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	enum smtp_reply refusal = refusal_of_content(conversation);
	if (!smtp_bdat_parse(argument, &parked->chunk)) {
		/* Nobody knows how many octets follow. */
		conversation_say(conversation, SMTP_REPLY_BDAT_SYNTAX);
		conversation_leave(conversation, END_LOST, true);
		return;
	}
	parked->chunk_size = parked->chunk.size;
	parked->is_chunk_refused = refusal != SMTP_REPLY_OK;
	parked->chunk_refusal = (uint16_t)refusal;
	parked->phase = PHASE_CHUNK;
	if (refusal == SMTP_REPLY_OK) {
		struct transaction *transaction = conversation->transaction;
		if (!transaction->has_content)
			begin(conversation, transaction->mail.body ==
				SMTP_BODY_BINARYMIME ? SMTP_DATA_BINARY :
				SMTP_DATA_CHUNKS);
		if (rules->size_limit != 0 && (parked->chunk.size >
		    rules->size_limit || transaction->data.size >
		    rules->size_limit - parked->chunk.size))
			transaction_refuse(transaction, SMTP_REPLY_TOO_BIG);
	}
	if (parked->chunk.size == 0)
		chunk_end(conversation);
}

static bool
take_chunk(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	struct span in = stream_unread(&conversation->stream);
	if (in.size > parked->chunk.size)
		in = span_first(in, (size_t)parked->chunk.size);
	if (in.size == 0)
		return false;
	if (!parked->is_chunk_refused)
		feed(conversation, in);
	stream_consume(&conversation->stream, in.size);
	parked->chunk.size -= in.size;
	if (parked->chunk.size == 0)
		chunk_end(conversation);
	return true;
}

static bool
take_data(struct conversation *conversation)
{
	struct span in = stream_unread(&conversation->stream);
	if (in.size == 0)
		return false;
	size_t used = feed(conversation, in);
	stream_consume(&conversation->stream, used);
	if (conversation->transaction->data.is_end)
		end_content(conversation);
	return true;
}

bool
content_take(struct conversation *conversation)
{
	return conversation->parked.phase == PHASE_DATA ?
		take_data(conversation) : take_chunk(conversation);
}
