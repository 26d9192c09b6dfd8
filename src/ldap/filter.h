/*
 * Search filters with %u %n %d in them (RFC 4515): checked once, filled in for
 * each question with every special byte escaped. No I/O.
 */
#ifndef LDAP_FILTER_H
#define LDAP_FILTER_H

#include "base/arena.h"
#include "base/error.h"

enum { FILTER_DEPTH = 20 };

/* Only the form is looked at: parentheses in pairs, known variables, none of
 * them outside of a value. -1: a sentence that begins with what was found. */
int
filter_check(struct span filter, struct error *error);

/* For a filter that was checked; with a NUL behind it, in the arena. */
struct span
filter_fill(struct span filter, struct span user, struct span local,
	struct span domain, struct arena *arena);

/* RFC 4515 3: what is not a plain printable character of ASCII stands as \XX. */
struct span
filter_escape(struct span value, struct arena *arena);

#endif
