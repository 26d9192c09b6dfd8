#include "login/handoff.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { HANDOFF_WAIT = 5000 };	/* ms to find the mailbox process ready */

static int
give(struct client *client, struct error *error)
{
	struct login *login = client->login;
	enum login_service service = client->protocol->service;
	struct wire_pool *pool = login->mailbox[service][client->account %
		login->processes];
	struct handover handover = { .facts = client->facts,
		.unread = client_unread(client) };
	/* All that was said here must be out before another speaks. */
	client->stream.deadline = clock_monotonic() + HANDOFF_WAIT;
	if (stream_flush(&client->stream) != STREAM_CLEAN)
		return error_set(error, ERROR_TIMEOUT,
			"the client does not read");
	struct wire *wire = wire_take(pool, clock_monotonic() + HANDOFF_WAIT,
		error);
	if (wire == NULL)
		return -1;
	memcpy(handover.ticket, client->ticket, sizeof(handover.ticket));
	memcpy(handover.session, client->scope.session,
		sizeof(handover.session));
	snprintf(handover.tag, sizeof(handover.tag), "%s",
		service == LOGIN_IMAP ? client->tag :
		client->is_utf8 ? "UTF8" : "");
	handover.fds[0] = client->stream.fd;
	handover.fds[1] = -1;
	session_unwatch(&client->session);
	if (handover_send(wire->stream.fd, &handover, error) != 0) {
		wire_drop(&wire);
		return -1;
	}
	client->stream.fd = -1;
	wire_give(&wire);
	return 0;
}

void
handoff(struct client *client)
{
	struct error error;
	if (give(client, &error) == 0) {
		client_leave(client, "logged in");
		return;
	}
	log_event(LOG_WARN, "mailbox-away", &client->scope,
		LOG_TEXT("reason", error.text));
	client->account = 0;
	client->user[0] = '\0';
	client_reply(client, REPLY_HANDOVER);
}
