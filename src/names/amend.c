/* A table from what a record is to where it stands; see amend.h. */
#include "names/amend.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "names/canonical.h"

enum { FIRST_PLACES = 256, REMOVED = 0 };

struct amend_place {
	uint64_t hash;
	uint32_t number;		/* of the record, from 1; 0: free */
};

/* What makes it that record: owner, type, data. */
static struct span
key_of(struct buffer *key, const struct zone_record *record)
{
	buffer_clear(key);
	for (size_t i = 0; i < record->owner_size; i++)
		buffer_add_byte(key, span_lower_byte((char)record->owner[i]));
	buffer_add_u16(key, record->type);
	canonical_data(key, record->type, record->data, record->size);
	return buffer_span(key);
}

static void
put(struct amend *amend, uint64_t hash, uint32_t number)
{
	size_t i = hash & amend->mask;
	while (amend->places[i].number != 0)
		i = (i + 1) & amend->mask;
	amend->places[i] = (struct amend_place){ hash, number };
}

/* At most half of it is used. */
static void
make_room(struct amend *amend)
{
	struct amend_place *old = amend->places;
	size_t count = amend->mask + 1;
	if (old != NULL && (amend->used + 1) * 2 <= count)
		return;
	amend->mask = old == NULL ? FIRST_PLACES - 1 : count * 2 - 1;
	amend->places = memory_new_array(amend->mask + 1, sizeof(*old));
	for (size_t i = 0; old != NULL && i < count; i++)
		if (old[i].number != 0)
			put(amend, old[i].hash, old[i].number);
	memory_free(old);
}

/* NULL: it is not there. The key stays in amend->key. */
static struct zone_record *
find(struct amend *amend, const struct zone_record *record, uint64_t *hash)
{
	struct span key = key_of(&amend->key, record);
	*hash = hash_secret(key);
	size_t i = *hash & amend->mask;
	for (; amend->places[i].number != 0; i = (i + 1) & amend->mask) {
		if (amend->places[i].hash != *hash)
			continue;
		struct zone_record *found =
			&amend->text.records[amend->places[i].number - 1];
		if (found->type != REMOVED &&
		    span_equals(key_of(&amend->other, found), key))
			return found;
	}
	return NULL;
}

bool
amend_remove(struct amend *amend, const struct zone_record *record)
{
	uint64_t hash;
	struct zone_record *found = find(amend, record, &hash);
	if (found == NULL)
		return false;
	found->type = REMOVED;
	amend->live--;
	return true;
}

bool
amend_add(struct amend *amend, const struct zone_record *record)
{
	uint64_t hash;
	make_room(amend);
	if (find(amend, record, &hash) != NULL)
		return false;
	zone_text_add(&amend->text, record);
	put(amend, hash, (uint32_t)amend->text.count);
	amend->used++;
	amend->live++;
	return true;
}

static void
add_set(struct amend *amend, const struct zone_node *node,
	const struct zone_set *set)
{
	const uint8_t *at = set->data;
	for (unsigned i = 0; i < set->count; i++) {
		size_t size = (size_t)at[0] << 8 | at[1];
		const struct zone_record record = { .owner = node->name,
			.owner_size = node->name_size, .type = set->type,
			.ttl = zone_record_ttl(node, set, at),
			.data = at + 2, .size = (uint16_t)size };
		amend_add(amend, &record);
		at += 2 + size;
	}
}

void
amend_begin(struct amend *amend, struct arena *arena,
	const struct zone *zone)
{
	*amend = (struct amend){ .text = { .arena = arena,
		.origin = zone->origin, .file = "transfer" } };
	buffer_init(&amend->key, 0);
	buffer_init(&amend->other, 0);
	make_room(amend);
	for (size_t i = 0; i < zone->node_count; i++)
		for (unsigned j = 0; j < zone->nodes[i]->set_count; j++)
			if (&zone->nodes[i]->sets[j] != zone->soa)
				add_set(amend, zone->nodes[i],
					&zone->nodes[i]->sets[j]);
}

void
amend_take(struct amend *amend, const struct zone_record *soa,
	struct zone_text *text)
{
	size_t count = 0;
	*text = amend->text;
	for (size_t i = 0; i < text->count; i++)
		if (text->records[i].type != REMOVED)
			text->records[count++] = text->records[i];
	text->count = count;
	zone_text_add(text, soa);
}

void
amend_fini(struct amend *amend)
{
	memory_free(amend->places);
	amend->places = NULL;
	buffer_fini(&amend->key);
	buffer_fini(&amend->other);
}
