/*
 * Lists for the administrator, straight from the database. Runs in auth.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/accounts_list.h"
#include "auth/accounts_private.h"
#include "base/buffer.h"

/* Rows of one size being collected; then copied into the arena whole. */
struct collection {
	struct buffer rows;
	size_t size, count;
};

static void
collect(struct collection *collection, const void *row)
{
	buffer_add(&collection->rows, span_of(row, collection->size));
	collection->count++;
}

static void *
deliver(struct collection *collection, struct arena *arena)
{
	void *rows = arena_new_array(arena, collection->count + 1,
		collection->size);
	if (collection->count > 0)
		memcpy(rows, collection->rows.data, collection->rows.size);
	buffer_fini(&collection->rows);
	return rows;
}

int
accounts_list_users(struct accounts *accounts, struct arena *arena,
	struct accounts_user_row **rows, size_t *count, struct error *error)
{
	struct collection collection = { .size = sizeof(**rows) };
	int found;
	buffer_init(&collection.rows, 0);
	pthread_mutex_lock(&accounts->database_lock);
	sqlite3_stmt *list = database_use(&accounts->database,
		DATABASE_LIST_USERS);
	while ((found = database_step(&accounts->database, list, error)) == 1)
		collect(&collection, &(struct accounts_user_row){
			.address = arena_copy(arena, database_text(list, 0)),
			.id = (uint64_t)sqlite3_column_int64(list, 1),
			.has_own_quota = sqlite3_column_type(list, 2) !=
				SQLITE_NULL,
			.quota = (uint64_t)sqlite3_column_int64(list, 2),
			.is_over = sqlite3_column_int(list, 3) != 0,
			.has_password = sqlite3_column_int(list, 4) != 0,
		});
	pthread_mutex_unlock(&accounts->database_lock);
	*count = collection.count;
	*rows = deliver(&collection, arena);
	pthread_mutex_lock(&accounts->cache_lock);
	for (size_t i = 0; i < *count; i++)
		if (!(*rows)[i].has_own_quota)
			(*rows)[i].quota = accounts->quota;
	pthread_mutex_unlock(&accounts->cache_lock);
	return found;
}

int
accounts_list_aliases(struct accounts *accounts, struct arena *arena,
	struct accounts_alias_row **rows, size_t *count, struct error *error)
{
	struct collection collection = { .size = sizeof(**rows) };
	int found;
	buffer_init(&collection.rows, 0);
	pthread_mutex_lock(&accounts->database_lock);
	sqlite3_stmt *list = database_use(&accounts->database,
		DATABASE_LIST_ALIASES);
	while ((found = database_step(&accounts->database, list, error)) == 1)
		collect(&collection, &(struct accounts_alias_row){
			.address = arena_copy(arena, database_text(list, 0)),
			.target = arena_copy(arena, database_text(list, 1)),
		});
	pthread_mutex_unlock(&accounts->database_lock);
	*count = collection.count;
	*rows = deliver(&collection, arena);
	return found;
}

static int
count_domain(struct accounts *accounts, struct accounts_domain_row *row,
	struct error *error)
{
	sqlite3_stmt *query = database_use(&accounts->database,
		DATABASE_COUNT_DOMAIN);
	database_bind(query, 1, row->domain);
	if (database_step(&accounts->database, query, error) != 1)
		return -1;
	row->users = (uint64_t)sqlite3_column_int64(query, 0);
	row->aliases = (uint64_t)sqlite3_column_int64(query, 1);
	sqlite3_reset(query);
	return 0;
}

static int
compare_domains(const void *a, const void *b)
{
	return span_compare(((const struct accounts_domain_row *)a)->domain,
		((const struct accounts_domain_row *)b)->domain);
}

int
accounts_list_domains(struct accounts *accounts, struct arena *arena,
	struct accounts_domain_row **rows, size_t *count, struct error *error)
{
	struct collection collection = { .size = sizeof(**rows) };
	size_t cursor = 0;
	struct span key;
	void *kind;
	int result = 0;
	buffer_init(&collection.rows, 0);
	pthread_mutex_lock(&accounts->database_lock);
	pthread_mutex_lock(&accounts->cache_lock);
	while (map_next(&accounts->domains, &cursor, &key, &kind))
		collect(&collection, &(struct accounts_domain_row){
			.domain = arena_copy(arena, key),
			.is_configured = kind == (void *)DOMAIN_CONFIGURED,
		});
	pthread_mutex_unlock(&accounts->cache_lock);
	*count = collection.count;
	*rows = deliver(&collection, arena);
	qsort(*rows, *count, sizeof(**rows), compare_domains);
	for (size_t i = 0; result == 0 && i < *count; i++)
		result = count_domain(accounts, &(*rows)[i], error);
	pthread_mutex_unlock(&accounts->database_lock);
	return result;
}
