/*
 * Tables for next hops: smtp_sasl_password_maps and smtp_tls_policy_maps. Text
 * in Postfix's form: a key, white space, a value; `#` begins a comment line,
 * a line that begins with white space continues the last. Read whole, from the
 * descriptor that master gave; then constant.
 */
#ifndef RELAY_TABLE_H
#define RELAY_TABLE_H

#include "base/arena.h"
#include "base/error.h"

enum { TABLE_LIMIT = 8 << 20 };		/* bytes of a file */

struct table;

/* fd < 0: an empty table. NULL with a sentence that names the line. */
struct table *
table_read(int fd, const char *name, struct error *error);

void
table_free(struct table **table);

/* Do all values pass? Else *bad is one that does not. */
bool
table_check(const struct table *table, bool (*passes)(struct span value),
	struct span *bad);

/*
 * The value for a next hop: as it stands ("[host]:587"), in any case; with
 * parents also for "example.org", ".org" (smtp_tls_policy_maps does that).
 */
bool
table_find(const struct table *table, struct span key, bool with_parents,
	struct span *value);

#endif
