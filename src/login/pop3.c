/*
 * POP3 before the login (RFC 1939 4, the AUTHORIZATION state): USER PASS QUIT,
 * CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 (RFC 6856), with the
 * response codes of RFC 2449 8 and RFC 3206. Runs in login on bytes of
 * strangers.
 */
#include <string.h>

#include "login/client.h"
#include "login/dialog.h"
#include "login/secure.h"
#include "proto/pop3.h"

enum {
	/* RFC 2449 4: 255 octets; long passwords and initial responses of AUTH
	 * are taken all the same. */
	LINE_LIMIT = LOGIN_RESPONSE_LIMIT + 64,
};

static void
greet(struct client *client)
{
	if (!login_may_enter(client->rules, &client->facts.client)) {
		client_reply(client, REPLY_NETWORK);
		client_leave(client, "network not trusted");
		return;
	}
	client_print(client, "+OK %s Posthouse is ready\r\n",
		client->rules->hostname);
}

/* ---- commands; `argument` is what stands behind the first blank ---- */

/* RFC 2449 5: what is there in this state and in the next. */
static void
run_capa(struct client *client, struct span argument)
{
	struct buffer mechanisms;
	bool may_send = dialog_may_send_password(client);
	(void)argument;
	client_print(client, "+OK Capabilities follow\r\n"
		"TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
		"PIPELINING\r\nEXPIRE NEVER\r\nUTF8 USER\r\n"
		"IMPLEMENTATION Posthouse\r\n");
	if (secure_is_possible(client))
		client_print(client, "STLS\r\n");
	if (dialog_takes_password(client))
		client_print(client, "USER\r\n");
	buffer_init(&mechanisms, 0);
	sasl_caller_offer(client->login->sasl, &client->facts, may_send, " ",
		&mechanisms);
	if (mechanisms.size > 0)
		client_print(client, "SASL%.*s\r\n", (int)mechanisms.size,
			mechanisms.data);
	buffer_fini(&mechanisms);
	client_print(client, ".\r\n");
}

static void
run_user(struct client *client, struct span argument)
{
	if (argument.size == 0 || argument.size >= sizeof(client->user)) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	if (!dialog_may_send_password(client)) {
		client_reply(client, REPLY_NOT_SECURE);
		return;
	}
	memset(client->user, 0, sizeof(client->user));
	memcpy(client->user, argument.data, argument.size);
	client_print(client, "+OK Send the password\r\n");
}

/* RFC 1939 7: a blank may stand in the password. */
static void
run_pass(struct client *client, struct span argument)
{
	char name[sizeof(client->user)];
	if (client->user[0] == '\0') {
		client_bad(client, REPLY_USER_FIRST);
		return;
	}
	/* After a failure USER has to be said again. */
	memcpy(name, client->user, sizeof(name));
	dialog_login(client, span_from(name), argument);
	if (!client->is_in_line && client->account == 0)
		client->user[0] = '\0';
}

/* Without an argument clients ask for the list, as they did before CAPA. */
static void
run_auth(struct client *client, struct span argument)
{
	struct span mechanism, response = { NULL, 0 };
	struct buffer list;
	size_t blank = span_find(argument, ' ');
	mechanism = span_first(argument, blank);
	if (blank < argument.size)
		response = span_skip(argument, blank + 1);
	if (mechanism.size > 0) {
		dialog_begin(client, mechanism, response);
		return;
	}
	buffer_init(&list, 0);
	sasl_caller_offer(client->login->sasl, &client->facts,
		dialog_may_send_password(client), "\r\n", &list);
	client_print(client, "+OK Mechanisms follow%.*s\r\n.\r\n",
		(int)list.size, list.size == 0 ? "" : list.data);
	buffer_fini(&list);
}

static void
run_stls(struct client *client, struct span argument)
{
	if (argument.size > 0)
		client_bad(client, REPLY_ARGUMENTS);
	else
		secure_start(client, "+OK Begin TLS now\r\n");
}

/* RFC 6856 2.1: only in this state. The mailbox process is told. */
static void
run_utf8(struct client *client, struct span argument)
{
	if (argument.size > 0) {
		client_bad(client, REPLY_ARGUMENTS);
		return;
	}
	client->is_utf8 = true;
	client_print(client, "+OK UTF-8 it is\r\n");
}

static void
run_noop(struct client *client, struct span argument)
{
	(void)argument;
	client_print(client, "+OK Nothing done\r\n");
}

static void
run_quit(struct client *client, struct span argument)
{
	(void)argument;
	client_print(client, "+OK Goodbye\r\n");
	client_leave(client, "quit");
}

static void
run_later(struct client *client, struct span argument)
{
	(void)argument;
	client_bad(client, REPLY_NOT_YET);
}

static const struct {
	const char *name;
	void (*run)(struct client *client, struct span argument);
} commands[] = {
	{ "CAPA", run_capa }, { "USER", run_user }, { "PASS", run_pass },
	{ "AUTH", run_auth }, { "STLS", run_stls }, { "UTF8", run_utf8 },
	{ "NOOP", run_noop }, { "QUIT", run_quit },
	{ "STAT", run_later }, { "LIST", run_later }, { "RETR", run_later },
	{ "DELE", run_later }, { "RSET", run_later }, { "TOP", run_later },
	{ "UIDL", run_later },
};

/* ---- the loop ---- */

static bool
next(struct client *client)
{
	struct pop3_command command;
	struct span line;
	bool is_too_long;
	size_t i = 0, count = sizeof(commands) / sizeof(commands[0]);
	size_t start = client->in_start;
	if (!client_next_line(client, LINE_LIMIT, &line, &is_too_long))
		return false;
	if (is_too_long) {
		client_bad(client, REPLY_LINE_TOO_LONG);
		return true;
	}
	pop3_parse_command(line, &command);
	while (i < count && !span_equals_nocase(
		span_from(commands[i].name), command.keyword))
		i++;
	if (i == count)
		client_bad(client, REPLY_UNKNOWN);
	else
		commands[i].run(client, command.argument);
	if (client->is_in_line)
		client->in_start = start;
	return !client->is_in_line;
}

const struct protocol protocol_pop3 = { LOGIN_POP3, "pop3", greet, next };
