/*
 * The loop of one client. Requests are answered one after the other in their
 * order (RFC 9112 9.3.2); the next is looked at when the answer before it has
 * been taken.
 */
#include "web/visitor.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "proto/http.h"
#include "serve/counter.h"
#include "serve/stream.h"
#include "serve/tls_accept.h"
#include "web/page.h"
#include "web/path.h"

enum {
	TLS_WAIT = 15000,	/* ms for a handshake */
	IDLE_WAIT = 30000,	/* ms between two requests */
	READ_WAIT = 15000,	/* ms for a request, once it has begun */
	WRITE_WAIT = 30000,	/* ms for an answer to be taken */
	DRAIN_WAIT = 2000,	/* ms to read the last word */
	TURNS = 4,		/* reads before others have a turn */
	DRAIN_LIMIT = 1 << 20,	/* octets thrown away at the end */
	ARENA_LIMIT = 1 << 20,
};

enum phase {
	PHASE_TLS,		/* tls shakes hands; its header comes */
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_DRAIN,		/* the last word is said */
};

struct client {
	struct session session;		/* first */
	struct stream stream;
	struct web *web;
	const struct web_rules *rules;
	struct proxy2 facts;
	struct log_scope scope;
	enum phase phase;
	bool is_tls_first;		/* a port with TLS from the start */
	bool is_counted;		/* in limits */
	bool has_begun;			/* octets of a request have come */
	bool is_leaving;		/* nothing more is read */
	int64_t began, deadline;
	unsigned requests;
	unsigned status;		/* of the last answer */
	const char *end;		/* why it ended, for the log */
	/* PHASE_BODY: the head is kept as it came, and read again. */
	struct buffer head, body;
	struct http_chunks chunks;
	struct buffer out;		/* answers; from out_start not yet taken */
	size_t out_start;
	size_t drained;
};

static void
leave(struct client *client, const char *why)
{
	if (client->is_leaving)
		return;
	client->is_leaving = true;
	client->end = why;
}

static void
set_deadline(struct client *client, int64_t wait)
{
	client->deadline = clock_monotonic() + wait;
}

/* ---- answers ---- */

static bool
is_old_or_ends(const struct client *client, const struct http_request *request)
{
	return !request->is_persistent || client->is_leaving ||
		client->requests >= WEB_REQUEST_LIMIT;
}

/* What the octets could not be read as: said, and the end. */
static void
refuse(struct client *client, unsigned status, const char *why)
{
	struct answer answer = { .status = status };
	buffer_init(&answer.body, 0);
	page_status(&answer, status);
	page_write(&client->out, &answer, false, false, clock_wall() / 1000);
	buffer_fini(&answer.body);
	client->status = status;
	set_deadline(client, WRITE_WAIT);
	leave(client, why);
}

static bool
may_ask(struct client *client)
{
	return web_is_near(client->rules, &client->facts.client) ||
		limit_event(client->web->limits, &client->facts.client,
			LIMIT_REQUESTS, client->rules->requests,
			clock_monotonic());
}

/* example.org. is example.org, said in full (RFC 3986 3.2.2). */
static struct span
host_of(const struct http_request *request, struct arena *arena)
{
	struct span host = request->host;
	if (host.size > 1 && host.data[host.size - 1] == '.')
		host.size--;
	return arena_copy_lower(arena, host);
}

/* The request is whole. */
static void
respond(struct client *client, const struct http_request *request,
	struct span body)
{
	struct arena arena;
	struct answer answer = { .status = 200 };
	arena_init(&arena, ARENA_LIMIT);
	buffer_init(&answer.body, 0);
	struct question question = { .web = client->web,
		.rules = client->rules, .request = request, .body = body,
		.host = host_of(request, &arena),
		.is_tls = client->facts.is_tls,
		.client = &client->facts.client, .arena = &arena };
	counter_add(COUNTER_COMMANDS, 1);
	client->requests++;
	if (!may_ask(client)) {
		counter_add(COUNTER_SESSIONS_REFUSED, 1);
		page_status(&answer, 429);
		leave(client, "too many requests");
	} else if (!path_decode(request->path, &arena, &question.path)) {
		page_status(&answer, HTTP_BAD_REQUEST);
	} else {
		page_answer(&question, &answer);
	}
	bool ends = is_old_or_ends(client, request);
	page_write(&client->out, &answer, request->method == HTTP_HEAD,
		!ends, clock_wall() / 1000);
	log_event(LOG_DEBUG, "request", &client->scope,
		LOG_SPAN("host", request->host),
		LOG_SPAN("path", request->path),
		LOG_NUMBER("status", answer.status));
	client->status = answer.status;
	if (ends)
		leave(client, "done");
	set_deadline(client, WRITE_WAIT);
	buffer_fini(&answer.body);
	arena_fini(&arena);
}

/* ---- requests ---- */

static void
begin_head(struct client *client)
{
	client->phase = PHASE_HEAD;
	client->has_begun = false;
	buffer_fini(&client->head);
	buffer_fini(&client->body);
}

static void
begin_body(struct client *client, const struct http_request *request,
	struct span head)
{
	client->phase = PHASE_BODY;
	client->chunks = (struct http_chunks){ .place = HTTP_CHUNK_SIZE };
	buffer_init(&client->body, WEB_BODY_LIMIT);
	buffer_add(&client->head, head);
	set_deadline(client, READ_WAIT);
	if (request->wants_continue)
		buffer_add_string(&client->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Each of these is true when it got further. */
static bool
take_head(struct client *client)
{
	struct http_request request;
	size_t consumed;
	struct span unread = stream_unread(&client->stream);
	if (unread.size > 0 && !client->has_begun) {
		client->has_begun = true;
		set_deadline(client, READ_WAIT);
	}
	enum http_status status = http_read_head(unread, &request, &consumed);
	if (status == HTTP_MORE)
		return false;
	if (status == HTTP_OK && request.length > WEB_BODY_LIMIT)
		status = HTTP_CONTENT_TOO_LARGE;
	if (status != HTTP_OK) {
		refuse(client, status, "a request that cannot be read");
		return true;
	}
	if (request.is_chunked || request.length > 0) {
		begin_body(client, &request, span_first(unread, consumed));
	} else {
		respond(client, &request, span_of("", 0));
		client->has_begun = false;
	}
	stream_consume(&client->stream, consumed);
	return true;
}

static enum http_status
take_octets(struct client *client, const struct http_request *request)
{
	size_t consumed;
	enum http_status status = HTTP_OK;
	struct span unread = stream_unread(&client->stream);
	if (request->is_chunked) {
		status = http_take_chunks(&client->chunks, unread, &consumed,
			&client->body);
	} else {
		struct span piece = span_first(unread,
			request->length - client->body.size);
		buffer_add(&client->body, piece);
		consumed = piece.size;
		if (client->body.size < request->length)
			status = HTTP_MORE;
	}
	stream_consume(&client->stream, consumed);
	return status;
}

static bool
take_body(struct client *client)
{
	struct http_request request;
	size_t consumed;
	http_read_head(buffer_span(&client->head), &request, &consumed);
	enum http_status status = take_octets(client, &request);
	if (status == HTTP_MORE)
		return false;
	if (status == HTTP_OK)
		respond(client, &request, buffer_span(&client->body));
	else
		refuse(client, status, "a body that cannot be read");
	begin_head(client);
	return true;
}

/* The header of tls; the addresses are what they were. */
static bool
take_facts(struct client *client)
{
	struct proxy2 facts;
	size_t consumed;
	switch (proxy2_decode(stream_unread(&client->stream), &facts,
	    &consumed)) {
	case PROXY2_MORE:
		return false;
	case PROXY2_BAD:
		log_event(LOG_ERROR, "bad-tls-facts", &client->scope);
		leave(client, "no TLS");
		return true;
	case PROXY2_OK:
		break;
	}
	stream_consume(&client->stream, consumed);
	facts.client = client->facts.client;
	facts.local = client->facts.local;
	client->facts = facts;
	client->facts.is_tls = true;
	set_deadline(client, READ_WAIT);
	begin_head(client);
	return true;
}

static bool
take_unit(struct client *client)
{
	switch (client->phase) {
	case PHASE_TLS:
		return take_facts(client);
	case PHASE_HEAD:
		return take_head(client);
	case PHASE_BODY:
		return take_body(client);
	case PHASE_DRAIN:
		break;
	}
	return false;
}

/* ---- writing ---- */

enum written { WRITTEN_ALL, WRITTEN_SOME, WRITTEN_BROKEN };

static enum written
write_out(struct client *client)
{
	while (client->out_start < client->out.size) {
		ssize_t n = send(client->stream.fd,
			client->out.data + client->out_start,
			client->out.size - client->out_start,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			client->out_start += (size_t)n;
			counter_add(COUNTER_BYTES_OUT, n);
		} else if (errno == EAGAIN) {
			return WRITTEN_SOME;
		} else if (errno != EINTR) {
			return WRITTEN_BROKEN;
		}
	}
	if (client->out_start > 0 && client->phase == PHASE_HEAD)
		set_deadline(client, IDLE_WAIT);
	buffer_fini(&client->out);
	client->out_start = 0;
	return WRITTEN_ALL;
}

/* ---- the loop ---- */

static enum session_next
park(struct client *client, enum session_next how)
{
	stream_shrink(&client->stream);
	client->session.deadline = client->deadline;
	return how;
}

/* Closing with octets unread would reset the connection and lose what was said
 * last (RFC 9112 9.6). */
static enum session_next
part(struct client *client)
{
	if (client->phase == PHASE_TLS)
		return SESSION_CLOSE;
	shutdown(client->stream.fd, SHUT_WR);
	client->phase = PHASE_DRAIN;
	set_deadline(client, DRAIN_WAIT);
	stream_consume(&client->stream, stream_unread(&client->stream).size);
	return park(client, SESSION_PARK);
}

static enum session_next
drain(struct client *client)
{
	for (int turn = 0; turn < TURNS; turn++) {
		int n = stream_fill(&client->stream);
		size_t size = stream_unread(&client->stream).size;
		stream_consume(&client->stream, size);
		client->drained += size;
		if (n == 0 || n == -2 || client->drained > DRAIN_LIMIT)
			return SESSION_CLOSE;
		if (n == -1)
			break;
	}
	return park(client, SESSION_PARK);
}

/* Whole requests are answered before it parks; but not before what was
 * answered has been taken. */
static enum session_next
converse(struct client *client)
{
	for (int turn = 0; ;) {
		switch (write_out(client)) {
		case WRITTEN_SOME:
			return park(client, SESSION_PARK_WRITE);
		case WRITTEN_BROKEN:
			leave(client, "connection broken");
			return SESSION_CLOSE;
		case WRITTEN_ALL:
			break;
		}
		if (client->is_leaving)
			return part(client);
		if (take_unit(client))
			continue;
		if (turn++ == TURNS)
			return park(client, SESSION_PARK);
		int n = stream_fill(&client->stream);
		if (n == -1)
			return park(client, SESSION_PARK);
		if (n <= 0) {
			leave(client, client->phase == PHASE_TLS ? "no TLS" :
				"client closed");
			return SESSION_CLOSE;
		}
	}
}

/* ---- beginning and end ---- */

static bool
is_within_limits(struct client *client)
{
	const struct network_address *address = &client->facts.client;
	if (lot_session_count(client->web->lot) > WEB_CLIENT_LIMIT)
		return false;
	if (web_is_near(client->rules, address))
		return true;
	client->is_counted = limit_connection_enter(client->web->limits,
		address, client->rules->connections);
	return client->is_counted;
}

/* False: it ends without a word, since words cost more than connections. */
static bool
start(struct client *client)
{
	struct error error;
	int plain = -1;
	if (!is_within_limits(client)) {
		counter_add(COUNTER_SESSIONS_REFUSED, 1);
		leave(client, "too many connections");
		return false;
	}
	set_deadline(client, READ_WAIT);
	if (!client->is_tls_first)
		return true;
	session_unwatch(&client->session);
	if (tls_accept_give(client->web->tls, &client->facts, &client->scope,
	    &client->stream.fd, &plain, &error) < 0) {
		log_event(LOG_WARN, "tls-away", &client->scope,
			LOG_TEXT("reason", error.text));
		leave(client, "tls away");
		return false;
	}
	stream_fini(&client->stream);
	stream_init(&client->stream, &plain);
	client->session.fd = client->stream.fd;
	client->phase = PHASE_TLS;
	set_deadline(client, TLS_WAIT);
	return true;
}

static enum session_next
expire(struct client *client)
{
	bool is_reading = client->phase == PHASE_BODY ||
		(client->phase == PHASE_HEAD && client->has_begun);
	if (client->out.size > 0 || !is_reading || client->is_leaving) {
		leave(client, "too slow");
		return SESSION_CLOSE;
	}
	refuse(client, 408, "too slow");
	return converse(client);
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct client *client = (struct client *)session;
	switch (event) {
	case SESSION_START:
		return start(client) ? converse(client) : SESSION_CLOSE;
	case SESSION_READABLE:
	case SESSION_WRITABLE:
	case SESSION_NUDGE:
		return client->phase == PHASE_DRAIN ? drain(client) :
			converse(client);
	case SESSION_DEADLINE:
		return expire(client);
	case SESSION_STOP:
		leave(client, "stopping");
		return SESSION_CLOSE;
	}
	return SESSION_CLOSE;
}

static void
log_end(const struct client *client)
{
	char address[NETWORK_TEXT_SIZE];
	if (!log_is_on(LOG_INFO))
		return;
	network_address_format(&client->facts.client, address);
	log_event(LOG_INFO, "web", &client->scope,
		LOG_TEXT("client", address),
		LOG_TEXT("tls", client->facts.is_tls ?
			client->facts.tls_version : "no"),
		LOG_NUMBER("requests", client->requests),
		LOG_NUMBER("status", client->status),
		LOG_NUMBER("ms", clock_monotonic() - client->began),
		LOG_TEXT("end", client->end));
}

static void
visitor_free(struct session **session)
{
	struct client *client = (struct client *)*session;
	log_end(client);
	if (client->is_counted)
		limit_connection_leave(client->web->limits,
			&client->facts.client);
	stream_fini(&client->stream);
	buffer_fini(&client->head);
	buffer_fini(&client->body);
	buffer_fini(&client->out);
	memory_free(client);
	*session = NULL;
}

static const struct session_type visitor_type = { "web", run, visitor_free };

void
visitor_accept(struct web *web, bool is_tls_first, struct incoming *incoming)
{
	struct client *new = memory_new(sizeof(*new));
	new->web = web;
	new->rules = atomic_load(&web->rules);
	new->is_tls_first = is_tls_first &&
		incoming->client.family != AF_UNIX;
	new->began = clock_monotonic();
	new->deadline = new->began + READ_WAIT;
	new->phase = PHASE_HEAD;
	new->end = "stopping";
	new->facts.client = incoming->client;
	new->facts.local = incoming->local;
	buffer_init(&new->out, 0);
	buffer_init(&new->head, 0);
	log_id_new(new->scope.session);
	stream_init(&new->stream, &incoming->fd);
	new->session = (struct session){ .type = &visitor_type,
		.fd = new->stream.fd, .second_fd = -1,
		.deadline = new->deadline };
	lot_add(web->lot, &new->session);
}
