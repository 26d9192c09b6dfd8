/*
 * An open file of the embedded engine: a segment, or the body of one message.
 * And those that a claim keeps open. Only engine_files.c uses this.
 */
#ifndef STORE_FILES_OBJECT_H
#define STORE_FILES_OBJECT_H

#include <stdatomic.h>
#include <stdint.h>

#include "store/engine.h"
#include "store/files_calls.h"

/* An open file, shared by its claim and pins; closed with the last. */
struct files_object {
	const struct files_calls *calls;
	atomic_int users;
	int fd;
	enum engine_object kind;
	uint64_t number;
	atomic_uint_fast64_t size;	/* durable, without the zeros ahead */
	uint64_t written;		/* with them; the appender's */
};

/* With one user; takes the descriptor over. `size`: what is durable of it. */
struct files_object *files_object_new(const struct files_calls *calls,
	enum engine_object kind, uint64_t number, int fd, uint64_t size);

/* One user less; the last one closes the file. NULL is accepted. */
void files_object_release(struct files_object *object);

/* Where the segment in a file of that size ends: before the zeros that were
 * written ahead of it. Reads the file's end, or all of it should it be zeros. */
uint64_t files_object_end(int fd, uint64_t size);


/* Files that claims may keep open beyond two each, all of an engine together. */
struct files_spare {
	atomic_int used;
	int most;
};

/* Files that a claim keeps open, the one used last in front; its lock's. */
struct files_kept {
	struct files_spare *spare;
	struct files_object **open;
	int count;
};

void files_kept_init(struct files_kept *kept, struct files_spare *spare);
void files_kept_fini(struct files_kept *kept);

/* Takes the object and keeps it, in place of the one used longest ago when
 * there is room for no more. Returns it, borrowed until the next call. */
struct files_object *files_kept_add(struct files_kept *kept,
	struct files_object **object);

/* Borrowed until the next call, or NULL when it is not kept. */
struct files_object *files_kept_get(struct files_kept *kept,
	enum engine_object kind, uint64_t number);

void files_kept_forget(struct files_kept *kept, enum engine_object kind,
	uint64_t number);

#endif
