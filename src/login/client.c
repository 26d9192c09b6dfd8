/*
 * The loop of one client before its login. Whole commands are executed one
 * after the other on a worker; whoever is slow is parked, reading or writing,
 * and never owns a thread.
 */
#include "login/client.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "login/dialog.h"
#include "login/secure.h"
#include "serve/counter.h"

enum {
	WRITE_WAIT = 5000,	/* ms for a client to read its replies, at once */
	DRAIN_WAIT = 2000,	/* ms for it to read the last word */
	TURNS = 4,		/* reads before others have a turn */
};

/* ---- replies ---- */

static const struct {
	const char *imap, *pop3, *text;
} replies[REPLY_COUNT] = {
#define REPLY_ROW(id, imap, pop3, text) { imap, pop3, text },
	REPLY_LIST(REPLY_ROW)
#undef REPLY_ROW
};

void
client_reply(struct client *client, enum reply reply)
{
	bool is_imap = client->protocol->service == LOGIN_IMAP;
	const char *status = is_imap ? replies[reply].imap :
		replies[reply].pop3;
	if (status == NULL)
		return;
	if (is_imap && status[0] != '*')
		stream_print(&client->stream, "%s ", client->tag[0] == '\0' ?
			"*" : client->tag);
	stream_print(&client->stream, "%s %s\r\n", status,
		replies[reply].text);
}

void
client_print(struct client *client, const char *format, ...)
{
	struct buffer text;
	va_list list;
	buffer_init(&text, 0);
	va_start(list, format);
	buffer_print_list(&text, format, list);
	va_end(list);
	stream_add(&client->stream, buffer_span(&text));
	buffer_fini(&text);
}

void
client_leave(struct client *client, const char *why)
{
	if (client->is_leaving)
		return;
	client->is_leaving = true;
	client->end = why;
}

void
client_bad(struct client *client, enum reply reply)
{
	client_reply(client, reply);
	if (++client->bad < LOGIN_BAD_LIMIT)
		return;
	client_reply(client, REPLY_TOO_MANY_BAD);
	client_leave(client, "too many bad commands");
}

/* ---- what came in ---- */

struct span
client_unread(const struct client *client)
{
	return span_skip(buffer_span(&client->in), client->in_start);
}

void
client_consume(struct client *client, size_t n)
{
	client->in_start += n;
}

bool
client_next_line(struct client *client, size_t limit, struct span *line,
	bool *is_too_long)
{
	for (;;) {
		size_t consumed;
		enum line_verdict verdict = line_next(client_unread(client),
			limit, line, &consumed);
		if (verdict == LINE_MORE)
			return false;
		client_consume(client, consumed);
		if (verdict == LINE_TOO_LONG) {
			client->is_skipping = true;
			continue;
		}
		/* A LF alone ends a line too: people type these protocols. */
		*is_too_long = client->is_skipping;
		client->is_skipping = false;
		return true;
	}
}

/* What was executed goes; what is left stays small. */
static void
compact(struct client *client)
{
	buffer_shift(&client->in, client->in_start);
	client->in_start = 0;
	if (client->in.size == 0)
		buffer_fini(&client->in);
}

static int
fill(struct client *client)
{
	int n = stream_fill(&client->stream);
	compact(client);
	if (n > 0) {
		struct span bytes = stream_unread(&client->stream);
		buffer_add(&client->in, bytes);
		stream_consume(&client->stream, bytes.size);
	}
	return n;
}

void
client_change_socket(struct client *client, int *fd)
{
	stream_fini(&client->stream);
	stream_init(&client->stream, fd);
	client->session.fd = client->stream.fd;
	client->in_start = client->in.size;
}

/* ---- parking ---- */

static int64_t
deadline_of(const struct client *client)
{
	int64_t end = client->began + client->rules->timeout;
	if (client->is_in_line && client->turn.deadline < end)
		return client->turn.deadline;
	return client->phase == CLIENT_PENALTY || client->phase ==
		CLIENT_DRAIN ? client->release : end;
}

/* Closing with bytes unread would reset the connection and lose what was said
 * last. */
static enum session_next
part(struct client *client)
{
	if (client->stream.fd < 0 || client->phase == CLIENT_TLS)
		return SESSION_CLOSE;
	shutdown(client->stream.fd, SHUT_WR);
	client->phase = CLIENT_DRAIN;
	client->release = clock_monotonic() + DRAIN_WAIT;
	client->session.deadline = client->release;
	buffer_fini(&client->in);
	client->in_start = 0;
	stream_shrink(&client->stream);
	return SESSION_PARK;
}

/* What it sends meanwhile waits in the kernel; its end is told. */
static enum session_next
park_deaf(struct client *client)
{
	client->session.interest = 0;
	return SESSION_PARK_AS_SET;
}

static enum session_next
park(struct client *client)
{
	if (client->stream.fd < 0)
		return SESSION_CLOSE;	/* the mailbox has it */
	client->stream.deadline = clock_monotonic() + WRITE_WAIT;
	switch (stream_flush(&client->stream)) {
	case STREAM_CLEAN:
		break;
	case STREAM_PENDING:
		client->is_writing = true;
		client->session.deadline = deadline_of(client);
		return SESSION_PARK_WRITE;
	case STREAM_BROKEN:
		client_leave(client, "connection broken");
		return SESSION_CLOSE;
	}
	client->is_writing = false;
	if (client->is_leaving)
		return part(client);
	compact(client);
	stream_shrink(&client->stream);
	client->session.deadline = deadline_of(client);
	return client->phase == CLIENT_PENALTY || client->is_in_line ?
		park_deaf(client) : SESSION_PARK;
}

/* ---- the loop ---- */

static bool
next_unit(struct client *client)
{
	switch (client->phase) {
	case CLIENT_OPENING:
		return secure_begin(client);
	case CLIENT_TLS:
		return secure_take_facts(client);
	case CLIENT_COMMAND:
		return client->protocol->next(client);
	case CLIENT_SASL:
		return dialog_next(client);
	case CLIENT_PROXY:
	case CLIENT_PENALTY:
	case CLIENT_DRAIN:
		break;
	}
	return false;
}

static void
execute(struct client *client)
{
	while (!client->is_leaving && client->stream.fd >= 0 &&
		next_unit(client))
		continue;
}

/* What was read is executed before it parks, the last time too. */
static enum session_next
converse(struct client *client, bool may_read)
{
	client->is_in_line = false;
	execute(client);
	for (int turn = 0; turn < TURNS; turn++) {
		if (!may_read || client->is_leaving ||
			client->stream.fd < 0 || client->is_in_line ||
			client->phase == CLIENT_PENALTY)
			break;
		int n = fill(client);
		if (n == -1)
			break;
		if (n <= 0) {
			client_leave(client, client->phase == CLIENT_TLS ?
				"no TLS" : "client closed");
			return SESSION_CLOSE;
		}
		execute(client);
	}
	return park(client);
}

static enum session_next
drain(struct client *client)
{
	for (int turn = 0; turn < TURNS; turn++) {
		int n = stream_fill(&client->stream);
		if (n == 0 || n == -2)
			return SESSION_CLOSE;
		stream_consume(&client->stream,
			stream_unread(&client->stream).size);
		if (n == -1)
			break;
	}
	stream_shrink(&client->stream);
	return SESSION_PARK;
}

/* ---- beginning ---- */

static bool
is_within_limits(struct client *client)
{
	struct login *login = client->login;
	enum login_service service = client->protocol->service;
	const struct network_address *address = &client->facts.client;
	if (lot_session_count(login->lot) > LOGIN_CLIENT_LIMIT)
		return false;
	if (login_is_exempt(client->rules, address))
		return true;
	client->is_counted = limit_connection_enter(login->limits[service],
		address, client->rules->connections[service]);
	return client->is_counted;
}

/* The client's address is known; what comes first on this port? */
static void
open_up(struct client *client)
{
	client->phase = CLIENT_COMMAND;
	if (!is_within_limits(client)) {
		counter_add(COUNTER_SESSIONS_REFUSED, 1);
		/* Who expects TLS cannot read a sentence. */
		if (!client->is_tls_first)
			client_reply(client, REPLY_TOO_MANY_CLIENTS);
		client_leave(client, "too many clients");
	} else if (!client->is_tls_first) {
		client->protocol->greet(client);
	} else {
		client->phase = CLIENT_OPENING;
	}
}

static void
start(struct client *client)
{
	if (client->facts.client.family != AF_UNIX && network_list_contains(
		span_from(client->rules->proxy_networks),
		&client->facts.client))
		client->phase = CLIENT_PROXY;
	else
		open_up(client);
}

static enum session_next
expire(struct client *client)
{
	switch (client->phase) {
	case CLIENT_PENALTY:
		client->phase = CLIENT_COMMAND;
		dialog_reply_failure(client, client->pending);
		return converse(client, false);
	case CLIENT_OPENING:
	case CLIENT_COMMAND:
	case CLIENT_SASL:
		if (client->is_in_line) {
			turnstile_expire(&client->turn, clock_monotonic());
			return converse(client, false);
		}
		if (client->is_writing)
			break;
		client_reply(client, REPLY_TOO_SLOW);
		client_leave(client, "too slow");
		return park(client);
	case CLIENT_PROXY:
	case CLIENT_TLS:
		client_leave(client, "no TLS");
		break;
	case CLIENT_DRAIN:
		break;
	}
	return SESSION_CLOSE;
}

static enum session_next
read_more(struct client *client)
{
	switch (client->phase) {
	case CLIENT_DRAIN:
		return drain(client);
	case CLIENT_PENALTY:
		/* Only the end of the connection is told then. */
		client_leave(client, "client closed");
		return SESSION_CLOSE;
	case CLIENT_PROXY:
		if (!secure_take_proxy(client)) {
			client_leave(client, "no PROXY header");
			return SESSION_CLOSE;
		}
		open_up(client);
		return converse(client, false);
	case CLIENT_OPENING:
	case CLIENT_TLS:
	case CLIENT_COMMAND:
	case CLIENT_SASL:
		break;
	}
	if (client->is_in_line) {
		client_leave(client, "client closed");
		return SESSION_CLOSE;
	}
	return converse(client, true);
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct client *client = (struct client *)session;
	switch (event) {
	case SESSION_START:
		start(client);
		return converse(client, false);
	case SESSION_READABLE:
		return read_more(client);
	case SESSION_WRITABLE:
		return client->phase == CLIENT_DRAIN ? SESSION_CLOSE :
			converse(client, false);
	case SESSION_DEADLINE:
		return expire(client);
	case SESSION_STOP:
		if (client->phase == CLIENT_COMMAND ||
			client->phase == CLIENT_SASL)
			client_reply(client, REPLY_STOPPING);
		client_leave(client, "stopping");
		stream_flush(&client->stream);
		return SESSION_CLOSE;
	case SESSION_NUDGE:
		return converse(client, true);
	}
	return SESSION_PARK;
}

/* ---- end ---- */

static void
log_end(const struct client *client)
{
	char address[NETWORK_TEXT_SIZE];
	if (!log_is_on(LOG_INFO))
		return;
	network_address_format(&client->facts.client, address);
	log_event(LOG_INFO, "login", &client->scope,
		LOG_TEXT("service", client->protocol->name),
		LOG_TEXT("client", address),
		LOG_TEXT("tls", client->facts.is_tls ?
			client->facts.tls_version : "no"),
		LOG_TEXT("user", client->account != 0 ? client->user : ""),
		LOG_NUMBER("failures", client->failures),
		LOG_NUMBER("ms", clock_monotonic() - client->began),
		LOG_TEXT("end", client->end));
}

static void
client_free(struct session **session)
{
	struct client *client = (struct client *)*session;
	turnstile_withdraw(&client->turn, clock_monotonic());
	sasl_call_cancel(client->login->sasl, &client->sasl);
	log_end(client);
	if (client->is_counted)
		limit_connection_leave(
			client->login->limits[client->protocol->service],
			&client->facts.client);
	stream_fini(&client->stream);
	buffer_fini(&client->in);
	imap_frame_fini(&client->frame);
	explicit_bzero(client->ticket, sizeof(client->ticket));
	memory_free(client);
	*session = NULL;
}

static const struct session_type client_type = { "login", run, client_free };

void
client_accept(struct login *login, const struct protocol *protocol,
	bool is_tls_first, struct incoming *incoming)
{
	struct client *new = memory_new(sizeof(*new));
	new->login = login;
	new->rules = atomic_load(&login->rules);
	new->protocol = protocol;
	new->is_tls_first = is_tls_first;
	new->began = clock_monotonic();
	new->end = "stopping";
	new->facts.client = incoming->client;
	new->facts.local = incoming->local;
	buffer_init(&new->in, 0);
	imap_frame_init(&new->frame);
	log_id_new(new->scope.session);
	stream_init(&new->stream, &incoming->fd);
	new->session = (struct session){ .type = &client_type,
		.fd = new->stream.fd, .second_fd = -1,
		.deadline = new->began + new->rules->timeout };
	lot_add(login->lot, &new->session);
}
