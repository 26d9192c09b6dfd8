/*
 * `posthouse config import`: what the readers of main.cf, dovecot.conf and named.conf
 * have in common. They see text only: files are behind struct import_world. Everything that is read gets a line of the report, or of the result.
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
	IMPORT_NAMES_LIMIT = 10000,	/* $names in a value and in theirs */
};

/* Where a setting stands. */
struct import_place {
	const char *file;
	unsigned line;
};

/* What lies outside of the text: files, and what the system says of a value. */
struct import_world {
	/* The whole file, of at most IMPORT_FILE_LIMIT bytes. */
	int (*read)(const char *path, struct buffer *out, struct error *error);
	/* The files that fit a pattern of the shell, in their order. */
	size_t (*find)(const char *pattern, struct arena *arena,
		const char ***paths);
	/* "NAME=VALUE" each: would the system start with them, now that the
	 * last is there? */
	int (*check)(const char *const *settings, size_t count,
		struct error *error);
};

/* What a parameter of Posthouse is to be. */
struct import_value {
	const char *setting;		/* "NAME=VALUE"; NULL: not said */
	struct import_place place;
};

struct config_import {
	const struct import_world *world;
	struct arena arena;
	struct buffer report;		/* lines of text */
	struct import_value *value;	/* parallel to config_table */
	struct buffer sources;		/* of `accounts` */
	unsigned carried, others;
};

void
import_config_init(struct config_import *import,
	const struct import_world *world);
void
import_config_fini(struct config_import *import);

/* The configurations of others: directories of Postfix and Dovecot, the named.conf of
 * BIND; NULL: there is none. One sentence with file and line when they cannot be
 * read. */
int
import_config_read(struct config_import *import, const char *postfix,
	const char *dovecot, const char *bind, struct error *error);

/* The posthouse.conf of what was read. */
void
import_config_write(const struct config_import *import, struct buffer *out);

/* ---- for the readers ---- */

/* A setting of the same name and meaning: taken, and true, when the system would
 * start with it and with all others that were taken. */
bool
import_set(struct config_import *import, const struct import_place *place,
	const char *name, struct span value);

/* The same of a setting with another name, which is said. */
bool
import_set_as(struct config_import *import, const struct import_place *place,
	struct span theirs, const char *ours, struct span value);

/* Would the system start with this one too? If not, that is said of `theirs`. */
bool
import_is_right(struct config_import *import, const struct import_place *place,
	struct span theirs, const char *setting);

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

/* A named.conf and what it includes. */
int
import_bind(struct config_import *import, const char *path,
	struct error *error);

#endif
