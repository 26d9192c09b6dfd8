/*
 * Redeeming tickets. login is not believed: who the client is and which account
 * it may read is what auth says here, to this process alone.
 */
#include "mailbox/ticket.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "serve/tab_call.h"

static bool
take_fields(const struct tabline *fields, const char *service,
	struct ticket *ticket)
{
	struct span user, account, actor, name, quota, peer;
	uint64_t uid = 0;
	if (!tabline_get(fields, 2, "user", &user) ||
		!tabline_get(fields, 2, "account", &account) ||
		!tabline_get(fields, 2, "actor", &actor) ||
		!tabline_get(fields, 2, "service", &name) ||
		!tabline_get(fields, 2, "quota", &quota))
		return false;
	if (!span_equals(name, span_from(service)) || user.size == 0 ||
		user.size >= sizeof(ticket->user) ||
		span_find(user, '\0') < user.size)
		return false;
	memcpy(ticket->user, user.data, user.size);
	ticket->is_external = tabline_get(fields, 2, "peer", &peer);
	if (ticket->is_external && !span_to_number(peer, UINT32_MAX, &uid))
		return false;
	ticket->peer = (uint32_t)uid;
	return span_to_hex_number(account, &ticket->account) &&
		span_to_hex_number(actor, &ticket->actor) &&
		span_to_number(quota, UINT64_MAX, &ticket->quota);
}

enum ticket_verdict
ticket_take_answer(struct span line, const char *service,
	struct ticket *ticket)
{
	struct arena arena;
	struct tabline fields;
	enum ticket_verdict verdict = TICKET_LATER;
	memset(ticket, 0, sizeof(*ticket));
	arena_init(&arena, 0);
	if (tabline_parse(line, &arena, &fields) && fields.count >= 2) {
		if (span_equals(fields.field[0], SPAN("OK")))
			verdict = take_fields(&fields, service, ticket) ?
				TICKET_OK : TICKET_DENIED;
		else if (span_equals(fields.field[0], SPAN("FAIL")))
			verdict = tabline_has(&fields, 2, "temp") ?
				TICKET_LATER : TICKET_DENIED;
	}
	arena_fini(&arena);
	return verdict;
}

/* A socket with a name was accepted by a listener that master bound. The ends of
 * wires have none, and their peer is master: root. */
bool
ticket_fits(const struct ticket *ticket, int fd)
{
	struct sockaddr_un name;
	struct ucred peer;
	socklen_t size = sizeof(name), peer_size = sizeof(peer);
	if (!ticket->is_external)
		return true;
	memset(&name, 0, sizeof(name));
	return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
		name.sun_family == AF_UNIX && name.sun_path[0] == '/' &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer,
		&peer_size) == 0 && peer.uid == ticket->peer;
}

enum ticket_verdict
ticket_ask(struct wire_pool *auth,
	const uint8_t number[HANDOVER_TICKET_SIZE], const char *service,
	struct ticket *ticket, struct error *error)
{
	struct buffer out;
	struct span line;
	enum ticket_verdict verdict = TICKET_LATER;
	struct wire *wire = wire_take(auth, clock_monotonic() + TICKET_WAIT,
		error);
	if (wire == NULL)
		return TICKET_LATER;
	buffer_init(&out, 0);
	buffer_add_string(&out, "REDEEM\t1\t");
	buffer_add_hex(&out, span_of(number, HANDOVER_TICKET_SIZE));
	tabline_end(&out);
	if (tab_call_send(wire, buffer_span(&out), error) == 0 &&
		tab_call_read(wire, &line, error) == 0) {
		verdict = ticket_take_answer(line, service, ticket);
		error_set(error, ERROR_REFUSED, "the ticket is not valid");
		wire_give(&wire);
	} else {
		wire_drop(&wire);
	}
	buffer_fini(&out);
	return verdict;
}
