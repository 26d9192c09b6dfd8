/*
 * Small files of "name = value" lines, as Postfix and Dovecot have them for
 * directories: a line that begins with white space continues the last, "#"
 * begins a comment line. No names are expanded. No I/O.
 */
#ifndef BASE_SETTINGS_FILE_H
#define BASE_SETTINGS_FILE_H

#include "base/arena.h"
#include "base/error.h"

enum {
	SETTINGS_FILE_LIMIT = 256 << 10,
	SETTINGS_VALUE_LIMIT = 16384,
};

/*
 * `names` ends with NULL; values[i] is that of names[i], in the arena and with a
 * NUL behind it; data NULL when it does not stand in the file. -1: a sentence
 * with `path` and the line: a name that is not known or stands twice, a line
 * without "=", a value that is too long or has a NUL.
 */
int
settings_file_parse(struct span text, const char *path,
	const char *const *names, struct arena *arena, struct span *values,
	struct error *error);

#endif
