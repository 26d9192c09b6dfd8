/*
 * APPEND (RFC 9051 6.3.12) with several messages (MULTIAPPEND, RFC 3502),
 * literal8 (BINARY, RFC 3516), UTF8 (RFC 6855 4) and APPENDUID (RFC 4315).
 *
 * What can be refused is refused when a literal is announced, before its bytes
 * are sent; literals that come anyway are thrown away and the command is
 * answered at its end. All messages are stored in one commit, or none.
 *
 * Line ends: a bare LF becomes CRLF, as Dovecot serves it too, so that sizes
 * and offsets are those of the message as it goes over other wires. A literal8
 * is kept byte for byte.
 */
#include "mailbox/imap/append.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/tape.h"
#include "proto/date.h"

enum { TOTAL_FACTOR = 4 };	/* all messages together: times the size limit */

struct message {
	struct store_message_new store;
	uint64_t start, end;		/* on the tape */
	struct store_piece piece[2];
	struct message *next;
};

struct imap_append {
	struct arena arena;		/* lives as long as the command */
	struct store_mailbox mailbox;
	struct tape tape;
	struct message *first, **last;
	size_t count;
	uint64_t announced;		/* bytes of all literals */
	/* of the literal that is arriving */
	bool is_binary, has_utf8, was_cr;
	/* the first thing that went wrong; then nothing is stored */
	enum imap_status status;
	const char *code, *text;
};

void
imap_append_free(struct imap_append **append)
{
	if (*append == NULL)
		return;
	tape_fini(&(*append)->tape);
	arena_fini(&(*append)->arena);
	memory_free(*append);
	*append = NULL;
}

static void
fail(struct imap_append *append, enum imap_status status, const char *code,
	const char *text)
{
	if (append->status != IMAP_UNANSWERED)
		return;
	append->status = status;
	append->code = code;
	append->text = text;
	/* Nothing of it will be stored. */
	tape_fini(&append->tape);
	tape_init(&append->tape, append->tape.dir);
}

static void
fail_as(struct imap_append *append, const struct imap_command *command)
{
	if (command->parse.problem != NULL)
		fail(append, IMAP_BAD, NULL, arena_copy_string(&append->arena,
			span_from(command->parse.problem)));
	else
		fail(append, command->status, arena_copy_string(&append->arena,
			command->code), command->text);
}

/* ---- what stands before a literal ---- */

/* [SP flag-list] [SP date-time] SP ["UTF8" SP "("] and then the literal. */
static bool
parse_options(struct imap_session *imap, struct imap_parse *parse,
	struct message *message)
{
	struct imap_append *append = imap->append;
	struct imap_parse_flags flags = { 0 };
	struct span date;
	if (!imap_parse_space(parse))
		return false;
	if (imap_parse_is_next(parse, '(') &&
	    (!imap_parse_flag_list(parse, &flags) || !imap_parse_space(parse)))
		return false;
	if (flags.has_unknown)
		return imap_parse_fail(parse, "Unknown system flag");
	if (imap_parse_is_next(parse, '"')) {
		if (!imap_parse_string(parse, &date))
			return false;
		if (!date_parse_internal(date, &message->store.internal_date,
		    &message->store.zone))
			return imap_parse_fail(parse,
				"The date-time is not well-formed");
		if (!imap_parse_space(parse))
			return false;
	}
	append->has_utf8 = imap_parse_skip(parse, "UTF8 (");
	if (append->has_utf8 && (imap->parked.enabled & IMAP_UTF8) == 0)
		return imap_parse_fail(parse, "UTF8=ACCEPT is not enabled");
	if (append->has_utf8 && !imap_parse_is_next(parse, '~'))
		return imap_parse_fail(parse, "A literal8 must follow UTF8");
	message->store.flags = (struct store_flags){
		.system = flags.system, .keyword = flags.keyword,
		.keyword_count = flags.keyword_count
	};
	return imap_parse_is_next(parse, '{') ||
		imap_parse_is_next(parse, '~') ||
		imap_parse_fail(parse, "A literal is missing");
}

/* Keywords point into the command, which is dropped: copies. */
static void
keep_keywords(struct imap_append *append, struct store_flags *flags)
{
	struct span *copy = arena_new_array(&append->arena,
		flags->keyword_count, sizeof(*copy));
	for (size_t i = 0; i < flags->keyword_count; i++)
		copy[i] = arena_copy(&append->arena, flags->keyword[i]);
	flags->keyword = copy;
}

/* Can a message of that size be taken? */
static bool
check_size(struct imap_session *imap, uint64_t size)
{
	struct imap_append *append = imap->append;
	uint64_t limit = imap->mailbox->message_size_limit;
	struct store_quota quota;
	if (size == 0) {
		/* RFC 3502 4: how a client gives up. */
		fail(append, IMAP_NO, NULL, "An empty message is not stored");
		return false;
	}
	if (limit != 0 && (size > limit ||
	    append->announced + size > limit * TOTAL_FACTOR)) {
		fail(append, IMAP_NO, "TOOBIG", "The message is too large");
		return false;
	}
	if (append->count == STORE_APPEND_LIMIT) {
		fail(append, IMAP_NO, "LIMIT", "Too many messages at once");
		return false;
	}
	if (imap_account(imap, NULL) == NULL) {
		fail(append, IMAP_NO, "UNAVAILABLE",
			"That cannot be done now, try again later");
		return false;
	}
	append->announced += size;
	store_quota_get(imap->account, &quota);
	if (quota.bytes_limit != 0 &&
	    quota.bytes + append->announced > quota.bytes_limit) {
		fail(append, IMAP_NO, "OVERQUOTA",
			"The quota would be exceeded");
		return false;
	}
	return true;
}

static void
add_message(struct imap_append *append, const struct message *message)
{
	struct message *copy = arena_new(&append->arena, sizeof(*copy));
	*copy = *message;
	copy->next = NULL;
	copy->start = copy->end = tape_size(&append->tape);
	keep_keywords(append, &copy->store.flags);
	*append->last = copy;
	append->last = &copy->next;
	append->count++;
}

/* The text before a literal, behind the mailbox or the message before. */
static void
take_options(struct imap_session *imap, struct imap_parse *parse)
{
	struct imap_append *append = imap->append;
	struct message message = { 0 };
	if (append->count > 0 && append->has_utf8)
		imap_parse_byte(parse, ')');
	if (parse->problem == NULL && parse_options(imap, parse, &message) &&
	    append->status == IMAP_UNANSWERED &&
	    check_size(imap, imap->frame.literal_size)) {
		append->is_binary = imap->frame.is_binary;
		append->was_cr = false;
		add_message(append, &message);
	} else if (parse->problem != NULL) {
		fail(append, IMAP_BAD, NULL, arena_copy_string(&append->arena,
			span_from(parse->problem)));
	}
}

/* ---- events ---- */

/* Everything to be known about the first message, or the reason why not. */
static void
look_up(struct imap_session *imap, struct imap_command *command,
	struct span name)
{
	struct imap_append *append = imap->append;
	if (imap_find_mailbox(imap, command, name, "TRYCREATE",
	    &append->mailbox))
		append->mailbox.name = SPAN("");	/* in another arena */
	else
		fail_as(append, command);
}

void
imap_append_begin(struct imap_session *imap, struct imap_command *command)
{
	struct span name;
	/* "APPEND {5}": the name itself is announced. */
	struct span argument = span_skip(command->parse.rest, 1);
	if (span_starts(argument, SPAN("{")) &&
	    span_search(argument, SPAN("}\r\n")) + 3 == argument.size)
		return;
	struct imap_append *append = memory_new(sizeof(*append));
	imap->append = append;
	imap->parked.commands++;
	arena_init(&append->arena, 0);
	tape_init(&append->tape, imap->mailbox->spill);
	append->last = &append->first;
	if (command->tag.size >= IMAP_TAG_SIZE) {
		command->tag = SPAN("*");
		fail(append, IMAP_BAD, NULL, "The tag is too long");
	}
	memcpy(imap->parked.tag, command->tag.data, command->tag.size);
	imap->parked.tag[command->tag.size] = '\0';
	if (imap_take_mailbox(imap, command, &name))
		look_up(imap, command, name);
	else
		fail_as(append, command);
}

static void
answer(struct imap_session *imap)
{
	struct imap_append *append = imap->append;
	imap_update(imap, true, NULL);
	imap_answer(imap, span_from(imap->parked.tag), append->status,
		span_from(append->code), append->text);
	imap->parked.bad = append->status == IMAP_BAD ?
		imap->parked.bad + 1 : 0;
	imap_append_free(&imap->append);
}

void
imap_append_literal(struct imap_session *imap, struct imap_parse *parse)
{
	struct imap_append *append = imap->append;
	struct imap_frame *frame = &imap->frame;
	bool is_synchronising = frame->is_synchronising;
	if (append->status == IMAP_UNANSWERED)
		take_options(imap, parse);
	if (append->status == IMAP_UNANSWERED) {
		imap_frame_pass(frame);
		if (is_synchronising)
			stream_add(&imap->stream, SPAN("+ OK\r\n"));
	} else if (is_synchronising) {
		/* The client has not sent it, and the command ends here. */
		answer(imap);
		imap_frame_reset(frame);
	} else if (!imap_frame_skip(frame)) {
		imap_bye(imap, "Too much to throw away");
	}
}

/* Adds text with every bare LF as CRLF. */
static int
add_text(struct imap_append *append, struct span bytes, struct error *error)
{
	while (bytes.size > 0) {
		size_t end = span_find(bytes, '\n');
		struct span line = span_first(bytes, end);
		bool ends = end < bytes.size;
		bool is_bare = ends && !(end > 0 ? line.data[end - 1] == '\r' :
			append->was_cr);
		if (!is_bare && ends)
			line = span_first(bytes, end + 1);
		if (tape_add(&append->tape, line, IMAP_APPEND_MEMORY,
		    error) < 0 || (is_bare && tape_add(&append->tape,
		    SPAN("\r\n"), IMAP_APPEND_MEMORY, error) < 0))
			return -1;
		append->was_cr = !ends && line.data[line.size - 1] == '\r';
		bytes = span_skip(bytes, ends ? end + 1 : end);
	}
	return 0;
}

void
imap_append_bytes(struct imap_session *imap, struct span bytes)
{
	struct imap_append *append = imap->append;
	struct error error = { 0 };
	if (append->status != IMAP_UNANSWERED)
		return;
	/* RFC 9051 9: a literal has no NUL, a literal8 may. */
	if (!append->is_binary && span_find(bytes, '\0') < bytes.size) {
		fail(append, IMAP_BAD, NULL, "The message has NUL bytes");
		return;
	}
	int result = append->is_binary ? tape_add(&append->tape, bytes,
		IMAP_APPEND_MEMORY, &error) : add_text(append, bytes, &error);
	if (result == 0)
		return;
	log_event(LOG_ERROR, "append-not-spilled", &imap->scope,
		LOG_TEXT("reason", error.text));
	fail(append, IMAP_NO, "UNAVAILABLE",
		"There is no space for the message now");
}

void
imap_append_park(struct imap_append *append)
{
	struct error error;
	if (append != NULL && append->status == IMAP_UNANSWERED &&
	    tape_spill(&append->tape, IMAP_APPEND_PARKED, &error) < 0)
		fail(append, IMAP_NO, "UNAVAILABLE",
			"There is no space for the message now");
}

/* ---- the end ---- */

/* Where each message ends is where the next begins. */
static struct store_message_new *
collect(struct imap_append *append)
{
	struct store_message_new *messages = arena_new_array(&append->arena,
		append->count, sizeof(*messages));
	size_t i = 0;
	for (struct message *message = append->first; message != NULL;
	    message = message->next, i++) {
		message->end = message->next == NULL ?
			tape_size(&append->tape) : message->next->start;
		message->store.piece_count = tape_pieces(&append->tape,
			message->start, message->end, message->piece);
		message->store.piece = message->piece;
		messages[i] = message->store;
	}
	return messages;
}

static void
store(struct imap_session *imap, struct imap_command *command)
{
	struct imap_append *append = imap->append;
	struct error error = { 0 };
	struct number_set set;
	struct buffer text;
	if (imap_account(imap, command) == NULL)
		return;
	uint32_t *uids = arena_new_array(&append->arena, append->count,
		sizeof(*uids));
	enum store_verdict verdict = store_append(imap->account,
		append->mailbox.id, collect(append), append->count, uids,
		&error);
	if (verdict == STORE_NO_MAILBOX) {
		imap_no(command, "TRYCREATE", "There is no such mailbox");
		return;
	}
	if (!imap_is_done(imap, command, verdict, &error))
		return;
	mailbox_quota_note(imap->account);
	number_set_init(&set);
	buffer_init(&text, 0);
	for (size_t i = 0; i < append->count; i++)
		number_set_add(&set, uids[i], uids[i]);
	number_set_format(&text, &set);
	imap_code(command, "APPENDUID %u %.*s", append->mailbox.uid_validity,
		SPAN_PRINT(buffer_span(&text)));
	imap_ok(command, "APPEND completed");
	number_set_fini(&set);
	buffer_fini(&text);
}

/* What follows the last literal. */
static bool
parse_rest(struct imap_append *append, struct imap_parse *parse)
{
	return (!append->has_utf8 || imap_parse_byte(parse, ')')) &&
		imap_parse_end(parse);
}

void
imap_append_finish(struct imap_session *imap, bool is_refused)
{
	struct imap_append *append = imap->append;
	struct imap_command command = {
		.row = imap_command_find(SPAN("APPEND"))
	};
	imap_parse_init(&command.parse, buffer_span(&imap->frame.command),
		&append->arena, imap_is_utf8(imap));
	imap->command = &command;
	if (append->status == IMAP_UNANSWERED && is_refused)
		fail(append, IMAP_BAD, "TOOBIG", "The line is too long");
	if (append->status == IMAP_UNANSWERED &&
	    parse_rest(append, &command.parse))
		store(imap, &command);
	if (append->status == IMAP_UNANSWERED &&
	    (command.parse.problem != NULL || command.status != IMAP_OK)) {
		fail_as(append, &command);
	} else if (append->status == IMAP_UNANSWERED) {
		append->status = IMAP_OK;
		append->code = arena_copy_string(&append->arena, command.code);
		append->text = command.text;
	}
	answer(imap);
	imap->command = NULL;
}

/* A whole APPEND line in which no message was announced. */
void
imap_append_without_literal(struct imap_session *imap,
	struct imap_command *command)
{
	(void)imap;
	imap_bad(command, "APPEND needs a literal with the message");
}
