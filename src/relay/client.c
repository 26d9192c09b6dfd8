/* Beginning and ending connections to other servers; client.h. */
#include "relay/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

struct client *
client_new(int *fd, struct span host, const struct parameters *settings)
{
	struct client *new = memory_new(sizeof(*new));
	stream_init(&new->stream, fd);
	new->settings = settings;
	new->opened = clock_monotonic();
	new->until = INT64_MAX;
	snprintf(new->host, sizeof(new->host), "%.*s", SPAN_PRINT(host));
	return new;
}

void
client_free(struct client **client)
{
	if (*client == NULL)
		return;
	stream_fini(&(*client)->stream);
	memory_free(*client);
	*client = NULL;
}

/* ---- writing and reading ---- */

enum client_result
client_fail(struct client *client, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(client->trouble, sizeof(client->trouble), format, list);
	va_end(list);
	client->is_broken = true;
	return CLIENT_BROKEN;
}

int64_t
client_deadline(const struct client *client, int64_t timeout)
{
	int64_t deadline = clock_monotonic() + timeout;
	return deadline < client->until ? deadline : client->until;
}

bool
client_send(struct client *client, int64_t timeout)
{
	struct error error;
	if (client->is_broken)
		return false;
	client->stream.deadline = client_deadline(client, timeout);
	if (stream_send(&client->stream, &error) == 0)
		return true;
	if (error.code == ERROR_TIMEOUT)
		client_fail(client, "it took nothing for %lld s",
			(long long)(timeout / 1000));
	else
		client_fail(client, "the connection was lost while sending");
	return false;
}

static bool
fill(struct client *client, int64_t deadline, int64_t timeout)
{
	int n = -1;
	if (stream_wait(&client->stream, clock_until(deadline)))
		n = stream_fill(&client->stream);
	if (n > 0)
		return true;
	if (n == 0)
		client_fail(client, "it closed the connection");
	else if (n == -2)
		client_fail(client, "the connection was lost");
	else if (clock_until(deadline) > 0)
		return true;
	else
		client_fail(client, "it said nothing for %lld s",
			(long long)(timeout / 1000));
	return false;
}

enum client_result
client_read(struct client *client, int64_t timeout)
{
	int64_t deadline = client_deadline(client, timeout);
	size_t seen = 0, consumed;
	while (!client->is_broken) {
		struct span unread = stream_unread(&client->stream);
		/* Without another line there is nothing new to see. */
		struct span new = span_skip(unread, seen);
		seen = unread.size;
		if (span_find(new, '\n') == new.size &&
			unread.size <= SMTP_ANSWER_LIMIT) {
			fill(client, deadline, timeout);
			continue;
		}
		switch (smtp_answer_parse(unread, &client->answer, &consumed)) {
		case SMTP_ANSWER_OK:
			stream_consume(&client->stream, consumed);
			return client->answer.code >= 400 ? CLIENT_REFUSED :
				CLIENT_OK;
		case SMTP_ANSWER_BAD:
			return client_fail(client,
				"what it said is no SMTP reply");
		case SMTP_ANSWER_MORE:
			fill(client, deadline, timeout);
		}
	}
	return CLIENT_BROKEN;
}

enum client_result
client_ask(struct client *client, struct span line, int64_t timeout)
{
	stream_add(&client->stream, line);
	stream_add(&client->stream, SPAN("\r\n"));
	return client_send(client, timeout) ? client_read(client, timeout) :
		CLIENT_BROKEN;
}

/* ---- the beginning ---- */

enum client_result
client_await_greeting(struct client *client)
{
	enum client_result result = client_read(client,
		client->settings->greeting_timeout);
	if (result == CLIENT_OK && client->answer.code != 220)
		return client_fail(client, "it greeted with %u",
			client->answer.code);
	return result;
}

static void
take_mechanisms(struct client *client, struct span words)
{
	struct span word;
	enum sasl_mechanism mechanism;
	client->extensions |= CLIENT_AUTH;
	while (span_word(&words, &word))
		if (sasl_mechanism_find(word, &mechanism))
			client->mechanisms |= 1u << mechanism;
}

static void
take_extension(struct client *client, struct span line)
{
	static const struct {
		struct span name;
		enum client_extension extension;
	} extensions[] = {
		{ SPAN("PIPELINING"), CLIENT_PIPELINING },
		{ SPAN("8BITMIME"), CLIENT_8BITMIME },
		{ SPAN("CHUNKING"), CLIENT_CHUNKING },
		{ SPAN("BINARYMIME"), CLIENT_BINARYMIME },
		{ SPAN("SIZE"), CLIENT_SIZE },
		{ SPAN("SMTPUTF8"), CLIENT_SMTPUTF8 },
		{ SPAN("DSN"), CLIENT_DSN },
		{ SPAN("STARTTLS"), CLIENT_STARTTLS },
		{ SPAN("REQUIRETLS"), CLIENT_REQUIRETLS },
	};
	struct span name, number;
	if (!span_word(&line, &name))
		return;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (span_equals_nocase(name, extensions[i].name))
			client->extensions |= extensions[i].extension;
	if (span_equals_nocase(name, SPAN("AUTH")))
		take_mechanisms(client, line);
	else if (span_equals_nocase(name, SPAN("SIZE")) &&
		span_word(&line, &number) &&
		!span_to_number(number, UINT64_MAX, &client->size_limit))
		client->size_limit = 0;
}

static void
take_offer(struct client *client)
{
	struct span rest = client->answer.lines, line;
	/* The first line is the server's name (RFC 5321 4.1.1.1). */
	if (!smtp_answer_line(&rest, &line))
		return;
	while (smtp_answer_line(&rest, &line))
		take_extension(client, line);
	/* RFC 3030 3: one is of no use without the other. */
	if ((client->extensions & CLIENT_CHUNKING) == 0)
		client->extensions &= ~(unsigned)CLIENT_BINARYMIME;
}

static enum client_result
say_hello(struct client *client, struct span verb)
{
	stream_add(&client->stream, verb);
	enum client_result result = client_ask(client,
		client->settings->helo_name, client->settings->greeting_timeout);
	if (result == CLIENT_OK && client->answer.code / 100 != 2)
		return client_fail(client, "it answered %.4s with %u",
			verb.data, client->answer.code);
	return result;
}

enum client_result
client_say_hello(struct client *client)
{
	client->extensions = client->mechanisms = 0;
	client->size_limit = 0;
	enum client_result result = say_hello(client, SPAN("EHLO "));
	if (result == CLIENT_OK)
		take_offer(client);
	/* RFC 5321 3.2: a server of before ESMTP. */
	if (result == CLIENT_REFUSED && client->answer.code >= 500)
		result = say_hello(client, SPAN("HELO "));
	return result;
}

/* ---- TLS ---- */

enum client_result
client_start_tls(struct client *client)
{
	enum client_result result = client_ask(client, SPAN("STARTTLS"),
		client->settings->starttls_timeout);
	if (result == CLIENT_OK && client->answer.code != 220)
		return client_fail(client, "it answered STARTTLS with %u",
			client->answer.code);
	/* RFC 3207 6: somebody put words into the connection. */
	if (result == CLIENT_OK && stream_unread(&client->stream).size > 0)
		return client_fail(client,
			"it said more after its answer to STARTTLS");
	return result;
}

int
client_take_socket(struct client *client)
{
	int fd = client->stream.fd;
	client->stream.fd = -1;
	return fd;
}

void
client_set_socket(struct client *client, int *fd)
{
	stream_fini(&client->stream);
	stream_init(&client->stream, fd);
}

/* ---- the end ---- */

void
client_quit(struct client *client)
{
	struct error error;
	if (client->is_broken)
		return;
	client->stream.deadline = clock_monotonic();
	stream_add(&client->stream, SPAN("QUIT\r\n"));
	if (stream_send(&client->stream, &error) < 0)
		client->is_broken = true;
}
