/*
 * The compiled aliases: what newaliases makes of the files of alias_maps, and
 * auth looks names up in. Lines of fields between tabs (proto/tabline.h):
 *
 *	ALIASES	2
 *	list	to=alice@example.org	to=bob
 *	root	user=root
 *	robot	pipe=65534:0	file=65534:1
 *	END	3
 *
 * Of a program or a file only its uid (as whom it runs) and its number among the
 * programs and files of the name are here: what it is stands in the file of the
 * administrator alone, where the process pipe reads it. (Version 1 had the text;
 * its owner is ALIAS_TABLE_NOBODY, for whom nothing runs.)
 *
 * Names are lower case; files of :include: have become their targets. Without
 * the line END, which counts the names, it is not whole.
 */
#ifndef PROTO_ALIAS_TABLE_H
#define PROTO_ALIAS_TABLE_H

#include "base/buffer.h"
#include "proto/aliases.h"

enum { ALIAS_TABLE_LIMIT = 64 << 20 };	/* bytes */
#define ALIAS_TABLE_NOBODY UINT32_MAX

/* ---- writing ---- */

void
alias_table_begin(struct buffer *out);
void
alias_table_begin_entry(struct buffer *out, struct span name);
/* Of any kind but ALIAS_INCLUDE. */
void
alias_table_add_target(struct buffer *out, const struct alias_target *target);
void
alias_table_end_entry(struct buffer *out);
void
alias_table_end(struct buffer *out, size_t count);

/* ---- reading ---- */

struct alias_table;

/* Copies the text. ERROR_DAMAGED when it is not a whole table. */
int
alias_table_new(struct span text, struct alias_table **table,
	struct error *error);
void
alias_table_free(struct alias_table **table);

size_t
alias_table_count(const struct alias_table *table);

/* The targets of a name, in the arena (line numbers are 0); false: no such
 * alias. ASCII case does not count. May be called from any thread. */
bool
alias_table_find(const struct alias_table *table, struct span name,
	struct arena *arena, struct alias_target **target, size_t *count);

#endif
