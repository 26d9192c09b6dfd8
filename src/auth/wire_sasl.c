/*
 * auth-sasl: Dovecot's authentication client protocol 1.2, from smtpd and
 * login (ARCHITECTURE.md 2.1).
 */
#include <string.h>
#include <unistd.h>

#include "auth/exchange.h"
#include "auth/wire.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/random.h"

static void
greet(struct buffer *out)
{
	static atomic_uint connections;
	const struct settings *settings = auth_settings();
	uint8_t cookie[16];
	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++) {
		bool is_plaintext = i == SASL_PLAIN || i == SASL_LOGIN;
		if (i == SASL_EXTERNAL) {
			buffer_add_string(out, "MECH\tEXTERNAL\tlocal\n");
			continue;
		}
		/* Clients take the strongest that is named and do not fall
		 * back: it must work for all. */
		if (!settings->offers[i] || (!is_plaintext &&
			!settings->is_chosen &&
			!accounts_have_keys(auth.accounts)))
			continue;
		buffer_print(out, "MECH\t%s\t%s\n",
			sasl_mechanism_name((enum sasl_mechanism)i),
			is_plaintext ? "plaintext" : "mutual-auth");
	}
	random_bytes(cookie, sizeof(cookie));
	buffer_print(out, "SPID\t%d\nCUID\t%u\nCOOKIE\t", (int)getpid(),
		atomic_fetch_add(&connections, 1) + 1);
	buffer_add_hex(out, span_of(cookie, sizeof(cookie)));
	buffer_add_string(out, "\nDONE\n");
}

static bool
read_key(const struct wire_request *request, struct exchange_key *key)
{
	uint64_t id;
	if (!span_to_number(request->fields.field[1], UINT32_MAX, &id))
		return false;
	*key = (struct exchange_key){ request->wire->caller,
		request->wire->process, (uint32_t)id };
	return true;
}

/* ---- answers ---- */

static void
add_base64(struct wire_request *request, const char *key, struct span bytes)
{
	struct buffer text;
	buffer_init(&text, 0);
	base64_encode(&text, bytes);
	if (key != NULL)
		wire_add(request, key, buffer_span(&text));
	else
		tabline_add(request->out, buffer_span(&text));
	buffer_fini(&text);
}

static void
fail(struct wire_request *request, const struct exchange_result *result)
{
	wire_answer(request, "FAIL");
	if (result->user.size > 0)
		wire_add(request, "user", result->user);
	if (result->is_temporary)
		tabline_add(request->out, SPAN("temp"));
	if (result->reason != NULL)
		wire_add(request, "reason", span_from(result->reason));
	if (result->code != NULL)
		wire_add(request, "code", span_from(result->code));
	if (result->delay > 0)
		wire_add_number(request, "delay", (uint64_t)result->delay);
	wire_end(request);
}

static void
succeed(struct wire_request *request, struct exchange_result *result)
{
	const struct account *account = &result->account;
	bool needs_ticket = strcmp(result->service, "imap") == 0 ||
		strcmp(result->service, "pop3") == 0;
	struct ticket ticket = { .account = account->id, .actor = account->id,
		.quota = account->quota, .is_external = result->is_external,
		.peer = result->peer };
	uint8_t number[TICKET_SIZE];
	memcpy(ticket.service, result->service, sizeof(ticket.service));
	memcpy(ticket.user, account->address, sizeof(ticket.user));
	if (needs_ticket && !ticket_issue(auth.tickets, &ticket,
		clock_monotonic(), number)) {
		result->is_temporary = true;
		result->code = "busy";
		result->reason = "Too many logins at once, try again later";
		fail(request, result);
		return;
	}
	wire_answer(request, "OK");
	wire_add(request, "user", span_from(account->address));
	wire_add_id(request, "account", account->id);
	if (result->has_challenge)
		add_base64(request, "resp", result->challenge);
	if (needs_ticket) {
		buffer_add_string(request->out, "\tticket=");
		buffer_add_hex(request->out, span_of(number, sizeof(number)));
	}
	wire_end(request);
}

static void
answer(struct wire_request *request, struct exchange_result *result)
{
	switch (result->outcome) {
	case EXCHANGE_CONTINUE:
		wire_answer(request, "CONT");
		add_base64(request, NULL, result->challenge);
		wire_end(request);
		break;
	case EXCHANGE_OK:
		succeed(request, result);
		break;
	case EXCHANGE_FAIL:
		fail(request, result);
		break;
	}
}

static void
refuse(struct wire_request *request)
{
	fail(request, &(struct exchange_result){
		.reason = "The response is not base64", .code = "syntax" });
}

/* ---- requests ---- */

static bool
decode(struct wire_request *request, struct span text, struct span *bytes)
{
	struct buffer decoded;
	buffer_init(&decoded, SASL_MESSAGE_LIMIT);
	bool ok = base64_decode(&decoded, text) &&
		!buffer_is_overrun(&decoded);
	if (ok)
		*bytes = arena_copy(request->arena, buffer_span(&decoded));
	if (decoded.size > 0)
		explicit_bzero(decoded.data, decoded.size);
	buffer_fini(&decoded);
	return ok;
}

static void
read_address(const struct wire_request *request, const char *key,
	struct network_address *address)
{
	struct span text = wire_get(request, key);
	if (span_equals(text, SPAN("local")))
		*address = (struct network_address){ .family = AF_UNIX,
			.uid = NETWORK_NO_UID };
	else if (!network_address_parse(text, address))
		*address = (struct network_address){ .family = 0 };
}

static uint8_t
read_binding(const struct wire_request *request, const char *key,
	uint8_t *out, size_t room)
{
	struct span hex = wire_get(request, key);
	size_t size = hex.size / 2;
	return size <= room && span_to_hex_bytes(hex, out, size) ?
		(uint8_t)size : 0;
}

static void
run_auth(struct wire_request *request)
{
	struct exchange_key key;
	struct exchange_result result;
	struct exchange_start start = {
		.mechanism = request->fields.field[2],
		.service = wire_get(request, "service"),
		.has_response = wire_has(request, "resp"),
	};
	struct proxy2 *facts = &start.facts;
	uint64_t uid;
	if (!read_key(request, &key) || (start.has_response &&
		!decode(request, wire_get(request, "resp"),
		&start.response))) {
		refuse(request);
		return;
	}
	facts->is_tls = span_equals(wire_get(request, "secured"), SPAN("tls"));
	read_address(request, "rip", &facts->client);
	read_address(request, "lip", &facts->local);
	if (facts->client.family == AF_UNIX && span_to_number(
		wire_get(request, "uid"), NETWORK_NO_UID, &uid))
		facts->client.uid = (uint32_t)uid;
	facts->binding_exporter_size = read_binding(request, "cbind-exporter",
		facts->binding_exporter, sizeof(facts->binding_exporter));
	facts->binding_end_point_size = read_binding(request,
		"cbind-end-point", facts->binding_end_point,
		sizeof(facts->binding_end_point));
	exchange_begin(&key, &start, request->arena, &result);
	answer(request, &result);
}

static void
run_cont(struct wire_request *request)
{
	struct exchange_key key;
	struct exchange_result result;
	struct span response = { NULL, 0 };
	bool ok = read_key(request, &key);
	if (!ok || (request->fields.count > 2 && !decode(request,
		request->fields.field[2], &response))) {
		if (ok)
			exchange_cancel(&key);
		refuse(request);
		return;
	}
	exchange_continue(&key, response, request->arena, &result);
	answer(request, &result);
}

/* No answer. */
static void
run_cancel(struct wire_request *request)
{
	struct exchange_key key;
	if (read_key(request, &key))
		exchange_cancel(&key);
}

static const struct wire_command commands[] = {
	{ "AUTH", 3, NULL, run_auth },
	{ "CONT", 2, NULL, run_cont },
	{ "CANCEL", 2, NULL, run_cancel },
	{ NULL, 0, NULL, NULL },
};

const struct wire_service wire_sasl = { "auth-sasl", commands, greet };
