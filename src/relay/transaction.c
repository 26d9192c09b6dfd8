/*
 * A transaction: the commands before the message go out in windows (of one
 * command without PIPELINING), each window's answers are read before the next.
 * The last window takes DATA along, or BDAT with the whole of a small message.
 */
#include "relay/transaction.h"

#include "base/log.h"
#include "base/utf8.h"
#include "relay/downgrade.h"

enum {
	WINDOW = 50,		/* commands; their answers always fit the other
				 * side's buffers (RFC 2920 3.1) */
	SMALL = 32768,		/* bytes of a message that go along with BDAT */
};

enum form { FORM_DATA, FORM_CHUNK, FORM_BINARY };

struct transaction {
	struct client *client;
	struct message *message;
	const struct mail_body *body;	/* as this server gets it */
	const struct body_facts *facts;
	struct attempt **attempt;
	size_t count;
	struct smtp_mail mail;		/* as it is said to this server */
	enum form form;
	bool has_rset;			/* comes first */
	bool is_pipelined;
	bool goes_along;		/* DATA or BDAT, in the last window */
	bool has_gone;			/* it has */
	bool is_refused;		/* MAIL was */
	bool is_complete;		/* the end of the message was written */
	size_t answers;			/* read so far */
	size_t accepted;
};

int
message_init(struct message *message, struct mail_transaction *mail,
	struct arena *arena, struct error *error)
{
	*message = (struct message){ .mail = mail, .arena = arena };
	mail_body_init(&message->converted, mail->body.directory);
	if (body_scan(&mail->body, &message->facts, error) < 0)
		return error_wrap(error, "reading the message");
	message->needs_smtputf8 = mail->mail.is_utf8 &&
		(message->facts.has_8bit_header ||
		!utf8_is_ascii(mail->sender));
	return 0;
}

void
message_fini(struct message *message)
{
	mail_body_fini(&message->converted);
}

/* RFC 3030 3: bytes that are no lines, for one who takes only lines. */
static bool
is_binary(const struct message *message)
{
	const struct body_facts *facts = &message->facts;
	return message->mail->mail.body == SMTP_BODY_BINARYMIME &&
		(facts->has_bare || facts->has_nul || facts->has_long_line);
}

/* What cannot be read or written now is as good as inconvertible now. */
static void
convert(struct message *message)
{
	struct error error = { .text = "" };
	bool is_done = downgrade(&message->mail->body, &message->converted,
		&error) == DOWNGRADE_DONE && body_scan(&message->converted,
		&message->converted_facts, &error) == 0;
	message->conversion = is_done && !message->converted_facts.has_8bit ?
		MESSAGE_CONVERTED : MESSAGE_INCONVERTIBLE;
	if (error.text[0] != '\0')
		log_event(LOG_ERROR, "not-converted", &message->mail->scope,
			LOG_TEXT("error", error.text));
}

/* ---- what this server can be told ---- */

static bool
offers(const struct transaction *t, enum client_extension extension)
{
	return (t->client->extensions & extension) != 0;
}

static bool
is_ascii_local(const struct address *path)
{
	return utf8_is_ascii(path->local);
}

/* Without SMTPUTF8 a domain still has its A-labels (RFC 5891 2.3.2.1). */
static bool
to_ascii(const struct transaction *t, struct address *path)
{
	if (!path->is_utf8)
		return true;
	path->is_utf8 = false;
	return is_ascii_local(path) && address_domain_to_ascii(
		t->message->arena, path->domain, &path->domain);
}

static void
refuse(const struct transaction *t, struct attempt *attempt, unsigned code,
	const char *status, const char *reason)
{
	verdict_set(&attempt->verdict, t->message->arena, code, status,
		"host %s %s", t->client->host, reason);
}

/* Nothing was said yet; a verdict for everybody who has none. */
static void
refuse_all(const struct transaction *t, unsigned code, const char *status,
	const char *reason)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->attempt[i]->verdict.code == 0)
			refuse(t, t->attempt[i], code, status, reason);
}

/* RFC 6531 3.4 and 3.5: those who cannot be named to this server. */
static void
check_names(struct transaction *t)
{
	static const char *const reason = "does not take addresses or headers "
		"beyond ASCII (SMTPUTF8)";
	if (t->message->needs_smtputf8 && (t->message->facts.has_8bit_header ||
		!to_ascii(t, &t->mail.path))) {
		refuse_all(t, 550, "5.6.7", reason);
		return;
	}
	for (size_t i = 0; i < t->count; i++) {
		struct address path = t->attempt[i]->recipient->rcpt.path;
		if (!to_ascii(t, &path))
			refuse(t, t->attempt[i], 550, "5.6.7", reason);
	}
}

/* RFC 6152 3: the message as it is, or with 7 bits. */
static void
choose_body(struct transaction *t)
{
	struct message *message = t->message;
	t->body = &message->mail->body;
	t->facts = &message->facts;
	if (is_binary(message) ? offers(t, CLIENT_BINARYMIME) :
		!t->facts->has_8bit || offers(t, CLIENT_8BITMIME))
		return;
	if (message->conversion == MESSAGE_UNCONVERTED)
		convert(message);
	if (message->conversion == MESSAGE_INCONVERTIBLE) {
		refuse_all(t, 554, "5.6.3", is_binary(message) ?
			"does not take binary messages (BINARYMIME), and this "
			"one cannot be converted" : "does not take 8-bit "
			"messages (8BITMIME), and this one cannot be converted");
		return;
	}
	t->body = &message->converted;
	t->facts = &message->converted_facts;
}

static void
check_offer(struct transaction *t)
{
	const struct client *client = t->client;
	uint64_t size = t->body->size;
	if (!offers(t, CLIENT_SMTPUTF8))
		check_names(t);
	if (client->size_limit != 0 && size > client->size_limit)
		refuse_all(t, 552, "5.3.4",
			"takes no message of this size");
	if (t->message->mail->mail.needs_tls && !offers(t, CLIENT_REQUIRETLS))
		refuse_all(t, 550, "5.7.30", "does not promise TLS for the "
			"rest of the way (REQUIRETLS), which the sender asked "
			"for");
}

/* Those who have a verdict already are left out. */
static void
leave_out_decided(struct transaction *t)
{
	size_t left = 0;
	for (size_t i = 0; i < t->count; i++) {
		struct attempt *attempt = t->attempt[i];
		attempt->is_accepted = attempt->is_postponed = false;
		if (attempt->verdict.code != 0)
			continue;
		t->attempt[i] = t->attempt[left];
		t->attempt[left++] = attempt;
	}
	t->count = left;
}

static enum form
choose_form(const struct transaction *t)
{
	if (is_binary(t->message) && t->body == &t->message->mail->body)
		return FORM_BINARY;
	return offers(t, CLIENT_CHUNKING) && !t->facts->has_bare &&
		t->facts->ends_line ? FORM_CHUNK : FORM_DATA;
}

static void
choose_parameters(struct transaction *t)
{
	const struct smtp_mail *mail = &t->message->mail->mail;
	bool is_utf8 = mail->is_utf8 && offers(t, CLIENT_SMTPUTF8) &&
		t->message->needs_smtputf8;
	t->mail.is_null = mail->is_null;
	t->mail.has_size = offers(t, CLIENT_SIZE);
	t->mail.size = t->body->size;
	if (t->form == FORM_BINARY)
		t->mail.body = SMTP_BODY_BINARYMIME;
	else if (t->facts->has_8bit && offers(t, CLIENT_8BITMIME))
		t->mail.body = SMTP_BODY_8BITMIME;
	if (offers(t, CLIENT_DSN)) {
		t->mail.ret = mail->ret;
		t->mail.envid = mail->envid;
	}
	for (size_t i = 0; i < t->count; i++)
		is_utf8 = is_utf8 || (offers(t, CLIENT_SMTPUTF8) &&
			t->attempt[i]->recipient->rcpt.path.is_utf8);
	t->mail.is_utf8 = is_utf8;
	t->mail.needs_tls = mail->needs_tls;
}

/* ---- commands before the message ---- */

/* Step 0 is RSET where it is due, then comes MAIL, then each RCPT. */
static size_t
first_rcpt(const struct transaction *t)
{
	return t->has_rset ? 2 : 1;
}

/* RFC 6533 3: without SMTPUTF8 what is beyond ASCII is written \x{HEX}. */
static struct span
orcpt_for(const struct transaction *t, struct span orcpt)
{
	struct buffer out;
	uint32_t character;
	if (t->mail.is_utf8 || utf8_is_ascii(orcpt))
		return orcpt;
	buffer_init(&out, SMTP_ORCPT_LIMIT);
	while (orcpt.size > 0) {
		size_t size = utf8_decode(orcpt, &character);
		if (size == 1)
			buffer_add_byte(&out, orcpt.data[0]);
		else
			buffer_print(&out, "\\x{%X}", character);
		orcpt = span_skip(orcpt, size > 0 ? size : 1);
	}
	struct span text = buffer_is_overrun(&out) ? span_of(NULL, 0) :
		arena_copy(t->message->arena, buffer_span(&out));
	buffer_fini(&out);
	return text;
}

static void
write_rcpt(struct transaction *t, const struct attempt *attempt)
{
	const struct smtp_rcpt *from = &attempt->recipient->rcpt;
	struct smtp_rcpt rcpt = { .path = from->path };
	if (!offers(t, CLIENT_SMTPUTF8))
		to_ascii(t, &rcpt.path);
	if (offers(t, CLIENT_DSN)) {
		rcpt.notify = from->notify;
		rcpt.orcpt = orcpt_for(t, from->orcpt);
	}
	smtp_rcpt_add(&t->client->stream.out, &rcpt);
}

static void
write_step(struct transaction *t, size_t step)
{
	size_t first = first_rcpt(t);
	if (step >= first)
		write_rcpt(t, t->attempt[step - first]);
	else if (step == first - 1)
		smtp_mail_add(&t->client->stream.out, &t->mail);
	else
		stream_add(&t->client->stream, SPAN("RSET\r\n"));
}

/* 421 says that the connection ends here (RFC 5321 3.8). */
static enum client_result
read_answer(struct transaction *t, int64_t timeout)
{
	struct client *client = t->client;
	enum client_result result = client_read(client, timeout);
	if (result == CLIENT_BROKEN)
		return result;
	t->answers++;
	if (client->answer.code != 421)
		return result;
	struct span words = verdict_words(t->message->arena, &client->answer);
	return client_fail(client, "it said: %.*s", SPAN_PRINT(words));
}

static void
give_verdict(struct transaction *t, struct attempt *attempt,
	const char *in_reply_to)
{
	verdict_from_answer(&attempt->verdict, t->message->arena,
		span_from(t->client->host), &t->client->answer, in_reply_to);
}

/* What stands in the last answer holds for all who wait for one. */
static void
give_all(struct transaction *t, const char *in_reply_to)
{
	for (size_t i = 0; i < t->count; i++) {
		struct attempt *attempt = t->attempt[i];
		if (attempt->verdict.code == 0 && !attempt->is_postponed)
			give_verdict(t, attempt, in_reply_to);
	}
}

static void
take_rcpt(struct transaction *t, struct attempt *attempt,
	enum client_result result)
{
	unsigned code = t->client->answer.code;
	if (t->is_refused)
		return;		/* it has its verdict from MAIL */
	if (result == CLIENT_OK && code / 100 == 2) {
		attempt->is_accepted = true;
		t->accepted++;
	} else if (code == 452 && t->accepted > 0) {
		/* RFC 5321 4.5.3.1.10: the others in another transaction. */
		attempt->is_postponed = true;
	} else {
		give_verdict(t, attempt, "RCPT TO");
	}
}

static bool
take_step(struct transaction *t, size_t step)
{
	const struct parameters *settings = t->client->settings;
	size_t first = first_rcpt(t);
	bool is_mail = step == first - 1;
	enum client_result result = read_answer(t, step >= first ?
		settings->rcpt_timeout : is_mail ? settings->mail_timeout :
		settings->rset_timeout);
	if (result == CLIENT_BROKEN)
		return false;
	if (step >= first) {
		take_rcpt(t, t->attempt[step - first], result);
	} else if (is_mail && t->client->answer.code / 100 != 2) {
		t->is_refused = true;
		give_all(t, "MAIL FROM");
	}
	return true;
}

/* ---- the message ---- */

static bool
send_pieces(struct transaction *t, bool is_plain)
{
	struct client *client = t->client;
	struct body_reader reader;
	struct body_dots dots;
	struct span bytes;
	struct error error;
	enum body_read read;
	int64_t timeout = client->settings->data_xfer_timeout;
	body_reader_init(&reader, t->body);
	body_dots_init(&dots);
	while ((read = body_reader_next(&reader, &bytes, &error)) ==
		BODY_BYTES && !client->stream.is_failed) {
		client->stream.deadline = client_deadline(client, timeout);
		if (is_plain)
			stream_add(&client->stream, bytes);
		else
			body_dots_feed(&dots, bytes, &client->stream.out);
		if (client->stream.out.size >= STREAM_OUT_LIMIT &&
			!client_send(client, timeout))
			break;
	}
	body_reader_fini(&reader);
	if (read == BODY_FAILED)
		client_fail(client, "our own copy could not be read: %.100s",
			error.text);
	if (!is_plain && read == BODY_END)
		body_dots_end(&dots, &client->stream.out);
	return read == BODY_END && !client->is_broken;
}

static void
write_chunk_line(struct transaction *t)
{
	const struct smtp_bdat bdat = { t->body->size, true };
	smtp_bdat_add(&t->client->stream.out, &bdat);
}

/* The whole of BDAT. */
static bool
write_chunk(struct transaction *t)
{
	write_chunk_line(t);
	if (!send_pieces(t, true))
		return false;
	t->is_complete = true;
	return true;
}

/* After 354. Without a recipient nothing is sent but the end (RFC 2920 3.1). */
static bool
send_content(struct transaction *t)
{
	const struct body_facts *facts = t->facts;
	struct stream *stream = &t->client->stream;
	bool is_plain = body_is_plain(facts);
	if (t->accepted > 0 && !send_pieces(t, is_plain))
		return false;
	if (t->accepted == 0)
		stream_add(stream, SPAN(".\r\n"));
	else if (is_plain)
		stream_add(stream, facts->ends_line ? SPAN(".\r\n") :
			SPAN("\r\n.\r\n"));
	t->is_complete = true;
	return client_send(t->client, t->client->settings->data_xfer_timeout);
}

static void
give_delivered(struct transaction *t, struct attempt *attempt)
{
	const char *host = t->client->host;
	if (offers(t, CLIENT_DSN)) {
		give_verdict(t, attempt, t->form == FORM_DATA ?
			"end of DATA" : "BDAT");
		return;
	}
	/* RFC 3461 5.2.2: the report of this is ours to make. */
	struct span words = verdict_words(t->message->arena,
		&t->client->answer);
	verdict_set(&attempt->verdict, t->message->arena, 250, "2.1.9",
		"relayed to %s, which has no DSN; said: %.*s", host,
		SPAN_PRINT(words));
}

/* The answer to the end of the message: for all that were accepted. */
static bool
take_end(struct transaction *t)
{
	struct client *client = t->client;
	enum client_result result = read_answer(t,
		client->settings->data_done_timeout);
	if (result == CLIENT_BROKEN)
		return false;
	bool is_delivered = client->answer.code / 100 == 2;
	for (size_t i = 0; i < t->count; i++) {
		struct attempt *attempt = t->attempt[i];
		if (!attempt->is_accepted)
			continue;
		if (is_delivered)
			give_delivered(t, attempt);
		else
			give_verdict(t, attempt, t->form == FORM_DATA ?
				"end of DATA" : "BDAT");
	}
	client->needs_rset = !is_delivered;
	return true;
}

/* DATA was said; false: the connection is of no use any more. */
static bool
run_data(struct transaction *t)
{
	struct client *client = t->client;
	enum client_result result = read_answer(t,
		client->settings->data_init_timeout);
	if (result == CLIENT_BROKEN)
		return false;
	if (result == CLIENT_REFUSED) {
		give_all(t, "DATA");
		client->needs_rset = true;
		return true;
	}
	if (client->answer.code / 100 != 3) {
		client_fail(client, "it answered DATA with %u",
			client->answer.code);
		return false;
	}
	return send_content(t) && take_end(t);
}

/* ---- all of it ---- */

/* MAIL, RCPT, and what goes along. False: broken. */
static bool
run_commands(struct transaction *t)
{
	size_t total = first_rcpt(t) + t->count;
	size_t window = t->is_pipelined ? WINDOW : 1;
	for (size_t at = 0; at < total && !t->is_refused; at += window) {
		size_t end = total - at < window ? total : at + window;
		bool is_last = end == total && t->goes_along;
		for (size_t i = at; i < end; i++)
			write_step(t, i);
		t->has_gone = is_last;
		if (is_last && t->form == FORM_DATA)
			stream_add(&t->client->stream, SPAN("DATA\r\n"));
		else if (is_last && !write_chunk(t))
			return false;
		if (!client_send(t->client, t->client->settings->mail_timeout))
			return false;
		for (size_t i = at; i < end; i++)
			if (!take_step(t, i))
				return false;
	}
	return true;
}

/* The message, if it did not go along already. */
static bool
run_message(struct transaction *t)
{
	struct client *client = t->client;
	if (!t->has_gone && t->accepted == 0) {
		client->needs_rset = true;
		return true;
	}
	if (!t->has_gone && t->form == FORM_DATA)
		stream_add(&client->stream, SPAN("DATA\r\n"));
	else if (!t->has_gone && !write_chunk(t))
		return false;
	if (!t->has_gone && !client_send(client,
		client->settings->data_xfer_timeout))
		return false;
	return t->form == FORM_DATA ? run_data(t) : take_end(t);
}

/*
 * What may have been delivered is tried nowhere else now (RFC 1047). A kept
 * connection that gives no single answer was closed before it was used again.
 */
static void
settle_broken(struct transaction *t)
{
	if (!t->is_complete || (t->answers == 0 && t->client->used > 0))
		return;
	for (size_t i = 0; i < t->count; i++) {
		struct attempt *attempt = t->attempt[i];
		if (attempt->verdict.code == 0 && !attempt->is_postponed)
			verdict_set(&attempt->verdict, t->message->arena, 451,
				"4.4.2", "the connection to host %s broke after "
				"the whole message was sent: %s", t->client->host,
				t->client->trouble);
	}
}

bool
transaction_run(struct client *client, struct message *message,
	struct attempt **attempt, size_t count)
{
	struct transaction t = { .client = client, .message = message,
		.attempt = attempt, .count = count,
		.mail.path = message->mail->mail.path };
	choose_body(&t);
	check_offer(&t);
	leave_out_decided(&t);
	if (t.count == 0)
		return true;
	t.form = choose_form(&t);
	choose_parameters(&t);
	t.is_pipelined = offers(&t, CLIENT_PIPELINING);
	t.goes_along = t.is_pipelined && (t.form == FORM_DATA ||
		t.body->size <= SMALL);
	t.has_rset = client->needs_rset;
	client->needs_rset = false;
	bool is_usable = run_commands(&t) && run_message(&t);
	if (!is_usable)
		settle_broken(&t);
	client->used++;
	return is_usable;
}
