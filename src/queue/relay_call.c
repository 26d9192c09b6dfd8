/*
 * LMTP to the relay, the client's side, without waiting. See relay_call.h.
 */
#include "queue/relay_call.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "proto/smtp_reply.h"

enum { PIECE = 65536 };			/* of a body, written at once */

static void
fail_with(struct relay_call *call, const char *what)
{
	struct span text = arena_print(call->arena, "%s %s", call->hop.size >
		0 ? "The relay" : "The process that runs the program", what);
	relay_call_fail(call, arena_copy_string(call->arena, text));
}

/* ---- writing ---- */

static enum smtp_return
return_kind(struct span name)
{
	if (span_equals(name, SPAN("full")))
		return SMTP_RETURN_FULL;
	return span_equals(name, SPAN("hdrs")) ? SMTP_RETURN_HEADERS :
		SMTP_RETURN_UNSET;
}

static bool
add_mail(struct relay_call *call, struct buffer *out)
{
	const struct envelope *envelope = call->envelope;
	struct buffer hop;
	struct smtp_mail mail = { .is_null = envelope->sender.size == 0,
		.body = envelope_body(envelope), .has_size = true,
		.size = call->body->size, .has_transaction = true,
		.trace = span_from(envelope->scope.trace),
		.session = span_from(envelope->scope.session),
		.actor = envelope->actor, .is_utf8 = envelope->is_utf8,
		.needs_tls = envelope->needs_tls,
		.ret = return_kind(envelope->ret), .envid = envelope->envid };
	struct span sender = envelope_is_forwarded(envelope,
		call->recipient[0]) ? envelope->forward_sender :
		envelope->sender;
	memcpy(mail.transaction, envelope->transaction,
		sizeof(mail.transaction));
	if (!mail.is_null && address_parse(sender, call->arena,
		&mail.path) != ADDRESS_OK)
		return false;
	buffer_init(&hop, 0);
	smtp_xtext_encode(&hop, call->hop);
	mail.next_hop = buffer_span(&hop);
	smtp_mail_add(out, &mail);
	buffer_fini(&hop);
	return true;
}

static void
add_program(struct relay_call *call, struct smtp_rcpt *rcpt,
	const struct program_place *program)
{
	struct buffer key;
	buffer_init(&key, 0);
	smtp_xtext_encode(&key, program->key);
	rcpt->has_program = true;
	rcpt->is_forward = program->is_forward;
	rcpt->is_whole = program->is_whole;
	rcpt->program = program->index;
	rcpt->key = arena_copy(call->arena, buffer_span(&key));
	buffer_fini(&key);
}

static bool
add_recipient(struct relay_call *call, struct buffer *out,
	const struct recipient *recipient)
{
	struct smtp_rcpt rcpt = { .notify = recipient->notify,
		.orcpt = recipient->orcpt };
	struct buffer original;
	if (address_parse(recipient->to, call->arena, &rcpt.path) !=
		ADDRESS_OK)
		return false;
	buffer_init(&original, 0);
	if (recipient->is_program)
		add_program(call, &rcpt, &recipient->program);
	/* RFC 3461 5.2.1 (c), 5.2.7.1: the address it was sent to. */
	if (rcpt.orcpt.size == 0) {
		buffer_add_string(&original, "rfc822;");
		smtp_xtext_encode(&original, recipient->original.size > 0 ?
			recipient->original : recipient->to);
		rcpt.orcpt = buffer_span(&original);
		if (rcpt.orcpt.size > SMTP_ORCPT_LIMIT)
			rcpt.orcpt.size = 0;
	}
	smtp_rcpt_add(out, &rcpt);
	buffer_fini(&original);
	return true;
}

static bool
add_transaction(struct relay_call *call)
{
	struct buffer *out = &call->wire->stream.out;
	struct smtp_bdat bdat = { call->body->size, true };
	bool ok = add_mail(call, out);
	for (size_t i = 0; i < call->count && ok; i++)
		ok = add_recipient(call, out, call->recipient[i]);
	if (!ok) {
		relay_call_fail(call,
			"An address of the envelope cannot be written");
		return false;
	}
	smtp_bdat_add(out, &bdat);
	return true;
}

/* The next piece of the body; false when it cannot be read. */
static bool
add_piece(struct relay_call *call)
{
	const struct mail_body *body = call->body;
	struct stream *stream = &call->wire->stream;
	struct error error;
	uint64_t left = body->size - call->sent;
	size_t size = left < PIECE ? (size_t)left : PIECE;
	buffer_shift(&stream->out, call->out_at);
	call->out_at = 0;
	if (body->file < 0) {
		buffer_add(&stream->out, span_of(body->memory.data +
			call->sent, size));
	} else if (!buffer_reserve(&stream->out, size) ||
		file_read_at(body->file, stream->out.data + stream->out.size,
			size, body->offset + call->sent, &error) < 0) {
		relay_call_fail(call, "The message cannot be read");
		return false;
	} else {
		stream->out.size += size;
	}
	call->sent += size;
	return true;
}

static bool
is_writing_body(const struct relay_call *call)
{
	return call->stage >= RELAY_CALL_MAIL &&
		call->stage != RELAY_CALL_ENDED &&
		call->sent < call->body->size;
}

/* True when everything that there is to write now is written. */
static bool
write_out(struct relay_call *call)
{
	struct buffer *out = &call->wire->stream.out;
	for (;;) {
		if (is_writing_body(call) && out->size - call->out_at <
			PIECE / 2 && !add_piece(call))
			return true;
		if (call->out_at == out->size)
			break;
		ssize_t n = send(call->wire->stream.fd,
			out->data + call->out_at, out->size - call->out_at,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0 && errno != EINTR) {
			fail_with(call, "went away");
			return true;
		}
		if (n > 0)
			call->out_at += (size_t)n;
	}
	buffer_clear(out);
	call->out_at = 0;
	return true;
}

/* ---- reading ---- */

static void
set_reply(struct relay_call *call, struct recipient *recipient,
	const struct smtp_answer *answer)
{
	recipient->reply = (struct delivery_reply){ .code = answer->code,
		.text = arena_copy(call->arena, span_first(answer->text,
		ENVELOPE_TEXT_LIMIT)) };
	if (answer->code == 251)
		call->lines = arena_copy(call->arena, answer->lines);
	if (answer->enhanced[0] != 0)
		recipient->reply.status = arena_print(call->arena, "%u.%u.%u",
			answer->enhanced[0], answer->enhanced[1],
			answer->enhanced[2]);
}

static void
refuse_all(struct relay_call *call, const struct smtp_answer *answer)
{
	for (size_t i = 0; i < call->count; i++)
		set_reply(call, call->recipient[i], answer);
	relay_call_fail(call, "");
}

/* The next recipient that waits for a reply to the body. */
static void
pass_refused(struct relay_call *call)
{
	while (call->index < call->count &&
		call->recipient[call->index]->reply.code != 0)
		call->index++;
	if (call->index == call->count && call->accepted > 0)
		call->stage = RELAY_CALL_ENDED;
}

static void
take_body_reply(struct relay_call *call, const struct smtp_answer *answer)
{
	/* Without a recipient there is one reply to the body (RFC 2033 4.2). */
	if (call->accepted == 0) {
		call->stage = RELAY_CALL_ENDED;
		return;
	}
	set_reply(call, call->recipient[call->index++], answer);
	pass_refused(call);
}

static void
take_reply(struct relay_call *call, const struct smtp_answer *answer)
{
	bool is_refusal = answer->code >= 400;
	struct stream *stream = &call->wire->stream;
	switch (call->stage) {
	case RELAY_CALL_GREETING:
		buffer_add_string(&stream->out, "LHLO queue\r\n");
		call->stage = RELAY_CALL_HELLO;
		break;
	case RELAY_CALL_HELLO:
		call->stage = RELAY_CALL_MAIL;
		add_transaction(call);
		break;
	case RELAY_CALL_MAIL:
		call->stage = RELAY_CALL_RCPT;
		if (is_refusal)
			refuse_all(call, answer);
		return;
	case RELAY_CALL_RCPT:
		if (is_refusal)
			set_reply(call, call->recipient[call->index], answer);
		else
			call->accepted++;
		if (++call->index < call->count)
			return;
		call->index = 0;
		call->stage = RELAY_CALL_BODY;
		if (call->accepted > 0)
			pass_refused(call);
		return;
	default:
		take_body_reply(call, answer);
		return;
	}
	if (is_refusal)
		fail_with(call, "is not ready");
}

/* What is there to read; true when something was. */
static bool
read_in(struct relay_call *call)
{
	struct stream *stream = &call->wire->stream;
	struct smtp_answer answer;
	size_t consumed;
	switch (smtp_answer_parse(stream_unread(stream), &answer, &consumed)) {
	case SMTP_ANSWER_OK:
		take_reply(call, &answer);
		stream_consume(stream, consumed);
		return true;
	case SMTP_ANSWER_BAD:
		fail_with(call, "does not speak LMTP");
		return true;
	case SMTP_ANSWER_MORE:
		break;
	}
	int n = stream_fill(stream);
	if (n == 0 || n == -2)
		fail_with(call, "went away");
	return n != -1;
}

/* ---- the call ---- */

void
relay_call_begin(struct relay_call *call, struct wire **wire)
{
	call->wire = *wire;
	*wire = NULL;
	call->is_broken = false;
	call->index = call->accepted = call->out_at = 0;
	call->sent = 0;
	for (size_t i = 0; i < call->count; i++) {
		call->recipient[i]->reply = (struct delivery_reply){ 0 };
		call->recipient[i]->is_uncertain = false;
	}
	call->stage = call->wire->is_new ? RELAY_CALL_GREETING :
		RELAY_CALL_MAIL;
	if (!call->wire->is_new)
		add_transaction(call);
}

enum relay_call_state
relay_call_go(struct relay_call *call)
{
	while (call->stage != RELAY_CALL_ENDED) {
		bool is_written = write_out(call);
		if (call->stage == RELAY_CALL_ENDED || read_in(call))
			continue;
		return is_written ? RELAY_CALL_READ : RELAY_CALL_WRITE;
	}
	return RELAY_CALL_DONE;
}

void
relay_call_fail(struct relay_call *call, const char *text)
{
	struct span reason = arena_copy(call->arena, span_from(text));
	call->is_broken = true;
	call->stage = RELAY_CALL_ENDED;
	for (size_t i = 0; i < call->count; i++)
		if (call->recipient[i]->reply.code == 0)
			call->recipient[i]->reply = (struct delivery_reply){
				451, SPAN("4.3.0"), reason };
}

void
relay_call_end(struct relay_call *call)
{
	if (call->wire == NULL)
		return;
	if (!call->is_broken && call->sent == call->body->size &&
		call->out_at == call->wire->stream.out.size)
		wire_give(&call->wire);
	else
		wire_drop(&call->wire);
}

/* ---- what it means for the destination ---- */

static enum relay_news
news_of(const struct delivery_reply *reply)
{
	if (span_starts(reply->text, SPAN("host ")))
		return reply->code == 421 ? RELAY_NEWS_BUSY : RELAY_NEWS_GOOD;
	if (reply->code < 300)
		return RELAY_NEWS_GOOD;
	if (reply->code >= 500)
		return RELAY_NEWS_NONE;
	return span_equals(reply->status, SPAN("4.4.1")) ||
		span_equals(reply->status, SPAN("4.4.3")) ||
		span_starts(reply->status, SPAN("4.7.")) ? RELAY_NEWS_DEAD :
		RELAY_NEWS_NONE;
}

enum relay_news
relay_call_news(struct recipient *const *recipient, size_t count)
{
	enum relay_news news = RELAY_NEWS_NONE;
	for (size_t i = 0; i < count; i++) {
		enum relay_news this = news_of(&recipient[i]->reply);
		/* One that got through says that somebody is there. */
		if (this == RELAY_NEWS_GOOD || news == RELAY_NEWS_NONE)
			news = this;
	}
	return news;
}
