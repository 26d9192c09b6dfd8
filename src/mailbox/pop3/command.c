/*
 * The commands of the TRANSACTION state (RFC 1939 5 and 7), CAPA (RFC 2449),
 * and QUIT with the UPDATE state.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "mailbox/pop3/pop3.h"
#include "serve/counter.h"

/* ---- answers ---- */

void
pop3_ok(struct pop3_session *pop3, const char *format, ...)
{
	struct buffer text;
	va_list list;
	buffer_init(&text, 0);
	buffer_add_string(&text, "+OK ");
	va_start(list, format);
	buffer_print_list(&text, format, list);
	va_end(list);
	buffer_add_string(&text, "\r\n");
	stream_add(&pop3->stream, buffer_span(&text));
	buffer_fini(&text);
	pop3->parked.bad = 0;
}

/* Some errors in a row are a program gone wrong. */
void
pop3_error(struct pop3_session *pop3, const char *text)
{
	stream_print(&pop3->stream, "-ERR %s\r\n", text);
	if (++pop3->parked.bad < POP3_BAD_LIMIT)
		return;
	stream_print(&pop3->stream, "-ERR Too many errors\r\n");
	pop3->is_closing = true;
}

void
pop3_trouble(struct pop3_session *pop3, const char *doing,
	const struct error *error)
{
	log_event(LOG_ERROR, "mailbox-trouble", &pop3->scope,
		LOG_TEXT("user", pop3->parked.user),
		LOG_TEXT("doing", doing), LOG_TEXT("reason", error->text));
	pop3_error(pop3, "[SYS/TEMP] Your mailbox is not available now, try "
		"again later");
}

/* ---- messages ---- */

bool
pop3_find(struct pop3_session *pop3, uint32_t number,
	struct store_message *message)
{
	struct error error;
	if (number > pop3->parked.exists ||
		number_set_contains(&pop3->removed, number)) {
		pop3_error(pop3, "There is no such message");
		return false;
	}
	if (pop3_open(pop3, &error)) {
		if (store_view_by_sequence(pop3->view, number, message))
			return true;
		error_set(&error, ERROR_DAMAGED, "message %" PRIu32
			" cannot be found in the index", number);
	}
	pop3_trouble(pop3, "finding a message", &error);
	return false;
}

void
pop3_format_uid(const struct pop3_session *pop3, uint32_t uid,
	char out[POP3_UID_SIZE])
{
	snprintf(out, POP3_UID_SIZE, "%08" PRIx32 "%08" PRIx32,
		pop3->parked.uid_validity, uid);
}

/* The octets of all messages, counted once, when somebody asks. */
static bool
count_size(struct pop3_session *pop3)
{
	struct store_message message;
	struct error error;
	uint32_t uid = 0;
	if (pop3->parked.has_size)
		return true;
	if (!pop3_open(pop3, &error)) {
		pop3_trouble(pop3, "counting messages", &error);
		return false;
	}
	pop3->parked.size = 0;
	while (store_view_next(pop3->view, uid, &message)) {
		pop3->parked.size += message.size;
		if (message.uid == UINT32_MAX)
			break;
		uid = message.uid + 1;
	}
	pop3->parked.has_size = true;
	return true;
}

/* ---- commands ---- */

static void
run_stat(struct pop3_session *pop3, struct span argument)
{
	const struct pop3_parked *parked = &pop3->parked;
	(void)argument;
	if (count_size(pop3))
		pop3_ok(pop3, "%" PRIu32 " %" PRIu64,
			parked->exists - parked->removed_count,
			parked->size - parked->removed_size);
}

static void
run_list(struct pop3_session *pop3, struct span argument)
{
	struct store_message message;
	uint32_t number;
	if (argument.size == 0) {
		pop3_ok(pop3, "%" PRIu32 " messages", pop3->parked.exists -
			pop3->parked.removed_count);
		pop3_begin_list(pop3, POP3_LISTING);
	} else if (!pop3_parse_number(argument, &number)) {
		pop3_error(pop3, "Say LIST or LIST and a message number");
	} else if (pop3_find(pop3, number, &message)) {
		pop3_ok(pop3, "%" PRIu32 " %" PRIu64, number, message.size);
	}
}

static void
run_uidl(struct pop3_session *pop3, struct span argument)
{
	struct store_message message;
	char uid[POP3_UID_SIZE];
	uint32_t number;
	if (argument.size == 0) {
		pop3_ok(pop3, "Unique-ids follow");
		pop3_begin_list(pop3, POP3_LISTING_UIDS);
	} else if (!pop3_parse_number(argument, &number)) {
		pop3_error(pop3, "Say UIDL or UIDL and a message number");
	} else if (pop3_find(pop3, number, &message)) {
		pop3_format_uid(pop3, message.uid, uid);
		pop3_ok(pop3, "%" PRIu32 " %s", number, uid);
	}
}

static void
run_retr(struct pop3_session *pop3, struct span argument)
{
	struct store_message message;
	uint32_t number;
	if (!pop3_parse_number(argument, &number))
		pop3_error(pop3, "Say RETR and a message number");
	else if (pop3_find(pop3, number, &message))
		pop3_begin_message(pop3, number, &message, UINT64_MAX);
}

static void
run_top(struct pop3_session *pop3, struct span argument)
{
	struct store_message message;
	uint32_t number;
	uint64_t lines;
	if (!pop3_parse_two_numbers(argument, &number, &lines))
		pop3_error(pop3,
			"Say TOP, a message number and a number of lines");
	else if (pop3_find(pop3, number, &message))
		pop3_begin_message(pop3, number, &message, lines);
}

static void
run_dele(struct pop3_session *pop3, struct span argument)
{
	struct store_message message;
	uint32_t number;
	if (!pop3_parse_number(argument, &number)) {
		pop3_error(pop3, "Say DELE and a message number");
		return;
	}
	if (!pop3_find(pop3, number, &message))
		return;
	number_set_add(&pop3->removed, number, number);
	pop3->parked.removed_count++;
	pop3->parked.removed_size += message.size;
	pop3_ok(pop3, "Message %" PRIu32 " marked for removal", number);
}

static void
run_rset(struct pop3_session *pop3, struct span argument)
{
	(void)argument;
	number_set_fini(&pop3->removed);
	pop3->parked.removed_count = 0;
	pop3->parked.removed_size = 0;
	pop3_ok(pop3, "No message is marked");
}

static void
run_noop(struct pop3_session *pop3, struct span argument)
{
	(void)argument;
	pop3_ok(pop3, "Nothing done");
}

static void
run_capa(struct pop3_session *pop3, struct span argument)
{
	(void)argument;
	pop3_ok(pop3, "Capabilities follow");
	stream_print(&pop3->stream, "TOP\r\nUIDL\r\nRESP-CODES\r\n"
		"AUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
		"UTF8 USER\r\nIMPLEMENTATION Posthouse\r\n.\r\n");
}

static void
run_quit(struct pop3_session *pop3, struct span argument)
{
	(void)argument;
	pop3_update(pop3);
	pop3->is_closing = true;
}

static void
run_too_late(struct pop3_session *pop3, struct span argument)
{
	(void)argument;
	pop3_error(pop3, "You are logged in already");
}

static const struct {
	const char *name;
	void (*run)(struct pop3_session *pop3, struct span argument);
	bool takes_argument;
} commands[] = {
	{ "STAT", run_stat, false }, { "LIST", run_list, true },
	{ "RETR", run_retr, true }, { "DELE", run_dele, true },
	{ "NOOP", run_noop, false }, { "RSET", run_rset, false },
	{ "QUIT", run_quit, false }, { "TOP", run_top, true },
	{ "UIDL", run_uidl, true }, { "CAPA", run_capa, false },
	/* of the AUTHORIZATION state */
	{ "USER", run_too_late, true }, { "PASS", run_too_late, true },
	{ "AUTH", run_too_late, true }, { "APOP", run_too_late, true },
	{ "STLS", run_too_late, true }, { "UTF8", run_too_late, true },
};

void
pop3_execute(struct pop3_session *pop3, struct span line)
{
	struct pop3_command command;
	size_t i = 0, count = sizeof(commands) / sizeof(commands[0]);
	counter_add(COUNTER_COMMANDS, 1);
	pop3->parked.commands++;
	pop3_parse_command(line, &command);
	while (i < count && !span_equals_nocase(span_from(commands[i].name),
		command.keyword))
		i++;
	if (i == count)
		pop3_error(pop3, "There is no such command");
	else if (command.argument.size > 0 && !commands[i].takes_argument)
		pop3_error(pop3, "This command has no argument");
	else
		commands[i].run(pop3, command.argument);
}

/* ---- the UPDATE state ---- */

/* Message numbers become the UIDs they stand for. */
static void
add_uids(struct pop3_session *pop3, const struct number_set *numbers,
	struct number_set *uids)
{
	uint32_t number = 0;
	while (number_set_next(numbers, number + 1, &number)) {
		uint32_t uid = store_view_uid(pop3->view, number);
		if (uid != 0)
			number_set_add(uids, uid, uid);
	}
}

/* What was sent whole is \Seen for those who look by IMAP. */
static enum store_verdict
mark_seen(struct pop3_session *pop3, const struct number_set *gone,
	struct error *error)
{
	const struct store_flags seen = { .system = STORE_SEEN };
	struct number_set uids;
	enum store_verdict verdict = STORE_OK;
	number_set_init(&uids);
	add_uids(pop3, &pop3->retrieved, &uids);
	number_set_subtract(&uids, gone, &uids);
	if (uids.count > 0)
		verdict = store_flags_change(pop3->account,
			pop3->parked.mailbox, &uids, STORE_ADD, &seen,
			UINT64_MAX, NULL, NULL, error);
	number_set_fini(&uids);
	return verdict;
}

static enum store_verdict
remove_marked(struct pop3_session *pop3, const struct number_set *uids,
	struct error *error)
{
	struct number_set expunged;
	if (uids->count == 0)
		return STORE_OK;
	number_set_init(&expunged);
	enum store_verdict verdict = store_expunge(pop3->account,
		pop3->parked.mailbox, uids, false, &expunged, error);
	number_set_fini(&expunged);
	if (verdict == STORE_OK)
		mailbox_quota_note(pop3->account);
	return verdict;
}

void
pop3_update(struct pop3_session *pop3)
{
	struct error error;
	struct number_set uids;
	if (pop3->removed.count == 0 && pop3->retrieved.count == 0) {
		pop3_ok(pop3, "Goodbye");
		return;
	}
	if (!pop3_open(pop3, &error)) {
		pop3_trouble(pop3, "removing messages", &error);
		return;
	}
	number_set_init(&uids);
	add_uids(pop3, &pop3->removed, &uids);
	/* Flags are a courtesy; the removal is what the client asked for. */
	if (mark_seen(pop3, &uids, &error) != STORE_OK)
		log_event(LOG_WARN, "not-marked-seen", &pop3->scope,
			LOG_TEXT("reason", error.text));
	if (remove_marked(pop3, &uids, &error) == STORE_OK) {
		pop3_ok(pop3, "Goodbye");
	} else {
		pop3_trouble(pop3, "removing messages", &error);
	}
	number_set_fini(&uids);
}
