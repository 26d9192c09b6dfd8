/*
 * `import`: a source into an account of the running system, over its Unix socket
 * of IMAP. A batch of messages is one APPEND (RFC 3502: all or none of it), and
 * the journal says before and after which (journal.h).
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "ctl/imap_client.h"
#include "ctl/journal.h"
#include "ctl/transfer.h"

/* A message that has been read and is to be sent. */
struct import_message {
	struct buffer text;
	uint32_t flags;
	int64_t date;
	int zone;
	struct span key;
	struct span *keyword;
	size_t keyword_count;
};

/* A batch, being read or being sent. */
struct import_batch {
	struct arena arena;		/* of keys and keywords */
	struct import_message message[TRANSFER_BATCH_MESSAGES];
	size_t count, bytes;
};

struct import {
	struct imap_client client;
	struct journal journal;
	struct transfer_source *source;
	struct transfer_progress progress;
	/* the folder being filled */
	struct span folder;
	uint32_t validity, uid_next;
	uint64_t appended_uid;		/* last of an APPENDUID, or 0 */
	/* what came of it */
	uint64_t done, there, left_out;
	struct import_batch batch;
};

/* ---- import_send.c ---- */

/* Makes the folder if it is not there, and finds out where it stands. */
int
import_open_folder(struct import *import, const struct transfer_folder *folder,
	struct error *error);

/* The batch in doubt: is it there? Says so in the journal. */
int
import_settle_doubt(struct import *import, struct error *error);

/* Sends the batch and empties it. What the system never takes is left out with
 * a line on standard error. */
int
import_send(struct import *import, struct error *error);

#endif
