/*
 * The loop of one connection. It frames whole units (a command line, a line of
 * SASL, a piece of content), executes each, and writes the replies together
 * when no whole unit is left unread (RFC 2920 3.2). It never holds a thread for
 * a client: whoever is slow is parked, reading or writing.
 */
#include "smtpd/conversation.h"

#include <assert.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "proto/line.h"
#include "serve/counter.h"
#include "smtpd/content.h"
#include "smtpd/encryption.h"
#include "smtpd/sasl_dialog.h"
#include "smtpd/transaction.h"
#include "smtpd/verb.h"

/* ---- replies ---- */

void
conversation_leave(struct conversation *conversation,
	enum conversation_end end, bool drain)
{
	struct smtp_parked *parked = &conversation->parked;
	if (parked->is_leaving)
		return;
	parked->is_leaving = true;
	parked->is_draining = drain;
	parked->end = (uint8_t)end;
}

/* A client that other machines stand behind is not sent away because one of
 * them mistypes an address. */
static bool
is_error(const struct conversation *conversation, enum smtp_reply reply)
{
	const struct smtp_parked *parked = &conversation->parked;
	if (smtp_reply_get(reply)->code < 500)
		return false;
	return reply != SMTP_REPLY_NO_USER ||
		(!parked->is_trusted && parked->account == 0);
}

void
conversation_reply(struct conversation *conversation, enum smtp_reply reply,
	struct span detail)
{
	struct smtp_parked *parked = &conversation->parked;
	smtp_reply_add(&conversation->stream.out, reply, detail);
	if (!is_error(conversation, reply))
		return;
	parked->errors++;
	if (parked->errors < conversation->rules->error_limit ||
	    conversation->rules->error_limit == 0 || parked->is_leaving)
		return;
	smtp_reply_add(&conversation->stream.out, SMTP_REPLY_TOO_MANY_ERRORS,
		SPAN(""));
	conversation_leave(conversation, END_ERRORS, true);
}

void
conversation_say(struct conversation *conversation, enum smtp_reply reply)
{
	conversation_reply(conversation, reply, SPAN(""));
}

bool
conversation_is_submission(const struct conversation *conversation)
{
	return conversation->parked.service == SERVICE_SUBMISSION ||
		conversation->parked.service == SERVICE_SUBMISSIONS;
}

void
conversation_reset(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	transaction_end(conversation);
	sasl_dialog_drop(conversation);
	parked->has_hello = parked->is_extended = false;
	parked->account = 0;
	parked->user[0] = parked->hello[0] = '\0';
}

/* ---- parking ---- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
deadline_of(const struct conversation *conversation, int64_t now)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	int64_t end = parked->began + rules->session_time;
	switch ((enum phase)parked->phase) {
	case PHASE_DRAIN:
		return parked->release;
	case PHASE_TLS:
		return now + CONVERSATION_TLS_WAIT;
	case PHASE_PROXY:
		return now + CONVERSATION_PROXY_WAIT;
	case PHASE_PENALTY:
		return parked->release;
	default:
		break;
	}
	if (conversation->turn.has_lined_up)
		return conversation->turn.deadline;
	/* RFC 5321 4.5.3.2.7: at least 5 minutes for the next command. */
	end = earlier(end, now + rules->timeout);
	if (conversation->transaction != NULL)
		end = earlier(end, parked->transaction_end);
	return end;
}

/* The last word is written: close, or let the client read it first. Closing
 * with bytes unread would reset the connection and lose that word. */
static enum session_next
part(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	transaction_end(conversation);
	if (!parked->is_draining)
		return SESSION_CLOSE;
	if (parked->phase != PHASE_DRAIN) {
		shutdown(conversation->stream.fd, SHUT_WR);
		parked->phase = PHASE_DRAIN;
		parked->release = clock_monotonic() + CONVERSATION_DRAIN;
	}
	stream_shrink(&conversation->stream);
	conversation->session.deadline = parked->release;
	return SESSION_PARK;
}

static enum session_next
park(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	int64_t now = clock_monotonic();
	conversation->stream.deadline = now + conversation->rules->timeout;
	conversation->is_writing = false;
	switch (stream_flush(&conversation->stream)) {
	case STREAM_BROKEN:
		parked->end = END_BROKEN;
		return SESSION_CLOSE;
	case STREAM_PENDING:
		conversation->is_writing = true;
		conversation->session.deadline = deadline_of(conversation, now);
		return SESSION_PARK_WRITE;
	case STREAM_CLEAN:
		break;
	}
	if (parked->is_leaving)
		return part(conversation);
	stream_shrink(&conversation->stream);
	conversation->session.deadline = deadline_of(conversation, now);
	if (parked->phase != PHASE_PENALTY && !conversation->turn.has_lined_up)
		return SESSION_PARK;
	/* What the client sends meanwhile waits in the kernel. */
	conversation->session.interest = 0;
	return SESSION_PARK_AS_SET;
}

/* ---- units ---- */

static void
take_line(struct conversation *conversation, struct span line,
	enum line_verdict verdict)
{
	struct smtp_parked *parked = &conversation->parked;
	/* A further command: the reply to the last message was seen. */
	unanswered_list_clear(&parked->unanswered);
	bool is_normal = verdict == LINE_OK || (verdict == LINE_BARE_LF &&
		conversation->rules->is_normalising);
	if (parked->is_skipping) {
		parked->is_skipping = false;
		sasl_dialog_drop(conversation);
		conversation_say(conversation, SMTP_REPLY_LINE_TOO_LONG);
	} else if (!is_normal) {
		/* RFC 5321 2.3.8: nothing else ends a line. */
		sasl_dialog_drop(conversation);
		conversation_say(conversation, SMTP_REPLY_BARE_LINE_END);
	} else if (parked->phase == PHASE_SASL) {
		sasl_dialog_line(conversation, line);
	} else {
		verb_execute(conversation, line);
	}
}

/* A line, if one is whole. The bytes stay until it is executed. */
static bool
next_line(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	struct stream *stream = &conversation->stream;
	struct span line;
	size_t consumed;
	size_t limit = parked->phase == PHASE_SASL ? SMTP_AUTH_LINE_LIMIT :
		SMTP_COMMAND_LIMIT - 2;
	int socket = stream->fd;
	enum line_verdict verdict = line_next(stream_unread(stream), limit,
		&line, &consumed);
	if (verdict == LINE_MORE)
		return false;
	if (verdict == LINE_TOO_LONG)
		parked->is_skipping = true;
	else
		take_line(conversation, line, verdict);
	if (conversation->turn.has_lined_up)
		return false;	/* the line stays: it is executed again */
	/* After STARTTLS nothing of the old socket is left. */
	if (stream->fd == socket)
		stream_consume(stream, consumed);
	return true;
}

static bool
dispatch(struct conversation *conversation)
{
	switch ((enum phase)conversation->parked.phase) {
	case PHASE_OPENING:
		return encryption_begin(conversation);
	case PHASE_TLS:
		return encryption_take_facts(conversation);
	case PHASE_DATA:
	case PHASE_CHUNK:
		return content_take(conversation);
	case PHASE_FINISH:
		return content_finish(conversation);
	case PHASE_COMMAND:
	case PHASE_SASL:
		return next_line(conversation);
	case PHASE_PROXY:
	case PHASE_PENALTY:
	case PHASE_DRAIN:
		break;
	}
	return false;
}

/* Executes the next unit; false when there is none yet, or not its turn. */
static bool
next_unit(struct conversation *conversation)
{
	struct turn *turn = &conversation->turn;
	if (turn_is_waiting(turn))
		return false;
	turn->has_lined_up = false;
	bool is_done = dispatch(conversation);
	/* A turn that was not needed after all goes to the next. */
	if (!turn->has_lined_up && atomic_load(&turn->state) != TURN_NONE)
		turnstile_withdraw(turn, clock_monotonic());
	return is_done;
}

/* Units until none is whole; false when the client does not read its replies
 * and must do so first. */
static bool
execute_all(struct conversation *conversation)
{
	struct stream *stream = &conversation->stream;
	while (!conversation->parked.is_leaving && next_unit(conversation)) {
		if (stream->out.size < CONVERSATION_OUT_LIMIT)
			continue;
		stream->deadline = clock_monotonic() +
			conversation->rules->timeout;
		if (stream_flush(stream) != STREAM_CLEAN)
			return false;
	}
	return true;
}

static enum session_next
drain(struct conversation *conversation)
{
	struct stream *stream = &conversation->stream;
	for (int turn = 0; turn < CONVERSATION_TURN; turn++) {
		int n = stream_fill(stream);
		if (n == 0 || n == -2)
			return SESSION_CLOSE;
		if (n == -1)
			break;
		stream_consume(stream, stream_unread(stream).size);
	}
	stream_shrink(stream);
	return SESSION_PARK;
}

/*
 * may_read: the client has sent something. A read that did not fill its room
 * has taken all there is; epoll tells of more.
 */
static enum session_next
converse(struct conversation *conversation, bool may_read)
{
	for (int turn = 0;; turn++) {
		if (!execute_all(conversation) || !may_read ||
		    turn == CONVERSATION_TURN ||
		    conversation->parked.is_leaving ||
		    conversation->parked.phase == PHASE_PENALTY ||
		    conversation->turn.has_lined_up)
			break;
		int n = stream_fill(&conversation->stream);
		if (n == 0 || n == -2) {
			/* An end in good order: all that was written is seen. */
			if (n == 0)
				unanswered_list_clear(
					&conversation->parked.unanswered);
			conversation_leave(conversation,
				conversation->parked.phase == PHASE_TLS ?
				END_TLS : END_GONE, false);
			break;
		}
		may_read = n == STREAM_READ_SIZE;
	}
	return park(conversation);
}

/* ---- events ---- */

static void
greet(struct conversation *conversation)
{
	conversation->parked.phase = PHASE_COMMAND;
	conversation_reply(conversation,
		conversation->parked.service == SERVICE_LMTP ?
		SMTP_REPLY_GREETING_LMTP : SMTP_REPLY_GREETING,
		span_from(conversation->rules->hostname));
}

/* True when it is within the limits of its network, and counted in. */
static bool
is_within_limits(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	struct limit_table *limits = conversation->smtpd->limits;
	const struct network_address *client = &parked->facts.client;
	enum smtp_reply refusal = SMTP_REPLY_CONNECTION_COUNT;
	parked->is_trusted = rules_is_trusted(rules, client);
	if (lot_session_count(conversation->smtpd->lot) >
	    rules->connection_limit) {
		refusal = SMTP_REPLY_OVERLOADED;
	} else if (parked->is_trusted) {
		return true;
	} else if (limit_connection_enter(limits, client,
	    rules->client_connections)) {
		parked->is_counted = true;
		if (limit_event(limits, client, LIMIT_CONNECTIONS,
		    rules->client_connection_rate, clock_monotonic()))
			return true;
		refusal = SMTP_REPLY_CONNECTION_RATE;
	}
	counter_add(COUNTER_SESSIONS_REFUSED, 1);
	/* Who expects TLS cannot read a sentence. */
	if (parked->service != SERVICE_SUBMISSIONS)
		conversation_reply(conversation, refusal,
			span_from(rules->hostname));
	conversation_leave(conversation, END_LIMIT, false);
	return false;
}

/* The client's address is known; what comes first on this port? */
static void
open_up(struct conversation *conversation)
{
	if (!is_within_limits(conversation))
		return;
	if (conversation->parked.service != SERVICE_SUBMISSIONS)
		greet(conversation);
	else
		conversation->parked.phase = PHASE_OPENING;
}

static void
start(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	if (parked->facts.client.family != AF_UNIX &&
	    network_list_contains(conversation->rules->proxy_networks,
	    &parked->facts.client))
		parked->phase = PHASE_PROXY;
	else
		open_up(conversation);
}

static void
expire(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	int64_t now = clock_monotonic();
	if (conversation->turn.has_lined_up) {
		if (turn_is_waiting(&conversation->turn))
			turnstile_expire(&conversation->turn, now);
		return;
	}
	if (parked->phase == PHASE_PENALTY) {
		parked->phase = PHASE_COMMAND;
		conversation_say(conversation, (enum smtp_reply)parked->pending);
		return;
	}
	if (parked->phase == PHASE_TLS || parked->phase == PHASE_PROXY) {
		conversation_leave(conversation,
			parked->phase == PHASE_TLS ? END_TLS : END_PROXY, false);
		return;
	}
	if (now >= parked->began + conversation->rules->session_time) {
		conversation_say(conversation, SMTP_REPLY_SESSION_TIME);
		conversation_leave(conversation, END_SESSION_TIME, true);
	} else if (conversation->transaction != NULL &&
	    now >= parked->transaction_end) {
		conversation_say(conversation, SMTP_REPLY_TRANSACTION_TIME);
		conversation_leave(conversation, END_TRANSACTION_TIME, true);
	} else {
		conversation_say(conversation, SMTP_REPLY_IDLE);
		conversation_leave(conversation, END_IDLE, true);
	}
}

/* What woke it may also be unknown (all bits): then it goes on waiting. */
static bool
is_hung_up(const struct session *session)
{
	return session->events != UINT32_MAX &&
		(session->events & (EPOLLHUP | EPOLLERR)) != 0;
}

static enum session_next
run(struct session *base, enum session_event event)
{
	struct conversation *conversation = (struct conversation *)base;
	struct smtp_parked *parked = &conversation->parked;
	if (parked->phase == PHASE_DRAIN)
		return event == SESSION_READABLE ? drain(conversation) :
			SESSION_CLOSE;
	switch (event) {
	case SESSION_START:
		start(conversation);
		break;
	case SESSION_STOP:
		if (parked->phase >= PHASE_COMMAND)
			conversation_reply(conversation, SMTP_REPLY_STOPPING,
				span_from(conversation->rules->hostname));
		conversation_leave(conversation, END_STOP, false);
		break;
	case SESSION_DEADLINE:
		/* Nobody reads what was said before: no further word. */
		if (conversation->is_writing)
			return SESSION_CLOSE;
		expire(conversation);
		break;
	case SESSION_READABLE:
		/* Nothing was awaited but the end of the connection. */
		if (parked->phase == PHASE_PENALTY ||
		    conversation->turn.has_lined_up) {
			if (!is_hung_up(base))
				break;
			parked->end = END_GONE;
			return SESSION_CLOSE;
		}
		if (parked->phase == PHASE_PROXY) {
			if (!encryption_take_proxy(conversation))
				return SESSION_CLOSE;
			open_up(conversation);
			break;
		}
		return converse(conversation, true);
	case SESSION_WRITABLE:
		/* Not a unit more before the replies so far are taken. */
		if (stream_flush(&conversation->stream) != STREAM_CLEAN)
			return park(conversation);
		break;
	case SESSION_NUDGE:
		break;
	}
	return converse(conversation, false);
}

/* ---- beginning and end ---- */

static void
log_end(const struct conversation *conversation)
{
	static const char *const ends[] = {
#define END_TEXT(name, text) text,
		CONVERSATION_END_LIST(END_TEXT)
#undef END_TEXT
	};
	static const char *const services[] = { "smtp", "submission",
		"submissions", "lmtp" };
	const struct smtp_parked *parked = &conversation->parked;
	char client[NETWORK_TEXT_SIZE];
	if (!log_is_on(LOG_INFO))
		return;
	network_address_format(&parked->facts.client, client);
	log_event(LOG_INFO, "connection", &parked->scope,
		LOG_TEXT("service", services[parked->service]),
		LOG_TEXT("client", client), LOG_TEXT("helo", parked->hello),
		LOG_TEXT("tls", parked->facts.is_tls ?
			parked->facts.tls_version : "no"),
		LOG_TEXT("user", parked->user),
		LOG_NUMBER("messages", parked->messages),
		LOG_NUMBER("recipients", parked->recipients),
		LOG_NUMBER("commands", parked->commands),
		LOG_NUMBER("refused", parked->refusals),
		LOG_NUMBER("errors", parked->errors),
		LOG_NUMBER("ms", clock_monotonic() - parked->began),
		LOG_TEXT("end", ends[parked->end]));
}

static void
conversation_free(struct session **base)
{
	struct conversation *conversation = (struct conversation *)*base;
	struct smtp_parked *parked = &conversation->parked;
	turnstile_withdraw(&conversation->turn, clock_monotonic());
	transaction_end(conversation);
	sasl_dialog_drop(conversation);
	log_end(conversation);
	unanswered_list_remember(&parked->unanswered,
		conversation->smtpd->unanswered, clock_monotonic());
	if (parked->is_counted)
		limit_connection_leave(conversation->smtpd->limits,
			&parked->facts.client);
	stream_fini(&conversation->stream);
	memory_free(conversation);
	*base = NULL;
}

static const struct session_type conversation_type = {
	.name = "smtp", .run = run, .free = conversation_free,
};

void
conversation_change_socket(struct conversation *conversation, int *fd)
{
	int spill = conversation->stream.spill_dir;
	stream_fini(&conversation->stream);
	stream_init(&conversation->stream, fd);
	stream_set_spill(&conversation->stream, spill);
	conversation->session.fd = conversation->stream.fd;
}

void
conversation_begin(struct smtpd *smtpd, enum smtp_service service,
	struct incoming *incoming)
{
	struct conversation *new = memory_new(sizeof(*new));
	new->session.type = &conversation_type;
	new->session.fd = incoming->fd;
	new->session.second_fd = -1;
	new->session.deadline = INT64_MAX;
	new->turn.session = &new->session;
	new->smtpd = smtpd;
	new->rules = atomic_load(&smtpd->rules);
	new->parked = (struct smtp_parked){ .version = CONVERSATION_VERSION,
		.service = (uint8_t)service, .phase = PHASE_COMMAND,
		.began = clock_monotonic(),
		.facts = { .client = incoming->client,
			.local = incoming->local } };
	log_id_new(new->parked.scope.session);
	stream_init(&new->stream, &incoming->fd);
	stream_set_spill(&new->stream, smtpd->spill);
	lot_add(smtpd->lot, &new->session);
}
