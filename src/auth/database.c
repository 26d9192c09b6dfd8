/*
 * accounts.db over SQLite. WAL with full syncs: a commit is one sync and is
 * durable. The lock is exclusive for the life of the process, so no -shm file
 * is needed and nobody else can write behind the caches of auth.
 */
#include "auth/database.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"

enum { DATABASE_VERSION = 2, DATABASE_APPLICATION = 0x50484143 /* "PHAC" */ };

static const char schema[] =
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE domain(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;"
	"CREATE TABLE account(sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id INTEGER NOT NULL UNIQUE, is_closed INTEGER NOT NULL DEFAULT 0,"
	" quota INTEGER, is_over INTEGER NOT NULL DEFAULT 0,"
	" created INTEGER NOT NULL) STRICT;"
	"CREATE TABLE address(name TEXT PRIMARY KEY, written TEXT NOT NULL,"
	" domain TEXT NOT NULL,"
	" account INTEGER NOT NULL REFERENCES account(id))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX address_account ON address(account);"
	"CREATE INDEX address_domain ON address(domain);"
	"CREATE TABLE credential(account INTEGER PRIMARY KEY"
	" REFERENCES account(id), generation INTEGER NOT NULL,"
	" salt BLOB NOT NULL, iterations INTEGER NOT NULL,"
	" stored_key BLOB NOT NULL, server_key BLOB NOT NULL) STRICT;"
	"CREATE TABLE alias(name TEXT NOT NULL, target_name TEXT NOT NULL,"
	" written TEXT NOT NULL, target TEXT NOT NULL, domain TEXT NOT NULL,"
	" PRIMARY KEY(name, target_name)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX alias_domain ON alias(domain);"
	"INSERT INTO setting VALUES('secret', ?1);";

/* What version 2 has and version 1 had not. */
static const char schema_2[] =
	"CREATE TABLE imported(account INTEGER PRIMARY KEY"
	" REFERENCES account(id), generation INTEGER NOT NULL,"
	" hash TEXT NOT NULL) STRICT;"
	"CREATE TABLE outside(name TEXT PRIMARY KEY,"
	" account INTEGER NOT NULL REFERENCES account(id))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX outside_account ON outside(account);";

#define ACCOUNT_ROW \
	"SELECT account.id, quota, is_over, written, credential.generation, salt," \
	" iterations, stored_key, server_key, imported.generation, hash" \
	" FROM address JOIN account ON account.id = address.account" \
	" LEFT JOIN credential ON credential.account = account.id" \
	" LEFT JOIN imported ON imported.account = account.id "

static const char *const texts[DATABASE_STATEMENT_COUNT] = {
	[DATABASE_BEGIN] = "BEGIN IMMEDIATE",
	[DATABASE_COMMIT] = "COMMIT",
	[DATABASE_ROLLBACK] = "ROLLBACK",
	[DATABASE_FIND_ACCOUNT] = ACCOUNT_ROW "WHERE name = ?1",
	/* Names that begin with "postmaster@": '@' is followed by 'A'. The one
	 * asked for first, then the oldest. */
	[DATABASE_FIND_POSTMASTER] = ACCOUNT_ROW
		"WHERE name > 'postmaster@' AND name < 'postmasterA'"
		" ORDER BY name = ?1 DESC, sequence LIMIT 1",
	[DATABASE_FIND_FIRST] = ACCOUNT_ROW
		"ORDER BY sequence LIMIT 1",
	[DATABASE_FIND_TARGETS] = "SELECT target FROM alias WHERE name = ?1",
	[DATABASE_ADD_ACCOUNT] =
		"INSERT INTO account(id, created) VALUES(?1, ?2)",
	[DATABASE_ADD_ADDRESS] = "INSERT INTO address(name, written, domain,"
		" account) VALUES(?1, ?2, ?3, ?4)",
	[DATABASE_PUT_CREDENTIAL] = "INSERT INTO credential(account, salt,"
		" iterations, stored_key, server_key, generation)"
		" VALUES(?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT(account) DO UPDATE"
		" SET salt = ?2, iterations = ?3, stored_key = ?4,"
		" server_key = ?5, generation = generation + 1",
	[DATABASE_PUT_IMPORTED] = "INSERT INTO imported(account, generation,"
		" hash) VALUES(?1, ?2, ?3)",
	[DATABASE_DELETE_IMPORTED] = "DELETE FROM imported WHERE account = ?1",
	[DATABASE_COUNT_IMPORTED] = "SELECT count(*) FROM imported"
		" WHERE (?1 IS NULL OR account = ?1)"
		" AND (?2 IS NULL OR generation = ?2)",
	[DATABASE_COUNT_ADDRESSES] =
		"SELECT count(*) FROM address WHERE account = ?1",
	[DATABASE_FIND_OUTSIDE] = "SELECT account.id, quota, is_over"
		" FROM outside JOIN account ON account.id = outside.account"
		" WHERE name = ?1",
	[DATABASE_ADD_OUTSIDE] =
		"INSERT INTO outside(name, account) VALUES(?1, ?2)",
	[DATABASE_DELETE_OUTSIDE] = "DELETE FROM outside WHERE account = ?1",
	[DATABASE_CLOSE_ACCOUNT] =
		"UPDATE account SET is_closed = 1 WHERE id = ?1",
	[DATABASE_DELETE_ADDRESSES] = "DELETE FROM address WHERE account = ?1",
	[DATABASE_DELETE_CREDENTIAL] =
		"DELETE FROM credential WHERE account = ?1",
	[DATABASE_SET_QUOTA] = "UPDATE account SET quota = ?2 WHERE id = ?1",
	[DATABASE_SET_OVER] = "UPDATE account SET is_over = ?2"
		" WHERE id = ?1 AND is_over <> ?2",
	[DATABASE_ADD_DOMAIN] =
		"INSERT INTO domain(name, created) VALUES(?1, ?2)",
	[DATABASE_KEEP_DOMAIN] = "INSERT INTO domain(name, created)"
		" VALUES(?1, ?2) ON CONFLICT DO NOTHING",
	[DATABASE_DELETE_DOMAIN] = "DELETE FROM domain WHERE name = ?1",
	[DATABASE_ADD_ALIAS] = "INSERT INTO alias(name, written, domain,"
		" target_name, target) VALUES(?1, ?2, ?3, ?4, ?5)",
	[DATABASE_DELETE_ALIAS] = "DELETE FROM alias WHERE name = ?1"
		" AND (?2 IS NULL OR target_name = ?2)",
	[DATABASE_COUNT_TARGETS] = "SELECT count(*) FROM alias WHERE name = ?1",
	[DATABASE_LIST_USERS] = "SELECT written, account.id, quota, is_over,"
		" credential.account IS NOT NULL OR imported.account IS NOT"
		" NULL, name FROM address JOIN account ON account.id ="
		" address.account"
		" LEFT JOIN credential ON credential.account = account.id"
		" LEFT JOIN imported ON imported.account = account.id"
		" UNION ALL SELECT outside.name, account.id, quota, is_over,"
		" 1, outside.name FROM outside"
		" JOIN account ON account.id = outside.account"
		" WHERE outside.name NOT IN (SELECT name FROM address)"
		" ORDER BY 6",
	[DATABASE_LIST_ALIASES] = "SELECT written, target FROM alias"
		" ORDER BY name, target_name",
	[DATABASE_LIST_DOMAINS] = "SELECT name FROM domain ORDER BY name",
	[DATABASE_COUNT_DOMAIN] = "SELECT"
		" (SELECT count(*) FROM address WHERE domain = ?1),"
		" (SELECT count(*) FROM alias WHERE domain = ?1)",
};

/* The sentence of SQLite's last trouble; always -1. */
static int
set_error(struct database *database, struct error *error)
{
	int code = sqlite3_extended_errcode(database->handle);
	enum error_code kind = ERROR_SYSTEM;
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(error, ERROR_LATER, "the account database is "
			"in use by another process");
	case SQLITE_FULL:
		kind = ERROR_FULL;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		kind = ERROR_DAMAGED;
		break;
	case SQLITE_CONSTRAINT:
		kind = ERROR_EXISTS;
		break;
	default:
		break;
	}
	return error_set(error, kind, "account database: %s",
		sqlite3_errmsg(database->handle));
}

static int
execute(struct database *database, const char *sql, struct error *error)
{
	if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return set_error(database, error);
	return 0;
}

/* One that an older program made gets what this one needs, or stays. */
static int
upgrade_tables(struct database *database, struct error *error)
{
	char version[64];
	sqlite3_snprintf(sizeof(version), version,
		"PRAGMA user_version=%d;COMMIT", DATABASE_VERSION);
	return execute(database, "BEGIN IMMEDIATE", error) == 0 &&
		execute(database, schema_2, error) == 0 ?
		execute(database, version, error) : -1;
}

/* The schema is several statements; the last of them takes the secret. */
static int
make_tables(struct database *database, struct error *error)
{
	const char *rest = schema;
	char version[96];
	random_bytes(database->secret, sizeof(database->secret));
	if (execute(database, "BEGIN IMMEDIATE", error) != 0)
		return -1;
	while (*rest != '\0') {
		sqlite3_stmt *statement;
		if (sqlite3_prepare_v2(database->handle, rest, -1, &statement,
			&rest) != SQLITE_OK)
			return set_error(database, error);
		if (sqlite3_bind_parameter_count(statement) == 1)
			database_bind_bytes(statement, 1, database->secret,
				sizeof(database->secret));
		int code = sqlite3_step(statement);
		sqlite3_finalize(statement);
		if (code != SQLITE_DONE)
			return set_error(database, error);
	}
	if (execute(database, schema_2, error) != 0)
		return -1;
	sqlite3_snprintf(sizeof(version), version, "PRAGMA application_id=%d;"
		"PRAGMA user_version=%d;COMMIT", DATABASE_APPLICATION,
		DATABASE_VERSION);
	return execute(database, version, error);
}

static int
read_secret(struct database *database, struct error *error)
{
	sqlite3_stmt *statement;
	int result = -1;
	if (sqlite3_prepare_v2(database->handle, "SELECT value FROM setting"
		" WHERE name = 'secret'", -1, &statement, NULL) != SQLITE_OK)
		return set_error(database, error);
	if (sqlite3_step(statement) == SQLITE_ROW && database_bytes(statement,
		0, database->secret, sizeof(database->secret)))
		result = 0;
	else
		error_set(error, ERROR_DAMAGED,
			"the account database has lost its secret");
	sqlite3_finalize(statement);
	return result;
}

static int
read_version(struct database *database, int *version, struct error *error)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(database->handle, "PRAGMA user_version", -1,
		&statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		return set_error(database, error);
	*version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

static int
prepare_all(struct database *database, struct error *error)
{
	for (int i = 0; i < DATABASE_STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(database->handle, texts[i], -1,
			SQLITE_PREPARE_PERSISTENT, &database->statement[i],
			NULL) != SQLITE_OK)
			return set_error(database, error);
	return 0;
}

static int
open_checked(struct database *database, const char *path, struct error *error)
{
	int version = 0;
	if (sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READWRITE |
		SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return set_error(database, error);
	/* Nothing is looked for outside the jail: temporary tables and indexes
	 * stay in memory, and the exclusive lock comes before the first read. */
	if (execute(database, "PRAGMA locking_mode=EXCLUSIVE;"
		"PRAGMA temp_store=MEMORY;PRAGMA trusted_schema=OFF;"
		"PRAGMA foreign_keys=ON;PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=FULL;PRAGMA cache_size=-1024;"
		"BEGIN IMMEDIATE;COMMIT", error) != 0 ||
		read_version(database, &version, error) != 0)
		return -1;
	if (version > DATABASE_VERSION)
		return error_set(error, ERROR_DAMAGED, "the account database "
			"is of version %d, this program knows %d", version,
			DATABASE_VERSION);
	if (version == 0 ? make_tables(database, error) != 0 :
		read_secret(database, error) != 0)
		return -1;
	if (version == 1 && upgrade_tables(database, error) != 0)
		return -1;
	return prepare_all(database, error);
}

int
database_open(struct database *database, const char *path,
	struct error *error)
{
	*database = (struct database){ 0 };
	if (open_checked(database, path, error) == 0)
		return 0;
	database_close(database);
	return error_wrap(error, "%s", path);
}

void
database_close(struct database *database)
{
	for (int i = 0; i < DATABASE_STATEMENT_COUNT; i++)
		sqlite3_finalize(database->statement[i]);
	int code = sqlite3_close(database->handle);
	assert(code == SQLITE_OK);	/* else a statement was left */
	*database = (struct database){ 0 };
}

sqlite3_stmt *
database_use(struct database *database, enum database_statement which)
{
	sqlite3_stmt *statement = database->statement[which];
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return statement;
}

/* Values are borrowed: they outlive the step, and the next use clears them. */
void
database_bind(sqlite3_stmt *statement, int at, struct span text)
{
	int code = sqlite3_bind_text(statement, at, text.size == 0 ? "" :
		text.data, (int)text.size, SQLITE_STATIC);
	assert(code == SQLITE_OK);
}

void
database_bind_bytes(sqlite3_stmt *statement, int at, const void *bytes,
	size_t size)
{
	int code = sqlite3_bind_blob(statement, at, bytes, (int)size,
		SQLITE_STATIC);
	assert(code == SQLITE_OK);
}

int
database_step(struct database *database, sqlite3_stmt *statement,
	struct error *error)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(statement);
		return 0;
	default:
		set_error(database, error);
		sqlite3_reset(statement);
		return -1;
	}
}

int
database_run(struct database *database, sqlite3_stmt *statement,
	struct error *error)
{
	int code = database_step(database, statement, error);
	assert(code != 1);
	return code;
}

int
database_changes(struct database *database)
{
	return sqlite3_changes(database->handle);
}

struct span
database_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);
	return span_of(text, (size_t)sqlite3_column_bytes(statement, column));
}

bool
database_bytes(sqlite3_stmt *statement, int column, void *out, size_t size)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	if ((size_t)sqlite3_column_bytes(statement, column) != size)
		return false;
	memcpy(out, bytes, size);
	return true;
}

int
database_begin(struct database *database, struct error *error)
{
	return database_run(database, database_use(database, DATABASE_BEGIN),
		error);
}

int
database_end(struct database *database, int result, struct error *error)
{
	struct error ignored;
	if (result == 0)
		result = database_run(database,
			database_use(database, DATABASE_COMMIT), error);
	/* After some failures SQLite has rolled back by itself. */
	if (result != 0 && !sqlite3_get_autocommit(database->handle))
		database_run(database, database_use(database,
			DATABASE_ROLLBACK), &ignored);
	return result;
}
