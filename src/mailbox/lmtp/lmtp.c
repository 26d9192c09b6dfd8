/*
 * LMTP: the end of a message's way. Each recipient's account gets the bytes as
 * they were received, with a few lines of ours in front, in one durable record;
 * then it is answered. Only the queue has this wire, and it says which account
 * is meant.
 *
 *	RFC 2033 (LMTP), RFC 5321 4.4 (Return-Path), RFC 3463
 */
#include "mailbox/lmtp/lmtp.h"

#include "base/clock.h"
#include "mailbox/lmtp/forward.h"
#include "serve/counter.h"

/* One recipient of one message. */
struct delivery {
	const struct mailbox *mailbox;
	struct mail_transaction *transaction;
	const struct mail_recipient *recipient;
	uint32_t uid;			/* of the message, when stored */
	struct error error;
};

/* ---- the lines in front ---- */

/* A line break in an address cannot come over the wire; were it there, it
 * would make header fields of our own. */
static void
add_address(struct buffer *out, struct span address)
{
	for (size_t i = 0; i < address.size; i++)
		if ((unsigned char)address.data[i] >= ' ')
			buffer_add_byte(out, address.data[i]);
}

/* The address of RCPT before aliases; false when it is not told. */
static bool
original_address(const struct mail_recipient *recipient, struct buffer *out)
{
	struct span xtext = recipient->rcpt.orcpt, kind;
	return span_split(&xtext, ';', &kind) && xtext.data != NULL &&
		span_equals_nocase(kind, SPAN("rfc822")) &&
		smtp_xtext_decode(out, xtext);
}

static void
make_prefix(const struct delivery *delivery, struct buffer *out)
{
	struct buffer original;
	buffer_init(&original, 0);
	buffer_add_string(out, "Return-Path: <");
	add_address(out, delivery->transaction->sender);
	buffer_add_string(out, ">\r\nX-Original-To: ");
	add_address(out, original_address(delivery->recipient, &original) ?
		buffer_span(&original) : delivery->recipient->address);
	buffer_add_string(out, "\r\nDelivered-To: ");
	add_address(out, delivery->recipient->address);
	buffer_add_string(out, "\r\n");
	buffer_fini(&original);
}

/* ---- storing ---- */

static enum store_verdict
append_to_inbox(struct delivery *delivery, struct store_account *account)
{
	struct mail_transaction *transaction = delivery->transaction;
	struct store_mailbox inbox;
	struct buffer prefix;
	buffer_init(&prefix, 0);
	make_prefix(delivery, &prefix);
	const struct store_piece pieces[] = {
		{ .bytes = buffer_span(&prefix), .fd = -1 },
		mail_body_piece(&transaction->body),
	};
	const struct store_message_new message = { .piece = pieces,
		.piece_count = 2, .transaction =
		transaction->mail.has_transaction ?
		transaction->mail.transaction : NULL };
	enum store_verdict verdict = store_mailbox_find(account, SPAN("INBOX"),
		&transaction->arena, &inbox, &delivery->error);
	if (verdict == STORE_OK)
		verdict = store_append(account, inbox.id, &message, 1,
			&delivery->uid, &delivery->error);
	buffer_fini(&prefix);
	return verdict;
}

static enum store_verdict
store_message(struct delivery *delivery)
{
	const struct smtp_rcpt *rcpt = &delivery->recipient->rcpt;
	struct store_account *account = NULL;
	if (!mailbox_has_space(delivery->mailbox)) {
		error_set(&delivery->error, ERROR_FULL,
			"less than queue_minfree is free");
		return STORE_TROUBLE;
	}
	if (store_account_open(delivery->mailbox->store, rcpt->account,
		rcpt->account, STORE_CREATE | STORE_FOLDERS, &account,
		&delivery->error) < 0)
		return STORE_TROUBLE;
	store_account_set_trace(account, delivery->transaction->scope.trace);
	if (rcpt->has_quota)
		store_quota_set_limit(account, rcpt->quota);
	enum store_verdict verdict = append_to_inbox(delivery, account);
	mailbox_quota_note(account);
	store_account_close(&account);
	return verdict;
}

/* ---- answering ---- */

/*
 * Over quota is for good, as with Dovecot: the sender is told now, while RCPT
 * answers "later" to those who come when it is known (smtpd).
 */
static enum smtp_reply
reply_for(enum store_verdict verdict, const struct error *error)
{
	switch (verdict) {
	case STORE_OK:
		return SMTP_REPLY_DELIVERED;
	case STORE_DUPLICATE:
		return SMTP_REPLY_DELIVERED_BEFORE;
	case STORE_OVER_QUOTA:
		return SMTP_REPLY_MAILBOX_FULL;
	case STORE_TROUBLE:
		return error->code == ERROR_FULL ? SMTP_REPLY_MAILBOX_NO_SPACE :
			SMTP_REPLY_MAILBOX_TROUBLE;
	default:
		return SMTP_REPLY_MAILBOX_TROUBLE;
	}
}

static void
log_delivery(const struct delivery *delivery, enum smtp_reply reply,
	int64_t delay)
{
	char account[17];
	struct buffer hex = { .data = account, .room = sizeof(account),
		.limit = sizeof(account) };
	buffer_print(&hex, "%llx", (unsigned long long)
		delivery->recipient->rcpt.account);
	const struct log_scope *scope = &delivery->transaction->scope;
	switch (reply) {
	case SMTP_REPLY_DELIVERED:
		log_event(LOG_INFO, "stored", scope,
			LOG_SPAN("account", buffer_span(&hex)),
			LOG_TEXT("mailbox", "INBOX"),
			LOG_NUMBER("uid", delivery->uid),
			LOG_NUMBER("delay", delay));
		break;
	case SMTP_REPLY_DELIVERED_BEFORE:
		log_event(LOG_INFO, "stored-before", scope,
			LOG_SPAN("account", buffer_span(&hex)));
		break;
	case SMTP_REPLY_MAILBOX_FULL:
		log_event(LOG_INFO, "over-quota", scope,
			LOG_SPAN("account", buffer_span(&hex)));
		break;
	default:
		log_event(LOG_ERROR, "not-stored", scope,
			LOG_SPAN("account", buffer_span(&hex)),
			LOG_TEXT("error", delivery->error.text));
	}
}

/* His own mail to his mailbox alone is said with XFINAL. */
static bool
is_forwarded(const struct delivery *delivery)
{
	const struct mailbox *mailbox = delivery->mailbox;
	const struct smtp_rcpt *rcpt = &delivery->recipient->rcpt;
	return mailbox->home != NULL && !rcpt->is_final &&
		forward_is_there(mailbox->home, mailbox->delimiters,
		rcpt->path.local);
}

static void
deliver_to(struct delivery *delivery, struct buffer *replies)
{
	char digits[16];
	struct buffer detail = { .data = digits, .room = sizeof(digits),
		.limit = sizeof(digits) };
	int64_t began = clock_monotonic();
	if (is_forwarded(delivery)) {
		smtp_reply_add(replies, SMTP_REPLY_HAS_FORWARD, SPAN(""));
		return;
	}
	enum store_verdict verdict = store_message(delivery);
	enum smtp_reply reply = reply_for(verdict, &delivery->error);
	if (reply == SMTP_REPLY_DELIVERED) {
		counter_add(COUNTER_RECIPIENTS_DELIVERED, 1);
		buffer_print(&detail, "uid %u", delivery->uid);
	}
	smtp_reply_add(replies, reply, reply == SMTP_REPLY_MAILBOX_FULL ?
		delivery->recipient->address : buffer_span(&detail));
	log_delivery(delivery, reply, clock_monotonic() - began);
}

/* ---- the server's questions ---- */

static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	for (size_t i = 0; i < transaction->count; i++) {
		struct delivery delivery = { .mailbox = server->context,
			.transaction = transaction,
			.recipient = &transaction->recipient[i] };
		deliver_to(&delivery, replies);
	}
}

static enum smtp_reply
accept_recipient(const struct mail_server *server,
	const struct mail_recipient *recipient)
{
	const struct mailbox *mailbox = server->context;
	if (!recipient->rcpt.has_account || recipient->rcpt.account == 0)
		return SMTP_REPLY_BAD_PARAMETER;
	return mailbox_has_account(mailbox, recipient->rcpt.account) ?
		SMTP_REPLY_RECIPIENT_OK : SMTP_REPLY_OTHER_PROCESS;
}

void
lmtp_server_init(struct mail_server *server, const struct mailbox *mailbox)
{
	*server = (struct mail_server){ .is_lmtp = true,
		.hostname = mailbox->hostname,
		.size_limit = 0,	/* smtpd and queue have judged it */
		.spill = mailbox->spill, .recipient = accept_recipient,
		.deliver = deliver, .context = (void *)(uintptr_t)mailbox };
}
