/*
 * CAPABILITY (RFC 9051 6.1.1) and ENABLE (RFC 9051 6.3.1, RFC 5161). What login
 * offers before (SASL mechanisms, STARTTLS) is not listed here.
 */
#include "mailbox/imap/capability.h"

#include "mailbox/imap/commands.h"

static const struct {
	const char *name;
	uint32_t enable;	/* bits that ENABLE sets; 0: not for ENABLE */
} capabilities[] = {
	{ "IMAP4rev1", 0 },
	{ "IMAP4rev2", IMAP_REV2 },
	{ "ENABLE", 0 },
	{ "SASL-IR", 0 },
	{ "LITERAL+", 0 },
	{ "ID", 0 },
	{ "IDLE", 0 },
	{ "NAMESPACE", 0 },
	{ "CHILDREN", 0 },
	{ "UNSELECT", 0 },
	{ "UIDPLUS", 0 },
	{ "MOVE", 0 },
	{ "ESEARCH", 0 },
	{ "SEARCHRES", 0 },
	{ "LIST-EXTENDED", 0 },
	{ "LIST-STATUS", 0 },
	{ "SPECIAL-USE", 0 },
	{ "CREATE-SPECIAL-USE", 0 },
	{ "STATUS=SIZE", 0 },
	{ "CONDSTORE", IMAP_CONDSTORE },
	/* RFC 7162 3.2.3: implies CONDSTORE. */
	{ "QRESYNC", IMAP_QRESYNC | IMAP_CONDSTORE },
	{ "BINARY", 0 },
	{ "MULTIAPPEND", 0 },
	{ "QUOTA", 0 },
	{ "QUOTA=RES-STORAGE", 0 },
	{ "UTF8=ACCEPT", IMAP_UTF8 },
};
enum { CAPABILITY_COUNT = sizeof(capabilities) / sizeof(capabilities[0]) };

void
imap_capability_list(const struct imap_session *imap, struct buffer *out)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++)
		buffer_print(out, " %s", capabilities[i].name);
	/* RFC 7889; without a limit of ours there is nothing to say. */
	if (imap->mailbox->message_size_limit != 0)
		buffer_print(out, " APPENDLIMIT=%lu", (unsigned long)
			imap->mailbox->message_size_limit);
}

void
imap_capability(struct imap_session *imap, struct imap_command *command)
{
	if (!imap_parse_end(&command->parse))
		return;
	buffer_add_string(&imap->line, "* CAPABILITY");
	imap_capability_list(imap, &imap->line);
	buffer_add_string(&imap->line, "\r\n");
	imap_send_line(imap);
}

/* Unknown names are ignored (RFC 5161 3.1). */
static void
enable_one(struct imap_session *imap, struct span name, struct buffer *line)
{
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		uint32_t bits = capabilities[i].enable;
		if (bits == 0 || !span_equals_nocase(name,
		    span_from(capabilities[i].name)) ||
		    (imap->parked.enabled & bits) == bits)
			continue;
		imap->parked.enabled |= bits;
		buffer_print(line, " %s", capabilities[i].name);
	}
}

void
imap_enable(struct imap_session *imap, struct imap_command *command)
{
	struct span name, all = command->parse.rest;
	do {
		if (!imap_parse_space(&command->parse) ||
		    !imap_parse_atom(&command->parse, &name))
			return;
	} while (!imap_parse_is_at_end(&command->parse));
	buffer_add_string(&imap->line, "* ENABLED");
	while (span_word(&all, &name))
		enable_one(imap, name, &imap->line);
	buffer_add_string(&imap->line, "\r\n");
	imap_send_line(imap);
}
