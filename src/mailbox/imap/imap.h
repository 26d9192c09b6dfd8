/*
 * What the files of this folder share: the IMAP session of a logged-in user
 * (RFC 9051, RFC 3501), one command in hand, and the helpers that commands are
 * written with.
 *
 * A session is one flat struct. While it is parked it holds no store handle,
 * no view and no buffer; what it must remember of the client is struct
 * imap_parked. While a command runs, `account`, `view` and `arena` are there;
 * they are made when a command asks for them and dropped before parking.
 */
#ifndef MAILBOX_IMAP_IMAP_H
#define MAILBOX_IMAP_IMAP_H

#include "base/arena.h"
#include "mailbox/mailbox.h"
#include "proto/imap_frame.h"
#include "proto/imap_parse.h"
#include "serve/stream.h"
#include "store/view.h"

enum {
	IMAP_PARKED_VERSION = 1,
	IMAP_TAG_SIZE = HANDOVER_TAG_SIZE,	/* with NUL; longer tags are refused */
	IMAP_BAD_LIMIT = 20,		/* BAD commands in a row, then BYE */
	IMAP_BURST = 64,		/* commands before others get their turn */
	IMAP_SET_LIMIT = 65536,		/* ranges in one sequence set */
	IMAP_SAVED_LIMIT = 4096,	/* ranges in the result of SEARCHRES */
	IMAP_QUIET_TIMEOUT = 30 * 60 * 1000,	/* ms; RFC 9051 5.4: at least 30 min */
	IMAP_COMMAND_TIMEOUT = 10 * 60 * 1000,	/* silence inside a command */
	IMAP_WRITE_TIMEOUT = 5 * 60 * 1000,	/* a client that takes nothing */
	IMAP_COMMAND_MEMORY = 16 << 20,	/* for one command, or one message of it */
};

enum imap_enabled {
	IMAP_REV2 = 1, IMAP_CONDSTORE = 2, IMAP_QRESYNC = 4, IMAP_UTF8 = 8,
};

/* All that outlives a command; flat, so that a successor can take it over. */
struct imap_parked {
	uint32_t version;		/* IMAP_PARKED_VERSION */
	uint32_t enabled;		/* enum imap_enabled */
	uint64_t account, actor, quota;
	char user[ADDRESS_PATH_LIMIT + 2];
	struct network_address client;
	bool is_tls;
	/* the selected mailbox */
	bool is_read_only;
	bool is_behind;			/* expunges are still to be told */
	bool is_idling;
	uint32_t mailbox;		/* 0: none */
	uint32_t uid_validity;
	uint32_t recent_first;		/* UIDs from here on are \Recent */
	uint32_t keywords;		/* told by FLAGS so far */
	struct store_seen seen;
	char tag[IMAP_TAG_SIZE];	/* of IDLE, or of APPEND in progress */
	uint32_t bad;			/* BAD commands in a row */
	uint32_t commands;
};

/* What goes to a successor (mailbox/move.h); behind it the ranges of "$" and
 * what has come of a command. Its layout is IMAP_PARKED_VERSION's too. */
struct imap_moved {
	struct imap_parked parked;
	struct imap_frame frame;	/* but its pointers */
	uint32_t saved, command;	/* ranges; bytes */
};

struct imap_append;

struct imap_session {
	struct session session;		/* first */
	const struct mailbox *mailbox;
	struct log_scope scope;
	struct stream stream;
	struct imap_frame frame;
	struct imap_parked parked;
	struct number_set saved;	/* "$" (RFC 5182), UIDs */
	struct imap_append *append;	/* APPEND in progress, or NULL */
	/* what other threads see */
	struct store_watch watch;
	bool is_watching;
	_Atomic uint32_t watched_mailbox;
	atomic_bool has_changed;	/* since the client was last told */
	atomic_bool is_nudged;		/* idling: a change shall wake it */
	/* only while it runs */
	struct arena arena;		/* of the command */
	struct store_account *account;
	struct store_view *view;	/* as the client knows the mailbox */
	struct buffer line;		/* a response being built */
	struct imap_command *command;	/* being executed, or NULL */
	bool is_closing;		/* close when everything is written */
	bool is_resumed;		/* it has come from another process */
	bool is_moved;			/* it has gone to another */
};

enum imap_state { IMAP_AUTHENTICATED = 1, IMAP_SELECTED = 2, IMAP_ANY = 3 };

enum imap_status { IMAP_UNANSWERED, IMAP_OK, IMAP_NO, IMAP_BAD };

/*
 * A command in hand. Its function parses the arguments off `parse` and returns.
 * A problem of the parser is answered BAD; a function that says nothing else is
 * answered "OK NAME completed".
 */
struct imap_command {
	struct imap_parse parse;
	struct span tag;
	const struct imap_command_row *row;
	bool is_uid;			/* "UID" stood before it */
	enum imap_status status;
	struct span code;		/* response code without brackets */
	const char *text;
};

typedef void
imap_command_function(struct imap_session *imap, struct imap_command *command);

enum imap_command_flag {
	IMAP_TAKES_UID = 1,		/* "UID NAME" exists */
	IMAP_KEEPS_NUMBERS = 2,		/* no EXPUNGE meanwhile (RFC 9051 7.5.1) */
	IMAP_IS_SILENT = 4,		/* no updates, no tagged answer: its own way */
};

struct imap_command_row {
	const char *name;
	imap_command_function *run;
	unsigned states;		/* enum imap_state */
	unsigned flags;			/* enum imap_command_flag */
};

/* The table, and its row for a name in any case (NULL: none). */
extern const struct imap_command_row imap_command_table[];
const struct imap_command_row *
imap_command_find(struct span name);

/* Executes one whole command and answers it. */
void
imap_command_run(struct imap_session *imap, struct span text);

/* A literal is announced: kept, handed to APPEND, or refused. */
void
imap_command_literal(struct imap_session *imap);

/* A command of which something was left out: answers why. */
void
imap_command_refuse(struct imap_session *imap);

/* moved.c: sends the session, which is parked but for its slot, to the successor
 * of this process. False: it stays. */
bool
imap_moved_send(struct imap_session *imap);
/* Puts back what was sent; false: it does not fit together. */
bool
imap_moved_take(struct imap_session *imap, struct span parts);

/* ---- answering (answer.c) ---- */

/* code: "TRYCREATE" or NULL. The texts are constant. */
void
imap_no(struct imap_command *command, const char *code, const char *text);
void
imap_bad(struct imap_command *command, const char *text);
void
imap_ok(struct imap_command *command, const char *text);
/* The response code of the answer, printed into the arena. */
void
imap_code(struct imap_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* True for STORE_OK (and DUPLICATE); otherwise NO with the right code, and our
 * trouble in the log. */
bool
imap_is_done(struct imap_session *imap, struct imap_command *command,
	enum store_verdict verdict, const struct error *error);

/* The tagged line. */
void
imap_answer(struct imap_session *imap, struct span tag,
	enum imap_status status, struct span code, const char *text);

/* "* BYE text"; the session closes when that is written. */
void
imap_bye(struct imap_session *imap, const char *text);

/* UTF-8 is allowed in names and quoted strings. */
bool
imap_is_utf8(const struct imap_session *imap);

/* Sends imap->line, which a response was built in, as it is; empties it. */
void
imap_send_line(struct imap_session *imap);

/* CONDSTORE by a command that implies it (RFC 7162 3.1). */
void
imap_enable_condstore(struct imap_session *imap);

#endif
