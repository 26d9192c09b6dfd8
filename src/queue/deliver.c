/*
 * LMTP, the client's side. Straight down: write to all processes concerned,
 * then read from all. A process that does not answer costs its own recipients
 * their delivery for now, nobody else's (queue/health.h).
 */
#include "queue/deliver.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "proto/smtp_reply.h"

enum {
	PIECE = 262144,			/* of a body, between looks at the clock */
	WIRE_HOLDS = 1 << 20,		/* more than a wire takes unread */
	BYTES_PER_MS = 10000,		/* of a slow disk, for long bodies */
};

/* The way to one mailbox process in one batch. */
struct hop {
	struct deliverer *deliverer;
	const struct delivery_batch *batch;
	struct way *way;
	struct recipient **recipient;	/* part of the batch's */
	size_t count;
	struct wire *wire;		/* NULL: failed */
	bool is_entered;		/* health */
	bool was_sent;			/* the whole message may be there */
	bool has_ended;			/* the process closed the wire */
	bool has_answered;		/* on this wire, to this message */
	bool is_second;			/* attempt, on a wire of its own */
	int64_t patience;		/* waited for an answer until then anyway */
};

void
deliverer_init(struct deliverer *deliverer, struct lot *lot,
	unsigned processes)
{
	ways_init(&deliverer->ways, lot, processes);
}

void
deliverer_fini(struct deliverer *deliverer)
{
	ways_fini(&deliverer->ways);
}

uint64_t
deliver_process(const struct deliverer *deliverer, uint64_t account)
{
	return ways_process(&deliverer->ways, account);
}

bool
deliver_is_open(struct deliverer *deliverer, uint64_t account)
{
	struct way *way = ways_take(&deliverer->ways, account);
	bool is_open = health_enter(&way->health, clock_monotonic());
	if (is_open)
		health_leave(&way->health);
	ways_give(&deliverer->ways, &way);
	return is_open;
}

/* ---- failing ---- */

/* Gives the wire up; those without an answer are told later. */
static void
hop_fail(struct hop *hop, const char *text)
{
	struct span reason = arena_copy(hop->batch->arena, span_from(text));
	wire_drop(&hop->wire);
	for (size_t i = 0; i < hop->count; i++) {
		struct recipient *recipient = hop->recipient[i];
		if (recipient->reply.code != 0)
			continue;
		recipient->reply = (struct delivery_reply){ 451,
			SPAN("4.3.0"), reason };
		recipient->is_uncertain = hop->was_sent;
	}
}

static void
hop_leave(struct hop *hop)
{
	if (hop->is_entered)
		health_leave(&hop->way->health);
	hop->is_entered = false;
}

/* ---- reading ---- */

/* How long to wait for more, ms; 0: it is taken for stuck. */
static int
waiting_time(struct hop *hop)
{
	int64_t now = clock_monotonic();
	int64_t until = health_wait_until(&hop->way->health);
	if (until < hop->patience)
		until = hop->patience;
	if (until > hop->batch->deadline)
		until = hop->batch->deadline;
	return until > now ? (int)(until - now) : 0;
}

/*
 * More bytes; waits as long as the process answers anybody, or patience lasts.
 * False: failed.
 */
static bool
hop_fill(struct hop *hop)
{
	struct health *health = &hop->way->health;
	int wait = waiting_time(hop);
	bool came = stream_wait(&hop->wire->stream, wait);
	int n = came ? stream_fill(&hop->wire->stream) : -1;
	if (n > 0) {
		hop->has_answered = true;
		health_answered(health, clock_monotonic());
	}
	if (n == -1)
		health_silent(health, clock_monotonic());
	if (n == 0 || n == -2)
		hop->has_ended = true;
	if (hop->has_ended)
		hop_fail(hop, "the mailbox process went away");
	else if (n == -1 && wait == 0)
		hop_fail(hop, "the mailbox process does not answer");
	return hop->wire != NULL;
}

/* The next reply; its spans are borrowed until the next read. */
static bool
hop_read(struct hop *hop, struct smtp_answer *answer)
{
	for (;;) {
		size_t consumed;
		struct stream *stream = &hop->wire->stream;
		switch (smtp_answer_parse(stream_unread(stream), answer,
			&consumed)) {
		case SMTP_ANSWER_OK:
			stream_consume(stream, consumed);
			return true;
		case SMTP_ANSWER_BAD:
			hop_fail(hop, "the mailbox process does not speak LMTP");
			return false;
		case SMTP_ANSWER_MORE:
			if (!hop_fill(hop))
				return false;
			break;
		}
	}
}

static void
set_reply(const struct hop *hop, struct recipient *recipient,
	const struct smtp_answer *answer)
{
	struct arena *arena = hop->batch->arena;
	recipient->reply.code = answer->code;
	recipient->reply.text = arena_copy(arena,
		span_first(answer->text, ENVELOPE_TEXT_LIMIT));
	if (answer->enhanced[0] != 0)
		recipient->reply.status = arena_print(arena, "%u.%u.%u",
			answer->enhanced[0], answer->enhanced[1],
			answer->enhanced[2]);
}

static bool
is_refusal(const struct smtp_answer *answer)
{
	return answer->code >= 400;
}

static bool
read_message_replies(struct hop *hop, size_t accepted)
{
	struct smtp_answer answer;
	/* Without a recipient there is one reply to the body (RFC 2033 4.2). */
	if (accepted == 0)
		return hop_read(hop, &answer);
	for (size_t i = 0; i < hop->count; i++) {
		if (hop->recipient[i]->reply.code != 0)
			continue;
		if (!hop_read(hop, &answer))
			return false;
		set_reply(hop, hop->recipient[i], &answer);
	}
	return true;
}

static bool
read_replies(struct hop *hop)
{
	struct smtp_answer answer;
	size_t accepted = 0;
	if (!hop_read(hop, &answer))
		return false;
	if (is_refusal(&answer)) {
		for (size_t i = 0; i < hop->count; i++)
			set_reply(hop, hop->recipient[i], &answer);
		hop_fail(hop, "");
		return false;
	}
	for (size_t i = 0; i < hop->count; i++) {
		if (!hop_read(hop, &answer))
			return false;
		if (is_refusal(&answer))
			set_reply(hop, hop->recipient[i], &answer);
		else
			accepted++;
	}
	return read_message_replies(hop, accepted);
}

/* ---- writing ---- */

static bool
greet(struct hop *hop)
{
	struct smtp_answer answer;
	struct error error;
	if (!hop->wire->is_new)
		return true;
	if (!hop_read(hop, &answer))
		return false;
	stream_add(&hop->wire->stream, SPAN("LHLO queue\r\n"));
	if (is_refusal(&answer) ||
		stream_send(&hop->wire->stream, &error) < 0) {
		hop_fail(hop, "the mailbox process is not ready");
		return false;
	}
	if (!hop_read(hop, &answer))
		return false;
	if (is_refusal(&answer)) {
		hop_fail(hop, "the mailbox process is not ready");
		return false;
	}
	return true;
}

static bool
add_mail(struct buffer *out, const struct delivery_batch *batch,
	struct span sender)
{
	const struct envelope *envelope = batch->envelope;
	struct smtp_mail mail = { .is_null = sender.size == 0,
		.body = envelope_body(envelope), .has_size = true,
		.size = batch->body->size, .has_transaction = true,
		.trace = span_from(envelope->scope.trace),
		.session = span_from(envelope->scope.session),
		.actor = envelope->actor };
	memcpy(mail.transaction, envelope->transaction,
		sizeof(mail.transaction));
	if (!mail.is_null && address_parse(sender, batch->arena,
		&mail.path) != ADDRESS_OK)
		return false;
	/* RFC 6531 3.4; an alias may lead from ASCII to UTF-8. */
	mail.is_utf8 = true;
	smtp_mail_add(out, &mail);
	return true;
}

static bool
add_recipient(struct buffer *out, const struct delivery_batch *batch,
	const struct recipient *recipient)
{
	struct smtp_rcpt rcpt = { .has_account = true, .has_quota = true,
		.is_final = recipient->is_final,
		.account = recipient->account, .quota = recipient->quota };
	struct buffer original;
	if (address_parse(recipient->to, batch->arena, &rcpt.path) !=
		ADDRESS_OK)
		return false;
	buffer_init(&original, 0);
	if (recipient->original.size > 0) {
		/* What RCPT said, for X-Original-To. */
		buffer_add_string(&original, "rfc822;");
		smtp_xtext_encode(&original, recipient->original);
		rcpt.orcpt = buffer_span(&original);
	}
	smtp_rcpt_add(out, &rcpt);
	buffer_fini(&original);
	return true;
}

static void
set_send_deadline(struct hop *hop)
{
	int64_t silence = clock_monotonic() + HEALTH_SILENCE;
	hop->wire->stream.deadline = silence < hop->batch->deadline ?
		silence : hop->batch->deadline;
}

/* Long bodies go in pieces, each with a time of its own. */
static bool
send_body(struct hop *hop, struct error *error)
{
	const struct mail_body *body = hop->batch->body;
	struct stream *stream = &hop->wire->stream;
	struct health *health = &hop->way->health;
	for (uint64_t at = 0; at < body->size && !stream->is_failed;) {
		uint64_t left = body->size - at;
		size_t size = left < PIECE ? (size_t)left : PIECE;
		set_send_deadline(hop);
		if (body->file < 0)
			stream_add(stream, span_of(body->memory.data + at,
				size));
		else if (stream_add_file(stream, body->file,
			body->offset + at, size, error) < 0)
			return false;
		at += size;
		if (at > WIRE_HOLDS && !stream->is_failed)
			health_answered(health, clock_monotonic());
	}
	hop->was_sent = true;
	set_send_deadline(hop);
	return stream_send(stream, error) == 0;
}

static bool
send_transaction(struct hop *hop)
{
	const struct delivery_batch *batch = hop->batch;
	struct buffer *out = &hop->wire->stream.out;
	struct smtp_bdat bdat = { batch->body->size, true };
	struct error error;
	bool ok = add_mail(out, batch, envelope_sender(batch->envelope,
		hop->recipient[0]));
	for (size_t i = 0; i < hop->count && ok; i++)
		ok = add_recipient(out, batch, hop->recipient[i]);
	if (!ok) {
		hop_fail(hop, "an address of the envelope cannot be written");
		return false;
	}
	smtp_bdat_add(out, &bdat);
	if (!send_body(hop, &error)) {
		hop->has_ended = error.code == ERROR_SYSTEM;
		hop_fail(hop, error.text);
		return false;
	}
	hop->patience = clock_monotonic() + HEALTH_SILENCE +
		(int64_t)(batch->body->size / BYTES_PER_MS);
	return true;
}

static bool
hop_enter(struct hop *hop)
{
	hop->is_entered = health_enter(&hop->way->health, clock_monotonic());
	if (!hop->is_entered)
		hop_fail(hop, "the mailbox process does not answer");
	return hop->is_entered;
}

/* A wire on which the transaction can be written. */
static void
hop_connect(struct hop *hop)
{
	struct error error;
	int64_t silence = clock_monotonic() + HEALTH_SILENCE;
	if (!hop_enter(hop))
		return;
	int64_t deadline = silence < hop->batch->deadline ? silence :
		hop->batch->deadline;
	hop->wire = hop->is_second ?
		wire_take_fresh(hop->way->pool, deadline, &error) :
		wire_take(hop->way->pool, deadline, &error);
	if (hop->wire == NULL)
		hop_fail(hop, error.text);
	else
		greet(hop);
	hop_leave(hop);
}

static void
hop_send(struct hop *hop)
{
	if (hop->wire != NULL && hop_enter(hop))
		send_transaction(hop);
}

/*
 * Did it end before it said anything to this message? A process on demand does
 * when it had nothing to do; the next one is asked, under the same transaction,
 * so that nothing is stored twice.
 */
static bool
may_try_again(struct hop *hop)
{
	if (!hop->has_ended || hop->has_answered || hop->is_second)
		return false;
	for (size_t i = 0; i < hop->count; i++)
		hop->recipient[i]->reply = (struct delivery_reply){ .code = 0 };
	hop->is_second = true;
	hop->has_ended = hop->was_sent = false;
	return true;
}

static void
hop_finish(struct hop *hop)
{
	if (hop->wire != NULL && read_replies(hop))
		wire_give(&hop->wire);
	hop_leave(hop);
	if (may_try_again(hop)) {
		hop_connect(hop);
		hop_send(hop);
		if (hop->wire != NULL && read_replies(hop))
			wire_give(&hop->wire);
		hop_leave(hop);
	}
	ways_give(&hop->deliverer->ways, &hop->way);
}

/* ---- a batch ---- */

/* One transaction: a process, and a reverse-path. */
static int
compare(const struct deliverer *deliverer, const struct recipient *a,
	const struct recipient *b)
{
	uint64_t left = deliver_process(deliverer, a->account);
	uint64_t right = deliver_process(deliverer, b->account);
	if (left != right)
		return left < right ? -1 : 1;
	return span_compare(a->sender, b->sender);
}

/* Those of one transaction stand together afterwards; few, so insertion. */
static void
sort_by_hop(const struct deliverer *deliverer, struct recipient **recipient,
	size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct recipient *moved = recipient[i];
		size_t at = i;
		for (; at > 0 && compare(deliverer, recipient[at - 1],
			moved) > 0; at--)
			recipient[at] = recipient[at - 1];
		recipient[at] = moved;
	}
}

static size_t
make_hops(struct deliverer *deliverer, const struct delivery_batch *batch,
	struct hop *hops)
{
	size_t count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct recipient *recipient = batch->recipient[i];
		recipient->reply = (struct delivery_reply){ .code = 0 };
		recipient->is_uncertain = false;
		if (i == 0 || compare(deliverer, batch->recipient[i - 1],
			recipient) != 0)
			hops[count++] = (struct hop){ .deliverer = deliverer,
				.batch = batch, .way = ways_take(
				&deliverer->ways, recipient->account),
				.recipient = batch->recipient + i };
		hops[count - 1].count++;
	}
	return count;
}

void
deliver_local(struct deliverer *deliverer, struct delivery_batch *batch)
{
	struct hop hops[DELIVER_LIMIT];
	assert(batch->count <= DELIVER_LIMIT);
	sort_by_hop(deliverer, batch->recipient, batch->count);
	size_t count = make_hops(deliverer, batch, hops);
	/* Each step for all, so that one that is slow to connect does not
	 * look like another's silence. */
	for (size_t i = 0; i < count; i++)
		hop_connect(&hops[i]);
	for (size_t i = 0; i < count; i++)
		hop_send(&hops[i]);
	for (size_t i = 0; i < count; i++)
		hop_finish(&hops[i]);
}
