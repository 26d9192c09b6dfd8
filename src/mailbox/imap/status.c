/*
 * STATUS (RFC 9051 6.3.11, RFC 3501 6.3.10) with HIGHESTMODSEQ (RFC 7162
 * 3.1.7), APPENDLIMIT (RFC 7889 3), SIZE (RFC 8438) and DELETED-STORAGE
 * (RFC 9208 4.1.4). Counts come from the store's blocks, never from messages.
 */
#include "mailbox/imap/status.h"

#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "proto/imap_write.h"

enum item {
	MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, DELETED, SIZE,
	HIGHESTMODSEQ, APPENDLIMIT, DELETED_STORAGE, ITEM_COUNT
};

/* Longer names before their beginnings. */
static const struct {
	const char *name;
	enum item item;
} names[] = {
	{ "MESSAGES", MESSAGES }, { "RECENT", RECENT },
	{ "UIDNEXT", UIDNEXT }, { "UIDVALIDITY", UIDVALIDITY },
	{ "UNSEEN", UNSEEN }, { "DELETED-STORAGE", DELETED_STORAGE },
	{ "DELETED", DELETED }, { "SIZE", SIZE },
	{ "HIGHESTMODSEQ", HIGHESTMODSEQ }, { "APPENDLIMIT", APPENDLIMIT },
};

bool
imap_status_parse(struct imap_parse *parse, unsigned *items)
{
	*items = 0;
	if (!imap_parse_byte(parse, '('))
		return false;
	do {
		size_t i = 0;
		while (i < ITEM_COUNT && !imap_parse_skip(parse, names[i].name))
			i++;
		if (i == ITEM_COUNT)
			return imap_parse_fail(parse, "Unknown STATUS item");
		*items |= 1u << names[i].item;
	} while (imap_parse_skip(parse, " "));
	return imap_parse_byte(parse, ')');
}

void
imap_status_enable(struct imap_session *imap, unsigned items)
{
	if ((items & 1u << HIGHESTMODSEQ) != 0)
		imap_enable_condstore(imap);
}

static uint64_t
value_of(const struct imap_session *imap, enum item item,
	const struct store_mailbox *mailbox, const struct store_status *status)
{
	switch (item) {
	case MESSAGES: return status->messages;
	case RECENT: return status->recent;
	case UIDNEXT: return mailbox->uid_next;
	case UIDVALIDITY: return mailbox->uid_validity;
	case UNSEEN: return status->unseen;
	case DELETED: return status->deleted;
	case SIZE: return status->size;
	case HIGHESTMODSEQ: return mailbox->modseq;
	case APPENDLIMIT: return imap->mailbox->message_size_limit;
	case DELETED_STORAGE: return status->deleted_size;
	case ITEM_COUNT: break;
	}
	return 0;
}

static void
add_item(struct imap_session *imap, size_t i,
	const struct store_mailbox *mailbox, const struct store_status *status)
{
	uint64_t value = value_of(imap, names[i].item, mailbox, status);
	/* RFC 7889 3: NIL says that there is no limit. */
	if (names[i].item == APPENDLIMIT && value == 0)
		buffer_add_string(&imap->line, "APPENDLIMIT NIL ");
	else
		buffer_print(&imap->line, "%s %lu ", names[i].name,
			(unsigned long)value);
}

bool
imap_status_tell(struct imap_session *imap, struct imap_command *command,
	struct span name, unsigned items)
{
	struct error error = { 0 };
	struct store_mailbox mailbox;
	struct store_status status;
	struct buffer *line = &imap->line;
	if (!imap_find_mailbox(imap, command, name, "NONEXISTENT", &mailbox) ||
	    !imap_is_done(imap, command, store_mailbox_status(imap->account,
	    mailbox.id, &status, &error), &error))
		return false;
	buffer_add_string(line, "* STATUS ");
	imap_write_mailbox(line, mailbox.name, imap_is_utf8(imap));
	buffer_add_string(line, " (");
	for (size_t i = 0; i < ITEM_COUNT; i++)
		if ((items & 1u << names[i].item) != 0)
			add_item(imap, i, &mailbox, &status);
	line->size--;
	buffer_add_string(line, ")\r\n");
	imap_send_line(imap);
	return true;
}

void
imap_status_command(struct imap_session *imap, struct imap_command *command)
{
	struct span name;
	unsigned items;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_parse_space(&command->parse) ||
	    !imap_status_parse(&command->parse, &items) ||
	    !imap_parse_end(&command->parse))
		return;
	imap_status_enable(imap, items);
	imap_status_tell(imap, command, name, items);
}
