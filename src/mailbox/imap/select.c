/*
 * SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3, RFC 3501 6.3.1), with CONDSTORE
 * (RFC 7162 3.1.8) and QRESYNC (3.2.5). What is answered comes from the view's
 * facts: no message is looked at, but for those that QRESYNC has to tell.
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "proto/imap_write.h"

struct resync {
	bool is_wanted;
	uint32_t uid_validity;
	uint64_t modseq;
	struct span known_uids;		/* empty: all */
};

struct request {
	struct span name, given;
	struct resync resync;
	struct number_set known;
	bool has_condstore;
};

/* "(" uidvalidity SP modseq [SP known-uids] [SP "(" seqs SP uids ")"] ")" */
static bool
parse_resync(struct imap_parse *parse, struct resync *resync)
{
	struct span text;
	resync->is_wanted = true;
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '(') ||
	    !imap_parse_nz_number(parse, &resync->uid_validity) ||
	    !imap_parse_space(parse) ||
	    !imap_parse_number64(parse, &resync->modseq))
		return false;
	if (imap_parse_skip(parse, ")"))
		return true;
	if (!imap_parse_space(parse))
		return false;
	if (!imap_parse_is_next(parse, '(')) {
		if (!imap_parse_sequence_set(parse, &resync->known_uids))
			return false;
		if (imap_parse_skip(parse, ")"))
			return true;
		if (!imap_parse_space(parse))
			return false;
	}
	/* What the client knows about sequence numbers would only shorten the
	 * answer (RFC 7162 3.2.5.2); the tombstones do that here. */
	return imap_parse_byte(parse, '(') &&
		imap_parse_sequence_set(parse, &text) &&
		imap_parse_space(parse) &&
		imap_parse_sequence_set(parse, &text) &&
		imap_parse_byte(parse, ')') && imap_parse_byte(parse, ')');
}

static bool
parse_parameters(struct imap_session *imap, struct imap_command *command,
	struct request *request)
{
	struct imap_parse *parse = &command->parse;
	if (imap_parse_is_at_end(parse))
		return true;
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	do {
		if (imap_parse_skip(parse, "CONDSTORE")) {
			request->has_condstore = true;
		} else if (imap_parse_skip(parse, "QRESYNC")) {
			if ((imap->parked.enabled & IMAP_QRESYNC) == 0)
				return imap_parse_fail(parse,
					"QRESYNC is not enabled");
			if (!parse_resync(parse, &request->resync))
				return false;
		} else {
			return imap_parse_fail(parse,
				"Unknown parameter of SELECT");
		}
	} while (imap_parse_skip(parse, " "));
	return imap_parse_byte(parse, ')') && imap_parse_end(parse);
}

/* The UIDs that the client says it knows; all that can be when it did not. */
static bool
parse_known(struct imap_command *command, struct span text,
	struct number_set *known)
{
	if (text.size == 0) {
		number_set_add(known, 1, UINT32_MAX);
		return true;
	}
	/* RFC 7162 3.2.5: "*" is not allowed in it. */
	if (span_find(text, '*') == text.size &&
	    number_set_parse(text, 0, IMAP_SET_LIMIT, known))
		return true;
	return imap_parse_fail(&command->parse, "The known UIDs are not a set");
}

static void
tell_resync(struct imap_session *imap, const struct resync *resync,
	const struct number_set *known)
{
	struct number_set changed, told;
	struct store_message message;
	uint32_t next = 0;
	number_set_init(&changed);
	number_set_init(&told);
	/* When the tombstones are too young, it adds whatever is not there. */
	store_view_vanished(imap->view, resync->modseq, &changed);
	number_set_intersect(&told, &changed, known);
	imap_tell_vanished(imap, &told, true);
	number_set_fini(&changed);
	number_set_fini(&told);
	store_view_changed(imap->view, resync->modseq, &changed);
	number_set_intersect(&told, &changed, known);
	while (imap_next_message(imap->view, &told, &next, &message)) {
		buffer_print(&imap->line, "* %u FETCH (UID %u FLAGS ",
			message.sequence, message.uid);
		imap_add_flags(imap, imap->view, &message);
		buffer_print(&imap->line, " MODSEQ (%lu))\r\n",
			(unsigned long)message.modseq);
		imap_send_line(imap);
	}
	number_set_fini(&changed);
	number_set_fini(&told);
}

/* LIST is part of the answer in IMAP4rev2, with the name that was given where
 * that is not the mailbox's own (RFC 9051 6.3.2). */
static void
tell_list(struct imap_session *imap, struct span name, struct span given)
{
	if ((imap->parked.enabled & IMAP_REV2) == 0)
		return;
	buffer_add_string(&imap->line, "* LIST () \"/\" ");
	imap_write_mailbox(&imap->line, name, true);
	if (!span_equals(name, given)) {
		buffer_add_string(&imap->line, " (\"OLDNAME\" (");
		imap_write_mailbox(&imap->line, given, true);
		buffer_add_string(&imap->line, "))");
	}
	buffer_add_string(&imap->line, "\r\n");
	imap_send_line(imap);
}

static void
tell_mailbox(struct imap_session *imap, const struct store_view_facts *facts)
{
	bool is_rev2 = (imap->parked.enabled & IMAP_REV2) != 0;
	struct buffer *line = &imap->line;
	buffer_print(line, "* %u EXISTS\r\n", facts->exists);
	imap_send_line(imap);
	imap_tell_recent(imap, imap->view);
	/* UNSEEN and RECENT are IMAP4rev1's (RFC 9051 appendix E). */
	if (!is_rev2 && facts->first_unseen != 0)
		buffer_print(line, "* OK [UNSEEN %u] First unseen message\r\n",
			facts->first_unseen);
	buffer_print(line, "* OK [UIDVALIDITY %u] UIDs are valid\r\n"
		"* OK [UIDNEXT %u] Predicted next UID\r\n"
		"* OK [HIGHESTMODSEQ %lu] Highest\r\n", facts->uid_validity,
		facts->uid_next, (unsigned long)facts->modseq);
	imap_send_line(imap);
}

/* Makes the mailbox the selected one and opens its view. */
static bool
enter(struct imap_session *imap, struct imap_command *command,
	const struct store_mailbox *mailbox, bool is_read_only)
{
	struct error error = { 0 };
	struct imap_parked *parked = &imap->parked;
	struct store_view_facts facts;
	parked->mailbox = mailbox->id;
	parked->is_read_only = is_read_only;
	/* Watched first, so that nothing that comes after the view is missed. */
	imap_watch(imap);
	atomic_store(&imap->has_changed, false);
	if (!imap_is_done(imap, command, store_view_open(imap->account,
	    mailbox->id, &imap->view, &error), &error) ||
	    !imap_is_done(imap, command, store_recent(imap->account,
	    mailbox->id, !is_read_only, &parked->recent_first, &error),
	    &error)) {
		imap_unselect(imap);
		return false;
	}
	store_view_facts(imap->view, &facts);
	parked->uid_validity = facts.uid_validity;
	parked->seen = (struct store_seen){
		facts.modseq, facts.modseq, facts.modseq
	};
	return true;
}

static void
answer_select(struct imap_session *imap, struct imap_command *command,
	struct span name, const struct request *request)
{
	struct store_view_facts facts;
	store_view_facts(imap->view, &facts);
	imap_tell_flags(imap, imap->view);
	tell_mailbox(imap, &facts);
	tell_list(imap, name, request->given);
	if (request->resync.is_wanted &&
	    request->resync.uid_validity == facts.uid_validity)
		tell_resync(imap, &request->resync, &request->known);
	imap_code(command, imap->parked.is_read_only ? "READ-ONLY" :
		"READ-WRITE");
}

static bool
parse_request(struct imap_session *imap, struct imap_command *command,
	struct request *request)
{
	struct span before = command->parse.rest;
	return imap_take_mailbox(imap, command, &request->name) &&
		imap_given_name(command, before, &request->given) &&
		parse_parameters(imap, command, request) &&
		parse_known(command, request->resync.known_uids,
		&request->known);
}

static void
open_mailbox(struct imap_session *imap, struct imap_command *command,
	struct request *request, bool is_read_only)
{
	struct store_mailbox mailbox;
	/* Also when it then fails, the old one is left (RFC 9051 6.3.2). */
	if (imap->parked.mailbox != 0) {
		imap_unselect(imap);
		stream_add(&imap->stream, SPAN(
			"* OK [CLOSED] The previous mailbox is closed\r\n"));
	}
	if (request->has_condstore)
		imap_enable_condstore(imap);
	if (imap_find_mailbox(imap, command, request->name, "NONEXISTENT",
	    &mailbox) && enter(imap, command, &mailbox, is_read_only))
		answer_select(imap, command, mailbox.name, request);
}

static void
select_or_examine(struct imap_session *imap, struct imap_command *command,
	bool is_read_only)
{
	struct request request = { 0 };
	number_set_init(&request.known);
	if (parse_request(imap, command, &request))
		open_mailbox(imap, command, &request, is_read_only);
	number_set_fini(&request.known);
}

void
imap_select(struct imap_session *imap, struct imap_command *command)
{
	select_or_examine(imap, command, false);
}

void
imap_examine(struct imap_session *imap, struct imap_command *command)
{
	select_or_examine(imap, command, true);
}
