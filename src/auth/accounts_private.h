/*
 * What the files that implement auth/accounts.h share. Nobody else includes it.
 *
 * Order of locks: database_lock, then cache_lock. The cache is filled only with
 * database_lock held, so that a change that clears it is never undone by
 * somebody who had read before.
 */
#ifndef AUTH_ACCOUNTS_PRIVATE_H
#define AUTH_ACCOUNTS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/accounts.h"
#include "auth/database.h"
#include "auth/bounded_map.h"
#include "auth/passwd_file.h"
#include "auth/question.h"
#include "auth/virtual.h"
#include "proto/alias_table.h"

enum { ACCOUNTS_SOURCE_LIMIT = 8, ACCOUNTS_DIRECTORY_LIMIT = 64 };

/* One of the list `accounts`. */
struct accounts_source {
	char *path;			/* NULL: builtin, or system */
	struct passwd_file *file;	/* NULL: it could not be read yet */
	struct question_source *directory;	/* or NULL; borrowed */
	bool is_system;			/* asked when the others are (`place`) */
};

/* An address in the cache: one run of memory, texts at its end. */
struct name_entry {
	bool has_account, is_over, has_own_quota;
	struct question_source *directory;	/* or NULL */
	bool can_check, can_update, is_stale;	/* of it */
	uint64_t id, quota, generation;
	struct scram_keys keys;
	bool is_imported;
	unsigned place;			/* in the list, from 1; 0: builtin alone */
	size_t written_size, hash_size, target_count;
	size_t text_size;
	char text[];		/* written, hash, then each target and a NUL */
};

struct accounts {
	pthread_mutex_t database_lock;
	struct database database;

	pthread_mutex_t cache_lock;	/* of all below */
	struct bounded_map names;		/* normalised address -> struct name_entry */
	struct map domains;		/* normalised -> enum domain_kind as pointer */
	char *mydestination, *myorigin, *delimiters;
	bool uses_aliases;		/* alias_maps is not empty */
	struct alias_table *aliases;	/* or NULL */

	pthread_rwlock_t virtual_lock;	/* written by a reload only */
	struct virtual_tables *virtual_tables;	/* or NULL */
	uint64_t quota;
	uint32_t first_uid, last_uid;	/* of system users who have mail */
	struct bounded_map system_users;	/* name -> accounts_system.c */
	struct bounded_map system_over;	/* uids over their quota */
	atomic_bool has_hashes;		/* somebody's, in place of keys */

	/* Under database_lock; none: builtin alone. */
	struct accounts_source source[ACCOUNTS_SOURCE_LIMIT];
	size_t source_count;
	question_call_fn *call;		/* to directories; or NULL */
	/* Every one there ever was, as long as auth runs: who asks one holds no
	 * lock. */
	struct question_source *directory[ACCOUNTS_DIRECTORY_LIMIT];
	size_t directory_count;
	atomic_uint system_place;	/* of `system`, from 1; 0: is not in it */
	const struct system_calls *system;	/* set once */
};

enum domain_kind { DOMAIN_CONFIGURED = 1, DOMAIN_ADDED = 2 };

/* What one normalised address is, by itself. */
struct name {
	bool has_account;
	bool is_brief;			/* somebody was asked: true for now */
	unsigned place;			/* of the account's source, from 1 */
	struct account account;
	struct span *target;		/* of the alias, as written */
	size_t target_count;
};

/* An address taken apart; everything in the arena. */
struct parsed_name {
	struct address address;		/* with a domain */
	struct span name;		/* normalised */
	struct span domain;		/* normalised */
	struct span written;		/* formatted again */
};

/* False when it is not an address, or has a literal for a domain. */
bool
accounts_parse(struct accounts *accounts, struct span text,
	struct arena *arena, struct parsed_name *parsed);

bool
accounts_is_ours(struct accounts *accounts, struct span domain);
/* Is it one of mydestination? alias_maps is for those. */
bool
accounts_is_configured(struct accounts *accounts, struct span domain);

/* 1: it is something; 0: nothing; -1: error. Cached, unless it is brief: that
 * is told of nothing too. */
int
accounts_get_name(struct accounts *accounts, struct span normalised,
	struct arena *arena, struct name *name, struct error *error);

/* ---- accounts_system.c ---- */

void
accounts_system_init(struct accounts *accounts);
void
accounts_system_fini(struct accounts *accounts);

/* Are names of this domain those of system users? */
bool
accounts_is_of_system(struct accounts *accounts, struct span domain);

/*
 * Whose a name is, after accounts_get_name, whatever that found: system users
 * in their place among the sources. 1, 0, or -1: they cannot be asked, and the
 * account might be theirs. Blocks as long as pam does.
 */
int
accounts_get_account(struct accounts *accounts, struct span normalised,
	struct name *name, struct error *error);

void
accounts_set_system_over(struct accounts *accounts, uint32_t uid, bool over);

/* As accounts_get_name: who reads postmaster@ in domains where nobody else does. 0: there
 * is no account at all. */
int
accounts_get_postmaster(struct accounts *accounts, struct arena *arena,
	struct name *name, struct error *error);

uint64_t
accounts_draw_id(void);

/*
 * An account of a source that is a file, into the draft and its text: 1, 0 or
 * -1. Its row is made when it has none. database_lock is held.
 */
int
accounts_read_outside(struct accounts *accounts,
	const struct accounts_source *source, struct span normalised,
	struct name_entry *draft, struct buffer *text, struct error *error);

/* The same of an entry that was found; it need not be of a file. */
int
accounts_read_entry(struct accounts *accounts, const struct passwd_entry *entry,
	struct name_entry *draft, struct buffer *text, struct error *error);

/* ---- accounts_directory.c ---- */

/* The directory of an item "KIND:FILE" of the list; NULL: it is not one, or
 * there were too many. database_lock is held. */
struct question_source *
accounts_find_directory(struct accounts *accounts, struct span kind,
	struct span path, unsigned place);

/* An account of a directory, as it answered, into the draft: 1 or -1. */
int
accounts_read_directory(struct accounts *accounts,
	struct question_source *directory, struct span normalised,
	const struct question_answer *answer, struct name_entry *draft,
	struct buffer *text, struct error *error);

/* The first account of the first file that has one. */
int
accounts_read_first_outside(struct accounts *accounts,
	struct name_entry *draft, struct buffer *text, struct error *error);

/* Does a file hold hashes in place of keys, or may it? */
bool
accounts_sources_have_hashes(const struct accounts *accounts);

void
accounts_free_sources(struct accounts_source *source, size_t count);

/* After a change: nothing is remembered, others are told. database_lock is
 * held. */
void
accounts_changed(struct accounts *accounts);

/* Domains from the database and the configuration. database_lock is held. */
int
accounts_load_domains(struct accounts *accounts, struct error *error);

#endif
