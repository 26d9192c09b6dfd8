/*
 * Transactions of the last hour: a ring in the order they came, and a table.
 */
#include "queue/recent.h"

#include <string.h>

#include "base/memory.h"

void
recent_init(struct recent *recent)
{
	*recent = (struct recent){ .count = 0 };
	map_init(&recent->entries);
}

void
recent_fini(struct recent *recent)
{
	map_fini(&recent->entries);
	memory_free(recent->ring);
	recent->ring = NULL;
}

static struct span
key_of(const uint8_t *transaction)
{
	return span_of(transaction, STORE_TRANSACTION_SIZE);
}

static struct recent_entry *
oldest(struct recent *recent)
{
	return &recent->ring[recent->first];
}

static void
drop_oldest(struct recent *recent)
{
	map_take(&recent->entries, key_of(oldest(recent)->transaction));
	recent->first = (recent->first + 1) % recent->room;
	recent->count--;
}

static void
expire(struct recent *recent, int64_t now)
{
	while (recent->count > 0 && oldest(recent)->end <= now)
		drop_oldest(recent);
}

/* The ring is unrolled into a larger one. */
static void
grow(struct recent *recent)
{
	size_t room = recent->room == 0 ? 64 : recent->room * 2;
	struct recent_entry *ring = memory_new_array(room, sizeof(*ring));
	for (size_t i = 0; i < recent->count; i++)
		ring[i] = recent->ring[(recent->first + i) % recent->room];
	memory_free(recent->ring);
	recent->ring = ring;
	recent->room = room;
	recent->first = 0;
}

void
recent_put(struct recent *recent, const uint8_t *transaction, int64_t now,
	int64_t end)
{
	expire(recent, now);
	if (end <= now || map_get(&recent->entries, key_of(transaction)))
		return;
	if (recent->count == RECENT_LIMIT)
		drop_oldest(recent);
	if (recent->count == recent->room)
		grow(recent);
	struct recent_entry *new = &recent->ring[(recent->first +
		recent->count++) % recent->room];
	memcpy(new->transaction, transaction, sizeof(new->transaction));
	new->end = end;
	map_put(&recent->entries, key_of(transaction), recent);
}

bool
recent_has(struct recent *recent, const uint8_t *transaction, int64_t now)
{
	expire(recent, now);
	return map_get(&recent->entries, key_of(transaction)) != NULL;
}
