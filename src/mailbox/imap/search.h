/*
 * The criteria of SEARCH (RFC 9051 6.4.4; OLD, NEW and RECENT of RFC 3501;
 * MODSEQ of RFC 7162 3.1.5; "$" of RFC 5182): parsed into a program once, run
 * over a view. What comes back are UIDs; how they are answered (SEARCH, ESEARCH,
 * sequence numbers, SAVE) is the command's business.
 *
 * Criteria that the view answers are tried first; a body is opened only for
 * the messages that are left, and never for a criterion that its cached
 * envelope answers.
 */
#ifndef MAILBOX_IMAP_SEARCH_H
#define MAILBOX_IMAP_SEARCH_H

#include "proto/imap_parse.h"
#include "store/view.h"

enum {
	SEARCH_DEPTH_LIMIT = 50,	/* NOT, OR and parentheses inside each other */
	SEARCH_KEY_LIMIT = 500,		/* keys of one program */
	SEARCH_RANGE_LIMIT = 65536,	/* ranges of one sequence set in it */
};

struct search;

enum search_verdict {
	SEARCH_OK,
	SEARCH_BAD_SYNTAX,	/* parse->problem says what */
	SEARCH_BAD_CHARSET,	/* NO [BADCHARSET] */
};

/*
 * The criteria up to the end of the command, "CHARSET x" in front of them
 * included. Everything lives in parse->arena.
 */
enum search_verdict
search_parse(struct imap_parse *parse, struct search **search);

/* A MODSEQ key is among them: the answer says the highest MODSEQ found. */
bool
search_has_modseq(const struct search *search);

struct search_scope {
	struct store_account *account;
	const struct store_view *view;
	uint32_t recent_first;		/* UIDs from here on are \Recent; 0: none */
	const struct number_set *saved;	/* UIDs of "$"; not NULL */
	int64_t now;			/* wall clock, seconds */
	int64_t deadline;		/* monotonic ms */
};

/*
 * Adds the UIDs that match, ascending. Sequence numbers in the criteria are
 * those of the view. A message that was expunged meanwhile does not match a
 * criterion about its contents. -1: our trouble, or ERROR_TIMEOUT.
 */
int
search_run(const struct search *search, const struct search_scope *scope,
	struct number_set *uids, struct error *error);

#endif
