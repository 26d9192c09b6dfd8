/*
 * Mailbox names against the patterns of LIST: "*" is anything, "%" anything
 * but the hierarchy separator (RFC 9051 6.3.9). A pattern is compiled to bits
 * and a name costs a few operations per byte whatever the pattern is.
 */
#ifndef MAILBOX_IMAP_LIST_MATCH_H
#define MAILBOX_IMAP_LIST_MATCH_H

#include "base/arena.h"

enum {
	LIST_MATCH_LIMIT = 1000,	/* bytes of a pattern */
	LIST_MATCH_WORDS = 16,
};

struct list_match;

/* NULL when the pattern is too long, which then matches no name. */
struct list_match *
list_match_new(struct arena *arena, struct span pattern);

/* INBOX matches in any case (RFC 9051 5.1). */
bool
list_match_is_match(const struct list_match *match, struct span name);

#endif
