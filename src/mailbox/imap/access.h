/*
 * What IMAP commands work on: the account, the selected mailbox as the client
 * knows it, names, sequence sets; and the untagged responses that tell a client
 * what changed (RFC 9051 7.3, 7.4, 7.5.1).
 */
#ifndef MAILBOX_IMAP_ACCESS_H
#define MAILBOX_IMAP_ACCESS_H

#include "mailbox/imap/imap.h"

/* ---- what commands work on (access.c) ---- */

/* The open account; NULL: NO has been said. command may be NULL. */
struct store_account *
imap_account(struct imap_session *imap, struct imap_command *command);

/*
 * The selected mailbox as the client knows it, in imap->view. New messages and
 * flags are told before, expunges are not. False: NO has been said.
 */
bool
imap_view(struct imap_session *imap, struct imap_command *command);

/*
 * The selected mailbox as a client that was told `seen` knows it. NO_MAILBOX: it
 * is gone. NO_MESSAGE: so much was expunged since that its numbers cannot be
 * found again (the store keeps some 100,000 tombstones of a mailbox).
 */
enum store_verdict
imap_open_seen(struct imap_session *imap, const struct store_seen *seen,
	struct store_view **view, struct error *error);

/* The same into imap->view, for what this client was told, unless it is open. */
enum store_verdict
imap_open_view(struct imap_session *imap, struct error *error);

/* False, and NO [READ-ONLY], in a mailbox opened by EXAMINE. */
bool
imap_is_writable(struct imap_session *imap, struct imap_command *command);

/* " mailbox" as argument. False: a problem of syntax, or NO [CANNOT] for what
 * can be no name. */
bool
imap_take_mailbox(struct imap_session *imap, struct imap_command *command,
	struct span *name);

/* The same argument, at `before`, as the client wrote it. Always true. */
bool
imap_given_name(const struct imap_command *command, struct span before,
	struct span *given);

/* The mailbox of that name; NO with `code` when there is none. */
bool
imap_find_mailbox(struct imap_session *imap, struct imap_command *command,
	struct span name, const char *code, struct store_mailbox *mailbox);

/*
 * " sequence-set" as argument: as UIDs of imap->view (which is made). The
 * ranges may span UIDs that are not there. Fini *uids in any case.
 */
bool
imap_take_set(struct imap_session *imap, struct imap_command *command,
	struct number_set *uids);

/* Messages of the view in the set, one after the other: start with *next = 0. */
bool
imap_next_message(const struct store_view *view, const struct number_set *uids,
	uint32_t *next, struct store_message *message);

/* Numbers to show for UIDs: themselves, or sequence numbers of the view. */
void
imap_numbers_of(const struct store_view *view, const struct number_set *uids,
	bool is_uid, struct number_set *numbers);

/* Begins or ends watching the mailbox of imap->parked. */
void
imap_watch(struct imap_session *imap);

/* Leaves the selected mailbox, without a word. */
void
imap_unselect(struct imap_session *imap);

/* With QRESYNC: HIGHESTMODSEQ as the answer's code, after messages were removed
 * (RFC 7162 3.2.7, 3.2.8). */
void
imap_add_modseq(struct imap_session *imap, struct imap_command *command);

/* ---- untagged updates (update.c) ---- */

/* What STORE changed itself, so that the answer shows that once, or not. */
struct imap_own_change {
	const struct number_set *uids;
	bool is_silent;
	enum store_change change;
	const struct store_flags *flags;
	const struct store_view *before;	/* opened just before the change */
};

/*
 * Tells what changed in the selected mailbox: EXPUNGE or VANISHED (only if
 * may_expunge), EXISTS, RECENT, FLAGS, FETCH. own may be NULL.
 */
void
imap_update(struct imap_session *imap, bool may_expunge,
	const struct imap_own_change *own);

/* "(\Seen $Junk)" of a message into the line. */
void
imap_add_flags(struct imap_session *imap, const struct store_view *view,
	const struct store_message *message);

/* "* FLAGS" and PERMANENTFLAGS. */
void
imap_tell_flags(struct imap_session *imap, const struct store_view *view);
void
imap_tell_recent(struct imap_session *imap, const struct store_view *view);

/* "* VANISHED [(EARLIER) ]uids"; nothing for the empty set. */
void
imap_tell_vanished(struct imap_session *imap, const struct number_set *uids,
	bool is_earlier);

#endif
