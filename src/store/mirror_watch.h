/*
 * Noticing at once what other programs do to files: one inotify instance for
 * the store, and a thread that tells the sessions, which then look. A folder is
 * watched while somebody watches its account. Without inotify (a limit of the
 * machine) sessions are told to look every few seconds instead.
 */
#ifndef STORE_MIRROR_WATCH_H
#define STORE_MIRROR_WATCH_H

#include "store/format.h"

struct store;
struct mirror_watcher;

/* What is watched of one folder; the watcher's. */
struct mirror_sight {
	uint64_t account;
	uint32_t mailbox;
	int watch[FORMAT_PATH_LIMIT];
	size_t count;
	bool is_on;
	struct mirror_sight *before, *after;
};

struct mirror_watcher *
mirror_watcher_new(struct store *store);
/* Every sight has ended. */
void
mirror_watcher_free(struct mirror_watcher **watcher);

/* Watches from now on, before the caller looks; nothing happens when it does
 * already, or when nobody watches the account. */
void
mirror_watch(struct mirror_watcher *watcher, struct mirror_sight *sight,
	const char *const *path, size_t count);
void
mirror_watch_end(struct mirror_watcher *watcher, struct mirror_sight *sight);

#endif
