/*
 * auth-ticket: a mailbox process redeems the tickets of its own accounts, and
 * tells when one of them crosses its quota (ARCHITECTURE.md 2.3).
 */
#include <string.h>

#include "auth/auth.h"
#include "auth/wire.h"
#include "base/clock.h"
#include "base/log.h"

static void
refuse(struct wire_request *request, const char *why)
{
	log_event(LOG_WARN, "ticket-refused", NULL,
		LOG_TEXT("caller", request->wire->caller),
		LOG_NUMBER("instance", request->wire->instance),
		LOG_TEXT("why", why));
	wire_answer(request, "FAIL");
	wire_end(request);
}

/* How many processes share the accounts of this kind; 0: each user of the
 * system has his own. */
static unsigned
processes_of(const struct wire_request *request)
{
	return strcmp(request->wire->caller, "mailbox-user") == 0 ? 0 :
		auth_settings()->mailbox_processes;
}

static void
run_redeem(struct wire_request *request)
{
	uint8_t number[TICKET_SIZE];
	struct ticket ticket;
	enum ticket_verdict verdict = TICKET_UNKNOWN;
	if (span_to_hex_bytes(request->fields.field[2], number, TICKET_SIZE))
		verdict = ticket_redeem(auth.tickets, number,
			request->wire->instance,
			processes_of(request),
			clock_monotonic(), &ticket);
	switch (verdict) {
	case TICKET_OK:
		wire_answer(request, "OK");
		wire_add(request, "user", span_from(ticket.user));
		wire_add_id(request, "account", ticket.account);
		wire_add_id(request, "actor", ticket.actor);
		wire_add(request, "service", span_from(ticket.service));
		wire_add_number(request, "quota", ticket.quota);
		if (ticket.is_external)
			wire_add_number(request, "peer", ticket.peer);
		wire_end(request);
		break;
	case TICKET_UNKNOWN:
		refuse(request, "unknown, used or too old");
		break;
	case TICKET_FOREIGN:
		refuse(request, "of an account of another process");
		break;
	}
}

static void
run_quota(struct wire_request *request)
{
	struct error error = { .text = "not an account of yours" };
	struct span state = request->fields.field[3];
	bool is_over = span_equals(state, SPAN("over"));
	uint64_t account;
	if (!span_to_hex_number(request->fields.field[2], &account) ||
		!ticket_is_owner(account, request->wire->instance,
		processes_of(request)) ||
		(!is_over && !span_equals(state, SPAN("under"))) ||
		accounts_set_over(auth.accounts, account, is_over,
		&error) != 0) {
		wire_fail(request, &error);
		return;
	}
	wire_answer(request, "OK");
	wire_end(request);
}

static const struct wire_command commands[] = {
	{ "REDEEM", 3, "mailbox", run_redeem },
	{ "QUOTA", 4, "mailbox", run_quota },
	{ "REDEEM", 3, "mailbox-user", run_redeem },
	{ "QUOTA", 4, "mailbox-user", run_quota },
	{ NULL, 0, NULL, NULL },
};

const struct wire_service wire_ticket = { "auth-ticket", commands, NULL };
