/*
 * What BODY[...] and BINARY[...] name in a message (RFC 9051 6.4.5.1): a range
 * of the stored body, or bytes made for this answer.
 */
#ifndef MAILBOX_IMAP_FETCH_SECTION_H
#define MAILBOX_IMAP_FETCH_SECTION_H

#include "mailbox/imap/fetch_message.h"

struct fetch_section {
	enum {
		FETCH_NIL,		/* no such part */
		FETCH_RANGE,		/* of the body, from offset */
		FETCH_BYTES,		/* in the arena */
		FETCH_DECODED,		/* of `part`, decoded while it is sent */
	} kind;
	uint64_t offset, size;		/* size: of what the client gets */
	struct span bytes;
	const struct mime_part *part;
	uint64_t skip;			/* FETCH_DECODED: bytes left out in front */
};

/* Finds it, decodes or filters where that is needed, and applies <partial>. */
enum fetch_verdict
fetch_section_find(struct fetch_message *fetch,
	const struct imap_fetch_item *item, struct fetch_section *section,
	struct error *error);

/* The size of BINARY.SIZE, of a part that there is. */
enum fetch_verdict
fetch_section_binary_size(struct fetch_message *fetch,
	const struct imap_fetch_item *item, uint64_t *size,
	struct error *error);

/* Sends exactly section->size bytes. -1: the client got fewer. */
int
fetch_section_send(struct fetch_message *fetch,
	const struct fetch_section *section, struct stream *stream,
	struct error *error);

#endif
