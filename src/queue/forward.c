/* See forward.h. */
#include "queue/forward.h"

#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "proto/account_id.h"
#include "proto/smtp_reply.h"
#include "queue/collect.h"
#include "queue/queue.h"

enum { PIECE = 64 << 10 };		/* of a body that is copied */

bool
forward_take(struct recipient *recipient)
{
	if (recipient->reply.code != 251 || !recipient->is_local ||
		recipient->is_final ||
		!account_id_is_system(recipient->account))
		return false;
	recipient->is_local = false;
	recipient->is_program = true;
	recipient->program = (struct program_place){ .is_forward = true,
		.is_whole = true,
		.owner = account_id_uid(recipient->account) };
	recipient->state = RECIPIENT_WAITING;
	recipient->reply = (struct delivery_reply){ .code = 0 };
	recipient->attempts = 0;
	recipient->next = 0;
	return true;
}

/* ---- what was answered ---- */

struct targets {
	struct span address[FORWARD_TARGETS];
	size_t addresses;
	struct program_place program[FORWARD_TARGETS];
	size_t programs;
	bool has_mailbox;
};

static bool
take_program(struct span text, uint32_t owner, struct arena *arena,
	struct targets *targets)
{
	struct span index, xtext = { NULL, 0 };
	struct buffer key;
	uint64_t number;
	if (targets->programs == FORWARD_TARGETS || !span_word(&text, &index) ||
		!span_to_number(index, ENVELOPE_INDEX_LIMIT, &number))
		return false;
	span_word(&text, &xtext);
	buffer_init(&key, 0);
	bool ok = smtp_xtext_decode(&key, xtext);
	targets->program[targets->programs++] = (struct program_place){
		.owner = owner, .is_forward = true, .index = (unsigned)number,
		.key = arena_copy(arena, buffer_span(&key)) };
	buffer_fini(&key);
	return ok;
}

/* False when it is no such answer. */
static bool
read_targets(const struct forward_answer *answer, struct targets *targets)
{
	struct span rest = answer->lines, line, word;
	bool ok = true;
	while (ok && smtp_answer_line(&rest, &line)) {
		if (!span_word(&line, &word) || !span_word(&line, &word))
			continue;
		line = span_trim(line);
		if (span_equals(word, SPAN("mailbox"))) {
			targets->has_mailbox = true;
		} else if (span_equals(word, SPAN("program"))) {
			ok = take_program(line,
				answer->recipient->program.owner,
				answer->arena, targets);
		} else if (span_equals(word, SPAN("address"))) {
			ok = line.size > 0 &&
				targets->addresses < FORWARD_TARGETS;
			if (ok)
				targets->address[targets->addresses++] = line;
		}
	}
	return ok && (targets->has_mailbox || targets->addresses > 0 ||
		targets->programs > 0);
}

/* ---- the message to other addresses ---- */

/* The same cause makes the same transaction, so that a crash between the two
 * steps stores nothing twice. */
static void
make_transaction(const struct forward_answer *answer,
	uint8_t transaction[STORE_TRANSACTION_SIZE])
{
	static const uint8_t keys[2][16] = { "posthouse forwar",
		"forward posthous" };
	struct buffer cause;
	buffer_init(&cause, 0);
	buffer_add(&cause, span_of(answer->envelope->transaction,
		STORE_TRANSACTION_SIZE));
	buffer_print(&cause, "%u %.*s", answer->recipient->program.owner,
		SPAN_PRINT(answer->recipient->to));
	for (size_t i = 0; i < 2; i++) {
		uint64_t hash = hash_siphash(keys[i], buffer_span(&cause));
		memcpy(transaction + i * sizeof(hash), &hash, sizeof(hash));
	}
	buffer_fini(&cause);
}

/* Where it has been, so that it does not come here again. */
static int
copy_body(const struct forward_answer *answer, struct mail_body *out,
	struct error *error)
{
	const struct mail_body *body = answer->body;
	struct span to = answer->recipient->to;
	struct span field = arena_print(answer->arena,
		"Delivered-To: %.*s\r\n", SPAN_PRINT(to));
	char piece[PIECE];
	int result = mail_body_add(out, field, error);
	if (body->file < 0)
		return result < 0 ? -1 : mail_body_add(out, span_of(
			body->memory.data, (size_t)body->size), error);
	for (uint64_t at = 0; at < body->size && result == 0;) {
		size_t size = body->size - at < PIECE ?
			(size_t)(body->size - at) : PIECE;
		result = file_read_at(body->file, piece, size,
			body->offset + at, error);
		if (result == 0)
			result = mail_body_add(out, span_of(piece, size),
				error);
		at += size;
	}
	return result;
}

/* Whoever his own address leads to again is in his mailbox then. */
static void
settle_recipients(struct queue *queue, const struct forward_answer *answer,
	struct envelope *envelope)
{
	uint64_t himself = account_id_of_uid(answer->recipient->program.owner);
	bool is_any = false;
	for (size_t i = 0; i < envelope->count; i++) {
		struct recipient *recipient = &envelope->recipient[i];
		if (recipient->is_local && recipient->account == himself)
			recipient->is_final = true;
		is_any |= recipient->state == RECIPIENT_RELAY &&
			recipient->sender.size == 0;
		if (recipient->state == RECIPIENT_RELAY &&
			recipient->original.size == 0)
			recipient->original = answer->recipient->to;
	}
	if (is_any && envelope->sender.size > 0)
		envelope->forward_sender = expand_forward(&queue->expander,
			answer->arena, envelope->sender);
}

static bool
make_envelope(struct queue *queue, const struct forward_answer *answer,
	const struct targets *targets, struct envelope *envelope)
{
	const size_t count = targets->addresses;
	const struct recipient *recipient = answer->recipient;
	struct expansion *expansion = arena_new_array(answer->arena, count,
		sizeof(*expansion));
	struct mail_recipient *from = arena_new_array(answer->arena, count,
		sizeof(*from));
	*envelope = *answer->envelope;
	envelope->id = arena_print(answer->arena, "%.*s.f",
		SPAN_PRINT(answer->envelope->id));
	envelope->is_held = false;
	make_transaction(answer, envelope->transaction);
	for (size_t i = 0; i < count; i++) {
		expansion[i].address = targets->address[i];
		from[i].address = targets->address[i];
		from[i].rcpt.notify = recipient->notify;
		from[i].rcpt.orcpt = recipient->orcpt;
	}
	expand_all(&queue->expander, answer->arena, expansion, count);
	for (size_t i = 0; i < count; i++)
		if (expansion[i].verdict == EXPAND_LATER)
			return false;
	if (!collect_recipients(envelope, answer->arena, from, expansion,
		count))
		return false;
	settle_recipients(queue, answer, envelope);
	return true;
}

static bool
send_on(struct queue *queue, const struct forward_answer *answer,
	const struct targets *targets)
{
	struct envelope envelope;
	struct mail_body body;
	struct error error;
	enum spool_verdict verdict = SPOOL_TROUBLE;
	if (!make_envelope(queue, answer, targets, &envelope))
		return false;
	mail_body_init(&body, queue->server.spill);
	if (copy_body(answer, &body, &error) == 0)
		verdict = spool_add(&queue->spool, &envelope, &body,
			answer->arena, NULL, &error);
	mail_body_fini(&body);
	if (verdict == SPOOL_OK || verdict == SPOOL_DUPLICATE)
		return true;
	log_event(LOG_ERROR, "forward-failed", &answer->envelope->scope,
		LOG_SPAN("to", answer->recipient->to),
		LOG_TEXT("error", error.text));
	return false;
}

/* ---- what is left here ---- */

static void
change_envelope(const struct forward_answer *answer,
	const struct targets *targets)
{
	struct envelope *envelope = answer->envelope;
	size_t at = (size_t)(answer->recipient - envelope->recipient);
	struct recipient *all = arena_new_array(answer->arena,
		envelope->count + targets->programs, sizeof(*all));
	struct recipient fresh = *answer->recipient;
	fresh.state = RECIPIENT_WAITING;
	fresh.reply = (struct delivery_reply){ .code = 0 };
	fresh.attempts = 0;
	fresh.last = fresh.next = 0;
	memcpy(all, envelope->recipient, envelope->count * sizeof(*all));
	for (size_t i = 0; i < targets->programs; i++) {
		all[envelope->count] = fresh;
		all[envelope->count++].program = targets->program[i];
	}
	all[at] = fresh;
	all[at].is_program = false;
	all[at].is_local = all[at].is_final = true;
	all[at].account = account_id_of_uid(fresh.program.owner);
	if (!targets->has_mailbox)
		all[at].state = RECIPIENT_DONE;
	envelope->recipient = all;
}

bool
forward_apply(struct queue *queue, const struct forward_answer *answer)
{
	struct targets targets = { .has_mailbox = false };
	if (!read_targets(answer, &targets) || (targets.addresses > 0 &&
		!send_on(queue, answer, &targets)))
		return false;
	log_event(LOG_INFO, "forwarded", &answer->envelope->scope,
		LOG_SPAN("to", answer->recipient->to),
		LOG_NUMBER("uid", answer->recipient->program.owner),
		LOG_NUMBER("addresses", targets.addresses),
		LOG_NUMBER("programs", targets.programs),
		LOG_TEXT("mailbox", targets.has_mailbox ? "yes" : "no"));
	change_envelope(answer, &targets);
	return true;
}
