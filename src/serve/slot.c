/* The slots of the parking lot; see slot.h. */
#include "serve/slot.h"

#include <assert.h>

#include "base/memory.h"

void
slot_table_init(struct slot_table *table)
{
	pthread_mutex_init(&table->lock, NULL);
}

void
slot_table_fini(struct slot_table *table)
{
	for (uint32_t i = 0; i < atomic_load(&table->chunk_count); i++)
		memory_free(atomic_load(&table->chunks[i]));
	pthread_mutex_destroy(&table->lock);
}

/* With the table's lock held. */
static bool
grow(struct slot_table *table)
{
	uint32_t count = atomic_load(&table->chunk_count);
	if (count == SLOT_CHUNKS)
		return false;
	struct slot *chunk = memory_new_array(SLOT_CHUNK, sizeof(*chunk));
	for (uint32_t i = SLOT_CHUNK; i-- > 0;) {
		chunk[i].number = count * SLOT_CHUNK + i;
		chunk[i].next = table->free;
		table->free = &chunk[i];
	}
	atomic_store(&table->chunks[count], chunk);
	atomic_store(&table->chunk_count, count + 1);
	return true;
}

struct slot *
slot_take(struct slot_table *table, struct session *session)
{
	pthread_mutex_lock(&table->lock);
	if (table->free == NULL && !grow(table)) {
		pthread_mutex_unlock(&table->lock);
		return NULL;
	}
	struct slot *slot = table->free;
	table->free = slot->next;
	pthread_mutex_unlock(&table->lock);
	slot->session = session;
	slot->next = NULL;
	slot->watched = slot->second_watched = -1;
	slot->is_for_write = slot->is_entered = false;
	slot->events = slot->second_events = 0;
	uint64_t generation = atomic_load(&slot->word) >> 32;
	slot->is_background = session->is_background;
	slot->is_own_work = session->is_own_work;
	slot->parked_as = SESSION_PARK;
	atomic_fetch_add(&table->used, 1);
	atomic_fetch_add(&table->background, slot->is_background);
	atomic_fetch_add(&table->own_work, slot->is_own_work);
	atomic_store(&slot->word, generation << 32 | SLOT_NEW | SLOT_OWNED);
	return slot;
}

void
slot_give(struct slot_table *table, struct slot *slot)
{
	uint64_t generation = (atomic_load(&slot->word) >> 32) + 1;
	bool is_background = slot->is_background;
	bool is_own_work = slot->is_own_work;
	slot->session = NULL;
	atomic_store(&slot->word, generation << 32 | SLOT_FREE);
	pthread_mutex_lock(&table->lock);
	slot->next = table->free;
	table->free = slot;
	pthread_mutex_unlock(&table->lock);
	atomic_fetch_sub(&table->background, is_background);
	atomic_fetch_sub(&table->own_work, is_own_work);
	atomic_fetch_sub(&table->used, 1);
}

uint64_t
slot_mark(const struct slot *slot, bool is_second)
{
	uint64_t generation = atomic_load(&slot->word) >> 32;
	return generation << 32 | (uint64_t)is_second << 31 | slot->number;
}

/* As slot_claim, for the session that had this generation. */
static bool
claim_generation(struct slot *slot, uint64_t generation, unsigned reason)
{
	uint64_t word = atomic_load(&slot->word);
	for (;;) {
		unsigned state = word & SLOT_STATE;
		if (word >> 32 != generation || state == SLOT_FREE)
			return false;
		uint64_t wanted = (word & ~(uint64_t)SLOT_STATE) |
			SLOT_OWNED | reason;
		if (atomic_compare_exchange_weak(&slot->word, &word, wanted))
			return state == SLOT_PARKED;
	}
}

struct slot *
slot_claim_mark(struct slot_table *table, uint64_t mark, unsigned reason)
{
	uint32_t number = mark & 0x7fffffff;
	assert(number / SLOT_CHUNK < atomic_load(&table->chunk_count));
	struct slot *slot = atomic_load(&table->chunks[number / SLOT_CHUNK]) +
		number % SLOT_CHUNK;
	return claim_generation(slot, mark >> 32, reason) ? slot : NULL;
}

bool
slot_claim(struct slot *slot, unsigned reason)
{
	return claim_generation(slot, atomic_load(&slot->word) >> 32, reason);
}

unsigned
slot_next_reason(struct slot *slot)
{
	static const unsigned order[] = { SLOT_NEW, SLOT_STOP, SLOT_NUDGE,
		SLOT_RETIRE, SLOT_READY, SLOT_EXPIRED };
	uint64_t word = atomic_load(&slot->word);
	assert((word & SLOT_STATE) == SLOT_OWNED);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if ((word & order[i]) == 0)
			continue;
		atomic_fetch_and(&slot->word, ~(uint64_t)order[i]);
		return order[i];
	}
	return 0;
}

bool
slot_has_reason(const struct slot *slot)
{
	return (atomic_load(&slot->word) & SLOT_REASONS) != 0;
}

bool
slot_park(struct slot *slot)
{
	uint64_t word = atomic_load(&slot->word);
	assert((word & SLOT_STATE) == SLOT_OWNED);
	while ((word & SLOT_REASONS) == 0) {
		uint64_t wanted = (word & ~(uint64_t)SLOT_STATE) | SLOT_PARKED;
		if (atomic_compare_exchange_weak(&slot->word, &word, wanted))
			return true;
	}
	return false;
}

void
slot_claim_all(struct slot_table *table, unsigned reason, int64_t now,
	void (*visit)(void *context, struct slot *slot), void *context)
{
	uint32_t chunks = atomic_load(&table->chunk_count);
	for (uint32_t i = 0; i < chunks * SLOT_CHUNK; i++) {
		struct slot *slot = atomic_load(&table->chunks[i / SLOT_CHUNK]) +
			i % SLOT_CHUNK;
		uint64_t word = atomic_load(&slot->word);
		unsigned state = word & SLOT_STATE;
		if (state == SLOT_FREE)
			continue;
		/* who runs looks at his deadline when he parks */
		if (reason == SLOT_EXPIRED && (state != SLOT_PARKED ||
		    atomic_load(&slot->deadline) > now))
			continue;
		if (claim_generation(slot, word >> 32, reason))
			visit(context, slot);
	}
}
