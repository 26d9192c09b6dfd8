/*
 * Percent-encoding (RFC 3986 2.1): paths, and the fields of a query as forms
 * write them.
 */
#ifndef WEB_PATH_H
#define WEB_PATH_H

#include "base/arena.h"

/*
 * A path decoded. False when an escape is malformed, or hides what would change
 * the path's meaning for somebody: a slash, a backslash, a control.
 */
bool
path_decode(struct span path, struct arena *arena, struct span *out);

/* The value of "name=value" in a query, decoded (+ is a blank in forms, but
 * here it stays, since addresses have it). False: none, or malformed. */
bool
path_query(struct span query, struct span name, struct arena *arena,
	struct span *value);

#endif
