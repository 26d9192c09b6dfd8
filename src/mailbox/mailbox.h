/*
 * What the protocols of a mailbox process share: the open store, a logged-in
 * connection that login has handed over, and the notes that other processes
 * get. One process serves the accounts whose id modulo mailbox_processes is
 * its instance, or (mailbox-user) the one account of a system user.
 */
#ifndef MAILBOX_MAILBOX_H
#define MAILBOX_MAILBOX_H

#include <stdatomic.h>

#include "base/config.h"
#include "base/log.h"
#include "proto/address.h"
#include "proto/proxy2.h"
#include "serve/handover.h"
#include "serve/session.h"
#include "serve/space.h"
#include "store/store.h"

struct moved;

/* The process. Made by main, constant while sessions run. */
struct mailbox {
	struct lot *lot;
	struct store *store;
	uint32_t instance;
	unsigned processes;		/* 0: the instance is the uid of the one
					 * system user whose account it has */
	_Atomic uint64_t message_size_limit;	/* SIZE, APPENDLIMIT; a reload
					 * changes it */
	_Atomic int64_t pop3_idle_timeout;	/* ms; 0: the standard one */
	const char *hostname;		/* myhostname, for greetings */
	const char *home;		/* of the system user; NULL: of nobody */
	const char *delimiters;		/* recipient_delimiter, for .forward+detail */
	struct space *space;		/* of the disk with the mail; NULL: not
					 * looked at (tests) */
	int spill;			/* directory for stream_set_spill and
					 * file_open_spill */
};

/*
 * A connection whose ticket has been redeemed. The protocol's begin function
 * takes fd (and sets it -1), copies what it keeps, makes its session and
 * lot_adds it. Nothing has been said to the client yet: the session answers
 * the login itself (IMAP: tagged OK with `tag`; POP3: +OK).
 */
struct mailbox_login {
	const struct mailbox *mailbox;
	int fd;
	uint64_t account;		/* whose mail */
	uint64_t actor;			/* who logged in; for store_account_open */
	uint64_t quota;			/* bytes, 0: none; for store_quota_set_limit */
	char user[ADDRESS_PATH_LIMIT + 2];	/* address of the account */
	struct proxy2 facts;
	char session[LOG_ID_SIZE];	/* session id, for the log */
	char tag[HANDOVER_TAG_SIZE];	/* of the IMAP command that logged in */
	struct span unread;		/* bytes the client sent already; borrowed
					 * until begin returns */
};

/*
 * A protocol that connections are handed over for; one row each in the table
 * of mailbox/protocols.c, which ends with a NULL service.
 */
struct mailbox_protocol {
	const char *service;		/* wire: "mailbox-imap" */
	const char *owner_service;	/* the same to mailbox-user: "user-imap" */
	const char *ticket;		/* service named in the ticket: "imap" */
	const char *limit;		/* parameter: connections of one account */
	void (*begin)(struct mailbox_login *login);
	/* A session of the predecessor (mailbox/move.h) goes on; false: it ended.
	 * Only one whose struct has this version and size. */
	bool (*resume)(struct moved *moved);
	uint32_t moved_version, moved_size;
	const char *goodbye;		/* to the others */
	/* Lines to the client, CRLF included, when the login cannot be honoured.
	 * "%s" is `tag` where has_tag says so, and stands first. */
	bool has_tag;
	const char *denied;		/* ticket unknown, used or too old */
	const char *later;		/* auth or we cannot now */
	const char *too_many;		/* the account has `limit` sessions */
};
extern const struct mailbox_protocol mailbox_protocols[];

/* Is it this process that serves the account? */
bool
mailbox_has_account(const struct mailbox *mailbox, uint64_t account);

/* In the folders of the protocols. */
void
imap_session_begin(struct mailbox_login *login);
void
pop3_session_begin(struct mailbox_login *login);
bool
imap_session_resume(struct moved *moved);
bool
pop3_session_resume(struct moved *moved);

/* The same for a session that has been resumed; it is counted whatever the
 * limit is now. False: the account is not of this process. */
bool
mailbox_login_again(const char *service, uint64_t account);

/*
 * A session that begin was called for has ended; exactly once for each, by the
 * session's free. `service` as in the table ("mailbox-imap"). Any thread.
 */
void
mailbox_logout(const char *service, uint64_t account);

/*
 * To be called after something was stored in or removed from an account: when
 * its use crossed the limit of store_quota_get since the last call, auth is
 * told so (behind the caller's back; never blocks).
 */
void
mailbox_quota_note(struct store_account *account);

/* May mail be stored now? No: 452, NO [UNAVAILABLE]; removing goes on. */
bool
mailbox_has_space(const struct mailbox *mailbox);

#endif
