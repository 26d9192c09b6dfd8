/*
 * The inside of struct config, shared by config.c (values) and config_file.c
 * (the file's syntax). Nobody else includes this.
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

/* Expands and checks everything. */
int
config_finish(struct config *config, struct error *error);

#endif
