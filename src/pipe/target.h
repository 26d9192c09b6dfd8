/*
 * Which program or file is meant: the table is read again for each message, by
 * this process and with its rights. What newaliases accepted is checked again:
 * the file may have changed since.
 */
#ifndef PIPE_TARGET_H
#define PIPE_TARGET_H

#include "pipe/pipe.h"
#include "proto/aliases.h"

struct pipe_target {
	enum alias_kind kind;		/* ALIAS_PROGRAM or ALIAS_FILE */
	struct span text;		/* in the arena */
	const char *directory;		/* to run in */
};

/*
 * The program or file of the recipient's table, key and index. -1: it cannot be
 * used now; the sentence is for the log and names the file.
 */
int
target_find(const struct pipe *pipe, const struct smtp_rcpt *rcpt,
	struct arena *arena, struct pipe_target *target, struct error *error);

#endif
