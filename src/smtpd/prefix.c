/*
 * Fields that smtpd writes. Nothing of what a stranger said goes in but the
 * name he gave, which verb.c has cleaned, and addresses, which were parsed.
 */
#include "smtpd/prefix.h"

#include <string.h>

#include "proto/date.h"
#include "proto/mime.h"

/* ---- Received ---- */

/* RFC 3848, RFC 6531 4.3: ESMTPSA, UTF8LMTPS and so on. */
static void
add_protocol(struct buffer *out, const struct conversation *conversation)
{
	const struct smtp_parked *parked = &conversation->parked;
	bool is_lmtp = parked->service == SERVICE_LMTP;
	if (conversation->transaction->mail.is_utf8)
		buffer_add_string(out, is_lmtp ? "UTF8LMTP" : "UTF8SMTP");
	else if (is_lmtp)
		buffer_add_string(out, "LMTP");
	else
		buffer_add_string(out, parked->is_extended ? "ESMTP" : "SMTP");
	/* RFC 3848: plain SMTP has neither TLS nor AUTH. */
	if (!parked->is_extended)
		return;
	if (parked->facts.is_tls)
		buffer_add_byte(out, 'S');
	if (parked->account != 0)
		buffer_add_byte(out, 'A');
}

/* RFC 5321 4.4: TCP-info is the address literal. */
static void
add_client(struct buffer *out, const struct network_address *client)
{
	char text[NETWORK_TEXT_SIZE];
	if (client->family == AF_UNIX) {
		buffer_print(out, "(uid %u)", client->uid);
		return;
	}
	network_address_format(client, text);
	buffer_print(out, client->family == AF_INET6 ? "([IPv6:%s])" : "([%s])",
		text);
}

static void
add_received(struct buffer *out, const struct conversation *conversation,
	int64_t seconds)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct transaction *transaction = conversation->transaction;
	buffer_print(out, "Received: from %s ", parked->hello);
	add_client(out, &parked->facts.client);
	buffer_print(out, "\r\n\tby %s (Posthouse) with ",
		conversation->rules->hostname);
	add_protocol(out, conversation);
	if (parked->facts.is_tls)
		buffer_print(out, "\r\n\t(%s %s)", parked->facts.tls_version,
			parked->facts.tls_cipher);
	buffer_print(out, "\r\n\tid %s", parked->scope.trace);
	/* Of several, none is told about the others (RFC 5321 7.2). */
	if (transaction->count == 1) {
		buffer_add_string(out, "\r\n\tfor <");
		buffer_add(out, transaction->first);
		buffer_add_byte(out, '>');
	}
	buffer_add_string(out, ";\r\n\t");
	date_format_header(out, seconds, 0);
	buffer_add_string(out, "\r\n");
}

/* ---- what a submission lacks ---- */

static bool
is_submitted(const struct conversation *conversation)
{
	return conversation_is_submission(conversation) ||
		conversation->parked.account != 0 ||
		conversation->parked.facts.client.family == AF_UNIX;
}

void
prefix_add(struct buffer *out, const struct conversation *conversation,
	int64_t seconds)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct header_scan *header = &conversation->transaction->header;
	add_received(out, conversation, seconds);
	if (is_submitted(conversation)) {
		if (!header->has_date) {
			buffer_add_string(out, "Date: ");
			date_format_header(out, seconds, 0);
			buffer_add_string(out, "\r\n");
		}
		if (!header->has_message_id)
			buffer_print(out, "Message-ID: <%s.%s@%s>\r\n",
				parked->scope.trace, parked->scope.session,
				conversation->rules->hostname);
		if (header->from_count == 0 && parked->account != 0)
			buffer_print(out, "From: <%s>\r\n", parked->user);
	}
	/* Text that begins at once would become header behind ours. */
	if (header->is_headless)
		buffer_add_string(out, "\r\n");
}

/* ---- From ---- */

static enum directory_verdict
ask_about(struct conversation *conversation,
	const struct mime_address *row)
{
	struct address address = { .local = row->mailbox, .domain = row->host };
	struct buffer text;
	if (row->mailbox.data == NULL || row->host.data == NULL)
		return DIRECTORY_MAY_NOT_SEND;
	buffer_init(&text, 0);
	address_format(&text, &address);
	enum directory_verdict verdict = directory_ask_sender(
		conversation->smtpd->directory, &conversation->turn,
		conversation->parked.account, buffer_span(&text));
	buffer_fini(&text);
	return verdict;
}

/* All of them: a From of two, one of them somebody else's, is somebody else's. */
static enum smtp_reply
check_addresses(struct conversation *conversation,
	const struct mime_address *row)
{
	unsigned count = 0;
	for (; row != NULL; row = row->next) {
		/* Begin and end of a group (RFC 6854) name nobody. */
		if (row->mailbox.data == NULL && row->host.data == NULL)
			continue;
		switch (ask_about(conversation, row)) {
		case DIRECTORY_MAY_SEND:
			break;
		case DIRECTORY_MAY_NOT_SEND:
			return SMTP_REPLY_FROM_NOT_YOURS;
		default:
			return SMTP_REPLY_LOOKUP_AWAY;
		}
		if (++count > PREFIX_FROM_LIMIT)
			return SMTP_REPLY_FROM_NOT_YOURS;
	}
	return count > 0 ? SMTP_REPLY_OK : SMTP_REPLY_FROM_NOT_YOURS;
}

enum smtp_reply
prefix_check_from(struct conversation *conversation)
{
	const struct header_scan *header = &conversation->transaction->header;
	struct arena arena;
	if (conversation->parked.account == 0 || header->from_count == 0)
		return SMTP_REPLY_OK;
	/* RFC 5322 3.6: exactly one; of two each reader would show another. */
	if (header->from_count > 1 || buffer_is_overrun(&header->from))
		return SMTP_REPLY_FROM_NOT_YOURS;
	arena_init(&arena, 0);
	enum smtp_reply verdict = check_addresses(conversation,
		mime_parse_addresses(&arena, mime_unfold(&arena,
		buffer_span(&header->from))));
	arena_fini(&arena);
	return verdict;
}
