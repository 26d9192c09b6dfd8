/*
 * LMTP (RFC 2033) from the queue ends here: each recipient is a program or a
 * file. What it said becomes the reply; which program it was stands in the log
 * alone, since the reply may reach whoever sent the mail.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "pipe/content.h"
#include "pipe/environment.h"
#include "pipe/file.h"
#include "pipe/forward.h"
#include "pipe/run.h"
#include "pipe/target.h"
#include "pipe/verdict.h"
#include "proto/alias_command.h"
#include "serve/counter.h"

/* ---- one of each ---- */

static struct verdict
run_command(struct pipe_delivery *delivery, const struct pipe_target *target,
	const struct alias_command *command, struct error *error)
{
	struct arena *arena = &delivery->transaction->arena;
	struct buffer output;
	int number = 0;
	int input = file_open_memory("message", SPAN(""), error);
	if (input < 0)
		return verdict_later("The program cannot be run now");
	buffer_init(&output, PIPE_OUTPUT_LIMIT);
	enum run_end end = RUN_NOT_STARTED;
	if (content_write(delivery, CONTENT_PROGRAM, clock_wall(), input,
		error) == 0)
		end = run_program(&(struct run){ .argv = command->argv,
			.environment = environment_make(delivery, arena),
			.directory = target->directory, .input = input,
			.deadline = clock_monotonic() +
				delivery->pipe->time_limit,
			.output = &output }, &number, error);
	file_close(&input);
	struct verdict verdict = verdict_of_run(end, number,
		buffer_span(&output), arena);
	buffer_fini(&output);
	return verdict;
}

static struct verdict
run_target(struct pipe_delivery *delivery, const struct pipe_target *target,
	struct error *error)
{
	struct alias_command command;
	if (target->kind == ALIAS_FILE)
		return file_deliver(delivery, target->text, clock_wall(),
			error) == 0 ? verdict_delivered("file") :
			verdict_later("The file cannot be written now");
	if (alias_command_parse(target->text, &delivery->transaction->arena,
		&command, error) < 0)
		return verdict_later("The program cannot be run now");
	return run_command(delivery, target, &command, error);
}

/* ---- a recipient ---- */

static void
add_reply(struct buffer *replies, struct verdict verdict)
{
	buffer_print(replies, "%u %s %.*s\r\n", verdict.code, verdict.status,
		SPAN_PRINT(verdict.text));
}

static void
log_delivery(const struct pipe_delivery *delivery,
	const struct pipe_target *target, const struct verdict *verdict,
	const struct error *error, int64_t delay)
{
	log_event(verdict->code >= 300 && error->text[0] != '\0' ? LOG_ERROR :
		LOG_INFO, verdict->code < 300 ? "piped" : "not-piped",
		&delivery->transaction->scope,
		LOG_SPAN("to", delivery->recipient->address),
		LOG_TEXT("table", delivery->recipient->rcpt.is_forward ?
			"forward" : "aliases"),
		LOG_SPAN("key", delivery->recipient->rcpt.key),
		LOG_SPAN(target->kind == ALIAS_FILE ? "file" : "program",
			target->text),
		LOG_NUMBER("code", verdict->code),
		LOG_SPAN("reply", verdict->text),
		LOG_TEXT("error", error->text), LOG_NUMBER("delay", delay));
}

static struct span
key_of(const struct pipe_delivery *delivery)
{
	const struct smtp_rcpt *rcpt = &delivery->recipient->rcpt;
	struct arena *arena = &delivery->transaction->arena;
	char hex[2 * SMTP_TRANSACTION_SIZE + 1];
	struct buffer text = { .data = hex, .room = sizeof(hex),
		.limit = sizeof(hex) };
	buffer_add_hex(&text, span_of(delivery->transaction->mail.transaction,
		SMTP_TRANSACTION_SIZE));
	return arena_print(arena, "%.*s %d %u %.*s",
		SPAN_PRINT(buffer_span(&text)), rcpt->is_forward, rcpt->program,
		SPAN_PRINT(rcpt->key));
}

/* The address of RCPT before aliases; the one at hand when it is not told. */
static struct span
original_of(struct pipe_delivery *delivery)
{
	struct span xtext = delivery->recipient->rcpt.orcpt, kind;
	struct span found = delivery->recipient->address;
	struct buffer text;
	buffer_init(&text, 0);
	if (span_split(&xtext, ';', &kind) && xtext.data != NULL &&
		span_equals_nocase(kind, SPAN("rfc822")) &&
		smtp_xtext_decode(&text, xtext))
		found = arena_copy(&delivery->transaction->arena,
			buffer_span(&text));
	buffer_fini(&text);
	return found;
}

static struct verdict
deliver_one(struct pipe_delivery *delivery, struct pipe_target *target,
	struct error *error)
{
	bool is_loop;
	delivery->original = original_of(delivery);
	if (content_has_delivered(&delivery->transaction->body,
		delivery->recipient->address, &is_loop, error) < 0)
		return verdict_later("The message cannot be read now");
	if (is_loop)
		return verdict_loop();
	if (target_find(delivery->pipe, &delivery->recipient->rcpt,
		&delivery->transaction->arena, target, error) < 0)
		return verdict_later("It cannot be found out now where this "
			"goes");
	return run_target(delivery, target, error);
}

/* Where his .forward sends it; runs nothing, so it needs no memory. */
static void
answer_forward(struct pipe_delivery *delivery, struct buffer *replies)
{
	const struct log_scope *scope = &delivery->transaction->scope;
	struct span to = delivery->recipient->address;
	struct error error = { .text = "" };
	bool is_loop;
	if (content_has_delivered(&delivery->transaction->body, to, &is_loop,
		&error) < 0) {
		add_reply(replies, verdict_later(
			"The message cannot be read now"));
	} else if (is_loop) {
		log_event(LOG_INFO, "forward-loop", scope, LOG_SPAN("to", to));
		add_reply(replies, verdict_loop());
	} else if (forward_answer(delivery, replies, &error) < 0) {
		log_event(LOG_WARN, "forward-not-used", scope,
			LOG_SPAN("to", to), LOG_TEXT("reason", error.text));
		if (error.code == ERROR_LATER)
			add_reply(replies, verdict_later("It cannot be found "
				"out now where this goes"));
	}
}

static void
deliver_to(struct pipe_delivery *delivery, struct buffer *replies)
{
	struct pipe_target target = { .kind = ALIAS_PROGRAM };
	struct error error = { .text = "" };
	int64_t began = clock_monotonic();
	bool has_key = delivery->transaction->mail.has_transaction;
	struct span key = has_key ? key_of(delivery) : SPAN("");
	if (has_key && seen_has(&delivery->pipe->seen, key, began)) {
		smtp_reply_add(replies, SMTP_REPLY_DELIVERED_BEFORE, SPAN(""));
		return;
	}
	struct verdict verdict = deliver_one(delivery, &target, &error);
	if (verdict.code < 300)
		counter_add(COUNTER_RECIPIENTS_DELIVERED, 1);
	if (verdict.code < 300 && has_key)
		seen_put(&delivery->pipe->seen, key, clock_monotonic());
	log_delivery(delivery, &target, &verdict, &error,
		clock_monotonic() - began);
	add_reply(replies, verdict);
}

/* ---- the server's questions ---- */

static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	for (size_t i = 0; i < transaction->count; i++) {
		struct pipe_delivery delivery = { .pipe = server->context,
			.transaction = transaction,
			.recipient = &transaction->recipient[i] };
		if (delivery.recipient->rcpt.is_whole)
			answer_forward(&delivery, replies);
		else
			deliver_to(&delivery, replies);
	}
}

static enum smtp_reply
accept_recipient(const struct mail_server *server,
	const struct mail_recipient *recipient)
{
	(void)server;
	return recipient->rcpt.has_program ? SMTP_REPLY_RECIPIENT_OK :
		SMTP_REPLY_BAD_PARAMETER;
}

void
pipe_server_init(struct mail_server *server, struct pipe *pipe)
{
	*server = (struct mail_server){ .is_lmtp = true,
		.hostname = pipe->hostname, .size_limit = 0, .spill = -1,
		.recipient = accept_recipient, .deliver = deliver,
		.context = pipe };
}
