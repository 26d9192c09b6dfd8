/*
 * The values of Content-Type, Content-Disposition and Content-Transfer-Encoding
 * taken apart (RFC 2045 5.1, RFC 2183, RFC 2231). For the MIME parser; values
 * come unfolded, what is found lives in the arena.
 */
#ifndef PROTO_MIME_PARAMETER_H
#define PROTO_MIME_PARAMETER_H

#include "proto/mime.h"

/*
 * "type/subtype; name=value ...". Type and subtype in lower case. False when
 * it is not of that form: then nothing was changed.
 */
bool
mime_parse_content_type(struct arena *arena, struct span value,
	struct mime_part *part);

/* "inline; filename=x": disposition (lower case) and its parameters. */
void
mime_parse_disposition(struct arena *arena, struct span value,
	struct mime_part *part);

/* The first token of a value in lower case, comments skipped; may be empty. */
struct span
mime_parse_token(struct arena *arena, struct span value);

#endif
