/*
 * Inner SMTP and LMTP, the server's side. Runs in queue and mailbox. A
 * transaction usually arrives in one read (MAIL, RCPT, BDAT LAST and the
 * bytes) and is answered with one write.
 *
 *	RFC 5321 4.1, RFC 2033 (LMTP), RFC 2920 (pipelining), RFC 3030 (BDAT)
 */
#include "serve/mail_server.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "proto/line.h"
#include "proto/smtp_data.h"
#include "serve/counter.h"

enum state { COMMANDS, CHUNK, DOTS };

struct mail_session {
	struct session session;		/* first */
	struct stream stream;
	const struct mail_server *server;
	struct mail_transaction *transaction;	/* NULL: MAIL was not said */
	bool has_hello;
	bool is_leaving;		/* QUIT, or nothing more can be understood */
	enum state state;
	bool is_chunked;		/* BDAT has begun */
	struct smtp_bdat chunk;		/* octets still to come */
	struct smtp_data data;
	bool has_failed;		/* bytes are thrown away, failure is said */
	enum smtp_reply failure;
};

static void
reply(struct mail_session *session, enum smtp_reply row, struct span detail)
{
	smtp_reply_add(&session->stream.out, row, detail);
}

static void
say(struct mail_session *session, enum smtp_reply row)
{
	reply(session, row, span_of(NULL, 0));
}

/* ---- transactions ---- */

static void
transaction_end(struct mail_session *session)
{
	struct mail_transaction *transaction = session->transaction;
	session->transaction = NULL;
	session->is_chunked = session->has_failed = false;
	session->state = COMMANDS;
	if (transaction == NULL)
		return;
	mail_body_fini(&transaction->body);
	memory_free(transaction->recipient);
	arena_fini(&transaction->arena);
	memory_free(transaction);
}

static struct span
format_path(struct arena *arena, const struct address *path)
{
	struct buffer text;
	buffer_init(&text, 0);
	address_format(&text, path);
	struct span copy = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return copy;
}

static void
copy_id(char id[LOG_ID_SIZE], struct span from)
{
	if (from.size < LOG_ID_SIZE && from.size > 0)
		memcpy(id, from.data, from.size);
}

static struct mail_transaction *
transaction_begin(const struct mail_server *server, struct span argument,
	enum smtp_verdict *verdict)
{
	struct mail_transaction *new = memory_new(sizeof(*new));
	struct smtp_mail *mail = &new->mail;
	arena_init(&new->arena, MAIL_SERVER_ARENA_LIMIT);
	mail_body_init(&new->body, server->spill);
	/* The line is gone when the next one is read: parse a copy. */
	*verdict = smtp_mail_parse(arena_copy(&new->arena, argument),
		SMTP_WITH_ALL, &new->arena, mail);
	if (*verdict != SMTP_OK) {
		arena_fini(&new->arena);
		memory_free(new);
		return NULL;
	}
	if (!mail->is_null)
		new->sender = format_path(&new->arena, &mail->path);
	copy_id(new->scope.trace, mail->trace);
	copy_id(new->scope.session, mail->session);
	if (new->scope.trace[0] == '\0')
		log_id_new(new->scope.trace);
	return new;
}

/* ---- the end of a message ---- */

static void
answer_all(const struct mail_session *session, enum smtp_reply row,
	struct buffer *out)
{
	size_t count = session->server->is_lmtp ?
		session->transaction->count : 1;
	for (size_t i = 0; i < count; i++)
		smtp_reply_add(out, row, span_of(NULL, 0));
}

static void
message_end(struct mail_session *session)
{
	struct buffer *out = &session->stream.out;
	if (session->has_failed)
		answer_all(session, session->failure, out);
	else
		session->server->deliver(session->server,
			session->transaction, out);
	transaction_end(session);
}

static void
fail(struct mail_session *session, enum smtp_reply row)
{
	session->has_failed = true;
	session->failure = row;
	if (session->transaction != NULL) {
		mail_body_fini(&session->transaction->body);
		mail_body_init(&session->transaction->body,
			session->server->spill);
	}
}

static void
fail_for(struct mail_session *session, const struct error *error)
{
	const struct mail_transaction *transaction = session->transaction;
	log_event(LOG_ERROR, "spill-failed", &transaction->scope,
		LOG_TEXT("error", error->text));
	fail(session, error->code == ERROR_FULL ? SMTP_REPLY_SPILL_FULL :
		SMTP_REPLY_QUEUE_AWAY);
}

/* ---- commands ---- */

static void
command_hello(struct mail_session *session, struct span argument)
{
	const struct mail_server *server = session->server;
	(void)argument;
	transaction_end(session);
	session->has_hello = true;
	stream_print(&session->stream, "250-%s\r\n250-PIPELINING\r\n"
		"250-SIZE %llu\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
		"250-BINARYMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
		"250-ENHANCEDSTATUSCODES\r\n250 XPOSTHOUSE\r\n",
		server->hostname, (unsigned long long)server->size_limit);
}

static void
command_mail(struct mail_session *session, struct span argument)
{
	const struct mail_server *server = session->server;
	enum smtp_verdict verdict;
	if (!session->has_hello) {
		say(session, SMTP_REPLY_NEEDS_HELO);
		return;
	}
	if (session->transaction != NULL) {
		say(session, SMTP_REPLY_NESTED_MAIL);
		return;
	}
	session->transaction = transaction_begin(server, argument, &verdict);
	if (session->transaction == NULL) {
		say(session, smtp_reply_for(verdict, true));
		return;
	}
	const struct smtp_mail *mail = &session->transaction->mail;
	if (mail->has_size && server->size_limit != 0 &&
		mail->size > server->size_limit) {
		transaction_end(session);
		say(session, SMTP_REPLY_TOO_BIG);
		return;
	}
	say(session, SMTP_REPLY_SENDER_OK);
}

static struct mail_recipient *
recipient_add(struct mail_transaction *transaction)
{
	if (transaction->count == transaction->room) {
		transaction->room = transaction->room * 2 + 1;
		transaction->recipient = memory_resize(transaction->recipient,
			transaction->room * sizeof(struct mail_recipient));
	}
	struct mail_recipient *new =
		&transaction->recipient[transaction->count++];
	memset(new, 0, sizeof(*new));
	return new;
}

static void
command_rcpt(struct mail_session *session, struct span argument)
{
	const struct mail_server *server = session->server;
	struct mail_transaction *transaction = session->transaction;
	if (transaction == NULL || session->is_chunked) {
		say(session, transaction == NULL ? SMTP_REPLY_NEEDS_MAIL :
			SMTP_REPLY_IN_CHUNKS);
		return;
	}
	if (transaction->count == MAIL_SERVER_RECIPIENT_LIMIT ||
		arena_is_exceeded(&transaction->arena)) {
		say(session, SMTP_REPLY_TOO_MANY_RECIPIENTS);
		return;
	}
	struct mail_recipient *new = recipient_add(transaction);
	enum smtp_verdict verdict = smtp_rcpt_parse(
		arena_copy(&transaction->arena, argument), SMTP_WITH_ALL,
		&transaction->arena, &new->rcpt);
	enum smtp_reply answer = SMTP_REPLY_RECIPIENT_OK;
	if (verdict != SMTP_OK)
		answer = smtp_reply_for(verdict, false);
	else if (server->recipient != NULL)
		answer = server->recipient(server, new);
	if (answer == SMTP_REPLY_RECIPIENT_OK)
		new->address = format_path(&transaction->arena,
			&new->rcpt.path);
	else
		transaction->count--;
	say(session, answer);
}

/* What stands against a body now; SMTP_REPLY_OK: nothing. */
static enum smtp_reply
body_refusal(const struct mail_session *session)
{
	if (session->transaction == NULL)
		return SMTP_REPLY_NEEDS_MAIL;
	if (session->transaction->count == 0)
		return SMTP_REPLY_NO_RECIPIENTS;
	return SMTP_REPLY_OK;
}

static void
command_data(struct mail_session *session, struct span argument)
{
	enum smtp_reply refusal = body_refusal(session);
	if (argument.size > 0)
		refusal = SMTP_REPLY_NO_ARGUMENT;
	else if (session->is_chunked)
		refusal = SMTP_REPLY_IN_CHUNKS;
	else if (refusal == SMTP_REPLY_OK &&
		session->transaction->mail.body == SMTP_BODY_BINARYMIME)
		refusal = SMTP_REPLY_BINARY_NEEDS_BDAT;
	if (refusal != SMTP_REPLY_OK) {
		say(session, refusal);
		return;
	}
	smtp_data_init(&session->data, SMTP_DATA_DOTS, false);
	session->state = DOTS;
	say(session, SMTP_REPLY_GO_AHEAD);
}

static void
chunk_end(struct mail_session *session)
{
	char digits[24];
	struct buffer number = { .data = digits, .room = sizeof(digits),
		.limit = sizeof(digits) };
	session->state = COMMANDS;
	if (session->transaction == NULL || session->transaction->count == 0) {
		say(session, session->failure);
		session->has_failed = false;
		if (session->chunk.is_last)
			transaction_end(session);
	} else if (session->chunk.is_last) {
		message_end(session);
	} else if (session->has_failed) {
		/* RFC 3030 2: the transaction is in an undetermined state
		 * until RSET; LMTP has as many replies only at the end. */
		say(session, session->failure);
	} else {
		buffer_add_number(&number, session->transaction->body.size);
		reply(session, SMTP_REPLY_CHUNK_OK, buffer_span(&number));
	}
}

static void
command_bdat(struct mail_session *session, struct span argument)
{
	const struct mail_server *server = session->server;
	enum smtp_reply refusal = body_refusal(session);
	if (!smtp_bdat_parse(argument, &session->chunk)) {
		/* Nobody knows how many bytes to pass over. */
		say(session, SMTP_REPLY_BDAT_SYNTAX);
		session->is_leaving = true;
		return;
	}
	session->state = CHUNK;
	if (refusal != SMTP_REPLY_OK) {
		fail(session, refusal);
	} else {
		session->is_chunked = true;
		uint64_t size = session->transaction->body.size;
		if (server->size_limit != 0 && !session->has_failed &&
			(session->chunk.size > server->size_limit ||
			size > server->size_limit - session->chunk.size))
			fail(session, SMTP_REPLY_TOO_BIG);
	}
	if (session->chunk.size == 0)
		chunk_end(session);
}

static void
command_rset(struct mail_session *session, struct span argument)
{
	(void)argument;
	transaction_end(session);
	say(session, SMTP_REPLY_FORGOTTEN);
}

static void
command_noop(struct mail_session *session, struct span argument)
{
	(void)argument;
	say(session, SMTP_REPLY_OK);
}

static void
command_quit(struct mail_session *session, struct span argument)
{
	(void)argument;
	say(session, SMTP_REPLY_BYE);
	session->is_leaving = true;
}

static const struct command {
	enum smtp_verb verb;
	void (*function)(struct mail_session *session, struct span argument);
} commands[] = {
	{ SMTP_EHLO, command_hello }, { SMTP_LHLO, command_hello },
	{ SMTP_HELO, command_hello }, { SMTP_MAIL, command_mail },
	{ SMTP_RCPT, command_rcpt }, { SMTP_DATA, command_data },
	{ SMTP_BDAT, command_bdat }, { SMTP_RSET, command_rset },
	{ SMTP_NOOP, command_noop }, { SMTP_QUIT, command_quit },
};

static void
execute(struct mail_session *session, struct span line)
{
	struct smtp_command command;
	smtp_command_parse(line, &command);
	counter_add(COUNTER_COMMANDS, 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].verb != command.verb)
			continue;
		commands[i].function(session, command.argument);
		return;
	}
	say(session, command.verb == SMTP_UNKNOWN ?
		SMTP_REPLY_UNKNOWN_COMMAND : SMTP_REPLY_NOT_IMPLEMENTED);
}

/* ---- framing ---- */

/* Each returns false when it needs more bytes. */

static bool
next_command(struct mail_session *session)
{
	struct span line;
	size_t consumed;
	enum line_verdict verdict = line_next(stream_unread(&session->stream),
		SMTP_COMMAND_LIMIT, &line, &consumed);
	if (verdict == LINE_MORE)
		return false;
	if (verdict == LINE_OK)
		execute(session, line);
	else if (verdict == LINE_TOO_LONG)
		session->is_leaving = true;	/* not a process of ours */
	if (verdict == LINE_BARE_LF || verdict == LINE_BARE_CR)
		say(session, SMTP_REPLY_BARE_LINE_END);
	if (verdict == LINE_TOO_LONG)
		say(session, SMTP_REPLY_LINE_TOO_LONG);
	stream_consume(&session->stream, consumed);
	return true;
}

static bool
next_chunk_bytes(struct mail_session *session)
{
	struct error error;
	struct span bytes = span_first(stream_unread(&session->stream),
		session->chunk.size < SIZE_MAX ? (size_t)session->chunk.size :
		SIZE_MAX);
	if (bytes.size == 0)
		return false;
	if (!session->has_failed && mail_body_add(&session->transaction->body,
		bytes, &error) < 0)
		fail_for(session, &error);
	session->chunk.size -= bytes.size;
	stream_consume(&session->stream, bytes.size);
	if (session->chunk.size == 0)
		chunk_end(session);
	return true;
}

static bool
next_data_bytes(struct mail_session *session)
{
	struct error error;
	struct buffer content;
	struct span in = stream_unread(&session->stream);
	if (in.size == 0)
		return false;
	buffer_init(&content, 0);
	size_t used = smtp_data_feed(&session->data, in, &content);
	uint64_t limit = session->server->size_limit;
	if (limit != 0 && session->data.size > limit && !session->has_failed)
		fail(session, SMTP_REPLY_TOO_BIG);
	if (!session->has_failed && mail_body_add(&session->transaction->body,
		buffer_span(&content), &error) < 0)
		fail_for(session, &error);
	buffer_fini(&content);
	stream_consume(&session->stream, used);
	if (session->data.is_end)
		message_end(session);
	return used > 0;
}

static bool
next_unit(struct mail_session *session)
{
	switch (session->state) {
	case CHUNK:
		return next_chunk_bytes(session);
	case DOTS:
		return next_data_bytes(session);
	default:
		return next_command(session);
	}
}

/* A long chunk goes straight into the body, not through the stream. */
static int
fill(struct mail_session *session)
{
	struct error error;
	if (session->state != CHUNK || session->has_failed ||
		session->chunk.size < STREAM_READ_SIZE ||
		stream_unread(&session->stream).size > 0)
		return stream_fill(&session->stream);
	ssize_t n = mail_body_read(&session->transaction->body,
		session->stream.fd, session->chunk.size < SIZE_MAX ?
		(size_t)session->chunk.size : SIZE_MAX, &error);
	if (n == -2 && error.code != ERROR_NONE) {
		fail_for(session, &error);
		return stream_fill(&session->stream);
	}
	if (n > 0)
		session->chunk.size -= (uint64_t)n;
	return (int)n;
}

static enum session_next
park(struct mail_session *session)
{
	enum stream_state state = stream_flush(&session->stream);
	if (state == STREAM_BROKEN)
		return SESSION_CLOSE;
	if (state == STREAM_PENDING) {
		session->session.deadline = clock_monotonic() +
			MAIL_SERVER_PATIENCE;
		return SESSION_PARK_WRITE;
	}
	if (session->is_leaving)
		return SESSION_CLOSE;
	session->session.deadline = session->transaction == NULL ? INT64_MAX :
		clock_monotonic() + MAIL_SERVER_PATIENCE;
	stream_shrink(&session->stream);
	return SESSION_PARK;
}

static enum session_next
read_and_execute(struct mail_session *session)
{
	for (;;) {
		int n = fill(session);
		if (n == 0 || n == -2)
			return SESSION_CLOSE;
		if (n == -1)
			return park(session);
		if (session->state == CHUNK && session->chunk.size == 0)
			chunk_end(session);
		bool got_all = n < STREAM_READ_SIZE;
		while (!session->is_leaving && next_unit(session))
			continue;
		/* What a full read left behind is there already; otherwise
		 * epoll says when there is more. */
		if (got_all || session->is_leaving)
			return park(session);
		if (stream_flush(&session->stream) != STREAM_CLEAN)
			return park(session);
	}
}

static enum session_next
mail_session_run(struct session *base, enum session_event event)
{
	struct mail_session *session = (struct mail_session *)base;
	switch (event) {
	case SESSION_START:
		reply(session, session->server->is_lmtp ?
			SMTP_REPLY_GREETING_LMTP : SMTP_REPLY_GREETING,
			span_from(session->server->hostname));
		return park(session);
	case SESSION_STOP:
	case SESSION_DEADLINE:
		return SESSION_CLOSE;
	case SESSION_WRITABLE:
		return park(session);
	default:
		return read_and_execute(session);
	}
}

static void
mail_session_free(struct session **base)
{
	struct mail_session *session = (struct mail_session *)*base;
	transaction_end(session);
	stream_fini(&session->stream);
	memory_free(session);
	*base = NULL;
}

static const struct session_type mail_session_type = {
	.name = "mail", .run = mail_session_run, .free = mail_session_free,
};

void
mail_server_accept(struct lot *lot, struct incoming *incoming,
	const struct mail_server *server)
{
	struct mail_session *session = memory_new(sizeof(*session));
	session->session.type = &mail_session_type;
	session->session.fd = incoming->fd;
	session->session.second_fd = -1;
	session->session.deadline = INT64_MAX;
	session->session.is_background = true;
	session->server = server;
	stream_init(&session->stream, &incoming->fd);
	session->stream.is_wire = true;
	lot_add(lot, &session->session);
}
