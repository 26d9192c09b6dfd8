/*
 * A process that asks sources of accounts for auth: the wire KIND-question
 * (ARCHITECTURE.md 2.10), the sources that `accounts` names ("KIND:FILE"), and
 * for each a few connections that are kept and made anew. What is asked how is
 * the driver's. Source and connection are the driver's own structs.
 */
#ifndef SERVE_SOURCE_SERVER_H
#define SERVE_SOURCE_SERVER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/network.h"
#include "serve/listener.h"

enum {
	SOURCE_KEPT = 4,		/* idle connections of a source */
	SOURCE_IDLE = 60000,		/* ms one is kept */
	SOURCE_WAIT = 5000,		/* ms for one question, at most */
	SOURCE_WORKERS = 40,
	SOURCE_ADDRESSES = 8,		/* of one host name */
	SOURCE_HASH_LIMIT = 1024,
};

enum source_word { SOURCE_LOOKUP, SOURCE_CHECK, SOURCE_UPDATE, SOURCE_WORDS };

struct source_question {
	enum source_word word;
	struct span user, local, domain;	/* %u %n %d */
	struct span password;			/* CHECK */
	struct span old, hash;			/* UPDATE */
	int64_t deadline;			/* monotonic ms */
	struct arena *arena;
};

struct source_reply {
	struct span hash;		/* in the arena; empty: nobody logs in */
	bool can_check, can_update;	/* CHECK, UPDATE may be asked */
	bool has_quota;
	uint64_t quota;			/* bytes */
	bool is_barred;			/* the driver's own note */
	bool is_spoilt;			/* the connection is not to be kept */
};

enum source_verdict {
	SOURCE_FOUND,			/* CHECK: it is the password */
	SOURCE_NOT_FOUND,
	SOURCE_ODD,			/* this account is not in order: later */
	SOURCE_AWAY,			/* the connection is of no use any more */
};

/* One question on its way. */
struct source_asking {
	void *source, *connection;	/* the driver's own */
	const struct source_question *question;
	struct source_reply *reply;
	struct error *error;
};

struct source_driver {
	const char *kind;		/* "ldap" */
	const char *service;		/* "ldap-question" */
	/* Takes FILE apart; NULL with a sentence. Nothing is connected. */
	void *(*read)(struct span text, const char *path, struct error *error);
	void (*free)(void *source);
	/* NULL with error. Blocks until the deadline at most. */
	void *(*connect)(void *source, int64_t deadline, struct error *error);
	void (*disconnect)(void *connection);
	/* By its word; NULL: that is not answered here. ODD and AWAY fill in
	 * the error. */
	enum source_verdict (*ask[SOURCE_WORDS])(
		const struct source_asking *asking);
};

/* The whole main of such a process. `prepare` (or NULL) runs before the jail. */
int
source_server_main(int argc, char **argv, const struct source_driver *driver,
	int (*prepare)(struct error *error));

/*
 * Addresses of a host name, by `names`; or of an address. Returns how many, at
 * most SOURCE_ADDRESSES, or 0 with error.
 */
size_t
source_resolve(struct span host, uint16_t port, int64_t deadline,
	struct network_address *addresses, struct error *error);

/* Bytes: a number, or Dovecot's "*:bytes=1000" and "*:storage=1000" (in KiB); a
 * unit may be at the end of those. */
bool
source_quota(struct span rule, uint64_t *bytes);

#endif
