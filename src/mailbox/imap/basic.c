/*
 * NOOP, CHECK and LOGOUT (RFC 9051 6.1, RFC 3501 6.4.1), and ID (RFC 2971).
 * Whatever changed is told after every command, so NOOP has nothing to do.
 */
#include "mailbox/imap/commands.h"

void
imap_noop(struct imap_session *imap, struct imap_command *command)
{
	(void)imap;
	imap_parse_end(&command->parse);
}

void
imap_logout(struct imap_session *imap, struct imap_command *command)
{
	if (imap_parse_end(&command->parse))
		imap_bye(imap, "Logging out");
}

/* "(" string nstring ... ")" or NIL; nothing of it is kept. */
static bool
parse_pairs(struct imap_parse *parse)
{
	struct span text;
	if (!imap_parse_skip(parse, "("))
		return imap_parse_nstring(parse, &text) &&
			(text.data == NULL ||
			imap_parse_fail(parse, "A list or NIL is missing"));
	for (unsigned i = 0; !imap_parse_skip(parse, ")"); i++) {
		if (i == IMAP_PARSE_PAIR_LIMIT)
			return imap_parse_fail(parse, "Too many pairs");
		if ((i > 0 && !imap_parse_space(parse)) ||
		    !imap_parse_string(parse, &text) ||
		    !imap_parse_space(parse) ||
		    !imap_parse_nstring(parse, &text))
			return false;
	}
	return true;
}

void
imap_id(struct imap_session *imap, struct imap_command *command)
{
	if (!imap_parse_space(&command->parse) ||
	    !parse_pairs(&command->parse) || !imap_parse_end(&command->parse))
		return;
	stream_add(&imap->stream, SPAN("* ID (\"name\" \"Posthouse\")\r\n"));
}
