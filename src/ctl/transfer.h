/*
 * Mail that is carried from one place to another by `import` and `export`: a
 * source gives folders and messages in order, and texts of those wanted. Places
 * are of others, and hostile: what cannot be understood is left out and said.
 */
#ifndef CTL_TRANSFER_H
#define CTL_TRANSFER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum {
	TRANSFER_BATCH_MESSAGES = 500,
	TRANSFER_BATCH_BYTES = 4 << 20,
	TRANSFER_KEYWORD_LIMIT = 40,	/* of one message */
	TRANSFER_NAME_LIMIT = 1000,
};
#define TRANSFER_MESSAGE_LIMIT ((size_t)1 << 30)

struct transfer_folder {
	struct span name;	/* UTF-8, levels parted by '/' */
	bool is_subscribed;
	uint64_t total;		/* how much there is, in the source's own unit */
	uint32_t validity;	/* UIDVALIDITY, of a source that has one */
};

struct transfer_message {
	/* The same whenever this source is read again, and no other's in its
	 * folder. */
	struct span key;
	uint32_t flags;		/* enum imap_parse_flag */
	const struct span *keyword;
	size_t keyword_count;
	uint64_t size;		/* when it is known before its text */
	int64_t date;
	int zone;
	uint32_t uid;		/* of an IMAP source */
};

struct transfer_source;
struct transfer_source_functions {
	/* All folders; live as long as the source. */
	int (*list)(struct transfer_source *source,
		const struct transfer_folder **folders, size_t *count,
		struct error *error);
	/* Goes to the beginning of one. */
	int (*open)(struct transfer_source *source, size_t folder,
		struct error *error);
	/* 1, and 0 at the end of the folder. The message is borrowed until the
	 * next call. *passed is where the source is, of `total`. */
	int (*next)(struct transfer_source *source,
		struct transfer_message *message, uint64_t *passed,
		struct error *error);
	/* The text (CRLF) of the message of the last `next` is wanted in *text,
	 * which stays where it is: it may come only with `settle`. Empty: it
	 * is not there any more. */
	int (*take)(struct transfer_source *source, struct buffer *text,
		struct error *error);
	int (*settle)(struct transfer_source *source, struct error *error);
	void (*close)(struct transfer_source **source);
};

/* First member of every source. */
struct transfer_source {
	const struct transfer_source_functions *call;
};

/* A file in mbox form, or a directory of them. */
struct transfer_source *
source_mbox_open(const char *path, struct error *error);
/* Maildir++, as Dovecot and Courier have it. */
struct transfer_source *
source_maildir_open(const char *path, struct error *error);
/* A client that is logged in; taken over, closed with the source. */
struct imap_client;
struct transfer_source *
source_imap_open(struct imap_client *client);

/* ---- transfer.c ---- */

/* What a person sees meanwhile, on standard error when that is a terminal. */
struct transfer_progress {
	uint64_t total, passed;		/* of the source, in its unit */
	uint64_t messages;		/* carried in this run */
	int64_t started, shown;		/* monotonic ms */
	bool is_shown, is_terminal;
};
void
transfer_progress_begin(struct transfer_progress *progress, uint64_t total);
void
transfer_progress_show(struct transfer_progress *progress, struct span folder);
void
transfer_progress_end(struct transfer_progress *progress);

/* Lines with CRLF. */
void
transfer_add_lines(struct buffer *out, struct span text);

/* Names with '%' and control characters as %XX, one word; and back. */
void
transfer_add_word(struct buffer *out, struct span name);
struct span
transfer_read_word(struct arena *arena, struct span word);

#endif
