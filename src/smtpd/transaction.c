/*
 * MAIL and RCPT: who may send to whom (RFC 5321 3.3, RFC 6409, RFC 6531,
 * RFC 3461). The rules in words:
 *
 *	port 25		to users here and in relay_domains: from anybody. To
 *			other domains: from mynetworks, or logged in
 *	submission	after login only (RFC 6409 4.3), or from this machine's
 *			Unix socket; to anybody; as one's own address
 *	LMTP		to users here
 */
#include "smtpd/transaction.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "smtpd/directory.h"

/* ---- the transaction ---- */

static void
begin(struct conversation *conversation)
{
	struct transaction *new = memory_new(sizeof(*new));
	bool is_crowded = atomic_load(&conversation->smtpd->held) >
		SMTPD_HELD_MUCH;
	arena_init(&new->arena, 0);
	buffer_init(&new->recipients, TRANSACTION_ENVELOPE_LIMIT);
	mail_body_init(&new->body, conversation->smtpd->spill);
	new->body.memory_limit = is_crowded ? TRANSACTION_MEMORY_CROWDED :
		TRANSACTION_MEMORY;
	header_scan_init(&new->header, conversation->parked.account != 0);
	conversation->transaction = new;
	conversation->parked.transaction_end = clock_monotonic() +
		conversation->rules->transaction_time;
	log_id_new(conversation->parked.scope.trace);
}

void
transaction_end(struct conversation *conversation)
{
	struct transaction *transaction = conversation->transaction;
	if (transaction == NULL)
		return;
	conversation->transaction = NULL;
	conversation->parked.scope.trace[0] = '\0';
	atomic_fetch_sub(&conversation->smtpd->held, transaction->held);
	mail_body_fini(&transaction->body);
	header_scan_fini(&transaction->header);
	buffer_fini(&transaction->recipients);
	arena_fini(&transaction->arena);
	memory_free(transaction);
}

bool
transaction_account(struct conversation *conversation)
{
	struct transaction *transaction = conversation->transaction;
	int64_t before = transaction->held;
	transaction->held = (int64_t)(transaction->arena.used +
		transaction->recipients.room + transaction->header.from.room +
		transaction->body.memory.room);
	int64_t growth = transaction->held - before;
	if (growth == 0)
		return true;
	return atomic_fetch_add(&conversation->smtpd->held, growth) + growth <=
		SMTPD_HELD_LIMIT || growth < 0;
}

void
transaction_refuse(struct transaction *transaction, enum smtp_reply reason)
{
	if (transaction->is_refused)
		return;
	transaction->is_refused = true;
	transaction->refusal = reason;
	mail_body_fini(&transaction->body);
}

/* A local part alone belongs to this host when it comes from it (myorigin). */
static void
complete_domain(const struct conversation *conversation,
	struct address *address)
{
	if (address->domain.size == 0)
		address->domain = conversation->rules->origin;
}

static bool
is_known_client(const struct conversation *conversation)
{
	return conversation->parked.is_trusted ||
		conversation->parked.account != 0;
}

static unsigned
extensions_of(const struct conversation *conversation)
{
	unsigned extensions = SMTP_WITH_OUTER;
	/* RFC 4954 5: AUTH= belongs to sessions with AUTH. */
	if (!conversation_is_submission(conversation) &&
	    !conversation->rules->has_auth_on_smtp)
		extensions &= ~(unsigned)SMTP_WITH_AUTH;
	/* RFC 8689 2: the way to us is part of the whole. */
	if (conversation->parked.facts.is_tls)
		extensions |= SMTP_WITH_REQUIRETLS;
	return extensions;
}

static struct span
format_address(struct arena *arena, const struct address *address)
{
	struct buffer text;
	buffer_init(&text, 0);
	address_format(&text, address);
	struct span copy = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return copy;
}

/* What was refused, for those who ask why; a client that is refused much is
 * in the log only so often. */
static void
log_refusal(struct conversation *conversation, const char *command,
	enum smtp_reply reply, struct span argument, struct span shown)
{
	struct smtp_parked *parked = &conversation->parked;
	char client[NETWORK_TEXT_SIZE];
	struct buffer said;
	if (smtp_reply_get(reply)->code < 400 || ++parked->refusals > CONVERSATION_REFUSALS ||
	    !log_is_on(LOG_INFO))
		return;
	network_address_format(&parked->facts.client, client);
	buffer_init(&said, 0);
	smtp_reply_add(&said, reply, shown);
	log_event(LOG_INFO, "refused", &parked->scope,
		LOG_TEXT("command", command), LOG_SPAN("argument", argument),
		LOG_SPAN("reply", span_trim(buffer_span(&said))),
		LOG_TEXT("client", client), LOG_TEXT("helo", parked->hello),
		LOG_TEXT("user", parked->user));
	buffer_fini(&said);
}

/* ---- MAIL ---- */

/* mynetworks are free of rates, and who comes back after waiting for his turn
 * was counted before. */
static bool
is_counted(const struct conversation *conversation)
{
	return !conversation->parked.is_trusted &&
		!turn_has_waited(&conversation->turn);
}

/* What stands against MAIL at all, whatever its argument. */
static enum smtp_reply
refusal_of_mail(const struct conversation *conversation)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	if (conversation->transaction != NULL)
		return SMTP_REPLY_NESTED_MAIL;
	/* A local program on the Unix socket is the user it runs as. */
	if (conversation_is_submission(conversation) && parked->account == 0 &&
	    (parked->facts.client.family != AF_UNIX || !parked->is_trusted))
		return SMTP_REPLY_AUTH_REQUIRED;
	if (is_counted(conversation) && !limit_event(conversation->smtpd->limits,
	    &parked->facts.client, LIMIT_MESSAGES, rules->client_message_rate,
	    clock_monotonic()))
		return SMTP_REPLY_MESSAGE_RATE;
	return SMTP_REPLY_OK;
}

/* May the account that is logged in send as this? RFC 6409 6.1. */
static enum smtp_reply
check_sender(struct conversation *conversation,
	const struct smtp_mail *mail, struct arena *arena)
{
	/* <> is for notifications, RFC 3461 and RFC 8098 3. */
	if (conversation->parked.account == 0 || mail->is_null)
		return SMTP_REPLY_OK;
	switch (directory_ask_sender(conversation->smtpd->directory,
	    &conversation->turn, conversation->parked.account,
	    format_address(arena, &mail->path))) {
	case DIRECTORY_MAY_SEND:
		return SMTP_REPLY_OK;
	case DIRECTORY_MAY_NOT_SEND:
		return SMTP_REPLY_SENDER_NOT_YOURS;
	default:
		return SMTP_REPLY_LOOKUP_AWAY;
	}
}

static enum smtp_reply
check_mail(struct conversation *conversation, struct smtp_mail *mail,
	struct arena *arena)
{
	uint64_t limit = conversation->rules->size_limit;
	if (!mail->is_null && mail->path.domain.size == 0 &&
	    !is_known_client(conversation))
		return SMTP_REPLY_BAD_SENDER;
	if (!mail->is_null)
		complete_domain(conversation, &mail->path);
	/* RFC 1870 6.1 */
	if (mail->has_size && limit != 0 && mail->size > limit)
		return SMTP_REPLY_TOO_BIG;
	return check_sender(conversation, mail, arena);
}

void
transaction_mail(struct conversation *conversation, struct span argument)
{
	enum smtp_reply reply = refusal_of_mail(conversation);
	if (reply != SMTP_REPLY_OK) {
		log_refusal(conversation, "MAIL", reply, argument, SPAN(""));
		conversation_say(conversation, reply);
		return;
	}
	begin(conversation);
	struct transaction *transaction = conversation->transaction;
	struct arena *arena = &transaction->arena;
	struct smtp_mail *mail = &transaction->mail;
	/* The line goes when the next is read: what is kept points to a copy. */
	enum smtp_verdict verdict = smtp_mail_parse(arena_copy(arena, argument),
		extensions_of(conversation), arena, mail);
	reply = verdict == SMTP_OK ? check_mail(conversation, mail, arena) :
		smtp_reply_for(verdict, true);
	if (reply == SMTP_REPLY_OK) {
		conversation_say(conversation, SMTP_REPLY_SENDER_OK);
		return;
	}
	if (conversation->turn.has_lined_up) {
		transaction_end(conversation);
		return;
	}
	struct span shown = mail->path.local.size > 0 ?
		format_address(arena, &mail->path) : SPAN("");
	log_refusal(conversation, "MAIL", reply, argument, shown);
	conversation_reply(conversation, reply, shown);
	transaction_end(conversation);
}

/* ---- RCPT ---- */

/* [192.0.2.1] is us when the client reached us by it (RFC 5321 4.1.3). */
static void
resolve_literal(const struct conversation *conversation,
	struct address *address)
{
	struct span text = address->domain;
	struct network_address named;
	const struct network_address *local = &conversation->parked.facts.local;
	if (!address->is_literal)
		return;
	text = span_of(text.data + 1, text.size - 2);
	if (span_starts_nocase(text, SPAN("IPv6:")))
		text = span_skip(text, 5);
	if (!network_address_parse(text, &named) ||
	    named.family != local->family ||
	    memcmp(named.bytes, local->bytes, sizeof(named.bytes)) != 0)
		return;
	address->domain = conversation->rules->origin;
	address->is_literal = false;
}

/* RFC 5321 4.5.1: <postmaster> alone is always taken. */
static bool
may_lack_domain(const struct conversation *conversation,
	const struct address *address)
{
	return is_known_client(conversation) ||
		span_equals_nocase(address->local, SPAN("postmaster"));
}

static bool
may_relay_to(const struct conversation *conversation, struct span domain)
{
	if (conversation->parked.service == SERVICE_LMTP)
		return false;
	return is_known_client(conversation) ||
		rules_is_relayed(conversation->rules, domain);
}

static enum smtp_reply
check_recipient(struct conversation *conversation, struct span address,
	struct span domain)
{
	switch (directory_ask_recipient(conversation->smtpd->directory,
	    &conversation->turn, address)) {
	case DIRECTORY_LOCAL:
		return SMTP_REPLY_OK;
	case DIRECTORY_FULL:
		return SMTP_REPLY_OVER_QUOTA;
	case DIRECTORY_UNKNOWN:
		return SMTP_REPLY_NO_USER;
	case DIRECTORY_REMOTE:
		return may_relay_to(conversation, domain) ? SMTP_REPLY_OK :
			SMTP_REPLY_RELAY_DENIED;
	default:
		return SMTP_REPLY_LOOKUP_AWAY;
	}
}

/* What stands against one more RCPT, whatever its argument. */
static enum smtp_reply
refusal_of_rcpt(const struct conversation *conversation)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	const struct transaction *transaction = conversation->transaction;
	if (transaction == NULL)
		return SMTP_REPLY_NEEDS_MAIL;
	/* RFC 5321 4.5.3.1.10 */
	if ((rules->recipient_limit != 0 &&
	    transaction->count >= rules->recipient_limit) ||
	    transaction->recipients.size + SMTP_COMMAND_LIMIT >
	    TRANSACTION_ENVELOPE_LIMIT)
		return SMTP_REPLY_TOO_MANY_RECIPIENTS;
	if (atomic_load(&conversation->smtpd->held) > SMTPD_HELD_LIMIT)
		return SMTP_REPLY_SPILL_FULL;
	if (is_counted(conversation) && !limit_event(conversation->smtpd->limits,
	    &parked->facts.client, LIMIT_RECIPIENTS,
	    rules->client_recipient_rate, clock_monotonic()))
		return SMTP_REPLY_RECIPIENT_RATE;
	return SMTP_REPLY_OK;
}

static enum smtp_reply
take_recipient(struct conversation *conversation, struct span argument,
	struct arena *arena, struct span *shown)
{
	struct transaction *transaction = conversation->transaction;
	struct smtp_rcpt rcpt;
	enum smtp_verdict verdict = smtp_rcpt_parse(argument,
		extensions_of(conversation), arena, &rcpt);
	if (verdict != SMTP_OK)
		return smtp_reply_for(verdict, false);
	/* RFC 6531 3.5 */
	if (rcpt.path.is_utf8 && !transaction->mail.is_utf8)
		return SMTP_REPLY_NEEDS_UTF8;
	if (rcpt.path.domain.size == 0 &&
	    !may_lack_domain(conversation, &rcpt.path))
		return SMTP_REPLY_BAD_RECIPIENT;
	resolve_literal(conversation, &rcpt.path);
	complete_domain(conversation, &rcpt.path);
	*shown = format_address(arena, &rcpt.path);
	enum smtp_reply reply = check_recipient(conversation, *shown,
		rcpt.path.domain);
	if (reply != SMTP_REPLY_OK)
		return reply;
	smtp_rcpt_add(&transaction->recipients, &rcpt);
	if (transaction->count++ == 0)
		transaction->first = arena_copy(&transaction->arena, *shown);
	transaction_account(conversation);
	return SMTP_REPLY_RECIPIENT_OK;
}

void
transaction_rcpt(struct conversation *conversation, struct span argument)
{
	struct arena arena;
	struct span shown = SPAN("");
	enum smtp_reply reply = refusal_of_rcpt(conversation);
	arena_init(&arena, 0);
	if (conversation->transaction != NULL)
		conversation->transaction->has_tried = true;
	if (reply == SMTP_REPLY_OK)
		reply = take_recipient(conversation, argument, &arena, &shown);
	if (!conversation->turn.has_lined_up) {
		log_refusal(conversation, "RCPT", reply, argument, shown);
		conversation_reply(conversation, reply, shown);
	}
	arena_fini(&arena);
}
