/*
 * The SQLite file of one account's index (doc/formats/records.md, "Index"). It
 * is derived from the log: it need not be durable, only never wrong, so it has a
 * write-ahead log with synchronous = NORMAL, and nothing waits for it.
 */
#include "store/index_db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/index_files.h"

enum {
	LAYOUT_VERSION = 1,
	TIDY_PAGES = 256,		/* of the write-ahead log */
	TIDY_PAGES_AT_CLOSE = 32,
	TABLE_ITEM = INDEX_TABLES,
	STATEMENT_LIMIT = 20,
};

enum statement {
	BEGIN, COMMIT, ROLLBACK, PUT_ITEM, DELETE_ITEMS, EACH_ITEM,
	PUT, GET = PUT + INDEX_TABLES, DELETE = GET + INDEX_TABLES,
	EACH = DELETE + INDEX_TABLES, STATEMENTS = EACH + INDEX_TABLES
};

static const char *const statement_text[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PUT_ITEM] = "INSERT OR REPLACE INTO item VALUES (?1, ?2, ?3, ?4)",
	[DELETE_ITEMS] = "DELETE FROM item WHERE kind = ?1 AND a = ?2 "
		"AND b BETWEEN ?3 AND ?4",
	[EACH_ITEM] = "SELECT kind, a, b, data FROM item WHERE kind = ?1 "
		"ORDER BY a, b",
	[PUT + INDEX_BLOCK] = "INSERT OR REPLACE INTO block VALUES (?1, ?2)",
	[PUT + INDEX_ANNOTATION] =
		"INSERT OR REPLACE INTO annotation VALUES (?1, ?2)",
	[PUT + INDEX_CACHE] = "INSERT OR REPLACE INTO cache VALUES (?1, ?2)",
	[GET + INDEX_BLOCK] = "SELECT data FROM block WHERE id = ?1",
	[GET + INDEX_ANNOTATION] = "SELECT data FROM annotation WHERE id = ?1",
	[GET + INDEX_CACHE] = "SELECT data FROM cache WHERE id = ?1",
	[DELETE + INDEX_BLOCK] = "DELETE FROM block WHERE id BETWEEN ?1 AND ?2",
	[DELETE + INDEX_ANNOTATION] =
		"DELETE FROM annotation WHERE id BETWEEN ?1 AND ?2",
	[DELETE + INDEX_CACHE] = "DELETE FROM cache WHERE id BETWEEN ?1 AND ?2",
	[EACH + INDEX_BLOCK] =
		"SELECT id, data FROM block WHERE id BETWEEN ?1 AND ?2",
	[EACH + INDEX_ANNOTATION] =
		"SELECT id, data FROM annotation WHERE id BETWEEN ?1 AND ?2",
	[EACH + INDEX_CACHE] =
		"SELECT id, data FROM cache WHERE id BETWEEN ?1 AND ?2",
};

static const char layout[] =
	"CREATE TABLE item (kind INTEGER, a INTEGER, b INTEGER, data BLOB,"
	" PRIMARY KEY (kind, a, b)) WITHOUT ROWID;"
	"CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB);"
	"CREATE TABLE annotation (id INTEGER PRIMARY KEY, data BLOB);"
	"CREATE TABLE cache (id INTEGER PRIMARY KEY, data BLOB);"
	"PRAGMA user_version = 1;";

struct index_db {
	int directory;
	sqlite3 *connection;
	sqlite3_stmt *statement[STATEMENTS];
	int wal_pages;
};

/* ---- errors ---- */

static int
report(struct index_db *db, const char *doing, struct error *error)
{
	int code = sqlite3_errcode(db->connection) & 0xff;
	enum error_code kind = ERROR_SYSTEM;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
	    code == SQLITE_FORMAT || code == SQLITE_ERROR)
		kind = ERROR_DAMAGED;
	else if (code == SQLITE_FULL)
		kind = ERROR_FULL;
	return error_set(error, kind, "%s an index: %s", doing,
		sqlite3_errmsg(db->connection));
}

static int
report_checksum(struct error *error)
{
	return error_set(error, ERROR_DAMAGED,
		"a value in an index has the wrong checksum");
}

/* ---- opening ---- */

static void
disconnect(struct index_db *db)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(db->statement[i]);
		db->statement[i] = NULL;
	}
	sqlite3_close(db->connection);
	db->connection = NULL;
}

static int
note_wal(void *context, sqlite3 *connection, const char *name, int pages)
{
	struct index_db *db = context;
	(void)connection;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int
read_version(void *context, int columns, char **values, char **names)
{
	uint64_t version;
	(void)names;
	if (columns == 1 && values[0] != NULL &&
	    span_to_number(span_from(values[0]), INT32_MAX, &version))
		*(int *)context = (int)version;
	return 0;
}

static int
prepare_layout(struct index_db *db)
{
	int version = -1, tables = -1;
	if (sqlite3_exec(db->connection, "PRAGMA user_version", read_version,
			&version, NULL) != SQLITE_OK ||
	    sqlite3_exec(db->connection, "SELECT count(*) FROM sqlite_schema",
			read_version, &tables, NULL) != SQLITE_OK)
		return -1;
	if (version == LAYOUT_VERSION)
		return 0;
	if (tables != 0)
		return -1;
	return sqlite3_exec(db->connection, "BEGIN IMMEDIATE", NULL, NULL,
			NULL) == SQLITE_OK &&
		sqlite3_exec(db->connection, layout, NULL, NULL,
			NULL) == SQLITE_OK &&
		sqlite3_exec(db->connection, "COMMIT", NULL, NULL,
			NULL) == SQLITE_OK ? 0 : -1;
}

/* One connection has the file to itself: no shared memory, one lock. */
static int
connect_to(struct index_db *db, struct error *error)
{
	char path[64] = ":memory:";
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		SQLITE_OPEN_NOMUTEX;
	if (db->directory >= 0)
		index_files_path(db->directory, "index.db", path,
			sizeof(path));
	if (sqlite3_open_v2(path, &db->connection, flags, NULL) != SQLITE_OK)
		return report(db, "opening", error);
	sqlite3_extended_result_codes(db->connection, 0);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_LOOKASIDE, NULL,
		256, 32);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
		NULL);
	sqlite3_wal_hook(db->connection, note_wal, db);
	if (sqlite3_exec(db->connection, "PRAGMA locking_mode = EXCLUSIVE;"
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			"PRAGMA cache_size = -100; PRAGMA temp_store = MEMORY;",
			NULL, NULL, NULL) != SQLITE_OK ||
	    prepare_layout(db) < 0)
		return report(db, "opening", error);
	return 0;
}

void
index_db_set_aside(int directory, bool is_damaged)
{
	if (directory < 0)
		return;
	if (!is_damaged || renameat(directory, "index.db", directory,
			"index.db.damaged") < 0)
		unlinkat(directory, "index.db", 0);
	unlinkat(directory, "index.db-wal", 0);
	unlinkat(directory, "index.db-shm", 0);
	unlinkat(directory, "index.db-journal", 0);
}

int
index_db_open(int directory, struct index_db **db, struct error *error)
{
	struct index_db *new = memory_new(sizeof(*new));
	new->directory = directory;
	int result = connect_to(new, error);
	if (result < 0 && error->code != ERROR_FULL) {
		log_event(LOG_WARN, "index-set-aside", NULL,
			LOG_TEXT("reason", error->text));
		disconnect(new);
		index_db_set_aside(directory, true);
		result = connect_to(new, error);
	}
	if (result < 0)
		index_db_close(&new);
	*db = new;
	return result;
}

static void
checkpoint(struct index_db *db, int pages)
{
	if (db->wal_pages < pages)
		return;
	sqlite3_wal_checkpoint_v2(db->connection, NULL,
		SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db->wal_pages = 0;
}

void
index_db_tidy(struct index_db *db)
{
	checkpoint(db, TIDY_PAGES);
	sqlite3_db_release_memory(db->connection);
}

void
index_db_close(struct index_db **db)
{
	if (*db == NULL)
		return;
	if ((*db)->connection != NULL)
		checkpoint(*db, TIDY_PAGES_AT_CLOSE);
	disconnect(*db);
	memory_free(*db);
	*db = NULL;
}

/* ---- statements ---- */

static sqlite3_stmt *
get_statement(struct index_db *db, int which, struct error *error)
{
	if (db->statement[which] == NULL &&
	    sqlite3_prepare_v3(db->connection, statement_text[which], -1,
			SQLITE_PREPARE_PERSISTENT, &db->statement[which],
			NULL) != SQLITE_OK)
		report(db, "preparing", error);
	return db->statement[which];
}

/* Runs a statement that gives no rows. */
static int
run(struct index_db *db, sqlite3_stmt *statement, struct error *error)
{
	int result = 0;
	if (sqlite3_step(statement) != SQLITE_DONE)
		result = report(db, "writing", error);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

static int
run_plain(struct index_db *db, int which, struct error *error)
{
	sqlite3_stmt *statement = get_statement(db, which, error);
	return statement == NULL ? -1 : run(db, statement, error);
}

int
index_db_begin(struct index_db *db, struct error *error)
{
	return run_plain(db, BEGIN, error);
}

int
index_db_commit(struct index_db *db, struct error *error)
{
	return run_plain(db, COMMIT, error);
}

void
index_db_rollback(struct index_db *db)
{
	struct error ignored;
	if (!sqlite3_get_autocommit(db->connection))
		run_plain(db, ROLLBACK, &ignored);
}

/* ---- values ---- */

static uint32_t
checksum(int table, const uint64_t key[3], struct span data)
{
	uint64_t head[4] = { (uint64_t)table, key[0], key[1], key[2] };
	return hash_crc32c(hash_crc32c(0, head, sizeof(head)), data.data,
		data.size);
}

/* A zeroblob filled in two pieces would cost more than this copy. */
static void
bind_value(sqlite3_stmt *statement, int at, struct span value, uint32_t sum)
{
	char *copy = memory_new(value.size + 4);
	if (value.size > 0)
		memcpy(copy, value.data, value.size);
	for (int i = 0; i < 4; i++)
		copy[value.size + (size_t)i] = (char)(sum >> 8 * i);
	sqlite3_bind_blob64(statement, at, copy, value.size + 4, memory_free);
}

static bool
check_value(struct span *value, int table, const uint64_t key[3])
{
	uint32_t sum = 0;
	if (value->size < 4)
		return false;
	value->size -= 4;
	for (int i = 0; i < 4; i++)
		sum |= (uint32_t)(uint8_t)value->data[value->size + (size_t)i] <<
			8 * i;
	return sum == checksum(table, key, *value);
}

static struct span
column_span(sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column);
	return span_of(data, (size_t)sqlite3_column_bytes(statement, column));
}

int
index_db_put(struct index_db *db, enum index_table table, uint64_t id,
	struct span value, struct error *error)
{
	uint64_t key[3] = { id };
	sqlite3_stmt *statement = get_statement(db, PUT + (int)table, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	bind_value(statement, 2, value, checksum((int)table, key, value));
	return run(db, statement, error);
}

int
index_db_get(struct index_db *db, enum index_table table, uint64_t id,
	struct buffer *out, bool *found, struct error *error)
{
	uint64_t key[3] = { id };
	int result = 0;
	sqlite3_stmt *statement = get_statement(db, GET + (int)table, error);
	*found = false;
	buffer_clear(out);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW) {
		struct span value = column_span(statement, 0);
		*found = true;
		if (check_value(&value, (int)table, key))
			buffer_add(out, value);
		else
			result = report_checksum(error);
	} else if (step != SQLITE_DONE) {
		result = report(db, "reading", error);
	}
	sqlite3_reset(statement);
	return result;
}

int
index_db_delete(struct index_db *db, enum index_table table, uint64_t first,
	uint64_t last, struct error *error)
{
	sqlite3_stmt *statement = get_statement(db, DELETE + (int)table, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)first);
	sqlite3_bind_int64(statement, 2, (int64_t)last);
	return run(db, statement, error);
}

int
index_db_each(struct index_db *db, enum index_table table,
	struct index_range range, index_value_visitor *visitor, void *context,
	struct error *error)
{
	int result = 0, step = SQLITE_DONE;
	sqlite3_stmt *statement = get_statement(db, EACH + (int)table, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)range.first);
	sqlite3_bind_int64(statement, 2, (int64_t)range.last);
	while (result == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t key[3] = {
			(uint64_t)sqlite3_column_int64(statement, 0) };
		struct span value = column_span(statement, 1);
		result = check_value(&value, (int)table, key) ?
			visitor(context, key[0], value, error) :
			report_checksum(error);
	}
	if (result == 0 && step != SQLITE_DONE)
		result = report(db, "reading", error);
	sqlite3_reset(statement);
	return result;
}

int
index_db_put_item(struct index_db *db, struct index_key key,
	struct span value, struct error *error)
{
	uint64_t sum[3] = { key.kind, key.a, key.b };
	sqlite3_stmt *statement = get_statement(db, PUT_ITEM, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)key.kind);
	sqlite3_bind_int64(statement, 2, (int64_t)key.a);
	sqlite3_bind_int64(statement, 3, (int64_t)key.b);
	bind_value(statement, 4, value, checksum(TABLE_ITEM, sum, value));
	return run(db, statement, error);
}

int
index_db_delete_items(struct index_db *db, struct index_key first,
	uint64_t last, struct error *error)
{
	sqlite3_stmt *statement = get_statement(db, DELETE_ITEMS, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)first.kind);
	sqlite3_bind_int64(statement, 2, (int64_t)first.a);
	sqlite3_bind_int64(statement, 3, (int64_t)first.b);
	sqlite3_bind_int64(statement, 4, (int64_t)last);
	return run(db, statement, error);
}

int
index_db_each_item(struct index_db *db, enum index_kind kind,
	index_visitor *visitor, void *context, struct error *error)
{
	int result = 0, step = SQLITE_DONE;
	sqlite3_stmt *statement = get_statement(db, EACH_ITEM, error);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)kind);
	while (result == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t sum[3] = {
			(uint64_t)sqlite3_column_int64(statement, 0),
			(uint64_t)sqlite3_column_int64(statement, 1),
			(uint64_t)sqlite3_column_int64(statement, 2) };
		struct span value = column_span(statement, 3);
		if (check_value(&value, TABLE_ITEM, sum))
			result = visitor(context, (struct index_key){ kind,
				sum[1], sum[2] }, value, error);
		else
			result = report_checksum(error);
	}
	if (result == 0 && step != SQLITE_DONE)
		result = report(db, "reading", error);
	sqlite3_reset(statement);
	return result;
}
