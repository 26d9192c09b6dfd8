/*
 * The SQLite file of one account's index: values by number. What the values
 * mean is index.h's business; every value carries a checksum, so that a damaged
 * file is seen. One thread at a time; the caller holds the lock.
 */
#ifndef STORE_INDEX_DB_H
#define STORE_INDEX_DB_H

#include "base/buffer.h"
#include "base/error.h"

struct index_db;

enum index_table { INDEX_BLOCK, INDEX_ANNOTATION, INDEX_CACHE, INDEX_TABLES };

/* Keys of the table of small things. */
enum index_kind {
	INDEX_APPLIED = 1, INDEX_MAILBOX, INDEX_SUMMARY, INDEX_OBJECT,
	INDEX_RECENT
};
struct index_key {
	enum index_kind kind;
	uint64_t a, b;
};

/*
 * Opens or makes `index.db` in the directory (negative: in memory). A damaged
 * file, or one of another version, is set aside and an empty one is made.
 */
int
index_db_open(int directory, struct index_db **db, struct error *error);
void
index_db_close(struct index_db **db);

/* Takes the file out of the way before it is opened: kept beside when it is
 * damaged, else removed. */
void
index_db_set_aside(int directory, bool is_damaged);

/* Errors here and below: DAMAGED means that the index must be made again. */
int
index_db_begin(struct index_db *db, struct error *error);
int
index_db_commit(struct index_db *db, struct error *error);
void
index_db_rollback(struct index_db *db);

/* Moves what the write-ahead log has into the file when it has become large;
 * gives back memory that is not needed between transactions. */
void
index_db_tidy(struct index_db *db);

int
index_db_put(struct index_db *db, enum index_table table, uint64_t id,
	struct span value, struct error *error);
/* *found says whether it is there; out is replaced. */
int
index_db_get(struct index_db *db, enum index_table table, uint64_t id,
	struct buffer *out, bool *found, struct error *error);
/* Ids from first to last. */
int
index_db_delete(struct index_db *db, enum index_table table, uint64_t first,
	uint64_t last, struct error *error);

/* Values with ids from first to last, in order. */
typedef int
index_value_visitor(void *context, uint64_t id, struct span value,
	struct error *error);
struct index_range {
	uint64_t first, last;
};
int
index_db_each(struct index_db *db, enum index_table table,
	struct index_range range, index_value_visitor *visitor, void *context,
	struct error *error);

int
index_db_put_item(struct index_db *db, struct index_key key,
	struct span value, struct error *error);
/* All of a kind with this `a`, and with b from first to last. */
int
index_db_delete_items(struct index_db *db, struct index_key first,
	uint64_t last, struct error *error);
/* In the order of the keys. The visitor returns -1, with error, to stop. */
typedef int
index_visitor(void *context, struct index_key key, struct span value,
	struct error *error);
int
index_db_each_item(struct index_db *db, enum index_kind kind,
	index_visitor *visitor, void *context, struct error *error);

#endif
