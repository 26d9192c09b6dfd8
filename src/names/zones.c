/*
 * The set of zones. Reading happens at start and on the housekeeping thread;
 * the only lock is that of the pointer to what is served.
 */
#include "names/zones.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

struct zones {
	atomic_uint references;
	size_t count, mask;
	struct zone **places;		/* open addressing, at most half full */
};

static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zones *current;
/* of changing what is served; taken before current_lock */
static pthread_mutex_t change_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the table ---- */

static struct zone **
place_of(const struct zones *zones, const uint8_t *name, size_t size,
	uint64_t hash)
{
	size_t i = hash & zones->mask;
	for (; zones->places[i] != NULL; i = (i + 1) & zones->mask) {
		const struct zone *zone = zones->places[i];
		if (zone->hash == hash && span_equals_nocase(
			span_of(zone->origin.bytes, zone->origin.size),
			span_of(name, size)))
			break;
	}
	return &zones->places[i];
}

static struct zone **
place_of_name(const struct zones *zones, const struct dns_name *name)
{
	struct zone_labels labels;
	zone_labels_find(name, &labels);
	return place_of(zones, name->bytes, name->size, labels.hash[0]);
}

void
zones_add(struct zones *zones, struct zone *zone)
{
	struct zone **place = place_of_name(zones, &zone->origin);
	if (*place != NULL) {
		zone_free(place);
		*place = zone;
		return;
	}
	if ((zones->count + 1) * 2 > zones->mask + 1) {
		struct zones wider = { .count = zones->count,
			.mask = zones->mask * 2 + 1 };
		wider.places = memory_new_array(wider.mask + 1,
			sizeof(struct zone *));
		for (size_t i = 0; i <= zones->mask; i++)
			if (zones->places[i] != NULL)
				*place_of_name(&wider, &zones->places[i]
					->origin) = zones->places[i];
		memory_free(zones->places);
		zones->places = wider.places;
		zones->mask = wider.mask;
	}
	*place_of_name(zones, &zone->origin) = zone;
	zones->count++;
}

const struct zone *
zones_find(const struct zones *zones, const struct dns_name *name,
	const struct zone_labels *labels, bool above, unsigned *level)
{
	const struct zone *exact = NULL;
	for (unsigned i = 0; zones->count > 0 && i <= labels->count; i++) {
		size_t at = i == labels->count ? name->size - 1u :
			labels->at[i];
		const struct zone *zone = *place_of(zones, name->bytes + at,
			name->size - at, labels->hash[i]);
		if (zone == NULL)
			continue;
		*level = i;
		if (i > 0 || !above)
			return zone;
		exact = zone;
	}
	if (exact != NULL)
		*level = 0;
	return exact;
}

void
zones_remove(struct zones *zones, const struct dns_name *origin)
{
	struct zone **place = place_of_name(zones, origin);
	if (*place == NULL)
		return;
	zone_free(place);
	zones->count--;
	/* who stood behind it may have been looked for at its place */
	for (size_t i = (size_t)(place - zones->places + 1) & zones->mask;
	    zones->places[i] != NULL; i = (i + 1) & zones->mask) {
		struct zone *zone = zones->places[i];
		zones->places[i] = NULL;
		*place_of_name(zones, &zone->origin) = zone;
	}
}

const struct zone *
zones_get(const struct zones *zones, const struct dns_name *origin)
{
	return *place_of_name(zones, origin);
}

void
zones_walk(const struct zones *zones,
	void (*function)(void *context, const struct zone *zone),
	void *context)
{
	for (size_t i = 0; i <= zones->mask; i++)
		if (zones->places[i] != NULL)
			function(context, zones->places[i]);
}

size_t
zones_count(const struct zones *zones)
{
	return zones->count;
}

struct zones *
zones_hold(struct zones *zones)
{
	atomic_fetch_add(&zones->references, 1);
	return zones;
}

void
zones_free(struct zones **zones)
{
	struct zones *old = *zones;
	*zones = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	for (size_t i = 0; i <= old->mask; i++)
		zone_free(&old->places[i]);
	memory_free(old->places);
	memory_free(old);
}

struct zones *
zones_new(void)
{
	struct zones *zones = memory_new(sizeof(*zones));
	atomic_init(&zones->references, 1);
	zones->mask = 15;
	zones->places = memory_new_array(zones->mask + 1,
		sizeof(struct zone *));
	return zones;
}

/* ---- what is served ---- */

struct zones *
zones_copy(const struct zones *zones)
{
	struct zones *new = zones_new();
	for (size_t i = 0; i <= zones->mask; i++)
		if (zones->places[i] != NULL)
			zones_add(new, zone_hold(zones->places[i]));
	return new;
}

void
zones_begin_change(void)
{
	pthread_mutex_lock(&change_lock);
}

void
zones_end_change(void)
{
	pthread_mutex_unlock(&change_lock);
}

struct zones *
zones_current(void)
{
	pthread_mutex_lock(&current_lock);
	struct zones *zones = zones_hold(current);
	pthread_mutex_unlock(&current_lock);
	return zones;
}

void
zones_set_current(struct zones *zones)
{
	pthread_mutex_lock(&current_lock);
	struct zones *old = current;
	current = zones;
	pthread_mutex_unlock(&current_lock);
	zones_free(&old);
}
