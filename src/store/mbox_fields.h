/*
 * The header fields in which programs keep what they know of a message in an
 * mbox: flags (Status, X-Status, X-Keywords) and UIDs (X-UID, X-IMAPbase).
 * They are not part of the message: no client sees them, the key does not
 * depend on them, and those that come with a delivery are left out.
 */
#ifndef STORE_MBOX_FIELDS_H
#define STORE_MBOX_FIELDS_H

#include "base/buffer.h"

enum {
	MBOX_VALUE_LIMIT = 8192,	/* bytes of a field that are read */
	MBOX_KEYWORDS_WIDTH = 40,	/* of a new X-Keywords field */
};

enum mbox_field {
	MBOX_STATUS, MBOX_X_STATUS, MBOX_X_KEYWORDS, MBOX_X_UID, MBOX_X_IMAP,
	MBOX_X_IMAPBASE, MBOX_CONTENT_LENGTH, MBOX_LINES, MBOX_FIELD_COUNT,
	MBOX_FIELD_NONE = MBOX_FIELD_COUNT,
};

/* Which of them a line of a header begins; *value: what follows its colon. */
enum mbox_field
mbox_field_of(struct span line, struct span *value);

/* enum store_flag */
uint32_t
mbox_fields_flags(struct span status, struct span x_status);

/* The value of one of the first three. */
void
mbox_fields_add_value(struct buffer *out, enum mbox_field field,
	uint32_t flags, struct span keywords);

/* The three lines as they are written new: padded, so that most later values
 * fit where these are. */
void
mbox_fields_add(struct buffer *out, uint32_t flags, struct span keywords,
	bool is_old);

/* "VALIDITY LAST-UID [KEYWORD...]" of X-IMAP and X-IMAPbase. */
bool
mbox_fields_base(struct span value, uint32_t *uid_validity,
	uint32_t *last_uid, struct span *keywords);

#endif
