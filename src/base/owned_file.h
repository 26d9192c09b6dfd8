/*
 * Files whose owner decides what is done in his name: alias files, what they
 * include, .forward. Who can write to one or put a link in its place would
 * decide too, so none but root and the owner may.
 */
#ifndef BASE_OWNED_FILE_H
#define BASE_OWNED_FILE_H

#include <sys/types.h>

#include "base/error.h"

/*
 * Opens a regular file of root's or `owner`'s that nobody else may write to, by
 * a path without symbolic links. Never waits for a FIFO or a device. -1: the
 * error says what was found and expected; number is ENOENT when there is none.
 */
int
owned_file_open(const char *path, uid_t owner, struct error *error);

/* The same below a directory, the last part of the path alone without a link:
 * where the directory itself is whose owner decides. */
int
owned_file_open_at(int directory, const char *name, uid_t owner,
	struct error *error);

#endif
