/*
 * What the fields of a header say about the part they stand in: for the MIME
 * parser.
 */
#ifndef PROTO_MIME_PART_H
#define PROTO_MIME_PART_H

#include "proto/mime.h"

/* A part with RFC 2045 5.2 defaults, or message/rfc822 (RFC 2046 5.1.5). */
struct mime_part *
mime_part_new(struct arena *arena, struct mime_part *parent, bool is_digest);

/* Do fields of this name say something about a part, or a message? */
bool
mime_part_wants(const struct mime_part *part, struct span name);

/* What the header block being read has said already; zero at its start. */
struct mime_part_fields {
	bool type, encoding;
	unsigned joined;	/* fields added to lists of addresses */
};
enum { MIME_JOIN_LIMIT = 16 };

/* Takes over what the field says; the value is folded as it stood. */
void
mime_part_take_field(struct arena *arena, struct mime_part *part,
	struct mime_part_fields *fields, const struct mime_field *field);

/* The default type in place of what the header said. */
void
mime_part_set_type(struct arena *arena, struct mime_part *part,
	struct span type, struct span subtype);

/* "message/rfc822" or "message/global" (RFC 6532 3.7). */
bool
mime_part_is_message(const struct mime_part *part);

#endif
