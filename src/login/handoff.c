#include "login/handoff.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/account_id.h"

enum { HANDOFF_WAIT = 5000 };	/* ms to find the mailbox process ready */

/* On the wire, which stays the caller's. */
static int
send_over(struct client *client, struct wire *wire, struct error *error)
{
	enum login_service service = client->protocol->service;
	struct handover handover = { .facts = client->facts,
		.unread = client_unread(client) };
	memcpy(handover.ticket, client->ticket, sizeof(handover.ticket));
	memcpy(handover.session, client->scope.session,
		sizeof(handover.session));
	snprintf(handover.tag, sizeof(handover.tag), "%s",
		service == LOGIN_IMAP ? client->tag :
		client->is_utf8 ? "UTF8" : "");
	handover.fds[0] = client->stream.fd;
	handover.fds[1] = -1;
	session_unwatch(&client->session);
	if (handover_send(wire->stream.fd, &handover, error) != 0)
		return -1;
	client->stream.fd = -1;
	return 0;
}

static int
give_to(struct client *client, struct wire_pool *pool, struct error *error)
{
	struct wire *wire = wire_take(pool, clock_monotonic() + HANDOFF_WAIT,
		error);
	if (wire == NULL)
		return -1;
	int result = send_over(client, wire, error);
	if (result == 0)
		wire_give(&wire);
	else
		wire_drop(&wire);
	return result;
}

/*
 * A wire of its own: as long as it is on its way the user's process does not
 * end, so that nobody is handed over to one that has just said that it has
 * nothing to do.
 */
static int
give_to_owner(struct client *client, struct error *error)
{
	static const char *const wires[] = { "user-imap", "user-pop3" };
	struct login *login = client->login;
	struct wire_pool *pool = wire_pool_new(login->lot,
		wires[client->protocol->service],
		account_id_uid(client->account));
	wire_pool_share(pool, &login->owners);
	int result = give_to(client, pool, error);
	wire_pool_free(&pool);
	return result;
}

static int
give(struct client *client, struct error *error)
{
	struct login *login = client->login;
	/* All that was said here must be out before another speaks. */
	client->stream.deadline = clock_monotonic() + HANDOFF_WAIT;
	if (stream_flush(&client->stream) != STREAM_CLEAN)
		return error_set(error, ERROR_TIMEOUT,
			"the client does not read");
	if (account_id_is_system(client->account))
		return give_to_owner(client, error);
	return give_to(client, login->mailbox[client->protocol->service]
		[client->account % login->processes], error);
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
