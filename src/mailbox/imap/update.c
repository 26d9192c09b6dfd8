/*
 * Untagged responses about the selected mailbox (RFC 9051 7.3, 7.4.1, 7.5.1,
 * RFC 7162 3.2.10): what the client was told last (imap->view) against what is
 * there now.
 *
 * While expunges may not be told, the next view still holds the messages that
 * are gone, so that numbers stay; parked.is_behind then asks for another look.
 */
#include "mailbox/imap/access.h"

#include <assert.h>

static const struct {
	enum store_flag flag;
	const char *name;
} flag_names[] = {
	{ STORE_ANSWERED, "\\Answered" }, { STORE_FLAGGED, "\\Flagged" },
	{ STORE_DELETED, "\\Deleted" }, { STORE_SEEN, "\\Seen" },
	{ STORE_DRAFT, "\\Draft" },
};

static bool
has_recent(const struct imap_session *imap)
{
	return (imap->parked.enabled & IMAP_REV2) == 0 &&
		imap->parked.recent_first != 0;
}

/* A flag with a blank before it unless it begins the list. */
static void
add_flag(struct buffer *line, bool *is_first, struct span name)
{
	if (!*is_first)
		buffer_add_byte(line, ' ');
	*is_first = false;
	buffer_add(line, name);
}

void
imap_add_flags(struct imap_session *imap, const struct store_view *view,
	const struct store_message *message)
{
	bool is_first = true;
	struct buffer *line = &imap->line;
	uint64_t keywords = message->flags >> STORE_KEYWORD_SHIFT;
	buffer_add_byte(line, '(');
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if ((message->flags & flag_names[i].flag) != 0)
			add_flag(line, &is_first,
				span_from(flag_names[i].name));
	for (size_t i = 0; keywords != 0; i++, keywords >>= 1)
		if ((keywords & 1) != 0)
			add_flag(line, &is_first, store_view_keyword(view, i));
	if (has_recent(imap) && message->uid >= imap->parked.recent_first)
		add_flag(line, &is_first, SPAN("\\Recent"));
	buffer_add_byte(line, ')');
}

static void
add_all_flags(struct buffer *line, const struct store_view *view,
	size_t keywords)
{
	bool is_first = true;
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		add_flag(line, &is_first, span_from(flag_names[i].name));
	for (size_t i = 0; i < keywords; i++)
		add_flag(line, &is_first, store_view_keyword(view, i));
}

void
imap_tell_flags(struct imap_session *imap, const struct store_view *view)
{
	struct store_view_facts facts;
	struct buffer *line = &imap->line;
	store_view_facts(view, &facts);
	imap->parked.keywords = (uint32_t)facts.keyword_count;
	buffer_add_string(line, "* FLAGS (");
	add_all_flags(line, view, facts.keyword_count);
	buffer_add_string(line, ")\r\n* OK [PERMANENTFLAGS (");
	if (!imap->parked.is_read_only) {
		add_all_flags(line, view, facts.keyword_count);
		if (facts.keyword_count < STORE_KEYWORD_LIMIT)
			buffer_add_string(line, " \\*");
	}
	buffer_print(line, ")] %s\r\n", imap->parked.is_read_only ?
		"No flag is kept" : "Flags that are kept");
	imap_send_line(imap);
}

void
imap_tell_recent(struct imap_session *imap, const struct store_view *view)
{
	struct store_message first;
	struct store_view_facts facts;
	uint32_t count = 0;
	if ((imap->parked.enabled & IMAP_REV2) != 0)
		return;
	store_view_facts(view, &facts);
	if (has_recent(imap) && store_view_next(view,
	    imap->parked.recent_first, &first))
		count = facts.exists - first.sequence + 1;
	buffer_print(&imap->line, "* %u RECENT\r\n", count);
	imap_send_line(imap);
}

void
imap_tell_vanished(struct imap_session *imap, const struct number_set *uids,
	bool is_earlier)
{
	if (uids->count == 0)
		return;
	buffer_add_string(&imap->line, is_earlier ? "* VANISHED (EARLIER) " :
		"* VANISHED ");
	number_set_format(&imap->line, uids);
	buffer_add_string(&imap->line, "\r\n");
	imap_send_line(imap);
}

static void
tell_expunged(struct imap_session *imap, const struct number_set *uids)
{
	uint32_t removed = 0, uid = 0;
	if ((imap->parked.enabled & IMAP_QRESYNC) != 0) {
		imap_tell_vanished(imap, uids, false);
		return;
	}
	/* Each number is one among those still there (RFC 9051 7.5.1). */
	while (number_set_next(uids, uid, &uid)) {
		buffer_print(&imap->line, "* %u EXPUNGE\r\n",
			store_view_sequence(imap->view, uid) - removed);
		removed++;
		uid++;
		imap_send_line(imap);
	}
}

/* ---- flags ---- */

/* Bits of the named flags in this view. */
static uint64_t
flag_bits(const struct store_view *view, const struct store_flags *flags)
{
	struct store_view_facts facts;
	uint64_t bits = flags->system;
	store_view_facts(view, &facts);
	for (size_t i = 0; i < facts.keyword_count; i++)
		for (size_t k = 0; k < flags->keyword_count; k++)
			if (span_equals_nocase(store_view_keyword(view, i),
			    flags->keyword[k]))
				bits |= (uint64_t)1 <<
					(STORE_KEYWORD_SHIFT + i);
	return bits;
}

/* Are the flags what the client's own silent STORE made them? */
static bool
is_expected(const struct imap_own_change *own, uint64_t bits,
	const struct store_message *message)
{
	struct store_message before;
	if (!store_view_by_uid(own->before, message->uid, &before))
		return false;
	uint64_t expected = bits;
	if (own->change == STORE_ADD)
		expected = before.flags | bits;
	else if (own->change == STORE_REMOVE)
		expected = before.flags & ~bits;
	return expected == message->flags;
}

static void
tell_message(struct imap_session *imap, const struct store_view *view,
	const struct store_message *message, bool with_flags)
{
	struct buffer *line = &imap->line;
	uint32_t enabled = imap->parked.enabled;
	/* RFC 9051 7.5.2 and RFC 7162 3.2.10 want the UID, and clients of
	 * IMAP4rev1 expect it of UID commands only. */
	bool with_uid = (enabled & (IMAP_REV2 | IMAP_QRESYNC)) != 0 ||
		(imap->command != NULL && imap->command->is_uid);
	buffer_print(line, "* %u FETCH (", message->sequence);
	if (with_uid)
		buffer_print(line, "UID %u ", message->uid);
	if (with_flags) {
		buffer_add_string(line, "FLAGS ");
		imap_add_flags(imap, view, message);
		buffer_add_byte(line, ' ');
	}
	if ((enabled & IMAP_CONDSTORE) != 0)
		buffer_print(line, "MODSEQ (%lu) ",
			(unsigned long)message->modseq);
	line->size--;		/* the blank after the last item */
	buffer_add_string(line, ")\r\n");
	imap_send_line(imap);
}

static bool
is_own(const struct imap_own_change *own, uint32_t uid)
{
	return own != NULL && number_set_contains(own->uids, uid);
}

static void
tell_flags_of(struct imap_session *imap, const struct store_view *next,
	const struct imap_own_change *own)
{
	struct store_message message;
	struct number_set changed;
	uint32_t uid = 0;
	uint64_t bits = own == NULL ? 0 : flag_bits(next, own->flags);
	number_set_init(&changed);
	store_view_changed(next, imap->parked.seen.flags, &changed);
	if (own != NULL && !own->is_silent)
		imap_numbers_of(next, own->uids, true, &changed);
	while (imap_next_message(next, &changed, &uid, &message)) {
		if (message.created_modseq > imap->parked.seen.added)
			continue;	/* new: EXISTS has told */
		bool is_silent = is_own(own, message.uid) && own->is_silent &&
			is_expected(own, bits, &message);
		/* RFC 7162 3.1.3: the new MODSEQ is told even then. */
		if (!is_silent || (imap->parked.enabled & IMAP_CONDSTORE) != 0)
			tell_message(imap, next, &message, !is_silent);
	}
	number_set_fini(&changed);
}

/* ---- all together ---- */

static void
tell_new(struct imap_session *imap, const struct store_view *next,
	uint32_t left)
{
	struct store_view_facts facts;
	struct error error;
	uint32_t first;
	store_view_facts(next, &facts);
	if (facts.exists == left)
		return;
	buffer_print(&imap->line, "* %u EXISTS\r\n", facts.exists);
	imap_send_line(imap);
	if ((imap->parked.enabled & IMAP_REV2) != 0)
		return;
	/* Told to this session: no longer recent for the next one. */
	if (!imap->parked.is_read_only)
		store_recent(imap->account, imap->parked.mailbox, true,
			&first, &error);
	imap_tell_recent(imap, next);
}

/* What is told next. */
struct news {
	struct store_view *view;
	struct number_set expunged;	/* of imap->view, no longer there */
	struct store_seen seen;		/* of the client, once it is told */
	bool is_behind;			/* the expunged ones stay for now */
};

static enum store_verdict
open_news(struct imap_session *imap, bool may_expunge, struct news *news,
	struct error *error)
{
	struct store_account *account = imap->account;
	uint32_t mailbox = imap->parked.mailbox;
	struct store_view_facts facts;
	enum store_verdict verdict = store_view_open(account, mailbox,
		&news->view, error);
	if (verdict != STORE_OK)
		return verdict;
	store_view_facts(news->view, &facts);
	news->seen = (struct store_seen){
		.added = facts.modseq, .expunged = facts.modseq,
		.flags = facts.modseq
	};
	store_view_expunged(imap->view, news->view, &news->expunged);
	if (may_expunge || news->expunged.count == 0)
		return STORE_OK;
	news->is_behind = true;
	news->seen.expunged = imap->parked.seen.expunged;
	store_view_close(&news->view);
	return imap_open_seen(imap, &news->seen, &news->view, error);
}

static void
tell(struct imap_session *imap, struct news *news,
	const struct imap_own_change *own)
{
	struct store_view_facts old, now;
	store_view_facts(imap->view, &old);
	store_view_facts(news->view, &now);
	uint32_t left = old.exists;
	if (!news->is_behind && news->expunged.count > 0) {
		tell_expunged(imap, &news->expunged);
		left -= (uint32_t)number_set_size(&news->expunged);
	}
	tell_new(imap, news->view, left);
	if (now.keyword_count != imap->parked.keywords)
		imap_tell_flags(imap, news->view);
	tell_flags_of(imap, news->view, own);
	imap->parked.seen = news->seen;
	imap->parked.is_behind = news->is_behind;
	store_view_close(&imap->view);
	imap->view = news->view;
	news->view = NULL;
}

/* The mailbox was deleted by another session, or too much of it. There is no
 * response that says so; a client that connects again finds out. */
static void
lose_mailbox(struct imap_session *imap, const char *reason)
{
	imap_unselect(imap);
	imap_bye(imap, reason);
}

static enum store_verdict
tell_news(struct imap_session *imap, bool may_expunge,
	const struct imap_own_change *own, struct error *error)
{
	struct news news = { 0 };
	enum store_verdict verdict;
	number_set_init(&news.expunged);
	verdict = imap_open_view(imap, error);
	if (verdict == STORE_OK)
		verdict = open_news(imap, may_expunge, &news, error);
	if (verdict == STORE_OK)
		tell(imap, &news, own);
	number_set_fini(&news.expunged);
	store_view_close(&news.view);
	return verdict;
}

void
imap_update(struct imap_session *imap, bool may_expunge,
	const struct imap_own_change *own)
{
	struct error error = { 0 };
	if (imap->parked.mailbox == 0 || imap->is_closing)
		return;
	if (store_has_files(imap->mailbox->store) &&
	    imap_account(imap, NULL) != NULL)
		store_mailbox_refresh(imap->account, imap->parked.mailbox);
	bool has_changed = atomic_exchange(&imap->has_changed, false);
	if (!has_changed && own == NULL &&
	    !(imap->parked.is_behind && may_expunge))
		return;
	enum store_verdict verdict = STORE_TROUBLE;
	if (imap_account(imap, NULL) != NULL)
		verdict = tell_news(imap, may_expunge, own, &error);
	if (verdict == STORE_OK)
		return;
	if (verdict == STORE_NO_MAILBOX || verdict == STORE_NO_MESSAGE) {
		lose_mailbox(imap, verdict == STORE_NO_MAILBOX ?
			"[UNAVAILABLE] The selected mailbox was deleted" :
			"[UNAVAILABLE] Too much was removed at once, select "
			"again");
		return;
	}
	/* It is told with the next command, if that goes better. */
	atomic_store(&imap->has_changed, true);
	log_event(LOG_ERROR, "mailbox-not-read", &imap->scope,
		LOG_TEXT("user", imap->parked.user),
		LOG_TEXT("reason", error.text));
}
