/* Reading happens at the start, on the housekeeping thread, and on workers that
 * renew a zone: one at a time (zones_begin_change). */
#include "names/zone_source.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "names/remembered.h"
#include "names/serials.h"

enum { PATH_LIMIT = 4096 };

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
origin_text(const struct item *item)
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

static bool
origin_of(const struct item *item, struct dns_name *origin)
{
	struct span text = origin_text(item);
	return text.size > 0 && dns_name_from_text(text, origin);
}

/* ---- one zone ---- */

static bool
has_serial(const struct dns_name *origin)
{
	char name[DNS_TEXT_SIZE];
	struct arena arena;
	struct span value;
	arena_init(&arena, 0);
	dns_name_to_text(origin, name);
	bool result = remembered_get("serial", span_from(name), &arena,
		&value);
	arena_fini(&arena);
	return result;
}

/* `item` NULL: there is no file. A file that nothing was ever added to has the
 * serial that it says. */
static int
make(const struct zone_source *source, const struct item *item,
	const struct dns_name *origin, bool is_new, struct zone **zone,
	struct error *error)
{
	char path[PATH_LIMIT];
	struct arena arena;
	size_t added = 0;
	int result = 0;
	arena_init(&arena, 0);
	snprintf(path, sizeof(path), "%.*s", item == NULL ?
		(int)sizeof("names-records") - 1 : (int)item->path.size,
		item == NULL ? "names-records" : item->path.data);
	struct zone_text text = { .arena = &arena, .origin = *origin,
		.file = path };
	if (item != NULL)
		result = zone_text_read(&text, item->text, error);
	if (result == 0 && source->parts != NULL)
		result = parts_merge(source->parts, &text, &added, error);
	if (result == 0 && (added > 0 || is_new || has_serial(origin)))
		serials_set(&text, is_new, clock_wall() / 1000);
	if (result == 0)
		result = zone_new(&text, zone, error);
	if (result == 0)
		(*zone)->is_part = item == NULL;
	arena_fini(&arena);
	return result;
}

/* ---- all ---- */

/* The zone as it is now, or as it was; never none. */
static struct zone *
make_or_keep(const struct zone_source *source, const struct item *item,
	const struct dns_name *origin, const struct zones *old)
{
	struct error error;
	struct zone *zone = NULL;
	struct zone_source alone = *source;
	if (make(source, item, origin, false, &zone, &error) == 0)
		return zone;
	source->complain(source->context, origin, &error);
	/* the administrator's records are not lost for others' */
	alone.parts = NULL;
	if (item != NULL && source->parts != NULL && source->parts->count > 0
	    && make(&alone, item, origin, false, &zone, &error) == 0)
		return zone;
	zone = old == NULL ? NULL :
		(struct zone *)(uintptr_t)zones_get(old, origin);
	return zone == NULL ? zone_new_unusable(origin) : zone_hold(zone);
}

static void
add_item(const struct zone_source *source, const struct item *item,
	struct zones *zones, const struct zones *old)
{
	struct dns_name origin;
	struct error error;
	if (!origin_of(item, &origin)) {
		error_set(&error, ERROR_USAGE, "dns_zones: found \"%.*s\" for "
			"%.*s, expected the name of a zone",
			SPAN_PRINT(origin_text(item)),
			SPAN_PRINT(item->path));
		source->complain(source->context, NULL, &error);
	} else if (zones_get(zones, &origin) != NULL) {
		error_set(&error, ERROR_USAGE, "dns_zones: found a second file "
			"for %.*s, %.*s, expected one",
			SPAN_PRINT(origin_text(item)),
			SPAN_PRINT(item->path));
		source->complain(source->context, &origin, &error);
	} else {
		zones_add(zones, make_or_keep(source, item, &origin, old));
	}
}

static void
aim(const struct zone_source *source)
{
	struct item item;
	struct dns_name origin;
	struct span rest = source->files;
	while (source->parts != NULL && source->parts->count > 0 &&
	    next_item(&rest, &item))
		if (origin_of(&item, &origin))
			parts_aim(source->parts, &origin);
	if (source->parts != NULL)
		parts_aim_rest(source->parts);
}

static bool
is_own_zone(const struct zone_source *source, const struct part *part)
{
	return !part->has_file && (source->is_taken == NULL ||
		!source->is_taken(&part->target));
}

struct zones *
zone_source_read(const struct zone_source *source, const struct zones *old)
{
	struct item item;
	struct span rest = source->files;
	struct zones *zones = zones_new();
	aim(source);
	while (next_item(&rest, &item))
		add_item(source, &item, zones, old);
	for (size_t i = 0; source->parts != NULL && i < source->parts->count;
	    i++) {
		const struct part *part = &source->parts->part[i];
		if (is_own_zone(source, part) &&
		    zones_get(zones, &part->target) == NULL)
			zones_add(zones, make_or_keep(source, NULL,
				&part->target, old));
	}
	return zones;
}

struct zones *
zone_source_read_files(struct span files, const struct zones *old,
	zone_source_complain *complain, void *context)
{
	const struct zone_source source = { .files = files,
		.complain = complain, .context = context };
	return zone_source_read(&source, old);
}

/* The file of the deepest zone that the name is in; false: there is none. */
static bool
find_item(struct span files, const struct dns_name *name, struct item *found,
	struct dns_name *origin)
{
	struct item item;
	struct dns_name one;
	origin->size = 0;
	while (next_item(&files, &item))
		if (origin_of(&item, &one) && dns_name_is_below(name, &one) &&
		    one.size > origin->size) {
			*found = item;
			*origin = one;
		}
	return origin->size > 0;
}

/* Of a name in no file: the zone that its records make, or make part of. */
static bool
find_own(const struct zone_source *source, const struct dns_name *name,
	struct dns_name *origin)
{
	origin->size = 0;
	for (size_t i = 0; source->parts != NULL && i < source->parts->count;
	    i++) {
		const struct part *part = &source->parts->part[i];
		if (is_own_zone(source, part) &&
		    dns_name_is_below(name, &part->target) &&
		    part->target.size > origin->size)
			*origin = part->target;
	}
	return origin->size > 0;
}

int
zone_source_read_one(const struct zone_source *source,
	const struct dns_name *name, bool is_new, struct dns_name *origin,
	struct zone **zone, struct error *error)
{
	struct item item;
	aim(source);
	*zone = NULL;
	if (find_item(source->files, name, &item, origin))
		return make(source, &item, origin, is_new, zone, error);
	if (find_own(source, name, origin))
		return make(source, NULL, origin, is_new, zone, error);
	*origin = *name;
	return 0;
}
