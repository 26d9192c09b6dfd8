/*
 * One command from its bytes to its tagged answer (RFC 9051 2.2.1, 5.5, 7.1):
 * found in the table, refused in the wrong state, executed, and followed by
 * what changed meanwhile. Also what becomes of literals before the command is
 * whole (RFC 7888).
 */
#include "mailbox/imap/imap.h"

#include <assert.h>

#include "mailbox/imap/access.h"
#include "mailbox/imap/append.h"
#include "mailbox/imap/capability.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/idle.h"
#include "serve/counter.h"

const struct imap_command_row imap_command_table[] = {
	{ "CAPABILITY", imap_capability, IMAP_ANY, 0 },
	{ "NOOP", imap_noop, IMAP_ANY, 0 },
	{ "LOGOUT", imap_logout, IMAP_ANY, 0 },
	{ "ID", imap_id, IMAP_ANY, 0 },
	{ "ENABLE", imap_enable, IMAP_AUTHENTICATED, 0 },
	{ "SELECT", imap_select, IMAP_ANY, 0 },
	{ "EXAMINE", imap_examine, IMAP_ANY, 0 },
	{ "CREATE", imap_create, IMAP_ANY, 0 },
	{ "DELETE", imap_delete, IMAP_ANY, 0 },
	{ "RENAME", imap_rename, IMAP_ANY, 0 },
	{ "SUBSCRIBE", imap_subscribe, IMAP_ANY, 0 },
	{ "UNSUBSCRIBE", imap_unsubscribe, IMAP_ANY, 0 },
	{ "LIST", imap_list, IMAP_ANY, 0 },
	{ "LSUB", imap_lsub, IMAP_ANY, 0 },
	{ "NAMESPACE", imap_namespace, IMAP_ANY, 0 },
	{ "STATUS", imap_status_command, IMAP_ANY, 0 },
	{ "APPEND", imap_append_without_literal, IMAP_ANY, 0 },
	{ "IDLE", imap_idle, IMAP_ANY, IMAP_IS_SILENT },
	{ "GETQUOTA", imap_getquota, IMAP_ANY, 0 },
	{ "GETQUOTAROOT", imap_getquotaroot, IMAP_ANY, 0 },
	{ "SETQUOTA", imap_setquota, IMAP_ANY, 0 },
	{ "CHECK", imap_noop, IMAP_SELECTED, 0 },
	{ "CLOSE", imap_close, IMAP_SELECTED, 0 },
	{ "UNSELECT", imap_unselect_command, IMAP_SELECTED, 0 },
	{ "EXPUNGE", imap_expunge, IMAP_SELECTED, IMAP_TAKES_UID },
	{ "SEARCH", imap_search, IMAP_SELECTED,
	  IMAP_TAKES_UID | IMAP_KEEPS_NUMBERS },
	{ "FETCH", imap_fetch, IMAP_SELECTED,
	  IMAP_TAKES_UID | IMAP_KEEPS_NUMBERS },
	{ "STORE", imap_store, IMAP_SELECTED,
	  IMAP_TAKES_UID | IMAP_KEEPS_NUMBERS },
	{ "COPY", imap_copy, IMAP_SELECTED, IMAP_TAKES_UID },
	{ "MOVE", imap_move, IMAP_SELECTED, IMAP_TAKES_UID },
	/* Before login only. */
	{ "LOGIN", NULL, 0, 0 },
	{ "AUTHENTICATE", NULL, 0, 0 },
	{ "STARTTLS", NULL, 0, 0 },
	{ NULL, NULL, 0, 0 },
};

const struct imap_command_row *
imap_command_find(struct span name)
{
	const struct imap_command_row *row = imap_command_table;
	while (row->name != NULL &&
	    !span_equals_nocase(name, span_from(row->name)))
		row++;
	return row->name == NULL ? NULL : row;
}

/* Tag, name and, after "UID", the second name. False: BAD was said. */
static bool
begin(struct imap_session *imap, struct imap_command *command,
	struct span text)
{
	struct span name = SPAN("");
	imap_parse_init(&command->parse, text, &imap->arena,
		imap_is_utf8(imap));
	if (!imap_parse_command(&command->parse, &command->tag, &name))
		return false;
	if (span_equals_nocase(name, SPAN("UID"))) {
		command->is_uid = true;
		if (!imap_parse_space(&command->parse) ||
		    !imap_parse_atom(&command->parse, &name))
			return false;
	}
	command->row = imap_command_find(name);
	if (command->row == NULL || (command->is_uid &&
	    (command->row->flags & IMAP_TAKES_UID) == 0))
		return imap_parse_fail(&command->parse, "Unknown command");
	return true;
}

static bool
is_allowed(struct imap_session *imap, struct imap_command *command)
{
	enum imap_state state = imap->parked.mailbox == 0 ?
		IMAP_AUTHENTICATED : IMAP_SELECTED;
	if ((command->row->states & state) != 0)
		return true;
	if (command->row->states == 0)
		imap_bad(command, "You are logged in already");
	else if (state == IMAP_AUTHENTICATED)
		imap_bad(command, "No mailbox is selected");
	else
		imap_bad(command, "Not while a mailbox is selected");
	return false;
}

/* The tag as far as there is one: "*" where none can be told. */
static struct span
tag_of(const struct imap_command *command)
{
	struct span tag = command->tag;
	return tag.size > 0 && tag.size < IMAP_TAG_SIZE ? tag : SPAN("*");
}

static void
answer(struct imap_session *imap, struct imap_command *command)
{
	const char *text = command->text;
	struct buffer *line = &imap->line;
	if (command->status != IMAP_BAD && command->parse.problem == NULL) {
		bool keeps = command->row->flags & IMAP_KEEPS_NUMBERS &&
			!command->is_uid;
		imap_update(imap, !keeps, NULL);
	}
	if (command->status == IMAP_UNANSWERED &&
	    command->parse.problem != NULL)
		imap_bad(command, command->parse.problem);
	text = command->text;
	if (command->status == IMAP_UNANSWERED || text == NULL) {
		command->status = command->status == IMAP_UNANSWERED ?
			IMAP_OK : command->status;
		buffer_clear(line);
		buffer_print(line, "%s%s completed",
			command->is_uid ? "UID " : "", command->row->name);
		text = arena_copy_string(&imap->arena, buffer_span(line));
		buffer_clear(line);
	}
	imap_answer(imap, tag_of(command), command->status, command->code,
		text);
}

static void
count_bad(struct imap_session *imap, const struct imap_command *command)
{
	imap->parked.bad = command->status == IMAP_BAD ?
		imap->parked.bad + 1 : 0;
	if (imap->parked.bad >= IMAP_BAD_LIMIT)
		imap_bye(imap, "Too many bad commands");
}

void
imap_command_run(struct imap_session *imap, struct span text)
{
	struct imap_command command = { .tag = SPAN("") };
	imap->command = &command;
	imap->parked.commands++;
	counter_add(COUNTER_COMMANDS, 1);
	if (begin(imap, &command, text)) {
		if (command.tag.size >= IMAP_TAG_SIZE)
			imap_bad(&command, "The tag is too long");
		else if (is_allowed(imap, &command))
			command.row->run(imap, &command);
	}
	bool is_silent = command.row != NULL && command.parse.problem == NULL &&
		command.status == IMAP_UNANSWERED &&
		(command.row->flags & IMAP_IS_SILENT) != 0;
	if (!is_silent)
		answer(imap, &command);
	count_bad(imap, &command);
	imap->command = NULL;
}

/* Answers a command that will not be executed. */
static void
refuse(struct imap_session *imap, struct span text, enum imap_status status,
	const char *code, const char *reason)
{
	struct imap_command command = { .tag = SPAN(""), .status = status };
	imap->parked.commands++;
	begin(imap, &command, text);
	imap_answer(imap, tag_of(&command), status, span_from(code), reason);
	count_bad(imap, &command);
}

void
imap_command_refuse(struct imap_session *imap)
{
	struct span text = buffer_span(&imap->frame.command);
	if (imap->frame.is_line_too_long)
		refuse(imap, text, IMAP_BAD, "TOOBIG", "The line is too long");
	else
		refuse(imap, text, IMAP_NO, "TOOBIG", "A literal is too large");
}

/* A literal that is no message. */
static void
take_literal(struct imap_session *imap)
{
	struct imap_frame *frame = &imap->frame;
	bool is_synchronising = frame->is_synchronising;
	if (imap_frame_keep(frame)) {
		if (is_synchronising)
			stream_add(&imap->stream, SPAN("+ OK\r\n"));
	} else if (is_synchronising) {
		refuse(imap, buffer_span(&frame->command), IMAP_NO, "TOOBIG",
			"A literal is too large");
		imap_frame_reset(frame);
	} else if (!imap_frame_skip(frame)) {
		imap_bye(imap, "Too much to throw away");
	}
}

void
imap_command_literal(struct imap_session *imap)
{
	struct imap_command command = { .tag = SPAN("") };
	struct span text = buffer_span(&imap->frame.command);
	if (imap->append != NULL)
		imap_parse_init(&command.parse, text, &imap->arena,
			imap_is_utf8(imap));
	else if (!imap->parked.is_idling && begin(imap, &command, text) &&
	    command.row->run == imap_append_without_literal)
		imap_append_begin(imap, &command);
	if (imap->append != NULL)
		imap_append_literal(imap, &command.parse);
	else
		take_literal(imap);
	arena_fini(&imap->arena);
}
