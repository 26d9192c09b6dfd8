/*
 * Deliveries into an mbox. One message is one write behind the end and one
 * sync, without an intent; so a crash can leave a part of it, of which nobody
 * was told that it is there. Before the first delivery a process notes in its
 * state directory where the file ended (a mark). Who finds a mark that no
 * process of its own has made looks at what is behind it: a message that is
 * shorter than its Content-Length says, or in which whole sectors were never
 * written, is set aside.
 *
 * What cannot be told from a tear by that (several messages at once, NUL bytes)
 * goes through an intent. The caller holds the locks of the file.
 */
#ifndef STORE_MBOX_TAIL_H
#define STORE_MBOX_TAIL_H

#include <pthread.h>

#include "store/mbox_intent.h"

struct mbox_mark {
	uint64_t device, inode;
	uint64_t size;		/* up to here all was seen well */
	bool is_doubtful;	/* a delivery could not be cut back */
	struct mbox_mark *next;
};

/* The marks of this process; for all threads. */
struct mbox_marks {
	pthread_mutex_t lock;
	struct mbox_mark *first;
};

void
mbox_marks_init(struct mbox_marks *marks);
/* Removes them from the disk too: all is well. */
void
mbox_marks_fini(struct mbox_marks *marks, const struct files_calls *calls);

/* To be called after the locks were got: finishes or sets aside what a process
 * left that died. */
int
mbox_tail_check(struct mbox_marks *marks, const struct mbox_file *file,
	struct error *error);

/* Durable at return, all or none. */
int
mbox_tail_append(struct mbox_marks *marks, const struct mbox_file *file,
	const struct store_message_new *messages, size_t count,
	uint8_t (*keys)[16], struct error *error);

#endif
