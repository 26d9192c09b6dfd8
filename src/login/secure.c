/*
 * Giving a connection to tls, and going on with the plain end. Runs in login.
 */
#include "login/secure.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"

enum { TAKE_WAIT = 3000, SAY_WAIT = 3000 };	/* ms */

bool
secure_is_possible(const struct client *client)
{
	return !client->facts.is_tls &&
		client->facts.client.family != AF_UNIX;
}

/* Over the wire go the stranger's socket and one end of a pair. */
static int
give(struct client *client, struct wire *wire, struct error *error)
{
	struct handover handover = { .facts = client->facts };
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) < 0)
		return error_set_errno(error, "making a socket pair");
	_Static_assert(sizeof(handover.session) ==
		sizeof(client->scope.session), "ids of one size");
	memcpy(handover.session, client->scope.session,
		sizeof(handover.session));
	handover.fds[0] = client->stream.fd;
	handover.fds[1] = pair[1];
	session_unwatch(&client->session);
	if (handover_send(wire->stream.fd, &handover, error) != 0) {
		file_close(&pair[0]);
		file_close(&pair[1]);
		return -1;
	}
	client->stream.fd = -1;
	client_change_socket(client, &pair[0]);
	client->phase = CLIENT_TLS;
	return 0;
}

static struct wire *
take_wire(struct client *client)
{
	struct error error;
	struct wire *wire = wire_set_take(client->login->tls,
		clock_monotonic() + TAKE_WAIT, &error);
	if (wire == NULL)
		log_event(LOG_WARN, "tls-away", &client->scope,
			LOG_TEXT("reason", error.text));
	return wire;
}

static bool
give_over(struct client *client, struct wire **wire)
{
	struct error error;
	if (give(client, *wire, &error) == 0) {
		wire_give(wire);
		return true;
	}
	log_event(LOG_WARN, "tls-away", &client->scope,
		LOG_TEXT("reason", error.text));
	wire_drop(wire);
	return false;
}

/* As at auth: half of the workers may be here, the others stand in a line. */
static enum turnstile_verdict
enter(struct client *client)
{
	client->turn.session = &client->session;
	enum turnstile_verdict verdict = turnstile_enter(
		&client->login->tls_turnstile, &client->turn,
		clock_monotonic());
	client->is_in_line = verdict == TURNSTILE_WAIT;
	return verdict;
}

static void
leave(struct client *client)
{
	turnstile_leave(&client->login->tls_turnstile, clock_monotonic());
}

bool
secure_begin(struct client *client)
{
	enum turnstile_verdict verdict = enter(client);
	if (verdict == TURNSTILE_WAIT)
		return false;
	bool is_given = false;
	if (verdict == TURNSTILE_ENTERED) {
		struct wire *wire = take_wire(client);
		is_given = wire != NULL && give_over(client, &wire);
		leave(client);
	}
	if (!is_given)
		client_leave(client, "tls away");
	return true;
}

/* With a wire to tls: the word to go on, and the socket after it. */
static void
give_after_word(struct client *client, const char *ready, struct wire **wire)
{
	/* What came behind the command may be another's words: thrown away
	 * (RFC 9051 6.2.1). client_change_socket does it. */
	size_t too_early = client_unread(client).size;
	if (too_early > 0)
		log_event(LOG_WARN, "pipelined-after-starttls", &client->scope,
			LOG_NUMBER("bytes", too_early));
	client_print(client, "%s", ready);
	/* The word must be out before the socket is. */
	client->stream.deadline = clock_monotonic() + SAY_WAIT;
	if (stream_flush(&client->stream) != STREAM_CLEAN) {
		wire_drop(wire);
		client_leave(client, "connection broken");
	} else if (!give_over(client, wire)) {
		client_leave(client, "tls away");
	}
}

void
secure_start(struct client *client, const char *ready)
{
	struct wire *wire = NULL;
	if (!secure_is_possible(client)) {
		client_bad(client, REPLY_TLS_TWICE);
		return;
	}
	enum turnstile_verdict verdict = enter(client);
	if (verdict == TURNSTILE_WAIT)
		return;		/* the command is executed again */
	if (verdict == TURNSTILE_ENTERED)
		wire = take_wire(client);
	if (wire == NULL)
		client_reply(client, REPLY_TLS_AWAY);
	else
		give_after_word(client, ready, &wire);
	if (verdict == TURNSTILE_ENTERED)
		leave(client);
}

bool
secure_take_facts(struct client *client)
{
	struct proxy2 facts;
	size_t consumed;
	switch (proxy2_decode(client_unread(client), &facts, &consumed)) {
	case PROXY2_MORE:
		return false;
	case PROXY2_BAD:
		log_event(LOG_ERROR, "bad-tls-facts", &client->scope);
		client_leave(client, "no TLS");
		return true;
	case PROXY2_OK:
		break;
	}
	client_consume(client, consumed);
	/* The addresses are what they were. */
	facts.client = client->facts.client;
	facts.local = client->facts.local;
	client->facts = facts;
	client->facts.is_tls = true;
	client->phase = CLIENT_COMMAND;
	/* After STARTTLS nothing is said, and nothing said before counts. */
	client->user[0] = '\0';
	client->is_utf8 = false;
	if (client->is_tls_first)
		client->protocol->greet(client);
	return true;
}

/*
 * No byte behind the header is taken, since it may be for tls. The header comes
 * in one piece (proxy-protocol.txt 2).
 */
bool
secure_take_proxy(struct client *client)
{
	char header[PROXY2_HEADER_LIMIT];
	struct proxy2 facts;
	size_t consumed;
	int fd = client->stream.fd;
	ssize_t n = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0 || proxy2_decode(span_of(header, (size_t)n), &facts,
		&consumed) != PROXY2_OK ||
		recv(fd, header, consumed, MSG_DONTWAIT) != (ssize_t)consumed)
		return false;
	/* A health check of the balancer itself has no addresses. */
	if (facts.client.family != 0) {
		client->facts.client = facts.client;
		client->facts.local = facts.local;
	}
	return true;
}
