/* Counts and rates per client network; see limit.h. */
#include "serve/limit.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"

/*
 * Entries without a connection, at most; those with one are as many as there
 * are connections. So whoever comes from many networks can neither use up
 * memory nor make us forget a count that still stands.
 */
enum { LIMIT_IDLE_ENTRIES = 65536 };

struct entry {
	uint8_t key[17];
	unsigned connections;
	struct {
		int64_t began;		/* of the window */
		unsigned count;
	} rates[LIMIT_RATE_COUNT];
	struct entry *older, *newer;	/* among those without a connection */
};

struct limit_table {
	pthread_mutex_t lock;		/* of everything below */
	int64_t unit;
	struct map entries;
	struct entry *oldest, *newest;
	size_t idle_count;
};

struct limit_table *
limit_table_new(int64_t unit)
{
	struct limit_table *table = memory_new(sizeof(*table));
	pthread_mutex_init(&table->lock, NULL);
	table->unit = unit;
	map_init(&table->entries);
	return table;
}

void
limit_table_free(struct limit_table **table)
{
	struct span key;
	void *value;
	size_t cursor = 0;
	if (*table == NULL)
		return;
	while (map_next(&(*table)->entries, &cursor, &key, &value))
		memory_free(value);
	map_fini(&(*table)->entries);
	pthread_mutex_destroy(&(*table)->lock);
	memory_free(*table);
	*table = NULL;
}

static struct span
key_of(const struct entry *entry)
{
	return span_of(entry->key, sizeof(entry->key));
}

/* Out of the list of those without a connection. */
static void
unlink_entry(struct limit_table *table, struct entry *entry)
{
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		table->oldest = entry->newer;
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		table->newest = entry->older;
	entry->older = entry->newer = NULL;
	table->idle_count--;
}

static void
link_newest(struct limit_table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	if (table->newest != NULL)
		table->newest->newer = entry;
	else
		table->oldest = entry;
	table->newest = entry;
	if (++table->idle_count <= LIMIT_IDLE_ENTRIES)
		return;
	struct entry *oldest = table->oldest;
	unlink_entry(table, oldest);
	map_take(&table->entries, key_of(oldest));
	memory_free(oldest);
}

/* The entry of the client's network; new ones are not in the list yet. */
static struct entry *
find_entry(struct limit_table *table, const struct network_address *client,
	bool *is_new)
{
	uint8_t key[17];
	network_limit_key(client, key);
	struct entry *entry = map_get(&table->entries,
		span_of(key, sizeof(key)));
	*is_new = entry == NULL;
	if (entry != NULL)
		return entry;
	entry = memory_new(sizeof(*entry));
	memcpy(entry->key, key, sizeof(key));
	map_put(&table->entries, key_of(entry), entry);
	return entry;
}

bool
limit_connection_enter(struct limit_table *table,
	const struct network_address *client, unsigned most)
{
	bool is_new;
	pthread_mutex_lock(&table->lock);
	struct entry *entry = find_entry(table, client, &is_new);
	bool may_enter = most == 0 || entry->connections < most;
	if (may_enter) {
		if (!is_new && entry->connections == 0)
			unlink_entry(table, entry);
		entry->connections++;
	} else if (is_new) {
		link_newest(table, entry);
	}
	pthread_mutex_unlock(&table->lock);
	return may_enter;
}

void
limit_connection_leave(struct limit_table *table,
	const struct network_address *client)
{
	bool is_new;
	pthread_mutex_lock(&table->lock);
	struct entry *entry = find_entry(table, client, &is_new);
	if (entry->connections > 0)
		entry->connections--;
	if (entry->connections == 0)
		link_newest(table, entry);
	pthread_mutex_unlock(&table->lock);
}

bool
limit_event(struct limit_table *table, const struct network_address *client,
	enum limit_rate rate, unsigned most, int64_t now)
{
	bool is_new;
	pthread_mutex_lock(&table->lock);
	struct entry *entry = find_entry(table, client, &is_new);
	if (entry->rates[rate].count == 0 ||
	    now - entry->rates[rate].began >= table->unit) {
		entry->rates[rate].began = now;
		entry->rates[rate].count = 0;
	}
	if (entry->rates[rate].count < UINT32_MAX)
		entry->rates[rate].count++;
	bool is_within = most == 0 || entry->rates[rate].count <= most;
	if (entry->connections == 0) {
		if (!is_new)
			unlink_entry(table, entry);
		link_newest(table, entry);
	}
	pthread_mutex_unlock(&table->lock);
	return is_within;
}
