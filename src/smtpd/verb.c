/*
 * The commands of SMTP (RFC 5321 4.1) and LMTP (RFC 2033 4) in one table: name,
 * function, and the states in which it is allowed.
 */
#include "smtpd/verb.h"

#include <string.h>

#include "base/utf8.h"
#include "serve/counter.h"
#include "smtpd/content.h"
#include "smtpd/encryption.h"
#include "smtpd/sasl_dialog.h"
#include "smtpd/transaction.h"

/* ---- hello ---- */

/*
 * The name is kept for Received and the log and nobody believes it. Any visible
 * name is taken (RFC 5321 4.1.4: not refused for being wrong); what could not
 * stand in a Received header becomes "?".
 */
static bool
take_name(struct conversation *conversation, struct span name)
{
	char *hello = conversation->parked.hello;
	if (name.size == 0 || name.size >= CONVERSATION_HELLO_SIZE)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = span_lower_byte(name.data[i]);
		if ((unsigned char)c <= ' ' || c == 0x7f)
			return false;
		bool is_plain = (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || strchr(".-_:[]", c) != NULL;
		hello[i] = is_plain ? name.data[i] : '?';
	}
	hello[name.size] = '\0';
	return true;
}

static bool
begin_hello(struct conversation *conversation, struct span name)
{
	struct smtp_parked *parked = &conversation->parked;
	/* RFC 5321 4.1.4: as if RSET were said. */
	transaction_end(conversation);
	if (!take_name(conversation, name)) {
		conversation_say(conversation, SMTP_REPLY_HELO_SYNTAX);
		return false;
	}
	parked->has_hello = true;
	return true;
}

static void
verb_helo(struct conversation *conversation, struct span argument)
{
	if (!begin_hello(conversation, argument))
		return;
	conversation->parked.is_extended = false;
	conversation_reply(conversation, SMTP_REPLY_HELO,
		span_from(conversation->rules->hostname));
}

static void
verb_ehlo(struct conversation *conversation, struct span argument)
{
	const struct rules *rules = conversation->rules;
	struct buffer *out = &conversation->stream.out;
	struct buffer mechanisms;
	if (!begin_hello(conversation, argument))
		return;
	conversation->parked.is_extended = true;
	buffer_print(out, "250-%s\r\n250-PIPELINING\r\n", rules->hostname);
	buffer_print(out, "250-SIZE %llu\r\n",
		(unsigned long long)rules->size_limit);
	if (encryption_is_offered(conversation))
		buffer_add_string(out, "250-STARTTLS\r\n");
	buffer_init(&mechanisms, 0);
	sasl_dialog_offer(conversation, &mechanisms);
	if (mechanisms.size > 0)
		buffer_print(out, "250-AUTH%s\r\n", buffer_string(&mechanisms));
	buffer_fini(&mechanisms);
	/* RFC 8689 2: within TLS only. */
	if (conversation->parked.facts.is_tls)
		buffer_add_string(out, "250-REQUIRETLS\r\n");
	/* RFC 9422: what a client would otherwise learn by being refused. */
	buffer_print(out, "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
		"250-CHUNKING\r\n250-BINARYMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
		"250 LIMITS RCPTMAX=%u\r\n", rules->recipient_limit);
}

/* ---- small ones ---- */

static void
verb_rset(struct conversation *conversation, struct span argument)
{
	(void)argument;
	transaction_end(conversation);
	conversation_say(conversation, SMTP_REPLY_FORGOTTEN);
}

static void
verb_noop(struct conversation *conversation, struct span argument)
{
	(void)argument;
	conversation_say(conversation, SMTP_REPLY_OK);
}

static void
verb_quit(struct conversation *conversation, struct span argument)
{
	(void)argument;
	conversation_say(conversation, SMTP_REPLY_BYE);
	conversation_leave(conversation, END_QUIT, false);
}

/* RFC 5321 7.3: who is here is not told. */
static void
verb_vrfy(struct conversation *conversation, struct span argument)
{
	conversation_say(conversation, argument.size == 0 ?
		SMTP_REPLY_VRFY_SYNTAX : SMTP_REPLY_VERIFY);
}

static void
verb_help(struct conversation *conversation, struct span argument)
{
	(void)argument;
	conversation_say(conversation, SMTP_REPLY_HELP);
}

static void
verb_not_implemented(struct conversation *conversation, struct span argument)
{
	(void)argument;
	conversation_say(conversation, SMTP_REPLY_NOT_IMPLEMENTED);
}

/* A web page made a browser talk to us: nothing it says is mail. */
static void
verb_http(struct conversation *conversation, struct span argument)
{
	(void)argument;
	conversation_say(conversation, SMTP_REPLY_NOT_HTTP);
	conversation_leave(conversation, END_HTTP, true);
}

/* ---- the table ---- */

enum allowed {
	SMTP_ONLY = 1 << 0,		/* on ports that speak SMTP */
	LMTP_ONLY = 1 << 1,
	AFTER_HELLO = 1 << 2,
	IN_CONTENT = 1 << 3,		/* also when BDAT has begun */
	BARE = 1 << 4,			/* takes no argument */
};

static const struct verb_row {
	enum smtp_verb verb;
	void (*run)(struct conversation *conversation, struct span argument);
	unsigned allowed;
} rows[] = {
	{ SMTP_EHLO, verb_ehlo, SMTP_ONLY | IN_CONTENT },
	{ SMTP_HELO, verb_helo, SMTP_ONLY | IN_CONTENT },
	{ SMTP_LHLO, verb_ehlo, LMTP_ONLY | IN_CONTENT },
	{ SMTP_MAIL, transaction_mail, AFTER_HELLO },
	{ SMTP_RCPT, transaction_rcpt, AFTER_HELLO },
	{ SMTP_DATA, content_data, AFTER_HELLO | BARE },
	/* Octets follow BDAT whatever is wrong with it: it judges itself. */
	{ SMTP_BDAT, content_bdat, IN_CONTENT },
	{ SMTP_RSET, verb_rset, IN_CONTENT | BARE },
	{ SMTP_NOOP, verb_noop, IN_CONTENT },
	{ SMTP_QUIT, verb_quit, IN_CONTENT | BARE },
	{ SMTP_VRFY, verb_vrfy, IN_CONTENT },
	{ SMTP_HELP, verb_help, IN_CONTENT },
	{ SMTP_STARTTLS, encryption_starttls, AFTER_HELLO | BARE },
	{ SMTP_AUTH, sasl_dialog_auth, AFTER_HELLO },
	{ SMTP_EXPN, verb_not_implemented, IN_CONTENT },
	{ SMTP_ETRN, verb_not_implemented, IN_CONTENT },
	{ SMTP_GET, verb_http, IN_CONTENT },
	{ SMTP_HEAD, verb_http, IN_CONTENT },
	{ SMTP_POST, verb_http, IN_CONTENT },
	{ SMTP_PUT, verb_http, IN_CONTENT },
	{ SMTP_DELETE, verb_http, IN_CONTENT },
	{ SMTP_CONNECT, verb_http, IN_CONTENT },
	{ SMTP_OPTIONS, verb_http, IN_CONTENT },
	{ SMTP_TRACE, verb_http, IN_CONTENT },
};

static const struct verb_row *
find_row(const struct conversation *conversation, enum smtp_verb verb)
{
	unsigned other = conversation->parked.service == SERVICE_LMTP ?
		SMTP_ONLY : LMTP_ONLY;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].verb == verb && (rows[i].allowed & other) == 0)
			return &rows[i];
	return NULL;
}

void
verb_execute(struct conversation *conversation, struct span line)
{
	struct smtp_command command;
	const struct transaction *transaction = conversation->transaction;
	if (!turn_has_waited(&conversation->turn)) {
		conversation->parked.commands++;
		counter_add(COUNTER_COMMANDS, 1);
	}
	smtp_command_parse(line, &command);
	const struct verb_row *row = find_row(conversation, command.verb);
	if (span_find(line, '\0') < line.size || !utf8_is_valid(line))
		conversation_say(conversation, SMTP_REPLY_BAD_BYTES);
	else if (row == NULL)
		conversation_say(conversation, SMTP_REPLY_UNKNOWN_COMMAND);
	else if ((row->allowed & AFTER_HELLO) != 0 &&
	    !conversation->parked.has_hello)
		conversation_say(conversation, SMTP_REPLY_NEEDS_HELO);
	else if ((row->allowed & IN_CONTENT) == 0 && transaction != NULL &&
	    transaction->has_content)
		conversation_say(conversation, SMTP_REPLY_IN_CHUNKS);
	else if ((row->allowed & BARE) != 0 && command.argument.size > 0)
		conversation_say(conversation, SMTP_REPLY_NO_ARGUMENT);
	else
		row->run(conversation, command.argument);
}
