/*
 * Sockets change hands here. tls gets the stranger's socket and one end of a
 * socket pair (serve/handover.h); when its handshake is done it writes a PROXY
 * v2 header with what it knows, and then the stranger's bytes in plain.
 */
#include "smtpd/encryption.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/handover.h"

enum { HANDOVER_WAIT = 5000 };	/* ms to find tls ready to take a socket */

bool
encryption_is_offered(const struct conversation *conversation)
{
	const struct proxy2 *facts = &conversation->parked.facts;
	return !facts->is_tls && facts->client.family != AF_UNIX;
}

/* What is needed to hand a socket over, found before it is promised. */
struct passage {
	struct wire *wire;		/* to tls */
	int ours, theirs;		/* ends of the socket pair */
};

static bool
passage_open(struct conversation *conversation, struct passage *passage)
{
	struct error error;
	int pair[2] = { -1, -1 };
	passage->wire = wire_set_take(conversation->smtpd->tls,
		clock_monotonic() + HANDOVER_WAIT, &error);
	if (passage->wire != NULL && socketpair(AF_UNIX, SOCK_STREAM |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		error_set_errno(&error, "making a socket pair");
		wire_drop(&passage->wire);
	}
	passage->ours = pair[0];
	passage->theirs = pair[1];
	if (passage->wire == NULL)
		log_event(LOG_WARN, "tls-away", &conversation->parked.scope,
			LOG_TEXT("reason", error.text));
	return passage->wire != NULL;
}

/* Gives back what was not used. */
static void
passage_close(struct passage *passage)
{
	if (passage->wire != NULL)
		wire_give(&passage->wire);
	file_close(&passage->ours);
	file_close(&passage->theirs);
}

static bool
pass(struct conversation *conversation, struct passage *passage)
{
	struct smtp_parked *parked = &conversation->parked;
	struct handover handover = { .facts = parked->facts,
		.fds = { conversation->stream.fd, passage->theirs } };
	struct error error;
	_Static_assert(sizeof(handover.session) ==
		sizeof(parked->scope.session), "ids of one size");
	memcpy(handover.session, parked->scope.session,
		sizeof(handover.session));
	session_unwatch(&conversation->session);
	if (handover_send(passage->wire->stream.fd, &handover, &error) < 0) {
		log_event(LOG_WARN, "tls-away", &parked->scope,
			LOG_TEXT("reason", error.text));
		wire_drop(&passage->wire);
		return false;
	}
	conversation->stream.fd = passage->theirs = -1;
	conversation_change_socket(conversation, &passage->ours);
	parked->phase = PHASE_TLS;
	return true;
}

/* Half of the workers may be on their way to tls, the others stand in a line. */
static enum turnstile_verdict
enter(struct conversation *conversation)
{
	return turnstile_enter(&conversation->smtpd->tls_turnstile,
		&conversation->turn, clock_monotonic());
}

static void
leave(struct conversation *conversation)
{
	turnstile_leave(&conversation->smtpd->tls_turnstile,
		clock_monotonic());
}

bool
encryption_begin(struct conversation *conversation)
{
	struct passage passage;
	enum turnstile_verdict verdict = enter(conversation);
	if (verdict == TURNSTILE_WAIT)
		return false;
	bool is_passed = false;
	if (verdict == TURNSTILE_ENTERED) {
		if (passage_open(conversation, &passage)) {
			is_passed = pass(conversation, &passage);
			passage_close(&passage);
		}
		leave(conversation);
	}
	if (!is_passed)
		conversation_leave(conversation, END_TLS, false);
	return true;
}

/* With what it takes in hand: the word to go on, and the socket after it. */
static void
pass_after_word(struct conversation *conversation, struct passage *passage)
{
	struct stream *stream = &conversation->stream;
	struct span rest = stream_unread(stream);
	size_t too_early = rest.size - (span_find(rest, '\n') + 1);
	if (too_early > 0)
		log_event(LOG_WARN, "pipelined-after-starttls",
			&conversation->parked.scope,
			LOG_NUMBER("bytes", too_early));
	conversation_say(conversation, SMTP_REPLY_TLS_READY);
	/* The word must be out before the socket is. */
	stream->deadline = clock_monotonic() + HANDOVER_WAIT;
	if (stream_flush(stream) == STREAM_CLEAN &&
	    pass(conversation, passage))
		conversation_reset(conversation);
	else
		conversation_leave(conversation, END_TLS, false);
}

/*
 * RFC 3207 4: 220, and the handshake begins. Everything said before is
 * forgotten (4.2), and what was sent behind the command in plain is thrown
 * away: it may be another's.
 */
void
encryption_starttls(struct conversation *conversation, struct span argument)
{
	struct passage passage;
	(void)argument;
	if (!encryption_is_offered(conversation)) {
		conversation_say(conversation, SMTP_REPLY_TLS_TWICE);
		return;
	}
	enum turnstile_verdict verdict = enter(conversation);
	if (verdict == TURNSTILE_WAIT)
		return;		/* the line is executed again */
	if (verdict == TURNSTILE_ENTERED &&
	    passage_open(conversation, &passage)) {
		pass_after_word(conversation, &passage);
		passage_close(&passage);
	} else {
		conversation_say(conversation, SMTP_REPLY_TLS_AWAY);
	}
	if (verdict == TURNSTILE_ENTERED)
		leave(conversation);
}

bool
encryption_take_facts(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	struct proxy2 facts;
	size_t consumed;
	switch (proxy2_decode(stream_unread(&conversation->stream), &facts,
	    &consumed)) {
	case PROXY2_MORE:
		return false;
	case PROXY2_BAD:
		log_event(LOG_ERROR, "bad-tls-facts", &parked->scope);
		conversation_leave(conversation, END_TLS, false);
		return true;
	case PROXY2_OK:
		break;
	}
	stream_consume(&conversation->stream, consumed);
	/* The addresses are what they were. */
	facts.client = parked->facts.client;
	facts.local = parked->facts.local;
	parked->facts = facts;
	parked->facts.is_tls = true;
	parked->phase = PHASE_COMMAND;
	if (parked->service == SERVICE_SUBMISSIONS)
		conversation_reply(conversation, SMTP_REPLY_GREETING,
			span_from(conversation->rules->hostname));
	return true;
}

/*
 * Exactly the header is taken off the socket, since the bytes behind it may
 * be for tls. It comes in one piece (proxy-protocol.txt 2).
 */
bool
encryption_take_proxy(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	char header[PROXY2_HEADER_LIMIT];
	struct proxy2 facts;
	size_t consumed;
	int fd = conversation->stream.fd;
	ssize_t n = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
	parked->end = END_PROXY;
	if (n <= 0 || proxy2_decode(span_of(header, (size_t)n), &facts,
	    &consumed) != PROXY2_OK)
		return false;
	if (recv(fd, header, consumed, MSG_DONTWAIT) != (ssize_t)consumed)
		return false;
	parked->end = END_GONE;
	/* A health check of the balancer itself has no addresses. */
	if (facts.client.family != 0) {
		parked->facts.client = facts.client;
		parked->facts.local = facts.local;
	}
	return true;
}
