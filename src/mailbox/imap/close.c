/*
 * CLOSE and UNSELECT (RFC 9051 6.4.1, 6.4.2), EXPUNGE and UID EXPUNGE (6.4.3,
 * 6.4.9): what removes \Deleted messages or leaves the mailbox.
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"

/* uids NULL: all that are \Deleted. */
static bool
expunge(struct imap_session *imap, struct imap_command *command,
	const struct number_set *uids)
{
	struct error error = { 0 };
	struct number_set expunged;
	if (imap_account(imap, command) == NULL)
		return false;
	number_set_init(&expunged);
	bool ok = imap_is_done(imap, command, store_expunge(imap->account,
		imap->parked.mailbox, uids, true, &expunged, &error), &error);
	if (ok && expunged.count > 0) {
		mailbox_quota_note(imap->account);
		imap_add_modseq(imap, command);
	}
	number_set_fini(&expunged);
	return ok;
}

void
imap_expunge(struct imap_session *imap, struct imap_command *command)
{
	struct number_set uids;
	if (!command->is_uid) {
		/* The view is opened first, so that all can be told however
		 * much it is. */
		if (imap_parse_end(&command->parse) &&
		    imap_is_writable(imap, command) &&
		    imap_view(imap, command))
			expunge(imap, command, NULL);
		return;
	}
	if (imap_take_set(imap, command, &uids) &&
	    imap_parse_end(&command->parse) && imap_is_writable(imap, command))
		expunge(imap, command, &uids);
	number_set_fini(&uids);
}

void
imap_close(struct imap_session *imap, struct imap_command *command)
{
	if (!imap_parse_end(&command->parse))
		return;
	/* Nothing is told about what is removed (RFC 9051 6.4.1). */
	if (imap->parked.is_read_only || expunge(imap, command, NULL))
		imap_unselect(imap);
}

void
imap_unselect_command(struct imap_session *imap, struct imap_command *command)
{
	if (imap_parse_end(&command->parse))
		imap_unselect(imap);
}
