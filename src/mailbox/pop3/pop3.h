/*
 * What the files of this folder share: the POP3 session of a logged-in user
 * (RFC 1939 5, the TRANSACTION state), its commands, and answers of many lines.
 *
 * A session is one flat struct; while it is parked it holds no store handle, no
 * view and no buffer. It sees INBOX as it was at the login: what arrives later
 * is not there for it, and what others remove keeps its number.
 *
 * RFC 1939 4 asks for an exclusive lock on the mailbox, so that numbers stay
 * what they are. Here they do without one; so a second session, IMAP and
 * deliveries are not shut out, and a client whose line broke can come back at
 * once. [IN-USE] is the answer when an account has too many sessions.
 */
#ifndef MAILBOX_POP3_POP3_H
#define MAILBOX_POP3_POP3_H

#include "mailbox/mailbox.h"
#include "proto/number_set.h"
#include "proto/pop3.h"
#include "serve/stream.h"
#include "store/view.h"

enum {
	POP3_PARKED_VERSION = 1,
	POP3_BAD_LIMIT = 20,		/* commands that are none, in a row */
	POP3_BURST = 64,		/* commands before others have a turn */
	POP3_PIECE = 32768,		/* bytes of a body read at once */
	POP3_WRITE_WAIT = 300000,	/* ms for a client that takes nothing */
	POP3_IDLE = 600000,		/* ms; RFC 1939 3: at least 10 minutes */
};

/* An answer of many lines that is on its way. */
enum pop3_answer {
	POP3_ANSWERED, POP3_LISTING, POP3_LISTING_UIDS, POP3_SENDING,
};

/* All that outlives a command; flat, so that a successor can take it over. */
struct pop3_parked {
	uint32_t version;		/* POP3_PARKED_VERSION */
	uint32_t mailbox, uid_validity;
	uint32_t exists;		/* messages, removed ones too */
	uint64_t account, actor, quota;
	struct store_seen seen;		/* INBOX as it was at the login */
	char user[ADDRESS_PATH_LIMIT + 2];
	bool has_size;			/* size is known */
	uint64_t size, removed_size;	/* octets of all; of those marked */
	uint32_t removed_count;
	uint32_t bad, commands, sent;
	enum pop3_answer answer;
	uint32_t next;			/* LISTING: the message to list next */
};

/* What goes to a successor (mailbox/move.h); behind it the ranges of both sets.
 * Its layout is POP3_PARKED_VERSION's too. */
struct pop3_moved {
	struct pop3_parked parked;
	uint32_t removed, retrieved;	/* ranges */
	bool is_skipping;
};

struct pop3_session {
	struct session session;		/* first */
	const struct mailbox *mailbox;
	struct log_scope scope;
	struct stream stream;
	struct pop3_parked parked;
	struct number_set removed;	/* message numbers marked by DELE */
	struct number_set retrieved;	/* and those that were sent whole */
	/* SENDING: kept until the last byte is out, whatever others remove */
	struct store_body body;
	uint64_t body_at;
	uint32_t sending;		/* its message number */
	struct pop3_message message;
	/* only while it runs */
	struct store_account *account;
	struct store_view *view;
	bool is_closing;		/* close when everything is written */
	bool is_skipping;		/* the rest of a line too long */
	bool is_resumed;		/* it has come from another process */
	bool is_moved;			/* it has gone to another */
};

/* "+OK text" and "-ERR text". */
void
pop3_ok(struct pop3_session *pop3, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void
pop3_error(struct pop3_session *pop3, const char *text);

/* Our trouble: logged, and answered [SYS/TEMP] (RFC 3206). */
void
pop3_trouble(struct pop3_session *pop3, const char *doing,
	const struct error *error);

/* The account and INBOX as the client knows it; false with error. */
bool
pop3_open(struct pop3_session *pop3, struct error *error);

/* A message that is there and not marked; false after an answer. */
bool
pop3_find(struct pop3_session *pop3, uint32_t number,
	struct store_message *message);

/* Executes one line. */
void
pop3_execute(struct pop3_session *pop3, struct span line);

/* The answer that is on its way, as much as fits; ANSWERED when it is done. */
void
pop3_go_on(struct pop3_session *pop3);

/* Begins an answer of many lines. top: lines of the body, UINT64_MAX for all. */
void
pop3_begin_list(struct pop3_session *pop3, enum pop3_answer answer);
void
pop3_begin_message(struct pop3_session *pop3, uint32_t number,
	const struct store_message *message, uint64_t top);

/* The unique-id of a message (RFC 1939 7): the same for ever. */
enum { POP3_UID_SIZE = 17 };
void
pop3_format_uid(const struct pop3_session *pop3, uint32_t uid,
	char out[POP3_UID_SIZE]);

/* moved.c: sends the session, which is parked but for its slot, to the successor
 * of this process. False: it stays. */
bool
pop3_moved_send(struct pop3_session *pop3);
/* Puts back what was sent; false: it does not fit together. */
bool
pop3_moved_take(struct pop3_session *pop3, struct span parts);

/* The UPDATE state (RFC 1939 6): removes what is marked. */
void
pop3_update(struct pop3_session *pop3);

#endif
