/*
 * The inside of struct config, shared by config.c (values), config_expand.c ($name),
 * config_lists.c (files in lists) and config_file.c (the file's syntax). Nobody else includes this.
 */
#ifndef BASE_CONFIG_FILE_H
#define BASE_CONFIG_FILE_H

#include "base/arena.h"
#include "base/config.h"

enum {
	CONFIG_FILE_LIMIT = 1 << 20,
	CONFIG_VALUE_LIMIT = 65536,
	CONFIG_WARNING_LIMIT = 100,
	CONFIG_PROCESS_LIMIT = 64,
	CONFIG_PLACE_SIZE = 300,
};

struct config_value {
	const char *raw;	/* as set, before expansion */
	const char *text;	/* effective */
	const char *file;	/* where it was set; NULL: the table */
	unsigned line;
	uint64_t number;
	bool is_changed;
};

struct config {
	struct arena arena;
	struct config_value *value;	/* parallel to config_table */
	size_t count;
	const char *warning[CONFIG_WARNING_LIMIT];
	size_t warning_count;
};

/* The table's values, nothing expanded. */
struct config *
config_new(void);

/* Where a value was set, for the front of a sentence: "FILE:LINE: ", or "". */
void
config_place(const struct config_value *value, char out[CONFIG_PLACE_SIZE]);

/* Sets the text of a value, and those of others that it needs. depth: 0. */
int
config_expand(struct config *config, size_t index, int depth,
	struct error *error);

/* Puts what files have in the place of their names, in lists of domains and of
 * networks and in myorigin. Reads files. */
int
config_resolve_lists(struct config *config, struct error *error);

/* Expands and checks everything. */
int
config_finish(struct config *config, struct error *error);

#endif
