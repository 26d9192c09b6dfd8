/*
 * COPY and MOVE (RFC 9051 6.4.7, 6.4.8; COPYUID of 7.1). Nothing is copied when
 * one message cannot be: the store does all in one commit. EXPUNGE of what was
 * moved comes with the update after the command.
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"

static void
add_copyuid(struct imap_command *command, uint32_t uid_validity,
	const struct number_set sets[2])
{
	struct buffer from, to;
	if (sets[0].count == 0)
		return;
	buffer_init(&from, 0);
	buffer_init(&to, 0);
	number_set_format(&from, &sets[0]);
	number_set_format(&to, &sets[1]);
	imap_code(command, "COPYUID %u %.*s %.*s", uid_validity,
		SPAN_PRINT(buffer_span(&from)), SPAN_PRINT(buffer_span(&to)));
	buffer_fini(&from);
	buffer_fini(&to);
}

/* RFC 9051 6.4.8: for MOVE it comes untagged, before the expunges. */
static void
tell_copyuid(struct imap_session *imap, struct imap_command *command)
{
	if (command->code.size == 0)
		return;
	buffer_print(&imap->line, "* OK [%.*s] Moved\r\n",
		SPAN_PRINT(command->code));
	imap_send_line(imap);
	command->code = span_from(NULL);
}

/* Sequence numbers of what is gone already fail the command (RFC 2180 4.4). */
static bool
is_all_there(struct imap_session *imap, struct imap_command *command,
	const struct number_set *uids)
{
	struct store_message message;
	struct store_view *now = NULL;
	struct error error = { 0 };
	uint32_t next = 0;
	bool ok = true;
	if (command->is_uid || !imap->parked.is_behind)
		return true;
	if (!imap_is_done(imap, command, store_view_open(imap->account,
	    imap->parked.mailbox, &now, &error), &error))
		return false;
	while (ok && imap_next_message(imap->view, uids, &next, &message))
		ok = store_view_sequence(now, message.uid) != 0;
	store_view_close(&now);
	if (!ok)
		imap_no(command, "EXPUNGEISSUED",
			"Some of the messages no longer exist");
	return ok;
}

static void
transfer(struct imap_session *imap, struct imap_command *command,
	const struct number_set *uids, bool is_move)
{
	struct error error = { 0 };
	struct store_mailbox to;
	struct number_set sets[2];
	struct span name;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_parse_end(&command->parse) ||
	    (is_move && !imap_is_writable(imap, command)) ||
	    !imap_find_mailbox(imap, command, name, "TRYCREATE", &to) ||
	    !is_all_there(imap, command, uids))
		return;
	number_set_init(&sets[0]);
	number_set_init(&sets[1]);
	enum store_verdict verdict = store_copy(imap->account,
		imap->parked.mailbox, uids, to.id, is_move, &sets[0],
		&sets[1], &error);
	if (verdict == STORE_NO_MAILBOX)
		imap_no(command, "TRYCREATE", "There is no such mailbox");
	else if (imap_is_done(imap, command, verdict, &error))
		add_copyuid(command, to.uid_validity, sets);
	if (command->status == IMAP_UNANSWERED && is_move) {
		tell_copyuid(imap, command);
		if (sets[0].count > 0)
			imap_add_modseq(imap, command);
	}
	mailbox_quota_note(imap->account);
	number_set_fini(&sets[0]);
	number_set_fini(&sets[1]);
}

static void
copy_or_move(struct imap_session *imap, struct imap_command *command,
	bool is_move)
{
	struct number_set uids;
	if (imap_take_set(imap, command, &uids))
		transfer(imap, command, &uids, is_move);
	number_set_fini(&uids);
}

void
imap_copy(struct imap_session *imap, struct imap_command *command)
{
	copy_or_move(imap, command, false);
}

void
imap_move(struct imap_session *imap, struct imap_command *command)
{
	copy_or_move(imap, command, true);
}
