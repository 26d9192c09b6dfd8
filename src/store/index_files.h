/*
 * SQLite takes paths; a jailed process has descriptors of directories and no
 * /proc to name them by. Paths made here are opened relative to a descriptor.
 */
#ifndef STORE_INDEX_FILES_H
#define STORE_INDEX_FILES_H

#include <stddef.h>

/* The path under which SQLite finds `name` in the directory. The first call
 * teaches SQLite; the descriptor stays open as long as the path is used. */
void
index_files_path(int directory, const char *name, char *out, size_t size);

#endif
