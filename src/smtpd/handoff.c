/*
 * To the queue. The commands of one transaction and its content go out
 * together, since the queue pipelines; then as many replies are read. On a new
 * wire the queue's greeting and its reply to EHLO come before them.
 */
#include "smtpd/handoff.h"

#include <openssl/evp.h>
#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/counter.h"

enum { BLOCK = 65536 };			/* octets hashed at once */

static int
read_answer(struct stream *stream, struct smtp_answer *answer,
	struct error *error)
{
	for (;;) {
		size_t consumed;
		switch (smtp_answer_parse(stream_unread(stream), answer,
		    &consumed)) {
		case SMTP_ANSWER_OK:
			/* Its spans stay until the next fill. */
			stream_consume(stream, consumed);
			return 0;
		case SMTP_ANSWER_BAD:
			return error_set(error, ERROR_DAMAGED,
				"the queue says something that is no reply");
		case SMTP_ANSWER_MORE:
			break;
		}
		int n = stream_fill_within(stream, clock_until(stream->deadline));
		if (n == -1)
			return error_set(error, ERROR_TIMEOUT,
				"the queue did not answer in time");
		if (n <= 0)
			return error_set(error, ERROR_GONE, "the queue is gone");
	}
}

/*
 * Keeps the answer when it is the first that is not 2xx: that is what the
 * client is told. A refused RCPT makes the whole message "not accepted": the
 * client sends it again, and who has it already recognises it.
 */
static void
keep_worst(struct handoff_answer *kept, const struct smtp_answer *answer)
{
	if (kept->code >= 300)
		return;
	kept->code = answer->code;
	snprintf(kept->enhanced, sizeof(kept->enhanced), "%u.%u.%u",
		answer->enhanced[0], answer->enhanced[1], answer->enhanced[2]);
	snprintf(kept->text, sizeof(kept->text), "%.*s",
		SPAN_PRINT(answer->text));
}

static int
write_transaction(struct conversation *conversation, struct stream *stream,
	struct span commands, struct span prefix, struct error *error)
{
	const struct mail_body *body = &conversation->transaction->body;
	stream_add(stream, commands);
	stream_add(stream, prefix);
	if (mail_body_send(body, stream, error) < 0)
		return -1;
	return stream_send(stream, error);
}

/* One transaction on this wire; *is_begun: the queue has answered something. */
static int
exchange(struct conversation *conversation, struct wire *wire,
	struct span commands, struct span prefix, unsigned count,
	struct handoff_answer *kept, struct error *error)
{
	struct stream *stream = &wire->stream;
	struct smtp_answer answer;
	/* MAIL, RCPTs, BDAT; before them, on a new wire, greeting and EHLO. */
	unsigned replies = count + 2;
	if (wire->is_new) {
		stream_print(stream, "EHLO %s\r\n",
			conversation->rules->hostname);
		replies += 2;
	}
	if (write_transaction(conversation, stream, commands, prefix, error) < 0)
		return -1;
	for (; replies > 0; replies--) {
		if (read_answer(stream, &answer, error) < 0)
			return -1;
		keep_worst(kept, &answer);
	}
	return 0;
}

static void
set_later(struct handoff_answer *answer)
{
	const struct smtp_reply_row *row = smtp_reply_get(SMTP_REPLY_QUEUE_AWAY);
	*answer = (struct handoff_answer){ .code = row->code };
	snprintf(answer->enhanced, sizeof(answer->enhanced), "%s",
		row->enhanced);
	snprintf(answer->text, sizeof(answer->text), "%s", row->text);
}

/*
 * What the queue may say about a message goes to the client. A complaint about
 * the dialogue itself is between us two: for the client it is "later".
 */
static bool
is_for_client(const struct handoff_answer *answer)
{
	return answer->enhanced[0] != '0' && (answer->code / 10 == 25 ||
		answer->code / 10 == 45 || answer->code / 10 == 55) &&
		answer->code != 555;
}

static void
log_failure(const struct conversation *conversation, const char *reason)
{
	counter_add(COUNTER_CALLS_LATER, 1);
	log_event(LOG_WARN, "queue-away", &conversation->parked.scope,
		LOG_TEXT("reason", reason));
}

void
handoff_message(struct conversation *conversation, const struct smtp_mail *mail,
	struct span recipients, unsigned count, struct span prefix,
	struct handoff_answer *answer)
{
	int64_t deadline = clock_monotonic() + HANDOFF_WAIT;
	struct error error = { .code = ERROR_NONE };
	struct buffer commands;
	buffer_init(&commands, 0);
	smtp_mail_add(&commands, mail);
	buffer_add(&commands, recipients);
	smtp_bdat_add(&commands, &(struct smtp_bdat){ mail->size, true });
	/* A kept wire may have died with an earlier queue: then once more, on
	 * a new one. Nothing is stored twice, the id being the same. */
	bool is_again = true, is_done = false;
	while (is_again && !is_done) {
		*answer = (struct handoff_answer){ .code = 0 };
		struct wire *wire = wire_take(conversation->smtpd->queue,
			deadline, &error);
		if (wire == NULL)
			break;
		is_again = !wire->is_new;
		is_done = exchange(conversation, wire, buffer_span(&commands),
			prefix, count, answer, &error) == 0;
		if (is_done)
			wire_give(&wire);
		else
			wire_drop(&wire);
		is_again = is_again && error.code != ERROR_TIMEOUT;
	}
	buffer_fini(&commands);
	if (is_done && is_for_client(answer))
		return;
	log_failure(conversation, is_done ? answer->text : error.text);
	set_later(answer);
}

/* ---- identity ---- */

static void
hash(EVP_MD_CTX *context, struct span bytes)
{
	/* The size too, so that no two inputs run together the same. */
	uint64_t size = bytes.size;
	int ok = EVP_DigestUpdate(context, &size, sizeof(size)) &&
		EVP_DigestUpdate(context, bytes.data, bytes.size);
	assert(ok == 1);
}

static int
hash_file(EVP_MD_CTX *context, const struct mail_body *body,
	struct error *error)
{
	struct buffer block;
	uint64_t at = 0;
	int result = 0;
	lot_step_aside();
	buffer_init(&block, 0);
	buffer_reserve(&block, BLOCK);
	while (result == 0 && at < body->size) {
		uint64_t left = body->size - at;
		size_t n = left < BLOCK ? (size_t)left : BLOCK;
		result = file_read_at(body->file, block.data, n,
			body->offset + at, error);
		hash(context, span_of(block.data, result == 0 ? n : 0));
		at += n;
	}
	buffer_fini(&block);
	return result;
}

/* Found once: to look for it takes as long as to hash a kilobyte. */
static const EVP_MD *sha256;

static void
find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	assert(sha256 != NULL);
}

int
handoff_identify(const struct conversation *conversation,
	struct span recipients, uint8_t fingerprint[SMTP_TRANSACTION_SIZE],
	struct error *error)
{
	const struct transaction *transaction = conversation->transaction;
	const struct smtp_parked *parked = &conversation->parked;
	static pthread_once_t is_found = PTHREAD_ONCE_INIT;
	uint8_t digest[EVP_MAX_MD_SIZE], key[17];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct buffer mail;
	int result = 0;
	assert(context != NULL);
	pthread_once(&is_found, find_sha256);
	/* SHA-256 leaves nobody a choice of equal ones. */
	int ok = EVP_DigestInit_ex(context, sha256, NULL);
	assert(ok == 1);
	network_limit_key(&parked->facts.client, key);
	buffer_init(&mail, 0);
	smtp_mail_add(&mail, &transaction->mail);
	hash(context, span_of(key, sizeof(key)));
	hash(context, span_of(&parked->account, sizeof(parked->account)));
	hash(context, buffer_span(&mail));
	hash(context, recipients);
	if (transaction->body.file >= 0)
		result = hash_file(context, &transaction->body, error);
	else
		hash(context, buffer_span(&transaction->body.memory));
	ok = EVP_DigestFinal_ex(context, digest, NULL);
	assert(ok == 1);
	for (size_t i = 0; i < SMTP_TRANSACTION_SIZE; i++)
		fingerprint[i] = digest[i];
	EVP_MD_CTX_free(context);
	buffer_fini(&mail);
	return result;
}
