/* What disk.c (a running disk) and disk_state.c (what is left of it) share. */
#ifndef CRASH_DISK_INNER_H
#define CRASH_DISK_INNER_H

#include <pthread.h>

#include "disk.h"

enum { SECTOR = 512, VERSIONS = 4, NAME_ROOM = 48, FD_LIMIT = 4096 };

/* Versions later than the certain content. */
struct sector {
	uint64_t index;
	bool is_dirty;		/* the next sync settles it */
	unsigned count;
	char *version[VERSIONS];
};

struct name {
	char text[NAME_ROOM];
	int node;
};

struct node {
	bool is_directory;
	/* a file */
	int memory;		/* descriptor of what is seen, or -1: as on disk */
	int locker;		/* descriptor that has the lock, or -1 */
	char *certain;
	uint64_t room;		/* of certain, multiple of SECTOR */
	uint64_t size[VERSIONS];	/* the first is certain if it is alone */
	unsigned sizes;
	struct sector *sector;
	size_t sectors;
	/* a directory */
	struct name *seen, *sure;
	size_t seen_count, sure_count;
};

/* A change of names that no sync has made certain. node 0: removed. */
struct change {
	int directory, node;
	char text[NAME_ROOM];
	int from_directory;	/* of a rename, or -1 */
	char from_text[NAME_ROOM];
};

struct disk {
	pthread_mutex_t lock;	/* of everything: a store has a thread of its own */
	char cache[64];		/* a directory for caches, or empty */
	struct node *node;	/* 0 is nothing, 1 the root */
	int nodes;
	struct change *change;
	size_t changes;
	unsigned calls, cut, fail;
	bool is_dead, is_full;
	enum disk_fault fault;
	int failing_syncs;
	int skip;
	int fd_node[FD_LIMIT];
};

struct disk *
disk_make(int skip);

int
disk_node_new(struct disk *disk, bool is_directory);
int
disk_names_find(const struct name *names, size_t count, const char *text);
/* node 0 takes it out. */
void
disk_names_set(struct name **names, size_t *count, const char *text, int node);
void
disk_apply_change(struct disk *disk, const struct change *change);
void
disk_keep_room(struct node *file, uint64_t size);

#endif
