/*
 * Where MTA-STS policies outlive the process: two files that were opened
 * before the jail, of which one counts at any time (doc/formats/mta-sts.md).
 * What is lost with them is fetched again; but until then whoever sits between
 * us and a domain could keep it from us, so they are worth a sync.
 */
#ifndef RELAY_STS_FILE_H
#define RELAY_STS_FILE_H

#include "base/buffer.h"
#include "base/error.h"

enum { STS_FILE_LIMIT = 64 << 20 };	/* bytes that are read back */

struct sts_file;

/* Opens or makes the two in this directory. NULL with error. */
struct sts_file *
sts_file_open(const char *directory, struct error *error);

/* Takes both descriptors. */
struct sts_file *
sts_file_new(int descriptors[2]);

void
sts_file_close(struct sts_file **file);

/*
 * Gives each line that is whole to `take`, older ones first; nothing when no
 * file is right. Once, before anything is added.
 */
void
sts_file_read(struct sts_file *file, void (*take)(void *context,
	struct span line), void *context);

/* A line with its LF, durable when it returns 0. */
int
sts_file_add(struct sts_file *file, struct span line, struct error *error);

/* Was so much added that writing it anew is worth the while? */
bool
sts_file_is_wasteful(const struct sts_file *file);

/* Only these lines from now on: the other file, and then it counts. */
int
sts_file_replace(struct sts_file *file, struct span lines,
	struct error *error);

#endif
