/* See aliases.h. */
#include "auth/aliases.h"

#include <fcntl.h>

#include "auth/accounts_private.h"
#include "base/file.h"

static const char file[] = "aliases";

/* Takes the table over. */
static void
use_table(struct accounts *accounts, struct alias_table **table)
{
	pthread_mutex_lock(&accounts->cache_lock);
	struct alias_table *old = accounts->aliases;
	accounts->aliases = *table;
	*table = NULL;
	pthread_mutex_unlock(&accounts->cache_lock);
	alias_table_free(&old);
}

int
aliases_load(struct accounts *accounts, struct error *error)
{
	struct buffer text;
	struct alias_table *table = NULL;
	buffer_init(&text, 0);
	int result = file_read_whole(AT_FDCWD, file, ALIAS_TABLE_LIMIT, &text,
		error);
	if (result < 0 && error->code == ERROR_GONE)
		result = 0;
	else if (result == 0)
		result = alias_table_new(buffer_span(&text), &table, error);
	if (result == 0)
		use_table(accounts, &table);
	buffer_fini(&text);
	return result;
}

int
aliases_replace(struct accounts *accounts, struct span text,
	struct error *error)
{
	struct alias_table *table;
	if (alias_table_new(text, &table, error) < 0)
		return -1;
	pthread_mutex_lock(&accounts->database_lock);
	int result = file_replace(AT_FDCWD, file, text, 0600, error);
	if (result == 0) {
		use_table(accounts, &table);
		accounts_changed(accounts);
	}
	pthread_mutex_unlock(&accounts->database_lock);
	alias_table_free(&table);
	return result;
}

void
aliases_set_virtual(struct accounts *accounts, struct virtual_tables **tables)
{
	pthread_rwlock_wrlock(&accounts->virtual_lock);
	struct virtual_tables *old = accounts->virtual_tables;
	accounts->virtual_tables = *tables;
	*tables = NULL;
	pthread_rwlock_unlock(&accounts->virtual_lock);
	virtual_free(&old);
	pthread_mutex_lock(&accounts->database_lock);
	accounts_changed(accounts);
	pthread_mutex_unlock(&accounts->database_lock);
}
