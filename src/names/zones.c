/*
 * The set of zones. Reading happens at start and on the housekeeping thread;
 * the only lock is that of the pointer to what is served.
 */
#include "names/zones.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { PATH_LIMIT = 4096 };

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

static struct zones *
new_set(void)
{
	struct zones *zones = memory_new(sizeof(*zones));
	atomic_init(&zones->references, 1);
	zones->mask = 15;
	zones->places = memory_new_array(zones->mask + 1,
		sizeof(struct zone *));
	return zones;
}

/* ---- files ---- */

/* One file of those that master put together. */
struct item {
	struct span origin, path, text;
};

static bool
next_item(struct span *rest, struct item *item)
{
	struct span line, word;
	uint64_t size;
	if (!span_split(rest, '\n', &line))
		return false;
	/* the path may have blanks: it is what is between the first word and
	 * the last */
	item->origin = span_first(line, span_find(line, ' '));
	item->path = span_skip(line, item->origin.size + 1);
	size_t end = item->path.size;
	while (end > 0 && item->path.data[end - 1] != ' ')
		end--;
	word = span_skip(item->path, end);
	item->path = span_first(item->path, end > 0 ? end - 1 : 0);
	if (!span_to_number(word, rest->size, &size))
		return false;
	item->text = span_first(*rest, (size_t)size);
	*rest = span_skip(*rest, (size_t)size);
	return true;
}

/* The file's name less ".zone", when no origin was said. */
static struct span
origin_of(const struct item *item)
{
	struct span name = item->path;
	if (!span_equals(item->origin, SPAN("texthash")))
		return item->origin;
	for (size_t i = name.size; i > 0; i--)
		if (name.data[i - 1] == '/') {
			name = span_skip(name, i);
			break;
		}
	if (span_ends_nocase(name, SPAN(".zone")))
		name = span_first(name, name.size - 5);
	return name;
}

static int
read_zone(const struct item *item, const struct dns_name *origin,
	struct zone **zone, struct error *error)
{
	char path[PATH_LIMIT];
	struct arena arena;
	arena_init(&arena, 0);
	snprintf(path, sizeof(path), "%.*s", SPAN_PRINT(item->path));
	struct zone_text text = { .arena = &arena, .origin = *origin,
		.file = path };
	int result = zone_text_read(&text, item->text, error);
	if (result == 0)
		result = zone_new(&text, zone, error);
	arena_fini(&arena);
	return result;
}

/* The zone as it is now, or as it was; never none. */
static struct zone *
read_or_keep(const struct item *item, const struct dns_name *origin,
	const struct zones *old, struct error *error)
{
	struct zone *zone = NULL;
	if (read_zone(item, origin, &zone, error) == 0)
		return zone;
	zone = old == NULL ? NULL : *place_of_name(old, origin);
	return zone == NULL ? zone_new_unusable(origin) : zone_hold(zone);
}

struct zones *
zones_read(struct span files, const struct zones *old,
	void (*complain)(void *context, const struct dns_name *origin,
	const struct error *error), void *context)
{
	struct item item;
	struct zones *zones = new_set();
	while (next_item(&files, &item)) {
		struct dns_name origin;
		struct error error = { .code = ERROR_NONE };
		struct span text = origin_of(&item);
		if (text.size == 0 || !dns_name_from_text(text, &origin)) {
			error_set(&error, ERROR_USAGE, "dns_zones: found "
				"\"%.*s\" for %.*s, expected the name of a "
				"zone", SPAN_PRINT(text),
				SPAN_PRINT(item.path));
			complain(context, NULL, &error);
			continue;
		}
		if (*place_of_name(zones, &origin) != NULL) {
			error_set(&error, ERROR_USAGE, "dns_zones: found a "
				"second file for %.*s, %.*s, expected one",
				SPAN_PRINT(text), SPAN_PRINT(item.path));
			complain(context, &origin, &error);
			continue;
		}
		zones_add(zones, read_or_keep(&item, &origin, old, &error));
		if (error.code != ERROR_NONE)
			complain(context, &origin, &error);
	}
	return zones;
}

/* ---- what is served ---- */

struct zones *
zones_copy(const struct zones *zones)
{
	struct zones *new = new_set();
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
