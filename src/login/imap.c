/*
 * IMAP before the login (RFC 9051 3.1, 6.1, 6.2; RFC 3501 for old clients):
 * CAPABILITY NOOP LOGOUT ID STARTTLS AUTHENTICATE LOGIN, literals within
 * limits (RFC 7888). Runs in login on bytes of strangers.
 */
#include <stdio.h>
#include <string.h>

#include "login/client.h"
#include "login/dialog.h"
#include "login/secure.h"
#include "proto/imap_parse.h"

enum {
	/* AUTHENTICATE with an initial response is the longest line. */
	LINE_LIMIT = LOGIN_RESPONSE_LIMIT + 256,
	LITERAL_LIMIT = 4096,		/* all of one command: names, passwords */
};

/* ---- capabilities ---- */

static void
add_capabilities(struct client *client, struct buffer *out)
{
	bool may_send = dialog_may_send_password(client);
	buffer_add_string(out,
		"CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID");
	if (secure_is_possible(client))
		buffer_add_string(out, " STARTTLS");
	if (!dialog_takes_password(client))
		buffer_add_string(out, " LOGINDISABLED");
	sasl_caller_offer(client->login->sasl, &client->facts, may_send,
		" AUTH=", out);
}

static void
greet(struct client *client)
{
	struct buffer text;
	client->frame.line_limit = LINE_LIMIT;
	client->frame.literal_limit = LITERAL_LIMIT;
	client->frame.skip_limit = LITERAL_LIMIT * 16;
	if (!login_may_enter(client->rules, &client->facts.client)) {
		client_reply(client, REPLY_NETWORK);
		client_leave(client, "network not trusted");
		return;
	}
	buffer_init(&text, 0);
	add_capabilities(client, &text);
	client_print(client, "* OK [%.*s] %s Posthouse is ready\r\n",
		(int)text.size, text.data, client->rules->hostname);
	buffer_fini(&text);
}

/* ---- commands ---- */

static void
run_capability(struct client *client, struct imap_parse *parse)
{
	struct buffer text;
	if (!imap_parse_end(parse)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	buffer_init(&text, 0);
	add_capabilities(client, &text);
	client_print(client, "* %.*s\r\n%s OK Capabilities listed\r\n",
		(int)text.size, text.data, client->tag);
	buffer_fini(&text);
}

static void
run_noop(struct client *client, struct imap_parse *parse)
{
	if (imap_parse_end(parse))
		client_print(client, "%s OK Nothing done\r\n", client->tag);
	else
		client_bad(client, REPLY_ARGUMENTS);
}

static void
run_logout(struct client *client, struct imap_parse *parse)
{
	if (!imap_parse_end(parse)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	client_print(client, "* BYE Goodbye\r\n%s OK Logged out\r\n",
		client->tag);
	client_leave(client, "logout");
}

/* RFC 2971 3.1: NIL, or pairs of a string and a string or NIL. */
static bool
parse_id(struct imap_parse *parse, struct span *name, struct span *version)
{
	if (imap_parse_skip(parse, "NIL"))
		return imap_parse_end(parse);
	if (!imap_parse_byte(parse, '('))
		return false;
	for (int i = 0; !imap_parse_is_next(parse, ')'); i++) {
		struct span key, value;
		if (i == IMAP_PARSE_PAIR_LIMIT ||
			(i > 0 && !imap_parse_space(parse)) ||
			!imap_parse_string(parse, &key) ||
			!imap_parse_space(parse) ||
			!imap_parse_nstring(parse, &value))
			return false;
		if (span_equals_nocase(key, SPAN("name")))
			*name = value;
		if (span_equals_nocase(key, SPAN("version")))
			*version = value;
	}
	return imap_parse_byte(parse, ')') && imap_parse_end(parse);
}

static void
run_id(struct client *client, struct imap_parse *parse)
{
	struct span name = { NULL, 0 }, version = { NULL, 0 };
	if (!imap_parse_space(parse) || !parse_id(parse, &name, &version)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	log_event(LOG_DEBUG, "id", &client->scope, LOG_SPAN("name", name),
		LOG_SPAN("version", version));
	client_print(client, "* ID (\"name\" \"Posthouse\")\r\n"
		"%s OK It is good to know you\r\n", client->tag);
}

static void
run_starttls(struct client *client, struct imap_parse *parse)
{
	char ready[HANDOVER_TAG_SIZE + 40];
	if (!imap_parse_end(parse)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	snprintf(ready, sizeof(ready), "%s OK Begin TLS now\r\n", client->tag);
	secure_start(client, ready);
}

static void
run_authenticate(struct client *client, struct imap_parse *parse)
{
	struct span mechanism, response = { NULL, 0 };
	if (!imap_parse_space(parse) || !imap_parse_atom(parse, &mechanism)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	if (imap_parse_is_next(parse, ' '))
		response = span_skip(parse->rest, 1);
	else if (!imap_parse_end(parse)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	dialog_begin(client, mechanism, response);
}

static void
run_login(struct client *client, struct imap_parse *parse)
{
	struct span name, password;
	if (!imap_parse_space(parse) || !imap_parse_astring(parse, &name) ||
		!imap_parse_space(parse) ||
		!imap_parse_astring(parse, &password) ||
		!imap_parse_end(parse)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	dialog_login(client, name, password);
}

/* Commands that exist after the login. */
static void
run_later(struct client *client, struct imap_parse *parse)
{
	(void)parse;
	client_bad(client, REPLY_NOT_YET);
}

static const struct {
	const char *name;
	void (*run)(struct client *client, struct imap_parse *parse);
} commands[] = {
	{ "CAPABILITY", run_capability },
	{ "NOOP", run_noop },
	{ "LOGOUT", run_logout },
	{ "ID", run_id },
	{ "STARTTLS", run_starttls },
	{ "AUTHENTICATE", run_authenticate },
	{ "LOGIN", run_login },
	{ "APPEND", run_later }, { "CHECK", run_later },
	{ "CLOSE", run_later }, { "COPY", run_later },
	{ "CREATE", run_later }, { "DELETE", run_later },
	{ "ENABLE", run_later }, { "EXAMINE", run_later },
	{ "EXPUNGE", run_later }, { "FETCH", run_later },
	{ "GETQUOTA", run_later }, { "GETQUOTAROOT", run_later },
	{ "IDLE", run_later }, { "LIST", run_later }, { "LSUB", run_later },
	{ "MOVE", run_later }, { "NAMESPACE", run_later },
	{ "RENAME", run_later }, { "SEARCH", run_later },
	{ "SELECT", run_later }, { "STATUS", run_later },
	{ "STORE", run_later }, { "SUBSCRIBE", run_later },
	{ "UID", run_later }, { "UNSELECT", run_later },
	{ "UNSUBSCRIBE", run_later },
};

/* ---- the loop ---- */

/* Tag and name off the front; the tag is kept for the replies. */
static bool
take_tag(struct client *client, struct imap_parse *parse, struct span *name)
{
	struct span tag;
	client->tag[0] = '\0';
	if (!imap_parse_command(parse, &tag, name))
		return false;
	if (tag.size >= sizeof(client->tag))
		return false;
	memcpy(client->tag, tag.data, tag.size);
	client->tag[tag.size] = '\0';
	return true;
}

static void
execute(struct client *client, bool is_refused)
{
	struct imap_parse parse;
	struct arena arena;
	struct span name;
	size_t i = 0, count = sizeof(commands) / sizeof(commands[0]);
	arena_init(&arena, 0);
	imap_parse_init(&parse, buffer_span(&client->frame.command), &arena,
		true);
	bool has_tag = take_tag(client, &parse, &name);
	while (has_tag && i < count &&
		!span_equals_nocase(span_from(commands[i].name), name))
		i++;
	if (is_refused)
		client_bad(client, client->frame.is_line_too_long ?
			REPLY_LINE_TOO_LONG : REPLY_TOO_BIG);
	else if (!has_tag)
		client_bad(client, REPLY_ARGUMENTS);
	else if (i == count)
		client_bad(client, REPLY_UNKNOWN);
	else
		commands[i].run(client, &parse);
	arena_fini(&arena);
	if (client->is_in_line)
		return;
	explicit_bzero(client->frame.command.data,
		client->frame.command.size);
	imap_frame_reset(&client->frame);
	client->has_command = false;
}

/* A literal is announced: kept within the limit, else refused. */
static void
decide(struct client *client)
{
	struct imap_frame *frame = &client->frame;
	struct imap_parse parse;
	struct arena arena;
	struct span name;
	bool is_waiting = frame->is_synchronising;
	if (imap_frame_keep(frame)) {
		if (is_waiting)
			client_print(client, "+ Go on\r\n");
		return;
	}
	if (!is_waiting) {
		imap_frame_skip(frame);
		return;
	}
	arena_init(&arena, 0);
	imap_parse_init(&parse, buffer_span(&frame->command), &arena, true);
	take_tag(client, &parse, &name);
	client_bad(client, REPLY_TOO_BIG);
	imap_frame_reset(frame);
	arena_fini(&arena);
}

static bool
next(struct client *client)
{
	size_t consumed;
	if (client->has_command) {	/* it stood in the line */
		execute(client, false);
		return !client->is_in_line;
	}
	enum imap_frame_verdict verdict = imap_frame_next(&client->frame,
		client_unread(client), &consumed);
	client_consume(client, consumed);
	switch (verdict) {
	case IMAP_FRAME_MORE:
		return false;
	case IMAP_FRAME_COMMAND:
		client->has_command = true;
		execute(client, false);
		return !client->is_in_line;
	case IMAP_FRAME_REFUSED:
		execute(client, true);
		return true;
	case IMAP_FRAME_LITERAL:
		decide(client);
		return true;
	case IMAP_FRAME_BYTES:
	case IMAP_FRAME_ABSURD:
		break;
	}
	client_reply(client, REPLY_ABSURD);
	client_leave(client, "absurd literal");
	return true;
}

const struct protocol protocol_imap = { LOGIN_IMAP, "imap", greet, next };
