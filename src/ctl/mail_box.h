/*
 * The mailbox that `mail` reads: an account's INBOX over IMAP, or a file in
 * mbox form. What the user changes (read, deleted, answered) stays here until
 * mail_box_finish writes it down; leaving without it changes nothing.
 */
#ifndef CTL_MAIL_BOX_H
#define CTL_MAIL_BOX_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/config.h"
#include "base/error.h"

struct mail_message {
	uint32_t uid;
	uint32_t flags;			/* enum imap_parse_flag, as it was */
	bool is_new;			/* not listed in an earlier session */
	bool is_read, is_answered;	/* in this session */
	bool is_kept_unread;
	bool is_deleted, is_saved;
	int64_t date;			/* when it came */
	int zone;
	uint64_t size, place;		/* octets; offset in a file */
	/* after mail_box_load */
	bool is_loaded;
	uint64_t lines;
	struct span from, subject;
};

struct mail_box;
struct mail_box_functions {
	/* Fills lines, from and subject of messages that have not been. */
	int (*load)(struct mail_box *box, size_t first, size_t count,
		struct error *error);
	/* The whole message, CRLF. */
	int (*read)(struct mail_box *box, size_t index, struct buffer *out,
		struct error *error);
	int (*finish)(struct mail_box *box, struct error *error);
	/* Messages that came since; they are added at the end. */
	int (*poll)(struct mail_box *box, struct error *error);
	void (*close)(struct mail_box **box);
};

/* First member of every kind. */
struct mail_box {
	const struct mail_box_functions *call;
	char name[400];			/* as it is shown: a path or an address */
	char user[256];			/* whose it is */
	struct mail_message *message;
	size_t count, room;
	struct arena arena;		/* of what has been loaded */
	bool is_gone;			/* the connection is */
};

/* The INBOX of the running system's user (NULL: who runs the command). */
struct mail_box *
mail_box_open_imap(const struct config *config, const char *user,
	struct error *error);

struct mail_box *
mail_box_open_file(const char *path, struct error *error);

/* For the kinds: one more message, zeroed. */
struct mail_message *
mail_box_add(struct mail_box *box);
/* And what a message's text says, once its beginning is known. */
void
mail_box_take_head(struct mail_box *box, struct mail_message *message,
	struct span head);
/* Frees what all kinds have, and the box. */
void
mail_box_free(struct mail_box **box);

#endif
