/*
 * BODY and TEXT of SEARCH in one message: all strings at once, in one pass over
 * what the message says. For search_run.c.
 */
#ifndef MAILBOX_IMAP_SEARCH_TEXT_H
#define MAILBOX_IMAP_SEARCH_TEXT_H

#include "mailbox/imap/fetch_message.h"
#include "mailbox/imap/search_key.h"

/* The strings of one search; kept from message to message. */
struct search_text {
	const struct search_key **key;	/* of SEARCH_BODY and SEARCH_TEXT */
	size_t count;
	bool *is_found;			/* one for each; the answer */
	size_t longest;			/* bytes of the longest string */
	int64_t deadline;		/* monotonic ms */
	/* of the text being looked at */
	struct buffer piece, raw, utf8, folded;
	size_t open;			/* not found yet */
	bool in_header;			/* of the message itself: only TEXT */
};

/* Collects the keys, in the arena. Fini it. */
void
search_text_init(struct search_text *text, const struct search *search,
	struct arena *arena);
void
search_text_fini(struct search_text *text);

/*
 * Looks through the message. EXPUNGED: it cannot be known. TROUBLE: ours, or
 * ERROR_TIMEOUT.
 */
enum fetch_verdict
search_text_scan(struct search_text *text, struct fetch_message *fetch,
	struct error *error);

/*
 * An unfolded value of a field as UTF-8: encoded words decoded, and bytes that
 * some mailers leave as they are taken for the charset of the text.
 */
struct span
search_text_value(struct fetch_message *fetch, struct span value);

/* The header of a part (up to MIME_HEADER_LIMIT), in fetch->arena. */
enum fetch_verdict
search_text_header(struct fetch_message *fetch, const struct mime_part *part,
	struct span *header, struct error *error);

#endif
