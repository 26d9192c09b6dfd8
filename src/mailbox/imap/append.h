/*
 * APPEND while its messages arrive: it begins when the first literal is
 * announced, long before its line is whole.
 */
#ifndef MAILBOX_IMAP_APPEND_H
#define MAILBOX_IMAP_APPEND_H

#include "mailbox/imap/imap.h"

enum {
	IMAP_APPEND_MEMORY = 262144,	/* more than this goes into a file */
	IMAP_APPEND_PARKED = 16384,	/* and more than this while waiting */
};

/*
 * `command` is what has come of an APPEND, up to and with a literal's
 * announcement. Makes imap->append unless that literal is the mailbox's name.
 */
void
imap_append_begin(struct imap_session *imap, struct imap_command *command);

/* A literal of the append in progress is announced; `parse` holds the text
 * before it, behind the mailbox or the message before. */
void
imap_append_literal(struct imap_session *imap, struct imap_parse *parse);

/* Bytes of a message. */
void
imap_append_bytes(struct imap_session *imap, struct span bytes);

/* The command is whole: stores and answers. */
void
imap_append_finish(struct imap_session *imap, bool is_refused);

/* The session parks: gives memory back. NULL is accepted. */
void
imap_append_park(struct imap_append *append);

void
imap_append_free(struct imap_append **append);

#endif
