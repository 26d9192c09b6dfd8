/*
 * CREATE (RFC 9051 6.3.4, RFC 6154 5.2), DELETE, RENAME (6.3.5, 6.3.6),
 * SUBSCRIBE and UNSUBSCRIBE (6.3.7, 6.3.8). Which names can be is the store's
 * to say.
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/uses.h"
#include "proto/imap_write.h"

/* [SP "(" "USE" SP "(" use... ")" ")"] */
static bool
parse_uses(struct imap_parse *parse, unsigned *uses, bool *has_unknown)
{
	struct span name;
	if (imap_parse_is_at_end(parse))
		return true;
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	if (!imap_parse_skip(parse, "USE"))
		return imap_parse_fail(parse, "Unknown parameter of CREATE");
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	while (!imap_parse_skip(parse, ")")) {
		if ((*uses != 0 || *has_unknown) && !imap_parse_space(parse))
			return false;
		if (!imap_parse_byte(parse, '\\') ||
		    !imap_parse_atom(parse, &name))
			return false;
		unsigned use = imap_use_of(name);
		*uses |= use;
		*has_unknown |= use == 0;
	}
	return imap_parse_byte(parse, ')') && imap_parse_end(parse);
}

/* What LIST could not name is not made (RFC 9051 5.1); the rest is the store's
 * to judge. */
static bool
check_new_name(struct imap_command *command, struct span name)
{
	if (span_find(name, '*') == name.size &&
	    span_find(name, '%') == name.size)
		return true;
	imap_no(command, "CANNOT", "A new name cannot have wildcards");
	return false;
}

/* A name that was changed by us is told (RFC 9051 6.3.4). */
static void
tell_created(struct imap_session *imap, struct span name, struct span given)
{
	if ((imap->parked.enabled & IMAP_REV2) == 0 ||
	    span_equals(name, given))
		return;
	buffer_add_string(&imap->line, "* LIST () \"/\" ");
	imap_write_mailbox(&imap->line, name, true);
	buffer_add_string(&imap->line, " (\"OLDNAME\" (");
	imap_write_mailbox(&imap->line, given, true);
	buffer_add_string(&imap->line, "))\r\n");
	imap_send_line(imap);
}

void
imap_create(struct imap_session *imap, struct imap_command *command)
{
	struct error error = { 0 };
	struct span name, given, before = command->parse.rest;
	unsigned uses = 0;
	bool has_unknown = false;
	uint32_t id;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_given_name(command, before, &given) ||
	    !parse_uses(&command->parse, &uses, &has_unknown) ||
	    !check_new_name(command, name) ||
	    imap_account(imap, command) == NULL)
		return;
	/* Mailboxes that show all, or all flagged, messages are not kept. */
	if (has_unknown || (uses & (STORE_USE_ALL | STORE_USE_FLAGGED)) != 0) {
		imap_no(command, "USEATTR", "That use is not supported");
		return;
	}
	/* The trailing separator says that children will follow. */
	if (name.size > 1 && name.data[name.size - 1] == '/')
		name.size--;
	if (imap_is_done(imap, command, store_mailbox_create(imap->account,
	    name, uses, &id, &error), &error))
		tell_created(imap, name, given);
}

void
imap_delete(struct imap_session *imap, struct imap_command *command)
{
	struct error error = { 0 };
	struct store_mailbox mailbox;
	struct span name;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_parse_end(&command->parse))
		return;
	if (span_equals(name, SPAN("INBOX"))) {
		imap_no(command, "CANNOT", "INBOX cannot be deleted");
		return;
	}
	if (!imap_find_mailbox(imap, command, name, "NONEXISTENT",
	    &mailbox) || !imap_is_done(imap, command, store_mailbox_delete(
	    imap->account, name, &error), &error))
		return;
	if (mailbox.id == imap->parked.mailbox) {
		imap_unselect(imap);
		stream_add(&imap->stream, SPAN(
			"* OK [CLOSED] The selected mailbox was deleted\r\n"));
	}
	mailbox_quota_note(imap->account);
}

void
imap_rename(struct imap_session *imap, struct imap_command *command)
{
	struct error error = { 0 };
	struct span from, to;
	if (!imap_take_mailbox(imap, command, &from) ||
	    !imap_take_mailbox(imap, command, &to) ||
	    !imap_parse_end(&command->parse) ||
	    !check_new_name(command, to) ||
	    imap_account(imap, command) == NULL)
		return;
	imap_is_done(imap, command, store_mailbox_rename(imap->account, from,
		to, &error), &error);
}

static void
set_subscribed(struct imap_session *imap, struct imap_command *command,
	bool subscribed)
{
	struct error error = { 0 };
	struct span name;
	if (!imap_take_mailbox(imap, command, &name) ||
	    !imap_parse_end(&command->parse) ||
	    imap_account(imap, command) == NULL)
		return;
	imap_is_done(imap, command, store_mailbox_subscribe(imap->account,
		name, subscribed, &error), &error);
}

void
imap_subscribe(struct imap_session *imap, struct imap_command *command)
{
	set_subscribed(imap, command, true);
}

void
imap_unsubscribe(struct imap_session *imap, struct imap_command *command)
{
	set_subscribed(imap, command, false);
}
