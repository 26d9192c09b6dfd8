/*
 * What the parts of the reader of dovecot.conf share: import_dovecot.c (lines, blocks
 * and includes), import_dovecot_settings.c (what they mean) and
 * import_dovecot_accounts.c (passdb and userdb). Nobody else includes this.
 */
#ifndef CTL_IMPORT_DOVECOT_H
#define CTL_IMPORT_DOVECOT_H

#include "ctl/import_config.h"

struct dovecot {
	struct config_import *import;
	struct import_place place;	/* being read */
	struct span block[IMPORT_DEPTH];	/* "service imap-login", ... */
	size_t depth;
	unsigned files, lines;
	struct span driver, args;	/* of the passdb or userdb block */
	bool is_narrow;			/* deny or master */
	struct buffer protocols;	/* of all lines so far */
	struct import_place protocols_place;	/* of the last; file NULL: none */
	struct error *error;
};

/* A line of the report about what is being read. */
void
import_dovecot_say(struct dovecot *dovecot, struct span name, const char *text);

/* Is it the first word of the block at a depth? */
bool
import_dovecot_is_in(const struct dovecot *dovecot, size_t depth,
	const char *kind);

/* Whatever the case of its letters; the list ends with NULL. */
bool
import_dovecot_is_one_of(struct span word, const char *const *list);

/* A setting, wherever it stands. */
void
import_dovecot_take(struct dovecot *dovecot, struct span name,
	struct span value);

/* A setting of a passdb or a userdb, and the end of such a block. */
void
import_dovecot_take_passdb(struct dovecot *dovecot, struct span name,
	struct span value);
void
import_dovecot_end_passdb(struct dovecot *dovecot, struct span block);
void
import_dovecot_end_userdb(struct dovecot *dovecot);

#endif
