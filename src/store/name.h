/*
 * Names of mailboxes inside the store: UTF-8 in form C, '/' between levels.
 * Names of other encodings (modified UTF-7) end at the protocol's edge.
 */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "base/arena.h"

/*
 * Brings a name into the store's form, in the arena: NFC, INBOX in capitals.
 * False when it is not a name: empty, not UTF-8, a level that is empty, "." or
 * "..", a control character or line separator (RFC 9051 5.1), longer than
 * STORE_NAME_LIMIT.
 */
bool
name_normalise(struct span name, struct arena *arena, struct span *normal);

bool
name_is_inbox(struct span name);

/* Is `name` below `parent` (not the same)? Every name is below the empty one. */
bool
name_is_below(struct span name, struct span parent);

/* The name of the level above; empty for a name of one level. */
struct span
name_parent(struct span name);

/* Order of lists: levels together, INBOX first. <0, 0, >0. */
int
name_compare(struct span a, struct span b);

#endif
