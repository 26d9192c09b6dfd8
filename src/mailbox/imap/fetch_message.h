/*
 * One message being fetched: its body and its structure, each obtained when an
 * item first asks for it and at most once.
 */
#ifndef MAILBOX_IMAP_FETCH_MESSAGE_H
#define MAILBOX_IMAP_FETCH_MESSAGE_H

#include "mailbox/imap/imap.h"
#include "proto/mime.h"

struct fetch_message {
	struct store_account *account;
	const struct store_message *message;
	struct arena *arena;
	struct store_body body;
	bool has_body;
	bool needs_tree;	/* some item does; else its header may do */
	const struct mime_part *tree;
};

/* What stopped a message from being fetched. */
enum fetch_verdict {
	FETCH_OK,
	FETCH_EXPUNGED,		/* its body is gone */
	FETCH_UNKNOWN_ENCODING,	/* BINARY of a part that cannot be decoded */
	FETCH_TOO_MUCH,		/* more memory than one message may take */
	FETCH_TROUBLE,		/* ours; struct error says what */
};

void
fetch_message_init(struct fetch_message *fetch, struct store_account *account,
	const struct store_message *message, struct arena *arena);
void
fetch_message_fini(struct fetch_message *fetch);

/* Opens the body: fetch->body. */
enum fetch_verdict
fetch_message_body(struct fetch_message *fetch, struct error *error);

/* The structure: fetch->tree; from the cache, or by parsing the body. */
enum fetch_verdict
fetch_message_tree(struct fetch_message *fetch, struct error *error);

/* ENVELOPE, BODYSTRUCTURE (is_extended) or BODY as they stand in a FETCH
 * response; in the arena. */
enum fetch_verdict
fetch_message_envelope(struct fetch_message *fetch, struct span *text,
	struct error *error);
enum fetch_verdict
fetch_message_structure(struct fetch_message *fetch, bool is_extended,
	bool is_utf8, struct span *text, struct error *error);

#endif
