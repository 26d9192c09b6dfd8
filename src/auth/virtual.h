/*
 * virtual_alias_maps: tables in the syntax of virtual(5), regexp_table(5) and
 * pcre_table(5), which master opens. Constant once read; auth looks addresses
 * up in them for each recipient.
 *
 * What master passes is one file: for each table a line "TYPE PATH SIZE", then
 * SIZE bytes.
 */
#ifndef AUTH_VIRTUAL_H
#define AUTH_VIRTUAL_H

#include "base/arena.h"
#include "base/error.h"

enum {
	VIRTUAL_LIMIT = 64 << 20,	/* bytes of all tables */
	VIRTUAL_PATTERNS = 10000,	/* of all tables */
	VIRTUAL_RESULT_LIMIT = 64 << 10,	/* bytes one lookup gives */
};

struct virtual_tables;

/* One sentence with file, line, what was found and expected when it is wrong. */
int
virtual_new(struct span text, struct virtual_tables **tables,
	struct error *error);
void
virtual_free(struct virtual_tables **tables);

/*
 * What stands right of the key, in the arena, $1 replaced: 1 found, 0 not, -1
 * (ERROR_LATER) when a pattern takes too long. Keys of text tables are compared
 * without ASCII case; patterns see only whole keys (is_whole), never parts of
 * an address.
 */
int
virtual_find(const struct virtual_tables *tables, struct span key,
	bool is_whole, struct arena *arena, struct span *value,
	struct error *error);

#endif
