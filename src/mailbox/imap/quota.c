/*
 * GETQUOTA and GETQUOTAROOT (RFC 9208 4.1). An account has one quota root, "",
 * with the resource STORAGE in units of 1,024 bytes. Limits are the
 * administrator's.
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "proto/imap_write.h"

static void
tell_quota(struct imap_session *imap)
{
	struct store_quota quota;
	struct buffer *line = &imap->line;
	store_quota_get(imap->account, &quota);
	buffer_add_string(line, "* QUOTA \"\" (");
	if (quota.bytes_limit != 0)
		buffer_print(line, "STORAGE %lu %lu",
			(unsigned long)((quota.bytes + 1023) / 1024),
			(unsigned long)(quota.bytes_limit / 1024));
	buffer_add_string(line, ")\r\n");
	imap_send_line(imap);
}

static bool
take_root(struct imap_command *command, struct span *root)
{
	return imap_parse_space(&command->parse) &&
		imap_parse_astring(&command->parse, root);
}

void
imap_getquota(struct imap_session *imap, struct imap_command *command)
{
	struct span root;
	if (!take_root(command, &root) || !imap_parse_end(&command->parse))
		return;
	if (root.size > 0)
		imap_no(command, "NONEXISTENT", "There is no such quota root");
	else if (imap_account(imap, command) != NULL)
		tell_quota(imap);
}

void
imap_getquotaroot(struct imap_session *imap, struct imap_command *command)
{
	struct store_mailbox mailbox;
	struct span name;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_parse_end(&command->parse) ||
	    !imap_find_mailbox(imap, command, name, "NONEXISTENT", &mailbox))
		return;
	buffer_add_string(&imap->line, "* QUOTAROOT ");
	imap_write_mailbox(&imap->line, mailbox.name, imap_is_utf8(imap));
	buffer_add_string(&imap->line, " \"\"\r\n");
	imap_send_line(imap);
	tell_quota(imap);
}

void
imap_setquota(struct imap_session *imap, struct imap_command *command)
{
	struct span root;
	(void)imap;
	if (take_root(command, &root))
		imap_no(command, "NOPERM", "Limits are the administrator's");
}
