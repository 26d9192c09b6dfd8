/* What IMAP commands work on: account, mailbox, names, sequence sets. */
#include "mailbox/imap/access.h"

#include <assert.h>

struct store_account *
imap_account(struct imap_session *imap, struct imap_command *command)
{
	struct error error = { 0 };
	if (imap->account != NULL)
		return imap->account;
	if (store_account_open(imap->mailbox->store, imap->parked.account,
	    imap->parked.actor, STORE_CREATE | STORE_FOLDERS, &imap->account,
	    &error) == 0) {
		store_quota_set_limit(imap->account, imap->parked.quota);
		return imap->account;
	}
	if (command != NULL)
		imap_is_done(imap, command, STORE_TROUBLE, &error);
	else
		log_event(LOG_ERROR, "account-not-opened", &imap->scope,
			LOG_TEXT("user", imap->parked.user),
			LOG_TEXT("reason", error.text));
	return NULL;
}

bool
imap_view(struct imap_session *imap, struct imap_command *command)
{
	struct error error = { 0 };
	if (imap_account(imap, command) == NULL)
		return false;
	imap_update(imap, false, NULL);
	if (imap->is_closing) {
		imap_no(command, "NONEXISTENT", "The mailbox was deleted");
		return false;
	}
	return imap_is_done(imap, command, imap_open_view(imap, &error),
		&error);
}

enum store_verdict
imap_open_seen(struct imap_session *imap, const struct store_seen *seen,
	struct store_view **view, struct error *error)
{
	enum store_verdict verdict = store_view_open_seen(imap->account,
		imap->parked.mailbox, seen, view, error);
	return verdict == STORE_TROUBLE && error->code == ERROR_GONE ?
		STORE_NO_MESSAGE : verdict;
}

enum store_verdict
imap_open_view(struct imap_session *imap, struct error *error)
{
	return imap->view != NULL ? STORE_OK : imap_open_seen(imap,
		&imap->parked.seen, &imap->view, error);
}

bool
imap_is_writable(struct imap_session *imap, struct imap_command *command)
{
	if (!imap->parked.is_read_only)
		return true;
	imap_no(command, "READ-ONLY", "The mailbox is open for reading only");
	return false;
}

bool
imap_take_mailbox(struct imap_session *imap, struct imap_command *command,
	struct span *name)
{
	(void)imap;
	if (!imap_parse_space(&command->parse) ||
	    !imap_parse_mailbox(&command->parse, name))
		return false;
	if (name->data == NULL) {
		imap_no(command, "CANNOT", "A mailbox cannot have that name");
		return false;
	}
	return true;
}

bool
imap_given_name(const struct imap_command *command, struct span before,
	struct span *given)
{
	struct imap_parse again = command->parse;
	again.rest = before;
	*given = SPAN("");
	return imap_parse_space(&again) && imap_parse_astring(&again, given);
}

bool
imap_find_mailbox(struct imap_session *imap, struct imap_command *command,
	struct span name, const char *code, struct store_mailbox *mailbox)
{
	struct error error = { 0 };
	struct store_account *account = imap_account(imap, command);
	if (account == NULL)
		return false;
	enum store_verdict verdict = store_mailbox_find(account, name,
		command->parse.arena, mailbox, &error);
	if (verdict == STORE_OK && mailbox->id == 0)
		verdict = STORE_NO_MAILBOX;	/* a name only */
	if (verdict == STORE_NO_MAILBOX) {
		imap_no(command, code, "There is no such mailbox");
		return false;
	}
	return imap_is_done(imap, command, verdict, &error);
}

/* ---- sequence sets ---- */

/* Sequence numbers become the UIDs they stand for; holes may be between. */
static bool
to_uids(const struct store_view *view, uint32_t exists,
	const struct number_set *numbers, struct number_set *uids)
{
	for (size_t i = 0; i < numbers->count; i++) {
		const struct number_range *range = &numbers->range[i];
		if (range->last > exists)
			return false;
		number_set_add(uids, store_view_uid(view, range->first),
			store_view_uid(view, range->last));
	}
	return true;
}

/* In an empty mailbox "*" is nobody. */
static bool
parse_set(struct imap_session *imap, struct imap_command *command,
	struct span text, struct number_set *uids)
{
	struct store_view_facts facts;
	struct number_set numbers;
	store_view_facts(imap->view, &facts);
	uint32_t star = facts.exists;
	if (command->is_uid)
		star = star == 0 ? 0 : store_view_uid(imap->view, star);
	number_set_init(&numbers);
	bool ok = number_set_parse(text, star, IMAP_SET_LIMIT, &numbers);
	if (!ok)
		imap_parse_fail(&command->parse,
			"The sequence set is not well-formed or too long");
	else if (command->is_uid)
		number_set_intersect(uids, &numbers, &numbers);
	else if (!to_uids(imap->view, facts.exists, &numbers, uids))
		ok = imap_parse_fail(&command->parse,
			"There is no message of that number");
	number_set_fini(&numbers);
	return ok;
}

bool
imap_take_set(struct imap_session *imap, struct imap_command *command,
	struct number_set *uids)
{
	struct span text;
	number_set_init(uids);
	if (!imap_parse_space(&command->parse) ||
	    !imap_parse_sequence_set(&command->parse, &text) ||
	    !imap_view(imap, command))
		return false;
	if (!span_equals(text, SPAN("$")))
		return parse_set(imap, command, text, uids);
	number_set_intersect(uids, &imap->saved, &imap->saved);
	return true;
}

bool
imap_next_message(const struct store_view *view, const struct number_set *uids,
	uint32_t *next, struct store_message *message)
{
	uint32_t wanted = *next;
	while (number_set_next(uids, wanted, &wanted)) {
		if (!store_view_next(view, wanted, message))
			return false;
		if (number_set_contains(uids, message->uid)) {
			*next = message->uid + 1;
			/* UIDs are below 2^32 - 1 (RFC 9051 2.3.1.1). */
			return message->uid != UINT32_MAX;
		}
		wanted = message->uid;
	}
	return false;
}

void
imap_numbers_of(const struct store_view *view, const struct number_set *uids,
	bool is_uid, struct number_set *numbers)
{
	struct store_message message;
	uint32_t next = 0;
	while (imap_next_message(view, uids, &next, &message)) {
		uint32_t number = is_uid ? message.uid : message.sequence;
		number_set_add(numbers, number, number);
	}
}

/* ---- selecting ---- */

void
imap_watch(struct imap_session *imap)
{
	atomic_store(&imap->watched_mailbox, imap->parked.mailbox);
	if (!imap->is_watching)
		store_watch_add(imap->mailbox->store, &imap->watch);
	imap->is_watching = true;
}

void
imap_unselect(struct imap_session *imap)
{
	atomic_store(&imap->watched_mailbox, 0);
	atomic_store(&imap->has_changed, false);
	store_view_close(&imap->view);
	imap->parked.mailbox = 0;
	imap->parked.is_behind = false;
	imap->parked.is_read_only = false;
	imap->parked.seen = (struct store_seen){ 0 };
	number_set_fini(&imap->saved);
}

void
imap_add_modseq(struct imap_session *imap, struct imap_command *command)
{
	struct store_view *view = NULL;
	struct store_view_facts facts;
	struct error error;
	if ((imap->parked.enabled & IMAP_QRESYNC) == 0 ||
	    store_view_open(imap->account, imap->parked.mailbox, &view,
	    &error) != STORE_OK)
		return;
	store_view_facts(view, &facts);
	imap_code(command, "HIGHESTMODSEQ %lu", (unsigned long)facts.modseq);
	store_view_close(&view);
}
