/*
 * STORE and UID STORE (RFC 9051 6.4.6), conditional with UNCHANGEDSINCE
 * (RFC 7162 3.1.3).
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"

struct request {
	struct number_set uids;
	enum store_change change;
	bool is_silent;
	uint64_t unchanged_since;
	struct store_flags flags;
};

/* [SP "(" "UNCHANGEDSINCE" SP number ")"] */
static bool
parse_modifier(struct imap_session *imap, struct imap_parse *parse,
	struct request *request)
{
	request->unchanged_since = UINT64_MAX;
	if (!imap_parse_space(parse))
		return false;
	if (!imap_parse_skip(parse, "("))
		return true;
	if (!imap_parse_skip(parse, "UNCHANGEDSINCE"))
		return imap_parse_fail(parse, "Unknown STORE modifier");
	if (!imap_parse_space(parse) ||
	    !imap_parse_number64(parse, &request->unchanged_since) ||
	    !imap_parse_byte(parse, ')') || !imap_parse_space(parse))
		return false;
	imap_enable_condstore(imap);
	return true;
}

/* ["+" / "-"] "FLAGS" [".SILENT"] SP flags */
static bool
parse_change(struct imap_parse *parse, struct request *request)
{
	struct imap_parse_flags flags;
	if (imap_parse_skip(parse, "+"))
		request->change = STORE_ADD;
	else if (imap_parse_skip(parse, "-"))
		request->change = STORE_REMOVE;
	else
		request->change = STORE_REPLACE;
	if (!imap_parse_skip(parse, "FLAGS"))
		return imap_parse_fail(parse, "FLAGS was expected");
	request->is_silent = imap_parse_skip(parse, ".SILENT");
	if (!imap_parse_space(parse) || !imap_parse_store_flags(parse, &flags))
		return false;
	if (flags.has_unknown || flags.has_recent)
		return imap_parse_fail(parse,
			"There is no such system flag to be set");
	request->flags = (struct store_flags){
		.system = flags.system, .keyword = flags.keyword,
		.keyword_count = flags.keyword_count
	};
	return true;
}

/* Sequence numbers of messages that are gone: the client is to look again
 * (RFC 2180 4.2, RFC 9051 7.1). */
static void
note_expunged(struct imap_session *imap, struct imap_command *command,
	const struct number_set *uids)
{
	struct store_view *now = NULL;
	struct number_set gone;
	struct error error;
	uint32_t uid = 0;
	if (command->is_uid || !imap->parked.is_behind ||
	    store_view_open(imap->account, imap->parked.mailbox, &now,
	    &error) != STORE_OK)
		return;
	number_set_init(&gone);
	store_view_expunged(imap->view, now, &gone);
	for (; number_set_next(&gone, uid, &uid); uid++) {
		if (number_set_contains(uids, uid)) {
			imap_no(command, "EXPUNGEISSUED",
				"Some of the messages no longer exist");
			break;
		}
	}
	number_set_fini(&gone);
	store_view_close(&now);
}

static void
add_modified(struct imap_session *imap, struct imap_command *command,
	const struct number_set *modified)
{
	struct number_set numbers;
	struct buffer text;
	if (modified->count == 0)
		return;
	number_set_init(&numbers);
	buffer_init(&text, 0);
	imap_numbers_of(imap->view, modified, command->is_uid, &numbers);
	number_set_format(&text, &numbers);
	imap_code(command, "MODIFIED %.*s", SPAN_PRINT(buffer_span(&text)));
	imap_ok(command, "Conditional STORE failed for some messages");
	number_set_fini(&numbers);
	buffer_fini(&text);
}

/* `before` and the change are so close together that what another session
 * does between them shows as a difference and is told. */
static void
change(struct imap_session *imap, struct imap_command *command,
	const struct request *request)
{
	struct error error = { 0 };
	struct number_set modified, told;
	struct store_view *before = NULL;
	uint64_t modseq = 0;
	number_set_init(&modified);
	number_set_init(&told);
	if (imap_is_done(imap, command, store_view_open(imap->account,
	    imap->parked.mailbox, &before, &error), &error) &&
	    imap_is_done(imap, command, store_flags_change(imap->account,
	    imap->parked.mailbox, &request->uids, request->change,
	    &request->flags, request->unchanged_since, &modified, &modseq,
	    &error), &error)) {
		number_set_subtract(&told, &request->uids, &modified);
		struct imap_own_change own = {
			.uids = &told, .is_silent = request->is_silent,
			.change = request->change, .flags = &request->flags,
			.before = before
		};
		imap_update(imap, false, &own);
		note_expunged(imap, command, &request->uids);
		add_modified(imap, command, &modified);
	}
	store_view_close(&before);
	number_set_fini(&modified);
	number_set_fini(&told);
}

void
imap_store(struct imap_session *imap, struct imap_command *command)
{
	struct request request = { 0 };
	if (imap_take_set(imap, command, &request.uids) &&
	    parse_modifier(imap, &command->parse, &request) &&
	    parse_change(&command->parse, &request) &&
	    imap_is_writable(imap, command))
		change(imap, command, &request);
	number_set_fini(&request.uids);
}
