/*
 * The configuration: the const table of parameters, the reader of
 * posthouse.conf, and typed access. The table is the one place a parameter is
 * described; the manual, `posthouse config -h` and etc/posthouse.conf come from
 * the same rows.
 *
 * master and the command read the file. Every other process is given a blob
 * (config_write) of only the parameters whose row names it as a reader.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buffer.h"
#include "base/error.h"

enum config_type {
	CONFIG_TEXT,
	CONFIG_LIST,		/* commas or white space between items */
	CONFIG_NUMBER,
	CONFIG_SIZE,		/* bytes; K M G */
	CONFIG_DURATION,	/* milliseconds inside; s m h d in the file */
	CONFIG_BOOL,		/* yes or no */
	CONFIG_CHOICE,		/* one of the words in .choices */
	CONFIG_DOMAINS,		/* list of domains; !domain excludes */
	CONFIG_NETWORKS,	/* CIDR list; !network excludes */
	CONFIG_SERVERS,		/* list of addresses, each perhaps with a port */
	CONFIG_PEER_NETWORKS,	/* as NETWORKS, each perhaps with =KEY */
	CONFIG_PEER_SERVERS,	/* as SERVERS, each perhaps with =KEY */
	CONFIG_PORT,		/* 0 to 65535 */
};

struct config_parameter {
	const char *name;
	enum config_type type;
	const char *standard;	/* default, may contain $name */
	const char *choices;	/* CONFIG_CHOICE: "one two"; else NULL */
	const char *readers;	/* program names; "*" is all */
	const char *unit;	/* CONFIG_DURATION: what a bare number means: s m h d */
	const char *text;	/* one or two sentences for the manual */
};

/* The table ends with a row whose name is NULL. */
extern const struct config_parameter config_table[];

struct config;

/*
 * Reads the file (NULL: none), then applies overrides ("NAME=VALUE", may be
 * NULL when count is 0), expands $name and reads the files that lists of domains
 * and networks name; effective values have what stands in them. Bad values, loops and unknown names
 * are errors: one sentence with file and line, what was found and what was
 * expected; nothing is returned then. Names that only Postfix or Dovecot have
 * become warnings, kept for config_warning.
 */
int
config_load(const char *path, const char *const *overrides, size_t count,
	struct config **config, struct error *error);

/* From a blob made by config_write. */
int
config_read(int fd, struct config **config, struct error *error);

/* The blob of what `program` reads: "name=value\n", values escaped. */
void
config_write(const struct config *config, const char *program,
	struct buffer *blob);

void
config_free(struct config **config);

/* The i-th warning of config_load, or NULL after the last. */
const char *
config_warning(const struct config *config, size_t i);

/*
 * Effective values. Asking for a name that is not in the table, or with the
 * wrong type, is a bug. Spans and strings are borrowed until config_free.
 */
const char *
config_text(const struct config *config, const char *name);
/* Of a text: without the type of table that Postfix writes before a path. */
const char *
config_path(const struct config *config, const char *name);
uint64_t
config_number(const struct config *config, const char *name);	/* also ports */
uint64_t
config_size(const struct config *config, const char *name);	/* bytes */
int64_t
config_duration(const struct config *config, const char *name);	/* ms */
bool
config_bool(const struct config *config, const char *name);

/* The next item of a list value: start with *rest = span_from(config_text()). */
bool
config_next_item(struct span *rest, struct span *item);

/* The same; true in *is_excluded, and without it, when a ! is before it. */
bool
config_next_pattern(struct span *rest, struct span *item, bool *is_excluded);

/* "ITEM=KEY": takes the key with its = off; empty: there is none. */
struct span
config_take_key(struct span *item);

/* Does a list have this item, as it stands? */
bool
config_has_item(const struct config *config, const char *name,
	const char *item);

/* True when the file or an override set it. */
bool
config_is_changed(const struct config *config, const char *name);

/* NULL when there is no such parameter. */
const struct config_parameter *
config_find_parameter(struct span name);

#endif
