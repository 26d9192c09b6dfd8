/*
 * FETCH and UID FETCH (RFC 9051 6.4.5, 7.5.2; RFC 3501; BINARY of RFC 3516;
 * CHANGEDSINCE and VANISHED of RFC 7162 3.1.4, 3.2.6).
 *
 * Of each message everything that can fail is done before the first byte of its
 * response; bodies then go from the store's file to the client. \Seen is set
 * for all messages with one record at the end.
 */
#include <string.h>

#include "base/clock.h"
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/fetch_section.h"
#include "proto/date.h"
#include "proto/imap_write.h"

struct request {
	struct number_set uids;
	struct imap_fetch_item *item;
	size_t count;
	bool shows_uid, shows_modseq;	/* though no item asks for it */
	bool sets_seen, needs_tree;
	bool has_changed_since, has_vanished;
	uint64_t changed_since;
};

/* What an item of the message in hand will say. */
struct prepared {
	struct span text;
	struct fetch_section section;
	uint64_t size;
};

/* ---- arguments ---- */

/* [SP "(" "CHANGEDSINCE" SP number [SP "VANISHED"] ")"] */
static bool
parse_modifiers(struct imap_session *imap, struct imap_command *command,
	struct request *request)
{
	struct imap_parse *parse = &command->parse;
	if (imap_parse_is_at_end(parse))
		return true;
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	do {
		if (imap_parse_skip(parse, "CHANGEDSINCE")) {
			request->has_changed_since = true;
			if (!imap_parse_space(parse) || !imap_parse_number64(
			    parse, &request->changed_since))
				return false;
		} else if (imap_parse_skip(parse, "VANISHED")) {
			request->has_vanished = true;
		} else {
			return imap_parse_fail(parse, "Unknown FETCH modifier");
		}
	} while (imap_parse_skip(parse, " "));
	/* RFC 7162 3.2.6 */
	if (request->has_vanished && (!command->is_uid ||
	    !request->has_changed_since ||
	    (imap->parked.enabled & IMAP_QRESYNC) == 0))
		return imap_parse_fail(parse, "VANISHED needs UID FETCH with "
			"CHANGEDSINCE, and QRESYNC enabled");
	return imap_parse_byte(parse, ')') && imap_parse_end(parse);
}

/* RFC 3501's names for sections. */
static void
translate(struct imap_fetch_item *item)
{
	if (item->kind == IMAP_FETCH_RFC822_HEADER) {
		item->section.text = IMAP_SECTION_HEADER;
		item->is_peek = true;
	} else if (item->kind == IMAP_FETCH_RFC822_TEXT) {
		item->section.text = IMAP_SECTION_TEXT;
	}
}

static bool
is_section(const struct imap_fetch_item *item)
{
	switch (item->kind) {
	case IMAP_FETCH_SECTION: case IMAP_FETCH_BINARY:
	case IMAP_FETCH_RFC822: case IMAP_FETCH_RFC822_HEADER:
	case IMAP_FETCH_RFC822_TEXT:
		return true;
	default:
		return false;
	}
}

static void
study_items(struct imap_session *imap, struct imap_command *command,
	struct request *request)
{
	bool has_flags = false, has_modseq = false, has_uid = false;
	for (size_t i = 0; i < request->count; i++) {
		struct imap_fetch_item *item = &request->item[i];
		translate(item);
		has_flags |= item->kind == IMAP_FETCH_FLAGS;
		has_modseq |= item->kind == IMAP_FETCH_MODSEQ;
		has_uid |= item->kind == IMAP_FETCH_UID;
		request->sets_seen |= is_section(item) && !item->is_peek;
		request->needs_tree |= is_section(item) ||
			item->kind == IMAP_FETCH_BODY ||
			item->kind == IMAP_FETCH_BODYSTRUCTURE ||
			item->kind == IMAP_FETCH_BINARY_SIZE;
	}
	/* RFC 7162 3.1.4: these enable CONDSTORE. */
	if (has_modseq || request->has_changed_since)
		imap_enable_condstore(imap);
	request->shows_uid = command->is_uid && !has_uid;
	request->shows_modseq = !has_modseq && (request->has_changed_since ||
		(has_flags && (imap->parked.enabled & IMAP_CONDSTORE) != 0));
	request->sets_seen &= !imap->parked.is_read_only;
}

/* ---- preparing ---- */

static enum fetch_verdict
prepare_item(struct imap_session *imap, struct fetch_message *fetch,
	const struct imap_fetch_item *item, struct prepared *prepared,
	struct error *error)
{
	switch (item->kind) {
	case IMAP_FETCH_ENVELOPE:
		return fetch_message_envelope(fetch, &prepared->text, error);
	case IMAP_FETCH_BODY:
	case IMAP_FETCH_BODYSTRUCTURE:
		return fetch_message_structure(fetch,
			item->kind == IMAP_FETCH_BODYSTRUCTURE,
			imap_is_utf8(imap), &prepared->text, error);
	case IMAP_FETCH_BINARY_SIZE:
		return fetch_section_binary_size(fetch, item, &prepared->size,
			error);
	default:
		return is_section(item) ? fetch_section_find(fetch, item,
			&prepared->section, error) : FETCH_OK;
	}
}

/* A part that cannot be decoded is NIL, and the command ends in NO; the other
 * items are answered. */
static enum fetch_verdict
prepare(struct imap_session *imap, struct fetch_message *fetch,
	const struct request *request, struct prepared *prepared,
	struct error *error)
{
	enum fetch_verdict result = FETCH_OK;
	for (size_t i = 0; i < request->count; i++) {
		enum fetch_verdict verdict = prepare_item(imap, fetch,
			&request->item[i], &prepared[i], error);
		if (verdict == FETCH_UNKNOWN_ENCODING)
			result = verdict;
		else if (verdict != FETCH_OK)
			return verdict;
		if (arena_is_exceeded(fetch->arena))
			return FETCH_TOO_MUCH;
	}
	return result;
}

/* ---- telling ---- */

/* "[1.2.HEADER.FIELDS (From)]<0>" */
static void
add_section_name(struct buffer *line, const struct imap_fetch_item *item)
{
	static const char *const texts[] = {
		[IMAP_SECTION_ALL] = "", [IMAP_SECTION_HEADER] = "HEADER",
		[IMAP_SECTION_FIELDS] = "HEADER.FIELDS",
		[IMAP_SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[IMAP_SECTION_TEXT] = "TEXT", [IMAP_SECTION_MIME] = "MIME",
	};
	const struct imap_section *section = &item->section;
	buffer_add_byte(line, '[');
	for (size_t i = 0; i < section->path_count; i++)
		buffer_print(line, "%s%u", i > 0 ? "." : "", section->path[i]);
	if (section->path_count > 0 && section->text != IMAP_SECTION_ALL)
		buffer_add_byte(line, '.');
	buffer_add_string(line, texts[section->text]);
	for (size_t i = 0; i < section->field_count; i++) {
		buffer_add_string(line, i > 0 ? " " : " (");
		imap_write_astring(line, section->field[i], false);
	}
	if (section->field_count > 0)
		buffer_add_byte(line, ')');
	buffer_add_byte(line, ']');
	if (item->is_partial)
		buffer_print(line, "<%lu>", (unsigned long)item->offset);
}

static const char *
name_of(enum imap_fetch_kind kind)
{
	static const char *const names[] = {
		[IMAP_FETCH_FLAGS] = "FLAGS", [IMAP_FETCH_ENVELOPE] = "ENVELOPE",
		[IMAP_FETCH_INTERNALDATE] = "INTERNALDATE",
		[IMAP_FETCH_RFC822] = "RFC822",
		[IMAP_FETCH_RFC822_HEADER] = "RFC822.HEADER",
		[IMAP_FETCH_RFC822_TEXT] = "RFC822.TEXT",
		[IMAP_FETCH_RFC822_SIZE] = "RFC822.SIZE",
		[IMAP_FETCH_BODY] = "BODY",
		[IMAP_FETCH_BODYSTRUCTURE] = "BODYSTRUCTURE",
		[IMAP_FETCH_SECTION] = "BODY", [IMAP_FETCH_BINARY] = "BINARY",
		[IMAP_FETCH_BINARY_SIZE] = "BINARY.SIZE",
		[IMAP_FETCH_UID] = "UID", [IMAP_FETCH_MODSEQ] = "MODSEQ",
	};
	return names[kind];
}

static int
tell_section(struct imap_session *imap, struct fetch_message *fetch,
	const struct imap_fetch_item *item, const struct prepared *prepared,
	struct error *error)
{
	const struct fetch_section *section = &prepared->section;
	if (item->kind == IMAP_FETCH_SECTION ||
	    item->kind == IMAP_FETCH_BINARY)
		add_section_name(&imap->line, item);
	if (section->kind == FETCH_NIL) {
		buffer_add_string(&imap->line, " NIL");
		return 0;
	}
	/* Decoded bytes may be any (RFC 3516 4.1: literal8). */
	buffer_print(&imap->line, " %s{%lu}\r\n",
		item->kind == IMAP_FETCH_BINARY ? "~" : "",
		(unsigned long)section->size);
	imap_send_line(imap);
	return fetch_section_send(fetch, section, &imap->stream, error);
}

static int
tell_item(struct imap_session *imap, struct fetch_message *fetch,
	const struct imap_fetch_item *item, const struct prepared *prepared,
	struct error *error)
{
	const struct store_message *message = fetch->message;
	struct buffer *line = &imap->line;
	buffer_add_string(line, name_of(item->kind));
	if (is_section(item))
		return tell_section(imap, fetch, item, prepared, error);
	if (item->kind == IMAP_FETCH_BINARY_SIZE)
		add_section_name(line, item);
	buffer_add_byte(line, ' ');
	switch (item->kind) {
	case IMAP_FETCH_FLAGS:
		imap_add_flags(imap, imap->view, message);
		break;
	case IMAP_FETCH_INTERNALDATE:
		buffer_add_byte(line, '"');
		date_format_internal(line, message->internal_date,
			message->zone);
		buffer_add_byte(line, '"');
		break;
	case IMAP_FETCH_RFC822_SIZE:
		buffer_add_number(line, message->size);
		break;
	case IMAP_FETCH_BINARY_SIZE:
		buffer_add_number(line, prepared->size);
		break;
	case IMAP_FETCH_UID:
		buffer_add_number(line, message->uid);
		break;
	case IMAP_FETCH_MODSEQ:
		buffer_print(line, "(%lu)", (unsigned long)message->modseq);
		break;
	default:	/* ENVELOPE, BODY, BODYSTRUCTURE */
		buffer_add(line, prepared->text);
		break;
	}
	return 0;
}

static int
tell(struct imap_session *imap, struct fetch_message *fetch,
	const struct request *request, const struct prepared *prepared,
	struct error *error)
{
	struct buffer *line = &imap->line;
	buffer_print(line, "* %u FETCH (", fetch->message->sequence);
	if (request->shows_uid)
		buffer_print(line, "UID %u%s", fetch->message->uid,
			request->count > 0 ? " " : "");
	for (size_t i = 0; i < request->count; i++) {
		if (i > 0)
			buffer_add_byte(line, ' ');
		if (tell_item(imap, fetch, &request->item[i], &prepared[i],
		    error) < 0)
			return -1;
	}
	if (request->shows_modseq)
		buffer_print(line, " MODSEQ (%lu)",
			(unsigned long)fetch->message->modseq);
	buffer_add_string(line, ")\r\n");
	imap_send_line(imap);
	return 0;
}

/* ---- all messages ---- */

/* The arena has memory only when an item needs some. */
static enum fetch_verdict
fetch_one(struct imap_session *imap, const struct request *request,
	const struct store_message *message, struct prepared *prepared,
	struct error *error)
{
	struct arena arena;
	struct fetch_message fetch;
	arena_init(&arena, IMAP_COMMAND_MEMORY);
	memset(prepared, 0, request->count * sizeof(*prepared));
	fetch_message_init(&fetch, imap->account, message, &arena);
	fetch.needs_tree = request->needs_tree;
	enum fetch_verdict verdict = prepare(imap, &fetch, request, prepared,
		error);
	if ((verdict == FETCH_OK || verdict == FETCH_UNKNOWN_ENCODING) &&
	    tell(imap, &fetch, request, prepared, error) < 0) {
		/* The client cannot know where the response ends. */
		imap->stream.is_failed = true;
		verdict = FETCH_TROUBLE;
	}
	fetch_message_fini(&fetch);
	arena_fini(&arena);
	return verdict;
}

static void
note(struct imap_session *imap, struct imap_command *command,
	enum fetch_verdict verdict, const struct error *error)
{
	switch (verdict) {
	case FETCH_OK:
		break;
	case FETCH_EXPUNGED:
		imap_no(command, "EXPUNGEISSUED",
			"Some of the messages no longer exist");
		break;
	case FETCH_UNKNOWN_ENCODING:
		imap_no(command, "UNKNOWN-CTE",
			"A part has an encoding that is not known");
		break;
	case FETCH_TOO_MUCH:
		imap_no(command, "LIMIT", "That is too much at once");
		break;
	case FETCH_TROUBLE:
		imap_is_done(imap, command, STORE_TROUBLE, error);
		break;
	}
}

static void
fetch_all(struct imap_session *imap, struct imap_command *command,
	const struct request *request, struct number_set *seen)
{
	struct store_message message;
	struct error error;
	uint32_t next = 0;
	struct prepared *prepared = arena_new_array(command->parse.arena,
		request->count, sizeof(*prepared));
	while (!imap->stream.is_failed && imap_next_message(imap->view,
	    &request->uids, &next, &message)) {
		if (request->has_changed_since &&
		    message.modseq <= request->changed_since)
			continue;
		error.code = ERROR_NONE;
		imap->stream.deadline = clock_monotonic() + IMAP_WRITE_TIMEOUT;
		enum fetch_verdict verdict = fetch_one(imap, request, &message,
			prepared, &error);
		note(imap, command, verdict, &error);
		if (verdict == FETCH_OK && request->sets_seen &&
		    (message.flags & STORE_SEEN) == 0)
			number_set_add(seen, message.uid, message.uid);
	}
}

/* One record for all; the update at the end of the command tells. */
static void
set_seen(struct imap_session *imap, struct imap_command *command,
	const struct number_set *seen)
{
	struct error error = { 0 };
	struct store_flags flags = { .system = STORE_SEEN };
	uint64_t modseq;
	if (seen->count > 0)
		imap_is_done(imap, command, store_flags_change(imap->account,
			imap->parked.mailbox, seen, STORE_ADD, &flags,
			UINT64_MAX, NULL, &modseq, &error), &error);
}

static void
tell_vanished(struct imap_session *imap, const struct request *request)
{
	struct number_set vanished, told;
	number_set_init(&vanished);
	number_set_init(&told);
	store_view_vanished(imap->view, request->changed_since, &vanished);
	number_set_intersect(&told, &vanished, &request->uids);
	imap_tell_vanished(imap, &told, true);
	number_set_fini(&vanished);
	number_set_fini(&told);
}

void
imap_fetch(struct imap_session *imap, struct imap_command *command)
{
	struct request request = { 0 };
	struct number_set seen;
	number_set_init(&seen);
	if (imap_take_set(imap, command, &request.uids) &&
	    imap_parse_space(&command->parse) &&
	    imap_parse_fetch_items(&command->parse, &request.item,
	    &request.count) && parse_modifiers(imap, command, &request)) {
		study_items(imap, command, &request);
		if (request.has_vanished)
			tell_vanished(imap, &request);
		fetch_all(imap, command, &request, &seen);
		set_seen(imap, command, &seen);
	}
	number_set_fini(&seen);
	number_set_fini(&request.uids);
}
