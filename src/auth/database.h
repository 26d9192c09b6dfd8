/*
 * accounts.db: its tables, its statements, and the few ways they are used.
 * Format: doc/formats/accounts.md. Not locked: struct accounts names the lock.
 */
#ifndef AUTH_DATABASE_H
#define AUTH_DATABASE_H

#include <sqlite3.h>

#include "base/error.h"
#include "base/span.h"

enum { DATABASE_SECRET_SIZE = 32 };

/* Every statement there is; the texts stand in database.c. */
enum database_statement {
	DATABASE_BEGIN, DATABASE_COMMIT, DATABASE_ROLLBACK,
	DATABASE_FIND_ACCOUNT,		/* name -> a row of DATABASE_COLUMN_* */
	DATABASE_FIND_POSTMASTER,	/* name or less -> the same row */
	DATABASE_FIND_FIRST,		/* -> the same row */
	DATABASE_FIND_TARGETS,		/* name -> target */
	DATABASE_ADD_ACCOUNT,		/* id, created */
	DATABASE_ADD_ADDRESS,		/* name, written, domain, account */
	DATABASE_PUT_CREDENTIAL,	/* account, salt, iterations, keys */
	DATABASE_PUT_IMPORTED,		/* account, generation, hash */
	DATABASE_DELETE_IMPORTED,	/* account */
	DATABASE_COUNT_IMPORTED,	/* account or NULL, generation or NULL */
	DATABASE_COUNT_ADDRESSES,	/* account */
	DATABASE_FIND_OUTSIDE,		/* name -> id, quota, is_over */
	DATABASE_ADD_OUTSIDE,		/* name, account */
	DATABASE_DELETE_OUTSIDE,	/* account */
	DATABASE_CLOSE_ACCOUNT,		/* id */
	DATABASE_DELETE_ADDRESSES,	/* account */
	DATABASE_DELETE_CREDENTIAL,	/* account */
	DATABASE_SET_QUOTA,		/* account, quota */
	DATABASE_SET_OVER,		/* account, is_over */
	DATABASE_ADD_DOMAIN,		/* name, created */
	DATABASE_KEEP_DOMAIN,		/* the same; it may be there */
	DATABASE_DELETE_DOMAIN,		/* name */
	DATABASE_ADD_ALIAS,		/* name, written, domain, target_name, target */
	DATABASE_DELETE_ALIAS,		/* name, target_name */
	DATABASE_COUNT_TARGETS,		/* name */
	DATABASE_LIST_USERS, DATABASE_LIST_ALIASES, DATABASE_LIST_DOMAINS,
	DATABASE_COUNT_DOMAIN,		/* domain -> users, aliases */
	DATABASE_STATEMENT_COUNT
};

/* Columns of DATABASE_FIND_ACCOUNT. */
enum {
	DATABASE_COLUMN_ID, DATABASE_COLUMN_QUOTA, DATABASE_COLUMN_OVER,
	DATABASE_COLUMN_WRITTEN, DATABASE_COLUMN_GENERATION,
	DATABASE_COLUMN_SALT, DATABASE_COLUMN_ITERATIONS,
	DATABASE_COLUMN_STORED_KEY, DATABASE_COLUMN_SERVER_KEY,
	DATABASE_COLUMN_IMPORTED,	/* the generation of what follows */
	DATABASE_COLUMN_HASH,
};

struct database {
	sqlite3 *handle;
	sqlite3_stmt *statement[DATABASE_STATEMENT_COUNT];
	uint8_t secret[DATABASE_SECRET_SIZE];
};

/* Opens or makes it, and holds it alone; see accounts_open. */
int
database_open(struct database *database, const char *path,
	struct error *error);
void
database_close(struct database *database);

/* The statement, reset and without values. Numbers of values begin at 1. */
sqlite3_stmt *
database_use(struct database *database, enum database_statement statement);
void
database_bind(sqlite3_stmt *statement, int at, struct span text);
void
database_bind_bytes(sqlite3_stmt *statement, int at, const void *bytes,
	size_t size);

/* 1: a row; 0: no more; -1: error. */
int
database_step(struct database *database, sqlite3_stmt *statement,
	struct error *error);

/* One that gives no rows. -1 with ERROR_EXISTS when the row is there. */
int
database_run(struct database *database, sqlite3_stmt *statement,
	struct error *error);

/* Rows changed by the last statement that changed any. */
int
database_changes(struct database *database);

/* Of the current row; borrowed until the next step. */
struct span
database_text(sqlite3_stmt *statement, int column);

/* False when it is not exactly `size` bytes. */
bool
database_bytes(sqlite3_stmt *statement, int column, void *out, size_t size);

int
database_begin(struct database *database, struct error *error);

/* Commits when result is 0, else rolls back; the result, or -1 when the commit
 * fails. */
int
database_end(struct database *database, int result, struct error *error);

#endif
