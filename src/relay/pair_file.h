/*
 * Where lines outlive the process: two files that were opened before the jail,
 * of which one counts at any time (doc/formats/mta-sts.md, tlsrpt.md). MTA-STS
 * policies that are lost are fetched again; but until then whoever sits between
 * us and a domain could keep them from us, so they are worth a sync.
 */
#ifndef RELAY_PAIR_FILE_H
#define RELAY_PAIR_FILE_H

#include "base/buffer.h"
#include "base/error.h"

enum { PAIR_FILE_LIMIT = 64 << 20 };	/* bytes that are read back */

struct pair_file;

/* Opens or makes NAME.1 and NAME.2 in this directory. NULL with error. */
struct pair_file *
pair_file_open(const char *directory, const char *name, struct error *error);

/* Takes both descriptors. The name stays the caller's, and stands in them. */
struct pair_file *
pair_file_new(int descriptors[2], const char *name);

void
pair_file_close(struct pair_file **file);

/*
 * Gives each line that is whole to `take`, older ones first; nothing when no
 * file is right. Once, before anything is added.
 */
void
pair_file_read(struct pair_file *file, void (*take)(void *context,
	struct span line), void *context);

/* A line with its LF, durable when it returns 0. */
int
pair_file_add(struct pair_file *file, struct span line, struct error *error);

/* Was so much added that writing it anew is worth the while? */
bool
pair_file_is_wasteful(const struct pair_file *file);

/* Only these lines from now on: the other file, and then it counts. */
int
pair_file_replace(struct pair_file *file, struct span lines,
	struct error *error);

#endif
