/*
 * `posthouse config import`: what the readers of main.cf and dovecot.conf have in
 * common. Everything that is read gets a line of the report, or of the result.
 */
#ifndef CTL_IMPORT_CONFIG_H
#define CTL_IMPORT_CONFIG_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/config.h"

enum {
	IMPORT_FILE_LIMIT = 1 << 20,
	IMPORT_VALUE_LIMIT = 65536,
	IMPORT_LINES_LIMIT = 20000,
	IMPORT_DEPTH = 16,		/* of includes, blocks and $names */
	IMPORT_FILES = 200,
};

/* Where a setting stands. */
struct import_place {
	const char *file;
	unsigned line;
};

struct config_import {
	struct arena arena;
	struct buffer report;		/* lines of text */
	const char **value;		/* parallel to config_table; NULL: none */
	struct buffer sources;		/* of `accounts` */
	unsigned carried, others;
};

/* A setting of the same name and meaning: taken when its value is right. */
void
import_set(struct config_import *import, const struct import_place *place,
	const char *name, struct span value);

/* A line of the report: what became of a setting. */
void
import_say(struct config_import *import, const struct import_place *place,
	struct span name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What is known of others' names (base/config_known.h), or that nothing is. */
void
import_say_known(struct config_import *import, const struct import_place *place,
	const char *owner, struct span name, struct span value);

/* "passwd-file:/etc/x", once. */
void
import_add_source(struct config_import *import, const struct import_place *place,
	struct span source);

/* DIR/main.cf and DIR/master.cf; DIR/dovecot.conf and what it includes. One
 * sentence with file and line when they cannot be read. */
int
import_postfix(struct config_import *import, const char *directory,
	struct error *error);
int
import_dovecot(struct config_import *import, const char *directory,
	struct error *error);

#endif
