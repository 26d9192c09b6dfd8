/* The command as an IMAP client; see imap_client.h. */
#include "ctl/imap_client.h"

#include <stdarg.h>
#include <string.h>

#include "base/base64.h"
#include "proto/imap_write.h"

enum { READ_SIZE = 65536 };

static void
client_init(struct imap_client *client, struct imap_transport *transport)
{
	*client = (struct imap_client){ .transport = transport };
	imap_frame_init(&client->frame);
	client->frame.line_limit = IMAP_CLIENT_RESPONSE_LIMIT;
	client->frame.literal_limit = IMAP_CLIENT_RESPONSE_LIMIT;
	arena_init(&client->arena, 0);
	buffer_init(&client->in, 0);
	buffer_init(&client->out, 0);
	buffer_init(&client->capabilities, 0);
}

void
imap_client_close(struct imap_client *client)
{
	struct error ignored;
	if (client->transport != NULL) {
		imap_client_add(client, "LOGOUT");
		imap_transport_write(client->transport,
			buffer_span(&client->out), &ignored);
	}
	imap_transport_close(&client->transport);
	imap_frame_fini(&client->frame);
	arena_fini(&client->arena);
	buffer_fini(&client->in);
	buffer_fini(&client->out);
	buffer_fini(&client->capabilities);
}

bool
imap_client_can(const struct imap_client *client, const char *capability)
{
	return imap_answer_has_word(buffer_span(&client->capabilities),
		capability);
}

void
imap_client_add_mailbox(struct buffer *out, struct span name)
{
	imap_write_mailbox(out, name, false);
}

unsigned
imap_client_add(struct imap_client *client, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	buffer_print(&client->out, "c%u ", ++client->tag);
	buffer_print_list(&client->out, format, list);
	buffer_add(&client->out, SPAN("\r\n"));
	va_end(list);
	return client->tag;
}

/* ---- responses ---- */

static int
fill(struct imap_client *client, struct error *error)
{
	buffer_shift(&client->in, client->in_start);
	client->in_start = 0;
	buffer_reserve(&client->in, READ_SIZE);
	long n = imap_transport_read(client->transport,
		client->in.data + client->in.size, READ_SIZE, error);
	if (n == 0)
		return error_set(error, ERROR_GONE,
			"the server closed the connection");
	if (n > 0)
		client->in.size += (size_t)n;
	return n > 0 ? 0 : -1;
}

static int
fail_nonsense(struct error *error)
{
	return error_set(error, ERROR_DAMAGED,
		"the server answered what is not IMAP");
}

/* A literal was announced: a message's text passes, others are kept. */
static int
take_announcement(struct imap_client *client, struct imap_answer *answer,
	bool *has_body, struct error *error)
{
	if (!*has_body && imap_answer_wants_literal(&client->arena,
	    buffer_span(&client->frame.command), answer)) {
		*has_body = true;
		imap_frame_pass(&client->frame);
		return 0;
	}
	if (imap_frame_keep(&client->frame))
		return 0;
	return error_set(error, ERROR_DAMAGED,
		"the server's answer is too long");
}

/* One step of the framer; 1 when a response is whole. */
static int
step(struct imap_client *client, struct imap_answer *answer, bool *has_body,
	struct error *error)
{
	size_t consumed;
	struct span unread = span_skip(buffer_span(&client->in),
		client->in_start);
	enum imap_frame_verdict verdict = imap_frame_next(&client->frame,
		unread, &consumed);
	client->in_start += consumed;
	switch (verdict) {
	case IMAP_FRAME_MORE:
		return fill(client, error);
	case IMAP_FRAME_LITERAL:
		return take_announcement(client, answer, has_body, error);
	case IMAP_FRAME_BYTES:
		if (client->body != NULL)
			client->body(client->body_context, answer,
				client->frame.bytes);
		return 0;
	case IMAP_FRAME_COMMAND:
		return 1;
	default:
		return error_set(error, ERROR_DAMAGED,
			"the server's answer is too long");
	}
}

static void
keep_capabilities(struct imap_client *client, const struct imap_answer *answer)
{
	struct span words = answer->kind == IMAP_ANSWER_CAPABILITY ?
		answer->text : answer->argument;
	if (answer->kind != IMAP_ANSWER_CAPABILITY &&
	    !span_equals_nocase(answer->code, SPAN("CAPABILITY")))
		return;
	buffer_clear(&client->capabilities);
	buffer_add(&client->capabilities, words);
}

static int
send_commands(struct imap_client *client, struct error *error)
{
	int result = client->out.size == 0 ? 0 : imap_transport_write(
		client->transport, buffer_span(&client->out), error);
	buffer_clear(&client->out);
	return result;
}

int
imap_client_next(struct imap_client *client, struct imap_answer *answer,
	struct error *error)
{
	bool has_body = false;
	int result = send_commands(client, error);
	imap_frame_reset(&client->frame);
	arena_fini(&client->arena);
	while (result == 0)
		result = step(client, answer, &has_body, error);
	if (result < 0)
		return -1;
	struct span response = buffer_span(&client->frame.command);
	if (has_body ? !imap_answer_continue(&client->arena, response, answer) :
	    !imap_answer_parse(&client->arena, response, answer))
		return fail_nonsense(error);
	if (!has_body && client->body != NULL && answer->fetch.body.size > 0)
		client->body(client->body_context, answer, answer->fetch.body);
	keep_capabilities(client, answer);
	return 0;
}

/* The number in a tag of ours; 0 for others. */
static unsigned
number_of(struct span tag)
{
	uint64_t number;
	return tag.size > 1 && tag.data[0] == 'c' &&
		span_to_number(span_skip(tag, 1), UINT32_MAX, &number) ?
		(unsigned)number : 0;
}

/* Response codes that are about more than the command (RFC 9051 7.1). */
static enum error_code
code_of(const struct imap_answer *answer)
{
	static const struct { struct span code; enum error_code means; } codes[] = {
		{ SPAN("OVERQUOTA"), ERROR_OVER_QUOTA },
		{ SPAN("UNAVAILABLE"), ERROR_LATER },
		{ SPAN("INUSE"), ERROR_LATER },
		{ SPAN("SERVERBUG"), ERROR_LATER },
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (span_equals_nocase(answer->code, codes[i].code))
			return codes[i].means;
	return answer->condition == IMAP_CONDITION_BYE ? ERROR_GONE :
		ERROR_REFUSED;
}

static int
fail_answer(const struct imap_answer *answer, struct error *error)
{
	char text[300];
	size_t n = 0;
	/* A stranger's sentence goes to a terminal. */
	for (; n < answer->text.size && n + 1 < sizeof(text); n++) {
		char c = answer->text.data[n];
		text[n] = c >= ' ' && c < 127 ? c : '?';
	}
	text[n] = '\0';
	return error_set(error, code_of(answer), "the server said: %s", text);
}

int
imap_client_wait(struct imap_client *client, unsigned number,
	imap_client_untagged *untagged, void *context, struct error *error)
{
	struct imap_answer answer;
	while (imap_client_next(client, &answer, error) == 0) {
		if (answer.kind == IMAP_ANSWER_CONDITION &&
		    answer.condition == IMAP_CONDITION_BYE)
			return fail_answer(&answer, error);
		if (answer.kind != IMAP_ANSWER_TAGGED) {
			if (untagged != NULL)
				untagged(context, &answer);
			continue;
		}
		client->answered = number_of(answer.tag);
		if (client->answered != number)
			continue;
		if (untagged != NULL)
			untagged(context, &answer);
		return answer.condition == IMAP_CONDITION_OK ? 0 :
			fail_answer(&answer, error);
	}
	return -1;
}

/* ---- beginning ---- */

static int
read_greeting(struct imap_client *client, struct error *error)
{
	struct imap_answer answer;
	if (imap_client_next(client, &answer, error) < 0)
		return -1;
	if (answer.kind != IMAP_ANSWER_CONDITION)
		return fail_nonsense(error);
	return answer.condition == IMAP_CONDITION_BYE ?
		fail_answer(&answer, error) : 0;
}

static int
ask_capabilities(struct imap_client *client, struct error *error)
{
	unsigned number = imap_client_add(client, "CAPABILITY");
	return imap_client_wait(client, number, NULL, NULL, error);
}

int
imap_client_open_local(struct imap_client *client, const struct config *config,
	const char *user, struct error *error)
{
	struct buffer response;
	client_init(client, imap_transport_open_local(config, "imap", error));
	if (client->transport == NULL)
		return -1;
	if (read_greeting(client, error) < 0)
		return -1;
	buffer_init(&response, 0);
	base64_encode(&response, span_from(user));
	unsigned number = imap_client_add(client, "AUTHENTICATE EXTERNAL %s",
		response.size > 0 ? buffer_string(&response) : "=");
	buffer_fini(&response);
	if (imap_client_wait(client, number, NULL, NULL, error) < 0)
		return -1;
	return client->capabilities.size > 0 ? 0 :
		ask_capabilities(client, error);
}

/* "\0user\0password", which no quoting can hold. */
static int
log_in(struct imap_client *client, const struct imap_client_account *account,
	struct error *error)
{
	struct buffer plain;
	buffer_init(&plain, 0);
	buffer_add_byte(&plain, '\0');
	buffer_add_string(&plain, account->user);
	buffer_add_byte(&plain, '\0');
	buffer_add_string(&plain, account->password);
	unsigned number = 0;
	if (imap_client_can(client, "AUTH=PLAIN")) {
		struct imap_answer answer;
		number = imap_client_add(client, "AUTHENTICATE PLAIN");
		int result = imap_client_next(client, &answer, error);
		while (result == 0 && answer.kind != IMAP_ANSWER_CONTINUE &&
		    answer.kind != IMAP_ANSWER_TAGGED)
			result = imap_client_next(client, &answer, error);
		if (result == 0 && answer.kind == IMAP_ANSWER_TAGGED)
			result = fail_answer(&answer, error);
		if (result < 0) {
			buffer_fini(&plain);
			return -1;
		}
		base64_encode(&client->out, buffer_span(&plain));
		buffer_add(&client->out, SPAN("\r\n"));
	} else {
		buffer_clear(&plain);
		imap_write_string(&plain, span_from(account->user), false);
		buffer_add_byte(&plain, ' ');
		imap_write_string(&plain, span_from(account->password), false);
		number = imap_client_add(client, "LOGIN %s",
			buffer_string(&plain));
	}
	buffer_fini(&plain);
	return imap_client_wait(client, number, NULL, NULL, error);
}

static bool
is_this_host(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
		strncmp(host, "127.", 4) == 0;
}

static int
start_tls(struct imap_client *client, const struct imap_client_account *account,
	struct error *error)
{
	if (!imap_client_can(client, "STARTTLS")) {
		if (is_this_host(account->host))
			return 0;
		return error_set(error, ERROR_REFUSED, "%s offers no "
			"encryption, and the password is not sent without",
			account->host);
	}
	unsigned number = imap_client_add(client, "STARTTLS");
	if (imap_client_wait(client, number, NULL, NULL, error) < 0)
		return -1;
	/* What came before the handshake is not the server's (RFC 9051 6.2.1). */
	if (client->in.size > client->in_start)
		return error_set(error, ERROR_REFUSED,
			"something was said before TLS began");
	if (imap_transport_encrypt(client->transport, account->host,
	    account->ca_file, error) < 0)
		return -1;
	return ask_capabilities(client, error);
}

int
imap_client_open_remote(struct imap_client *client,
	const struct imap_client_account *account, struct error *error)
{
	client_init(client, imap_transport_open_remote(account->host,
		account->port, account->is_encrypted, account->ca_file, error));
	if (client->transport == NULL || read_greeting(client, error) < 0 ||
	    ask_capabilities(client, error) < 0)
		return -1;
	if (!account->is_encrypted && start_tls(client, account, error) < 0)
		return -1;
	if (log_in(client, account, error) < 0)
		return error_wrap(error, "logging in at %s as %s",
			account->host, account->user);
	return ask_capabilities(client, error);
}
