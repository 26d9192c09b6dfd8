/*
 * An account whose mail is in files of other programs (store/format.h): the log
 * follows the files. The functions here are what store.h and view.h do for such
 * an account; what they change goes to the file first and into the log after.
 * What lies where, and what a crash leaves: doc/formats/mirror.md.
 *
 * Order of locks: the list's, a folder's (of two the one with the lower id
 * first), then those of account.h; the table's is held together with none.
 */
#ifndef STORE_MIRROR_H
#define STORE_MIRROR_H

#include "store/format.h"
#include "store/view.h"

struct account;
struct mirror;			/* the files of one account */

/* The format is borrowed. */
struct mirror *
mirror_new(struct account *account, struct format *format);
/* Nobody uses the account; its log is still open, for the caches. */
void
mirror_free(struct mirror **mirror);

/*
 * Takes over into the log what others did to the files of this mailbox. OK too
 * when the file is locked by somebody and the log knows an older state of it.
 */
enum store_verdict
mirror_follow(struct mirror *mirror, uint32_t mailbox, struct error *error);
/* The same for the list of mailboxes and subscriptions. */
enum store_verdict
mirror_follow_list(struct mirror *mirror, struct error *error);
/* Has nothing ever been found in it? Then its UIDs may yet be taken over. */
bool
mirror_is_untouched(const struct mirror *mirror, uint32_t mailbox);

/* As in store.h and view.h; names are in the store's form. */
enum store_verdict
mirror_append(const struct store_account *handle, uint32_t mailbox,
	const struct store_message_new *messages, size_t count,
	uint32_t *uids, struct error *error);

struct mirror_change {
	uint32_t mailbox;
	const struct number_set *uids;
	enum store_change change;
	const struct store_flags *flags;
	uint64_t unchanged_since;
	struct number_set *modified;
	uint64_t *modseq;
};
enum store_verdict
mirror_flags_change(const struct store_account *handle,
	const struct mirror_change *change, struct error *error);

enum store_verdict
mirror_expunge(const struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error);

struct mirror_copy {
	uint32_t from, to;
	const struct number_set *uids;
	bool is_move;
	struct number_set *from_uids, *to_uids;	/* may be NULL */
};
enum store_verdict
mirror_copy(const struct store_account *handle,
	const struct mirror_copy *copy, struct error *error);

enum store_verdict
mirror_create(const struct store_account *handle, struct span name,
	unsigned use, struct error *error);
enum store_verdict
mirror_delete(const struct store_account *handle, struct span name,
	struct error *error);
enum store_verdict
mirror_rename(const struct store_account *handle, struct span from,
	struct span to, struct error *error);
enum store_verdict
mirror_subscribe(const struct store_account *handle, struct span name,
	bool is_subscribed, struct error *error);

/* The body, into *out, which may grow to one byte more than the message; and
 * about its first `size` bytes, or all where the format cannot tell without
 * reading all that it is this message. */
enum store_verdict
mirror_body(const struct store_account *handle,
	const struct store_message *message, struct buffer *out,
	struct error *error);
enum store_verdict
mirror_head(const struct store_account *handle,
	const struct store_message *message, size_t size, struct buffer *out,
	struct error *error);

#endif
