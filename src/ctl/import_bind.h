/*
 * A named.conf as its reader (import_bind_read.c) hands it to what carries it over
 * (import_bind.c): statements in their order, includes in their place. Nobody else
 * includes this.
 */
#ifndef CTL_IMPORT_BIND_H
#define CTL_IMPORT_BIND_H

#include "ctl/import_config.h"

enum {
	BIND_WORDS = 8,			/* further words of a statement are passed over */
	BIND_STATEMENTS = 50000,
};

/* zone "example.com" IN { type master; }; */
struct import_bind_statement {
	struct import_place place;
	struct span word[BIND_WORDS];	/* in the import's arena; empty: SPAN("") */
	size_t words;
	bool has_block;
	struct import_bind_statement *inner, *next;
};

/* The statements of a file and of what it includes. One sentence with file and line
 * when it is no named.conf. */
int
import_bind_read(struct config_import *import, const char *path,
	struct import_bind_statement **first, struct error *error);

#endif
