/*
 * The accounts of this system: domains, addresses, aliases, and the keys of
 * passwords. They are in accounts.db (SQLite), which nobody but auth opens;
 * what is asked often is kept in memory, so that a recipient costs no SQLite.
 *
 * An account has an id for life: 63 random bits, never given twice. Addresses
 * are compared in the form of address_normalise and never become paths.
 *
 * Functions that change something are durable when they return 0; with -1 the
 * error's sentence is for the administrator and nothing was changed. All may be
 * called from any thread. Every change raises counter_generations()->accounts.
 */
#ifndef AUTH_ACCOUNTS_H
#define AUTH_ACCOUNTS_H

#include "auth/system.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "proto/address.h"
#include "proto/scram.h"

struct accounts;
struct question_source;

enum {
	ACCOUNTS_TARGET_LIMIT = 1000,	/* of one address, expanded */
	ACCOUNTS_DEPTH_LIMIT = 50,	/* aliases of aliases */
	ACCOUNTS_CACHE_LIMIT = 50000,	/* names kept in memory (half of it) */
};

/* Strings are copied. */
struct accounts_options {
	const char *mydestination;	/* list of domains that are ours */
	const char *myorigin;		/* added to names without a domain */
	const char *delimiters;		/* recipient_delimiter */
	uint64_t quota;			/* of accounts without one of their own */
	bool uses_aliases;		/* alias_maps names something */
	uint32_t first_uid, last_uid;	/* of system users, beside root; 0: no end */
};

/*
 * Opens or makes the database; ":memory:" for tests. Holds it for this process
 * alone until close: ERROR_LATER when another process has it.
 */
int
accounts_open(const char *path, const struct accounts_options *options,
	struct accounts **accounts, struct error *error);
void
accounts_close(struct accounts **accounts);

/* New options, after a reload. */
void
accounts_configure(struct accounts *accounts,
	const struct accounts_options *options);

/* Reads the file at a place among the files of the list (from 0) into *out. */
typedef int accounts_read_fn(void *context, unsigned place,
	struct buffer *out, struct error *error);

/*
 * Who is asked for accounts, in this order: "builtin", "passwd-file:FILE",
 * "system", "ldap:FILE", "pgsql:FILE".
 * Without any known one, and before the first call, builtin. A file that cannot
 * be read keeps what it said before; if it never said anything, all that would
 * have asked it is TROUBLE. What is wrong is logged with file and line.
 */
void
accounts_set_sources(struct accounts *accounts, const char *list,
	accounts_read_fn *read, void *context);

/* Who knows system users; before the first accounts_set_sources. */
void
accounts_set_system(struct accounts *accounts,
	const struct system_calls *calls);

/* 32 bytes drawn once for this database: for salts of names that are not. */
const uint8_t *
accounts_secret(const struct accounts *accounts);

/* ---- lookups ---- */

struct account {
	uint64_t id;
	uint64_t quota;			/* bytes, 0: none */
	bool is_over;			/* over its quota, as its mailbox said */
	uint64_t generation;		/* of the password; raised by a new one */
	struct scram_keys keys;
	struct span hash;		/* in place of keys, when not empty: as
					 * another system made it (hash.h) */
	bool is_imported;		/* and in the database: may be replaced */
	struct question_source *directory;	/* it is of, or NULL; for ever */
	bool can_check, can_update;	/* there: the password, or its hash */
	bool is_stale;			/* there, an hour ago: for mail only */
	bool is_system;			/* his password is asked of system_name's */
	char system_name[SYSTEM_USER_NAME_LIMIT + 1];
	char address[ADDRESS_PATH_LIMIT + 2];	/* its first address, as given */
};

enum accounts_verdict {
	ACCOUNTS_FOUND,
	ACCOUNTS_NOT_FOUND,	/* our domain, nobody there; or not an address */
	ACCOUNTS_REMOTE,	/* not a domain of ours */
	ACCOUNTS_TROUBLE,	/* ours: struct error says what */
};

/* The account that has this address, whole; without domain it is at myorigin. */
enum accounts_verdict
accounts_find_address(struct accounts *accounts, struct span text,
	struct arena *arena, struct account *account, struct error *error);

/*
 * Whose login name is this: an address as above, of an account that has a
 * password. *normalised (in the arena) is what limits and remembered logins are
 * kept by; it is set for any name.
 */
enum accounts_verdict
accounts_find_login(struct accounts *accounts, struct span name,
	struct arena *arena, struct account *account, struct span *normalised,
	struct error *error);

/* The system user with this uid, when he has mail. */
enum accounts_verdict
accounts_find_uid(struct accounts *accounts, uint32_t uid,
	struct account *account, struct error *error);

/* Where mail for an address goes. Everything is in the arena. */
struct accounts_target {
	bool is_local;
	bool is_final;			/* local: his mailbox, without .forward */
	bool is_program;		/* a program or a file of an alias */
	uint64_t account, quota;	/* local ones */
	bool is_over;
	struct span address;		/* as written, with its detail; of a
					 * program: the alias's */
	struct span sender;		/* reverse-path in place of the message's:
					 * owner-NAME; empty: the same */
	uint32_t owner;			/* programs: see proto/alias_table.h */
	unsigned index;
	struct span key;
};

struct accounts_expansion {
	struct accounts_target *target;	/* each account and address once */
	size_t count;
	bool is_brief;		/* true for some seconds: a directory or the system
				 * was asked */
};

/*
 * Follows aliases (RFC 5321 3.9.1) as far as they are ours. An alias that names
 * itself is its own account; longer loops are cut. Without the detail
 * ("alice+news") an address is looked up when the whole of it is nobody's;
 * postmaster exists in every domain of ours (RFC 5321 4.5.1). TROUBLE: also
 * beyond the limits above, and when nothing but loops is left.
 */
enum accounts_verdict
accounts_expand(struct accounts *accounts, struct span address,
	struct arena *arena, struct accounts_expansion *expansion,
	struct error *error);

/*
 * The reverse-path for mail of this sender that an alias forwards elsewhere
 * (proto/srs.h); false when it stays as it is: the sender is ours.
 */
bool
accounts_forward(struct accounts *accounts, struct span sender,
	struct arena *arena, struct span *out);
/* Whom an address of ours stands for that was made so; false: it was not. */
bool
accounts_reverse(struct accounts *accounts, struct span address,
	struct arena *arena, struct span *out);

/* ---- changes ---- */

/*
 * password: as typed, NULL data for none (nobody can log in then). The domain
 * is added when it is not ours yet: *added_domain says so.
 */
int
accounts_add_user(struct accounts *accounts, struct span address,
	struct span password, uint64_t *id, bool *added_domain,
	struct error *error);

/* The same with the hash of a password that another system made. It is replaced
 * by keys of ours when its password is seen. */
int
accounts_import_user(struct accounts *accounts, struct span address,
	struct span hash, uint64_t *id, bool *added_domain,
	struct error *error);

/* This is the password of an account whose hash was imported: keeps keys instead
 * of it, unless it was changed in the meantime. */
int
accounts_upgrade(struct accounts *accounts, const struct account *account,
	struct span password, struct error *error);

/* New keys of a password as other systems write them, {SCRAM-SHA-256}. */
int
accounts_hash_password(struct span password, struct buffer *hash,
	struct error *error);

/* Does every account that has a password have keys, so that SCRAM works? */
bool
accounts_have_keys(struct accounts *accounts);

/* Addresses and keys go; the id is never used again. */
int
accounts_delete_user(struct accounts *accounts, struct span address,
	uint64_t *id, struct error *error);
int
accounts_set_password(struct accounts *accounts, struct span address,
	struct span password, struct error *error);

/* own: false gives back to the parameter mailbox_quota. */
int
accounts_set_quota(struct accounts *accounts, struct span address, bool own,
	uint64_t bytes, struct error *error);

/* A mailbox tells that an account is over its quota, or no longer. */
int
accounts_set_over(struct accounts *accounts, uint64_t id, bool is_over,
	struct error *error);

int
accounts_add_domain(struct accounts *accounts, struct span domain,
	struct error *error);
int
accounts_delete_domain(struct accounts *accounts, struct span domain,
	struct error *error);
int
accounts_add_alias(struct accounts *accounts, struct span address,
	struct span target, struct error *error);
int
accounts_delete_alias(struct accounts *accounts, struct span address,
	struct span target, struct error *error);

#endif
