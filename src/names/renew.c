#include "names/renew.h"

#include "base/file.h"
#include "base/log.h"
#include "names/history.h"
#include "names/notify.h"
#include "names/remembered.h"
#include "names/secondary.h"
#include "names/signer.h"
#include "serve/process.h"

enum { ZONES_LIMIT = 1 << 30 };

static void
log_zone(void *context, const struct dns_name *origin,
	const struct error *error)
{
	char name[DNS_TEXT_SIZE] = "";
	(void)context;
	if (origin != NULL)
		dns_name_to_text(origin, name);
	log_event(LOG_ERROR, "zone-not-read", NULL, LOG_TEXT("zone", name),
		LOG_TEXT("reason", error->text));
}

static int
read_files(struct buffer *files, struct error *error)
{
	int fd = process_file("dns_zones");
	buffer_init(files, 0);
	return fd < 0 ? 0 : file_read_descriptor(fd, ZONES_LIMIT, files,
		error);
}

static void
save(void)
{
	struct error error;
	if (remembered_save(&error) < 0)
		log_event(LOG_ERROR, "zones-not-remembered", NULL,
			LOG_TEXT("reason", error.text));
}

/* Who is told of a new serial comes at once and looks. */
static void
serve(struct zones *old, struct zones *new)
{
	history_note(old, new);
	zones_set_current(zones_hold(new));
	notify_zones(old, new);
}

void
renew_all(void)
{
	struct buffer files;
	struct error error;
	struct parts parts;
	if (read_files(&files, &error) < 0) {
		log_zone(NULL, NULL, &error);
		buffer_fini(&files);
		return;
	}
	zones_begin_change();
	parts_collect(&parts);
	const struct zone_source source = { .files = buffer_span(&files),
		.parts = &parts, .is_taken = secondary_covers,
		.complain = log_zone };
	struct zones *old = zones_current();
	struct zones *new = zone_source_read(&source, old);
	log_event(LOG_INFO, "zones", NULL,
		LOG_NUMBER("count", zones_count(new)));
	signer_take_all(new, old);
	secondary_add_to(new, old);
	serve(old, new);
	save();
	zones_end_change();
	zones_free(&old);
	zones_free(&new);
	parts_free(&parts);
	buffer_fini(&files);
}

/* With the change begun. */
static int
renew(const struct dns_name *name, bool is_new, uint32_t *serial,
	struct error *error)
{
	struct buffer files;
	struct dns_name origin;
	struct zone *zone;
	struct parts parts;
	parts_collect(&parts);
	int result = read_files(&files, error);
	const struct zone_source source = { .files = buffer_span(&files),
		.parts = &parts, .is_taken = secondary_covers,
		.complain = log_zone };
	if (result == 0 && parts.count > PARTS_LIMIT)
		result = error_set(error, ERROR_FULL, "there are records of "
			"more than %d names already", PARTS_LIMIT);
	if (result == 0)
		result = zone_source_read_one(&source, name, is_new, &origin,
			&zone, error);
	if (result == 0) {
		struct zones *old = zones_current(), *new = zones_copy(old);
		*serial = zone == NULL ? 0 : zone->serial;
		if (zone != NULL)
			zones_add(new, signer_take(zone, old));
		else if (!secondary_covers(&origin))
			zones_remove(new, &origin);
		serve(old, new);
		zones_free(&old);
		zones_free(&new);
	}
	parts_free(&parts);
	buffer_fini(&files);
	return result;
}

static uint32_t
serial_now(const struct dns_name *name)
{
	struct zone_labels labels;
	unsigned level;
	struct zones *zones = zones_current();
	zone_labels_find(name, &labels);
	const struct zone *zone = zones_find(zones, name, &labels, false,
		&level);
	uint32_t serial = zone == NULL ? 0 : zone->serial;
	zones_free(&zones);
	return serial;
}

int
renew_part(const struct dns_name *origin, struct span tag, struct span text,
	uint32_t *serial, struct error *error)
{
	struct arena arena;
	struct span before = SPAN("");
	int result = 0;
	arena_init(&arena, 0);
	zones_begin_change();
	parts_get(origin, tag, &arena, &before);
	if (!parts_put(origin, tag, text)) {
		*serial = serial_now(origin);
	} else {
		/* what is there no more after a restart is not served */
		if (text.size > before.size)
			result = remembered_has_room(error);
		if (result == 0)
			result = renew(origin, false, serial, error);
		if (result < 0)
			parts_put(origin, tag, before);
		else
			save();
	}
	zones_end_change();
	arena_fini(&arena);
	return result;
}

int
renew_zone(const struct dns_name *name, struct error *error)
{
	uint32_t serial;
	zones_begin_change();
	int result = renew(name, true, &serial, error);
	if (result == 0)
		save();
	zones_end_change();
	return result;
}
