/*
 * How commands are answered (RFC 9051 7.1, RFC 5530): status, response code,
 * text; and the one table from the store's verdicts to those codes.
 */
#include "mailbox/imap/imap.h"

#include <stdarg.h>

#include "mailbox/imap/access.h"

static void
set(struct imap_command *command, enum imap_status status, const char *text)
{
	command->status = status;
	command->text = text;
}

void
imap_no(struct imap_command *command, const char *code, const char *text)
{
	set(command, IMAP_NO, text);
	command->code = span_from(code);
}

void
imap_bad(struct imap_command *command, const char *text)
{
	set(command, IMAP_BAD, text);
	command->code = span_from(NULL);
}

void
imap_ok(struct imap_command *command, const char *text)
{
	set(command, IMAP_OK, text);
}

void
imap_code(struct imap_command *command, const char *format, ...)
{
	struct buffer code;
	va_list list;
	buffer_init(&code, 0);
	va_start(list, format);
	buffer_print_list(&code, format, list);
	va_end(list);
	command->code = arena_copy(command->parse.arena, buffer_span(&code));
	buffer_fini(&code);
}

static const struct {
	enum store_verdict verdict;
	const char *code, *text;
} verdicts[] = {
	{ STORE_NO_MAILBOX, "NONEXISTENT", "There is no such mailbox" },
	{ STORE_NO_MESSAGE, "EXPUNGEISSUED",
	  "Some of the messages no longer exist" },
	{ STORE_EXISTS, "ALREADYEXISTS", "A mailbox of that name exists" },
	{ STORE_BAD_NAME, "CANNOT", "A mailbox cannot have that name" },
	{ STORE_HAS_CHILDREN, "HASCHILDREN", "The mailbox has children" },
	{ STORE_OVER_QUOTA, "OVERQUOTA", "The quota would be exceeded" },
	{ STORE_TOO_MANY, "LIMIT", "There are too many of them already" },
	{ STORE_DENIED, "NOPERM", "That is not permitted" },
};

static void
say_trouble(struct imap_session *imap, struct imap_command *command,
	const struct error *error)
{
	log_event(LOG_ERROR, "imap-command-failed", &imap->scope,
		LOG_TEXT("user", imap->parked.user),
		LOG_TEXT("command", command->row->name),
		LOG_TEXT("reason", error->text));
	switch (error->code) {
	case ERROR_LOST_CLAIM:
		imap_no(command, "INUSE",
			"The mailbox is being served elsewhere");
		break;
	case ERROR_OVER_QUOTA:
		imap_no(command, "OVERQUOTA", "The quota would be exceeded");
		break;
	case ERROR_FULL:
	case ERROR_LATER:
	case ERROR_TIMEOUT:
		imap_no(command, "UNAVAILABLE",
			"That cannot be done now, try again later");
		break;
	default:
		imap_no(command, "SERVERBUG",
			"Something is wrong here, it has been logged");
		break;
	}
}

bool
imap_is_done(struct imap_session *imap, struct imap_command *command,
	enum store_verdict verdict, const struct error *error)
{
	if (verdict == STORE_OK || verdict == STORE_DUPLICATE)
		return true;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].verdict == verdict) {
			imap_no(command, verdicts[i].code, verdicts[i].text);
			return false;
		}
	}
	say_trouble(imap, command, error);
	return false;
}

void
imap_answer(struct imap_session *imap, struct span tag,
	enum imap_status status, struct span code, const char *text)
{
	static const char *const words[] = {
		[IMAP_UNANSWERED] = "OK", [IMAP_OK] = "OK", [IMAP_NO] = "NO",
		[IMAP_BAD] = "BAD",
	};
	struct buffer *line = &imap->line;
	buffer_print(line, "%.*s %s ", SPAN_PRINT(tag), words[status]);
	if (code.size > 0) {
		buffer_add_byte(line, '[');
		buffer_add(line, code);
		buffer_add_string(line, "] ");
	}
	buffer_add_string(line, text);
	buffer_add_string(line, "\r\n");
	imap_send_line(imap);
}

void
imap_bye(struct imap_session *imap, const char *text)
{
	buffer_print(&imap->line, "* BYE %s\r\n", text);
	imap_send_line(imap);
	imap->is_closing = true;
}

bool
imap_is_utf8(const struct imap_session *imap)
{
	return (imap->parked.enabled & (IMAP_REV2 | IMAP_UTF8)) != 0;
}

void
imap_send_line(struct imap_session *imap)
{
	stream_add(&imap->stream, buffer_span(&imap->line));
	buffer_clear(&imap->line);
}

void
imap_enable_condstore(struct imap_session *imap)
{
	struct store_view_facts facts;
	if ((imap->parked.enabled & IMAP_CONDSTORE) != 0)
		return;
	imap->parked.enabled |= IMAP_CONDSTORE;
	if (imap->parked.mailbox == 0 || imap->view == NULL)
		return;
	store_view_facts(imap->view, &facts);
	buffer_print(&imap->line, "* OK [HIGHESTMODSEQ %lu] Highest\r\n",
		(unsigned long)facts.modseq);
	imap_send_line(imap);
}
