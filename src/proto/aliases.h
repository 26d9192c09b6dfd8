/*
 * The grammar of /etc/aliases as aliases(5) of Postfix and of sendmail tell it:
 *
 *	# comment lines and empty ones may stand anywhere
 *	name: target, target,
 *		target on a line that continues
 *	"quoted name": "|program with, commas", /file, :include:/file, \user
 *
 * The bytes are an administrator's, or those of a file that he includes: they
 * are bounded, and what is wrong is told with its line.
 */
#ifndef PROTO_ALIASES_H
#define PROTO_ALIASES_H

#include "base/arena.h"
#include "base/error.h"

enum {
	ALIASES_FILE_LIMIT = 16 << 20,	/* bytes of one file */
	ALIASES_LINE_LIMIT = 256 << 10,	/* with its continuations */
	ALIASES_TARGET_LIMIT = 1000,	/* of one entry */
	ALIASES_ENTRY_LIMIT = 100000,
	ALIASES_TEXT_LIMIT = 1024,	/* of one target */
};

enum alias_kind {
	ALIAS_ADDRESS,		/* user, user@domain */
	ALIAS_USER,		/* \user: his mailbox, aliases or not */
	ALIAS_PROGRAM,		/* |program: text is without the bar */
	ALIAS_FILE,		/* /file */
	ALIAS_INCLUDE,		/* :include:/file: text is the path */
};

struct alias_target {
	enum alias_kind kind;
	struct span text;
	unsigned line;
	/* Of programs and files in a compiled table (alias_table.h). */
	uint32_t owner;
	unsigned index;
};

struct alias_entry {
	struct span name;	/* ASCII letters are lower case */
	unsigned line;
	size_t value_size;	/* bytes right of the colon */
	struct alias_target *target;
	size_t count;
};

struct alias_parser {
	struct span rest;
	const char *file;	/* for errors */
	unsigned line;		/* of what *rest begins with */
};

/* The file's name and its bytes must stay as long as the parser is used. */
void
aliases_init(struct alias_parser *parser, const char *file, struct span text);

/* 1: an entry, in the arena; 0: the end; -1: an error that names file, line,
 * what was found and what was expected. */
int
aliases_next(struct alias_parser *parser, struct arena *arena,
	struct alias_entry *entry, struct error *error);

/* The same for a file of :include:, whose lines are only targets. */
int
aliases_next_included(struct alias_parser *parser, struct arena *arena,
	struct alias_entry *entry, struct error *error);

#endif
