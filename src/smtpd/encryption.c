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

/* Gives *plain (one end of a pair) and the stranger's socket to tls. */
static int
send_to_tls(struct conversation *conversation, int *pair_end,
	struct error *error)
{
	struct smtp_parked *parked = &conversation->parked;
	struct handover handover = { .facts = parked->facts };
	struct wire *wire = wire_take(conversation->smtpd->tls,
		clock_monotonic() + HANDOVER_WAIT, error);
	if (wire == NULL)
		return -1;
	_Static_assert(sizeof(handover.session) ==
		sizeof(parked->scope.session), "ids of one size");
	memcpy(handover.session, parked->scope.session,
		sizeof(handover.session));
	handover.fds[0] = conversation->stream.fd;
	handover.fds[1] = *pair_end;
	session_unwatch(&conversation->session);
	if (handover_send(wire->stream.fd, &handover, error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	conversation->stream.fd = *pair_end = -1;
	wire_give(&wire);
	return 0;
}

bool
encryption_begin(struct conversation *conversation)
{
	struct error error;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair) < 0) {
		error_set_errno(&error, "making a socket pair");
		pair[0] = pair[1] = -1;
	} else if (send_to_tls(conversation, &pair[1], &error) == 0) {
		conversation_change_socket(conversation, &pair[0]);
		conversation->parked.phase = PHASE_TLS;
		return true;
	}
	log_event(LOG_WARN, "tls-away", &conversation->parked.scope,
		LOG_TEXT("reason", error.text));
	file_close(&pair[0]);
	file_close(&pair[1]);
	return false;
}

/*
 * RFC 3207 4: 220, and the handshake begins. Everything said before is
 * forgotten (4.2), and what was sent behind the command in plain is thrown
 * away: it may be another's.
 */
void
encryption_starttls(struct conversation *conversation, struct span argument)
{
	struct stream *stream = &conversation->stream;
	struct span rest = stream_unread(stream);
	(void)argument;
	if (!encryption_is_offered(conversation)) {
		conversation_say(conversation, SMTP_REPLY_TLS_TWICE);
		return;
	}
	size_t too_early = rest.size - (span_find(rest, '\n') + 1);
	if (too_early > 0)
		log_event(LOG_WARN, "pipelined-after-starttls",
			&conversation->parked.scope,
			LOG_NUMBER("bytes", too_early));
	conversation_say(conversation, SMTP_REPLY_TLS_READY);
	/* The word must be out before the socket is. */
	stream->deadline = clock_monotonic() + HANDOVER_WAIT;
	if (stream_flush(stream) != STREAM_CLEAN ||
	    !encryption_begin(conversation)) {
		conversation_leave(conversation, END_TLS, false);
		return;
	}
	conversation_reset(conversation);
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
