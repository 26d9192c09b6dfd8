#include "names/parts.h"

#include <string.h>

#include "base/map.h"
#include "names/remembered.h"

/* ---- what is remembered: "ORIGIN TAG" is the key ---- */

struct collecting {
	struct parts *parts;
	size_t room;
};

static void
take(void *context, struct span key, struct span value)
{
	struct collecting *collecting = context;
	struct parts *parts = collecting->parts;
	size_t blank = span_find(key, ' ');
	struct part part = { .tag = span_skip(key, blank + 1) };
	if (parts->count == collecting->room ||
	    !dns_name_from_text(span_first(key, blank), &part.origin))
		return;
	part.target = part.origin;
	part.tag = arena_copy(&parts->arena, part.tag);
	part.text = arena_copy(&parts->arena, value);
	parts->part[parts->count++] = part;
}

static void
count(void *context, struct span key, struct span value)
{
	size_t *counted = context;
	(void)key, (void)value;
	(*counted)++;
}

void
parts_collect(struct parts *parts)
{
	struct collecting collecting = { .parts = parts };
	*parts = (struct parts){ 0 };
	arena_init(&parts->arena, 0);
	remembered_walk("part", count, &collecting.room);
	parts->part = arena_new_array(&parts->arena, collecting.room + 1,
		sizeof(*parts->part));
	remembered_walk("part", take, &collecting);
}

void
parts_free(struct parts *parts)
{
	arena_fini(&parts->arena);
	*parts = (struct parts){ 0 };
}

void
parts_aim(struct parts *parts, const struct dns_name *file_origin)
{
	for (size_t i = 0; i < parts->count; i++) {
		struct part *part = &parts->part[i];
		if (!dns_name_is_below(&part->origin, file_origin) ||
		    (part->has_file && part->target.size >=
			file_origin->size))
			continue;
		part->target = *file_origin;
		part->has_file = true;
	}
}

/* The highest of the origins in the map that is at or above the name. */
static void
find_highest(const struct map *origins, struct part *part)
{
	const struct dns_name *name = &part->origin;
	for (size_t at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at]) {
		const struct dns_name *found = map_get(origins,
			span_of(name->bytes + at, name->size - at));
		if (found != NULL)
			part->target = *found;
	}
}

void
parts_aim_rest(struct parts *parts)
{
	struct map origins;
	map_init(&origins);
	for (size_t i = 0; i < parts->count; i++)
		if (!parts->part[i].has_file)
			map_put(&origins, span_of(parts->part[i].origin.bytes,
				parts->part[i].origin.size),
				&parts->part[i].origin);
	for (size_t i = 0; i < parts->count; i++)
		if (!parts->part[i].has_file)
			find_highest(&origins, &parts->part[i]);
	map_fini(&origins);
}

static struct span
key_of(const struct dns_name *origin, struct span tag, struct arena *arena)
{
	char name[DNS_TEXT_SIZE];
	dns_name_to_text(origin, name);
	return arena_print(arena, "%s %.*s", name, SPAN_PRINT(tag));
}

bool
parts_put(const struct dns_name *origin, struct span tag, struct span text)
{
	struct arena arena;
	arena_init(&arena, 0);
	bool result = remembered_put("part", key_of(origin, tag, &arena),
		text);
	arena_fini(&arena);
	return result;
}

bool
parts_get(const struct dns_name *origin, struct span tag, struct arena *arena,
	struct span *text)
{
	return remembered_get("part", key_of(origin, tag, arena), arena, text);
}

/* ---- merging ---- */

static bool
is_owner(const struct zone_record *record, const uint8_t *owner, size_t size)
{
	return span_equals_nocase(span_of(record->owner, record->owner_size),
		span_of(owner, size));
}

/* The first word of a TXT's first string: "v=spf1", "v=DMARC1". */
static struct span
kind_of(const struct zone_record *record)
{
	struct span text = record->size == 0 ? SPAN("") :
		span_first(span_of(record->data + 1, record->size - 1u),
		record->data[0]);
	text = span_first(text, span_find(text, ' '));
	return span_first(text, span_find(text, ';'));
}

/* Does a record that was there stand against the new one, being at its name? */
static bool
is_against(const struct zone_record *there, const struct zone_record *new)
{
	if (there->type == DNS_TYPE_CNAME || new->type == DNS_TYPE_CNAME)
		return true;
	if (there->type != new->type)
		return false;
	return new->type != DNS_TYPE_TXT ||
		span_equals_nocase(kind_of(there), kind_of(new));
}

/* Does it hide all below its name (a DNAME), or there and below (a cut)? */
static bool
is_hidden(const struct zone_text *zone, const struct zone_record *there,
	const struct zone_record *new)
{
	struct dns_name above = { .size = there->owner_size };
	struct dns_name name = { .size = new->owner_size };
	if (there->type != DNS_TYPE_NS && there->type != DNS_TYPE_DNAME)
		return false;
	memcpy(above.bytes, there->owner, there->owner_size);
	memcpy(name.bytes, new->owner, new->owner_size);
	if (!dns_name_is_below(&name, &above))
		return false;
	bool is_there = dns_name_equals(&name, &above);
	if (there->type == DNS_TYPE_DNAME)
		return !is_there;
	return !dns_name_equals(&above, &zone->origin);
}

/* `count`: of the zone's records, those that were there before. */
static bool
may_add(const struct zone_text *zone, size_t before,
	const struct zone_record *new)
{
	bool is_apex = is_owner(new, zone->origin.bytes, zone->origin.size);
	/* what makes a zone is only at its own name */
	if (!is_apex && (new->type == DNS_TYPE_SOA || new->type == DNS_TYPE_NS))
		return false;
	/* nothing published hides what the file has below it */
	if (new->type == DNS_TYPE_DNAME)
		return false;
	for (size_t i = 0; i < before; i++) {
		const struct zone_record *there = &zone->records[i];
		if (is_hidden(zone, there, new) ||
		    (is_owner(there, new->owner, new->owner_size) &&
		    is_against(there, new)))
			return false;
	}
	return true;
}

static int
add_part(const struct part *part, struct zone_text *zone, size_t before,
	struct error *error)
{
	struct zone_text text = { .arena = zone->arena, .origin = part->origin,
		.file = "names-records" };
	if (zone_text_read(&text, part->text, error) < 0)
		return -1;
	for (size_t i = 0; i < text.count; i++) {
		text.records[i].line = 0;
		if (may_add(zone, before, &text.records[i]))
			zone_text_add(zone, &text.records[i]);
	}
	return 0;
}

int
parts_merge(const struct parts *parts, struct zone_text *zone, size_t *added,
	struct error *error)
{
	size_t before = zone->count;
	for (size_t i = 0; i < parts->count; i++)
		if (dns_name_equals(&parts->part[i].target, &zone->origin) &&
		    add_part(&parts->part[i], zone, before, error) < 0)
			return -1;
	*added = zone->count - before;
	return 0;
}
